#include "support/test.h"

#include "api/codec.h"
#include "api/codec_read.h"
#include "api/codec_scan.h"
#include "core/memory.h"
#include "core/text.h"
#include "support/samples.h"

#include <stdio.h>
#include <string.h>

/* ---- watch events ---- */

static struct watch_event decode_event(struct arena *arena, enum api_kind kind, const char *json)
{
    struct watch_event event = {0};
    struct error error = {0};
    if (!result_is_ok(codec_decode_event(arena, kind, json, strlen(json), &event, &error))) {
        fail_msg("%s", error.message);
    }
    return event;
}

static void an_event_brings_its_object(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < KIND_COUNT; kind++) {
        struct arena arena = {0};
        const char *json = arena_print(&arena, " {\"type\": \"ADDED\", \"object\": %s}\n",
                                       samples[kind]);
        struct watch_event event = decode_event(&arena, (enum api_kind)kind, json);
        assert_int_equal(event.type, WATCH_ADDED);
        assert_non_null(event.object);
        assert_null(event.poison);
        assert_string_equal(event.namespace, "team");
        assert_string_equal(event.resource_version, "1207");
        assert_string_equal(event.name, event.object->meta.name);
        arena_free(&arena);
    }
}

struct poison_row {
    const char *sentence;
    const char *spec; /* of a Pipeline */
    const char *poison;
};

static const struct poison_row poison_rows[] = {
    {"a wrong type", "{\"timeout\":6}", "spec.timeout: expected a string, got an integer"},
    {"an integer over 64 bits in a pod template",
     "{\"podDefaults\":{\"x\":[1,100000000000000000000]}}",
     "spec.podDefaults.x[1]: too big integer"},
    {"a NUL in a name in a pod template", "{\"podDefaults\":{\"a\\u0000\":1}}",
     "spec.podDefaults: NUL byte in object key not supported near '\"a\\u0000\"'"},
    {"a real over all bounds", "{\"podDefaults\":{\"x\":1e999}}",
     "spec.podDefaults.x: real number overflow near '1e999'"},
};

static const char *poisoned(struct arena *arena, const char *spec)
{
    return arena_print(arena,
                       "{\"spec\":%s,\"metadata\":{\"name\":\"bad\",\"namespace\":\"n\","
                       "\"resourceVersion\":\"8\"}}",
                       spec);
}

static void what_can_be_read_of_an_object_of_ours_is_kept(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(poison_rows); at++) {
        struct arena arena = {0};
        const char *json = arena_print(&arena, "{\"type\":\"MODIFIED\",\"object\":%s}",
                                       poisoned(&arena, poison_rows[at].spec));
        struct watch_event event = decode_event(&arena, KIND_PIPELINE, json);
        assert_null(event.poison);
        if (!text_equal(event.object->meta.unreadable, poison_rows[at].poison)) {
            fail_msg("%s: %s", poison_rows[at].sentence, event.object->meta.unreadable);
        }
        assert_string_equal(event.namespace, "n");
        assert_string_equal(event.name, "bad");
        assert_string_equal(event.resource_version, "8");
        arena_free(&arena);
    }
}

static void a_poisoned_object_still_has_its_name(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct watch_event event = decode_event(
        &arena, KIND_JOB,
        "{\"type\":\"MODIFIED\",\"object\":{\"spec\":7,\"metadata\":{\"name\":\"bad\","
        "\"namespace\":\"n\",\"resourceVersion\":\"8\"}}}");
    assert_null(event.object);
    assert_string_equal(event.poison, "spec: expected an object, got an integer");
    assert_string_equal(event.namespace, "n");
    assert_string_equal(event.name, "bad");
    assert_string_equal(event.resource_version, "8");
    arena_free(&arena);
}

static void an_object_nested_without_end_is_read_without_its_spec(void **state)
{
    (void)state;
    enum { DEEP = 100000 };
    struct arena arena = {0};
    char *deep = arena_allocate(&arena, 1, DEEP * 2 + 1);
    memset(deep, '[', DEEP);
    memset(deep + DEEP, ']', DEEP);
    const char *json = arena_print(
        &arena, "{\"type\":\"ADDED\",\"object\":%s}",
        poisoned(&arena, arena_print(&arena, "{\"podDefaults\":%s}", deep)));
    struct watch_event event = decode_event(&arena, KIND_PIPELINE, json);
    assert_string_equal(event.name, "bad");
    assert_string_equal(event.object->meta.unreadable,
                        "spec.podDefaults: nested deeper than 64 levels");
    arena_free(&arena);
}

