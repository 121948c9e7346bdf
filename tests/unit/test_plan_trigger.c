#include "support/test.h"

#include "api/trigger.h"
#include "core/civil.h"
#include "core/text.h"
#include "plan/reasons.h"
#include "support/golden.h"
#include "support/plan_world.h"
#include "unit/cron/zones.h"

#include <string.h>

enum { MINUTE = 60, HOUR = 3600, DAY = 86400 };

static int64_t instant(const char *text)
{
    int64_t seconds = 0;
    if (!civil_parse(text, &seconds)) {
        fail_msg("%s", text);
    }
    return seconds;
}

/* A pipeline that is there, and a trigger made at `created` with this spec. */
PRINTF_LIKE(3, 4)
static void set_up(struct world *world, const char *created, const char *format, ...)
{
    world_init(world, instant(created));
    va_list arguments;
    va_start(arguments, format);
    const char *spec = arena_print_list(&world->arena, format, arguments);
    va_end(arguments);
    (void)world_put(world, KIND_PIPELINE, "{'metadata':{'name':'churn'}}");
    (void)world_put(world, KIND_TRIGGER,
                    "{'metadata':{'name':'nightly'},'spec':{'pipelineRef':{'name':'churn'},%s}}",
                    spec);
}

/* One planning, carried out without fault; its outline. */
static const char *step(struct world *world)
{
    struct plan plan = world_plan_trigger(world, "nightly");
    const char *outline = plan_outline(world, &plan);
    (void)world_carry_out(world, &plan, WORLD_NO_FAULT, 0);
    return outline;
}

/* Plans until nothing is written any more. */
static void settle(struct world *world)
{
    enum { ROUNDS = 300 };
    for (int round = 0; round < ROUNDS; round++) {
        if (step(world)[0] == '\0') {
            return;
        }
    }
    fail_msg("it never comes to rest");
}

static const char *ready(struct world *world)
{
    return world_condition(world, KIND_TRIGGER, "nightly", "Ready");
}

static const char *text(struct world *world, const char *path)
{
    return world_text(world, KIND_TRIGGER, "nightly", path);
}

static int64_t number(struct world *world, const char *path)
{
    return world_integer(world, KIND_TRIGGER, "nightly", path);
}

static const json_t *newest_decision(struct world *world)
{
    const json_t *recent = world_get(world, KIND_TRIGGER, "nightly", "status/recent");
    return json_array_get(recent, json_array_size(recent) - 1);
}

static const char *newest_reason(struct world *world)
{
    return text_or(json_string_value(json_object_get(newest_decision(world), "reason")), "");
}

static void end_run(struct world *world, const char *name)
{
    world_merge(world, KIND_PIPELINE_RUN, name, "{'status':{'phase':'Succeeded'}}");
}

static void end_all_runs(struct world *world)
{
    for (size_t at = 0; at < world->count; at++) {
        if (world->objects[at].kind == KIND_PIPELINE_RUN) {
            json_object_set_new(json_object_get(world->objects[at].tree, "status"), "phase",
                                json_string("Succeeded"));
        }
    }
}

/* "03:00 04:00": the scheduled times of all runs, by the name's minutes, in the order of making. */
static const char *runs(struct world *world)
{
    const char *list = "";
    for (size_t at = 0; at < world->count; at++) {
        if (world->objects[at].kind == KIND_PIPELINE_RUN) {
            const char *revision = json_string_value(json_object_get(
                json_object_get(json_object_get(world->objects[at].tree, "spec"), "cause"),
                "revision"));
            list = arena_print(&world->arena, "%s%s%.5s", list, list[0] ? " " : "",
                               revision ? revision + strlen("2026-11-23T") : "?????");
        }
    }
    return list;
}

/* ---- goldens ---- */

static const char hourly[] =
    "'params':[{'name':'seed','value':'7'}],"
    "'schedule':{'cron':'0 * * * *','timeZone':'Etc/UTC','catchUp':{'policy':'Latest','max':10}},"
    "'concurrencyPolicy':'Allow'";

static void a_firing_is_written_down_then_made_then_done(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, "2026-11-23T10:30:00Z", "%s", hourly);
    static const struct {
        const char *time;
        const char *golden;
    } rows[] = {
        {"2026-11-23T10:30:01Z", "trigger/1-first-look"},
        {"2026-11-23T11:00:00Z", "trigger/2-fires"},
        {"2026-11-23T11:00:01Z", "trigger/3-done"},
        {"2026-11-23T11:00:02Z", "trigger/4-rest"},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        world.now = instant(rows[at].time);
        struct plan plan = world_plan_trigger(&world, "nightly");
        golden_check(rows[at].golden, golden_describe_plan(&world.arena, &plan, true));
        assert_true(world_carry_out(&world, &plan, WORLD_NO_FAULT, 0));
    }
    assert_string_equal(text(&world, "status/lastRunRef/name"), "nightly-29923860");
    assert_int_equal(number(&world, "status/firings"), 1);
    assert_int_equal(world.writes, 4); /* the first look; status, run, status */
    world_free(&world);
}

