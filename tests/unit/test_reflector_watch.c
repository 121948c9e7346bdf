#include "support/test.h"

#include "core/text.h"
#include "support/reflector_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* WATCH: what it asks for, what its events do, and what follows each way that it ends. */

static const struct fake_answer clean_end = {.status = 200};

static int timeout_seconds(struct reflector_world *world)
{
    const char *at = strstr(open_path(world), "timeoutSeconds=");
    assert_non_null(at);
    return atoi(at + strlen("timeoutSeconds="));
}

static void c2_a_watch_asks_for_bookmarks_and_ends_between_300_and_600_seconds(void **state)
{
    enum { DRAWS = 3000 };
    struct reflector_world *world = *state;
    reflector_world_sync(world, "", "77");
    int low = 1000;
    int high = 0;
    for (int at = 0; at < DRAWS; at++) {
        int seconds = timeout_seconds(world);
        low = seconds < low ? seconds : low;
        high = seconds > high ? seconds : high;
        assert_non_null(strstr(open_path(world), "&allowWatchBookmarks=true&"));
        assert_non_null(strstr(open_path(world), "&resourceVersion=77&"));
        fake_io_advance(world->fake, 2000);
        end_watch(world, clean_end);
        fake_io_forget(world->fake);
    }
    assert_int_equal(low, 300);
    assert_int_equal(high, 600);
}

static void events_bring_objects_change_them_and_take_them_away(void **state)
{
    struct reflector_world *world = *state;
    reflector_world_sync(world, "a@1", "10");
    feed_watch(world, run_event("ADDED", "b", "11"));
    feed_watch(world, run_event("MODIFIED", "a", "12"));
    assert_string_equal(cached_runs(world), "a@12 b@11 ");
    feed_watch(world, run_event("DELETED", "b", "13"));
    assert_string_equal(cached_runs(world), "a@12 ");
    assert_string_equal(cache_resource_version(world->cache, KIND_PIPELINE_RUN), "13");
    const struct reflector_numbers *numbers = reflector_numbers(world->reflector);
    assert_int_equal(numbers->events[WATCH_ADDED], 1);
    assert_int_equal(numbers->events[WATCH_MODIFIED], 1);
    assert_int_equal(numbers->events[WATCH_DELETED], 1);
    assert_true(numbers->bytes > 300);
}

static void c3_a_bookmark_moves_the_version_and_nothing_else(void **state)
{
    struct reflector_world *world = *state;
    reflector_world_sync(world, "a@1", "10");
    feed_watch(world, bookmark_event("50"));
    assert_string_equal(cached_runs(world), "a@1 ");
    end_watch(world, clean_end);
    assert_non_null(strstr(open_path(world), "&resourceVersion=50&"));
}

static void c3_an_unknown_event_type_is_logged_and_skipped(void **state)
{
    struct reflector_world *world = *state;
    reflector_world_sync(world, "a@1", "10");
    feed_watch(world, run_event("RENAMED", "a", "11"));
    feed_watch(world, run_event("ADDED", "b", "12"));
    assert_string_equal(cached_runs(world), "a@1 b@12 ");
    assert_int_equal(reflector_world_logged("RENAMED"), 1);
    assert_int_equal(reflector_numbers(world->reflector)->events[WATCH_UNKNOWN], 1);
}

static void c3_an_object_of_a_wrong_kind_is_logged_and_skipped(void **state)
{
    struct reflector_world *world = *state;
    reflector_world_sync(world, "a@1", "10");
    feed_watch(world, "{\"type\":\"ADDED\",\"object\":{\"apiVersion\":\"v1\",\"kind\":\"Pod\","
                      "\"metadata\":{\"name\":\"x\",\"namespace\":\"ns\",\"uid\":\"u\","
                      "\"resourceVersion\":\"11\"}}}\n");
    feed_watch(world, run_event("ADDED", "b", "12"));
    assert_string_equal(cached_runs(world), "a@1 b@12 ");
    assert_int_equal(reflector_world_logged("ns/x"), 1);
}

