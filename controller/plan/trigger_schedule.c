#include "plan/trigger_work.h"

#include "api/names.h"
#include "api/quantity.h"
#include "core/civil.h"
#include "core/text.h"
#include "plan/trigger_due.h"

/*
 * The source `schedule`: which of its times start a run, which do not and why, and what comes next.
 * Nothing at or before lastScheduleTime ever fires, whatever is deleted or however clocks jump
 * (conformance K1, K3, K5). Times that come while a firing is pending wait for their turn and are
 * then judged by startingDeadline and catchUp, as are those that pass while the trigger is
 * suspended or its pipeline is missing.
 */

/* A zone's file that is missing is looked for again (kube/zones.c keeps its answer for as long). */
enum { ZONE_RETRY_SECONDS = 60 };

/* A clock that is behind lastScheduleTime by less is drift between nodes, and not worth a word. */
enum { CLOCK_DRIFT_SECONDS = 60 };

bool trigger_is_late(const struct trigger_work *work, int64_t scheduled_time)
{
    return work->deadline_seconds != INTEGER_ABSENT &&
           scheduled_time + work->deadline_seconds < work->view->now;
}

const char *trigger_print_time(const struct trigger_work *work, int64_t time)
{
    return zone_print_time(work->arena, work->view->zone, time);
}

/* The schedule. */

static void refuse_schedule(struct trigger_work *work, const char *field, const char *message)
{
    work->cron = NULL;
    trigger_refuse_field(work, REASON_BAD_SCHEDULE, arena_print(work->arena, "schedule.%s", field),
                         message);
}

void trigger_read_schedule(struct trigger_work *work)
{
    const struct schedule_spec *schedule = &work->trigger->spec.schedule;
    struct error error = {0};
    if (!result_is_ok(cron_parse(work->arena, text_or(schedule->cron, ""), &work->cron, &error))) {
        refuse_schedule(work, "cron", arena_copy_text(work->arena, error.message));
    } else if (!work->view->zone) {
        refuse_schedule(work, "timeZone",
                        text_or(work->view->zone_error, "there is no such time zone"));
        plan_wake_at(work->plan, work->view->now + ZONE_RETRY_SECONDS);
    }
    if (schedule->starting_deadline) {
        work->deadline_seconds = trigger_read_duration(
            work, REASON_BAD_SCHEDULE, "schedule.startingDeadline", schedule->starting_deadline);
    }
}

/* What is due. */

static int64_t last_dealt_with(const struct trigger_work *work)
{
    int64_t last = work->after.status.last_schedule_time;
    return last == TIME_ABSENT ? work->trigger->meta.creation_time : last;
}

/*
 * A new schedule does not make the past of the old one: when the trigger owed nothing as it was
 * edited, or could not be read before, times of the new schedule before now were never asked for.
 */
static void forget_past_of_edit(struct trigger_work *work)
{
    const struct trigger_status *before = &work->trigger->status;
    bool edited = before->observed_generation > 0 &&
                  before->observed_generation != work->trigger->meta.generation;
    const struct condition *ready = condition_find(&before->conditions, CONDITION_READY);
    bool was_bad = ready && text_equal(ready->reason, REASON_BAD_SCHEDULE);
    bool owed_nothing = !before->pending.run && before->next_schedule_time != TIME_ABSENT &&
                        before->next_schedule_time > work->view->now;
    int64_t newest = 0;
    if (edited && (was_bad || owed_nothing) &&
        cron_newest(work->cron, work->view->zone, last_dealt_with(work), work->view->now, &newest,
                    1) > 0) {
        work->after.status.last_schedule_time = newest;
    }
}

static const char *describe_catch_up(const struct trigger_work *work, const struct due_times *due)
{
    const struct catch_up_spec *catch_up = &work->trigger->spec.schedule.catch_up;
    const char *concurrency = work->trigger->spec.concurrency_policy;
    if (!text_equal(catch_up->policy, "All")) {
        return arena_print(work->arena, "%lld by spec.schedule.catchUp.policy %s",
                           (long long)due->skipped, text_or(catch_up->policy, "Latest"));
    }
    if (text_equal(concurrency, "Forbid") || text_equal(concurrency, "Replace")) {
        return arena_print(work->arena,
                           "%lld since with spec.concurrencyPolicy %s only the newest can run",
                           (long long)due->skipped, concurrency);
    }
    return arena_print(work->arena, "%lld beyond spec.schedule.catchUp.max",
                       (long long)due->skipped);
}

static void drop_missed(struct trigger_work *work, const struct due_times *due)
{
    int64_t count = due->late + due->skipped;
    if (count == 0) {
        return;
    }
    const char *late = due->late > 0 ? arena_print(work->arena,
                                                   "%lld passed longer ago than "
                                                   "spec.schedule.startingDeadline (%s)",
                                                   (long long)due->late,
                                                   work->trigger->spec.schedule.starting_deadline)
                                     : "";
    const char *skipped = due->skipped > 0 ? describe_catch_up(work, due) : "";
    const char *newest = trigger_print_time(work, due->newest_dropped);
    const char *times = count == 1
                            ? newest
                            : arena_print(work->arena, "%lld times, from %s to %s,",
                                          (long long)count,
                                          trigger_print_time(work, due->oldest_dropped), newest);
    const struct recent_decision entry = {
        .time = work->view->now,
        .scheduled_time = due->newest_dropped,
        .reason = REASON_MISSED,
        .message = arena_print(work->arena, "%s started no run: %s%s%s", times, late,
                               late[0] && skipped[0] ? ", " : "", skipped)};
    work->after.status.dropped += count;
    work->after.status.last_schedule_time = due->newest_dropped;
    trigger_record(work, true, &entry);
}

