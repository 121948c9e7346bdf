#include "support/test.h"

#include "core/civil.h"
#include "core/text.h"
#include "plan/reasons.h"
#include "support/golden.h"
#include "support/kubelet.h"

#include <string.h>

enum { MINUTE = 60 };

static const int64_t noon = 1795435200; /* 2026-11-23T12:00:00Z */

/* A pipeline that is accepted, with its revision; no run yet. */
PRINTF_LIKE(2, 3)
static void set_up(struct world *world, const char *format, ...)
{
    world_init(world, noon);
    va_list arguments;
    va_start(arguments, format);
    const char *spec = arena_print_list(&world->arena, format, arguments);
    va_end(arguments);
    (void)world_put(world, KIND_CLAIM,
                    "{'metadata':{'name':'c'},'spec':{'accessModes':['ReadWriteMany']}}");
    (void)world_put(world, KIND_PIPELINE, "{'metadata':{'name':'churn'},'spec':{%s}}", spec);
    (void)world_settle_pipeline(world, "churn");
}

static void put_run(struct world *world, const char *name, const char *spec)
{
    (void)world_put(world, KIND_PIPELINE_RUN,
                    "{'metadata':{'name':'%s'},'spec':{'pipelineRef':{'name':'churn'}%s%s}}", name,
                    spec[0] ? "," : "", spec);
}

/* One planning of run `name`, carried out; its outline. */
static const char *step_run(struct world *world, const char *name)
{
    struct plan plan = world_plan_run(world, name);
    const char *outline = plan_outline(world, &plan);
    (void)world_carry_out(world, &plan, WORLD_NO_FAULT, 0);
    return outline;
}

static const char *step(struct world *world)
{
    return step_run(world, "r");
}

static const char *ready(struct world *world)
{
    return world_condition(world, KIND_PIPELINE_RUN, "r", "Ready");
}

static const char *text(struct world *world, const char *path)
{
    return world_text(world, KIND_PIPELINE_RUN, "r", path);
}

static const char *job_of(struct world *world, const char *step_name, int64_t attempt)
{
    const char *job = kubelet_find_job(world, "r", step_name, attempt);
    if (!job) {
        fail_msg("no Job of step %s, attempt %lld", step_name ? step_name : "seal",
                 (long long)attempt);
    }
    return job;
}

static void end_step(struct world *world, const char *step_name, int64_t attempt, int code,
                     const char *message)
{
    kubelet_end_pod(world, job_of(world, step_name, attempt), code, message, NULL);
}

static const char one_step[] = "'steps':[{'name':'train','image':'example/churn:1',"
                               "'command':['python','train.py']}]";

/* ---- the shortest life ---- */

static void a_run_of_one_step_costs_three_writes(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, "%s", one_step);
    put_run(&world, "r", "");
    struct plan plan = world_plan_run(&world, "r");
    golden_check("run/1-starts", golden_describe_plan(&world.arena, &plan, true));
    size_t before = world.writes;
    (void)world_carry_out(&world, &plan, WORLD_NO_FAULT, 0);
    assert_string_equal(step(&world), ""); /* nothing to say while it runs */
    kubelet_set_pod(&world, job_of(&world, "train", 1), "{'phase':'Running'}");
    assert_string_equal(step(&world), "");
    world.now += MINUTE;
    end_step(&world, "train", 1, 0, "");
    plan = world_plan_run(&world, "r");
    golden_check("run/2-succeeds", golden_describe_plan(&world.arena, &plan, true));
    (void)world_carry_out(&world, &plan, WORLD_NO_FAULT, 0);
    assert_string_equal(text(&world, "status/phase"), "Succeeded");
    assert_int_equal(world.writes - before, 3);
    kubelet_end_job(&world, job_of(&world, "train", 1), true);
    plan = world_plan_run(&world, "r");
    assert_int_equal(plan.count, 0);
    world_free(&world);
}

/* ---- before it starts ---- */

static void a_run_waits_and_says_for_what(void **state)
{
    (void)state;
    struct world world;
    world_init(&world, noon);
    put_run(&world, "r", "");
    assert_string_equal(step(&world), "status PipelineRun");
    assert_string_equal(ready(&world),
                        "Unknown PipelineNotFound: spec.pipelineRef.name: there is no Pipeline "
                        "\"churn\" in this namespace; the run starts when it is created");
    assert_string_equal(text(&world, "status/phase"), "Pending");
    assert_string_equal(step(&world), "");
    (void)world_put(&world, KIND_PIPELINE, "{'metadata':{'name':'churn'},'spec':{%s}}", one_step);
    world.now += 5;
    (void)step(&world);
    assert_string_equal(ready(&world),
                        "Unknown PipelineNotReady: waiting until Pipeline \"churn\" is checked");
    world_merge(&world, KIND_PIPELINE, "churn",
                "{'spec':{'steps':[{'name':'a','image':'i',"
                "'runAfter':['a']}]}}");
    (void)world_settle_pipeline(&world, "churn");
    (void)step(&world);
    assert_string_equal(ready(&world),
                        "Unknown PipelineNotReady: Pipeline \"churn\" is not ready: spec.steps: "
                        "steps wait for each other: a -> a; remove one of these runAfter or "
                        "inputs");
    world_merge(&world, KIND_PIPELINE, "churn", "{'spec':{%s}}", one_step);
    (void)world_settle_pipeline(&world, "churn");
    assert_string_equal(step(&world), "create Job, status PipelineRun");
    assert_string_equal(text(&world, "status/phase"), "Running");
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
        set_up(&world, "'params':[{'name':'seed','type':'integer','maximum':'10'}],%s", one_step);
        put_run(&world, "r", arena_print(&world.arena, "'params':%s", rows[at].params));
        assert_string_equal(step(&world), "status PipelineRun");
        if (strcmp(ready(&world), rows[at].message) != 0) {
            fail_msg("%s: %s", rows[at].sentence, ready(&world));
        }
        assert_string_equal(text(&world, "status/phase"), "Failed");
        assert_string_equal(world_condition(&world, KIND_PIPELINE_RUN, "r", "Stalled"),
                            arena_print(&world.arena, "True ParamInvalid: the run has ended and "
                                                      "does not start again; create a new one"));
        assert_string_equal(step(&world), "");
        world_free(&world);
    }
}

