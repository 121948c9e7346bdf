/*
 * When a version takes over from the one before, which pods stay meanwhile, and what is left alone
 * (plan/model_rollout.c, plan/model_serve.c).
 */

#include "support/test.h"

#include "core/text.h"
#include "plan/conditions.h"
#include "plan/reasons.h"
#include "support/rollout_world.h"

static void the_first_version_is_numbered_and_brought_up_before_it_gets_the_service(void **state)
{
    (void)state;
    struct rollout_world *world = rollout_world_new();
    rollout_plan(world);
    assert_true(
        rollout_says(rollout_find(world, OPERATION_PATCH_STATUS, KIND_MODEL_VERSION, "churn-0"),
                     "\"path\":\"/status/version\",\"value\":1"));
    const struct operation *apply = rollout_find(world, OPERATION_APPLY, KIND_DEPLOYMENT,
                                                 "churn-0");
    assert_non_null(apply);
    assert_string_equal(apply->owner_uid, "uid-churn-0");
    assert_null(rollout_find(world, OPERATION_APPLY, KIND_SERVICE, "churn"));
    rollout_step(world, SIZE_MAX);
    rollout_make_available(world, 0);
    rollout_plan(world);
    assert_true(
        rollout_says(rollout_find(world, OPERATION_APPLY, KIND_SERVICE, "churn"), "uid-churn-0"));
    assert_true(rollout_says(rollout_find(world, OPERATION_PATCH_STATUS, KIND_MODEL, "churn"),
                             "\"path\":\"/status/champion\",\"value\":\"churn-0\""));
    rollout_world_free(world);
}

static void a_new_version_takes_over_only_when_all_its_pods_are_available(void **state)
{
    (void)state;
    struct rollout_world *world = rollout_world_serving();
    world->model.spec.serving.replicas = 2;
    rollout_step(world, SIZE_MAX);
    rollout_make_available(world, 0);
    rollout_add_version(world);
    rollout_step(world, SIZE_MAX);
    assert_true(world->has_deployment[0] && world->has_deployment[1]);
    rollout_make_available(world, 1);
    world->deployments[1].status.available_replicas = 1;
    rollout_step(world, SIZE_MAX);
    assert_string_equal(rollout_selected(world), "uid-churn-0");
    rollout_make_available(world, 1);
    rollout_step(world, SIZE_MAX);
    assert_string_equal(rollout_selected(world), "uid-churn-1");
    assert_true(world->has_deployment[0]);
    rollout_world_free(world);
}

static void the_old_version_s_pods_stay_until_requests_under_way_have_ended(void **state)
{
    (void)state;
    struct rollout_world *world = rollout_world_serving();
    rollout_add_version(world);
    rollout_step(world, SIZE_MAX);
    rollout_make_available(world, 1);
    rollout_step(world, SIZE_MAX);
    assert_true(world->plan.wake_at == NOW + DRAIN);
    world->now = NOW + DRAIN - 1;
    rollout_step(world, SIZE_MAX);
    assert_true(world->has_deployment[0]);
    world->now = NOW + DRAIN;
    rollout_step(world, SIZE_MAX);
    assert_false(world->has_deployment[0]);
    assert_string_equal(rollout_selected(world), "uid-churn-1");
    rollout_world_free(world);
}

static void a_crash_after_the_service_was_switched_still_drains_the_old_version(void **state)
{
    (void)state;
    struct rollout_world *world = rollout_world_serving();
    rollout_add_version(world);
    rollout_step(world, SIZE_MAX);
    rollout_make_available(world, 1);
    rollout_step(world, 1); /* the Service alone */
    assert_string_equal(rollout_selected(world), "uid-churn-1");
    assert_string_equal(world->model.status.champion, "churn-0");
    rollout_step(world, SIZE_MAX);
    assert_true(world->has_deployment[0]);
    assert_string_equal(world->model.status.champion, "churn-1");
    assert_string_equal(world->model.status.previous, "churn-0");
    world->now = NOW + DRAIN;
    rollout_step(world, SIZE_MAX);
    assert_false(world->has_deployment[0]);
    rollout_world_free(world);
}

