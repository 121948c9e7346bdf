/* Order and turns: what is sent when. What answers mean is in test_executor_answers.c. */

#include "support/test.h"

#include "support/executor_fixture.h"

#include <stdio.h>
#include <string.h>

#define JOBS        "/apis/batch/v1/namespaces/team/jobs"
#define RUNS        "/apis/tidemill.dev/v1alpha1/namespaces/team/pipelineruns"
#define EVENTS      "/apis/events.k8s.io/v1/namespaces/team/events"
#define SERVICE     "/api/v1/namespaces/team/services/"
#define AS_METADATA ";as=PartialObjectMetadata;g=meta.k8s.io;v=v1,"
#define METADATA                                                                     \
    "application/vnd.kubernetes.protobuf" AS_METADATA "application/json" AS_METADATA \
    "application/json"

static struct fake_answer created(void)
{
    struct fake_answer answer = object_answer("x", "u", "9", "owner");
    answer.status = 201;
    return answer;
}

static void an_empty_plan_is_done_from_the_loop(void **state)
{
    struct executor_fixture *fixture = *state;
    run_plan_for(fixture, "a");
    assert_int_equal(fixture->done_calls, 0);
    fake_io_run(fixture->fake);
    assert_int_equal(fixture->done_calls, 1);
    assert_int_equal(fixture->summary.reaction, REACTION_NONE);
    assert_int_equal(fixture->summary.done, 0);
}

static void each_operation_is_the_request_it_should_be(void **state)
{
    struct executor_fixture *fixture = *state;
    static const struct {
        const char *sentence;
        struct operation *(*add)(struct executor_fixture *fixture, const char *name);
        const char *method;
        const char *path;
        const char *content_type;
        const char *body;
        const char *accept;
    } rows[] = {
        {"a create posts to the collection", add_create, "POST", JOBS, "application/json",
         "{\"metadata\":{\"name\":\"x\"}}", METADATA},
        {"a status patch goes to the subresource", add_patch_status, "PATCH", RUNS "/x/status",
         "application/json-patch+json", "[]", METADATA},
        {"a delete carries preconditions and propagation", add_delete, "DELETE", JOBS "/x",
         "application/json", NULL, METADATA},
        {"a dry run wants no more than a verdict", add_dry_run, "POST",
         JOBS "?dryRun=All&fieldValidation=Strict", "application/json", NULL, METADATA},
        {"a probe is a get", add_probe, "GET", JOBS "/x", NULL, NULL, METADATA},
        {"a question asks for the events of a uid", add_explain, "GET",
         EVENTS "?fieldSelector=regarding.uid%3Duid&limit=500", NULL, NULL, NULL},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        fake_io_forget(fixture->fake);
        (void)rows[at].add(fixture, "x");
        run_plan(fixture);
        const struct fake_request *request = fake_io_sent(fixture->fake, 0);
        bool ok = strcmp(request->method, rows[at].method) == 0 &&
                  strcmp(request->path, rows[at].path) == 0 &&
                  (request->content_type == NULL) == (rows[at].content_type == NULL) &&
                  (!rows[at].content_type ||
                   strcmp(request->content_type, rows[at].content_type) == 0) &&
                  (!rows[at].body || strcmp(request->body, rows[at].body) == 0) &&
                  (rows[at].accept ? request->accept && !strcmp(request->accept, rows[at].accept)
                                   : request->accept == NULL) &&
                  request->timeout_ms == EXECUTOR_TIMEOUT_MS && request->maximum > 0;
        if (!ok) {
            fail_msg("%s: %s %s %s", rows[at].sentence, request->method, request->path,
                     request->body ? request->body : "");
        }
        answer(fixture, NULL, "*", object_answer("x", "u", "9", "owner"));
        assert_int_equal(fixture->done_calls, 1);
    }
}