static void runs_take_turns_in_order_of_age(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, "'maxConcurrentRuns':1,%s", one_step);
    put_run(&world, "b", "'suspend':true"); /* the oldest, but it holds nobody up */
    world.now++;
    put_run(&world, "r", "");
    put_run(&world, "s", ""); /* of the same second: the name decides */
    assert_string_equal(step_run(&world, "s"), "status PipelineRun");
    assert_string_equal(
        world_condition(&world, KIND_PIPELINE_RUN, "s", "Ready"),
        "Unknown WaitingForTurn: spec.maxConcurrentRuns of the pipeline is 1, and so "
        "many other runs are under way or were created earlier; it starts when its "
        "turn comes, the oldest first");
    assert_string_equal(step(&world), "create Job, status PipelineRun");
    assert_string_equal(step_run(&world, "s"), "");
    world_merge(&world, KIND_PIPELINE_RUN, "b", "{'spec':{'suspend':false}}");
    (void)step_run(&world, "b");
    assert_string_equal(world_text(&world, KIND_PIPELINE_RUN, "b", "status/phase"), "Pending");
    end_step(&world, "train", 1, 0, "");
    (void)step(&world);
    (void)step_run(&world, "s");
    assert_string_equal(world_text(&world, KIND_PIPELINE_RUN, "s", "status/phase"), "Pending");
    assert_string_equal(step_run(&world, "b"), "create Job, status PipelineRun");
    world_free(&world);
}

/* Its Job is there, and the status that says so lost against somebody who changed the run. */
static void a_run_that_has_begun_takes_a_place_before_its_status_says_so(void **state)
{
    (void)state;
    static const char *const changes[] = {"'suspend':true", "'suspend':false", "'cancel':true"};
    for (size_t at = 0; at < COUNT_OF(changes); at++) {
        struct world world;
        set_up(&world, "'maxConcurrentRuns':1,%s", one_step);
        put_run(&world, "older", "'suspend':true");
        world.now++;
        put_run(&world, "r", "");
        struct plan plan = world_plan_run(&world, "r");
        (void)world_carry_out(&world, &plan, WORLD_CRASH_AFTER, 0); /* the Job, no status */
        world_merge(&world, KIND_PIPELINE_RUN, "r", "{'spec':{%s}}", changes[at]);
        world_merge(&world, KIND_PIPELINE_RUN, "older", "{'spec':{'suspend':false}}");
        assert_string_equal(step_run(&world, "older"), "status PipelineRun");
        assert_string_equal(world_text(&world, KIND_PIPELINE_RUN, "older", "status/phase"),
                            "Pending");
        world_free(&world);
    }
}

static void what_admits_a_run_is_marked_for_the_others_to_see(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, "'maxConcurrentRuns':1,%s", one_step);
    put_run(&world, "r", "");
    struct plan plan = world_plan_run(&world, "r");
    for (size_t at = 0; at < plan.count; at++) {
        if (plan.operations[at].type != OPERATION_EVENT) {
            assert_string_equal(plan.operations[at].admission, WORLD_NAMESPACE "/churn");
        }
    }
    (void)world_carry_out(&world, &plan, WORLD_NO_FAULT, 0);
    end_step(&world, "train", 1, 0, "");
    plan = world_plan_run(&world, "r");
    assert_null(plan_find(&plan, OPERATION_PATCH_STATUS, KIND_PIPELINE_RUN, 0)->admission);
    world_free(&world);
}

static void editing_the_pipeline_never_changes_a_run_under_way(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, "'steps':[{'name':'a','image':'i'},{'name':'b','image':'i','runAfter':['a']}]");
    put_run(&world, "r", "");
    (void)step(&world);
    world_merge(&world, KIND_PIPELINE, "churn", "{'spec':{%s}}", one_step);
    (void)world_settle_pipeline(&world, "churn");
    assert_int_equal(world_count(&world, KIND_CONTROLLER_REVISION), 2);
    end_step(&world, "a", 1, 0, "");
    assert_string_equal(step(&world), "create Job, status PipelineRun");
    (void)job_of(&world, "b", 1);
    world_free(&world);
}

static void a_pinned_revision_that_is_deleted_ends_the_run_and_stops_its_jobs(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, "%s", one_step);
    put_run(&world, "r", "");
    (void)step(&world);
    const char *revision = text(&world, "status/revision");
    const char *message = arena_print(&world.arena,
                                      "False RevisionMissing: ControllerRevision %s, which pins "
                                      "this run's spec, was deleted; create a new run",
                                      revision);
    world_remove(&world, KIND_CONTROLLER_REVISION, arena_copy_text(&world.arena, revision));
    /* The cache may just not have it yet: the API server is asked first. */
    assert_string_equal(step(&world), "probe ControllerRevision, status PipelineRun");
    assert_string_equal(text(&world, "status/phase"), "Running");
    assert_string_equal(step(&world), "delete Job, status PipelineRun");
    assert_string_equal(ready(&world), message);
    assert_string_equal(text(&world, "status/steps/0/phase"), "Failed");
    world_free(&world);
}

static void a_run_waits_until_the_newest_spec_of_its_pipeline_is_judged(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, "%s", one_step);
    world_merge(&world, KIND_PIPELINE, "churn", "{'spec':{'timeout':'1h'}}");
    put_run(&world, "r", "");
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

/* ---- attempts ---- */

static void the_recorded_end_of_a_step_never_changes(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, "'steps':[{'name':'a','image':'i'},{'name':'b','image':'i','runAfter':['a']}]");
    put_run(&world, "r", "");
    (void)step(&world);
    end_step(&world, "a", 1, 0, "");
    (void)step(&world);
    assert_string_equal(text(&world, "status/steps/0/phase"), "Succeeded");
    kubelet_set_pod(&world, job_of(&world, "a", 1), "{'phase':'Failed'}");
    assert_string_equal(step(&world), "");
    assert_string_equal(text(&world, "status/steps/0/phase"), "Succeeded");
    world_free(&world);
}

static const char retried[] = "'steps':[{'name':'train','image':'i','retry':{'limit':2,"
                              "'backoff':{'initial':'10s','factor':3,'max':'20s'}}}]";

