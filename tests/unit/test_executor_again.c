/* What is sent again, what is held back, and how failures, admissions and whole plans end. */

#include "support/test.h"

#include "support/executor_fixture.h"

#include <stdio.h>
#include <string.h>

#define JOBS   "/apis/batch/v1/namespaces/team/jobs"
#define EVENTS "/apis/events.k8s.io/v1/namespaces/team/events"

static const struct fake_answer not_sent = {.failure = ERROR_UNAVAILABLE, .message = "refused"};

static struct fake_answer after(struct fake_answer answer, int seconds)
{
    answer.retry_after_seconds = seconds;
    return answer;
}

/* Again */

static void a_request_is_sent_again_10_times_when_the_server_says_when(void **state)
{
    struct executor_fixture *fixture = *state;
    (void)add_create(fixture, "x");
    run_plan(fixture);
    for (int at = 0; at < EXECUTOR_RESENDS; at++) {
        answer(fixture, "POST", JOBS, after(status_answer(429, "TooManyRequests", "busy"), 2));
        assert_int_equal(fake_io_open_count(fixture->fake), 0);
        assert_int_equal(executor_numbers(fixture->executor).in_flight, 0);
        fake_io_advance(fixture->fake, 1999);
        assert_int_equal(fake_io_open_count(fixture->fake), 0);
        fake_io_advance(fixture->fake, 1);
        assert_int_equal(fake_io_open_count(fixture->fake), 1);
    }
    answer(fixture, "POST", JOBS, after(status_answer(429, "TooManyRequests", "busy"), 2));
    expect_failure(fixture, ERROR_TOO_MANY);
    assert_int_equal(fixture->summary.reaction, REACTION_WAIT_RETRY_AFTER);
    assert_int_equal(fixture->summary.retry_after_seconds, 2);
    assert_int_equal(fake_io_sent_count(fixture->fake), 1 + EXECUTOR_RESENDS);
}

static const struct {
    const char *sentence;
    struct operation *(*add)(struct executor_fixture *fixture, const char *name);
    struct fake_answer first;
    bool is_sent_again;
} resend_rows[] = {
    {"a write: 503 with Retry-After",
     add_patch_status,
     {.status = 503, .retry_after_seconds = 1},
     true},
    {"a write: 503 without Retry-After", add_patch_status, {.status = 503}, false},
    {"a write: 429 without Retry-After", add_patch_status, {.status = 429}, false},
    {"a write: a Retry-After of an hour goes to the queue",
     add_patch_status,
     {.status = 503, .retry_after_seconds = 3600},
     false},
    {"a write: Retry-After 0 is at once",
     add_patch_status,
     {.status = 503, .retry_after_seconds = FAKE_RETRY_AFTER_ZERO},
     true},
    {"a write: 403 with Retry-After",
     add_patch_status,
     {.status = 403, .retry_after_seconds = 1},
     false},
    {"a write whose connection broke",
     add_patch_status,
     {.failure = ERROR_LOST, .message = "reset"},
     false},
    {"a write that was not sent",
     add_patch_status,
     {.failure = ERROR_UNAVAILABLE, .message = "refused"},
     false},
    {"a get whose connection broke", add_probe, {.failure = ERROR_LOST, .message = "reset"}, true},
    {"a get whose answer broke off",
     add_probe,
     {.failure = ERROR_LOST, .message = "reset", .status = 200},
     true},
    {"a get that was not sent",
     add_probe,
     {.failure = ERROR_UNAVAILABLE, .message = "refused"},
     true},
    {"a dry run whose connection broke",
     add_dry_run,
     {.failure = ERROR_LOST, .message = "reset"},
     true},
    {"a dry run that was not sent",
     add_dry_run,
     {.failure = ERROR_UNAVAILABLE, .message = "refused"},
     true},
    {"a dry run: 503 with Retry-After",
     add_dry_run,
     {.status = 503, .retry_after_seconds = 1},
     true},
    {"a dry run: 500 of a webhook", add_dry_run, {.status = 500}, false},
    {"a get: 500 without Retry-After", add_probe, {.status = 500}, false},
    {"a get whose answer is too long",
     add_probe,
     {.failure = ERROR_LIMIT, .message = "too long", .status = 200},
     false},
};

