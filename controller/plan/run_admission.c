#include "plan/run_work.h"

#include "core/assert.h"
#include "core/text.h"
#include "plan/pipeline_check.h"
#include "plan/run_turn.h"
#include "plan/values.h"

/* Whether a run may start, and on which revision of its pipeline's spec. */

const char *run_pinned_revision(const struct pipeline_run *run, const struct job *const *jobs,
                                size_t job_count)
{
    if (run->status.revision) {
        return run->status.revision;
    }
    /* All Jobs of a run say the same; if somebody changed one, the first by name is believed. */
    const struct job *first = NULL;
    for (size_t at = 0; at < job_count; at++) {
        bool says = text_map_get(&jobs[at]->meta.annotations, ANNOTATION_REVISION) != NULL;
        bool before = !first || text_compare(jobs[at]->meta.name, first->meta.name) < 0;
        first = says && before ? jobs[at] : first;
    }
    return first ? text_map_get(&first->meta.annotations, ANNOTATION_REVISION) : NULL;
}

/* Whoever fills the view looks for this very name: run_pinned_revision(), or the pipeline's. */
static const struct controller_revision *find_revision(const struct run_work *work,
                                                       const char *name)
{
    const struct controller_revision *revision = work->view->revision;
    REQUIRE(!revision || text_equal(revision->meta.name, name));
    return revision;
}

/* Revisions were checked when they were pinned; a fault now is a revision that somebody made up. */
static bool take_spec(struct run_work *work, const struct controller_revision *revision)
{
    struct spec_fault fault = {0};
    const struct pipeline_spec *spec = &revision->data.spec;
    if (!pipeline_check(work->arena, spec, &work->graph, &fault) ||
        !params_resolve(work->arena, spec, work->run->spec.params, work->run->spec.param_count,
                        &work->params, &fault)) {
        run_end(work, RUN_FAILED, fault.reason,
                arena_print(work->arena, "%s; correct it and create a new run", fault.message));
        return false;
    }
    work->spec = spec;
    work->revision = revision->meta.name;
    return true;
}

static bool wait_for(struct run_work *work, const char *reason, const char *message)
{
    run_note_obstacle(work, reason, message);
    return false;
}

static const struct controller_revision *find_current_revision(struct run_work *work)
{
    const struct pipeline *pipeline = work->view->pipeline;
    const char *name = work->run->spec.pipeline_ref.name;
    if (!pipeline) {
        (void)wait_for(work, REASON_PIPELINE_NOT_FOUND,
                       arena_print(work->arena,
                                   "spec.pipelineRef.name: there is no Pipeline "
                                   "\"%s\" in this namespace; the run starts when it "
                                   "is created",
                                   name));
        return NULL;
    }
    const struct condition *ready = condition_find(&pipeline->status.conditions, CONDITION_READY);
    if (!ready || pipeline->status.observed_generation != pipeline->meta.generation) {
        work->awaits_check = true;
        (void)wait_for(work, REASON_PIPELINE_NOT_READY,
                       arena_print(work->arena, "waiting until Pipeline \"%s\" is checked", name));
        return NULL;
    }
    if (!text_equal(ready->status, STATUS_TRUE)) {
        (void)wait_for(
            work, REASON_PIPELINE_NOT_READY,
            arena_print(work->arena, "Pipeline \"%s\" is not ready: %s", name, ready->message));
        return NULL;
    }
    const struct controller_revision *revision = find_revision(
        work, text_or(pipeline->status.revision, ""));
    if (!revision) {
        (void)wait_for(work, REASON_PIPELINE_NOT_READY,
                       arena_print(work->arena, "waiting for revision %s of Pipeline \"%s\"",
                                   text_or(pipeline->status.revision, "?"), name));
    }
    return revision;
}

/* A place that is taken without a status that says so wakes nobody when it gets free. */
enum { LOOK_AGAIN_SECONDS = 10 };

/* Its place is taken: it will be told so whatever the order of the queue. */
static bool has_begun(const struct run_work *work, const struct pipeline_run *other)
{
    for (size_t at = 0; at < work->view->begun_count; at++) {
        if (text_equal(work->view->begun[at]->meta.uid, other->meta.uid)) {
            return true;
        }
    }
    return run_is_under_way(other);
}

/*
 * Runs that have started count, and so do older ones that may start: the order is theirs even while
 * their start is not yet written down. The message names no other run and no number of them: it
 * would change, and cost each waiting run a write, whenever one ends.
 */
static bool take_turn(struct run_work *work)
{
    int64_t limit = work->spec->max_concurrent_runs;
    if (limit == INTEGER_ABSENT) {
        return true;
    }
    int64_t ahead = 0;
    for (size_t at = 0; at < work->view->active_count; at++) {
        const struct pipeline_run *other = work->view->active[at];
        bool is_other = !text_equal(other->meta.uid, work->run->meta.uid);
        ahead += is_other && (has_begun(work, other) ||
                              (run_waits(other) && run_goes_before(other, work->run)));
    }
    if (ahead < limit) {
        return true;
    }
    if (work->view->begun_count > 0) { /* its status says so in a moment, unless its Job goes */
        plan_wake_at(work->plan, work->view->now + LOOK_AGAIN_SECONDS);
    }
    return wait_for(work, REASON_WAITING_FOR_TURN,
                    arena_print(work->arena,
                                "spec.maxConcurrentRuns of the pipeline is %lld, and so many other "
                                "runs are under way or were created earlier; it starts when its "
                                "turn comes, the oldest first",
                                (long long)limit));
}

/* A missing revision may be one that the cache does not have yet: asked again after so long. */
enum { PROBE_EVERY_SECONDS = 30 };

/*
 * The pinned revision was deleted, or the cache has not seen it yet: the watches of two kinds are
 * apart, and a controller that has just taken over may be behind. The API server itself is asked
 * before the run is given up.
 */
static bool miss_revision(struct run_work *work, const char *name)
{
    const struct fact *fact = fact_find(&work->view->facts, OPERATION_PROBE,
                                        KIND_CONTROLLER_REVISION, name);
    if (fact && fact->error == ERROR_NOT_FOUND) {
        run_end(work, RUN_FAILED, REASON_REVISION_MISSING,
                arena_print(work->arena,
                            "ControllerRevision %s, which pins this run's spec, was deleted; "
                            "create a new run",
                            name));
        return false;
    }
    plan_next_group(work->plan);
    plan_probe(work->plan, KIND_CONTROLLER_REVISION, work->run->meta.namespace, name,
               REASON_REVISION_MISSING,
               "the revision that pins the run is not in the cache; asking whether it was deleted");
    plan_next_group(work->plan);
    plan_wake_at(work->plan, work->view->now + PROBE_EVERY_SECONDS);
    return wait_for(work, REASON_REVISION_MISSING,
                    arena_print(work->arena, "waiting to see ControllerRevision %s", name));
}

bool run_admit(struct run_work *work)
{
    const char *pinned = run_pinned_revision(work->run, work->view->jobs, work->view->job_count);
    if (pinned) {
        const struct controller_revision *revision = find_revision(work, pinned);
        if (revision) {
            return take_spec(work, revision);
        }
        return miss_revision(work, pinned);
    }
    const struct controller_revision *revision = find_current_revision(work);
    if (!revision || !take_spec(work, revision)) {
        return false;
    }
    if (work->run->spec.suspend) {
        return wait_for(work, REASON_SUSPENDED,
                        "spec.suspend is true; set it to false to start the run");
    }
    return take_turn(work);
}