static void several_missed_times_replace_a_run_and_say_what_was_dropped(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, "2026-11-23T10:30:00Z",
           "'schedule':{'cron':'0 * * * *','timeZone':'Europe/Berlin','startingDeadline':'3h'},"
           "'concurrencyPolicy':'Replace'");
    struct arena zones = {0};
    world.zone = load_zone(&zones, "Europe/Berlin");
    world.now = instant("2026-11-23T11:00:00Z");
    settle(&world);
    world.now = instant("2026-11-23T17:20:00Z");
    struct plan plan = world_plan_trigger(&world, "nightly");
    golden_check("trigger/5-replaces-after-downtime",
                 golden_describe_plan(&world.arena, &plan, true));
    world_free(&world);
    arena_free(&zones);
}

/* ---- which times fire ---- */

static void catch_up_and_deadline_decide_about_missed_times(void **state)
{
    (void)state;
    static const struct {
        const char *sentence;
        const char *schedule;
        const char *back; /* nobody looked from 10:30 until then */
        const char *runs;
        int64_t dropped;
        const char *last;
    } rows[] = {
        {"nothing is due before its time", "'cron':'0 * * * *'", "2026-11-23T10:59:59Z", "", 0, ""},
        {"a time is due at its very second", "'cron':'0 * * * *'", "2026-11-23T11:00:00Z", "11:00",
         0, "2026-11-23T11:00:00Z"},
        {"the creation's own second is not due", "'cron':'30 * * * *'", "2026-11-23T10:30:00Z", "",
         0, ""},
        {"Latest is the default and runs the newest", "'cron':'0 * * * *'", "2026-11-23T15:30:00Z",
         "15:00", 4, "2026-11-23T15:00:00Z"},
        {"Latest runs the newest", "'cron':'0 * * * *','catchUp':{'policy':'Latest','max':3}",
         "2026-11-23T15:30:00Z", "15:00", 4, "2026-11-23T15:00:00Z"},
        {"None skips what passed", "'cron':'0 * * * *','catchUp':{'policy':'None'}",
         "2026-11-23T15:30:00Z", "", 5, "2026-11-23T15:00:00Z"},
        {"None runs a time that is live", "'cron':'0 * * * *','catchUp':{'policy':'None'}",
         "2026-11-23T15:01:00Z", "15:00", 4, "2026-11-23T15:00:00Z"},
        {"None skips a time that is no longer live",
         "'cron':'0 * * * *','catchUp':{'policy':'None'}", "2026-11-23T15:01:01Z", "", 5,
         "2026-11-23T15:00:00Z"},
        {"All runs each, the oldest first",
         "'cron':'0 * * * *','catchUp':{'policy':'All','max':10}", "2026-11-23T15:30:00Z",
         "11:00 12:00 13:00 14:00 15:00", 0, "2026-11-23T15:00:00Z"},
        {"All keeps the newest max", "'cron':'0 * * * *','catchUp':{'policy':'All','max':3}",
         "2026-11-23T15:30:00Z", "13:00 14:00 15:00", 2, "2026-11-23T15:00:00Z"},
        {"All keeps 10 unless it says otherwise", "'cron':'* * * * *','catchUp':{'policy':'All'}",
         "2026-11-23T10:45:00Z", "10:36 10:37 10:38 10:39 10:40 10:41 10:42 10:43 10:44 10:45", 5,
         "2026-11-23T10:45:00Z"},
        {"the deadline comes before All",
         "'cron':'0 * * * *','startingDeadline':'2h30m',"
         "'catchUp':{'policy':'All','max':10}",
         "2026-11-23T15:30:00Z", "13:00 14:00 15:00", 2, "2026-11-23T15:00:00Z"},
        {"max counts what the deadline left",
         "'cron':'0 * * * *','startingDeadline':'2h30m',"
         "'catchUp':{'policy':'All','max':2}",
         "2026-11-23T15:30:00Z", "14:00 15:00", 3, "2026-11-23T15:00:00Z"},
        {"a time exactly as old as the deadline starts",
         "'cron':'0 * * * *','startingDeadline':'30m'", "2026-11-23T15:30:00Z", "15:00", 4,
         "2026-11-23T15:00:00Z"},
        {"a second later it does not", "'cron':'0 * * * *','startingDeadline':'30m'",
         "2026-11-23T15:30:01Z", "", 5, "2026-11-23T15:00:00Z"},
        {"ten years cost no more than a minute", "'cron':'* * * * *'", "2036-11-23T10:30:00Z",
         "10:30", 5260319, "2036-11-23T10:30:00Z"},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct world world;
        set_up(&world, "2026-11-23T10:30:00Z", "'schedule':{%s}", rows[at].schedule);
        world.now = instant(rows[at].back);
        settle(&world);
        if (strcmp(runs(&world), rows[at].runs) != 0 ||
            number(&world, "status/dropped") != rows[at].dropped ||
            strcmp(text(&world, "status/lastScheduleTime"), rows[at].last) != 0) {
            fail_msg("%s: ran [%s], dropped %lld, last %s", rows[at].sentence, runs(&world),
                     (long long)number(&world, "status/dropped"),
                     text(&world, "status/lastScheduleTime"));
        }
        world_free(&world);
    }
}

