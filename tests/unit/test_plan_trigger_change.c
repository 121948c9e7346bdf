/* Triggers whose source is at some revision (plan/trigger_change.c), and the gate before them. */

#include "support/test.h"

#include "api/trigger.h"
#include "core/civil.h"
#include "core/text.h"
#include "plan/reasons.h"
#include "support/trigger_world.h"

#include <string.h>

#define HTTP "'http':{'url':'http://data/x'}"

static void each_change_starts_one_run_and_a_b_a_are_three(void **state)
{
    (void)state;
    struct world world;
    trigger_world_init(&world, HTTP);
    assert_int_equal(trigger_settle(&world), 1);
    trigger_expect_ready(&world, "False SourceAsked: ");
    static const char *const revisions[] = {"A", "A", "B", "A", "A"};
    for (size_t at = 0; at < COUNT_OF(revisions); at++) {
        world.now += MINUTE;
        trigger_see(&world, revisions[at]);
        (void)trigger_settle(&world);
    }
    assert_string_equal(trigger_fired(&world), "A B A ");
    trigger_expect_ready(&world, "True Watching: data at A");
    assert_string_equal(world_text(&world, KIND_TRIGGER, "t", "status/observedRevision"), "A");
    assert_int_equal(world_integer(&world, KIND_TRIGGER, "t", "status/firings"), 3);
    world_free(&world);
}

/* At each write, done or not, answered or not: never two runs for one change, and never none. */
static void a_crash_anywhere_neither_loses_nor_doubles_a_change(void **state)
{
    (void)state;
    static const enum world_fault faults[] = {WORLD_CRASH_BEFORE, WORLD_CRASH_AFTER, WORLD_LOST,
                                              WORLD_REFUSED};
    enum { WRITES = 4 };
    for (size_t fault = 0; fault < COUNT_OF(faults); fault++) {
        for (size_t at = 0; at < WRITES; at++) {
            struct world world;
            trigger_world_init(&world, HTTP);
            (void)trigger_settle(&world);
            trigger_see(&world, "A");
            size_t writes = 0;
            for (int round = 0; round < 6; round++) {
                struct plan plan = world_plan_trigger(&world, "t");
                size_t here = world_count_writes(&plan);
                bool hits = at >= writes && at < writes + here;
                (void)world_carry_out(&world, &plan, hits ? faults[fault] : WORLD_NO_FAULT,
                                      at - writes);
                writes += here;
            }
            world_forget_facts(&world);
            (void)trigger_settle(&world);
            assert_string_equal(trigger_fired(&world), "A ");
            world_free(&world);
        }
    }
}

static void a_restart_says_and_writes_nothing_until_the_source_has_answered(void **state)
{
    (void)state;
    struct world world;
    trigger_world_init(&world, HTTP);
    trigger_see(&world, "A");
    (void)trigger_settle(&world);
    world.sighting = NULL;
    assert_int_equal(trigger_settle(&world), 0);
    trigger_expect_ready(&world, "True Watching: data at A");
    world_merge(&world, KIND_TRIGGER, "t", "{'spec':{'http':{'url':'http://data/y'}}}");
    (void)trigger_settle(&world);
    trigger_expect_ready(&world, "False SourceAsked: "); /* what was said was of another spec */
    world_free(&world);
}

static void a_source_that_is_absent_or_fails_never_fires_and_says_why(void **state)
{
    (void)state;
    struct world world;
    trigger_world_init(&world, HTTP);
    trigger_see(&world, "A");
    (void)trigger_settle(&world);
    *trigger_sighting() = (struct sighting){.state = SIGHTING_FAILED,
                                            .message = "http://data/x: 503"};
    (void)trigger_settle(&world);
    assert_string_equal(trigger_ready(&world), "False SourceFailed: http://data/x: 503");
    *trigger_sighting() = (struct sighting){.state = SIGHTING_ABSENT,
                                            .message = "http://data/x: 404"};
    (void)trigger_settle(&world);
    assert_string_equal(trigger_ready(&world), "False SourceAbsent: http://data/x: 404");
    trigger_see(&world, "A");
    (void)trigger_settle(&world);
    trigger_expect_ready(&world, "True Watching: ");
    assert_string_equal(trigger_fired(&world), "A ");
    world_free(&world);
}

