#include "cache/cache.h"

#include "api/kept.h"
#include "cache/private.h"
#include "cache/resource_version.h"
#include "cache/settle.h"
#include "core/assert.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/text.h"

#include <string.h>

/* Keys of one object in an index are small; so is the memory they are made in. */
enum { SCRATCH_BLOCK_SIZE = 1024 };

struct cache *cache_new(void)
{
    struct cache *cache = memory_allocate(1, sizeof(*cache));
    cache->scratch.first_block_size = SCRATCH_BLOCK_SIZE;
    return cache;
}

struct cache *cache_free(struct cache *cache)
{
    if (!cache) {
        return NULL;
    }
    REQUIRE(!cache->is_telling);
    for (size_t at = 0; at < CACHE_INDEX_COUNT; at++) {
        index_free(&cache->indexes[at]);
    }
    for (size_t kind = 0; kind < KIND_COUNT; kind++) {
        store_free(&cache->kinds[kind].store);
        (void)memory_free(cache->kinds[kind].resource_version);
    }
    arena_free(&cache->scratch);
    return memory_free(cache);
}

void cache_set_listener(struct cache *cache, const struct cache_listener *listener)
{
    cache->listener = *listener;
}

/* Reading */

const struct object *cache_get(const struct cache *cache, enum api_kind kind, const char *namespace,
                               const char *name)
{
    CLEANUP(memory_free_indirect) char *key = store_key(namespace, name);
    const struct store_entry *entry = map_get(&cache->kinds[kind].store.objects, key);
    return entry ? entry->object : NULL;
}

const struct object *cache_next(const struct cache *cache, enum api_kind kind, size_t *at)
{
    const struct map_entry *each = map_next(&cache->kinds[kind].store.objects, at);
    return each ? ((const struct store_entry *)each->value)->object : NULL;
}

struct cache_list cache_find(const struct cache *cache, enum cache_index index, const char *key)
{
    return index_find(&cache->indexes[index], key);
}

struct cache_list cache_find_named(const struct cache *cache, enum cache_index index,
                                   const char *namespace, const char *name)
{
    if (text_is_empty(name)) {
        return (struct cache_list){0};
    }
    CLEANUP(memory_free_indirect) char *key = store_key(namespace, name);
    return cache_find(cache, index, key);
}

bool cache_is_synced(const struct cache *cache, enum api_kind kind)
{
    return cache->kinds[kind].is_synced;
}

const char *cache_resource_version(const struct cache *cache, enum api_kind kind)
{
    return cache->kinds[kind].resource_version;
}

bool cache_has_reached(const struct cache *cache, enum api_kind kind, const char *resource_version)
{
    int order;
    return resource_version &&
           resource_version_compare(cache->kinds[kind].resource_version, resource_version,
                                    &order) &&
           order >= 0;
}

const char *cache_find_unreadable(const struct cache *cache, enum api_kind kind,
                                  const char *namespace, const char *name)
{
    const struct map *unreadable = &cache->kinds[kind].store.unreadable;
    if (unreadable->count == 0) {
        return NULL;
    }
    CLEANUP(memory_free_indirect) char *key = store_key(namespace, name);
    const struct store_unreadable *found = map_get(unreadable, key);
    return found ? found->reason : NULL;
}

bool cache_has_unreadable(const struct cache *cache, enum api_kind kind, const char *namespace)
{
    CLEANUP(memory_free_indirect) char *prefix = store_key(namespace, NULL);
    const struct map_entry *each;
    for (size_t at = 0; (each = map_next(&cache->kinds[kind].store.unreadable, &at)) != NULL;) {
        if (strncmp(each->key, prefix, strlen(prefix)) == 0) {
            return true;
        }
    }
    return false;
}

struct cache_numbers cache_numbers(const struct cache *cache, enum api_kind kind)
{
    const struct cache_kind *known = &cache->kinds[kind];
    return (struct cache_numbers){.objects = known->store.objects.count,
                                  .unreadable = known->store.unreadable.count,
                                  .bytes = known->store.bytes,
                                  .stale = known->stale};
}

