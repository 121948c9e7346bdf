#include "support/test.h"

#include "core/memory.h"
#include "kube/io.h"
#include "support/folder.h"
#include "support/http_bench.h"

#include <stdio.h>
#include <string.h>

#define OK_ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

static void answer_ok(void *context, const struct peer_request *request)
{
    (void)context;
    peer_send_text(request->connection, OK_ANSWER);
}

static void begin_and_stay_silent(void *context, const struct peer_request *request)
{
    (void)context;
    peer_send_text(request->connection,
                   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n");
}

/* ---- Cancelling ---- */

static bool has_a_piece(void *context)
{
    return ((struct outcome *)context)->pieces > 0;
}

static void a_cancelled_call_says_nothing_more(void **state)
{
    (void)state;
    struct bench bench = {0};
    bench_open(&bench, &(struct peer_options){.on_request = begin_and_stay_silent});
    struct outcome under_way = {0};
    bench_watch(&bench, &under_way, 0);
    bench_wait_for(&bench, has_a_piece, &under_way);
    http_cancel(bench.http, under_way.call);
    struct outcome queued = {0};
    bench_watch(&bench, &queued, 0);
    http_cancel(bench.http, queued.call);
    struct outcome last = {0};
    bench.awaited = 0;
    bench_watch(&bench, &last, 400);
    bench_wait(&bench);
    assert_int_equal(last.done, 1);
    assert_int_equal(under_way.done + queued.done, 0);
    outcome_free(&under_way);
    outcome_free(&queued);
    outcome_free(&last);
    bench_close(&bench);
}

struct canceller {
    struct bench *bench;
    struct io_call *own;
    struct io_call *other;
    size_t pieces;
};

static struct result cancel_both(void *context, const char *bytes, size_t size)
{
    (void)bytes;
    (void)size;
    struct canceller *canceller = context;
    canceller->pieces++;
    if (canceller->other) {
        http_cancel(canceller->bench->http, canceller->other);
        canceller->other = NULL;
    }
    http_cancel(canceller->bench->http, canceller->own);
    loop_stop(canceller->bench->loop);
    return RESULT_OK;
}

static void must_not_come(void *context, const struct io_response *response)
{
    (void)context;
    (void)response;
    fail_msg("on_done of a cancelled call");
}

static void a_call_may_be_cancelled_from_its_own_callback(void **state)
{
    (void)state;
    struct bench bench = {0};
    bench_open(&bench, &(struct peer_options){.on_request = begin_and_stay_silent});
    struct canceller canceller = {.bench = &bench};
    struct io_request request = {.method = "GET",
                                 .path = "/w",
                                 .on_data = cancel_both,
                                 .on_done = must_not_come,
                                 .context = &canceller};
    canceller.own = http_start(bench.http, &request);
    canceller.other = http_start(bench.http, &request);
    struct error error;
    assert_true(result_is_ok(loop_run(bench.loop, &error)));
    assert_int_equal(canceller.pieces, 1);
    struct outcome after = {0}; /* the client still works */
    bench_watch(&bench, &after, 400);
    bench_wait(&bench);
    assert_int_equal(after.status, 200);
    assert_int_equal(canceller.pieces, 1);
    outcome_free(&after);
    bench_close(&bench);
}

static void closing_with_calls_under_way_frees_them(void **state)
{
    (void)state;
    struct bench bench = {0};
    bench_open(&bench, &(struct peer_options){.on_request = begin_and_stay_silent});
    struct outcome watch = {0};
    bench_watch(&bench, &watch, 1000);
    bench_wait_for(&bench, has_a_piece, &watch);
    struct outcome queued = {0};
    bench_get(&bench, &queued);
    bench_close(&bench);
    assert_int_equal(watch.done + queued.done, 0);
    outcome_free(&watch);
    outcome_free(&queued);
}

/* ---- 401 ---- */

struct gate {
    const char *token;  /* the one let in */
    const char *writes; /* what the file says once a request was refused; NULL: no change */
    bool rotates;       /* the file says something new after each */
};

static void guard(void *context, const struct peer_request *request)
{
    struct bench *bench = context;
    const struct gate *gate = bench->script;
    char line[128];
    (void)snprintf(line, sizeof(line), "\r\nAuthorization: Bearer %s\r\n", gate->token);
    if (strstr(request->head, line)) {
        assert_string_equal(request->body, "{}");
        peer_send_text(request->connection, OK_ANSWER);
        return;
    }
    if (gate->writes) {
        char token[32];
        (void)snprintf(token, sizeof(token), "%s%zu", gate->writes, request->number);
        (void)folder_write("token", gate->rotates ? token : gate->writes);
    }
    peer_send_text(request->connection, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno");
}

struct gate_row {
    const char *sentence;
    const char *token;
    const char *writes;
    bool rotates;
    int status;
    size_t requests;
};

static const struct gate_row gate_rows[] = {
    {"a rotated token is read and the request repeated", "new", "new\n", false, 200, 2},
    {"without another token the 401 is the answer", "new", NULL, false, 401, 1},
    {"a second 401 is the answer", "right", "wrong", true, 401, 2},
};

static void a_401_drops_the_token_it_was_for(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(gate_rows); at++) {
        const struct gate_row *row = &gate_rows[at];
        struct gate gate = {.token = row->token, .writes = row->writes, .rotates = row->rotates};
        struct bench bench = {.script = &gate,
                              .access.token_file = folder_write("token", " old \n")};
        bench_open(&bench, &(struct peer_options){.on_request = guard});
        struct outcome outcome = {0};
        bench_post(&bench, &outcome, "{}");
        bench_wait(&bench);
        if (outcome.status != row->status || peer_requests(bench.peer) != row->requests) {
            fail_msg("%s: status %d after %zu requests", row->sentence, outcome.status,
                     peer_requests(bench.peer));
        }
        outcome_free(&outcome);
        bench_close(&bench);
    }
}

/* ---- Many ---- */

enum { MANY = 300 };

static void many_requests_share_few_connections(void **state)
{
    (void)state;
    struct bench bench = {0};
    bench_open(&bench, &(struct peer_options){.on_request = answer_ok});
    struct outcome *outcomes = memory_allocate(MANY, sizeof(*outcomes));
    for (size_t at = 0; at < MANY; at++) {
        bench_post(&bench, &outcomes[at], "{}");
    }
    bench_wait(&bench);
    for (size_t at = 0; at < MANY; at++) {
        assert_int_equal(outcomes[at].status, 200);
        outcome_free(&outcomes[at]);
    }
    assert_int_equal(peer_requests(bench.peer), MANY);
    assert_true(peer_connections(bench.peer) <= 64);
    assert_int_equal(http_counters(bench.http).requests, MANY);
    memory_free(outcomes);
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cancelled_call_says_nothing_more),
        cmocka_unit_test(a_call_may_be_cancelled_from_its_own_callback),
        cmocka_unit_test(closing_with_calls_under_way_frees_them),
        cmocka_unit_test_setup_teardown(a_401_drops_the_token_it_was_for, folder_make,
                                        folder_remove),
        cmocka_unit_test(many_requests_share_few_connections),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
