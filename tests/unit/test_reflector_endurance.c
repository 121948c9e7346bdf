#include "support/test.h"

#include "core/memory.h"
#include "core/text.h"
#include "kube/watch_stream.h"
#include "support/reflector_world.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * C10: memory over a long life: events of every type, watches that end in every way, lists in pages
 * and as streams. TIDEMILL_FULL=1 makes it 100,000 reconnects and 1,000,000 events of each server.
 */

enum {
    EVENTS_OF_A_WATCH = 12,
    RECONNECTS_BOUNDED = 8 * 1000,
    RECONNECTS_FULL = 100 * 1000,
    CYCLE = 1000, /* after so many reconnects the cache is in the same state again */
    FIRST_VERSION = 100 * 1000 * 1000
};

/* Live bytes of the heap; there in a build with ASan. */
extern size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

/* glibc keeps some of what was freed as if it were in use: 1,000 leaks of 64 bytes and more show.
 */
static size_t slack_bytes(void)
{
    return __sanitizer_get_current_allocated_bytes ? 0 : 64 * 1024;
}

static size_t live_bytes(void)
{
    return __sanitizer_get_current_allocated_bytes ? __sanitizer_get_current_allocated_bytes()
                                                   : mallinfo2().uordblks;
}

/* The request that brings events: a watch, or a streaming list that has become one. */
static struct io_call *open_events(struct reflector_world *world)
{
    struct io_call *call = open_watch(world);
    return call ? call : open_stream(world);
}

static void feed(struct reflector_world *world, const char *text)
{
    assert_true(fake_io_feed_text(world->fake, open_events(world), text));
}

static const char *version_at(int turn, int event)
{
    static char version[16];
    (void)snprintf(version, sizeof(version), "%d",
                   FIRST_VERSION + turn * EVENTS_OF_A_WATCH + event);
    return version;
}

/* Each turn says something else, and in the end everything has come and gone. */
static void feed_event(struct reflector_world *world, int turn, int event)
{
    static const char *const names[] = {"a", "b", "c",
                                        "some-run-with-a-longer-name-that-comes-and-goes", "e"};
    const char *version = version_at(turn, event);
    const char *name = names[(turn + event) % (int)COUNT_OF(names)];
    switch ((turn * 7 + event) % EVENTS_OF_A_WATCH) {
    case 0:
        feed(world, bookmark_event(version));
        break;
    case 1:
        feed(world, poison_event("MODIFIED", name, version));
        break;
    case 2:
    case 3:
        feed(world, run_event("DELETED", name, version));
        break;
    case 4:
        feed(world, poison_event("DELETED", name, version));
        break;
    default:
        feed(world, run_event(event % 2 ? "ADDED" : "MODIFIED", name, version));
        break;
    }
}

/* The list that a cycle ends with, whichever way the server gives it. */
static void answer_list(struct reflector_world *world, int turn)
{
    const char *version = version_at(turn, EVENTS_OF_A_WATCH - 1);
    if (open_list(world)) {
        bool has_more = turn % 2;
        end_list(world, (struct fake_answer){
                            .status = 200,
                            .body = list_page("a@1 b@2 !e@3", version, has_more ? "more" : NULL)});
    }
    if (open_list(world)) {
        end_list(world,
                 (struct fake_answer){.status = 200, .body = list_page("a@1", version, NULL)});
    }
    if (open_stream(world)) {
        feed(world, run_event("ADDED", "a", "1"));
        feed(world, run_event("ADDED", "b", "2"));
        feed(world, poison_event("ADDED", "e", "3"));
        feed(world, last_bookmark_event(version));
    }
}

static void end_events(struct reflector_world *world, int turn)
{
    static const struct fake_answer ends[] = {{.status = 200},
                                              {.failure = ERROR_LOST},
                                              {.status = 200, .warning = "deprecated"},
                                              {.status = 200},
                                              {.failure = ERROR_LOST}};
    bool expires = turn % 50 == 49;
    fake_io_finish(world->fake, open_events(world),
                   expires ? (struct fake_answer){.status = 410, .body = ""}
                           : ends[turn % (int)COUNT_OF(ends)]);
    fake_io_run(world->fake);
}

