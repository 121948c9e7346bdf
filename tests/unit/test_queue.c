#include "support/test.h"

#include "core/prng.h"
#include "kube/queue.h"
#include "support/fake_io.h"

#include <stdio.h>
#include <string.h>

struct fixture {
    struct fake_io *fake;
    struct queue *queue;
    unsigned ready_calls;
};

static void count_ready(void *context)
{
    struct fixture *fixture = context;
    fixture->ready_calls++;
}

static int set_up(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){.fake = fake_io_new()};
    fixture.queue = queue_new(fake_io_seam(fixture.fake), count_ready, &fixture);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    (void)queue_free(fixture->queue);
    assert_int_equal(fake_io_timer_count(fixture->fake), 0);
    (void)fake_io_free(fixture->fake);
    return 0;
}

static struct work_key run_key(const char *name)
{
    return (struct work_key){KIND_PIPELINE_RUN, "team", name};
}

static void add(struct fixture *fixture, const char *name)
{
    struct work_key key = run_key(name);
    queue_add(fixture->queue, &key);
}

static void add_limited(struct fixture *fixture, const char *name)
{
    struct work_key key = run_key(name);
    queue_add_limited(fixture->queue, &key);
}

static void add_after(struct fixture *fixture, const char *name, int64_t delay_ms)
{
    struct work_key key = run_key(name);
    queue_add_at(fixture->queue, &key, fake_io_now_ms(fixture->fake) + delay_ms);
}

static void done(struct fixture *fixture, const char *name)
{
    struct work_key key = run_key(name);
    queue_done(fixture->queue, &key);
}

/* The name of what is taken next, or "nothing". */
static const char *take(struct fixture *fixture)
{
    struct work_key key = {0};
    return queue_take(fixture->queue, &key, NULL) ? key.name : "nothing";
}

static void keys_go_out_in_the_order_they_came(void **state)
{
    struct fixture *fixture = *state;
    add(fixture, "b");
    add(fixture, "a");
    add(fixture, "c");
    add(fixture, "a");
    assert_string_equal(take(fixture), "b");
    assert_string_equal(take(fixture), "a");
    assert_string_equal(take(fixture), "c");
    assert_string_equal(take(fixture), "nothing");
}

static void keys_of_one_name_and_two_kinds_are_two(void **state)
{
    struct fixture *fixture = *state;
    struct work_key run = {KIND_PIPELINE_RUN, "team", "digits"};
    struct work_key model = {KIND_MODEL, "team", "digits"};
    struct work_key other = {KIND_MODEL, "other", "digits"};
    queue_add(fixture->queue, &run);
    queue_add(fixture->queue, &model);
    queue_add(fixture->queue, &other);
    assert_int_equal(queue_numbers(fixture->queue).depth, 3);
}

static void a_key_is_never_in_two_hands(void **state)
{
    struct fixture *fixture = *state;
    add(fixture, "a");
    assert_string_equal(take(fixture), "a");
    add(fixture, "a");
    assert_string_equal(take(fixture), "nothing");
    add_after(fixture, "a", 10);
    fake_io_advance(fixture->fake, 20);
    assert_string_equal(take(fixture), "nothing");
    done(fixture, "a");
    assert_string_equal(take(fixture), "a");
}

static void any_number_of_adds_while_worked_on_give_one_more_round(void **state)
{
    struct fixture *fixture = *state;
    add(fixture, "a");
    (void)take(fixture);
    for (int at = 0; at < 100; at++) {
        add(fixture, "a");
    }
    done(fixture, "a");
    assert_string_equal(take(fixture), "a");
    done(fixture, "a");
    assert_string_equal(take(fixture), "nothing");
    assert_int_equal(queue_numbers(fixture->queue).in_hand, 0);
}

static void a_timed_add_keeps_the_earliest_time(void **state)
{
    struct fixture *fixture = *state;
    add_after(fixture, "a", 5000);
    add_after(fixture, "a", 1000);
    add_after(fixture, "a", 9000);
    fake_io_advance(fixture->fake, 999);
    assert_string_equal(take(fixture), "nothing");
    fake_io_advance(fixture->fake, 1);
    assert_string_equal(take(fixture), "a");
    done(fixture, "a");
    fake_io_advance(fixture->fake, 20000);
    assert_string_equal(take(fixture), "nothing");
}

static void a_time_that_has_passed_is_now(void **state)
{
    struct fixture *fixture = *state;
    add_after(fixture, "a", -5);
    assert_string_equal(take(fixture), "a");
}

