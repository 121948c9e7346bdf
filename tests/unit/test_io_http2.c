#include "support/test.h"

#include "core/memory.h"
#include "core/text.h"
#include "kube/io.h"
#include "support/http_bench.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static void trust(struct bench *bench, const struct peer_identity *identity)
{
    const char *pem = peer_identity_certificate(identity);
    bench->access.authority = (struct access_material){.data = pem, .size = strlen(pem)};
}

static bool is_watch(const struct peer_request *request, const struct bench *bench)
{
    return bench->script && ((const bool *)bench->script)[request->number];
}

/* Request number n is a watch when bench->script says so: it gets two bytes, then nothing. */
static void answer(void *context, const struct peer_request *request)
{
    struct bench *bench = context;
    if (is_watch(request, bench)) {
        peer_send_status(request, 200, false);
        peer_send_data(request->connection, request->stream, "ab", 2, false);
        return;
    }
    peer_send_status(request, 200, false);
    peer_send_data(request->connection, request->stream, "hello", 5, true);
}

static struct peer_options http2_peer(void)
{
    return (struct peer_options){
        .protocol = PEER_HTTP2, .identity = bench_identity, .on_request = answer};
}

/* ---- Connections and streams ---- */

/* Each connection costs a handshake: few where each request may need its own. */
enum { MANY = 400, SOME = 16 };

static void check_many(struct bench *bench, size_t count)
{
    struct outcome *outcomes = memory_allocate(count, sizeof(*outcomes));
    for (size_t at = 0; at < count; at++) {
        if (at % 2) {
            bench_post(bench, &outcomes[at], "{}");
        } else {
            bench_get(bench, &outcomes[at]);
        }
    }
    bench_wait(bench);
    for (size_t at = 0; at < count; at++) {
        if (outcomes[at].failure != ERROR_NONE) {
            fail_msg("request %zu: %s", at, outcomes[at].message);
        }
        assert_int_equal(outcomes[at].status, 200);
        assert_string_equal(outcomes[at].body, "hello");
        outcome_free(&outcomes[at]);
    }
    memory_free(outcomes);
}

static void many_requests_share_one_connection(void **state)
{
    (void)state;
    struct peer_options options = http2_peer();
    options.streams_maximum = 100;
    struct bench bench = {0};
    trust(&bench, bench_identity);
    bench_open(&bench, &options);
    check_many(&bench, MANY);
    check_many(&bench, MANY);
    assert_int_equal(peer_requests(bench.peer), 2 * MANY);
    assert_int_equal(peer_connections(bench.peer), 1);
    assert_int_equal(http_counters(bench.http).connections, 1);
    bench_close(&bench);
}

static bool has_a_piece(void *context)
{
    return ((struct outcome *)context)->pieces > 0;
}

static void one_stream_for_each_connection_is_enough(void **state)
{
    (void)state;
    struct peer_options options = http2_peer();
    options.streams_maximum = 1;
    bool watches[2 * MANY] = {[1] = true, [2] = true};
    struct bench bench = {.script = watches};
    trust(&bench, bench_identity);
    bench_open(&bench, &options);
    struct outcome first = {0};
    struct outcome second = {0};
    bench_watch(&bench, &first, 0);
    bench_wait_for(&bench, has_a_piece, &first);
    bench_watch(&bench, &second, 0);
    bench_wait_for(&bench, has_a_piece, &second);
    bench.awaited = 0;
    check_many(&bench, SOME);
    assert_int_equal(first.done + second.done, 0);
    assert_true(peer_connections(bench.peer) > 2);
    bench_close(&bench);
    outcome_free(&first);
    outcome_free(&second);
}

/* ---- The ways a watch ends ---- */

enum ending { END_STREAM, END_RESET, END_GOAWAY, END_GOAWAY_AND_GONE, END_GONE };

struct ending_row {
    const char *sentence;
    enum ending ending;
    enum error_kind failure;
};

