#include "plan/run_work.h"

#include "core/buffer.h"
#include "core/text.h"

#include <stdio.h>
#include <string.h>

/*
 * A PipelineRun from its creation to its end. Each planning starts from the record (status) and the
 * world (Jobs, pods), never from what this process remembers. A run costs three writes when it has
 * one step: the Job, the status that says so, and the status at its end.
 */

/* After spec.timeout the pods get this long to end by their own deadline; it keeps their logs. */
enum { DEADLINE_GRACE_SECONDS = 60 };

/* Names listed in a message before "and N more". */
enum { LISTED_NAMES = 3 };

/* Whoever may write the status can change the order of its steps, so they are found by name. */
static const struct step_status **find_recorded(struct run_work *work)
{
    const struct pipeline_run_status *before = &work->run->status;
    const struct step_status **recorded = arena_array(work->arena, const struct step_status *,
                                                      work->graph.count);
    for (size_t at = 0; at < before->step_count; at++) {
        size_t step = graph_find(&work->graph, before->steps[at].name);
        if (step < work->graph.count) {
            recorded[step] = &before->steps[at];
        }
    }
    return recorded;
}

/* One status for each step of the pinned spec, those that are recorded already as they are. */
static void lay_out_steps(struct run_work *work)
{
    work->recorded = find_recorded(work);
    work->steps = arena_array(work->arena, struct step_status, work->graph.count);
    for (size_t at = 0; at < work->graph.count; at++) {
        const char *name = work->graph.steps[at].spec->name;
        const struct step_status *old = work->recorded[at];
        if (old) {
            work->steps[at] = *old;
            work->steps[at].artifacts = arena_array(work->arena, struct artifact_status,
                                                    old->artifact_count);
            for (size_t made = 0; made < old->artifact_count; made++) {
                work->steps[at].artifacts[made] = old->artifacts[made];
            }
            continue;
        }
        work->steps[at] = (struct step_status){.name = name,
                                               .phase = STEP_PENDING,
                                               .start_time = TIME_ABSENT,
                                               .completion_time = TIME_ABSENT,
                                               .retry_time = TIME_ABSENT};
    }
    work->after.status.steps = work->steps;
    work->after.status.step_count = work->graph.count;
}

/* Without the spec, as when its revision was deleted, the record is all there is. */
static void keep_recorded_steps(struct run_work *work)
{
    const struct pipeline_run_status *before = &work->run->status;
    work->graph.count = before->step_count;
    if (before->step_count == 0) {
        return;
    }
    work->steps = arena_array(work->arena, struct step_status, before->step_count);
    work->recorded = arena_array(work->arena, const struct step_status *, before->step_count);
    for (size_t at = 0; at < before->step_count; at++) {
        work->steps[at] = before->steps[at];
        work->recorded[at] = &before->steps[at];
    }
    work->after.status.steps = work->steps;
}

static size_t count_phase(const struct run_work *work, const char *phase)
{
    size_t count = 0;
    for (size_t at = 0; at < work->graph.count; at++) {
        count += text_equal(work->steps[at].phase, phase);
    }
    return count;
}

/* "train, evaluate and 3 more" */
static const char *list_steps(const struct run_work *work, const char *phase)
{
    const char *text = "";
    size_t listed = 0;
    size_t total = count_phase(work, phase);
    for (size_t at = 0; at < work->graph.count && listed < LISTED_NAMES; at++) {
        if (text_equal(work->steps[at].phase, phase)) {
            text = arena_print(work->arena, "%s%s%s", text, listed > 0 ? ", " : "",
                               work->steps[at].name);
            listed++;
        }
    }
    return total > listed ? arena_print(work->arena, "%s and %zu more", text, total - listed)
                          : text;
}

/* The status names it: that its step ran is known when it is gone. */
static bool is_told(const struct run_work *work, const struct job *job)
{
    const struct pipeline_run_status *status = &work->run->status;
    for (size_t at = 0; at < status->step_count; at++) {
        if (text_equal(status->steps[at].job, job->meta.name)) {
            return true;
        }
    }
    return text_equal(status->seal_job, job->meta.name);
}

/* The API server refused to delete it a moment ago. */
static void note_unstoppable(struct run_work *work, const struct job *job)
{
    const struct fact *fact = fact_find(&work->view->facts, OPERATION_DELETE, KIND_JOB,
                                        job->meta.name);
    if (fact) {
        run_note_obstacle(work, fact_reason(fact),
                          arena_print(work->arena,
                                      "Job %s can't be deleted: %s; it is tried again, and the run "
                                      "ends when it is gone",
                                      job->meta.name, fact_said(fact)));
    }
}

