#include "kube/routes.h"

#include "core/text.h"
#include "plan/run_phase.h"
#include "plan/run_turn.h"

#include "api/model.h"
#include "api/pipeline.h"
#include "api/pipeline_run.h"
#include "api/trigger.h"
#include "api/workload.h"

struct route {
    const struct cache *cache;
    enum cache_event event;
    const struct object *before;
    const struct object *after;
    const struct object *object; /* after, or before when it was deleted */
    route_add *add;
    void *context;
};

static void add_urgent_key(const struct route *route, enum api_kind kind, const char *name,
                           enum route_urgency urgency)
{
    if (text_is_empty(name)) {
        return;
    }
    const struct work_key key = {
        .kind = kind, .namespace = route->object->meta.namespace, .name = name};
    route->add(route->context, &key, urgency);
}

static void add_key(const struct route *route, enum api_kind kind, const char *name)
{
    add_urgent_key(route, kind, name, ROUTE_NOW);
}

static void add_listed(const struct route *route, enum cache_index index, enum api_kind kind,
                       const char *name)
{
    struct cache_list list = cache_find_named(route->cache, index, route->object->meta.namespace,
                                              name);
    const struct object *const *objects = list.items;
    for (size_t at = 0; at < list.count; at++) {
        add_key(route, kind, objects[at]->meta.name);
    }
}

static void follow_pipeline(const struct route *route)
{
    const char *name = route->object->meta.name;
    add_key(route, KIND_PIPELINE, name);
    add_listed(route, INDEX_UNFINISHED_RUN_BY_PIPELINE, KIND_PIPELINE_RUN, name);
    add_listed(route, INDEX_TRIGGER_BY_PIPELINE, KIND_TRIGGER, name);
}

static bool is_final(const struct object *run)
{
    return run && run_phase_is_final(((const struct pipeline_run *)run)->status.phase);
}

/*
 * The run whose turn it is. One is enough: when it starts, or gives way, the queue moves again and
 * the next one looks.
 */
static void wake_next_in_turn(const struct route *route, const char *pipeline)
{
    struct cache_list list = cache_find_named(route->cache, INDEX_UNFINISHED_RUN_BY_PIPELINE,
                                              route->object->meta.namespace, pipeline);
    const struct pipeline_run *const *runs = list.items;
    const struct pipeline_run *next = NULL;
    for (size_t at = 0; at < list.count; at++) {
        if (run_waits(runs[at]) && (!next || run_goes_before(runs[at], next))) {
            next = runs[at];
        }
    }
    if (next) {
        add_key(route, KIND_PIPELINE_RUN, next->meta.name);
    }
}

static bool is_limited(const struct route *route, const char *pipeline)
{
    const struct pipeline *found = (const struct pipeline *)cache_get(
        route->cache, KIND_PIPELINE, route->object->meta.namespace, pipeline);
    return found && found->spec.max_concurrent_runs != INTEGER_ABSENT;
}

/* A place came free, or who stood in the queue does so no more. */
static bool moves_queue(const struct route *route, bool ended)
{
    const struct pipeline_run *before = (const struct pipeline_run *)route->before;
    const struct pipeline_run *after = (const struct pipeline_run *)route->after;
    return before && (ended || (run_waits(before) && !(after && run_waits(after))));
}

/* While a run can't be read, no pipeline of its namespace lets a revision go (gather_pipeline). */
static void wake_pipelines(const struct route *route)
{
    const struct object *pipeline;
    for (size_t at = 0; (pipeline = cache_next(route->cache, KIND_PIPELINE, &at)) != NULL;) {
        if (text_equal(pipeline->meta.namespace, route->object->meta.namespace)) {
            add_urgent_key(route, KIND_PIPELINE, pipeline->meta.name, ROUTE_SOON);
        }
    }
}

/* A run's end concerns its pipeline's history, who waits for a turn, and its trigger. */
static void follow_run(const struct route *route)
{
    const struct pipeline_run *run = (const struct pipeline_run *)route->object;
    const char *pipeline = text_or(run->spec.pipeline_ref.name, "");
    bool ended = route->event == CACHE_DELETED ||
                 (is_final(route->after) && !is_final(route->before));
    if (!is_final(route->object) || run->status.observed_generation != run->meta.generation) {
        add_key(route, KIND_PIPELINE_RUN, run->meta.name);
    }
    if (ended) { /* for its history alone */
        add_urgent_key(route, KIND_PIPELINE, pipeline, ROUTE_SOON);
    }
    if (route->before && route->before->meta.unreadable &&
        !(route->after && route->after->meta.unreadable)) {
        wake_pipelines(route);
    }
    if (moves_queue(route, ended) && is_limited(route, pipeline)) {
        wake_next_in_turn(route, pipeline);
    }
    if ((ended || route->event == CACHE_ADDED) && text_equal(run->spec.cause.kind, "Trigger")) {
        add_key(route, KIND_TRIGGER, run->spec.cause.name);
    }
    if (ended && route->after) {
        add_listed(route, INDEX_TRIGGER_BY_SOURCE_PIPELINE, KIND_TRIGGER, pipeline);
    }
}

