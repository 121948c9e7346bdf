#include "cache/cache.h"

#include "api/kept.h"
#include "cache/private.h"
#include "cache/settle.h"
#include "core/assert.h"
#include "core/memory.h"
#include "core/text.h"

/*
 * A whole list becomes the store (conformance C8). All differences are made first and told after:
 * a listener that looks around sees the new list and nothing else.
 */

struct cache_batch {
    struct cache *cache;
    enum api_kind kind;
    struct store store;
};

/* Owned entries that left the store, and borrowed ones that are in it. */
struct change {
    struct store_entry *before;
    const struct store_entry *after;
};

struct changes {
    struct change *items;
    size_t count;
    size_t capacity;
};

struct cache_batch *cache_batch_new(struct cache *cache, enum api_kind kind)
{
    struct cache_batch *batch = memory_allocate(1, sizeof(*batch));
    batch->cache = cache;
    batch->kind = kind;
    return batch;
}

struct cache_batch *cache_batch_free(struct cache_batch *batch)
{
    if (batch) {
        store_free(&batch->store);
    }
    return memory_free(batch);
}

/*
 * A run tells by itself that it is over. Of its Jobs and Pods that is judged by what the cache has,
 * which may be older than the list that replaces it (a restored etcd): so not before the whole list
 * is there, but for the first one of all, when the cache knows only what it was told a moment ago.
 */
static bool may_reduce(const struct cache_batch *batch)
{
    return batch->kind == KIND_PIPELINE_RUN || !batch->cache->kinds[batch->kind].is_synced;
}

void cache_batch_put(struct cache_batch *batch, struct arena *arena, struct object *object)
{
    CLEANUP(memory_free_indirect) char *key = store_key(object->meta.namespace, object->meta.name);
    store_note_readable(&batch->store, key, &object->meta);
    kept_trim(batch->kind, object);
    struct store_entry *entry = may_reduce(batch) ? settle_entry(batch->cache, batch->kind, object)
                                                  : store_entry_new(batch->kind, object);
    (void)store_entry_free(store_put(&batch->store, key, entry));
    arena_free(arena);
}

void cache_batch_put_unreadable(struct cache_batch *batch, const char *namespace, const char *name,
                                const char *reason)
{
    CLEANUP(memory_free_indirect) char *key = store_key(namespace, name);
    (void)store_entry_free(store_take(&batch->store, key));
    store_put_unreadable(&batch->store, key, NULL, reason);
}

void cache_batch_remove(struct cache_batch *batch, const char *namespace, const char *name)
{
    CLEANUP(memory_free_indirect) char *key = store_key(namespace, name);
    (void)store_entry_free(store_take(&batch->store, key));
    store_drop_unreadable(&batch->store, key);
}

size_t cache_batch_bytes(const struct cache_batch *batch)
{
    return batch->store.bytes;
}

static void add_change(struct changes *changes, struct store_entry *before,
                       const struct store_entry *after)
{
    changes->items = memory_grow(changes->items, &changes->capacity, changes->count + 1,
                                 sizeof(*changes->items));
    changes->items[changes->count++] = (struct change){.before = before, .after = after};
}

static bool is_same_content(const struct object *a, const struct object *b)
{
    return a->meta.resource_version &&
           text_equal(a->meta.resource_version, b->meta.resource_version) &&
           text_equal(a->meta.uid, b->meta.uid);
}

/* What the list does not have any more. */
static void take_out_gone(struct cache *cache, const struct cache_batch *batch,
                          struct changes *changes)
{
    struct store *store = &cache->kinds[batch->kind].store;
    const struct map_entry *each;
    for (size_t at = 0; (each = map_next(&store->objects, &at)) != NULL;) {
        if (map_get(&batch->store.objects, each->key)) {
            continue;
        }
        struct store_entry *entry = store_take(store, each->key);
        cache_move_in_indexes(cache, batch->kind, entry->object, NULL);
        add_change(changes, entry, NULL);
    }
}

/* What the list has. Entries of unchanged objects stay, so that borrowed texts do too. */
static void put_in_listed(struct cache *cache, struct cache_batch *batch, struct changes *changes)
{
    struct store *store = &cache->kinds[batch->kind].store;
    const struct map_entry *each;
    for (size_t at = 0; (each = map_next(&batch->store.objects, &at)) != NULL;) {
        struct store_entry *listed = each->value;
        struct store_entry *known = map_get(&store->objects, each->key);
        bool is_over = settle_is_over(cache, batch->kind, listed->object);
        if (known && known->is_reduced <= is_over &&
            is_same_content(known->object, listed->object)) {
            (void)store_entry_free(listed);
            continue;
        }
        struct store_entry *entry = listed;
        if (is_over && !listed->is_reduced) {
            entry = settle_entry(cache, batch->kind, listed->object);
            (void)store_entry_free(listed);
        }
        const struct settled settled = {.object = entry->object, .is_reduced = entry->is_reduced};
        if (cache_is_unchanged(batch->kind, known, &settled) &&
            store_entry_set_version(known, entry->object->meta.resource_version)) {
            (void)store_entry_free(entry);
            continue;
        }
        struct store_entry *before = store_put(store, each->key, entry);
        cache_move_in_indexes(cache, batch->kind, before ? before->object : NULL, entry->object);
        add_change(changes, before, entry);
    }
    /* The entries are not the batch's any more. */
    map_free(&batch->store.objects);
}

static void replace_unreadable(struct cache *cache, struct cache_batch *batch)
{
    struct store *store = &cache->kinds[batch->kind].store;
    const struct map_entry *each;
    for (size_t at = 0; (each = map_next(&batch->store.unreadable, &at)) != NULL;) {
        const struct store_unreadable *unreadable = each->value;
        if (!map_get(&store->objects, each->key)) { /* else its planner tells of it */
            cache_log_unreadable(batch->kind, each->key, map_get(&store->unreadable, each->key),
                                 NULL, unreadable->reason);
        }
    }
    /* The batch takes the old ones with it. */
    struct map before = store->unreadable;
    store->unreadable = batch->store.unreadable;
    batch->store.unreadable = before;
}

static void tell_changes(struct cache *cache, enum api_kind kind, struct changes *changes)
{
    for (size_t at = 0; at < changes->count; at++) {
        const struct change *change = &changes->items[at];
        cache_tell_update(cache, kind, change->before ? change->before->object : NULL,
                          change->after ? change->after->object : NULL);
    }
    for (size_t at = 0; at < changes->count; at++) {
        (void)store_entry_free(changes->items[at].before);
    }
    (void)memory_free(changes->items);
}

void cache_replace(struct cache_batch *batch, const char *resource_version)
{
    struct cache *cache = batch->cache;
    REQUIRE(!cache->is_telling);
    enum api_kind kind = batch->kind;
    struct changes changes = {0};
    take_out_gone(cache, batch, &changes);
    put_in_listed(cache, batch, &changes);
    replace_unreadable(cache, batch);
    (void)cache_batch_free(batch);
    cache_set_resource_version(cache, kind, resource_version);
    cache->kinds[kind].is_synced = true;
    tell_changes(cache, kind, &changes);
    settle_all(cache, kind);
    memory_give_back();
    cache_tell_advance(cache, kind);
}
