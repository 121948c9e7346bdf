#ifndef TIDEMILL_IO_HTTP_PRIVATE_H
#define TIDEMILL_IO_HTTP_PRIVATE_H

/* Shared by http.c (sockets, timers, the queue) and http_call.c (one call). For no one else. */

#include "core/buffer.h"
#include "io/credentials.h"
#include "io/http.h"
#include "io/http_header.h"
#include "io/loop.h"

#include <curl/curl.h>

enum http_call_state {
    CALL_QUEUED,    /* waits for a credential, and for a place among those under way */
    CALL_RUNNING,   /* curl has it */
    CALL_CANCELLED, /* cancelled from inside a curl callback: removed when that returns */
    CALL_ENDED,     /* on_done runs, or is about to */
};

struct io_call {
    struct http *http;
    struct io_call *next; /* in the list of its state */
    struct io_call *previous;
    enum http_call_state state;

    /* The request, copied. */
    char *method;
    char *path;
    char *content_type;
    char *body;
    size_t body_size;
    size_t body_sent; /* bytes that curl has taken */
    size_t maximum;
    int64_t timeout_ms;
    int64_t idle_ms;
    int64_t send_before_ms; /* 0: none */
    struct result (*on_data)(void *context, const char *bytes, size_t size);
    void (*on_done)(void *context, const struct io_response *response);
    void *context;

    /* Under way. */
    CURL *easy;
    struct curl_slist *headers;
    char curl_message[CURL_ERROR_SIZE];
    uint64_t generation; /* of the credential it carries */
    bool repeated;       /* after a 401 */
    int local_port;      /* of the connection it was sent on; 0: not sent */
    int64_t asked_ms;    /* when http_start() was called */
    int64_t started_ms;  /* when curl got it */
    int64_t last_byte_ms;
    struct loop_timer *idle_timer;

    /* The answer. */
    struct http_headers answer_headers;
    struct buffer answer;
    uint64_t body_received;
    enum error_kind ended_by_us; /* ERROR_NONE: not; else what to report */
    const char *our_message;     /* static text */
};

struct io_call_list {
    struct io_call *first;
    struct io_call *last;
};

/* A connection's socket, while curl wants to hear of it. */
struct http_socket {
    struct http_socket *next;
    struct http_socket *previous;
    struct http *http;
    struct loop_watch *watch;
    curl_socket_t fd;
    int64_t last_read_ms; /* when bytes last waited on it */
};

enum { EASY_POOL_SIZE = 64 };

struct http {
    struct http_options options;
    char *base_url;    /* what URLs begin with; the host is the one to verify */
    char *host_header; /* "Host: ..." when base_url's is not the real one; else NULL */
    struct curl_slist *connect_to;

    CURLM *multi;
    unsigned in_curl; /* depth of calls that run callbacks */
    struct loop_timer *curl_timer;
    struct loop_timer *pump_timer;      /* deferred: the queue is worked on in the next turn */
    struct io_call_list queued;         /* requests */
    struct io_call_list queued_streams; /* watches: never kept waiting by requests */
    struct io_call_list running;
    size_t running_requests;
    struct io_call_list cancelled;
    struct http_socket *sockets;

    CURL *pool[EASY_POOL_SIZE];
    size_t pool_count;
    struct http_counters counters;
};

/* ---- http_call.c ---- */

struct io_call *http_call_new(struct http *http, const struct io_request *request);
/* After http_call_release(). */
void http_call_free(struct io_call *call);
/* Sets curl's options; takes an easy handle from the pool. */
void http_call_prepare(struct io_call *call, const struct credential *credential);
/* Back to the state before http_call_prepare(); the easy handle goes to the pool. */
void http_call_release(struct io_call *call);
/* What curl's end of the call means. `response` borrows from the call. */
void http_call_judge(struct io_call *call, CURLcode code, struct io_response *response);
/* Counters and metrics of a request that ended. */
void http_call_count(struct io_call *call, const struct io_response *response);

/* ---- http.c ---- */

void http_list_add(struct io_call_list *list, struct io_call *call);
void http_list_remove(struct io_call_list *list, struct io_call *call);

/* A watch: it lasts until somebody ends it. */
static inline bool http_call_is_stream(const struct io_call *call)
{
    return call->timeout_ms == 0;
}

#endif
