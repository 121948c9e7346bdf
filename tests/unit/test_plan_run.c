/* Runs before they start, and what is in their way (plan/run.c, plan/run_admission.c). */

#include "support/test.h"

#include "core/civil.h"
#include "core/text.h"
#include "plan/reasons.h"
#include "support/golden.h"
#include "support/run_world.h"

#include <stdlib.h>
#include <string.h>

/* ---- the shortest life ---- */

static void a_run_of_one_step_costs_three_writes(void **state)
{
    (void)state;
    struct world world;
    run_world_init(&world, ONE_STEP);
    run_world_put(&world, "r", "");
    struct plan plan = world_plan_run(&world, "r");
    golden_check("run/1-starts", golden_describe_plan(&world.arena, &plan, true));
    size_t before = world.writes;
    (void)world_carry_out(&world, &plan, WORLD_NO_FAULT, 0);
    assert_string_equal(run_world_step(&world), ""); /* nothing to say while it runs */
    kubelet_set_pod(&world, run_world_job(&world, "train", 1), "{'phase':'Running'}");
    assert_string_equal(run_world_step(&world), "");
    world.now += MINUTE;
    run_world_end_step(&world, "train", 1, 0, "");
    plan = world_plan_run(&world, "r");
    golden_check("run/2-succeeds", golden_describe_plan(&world.arena, &plan, true));
    (void)world_carry_out(&world, &plan, WORLD_NO_FAULT, 0);
    assert_string_equal(run_world_text(&world, "status/phase"), "Succeeded");
    assert_int_equal(world.writes - before, 3);
    kubelet_end_job(&world, run_world_job(&world, "train", 1), true);
    plan = world_plan_run(&world, "r");
    assert_int_equal(plan.count, 0);
    world_free(&world);
}

/* ---- before it starts ---- */

static void a_run_waits_and_says_for_what(void **state)
{
    (void)state;
    struct world world;
    world_init(&world, NOON);
    run_world_put(&world, "r", "");
    assert_string_equal(run_world_step(&world), "status PipelineRun");
    assert_string_equal(run_world_ready(&world),
                        "Unknown PipelineNotFound: spec.pipelineRef.name: there is no Pipeline "
                        "\"churn\" in this namespace; the run starts when it is created");
    assert_string_equal(run_world_text(&world, "status/phase"), "Pending");
    assert_string_equal(run_world_step(&world), "");
    (void)world_put(&world, KIND_PIPELINE, "{'metadata':{'name':'churn'},'spec':{%s}}", ONE_STEP);
    world.now += 5;
    (void)run_world_step(&world);
    assert_string_equal(run_world_ready(&world),
                        "Unknown PipelineNotReady: waiting until Pipeline \"churn\" is checked");
    world_merge(&world, KIND_PIPELINE, "churn",
                "{'spec':{'steps':[{'name':'a','image':'i',"
                "'runAfter':['a']}]}}");
    (void)world_settle_pipeline(&world, "churn");
    (void)run_world_step(&world);
    assert_string_equal(run_world_ready(&world),
                        "Unknown PipelineNotReady: Pipeline \"churn\" is not ready: spec.steps: "
                        "steps wait for each other: a -> a; remove one of these runAfter or "
                        "inputs");
    world_merge(&world, KIND_PIPELINE, "churn", "{'spec':{%s}}", ONE_STEP);
    (void)world_settle_pipeline(&world, "churn");
    assert_string_equal(run_world_step(&world), "create Job, status PipelineRun");
    assert_string_equal(run_world_text(&world, "status/phase"), "Running");
    world_free(&world);
}