static void what_was_dropped_is_said_once_with_its_reasons(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, "2026-11-23T10:30:00Z",
           "'schedule':{'cron':'0 * * * *','startingDeadline':'2h30m'}");
    world.now = instant("2026-11-23T15:30:00Z");
    struct plan plan = world_plan_trigger(&world, "nightly");
    const struct operation *event = plan_find(&plan, OPERATION_EVENT, KIND_TRIGGER, 0);
    assert_string_equal(event->reason, REASON_MISSED);
    assert_true(event->warning);
    assert_string_equal(event->message,
                        "4 times, from 2026-11-23T11:00:00Z to 2026-11-23T14:00:00Z, started no "
                        "run: 2 passed longer ago than spec.schedule.startingDeadline (2h30m), 2 "
                        "by spec.schedule.catchUp.policy Latest");
    (void)world_carry_out(&world, &plan, WORLD_NO_FAULT, 0);
    plan = world_plan_trigger(&world, "nightly");
    for (size_t at = 0; at < plan.count; at++) {
        assert_string_not_equal(plan.operations[at].reason, REASON_MISSED);
    }
    (void)world_carry_out(&world, &plan, WORLD_NO_FAULT, 0);
    assert_string_equal(newest_reason(&world), REASON_CATCH_UP);
    assert_int_equal(json_array_size(world_get(&world, KIND_TRIGGER, "nightly", "status/recent")),
                     2);
    world_free(&world);
}

static void only_the_last_ten_decisions_are_kept(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, "2026-11-23T10:30:00Z", "'schedule':{'cron':'* * * * *'}");
    for (int at = 0; at < 25; at++) {
        world.now += MINUTE;
        settle(&world);
    }
    assert_int_equal(json_array_size(world_get(&world, KIND_TRIGGER, "nightly", "status/recent")),
                     10);
    assert_string_equal(text(&world, "status/recent/0/scheduledTime"), "2026-11-23T10:46:00Z");
    assert_string_equal(text(&world, "status/recent/9/scheduledTime"), "2026-11-23T10:55:00Z");
    assert_int_equal(number(&world, "status/firings"), 25);
    assert_int_equal(world.writes, 25 * 3);
    world_free(&world);
}

static void local_clock_changes_neither_lose_nor_double_a_run(void **state)
{
    (void)state;
    static const struct {
        const char *sentence;
        const char *zone;
        const char *cron;
        const char *from;
        int64_t hours;
        const char *runs;
    } rows[] = {
        {"Berlin, spring: 02:30 does not exist and runs at the jump", "Europe/Berlin", "30 2 * * *",
         "2026-03-28T12:00:00Z", 36, "01:00"},
        {"Berlin, autumn: 02:30 comes twice and runs once", "Europe/Berlin", "30 2 * * *",
         "2026-10-24T12:00:00Z", 24, "00:30"},
        {"Berlin, autumn: every half hour goes on", "Europe/Berlin", "*/30 * * * *",
         "2026-10-24T23:59:00Z", 2, "00:00 00:30 01:00 01:30"},
        {"Lord Howe: half an hour is skipped", "Australia/Lord_Howe", "15 2 * * *",
         "2026-10-03T12:00:00Z", 24, "15:30"},
        {"Apia: a day is skipped", "Pacific/Apia", "0 3 30 12 *", "2011-12-29T12:00:00Z", 72,
         "10:00"},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct world world;
        struct arena zones = {0};
        set_up(&world, rows[at].from, "'schedule':{'cron':'%s','timeZone':'%s'}", rows[at].cron,
               rows[at].zone);
        world.zone = load_zone(&zones, rows[at].zone);
        for (int64_t minute = 0; minute < rows[at].hours * MINUTE; minute++) {
            world.now += MINUTE;
            settle(&world);
        }
        if (strcmp(runs(&world), rows[at].runs) != 0) {
            fail_msg("%s: ran [%s]", rows[at].sentence, runs(&world));
        }
        world_free(&world);
        arena_free(&zones);
    }
}

