#include "support/test.h"

#include "core/text.h"
#include "kube/expectations.h"
#include "support/fake_io.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The cache: one resourceVersion for each kind, and a few objects. */
struct fixture {
    struct fake_io *fake;
    struct expectations *expectations;
    int64_t reached[KIND_COUNT];
    struct meta objects[4];
    size_t object_count;
    size_t looks; /* at what the cache has reached */
    char woken[256];
};

static bool reached(void *context, enum api_kind kind, const char *resource_version)
{
    struct fixture *fixture = context;
    int64_t wanted = 0;
    fixture->looks++;
    return text_parse_integer(resource_version, &wanted) && wanted <= fixture->reached[kind];
}

static const struct meta *find(void *context, enum api_kind kind, const char *namespace,
                               const char *name)
{
    struct fixture *fixture = context;
    (void)kind;
    (void)namespace;
    for (size_t at = 0; at < fixture->object_count; at++) {
        if (text_equal(fixture->objects[at].name, name)) {
            return &fixture->objects[at];
        }
    }
    return NULL;
}

static void wake(void *context, const struct work_key *key)
{
    struct fixture *fixture = context;
    size_t used = strlen(fixture->woken);
    (void)snprintf(fixture->woken + used, sizeof(fixture->woken) - used, "%s ", key->name);
}

static int set_up(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){.fake = fake_io_new()};
    const struct expectations_source source = {
        .reached = reached, .find = find, .wake = wake, .context = &fixture};
    fixture.expectations = expectations_new(fake_io_seam(fixture.fake), &source);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    (void)expectations_free(fixture->expectations);
    (void)fake_io_free(fixture->fake);
    return 0;
}

static const struct work_key run_a = {KIND_PIPELINE_RUN, "team", "a"};
static const struct work_key run_b = {KIND_PIPELINE_RUN, "team", "b"};
static const struct work_key run_c = {KIND_PIPELINE_RUN, "team", "c"};

static const struct expectation job_10 = {EXPECT_SEEN, KIND_JOB, "team", "job", "10"};
static const struct expectation run_20 = {EXPECT_SEEN, KIND_PIPELINE_RUN, "team", "a", "20"};
static const struct expectation moved_from_5 = {EXPECT_MOVED, KIND_PIPELINE_RUN, "team", "a", "5"};

static bool asks(struct fixture *fixture, const struct work_key *key)
{
    return expectations_satisfied(fixture->expectations, key, NULL);
}

static bool asks_admission(struct fixture *fixture, const struct work_key *key)
{
    return expectations_satisfied(fixture->expectations, key, "team/pipeline");
}

static void see(struct fixture *fixture, enum api_kind kind, int64_t resource_version)
{
    fixture->reached[kind] = resource_version;
    expectations_advance(fixture->expectations, kind);
    fake_io_run(fixture->fake); /* the end of the turn */
}

static struct meta *put(struct fixture *fixture, const char *name, const char *uid,
                        const char *resource_version)
{
    struct meta *meta = &fixture->objects[fixture->object_count++];
    *meta = (struct meta){.name = name,
                          .uid = uid,
                          .resource_version = resource_version,
                          .deletion_time = TIME_ABSENT};
    return meta;
}

static void a_key_that_wrote_nothing_is_planned(void **state)
{
    struct fixture *fixture = *state;
    assert_true(asks(fixture, &run_a));
    assert_true(asks_admission(fixture, &run_a));
}

static void a_key_is_not_planned_before_the_cache_has_seen_its_write(void **state)
{
    struct fixture *fixture = *state;
    expectations_add(fixture->expectations, &run_a, &job_10);
    assert_false(asks(fixture, &run_a));
    assert_true(asks(fixture, &run_b));
    see(fixture, KIND_JOB, 9);
    assert_false(asks(fixture, &run_a));
    assert_string_equal(fixture->woken, "");
    see(fixture, KIND_JOB, 10);
    assert_string_equal(fixture->woken, "a ");
    assert_true(asks(fixture, &run_a));
    assert_int_equal(expectations_numbers(fixture->expectations).open, 0);
    assert_int_equal(expectations_numbers(fixture->expectations).waiting, 0);
}