/* The watches of the two kinds are apart: the Pipeline's status may come first. */
static void a_run_waits_for_the_revision_that_its_pipeline_names(void **state)
{
    (void)state;
    struct world world;
    run_world_init(&world, ONE_STEP);
    const char *name = arena_copy_text(
        &world.arena, world_text(&world, KIND_PIPELINE, "churn", "status/revision"));
    json_t *revision = json_deep_copy(world_find(&world, KIND_CONTROLLER_REVISION, name));
    world_remove(&world, KIND_CONTROLLER_REVISION, name);
    run_world_put(&world, "r", "");
    assert_string_equal(run_world_step(&world), "status PipelineRun");
    assert_string_equal(run_world_ready(&world),
                        arena_print(&world.arena,
                                    "Unknown PipelineNotReady: waiting for revision %s of Pipeline "
                                    "\"churn\"",
                                    name));
    assert_string_equal(run_world_text(&world, "status/phase"), "Pending");
    assert_string_equal(run_world_step(&world), "");
    char *text = json_dumps(revision, 0);
    (void)world_put(&world, KIND_CONTROLLER_REVISION, "%s", text);
    free(text);
    json_decref(revision);
    assert_string_equal(run_world_step(&world), "create Job, status PipelineRun");
    assert_string_equal(run_world_text(&world, "status/revision"), name);
    world_free(&world);
}

/* The run's own value goes before the default; both are kept as they were written. */
static void parameters_become_variables_of_each_step(void **state)
{
    (void)state;
    struct world world;
    run_world_init(&world,
                   "'params':[{'name':'learning-rate','type':'number','default':'0.10'},"
                   "{'name':'seed','type':'integer','default':'7'}],%s",
                   ONE_STEP);
    run_world_put(&world, "r", "'params':[{'name':'seed','value':'11'}]");
    assert_string_equal(run_world_step(&world), "create Job, status PipelineRun");
    static const struct name_value expected[] = {{"PARAM_LEARNING_RATE", "0.10"},
                                                 {"PARAM_SEED", "11"}};
    const json_t *env = world_get(&world, KIND_JOB, run_world_job(&world, "train", 1),
                                  "spec/template/spec/containers/0/env");
    size_t found = 0;
    size_t at;
    json_t *item;
    json_array_foreach(env, at, item)
    {
        const char *name = json_string_value(json_object_get(item, "name"));
        if (text_starts_with(name, "PARAM_")) {
            assert_true(found < COUNT_OF(expected));
            assert_string_equal(name, expected[found].name);
            assert_string_equal(json_string_value(json_object_get(item, "value")),
                                expected[found].value);
            found++;
        }
    }
    assert_int_equal(found, COUNT_OF(expected));
    world_free(&world);
}

static void parameters_that_do_not_fit_end_the_run(void **state)
{
    (void)state;
    static const struct {
        const char *sentence;
        const char *params;
        const char *message;
    } rows[] = {
        {"unknown", "[{'name':'sed','value':'7'}]",
         "False ParamInvalid: parameter \"sed\": the pipeline declares none of this name in "
         "spec.params; correct it and create a new run"},
        {"missing", "[]",
         "False ParamInvalid: parameter \"seed\": it has no default, so the run must give a "
         "value; correct it and create a new run"},
        {"of the wrong type", "[{'name':'seed','value':'seven'}]",
         "False ParamInvalid: parameter \"seed\": \"seven\" is no integer; correct it and create "
         "a new run"},
        {"out of bounds", "[{'name':'seed','value':'11'}]",
         "False ParamInvalid: parameter \"seed\": 11 is above the maximum 10; correct it and "
         "create a new run"},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct world world;
        run_world_init(&world, "'params':[{'name':'seed','type':'integer','maximum':'10'}],%s",
                       ONE_STEP);
        run_world_put(&world, "r", arena_print(&world.arena, "'params':%s", rows[at].params));
        assert_string_equal(run_world_step(&world), "status PipelineRun");
        if (strcmp(run_world_ready(&world), rows[at].message) != 0) {
            fail_msg("%s: %s", rows[at].sentence, run_world_ready(&world));
        }
        assert_string_equal(run_world_text(&world, "status/phase"), "Failed");
        assert_string_equal(world_condition(&world, KIND_PIPELINE_RUN, "r", "Stalled"),
                            arena_print(&world.arena, "True ParamInvalid: the run has ended and "
                                                      "does not start again; create a new one"));
        assert_string_equal(run_world_step(&world), "");
        world_free(&world);
    }
}