static void a_delete_locks_by_uid_and_version(void **state)
{
    struct executor_fixture *fixture = *state;
    (void)add_delete(fixture, "x");
    run_plan(fixture);
    const char *body = fake_io_sent(fixture->fake, 0)->body;
    assert_non_null(strstr(body, "\"uid\":\"uid\""));
    assert_non_null(strstr(body, "\"resourceVersion\":\"5\""));
    assert_non_null(strstr(body, "\"propagationPolicy\":\"Background\""));
}

static void operations_of_a_group_go_one_after_the_other(void **state)
{
    struct executor_fixture *fixture = *state;
    (void)add_create(fixture, "x");
    (void)add_patch_status(fixture, "a");
    run_plan(fixture);
    assert_string_equal(sent_text(fixture), "POST " JOBS "\n");
    answer(fixture, "POST", JOBS, created());
    assert_string_equal(sent_text(fixture), "POST " JOBS "\nPATCH " RUNS "/a/status\n");
    assert_int_equal(fixture->done_calls, 0);
    answer(fixture, "PATCH", "*", object_answer("a", "uid", "10", NULL));
    assert_int_equal(fixture->done_calls, 1);
    assert_int_equal(fixture->summary.done, 2);
}

static void a_stage_goes_out_together_and_the_next_waits_for_all_of_it(void **state)
{
    struct executor_fixture *fixture = *state;
    plan_next_stage(&fixture->plan);
    (void)add_create(fixture, "x");
    (void)add_create(fixture, "y");
    (void)add_create(fixture, "z");
    plan_next_stage(&fixture->plan);
    (void)add_patch_status(fixture, "a");
    run_plan(fixture);
    assert_int_equal(fake_io_open_count(fixture->fake), 3);
    answer(fixture, "POST", JOBS, created());
    answer(fixture, "POST", JOBS, created());
    assert_int_equal(fake_io_count_sent(fixture->fake, "PATCH", "*"), 0);
    answer(fixture, "POST", JOBS, created());
    assert_int_equal(fake_io_count_sent(fixture->fake, "PATCH", "*"), 1);
}

static void groups_do_not_wait_for_each_other(void **state)
{
    struct executor_fixture *fixture = *state;
    (void)add_create(fixture, "x");
    (void)add_patch_status(fixture, "a");
    plan_next_group(&fixture->plan);
    (void)add_probe(fixture, "y");
    run_plan(fixture);
    assert_string_equal(sent_text(fixture), "POST " JOBS "\nGET " JOBS "/y\n");
}

static void the_same_stage_number_in_two_groups_is_two_stages(void **state)
{
    struct executor_fixture *fixture = *state;
    plan_next_stage(&fixture->plan);
    (void)add_create(fixture, "x");
    plan_next_group(&fixture->plan);
    plan_next_stage(&fixture->plan);
    (void)add_create(fixture, "y");
    plan_next_stage(&fixture->plan);
    (void)add_patch_status(fixture, "a");
    run_plan(fixture);
    answer(fixture, "POST", JOBS, status_answer(422, "Invalid", "x is wrong"));
    assert_int_equal(fake_io_count_sent(fixture->fake, "PATCH", "*"), 0);
    answer(fixture, "POST", JOBS, created());
    assert_int_equal(fake_io_count_sent(fixture->fake, "PATCH", "*"), 1);
}

static void a_failure_drops_the_rest_of_its_group_alone(void **state)
{
    struct executor_fixture *fixture = *state;
    (void)add_create(fixture, "x");
    (void)add_patch_status(fixture, "a");
    (void)add_event(fixture, "told after the patch");
    plan_next_group(&fixture->plan);
    (void)add_delete(fixture, "y");
    run_plan(fixture);
    answer(fixture, "POST", JOBS, status_answer(403, "Forbidden", "exceeded quota"));
    assert_int_equal(fixture->done_calls, 0);
    answer(fixture, "DELETE", "*", status_answer(200, "", ""));
    assert_int_equal(fixture->done_calls, 1);
    assert_int_equal(fixture->summary.done, 1);
    assert_int_equal(fixture->summary.failed, 1);
    assert_int_equal(fixture->summary.dropped, 2);
    assert_int_equal(fixture->summary.error, ERROR_DENIED);
    assert_string_equal(fixture->message, "create Job team/x: exceeded quota");
    assert_int_equal(events_numbers(fixture->events).recorded, 0);
}