/* ---- policies ---- */

static void concurrency_policy_decides_while_a_run_is_under_way(void **state)
{
    (void)state;
    static const struct {
        const char *policy;
        const char *during; /* runs at 12:00, while the run of 11:00 has not ended */
        const char *ready;
        const char *after; /* runs when that has ended at 12:20 */
        int64_t dropped;
        const char *reason; /* newest decision */
        const char *cancelled;
    } rows[] = {
        {"Allow", "11:00 12:00", "True Scheduled: next run at 2026-11-23T13:00:00Z", "11:00 12:00",
         0, "Fired", ""},
        {"Forbid", "11:00", "True Scheduled: next run at 2026-11-23T13:00:00Z", "11:00", 1,
         "StillRunning", ""},
        {"Replace", "11:00 12:00", "True Scheduled: next run at 2026-11-23T13:00:00Z",
         "11:00 12:00", 0, "Replaced", "true"},
        {"Queue", "11:00",
         "True Queued: run nightly-29923920 waits until run nightly-29923860 has ended; next run "
         "at 2026-11-23T13:00:00Z",
         "11:00 12:00", 0, "Queued", ""},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct world world;
        set_up(&world, "2026-11-23T10:30:00Z",
               "'schedule':{'cron':'0 * * * *'},'concurrencyPolicy':'%s'", rows[at].policy);
        world.now = instant("2026-11-23T11:00:00Z");
        settle(&world);
        world.now = instant("2026-11-23T12:00:00Z");
        settle(&world);
        assert_string_equal(runs(&world), rows[at].during);
        assert_string_equal(ready(&world), rows[at].ready);
        assert_int_equal(
            json_is_true(world_get(&world, KIND_PIPELINE_RUN, "nightly-29923860", "spec/cancel")),
            rows[at].cancelled[0] != '\0');
        world.now = instant("2026-11-23T12:20:00Z");
        end_run(&world, "nightly-29923860");
        settle(&world);
        assert_string_equal(runs(&world), rows[at].after);
        assert_int_equal(number(&world, "status/dropped"), rows[at].dropped);
        assert_string_equal(newest_reason(&world), rows[at].reason);
        world_free(&world);
    }
}

static void one_firing_waits_in_the_queue_and_the_times_behind_it_are_caught_up(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, "2026-11-23T10:30:00Z",
           "'schedule':{'cron':'0 * * * *','catchUp':{'policy':'Latest'},"
           "'startingDeadline':'3h'},'concurrencyPolicy':'Queue'");
    for (const char *const *time =
             (const char *const[]){"2026-11-23T11:00:00Z", "2026-11-23T12:00:00Z",
                                   "2026-11-23T13:00:00Z", "2026-11-23T14:00:00Z", NULL};
         *time; time++) {
        world.now = instant(*time);
        settle(&world);
    }
    assert_string_equal(text(&world, "status/nextScheduleTime"), "2026-11-23T15:00:00Z");
    end_run(&world, "nightly-29923860");
    settle(&world);
    assert_string_equal(runs(&world), "11:00 12:00");
    end_run(&world, "nightly-29923920");
    settle(&world);
    assert_string_equal(runs(&world), "11:00 12:00 14:00");
    assert_int_equal(number(&world, "status/dropped"), 1);

    /* A firing that waits longer than the deadline is given up, and says why. */
    world.now = instant("2026-11-23T15:00:00Z");
    settle(&world);
    world.now = instant("2026-11-23T18:00:01Z");
    settle(&world);
    assert_string_equal(runs(&world), "11:00 12:00 14:00");
    const json_t *recent = world_get(&world, KIND_TRIGGER, "nightly", "status/recent");
    bool told = false;
    for (size_t at = 0; at < json_array_size(recent); at++) {
        const char *message = json_string_value(
            json_object_get(json_array_get(recent, at), "message"));
        told |= strcmp(message,
                       "run nightly-29924100 for 2026-11-23T15:00:00Z was not started: "
                       "spec.schedule.startingDeadline (3h) was over and run nightly-29924040 had "
                       "not ended; the schedule goes on") == 0;
    }
    assert_true(told);
    world_free(&world);
}

static void forbid_keeps_the_newest_of_several_missed_times(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, "2026-11-23T10:30:00Z",
           "'schedule':{'cron':'0 * * * *','catchUp':{'policy':'All','max':5}},"
           "'concurrencyPolicy':'Forbid'");
    world.now = instant("2026-11-23T15:30:00Z");
    settle(&world);
    assert_string_equal(runs(&world), "15:00");
    assert_int_equal(number(&world, "status/dropped"), 4);
    world_free(&world);
}

