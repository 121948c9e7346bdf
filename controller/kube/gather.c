#include "kube/gather.h"

#include "api/names.h"
#include "core/assert.h"
#include "core/text.h"

#include <string.h>

/* Pointers of several cache lists in one. */
struct pointer_list {
    const void **items;
    size_t count;
    size_t capacity;
};

static void append_list(struct arena *arena, struct pointer_list *list, struct cache_list more)
{
    if (list->count + more.count > list->capacity) {
        size_t capacity = (list->count + more.count) * 2;
        const void **grown = arena_allocate(arena, capacity, sizeof(*grown));
        if (list->count > 0) {
            memcpy(grown, list->items, list->count * sizeof(*grown));
        }
        list->items = grown;
        list->capacity = capacity;
    }
    if (more.count > 0) {
        memcpy(list->items + list->count, more.items, more.count * sizeof(*list->items));
        list->count += more.count;
    }
}

/* Keys of any other kind are never made. */
static const bool is_planned_kind = false;

/*
 * The same for what only a label or an annotation ties together: users can write those, so an
 * object of another namespace may turn up.
 */
static void append_own(struct arena *arena, struct pointer_list *list, const char *namespace,
                       struct cache_list more)
{
    const struct object *const *objects = more.items;
    for (size_t at = 0; at < more.count; at++) {
        if (text_equal(objects[at]->meta.namespace, namespace)) {
            append_list(arena, list, (struct cache_list){.items = &objects[at], .count = 1});
        }
    }
}

static struct fact_list facts_of(const struct gatherer *gatherer, struct arena *arena,
                                 const struct work_key *key)
{
    char text[KEY_TEXT_SIZE];
    return facts_list(gatherer->facts, arena, key_format(key, text));
}

static bool gather_pipeline(const struct gatherer *gatherer, struct arena *arena,
                            const struct work_key *key, int64_t now, struct pipeline_view *view)
{
    const struct cache *cache = gatherer->cache;
    const struct pipeline *pipeline = (const struct pipeline *)cache_get(cache, KIND_PIPELINE,
                                                                         key->namespace, key->name);
    if (!pipeline) {
        return false;
    }
    struct cache_list runs = cache_find_named(cache, INDEX_RUN_BY_PIPELINE, key->namespace,
                                              key->name);
    struct cache_list triggers = cache_find_named(cache, INDEX_TRIGGER_BY_PIPELINE, key->namespace,
                                                  key->name);
    struct cache_list revisions = cache_find(cache, INDEX_REVISION_BY_OWNER_UID,
                                             pipeline->meta.uid);
    const char *claim = pipeline->spec.artifacts.volume_claim.claim_name;
    *view = (struct pipeline_view){
        .now = now,
        .settings = gatherer->settings,
        .pipeline = pipeline,
        .claim = claim ? (const struct claim *)cache_get(cache, KIND_CLAIM, key->namespace, claim)
                       : NULL,
        .runs = runs.items,
        .run_count = runs.count,
        .has_unreadable_runs = cache_has_unreadable(cache, KIND_PIPELINE_RUN, key->namespace),
        .revisions = revisions.items,
        .revision_count = revisions.count,
        .triggers = triggers.items,
        .trigger_count = triggers.count,
        .facts = facts_of(gatherer, arena, key),
    };
    return true;
}

static const struct controller_revision *find_revision(const struct gatherer *gatherer,
                                                       const struct run_view *view)
{
    const char *name = run_pinned_revision(view->run, view->jobs, view->job_count);
    if (!name && view->pipeline) {
        name = view->pipeline->status.revision;
    }
    return name ? (const struct controller_revision *)cache_get(
                      gatherer->cache, KIND_CONTROLLER_REVISION, view->run->meta.namespace, name)
                : NULL;
}

/* The version that this run publishes, by the name that it will have. */
static const struct model_version *find_version(const struct gatherer *gatherer,
                                                struct arena *arena, const struct run_view *view)
{
    const struct publish_spec *publish = view->revision ? &view->revision->data.spec.publish : NULL;
    if (!publish || !publish->model || !publish->artifact) {
        return NULL;
    }
    const char *dot = strchr(publish->artifact, '.');
    const char *step = arena_copy_bytes(arena, publish->artifact,
                                        dot ? (size_t)(dot - publish->artifact)
                                            : strlen(publish->artifact));
    return (const struct model_version *)cache_get(
        gatherer->cache, KIND_MODEL_VERSION, view->run->meta.namespace,
        name_model_version(arena, publish->model, view->run->meta.uid, step));
}

