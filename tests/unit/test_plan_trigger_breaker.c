/* spec.breaker of a Trigger (plan/trigger_breaker.c). */

#include "support/test.h"

#include "core/civil.h"
#include "core/text.h"
#include "support/trigger_world.h"

#include <string.h>

#define HTTP "'http':{'url':'http://data/x'}"

/* The source changes, the run that this starts ends so a minute later; false: none is started. */
static bool try_run(struct world *world, const char *phase)
{
    size_t before = trigger_firings(world);
    trigger_see(world, arena_print(&world->arena, "at-%lld", (long long)world->now));
    (void)trigger_settle(world);
    world->now += MINUTE;
    trigger_end_runs(world, phase);
    (void)trigger_settle(world);
    return trigger_firings(world) > before;
}

static int64_t failures(struct world *world)
{
    return world_integer(world, KIND_TRIGGER, "t", "status/breaker/failures");
}

static void so_many_failures_in_a_row_open_it_until_the_spec_is_changed(void **state)
{
    (void)state;
    struct world world;
    trigger_world_init(&world, HTTP ",'breaker':{'failures':3}");
    static const char *const phases[] = {"Failed",    "Failed", "Succeeded", "Failed",
                                         "Cancelled", "Failed", "Failed"};
    for (size_t at = 0; at < COUNT_OF(phases); at++) {
        assert_true(try_run(&world, phases[at]));
    }
    trigger_expect_ready(&world,
                         "False BreakerOpen: 3 runs in a row failed (spec.breaker.failures is 3): "
                         "nothing fires any more; when the cause is mended, change the spec");
    assert_true(text_starts_with(world_condition(&world, KIND_TRIGGER, "t", "Stalled"),
                                 "True BreakerOpen"));
    world.now += DAY;
    assert_false(try_run(&world, "Failed"));
    assert_string_equal(
        strrchr(arena_print(&world.arena, "%.*s", (int)strlen(trigger_recent(&world)) - 1,
                            trigger_recent(&world)),
                ' '),
        " BreakerOpen");
    world_merge(&world, KIND_TRIGGER, "t", "{'spec':{'cooldown':'1s'}}");
    (void)trigger_settle(&world);
    assert_int_equal(trigger_firings(&world), COUNT_OF(phases) + 1); /* what changed meanwhile */
    assert_int_equal(failures(&world), 0);
    assert_string_equal(world_condition(&world, KIND_TRIGGER, "t", "Stalled"), "");
    world_free(&world);
}

static void after_the_pause_one_run_is_tried_and_a_success_closes_it(void **state)
{
    (void)state;
    struct world world;
    trigger_world_init(&world, HTTP ",'breaker':{'failures':2,'pause':'1h'}");
    assert_true(try_run(&world, "Failed"));
    assert_true(try_run(&world, "Failed"));
    int64_t opened = world.now;
    trigger_expect_ready(&world, "False BreakerOpen: 2 runs in a row failed");
    assert_int_equal(trigger_wake_at(&world), opened + HOUR);
    assert_string_equal(world_condition(&world, KIND_TRIGGER, "t", "Stalled"), "");
    world.now = opened + HOUR - MINUTE - 1;
    assert_false(try_run(&world, "Failed"));
    world.now = opened + HOUR;
    assert_true(try_run(&world, "Failed")); /* the one */
    assert_int_equal(failures(&world), 3);
    assert_false(try_run(&world, "Failed"));
    world.now += HOUR;
    assert_true(try_run(&world, "Succeeded"));
    assert_int_equal(failures(&world), 0);
    assert_true(try_run(&world, "Succeeded"));
    world_free(&world);
}

/* While the one that is tried goes on there is no second, also with Allow. */
static void only_one_run_is_tried_at_once(void **state)
{
    (void)state;
    struct world world;
    trigger_world_init(&world, HTTP ",'breaker':{'failures':1,'pause':'1h'}");
    assert_true(try_run(&world, "Failed"));
    world.now += HOUR;
    trigger_see(&world, "tried");
    (void)trigger_settle(&world);
    assert_int_equal(trigger_firings(&world), 2);
    world.now += MINUTE;
    trigger_see(&world, "another");
    (void)trigger_settle(&world);
    assert_int_equal(trigger_firings(&world), 2);
    trigger_expect_ready(&world, "False BreakerOpen: 1 run in a row failed (spec.breaker.failures "
                                 "is 1): nothing else fires before run t-");
    world.now += DAY; /* it takes longer than the pause */
    (void)trigger_settle(&world);
    assert_int_equal(trigger_firings(&world), 2);
    assert_string_equal(world_condition(&world, KIND_TRIGGER, "t", "Stalled"), "");
    trigger_end_runs(&world, "Succeeded");
    (void)trigger_settle(&world);
    assert_string_equal(strchr(trigger_fired(&world), ' '), " tried another ");
    world_free(&world);
}

/* History and users delete runs: the count is not in them. */
static void the_count_outlives_the_runs(void **state)
{
    (void)state;
    struct world world;
    trigger_world_init(&world, HTTP ",'breaker':{'failures':3}");
    for (int at = 0; at < 3; at++) {
        assert_int_equal(failures(&world), at);
        assert_true(try_run(&world, "Failed"));
        const char *run = world_text(&world, KIND_TRIGGER, "t", "status/lastRunRef/name");
        world_remove(&world, KIND_PIPELINE_RUN, arena_copy_text(&world.arena, run));
        (void)trigger_settle(&world);
    }
    trigger_expect_ready(&world, "False BreakerOpen: 3 runs in a row failed");
    world_free(&world);
}