/*
 * All that still runs, also a Job that the status does not know yet: nobody looks at the run any
 * more once it has ended. Jobs that have ended stay, for their logs.
 */
static bool stop_jobs(struct run_work *work, const char *reason, const char *message, bool *untold)
{
    bool any = false;
    for (size_t at = 0; at < work->view->job_count; at++) {
        const struct job *job = work->jobs[at];
        size_t pod_count = 0;
        const struct pod *const *pods = run_find_pods(work, job, &pod_count);
        struct attempt_evidence evidence = attempt_judge(work->arena, job, pods, pod_count);
        if (evidence.state != ATTEMPT_UNDER_WAY || job->meta.deletion_time != TIME_ABSENT) {
            continue;
        }
        if (!any) {
            plan_next_group(work->plan);
            any = true;
        }
        plan_delete(work->plan, KIND_JOB, &job->meta, reason, message);
        note_unstoppable(work, job);
        *untold |= !is_told(work, job);
    }
    return any;
}

static void end_running_steps(struct run_work *work, const char *reason, const char *message)
{
    for (size_t at = 0; at < work->graph.count; at++) {
        struct step_status *status = &work->steps[at];
        if (text_equal(status->phase, STEP_RUNNING) || text_equal(status->phase, STEP_RETRYING)) {
            status->phase = STEP_FAILED;
            status->reason = reason;
            status->message = message;
            status->completion_time = work->view->now;
            status->retry_time = TIME_ABSENT;
        }
    }
}

/*
 * What ended before the cancellation was seen is recorded as it ended, and a Job that the status
 * does not know yet as one that ran; all else was stopped or never started.
 */
static void cancel(struct run_work *work)
{
    if (work->spec) {
        run_observe_last(work);
    }
    work->ending = (struct ending){0};
    run_end(work, RUN_CANCELLED, REASON_RUN_CANCELLED,
            "spec.cancel is true; what was running was stopped, nothing is published");
}

/*
 * A version is made only when every step has succeeded. Who finds one, and pods gone that ended
 * while the status was not written, does not ask them again.
 */
static void trust_version(struct run_work *work)
{
    for (size_t at = 0; at < work->graph.count; at++) {
        struct step_status *status = &work->steps[at];
        const struct step_status *before = work->recorded[at];
        if (text_equal(status->phase, STEP_SUCCEEDED) ||
            (before && step_phase_is_final(before->phase))) {
            continue;
        }
        status->phase = STEP_SUCCEEDED;
        status->reason = NULL;
        status->message = NULL;
        status->retry_time = TIME_ABSENT;
        status->completion_time = work->view->now;
    }
}

/*
 * Nothing of a run that did not succeed goes on after its end. Its end is told when nothing is left
 * to be stopped: meanwhile a Job may still come that a controller which is dead by now had asked
 * for. True: that is yet to come, and until then the status has nothing new to say.
 */
static bool close_down(struct run_work *work)
{
    const struct ending *ending = &work->ending;
    if (!ending->phase || text_equal(ending->phase, RUN_SUCCEEDED)) {
        return false;
    }
    bool untold = false;
    if (stop_jobs(work, ending->reason, ending->message, &untold)) {
        if (untold) {
            run_note_obstacle(work, ending->reason,
                              arena_print(work->arena, "%s; waiting until its Jobs have stopped",
                                          ending->message));
        }
        work->ending = (struct ending){0};
        plan_next_group(work->plan); /* a refused delete keeps nothing from being told */
        return !untold && !work->obstacle.reason;
    }
    end_running_steps(work, ending->reason, ending->message);
    return false;
}

static const struct step_status *first_failed(const struct run_work *work)
{
    for (size_t at = 0; at < work->graph.count; at++) {
        if (text_equal(work->steps[at].phase, STEP_FAILED)) {
            return &work->steps[at];
        }
    }
    return NULL;
}

