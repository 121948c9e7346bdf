/* status.recent of a Model (plan/model_events.c). */

#include "support/test.h"

#include "core/civil.h"
#include "core/text.h"
#include "support/model_world.h"

#include <stdio.h>
#include <string.h>

enum { ALL = 1000, DRAIN = 31, DAY = 86400 };

static void come_to_rest(struct model_world *world)
{
    for (int plans = 0; model_world_step(world, ALL) > 0; plans++) {
        assert_true(plans < 10);
    }
}

/* A version that comes up, takes over, and whose predecessor has drained. */
static void serve(struct model_world *world, int number)
{
    char name[32];
    (void)snprintf(name, sizeof(name), "churn-%d", number);
    model_world_add_version(world, number, false);
    come_to_rest(world);
    model_world_bring_up(world, name);
    come_to_rest(world);
    world->now += DRAIN;
    come_to_rest(world);
}

static void pin(struct model_world *world, const char *version)
{
    json_t *spec = json_object_get(model_world_find(world, KIND_MODEL, MODEL_NAME), "spec");
    if (version) {
        json_object_set_new(spec, "pinnedVersion", json_string(version));
    } else {
        (void)json_object_del(spec, "pinnedVersion");
    }
    come_to_rest(world);
}

static const json_t *recent(const struct model_world *world)
{
    const json_t *model = model_world_find(world, KIND_MODEL, MODEL_NAME);
    return json_object_get(json_object_get(model, "status"), "recent");
}

/* "1 Promoted churn-0, 2 Degraded churn-0" */
static void expect_events(const struct model_world *world, const char *expected)
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

static const char *newest_message(const struct model_world *world)
{
    const json_t *list = recent(world);
    const json_t *newest = json_array_get(list, json_array_size(list) - 1);
    return json_string_value(json_object_get(newest, "message"));
}

static void set_up(struct model_world *world)
{
    *world = (struct model_world){.now = MODEL_WORLD_START};
    model_world_add_model(world);
}

static void each_champion_is_told_and_one_from_before_is_a_roll_back(void **state)
{
    (void)state;
    struct model_world world;
    set_up(&world);
    come_to_rest(&world);
    expect_events(&world, "");
    serve(&world, 0);
    expect_events(&world, "1 Promoted churn-0");
    assert_string_equal(newest_message(&world), "version 1 (churn-0) serves");
    serve(&world, 1);
    pin(&world, "churn-0");
    model_world_bring_up(&world, "churn-0");
    come_to_rest(&world);
    expect_events(&world, "1 Promoted churn-0, 2 Promoted churn-1, 3 RolledBack churn-0");
    assert_string_equal(newest_message(&world),
                        "version 1 (churn-0) serves in place of version 2 (churn-1)");
    world.now += DRAIN;
    come_to_rest(&world);
    pin(&world, NULL);
    model_world_bring_up(&world, "churn-1");
    come_to_rest(&world);
    expect_events(&world, "1 Promoted churn-0, 2 Promoted churn-1, 3 RolledBack churn-0, 4 "
                          "Promoted churn-1");
    model_world_free(&world);
}

/* Somebody wrote its status by hand. */
static void from_a_champion_without_a_number_nothing_is_rolled_back(void **state)
{
    (void)state;
    struct model_world world;
    set_up(&world);
    serve(&world, 0);
    serve(&world, 1);
    pin(&world, "churn-0");
    json_t *model = model_world_find(&world, KIND_MODEL, MODEL_NAME);
    assert_int_equal(json_object_del(json_object_get(model, "status"), "championVersion"), 0);
    model_world_bring_up(&world, "churn-0");
    come_to_rest(&world);
    expect_events(&world, "1 Promoted churn-0, 2 Promoted churn-1, 3 Promoted churn-0");
    model_world_free(&world);
}

static void a_version_that_can_never_serve_is_rejected_once_and_the_model_is_degraded(void **state)
{
    (void)state;
    struct model_world world;
    set_up(&world);
    serve(&world, 0);
    model_world_add_version(&world, 1, false);
    come_to_rest(&world);
    model_world_fail_copy(&world, "churn-1", "DigestMismatch");
    come_to_rest(&world);
    expect_events(&world, "1 Promoted churn-0, 2 Rejected churn-1, 3 Degraded churn-0");
    world.now += DAY;
    come_to_rest(&world);
    serve(&world, 2); /* all is well again */
    expect_events(&world, "1 Promoted churn-0, 2 Rejected churn-1, 3 Degraded churn-0, 4 "
                          "Promoted churn-2");
    model_world_free(&world);
}

/* The Model's status has it, the version's own does not yet. */
static void a_crash_between_the_two_statuses_tells_a_rejection_once(void **state)
{
    (void)state;
    for (size_t limit = 0; limit < 12; limit++) {
        struct model_world world;
        set_up(&world);
        serve(&world, 0);
        model_world_add_version(&world, 1, false);
        come_to_rest(&world);
        model_world_fail_copy(&world, "churn-1", "DigestMismatch");
        (void)model_world_step(&world, limit);
        come_to_rest(&world);
        expect_events(&world, "1 Promoted churn-0, 2 Rejected churn-1, 3 Degraded churn-0");
        model_world_free(&world);
    }
}

static void the_newest_ten_stay(void **state)
{
    (void)state;
    struct model_world world;
    set_up(&world);
    for (int number = 0; number < 12; number++) {
        serve(&world, number);
    }
    assert_int_equal(json_array_size(recent(&world)), 10);
    assert_int_equal(
        json_integer_value(json_object_get(json_array_get(recent(&world), 0), "number")), 3);
    model_world_free(&world);
}

static json_int_t newest_chain(const struct model_world *world)
{
    const json_t *list = recent(world);
    return json_integer_value(
        json_object_get(json_array_get(list, json_array_size(list) - 1), "chain"));
}

static void a_version_of_a_chain_of_runs_hands_its_length_on_for_a_day(void **state)
{
    (void)state;
    struct model_world world;
    set_up(&world);
    model_world_add_version(&world, 0, false);
    json_t *meta = json_object_get(model_world_find(&world, KIND_MODEL_VERSION, "churn-0"),
                                   "metadata");
    char made[CIVIL_TEXT_SIZE];
    civil_format(world.now, made);
    json_object_set_new(meta, "creationTimestamp", json_string(made));
    json_object_set_new(meta, "annotations", json_pack("{s:s}", "tidemill.dev/chain", "5"));
    come_to_rest(&world);
    model_world_bring_up(&world, "churn-0");
    come_to_rest(&world);
    assert_int_equal(newest_chain(&world), 5);
    world.now += DAY;
    pin(&world, "nobody"); /* it is degraded */
    expect_events(&world, "1 Promoted churn-0, 2 Degraded churn-0");
    assert_int_equal(newest_chain(&world), 0);
    model_world_free(&world);
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
