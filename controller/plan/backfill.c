#include "plan/backfill.h"

#include "api/codec.h"
#include "api/names.h"
#include "core/assert.h"
#include "core/civil.h"
#include "core/text.h"
#include "plan/conditions.h"
#include "plan/cron.h"
#include "plan/reasons.h"
#include "plan/trigger_params.h"
#include "plan/values.h"

#include <stdio.h>
#include <string.h>

/* As in spec.cause.kind of crds/pipelineruns.yaml. */
#define CAUSE_BACKFILL "Backfill"

/* What a Trigger's spec.params calls the time. */
#define SCHEDULED_TIME "scheduledTime"

struct backfill_work {
    struct arena *arena;
    const struct backfill_request *request;
    struct backfill *backfill;
    const struct cron *cron;
    struct error *error;
};

static void warn(const struct backfill_work *work, const char *warning)
{
    struct backfill *backfill = work->backfill;
    REQUIRE(backfill->warning_count < BACKFILL_WARNINGS_MAXIMUM);
    backfill->warnings[backfill->warning_count++] = warning;
}

/* ---- The Trigger and its Pipeline ---- */

static struct result check_trigger(struct backfill_work *work)
{
    const struct trigger *trigger = work->request->trigger;
    const char *name = trigger->meta.name;
    if (trigger->meta.unreadable) {
        return error_set(work->error, ERROR_INVALID,
                         "Trigger \"%s\": %s; nothing can be made for it until its spec is "
                         "corrected",
                         name, trigger->meta.unreadable);
    }
    if (trigger->meta.deletion_time != TIME_ABSENT) {
        return error_set(work->error, ERROR_INVALID, "Trigger \"%s\" is being deleted", name);
    }
    if (!trigger->spec.schedule.cron) {
        return error_set(work->error, ERROR_INVALID,
                         "Trigger \"%s\" has no spec.schedule: only a schedule has times in the "
                         "past; create PipelineRuns by hand instead",
                         name);
    }
    return RESULT_OK;
}

static struct result check_pipeline(struct backfill_work *work)
{
    const struct pipeline *pipeline = work->request->pipeline;
    const char *name = text_or(work->request->trigger->spec.pipeline_ref.name, "");
    if (!pipeline || name[0] == '\0' || pipeline->meta.deletion_time != TIME_ABSENT) {
        return error_set(work->error, ERROR_INVALID,
                         "Trigger \"%s\": spec.pipelineRef.name: there is no Pipeline \"%s\" in "
                         "this namespace%s; create it first",
                         work->request->trigger->meta.name, name,
                         pipeline ? " that is not being deleted" : "");
    }
    if (pipeline->meta.unreadable) {
        return error_set(work->error, ERROR_INVALID,
                         "Pipeline \"%s\": %s; correct it first, its runs would wait for that",
                         name, pipeline->meta.unreadable);
    }
    return RESULT_OK;
}

static struct result read_schedule(struct backfill_work *work)
{
    const struct backfill_request *request = work->request;
    const char *name = request->trigger->meta.name;
    struct result result = cron_parse(work->arena, request->trigger->spec.schedule.cron,
                                      &work->cron, work->error);
    if (!result_is_ok(result)) {
        error_add_context(work->error, "Trigger \"%s\": spec.schedule.cron", name);
        return result;
    }
    if (!request->zone) {
        return error_set(work->error, ERROR_INVALID, "Trigger \"%s\": spec.schedule.timeZone: %s",
                         name, text_or(request->zone_error, "there is no such time zone"));
    }
    return RESULT_OK;
}

/* ---- The range ---- */

/* "2026-01-31" */
static bool read_date(const char *text, int64_t *midnight)
{
    enum { WHOLE = 32 };
    char whole[WHOLE];
    int length = snprintf(whole, sizeof(whole), "%sT00:00:00Z", text);
    return length == (int)strlen("2026-01-31T00:00:00Z") && civil_parse(whole, midnight);
}

bool backfill_read_time(const struct zone *zone, const char *text, int64_t *time)
{
    int64_t midnight = 0;
    if (civil_parse(text, time)) {
        return true;
    }
    if (!text || !read_date(text, &midnight)) {
        return false;
    }
    *time = zone_first_instant(zone, midnight);
    return true;
}

static struct result read_option(struct backfill_work *work, const char *option, const char *text,
                                 int64_t *time)
{
    if (backfill_read_time(work->request->zone, text, time)) {
        return RESULT_OK;
    }
    return error_set(work->error, ERROR_INVALID,
                     "%s \"%.64s\": expected a date such as 2026-01-31, or RFC 3339 such as "
                     "2026-01-31T03:00:00Z",
                     option, text_or(text, ""));
}