/* Whole seconds are cut: a switch late in its second has its 30 s all the same. */
static void the_time_to_drain_is_30_s_also_of_a_switch_at_the_end_of_a_second(void **state)
{
    (void)state;
    struct rollout_world *world = rollout_world_serving();
    rollout_add_version(world);
    rollout_step(world, SIZE_MAX);
    rollout_make_available(world, 1);
    rollout_step(world, SIZE_MAX); /* at NOW + 0.999 s */
    assert_string_equal(rollout_selected(world), "uid-churn-1");
    world->now = NOW + 30; /* 29.001 s later */
    rollout_step(world, SIZE_MAX);
    assert_true(world->has_deployment[0]);
    world->now = NOW + 31;
    rollout_step(world, SIZE_MAX);
    assert_false(world->has_deployment[0]);
    rollout_world_free(world);
}

static void a_switch_that_was_not_written_down_is_told_before_the_next_one_is_made(void **state)
{
    (void)state;
    struct rollout_world *world = rollout_world_serving();
    rollout_add_version(world);
    rollout_step(world, SIZE_MAX);
    rollout_make_available(world, 1);
    rollout_step(world, 1); /* the Service alone */
    rollout_add_version(world);
    rollout_apply_deployments(world); /* and no status can be written */
    rollout_make_available(world, 2);
    assert_string_equal(world->model.status.champion, "churn-0");
    rollout_step(world, SIZE_MAX);
    assert_string_equal(rollout_selected(world), "uid-churn-1");
    assert_string_equal(world->model.status.champion, "churn-1");
    assert_string_equal(world->model.status.previous, "churn-0");
    assert_true(world->has_deployment[0]);
    world->now = NOW + DRAIN;
    rollout_step(world, SIZE_MAX);
    assert_false(world->has_deployment[0]);
    assert_string_equal(rollout_selected(world), "uid-churn-2");
    assert_string_equal(world->model.status.previous, "churn-1");
    assert_true(world->has_deployment[1]);
    rollout_world_free(world);
}

static void an_overtaken_candidate_is_removed_and_the_newest_wins(void **state)
{
    (void)state;
    struct rollout_world *world = rollout_world_serving();
    rollout_add_version(world);
    rollout_step(world, SIZE_MAX);
    rollout_add_version(world);
    rollout_step(world, SIZE_MAX);
    assert_false(world->has_deployment[1]);
    rollout_make_available(world, 2);
    rollout_step(world, SIZE_MAX);
    assert_string_equal(rollout_selected(world), "uid-churn-2");
    rollout_world_free(world);
}

static void a_pinned_version_comes_back_by_the_same_way(void **state)
{
    (void)state;
    struct rollout_world *world = rollout_world_serving();
    rollout_add_version(world);
    rollout_step(world, SIZE_MAX);
    rollout_make_available(world, 1);
    rollout_step(world, SIZE_MAX);
    world->now = NOW + DRAIN;
    rollout_step(world, SIZE_MAX);
    world->model.spec.pinned_version = "churn-0";
    rollout_step(world, SIZE_MAX);
    assert_true(world->has_deployment[0] && world->has_deployment[1]);
    world->deployments[0].status.available_replicas = 0;
    rollout_step(world, SIZE_MAX);
    assert_string_equal(rollout_selected(world), "uid-churn-1");
    rollout_make_available(world, 0);
    rollout_step(world, SIZE_MAX);
    assert_string_equal(rollout_selected(world), "uid-churn-0");
    rollout_world_free(world);
}

