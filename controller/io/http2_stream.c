/* What the frames of a connection mean for the calls on it. */

#include "io/http2_private.h"

#include "core/assert.h"
#include "core/memory.h"
#include "core/text.h"
#include "io/library_memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    /* What a server may send unasked: bytes are taken as they come, so nothing is held back. */
    STREAM_WINDOW = 32 * 1024 * 1024,
    CONNECTION_WINDOW = 64 * 1024 * 1024,
    STATUS_DIGITS = 3,
    HEADERS_MAXIMUM = 9,
};

static struct io_call *call_of(nghttp2_session *session, int32_t stream)
{
    return nghttp2_session_get_stream_user_data(session, stream);
}

/* ---- Requests ---- */

static nghttp2_nv header(const char *name, const char *value)
{
    nghttp2_nv made = {.namelen = strlen(name), .valuelen = strlen(value)};
    memcpy(&made.name, &name, sizeof(name)); /* nghttp2 copies it and leaves it as it is */
    memcpy(&made.value, &value, sizeof(value));
    return made;
}

static ssize_t give_body(nghttp2_session *session, int32_t stream, uint8_t *to, size_t size,
                         uint32_t *flags, nghttp2_data_source *source, void *context)
{
    (void)session;
    (void)stream;
    (void)context;
    struct io_call *call = source->ptr;
    /* A body that is not whole has no effect: what is too late is ended, not finished. */
    if (!http_call_may_be_sent(call, call->local_port)) {
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    size_t left = call->body_size - call->body_sent;
    size_t taken = size < left ? size : left;
    memcpy(to, call->body + call->body_sent, taken);
    call->body_sent += taken;
    *flags |= call->body_sent == call->body_size ? (uint32_t)NGHTTP2_DATA_FLAG_EOF : 0U;
    return (ssize_t)taken;
}

static int32_t submit(struct http2 *connection, struct io_call *call, const char *bearer)
{
    const struct http *http = call->http;
    nghttp2_nv headers[HEADERS_MAXIMUM];
    size_t count = 0;
    char *path = text_is_empty(http->path_prefix)
                     ? NULL
                     : memory_print("%s%s", http->path_prefix, call->path);
    char length[sizeof("18446744073709551615")];
    headers[count++] = header(":method", call->method);
    headers[count++] = header(":scheme", "https");
    headers[count++] = header(":authority", http->authority);
    headers[count++] = header(":path", path ? path : call->path);
    headers[count++] = header("accept", call->accept);
    headers[count++] = header("user-agent", "tidemill/" TIDEMILL_VERSION);
    if (call->body) {
        (void)snprintf(length, sizeof(length), "%zu", call->body_size);
        headers[count++] = header("content-type", text_or(call->content_type, ""));
        headers[count++] = header("content-length", length);
    }
    if (bearer) {
        headers[count++] = header("authorization", bearer);
    }
    for (size_t at = 0; at < count; at++) {
        call->head_sent += headers[at].namelen + headers[at].valuelen;
    }
    nghttp2_data_provider body = {.source.ptr = call, .read_callback = give_body};
    int32_t stream = nghttp2_submit_request(connection->session, NULL, headers, count,
                                            call->body ? &body : NULL, call);
    memory_free(path);
    return stream;
}

void http2_begin(struct http2 *connection, struct io_call *call,
                 const struct credential *credential)
{
    if (!http_call_may_be_sent(call, connection->local_port)) {
        http_finish(call, &(struct http_end){ERROR_CLOSED, call->our_message});
        return;
    }
    char *bearer = credential->token ? memory_print("Bearer %s", credential->token) : NULL;
    int32_t stream = submit(connection, call, bearer);
    if (bearer) {
        memory_wipe(bearer, strlen(bearer));
        memory_free(bearer);
    }
    if (stream < 0) { /* stream numbers have run out */
        call->head_sent = 0;
        connection->state = HTTP2_LEAVING;
        http_send_again(call, &(struct http_end){ERROR_UNAVAILABLE, nghttp2_strerror(stream)});
    } else {
        call->connection = connection;
        call->stream = stream;
        connection->streams++;
    }
    http2_write_soon(connection);
}

/* Its frames may not be out yet: nghttp2 drops them then, and with them what points here. */
void http2_release(struct io_call *call)
{
    struct http2 *connection = call->connection;
    if (call->stream != 0) {
        (void)nghttp2_session_set_stream_user_data(connection->session, call->stream, NULL);
        (void)nghttp2_submit_rst_stream(connection->session, NGHTTP2_FLAG_NONE, call->stream,
                                        NGHTTP2_CANCEL);
        http2_write_soon(connection);
        call->stream = 0;
    }
    call->connection = NULL;
    REQUIRE(connection->streams > 0);
    connection->streams--;
}

/* ---- Answers ---- */

static void take_status(struct io_call *call, const char *value, size_t size)
{
    int status = 0;
    for (size_t at = 0; at < size && at < STATUS_DIGITS; at++) {
        status = status * 10 + (value[at] - '0');
    }
    call->status = status; /* nghttp2 lets through nothing but three digits */
    http_headers_clear(&call->answer_headers);
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_size, const uint8_t *value, size_t value_size, uint8_t flags,
                     void *context)
{
    static const char status[] = ":status";
    (void)flags;
    (void)context;
    struct io_call *call = call_of(session, frame->hd.stream_id);
    if (!call) {
        return 0;
    }
    const char *text = (const char *)(const void *)name;
    const char *content = (const char *)(const void *)value;
    call->last_byte_ms = loop_now_ms();
    call->http->counters.bytes_received += name_size + value_size;
    if (name_size == sizeof(status) - 1 && memcmp(text, status, name_size) == 0) {
        take_status(call, content, value_size);
    } else {
        http_headers_take(&call->answer_headers, text, name_size, content, value_size);
    }
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *bytes,
                   size_t size, void *context)
{
    (void)flags;
    (void)context;
    struct io_call *call = call_of(session, stream);
    if (!call || http_call_take_body(call, (const char *)(const void *)bytes, size)) {
        return 0;
    }
    if (call->state == CALL_RUNNING) { /* else its owner has cancelled it */
        http2_release(call);
        http_finish(call, &(struct http_end){call->ended_by_us, call->our_message});
    }
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *context)
{
    struct http2 *connection = context;
    bool ends_stream = (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
                       (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (ends_stream) {
        struct io_call *call = call_of(session, frame->hd.stream_id);
        if (call) {
            call->is_whole = true;
        }
    } else if (frame->hd.type == NGHTTP2_SETTINGS && !(frame->hd.flags & NGHTTP2_FLAG_ACK)) {
        connection->streams_maximum = nghttp2_session_get_remote_settings(
            session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
        if (connection->state == HTTP2_GREETING) {
            connection->state = HTTP2_OPEN;
            connection->http->dialling = NULL;
        }
        http_pump_soon(connection->http);
    } else if (frame->hd.type == NGHTTP2_GOAWAY) {
        connection->state = HTTP2_LEAVING;
        http_pump_soon(connection->http);
    }
    return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t stream, uint32_t code, void *context)
{
    (void)context;
    struct io_call *call = call_of(session, stream);
    if (!call) {
        return 0;
    }
    struct http_end end = {0};
    if (!call->is_whole) {
        end = (struct http_end){ERROR_LOST, nghttp2_http2_strerror(code)};
    }
    call->stream = 0;
    if (call->state != CALL_RUNNING) { /* cancelled by what came before: http_sweep() frees it */
        return 0;
    }
    http2_release(call);
    if (code == NGHTTP2_REFUSED_STREAM && call->status == 0) {
        end.failure = ERROR_UNAVAILABLE;
        http_send_again(call, &end);
    } else {
        http_finish(call, &end);
    }
    return 0;
}

/* ---- The session ---- */

nghttp2_session *http2_session_new(struct http2 *connection)
{
    static const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW},
    };
    nghttp2_session_callbacks *callbacks = NULL;
    nghttp2_session *session = NULL;
    REQUIRE(nghttp2_session_callbacks_new(&callbacks) == 0);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    int code = nghttp2_session_client_new3(&session, callbacks, connection, NULL,
                                           library_memory_nghttp2());
    nghttp2_session_callbacks_del(callbacks);
    REQUIRE(code == 0); /* out of memory */
    code = nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings, COUNT_OF(settings));
    REQUIRE(code == 0);
    code = nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, CONNECTION_WINDOW);
    REQUIRE(code == 0);
    return session;
}
