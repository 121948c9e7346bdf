/* The digest of what is published, when it can't be had (plan/run_publish.c). */

#include "support/test.h"

#include "core/text.h"
#include "plan/reasons.h"
#include "support/run_world.h"

#include <string.h>

static const char published[] =
    "'artifacts':{'volumeClaim':{'claimName':'c'}},'publish':{'model':'churn','artifact':'train."
    "model'},'steps':[{'name':'train','image':'i','outputs':{'artifacts':[{'name':'model'}]}}]";

#define NO_DIGEST "False StepFailed: the artifact to publish could not be digested: "

/* Its only step has succeeded; the next planning starts the Job that seals. */
static void train(struct world *world)
{
    run_world_init(world, "%s", published);
    run_world_put(world, "r", "");
    (void)run_world_step(world);
    run_world_end_step(world, "train", 1, 0, "");
}

/* As train(), and the Job that seals is there; its name. */
static const char *start_seal(struct world *world)
{
    train(world);
    assert_string_equal(run_world_step(world), "create Job, status PipelineRun");
    return run_world_job(world, NULL, 1);
}

static void expect_failed(struct world *world, const char *sentence, const char *begins)
{
    if (!text_starts_with(run_world_ready(world), begins)) {
        fail_msg("%s: %s", sentence, run_world_ready(world));
    }
    assert_string_equal(run_world_text(world, "status/phase"), "Failed");
    assert_string_equal(run_world_text(world, "status/modelVersion"), "");
    assert_int_equal(world_count(world, KIND_MODEL_VERSION), 0);
}

static void a_refused_seal_is_tried_again_unless_it_can_never_be(void **state)
{
    (void)state;
    static const struct {
        const char *sentence;
        enum error_kind error;
        const char *outline;
    } rows[] = {
        {"a webhook", ERROR_DENIED, "create Job, status PipelineRun"},
        {"what can't ever be", ERROR_INVALID, "status PipelineRun"},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct world world;
        train(&world);
        struct plan plan = world_plan_run(&world, "r");
        const char *job = plan_find(&plan, OPERATION_CREATE, KIND_JOB, 0)->name;
        world_add_fact(&world, OPERATION_CREATE, KIND_JOB, job, rows[at].error, "no");
        plan = world_plan_run(&world, "r");
        assert_string_equal(plan_outline(&world, &plan), rows[at].outline);
        bool retry = rows[at].error == ERROR_DENIED;
        (void)world_carry_out(&world, &plan, retry ? WORLD_REFUSED : WORLD_NO_FAULT, 0);
        if (retry) {
            assert_string_equal(run_world_ready(&world),
                                arena_print(&world.arena,
                                            "Unknown WriteRefused: Job %s can't be created: no; it "
                                            "is tried again",
                                            job));
        } else {
            expect_failed(&world, rows[at].sentence, NO_DIGEST "no");
        }
        world_free(&world);
    }
}

static void a_seal_that_fails_ends_the_run_with_its_words(void **state)
{
    (void)state;
    static const struct {
        const char *sentence;
        const char *said;
        const char *ready;
    } rows[] = {
        {"it says why", "{'reason':'ArtifactIO','message':'the disk is gone'}",
         NO_DIGEST "the disk is gone"},
        {"it says nothing", "", NO_DIGEST "container tidemill-seal of pod r-"},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct world world;
        kubelet_end_pod(&world, start_seal(&world), 1, rows[at].said, NULL);
        assert_string_equal(run_world_step(&world), "status PipelineRun");
        expect_failed(&world, rows[at].sentence, rows[at].ready);
        world_free(&world);
    }
}

