/* Ends of runs that somebody asks for, or that the time limit brings (plan/run.c). */

#include "support/test.h"

#include "core/civil.h"
#include "core/text.h"
#include "plan/reasons.h"
#include "support/golden.h"
#include "support/run_world.h"

#include <string.h>

static const char fan[] = "'steps':[{'name':'a','image':'i'},{'name':'b','image':'i'},"
                          "{'name':'c','image':'i','runAfter':['a','b']}]";

static void a_cancel_stops_what_runs_and_what_the_status_does_not_know_yet(void **state)
{
    (void)state;
    struct world world;
    run_world_init(&world, "%s", fan);
    run_world_put(&world, "r", "");
    struct plan plan = world_plan_run(&world, "r");
    (void)world_carry_out(&world, &plan, WORLD_CRASH_AFTER, 1); /* both Jobs, no status */
    world_merge(&world, KIND_PIPELINE_RUN, "r", "{'spec':{'cancel':true}}");
    assert_string_equal(run_world_step(&world), "delete Job, delete Job, status PipelineRun");
    assert_string_equal(run_world_text(&world, "status/phase"),
                        "Pending"); /* they may not be all */
    assert_string_equal(run_world_step(&world), "status PipelineRun");
    assert_string_equal(run_world_text(&world, "status/steps/0/reason"), "Cancelled");
    assert_int_equal(world_integer(&world, KIND_PIPELINE_RUN, "r", "status/steps/0/attempts"), 1);
    assert_string_equal(run_world_text(&world, "status/phase"), "Cancelled");
    assert_string_equal(run_world_ready(&world),
                        "False Cancelled: spec.cancel is true; what was running was stopped, "
                        "nothing is published");
    assert_string_equal(run_world_text(&world, "status/steps/2/phase"), "Skipped");
    assert_int_equal(world_count(&world, KIND_JOB), 0);
    world_free(&world);

    /* Never started. */
    run_world_init(&world, "%s", fan);
    run_world_put(&world, "r", "'cancel':true");
    assert_string_equal(run_world_step(&world), "status PipelineRun");
    assert_string_equal(run_world_text(&world, "status/phase"), "Cancelled");
    world_free(&world);

    /* What has ended stays, for its logs. */
    run_world_start(&world, "%s", fan);
    run_world_end_step(&world, "a", 1, 0, "");
    (void)run_world_step(&world);
    world_merge(&world, KIND_PIPELINE_RUN, "r", "{'spec':{'cancel':true}}");
    assert_string_equal(run_world_step(&world), "delete Job");
    assert_string_equal(run_world_step(&world), "status PipelineRun");
    (void)run_world_job(&world, "a", 1);
    assert_string_equal(run_world_text(&world, "status/steps/0/phase"), "Succeeded");
    assert_string_equal(run_world_text(&world, "status/steps/1/phase"), "Failed");
    world_free(&world);
}

/* Seen with the cancellation, or never written down: a step that ran is not told as stopped. */
/*
 * What a controller that is dead by now had asked for may come late: a run that had ended would
 * leave it alone. (Found by the simulation: fan-out, seed 1651, people and faults.)
 */
static void a_job_that_comes_while_a_run_is_cancelled_is_stopped_too(void **state)
{
    (void)state;
    struct world world;
    run_world_init(&world, "%s", fan);
    run_world_put(&world, "r", "");
    struct plan late = world_plan_run(&world, "r");
    (void)world_carry_out(&world, &late, WORLD_CRASH_AFTER, 0); /* the Job of a alone */
    world_merge(&world, KIND_PIPELINE_RUN, "r", "{'spec':{'cancel':true}}");
    assert_string_equal(run_world_step(&world), "delete Job, status PipelineRun");
    (void)world_carry_out(&world, &late, WORLD_CRASH_AFTER, 1);
    assert_true(world_count(&world, KIND_JOB) > 0);
    for (int turn = 0; turn < 3 && world_count(&world, KIND_JOB) > 0; turn++) {
        (void)run_world_step(&world);
    }
    assert_int_equal(world_count(&world, KIND_JOB), 0);
    (void)run_world_step(&world);
    assert_string_equal(run_world_text(&world, "status/phase"), "Cancelled");
    world_free(&world);
}

