/* What answers to writes mean: done, failed, adopted, expected, told to the planner. */

#include "support/test.h"

#include "core/log.h"
#include "core/text.h"
#include "support/executor_fixture.h"

#include <stdio.h>
#include <string.h>

#define JOBS        "/apis/batch/v1/namespaces/team/jobs"
#define VERSIONS    "/apis/tidemill.dev/v1alpha1/namespaces/team/modelversions"
#define SERVICE     "/api/v1/namespaces/team/services/"
#define APPLY(name) SERVICE name "?fieldManager=tidemill&force=true"

/* Create */

static void a_created_object_of_ours_is_adopted(void **state)
{
    struct executor_fixture *fixture = *state;
    (void)add_create(fixture, "x");
    run_plan(fixture);
    answer(fixture, "POST", JOBS, taken_answer());
    answer(fixture, "GET", JOBS "/x", object_answer("x", "u", "7", "owner"));
    expect_done(fixture);
    assert_false(is_satisfied(fixture));
    fixture->cache_has_reached = true;
    assert_true(is_satisfied(fixture));
}

static void a_name_that_is_somebody_else_s_is_a_fact_that_says_whose(void **state)
{
    struct executor_fixture *fixture = *state;
    (void)add_create(fixture, "x");
    run_plan(fixture);
    answer(fixture, "POST", JOBS, taken_answer());
    answer(fixture, "GET", JOBS "/x", object_answer("x", "u", "7", "another"));
    expect_failure(fixture, ERROR_EXISTS);
    assert_true(fixture->summary.facts_changed);
    const struct fact *fact = find_fact(fixture, OPERATION_CREATE, KIND_JOB, "x");
    assert_non_null(fact);
    assert_string_equal(fact->message,
                        "Job team/x exists already and is not ours: it is controlled by CronJob "
                        "nightly, created 2026-01-02T03:04:05Z; delete it or give it another name");
    assert_true(is_satisfied(fixture));
}

static void a_name_that_is_nobody_s_is_not_seized(void **state)
{
    struct executor_fixture *fixture = *state;
    (void)add_create(fixture, "x");
    run_plan(fixture);
    answer(fixture, "POST", JOBS, taken_answer());
    answer(fixture, "GET", JOBS "/x", object_answer("x", "u", "7", NULL));
    expect_failure(fixture, ERROR_EXISTS);
    assert_non_null(strstr(fixture->message, "controlled by nobody"));
}

static void a_name_taken_a_moment_ago_and_free_now_is_planned_again(void **state)
{
    struct executor_fixture *fixture = *state;
    (void)add_create(fixture, "x");
    run_plan(fixture);
    answer(fixture, "POST", JOBS, taken_answer());
    answer(fixture, "GET", JOBS "/x", not_found_answer());
    expect_failure(fixture, ERROR_CONFLICT);
    assert_int_equal(fixture->summary.reaction, REACTION_WAIT_CACHE);
    assert_false(fixture->summary.facts_changed);
}

static void an_object_that_can_t_be_read_is_left_alone(void **state)
{
    struct executor_fixture *fixture = *state;
    (void)add_create(fixture, "x");
    run_plan(fixture);
    answer(fixture, "POST", JOBS, taken_answer());
    answer(fixture, "GET", JOBS "/x",
           (struct fake_answer){.status = 200, .body = "{\"metadata\":{\"name\":7}}"});
    expect_failure(fixture, ERROR_EXISTS);
}

/* A ModelVersion is owned by nobody: the label says that a controller of ours made it. */
static void without_an_owner_our_label_decides(void **state)
{
    (void)state;
    static const struct {
        const char *sentence;
        const char *more;
        enum error_kind error;
    } rows[] = {
        {"labelled as ours and controlled by nobody is ours",
         "\"labels\":{\"app.kubernetes.io/managed-by\":\"tidemill\"}", ERROR_NONE},
        {"without the label it was made by hand", "\"labels\":{}", ERROR_EXISTS},
        {"another tool's label is not ours", "\"labels\":{\"app.kubernetes.io/managed-by\":\"x\"}",
         ERROR_EXISTS},
        {"controlled by somebody is not ours",
         "\"labels\":{\"app.kubernetes.io/managed-by\":\"tidemill\"},\"ownerReferences\":[{"
         "\"apiVersion\":\"v1\",\"kind\":\"A\",\"name\":\"b\",\"uid\":\"c\",\"controller\":true}]",
         ERROR_EXISTS},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct executor_fixture own;
        struct executor_fixture *fixture = &own;
        executor_fixture_open(fixture);
        struct operation *operation = add_create(fixture, "x");
        operation->kind = KIND_MODEL_VERSION;
        operation->owner_uid = NULL;
        char body[1024];
        (void)snprintf(body, sizeof(body),
                       "{\"metadata\":{\"name\":\"x\",\"namespace\":\"team\",\"uid\":\"u\","
                       "\"resourceVersion\":\"7\",%s}}",
                       rows[at].more);
        run_plan(fixture);
        answer(fixture, "POST", VERSIONS, taken_answer());
        answer(fixture, "GET", VERSIONS "/x", (struct fake_answer){.status = 200, .body = body});
        if (fixture->summary.error != rows[at].error) {
            fail_msg("%s: %s", rows[at].sentence, fixture->message);
        }
        executor_fixture_close(fixture);
    }
}

