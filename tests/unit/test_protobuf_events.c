/*
 * Watch events and pages of lists in protobuf, written by hand (api/codec_form.c), and which
 * answers are read as protobuf.
 */

#include "support/test.h"

#include "api/codec_form.h"
#include "core/memory.h"
#include "core/text.h"
#include "support/protobuf_fixture.h"

#include <string.h>

/* ---- Events ---- */

static struct result decode_event(struct arena *arena, const struct wire_text *frame,
                                  struct watch_event *event, struct error *error)
{
    char *copy = memory_allocate(1, frame->size > 0 ? frame->size : 1);
    memcpy(copy, frame->bytes, frame->size);
    struct result result = codec_form_of(PROTOBUF)->decode_event(arena, KIND_POD, copy, frame->size,
                                                                 event, error);
    (void)memory_free(copy);
    return result;
}

static void a_frame_that_is_no_event_is_an_error(void **state)
{
    (void)state;
    static const struct wire_text frames[] = {
        {.bytes = "", .size = 0},
        {.bytes = "{\"type\":\"ADDED\"}", .size = 16},
        {.bytes = "\x0a\x05"
                  "ADDED",
         .size = 7},
        {.bytes = "\x0a\x05"
                  "ADDED\x12\x00",
         .size = 9},
        {.bytes = "\x0a\x05"
                  "ADDED\x12\x02\x0a\x05",
         .size = 11},
        {.bytes = "\x12\x04\x0a\x02xy", .size = 6},
    };
    for (size_t at = 0; at < COUNT_OF(frames); at++) {
        struct arena arena = {0};
        struct error error = {0};
        struct watch_event event = {0};
        if (result_is_ok(decode_event(&arena, &frames[at], &event, &error))) {
            fail_msg("frame %zu was taken", at);
        }
        assert_string_equal(error.message,
                            "a frame of the watch stream is no event with an object");
        arena_free(&arena);
    }
}

static void a_poisoned_object_is_named_as_far_as_it_can_be(void **state)
{
    (void)state;
    struct pod_bench bench = pod_bench_named("a");
    struct error error = {0};
    struct watch_event event = {0};
    wire_add_text(&bench.meta, META_NAMESPACE, "ns");
    wire_add_text(&bench.meta, META_VERSION, "7");
    wire_add_text(&bench.meta, META_GENERATION, "text");
    struct wire_text pod = pod_bench_message(&bench);
    struct wire_text object = wire_object("Pod", &pod);
    struct wire_text frame = wire_event("MODIFIED", &object);
    assert_true(result_is_ok(decode_event(&bench.arena, &frame, &event, &error)));
    assert_int_equal(event.type, WATCH_MODIFIED);
    assert_null(event.object);
    assert_string_equal(event.poison, "metadata.generation: wire type 2 where 0 should be");
    assert_string_equal(event.namespace, "ns");
    assert_string_equal(event.name, "a");
    assert_string_equal(event.resource_version, "7");
    object = wire_object("Job", &pod);
    frame = wire_event("ADDED", &object);
    assert_true(result_is_ok(decode_event(&bench.arena, &frame, &event, &error)));
    assert_string_equal(event.poison, "kind: expected Pod, got \"Job\"");
    assert_null(event.object);
    arena_free(&bench.arena);
}

static void events_of_other_types_are_told_as_from_json(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct error error = {0};
    struct watch_event event = {0};
    struct wire_text status = {0};
    struct wire_text object = wire_object("Status", &status);
    struct wire_text frame = wire_event("NEWS", &object);
    assert_true(result_is_ok(decode_event(&arena, &frame, &event, &error)));
    assert_int_equal(event.type, WATCH_UNKNOWN);
    assert_string_equal(event.type_name, "NEWS");
    static const struct {
        uint64_t given;
        int code;
    } codes[] = {{410, 410}, {0, 0}, {1000, 0}, {UINT64_MAX, 0}};
    for (size_t at = 0; at < COUNT_OF(codes); at++) {
        status.size = 0;
        wire_add_text(&status, 4, "Expired");
        wire_add_varint(&status, 6, codes[at].given);
        object = wire_object("Status", &status);
        frame = wire_event("ERROR", &object);
        assert_true(result_is_ok(decode_event(&arena, &frame, &event, &error)));
        assert_int_equal(event.type, WATCH_ERROR);
        assert_int_equal(event.code, codes[at].code);
        assert_string_equal(event.reason, "Expired");
        assert_null(event.message);
    }
    frame = wire_event("NEWS", &object);
    wire_add_text(&frame, 1, "ERROR"); /* the last counts */
    assert_true(result_is_ok(decode_event(&arena, &frame, &event, &error)));
    assert_int_equal(event.type, WATCH_ERROR);
    object = wire_object("Pod", &status); /* no Status, so nothing is known */
    frame = wire_event("ERROR", &object);
    assert_true(result_is_ok(decode_event(&arena, &frame, &event, &error)));
    assert_int_equal(event.code, 0);
    assert_null(event.reason);
    arena_free(&arena);
}

static void an_error_whose_status_is_cut_off_says_nothing(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct error error = {0};
    struct watch_event event = {0};
    struct wire_text status = {0};
    wire_add_text(&status, 4, "Expired");
    wire_add_varint(&status, 6, 410);
    wire_append(&status, "\x1a\x7f", 2);
    struct wire_text object = wire_object("Status", &status);
    struct wire_text frame = wire_event("ERROR", &object);
    assert_true(result_is_ok(decode_event(&arena, &frame, &event, &error)));
    assert_int_equal(event.type, WATCH_ERROR);
    assert_int_equal(event.code, 0);
    assert_null(event.reason);
    arena_free(&arena);
}