static void what_is_sent_again_and_what_is_not(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(resend_rows); at++) {
        struct executor_fixture own;
        struct executor_fixture *fixture = &own;
        executor_fixture_open(fixture);
        (void)resend_rows[at].add(fixture, "x");
        run_plan(fixture);
        answer(fixture, NULL, "*", resend_rows[at].first);
        fake_io_advance(fixture->fake, 1000);
        bool is_sent_again = fake_io_sent_count(fixture->fake) == 2;
        if (is_sent_again != resend_rows[at].is_sent_again) {
            fail_msg("%s", resend_rows[at].sentence);
        }
        if (is_sent_again) {
            answer(fixture, NULL, "*", object_answer("x", "uid", "9", NULL));
        }
        assert_int_equal(fixture->done_calls, 1);
        executor_fixture_close(fixture);
    }
}

/* What was planned before it may not be what is due after it. */
static void after_a_request_that_was_sent_again_the_rest_is_planned_anew(void **state)
{
    struct executor_fixture *fixture = *state;
    (void)add_create(fixture, "x");
    (void)add_event(fixture, "x was made");
    (void)add_patch_status(fixture, "r");
    (void)add_event(fixture, "r says so");
    run_plan(fixture);
    answer(fixture, "POST", JOBS, after(status_answer(429, "TooManyRequests", "busy"), 1));
    fake_io_advance(fixture->fake, 1000);
    answer(fixture, "POST", JOBS, object_answer("x", "uid-x", "10", "owner"));
    assert_int_equal(fixture->done_calls, 1);
    assert_int_equal(fixture->summary.done, 2);
    assert_int_equal(fixture->summary.failed, 0);
    assert_int_equal(fixture->summary.dropped, 2);
    assert_true(fixture->summary.outdated);
    assert_int_equal(fixture->summary.reaction, REACTION_NONE);
    assert_string_equal(sent_text(fixture), "POST " JOBS "\nPOST " JOBS "\nPOST " EVENTS "\n");
}

static const struct {
    const char *sentence;
    int64_t passes_ms;
    bool is_gone_on_with;
} age_rows[] = {
    {"a plan of ten seconds is gone on with", EXECUTOR_PLAN_AGE_MS, true},
    {"an older one is planned anew", EXECUTOR_PLAN_AGE_MS + 1, false},
};

static void how_old_a_plan_may_be(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(age_rows); at++) {
        struct executor_fixture fixture;
        executor_fixture_open(&fixture);
        (void)add_create(&fixture, "x");
        (void)add_patch_status(&fixture, "r");
        run_plan(&fixture);
        fake_io_advance(fixture.fake, age_rows[at].passes_ms);
        answer(&fixture, "POST", JOBS, object_answer("x", "uid-x", "10", "owner"));
        bool goes_on = fake_io_open_count(fixture.fake) == 1;
        if (goes_on != age_rows[at].is_gone_on_with ||
            (fixture.done_calls == 0) != age_rows[at].is_gone_on_with) {
            fail_msg("%s", age_rows[at].sentence);
        }
        executor_fixture_close(&fixture);
    }
}

static void a_live_look_survives_a_broken_connection(void **state)
{
    struct executor_fixture *fixture = *state;
    (void)add_create(fixture, "x");
    run_plan(fixture);
    answer(fixture, "POST", JOBS, lost_answer);
    answer(fixture, "GET", JOBS "/x", not_sent);
    fake_io_advance(fixture->fake, 1000);
    answer(fixture, "GET", JOBS "/x", lost_answer);
    fake_io_advance(fixture->fake, 1000);
    answer(fixture, "GET", JOBS "/x", object_answer("x", "u", "7", "owner"));
    expect_done(fixture);
}