static void the_others_of_a_stage_finish_when_one_fails(void **state)
{
    struct executor_fixture *fixture = *state;
    plan_next_stage(&fixture->plan);
    (void)add_create(fixture, "x");
    (void)add_create(fixture, "y");
    plan_next_stage(&fixture->plan);
    (void)add_patch_status(fixture, "a");
    run_plan(fixture);
    answer(fixture, "POST", JOBS, status_answer(422, "Invalid", "x is wrong"));
    assert_int_equal(fixture->done_calls, 0);
    answer(fixture, "POST", JOBS, created());
    assert_int_equal(fixture->done_calls, 1);
    assert_int_equal(fixture->summary.done, 1);
    assert_int_equal(fixture->summary.failed, 1);
    assert_int_equal(fixture->summary.dropped, 1);
}

static void an_event_is_told_in_its_turn_and_never_fails_a_plan(void **state)
{
    struct executor_fixture *fixture = *state;
    (void)add_create(fixture, "x");
    (void)add_event(fixture, "made x");
    (void)add_patch_status(fixture, "a");
    run_plan(fixture);
    assert_int_equal(fake_io_count_sent(fixture->fake, "POST", EVENTS), 0);
    answer(fixture, "POST", JOBS, created());
    assert_int_equal(fake_io_count_sent(fixture->fake, "POST", EVENTS), 1);
    answer(fixture, "POST", EVENTS, status_answer(403, "Forbidden", "no events for you"));
    answer(fixture, "PATCH", "*", object_answer("a", "uid", "10", NULL));
    assert_int_equal(fixture->done_calls, 1);
    assert_int_equal(fixture->summary.reaction, REACTION_NONE);
}

static void a_plan_of_events_alone_is_done_at_once(void **state)
{
    struct executor_fixture *fixture = *state;
    for (int at = 0; at < 500; at++) {
        (void)add_event(fixture, "again");
    }
    run_plan(fixture);
    assert_int_equal(fixture->done_calls, 1);
    assert_int_equal(fixture->summary.done, 500);
}

static void at_most_64_requests_are_under_way(void **state)
{
    struct executor_fixture *fixture = *state;
    char name[16];
    plan_next_stage(&fixture->plan);
    for (int at = 0; at < 500; at++) {
        (void)snprintf(name, sizeof(name), "job-%d", at);
        (void)add_create(fixture, name);
    }
    run_plan(fixture);
    assert_int_equal(fake_io_open_count(fixture->fake), 64);
    assert_int_equal(executor_numbers(fixture->executor).in_flight, 64);
    assert_int_equal(executor_numbers(fixture->executor).waiting, 436);
    for (int at = 0; at < 500; at++) {
        answer(fixture, "POST", JOBS, created());
        assert_true(fake_io_open_count(fixture->fake) <= 64);
    }
    assert_int_equal(fixture->done_calls, 1);
    assert_int_equal(fixture->summary.done, 500);
    assert_int_equal(executor_numbers(fixture->executor).in_flight, 0);
}

static void keys_take_turns_behind_a_large_plan(void **state)
{
    struct executor_fixture *fixture = *state;
    char name[16];
    plan_next_stage(&fixture->plan);
    for (int at = 0; at < 500; at++) {
        (void)snprintf(name, sizeof(name), "job-%d", at);
        (void)add_create(fixture, name);
    }
    run_plan_for(fixture, "large");
    (void)add_patch_status(fixture, "small");
    run_plan_for(fixture, "small");
    answer(fixture, "POST", JOBS, created());
    answer(fixture, "POST", JOBS, created());
    assert_int_equal(fake_io_count_sent(fixture->fake, "PATCH", RUNS "/small/status"), 1);
}

