/*
 * When a version takes over from the one before, which pods stay meanwhile, and what is left alone
 * (plan/model_rollout.c, plan/model_serve.c).
 */

#include "support/test.h"

#include "core/text.h"
#include "plan/conditions.h"
#include "plan/reasons.h"
#include "support/model_world.h"

#include <string.h>

/* churn-1 comes up and takes over from churn-0, which drains from now on. */
static void begin_to_drain(struct world *world)
{
    model_world_init_serving(world);
    (void)model_world_come_up(world, 1);
    model_world_step(world);
    assert_string_equal(model_world_selected(world), "churn-1");
}

/* The same, and the controller ends before it writes that down. */
static void begin_to_drain_untold(struct world *world)
{
    model_world_init_serving(world);
    (void)model_world_come_up(world, 1);
    model_world_crash(world, 1); /* the Service alone */
    assert_string_equal(model_world_selected(world), "churn-1");
    assert_string_equal(model_world_text(world, "status/champion"), "churn-0");
}

/* Planned in its last second, and after. */
static void expect_churn_0_to_drain(struct world *world)
{
    world->now = WORLD_NOON + DRAIN - 1;
    model_world_step(world);
    assert_true(model_world_runs(world, "churn-0"));
    world->now = WORLD_NOON + DRAIN;
    model_world_step(world);
    assert_false(model_world_runs(world, "churn-0"));
}

static void the_first_version_is_numbered_and_brought_up_before_the_service_leads_to_it(
    void **state)
{
    (void)state;
    struct world world;
    model_world_init(&world);
    (void)model_world_add_version(&world, 0);
    const struct plan plan = world_plan_model(&world, MODEL_NAME);
    const struct operation *apply = plan_find_named(&plan, OPERATION_APPLY, KIND_DEPLOYMENT,
                                                    "churn-0");
    assert_non_null(apply);
    assert_string_equal(apply->owner_uid, "uid-churn-0");
    assert_null(plan_find(&plan, OPERATION_APPLY, KIND_SERVICE, 0));
    model_world_step(&world);
    assert_int_equal(world_integer(&world, KIND_MODEL_VERSION, "churn-0", "status/version"), 1);
    assert_int_equal(world_count(&world, KIND_SERVICE), 1);
    assert_string_equal(model_world_selected(&world), "");
    model_world_bring_up(&world, "churn-0");
    model_world_step(&world);
    assert_string_equal(model_world_selected(&world), "churn-0");
    assert_string_equal(model_world_text(&world, "status/champion"), "churn-0");
    world_free(&world);
}

static void a_new_version_takes_over_only_when_all_its_pods_are_available(void **state)
{
    (void)state;
    struct world world;
    model_world_init_serving(&world);
    world_merge(&world, KIND_MODEL, MODEL_NAME, "{'spec':{'serving':{'replicas':2}}}");
    model_world_step(&world);
    model_world_bring_up(&world, "churn-0");
    (void)model_world_come_up(&world, 1);
    assert_true(model_world_runs(&world, "churn-0"));
    world_merge(&world, KIND_DEPLOYMENT, "churn-1", "{'status':{'availableReplicas':1}}");
    model_world_step(&world);
    assert_string_equal(model_world_selected(&world), "churn-0");
    model_world_bring_up(&world, "churn-1");
    model_world_step(&world);
    assert_string_equal(model_world_selected(&world), "churn-1");
    assert_true(model_world_runs(&world, "churn-0"));
    world_free(&world);
}

static void the_old_version_s_pods_stay_until_requests_under_way_have_ended(void **state)
{
    (void)state;
    struct world world;
    model_world_init_serving(&world);
    (void)model_world_come_up(&world, 1);
    const struct plan plan = world_plan_model(&world, MODEL_NAME);
    assert_true(plan.wake_at == WORLD_NOON + DRAIN);
    model_world_step(&world);
    expect_churn_0_to_drain(&world);
    assert_string_equal(model_world_selected(&world), "churn-1");
    world_free(&world);
}

static void a_crash_after_the_service_was_switched_still_drains_the_old_version(void **state)
{
    (void)state;
    struct world world;
    begin_to_drain_untold(&world);
    model_world_step(&world);
    assert_true(model_world_runs(&world, "churn-0"));
    assert_string_equal(model_world_text(&world, "status/champion"), "churn-1");
    assert_string_equal(model_world_text(&world, "status/previous"), "churn-0");
    expect_churn_0_to_drain(&world);
    world_free(&world);
}

