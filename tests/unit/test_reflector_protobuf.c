/* Jobs and Pods in the protobuf form: the same cache as from JSON, whichever the server sends. */

#include "support/test.h"

#include "api/codec.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/text.h"
#include "kube/reflector.h"
#include "kube/watch_stream.h"
#include "support/fake_io.h"
#include "support/recorded.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST_TYPE  "application/vnd.kubernetes.protobuf"
#define WATCH_TYPE LIST_TYPE ";stream=watch"
#define OR_JSON    ",application/json"

struct world {
    struct fake_io *fake;
    struct cache *cache;
    struct reflector *reflector;
    enum api_kind kind;
};

static struct world world_open(enum api_kind kind)
{
    struct world world = {.fake = fake_io_new(), .cache = cache_new(), .kind = kind};
    world.reflector = reflector_new(fake_io_seam(world.fake), world.cache, kind);
    reflector_start(world.reflector);
    return world;
}

static void world_close(struct world *world)
{
    (void)reflector_free(world->reflector);
    (void)cache_free(world->cache);
    (void)fake_io_free(world->fake);
}

static struct io_call *open_call(struct world *world)
{
    assert_int_equal(fake_io_open_count(world->fake), 1);
    return fake_io_find_open(world->fake, "GET", "*");
}

/* The cache's objects as JSON, by name, and its version. The caller frees it. */
static char *cached(const struct world *world)
{
    enum { OBJECTS = 16 };
    struct arena arena = {0};
    const char *texts[OBJECTS];
    size_t count = 0;
    const struct object *object;
    for (size_t at = 0; (object = cache_next(world->cache, world->kind, &at)) != NULL;) {
        assert_true(count < OBJECTS);
        const char *text = arena_print(&arena, "%s: %s\n", object->meta.name,
                                       codec_encode_stored(&arena, world->kind, object));
        size_t place = count++;
        for (; place > 0 && strcmp(texts[place - 1], text) > 0; place--) {
            texts[place] = texts[place - 1];
        }
        texts[place] = text;
    }
    const char *all = "";
    for (size_t at = 0; at < count; at++) {
        all = arena_print(&arena, "%s%s", all, texts[at]);
    }
    char *copy = memory_print("%s@%s", all,
                              text_or(cache_resource_version(world->cache, world->kind), "none"));
    arena_free(&arena);
    return copy;
}

static const struct {
    enum api_kind kind;
    const char *json;
    const char *protobuf;
} streams[] = {
    {KIND_JOB, "jobs-watch.json", "jobs-watch.pb"},
    {KIND_POD, "pods-watch.json", "pods-watch.pb"},
};

/* A whole recorded streaming list, with what follows it, in chunks. */
static char *cache_after(enum api_kind kind, const char *name, const char *type, size_t first,
                         size_t chunk)
{
    struct world world = world_open(kind);
    struct recorded recorded = recorded_read(name);
    struct io_call *call = open_call(&world);
    fake_io_set_content_type(call, type);
    for (size_t at = 0; at < recorded.size;) {
        size_t wanted = at == 0 ? first : chunk;
        size_t left = recorded.size - at;
        size_t size = wanted < left ? wanted : left;
        assert_true(fake_io_feed(world.fake, call, recorded.bytes + at, size));
        at += size;
    }
    assert_true(cache_is_synced(world.cache, kind));
    assert_int_equal(reflector_numbers(world.reflector)->poisons, 0);
    char *text = cached(&world);
    recorded_free(&recorded);
    world_close(&world);
    return text;
}

static void a_recorded_stream_leaves_the_same_cache_in_both_forms(void **state)
{
    (void)state;
    for (size_t row = 0; row < COUNT_OF(streams); row++) {
        char *json = cache_after(streams[row].kind, streams[row].json, NULL, SIZE_MAX, SIZE_MAX);
        assert_true(strlen(json) > 1000);
        for (size_t chunk = 1; chunk <= 9; chunk++) {
            char *protobuf = cache_after(streams[row].kind, streams[row].protobuf, WATCH_TYPE,
                                         chunk, chunk);
            assert_string_equal(json, protobuf);
            (void)memory_free(protobuf);
        }
        (void)memory_free(json);
    }
}