static const struct ending_row endings[] = {
    {"a stream that ends is whole", END_STREAM, ERROR_NONE},
    {"a stream that is reset is lost", END_RESET, ERROR_LOST},
    {"GOAWAY lets the streams it names end", END_GOAWAY, ERROR_NONE},
    {"GOAWAY and the end of the connection is lost", END_GOAWAY_AND_GONE, ERROR_LOST},
    {"the end of the connection is lost", END_GONE, ERROR_LOST},
};

static void end_watch(void *context, const struct peer_request *request)
{
    struct bench *bench = context;
    const struct ending_row *row = bench->script;
    struct peer_connection *connection = request->connection;
    if (request->number > 1) {
        peer_send_status(request, 200, true);
        return;
    }
    peer_send_status(request, 200, false);
    peer_send_data(connection, request->stream, "ab", 2, false);
    switch (row->ending) {
    case END_STREAM:
        peer_send_data(connection, request->stream, "", 0, true);
        break;
    case END_RESET:
        peer_send_reset(connection, request->stream);
        break;
    case END_GOAWAY:
        peer_send_goaway(connection, request->stream);
        peer_send_data(connection, request->stream, "cd", 2, true);
        break;
    case END_GOAWAY_AND_GONE:
        peer_send_goaway(connection, request->stream);
        peer_hang_up(connection);
        break;
    case END_GONE:
        peer_hang_up(connection);
        break;
    }
}

static void a_watch_tells_how_it_ended(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(endings); at++) {
        struct peer_options options = http2_peer();
        options.on_request = end_watch;
        struct ending_row row = endings[at];
        struct bench bench = {.script = &row};
        trust(&bench, bench_identity);
        bench_open(&bench, &options);
        struct outcome watch = {0};
        bench_watch(&bench, &watch, 0);
        bench_wait(&bench);
        bool has_data = text_starts_with(buffer_text(&watch.streamed), "ab");
        if (watch.failure != row.failure || watch.status != 200 || !has_data) {
            fail_msg("%s: failure %d (%s), status %d, \"%s\"", row.sentence, watch.failure,
                     text_or(watch.message, ""), watch.status, buffer_text(&watch.streamed));
        }
        outcome_free(&watch);
        struct outcome next = {0};
        bench_get(&bench, &next);
        bench_wait(&bench);
        assert_int_equal(next.failure, ERROR_NONE);
        assert_int_equal(next.status, 200);
        outcome_free(&next);
        bench_close(&bench);
    }
}

static void reset_post(void *context, const struct peer_request *request)
{
    (void)context;
    peer_send_reset(request->connection, request->stream);
}

static void a_post_whose_stream_is_reset_is_lost(void **state)
{
    (void)state;
    struct peer_options options = http2_peer();
    options.on_request = reset_post;
    struct bench bench = {0};
    trust(&bench, bench_identity);
    bench_open(&bench, &options);
    struct outcome post = {0};
    bench_post(&bench, &post, "{}");
    bench_wait(&bench);
    assert_int_equal(post.failure, ERROR_LOST);
    assert_int_equal(peer_requests(bench.peer), 1);
    outcome_free(&post);
    bench_close(&bench);
}

/* ---- Silent connections (C12) ---- */

static void a_silent_connection_is_not_used_again(void **state)
{
    (void)state;
    bool watches[8] = {[2] = true};
    struct bench bench = {.script = watches};
    trust(&bench, bench_identity);
    struct peer_options options = http2_peer();
    bench_open(&bench, &options);
    struct outcome first = {0}; /* so that the watch need not wait for a handshake */
    bench_get(&bench, &first);
    bench_wait(&bench);
    outcome_free(&first);
    struct outcome watch = {0};
    bench_watch(&bench, &watch, 1000);
    bench_wait(&bench);
    assert_int_equal(watch.failure, ERROR_LOST);
    outcome_free(&watch);
    struct outcome next = {0};
    bench_get(&bench, &next);
    bench_wait(&bench);
    assert_int_equal(next.failure, ERROR_NONE);
    assert_int_equal(peer_connections(bench.peer), 2);
    outcome_free(&next);
    bench_close(&bench);
}

