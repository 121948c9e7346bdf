/* Sealing and publishing (plan/run_publish.c). */

#include "support/test.h"

#include "core/civil.h"
#include "core/text.h"
#include "plan/reasons.h"
#include "support/golden.h"
#include "support/run_world.h"

#include <string.h>

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
    run_world_init(&world, "%s]", published);
    run_world_put(&world, "r",
                  "'cause':{'kind':'Trigger','name':'new-data','revision':'sha256:4d',"
                  "'message':'1 new object below lake/: b.csv; 2 in all'}");
    (void)run_world_step(&world);
    run_world_end_step(&world, "train", 1, 0, "{'accuracy':0.93,'note':'good'}");
    struct plan plan = world_plan_run(&world, "r");
    golden_check("run/4-seals", golden_describe_plan(&world.arena, &plan, true));
    (void)world_carry_out(&world, &plan, WORLD_NO_FAULT, 0);
    kubelet_set_pod(&world, run_world_job(&world, NULL, 1), "{'phase':'Running'}");
    (void)run_world_step(&world);
    assert_true(text_starts_with(run_world_ready(&world), "Unknown Sealing"));
    kubelet_end_pod(&world, run_world_job(&world, NULL, 1), 0,
                    "{'inputs':{'model':{'digest':'sha256:2222','bytes':9}}}", NULL);
    plan = world_plan_run(&world, "r");
    golden_check("run/5-publishes", golden_describe_plan(&world.arena, &plan, true));
    (void)world_carry_out(&world, &plan, WORLD_NO_FAULT, 0);
    assert_string_equal(run_world_text(&world, "status/phase"), "Succeeded");
    assert_string_equal(run_world_text(&world, "status/modelVersion"), version_of(&world));
    world_free(&world);
}

static void an_artifact_that_a_step_read_needs_no_seal(void **state)
{
    (void)state;
    struct world world;
    run_world_start(
        &world,
        "%s,{'name':'evaluate','image':'i','inputs':[{'name':'m','from':'train.model'}]}"
        "]",
        published);
    run_world_end_step(&world, "train", 1, 0, "{'accuracy':0.93,'note':'good'}");
    (void)run_world_step(&world);
    kubelet_end_pod(&world, run_world_job(&world, "evaluate", 1), 0, "",
                    "{'inputs':{'m':{'digest':'sha256:3333'}}}");
    assert_string_equal(run_world_step(&world), "create ModelVersion, status PipelineRun");
    assert_string_equal(
        world_text(&world, KIND_MODEL_VERSION, version_of(&world), "spec/artifact/digest"),
        "sha256:3333");
    assert_string_equal(run_world_text(&world, "status/steps/0/artifacts/0/digest"), "sha256:3333");
    world_free(&world);
}

/* The version was made, its status never written, and then somebody deleted the pods. */
static void a_run_whose_version_is_there_has_succeeded_whatever_is_gone(void **state)
{
    (void)state;
    struct world world;
    run_world_start(&world, "%s]", published);
    run_world_end_step(&world, "train", 1, 0, "{'accuracy':0.93,'note':'good'}");
    (void)run_world_step(&world);
    const char *job = run_world_job(&world, NULL, 1);
    kubelet_end_pod(&world, job, 0, "{'inputs':{'model':{'digest':'sha256:2222'}}}", NULL);
    struct plan plan = world_plan_run(&world, "r");
    (void)world_carry_out(&world, &plan, WORLD_CRASH_AFTER, 0);
    kubelet_end_job(&world, job, true);
    world_remove(&world, KIND_POD, pod_of(&world, job));
    assert_string_equal(run_world_step(&world), "status PipelineRun");
    assert_string_equal(run_world_text(&world, "status/phase"), "Succeeded");
    assert_string_equal(run_world_text(&world, "status/steps/0/artifacts/0/digest"), "sha256:2222");
    world_free(&world);

    /* The last step's end was told by the status that was not written. */
    run_world_init(
        &world,
        "%s,{'name':'check','image':'i','inputs':[{'name':'model','from':'train.model'}],"
        "'outputs':{'results':[{'name':'x','type':'number'}]}}]",
        published);
    run_world_put(&world, "r", "");
    (void)run_world_step(&world);
    run_world_end_step(&world, "train", 1, 0, "{'accuracy':0.93,'note':'good'}");
    (void)run_world_step(&world);
    job = run_world_job(&world, "check", 1);
    kubelet_end_pod(&world, job, 0, "{'x':1}", "{'inputs':{'model':{'digest':'sha256:2222'}}}");
    plan = world_plan_run(&world, "r");
    (void)world_carry_out(&world, &plan, WORLD_CRASH_AFTER, 0);
    assert_int_equal(world_count(&world, KIND_MODEL_VERSION), 1);
    kubelet_end_job(&world, job, true);
    world_remove(&world, KIND_POD, pod_of(&world, job));
    assert_string_equal(run_world_step(&world), "status PipelineRun");
    assert_string_equal(run_world_text(&world, "status/phase"), "Succeeded");
    assert_string_equal(run_world_text(&world, "status/steps/1/phase"), "Succeeded");
    assert_string_equal(run_world_text(&world, "status/steps/1/reason"), "");
    world_free(&world);
}

