#include "support/test.h"

#include "core/text.h"
#include "plan/reasons.h"
#include "support/model_world.h"

#include <string.h>

/* The addresses of models and versions: whose they are, how they are turned, when they are refused.
 */

static bool says(const struct operation *operation, const char *text)
{
    return operation && operation->body && strstr(operation->body, text) != NULL;
}

static const struct operation *status_in(const struct plan *plan)
{
    return plan_find(plan, OPERATION_PATCH_STATUS, KIND_MODEL, 0);
}

static const struct operation *address_in(const struct plan *plan)
{
    return plan_find_named(plan, OPERATION_APPLY, KIND_SERVICE, MODEL_NAME);
}

static const struct operation *name_in(const struct plan *plan)
{
    return plan_find_named(plan, OPERATION_CREATE, KIND_SERVICE, MODEL_NAME);
}

/* Resolvers keep an absence: who asked too early would not find a Model that is Ready. */
static void the_name_is_there_before_any_version_serves_and_leads_nowhere(void **state)
{
    (void)state;
    struct world world;
    model_world_init(&world);
    struct plan plan = world_plan_model(&world, MODEL_NAME);
    assert_non_null(name_in(&plan));
    assert_null(address_in(&plan));
    model_world_rest(&world);
    assert_string_equal(model_world_selected(&world), "");
    assert_null(world_get(&world, KIND_SERVICE, MODEL_NAME, "spec/selector"));
    assert_true(text_starts_with(model_world_ready(&world), "False " REASON_NO_VERSION));

    world_remove(&world, KIND_SERVICE, MODEL_NAME);
    (void)model_world_publish(&world, 0);
    assert_non_null(world_find(&world, KIND_SERVICE, MODEL_NAME)); /* while a candidate comes up */
    assert_string_equal(model_world_selected(&world), "");
    plan = world_plan_model(&world, MODEL_NAME);
    assert_int_equal(world_count_writes(&plan), 0);
    world_free(&world);
}

/* A plan that knew of no Service comes late: one that leads to a version is not turned away. */
static void a_late_name_takes_the_service_from_nobody(void **state)
{
    (void)state;
    struct world world;
    model_world_init(&world);
    const struct plan late = world_plan_model(&world, MODEL_NAME);
    model_world_serve(&world, 0);
    model_world_carry_out(&world, name_in(&late));
    assert_string_equal(model_world_selected(&world), "churn-0");
    world_free(&world);
}

static void a_name_that_was_taken_before_any_version_is_told_at_once(void **state)
{
    (void)state;
    struct world world;
    model_world_init(&world);
    (void)world_put(&world, KIND_SERVICE, "{'metadata':{'name':'churn'},'spec':{}}");
    struct plan plan = world_plan_model(&world, MODEL_NAME);
    (void)world_carry_out(&world, &plan, WORLD_NO_FAULT, 0);
    plan = world_plan_model(&world, MODEL_NAME);
    assert_true(says(status_in(&plan), REASON_NAME_TAKEN));
    assert_non_null(name_in(&plan)); /* it is tried again */
    assert_int_not_equal(name_in(&plan)->group, status_in(&plan)->group);
    world_remove(&world, KIND_SERVICE, MODEL_NAME);
    world_forget_facts(&world);
    model_world_rest(&world);
    assert_true(text_starts_with(model_world_ready(&world), "False " REASON_NO_VERSION));
    world_free(&world);
}

static void a_name_that_is_taken_is_told_and_tried_again_apart_from_the_status(void **state)
{
    (void)state;
    struct world world;
    model_world_init(&world);
    (void)model_world_come_up(&world, 0);
    world_remove(&world, KIND_SERVICE, MODEL_NAME);
    (void)world_put(&world, KIND_SERVICE, "{'metadata':{'name':'churn'},'spec':{}}");
    struct plan plan = world_plan_model(&world, MODEL_NAME);
    assert_true(world_carry_out(&world, &plan, WORLD_NO_FAULT, 0));
    assert_string_equal(model_world_selected(&world), "");
    plan = world_plan_model(&world, MODEL_NAME);
    assert_true(says(status_in(&plan), REASON_NAME_TAKEN));
    assert_non_null(address_in(&plan));
    assert_int_not_equal(address_in(&plan)->group, status_in(&plan)->group);
    assert_false(says(status_in(&plan), "\"/status/champion\""));
    world_remove(&world, KIND_SERVICE, MODEL_NAME);
    model_world_rest(&world);
    assert_string_equal(model_world_selected(&world), "churn-0");
    world_free(&world);
}