/* A run may have Jobs before its status says that it has begun; see view.h. */
static void gather_begun(const struct gatherer *gatherer, struct arena *arena,
                         struct run_view *view)
{
    bool wants_place = !view->run->status.revision && view->revision &&
                       view->revision->data.spec.max_concurrent_runs != INTEGER_ABSENT;
    struct pointer_list begun = {0};
    for (size_t at = 0; wants_place && at < view->active_count; at++) {
        const struct pipeline_run *run = view->active[at];
        if (!run->status.revision &&
            cache_find(gatherer->cache, INDEX_JOB_BY_OWNER_UID, run->meta.uid).count > 0) {
            append_list(arena, &begun, (struct cache_list){.items = &view->active[at], .count = 1});
        }
    }
    view->begun = (const struct pipeline_run *const *)begun.items;
    view->begun_count = begun.count;
}

static bool gather_run(const struct gatherer *gatherer, struct arena *arena,
                       const struct work_key *key, int64_t now, struct run_view *view)
{
    const struct cache *cache = gatherer->cache;
    const struct pipeline_run *run = (const struct pipeline_run *)cache_get(
        cache, KIND_PIPELINE_RUN, key->namespace, key->name);
    if (!run) {
        return false;
    }
    const char *pipeline = text_or(run->spec.pipeline_ref.name, "");
    struct cache_list active = cache_find_named(cache, INDEX_UNFINISHED_RUN_BY_PIPELINE,
                                                key->namespace, pipeline);
    struct cache_list jobs = cache_find(cache, INDEX_JOB_BY_OWNER_UID, run->meta.uid);
    struct pointer_list pods = {0};
    const struct job *const *job = jobs.items;
    for (size_t at = 0; at < jobs.count; at++) {
        append_list(arena, &pods, cache_find(cache, INDEX_POD_BY_OWNER_UID, job[at]->meta.uid));
    }
    *view = (struct run_view){
        .now = now,
        .settings = gatherer->settings,
        .run = run,
        .pipeline = (const struct pipeline *)cache_get(cache, KIND_PIPELINE, key->namespace,
                                                       pipeline),
        .active = active.items,
        .active_count = active.count,
        .jobs = jobs.items,
        .job_count = jobs.count,
        .pods = (const struct pod *const *)pods.items,
        .pod_count = pods.count,
        .facts = facts_of(gatherer, arena, key),
    };
    view->revision = find_revision(gatherer, view);
    view->version = find_version(gatherer, arena, view);
    gather_begun(gatherer, arena, view);
    return true;
}

/*
 * The versions that a Model's status names decide where requests go: while one of them can't be
 * read, nothing is moved.
 */
static bool follows_unreadable(const struct cache *cache, const struct model *model)
{
    const char *const named[] = {model->status.champion, model->status.candidate,
                                 model->status.previous};
    for (size_t at = 0; at < sizeof(named) / sizeof(named[0]); at++) {
        if (named[at] &&
            cache_find_unreadable(cache, KIND_MODEL_VERSION, model->meta.namespace, named[at])) {
            return true;
        }
    }
    return false;
}

/* A model's key lives as long as a Model or any version of that name. */
static bool gather_model(const struct gatherer *gatherer, struct arena *arena,
                         const struct work_key *key, int64_t now, struct model_view *view)
{
    const struct cache *cache = gatherer->cache;
    const struct model *model = (const struct model *)cache_get(cache, KIND_MODEL, key->namespace,
                                                                key->name);
    struct cache_list versions = cache_find_named(cache, INDEX_VERSION_BY_MODEL, key->namespace,
                                                  key->name);
    if (model ? follows_unreadable(cache, model) : versions.count == 0) {
        return false;
    }
    struct pointer_list deployments = {0};
    struct pointer_list services = {0};
    struct pointer_list pods = {0};
    const struct model_version *const *version = versions.items;
    if (model) {
        append_list(arena, &services,
                    cache_find(cache, INDEX_SERVICE_BY_OWNER_UID, model->meta.uid));
    }
    for (size_t at = 0; at < versions.count; at++) {
        const char *uid = version[at]->meta.uid;
        append_list(arena, &deployments, cache_find(cache, INDEX_DEPLOYMENT_BY_OWNER_UID, uid));
        append_list(arena, &services, cache_find(cache, INDEX_SERVICE_BY_OWNER_UID, uid));
        append_own(arena, &pods, key->namespace, cache_find(cache, INDEX_POD_BY_VERSION_UID, uid));
    }
    *view = (struct model_view){
        .now = now,
        .settings = gatherer->settings,
        .namespace = key->namespace,
        .name = key->name,
        .model = model,
        .versions = versions.items,
        .version_count = versions.count,
        .deployments = (const struct deployment *const *)deployments.items,
        .deployment_count = deployments.count,
        .services = (const struct service *const *)services.items,
        .service_count = services.count,
        .pods = (const struct pod *const *)pods.items,
        .pod_count = pods.count,
        .facts = facts_of(gatherer, arena, key),
    };
    return true;
}

