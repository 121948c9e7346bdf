#include "support/test.h"

#include "api/names.h"
#include "core/text.h"
#include "plan/reasons.h"
#include "support/rollout_world.h"

/* The addresses of models and versions: whose they are, how they are turned, when they are refused.
 */

static void refuse_service(struct rollout_world *world, enum error_kind error, const char *message)
{
    world->facts[world->fact_count++] = (struct fact){.type = OPERATION_APPLY,
                                                      .kind = KIND_SERVICE,
                                                      .name = "churn",
                                                      .error = error,
                                                      .message = message,
                                                      .time = NOW};
}

static void a_name_that_is_taken_is_told_and_tried_again_apart_from_the_status(void **state)
{
    (void)state;
    struct rollout_world *world = rollout_world_new();
    rollout_step(world, SIZE_MAX);
    rollout_make_available(world, 0);
    refuse_service(world, ERROR_EXISTS, "Service \"churn\" exists and is not Tidemill's");
    rollout_plan(world);
    const struct operation *status = rollout_find(world, OPERATION_PATCH_STATUS, KIND_MODEL,
                                                  "churn");
    const struct operation *apply = rollout_find(world, OPERATION_APPLY, KIND_SERVICE, "churn");
    assert_true(rollout_says(status, REASON_NAME_TAKEN));
    assert_non_null(apply);
    assert_int_not_equal(apply->group, status->group);
    assert_false(rollout_says(status, "\"/status/champion\""));
    rollout_world_free(world);
}

static void a_turn_that_is_refused_is_tried_again_and_the_champion_stays(void **state)
{
    (void)state;
    struct rollout_world *world = rollout_world_serving();
    rollout_add_version(world);
    rollout_step(world, SIZE_MAX);
    rollout_make_available(world, 1);
    refuse_service(world, ERROR_DENIED, "a webhook says no");
    rollout_plan(world);
    const struct operation *status = rollout_find(world, OPERATION_PATCH_STATUS, KIND_MODEL,
                                                  "churn");
    const struct operation *apply = rollout_find(world, OPERATION_APPLY, KIND_SERVICE, "churn");
    assert_true(rollout_says(status, "a webhook says no"));
    assert_false(rollout_says(status, "\"/status/champion\""));
    assert_true(rollout_says(apply, "uid-churn-1"));
    assert_int_not_equal(apply->group, status->group);
    world->fact_count = 0;
    rollout_step(world, SIZE_MAX);
    assert_string_equal(rollout_selected(world), "uid-churn-1");
    rollout_world_free(world);
}

/* It is all that there is, and somebody deleted the Service, whose name another has taken since. */
static void an_address_that_an_unusable_champion_does_not_get_back_is_told(void **state)
{
    (void)state;
    struct rollout_world *world = rollout_world_serving();
    rollout_end_copy(world, 0, 1, "{\"reason\":\"DigestMismatch\",\"message\":\"other files\"}");
    world->has_service = false;
    refuse_service(world, ERROR_EXISTS, "Service \"churn\" exists and is not Tidemill's");
    rollout_plan(world);
    assert_true(
        rollout_says(rollout_find(world, OPERATION_APPLY, KIND_SERVICE, "churn"), "uid-churn-0"));
    assert_true(rollout_says(rollout_find(world, OPERATION_PATCH_STATUS, KIND_MODEL, "churn"),
                             REASON_NAME_TAKEN));
    rollout_world_free(world);
}

/* A turn that comes late, of a controller that is dead, must not turn it once more. */
static void the_service_is_turned_as_it_was_known_and_not_otherwise(void **state)
{
    (void)state;
    struct rollout_world *world = rollout_world_new();
    rollout_step(world, SIZE_MAX);
    rollout_make_available(world, 0);
    rollout_plan(world);
    const struct operation *first = rollout_find(world, OPERATION_APPLY, KIND_SERVICE, "churn");
    assert_null(first->resource_version);
    rollout_world_free(world);

    world = rollout_world_serving();
    world->service.meta.resource_version = "77";
    rollout_add_version(world);
    rollout_step(world, SIZE_MAX);
    rollout_make_available(world, 1);
    rollout_plan(world);
    const struct operation *turn = rollout_find(world, OPERATION_APPLY, KIND_SERVICE, "churn");
    assert_string_equal(turn->reason, REASON_PROMOTED);
    assert_string_equal(turn->resource_version, "77");
    rollout_world_free(world);
}

static void an_address_is_mended_as_it_was_known_and_not_otherwise(void **state)
{
    (void)state;
    struct rollout_world *world = rollout_world_serving();
    world->service.meta.resource_version = "77";
    world->service.meta.annotations = (struct text_map){0};
    rollout_plan(world);
    const struct operation *mend = rollout_find(world, OPERATION_APPLY, KIND_SERVICE, "churn");
    assert_string_equal(mend->reason, REASON_SERVING);
    assert_string_equal(mend->resource_version, "77");
    rollout_world_free(world);
}

static void without_a_model_a_version_that_says_how_serves_on_its_own(void **state)
{
    (void)state;
    struct rollout_world *world = rollout_world_new();
    world->without_model = true;
    world->versions[0].spec.serving.pod_template.text = ROLLOUT_TEMPLATE;
    world->versions[0].spec.serving.port = 8080;
    world->versions[0].spec.serving.replicas = 1;
    rollout_add_version(world);
    rollout_plan(world);
    assert_non_null(rollout_find(world, OPERATION_APPLY, KIND_DEPLOYMENT, "churn-0"));
    assert_non_null(rollout_find(world, OPERATION_APPLY, KIND_SERVICE, "churn-0"));
    assert_null(rollout_find(world, OPERATION_APPLY, KIND_DEPLOYMENT, "churn-1"));
    assert_true(
        rollout_says(rollout_find(world, OPERATION_PATCH_STATUS, KIND_MODEL_VERSION, "churn-1"),
                     REASON_NO_SERVING));
    rollout_world_free(world);
}

static void without_a_model_a_version_that_does_not_say_how_is_told_what_to_do(void **state)
{
    (void)state;
    static const struct {
        const char *serving;
        const char *said;
    } rows[] = {
        {NULL, "no Model of this name exists and the version has no spec.serving: create a Model"},
        {"[]", "spec.serving.podTemplate: must be an object with metadata and spec"},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct rollout_world *world = rollout_world_new();
        world->without_model = true;
        world->versions[0].spec.serving.pod_template.text = rows[at].serving;
        rollout_plan(world);
        const struct operation *status = rollout_find(world, OPERATION_PATCH_STATUS,
                                                      KIND_MODEL_VERSION, "churn-0");
        assert_true(rollout_says(status, rows[at].said));
        assert_null(rollout_find(world, OPERATION_APPLY, KIND_DEPLOYMENT, "churn-0"));
        assert_null(rollout_find(world, OPERATION_APPLY, KIND_SERVICE, "churn-0"));
        rollout_world_free(world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_that_is_taken_is_told_and_tried_again_apart_from_the_status),
        cmocka_unit_test(a_turn_that_is_refused_is_tried_again_and_the_champion_stays),
        cmocka_unit_test(an_address_that_an_unusable_champion_does_not_get_back_is_told),
        cmocka_unit_test(the_service_is_turned_as_it_was_known_and_not_otherwise),
        cmocka_unit_test(an_address_is_mended_as_it_was_known_and_not_otherwise),
        cmocka_unit_test(without_a_model_a_version_that_says_how_serves_on_its_own),
        cmocka_unit_test(without_a_model_a_version_that_does_not_say_how_is_told_what_to_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
