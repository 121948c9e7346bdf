/*
 * Which times of a schedule start a run, which are dropped and what is said of them, when nobody
 * looked, the spec changes or clocks jump (plan/trigger_schedule.c, plan/trigger_due.c).
 */

#include "support/test.h"

#include "core/text.h"
#include "plan/reasons.h"
#include "support/schedule_world.h"
#include "unit/cron/zones.h"

#include <string.h>

enum { MINUTE = 60, HOUR = 3600, DAY = 86400 };

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
        schedule_world_init(&world, "2026-11-23T10:30:00Z", "'schedule':{%s}", rows[at].schedule);
        world.now = schedule_instant(rows[at].back);
        schedule_settle(&world);
        if (strcmp(schedule_runs(&world), rows[at].runs) != 0 ||
            schedule_number(&world, "status/dropped") != rows[at].dropped ||
            strcmp(schedule_text(&world, "status/lastScheduleTime"), rows[at].last) != 0) {
            fail_msg("%s: ran [%s], dropped %lld, last %s", rows[at].sentence,
                     schedule_runs(&world), (long long)schedule_number(&world, "status/dropped"),
                     schedule_text(&world, "status/lastScheduleTime"));
        }
        world_free(&world);
    }
}

static void what_was_dropped_is_said_once_with_its_reasons(void **state)
{
    (void)state;
    struct world world;
    schedule_world_init(&world, "2026-11-23T10:30:00Z",
                        "'schedule':{'cron':'0 * * * *','startingDeadline':'2h30m'}");
    world.now = schedule_instant("2026-11-23T15:30:00Z");
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
    assert_string_equal(schedule_newest_reason(&world), REASON_CATCH_UP);
    assert_int_equal(json_array_size(world_get(&world, KIND_TRIGGER, "nightly", "status/recent")),
                     2);
    world_free(&world);
}

static void only_the_last_ten_decisions_are_kept(void **state)
{
    (void)state;
    struct world world;
    schedule_world_init(&world, "2026-11-23T10:30:00Z", "'schedule':{'cron':'* * * * *'}");
    for (int at = 0; at < 25; at++) {
        world.now += MINUTE;
        schedule_settle(&world);
    }
    assert_int_equal(json_array_size(world_get(&world, KIND_TRIGGER, "nightly", "status/recent")),
                     10);
    assert_string_equal(schedule_text(&world, "status/recent/0/scheduledTime"),
                        "2026-11-23T10:46:00Z");
    assert_string_equal(schedule_text(&world, "status/recent/9/scheduledTime"),
                        "2026-11-23T10:55:00Z");
    assert_int_equal(schedule_number(&world, "status/firings"), 25);
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
        schedule_world_init(&world, rows[at].from, "'schedule':{'cron':'%s','timeZone':'%s'}",
                            rows[at].cron, rows[at].zone);
        world.zone = load_zone(&zones, rows[at].zone);
        for (int64_t minute = 0; minute < rows[at].hours * MINUTE; minute++) {
            world.now += MINUTE;
            schedule_settle(&world);
        }
        if (strcmp(schedule_runs(&world), rows[at].runs) != 0) {
            fail_msg("%s: ran [%s]", rows[at].sentence, schedule_runs(&world));
        }
        world_free(&world);
        arena_free(&zones);
    }
}

/* ---- specs that can't be read or change ---- */

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
        schedule_world_init(&world, "2026-11-23T10:30:00Z", "%s", SCHEDULE_HOURLY);
        schedule_settle(&world);
        world.now = schedule_instant("2026-11-23T11:00:00Z");
        struct plan plan = world_plan_trigger(&world, "nightly");
        (void)world_carry_out(&world, &plan, WORLD_CRASH_AFTER, 0); /* the status alone */
        world_merge(&world, KIND_TRIGGER, "nightly", "{'spec':{'schedule':{%s}}}",
                    rows[at].schedule);
        schedule_settle(&world);
        assert_string_equal(schedule_runs(&world), "11:00");
        assert_string_equal(schedule_text(&world, "status/lastRunRef/name"), "nightly-29923860");
        if (!text_starts_with(schedule_ready(&world), rows[at].ready)) {
            fail_msg("%s: %s", rows[at].schedule, schedule_ready(&world));
        }
        assert_string_equal(world_condition(&world, KIND_TRIGGER, "nightly", "Stalled"),
                            "True BadSchedule: nothing fires until the spec is corrected");
        assert_string_equal(schedule_text(&world, "status/nextScheduleTime"), "");

        /* Corrected hours later, it does not make up for times that nobody asked for. */
        world.now = schedule_instant("2026-11-23T15:30:00Z");
        schedule_settle(&world);
        world_merge(&world, KIND_TRIGGER, "nightly",
                    "{'spec':{'schedule':{'cron':'*/10 * * * *','timeZone':'Etc/UTC',"
                    "'startingDeadline':'1h'}}}");
        schedule_settle(&world);
        assert_string_equal(schedule_runs(&world), "11:00");
        assert_string_equal(schedule_ready(&world),
                            "True Scheduled: next run at 2026-11-23T15:40:00Z");
        assert_string_equal(world_condition(&world, KIND_TRIGGER, "nightly", "Stalled"), "");
        world_free(&world);
    }
}

static void a_zone_that_is_missing_is_looked_for_again(void **state)
{
    (void)state;
    struct world world;
    schedule_world_init(&world, "2026-11-23T10:30:00Z",
                        "'schedule':{'cron':'0 * * * *','timeZone':'Europe/Berlin'}");
    struct plan plan = world_plan_trigger(&world, "nightly");
    assert_int_equal(plan.wake_at, world.now + MINUTE);
    world_free(&world);
}