/* A failed step ends the run once what runs beside it has ended; nothing new starts. */
static void wind_down(struct run_work *work, const struct step_status *failed)
{
    for (size_t at = 0; at < work->graph.count; at++) {
        struct step_status *status = &work->steps[at];
        if (text_equal(status->phase, STEP_RETRYING)) {
            status->phase = STEP_FAILED;
            status->completion_time = work->view->now;
            status->retry_time = TIME_ABSENT;
        }
    }
    const char *why = arena_print(work->arena, "step %s: %s", failed->name,
                                  text_or(failed->message, text_or(failed->reason, "it failed")));
    if (count_phase(work, STEP_RUNNING) > 0) {
        run_note_obstacle(work, text_or(failed->reason, REASON_STEP_FAILED),
                          arena_print(work->arena,
                                      "%s; the run ends when these steps have ended: "
                                      "%s",
                                      why, list_steps(work, STEP_RUNNING)));
        return;
    }
    run_end(work, RUN_FAILED, text_or(failed->reason, REASON_STEP_FAILED), why);
}

/*
 * After an outage what ended in time may not be seen yet. Worth asking only where the run would
 * succeed by it, and of few steps. Their pods have deadlines of their own, so that none goes on.
 */
static bool may_have_succeeded(struct run_work *work)
{
    size_t running = count_phase(work, STEP_RUNNING);
    if (running + count_phase(work, STEP_SUCCEEDED) != work->graph.count ||
        running > RUN_ASKS_AT_ONCE) {
        return false;
    }
    for (size_t at = 0; at < work->graph.count; at++) {
        const struct step_status *status = &work->steps[at];
        if (!text_equal(status->phase, STEP_RUNNING)) {
            continue;
        }
        const struct fact *fact = run_ask_for_pods(
            work, status->job,
            "the run's time is over; asking whether the step's pod has ended in time");
        if (fact && !text_equal(fact->message, FACT_POD_SUCCEEDED)) {
            return false;
        }
    }
    return true;
}

/* True when spec.timeout is over. */
static bool enforce_deadline(struct run_work *work)
{
    int64_t deadline = run_deadline(work);
    if (deadline == TIME_ABSENT) {
        return false;
    }
    if (work->view->now < deadline) {
        plan_wake_at(work->plan, deadline);
        return false;
    }
    const char *message = arena_print(work->arena, "spec.timeout of the pipeline (%s) is over",
                                      work->spec->timeout);
    int64_t until = deadline + DEADLINE_GRACE_SECONDS;
    bool is_early = work->view->now < until;
    if (count_phase(work, STEP_RUNNING) > 0 && (is_early || may_have_succeeded(work))) {
        if (is_early) {
            plan_wake_at(work->plan, until);
        }
        run_note_obstacle(work, REASON_RUN_TIMED_OUT,
                          arena_print(work->arena,
                                      "%s; waiting for the pods of these steps to stop: %s",
                                      message, list_steps(work, STEP_RUNNING)));
        return true;
    }
    run_end(work, RUN_FAILED, REASON_RUN_TIMED_OUT, message);
    return true;
}

static void go_on(struct run_work *work)
{
    if (work->after.status.start_time == TIME_ABSENT) {
        work->after.status.start_time = work->view->now;
    }
    work->after.status.revision = work->revision;
    run_observe(work);
    if (run_has_published(work)) {
        trust_version(work);
    }
    bool all_done = count_phase(work, STEP_SUCCEEDED) == work->graph.count;
    if (!all_done && enforce_deadline(work)) {
        return;
    }
    const struct step_status *failed = first_failed(work);
    if (work->run->spec.suspend && !all_done) {
        run_note_obstacle(work, REASON_SUSPENDED,
                          "spec.suspend is true: no new step starts, those that run go on to their "
                          "end; set it to false to go on");
    } else if (!failed) {
        run_schedule(work);
        failed = first_failed(work); /* a Job that the API server refuses for good */
    }
    if (failed) {
        wind_down(work, failed);
        return;
    }
    if (all_done && run_publish(work)) {
        const char *version = work->after.status.model_version;
        const char *all = arena_print(work->arena, "all %zu step%s succeeded", work->graph.count,
                                      work->graph.count == 1 ? "" : "s");
        run_end(work, RUN_SUCCEEDED, REASON_RUN_SUCCEEDED,
                version ? arena_print(work->arena, "%s; published %s", all, version) : all);
    }
}