struct busy {
    struct bench *bench;
    struct outcome outcomes[200];
    size_t count;
};

/* A request at a time, until the watch has ended. */
static void ask_again(void *context)
{
    struct busy *busy = context;
    if (busy->bench->awaited > 0 && busy->count < COUNT_OF(busy->outcomes)) {
        bench_get(busy->bench, &busy->outcomes[busy->count++]);
        (void)loop_start_timer(busy->bench->loop, loop_now_ms() + 10, ask_again, busy);
    }
}

static void a_silent_watch_on_a_busy_connection_ends_alone(void **state)
{
    (void)state;
    bool watches[256] = {[1] = true};
    struct bench bench = {.script = watches};
    trust(&bench, bench_identity);
    struct peer_options options = http2_peer();
    bench_open(&bench, &options);
    struct outcome watch = {0};
    struct busy *busy = memory_allocate(1, sizeof(*busy));
    busy->bench = &bench;
    bench_watch(&bench, &watch, 1000);
    bench_wait_for(&bench, has_a_piece, &watch);
    ask_again(busy);
    while (!watch.done) {
        bench_wait(&bench);
    }
    assert_int_equal(watch.failure, ERROR_LOST);
    struct outcome last = {0};
    bench.awaited = 0;
    bench_get(&bench, &last);
    bench_wait(&bench);
    assert_int_equal(peer_connections(bench.peer), 1);
    for (size_t at = 0; at < busy->count; at++) {
        assert_int_equal(busy->outcomes[at].failure, ERROR_NONE);
        outcome_free(&busy->outcomes[at]);
    }
    outcome_free(&watch);
    outcome_free(&last);
    memory_free(busy);
    bench_close(&bench);
}

enum { DEAF_LIMIT_MS = 1000, DEAF_PATIENCE_MS = 20000 };

/* The connection of the first request is remembered; what comes later on it is never read. */
static void note_connection(void *context, const struct peer_request *request)
{
    struct bench *bench = context;
    if (request->number == 1) {
        *(struct peer_connection **)bench->script = request->connection;
        peer_begin(request);
        peer_send_piece(request->connection, request->stream, "ab", 2);
        return;
    }
    answer(context, request);
}

static void c12_a_half_open_connection_is_found_by_what_it_does_not_acknowledge(void **state)
{
    (void)state;
    struct peer_connection *connection = NULL;
    struct bench bench = {.script = &connection, .unacknowledged_ms = DEAF_LIMIT_MS};
    trust(&bench, bench_identity);
    struct peer_options options = http2_peer();
    options.on_request = note_connection;
    bench_open(&bench, &options);
    struct outcome watch = {0};
    bench_watch(&bench, &watch, 0); /* nothing but the kernel can end it */
    bench_wait_for(&bench, has_a_piece, &watch);
    peer_go_deaf(connection);
    bench.script = NULL;
    struct outcome post = {0};
    int64_t began_ms = loop_now_ms();
    bench_post(&bench, &post, "{}");
    bench_wait(&bench);
    assert_int_equal(post.failure, ERROR_LOST);
    assert_int_equal(watch.failure, ERROR_LOST);
    assert_in_range(loop_now_ms() - began_ms, DEAF_LIMIT_MS, DEAF_PATIENCE_MS);
    struct outcome next = {0};
    bench_get(&bench, &next);
    bench_wait(&bench);
    assert_int_equal(next.failure, ERROR_NONE);
    assert_true(peer_connections(bench.peer) >= 2);
    outcome_free(&watch);
    outcome_free(&post);
    outcome_free(&next);
    bench_close(&bench);
}

