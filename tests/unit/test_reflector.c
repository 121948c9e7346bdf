#include "support/test.h"

#include "core/text.h"
#include "support/reflector_world.h"

#include <stdio.h>
#include <string.h>

/* LIST, health, starting and stopping. Watches: test_reflector_watch.c; bytes: .._stream.c. */

static const struct fake_answer gone = {
    .status = 410,
    .body = "{\"kind\":\"Status\",\"code\":410,\"reason\":\"Expired\",\"message\":\"too old\"}"};

static bool path_has(struct reflector_world *world, const char *part)
{
    return strstr(open_path(world), part) != NULL;
}

static void c1_the_first_list_asks_for_pages_of_500_at_the_newest_version(void **state)
{
    struct reflector_world *world = *state;
    reflector_world_start(world);
    const struct fake_request *request = fake_io_request_of(open_list(world));
    assert_string_equal(request->path, RUNS_PATH "?limit=500");
    assert_true(request->timeout_ms > 0);
    assert_int_equal(request->maximum, REFLECTOR_PAGE_MAXIMUM);
}

static void c1_the_cache_of_upstream_s_kinds_asks_for_our_objects_alone(void **state)
{
    struct reflector_world *world = *state;
    struct reflector *jobs = reflector_new(fake_io_seam(world->fake), world->cache, KIND_JOB);
    fake_io_script(
        world->fake, "GET",
        "/apis/batch/v1/jobs?limit=500&labelSelector="
        "app.kubernetes.io%2Fmanaged-by%3Dtidemill",
        (struct fake_answer){.status = 200,
                             .body = "{\"metadata\":{\"resourceVersion\":\"4\"},\"items\":[]}"});
    reflector_start(jobs);
    fake_io_run(world->fake);
    assert_true(cache_is_synced(world->cache, KIND_JOB));
    assert_true(path_has(world, "/apis/batch/v1/jobs?watch=true"));
    assert_true(path_has(world, "&labelSelector=app.kubernetes.io%2Fmanaged-by%3Dtidemill"));
    assert_null(reflector_free(jobs));
}

static void c1_and_c8_pages_are_collected_and_swapped_in_at_the_end(void **state)
{
    struct reflector_world *world = *state;
    reflector_world_start(world);
    end_list(world,
             (struct fake_answer){.status = 200, .body = list_page("a@1 b@2", "10", "to+ken/=")});
    assert_string_equal(open_path(world), RUNS_PATH "?limit=500&continue=to%2Bken%2F%3D");
    assert_string_equal(cached_runs(world), "");
    assert_false(reflector_health(world->reflector).synced);
    assert_null(cache_resource_version(world->cache, KIND_PIPELINE_RUN));
    end_list(world, (struct fake_answer){.status = 200, .body = list_page("c@3", "11", NULL)});
    assert_string_equal(cached_runs(world), "a@1 b@2 c@3 ");
    assert_true(reflector_health(world->reflector).synced);
    assert_true(path_has(world, "resourceVersion=10&"));
    assert_int_equal(reflector_numbers(world->reflector)->list_requests, 2);
}

static void c1_a_page_that_expired_leads_to_one_list_without_limit_at_once(void **state)
{
    struct reflector_world *world = *state;
    reflector_world_start(world);
    end_list(world, (struct fake_answer){.status = 200, .body = list_page("old@1", "10", "t")});
    end_list(world, gone);
    assert_string_equal(open_path(world), RUNS_PATH "?resourceVersion=");
    end_list(world, (struct fake_answer){.status = 200, .body = list_page("a@2", "20", NULL)});
    assert_string_equal(cached_runs(world), "a@2 ");
    assert_true(path_has(world, "watch=true"));
}

static void c1_a_list_in_one_piece_that_expires_too_is_a_failure(void **state)
{
    struct reflector_world *world = *state;
    reflector_world_start(world);
    end_list(world, gone);
    end_list(world, gone);
    assert_in_range(pause_of(world), 800, 1599);
    fake_io_advance(world->fake, 1600);
    assert_string_equal(open_path(world), RUNS_PATH "?limit=500");
}

static void c1_a_version_too_large_leads_to_a_list_at_once(void **state)
{
    struct reflector_world *world = *state;
    reflector_world_start(world);
    end_list(world, (struct fake_answer){
                        .status = 504,
                        .body = "{\"kind\":\"Status\",\"code\":504,\"reason\":\"Timeout\","
                                "\"message\":\"Too large resource version: 9, current: 2\"}"});
    assert_non_null(open_list(world));
}

static void a_list_over_the_maximum_is_asked_for_in_smaller_pages(void **state)
{
    struct reflector_world *world = *state;
    static const char *const paths[] = {RUNS_PATH "?limit=500", RUNS_PATH "?limit=50",
                                        RUNS_PATH "?limit=5", RUNS_PATH "?limit=1"};
    reflector_world_start(world);
    for (size_t at = 0; at < COUNT_OF(paths); at++) {
        assert_string_equal(open_path(world), paths[at]);
        end_list(world, (struct fake_answer){.failure = ERROR_LIMIT, .message = "too big"});
    }
    assert_in_range(pause_of(world), 800, 1599);
}