static void an_edited_schedule_does_not_make_up_for_its_own_past(void **state)
{
    (void)state;
    struct world world;
    schedule_world_init(&world, "2026-11-23T02:00:00Z", "'schedule':{'cron':'0 3 * * *'}");
    schedule_settle(&world);
    world.now = schedule_instant("2026-11-23T03:00:00Z");
    schedule_settle(&world);
    assert_string_equal(schedule_runs(&world), "03:00");
    world.now = schedule_instant("2026-11-23T15:02:00Z");
    world_merge(&world, KIND_TRIGGER, "nightly", "{'spec':{'schedule':{'cron':'*/5 * * * *'}}}");
    schedule_settle(&world);
    assert_string_equal(schedule_runs(&world), "03:00");
    assert_int_equal(schedule_number(&world, "status/dropped"), 0);
    world.now = schedule_instant("2026-11-23T15:05:00Z");
    schedule_settle(&world);
    assert_string_equal(schedule_runs(&world), "03:00 15:05");

    /* What the old schedule still owed is judged by the new one: the controller was away. */
    world.now = schedule_instant("2026-11-23T15:17:00Z");
    world_merge(&world, KIND_TRIGGER, "nightly", "{'spec':{'schedule':{'cron':'*/4 * * * *'}}}");
    schedule_settle(&world);
    assert_string_equal(schedule_runs(&world), "03:00 15:05 15:16");
    world_free(&world);
}

/* ---- clock steps (K5) ---- */

static void a_clock_that_steps_back_repeats_nothing(void **state)
{
    (void)state;
    static const int64_t steps[] = {HOUR, DAY, 365 * DAY};
    for (size_t at = 0; at < COUNT_OF(steps); at++) {
        struct world world;
        schedule_world_init(&world, "2026-11-23T10:30:00Z", "'schedule':{'cron':'*/10 * * * *'}");
        schedule_settle(&world);
        world.now = schedule_instant("2026-11-23T11:00:00Z");
        schedule_settle(&world);
        assert_string_equal(schedule_runs(&world), "11:00");
        world.now -= steps[at];
        for (int minute = 0; minute < 60; minute++) {
            schedule_settle(&world);
            world.now += MINUTE;
        }
        assert_string_equal(schedule_runs(&world), "11:00");
        assert_string_equal(schedule_text(&world, "status/nextScheduleTime"),
                            "2026-11-23T11:10:00Z");
        world.now = schedule_instant("2026-11-23T10:20:00Z");
        schedule_settle(&world);
        assert_string_equal(schedule_ready(&world),
                            "True Scheduled: next run at 2026-11-23T11:10:00Z; the clock is behind "
                            "2026-11-23T11:00:00Z, up to which all was dealt with, so nothing "
                            "fires before it has passed that again");
        world.now = schedule_instant("2026-11-23T11:10:00Z");
        schedule_settle(&world);
        assert_string_equal(schedule_runs(&world), "11:00 11:10");
        world_free(&world);
    }
}

static void a_clock_that_steps_forward_is_a_long_downtime(void **state)
{
    (void)state;
    struct world world;
    schedule_world_init(&world, "2026-11-23T10:30:00Z", "'schedule':{'cron':'*/10 * * * *'}");
    world.now += (int64_t)365 * DAY;
    schedule_settle(&world);
    assert_int_equal(schedule_number(&world, "status/firings"), 1);
    assert_int_equal(schedule_number(&world, "status/dropped"), 365 * 144 - 1);
    world.now = schedule_instant("2026-11-23T11:00:00Z"); /* it was a mistake */
    schedule_settle(&world);
    assert_int_equal(schedule_number(&world, "status/firings"), 1);
    assert_string_equal(schedule_text(&world, "status/nextScheduleTime"), "2027-11-23T10:40:00Z");
    world_free(&world);
}

static void of_several_fields_that_can_t_be_read_the_first_is_told(void **state)
{
    (void)state;
    struct world world;
    schedule_world_init(&world, "2026-11-23T10:30:00Z",
                        "'schedule':{'cron':'0 * * *','startingDeadline':'soon'},"
                        "'cooldown':'later'");
    schedule_settle(&world);
    assert_true(
        text_starts_with(schedule_ready(&world), "False BadSchedule: spec.schedule.cron: "));
    world_merge(&world, KIND_TRIGGER, "nightly", "{'spec':{'schedule':{'cron':'0 * * * *'}}}");
    schedule_settle(&world);
    assert_true(text_starts_with(schedule_ready(&world),
                                 "False BadSchedule: spec.schedule.startingDeadline: \"soon\""));
    world_merge(&world, KIND_TRIGGER, "nightly", "{'spec':{'schedule':{'startingDeadline':'3h'}}}");
    schedule_settle(&world);
    assert_true(
        text_starts_with(schedule_ready(&world), "False InvalidSpec: spec.cooldown: \"later\""));
    world_free(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(catch_up_and_deadline_decide_about_missed_times),
        cmocka_unit_test(what_was_dropped_is_said_once_with_its_reasons),
        cmocka_unit_test(only_the_last_ten_decisions_are_kept),
        cmocka_unit_test(local_clock_changes_neither_lose_nor_double_a_run),
        cmocka_unit_test(a_schedule_that_cannot_be_read_stalls_but_the_pending_firing_completes),
        cmocka_unit_test(a_zone_that_is_missing_is_looked_for_again),
        cmocka_unit_test(an_edited_schedule_does_not_make_up_for_its_own_past),
        cmocka_unit_test(a_clock_that_steps_back_repeats_nothing),
        cmocka_unit_test(a_clock_that_steps_forward_is_a_long_downtime),
        cmocka_unit_test(of_several_fields_that_can_t_be_read_the_first_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