static void timed_keys_come_in_the_order_of_their_times(void **state)
{
    struct fixture *fixture = *state;
    struct prng prng;
    prng_seed(&prng, 7);
    char name[16];
    enum { KEYS = 500 };
    for (int at = 0; at < KEYS; at++) {
        int64_t delay_ms = (int64_t)prng_between(&prng, 1, 10000);
        (void)snprintf(name, sizeof(name), "%05lld-%d", (long long)delay_ms, at);
        add_after(fixture, name, delay_ms);
    }
    fake_io_advance(fixture->fake, 10000);
    char before[16] = "";
    for (int at = 0; at < KEYS; at++) {
        const char *now = take(fixture);
        assert_true(strncmp(before, now, 5) <= 0);
        (void)snprintf(before, sizeof(before), "%s", now);
    }
    assert_string_equal(take(fixture), "nothing");
}

static void ready_is_told_from_the_loop_once_for_many_keys(void **state)
{
    struct fixture *fixture = *state;
    add(fixture, "a");
    add(fixture, "b");
    assert_int_equal(fixture->ready_calls, 0);
    fake_io_run(fixture->fake);
    assert_int_equal(fixture->ready_calls, 1);
    add_after(fixture, "c", 10);
    fake_io_advance(fixture->fake, 10);
    assert_int_equal(fixture->ready_calls, 2);
}

static void ready_is_told_when_a_round_gives_one_more(void **state)
{
    struct fixture *fixture = *state;
    add(fixture, "a");
    fake_io_run(fixture->fake);
    (void)take(fixture);
    add(fixture, "a");
    fake_io_run(fixture->fake);
    assert_int_equal(fixture->ready_calls, 1);
    done(fixture, "a");
    fake_io_run(fixture->fake);
    assert_int_equal(fixture->ready_calls, 2);
}

/* Milliseconds until the limited add comes out. */
static int64_t limited_delay(struct fixture *fixture, const char *name)
{
    int64_t start_ms = fake_io_now_ms(fixture->fake);
    add_limited(fixture, name);
    int64_t due_ms = fake_io_next_timer_ms(fixture->fake);
    fake_io_advance(fixture->fake, due_ms - start_ms);
    fake_io_run(fixture->fake);
    assert_string_equal(take(fixture), name);
    done(fixture, name);
    return due_ms - start_ms;
}

static void failures_wait_5_ms_doubled_each_time_and_1000_s_at_most(void **state)
{
    struct fixture *fixture = *state;
    int64_t expected_ms = 5;
    for (int at = 0; at < 30; at++) {
        assert_int_equal(limited_delay(fixture, "a"), expected_ms);
        expected_ms = expected_ms * 2 < 1000 * 1000 ? expected_ms * 2 : 1000 * 1000;
    }
    struct work_key key = run_key("a");
    assert_int_equal(queue_failures(fixture->queue, &key), 30);
}

static void success_forgets_failures(void **state)
{
    struct fixture *fixture = *state;
    (void)limited_delay(fixture, "a");
    (void)limited_delay(fixture, "a");
    struct work_key key = run_key("a");
    queue_forget(fixture->queue, &key);
    assert_int_equal(queue_failures(fixture->queue, &key), 0);
    assert_int_equal(limited_delay(fixture, "a"), 5);
}

static void the_bucket_lets_100_through_and_then_10_a_second(void **state)
{
    struct fixture *fixture = *state;
    char name[16];
    for (int at = 0; at < 120; at++) {
        (void)snprintf(name, sizeof(name), "run-%d", at);
        add_limited(fixture, name);
    }
    fake_io_advance(fixture->fake, 5);
    assert_int_equal(queue_numbers(fixture->queue).depth, 100);
    fake_io_advance(fixture->fake, 95);
    assert_int_equal(queue_numbers(fixture->queue).depth, 101);
    fake_io_advance(fixture->fake, 1900);
    assert_int_equal(queue_numbers(fixture->queue).depth, 120);
}

static void the_bucket_fills_up_again_with_time(void **state)
{
    struct fixture *fixture = *state;
    char name[16];
    for (int at = 0; at < 100; at++) {
        (void)snprintf(name, sizeof(name), "run-%d", at);
        add_limited(fixture, name);
    }
    fake_io_advance(fixture->fake, 10000);
    for (int at = 100; at < 200; at++) {
        (void)snprintf(name, sizeof(name), "run-%d", at);
        add_limited(fixture, name);
    }
    fake_io_advance(fixture->fake, 5);
    assert_int_equal(queue_numbers(fixture->queue).depth, 200);
}

static void a_failing_key_delays_no_other_one(void **state)
{
    struct fixture *fixture = *state;
    for (int at = 0; at < 12; at++) {
        (void)limited_delay(fixture, "bad");
    }
    add_limited(fixture, "bad");
    add(fixture, "good");
    assert_string_equal(take(fixture), "good");
    assert_string_equal(take(fixture), "nothing");
    assert_int_equal(queue_numbers(fixture->queue).waiting, 1);
}