static void runs_take_turns_in_order_of_age(void **state)
{
    (void)state;
    struct world world;
    run_world_init(&world, "'maxConcurrentRuns':1,%s", ONE_STEP);
    run_world_put(&world, "b", "'suspend':true"); /* the oldest, but it holds nobody up */
    run_world_put(&world, "gone", "");            /* nor does one on its way out */
    world_merge(&world, KIND_PIPELINE_RUN, "gone",
                "{'metadata':{'deletionTimestamp':'2026-11-23T12:00:00Z'}}");
    world.now++;
    run_world_put(&world, "r", "");
    run_world_put(&world, "s", ""); /* of the same second: the name decides */
    assert_string_equal(run_world_step_of(&world, "s"), "status PipelineRun");
    assert_string_equal(
        world_condition(&world, KIND_PIPELINE_RUN, "s", "Ready"),
        "Unknown WaitingForTurn: spec.maxConcurrentRuns of the pipeline is 1, and so "
        "many other runs are under way or were created earlier; it starts when its "
        "turn comes, the oldest first");
    assert_string_equal(run_world_step(&world), "create Job, status PipelineRun");
    assert_string_equal(run_world_step_of(&world, "s"), "");
    assert_true(world_plan_run(&world, "s").wake_at == TIME_ABSENT); /* the end of r wakes it */
    world_merge(&world, KIND_PIPELINE_RUN, "b", "{'spec':{'suspend':false}}");
    (void)run_world_step_of(&world, "b");
    assert_string_equal(world_text(&world, KIND_PIPELINE_RUN, "b", "status/phase"), "Pending");
    run_world_end_step(&world, "train", 1, 0, "");
    (void)run_world_step(&world);
    (void)run_world_step_of(&world, "s");
    assert_string_equal(world_text(&world, KIND_PIPELINE_RUN, "s", "status/phase"), "Pending");
    assert_string_equal(run_world_step_of(&world, "b"), "create Job, status PipelineRun");
    world_free(&world);
}

/* Its Job is there, and the status that says so lost against somebody who changed the run. */
static void a_run_that_has_begun_takes_a_place_before_its_status_says_so(void **state)
{
    (void)state;
    static const char *const changes[] = {"'suspend':true", "'suspend':false", "'cancel':true"};
    for (size_t at = 0; at < COUNT_OF(changes); at++) {
        struct world world;
        run_world_init(&world, "'maxConcurrentRuns':1,%s", ONE_STEP);
        run_world_put(&world, "older", "'suspend':true");
        world.now++;
        run_world_put(&world, "r", "");
        struct plan plan = world_plan_run(&world, "r");
        (void)world_carry_out(&world, &plan, WORLD_CRASH_AFTER, 0); /* the Job, no status */
        world_merge(&world, KIND_PIPELINE_RUN, "r", "{'spec':{%s}}", changes[at]);
        world_merge(&world, KIND_PIPELINE_RUN, "older", "{'spec':{'suspend':false}}");
        assert_string_equal(run_world_step_of(&world, "older"), "status PipelineRun");
        assert_string_equal(world_text(&world, KIND_PIPELINE_RUN, "older", "status/phase"),
                            "Pending");
        assert_true(world_plan_run(&world, "older").wake_at > world.now); /* the Job may go */
        world_free(&world);
    }
}

static void what_admits_a_run_is_marked_for_the_others_to_see(void **state)
{
    (void)state;
    struct world world;
    run_world_init(&world, "'maxConcurrentRuns':1,%s", ONE_STEP);
    run_world_put(&world, "r", "");
    struct plan plan = world_plan_run(&world, "r");
    for (size_t at = 0; at < plan.count; at++) {
        if (plan.operations[at].type != OPERATION_EVENT) {
            assert_string_equal(plan.operations[at].admission, WORLD_NAMESPACE "/churn");
        }
    }
    (void)world_carry_out(&world, &plan, WORLD_NO_FAULT, 0);
    run_world_end_step(&world, "train", 1, 0, "");
    plan = world_plan_run(&world, "r");
    assert_null(plan_find(&plan, OPERATION_PATCH_STATUS, KIND_PIPELINE_RUN, 0)->admission);
    world_free(&world);
}

static void editing_the_pipeline_never_changes_a_run_under_way(void **state)
{
    (void)state;
    struct world world;
    run_world_start(&world,
                    "'steps':[{'name':'a','image':'i'},{'name':'b','image':'i','runAfter':['a']}]");
    world_merge(&world, KIND_PIPELINE, "churn", "{'spec':{%s}}", ONE_STEP);
    (void)world_settle_pipeline(&world, "churn");
    assert_int_equal(world_count(&world, KIND_CONTROLLER_REVISION), 2);
    run_world_end_step(&world, "a", 1, 0, "");
    assert_string_equal(run_world_step(&world), "create Job, status PipelineRun");
    (void)run_world_job(&world, "b", 1);
    world_free(&world);
}

