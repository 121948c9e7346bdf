#include "api/names.h"
#include "api/render.h"
#include "core/text.h"
#include "plan/conditions.h"
#include "plan/order.h"
#include "plan/pipeline_check.h"
#include "plan/reasons.h"
#include "plan/run_phase.h"
#include "plan/template_check.h"
#include "plan/view.h"

#include <stdlib.h>
#include <string.h>

/*
 * A Pipeline is judged when it changes: first by our own rules, then by the API server, which is
 * asked about the Job of each step. Its spec is pinned in a ControllerRevision that runs refer to,
 * and finished runs and revisions beyond its history are deleted. The status speaks of a new
 * generation only once it is judged; that is what runs wait for, and for nothing else here.
 */

/*
 * A revision that no run names is kept this long after a newer one was made: a run that was
 * admitted on the older one a moment ago has not yet written that down.
 */
enum { REVISION_GRACE_SECONDS = 600 };

struct pipeline_work {
    const struct pipeline_view *view;
    struct plan *plan;
    struct arena *arena;
    struct pipeline after; /* the pipeline with its new status */
    struct condition_writer conditions;
    struct spec_fault fault;           /* reason NULL: the spec is sound */
    const char *revision_name;         /* NULL: not pinned */
    const struct fact *refusal;        /* why the revision could not be created, or NULL */
    struct template_verdict templates; /* of a pinned spec */
};

static void judge_spec(struct pipeline_work *work)
{
    struct graph graph;
    struct spec_fault fault = {0};
    if (!pipeline_check(work->arena, &work->view->pipeline->spec, &graph, &fault)) {
        work->fault = fault;
    }
}

static bool has_revision(const struct pipeline_view *view, const char *name)
{
    for (size_t at = 0; at < view->revision_count; at++) {
        if (text_equal(view->revisions[at]->meta.name, name)) {
            return true;
        }
    }
    return false;
}

static void create_revision(struct pipeline_work *work, const char *name)
{
    const struct pipeline *pipeline = work->view->pipeline;
    const struct render_owner owner = {
        .kind = KIND_PIPELINE, .name = pipeline->meta.name, .uid = pipeline->meta.uid};
    const char *body = render_controller_revision(work->arena, pipeline->meta.namespace, name,
                                                  &owner, &pipeline->spec,
                                                  pipeline->meta.generation);
    plan_create(work->plan, KIND_CONTROLLER_REVISION, pipeline->meta.namespace, name,
                pipeline->meta.uid, body, REASON_REVISION_CREATED,
                "pins this generation of the spec for the runs that start from now on");
}

/* Equal specs share a revision: its name is a hash of the spec. */
static void pin_spec(struct pipeline_work *work)
{
    const struct pipeline *pipeline = work->view->pipeline;
    if (work->fault.reason) {
        return;
    }
    const char *json = codec_encode_pipeline_spec(work->arena, &pipeline->spec);
    const char *name = name_revision(work->arena, pipeline->meta.name, pipeline->meta.uid, json);
    work->revision_name = name;
    if (has_revision(work->view, name)) {
        return;
    }
    const struct fact *fact = fact_find(&work->view->facts, OPERATION_CREATE,
                                        KIND_CONTROLLER_REVISION, name);
    create_revision(work, name);
    if (fact) {
        /* Refused once more, it must not keep the status from being written. */
        plan_next_group(work->plan);
        work->refusal = fact;
        work->revision_name = NULL;
    }
}

static const char *claim_fault(const struct pipeline_work *work, const char **reason)
{
    const char *name = work->view->pipeline->spec.artifacts.volume_claim.claim_name;
    const struct claim *claim = work->view->claim;
    if (text_is_empty(name)) {
        return NULL;
    }
    if (!claim) {
        *reason = REASON_CLAIM_MISSING;
        return arena_print(work->arena,
                           "spec.artifacts.volumeClaim.claimName: there is no "
                           "PersistentVolumeClaim \"%s\" in this namespace; runs wait until it is "
                           "created",
                           name);
    }
    for (size_t at = 0; at < claim->spec.access_mode_count; at++) {
        if (text_equal(claim->spec.access_modes[at], "ReadWriteOncePod")) {
            *reason = REASON_CLAIM_UNSUITABLE;
            return arena_print(work->arena,
                               "spec.artifacts.volumeClaim.claimName: PersistentVolumeClaim \"%s\" "
                               "has access mode ReadWriteOncePod, but a step and its reader need "
                               "it in turns with others; use ReadWriteOnce or ReadWriteMany",
                               name);
        }
    }
    return NULL;
}