static void replace_cancels_only_what_this_trigger_made(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, "2026-11-23T10:30:00Z",
           "'schedule':{'cron':'0 * * * *'},'concurrencyPolicy':'Replace'");
    (void)world_put(&world, KIND_PIPELINE_RUN,
                    "{'metadata':{'name':'by-hand','annotations':{'tidemill.dev/trigger-uid':"
                    "'uid-nightly'}},'spec':{'pipelineRef':{'name':'churn'}}}");
    world.now = instant("2026-11-23T11:00:00Z");
    settle(&world);
    assert_null(world_get(&world, KIND_PIPELINE_RUN, "by-hand", "spec/cancel"));
    world.now = instant("2026-11-23T12:00:00Z");
    settle(&world);
    assert_true(
        json_is_true(world_get(&world, KIND_PIPELINE_RUN, "nightly-29923860", "spec/cancel")));
    world_free(&world);
}

static void a_cancel_that_is_refused_is_a_condition(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, "2026-11-23T10:30:00Z",
           "'schedule':{'cron':'0 * * * *'},'concurrencyPolicy':'Replace'");
    world.now = instant("2026-11-23T11:00:00Z");
    settle(&world);
    world.now = instant("2026-11-23T12:00:00Z");
    struct plan plan = world_plan_trigger(&world, "nightly");
    assert_string_equal(plan_outline(&world, &plan),
                        "status Trigger, patch PipelineRun, create PipelineRun");
    (void)world_carry_out(&world, &plan, WORLD_REFUSED, 1);
    plan = world_plan_trigger(&world, "nightly");
    (void)world_carry_out(&world, &plan, WORLD_REFUSED, 1);
    assert_string_equal(runs(&world), "11:00"); /* the two must not meet */
    assert_string_equal(ready(&world),
                        "False WriteRefused: run nightly-29923860 can't be cancelled, as "
                        "spec.concurrencyPolicy Replace asks: exceeded quota: small; it is tried "
                        "again, or cancel it by hand");
    settle(&world);
    assert_string_equal(runs(&world), "11:00 12:00");
    assert_string_equal(ready(&world), "True Scheduled: next run at 2026-11-23T13:00:00Z");
    world_free(&world);
}

/* ---- what is in the way ---- */

static void a_schedule_that_cannot_be_read_stalls_but_the_pending_firing_completes(void **state)
{
    (void)state;
    static const struct {
        const char *schedule;
        const char *ready;
    } rows[] = {
        {"'cron':'61 * * * *'", "False BadSchedule: spec.schedule.cron: "},
        {"'cron':'59 23 31 2 *'", "False BadSchedule: spec.schedule.cron: "},
        {"'cron':'TZ=UTC 0 3 * * *'", "False BadSchedule: spec.schedule.cron: "},
        {"'cron':'@every 1h'", "False BadSchedule: spec.schedule.cron: "},
        {"'cron':'0 * * * *','timeZone':'Mars/Olympus'",
         "False BadSchedule: spec.schedule.timeZone: there is no time zone \"Mars/Olympus\"; "
         "nothing fires until it is corrected"},
        {"'cron':'0 * * * *','startingDeadline':'1h1h'",
         "False BadSchedule: spec.schedule.startingDeadline: \"1h1h\" is no duration such as 90s "
         "or 1h30m; nothing fires until it is corrected"},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct world world;
        set_up(&world, "2026-11-23T10:30:00Z", "%s", hourly);
        settle(&world);
        world.now = instant("2026-11-23T11:00:00Z");
        struct plan plan = world_plan_trigger(&world, "nightly");
        (void)world_carry_out(&world, &plan, WORLD_CRASH_AFTER, 0); /* the status alone */
        world_merge(&world, KIND_TRIGGER, "nightly", "{'spec':{'schedule':{%s}}}",
                    rows[at].schedule);
        settle(&world);
        assert_string_equal(runs(&world), "11:00");
        assert_string_equal(text(&world, "status/lastRunRef/name"), "nightly-29923860");
        if (!text_starts_with(ready(&world), rows[at].ready)) {
            fail_msg("%s: %s", rows[at].schedule, ready(&world));
        }
        assert_string_equal(world_condition(&world, KIND_TRIGGER, "nightly", "Stalled"),
                            "True BadSchedule: nothing fires until the spec is corrected");
        assert_string_equal(text(&world, "status/nextScheduleTime"), "");

        /* Corrected hours later, it does not make up for times that nobody asked for. */
        world.now = instant("2026-11-23T15:30:00Z");
        settle(&world);
        world_merge(&world, KIND_TRIGGER, "nightly",
                    "{'spec':{'schedule':{'cron':'*/10 * * * *','timeZone':'Etc/UTC',"
                    "'startingDeadline':'1h'}}}");
        settle(&world);
        assert_string_equal(runs(&world), "11:00");
        assert_string_equal(ready(&world), "True Scheduled: next run at 2026-11-23T15:40:00Z");
        assert_string_equal(world_condition(&world, KIND_TRIGGER, "nightly", "Stalled"), "");
        world_free(&world);
    }
}

