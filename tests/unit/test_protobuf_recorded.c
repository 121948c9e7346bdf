/*
 * What a real API server sent in both forms: what comes out of the protobuf is what comes out of
 * the JSON, and every number of the field tables was met.
 */

#include "support/test.h"

#include "api/codec_form.h"
#include "api/schema.h"
#include "core/memory.h"
#include "core/text.h"
#include "kube/watch_stream.h"
#include "support/protobuf_fixture.h"
#include "support/recorded.h"

#include <stdio.h>
#include <string.h>

static struct result take_event(void *context, const char *bytes, size_t size)
{
    struct event_list *list = context;
    struct error error = {0};
    assert_true(list->count < COUNT_OF(list->items));
    if (!result_is_ok(list->form->decode_event(&list->arena, list->kind, bytes, size,
                                               &list->items[list->count++], &error))) {
        fail_msg("event %zu: %s", list->count, error.message);
    }
    return RESULT_OK;
}

static void read_events(const char *name, const char *content_type, struct event_list *list)
{
    struct recorded recorded = recorded_read(name);
    struct watch_stream stream;
    list->form = codec_form_of(content_type);
    watch_stream_init(&stream, take_event, list);
    watch_stream_begin(&stream, list->form->is_framed);
    assert_true(result_is_ok(watch_stream_feed(&stream, recorded.bytes, recorded.size)));
    watch_stream_free(&stream);
    recorded_free(&recorded);
}

static struct list_page read_page(const char *name, const char *content_type,
                                  struct event_list *list)
{
    struct recorded recorded = recorded_read(name);
    struct list_page page = {0};
    struct error error = {0};
    if (!result_is_ok(codec_form_of(content_type)
                          ->decode_list(&list->arena, list->kind, recorded.bytes, recorded.size,
                                        event_list_take, list, &page, &error))) {
        fail_msg("%s: %s", name, error.message);
    }
    recorded_free(&recorded);
    return page;
}

static void expect_same_event(const struct event_list *json, const struct event_list *wire,
                              struct arena *arena, size_t at)
{
    const struct watch_event *left = &json->items[at];
    const struct watch_event *right = &wire->items[at];
    assert_int_equal(left->type, right->type);
    assert_true(text_equal(left->namespace, right->namespace));
    assert_true(text_equal(left->name, right->name));
    assert_true(text_equal(left->resource_version, right->resource_version));
    assert_int_equal(left->ends_initial, right->ends_initial);
    assert_int_equal(left->code, right->code);
    assert_true(text_equal(left->reason, right->reason));
    assert_true(text_equal(left->message, right->message));
    assert_null(left->poison);
    assert_null(right->poison);
    assert_int_equal(left->object != NULL, right->object != NULL);
    if (left->object) {
        assert_string_equal(codec_encode_stored(arena, json->kind, left->object),
                            codec_encode_stored(arena, json->kind, right->object));
    }
}

static const struct {
    enum api_kind kind;
    const char *watch;
    const char *page;
    size_t of_type[WATCH_UNKNOWN]; /* at least */
} recordings[] = {
    {KIND_JOB, "jobs-watch", "jobs-page", {4, 3, 1, 2, 0}},
    {KIND_POD, "pods-watch", "pods-page", {4, 2, 2, 2, 0}},
    {KIND_JOB, "watch-expired", NULL, {0, 0, 0, 0, 1}},
};

static void recorded_watches_say_the_same_in_both_forms(void **state)
{
    (void)state;
    for (size_t row = 0; row < COUNT_OF(recordings); row++) {
        struct event_list json = {.kind = recordings[row].kind};
        struct event_list wire = {.kind = recordings[row].kind};
        size_t of_type[WATCH_UNKNOWN + 1] = {0};
        char name[64];
        (void)snprintf(name, sizeof(name), "%s.json", recordings[row].watch);
        read_events(name, "application/json", &json);
        (void)snprintf(name, sizeof(name), "%s.pb", recordings[row].watch);
        read_events(name, PROTOBUF ";stream=watch", &wire);
        assert_int_equal(json.count, wire.count);
        for (size_t at = 0; at < json.count; at++) {
            of_type[json.items[at].type]++;
            expect_same_event(&json, &wire, &json.arena, at);
        }
        for (unsigned type = 0; type < WATCH_UNKNOWN; type++) {
            assert_true(of_type[type] >= recordings[row].of_type[type]);
        }
        arena_free(&json.arena);
        arena_free(&wire.arena);
    }
}

