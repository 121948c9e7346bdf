#include "cache/store.h"

#include "api/kept.h"
#include "core/assert.h"
#include "core/memory.h"
#include "core/text.h"

#include <string.h>

/* Bytes of a reason that are kept: the path and the fault, not a value that a user wrote. */
enum { REASON_MAXIMUM = 512 };

char *store_key(const char *namespace, const char *name)
{
    return memory_join(text_or(namespace, ""), '/', text_or(name, ""));
}

struct store_entry *store_entry_new(enum api_kind kind, const struct object *object)
{
    size_t size = sizeof(struct store_entry) + kept_size(kind, object);
    REQUIRE(size <= UINT32_MAX);
    struct store_entry *entry = memory_allocate(1, size);
    entry->object = kept_copy(kind, object, entry + 1);
    entry->size = (uint32_t)size;
    return entry;
}

bool store_entry_set_version(struct store_entry *entry, const char *resource_version)
{
    const char *before = entry->object->meta.resource_version;
    if (!before || !resource_version || strlen(before) != strlen(resource_version)) {
        return false;
    }
    char *block = (char *)entry; /* the text is in it */
    memcpy(block + (before - (const char *)entry), resource_version, strlen(before));
    return true;
}

struct store_entry *store_entry_free(struct store_entry *entry)
{
    return memory_free(entry);
}

/* What an entry costs, near enough: its block, key, and a place in the map. */
static size_t entry_bytes(const struct store_entry *entry, const char *key)
{
    return entry->size + strlen(key) + 1 + sizeof(struct map_entry);
}

struct store_entry *store_put(struct store *store, const char *key, struct store_entry *entry)
{
    struct store_entry *before = map_put(&store->objects, key, entry);
    store->bytes += entry_bytes(entry, key);
    if (before) {
        store->bytes -= entry_bytes(before, key);
    }
    return before;
}

struct store_entry *store_take(struct store *store, const char *key)
{
    struct store_entry *entry = map_get(&store->objects, key);
    if (entry) {
        store->bytes -= entry_bytes(entry, key);
        (void)map_remove(&store->objects, key);
    }
    return entry;
}

static void free_unreadable(struct store_unreadable *unreadable)
{
    if (unreadable) {
        (void)memory_free(unreadable->resource_version);
        (void)memory_free(unreadable->reason);
        (void)memory_free(unreadable);
    }
}

void store_put_unreadable(struct store *store, const char *key, const char *resource_version,
                          const char *reason)
{
    struct store_unreadable *unreadable = memory_allocate(1, sizeof(*unreadable));
    const char *known = text_or(reason, "it could not be decoded");
    unreadable->resource_version = memory_copy_text(resource_version);
    unreadable->reason = memory_print("%.*s", (int)text_clip_utf8(known, REASON_MAXIMUM), known);
    free_unreadable(map_put(&store->unreadable, key, unreadable));
}

void store_drop_unreadable(struct store *store, const char *key)
{
    if (store->unreadable.count > 0) {
        free_unreadable(map_remove(&store->unreadable, key));
    }
}

void store_note_readable(struct store *store, const char *key, const struct meta *meta)
{
    if (meta->unreadable) {
        store_put_unreadable(store, key, meta->resource_version, meta->unreadable);
    } else {
        store_drop_unreadable(store, key);
    }
}

void store_free(struct store *store)
{
    const struct map_entry *each;
    for (size_t at = 0; (each = map_next(&store->objects, &at)) != NULL;) {
        (void)store_entry_free(each->value);
    }
    for (size_t at = 0; (each = map_next(&store->unreadable, &at)) != NULL;) {
        free_unreadable(each->value);
    }
    map_free(&store->objects);
    map_free(&store->unreadable);
    store->bytes = 0;
}