static void x3_a_poison_object_stops_nobody_else_and_is_logged_once(void **state)
{
    struct reflector_world *world = *state;
    reflector_world_sync(world, "a@1 b@2", "10");
    feed_watch(world, poison_event("MODIFIED", "a", "11"));
    feed_watch(world, poison_event("MODIFIED", "a", "11"));
    feed_watch(world, run_event("MODIFIED", "b", "12"));
    assert_string_equal(cached_runs(world), "b@12 ");
    assert_non_null(cache_find_unreadable(world->cache, KIND_PIPELINE_RUN, "ns", "a"));
    assert_int_equal(reflector_world_logged("ns/a"), 1);
    assert_int_equal(reflector_numbers(world->reflector)->poisons, 2);
    end_watch(world, clean_end);
    assert_non_null(strstr(open_path(world), "&resourceVersion=12&"));
    feed_watch(world, poison_event("MODIFIED", "a", "13"));
    assert_int_equal(reflector_world_logged("ns/a"), 2);
    feed_watch(world, run_event("MODIFIED", "a", "14"));
    assert_string_equal(cached_runs(world), "a@14 b@12 ");
    feed_watch(world, poison_event("DELETED", "b", "15"));
    assert_string_equal(cached_runs(world), "a@14 ");
    assert_null(cache_find_unreadable(world->cache, KIND_PIPELINE_RUN, "ns", "b"));
}

enum next { WATCH_AT_ONCE, LIST_AT_ONCE, WATCH_LATER, LIST_LATER };

struct ending {
    const char *name;
    int64_t lasts_ms;   /* before it ends */
    const char *feeds;  /* bytes before that, or NULL */
    bool ends_by_bytes; /* `feeds` ends it, no answer is given */
    struct fake_answer answer;
    enum next next;
};

static void check_next(struct reflector_world *world, const struct ending *row)
{
    bool later = row->next == WATCH_LATER || row->next == LIST_LATER;
    bool list = row->next == LIST_AT_ONCE || row->next == LIST_LATER;
    int64_t pause = pause_of(world);
    if (later && (pause < 800 || pause >= 1600)) {
        fail_msg("%s: pause %d", row->name, (int)pause);
    }
    if (later) {
        fake_io_advance(world->fake, pause - 1);
        if (fake_io_open_count(world->fake) != 0) {
            fail_msg("%s: too early", row->name);
        }
        fake_io_advance(world->fake, 1);
    }
    if (!(list ? open_list(world) : open_watch(world))) {
        fail_msg("%s: went on with %s", row->name, open_path(world));
    }
    if (list && !text_equal(open_path(world), RUNS_PATH "?limit=500")) {
        fail_msg("%s: lists %s", row->name, open_path(world));
    }
    if (!list && !strstr(open_path(world), "&resourceVersion=10&")) {
        fail_msg("%s: watches %s", row->name, open_path(world));
    }
}