static void a_failed_attempt_is_tried_again_when_its_time_has_come(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, "%s", retried);
    put_run(&world, "r", "");
    (void)step(&world);
    end_step(&world, "train", 1, 3, "out of luck");
    struct plan plan = world_plan_run(&world, "r");
    assert_string_equal(plan_outline(&world, &plan), "status PipelineRun");
    assert_int_equal(plan.wake_at, world.now + 10);
    golden_check("run/3-retries", golden_describe_plan(&world.arena, &plan, true));
    (void)world_carry_out(&world, &plan, WORLD_NO_FAULT, 0);
    assert_string_equal(ready(&world),
                        "Unknown Running: 0 of 1 steps done; waiting to try again: train");
    world.now += 9;
    assert_string_equal(step(&world), "");
    world.now += 1;
    assert_string_equal(step(&world), "create Job, status PipelineRun");
    end_step(&world, "train", 2, 3, "again");
    plan = world_plan_run(&world, "r");
    assert_int_equal(plan.wake_at, world.now + 20);
    (void)world_carry_out(&world, &plan, WORLD_NO_FAULT, 0);
    world.now += 20;
    (void)step(&world);
    end_step(&world, "train", 3, 3, "for good");
    (void)step(&world);
    assert_true(text_starts_with(ready(&world),
                                 "False StepFailed: step train: container step of pod r-train-"));
    assert_true(text_ends_with(ready(&world), " exited with code 3; its last words: for good"));
    assert_int_equal(world_integer(&world, KIND_PIPELINE_RUN, "r", "status/steps/0/attempts"), 3);
    assert_int_equal(world_count(&world, KIND_JOB), 3);
    world_free(&world);
}

static const char rows_wanted[] = "'steps':[{'name':'train','image':'i','outputs':{'results':"
                                  "[{'name':'rows','type':'integer'}]}}]";

/* Simulation: chain, --lag Pod=7000. The watch of pods may be behind that of Jobs. */
static void a_job_that_is_complete_waits_for_what_its_pod_left(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, "%s", rows_wanted);
    put_run(&world, "r", "");
    (void)step(&world);
    kubelet_end_job(&world, job_of(&world, "train", 1), true);
    struct plan plan = world_plan_run(&world, "r");
    assert_int_equal(plan.count, 0);
    assert_int_equal(plan.wake_at, world.now + 10);
    world.now += 10;
    (void)step(&world);
    assert_true(text_starts_with(ready(&world), "Unknown PodNotSeen: Job r-train-"));
    end_step(&world, "train", 1, 0, "{'rows':3}");
    (void)step(&world);
    assert_string_equal(text(&world, "status/phase"), "Succeeded");
    assert_string_equal(text(&world, "status/steps/0/results/0/value"), "3");
    world_free(&world);
}

static void a_pod_that_never_turns_up_fails_the_attempt_in_the_end(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, "%s", rows_wanted);
    put_run(&world, "r", "");
    (void)step(&world);
    kubelet_end_job(&world, job_of(&world, "train", 1), true);
    world.now += 299;
    (void)step(&world);
    assert_string_equal(text(&world, "status/phase"), "Running");
    world.now += 1;
    (void)step(&world);
    assert_string_equal(ready(&world), "False ResultMissing: step train: the pod was deleted "
                                       "before its results were read");
    world_free(&world);
}

static void a_step_that_leaves_nothing_waits_less_for_its_pod(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, "%s", one_step);
    put_run(&world, "r", "");
    (void)step(&world);
    kubelet_end_job(&world, job_of(&world, "train", 1), true);
    world.now += 9;
    assert_string_equal(step(&world), "");
    world.now += 1;
    (void)step(&world);
    assert_string_equal(text(&world, "status/phase"), "Succeeded");
    world_free(&world);
}

static void results_are_read_or_the_attempt_has_failed(void **state)
{
    (void)state;
    char huge[4200];
    memset(huge, 'x', sizeof(huge) - 1);
    huge[4096] = '\0';
    const struct {
        const char *sentence;
        const char *message;
        const char *ready;
    } rows[] = {
        {"integers are kept as they were written", "{'rows':12345678901234567890}", NULL},
        {"a declared result is missing", "{'row':3}",
         "False ResultMissing: step train: result \"rows\" is declared but the step did not write "
         "it to $TIDEMILL_RESULTS"},
        {"nothing is written", "",
         "False ResultMissing: step train: result \"rows\" is declared but the step did not write "
         "it to $TIDEMILL_RESULTS"},
        {"of another type", "{'rows':'many'}",
         "False ResultInvalid: step train: result \"rows\" is declared as integer: \"many\" is no "
         "integer"},
        {"cut at the limit", huge,
         "False ResultTooLarge: step train: what the step wrote to $TIDEMILL_RESULTS was cut at "
         "4096 bytes ($TIDEMILL_RESULTS_MAX); write less, or an artifact"},
        {"no JSON", "rows=3",
         "False ResultInvalid: step train: what the step wrote to "
         "$TIDEMILL_RESULTS is not one JSON object of plain values: "},
        {"a list", "[3]",
         "False ResultInvalid: step train: what the step wrote to "
         "$TIDEMILL_RESULTS is not one JSON object of plain values: "},
        {"not plain", "{'rows':[3]}",
         "False ResultInvalid: step train: what the step wrote to "
         "$TIDEMILL_RESULTS is not one JSON object of plain values: "},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct world world;
        set_up(&world, "'steps':[{'name':'train','image':'i','outputs':{'results':"
                       "[{'name':'rows','type':'integer'}]}}]");
        put_run(&world, "r", "");
        (void)step(&world);
        end_step(&world, "train", 1, 0, rows[at].message);
        (void)step(&world);
        if (!text_starts_with(ready(&world),
                              rows[at].ready ? rows[at].ready : "True Succeeded: ")) {
            fail_msg("%s: %s", rows[at].sentence, ready(&world));
        }
        assert_string_equal(text(&world, "status/steps/0/results/0/value"),
                            rows[at].ready ? "" : "12345678901234567890");
        world_free(&world);
    }
}

