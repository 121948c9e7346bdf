#ifndef TIDEMILL_KUBE_POLLER_H
#define TIDEMILL_KUBE_POLLER_H

/*
 * Asks the sources of Triggers what they are at, each at its interval, while this replica leads.
 * What came is a sighting; the planner decides what it means. Uses source/ for the protocols and
 * kube/egress for where a URL may lead; knows no protocol itself.
 *
 *   Trigger in the cache ──> waiting ──its time──> asking: request, answer, request ... ──>
 * sighting ^                                                             │ └────────────────────
 * interval ───────────────────────────────┘
 *
 * The second look comes at any moment of the first interval, so that Triggers that were applied
 * together are not polled together.
 *
 * Invariants: nothing is asked, and nothing is known, unless this replica leads: a sighting from
 * before another replica led could be older than what that one fired for. A host that is slow or
 * down keeps no other one waiting.
 */

#include "cache/cache.h"
#include "kube/io.h"
#include "kube/key.h"
#include "plan/view.h"

enum {
    POLLER_INTERVAL_SECONDS = 5 * 60, /* of a spec that names none */
    POLLER_INTERVAL_LEAST_SECONDS = 10,
    POLLER_RETRY_SECONDS = 10,  /* after a failure; doubled with each, at most the interval */
    POLLER_ASKING_MAXIMUM = 64, /* conversations at once, */
    POLLER_HOST_MAXIMUM = 8,    /* and with one host */
    POLLER_REQUEST_MS = 30 * 1000,
    /* At the start polls are spread over so long for each Trigger, at most over an interval. */
    POLLER_SPREAD_MS = 20
};

struct poller;

struct poller_options {
    struct io io;
    const struct cache *cache;
    const char *allowed_hosts; /* --allow-egress; borrowed */
    /* Another sighting than before is known of this Trigger. */
    void (*wake)(void *context, const struct work_key *key);
    void *context;
};

struct poller *poller_new(const struct poller_options *options);
/* Accepts NULL; returns NULL. */
struct poller *poller_free(struct poller *poller);

/* This replica leads from now on, or no more: then all is forgotten. */
void poller_start(struct poller *poller);
void poller_stop(struct poller *poller);

/* A Trigger in the cache has changed; `after` NULL: it is gone. */
void poller_follow(struct poller *poller, const struct trigger *before,
                   const struct trigger *after);

/* NULL: it was not asked yet, since it is as it is. Borrowed until the next callback. */
const struct sighting *poller_find(const struct poller *poller, const struct trigger *trigger);

struct poller_numbers {
    size_t known;
    size_t asking;
    uint64_t requests;
    uint64_t found;
    uint64_t absent;
    uint64_t failed;
};
struct poller_numbers poller_numbers(const struct poller *poller);

#endif
