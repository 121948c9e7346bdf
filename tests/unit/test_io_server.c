#include "support/test.h"

#include "core/buffer.h"
#include "core/memory.h"
#include "core/text.h"
#include "io/loop.h"
#include "io/process.h"
#include "io/server.h"
#include "obs/controller_metrics.h"
#include "obs/health.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ANSWER_MAXIMUM = 1024 * 1024, WAIT_LIMIT_MS = 20000 };

/* ---- A server, and a client on the same loop ---- */

struct fixture {
    struct loop *loop;
    struct health *health;
    struct health_check *check;
    struct metrics *metrics;
    struct controller_metrics set;
    struct server *server;
};

static void open_fixture(struct fixture *fixture, const char *address)
{
    struct error error = {0};
    assert_true(result_is_ok(loop_open(&fixture->loop, &error)));
    fixture->health = health_new();
    fixture->check = health_add_check(fixture->health, HEALTH_READY, "cache-pods", "listing");
    fixture->metrics = metrics_new();
    controller_metrics_register(&fixture->set, fixture->metrics, "test");
    process_register(fixture->metrics, &fixture->set);
    struct server_options options = {.address = address,
                                     .loop = fixture->loop,
                                     .health = fixture->health,
                                     .metrics = fixture->metrics};
    if (!result_is_ok(server_open(&options, &fixture->server, &error))) {
        fail_msg("%s", error.message);
    }
}

static void close_fixture(struct fixture *fixture)
{
    fixture->server = server_close(fixture->server);
    fixture->metrics = metrics_free(fixture->metrics);
    fixture->health = health_free(fixture->health);
    fixture->loop = loop_close(fixture->loop);
}