/* ---- Pages ---- */

static void add_list_meta(struct wire_text *list, const char *version)
{
    struct wire_text meta = {0};
    wire_add_text(&meta, 2, version);
    wire_add(list, 1, &meta);
}

static struct result decode_list(struct event_list *list, const struct wire_text *page,
                                 struct list_page *found, struct error *error)
{
    struct wire_text whole = wire_object("PodList", page);
    return codec_form_of(PROTOBUF)->decode_list(&list->arena, KIND_POD, whole.bytes, whole.size,
                                                event_list_take, list, found, error);
}

static void a_poisoned_item_harms_itself_alone(void **state)
{
    (void)state;
    struct event_list list = {.kind = KIND_POD};
    struct list_page found = {0};
    struct error error = {0};
    struct wire_text page = {0};
    static const char *const names[] = {"a", "poison", "b"};
    for (size_t at = 0; at < COUNT_OF(names); at++) {
        struct pod_bench bench = pod_bench_named(names[at]);
        if (at == 1) {
            wire_add_text(&bench.meta, META_GENERATION, "text");
        }
        struct wire_text pod = pod_bench_message(&bench);
        wire_add(&page, 2, &pod);
    }
    add_list_meta(&page, "9");
    assert_true(result_is_ok(decode_list(&list, &page, &found, &error)));
    assert_string_equal(found.resource_version, "9");
    assert_null(found.continue_token);
    assert_int_equal(list.count, 3);
    for (size_t at = 0; at < COUNT_OF(names); at++) {
        assert_string_equal(list.items[at].name, names[at]);
        assert_int_equal(list.items[at].poison != NULL, at == 1);
    }
    arena_free(&list.arena);
}

static void a_page_is_taken_whole_or_not_at_all(void **state)
{
    (void)state;
    struct event_list list = {.kind = KIND_POD};
    struct list_page found = {0};
    struct error error = {0};
    struct pod_bench bench = pod_bench_named("a");
    struct wire_text pod = pod_bench_message(&bench);
    struct wire_text page = {0};
    wire_add(&page, 2, &pod);
    assert_false(result_is_ok(decode_list(&list, &page, &found, &error)));
    assert_string_equal(error.message, "metadata.resourceVersion: required, but absent");
    add_list_meta(&page, "9");
    wire_append(&page, "\x12\x7f", 2);
    assert_false(result_is_ok(decode_list(&list, &page, &found, &error)));
    assert_string_equal(error.message, "a list is not a whole protobuf message");
    page = (struct wire_text){0};
    wire_add_bytes(&page, 1, "\xff", 1);
    wire_add(&page, 2, &pod);
    assert_false(result_is_ok(decode_list(&list, &page, &found, &error)));
    assert_string_equal(error.message, "not a whole protobuf message");
    struct wire_text whole = wire_object("JobList", &page);
    assert_int_equal(codec_form_of(PROTOBUF)
                         ->decode_list(&list.arena, KIND_POD, whole.bytes, whole.size,
                                       event_list_take, &list, &found, &error)
                         .kind,
                     ERROR_INVALID);
    assert_string_equal(error.message, "kind: expected PodList, got \"JobList\"");
    assert_int_equal(list.count, 0);
    arena_free(&list.arena);
}

static void a_number_where_an_item_belongs_is_skipped(void **state)
{
    (void)state;
    struct event_list list = {.kind = KIND_POD};
    struct list_page found = {0};
    struct error error = {0};
    struct pod_bench bench = pod_bench_named("a");
    struct wire_text pod = pod_bench_message(&bench);
    struct wire_text page = {0};
    add_list_meta(&page, "9");
    wire_add_varint(&page, 2, 7);
    wire_add(&page, 2, &pod);
    assert_true(result_is_ok(decode_list(&list, &page, &found, &error)));
    assert_int_equal(list.count, 1);
    assert_string_equal(list.items[0].name, "a");
    arena_free(&list.arena);
}

/* ---- Which form ---- */

static void the_content_type_tells_the_form(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        bool is_framed;
    } rows[] = {
        {PROTOBUF, true},
        {PROTOBUF ";stream=watch", true},
        {"Application/VND.kubernetes.Protobuf ; stream=watch", true},
        {PROTOBUF "2", false},
        {"application/json;stream=watch", false},
        {"application/json", false},
        {"", false},
        {NULL, false},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        assert_int_equal(codec_form_of(rows[at].type)->is_framed, rows[at].is_framed);
    }
    for (unsigned kind = 0; kind < KIND_COUNT; kind++) {
        const struct codec_form *form = codec_form_wanted((enum api_kind)kind);
        bool by_protobuf = kind == KIND_JOB || kind == KIND_POD;
        assert_int_equal(form->is_framed, by_protobuf);
        assert_int_equal(form->accept_list != NULL, by_protobuf);
        assert_true(!by_protobuf || text_equal(form->accept_list, PROTOBUF ",application/json"));
        assert_true(!by_protobuf ||
                    text_equal(form->accept_watch, PROTOBUF ";stream=watch,application/json"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_that_is_no_event_is_an_error),
        cmocka_unit_test(a_poisoned_object_is_named_as_far_as_it_can_be),
        cmocka_unit_test(events_of_other_types_are_told_as_from_json),
        cmocka_unit_test(an_error_whose_status_is_cut_off_says_nothing),
        cmocka_unit_test(a_poisoned_item_harms_itself_alone),
        cmocka_unit_test(a_page_is_taken_whole_or_not_at_all),
        cmocka_unit_test(a_number_where_an_item_belongs_is_skipped),
        cmocka_unit_test(the_content_type_tells_the_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