static void c12_connections_end_after_30_s_without_an_acknowledgement_and_are_kept_alive(
    void **state)
{
    (void)state;
    static const struct {
        int level;
        int name;
        int value;
    } rows[] = {{IPPROTO_TCP, TCP_USER_TIMEOUT, 30000},
                {SOL_SOCKET, SO_KEEPALIVE, 1},
                {IPPROTO_TCP, TCP_KEEPIDLE, 15},
                {IPPROTO_TCP, TCP_KEEPINTVL, 5}};
    enum { DESCRIPTORS = 256 };
    struct bench bench = {0};
    trust(&bench, bench_identity);
    struct peer_options options = http2_peer();
    bench_open(&bench, &options);
    struct outcome outcome = {0};
    bench_get(&bench, &outcome);
    bench_wait(&bench);
    int found = 0;
    for (int fd = 0; fd < DESCRIPTORS; fd++) {
        struct sockaddr_in remote = {0};
        socklen_t size = sizeof(remote);
        if (getpeername(fd, (struct sockaddr *)&remote, &size) != 0 ||
            ntohs(remote.sin_port) != peer_port(bench.peer)) {
            continue;
        }
        found++;
        for (size_t at = 0; at < COUNT_OF(rows); at++) {
            int value = 0;
            socklen_t value_size = sizeof(value);
            assert_int_equal(getsockopt(fd, rows[at].level, rows[at].name, &value, &value_size), 0);
            assert_int_equal(value, rows[at].value);
        }
    }
    assert_int_equal(found, 1);
    outcome_free(&outcome);
    bench_close(&bench);
}

/* ---- Trust ---- */

struct trust_row {
    const char *sentence;
    const char *name; /* tls-server-name */
    bool knows_authority;
    bool insecure;
    bool shows_certificate;
    bool asks_certificate;
    enum error_kind failure;
};

static const struct trust_row trust_rows[] = {
    {"a known authority is bench_identity", NULL, true, false, false, false, ERROR_NONE},
    {"an unknown one is not, and nothing is sent", NULL, false, false, false, false,
     ERROR_UNAVAILABLE},
    {"insecure-skip-tls-verify trusts anyone", NULL, false, true, false, false, ERROR_NONE},
    {"tls-server-name is the name that is checked", "tidemill.test", true, false, false, false,
     ERROR_NONE},
    {"another tls-server-name is not accepted", "other.test", true, false, false, false,
     ERROR_UNAVAILABLE},
    {"a client certificate is shown", NULL, true, false, true, true, ERROR_NONE},
};

static void the_server_s_certificate_is_checked(void **state)
{
    (void)state;
    struct peer_identity *stranger = peer_identity_new(NULL);
    for (size_t at = 0; at < COUNT_OF(trust_rows); at++) {
        const struct trust_row *row = &trust_rows[at];
        struct bench bench = {.access = {.tls_server_name = row->name, .insecure = row->insecure}};
        if (!row->insecure) {
            trust(&bench, row->knows_authority ? bench_identity : stranger);
        }
        if (row->shows_certificate) {
            const char *pem = peer_identity_certificate(stranger);
            const char *key = peer_identity_key(stranger);
            bench.access.certificate = (struct access_material){.data = pem, .size = strlen(pem)};
            bench.access.key = (struct access_material){.data = key, .size = strlen(key)};
        }
        struct peer_options options = http2_peer();
        options.asks_certificate = row->asks_certificate;
        bench_open(&bench, &options);
        struct outcome outcome = {0};
        bench_get(&bench, &outcome);
        bench_wait(&bench);
        if (outcome.failure != row->failure ||
            (row->failure != ERROR_NONE && peer_requests(bench.peer) != 0)) {
            fail_msg("%s: failure %d (%s)", row->sentence, outcome.failure,
                     text_or(outcome.message, ""));
        }
        outcome_free(&outcome);
        bench_close(&bench);
    }
    peer_identity_free(stranger);
}

