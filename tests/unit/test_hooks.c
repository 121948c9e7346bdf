/* Deliveries to webhooks that are let in: written down, then answered (kube/hooks, X4, X13). */

#include "support/test.h"

#include "api/trigger.h"
#include "core/text.h"
#include "support/hook_world.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* What the patch, or the status that it replaces all with, has there; "" for nothing. */
static const char *delivered_by(const char *patch)
{
    static char delivered[8192];
    json_t *operations = json_loads(patch, 0, NULL);
    delivered[0] = '\0';
    for (size_t at = 0; at < json_array_size(operations); at++) {
        const json_t *operation = json_array_get(operations, at);
        const json_t *value = json_object_get(operation, "value");
        const char *path = json_string_value(json_object_get(operation, "path"));
        value = text_equal(path, "/status") ? json_object_get(value, "delivered") : value;
        if (value && (text_equal(path, "/status") || text_equal(path, "/status/delivered"))) {
            (void)snprintf(delivered, sizeof(delivered), "%s", json_string_value(value));
        }
    }
    json_decref(operations);
    return delivered;
}

static void a_delivery_is_written_down_before_it_is_answered(void **state)
{
    struct hook_world *world = *state;
    hook_put(world, HOOK_GITHUB, "");
    hook_script_secret(world, 200);
    hook_deliver(world, "d-1", "abc");
    fake_io_run(world->fake);
    assert_int_equal(world->answer_count, 0);
    struct io_call *patch = fake_io_find_open(world->fake, "PATCH", HOOK_STATUS_PATH);
    assert_non_null(patch);
    assert_non_null(strstr(hook_last_patch(world), "\"id\":\"d-1\""));
    assert_non_null(strstr(hook_last_patch(world), "\"name\":\"commit\",\"value\":\"abc\""));
    assert_non_null(strstr(hook_last_patch(world), "/metadata/resourceVersion"));
    assert_int_equal(strlen(delivered_by(hook_last_patch(world))), 16);
    hook_deliver(world, "d-1", "abc"); /* nor is it known before */
    fake_io_run(world->fake);
    assert_int_equal(world->answer_count, 0);
    fake_io_finish(world->fake, patch,
                   (struct fake_answer){.status = 200, .body = "{\"metadata\":{}}"});
    assert_int_equal(world->answers[0], 202);
}

static void a_delivery_that_comes_again_starts_nothing(void **state)
{
    struct hook_world *world = *state;
    hook_put(world, HOOK_GITHUB, "");
    hook_script_secret(world, 200);
    hook_script_write(world, 200);
    hook_deliver(world, "d-1", "abc");
    hook_deliver(world, "d-1", "abc"); /* before the first one is written */
    fake_io_run(world->fake);
    assert_int_equal(world->answer_count, 2);
    assert_int_equal(fake_io_count_sent(world->fake, "PATCH", "*"), 1);
    const char *patch = hook_last_patch(world);
    assert_null(strstr(strstr(patch, "d-1") + 1, "d-1"));
    char status[128];
    (void)snprintf(status, sizeof(status), "'delivered':'%s'", delivered_by(patch));
    hook_put(world, HOOK_GITHUB, status);
    hook_deliver(world, "d-1", "abc"); /* and after the planner has taken it */
    fake_io_run(world->fake);
    assert_int_equal(hook_last_answer(world), 200);
    assert_int_equal(fake_io_count_sent(world->fake, "PATCH", "*"), 1);
    assert_int_equal(hooks_numbers(world->hooks).repeated, 1);
}

static void many_at_once_are_one_write(void **state)
{
    struct hook_world *world = *state;
    enum { MANY = 40 };
    hook_put(world, HOOK_GITHUB, "");
    hook_script_secret(world, 200);
    hook_script_write(world, 200);
    for (int at = 0; at < MANY; at++) {
        char id[16];
        (void)snprintf(id, sizeof(id), "d-%d", at);
        hook_deliver(world, id, "abc");
    }
    fake_io_run(world->fake);
    assert_int_equal(world->answer_count, MANY);
    assert_int_equal(hook_last_answer(world), 202);
    assert_int_equal(hooks_numbers(world->hooks).writes, 1);
}

/* So many deliveries wait; `more` are other members of the status. */
static void put_waiting(struct hook_world *world, int count, const char *more)
{
    static char status[16 * 1024];
    (void)snprintf(status, sizeof(status), "%s'deliveries':[", more);
    for (int at = 0; at < count; at++) {
        (void)snprintf(status + strlen(status), sizeof(status) - strlen(status),
                       "%s{'id':'old-%d'}", at > 0 ? "," : "", at);
    }
    strcat(status, "]");
    hook_put(world, HOOK_GITHUB, status);
}