static struct result read_range(struct backfill_work *work)
{
    struct backfill *backfill = work->backfill;
    const struct backfill_request *request = work->request;
    TRY(read_option(work, "--from", request->from, &backfill->from));
    TRY(read_option(work, "--to", request->to, &backfill->to));
    if (backfill->from >= backfill->to) {
        return error_set(work->error, ERROR_INVALID,
                         "--from %s is not before --to %s: the range begins with --from and ends "
                         "before --to",
                         request->from, request->to);
    }
    if (backfill->from >= request->now) {
        return error_set(work->error, ERROR_INVALID,
                         "--from %s lies in the future: times to come are the schedule's own",
                         request->from);
    }
    if (backfill->to > request->now) {
        backfill->to = request->now;
        warn(work,
             arena_print(work->arena,
                         "--to %s lies in the future: only times before now (%s) are made, "
                         "the others are the schedule's own",
                         request->to, zone_print_time(work->arena, request->zone, request->now)));
    }
    return RESULT_OK;
}

/* ---- The times ---- */

static struct result refuse_count(struct backfill_work *work, int64_t count, int64_t next)
{
    char text[CIVIL_TEXT_SIZE];
    civil_format(next, text);
    return error_set(work->error, ERROR_INVALID,
                     "the schedule has %lld times from %s to %s, and one backfill makes %d at "
                     "most; split it: first --from %s --to %s, then --from %s --to %s",
                     (long long)count, work->request->from, work->request->to,
                     BACKFILL_TIMES_MAXIMUM, work->request->from, text, text, work->request->to);
}

static void fill_time(const struct backfill_work *work, int64_t time, struct backfill_time *entry)
{
    const struct trigger *trigger = work->request->trigger;
    char text[CIVIL_TEXT_SIZE];
    civil_format(time, text);
    const struct name_value said = {.name = SCHEDULED_TIME, .value = text};
    struct trigger_values kept = {0};
    kept.items = trigger_params_keep(work->arena, &trigger->spec,
                                     &(struct trigger_values){.items = &said, .count = 1},
                                     &kept.count);
    entry->time = time;
    entry->run = name_backfill_run(work->arena, trigger->meta.name, time);
    entry->live_run = name_scheduled_run(work->arena, trigger->meta.name, time);
    entry->params = trigger_params_list(work->arena, &trigger->spec, &kept, &entry->param_count);
}

static struct result list_times(struct backfill_work *work)
{
    struct backfill *backfill = work->backfill;
    const struct zone *zone = work->request->zone;
    struct cron_window window;
    cron_count_between(work->cron, zone, backfill->from - 1, backfill->to - 1, &window);
    size_t wanted = window.count < BACKFILL_TIMES_MAXIMUM ? (size_t)window.count
                                                          : BACKFILL_TIMES_MAXIMUM;
    backfill->times = arena_array(work->arena, struct backfill_time, wanted);
    int64_t time = backfill->from - 1;
    for (; backfill->count < wanted; backfill->count++) {
        bool is_there = cron_next(work->cron, zone, time, &time);
        REQUIRE(is_there); /* all of them were counted */
        fill_time(work, time, &backfill->times[backfill->count]);
    }
    if (window.count > BACKFILL_TIMES_MAXIMUM) {
        bool is_there = cron_next(work->cron, zone, time, &time);
        REQUIRE(is_there);
        return refuse_count(work, window.count, time);
    }
    return RESULT_OK;
}

/* Before the first of a thousand runs ends with it. */
static struct result check_params(struct backfill_work *work)
{
    const struct pipeline *pipeline = work->request->pipeline;
    for (size_t at = 0; at < work->backfill->count; at++) {
        const struct backfill_time *time = &work->backfill->times[at];
        struct spec_fault fault = {0};
        struct name_value *resolved = NULL;
        if (!params_resolve(work->arena, &pipeline->spec, time->params, time->param_count,
                            &resolved, &fault)) {
            return error_set(work->error, ERROR_INVALID,
                             "run %s would fail at once: %s; correct spec.params of Trigger "
                             "\"%s\" or of Pipeline \"%s\" first",
                             time->run, fault.message, work->request->trigger->meta.name,
                             pipeline->meta.name);
        }
    }
    return RESULT_OK;
}

/* ---- What one should know ---- */

static void warn_of_trigger(const struct backfill_work *work)
{
    const struct trigger_spec *spec = &work->request->trigger->spec;
    bool told = false;
    for (size_t at = 0; at < spec->param_count; at++) {
        told = told || text_equal(spec->params[at].from, SCHEDULED_TIME);
    }
    if (!told && work->backfill->count > 0) {
        warn(work, "no parameter of the Trigger is told the time, so all runs get the same input; "
                   "add {name: ..., from: scheduledTime} to its spec.params");
    }
    if (spec->suspend) {
        warn(work, "the Trigger is suspended: its schedule stays so, the backfill works all the "
                   "same");
    }
}