static void write_template_conditions(struct pipeline_work *work)
{
    if (work->revision_name) {
        condition_set(&work->conditions, CONDITION_TEMPLATE_CHECKED, work->templates.status,
                      work->templates.reason, work->templates.message);
    } else {
        condition_remove(&work->conditions, CONDITION_TEMPLATE_CHECKED);
    }
}

static bool is_refused(const struct pipeline_work *work)
{
    return work->revision_name && text_equal(work->templates.status, STATUS_FALSE);
}

static void stall(struct pipeline_work *work, const char *reason, const char *message)
{
    condition_set(&work->conditions, CONDITION_READY, STATUS_FALSE, reason, message);
    condition_set(&work->conditions, CONDITION_STALLED, STATUS_TRUE, reason,
                  "new runs wait until the spec is corrected");
}

static void write_conditions(struct pipeline_work *work)
{
    const char *reason = NULL;
    const char *claim = claim_fault(work, &reason);
    write_template_conditions(work);
    if (work->fault.reason) {
        stall(work, work->fault.reason, work->fault.message);
        return;
    }
    if (is_refused(work)) {
        stall(work, work->templates.reason, work->templates.message);
        return;
    }
    condition_remove(&work->conditions, CONDITION_STALLED);
    if (work->refusal) {
        condition_set(&work->conditions, CONDITION_READY, STATUS_FALSE, fact_reason(work->refusal),
                      arena_print(work->arena,
                                  "ControllerRevision %s, which pins the spec, can't be created: "
                                  "%s; it is tried again, and new runs wait for it",
                                  work->refusal->name,
                                  text_or(work->refusal->message, "no reason given")));
        return;
    }
    if (claim) {
        condition_set(&work->conditions, CONDITION_READY, STATUS_FALSE, reason, claim);
        return;
    }
    condition_set(&work->conditions, CONDITION_READY, STATUS_TRUE, REASON_ACCEPTED,
                  arena_print(work->arena, "%zu step%s; runs that start now use revision %s",
                              work->view->pipeline->spec.step_count,
                              work->view->pipeline->spec.step_count == 1 ? "" : "s",
                              work->revision_name));
}

static void write_status(struct pipeline_work *work)
{
    const struct pipeline *before = work->view->pipeline;
    work->after.status.observed_generation = before->meta.generation;
    work->after.status.revision = work->revision_name;
    write_conditions(work);
    const struct condition *ready = condition_find(&work->after.status.conditions, CONDITION_READY);
    const struct condition *ready_before = condition_find(&before->status.conditions,
                                                          CONDITION_READY);
    bool news = !ready_before || !text_equal(ready_before->reason, ready->reason) ||
                ready_before->observed_generation != ready->observed_generation;
    bool written = plan_status(work->plan, KIND_PIPELINE, (const struct object *)before,
                               (const struct object *)&work->after, ready->reason, ready->message);
    if (written && news) {
        plan_event(work->plan, KIND_PIPELINE, &before->meta,
                   text_equal(ready->status, STATUS_FALSE), ready->reason, ready->message);
    }
    const struct template_verdict *templates = &work->templates;
    if (written && templates->is_news && !is_refused(work) &&
        !text_equal(templates->reason, REASON_TEMPLATE_ACCEPTED)) {
        plan_event(work->plan, KIND_PIPELINE, &before->meta, true, templates->reason,
                   templates->message);
    }
}

/* Newest first. */
static int compare_completion(const void *a, const void *b)
{
    const struct pipeline_run *const *left = a;
    const struct pipeline_run *const *right = b;
    int64_t one = (*left)->status.completion_time;
    int64_t two = (*right)->status.completion_time;
    if (one != two) {
        return one < two ? 1 : -1;
    }
    return strcmp((*right)->meta.name, (*left)->meta.name);
}

/* A run that its Trigger still refers to stays: without it a firing could be repeated. */
static bool is_held_by_trigger(const struct pipeline_view *view, const struct pipeline_run *run)
{
    for (size_t at = 0; at < view->trigger_count; at++) {
        const struct trigger_status *status = &view->triggers[at]->status;
        if (text_equal(status->pending.run, run->meta.name) ||
            text_equal(status->last_run_ref.name, run->meta.name)) {
            return true;
        }
    }
    return false;
}