/* Wanted back, not ready, and not wanted after all: it drains to the end all the same. */
static void a_version_that_drains_keeps_its_time_while_it_is_a_candidate(void **state)
{
    (void)state;
    struct rollout_world *world = rollout_world_serving();
    rollout_add_version(world);
    rollout_step(world, SIZE_MAX);
    rollout_make_available(world, 1);
    rollout_step(world, SIZE_MAX);
    world->deployments[0].status.available_replicas = 0;
    world->model.spec.pinned_version = "churn-0";
    rollout_step(world, SIZE_MAX);
    assert_string_equal(rollout_selected(world), "uid-churn-1");
    world->model.spec.pinned_version = NULL;
    world->now = NOW + DRAIN - 1;
    rollout_step(world, SIZE_MAX);
    assert_true(world->has_deployment[0]);
    world->now = NOW + DRAIN;
    rollout_step(world, SIZE_MAX);
    assert_false(world->has_deployment[0]);
    rollout_world_free(world);

    /* The same after a switch that was not written down. */
    world = rollout_world_serving();
    rollout_add_version(world);
    rollout_step(world, SIZE_MAX);
    rollout_make_available(world, 1);
    rollout_step(world, 1); /* the Service alone */
    world->deployments[0].status.available_replicas = 0;
    world->model.spec.pinned_version = "churn-0";
    rollout_step(world, SIZE_MAX);
    assert_string_equal(world->model.status.champion, "churn-1");
    world->model.spec.pinned_version = NULL;
    world->now = NOW + DRAIN - 1;
    rollout_step(world, SIZE_MAX);
    assert_true(world->has_deployment[0]);
    world->now = NOW + DRAIN;
    rollout_step(world, SIZE_MAX);
    assert_false(world->has_deployment[0]);
    rollout_world_free(world);
}

static void a_pin_that_names_nothing_leaves_the_champion_and_says_so(void **state)
{
    (void)state;
    struct rollout_world *world = rollout_world_serving();
    world->model.spec.pinned_version = "churn-x";
    rollout_plan(world);
    const struct operation *status = rollout_find(world, OPERATION_PATCH_STATUS, KIND_MODEL,
                                                  "churn");
    assert_true(rollout_says(status, REASON_PIN_NOT_FOUND));
    assert_null(rollout_find(world, OPERATION_DELETE, KIND_DEPLOYMENT, "churn-0"));
    rollout_world_free(world);
}

static void a_version_whose_files_differ_never_serves_and_the_champion_stays(void **state)
{
    (void)state;
    struct rollout_world *world = rollout_world_serving();
    rollout_add_version(world);
    rollout_step(world, SIZE_MAX);
    rollout_end_copy(
        world, 1, 1,
        "{\"reason\":\"DigestMismatch\",\"message\":\"the files are not those published\"}");
    rollout_plan(world);
    const struct operation *status = rollout_find(world, OPERATION_PATCH_STATUS, KIND_MODEL_VERSION,
                                                  "churn-1");
    assert_true(rollout_says(status, "\"value\":\"Failed\""));
    assert_true(rollout_says(status, "the files are not those published"));
    assert_non_null(rollout_find(world, OPERATION_DELETE, KIND_DEPLOYMENT, "churn-1"));
    assert_non_null(rollout_find(world, OPERATION_EVENT, KIND_MODEL_VERSION, "churn-1"));
    assert_null(rollout_find(world, OPERATION_DELETE, KIND_DEPLOYMENT, "churn-0"));
    assert_string_equal(rollout_selected(world), "uid-churn-0");
    const struct operation *model = rollout_find(world, OPERATION_PATCH_STATUS, KIND_MODEL,
                                                 "churn");
    assert_true(
        rollout_says(model, "version 2 (churn-1) can't serve: the files are not those published"));
    assert_true(rollout_says(model, "version 1 (churn-0) serves on until a newer one can"));
    assert_true(rollout_says(model, REASON_DIGEST_MISMATCH));
    assert_false(rollout_says(model, CONDITION_STALLED));
    rollout_world_free(world);
}

