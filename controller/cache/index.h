#ifndef TIDEMILL_CACHE_INDEX_H
#define TIDEMILL_CACHE_INDEX_H

/*
 * A map from a text to the objects that have it, sorted by name. Used by cache/cache.c alone.
 * Invariants: no list is empty; an object is in a list once; lists borrow the objects, so an object
 * leaves its lists before its memory goes.
 */

#include "api/codec.h"
#include "core/map.h"

#include <stddef.h>

/* `items` is an array of `count` pointers to const objects of the index's kind. */
struct cache_list {
    const void *items; /* NULL when count is 0 */
    size_t count;
};

struct index {
    struct map lists; /* key -> struct index_list */
};

/* Sorts it in; replaces the object of the same namespace and name. */
void index_put(struct index *index, const char *key, const struct object *object);

/* Removes exactly this object; not being there is fine. */
void index_remove(struct index *index, const char *key, const struct object *object);

/* Borrowed until the index changes. */
struct cache_list index_find(const struct index *index, const char *key);

size_t index_key_count(const struct index *index);
void index_free(struct index *index);

#endif