static void a_stream_split_in_two_at_every_byte_says_the_same(void **state)
{
    (void)state;
    struct recorded recorded = recorded_read("jobs-watch.pb");
    char *whole = cache_after(KIND_JOB, "jobs-watch.pb", WATCH_TYPE, SIZE_MAX, SIZE_MAX);
    for (size_t at = 1; at < recorded.size; at++) {
        char *split = cache_after(KIND_JOB, "jobs-watch.pb", WATCH_TYPE, at, SIZE_MAX);
        if (!text_equal(whole, split)) {
            fail_msg("split at %zu: %s", at, split);
        }
        (void)memory_free(split);
    }
    (void)memory_free(whole);
    recorded_free(&recorded);
}

static void the_form_is_asked_for_with_json_behind_it(void **state)
{
    (void)state;
    static const enum api_kind kinds[] = {KIND_JOB, KIND_POD, KIND_PIPELINE_RUN, KIND_SERVICE};
    for (size_t at = 0; at < COUNT_OF(kinds); at++) {
        struct world world = world_open(kinds[at]);
        bool by_protobuf = kinds[at] == KIND_JOB || kinds[at] == KIND_POD;
        const char *accept = fake_io_request_of(open_call(&world))->accept;
        assert_true(text_equal(accept, by_protobuf ? WATCH_TYPE OR_JSON : NULL));
        fake_io_finish(world.fake, open_call(&world), (struct fake_answer){.status = 400});
        const struct fake_request *list = fake_io_request_of(open_call(&world));
        assert_non_null(strstr(list->path, "limit=500"));
        assert_true(text_equal(list->accept, by_protobuf ? LIST_TYPE OR_JSON : NULL));
        world_close(&world);
    }
}

static void feed_line(struct world *world, const char *version)
{
    char line[256];
    (void)snprintf(line, sizeof(line),
                   "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"%s\"}}}"
                   "\n{\"type\":",
                   version);
    fake_io_set_content_type(open_call(world), "application/json;stream=watch");
    assert_true(fake_io_feed_text(world->fake, open_call(world), line));
    assert_string_equal(cache_resource_version(world->cache, KIND_JOB), version);
}

static size_t frame_of(const struct wire_text *event, char frame[8192])
{
    size_t size = event->size;
    char length[4] = {0, 0, (char)(size >> 8), (char)size};
    memcpy(frame, length, sizeof(length));
    memcpy(frame + sizeof(length), event->bytes, size);
    return size + sizeof(length);
}

static size_t bookmark_frame(const char *version, char frame[8192])
{
    struct wire_text meta = {0};
    struct wire_text job = {0};
    wire_add_text(&meta, 6, version);
    wire_add(&job, 1, &meta);
    struct wire_text object = wire_object("Job", &job);
    struct wire_text event = wire_event("BOOKMARK", &object);
    return frame_of(&event, frame);
}

/* From the watch's answer on: a server of an older version beside a newer one may say either. */
static void each_answer_is_read_by_its_own_content_type(void **state)
{
    (void)state;
    struct world world = world_open(KIND_JOB);
    struct recorded page = recorded_read("jobs-page.pb");
    struct recorded refusal = recorded_read("token-refused.pb");
    fake_io_finish(world.fake, open_call(&world), (struct fake_answer){.status = 400});
    /* A list is refused, with the reason for the log. */
    fake_io_finish(world.fake, open_call(&world),
                   (struct fake_answer){.status = 400,
                                        .content_type = LIST_TYPE,
                                        .body = refusal.bytes,
                                        .body_size = refusal.size});
    assert_non_null(strstr(reflector_health(world.reflector).error, "BadRequest: invalid continue "
                                                                    "token"));
    fake_io_advance(world.fake, fake_io_next_timer_ms(world.fake) - fake_io_now_ms(world.fake));
    /* A page in protobuf, the next in JSON. */
    fake_io_finish(
        world.fake, open_call(&world),
        (struct fake_answer){
            .status = 200, .content_type = LIST_TYPE, .body = page.bytes, .body_size = page.size});
    assert_non_null(strstr(fake_io_request_of(open_call(&world))->path, "&continue="));
    fake_io_finish(world.fake, open_call(&world),
                   (struct fake_answer){.status = 200,
                                        .content_type = "application/json",
                                        .body = "{\"kind\":\"JobList\",\"metadata\":{"
                                                "\"resourceVersion\":\"5\"},\"items\":[{"
                                                "\"metadata\":{\"name\":\"z\",\"namespace\":"
                                                "\"ns\",\"resourceVersion\":\"4\"}}]}"});
    assert_int_equal(cache_numbers(world.cache, KIND_JOB).objects, 4);
    /* Watches in lines, in frames, in lines again, each cut off in mid-event; the last in frames.
     */
    feed_line(&world, "900000");
    fake_io_finish(world.fake, open_call(&world), (struct fake_answer){.failure = ERROR_LOST});
    char frame[8192];
    size_t size = bookmark_frame("900001", frame);
    fake_io_set_content_type(open_call(&world), WATCH_TYPE);
    assert_true(fake_io_feed(world.fake, open_call(&world), frame, size));
    assert_true(fake_io_feed(world.fake, open_call(&world), frame, size / 2));
    assert_string_equal(cache_resource_version(world.cache, KIND_JOB), "900001");
    fake_io_finish(world.fake, open_call(&world), (struct fake_answer){.failure = ERROR_LOST});
    feed_line(&world, "900002");
    fake_io_finish(world.fake, open_call(&world), (struct fake_answer){.failure = ERROR_LOST});
    struct recorded expired = recorded_read("watch-expired.pb");
    fake_io_set_content_type(open_call(&world), WATCH_TYPE);
    assert_false(fake_io_feed(world.fake, open_call(&world), expired.bytes, expired.size));
    assert_int_equal(reflector_numbers(world.reflector)->outcomes[WATCH_EXPIRED], 1);
    recorded_free(&page);
    recorded_free(&refusal);
    recorded_free(&expired);
    world_close(&world);
}

