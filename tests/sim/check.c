#include "sim/world.h"

#include "core/text.h"
#include "plan/run_phase.h"
#include "sim/tree.h"

/*
 * What must hold at every moment, and at rest. Who looks at one change sees the store as it is
 * after it.
 */

#define FOREIGN "example.com/not-ours"

static const char *label(const json_t *tree, const char *key)
{
    return tree_map_text(tree, "metadata/labels", key);
}

static bool is_same_attempt(const json_t *a, const json_t *b)
{
    return text_equal(tree_controller_uid(a), tree_controller_uid(b)) &&
           text_equal(label(a, LABEL_STEP), label(b, LABEL_STEP)) &&
           text_equal(tree_map_text(a, "metadata/annotations", ANNOTATION_ATTEMPT),
                      tree_map_text(b, "metadata/annotations", ANNOTATION_ATTEMPT));
}

/* No two live Jobs for one step and attempt. */
static void check_jobs(struct sim_world *world, const struct sim_change *change)
{
    if (change->before) {
        return;
    }
    for (size_t at = 0; at < world->store.count; at++) {
        const struct sim_object *other = &world->store.objects[at];
        if (other->kind == KIND_JOB && other->tree != change->after &&
            is_same_attempt(other->tree, change->after)) {
            sim_world_fail(world, "two Jobs for one attempt: %s and %s", tree_name(other->tree),
                           tree_name(change->after));
        }
    }
}

static void check_steps(struct sim_world *world, const struct sim_change *change)
{
    size_t at;
    const json_t *step;
    json_array_foreach(tree_at(change->before, "status/steps"), at, step)
    {
        const char *before = tree_text(step, "phase");
        const char *after = tree_text(json_array_get(tree_at(change->after, "status/steps"), at),
                                      "phase");
        if (step_phase_is_final(before) && !text_equal(before, after)) {
            sim_world_fail(world, "step %s of run %s was %s and is %s", tree_text(step, "name"),
                           tree_name(change->after), before, after);
        }
    }
}

/*
 * A run that is bound to a revision and has not ended takes a place. One that was put back, and
 * then gets the Job that a dead controller had asked for, goes on with it: one more for a while.
 */
static void check_places(struct sim_world *world, const json_t *run)
{
    const char *name = tree_text(run, "spec/pipelineRef/name");
    const struct sim_object *pipeline = sim_store_find(&world->store, KIND_PIPELINE, SIM_NAMESPACE,
                                                       name);
    int64_t limit = pipeline ? tree_integer(pipeline->tree, "spec/maxConcurrentRuns") : 0;
    int64_t under_way = 0;
    for (size_t at = 0; at < world->store.count; at++) {
        const json_t *tree = world->store.objects[at].tree;
        under_way += world->store.objects[at].kind == KIND_PIPELINE_RUN &&
                     text_equal(tree_text(tree, "spec/pipelineRef/name"), name) &&
                     tree_text(tree, "status/revision")[0] &&
                     !run_phase_is_final(tree_text(tree, "status/phase"));
    }
    int64_t late = sim_late_is_there(world);
    if (limit > 0 && under_way > limit + late) {
        sim_world_fail(world, "%lld runs are under way, maxConcurrentRuns is %lld",
                       (long long)under_way, (long long)limit);
    }
}

static void check_run(struct sim_world *world, const struct sim_change *change)
{
    if (!change->before || !change->after) {
        return;
    }
    const char *before = tree_text(change->before, "status/phase");
    const char *after = tree_text(change->after, "status/phase");
    if (run_phase_is_final(before) && !text_equal(before, after)) {
        sim_world_fail(world, "run %s was %s and is %s", tree_name(change->after), before, after);
    }
    check_steps(world, change);
    check_places(world, change->after);
}

