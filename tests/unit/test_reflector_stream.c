#include "support/test.h"

#include "core/memory.h"
#include "core/text.h"
#include "kube/watch_stream.h"
#include "support/reflector_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* C10: the bytes of a watch, however they arrive. */

enum {
    CHUNK = 16 * 1024, /* as curl gives them */
    LARGE_OBJECT = 3 * 1024 * 1024
};

/* Everything that a stream can say, in one text: long and short lines, UTF-8, escapes, blanks. */
static const char *whole_stream(void)
{
    static char text[8192];
    text[0] = '\0';
    static const char *const types[] = {"ADDED", "MODIFIED", "DELETED"};
    static const struct {
        int type;
        const char *name;
        const char *version;
    } events[] = {{0, "b", "11"}, {1, "a", "12"}, {0, "c", "13"}, {2, "b", "14"}};
    for (size_t at = 0; at < COUNT_OF(events); at++) {
        strcat(text, run_event(types[events[at].type], events[at].name, events[at].version));
    }
    strcat(text, "\n");
    strcat(text,
           "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"d\",\"namespace\":\"ns\","
           "\"uid\":\"\\u00fc\\n\\\"\xC3\xBC\xF0\x9F\x8C\x8A\",\"resourceVersion\":\"15\"},"
           "\"spec\":{\"pipelineRef\":{\"name\":\"p\"}}}}\n");
    strcat(text, bookmark_event("20"));
    strcat(text, poison_event("MODIFIED", "a", "21"));
    return text;
}

static const char whole_state[] = "c@13 d@15 ";

static void check_state(struct reflector_world *world, size_t at)
{
    if (!text_equal(cached_runs(world), whole_state) || !open_watch(world) ||
        !text_equal(cache_resource_version(world->cache, KIND_PIPELINE_RUN), "21")) {
        fail_msg("split at %zu: %s", at, cached_runs(world));
    }
}

static void a_stream_split_in_two_at_every_byte_says_the_same(void **state)
{
    struct reflector_world *world = *state;
    const char *text = whole_stream();
    size_t size = strlen(text);
    for (size_t at = 0; at <= size; at++) {
        reflector_world_restart(world);
        reflector_world_sync(world, "a@1", "10");
        assert_true(fake_io_feed(world->fake, open_watch(world), text, at));
        assert_true(fake_io_feed(world->fake, open_watch(world), text + at, size - at));
        check_state(world, at);
    }
}

static void a_stream_in_chunks_of_any_size_says_the_same(void **state)
{
    struct reflector_world *world = *state;
    const char *text = whole_stream();
    size_t size = strlen(text);
    for (size_t chunk = 1; chunk <= 64; chunk++) {
        reflector_world_restart(world);
        reflector_world_sync(world, "a@1", "10");
        for (size_t at = 0; at < size; at += chunk) {
            size_t left = size - at;
            assert_true(fake_io_feed(world->fake, open_watch(world), text + at,
                                     left < chunk ? left : chunk));
        }
        check_state(world, chunk);
    }
}

static void a_stream_cut_at_every_byte_goes_on_from_what_it_said(void **state)
{
    struct reflector_world *world = *state;
    const char *text = whole_stream();
    size_t size = strlen(text);
    for (size_t at = 0; at < size; at++) {
        reflector_world_restart(world);
        reflector_world_sync(world, "a@1", "10");
        assert_true(fake_io_feed(world->fake, open_watch(world), text, at));
        fake_io_advance(world->fake, 2000);
        end_watch(world, (struct fake_answer){.failure = ERROR_LOST});
        /* The server says again what lies after the version that is asked for: whole lines. */
        const char *rest = text;
        for (const char *line = text; line < text + at;) {
            const char *end = strchr(line, '\n') + 1;
            rest = end <= text + at ? end : rest;
            line = end;
        }
        feed_watch(world, rest);
        check_state(world, at);
    }
}

static void a_stream_that_ends_after_any_event_asks_for_what_follows_it(void **state)
{
    struct reflector_world *world = *state;
    static const char *const versions[] = {"11", "12", "13", "14", "14", "15", "20", "21"};
    const char *line = whole_stream();
    for (size_t at = 0; at < COUNT_OF(versions); at++) {
        if (at == 0) {
            reflector_world_sync(world, "a@1", "10");
        }
        size_t size = (size_t)(strchr(line, '\n') + 1 - line);
        assert_true(fake_io_feed(world->fake, open_watch(world), line, size));
        line += size;
        fake_io_advance(world->fake, 2000);
        end_watch(world, (struct fake_answer){.status = 200});
        char expected[64];
        (void)snprintf(expected, sizeof(expected), "&resourceVersion=%s&", versions[at]);
        assert_non_null(strstr(open_path(world), expected));
    }
}

