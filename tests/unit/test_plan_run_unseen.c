/* A step's Job has ended, and its pod has not been seen to (plan/run_observe.c). */

#include "support/test.h"

#include "core/text.h"
#include "support/run_world.h"

#include <stdio.h>
#include <string.h>

static const char rows_wanted[] = "'steps':[{'name':'train','image':'i','outputs':{'results':"
                                  "[{'name':'rows','type':'integer'}]}}]";

/* Simulation: chain, --lag Pod=7000. The watch of pods may be behind that of Jobs. */
static void a_job_that_is_complete_waits_for_what_its_pod_left(void **state)
{
    (void)state;
    struct world world;
    run_world_start(&world, "%s", rows_wanted);
    kubelet_end_job(&world, run_world_job(&world, "train", 1), true);
    struct plan plan = world_plan_run(&world, "r");
    assert_int_equal(plan.count, 0);
    assert_int_equal(plan.wake_at, world.now + 10);
    world.now += 10;
    (void)run_world_step(&world);
    assert_true(text_starts_with(run_world_ready(&world), "Unknown PodNotSeen: Job r-train-"));
    run_world_end_step(&world, "train", 1, 0, "{'rows':3}");
    (void)run_world_step(&world);
    assert_string_equal(run_world_text(&world, "status/phase"), "Succeeded");
    assert_string_equal(run_world_text(&world, "status/steps/0/results/0/value"), "3");
    world_free(&world);
}

static void a_pod_that_never_turns_up_fails_the_attempt_in_the_end(void **state)
{
    (void)state;
    struct world world;
    run_world_start(&world, "%s", rows_wanted);
    kubelet_end_job(&world, run_world_job(&world, "train", 1), true);
    world.now += 299;
    (void)run_world_step(&world);
    assert_string_equal(run_world_text(&world, "status/phase"), "Running");
    world.now += 1;
    assert_string_equal(run_world_step(&world), "probe Pod");
    (void)run_world_step(&world);
    assert_string_equal(run_world_ready(&world),
                        "False ResultMissing: step train: the pod was deleted "
                        "before its results were read");
    world_free(&world);
}

/*
 * e2e: ten minutes of silence. Jobs are listed anew before pods are, and what ended in that time
 * did so long ago.
 */
static void after_an_outage_a_pod_is_not_given_up_before_it_was_asked_for(void **state)
{
    (void)state;
    struct world world;
    run_world_start(&world, "%s", rows_wanted);
    const char *job = run_world_job(&world, "train", 1);
    kubelet_end_job(&world, job, true);
    world.now += 600;
    struct plan plan = world_plan_run(&world, "r");
    assert_string_equal(plan_outline(&world, &plan), "probe Pod, status PipelineRun");
    assert_string_equal(plan.operations[0].name, job);
    assert_int_equal(plan.wake_at, world.now + 30);
    /* There is one. */
    world_add_fact(&world, OPERATION_PROBE, KIND_POD, job, ERROR_NONE, NULL);
    (void)run_world_step(&world);
    assert_true(text_starts_with(run_world_ready(&world), "Unknown PodNotSeen: Job r-train-"));
    assert_string_equal(run_world_step(&world), "");
    world.now += 30; /* what was answered serves no longer, and says the same to people */
    world_forget_facts(&world);
    plan = world_plan_run(&world, "r");
    assert_string_equal(plan_outline(&world, &plan), "probe Pod");
    run_world_end_step(&world, "train", 1, 0, "{'rows':3}");
    (void)run_world_step(&world);
    assert_string_equal(run_world_text(&world, "status/phase"), "Succeeded");
    assert_int_equal(world_integer(&world, KIND_PIPELINE_RUN, "r", "status/steps/0/attempts"), 1);
    world_free(&world);
}

static void pods_are_asked_for_ten_at_once_and_not_by_a_run_that_ends(void **state)
{
    (void)state;
    struct world world;
    char steps[4096] = "'steps':[";
    for (int at = 0; at < 12; at++) {
        (void)sprintf(steps + strlen(steps),
                      "%s{'name':'s%d','image':'i','outputs':{'results':[{'name':'rows',"
                      "'type':'integer'}]}}",
                      at > 0 ? "," : "", at);
    }
    (void)strcat(steps, "]");
    run_world_start(&world, "%s", steps);
    (void)run_world_step(&world);
    for (int at = 0; at < 12; at++) {
        char name[8];
        (void)snprintf(name, sizeof(name), "s%d", at);
        kubelet_end_job(&world, run_world_job(&world, name, 1), true);
    }
    world.now += 600;
    struct plan plan = world_plan_run(&world, "r");
    size_t asked = 0;
    for (size_t at = 0; at < plan.count; at++) {
        asked += plan.operations[at].type == OPERATION_PROBE;
    }
    assert_int_equal(asked, 10);
    world_merge(&world, KIND_PIPELINE_RUN, "r", "{'spec':{'cancel':true}}");
    plan = world_plan_run(&world, "r");
    for (size_t at = 0; at < plan.count; at++) {
        assert_int_not_equal(plan.operations[at].type, OPERATION_PROBE);
    }
    world_free(&world);
}

static void a_step_that_leaves_nothing_waits_less_for_its_pod(void **state)
{
    (void)state;
    struct world world;
    run_world_start(&world, ONE_STEP);
    kubelet_end_job(&world, run_world_job(&world, "train", 1), true);
    world.now += 9;
    assert_string_equal(run_world_step(&world), "");
    world.now += 1;
    (void)run_world_step(&world);
    assert_string_equal(run_world_text(&world, "status/phase"), "Succeeded");
    world_free(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_that_is_complete_waits_for_what_its_pod_left),
        cmocka_unit_test(a_pod_that_never_turns_up_fails_the_attempt_in_the_end),
        cmocka_unit_test(after_an_outage_a_pod_is_not_given_up_before_it_was_asked_for),
        cmocka_unit_test(pods_are_asked_for_ten_at_once_and_not_by_a_run_that_ends),
        cmocka_unit_test(a_step_that_leaves_nothing_waits_less_for_its_pod),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