static const struct ending endings[] = {
    {"the server's time is over", 300000, NULL, false, {.status = 200}, WATCH_AT_ONCE},
    {"a quick end after an event",
     10,
     RUN_EVENT("MODIFIED", RUN_JSON("a", "10", "{}")),
     false,
     {.status = 200},
     WATCH_AT_ONCE},
    {"a quick end after a bookmark",
     10,
     BOOKMARK_EVENT("10"),
     false,
     {.status = 200},
     WATCH_AT_ONCE},
    {"an end after a second and no event", 1000, NULL, false, {.status = 200}, WATCH_AT_ONCE},
    {"an end under a second and no event", 999, NULL, false, {.status = 200}, WATCH_LATER},
    {"an end in the middle of a line",
     5000,
     "{\"type\":\"ADD",
     false,
     {.status = 200},
     WATCH_AT_ONCE},
    {"a connection lost after a while", 5000, NULL, false, {.failure = ERROR_LOST}, WATCH_AT_ONCE},
    {"a connection lost at once", 1, NULL, false, {.failure = ERROR_LOST}, WATCH_LATER},
    {"no connection", 1, NULL, false, {.failure = ERROR_UNAVAILABLE}, WATCH_LATER},
    {"429", 1, NULL, false, {.status = 429, .body = ""}, WATCH_LATER},
    {"429 in the stream",
     1,
     ERROR_EVENT(429, "TooManyRequests", "slow down"),
     true,
     {0},
     WATCH_LATER},
    {"401 while a token is renewed", 1, NULL, false, {.status = 401, .body = ""}, WATCH_LATER},
    {"ERROR 500 in the stream",
     5000,
     ERROR_EVENT(500, "InternalError", "etcd is away"),
     true,
     {0},
     WATCH_LATER},
    {"500", 1, NULL, false, {.status = 500, .body = ""}, WATCH_LATER},
    {"503", 5000, NULL, false, {.status = 503, .body = "overloaded"}, WATCH_LATER},
    {"410", 1, NULL, false, {.status = 410, .body = ""}, LIST_AT_ONCE},
    {"ERROR 410 Expired in the stream",
     1,
     ERROR_EVENT(410, "Expired", "too old resource version: 10 (99)"),
     true,
     {0},
     LIST_AT_ONCE},
    {"ERROR 410 Gone in the stream",
     5000,
     ERROR_EVENT(410, "Gone", "gone"),
     true,
     {0},
     LIST_AT_ONCE},
    {"ERROR Gone without a code", 5000, ERROR_EVENT(0, "Gone", "gone"), true, {0}, LIST_AT_ONCE},
    {"a resourceVersion too large",
     3000,
     NULL,
     false,
     {.status = 504,
      .body = "{\"kind\":\"Status\",\"code\":504,\"reason\":\"Timeout\",\"message\":"
              "\"Too large resource version: 10, current: 3\"}"},
     LIST_AT_ONCE},
    {"400", 1, NULL, false, {.status = 400, .body = ""}, LIST_LATER},
    {"403", 1, NULL, false, {.status = 403, .body = ""}, LIST_LATER},
    {"404: the kind is gone", 1, NULL, false, {.status = 404, .body = ""}, LIST_LATER},
    {"ERROR 403 in the stream",
     5000,
     ERROR_EVENT(403, "Forbidden", "no more"),
     true,
     {0},
     LIST_LATER},
    {"ERROR with no status", 5000, "{\"type\":\"ERROR\",\"object\":null}\n", true, {0}, LIST_LATER},
    {"bytes that are no event", 5000, "<html>\n", true, {0}, LIST_LATER},
    {"JSON that is no event", 5000, "[1]\n", true, {0}, LIST_LATER},
    {"a failure that nobody thought of", 5000, NULL, false, {.failure = ERROR_IO}, LIST_LATER},
};

static void c4_how_a_watch_ends_decides_what_comes_next(void **state)
{
    struct reflector_world *world = *state;
    for (size_t at = 0; at < COUNT_OF(endings); at++) {
        const struct ending *row = &endings[at];
        reflector_world_restart(world);
        reflector_world_sync(world, "a@10", "10");
        /* In steps below the idle limit: something else than the row would end it. */
        for (int64_t left = row->lasts_ms; left > 0; left -= 100000) {
            fake_io_advance(world->fake, left < 100000 ? left : 100000);
            if (left > 100000) {
                feed_watch(world, "\n");
            }
        }
        struct io_call *call = open_watch(world);
        bool alive = !row->feeds || fake_io_feed_text(world->fake, call, row->feeds);
        if (alive == row->ends_by_bytes) {
            fail_msg("%s: the stream is %s", row->name, alive ? "open" : "over");
        }
        if (alive) {
            fake_io_finish(world->fake, call, row->answer);
        }
        check_next(world, row);
    }
}