static void answer_plain(void *context, const struct peer_request *request)
{
    (void)context;
    peer_send_text(request->connection, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
}

static void a_server_without_http2_is_spoken_to_all_the_same(void **state)
{
    (void)state;
    struct peer_options options = http2_peer();
    options.protocol = PEER_HTTPS;
    options.on_request = answer_plain;
    struct bench bench = {0};
    trust(&bench, bench_identity);
    bench_open(&bench, &options);
    check_many(&bench, SOME);
    bench_close(&bench);
}

/* ---- Size ---- */

enum { LARGE = 3 * 1024 * 1024 };

static void answer_large(void *context, const struct peer_request *request)
{
    (void)context;
    char *bytes = memory_allocate(1, LARGE);
    memset(bytes, 'x', LARGE);
    peer_send_status(request, 200, false);
    peer_send_data(request->connection, request->stream, bytes, LARGE, true);
    memory_free(bytes);
}

static void a_large_answer_arrives_whole(void **state)
{
    (void)state;
    struct peer_options options = http2_peer();
    options.on_request = answer_large;
    struct bench bench = {0};
    trust(&bench, bench_identity);
    bench_open(&bench, &options);
    struct outcome outcome = {0};
    bench_start(&bench, &outcome,
                &(struct io_request){
                    .method = "GET", .path = "/x", .maximum = LARGE, .timeout_ms = WAIT_LIMIT_MS});
    bench_wait(&bench);
    assert_int_equal(outcome.failure, ERROR_NONE);
    assert_int_equal(outcome.bytes_received, LARGE);
    outcome_free(&outcome);
    bench_close(&bench);
}

/* Leadership that ended while a write waited: nothing of it may arrive (conformance C21). */
static void what_is_too_late_is_not_sent_and_disturbs_nothing(void **state)
{
    (void)state;
    struct peer_options options = http2_peer();
    bool watches[8] = {[1] = true};
    struct bench bench = {.script = watches};
    trust(&bench, bench_identity);
    bench_open(&bench, &options);
    struct outcome watch = {0};
    bench_watch(&bench, &watch, 0);
    bench_wait_for(&bench, has_a_piece, &watch);
    bench.awaited = 0;
    struct io_request request = {.method = "POST",
                                 .path = "/x",
                                 .body = "{}",
                                 .body_size = 2,
                                 .maximum = ANSWER_LIMIT,
                                 .timeout_ms = WAIT_LIMIT_MS,
                                 .send_before_ms = loop_now_ms()};
    struct outcome late = {0};
    bench_start(&bench, &late, &request);
    bench_wait(&bench);
    assert_int_equal(late.failure, ERROR_CLOSED);
    assert_int_equal(peer_requests(bench.peer), 1);
    struct outcome early = {0};
    request.send_before_ms = loop_now_ms() + WAIT_LIMIT_MS;
    bench_start(&bench, &early, &request);
    bench_wait(&bench);
    assert_int_equal(early.failure, ERROR_NONE);
    assert_int_equal(peer_requests(bench.peer), 2);
    assert_int_equal(watch.done, 0);
    assert_int_equal(peer_connections(bench.peer), 1);
    bench_close(&bench);
    outcome_free(&watch);
    outcome_free(&late);
    outcome_free(&early);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_too_late_is_not_sent_and_disturbs_nothing),
        cmocka_unit_test(many_requests_share_one_connection),
        cmocka_unit_test(one_stream_for_each_connection_is_enough),
        cmocka_unit_test(a_watch_tells_how_it_ended),
        cmocka_unit_test(a_post_whose_stream_is_reset_is_lost),
        cmocka_unit_test(a_silent_connection_is_not_used_again),
        cmocka_unit_test(a_silent_watch_on_a_busy_connection_ends_alone),
        cmocka_unit_test(c12_a_half_open_connection_is_found_by_what_it_does_not_acknowledge),
        cmocka_unit_test(
            c12_connections_end_after_30_s_without_an_acknowledgement_and_are_kept_alive),
        cmocka_unit_test(the_server_s_certificate_is_checked),
        cmocka_unit_test(a_server_without_http2_is_spoken_to_all_the_same),
        cmocka_unit_test(a_large_answer_arrives_whole),
    };
    return cmocka_run_group_tests(tests, bench_make_identity, bench_free_identity);
}