static const char *describe_progress(struct run_work *work)
{
    size_t done = count_phase(work, STEP_SUCCEEDED);
    const char *running = list_steps(work, STEP_RUNNING);
    const char *retrying = list_steps(work, STEP_RETRYING);
    const char *next = list_steps(work, STEP_PENDING);
    const char *text = arena_print(work->arena, "%zu of %zu steps done", done, work->graph.count);
    if (running[0]) {
        text = arena_print(work->arena, "%s; running: %s", text, running);
    }
    if (retrying[0]) {
        text = arena_print(work->arena, "%s; waiting to try again: %s", text, retrying);
    }
    if (next[0]) {
        text = arena_print(work->arena, "%s; then: %s", text, next);
    } else if (work->spec->publish.model) {
        text = arena_print(work->arena, "%s; then: publish to model %s", text,
                           work->spec->publish.model);
    }
    return text;
}

static void write_final_conditions(struct run_work *work, struct condition_writer *writer)
{
    const struct ending *ending = &work->ending;
    bool success = text_equal(ending->phase, RUN_SUCCEEDED);
    const char *status = success ? STATUS_TRUE : STATUS_FALSE;
    condition_set(writer, CONDITION_SUCCEEDED, status, ending->reason, ending->message);
    condition_set(writer, CONDITION_READY, status, ending->reason, ending->message);
    if (success) {
        condition_remove(writer, CONDITION_STALLED);
    } else {
        condition_set(writer, CONDITION_STALLED, STATUS_TRUE, ending->reason,
                      "the run has ended and does not start again; create a new one");
    }
}

/* Said once for each step, whatever becomes of the run; it never goes away again. */
static void write_retrain(struct run_work *work, struct condition_writer *writer)
{
    const char *before = pipeline_run_retrain_message(work->run);
    if (work->retrain) {
        condition_set(writer, CONDITION_RETRAIN_NEEDED, STATUS_TRUE, REASON_RETRAIN_NEEDED,
                      before ? arena_print(work->arena, "%s; %s", before, work->retrain)
                             : work->retrain);
    }
}

static void write_conditions(struct run_work *work)
{
    struct condition_writer writer = condition_writer_start(
        work->arena, &work->after.status.conditions, &work->run->status.conditions,
        work->run->meta.generation, work->view->now);
    write_retrain(work, &writer);
    if (work->ending.phase) {
        write_final_conditions(work, &writer);
        return;
    }
    const char *reason = work->obstacle.reason ? work->obstacle.reason : REASON_RUNNING;
    const char *message = work->obstacle.reason ? work->obstacle.message : describe_progress(work);
    condition_set(&writer, CONDITION_SUCCEEDED, STATUS_UNKNOWN, reason, message);
    condition_set(&writer, CONDITION_READY, STATUS_UNKNOWN, reason, message);
}

static void write_phase(struct run_work *work)
{
    struct pipeline_run_status *status = &work->after.status;
    bool started = work->steps != NULL && status->start_time != TIME_ABSENT;
    status->observed_generation = work->run->meta.generation;
    if (work->ending.phase) {
        status->phase = work->ending.phase;
        status->completion_time = work->view->now;
        for (size_t at = 0; work->steps && at < work->graph.count; at++) {
            if (text_equal(work->steps[at].phase, STEP_PENDING)) {
                work->steps[at].phase = STEP_SKIPPED;
            }
        }
    } else if (work->run->spec.suspend) {
        status->phase = RUN_SUSPENDED;
    } else {
        status->phase = started ? RUN_RUNNING : RUN_PENDING;
    }
    if (work->steps) {
        status->progress = arena_print(work->arena, "%zu/%zu", count_phase(work, STEP_SUCCEEDED),
                                       work->graph.count);
    }
}

/* What happened to a step in this planning is said once, when it is written down. */
static void tell_step_events(struct run_work *work)
{
    for (size_t at = 0; work->steps && at < work->graph.count; at++) {
        const struct step_status *step = &work->steps[at];
        const struct step_status *before = work->recorded[at];
        bool changed = !before || !text_equal(before->phase, step->phase) ||
                       !text_equal(before->message, step->message);
        const char *note = arena_print(work->arena, "step %s: %s", step->name,
                                       text_or(step->message, ""));
        /* What ends the run is said as its end. */
        if (changed && step->message && step->reason && !text_equal(note, work->ending.message)) {
            plan_event(work->plan, KIND_PIPELINE_RUN, &work->run->meta, true, step->reason, note);
        }
    }
}