/* A job of this name, in a frame; `poison`: its generation is a text. */
static size_t job_frame(const char *type, const char *name, const char *version, bool poison,
                        char frame[8192])
{
    struct wire_text meta = {0};
    struct wire_text job = {0};
    wire_add_text(&meta, 1, name);
    wire_add_text(&meta, 3, "ns");
    wire_add_text(&meta, 6, version);
    if (poison) {
        wire_add_text(&meta, 7, "one");
    }
    wire_add(&job, 1, &meta);
    struct wire_text object = wire_object("Job", &job);
    struct wire_text event = wire_event(type, &object);
    return frame_of(&event, frame);
}

/* On an empty list, at version 10; its watch is open and in frames. */
static struct world world_watching(void)
{
    struct world world = world_open(KIND_JOB);
    fake_io_finish(world.fake, open_call(&world), (struct fake_answer){.status = 400});
    fake_io_finish(world.fake, open_call(&world),
                   (struct fake_answer){.status = 200,
                                        .body = "{\"metadata\":{\"resourceVersion\":\"10\"},"
                                                "\"items\":[]}"});
    fake_io_set_content_type(open_call(&world), WATCH_TYPE);
    return world;
}

static void a_poisoned_object_stops_nobody(void **state)
{
    (void)state;
    struct world world = world_watching();
    char frame[8192];
    size_t size = job_frame("ADDED", "a", "11", false, frame);
    assert_true(fake_io_feed(world.fake, open_call(&world), frame, size));
    size = job_frame("MODIFIED", "a", "12", true, frame);
    assert_true(fake_io_feed(world.fake, open_call(&world), frame, size));
    size = job_frame("ADDED", "b", "13", false, frame);
    assert_true(fake_io_feed(world.fake, open_call(&world), frame, size));
    assert_int_equal(reflector_numbers(world.reflector)->poisons, 1);
    assert_non_null(strstr(cache_find_unreadable(world.cache, KIND_JOB, "ns", "a"),
                           "metadata.generation: wire type 2"));
    assert_non_null(cache_get(world.cache, KIND_JOB, "ns", "b"));
    assert_string_equal(cache_resource_version(world.cache, KIND_JOB), "13");
    size = job_frame("DELETED", "a", "14", true, frame);
    assert_true(fake_io_feed(world.fake, open_call(&world), frame, size));
    assert_null(cache_find_unreadable(world.cache, KIND_JOB, "ns", "a"));
    world_close(&world);
}

static void a_frame_that_is_too_long_or_no_event_ends_the_watch(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        const char *error;
    } rows[] = {
        {"\xff\xff\xff\xff", 4, "a watch event is over"},
        {"\x00\x40\x00\x01", 4, "a watch event is over"},        /* 4 MiB and a byte */
        {"{\"type\":\"ADDED\"}\n", 17, "a watch event is over"}, /* JSON, read as a length */
        {"\x00\x00\x00\x02\xff\xff", 6, "a frame of the watch stream is no event"},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        for (size_t cut = 1; cut <= rows[at].size; cut++) {
            struct world world = world_watching();
            struct io_call *call = open_call(&world);
            bool goes_on = fake_io_feed(world.fake, call, rows[at].bytes, cut);
            if (goes_on && cut < rows[at].size) {
                goes_on = fake_io_feed(world.fake, call, rows[at].bytes + cut, rows[at].size - cut);
            }
            assert_false(goes_on);
            assert_non_null(strstr(reflector_health(world.reflector).error, rows[at].error));
            assert_int_equal(reflector_numbers(world.reflector)->outcomes[WATCH_UNREADABLE], 1);
            world_close(&world);
        }
    }
}

