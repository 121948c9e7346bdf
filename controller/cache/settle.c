#include "cache/settle.h"

#include "api/kept.h"
#include "api/pipeline_run.h"
#include "core/memory.h"
#include "core/text.h"

/* The controller owner of the object, when it is in the cache and still the same. */
static const struct object *find_owner(const struct cache *cache, const struct object *object,
                                       enum api_kind kind)
{
    const struct owner_reference *owner = meta_controller(&object->meta);
    if (!owner || !text_equal(owner->kind, kind_info(kind)->kind)) {
        return NULL;
    }
    const struct object *found = cache_get(cache, kind, object->meta.namespace, owner->name);
    return found && text_equal(found->meta.uid, owner->uid) ? found : NULL;
}

bool settle_is_over(const struct cache *cache, enum api_kind kind, const struct object *object)
{
    const struct object *owner;
    switch (kind) {
    case KIND_PIPELINE_RUN:
        return pipeline_run_is_finished((const struct pipeline_run *)object);
    case KIND_JOB:
        owner = find_owner(cache, object, KIND_PIPELINE_RUN);
        return owner && settle_is_over(cache, KIND_PIPELINE_RUN, owner);
    case KIND_POD:
        owner = find_owner(cache, object, KIND_JOB);
        return owner && settle_is_over(cache, KIND_JOB, owner);
    default:
        return false;
    }
}

struct settled settle(struct cache *cache, enum api_kind kind, const struct object *object)
{
    bool is_over = settle_is_over(cache, kind, object);
    return (struct settled){.object = is_over ? kept_reduce(&cache->scratch, kind, object) : object,
                            .is_reduced = is_over};
}

struct store_entry *settle_copy(struct cache *cache, enum api_kind kind,
                                const struct settled *settled)
{
    struct store_entry *entry = store_entry_new(kind, settled->object);
    entry->is_reduced = settled->is_reduced;
    arena_reset(&cache->scratch);
    return entry;
}

struct store_entry *settle_entry(struct cache *cache, enum api_kind kind,
                                 const struct object *object)
{
    const struct settled settled = settle(cache, kind, object);
    return settle_copy(cache, kind, &settled);
}

static void reduce_in_place(struct cache *cache, enum api_kind kind, const struct object *object)
{
    struct store *store = &cache->kinds[kind].store;
    CLEANUP(memory_free_indirect) char *key = store_key(object->meta.namespace, object->meta.name);
    const struct store_entry *known = map_get(&store->objects, key);
    if (known->is_reduced) {
        return;
    }
    struct store_entry *entry = settle_entry(cache, kind, object);
    struct store_entry *before = store_put(store, key, entry);
    cache_move_in_indexes(cache, kind, before->object, entry->object);
    (void)store_entry_free(before);
}

/* A reduced Pod has no owner: each one leaves the list. */
static void settle_pods(struct cache *cache, const struct object *job)
{
    size_t count = cache_find(cache, INDEX_POD_BY_OWNER_UID, job->meta.uid).count;
    for (size_t at = count; at > 0; at--) {
        struct cache_list list = cache_find(cache, INDEX_POD_BY_OWNER_UID, job->meta.uid);
        const struct object *const *pods = list.items;
        const struct object *pod = pods[at - 1];
        if (settle_is_over(cache, KIND_POD, pod)) {
            reduce_in_place(cache, KIND_POD, pod);
        }
    }
}

/* A reduced Job keeps its place in the list. */
static void settle_jobs(struct cache *cache, const struct object *run)
{
    size_t count = cache_find(cache, INDEX_JOB_BY_OWNER_UID, run->meta.uid).count;
    for (size_t at = 0; at < count; at++) {
        struct cache_list list = cache_find(cache, INDEX_JOB_BY_OWNER_UID, run->meta.uid);
        const struct object *const *jobs = list.items;
        if (settle_is_over(cache, KIND_JOB, jobs[at])) {
            settle_pods(cache, jobs[at]);
            reduce_in_place(cache, KIND_JOB, jobs[at]);
        }
    }
}

void settle_children(struct cache *cache, enum api_kind kind, const struct object *object)
{
    if (kind != KIND_PIPELINE_RUN && kind != KIND_JOB) {
        return;
    }
    if (!settle_is_over(cache, kind, object)) {
        return;
    }
    if (kind == KIND_PIPELINE_RUN) {
        settle_jobs(cache, object);
    } else {
        settle_pods(cache, object);
    }
}

void settle_all(struct cache *cache, enum api_kind kind)
{
    if (kind != KIND_PIPELINE_RUN && kind != KIND_JOB) {
        return;
    }
    const struct object *object;
    for (size_t at = 0; (object = cache_next(cache, kind, &at)) != NULL;) {
        settle_children(cache, kind, object);
    }
}
