/* A firing of a Trigger: how it gets its run once, beside other runs, and what is in its way. */

#include "support/test.h"

#include "core/text.h"
#include "support/golden.h"
#include "support/schedule_world.h"
#include "unit/cron/zones.h"

#include <string.h>

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

/* ---- goldens ---- */

static void a_firing_is_written_down_then_made_then_done(void **state)
{
    (void)state;
    struct world world;
    schedule_world_init(&world, "2026-11-23T10:30:00Z", "%s", SCHEDULE_HOURLY);
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
        world.now = schedule_instant(rows[at].time);
        struct plan plan = world_plan_trigger(&world, "nightly");
        golden_check(rows[at].golden, golden_describe_plan(&world.arena, &plan, true));
        assert_true(world_carry_out(&world, &plan, WORLD_NO_FAULT, 0));
    }
    assert_string_equal(schedule_text(&world, "status/lastRunRef/name"), "nightly-29923860");
    assert_int_equal(schedule_number(&world, "status/firings"), 1);
    assert_int_equal(world.writes, 4); /* the first look; status, run, status */
    world_free(&world);
}

static void several_missed_times_replace_a_run_and_say_what_was_dropped(void **state)
{
    (void)state;
    struct world world;
    schedule_world_init(
        &world, "2026-11-23T10:30:00Z",
        "'schedule':{'cron':'0 * * * *','timeZone':'Europe/Berlin','startingDeadline':'3h'},"
        "'concurrencyPolicy':'Replace'");
    struct arena zones = {0};
    world.zone = load_zone(&zones, "Europe/Berlin");
    world.now = schedule_instant("2026-11-23T11:00:00Z");
    schedule_settle(&world);
    world.now = schedule_instant("2026-11-23T17:20:00Z");
    struct plan plan = world_plan_trigger(&world, "nightly");
    golden_check("trigger/5-replaces-after-downtime",
                 golden_describe_plan(&world.arena, &plan, true));
    world_free(&world);
    arena_free(&zones);
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
        schedule_world_init(&world, "2026-11-23T10:30:00Z",
                            "'schedule':{'cron':'0 * * * *'},'concurrencyPolicy':'%s'",
                            rows[at].policy);
        world.now = schedule_instant("2026-11-23T11:00:00Z");
        schedule_settle(&world);
        world.now = schedule_instant("2026-11-23T12:00:00Z");
        schedule_settle(&world);
        assert_string_equal(schedule_runs(&world), rows[at].during);
        assert_string_equal(schedule_ready(&world), rows[at].ready);
        assert_int_equal(
            json_is_true(world_get(&world, KIND_PIPELINE_RUN, "nightly-29923860", "spec/cancel")),
            rows[at].cancelled[0] != '\0');
        world.now = schedule_instant("2026-11-23T12:20:00Z");
        end_run(&world, "nightly-29923860");
        schedule_settle(&world);
        assert_string_equal(schedule_runs(&world), rows[at].after);
        assert_int_equal(schedule_number(&world, "status/dropped"), rows[at].dropped);
        assert_string_equal(schedule_newest_reason(&world), rows[at].reason);
        world_free(&world);
    }
}

static void one_firing_waits_in_the_queue_and_the_times_behind_it_are_caught_up(void **state)
{
    (void)state;
    struct world world;
    schedule_world_init(&world, "2026-11-23T10:30:00Z",
                        "'schedule':{'cron':'0 * * * *','catchUp':{'policy':'Latest'},"
                        "'startingDeadline':'3h'},'concurrencyPolicy':'Queue'");
    for (const char *const *time =
             (const char *const[]){"2026-11-23T11:00:00Z", "2026-11-23T12:00:00Z",
                                   "2026-11-23T13:00:00Z", "2026-11-23T14:00:00Z", NULL};
         *time; time++) {
        world.now = schedule_instant(*time);
        schedule_settle(&world);
    }
    assert_string_equal(schedule_text(&world, "status/nextScheduleTime"), "2026-11-23T15:00:00Z");
    end_run(&world, "nightly-29923860");
    schedule_settle(&world);
    assert_string_equal(schedule_runs(&world), "11:00 12:00");
    end_run(&world, "nightly-29923920");
    schedule_settle(&world);
    assert_string_equal(schedule_runs(&world), "11:00 12:00 14:00");
    assert_int_equal(schedule_number(&world, "status/dropped"), 1);

    /* A firing that waits longer than the deadline is given up, and says why. */
    world.now = schedule_instant("2026-11-23T15:00:00Z");
    schedule_settle(&world);
    world.now = schedule_instant("2026-11-23T18:00:01Z");
    schedule_settle(&world);
    assert_string_equal(schedule_runs(&world), "11:00 12:00 14:00");
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
    schedule_world_init(&world, "2026-11-23T10:30:00Z",
                        "'schedule':{'cron':'0 * * * *','catchUp':{'policy':'All','max':5}},"
                        "'concurrencyPolicy':'Forbid'");
    world.now = schedule_instant("2026-11-23T15:30:00Z");
    schedule_settle(&world);
    assert_string_equal(schedule_runs(&world), "15:00");
    assert_int_equal(schedule_number(&world, "status/dropped"), 4);
    world_free(&world);
}