static void a_create_sent_again_finds_its_own_object(void **state)
{
    struct executor_fixture *fixture = *state;
    (void)add_create(fixture, "x");
    run_plan(fixture);
    answer(fixture, "POST", JOBS, after(status_answer(504, "Timeout", "slow"), 1));
    fake_io_advance(fixture->fake, 1000);
    answer(fixture, "POST", JOBS, taken_answer());
    answer(fixture, "GET", JOBS "/x", object_answer("x", "u", "7", "owner"));
    expect_done(fixture);
}

static void a_refusal_is_not_repeated_in_the_same_words_within_30_s(void **state)
{
    struct executor_fixture *fixture = *state;
    (void)add_create(fixture, "x");
    run_plan(fixture);
    answer(fixture, "POST", JOBS, status_answer(403, "Forbidden", "exceeded quota"));
    assert_true(fixture->summary.facts_changed);
    (void)add_create(fixture, "x");
    run_plan(fixture);
    expect_failure(fixture, ERROR_DENIED);
    assert_int_equal(fixture->summary.reaction, REACTION_WAIT_CHANGE);
    assert_false(fixture->summary.facts_changed);
    assert_int_equal(fake_io_sent_count(fixture->fake), 1);
    assert_int_equal(executor_numbers(fixture->executor).held_back, 1);

    add_create(fixture, "x")->body = "{\"other\":1}";
    run_plan(fixture);
    answer(fixture, "POST", JOBS, status_answer(403, "Forbidden", "exceeded quota"));
    fake_io_advance(fixture->fake, REACTION_WAIT_CHANGE_MS);
    add_create(fixture, "x")->body = "{\"other\":1}";
    run_plan(fixture);
    answer(fixture, "POST", JOBS, object_answer("x", "u", "7", "owner"));
    expect_done(fixture);
    assert_true(fixture->summary.facts_changed);
    assert_null(find_fact(fixture, OPERATION_CREATE, KIND_JOB, "x"));
}

static void five_hundred_refusals_are_all_held_back(void **state)
{
    struct executor_fixture *fixture = *state;
    enum { JOB_COUNT = 500 };
    char name[16];
    fake_io_script_always(fixture->fake, "POST", JOBS, status_answer(403, "Forbidden", "quota"));
    for (int round = 0; round < 3; round++) {
        plan_next_stage(&fixture->plan);
        for (int at = 0; at < JOB_COUNT; at++) {
            (void)snprintf(name, sizeof(name), "job-%d", at);
            (void)add_create(fixture, name);
        }
        run_plan(fixture);
        assert_int_equal(fixture->summary.failed, JOB_COUNT);
        assert_int_equal(fixture->summary.facts_changed, round == 0);
    }
    assert_int_equal(fake_io_sent_count(fixture->fake), JOB_COUNT);
}

static void the_gravest_failure_decides(void **state)
{
    struct executor_fixture *fixture = *state;
    (void)add_create(fixture, "x");
    plan_next_group(&fixture->plan);
    (void)add_create(fixture, "y");
    plan_next_group(&fixture->plan);
    (void)add_create(fixture, "z");
    run_plan(fixture);
    answer(fixture, "POST", JOBS, status_answer(403, "Forbidden", "no"));
    answer(fixture, "POST", JOBS, after(status_answer(503, "ServiceUnavailable", "busy"), 45));
    answer(fixture, "POST", JOBS, status_answer(401, "Unauthorized", "who?"));
    answer(fixture, "GET", JOBS "/y", not_found_answer());
    assert_int_equal(fixture->summary.failed, 3);
    assert_int_equal(fixture->summary.error, ERROR_UNAVAILABLE);
    assert_int_equal(fixture->summary.retry_after_seconds, 45);
    assert_string_equal(fixture->message, "create Job team/y: busy");
}

