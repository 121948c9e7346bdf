/* What came of the attempts of steps (plan/run_observe.c). */

#include "support/test.h"

#include "core/civil.h"
#include "core/text.h"
#include "plan/backoff.h"
#include "plan/reasons.h"
#include "support/golden.h"
#include "support/run_world.h"

#include <string.h>

static void the_recorded_end_of_a_step_never_changes(void **state)
{
    (void)state;
    struct world world;
    run_world_start(&world,
                    "'steps':[{'name':'a','image':'i'},{'name':'b','image':'i','runAfter':['a']}]");
    run_world_end_step(&world, "a", 1, 0, "");
    (void)run_world_step(&world);
    assert_string_equal(run_world_text(&world, "status/steps/0/phase"), "Succeeded");
    kubelet_set_pod(&world, run_world_job(&world, "a", 1), "{'phase':'Failed'}");
    assert_string_equal(run_world_step(&world), "");
    assert_string_equal(run_world_text(&world, "status/steps/0/phase"), "Succeeded");
    world_free(&world);
}

static const char retried[] = "'steps':[{'name':'train','image':'i','retry':{'limit':2,"
                              "'backoff':{'initial':'10s','factor':3,'max':'20s'}}}]";

static void a_failed_attempt_is_tried_again_when_its_time_has_come(void **state)
{
    (void)state;
    struct world world;
    run_world_start(&world, "%s", retried);
    run_world_end_step(&world, "train", 1, 3, "out of luck");
    struct plan plan = world_plan_run(&world, "r");
    assert_string_equal(plan_outline(&world, &plan), "status PipelineRun");
    assert_int_equal(plan.wake_at, world.now + 10);
    golden_check("run/3-retries", golden_describe_plan(&world.arena, &plan, true));
    (void)world_carry_out(&world, &plan, WORLD_NO_FAULT, 0);
    assert_string_equal(run_world_ready(&world),
                        "Unknown Running: 0 of 1 steps done; waiting to try again: train");
    world.now += 9;
    assert_string_equal(run_world_step(&world), "");
    world.now += 1;
    assert_string_equal(run_world_step(&world), "create Job, status PipelineRun");
    run_world_end_step(&world, "train", 2, 3, "again");
    plan = world_plan_run(&world, "r");
    assert_int_equal(plan.wake_at, world.now + 20);
    (void)world_carry_out(&world, &plan, WORLD_NO_FAULT, 0);
    world.now += 20;
    (void)run_world_step(&world);
    run_world_end_step(&world, "train", 3, 3, "for good");
    (void)run_world_step(&world);
    assert_true(text_starts_with(run_world_ready(&world),
                                 "False StepFailed: step train: container step of pod r-train-"));
    assert_true(
        text_ends_with(run_world_ready(&world), " exited with code 3; its last words: for good"));
    assert_int_equal(world_integer(&world, KIND_PIPELINE_RUN, "r", "status/steps/0/attempts"), 3);
    assert_int_equal(world_count(&world, KIND_JOB), 3);
    world_free(&world);
}

static void waits_grow_up_to_the_longest_and_never_overflow(void **state)
{
    (void)state;
    static const struct {
        const char *sentence;
        struct backoff_spec backoff;
        int64_t failed;
        int64_t seconds;
    } rows[] = {
        {"nothing is said: ten seconds", {.factor = INTEGER_ABSENT}, 1, 10},
        {"then twice as long each time", {.factor = INTEGER_ABSENT}, 3, 40},
        {"and five minutes at most", {.factor = INTEGER_ABSENT}, 6, 300},
        {"what is no duration is not said", {.initial = "soon", .factor = 1, .max = "late"}, 1, 10},
        {"each wait is the first one", {.initial = "5s", .factor = 1}, 9, 5},
        {"the longest stays the longest", {.initial = "1h", .factor = 2, .max = "1m"}, 3, 60},
        {"parts of a second are rounded up", {.initial = "1500ms", .factor = 1}, 9, 2},
        {"the first wait is bounded too", {.initial = "1h", .factor = 2, .max = "1m"}, 1, 60},
        {"a product beyond 64 bits is the longest wait",
         {.initial = "5s", .factor = INT64_MAX, .max = "1h"},
         2,
         3600},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        int64_t seconds = backoff_seconds(&rows[at].backoff, rows[at].failed);
        if (seconds != rows[at].seconds) {
            fail_msg("%s: %lld", rows[at].sentence, (long long)seconds);
        }
    }
}

