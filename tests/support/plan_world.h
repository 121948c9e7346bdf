#ifndef TIDEMILL_SUPPORT_PLAN_WORLD_H
#define TIDEMILL_SUPPORT_PLAN_WORLD_H

/*
 * A naive world for planners: objects as JSON in one namespace, views made of them by the real
 * decoder, and plans carried out on them one write after the other. No cache, no delay, no HTTP:
 * what a planner sees is what is there. For tables (put objects, plan, look) and for simulated
 * lives (plan, carry out with a fault at one write, let time pass, again).
 *
 * JSON in tests may use ' for ", so that it stays readable in C.
 */

#include "api/kind.h"
#include "core/arena.h"
#include "plan/view.h"

#include <jansson.h>

#define WORLD_NAMESPACE "team"

enum {
    WORLD_OBJECTS = 2048,
    WORLD_FACTS = 256,
    WORLD_NOON = 1795435200 /* 2026-11-23T12:00:00Z */
};

struct world_object {
    enum api_kind kind;
    json_t *tree; /* owned */
};

struct world {
    struct arena arena; /* of views and plans; grows until the world is freed or swept */
    int64_t now;        /* unix seconds */
    struct world_object objects[WORLD_OBJECTS];
    size_t count;
    struct fact facts[WORLD_FACTS];
    size_t fact_count;
    int64_t next_uid;
    int64_t next_version;
    bool has_unreadable_runs;        /* as the cache would say */
    enum error_kind dry_run;         /* what dry runs come to, and */
    const char *dry_run_said;        /* in which words; of ERROR_NONE: the warnings */
    size_t dry_runs;                 /* so far */
    const struct sighting *sighting; /* of a Trigger's source; NULL: not asked yet */
    const struct zone *zone;         /* for Triggers; NULL: by name, UTC alone */
    size_t writes;                   /* carried out so far, events and questions not counted */
};

void world_init(struct world *world, int64_t now);
void world_free(struct world *world);

/* Frees what planning used; views and plans made before are gone. */
void world_sweep(struct world *world);

/*
 * Stores an object as the API server would: namespace, uid "uid-NAME" (unless it has one),
 * resourceVersion, creationTimestamp (now, unless it has one), generation 1, and for our five kinds
 * the status that their CRDs default to. Returns the stored tree (borrowed).
 */
json_t *world_put(struct world *world, enum api_kind kind, const char *json, ...) PRINTF_LIKE(3, 4);

/* A struct of this JSON, stored nowhere; in the world's arena. */
const struct object *world_make(struct world *world, enum api_kind kind, const char *json, ...)
    PRINTF_LIKE(3, 4);

/* NULL when there is none. */
json_t *world_find(const struct world *world, enum api_kind kind, const char *name);

/* Merges `json` into the object (RFC 7396: lists replace, null removes), with a new
 * resourceVersion; `spec` in it: a new generation as well. */
void world_merge(struct world *world, enum api_kind kind, const char *name, const char *json, ...)
    PRINTF_LIKE(4, 5);

/* The object, and all that it owns. */
void world_remove(struct world *world, enum api_kind kind, const char *name);

/* A value by path, "status/pending/run", or NULL; list items by index. */
json_t *world_get(const struct world *world, enum api_kind kind, const char *name,
                  const char *path);
const char *world_text(const struct world *world, enum api_kind kind, const char *name,
                       const char *path); /* "" when absent */
int64_t world_integer(const struct world *world, enum api_kind kind, const char *name,
                      const char *path); /* 0 when absent */
size_t world_count(const struct world *world, enum api_kind kind);

/* Of a condition: "True Reason: message", or "" when there is none. In the world's arena. */
const char *world_condition(struct world *world, enum api_kind kind, const char *name,
                            const char *type);

/* Replaces the fact of the same type, kind and name. Texts are borrowed. */
void world_add_fact(struct world *world, enum operation_type type, enum api_kind kind,
                    const char *name, enum error_kind error, const char *message);
void world_forget_facts(struct world *world);

/* Plans one object as things are; in the world's arena. */
struct plan world_plan_pipeline(struct world *world, const char *name);
struct plan world_plan_run(struct world *world, const char *name);
struct plan world_plan_trigger(struct world *world, const char *name);
/* All that belongs to this model name, which is borrowed; there may be no Model of it. */
struct plan world_plan_model(struct world *world, const char *name);

enum world_fault {
    WORLD_NO_FAULT,
    WORLD_CRASH_BEFORE, /* the write and all after it never happen */
    WORLD_CRASH_AFTER,  /* it happens, nothing after it does */
    WORLD_LOST,         /* it happens, its answer is lost: the rest of its group is dropped */
    WORLD_REFUSED       /* it does not happen (quota); a fact says so */
};

/*
 * Carries out a plan: groups in order, within a group until one fails. The `fault_at`-th write
 * (from 0) meets `fault`. After a crash facts are forgotten, as a new process knows none. Fails the
 * test on a patch that can't be applied. False after a crash.
 */
bool world_carry_out(struct world *world, const struct plan *plan, enum world_fault fault,
                     size_t fault_at);

/* How many operations of a plan are writes. */
size_t world_count_writes(const struct plan *plan);

/* The operation of this type and kind, the `nth` (from 0), or NULL. */
const struct operation *plan_find(const struct plan *plan, enum operation_type type,
                                  enum api_kind kind, size_t nth);
const struct operation *plan_find_named(const struct plan *plan, enum operation_type type,
                                        enum api_kind kind, const char *name);

/*
 * Plans the pipeline and carries it out, and again while the answers of dry runs are news. The
 * outline of all that was planned.
 */
const char *world_settle_pipeline(struct world *world, const char *name);

/* "create Job a, patch-status PipelineRun b, ..." in order, events left out. */
const char *plan_outline(struct world *world, const struct plan *plan);

#endif