static void a_version_is_published_once_and_a_taken_name_ends_the_run(void **state)
{
    (void)state;
    struct world world;
    run_world_start(&world, "%s]", published);
    run_world_end_step(&world, "train", 1, 0, "{'accuracy':0.93,'note':'good'}");
    (void)run_world_step(&world);
    kubelet_end_pod(&world, run_world_job(&world, NULL, 1), 0,
                    "{'inputs':{'model':{'digest':'sha256:2222'}}}", NULL);
    struct plan plan = world_plan_run(&world, "r");
    (void)world_carry_out(&world, &plan, WORLD_CRASH_AFTER, 0); /* the version, not the status */
    assert_int_equal(world_count(&world, KIND_MODEL_VERSION), 1);

    /* A cancel now comes too late. */
    world_merge(&world, KIND_PIPELINE_RUN, "r", "{'spec':{'cancel':true}}");
    assert_string_equal(run_world_step(&world), "status PipelineRun");
    assert_string_equal(run_world_text(&world, "status/phase"), "Succeeded");
    world_free(&world);

    /* Somebody else's, of the same name. */
    run_world_start(&world, "%s]", published);
    run_world_end_step(&world, "train", 1, 0, "{'accuracy':0.93,'note':'good'}");
    (void)run_world_step(&world);
    kubelet_end_pod(&world, run_world_job(&world, NULL, 1), 0,
                    "{'inputs':{'model':{'digest':'sha256:2222'}}}", NULL);
    plan = world_plan_run(&world, "r");
    const char *name = plan_find(&plan, OPERATION_CREATE, KIND_MODEL_VERSION, 0)->name;
    (void)world_put(&world, KIND_MODEL_VERSION,
                    "{'metadata':{'name':'%s'},'spec':{'model':'churn'}}", name);
    assert_string_equal(run_world_step(&world), "status PipelineRun");
    assert_true(text_starts_with(run_world_ready(&world), "False NameTaken: ModelVersion "));
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
        run_world_start(&world, "%s]", published);
        run_world_end_step(&world, "train", 1, 0, "{'accuracy':0.93,'note':'good'}");
        (void)run_world_step(&world);
        kubelet_end_pod(&world, run_world_job(&world, NULL, 1), 0,
                        "{'inputs':{'model':{'digest':'sha256:2222'}}}", NULL);
        struct plan plan = world_plan_run(&world, "r");
        const char *name = plan_find(&plan, OPERATION_CREATE, KIND_MODEL_VERSION, 0)->name;
        world_add_fact(&world, OPERATION_CREATE, KIND_MODEL_VERSION, name, rows[at].error, "no");
        plan = world_plan_run(&world, "r");
        bool retry = plan_find(&plan, OPERATION_CREATE, KIND_MODEL_VERSION, 0) != NULL;
        assert_int_equal(retry, rows[at].error == ERROR_DENIED);
        (void)world_carry_out(&world, &plan, retry ? WORLD_REFUSED : WORLD_NO_FAULT, 0);
        const char *space = strstr(rows[at].ready, "%s");
        assert_string_equal(run_world_ready(&world),
                            arena_print(&world.arena, "%.*s%s%s", (int)(space - rows[at].ready),
                                        rows[at].ready, name, space + 2));
        if (retry) {
            world_forget_facts(&world);
            (void)run_world_step(&world);
            assert_string_equal(run_world_text(&world, "status/phase"), "Succeeded");
        }
        world_free(&world);
    }
}