static void a_turn_that_is_refused_is_tried_again_and_the_champion_stays(void **state)
{
    (void)state;
    struct world world;
    model_world_init_serving(&world);
    (void)model_world_come_up(&world, 1);
    world_add_fact(&world, OPERATION_APPLY, KIND_SERVICE, MODEL_NAME, ERROR_DENIED,
                   "a webhook says no");
    const struct plan plan = world_plan_model(&world, MODEL_NAME);
    assert_true(says(status_in(&plan), "a webhook says no"));
    assert_false(says(status_in(&plan), "\"/status/champion\""));
    assert_true(says(address_in(&plan), "uid-churn-1"));
    assert_int_not_equal(address_in(&plan)->group, status_in(&plan)->group);
    world_forget_facts(&world);
    model_world_step(&world);
    assert_string_equal(model_world_selected(&world), "churn-1");
    world_free(&world);
}

/* Its pods may go and come meanwhile: what was said stays told. */
static void a_first_turn_that_is_refused_stays_told_while_no_pod_answers(void **state)
{
    (void)state;
    struct world world;
    model_world_init(&world);
    (void)model_world_publish(&world, 0);
    world_add_fact(&world, OPERATION_APPLY, KIND_SERVICE, MODEL_NAME, ERROR_DENIED,
                   "a webhook says no");
    const struct plan plan = world_plan_model(&world, MODEL_NAME);
    assert_true(says(status_in(&plan), "a webhook says no"));
    assert_null(address_in(&plan));
    assert_null(name_in(&plan));
    world_free(&world);
}

/* It is all that there is, and somebody deleted the Service, whose name another has taken since. */
static void an_address_that_an_unusable_champion_does_not_get_back_is_told(void **state)
{
    (void)state;
    struct world world;
    model_world_init(&world);
    model_world_serve_unverified(&world, 0);
    model_world_fail_copy(&world, "churn-0", REASON_DIGEST_MISMATCH, "other files");
    world_remove(&world, KIND_SERVICE, MODEL_NAME);
    world_add_fact(&world, OPERATION_APPLY, KIND_SERVICE, MODEL_NAME, ERROR_EXISTS,
                   "Service \"churn\" exists and is not Tidemill's");
    const struct plan plan = world_plan_model(&world, MODEL_NAME);
    assert_true(says(address_in(&plan), "uid-churn-0"));
    assert_true(says(status_in(&plan), REASON_NAME_TAKEN));
    world_free(&world);
}

/* As somebody else would, after the plan was made. */
static void touch_service(struct world *world, const char *name)
{
    world_merge(world, KIND_SERVICE, name, "{'metadata':{'labels':{'team':'red'}}}");
}

/* A turn that comes late, of a controller that is dead, must not turn it once more. */
static void the_service_is_turned_as_it_was_known_and_not_otherwise(void **state)
{
    (void)state;
    struct world world;
    model_world_init(&world);
    (void)model_world_come_up(&world, 0);
    world_remove(&world, KIND_SERVICE, MODEL_NAME);
    struct plan plan = world_plan_model(&world, MODEL_NAME);
    assert_non_null(address_in(&plan));
    assert_null(address_in(&plan)->resource_version);
    model_world_rest(&world);

    (void)model_world_come_up(&world, 1);
    plan = world_plan_model(&world, MODEL_NAME);
    const struct operation *turn = address_in(&plan);
    assert_string_equal(turn->reason, REASON_PROMOTED);
    assert_string_equal(turn->resource_version,
                        world_text(&world, KIND_SERVICE, MODEL_NAME, "metadata/resourceVersion"));
    touch_service(&world, MODEL_NAME);
    (void)world_carry_out(&world, &plan, WORLD_NO_FAULT, 0);
    assert_string_equal(model_world_selected(&world), "churn-0");
    assert_string_equal(model_world_text(&world, "status/champion"), "churn-0");
    world_free(&world);
}

