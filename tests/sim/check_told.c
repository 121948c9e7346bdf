#include "sim/world.h"

#include "core/text.h"
#include "plan/run_phase.h"
#include "sim/tree.h"

/*
 * What a status tells is true at the moment it is told, and what must be written down first is:
 * who reads one object may act on it without looking at the others.
 */

bool sim_has_been(const struct sim_store *store, enum api_kind kind, const char *name)
{
    for (size_t at = 0; at < store->change_count; at++) {
        const struct sim_change *change = &store->changes[at];
        if (change->kind == kind && change->after && text_equal(tree_name(change->after), name)) {
            return true;
        }
    }
    return false;
}

static void check_named(struct sim_world *world, const struct sim_change *change, const char *path,
                        enum api_kind kind)
{
    const char *name = tree_text(change->after, path);
    if (name[0] && !text_equal(name, tree_text(change->before, path)) &&
        !sim_has_been(&world->store, kind, name)) {
        sim_world_fail(world, "%s %s says %s %s, and there is no such %s",
                       kind_info(change->kind)->kind, tree_name(change->after), path, name,
                       kind_info(kind)->kind);
    }
}

static void check_steps(struct sim_world *world, const struct sim_change *change)
{
    size_t at;
    const json_t *step;
    json_array_foreach(tree_at(change->after, "status/steps"), at, step)
    {
        const char *job = tree_text(step, "job");
        const json_t *before = json_array_get(tree_at(change->before, "status/steps"), at);
        if (job[0] && !text_equal(job, tree_text(before, "job")) &&
            !sim_has_been(&world->store, KIND_JOB, job)) {
            sim_world_fail(world, "run %s says that step %s runs as Job %s, which was never there",
                           tree_name(change->after), tree_text(step, "name"), job);
        }
    }
}

/* A Job of the run was made for this step, and is there. */
static bool has_job(const struct sim_store *store, const json_t *run, const char *step)
{
    for (size_t at = 0; at < store->count; at++) {
        const struct sim_object *job = &store->objects[at];
        if (job->kind == KIND_JOB && text_equal(job->controller_uid, tree_uid(run)) &&
            text_equal(tree_map_text(job->tree, "metadata/labels", LABEL_STEP), step)) {
            return true;
        }
    }
    return false;
}

/*
 * A step that is told as skipped never ran. A controller sees the Jobs that it made before it plans
 * their run again (conformance C9), and lists them when it starts; a second one beside it may end a
 * run before it has seen a Job that the first has just made.
 */
static void check_skipped(struct sim_world *world, const json_t *run, const json_t *step)
{
    if (world->options.processes <= 1 && text_equal(tree_text(step, "phase"), "Skipped") &&
        has_job(&world->store, run, tree_text(step, "name"))) {
        sim_world_fail(world, "run %s says that step %s was skipped, and its Job is there",
                       tree_name(run), tree_text(step, "name"));
    }
}

/* A run that fails or succeeds leaves no step of it running. */
static void check_end(struct sim_world *world, const struct sim_change *change)
{
    const char *phase = tree_text(change->after, "status/phase");
    if (!run_phase_is_final(phase)) {
        return;
    }
    size_t at;
    const json_t *step;
    json_array_foreach(tree_at(change->after, "status/steps"), at, step)
    {
        if (!step_phase_is_final(tree_text(step, "phase"))) {
            sim_world_fail(world, "run %s is %s and its step %s is %s", tree_name(change->after),
                           phase, tree_text(step, "name"), tree_text(step, "phase"));
        }
        check_skipped(world, change->after, step);
    }
}

/* A run under way stays on the revision on which it began. */
static void check_revision(struct sim_world *world, const struct sim_change *change)
{
    const char *before = tree_text(change->before, "status/revision");
    if (before[0] && !text_equal(before, tree_text(change->after, "status/revision"))) {
        sim_world_fail(world, "run %s was on revision %s and is on %s", tree_name(change->after),
                       before, tree_text(change->after, "status/revision"));
    }
}

static void check_cancel(struct sim_world *world, const struct sim_change *change)
{
    bool is_new = json_is_true(tree_at(change->after, "spec/cancel")) &&
                  !json_is_true(tree_at(change->before, "spec/cancel"));
    if (is_new && tree_controller_uid(change->after)[0] == '\0' &&
        tree_map_text(change->after, "metadata/annotations", ANNOTATION_TRIGGER_UID)[0]) {
        sim_world_fail(world, "run %s was cancelled, and no Trigger made it",
                       tree_name(change->after));
    }
}

static void check_version(struct sim_world *world, const struct sim_change *change)
{
    int64_t number = tree_integer(change->after, "status/version");
    if (!text_equal(tree_text(change->after, "spec/artifact/uri"), "") &&
        !tree_text(change->after, "spec/artifact/digest")[0]) {
        sim_world_fail(world, "version %s has no digest", tree_name(change->after));
    }
    if (number <= 0 || number == tree_integer(change->before, "status/version")) {
        return;
    }
    for (size_t at = 0; at < world->store.change_count; at++) {
        const json_t *other = world->store.changes[at].after;
        if (world->store.changes[at].kind == KIND_MODEL_VERSION && other &&
            !text_equal(tree_uid(other), tree_uid(change->after)) &&
            tree_integer(other, "status/version") == number &&
            text_equal(tree_text(other, "spec/model"), tree_text(change->after, "spec/model"))) {
            sim_world_fail(world, "versions %s and %s have the same number", tree_name(other),
                           tree_name(change->after));
        }
    }
}

static void check_run(struct sim_world *world, const struct sim_change *change)
{
    if (!change->before) {
        return;
    }
    check_named(world, change, "status/revision", KIND_CONTROLLER_REVISION);
    check_named(world, change, "status/modelVersion", KIND_MODEL_VERSION);
    check_named(world, change, "status/sealJob", KIND_JOB);
    check_steps(world, change);
    check_end(world, change);
    check_revision(world, change);
    check_cancel(world, change);
}

void sim_check_told(struct sim_world *world, const struct sim_change *change)
{
    if (world->people_act || !change->after) {
        return;
    }
    switch (change->kind) {
    case KIND_PIPELINE:
        check_named(world, change, "status/revision", KIND_CONTROLLER_REVISION);
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
