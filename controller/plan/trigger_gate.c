#include "plan/trigger_work.h"

#include "api/quantity.h"
#include "core/text.h"

/*
 * What keeps a firing away for a while, whatever the source: spec.cooldown, spec.budget and
 * spec.breaker. A time of a schedule that comes meanwhile starts nothing; a change waits, since
 * what it is at does not go away.
 */

enum { MILLISECONDS = 1000 };

/* spec.budget.per: the CRD's default. */
enum { BUDGET_SECONDS = 24 * 60 * 60 };

void trigger_refuse_field(struct trigger_work *work, const char *reason, const char *field,
                          const char *message)
{
    work->stalled = true;
    trigger_note_obstacle(work, reason,
                          arena_print(work->arena,
                                      "spec.%s: %s; nothing fires until it is corrected", field,
                                      message));
}

int64_t trigger_read_duration(struct trigger_work *work, const char *reason, const char *field,
                              const char *text)
{
    int64_t milliseconds = 0;
    if (!duration_parse(text, &milliseconds)) {
        trigger_refuse_field(
            work, reason, field,
            arena_print(work->arena, "\"%s\" is no duration such as 90s or 1h30m", text));
        return 0;
    }
    return (milliseconds + MILLISECONDS - 1) / MILLISECONDS;
}

static int64_t read_optional(struct trigger_work *work, const char *field, const char *text,
                             int64_t absent)
{
    return text ? trigger_read_duration(work, REASON_INVALID_SPEC, field, text) : absent;
}

void trigger_read_gate(struct trigger_work *work)
{
    const struct trigger_spec *spec = &work->trigger->spec;
    work->cooldown_seconds = read_optional(work, "cooldown", spec->cooldown, 0);
    work->debounce_seconds = read_optional(work, "debounce", spec->debounce, 0);
    work->budget_seconds = read_optional(work, "budget.per", spec->budget.per, BUDGET_SECONDS);
    work->breaker_seconds = read_optional(work, "breaker.pause", spec->breaker.pause, 0);
    if (spec->budget.runs == INTEGER_ABSENT) {
        work->after.status.budget_since = TIME_ABSENT;
        work->after.status.budget_used = 0;
    }
}

/* The window of spec.budget that goes on now; false: none. */
static bool is_in_window(const struct trigger_work *work)
{
    const struct trigger_status *status = &work->after.status;
    return status->budget_since != TIME_ABSENT &&
           work->view->now < status->budget_since + work->budget_seconds;
}

struct trigger_gate trigger_find_gate(const struct trigger_work *work)
{
    const struct trigger_spec *spec = &work->trigger->spec;
    const struct trigger_status *status = &work->after.status;
    int64_t cool = status->last_firing_time == TIME_ABSENT
                       ? TIME_ABSENT
                       : status->last_firing_time + work->cooldown_seconds;
    struct trigger_gate gate = {0};
    if (trigger_breaker_holds(work, &gate)) {
        return gate;
    }
    if (cool != TIME_ABSENT && work->view->now < cool) {
        gate = (struct trigger_gate){
            .reason = REASON_COOLDOWN,
            .message = arena_print(work->arena,
                                   "spec.cooldown (%s) after the firing before is not over",
                                   spec->cooldown),
            .until = cool};
    }
    if (spec->budget.runs != INTEGER_ABSENT && is_in_window(work) &&
        status->budget_used >= spec->budget.runs &&
        (!gate.reason || status->budget_since + work->budget_seconds > gate.until)) {
        gate = (struct trigger_gate){
            .reason = REASON_BUDGET_USED,
            .message = arena_print(work->arena, "spec.budget (%lld runs per %s) is used up",
                                   (long long)spec->budget.runs, text_or(spec->budget.per, "24h")),
            .until = status->budget_since + work->budget_seconds};
    }
    return gate;
}

static void use_budget(struct trigger_work *work)
{
    struct trigger_status *status = &work->after.status;
    if (work->trigger->spec.budget.runs == INTEGER_ABSENT) {
        return;
    }
    if (!is_in_window(work)) {
        status->budget_since = work->view->now;
        status->budget_used = 0;
    }
    status->budget_used++;
}

void trigger_write_down(struct trigger_work *work, const struct pending_firing *firing,
                        const struct trigger_values *values)
{
    struct trigger_status *status = &work->after.status;
    status->pending = *firing;
    status->pending.params = trigger_params_keep(work->arena, &work->trigger->spec, values,
                                                 &status->pending.param_count);
    use_budget(work);
    trigger_note_try(work);
    status->last_firing_time = work->view->now;
    work->pending_is_new = true;
    work->starts_run = !text_equal(firing->reason, REASON_QUEUED);
}