static void a_bookmark_brings_a_version(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct watch_event event = decode_event(
        &arena, KIND_POD,
        "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"Pod\",\"apiVersion\":\"v1\","
        "\"metadata\":{\"resourceVersion\":\"12746\",\"creationTimestamp\":null},"
        "\"spec\":{\"containers\":null},\"status\":{}}}");
    assert_int_equal(event.type, WATCH_BOOKMARK);
    assert_string_equal(event.resource_version, "12746");
    assert_null(event.object);
    arena_free(&arena);
}

static void a_bookmark_without_metadata_brings_none_and_ends_nothing(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct watch_event event = decode_event(
        &arena, KIND_POD,
        "{\"type\":\"BOOKMARK\",\"object\":{\"resourceVersion\":\"7\",\"annotations\":{"
        "\"k8s.io/initial-events-end\":\"true\"}}}");
    assert_int_equal(event.type, WATCH_BOOKMARK);
    assert_null(event.resource_version);
    assert_false(event.ends_initial);
    arena_free(&arena);
}

static void an_error_event_brings_its_status(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct watch_event event = decode_event(
        &arena, KIND_POD,
        "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},"
        "\"status\":\"Failure\",\"message\":\"too old resource version\",\"reason\":\"Expired\","
        "\"code\":410}}");
    assert_int_equal(event.type, WATCH_ERROR);
    assert_int_equal(event.code, 410);
    assert_string_equal(event.reason, "Expired");
    assert_string_equal(event.message, "too old resource version");
    arena_free(&arena);
}

static void an_unknown_event_is_told_by_its_name(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct watch_event event = decode_event(&arena, KIND_POD,
                                            "{\"type\":\"RENAMED\",\"object\":{}}");
    assert_int_equal(event.type, WATCH_UNKNOWN);
    assert_string_equal(event.type_name, "RENAMED");
    arena_free(&arena);
}

static void what_is_no_event_is_an_error(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "",
        "{",
        "null",
        "{\"type\":\"ADDED\"}",
        "{\"object\":{}}",
        "{\"type\":7,\"object\":{}}",
        "{\"type\":\"ADDED\",\"object\":{}",
        "{\"type\":\"ADDED\",\"object\":{}} x",
        "{\"type\":\"ADDED\" \"object\":{}}",
        "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"cu",
    };
    for (size_t at = 0; at < COUNT_OF(lines); at++) {
        struct arena arena = {0};
        struct watch_event event = {0};
        struct error error = {0};
        struct result result = codec_decode_event(&arena, KIND_POD, lines[at], strlen(lines[at]),
                                                  &event, &error);
        if (result.kind != ERROR_INVALID || event.type_name) {
            fail_msg("%s", lines[at]);
        }
        arena_free(&arena);
    }
}

/* ---- lists ---- */

struct seen {
    char names[256];
    size_t objects;
    size_t poisons;
};

static void see(void *context, struct arena *object_arena, struct object *object,
                const char *namespace, const char *name, const char *poison)
{
    struct seen *seen = context;
    size_t used = strlen(seen->names);
    (void)snprintf(seen->names + used, sizeof(seen->names) - used, "%s/%s%s ",
                   text_or(namespace, "-"), text_or(name, "-"), poison ? "!" : "");
    seen->objects += object ? 1 : 0;
    seen->poisons += poison ? 1 : 0;
    assert_true(object_arena->used > 0);
    arena_free(object_arena);
    (void)memory_free(object_arena);
}

static void a_list_gives_each_item_and_where_to_go_on(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct seen seen = {0};
    struct list_page page;
    struct error error = {0};
    const char *json = arena_print(
        &arena,
        "{\"kind\":\"PipelineList\",\"apiVersion\":\"tidemill.dev/v1alpha1\",\"metadata\":"
        "{\"resourceVersion\":\"77\",\"continue\":\"next\"},\"items\":[\n"
        "{\"metadata\":{\"name\":\"a\",\"namespace\":\"n\"}}, %s, %s, 7, {},"
        "{\"metadata\":{\"name\":\"z\",\"namespace\":\"n\"}}]}",
        poisoned(&arena, "{\"podDefaults\":{\"x\":100000000000000000000}}"),
        poisoned(&arena, "{\"podDefaults\":{\"a\\u0000\":1}}"));
    assert_true(result_is_ok(
        codec_decode_list(&arena, KIND_PIPELINE, json, strlen(json), see, &seen, &page, &error)));
    assert_string_equal(seen.names, "n/a n/bad n/bad -/-! -/-! n/z ");
    assert_int_equal(seen.objects, 4);
    assert_int_equal(seen.poisons, 2);
    assert_string_equal(page.resource_version, "77");
    assert_string_equal(page.continue_token, "next");
    arena_free(&arena);
}

