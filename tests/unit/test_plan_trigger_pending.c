/* A firing that is written down while its run can't be made (plan/trigger_pending.c). */

#include "support/test.h"

#include "core/text.h"
#include "support/trigger_world.h"

#define HTTP   "'http':{'url':'http://data/x'}"
#define HOURLY "'schedule':{'cron':'0 * * * *','startingDeadline':'10m'}"

/* START is 13:46:40. */
enum { NEXT_HOUR = START + 800 };

static const char *newest(struct world *world, const char *field)
{
    const json_t *recent = world_get(world, KIND_TRIGGER, "t", "status/recent");
    const json_t *entry = json_array_get(recent, json_array_size(recent) - 1);
    return text_or(json_string_value(json_object_get(entry, field)), "");
}

static const char *pending_run(struct world *world)
{
    return arena_copy_text(&world->arena,
                           world_text(world, KIND_TRIGGER, "t", "status/pending/run"));
}

/* Plans, and the run of the firing is refused; its name. */
static const char *refuse_run(struct world *world)
{
    struct plan plan = world_plan_trigger(world, "t");
    assert_string_equal(plan_outline(world, &plan), "status Trigger, create PipelineRun");
    (void)world_carry_out(world, &plan, WORLD_REFUSED, 1);
    assert_int_equal(world_count(world, KIND_PIPELINE_RUN), 0);
    return pending_run(world);
}

static void suspend_gives_up_a_run_that_is_refused_and_its_change_is_new_again(void **state)
{
    (void)state;
    struct world world;
    trigger_world_init(&world, HTTP);
    trigger_see(&world, "A");
    const char *run = refuse_run(&world);
    world_merge(&world, KIND_TRIGGER, "t", "{'spec':{'suspend':true}}");
    (void)trigger_settle(&world);
    assert_string_equal(pending_run(&world), "");
    assert_string_equal(newest(&world, "reason"), "Suspended");
    assert_string_equal(newest(&world, "message"),
                        arena_print(&world.arena,
                                    "run %s for data at A was not started: spec.suspend is true "
                                    "and the API server refused it: exceeded quota: small; it is "
                                    "looked at anew",
                                    run));
    assert_int_equal(world_integer(&world, KIND_TRIGGER, "t", "status/dropped"), 1);
    trigger_expect_ready(&world, "True Suspended: ");
    world_forget_facts(&world);
    world_merge(&world, KIND_TRIGGER, "t", "{'spec':{'suspend':false}}");
    (void)trigger_settle(&world);
    assert_string_equal(trigger_fired(&world), "A ");
    world_free(&world);
}

/* Written down, and the Pipeline deleted before its run was made. */
static void fire_and_lose_pipeline(struct world *world)
{
    trigger_world_init(world, HOURLY);
    (void)trigger_settle(world);
    world->now = NEXT_HOUR;
    struct plan plan = world_plan_trigger(world, "t");
    (void)world_carry_out(world, &plan, WORLD_CRASH_AFTER, 0);
    world_remove(world, KIND_PIPELINE, "churn");
    (void)trigger_settle(world);
}

static void a_firing_waits_for_its_pipeline_until_its_deadline_is_over(void **state)
{
    (void)state;
    struct world world;
    fire_and_lose_pipeline(&world);
    const char *run = pending_run(&world);
    assert_string_not_equal(run, "");
    trigger_expect_ready(&world, "False PipelineNotFound: ");
    assert_int_equal(trigger_wake_at(&world), NEXT_HOUR + 10 * MINUTE + 1);
    world.now = NEXT_HOUR + 10 * MINUTE + 1;
    (void)trigger_settle(&world);
    assert_string_equal(pending_run(&world), "");
    assert_string_equal(newest(&world, "reason"), "Missed");
    assert_string_equal(newest(&world, "message"),
                        arena_print(&world.arena,
                                    "run %s for 1970-01-12T14:00:00Z was not started: "
                                    "spec.schedule.startingDeadline (10m) was over and its "
                                    "Pipeline was not there; the schedule goes on",
                                    run));
    assert_int_equal(world_count(&world, KIND_PIPELINE_RUN), 0);
    world_free(&world);
}

static void a_firing_whose_pipeline_comes_back_in_time_gets_its_run(void **state)
{
    (void)state;
    struct world world;
    fire_and_lose_pipeline(&world);
    (void)world_put(&world, KIND_PIPELINE, "{'metadata':{'name':'churn'}}");
    world.now += 10 * MINUTE;
    (void)trigger_settle(&world);
    assert_string_equal(trigger_fired(&world), "1970-01-12T14:00:00Z ");
    trigger_expect_ready(&world, "True Scheduled: next run at 1970-01-12T15:00:00Z");
    world_free(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(suspend_gives_up_a_run_that_is_refused_and_its_change_is_new_again),
        cmocka_unit_test(a_firing_waits_for_its_pipeline_until_its_deadline_is_over),
        cmocka_unit_test(a_firing_whose_pipeline_comes_back_in_time_gets_its_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