static void checks_stop_or_warn(void **state)
{
    (void)state;
    static const struct {
        const char *sentence;
        const char *value;
        const char *ready;
        const char *step; /* message of the step */
    } rows[] = {
        {"all pass", "0.01", "True Succeeded: all 1 step succeeded", ""},
        {"a warning lets the run go on", "0.3", "True Succeeded: all 1 step succeeded",
         "result psi is 0.3, allowed at most 0.2"},
        {"a stop ends it", "0.7",
         "False CheckFailed: step validate: result psi is 0.7, allowed at most 0.2; result psi is "
         "0.7, allowed at most 0.5",
         "result psi is 0.7, allowed at most 0.2; result psi is 0.7, allowed at most 0.5"},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct world world;
        set_up(&world, "'steps':[{'name':'validate','image':'i','retry':{'limit':3},"
                       "'outputs':{'results':[{'name':'psi','type':'number'}]},'checks':["
                       "{'result':'psi','max':'0.2','onFailure':'Warn'},"
                       "{'result':'psi','max':'0.5','onFailure':'Stop'}]}]");
        put_run(&world, "r", "");
        (void)step(&world);
        end_step(&world, "validate", 1, 0, arena_print(&world.arena, "{'psi':%s}", rows[at].value));
        (void)step(&world);
        if (strcmp(ready(&world), rows[at].ready) != 0 ||
            strcmp(text(&world, "status/steps/0/message"), rows[at].step) != 0) {
            fail_msg("%s: %s [%s]", rows[at].sentence, ready(&world),
                     text(&world, "status/steps/0/message"));
        }
        assert_string_equal(text(&world, "status/steps/0/results/0/value"), rows[at].value);
        world_free(&world);
    }
}

/* Each step's says so, whatever else becomes of the run; it publishes like any other. */
static void a_check_that_asks_for_retraining_lets_the_run_go_on_and_says_so(void **state)
{
    (void)state;
    static const struct {
        const char *second; /* result of the second step */
        const char *ready;
        const char *retrain;
    } rows[] = {
        {"0.1", "True Succeeded: all 2 steps succeeded",
         "True RetrainNeeded: step first: result psi is 0.3, allowed at most 0.2"},
        {"0.4", "True Succeeded: all 2 steps succeeded",
         "True RetrainNeeded: step first: result psi is 0.3, allowed at most 0.2; step second: "
         "result psi is 0.4, allowed at most 0.2"},
        {"0.9",
         "False CheckFailed: step second: result psi is 0.9, allowed at most 0.2; result psi is "
         "0.9, allowed at most 0.5",
         "True RetrainNeeded: step first: result psi is 0.3, allowed at most 0.2; step second: "
         "result psi is 0.9, allowed at most 0.2"},
    };
    static const char checked[] =
        "'image':'i','outputs':{'results':[{'name':'psi','type':'number'}]},"
        "'checks':[{'result':'psi','max':'0.2','onFailure':'Retrain'},"
        "{'result':'psi','max':'0.5','onFailure':'Stop'}]";
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct world world;
        set_up(&world, "'steps':[{'name':'first',%s},{'name':'second','runAfter':['first'],%s}]",
               checked, checked);
        put_run(&world, "r", "");
        (void)step(&world);
        assert_string_equal(world_condition(&world, KIND_PIPELINE_RUN, "r", "RetrainNeeded"), "");
        end_step(&world, "first", 1, 0, "{'psi':0.3}");
        (void)step(&world);
        assert_string_equal(world_condition(&world, KIND_PIPELINE_RUN, "r", "RetrainNeeded"),
                            rows[0].retrain);
        assert_string_equal(text(&world, "status/steps/0/reason"), "RetrainNeeded");
        assert_string_equal(text(&world, "status/steps/0/phase"), "Succeeded");
        end_step(&world, "second", 1, 0, arena_print(&world.arena, "{'psi':%s}", rows[at].second));
        (void)step(&world);
        assert_string_equal(ready(&world), rows[at].ready);
        assert_string_equal(world_condition(&world, KIND_PIPELINE_RUN, "r", "RetrainNeeded"),
                            rows[at].retrain);
        world_free(&world);
    }
}

static void a_job_that_vanished_is_asked_for_before_its_attempt_is_given_up(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, "%s", retried);
    put_run(&world, "r", "");
    (void)step(&world);
    const char *job = job_of(&world, "train", 1);
    world_remove(&world, KIND_JOB, job);
    assert_string_equal(step(&world), "probe Job");
    assert_string_equal(step(&world), "status PipelineRun");
    assert_string_equal(text(&world, "status/steps/0/phase"), "Retrying");
    assert_string_equal(text(&world, "status/steps/0/reason"), "JobDeleted");
    world_free(&world);

    /* The cache was late: the API server has the Job, so nothing is given up. */
    set_up(&world, "%s", retried);
    put_run(&world, "r", "");
    (void)step(&world);
    world_remove(&world, KIND_JOB, job_of(&world, "train", 1));
    world_add_fact(&world, OPERATION_PROBE, KIND_JOB, text(&world, "status/steps/0/job"),
                   ERROR_NONE, NULL);
    struct plan plan = world_plan_run(&world, "r");
    assert_string_equal(plan_outline(&world, &plan), "probe Job");
    assert_int_equal(plan.wake_at, world.now + 30);
    world_free(&world);
}

static void a_job_whose_status_write_was_lost_is_taken_up(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, "%s", one_step);
    put_run(&world, "r", "");
    struct plan plan = world_plan_run(&world, "r");
    (void)world_carry_out(&world, &plan, WORLD_CRASH_AFTER, 0);
    assert_string_equal(text(&world, "status/phase"), "");

    /* Edited meanwhile: the Job says which revision it is of. */
    world_merge(&world, KIND_PIPELINE, "churn",
                "{'spec':{'steps':[{'name':'other','image':'i'}]}}");
    (void)world_settle_pipeline(&world, "churn");
    assert_string_equal(step(&world), "status PipelineRun");
    assert_string_equal(text(&world, "status/steps/0/name"), "train");
    assert_string_equal(text(&world, "status/steps/0/phase"), "Running");
    assert_int_equal(world_count(&world, KIND_JOB), 1);
    world_free(&world);
}

static void a_job_that_was_collected_after_its_success_is_no_failure(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, "'steps':[{'name':'a','image':'i'},{'name':'b','image':'i','runAfter':['a']}]");
    put_run(&world, "r", "");
    (void)step(&world);
    end_step(&world, "a", 1, 0, "");
    (void)step(&world);
    world_remove(&world, KIND_JOB, job_of(&world, "a", 1));
    end_step(&world, "b", 1, 0, "");
    (void)step(&world);
    assert_string_equal(ready(&world), "True Succeeded: all 2 steps succeeded");
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
        set_up(&world, "%s", one_step);
        put_run(&world, "r", "");
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
        if (strcmp(ready(&world), rows[at].ready) != 0) {
            fail_msg("%s: %s", rows[at].sentence, ready(&world));
        }
        assert_string_equal(text(&world, "status/steps/0/phase"), rows[at].phase);
        if (create) { /* it goes well at last */
            world_forget_facts(&world);
            (void)step(&world);
            (void)step(&world);
            assert_string_equal(text(&world, "status/steps/0/phase"), "Running");
            assert_true(text_starts_with(ready(&world), "Unknown Running"));
        }
        world_free(&world);
    }
}