static int connect_to(const struct fixture *fixture)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(server_port(fixture->server)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

struct client {
    struct loop *loop;
    int fd;
    struct loop_watch *watch;
    struct buffer answer;
};

static size_t count_of(const char *text, const char *part)
{
    size_t count = 0;
    while ((text = strstr(text, part)) != NULL) {
        count++;
        text += strlen(part);
    }
    return count;
}

static void read_answer(void *context, unsigned events)
{
    (void)events;
    struct client *client = context;
    char piece[4096];
    ssize_t size;
    while ((size = read(client->fd, piece, sizeof(piece))) > 0) {
        assert_true(result_is_ok(buffer_append(&client->answer, piece, (size_t)size)));
    }
    if (size == 0 || errno != EAGAIN) {
        loop_stop(client->loop);
    }
}

static void too_late(void *context)
{
    (void)context;
    fail_msg("no answer");
}

/* What came back for `bytes`, sent in two pieces; ends when the server closes. */
static char *ask(struct fixture *fixture, const char *bytes)
{
    struct client client = {.loop = fixture->loop, .fd = connect_to(fixture)};
    client.answer.maximum = ANSWER_MAXIMUM;
    size_t size = strlen(bytes);
    assert_int_equal(write(client.fd, bytes, size / 2), size / 2);
    assert_int_equal(write(client.fd, bytes + size / 2, size - size / 2), size - size / 2);
    assert_true(result_is_ok(loop_watch_fd(fixture->loop, client.fd, LOOP_READ, read_answer,
                                           &client, &client.watch, NULL)));
    struct loop_timer *limit = loop_start_timer(fixture->loop, loop_now_ms() + WAIT_LIMIT_MS,
                                                too_late, NULL);
    struct error error;
    assert_true(result_is_ok(loop_run(fixture->loop, &error)));
    loop_stop_timer(fixture->loop, limit);
    loop_stop_watch(fixture->loop, client.watch);
    (void)close(client.fd);
    char *text = memory_copy_text(buffer_text(&client.answer));
    buffer_free(&client.answer);
    return text;
}

/* ---- Answers ---- */

struct answer_row {
    const char *sentence;
    const char *request;
    const char *status;
    const char *part; /* somewhere in the answer */
};

#define CLOSE " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

static const struct answer_row rows[] = {
    {"alive", "GET /healthz" CLOSE, "HTTP/1.1 200 ", "\r\n\r\nok"},
    {"alive, in words", "GET /healthz?verbose" CLOSE, "HTTP/1.1 200 ",
     "\r\n\r\nhealthz check passed\n"},
    {"not ready", "GET /readyz" CLOSE, "HTTP/1.1 503 ",
     "\r\n\r\n[-]cache-pods failed: listing\nreadyz check failed\n"},
    {"the head alone", "HEAD /readyz" CLOSE, "HTTP/1.1 503 ", "\r\nContent-Length: 50\r\n"},
    {"plain text", "GET /readyz" CLOSE, "HTTP/1.1 503 ",
     "\r\nContent-Type: text/plain; charset=utf-8\r\n"},
    {"metrics", "GET /metrics" CLOSE, "HTTP/1.1 200 ",
     "\ntidemill_build_info{version=\"test\"} 1\n"},
    {"the version of the text format", "GET /metrics" CLOSE, "HTTP/1.1 200 ",
     "\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"},
    {"elsewhere", "GET /" CLOSE, "HTTP/1.1 404 ", "there are /healthz, /readyz and /metrics\n"},
    {"a longer path", "GET /metrics/x" CLOSE, "HTTP/1.1 404 ", "there are"},
    {"another method", "DELETE /metrics" CLOSE, "HTTP/1.1 405 ", "\r\nAllow: GET, HEAD\r\n"},
    {"no HTTP is no request", "hello\r\n\r\n", "", ""},
};

static void every_request_gets_its_answer(void **state)
{
    (void)state;
    struct fixture fixture = {0};
    open_fixture(&fixture, "127.0.0.1:0");
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        char *answer = ask(&fixture, rows[at].request);
        if (!text_starts_with(answer, rows[at].status) || !strstr(answer, rows[at].part)) {
            fail_msg("%s: %s", rows[at].sentence, answer);
        }
        memory_free(answer);
    }
    health_pass(fixture.check);
    char *answer = ask(&fixture, "GET /readyz" CLOSE);
    assert_true(text_starts_with(answer, "HTTP/1.1 200 "));
    assert_true(text_ends_with(answer, "\r\n\r\nok"));
    memory_free(answer);
    close_fixture(&fixture);
}

static void a_connection_serves_several_requests(void **state)
{
    (void)state;
    struct fixture fixture = {0};
    open_fixture(&fixture, "127.0.0.1:0");
    char *answer = ask(&fixture, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
                                 "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n"
                                 "GET /metrics" CLOSE);
    assert_int_equal(count_of(answer, "HTTP/1.1 200 "), 2);
    assert_int_equal(count_of(answer, "HTTP/1.1 404 "), 1);
    memory_free(answer);
    close_fixture(&fixture);
}

enum { HUGE_HEADER = 64 * 1024 };

static void what_is_too_large_is_refused(void **state)
{
    (void)state;
    struct fixture fixture = {0};
    open_fixture(&fixture, "127.0.0.1:0");
    char *request = memory_allocate(1, HUGE_HEADER + 64);
    (void)snprintf(request, 64, "GET /healthz HTTP/1.1\r\nHost: x\r\nA: ");
    memset(request + strlen(request), 'a', HUGE_HEADER);
    char *answer = ask(&fixture, request);
    assert_true(text_starts_with(answer, "HTTP/1.1 431 ") ||
                text_starts_with(answer, "HTTP/1.1 413 "));
    memory_free(answer);
    memory_free(request);
    answer = ask(&fixture, "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody");
    assert_null(strstr(answer, "200"));
    memory_free(answer);
    close_fixture(&fixture);
}