/* An event of this many bytes and a few, in a field that nobody keeps. */
static char *large_event(size_t size, size_t *total)
{
    const char *head =
        "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"big\",\"namespace\":"
        "\"ns\",\"uid\":\"u\",\"resourceVersion\":\"30\"},\"junk\":\"";
    const char *tail = "\"}}\n";
    char *text = memory_allocate(1, strlen(head) + size + strlen(tail) + 1);
    memcpy(text, head, strlen(head));
    memset(text + strlen(head), 'x', size);
    memcpy(text + strlen(head) + size, tail, strlen(tail) + 1);
    *total = strlen(text);
    return text;
}

static bool feed_in_chunks(struct reflector_world *world, const char *text, size_t size)
{
    struct io_call *watch = open_watch(world);
    bool alive = true;
    for (size_t at = 0; at < size && alive; at += CHUNK) {
        alive = fake_io_feed(world->fake, watch, text + at, size - at < CHUNK ? size - at : CHUNK);
    }
    return alive;
}

static void an_object_of_3_mib_arrives_and_leaves_no_large_buffer_behind(void **state)
{
    struct reflector_world *world = *state;
    size_t size;
    char *text = large_event(LARGE_OBJECT, &size);
    reflector_world_sync(world, "", "10");
    assert_true(feed_in_chunks(world, text, size));
    assert_string_equal(cached_runs(world), "big@30 ");
    assert_true(reflector_held_bytes(world->reflector) <= WATCH_STREAM_KEPT);
    assert_true(cache_numbers(world->cache, KIND_PIPELINE_RUN).bytes < WATCH_STREAM_KEPT);
    /* Whole at once, too. */
    assert_true(fake_io_feed(world->fake, open_watch(world), text, size));
    (void)memory_free(text);
}

static void a_line_over_4_mib_ends_the_watch_and_leads_to_a_list(void **state)
{
    struct reflector_world *world = *state;
    size_t size;
    char *text = large_event(WATCH_EVENT_MAXIMUM, &size);
    for (int whole = 0; whole < 2; whole++) {
        reflector_world_restart(world);
        reflector_world_sync(world, "", "10");
        assert_false(whole ? fake_io_feed(world->fake, open_watch(world), text, size)
                           : feed_in_chunks(world, text, size));
        assert_non_null(strstr(reflector_health(world->reflector).error, "is over"));
        assert_true(reflector_held_bytes(world->reflector) <= WATCH_STREAM_KEPT);
        fake_io_advance(world->fake, pause_of(world));
        assert_non_null(open_list(world));
    }
    (void)memory_free(text);
}

static struct result count_line(void *context, const char *line, size_t size)
{
    int *lines = context;
    assert_true(size > 0 && memchr(line, '\n', size) == NULL);
    ++*lines;
    return *lines == 3 ? result_of(ERROR_CLOSED) : RESULT_OK;
}

static void nothing_is_read_after_the_reader_said_stop(void **state)
{
    (void)state;
    int lines = 0;
    struct watch_stream stream;
    watch_stream_init(&stream, count_line, &lines);
    assert_int_equal(watch_stream_feed(&stream, "a\n\n\nb\nc\nd\n", 10).kind, ERROR_CLOSED);
    assert_int_equal(lines, 3);
    watch_stream_free(&stream);
}

static struct result keep_event(void *context, const char *bytes, size_t size)
{
    return buffer_append(context, bytes, size);
}

static void a_new_stream_has_nothing_of_the_one_before(void **state)
{
    (void)state;
    static const char frame[] = "\0\0\0\001x\0\0";
    struct buffer said = BUFFER_INIT(16);
    struct watch_stream stream;
    watch_stream_init(&stream, keep_event, &said);
    assert_true(result_is_ok(watch_stream_feed(&stream, "a\nleft", 6)));
    watch_stream_begin(&stream, true);
    assert_true(result_is_ok(watch_stream_feed(&stream, frame, sizeof(frame) - 1)));
    watch_stream_begin(&stream, false);
    assert_true(result_is_ok(watch_stream_feed(&stream, "b\n", 2)));
    assert_string_equal(buffer_text(&said), "axb");
    buffer_free(&said);
    watch_stream_free(&stream);
}

#define ROW(function) \
    cmocka_unit_test_setup_teardown(function, reflector_world_set_up, reflector_world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(a_stream_split_in_two_at_every_byte_says_the_same),
        ROW(a_stream_in_chunks_of_any_size_says_the_same),
        ROW(a_stream_cut_at_every_byte_goes_on_from_what_it_said),
        ROW(a_stream_that_ends_after_any_event_asks_for_what_follows_it),
        ROW(an_object_of_3_mib_arrives_and_leaves_no_large_buffer_behind),
        ROW(a_line_over_4_mib_ends_the_watch_and_leads_to_a_list),
        ROW(nothing_is_read_after_the_reader_said_stop),
        ROW(a_new_stream_has_nothing_of_the_one_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
