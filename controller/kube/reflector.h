#ifndef TIDEMILL_KUBE_REFLECTOR_H
#define TIDEMILL_KUBE_REFLECTOR_H

/*
 * Keeps the cache of one kind like the API server's: all objects once, then WATCH from there, for
 * as long as it runs (conformance C1-C6, C8-C10, C12, C14). The objects come as a streaming list
 * (KEP-3157: a watch that begins with all there is and stays the watch), or in pages from a server
 * that has none. One for each kind; used by the controller's wiring. Invariants: one request or one
 * timer is under way while it runs, never both; the cache never goes back and never shows a list in
 * part; no answer of the API server ends it.
 *
 *                whole: the bookmark behind the last object
 *   start --> STREAMING --------------------------------------+     +-----+ ended: same
 *              ^  ^  |  |                                     v     v     | resourceVersion
 *              |  |  |  | unsupported, unready, stuck      WATCHING ------+
 *              |  |  |  v                       complete   ^  | |  ^ |
 *              |  |  | LISTING ----------------------------+  | |  | | short, refused, failed
 *              |  |  |  |  ^ |                                | |  | v
 *              |  |  |  |  +-+ next page, expired token,      | |  RESTING
 *              |  |  |  |      too big                expired | |
 *              |  +--|--|-------------------------------------+ |
 *   pause over |     v  v  refused, failed                      | unreadable, stuck
 *              +--- RESTING <-----------------------------------+
 *
 * Each arrow is a row of the table in reflector_outcome.c, but for "whole", which ends no request.
 * For REFLECTOR_PAGED_MS after "unsupported", every way to STREAMING leads to LISTING.
 */

#include "cache/cache.h"
#include "kube/io.h"
#include "kube/reflector_outcome.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    REFLECTOR_PAGE_LIMIT = 500,                     /* objects of a page; C1 */
    REFLECTOR_PAGE_MAXIMUM = 32 * 1024 * 1024,      /* bytes of a page; more: smaller pages */
    REFLECTOR_LIST_ALL_MAXIMUM = 256 * 1024 * 1024, /* bytes of a list in one piece */
    REFLECTOR_LIST_TIMEOUT_MS = 120 * 1000,         /* twice the API server's own limit */
    REFLECTOR_PAGED_MS = 10 * 60 * 1000, /* C6: no streaming list after one was not understood */
    REFLECTOR_WATCH_SECONDS_LOW = 300,   /* timeoutSeconds; C2 */
    REFLECTOR_WATCH_SECONDS_HIGH = 600,
    REFLECTOR_IDLE_MS = 150 * 1000,         /* C12: two bookmarks and a half */
    REFLECTOR_SHORT_WATCH_MS = 1000,        /* C4 */
    REFLECTOR_BACKOFF_FIRST_MS = 800,       /* C5 */
    REFLECTOR_BACKOFF_LIMIT_MS = 30 * 1000, /* before jitter */
    REFLECTOR_BACKOFF_RESET_MS = 2 * 60 * 1000,
    REFLECTOR_STEADY_WATCH_MS = 10 * 1000, /* one that ends well after so long ends the backoff */
    REFLECTOR_RETRY_AFTER_LIMIT_MS = 2 * 60 * 1000, /* what a Retry-After may ask of us */
    REFLECTOR_DOUBT_LIMIT_MS = 30 * 1000,           /* C4: of failing watches before a relist */
    REFLECTOR_EVENT_TYPE_COUNT = WATCH_UNKNOWN + 1
};

struct reflector;

/* Borrows `cache`. It does nothing before reflector_start(). */
struct reflector *reflector_new(struct io io, struct cache *cache, enum api_kind kind);

/*
 * Begins with a list. Once; a reflector that was stopped may be started again. Not from a cache
 * listener, as the other functions that end something.
 */
void reflector_start(struct reflector *reflector);

/* Ends what is under way; the cache stays as it is. */
void reflector_stop(struct reflector *reflector);

/* Stops. Accepts NULL; returns NULL. */
struct reflector *reflector_free(struct reflector *reflector);

struct reflector_health {
    bool synced; /* the first whole list is in the cache */
    /* What went wrong last, until a list or an event arrives; NULL: nothing. Borrowed. */
    const char *error;
    int64_t contact_ms; /* monotonic: when the API server was last heard; -1: never */
};

struct reflector_health reflector_health(const struct reflector *reflector);

/* Totals since reflector_new(). */
struct reflector_numbers {
    uint64_t list_requests;   /* pages count one each */
    uint64_t stream_requests; /* streaming lists, whatever came of them */
    uint64_t watch_requests;
    uint64_t relists;                            /* complete lists after the first */
    uint64_t events[REFLECTOR_EVENT_TYPE_COUNT]; /* by enum watch_event_type */
    uint64_t poisons;                            /* undecodable objects, repeats included */
    uint64_t bytes;                              /* of answers' bodies */
    uint64_t outcomes[REFLECTOR_OUTCOME_COUNT];  /* names: reflector_reaction()->name */
};

const struct reflector_numbers *reflector_numbers(const struct reflector *reflector);

/* "added", "modified", "deleted", "bookmark", "error", "unknown". */
const char *reflector_event_type_name(enum watch_event_type type);

/* Bytes held between events: for tests of C10. */
size_t reflector_held_bytes(const struct reflector *reflector);

#endif
