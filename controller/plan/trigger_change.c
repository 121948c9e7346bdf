#include "plan/trigger_work.h"

#include "api/names.h"
#include "core/assert.h"
#include "core/civil.h"
#include "core/hash.h"
#include "core/text.h"
#include "plan/run_phase.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/*
 * Sources that are at some revision, whenever one looks: a document, runs of another pipeline, a
 * model's champion. It fires when that differs from status.observedRevision, which is written with
 * the firing, so that A, B, A are three firings and a restart repeats none:
 *
 *   another revision ──debounce──cooldown, budget, concurrency──> pending, observedRevision
 *
 * A change that may not start yet is not lost: the source stays at it, or at something newer.
 * A firing that is given up before its run was made (spec.suspend) forgets the revision, so that
 * it counts as new again.
 */

static void keep_values(struct arena *arena, struct sighting *seen, const struct name_value *values,
                        size_t count)
{
    struct name_value *kept = arena_array(arena, struct name_value, count);
    memcpy(kept, values, count * sizeof(*kept));
    seen->values = kept;
    seen->value_count = count;
}

/* ---- Runs of another pipeline ---- */

/*
 * An end is an event, and the runs that have ended are what is left of it. The revision has the
 * time of the newest end, and 8 digits of a hash of the uid of each of the newest:
 * "2026-01-31T03:00:00Z 0a1b2c3d4e5f6071". A run that is not named is new when it ended after that
 * time, or after one that is named (the clocks of two leaders may differ): others ended before all
 * that are named, and moved up since history took one of those.
 */
enum { ENDS_KNOWN = 16, END_DIGITS = 8 };

/* How long a chain of pipelines may get that start each other. */
enum { CHAIN_LIMIT = 16 };

struct ends {
    const struct pipeline_run *items[ENDS_KNOWN]; /* the newest first */
    size_t count;
};

static bool is_wanted(const struct pipeline_source *source, const char *phase)
{
    for (size_t at = 0; at < source->event_count; at++) {
        if (text_equal(source->events[at], phase)) {
            return true;
        }
    }
    return source->event_count == 0 && text_equal(phase, RUN_SUCCEEDED);
}

/* Ends from before the trigger was made are none of its business. */
static bool counts(const struct trigger *trigger, const struct pipeline_run *run)
{
    int64_t ended = run->status.completion_time;
    return run_phase_is_final(run->status.phase) && ended != TIME_ABSENT &&
           ended >= trigger->meta.creation_time &&
           is_wanted(&trigger->spec.pipeline, run->status.phase);
}

static bool ended_after(const struct pipeline_run *a, const struct pipeline_run *b)
{
    if (a->status.completion_time != b->status.completion_time) {
        return a->status.completion_time > b->status.completion_time;
    }
    return strcmp(a->meta.uid, b->meta.uid) > 0;
}

static void add_end(struct ends *ends, const struct pipeline_run *run)
{
    size_t place = ends->count;
    while (place > 0 && ended_after(run, ends->items[place - 1])) {
        place--;
    }
    if (place == ENDS_KNOWN) {
        return;
    }
    size_t moved = (ends->count < ENDS_KNOWN ? ends->count : ENDS_KNOWN - 1) - place;
    memmove(&ends->items[place + 1], &ends->items[place], moved * sizeof(ends->items[0]));
    ends->items[place] = run;
    ends->count += ends->count < ENDS_KNOWN ? 1 : 0;
}

static struct ends find_ends(const struct trigger_view *view)
{
    struct ends ends = {0};
    for (size_t at = 0; at < view->source_run_count; at++) {
        if (counts(view->trigger, view->source_runs[at])) {
            add_end(&ends, view->source_runs[at]);
        }
    }
    return ends;
}

static const char *print_end(struct arena *arena, const struct pipeline_run *run)
{
    return arena_print(arena, "%08" PRIx32, (uint32_t)hash_text(HASH_SEED, run->meta.uid));
}

static const char *print_ends(struct arena *arena, const struct ends *ends)
{
    char time[CIVIL_TEXT_SIZE];
    civil_format(ends->items[0]->status.completion_time, time);
    const char *text = arena_print(arena, "%s ", time);
    for (size_t at = 0; at < ends->count; at++) {
        text = arena_print(arena, "%s%s", text, print_end(arena, ends->items[at]));
    }
    return text;
}

static bool is_named(struct arena *arena, const char *revision, const struct pipeline_run *run)
{
    const char *names = revision ? strchr(revision, ' ') : NULL;
    const char *wanted = print_end(arena, run);
    for (size_t at = 1; names && at + END_DIGITS <= strlen(names); at += END_DIGITS) {
        if (memcmp(names + at, wanted, END_DIGITS) == 0) {
            return true;
        }
    }
    return false;
}

static int64_t time_of_revision(struct arena *arena, const char *revision)
{
    int64_t time = TIME_ABSENT;
    const char *space = revision ? strchr(revision, ' ') : NULL;
    if (space) {
        (void)civil_parse(arena_copy_bytes(arena, revision, (size_t)(space - revision)), &time);
    }
    return time;
}