static void a_message_is_cut_to_what_is_kept(void **state)
{
    struct executor_fixture *fixture = *state;
    static char body[8192] = "{\"kind\":\"Status\",\"reason\":\"Invalid\",\"message\":\"";
    size_t used = strlen(body);
    memset(body + used, 'm', 6000);
    memcpy(body + used + 6000, "\"}", 3);
    (void)add_create(fixture, "x");
    run_plan(fixture);
    answer(fixture, "POST", JOBS, (struct fake_answer){.status = 422, .body = body});
    expect_failure(fixture, ERROR_INVALID);
    const struct fact *fact = find_fact(fixture, OPERATION_CREATE, KIND_JOB, "x");
    assert_int_equal(strlen(fact->message), ERROR_MESSAGE_SIZE - 1);
}

static void a_refusal_that_is_no_status_is_still_a_refusal(void **state)
{
    struct executor_fixture *fixture = *state;
    (void)add_create(fixture, "x");
    run_plan(fixture);
    answer(fixture, "POST", JOBS,
           (struct fake_answer){.status = 403, .body = "<html>blocked by a proxy</html>"});
    expect_failure(fixture, ERROR_DENIED);
}

/* Admission */

static bool other_may_be_planned(struct executor_fixture *fixture)
{
    const struct work_key other = {KIND_PIPELINE_RUN, "team", "b"};
    return expectations_satisfied(fixture->expectations, &other, "team/p");
}

static void an_admission_binds_others_from_start_to_sight(void **state)
{
    struct executor_fixture *fixture = *state;
    struct meta cached = {.name = "a", .resource_version = "5", .deletion_time = TIME_ABSENT};
    fixture->cached = &cached;
    static const struct {
        const char *sentence;
        struct fake_answer answer;
        bool binds; /* others, after the answer */
    } rows[] = {
        {"a refused admission frees the others", {.status = 403}, false},
        {"an admission that was never sent frees the others",
         {.failure = ERROR_UNAVAILABLE, .message = "refused"},
         false},
        {"a lost race frees the others", {.status = 409}, false},
        {"a lost answer binds the others", {.failure = ERROR_LOST, .message = "reset"}, true},
        {"a server error binds the others: it may have been written", {.status = 500}, true},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        assert_true(other_may_be_planned(fixture));
        add_patch_status(fixture, "a")->admission = "team/p";
        run_plan(fixture);
        assert_false(other_may_be_planned(fixture));
        answer(fixture, "PATCH", "*", rows[at].answer);
        if (other_may_be_planned(fixture) == rows[at].binds) {
            fail_msg("%s", rows[at].sentence);
        }
        cached.resource_version = rows[at].binds ? "6" : "5";
        assert_true(other_may_be_planned(fixture));
        cached.resource_version = "5";
        fake_io_advance(fixture->fake, EXPECTATION_LIMIT_MS);
    }
    add_patch_status(fixture, "a")->admission = "team/p";
    run_plan(fixture);
    answer(fixture, "PATCH", "*", object_answer("a", "uid", "9", NULL));
    assert_false(other_may_be_planned(fixture));
    fixture->cache_has_reached = true;
    assert_true(other_may_be_planned(fixture));
}

static void an_admission_that_is_dropped_frees_the_others(void **state)
{
    struct executor_fixture *fixture = *state;
    (void)add_create(fixture, "x");
    add_patch_status(fixture, "a")->admission = "team/p";
    run_plan(fixture);
    assert_false(other_may_be_planned(fixture));
    answer(fixture, "POST", JOBS, status_answer(422, "Invalid", "no"));
    assert_true(other_may_be_planned(fixture));
}

/* Every prefix of a plan, each kind of failure. */

static struct fake_answer failing_answer(enum error_kind kind)
{
    switch (kind) {
    case ERROR_INVALID:
        return status_answer(422, "Invalid", "wrong");
    case ERROR_DENIED:
        return status_answer(403, "Forbidden", "no");
    case ERROR_UNAUTHORIZED:
        return status_answer(401, "Unauthorized", "who?");
    case ERROR_NOT_FOUND:
        return not_found_answer();
    case ERROR_CONFLICT:
        return status_answer(409, "Conflict", "changed");
    case ERROR_GONE:
        return status_answer(410, "Expired", "old");
    case ERROR_TOO_MANY:
        return status_answer(429, "TooManyRequests", "busy");
    case ERROR_UNAVAILABLE:
        return status_answer(500, "InternalError", "oops");
    case ERROR_LIMIT:
        return status_answer(413, "RequestEntityTooLarge", "large");
    default:
        return (struct fake_answer){.failure = kind, .message = "broken"};
    }
}

