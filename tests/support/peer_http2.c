/* HTTP/2 as far as a test wants it: frames out as it says, whole requests in. */

#include "support/peer_private.h"

#include "support/test.h"

#include "core/memory.h"
#include "core/text.h"

#include <stdio.h>
#include <string.h>

/* HTTP/2 frames (RFC 9113 6). */
enum {
    FRAME_HEAD_SIZE = 9,
    FRAME_DATA = 0,
    FRAME_HEADERS = 1,
    FRAME_RESET = 3,
    FRAME_SETTINGS = 4,
    FRAME_PING = 6,
    FRAME_GOAWAY = 7,
    FLAG_END_STREAM = 1,
    FLAG_ACK = 1,
    FLAG_END_HEADERS = 4,
    FLAG_PADDED = 8,
    FLAG_PRIORITY = 32,
    PRIORITY_SIZE = 5,
    SETTING_STREAMS_MAXIMUM = 3,
    ERROR_INTERNAL = 2,
    ERROR_REFUSED_STREAM = 7,
    FRAME_PAYLOAD_MAXIMUM = 16 * 1024,
};

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

static void send_frame(struct peer_connection *connection, unsigned type, unsigned flags,
                       uint32_t stream, const void *payload, size_t size)
{
    REQUIRE(size <= FRAME_PAYLOAD_MAXIMUM);
    unsigned char head[FRAME_HEAD_SIZE] = {
        (unsigned char)(size >> 16),   (unsigned char)(size >> 8),   (unsigned char)size,
        (unsigned char)type,           (unsigned char)flags,         (unsigned char)(stream >> 24),
        (unsigned char)(stream >> 16), (unsigned char)(stream >> 8), (unsigned char)stream,
    };
    if (!connection->closed) {
        REQUIRE(result_is_ok(buffer_append(&connection->out, head, sizeof(head))));
        peer_send(connection, payload, size);
    }
}

static void put_number(unsigned char *to, uint32_t number)
{
    to[0] = (unsigned char)(number >> 24);
    to[1] = (unsigned char)(number >> 16);
    to[2] = (unsigned char)(number >> 8);
    to[3] = (unsigned char)number;
}

static struct peer_stream *find_stream(struct peer_connection *connection, uint32_t number)
{
    for (size_t at = 0; at < connection->stream_count; at++) {
        if (connection->streams[at].number == number) {
            return &connection->streams[at];
        }
    }
    return NULL;
}

static void close_stream(struct peer_connection *connection, uint32_t number)
{
    struct peer_stream *stream = find_stream(connection, number);
    if (stream) {
        memory_free(stream->head);
        buffer_free(&stream->body);
        *stream = connection->streams[--connection->stream_count];
    }
}

/* ":status" as a literal with the static table's name 8, never indexed (RFC 7541 6.2.3). */
void peer_send_status(const struct peer_request *request, int status, bool ends)
{
    /* HPACK literals (RFC 7541, 6.2) with the names :status and content-type of the static table */
    char block[128];
    const char *type = text_or(request->connection->peer->options.content_type,
                               PEER_HTTP2_CONTENT_TYPE);
    int size = snprintf(block, sizeof(block), "\x18\x03%03d\x0f\x10%c%s", status, (int)strlen(type),
                        type);
    send_frame(request->connection, FRAME_HEADERS,
               (unsigned)FLAG_END_HEADERS | (ends ? (unsigned)FLAG_END_STREAM : 0U),
               request->stream, block, (size_t)size);
    if (ends) {
        close_stream(request->connection, request->stream);
    }
}

void peer_send_data(struct peer_connection *connection, uint32_t stream, const void *bytes,
                    size_t size, bool ends)
{
    const char *at = bytes;
    if (ends) {
        close_stream(connection, stream);
    }
    do {
        size_t piece = size < FRAME_PAYLOAD_MAXIMUM ? size : FRAME_PAYLOAD_MAXIMUM;
        size -= piece;
        send_frame(connection, FRAME_DATA, size == 0 && ends ? FLAG_END_STREAM : 0, stream, at,
                   piece);
        at += piece;
    } while (size > 0);
}

static void reset_stream(struct peer_connection *connection, uint32_t stream, uint32_t code)
{
    unsigned char payload[4];
    put_number(payload, code);
    send_frame(connection, FRAME_RESET, 0, stream, payload, sizeof(payload));
}

void peer_send_reset(struct peer_connection *connection, uint32_t stream)
{
    close_stream(connection, stream);
    reset_stream(connection, stream, ERROR_INTERNAL);
}

void peer_refuse(const struct peer_request *request)
{
    close_stream(request->connection, request->stream);
    reset_stream(request->connection, request->stream, ERROR_REFUSED_STREAM);
}

void peer_send_goaway(struct peer_connection *connection, uint32_t last_stream)
{
    unsigned char payload[8] = {0};
    put_number(payload, last_stream);
    send_frame(connection, FRAME_GOAWAY, 0, 0, payload, sizeof(payload));
}

static void greet(struct peer_connection *connection)
{
    uint32_t maximum = connection->peer->options.streams_maximum;
    unsigned char setting[6] = {0, SETTING_STREAMS_MAXIMUM};
    put_number(setting + 2, maximum);
    send_frame(connection, FRAME_SETTINGS, 0, 0, setting, maximum ? sizeof(setting) : 0);
}

