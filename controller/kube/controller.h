#ifndef TIDEMILL_KUBE_CONTROLLER_H
#define TIDEMILL_KUBE_CONTROLLER_H

/*
 * The controller, whole, above kube/io: reflectors fill caches, changes become keys, a key is
 * gathered, planned and executed, and what came of it decides when it is looked at again.
 *
 *   reflector -> cache -> routes -> queue -> gather -> plan_*() -> executor -> API server
 *                  ^                  ^                               |
 *                  |                  +--- reaction, plan.wake_at <---+
 *                  +------ expectations: not planned before the cache has seen it
 *
 * Invariants: nothing is planned before every cache is synced; a key is in one hand at a time.
 *
 * With leader election (kube/election) a replica whose caches are synced is a candidate:
 *
 *                all synced             won             every kind listed anew
 *   STARTING --------------> FOLLOWING -----> LOOKING ------------------------> ACTING
 *                                ^              | lost                           | lost
 *                                +--------------+--------------------------------+
 *
 * Only ACTING plans. A follower keeps its caches and is ready, and puts nothing into the queue. The
 * lists begin after the lease was won: what the one before wrote, or what a watch that had silently
 * died did not tell, is known before anything is planned, and then everything is planned. Without
 * election: STARTING, then ACTING for ever.
 */

#include "cache/cache.h"
#include "kube/election.h"
#include "kube/events.h"
#include "kube/executor.h"
#include "kube/hooks.h"
#include "kube/io.h"
#include "kube/poller.h"
#include "kube/queue.h"
#include "kube/reflector.h"
#include "plan/view.h"

#include <stdint.h>

/* Keys planned or executed at once; what one executes is bounded by EXECUTOR_IN_FLIGHT. */
enum {
    CONTROLLER_KEYS_IN_HAND = 256,
    /* What may wait (ROUTE_SOON) waits so long: a pipeline's history is trimmed once for many ends.
     */
    CONTROLLER_SOON_MS = 1000
};

/* Who competes for which Lease; texts are copied. */
struct controller_election {
    const char *identity; /* of this process, among all candidates */
    const char *namespace;
    const char *name;
    struct election_times times; /* checked */
};

struct controller_options {
    struct io io;
    /* NULL: this process alone writes. Read by controller_new() and no more. */
    const struct controller_election *election;
    const char *instance;     /* the pod's name, for events; copied */
    const char *allow_egress; /* hosts that URLs of users may name (kube/egress.h); NULL: none */
    struct plan_settings settings; /* texts borrowed for the controller's life */
    /* One reconcile is over. NULL or for metrics; `error` is ERROR_NONE when nothing failed. */
    void (*on_reconcile)(void *context, enum api_kind kind, int64_t duration_us,
                         enum error_kind error);
    /* The first whole list of this kind is in the cache. NULL or for health. */
    void (*on_synced)(void *context, enum api_kind kind);
    /* A run reached a final phase. NULL or for metrics. */
    void (*on_run_end)(void *context, const char *phase);
    /* How many steps run now, by the statuses of all runs; after each change. NULL or for metrics.
     */
    void (*on_steps_running)(void *context, size_t count);
    /* This replica leads from now on, or no more. NULL or for metrics. */
    void (*on_leading)(void *context, bool leads);
    void *context;
};

enum {
    /*
     * How long a clean stop waits for answers to what was sent. A Lease that is not renewed keeps
     * others away for 5 s more than this (lease - renew deadline).
     */
    CONTROLLER_DRAIN_MS = 2 * 1000
};

struct controller;

struct controller *controller_new(const struct controller_options *options);
/* Accepts NULL; returns NULL. Cancels what is under way. */
struct controller *controller_free(struct controller *controller);

void controller_start(struct controller *controller);

/*
 * A clean stop: plans and sends nothing more, waits for the answers under way and gives the lease
 * back, so that another replica takes over at once; then calls `done`, from the loop, after
 * CONTROLLER_DRAIN_MS + ELECTION_STOP_MS at most. When answers are missing by then, the lease is
 * left to run out: what was sent might still be carried out. Without election it is done at once:
 * the next start finds what was under way.
 */
void controller_stop(struct controller *controller, void (*done)(void *context), void *context);

/* True when this replica plans. */
bool controller_is_acting(const struct controller *controller);

/* True when every cache is synced. */
bool controller_is_synced(const struct controller *controller);

/* True when no key is ready or in hand: for tests and for a clean stop. */
bool controller_is_at_rest(const struct controller *controller);

/* What deliveries of webhooks are given to; NULL before all is known, and after controller_stop().
 */
struct hooks *controller_hooks(struct controller *controller);

struct hooks_numbers controller_hooks_numbers(const struct controller *controller);

/* For metrics and health; borrowed. */
const struct reflector *controller_reflector(const struct controller *controller,
                                             enum api_kind kind);
const struct cache *controller_cache(const struct controller *controller);
const struct queue *controller_queue(const struct controller *controller);
const struct executor *controller_executor(const struct controller *controller);
const struct poller *controller_poller(const struct controller *controller);
const struct events *controller_events(const struct controller *controller);
/* NULL without election. */
const struct election *controller_election(const struct controller *controller);

#endif
