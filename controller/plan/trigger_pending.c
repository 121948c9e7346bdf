#include "plan/trigger_work.h"

#include "core/text.h"

/*
 * The firing that is written down. It ends in one of three ways: its run is there, its name is
 * somebody else's, or startingDeadline (or spec.suspend) comes first while the run can't be made.
 * Until then creating the run is tried again; its name makes that safe. A run that was created,
 * ended and was deleted before any planning saw it is created once more: nobody can tell.
 */

static const struct pipeline_run *find_run(const struct trigger_view *view, const char *name)
{
    for (size_t at = 0; at < view->run_count; at++) {
        if (text_equal(view->runs[at]->meta.name, name)) {
            return view->runs[at];
        }
    }
    return NULL;
}

static void clear(struct trigger_work *work)
{
    work->after.status.pending = (struct pending_firing){.scheduled_time = TIME_ABSENT};
}

static void complete(struct trigger_work *work)
{
    struct trigger_status *status = &work->after.status;
    const struct pending_firing pending = status->pending;
    const struct recent_decision entry = {
        .time = work->view->now,
        .scheduled_time = pending.scheduled_time,
        .revision = pending.revision,
        .run = pending.run,
        .reason = text_or(pending.reason, REASON_FIRED),
        .message = arena_print(work->arena, "run %s was started for %s", pending.run,
                               trigger_print_firing(work, &pending)),
    };
    status->firings++;
    status->last_run_ref.name = pending.run;
    if (pending.revision) {
        status->observed_mark = pending.mark;
    }
    clear(work);
    trigger_record(work, false, &entry);
}

static void give_up(struct trigger_work *work, const char *reason, const char *why)
{
    struct trigger_status *status = &work->after.status;
    const struct pending_firing pending = status->pending;
    const char *then = pending.revision ? trigger_give_back(work, &pending)
                                        : "the schedule goes on";
    const struct recent_decision entry = {
        .time = work->view->now,
        .scheduled_time = pending.scheduled_time,
        .revision = pending.revision,
        .reason = reason,
        .message = arena_print(work->arena, "run %s for %s was not started: %s; %s", pending.run,
                               trigger_print_firing(work, &pending), why, then),
    };
    status->dropped++;
    clear(work);
    trigger_record(work, true, &entry);
}

/* Something is in the way of the run; `why` says what. Waits, or gives up when its time is over. */
static bool wait_or_give_up(struct trigger_work *work, const char *why)
{
    int64_t scheduled = work->after.status.pending.scheduled_time;
    if (scheduled == TIME_ABSENT) {
        return true;
    }
    if (trigger_is_late(work, scheduled)) {
        give_up(work, REASON_MISSED,
                arena_print(work->arena, "spec.schedule.startingDeadline (%s) was over and %s",
                            work->trigger->spec.schedule.starting_deadline, why));
        return false;
    }
    if (work->deadline_seconds != INTEGER_ABSENT) {
        plan_wake_at(work->plan, scheduled + work->deadline_seconds + 1);
    }
    return true;
}

static void settle_refused(struct trigger_work *work, const struct fact *fact)
{
    const char *said = fact_said(fact);
    const char *why = arena_print(work->arena, "the API server refused it: %s", said);
    if (fact->error == ERROR_EXISTS) {
        give_up(work, REASON_NAME_TAKEN, said);
        return;
    }
    if (work->trigger->spec.suspend) {
        give_up(work, REASON_TRIGGER_SUSPENDED,
                arena_print(work->arena, "spec.suspend is true and %s", why));
        return;
    }
    if (wait_or_give_up(work, why)) {
        trigger_note_obstacle(work, fact_reason(fact),
                              arena_print(work->arena,
                                          "run %s can't be created: %s; it is tried again",
                                          work->after.status.pending.run, said));
        work->starts_run = work->pipeline != NULL;
    }
}

static void settle_queued(struct trigger_work *work, const char *before)
{
    const char *why = arena_print(work->arena, "run %s had not ended", before);
    if (work->trigger->spec.suspend) {
        give_up(work, REASON_TRIGGER_SUSPENDED, "spec.suspend is true");
        return;
    }
    (void)wait_or_give_up(work, why);
}

void trigger_settle_pending(struct trigger_work *work)
{
    const struct pending_firing *pending = &work->after.status.pending;
    if (!pending->run) {
        return;
    }
    if (find_run(work->view, pending->run)) {
        complete(work);
        return;
    }
    const struct fact *fact = fact_find(&work->view->facts, OPERATION_CREATE, KIND_PIPELINE_RUN,
                                        pending->run);
    if (fact) {
        settle_refused(work, fact);
        return;
    }
    if (!work->pipeline) {
        (void)wait_or_give_up(work, "its Pipeline was not there");
        return;
    }
    const char *before = NULL;
    if (text_equal(pending->reason, REASON_QUEUED) &&
        trigger_count_unfinished(work, pending->run, &before) > 0) {
        settle_queued(work, before);
        return;
    }
    work->starts_run = wait_or_give_up(work, "no run had been created");
}