static void a_pinned_revision_that_is_deleted_ends_the_run_and_stops_its_jobs(void **state)
{
    (void)state;
    struct world world;
    run_world_start(&world, ONE_STEP);
    const char *revision = run_world_text(&world, "status/revision");
    const char *message = arena_print(&world.arena,
                                      "False RevisionMissing: ControllerRevision %s, which pins "
                                      "this run's spec, was deleted; create a new run",
                                      revision);
    world_remove(&world, KIND_CONTROLLER_REVISION, arena_copy_text(&world.arena, revision));
    /* The cache may just not have it yet: the API server is asked first. */
    assert_int_equal(world_plan_run(&world, "r").wake_at, world.now + 30);
    assert_string_equal(run_world_step(&world), "probe ControllerRevision, status PipelineRun");
    assert_string_equal(run_world_text(&world, "status/phase"), "Running");
    assert_string_equal(run_world_step(&world), "delete Job");
    assert_string_equal(run_world_step(&world), "status PipelineRun");
    assert_string_equal(run_world_ready(&world), message);
    assert_string_equal(run_world_text(&world, "status/steps/0/phase"), "Failed");
    world_free(&world);
}

/* The watches of two kinds are apart: the cache may be behind what the API server has. */
static void a_pinned_revision_that_the_api_server_has_is_waited_for(void **state)
{
    (void)state;
    struct world world;
    run_world_start(&world, ONE_STEP);
    const char *revision = arena_copy_text(&world.arena, run_world_text(&world, "status/revision"));
    world_remove(&world, KIND_CONTROLLER_REVISION, revision);
    world_add_fact(&world, OPERATION_PROBE, KIND_CONTROLLER_REVISION, revision, ERROR_NONE, NULL);
    (void)run_world_step(&world);
    assert_string_equal(run_world_text(&world, "status/phase"), "Running");
    assert_int_equal(world_count(&world, KIND_JOB), 1);
    world_free(&world);
}

static void a_revision_that_somebody_broke_ends_the_run(void **state)
{
    (void)state;
    struct world world;
    run_world_init(&world, ONE_STEP);
    const char *revision = arena_copy_text(
        &world.arena, world_text(&world, KIND_PIPELINE, "churn", "status/revision"));
    world_merge(&world, KIND_CONTROLLER_REVISION, revision, "{'data':{'spec':{'steps':[]}}}");
    run_world_put(&world, "r", "");
    (void)run_world_step(&world);
    assert_string_equal(run_world_ready(&world),
                        "False InvalidSpec: spec.steps: at least one step is needed; correct it "
                        "and create a new run");
    assert_int_equal(world_count(&world, KIND_JOB), 0);
    world_free(&world);
}

static void a_run_waits_until_the_newest_spec_of_its_pipeline_is_judged(void **state)
{
    (void)state;
    struct world world;
    run_world_init(&world, ONE_STEP);
    world_merge(&world, KIND_PIPELINE, "churn", "{'spec':{'timeout':'1h'}}");
    run_world_put(&world, "r", "");
    struct plan plan = world_plan_run(&world, "r");
    assert_null(plan_find(&plan, OPERATION_CREATE, KIND_JOB, 0));
    plan = world_plan_pipeline(&world, "churn");
    (void)world_carry_out(&world, &plan, WORLD_NO_FAULT, 0);
    plan = world_plan_pipeline(&world, "churn");
    (void)world_carry_out(&world, &plan, WORLD_NO_FAULT, 0);
    plan = world_plan_run(&world, "r");
    assert_non_null(plan_find(&plan, OPERATION_CREATE, KIND_JOB, 0));
    world_free(&world);
}

/* ---- what is in the way ---- */

