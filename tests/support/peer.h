#ifndef TIDEMILL_SUPPORT_PEER_H
#define TIDEMILL_SUPPORT_PEER_H

/*
 * A server on loopback that does exactly what a test says, driven by the same loop as the code
 * under test: HTTP/1.1 in the clear, HTTP/1.1 over TLS, or HTTP/2 over TLS. It understands just
 * enough: where a request begins and ends.
 */

#include "core/result.h"
#include "io/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct peer;
struct peer_connection;

enum peer_protocol { PEER_HTTP, PEER_HTTPS, PEER_HTTP2 };

/* One request that arrived whole. Borrowed. */
struct peer_request {
    struct peer_connection *connection;
    size_t connection_number; /* from 1, in the order of accepting */
    size_t number;            /* from 1, over all connections */
    uint32_t stream;          /* of HTTP/2 */
    const char *head;         /* HTTP/1.1: request line and headers; HTTP/2: "name: value" lines */
    const char *body;
    bool has_body; /* it came with one: not a GET */
};

struct peer_identity; /* a certificate and its key */

/* A certificate for 127.0.0.1 and for `name` (may be NULL), its own authority. */
struct peer_identity *peer_identity_new(const char *name);
const char *peer_identity_certificate(const struct peer_identity *identity); /* PEM */
const char *peer_identity_key(const struct peer_identity *identity);         /* PEM */
void peer_identity_free(struct peer_identity *identity);

struct peer_options {
    struct loop *loop;
    enum peer_protocol protocol;
    const struct peer_identity *identity; /* for TLS */
    uint32_t streams_maximum;             /* HTTP/2; 0: says nothing */
    bool says_nothing;                    /* HTTP/2: it greets nobody and answers nothing */
    bool asks_certificate;                /* a TLS client without one is refused */
    bool forgets;             /* the next to connect frees those that are closed, for long lives */
    const char *content_type; /* HTTP/2, of all answers; NULL: PEER_HTTP2_CONTENT_TYPE */
    void (*on_request)(void *context, const struct peer_request *request);
    void (*on_closed)(void *context, size_t connection_number); /* by the client; may be NULL */
    void *context;
};

struct peer *peer_open(const struct peer_options *options);
void peer_close(struct peer *peer);

uint16_t peer_port(const struct peer *peer);
size_t peer_connections(const struct peer *peer); /* accepted so far */
size_t peer_requests(const struct peer *peer);    /* arrived whole so far */

/* HTTP/1.1 */
void peer_send(struct peer_connection *connection, const void *bytes, size_t size);
void peer_send_text(struct peer_connection *connection, const char *text);
/* Closes after what was sent is out. */
void peer_hang_up(struct peer_connection *connection);
/*
 * From now on the kernel drops whatever the client sends, without acknowledging it: half-open TCP,
 * as when a load balancer forgets a connection or a machine loses its power.
 */
void peer_go_deaf(struct peer_connection *connection);

/* Any protocol: status 200 and a body in pieces, each a chunk or a frame of its own. */
void peer_begin(const struct peer_request *request);
void peer_send_piece(struct peer_connection *connection, uint32_t stream, const void *bytes,
                     size_t size);
void peer_end(struct peer_connection *connection, uint32_t stream);

/* HTTP/2; every answer has this Content-Type unless peer_options says another */
#define PEER_HTTP2_CONTENT_TYPE "application/x;v=2"
void peer_send_status(const struct peer_request *request, int status, bool ends);
void peer_send_data(struct peer_connection *connection, uint32_t stream, const void *bytes,
                    size_t size, bool ends);
void peer_send_reset(struct peer_connection *connection, uint32_t stream);
/* REFUSED_STREAM: the request was not looked at (RFC 9113 8.7). */
void peer_refuse(const struct peer_request *request);
void peer_send_goaway(struct peer_connection *connection, uint32_t last_stream);

#endif
