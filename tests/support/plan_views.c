#include "support/test.h"

#include "support/plan_world_private.h"

#include "api/names.h"
#include "core/text.h"

#include <stdlib.h>
#include <string.h>

static const struct plan_settings settings = {.helper_image = "tidemill:test"};

static const struct object *decode_named(struct world *world, enum api_kind kind, const char *name)
{
    const json_t *tree = name ? world_find(world, kind, name) : NULL;
    return tree ? world_decode(world, kind, tree) : NULL;
}

static int compare_names(const void *a, const void *b)
{
    const struct object *const *left = a;
    const struct object *const *right = b;
    return strcmp((*left)->meta.name, (*right)->meta.name);
}

typedef bool keep_function(const json_t *tree, const void *context);

/* All objects of a kind that `keep` keeps, sorted by name; only those are decoded. */
static const void *list(struct world *world, enum api_kind kind, keep_function *keep,
                        const void *context, size_t *count)
{
    const struct object **items = arena_allocate(&world->arena, world->count, sizeof(*items));
    *count = 0;
    for (size_t at = 0; at < world->count; at++) {
        const json_t *tree = world->objects[at].tree;
        if (world->objects[at].kind == kind && keep(tree, context)) {
            items[(*count)++] = world_decode(world, kind, tree);
        }
    }
    qsort(items, *count, sizeof(*items), compare_names);
    return items;
}

static const char *text_at(const json_t *tree, const char *a, const char *b, const char *c)
{
    return json_string_value(json_object_get(json_object_get(json_object_get(tree, a), b), c));
}

/* NULL when nobody controls it. */
static const char *controller_of(const json_t *tree)
{
    const json_t *owners = json_object_get(json_object_get(tree, "metadata"), "ownerReferences");
    for (size_t at = 0; at < json_array_size(owners); at++) {
        const json_t *owner = json_array_get(owners, at);
        if (json_is_true(json_object_get(owner, "controller"))) {
            return json_string_value(json_object_get(owner, "uid"));
        }
    }
    return NULL;
}

static bool is_controlled_by(const json_t *tree, const void *uid)
{
    return text_equal(controller_of(tree), uid);
}

/* Runs and Triggers. */
static bool names_pipeline(const json_t *tree, const void *name)
{
    return text_equal(text_at(tree, "spec", "pipelineRef", "name"), name);
}

static bool is_run_of_trigger(const json_t *tree, const void *uid)
{
    return text_equal(text_at(tree, "metadata", "annotations", ANNOTATION_TRIGGER_UID), uid);
}

static bool is_version_of(const json_t *tree, const void *name)
{
    return text_equal(json_string_value(json_object_get(json_object_get(tree, "spec"), "model")),
                      name);
}

struct uids {
    const char **items;
    size_t count;
};

/* Of these objects, and of one more unless it is NULL. */
static struct uids uids_of(struct world *world, const void *objects, size_t count,
                           const struct object *more)
{
    const struct object *const *items = objects;
    struct uids uids = {.items = arena_allocate(&world->arena, count + 1, sizeof(*uids.items))};
    for (size_t at = 0; at < count; at++) {
        uids.items[uids.count++] = items[at]->meta.uid;
    }
    if (more) {
        uids.items[uids.count++] = more->meta.uid;
    }
    return uids;
}

static bool is_one_of(const struct uids *uids, const char *uid)
{
    for (size_t at = 0; at < uids->count; at++) {
        if (text_equal(uids->items[at], uid)) {
            return true;
        }
    }
    return false;
}

static bool is_controlled_by_one(const json_t *tree, const void *uids)
{
    return is_one_of(uids, controller_of(tree));
}

static bool is_pod_of_version(const json_t *tree, const void *uids)
{
    return is_one_of(uids, text_at(tree, "metadata", "labels", LABEL_VERSION_UID));
}

struct begun {
    const struct world *world;
    const char *pipeline;
};

/* A run with a Job, whose status names no revision. */
static bool has_begun_untold(const json_t *tree, const void *context)
{
    const struct begun *begun = context;
    const char *uid = json_string_value(json_object_get(json_object_get(tree, "metadata"), "uid"));
    bool has_job = false;
    for (size_t at = 0; at < begun->world->count; at++) {
        has_job |= begun->world->objects[at].kind == KIND_JOB &&
                   is_controlled_by(begun->world->objects[at].tree, uid);
    }
    return has_job && names_pipeline(tree, begun->pipeline) &&
           !json_object_get(json_object_get(tree, "status"), "revision");
}

static struct fact_list facts_of(struct world *world)
{
    facts_sort(world->facts, world->fact_count);
    return (struct fact_list){.items = world->facts, .count = world->fact_count};
}

static struct plan new_plan(struct world *world)
{
    struct plan plan;
    plan_init(&plan, &world->arena);
    return plan;
}