static void a_list_that_fails_is_asked_for_again_after_a_pause(void **state)
{
    static const struct {
        const char *name;
        struct fake_answer answer;
    } rows[] = {
        {"no connection", {.failure = ERROR_UNAVAILABLE, .message = "refused"}},
        {"lost on the way", {.failure = ERROR_LOST, .message = "reset"}},
        {"forbidden", {.status = 403, .body = "{\"reason\":\"Forbidden\",\"message\":\"no\"}"}},
        {"the kind is not there yet", {.status = 404, .body = "404 page not found\n"}},
        {"too many requests", {.status = 429, .body = ""}},
        {"internal error", {.status = 500, .body = "{\"code\":500}"}},
        {"no JSON", {.status = 200, .body = "<html>"}},
        {"an empty answer", {.status = 200, .body = ""}},
        {"JSON that is no list", {.status = 200, .body = "[1,2]"}},
        {"a list without a version", {.status = 200, .body = "{\"metadata\":{},\"items\":[]}"}},
        {"a list cut off", {.status = 200, .body = "{\"metadata\":{\"resourceVersion\":\"1\"},"}},
    };
    struct reflector_world *world = *state;
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        reflector_world_restart(world);
        reflector_world_start(world);
        end_list(world, rows[at].answer);
        struct reflector_health health = reflector_health(world->reflector);
        int64_t pause = pause_of(world);
        if (pause < 800 || pause >= 1600 || health.synced || text_is_empty(health.error)) {
            fail_msg("%s: pause %d, error %s", rows[at].name, (int)pause, health.error);
        }
        fake_io_advance(world->fake, pause);
        end_list(world, (struct fake_answer){.status = 200, .body = list_page("a@1", "9", NULL)});
        health = reflector_health(world->reflector);
        if (!health.synced || health.error) {
            fail_msg("%s: not in sync after the list", rows[at].name);
        }
    }
}

static void a_list_waits_as_long_as_retry_after_asks_within_limits(void **state)
{
    struct reflector_world *world = *state;
    reflector_world_start(world);
    end_list(world, (struct fake_answer){.status = 429, .body = "", .retry_after_seconds = 7});
    assert_int_equal(pause_of(world), 7000);
    fake_io_advance(world->fake, 7000);
    end_list(world, (struct fake_answer){.status = 503, .body = "", .retry_after_seconds = 100000});
    assert_int_equal(pause_of(world), REFLECTOR_RETRY_AFTER_LIMIT_MS);
    fake_io_advance(world->fake, REFLECTOR_RETRY_AFTER_LIMIT_MS);
    end_list(world, (struct fake_answer){
                        .status = 503, .body = "", .retry_after_seconds = FAKE_RETRY_AFTER_ZERO});
    assert_in_range(pause_of(world), 800, 1599);
}

static void a_failed_page_changes_nothing_in_the_cache(void **state)
{
    struct reflector_world *world = *state;
    reflector_world_sync(world, "a@1 b@2", "10");
    end_watch(world, gone);
    end_list(world, (struct fake_answer){.status = 200, .body = list_page("a@1", "20", "t")});
    end_list(world, (struct fake_answer){.status = 500, .body = ""});
    assert_string_equal(cached_runs(world), "a@1 b@2 ");
    assert_true(reflector_health(world->reflector).synced);
    fake_io_advance(world->fake, 1600);
    end_list(world, (struct fake_answer){.status = 200, .body = list_page("b@21", "30", NULL)});
    assert_string_equal(cached_runs(world), "b@21 ");
    assert_int_equal(reflector_numbers(world->reflector)->relists, 1);
}

struct deletions {
    char names[256];
};

static void note_deletion(void *context, enum api_kind kind, enum cache_event event,
                          const struct object *before, const struct object *after)
{
    (void)kind;
    (void)after;
    struct deletions *deletions = context;
    if (event == CACHE_DELETED) {
        size_t used = strlen(deletions->names);
        (void)snprintf(deletions->names + used, sizeof(deletions->names) - used, "%s ",
                       before->meta.name);
    }
}

static void c8_a_relist_tells_of_what_is_gone(void **state)
{
    struct reflector_world *world = *state;
    struct deletions deletions = {0};
    reflector_world_sync(world, "a@1 b@2 c@3", "10");
    cache_set_listener(world->cache,
                       &(struct cache_listener){.on_change = note_deletion, .context = &deletions});
    end_watch(world, gone);
    end_list(world, (struct fake_answer){.status = 200, .body = list_page("a@1 c@9", "20", NULL)});
    assert_string_equal(deletions.names, "b ");
}

