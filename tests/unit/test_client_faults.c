/*
 * Every call to the kernel and to the resolver that the client and the servers make fails once, in
 * turn (faults/calls.h). A request ends in time with its answer or with an error that says with
 * whom and why, and a sender of ours gets its answer or sees its connection end; nothing stays open
 * or leaks; and the same client, the same server goes on working.
 */

#include "support/test.h"

#include "core/log.h"
#include "core/text.h"
#include "faults/calls.h"
#include "io/certificate.h"
#include "io/hook_server.h"
#include "io/real.h"
#include "io/server.h"
#include "obs/health.h"
#include "obs/metrics.h"
#include "support/client_talk.h"
#include "support/fake_io.h"
#include "support/folder.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PUMP_MS = 10, FAKE_PUMP_MS = 500, SENDER_MS = 5000 };

/* One certificate for all: making keys takes time. */
static struct peer_identity *trusted;
static struct peer_process peer;
static char host_and_port[64];

static void keep_quiet(const char *line, size_t size)
{
    (void)line;
    (void)size;
}

static int make_identity(void **state)
{
    (void)state;
    log_configure((struct log_sink){.write = keep_quiet, .level = LOG_ERROR});
    trusted = peer_identity_new(FAULTS_HOST);
    return 0;
}

static int free_identity(void **state)
{
    (void)state;
    peer_identity_free(trusted);
    return 0;
}

static void take_error(struct fault_attempt *attempt, struct result result,
                       const struct error *error)
{
    attempt->ok = result_is_ok(result);
    (void)snprintf(attempt->message, sizeof(attempt->message), "%s",
                   attempt->ok ? "" : error->message);
}

/* ---- The client of the API server ---- */

static const char *peer_host;
static const char *peer_authority; /* PEM; NULL: in the clear */

static void begin_peer(enum peer_protocol protocol, const char *host)
{
    peer = client_talk_peer(protocol, trusted);
    peer_host = host;
    peer_authority = protocol == PEER_HTTP ? NULL : peer_identity_certificate(trusted);
    (void)snprintf(host_and_port, sizeof(host_and_port), "%s:%u: ", host, peer.port);
}

typedef void (*conversation)(struct client_talk *talk, struct talk_outcome *outcome);

/* Once with the failure, and if it mattered again, with the same client. */
static void converse(struct fault_attempt *attempt, conversation converse_once)
{
    struct client_talk talk;
    struct talk_outcome outcome;
    struct error error = {0};
    struct result result = client_talk_open(&talk, peer_host, peer.port, peer_authority,
                                            TALK_PATIENCE_MS, &error);
    take_error(attempt, result, &error);
    if (!result_is_ok(result)) {
        return;
    }
    converse_once(&talk, &outcome);
    if (outcome.hung) {
        fail_msg("after %s failed: %s", faults_failed_call(), outcome.message);
    }
    attempt->ok = outcome.ok;
    (void)snprintf(attempt->message, sizeof(attempt->message), "%s", outcome.message);
    (void)faults_pause();
    if (!outcome.ok) {
        converse_once(&talk, &outcome);
        if (!outcome.ok) {
            fail_msg("after %s failed, the next requests fail too: %s", faults_failed_call(),
                     outcome.message);
        }
    }
    faults_resume();
    client_talk_close(&talk);
}

static void watch_and_post(struct fault_attempt *attempt)
{
    converse(attempt, client_talk_watch_and_post);
}

static void a_watch_and_a_post_on_one_connection_end_and_say_why(void **state)
{
    (void)state;
    begin_peer(PEER_HTTP2, "127.0.0.1");
    faults_fail_each_call(&(struct fault_scenario){
        .run = watch_and_post,
        .names = {host_and_port, "epoll", "waiting for events"},
        .calls_minimum = 40,
        .calls = {"socket", "connect", "setsockopt", "getsockopt", "getsockname", "getpeername",
                  "send", "recv", "epoll_ctl", "epoll_wait", "close"}});
    peer_process_stop(&peer);
}

static void a_watch_and_a_post_on_two_connections_end_and_say_why(void **state)
{
    (void)state;
    begin_peer(PEER_HTTPS, "127.0.0.1");
    faults_fail_each_call(
        &(struct fault_scenario){.run = watch_and_post,
                                 .names = {host_and_port, "epoll", "waiting for events"},
                                 .calls_minimum = 60,
                                 .calls = {"socket", "connect", "send", "recv", "epoll_ctl"}});
    peer_process_stop(&peer);
}