static void a_frame_of_the_largest_length_is_waited_for(void **state)
{
    (void)state;
    struct world world = world_watching();
    static const char head[] = {0, 0x40, 0, 0, 'x'}; /* 4 MiB, the first byte of it */
    assert_true(fake_io_feed(world.fake, open_call(&world), head, sizeof(head)));
    assert_null(reflector_health(world.reflector).error);
    world_close(&world);
}

/* C10: an event of 3 MiB, and no buffer of its size afterwards. */
static void a_large_frame_leaves_no_large_buffer_behind(void **state)
{
    (void)state;
    enum { PADDING = 3 * 1024 * 1024, CHUNK = 16 * 1024, UNKNOWN = 15 };
    struct world world = world_watching();
    struct wire_text meta = {0};
    struct wire_text head = {0};
    wire_add_text(&meta, 1, "a");
    wire_add_text(&meta, 3, "ns");
    wire_add_text(&meta, 6, "11");
    /* Message lengths of four bytes each, innermost last: see wire_event() and wire_object(). */
    static const char event_head[] = "\x0a\x05"
                                     "ADDED";
    char *text = memory_allocate(1, PADDING + 4096);
    size_t used = 0;
    size_t job_size = 2 + meta.size + 1 + 4 + PADDING;
    size_t raw_size = 4 + 1 + 4 + job_size;
    size_t extension_size = 1 + 4 + raw_size;
    size_t frame_size = sizeof(event_head) - 1 + 1 + 4 + extension_size;
#define PUT_LENGTH(key, size)                                                    \
    do {                                                                         \
        char put[] = {(key), (char)((size) | 0x80), (char)((size) >> 7 | 0x80),  \
                      (char)((size) >> 14 | 0x80), (char)((size) >> 21 & 0x7f)}; \
        wire_append(&head, put, sizeof(put));                                    \
    } while (0)
    char length[] = {(char)(frame_size >> 24), (char)(frame_size >> 16), (char)(frame_size >> 8),
                     (char)frame_size};
    wire_append(&head, length, sizeof(length));
    wire_append(&head, event_head, sizeof(event_head) - 1);
    PUT_LENGTH(2 << 3 | 2, extension_size);
    PUT_LENGTH(1 << 3 | 2, raw_size);
    wire_append(&head, "k8s", sizeof("k8s"));
    PUT_LENGTH(2 << 3 | 2, job_size);
    wire_add(&head, 1, &meta);
    PUT_LENGTH(UNKNOWN << 3 | 2, (size_t)PADDING);
    memcpy(text, head.bytes, head.size);
    memset(text + head.size, 'x', PADDING);
    used = head.size + PADDING;
    assert_int_equal(used, frame_size + 4);
    for (size_t at = 0; at < used; at += CHUNK) {
        size_t left = used - at;
        assert_true(
            fake_io_feed(world.fake, open_call(&world), text + at, left < CHUNK ? left : CHUNK));
    }
    assert_non_null(cache_get(world.cache, KIND_JOB, "ns", "a"));
    assert_true(reflector_held_bytes(world.reflector) <= WATCH_STREAM_KEPT);
    (void)memory_free(text);
    world_close(&world);
}

static int log_nothing(void **state)
{
    (void)state;
    log_configure((struct log_sink){.level = LOG_ERROR});
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_recorded_stream_leaves_the_same_cache_in_both_forms),
        cmocka_unit_test(a_stream_split_in_two_at_every_byte_says_the_same),
        cmocka_unit_test(the_form_is_asked_for_with_json_behind_it),
        cmocka_unit_test(each_answer_is_read_by_its_own_content_type),
        cmocka_unit_test(a_poisoned_object_stops_nobody),
        cmocka_unit_test(a_frame_that_is_too_long_or_no_event_ends_the_watch),
        cmocka_unit_test(a_frame_of_the_largest_length_is_waited_for),
        cmocka_unit_test(a_large_frame_leaves_no_large_buffer_behind),
    };
    return cmocka_run_group_tests(tests, log_nothing, NULL);
}