static void all_writes_of_a_round_must_be_seen(void **state)
{
    struct fixture *fixture = *state;
    expectations_add(fixture->expectations, &run_a, &job_10);
    expectations_add(fixture->expectations, &run_a, &run_20);
    assert_false(asks(fixture, &run_a));
    see(fixture, KIND_JOB, 99);
    assert_string_equal(fixture->woken, "");
    see(fixture, KIND_PIPELINE_RUN, 20);
    assert_string_equal(fixture->woken, "a ");
}

static void kinds_that_move_in_one_turn_wake_their_keys_all(void **state)
{
    struct fixture *fixture = *state;
    expectations_add(fixture->expectations, &run_a, &job_10);
    expectations_add(fixture->expectations, &run_b, &run_20);
    assert_false(asks(fixture, &run_a));
    assert_false(asks(fixture, &run_b));
    fixture->reached[KIND_JOB] = 10;
    expectations_advance(fixture->expectations, KIND_JOB);
    fixture->reached[KIND_PIPELINE_RUN] = 20;
    expectations_advance(fixture->expectations, KIND_PIPELINE_RUN);
    assert_string_equal(fixture->woken, "");
    fake_io_run(fixture->fake);
    assert_string_equal(fixture->woken, "b a ");
}

static void another_kind_s_progress_is_not_this_one_s(void **state)
{
    struct fixture *fixture = *state;
    expectations_add(fixture->expectations, &run_a, &job_10);
    assert_false(asks(fixture, &run_a));
    see(fixture, KIND_POD, 1000);
    assert_string_equal(fixture->woken, "");
    assert_false(asks(fixture, &run_a));
}

static void what_the_cache_has_seen_already_is_no_expectation(void **state)
{
    struct fixture *fixture = *state;
    see(fixture, KIND_JOB, 10);
    expectations_add(fixture->expectations, &run_a, &job_10);
    assert_true(asks(fixture, &run_a));
    assert_int_equal(fake_io_timer_count(fixture->fake), 0);
}

static void versions_that_do_not_compare_are_seen_in_the_object_itself(void **state)
{
    struct fixture *fixture = *state;
    const struct expectation odd = {EXPECT_SEEN, KIND_JOB, "team", "job", "x-7"};
    expectations_add(fixture->expectations, &run_a, &odd);
    assert_false(asks(fixture, &run_a));
    (void)put(fixture, "job", "u", "x-7");
    assert_true(asks(fixture, &run_a));
}

static void a_key_that_asks_again_by_itself_is_not_woken_too(void **state)
{
    struct fixture *fixture = *state;
    expectations_add(fixture->expectations, &run_a, &job_10);
    assert_false(asks(fixture, &run_a));
    assert_false(asks(fixture, &run_a));
    fixture->reached[KIND_JOB] = 10;
    assert_true(asks(fixture, &run_a));
    see(fixture, KIND_JOB, 11);
    assert_string_equal(fixture->woken, "");
    assert_int_equal(expectations_numbers(fixture->expectations).waiting, 0);
}

static void a_deletion_is_seen_as_absence_or_another_uid_or_a_deletion_time(void **state)
{
    struct fixture *fixture = *state;
    const struct expectation gone = {EXPECT_GONE, KIND_JOB, "team", "job", "uid-1"};
    struct meta *job = put(fixture, "job", "uid-1", "5");
    expectations_add(fixture->expectations, &run_a, &gone);
    assert_false(asks(fixture, &run_a));
    job->deletion_time = 1;
    assert_true(asks(fixture, &run_a));

    job->deletion_time = TIME_ABSENT;
    expectations_add(fixture->expectations, &run_a, &gone);
    assert_false(asks(fixture, &run_a));
    job->uid = "uid-2";
    assert_true(asks(fixture, &run_a));

    job->uid = "uid-1";
    expectations_add(fixture->expectations, &run_a, &gone);
    assert_false(asks(fixture, &run_a));
    fixture->object_count = 0;
    see(fixture, KIND_JOB, 6);
    assert_string_equal(fixture->woken, "a ");
}