/* A value within its bounds: noted, so that the next breach is another revision. */
static void a_quiet_revision_is_noted_and_starts_nothing(void **state)
{
    (void)state;
    struct world world;
    trigger_world_init(&world, "'prometheus':{'query':'x','above':'1','url':'http://prometheus'}");
    static const struct {
        const char *revision;
        bool quiet;
        const char *fired;
    } rows[] = {
        {"ok", true, ""},        {"breach", false, "breach "},        {"breach", false, "breach "},
        {"ok", true, "breach "}, {"breach", false, "breach breach "},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        trigger_see(&world, rows[at].revision);
        trigger_sighting()->quiet = rows[at].quiet;
        (void)trigger_settle(&world);
        assert_string_equal(trigger_fired(&world), rows[at].fired);
    }
    *trigger_sighting() = (struct sighting){.state = SIGHTING_NOT_YET,
                                            .revision = "not-yet",
                                            .quiet = true,
                                            .summary = "2 is over 1, not for 5m"};
    (void)trigger_settle(&world);
    assert_string_equal(trigger_ready(&world), "True Watching: 2 is over 1, not for 5m");
    assert_string_equal(trigger_fired(&world), "breach breach ");
    assert_string_equal(world_text(&world, KIND_TRIGGER, "t", "status/observedRevision"),
                        "not-yet");
    trigger_sighting()->quiet = false; /* it is above by what would fire, and not for long enough */
    trigger_sighting()->revision = "another";
    (void)trigger_settle(&world);
    assert_string_equal(world_text(&world, KIND_TRIGGER, "t", "status/observedRevision"),
                        "not-yet");
    trigger_see(&world, "breach"); /* polls are rare: "ok" between the two was never seen */
    (void)trigger_settle(&world);
    assert_string_equal(trigger_fired(&world), "breach breach breach ");
    world_free(&world);
}

/* Looked at when the time is over: what was found before it says nothing. */
static void a_change_waits_until_it_has_stayed_for_debounce(void **state)
{
    (void)state;
    struct world world;
    trigger_world_init(&world, HTTP ",'debounce':'2m'");
    trigger_see(&world, "A");
    (void)trigger_settle(&world);
    assert_string_equal(trigger_fired(&world), "");
    trigger_expect_ready(&world,
                         "True Debouncing: data at A, and starts no run yet: spec.debounce (2m)");
    assert_int_equal(trigger_wake_at(&world), START + 2 * MINUTE);
    world.now += MINUTE;
    trigger_see(&world, "B");
    (void)trigger_settle(&world);
    world.now += MINUTE;
    (void)trigger_settle(&world);
    assert_string_equal(trigger_fired(&world), "");
    world.now += MINUTE;
    (void)trigger_settle(&world);
    assert_string_equal(trigger_fired(&world), "");
    trigger_expect_ready(&world,
                         "True Debouncing: data at B, and starts no run yet: spec.debounce (2m)");
    trigger_sighting()->seen = world.now; /* looked at once more */
    (void)trigger_settle(&world);
    assert_string_equal(trigger_fired(&world), "B ");
    world_free(&world);
}

static void a_change_in_the_cooldown_waits_and_the_newest_fires(void **state)
{
    (void)state;
    struct world world;
    trigger_world_init(&world, HTTP ",'cooldown':'1h'");
    trigger_see(&world, "A");
    (void)trigger_settle(&world);
    world.now += MINUTE;
    trigger_see(&world, "B");
    (void)trigger_settle(&world);
    trigger_expect_ready(&world,
                         "True Cooldown: data at B, and starts no run yet: spec.cooldown (1h)");
    assert_int_equal(trigger_wake_at(&world), START + HOUR);
    trigger_see(&world, "C");
    world.now = START + HOUR;
    (void)trigger_settle(&world);
    assert_string_equal(trigger_fired(&world), "A C ");
    world_free(&world);
}