static void replace_cancels_only_what_this_trigger_made(void **state)
{
    (void)state;
    struct world world;
    schedule_world_init(&world, "2026-11-23T10:30:00Z",
                        "'schedule':{'cron':'0 * * * *'},'concurrencyPolicy':'Replace'");
    (void)world_put(&world, KIND_PIPELINE_RUN,
                    "{'metadata':{'name':'by-hand','annotations':{'tidemill.dev/trigger-uid':"
                    "'uid-nightly'}},'spec':{'pipelineRef':{'name':'churn'}}}");
    world.now = schedule_instant("2026-11-23T11:00:00Z");
    schedule_settle(&world);
    assert_null(world_get(&world, KIND_PIPELINE_RUN, "by-hand", "spec/cancel"));
    world.now = schedule_instant("2026-11-23T12:00:00Z");
    schedule_settle(&world);
    assert_true(
        json_is_true(world_get(&world, KIND_PIPELINE_RUN, "nightly-29923860", "spec/cancel")));
    world_free(&world);
}

static void a_cancel_that_is_refused_is_a_condition(void **state)
{
    (void)state;
    struct world world;
    schedule_world_init(&world, "2026-11-23T10:30:00Z",
                        "'schedule':{'cron':'0 * * * *'},'concurrencyPolicy':'Replace'");
    world.now = schedule_instant("2026-11-23T11:00:00Z");
    schedule_settle(&world);
    world.now = schedule_instant("2026-11-23T12:00:00Z");
    struct plan plan = world_plan_trigger(&world, "nightly");
    assert_string_equal(plan_outline(&world, &plan),
                        "status Trigger, patch PipelineRun, create PipelineRun");
    (void)world_carry_out(&world, &plan, WORLD_REFUSED, 1);
    plan = world_plan_trigger(&world, "nightly");
    (void)world_carry_out(&world, &plan, WORLD_REFUSED, 1);
    assert_string_equal(schedule_runs(&world), "11:00"); /* the two must not meet */
    assert_string_equal(schedule_ready(&world),
                        "False WriteRefused: run nightly-29923860 can't be cancelled, as "
                        "spec.concurrencyPolicy Replace asks: exceeded quota: small; it is tried "
                        "again, or cancel it by hand");
    schedule_settle(&world);
    assert_string_equal(schedule_runs(&world), "11:00 12:00");
    assert_string_equal(schedule_ready(&world), "True Scheduled: next run at 2026-11-23T13:00:00Z");
    world_free(&world);
}

/* ---- what is in the way ---- */

static void suspend_starts_nothing_and_resume_catches_up(void **state)
{
    (void)state;
    struct world world;
    schedule_world_init(
        &world, "2026-11-23T10:30:00Z",
        "'schedule':{'cron':'0 * * * *','catchUp':{'policy':'All','max':2}},'suspend':true");
    world.now = schedule_instant("2026-11-23T15:30:00Z");
    schedule_settle(&world);
    assert_string_equal(schedule_runs(&world), "");
    assert_true(text_starts_with(schedule_ready(&world), "True Suspended: spec.suspend is true"));
    assert_string_equal(schedule_text(&world, "status/nextScheduleTime"), "");
    struct plan plan = world_plan_trigger(&world, "nightly");
    assert_int_equal(plan.wake_at, TIME_ABSENT);
    world_merge(&world, KIND_TRIGGER, "nightly", "{'spec':{'suspend':false}}");
    schedule_settle(&world);
    assert_string_equal(schedule_runs(&world), "14:00 15:00");
    assert_int_equal(schedule_number(&world, "status/dropped"), 3);
    world_free(&world);
}