/* Ways in which a request never becomes a watch. */
static void fail_to_begin(struct reflector_world *world, int turn)
{
    static const struct fake_answer failures[] = {{.failure = ERROR_UNAVAILABLE},
                                                  {.status = 429, .body = "busy"},
                                                  {.status = 500, .body = ""}};
    if (turn % 9 == 0 && open_events(world)) {
        fake_io_finish(world->fake, open_events(world),
                       failures[turn / 9 % (int)COUNT_OF(failures)]);
        fake_io_run(world->fake);
    }
}

static void rest(struct reflector_world *world)
{
    while (pause_of(world) >= 0) {
        fake_io_advance(world->fake, pause_of(world));
    }
}

static void reconnect_once(struct reflector_world *world, int turn)
{
    for (int event = 0; event < EVENTS_OF_A_WATCH; event++) {
        feed_event(world, turn, event);
    }
    if (turn % 5 == 0) {
        feed(world, "{\"type\":\"MODIF");
    }
    fake_io_advance(world->fake, 1500);
    end_events(world, turn);
    rest(world);
    fail_to_begin(world, turn);
    rest(world);
    bool streams = open_stream(world) && !open_watch(world);
    if (open_list(world) || streams) {
        answer_list(world, turn);
    }
    assert_non_null(open_events(world));
    fake_io_forget(world->fake);
}

static uint64_t events_of(const struct reflector_world *world)
{
    uint64_t events = 0;
    for (int type = 0; type < REFLECTOR_EVENT_TYPE_COUNT; type++) {
        events += reflector_numbers(world->reflector)->events[type];
    }
    return events;
}

static void check_flat(struct reflector_world *world)
{
    const char *full = getenv("TIDEMILL_FULL");
    int reconnects = text_is_empty(full) ? RECONNECTS_BOUNDED : RECONNECTS_FULL;
    size_t before = 0;
    size_t cached = 0;
    for (int turn = 0; turn < CYCLE + reconnects; turn++) {
        reconnect_once(world, turn);
        if ((turn + 1) % CYCLE != 0) {
            continue;
        }
        size_t now = live_bytes();
        size_t bytes = cache_numbers(world->cache, KIND_PIPELINE_RUN).bytes;
        if (turn + 1 == CYCLE) {
            before = now;
            cached = bytes;
        }
        assert_string_equal(cached_runs(world), "a@1 b@2 ");
        assert_int_equal(bytes, cached);
        assert_in_range(now, before - slack_bytes(), before + slack_bytes());
        assert_true(reflector_held_bytes(world->reflector) <= WATCH_STREAM_KEPT);
    }
    const struct reflector_numbers *numbers = reflector_numbers(world->reflector);
    assert_true(numbers->watch_requests >= (uint64_t)reconnects * 9 / 10);
    assert_true(events_of(world) >= (uint64_t)reconnects * 10);
    assert_true(numbers->relists >= (uint64_t)reconnects / 60);
    print_message("%d reconnects, %llu events, %llu relists, %llu streaming lists asked for: %zu "
                  "bytes live before "
                  "and after\n",
                  reconnects, (unsigned long long)events_of(world),
                  (unsigned long long)numbers->relists,
                  (unsigned long long)numbers->stream_requests, before);
}

static void c10_memory_is_flat_over_reconnects_and_events_with_lists_in_pages(void **state)
{
    struct reflector_world *world = *state;
    reflector_world_sync(world, "a@1 b@2 !e@3", "10");
    check_flat(world);
}

static void c10_memory_is_flat_over_reconnects_and_events_with_streaming_lists(void **state)
{
    struct reflector_world *world = *state;
    reflector_world_stream(world);
    feed(world, last_bookmark_event("10"));
    check_flat(world);
    assert_int_equal(reflector_numbers(world->reflector)->list_requests, 0);
}

#define ROW(function) \
    cmocka_unit_test_setup_teardown(function, reflector_world_set_up, reflector_world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(c10_memory_is_flat_over_reconnects_and_events_with_lists_in_pages),
        ROW(c10_memory_is_flat_over_reconnects_and_events_with_streaming_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