static void a_budget_bounds_the_runs_of_its_window(void **state)
{
    (void)state;
    struct world world;
    trigger_world_init(&world, HTTP ",'budget':{'runs':2,'per':'24h'}");
    static const char *const revisions[] = {"A", "B", "C", "D"};
    for (size_t at = 0; at < COUNT_OF(revisions); at++) {
        world.now = START + (int64_t)at * HOUR;
        trigger_see(&world, revisions[at]);
        (void)trigger_settle(&world);
    }
    assert_string_equal(trigger_fired(&world), "A B ");
    trigger_expect_ready(&world,
                         "True BudgetUsed: data at D, and starts no run yet: spec.budget (2 runs");
    assert_int_equal(trigger_wake_at(&world), START + DAY);
    world.now = START + DAY;
    (void)trigger_settle(&world);
    assert_string_equal(trigger_fired(&world), "A B D ");
    assert_int_equal(world_integer(&world, KIND_TRIGGER, "t", "status/budgetUsed"), 1);
    world_merge(&world, KIND_TRIGGER, "t", "{'spec':{'budget':null}}");
    (void)trigger_settle(&world);
    assert_null(world_get(&world, KIND_TRIGGER, "t", "status/budgetSince"));
    world_free(&world);
}

static void of_two_gates_the_one_that_opens_last_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *spec;
        const char *ready;
        int64_t opens;
    } rows[] = {
        {HTTP ",'cooldown':'2h','budget':{'runs':1,'per':'24h'}",
         "True BudgetUsed: data at B, and starts no run yet: spec.budget (1 runs", START + DAY},
        {HTTP ",'cooldown':'48h','budget':{'runs':1,'per':'24h'}",
         "True Cooldown: data at B, and starts no run yet: spec.cooldown (48h)", START + 2 * DAY},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct world world;
        trigger_world_init(&world, rows[at].spec);
        trigger_see(&world, "A");
        (void)trigger_settle(&world);
        world.now = START + HOUR;
        trigger_see(&world, "B");
        (void)trigger_settle(&world);
        trigger_expect_ready(&world, rows[at].ready);
        assert_int_equal(trigger_wake_at(&world), rows[at].opens);
        assert_string_equal(trigger_fired(&world), "A ");
        world_free(&world);
    }
}

static void a_time_of_a_schedule_behind_the_gate_is_skipped_and_counted(void **state)
{
    (void)state;
    struct world world;
    trigger_world_init(&world,
                       "'schedule':{'cron':'0 * * * *','timeZone':'Etc/UTC'},'cooldown':'90m'");
    for (int hours = 0; hours < 4; hours++) {
        world.now = START / HOUR * HOUR + HOUR * (hours + 1);
        (void)trigger_settle(&world);
        trigger_end_runs(&world, "Succeeded");
    }
    assert_int_equal(world_integer(&world, KIND_TRIGGER, "t", "status/firings"), 2);
    assert_int_equal(world_integer(&world, KIND_TRIGGER, "t", "status/dropped"), 2);
    const json_t *recent = world_get(&world, KIND_TRIGGER, "t", "status/recent");
    assert_string_equal(json_string_value(json_object_get(json_array_get(recent, 1), "reason")),
                        "Cooldown");
    world_free(&world);
}

struct concurrency_row {
    const char *policy;
    const char *at_once; /* revisions fired while the run before goes on */
    const char *later;   /* and when it has ended */
};