static void warn_of_pipeline(const struct backfill_work *work)
{
    const struct pipeline *pipeline = work->request->pipeline;
    const struct condition *ready = condition_find(&pipeline->status.conditions, CONDITION_READY);
    if (ready && text_equal(ready->status, STATUS_FALSE)) {
        warn(work,
             arena_print(work->arena, "Pipeline \"%s\" is not Ready, so its runs wait: %s: %s",
                         pipeline->meta.name, text_or(ready->reason, "-"),
                         text_or(ready->message, "-")));
    }
    if (pipeline->spec.publish.model && work->backfill->count > 0) {
        warn(work, arena_print(work->arena,
                               "each run publishes a version of Model \"%s\", and the newest "
                               "version is served, whatever its time; while spec.pinnedVersion of "
                               "the Model names one, that one stays",
                               pipeline->spec.publish.model));
    }
}

struct result backfill_plan(struct arena *arena, const struct backfill_request *request,
                            struct backfill *backfill, struct error *error)
{
    *backfill = (struct backfill){
        .trigger = request->trigger, .pipeline = request->pipeline, .zone = request->zone};
    struct backfill_work work = {
        .arena = arena, .request = request, .backfill = backfill, .error = error};
    TRY(check_trigger(&work));
    TRY(check_pipeline(&work));
    TRY(read_schedule(&work));
    TRY(read_range(&work));
    TRY(list_times(&work));
    TRY(check_params(&work));
    warn_of_trigger(&work);
    warn_of_pipeline(&work);
    return RESULT_OK;
}

/* ---- A run ---- */

static const char *print_utc(struct arena *arena, int64_t time)
{
    char text[CIVIL_TEXT_SIZE];
    civil_format(time, text);
    return arena_copy_text(arena, text);
}

const char *backfill_render(struct arena *arena, const struct backfill *backfill,
                            const struct backfill_time *time)
{
    const struct trigger *trigger = backfill->trigger;
    const struct schedule_spec *schedule = &trigger->spec.schedule;
    struct name_value labels[] = {
        {.name = LABEL_BACKFILL, .value = name_as_label(arena, trigger->meta.name)},
        {.name = LABEL_PIPELINE, .value = name_as_label(arena, backfill->pipeline->meta.name)},
    };
    struct pipeline_run run = {
        .meta = {.name = time->run,
                 .namespace = trigger->meta.namespace,
                 .creation_time = TIME_ABSENT,
                 .deletion_time = TIME_ABSENT,
                 .labels = {.items = labels, .count = COUNT_OF(labels)}},
        .spec = {.pipeline_ref = trigger->spec.pipeline_ref,
                 .params = time->params,
                 .param_count = time->param_count,
                 .cause = {.kind = CAUSE_BACKFILL,
                           .name = trigger->meta.name,
                           .revision = print_utc(arena, time->time),
                           .message = arena_print(arena, "backfill of schedule \"%s\" in %s",
                                                  schedule->cron,
                                                  text_or(schedule->time_zone, "Etc/UTC"))}},
    };
    return codec_encode(arena, KIND_PIPELINE_RUN, (const struct object *)&run);
}

const char *backfill_find_stranger(struct arena *arena, const struct backfill *backfill,
                                   const struct backfill_time *time, const struct pipeline_run *run)
{
    const struct trigger *trigger = backfill->trigger;
    const struct cause_spec *cause = &run->spec.cause;
    if (!text_equal(cause->kind, CAUSE_BACKFILL) || !text_equal(cause->name, trigger->meta.name) ||
        !text_equal(cause->revision, print_utc(arena, time->time))) {
        return arena_print(arena, "was started by %s %s for %s", text_or(cause->kind, "somebody"),
                           text_or(cause->name, "of no name"), text_or(cause->revision, "no time"));
    }
    if (!text_equal(run->spec.pipeline_ref.name, trigger->spec.pipeline_ref.name)) {
        return arena_print(arena, "is of Pipeline %s, and the Trigger starts %s now",
                           text_or(run->spec.pipeline_ref.name, "of no name"),
                           trigger->spec.pipeline_ref.name);
    }
    return NULL;
}

bool backfill_is_current(const struct backfill_time *time, const struct pipeline_run *run)
{
    if (run->spec.param_count != time->param_count) {
        return false;
    }
    for (size_t at = 0; at < time->param_count; at++) {
        if (!text_equal(run->spec.params[at].name, time->params[at].name) ||
            !text_equal(run->spec.params[at].value, time->params[at].value)) {
            return false;
        }
    }
    return true;
}
