#include "support/test.h"

#include "core/text.h"
#include "kube/events.h"
#include "support/fake_io.h"

#include <stdio.h>
#include <string.h>

#define EVENTS "/apis/events.k8s.io/v1/namespaces/team/events"

struct fixture {
    struct fake_io *fake;
    struct lease lease;
    struct events *events;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){.fake = fake_io_new()};
    fixture.lease = lease_hold_forever(fake_io_seam(fixture.fake));
    const struct events_options options = {
        .io = fake_io_seam(fixture.fake), .lease = &fixture.lease, .instance = "tidemill-0"};
    fixture.events = events_new(&options);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    (void)events_free(fixture->events);
    assert_int_equal(fake_io_timer_count(fixture->fake), 0);
    assert_int_equal(fake_io_open_count(fixture->fake), 0);
    (void)fake_io_free(fixture->fake);
    return 0;
}

static const struct operation run_failed = {
    .type = OPERATION_EVENT,
    .kind = KIND_PIPELINE_RUN,
    .namespace = "team",
    .name = "digits-1",
    .uid = "uid-1",
    .resource_version = "7",
    .reason = "StepFailed",
    .message = "step train failed",
    .warning = true,
};

static void record(struct fixture *fixture)
{
    events_record(fixture->events, &run_failed);
    fake_io_run(fixture->fake);
}

static void answer(struct fixture *fixture, const char *method, struct fake_answer what)
{
    struct io_call *call = fake_io_find_open(fixture->fake, method, EVENTS "*");
    if (!call) {
        fail_msg("no open %s of an event", method);
    }
    fake_io_finish(fixture->fake, call, what);
    fake_io_run(fixture->fake);
}

static const struct fake_answer ok = {.status = 201, .body = "{}"};

static const struct fake_request *newest_request(struct fixture *fixture)
{
    return fake_io_sent(fixture->fake, fake_io_sent_count(fixture->fake) - 1);
}

static void the_first_is_posted_whole(void **state)
{
    struct fixture *fixture = *state;
    record(fixture);
    const struct fake_request *request = newest_request(fixture);
    assert_string_equal(request->method, "POST");
    assert_string_equal(request->path, EVENTS);
    assert_string_equal(request->content_type, "application/json");
    assert_true(text_starts_with(request->accept, "application/json;as=PartialObjectMetadata;"));
    static const char *const parts[] = {
        "\"reason\":\"StepFailed\"",
        "\"note\":\"step train failed\"",
        "\"type\":\"Warning\"",
        "\"action\":\"Reconcile\"",
        "\"uid\":\"uid-1\"",
        "\"kind\":\"PipelineRun\"",
        "\"reportingInstance\":\"tidemill-0\"",
    };
    for (size_t at = 0; at < COUNT_OF(parts); at++) {
        if (!strstr(request->body, parts[at])) {
            fail_msg("%s is not in %s", parts[at], request->body);
        }
    }
    assert_null(strstr(request->body, "series"));
    answer(fixture, "POST", ok);
    assert_int_equal(events_numbers(fixture->events).posted, 1);
}

static void the_second_patches_a_series_and_more_are_counted_in_memory(void **state)
{
    struct fixture *fixture = *state;
    record(fixture);
    answer(fixture, "POST", ok);
    record(fixture);
    const struct fake_request *request = newest_request(fixture);
    assert_string_equal(request->method, "PATCH");
    assert_string_equal(request->content_type, "application/merge-patch+json");
    assert_non_null(strstr(request->path, EVENTS "/digits-1."));
    assert_non_null(strstr(request->body, "\"count\":2"));
    answer(fixture, "PATCH", ok);
    for (int at = 0; at < 1000; at++) {
        record(fixture);
    }
    assert_int_equal(fake_io_sent_count(fixture->fake), 2);
    assert_int_equal(events_numbers(fixture->events).recorded, 1002);
}

static void a_second_while_the_first_is_under_way_waits_for_it(void **state)
{
    struct fixture *fixture = *state;
    record(fixture);
    record(fixture);
    record(fixture);
    assert_int_equal(fake_io_sent_count(fixture->fake), 1);
    answer(fixture, "POST", ok);
    assert_non_null(strstr(newest_request(fixture)->body, "\"count\":3"));
    answer(fixture, "PATCH", ok);
    assert_int_equal(fake_io_open_count(fixture->fake), 0);
}