static void pods_of_others_and_pods_that_say_little_do_no_harm(void **state)
{
    (void)state;
    struct world world;
    run_world_init(&world, ONE_STEP);
    run_world_put(&world, "r", "");
    (void)world_put(&world, KIND_POD, "{'metadata':{'name':'a'},'status':{'phase':'Failed'}}");
    (void)world_put(&world, KIND_POD,
                    "{'metadata':{'name':'z','ownerReferences':[{'uid':'another','controller':true}"
                    "]},'status':{'phase':'Failed'}}");
    (void)run_world_step(&world);
    kubelet_set_pod(&world, run_world_job(&world, "train", 1), "{'phase':'Succeeded'}");
    (void)run_world_step(&world);
    assert_string_equal(run_world_text(&world, "status/phase"), "Succeeded");
    assert_null(world_get(&world, KIND_PIPELINE_RUN, "r", "status/steps/0/imageID"));
    world_free(&world);
}

/* Of the only container that prepares inputs. */
static json_t *prepared_state(const struct world *world)
{
    for (size_t at = 0; at < world->count; at++) {
        const json_t *status = json_object_get(world->objects[at].tree, "status");
        const json_t *prepare = json_array_get(json_object_get(status, "initContainerStatuses"), 0);
        if (world->objects[at].kind == KIND_POD && prepare) {
            return json_object_get(prepare, "state");
        }
    }
    fail_msg("nothing was prepared");
    return NULL;
}

static const char used[] =
    "'artifacts':{'volumeClaim':{'claimName':'c'}},'steps':[{'name':'make','image':'i','outputs':{"
    "'artifacts':[{'name':'t'},{'name':'u'}]}},{'name':'use','image':'i','inputs':["
    "{'name':'t','from':'make.t'},{'name':'u','from':'make.u'}]}]";

#define BOTH_DIGESTS "{'inputs':{'t':{'digest':'sha256:1'},'u':{'digest':'sha256:2'}}}"

/* What prepared a step's inputs may say nothing of them, or of others. */
static void digests_of_inputs_are_taken_where_they_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *sentence;
        const char *prepare;
        const char *digest; /* of the second artifact */
        int exit_code;      /* of what prepared */
    } rows[] = {
        {"of both", BOTH_DIGESTS, "sha256:2", 0},
        {"of both by what failed", BOTH_DIGESTS, "", 1},
        {"of the other", "{'inputs':{'t':{'digest':'sha256:1'}}}", "", 0},
        {"of none that is known", "{'inputs':{'x':{'digest':'sha256:3'}}}", "", 0},
        {"words that are no report", "exec format error", "", 0},
        {"no word", "", "", 0},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct world world;
        run_world_start(&world, "%s", used);
        run_world_end_step(&world, "make", 1, 0, "");
        (void)run_world_step(&world);
        kubelet_end_pod(&world, run_world_job(&world, "use", 1), 0, "", rows[at].prepare);
        json_t *end = json_object_get(prepared_state(&world), "terminated");
        json_object_set_new(end, "exitCode", json_integer(rows[at].exit_code));
        (void)run_world_step(&world);
        assert_string_equal(run_world_text(&world, "status/phase"), "Succeeded");
        const char *digest = run_world_text(&world, "status/steps/0/artifacts/1/digest");
        if (!text_equal(digest, rows[at].digest)) {
            fail_msg("%s: %s", rows[at].sentence, digest);
        }
        world_free(&world);
    }
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
        run_world_start(&world, "'steps':[{'name':'train','image':'i','outputs':{'results':"
                                "[{'name':'rows','type':'integer'}]}}]");
        run_world_end_step(&world, "train", 1, 0, rows[at].message);
        (void)run_world_step(&world);
        if (!text_starts_with(run_world_ready(&world),
                              rows[at].ready ? rows[at].ready : "True Succeeded: ")) {
            fail_msg("%s: %s", rows[at].sentence, run_world_ready(&world));
        }
        assert_string_equal(run_world_text(&world, "status/steps/0/results/0/value"),
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
        run_world_start(&world, "'steps':[{'name':'validate','image':'i','retry':{'limit':3},"
                                "'outputs':{'results':[{'name':'psi','type':'number'}]},'checks':["
                                "{'result':'psi','max':'0.2','onFailure':'Warn'},"
                                "{'result':'psi','max':'0.5','onFailure':'Stop'}]}]");
        run_world_end_step(&world, "validate", 1, 0,
                           arena_print(&world.arena, "{'psi':%s}", rows[at].value));
        (void)run_world_step(&world);
        if (strcmp(run_world_ready(&world), rows[at].ready) != 0 ||
            strcmp(run_world_text(&world, "status/steps/0/message"), rows[at].step) != 0) {
            fail_msg("%s: %s [%s]", rows[at].sentence, run_world_ready(&world),
                     run_world_text(&world, "status/steps/0/message"));
        }
        assert_string_equal(run_world_text(&world, "status/steps/0/results/0/value"),
                            rows[at].value);
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
        run_world_start(&world,
                        "'steps':[{'name':'first',%s},{'name':'second','runAfter':['first'],%s}]",
                        checked, checked);
        assert_string_equal(world_condition(&world, KIND_PIPELINE_RUN, "r", "RetrainNeeded"), "");
        run_world_end_step(&world, "first", 1, 0, "{'psi':0.3}");
        (void)run_world_step(&world);
        assert_string_equal(world_condition(&world, KIND_PIPELINE_RUN, "r", "RetrainNeeded"),
                            rows[0].retrain);
        assert_string_equal(run_world_text(&world, "status/steps/0/reason"), "RetrainNeeded");
        assert_string_equal(run_world_text(&world, "status/steps/0/phase"), "Succeeded");
        run_world_end_step(&world, "second", 1, 0,
                           arena_print(&world.arena, "{'psi':%s}", rows[at].second));
        (void)run_world_step(&world);
        assert_string_equal(run_world_ready(&world), rows[at].ready);
        assert_string_equal(world_condition(&world, KIND_PIPELINE_RUN, "r", "RetrainNeeded"),
                            rows[at].retrain);
        world_free(&world);
    }
}

