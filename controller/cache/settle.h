#ifndef TIDEMILL_CACHE_SETTLE_H
#define TIDEMILL_CACHE_SETTLE_H

/*
 * Memory grows with what is live, not with history: a run in a final phase, and the Jobs and Pods
 * of such a run, are kept reduced (api/kept.h). Kinds come in any order, so each is looked at when
 * it comes, and once more when its run becomes final. Readers see that fields are absent, nothing
 * else: no change is told. Used by cache/ alone.
 *
 * In the first list of a kind it is looked at as it comes: kube/controller lists runs, then Jobs,
 * then Pods.
 *
 * A list brings back what was reduced if its run is not final any more (a restored etcd, when runs
 * are listed before Jobs and Pods).
 */

#include "cache/private.h"

/* Nobody plans by it any more. Children are told by uids of controller owners. */
bool settle_is_over(const struct cache *cache, enum api_kind kind, const struct object *object);

/* What is to be kept of an object. Borrows from it and from cache->scratch, until that is reset. */
struct settled {
    const struct object *object;
    bool is_reduced;
};

struct settled settle(struct cache *cache, enum api_kind kind, const struct object *object);

/* The entry to keep for the object, reduced when it is over. Copies. */
struct store_entry *settle_entry(struct cache *cache, enum api_kind kind,
                                 const struct object *object);

/* The same for what settle() gave. */
struct store_entry *settle_copy(struct cache *cache, enum api_kind kind,
                                const struct settled *settled);

/* After `object` came: reduces what belongs to it. Jobs and Pods in the cache may be replaced. */
void settle_children(struct cache *cache, enum api_kind kind, const struct object *object);

/* The same for all of a kind, after a list. */
void settle_all(struct cache *cache, enum api_kind kind);

#endif