static void c4_what_one_watch_said_does_not_judge_the_next(void **state)
{
    struct reflector_world *world = *state;
    reflector_world_sync(world, "a@10", "10");
    feed_watch(world, ERROR_EVENT(500, "InternalError", "etcd is away"));
    fake_io_advance(world->fake, pause_of(world));
    fake_io_advance(world->fake, 5000);
    end_watch(world, clean_end);
    assert_non_null(open_watch(world));
    assert_null(reflector_health(world->reflector).error);
}

static void c4_watches_that_keep_failing_lead_to_a_list_after_30_s(void **state)
{
    static const struct {
        const char *name;
        struct fake_answer answer;
    } rows[] = {
        {"500", {.status = 500, .body = ""}},
        {"ends at once", {.status = 200}},
        {"lost at once", {.failure = ERROR_LOST}},
    };
    struct reflector_world *world = *state;
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        reflector_world_restart(world);
        reflector_world_sync(world, "a@10", "10");
        int64_t began = fake_io_now_ms(world->fake);
        int watches = 0;
        while (open_watch(world)) {
            assert_true(++watches < 100);
            end_watch(world, rows[at].answer);
            fake_io_advance(world->fake, pause_of(world));
        }
        int64_t took = fake_io_now_ms(world->fake) - began;
        if (took < 30000 || took > 180000 || watches < 4) {
            fail_msg("%s: a list after %d ms and %d watches", rows[at].name, (int)took, watches);
        }
        end_list(world, (struct fake_answer){.status = 200, .body = list_page("", "20", NULL)});
        assert_non_null(strstr(open_path(world), "&resourceVersion=20&"));
    }
}

static void c4_no_connection_never_leads_to_a_list_however_long_it_lasts(void **state)
{
    struct reflector_world *world = *state;
    reflector_world_sync(world, "a@10", "10");
    for (int at = 0; at < 50; at++) {
        end_watch(world, (struct fake_answer){.failure = ERROR_UNAVAILABLE});
        fake_io_advance(world->fake, pause_of(world));
    }
    assert_non_null(open_watch(world));
    assert_int_equal(reflector_numbers(world->reflector)->list_requests, 1);
}

static void c4_a_list_that_is_always_too_old_does_not_become_a_loop(void **state)
{
    struct reflector_world *world = *state;
    struct fake_answer gone = {.status = 410, .body = ""};
    reflector_world_sync(world, "", "10");
    end_watch(world, gone);
    end_list(world, (struct fake_answer){.status = 200, .body = list_page("", "11", NULL)});
    end_watch(world, gone);
    assert_in_range(pause_of(world), 800, 1599);
    fake_io_advance(world->fake, 1600);
    end_list(world, (struct fake_answer){.status = 200, .body = list_page("", "12", NULL)});
    feed_watch(world, bookmark_event("13"));
    end_watch(world, gone);
    assert_non_null(open_list(world));
}

/* Pauses of a row of refusals, with a random source that always draws the same. */
static void check_pauses(struct reflector_world *world, uint64_t random, const int64_t *expected,
                         size_t count)
{
    fake_io_fix_random(world->fake, random);
    reflector_world_sync(world, "", "10");
    for (size_t at = 0; at < count; at++) {
        end_watch(world, (struct fake_answer){.failure = ERROR_UNAVAILABLE});
        assert_int_equal(pause_of(world), expected[at]);
        fake_io_advance(world->fake, expected[at]);
    }
}

static void c5_pauses_double_from_800_ms_to_30_s_and_are_jittered_up_to_twice(void **state)
{
    static const int64_t low[] = {800, 1600, 3200, 6400, 12800, 25600, 30000, 30000, 30000};
    struct reflector_world *world = *state;
    check_pauses(world, 0, low, COUNT_OF(low));
    reflector_world_restart(world);
    /* A multiple of every base, less one: draws the last millisecond of each. */
    static const int64_t high[] = {1599, 3199, 6399, 12799, 25599, 51199, 59999, 59999};
    check_pauses(world, UINT64_C(1920000) - 1, high, COUNT_OF(high));
}