static void concurrency_policy_decides_what_a_change_does_beside_a_run(void **state)
{
    (void)state;
    static const struct concurrency_row rows[] = {
        {"Allow", "A B ", "A B "},
        {"Forbid", "A ", "A B "},
        {"Replace", "A B ", "A B "},
        {"Queue", "A ", "A B "},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct world world;
        char spec[128];
        (void)snprintf(spec, sizeof(spec), HTTP ",'concurrencyPolicy':'%s'", rows[at].policy);
        trigger_world_init(&world, spec);
        trigger_see(&world, "A");
        (void)trigger_settle(&world);
        trigger_see(&world, "B");
        (void)trigger_settle(&world);
        assert_string_equal(trigger_fired(&world), rows[at].at_once);
        trigger_end_runs(&world, "Succeeded");
        (void)trigger_settle(&world);
        assert_string_equal(trigger_fired(&world), rows[at].later);
        world_free(&world);
    }
}

static void a_change_while_suspended_fires_once_when_it_is_over(void **state)
{
    (void)state;
    struct world world;
    trigger_world_init(&world, HTTP ",'suspend':true");
    trigger_see(&world, "A");
    (void)trigger_settle(&world);
    trigger_see(&world, "B");
    (void)trigger_settle(&world);
    trigger_expect_ready(&world,
                         "True Suspended: spec.suspend is true: nothing fires; when it is set");
    world_merge(&world, KIND_TRIGGER, "t", "{'spec':{'suspend':false}}");
    (void)trigger_settle(&world);
    assert_string_equal(trigger_fired(&world), "B ");
    world_free(&world);
}

static void each_reason_to_wait_is_recorded_once(void **state)
{
    (void)state;
    struct world world;
    trigger_world_init(&world, HTTP ",'concurrencyPolicy':'Forbid','cooldown':'1h'");
    static const char *const revisions[] = {"A", "B", "C", "D"};
    for (size_t at = 0; at < COUNT_OF(revisions); at++) {
        trigger_see(&world, revisions[at]);
        (void)trigger_settle(&world);
    }
    assert_string_equal(trigger_recent(&world), "Fired StillRunning ");
    trigger_end_runs(&world, "Succeeded");
    (void)trigger_settle(&world);
    assert_string_equal(trigger_recent(&world), "Fired StillRunning Cooldown ");
    world_free(&world);
}

/* A queued firing is given up by suspend, and its revision counts as new again. */
static void a_queued_change_that_is_given_up_is_not_lost(void **state)
{
    (void)state;
    struct world world;
    trigger_world_init(&world, HTTP ",'concurrencyPolicy':'Queue'");
    trigger_see(&world, "A");
    (void)trigger_settle(&world);
    trigger_see(&world, "B");
    (void)trigger_settle(&world);
    world_merge(&world, KIND_TRIGGER, "t", "{'spec':{'suspend':true}}");
    (void)trigger_settle(&world);
    assert_null(world_get(&world, KIND_TRIGGER, "t", "status/pending/run"));
    trigger_end_runs(&world, "Succeeded");
    world_merge(&world, KIND_TRIGGER, "t", "{'spec':{'suspend':false}}");
    (void)trigger_settle(&world);
    assert_string_equal(trigger_fired(&world), "A B ");
    world_free(&world);
}

static void parameters_take_what_the_source_said_at_the_firing(void **state)
{
    (void)state;
    struct world world;
    trigger_world_init(&world,
                       HTTP ",'params':[{'name':'tag','from':'etag'},{'name':'seed','value':'7'},"
                            "{'name':'none','from':'nothing'}]");
    const struct name_value values[] = {{"etag", "abc"}, {"other", "x"}};
    trigger_see(&world, "A");
    trigger_sighting()->values = values;
    trigger_sighting()->value_count = COUNT_OF(values);
    struct plan plan = world_plan_trigger(&world, "t");
    (void)world_carry_out(&world, &plan, WORLD_CRASH_AFTER, 0);
    world.sighting = NULL; /* the next process knows what was written down alone */
    (void)trigger_settle(&world);
    const char *run = world_text(&world, KIND_TRIGGER, "t", "status/lastRunRef/name");
    const json_t *params = world_get(&world, KIND_PIPELINE_RUN, run, "spec/params");
    assert_int_equal(json_array_size(params), 2);
    assert_string_equal(world_text(&world, KIND_PIPELINE_RUN, run, "spec/params/0/value"), "abc");
    assert_string_equal(world_text(&world, KIND_PIPELINE_RUN, run, "spec/params/1/value"), "7");
    assert_string_equal(world_text(&world, KIND_PIPELINE_RUN, run, "spec/cause/message"),
                        "data at A");
    world_free(&world);
}

