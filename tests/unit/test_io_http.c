#include "support/test.h"

#include "core/memory.h"
#include "core/text.h"
#include "kube/io.h"
#include "support/http_bench.h"

#include <stdio.h>
#include <string.h>

/* ---- Peers ---- */

#define OK_ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

/* The answer is bench->script. */
static void answer_script(void *context, const struct peer_request *request)
{
    struct bench *bench = context;
    peer_send_text(request->connection, bench->script);
}

static const struct peer_options scripted = {.on_request = answer_script};

/* ---- Whole answers ---- */

struct answer_row {
    const char *sentence;
    const char *answer;
    int status;
    const char *body;
    int retry_after_seconds;
    const char *warning;
};

static const struct answer_row answers[] = {
    {"an answer with a length arrives", OK_ANSWER, 200, "hello", IO_NO_RETRY_AFTER, NULL},
    {"an answer in chunks arrives",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", 200,
     "hello", IO_NO_RETRY_AFTER, NULL},
    {"a refusal is an answer", "HTTP/1.1 409 Conflict\r\nContent-Length: 2\r\n\r\n{}", 409, "{}",
     IO_NO_RETRY_AFTER, NULL},
    {"an empty answer has an empty body", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, "",
     IO_NO_RETRY_AFTER, NULL},
    {"Retry-After in seconds is read",
     "HTTP/1.1 429 Too Many Requests\r\nretry-after: 7\r\nContent-Length: 0\r\n\r\n", 429, "", 7,
     NULL},
    {"Retry-After as a date is none",
     "HTTP/1.1 503 X\r\nRetry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\nContent-Length: 0\r\n\r\n",
     503, "", IO_NO_RETRY_AFTER, NULL},
    {"a warning is handed on",
     "HTTP/1.1 200 OK\r\nWarning: 299 - \"policy \\\"x\\\" is old\"\r\nContent-Length: 0\r\n\r\n",
     200, "", IO_NO_RETRY_AFTER, "policy \"x\" is old"},
    {"what an interim answer says does not count",
     "HTTP/1.1 103 Early Hints\r\nRetry-After: 9\r\n\r\n" OK_ANSWER, 200, "hello",
     IO_NO_RETRY_AFTER, NULL},
    {"a redirect is an answer, not followed",
     "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", 302, "",
     IO_NO_RETRY_AFTER, NULL},
};

static void check_row(const struct answer_row *row, const struct outcome *outcome)
{
    bool right = outcome->failure == ERROR_NONE && outcome->status == row->status &&
                 text_equal(outcome->body, row->body) &&
                 outcome->retry_after_seconds == row->retry_after_seconds &&
                 text_equal(outcome->warning, row->warning);
    if (!right) {
        fail_msg("%s: got failure %d (%s) status %d body \"%s\" retry %d warning \"%s\"",
                 row->sentence, outcome->failure, text_or(outcome->message, ""), outcome->status,
                 text_or(outcome->body, "(none)"), outcome->retry_after_seconds,
                 text_or(outcome->warning, "(none)"));
    }
}

static void answers_of_every_form_arrive(void **state)
{
    (void)state;
    struct bench bench = {0};
    bench_open(&bench, &scripted);
    for (size_t at = 0; at < COUNT_OF(answers); at++) {
        struct outcome outcome = {0};
        char *script = memory_copy_text(answers[at].answer);
        bench.script = script;
        bench_get(&bench, &outcome);
        bench_wait(&bench);
        check_row(&answers[at], &outcome);
        outcome_free(&outcome);
        memory_free(script);
    }
    assert_int_equal(peer_connections(bench.peer), 1);
    bench_close(&bench);
}

/* Sends the first `cut` bytes at once and the others a turn later. */
struct cut {
    const char *answer;
    size_t at;
    struct loop *loop;
    struct peer_connection *connection;
};

static void send_rest(void *context)
{
    struct cut *cut = context;
    peer_send_text(cut->connection, cut->answer + cut->at);
}

