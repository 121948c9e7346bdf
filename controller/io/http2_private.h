#ifndef TIDEMILL_IO_HTTP2_PRIVATE_H
#define TIDEMILL_IO_HTTP2_PRIVATE_H

/*
 * One HTTP/2 connection (RFC 9113), shared by http2.c (the connection) and http2_stream.c (what its
 * frames mean for calls) alone.
 *
 *             curl has connected            SETTINGS came           GOAWAY
 *   DIALLING --------------------> GREETING -------------> OPEN -----------> LEAVING
 *      |                              |                      |                  | last stream
 *      +------------------------------+----------------------+------------------+-----> gone
 *        can't connect, or the connection broke: its calls end
 */

#include "io/http_private.h"

#include <nghttp2/nghttp2.h>

enum http2_state { HTTP2_DIALLING, HTTP2_GREETING, HTTP2_OPEN, HTTP2_LEAVING };

struct http2 {
    struct http_dial dial; /* first: curl hands it back */
    struct http *http;
    struct http2 *next;
    enum http2_state state;
    uint64_t identity; /* of the credential that it was made with */

    int local_port;
    struct loop_watch *watch;
    bool waits_for_room;      /* the socket took less than it was given */
    struct buffer out;        /* frames that the socket has not taken */
    int64_t last_read_ms;     /* when bytes last came */
    struct loop_timer *turn;  /* deferred: frames are written in the next turn */
    struct loop_timer *limit; /* GREETING: the server's SETTINGS come in time */
    const char *broken;       /* why it ended; NULL: it has not */

    nghttp2_session *session;
    size_t streams; /* of calls */
    size_t streams_maximum;
};

/* ---- http2.c ---- */

/* Frames are waiting: they are written in the next turn, many at once. */
void http2_write_soon(struct http2 *connection);

/* ---- http2_stream.c ---- */

/* The client's side of a connection, with its first frames waiting to be sent. */
nghttp2_session *http2_session_new(struct http2 *connection);

#endif