/* It came up all the same, as when its pods were checked after they answered. */
static void a_version_whose_files_differ_does_not_take_over_although_it_answers(void **state)
{
    (void)state;
    struct rollout_world *world = rollout_world_serving();
    rollout_add_version(world);
    rollout_step(world, SIZE_MAX);
    rollout_make_available(world, 1);
    rollout_end_copy(world, 1, 1, "{\"reason\":\"DigestMismatch\",\"message\":\"other files\"}");
    rollout_step(world, SIZE_MAX);
    assert_string_equal(rollout_selected(world), "uid-churn-0");
    rollout_world_free(world);
}

static void a_status_of_an_older_deployment_lets_nobody_take_over(void **state)
{
    (void)state;
    struct rollout_world *world = rollout_world_serving();
    rollout_add_version(world);
    rollout_step(world, SIZE_MAX);
    rollout_make_available(world, 1);
    world->deployments[1].meta.generation = 2;
    rollout_step(world, SIZE_MAX);
    assert_string_equal(rollout_selected(world), "uid-churn-0");
    world->deployments[1].status.observed_generation = 2;
    rollout_step(world, SIZE_MAX);
    assert_string_equal(rollout_selected(world), "uid-churn-1");
    rollout_world_free(world);
}

static void a_deployment_that_still_moves_lets_nobody_take_over(void **state)
{
    (void)state;
    static const struct {
        const char *sentence;
        int64_t older; /* pods of the template before */
        bool is_deleted;
    } rows[] = {{"pods of the template before are left", 1, false},
                {"it is being deleted", 0, true}};
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct rollout_world *world = rollout_world_serving();
        rollout_add_version(world);
        rollout_step(world, SIZE_MAX);
        rollout_make_available(world, 1);
        struct deployment *deployment = &world->deployments[1];
        int64_t updated = deployment->status.updated_replicas;
        deployment->status.replicas = updated + rows[at].older;
        deployment->meta.deletion_time = rows[at].is_deleted ? world->now : TIME_ABSENT;
        rollout_step(world, SIZE_MAX);
        if (!text_equal(rollout_selected(world), "uid-churn-0")) {
            fail_msg("%s: %s", rows[at].sentence, rollout_selected(world));
        }
        deployment->status.replicas = updated;
        deployment->meta.deletion_time = TIME_ABSENT;
        rollout_step(world, SIZE_MAX);
        assert_string_equal(rollout_selected(world), "uid-churn-1");
        rollout_world_free(world);
    }
}

/* The template was edited while the candidate was coming up: what it was made of is over. */
static void a_spec_that_can_t_be_carried_out_lets_nobody_take_over(void **state)
{
    (void)state;
    struct rollout_world *world = rollout_world_serving();
    rollout_add_version(world);
    rollout_step(world, SIZE_MAX);
    rollout_make_available(world, 1);
    world->model.spec.serving.pod_template.text = "[]";
    rollout_plan(world);
    assert_null(rollout_find(world, OPERATION_APPLY, KIND_SERVICE, "churn"));
    assert_true(rollout_says(rollout_find(world, OPERATION_PATCH_STATUS, KIND_MODEL, "churn"),
                             "version 2 (churn-1): spec.serving.podTemplate: must be an object"));
    world->model.spec.serving.pod_template.text = ROLLOUT_TEMPLATE;
    rollout_step(world, SIZE_MAX);
    assert_string_equal(rollout_selected(world), "uid-churn-1");
    rollout_world_free(world);
}

static void a_champion_whose_pods_are_replaced_serves_on_and_says_so(void **state)
{
    (void)state;
    struct rollout_world *world = rollout_world_serving();
    world->deployments[0].status.replicas = 2; /* one more, of the template before */
    rollout_plan(world);
    const struct operation *status = rollout_find(world, OPERATION_PATCH_STATUS, KIND_MODEL,
                                                  "churn");
    assert_true(rollout_says(status, "pods of version 1 (churn-0) are being replaced or added"));
    assert_true(rollout_says(status, "version 1 (churn-0) serves at http://churn.team.svc"));
    rollout_world_free(world);
}