static void a_failed_lock_waits_until_the_object_moved(void **state)
{
    struct fixture *fixture = *state;
    struct meta *run = put(fixture, "a", "u", "5");
    expectations_add(fixture->expectations, &run_a, &moved_from_5);
    assert_false(asks(fixture, &run_a));
    run->resource_version = "6";
    see(fixture, KIND_PIPELINE_RUN, 6);
    assert_string_equal(fixture->woken, "a ");
}

static void a_write_that_is_never_shown_ends_after_its_limit(void **state)
{
    struct fixture *fixture = *state;
    expectations_add(fixture->expectations, &run_a, &job_10);
    assert_false(asks(fixture, &run_a));
    fake_io_advance(fixture->fake, EXPECTATION_LIMIT_MS - 1);
    assert_string_equal(fixture->woken, "");
    fake_io_advance(fixture->fake, 1);
    assert_string_equal(fixture->woken, "a ");
    assert_true(asks(fixture, &run_a));
    assert_int_equal(expectations_numbers(fixture->expectations).expired, 1);
    assert_int_equal(fake_io_timer_count(fixture->fake), 0);
}

static void a_write_of_a_key_that_nobody_plans_again_is_dropped_in_silence(void **state)
{
    struct fixture *fixture = *state;
    expectations_add(fixture->expectations, &run_a, &job_10);
    fixture->reached[KIND_JOB] = 10;
    fake_io_advance(fixture->fake, EXPECTATION_LIMIT_MS);
    assert_int_equal(expectations_numbers(fixture->expectations).open, 0);
    assert_int_equal(expectations_numbers(fixture->expectations).expired, 0);
}

static void a_key_whose_object_is_gone_is_forgotten(void **state)
{
    struct fixture *fixture = *state;
    expectations_add(fixture->expectations, &run_a, &job_10);
    expectations_forget_key(fixture->expectations, &run_a);
    expectations_forget_key(fixture->expectations, &run_b);
    assert_true(asks(fixture, &run_a));
    assert_int_equal(expectations_numbers(fixture->expectations).open, 0);
}

static void an_admission_under_way_holds_back_the_others(void **state)
{
    struct fixture *fixture = *state;
    struct expectation_ticket *ticket = expectations_begin(fixture->expectations, &run_a,
                                                           "team/pipeline");
    assert_false(asks_admission(fixture, &run_b));
    assert_true(expectations_satisfied(fixture->expectations, &run_b, "team/other"));
    assert_true(asks(fixture, &run_c));
    expectations_resolve(fixture->expectations, ticket, &run_20);
    assert_false(asks_admission(fixture, &run_b));
    assert_false(asks_admission(fixture, &run_c));
    see(fixture, KIND_PIPELINE_RUN, 20);
    assert_string_equal(fixture->woken, "b c ");
    assert_true(asks_admission(fixture, &run_b));
}

static void an_admission_that_was_not_written_lets_the_others_go(void **state)
{
    struct fixture *fixture = *state;
    struct expectation_ticket *ticket = expectations_begin(fixture->expectations, &run_a,
                                                           "team/pipeline");
    assert_false(asks_admission(fixture, &run_b));
    expectations_resolve(fixture->expectations, ticket, NULL);
    assert_string_equal(fixture->woken, "b ");
    assert_true(asks_admission(fixture, &run_b));
}

static void two_admissions_under_way_are_both_awaited(void **state)
{
    struct fixture *fixture = *state;
    struct expectation_ticket *one = expectations_begin(fixture->expectations, &run_a,
                                                        "team/pipeline");
    struct expectation_ticket *two = expectations_begin(fixture->expectations, &run_a,
                                                        "team/pipeline");
    assert_false(asks_admission(fixture, &run_b));
    expectations_resolve(fixture->expectations, one, NULL);
    assert_string_equal(fixture->woken, "");
    expectations_resolve(fixture->expectations, two, NULL);
    assert_string_equal(fixture->woken, "b ");
}