static void a_job_without_a_pod_is_explained_by_its_events(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, "%s", one_step);
    put_run(&world, "r", "");
    (void)step(&world);
    struct plan plan = world_plan_run(&world, "r");
    assert_string_equal(plan_outline(&world, &plan), "");
    assert_int_equal(plan.wake_at, world.now + 10);
    world.now += 10;
    plan = world_plan_run(&world, "r");
    assert_string_equal(plan_outline(&world, &plan), "explain Job");
    world_add_fact(&world, OPERATION_EXPLAIN, KIND_JOB, job_of(&world, "train", 1), ERROR_NONE,
                   "pods \"x\" is forbidden: exceeded quota: small");
    plan = world_plan_run(&world, "r");
    assert_string_equal(plan_outline(&world, &plan), "status PipelineRun");
    assert_int_equal(plan.wake_at, world.now + 30);
    (void)world_carry_out(&world, &plan, WORLD_NO_FAULT, 0);
    assert_string_equal(ready(&world),
                        "Unknown QuotaExceeded: step train: its Job can't create a pod: pods "
                        "\"x\" is forbidden: exceeded quota: small; the cluster goes on trying");
    assert_string_equal(step(&world), "");
    world.now += 30;
    assert_string_equal(step(&world), "explain Job");
    world_free(&world);
}

/* The kubelet takes turns between two words for the same cause. */
static void an_image_that_cannot_be_pulled_is_said_once(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, "%s", one_step);
    put_run(&world, "r", "");
    (void)step(&world);
    const char *job = job_of(&world, "train", 1);
    kubelet_set_pod(&world, job,
                    "{'phase':'Pending','containerStatuses':[{'name':'step','image':'nowhere',"
                    "'state':{'waiting':{'reason':'ErrImagePull','message':'no such host'}}}]}");
    assert_string_equal(step(&world), "status PipelineRun");
    assert_string_equal(ready(&world),
                        "Unknown ImagePullFailed: step train: image \"nowhere\" of container step "
                        "can't be pulled: no such host; the kubelet goes on trying");
    kubelet_set_pod(&world, job,
                    "{'containerStatuses':[{'name':'step','image':'nowhere','state':{'waiting':"
                    "{'reason':'ImagePullBackOff','message':'Back-off pulling image \\\"nowhere\\\""
                    ": ErrImagePull: no such host'}}}]}");
    assert_string_equal(step(&world), "");
    kubelet_set_pod(&world, job, "{'phase':'Running','containerStatuses':[]}");
    assert_string_equal(step(&world), "status PipelineRun");
    assert_string_equal(ready(&world), "Unknown Running: 0 of 1 steps done; running: train");
    world_free(&world);
}

/* ---- ends that somebody asks for ---- */

static const char fan[] = "'steps':[{'name':'a','image':'i'},{'name':'b','image':'i'},"
                          "{'name':'c','image':'i','runAfter':['a','b']}]";

static void a_cancel_stops_what_runs_and_what_the_status_does_not_know_yet(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, "%s", fan);
    put_run(&world, "r", "");
    struct plan plan = world_plan_run(&world, "r");
    (void)world_carry_out(&world, &plan, WORLD_CRASH_AFTER, 1); /* both Jobs, no status */
    world_merge(&world, KIND_PIPELINE_RUN, "r", "{'spec':{'cancel':true}}");
    assert_string_equal(step(&world), "delete Job, delete Job, status PipelineRun");
    assert_string_equal(text(&world, "status/phase"), "Cancelled");
    assert_string_equal(ready(&world),
                        "False Cancelled: spec.cancel is true; what was running was stopped, "
                        "nothing is published");
    assert_string_equal(text(&world, "status/steps/2/phase"), "Skipped");
    assert_int_equal(world_count(&world, KIND_JOB), 0);
    world_free(&world);

    /* Never started. */
    set_up(&world, "%s", fan);
    put_run(&world, "r", "'cancel':true");
    assert_string_equal(step(&world), "status PipelineRun");
    assert_string_equal(text(&world, "status/phase"), "Cancelled");
    world_free(&world);

    /* What has ended stays, for its logs. */
    set_up(&world, "%s", fan);
    put_run(&world, "r", "");
    (void)step(&world);
    end_step(&world, "a", 1, 0, "");
    (void)step(&world);
    world_merge(&world, KIND_PIPELINE_RUN, "r", "{'spec':{'cancel':true}}");
    assert_string_equal(step(&world), "delete Job, status PipelineRun");
    (void)job_of(&world, "a", 1);
    assert_string_equal(text(&world, "status/steps/0/phase"), "Succeeded");
    assert_string_equal(text(&world, "status/steps/1/phase"), "Failed");
    world_free(&world);
}