/* More than allowed at once: those over it are closed, and afterwards all is well. */
static void too_many_connections_harm_nobody(void **state)
{
    (void)state;
    enum { CROWD = 50 }; /* over the limit for one peer, under the backlog */
    struct fixture fixture = {0};
    open_fixture(&fixture, "127.0.0.1:0");
    int crowd[CROWD];
    for (size_t at = 0; at < CROWD; at++) {
        crowd[at] = connect_to(&fixture);
    }
    char *answer = ask(&fixture, "GET /healthz" CLOSE);
    assert_string_equal(answer, "");
    memory_free(answer);
    for (size_t at = 0; at < CROWD; at++) {
        (void)close(crowd[at]);
    }
    do { /* until the server has seen them go */
        answer = ask(&fixture, "GET /healthz" CLOSE);
        bool served = text_starts_with(answer, "HTTP/1.1 200 ");
        memory_free(answer);
        if (served) {
            break;
        }
    } while (true);
    close_fixture(&fixture);
}

static void process_metrics_are_of_this_process(void **state)
{
    (void)state;
    struct fixture fixture = {0};
    open_fixture(&fixture, "127.0.0.1:0");
    char *answer = ask(&fixture, "GET /metrics" CLOSE);
    static const char *const names[] = {"\nprocess_resident_memory_bytes ", "\nprocess_open_fds ",
                                        "\nprocess_max_fds ", "\nprocess_start_time_seconds "};
    for (size_t at = 0; at < COUNT_OF(names); at++) {
        const char *value = strstr(answer, names[at]);
        if (!value || value[strlen(names[at])] == '0') {
            fail_msg("%s", names[at]);
        }
    }
    memory_free(answer);
    close_fixture(&fixture);
}

/* ---- Addresses ---- */

static const struct {
    const char *address;
    enum error_kind kind;
    const char *message;
} addresses[] = {
    {":0", ERROR_NONE, ""},
    {"localhost:0", ERROR_NONE, ""},
    {"127.0.0.1:0", ERROR_NONE, ""},
    {"8080", ERROR_INVALID,
     "\"8080\" is no address to listen on; write host:port, [v6]:port or :port"},
    {"", ERROR_INVALID, "\"\" is no address"},
    {"::1:80", ERROR_INVALID, "\"::1:80\" is no address"},
    {"127.0.0.1:70000", ERROR_INVALID, "\"127.0.0.1:70000\" is no address"},
    {"127.0.0.1:x", ERROR_INVALID, "\"127.0.0.1:x\" is no address"},
    {"127.0.0.1:-1", ERROR_INVALID, "\"127.0.0.1:-1\" is no address"},
    {"192.0.2.1:0", ERROR_IO,
     "cannot listen on 192.0.2.1:0: Cannot assign requested address; choose another address"},
};

static void an_address_is_read_or_refused(void **state)
{
    (void)state;
    struct loop *loop = NULL;
    assert_true(result_is_ok(loop_open(&loop, NULL)));
    struct health *health = health_new();
    struct metrics *metrics = metrics_new();
    for (size_t at = 0; at < COUNT_OF(addresses); at++) {
        struct server_options options = {
            .address = addresses[at].address, .loop = loop, .health = health, .metrics = metrics};
        struct server *server = NULL;
        struct error error = {0};
        struct result result = server_open(&options, &server, &error);
        if (result.kind != addresses[at].kind ||
            !text_starts_with(error.message, addresses[at].message)) {
            fail_msg("\"%s\": %d %s", addresses[at].address, result.kind, error.message);
        }
        assert_true((server != NULL) == (result.kind == ERROR_NONE));
        (void)server_close(server);
    }
    (void)metrics_free(metrics);
    (void)health_free(health);
    (void)loop_close(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_request_gets_its_answer),
        cmocka_unit_test(a_connection_serves_several_requests),
        cmocka_unit_test(what_is_too_large_is_refused),
        cmocka_unit_test(too_many_connections_harm_nobody),
        cmocka_unit_test(process_metrics_are_of_this_process),
        cmocka_unit_test(an_address_is_read_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
