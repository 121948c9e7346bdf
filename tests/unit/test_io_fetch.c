/* Requests to others than the API server (io/fetch), against a peer that does what a test says. */

#include "support/test.h"

#include "core/buffer.h"
#include "core/memory.h"
#include "core/text.h"
#include "io/fetch.h"
#include "support/peer.h"

#include <stdio.h>
#include <string.h>

enum { LIMIT_MS = 20000, ANSWER_LIMIT = 1000 };

struct bench {
    struct loop *loop;
    struct peer *peer;
    struct fetch *fetch;
    const char *answer; /* of the peer, whole; NULL: none */
    bool hangs_up;
    char head[2048]; /* of the last request */
    char body[256];
    struct loop_timer *limit;
    /* What came: */
    int done;
    enum error_kind failure;
    int status;
    char message[256];
    char etag[64];
    char answer_body[ANSWER_LIMIT + 1];
};

static void on_request(void *context, const struct peer_request *request)
{
    struct bench *bench = context;
    (void)snprintf(bench->head, sizeof(bench->head), "%s", request->head);
    (void)snprintf(bench->body, sizeof(bench->body), "%s", text_or(request->body, ""));
    if (bench->answer) {
        peer_send_text(request->connection, bench->answer);
    }
    if (bench->hangs_up) {
        peer_hang_up(request->connection);
    }
}

static void on_limit(void *context)
{
    (void)context;
    fail_msg("nothing came within %d ms", LIMIT_MS);
}

static void on_done(void *context, const struct io_fetched *fetched)
{
    struct bench *bench = context;
    bench->done++;
    bench->failure = fetched->failure;
    bench->status = fetched->status;
    (void)snprintf(bench->message, sizeof(bench->message), "%s", text_or(fetched->message, ""));
    (void)snprintf(bench->answer_body, sizeof(bench->answer_body), "%.*s", (int)fetched->body_size,
                   fetched->body);
    for (size_t at = 0; at < fetched->header_count; at++) {
        if (text_equal(fetched->headers[at].name, "etag")) {
            (void)snprintf(bench->etag, sizeof(bench->etag), "%s", fetched->headers[at].value);
        }
    }
    loop_stop(bench->loop);
}

static void open_bench(struct bench *bench, bool allow_loopback)
{
    struct error error;
    *bench = (struct bench){0};
    assert_true(result_is_ok(loop_open(&bench->loop, &error)));
    bench->peer = peer_open(&(struct peer_options){
        .loop = bench->loop, .protocol = PEER_HTTP, .on_request = on_request, .context = bench});
    bench->fetch = fetch_open(
        &(struct fetch_options){.loop = bench->loop, .allow_loopback = allow_loopback});
    bench->limit = loop_start_timer(bench->loop, loop_now_ms() + LIMIT_MS, on_limit, NULL);
}

static void close_bench(struct bench *bench)
{
    bench->fetch = fetch_close(bench->fetch);
    peer_close(bench->peer);
    loop_stop_timer(bench->loop, bench->limit);
    bench->loop = loop_close(bench->loop);
}

static struct io_visit *start(struct bench *bench, struct io_fetch asked)
{
    char url[128];
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/x?y=%%20z", peer_port(bench->peer));
    asked.url = asked.url ? asked.url : url;
    asked.method = asked.method ? asked.method : "GET";
    asked.maximum = ANSWER_LIMIT;
    asked.timeout_ms = asked.timeout_ms > 0 ? asked.timeout_ms : LIMIT_MS;
    asked.on_done = on_done;
    asked.context = bench;
    return fetch_start(bench->fetch, &asked);
}

static void run(struct bench *bench)
{
    struct error error;
    assert_true(result_is_ok(loop_run(bench->loop, &error)));
    assert_int_equal(bench->done, 1);
}

#define OK_ANSWER "HTTP/1.1 200 OK\r\nETag:  \"v1\" \r\nContent-Length: 5\r\n\r\nhello"

static void an_answer_comes_with_its_headers_and_nothing_of_ours_goes_along(void **state)
{
    (void)state;
    struct bench bench;
    const struct name_value headers[] = {{"Accept", "text/x"}, {"Authorization", "Basic eA=="}};
    open_bench(&bench, true);
    bench.answer = OK_ANSWER;
    (void)start(&bench, (struct io_fetch){.headers = headers, .header_count = COUNT_OF(headers)});
    run(&bench);
    assert_int_equal(bench.failure, ERROR_NONE);
    assert_int_equal(bench.status, 200);
    assert_string_equal(bench.answer_body, "hello");
    assert_string_equal(bench.etag, "\"v1\"");
    assert_non_null(strstr(bench.head, "GET /x?y=%20z HTTP/1.1"));
    assert_non_null(strstr(bench.head, "Accept: text/x\r\n"));
    assert_non_null(strstr(bench.head, "Authorization: Basic eA==\r\n"));
    assert_null(strstr(bench.head, "Bearer"));
    close_bench(&bench);
}