/* Seen with the cancellation, or never written down: a step that ran is not told as stopped. */
static void a_cancel_tells_what_ended_before_it_as_it_ended(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, "%s", fan);
    put_run(&world, "r", "");
    (void)step(&world);
    end_step(&world, "a", 1, 0, "");
    end_step(&world, "b", 1, 3, "");
    world_merge(&world, KIND_PIPELINE_RUN, "r", "{'spec':{'cancel':true}}");
    assert_string_equal(step(&world), "status PipelineRun");
    assert_string_equal(text(&world, "status/phase"), "Cancelled");
    assert_string_equal(text(&world, "status/steps/0/phase"), "Succeeded");
    assert_string_equal(text(&world, "status/steps/1/phase"), "Failed");
    assert_string_equal(text(&world, "status/steps/1/reason"), "StepFailed");
    assert_string_equal(text(&world, "status/steps/2/phase"), "Skipped");
    world_free(&world);

    /* The status that tells of c's Job was not written; c has ended since. */
    set_up(&world, "%s", fan);
    put_run(&world, "r", "");
    (void)step(&world);
    end_step(&world, "a", 1, 0, "");
    end_step(&world, "b", 1, 0, "");
    struct plan plan = world_plan_run(&world, "r");
    (void)world_carry_out(&world, &plan, WORLD_CRASH_AFTER, 0);
    end_step(&world, "c", 1, 0, "");
    world_merge(&world, KIND_PIPELINE_RUN, "r", "{'spec':{'cancel':true}}");
    assert_string_equal(step(&world), "status PipelineRun");
    assert_string_equal(text(&world, "status/steps/2/phase"), "Succeeded");
    assert_int_equal(world_integer(&world, KIND_PIPELINE_RUN, "r", "status/steps/2/attempts"), 1);
    world_free(&world);

    /* A Job that is not there any more is not asked about: nothing comes of it. */
    set_up(&world, "%s", fan);
    put_run(&world, "r", "");
    (void)step(&world);
    world_remove(&world, KIND_JOB, job_of(&world, "a", 1));
    world_merge(&world, KIND_PIPELINE_RUN, "r", "{'spec':{'cancel':true}}");
    assert_string_equal(step(&world), "delete Job, status PipelineRun");
    assert_string_equal(text(&world, "status/steps/0/reason"), "Cancelled");
    world_free(&world);
}

static void suspend_starts_no_step_and_lets_running_ones_end(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, "%s", fan);
    put_run(&world, "r", "'suspend':true");
    (void)step(&world);
    assert_string_equal(text(&world, "status/phase"), "Suspended");
    assert_int_equal(world_count(&world, KIND_JOB), 0);
    world_merge(&world, KIND_PIPELINE_RUN, "r", "{'spec':{'suspend':false}}");
    (void)step(&world);
    assert_int_equal(world_count(&world, KIND_JOB), 2);
    world_merge(&world, KIND_PIPELINE_RUN, "r", "{'spec':{'suspend':true}}");
    end_step(&world, "a", 1, 0, "");
    end_step(&world, "b", 1, 0, "");
    (void)step(&world);
    assert_string_equal(text(&world, "status/progress"), "2/3");
    assert_string_equal(text(&world, "status/phase"), "Suspended");
    assert_true(text_starts_with(ready(&world), "Unknown Suspended"));
    assert_int_equal(world_count(&world, KIND_JOB), 2);
    world_merge(&world, KIND_PIPELINE_RUN, "r", "{'spec':{'suspend':false}}");
    (void)step(&world);
    end_step(&world, "c", 1, 0, "");
    world_merge(&world, KIND_PIPELINE_RUN, "r", "{'spec':{'suspend':true}}");
    (void)step(&world);
    assert_string_equal(text(&world, "status/phase"), "Succeeded"); /* nothing is left to start */
    world_free(&world);
}

static void a_failed_step_lets_its_neighbours_end_and_starts_nothing(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, "%s", fan);
    put_run(&world, "r", "");
    (void)step(&world);
    end_step(&world, "a", 1, 1, "no");
    (void)step(&world);
    assert_string_equal(text(&world, "status/phase"), "Running");
    assert_true(text_ends_with(ready(&world), "; the run ends when these steps have ended: b"));
    end_step(&world, "b", 1, 0, "");
    (void)step(&world);
    assert_string_equal(text(&world, "status/phase"), "Failed");
    assert_string_equal(text(&world, "status/steps/1/phase"), "Succeeded");
    assert_string_equal(text(&world, "status/steps/2/phase"), "Skipped");
    world_free(&world);
}

static void a_step_whose_turn_comes_after_a_failure_does_not_start(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, "'steps':[{'name':'a','image':'i'},{'name':'b','image':'i'},{'name':'c',"
                   "'image':'i','runAfter':['b']},{'name':'d','image':'i'}]");
    put_run(&world, "r", "");
    (void)step(&world);
    end_step(&world, "a", 1, 1, "no");
    end_step(&world, "b", 1, 0, "");
    (void)step(&world);
    assert_string_equal(text(&world, "status/phase"), "Running");
    assert_string_equal(text(&world, "status/steps/2/phase"), "Pending");
    end_step(&world, "d", 1, 0, "");
    (void)step(&world);
    assert_string_equal(text(&world, "status/phase"), "Failed");
    assert_string_equal(text(&world, "status/steps/2/phase"), "Skipped");
    world_free(&world);
}

static void the_time_limit_gives_pods_a_minute_to_end_by_their_own(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, "'timeout':'10m','steps':[{'name':'a','image':'i','timeout':'4m'},"
                   "{'name':'b','image':'i'}]");
    put_run(&world, "r", "");
    struct plan plan = world_plan_run(&world, "r");
    (void)world_carry_out(&world, &plan, WORLD_NO_FAULT, 0);
    static const char deadline[] = "spec/template/spec/activeDeadlineSeconds";
    assert_int_equal(world_integer(&world, KIND_JOB, job_of(&world, "a", 1), deadline), 240);
    assert_int_equal(world_integer(&world, KIND_JOB, job_of(&world, "b", 1), deadline), 600);
    kubelet_set_pod(&world, job_of(&world, "b", 1), "{'phase':'Running'}");
    end_step(&world, "a", 1, 0, "");
    plan = world_plan_run(&world, "r");
    assert_int_equal(plan.wake_at, noon + 600);
    (void)world_carry_out(&world, &plan, WORLD_NO_FAULT, 0);
    world.now = noon + 600;
    plan = world_plan_run(&world, "r");
    assert_int_equal(plan.wake_at, noon + 660);
    (void)world_carry_out(&world, &plan, WORLD_NO_FAULT, 0);
    assert_string_equal(ready(&world),
                        "Unknown RunTimedOut: spec.timeout of the pipeline (10m) is over; waiting "
                        "for the pods of these steps to stop: b");
    world.now = noon + 660;
    assert_string_equal(step(&world), "delete Job, status PipelineRun");
    assert_string_equal(ready(&world),
                        "False RunTimedOut: spec.timeout of the pipeline (10m) is over");
    world_free(&world);
}

/* ---- publishing ---- */

static const char published[] =
    "'artifacts':{'volumeClaim':{'claimName':'c'}},"
    "'publish':{'model':'churn','artifact':'train.model','metricsFrom':['train']},"
    "'steps':[{'name':'train','image':'i','outputs':{'artifacts':[{'name':'model'}],"
    "'results':[{'name':'accuracy','type':'number'},{'name':'note','type':'string'}]}}";

