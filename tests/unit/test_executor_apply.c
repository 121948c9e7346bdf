/* Server-side apply: whose the name is, on which object it is carried out, what its answers mean.
 */

#include "support/test.h"

#include "core/text.h"
#include "support/executor_fixture.h"

#define SERVICE     "/api/v1/namespaces/team/services/"
#define APPLY(name) SERVICE name "?fieldManager=tidemill&force=true"

static void the_first_apply_of_a_name_looks_whose_it_is(void **state)
{
    struct executor_fixture *fixture = *state;
    (void)add_apply(fixture, "s");
    run_plan(fixture);
    assert_string_equal(sent_text(fixture), "GET " SERVICE "s\n");
    assert_null(fake_io_sent(fixture->fake, 0)->accept);
    answer(fixture, "GET", SERVICE "s", not_found_answer());
    const struct fake_request *request = fake_io_sent(fixture->fake, 1);
    assert_true(text_starts_with(request->accept,
                                 "application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;"));
    assert_string_equal(request->path, APPLY("s"));
    assert_string_equal(request->method, "PATCH");
    assert_string_equal(request->content_type, "application/apply-patch+yaml");
    /* It is made, or one that came meanwhile is left alone. */
    assert_string_equal(request->body, "{\"metadata\":{\"resourceVersion\":\"1\",\"name\":\"s\"}}");
    answer(fixture, "PATCH", APPLY("s"), object_answer("s", "u1", "7", "owner"));
    expect_done(fixture);

    fake_io_forget(fixture->fake);
    (void)add_apply(fixture, "s");
    run_plan(fixture);
    assert_string_equal(fake_io_sent(fixture->fake, 0)->body,
                        "{\"metadata\":{\"uid\":\"u1\",\"name\":\"s\"}}");
    answer(fixture, "PATCH", APPLY("s"), object_answer("s", "u1", "8", "owner"));
    expect_done(fixture);
    assert_int_equal(fake_io_sent_count(fixture->fake), 1);
}

static void an_apply_never_seizes_what_is_not_ours(void **state)
{
    struct executor_fixture *fixture = *state;
    (void)add_apply(fixture, "s");
    run_plan(fixture);
    answer(fixture, "GET", SERVICE "s", object_answer("s", "u", "7", "another"));
    expect_failure(fixture, ERROR_EXISTS);
    assert_int_equal(fake_io_count_sent(fixture->fake, "PATCH", "*"), 0);
    assert_non_null(find_fact(fixture, OPERATION_APPLY, KIND_SERVICE, "s"));
}

static void an_apply_after_a_restart_is_for_what_is_there_as_it_is_there(void **state)
{
    struct executor_fixture *fixture = *state;
    (void)add_apply(fixture, "s");
    run_plan(fixture);
    answer(fixture, "GET", SERVICE "s", object_answer("s", "u1", "7", "owner"));
    assert_string_equal(fake_io_sent(fixture->fake, 1)->body,
                        "{\"metadata\":{\"uid\":\"u1\",\"resourceVersion\":\"7\",\"name\":\"s\"}}");
    answer(fixture, "PATCH", APPLY("s"), object_answer("s", "u1", "8", "owner"));
    expect_done(fixture);
}

static void apply_once(struct executor_fixture *fixture, const char *uid)
{
    (void)add_apply(fixture, "s");
    run_plan(fixture);
    answer(fixture, "GET", SERVICE "s", not_found_answer());
    answer(fixture, "PATCH", APPLY("s"), object_answer("s", uid, "7", "owner"));
    expect_done(fixture);
    fake_io_forget(fixture->fake);
}

/* Both answers as a 1.36 API server words them. */
static void an_apply_of_an_object_that_changed_hands_looks_again(void **state)
{
    (void)state;
    struct {
        int code;
        const char *reason;
        const char *message;
    } rows[] = {
        {409, "Conflict",
         "uid mismatch: the provided object specified uid u1, and no existing "
         "object was found"},
        {422, "Invalid", "Service s is invalid: metadata.uid: Invalid value: field is immutable"},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct executor_fixture own;
        struct executor_fixture *fixture = &own;
        executor_fixture_open(fixture);
        apply_once(fixture, "u1");
        (void)add_apply(fixture, "s");
        run_plan(fixture);
        answer(fixture, "PATCH", APPLY("s"),
               status_answer(rows[at].code, rows[at].reason, rows[at].message));
        expect_failure(fixture, ERROR_CONFLICT);
        assert_int_equal(fixture->summary.reaction, REACTION_WAIT_CACHE);
        assert_false(fixture->summary.facts_changed);
        apply_once(fixture, "u2");
        executor_fixture_close(fixture);
    }
}

static void an_apply_that_is_wrong_is_refused_and_told(void **state)
{
    struct executor_fixture *fixture = *state;
    apply_once(fixture, "u1");
    (void)add_apply(fixture, "s");
    run_plan(fixture);
    answer(fixture, "PATCH", APPLY("s"), status_answer(422, "Invalid", "spec.ports: Required"));
    expect_failure(fixture, ERROR_INVALID);
    assert_non_null(find_fact(fixture, OPERATION_APPLY, KIND_SERVICE, "s"));
}

