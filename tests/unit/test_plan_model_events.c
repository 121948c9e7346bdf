/* status.recent of a Model (plan/model_events.c). */

#include "support/test.h"

#include "support/model_world.h"

#include <stdio.h>
#include <string.h>

enum { DAY = 86400 };

static void let_drain(struct world *world)
{
    world->now += DRAIN;
    model_world_rest(world);
}

/* A version that comes up, takes over, and whose predecessor has drained. */
static void serve(struct world *world, int number)
{
    model_world_serve(world, number);
    let_drain(world);
}

/* NULL: none. */
static void pin(struct world *world, const char *version)
{
    model_world_pin(world, version);
    model_world_rest(world);
}

static void bring_up(struct world *world, const char *version)
{
    model_world_bring_up(world, version);
    model_world_rest(world);
}

/* A version whose files are not what was published. */
static void publish_bad(struct world *world, int number)
{
    const char *name = model_world_publish(world, number);
    model_world_fail_copy(world, name, "DigestMismatch", "the copy failed");
}

static const json_t *recent(const struct world *world)
{
    return world_get(world, KIND_MODEL, MODEL_NAME, "status/recent");
}

/* "1 Promoted churn-0, 2 Degraded churn-0" */
static void expect_events(const struct world *world, const char *expected)
{
    char text[1024] = "";
    for (size_t at = 0; at < json_array_size(recent(world)); at++) {
        const json_t *event = json_array_get(recent(world), at);
        const json_t *version = json_object_get(event, "version");
        size_t used = strlen(text);
        (void)snprintf(text + used, sizeof(text) - used, "%s%lld %s %s", at > 0 ? ", " : "",
                       json_integer_value(json_object_get(event, "number")),
                       json_string_value(json_object_get(event, "event")),
                       version ? json_string_value(version) : "-");
    }
    assert_string_equal(text, expected);
}

static const json_t *newest(const struct world *world, const char *field)
{
    const json_t *list = recent(world);
    return json_object_get(json_array_get(list, json_array_size(list) - 1), field);
}

static const char *newest_message(const struct world *world)
{
    return json_string_value(newest(world, "message"));
}

static void each_champion_is_told_and_one_from_before_is_a_roll_back(void **state)
{
    (void)state;
    struct world world;
    model_world_init(&world);
    model_world_rest(&world);
    expect_events(&world, "");
    serve(&world, 0);
    expect_events(&world, "1 Promoted churn-0");
    assert_string_equal(newest_message(&world), "version 1 (churn-0) serves");
    serve(&world, 1);
    pin(&world, "churn-0");
    bring_up(&world, "churn-0");
    expect_events(&world, "1 Promoted churn-0, 2 Promoted churn-1, 3 RolledBack churn-0");
    assert_string_equal(newest_message(&world),
                        "version 1 (churn-0) serves in place of version 2 (churn-1)");
    let_drain(&world);
    pin(&world, NULL);
    bring_up(&world, "churn-1");
    expect_events(&world, "1 Promoted churn-0, 2 Promoted churn-1, 3 RolledBack churn-0, 4 "
                          "Promoted churn-1");
    world_free(&world);
}

/* Somebody wrote its status by hand. */
static void from_a_champion_without_a_number_nothing_is_rolled_back(void **state)
{
    (void)state;
    struct world world;
    model_world_init(&world);
    serve(&world, 0);
    serve(&world, 1);
    pin(&world, "churn-0");
    assert_int_equal(world_integer(&world, KIND_MODEL, MODEL_NAME, "status/championVersion"), 2);
    world_merge(&world, KIND_MODEL, MODEL_NAME, "{'status':{'championVersion':null}}");
    bring_up(&world, "churn-0");
    expect_events(&world, "1 Promoted churn-0, 2 Promoted churn-1, 3 Promoted churn-0");
    world_free(&world);
}

static void a_version_that_can_never_serve_is_rejected_once_and_the_model_is_degraded(void **state)
{
    (void)state;
    struct world world;
    model_world_init(&world);
    serve(&world, 0);
    publish_bad(&world, 1);
    model_world_rest(&world);
    expect_events(&world, "1 Promoted churn-0, 2 Rejected churn-1, 3 Degraded churn-0");
    world.now += DAY;
    model_world_rest(&world);
    serve(&world, 2); /* all is well again */
    expect_events(&world, "1 Promoted churn-0, 2 Rejected churn-1, 3 Degraded churn-0, 4 "
                          "Promoted churn-2");
    world_free(&world);
}

/* The Model's status has it, the version's own does not yet. */
static void a_crash_between_the_two_statuses_tells_a_rejection_once(void **state)
{
    (void)state;
    enum { WRITES = 3 }; /* the two statuses, and the Deployment's end */
    for (size_t writes = 0; writes <= WRITES; writes++) {
        struct world world;
        model_world_init(&world);
        serve(&world, 0);
        publish_bad(&world, 1);
        const struct plan plan = world_plan_model(&world, MODEL_NAME);
        assert_int_equal(world_count_writes(&plan), WRITES);
        model_world_crash(&world, writes);
        model_world_rest(&world);
        expect_events(&world, "1 Promoted churn-0, 2 Rejected churn-1, 3 Degraded churn-0");
        world_free(&world);
    }
}

static void the_newest_ten_stay(void **state)
{
    (void)state;
    struct world world;
    model_world_init(&world);
    for (int number = 0; number < 12; number++) {
        serve(&world, number);
    }
    assert_int_equal(json_array_size(recent(&world)), 10);
    assert_int_equal(world_integer(&world, KIND_MODEL, MODEL_NAME, "status/recent/0/number"), 3);
    world_free(&world);
}

static void a_version_of_a_chain_of_runs_hands_its_length_on_for_a_day(void **state)
{
    (void)state;
    struct world world;
    model_world_init(&world);
    world_merge(&world, KIND_MODEL_VERSION, model_world_add_version(&world, 0),
                "{'metadata':{'annotations':{'tidemill.dev/chain':'5'}}}");
    model_world_rest(&world);
    bring_up(&world, "churn-0");
    assert_int_equal(json_integer_value(newest(&world, "chain")), 5);
    world.now += DAY;
    pin(&world, "nobody"); /* it is degraded */
    expect_events(&world, "1 Promoted churn-0, 2 Degraded churn-0");
    assert_int_equal(json_integer_value(newest(&world, "chain")), 0);
    world_free(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_champion_is_told_and_one_from_before_is_a_roll_back),
        cmocka_unit_test(from_a_champion_without_a_number_nothing_is_rolled_back),
        cmocka_unit_test(a_version_that_can_never_serve_is_rejected_once_and_the_model_is_degraded),
        cmocka_unit_test(a_crash_between_the_two_statuses_tells_a_rejection_once),
        cmocka_unit_test(the_newest_ten_stay),
        cmocka_unit_test(a_version_of_a_chain_of_runs_hands_its_length_on_for_a_day),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
