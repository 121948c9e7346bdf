/* Carrier: HTTP/2 over TLS. Here: connections; what is on them is in http2_stream.c. */

#include "io/http2_private.h"

#include "core/assert.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/text.h"

#include <stdio.h>
#include <sys/socket.h>

enum {
    /* A TLS record's most (RFC 8446, 5.1): what the kernel has is taken in few calls. */
    READ_SIZE = 16 * 1024,
    /* Frames that are made at once; the rest is made when the socket has taken these. */
    WRITE_SIZE = 64 * 1024,
    /* nghttp2 hands out a frame at a time, and one is no larger than this with its head. */
    FRAME_MAXIMUM = 16 * 1024 + 9 + 256,
    OUT_KEPT = 4 * 1024,
};

/* ---- The end ---- */

static void unlink_connection(struct http2 *connection)
{
    struct http *http = connection->http;
    for (struct http2 **link = &http->connections; *link; link = &(*link)->next) {
        if (*link == connection) {
            *link = connection->next;
            http->connection_count--;
            break;
        }
    }
    if (http->dialling == connection) {
        http->dialling = NULL;
    }
}

static void free_connection(struct http2 *connection)
{
    struct http *http = connection->http;
    unlink_connection(connection);
    loop_stop_watch(http->options.loop, connection->watch);
    loop_stop_timer(http->options.loop, connection->turn);
    loop_stop_timer(http->options.loop, connection->limit);
    http_dial_close(&connection->dial);
    nghttp2_session_del(connection->session);
    buffer_free(&connection->out);
    memory_free(connection);
}

/* Its calls end first: they name the connection. */
static void end_connection(struct http2 *connection)
{
    struct http *http = connection->http;
    const char *why = text_or(connection->broken, "the server ended the connection");
    struct io_call *call = http->running.first;
    bool was_greeting = connection->state == HTTP2_GREETING;
    connection->state = HTTP2_LEAVING;
    while (call) {
        struct io_call *next = call->next;
        if (call->connection == connection) {
            bool was_sent = call->head_sent > 0;
            struct http_end end = {was_sent ? ERROR_LOST : ERROR_UNAVAILABLE, why};
            http2_release(call);
            if (was_sent) {
                http_finish(call, &end);
            } else {
                http_send_again(call, &end);
            }
            next = http->running.first; /* on_done may have cancelled what came next */
        }
        call = next;
    }
    free_connection(connection);
    if (was_greeting) {
        http_refuse_queued(http, why);
    }
    http_sweep(http);
    http_pump_soon(http);
}

/* ---- Reading and writing ---- */

static bool is_over(const struct http2 *connection)
{
    if (connection->broken) {
        return true;
    }
    bool is_done = !nghttp2_session_want_read(connection->session) &&
                   !nghttp2_session_want_write(connection->session);
    bool is_left = connection->state == HTTP2_LEAVING && connection->streams == 0;
    return connection->out.size == 0 && (is_done || is_left);
}

static bool take_bytes(struct http2 *connection, const char *bytes, size_t size)
{
    connection->last_read_ms = loop_now_ms();
    ssize_t taken = nghttp2_session_mem_recv(connection->session,
                                             (const uint8_t *)(const void *)bytes, size);
    if (taken < 0) {
        connection->broken = nghttp2_strerror((int)taken);
    }
    return taken >= 0;
}

/*
 * OpenSSL asks the kernel for a record's most. When all that came is less than that, the kernel has
 * no more, and need not be asked for it.
 */
static void read_all(struct http2 *connection)
{
    struct http *http = connection->http;
    char bytes[READ_SIZE];
    size_t size = 0;
    size_t sum = 0;
    CURLcode code = CURLE_OK;
    http->inside++;
    do {
        code = curl_easy_recv(connection->dial.transfer.easy, bytes, sizeof(bytes), &size);
        sum += size;
    } while (code == CURLE_OK && size > 0 && take_bytes(connection, bytes, size) &&
             (sum >= READ_SIZE || http_dial_holds_bytes(&connection->dial)));
    http->inside--;
    if (sum >= READ_SIZE) {
        loop_hurry(http->options.loop);
    }
    if (code == CURLE_OK && size == 0) {
        connection->broken = "the server closed the connection";
    } else if (code != CURLE_OK && code != CURLE_AGAIN) {
        connection->broken = curl_easy_strerror(code);
    }
}

/* Frames into `out`, as many as one write takes. */
static void make_frames(struct http2 *connection)
{
    const uint8_t *frame = NULL;
    ssize_t size = 1;
    connection->http->inside++;
    while (size > 0 && connection->out.size < WRITE_SIZE) {
        size = nghttp2_session_mem_send(connection->session, &frame);
        if (size > 0) {
            REQUIRE(result_is_ok(buffer_append(&connection->out, frame, (size_t)size)));
        } else if (size < 0) {
            connection->broken = nghttp2_strerror((int)size);
        }
    }
    connection->http->inside--;
}

static void wait_for(struct http2 *connection, bool room)
{
    if (connection->waits_for_room == room) {
        return;
    }
    struct error error;
    connection->waits_for_room = room;
    unsigned events = room ? LOOP_READ | LOOP_WRITE : LOOP_READ;
    if (!result_is_ok(
            loop_change_watch(connection->http->options.loop, connection->watch, events, &error))) {
        connection->broken = "cannot wait for the connection";
    }
}