/* Whole seconds are cut: a switch late in its second has its 30 s all the same. */
static void the_time_to_drain_is_30_s_also_of_a_switch_at_the_end_of_a_second(void **state)
{
    (void)state;
    struct world world;
    begin_to_drain(&world);      /* at noon + 0.999 s */
    world.now = WORLD_NOON + 30; /* 29.001 s later */
    model_world_step(&world);
    assert_true(model_world_runs(&world, "churn-0"));
    world.now = WORLD_NOON + 31;
    model_world_step(&world);
    assert_false(model_world_runs(&world, "churn-0"));
    world_free(&world);
}

static void a_switch_that_was_not_written_down_is_told_before_the_next_one_is_made(void **state)
{
    (void)state;
    struct world world;
    begin_to_drain_untold(&world);
    (void)model_world_add_version(&world, 2);
    /* No status can be written. */
    model_world_step_only(&world, OPERATION_APPLY, KIND_DEPLOYMENT);
    model_world_bring_up(&world, "churn-2");
    assert_string_equal(model_world_text(&world, "status/champion"), "churn-0");
    model_world_step(&world);
    assert_string_equal(model_world_selected(&world), "churn-1");
    assert_string_equal(model_world_text(&world, "status/champion"), "churn-1");
    assert_string_equal(model_world_text(&world, "status/previous"), "churn-0");
    expect_churn_0_to_drain(&world);
    assert_string_equal(model_world_selected(&world), "churn-2");
    assert_string_equal(model_world_text(&world, "status/previous"), "churn-1");
    assert_true(model_world_runs(&world, "churn-1"));
    world_free(&world);
}

static void an_overtaken_candidate_is_removed_and_the_newest_wins(void **state)
{
    (void)state;
    struct world world;
    model_world_init_serving(&world);
    (void)model_world_publish(&world, 1);
    (void)model_world_add_version(&world, 2);
    model_world_step(&world);
    assert_false(model_world_runs(&world, "churn-1"));
    model_world_bring_up(&world, "churn-2");
    model_world_step(&world);
    assert_string_equal(model_world_selected(&world), "churn-2");
    world_free(&world);
}

static void a_pinned_version_comes_back_by_the_same_way(void **state)
{
    (void)state;
    struct world world;
    begin_to_drain(&world);
    expect_churn_0_to_drain(&world);
    model_world_pin(&world, "churn-0");
    model_world_step(&world);
    assert_true(model_world_runs(&world, "churn-0") && model_world_runs(&world, "churn-1"));
    model_world_bring_up(&world, "churn-0");
    world_merge(&world, KIND_DEPLOYMENT, "churn-0", "{'status':{'availableReplicas':0}}");
    model_world_step(&world);
    assert_string_equal(model_world_selected(&world), "churn-1");
    model_world_bring_up(&world, "churn-0");
    model_world_step(&world);
    assert_string_equal(model_world_selected(&world), "churn-0");
    world_free(&world);
}

/* Wanted back, not ready, and not wanted after all: it drains to the end all the same. */
static void a_version_that_drains_keeps_its_time_while_it_is_a_candidate(void **state)
{
    (void)state;
    static void (*const begins[])(struct world *) = {begin_to_drain, begin_to_drain_untold};
    for (size_t at = 0; at < COUNT_OF(begins); at++) {
        struct world world;
        begins[at](&world);
        world_merge(&world, KIND_DEPLOYMENT, "churn-0", "{'status':{'availableReplicas':0}}");
        model_world_pin(&world, "churn-0");
        model_world_step(&world);
        assert_string_equal(model_world_selected(&world), "churn-1");
        assert_string_equal(model_world_text(&world, "status/champion"), "churn-1");
        model_world_pin(&world, NULL);
        expect_churn_0_to_drain(&world);
        world_free(&world);
    }
}

static void a_pin_that_names_nothing_leaves_the_champion_and_says_so(void **state)
{
    (void)state;
    struct world world;
    model_world_init_serving(&world);
    model_world_pin(&world, "churn-x");
    model_world_step(&world);
    assert_true(text_starts_with(model_world_ready(&world), "False " REASON_PIN_NOT_FOUND ": "));
    assert_true(model_world_runs(&world, "churn-0"));
    world_free(&world);
}