static const char *const step_methods[] = {"POST", "PATCH", "DELETE", "PATCH"};
enum { STEPS = 4, DELETE_STEP = 2 };

static void add_all_steps(struct executor_fixture *fixture)
{
    (void)add_create(fixture, "x");
    (void)add_patch_status(fixture, "a");
    (void)add_delete(fixture, "y");
    (void)add_event(fixture, "half way");
    (void)add_patch_status(fixture, "b");
}

static void fail_step(size_t failing, enum error_kind kind)
{
    struct executor_fixture fixture;
    executor_fixture_open(&fixture);
    add_all_steps(&fixture);
    run_plan(&fixture);
    for (size_t at = 0; at < failing; at++) {
        answer(&fixture, step_methods[at], "*", object_answer("x", "u", "9", "owner"));
        if (at == DELETE_STEP) {
            answer(&fixture, "POST", "*events*", (struct fake_answer){.status = 201});
        }
    }
    answer(&fixture, step_methods[failing], "*", failing_answer(kind));
    if (failing == 0 && (kind == ERROR_LOST || kind == ERROR_UNAVAILABLE)) {
        answer(&fixture, "GET", JOBS "/x", not_found_answer());
    }
    size_t event = failing > DELETE_STEP ? 1 : 0;
    bool ok = fixture.done_calls == 1 && fixture.summary.done == failing + event &&
              fixture.summary.failed == 1 &&
              fixture.summary.dropped == STEPS + 1 - failing - event - 1 &&
              fixture.summary.error == kind &&
              fixture.summary.reaction == reaction_rule_of(kind)->reaction &&
              fixture.summary.facts_changed == reaction_rule_of(kind)->is_fact &&
              fake_io_open_count(fixture.fake) == 0;
    if (!ok) {
        fail_msg("step %zu, %s: done %zu, failed %zu, dropped %zu, error %s", failing,
                 error_kind_name(kind), fixture.summary.done, fixture.summary.failed,
                 fixture.summary.dropped, error_kind_name(fixture.summary.error));
    }
    executor_fixture_close(&fixture);
}

static void every_step_of_a_plan_may_fail_in_every_way(void **state)
{
    (void)state;
    for (size_t failing = 0; failing < STEPS; failing++) {
        for (unsigned kind = ERROR_NONE + 1; kind < ERROR_KIND_COUNT; kind++) {
            bool is_done = kind == ERROR_NOT_FOUND && failing == DELETE_STEP;
            if (kind != ERROR_EXISTS && !is_done) {
                fail_step(failing, (enum error_kind)kind);
            }
        }
    }
}

#define ROW(test) \
    cmocka_unit_test_setup_teardown(test, executor_fixture_set_up, executor_fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(a_request_is_sent_again_10_times_when_the_server_says_when),
        cmocka_unit_test(what_is_sent_again_and_what_is_not),
        ROW(after_a_request_that_was_sent_again_the_rest_is_planned_anew),
        cmocka_unit_test(how_old_a_plan_may_be),
        ROW(a_live_look_survives_a_broken_connection),
        ROW(a_create_sent_again_finds_its_own_object),
        ROW(a_refusal_is_not_repeated_in_the_same_words_within_30_s),
        ROW(five_hundred_refusals_are_all_held_back),
        ROW(the_gravest_failure_decides),
        ROW(a_message_is_cut_to_what_is_kept),
        ROW(a_refusal_that_is_no_status_is_still_a_refusal),
        ROW(an_admission_binds_others_from_start_to_sight),
        ROW(an_admission_that_is_dropped_frees_the_others),
        cmocka_unit_test(every_step_of_a_plan_may_fail_in_every_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