static bool write_out(struct http2 *connection)
{
    size_t taken = 0;
    CURLcode code = curl_easy_send(connection->dial.transfer.easy, connection->out.data,
                                   connection->out.size, &taken);
    if (code == CURLE_OK) {
        buffer_consume(&connection->out, taken);
    } else if (code != CURLE_AGAIN) {
        connection->broken = curl_easy_strerror(code);
    }
    return code == CURLE_OK;
}

static void write_all(struct http2 *connection)
{
    bool has_room = true;
    while (has_room && !connection->broken) {
        make_frames(connection);
        if (connection->out.size == 0) {
            break;
        }
        has_room = write_out(connection);
    }
    if (connection->out.size == 0 && connection->out.capacity > OUT_KEPT) {
        buffer_free(&connection->out);
    }
    wait_for(connection, connection->out.size > 0);
}

/* Frames go out, and what is over goes; after the calls that were cancelled, which name it. */
static void settle(struct http2 *connection)
{
    write_all(connection);
    http_sweep(connection->http);
    if (is_over(connection)) {
        end_connection(connection);
    }
}

static void take_turn(void *context)
{
    struct http2 *connection = context;
    struct http *http = connection->http;
    connection->turn = NULL;
    settle(connection);
    http_sweep(http);
}

void http2_write_soon(struct http2 *connection)
{
    if (!connection->turn && connection->session) {
        connection->turn = loop_defer(connection->http->options.loop, take_turn, connection);
    }
}

static void on_socket(void *context, unsigned events)
{
    struct http2 *connection = context;
    struct http *http = connection->http;
    if (events & LOOP_READ) {
        read_all(connection);
    }
    settle(connection);
    http_sweep(http);
}

/* ---- The beginning ---- */

static void end_late_greeting(void *context)
{
    struct http2 *connection = context;
    connection->limit = NULL;
    if (connection->state == HTTP2_GREETING) {
        connection->broken = "the server sent no HTTP/2 settings in time";
        end_connection(connection);
    }
}

static bool greet(struct http2 *connection)
{
    struct http *http = connection->http;
    struct error error;
    curl_socket_t fd = CURL_SOCKET_BAD;
    (void)curl_easy_getinfo(connection->dial.transfer.easy, CURLINFO_ACTIVESOCKET, &fd);
    if (fd == CURL_SOCKET_BAD ||
        !result_is_ok(loop_watch_fd(http->options.loop, fd, LOOP_READ, on_socket, connection,
                                    &connection->watch, &error))) {
        return false;
    }
    connection->local_port = curl_loop_local_port(fd);
    connection->last_read_ms = loop_now_ms();
    connection->session = http2_session_new(connection);
    connection->state = HTTP2_GREETING;
    connection->limit = loop_start_timer(http->options.loop,
                                         connection->last_read_ms + http_connect_ms(http),
                                         end_late_greeting, connection);
    http2_write_soon(connection);
    return true;
}

/* A server that speaks no HTTP/2 is left to curl, which finds out by itself if that changes. */
static void leave_to_curl(struct http *http)
{
    log_info("the API server speaks no HTTP/2 over TLS, so each watch takes a connection");
    http->by_http2 = false;
    http_pump_soon(http);
}

static void end_dial(struct curl_transfer *transfer, CURLcode code)
{
    struct http2 *connection = (struct http2 *)transfer;
    struct http *http = connection->http;
    if (code == CURLE_OK && connection->dial.speaks_http2 && greet(connection)) {
        return; /* it is still the one that is being made, until the server's SETTINGS come */
    }
    char message[CURL_ERROR_SIZE];
    bool is_connected = code == CURLE_OK;
    bool speaks_http2 = connection->dial.speaks_http2;
    (void)snprintf(message, sizeof(message), "%s",
                   connection->dial.message[0] ? connection->dial.message
                                               : curl_easy_strerror(code));
    free_connection(connection);
    if (is_connected && !speaks_http2) {
        leave_to_curl(http);
    } else {
        http_refuse_queued(http, message);
    }
}

static void dial(struct http *http, const struct credential *credential)
{
    struct http2 *connection = memory_allocate(1, sizeof(*connection));
    connection->http = http;
    connection->identity = credential->identity;
    connection->out.maximum = WRITE_SIZE + FRAME_MAXIMUM;
    connection->dial = (struct http_dial){.transfer.done = end_dial, .http = http};
    if (!http_dial_open(&connection->dial, credential)) {
        memory_free(connection);
        leave_to_curl(http);
        return;
    }
    connection->next = http->connections;
    http->connections = connection;
    http->connection_count++;
    http->dialling = connection;
}

struct http2 *http2_find(struct http *http, const struct credential *credential)
{
    struct http2 *found = http->connections;
    while (found &&
           (found->state != HTTP2_OPEN || found->broken || found->waits_for_room ||
            found->identity != credential->identity || found->streams >= found->streams_maximum)) {
        found = found->next;
    }
    if (!found && !http->dialling && http->connection_count < HTTP_CONNECTIONS_MAXIMUM) {
        dial(http, credential);
    }
    return found;
}

/* ---- Silence, and closing ---- */

void http2_shut_silent(const struct io_call *call, int64_t now_ms)
{
    struct http2 *connection = call->connection;
    if (now_ms - connection->last_read_ms >= call->idle_ms / 2) {
        connection->state = HTTP2_LEAVING;
        connection->broken = "nothing came from the server for too long";
        http2_write_soon(connection);
    }
}

void http2_close(struct http *http)
{
    while (http->connections) {
        free_connection(http->connections);
    }
}