static void a_zone_that_is_missing_is_looked_for_again(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, "2026-11-23T10:30:00Z",
           "'schedule':{'cron':'0 * * * *','timeZone':'Europe/Berlin'}");
    struct plan plan = world_plan_trigger(&world, "nightly");
    assert_int_equal(plan.wake_at, world.now + MINUTE);
    world_free(&world);
}

static void an_edited_schedule_does_not_make_up_for_its_own_past(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, "2026-11-23T02:00:00Z", "'schedule':{'cron':'0 3 * * *'}");
    settle(&world);
    world.now = instant("2026-11-23T03:00:00Z");
    settle(&world);
    assert_string_equal(runs(&world), "03:00");
    world.now = instant("2026-11-23T15:02:00Z");
    world_merge(&world, KIND_TRIGGER, "nightly", "{'spec':{'schedule':{'cron':'*/5 * * * *'}}}");
    settle(&world);
    assert_string_equal(runs(&world), "03:00");
    assert_int_equal(number(&world, "status/dropped"), 0);
    world.now = instant("2026-11-23T15:05:00Z");
    settle(&world);
    assert_string_equal(runs(&world), "03:00 15:05");

    /* What the old schedule still owed is judged by the new one: the controller was away. */
    world.now = instant("2026-11-23T15:17:00Z");
    world_merge(&world, KIND_TRIGGER, "nightly", "{'spec':{'schedule':{'cron':'*/4 * * * *'}}}");
    settle(&world);
    assert_string_equal(runs(&world), "03:00 15:05 15:16");
    world_free(&world);
}

static void suspend_starts_nothing_and_resume_catches_up(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, "2026-11-23T10:30:00Z",
           "'schedule':{'cron':'0 * * * *','catchUp':{'policy':'All','max':2}},'suspend':true");
    world.now = instant("2026-11-23T15:30:00Z");
    settle(&world);
    assert_string_equal(runs(&world), "");
    assert_true(text_starts_with(ready(&world), "True Suspended: spec.suspend is true"));
    assert_string_equal(text(&world, "status/nextScheduleTime"), "");
    struct plan plan = world_plan_trigger(&world, "nightly");
    assert_int_equal(plan.wake_at, TIME_ABSENT);
    world_merge(&world, KIND_TRIGGER, "nightly", "{'spec':{'suspend':false}}");
    settle(&world);
    assert_string_equal(runs(&world), "14:00 15:00");
    assert_int_equal(number(&world, "status/dropped"), 3);
    world_free(&world);
}

static void suspend_gives_up_a_firing_that_waits(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, "2026-11-23T10:30:00Z",
           "'schedule':{'cron':'0 * * * *'},'concurrencyPolicy':'Queue'");
    world.now = instant("2026-11-23T11:00:00Z");
    settle(&world);
    world.now = instant("2026-11-23T12:00:00Z");
    settle(&world);
    world_merge(&world, KIND_TRIGGER, "nightly", "{'spec':{'suspend':true}}");
    settle(&world);
    end_all_runs(&world);
    settle(&world);
    assert_string_equal(runs(&world), "11:00");
    assert_string_equal(newest_reason(&world), "Suspended");
    world_free(&world);
}

static void nothing_fires_without_its_pipeline_and_times_wait_for_it(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, "2026-11-23T10:30:00Z", "%s", hourly);
    world_remove(&world, KIND_PIPELINE, "churn");
    world.now = instant("2026-11-23T15:30:00Z");
    settle(&world);
    assert_string_equal(runs(&world), "");
    assert_string_equal(ready(&world),
                        "False PipelineNotFound: spec.pipelineRef.name: there is no Pipeline "
                        "\"churn\" in this namespace; nothing fires until it is created");
    assert_string_equal(text(&world, "status/lastScheduleTime"), "");
    (void)world_put(&world, KIND_PIPELINE,
                    "{'metadata':{'name':'churn','deletionTimestamp':'2026-11-23T15:30:00Z'}}");
    settle(&world);
    assert_string_equal(runs(&world), "");
    world_remove(&world, KIND_PIPELINE, "churn");
    (void)world_put(&world, KIND_PIPELINE, "{'metadata':{'name':'churn'}}");
    settle(&world);
    assert_string_equal(runs(&world), "15:00");
    assert_true(text_starts_with(ready(&world), "True Scheduled"));
    world_free(&world);
}

