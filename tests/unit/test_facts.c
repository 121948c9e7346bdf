#include "support/test.h"

#include "kube/facts.h"
#include "kube/reaction.h"
#include "support/fake_io.h"

#include <stdio.h>

#define KEY "PipelineRun/team/a"

struct fixture {
    struct fake_io *fake;
    struct facts *facts;
    struct arena arena;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){.fake = fake_io_new()};
    fixture.facts = facts_new(fake_io_seam(fixture.fake));
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    (void)facts_free(fixture->facts);
    (void)fake_io_free(fixture->fake);
    arena_free(&fixture->arena);
    return 0;
}

static bool put(struct fixture *fixture, enum operation_type type, const char *name,
                enum error_kind error, const char *message)
{
    const struct fact fact = {
        .type = type, .kind = KIND_JOB, .name = name, .error = error, .message = message};
    return facts_put(fixture->facts, KEY, &fact, 1);
}

static const struct fact *get(struct fixture *fixture, enum operation_type type, const char *name)
{
    struct fact_list list = facts_list(fixture->facts, &fixture->arena, KEY);
    return fact_find(&list, type, KIND_JOB, name);
}

static void a_refusal_is_told_to_the_planner(void **state)
{
    struct fixture *fixture = *state;
    assert_true(put(fixture, OPERATION_CREATE, "job", ERROR_DENIED, "exceeded quota"));
    const struct fact *fact = get(fixture, OPERATION_CREATE, "job");
    assert_non_null(fact);
    assert_int_equal(fact->error, ERROR_DENIED);
    assert_string_equal(fact->message, "exceeded quota");
    assert_true(fact->time > 0);
    assert_null(get(fixture, OPERATION_DELETE, "job"));
    assert_int_equal(facts_list(fixture->facts, &fixture->arena, "PipelineRun/team/b").count, 0);
}

static void the_newest_of_one_operation_counts(void **state)
{
    struct fixture *fixture = *state;
    (void)put(fixture, OPERATION_CREATE, "job", ERROR_DENIED, "exceeded quota");
    (void)put(fixture, OPERATION_CREATE, "job", ERROR_INVALID, "bad name");
    assert_int_equal(facts_list(fixture->facts, &fixture->arena, KEY).count, 1);
    assert_string_equal(get(fixture, OPERATION_CREATE, "job")->message, "bad name");
}

static void what_is_news_is_decided_by_error_and_for_answers_by_text(void **state)
{
    struct fixture *fixture = *state;
    assert_true(put(fixture, OPERATION_CREATE, "job", ERROR_DENIED, "used 3 of 3"));
    assert_false(put(fixture, OPERATION_CREATE, "job", ERROR_DENIED, "used 4 of 4"));
    assert_string_equal(get(fixture, OPERATION_CREATE, "job")->message, "used 4 of 4");
    assert_true(put(fixture, OPERATION_CREATE, "job", ERROR_EXISTS, "taken"));
    assert_true(put(fixture, OPERATION_EXPLAIN, "job", ERROR_NONE, NULL));
    assert_false(put(fixture, OPERATION_EXPLAIN, "job", ERROR_NONE, NULL));
    assert_true(put(fixture, OPERATION_EXPLAIN, "job", ERROR_NONE, "quota"));
    assert_false(put(fixture, OPERATION_EXPLAIN, "job", ERROR_NONE, "quota"));
    assert_true(put(fixture, OPERATION_PROBE, "job", ERROR_NONE, NULL));
    assert_true(put(fixture, OPERATION_PROBE, "job", ERROR_NOT_FOUND, NULL));
}

static void success_forgets_the_refusal_once(void **state)
{
    struct fixture *fixture = *state;
    (void)put(fixture, OPERATION_CREATE, "job", ERROR_DENIED, "no");
    assert_true(facts_forget(fixture->facts, KEY, OPERATION_CREATE, KIND_JOB, "job"));
    assert_false(facts_forget(fixture->facts, KEY, OPERATION_CREATE, KIND_JOB, "job"));
    assert_null(get(fixture, OPERATION_CREATE, "job"));
}