static void a_job_that_can_t_be_deleted_is_told_and_the_run_goes_on_to_its_end_later(void **state)
{
    (void)state;
    struct world world;
    run_world_start(&world, "%s", fan);
    world_merge(&world, KIND_PIPELINE_RUN, "r", "{'spec':{'cancel':true}}");
    struct plan plan = world_plan_run(&world, "r");
    const struct operation *refused = plan_find(&plan, OPERATION_DELETE, KIND_JOB, 0);
    assert_non_null(refused);
    world_add_fact(&world, OPERATION_DELETE, KIND_JOB, refused->name, ERROR_DENIED, "no rights");
    plan = world_plan_run(&world, "r");
    assert_string_equal(plan_outline(&world, &plan), "delete Job, delete Job, status PipelineRun");
    (void)world_carry_out(&world, &plan, WORLD_NO_FAULT, 0);
    assert_non_null(strstr(run_world_ready(&world),
                           "can't be deleted: no rights; it is tried again, and the run ends when "
                           "it is gone"));
    assert_string_equal(run_world_step(&world), "status PipelineRun");
    assert_string_equal(run_world_text(&world, "status/phase"), "Cancelled");
    world_free(&world);
}

/* kstatus takes it for under way else, for ever (conformance A1). */
static void what_the_spec_says_after_the_end_is_seen_and_changes_nothing(void **state)
{
    (void)state;
    struct world world;
    run_world_start(&world, "%s", "'steps':[{'name':'a','image':'i'}]");
    run_world_end_step(&world, "a", 1, 0, "");
    (void)run_world_step(&world);
    assert_string_equal(run_world_text(&world, "status/phase"), "Succeeded");
    world_merge(&world, KIND_PIPELINE_RUN, "r", "{'spec':{'cancel':true,'suspend':true}}");
    assert_string_equal(run_world_step(&world), "status PipelineRun");
    assert_int_equal(world_integer(&world, KIND_PIPELINE_RUN, "r", "status/observedGeneration"), 2);
    assert_string_equal(run_world_text(&world, "status/phase"), "Succeeded");
    assert_string_equal(run_world_ready(&world), "True Succeeded: all 1 step succeeded");
    assert_string_equal(run_world_step(&world), "");
    world_free(&world);
}

static void a_cancel_tells_what_ended_before_it_as_it_ended(void **state)
{
    (void)state;
    struct world world;
    run_world_start(&world, "%s", fan);
    run_world_end_step(&world, "a", 1, 0, "");
    run_world_end_step(&world, "b", 1, 3, "");
    world_merge(&world, KIND_PIPELINE_RUN, "r", "{'spec':{'cancel':true}}");
    assert_string_equal(run_world_step(&world), "status PipelineRun");
    assert_string_equal(run_world_text(&world, "status/phase"), "Cancelled");
    assert_string_equal(run_world_text(&world, "status/steps/0/phase"), "Succeeded");
    assert_string_equal(run_world_text(&world, "status/steps/1/phase"), "Failed");
    assert_string_equal(run_world_text(&world, "status/steps/1/reason"), "StepFailed");
    assert_string_equal(run_world_text(&world, "status/steps/2/phase"), "Skipped");
    world_free(&world);

    /* The status that tells of c's Job was not written; c has ended since. */
    run_world_start(&world, "%s", fan);
    run_world_end_step(&world, "a", 1, 0, "");
    run_world_end_step(&world, "b", 1, 0, "");
    struct plan plan = world_plan_run(&world, "r");
    (void)world_carry_out(&world, &plan, WORLD_CRASH_AFTER, 0);
    run_world_end_step(&world, "c", 1, 0, "");
    world_merge(&world, KIND_PIPELINE_RUN, "r", "{'spec':{'cancel':true}}");
    assert_string_equal(run_world_step(&world), "status PipelineRun");
    assert_string_equal(run_world_text(&world, "status/steps/2/phase"), "Succeeded");
    assert_int_equal(world_integer(&world, KIND_PIPELINE_RUN, "r", "status/steps/2/attempts"), 1);
    world_free(&world);

    /* A Job that is not there any more is not asked about: nothing comes of it. */
    run_world_start(&world, "%s", fan);
    world_remove(&world, KIND_JOB, run_world_job(&world, "a", 1));
    world_merge(&world, KIND_PIPELINE_RUN, "r", "{'spec':{'cancel':true}}");
    assert_string_equal(run_world_step(&world), "delete Job");
    assert_string_equal(run_world_step(&world), "status PipelineRun");
    assert_string_equal(run_world_text(&world, "status/steps/0/reason"), "Cancelled");
    world_free(&world);
}

