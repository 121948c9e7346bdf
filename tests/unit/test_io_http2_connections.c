#include "support/test.h"

#include "core/memory.h"
#include "core/text.h"
#include "io/http_private.h"
#include "kube/io.h"
#include "support/http_bench.h"

#include <stdio.h>
#include <string.h>

static void open_bench(struct bench *bench,
                       void (*on_request)(void *context, const struct peer_request *request))
{
    const char *pem = peer_identity_certificate(bench_identity);
    bench->access.authority = (struct access_material){.data = pem, .size = strlen(pem)};
    bench_open(bench, &(struct peer_options){.protocol = PEER_HTTP2,
                                             .identity = bench_identity,
                                             .on_request = on_request});
}

static void answer(const struct peer_request *request)
{
    peer_send_status(request, 200, false);
    peer_send_data(request->connection, request->stream, "hello", 5, true);
}

/* ---- What a request says ---- */

struct said {
    char *head;
    char *body;
};

static void remember(void *context, const struct peer_request *request)
{
    struct said *said = ((struct bench *)context)->script;
    said->head = memory_copy_text(request->head);
    said->body = memory_copy_text(request->body);
    answer(request);
}

static void expect_line(const struct said *said, const char *format, ...) PRINTF_LIKE(2, 3);

static void expect_line(const struct said *said, const char *format, ...)
{
    char line[256];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    if (!strstr(said->head, line)) {
        fail_msg("no \"%s\" in\n%s", line, said->head);
    }
}

static void a_request_says_what_it_should(void **state)
{
    (void)state;
    struct said said = {0};
    struct bench bench = {.script = &said, .access.token = "secret-token"};
    open_bench(&bench, remember);
    struct outcome outcome = {0};
    bench_post(&bench, &outcome, "{\"a\":1}");
    bench_wait(&bench);
    assert_int_equal(outcome.failure, ERROR_NONE);
    assert_string_equal(outcome.body, "hello");
    expect_line(&said, ":method: POST\r\n");
    expect_line(&said, ":scheme: https\r\n");
    expect_line(&said, ":authority: 127.0.0.1:%u\r\n", peer_port(bench.peer));
    expect_line(&said, ":path: /x\r\n");
    expect_line(&said, "accept: application/json\r\n");
    expect_line(&said, "content-type: application/json\r\n");
    expect_line(&said, "content-length: 7\r\n");
    expect_line(&said, "authorization: Bearer secret-token\r\n");
    expect_line(&said, "user-agent: tidemill/");
    assert_string_equal(said.body, "{\"a\":1}");
    assert_true(http_counters(bench.http).bytes_sent > strlen("{\"a\":1}"));
    outcome_free(&outcome);
    memory_free(said.head);
    memory_free(said.body);
    bench_start(&bench, &outcome,
                &(struct io_request){.method = "GET",
                                     .path = "/x",
                                     .accept = "text/x;q=1,application/json",
                                     .timeout_ms = WAIT_LIMIT_MS,
                                     .maximum = ANSWER_LIMIT});
    bench_wait(&bench);
    expect_line(&said, "accept: text/x;q=1,application/json\r\n");
    assert_string_equal(outcome.content_type, PEER_HTTP2_CONTENT_TYPE);
    outcome_free(&outcome);
    memory_free(said.head);
    memory_free(said.body);
    bench_watch(&bench, &outcome, 0);
    bench_wait(&bench);
    assert_string_equal(outcome.told_type, PEER_HTTP2_CONTENT_TYPE);
    assert_int_equal(outcome.times_told, 1);
    outcome_free(&outcome);
    bench_close(&bench);
    memory_free(said.head);
    memory_free(said.body);
}

static void a_server_s_path_comes_before_the_request_s(void **state)
{
    (void)state;
    struct said said = {0};
    struct bench bench = {.script = &said, .access.tls_server_name = "tidemill.test"};
    struct outcome outcome = {0};
    open_bench(&bench, remember);
    bench.http = http_close(bench.http); /* its peer's port was not known before */
    char *server = memory_print("%s/k8s/clusters/one/", bench.server);
    bench.access.server = server;
    struct http_options options = {
        .loop = bench.loop, .access = &bench.access, .credentials = bench.credentials};
    struct error error;
    assert_true(result_is_ok(http_open(&options, &bench.http, &error)));
    bench_get(&bench, &outcome);
    bench_wait(&bench);
    assert_int_equal(outcome.failure, ERROR_NONE);
    expect_line(&said, ":path: /k8s/clusters/one/x\r\n");
    expect_line(&said, ":authority: 127.0.0.1:%u\r\n", peer_port(bench.peer));
    outcome_free(&outcome);
    bench_close(&bench);
    memory_free(server);
    memory_free(said.head);
    memory_free(said.body);
}

/* ---- What was not looked at ---- */

/* bench->script counts the requests that are refused first. */
static void refuse_some(void *context, const struct peer_request *request)
{
    size_t *left = ((struct bench *)context)->script;
    if (*left > 0) {
        (*left)--;
        peer_refuse(request);
    } else {
        answer(request);
    }
}

struct refusal_row {
    const char *sentence;
    size_t refused;
    enum error_kind failure;
    size_t requests;
};

