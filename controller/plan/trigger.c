#include "plan/trigger_work.h"

#include "core/assert.h"
#include "core/text.h"
#include "plan/order.h"

#include <string.h>

/*
 * A Trigger starts one run for each time of its schedule, or each change of its source, exactly
 * once (conformance K1, K3, K5):
 *
 *   due, or changed ──status──> pending, and what is dealt with ──create──> run ──status──> done
 *
 * The first status write is locked by resourceVersion. Nothing at or before lastScheduleTime, and
 * not what is at observedRevision, ever fires, whatever is deleted or however clocks jump. After a
 * crash the pending firing says what to create; its run's name holds the scheduled minute, or the
 * firing's number. One firing is pending at a time; what comes meanwhile waits for its turn.
 */

enum { RECENT_MAXIMUM = 10 };

void trigger_note_obstacle(struct trigger_work *work, const char *reason, const char *message)
{
    if (!work->reason) {
        work->reason = reason;
        work->message = message;
    }
}

static void tell(struct trigger_work *work, bool warning, const char *reason, const char *message)
{
    REQUIRE(work->news_count < TRIGGER_NEWS_MAXIMUM);
    work->news[work->news_count++] = (struct trigger_news){
        .warning = warning, .reason = reason, .message = message};
}

void trigger_record(struct trigger_work *work, bool warning, const struct recent_decision *entry)
{
    struct trigger_status *status = &work->after.status;
    size_t kept = status->recent_count < RECENT_MAXIMUM ? status->recent_count : RECENT_MAXIMUM - 1;
    struct recent_decision *recent = arena_array(work->arena, struct recent_decision, kept + 1);
    if (kept > 0) {
        memcpy(recent, status->recent + (status->recent_count - kept), kept * sizeof(*recent));
    }
    recent[kept] = *entry;
    recent[kept].message = arena_copy_bytes(
        work->arena, entry->message, text_clip_utf8(entry->message, CONDITION_MESSAGE_LIMIT));
    status->recent = recent;
    status->recent_count = kept + 1;
    tell(work, warning, entry->reason, recent[kept].message);
}

void trigger_record_wait(struct trigger_work *work, const struct recent_decision *entry)
{
    const struct trigger_status *status = &work->after.status;
    const struct recent_decision *newest = status->recent_count > 0
                                               ? &status->recent[status->recent_count - 1]
                                               : NULL;
    if (!newest || newest->run || !text_equal(newest->reason, entry->reason)) {
        trigger_record(work, false, entry);
    }
}

static bool has_schedule(const struct trigger_work *work)
{
    return work->trigger->spec.schedule.cron != NULL;
}

const char *trigger_print_firing(const struct trigger_work *work,
                                 const struct pending_firing *firing)
{
    return firing->revision ? text_or(firing->summary, firing->revision)
                            : trigger_print_time(work, firing->scheduled_time);
}

const char *trigger_concurrency_reason(const struct trigger_work *work, bool busy)
{
    const char *policy = work->trigger->spec.concurrency_policy;
    if (busy && text_equal(policy, "Queue")) {
        return REASON_QUEUED;
    }
    return busy && text_equal(policy, "Replace") ? REASON_REPLACED : NULL;
}

/* The conditions. */

void trigger_set_ready(struct trigger_work *work, const char *reason, const char *message)
{
    work->ready_reason = reason;
    work->ready_message = message;
}

/* Once, at the end: a condition that is set twice would count as flipped. */
static void write_conditions(struct trigger_work *work)
{
    if (!work->stalled) {
        condition_remove(&work->conditions, CONDITION_STALLED);
    }
    if (!work->reason) {
        condition_set(&work->conditions, CONDITION_READY, STATUS_TRUE, work->ready_reason,
                      work->ready_message);
        return;
    }
    condition_set(&work->conditions, CONDITION_READY, STATUS_FALSE, work->reason, work->message);
    if (work->stalled) {
        condition_set(&work->conditions, CONDITION_STALLED, STATUS_TRUE, work->reason,
                      "nothing fires until the spec is corrected");
    }
}

static void write_suspended(struct trigger_work *work)
{
    trigger_set_ready(
        work, REASON_TRIGGER_SUSPENDED,
        has_schedule(work)
            ? "spec.suspend is true: nothing fires; what becomes of the times that pass now, "
              "spec.schedule.catchUp and startingDeadline decide when it is set to false"
            : "spec.suspend is true: nothing fires; when it is set to false and the source has "
              "changed meanwhile, one run is started");
}