/* One version for each run, and only of a run that comes to its end. */
static void check_version(struct sim_world *world, const struct sim_change *change)
{
    if (change->before) {
        return;
    }
    const char *run = tree_text(change->after, "spec/lineage/run/uid");
    for (size_t at = 0; at < world->store.count; at++) {
        const struct sim_object *other = &world->store.objects[at];
        if (other->kind == KIND_MODEL_VERSION && other->tree != change->after &&
            text_equal(tree_text(other->tree, "spec/lineage/run/uid"), run)) {
            sim_world_fail(world, "two versions of one run: %s and %s", tree_name(other->tree),
                           tree_name(change->after));
        }
    }
}

void sim_check_change(struct sim_world *world, const struct sim_change *change)
{
    if (change->before && !world->people_act &&
        tree_map_text(change->before, "metadata/annotations", FOREIGN)[0] != '\0') {
        sim_world_fail(world, "%s %s is not ours and was changed", kind_info(change->kind)->kind,
                       tree_name(change->before));
    }
    sim_check_told(world, change);
    sim_check_model(world, change);
    sim_check_trigger(world, change);
    switch (change->kind) {
    case KIND_JOB:
        check_jobs(world, change);
        sim_check_job(world, change);
        break;
    case KIND_PIPELINE_RUN:
        check_run(world, change);
        break;
    case KIND_MODEL_VERSION:
        check_version(world, change);
        break;
    default:
        break;
    }
}

/* ---- at rest ---- */

static void check_run_at_rest(struct sim_world *world, const json_t *run)
{
    bool is_final = run_phase_is_final(tree_text(run, "status/phase"));
    if (!is_final && !json_is_true(tree_at(run, "spec/suspend"))) {
        sim_world_fail(world, "run %s never ended: %s", tree_name(run),
                       tree_text(run, "status/conditions/0/message"));
    }
    const char *version = tree_text(run, "status/modelVersion");
    if (version[0] && !sim_has_been(&world->store, KIND_MODEL_VERSION, version)) {
        sim_world_fail(world, "run %s names version %s, which was never there", tree_name(run),
                       version);
    }
}

/*
 * It was planned before its run ended, by a controller that died, and made afterwards: no write of
 * a version can be locked by the state of a run.
 */
static bool is_made_late(const struct sim_world *world, const json_t *version, const json_t *run)
{
    const struct sim_store *store = &world->store;
    int64_t ended_ms = INT64_MAX;
    for (size_t at = 0; at < store->change_count; at++) {
        const struct sim_change *change = &store->changes[at];
        if (change->kind == KIND_PIPELINE_RUN && change->after && ended_ms == INT64_MAX &&
            text_equal(tree_uid(change->after), tree_uid(run)) &&
            run_phase_is_final(tree_text(change->after, "status/phase"))) {
            ended_ms = world->change_ms[at];
        }
        if (change->kind == KIND_MODEL_VERSION && !change->before &&
            text_equal(tree_uid(change->after), tree_uid(version))) {
            return sim_late_is_there(world) && world->origins[at].at_ms < ended_ms &&
                   ended_ms <= world->change_ms[at];
        }
    }
    return false;
}

static void check_version_at_rest(struct sim_world *world, const json_t *version)
{
    const struct sim_object *run = sim_store_find_uid(&world->store,
                                                      tree_text(version, "spec/lineage/run/uid"));
    if (run && !text_equal(tree_text(run->tree, "status/phase"), RUN_SUCCEEDED) &&
        !is_made_late(world, version, run->tree)) {
        sim_world_fail(world, "version %s is of run %s, which is %s", tree_name(version),
                       tree_name(run->tree), tree_text(run->tree, "status/phase"));
    }
}

static void check_job_at_rest(struct sim_world *world, const json_t *job)
{
    if (!tree_condition(job, "Complete")[0] && !tree_condition(job, "Failed")[0]) {
        sim_world_fail(world, "Job %s runs on", tree_name(job));
    }
}