static void a_seal_that_is_held_up_is_told_in_its_pod_s_words(void **state)
{
    (void)state;
    static const struct {
        const char *sentence;
        const char *pod;
        const char *begins;
    } rows[] = {
        {"it runs", "{'phase':'Running'}",
         "Unknown Sealing: the artifact to publish is being digested; then"},
        {"it can't be placed",
         "{'phase':'Pending','conditions':[{'type':'PodScheduled','status':'False',"
         "'reason':'Unschedulable','message':'no node'}]}",
         "Unknown PodWaiting: pod "},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct world world;
        kubelet_set_pod(&world, start_seal(&world), rows[at].pod);
        (void)run_world_step(&world);
        if (!text_starts_with(run_world_ready(&world), rows[at].begins)) {
            fail_msg("%s: %s", rows[at].sentence, run_world_ready(&world));
        }
        world_free(&world);
    }
}

static void a_digest_that_can_t_be_read_publishes_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *report;
        const char *ready;
    } rows[] = {
        {"", NO_DIGEST "its pod left no digest"},
        {"done", NO_DIGEST "line 1"},
        {"{}", NO_DIGEST "its pod left a report without a digest"},
        {"{'inputs':7}", NO_DIGEST "inputs: "},
        {"{'inputs':{}}", NO_DIGEST "its pod left a report without a digest"},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct world world;
        kubelet_end_pod(&world, start_seal(&world), 0, rows[at].report, NULL);
        assert_string_equal(run_world_step(&world), "status PipelineRun");
        expect_failed(&world, rows[at].report, rows[at].ready);
        world_free(&world);
    }
}

/* The watch of pods may be late, so it is not given up at once. */
static void a_seal_whose_pod_is_gone_is_made_again_and_not_for_ever(void **state)
{
    (void)state;
    enum { ATTEMPTS = 3 };
    struct world world;
    (void)start_seal(&world);
    for (int attempt = 1; attempt <= ATTEMPTS; attempt++) {
        const char *job = run_world_job(&world, NULL, attempt);
        assert_string_equal(run_world_text(&world, "status/sealJob"), job);
        kubelet_end_job(&world, job, true);
        world.now += 5 * MINUTE - 1;
        (void)run_world_step(&world);
        assert_string_equal(run_world_text(&world, "status/phase"), "Running");
        world.now++;
        assert_string_equal(run_world_step(&world), "probe Pod");
        assert_string_equal(run_world_step(&world), attempt < ATTEMPTS
                                                        ? "create Job, status PipelineRun"
                                                        : "status PipelineRun");
    }
    expect_failed(&world, "no pod", NO_DIGEST "its pod is gone");
    world_free(&world);
}

/* Somebody has deleted the pod: the Job fails, and no container has said why. */
static void a_seal_that_ends_without_a_word_is_made_again(void **state)
{
    (void)state;
    struct world world;
    kubelet_end_job(&world, start_seal(&world), false);
    world.now += 10; /* its pod may still be seen */
    assert_string_equal(run_world_step(&world), "create Job, status PipelineRun");
    const char *job = run_world_job(&world, NULL, 2);
    assert_string_equal(run_world_text(&world, "status/sealJob"), job);
    kubelet_end_pod(&world, job, 0, "{'inputs':{'model':{'digest':'sha256:1'}}}", NULL);
    assert_string_equal(run_world_step(&world), "create ModelVersion, status PipelineRun");
    world_free(&world);
}

/* Whoever may write the status can leave it out. */
static void an_artifact_that_its_step_did_not_record_is_not_published(void **state)
{
    (void)state;
    struct world world;
    (void)start_seal(&world);
    json_t *step = world_get(&world, KIND_PIPELINE_RUN, "r", "status/steps/0");
    assert_int_equal(json_object_del(step, "artifacts"), 0);
    assert_string_equal(run_world_step(&world), "delete Job");
    assert_string_equal(run_world_step(&world), "status PipelineRun");
    expect_failed(
        &world, "no artifact",
        "False UnknownArtifact: spec.publish.artifact names an artifact of which the run's "
        "status does not say where it is");
    world_free(&world);
}

static const char *const elsewhere[] = {"s3://elsewhere/model", "pvc://elsewhere", "", NULL};