struct plan world_plan_pipeline(struct world *world, const char *name)
{
    const struct pipeline *pipeline = (const struct pipeline *)decode_named(world, KIND_PIPELINE,
                                                                            name);
    assert_non_null(pipeline);
    struct pipeline_view view = {
        .now = world->now,
        .settings = &settings,
        .pipeline = pipeline,
        .claim = (const struct claim *)decode_named(
            world, KIND_CLAIM, pipeline->spec.artifacts.volume_claim.claim_name),
        .has_unreadable_runs = world->has_unreadable_runs,
        .facts = facts_of(world)};
    view.runs = list(world, KIND_PIPELINE_RUN, names_pipeline, name, &view.run_count);
    view.revisions = list(world, KIND_CONTROLLER_REVISION, is_controlled_by, pipeline->meta.uid,
                          &view.revision_count);
    view.triggers = list(world, KIND_TRIGGER, names_pipeline, name, &view.trigger_count);
    struct plan plan = new_plan(world);
    plan_pipeline(&view, &plan);
    return plan;
}

static const struct model_version *find_version(struct world *world, const struct run_view *view)
{
    const struct publish_spec *publish = view->revision ? &view->revision->data.spec.publish : NULL;
    if (!publish || !publish->model) {
        return NULL;
    }
    const char *step = arena_copy_bytes(&world->arena, publish->artifact,
                                        strcspn(publish->artifact, "."));
    return (const struct model_version *)decode_named(
        world, KIND_MODEL_VERSION,
        name_model_version(&world->arena, publish->model, view->run->meta.uid, step));
}

struct plan world_plan_run(struct world *world, const char *name)
{
    const struct pipeline_run *run = (const struct pipeline_run *)decode_named(
        world, KIND_PIPELINE_RUN, name);
    assert_non_null(run);
    struct run_view view = {.now = world->now,
                            .settings = &settings,
                            .run = run,
                            .pipeline = (const struct pipeline *)decode_named(
                                world, KIND_PIPELINE, run->spec.pipeline_ref.name),
                            .facts = facts_of(world)};
    view.active = list(world, KIND_PIPELINE_RUN, names_pipeline, run->spec.pipeline_ref.name,
                       &view.active_count);
    view.jobs = list(world, KIND_JOB, is_controlled_by, run->meta.uid, &view.job_count);
    const struct uids jobs = uids_of(world, view.jobs, view.job_count, NULL);
    view.pods = list(world, KIND_POD, is_controlled_by_one, &jobs, &view.pod_count);
    const char *revision = run_pinned_revision(run, view.jobs, view.job_count);
    if (!revision && view.pipeline) {
        revision = view.pipeline->status.revision;
    }
    view.revision = (const struct controller_revision *)decode_named(
        world, KIND_CONTROLLER_REVISION, revision);
    view.version = find_version(world, &view);
    const struct begun begun = {.world = world, .pipeline = run->spec.pipeline_ref.name};
    view.begun = list(world, KIND_PIPELINE_RUN, has_begun_untold, &begun, &view.begun_count);
    struct plan plan = new_plan(world);
    plan_run(&view, &plan);
    return plan;
}

struct plan world_plan_trigger(struct world *world, const char *name)
{
    const struct trigger *trigger = (const struct trigger *)decode_named(world, KIND_TRIGGER, name);
    assert_non_null(trigger);
    const char *zone_text = trigger->spec.schedule.time_zone;
    struct trigger_view view = {.now = world->now,
                                .settings = &settings,
                                .trigger = trigger,
                                .pipeline = (const struct pipeline *)decode_named(
                                    world, KIND_PIPELINE, trigger->spec.pipeline_ref.name),
                                .sighting = world->sighting,
                                .source_model = (const struct model *)decode_named(
                                    world, KIND_MODEL, trigger->spec.model.name),
                                .zone = world->zone ? world->zone : zone_find_builtin(zone_text),
                                .facts = facts_of(world)};
    view.zone_error = view.zone
                          ? NULL
                          : arena_print(&world->arena, "there is no time zone \"%s\"", zone_text);
    view.runs = list(world, KIND_PIPELINE_RUN, is_run_of_trigger, trigger->meta.uid,
                     &view.run_count);
    if (trigger->spec.pipeline.name) {
        view.source_runs = list(world, KIND_PIPELINE_RUN, names_pipeline,
                                trigger->spec.pipeline.name, &view.source_run_count);
    }
    struct plan plan = new_plan(world);
    plan_trigger(&view, &plan);
    return plan;
}

struct plan world_plan_model(struct world *world, const char *name)
{
    struct model_view view = {.now = world->now,
                              .settings = &settings,
                              .namespace = WORLD_NAMESPACE,
                              .name = name,
                              .model = (const struct model *)decode_named(world, KIND_MODEL, name),
                              .facts = facts_of(world)};
    view.versions = list(world, KIND_MODEL_VERSION, is_version_of, name, &view.version_count);
    const struct uids versions = uids_of(world, view.versions, view.version_count, NULL);
    const struct uids owners = uids_of(world, view.versions, view.version_count,
                                       (const struct object *)view.model);
    view.deployments = list(world, KIND_DEPLOYMENT, is_controlled_by_one, &versions,
                            &view.deployment_count);
    view.services = list(world, KIND_SERVICE, is_controlled_by_one, &owners, &view.service_count);
    view.pods = list(world, KIND_POD, is_pod_of_version, &versions, &view.pod_count);
    struct plan plan = new_plan(world);
    plan_model(&view, &plan);
    return plan;
}