/* ---- What is new in a bucket ---- */

#define BUCKET "'bucket':{'endpoint':'http://s3','bucket':'lake'}"

/* It was told by the mark `before`, and leaves `mark` when a run is made for it. */
static void see_news(struct world *world, const char *revision, const char *before,
                     const char *mark)
{
    trigger_see(world, revision);
    struct sighting *seen = trigger_sighting();
    seen->news = arena_print(&world->arena, "%s since %s", revision, before ? before : "ever");
    seen->before = before;
    seen->mark = mark;
}

static const char *mark_of(struct world *world)
{
    return world_text(world, KIND_TRIGGER, "t", "status/observedMark");
}

static void a_run_is_told_what_is_new_since_the_run_before(void **state)
{
    (void)state;
    struct world world;
    trigger_world_init(&world, BUCKET);
    see_news(&world, "A", NULL, "mark-A");
    (void)trigger_settle(&world);
    assert_string_equal(mark_of(&world), "mark-A");
    trigger_expect_ready(&world, "True Watching: data at A");
    see_news(&world, "B", "mark-A", "mark-B");
    (void)trigger_settle(&world);
    assert_string_equal(mark_of(&world), "mark-B");
    const char *run = world_text(&world, KIND_TRIGGER, "t", "status/lastRunRef/name");
    assert_string_equal(world_text(&world, KIND_PIPELINE_RUN, run, "spec/cause/message"),
                        "B since mark-A");
    assert_string_equal(world_text(&world, KIND_TRIGGER, "t", "status/recent/1/message"),
                        arena_print(&world.arena, "run %s was started for B since mark-A", run));
    world_free(&world);
}

/* Asked before the newest run was made: it would name that run's objects once more. */
static void what_was_told_by_an_older_mark_starts_nothing(void **state)
{
    (void)state;
    struct world world;
    trigger_world_init(&world, BUCKET);
    see_news(&world, "A", NULL, "mark-A");
    (void)trigger_settle(&world);
    see_news(&world, "B", NULL, "mark-B");
    (void)trigger_settle(&world);
    assert_string_equal(trigger_fired(&world), "A ");
    see_news(&world, "B", "mark-A", "mark-B");
    (void)trigger_settle(&world);
    assert_string_equal(trigger_fired(&world), "A B ");
    world_free(&world);
}

/* The objects of a firing whose run was never made are new to the next one. */
static void a_firing_that_is_given_up_leaves_no_mark(void **state)
{
    (void)state;
    struct world world;
    trigger_world_init(&world, BUCKET ",'concurrencyPolicy':'Queue'");
    see_news(&world, "A", NULL, "mark-A");
    (void)trigger_settle(&world);
    see_news(&world, "B", "mark-A", "mark-B");
    (void)trigger_settle(&world);
    assert_string_equal(world_text(&world, KIND_TRIGGER, "t", "status/pending/mark"), "mark-B");
    assert_string_equal(mark_of(&world), "mark-A");
    world_merge(&world, KIND_TRIGGER, "t", "{'spec':{'suspend':true}}");
    (void)trigger_settle(&world);
    assert_string_equal(mark_of(&world), "mark-A");
    world_free(&world);
}

