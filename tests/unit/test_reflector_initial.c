#include "support/test.h"

#include "core/text.h"
#include "support/reflector_world.h"

#include <stdio.h>
#include <string.h>

/* C6: streaming lists (KEP-3157), from the first object to the watch that they become. */

static const struct fake_answer clean_end = {.status = 200};
static const struct fake_answer refused = {
    .status = 422,
    .body = "{\"kind\":\"Status\",\"code\":422,\"reason\":\"Invalid\",\"message\":\"Forbidden\"}"};

static void c6_the_first_list_asks_for_all_objects_and_their_end_as_a_watch(void **state)
{
    struct reflector_world *world = *state;
    fake_io_fix_random(world->fake, 0);
    reflector_world_stream(world);
    const struct fake_request *request = fake_io_request_of(open_stream(world));
    assert_string_equal(request->path,
                        RUNS_PATH "?watch=true&allowWatchBookmarks=true&sendInitialEvents=true"
                                  "&resourceVersionMatch=NotOlderThan&resourceVersion="
                                  "&timeoutSeconds=300");
    assert_true(request->streams);
    assert_int_equal(request->timeout_ms, 0);
    assert_int_equal(request->idle_ms, REFLECTOR_IDLE_MS);
    assert_int_equal(reflector_numbers(world->reflector)->stream_requests, 1);
}

static void c6_objects_are_kept_aside_and_swapped_in_at_the_last_bookmark(void **state)
{
    struct reflector_world *world = *state;
    reflector_world_stream(world);
    assert_true(feed_stream(world, run_event("ADDED", "a", "1")));
    assert_true(feed_stream(world, run_event("ADDED", "b", "2")));
    assert_true(feed_stream(world, bookmark_event("9")));
    assert_true(feed_stream(world, run_event("MODIFIED", "a", "11")));
    assert_true(feed_stream(world, run_event("ADDED", "c", "3")));
    assert_true(feed_stream(world, run_event("DELETED", "b", "12")));
    assert_true(feed_stream(world, run_event("DELETED", "never-seen", "13")));
    assert_string_equal(cached_runs(world), "");
    assert_false(reflector_health(world->reflector).synced);
    assert_null(cache_resource_version(world->cache, KIND_PIPELINE_RUN));
    assert_true(feed_stream(world, last_bookmark_event("20")));
    assert_string_equal(cached_runs(world), "a@11 c@3 ");
    assert_true(reflector_health(world->reflector).synced);
    assert_string_equal(cache_resource_version(world->cache, KIND_PIPELINE_RUN), "20");
    assert_int_equal(reflector_numbers(world->reflector)->relists, 0);
}

static void c6_the_stream_stays_as_the_watch(void **state)
{
    struct reflector_world *world = *state;
    reflector_world_stream(world);
    assert_true(feed_stream(world, run_event("ADDED", "a", "1")));
    assert_true(feed_stream(world, last_bookmark_event("10")));
    assert_true(feed_stream(world, run_event("MODIFIED", "a", "11")));
    assert_string_equal(cached_runs(world), "a@11 ");
    assert_true(feed_stream(world, run_event("DELETED", "a", "12")));
    assert_string_equal(cached_runs(world), "");
    assert_true(feed_stream(world, bookmark_event("30")));
    assert_int_equal(reflector_numbers(world->reflector)->stream_requests, 1);
    assert_int_equal(reflector_numbers(world->reflector)->watch_requests, 0);
    end_stream(world, clean_end);
    assert_non_null(open_watch(world));
    assert_non_null(strstr(open_path(world), "&resourceVersion=30&"));
    assert_int_equal(reflector_numbers(world->reflector)->list_requests, 0);
}

