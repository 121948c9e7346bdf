#include "support/http_bench.h"

#include "support/test.h"

#include "core/memory.h"

#include <stdio.h>
#include <string.h>

struct peer_identity *bench_identity;

int bench_make_identity(void **state)
{
    (void)state;
    bench_identity = peer_identity_new("tidemill.test");
    return 0;
}

int bench_free_identity(void **state)
{
    (void)state;
    peer_identity_free(bench_identity);
    bench_identity = NULL;
    return 0;
}

static void credentials_changed(void *context)
{
    struct bench *bench = context;
    http_credentials_changed(bench->http);
}

void bench_open(struct bench *bench, const struct peer_options *options)
{
    struct error error = {0};
    if (!result_is_ok(loop_open(&bench->loop, &error))) {
        fail_msg("%s", error.message);
    }
    struct peer_options peer = *options;
    peer.loop = bench->loop;
    peer.context = bench;
    bench->peer = peer_open(&peer);
    (void)snprintf(bench->server, sizeof(bench->server), "%s://127.0.0.1:%u",
                   peer.protocol == PEER_HTTP ? "http" : "https", peer_port(bench->peer));
    if (bench->is_proxy) {
        bench->access.proxy_url = bench->server;
        bench->access.server = "http://api.test:8080";
    } else if (!bench->access.server) {
        bench->access.server = bench->server;
    }
    bench->access.source = "the test";
    struct credentials_options credentials = {.loop = bench->loop,
                                              .access = &bench->access,
                                              .allow_plugins = true,
                                              .on_change = credentials_changed,
                                              .context = bench};
    if (!result_is_ok(credentials_open(&credentials, &bench->credentials, &error))) {
        fail_msg("%s", error.message);
    }
    struct http_options http = {.loop = bench->loop,
                                .access = &bench->access,
                                .credentials = bench->credentials,
                                .unacknowledged_ms = bench->unacknowledged_ms,
                                .connect_ms = bench->connect_ms};
    if (!result_is_ok(http_open(&http, &bench->http, &error))) {
        fail_msg("%s", error.message);
    }
}

void bench_close(struct bench *bench)
{
    bench->http = http_close(bench->http);
    bench->credentials = credentials_close(bench->credentials);
    peer_close(bench->peer);
    bench->loop = loop_close(bench->loop);
}

/* ---- The seam ---- */

static struct io_call *seam_start(void *self, const struct io_request *request)
{
    return http_start(((struct bench *)self)->http, request);
}

static void seam_cancel(void *self, struct io_call *call)
{
    http_cancel(((struct bench *)self)->http, call);
}

static int64_t seam_now_ms(void *self)
{
    (void)self;
    return loop_now_ms();
}

static int64_t seam_unix_micros(void *self)
{
    (void)self;
    return 0;
}

static uint64_t seam_random(void *self)
{
    (void)self;
    return 0;
}

static struct io_timer *seam_start_timer(void *self, int64_t at_ms, void (*fire)(void *context),
                                         void *context)
{
    struct loop *loop = ((struct bench *)self)->loop;
    return (struct io_timer *)(void *)loop_start_timer(loop, at_ms, fire, context);
}

static void seam_stop_timer(void *self, struct io_timer *timer)
{
    loop_stop_timer(((struct bench *)self)->loop, (struct loop_timer *)(void *)timer);
}

struct io bench_io(struct bench *bench)
{
    static const struct io_table table = {
        .start = seam_start,
        .cancel = seam_cancel,
        .now_ms = seam_now_ms,
        .unix_micros = seam_unix_micros,
        .random = seam_random,
        .start_timer = seam_start_timer,
        .stop_timer = seam_stop_timer,
    };
    return (struct io){.table = &table, .self = bench};
}

/* ---- Requests ---- */

static struct result take_data(void *context, const char *bytes, size_t size)
{
    struct outcome *outcome = context;
    outcome->pieces++;
    if (outcome->cancels) {
        http_cancel(outcome->bench->http, outcome->cancels->call);
        outcome->bench->awaited--;
        outcome->cancels = NULL;
    }
    if (outcome->refuses_data) {
        return result_of(ERROR_INVALID);
    }
    return buffer_append(&outcome->streamed, bytes, size);
}