static void a_refused_job_is_a_condition_and_is_tried_again(void **state)
{
    (void)state;
    static const struct {
        const char *sentence;
        enum error_kind error;
        const char *message;
        const char *ready;
        const char *phase; /* of the step */
    } rows[] = {
        {"a quota", ERROR_DENIED, "exceeded quota: small",
         "Unknown QuotaExceeded: step train: its Job can't be created: exceeded quota: small; it "
         "is tried again",
         "Pending"},
        {"a webhook", ERROR_DENIED, "admission webhook says no",
         "Unknown WriteRefused: step train: its Job can't be created: admission webhook says no; "
         "it is tried again",
         "Pending"},
        {"a name that is taken", ERROR_EXISTS, "it is controlled by nobody",
         "Unknown NameTaken: step train: its Job can't be created: it is controlled by nobody; it "
         "is tried again",
         "Pending"},
        {"what can't ever be", ERROR_INVALID, "spec.template: Invalid value",
         "False WriteRefused: step train: the API server refuses the step's Job: spec.template: "
         "Invalid value",
         "Failed"},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct world world;
        run_world_init(&world, ONE_STEP);
        run_world_put(&world, "r", "");
        struct plan plan = world_plan_run(&world, "r");
        world_add_fact(&world, OPERATION_CREATE, KIND_JOB,
                       plan_find(&plan, OPERATION_CREATE, KIND_JOB, 0)->name, rows[at].error,
                       rows[at].message);
        plan = world_plan_run(&world, "r");
        const struct operation *create = plan_find(&plan, OPERATION_CREATE, KIND_JOB, 0);
        const struct operation *status = plan_find(&plan, OPERATION_PATCH_STATUS, KIND_PIPELINE_RUN,
                                                   0);
        assert_int_equal(create != NULL, rows[at].error != ERROR_INVALID);
        assert_true(!create || create->group != status->group);
        (void)world_carry_out(&world, &plan, create ? WORLD_REFUSED : WORLD_NO_FAULT, 0);
        if (strcmp(run_world_ready(&world), rows[at].ready) != 0) {
            fail_msg("%s: %s", rows[at].sentence, run_world_ready(&world));
        }
        assert_string_equal(run_world_text(&world, "status/steps/0/phase"), rows[at].phase);
        if (create) { /* it goes well at last */
            world_forget_facts(&world);
            (void)run_world_step(&world);
            (void)run_world_step(&world);
            assert_string_equal(run_world_text(&world, "status/steps/0/phase"), "Running");
            assert_true(text_starts_with(run_world_ready(&world), "Unknown Running"));
        }
        world_free(&world);
    }
}

static void a_job_without_a_pod_is_explained_by_its_events(void **state)
{
    (void)state;
    struct world world;
    run_world_start(&world, ONE_STEP);
    struct plan plan = world_plan_run(&world, "r");
    assert_string_equal(plan_outline(&world, &plan), "");
    assert_int_equal(plan.wake_at, world.now + 10);
    world.now += 10;
    plan = world_plan_run(&world, "r");
    assert_string_equal(plan_outline(&world, &plan), "explain Job");
    world_add_fact(&world, OPERATION_EXPLAIN, KIND_JOB, run_world_job(&world, "train", 1),
                   ERROR_NONE, "pods \"x\" is forbidden: exceeded quota: small");
    plan = world_plan_run(&world, "r");
    assert_string_equal(plan_outline(&world, &plan), "status PipelineRun");
    assert_int_equal(plan.wake_at, world.now + 120);
    (void)world_carry_out(&world, &plan, WORLD_NO_FAULT, 0);
    assert_string_equal(run_world_ready(&world),
                        "Unknown QuotaExceeded: step train: its Job can't create a pod: pods "
                        "\"x\" is forbidden: exceeded quota: small; the cluster goes on trying");
    world.now += 119;
    assert_string_equal(run_world_step(&world), "");
    world.now += 1;
    assert_string_equal(run_world_step(&world), "explain Job");
    world_add_fact(&world, OPERATION_EXPLAIN, KIND_JOB, run_world_job(&world, "train", 1),
                   ERROR_NONE, "violates PodSecurity");
    (void)run_world_step(&world);
    assert_true(text_starts_with(run_world_ready(&world),
                                 "Unknown NoPodYet: step train: its Job can't create a pod: "
                                 "violates PodSecurity;"));
    world_free(&world);
}