static void a_run_on_its_way_out_is_left_alone(void **state)
{
    (void)state;
    struct world world;
    run_world_init(&world, "%s", fan);
    run_world_put(&world, "r", "");
    world_merge(&world, KIND_PIPELINE_RUN, "r",
                "{'metadata':{'deletionTimestamp':'2026-11-23T12:00:00Z'}}");
    struct plan plan = world_plan_run(&world, "r");
    assert_int_equal(plan.count, 0);
    world_free(&world);
}

/* Whoever may write a status can make a step up. */
static void a_step_of_the_status_that_is_none_of_the_spec_is_forgotten(void **state)
{
    (void)state;
    struct world world;
    run_world_start(&world, ONE_STEP);
    world_merge(&world, KIND_PIPELINE_RUN, "r",
                "{'status':{'steps':[{'name':'ghost','phase':'Failed'}]}}");
    (void)run_world_step(&world);
    assert_string_equal(run_world_text(&world, "status/steps/0/name"), "train");
    assert_string_equal(run_world_text(&world, "status/phase"), "Running");
    run_world_end_step(&world, "train", 1, 0, "");
    (void)run_world_step(&world);
    assert_string_equal(run_world_text(&world, "status/phase"), "Succeeded");
    world_free(&world);
}

static void suspend_starts_no_step_and_lets_running_ones_end(void **state)
{
    (void)state;
    struct world world;
    run_world_init(&world, "%s", fan);
    run_world_put(&world, "r", "'suspend':true");
    (void)run_world_step(&world);
    assert_string_equal(run_world_text(&world, "status/phase"), "Suspended");
    assert_int_equal(world_count(&world, KIND_JOB), 0);
    world_merge(&world, KIND_PIPELINE_RUN, "r", "{'spec':{'suspend':false}}");
    (void)run_world_step(&world);
    assert_int_equal(world_count(&world, KIND_JOB), 2);
    world_merge(&world, KIND_PIPELINE_RUN, "r", "{'spec':{'suspend':true}}");
    run_world_end_step(&world, "a", 1, 0, "");
    run_world_end_step(&world, "b", 1, 0, "");
    (void)run_world_step(&world);
    assert_string_equal(run_world_text(&world, "status/progress"), "2/3");
    assert_string_equal(run_world_text(&world, "status/phase"), "Suspended");
    assert_true(text_starts_with(run_world_ready(&world), "Unknown Suspended"));
    assert_int_equal(world_count(&world, KIND_JOB), 2);
    world_merge(&world, KIND_PIPELINE_RUN, "r", "{'spec':{'suspend':false}}");
    (void)run_world_step(&world);
    run_world_end_step(&world, "c", 1, 0, "");
    world_merge(&world, KIND_PIPELINE_RUN, "r", "{'spec':{'suspend':true}}");
    (void)run_world_step(&world);
    assert_string_equal(run_world_text(&world, "status/phase"),
                        "Succeeded"); /* nothing is left to start */
    world_free(&world);
}

