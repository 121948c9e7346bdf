#ifndef TIDEMILL_KUBE_EXPECTATIONS_H
#define TIDEMILL_KUBE_EXPECTATIONS_H

/*
 * Read your writes (conformance C9, KEP-5647). What a key wrote is remembered until the cache has
 * seen it; before that the key is not planned. Filled by the executor, asked by the controller
 * before it gathers. Invariants: a key is never planned on knowledge older than its own writes; no
 * expectation lasts for ever, so a write that the cache never shows delays a key but does not stop
 * it.
 *
 * Admission: several keys may compete for one thing (the runs of a pipeline for its turn). A write
 * marked with operation.admission is expected by every key that asks about the same admission, from
 * the moment its plan is handed over, not only from its answer: two runs are never both admitted on
 * knowledge that lacks the other's admission, even if an answer is lost.
 */

#include "api/meta.h"
#include "kube/io.h"
#include "kube/key.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    EXPECTATION_LIMIT_MS = 5 * 60 * 1000,
    EXPECTATION_MOVE_LIMIT_MS = 30 * 1000 /* of a key's own EXPECT_MOVED: it is a guess */
};

enum expectation_type {
    EXPECT_SEEN, /* the cache has reached resourceVersion `text` */
    EXPECT_GONE, /* the cache has no living object of this name with uid `text` */
    EXPECT_MOVED /* the cached object's resourceVersion is not `text`, or it is gone; with `text`
                    NULL: the object is there */
};

struct expectation {
    enum expectation_type type;
    enum api_kind kind;
    const char *namespace;
    const char *name;
    const char *text;
};

/* What the caches know. All functions are called from the loop, results borrowed for the moment. */
struct expectations_source {
    /* True when everything up to this resourceVersion was seen (C7 comparison; false if unknown).
     */
    bool (*reached)(void *context, enum api_kind kind, const char *resource_version);
    /* The cached object, or NULL. */
    const struct meta *(*find)(void *context, enum api_kind kind, const char *namespace,
                               const char *name);
    /* A key that was refused may be planned now: put it in the queue. Must not call back here. */
    void (*wake)(void *context, const struct work_key *key);
    void *context;
};

struct expectations;
struct expectation_ticket; /* an admission under way */

struct expectations *expectations_new(struct io io, const struct expectations_source *source);
/* Accepts NULL; returns NULL. */
struct expectations *expectations_free(struct expectations *expectations);

/* `key` is not planned until this came true. Copies. */
void expectations_add(struct expectations *expectations, const struct work_key *key,
                      const struct expectation *expectation);

/* `writer` is about to write with this admission. Until it is resolved, others wait. */
struct expectation_ticket *expectations_begin(struct expectations *expectations,
                                              const struct work_key *writer, const char *admission);

/*
 * Ends the ticket. NULL: nothing was written. Else others wait until it came true; the writer
 * itself does not wait for its own EXPECT_MOVED (a lost answer: only its next try can tell).
 */
void expectations_resolve(struct expectations *expectations, struct expectation_ticket *ticket,
                          const struct expectation *expectation);

/*
 * May `key` be planned? `admission` (or NULL) is what its planner asks about. When false, the key
 * is remembered and source.wake is called once it may; a caller need not ask again before.
 */
bool expectations_satisfied(struct expectations *expectations, const struct work_key *key,
                            const char *admission);

/* The cache of `kind` moved (objects or bookmark): wakes keys whose wait is over, from the loop. */
void expectations_advance(struct expectations *expectations, enum api_kind kind);

/* The key's object is gone: what it wrote matters to nobody. Admissions stay. */
void expectations_forget_key(struct expectations *expectations, const struct work_key *key);

struct expectations_numbers {
    size_t open;      /* expectations not yet seen to be true */
    size_t waiting;   /* keys refused and not yet woken */
    uint64_t refused; /* times a key had to wait */
    uint64_t expired; /* ended by the time limit: each is logged */
};

struct expectations_numbers expectations_numbers(const struct expectations *expectations);

#endif