/* The time is over when it comes, whenever what is in its way ends. */
static void skip_due(struct trigger_work *work, const struct due_times *due, const char *reason,
                     const char *why)
{
    const struct recent_decision entry = {
        .time = work->view->now,
        .scheduled_time = due->newest,
        .reason = reason,
        .message = arena_print(work->arena, "%s started no run: %s",
                               trigger_print_time(work, due->newest), why)};
    work->after.status.dropped += due->kept;
    work->after.status.last_schedule_time = due->newest;
    trigger_record(work, false, &entry);
}

static const char *choose_reason(const struct trigger_work *work, int64_t time, bool busy)
{
    const char *reason = trigger_concurrency_reason(work, busy);
    bool is_live = time >= work->view->now - TRIGGER_LIVE_SECONDS;
    return reason ? reason : is_live ? REASON_FIRED : REASON_CATCH_UP;
}

static void write_down(struct trigger_work *work, int64_t time, bool busy)
{
    char text[CIVIL_TEXT_SIZE];
    civil_format(time, text);
    const struct name_value value = {.name = "scheduledTime", .value = text};
    const struct pending_firing firing = {
        .number = work->after.status.firings + 1,
        .scheduled_time = time,
        .run = name_scheduled_run(work->arena, work->trigger->meta.name, time),
        .reason = choose_reason(work, time, busy)};
    trigger_write_down(work, &firing, &(struct trigger_values){.items = &value, .count = 1});
    work->after.status.last_schedule_time = time;
}

static void fire_due(struct trigger_work *work)
{
    const char *policy = work->trigger->spec.concurrency_policy;
    bool forbid = text_equal(policy, "Forbid");
    forget_past_of_edit(work);
    if (work->after.status.pending.run) {
        return; /* one after the other */
    }
    const struct due_rules rules = {.cron = work->cron,
                                    .zone = work->view->zone,
                                    .after = last_dealt_with(work),
                                    .now = work->view->now,
                                    .deadline_seconds = work->deadline_seconds,
                                    .catch_up = &work->trigger->spec.schedule.catch_up,
                                    .newest_only = forbid || text_equal(policy, "Replace")};
    const struct due_times due = due_times_find(work->arena, &rules);
    drop_missed(work, &due);
    if (due.kept == 0) {
        return;
    }
    const char *running = NULL;
    bool busy = trigger_count_unfinished(work, NULL, &running) > 0;
    if (forbid && busy) {
        skip_due(work, &due, REASON_STILL_RUNNING,
                 arena_print(work->arena,
                             "run %s has not ended and spec.concurrencyPolicy is Forbid", running));
        return;
    }
    const struct trigger_gate gate = trigger_find_gate(work);
    if (gate.reason) {
        skip_due(work, &due, gate.reason, gate.message);
        return;
    }
    write_down(work, due.first, busy);
}

/* What is next, and the conditions. */

static void find_next(struct trigger_work *work)
{
    int64_t last = last_dealt_with(work);
    int64_t after = work->view->now > last ? work->view->now : last;
    int64_t next = TIME_ABSENT;
    if (cron_next(work->cron, work->view->zone, after, &next)) {
        work->after.status.next_schedule_time = next;
        plan_wake_at(work->plan, next);
    }
}

static const char *describe_next(const struct trigger_work *work)
{
    const struct trigger_status *status = &work->after.status;
    if (status->next_schedule_time == TIME_ABSENT) {
        return "no time of the schedule is left";
    }
    const char *next = arena_print(work->arena, "next run at %s",
                                   trigger_print_time(work, status->next_schedule_time));
    if (work->view->now >= last_dealt_with(work) - CLOCK_DRIFT_SECONDS) {
        return next;
    }
    return arena_print(work->arena,
                       "%s; the clock is behind %s, up to which all was dealt with, so nothing "
                       "fires before it has passed that again",
                       next, trigger_print_time(work, last_dealt_with(work)));
}

static void describe_schedule(struct trigger_work *work)
{
    const struct trigger_status *status = &work->after.status;
    const struct recent_decision *newest = status->recent_count > 0
                                               ? &status->recent[status->recent_count - 1]
                                               : NULL;
    const char *next = describe_next(work);
    if (newest && text_equal(newest->reason, REASON_NAME_TAKEN) && !status->pending.run) {
        trigger_note_obstacle(work, REASON_NAME_TAKEN,
                              arena_print(work->arena, "%s: %s", newest->message, next));
        return;
    }
    const char *running = NULL;
    bool queued = status->pending.run && text_equal(status->pending.reason, REASON_QUEUED) &&
                  trigger_count_unfinished(work, status->pending.run, &running) > 0;
    if (queued) {
        trigger_set_ready(work, REASON_QUEUED,
                          arena_print(work->arena, "run %s waits until run %s has ended; %s",
                                      status->pending.run, running, next));
        return;
    }
    trigger_set_ready(work, REASON_SCHEDULED, next);
}

void trigger_decide_schedule(struct trigger_work *work)
{
    fire_due(work);
    find_next(work);
    describe_schedule(work);
}