static void a_failed_step_lets_its_neighbours_end_and_starts_nothing(void **state)
{
    (void)state;
    struct world world;
    run_world_start(&world, "%s", fan);
    run_world_end_step(&world, "a", 1, 1, "no");
    (void)run_world_step(&world);
    assert_string_equal(run_world_text(&world, "status/phase"), "Running");
    assert_true(
        text_ends_with(run_world_ready(&world), "; the run ends when these steps have ended: b"));
    run_world_end_step(&world, "b", 1, 0, "");
    (void)run_world_step(&world);
    assert_string_equal(run_world_text(&world, "status/phase"), "Failed");
    assert_string_equal(run_world_text(&world, "status/steps/1/phase"), "Succeeded");
    assert_string_equal(run_world_text(&world, "status/steps/2/phase"), "Skipped");
    world_free(&world);
}

static void a_step_whose_turn_comes_after_a_failure_does_not_start(void **state)
{
    (void)state;
    struct world world;
    run_world_start(&world,
                    "'steps':[{'name':'a','image':'i'},{'name':'b','image':'i'},{'name':'c',"
                    "'image':'i','runAfter':['b']},{'name':'d','image':'i'}]");
    run_world_end_step(&world, "a", 1, 1, "no");
    run_world_end_step(&world, "b", 1, 0, "");
    (void)run_world_step(&world);
    assert_string_equal(run_world_text(&world, "status/phase"), "Running");
    assert_string_equal(run_world_text(&world, "status/steps/2/phase"), "Pending");
    run_world_end_step(&world, "d", 1, 0, "");
    (void)run_world_step(&world);
    assert_string_equal(run_world_text(&world, "status/phase"), "Failed");
    assert_string_equal(run_world_text(&world, "status/steps/2/phase"), "Skipped");
    world_free(&world);
}

static void the_time_limit_gives_pods_a_minute_to_end_by_their_own(void **state)
{
    (void)state;
    struct world world;
    run_world_init(&world, "'timeout':'10m','steps':[{'name':'a','image':'i','timeout':'4m'},"
                           "{'name':'b','image':'i'}]");
    run_world_put(&world, "r", "");
    struct plan plan = world_plan_run(&world, "r");
    (void)world_carry_out(&world, &plan, WORLD_NO_FAULT, 0);
    static const char deadline[] = "spec/template/spec/activeDeadlineSeconds";
    assert_int_equal(world_integer(&world, KIND_JOB, run_world_job(&world, "a", 1), deadline), 240);
    assert_int_equal(world_integer(&world, KIND_JOB, run_world_job(&world, "b", 1), deadline), 600);
    kubelet_set_pod(&world, run_world_job(&world, "b", 1), "{'phase':'Running'}");
    run_world_end_step(&world, "a", 1, 0, "");
    plan = world_plan_run(&world, "r");
    assert_int_equal(plan.wake_at, NOON + 600);
    (void)world_carry_out(&world, &plan, WORLD_NO_FAULT, 0);
    world.now = NOON + 600;
    plan = world_plan_run(&world, "r");
    assert_int_equal(plan.wake_at, NOON + 660);
    (void)world_carry_out(&world, &plan, WORLD_NO_FAULT, 0);
    assert_string_equal(run_world_ready(&world),
                        "Unknown RunTimedOut: spec.timeout of the pipeline (10m) is over; waiting "
                        "for the pods of these steps to stop: b");
    world.now = NOON + 660;
    assert_string_equal(run_world_step(&world), "probe Pod");
    assert_string_equal(run_world_step(&world), "delete Job");
    assert_string_equal(run_world_step(&world), "probe Job, status PipelineRun");
    assert_string_equal(run_world_text(&world, "status/steps/1/reason"), "RunTimedOut");
    assert_string_equal(run_world_ready(&world),
                        "False RunTimedOut: spec.timeout of the pipeline (10m) is over");
    world_free(&world);
}