static void suspend_gives_up_a_firing_that_waits(void **state)
{
    (void)state;
    struct world world;
    schedule_world_init(&world, "2026-11-23T10:30:00Z",
                        "'schedule':{'cron':'0 * * * *'},'concurrencyPolicy':'Queue'");
    world.now = schedule_instant("2026-11-23T11:00:00Z");
    schedule_settle(&world);
    world.now = schedule_instant("2026-11-23T12:00:00Z");
    schedule_settle(&world);
    world_merge(&world, KIND_TRIGGER, "nightly", "{'spec':{'suspend':true}}");
    schedule_settle(&world);
    end_all_runs(&world);
    schedule_settle(&world);
    assert_string_equal(schedule_runs(&world), "11:00");
    assert_string_equal(schedule_newest_reason(&world), "Suspended");
    world_free(&world);
}

static void nothing_fires_without_its_pipeline_and_times_wait_for_it(void **state)
{
    (void)state;
    struct world world;
    schedule_world_init(&world, "2026-11-23T10:30:00Z", "%s", SCHEDULE_HOURLY);
    world_remove(&world, KIND_PIPELINE, "churn");
    world.now = schedule_instant("2026-11-23T15:30:00Z");
    schedule_settle(&world);
    assert_string_equal(schedule_runs(&world), "");
    assert_string_equal(schedule_ready(&world),
                        "False PipelineNotFound: spec.pipelineRef.name: there is no Pipeline "
                        "\"churn\" in this namespace; nothing fires until it is created");
    assert_string_equal(schedule_text(&world, "status/lastScheduleTime"), "");
    (void)world_put(&world, KIND_PIPELINE,
                    "{'metadata':{'name':'churn','deletionTimestamp':'2026-11-23T15:30:00Z'}}");
    schedule_settle(&world);
    assert_string_equal(schedule_runs(&world), "");
    world_remove(&world, KIND_PIPELINE, "churn");
    (void)world_put(&world, KIND_PIPELINE, "{'metadata':{'name':'churn'}}");
    schedule_settle(&world);
    assert_string_equal(schedule_runs(&world), "15:00");
    assert_true(text_starts_with(schedule_ready(&world), "True Scheduled"));
    world_free(&world);
}

/* The one event of the next plan, which is carried out; NULL: none. */
static const struct operation *next_event(struct world *world)
{
    const struct plan plan = world_plan_trigger(world, "nightly");
    assert_null(plan_find(&plan, OPERATION_EVENT, KIND_TRIGGER, 1));
    assert_true(world_carry_out(world, &plan, WORLD_NO_FAULT, 0));
    return plan_find(&plan, OPERATION_EVENT, KIND_TRIGGER, 0);
}

static void what_keeps_a_trigger_from_firing_is_one_warning(void **state)
{
    (void)state;
    struct world world;
    schedule_world_init(&world, "2026-11-23T10:30:00Z", "%s", SCHEDULE_HOURLY);
    schedule_settle(&world);
    world_remove(&world, KIND_PIPELINE, "churn");
    const struct operation *event = next_event(&world);
    assert_non_null(event);
    assert_true(event->warning);
    assert_string_equal(event->reason, "PipelineNotFound");
    assert_null(next_event(&world));
    world_free(&world);
}

static void a_trigger_on_its_way_out_does_nothing(void **state)
{
    (void)state;
    struct world world;
    schedule_world_init(&world, "2026-11-23T10:30:00Z", "%s", SCHEDULE_HOURLY);
    world_merge(&world, KIND_TRIGGER, "nightly",
                "{'metadata':{'deletionTimestamp':'2026-11-23T10:40:00Z'}}");
    world.now = schedule_instant("2026-11-23T12:00:00Z");
    struct plan plan = world_plan_trigger(&world, "nightly");
    assert_int_equal(plan.count, 0);
    world_free(&world);
}

