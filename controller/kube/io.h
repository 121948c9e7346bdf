#ifndef TIDEMILL_KUBE_IO_H
#define TIDEMILL_KUBE_IO_H

/*
 * The seam between the controller and the world: requests to the API server, time, randomness,
 * timers, time zone files. Everything in kube/ speaks to the world through this table alone; io/ is
 * the real side, tests bring their own. Single-threaded: every callback runs from the one loop, and
 * never from inside the call that started it.
 */

#include "api/meta.h"
#include "core/buffer.h"
#include "core/result.h"

#include <stddef.h>
#include <stdint.h>

struct io_call;  /* a request under way; owned by the I/O side */
struct io_visit; /* the same of a request to somebody else than the API server */
struct io_timer; /* a timer not yet fired; owned by the I/O side */

enum { IO_NO_RETRY_AFTER = -1 };

struct io_response {
    /*
     * ERROR_NONE: an HTTP status line and the whole body arrived (any status).
     * ERROR_UNAVAILABLE: nothing was sent. ERROR_LOST: sent, but the answer did not arrive whole.
     * ERROR_LIMIT: the body is over the request's maximum. ERROR_CLOSED: on_data asked to stop, or
     * its send_before_ms came before it could be sent (then nothing was sent).
     */
    enum error_kind failure;
    const char *message;      /* when failure: the server's name and what happened; borrowed */
    int status;               /* HTTP status; 0 when none arrived */
    int retry_after_seconds;  /* Retry-After as an integer, else IO_NO_RETRY_AFTER */
    const char *content_type; /* of the answer, with parameters, or NULL; borrowed */
    const char *warning; /* texts of the `Warning: 299` headers, "; " between, or NULL; borrowed */
    const char *body;    /* NUL-terminated; NULL when on_data took it; borrowed */
    size_t body_size;
    uint64_t bytes_received; /* body bytes, streamed ones included */
};

struct io_request {
    const char *method;       /* "GET", "POST", "PATCH", "DELETE" */
    const char *path;         /* "/apis/...?..."; already escaped */
    const char *content_type; /* NULL without a body */
    const char *accept;       /* media types of the answer, the best first; NULL: JSON */
    const void *body;         /* copied by the call */
    size_t body_size;
    size_t maximum;     /* bytes of an answer's body that are kept when on_data is NULL */
    int64_t timeout_ms; /* whole request; 0: none (watches) */
    int64_t idle_ms;    /* no byte for so long ends it as ERROR_LOST; 0: none */
    /*
     * Monotonic; it is never sent, or sent again, at or after this time, however long it waits for
     * a connection or a credential. 0: whenever it can be.
     */
    int64_t send_before_ms;

    /*
     * Streams a 2xx body; bodies of other statuses are collected (64 KiB at most) and come in
     * on_done. Anything but RESULT_OK ends the call with ERROR_CLOSED. NULL: collected.
     */
    struct result (*on_data)(void *context, const char *bytes, size_t size);
    /*
     * Called before the first on_data of an answer with its Content-Type, or NULL; the text is
     * borrowed. Nothing may be cancelled from it. NULL: nobody asks.
     */
    void (*on_content_type)(void *context, const char *content_type);
    /* Called exactly once unless the call was cancelled; the call is gone afterwards. */
    void (*on_done)(void *context, const struct io_response *response);
    void *context;
};

struct io_fetched;

/*
 * A request to somebody else than the API server: none of our credentials go with it, no redirect
 * is followed, no proxy is used, TLS certificates are checked against the system's authorities.
 */
struct io_fetch {
    const char *method; /* "GET", "HEAD", "POST" */
    const char *url;    /* http or https, checked and escaped */
    const struct name_value *headers;
    size_t header_count;
    const char *body; /* NULL: none; copied, as all of this */
    size_t body_size;
    size_t maximum;     /* bytes of the answer's body; a longer one is ERROR_LIMIT */
    int64_t timeout_ms; /* of all of it */
    /*
     * It is a Service of the cluster, so its address may be a private one. Otherwise only public
     * addresses are connected to, and those that --allow-egress-addresses names. Loopback and
     * link-local ones never are (conformance X5); what a name resolved to is judged, not the name.
     */
    bool is_service;
    void (*on_done)(void *context, const struct io_fetched *fetched);
    void *context;
};

struct io_fetched {
    /*
     * ERROR_NONE: an answer, of any status. ERROR_DENIED: its address is none that may be connected
     * to. ERROR_LIMIT: too long. ERROR_UNAVAILABLE: no connection, no certificate, no time, or half
     * an answer.
     */
    enum error_kind failure;
    const char *message;
    int status;
    const struct name_value *headers; /* names in lower case; all that came */
    size_t header_count;
    const char *body; /* not NUL-terminated */
    size_t body_size;
};

struct io_table {
    /* Never NULL; a failure to start comes through on_done from the loop. */
    struct io_call *(*start)(void *self, const struct io_request *request);
    /* Ends it now; on_done is not called. */
    void (*cancel)(void *self, struct io_call *call);

    /* Never NULL; on_done is called exactly once unless it was cancelled, from the loop. */
    struct io_visit *(*fetch)(void *self, const struct io_fetch *fetch);
    void (*cancel_fetch)(void *self, struct io_visit *visit);

    int64_t (*now_ms)(void *self);      /* monotonic, milliseconds */
    int64_t (*unix_micros)(void *self); /* wall clock, microseconds since 1970 UTC */
    uint64_t (*random)(void *self);

    /* Fires once at or after monotonic `at_ms`. */
    struct io_timer *(*start_timer)(void *self, int64_t at_ms, void (*fire)(void *context),
                                    void *context);
    void (*stop_timer)(void *self, struct io_timer *timer); /* NULL is allowed */

    /* The TZif bytes of an IANA zone. ERROR_NOT_FOUND, ERROR_INVALID (name), ERROR_IO. */
    struct result (*read_zone)(void *self, const char *name, struct buffer *bytes,
                               struct error *error);
};

struct io {
    const struct io_table *table;
    void *self;
};

static inline struct io_call *io_start(struct io io, const struct io_request *request)
{
    return io.table->start(io.self, request);
}

static inline void io_cancel(struct io io, struct io_call *call)
{
    io.table->cancel(io.self, call);
}

static inline struct io_visit *io_fetch(struct io io, const struct io_fetch *fetch)
{
    return io.table->fetch(io.self, fetch);
}

static inline void io_cancel_fetch(struct io io, struct io_visit *visit)
{
    io.table->cancel_fetch(io.self, visit);
}

static inline int64_t io_now_ms(struct io io)
{
    return io.table->now_ms(io.self);
}

static inline int64_t io_unix_micros(struct io io)
{
    return io.table->unix_micros(io.self);
}

static inline uint64_t io_random(struct io io)
{
    return io.table->random(io.self);
}

static inline struct io_timer *io_start_timer(struct io io, int64_t at_ms,
                                              void (*fire)(void *context), void *context)
{
    return io.table->start_timer(io.self, at_ms, fire, context);
}

static inline void io_stop_timer(struct io io, struct io_timer *timer)
{
    io.table->stop_timer(io.self, timer);
}

static inline struct result io_read_zone(struct io io, const char *name, struct buffer *bytes,
                                         struct error *error)
{
    return io.table->read_zone(io.self, name, bytes, error);
}

#endif