static void a_run_none_of_whose_pods_runs_ends_when_its_time_is_over(void **state)
{
    (void)state;
    struct world world;
    run_world_start(&world, "'timeout':'10m','steps':[{'name':'a','image':'i','retry':{'limit':3,"
                            "'backoff':{'initial':'1h'}}}]");
    run_world_end_step(&world, "a", 1, 1, "");
    (void)run_world_step(&world);
    assert_string_equal(run_world_text(&world, "status/steps/0/phase"), "Retrying");
    world.now = NOON + 600;
    assert_string_equal(run_world_step(&world), "status PipelineRun");
    assert_string_equal(run_world_ready(&world),
                        "False RunTimedOut: spec.timeout of the pipeline (10m) is over");
    world_free(&world);
}

/*
 * Simulation: in-time, --lag Job=320000 --lag Pod=320000. Jobs and pods are seen again after runs,
 * and the time is over by then.
 */
static void what_ended_in_time_and_was_not_seen_is_asked_for_when_the_time_is_over(void **state)
{
    (void)state;
    struct world world;
    run_world_start(&world, "'timeout':'10m','steps':[{'name':'a','image':'i'}]");
    (void)run_world_step(&world);
    const char *job = run_world_job(&world, "a", 1);
    kubelet_set_pod(&world, job, "{'phase':'Running'}");
    world.now = NOON + 6000;
    struct plan plan = world_plan_run(&world, "r");
    assert_string_equal(plan_outline(&world, &plan), "probe Pod, status PipelineRun");
    assert_int_equal(plan.wake_at, world.now + 30);
    world_add_fact(&world, OPERATION_PROBE, KIND_POD, job, ERROR_NONE, FACT_POD_SUCCEEDED);
    (void)run_world_step(&world);
    assert_string_equal(run_world_text(&world, "status/phase"), "Running");
    plan = world_plan_run(&world, "r");
    assert_int_equal(plan.count, 0);
    assert_int_equal(plan.wake_at, world.now + 30);
    run_world_end_step(&world, "a", 1, 0, "");
    (void)run_world_step(&world);
    assert_string_equal(run_world_text(&world, "status/phase"), "Succeeded");
    world_free(&world);
}

static const struct {
    const char *sentence;
    const char *steps;
    bool is_asked;
} late_rows[] = {
    {"a step that has not begun can't have ended",
     "{'name':'a','image':'i'},{'name':'b','image':'i','runAfter':['a']}", false},
    {"of more than ten steps nobody is asked",
     "{'name':'a','image':'i'},{'name':'b','image':'i'},{'name':'c','image':'i'},"
     "{'name':'d','image':'i'},{'name':'e','image':'i'},{'name':'f','image':'i'},"
     "{'name':'g','image':'i'},{'name':'h','image':'i'},{'name':'i','image':'i'},"
     "{'name':'j','image':'i'},{'name':'k','image':'i'}",
     false},
    {"of two both are", "{'name':'a','image':'i'},{'name':'b','image':'i'}", true},
};

static void who_is_asked_when_the_time_is_over(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(late_rows); at++) {
        struct world world;
        run_world_start(&world, "'timeout':'10m','steps':[%s]", late_rows[at].steps);
        (void)run_world_step(&world);
        world.now = NOON + 6000;
        struct plan plan = world_plan_run(&world, "r");
        size_t asked = 0;
        for (size_t each = 0; each < plan.count; each++) {
            asked += plan.operations[each].type == OPERATION_PROBE &&
                     plan.operations[each].kind == KIND_POD;
        }
        if (asked != (late_rows[at].is_asked ? 2 : 0)) {
            fail_msg("%s: %zu", late_rows[at].sentence, asked);
        }
        world_free(&world);
    }
}