static void answer_cut(void *context, const struct peer_request *request)
{
    struct bench *bench = context;
    struct cut *cut = bench->script;
    cut->connection = request->connection;
    peer_send(request->connection, cut->answer, cut->at);
    (void)loop_start_timer(cut->loop, loop_now_ms() + 1, send_rest, cut);
}

static void an_answer_may_be_cut_anywhere(void **state)
{
    (void)state;
    const struct answer_row *row = &answers[1];
    struct bench bench = {0};
    bench_open(&bench, &(struct peer_options){.on_request = answer_cut});
    struct cut cut = {.answer = row->answer, .loop = bench.loop};
    bench.script = &cut;
    for (cut.at = 0; cut.at < strlen(row->answer); cut.at++) {
        struct outcome plain = {0};
        bench_get(&bench, &plain);
        bench_wait(&bench);
        check_row(row, &plain);
        outcome_free(&plain);
        struct outcome streamed = {0};
        bench_watch(&bench, &streamed, 0);
        bench_wait(&bench);
        assert_string_equal(buffer_text(&streamed.streamed), "hello");
        assert_null(streamed.body);
        assert_int_equal(streamed.bytes_received, 5);
        outcome_free(&streamed);
    }
    bench_close(&bench);
}

static void an_answer_tells_its_content_type(void **state)
{
    (void)state;
    static const struct {
        const char *answer;
        const char *type;
    } rows[] = {
        {"HTTP/1.1 200 OK\r\nContent-Type: application/x; v=2 \r\nContent-Length: 2\r\n\r\nok",
         "application/x; v=2"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", NULL},
        {"HTTP/1.1 103 Early\r\nContent-Type: text/early\r\n\r\n"
         "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
         NULL},
    };
    struct bench bench = {0};
    bench_open(&bench, &scripted);
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        char *script = memory_copy_text(rows[at].answer);
        bench.script = script;
        struct outcome outcome = {0};
        bench_get(&bench, &outcome);
        bench_wait(&bench);
        assert_true(text_equal(outcome.content_type, rows[at].type));
        outcome_free(&outcome);
        bench_watch(&bench, &outcome, 0);
        bench_wait(&bench);
        assert_true(text_equal(outcome.told_type, rows[at].type));
        assert_int_equal(outcome.times_told, 1);
        assert_int_equal(outcome.pieces, 1);
        outcome_free(&outcome);
        memory_free(script);
    }
    bench_close(&bench);
}

/* ---- What is sent ---- */

struct seen {
    char *head;
    char *body;
};

static void note_request(void *context, const struct peer_request *request)
{
    struct bench *bench = context;
    struct seen *seen = bench->script;
    memory_free(seen->head);
    memory_free(seen->body);
    seen->head = memory_copy_text(request->head);
    seen->body = memory_copy_text(request->body);
    peer_send_text(request->connection, OK_ANSWER);
}

static void requests_carry_what_the_api_server_needs(void **state)
{
    (void)state;
    struct seen seen = {0};
    struct bench bench = {.script = &seen, .access.token = "s3cret"};
    bench_open(&bench, &(struct peer_options){.on_request = note_request});
    struct outcome outcome = {0};
    bench_post(&bench, &outcome, "{\"a\":1}");
    bench_wait(&bench);
    assert_int_equal(outcome.status, 200);
    assert_true(text_starts_with(seen.head, "POST /x HTTP/1.1\r\n"));
    assert_string_equal(seen.body, "{\"a\":1}");
    assert_non_null(strstr(seen.head, "\r\nAccept: application/json\r\n"));
    assert_non_null(strstr(seen.head, "\r\nAuthorization: Bearer s3cret\r\n"));
    assert_non_null(strstr(seen.head, "\r\nContent-Type: application/json\r\n"));
    assert_non_null(strstr(seen.head, "\r\nContent-Length: 7\r\n"));
    assert_non_null(strstr(seen.head, "\r\nUser-Agent: tidemill/"));
    assert_null(strcasestr(seen.head, "\r\nExpect:"));
    assert_null(strcasestr(seen.head, "\r\nAccept-Encoding:"));
    outcome_free(&outcome);
    static const char *const methods[] = {"PATCH", "DELETE", "PUT"};
    for (size_t at = 0; at < COUNT_OF(methods); at++) {
        bench_start(&bench, &outcome,
                    &(struct io_request){.method = methods[at],
                                         .path = "/p?q=1",
                                         .content_type = "application/json-patch+json",
                                         .accept = "text/x;q=1,application/json",
                                         .body = "[]",
                                         .body_size = 2,
                                         .timeout_ms = WAIT_LIMIT_MS,
                                         .maximum = ANSWER_LIMIT});
        bench_wait(&bench);
        assert_true(text_starts_with(seen.head, methods[at]));
        assert_non_null(strstr(seen.head, " /p?q=1 HTTP/1.1\r\n"));
        assert_non_null(strstr(seen.head, "\r\nAccept: text/x;q=1,application/json\r\n"));
        assert_string_equal(seen.body, "[]");
        outcome_free(&outcome);
    }
    memory_free(seen.head);
    memory_free(seen.body);
    bench_close(&bench);
}