/* The name of the Job's only pod. */
static const char *pod_of(struct world *world, const char *job)
{
    const char *uid = world_text(world, KIND_JOB, job, "metadata/uid");
    for (size_t at = 0; at < world->count; at++) {
        const json_t *meta = json_object_get(world->objects[at].tree, "metadata");
        const json_t *owner = json_array_get(json_object_get(meta, "ownerReferences"), 0);
        const char *owner_uid = json_string_value(json_object_get(owner, "uid"));
        if (world->objects[at].kind == KIND_POD && owner_uid && strcmp(owner_uid, uid) == 0) {
            return arena_copy_text(&world->arena, json_string_value(json_object_get(meta, "name")));
        }
    }
    fail_msg("Job %s has no pod", job);
    return NULL;
}

static const char *version_of(struct world *world)
{
    for (size_t at = 0; at < world->count; at++) {
        if (world->objects[at].kind == KIND_MODEL_VERSION) {
            return json_string_value(
                json_object_get(json_object_get(world->objects[at].tree, "metadata"), "name"));
        }
    }
    return "";
}

static void an_artifact_that_nobody_read_is_sealed_then_published(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, "%s]", published);
    put_run(&world, "r",
            "'cause':{'kind':'Trigger','name':'new-data','revision':'sha256:4d',"
            "'message':'1 new object below lake/: b.csv; 2 in all'}");
    (void)step(&world);
    end_step(&world, "train", 1, 0, "{'accuracy':0.93,'note':'good'}");
    struct plan plan = world_plan_run(&world, "r");
    golden_check("run/4-seals", golden_describe_plan(&world.arena, &plan, true));
    (void)world_carry_out(&world, &plan, WORLD_NO_FAULT, 0);
    kubelet_set_pod(&world, job_of(&world, NULL, 1), "{'phase':'Running'}");
    (void)step(&world);
    assert_true(text_starts_with(ready(&world), "Unknown Sealing"));
    kubelet_end_pod(&world, job_of(&world, NULL, 1), 0,
                    "{'inputs':{'model':{'digest':'sha256:2222','bytes':9}}}", NULL);
    plan = world_plan_run(&world, "r");
    golden_check("run/5-publishes", golden_describe_plan(&world.arena, &plan, true));
    (void)world_carry_out(&world, &plan, WORLD_NO_FAULT, 0);
    assert_string_equal(text(&world, "status/phase"), "Succeeded");
    assert_string_equal(text(&world, "status/modelVersion"), version_of(&world));
    world_free(&world);
}

static void an_artifact_that_a_step_read_needs_no_seal(void **state)
{
    (void)state;
    struct world world;
    set_up(&world,
           "%s,{'name':'evaluate','image':'i','inputs':[{'name':'m','from':'train.model'}]}"
           "]",
           published);
    put_run(&world, "r", "");
    (void)step(&world);
    end_step(&world, "train", 1, 0, "{'accuracy':0.93,'note':'good'}");
    (void)step(&world);
    kubelet_end_pod(&world, job_of(&world, "evaluate", 1), 0, "",
                    "{'inputs':{'m':{'digest':'sha256:3333'}}}");
    assert_string_equal(step(&world), "create ModelVersion, status PipelineRun");
    assert_string_equal(
        world_text(&world, KIND_MODEL_VERSION, version_of(&world), "spec/artifact/digest"),
        "sha256:3333");
    assert_string_equal(text(&world, "status/steps/0/artifacts/0/digest"), "sha256:3333");
    world_free(&world);
}

/* The version was made, its status never written, and then somebody deleted the pods. */
static void a_run_whose_version_is_there_has_succeeded_whatever_is_gone(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, "%s]", published);
    put_run(&world, "r", "");
    (void)step(&world);
    end_step(&world, "train", 1, 0, "{'accuracy':0.93,'note':'good'}");
    (void)step(&world);
    const char *job = job_of(&world, NULL, 1);
    kubelet_end_pod(&world, job, 0, "{'inputs':{'model':{'digest':'sha256:2222'}}}", NULL);
    struct plan plan = world_plan_run(&world, "r");
    (void)world_carry_out(&world, &plan, WORLD_CRASH_AFTER, 0);
    kubelet_end_job(&world, job, true);
    world_remove(&world, KIND_POD, pod_of(&world, job));
    assert_string_equal(step(&world), "status PipelineRun");
    assert_string_equal(text(&world, "status/phase"), "Succeeded");
    assert_string_equal(text(&world, "status/steps/0/artifacts/0/digest"), "sha256:2222");
    world_free(&world);

    /* The last step's end was told by the status that was not written. */
    set_up(&world,
           "%s,{'name':'check','image':'i','inputs':[{'name':'model','from':'train.model'}],"
           "'outputs':{'results':[{'name':'x','type':'number'}]}}]",
           published);
    put_run(&world, "r", "");
    (void)step(&world);
    end_step(&world, "train", 1, 0, "{'accuracy':0.93,'note':'good'}");
    (void)step(&world);
    job = job_of(&world, "check", 1);
    kubelet_end_pod(&world, job, 0, "{'x':1}", "{'inputs':{'model':{'digest':'sha256:2222'}}}");
    plan = world_plan_run(&world, "r");
    (void)world_carry_out(&world, &plan, WORLD_CRASH_AFTER, 0);
    assert_int_equal(world_count(&world, KIND_MODEL_VERSION), 1);
    kubelet_end_job(&world, job, true);
    world_remove(&world, KIND_POD, pod_of(&world, job));
    assert_string_equal(step(&world), "status PipelineRun");
    assert_string_equal(text(&world, "status/phase"), "Succeeded");
    assert_string_equal(text(&world, "status/steps/1/phase"), "Succeeded");
    world_free(&world);
}

