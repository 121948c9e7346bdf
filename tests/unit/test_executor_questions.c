/* What is asked and changes nothing: probes, questions and dry runs; their answers are facts. */

#include "support/test.h"

#include "core/text.h"
#include "support/executor_fixture.h"

static void a_probe_s_answer_is_a_fact_either_way(void **state)
{
    struct executor_fixture *fixture = *state;
    (void)add_probe(fixture, "x");
    run_plan(fixture);
    answer(fixture, "GET", "*", not_found_answer());
    expect_done(fixture);
    assert_true(fixture->summary.facts_changed);
    assert_int_equal(find_fact(fixture, OPERATION_PROBE, KIND_JOB, "x")->error, ERROR_NOT_FOUND);
    (void)add_probe(fixture, "x");
    run_plan(fixture);
    answer(fixture, "GET", "*", object_answer("x", "u", "1", NULL));
    expect_done(fixture);
    assert_true(fixture->summary.facts_changed);
    assert_int_equal(find_fact(fixture, OPERATION_PROBE, KIND_JOB, "x")->error, ERROR_NONE);
}

static const struct {
    const char *sentence;
    const char *body;
    enum error_kind found;
    const char *said;
} pod_rows[] = {
    {"a pod is there", "{\"items\":[{\"status\":{\"phase\":\"Running\"}}]}", ERROR_NONE, NULL},
    {"one of two has succeeded",
     "{\"items\":[{\"status\":{\"phase\":\"Failed\"}},{\"status\":{\"phase\":\"Succeeded\"}}]}",
     ERROR_NONE, FACT_POD_SUCCEEDED},
    {"there is none", "{\"items\":[]}", ERROR_NOT_FOUND, NULL},
    {"what can't be read is no proof of absence", "{\"items\":", ERROR_NONE, NULL},
    {"nor what has no items", "{}", ERROR_NONE, NULL},
};

static void a_look_for_pods_that_is_refused_proves_nothing(void **state)
{
    struct executor_fixture *fixture = *state;
    (void)add_probe_pods(fixture, "x");
    run_plan(fixture);
    answer(fixture, "GET", "*", status_answer(403, "Forbidden", "no"));
    assert_int_equal(fixture->summary.failed, 1);
    assert_int_equal(find_fact(fixture, OPERATION_PROBE, KIND_POD, "x")->error, ERROR_DENIED);
}

static void a_job_s_pods_are_looked_for_by_its_name(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(pod_rows); at++) {
        struct executor_fixture own;
        struct executor_fixture *fixture = &own;
        executor_fixture_open(fixture);
        (void)add_probe_pods(fixture, "x");
        run_plan(fixture);
        assert_null(fake_io_sent(fixture->fake, 0)->accept); /* a list, which is read as JSON */
        answer(fixture, "GET",
               "/api/v1/namespaces/team/pods?labelSelector="
               "batch.kubernetes.io%2Fjob-name%3Dx",
               (struct fake_answer){.status = 200, .body = pod_rows[at].body});
        expect_done(fixture);
        const struct fact *fact = find_fact(fixture, OPERATION_PROBE, KIND_POD, "x");
        if (!fact || fact->error != pod_rows[at].found ||
            !text_equal(fact->message, pod_rows[at].said)) {
            fail_msg("%s", pod_rows[at].sentence);
        }
        executor_fixture_close(fixture);
    }
}

static void a_write_of_ours_ends_what_a_probe_said(void **state)
{
    struct executor_fixture *fixture = *state;
    (void)add_probe(fixture, "x");
    run_plan(fixture);
    answer(fixture, "GET", "*", not_found_answer());
    (void)add_create(fixture, "x");
    run_plan(fixture);
    answer(fixture, "POST", "*", object_answer("x", "u", "1", "owner"));
    assert_null(find_fact(fixture, OPERATION_PROBE, KIND_JOB, "x"));
}

static void a_question_s_answer_is_the_newest_warning(void **state)
{
    struct executor_fixture *fixture = *state;
    (void)add_explain(fixture, "x");
    run_plan(fixture);
    answer(fixture, "GET", "*",
           (struct fake_answer){
               .status = 200,
               .body = "{\"items\":[{\"type\":\"Warning\",\"note\":\"exceeded quota\","
                       "\"eventTime\":\"2026-01-01T00:00:00.000000Z\"}]}"});
    expect_done(fixture);
    assert_true(fixture->summary.facts_changed);
    const struct fact *fact = find_fact(fixture, OPERATION_EXPLAIN, KIND_JOB, "x");
    assert_string_equal(fact->message, "exceeded quota");
    (void)add_explain(fixture, "x");
    run_plan(fixture);
    answer(fixture, "GET", "*", (struct fake_answer){.status = 200, .body = "{\"items\":[]}"});
    assert_null(find_fact(fixture, OPERATION_EXPLAIN, KIND_JOB, "x")->message);
}