static void a_server_that_is_found_by_name_is_named(void **state)
{
    (void)state;
    begin_peer(PEER_HTTP2, FAULTS_HOST);
    faults_fail_each_call(
        &(struct fault_scenario){.run = watch_and_post,
                                 .names = {host_and_port, "epoll", "waiting for events"},
                                 .calls_minimum = 40,
                                 .calls = {"getaddrinfo", "pthread_create", "socketpair"}});
    peer_process_stop(&peer);
}

/* ---- The client as main() opens it ---- */

struct answered {
    struct real_io *real;
    struct fault_attempt *attempt;
    bool done;
};

static void take_answer(void *context, const struct io_response *response)
{
    struct answered *answered = context;
    answered->done = true;
    answered->attempt->ok = response->failure == ERROR_NONE && response->status == 200 &&
                            text_equal(response->body, TALK_ANSWER);
    (void)snprintf(answered->attempt->message, sizeof(answered->attempt->message), "%s",
                   text_or(response->message, ""));
    real_io_stop(answered->real);
}

static void note_no_answer(void *context)
{
    struct answered *answered = context;
    real_io_stop(answered->real);
}

static void ask(struct answered *answered, struct error *error)
{
    struct io io = real_io_seam(answered->real);
    struct io_timer *limit = io_start_timer(
        io, io_now_ms(io) + (int64_t)TALK_LIMIT_TIMES * TALK_PATIENCE_MS, note_no_answer, answered);
    (void)io_start(io, &(struct io_request){.method = "GET",
                                            .path = "/version",
                                            .maximum = TALK_ANSWER_MAXIMUM,
                                            .timeout_ms = TALK_PATIENCE_MS,
                                            .on_done = take_answer,
                                            .context = answered});
    struct result result = real_io_run(answered->real, error);
    if (!result_is_ok(result)) {
        take_error(answered->attempt, result, error);
        return;
    }
    io_stop_timer(io, limit);
    assert_true(answered->done); /* whatever failed, there is an answer in time */
}

static void get_an_answer(struct fault_attempt *attempt)
{
    struct answered answered = {.attempt = attempt};
    struct error error = {0};
    char server[64];
    (void)snprintf(server, sizeof(server), "http://127.0.0.1:%u", peer.port);
    const struct access access = {.server = server, .source = "the test", .token = "t"};
    const struct real_io_options options = {.access = &access};
    struct result result = real_io_open(&options, &answered.real, &error);
    take_error(attempt, result, &error);
    if (result_is_ok(result)) {
        ask(&answered, &error);
        (void)real_io_close(answered.real);
    }
}

static void a_request_always_ends_and_says_why(void **state)
{
    (void)state;
    begin_peer(PEER_HTTP, "127.0.0.1");
    faults_fail_each_call(
        &(struct fault_scenario){.run = get_an_answer,
                                 .names = {host_and_port, "epoll", "waiting for events"},
                                 .calls_minimum = 20});
    peer_process_stop(&peer);
}

/* ---- The client of sources ---- */

static void fetch(struct fault_attempt *attempt)
{
    converse(attempt, client_talk_fetch);
}

/* The poller puts the URL before what is said here (test_poller). */
static void a_source_that_cannot_be_asked_says_why(void **state)
{
    (void)state;
    begin_peer(PEER_HTTP, FAULTS_HOST);
    faults_fail_each_call(&(struct fault_scenario){
        .run = fetch,
        .names = {FAULTS_HOST, "thread failed to start", "failure: ", "timed out", "epoll",
                  "waiting for events"},
        .calls_minimum = 20,
        .calls = {"getaddrinfo", "pthread_create", "socket", "connect", "send", "recv"}});
    peer_process_stop(&peer);
}

/* ---- What is served ---- */

/* How a sender's request ended. */
enum sent { SENT_ANSWERED, SENT_CUT, SENT_WAITED, SENT_NOTHING };

struct errand {
    char url[128];
    bool posts;
    long wanted_status;
};

/* Whoever sends, in a process of its own that does one errand after the other. */
static struct {
    pid_t pid;
    int errands; /* to it */
    int ends;    /* from it: enum sent, a byte each */
} sender;

/* Servers on a loop whose fake API server lives in its time. */
struct hosted {
    struct loop *loop;
    struct fake_io *fake;
    struct cache *cache;
    struct hooks *hooks;
    struct health *health;
    struct metrics *metrics;
    struct certificate *certificate;
    struct hook_server *hook_server;
    struct server *server;
    struct loop_timer *pump;
    enum sent sent;
};

static const char *certificate_file; /* NULL: in the clear */
static const char *key_file;

static struct hooks *find_hooks(void *context)
{
    struct hosted *hosted = context;
    return hosted->hooks;
}