static void c17_requests_go_through_the_proxy_that_the_kubeconfig_names(void **state)
{
    (void)state;
    struct seen seen = {0};
    struct bench bench = {.script = &seen, .is_proxy = true};
    bench_open(&bench, &(struct peer_options){.on_request = note_request});
    struct outcome outcome = {0};
    bench_get(&bench, &outcome);
    bench_wait(&bench);
    assert_int_equal(outcome.status, 200);
    assert_true(text_starts_with(seen.head, "GET http://api.test:8080/x HTTP/1.1\r\n"));
    assert_non_null(strstr(seen.head, "\r\nHost: api.test:8080\r\n"));
    outcome_free(&outcome);
    memory_free(seen.head);
    memory_free(seen.body);
    bench_close(&bench);
}

/* ---- Failures ---- */

static void stay_silent(void *context, const struct peer_request *request)
{
    (void)context;
    (void)request;
}

static void begin_and_stay_silent(void *context, const struct peer_request *request)
{
    (void)context;
    peer_send_text(request->connection,
                   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n");
}

static void hang_up(void *context, const struct peer_request *request)
{
    (void)context;
    peer_hang_up(request->connection);
}

static void break_off(void *context, const struct peer_request *request)
{
    (void)context;
    peer_send_text(request->connection, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
    peer_hang_up(request->connection);
}

static void break_off_early(void *context, const struct peer_request *request)
{
    (void)context;
    peer_send_text(request->connection, "HTTP/1.1 201 Created\r\nContent-Ty");
    peer_hang_up(request->connection);
}

/* The first is answered and the connection kept; every later one finds it closing. */
static void hang_up_later(void *context, const struct peer_request *request)
{
    (void)context;
    if (request->number == 1) {
        peer_send_text(request->connection, OK_ANSWER);
    } else {
        peer_hang_up(request->connection);
    }
}

static void an_idle_watch_is_lost(void **state)
{
    (void)state;
    struct bench bench = {0};
    bench_open(&bench, &(struct peer_options){.on_request = begin_and_stay_silent});
    struct outcome outcome = {0};
    int64_t began_ms = loop_now_ms();
    bench_watch(&bench, &outcome, 400);
    bench_wait(&bench);
    assert_int_equal(outcome.failure, ERROR_LOST);
    assert_int_equal(outcome.status, 200);
    assert_string_equal(buffer_text(&outcome.streamed), "ab");
    assert_true(loop_now_ms() - began_ms >= 400);
    outcome_free(&outcome);
    bench_close(&bench);
}

static void trickle(void *context);

struct trickle {
    struct bench *bench;
    struct peer_connection *connection;
    int left;
};

static void begin_trickle(void *context, const struct peer_request *request)
{
    struct bench *bench = context;
    struct trickle *trickling = bench->script;
    trickling->connection = request->connection;
    peer_send_text(request->connection, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    trickle(trickling);
}

static void trickle(void *context)
{
    struct trickle *trickling = context;
    if (trickling->left-- == 0) {
        peer_send_text(trickling->connection, "0\r\n\r\n");
        return;
    }
    peer_send_text(trickling->connection, "1\r\nx\r\n");
    (void)loop_start_timer(trickling->bench->loop, loop_now_ms() + 100, trickle, trickling);
}

static void a_slow_watch_is_not_idle(void **state)
{
    (void)state;
    struct bench bench = {0};
    struct trickle trickling = {.bench = &bench, .left = 8};
    bench.script = &trickling;
    bench_open(&bench, &(struct peer_options){.on_request = begin_trickle});
    struct outcome outcome = {0};
    bench_watch(&bench, &outcome, 600); /* shorter than the whole, far longer than a gap */
    bench_wait(&bench);
    assert_int_equal(outcome.failure, ERROR_NONE);
    assert_string_equal(buffer_text(&outcome.streamed), "xxxxxxxx");
    outcome_free(&outcome);
    bench_close(&bench);
}

static void a_request_without_an_answer_in_time_is_lost(void **state)
{
    (void)state;
    struct bench bench = {0};
    bench_open(&bench, &(struct peer_options){.on_request = stay_silent});
    struct outcome outcome = {0};
    bench_start(&bench, &outcome,
                &(struct io_request){
                    .method = "GET", .path = "/x", .maximum = ANSWER_LIMIT, .timeout_ms = 400});
    bench_wait(&bench);
    assert_int_equal(outcome.failure, ERROR_LOST);
    assert_int_equal(outcome.status, 0);
    assert_true(strlen(outcome.message) > 0);
    outcome_free(&outcome);
    bench_close(&bench);
}

static void a_body_over_the_limit_ends_the_request(void **state)
{
    (void)state;
    struct bench bench = {0};
    char script[] = OK_ANSWER;
    bench.script = script;
    bench_open(&bench, &scripted);
    static const struct {
        size_t maximum;
        enum error_kind failure;
    } rows[] = {{4, ERROR_LIMIT}, {5, ERROR_NONE}, {0, ERROR_LIMIT}};
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct outcome outcome = {0};
        bench_start(&bench, &outcome,
                    &(struct io_request){.method = "GET",
                                         .path = "/x",
                                         .maximum = rows[at].maximum,
                                         .timeout_ms = WAIT_LIMIT_MS});
        bench_wait(&bench);
        assert_int_equal(outcome.failure, rows[at].failure);
        assert_int_equal(outcome.status, 200);
        outcome_free(&outcome);
    }
    bench_close(&bench);
}

static void a_connection_that_is_refused_sent_nothing(void **state)
{
    (void)state;
    struct bench bench = {.access.server = "http://127.0.0.1:1"};
    bench_open(&bench, &scripted);
    struct outcome outcome = {0};
    bench_post(&bench, &outcome, "{}");
    bench_wait(&bench);
    assert_int_equal(outcome.failure, ERROR_UNAVAILABLE);
    assert_non_null(strstr(outcome.message, "127.0.0.1"));
    outcome_free(&outcome);
    bench_close(&bench);
}

static void an_answer_that_breaks_off_is_lost(void **state)
{
    (void)state;
    struct bench bench = {0};
    bench_open(&bench, &(struct peer_options){.on_request = break_off});
    struct outcome outcome = {0};
    bench_get(&bench, &outcome);
    bench_wait(&bench);
    assert_int_equal(outcome.failure, ERROR_LOST);
    assert_int_equal(outcome.status, 200);
    outcome_free(&outcome);
    bench_close(&bench);
}

/* Curl calls that an answer without a body. */
static void an_answer_that_breaks_off_in_its_head_is_lost(void **state)
{
    (void)state;
    struct bench bench = {0};
    bench_open(&bench, &(struct peer_options){.on_request = break_off_early});
    struct outcome outcome = {0};
    bench_post(&bench, &outcome, "{}");
    bench_wait(&bench);
    assert_int_equal(outcome.failure, ERROR_LOST);
    assert_non_null(strstr(outcome.message, "within the answer's headers"));
    outcome_free(&outcome);
    bench_close(&bench);
}

static void a_post_without_an_answer_is_lost_and_not_sent_again(void **state)
{
    (void)state;
    struct bench bench = {0};
    bench_open(&bench, &(struct peer_options){.on_request = hang_up_later});
    struct outcome outcome = {0};
    bench_get(&bench, &outcome);
    bench_wait(&bench);
    assert_int_equal(outcome.failure, ERROR_NONE);
    outcome_free(&outcome);
    bench_post(&bench, &outcome, "{}"); /* on the kept connection: curl alone would repeat it */
    bench_wait(&bench);
    assert_int_equal(outcome.failure, ERROR_LOST);
    assert_int_equal(peer_requests(bench.peer), 2);
    outcome_free(&outcome);
    bench_close(&bench);
}

static void a_first_post_that_is_hung_up_on_is_lost(void **state)
{
    (void)state;
    struct bench bench = {0};
    bench_open(&bench, &(struct peer_options){.on_request = hang_up});
    struct outcome outcome = {0};
    bench_post(&bench, &outcome, "{}");
    bench_wait(&bench);
    assert_int_equal(outcome.failure, ERROR_LOST);
    assert_int_equal(peer_requests(bench.peer), 1);
    outcome_free(&outcome);
    bench_close(&bench);
}

static void a_reader_may_end_its_stream(void **state)
{
    (void)state;
    struct bench bench = {0};
    bench_open(&bench, &(struct peer_options){.on_request = begin_and_stay_silent});
    struct outcome outcome = {.refuses_data = true};
    bench_watch(&bench, &outcome, 0);
    bench_wait(&bench);
    assert_int_equal(outcome.failure, ERROR_CLOSED);
    assert_int_equal(outcome.pieces, 1);
    outcome_free(&outcome);
    bench_close(&bench);
}

enum { LONG_REFUSAL = 100 * 1024, KEPT_OF_REFUSAL = 64 * 1024 };

static void refuse_at_length(void *context, const struct peer_request *request)
{
    (void)context;
    char *body = memory_allocate(1, LONG_REFUSAL + 1);
    memset(body, 'r', LONG_REFUSAL);
    char head[96];
    (void)snprintf(head, sizeof(head), "HTTP/1.1 410 Gone\r\nContent-Length: %d\r\n\r\n",
                   LONG_REFUSAL);
    peer_send_text(request->connection, head);
    peer_send(request->connection, body, LONG_REFUSAL);
    memory_free(body);
}

static void a_refused_watch_keeps_the_head_of_the_refusal(void **state)
{
    (void)state;
    struct bench bench = {0};
    bench_open(&bench, &(struct peer_options){.on_request = refuse_at_length});
    struct outcome outcome = {0};
    bench_watch(&bench, &outcome, 0);
    bench_wait(&bench);
    assert_int_equal(outcome.failure, ERROR_NONE);
    assert_int_equal(outcome.status, 410);
    assert_int_equal(outcome.pieces, 0);
    assert_int_equal(strlen(outcome.body), KEPT_OF_REFUSAL);
    outcome_free(&outcome);
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_of_every_form_arrive),
        cmocka_unit_test(an_answer_may_be_cut_anywhere),
        cmocka_unit_test(an_answer_tells_its_content_type),
        cmocka_unit_test(requests_carry_what_the_api_server_needs),
        cmocka_unit_test(c17_requests_go_through_the_proxy_that_the_kubeconfig_names),
        cmocka_unit_test(an_idle_watch_is_lost),
        cmocka_unit_test(a_slow_watch_is_not_idle),
        cmocka_unit_test(a_request_without_an_answer_in_time_is_lost),
        cmocka_unit_test(a_body_over_the_limit_ends_the_request),
        cmocka_unit_test(a_connection_that_is_refused_sent_nothing),
        cmocka_unit_test(an_answer_that_breaks_off_is_lost),
        cmocka_unit_test(an_answer_that_breaks_off_in_its_head_is_lost),
        cmocka_unit_test(a_post_without_an_answer_is_lost_and_not_sent_again),
        cmocka_unit_test(a_first_post_that_is_hung_up_on_is_lost),
        cmocka_unit_test(a_reader_may_end_its_stream),
        cmocka_unit_test(a_refused_watch_keeps_the_head_of_the_refusal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