static void a_refused_stream_is_sent_again_and_not_for_ever(void **state)
{
    (void)state;
    static const struct refusal_row rows[] = {
        {"refused once", 1, ERROR_NONE, 2},
        {"refused three times", 3, ERROR_NONE, 4},
        {"refused for ever: nothing was done", 100, ERROR_UNAVAILABLE, 4},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        size_t left = rows[at].refused;
        struct bench bench = {.script = &left};
        open_bench(&bench, refuse_some);
        struct outcome outcome = {0};
        bench_post(&bench, &outcome, "{}");
        bench_wait(&bench);
        if (outcome.failure != rows[at].failure || peer_requests(bench.peer) != rows[at].requests ||
            peer_connections(bench.peer) != 1) {
            fail_msg("%s: failure %d (%s) after %zu requests on %zu connections", rows[at].sentence,
                     outcome.failure, text_or(outcome.message, ""), peer_requests(bench.peer),
                     peer_connections(bench.peer));
        }
        outcome_free(&outcome);
        bench_close(&bench);
    }
}

/* The API server's --goaway-chance: the connection ends, and none of its requests is harmed. */
static void leave_out_the_second(void *context, const struct peer_request *request)
{
    (void)context;
    if (request->number == 2) {
        peer_send_goaway(request->connection, request->stream - 2);
        return;
    }
    answer(request);
}

static void what_goaway_leaves_out_is_sent_on_another_connection(void **state)
{
    (void)state;
    struct bench bench = {0};
    open_bench(&bench, leave_out_the_second);
    struct outcome first = {0};
    bench_get(&bench, &first);
    bench_wait(&bench);
    struct outcome second = {0};
    bench_post(&bench, &second, "{}");
    bench_wait(&bench);
    assert_int_equal(second.failure, ERROR_NONE);
    assert_int_equal(second.status, 200);
    assert_int_equal(peer_requests(bench.peer), 3);
    assert_int_equal(peer_connections(bench.peer), 2);
    outcome_free(&first);
    outcome_free(&second);
    bench_close(&bench);
}

static void take_none(void *context, const struct peer_request *request)
{
    (void)context;
    (void)request;
}

static void a_server_that_never_greets_is_given_up(void **state)
{
    (void)state;
    enum { CONNECT_MS = 300 };
    struct bench bench = {.connect_ms = CONNECT_MS};
    const char *pem = peer_identity_certificate(bench_identity);
    bench.access.authority = (struct access_material){.data = pem, .size = strlen(pem)};
    bench_open(&bench, &(struct peer_options){.protocol = PEER_HTTP2,
                                              .identity = bench_identity,
                                              .says_nothing = true,
                                              .on_request = take_none});
    struct outcome outcomes[3] = {0};
    bench_get(&bench, &outcomes[0]);
    bench_post(&bench, &outcomes[1], "{}");
    bench_watch(&bench, &outcomes[2], 0);
    bench_wait(&bench);
    for (size_t at = 0; at < COUNT_OF(outcomes); at++) {
        assert_int_equal(outcomes[at].failure, ERROR_UNAVAILABLE);
        if (!strstr(outcomes[at].message, "settings")) {
            fail_msg("%zu: %s", at, outcomes[at].message);
        }
        outcome_free(&outcomes[at]);
    }
    assert_int_equal(peer_connections(bench.peer), 1);
    assert_int_equal(peer_requests(bench.peer), 0);
    bench_close(&bench);
}

static void stay_silent(void *context, const struct peer_request *request)
{
    (void)context;
    peer_begin(request);
}

static void an_answer_that_does_not_end_in_time_is_lost(void **state)
{
    (void)state;
    struct bench bench = {0};
    open_bench(&bench, stay_silent);
    struct outcome outcome = {0};
    bench_start(&bench, &outcome,
                &(struct io_request){
                    .method = "GET", .path = "/x", .maximum = ANSWER_LIMIT, .timeout_ms = 200});
    bench_wait(&bench);
    assert_int_equal(outcome.failure, ERROR_LOST);
    assert_int_equal(outcome.status, 200);
    outcome_free(&outcome);
    bench_close(&bench);
}

/* ---- Whose connection it is ---- */

static void answer_any(void *context, const struct peer_request *request)
{
    (void)context;
    answer(request);
}

static bool has_second_connection(void *context)
{
    return peer_connections(((struct bench *)context)->peer) == 2;
}

static void another_certificate_gets_a_connection_of_its_own(void **state)
{
    (void)state;
    struct bench bench = {0};
    open_bench(&bench, answer_any);
    struct outcome outcome = {0};
    bench_get(&bench, &outcome);
    bench_wait(&bench);
    outcome_free(&outcome);
    struct credential credential;
    struct error error;
    assert_int_equal(credentials_get(bench.credentials, loop_now_ms(), &credential, &error),
                     CREDENTIALS_READY);
    assert_non_null(http2_find(bench.http, &credential));
    credential.identity++;
    assert_null(http2_find(bench.http, &credential));
    bench_wait_for(&bench, has_second_connection, &bench);
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_says_what_it_should),
        cmocka_unit_test(a_server_s_path_comes_before_the_request_s),
        cmocka_unit_test(a_refused_stream_is_sent_again_and_not_for_ever),
        cmocka_unit_test(what_goaway_leaves_out_is_sent_on_another_connection),
        cmocka_unit_test(a_server_that_never_greets_is_given_up),
        cmocka_unit_test(an_answer_that_does_not_end_in_time_is_lost),
        cmocka_unit_test(another_certificate_gets_a_connection_of_its_own),
    };
    return cmocka_run_group_tests(tests, bench_make_identity, bench_free_identity);
}