static void tell_run_events(struct run_work *work, const struct condition *ready)
{
    const struct condition *before = condition_find(&work->run->status.conditions, CONDITION_READY);
    if (work->ending.phase) {
        /*
         * Success is in the status, which everybody reads; an event besides would be a quarter of
         * what a run of one step writes.
         */
        if (!text_equal(work->ending.phase, RUN_SUCCEEDED)) {
            plan_event(work->plan, KIND_PIPELINE_RUN, &work->run->meta, true, ready->reason,
                       ready->message);
        }
        return;
    }
    bool news = work->obstacle.reason && (!before || !text_equal(before->reason, ready->reason));
    if (news) {
        bool calm = text_equal(ready->reason, REASON_WAITING_FOR_TURN) ||
                    text_equal(ready->reason, REASON_SUSPENDED) ||
                    text_equal(ready->reason, REASON_SEALING) ||
                    text_equal(ready->reason, REASON_PIPELINE_NOT_READY);
        plan_event(work->plan, KIND_PIPELINE_RUN, &work->run->meta, !calm, ready->reason,
                   ready->message);
    }
}

static void write_status(struct run_work *work)
{
    write_conditions(work);
    write_phase(work);
    run_limit_status(work);
    const struct condition *ready = condition_find(&work->after.status.conditions, CONDITION_READY);
    plan_next_stage(work->plan);
    if (plan_status(work->plan, KIND_PIPELINE_RUN, (const struct object *)work->run,
                    (const struct object *)&work->after, ready->reason, ready->message)) {
        plan_next_stage(work->plan);
        tell_step_events(work);
        tell_run_events(work, ready);
    }
}

/*
 * Where places are few, others of this pipeline must not be admitted before the cache has seen that
 * this one was.
 */
static void mark_admission(struct run_work *work)
{
    bool is_admitted_now = !work->run->status.revision && work->after.status.revision;
    if (!is_admitted_now || work->spec->max_concurrent_runs == INTEGER_ABSENT) {
        return;
    }
    const char *key = arena_print(work->arena, "%s/%s", work->run->meta.namespace,
                                  work->run->spec.pipeline_ref.name);
    for (size_t at = 0; at < work->plan->count; at++) {
        struct operation *operation = &work->plan->operations[at];
        if (operation->type == OPERATION_CREATE || operation->type == OPERATION_PATCH_STATUS) {
            operation->admission = key;
        }
    }
}

/*
 * A pipeline and its run are often applied together. Then the pipeline's judgement is moments away,
 * and to write down that the run waits for it would cost a write more than the run itself needs.
 */
static bool waits_a_moment(const struct run_work *work)
{
    enum { PATIENCE_SECONDS = 3 };
    const struct run_view *view = work->view;
    int64_t age = view->now - view->run->meta.creation_time;
    bool is_new = age >= 0 && age < PATIENCE_SECONDS && view->run->status.conditions.count == 0;
    if (!work->awaits_check || !is_new || view->run->spec.cancel) {
        return false;
    }
    plan_wake_at(work->plan, view->run->meta.creation_time + PATIENCE_SECONDS);
    return true;
}

/*
 * A run that has ended may still be cancelled or suspended by its spec, which changes nothing. That
 * it was seen must be said all the same: kstatus takes it for under way else, for ever.
 */
static void acknowledge(const struct pipeline_run *run, struct plan *plan)
{
    struct pipeline_run after = *run;
    after.status.observed_generation = run->meta.generation;
    (void)plan_status(plan, KIND_PIPELINE_RUN, (const struct object *)run,
                      (const struct object *)&after, REASON_AS_SPECIFIED,
                      "the run has ended; what its spec says since changes nothing");
}

void plan_run(const struct run_view *view, struct plan *plan)
{
    if (view->run->meta.deletion_time != TIME_ABSENT) {
        return;
    }
    if (run_phase_is_final(view->run->status.phase)) {
        acknowledge(view->run, plan);
        return;
    }
    struct run_work work;
    run_work_init(&work, view, plan);
    bool admitted = run_admit(&work);
    if (waits_a_moment(&work)) {
        return;
    }
    bool laid_out = admitted || view->run->status.step_count > 0 || view->run->spec.cancel;
    if (work.spec && laid_out) {
        lay_out_steps(&work);
    } else {
        keep_recorded_steps(&work);
    }
    if (view->run->spec.cancel && !run_has_published(&work)) { /* else it would be a lie */
        cancel(&work);
    } else if (admitted) {
        go_on(&work);
    }
    if (close_down(&work)) {
        return;
    }
    write_status(&work);
    mark_admission(&work);
}