/* Each of so many plans is a question; the answer to each request is there at once. */
static void ask(struct executor_fixture *fixture, int count)
{
    for (int at = 0; at < count; at++) {
        (void)add_explain(fixture, "x");
        run_plan(fixture);
        if (fake_io_find_open(fixture->fake, "GET", "*")) {
            answer(fixture, "GET", "*",
                   (struct fake_answer){.status = 200, .body = "{\"items\":[]}"});
        }
        expect_done(fixture);
    }
}

static void questions_of_all_keys_share_one_rate(void **state)
{
    struct executor_fixture *fixture = *state;
    ask(fixture, 2 * EXECUTOR_QUESTION_BURST);
    assert_int_equal(fake_io_sent_count(fixture->fake), EXECUTOR_QUESTION_BURST);
    assert_int_equal(executor_numbers(fixture->executor).unasked, EXECUTOR_QUESTION_BURST);
    fake_io_advance(fixture->fake, 5 * (int64_t)EXECUTOR_QUESTION_INTERVAL_MS);
    ask(fixture, 10);
    assert_int_equal(fake_io_sent_count(fixture->fake), EXECUTOR_QUESTION_BURST + 5);
    (void)add_probe(fixture, "x"); /* no other request waits for that */
    run_plan(fixture);
    assert_non_null(fake_io_find_open(fixture->fake, "GET", "*"));
}

static void a_dry_run_s_verdict_is_a_fact_and_no_failure(void **state)
{
    (void)state;
    const struct {
        const char *sentence;
        struct fake_answer answer;
        enum error_kind error;
        const char *message;
    } rows[] = {
        {"taken", {.status = 201, .body = "{}"}, ERROR_NONE, NULL},
        {"warned",
         {.status = 201, .body = "{}", .warning = "deprecated"},
         ERROR_NONE,
         "deprecated"},
        {"refused",
         {.status = 422,
          .body = "{\"kind\":\"Status\",\"reason\":\"Invalid\",\"message\":\"Required\"}"},
         ERROR_INVALID,
         "Required"},
        {"denied",
         {.status = 403,
          .body = "{\"kind\":\"Status\",\"reason\":\"Forbidden\",\"message\":\"quota\"}"},
         ERROR_DENIED,
         "quota"},
        {"a webhook that fails", {.status = 500}, ERROR_UNAVAILABLE, "no reason given"},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct executor_fixture own;
        struct executor_fixture *fixture = &own;
        executor_fixture_open(fixture);
        (void)add_dry_run(fixture, "x-check");
        run_plan(fixture);
        assert_string_equal(sent_text(fixture), "POST /apis/batch/v1/namespaces/team/jobs"
                                                "?dryRun=All&fieldValidation=Strict\n");
        answer(fixture, "POST", "*", rows[at].answer);
        expect_done(fixture);
        assert_true(fixture->summary.facts_changed);
        const struct fact *fact = find_fact(fixture, OPERATION_DRY_RUN, KIND_JOB, "x-check");
        if (!fact || fact->error != rows[at].error ||
            !text_equal(fact->message, rows[at].message)) {
            fail_msg("%s: %s", rows[at].sentence, fact ? fact->message : "no fact");
        }
        assert_true(is_satisfied(fixture));
        executor_fixture_close(fixture);
    }
}

static void a_dry_run_with_a_refused_token_is_tried_again(void **state)
{
    struct executor_fixture *fixture = *state;
    (void)add_dry_run(fixture, "x-check");
    run_plan(fixture);
    answer(fixture, "POST", "*", status_answer(401, "Unauthorized", "Unauthorized"));
    expect_failure(fixture, ERROR_UNAUTHORIZED);
    assert_int_equal(fixture->summary.reaction, REACTION_BACKOFF);
    assert_null(find_fact(fixture, OPERATION_DRY_RUN, KIND_JOB, "x-check"));
}

static void a_dry_run_that_never_gets_an_answer_says_so(void **state)
{
    struct executor_fixture *fixture = *state;
    (void)add_dry_run(fixture, "x-check");
    run_plan(fixture);
    for (int at = 0; at <= EXECUTOR_RESENDS; at++) {
        answer(fixture, "POST", "*", lost_answer);
        fake_io_advance(fixture->fake, 1000);
    }
    expect_done(fixture);
    assert_int_equal(find_fact(fixture, OPERATION_DRY_RUN, KIND_JOB, "x-check")->error, ERROR_LOST);
}

#define ROW(test) \
    cmocka_unit_test_setup_teardown(test, executor_fixture_set_up, executor_fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(a_probe_s_answer_is_a_fact_either_way),
        ROW(a_look_for_pods_that_is_refused_proves_nothing),
        cmocka_unit_test(a_job_s_pods_are_looked_for_by_its_name),
        ROW(a_write_of_ours_ends_what_a_probe_said),
        ROW(a_question_s_answer_is_the_newest_warning),
        ROW(questions_of_all_keys_share_one_rate),
        cmocka_unit_test(a_dry_run_s_verdict_is_a_fact_and_no_failure),
        ROW(a_dry_run_with_a_refused_token_is_tried_again),
        ROW(a_dry_run_that_never_gets_an_answer_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