/* Looks for the sender's byte as well: a descriptor to wait for would add calls of our own. */
static void on_pump(void *context)
{
    struct hosted *hosted = context;
    unsigned char byte = SENT_NOTHING;
    bool could_fail = faults_pause();
    fake_io_advance(hosted->fake, FAKE_PUMP_MS);
    if (read(sender.ends, &byte, 1) == 1) {
        hosted->sent = (enum sent)byte;
        loop_stop(hosted->loop);
    }
    if (could_fail) {
        faults_resume();
    }
    hosted->pump = loop_start_timer(hosted->loop, loop_now_ms() + PUMP_MS, on_pump, hosted);
}

static void open_world(struct hosted *hosted)
{
    *hosted = (struct hosted){.fake = fake_io_new(),
                              .cache = cache_new(),
                              .health = health_new(),
                              .metrics = metrics_new()};
    hosted->hooks = hooks_new(fake_io_seam(hosted->fake), hosted->cache);
    assert_true(result_is_ok(loop_open(&hosted->loop, NULL)));
    on_pump(hosted);
}

static void close_world(struct hosted *hosted)
{
    loop_stop_timer(hosted->loop, hosted->pump);
    hosted->hooks = hooks_free(hosted->hooks);
    hosted->hook_server = hook_server_close(hosted->hook_server);
    hosted->server = server_close(hosted->server);
    hosted->certificate = certificate_close(hosted->certificate);
    hosted->loop = loop_close(hosted->loop);
    (void)metrics_free(hosted->metrics);
    (void)health_free(hosted->health);
    (void)cache_free(hosted->cache);
    (void)fake_io_free(hosted->fake);
}

static enum sent run_errand(const struct errand *errand)
{
    CURL *easy = curl_easy_init();
    long status = 0;
    (void)curl_easy_setopt(easy, CURLOPT_URL, errand->url);
    (void)curl_easy_setopt(easy, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
    (void)curl_easy_setopt(easy, CURLOPT_CAINFO, NULL); /* the system's take long to read */
    (void)curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    (void)curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)SENDER_MS);
    if (errand->posts) {
        (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDS, "{}");
    }
    CURLcode code = curl_easy_perform(easy);
    (void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(easy);
    if (code == CURLE_OK && status == errand->wanted_status) {
        return SENT_ANSWERED;
    }
    return code == CURLE_OPERATION_TIMEDOUT ? SENT_WAITED : SENT_CUT;
}

/* In the child, until the test closes its end. */
static _Noreturn void be_sender(int errands, int ends)
{
    struct errand errand;
    (void)freopen("/dev/null", "w", stdout); /* where curl puts an answer's body */
    while (read(errands, &errand, sizeof(errand)) == (ssize_t)sizeof(errand)) {
        unsigned char byte = (unsigned char)run_errand(&errand);
        (void)!write(ends, &byte, 1);
    }
    _exit(EXIT_SUCCESS);
}

static int start_sender(void **state)
{
    int errands[2];
    int ends[2];
    (void)state;
    assert_int_equal(pipe2(errands, O_CLOEXEC), 0);
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    sender.pid = fork();
    assert_true(sender.pid >= 0);
    if (sender.pid == 0) {
        (void)close(errands[1]);
        (void)close(ends[0]);
        be_sender(errands[0], ends[1]);
    }
    (void)close(errands[0]);
    (void)close(ends[1]);
    sender.errands = errands[1];
    sender.ends = ends[0];
    return 0;
}

static int stop_sender(void **state)
{
    (void)state;
    (void)close(sender.errands);
    (void)close(sender.ends);
    assert_int_equal(waitpid(sender.pid, NULL, 0), sender.pid);
    return 0;
}

static enum sent send_one(struct hosted *hosted, struct fault_attempt *attempt, uint16_t port,
                          const char *path, bool posts, long wanted_status)
{
    struct errand errand = {.posts = posts, .wanted_status = wanted_status};
    struct error error = {0};
    (void)snprintf(errand.url, sizeof(errand.url), "%s://127.0.0.1:%u%s",
                   hosted->certificate ? "https" : "http", port, path);
    hosted->sent = SENT_NOTHING;
    bool could_fail = faults_pause();
    assert_int_equal(write(sender.errands, &errand, sizeof(errand)), sizeof(errand));
    if (could_fail) {
        faults_resume();
    }
    while (hosted->sent == SENT_NOTHING) {
        if (!result_is_ok(loop_run(hosted->loop, &error))) {
            take_error(attempt, result_of(ERROR_IO), &error);
        }
    }
    return hosted->sent;
}