static void a_version_is_published_once_and_a_taken_name_ends_the_run(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, "%s]", published);
    put_run(&world, "r", "");
    (void)step(&world);
    end_step(&world, "train", 1, 0, "{'accuracy':0.93,'note':'good'}");
    (void)step(&world);
    kubelet_end_pod(&world, job_of(&world, NULL, 1), 0,
                    "{'inputs':{'model':{'digest':'sha256:2222'}}}", NULL);
    struct plan plan = world_plan_run(&world, "r");
    (void)world_carry_out(&world, &plan, WORLD_CRASH_AFTER, 0); /* the version, not the status */
    assert_int_equal(world_count(&world, KIND_MODEL_VERSION), 1);

    /* A cancel now comes too late. */
    world_merge(&world, KIND_PIPELINE_RUN, "r", "{'spec':{'cancel':true}}");
    assert_string_equal(step(&world), "status PipelineRun");
    assert_string_equal(text(&world, "status/phase"), "Succeeded");
    world_free(&world);

    /* Somebody else's, of the same name. */
    set_up(&world, "%s]", published);
    put_run(&world, "r", "");
    (void)step(&world);
    end_step(&world, "train", 1, 0, "{'accuracy':0.93,'note':'good'}");
    (void)step(&world);
    kubelet_end_pod(&world, job_of(&world, NULL, 1), 0,
                    "{'inputs':{'model':{'digest':'sha256:2222'}}}", NULL);
    plan = world_plan_run(&world, "r");
    const char *name = plan_find(&plan, OPERATION_CREATE, KIND_MODEL_VERSION, 0)->name;
    (void)world_put(&world, KIND_MODEL_VERSION,
                    "{'metadata':{'name':'%s'},'spec':{'model':'churn'}}", name);
    assert_string_equal(step(&world), "status PipelineRun");
    assert_true(text_starts_with(ready(&world), "False NameTaken: ModelVersion "));
    world_free(&world);
}

static void a_refused_version_is_tried_again_unless_it_can_never_be(void **state)
{
    (void)state;
    static const struct {
        enum error_kind error;
        const char *ready;
    } rows[] = {
        {ERROR_DENIED, "Unknown WriteRefused: ModelVersion %s can't be created: no; it is tried "
                       "again"},
        {ERROR_INVALID, "False WriteRefused: ModelVersion %s is refused by the API server: no"},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct world world;
        set_up(&world, "%s]", published);
        put_run(&world, "r", "");
        (void)step(&world);
        end_step(&world, "train", 1, 0, "{'accuracy':0.93,'note':'good'}");
        (void)step(&world);
        kubelet_end_pod(&world, job_of(&world, NULL, 1), 0,
                        "{'inputs':{'model':{'digest':'sha256:2222'}}}", NULL);
        struct plan plan = world_plan_run(&world, "r");
        const char *name = plan_find(&plan, OPERATION_CREATE, KIND_MODEL_VERSION, 0)->name;
        world_add_fact(&world, OPERATION_CREATE, KIND_MODEL_VERSION, name, rows[at].error, "no");
        plan = world_plan_run(&world, "r");
        bool retry = plan_find(&plan, OPERATION_CREATE, KIND_MODEL_VERSION, 0) != NULL;
        assert_int_equal(retry, rows[at].error == ERROR_DENIED);
        (void)world_carry_out(&world, &plan, retry ? WORLD_REFUSED : WORLD_NO_FAULT, 0);
        const char *space = strstr(rows[at].ready, "%s");
        assert_string_equal(ready(&world),
                            arena_print(&world.arena, "%.*s%s%s", (int)(space - rows[at].ready),
                                        rows[at].ready, name, space + 2));
        if (retry) {
            world_forget_facts(&world);
            (void)step(&world);
            assert_string_equal(text(&world, "status/phase"), "Succeeded");
        }
        world_free(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_of_one_step_costs_three_writes),
        cmocka_unit_test(a_run_waits_and_says_for_what),
        cmocka_unit_test(parameters_that_do_not_fit_end_the_run),
        cmocka_unit_test(runs_take_turns_in_order_of_age),
        cmocka_unit_test(a_run_that_has_begun_takes_a_place_before_its_status_says_so),
        cmocka_unit_test(what_admits_a_run_is_marked_for_the_others_to_see),
        cmocka_unit_test(editing_the_pipeline_never_changes_a_run_under_way),
        cmocka_unit_test(a_pinned_revision_that_is_deleted_ends_the_run_and_stops_its_jobs),
        cmocka_unit_test(a_failed_attempt_is_tried_again_when_its_time_has_come),
        cmocka_unit_test(a_job_that_is_complete_waits_for_what_its_pod_left),
        cmocka_unit_test(a_pod_that_never_turns_up_fails_the_attempt_in_the_end),
        cmocka_unit_test(a_run_waits_until_the_newest_spec_of_its_pipeline_is_judged),
        cmocka_unit_test(the_recorded_end_of_a_step_never_changes),
        cmocka_unit_test(a_step_that_leaves_nothing_waits_less_for_its_pod),
        cmocka_unit_test(results_are_read_or_the_attempt_has_failed),
        cmocka_unit_test(checks_stop_or_warn),
        cmocka_unit_test(a_check_that_asks_for_retraining_lets_the_run_go_on_and_says_so),
        cmocka_unit_test(a_job_that_vanished_is_asked_for_before_its_attempt_is_given_up),
        cmocka_unit_test(a_job_whose_status_write_was_lost_is_taken_up),
        cmocka_unit_test(a_job_that_was_collected_after_its_success_is_no_failure),
        cmocka_unit_test(a_refused_job_is_a_condition_and_is_tried_again),
        cmocka_unit_test(a_job_without_a_pod_is_explained_by_its_events),
        cmocka_unit_test(an_image_that_cannot_be_pulled_is_said_once),
        cmocka_unit_test(a_cancel_stops_what_runs_and_what_the_status_does_not_know_yet),
        cmocka_unit_test(a_cancel_tells_what_ended_before_it_as_it_ended),
        cmocka_unit_test(suspend_starts_no_step_and_lets_running_ones_end),
        cmocka_unit_test(a_failed_step_lets_its_neighbours_end_and_starts_nothing),
        cmocka_unit_test(a_step_whose_turn_comes_after_a_failure_does_not_start),
        cmocka_unit_test(the_time_limit_gives_pods_a_minute_to_end_by_their_own),
        cmocka_unit_test(an_artifact_that_nobody_read_is_sealed_then_published),
        cmocka_unit_test(an_artifact_that_a_step_read_needs_no_seal),
        cmocka_unit_test(a_run_whose_version_is_there_has_succeeded_whatever_is_gone),
        cmocka_unit_test(a_version_is_published_once_and_a_taken_name_ends_the_run),
        cmocka_unit_test(a_refused_version_is_tried_again_unless_it_can_never_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
