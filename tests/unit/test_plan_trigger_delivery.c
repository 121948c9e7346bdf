/* Deliveries of a webhook: each starts a run, waits for its turn, or is told to be lost. */

#include "support/test.h"

#include "api/trigger.h"
#include "core/text.h"
#include "support/trigger_world.h"

#include <string.h>

#define WEBHOOK "'webhook':{'type':'GitHub','secretName':'key'}"

#define WEBHOOK_OF_COMMITS                                                                       \
    "'webhook':{'type':'GitHub','secretName':'key','values':[{'name':'after','path':'after'}]}," \
    "'params':[{'name':'commit','from':'after'}]"

static size_t waiting(struct world *world)
{
    return json_array_size(world_get(world, KIND_TRIGGER, "t", "status/deliveries"));
}

static const char *first_waiting(struct world *world)
{
    return world_text(world, KIND_TRIGGER, "t", "status/deliveries/0/id");
}

static void put_deliveries(struct world *world, const char *items)
{
    world_merge(world, KIND_TRIGGER, "t", "{'status':{'deliveries':[%s]}}", items);
}

static const char *commits(struct world *world)
{
    const char *list = "";
    for (size_t at = 0; at < world->count; at++) {
        const json_t *spec = json_object_get(world->objects[at].tree, "spec");
        const json_t *param = json_array_get(json_object_get(spec, "params"), 0);
        if (world->objects[at].kind == KIND_PIPELINE_RUN && param) {
            list = arena_print(&world->arena, "%s%s ", list,
                               json_string_value(json_object_get(param, "value")));
        }
    }
    return list;
}

static void each_delivery_starts_one_run_in_the_order_of_coming(void **state)
{
    (void)state;
    struct world world;
    trigger_world_init(&world, WEBHOOK_OF_COMMITS);
    (void)trigger_settle(&world);
    put_deliveries(&world, "{'id':'d-1','values':[{'name':'after','value':'aaa'}]},"
                           "{'id':'d-2','values':[{'name':'after','value':'bbb'}]},"
                           "{'id':'d-3','values':[{'name':'after','value':'bbb'}]}");
    (void)trigger_settle(&world);
    assert_string_equal(trigger_fired(&world), "d-1 d-2 d-3 ");
    assert_string_equal(commits(&world), "aaa bbb bbb ");
    assert_int_equal(waiting(&world), 0);
    world_free(&world);
}

static void a_delivery_waits_for_the_run_before_and_is_not_lost(void **state)
{
    (void)state;
    struct world world;
    trigger_world_init(&world, WEBHOOK_OF_COMMITS ",'concurrencyPolicy':'Queue'");
    (void)trigger_settle(&world);
    put_deliveries(&world, "{'id':'d-1'},{'id':'d-2','values':[{'name':'after','value':'bbb'}]}");
    (void)trigger_settle(&world);
    assert_string_equal(trigger_fired(&world), "d-1 ");
    world_merge(&world, KIND_TRIGGER, "t", "{'spec':{'suspend':true}}");
    (void)trigger_settle(&world);
    assert_string_equal(first_waiting(&world), "d-2");
    trigger_end_runs(&world, "Succeeded");
    world_merge(&world, KIND_TRIGGER, "t", "{'spec':{'suspend':false}}");
    (void)trigger_settle(&world);
    assert_string_equal(trigger_fired(&world), "d-1 d-2 ");
    assert_string_equal(commits(&world), "bbb ");
    world_free(&world);
}

static void a_delivery_that_is_given_back_stays_before_those_that_came_later(void **state)
{
    (void)state;
    struct world world;
    trigger_world_init(&world, WEBHOOK_OF_COMMITS ",'concurrencyPolicy':'Queue'");
    (void)trigger_settle(&world);
    put_deliveries(&world, "{'id':'d-1'},{'id':'d-2','values':[{'name':'after','value':'bbb'}]},"
                           "{'id':'d-3','values':[{'name':'after','value':'ccc'}]}");
    (void)trigger_settle(&world);
    assert_string_equal(trigger_fired(&world), "d-1 ");
    assert_string_equal(first_waiting(&world), "d-3");
    world_merge(&world, KIND_TRIGGER, "t", "{'spec':{'suspend':true}}");
    (void)trigger_settle(&world);
    assert_int_equal(waiting(&world), 2);
    assert_string_equal(first_waiting(&world), "d-2");
    assert_string_equal(world_text(&world, KIND_TRIGGER, "t", "status/deliveries/1/id"), "d-3");
    world_merge(&world, KIND_TRIGGER, "t", "{'spec':{'suspend':false}}");
    for (int ended = 0; ended < 2; ended++) {
        trigger_end_runs(&world, "Succeeded");
        (void)trigger_settle(&world);
    }
    assert_string_equal(trigger_fired(&world), "d-1 d-2 d-3 ");
    assert_string_equal(commits(&world), "bbb ccc ");
    world_free(&world);
}