static void what_differs_in_object_reason_note_or_type_is_another_event(void **state)
{
    struct fixture *fixture = *state;
    struct operation rows[] = {run_failed, run_failed, run_failed, run_failed, run_failed};
    rows[1].uid = "uid-2";
    rows[2].reason = "Other";
    rows[3].message = "other";
    rows[4].warning = false;
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        events_record(fixture->events, &rows[at]);
    }
    assert_int_equal(fake_io_count_sent(fixture->fake, "POST", EVENTS), COUNT_OF(rows));
}

static void a_series_is_refreshed_every_30_minutes(void **state)
{
    struct fixture *fixture = *state;
    record(fixture);
    answer(fixture, "POST", ok);
    record(fixture);
    answer(fixture, "PATCH", ok);
    fake_io_forget(fixture->fake);
    for (int minute = 0; minute < 62; minute++) {
        record(fixture);
        fake_io_advance(fixture->fake, 60 * 1000);
        if (fake_io_open_count(fixture->fake) > 0) {
            answer(fixture, "PATCH", ok);
        }
    }
    assert_int_equal(fake_io_count_sent(fixture->fake, "PATCH", "*"), 2);
    assert_int_equal(fake_io_count_sent(fixture->fake, "POST", "*"), 0);
}

static void a_series_that_ended_tells_its_count_and_is_forgotten(void **state)
{
    struct fixture *fixture = *state;
    record(fixture);
    answer(fixture, "POST", ok);
    record(fixture);
    answer(fixture, "PATCH", ok);
    record(fixture);
    record(fixture);
    fake_io_advance(fixture->fake, EVENTS_FINISH_MS + 60 * 1000);
    assert_non_null(strstr(newest_request(fixture)->body, "\"count\":4"));
    answer(fixture, "PATCH", ok);
    assert_int_equal(events_numbers(fixture->events).remembered, 0);
}

static void an_event_that_comes_back_after_its_end_has_a_name_of_its_own(void **state)
{
    struct fixture *fixture = *state;
    char first[1024];
    record(fixture);
    (void)snprintf(first, sizeof(first), "%s", newest_request(fixture)->body);
    answer(fixture, "POST", ok);
    fake_io_advance(fixture->fake, EVENTS_FINISH_MS + 60 * 1000);
    assert_int_equal(events_numbers(fixture->events).remembered, 0);
    record(fixture);
    assert_string_equal(newest_request(fixture)->method, "POST");
    const char *name = strstr(first, "digits-1.");
    assert_non_null(name);
    char name_text[32];
    (void)snprintf(name_text, sizeof(name_text), "%.*s", (int)strcspn(name, "\""), name);
    assert_null(strstr(newest_request(fixture)->body, name_text));
}

static void a_full_queue_drops_and_never_blocks(void **state)
{
    struct fixture *fixture = *state;
    enum { MORE = 50 };
    char note[32];
    struct operation operation = run_failed;
    operation.message = note;
    for (int at = 0; at < EVENTS_IN_FLIGHT + EVENTS_QUEUE_MAXIMUM + MORE; at++) {
        (void)snprintf(note, sizeof(note), "note %d", at);
        events_record(fixture->events, &operation);
    }
    struct events_numbers numbers = events_numbers(fixture->events);
    assert_int_equal(numbers.in_flight, EVENTS_IN_FLIGHT);
    assert_int_equal(numbers.queued, EVENTS_QUEUE_MAXIMUM);
    assert_int_equal(numbers.dropped, MORE);
    assert_int_equal(fake_io_open_count(fixture->fake), EVENTS_IN_FLIGHT);
    while (fake_io_open_count(fixture->fake) > 0) {
        answer(fixture, "POST", ok);
    }
    numbers = events_numbers(fixture->events);
    assert_int_equal(numbers.posted, EVENTS_IN_FLIGHT + EVENTS_QUEUE_MAXIMUM);
    assert_int_equal(numbers.queued, 0);
}

static void what_is_remembered_is_bounded(void **state)
{
    struct fixture *fixture = *state;
    char note[32];
    struct operation operation = run_failed;
    operation.message = note;
    fake_io_script_always(fixture->fake, "POST", EVENTS, ok);
    for (int at = 0; at < EVENTS_SERIES_MAXIMUM + 200; at++) {
        (void)snprintf(note, sizeof(note), "note %d", at);
        events_record(fixture->events, &operation);
        fake_io_run(fixture->fake);
    }
    assert_int_equal(events_numbers(fixture->events).remembered, EVENTS_SERIES_MAXIMUM);
    assert_int_equal(events_numbers(fixture->events).dropped, 0);
}