static void a_lost_admission_holds_back_the_others_but_not_its_writer(void **state)
{
    struct fixture *fixture = *state;
    struct meta *run = put(fixture, "a", "u", "5");
    struct expectation_ticket *ticket = expectations_begin(fixture->expectations, &run_a,
                                                           "team/pipeline");
    expectations_resolve(fixture->expectations, ticket, &moved_from_5);
    assert_true(asks_admission(fixture, &run_a));
    assert_false(asks_admission(fixture, &run_b));
    run->resource_version = "6";
    see(fixture, KIND_PIPELINE_RUN, 6);
    assert_string_equal(fixture->woken, "b ");
    assert_true(asks_admission(fixture, &run_b));
}

static void a_lost_admission_that_was_never_applied_ends_after_its_limit(void **state)
{
    struct fixture *fixture = *state;
    (void)put(fixture, "a", "u", "5");
    struct expectation_ticket *ticket = expectations_begin(fixture->expectations, &run_a,
                                                           "team/pipeline");
    expectations_resolve(fixture->expectations, ticket, &moved_from_5);
    assert_false(asks_admission(fixture, &run_b));
    fake_io_advance(fixture->fake, EXPECTATION_LIMIT_MS - 1);
    assert_string_equal(fixture->woken, "");
    fake_io_advance(fixture->fake, 1);
    assert_string_equal(fixture->woken, "b ");
}

static void a_key_does_not_wait_long_for_an_object_to_move(void **state)
{
    struct fixture *fixture = *state;
    (void)put(fixture, "a", "u", "5");
    expectations_add(fixture->expectations, &run_a, &moved_from_5);
    assert_false(asks(fixture, &run_a));
    fake_io_advance(fixture->fake, EXPECTATION_MOVE_LIMIT_MS);
    assert_string_equal(fixture->woken, "a ");
}

static void an_admission_under_way_outlives_every_time_limit(void **state)
{
    struct fixture *fixture = *state;
    struct expectation_ticket *ticket = expectations_begin(fixture->expectations, &run_a,
                                                           "team/pipeline");
    expectations_add(fixture->expectations, &run_c, &job_10);
    fake_io_advance(fixture->fake, 2 * EXPECTATION_LIMIT_MS);
    assert_false(asks_admission(fixture, &run_b));
    expectations_resolve(fixture->expectations, ticket, NULL);
}

static void a_created_object_whose_answer_was_lost_is_awaited_by_name(void **state)
{
    struct fixture *fixture = *state;
    const struct expectation there = {EXPECT_MOVED, KIND_JOB, "team", "job", NULL};
    struct expectation_ticket *ticket = expectations_begin(fixture->expectations, &run_a,
                                                           "team/pipeline");
    expectations_resolve(fixture->expectations, ticket, &there);
    assert_false(asks_admission(fixture, &run_b));
    (void)put(fixture, "job", "u", "7");
    see(fixture, KIND_JOB, 7);
    assert_string_equal(fixture->woken, "b ");
}

static void keys_are_woken_in_the_order_in_which_they_came(void **state)
{
    struct fixture *fixture = *state;
    struct expectation_ticket *ticket = expectations_begin(fixture->expectations, &run_a,
                                                           "team/pipeline");
    assert_false(asks_admission(fixture, &run_c));
    assert_false(asks_admission(fixture, &run_b));
    expectations_resolve(fixture->expectations, ticket, NULL);
    assert_string_equal(fixture->woken, "c b ");
}

static void many_writes_of_one_key_are_looked_for_once_each_and_once_for_each_move(void **state)
{
    enum { WRITES = 1000, FEW = 3 };
    struct fixture *fixture = *state;
    char name[32];
    char version[32];
    for (int at = 1; at <= WRITES; at++) {
        (void)snprintf(name, sizeof(name), "job-%d", at);
        (void)snprintf(version, sizeof(version), "%d", at);
        const struct expectation expectation = {EXPECT_SEEN, KIND_JOB, "team", name, version};
        expectations_add(fixture->expectations, &run_a, &expectation);
    }
    assert_false(asks(fixture, &run_a));
    for (int at = 1; at <= WRITES; at++) {
        assert_string_equal(fixture->woken, "");
        see(fixture, KIND_JOB, at);
    }
    assert_string_equal(fixture->woken, "a ");
    assert_int_equal(expectations_numbers(fixture->expectations).open, 0);
    assert_in_range(fixture->looks, WRITES, FEW * WRITES + FEW);
}