static void note_pipeline_missing(struct trigger_work *work)
{
    trigger_note_obstacle(work, REASON_PIPELINE_NOT_FOUND,
                          arena_print(work->arena,
                                      "spec.pipelineRef.name: there is no Pipeline \"%s\" in this "
                                      "namespace%s; nothing fires until it is created",
                                      text_or(work->trigger->spec.pipeline_ref.name, ""),
                                      work->view->pipeline ? " that is not being deleted" : ""));
}

static void decide(struct trigger_work *work)
{
    work->after.status.next_schedule_time = TIME_ABSENT;
    if (has_schedule(work)) {
        trigger_read_schedule(work);
    }
    trigger_read_gate(work);
    trigger_count_failures(work);
    trigger_settle_pending(work);
    if (work->stalled) {
        return;
    }
    if (work->trigger->spec.suspend) {
        write_suspended(work);
        return;
    }
    if (!work->pipeline) {
        note_pipeline_missing(work);
        return;
    }
    struct trigger_gate breaker;
    if (!has_schedule(work)) {
        trigger_decide_change(work);
    } else if (!trigger_breaker_holds(work, &breaker)) { /* its times pass as while suspended */
        trigger_decide_schedule(work);
    }
    trigger_note_breaker(work);
}

/* The operations. */

static bool is_news(const struct trigger_work *work, const struct condition *ready)
{
    const struct condition *before = condition_find(&work->trigger->status.conditions,
                                                    CONDITION_READY);
    return text_equal(ready->status, STATUS_FALSE) &&
           (!before || !text_equal(before->reason, ready->reason));
}

static bool is_among_news(const struct trigger_work *work, const char *reason)
{
    for (size_t at = 0; at < work->news_count; at++) {
        if (text_equal(work->news[at].reason, reason)) {
            return true;
        }
    }
    return false;
}

static void write_status(struct trigger_work *work)
{
    const struct trigger *before = work->trigger;
    const struct trigger_status *status = &work->after.status;
    work->after.status.observed_generation = before->meta.generation;
    const struct condition *ready = condition_find(&status->conditions, CONDITION_READY);
    bool is_told = text_equal(ready->reason, REASON_NAME_TAKEN) ||
                   text_equal(ready->reason, REASON_SOURCE_ASKED) || /* no trouble */
                   is_among_news(work, ready->reason);
    if (is_news(work, ready) && !is_told) {
        tell(work, true, ready->reason, ready->message); /* a taken name is told already */
    }
    const char *message = ready->message;
    if (work->pending_is_new) {
        message = arena_print(work->arena, "writes down the firing of %s",
                              trigger_print_firing(work, &status->pending));
    } else if (work->news_count > 0) {
        message = work->news[0].message;
    }
    const char *reason = work->pending_is_new   ? status->pending.reason
                         : work->news_count > 0 ? work->news[0].reason
                                                : ready->reason;
    if (!plan_status(work->plan, KIND_TRIGGER, (const struct object *)before,
                     (const struct object *)&work->after, reason, message)) {
        return;
    }
    plan_next_stage(work->plan);
    for (size_t at = 0; at < work->news_count; at++) {
        plan_event(work->plan, KIND_TRIGGER, &before->meta, work->news[at].warning,
                   work->news[at].reason, work->news[at].message);
    }
    plan_next_stage(work->plan);
}

void plan_trigger(const struct trigger_view *view, struct plan *plan)
{
    const struct trigger *trigger = view->trigger;
    if (trigger->meta.deletion_time != TIME_ABSENT) {
        return;
    }
    bool alive = view->pipeline && view->pipeline->meta.deletion_time == TIME_ABSENT;
    struct trigger_view ordered = *view;
    ordered.runs = order_by_name(plan->arena, view->runs, view->run_count);
    struct trigger_work work = {.view = &ordered,
                                .trigger = trigger,
                                .plan = plan,
                                .arena = plan->arena,
                                .pipeline = alive ? view->pipeline : NULL,
                                .deadline_seconds = INTEGER_ABSENT,
                                .after = *trigger};
    if (text_is_empty(trigger->status.pending.run)) { /* no object can have that name */
        work.after.status.pending.run = NULL;
    }
    work.conditions = condition_writer_start(plan->arena, &work.after.status.conditions,
                                             &trigger->status.conditions, trigger->meta.generation,
                                             view->now);
    decide(&work);
    if (work.starts_run) {
        trigger_note_refused_cancel(&work);
    }
    write_conditions(&work);
    write_status(&work);
    if (work.starts_run) {
        if (!work.pending_is_new) {
            plan_next_group(
                plan); /* refused once more, it must not keep the status from changing */
        }
        trigger_plan_run(&work);
    }
}