static void c6_a_stream_that_is_a_watch_by_now_ends_as_one(void **state)
{
    static const struct {
        const char *name;
        const char *feeds; /* ends the stream; else `answer` does */
        struct fake_answer answer;
        int64_t lasts_ms; /* since the last bookmark of the list */
        bool rests;
        bool lists;
    } rows[] = {
        {"the server's time is over", NULL, {.status = 200}, 1000, false, false},
        {"a quick end", NULL, {.status = 200}, 10, true, false},
        {"lost", NULL, {.failure = ERROR_LOST}, 5000, false, false},
        {"bytes that are no event", "<html>\n", {0}, 5000, true, true},
        {"ERROR 410",
         "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":410}}\n",
         {0},
         5000,
         false,
         true},
        {"ERROR 500",
         "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":500}}\n",
         {0},
         5000,
         true,
         false},
    };
    struct reflector_world *world = *state;
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        reflector_world_restart(world);
        reflector_world_stream(world);
        assert_true(feed_stream(world, run_event("ADDED", "a", "1")));
        fake_io_advance(world->fake, 5000);
        assert_true(feed_stream(world, last_bookmark_event("10")));
        fake_io_advance(world->fake, rows[at].lasts_ms);
        if (rows[at].feeds) {
            assert_false(feed_stream(world, rows[at].feeds));
        } else {
            end_stream(world, rows[at].answer);
        }
        if ((pause_of(world) >= 0) != rows[at].rests) {
            fail_msg("%s: a pause of %d ms", rows[at].name, (int)pause_of(world));
        }
        fake_io_advance(world->fake, rows[at].rests ? pause_of(world) : 0);
        if (!(rows[at].lists ? open_stream(world) : open_watch(world))) {
            fail_msg("%s: went on with %s", rows[at].name, open_path(world));
        }
    }
}

static void c6_a_relist_streams_too_and_tells_of_what_is_gone(void **state)
{
    struct reflector_world *world = *state;
    reflector_world_stream(world);
    assert_true(feed_stream(world, run_event("ADDED", "a", "1")));
    assert_true(feed_stream(world, run_event("ADDED", "b", "2")));
    assert_true(feed_stream(world, last_bookmark_event("10")));
    end_stream(world, (struct fake_answer){.failure = ERROR_LOST});
    fake_io_advance(world->fake, pause_of(world));
    end_watch(world, (struct fake_answer){.status = 410, .body = ""});
    assert_true(feed_stream(world, run_event("ADDED", "b", "2")));
    assert_string_equal(cached_runs(world), "a@1 b@2 ");
    assert_true(feed_stream(world, last_bookmark_event("50")));
    assert_string_equal(cached_runs(world), "b@2 ");
    assert_int_equal(reflector_numbers(world->reflector)->relists, 1);
    assert_int_equal(reflector_numbers(world->reflector)->stream_requests, 2);
}

enum next { STREAM_LATER, LIST_AT_ONCE };

struct ending {
    const char *name;
    const char *feeds; /* ends the stream; NULL: `answer` does */
    struct fake_answer answer;
    enum next next;
};

/* As Kubernetes 1.36 says it right after a CRD was made. */
#define UNREADY                                                                          \
    "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\"," \
    "\"message\":"                                                                       \
    "\"storage is (re)initializing\",\"reason\":\"TooManyRequests\",\"details\":"        \
    "{\"retryAfterSeconds\":1},\"code\":429}\n"

