#ifndef TIDEMILL_CACHE_CACHE_H
#define TIDEMILL_CACHE_CACHE_H

/*
 * What the API server last told us: one store for each kind, typed and pruned, each object in one
 * block (api/kept.h; what is over is reduced, cache/settle.h). Filled by kube/reflector; read by
 * the controller's gather and by expectations. Knows no I/O and no time. Invariants: readers see
 * the state between two events and never a list in part; an index agrees with its store whenever a
 * reader or a listener looks; nothing here is asserted about what a peer sent.
 *
 * Borrowing: objects, lists and texts are valid until the cache of that kind changes, which only
 * happens in a callback of the reflector's. A reconcile gathers and plans without a pause, so it
 * borrows freely; what outlives it is copied.
 *
 * Unreadable objects (conformance X3): an object that could not be decoded is not in the store,
 * also when an older state of it was: a restart would not have that state either, writes planned on
 * it would fail on its resourceVersion for ever, and what the controller does must not depend on
 * when it was started. It is remembered by name instead, so that a reader can tell "unreadable"
 * from "gone" (cache_find_unreadable) before it concludes anything from an absence. An object of
 * ours of which only the spec can't be read is in the store, without it: meta.unreadable.
 */

#include "api/codec.h"
#include "api/kind.h"
#include "cache/index.h"
#include "cache/indexes.h"
#include "core/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cache;
struct cache_batch; /* a whole list of one kind, collected aside */

enum cache_event { CACHE_ADDED, CACHE_UPDATED, CACHE_DELETED };

struct cache_listener {
    /*
     * What is kept of an object changed. Of a watch a resourceVersion alone is not told, since
     * nobody would plan anything else by it (a Job's pod is ready, a finalizer went). `before` is
     * NULL when ADDED, `after` when DELETED. An object that was deleted and made again unseen
     * (another uid) is DELETED, then ADDED. The cache already has the new state, and must not be
     * changed in here.
     */
    void (*on_change)(void *context, enum api_kind kind, enum cache_event event,
                      const struct object *before, const struct object *after);
    /* cache_resource_version(kind) moved: by objects, a bookmark or a list. After on_change. */
    void (*on_advance)(void *context, enum api_kind kind);
    void *context;
};

struct cache *cache_new(void);
/* Accepts NULL; returns NULL. Tells the listener nothing. */
struct cache *cache_free(struct cache *cache);

/* Replaces the listener; either function may be NULL. */
void cache_set_listener(struct cache *cache, const struct cache_listener *listener);

/* Reading */

/* NULL when it is not there. Cast to the struct of the kind. */
const struct object *cache_get(const struct cache *cache, enum api_kind kind, const char *namespace,
                               const char *name);

/* for (size_t at = 0; (object = cache_next(cache, kind, &at)) != NULL;) ... in no order. */
const struct object *cache_next(const struct cache *cache, enum api_kind kind, size_t *at);

/*
 * The objects that have this text in this index, sorted by name:
 *   struct cache_list list = cache_find(cache, INDEX_JOB_BY_OWNER_UID, run->meta.uid);
 *   view->jobs = list.items; view->job_count = list.count;
 * `key` NULL finds nothing.
 */
struct cache_list cache_find(const struct cache *cache, enum cache_index index, const char *key);

/* The same for an index over "namespace/name". */
struct cache_list cache_find_named(const struct cache *cache, enum cache_index index,
                                   const char *namespace, const char *name);

/* True from the first whole list on (C8). */
bool cache_is_synced(const struct cache *cache, enum api_kind kind);

/* The last one seen, on objects, bookmarks and lists; NULL before the first list. */
const char *cache_resource_version(const struct cache *cache, enum api_kind kind);

/* True when everything up to this resourceVersion is certainly here (C7, C9). */
bool cache_has_reached(const struct cache *cache, enum api_kind kind, const char *resource_version);

/* Why the object could not be read, or NULL when that is not so. */
const char *cache_find_unreadable(const struct cache *cache, enum api_kind kind,
                                  const char *namespace, const char *name);

/* True when any object of this namespace can't be read: what it refers to is not known. */
bool cache_has_unreadable(const struct cache *cache, enum api_kind kind, const char *namespace);

struct cache_numbers {
    size_t objects;
    size_t unreadable;
    size_t bytes;   /* of the objects: their blocks, and our own entries for them */
    uint64_t stale; /* events since the start that were older than what was known; ignored */
};

struct cache_numbers cache_numbers(const struct cache *cache, enum api_kind kind);

/* Writing: kube/reflector and tests */

/*
 * An object of a watch event. Copies it and frees the arena: `*arena` is empty afterwards. Ignored:
 * the same resourceVersion again, or one that is certainly older for the same uid. May take out of
 * `object` what is not kept.
 */
void cache_put(struct cache *cache, enum api_kind kind, struct arena *arena, struct object *object);

/* `resource_version`: of the deletion; may be NULL. Not being there is fine. */
void cache_remove(struct cache *cache, enum api_kind kind, const char *namespace, const char *name,
                  const char *resource_version);

/*
 * The object is there, but cannot be decoded because of `reason`. Logged once for each
 * resourceVersion, or where that is unknown (NULL), for each reason.
 */
void cache_put_unreadable(struct cache *cache, enum api_kind kind, const char *namespace,
                          const char *name, const char *resource_version, const char *reason);

/* A bookmark (C3). One that is certainly older is ignored. */
void cache_advance(struct cache *cache, enum api_kind kind, const char *resource_version);

/*
 * Borrows the cache, which the batch is for. What is over is reduced as it comes where that is
 * certain (cache/settle.h), so that a first list needs no more than what is kept of it.
 */
struct cache_batch *cache_batch_new(struct cache *cache, enum api_kind kind);
/* Accepts NULL; returns NULL. */
struct cache_batch *cache_batch_free(struct cache_batch *batch);

/* Copies it and frees the arena. The last of several of one name counts. */
void cache_batch_put(struct cache_batch *batch, struct arena *arena, struct object *object);
void cache_batch_put_unreadable(struct cache_batch *batch, const char *namespace, const char *name,
                                const char *reason);
/* Readable or not; not being there is fine. */
void cache_batch_remove(struct cache_batch *batch, const char *namespace, const char *name);

/* Of its objects so far: for tests. */
size_t cache_batch_bytes(const struct cache_batch *batch);

/*
 * The store becomes exactly the batch, at once, whatever it knew (a restored etcd has older
 * resourceVersions); then the listener hears of each difference, deletions first. The kind is
 * synced before it hears. Frees the batch.
 */
void cache_replace(struct cache_batch *batch, const char *resource_version);

#endif