/* Whoever may write the status can change what it says of a step whose version is there. */
static void a_step_whose_record_was_changed_after_publishing_is_believed_as_it_ended(void **state)
{
    (void)state;
    static const struct {
        const char *sentence;
        const char *phase; /* of the step in the status; NULL: it is taken out */
        const char *step;
        const char *run;
    } rows[] = {
        {"what is not recorded has succeeded", NULL, "Succeeded", "Succeeded"},
        {"a recorded failure stays one", "Failed", "Failed", "Failed"},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct world world;
        run_world_init(
            &world,
            "%s,{'name':'check','image':'i','inputs':[{'name':'model','from':'train.model'}]}]",
            published);
        run_world_put(&world, "r", "");
        (void)run_world_step(&world);
        run_world_end_step(&world, "train", 1, 0, "{'accuracy':0.93,'note':'good'}");
        (void)run_world_step(&world);
        const char *job = run_world_job(&world, "check", 1);
        kubelet_end_pod(&world, job, 0, "", "{'inputs':{'model':{'digest':'sha256:2222'}}}");
        struct plan plan = world_plan_run(&world, "r");
        (void)world_carry_out(&world, &plan, WORLD_CRASH_AFTER, 0);
        assert_int_equal(world_count(&world, KIND_MODEL_VERSION), 1);
        world_remove(&world, KIND_JOB, job);
        json_t *steps = world_get(&world, KIND_PIPELINE_RUN, "r", "status/steps");
        if (rows[at].phase) {
            json_object_set_new(json_array_get(steps, 1), "phase", json_string(rows[at].phase));
        } else {
            assert_int_equal(json_array_remove(steps, 1), 0);
        }
        assert_string_equal(run_world_step(&world), "status PipelineRun");
        if (!text_equal(run_world_text(&world, "status/steps/1/phase"), rows[at].step) ||
            !text_equal(run_world_text(&world, "status/phase"), rows[at].run)) {
            fail_msg("%s: %s", rows[at].sentence, run_world_ready(&world));
        }
        assert_int_equal(world_count(&world, KIND_MODEL_VERSION), 1);
        world_free(&world);
    }
}

/* The kubelet's word on an image may be lost with the container: the version is made without. */
static void a_version_names_the_images_that_are_known(void **state)
{
    (void)state;
    struct world world;
    run_world_start(&world, "%s,{'name':'notify','image':'i'}]", published);
    run_world_end_step(&world, "train", 1, 0, "{'accuracy':0.93,'note':'good'}");
    kubelet_set_pod(&world, run_world_job(&world, "notify", 1), "{'phase':'Succeeded'}");
    (void)run_world_step(&world);
    kubelet_end_pod(&world, run_world_job(&world, NULL, 1), 0,
                    "{'inputs':{'model':{'digest':'sha256:2222'}}}", NULL);
    assert_string_equal(run_world_step(&world), "create ModelVersion, status PipelineRun");
    const json_t *images = world_get(&world, KIND_MODEL_VERSION, version_of(&world),
                                     "spec/lineage/images");
    assert_int_equal(json_array_size(images), 1);
    assert_string_equal(json_string_value(json_object_get(json_array_get(images, 0), "step")),
                        "train");
    assert_string_equal(run_world_text(&world, "status/phase"), "Succeeded");
    world_free(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_artifact_that_nobody_read_is_sealed_then_published),
        cmocka_unit_test(an_artifact_that_a_step_read_needs_no_seal),
        cmocka_unit_test(a_run_whose_version_is_there_has_succeeded_whatever_is_gone),
        cmocka_unit_test(a_version_is_published_once_and_a_taken_name_ends_the_run),
        cmocka_unit_test(a_refused_version_is_tried_again_unless_it_can_never_be),
        cmocka_unit_test(a_step_whose_record_was_changed_after_publishing_is_believed_as_it_ended),
        cmocka_unit_test(a_version_names_the_images_that_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
