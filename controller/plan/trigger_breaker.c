#include "plan/trigger_work.h"

#include "core/text.h"
#include "plan/ends.h"
#include "plan/run_phase.h"

/*
 * spec.breaker: after so many failed runs in a row nothing fires.
 *
 *           failures < n                     failures = n
 *   closed ──────────────> closed   closed ───────────────> open ──(spec.breaker.pause)──> one run
 *     ^                                                      ^                               │
 *     ├──── the spec is changed ─────────────────────────────┤                               │
 *     └──── a run succeeds ──────────────────────────────────┼───────────────────────────────┤
 *                                                            └────────── it fails ───────────┘
 *
 * The count is in the status, since history deletes runs, and with it a mark of the ends that it
 * counts (plan/ends.h). A success that changes nothing is not written down: a trigger whose runs
 * succeed writes nothing for its breaker. Cancelled runs count neither way.
 */

static bool has_breaker(const struct trigger_work *work)
{
    return work->trigger->spec.breaker.failures != INTEGER_ABSENT;
}

static struct ends find_own_ends(const struct trigger_view *view)
{
    struct ends ends = {0};
    for (size_t at = 0; at < view->run_count; at++) {
        if (ends_counts(view->runs[at])) {
            ends_add(&ends, view->runs[at]);
        }
    }
    return ends;
}

/* Failures from before the spec was changed are forgiven. */
static void close_breaker(struct trigger_work *work, const struct ends *ends)
{
    work->after.status.breaker = (struct breaker_status){.since = TIME_ABSENT,
                                                         .ends = ends_print(work->arena, ends)};
}

void trigger_count_failures(struct trigger_work *work)
{
    struct breaker_status *breaker = &work->after.status.breaker;
    if (!has_breaker(work)) {
        *breaker = (struct breaker_status){.since = TIME_ABSENT};
        return;
    }
    const struct ends ends = find_own_ends(work->view);
    if (work->trigger->status.observed_generation != work->trigger->meta.generation) {
        close_breaker(work, &ends);
        return;
    }
    const struct pipeline_run *fresh[ENDS_KNOWN];
    size_t count = ends_list_new(work->arena, &ends, breaker->ends, fresh);
    struct breaker_status after = *breaker;
    bool is_news = false;
    for (size_t at = 0; at < count; at++) {
        const struct pipeline_run_status *run = &fresh[at]->status;
        if (text_equal(run->phase, RUN_FAILED)) {
            after.failures++;
            after.since = run->completion_time;
            is_news = true;
        } else if (text_equal(run->phase, RUN_SUCCEEDED) && after.failures > 0) {
            after.failures = 0;
            after.since = TIME_ABSENT;
            is_news = true;
        }
    }
    if (is_news) {
        *breaker = after;
        breaker->ends = ends_print(work->arena, &ends);
    }
}

static bool is_open(const struct trigger_work *work)
{
    return has_breaker(work) &&
           work->after.status.breaker.failures >= work->trigger->spec.breaker.failures;
}

/* Until when; TIME_ABSENT: until the spec is changed. */
static int64_t open_until(const struct trigger_work *work)
{
    return work->trigger->spec.breaker.pause
               ? work->after.status.breaker.since + work->breaker_seconds
               : TIME_ABSENT;
}

bool trigger_breaker_holds(const struct trigger_work *work, struct trigger_gate *gate)
{
    if (!is_open(work)) {
        return false;
    }
    int64_t until = open_until(work);
    const char *running = NULL;
    if (until != TIME_ABSENT && work->view->now >= until) {
        if (trigger_count_unfinished(work, NULL, &running) == 0) {
            return false;
        }
        until = TIME_ABSENT; /* it may go on for longer than the pause: still only one is tried */
    }
    int64_t failures = work->after.status.breaker.failures;
    *gate = (struct trigger_gate){
        .reason = REASON_BREAKER_OPEN,
        .message = arena_print(work->arena,
                               "%lld run%s in a row failed (spec.breaker.failures is %lld)",
                               (long long)failures, failures == 1 ? "" : "s",
                               (long long)work->trigger->spec.breaker.failures),
        .until = until};
    return true;
}

void trigger_note_try(struct trigger_work *work)
{
    if (is_open(work)) {
        work->after.status.breaker.since = work->view->now;
    }
}

void trigger_note_breaker(struct trigger_work *work)
{
    struct trigger_gate gate;
    if (work->stalled || !trigger_breaker_holds(work, &gate)) {
        return;
    }
    const char *running = NULL;
    bool is_tried = trigger_count_unfinished(work, NULL, &running) > 0;
    if (is_tried && work->trigger->spec.breaker.pause) {
        trigger_note_obstacle(work, gate.reason,
                              arena_print(work->arena,
                                          "%s: nothing else fires before run %s has ended",
                                          gate.message, running));
        return;
    }
    if (gate.until == TIME_ABSENT) {
        work->stalled = true;
        trigger_note_obstacle(
            work, gate.reason,
            arena_print(work->arena,
                        "%s: nothing fires any more; when the cause is mended, change the spec, "
                        "for example spec.suspend to true and back, and the count begins anew",
                        gate.message));
        return;
    }
    plan_wake_at(work->plan, gate.until);
    trigger_note_obstacle(work, gate.reason,
                          arena_print(work->arena,
                                      "%s: nothing fires until %s (spec.breaker.pause), then one "
                                      "run is tried; a change of the spec begins the count anew",
                                      gate.message, trigger_print_time(work, gate.until)));
}
