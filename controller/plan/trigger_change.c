#include "plan/trigger_work.h"

#include "api/names.h"
#include "core/text.h"

#include <string.h>

/*
 * Sources that are at some revision, whenever one looks: a document, runs of another pipeline, what
 * became of a model. It fires when that differs from status.observedRevision, which is written with
 * the firing, so that A, B, A are three firings and a restart repeats none:
 *
 *   another revision ──debounce──cooldown, budget, concurrency──> pending, observedRevision
 *
 * A change that may not start yet is not lost: the source stays at it, or at something newer.
 * A firing that is given up before its run was made (spec.suspend) forgets the revision, so that
 * it counts as new again.
 */

/* How long a chain of pipelines may get that start each other. */
enum { CHAIN_LIMIT = 16 };

/* ---- Deliveries of a webhook ---- */

static bool is_webhook(const struct trigger *trigger)
{
    return trigger->spec.webhook.type && !trigger_is_polled(&trigger->spec);
}

/* Each is a change of its own: the oldest one is next. */
static void observe_delivery(const struct trigger_work *work, struct sighting *seen)
{
    const struct pending_delivery *next = &work->after.status.deliveries[0];
    seen->revision = next->id;
    seen->summary = arena_print(work->arena, "delivery %s", next->id);
    seen->values = next->values;
    seen->value_count = next->value_count;
}

/* It is the pending firing's now. */
static void take_delivery(struct trigger_work *work)
{
    struct trigger_status *status = &work->after.status;
    size_t left = status->delivery_count - 1;
    struct pending_delivery *rest = arena_array(work->arena, struct pending_delivery, left);
    if (left > 0) {
        memcpy(rest, status->deliveries + 1, left * sizeof(*rest));
    }
    status->deliveries = rest;
    status->delivery_count = left;
}

/* The firing has them by the names of the run's parameters. */
static void name_values_again(const struct trigger_work *work, const struct pending_firing *pending,
                              struct pending_delivery *delivery)
{
    const struct trigger_spec *spec = &work->trigger->spec;
    delivery->values = arena_array(work->arena, struct name_value, pending->param_count);
    for (size_t at = 0; at < pending->param_count; at++) {
        for (size_t param = 0; param < spec->param_count; param++) {
            if (spec->params[param].from &&
                text_equal(spec->params[param].name, pending->params[at].name)) {
                delivery->values[delivery->value_count++] = (struct name_value){
                    .name = spec->params[param].from, .value = pending->params[at].value};
            }
        }
    }
}

const char *trigger_give_back(struct trigger_work *work, const struct pending_firing *pending)
{
    static const char anew[] = "it is looked at anew";
    struct trigger_status *status = &work->after.status;
    status->observed_revision = NULL;
    if (!is_webhook(work->trigger)) {
        return anew;
    }
    if (status->delivery_count >= TRIGGER_DELIVERIES_MAXIMUM) {
        /* Not by the hooks, which keep a place for it. */
        return "it is lost, because as many as may wait do: have it sent again";
    }
    struct pending_delivery *all = arena_array(work->arena, struct pending_delivery,
                                               status->delivery_count + 1);
    all[0] = (struct pending_delivery){.id = pending->revision, .time = work->view->now};
    name_values_again(work, pending, &all[0]);
    if (status->delivery_count > 0) {
        memcpy(all + 1, status->deliveries, status->delivery_count * sizeof(*all));
    }
    status->deliveries = all;
    status->delivery_count++;
    return anew;
}

/* ---- What is decided ---- */

/* False: it was not asked yet. */
static bool observe(const struct trigger_work *work, struct sighting *seen)
{
    const struct trigger_spec *spec = &work->trigger->spec;
    *seen = (struct sighting){
        .state = SIGHTING_FOUND, .since = TIME_ABSENT, .seen = work->view->now};
    if (is_webhook(work->trigger) && work->after.status.delivery_count > 0) {
        observe_delivery(work, seen);
    } else if (spec->pipeline.name) {
        trigger_observe_runs(work, seen);
    } else if (spec->model.name) {
        trigger_observe_model(work, seen);
    } else if (work->view->sighting) {
        *seen = *work->view->sighting;
    } else {
        return false;
    }
    return true;
}

static void record_wait(struct trigger_work *work, const struct sighting *seen, const char *reason,
                        const char *message)
{
    const struct recent_decision entry = {.time = work->view->now,
                                          .scheduled_time = TIME_ABSENT,
                                          .revision = arena_copy_text(work->arena, seen->revision),
                                          .reason = reason,
                                          .message = message};
    trigger_record_wait(work, &entry);
}

/* What is new in it, for people. */
static const char *describe(const struct sighting *seen)
{
    return text_or(seen->news, seen->summary);
}

/* What is in the way for a while: it is said, and looked at again. */
static void wait_until(struct trigger_work *work, const struct sighting *seen, const char *reason,
                       const char *why, int64_t until)
{
    const char *when = "";
    if (until != TIME_ABSENT) {
        plan_wake_at(work->plan, until);
        when = arena_print(work->arena, ", until %s", trigger_print_time(work, until));
    }
    const char *message = arena_print(work->arena, "%s, and starts no run yet: %s%s",
                                      describe(seen), why, when);
    trigger_set_ready(work, reason, message);
    if (!text_equal(reason, REASON_DEBOUNCING)) { /* it is what every change does */
        record_wait(work, seen, reason, message);
    }
}