/* 62 wait, and 5 come. */
static void deliver_when_almost_full(struct hook_world *world, const char *more)
{
    put_waiting(world, 62, more);
    hook_script_secret(world, 200);
    hook_script_write(world, 200);
    for (int at = 0; at < 5; at++) {
        char id[16];
        (void)snprintf(id, sizeof(id), "d-%d", at);
        hook_deliver(world, id, "abc");
    }
    fake_io_run(world->fake);
}

static void when_the_status_is_full_senders_come_again(void **state)
{
    struct hook_world *world = *state;
    deliver_when_almost_full(world, "");
    /* Two had room, and are answered first; the cache does not show them yet. */
    assert_int_equal(world->answers[0], 202);
    assert_int_equal(world->answers[1], 202);
    assert_int_equal(hooks_numbers(world->hooks).taken, 2);
}

static void a_firing_under_way_keeps_a_place_to_come_back_to(void **state)
{
    struct hook_world *world = *state;
    deliver_when_almost_full(world, "'pending':{'run':'r','revision':'old'},");
    assert_int_equal(world->answers[0], 202);
    assert_int_equal(hooks_numbers(world->hooks).taken, 1);
}

/* The cache hears of what was patched. */
static void put_delivered(struct hook_world *world)
{
    char status[8192];
    (void)snprintf(status, sizeof(status), "'delivered':'%s'",
                   delivered_by(hook_last_patch(world)));
    hook_put(world, HOOK_GITHUB, status);
}

static void duplicates_and_replays_cost_one_read_and_one_write(void **state)
{
    struct hook_world *world = *state;
    enum { MANY = 2000, BATCH = 100 };
    hook_put(world, HOOK_GITHUB, "");
    hook_script_secret(world, 200);
    hook_script_write(world, 200);
    for (int sent = 0; sent < MANY; sent += BATCH) {
        for (int at = 0; at < BATCH; at++) {
            hook_deliver(world, "d-1", "abc");
        }
        fake_io_advance(world->fake, 100);
        if (sent == 0) {
            put_delivered(world);
        }
    }
    assert_int_equal(world->answer_count, MANY);
    for (size_t at = 0; at < MANY; at++) {
        assert_int_equal(world->answers[at], at < BATCH ? 202 : 200);
    }
    assert_int_equal(fake_io_sent_count(world->fake), 2);
    assert_int_equal(hooks_numbers(world->hooks).put_off, 0);
}

/* Else each write would be followed by one that conflicts. */
static void what_was_written_is_known_before_the_cache_hears_of_it(void **state)
{
    struct hook_world *world = *state;
    hook_put(world, HOOK_GITHUB, "");
    hook_script_secret(world, 200);
    fake_io_script(
        world->fake, "PATCH", HOOK_STATUS_PATH,
        (struct fake_answer){.status = 200, .body = "{\"metadata\":{\"resourceVersion\":\"2\"}}"});
    hook_deliver(world, "d-1", "abc");
    fake_io_run(world->fake);
    assert_int_equal(hook_last_answer(world), 202);
    hook_deliver(world, "d-1", "abc");
    assert_int_equal(hook_last_answer(world), 200);
    hook_deliver(world, "d-2", "abc"); /* its turn comes when the cache is there */
    fake_io_advance(world->fake, SECOND);
    assert_int_equal(world->answer_count, 2);
    assert_int_equal(fake_io_count_sent(world->fake, "PATCH", "*"), 1);
    put_delivered(world);
    hook_script_write(world, 200);
    fake_io_advance(world->fake, 100);
    assert_int_equal(hook_last_answer(world), 202);
    assert_int_equal(world->answer_count, 3);
    assert_int_equal(fake_io_count_sent(world->fake, "PATCH", "*"), 2);
}

/* The 64 that wait are all that is written, however many more come. */
static void a_storm_without_room_costs_no_requests(void **state)
{
    struct hook_world *world = *state;
    enum { STORM = 1000 };
    put_waiting(world, TRIGGER_DELIVERIES_MAXIMUM, "");
    hook_script_secret(world, 200);
    for (int at = 0; at < STORM; at++) {
        char id[16];
        (void)snprintf(id, sizeof(id), "d-%d", at);
        hook_deliver(world, id, "abc");
        fake_io_run(world->fake);
        assert_int_equal(hook_last_answer(world), 503);
    }
    assert_int_equal(fake_io_sent_count(world->fake), 1);
}