static void a_trigger_on_its_way_out_does_nothing(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, "2026-11-23T10:30:00Z", "%s", hourly);
    world_merge(&world, KIND_TRIGGER, "nightly",
                "{'metadata':{'deletionTimestamp':'2026-11-23T10:40:00Z'}}");
    world.now = instant("2026-11-23T12:00:00Z");
    struct plan plan = world_plan_trigger(&world, "nightly");
    assert_int_equal(plan.count, 0);
    world_free(&world);
}

static void a_name_that_is_taken_is_said_and_the_schedule_goes_on(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, "2026-11-23T10:30:00Z", "%s", hourly);
    (void)world_put(&world, KIND_PIPELINE_RUN,
                    "{'metadata':{'name':'nightly-29923860'},"
                    "'spec':{'pipelineRef':{'name':'churn'}}}");
    world.now = instant("2026-11-23T11:00:00Z");
    settle(&world);
    assert_string_equal(ready(&world),
                        "False NameTaken: run nightly-29923860 for 2026-11-23T11:00:00Z was not "
                        "started: exists already and is not ours; the schedule goes on: next run "
                        "at 2026-11-23T12:00:00Z");
    assert_string_equal(newest_reason(&world), "NameTaken");
    assert_int_equal(number(&world, "status/firings"), 0);
    assert_int_equal(number(&world, "status/dropped"), 1);
    world.now = instant("2026-11-23T12:00:00Z");
    settle(&world);
    assert_int_equal(number(&world, "status/firings"), 1);
    assert_true(text_starts_with(ready(&world), "True Scheduled"));
    world_free(&world);
}

static void a_refused_run_is_tried_again_and_later_times_wait(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, "2026-11-23T10:30:00Z",
           "'schedule':{'cron':'0 * * * *','startingDeadline':'90m'}");
    settle(&world);
    world.now = instant("2026-11-23T11:00:00Z");
    struct plan plan = world_plan_trigger(&world, "nightly");
    (void)world_carry_out(&world, &plan, WORLD_REFUSED, 1);
    plan = world_plan_trigger(&world, "nightly");
    assert_string_equal(plan_outline(&world, &plan), "status Trigger, create PipelineRun");
    assert_int_not_equal(plan_find(&plan, OPERATION_CREATE, KIND_PIPELINE_RUN, 0)->group,
                         plan_find(&plan, OPERATION_PATCH_STATUS, KIND_TRIGGER, 0)->group);
    (void)world_carry_out(&world, &plan, WORLD_REFUSED, 1);
    assert_string_equal(ready(&world),
                        "False QuotaExceeded: run nightly-29923860 can't be created: exceeded "
                        "quota: small; it is tried again");
    /* Refused once more: nothing new to say, but it is tried. */
    plan = world_plan_trigger(&world, "nightly");
    assert_string_equal(plan_outline(&world, &plan), "create PipelineRun");
    (void)world_carry_out(&world, &plan, WORLD_REFUSED, 0);
    assert_int_equal(plan.wake_at, instant("2026-11-23T12:00:00Z"));

    /* After the deadline it is given up, and the times behind it get their turn. */
    world.now = instant("2026-11-23T12:30:01Z");
    settle(&world);
    assert_string_equal(runs(&world), "12:00");
    assert_string_equal(text(&world, "status/recent/0/reason"), "Missed");
    assert_string_equal(text(&world, "status/recent/0/message"),
                        "run nightly-29923860 for 2026-11-23T11:00:00Z was not started: "
                        "spec.schedule.startingDeadline (90m) was over and the API server refused "
                        "it: exceeded quota: small; the schedule goes on");
    assert_string_equal(newest_reason(&world), "CatchUp");
    world_free(&world);
}

/* ---- clock steps (K5) ---- */

static void a_clock_that_steps_back_repeats_nothing(void **state)
{
    (void)state;
    static const int64_t steps[] = {HOUR, DAY, 365 * DAY};
    for (size_t at = 0; at < COUNT_OF(steps); at++) {
        struct world world;
        set_up(&world, "2026-11-23T10:30:00Z", "'schedule':{'cron':'*/10 * * * *'}");
        settle(&world);
        world.now = instant("2026-11-23T11:00:00Z");
        settle(&world);
        assert_string_equal(runs(&world), "11:00");
        world.now -= steps[at];
        for (int minute = 0; minute < 60; minute++) {
            settle(&world);
            world.now += MINUTE;
        }
        assert_string_equal(runs(&world), "11:00");
        assert_string_equal(text(&world, "status/nextScheduleTime"), "2026-11-23T11:10:00Z");
        world.now = instant("2026-11-23T10:20:00Z");
        settle(&world);
        assert_string_equal(ready(&world),
                            "True Scheduled: next run at 2026-11-23T11:10:00Z; the clock is behind "
                            "2026-11-23T11:00:00Z, up to which all was dealt with, so nothing "
                            "fires before it has passed that again");
        world.now = instant("2026-11-23T11:10:00Z");
        settle(&world);
        assert_string_equal(runs(&world), "11:00 11:10");
        world_free(&world);
    }
}

