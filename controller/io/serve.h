#ifndef TIDEMILL_IO_SERVE_H
#define TIDEMILL_IO_SERVE_H

/*
 * An HTTP/1.1 server on our loop: libmicrohttpd without a thread of its own. What it answers is its
 * owner's: io/server (health, metrics) and io/hook_server (deliveries of webhooks).
 */

#include "core/result.h"

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct certificate;
struct loop;
struct serve;

struct serve_options {
    struct loop *loop;   /* borrowed until serve_close() */
    const char *address; /* "host:port", "[v6]:port", ":port" (all addresses); port 0: any free */
    MHD_AccessHandlerCallback handle;
    MHD_RequestCompletedCallback completed; /* may be NULL */
    void *context;                          /* of both */
    bool suspends;                          /* requests may be answered later: see serve_wake() */
    unsigned connections;
    unsigned connections_per_peer;
    size_t connection_memory; /* bytes: request line, headers, and the answer's headers */
    unsigned timeout_seconds; /* of a connection on which nothing happens */
    /*
     * The most that a connection may take to its first request's headers (the handshake of TLS is
     * in it), and from there, or from an answer, to the next answer: who sends a byte now and then
     * does not keep its place for ever. 0: no limit.
     */
    unsigned first_request_seconds;
    unsigned request_seconds;
    const struct certificate *certificate; /* NULL: in the clear; else TLS 1.2 or newer, and only */
};

/* ERROR_INVALID for an address that cannot be read, ERROR_IO when it cannot be listened on. */
MUST_CHECK struct result serve_open(const struct serve_options *options, struct serve **serve,
                                    struct error *error);

/* The port listened on: of use when 0 was asked for. */
uint16_t serve_port(const struct serve *serve);

/* After MHD_resume_connection(): the library goes on in the loop's next turn. */
void serve_wake(struct serve *serve);

/* Ends open connections; suspended ones were resumed before. Accepts NULL, returns NULL. */
struct serve *serve_close(struct serve *serve);

#endif
