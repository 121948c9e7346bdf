#ifndef TIDEMILL_IO_HTTP_H
#define TIDEMILL_IO_HTTP_H

/*
 * The HTTP client for one API server, driven by io/loop.h. HTTP/2 over TLS by nghttp2, all
 * requests on as few connections as the server's stream limit allows; by libcurl, with HTTP/1.1,
 * when the server speaks nothing else. Used by io/real.h alone.
 * Invariants: no redirect is followed and credentials go to this one server (X6); a request with a
 * body is sent at most once, but for the one repeat after a 401; curl is never called from inside
 * one of its own callbacks.
 */

#include "core/result.h"
#include "io/access.h"
#include "kube/io.h"

struct controller_metrics;
struct credentials;
struct http;
struct loop;

/* All borrowed until http_close(). */
struct http_options {
    struct loop *loop;
    const struct access *access;
    struct credentials *credentials;
    const struct controller_metrics *metrics; /* NULL: not counted */
    /* A connection whose peer acknowledges nothing for so long is ended (C12). 0: 30 s. */
    int unacknowledged_ms;
    /* A connection that can't be used after so long is given up. 0: 10 s. */
    int connect_ms;
};

/* ERROR_INVALID for a server address that is not http or https. */
MUST_CHECK struct result http_open(const struct http_options *options, struct http **http,
                                   struct error *error);

/* As kube/io.h says of start and cancel. */
struct io_call *http_start(struct http *http, const struct io_request *request);
void http_cancel(struct http *http, struct io_call *call);

/* credentials_options.on_change: calls that waited for a credential go on. */
void http_credentials_changed(struct http *http);

struct http_counters {
    uint64_t connections;
    uint64_t requests;
    uint64_t bytes_sent;
    uint64_t bytes_received;
};

struct http_counters http_counters(const struct http *http);

/* Ends every call without its on_done. Accepts NULL, returns NULL. */
struct http *http_close(struct http *http);

#endif