static void serve_one(struct hosted *hosted, struct fault_attempt *attempt, uint16_t port,
                      const char *path, bool posts, long wanted_status)
{
    attempt->ok = true;
    enum sent sent = send_one(hosted, attempt, port, path, posts, wanted_status);
    if (sent == SENT_CUT) {
        attempt->ok = false;
        (void)snprintf(attempt->message, sizeof(attempt->message), "the connection was ended");
    } else if (sent == SENT_WAITED) {
        fail_msg("after %s failed, a sender waits in vain", faults_failed_call());
    }
    (void)faults_pause();
    if (send_one(hosted, attempt, port, path, posts, wanted_status) != SENT_ANSWERED) {
        fail_msg("after %s failed, the next sender gets no answer", faults_failed_call());
    }
    faults_resume();
}

static void deliver(struct fault_attempt *attempt)
{
    struct hosted hosted;
    struct error error = {0};
    (void)faults_pause();
    open_world(&hosted);
    faults_resume();
    struct result result = RESULT_OK;
    if (certificate_file) {
        result = certificate_open(hosted.loop, certificate_file, key_file, &hosted.certificate,
                                  &error);
    }
    if (result_is_ok(result)) {
        const struct hook_server_options options = {.address = "127.0.0.1:0",
                                                    .loop = hosted.loop,
                                                    .certificate = hosted.certificate,
                                                    .find_hooks = find_hooks,
                                                    .context = &hosted};
        result = hook_server_open(&options, &hosted.hook_server, &error);
    }
    take_error(attempt, result, &error);
    if (result_is_ok(result)) {
        /* There is no such Trigger, which is found out after a look into its world. */
        serve_one(&hosted, attempt, hook_server_port(hosted.hook_server), "/hooks/team/hook", true,
                  401);
    }
    close_world(&hosted);
}

static void a_delivery_is_answered_or_its_connection_ends(void **state)
{
    (void)state;
    certificate_file = NULL;
    faults_fail_each_call(&(struct fault_scenario){
        .run = deliver,
        .names = {"127.0.0.1:0", "the connection was ended", "waiting for events"},
        .calls_minimum = 20,
        .calls = {"getaddrinfo", "socket", "bind", "listen", "getsockname", "accept4", "recv",
                  "sendmsg", "epoll_ctl", "epoll_wait"}});
}

static void a_delivery_by_tls_is_answered_or_its_connection_ends(void **state)
{
    (void)state;
    certificate_file = folder_write("tls.crt", peer_identity_certificate(trusted));
    key_file = folder_write("tls.key", peer_identity_key(trusted));
    faults_fail_each_call(&(struct fault_scenario){
        .run = deliver,
        .names = {"127.0.0.1:0", folder_path(), "the connection was ended", "waiting for events"},
        .calls_minimum = 30,
        .calls = {"open", "read", "accept4", "recv", "sendmsg"}});
}

static void look(struct fault_attempt *attempt)
{
    struct hosted hosted;
    struct error error = {0};
    (void)faults_pause();
    open_world(&hosted);
    faults_resume();
    const struct server_options options = {.address = "127.0.0.1:0",
                                           .loop = hosted.loop,
                                           .health = hosted.health,
                                           .metrics = hosted.metrics};
    struct result result = server_open(&options, &hosted.server, &error);
    take_error(attempt, result, &error);
    if (result_is_ok(result)) {
        serve_one(&hosted, attempt, server_port(hosted.server), "/metrics", false, 200);
    }
    close_world(&hosted);
}

static void a_look_at_the_metrics_is_answered_or_its_connection_ends(void **state)
{
    (void)state;
    faults_fail_each_call(&(struct fault_scenario){
        .run = look,
        .names = {"127.0.0.1:0", "the connection was ended", "waiting for events"},
        .calls_minimum = 20,
        .calls = {"getaddrinfo", "socket", "bind", "listen", "getsockname", "accept4", "recv",
                  "send"}});
}

static int begin_serving(void **state)
{
    return folder_make(state) == 0 ? start_sender(state) : -1;
}

static int end_serving(void **state)
{
    (void)stop_sender(state);
    return folder_remove(state);
}

int main(void)
{
#define WITH_SENDER(test) cmocka_unit_test_setup_teardown(test, begin_serving, end_serving)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_watch_and_a_post_on_one_connection_end_and_say_why),
        cmocka_unit_test(a_watch_and_a_post_on_two_connections_end_and_say_why),
        cmocka_unit_test(a_server_that_is_found_by_name_is_named),
        cmocka_unit_test(a_request_always_ends_and_says_why),
        cmocka_unit_test(a_source_that_cannot_be_asked_says_why),
        WITH_SENDER(a_delivery_is_answered_or_its_connection_ends),
        WITH_SENDER(a_delivery_by_tls_is_answered_or_its_connection_ends),
        WITH_SENDER(a_look_at_the_metrics_is_answered_or_its_connection_ends),
    };
    return cmocka_run_group_tests(tests, make_identity, free_identity);
}