static void two_steps_that_ask_for_retraining_at_once_are_both_told(void **state)
{
    (void)state;
    static const char checked[] =
        "'image':'i','outputs':{'results':[{'name':'psi','type':'number'}]},"
        "'checks':[{'result':'psi','max':'0.2','onFailure':'Retrain'}]";
    struct world world;
    run_world_start(&world, "'steps':[{'name':'first',%s},{'name':'second',%s}]", checked, checked);
    run_world_end_step(&world, "second", 1, 0, "{'psi':0.4}");
    run_world_end_step(&world, "first", 1, 0, "{'psi':0.3}");
    assert_string_equal(run_world_step(&world), "status PipelineRun");
    assert_string_equal(run_world_ready(&world), "True Succeeded: all 2 steps succeeded");
    assert_string_equal(world_condition(&world, KIND_PIPELINE_RUN, "r", "RetrainNeeded"),
                        "True RetrainNeeded: step first: result psi is 0.3, allowed at most 0.2; "
                        "step second: result psi is 0.4, allowed at most 0.2");
    world_free(&world);
}

static void a_job_that_vanished_is_asked_for_before_its_attempt_is_given_up(void **state)
{
    (void)state;
    struct world world;
    run_world_start(&world, "%s", retried);
    const char *job = run_world_job(&world, "train", 1);
    world_remove(&world, KIND_JOB, job);
    assert_string_equal(run_world_step(&world), "probe Job");
    assert_string_equal(run_world_step(&world), "status PipelineRun");
    assert_string_equal(run_world_text(&world, "status/steps/0/phase"), "Retrying");
    assert_string_equal(run_world_text(&world, "status/steps/0/reason"), "JobDeleted");
    world_free(&world);

    /* The cache was late: the API server has the Job, so nothing is given up. */
    run_world_start(&world, "%s", retried);
    world_remove(&world, KIND_JOB, run_world_job(&world, "train", 1));
    world_add_fact(&world, OPERATION_PROBE, KIND_JOB, run_world_text(&world, "status/steps/0/job"),
                   ERROR_NONE, NULL);
    struct plan plan = world_plan_run(&world, "r");
    assert_string_equal(plan_outline(&world, &plan), "probe Job");
    assert_int_equal(plan.wake_at, world.now + 30);
    world_free(&world);
}

/* Whoever may write the status can leave it out: it follows from the rest. */
static void a_status_that_does_not_name_its_job_is_completed(void **state)
{
    (void)state;
    struct world world;
    run_world_start(&world, "%s", retried);
    const char *job = run_world_job(&world, "train", 1);
    json_t *step = world_get(&world, KIND_PIPELINE_RUN, "r", "status/steps/0");
    assert_int_equal(json_object_del(step, "job"), 0);
    assert_string_equal(run_world_step(&world), "status PipelineRun");
    assert_string_equal(run_world_text(&world, "status/steps/0/job"), job);
    assert_int_equal(world_integer(&world, KIND_PIPELINE_RUN, "r", "status/steps/0/attempts"), 1);
    run_world_end_step(&world, "train", 1, 0, "");
    (void)run_world_step(&world);
    assert_string_equal(run_world_ready(&world), "True Succeeded: all 1 step succeeded");
    assert_int_equal(world_count(&world, KIND_JOB), 1);
    world_free(&world);
}