static void a_post_brings_its_body_and_a_head_no_answer_s(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench, true);
    bench.answer = OK_ANSWER;
    (void)start(&bench, (struct io_fetch){.method = "POST", .body = "a=b", .body_size = 3});
    run(&bench);
    assert_string_equal(bench.body, "a=b");
    bench.done = 0;
    bench.answer = "HTTP/1.1 200 OK\r\nETag: \"v2\"\r\nContent-Length: 5\r\n\r\n";
    (void)start(&bench, (struct io_fetch){.method = "HEAD"});
    run(&bench);
    assert_non_null(strstr(bench.head, "HEAD /x"));
    assert_string_equal(bench.etag, "\"v2\"");
    assert_string_equal(bench.answer_body, "");
    close_bench(&bench);
}

struct failure_row {
    const char *sentence;
    const char *answer;
    bool hangs_up;
    int64_t timeout_ms;
    enum error_kind failure;
    int status;
};

static const struct failure_row failure_rows[] = {
    {"a redirect is an answer and not followed",
     "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n", false,
     0, ERROR_NONE, 302},
    {"an error is an answer", "HTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\nno", false, 0,
     ERROR_NONE, 503},
    {"half an answer is none", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello", true, 0,
     ERROR_UNAVAILABLE, 200},
    {"half a head is none", "HTTP/1.1 200 OK\r\nETag: \"lie\"\r\nContent-Le", true, 0,
     ERROR_UNAVAILABLE, 200},
    {"half a head that ends with a line is none", "HTTP/1.1 200 OK\r\nETag: \"lie\"\r\n", true, 0,
     ERROR_UNAVAILABLE, 200},
    {"no HTTP at all", "SSH-2.0-x\r\n", true, 0, ERROR_UNAVAILABLE, 0},
    {"nothing in time", NULL, false, 300, ERROR_UNAVAILABLE, 0},
};

static void what_goes_wrong_is_told(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(failure_rows); at++) {
        const struct failure_row *row = &failure_rows[at];
        struct bench bench;
        open_bench(&bench, true);
        bench.answer = row->answer;
        bench.hangs_up = row->hangs_up;
        (void)start(&bench, (struct io_fetch){.timeout_ms = row->timeout_ms});
        run(&bench);
        if (bench.failure != row->failure || bench.status != row->status) {
            fail_msg("%s: %d, status %d, %s", row->sentence, (int)bench.failure, bench.status,
                     bench.message);
        }
        assert_int_equal(bench.message[0] != '\0', row->failure != ERROR_NONE);
        close_bench(&bench);
    }
}

static void an_answer_over_the_limit_is_refused_and_not_cut(void **state)
{
    (void)state;
    struct bench bench;
    char answer[ANSWER_LIMIT + 200];
    open_bench(&bench, true);
    int head = snprintf(answer, sizeof(answer), "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n",
                        ANSWER_LIMIT + 1);
    memset(answer + head, 'x', ANSWER_LIMIT + 1);
    answer[head + ANSWER_LIMIT + 1] = '\0';
    bench.answer = answer;
    (void)start(&bench, (struct io_fetch){0});
    run(&bench);
    assert_int_equal(bench.failure, ERROR_LIMIT);
    close_bench(&bench);
}

/* Also by a name that resolves to it, and for a Service: nothing is ever sent there. */
static void loopback_is_not_connected_to(void **state)
{
    (void)state;
    static const char *const hosts[] = {"127.0.0.1", "localhost", "[::1]", "0.0.0.0"};
    for (size_t at = 0; at < COUNT_OF(hosts); at++) {
        struct bench bench;
        char url[64];
        open_bench(&bench, false);
        bench.answer = OK_ANSWER;
        (void)snprintf(url, sizeof(url), "http://%s:%d/", hosts[at], peer_port(bench.peer));
        (void)start(&bench, (struct io_fetch){.url = url, .is_service = true});
        run(&bench);
        assert_int_equal(bench.failure, ERROR_DENIED);
        assert_int_equal(peer_connections(bench.peer), 0);
        close_bench(&bench);
    }
}

static void what_is_cancelled_is_not_heard_of(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench, true);
    fetch_cancel(bench.fetch, start(&bench, (struct io_fetch){0}));
    bench.answer = OK_ANSWER;
    (void)start(&bench, (struct io_fetch){0});
    (void)start(&bench, (struct io_fetch){0}); /* ended by the close */
    run(&bench);
    assert_true(bench.done >= 1);
    close_bench(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_comes_with_its_headers_and_nothing_of_ours_goes_along),
        cmocka_unit_test(a_post_brings_its_body_and_a_head_no_answer_s),
        cmocka_unit_test(what_goes_wrong_is_told),
        cmocka_unit_test(an_answer_over_the_limit_is_refused_and_not_cut),
        cmocka_unit_test(loopback_is_not_connected_to),
        cmocka_unit_test(what_is_cancelled_is_not_heard_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
