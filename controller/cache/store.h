#ifndef TIDEMILL_CACHE_STORE_H
#define TIDEMILL_CACHE_STORE_H

/*
 * Objects of one kind by "namespace/name", each in one block, and the names of those that could not
 * be read. The parts that a cache and a batch have in common; used by cache/ alone. Invariant:
 * a name is in `objects`, in `unreadable`, in both (meta.unreadable: its spec alone can't be read)
 * or in neither.
 */

#include "api/codec.h"
#include "core/map.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One block of memory with the object behind it. */
struct store_entry {
    struct object *object;
    uint32_t size;   /* bytes of the block */
    bool is_reduced; /* api/kept.h */
};

struct store_unreadable {
    char *resource_version; /* NULL: not known, it came with a list */
    char *reason;
};

struct store {
    struct map objects;    /* -> struct store_entry */
    struct map unreadable; /* -> struct store_unreadable */
    size_t bytes;          /* of the objects and their entries */
};

/* "namespace/name"; owned by the caller. NULL counts as "". */
char *store_key(const char *namespace, const char *name);

/* Copies the object. */
struct store_entry *store_entry_new(enum api_kind kind, const struct object *object);
struct store_entry *store_entry_free(struct store_entry *entry);

/* The same object of a later version. False, and as before, when that has another length. */
bool store_entry_set_version(struct store_entry *entry, const char *resource_version);

/* The store owns `entry` now, the caller owns what is returned: the entry before it, or NULL. */
struct store_entry *store_put(struct store *store, const char *key, struct store_entry *entry);
struct store_entry *store_take(struct store *store, const char *key);

/* Replaces what was known. Texts are copied, the reason clipped. */
void store_put_unreadable(struct store *store, const char *key, const char *resource_version,
                          const char *reason);
void store_drop_unreadable(struct store *store, const char *key);

/* The same for an object that is in the store, as its meta.unreadable says. */
void store_note_readable(struct store *store, const char *key, const struct meta *meta);

void store_free(struct store *store);

#endif