static void expect_locked_mend(struct world *world, const char *name)
{
    world_merge(world, KIND_SERVICE, name, "{'metadata':{'annotations':null}}");
    const struct plan plan = world_plan_model(world, MODEL_NAME);
    const struct operation *mend = plan_find_named(&plan, OPERATION_APPLY, KIND_SERVICE, name);
    assert_non_null(mend);
    assert_string_equal(mend->reason, REASON_SERVING);
    assert_string_equal(mend->resource_version,
                        world_text(world, KIND_SERVICE, name, "metadata/resourceVersion"));
    touch_service(world, name);
    (void)world_carry_out(world, &plan, WORLD_NO_FAULT, 0);
    assert_null(world_get(world, KIND_SERVICE, name, "metadata/annotations"));
    model_world_step(world);
    assert_non_null(world_get(world, KIND_SERVICE, name, "metadata/annotations"));
}

static void an_address_is_mended_as_it_was_known_and_not_otherwise(void **state)
{
    (void)state;
    struct world world;
    model_world_init_serving(&world);
    expect_locked_mend(&world, MODEL_NAME);
    world_free(&world);

    world_init(&world, WORLD_NOON);
    (void)model_world_add_serving_version(&world, 0);
    model_world_rest(&world);
    expect_locked_mend(&world, "churn-0");
    world_free(&world);
}

static void without_a_model_a_version_that_says_how_serves_on_its_own(void **state)
{
    (void)state;
    struct world world;
    world_init(&world, WORLD_NOON);
    (void)model_world_add_serving_version(&world, 0);
    (void)model_world_add_version(&world, 1);
    model_world_step(&world);
    assert_true(model_world_runs(&world, "churn-0"));
    assert_non_null(world_find(&world, KIND_SERVICE, "churn-0"));
    assert_false(model_world_runs(&world, "churn-1"));
    assert_true(text_starts_with(model_world_version_ready(&world, "churn-1"),
                                 "False " REASON_NO_SERVING ": "));
    world_free(&world);
}

static void without_a_model_a_version_that_does_not_say_how_is_told_what_to_do(void **state)
{
    (void)state;
    static const struct {
        const char *serving;
        const char *said;
    } rows[] = {
        {"null",
         "no Model of this name exists and the version has no spec.serving: create a Model"},
        {"{'podTemplate':[]}",
         "spec.serving.podTemplate: must be an object with metadata and spec"},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct world world;
        world_init(&world, WORLD_NOON);
        world_merge(&world, KIND_MODEL_VERSION, model_world_add_version(&world, 0),
                    "{'spec':{'serving':%s}}", rows[at].serving);
        model_world_step(&world);
        assert_non_null(strstr(model_world_version_ready(&world, "churn-0"), rows[at].said));
        assert_false(model_world_runs(&world, "churn-0"));
        assert_null(world_find(&world, KIND_SERVICE, "churn-0"));
        world_free(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_name_is_there_before_any_version_serves_and_leads_nowhere),
        cmocka_unit_test(a_late_name_takes_the_service_from_nobody),
        cmocka_unit_test(a_name_that_was_taken_before_any_version_is_told_at_once),
        cmocka_unit_test(a_name_that_is_taken_is_told_and_tried_again_apart_from_the_status),
        cmocka_unit_test(a_turn_that_is_refused_is_tried_again_and_the_champion_stays),
        cmocka_unit_test(a_first_turn_that_is_refused_stays_told_while_no_pod_answers),
        cmocka_unit_test(an_address_that_an_unusable_champion_does_not_get_back_is_told),
        cmocka_unit_test(the_service_is_turned_as_it_was_known_and_not_otherwise),
        cmocka_unit_test(an_address_is_mended_as_it_was_known_and_not_otherwise),
        cmocka_unit_test(without_a_model_a_version_that_says_how_serves_on_its_own),
        cmocka_unit_test(without_a_model_a_version_that_does_not_say_how_is_told_what_to_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