static void a_version_whose_files_differ_never_serves_and_the_champion_stays(void **state)
{
    (void)state;
    struct world world;
    model_world_init_serving(&world);
    (void)model_world_publish(&world, 1);
    model_world_fail_copy(&world, "churn-1", REASON_DIGEST_MISMATCH,
                          "the files are not those published");
    const struct plan plan = world_plan_model(&world, MODEL_NAME);
    assert_non_null(plan_find_named(&plan, OPERATION_EVENT, KIND_MODEL_VERSION, "churn-1"));
    model_world_step(&world);
    assert_string_equal(world_text(&world, KIND_MODEL_VERSION, "churn-1", "status/phase"),
                        "Failed");
    assert_string_equal(model_world_version_ready(&world, "churn-1"),
                        "False DigestMismatch: the files are not those published; this version "
                        "never serves: publish a new one");
    assert_false(model_world_runs(&world, "churn-1"));
    assert_true(model_world_runs(&world, "churn-0"));
    assert_string_equal(model_world_selected(&world), "churn-0");
    assert_string_equal(model_world_ready(&world),
                        "True DigestMismatch: version 2 (churn-1) can't serve: the files are not "
                        "those published; this version never serves: publish a new one; version 1 "
                        "(churn-0) serves on until a newer one can");
    assert_string_equal(world_condition(&world, KIND_MODEL, MODEL_NAME, CONDITION_STALLED), "");
    world_free(&world);
}

/* It came up all the same, as when its pods were checked after they answered. */
static void a_version_whose_files_differ_does_not_take_over_although_it_answers(void **state)
{
    (void)state;
    struct world world;
    model_world_init_serving(&world);
    (void)model_world_come_up(&world, 1);
    model_world_fail_copy(&world, "churn-1", REASON_DIGEST_MISMATCH, "other files");
    model_world_step(&world);
    assert_string_equal(model_world_selected(&world), "churn-0");
    world_free(&world);
}

static void a_status_of_an_older_deployment_lets_nobody_take_over(void **state)
{
    (void)state;
    struct world world;
    model_world_init_serving(&world);
    (void)model_world_come_up(&world, 1);
    world_merge(&world, KIND_DEPLOYMENT, "churn-1", "{'metadata':{'generation':2}}");
    model_world_step(&world);
    assert_string_equal(model_world_selected(&world), "churn-0");
    world_merge(&world, KIND_DEPLOYMENT, "churn-1", "{'status':{'observedGeneration':2}}");
    model_world_step(&world);
    assert_string_equal(model_world_selected(&world), "churn-1");
    world_free(&world);
}

static void a_deployment_that_still_moves_lets_nobody_take_over(void **state)
{
    (void)state;
    static const struct {
        const char *sentence;
        const char *moves;
        const char *rests;
    } rows[] = {{"pods of the template before are left", "{'status':{'replicas':2}}",
                 "{'status':{'replicas':1}}"},
                {"it is being deleted", "{'metadata':{'deletionTimestamp':'2026-11-23T12:00:00Z'}}",
                 "{'metadata':{'deletionTimestamp':null}}"}};
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct world world;
        model_world_init_serving(&world);
        (void)model_world_come_up(&world, 1);
        world_merge(&world, KIND_DEPLOYMENT, "churn-1", "%s", rows[at].moves);
        model_world_step(&world);
        if (!text_equal(model_world_selected(&world), "churn-0")) {
            fail_msg("%s: %s", rows[at].sentence, model_world_selected(&world));
        }
        world_merge(&world, KIND_DEPLOYMENT, "churn-1", "%s", rows[at].rests);
        model_world_step(&world);
        assert_string_equal(model_world_selected(&world), "churn-1");
        world_free(&world);
    }
}

/* The template was edited while the candidate was coming up: what it was made of is over. */
static void a_spec_that_can_t_be_carried_out_lets_nobody_take_over(void **state)
{
    (void)state;
    struct world world;
    model_world_init_serving(&world);
    (void)model_world_come_up(&world, 1);
    world_merge(&world, KIND_MODEL, MODEL_NAME, "{'spec':{'serving':{'podTemplate':[]}}}");
    const struct plan plan = world_plan_model(&world, MODEL_NAME);
    assert_null(plan_find(&plan, OPERATION_APPLY, KIND_SERVICE, 0));
    model_world_step(&world);
    assert_string_equal(model_world_selected(&world), "churn-0");
    assert_non_null(strstr(model_world_ready(&world),
                           "version 2 (churn-1): spec.serving.podTemplate: must be an object"));
    world_merge(&world, KIND_MODEL, MODEL_NAME,
                "{'spec':{'serving':{'podTemplate':" MODEL_TEMPLATE "}}}");
    model_world_step(&world);
    assert_string_equal(model_world_selected(&world), "churn-1");
    world_free(&world);
}