static void facts_end_by_themselves(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        enum operation_type type;
        int64_t limit_ms;
    } rows[] = {
        {OPERATION_PROBE, FACT_PROBE_MS},     {OPERATION_EXPLAIN, FACT_EXPLAIN_MS},
        {OPERATION_DRY_RUN, FACT_DRY_RUN_MS}, {OPERATION_CREATE, FACT_FAILURE_MS},
        {OPERATION_APPLY, FACT_FAILURE_MS},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        (void)put(fixture, rows[at].type, "job", ERROR_DENIED, "no");
        fake_io_advance(fixture->fake, rows[at].limit_ms - 1);
        assert_non_null(get(fixture, rows[at].type, "job"));
        fake_io_advance(fixture->fake, 1);
        assert_null(get(fixture, rows[at].type, "job"));
    }
}

static void a_step_of_the_wall_clock_ends_no_fact(void **state)
{
    struct fixture *fixture = *state;
    (void)put(fixture, OPERATION_CREATE, "job", ERROR_DENIED, "no");
    fake_io_set_unix_micros(fixture->fake, INT64_C(4102444800000000));
    assert_non_null(get(fixture, OPERATION_CREATE, "job"));
}

static void a_key_s_facts_are_bounded_and_more_of_them_are_no_news(void **state)
{
    struct fixture *fixture = *state;
    char name[16];
    for (int at = 0; at < FACTS_PER_KEY; at++) {
        (void)snprintf(name, sizeof(name), "job-%d", at);
        assert_true(put(fixture, OPERATION_CREATE, name, ERROR_DENIED, "no"));
    }
    assert_false(put(fixture, OPERATION_CREATE, "one-more", ERROR_DENIED, "no"));
    assert_int_equal(facts_list(fixture->facts, &fixture->arena, KEY).count, FACTS_PER_KEY);
    assert_null(get(fixture, OPERATION_CREATE, "one-more"));
}

static void answers_of_dry_runs_have_room_of_their_own_and_the_oldest_gives_way(void **state)
{
    struct fixture *fixture = *state;
    char name[16];
    for (int at = 0; at < FACTS_PER_KEY; at++) {
        (void)snprintf(name, sizeof(name), "job-%d", at);
        assert_true(put(fixture, OPERATION_DELETE, name, ERROR_DENIED, "no"));
    }
    for (int at = 0; at < FACTS_PER_KEY; at++) {
        (void)snprintf(name, sizeof(name), "check-%d", at);
        assert_true(put(fixture, OPERATION_DRY_RUN, name, ERROR_NONE, NULL));
        fake_io_advance(fixture->fake, 1);
    }
    assert_true(put(fixture, OPERATION_DRY_RUN, "one-more", ERROR_NONE, NULL));
    assert_non_null(get(fixture, OPERATION_DRY_RUN, "one-more"));
    assert_null(get(fixture, OPERATION_DRY_RUN, "check-0"));
    assert_non_null(get(fixture, OPERATION_DRY_RUN, "check-1"));
    assert_int_equal(facts_list(fixture->facts, &fixture->arena, KEY).count, 2 * FACTS_PER_KEY);
}

static void answers_of_dry_runs_go_when_they_are_written_down(void **state)
{
    struct fixture *fixture = *state;
    (void)put(fixture, OPERATION_DRY_RUN, "a-check", ERROR_INVALID, "no");
    (void)put(fixture, OPERATION_DRY_RUN, "b-check", ERROR_NONE, NULL);
    (void)put(fixture, OPERATION_CREATE, "job", ERROR_DENIED, "no");
    facts_forget_answers(fixture->facts, KEY);
    assert_int_equal(facts_list(fixture->facts, &fixture->arena, KEY).count, 1);
    (void)facts_forget(fixture->facts, KEY, OPERATION_CREATE, KIND_JOB, "job");
    facts_forget_answers(fixture->facts, KEY);
    (void)put(fixture, OPERATION_DRY_RUN, "a-check", ERROR_NONE, NULL);
    facts_forget_answers(fixture->facts, KEY);
    facts_forget_answers(fixture->facts, KEY);
    assert_int_equal(facts_list(fixture->facts, &fixture->arena, KEY).count, 0);
}