static void c5_two_minutes_without_a_pause_begin_anew(void **state)
{
    static const int64_t expected[] = {800, 1600, 3200};
    struct reflector_world *world = *state;
    check_pauses(world, 0, expected, COUNT_OF(expected));
    fake_io_advance(world->fake, 2 * 60 * 1000 - 3200 - 1);
    end_watch(world, (struct fake_answer){.failure = ERROR_UNAVAILABLE});
    assert_int_equal(pause_of(world), 6400);
    fake_io_advance(world->fake, 6400);
    fake_io_advance(world->fake, 2 * 60 * 1000 - 6400);
    end_watch(world, (struct fake_answer){.failure = ERROR_UNAVAILABLE});
    assert_int_equal(pause_of(world), 800);
}

static void c5_a_watch_that_stood_for_10_s_begins_anew(void **state)
{
    static const int64_t expected[] = {800, 1600, 3200};
    struct reflector_world *world = *state;
    check_pauses(world, 0, expected, COUNT_OF(expected));
    fake_io_advance(world->fake, REFLECTOR_STEADY_WATCH_MS - 1);
    end_watch(world, (struct fake_answer){.status = 200});
    end_watch(world, (struct fake_answer){.failure = ERROR_UNAVAILABLE});
    assert_int_equal(pause_of(world), 6400);
    fake_io_advance(world->fake, 6400);
    fake_io_advance(world->fake, REFLECTOR_STEADY_WATCH_MS);
    end_watch(world, (struct fake_answer){.status = 200});
    end_watch(world, (struct fake_answer){.failure = ERROR_UNAVAILABLE});
    assert_int_equal(pause_of(world), 800);
    fake_io_advance(world->fake, 800);
    fake_io_advance(world->fake, REFLECTOR_STEADY_WATCH_MS); /* never let in: nothing stood */
    end_watch(world, (struct fake_answer){.failure = ERROR_UNAVAILABLE});
    assert_int_equal(pause_of(world), 1600);
    fake_io_advance(world->fake, 1600);
    fake_io_advance(world->fake, REFLECTOR_STEADY_WATCH_MS); /* it stood, and failed */
    feed_watch(world, ERROR_EVENT(500, "InternalError", "etcd is away"));
    assert_int_equal(pause_of(world), 3200);
}

static void c9_objects_and_bookmarks_move_what_the_cache_has_reached(void **state)
{
    struct reflector_world *world = *state;
    reflector_world_sync(world, "", "10");
    assert_false(cache_has_reached(world->cache, KIND_PIPELINE_RUN, "11"));
    feed_watch(world, run_event("ADDED", "a", "11"));
    assert_true(cache_has_reached(world->cache, KIND_PIPELINE_RUN, "11"));
    feed_watch(world, bookmark_event("100"));
    assert_true(cache_has_reached(world->cache, KIND_PIPELINE_RUN, "99"));
    feed_watch(world, poison_event("ADDED", "b", "101"));
    assert_true(cache_has_reached(world->cache, KIND_PIPELINE_RUN, "101"));
}

static void c12_a_silent_watch_is_begun_again_after_150_s(void **state)
{
    struct reflector_world *world = *state;
    reflector_world_sync(world, "a@1", "10");
    assert_int_equal(fake_io_request_of(open_watch(world))->idle_ms, 150000);
    assert_int_equal(fake_io_request_of(open_watch(world))->timeout_ms, 0);
    uint64_t first = fake_io_request_of(open_watch(world))->number;
    for (int minute = 0; minute < 5; minute++) {
        fake_io_advance(world->fake, 60000);
        feed_watch(world, bookmark_event("11"));
    }
    assert_int_equal(fake_io_request_of(open_watch(world))->number, first);
    fake_io_advance(world->fake, 149999);
    assert_int_equal(fake_io_request_of(open_watch(world))->number, first);
    fake_io_advance(world->fake, 1);
    assert_int_equal(fake_io_request_of(open_watch(world))->number, first + 1);
    assert_non_null(strstr(open_path(world), "&resourceVersion=11&"));
    assert_int_equal(reflector_numbers(world->reflector)->list_requests, 1);
}

