#ifndef TIDEMILL_SUPPORT_PEER_PRIVATE_H
#define TIDEMILL_SUPPORT_PEER_PRIVATE_H

/* Shared by peer.c (connections, HTTP/1.1), peer_http2.c and peer_identity.c alone. */

#include "support/peer.h"

#include "core/buffer.h"

#include <nghttp2/nghttp2.h>
#include <openssl/ssl.h>

enum { PEER_BUFFER_MAXIMUM = 16 * 1024 * 1024, PEER_STREAMS_MAXIMUM = 512 };

/* An open stream of HTTP/2 and what came on it. */
struct peer_stream {
    uint32_t number;
    char *head;
    struct buffer body;
};

struct peer_connection {
    struct peer_connection *next;
    struct peer *peer;
    size_t number;
    int fd;
    SSL *tls;
    struct loop_watch *watch;
    struct buffer in;
    struct buffer out;
    bool hangs_up;
    bool closed;
    bool greeted;                                     /* HTTP/2 preface seen */
    struct peer_stream streams[PEER_STREAMS_MAXIMUM]; /* open ones */
    size_t stream_count;
    nghttp2_hd_inflater *inflater; /* of the client's headers; made with the first */
};

struct peer {
    struct peer_options options;
    int fd;
    uint16_t port;
    struct loop_watch *watch;
    SSL_CTX *tls;
    struct peer_connection *connections;
    size_t connection_count;
    size_t request_count;
};

struct peer_identity {
    EVP_PKEY *key;
    X509 *certificate;
    char *key_text;
    char *certificate_text;
};

/* A request has arrived whole. */
void peer_hand_over(struct peer_connection *connection, uint32_t stream, const char *head,
                    const char *body, bool has_body);

/* Takes one frame of what came in; false: not a whole one. */
bool peer_take_http2(struct peer_connection *connection);
void peer_free_http2(struct peer_connection *connection);

#endif