static void an_artifact_that_is_no_place_in_the_claim_is_not_published(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(elsewhere); at++) {
        struct world world;
        world_remove(&world, KIND_JOB, start_seal(&world));
        json_t *artifact = world_get(&world, KIND_PIPELINE_RUN, "r", "status/steps/0/artifacts/0");
        json_object_set_new(artifact, "uri",
                            elsewhere[at] ? json_string(elsewhere[at]) : json_null());
        assert_string_equal(run_world_step(&world), "status PipelineRun");
        expect_failed(&world, elsewhere[at] ? elsewhere[at] : "no uri",
                      "False UnknownArtifact: spec.publish.artifact names an artifact of which the "
                      "run's status does not say where it is");
        world_free(&world);
    }
}

static void an_input_that_is_no_place_in_the_claim_fails_its_step(void **state)
{
    (void)state;
    for (size_t at = 0; at <= COUNT_OF(elsewhere); at++) {
        bool is_gone = at == COUNT_OF(elsewhere);
        struct world world;
        run_world_init(
            &world,
            "'artifacts':{'volumeClaim':{'claimName':'c'}},'steps':[{'name':'a','image':'i',"
            "'outputs':{'artifacts':[{'name':'table'}]},'runAfter':[]},{'name':'w','image':"
            "'i','runAfter':['a']},{'name':'b','image':'i','runAfter':['w'],'inputs':["
            "{'name':'rows','from':'a.table'}]}]");
        run_world_put(&world, "r", "");
        (void)run_world_step(&world);
        run_world_end_step(&world, "a", 1, 0, "");
        (void)run_world_step(&world);
        json_t *artifact = world_get(&world, KIND_PIPELINE_RUN, "r", "status/steps/0/artifacts/0");
        json_object_set_new(artifact, is_gone ? "name" : "uri",
                            is_gone         ? json_string("another")
                            : elsewhere[at] ? json_string(elsewhere[at])
                                            : json_null());
        run_world_end_step(&world, "w", 1, 0, "");
        assert_string_equal(run_world_step(&world), "status PipelineRun");
        expect_failed(
            &world, is_gone ? "it is not told" : elsewhere[at],
            "False UnknownArtifact: step b: input \"rows\": the run's status does not say "
            "where a.table is: somebody changed it; start a new run");
        world_free(&world);
    }
}

/* Whoever may write the status can name any: no attempt follows the last one. */
static void a_seal_that_is_none_of_the_run_s_is_taken_for_the_last_attempt(void **state)
{
    (void)state;
    enum { LAST = 3 };
    struct world world;
    world_remove(&world, KIND_JOB, start_seal(&world));
    world_merge(&world, KIND_PIPELINE_RUN, "r", "{'status':{'sealJob':'another'}}");
    assert_string_equal(run_world_step(&world), "create Job, status PipelineRun");
    const char *job = run_world_job(&world, NULL, LAST);
    assert_string_equal(run_world_text(&world, "status/sealJob"), job);
    kubelet_end_pod(&world, job, 0, "", NULL);
    assert_string_equal(run_world_step(&world), "status PipelineRun");
    expect_failed(&world, "the last attempt", NO_DIGEST "its pod left no digest");
    world_free(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refused_seal_is_tried_again_unless_it_can_never_be),
        cmocka_unit_test(a_seal_that_fails_ends_the_run_with_its_words),
        cmocka_unit_test(a_seal_that_is_held_up_is_told_in_its_pod_s_words),
        cmocka_unit_test(a_digest_that_can_t_be_read_publishes_nothing),
        cmocka_unit_test(a_seal_whose_pod_is_gone_is_made_again_and_not_for_ever),
        cmocka_unit_test(a_seal_that_ends_without_a_word_is_made_again),
        cmocka_unit_test(an_artifact_that_its_step_did_not_record_is_not_published),
        cmocka_unit_test(an_artifact_that_is_no_place_in_the_claim_is_not_published),
        cmocka_unit_test(an_input_that_is_no_place_in_the_claim_fails_its_step),
        cmocka_unit_test(a_seal_that_is_none_of_the_run_s_is_taken_for_the_last_attempt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
