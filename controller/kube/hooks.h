#ifndef TIDEMILL_KUBE_HOOKS_H
#define TIDEMILL_KUBE_HOOKS_H

/*
 * Deliveries to Triggers' webhooks, on every replica: judged by source/webhook, written into the
 * Trigger's status, and only then answered with success; the leader's planner takes them from
 * there. The status is locked by its resourceVersion, so that any replica may write.
 *
 *   received ── its limit? (kube/hook_limits) whose? ──> its Secret (60 s at most) ── signed?
 * known? does it count? ──> waiting ── with all others that wait for this Trigger: one patch of its
 * status ──> answered
 *
 * Invariants (conformance X4, X13): a sender learns nothing of whether a Trigger exists unless its
 * signature is right; no Secret is read for one that does not, nor beyond its limit; what waits in
 * memory and in the status is bounded; no text of a payload is logged or told. A flood costs no
 * requests to the API server: one for the Secret in HOOKS_SECRET_MS, and a patch for each time that
 * the status has room for something new.
 */

#include "api/meta.h"
#include "cache/cache.h"
#include "kube/io.h"

enum {
    HOOKS_BODY_MAXIMUM = 1024 * 1024,       /* bytes of one payload */
    HOOKS_BYTES_MAXIMUM = 32 * 1024 * 1024, /* of all that wait for a Secret */
    HOOKS_WAITING_MAXIMUM = 256,            /* deliveries of one Trigger that wait in memory */
    HOOKS_SECRET_MS = 60 * 1000,            /* how long a Secret is kept */
    HOOKS_ANSWER_MS = 8 * 1000,             /* senders wait 10 s (GitHub) and no longer */
    HOOKS_SECRET_RETRY_MS = 5 * 1000,       /* how long it is not asked for after a failure */
    HOOKS_REFUSAL_MS = 50,                  /* after which one that is not accepted is told */
    HOOKS_KNOWN_MAXIMUM = 256               /* ids that are remembered, in the status */
};

struct hooks;

struct hooks *hooks_new(struct io io, const struct cache *cache);
/* Those that wait are not answered any more. Accepts NULL; returns NULL. */
struct hooks *hooks_free(struct hooks *hooks);

/* All borrowed until hooks_receive() returns. Names of headers are in lower case. */
struct hook_delivery {
    const char *namespace;
    const char *trigger;
    const char *sender; /* whom its limit is of: an address; NULL: nobody knows */
    const struct name_value *headers;
    size_t header_count;
    const char *body; /* HOOKS_BODY_MAXIMUM at most; not NULL */
    size_t body_size;
};

struct hook_answer {
    int status;
    const char *text;        /* a line for the sender; static */
    int retry_after_seconds; /* 0: none */
};

/* `done` is called exactly once, from in here or later from the loop, after HOOKS_ANSWER_MS at
 * most. Refusals wait for HOOKS_REFUSAL_MS: the caller bounds how many are under way. */
void hooks_receive(struct hooks *hooks, const struct hook_delivery *delivery,
                   void (*done)(void *context, const struct hook_answer *answer), void *context);

struct hooks_numbers {
    size_t waiting;
    uint64_t taken;    /* written down */
    uint64_t repeated; /* known already */
    uint64_t ignored;  /* signed, and of no interest */
    uint64_t refused;  /* no such Trigger, or not signed */
    uint64_t put_off;  /* 429, 503 */
    uint64_t writes;
};
struct hooks_numbers hooks_numbers(const struct hooks *hooks);

#endif
