#include "support/test.h"

#include "api/codec.h"
#include "core/text.h"

#include <string.h>

#define EIGHT      "[[[[[[[["
#define SIXTY_FOUR EIGHT EIGHT EIGHT EIGHT EIGHT EIGHT EIGHT EIGHT

struct results_row {
    const char *sentence;
    const char *json;
    const char *expected; /* "name=value ..." in order, or the message */
    bool good;
};

static const struct results_row results_rows[] = {
    {"no results at all", "{}", "", true},
    {"each type as text, sorted by name",
     "{\"text\":\"a b\",\"rows\":12,\"fraction\":0.5,\"yes\":true,\"no\":false}",
     "fraction=0.5 no=false rows=12 text=a b yes=true ", true},
    {"a fraction keeps its digits", "{\"x\":0.10}", "x=0.10 ", true},
    {"an exponent stays", "{\"x\":-1.5E+3}", "x=-1.5E+3 ", true},
    {"an integer of 30 digits keeps them", "{\"x\":123456789012345678901234567890}",
     "x=123456789012345678901234567890 ", true},
    {"white space and a last newline", " { \"a\" :\t1 ,\n\"b\" : 2 }\n", "a=1 b=2 ", true},
    {"escapes are read", "{\"\\u0061\":\"\\u00e4\\n\"}", "a=\xC3\xA4\n ", true},
    {"an empty text is a value", "{\"a\":\"\"}", "a= ", true},
    {"a list is no value", "{\"a\":[1]}",
     "result \"a\" is an array: write a string, a number or a boolean", false},
    {"an object is no value", "{\"a\":{}}",
     "result \"a\" is an object: write a string, a number or a boolean", false},
    {"null is no value", "{\"a\":null}",
     "result \"a\" is null: write a string, a number or a boolean", false},
    {"a NUL cannot be kept", "{\"a\":\"\\u0000\"}", "result \"a\" holds a NUL character", false},
    {"a list instead of an object", "[]", "expected one JSON object, got an array", false},
    {"a number instead of an object", "12", "expected one JSON object, got a number", false},
    {"a text instead of an object", "\"rows\"", "expected one JSON object, got a string", false},
    {"yes instead of an object", "true", "expected one JSON object, got a boolean", false},
    {"no instead of an object", "false", "expected one JSON object, got a boolean", false},
    {"null instead of an object", "null", "expected one JSON object, got null", false},
    {"a name twice", "{\"a\":1,\"a\":2}", "line 1, column 10: duplicate object key near '\"a\"'",
     false},
    {"NaN as Python writes it", "{\"a\":NaN}", "a: invalid token near 'NaN'", false},
    {"cut in the middle", "{\"a\":\"bc", "line 1, column 8: premature end of input near '\"bc'",
     false},
    {"log lines", "Traceback (most recent call last):", NULL, false},
    {"nothing", "", NULL, false},
    {"two objects", "{} {}", NULL, false},
    {"brackets without end", "{\"a\":" SIXTY_FOUR, "nested deeper than 64 levels", false},
};

static const char *join(struct arena *arena, const struct text_map *map)
{
    const char *text = "";
    for (size_t at = 0; at < map->count; at++) {
        text = arena_print(arena, "%s%s=%s ", text, map->items[at].name, map->items[at].value);
    }
    return text;
}

static void results_are_taken_as_they_were_written(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(results_rows); at++) {
        const struct results_row *row = &results_rows[at];
        struct arena arena = {0};
        struct text_map results = {0};
        struct error error = {0};
        struct result result = codec_decode_results(&arena, row->json, &results, &error);
        const char *got = result_is_ok(result) ? join(&arena, &results) : error.message;
        if (result_is_ok(result) != row->good ||
            (row->expected && !text_equal(got, row->expected))) {
            fail_msg("%s: %s", row->sentence, got);
        }
        assert_true(row->good || (got[0] != '\0' && results.items == NULL));
        arena_free(&arena);
    }
}

struct report_row {
    const char *sentence;
    const char *json;
    const char *expected; /* "inputs|digest|reason|message", or the error's message */
    bool good;
};

static const struct report_row report_rows[] = {
    {"a prepare without inputs", "{\"inputs\":{}}", "|-|-|-", true},
    {"digests of inputs, sorted; sizes are dropped",
     "{\"inputs\":{\"t\":{\"digest\":\"sha256:2\",\"bytes\":3,\"files\":1},"
     "\"a\":{\"digest\":\"sha256:1\"}}}",
     "a=sha256:1 t=sha256:2 |-|-|-", true},
    {"a copy", "{\"digest\":\"sha256:9\",\"bytes\":1}", "|sha256:9|-|-", true},
    {"a failure", "{\"reason\":\"InputMissing\",\"message\":\"no a/b\"}", "|-|InputMissing|no a/b",
     true},
    {"an input without a digest", "{\"inputs\":{\"a\":{}}}",
     "inputs.a.digest: required, but absent", false},
    {"an input's digest that is no text", "{\"inputs\":{\"a\":{\"digest\":7}}}",
     "digest: expected a string, got an integer", false},
    {"inputs that are no object", "{\"inputs\":[]}", "inputs: expected an object, got an array",
     false},
    {"a digest that is no text", "{\"digest\":7}", "digest: expected a string, got an integer",
     false},
    {"an input that is a text", "{\"inputs\":\"a\"}", "inputs: expected an object, got a string",
     false},
    {"a reason that is a boolean", "{\"reason\":true}", "reason: expected a string, got a boolean",
     false},
    {"a message that is a fraction", "{\"message\":0.5}",
     "message: expected a string, got a number", false},
    {"log lines", "exec format error", NULL, false},
};

static void a_helper_s_report_is_read(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(report_rows); at++) {
        const struct report_row *row = &report_rows[at];
        struct arena arena = {0};
        struct artifact_report report = {0};
        struct error error = {0};
        struct result result = codec_decode_artifact_report(&arena, row->json, &report, &error);
        const struct text_map digests = {report.digests, report.digest_count};
        const char *got = error.message;
        if (result_is_ok(result)) {
            got = arena_print(&arena, "%s|%s|%s|%s", join(&arena, &digests),
                              text_or(report.digest, "-"), text_or(report.reason, "-"),
                              text_or(report.message, "-"));
        }
        if (result_is_ok(result) != row->good ||
            (row->expected && !text_equal(got, row->expected))) {
            fail_msg("%s: %s", row->sentence, got);
        }
        arena_free(&arena);
    }
}

static void a_pod_s_image_is_found(void **state)
{
    (void)state;
    struct arena arena = {0};
    static const char pod[] = "{\"spec\":{\"containers\":[{\"name\":\"a\",\"image\":\"x:1\"},"
                              "{\"name\":\"step\",\"image\":\"y:2\"},{\"name\":\"none\"}]}}";
    assert_string_equal(codec_find_image(&arena, pod, strlen(pod), "step"), "y:2");
    assert_null(codec_find_image(&arena, pod, strlen(pod), "none"));
    assert_null(codec_find_image(&arena, pod, strlen(pod), "other"));
    assert_null(codec_find_image(&arena, "<", 1, "step"));
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results_are_taken_as_they_were_written),
        cmocka_unit_test(a_helper_s_report_is_read),
        cmocka_unit_test(a_pod_s_image_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