static void a_lost_answer_of_a_create_is_settled_by_name_and_owner(void **state)
{
    struct executor_fixture *fixture = *state;
    (void)add_create(fixture, "x");
    run_plan(fixture);
    answer(fixture, "POST", JOBS, lost_answer);
    answer(fixture, "GET", JOBS "/x", object_answer("x", "u", "7", "owner"));
    expect_done(fixture);
    assert_int_equal(fake_io_count_sent(fixture->fake, "POST", "*"), 1);
}

static void a_lost_create_that_was_not_applied_is_planned_again(void **state)
{
    struct executor_fixture *fixture = *state;
    (void)add_create(fixture, "x");
    run_plan(fixture);
    answer(fixture, "POST", JOBS, lost_answer);
    answer(fixture, "GET", JOBS "/x", not_found_answer());
    expect_failure(fixture, ERROR_LOST);
    assert_int_equal(fixture->summary.reaction, REACTION_BACKOFF);
}

/* As when etcd answers the API server too late. */
static void a_create_that_failed_inside_is_settled_by_looking(void **state)
{
    struct executor_fixture *fixture = *state;
    (void)add_create(fixture, "x");
    run_plan(fixture);
    answer(fixture, "POST", JOBS, status_answer(500, "InternalError", "etcdserver: timed out"));
    answer(fixture, "GET", JOBS "/x", object_answer("x", "u", "7", "owner"));
    expect_done(fixture);
    assert_false(is_satisfied(fixture)); /* until the cache has seen it */
}

static void a_create_that_failed_and_is_not_there_fails_in_the_server_s_words(void **state)
{
    struct executor_fixture *fixture = *state;
    (void)add_create(fixture, "x");
    run_plan(fixture);
    answer(fixture, "POST", JOBS, status_answer(500, "InternalError", "failed calling webhook"));
    answer(fixture, "GET", JOBS "/x", not_found_answer());
    expect_failure(fixture, ERROR_UNAVAILABLE);
    assert_non_null(strstr(fixture->message, "failed calling webhook"));
}

/* As while an API server restarts, and its token is not known yet. */
static void a_look_is_repeated_until_it_is_answered(void **state)
{
    struct executor_fixture *fixture = *state;
    const struct fake_answer failures[] = {status_answer(503, "ServiceUnavailable", "no leader"),
                                           lost_answer,
                                           status_answer(401, "Unauthorized", "not yet"),
                                           {.status = 429, .retry_after_seconds = 2, .body = "{}"}};
    (void)add_create(fixture, "x");
    run_plan(fixture);
    answer(fixture, "POST", JOBS, status_answer(500, "InternalError", "etcd: timed out"));
    for (size_t at = 0; at < COUNT_OF(failures); at++) {
        answer(fixture, "GET", JOBS "/x", failures[at]);
        assert_int_equal(fake_io_open_count(fixture->fake), 0);
        fake_io_advance(fixture->fake, failures[at].status == 429 ? 2000 : 1000);
    }
    answer(fixture, "GET", JOBS "/x", object_answer("x", "u", "7", "owner"));
    expect_done(fixture);
    assert_false(is_satisfied(fixture));
}

static void a_look_that_never_is_answered_ends_after_minutes(void **state)
{
    struct executor_fixture *fixture = *state;
    (void)add_create(fixture, "x");
    run_plan(fixture);
    answer(fixture, "POST", JOBS, status_answer(500, "InternalError", "etcd: timed out"));
    for (size_t at = 0; at < EXECUTOR_SETTLE_RESENDS; at++) {
        answer(fixture, "GET", JOBS "/x", status_answer(503, "ServiceUnavailable", "no leader"));
        assert_int_equal(fixture->done_calls, 0);
        fake_io_advance(fixture->fake, 10000);
    }
    answer(fixture, "GET", JOBS "/x", status_answer(503, "ServiceUnavailable", "no leader"));
    expect_failure(fixture, ERROR_UNAVAILABLE);
    assert_non_null(strstr(fixture->message, "no leader"));
}