/* From then on a delivery makes the source be asked, and is no change of its own. */
static void a_delivery_that_waits_when_a_source_is_added_starts_nothing(void **state)
{
    (void)state;
    struct world world;
    trigger_world_init(&world, WEBHOOK ",'suspend':true");
    (void)trigger_settle(&world);
    put_deliveries(&world, "{'id':'d-1'}");
    world_merge(&world, KIND_TRIGGER, "t",
                "{'spec':{'http':{'url':'http://data/x'},'suspend':false}}");
    (void)trigger_settle(&world);
    trigger_expect_ready(&world, "False SourceAsked: ");
    trigger_see(&world, "A");
    (void)trigger_settle(&world);
    assert_string_equal(trigger_fired(&world), "A ");
    assert_string_equal(first_waiting(&world), "d-1");
    world_free(&world);
}

static void a_delivery_does_not_wait_for_debounce(void **state)
{
    (void)state;
    struct world world;
    trigger_world_init(&world, WEBHOOK ",'debounce':'2m'");
    (void)trigger_settle(&world);
    put_deliveries(&world, "{'id':'d-1'},{'id':'d-2'}");
    (void)trigger_settle(&world);
    assert_string_equal(trigger_fired(&world), "d-1 d-2 ");
    world_free(&world);
}

/* By the names that the payload has them by, as far as the spec still says which. */
static void a_delivery_is_given_back_with_the_values_that_are_asked_for(void **state)
{
    (void)state;
    static const struct {
        const char *sentence;
        const char *edit; /* of spec, with the suspension */
        const char *values;
    } rows[] = {
        {"the spec is the same", "", "after=bbb pusher=eve "},
        {"a value is fixed since",
         ",'params':[{'name':'seed','value':'7'},{'name':'commit','value':'main'},"
         "{'name':'who','from':'pusher'}]",
         "pusher=eve "},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct world world;
        trigger_world_init(&world, WEBHOOK
                           ",'concurrencyPolicy':'Queue','params':[{'name':'seed','value':'7'},"
                           "{'name':'commit','from':'after'},{'name':'who','from':'pusher'}]");
        (void)trigger_settle(&world);
        world_merge(&world, KIND_TRIGGER, "t",
                    "{'status':{'deliveries':[{'id':'d-1'},{'id':'d-2','values':["
                    "{'name':'after','value':'bbb'},{'name':'pusher','value':'eve'}]}]}}");
        (void)trigger_settle(&world);
        assert_int_equal(waiting(&world), 0);
        world_merge(&world, KIND_TRIGGER, "t", "{'spec':{'suspend':true%s}}", rows[at].edit);
        (void)trigger_settle(&world);
        assert_string_equal(first_waiting(&world), "d-2");
        const json_t *given = world_get(&world, KIND_TRIGGER, "t", "status/deliveries/0/values");
        const char *values = "";
        for (size_t value = 0; value < json_array_size(given); value++) {
            const json_t *item = json_array_get(given, value);
            values = arena_print(&world.arena, "%s%s=%s ", values,
                                 json_string_value(json_object_get(item, "name")),
                                 json_string_value(json_object_get(item, "value")));
        }
        if (!text_equal(values, rows[at].values)) {
            fail_msg("%s: %s", rows[at].sentence, values);
        }
        world_free(&world);
    }
}

/* The hooks keep a place for it (kube/hooks_write.c), so somebody else has written this status. */
static void a_delivery_that_finds_no_place_any_more_is_said_to_be_lost(void **state)
{
    (void)state;
    struct world world;
    trigger_world_init(&world, WEBHOOK ",'concurrencyPolicy':'Queue'");
    (void)trigger_settle(&world);
    put_deliveries(&world, "{'id':'d-1'},{'id':'d-2'}");
    (void)trigger_settle(&world);
    assert_string_equal(world_text(&world, KIND_TRIGGER, "t", "status/pending/revision"), "d-2");
    const char *more = "{'id':'m-0'}";
    for (int at = 1; at < TRIGGER_DELIVERIES_MAXIMUM; at++) {
        more = arena_print(&world.arena, "%s,{'id':'m-%d'}", more, at);
    }
    put_deliveries(&world, more);
    world_merge(&world, KIND_TRIGGER, "t", "{'spec':{'suspend':true}}");
    (void)trigger_settle(&world);
    assert_int_equal(waiting(&world), TRIGGER_DELIVERIES_MAXIMUM);
    assert_string_equal(first_waiting(&world), "m-0");
    assert_string_equal(trigger_recent(&world), "Fired Suspended ");
    const json_t *recent = world_get(&world, KIND_TRIGGER, "t", "status/recent");
    const json_t *last = json_array_get(recent, json_array_size(recent) - 1);
    assert_non_null(strstr(json_string_value(json_object_get(last, "message")), "it is lost"));
    assert_int_equal(world_integer(&world, KIND_TRIGGER, "t", "status/dropped"), 1);
    world_free(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_delivery_starts_one_run_in_the_order_of_coming),
        cmocka_unit_test(a_delivery_waits_for_the_run_before_and_is_not_lost),
        cmocka_unit_test(a_delivery_that_is_given_back_stays_before_those_that_came_later),
        cmocka_unit_test(a_delivery_that_waits_when_a_source_is_added_starts_nothing),
        cmocka_unit_test(a_delivery_does_not_wait_for_debounce),
        cmocka_unit_test(a_delivery_is_given_back_with_the_values_that_are_asked_for),
        cmocka_unit_test(a_delivery_that_finds_no_place_any_more_is_said_to_be_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