/*
 * That it has stayed so is known by looking once more: what was found long ago may have changed
 * since. The poller looks when the time is over, and then wakes the Trigger.
 */
static bool is_debounced(struct trigger_work *work, const struct sighting *seen)
{
    int64_t until = seen->since == TIME_ABSENT ? TIME_ABSENT : seen->since + work->debounce_seconds;
    if (work->debounce_seconds == 0 || until == TIME_ABSENT || seen->seen >= until) {
        return true;
    }
    wait_until(work, seen, REASON_DEBOUNCING,
               arena_print(work->arena, "spec.debounce (%s) asks that it stays so",
                           work->trigger->spec.debounce),
               work->view->now < until ? until : TIME_ABSENT);
    return false;
}

static bool is_chain_short(struct trigger_work *work, const struct sighting *seen)
{
    if (seen->chain <= CHAIN_LIMIT) {
        return true;
    }
    const char *message = arena_print(
        work->arena,
        "%s, and it is the end of a chain of %d runs that triggers started from each other's "
        "pipelines or models: a loop, most likely; a run that is created by hand begins a new "
        "chain",
        seen->summary, CHAIN_LIMIT);
    work->stalled = true;
    trigger_note_obstacle(work, REASON_CHAIN_TOO_LONG, message);
    record_wait(work, seen, REASON_CHAIN_TOO_LONG, message);
    return false;
}

static void fire(struct trigger_work *work, const struct sighting *seen)
{
    const struct trigger *trigger = work->trigger;
    struct trigger_status *status = &work->after.status;
    const char *running = NULL;
    bool busy = trigger_count_unfinished(work, NULL, &running) > 0;
    if (busy && text_equal(trigger->spec.concurrency_policy, "Forbid")) {
        wait_until(work, seen, REASON_STILL_RUNNING,
                   arena_print(work->arena,
                               "run %s has not ended and spec.concurrencyPolicy is Forbid",
                               running),
                   TIME_ABSENT);
        return;
    }
    const struct trigger_gate gate = trigger_find_gate(work);
    if (gate.reason) {
        wait_until(work, seen, gate.reason, gate.message, gate.until);
        return;
    }
    int64_t number = status->firings + status->dropped + 1;
    const struct pending_firing firing = {
        .number = number,
        .scheduled_time = TIME_ABSENT,
        .revision = arena_copy_text(work->arena, seen->revision),
        .summary = arena_copy_text(work->arena, describe(seen)),
        .mark = arena_copy_text(work->arena, seen->mark),
        .chain = seen->chain,
        .run = name_fired_run(work->arena, trigger->meta.name, trigger->meta.uid, number),
        .reason = text_or(trigger_concurrency_reason(work, busy), REASON_FIRED)};
    trigger_write_down(work, &firing,
                       &(struct trigger_values){.items = seen->values, .count = seen->value_count});
    status->observed_revision = firing.revision;
    if (is_webhook(trigger)) {
        take_delivery(work);
    }
    trigger_set_ready(work, REASON_WATCHING, seen->summary);
}

/*
 * What is new was told by the mark of an earlier run than the newest, which was made while the
 * source was asked: the poller asks again, and then it is told by the right one.
 */
static bool is_told_by_older_mark(const struct trigger_work *work, const struct sighting *seen)
{
    return trigger_is_polled(&work->trigger->spec) &&
           !text_equal(seen->before, work->after.status.observed_mark);
}

static void decide_found(struct trigger_work *work, const struct sighting *seen)
{
    struct trigger_status *status = &work->after.status;
    trigger_set_ready(work, REASON_WATCHING, seen->summary);
    bool is_new = is_webhook(work->trigger) ||
                  !text_equal(seen->revision, text_or(status->observed_revision, ""));
    if (is_new && seen->quiet) {
        status->observed_revision = arena_copy_text(work->arena, seen->revision);
        return;
    }
    if (is_told_by_older_mark(work, seen)) {
        return;
    }
    if (is_new && !status->pending.run && is_chain_short(work, seen) && is_debounced(work, seen)) {
        fire(work, seen);
    }
}

/* As it was said before: a restart says nothing new, and writes nothing. */
static void repeat_condition(struct trigger_work *work)
{
    const struct condition *ready = condition_find(&work->trigger->status.conditions,
                                                   CONDITION_READY);
    bool is_current = work->trigger->status.observed_generation == work->trigger->meta.generation;
    if (!ready || !is_current) {
        trigger_note_obstacle(work, REASON_SOURCE_ASKED, "its source is asked for the first time");
    } else if (text_equal(ready->status, STATUS_TRUE)) {
        trigger_set_ready(work, ready->reason, ready->message);
    } else {
        trigger_note_obstacle(work, ready->reason, ready->message);
    }
}

void trigger_decide_change(struct trigger_work *work)
{
    struct sighting seen;
    if (!observe(work, &seen)) {
        repeat_condition(work);
        return;
    }
    switch (seen.state) {
    case SIGHTING_FOUND:
        decide_found(work, &seen);
        break;
    case SIGHTING_NOT_YET:
        if (seen.quiet) {
            work->after.status.observed_revision = arena_copy_text(work->arena, seen.revision);
        }
        trigger_set_ready(work, REASON_WATCHING, seen.summary);
        break;
    case SIGHTING_ABSENT:
        trigger_note_obstacle(work, REASON_SOURCE_ABSENT, seen.message);
        break;
    case SIGHTING_FAILED:
        trigger_note_obstacle(work, REASON_SOURCE_FAILED, seen.message);
        break;
    }
}