static const struct ending ending_rows[] = {
    {"closed on the way", NULL, {.status = 200}, STREAM_LATER},
    {"lost on the way", NULL, {.failure = ERROR_LOST}, STREAM_LATER},
    {"no connection", NULL, {.failure = ERROR_UNAVAILABLE}, STREAM_LATER},
    {"no credential", NULL, {.failure = ERROR_UNAUTHORIZED}, STREAM_LATER},
    {"401", NULL, {.status = 401, .body = ""}, STREAM_LATER},
    {"429", NULL, {.status = 429, .body = ""}, STREAM_LATER},
    {"500", NULL, {.status = 500, .body = ""}, STREAM_LATER},
    {"503", NULL, {.status = 503, .body = ""}, STREAM_LATER},
    {"the watch cache is behind etcd",
     NULL,
     {.status = 504,
      .body = "{\"kind\":\"Status\",\"code\":504,\"reason\":\"Timeout\",\"message\":"
              "\"Too large resource version: 10, current: 3\"}"},
     STREAM_LATER},
    {"410, that must not be", NULL, {.status = 410, .body = ""}, STREAM_LATER},
    {"ERROR 500 in the stream",
     "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":500}}\n",
     {0},
     STREAM_LATER},
    {"ERROR 429 in the stream",
     "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":429}}\n",
     {0},
     STREAM_LATER},
    {"429 while the watch cache is filled",
     NULL,
     {.status = 429, .retry_after_seconds = 1, .body = UNREADY},
     LIST_AT_ONCE},
    {"400: an unknown parameter", NULL, {.status = 400, .body = ""}, LIST_AT_ONCE},
    {"403: lists are allowed, watches are not", NULL, {.status = 403, .body = ""}, LIST_AT_ONCE},
    {"404", NULL, {.status = 404, .body = ""}, LIST_AT_ONCE},
    {"422: a server without streaming lists", NULL, {.status = 422, .body = ""}, LIST_AT_ONCE},
    {"ERROR 403 in the stream",
     "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":403}}\n",
     {0},
     LIST_AT_ONCE},
    {"a list in the place of a stream", "{\"kind\":\"PipelineRunList\"}\n", {0}, LIST_AT_ONCE},
    {"bytes that are no event", "<html>\n", {0}, LIST_AT_ONCE},
    {"an end without a resourceVersion",
     "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"annotations\":"
     "{\"k8s.io/initial-events-end\":\"true\"}}}}\n",
     {0},
     LIST_AT_ONCE},
    {"a failure that nobody thought of", NULL, {.failure = ERROR_IO}, LIST_AT_ONCE},
};

static void c6_what_ends_a_stream_early_decides_between_trying_again_and_a_list(void **state)
{
    struct reflector_world *world = *state;
    for (size_t at = 0; at < COUNT_OF(ending_rows); at++) {
        reflector_world_restart(world);
        reflector_world_stream(world);
        bool begins = ending_rows[at].feeds || ending_rows[at].answer.status == 200;
        assert_true(!begins || feed_stream(world, run_event("ADDED", "half", "1")));
        if (ending_rows[at].feeds) {
            assert_false(feed_stream(world, ending_rows[at].feeds));
        } else {
            end_stream(world, ending_rows[at].answer);
        }
        int64_t pause = pause_of(world);
        if (ending_rows[at].next == STREAM_LATER ? pause < 800 || pause >= 1600 : pause >= 0) {
            fail_msg("%s: a pause of %d ms", ending_rows[at].name, (int)pause);
        }
        if (ending_rows[at].next == STREAM_LATER) {
            assert_non_null(reflector_health(world->reflector).error);
            fake_io_advance(world->fake, pause);
        }
        if (!(ending_rows[at].next == STREAM_LATER ? open_stream(world) : open_list(world))) {
            fail_msg("%s: went on with %s", ending_rows[at].name, open_path(world));
        }
        /* Nothing of the half stream is left. */
        if (open_stream(world)) {
            assert_true(feed_stream(world, last_bookmark_event("20")));
        } else {
            assert_string_equal(open_path(world), RUNS_PATH "?limit=500");
            end_list(world, (struct fake_answer){.status = 200, .body = list_page("", "20", NULL)});
            assert_non_null(open_watch(world));
        }
        assert_string_equal(cached_runs(world), "");
        assert_true(reflector_health(world->reflector).synced);
        assert_null(reflector_health(world->reflector).error);
    }
}

