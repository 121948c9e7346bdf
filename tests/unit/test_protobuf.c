/* The protobuf form of Jobs and Pods: what comes out of it is what comes out of their JSON. */

#include "support/test.h"

#include "api/codec_form.h"
#include "api/codec_protobuf.h"
#include "api/pipeline.h"
#include "api/schema.h"
#include "api/workload.h"
#include "core/memory.h"
#include "core/text.h"
#include "kube/watch_stream.h"
#include "support/recorded.h"

#include <stdio.h>
#include <string.h>

#define PROTOBUF "application/vnd.kubernetes.protobuf"

/* Field numbers that the tests write. */
enum {
    OBJECT_META = 1,
    POD_STATUS = 3,
    META_NAME = 1,
    META_NAMESPACE = 3,
    META_VERSION = 6,
    META_GENERATION = 7,
    META_CREATED = 8,
    META_LABELS = 11,
    META_ANNOTATIONS = 12,
    META_OWNERS = 13,
    STATUS_PHASE = 1,
    STATUS_CONTAINERS = 8,
    CONTAINER_NAME = 1,
    CONTAINER_STATE = 2,
    CONTAINER_RESTARTS = 5,
    CONTAINER_IMAGE = 6,
    STATE_TERMINATED = 3,
    TERMINATED_CODE = 1,
    UNKNOWN_NUMBER = 999
};

/* ---- What a real API server sends ---- */

struct event_list {
    struct arena arena;
    enum api_kind kind;
    const struct codec_form *form;
    struct watch_event items[64];
    size_t count;
};

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

static void take_listed(void *context, struct arena *arena, struct object *object,
                        const char *namespace, const char *name, const char *poison)
{
    struct event_list *list = context;
    assert_true(list->count < COUNT_OF(list->items));
    const char *text = object ? codec_encode_stored(&list->arena, list->kind, object) : NULL;
    list->items[list->count++] = (struct watch_event){
        .name = arena_copy_text(&list->arena, name),
        .namespace = arena_copy_text(&list->arena, namespace),
        .poison = arena_copy_text(&list->arena, poison),
        .message = text};
    arena_free(arena);
    (void)memory_free(arena);
}