static void a_schedule_gives_its_time_to_parameters(void **state)
{
    (void)state;
    struct world world;
    trigger_world_init(&world, "'schedule':{'cron':'0 * * * *','timeZone':'Etc/UTC'},"
                               "'params':[{'name':'day','from':'scheduledTime'}]");
    (void)trigger_settle(&world);
    world.now += HOUR;
    (void)trigger_settle(&world);
    const char *run = world_text(&world, KIND_TRIGGER, "t", "status/lastRunRef/name");
    assert_string_equal(world_text(&world, KIND_PIPELINE_RUN, run, "spec/params/0/value"),
                        "1970-01-12T14:00:00Z");
    world_free(&world);
}

static void a_schedule_without_any_time_left_says_so(void **state)
{
    (void)state;
    struct world world;
    int64_t last_summer = 0;
    assert_true(civil_parse("9999-07-01T00:00:00Z", &last_summer));
    trigger_world_init(&world, "'schedule':{'cron':'0 0 1 1 *','catchUp':{'policy':'None'}}");
    world.now = last_summer;
    (void)trigger_settle(&world);
    assert_string_equal(trigger_ready(&world), "True Scheduled: no time of the schedule is left");
    assert_string_equal(world_text(&world, KIND_TRIGGER, "t", "status/nextScheduleTime"), "");
    assert_int_equal(trigger_wake_at(&world), TIME_ABSENT);
    world_free(&world);
}

static void durations_that_can_t_be_read_stall(void **state)
{
    (void)state;
    static const char *const specs[] = {"'cooldown':'1d'", "'debounce':'soon'",
                                        "'budget':{'runs':1,'per':'x'}"};
    static const char *const fields[] = {"spec.cooldown: \"1d\"", "spec.debounce: \"soon\"",
                                         "spec.budget.per: \"x\""};
    for (size_t at = 0; at < COUNT_OF(specs); at++) {
        struct world world;
        char spec[128];
        (void)snprintf(spec, sizeof(spec), HTTP ",%s", specs[at]);
        trigger_world_init(&world, spec);
        trigger_see(&world, "A");
        (void)trigger_settle(&world);
        assert_string_equal(trigger_fired(&world), "");
        trigger_expect_ready(&world, "False InvalidSpec: ");
        assert_non_null(strstr(trigger_ready(&world), fields[at]));
        world_free(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_change_starts_one_run_and_a_b_a_are_three),
        cmocka_unit_test(a_crash_anywhere_neither_loses_nor_doubles_a_change),
        cmocka_unit_test(a_restart_says_and_writes_nothing_until_the_source_has_answered),
        cmocka_unit_test(a_source_that_is_absent_or_fails_never_fires_and_says_why),
        cmocka_unit_test(a_quiet_revision_is_noted_and_starts_nothing),
        cmocka_unit_test(a_change_waits_until_it_has_stayed_for_debounce),
        cmocka_unit_test(a_change_in_the_cooldown_waits_and_the_newest_fires),
        cmocka_unit_test(a_budget_bounds_the_runs_of_its_window),
        cmocka_unit_test(of_two_gates_the_one_that_opens_last_is_told),
        cmocka_unit_test(a_time_of_a_schedule_behind_the_gate_is_skipped_and_counted),
        cmocka_unit_test(concurrency_policy_decides_what_a_change_does_beside_a_run),
        cmocka_unit_test(a_change_while_suspended_fires_once_when_it_is_over),
        cmocka_unit_test(each_reason_to_wait_is_recorded_once),
        cmocka_unit_test(a_queued_change_that_is_given_up_is_not_lost),
        cmocka_unit_test(parameters_take_what_the_source_said_at_the_firing),
        cmocka_unit_test(a_run_is_told_what_is_new_since_the_run_before),
        cmocka_unit_test(what_was_told_by_an_older_mark_starts_nothing),
        cmocka_unit_test(a_firing_that_is_given_up_leaves_no_mark),
        cmocka_unit_test(a_schedule_gives_its_time_to_parameters),
        cmocka_unit_test(a_schedule_without_any_time_left_says_so),
        cmocka_unit_test(durations_that_can_t_be_read_stall),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
