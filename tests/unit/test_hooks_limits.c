/* Which deliveries to webhooks are let in, and how many (kube/hooks, kube/hook_limits, X4, X13). */

#include "support/test.h"

#include "kube/hook_limits.h"
#include "support/hook_world.h"

#include <stdio.h>
#include <string.h>

/* Not a millisecond earlier, whatever there was to do. */
static void assert_refused_in_time(struct hook_world *world, size_t count)
{
    fake_io_advance(world->fake, HOOKS_REFUSAL_MS - 1);
    assert_int_equal(world->answer_count, count - 1);
    fake_io_advance(world->fake, 1);
    assert_int_equal(world->answer_count, count);
    assert_int_equal(hook_last_answer(world), 401);
}

static void the_same_answer_for_no_trigger_and_a_wrong_signature(void **state)
{
    struct hook_world *world = *state;
    hook_deliver(world, "d-1", "abc");
    assert_refused_in_time(world, 1);
    assert_int_equal(fake_io_sent_count(world->fake), 0); /* no Secret is read for nobody */
    hook_put(world, HOOK_GITHUB, "");
    hook_script_secret(world, 200);
    hook_deliver_signed(world, "d-2", "{}", "another key");
    assert_refused_in_time(world, 2);
    hook_deliver_signed(world, "d-2", "{}", "another key"); /* the Secret is known */
    assert_refused_in_time(world, 3);
    assert_int_equal(hooks_numbers(world->hooks).refused, 3);
    assert_int_equal(fake_io_count_sent(world->fake, "PATCH", "*"), 0);
}

static void a_secret_that_can_t_be_read_accepts_nothing(void **state)
{
    struct hook_world *world = *state;
    static const int statuses[] = {403, 404, 500};
    hook_put(world, HOOK_GITHUB, "");
    for (size_t at = 0; at < COUNT_OF(statuses); at++) {
        hook_script_secret(world, statuses[at]);
        for (int again = 0; again < 3; again++) { /* it is not asked for each time */
            hook_deliver(world, "d-1", "abc");
            fake_io_advance(world->fake, HOOKS_REFUSAL_MS);
            assert_int_equal(world->answer_count, 3 * at + again + 1);
            assert_int_equal(hook_last_answer(world), 401);
        }
        assert_int_equal(fake_io_count_sent(world->fake, "GET", HOOK_SECRET_PATH), at + 1);
        fake_io_advance(world->fake, HOOKS_SECRET_RETRY_MS);
    }
}

static void a_secret_is_kept_for_a_minute(void **state)
{
    struct hook_world *world = *state;
    hook_put(world, HOOK_GITHUB, "");
    hook_script_secret(world, 200);
    for (int at = 0; at < 3; at++) {
        hook_script_write(world, 200);
        hook_deliver(world, at == 0 ? "a" : at == 1 ? "b" : "c", "abc");
        fake_io_run(world->fake);
        assert_int_equal(hook_last_answer(world), 202);
    }
    assert_int_equal(fake_io_count_sent(world->fake, "GET", HOOK_SECRET_PATH), 1);
    fake_io_advance(world->fake, 61 * SECOND);
    hook_script_secret(world, 200);
    hook_script_write(world, 200);
    hook_deliver(world, "d", "abc");
    fake_io_run(world->fake);
    assert_int_equal(fake_io_count_sent(world->fake, "GET", HOOK_SECRET_PATH), 2);
}

static void a_flood_of_one_trigger_is_bounded(void **state)
{
    struct hook_world *world = *state;
    enum { FLOOD = 600 };
    hook_put(world, HOOK_GITHUB, "");
    for (int at = 0; at < FLOOD; at++) {
        char id[16];
        (void)snprintf(id, sizeof(id), "d-%d", at);
        hook_deliver(world, id, "abc");
    }
    size_t too_many = 0;
    for (size_t at = 0; at < world->answer_count; at++) {
        too_many += world->answers[at] == 429;
    }
    assert_int_equal(too_many, FLOOD - HOOK_LIMITS_BURST);
    assert_int_equal(hooks_numbers(world->hooks).waiting, HOOK_LIMITS_BURST);
}

/* How many of a flood are too many. */
static int flood(struct hook_world *world, size_t count)
{
    world->answer_count = 0;
    for (size_t sent = 0; sent < count; sent++) {
        hook_deliver_signed(world, "d-1", "{}", "another key");
    }
    fake_io_advance(world->fake, HOOKS_REFUSAL_MS);
    size_t too_many = 0;
    for (size_t each = 0; each < world->answer_count; each++) {
        too_many += world->answers[each] == 429;
    }
    return (int)too_many;
}