/* As when 200 runs start at once, and all that happens to them comes in a few pieces. */
static void many_keys_that_wait_are_looked_at_once_for_all_events_of_a_turn(void **state)
{
    enum { KEYS = 200, FEW = 3 };
    struct fixture *fixture = *state;
    char names[KEYS][16];
    for (int at = 0; at < KEYS; at++) {
        (void)snprintf(names[at], sizeof(names[at]), "%d", at + 1);
        const struct work_key key = {KIND_PIPELINE_RUN, "team", names[at]};
        const struct expectation expectation = {EXPECT_SEEN, KIND_JOB, "team", "job", names[at]};
        expectations_add(fixture->expectations, &key, &expectation);
        assert_false(asks(fixture, &key));
    }
    fixture->looks = 0;
    for (int at = 1; at <= KEYS / 2; at++) {
        fixture->reached[KIND_JOB] = at;
        expectations_advance(fixture->expectations, KIND_JOB);
    }
    assert_int_equal(fixture->looks, 0);
    fake_io_run(fixture->fake);
    assert_int_equal(expectations_numbers(fixture->expectations).waiting, KEYS / 2);
    assert_in_range(fixture->looks, KEYS, FEW * KEYS);
    expectations_advance(fixture->expectations, KIND_JOB); /* and it may end before the turn does */
}

static void what_came_true_unlooked_at_does_not_expire_with_a_warning(void **state)
{
    struct fixture *fixture = *state;
    static const struct expectation later = {EXPECT_SEEN, KIND_JOB, "team", "other", "30"};
    expectations_add(fixture->expectations, &run_a, &job_10);
    expectations_add(fixture->expectations, &run_a, &later);
    assert_false(asks(fixture, &run_a));
    see(fixture, KIND_JOB, 10);
    fake_io_advance(fixture->fake, EXPECTATION_LIMIT_MS);
    assert_string_equal(fixture->woken, "a ");
    assert_int_equal(expectations_numbers(fixture->expectations).expired, 1);
}

#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(a_key_that_wrote_nothing_is_planned),
        ROW(a_key_is_not_planned_before_the_cache_has_seen_its_write),
        ROW(all_writes_of_a_round_must_be_seen),
        ROW(kinds_that_move_in_one_turn_wake_their_keys_all),
        ROW(another_kind_s_progress_is_not_this_one_s),
        ROW(what_the_cache_has_seen_already_is_no_expectation),
        ROW(versions_that_do_not_compare_are_seen_in_the_object_itself),
        ROW(a_key_that_asks_again_by_itself_is_not_woken_too),
        ROW(a_deletion_is_seen_as_absence_or_another_uid_or_a_deletion_time),
        ROW(a_failed_lock_waits_until_the_object_moved),
        ROW(a_write_that_is_never_shown_ends_after_its_limit),
        ROW(a_write_of_a_key_that_nobody_plans_again_is_dropped_in_silence),
        ROW(a_key_whose_object_is_gone_is_forgotten),
        ROW(an_admission_under_way_holds_back_the_others),
        ROW(an_admission_that_was_not_written_lets_the_others_go),
        ROW(two_admissions_under_way_are_both_awaited),
        ROW(a_lost_admission_holds_back_the_others_but_not_its_writer),
        ROW(a_lost_admission_that_was_never_applied_ends_after_its_limit),
        ROW(a_key_does_not_wait_long_for_an_object_to_move),
        ROW(an_admission_under_way_outlives_every_time_limit),
        ROW(a_created_object_whose_answer_was_lost_is_awaited_by_name),
        ROW(keys_are_woken_in_the_order_in_which_they_came),
        ROW(many_keys_that_wait_are_looked_at_once_for_all_events_of_a_turn),
        ROW(many_writes_of_one_key_are_looked_for_once_each_and_once_for_each_move),
        ROW(what_came_true_unlooked_at_does_not_expire_with_a_warning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
