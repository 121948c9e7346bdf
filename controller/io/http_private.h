#ifndef TIDEMILL_IO_HTTP_PRIVATE_H
#define TIDEMILL_IO_HTTP_PRIVATE_H

/*
 * The inside of the HTTP client. For no one else.
 *
 *   http.c       which call goes next, by which carrier; credentials, cancelling, idle watches
 *   http_call.c  one call: what it asks, what came back, what that means
 *   http2*.c     carrier: HTTP/2 over TLS by nghttp2, many calls on a connection
 *   http_curl*.c carrier: whatever else a server speaks, by libcurl; and the making of connections
 *
 *                      a carrier has room          it ended, well or not
 *   http_start() -> QUEUED ---------------> RUNNING ----------------------> ENDED, on_done
 *                     ^                        |
 *                     +------------------------+  401 with another credential at hand, or the
 *                                                 server says that it never looked at it
 *
 * Invariant: a carrier's callbacks may start and cancel calls; what they end is freed when the
 * carrier has returned (`inside` is 0).
 */

#include "core/buffer.h"
#include "io/credentials.h"
#include "io/curl_loop.h"
#include "io/http.h"
#include "io/http_header.h"
#include "io/loop.h"

struct http2;

enum http_call_state {
    CALL_QUEUED,    /* waits for a credential, and for a place among those under way */
    CALL_RUNNING,   /* a carrier has it */
    CALL_CANCELLED, /* cancelled from inside a carrier's callback: freed when that returns */
    CALL_ENDED,     /* on_done runs, or is about to */
};

struct io_call {
    struct curl_transfer transfer; /* when curl carries it */
    struct http *http;
    struct io_call *next; /* in the list of its state */
    struct io_call *previous;
    enum http_call_state state;

    /* The request, copied. */
    char *method;
    char *path;
    char *content_type;
    char *accept;
    char *body;
    size_t body_size;
    size_t body_sent; /* bytes that the carrier has taken */
    size_t maximum;
    int64_t timeout_ms;
    int64_t idle_ms;
    int64_t send_before_ms; /* 0: none */
    struct result (*on_data)(void *context, const char *bytes, size_t size);
    void (*on_content_type)(void *context, const char *content_type);
    void (*on_done)(void *context, const struct io_response *response);
    void *context;

    /* Under way: of the two carriers, one has it. */
    struct curl_slist *headers; /* curl's */
    char *curl_message;         /* CURL_ERROR_SIZE bytes */
    struct http2 *connection;   /* when HTTP/2 carries it */
    int32_t stream;
    uint64_t generation;  /* of the credential it carries */
    bool repeated;        /* after a 401 */
    unsigned unprocessed; /* times that a server did not look at it */
    int local_port;       /* of the connection it was sent on; 0: not sent */
    int64_t asked_ms;     /* when http_start() was called */
    int64_t started_ms;   /* when the carrier got it */
    int64_t last_byte_ms;
    struct loop_timer *idle_timer;
    struct loop_timer *limit_timer; /* of the whole request; curl keeps its own */

    /* The answer. */
    int status; /* 0: none yet */
    bool is_whole;
    bool type_is_told; /* on_content_type came */
    struct http_headers answer_headers;
    struct buffer answer;
    uint64_t head_sent; /* bytes of method, path and headers */
    uint64_t body_received;
    enum error_kind ended_by_us; /* ERROR_NONE: not; else what to report */
    const char *our_message;     /* static text */
    char *explained; /* what its owner is told of a failure: the server's name and why */
};

struct io_call_list {
    struct io_call *first;
    struct io_call *last;
};

/* How a carrier says that a call is over: ERROR_NONE when the whole answer has come. */
struct http_end {
    enum error_kind failure;
    const char *message; /* borrowed */
};

enum {
    /*
     * API servers allow 100 streams on a connection and more (theirs: 1000; Go's: 250). Fewer
     * requests than that at once keep all on one connection, watches included.
     */
    HTTP_REQUESTS_MAXIMUM = 80,
    /* HTTP/1.1 needs one for each watch and each request; HTTP/2 uses one or two. */
    HTTP_CONNECTIONS_MAXIMUM = 64,
    HTTP_EASY_POOL_SIZE = 64,
};

struct http {
    struct http_options options;
    char *base_url;    /* what URLs begin with; the host is the one to verify */
    char *host_header; /* "Host: ..." when base_url's is not the real one; else NULL */
    char *authority;   /* host:port as the server is named */
    char *path_prefix; /* "" or "/..." of the server's address */
    struct curl_slist *connect_to;
    bool by_http2; /* false: curl carries all, for the server does not speak HTTP/2 over TLS */