static void a_flood_tells_nothing_of_whether_there_is_a_trigger(void **state)
{
    struct hook_world *world = *state;
    enum { FLOOD = 300 };
    int unknown = flood(world, FLOOD);
    assert_int_equal(unknown, FLOOD - HOOK_LIMITS_BURST);
    fake_io_advance(world->fake, 10 * SECOND);
    hook_put(world, HOOK_GITHUB, "");
    hook_script_secret(world, 200);
    assert_int_equal(flood(world, FLOOD), unknown);
    world->sender = "192.0.2.7"; /* another one is not held up by it */
    assert_int_equal(flood(world, 1), 0);
    assert_int_equal(hook_last_answer(world), 401);
}

/* By any names: one sender in all. */
static void one_sender_has_a_limit_for_all_triggers(void **state)
{
    (void)state;
    struct hook_limits *limits = hook_limits_new(7);
    struct hook_ticket ticket;
    size_t taken = 0;
    enum { NAMES = 10000 };
    for (int at = 0; at < NAMES; at++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "name-%d", at);
        taken += hook_limits_take(limits, "192.0.2.1", "team", name, SECOND, &ticket);
    }
    assert_int_equal(taken, HOOK_LIMITS_SENDER_BURST);
    assert_true(hook_limits_take(limits, "192.0.2.2", "team", "other", SECOND, &ticket));
    hook_limits_give_back(limits, ticket);
    assert_true(hook_limits_take(limits, "192.0.2.1", "team", "x", 2 * SECOND, &ticket));
    (void)hook_limits_free(limits);
}

static void what_waits_too_long_is_told_to_come_again(void **state)
{
    struct hook_world *world = *state;
    hook_put(world, HOOK_GITHUB, "");
    hook_script_secret(world, 200);
    for (int at = 0; at < 100; at++) {
        hook_script_write(world, 409);
    }
    hook_deliver(world, "d-1", "abc");
    fake_io_advance(world->fake, 20 * SECOND);
    assert_int_equal(hook_last_answer(world), 503);
    assert_int_equal(world->answer_count, 1);
    assert_int_equal(hooks_numbers(world->hooks).waiting, 0);
}

struct judged_row {
    const char *sentence;
    const char *body;
    const char *spec_end;
    int answer;
};

static void what_is_signed_and_of_no_interest_is_fine(void **state)
{
    struct hook_world *world = *state;
    static const struct judged_row rows[] = {
        {"another branch", "{\"ref\":\"refs/heads/x\"}", "", 200},
        {"no JSON", "hello", "", 400},
        {"a suspended trigger", "{\"ref\":\"refs/heads/main\"}", ",'suspend':true", 503},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        char spec[512];
        (void)snprintf(spec, sizeof(spec), HOOK_GITHUB "%s", rows[at].spec_end);
        hook_put(world, spec, "");
        fake_io_advance(world->fake, 61 * SECOND);
        hook_script_secret(world, 200);
        hook_deliver_signed(world, "d-1", rows[at].body, HOOK_KEY);
        fake_io_run(world->fake);
        if (hook_last_answer(world) != rows[at].answer) {
            fail_msg("%s: %d", rows[at].sentence, hook_last_answer(world));
        }
    }
    assert_int_equal(fake_io_count_sent(world->fake, "PATCH", "*"), 0);
}

static void a_trigger_that_goes_answers_who_waits(void **state)
{
    struct hook_world *world = *state;
    hook_put(world, HOOK_GITHUB, "");
    hook_deliver(world, "d-1", "abc");
    cache_remove(world->cache, KIND_TRIGGER, "team", "hook", "99");
    fake_io_run(world->fake);
    fake_io_advance(world->fake, HOOKS_REFUSAL_MS);
    assert_int_equal(hook_last_answer(world), 401);
    assert_int_equal(hooks_numbers(world->hooks).waiting, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_same_answer_for_no_trigger_and_a_wrong_signature,
                                        hook_world_set_up, hook_world_tear_down),
        cmocka_unit_test_setup_teardown(a_secret_that_can_t_be_read_accepts_nothing,
                                        hook_world_set_up, hook_world_tear_down),
        cmocka_unit_test_setup_teardown(a_secret_is_kept_for_a_minute, hook_world_set_up,
                                        hook_world_tear_down),
        cmocka_unit_test_setup_teardown(a_flood_of_one_trigger_is_bounded, hook_world_set_up,
                                        hook_world_tear_down),
        cmocka_unit_test_setup_teardown(a_flood_tells_nothing_of_whether_there_is_a_trigger,
                                        hook_world_set_up, hook_world_tear_down),
        cmocka_unit_test(one_sender_has_a_limit_for_all_triggers),
        cmocka_unit_test_setup_teardown(what_waits_too_long_is_told_to_come_again,
                                        hook_world_set_up, hook_world_tear_down),
        cmocka_unit_test_setup_teardown(what_is_signed_and_of_no_interest_is_fine,
                                        hook_world_set_up, hook_world_tear_down),
        cmocka_unit_test_setup_teardown(a_trigger_that_goes_answers_who_waits, hook_world_set_up,
                                        hook_world_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