static void take_content_type(void *context, const char *content_type)
{
    struct outcome *outcome = context;
    assert_int_equal(outcome->pieces, 0);
    outcome->times_told++;
    outcome->told_type = memory_copy_text(content_type);
}

static void take_done(void *context, const struct io_response *response)
{
    struct outcome *outcome = context;
    outcome->done++;
    outcome->call = NULL;
    outcome->failure = response->failure;
    outcome->message = memory_copy_text(response->message);
    outcome->status = response->status;
    outcome->retry_after_seconds = response->retry_after_seconds;
    outcome->warning = memory_copy_text(response->warning);
    outcome->content_type = memory_copy_text(response->content_type);
    outcome->body = memory_copy_text(response->body);
    outcome->bytes_received = response->bytes_received;
    if (--outcome->bench->awaited == 0) {
        loop_stop(outcome->bench->loop);
    }
}

void bench_start(struct bench *bench, struct outcome *outcome, const struct io_request *request)
{
    struct io_request complete = *request;
    complete.context = outcome;
    complete.on_done = take_done;
    bool refuses = outcome->refuses_data;
    *outcome = (struct outcome){.bench = bench, .refuses_data = refuses};
    outcome->streamed.maximum = ANSWER_LIMIT;
    bench->awaited++;
    outcome->call = http_start(bench->http, &complete);
    assert_int_equal(outcome->done, 0); /* never from inside the call */
}

void bench_get(struct bench *bench, struct outcome *outcome)
{
    bench_start(
        bench, outcome,
        &(struct io_request){
            .method = "GET", .path = "/x", .maximum = ANSWER_LIMIT, .timeout_ms = WAIT_LIMIT_MS});
}

void bench_watch(struct bench *bench, struct outcome *outcome, int64_t idle_ms)
{
    bench_start(bench, outcome,
                &(struct io_request){.method = "GET",
                                     .path = "/watch?watch=true",
                                     .maximum = ANSWER_LIMIT,
                                     .idle_ms = idle_ms,
                                     .on_content_type = take_content_type,
                                     .on_data = take_data});
}

void bench_post(struct bench *bench, struct outcome *outcome, const char *body)
{
    bench_start(bench, outcome,
                &(struct io_request){.method = "POST",
                                     .path = "/x",
                                     .content_type = "application/json",
                                     .body = body,
                                     .body_size = strlen(body),
                                     .maximum = ANSWER_LIMIT,
                                     .timeout_ms = WAIT_LIMIT_MS});
}

static void too_late(void *context)
{
    (void)context;
    fail_msg("nothing happened for %d ms", WAIT_LIMIT_MS);
}

static void run(struct bench *bench)
{
    struct error error = {0};
    struct loop_timer *limit = loop_start_timer(bench->loop, loop_now_ms() + WAIT_LIMIT_MS,
                                                too_late, NULL);
    if (!result_is_ok(loop_run(bench->loop, &error))) {
        fail_msg("%s", error.message);
    }
    loop_stop_timer(bench->loop, limit);
}

void bench_wait(struct bench *bench)
{
    while (bench->awaited > 0) {
        run(bench);
    }
}

struct awaited_condition {
    struct bench *bench;
    bool (*holds)(void *context);
    void *context;
};

enum { LOOK_AGAIN_MS = 2 };

static void look(void *context)
{
    struct awaited_condition *condition = context;
    if (condition->holds(condition->context)) {
        loop_stop(condition->bench->loop);
        condition->bench = NULL;
        return;
    }
    (void)loop_start_timer(condition->bench->loop, loop_now_ms() + LOOK_AGAIN_MS, look, condition);
}

void bench_wait_for(struct bench *bench, bool (*condition)(void *context), void *context)
{
    struct awaited_condition wanted = {bench, condition, context};
    (void)loop_defer(bench->loop, look, &wanted);
    while (wanted.bench) {
        run(bench);
    }
}

void outcome_free(struct outcome *outcome)
{
    memory_free(outcome->message);
    memory_free(outcome->warning);
    memory_free(outcome->content_type);
    memory_free(outcome->told_type);
    memory_free(outcome->body);
    buffer_free(&outcome->streamed);
}