static void a_name_that_is_taken_is_said_and_the_schedule_goes_on(void **state)
{
    (void)state;
    struct world world;
    schedule_world_init(&world, "2026-11-23T10:30:00Z", "%s", SCHEDULE_HOURLY);
    (void)world_put(&world, KIND_PIPELINE_RUN,
                    "{'metadata':{'name':'nightly-29923860'},"
                    "'spec':{'pipelineRef':{'name':'churn'}}}");
    world.now = schedule_instant("2026-11-23T11:00:00Z");
    schedule_settle(&world);
    assert_string_equal(schedule_ready(&world),
                        "False NameTaken: run nightly-29923860 for 2026-11-23T11:00:00Z was not "
                        "started: exists already and is not ours; the schedule goes on: next run "
                        "at 2026-11-23T12:00:00Z");
    assert_string_equal(schedule_newest_reason(&world), "NameTaken");
    assert_int_equal(schedule_number(&world, "status/firings"), 0);
    assert_int_equal(schedule_number(&world, "status/dropped"), 1);
    world.now = schedule_instant("2026-11-23T12:00:00Z");
    schedule_settle(&world);
    assert_int_equal(schedule_number(&world, "status/firings"), 1);
    assert_true(text_starts_with(schedule_ready(&world), "True Scheduled"));
    world_free(&world);
}

static void a_refused_run_is_tried_again_and_later_times_wait(void **state)
{
    (void)state;
    struct world world;
    schedule_world_init(&world, "2026-11-23T10:30:00Z",
                        "'schedule':{'cron':'0 * * * *','startingDeadline':'90m'}");
    schedule_settle(&world);
    world.now = schedule_instant("2026-11-23T11:00:00Z");
    struct plan plan = world_plan_trigger(&world, "nightly");
    (void)world_carry_out(&world, &plan, WORLD_REFUSED, 1);
    plan = world_plan_trigger(&world, "nightly");
    assert_string_equal(plan_outline(&world, &plan), "status Trigger, create PipelineRun");
    assert_int_not_equal(plan_find(&plan, OPERATION_CREATE, KIND_PIPELINE_RUN, 0)->group,
                         plan_find(&plan, OPERATION_PATCH_STATUS, KIND_TRIGGER, 0)->group);
    (void)world_carry_out(&world, &plan, WORLD_REFUSED, 1);
    assert_string_equal(schedule_ready(&world),
                        "False QuotaExceeded: run nightly-29923860 can't be created: exceeded "
                        "quota: small; it is tried again");
    /* Refused once more: nothing new to say, but it is tried. */
    plan = world_plan_trigger(&world, "nightly");
    assert_string_equal(plan_outline(&world, &plan), "create PipelineRun");
    (void)world_carry_out(&world, &plan, WORLD_REFUSED, 0);
    assert_int_equal(plan.wake_at, schedule_instant("2026-11-23T12:00:00Z"));

    /* After the deadline it is given up, and the times behind it get their turn. */
    world.now = schedule_instant("2026-11-23T12:30:01Z");
    schedule_settle(&world);
    assert_string_equal(schedule_runs(&world), "12:00");
    assert_string_equal(schedule_text(&world, "status/recent/0/reason"), "Missed");
    assert_string_equal(schedule_text(&world, "status/recent/0/message"),
                        "run nightly-29923860 for 2026-11-23T11:00:00Z was not started: "
                        "spec.schedule.startingDeadline (90m) was over and the API server refused "
                        "it: exceeded quota: small; the schedule goes on");
    assert_string_equal(schedule_newest_reason(&world), "CatchUp");
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
                schedule_world_init(&world, "2026-11-23T10:30:00Z",
                                    "'schedule':{'cron':'0 * * * *'},'concurrencyPolicy':'%s'",
                                    policies[policy]);
                world.now = schedule_instant("2026-11-23T11:00:00Z");
                struct plan plan = world_plan_trigger(&world, "nightly");
                (void)world_carry_out(&world, &plan, faults[fault], at);
                plan = world_plan_trigger(&world, "nightly");
                (void)world_carry_out(&world, &plan, faults[fault], at);
                schedule_settle(&world);
                assert_string_equal(schedule_runs(&world), "11:00");
                assert_int_equal(schedule_number(&world, "status/firings"), 1);
                assert_null(world_get(&world, KIND_TRIGGER, "nightly", "status/pending"));
                world_remove(&world, KIND_PIPELINE_RUN, "nightly-29923860");
                schedule_settle(&world);
                assert_string_equal(schedule_runs(&world), ""); /* never again */
                world_free(&world);
            }
        }
    }
}