/* The newest end that is new, or NULL; *count is how many are. */
static const struct pipeline_run *find_new_end(struct arena *arena, const struct ends *ends,
                                               const char *revision, size_t *count)
{
    const struct pipeline_run *newest = NULL;
    int64_t known = time_of_revision(arena, revision);
    bool older_is_named = false;
    *count = 0;
    for (size_t at = ends->count; at > 0; at--) {
        const struct pipeline_run *run = ends->items[at - 1];
        if (is_named(arena, revision, run)) {
            older_is_named = true;
        } else if (older_is_named || known == TIME_ABSENT || run->status.completion_time > known) {
            newest = run;
            ++*count;
        }
    }
    return newest;
}

static int64_t chain_of(const struct pipeline_run *run)
{
    const char *text = text_map_get(&run->meta.annotations, ANNOTATION_CHAIN);
    int64_t length = 0;
    return text && text_parse_integer(text, &length) && length > 0 ? length : 0;
}

static void observe_runs(const struct trigger_work *work, struct sighting *seen)
{
    struct arena *arena = work->arena;
    const struct trigger *trigger = work->trigger;
    const char *known = work->after.status.observed_revision;
    size_t count = 0;
    struct ends ends = find_ends(work->view);
    const struct pipeline_run *run = find_new_end(arena, &ends, known, &count);
    if (!run) {
        seen->revision = text_or(known, "");
        seen->summary = arena_print(arena, "runs of Pipeline %s that have ended",
                                    trigger->spec.pipeline.name);
        return;
    }
    struct name_value values[] = {
        {.name = "run", .value = run->meta.name},
        {.name = "pipeline", .value = trigger->spec.pipeline.name},
        {.name = "phase", .value = run->status.phase},
    };
    seen->revision = print_ends(arena, &ends);
    seen->summary = count == 1 ? arena_print(arena, "run %s of Pipeline %s: %s", run->meta.name,
                                             trigger->spec.pipeline.name, run->status.phase)
                               : arena_print(arena, "%zu runs of Pipeline %s, the newest %s: %s",
                                             count, trigger->spec.pipeline.name, run->meta.name,
                                             run->status.phase);
    seen->since = run->status.completion_time;
    seen->chain = chain_of(run) + 1;
    keep_values(arena, seen, values, COUNT_OF(values));
}

/* ---- A model's champion ---- */

static void observe_model(const struct trigger_work *work, struct sighting *seen)
{
    const struct model *model = work->view->source_model;
    const char *name = work->trigger->spec.model.name;
    struct arena *arena = work->arena;
    if (!model || !model->status.champion) {
        seen->state = SIGHTING_ABSENT;
        seen->message = model ? arena_print(arena, "Model \"%s\" has no champion yet", name)
                              : arena_print(arena,
                                            "spec.model.name: there is no Model \"%s\" in this "
                                            "namespace",
                                            name);
        return;
    }
    struct name_value values[] = {
        {.name = "model", .value = name},
        {.name = "version", .value = model->status.champion},
    };
    seen->revision = model->status.champion;
    seen->summary = arena_print(arena, "version %s of Model %s was promoted",
                                model->status.champion, name);
    keep_values(arena, seen, values, COUNT_OF(values));
}

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

void trigger_give_delivery_back(struct trigger_work *work, const struct pending_firing *pending)
{
    struct trigger_status *status = &work->after.status;
    if (!is_webhook(work->trigger) || status->delivery_count >= TRIGGER_DELIVERIES_MAXIMUM) {
        return;
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
}

/* ---- What is decided ---- */

/* False: it was not asked yet. */
static bool observe(const struct trigger_work *work, struct sighting *seen)
{
    const struct trigger_spec *spec = &work->trigger->spec;
    *seen = (struct sighting){.state = SIGHTING_FOUND, .since = TIME_ABSENT};
    if (is_webhook(work->trigger) && work->after.status.delivery_count > 0) {
        observe_delivery(work, seen);
    } else if (spec->pipeline.name) {
        observe_runs(work, seen);
    } else if (spec->model.name) {
        observe_model(work, seen);
    } else if (work->view->sighting) {
        *seen = *work->view->sighting;
    } else {
        return false;
    }
    return true;
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
    trigger_set_ready(
        work, reason,
        arena_print(work->arena, "%s, and starts no run yet: %s%s", seen->summary, why, when));
}

static bool is_debounced(struct trigger_work *work, const struct sighting *seen)
{
    int64_t until = seen->since == TIME_ABSENT ? TIME_ABSENT : seen->since + work->debounce_seconds;
    if (work->debounce_seconds == 0 || until == TIME_ABSENT || work->view->now >= until) {
        return true;
    }
    wait_until(work, seen, REASON_DEBOUNCING,
               arena_print(work->arena, "spec.debounce (%s) asks that it stays so",
                           work->trigger->spec.debounce),
               until);
    return false;
}

static bool is_chain_short(struct trigger_work *work, const struct sighting *seen)
{
    if (seen->chain <= CHAIN_LIMIT) {
        return true;
    }
    work->stalled = true;
    trigger_note_obstacle(
        work, REASON_CHAIN_TOO_LONG,
        arena_print(work->arena,
                    "%s, and it is the end of a chain of %d runs that triggers started from each "
                    "other's pipelines: a loop, most likely; a run that is created by hand begins "
                    "a new chain",
                    seen->summary, CHAIN_LIMIT));
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
        .summary = arena_copy_text(work->arena, seen->summary),
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