static void recorded_pages_say_the_same_in_both_forms(void **state)
{
    (void)state;
    for (size_t row = 0; row < COUNT_OF(recordings) && recordings[row].page; row++) {
        struct event_list json = {.kind = recordings[row].kind};
        struct event_list wire = {.kind = recordings[row].kind};
        char name[64];
        (void)snprintf(name, sizeof(name), "%s.json", recordings[row].page);
        struct list_page left = read_page(name, NULL, &json);
        (void)snprintf(name, sizeof(name), "%s.pb", recordings[row].page);
        struct list_page right = read_page(name, PROTOBUF, &wire);
        assert_true(text_equal(left.resource_version, right.resource_version));
        assert_true(text_equal(left.continue_token, right.continue_token));
        assert_int_equal(row == 0, right.continue_token != NULL);
        assert_int_equal(json.count, wire.count);
        assert_true(json.count >= 3);
        for (size_t at = 0; at < json.count; at++) {
            assert_true(text_equal(json.items[at].name, wire.items[at].name));
            assert_null(wire.items[at].poison);
            assert_string_equal(json.items[at].message, wire.items[at].message);
        }
        arena_free(&json.arena);
        arena_free(&wire.arena);
    }
}

static void a_recorded_refusal_says_the_same_in_both_forms(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct recorded json = recorded_read("token-refused.json");
    struct recorded wire = recorded_read("token-refused.pb");
    struct api_status left;
    struct api_status right;
    codec_form_of(NULL)->decode_status(&arena, json.bytes, json.size, &left);
    codec_form_of(PROTOBUF)->decode_status(&arena, wire.bytes, wire.size, &right);
    assert_int_equal(right.code, 400);
    assert_int_equal(left.code, right.code);
    assert_string_equal(left.reason, right.reason);
    assert_string_equal(left.message, right.message);
    recorded_free(&json);
    recorded_free(&wire);
    arena_free(&arena);
}

static void recorded_answers_name_the_same_in_both_forms(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct recorded json = recorded_read("job-answer.json");
    struct recorded wire = recorded_read("job-answer.pb");
    const char *left[2];
    const char *right[2];
    codec_form_of(NULL)->decode_answer(&arena, json.bytes, json.size, &left[0], &left[1]);
    codec_form_of(PROTOBUF)->decode_answer(&arena, wire.bytes, wire.size, &right[0], &right[1]);
    assert_int_equal(strlen(right[0]), strlen("5f1c0e4e-0000-4000-8000-000000000000"));
    assert_string_equal(left[0], right[0]);
    assert_string_equal(left[1], right[1]);
    assert_true(wire.size < json.size);
    static const char *const others[] = {"", "k8s", "{\"metadata\":{\"uid\":\"u\"}}"};
    for (size_t at = 0; at < COUNT_OF(others); at++) {
        codec_form_of(PROTOBUF)->decode_answer(&arena, others[at], strlen(others[at]), &right[0],
                                               &right[1]);
        assert_null(right[0]);
        assert_null(right[1]);
    }
    recorded_free(&json);
    recorded_free(&wire);
    arena_free(&arena);
}

/* A piece of each recorded frame, up to each of its bytes, is an error or poison and no crash. */
static struct result cut_frame(void *context, const char *bytes, size_t size)
{
    const struct event_list *list = context;
    for (size_t cut = 1; cut < size; cut++) {
        struct arena arena = {0};
        struct error error = {0};
        struct watch_event event = {0};
        char *copy = memory_allocate(1, cut);
        memcpy(copy, bytes, cut);
        struct result result = list->form->decode_event(&arena, list->kind, copy, cut, &event,
                                                        &error);
        assert_false(result_is_ok(result) && event.object);
        (void)memory_free(copy);
        arena_free(&arena);
    }
    return RESULT_OK;
}