    unsigned inside;                    /* depth of carriers' calls that run our callbacks */
    struct loop_timer *pump_timer;      /* deferred: the queue is worked on in the next turn */
    struct io_call_list queued;         /* requests */
    struct io_call_list queued_streams; /* watches: never kept waiting by requests */
    struct io_call_list running;
    size_t running_requests;
    struct io_call_list cancelled;
    struct http_counters counters;

    /* http_curl.c */
    struct curl_loop *curl;
    CURL *pool[HTTP_EASY_POOL_SIZE];
    size_t pool_count;

    /* http2.c */
    struct http2 *connections;
    size_t connection_count;
    struct http2 *dialling; /* one at a time; among `connections` */
};

/* ---- http.c ---- */

/* How long the making of a connection may take. */
int http_connect_ms(const struct http *http);
/* The carrier has let go of the call. Frees it, or queues it again. */
void http_finish(struct io_call *call, const struct http_end *end);
/* The server says that it never looked at this request (RFC 9113, 8.7): it is sent again. */
void http_send_again(struct io_call *call, const struct http_end *end);
/* No connection can be made: all that wait fail alike. */
void http_refuse_queued(struct http *http, const char *why);
void http_pump_soon(struct http *http);
/* After a carrier ran: what was cancelled meanwhile is freed. */
void http_sweep(struct http *http);

/* A watch: it lasts until somebody ends it. */
static inline bool http_call_is_stream(const struct io_call *call)
{
    return call->timeout_ms == 0;
}

/* ---- http_call.c ---- */

struct io_call *http_call_new(struct http *http, const struct io_request *request);
/* After the carrier has let go of it. */
void http_call_free(struct io_call *call);
/* Before a carrier gets it, the first time or again. */
void http_call_begin(struct io_call *call, const struct credential *credential);
/*
 * The last moment to keep it back. True: it may be sent now, on the connection with this local
 * port.
 */
bool http_call_may_be_sent(struct io_call *call, int local_port);
/* Bytes of the body; false: nobody wants more of them, and ended_by_us says why. */
bool http_call_take_body(struct io_call *call, const char *bytes, size_t size);
/* What its end means. `response` borrows from the call and from `end`. */
void http_call_judge(struct io_call *call, const struct http_end *end,
                     struct io_response *response);
/* Counters and metrics of a request that ended. */
void http_call_count(struct io_call *call, const struct io_response *response);

/* ---- http_curl.c ---- */

void http_curl_open(struct http *http);
void http_curl_close(struct http *http);
void http_curl_begin(struct io_call *call, const struct credential *credential);
/* Takes it away from curl. */
void http_curl_release(struct io_call *call);
/* Shuts the connection of a silent watch when it was silent as well. */
void http_curl_shut_silent(const struct io_call *call, int64_t now_ms);

/* ---- http_curl_connect.c ---- */

/* How a connection's sockets are set, and whom it trusts; for both carriers. */
void http_curl_set_connection(CURL *easy, struct http *http);
void http_curl_set_security(CURL *easy, struct http *http, const struct credential *credential);

/*
 * A connection over TLS that is made by curl (names, proxies, certificates) and then ours.
 * transfer.done tells when it is there, or can't be made.
 */
struct http_dial {
    struct curl_transfer transfer;
    struct http *http;
    bool speaks_http2;        /* by ALPN (RFC 7301) */
    const struct ssl_st *tls; /* OpenSSL's, the innermost; curl owns it */
    bool is_nested;           /* in the TLS of a proxy, which may hold bytes too */
    char message[CURL_ERROR_SIZE];
};

/* False: this libcurl can't be told the protocols to offer. `dial` lives until http_dial_close().
 */
bool http_dial_open(struct http_dial *dial, const struct credential *credential);
void http_dial_close(struct http_dial *dial);

/* There may be bytes that were read ahead of the kernel, and that it will not tell of again. */
bool http_dial_holds_bytes(const struct http_dial *dial);

/* ---- http2.c ---- */

/*
 * A connection with room for one more stream, or NULL: one is being made, and the queue is worked
 * on again when there is one.
 */
struct http2 *http2_find(struct http *http, const struct credential *credential);
void http2_begin(struct http2 *connection, struct io_call *call,
                 const struct credential *credential);
/* Ends the call's stream. */
void http2_release(struct io_call *call);
/* As http_curl_shut_silent(). */
void http2_shut_silent(const struct io_call *call, int64_t now_ms);
void http2_close(struct http *http);

#endif