static void a_job_whose_status_write_was_lost_is_taken_up(void **state)
{
    (void)state;
    struct world world;
    run_world_init(&world, ONE_STEP);
    run_world_put(&world, "r", "");
    struct plan plan = world_plan_run(&world, "r");
    (void)world_carry_out(&world, &plan, WORLD_CRASH_AFTER, 0);
    assert_string_equal(run_world_text(&world, "status/phase"), "");

    /* Edited meanwhile: the Job says which revision it is of. */
    world_merge(&world, KIND_PIPELINE, "churn",
                "{'spec':{'steps':[{'name':'other','image':'i'}]}}");
    (void)world_settle_pipeline(&world, "churn");
    assert_string_equal(run_world_step(&world), "status PipelineRun");
    assert_string_equal(run_world_text(&world, "status/steps/0/name"), "train");
    assert_string_equal(run_world_text(&world, "status/steps/0/phase"), "Running");
    assert_int_equal(world_count(&world, KIND_JOB), 1);
    world_free(&world);
}

static void a_job_that_was_collected_after_its_success_is_no_failure(void **state)
{
    (void)state;
    struct world world;
    run_world_start(&world,
                    "'steps':[{'name':'a','image':'i'},{'name':'b','image':'i','runAfter':['a']}]");
    run_world_end_step(&world, "a", 1, 0, "");
    (void)run_world_step(&world);
    world_remove(&world, KIND_JOB, run_world_job(&world, "a", 1));
    run_world_end_step(&world, "b", 1, 0, "");
    (void)run_world_step(&world);
    assert_string_equal(run_world_ready(&world), "True Succeeded: all 2 steps succeeded");
    world_free(&world);
}

/* What the API server sends of a Job may have no times. */
static void a_job_that_does_not_say_when_it_was_complete_is_believed_at_once(void **state)
{
    (void)state;
    struct world world;
    run_world_start(&world, ONE_STEP);
    const char *job = run_world_job(&world, "train", 1);
    kubelet_end_job(&world, job, true);
    json_t *status = world_get(&world, KIND_JOB, job, "status");
    assert_int_equal(json_object_del(status, "completionTime"), 0);
    world.now += 1;
    assert_string_equal(run_world_step(&world), "status PipelineRun");
    assert_string_equal(run_world_text(&world, "status/phase"), "Succeeded");
    assert_string_equal(run_world_text(&world, "status/steps/0/completionTime"),
                        "2026-11-23T12:00:01Z");
    world_free(&world);
}

static void a_digest_of_an_artifact_that_the_status_has_lost_is_forgotten(void **state)
{
    (void)state;
    struct world world;
    run_world_start(&world, "%s", used);
    run_world_end_step(&world, "make", 1, 0, "");
    (void)run_world_step(&world);
    json_object_set_new(world_get(&world, KIND_PIPELINE_RUN, "r", "status/steps/0/artifacts/0"),
                        "name", json_string("another"));
    kubelet_end_pod(&world, run_world_job(&world, "use", 1), 0, "", BOTH_DIGESTS);
    (void)run_world_step(&world);
    assert_string_equal(run_world_text(&world, "status/phase"), "Succeeded");
    assert_null(world_get(&world, KIND_PIPELINE_RUN, "r", "status/steps/0/artifacts/0/digest"));
    assert_string_equal(run_world_text(&world, "status/steps/0/artifacts/1/digest"), "sha256:2");
    world_free(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failed_attempt_is_tried_again_when_its_time_has_come),
        cmocka_unit_test(waits_grow_up_to_the_longest_and_never_overflow),
        cmocka_unit_test(the_recorded_end_of_a_step_never_changes),
        cmocka_unit_test(pods_of_others_and_pods_that_say_little_do_no_harm),
        cmocka_unit_test(digests_of_inputs_are_taken_where_they_are_told),
        cmocka_unit_test(results_are_read_or_the_attempt_has_failed),
        cmocka_unit_test(checks_stop_or_warn),
        cmocka_unit_test(a_check_that_asks_for_retraining_lets_the_run_go_on_and_says_so),
        cmocka_unit_test(two_steps_that_ask_for_retraining_at_once_are_both_told),
        cmocka_unit_test(a_job_that_vanished_is_asked_for_before_its_attempt_is_given_up),
        cmocka_unit_test(a_status_that_does_not_name_its_job_is_completed),
        cmocka_unit_test(a_job_whose_status_write_was_lost_is_taken_up),
        cmocka_unit_test(a_job_that_was_collected_after_its_success_is_no_failure),
        cmocka_unit_test(a_job_that_does_not_say_when_it_was_complete_is_believed_at_once),
        cmocka_unit_test(a_digest_of_an_artifact_that_the_status_has_lost_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
