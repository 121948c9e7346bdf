#ifndef TIDEMILL_IO_SERVER_H
#define TIDEMILL_IO_SERVER_H

/*
 * What the controller itself serves: /healthz, /readyz and /metrics, plain text over HTTP/1.1
 * (libmicrohttpd driven from our loop, no thread). For kubelets and Prometheus, so GET and HEAD
 * alone, without bodies, and never anything that came from a user's object.
 */

#include "core/result.h"

#include <stdint.h>

struct health;
struct loop;
struct metrics;
struct server;

struct server_options {
    const char *address; /* "host:port", "[v6]:port", ":port" (all addresses); port 0: any free */
    struct loop *loop;   /* all borrowed until server_close() */
    const struct health *health;
    struct metrics *metrics;
};

/* ERROR_INVALID for an address that cannot be read, ERROR_IO when it cannot be listened on. */
MUST_CHECK struct result server_open(const struct server_options *options, struct server **server,
                                     struct error *error);

/* The port listened on: of use when 0 was asked for. */
uint16_t server_port(const struct server *server);

/* Ends open connections. Accepts NULL, returns NULL. */
struct server *server_close(struct server *server);

#endif
