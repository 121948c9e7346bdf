#include "cache/indexes.h"

#include "api/model.h"
#include "api/pipeline.h"
#include "api/pipeline_run.h"
#include "api/trigger.h"
#include "core/assert.h"
#include "core/text.h"

static void add_key(struct index_keys *keys, const char *key)
{
    if (text_is_empty(key)) {
        return;
    }
    REQUIRE(keys->count < INDEX_KEYS_MAXIMUM);
    keys->items[keys->count++] = key;
}

/* "namespace/name" of something that the object names in its own namespace. */
static void add_local_name(struct arena *arena, const struct object *object, const char *name,
                           struct index_keys *keys)
{
    if (!text_is_empty(name)) {
        add_key(keys, arena_join(arena, object->meta.namespace, "/", name));
    }
}

static void find_owner_uid(struct arena *arena, const struct object *object,
                           struct index_keys *keys)
{
    (void)arena;
    const struct owner_reference *owner = meta_controller(&object->meta);
    add_key(keys, owner ? owner->uid : NULL);
}

static void find_run_pipeline(struct arena *arena, const struct object *object,
                              struct index_keys *keys)
{
    const struct pipeline_run *run = (const struct pipeline_run *)object;
    add_local_name(arena, object, run->spec.pipeline_ref.name, keys);
}

static void find_unfinished_run_pipeline(struct arena *arena, const struct object *object,
                                         struct index_keys *keys)
{
    const struct pipeline_run *run = (const struct pipeline_run *)object;
    if (!pipeline_run_is_finished(run)) {
        add_local_name(arena, object, run->spec.pipeline_ref.name, keys);
    }
}

static void find_trigger_uid(struct arena *arena, const struct object *object,
                             struct index_keys *keys)
{
    (void)arena;
    add_key(keys, text_map_get(&object->meta.annotations, ANNOTATION_TRIGGER_UID));
}

static void find_version_uid(struct arena *arena, const struct object *object,
                             struct index_keys *keys)
{
    (void)arena;
    add_key(keys, text_map_get(&object->meta.labels, LABEL_VERSION_UID));
}

static void find_version_model(struct arena *arena, const struct object *object,
                               struct index_keys *keys)
{
    const struct model_version *version = (const struct model_version *)object;
    add_local_name(arena, object, version->spec.model, keys);
}

static void find_trigger_pipeline(struct arena *arena, const struct object *object,
                                  struct index_keys *keys)
{
    const struct trigger *trigger = (const struct trigger *)object;
    add_local_name(arena, object, trigger->spec.pipeline_ref.name, keys);
}

static void find_trigger_source_pipeline(struct arena *arena, const struct object *object,
                                         struct index_keys *keys)
{
    const struct trigger *trigger = (const struct trigger *)object;
    add_local_name(arena, object, trigger->spec.pipeline.name, keys);
}

static void find_trigger_source_model(struct arena *arena, const struct object *object,
                                      struct index_keys *keys)
{
    const struct trigger *trigger = (const struct trigger *)object;
    add_local_name(arena, object, trigger->spec.model.name, keys);
}

static void find_pipeline_claim(struct arena *arena, const struct object *object,
                                struct index_keys *keys)
{
    const struct pipeline *pipeline = (const struct pipeline *)object;
    add_local_name(arena, object, pipeline->spec.artifacts.volume_claim.claim_name, keys);
}

const struct index_definition index_definitions[CACHE_INDEX_COUNT] = {
    [INDEX_RUN_BY_PIPELINE] = {KIND_PIPELINE_RUN, find_run_pipeline},
    [INDEX_UNFINISHED_RUN_BY_PIPELINE] = {KIND_PIPELINE_RUN, find_unfinished_run_pipeline},
    [INDEX_RUN_BY_TRIGGER_UID] = {KIND_PIPELINE_RUN, find_trigger_uid},
    [INDEX_JOB_BY_OWNER_UID] = {KIND_JOB, find_owner_uid},
    [INDEX_POD_BY_OWNER_UID] = {KIND_POD, find_owner_uid},
    [INDEX_POD_BY_VERSION_UID] = {KIND_POD, find_version_uid},
    [INDEX_DEPLOYMENT_BY_OWNER_UID] = {KIND_DEPLOYMENT, find_owner_uid},
    [INDEX_SERVICE_BY_OWNER_UID] = {KIND_SERVICE, find_owner_uid},
    [INDEX_REVISION_BY_OWNER_UID] = {KIND_CONTROLLER_REVISION, find_owner_uid},
    [INDEX_VERSION_BY_MODEL] = {KIND_MODEL_VERSION, find_version_model},
    [INDEX_TRIGGER_BY_PIPELINE] = {KIND_TRIGGER, find_trigger_pipeline},
    [INDEX_TRIGGER_BY_SOURCE_PIPELINE] = {KIND_TRIGGER, find_trigger_source_pipeline},
    [INDEX_TRIGGER_BY_SOURCE_MODEL] = {KIND_TRIGGER, find_trigger_source_model},
    [INDEX_PIPELINE_BY_CLAIM] = {KIND_PIPELINE, find_pipeline_claim},
};