static void two_keys_plans_run_side_by_side(void **state)
{
    struct executor_fixture *fixture = *state;
    (void)add_patch_status(fixture, "a");
    run_plan_for(fixture, "a");
    (void)add_patch_status(fixture, "b");
    run_plan_for(fixture, "b");
    assert_int_equal(executor_numbers(fixture->executor).plans, 2);
    answer(fixture, "PATCH", RUNS "/b/status", object_answer("b", "uid", "7", NULL));
    answer(fixture, "PATCH", RUNS "/a/status", object_answer("a", "uid", "8", NULL));
    assert_string_equal(fixture->finished, "b a ");
    assert_int_equal(executor_numbers(fixture->executor).plans, 0);
}

static void start_another(void *context, const struct work_key *key,
                          const struct execution_summary *summary)
{
    struct executor_fixture *fixture = context;
    (void)summary;
    (void)add_probe(fixture, key->name);
    run_plan_for(fixture, "next");
}

static void a_key_may_be_run_again_from_the_end_of_its_plan(void **state)
{
    struct executor_fixture *fixture = *state;
    struct work_key key = {KIND_PIPELINE_RUN, "team", "a"};
    executor_run(fixture->executor, &key, &fixture->plan, start_another, fixture);
    executor_run(fixture->executor, &key, &fixture->plan, start_another, fixture);
    fake_io_run(fixture->fake);
    assert_int_equal(fake_io_open_count(fixture->fake), 2);
    answer(fixture, "GET", "*", object_answer("a", "u", "1", NULL));
    answer(fixture, "GET", "*", object_answer("a", "u", "1", NULL));
    assert_string_equal(fixture->finished, "next next ");
}

static void closing_in_mid_plan_cancels_and_forgets(void **state)
{
    struct executor_fixture *fixture = *state;
    (void)add_create(fixture, "x");
    (void)add_patch_status(fixture, "a");
    plan_next_group(&fixture->plan);
    (void)add_probe(fixture, "y");
    run_plan(fixture);
    answer(fixture, "GET", "*", (struct fake_answer){.failure = ERROR_LOST, .message = "reset"});
    /* One request is open, one rests before it is sent again; tear_down looks for what is left. */
    assert_int_equal(fake_io_open_count(fixture->fake), 1);
}

static void no_write_is_sent_without_the_lease(void **state)
{
    struct executor_fixture *fixture = *state;
    (void)add_create(fixture, "x");
    (void)add_patch_status(fixture, "a");
    fixture->lease.deadline_ms = fake_io_now_ms(fixture->fake) + 10;
    run_plan(fixture);
    fake_io_advance(fixture->fake, 10);
    answer(fixture, "POST", JOBS, created());
    assert_int_equal(fake_io_sent_count(fixture->fake), 1);
    assert_int_equal(fixture->summary.error, ERROR_CLOSED);
    assert_int_equal(fixture->summary.failed, 1);

    fake_io_forget(fixture->fake);
    (void)add_apply(fixture, "s");
    plan_next_group(&fixture->plan);
    (void)add_delete(fixture, "x");
    plan_next_group(&fixture->plan);
    (void)add_event(fixture, "told");
    run_plan(fixture);
    answer(fixture, "GET", SERVICE "s", status_answer(404, "NotFound", "no"));
    assert_string_equal(sent_text(fixture), "GET " SERVICE "s\n");
}

static void a_write_that_waits_to_be_sent_again_asks_the_lease_again(void **state)
{
    struct executor_fixture *fixture = *state;
    (void)add_create(fixture, "x");
    fixture->lease.deadline_ms = fake_io_now_ms(fixture->fake) + 500;
    run_plan(fixture);
    struct fake_answer busy = status_answer(429, "TooManyRequests", "busy");
    busy.retry_after_seconds = 1;
    answer(fixture, "POST", JOBS, busy);
    fake_io_advance(fixture->fake, 1000);
    assert_int_equal(fake_io_sent_count(fixture->fake), 1);
    assert_int_equal(fixture->summary.error, ERROR_CLOSED);
}