static void facts_come_sorted(void **state)
{
    struct fixture *fixture = *state;
    (void)put(fixture, OPERATION_PROBE, "b", ERROR_NONE, NULL);
    (void)put(fixture, OPERATION_CREATE, "b", ERROR_DENIED, "no");
    (void)put(fixture, OPERATION_CREATE, "a", ERROR_DENIED, "no");
    struct fact_list list = facts_list(fixture->facts, &fixture->arena, KEY);
    assert_int_equal(list.count, 3);
    assert_string_equal(list.items[0].name, "a");
    assert_string_equal(list.items[1].name, "b");
    assert_int_equal(list.items[2].type, OPERATION_PROBE);
}

static void the_same_words_are_held_back_for_30_s(void **state)
{
    struct fixture *fixture = *state;
    enum error_kind error = ERROR_NONE;
    const struct fact refusal = {OPERATION_CREATE, KIND_JOB, "job", ERROR_DENIED, "no", 0};
    (void)facts_put(fixture->facts, KEY, &refusal, 77);
    assert_true(
        facts_hold_back(fixture->facts, KEY, OPERATION_CREATE, KIND_JOB, "job", 77, &error));
    assert_int_equal(error, ERROR_DENIED);
    assert_false(
        facts_hold_back(fixture->facts, KEY, OPERATION_CREATE, KIND_JOB, "job", 78, &error));
    assert_false(
        facts_hold_back(fixture->facts, KEY, OPERATION_DELETE, KIND_JOB, "job", 77, &error));
    fake_io_advance(fixture->fake, REACTION_WAIT_CHANGE_MS);
    assert_false(
        facts_hold_back(fixture->facts, KEY, OPERATION_CREATE, KIND_JOB, "job", 77, &error));
}

static void an_answer_holds_back_no_question(void **state)
{
    struct fixture *fixture = *state;
    enum error_kind error = ERROR_NONE;
    (void)put(fixture, OPERATION_PROBE, "job", ERROR_NOT_FOUND, NULL);
    (void)put(fixture, OPERATION_EXPLAIN, "job", ERROR_NONE, "quota");
    assert_false(facts_hold_back(fixture->facts, KEY, OPERATION_PROBE, KIND_JOB, "job", 1, &error));
    assert_false(
        facts_hold_back(fixture->facts, KEY, OPERATION_EXPLAIN, KIND_JOB, "job", 1, &error));
}

static void a_key_whose_object_is_gone_is_forgotten(void **state)
{
    struct fixture *fixture = *state;
    (void)put(fixture, OPERATION_CREATE, "job", ERROR_DENIED, "no");
    facts_forget_key(fixture->facts, KEY);
    facts_forget_key(fixture->facts, KEY);
    assert_int_equal(facts_list(fixture->facts, &fixture->arena, KEY).count, 0);
}

#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(a_refusal_is_told_to_the_planner),
        ROW(the_newest_of_one_operation_counts),
        ROW(what_is_news_is_decided_by_error_and_for_answers_by_text),
        ROW(success_forgets_the_refusal_once),
        ROW(facts_end_by_themselves),
        ROW(a_step_of_the_wall_clock_ends_no_fact),
        ROW(a_key_s_facts_are_bounded_and_more_of_them_are_no_news),
        ROW(answers_of_dry_runs_have_room_of_their_own_and_the_oldest_gives_way),
        ROW(answers_of_dry_runs_go_when_they_are_written_down),
        ROW(facts_come_sorted),
        ROW(the_same_words_are_held_back_for_30_s),
        ROW(an_answer_holds_back_no_question),
        ROW(a_key_whose_object_is_gone_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