static void x3_a_poison_object_in_a_list_stops_nobody_else(void **state)
{
    struct reflector_world *world = *state;
    reflector_world_sync(world, "a@1 !bad@2 c@3", "10");
    assert_string_equal(cached_runs(world), "a@1 c@3 ");
    assert_non_null(cache_find_unreadable(world->cache, KIND_PIPELINE_RUN, "ns", "bad"));
    assert_int_equal(reflector_numbers(world->reflector)->poisons, 1);
    assert_int_equal(reflector_world_logged("ns/bad"), 1);
    end_watch(world, gone);
    end_list(world,
             (struct fake_answer){.status = 200, .body = list_page("!bad@2 c@3", "11", NULL)});
    assert_int_equal(reflector_world_logged("ns/bad"), 1);
    assert_int_equal(reflector_numbers(world->reflector)->poisons, 2);
    assert_string_equal(cached_runs(world), "c@3 ");
}

static void of_a_name_that_a_list_has_twice_the_last_counts(void **state)
{
    struct reflector_world *world = *state;
    reflector_world_sync(world, "a@1 !b@2 !a@3 b@4 c@5 c@6", "10");
    assert_string_equal(cached_runs(world), "b@4 c@6 ");
    assert_non_null(cache_find_unreadable(world->cache, KIND_PIPELINE_RUN, "ns", "a"));
    assert_null(cache_find_unreadable(world->cache, KIND_PIPELINE_RUN, "ns", "b"));
}

static void a_reflector_stops_in_any_state_and_starts_again(void **state)
{
    struct reflector_world *world = *state;
    reflector_world_start(world);
    reflector_stop(world->reflector);
    assert_int_equal(fake_io_cancelled_count(world->fake), 1);
    reflector_world_start(world);
    end_list(world, (struct fake_answer){.status = 200, .body = list_page("a@1", "5", "t")});
    reflector_stop(world->reflector);
    reflector_world_start(world);
    end_list(world, (struct fake_answer){.status = 500, .body = ""});
    reflector_stop(world->reflector);
    assert_int_equal(fake_io_timer_count(world->fake), 0);
    reflector_world_sync(world, "a@1", "9");
    feed_watch(world, "{\"type\":");
    reflector_stop(world->reflector);
    reflector_stop(world->reflector);
    assert_int_equal(fake_io_open_count(world->fake), 0);
    fake_io_advance(world->fake, 600 * 1000);
    assert_int_equal(fake_io_open_count(world->fake), 0);
    assert_string_equal(cached_runs(world), "a@1 ");
    assert_null(reflector_free(NULL));
}

static void health_says_what_is_wrong_until_it_is_over(void **state)
{
    struct reflector_world *world = *state;
    assert_int_equal(reflector_health(world->reflector).contact_ms, -1);
    reflector_world_start(world);
    end_list(world, (struct fake_answer){.status = 403,
                                         .body = "{\"kind\":\"Status\",\"code\":403,\"reason\":"
                                                 "\"Forbidden\",\"message\":\"you may not\"}"});
    struct reflector_health health = reflector_health(world->reflector);
    assert_non_null(strstr(health.error, "403 Forbidden: you may not"));
    assert_int_equal(health.contact_ms, fake_io_now_ms(world->fake));
    fake_io_advance(world->fake, 1600);
    end_list(world, (struct fake_answer){.status = 200, .body = list_page("", "5", NULL)});
    assert_null(reflector_health(world->reflector).error);
    end_watch(world, (struct fake_answer){.failure = ERROR_UNAVAILABLE, .message = "refused"});
    assert_non_null(strstr(reflector_health(world->reflector).error, "refused"));
    assert_true(reflector_health(world->reflector).synced);
    fake_io_advance(world->fake, 3200);
    feed_watch(world, bookmark_event("6"));
    assert_null(reflector_health(world->reflector).error);
}

#define ROW(function) \
    cmocka_unit_test_setup_teardown(function, reflector_world_set_up, reflector_world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(c1_the_first_list_asks_for_pages_of_500_at_the_newest_version),
        ROW(c1_the_cache_of_upstream_s_kinds_asks_for_our_objects_alone),
        ROW(c1_and_c8_pages_are_collected_and_swapped_in_at_the_end),
        ROW(c1_a_page_that_expired_leads_to_one_list_without_limit_at_once),
        ROW(c1_a_list_in_one_piece_that_expires_too_is_a_failure),
        ROW(c1_a_version_too_large_leads_to_a_list_at_once),
        ROW(a_list_over_the_maximum_is_asked_for_in_smaller_pages),
        ROW(a_list_that_fails_is_asked_for_again_after_a_pause),
        ROW(a_list_waits_as_long_as_retry_after_asks_within_limits),
        ROW(a_failed_page_changes_nothing_in_the_cache),
        ROW(c8_a_relist_tells_of_what_is_gone),
        ROW(x3_a_poison_object_in_a_list_stops_nobody_else),
        ROW(of_a_name_that_a_list_has_twice_the_last_counts),
        ROW(a_reflector_stops_in_any_state_and_starts_again),
        ROW(health_says_what_is_wrong_until_it_is_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