/* Stopped for 8 s in mid-plan (SIGSTOP): what was not sent by then is never sent. */
static void nothing_is_sent_after_a_pause_that_outlasts_the_lease(void **state)
{
    struct executor_fixture *fixture = *state;
    fixture->lease.deadline_ms = fake_io_now_ms(fixture->fake) + 4 * 1000;
    for (unsigned stage = 1; stage <= 3; stage++) {
        for (unsigned at = 0; at < EXECUTOR_IN_FLIGHT; at++) {
            add_create(fixture, "x")->stage = stage;
        }
    }
    (void)add_event(fixture, "recorded");
    run_plan(fixture);
    assert_int_equal(fake_io_count_sent(fixture->fake, "POST", JOBS), EXECUTOR_IN_FLIGHT);
    fake_io_forget(fixture->fake);
    fake_io_jump(fixture->fake, 8 * 1000);
    while (fake_io_find_open(fixture->fake, "POST", JOBS)) {
        answer(fixture, "POST", JOBS, created());
    }
    fake_io_advance(fixture->fake, 10 * 60 * 1000);
    assert_int_equal(fake_io_count_sent(fixture->fake, "POST", "*"), 0);
    assert_int_equal(fake_io_count_sent(fixture->fake, "PATCH", "*"), 0);
    assert_int_equal(fixture->done_calls, 1);
    assert_int_equal(fixture->summary.error, ERROR_CLOSED);
}

static void a_write_carries_the_time_after_which_it_may_not_be_sent(void **state)
{
    struct executor_fixture *fixture = *state;
    fixture->lease.deadline_ms = fake_io_now_ms(fixture->fake) + 77;
    (void)add_create(fixture, "x");
    plan_next_group(&fixture->plan);
    (void)add_probe(fixture, "y");
    run_plan(fixture);
    assert_int_equal(fake_io_sent(fixture->fake, 0)->send_before_ms, fixture->lease.deadline_ms);
    assert_int_equal(fake_io_sent(fixture->fake, 1)->send_before_ms, 0);
    answer(fixture, "POST", JOBS, created());
    answer(fixture, "GET", "*", object_answer("y", "uid", "7", "owner"));
}

static void what_one_term_planned_is_not_written_in_the_next(void **state)
{
    struct executor_fixture *fixture = *state;
    (void)add_create(fixture, "x");
    run_plan(fixture);
    struct fake_answer busy = status_answer(429, "TooManyRequests", "busy");
    busy.retry_after_seconds = 5;
    answer(fixture, "POST", JOBS, busy);
    lease_lose(&fixture->lease);
    lease_win(&fixture->lease, INT64_MAX);
    fake_io_advance(fixture->fake, 60 * 1000);
    assert_int_equal(fake_io_sent_count(fixture->fake), 1);
    assert_int_equal(fixture->summary.error, ERROR_CLOSED);
}

static void losing_the_lease_ends_at_once_what_waits(void **state)
{
    struct executor_fixture *fixture = *state;
    (void)add_create(fixture, "x");
    run_plan(fixture);
    struct fake_answer busy = status_answer(429, "TooManyRequests", "busy");
    busy.retry_after_seconds = 30;
    answer(fixture, "POST", JOBS, busy);
    assert_int_equal(fixture->done_calls, 0);
    lease_lose(&fixture->lease);
    executor_drop_waiting(fixture->executor);
    fake_io_run(fixture->fake);
    assert_int_equal(fixture->done_calls, 1);
    assert_int_equal(fixture->summary.error, ERROR_CLOSED);
    assert_int_equal(executor_numbers(fixture->executor).waiting, 0);
}

