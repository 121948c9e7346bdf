#ifndef TIDEMILL_SIM_STORE_H
#define TIDEMILL_SIM_STORE_H

/*
 * What etcd and the storage layer of an API server keep: objects, one growing resourceVersion, and
 * the log of changes that watches read. Trees in it are never changed in place, so the log, the
 * objects and whoever looks share them. Uids follow from kind, name and incarnation: equal
 * histories give equal names of children, whatever happened in between.
 */

#include "api/kind.h"
#include "sim/apply.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim_object {
    enum api_kind kind;
    json_t *tree;             /* owned */
    struct sim_fields fields; /* who owns which; of kinds that are applied */
    /* Until the first update, which may move the version without a change; see rules.h. */
    bool is_as_created;
    /* Of the tree, because they are looked for at each step. Borrowed; "": none. */
    const char *namespace;
    const char *name;
    const char *uid;
    const char *controller_uid;
    uint64_t template_hash; /* of a Deployment's spec/template */
};

/* One change; `before` NULL: added, `after` NULL: deleted. */
struct sim_change {
    enum api_kind kind;
    int64_t version;
    json_t *before; /* owned */
    json_t *after;  /* owned */
};

struct sim_store {
    struct sim_object *objects;
    size_t count;
    size_t capacity;
    struct sim_change *changes;
    size_t change_count;
    size_t change_capacity;
    int64_t version;      /* of the last change */
    int64_t compacted;    /* watches from before it get 410 */
    int64_t unix_seconds; /* the API server's clock */
    size_t creates[KIND_COUNT];
    size_t deletes[KIND_COUNT];
    int64_t incarnations; /* objects that were made so far */
    /* Leases and Events by their paths, apart: their writes are no work. Owned. */
    json_t *others;
    int64_t others_version;
    /* Called after each change. NULL or for invariants. */
    void (*on_change)(void *context, const struct sim_change *change);
    void *context;
};

void sim_store_init(struct sim_store *store);
void sim_store_free(struct sim_store *store);

/* NULL when there is none. Borrowed until the next change. */
struct sim_object *sim_store_find(const struct sim_store *store, enum api_kind kind,
                                  const char *namespace, const char *name);
struct sim_object *sim_store_find_uid(const struct sim_store *store, const char *uid);

/* Takes the tree; sets uid, creationTimestamp, generation 1 and resourceVersion. */
struct sim_object *sim_store_insert(struct sim_store *store, enum api_kind kind, json_t *tree);

/*
 * Takes the tree. An equal one changes nothing, not even the resourceVersion. What was to be
 * deleted and lost its last finalizer goes, and the update is not seen.
 */
void sim_store_update(struct sim_store *store, struct sim_object *object, json_t *tree);

/* The same of a server-side apply; other owners of fields alone move the resourceVersion too. */
void sim_store_apply(struct sim_store *store, struct sim_object *object, json_t *tree,
                     const json_t *config);

/* A deep copy to change and give to sim_store_update(). */
json_t *sim_store_copy(const struct sim_object *object);

/* At once, finalizers or not. */
void sim_store_remove(struct sim_store *store, struct sim_object *object);

/* As a DELETE of a user or the garbage collector does: finalizers hold it back. */
void sim_store_delete(struct sim_store *store, struct sim_object *object);
/* The same, with these finalizers from now on. Takes the array. */
void sim_store_delete_with(struct sim_store *store, struct sim_object *object, json_t *finalizers);

/*
 * "Kind name ..." of all objects but pods, sorted: what the ends of two histories are compared by.
 * Freed with free().
 */
char *sim_store_describe(const struct sim_store *store);

#endif