static void a_clock_that_steps_forward_is_a_long_downtime(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, "2026-11-23T10:30:00Z", "'schedule':{'cron':'*/10 * * * *'}");
    world.now += (int64_t)365 * DAY;
    settle(&world);
    assert_int_equal(number(&world, "status/firings"), 1);
    assert_int_equal(number(&world, "status/dropped"), 365 * 144 - 1);
    world.now = instant("2026-11-23T11:00:00Z"); /* it was a mistake */
    settle(&world);
    assert_int_equal(number(&world, "status/firings"), 1);
    assert_string_equal(text(&world, "status/nextScheduleTime"), "2027-11-23T10:40:00Z");
    world_free(&world);
}

/* ---- crashes ---- */

static void a_crash_anywhere_in_a_firing_neither_loses_nor_doubles_it(void **state)
{
    (void)state;
    static const enum world_fault faults[] = {WORLD_CRASH_BEFORE, WORLD_CRASH_AFTER, WORLD_LOST};
    static const char *const policies[] = {"Allow", "Forbid", "Replace", "Queue"};
    for (size_t policy = 0; policy < COUNT_OF(policies); policy++) {
        for (size_t fault = 0; fault < COUNT_OF(faults); fault++) {
            for (size_t at = 0; at < 4; at++) {
                struct world world;
                set_up(&world, "2026-11-23T10:30:00Z",
                       "'schedule':{'cron':'0 * * * *'},'concurrencyPolicy':'%s'",
                       policies[policy]);
                world.now = instant("2026-11-23T11:00:00Z");
                struct plan plan = world_plan_trigger(&world, "nightly");
                (void)world_carry_out(&world, &plan, faults[fault], at);
                plan = world_plan_trigger(&world, "nightly");
                (void)world_carry_out(&world, &plan, faults[fault], at);
                settle(&world);
                assert_string_equal(runs(&world), "11:00");
                assert_int_equal(number(&world, "status/firings"), 1);
                assert_null(world_get(&world, KIND_TRIGGER, "nightly", "status/pending"));
                world_remove(&world, KIND_PIPELINE_RUN, "nightly-29923860");
                settle(&world);
                assert_string_equal(runs(&world), ""); /* never again */
                world_free(&world);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_firing_is_written_down_then_made_then_done),
        cmocka_unit_test(several_missed_times_replace_a_run_and_say_what_was_dropped),
        cmocka_unit_test(catch_up_and_deadline_decide_about_missed_times),
        cmocka_unit_test(what_was_dropped_is_said_once_with_its_reasons),
        cmocka_unit_test(only_the_last_ten_decisions_are_kept),
        cmocka_unit_test(local_clock_changes_neither_lose_nor_double_a_run),
        cmocka_unit_test(concurrency_policy_decides_while_a_run_is_under_way),
        cmocka_unit_test(one_firing_waits_in_the_queue_and_the_times_behind_it_are_caught_up),
        cmocka_unit_test(forbid_keeps_the_newest_of_several_missed_times),
        cmocka_unit_test(replace_cancels_only_what_this_trigger_made),
        cmocka_unit_test(a_cancel_that_is_refused_is_a_condition),
        cmocka_unit_test(a_schedule_that_cannot_be_read_stalls_but_the_pending_firing_completes),
        cmocka_unit_test(a_zone_that_is_missing_is_looked_for_again),
        cmocka_unit_test(an_edited_schedule_does_not_make_up_for_its_own_past),
        cmocka_unit_test(suspend_starts_nothing_and_resume_catches_up),
        cmocka_unit_test(suspend_gives_up_a_firing_that_waits),
        cmocka_unit_test(nothing_fires_without_its_pipeline_and_times_wait_for_it),
        cmocka_unit_test(a_trigger_on_its_way_out_does_nothing),
        cmocka_unit_test(a_name_that_is_taken_is_said_and_the_schedule_goes_on),
        cmocka_unit_test(a_refused_run_is_tried_again_and_later_times_wait),
        cmocka_unit_test(a_clock_that_steps_back_repeats_nothing),
        cmocka_unit_test(a_clock_that_steps_forward_is_a_long_downtime),
        cmocka_unit_test(a_crash_anywhere_in_a_firing_neither_loses_nor_doubles_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
