#ifndef TIDEMILL_KUBE_REACTION_H
#define TIDEMILL_KUBE_REACTION_H

/*
 * The one place that maps a failure to what happens next, and an HTTP answer to the kind of
 * failure. Used by the executor and by whoever puts keys back into the queue. Invariant: every
 * error_kind has a rule; nobody else branches on HTTP codes of writes.
 */

#include "core/result.h"
#include "kube/queue.h"

#include <stdbool.h>

/* From mild to grave: of several failures in one plan the gravest decides. */
enum reaction {
    REACTION_NONE,             /* nothing failed */
    REACTION_WAIT_CHANGE,      /* only a change elsewhere mends it: look again every 30 s */
    REACTION_WAIT_CACHE,       /* we knew too little: plan again when the cache has caught up */
    REACTION_BACKOFF,          /* again, later and later */
    REACTION_WAIT_RETRY_AFTER, /* again when the API server said, else with backoff */
    REACTION_COUNT
};

enum { REACTION_WAIT_CHANGE_MS = 30 * 1000 };

struct reaction_rule {
    enum reaction reaction;
    bool is_fact;     /* the planner is told, so that conditions can say it */
    const char *next; /* what happens next, for log lines: "trying again in 30 s" */
};

const struct reaction_rule *reaction_rule_of(enum error_kind kind);

/*
 * The kind of failure of an answer with this status code; `reason` is that of the answer's
 * metav1.Status or NULL. ERROR_NONE for 2xx.
 */
enum error_kind reaction_of_status(int code, const char *reason);

/*
 * What an answer to a dry run says about the object: ERROR_NONE: it would be stored; ERROR_INVALID:
 * never as it is (400, 422); anything else: nothing, because it was not judged or something beside
 * the object decided. `error` is the kind of failure of the answer, `message` that of its Status.
 */
enum error_kind reaction_of_dry_run(enum error_kind error, int code, const char *message);

/* True for 429 and 5xx: with an integer Retry-After they are sent again (conformance C11). */
bool reaction_may_resend(int code);

/*
 * Puts `key` back as the reaction says. `at_once`: planned again at once as well, because the
 * planner has news to write down, or the plan was too old. REACTION_NONE without that only forgets
 * the key's failures.
 */
void reaction_requeue(struct queue *queue, struct io io, const struct work_key *key,
                      enum reaction reaction, int retry_after_seconds, bool at_once);

#endif