/* RFC 9113 5.1.2: a client may not know the limit yet, and then has its stream refused. */
static bool admit_stream(struct peer_connection *connection, uint32_t number)
{
    uint32_t maximum = connection->peer->options.streams_maximum;
    if (maximum > 0 && connection->stream_count >= maximum) {
        return false;
    }
    REQUIRE(connection->stream_count < PEER_STREAMS_MAXIMUM);
    connection->streams[connection->stream_count++] = (struct peer_stream){
        .number = number, .body.maximum = PEER_BUFFER_MAXIMUM};
    return true;
}

/*
 * "name: value" lines, as HTTP/1.1 has them. Must run for refused streams too: the table of names
 * (RFC 7541) is the connection's.
 */
static char *read_head(struct peer_connection *connection, const unsigned char *block, size_t size)
{
    struct buffer head = BUFFER_INIT(PEER_BUFFER_MAXIMUM);
    int flags = 0;
    if (!connection->inflater) {
        REQUIRE(nghttp2_hd_inflate_new(&connection->inflater) == 0);
    }
    while (!(flags & NGHTTP2_HD_INFLATE_FINAL)) {
        nghttp2_nv header;
        ssize_t taken = nghttp2_hd_inflate_hd2(connection->inflater, &header, &flags, block, size,
                                               1);
        REQUIRE(taken >= 0);
        block += taken;
        size -= (size_t)taken;
        if (flags & NGHTTP2_HD_INFLATE_EMIT) {
            REQUIRE(result_is_ok(buffer_print(&head, "%.*s: %.*s\r\n", (int)header.namelen,
                                              (const char *)header.name, (int)header.valuelen,
                                              (const char *)header.value)));
        }
    }
    (void)nghttp2_hd_inflate_end_headers(connection->inflater);
    return head.data;
}

static void take_head(struct peer_connection *connection, uint32_t number,
                      const unsigned char *payload, size_t size)
{
    char *head = read_head(connection, payload, size);
    if (admit_stream(connection, number)) {
        find_stream(connection, number)->head = head;
    } else {
        memory_free(head);
        reset_stream(connection, number, ERROR_REFUSED_STREAM);
    }
}

static void end_request(struct peer_connection *connection, uint32_t number, bool has_body)
{
    struct peer_stream *stream = find_stream(connection, number);
    if (!stream) {
        return; /* it was refused */
    }
    char *head = memory_copy_text(stream->head);
    char *body = memory_copy_text(buffer_text(&stream->body));
    peer_hand_over(connection, number, head, body, has_body);
    memory_free(head);
    memory_free(body);
}

static void take_body(struct peer_connection *connection, uint32_t number,
                      const unsigned char *payload, size_t size)
{
    struct peer_stream *stream = find_stream(connection, number);
    if (stream) {
        REQUIRE(result_is_ok(buffer_append(&stream->body, payload, size)));
    }
}

static void take_frame(struct peer_connection *connection, unsigned type, unsigned flags,
                       uint32_t stream, const unsigned char *payload, size_t size)
{
    if (connection->peer->options.says_nothing) {
        return;
    }
    if (type == FRAME_SETTINGS && !(flags & FLAG_ACK)) {
        send_frame(connection, FRAME_SETTINGS, FLAG_ACK, 0, "", 0);
    } else if (type == FRAME_PING && !(flags & FLAG_ACK)) {
        send_frame(connection, FRAME_PING, FLAG_ACK, 0, payload, size);
    } else if (type == FRAME_RESET) {
        close_stream(connection, stream);
    } else if (type == FRAME_HEADERS) {
        /* Our clients' heads fit into one frame, without padding. */
        bool has_priority = (flags & FLAG_PRIORITY) != 0;
        REQUIRE((flags & FLAG_END_HEADERS) && !(flags & FLAG_PADDED));
        take_head(connection, stream, payload + (has_priority ? PRIORITY_SIZE : 0),
                  size - (has_priority ? PRIORITY_SIZE : 0));
    } else if (type == FRAME_DATA) {
        take_body(connection, stream, payload, size);
    }
    if ((type == FRAME_HEADERS || type == FRAME_DATA) && (flags & FLAG_END_STREAM)) {
        end_request(connection, stream, type == FRAME_DATA);
    }
}

bool peer_take_http2(struct peer_connection *connection)
{
    struct buffer *in = &connection->in;
    if (!connection->greeted) {
        if (in->size < strlen(PREFACE)) {
            return false;
        }
        buffer_consume(in, strlen(PREFACE));
        connection->greeted = true;
        if (!connection->peer->options.says_nothing) {
            greet(connection);
        }
    }
    const unsigned char *head = (const unsigned char *)in->data;
    if (in->size < FRAME_HEAD_SIZE) {
        return false;
    }
    size_t size = ((size_t)head[0] << 16) | ((size_t)head[1] << 8) | head[2];
    if (in->size < FRAME_HEAD_SIZE + size) {
        return false;
    }
    uint32_t stream = ((uint32_t)(head[5] & 0x7FU) << 24) | ((uint32_t)head[6] << 16) |
                      ((uint32_t)head[7] << 8) | head[8];
    take_frame(connection, head[3], head[4], stream, head + FRAME_HEAD_SIZE, size);
    buffer_consume(in, FRAME_HEAD_SIZE + size);
    return true;
}

void peer_free_http2(struct peer_connection *connection)
{
    while (connection->stream_count > 0) {
        close_stream(connection, connection->streams[0].number);
    }
    if (connection->inflater) {
        nghttp2_hd_inflate_del(connection->inflater);
    }
}