static void check_pipeline_at_rest(struct sim_world *world, const json_t *pipeline)
{
    if (tree_integer(pipeline, "status/observedGeneration") !=
        tree_integer(pipeline, "metadata/generation")) {
        sim_world_fail(world, "Pipeline %s was never judged", tree_name(pipeline));
    }
}

static size_t count_running_steps(const struct sim_world *world)
{
    size_t count = 0;
    for (size_t at = 0; at < world->store.count; at++) {
        const struct sim_object *object = &world->store.objects[at];
        size_t number;
        const json_t *step;
        if (object->kind != KIND_PIPELINE_RUN ||
            run_phase_is_final(tree_text(object->tree, "status/phase"))) {
            continue;
        }
        json_array_foreach(tree_at(object->tree, "status/steps"), number, step)
        {
            count += text_equal(tree_text(step, "phase"), STEP_RUNNING);
        }
    }
    return count;
}

static void check_running_steps(struct sim_world *world)
{
    size_t running = count_running_steps(world);
    for (size_t at = 0; at < SIM_PROCESSES; at++) {
        const struct sim_process *process = &world->processes[at];
        if (process->alive && process->steps_running != running) {
            sim_world_fail(world, "controller %zu counts %zu running steps, there are %zu", at,
                           process->steps_running, running);
        }
    }
}

/* Whether runs on this revision publish. Its object may be gone by now. */
static bool publishes(const struct sim_store *store, const char *revision)
{
    for (size_t at = 0; at < store->change_count; at++) {
        const struct sim_change *change = &store->changes[at];
        if (change->kind == KIND_CONTROLLER_REVISION && !change->before &&
            text_equal(tree_name(change->after), revision)) {
            return tree_at(change->after, "data/spec/publish") != NULL;
        }
    }
    return false;
}

static size_t count_versions(const struct sim_store *store, const char *run_uid)
{
    size_t count = 0;
    for (size_t at = 0; at < store->change_count; at++) {
        const struct sim_change *change = &store->changes[at];
        count += change->kind == KIND_MODEL_VERSION && !change->before &&
                 text_equal(tree_text(change->after, "spec/lineage/run/uid"), run_uid);
    }
    return count;
}

/* Each run that succeeded has made one version if it was to make one, whatever is left of both. */
static void check_published(struct sim_world *world)
{
    const struct sim_store *store = &world->store;
    for (size_t at = 0; at < store->change_count; at++) {
        const struct sim_change *change = &store->changes[at];
        if (change->kind != KIND_PIPELINE_RUN || !change->after ||
            !text_equal(tree_text(change->after, "status/phase"), RUN_SUCCEEDED) ||
            text_equal(tree_text(change->before, "status/phase"), RUN_SUCCEEDED)) {
            continue;
        }
        size_t expected = publishes(store, tree_text(change->after, "status/revision"));
        size_t made = count_versions(store, tree_uid(change->after));
        if (made != expected) {
            sim_world_fail(world,
                           "run %s succeeded, and %zu versions were made of it where %zu are due",
                           tree_name(change->after), made, expected);
        }
    }
}

void sim_check_rest(struct sim_world *world)
{
    check_running_steps(world);
    check_published(world);
    for (size_t at = 0; at < world->store.count; at++) {
        const struct sim_object *object = &world->store.objects[at];
        if (object->kind == KIND_PIPELINE_RUN) {
            check_run_at_rest(world, object->tree);
        } else if (object->kind == KIND_MODEL_VERSION) {
            check_version_at_rest(world, object->tree);
        } else if (object->kind == KIND_MODEL) {
            sim_check_model_at_rest(world, object->tree);
        } else if (object->kind == KIND_TRIGGER) {
            sim_check_trigger_at_rest(world, object->tree);
        } else if (object->kind == KIND_JOB) {
            check_job_at_rest(world, object->tree);
        } else if (object->kind == KIND_PIPELINE) {
            check_pipeline_at_rest(world, object->tree);
        }
    }
}