/* Its pods answer, but they are of the template before. */
static void a_template_that_changed_meanwhile_comes_up_before_the_version_takes_over(void **state)
{
    (void)state;
    struct world world;
    model_world_init_serving(&world);
    (void)model_world_come_up(&world, 1);
    world_merge(
        &world, KIND_MODEL, MODEL_NAME,
        "{'spec':{'serving':{'podTemplate':{'spec':{'terminationGracePeriodSeconds':9}}}}}");
    model_world_step(&world);
    assert_string_equal(model_world_selected(&world), "churn-0");
    model_world_bring_up(&world, "churn-1");
    model_world_step(&world);
    assert_string_equal(model_world_selected(&world), "churn-1");
    world_free(&world);
}

static void a_champion_whose_pods_are_replaced_serves_on_and_says_so(void **state)
{
    (void)state;
    struct world world;
    model_world_init_serving(&world);
    /* One more, of the template before. */
    world_merge(&world, KIND_DEPLOYMENT, "churn-0", "{'status':{'replicas':2}}");
    model_world_step(&world);
    assert_string_equal(world_condition(&world, KIND_MODEL, MODEL_NAME, CONDITION_PROGRESSING),
                        "True RollingOut: pods of version 1 (churn-0) are being replaced or added");
    assert_string_equal(model_world_ready(&world),
                        "True Serving: version 1 (churn-0) serves at http://churn.team.svc");
    world_free(&world);
}

static void a_champion_that_turns_out_unusable_stays_until_people_decide(void **state)
{
    (void)state;
    struct world world;
    model_world_init_serving(&world);
    model_world_serve_unverified(&world, 1);
    expect_churn_0_to_drain(&world);
    model_world_fail_copy(&world, "churn-1", REASON_DIGEST_MISMATCH, "other files");
    model_world_step(&world);
    assert_string_equal(world_text(&world, KIND_MODEL_VERSION, "churn-1", "status/phase"),
                        "Failed");
    assert_false(model_world_runs(&world, "churn-0"));
    assert_true(model_world_runs(&world, "churn-1"));
    assert_string_equal(model_world_selected(&world), "churn-1");
    world_free(&world);
}

static void files_that_can_t_be_read_yet_are_waited_for(void **state)
{
    (void)state;
    struct world world;
    model_world_init(&world);
    (void)model_world_publish(&world, 0);
    model_world_fail_copy(&world, "churn-0", "InputMissing", "there is no run/train");
    model_world_step(&world);
    assert_true(text_starts_with(model_world_version_ready(&world, "churn-0"),
                                 "False " REASON_ARTIFACT_UNUSABLE ": "));
    assert_true(model_world_runs(&world, "churn-0"));
    world_free(&world);
}

static void a_number_is_never_given_twice(void **state)
{
    (void)state;
    struct world world;
    model_world_init(&world);
    (void)model_world_add_version(&world, 0);
    world_merge(&world, KIND_MODEL, MODEL_NAME, "{'status':{'lastVersion':41}}");
    model_world_step(&world);
    assert_int_equal(world_integer(&world, KIND_MODEL_VERSION, "churn-0", "status/version"), 42);
    assert_int_equal(world_integer(&world, KIND_MODEL, MODEL_NAME, "status/lastVersion"), 42);
    world_free(&world);
}

static void a_version_that_is_being_deleted_is_left_alone_and_keeps_its_number(void **state)
{
    (void)state;
    struct world world;
    model_world_init(&world);
    (void)model_world_add_version(&world, 0);
    (void)model_world_add_version(&world, 1);
    world_merge(&world, KIND_MODEL_VERSION, "churn-0",
                "{'metadata':{'deletionTimestamp':'2026-11-23T12:00:00Z'},'status':{'version':7}}");
    const struct plan plan = world_plan_model(&world, MODEL_NAME);
    assert_null(plan_find_named(&plan, OPERATION_PATCH_STATUS, KIND_MODEL_VERSION, "churn-0"));
    model_world_step(&world);
    assert_false(model_world_runs(&world, "churn-0"));
    assert_int_equal(world_integer(&world, KIND_MODEL_VERSION, "churn-1", "status/version"), 8);
    world_free(&world);
}