/* Only what the controller made (controlled by the pipeline): what somebody applied is theirs. */
static bool is_collectable(const struct pipeline_view *view, const struct pipeline_run *run)
{
    return run_phase_is_final(run->status.phase) && run->meta.deletion_time == TIME_ABSENT &&
           meta_is_controlled_by(&run->meta, view->pipeline->meta.uid);
}

static void trim_history(struct pipeline_work *work)
{
    const struct pipeline_view *view = work->view;
    const struct run_history_spec *history = &view->pipeline->spec.history;
    const struct pipeline_run **finished = arena_allocate(work->arena, view->run_count,
                                                          sizeof(*finished));
    size_t count = 0;
    for (size_t at = 0; at < view->run_count; at++) {
        if (is_collectable(view, view->runs[at])) {
            finished[count++] = view->runs[at];
        }
    }
    qsort(finished, count, sizeof(*finished), compare_completion);
    int64_t succeeded = 0;
    int64_t failed = 0;
    for (size_t at = 0; at < count; at++) {
        const struct pipeline_run *run = finished[at];
        bool success = text_equal(run->status.phase, RUN_SUCCEEDED);
        int64_t rank = success ? ++succeeded : ++failed;
        int64_t limit = success ? history->succeeded : history->failed;
        if (rank > limit && !is_held_by_trigger(view, run)) {
            plan_next_group(work->plan);
            plan_delete(work->plan, KIND_PIPELINE_RUN, &run->meta, REASON_HISTORY_LIMIT,
                        arena_print(work->arena,
                                    "spec.history keeps %lld %s runs of this "
                                    "pipeline; this is an older one",
                                    (long long)limit, success ? "succeeded" : "failed"));
        }
    }
}

static bool is_named_by_a_run(const struct pipeline_view *view, const char *revision)
{
    for (size_t at = 0; at < view->run_count; at++) {
        if (text_equal(view->runs[at]->status.revision, revision)) {
            return true;
        }
    }
    return false;
}

static int64_t newest_revision_time(const struct pipeline_view *view)
{
    int64_t newest = TIME_ABSENT;
    for (size_t at = 0; at < view->revision_count; at++) {
        int64_t time = view->revisions[at]->meta.creation_time;
        newest = time > newest ? time : newest;
    }
    return newest;
}

static void trim_revisions(struct pipeline_work *work)
{
    const struct pipeline_view *view = work->view;
    if (!work->revision_name || view->revision_count < 2 || view->has_unreadable_runs) {
        return;
    }
    int64_t settled = newest_revision_time(view) + REVISION_GRACE_SECONDS;
    for (size_t at = 0; at < view->revision_count; at++) {
        const struct meta *meta = &view->revisions[at]->meta;
        if (text_equal(meta->name, work->revision_name) || is_named_by_a_run(view, meta->name)) {
            continue;
        }
        if (view->now < settled) {
            plan_wake_at(work->plan, settled);
            continue;
        }
        plan_next_group(work->plan);
        plan_delete(work->plan, KIND_CONTROLLER_REVISION, meta, REASON_REVISION_UNUSED,
                    "no run refers to this revision of the pipeline any more");
    }
}

void plan_pipeline(const struct pipeline_view *view, struct plan *plan)
{
    if (view->pipeline->meta.deletion_time != TIME_ABSENT) {
        return;
    }
    struct pipeline_view ordered = *view;
    ordered.revisions = order_by_name(plan->arena, view->revisions, view->revision_count);
    struct pipeline_work work = {
        .view = &ordered, .plan = plan, .arena = plan->arena, .after = *view->pipeline};
    work.conditions = condition_writer_start(plan->arena, &work.after.status.conditions,
                                             &view->pipeline->status.conditions,
                                             view->pipeline->meta.generation, view->now);
    judge_spec(&work);
    pin_spec(&work);
    if (work.revision_name) {
        work.templates = template_check(view, work.revision_name, plan);
    }
    if (!work.revision_name || work.templates.status) {
        plan_next_stage(plan);
        write_status(&work);
    }
    trim_history(&work);
    trim_revisions(&work);
}