struct list_row {
    const char *sentence;
    const char *json;
    bool good;
};

static const struct list_row list_rows[] = {
    {"an empty list", "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[]}", true},
    {"Go's nil slice", "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":null}", true},
    {"a Status, which must not pass for an empty list",
     "{\"kind\":\"Status\",\"metadata\":{},\"code\":500}", false},
    {"no items", "{\"metadata\":{\"resourceVersion\":\"1\"}}", false},
    {"another kind's list",
     "{\"kind\":\"PodList\",\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[]}", false},
    {"no version to watch from", "{\"metadata\":{},\"items\":[]}", false},
    {"items that are as long as null", "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":true}",
     false},
    {"items that are no array", "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":{}}", false},
    {"a body that was cut", "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[{}", false},
    {"a body that was cut behind the items",
     "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[{}]", false},
    {"items that break off in the middle",
     "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[{} {}]}", false},
    {"no JSON", "<html>", false},
    {"nothing", "", false},
};

static void a_page_is_taken_whole_or_not_at_all(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(list_rows); at++) {
        struct arena arena = {0};
        struct seen seen = {0};
        struct list_page page;
        struct error error = {0};
        const char *json = list_rows[at].json;
        struct result result = codec_decode_list(&arena, KIND_PIPELINE, json, strlen(json), see,
                                                 &seen, &page, &error);
        if (result_is_ok(result) != list_rows[at].good || seen.names[0] != '\0') {
            fail_msg("%s: %s", list_rows[at].sentence, error.message);
        }
        arena_free(&arena);
    }
}

/* ---- small answers ---- */

static void a_refusal_says_why(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct api_status status;
    static const char refused[] =
        "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\","
        "\"message\":\"jobs.batch \\\"a\\\" already exists\",\"reason\":\"AlreadyExists\","
        "\"details\":{\"name\":\"a\"},\"code\":409}";
    codec_decode_status(&arena, refused, strlen(refused), &status);
    assert_int_equal(status.code, 409);
    assert_string_equal(status.reason, "AlreadyExists");
    assert_string_equal(status.message, "jobs.batch \"a\" already exists");
    static const char *const others[] = {"",
                                         "<html>502</html>",
                                         "[]",
                                         "{\"kind\":\"Pod\",\"reason\":\"x\"}",
                                         "{\"kind\":\"Status\",\"code\":\"409\",\"reason\":7}",
                                         "{\"kind\":\"Status\",\"code\":99999999999}",
                                         "{\"kind\":\"Status\",\"code\":-1}"};
    for (size_t at = 0; at < COUNT_OF(others); at++) {
        codec_decode_status(&arena, others[at], strlen(others[at]), &status);
        assert_int_equal(status.code, 0);
        assert_null(status.reason);
        assert_null(status.message);
    }
    arena_free(&arena);
}

static void an_answer_names_what_was_written(void **state)
{
    (void)state;
    struct arena arena = {0};
    const char *uid = "x";
    const char *version = "x";
    const char *json = samples[KIND_JOB];
    codec_decode_answer(&arena, json, strlen(json), &uid, &version);
    assert_string_equal(uid, "5f1c");
    assert_string_equal(version, "1207");
    static const char status[] = "{\"kind\":\"Status\",\"metadata\":{},\"status\":\"Success\"}";
    codec_decode_answer(&arena, status, strlen(status), &uid, &version);
    assert_null(uid);
    assert_null(version);
    arena_free(&arena);
}

