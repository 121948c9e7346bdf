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

static bool is_controlled_by(const json_t *tree, const void *uid)
{
    const json_t *owners = json_object_get(json_object_get(tree, "metadata"), "ownerReferences");
    for (size_t at = 0; at < json_array_size(owners); at++) {
        const json_t *owner = json_array_get(owners, at);
        if (json_is_true(json_object_get(owner, "controller"))) {
            return text_equal(json_string_value(json_object_get(owner, "uid")), uid);
        }
    }
    return false;
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

struct jobs {
    const struct job *const *items;
    size_t count;
};

static bool is_pod_of_jobs(const json_t *tree, const void *context)
{
    const struct jobs *jobs = context;
    for (size_t at = 0; at < jobs->count; at++) {
        if (is_controlled_by(tree, jobs->items[at]->meta.uid)) {
            return true;
        }
    }
    return false;
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
    const struct jobs jobs = {.items = view.jobs, .count = view.job_count};
    view.pods = list(world, KIND_POD, is_pod_of_jobs, &jobs, &view.pod_count);
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
