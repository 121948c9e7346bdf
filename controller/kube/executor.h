#ifndef TIDEMILL_KUBE_EXECUTOR_H
#define TIDEMILL_KUBE_EXECUTOR_H

/*
 * Carries out plans (plan/plan.h) by requests to the API server, asynchronously over kube/io. Used
 * by the controller. Invariants: order, groups and stages are as plan.h promises; no write is sent
 * without asking the lease, nor in another term of it than it was planned in; nothing is written to
 * an object that is not ours; at most EXECUTOR_IN_FLIGHT requests are under way, and keys take
 * turns, so a plan of 500 writes delays another key's write by one turn.
 *
 * What it does with the answers is in executor.c's table; in short:
 * - CREATE: AlreadyExists, a lost answer, or a 5xx is settled by a live GET: controlled by
 *   owner_uid (or, when owner_uid is NULL, labelled as managed by tidemill and controlled by
 *   nobody) is done; otherwise ERROR_EXISTS with whose it is.
 * - APPLY: the first of a name is preceded by the same GET, and an object that is there is applied
 *   with its uid, so that a late apply never resurrects or seizes anything (conformance C27). It is
 *   locked by the version that was planned with, where the plan says so, or else by what the GET
 *   found: a late one undoes nothing, and what is to be made is made or left alone. After
 *   a lost answer or a 5xx nothing is planned for the key before the cache has seen what a live GET
 *   found.
 * - That GET is sent until it is answered, later and later, EXECUTOR_SETTLE_RESENDS times: what a
 *   key has done itself it must know. Refused (403), given up, or told to come in more than
 *   EXECUTOR_RETRY_AFTER_SECONDS, the key waits instead, as after any failure.
 * - DELETE: NotFound is done. PROBE: NotFound is an answer, and so is a list
 *   without pods.
 * - DRY_RUN: every verdict is an answer, and so is that there was none: only a refused token is
 *   tried again later (reaction_of_dry_run() says what an answer means).
 * - 429 and 5xx with a Retry-After of at most EXECUTOR_RETRY_AFTER_SECONDS are sent again, at most
 *   EXECUTOR_RESENDS times; a GET and a dry run, which change nothing, also when the connection
 *   broke.
 * - EXPLAIN over its rate is not sent, and counts as done: 2,000 runs that wait for their pods are
 *   told why one after the other, and not by 2,000 lists of events.
 * - a request that was refused less than 30 s ago in these very words is not sent again.
 * - a group is not gone on with after a request that had to be sent again, nor when the plan is
 *   older than EXECUTOR_PLAN_AGE_MS: what follows is dropped, and planned anew on what is there
 *   now. A status that was planned a minute ago would say that a drain of 30 s is over when it
 *   begins.
 * - successful writes become expectations, refusals become facts.
 */

#include "kube/events.h"
#include "kube/expectations.h"
#include "kube/facts.h"
#include "kube/io.h"
#include "kube/key.h"
#include "kube/lease.h"
#include "kube/reaction.h"
#include "plan/plan.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    EXECUTOR_IN_FLIGHT = 64,              /* requests, all keys together */
    EXECUTOR_RESENDS = 10,                /* client-go's maxRetries (conformance C11) */
    EXECUTOR_SETTLE_RESENDS = 50,         /* of the GET that settles a write: over four minutes */
    EXECUTOR_RETRY_AFTER_SECONDS = 30,    /* longer ones put the key back instead */
    EXECUTOR_PLAN_AGE_MS = 10 * 1000,     /* an older plan is not gone on with */
    EXECUTOR_TIMEOUT_MS = 65 * 1000,      /* just over the API server's own --request-timeout */
    EXECUTOR_QUESTION_INTERVAL_MS = 1000, /* EXPLAIN, all keys together: one in this time, */
    EXECUTOR_QUESTION_BURST = 30          /* and so many after a silence */
};

struct executor_options {
    struct io io;
    const struct lease *lease;
    struct expectations *expectations;
    struct facts *facts;
    struct events *events;
};

/* What a plan came to. Texts are borrowed for the call. */
struct execution_summary {
    size_t done;
    size_t failed;
    size_t dropped;          /* not tried, because one before it in its group failed or took long */
    enum reaction reaction;  /* the gravest; REACTION_NONE when nothing failed */
    enum error_kind error;   /* of the failure that decided */
    const char *message;     /* of that failure, for logs; NULL when nothing failed */
    int retry_after_seconds; /* the longest, or IO_NO_RETRY_AFTER */
    bool facts_changed;      /* the planner has news: plan again at once */
    bool outdated;           /* some of it was dropped because it took long: likewise */
};

/* From the loop, never from inside executor_run(). The executor has let go of the key. */
typedef void execution_done(void *context, const struct work_key *key,
                            const struct execution_summary *summary);

struct executor;

/* Borrows everything in `options` for its whole life. */
struct executor *executor_new(const struct executor_options *options);
/* Accepts NULL; returns NULL. Cancels what is under way; `done` is not called any more. */
struct executor *executor_free(struct executor *executor);

/*
 * Starts `plan` for `key`, both copied in full: plan, arena and the cache's objects that it points
 * into may go when this returns. Calls `done` exactly once. One plan for a key at a time.
 */
void executor_run(struct executor *executor, const struct work_key *key, const struct plan *plan,
                  execution_done *done, void *context);

/*
 * The lease was lost: what waits to be sent, also for a Retry-After, ends now without being sent,
 * its plans with ERROR_CLOSED. What was sent is waited for: its key is not planned before its
 * answer is there.
 */
void executor_drop_waiting(struct executor *executor);

/*
 * The cache saw this object deleted: the next apply of its name looks first. Called for Deployments
 * and Services at least.
 */
void executor_object_gone(struct executor *executor, enum api_kind kind, const char *namespace,
                          const char *name);

/* Requests by method, kind and code; code 0: no answer came. */
struct executor_count {
    const char *method;
    const char *kind; /* "Job", "Event" (questions), ... */
    int code;
    uint64_t count;
};

struct executor_numbers {
    size_t in_flight;
    size_t waiting; /* ready to be sent, over the limit */
    size_t plans;   /* under way */
    uint64_t held_back;
    uint64_t unasked; /* EXPLAIN over its rate */
    uint64_t resent;
    uint64_t bytes_sent; /* bodies */
    uint64_t bytes_received;
    const struct executor_count *counts; /* borrowed until the next request */
    size_t count_count;
};

struct executor_numbers executor_numbers(const struct executor *executor);

#endif