/* Somebody wrote its status by hand. */
static void a_failure_without_a_time_is_counted_when_it_has_one(void **state)
{
    (void)state;
    struct world world;
    trigger_world_init(&world, HTTP ",'breaker':{'failures':3}");
    trigger_see(&world, "A");
    (void)trigger_settle(&world);
    const char *run = arena_copy_text(
        &world.arena, world_text(&world, KIND_TRIGGER, "t", "status/lastRunRef/name"));
    world_merge(&world, KIND_PIPELINE_RUN, run, "{'status':{'phase':'Failed'}}");
    assert_int_equal(trigger_settle(&world), 0);
    assert_int_equal(failures(&world), 0);
    trigger_end_runs(&world, "Failed");
    (void)trigger_settle(&world);
    assert_int_equal(failures(&world), 1);
    world_free(&world);
}

static void success_alone_costs_no_write(void **state)
{
    (void)state;
    struct world world;
    trigger_world_init(&world, HTTP ",'breaker':{'failures':3}");
    assert_true(try_run(&world, "Succeeded"));
    trigger_see(&world, "B");
    (void)trigger_settle(&world);
    trigger_end_runs(&world, "Succeeded");
    assert_int_equal(trigger_settle(&world), 0);
    assert_string_equal(world_text(&world, KIND_TRIGGER, "t", "status/breaker/ends"), "");
    world_free(&world);
}

/* As under suspend: nothing is written meanwhile, and catchUp decides when it is over. */
static void times_of_a_schedule_pass_and_the_newest_is_made_up_for(void **state)
{
    (void)state;
    struct world world;
    trigger_world_init(&world, "'schedule':{'cron':'0 * * * *','timeZone':'Etc/UTC'},"
                               "'breaker':{'failures':1,'pause':'150m'}");
    static const size_t fired[] = {1, 1, 1, 2, 2, 2, 3};
    for (int hours = 0; hours < (int)COUNT_OF(fired); hours++) {
        world.now = START / HOUR * HOUR + HOUR * (hours + 1);
        size_t writes = trigger_settle(&world);
        assert_int_equal(trigger_firings(&world), fired[hours]);
        assert_true((writes == 0) == (hours > 0 && fired[hours] == fired[hours - 1]));
        trigger_end_runs(&world, "Failed");
        (void)trigger_settle(&world);
        trigger_expect_ready(&world, "False BreakerOpen: ");
    }
    assert_string_equal(trigger_recent(&world), "Fired Missed Fired Missed Fired ");
    world_free(&world);
}

static void failures_from_before_an_edit_do_not_count_and_without_it_nothing_is_kept(void **state)
{
    (void)state;
    struct world world;
    trigger_world_init(&world, HTTP);
    for (int at = 0; at < 3; at++) {
        assert_true(try_run(&world, "Failed"));
    }
    assert_null(world_get(&world, KIND_TRIGGER, "t", "status/breaker"));
    world_merge(&world, KIND_TRIGGER, "t", "{'spec':{'breaker':{'failures':1}}}");
    (void)trigger_settle(&world);
    assert_int_equal(failures(&world), 0);
    assert_true(try_run(&world, "Failed"));
    assert_false(try_run(&world, "Failed"));
    world_merge(&world, KIND_TRIGGER, "t", "{'spec':{'breaker':null}}");
    (void)trigger_settle(&world);
    assert_null(world_get(&world, KIND_TRIGGER, "t", "status/breaker"));
    assert_true(try_run(&world, "Failed"));
    world_free(&world);
}

static void a_pause_that_can_t_be_read_stalls(void **state)
{
    (void)state;
    struct world world;
    trigger_world_init(&world, HTTP ",'breaker':{'failures':1,'pause':'soon'}");
    (void)trigger_settle(&world);
    trigger_expect_ready(&world, "False InvalidSpec: spec.breaker.pause: \"soon\"");
    world_free(&world);
}

/* Two were under way at once; the one that failed opened it, and the other is no try. */
static void without_a_pause_a_run_that_still_goes_on_changes_nothing(void **state)
{
    (void)state;
    struct world world;
    trigger_world_init(&world, HTTP ",'breaker':{'failures':1}");
    trigger_see(&world, "A");
    (void)trigger_settle(&world);
    const char *first = arena_copy_text(
        &world.arena, world_text(&world, KIND_TRIGGER, "t", "status/lastRunRef/name"));
    trigger_see(&world, "B");
    (void)trigger_settle(&world);
    assert_int_equal(trigger_firings(&world), 2);
    world_merge(&world, KIND_PIPELINE_RUN, first,
                "{'status':{'phase':'Failed','completionTime':'1970-01-12T13:47:00Z'}}");
    (void)trigger_settle(&world);
    trigger_expect_ready(&world,
                         "False BreakerOpen: 1 run in a row failed (spec.breaker.failures is 1): "
                         "nothing fires any more; ");
    assert_true(text_starts_with(world_condition(&world, KIND_TRIGGER, "t", "Stalled"),
                                 "True BreakerOpen"));
    world_free(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(so_many_failures_in_a_row_open_it_until_the_spec_is_changed),
        cmocka_unit_test(after_the_pause_one_run_is_tried_and_a_success_closes_it),
        cmocka_unit_test(only_one_run_is_tried_at_once),
        cmocka_unit_test(the_count_outlives_the_runs),
        cmocka_unit_test(a_failure_without_a_time_is_counted_when_it_has_one),
        cmocka_unit_test(success_alone_costs_no_write),
        cmocka_unit_test(times_of_a_schedule_pass_and_the_newest_is_made_up_for),
        cmocka_unit_test(failures_from_before_an_edit_do_not_count_and_without_it_nothing_is_kept),
        cmocka_unit_test(a_pause_that_can_t_be_read_stalls),
        cmocka_unit_test(without_a_pause_a_run_that_still_goes_on_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