static void a_version_says_which_one_before_it_has_the_same_files(void **state)
{
    (void)state;
    static const struct {
        const char *sentence;
        const char *digests[2];
        const char *same;
    } rows[] = {
        {"the same digest", {"'sha256:1'", "'sha256:1'"}, "churn-0"},
        {"another digest", {"'sha256:1'", "'sha256:2'"}, ""},
        {"none is known", {"null", "null"}, ""},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct world world;
        model_world_init(&world);
        for (int number = 0; number < 2; number++) {
            world_merge(&world, KIND_MODEL_VERSION, model_world_add_version(&world, number),
                        "{'spec':{'artifact':{'digest':%s}}}", rows[at].digests[number]);
        }
        model_world_step(&world);
        assert_int_equal(world_integer(&world, KIND_MODEL_VERSION, "churn-1", "status/version"), 2);
        const char *same = world_text(&world, KIND_MODEL_VERSION, "churn-1", "status/sameAs");
        if (!text_equal(same, rows[at].same)) {
            fail_msg("%s: \"%s\"", rows[at].sentence, same);
        }
        world_free(&world);
    }
}

static void nothing_that_others_own_is_applied_again_when_nothing_changed(void **state)
{
    (void)state;
    struct world world;
    model_world_init_serving(&world);
    struct plan plan = world_plan_model(&world, MODEL_NAME);
    assert_int_equal(world_count_writes(&plan), 0);
    world_merge(&world, KIND_MODEL, MODEL_NAME, "{'spec':{'serving':{'replicas':3}}}");
    plan = world_plan_model(&world, MODEL_NAME);
    assert_non_null(plan_find_named(&plan, OPERATION_APPLY, KIND_DEPLOYMENT, "churn-0"));
    assert_null(plan_find(&plan, OPERATION_APPLY, KIND_SERVICE, 0));
    world_free(&world);
}

static void a_deployment_that_somebody_scaled_is_set_back(void **state)
{
    (void)state;
    struct world world;
    model_world_init_serving(&world);
    world_merge(&world, KIND_DEPLOYMENT, "churn-0", "{'spec':{'replicas':0}}");
    model_world_step(&world);
    assert_int_equal(world_integer(&world, KIND_DEPLOYMENT, "churn-0", "spec/replicas"), 1);
    world_free(&world);
}

/* To save nodes overnight: nothing is in trouble. */
static void a_model_scaled_to_nothing_is_no_failure(void **state)
{
    (void)state;
    struct world world;
    model_world_init_serving(&world);
    world_merge(&world, KIND_MODEL, MODEL_NAME, "{'spec':{'serving':{'replicas':0}}}");
    model_world_step(&world);
    model_world_bring_up(&world, "churn-0"); /* all of none */
    model_world_rest(&world);
    assert_true(text_starts_with(model_world_version_ready(&world, "churn-0"), "True Serving: "));
    assert_string_equal(model_world_selected(&world), "churn-0");
    world_free(&world);
}

static void a_model_that_is_being_deleted_is_left_alone(void **state)
{
    (void)state;
    struct world world;
    model_world_init_serving(&world);
    (void)model_world_add_version(&world, 1); /* which would be numbered, and brought up */
    world_merge(&world, KIND_MODEL, MODEL_NAME,
                "{'metadata':{'deletionTimestamp':'2026-11-23T12:00:00Z'}}");
    const struct plan plan = world_plan_model(&world, MODEL_NAME);
    assert_int_equal(world_count_writes(&plan), 0);
    world_free(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            the_first_version_is_numbered_and_brought_up_before_the_service_leads_to_it),
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
        cmocka_unit_test(a_template_that_changed_meanwhile_comes_up_before_the_version_takes_over),
        cmocka_unit_test(a_champion_whose_pods_are_replaced_serves_on_and_says_so),
        cmocka_unit_test(a_champion_that_turns_out_unusable_stays_until_people_decide),
        cmocka_unit_test(files_that_can_t_be_read_yet_are_waited_for),
        cmocka_unit_test(a_number_is_never_given_twice),
        cmocka_unit_test(a_version_that_is_being_deleted_is_left_alone_and_keeps_its_number),
        cmocka_unit_test(a_version_says_which_one_before_it_has_the_same_files),
        cmocka_unit_test(nothing_that_others_own_is_applied_again_when_nothing_changed),
        cmocka_unit_test(a_deployment_that_somebody_scaled_is_set_back),
        cmocka_unit_test(a_model_scaled_to_nothing_is_no_failure),
        cmocka_unit_test(a_model_that_is_being_deleted_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