/* Indexes */

static bool has_key(const struct index_keys *keys, const char *key)
{
    for (size_t at = 0; at < keys->count; at++) {
        if (text_equal(keys->items[at], key)) {
            return true;
        }
    }
    return false;
}

void cache_move_in_indexes(struct cache *cache, enum api_kind kind, const struct object *before,
                           const struct object *after)
{
    for (size_t at = 0; at < CACHE_INDEX_COUNT; at++) {
        const struct index_definition *definition = &index_definitions[at];
        if (definition->kind != kind) {
            continue;
        }
        struct index_keys old_keys = {0};
        struct index_keys new_keys = {0};
        if (before) {
            definition->find_keys(&cache->scratch, before, &old_keys);
        }
        if (after) {
            definition->find_keys(&cache->scratch, after, &new_keys);
        }
        for (size_t key = 0; key < new_keys.count; key++) {
            index_put(&cache->indexes[at], new_keys.items[key], after);
        }
        for (size_t key = 0; key < old_keys.count; key++) {
            if (!has_key(&new_keys, old_keys.items[key])) {
                index_remove(&cache->indexes[at], old_keys.items[key], before);
            }
        }
        arena_reset(&cache->scratch);
    }
}

/* Telling */

void cache_tell_change(struct cache *cache, enum api_kind kind, const struct object *before,
                       const struct object *after)
{
    if (!cache->listener.on_change) {
        return;
    }
    enum cache_event event = !before ? CACHE_ADDED : !after ? CACHE_DELETED : CACHE_UPDATED;
    cache->is_telling = true;
    cache->listener.on_change(cache->listener.context, kind, event, before, after);
    cache->is_telling = false;
}

void cache_tell_update(struct cache *cache, enum api_kind kind, const struct object *before,
                       const struct object *after)
{
    if (before && after && !text_equal(before->meta.uid, after->meta.uid)) {
        cache_tell_change(cache, kind, before, NULL);
        before = NULL;
    }
    cache_tell_change(cache, kind, before, after);
}

void cache_set_resource_version(struct cache *cache, enum api_kind kind,
                                const char *resource_version)
{
    char *before = cache->kinds[kind].resource_version;
    cache->kinds[kind].resource_version = memory_copy_text(resource_version);
    (void)memory_free(before);
}

/* What an event or a bookmark says never takes the cache back. True when it moved. */
static bool move_resource_version(struct cache *cache, enum api_kind kind,
                                  const char *resource_version)
{
    const char *known = cache->kinds[kind].resource_version;
    if (text_is_empty(resource_version) || text_equal(resource_version, known) ||
        resource_version_is_older(resource_version, known)) {
        return false;
    }
    cache_set_resource_version(cache, kind, resource_version);
    return true;
}

void cache_tell_advance(struct cache *cache, enum api_kind kind)
{
    if (cache->listener.on_advance) {
        cache->is_telling = true;
        cache->listener.on_advance(cache->listener.context, kind);
        cache->is_telling = false;
    }
}

/* Writing */

/* True for the same content again, and for what is certainly older than what is known. */
static bool is_old_news(struct cache *cache, enum api_kind kind, const struct object *known,
                        const struct object *object)
{
    if (!known || !text_equal(known->meta.uid, object->meta.uid)) {
        return false;
    }
    if (resource_version_is_older(object->meta.resource_version, known->meta.resource_version)) {
        cache->kinds[kind].stale++;
        return true;
    }
    return known->meta.resource_version &&
           text_equal(known->meta.resource_version, object->meta.resource_version);
}

bool cache_is_unchanged(enum api_kind kind, const struct store_entry *known,
                        const struct settled *settled)
{
    return known && known->is_reduced == settled->is_reduced &&
           kept_says_the_same(kind, known->object, settled->object);
}

