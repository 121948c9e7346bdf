#ifndef TIDEMILL_KUBE_REFLECTOR_PRIVATE_H
#define TIDEMILL_KUBE_REFLECTOR_PRIVATE_H

/*
 * The inside of a reflector, shared by reflector.c (states), reflector_request.c (what is asked
 * for) and reflector_read.c (bytes) alone.
 */

#include "api/codec_form.h"
#include "kube/reflector.h"
#include "kube/watch_stream.h"

/* Warnings that are remembered as logged (C14); the API server has few, and they do not change. */
enum { WARNINGS_REMEMBERED = 16 };

struct reflector {
    struct io io;
    struct cache *cache;
    enum api_kind kind;

    struct io_call *call;     /* under way, or NULL */
    struct io_timer *timer;   /* of a rest, or NULL */
    enum reflector_step step; /* of `call`, or after `timer`; STEP_STREAM until it is whole */

    /* The list in progress, streamed or in pages */
    struct cache_batch *batch;
    char *list_resource_version; /* of its first page */
    char *continue_token;
    unsigned page_limit;
    int64_t paged_until_ms; /* streaming lists were refused: not asked for before this time */

    /* The watch in progress, or the streaming list */
    struct watch_stream stream;
    const struct codec_form *form; /* of the stream, from its Content-Type on */
    int64_t watch_began_ms;
    uint64_t watch_events;         /* received by it, bookmarks included */
    bool stream_is_judged;         /* it was ended by us because of what it said: */
    enum reflector_outcome judged; /* ... this */

    bool expired_in_vain;     /* a relist for WATCH_EXPIRED has not led to any event since */
    int64_t doubt_began_ms;   /* first of the failing watches in a row, or -1 */
    int64_t backoff_ms;       /* the next one, before jitter */
    int64_t backoff_began_ms; /* the last one, or -1 */
    int64_t retry_after_ms;   /* asked for by the last answer, or 0 */
    int64_t contact_ms;
    struct error error;                     /* of the last failure; kind ERROR_NONE: all is well */
    uint64_t warnings[WARNINGS_REMEMBERED]; /* hashes */
    unsigned warning_count;
    struct reflector_numbers numbers;
};

/* Starts the request of reflector->step; its end comes to one of the two functions below. */
void reflector_request(struct reflector *reflector);
void reflector_finish_page(void *context, const struct io_response *response);
void reflector_finish_watch(void *context, const struct io_response *response);
/* A watch's on_content_type and on_data. */
void reflector_take_content_type(void *context, const char *content_type);
struct result reflector_take_bytes(void *context, const char *bytes, size_t size);

/* The batch is whole: it becomes the cache. */
void reflector_swap_in(struct reflector *reflector, const char *resource_version);

/* Reads one page into the batch. Writes continue_token and list_resource_version on success. */
MUST_CHECK struct result reflector_read_page(struct reflector *reflector,
                                             const struct io_response *response);

/* watch_stream's on_event: one event into the cache. */
struct result reflector_read_event(void *context, const char *bytes, size_t size);

/* Judges a refused request by its body; the error's message says what the API server said. */
enum reflector_outcome reflector_read_refusal(struct reflector *reflector,
                                              const struct io_response *response);

#endif