static void a_look_that_is_refused_is_a_failure_of_its_own(void **state)
{
    struct executor_fixture *fixture = *state;
    (void)add_create(fixture, "x");
    run_plan(fixture);
    answer(fixture, "POST", JOBS, status_answer(500, "InternalError", "etcd: timed out"));
    answer(fixture, "GET", JOBS "/x", status_answer(403, "Forbidden", "may not get"));
    expect_failure(fixture, ERROR_DENIED);
    assert_non_null(strstr(fixture->message, "may not get"));
}

/* A Retry-After of an hour holds no key in the middle of a plan for an hour, or 50. */
static void a_look_that_is_told_to_come_much_later_is_a_failure_of_its_own(void **state)
{
    struct executor_fixture *fixture = *state;
    struct fake_answer later = status_answer(503, "ServiceUnavailable", "maintenance");
    later.retry_after_seconds = EXECUTOR_RETRY_AFTER_SECONDS + 1;
    (void)add_create(fixture, "x");
    run_plan(fixture);
    answer(fixture, "POST", JOBS, status_answer(500, "InternalError", "etcd: timed out"));
    answer(fixture, "GET", JOBS "/x", later);
    expect_failure(fixture, ERROR_UNAVAILABLE);
    assert_int_equal(fixture->summary.retry_after_seconds, EXECUTOR_RETRY_AFTER_SECONDS + 1);
}

static void after_an_apply_of_unknown_outcome_nothing_is_planned_on_older_knowledge(void **state)
{
    struct executor_fixture *fixture = *state;
    (void)add_apply(fixture, "d");
    run_plan(fixture);
    answer(fixture, "GET", "*/d", not_found_answer());
    answer(fixture, "PATCH", "*/d?*", status_answer(500, "InternalError", "etcd: timed out"));
    answer(fixture, "GET", "*/d", object_answer("d", "u", "7", "owner"));
    expect_failure(fixture, ERROR_UNAVAILABLE);
    assert_non_null(strstr(fixture->message, "etcd: timed out"));
    assert_false(is_satisfied(fixture)); /* until the cache has seen version 7 */
}

static void a_lost_create_of_a_foreign_name_is_not_ours(void **state)
{
    struct executor_fixture *fixture = *state;
    (void)add_create(fixture, "x");
    run_plan(fixture);
    answer(fixture, "POST", JOBS, lost_answer);
    answer(fixture, "GET", JOBS "/x", object_answer("x", "u", "7", "another"));
    expect_failure(fixture, ERROR_EXISTS);
}

static void an_answer_that_is_too_long_was_still_carried_out(void **state)
{
    struct executor_fixture *fixture = *state;
    (void)add_create(fixture, "x");
    run_plan(fixture);
    answer(fixture, "POST", JOBS,
           (struct fake_answer){.failure = ERROR_LIMIT, .message = "too long", .status = 201});
    answer(fixture, "GET", JOBS "/x", object_answer("x", "u", "7", "owner"));
    expect_done(fixture);
}

/* Status and delete */

static void a_lost_race_waits_until_the_cache_has_moved(void **state)
{
    struct executor_fixture *fixture = *state;
    struct meta cached = {.name = "a", .resource_version = "5", .deletion_time = TIME_ABSENT};
    fixture->cached = &cached;
    (void)add_patch_status(fixture, "a");
    run_plan(fixture);
    answer(fixture, "PATCH", "*", status_answer(409, "Conflict", "has been modified"));
    expect_failure(fixture, ERROR_CONFLICT);
    assert_int_equal(fixture->summary.reaction, REACTION_WAIT_CACHE);
    assert_false(is_satisfied(fixture));
    cached.resource_version = "6";
    assert_true(is_satisfied(fixture));
}

static void a_status_of_an_object_that_is_gone_waits_for_the_cache(void **state)
{
    struct executor_fixture *fixture = *state;
    struct meta cached = {.name = "a", .resource_version = "5", .deletion_time = TIME_ABSENT};
    fixture->cached = &cached;
    (void)add_patch_status(fixture, "a");
    run_plan(fixture);
    answer(fixture, "PATCH", "*", not_found_answer());
    expect_failure(fixture, ERROR_NOT_FOUND);
    assert_false(is_satisfied(fixture));
    fixture->cached = NULL;
    assert_true(is_satisfied(fixture));
}