static void c6_retry_after_is_kept_to(void **state)
{
    struct reflector_world *world = *state;
    reflector_world_stream(world);
    end_stream(world,
               (struct fake_answer){.status = 429, .retry_after_seconds = 7, .body = "busy"});
    assert_int_equal(pause_of(world), 7000);
}

static void end_watch_as_expired(struct reflector_world *world)
{
    feed_watch(world, bookmark_event("21")); /* so that it does not expire in vain */
    end_watch(world, (struct fake_answer){.status = 410, .body = ""});
}

/* One that is not ready for lists either says so again, and is given its second. */
static void c6_a_server_whose_cache_is_not_ready_is_asked_for_a_list_once(void **state)
{
    struct reflector_world *world = *state;
    struct fake_answer unready = {.status = 429, .retry_after_seconds = 1, .body = UNREADY};
    reflector_world_stream(world);
    end_stream(world, unready);
    assert_string_equal(open_path(world), RUNS_PATH "?limit=500");
    end_list(world, unready);
    assert_true(pause_of(world) >= 1000);
    fake_io_advance(world->fake, pause_of(world));
    end_stream(world, unready);
    end_list(world, (struct fake_answer){.status = 200, .body = list_page("", "20", NULL)});
    assert_true(reflector_health(world->reflector).synced);
    /* The watch of what was listed is refused as well: it is the same cache. */
    end_watch(world, unready);
    assert_true(pause_of(world) >= 1000);
    fake_io_advance(world->fake, pause_of(world));
    assert_non_null(open_watch(world));
    end_watch_as_expired(world);
    assert_non_null(open_stream(world)); /* it has streaming lists, and they are tried again */
}

static void c6_a_server_without_streams_is_not_asked_again_for_10_minutes(void **state)
{
    struct reflector_world *world = *state;
    reflector_world_stream(world);
    end_stream(world, refused);
    for (int at = 0; at < 5; at++) {
        end_list(world, (struct fake_answer){.status = 200, .body = list_page("", "20", NULL)});
        fake_io_advance(world->fake, 119 * 1000);
        end_watch_as_expired(world);
    }
    assert_int_equal(reflector_numbers(world->reflector)->stream_requests, 1);
    end_list(world, (struct fake_answer){.status = 500, .body = ""});
    fake_io_advance(world->fake, pause_of(world));
    end_list(world, (struct fake_answer){.status = 200, .body = list_page("", "20", NULL)});
    fake_io_advance(world->fake, 10 * 1000);
    end_watch_as_expired(world);
    assert_int_equal(reflector_numbers(world->reflector)->stream_requests, 2);
    assert_true(feed_stream(world, last_bookmark_event("30")));
    assert_int_equal(reflector_world_logged("level=warning"), 1);
}

static void c6_streams_that_keep_failing_lead_to_a_list_after_30_s(void **state)
{
    static const struct {
        const char *name;
        struct fake_answer answer;
    } rows[] = {
        {"500", {.status = 500, .body = ""}},
        {"always lost on the way", {.failure = ERROR_LOST}},
        {"always closed on the way", {.status = 200}},
    };
    struct reflector_world *world = *state;
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        reflector_world_restart(world);
        reflector_world_stream(world);
        int64_t began = fake_io_now_ms(world->fake);
        int streams = 0;
        while (open_stream(world)) {
            assert_true(++streams < 100);
            end_stream(world, rows[at].answer);
            int64_t pause = pause_of(world);
            fake_io_advance(world->fake, pause >= 0 ? pause : 0);
        }
        int64_t took = fake_io_now_ms(world->fake) - began;
        if (!open_list(world) || took < 30000 || took > 180000 || streams < 4) {
            fail_msg("%s: %s after %d ms and %d streams", rows[at].name, open_path(world),
                     (int)took, streams);
        }
        /* A list that fails too rests; then the stream is tried again. */
        end_list(world, (struct fake_answer){.status = 500, .body = ""});
        assert_true(pause_of(world) >= 800);
        fake_io_advance(world->fake, pause_of(world));
        assert_true(feed_stream(world, last_bookmark_event("20")));
        assert_true(reflector_health(world->reflector).synced);
    }
}

