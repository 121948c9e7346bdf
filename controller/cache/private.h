#ifndef TIDEMILL_CACHE_PRIVATE_H
#define TIDEMILL_CACHE_PRIVATE_H

/* The inside of a cache, shared by cache.c (events) and replace.c (whole lists) alone. */

#include "cache/cache.h"
#include "cache/store.h"

struct cache_kind {
    struct store store;
    char *resource_version;
    bool is_synced;
    uint64_t stale;
};

struct cache {
    struct cache_kind kinds[KIND_COUNT];
    struct index indexes[CACHE_INDEX_COUNT];
    struct cache_listener listener;
    struct arena scratch; /* texts of index keys, for a moment */
    bool is_telling;      /* the listener runs: nothing may change under it */
};

/* `before` leaves the indexes of the kind and `after` enters them; either may be NULL. */
void cache_move_in_indexes(struct cache *cache, enum api_kind kind, const struct object *before,
                           const struct object *after);

/* Exactly one event; _update: two where the uid differs. */
void cache_tell_change(struct cache *cache, enum api_kind kind, const struct object *before,
                       const struct object *after);
void cache_tell_update(struct cache *cache, enum api_kind kind, const struct object *before,
                       const struct object *after);
void cache_tell_advance(struct cache *cache, enum api_kind kind);

struct settled;

/* True when `settled` is what is known but for its resourceVersion. `known` NULL: false. */
bool cache_is_unchanged(enum api_kind kind, const struct store_entry *known,
                        const struct settled *settled);

void cache_set_resource_version(struct cache *cache, enum api_kind kind,
                                const char *resource_version);

/* Logs it unless `known` (or NULL) is the same. */
void cache_log_unreadable(enum api_kind kind, const char *key, const struct store_unreadable *known,
                          const char *resource_version, const char *reason);

#endif
