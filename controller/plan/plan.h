#ifndef TIDEMILL_PLAN_PLAN_H
#define TIDEMILL_PLAN_PLAN_H

/*
 * A plan: what one reconcile of one key wants written, in order, each write with its reason. Filled
 * by the planners, carried out by kube/executor, printed by goldens and by `tidemill plan`. Memory
 * is the reconcile's arena.
 *
 * Order is a promise: within a group an operation starts when the one before it in the group
 * succeeded; a failure drops the rest of the group. Groups do not wait for each other. Operations
 * with the same non-zero `stage` in one group are sent together (many Jobs at once); the next stage
 * waits for all of them.
 */

#include "api/codec.h"
#include "api/kind.h"
#include "core/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum operation_type {
    OPERATION_CREATE,       /* POST body; AlreadyExists of ours (owner uid) counts as done */
    OPERATION_APPLY,        /* server-side apply of body, force */
    OPERATION_PATCH_STATUS, /* JSON Patch of the status subresource, locked by resourceVersion */
    OPERATION_PATCH,        /* JSON Patch of the object, locked by resourceVersion */
    OPERATION_DELETE,  /* with uid and resourceVersion preconditions; NotFound counts as done */
    OPERATION_PROBE,   /* live GET: does it exist? KIND_POD: has the Job of this name any pod? The
                          answer becomes a fact */
    OPERATION_EXPLAIN, /* newest Warning event about the object; its note becomes a fact */
    OPERATION_DRY_RUN, /* would the API server create body? Nothing is stored; its verdict and its
                          warnings become a fact */
    OPERATION_EVENT    /* an events.k8s.io event about the object; never fails the plan */
};

struct operation {
    enum operation_type type;
    enum api_kind kind;
    const char *namespace;
    const char *name;
    const char *body;             /* JSON, for CREATE, APPLY, PATCH*, DRY_RUN */
    const char *uid;              /* DELETE, EXPLAIN, EVENT: of the object */
    const char *resource_version; /* DELETE: precondition; APPLY, PATCH*: what it is locked by */
    const char *owner_uid; /* CREATE, APPLY: an existing object controlled by this uid is ours */
    const char *admission; /* key whose admission must see this write, or NULL */
    const char *reason;    /* one of plan/reasons.h */
    const char *message;   /* for people: what is written and why */
    bool warning;          /* EVENT: type Warning */
    unsigned group;
    unsigned stage;
};

struct plan {
    struct arena *arena;
    struct operation *operations;
    size_t count;
    size_t capacity;
    unsigned group; /* given to operations that are added */
    unsigned stage;
    int64_t wake_at; /* plan again at this unix second even if nothing changes; TIME_ABSENT: no */
};

void plan_init(struct plan *plan, struct arena *arena);

/* Later operations belong to a new group. */
void plan_next_group(struct plan *plan);

/* Later operations wait for those before (in the group), and are sent together. */
void plan_next_stage(struct plan *plan);

/* The earliest of what was asked so far and `unix_seconds`. */
void plan_wake_at(struct plan *plan, int64_t unix_seconds);

void plan_create(struct plan *plan, enum api_kind kind, const char *namespace, const char *name,
                 const char *owner_uid, const char *body, const char *reason, const char *message);
/* owner_uid: the first apply of a name looks whether it is somebody else's, and leaves it alone. */
void plan_apply(struct plan *plan, enum api_kind kind, const char *namespace, const char *name,
                const char *owner_uid, const char *body, const char *reason, const char *message);
/*
 * The apply that was added last is refused with 409 if its object is not as `there` any more, so
 * that a late one undoes nothing. NULL: none is known, and kube/executor looks for one.
 */
void plan_lock(struct plan *plan, const struct meta *there);
void plan_delete(struct plan *plan, enum api_kind kind, const struct meta *meta, const char *reason,
                 const char *message);
void plan_probe(struct plan *plan, enum api_kind kind, const char *namespace, const char *name,
                const char *reason, const char *message);
void plan_explain(struct plan *plan, enum api_kind kind, const struct meta *meta,
                  const char *reason, const char *message);
/* `name` is the name in `body`: nothing else may have it. */
void plan_dry_run(struct plan *plan, enum api_kind kind, const char *namespace, const char *name,
                  const char *body, const char *reason, const char *message);
void plan_event(struct plan *plan, enum api_kind kind, const struct meta *meta, bool warning,
                const char *reason, const char *message);

/* JSON Patch on the object itself, e.g. spec.cancel of a run. */
void plan_patch(struct plan *plan, enum api_kind kind, const struct meta *meta, const char *body,
                const char *reason, const char *message);

/* Adds nothing and returns false when the two statuses are equal. */
bool plan_status(struct plan *plan, enum api_kind kind, const struct object *before,
                 const struct object *after, const char *reason, const char *message);

/* One line for each operation, for goldens and `tidemill plan`. */
const char *plan_describe(struct arena *arena, const struct plan *plan);

#endif