static void c6_no_connection_never_leads_to_a_list_however_long_it_lasts(void **state)
{
    struct reflector_world *world = *state;
    reflector_world_stream(world);
    for (int at = 0; at < 50; at++) {
        end_stream(world, (struct fake_answer){.failure = ERROR_UNAVAILABLE});
        fake_io_advance(world->fake, pause_of(world));
    }
    assert_non_null(open_stream(world));
    assert_int_equal(reflector_numbers(world->reflector)->list_requests, 0);
}

static void c6_a_stream_that_never_says_its_end_leads_to_a_list_after_120_s(void **state)
{
    struct reflector_world *world = *state;
    reflector_world_stream(world);
    assert_true(feed_stream(world, run_event("ADDED", "a", "1")));
    fake_io_advance(world->fake, 60 * 1000);
    assert_true(feed_stream(world, bookmark_event("10")));
    fake_io_advance(world->fake, 60 * 1000 - 1);
    assert_true(feed_stream(world, bookmark_event("11")));
    fake_io_advance(world->fake, 1);
    assert_false(feed_stream(world, bookmark_event("12")));
    assert_string_equal(open_path(world), RUNS_PATH "?limit=500");
}

static void c6_a_slow_stream_that_is_whole_at_last_counts(void **state)
{
    struct reflector_world *world = *state;
    reflector_world_stream(world);
    fake_io_advance(world->fake, 140 * 1000);
    assert_true(feed_stream(world, last_bookmark_event("10")));
    assert_true(reflector_health(world->reflector).synced);
}

static void c6_a_last_bookmark_in_mid_watch_is_one_like_any_other(void **state)
{
    struct reflector_world *world = *state;
    reflector_world_sync(world, "a@1", "10");
    feed_watch(world, last_bookmark_event("20"));
    assert_string_equal(cached_runs(world), "a@1 ");
    assert_string_equal(cache_resource_version(world->cache, KIND_PIPELINE_RUN), "20");
}

static void c6_an_annotation_with_another_value_ends_nothing(void **state)
{
    struct reflector_world *world = *state;
    reflector_world_stream(world);
    static const char *const values[] = {"\"false\"", "\"\"", "true", "null", "{}"};
    for (size_t at = 0; at < COUNT_OF(values); at++) {
        char text[256];
        (void)snprintf(text, sizeof(text),
                       "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"7\","
                       "\"annotations\":{\"k8s.io/initial-events-end\":%s}}}}\n",
                       values[at]);
        assert_true(feed_stream(world, text));
    }
    assert_false(reflector_health(world->reflector).synced);
}

static void c6_an_object_over_the_maximum_is_listed_in_its_place(void **state)
{
    struct reflector_world *world = *state;
    reflector_world_stream(world);
    static char block[64 * 1024 + 1];
    memset(block, 'x', sizeof(block) - 1);
    assert_true(feed_stream(world, "{\"type\":\"ADDED\",\"object\":{\"junk\":\""));
    while (open_stream(world) && feed_stream(world, block)) {
    }
    assert_string_equal(open_path(world), RUNS_PATH "?limit=500");
}