/* The cache of Jobs is behind as well: their pods are asked for by their names. */
static void a_step_whose_job_is_not_seen_is_asked_for_too(void **state)
{
    (void)state;
    struct world world;
    run_world_start(&world, "'timeout':'10m','steps':[{'name':'a','image':'i'}]");
    (void)run_world_step(&world);
    const char *job = run_world_job(&world, "a", 1);
    world_remove(&world, KIND_JOB, job);
    world_add_fact(&world, OPERATION_PROBE, KIND_JOB, job, ERROR_NONE, NULL);
    world_add_fact(&world, OPERATION_PROBE, KIND_POD, job, ERROR_NONE, FACT_POD_SUCCEEDED);
    world.now = NOON + 6000;
    (void)run_world_step(&world);
    assert_string_equal(run_world_text(&world, "status/phase"), "Running");
    world_add_fact(&world, OPERATION_PROBE, KIND_POD, job, ERROR_NONE, NULL);
    (void)run_world_step(&world);
    assert_string_equal(run_world_text(&world, "status/phase"), "Failed");
    world_free(&world);
}

/* Its finalizer may take as long as it likes. */
static void a_job_that_is_being_deleted_already_is_neither_deleted_nor_waited_for(void **state)
{
    (void)state;
    struct world world;
    run_world_start(&world, "%s", fan);
    world_merge(&world, KIND_JOB, run_world_job(&world, "a", 1),
                "{'metadata':{'deletionTimestamp':'2026-11-23T12:00:00Z'}}");
    world_merge(&world, KIND_PIPELINE_RUN, "r", "{'spec':{'cancel':true}}");
    struct plan plan = world_plan_run(&world, "r");
    assert_string_equal(plan_outline(&world, &plan), "delete Job");
    assert_string_equal(plan_find(&plan, OPERATION_DELETE, KIND_JOB, 0)->name,
                        run_world_job(&world, "b", 1));
    (void)world_carry_out(&world, &plan, WORLD_NO_FAULT, 0);
    assert_string_equal(run_world_step(&world), "status PipelineRun");
    assert_string_equal(run_world_text(&world, "status/phase"), "Cancelled");
    assert_string_equal(run_world_text(&world, "status/steps/0/reason"), "Cancelled");
    assert_int_equal(world_count(&world, KIND_JOB), 1);
    world_free(&world);
}

/* Whoever may write the status can take the reason out: an event has to have one. */
static void a_step_that_fails_without_a_reason_is_no_event_of_its_own(void **state)
{
    (void)state;
    static const struct {
        const char *sentence;
        bool has_reason;
        const char *notes;
    } rows[] = {
        {"as it was written", true, "StepFailed StepFailed "},
        {"its reason is taken out", false, "StepFailed "},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct world world;
        run_world_start(&world, "'steps':[{'name':'a','image':'i','retry':{'limit':1}},"
                                "{'name':'b','image':'i'}]");
        run_world_end_step(&world, "a", 1, 1, "no");
        (void)run_world_step(&world);
        json_t *step = world_get(&world, KIND_PIPELINE_RUN, "r", "status/steps/0");
        assert_string_equal(json_string_value(json_object_get(step, "phase")), "Retrying");
        if (!rows[at].has_reason) {
            assert_int_equal(json_object_del(step, "reason"), 0);
        }
        run_world_end_step(&world, "b", 1, 1, "no");
        struct plan plan = world_plan_run(&world, "r");
        const struct operation *event;
        const char *notes = "";
        for (size_t nth = 0;
             (event = plan_find(&plan, OPERATION_EVENT, KIND_PIPELINE_RUN, nth)) != NULL; nth++) {
            notes = arena_print(&world.arena, "%s%s ", notes, event->reason);
        }
        if (!text_equal(notes, rows[at].notes)) {
            fail_msg("%s: %s", rows[at].sentence, notes);
        }
        (void)world_carry_out(&world, &plan, WORLD_NO_FAULT, 0);
        assert_string_equal(run_world_text(&world, "status/phase"), "Failed");
        assert_string_equal(run_world_text(&world, "status/steps/0/phase"), "Failed");
        world_free(&world);
    }
}