static void a_champion_that_turns_out_unusable_stays_until_people_decide(void **state)
{
    (void)state;
    struct rollout_world *world = rollout_world_serving();
    rollout_add_version(world);
    rollout_step(world, SIZE_MAX);
    rollout_make_available(world, 1);
    rollout_step(world, SIZE_MAX);
    world->now += DRAIN;
    rollout_step(world, SIZE_MAX);
    assert_string_equal(rollout_selected(world), "uid-churn-1");
    rollout_end_copy(world, 1, 1, "{\"reason\":\"DigestMismatch\",\"message\":\"other files\"}");
    rollout_plan(world);
    assert_null(rollout_find(world, OPERATION_APPLY, KIND_DEPLOYMENT, "churn-0"));
    assert_null(rollout_find(world, OPERATION_DELETE, KIND_DEPLOYMENT, "churn-1"));
    rollout_world_free(world);
}

static void files_that_can_t_be_read_yet_are_waited_for(void **state)
{
    (void)state;
    struct rollout_world *world = rollout_world_new();
    rollout_step(world, SIZE_MAX);
    rollout_end_copy(world, 0, 1,
                     "{\"reason\":\"InputMissing\",\"message\":\"there is no run/train\"}");
    rollout_plan(world);
    assert_true(
        rollout_says(rollout_find(world, OPERATION_PATCH_STATUS, KIND_MODEL_VERSION, "churn-0"),
                     REASON_ARTIFACT_UNUSABLE));
    assert_null(rollout_find(world, OPERATION_DELETE, KIND_DEPLOYMENT, "churn-0"));
    rollout_world_free(world);
}

static void a_number_is_never_given_twice(void **state)
{
    (void)state;
    struct rollout_world *world = rollout_world_new();
    world->model.status.last_version = 41;
    rollout_plan(world);
    assert_true(
        rollout_says(rollout_find(world, OPERATION_PATCH_STATUS, KIND_MODEL_VERSION, "churn-0"),
                     "\"path\":\"/status/version\",\"value\":42"));
    assert_true(rollout_says(rollout_find(world, OPERATION_PATCH_STATUS, KIND_MODEL, "churn"),
                             "\"path\":\"/status/lastVersion\",\"value\":42"));
    rollout_world_free(world);
}

static void a_version_that_is_being_deleted_is_left_alone_and_keeps_its_number(void **state)
{
    (void)state;
    struct rollout_world *world = rollout_world_new();
    rollout_add_version(world);
    world->versions[0].status.version = 7;
    world->versions[0].meta.deletion_time = NOW;
    rollout_plan(world);
    assert_null(rollout_find(world, OPERATION_PATCH_STATUS, KIND_MODEL_VERSION, "churn-0"));
    assert_null(rollout_find(world, OPERATION_APPLY, KIND_DEPLOYMENT, "churn-0"));
    assert_true(
        rollout_says(rollout_find(world, OPERATION_PATCH_STATUS, KIND_MODEL_VERSION, "churn-1"),
                     "\"path\":\"/status/version\",\"value\":8"));
    rollout_world_free(world);
}

static void a_version_says_which_one_before_it_has_the_same_files(void **state)
{
    (void)state;
    static const struct {
        const char *sentence;
        const char *digests[2];
        bool same;
    } rows[] = {
        {"the same digest", {"sha256:1", "sha256:1"}, true},
        {"another digest", {"sha256:1", "sha256:2"}, false},
        {"none is known", {NULL, NULL}, false},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct rollout_world *world = rollout_world_new();
        rollout_add_version(world);
        world->versions[0].spec.artifact.digest = rows[at].digests[0];
        world->versions[1].spec.artifact.digest = rows[at].digests[1];
        rollout_plan(world);
        const struct operation *status = rollout_find(world, OPERATION_PATCH_STATUS,
                                                      KIND_MODEL_VERSION, "churn-1");
        assert_non_null(status);
        if (rollout_says(status, "\"path\":\"/status/sameAs\",\"value\":\"churn-0\"") !=
                rows[at].same ||
            rollout_says(status, "sameAs") != rows[at].same) {
            fail_msg("%s: %s", rows[at].sentence, status->body);
        }
        rollout_world_free(world);
    }
}