/*
 * A Trigger holds the runs that its status names: when it lets one go, the pipeline's history may
 * take it.
 */
static void follow_trigger(const struct route *route)
{
    const struct trigger *before = (const struct trigger *)route->before;
    const struct trigger *after = (const struct trigger *)route->after;
    add_key(route, KIND_TRIGGER, route->object->meta.name);
    bool holds_the_same = before && after &&
                          text_equal(before->status.pending.run, after->status.pending.run) &&
                          text_equal(before->status.last_run_ref.name,
                                     after->status.last_run_ref.name);
    if (before && !holds_the_same) {
        add_key(route, KIND_PIPELINE, before->spec.pipeline_ref.name);
    }
}

/* A version is planned with its model's name, or on its own when its spec, which has it, can't be
 * read. */
static void follow_version(const struct route *route)
{
    const struct model_version *before = (const struct model_version *)route->before;
    const struct model_version *after = (const struct model_version *)route->after;
    const char *model = after ? after->spec.model : NULL;
    add_key(route, KIND_MODEL, model);
    if (before && !text_equal(before->spec.model, model)) {
        add_key(route, KIND_MODEL, before->spec.model);
    }
    if (after && after->meta.unreadable) {
        add_key(route, KIND_MODEL_VERSION, after->meta.name);
    }
}

/*
 * A run that has ended is not planned any more, whatever becomes of its Jobs and Pods. Most of them
 * are such: at a start, and a second after each end, when the Job's own end comes.
 */
static void add_run(const struct route *route, const char *name)
{
    if (!is_final(
            cache_get(route->cache, KIND_PIPELINE_RUN, route->object->meta.namespace, name))) {
        add_key(route, KIND_PIPELINE_RUN, name);
    }
}

static void follow_job(const struct route *route)
{
    const struct owner_reference *owner = meta_controller(&route->object->meta);
    if (owner && text_equal(owner->kind, "PipelineRun")) {
        add_run(route, owner->name);
    }
}

static void follow_model_label(const struct route *route)
{
    add_key(route, KIND_MODEL, text_map_get(&route->object->meta.labels, LABEL_MODEL));
}

static void follow_pod(const struct route *route)
{
    const struct owner_reference *owner = meta_controller(&route->object->meta);
    const struct object *job = owner && text_equal(owner->kind, "Job")
                                   ? cache_get(route->cache, KIND_JOB,
                                               route->object->meta.namespace, owner->name)
                                   : NULL;
    const struct owner_reference *run = job ? meta_controller(&job->meta) : NULL;
    if (run) {
        add_run(route, run->name);
    } else if (!job) {
        follow_model_label(route);
    }
}

static void follow_revision(const struct route *route)
{
    const struct owner_reference *owner = meta_controller(&route->object->meta);
    if (!owner) {
        return;
    }
    add_key(route, KIND_PIPELINE, owner->name);
    add_listed(route, INDEX_UNFINISHED_RUN_BY_PIPELINE, KIND_PIPELINE_RUN, owner->name);
}

void routes_follow(const struct cache *cache, enum api_kind kind, enum cache_event event,
                   const struct object *before, const struct object *after, route_add *add,
                   void *context)
{
    const struct route route = {.cache = cache,
                                .event = event,
                                .before = before,
                                .after = after,
                                .object = after ? after : before,
                                .add = add,
                                .context = context};
    switch (kind) {
    case KIND_PIPELINE:
        follow_pipeline(&route);
        break;
    case KIND_PIPELINE_RUN:
        follow_run(&route);
        break;
    case KIND_MODEL:
        add_key(&route, KIND_MODEL, route.object->meta.name);
        add_listed(&route, INDEX_TRIGGER_BY_SOURCE_MODEL, KIND_TRIGGER, route.object->meta.name);
        break;
    case KIND_MODEL_VERSION:
        follow_version(&route);
        break;
    case KIND_TRIGGER:
        follow_trigger(&route);
        break;
    case KIND_JOB:
        follow_job(&route);
        break;
    case KIND_POD:
        follow_pod(&route);
        break;
    case KIND_DEPLOYMENT:
    case KIND_SERVICE:
        follow_model_label(&route);
        break;
    case KIND_CONTROLLER_REVISION:
        follow_revision(&route);
        break;
    case KIND_CLAIM:
        add_listed(&route, INDEX_PIPELINE_BY_CLAIM, KIND_PIPELINE, route.object->meta.name);
        break;
    case KIND_COUNT:
        break;
    }
}