static void a_job_that_no_event_explains_is_asked_about_again(void **state)
{
    (void)state;
    struct world world;
    run_world_start(&world, ONE_STEP);
    world.now += 10;
    assert_string_equal(run_world_step(&world), "explain Job");
    world_add_fact(&world, OPERATION_EXPLAIN, KIND_JOB, run_world_job(&world, "train", 1),
                   ERROR_NONE, NULL);
    struct plan plan = world_plan_run(&world, "r");
    assert_string_equal(plan_outline(&world, &plan), "");
    assert_int_equal(plan.wake_at, world.now + 30);
    world.now += 30;
    assert_string_equal(run_world_step(&world), "explain Job");
    world_free(&world);
}

/* The kubelet takes turns between two words for the same cause. */
static void an_image_that_cannot_be_pulled_is_said_once(void **state)
{
    (void)state;
    struct world world;
    run_world_start(&world, ONE_STEP);
    const char *job = run_world_job(&world, "train", 1);
    kubelet_set_pod(&world, job,
                    "{'phase':'Pending','containerStatuses':[{'name':'step','image':'nowhere',"
                    "'state':{'waiting':{'reason':'ErrImagePull','message':'no such host'}}}]}");
    assert_string_equal(run_world_step(&world), "status PipelineRun");
    assert_string_equal(run_world_ready(&world),
                        "Unknown ImagePullFailed: step train: image \"nowhere\" of container step "
                        "can't be pulled: no such host; the kubelet goes on trying");
    kubelet_set_pod(&world, job,
                    "{'containerStatuses':[{'name':'step','image':'nowhere','state':{'waiting':"
                    "{'reason':'ImagePullBackOff','message':'Back-off pulling image \\\"nowhere\\\""
                    ": ErrImagePull: no such host'}}}]}");
    assert_string_equal(run_world_step(&world), "");
    kubelet_set_pod(&world, job, "{'phase':'Running','containerStatuses':[]}");
    assert_string_equal(run_world_step(&world), "status PipelineRun");
    assert_string_equal(run_world_ready(&world),
                        "Unknown Running: 0 of 1 steps done; running: train");
    world_free(&world);
}

static void a_job_that_does_not_say_since_when_it_is_there_is_asked_about_at_once(void **state)
{
    (void)state;
    struct world world;
    run_world_start(&world, ONE_STEP);
    json_t *meta = world_get(&world, KIND_JOB, run_world_job(&world, "train", 1), "metadata");
    assert_int_equal(json_object_del(meta, "creationTimestamp"), 0);
    struct plan plan = world_plan_run(&world, "r");
    assert_string_equal(plan_outline(&world, &plan), "explain Job");
    assert_int_equal(plan.wake_at, world.now + 30);
    world_free(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_of_one_step_costs_three_writes),
        cmocka_unit_test(a_run_waits_and_says_for_what),
        cmocka_unit_test(a_run_waits_for_the_revision_that_its_pipeline_names),
        cmocka_unit_test(parameters_become_variables_of_each_step),
        cmocka_unit_test(parameters_that_do_not_fit_end_the_run),
        cmocka_unit_test(runs_take_turns_in_order_of_age),
        cmocka_unit_test(a_run_that_has_begun_takes_a_place_before_its_status_says_so),
        cmocka_unit_test(what_admits_a_run_is_marked_for_the_others_to_see),
        cmocka_unit_test(editing_the_pipeline_never_changes_a_run_under_way),
        cmocka_unit_test(a_pinned_revision_that_is_deleted_ends_the_run_and_stops_its_jobs),
        cmocka_unit_test(a_pinned_revision_that_the_api_server_has_is_waited_for),
        cmocka_unit_test(a_revision_that_somebody_broke_ends_the_run),
        cmocka_unit_test(a_run_waits_until_the_newest_spec_of_its_pipeline_is_judged),
        cmocka_unit_test(a_refused_job_is_a_condition_and_is_tried_again),
        cmocka_unit_test(a_job_without_a_pod_is_explained_by_its_events),
        cmocka_unit_test(a_job_that_no_event_explains_is_asked_about_again),
        cmocka_unit_test(an_image_that_cannot_be_pulled_is_said_once),
        cmocka_unit_test(a_job_that_does_not_say_since_when_it_is_there_is_asked_about_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