static void the_newest_warning_is_found(void **state)
{
    (void)state;
    struct arena arena = {0};
    static const char events[] =
        "{\"kind\":\"EventList\",\"metadata\":{},\"items\":["
        "{\"type\":\"Warning\",\"note\":\"old\",\"eventTime\":\"2026-01-31T03:00:00.000001Z\"},"
        "{\"type\":\"Warning\",\"note\":\"again\",\"eventTime\":\"2026-01-31T02:00:00.000000Z\","
        "\"series\":{\"count\":3,\"lastObservedTime\":\"2026-01-31T03:05:00.000000Z\"}},"
        "{\"type\":\"Normal\",\"note\":\"fine\",\"eventTime\":\"2026-01-31T04:00:00.000000Z\"},"
        "{\"type\":\"Warning\",\"note\":\"kubelet\",\"eventTime\":null,"
        "\"deprecatedLastTimestamp\":\"2026-01-31T03:04:00Z\"}]}";
    assert_string_equal(codec_newest_warning(&arena, events, strlen(events)), "again");
    static const char core[] =
        "{\"items\":[{\"type\":\"Warning\",\"message\":\"core\",\"lastTimestamp\":null}]}";
    assert_string_equal(codec_newest_warning(&arena, core, strlen(core)), "core");
    static const char *const none[] = {"", "{}", "{\"items\":[]}", "{\"items\":[7,null]}",
                                       "{\"items\":[{\"type\":\"Normal\",\"note\":\"a\"}]}"};
    for (size_t at = 0; at < COUNT_OF(none); at++) {
        assert_null(codec_newest_warning(&arena, none[at], strlen(none[at])));
    }
    arena_free(&arena);
}

/* ---- the scanner underneath ---- */

static void a_position_has_a_path(void **state)
{
    (void)state;
    static const char json[] = "{\"a\":{\"b\":[1,{\"c\":\"]}\\\"\"},22]},\"d\":7}";
    struct span text = {json, strlen(json)};
    char path[64];
    scan_path_at(text, (size_t)(strstr(json, "22") - json), path, sizeof(path));
    assert_string_equal(path, "a.b[2]");
    scan_path_at(text, (size_t)(strstr(json, "]}\\") - json), path, sizeof(path));
    assert_string_equal(path, "a.b[1].c");
    scan_path_at(text, 0, path, sizeof(path));
    assert_string_equal(path, "");
    scan_path_at(text, strlen(json), path, sizeof(path));
    assert_string_equal(path, "");
    static const char odd[] = "{\"a\x01z\":7}";
    scan_path_at((struct span){odd, strlen(odd)}, (size_t)(strchr(odd, '7') - odd), path,
                 sizeof(path));
    assert_string_equal(path, "a?z");
    char narrow[4];
    scan_path_at(text, (size_t)(strstr(json, "22") - json), narrow, sizeof(narrow));
    assert_string_equal(narrow, "a.b");
}

static void depth_counts_brackets_but_not_those_in_texts(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        size_t depth;
    } rows[] = {{"7", 0}, {"\"[[[\"", 0},           {"{}", 1},    {"[[],{}]", 2},
                {"", 0},  {"{\"a\":\"\\\"[\"}", 1}, {"[[", 0 + 2}};
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct span text = {rows[at].json, strlen(rows[at].json)};
        assert_int_equal(scan_depth(text), rows[at].depth);
    }
}

/* Whoever asks has seen the type; this holds without that. */
static void an_integer_is_digits_alone(void **state)
{
    (void)state;
    static const char *const texts[] = {"1e5", "1.5", "e", "+1", "1+", "-", "--1", "01", "-01", ""};
    for (size_t at = 0; at < COUNT_OF(texts); at++) {
        struct error error = {0};
        struct reader reader = {.text = {texts[at], strlen(texts[at])}, .error = &error};
        int64_t value = 7;
        struct result result = read_integer(&reader, &value);
        if (result.kind != ERROR_INVALID || value != 7 ||
            !text_starts_with(error.message, "not a number near '")) {
            fail_msg("\"%s\": %s", texts[at], error.message);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_brings_its_object),
        cmocka_unit_test(what_can_be_read_of_an_object_of_ours_is_kept),
        cmocka_unit_test(a_poisoned_object_still_has_its_name),
        cmocka_unit_test(an_object_nested_without_end_is_read_without_its_spec),
        cmocka_unit_test(a_bookmark_brings_a_version),
        cmocka_unit_test(a_bookmark_without_metadata_brings_none_and_ends_nothing),
        cmocka_unit_test(an_error_event_brings_its_status),
        cmocka_unit_test(an_unknown_event_is_told_by_its_name),
        cmocka_unit_test(what_is_no_event_is_an_error),
        cmocka_unit_test(a_list_gives_each_item_and_where_to_go_on),
        cmocka_unit_test(a_page_is_taken_whole_or_not_at_all),
        cmocka_unit_test(a_refusal_says_why),
        cmocka_unit_test(an_answer_names_what_was_written),
        cmocka_unit_test(the_newest_warning_is_found),
        cmocka_unit_test(a_position_has_a_path),
        cmocka_unit_test(depth_counts_brackets_but_not_those_in_texts),
        cmocka_unit_test(an_integer_is_digits_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