static void an_apply_after_our_delete_looks_again(void **state)
{
    struct executor_fixture *fixture = *state;
    apply_once(fixture, "u1");
    add_delete(fixture, "s")->kind = KIND_SERVICE;
    run_plan(fixture);
    answer(fixture, "DELETE", SERVICE "s", status_answer(200, "", ""));
    expect_done(fixture);
    fake_io_forget(fixture->fake);
    apply_once(fixture, "u2");
}

static void an_apply_after_the_cache_saw_it_deleted_looks_again(void **state)
{
    struct executor_fixture *fixture = *state;
    apply_once(fixture, "u1");
    executor_object_gone(fixture->executor, KIND_SERVICE, "team", "s");
    executor_object_gone(fixture->executor, KIND_SERVICE, "team", "never-applied");
    apply_once(fixture, "u2");
}

static void ours_of_one_owner_is_not_ours_of_another(void **state)
{
    struct executor_fixture *fixture = *state;
    apply_once(fixture, "u1");
    add_apply(fixture, "s")->owner_uid = "owner-two";
    run_plan(fixture);
    answer(fixture, "GET", SERVICE "s", object_answer("s", "u1", "7", "owner"));
    expect_failure(fixture, ERROR_EXISTS);
}

static void the_uid_goes_into_the_outer_metadata(void **state)
{
    struct executor_fixture *fixture = *state;
    static const struct {
        const char *body;
        const char *expected;
    } rows[] = {
        {"{\"metadata\":{}}", "{\"metadata\":{\"uid\":\"u1\"}}"},
        {"{\"a\":\"\\\"metadata\\\":{\",\"b\":{\"metadata\":{}},\"metadata\":{\"name\":\"s\"}}",
         "{\"a\":\"\\\"metadata\\\":{\",\"b\":{\"metadata\":{}},\"metadata\":{\"uid\":\"u1\","
         "\"name\":\"s\"}}"},
        {"{\"list\":[{\"metadata\":{}}]}", "{\"list\":[{\"metadata\":{}}]}"},
    };
    apply_once(fixture, "u1");
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        fake_io_forget(fixture->fake);
        add_apply(fixture, "s")->body = rows[at].body;
        run_plan(fixture);
        assert_string_equal(fake_io_sent(fixture->fake, 0)->body, rows[at].expected);
        answer(fixture, "PATCH", APPLY("s"), object_answer("s", "u1", "8", "owner"));
    }
}

/* What came to be late would undo what somebody wrote meanwhile. */
static void an_apply_that_is_locked_is_carried_out_on_what_was_planned_with_alone(void **state)
{
    struct executor_fixture *fixture = *state;
    struct meta cached = {.name = "s", .resource_version = "7", .deletion_time = TIME_ABSENT};
    fixture->cached = &cached;
    apply_once(fixture, "u1");
    (void)add_apply(fixture, "s");
    plan_lock(&fixture->plan, &cached);
    run_plan(fixture);
    assert_string_equal(fake_io_sent(fixture->fake, 0)->body,
                        "{\"metadata\":{\"uid\":\"u1\",\"resourceVersion\":\"7\",\"name\":\"s\"}}");
    answer(fixture, "PATCH", APPLY("s"), status_answer(409, "Conflict", "has been modified"));
    expect_failure(fixture, ERROR_CONFLICT);
    assert_int_equal(fixture->summary.reaction, REACTION_WAIT_CACHE);
    assert_false(is_satisfied(fixture));
    cached.resource_version = "8";
    assert_true(is_satisfied(fixture));
}

/* The cache knows it, and a look does not find it: the API server makes it, whatever the version.
 */
static void an_apply_of_what_is_gone_is_locked_all_the_same(void **state)
{
    struct executor_fixture *fixture = *state;
    const struct meta cached = {.resource_version = "7", .deletion_time = TIME_ABSENT};
    (void)add_apply(fixture, "s");
    plan_lock(&fixture->plan, &cached);
    run_plan(fixture);
    answer(fixture, "GET", SERVICE "s", not_found_answer());
    assert_string_equal(fake_io_sent(fixture->fake, 1)->body,
                        "{\"metadata\":{\"resourceVersion\":\"7\",\"name\":\"s\"}}");
    answer(fixture, "PATCH", APPLY("s"), object_answer("s", "u1", "8", "owner"));
    expect_done(fixture);
}

#define ROW(test) \
    cmocka_unit_test_setup_teardown(test, executor_fixture_set_up, executor_fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(the_first_apply_of_a_name_looks_whose_it_is),
        ROW(an_apply_never_seizes_what_is_not_ours),
        ROW(an_apply_after_a_restart_is_for_what_is_there_as_it_is_there),
        cmocka_unit_test(an_apply_of_an_object_that_changed_hands_looks_again),
        ROW(an_apply_that_is_wrong_is_refused_and_told),
        ROW(an_apply_after_our_delete_looks_again),
        ROW(an_apply_after_the_cache_saw_it_deleted_looks_again),
        ROW(ours_of_one_owner_is_not_ours_of_another),
        ROW(the_uid_goes_into_the_outer_metadata),
        ROW(an_apply_that_is_locked_is_carried_out_on_what_was_planned_with_alone),
        ROW(an_apply_of_what_is_gone_is_locked_all_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