static void x3_a_poison_object_in_a_stream_stops_nobody_else(void **state)
{
    struct reflector_world *world = *state;
    reflector_world_stream(world);
    assert_true(feed_stream(world, run_event("ADDED", "a", "1")));
    assert_true(feed_stream(world, poison_event("ADDED", "b", "2")));
    assert_true(feed_stream(world, poison_event("MODIFIED", "a", "3")));
    assert_true(feed_stream(world, poison_event("ADDED", "gone", "4")));
    assert_true(feed_stream(world, poison_event("DELETED", "gone", "5")));
    assert_true(feed_stream(world, run_event("ADDED", "c", "6")));
    assert_true(feed_stream(world, last_bookmark_event("10")));
    assert_string_equal(cached_runs(world), "c@6 ");
    assert_non_null(cache_find_unreadable(world->cache, KIND_PIPELINE_RUN, "ns", "a"));
    assert_non_null(cache_find_unreadable(world->cache, KIND_PIPELINE_RUN, "ns", "b"));
    assert_null(cache_find_unreadable(world->cache, KIND_PIPELINE_RUN, "ns", "gone"));
    assert_int_equal(reflector_numbers(world->reflector)->poisons, 4);
}

static void c6_a_watch_that_expires_at_once_after_each_stream_does_not_become_a_loop(void **state)
{
    struct reflector_world *world = *state;
    const char *expired = ERROR_EVENT(410, "Expired", "too old");
    reflector_world_stream(world);
    assert_true(feed_stream(world, last_bookmark_event("10")));
    assert_false(feed_stream(world, expired));
    assert_true(feed_stream(world, last_bookmark_event("11")));
    assert_false(feed_stream(world, expired));
    assert_in_range(pause_of(world), 800, 1599);
}

static void c6_a_stream_is_left_at_any_byte_and_begun_anew(void **state)
{
    struct reflector_world *world = *state;
    char text[4096];
    (void)snprintf(text, sizeof(text), "%s%s%s", run_event("ADDED", "a", "1"),
                   run_event("ADDED", "b", "2"), last_bookmark_event("10"));
    size_t size = strlen(text);
    for (size_t at = 0; at < size; at++) {
        reflector_world_restart(world);
        reflector_world_stream(world);
        assert_true(fake_io_feed(world->fake, open_stream(world), text, at));
        assert_string_equal(cached_runs(world), "");
        if (at % 2) {
            reflector_stop(world->reflector);
            reflector_start(world->reflector);
        } else {
            end_stream(world, (struct fake_answer){.failure = ERROR_LOST});
            fake_io_advance(world->fake, pause_of(world));
        }
        assert_true(feed_stream(world, text));
        assert_string_equal(cached_runs(world), "a@1 b@2 ");
    }
}

#define ROW(function) \
    cmocka_unit_test_setup_teardown(function, reflector_world_set_up, reflector_world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(c6_the_first_list_asks_for_all_objects_and_their_end_as_a_watch),
        ROW(c6_objects_are_kept_aside_and_swapped_in_at_the_last_bookmark),
        ROW(c6_the_stream_stays_as_the_watch),
        ROW(c6_a_stream_that_is_a_watch_by_now_ends_as_one),
        ROW(c6_a_relist_streams_too_and_tells_of_what_is_gone),
        ROW(c6_what_ends_a_stream_early_decides_between_trying_again_and_a_list),
        ROW(c6_retry_after_is_kept_to),
        ROW(c6_a_server_whose_cache_is_not_ready_is_asked_for_a_list_once),
        ROW(c6_a_server_without_streams_is_not_asked_again_for_10_minutes),
        ROW(c6_streams_that_keep_failing_lead_to_a_list_after_30_s),
        ROW(c6_no_connection_never_leads_to_a_list_however_long_it_lasts),
        ROW(c6_a_stream_that_never_says_its_end_leads_to_a_list_after_120_s),
        ROW(c6_a_slow_stream_that_is_whole_at_last_counts),
        ROW(c6_a_last_bookmark_in_mid_watch_is_one_like_any_other),
        ROW(c6_an_annotation_with_another_value_ends_nothing),
        ROW(c6_an_object_over_the_maximum_is_listed_in_its_place),
        ROW(x3_a_poison_object_in_a_stream_stops_nobody_else),
        ROW(c6_a_watch_that_expires_at_once_after_each_stream_does_not_become_a_loop),
        ROW(c6_a_stream_is_left_at_any_byte_and_begun_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