static void an_immediate_add_overtakes_the_backoff(void **state)
{
    struct fixture *fixture = *state;
    for (int at = 0; at < 12; at++) {
        (void)limited_delay(fixture, "a");
    }
    add_limited(fixture, "a");
    add(fixture, "a");
    assert_string_equal(take(fixture), "a");
}

static void numbers_say_how_long_keys_waited_and_were_worked_on(void **state)
{
    struct fixture *fixture = *state;
    add(fixture, "a");
    fake_io_advance(fixture->fake, 30);
    assert_int_equal(queue_numbers(fixture->queue).oldest_ready_ms, 30);
    struct work_key key = {0};
    int64_t waited_ms = 0;
    assert_true(queue_take(fixture->queue, &key, &waited_ms));
    assert_int_equal(waited_ms, 30);
    fake_io_advance(fixture->fake, 12);
    queue_done(fixture->queue, &key);
    struct queue_numbers numbers = queue_numbers(fixture->queue);
    assert_int_equal(numbers.latency_sum_ms, 30);
    assert_int_equal(numbers.latency_longest_ms, 30);
    assert_int_equal(numbers.work_sum_ms, 12);
    assert_int_equal(numbers.adds, 1);
    assert_int_equal(numbers.taken, 1);
    assert_int_equal(numbers.oldest_ready_ms, 0);
}

static void two_keys_too_long_for_their_text_are_still_two(void **state)
{
    struct fixture *fixture = *state;
    char name[2 * KEY_TEXT_SIZE];
    memset(name, 'a', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    add(fixture, name);
    name[sizeof(name) - 2] = 'b';
    add(fixture, name);
    assert_int_equal(queue_numbers(fixture->queue).depth, 2);
}

/* A plain model of the rules beside the queue, over random calls. */
static void random_calls_never_lose_or_double_a_key(void **state)
{
    struct fixture *fixture = *state;
    enum { KEYS = 8, ROUNDS = 20000 };
    struct {
        char name[8];
        bool in_hand;
        bool wanted; /* added since it was last taken */
    } model[KEYS] = {0};
    struct prng prng;
    prng_seed(&prng, 42);
    for (size_t at = 0; at < KEYS; at++) {
        (void)snprintf(model[at].name, sizeof(model[at].name), "k%zu", at);
    }
    for (int round = 0; round < ROUNDS; round++) {
        size_t at = prng_between(&prng, 0, KEYS - 1);
        uint64_t what = prng_between(&prng, 0, 4);
        if (what == 0) {
            add(fixture, model[at].name);
            model[at].wanted = true;
        } else if (what == 1) {
            add_after(fixture, model[at].name, (int64_t)prng_between(&prng, 0, 3));
            fake_io_advance(fixture->fake, 3);
            model[at].wanted = true;
        } else if (what == 2 && model[at].in_hand) {
            done(fixture, model[at].name);
            model[at].in_hand = false;
        } else if (what >= 3) {
            const char *name = take(fixture);
            bool any = false;
            for (size_t one = 0; one < KEYS; one++) {
                any = any || (model[one].wanted && !model[one].in_hand);
            }
            if (strcmp(name, "nothing") == 0) {
                assert_false(any);
                continue;
            }
            size_t taken = (size_t)(name[1] - '0');
            assert_false(model[taken].in_hand);
            assert_true(model[taken].wanted);
            model[taken].in_hand = true;
            model[taken].wanted = false;
        }
    }
}

#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(keys_go_out_in_the_order_they_came),
        ROW(keys_of_one_name_and_two_kinds_are_two),
        ROW(a_key_is_never_in_two_hands),
        ROW(any_number_of_adds_while_worked_on_give_one_more_round),
        ROW(a_timed_add_keeps_the_earliest_time),
        ROW(a_time_that_has_passed_is_now),
        ROW(timed_keys_come_in_the_order_of_their_times),
        ROW(ready_is_told_from_the_loop_once_for_many_keys),
        ROW(ready_is_told_when_a_round_gives_one_more),
        ROW(failures_wait_5_ms_doubled_each_time_and_1000_s_at_most),
        ROW(success_forgets_failures),
        ROW(the_bucket_lets_100_through_and_then_10_a_second),
        ROW(the_bucket_fills_up_again_with_time),
        ROW(a_failing_key_delays_no_other_one),
        ROW(an_immediate_add_overtakes_the_backoff),
        ROW(numbers_say_how_long_keys_waited_and_were_worked_on),
        ROW(two_keys_too_long_for_their_text_are_still_two),
        ROW(random_calls_never_lose_or_double_a_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