static void what_is_under_way_is_not_forgotten_for_room(void **state)
{
    struct fixture *fixture = *state;
    char note[32];
    struct operation operation = run_failed;
    record(fixture);
    fake_io_script_always(fixture->fake, "POST", EVENTS, ok);
    operation.message = note;
    for (int at = 0; at < EVENTS_SERIES_MAXIMUM + 10; at++) {
        (void)snprintf(note, sizeof(note), "note %d", at);
        events_record(fixture->events, &operation);
        fake_io_run(fixture->fake);
    }
    assert_int_equal(events_numbers(fixture->events).remembered, EVENTS_SERIES_MAXIMUM);
    assert_int_equal(events_numbers(fixture->events).dropped, 0);
    assert_int_equal(fake_io_open_count(fixture->fake), 1);
    answer(fixture, "POST", ok);
}

static void an_event_that_comes_back_while_its_end_is_told_goes_on(void **state)
{
    struct fixture *fixture = *state;
    record(fixture);
    answer(fixture, "POST", ok);
    record(fixture);
    answer(fixture, "PATCH", ok);
    record(fixture);
    fake_io_advance(fixture->fake, EVENTS_FINISH_MS + 60 * 1000);
    assert_int_equal(fake_io_open_count(fixture->fake), 1);
    record(fixture);
    answer(fixture, "PATCH", ok);
    assert_int_equal(events_numbers(fixture->events).remembered, 1);
    assert_int_equal(fake_io_count_sent(fixture->fake, "POST", "*"), 1);
}

static void what_is_tried_again_and_what_is_not(void **state)
{
    (void)state;
    static const struct {
        const char *sentence;
        struct fake_answer answer;
        bool is_tried_again;
        bool is_there; /* an earlier try was carried out and its answer lost */
    } rows[] = {
        {"AlreadyExists is not tried again: it is there",
         {.status = 409, .body = "{\"kind\":\"Status\",\"reason\":\"AlreadyExists\"}"},
         false,
         true},
        {"another conflict is not tried again", {.status = 409}, false, false},
        {"a namespace that is going is not tried again",
         {.status = 403,
          .body = "{\"kind\":\"Status\",\"reason\":\"Forbidden\",\"message\":\"unable to create "
                  "new content in "
                  "namespace team because it is being terminated\"}"},
         false,
         false},
        {"an invalid event is not tried again", {.status = 422}, false, false},
        {"a namespace that is gone is not tried again", {.status = 404}, false, false},
        {"a server error is tried again", {.status = 500}, true, false},
        {"too many requests are tried again", {.status = 429}, true, false},
        {"a lost answer is tried again", {.failure = ERROR_LOST, .message = "reset"}, true, false},
        {"a refused connection is tried again",
         {.failure = ERROR_UNAVAILABLE, .message = "refused"},
         true,
         false},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        void *own = NULL;
        (void)set_up(&own);
        struct fixture *fixture = own;
        record(fixture);
        answer(fixture, "POST", rows[at].answer);
        fake_io_advance(fixture->fake, 1000);
        if ((fake_io_sent_count(fixture->fake) == 2) != rows[at].is_tried_again) {
            fail_msg("%s", rows[at].sentence);
        }
        bool is_posted = events_numbers(fixture->events).posted == 1;
        bool is_failed = events_numbers(fixture->events).failed == 1;
        if (is_posted != rows[at].is_there ||
            is_failed != (!rows[at].is_there && !rows[at].is_tried_again)) {
            fail_msg("%s: posted %d, failed %d", rows[at].sentence, is_posted, is_failed);
        }
        (void)tear_down(&own);
    }
}

static void a_few_tries_and_no_more(void **state)
{
    struct fixture *fixture = *state;
    fake_io_script_always(fixture->fake, "POST", EVENTS, (struct fake_answer){.status = 503});
    record(fixture);
    fake_io_advance(fixture->fake, 3600 * 1000);
    assert_int_equal(fake_io_sent_count(fixture->fake), EVENTS_TRIES);
    assert_int_equal(events_numbers(fixture->events).failed, 1);
    assert_int_equal(events_numbers(fixture->events).remembered, 0);
}