/* All that an event tells is how far the kind has come. */
static void end_quietly(struct cache *cache, enum api_kind kind, struct arena *arena,
                        const struct object *object)
{
    bool moved = move_resource_version(cache, kind, object->meta.resource_version);
    arena_reset(&cache->scratch);
    arena_free(arena);
    if (moved) {
        cache_tell_advance(cache, kind);
    }
}

void cache_put(struct cache *cache, enum api_kind kind, struct arena *arena, struct object *object)
{
    REQUIRE(!cache->is_telling);
    struct store *store = &cache->kinds[kind].store;
    CLEANUP(memory_free_indirect) char *key = store_key(object->meta.namespace, object->meta.name);
    struct store_entry *known = map_get(&store->objects, key);
    if (is_old_news(cache, kind, known ? known->object : NULL, object)) {
        end_quietly(cache, kind, arena, object);
        return;
    }
    kept_trim(kind, object);
    const struct settled settled = settle(cache, kind, object);
    bool is_unchanged = cache_is_unchanged(kind, known, &settled);
    if (is_unchanged && store_entry_set_version(known, object->meta.resource_version)) {
        end_quietly(cache, kind, arena, object);
        return;
    }
    struct store_entry *entry = settle_copy(cache, kind, &settled);
    arena_free(arena);
    struct store_entry *before = store_put(store, key, entry);
    store_note_readable(store, key, &entry->object->meta);
    const struct object *old = before ? before->object : NULL;
    cache_move_in_indexes(cache, kind, old, entry->object);
    bool moved = move_resource_version(cache, kind, entry->object->meta.resource_version);
    if (!is_unchanged) {
        cache_tell_update(cache, kind, old, entry->object);
    }
    (void)store_entry_free(before);
    settle_children(cache, kind, entry->object);
    if (moved) {
        cache_tell_advance(cache, kind);
    }
}

/* The object leaves the store; the rest of what an event does follows. */
static void take_out(struct cache *cache, enum api_kind kind, const char *key,
                     const char *resource_version)
{
    struct store_entry *before = store_take(&cache->kinds[kind].store, key);
    if (before) {
        cache_move_in_indexes(cache, kind, before->object, NULL);
    }
    bool moved = move_resource_version(cache, kind, resource_version);
    if (before) {
        cache_tell_change(cache, kind, before->object, NULL);
        (void)store_entry_free(before);
    }
    if (moved) {
        cache_tell_advance(cache, kind);
    }
}

void cache_remove(struct cache *cache, enum api_kind kind, const char *namespace, const char *name,
                  const char *resource_version)
{
    REQUIRE(!cache->is_telling);
    CLEANUP(memory_free_indirect) char *key = store_key(namespace, name);
    store_drop_unreadable(&cache->kinds[kind].store, key);
    take_out(cache, kind, key, resource_version);
}

void cache_log_unreadable(enum api_kind kind, const char *key, const struct store_unreadable *known,
                          const char *resource_version, const char *reason)
{
    if (known && (resource_version ? text_equal(known->resource_version, resource_version)
                                   : text_equal(known->reason, reason))) {
        return;
    }
    log_warning("an object cannot be read and is left out until it changes; others go on",
                LOG_TEXT("kind", kind_info(kind)->kind), LOG_TEXT("object", key),
                LOG_TEXT("resourceVersion", text_or(resource_version, "")),
                LOG_TEXT("error", text_or(reason, "")));
}

void cache_put_unreadable(struct cache *cache, enum api_kind kind, const char *namespace,
                          const char *name, const char *resource_version, const char *reason)
{
    REQUIRE(!cache->is_telling);
    struct store *store = &cache->kinds[kind].store;
    CLEANUP(memory_free_indirect) char *key = store_key(namespace, name);
    cache_log_unreadable(kind, key, map_get(&store->unreadable, key), resource_version, reason);
    store_put_unreadable(store, key, resource_version, reason);
    take_out(cache, kind, key, resource_version);
}

void cache_advance(struct cache *cache, enum api_kind kind, const char *resource_version)
{
    REQUIRE(!cache->is_telling);
    if (move_resource_version(cache, kind, resource_version)) {
        cache_tell_advance(cache, kind);
    }
}