static void losing_the_lease_waits_for_what_was_sent(void **state)
{
    struct executor_fixture *fixture = *state;
    for (unsigned at = 0; at < EXECUTOR_IN_FLIGHT + 40; at++) {
        add_create(fixture, "x")->stage = 1;
    }
    run_plan(fixture);
    lease_lose(&fixture->lease);
    executor_drop_waiting(fixture->executor);
    fake_io_run(fixture->fake);
    assert_int_equal(fixture->done_calls, 0);
    assert_int_equal(executor_numbers(fixture->executor).waiting, 0);
    while (fake_io_find_open(fixture->fake, "POST", JOBS)) {
        answer(fixture, "POST", JOBS, created());
    }
    assert_int_equal(fixture->done_calls, 1);
    assert_int_equal(fixture->summary.done, EXECUTOR_IN_FLIGHT);
    assert_int_equal(fixture->summary.failed, 40);
    assert_int_equal(fake_io_sent_count(fixture->fake), EXECUTOR_IN_FLIGHT);
}

static void requests_are_counted_by_method_kind_and_code(void **state)
{
    struct executor_fixture *fixture = *state;
    (void)add_create(fixture, "x");
    plan_next_group(&fixture->plan);
    (void)add_create(fixture, "y");
    plan_next_group(&fixture->plan);
    (void)add_explain(fixture, "z");
    run_plan(fixture);
    answer(fixture, "POST", JOBS, created());
    answer(fixture, "POST", JOBS, created());
    answer(fixture, "GET", "*", status_answer(403, "Forbidden", "no"));
    struct executor_numbers numbers = executor_numbers(fixture->executor);
    assert_int_equal(numbers.count_count, 2);
    assert_string_equal(numbers.counts[0].method, "POST");
    assert_string_equal(numbers.counts[0].kind, "Job");
    assert_int_equal(numbers.counts[0].code, 201);
    assert_int_equal(numbers.counts[0].count, 2);
    assert_string_equal(numbers.counts[1].kind, "Event");
    assert_int_equal(numbers.counts[1].code, 403);
    assert_int_equal(numbers.bytes_sent, 2 * strlen("{\"metadata\":{\"name\":\"x\"}}"));
    assert_true(numbers.bytes_received > 0);
}

#define ROW(test) \
    cmocka_unit_test_setup_teardown(test, executor_fixture_set_up, executor_fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(an_empty_plan_is_done_from_the_loop),
        ROW(each_operation_is_the_request_it_should_be),
        ROW(a_delete_locks_by_uid_and_version),
        ROW(operations_of_a_group_go_one_after_the_other),
        ROW(a_stage_goes_out_together_and_the_next_waits_for_all_of_it),
        ROW(groups_do_not_wait_for_each_other),
        ROW(the_same_stage_number_in_two_groups_is_two_stages),
        ROW(a_failure_drops_the_rest_of_its_group_alone),
        ROW(the_others_of_a_stage_finish_when_one_fails),
        ROW(an_event_is_told_in_its_turn_and_never_fails_a_plan),
        ROW(a_plan_of_events_alone_is_done_at_once),
        ROW(at_most_64_requests_are_under_way),
        ROW(keys_take_turns_behind_a_large_plan),
        ROW(two_keys_plans_run_side_by_side),
        ROW(a_key_may_be_run_again_from_the_end_of_its_plan),
        ROW(closing_in_mid_plan_cancels_and_forgets),
        ROW(no_write_is_sent_without_the_lease),
        ROW(a_write_that_waits_to_be_sent_again_asks_the_lease_again),
        ROW(nothing_is_sent_after_a_pause_that_outlasts_the_lease),
        ROW(a_write_carries_the_time_after_which_it_may_not_be_sent),
        ROW(what_one_term_planned_is_not_written_in_the_next),
        ROW(losing_the_lease_ends_at_once_what_waits),
        ROW(losing_the_lease_waits_for_what_was_sent),
        ROW(requests_are_counted_by_method_kind_and_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