/* Somebody else wrote first, and the cache hears of it. */
static void a_conflict_is_written_anew(void **state)
{
    struct hook_world *world = *state;
    hook_put(world, HOOK_GITHUB, "");
    hook_script_secret(world, 200);
    hook_script_write(world, 409);
    hook_deliver(world, "d-1", "abc");
    fake_io_run(world->fake);
    hook_put(world, HOOK_GITHUB, "'firings':3");
    hook_script_write(world, 200);
    fake_io_advance(world->fake, SECOND);
    assert_int_equal(hook_last_answer(world), 202);
    assert_non_null(strstr(hook_last_patch(world), "\"value\":\"2\""));
}

/* The patch names what a write of somebody else has taken away: 422, not 409. */
static void a_patch_that_does_not_fit_any_more_is_written_anew(void **state)
{
    struct hook_world *world = *state;
    hook_put(world, HOOK_GITHUB, "'deliveries':[{'id':'old'}]");
    hook_script_secret(world, 200);
    hook_script_write(world, 422);
    hook_deliver(world, "d-1", "abc");
    fake_io_advance(world->fake, 100);
    assert_int_equal(world->answer_count, 0);
    assert_int_equal(fake_io_count_sent(world->fake, "PATCH", "*"), 1); /* until the cache moves */
    hook_put(world, HOOK_GITHUB, "");
    hook_script_write(world, 200);
    fake_io_advance(world->fake, 100);
    assert_int_equal(hook_last_answer(world), 202);
    assert_int_equal(fake_io_count_sent(world->fake, "PATCH", "*"), 2);
}

static void what_the_api_server_does_not_take_is_told_soon(void **state)
{
    struct hook_world *world = *state;
    hook_put(world, HOOK_GITHUB, "");
    hook_script_secret(world, 200);
    hook_script_write(world, 422);
    hook_deliver(world, "d-1", "abc");
    fake_io_advance(world->fake, 3 * SECOND);
    assert_int_equal(hook_last_answer(world), 503);
    assert_int_equal(fake_io_count_sent(world->fake, "PATCH", "*"), 1);
}

/* Beside a source that is polled it asks for a poll, and nothing of it is kept. */
static void a_webhook_beside_a_source_pokes_it(void **state)
{
    struct hook_world *world = *state;
    hook_put(world, HOOK_GITHUB ",'git':{'url':'http://git/x.git','branch':'main'}", "");
    hook_script_secret(world, 200);
    hook_script_write(world, 200);
    hook_deliver(world, "d-1", "abc");
    fake_io_run(world->fake);
    assert_int_equal(hook_last_answer(world), 202);
    assert_non_null(strstr(hook_last_patch(world), "pokedTime"));
    assert_null(strstr(hook_last_patch(world), "deliveries"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_delivery_is_written_down_before_it_is_answered,
                                        hook_world_set_up, hook_world_tear_down),
        cmocka_unit_test_setup_teardown(a_delivery_that_comes_again_starts_nothing,
                                        hook_world_set_up, hook_world_tear_down),
        cmocka_unit_test_setup_teardown(many_at_once_are_one_write, hook_world_set_up,
                                        hook_world_tear_down),
        cmocka_unit_test_setup_teardown(when_the_status_is_full_senders_come_again,
                                        hook_world_set_up, hook_world_tear_down),
        cmocka_unit_test_setup_teardown(a_firing_under_way_keeps_a_place_to_come_back_to,
                                        hook_world_set_up, hook_world_tear_down),
        cmocka_unit_test_setup_teardown(duplicates_and_replays_cost_one_read_and_one_write,
                                        hook_world_set_up, hook_world_tear_down),
        cmocka_unit_test_setup_teardown(what_was_written_is_known_before_the_cache_hears_of_it,
                                        hook_world_set_up, hook_world_tear_down),
        cmocka_unit_test_setup_teardown(a_storm_without_room_costs_no_requests, hook_world_set_up,
                                        hook_world_tear_down),
        cmocka_unit_test_setup_teardown(a_conflict_is_written_anew, hook_world_set_up,
                                        hook_world_tear_down),
        cmocka_unit_test_setup_teardown(a_patch_that_does_not_fit_any_more_is_written_anew,
                                        hook_world_set_up, hook_world_tear_down),
        cmocka_unit_test_setup_teardown(what_the_api_server_does_not_take_is_told_soon,
                                        hook_world_set_up, hook_world_tear_down),
        cmocka_unit_test_setup_teardown(a_webhook_beside_a_source_pokes_it, hook_world_set_up,
                                        hook_world_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