static void c14_a_warning_of_the_api_server_is_logged_once(void **state)
{
    struct reflector_world *world = *state;
    struct fake_answer warned = {.status = 200, .warning = "v1alpha1 is deprecated"};
    reflector_world_start(world);
    end_list(world, (struct fake_answer){.status = 200,
                                         .body = list_page("", "10", NULL),
                                         .warning = "v1alpha1 is deprecated"});
    for (int at = 0; at < 3; at++) {
        fake_io_advance(world->fake, 5000);
        end_watch(world, warned);
    }
    assert_int_equal(reflector_world_logged("v1alpha1 is deprecated"), 1);
    warned.warning = "another one";
    fake_io_advance(world->fake, 5000);
    end_watch(world, warned);
    assert_int_equal(reflector_world_logged("another one"), 1);
}

static void failures_are_logged_with_what_comes_next_and_clean_ends_are_not(void **state)
{
    struct reflector_world *world = *state;
    reflector_world_sync(world, "", "10");
    fake_io_advance(world->fake, 5000);
    end_watch(world, clean_end);
    assert_int_equal(reflector_world_logged("PipelineRun"), 0);
    end_watch(world, (struct fake_answer){.failure = ERROR_UNAVAILABLE, .message = "no route"});
    assert_int_equal(reflector_world_logged("no route"), 1);
    assert_int_equal(reflector_world_logged("watching on"), 1);
    assert_int_equal(reflector_numbers(world->reflector)->outcomes[WATCH_REFUSED], 1);
    assert_int_equal(reflector_numbers(world->reflector)->outcomes[WATCH_ENDED], 1);
}

static void every_outcome_and_event_type_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (int a = 0; a < REFLECTOR_OUTCOME_COUNT; a++) {
        const char *name = reflector_reaction((enum reflector_outcome)a)->name;
        assert_false(text_is_empty(name));
        assert_false(text_is_empty(reflector_reaction((enum reflector_outcome)a)->next));
        for (int b = 0; b < a; b++) {
            assert_string_not_equal(name, reflector_reaction((enum reflector_outcome)b)->name);
        }
    }
    for (int type = 0; type < REFLECTOR_EVENT_TYPE_COUNT; type++) {
        assert_false(text_is_empty(reflector_event_type_name((enum watch_event_type)type)));
    }
}

#define ROW(function) \
    cmocka_unit_test_setup_teardown(function, reflector_world_set_up, reflector_world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(c2_a_watch_asks_for_bookmarks_and_ends_between_300_and_600_seconds),
        ROW(events_bring_objects_change_them_and_take_them_away),
        ROW(c3_a_bookmark_moves_the_version_and_nothing_else),
        ROW(c3_an_unknown_event_type_is_logged_and_skipped),
        ROW(c3_an_object_of_a_wrong_kind_is_logged_and_skipped),
        ROW(x3_a_poison_object_stops_nobody_else_and_is_logged_once),
        ROW(c4_how_a_watch_ends_decides_what_comes_next),
        ROW(c4_what_one_watch_said_does_not_judge_the_next),
        ROW(c4_watches_that_keep_failing_lead_to_a_list_after_30_s),
        ROW(c4_no_connection_never_leads_to_a_list_however_long_it_lasts),
        ROW(c4_a_list_that_is_always_too_old_does_not_become_a_loop),
        ROW(c5_pauses_double_from_800_ms_to_30_s_and_are_jittered_up_to_twice),
        ROW(c5_two_minutes_without_a_pause_begin_anew),
        ROW(c5_a_watch_that_stood_for_10_s_begins_anew),
        ROW(c9_objects_and_bookmarks_move_what_the_cache_has_reached),
        ROW(c12_a_silent_watch_is_begun_again_after_150_s),
        ROW(c14_a_warning_of_the_api_server_is_logged_once),
        ROW(failures_are_logged_with_what_comes_next_and_clean_ends_are_not),
        ROW(every_outcome_and_event_type_has_a_name_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