/* Only who may write the status can say so of a run that goes on. */
static void a_step_that_the_status_calls_skipped_is_not_taken_up_and_its_job_is_stopped(
    void **state)
{
    (void)state;
    struct world world;
    run_world_start(&world, "%s", fan);
    run_world_end_step(&world, "a", 1, 0, "");
    run_world_end_step(&world, "b", 1, 0, "");
    struct plan plan = world_plan_run(&world, "r");
    (void)world_carry_out(&world, &plan, WORLD_CRASH_AFTER, 0); /* the Job of c, no status */
    (void)run_world_job(&world, "c", 1);
    json_t *step = world_get(&world, KIND_PIPELINE_RUN, "r", "status/steps/2");
    json_object_set_new(step, "phase", json_string("Skipped"));
    assert_string_equal(run_world_step(&world), "status PipelineRun");
    assert_string_equal(run_world_text(&world, "status/steps/2/phase"), "Skipped");
    assert_string_equal(run_world_text(&world, "status/progress"), "2/3");
    world_merge(&world, KIND_PIPELINE_RUN, "r", "{'spec':{'cancel':true}}");
    assert_string_equal(run_world_step(&world), "delete Job, status PipelineRun");
    assert_string_equal(run_world_step(&world), "status PipelineRun");
    assert_string_equal(run_world_text(&world, "status/phase"), "Cancelled");
    assert_string_equal(run_world_text(&world, "status/steps/2/phase"), "Skipped");
    world_free(&world);
}

static void a_step_may_take_no_longer_than_what_is_left_of_the_run(void **state)
{
    (void)state;
    struct world world;
    run_world_start(&world, "'timeout':'10m','steps':[{'name':'a','image':'i'},"
                            "{'name':'b','image':'i','runAfter':['a'],'timeout':'30m'}]");
    world.now += 3 * MINUTE;
    run_world_end_step(&world, "a", 1, 0, "");
    (void)run_world_step(&world);
    assert_int_equal(world_integer(&world, KIND_JOB, run_world_job(&world, "b", 1),
                                   "spec/template/spec/activeDeadlineSeconds"),
                     7 * MINUTE);
    world_free(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cancel_stops_what_runs_and_what_the_status_does_not_know_yet),
        cmocka_unit_test(a_job_that_comes_while_a_run_is_cancelled_is_stopped_too),
        cmocka_unit_test(a_job_that_can_t_be_deleted_is_told_and_the_run_goes_on_to_its_end_later),
        cmocka_unit_test(what_the_spec_says_after_the_end_is_seen_and_changes_nothing),
        cmocka_unit_test(a_cancel_tells_what_ended_before_it_as_it_ended),
        cmocka_unit_test(a_run_on_its_way_out_is_left_alone),
        cmocka_unit_test(a_step_of_the_status_that_is_none_of_the_spec_is_forgotten),
        cmocka_unit_test(suspend_starts_no_step_and_lets_running_ones_end),
        cmocka_unit_test(a_failed_step_lets_its_neighbours_end_and_starts_nothing),
        cmocka_unit_test(a_step_whose_turn_comes_after_a_failure_does_not_start),
        cmocka_unit_test(the_time_limit_gives_pods_a_minute_to_end_by_their_own),
        cmocka_unit_test(a_run_none_of_whose_pods_runs_ends_when_its_time_is_over),
        cmocka_unit_test(what_ended_in_time_and_was_not_seen_is_asked_for_when_the_time_is_over),
        cmocka_unit_test(who_is_asked_when_the_time_is_over),
        cmocka_unit_test(a_step_whose_job_is_not_seen_is_asked_for_too),
        cmocka_unit_test(a_job_that_is_being_deleted_already_is_neither_deleted_nor_waited_for),
        cmocka_unit_test(a_step_that_fails_without_a_reason_is_no_event_of_its_own),
        cmocka_unit_test(
            a_step_that_the_status_calls_skipped_is_not_taken_up_and_its_job_is_stopped),
        cmocka_unit_test(a_step_may_take_no_longer_than_what_is_left_of_the_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