static bool gather_trigger(const struct gatherer *gatherer, struct arena *arena,
                           const struct work_key *key, int64_t now, struct trigger_view *view)
{
    const struct cache *cache = gatherer->cache;
    const struct trigger *trigger = (const struct trigger *)cache_get(cache, KIND_TRIGGER,
                                                                      key->namespace, key->name);
    if (!trigger) {
        return false;
    }
    struct pointer_list runs = {0};
    append_own(arena, &runs, key->namespace,
               cache_find(cache, INDEX_RUN_BY_TRIGGER_UID, trigger->meta.uid));
    const char *zone_error = NULL;
    const struct zone *zone = zones_find(
        gatherer->zones, text_or(trigger->spec.schedule.time_zone, ""), &zone_error);
    struct cache_list ends = {0};
    if (trigger->spec.pipeline.name) {
        ends = cache_find_named(cache, INDEX_RUN_BY_PIPELINE, key->namespace,
                                trigger->spec.pipeline.name);
    }
    *view = (struct trigger_view){
        .now = now,
        .settings = gatherer->settings,
        .trigger = trigger,
        .pipeline = (const struct pipeline *)cache_get(
            cache, KIND_PIPELINE, key->namespace, text_or(trigger->spec.pipeline_ref.name, "")),
        .zone = zone,
        .zone_error = zone_error,
        .sighting = gatherer->poller ? poller_find(gatherer->poller, trigger) : NULL,
        .source_runs = ends.items,
        .source_run_count = ends.count,
        .source_model = (const struct model *)cache_get(cache, KIND_MODEL, key->namespace,
                                                        text_or(trigger->spec.model.name, "")),
        .runs = (const struct pipeline_run *const *)runs.items,
        .run_count = runs.count,
        .facts = facts_of(gatherer, arena, key),
    };
    return true;
}

/* An object of ours whose spec can't be read. Its own planner would take absent for asked for. */
static bool gather_unreadable(const struct gatherer *gatherer, const struct work_key *key,
                              int64_t now, struct any_view *view)
{
    const struct object *object = cache_get(gatherer->cache, key->kind, key->namespace, key->name);
    view->is_unreadable = object && object->meta.unreadable;
    if (view->is_unreadable) {
        view->unreadable = (struct unreadable_view){
            .now = now, .kind = key->kind, .object = object};
    }
    return view->is_unreadable;
}

bool gather_view(const struct gatherer *gatherer, struct arena *arena, const struct work_key *key,
                 int64_t now, struct any_view *view)
{
    if (gather_unreadable(gatherer, key, now, view)) {
        return true;
    }
    switch (key->kind) {
    case KIND_MODEL_VERSION:
        return false; /* it can be read again, and is planned with its model */
    case KIND_PIPELINE:
        return gather_pipeline(gatherer, arena, key, now, &view->pipeline);
    case KIND_PIPELINE_RUN:
        return gather_run(gatherer, arena, key, now, &view->run);
    case KIND_MODEL:
        return gather_model(gatherer, arena, key, now, &view->model);
    case KIND_TRIGGER:
        return gather_trigger(gatherer, arena, key, now, &view->trigger);
    default:
        REQUIRE(is_planned_kind);
        return false;
    }
}

const char *gather_admission(const struct gatherer *gatherer, struct arena *arena,
                             const struct work_key *key)
{
    if (key->kind != KIND_PIPELINE_RUN) {
        return NULL;
    }
    const struct cache *cache = gatherer->cache;
    const struct pipeline_run *run = (const struct pipeline_run *)cache_get(
        cache, KIND_PIPELINE_RUN, key->namespace, key->name);
    /* A run that has started competes with nobody any more. */
    if (!run || run->status.revision) {
        return NULL;
    }
    const char *name = text_or(run->spec.pipeline_ref.name, "");
    const struct pipeline *pipeline = (const struct pipeline *)cache_get(cache, KIND_PIPELINE,
                                                                         key->namespace, name);
    const struct controller_revision *revision =
        pipeline && pipeline->status.revision
            ? (const struct controller_revision *)cache_get(
                  cache, KIND_CONTROLLER_REVISION, key->namespace, pipeline->status.revision)
            : NULL;
    bool is_limited = revision && revision->data.spec.max_concurrent_runs != INTEGER_ABSENT;
    return is_limited ? arena_print(arena, "%s/%s", key->namespace, name) : NULL;
}

void gather_plan(const struct work_key *key, const struct any_view *view, struct plan *plan)
{
    if (view->is_unreadable) {
        plan_unreadable(&view->unreadable, plan);
        return;
    }
    switch (key->kind) {
    case KIND_PIPELINE:
        plan_pipeline(&view->pipeline, plan);
        break;
    case KIND_PIPELINE_RUN:
        plan_run(&view->run, plan);
        break;
    case KIND_MODEL:
        plan_model(&view->model, plan);
        break;
    case KIND_TRIGGER:
        plan_trigger(&view->trigger, plan);
        break;
    default:
        REQUIRE(is_planned_kind);
    }
}