static void a_lost_status_patch_lets_its_key_try_again(void **state)
{
    struct executor_fixture *fixture = *state;
    (void)add_patch_status(fixture, "a");
    run_plan(fixture);
    answer(fixture, "PATCH", "*", lost_answer);
    expect_failure(fixture, ERROR_LOST);
    assert_int_equal(fake_io_sent_count(fixture->fake), 1);
    assert_true(is_satisfied(fixture));
}

static void a_status_write_is_expected_in_the_cache(void **state)
{
    struct executor_fixture *fixture = *state;
    (void)add_patch_status(fixture, "a");
    run_plan(fixture);
    answer(fixture, "PATCH", "*", object_answer("a", "uid", "9", NULL));
    expect_done(fixture);
    assert_false(is_satisfied(fixture));
    fixture->cache_has_reached = true;
    assert_true(is_satisfied(fixture));
}

static void a_deleted_object_is_expected_to_go(void **state)
{
    struct executor_fixture *fixture = *state;
    struct meta cached = {
        .name = "x", .uid = "uid", .resource_version = "5", .deletion_time = TIME_ABSENT};
    fixture->cached = &cached;
    fixture->cache_has_reached = true;
    (void)add_delete(fixture, "x");
    run_plan(fixture);
    /* The answer may be the object as it was before: its resourceVersion says nothing. */
    answer(fixture, "DELETE", "*", object_answer("x", "uid", "5", "owner"));
    expect_done(fixture);
    assert_false(is_satisfied(fixture));
    fixture->cached = NULL;
    assert_true(is_satisfied(fixture));
}

static void an_object_that_is_gone_already_is_deleted(void **state)
{
    struct executor_fixture *fixture = *state;
    (void)add_delete(fixture, "x");
    run_plan(fixture);
    answer(fixture, "DELETE", "*", not_found_answer());
    expect_done(fixture);
}

static int warnings;

static void count_warning(const char *line, size_t size)
{
    warnings += memmem(line, size, "the API server warns", 20) ? 1 : 0;
}

static void c14_a_warning_of_the_api_server_is_logged_once(void **state)
{
    struct executor_fixture *fixture = *state;
    warnings = 0;
    log_configure((struct log_sink){.write = count_warning, .level = LOG_WARNING});
    static const char *const said[] = {"spec.x is deprecated", "spec.x is deprecated", NULL,
                                       "spec.y is deprecated", "spec.x is deprecated"};
    for (size_t at = 0; at < COUNT_OF(said); at++) {
        (void)add_create(fixture, "x");
        run_plan(fixture);
        struct fake_answer made = object_answer("x", "u", "1", "owner");
        made.warning = said[at];
        answer(fixture, "POST", "*", made);
        expect_done(fixture);
    }
    assert_int_equal(warnings, 2);
    log_configure((struct log_sink){0});
}

#define ROW(test) \
    cmocka_unit_test_setup_teardown(test, executor_fixture_set_up, executor_fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(a_created_object_of_ours_is_adopted),
        ROW(a_name_that_is_somebody_else_s_is_a_fact_that_says_whose),
        ROW(a_name_that_is_nobody_s_is_not_seized),
        ROW(a_name_taken_a_moment_ago_and_free_now_is_planned_again),
        ROW(an_object_that_can_t_be_read_is_left_alone),
        cmocka_unit_test(without_an_owner_our_label_decides),
        ROW(a_lost_answer_of_a_create_is_settled_by_name_and_owner),
        ROW(a_lost_create_that_was_not_applied_is_planned_again),
        ROW(a_create_that_failed_inside_is_settled_by_looking),
        ROW(a_create_that_failed_and_is_not_there_fails_in_the_server_s_words),
        ROW(a_look_is_repeated_until_it_is_answered),
        ROW(a_look_that_never_is_answered_ends_after_minutes),
        ROW(a_look_that_is_refused_is_a_failure_of_its_own),
        ROW(a_look_that_is_told_to_come_much_later_is_a_failure_of_its_own),
        ROW(after_an_apply_of_unknown_outcome_nothing_is_planned_on_older_knowledge),
        ROW(a_lost_create_of_a_foreign_name_is_not_ours),
        ROW(an_answer_that_is_too_long_was_still_carried_out),
        ROW(a_lost_race_waits_until_the_cache_has_moved),
        ROW(a_status_of_an_object_that_is_gone_waits_for_the_cache),
        ROW(a_lost_status_patch_lets_its_key_try_again),
        ROW(a_status_write_is_expected_in_the_cache),
        ROW(a_deleted_object_is_expected_to_go),
        ROW(an_object_that_is_gone_already_is_deleted),
        ROW(c14_a_warning_of_the_api_server_is_logged_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