static void a_frame_cut_anywhere_is_no_object(void **state)
{
    (void)state;
    struct event_list list = {.kind = KIND_POD, .form = codec_form_of(PROTOBUF)};
    struct recorded recorded = recorded_read("pods-watch.pb");
    struct watch_stream stream;
    watch_stream_init(&stream, cut_frame, &list);
    watch_stream_begin(&stream, true);
    assert_true(result_is_ok(watch_stream_feed(&stream, recorded.bytes, recorded.size)));
    watch_stream_free(&stream);
    recorded_free(&recorded);
}

/* ---- Every number in the tables was met ---- */

struct met {
    const struct field *fields[128];
    size_t count;
};

static bool is_met(const struct met *met, const struct field *field)
{
    for (size_t at = 0; at < met->count; at++) {
        if (met->fields[at] == field) {
            return true;
        }
    }
    return false;
}

/* Whether the member holds something else than absence. */
static bool is_filled(const struct field *field, const char *object)
{
    static const char nothing[sizeof(struct text_map)] = {0};
    const char *member = object + field->offset;
    int64_t number;
    struct text_map map;
    switch (field->type) {
    case FIELD_INTEGER:
        memcpy(&number, member, sizeof(number));
        return number != field->absent;
    case FIELD_TIME:
        memcpy(&number, member, sizeof(number));
        return number != TIME_ABSENT;
    case FIELD_BOOLEAN:
        return *(const bool *)member;
    case FIELD_TEXT_MAP:
        memcpy(&map, member, sizeof(map));
        return map.count > 0;
    default:
        return memcmp(member, nothing, sizeof(char *)) != 0;
    }
}

static void note_met(struct met *met, const struct schema *schema, const char *object)
{
    for (size_t at = 0; at < schema->field_count; at++) {
        const struct field *field = &schema->fields[at];
        const char *items = object + field->offset;
        size_t count = 1;
        if (field->type == FIELD_LIST) {
            memcpy(&count, object + field->count_offset, sizeof(count));
            memcpy(&items, object + field->offset, sizeof(items));
        }
        for (size_t item = 0; field->schema && item < count; item++) {
            note_met(met, field->schema, items + item * field->schema->size);
        }
        bool counts = field->type == FIELD_OBJECT || is_filled(field, object);
        if (counts && !is_met(met, field)) {
            assert_true(met->count < COUNT_OF(met->fields));
            met->fields[met->count++] = field;
        }
    }
}

static void expect_met(const struct met *met, const struct schema *schema)
{
    for (size_t at = 0; at < schema->field_count; at++) {
        const struct field *field = &schema->fields[at];
        if (field->number == 0 || !is_met(met, field)) {
            fail_msg("%s.%s: number %u, met: %d", schema->name, field->name, field->number,
                     is_met(met, field));
        }
        if (field->schema) {
            expect_met(met, field->schema);
        }
    }
}

static void each_field_has_its_number_and_was_met_in_a_recording(void **state)
{
    (void)state;
    struct met met = {0};
    struct event_list jobs = {.kind = KIND_JOB};
    struct event_list pods = {.kind = KIND_POD};
    read_events("jobs-watch.pb", PROTOBUF, &jobs);
    read_events("pods-watch.pb", PROTOBUF, &pods);
    for (size_t at = 0; at < jobs.count; at++) {
        if (jobs.items[at].object) {
            note_met(&met, schema_of(KIND_JOB), (const char *)jobs.items[at].object);
        }
    }
    for (size_t at = 0; at < pods.count; at++) {
        if (pods.items[at].object) {
            note_met(&met, schema_of(KIND_POD), (const char *)pods.items[at].object);
        }
    }
    expect_met(&met, schema_of(KIND_JOB));
    expect_met(&met, schema_of(KIND_POD));
    arena_free(&jobs.arena);
    arena_free(&pods.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recorded_watches_say_the_same_in_both_forms),
        cmocka_unit_test(recorded_pages_say_the_same_in_both_forms),
        cmocka_unit_test(a_recorded_refusal_says_the_same_in_both_forms),
        cmocka_unit_test(recorded_answers_name_the_same_in_both_forms),
        cmocka_unit_test(each_field_has_its_number_and_was_met_in_a_recording),
        cmocka_unit_test(a_frame_cut_anywhere_is_no_object),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
