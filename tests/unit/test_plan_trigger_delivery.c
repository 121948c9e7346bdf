/* Deliveries of a webhook that come to an unusual end (plan/trigger_change.c). */

#include "support/test.h"

#include "api/trigger.h"
#include "core/text.h"
#include "support/trigger_world.h"

#include <string.h>

#define WEBHOOK "'webhook':{'type':'GitHub','secretName':'key'}"

static size_t waiting(struct world *world)
{
    return json_array_size(world_get(world, KIND_TRIGGER, "t", "status/deliveries"));
}

static const char *first_waiting(struct world *world)
{
    return world_text(world, KIND_TRIGGER, "t", "status/deliveries/0/id");
}

/* From then on a delivery makes the source be asked, and is no change of its own. */
static void a_delivery_that_waits_when_a_source_is_added_starts_nothing(void **state)
{
    (void)state;
    struct world world;
    trigger_world_init(&world, WEBHOOK ",'suspend':true");
    (void)trigger_settle(&world);
    world_merge(&world, KIND_TRIGGER, "t", "{'status':{'deliveries':[{'id':'d-1'}]}}");
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
    world_merge(&world, KIND_TRIGGER, "t", "{'status':{'deliveries':[{'id':'d-1'},{'id':'d-2'}]}}");
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
    world_merge(&world, KIND_TRIGGER, "t", "{'status':{'deliveries':[{'id':'d-1'},{'id':'d-2'}]}}");
    (void)trigger_settle(&world);
    assert_string_equal(world_text(&world, KIND_TRIGGER, "t", "status/pending/revision"), "d-2");
    const char *more = "{'id':'m-0'}";
    for (int at = 1; at < TRIGGER_DELIVERIES_MAXIMUM; at++) {
        more = arena_print(&world.arena, "%s,{'id':'m-%d'}", more, at);
    }
    world_merge(&world, KIND_TRIGGER, "t", "{'status':{'deliveries':[%s]}}", more);
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
        cmocka_unit_test(a_delivery_that_waits_when_a_source_is_added_starts_nothing),
        cmocka_unit_test(a_delivery_does_not_wait_for_debounce),
        cmocka_unit_test(a_delivery_is_given_back_with_the_values_that_are_asked_for),
        cmocka_unit_test(a_delivery_that_finds_no_place_any_more_is_said_to_be_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
