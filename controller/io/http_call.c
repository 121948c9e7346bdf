/* One call: what it asks, what came back, what that means. Knows no carrier. */

#include "io/http_private.h"

#include "core/assert.h"
#include "core/memory.h"
#include "core/text.h"
#include "obs/controller_metrics.h"

#include <stdio.h>
#include <string.h>

enum {
    /* A refusal's Status object is small; what is longer is cut, the status still counts. */
    REFUSAL_MAXIMUM = 64 * 1024,
    MICROSECONDS_PER_MILLISECOND = 1000,
};

struct io_call *http_call_new(struct http *http, const struct io_request *request)
{
    REQUIRE(request->path[0] == '/' && request->on_done);
    struct io_call *call = memory_allocate(1, sizeof(*call));
    call->http = http;
    call->method = memory_copy_text(request->method);
    call->path = memory_copy_text(request->path);
    call->content_type = memory_copy_text(request->content_type);
    call->accept = memory_copy_text(text_or(request->accept, "application/json"));
    if (request->body) {
        call->body = memory_allocate(1, request->body_size + 1);
        memcpy(call->body, request->body, request->body_size);
        call->body_size = request->body_size;
    }
    call->maximum = request->maximum;
    call->timeout_ms = request->timeout_ms;
    call->idle_ms = request->idle_ms;
    call->send_before_ms = request->send_before_ms;
    call->on_data = request->on_data;
    call->on_content_type = request->on_content_type;
    call->on_done = request->on_done;
    call->context = request->context;
    call->asked_ms = loop_now_ms();
    return call;
}

void http_call_free(struct io_call *call)
{
    REQUIRE(!call->transfer.easy && !call->connection && !call->idle_timer && !call->limit_timer);
    memory_free(call->method);
    memory_free(call->path);
    memory_free(call->content_type);
    memory_free(call->accept);
    memory_free(call->body);
    memory_free(call->curl_message);
    memory_free(call->explained);
    buffer_free(&call->answer);
    memory_free(call);
}

void http_call_begin(struct io_call *call, const struct credential *credential)
{
    call->generation = credential->generation;
    call->body_sent = 0;
    call->head_sent = 0;
    call->body_received = 0;
    call->local_port = 0;
    call->status = 0;
    call->is_whole = false;
    call->type_is_told = false;
    call->answer.maximum = call->on_data ? REFUSAL_MAXIMUM : call->maximum;
    buffer_clear(&call->answer);
    http_headers_clear(&call->answer_headers);
    call->started_ms = loop_now_ms();
    call->last_byte_ms = call->started_ms;
}

static bool end_call(struct io_call *call, enum error_kind kind, const char *message)
{
    call->ended_by_us = kind;
    call->our_message = message;
    return false;
}

bool http_call_may_be_sent(struct io_call *call, int local_port)
{
    call->local_port = local_port;
    call->last_byte_ms = loop_now_ms(); /* idle time begins: connecting has a limit of its own */
    if (call->send_before_ms != 0 && call->last_byte_ms >= call->send_before_ms) {
        return end_call(call, ERROR_CLOSED, "not sent: the time in which it might be sent is over");
    }
    return true;
}

static bool keep_bytes(struct io_call *call, const char *bytes, size_t size)
{
    if (call->on_data) { /* a refusal of a stream */
        size_t room = REFUSAL_MAXIMUM - call->answer.size;
        size = size < room ? size : room;
    }
    if (!result_is_ok(buffer_append(&call->answer, bytes, size))) {
        return end_call(call, ERROR_LIMIT, "the answer is larger than what was asked for allows");
    }
    return true;
}

static bool is_success(int status)
{
    return status >= 200 && status < 300;
}

static const char *content_type_of(const struct io_call *call)
{
    const char *type = call->answer_headers.content_type;
    return text_is_empty(type) ? NULL : type;
}

static void tell_content_type(struct io_call *call)
{
    if (call->on_content_type && !call->type_is_told) {
        call->on_content_type(call->context, content_type_of(call));
    }
    call->type_is_told = true;
}

bool http_call_take_body(struct io_call *call, const char *bytes, size_t size)
{
    if (call->state != CALL_RUNNING) {
        return false;
    }
    call->last_byte_ms = loop_now_ms();
    call->body_received += size;
    call->http->counters.bytes_received += size;
    if (!call->on_data || !is_success(call->status)) {
        return keep_bytes(call, bytes, size);
    }
    tell_content_type(call);
    if (!result_is_ok(call->on_data(call->context, bytes, size))) {
        return end_call(call, ERROR_CLOSED, "the reader ended the stream");
    }
    return call->state == CALL_RUNNING;
}

/* Libraries say what happened, but hardly ever with whom. */
static const char *explain(struct io_call *call, const char *message)
{
    memory_free(call->explained);
    call->explained = memory_print("%s: %s", call->http->authority, message);
    return call->explained;
}

void http_call_judge(struct io_call *call, const struct http_end *end, struct io_response *response)
{
    bool streamed = call->on_data && is_success(call->status);
    *response = (struct io_response){
        .status = call->status,
        .retry_after_seconds = call->answer_headers.retry_after_seconds,
        .content_type = content_type_of(call),
        .warning = call->answer_headers.has_warning ? call->answer_headers.warning : NULL,
        .body = streamed ? NULL : buffer_text(&call->answer),
        .body_size = streamed ? 0 : call->answer.size,
        .bytes_received = call->body_received,
    };
    if (call->ended_by_us != ERROR_NONE) {
        response->failure = call->ended_by_us;
        response->message = explain(call, call->our_message);
    } else if (end->failure != ERROR_NONE) {
        response->failure = end->failure;
        response->message = explain(call, end->message);
    }
}

void http_call_count(struct io_call *call, const struct io_response *response)
{
    uint64_t sent = call->head_sent + call->body_sent;
    call->http->counters.bytes_sent += sent;
    call->http->counters.requests++;
    const struct controller_metrics *metrics = call->http->options.metrics;
    if (!metrics) {
        return;
    }
    bool watch = http_path_is_watch(call->path);
    const char *method = watch ? "WATCH" : call->method;
    char resource[HTTP_RESOURCE_SIZE];
    http_path_resource(call->path, resource);
    char code[16];
    (void)snprintf(code, sizeof(code), "%d", response->status);
    bool failed = response->failure != ERROR_NONE && response->failure != ERROR_CLOSED;
    const char *outcome = failed ? error_kind_name(response->failure) : code;
    metric_add(metrics->requests, LABELS(method, resource, outcome), 1);
    metric_add(metrics->request_bytes, LABELS(method, resource, "sent"), (int64_t)sent);
    metric_add(metrics->request_bytes, LABELS(method, resource, "received"),
               (int64_t)call->body_received);
    if (!watch) { /* how long a watch lasts says nothing about the server */
        int64_t took_ms = loop_now_ms() - call->started_ms;
        metric_observe(metrics->request_duration, LABELS(method),
                       took_ms * MICROSECONDS_PER_MILLISECOND);
    }
}