static void retry_after_is_kept_to(void **state)
{
    struct fixture *fixture = *state;
    record(fixture);
    answer(fixture, "POST", (struct fake_answer){.status = 429, .retry_after_seconds = 7});
    fake_io_advance(fixture->fake, 6999);
    assert_int_equal(fake_io_sent_count(fixture->fake), 1);
    fake_io_advance(fixture->fake, 1);
    assert_int_equal(fake_io_sent_count(fixture->fake), 2);
    answer(fixture, "POST", ok);
}

static void a_series_whose_event_was_forgotten_is_posted_anew(void **state)
{
    struct fixture *fixture = *state;
    record(fixture);
    answer(fixture, "POST", ok);
    record(fixture);
    answer(fixture, "PATCH", (struct fake_answer){.status = 404});
    const struct fake_request *request = newest_request(fixture);
    assert_string_equal(request->method, "POST");
    assert_non_null(strstr(request->body, "\"count\":2"));
    answer(fixture, "POST", ok);
    assert_int_equal(fake_io_open_count(fixture->fake), 0);
}

static void names_stay_valid_whatever_the_object_s_name_is(void **state)
{
    struct fixture *fixture = *state;
    char name[300];
    static const size_t lengths[] = {1, 52, 63, 236, 237, 253};
    for (size_t at = 0; at < COUNT_OF(lengths); at++) {
        memset(name, 'a', sizeof(name));
        name[lengths[at]] = '\0';
        if (lengths[at] > 235) {
            name[235] = '-';
            name[234] = '.';
        }
        struct operation operation = run_failed;
        operation.name = name;
        operation.uid = name;
        events_record(fixture->events, &operation);
        const char *begin = strstr(newest_request(fixture)->body, "\"name\":\"a");
        assert_non_null(begin);
        begin += strlen("\"name\":\"");
        size_t length = strcspn(begin, "\"");
        assert_true(length <= 253);
        assert_null(strstr(begin, "-."));
        answer(fixture, "POST", ok);
    }
}

static void nothing_is_sent_without_the_lease(void **state)
{
    struct fixture *fixture = *state;
    fixture->lease.deadline_ms = fake_io_now_ms(fixture->fake);
    record(fixture);
    assert_int_equal(fake_io_sent_count(fixture->fake), 0);
    assert_int_equal(events_numbers(fixture->events).failed, 1);
}

static void what_one_term_recorded_is_not_sent_in_the_next(void **state)
{
    struct fixture *fixture = *state;
    fake_io_script(fixture->fake, "POST", "*", (struct fake_answer){.status = 503});
    record(fixture);
    assert_int_equal(fake_io_sent_count(fixture->fake), 1);
    lease_lose(&fixture->lease);
    lease_win(&fixture->lease, INT64_MAX);
    fake_io_advance(fixture->fake, 60 * 1000);
    assert_int_equal(fake_io_sent_count(fixture->fake), 1);
    assert_int_equal(events_numbers(fixture->events).failed, 1);
}

static void closing_cancels_what_is_under_way(void **state)
{
    struct fixture *fixture = *state;
    struct operation other = run_failed;
    other.message = "other";
    record(fixture);
    events_record(fixture->events, &other);
    answer(fixture, "POST", (struct fake_answer){.status = 500});
    assert_int_equal(fake_io_open_count(fixture->fake), 1);
}

#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(the_first_is_posted_whole),
        ROW(the_second_patches_a_series_and_more_are_counted_in_memory),
        ROW(a_second_while_the_first_is_under_way_waits_for_it),
        ROW(what_differs_in_object_reason_note_or_type_is_another_event),
        ROW(a_series_is_refreshed_every_30_minutes),
        ROW(a_series_that_ended_tells_its_count_and_is_forgotten),
        ROW(an_event_that_comes_back_after_its_end_has_a_name_of_its_own),
        ROW(a_full_queue_drops_and_never_blocks),
        ROW(what_is_remembered_is_bounded),
        ROW(what_is_under_way_is_not_forgotten_for_room),
        ROW(an_event_that_comes_back_while_its_end_is_told_goes_on),
        cmocka_unit_test(what_is_tried_again_and_what_is_not),
        ROW(a_few_tries_and_no_more),
        ROW(retry_after_is_kept_to),
        ROW(a_series_whose_event_was_forgotten_is_posted_anew),
        ROW(names_stay_valid_whatever_the_object_s_name_is),
        ROW(nothing_is_sent_without_the_lease),
        ROW(what_one_term_recorded_is_not_sent_in_the_next),
        ROW(closing_cancels_what_is_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
