#include "plan/run_work.h"

#include "core/text.h"
#include "plan/pipeline_check.h"
#include "plan/values.h"

#include <string.h>

/* Whether a run may start, and on which revision of its pipeline's spec. */

const char *run_pinned_revision(const struct pipeline_run *run, const struct job *const *jobs,
                                size_t job_count)
{
    if (run->status.revision) {
        return run->status.revision;
    }
    for (size_t at = 0; at < job_count; at++) {
        const char *name = text_map_get(&jobs[at]->meta.annotations, ANNOTATION_REVISION);
        if (name) {
            return name;
        }
    }
    return NULL;
}

static const struct controller_revision *find_revision(const struct run_work *work,
                                                       const char *name)
{
    const struct controller_revision *revision = work->view->revision;
    return revision && text_equal(revision->meta.name, name) ? revision : NULL;
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

/* Older first; the name decides between runs of the same second. */
static bool is_before(const struct pipeline_run *a, const struct pipeline_run *b)
{
    if (a->meta.creation_time != b->meta.creation_time) {
        return a->meta.creation_time < b->meta.creation_time;
    }
    return strcmp(a->meta.name, b->meta.name) < 0;
}

/*
 * Runs that have started count, and so do older ones that may start: the order is theirs even while
 * their start is not yet written down. Suspended and cancelled ones that have not started hold
 * nobody up.
 */
static bool take_turn(struct run_work *work)
{
    int64_t limit = work->spec->max_concurrent_runs;
    if (limit == INTEGER_ABSENT) {
        return true;
    }
    int64_t ahead = 0;
    const char *example = NULL;
    for (size_t at = 0; at < work->view->active_count; at++) {
        const struct pipeline_run *other = work->view->active[at];
        if (text_equal(other->meta.uid, work->run->meta.uid) ||
            run_phase_is_final(other->status.phase)) {
            continue;
        }
        bool started = other->status.revision != NULL;
        bool waits = !started && !other->spec.suspend && !other->spec.cancel &&
                     is_before(other, work->run);
        if (started || waits) {
            ahead++;
            example = example ? example : other->meta.name;
        }
    }
    if (ahead < limit) {
        return true;
    }
    return wait_for(work, REASON_WAITING_FOR_TURN,
                    arena_print(work->arena,
                                "spec.maxConcurrentRuns of the pipeline is %lld and "
                                "%lld other run%s before this one, such as %s; it "
                                "starts when one of them ends",
                                (long long)limit, (long long)ahead, ahead == 1 ? " goes" : "s go",
                                example));
}

bool run_admit(struct run_work *work)
{
    const char *pinned = run_pinned_revision(work->run, work->view->jobs, work->view->job_count);
    if (pinned) {
        const struct controller_revision *revision = find_revision(work, pinned);
        if (revision) {
            return take_spec(work, revision);
        }
        run_end(work, RUN_FAILED, REASON_REVISION_MISSING,
                arena_print(work->arena,
                            "ControllerRevision %s, which pins this run's spec, was "
                            "deleted; create a new run",
                            pinned));
        return false;
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