static void nothing_that_others_own_is_applied_again_when_nothing_changed(void **state)
{
    (void)state;
    struct rollout_world *world = rollout_world_serving();
    rollout_plan(world);
    assert_null(rollout_find(world, OPERATION_APPLY, KIND_DEPLOYMENT, "churn-0"));
    assert_null(rollout_find(world, OPERATION_APPLY, KIND_SERVICE, "churn"));
    assert_null(rollout_find(world, OPERATION_DELETE, KIND_DEPLOYMENT, "churn-0"));
    world->model.spec.serving.replicas = 3;
    rollout_plan(world);
    assert_non_null(rollout_find(world, OPERATION_APPLY, KIND_DEPLOYMENT, "churn-0"));
    rollout_world_free(world);
}

static void a_deployment_that_somebody_scaled_is_set_back(void **state)
{
    (void)state;
    struct rollout_world *world = rollout_world_serving();
    world->deployments[0].spec.replicas = 0;
    rollout_plan(world);
    assert_non_null(rollout_find(world, OPERATION_APPLY, KIND_DEPLOYMENT, "churn-0"));
    rollout_world_free(world);
}

static void a_model_that_is_being_deleted_is_left_alone(void **state)
{
    (void)state;
    struct rollout_world *world = rollout_world_serving();
    world->model.meta.deletion_time = NOW;
    rollout_plan(world);
    assert_int_equal(rollout_count_writes(world), 0);
    rollout_world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_version_is_numbered_and_brought_up_before_it_gets_the_service),
        cmocka_unit_test(a_new_version_takes_over_only_when_all_its_pods_are_available),
        cmocka_unit_test(the_old_version_s_pods_stay_until_requests_under_way_have_ended),
        cmocka_unit_test(a_crash_after_the_service_was_switched_still_drains_the_old_version),
        cmocka_unit_test(the_time_to_drain_is_30_s_also_of_a_switch_at_the_end_of_a_second),
        cmocka_unit_test(a_switch_that_was_not_written_down_is_told_before_the_next_one_is_made),
        cmocka_unit_test(an_overtaken_candidate_is_removed_and_the_newest_wins),
        cmocka_unit_test(a_pinned_version_comes_back_by_the_same_way),
        cmocka_unit_test(a_version_that_drains_keeps_its_time_while_it_is_a_candidate),
        cmocka_unit_test(a_pin_that_names_nothing_leaves_the_champion_and_says_so),
        cmocka_unit_test(a_version_whose_files_differ_never_serves_and_the_champion_stays),
        cmocka_unit_test(a_version_whose_files_differ_does_not_take_over_although_it_answers),
        cmocka_unit_test(a_status_of_an_older_deployment_lets_nobody_take_over),
        cmocka_unit_test(a_deployment_that_still_moves_lets_nobody_take_over),
        cmocka_unit_test(a_spec_that_can_t_be_carried_out_lets_nobody_take_over),
        cmocka_unit_test(a_champion_whose_pods_are_replaced_serves_on_and_says_so),
        cmocka_unit_test(a_champion_that_turns_out_unusable_stays_until_people_decide),
        cmocka_unit_test(files_that_can_t_be_read_yet_are_waited_for),
        cmocka_unit_test(a_number_is_never_given_twice),
        cmocka_unit_test(a_version_that_is_being_deleted_is_left_alone_and_keeps_its_number),
        cmocka_unit_test(a_version_says_which_one_before_it_has_the_same_files),
        cmocka_unit_test(nothing_that_others_own_is_applied_again_when_nothing_changed),
        cmocka_unit_test(a_deployment_that_somebody_scaled_is_set_back),
        cmocka_unit_test(a_model_that_is_being_deleted_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
