/*
 * Objects in protobuf, written by hand (api/codec_protobuf.c): what protobuf allows comes out as
 * from JSON, and all else is refused with its path.
 */

#include "support/test.h"

#include "api/codec_protobuf.h"
#include "api/pipeline.h"
#include "api/schema.h"
#include "api/workload.h"
#include "core/memory.h"
#include "core/text.h"
#include "support/protobuf_fixture.h"

#include <string.h>

/* ---- What protobuf allows ---- */

/* A pod with this meta and status, or NULL, with bench->error. */
static const struct pod *decode_pod(struct pod_bench *bench, const struct wire_text *message)
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

static const struct pod *decode_bench(struct pod_bench *bench)
{
    struct wire_text message = pod_bench_message(bench);
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
    struct pod_bench bench = {0};
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
    struct pod_bench bench = pod_bench_named("first");
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

/*
 * Metadata and status in two pieces each, the other between, and one with nothing in it; name and a
 * container in the later.
 */
static void embedded_messages_in_pieces_are_one(void **state)
{
    (void)state;
    struct pod_bench first = {0};
    struct pod_bench second = {0};
    struct wire_text container = {0};
    struct wire_text pod = {0};
    struct wire_text nothing = {0};
    wire_add_text(&first.meta, META_NAMESPACE, "ns");
    wire_add_text(&second.meta, META_NAME, "a");
    wire_add_text(&container, CONTAINER_NAME, "one");
    wire_add(&first.status, STATUS_CONTAINERS, &container);
    wire_add_text(&first.status, STATUS_PHASE, "Running");
    wire_add_text(&container, CONTAINER_NAME, "two");
    wire_add(&second.status, STATUS_CONTAINERS, &container);
    wire_add(&pod, OBJECT_META, &first.meta);
    wire_add(&pod, POD_STATUS, &first.status);
    wire_add(&pod, OBJECT_META, &nothing);
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

/* Members that a later version may have, or that are no text. */
static void what_is_not_known_within_a_map_or_a_time_is_skipped(void **state)
{
    (void)state;
    struct pod_bench bench = pod_bench_named("a");
    struct wire_text entry = {0};
    struct wire_text time = {0};
    wire_add_varint(&entry, 1, 7);
    wire_add_text(&entry, 1, LABEL_MODEL);
    wire_add_varint(&entry, 2, 7);
    wire_add_text(&entry, 2, "value");
    wire_add_text(&entry, 3, "more");
    wire_add(&bench.meta, META_LABELS, &entry);
    wire_add_varint(&time, 1, 5);
    wire_add_varint(&time, 2, 9);
    wire_add_text(&time, 1, "7");
    wire_add(&bench.meta, META_CREATED, &time);
    const struct pod *pod = decode_bench(&bench);
    assert_non_null(pod);
    assert_int_equal(pod->meta.labels.count, 1);
    assert_string_equal(text_map_get(&pod->meta.labels, LABEL_MODEL), "value");
    assert_int_equal(pod->meta.creation_time, 5);
    arena_free(&bench.arena);
}

static void a_map_is_sorted_and_the_last_of_a_name_counts(void **state)
{
    (void)state;
    struct pod_bench bench = pod_bench_named("a");
    add_label(&bench.meta, META_ANNOTATIONS, "tidemill.dev/z", "1");
    add_label(&bench.meta, META_ANNOTATIONS, "tidemill.dev/b", "first");
    add_label(&bench.meta, META_ANNOTATIONS, "example.com/x", "dropped");
    add_label(&bench.meta, META_ANNOTATIONS, "tidemill.dev/b", "last");
    add_label(&bench.meta, META_ANNOTATIONS, "tidemill.dev/without", NULL);
    add_label(&bench.meta, META_ANNOTATIONS, NULL, "nameless");
    const struct pod *pod = decode_bench(&bench);
    assert_non_null(pod);
    assert_int_equal(pod->meta.annotations.count, 3);
    assert_string_equal(pod->meta.annotations.items[0].name, "tidemill.dev/b");
    assert_string_equal(text_map_get(&pod->meta.annotations, "tidemill.dev/b"), "last");
    assert_string_equal(text_map_get(&pod->meta.annotations, "tidemill.dev/without"), "");
    assert_string_equal(text_map_get(&pod->meta.annotations, "tidemill.dev/z"), "1");
    arena_free(&bench.arena);
}

/* Not what merely begins like one of them, or is its beginning. */
static void of_labels_those_that_are_read_are_kept(void **state)
{
    (void)state;
    struct pod_bench bench = pod_bench_named("a");
    add_label(&bench.meta, META_LABELS, LABEL_RUN, "r");
    add_label(&bench.meta, META_LABELS, LABEL_VERSION_UID, "u");
    add_label(&bench.meta, META_LABELS, LABEL_MODEL_VERSION, "m-1");
    add_label(&bench.meta, META_LABELS, "tidemill.dev/mode", "no");
    add_label(&bench.meta, META_LABELS, LABEL_MODEL, "m");
    add_label(&bench.meta, META_LABELS, NULL, "nameless");
    const struct pod *pod = decode_bench(&bench);
    assert_non_null(pod);
    assert_int_equal(pod->meta.labels.count, 2);
    assert_string_equal(text_map_get(&pod->meta.labels, LABEL_MODEL), "m");
    assert_string_equal(text_map_get(&pod->meta.labels, LABEL_VERSION_UID), "u");
    arena_free(&bench.arena);
}

static void numbers_texts_and_times_come_out_as_from_json(void **state)
{
    (void)state;
    struct pod_bench bench = pod_bench_named("a\xff\xc3\xbc");
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
    bench = pod_bench_named("a");
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
    {"field number 2^29", BYTES("\x80\x80\x80\x80\x10\x01"), BYTES(""),
     "metadata: not a whole protobuf message"},
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
    {"a container that is a number, between two", BYTES(""),
     BYTES("\x42\x04\x0a\x02ok\x40\x01\x42\x04\x0a\x02ok"),
     "status.containerStatuses: wire type 0 where 2 should be"},
    {"a time before year 0", BYTES("\x42\x0b\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"),
     BYTES(""), "metadata.creationTimestamp: expected a time, got"},
    {"deep inside", BYTES(""), BYTES("\x42\x0a\x0a\x02ok\x12\x04\x1a\x02\x0a\x00"),
     "status.containerStatuses[0].state.terminated.exitCode: wire type 2"},
};

static void what_is_wrong_is_told_with_its_path(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(refusals); at++) {
        const struct refusal_row *row = &refusals[at];
        struct pod_bench bench = pod_bench_named("a");
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
    struct pod_bench bench = pod_bench_named("");
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

static void a_map_has_no_more_entries_than_it_may(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct error error = {0};
    struct meta meta = {0};
    size_t size = 2 * (PROTOBUF_ITEMS_MAXIMUM + 1);
    char *message = memory_allocate(1, size + 3);
    for (size_t at = 0; at < size; at += 2) {
        message[at] = (char)(META_LABELS << 3 | 2);
    }
    memcpy(message + size, "\x0a\x01x", 3);
    const struct schema *schema = schema_find(schema_of(KIND_POD), "metadata")->schema;
    struct result result = protobuf_decode(&arena, schema, (struct span){message, size + 3}, &meta,
                                           &error);
    assert_int_equal(result.kind, ERROR_INVALID);
    assert_true(text_starts_with(error.message, "labels: "));
    (void)memory_free(message);
    arena_free(&arena);
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
    {"a beginning of the encoding", BYTES("k8s\0\x1a\x05x"),
     "an object's wrapping is no protobuf message"},
    {"another kind", BYTES("k8s\0\x0a\x05\x12\x03Job\x12\x00"), "kind: expected Pod, got \"Job\""},
    {"a type that is a number, as if there were none", BYTES("k8s\0\x08\x01"),
     "metadata: required, but absent"},
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_that_nobody_reads_are_skipped),
        cmocka_unit_test(the_last_of_a_scalar_counts),
        cmocka_unit_test(embedded_messages_in_pieces_are_one),
        cmocka_unit_test(what_is_not_known_within_a_map_or_a_time_is_skipped),
        cmocka_unit_test(a_map_is_sorted_and_the_last_of_a_name_counts),
        cmocka_unit_test(of_labels_those_that_are_read_are_kept),
        cmocka_unit_test(numbers_texts_and_times_come_out_as_from_json),
        cmocka_unit_test(what_is_wrong_is_told_with_its_path),
        cmocka_unit_test(a_table_that_numbers_what_has_no_form_here_is_refused),
        cmocka_unit_test(a_pod_without_a_name_is_refused),
        cmocka_unit_test(a_list_has_no_more_items_than_it_may),
        cmocka_unit_test(a_map_has_no_more_entries_than_it_may),
        cmocka_unit_test(an_object_in_another_wrapping_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