/* Somebody took its status away, as a backup that is restored does: its time comes once more. */
static void a_time_that_comes_again_finds_the_run_that_it_made(void **state)
{
    (void)state;
    static const char *const policies[] = {"Allow", "Replace", "Queue"};
    for (size_t at = 0; at < COUNT_OF(policies); at++) {
        struct world world;
        schedule_world_init(&world, "2026-11-23T10:30:00Z",
                            "'schedule':{'cron':'0 * * * *'},'concurrencyPolicy':'%s'",
                            policies[at]);
        world.now = schedule_instant("2026-11-23T11:00:00Z");
        schedule_settle(&world);
        json_object_set_new(world_find(&world, KIND_TRIGGER, "nightly"), "status",
                            json_pack("{s:i}", "observedGeneration", -1));
        struct plan plan = world_plan_trigger(&world, "nightly");
        (void)world_carry_out(&world, &plan, WORLD_NO_FAULT, 0);
        assert_string_equal(schedule_ready(&world),
                            "True Scheduled: next run at 2026-11-23T12:00:00Z");
        schedule_settle(&world);
        assert_string_equal(schedule_runs(&world), "11:00");
        assert_null(world_get(&world, KIND_PIPELINE_RUN, "nightly-29923860", "spec/cancel"));
        assert_int_equal(schedule_number(&world, "status/firings"), 1);
        assert_null(world_get(&world, KIND_TRIGGER, "nightly", "status/pending"));
        world_free(&world);
    }
}

static void replace_does_not_cancel_what_is_being_deleted(void **state)
{
    (void)state;
    struct world world;
    schedule_world_init(&world, "2026-11-23T10:30:00Z",
                        "'schedule':{'cron':'0 * * * *'},'concurrencyPolicy':'Replace'");
    world.now = schedule_instant("2026-11-23T11:00:00Z");
    schedule_settle(&world);
    world_merge(&world, KIND_PIPELINE_RUN, "nightly-29923860",
                "{'metadata':{'deletionTimestamp':'2026-11-23T11:30:00Z'}}");
    world.now = schedule_instant("2026-11-23T12:00:00Z");
    struct plan plan = world_plan_trigger(&world, "nightly");
    assert_string_equal(plan_outline(&world, &plan), "status Trigger, create PipelineRun");
    world_free(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_firing_is_written_down_then_made_then_done),
        cmocka_unit_test(several_missed_times_replace_a_run_and_say_what_was_dropped),
        cmocka_unit_test(concurrency_policy_decides_while_a_run_is_under_way),
        cmocka_unit_test(one_firing_waits_in_the_queue_and_the_times_behind_it_are_caught_up),
        cmocka_unit_test(forbid_keeps_the_newest_of_several_missed_times),
        cmocka_unit_test(replace_cancels_only_what_this_trigger_made),
        cmocka_unit_test(a_cancel_that_is_refused_is_a_condition),
        cmocka_unit_test(suspend_starts_nothing_and_resume_catches_up),
        cmocka_unit_test(suspend_gives_up_a_firing_that_waits),
        cmocka_unit_test(nothing_fires_without_its_pipeline_and_times_wait_for_it),
        cmocka_unit_test(what_keeps_a_trigger_from_firing_is_one_warning),
        cmocka_unit_test(a_trigger_on_its_way_out_does_nothing),
        cmocka_unit_test(a_name_that_is_taken_is_said_and_the_schedule_goes_on),
        cmocka_unit_test(a_refused_run_is_tried_again_and_later_times_wait),
        cmocka_unit_test(a_crash_anywhere_in_a_firing_neither_loses_nor_doubles_it),
        cmocka_unit_test(a_time_that_comes_again_finds_the_run_that_it_made),
        cmocka_unit_test(replace_does_not_cancel_what_is_being_deleted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
