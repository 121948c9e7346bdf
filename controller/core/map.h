#ifndef TIDEMILL_CORE_MAP_H
#define TIDEMILL_CORE_MAP_H

/*
 * A hash map from text to a pointer. Keys are copied, values borrowed. Open addressing, grows by
 * doubling. `struct map m = {0};` is an empty map. Iteration order is not defined: whatever must
 * be the same each time is sorted by its user.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map_entry {
    char *key; /* NULL: never used; a private mark: removed */
    void *value;
    uint64_t hash;
};

struct map {
    struct map_entry *entries;
    size_t count; /* live entries */
    size_t used;  /* live and removed */
    size_t capacity;
};

/* NULL when absent. */
void *map_get(const struct map *map, const char *key);

/* Inserts or replaces; returns the value that was there, or NULL. `value` is not NULL. */
void *map_put(struct map *map, const char *key, void *value);

/* Returns the removed value, or NULL. Removing while iterating with map_next is allowed. */
void *map_remove(struct map *map, const char *key);

/*
 * for (size_t at = 0; (entry = map_next(&map, &at)) != NULL;) ... Adding while iterating is not
 * allowed.
 */
const struct map_entry *map_next(const struct map *map, size_t *at);

/* Frees keys and table, not the values. */
void map_free(struct map *map);

#endif