static struct list_page read_page(const char *name, const char *content_type,
                                  struct event_list *list)
{
    struct recorded recorded = recorded_read(name);
    struct list_page page = {0};
    struct error error = {0};
    if (!result_is_ok(codec_form_of(content_type)
                          ->decode_list(&list->arena, list->kind, recorded.bytes, recorded.size,
                                        take_listed, list, &page, &error))) {
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

/* ---- What protobuf allows ---- */

struct bench {
    struct arena arena;
    struct wire_text meta;
    struct wire_text status;
    struct error error;
};

/* A pod with this meta and status, or NULL, with bench->error. */
static const struct pod *decode_pod(struct bench *bench, const struct wire_text *message)
{
    struct object *object = NULL;
    struct wire_text whole = wire_object("Pod", message);
    /* A heap copy of the exact size: the sanitizer sees a read beyond it. */
    char *copy = memory_allocate(1, whole.size);
    memcpy(copy, whole.bytes, whole.size);
    struct result result = codec_decode_protobuf(&bench->arena, KIND_POD, copy, whole.size, &object,
                                                 &bench->error);
    (void)memory_free(copy);
    return result_is_ok(result) ? (const struct pod *)(void *)object : NULL;
}

static struct wire_text pod_of(const struct bench *bench)
{
    struct wire_text pod = {0};
    wire_add(&pod, OBJECT_META, &bench->meta);
    wire_add(&pod, POD_STATUS, &bench->status);
    return pod;
}

static struct bench bench_named(const char *name)
{
    struct bench bench = {0};
    wire_add_text(&bench.meta, META_NAME, name);
    return bench;
}

static const struct pod *decode_bench(struct bench *bench)
{
    struct wire_text message = pod_of(bench);
    return decode_pod(bench, &message);
}

static void fields_that_nobody_reads_are_skipped(void **state)
{
    (void)state;
    /* 64 bits, 32 bits, a group with a group in it; then a varint and bytes. */
    static const char unknown[] = "\xb9\x3e"
                                  "12345678"
                                  "\xbd\x3e"
                                  "1234"
                                  "\xbb\x3e\x08\x01\x13\x12\x02xy\x14\xbc\x3e";
    struct bench bench = {0};
    wire_append(&bench.meta, unknown, sizeof(unknown) - 1);
    wire_add_varint(&bench.meta, UNKNOWN_NUMBER, UINT64_MAX);
    wire_add_text(&bench.meta, UNKNOWN_NUMBER, "text");
    wire_add_text(&bench.meta, META_NAME, "a");
    wire_append(&bench.status, unknown, sizeof(unknown) - 1);
    wire_add_text(&bench.status, STATUS_PHASE, "Running");
    const struct pod *pod = decode_bench(&bench);
    assert_non_null(pod);
    assert_string_equal(pod->meta.name, "a");
    assert_string_equal(pod->status.phase, "Running");
    arena_free(&bench.arena);
}

static void the_last_of_a_scalar_counts(void **state)
{
    (void)state;
    struct bench bench = bench_named("first");
    wire_add_text(&bench.meta, META_NAME, "last");
    wire_add_text(&bench.meta, META_NAMESPACE, "gone again");
    wire_add_text(&bench.meta, META_NAMESPACE, "");
    wire_add_varint(&bench.meta, META_GENERATION, 1);
    wire_add_varint(&bench.meta, META_GENERATION, 2);
    const struct pod *pod = decode_bench(&bench);
    assert_non_null(pod);
    assert_string_equal(pod->meta.name, "last");
    assert_null(pod->meta.namespace);
    assert_int_equal(pod->meta.generation, 2);
    arena_free(&bench.arena);
}

/* Metadata and status in two pieces each, the other between; name and a container in the later. */
static void embedded_messages_in_pieces_are_one(void **state)
{
    (void)state;
    struct bench first = {0};
    struct bench second = {0};
    struct wire_text container = {0};
    struct wire_text pod = {0};
    wire_add_text(&first.meta, META_NAMESPACE, "ns");
    wire_add_text(&second.meta, META_NAME, "a");
    wire_add_text(&container, CONTAINER_NAME, "one");
    wire_add(&first.status, STATUS_CONTAINERS, &container);
    wire_add_text(&first.status, STATUS_PHASE, "Running");
    wire_add_text(&container, CONTAINER_NAME, "two");
    wire_add(&second.status, STATUS_CONTAINERS, &container);
    wire_add(&pod, OBJECT_META, &first.meta);
    wire_add(&pod, POD_STATUS, &first.status);
    wire_add(&pod, OBJECT_META, &second.meta);
    wire_add(&pod, POD_STATUS, &second.status);
    const struct pod *decoded = decode_pod(&first, &pod);
    assert_non_null(decoded);
    assert_string_equal(decoded->meta.name, "a");
    assert_string_equal(decoded->meta.namespace, "ns");
    assert_string_equal(decoded->status.phase, "Running");
    assert_int_equal(decoded->status.container_count, 2);
    assert_string_equal(decoded->status.containers[0].name, "one");
    assert_string_equal(decoded->status.containers[1].name, "two");
    assert_int_equal(decoded->status.containers[1].state.terminated.exit_code, INTEGER_ABSENT);
    arena_free(&first.arena);
}

static void add_label(struct wire_text *meta, unsigned map, const char *name, const char *value)
{
    struct wire_text entry = {0};
    if (value) { /* the other way round than usual */
        wire_add_text(&entry, 2, value);
    }
    if (name) {
        wire_add_text(&entry, 1, name);
    }
    wire_add(meta, map, &entry);
}

static void a_map_is_sorted_and_the_last_of_a_name_counts(void **state)
{
    (void)state;
    struct bench bench = bench_named("a");
    add_label(&bench.meta, META_LABELS, "z", "1");
    add_label(&bench.meta, META_LABELS, "b", "first");
    add_label(&bench.meta, META_ANNOTATIONS, "example.com/x", "dropped");
    add_label(&bench.meta, META_ANNOTATIONS, "tidemill.dev/x", "kept");
    add_label(&bench.meta, META_LABELS, "b", "last");
    add_label(&bench.meta, META_LABELS, "without", NULL);
    add_label(&bench.meta, META_LABELS, NULL, "nameless");
    const struct pod *pod = decode_bench(&bench);
    assert_non_null(pod);
    assert_int_equal(pod->meta.labels.count, 4);
    assert_string_equal(pod->meta.labels.items[0].name, "");
    assert_string_equal(pod->meta.labels.items[0].value, "nameless");
    assert_string_equal(text_map_get(&pod->meta.labels, "b"), "last");
    assert_string_equal(text_map_get(&pod->meta.labels, "without"), "");
    assert_string_equal(text_map_get(&pod->meta.labels, "z"), "1");
    assert_int_equal(pod->meta.annotations.count, 1);
    assert_string_equal(text_map_get(&pod->meta.annotations, "tidemill.dev/x"), "kept");
    arena_free(&bench.arena);
}

static void numbers_texts_and_times_come_out_as_from_json(void **state)
{
    (void)state;
    struct bench bench = bench_named("a\xff\xc3\xbc");
    struct wire_text ended = {0};
    struct wire_text in_state = {0};
    struct wire_text container = {0};
    struct wire_text time = {0};
    wire_add_varint(&ended, TERMINATED_CODE, (uint64_t)-7); /* int32: ten bytes */
    wire_add(&in_state, STATE_TERMINATED, &ended);
    wire_add_text(&container, CONTAINER_NAME, "");
    wire_add_text(&container, CONTAINER_IMAGE, "");
    wire_add_varint(&container, CONTAINER_RESTARTS, 5);
    wire_add(&container, CONTAINER_STATE, &in_state);
    wire_add(&bench.status, STATUS_CONTAINERS, &container);
    wire_add_bytes(&bench.status, STATUS_PHASE, "a\0b", 3);
    wire_add_varint(&time, 1, (uint64_t)-1);
    wire_add_varint(&time, 2, 999999999);
    wire_add(&bench.meta, META_CREATED, &time);
    const struct pod *pod = decode_bench(&bench);
    assert_non_null(pod);
    assert_string_equal(pod->meta.name, "a\xEF\xBF\xBD\xc3\xbc");
    assert_string_equal(pod->status.phase, "a\xEF\xBF\xBD"
                                           "b");
    assert_int_equal(pod->meta.creation_time, -1);
    assert_int_equal(pod->meta.deletion_time, TIME_ABSENT);
    assert_string_equal(pod->status.containers[0].name, "");
    assert_string_equal(pod->status.containers[0].image, "");
    assert_null(pod->status.containers[0].image_id);
    assert_int_equal(pod->status.containers[0].state.terminated.exit_code, -7);
    arena_free(&bench.arena);
    bench = bench_named("a");
    wire_add_text(&bench.meta, META_CREATED, ""); /* Go's zero time */
    pod = decode_bench(&bench);
    assert_non_null(pod);
    assert_int_equal(pod->meta.creation_time, TIME_ABSENT);
    arena_free(&bench.arena);
}

/* ---- What is refused ---- */

struct refusal_row {
    const char *sentence;
    const char *meta; /* behind the name "a" */
    size_t meta_size;
    const char *status;
    size_t status_size;
    const char *message;
};

#define BYTES(text) text, sizeof(text) - 1

static const struct refusal_row refusals[] = {
    {"a field cut off",
     BYTES("\x1a\x05"
           "ab"),
     BYTES(""), "metadata: not a whole protobuf message"},
    {"a number without an end", BYTES("\x38\xff\xff"), BYTES(""),
     "metadata: not a whole protobuf message"},
    {"a number of eleven bytes", BYTES("\x38\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
     BYTES(""), "metadata: not a whole protobuf message"},
    {"field number 0", BYTES("\x00\x01"), BYTES(""), "metadata: not a whole protobuf message"},
    {"a wire type that there is not", BYTES("\x0f\x01"), BYTES(""),
     "metadata: not a whole protobuf message"},
    {"a group that does not end", BYTES("\xbb\x3e\x08\x01"), BYTES(""),
     "metadata: not a whole protobuf message"},
    {"the end of a group that was not begun", BYTES("\xbc\x3e"), BYTES(""),
     "metadata: not a whole protobuf message"},
    {"a length of 2^63", BYTES("\x1a\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"), BYTES(""),
     "metadata: not a whole protobuf message"},
    {"text where a number should be", BYTES("\x3a\x01x"), BYTES(""),
     "metadata.generation: wire type 2 where 0 should be"},
    {"a number where text should be", BYTES("\x18\x01"), BYTES(""),
     "metadata.namespace: wire type 0 where 2 should be"},
    {"a group where text should be", BYTES("\x1b\x1c"), BYTES(""),
     "metadata.namespace: wire type 3 where 2 should be"},
    {"a label that is no message", BYTES("\x5a\x01\xff"), BYTES(""),
     "metadata.labels: an entry is not a whole protobuf message"},
    {"a time that is no message", BYTES("\x42\x01\xff"), BYTES(""),
     "metadata.creationTimestamp: not a whole protobuf message"},
    {"a time in year 10000", BYTES("\x42\x07\x08\x80\x83\xd1\xff\xaf\x07"), BYTES(""),
     "metadata.creationTimestamp: expected a time, got"},
    {"a container without a name", BYTES(""), BYTES("\x42\x04\x0a\x02ok\x42\x02\x20\x01"),
     "status.containerStatuses[1].name: required, but absent"},
    {"a container that is a number, behind one that is none", BYTES(""),
     BYTES("\x42\x04\x0a\x02ok\x40\x01"),
     "status.containerStatuses: wire type 0 where 2 should be"},
    {"deep inside", BYTES(""), BYTES("\x42\x0a\x0a\x02ok\x12\x04\x1a\x02\x0a\x00"),
     "status.containerStatuses[0].state.terminated.exitCode: wire type 2"},
};

static void what_is_wrong_is_told_with_its_path(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(refusals); at++) {
        const struct refusal_row *row = &refusals[at];
        struct bench bench = bench_named("a");
        wire_append(&bench.meta, row->meta, row->meta_size);
        wire_append(&bench.status, row->status, row->status_size);
        const struct pod *pod = decode_bench(&bench);
        if (pod || !text_starts_with(bench.error.message, row->message)) {
            fail_msg("%s: %s", row->sentence, pod ? "was taken" : bench.error.message);
        }
        arena_free(&bench.arena);
    }
}

/* None of ours does; one that did would say so at once, and not drop what was sent. */
static void a_table_that_numbers_what_has_no_form_here_is_refused(void **state)
{
    (void)state;
    static const struct {
        enum field_type type;
        const char *message;
    } rows[] = {
        {FIELD_TEXT_LIST, "a field table numbers a field of type text-list"},
        {FIELD_RAW, "a field table numbers a field of type raw"},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct arena arena = {0};
        struct error error = {0};
        struct raw_json into = {0};
        const struct field field = {.name = "x", .type = rows[at].type, .number = 1};
        const struct schema schema = {
            .name = "x", .size = sizeof(into), .fields = &field, .field_count = 1};
        struct result result = protobuf_decode(&arena, &schema, (struct span){BYTES("\x0a\x01x")},
                                               &into, &error);
        assert_int_equal(result.kind, ERROR_INVALID);
        assert_string_equal(error.message, rows[at].message);
        assert_null(into.text);
        arena_free(&arena);
    }
}

static void a_pod_without_a_name_is_refused(void **state)
{
    (void)state;
    struct bench bench = bench_named("");
    assert_null(decode_bench(&bench));
    assert_string_equal(bench.error.message, "metadata.name: required, but absent");
    struct wire_text pod = {0};
    wire_add(&pod, POD_STATUS, &bench.status);
    assert_null(decode_pod(&bench, &pod));
    assert_string_equal(bench.error.message, "metadata: required, but absent");
    arena_free(&bench.arena);
}

/* Two bytes on the wire would each be a struct. */
static void a_list_has_no_more_items_than_it_may(void **state)
{
    (void)state;
    for (size_t more = 0; more < 2; more++) {
        struct arena arena = {0};
        struct error error = {0};
        struct meta meta = {0};
        size_t size = 2 * (PROTOBUF_ITEMS_MAXIMUM + more);
        char *message = memory_allocate(1, size + 3);
        for (size_t at = 0; at < size; at += 2) {
            message[at] = (char)(META_OWNERS << 3 | 2);
        }
        memcpy(message + size, "\x0a\x01x", 3);
        const struct schema *schema = schema_find(schema_of(KIND_POD), "metadata")->schema;
        struct result result = protobuf_decode(&arena, schema, (struct span){message, size + 3},
                                               &meta, &error);
        assert_int_equal(result_is_ok(result), more == 0);
        assert_int_equal(meta.owner_count, more == 0 ? PROTOBUF_ITEMS_MAXIMUM : 0);
        (void)memory_free(message);
        arena_free(&arena);
    }
}

/* ---- The wrapping ---- */

static const struct {
    const char *sentence;
    const char *bytes;
    size_t size;
    const char *message;
} wrappings[] = {
    {"nothing", BYTES(""), "an object does not begin with k8s and a zero"},
    {"a beginning", BYTES("k8s"), "an object does not begin with k8s and a zero"},
    {"JSON", BYTES("{\"kind\":\"Pod\"}"), "an object does not begin with k8s and a zero"},
    {"another encoding", BYTES("k8s\x01"), "an object does not begin with k8s and a zero"},
    {"no message", BYTES("k8s\0\xff"), "an object's wrapping is no protobuf message"},
    {"a type that is no message", BYTES("k8s\0\x0a\x01\xff"),
     "an object's wrapping is no protobuf message"},
    {"another kind", BYTES("k8s\0\x0a\x05\x12\x03Job\x12\x00"), "kind: expected Pod, got \"Job\""},
    {"compressed", BYTES("k8s\0\x12\x00\x1a\x04gzip"), "an object has a content encoding"},
    {"nothing in it", BYTES("k8s\0"), "metadata: required, but absent"},
};

static void an_object_in_another_wrapping_is_refused(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(wrappings); at++) {
        struct arena arena = {0};
        struct error error = {0};
        struct object *object = NULL;
        struct result result = codec_decode_protobuf(&arena, KIND_POD, wrappings[at].bytes,
                                                     wrappings[at].size, &object, &error);
        if (result_is_ok(result) || !text_equal(error.message, wrappings[at].message)) {
            fail_msg("%s: %s", wrappings[at].sentence, error.message);
        }
        arena_free(&arena);
    }
}

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
    struct bench bench = bench_named("a");
    struct error error = {0};
    struct watch_event event = {0};
    wire_add_text(&bench.meta, META_NAMESPACE, "ns");
    wire_add_text(&bench.meta, META_VERSION, "7");
    wire_add_text(&bench.meta, META_GENERATION, "text");
    struct wire_text pod = pod_of(&bench);
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
                                                take_listed, list, found, error);
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
        struct bench bench = bench_named(names[at]);
        if (at == 1) {
            wire_add_text(&bench.meta, META_GENERATION, "text");
        }
        struct wire_text pod = pod_of(&bench);
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
    struct bench bench = bench_named("a");
    struct wire_text pod = pod_of(&bench);
    struct wire_text page = {0};
    wire_add(&page, 2, &pod);
    assert_false(result_is_ok(decode_list(&list, &page, &found, &error)));
    assert_string_equal(error.message, "metadata.resourceVersion: required, but absent");
    add_list_meta(&page, "9");
    wire_append(&page, "\x12\x7f", 2);
    assert_false(result_is_ok(decode_list(&list, &page, &found, &error)));
    assert_string_equal(error.message, "a list is not a whole protobuf message");
    assert_int_equal(list.count, 0);
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
        cmocka_unit_test(recorded_watches_say_the_same_in_both_forms),
        cmocka_unit_test(recorded_pages_say_the_same_in_both_forms),
        cmocka_unit_test(a_recorded_refusal_says_the_same_in_both_forms),
        cmocka_unit_test(recorded_answers_name_the_same_in_both_forms),
        cmocka_unit_test(each_field_has_its_number_and_was_met_in_a_recording),
        cmocka_unit_test(fields_that_nobody_reads_are_skipped),
        cmocka_unit_test(the_last_of_a_scalar_counts),
        cmocka_unit_test(embedded_messages_in_pieces_are_one),
        cmocka_unit_test(a_map_is_sorted_and_the_last_of_a_name_counts),
        cmocka_unit_test(numbers_texts_and_times_come_out_as_from_json),
        cmocka_unit_test(what_is_wrong_is_told_with_its_path),
        cmocka_unit_test(a_table_that_numbers_what_has_no_form_here_is_refused),
        cmocka_unit_test(a_pod_without_a_name_is_refused),
        cmocka_unit_test(a_list_has_no_more_items_than_it_may),
        cmocka_unit_test(an_object_in_another_wrapping_is_refused),
        cmocka_unit_test(a_frame_that_is_no_event_is_an_error),
        cmocka_unit_test(a_poisoned_object_is_named_as_far_as_it_can_be),
        cmocka_unit_test(events_of_other_types_are_told_as_from_json),
        cmocka_unit_test(a_frame_cut_anywhere_is_no_object),
        cmocka_unit_test(a_poisoned_item_harms_itself_alone),
        cmocka_unit_test(a_page_is_taken_whole_or_not_at_all),
        cmocka_unit_test(the_content_type_tells_the_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
