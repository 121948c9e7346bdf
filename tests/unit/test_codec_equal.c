/* When two structs say the same. Random pairs of them: test_codec_patch.c. */

#include "support/test.h"

#include "api/codec_private.h"

#include <string.h>

struct equal_row {
    const char *sentence;
    enum api_kind kind;
    const char *before; /* members of the object beside its metadata */
    const char *after;
    bool is_equal;
};

#define SELECTOR(map)  "\"spec\":{\"selector\":" map "}"
#define MODES(list)    "\"spec\":{\"accessModes\":" list "}"
#define STEPS(list)    "\"spec\":{\"steps\":" list "}"
#define DEFAULTS(json) "\"spec\":{\"podDefaults\":" json "}"

static const struct equal_row equal_rows[] = {
    {"lists of the same texts", KIND_CLAIM, MODES("[\"a\",\"b\"]"), MODES("[\"a\",\"b\"]"), true},
    {"lists of texts of which the last differs", KIND_CLAIM, MODES("[\"a\",\"b\"]"),
     MODES("[\"a\",\"c\"]"), false},
    {"lists of texts in another order", KIND_CLAIM, MODES("[\"a\",\"b\"]"), MODES("[\"b\",\"a\"]"),
     false},
    {"a list of texts that goes on", KIND_CLAIM, MODES("[\"a\"]"), MODES("[\"a\",\"b\"]"), false},
    {"a list of texts that lost its end", KIND_CLAIM, MODES("[\"a\",\"b\"]"), MODES("[\"a\"]"),
     false},
    {"an empty list of texts and none", KIND_CLAIM, MODES("[]"), MODES("null"), true},
    {"lists of steps of which one differs", KIND_PIPELINE, STEPS("[{\"name\":\"a\"}]"),
     STEPS("[{\"name\":\"b\"}]"), false},
    {"a list of steps that goes on", KIND_PIPELINE, STEPS("[{\"name\":\"a\"}]"),
     STEPS("[{\"name\":\"a\"},{\"name\":\"b\"}]"), false},
    {"steps whose arguments differ", KIND_PIPELINE, STEPS("[{\"name\":\"a\",\"args\":[\"1\"]}]"),
     STEPS("[{\"name\":\"a\",\"args\":[\"2\"]}]"), false},
    {"a template with its members in another order", KIND_PIPELINE, DEFAULTS("{\"a\":1,\"b\":2}"),
     DEFAULTS("{\"b\":2,\"a\":1}"), true},
    {"a template with another value", KIND_PIPELINE, DEFAULTS("{\"a\":1}"), DEFAULTS("{\"a\":2}"),
     false},
    {"a template and none", KIND_PIPELINE, DEFAULTS("{}"), DEFAULTS("null"), false},
    {"an absent number and 0 where they differ", KIND_PIPELINE, "\"spec\":{}",
     "\"spec\":{\"maxConcurrentRuns\":0}", false},
    {"a text and none", KIND_PIPELINE, "\"spec\":{\"timeout\":\"1h\"}", "\"spec\":{}", false},
    {"a time and another", KIND_JOB, "\"status\":{\"completionTime\":\"2026-01-31T03:00:00Z\"}",
     "\"status\":{\"completionTime\":\"2026-01-31T03:00:01Z\"}", false},
    {"what no table names", KIND_JOB, "\"other\":1", "\"other\":2", true},
};

static struct object *decode(struct arena *arena, const struct equal_row *row, const char *members)
{
    struct object *object = NULL;
    struct error error = {0};
    const char *json = arena_print(arena, "{\"metadata\":{\"name\":\"x\"},%s}", members);
    if (!result_is_ok(codec_decode(arena, row->kind, json, strlen(json), &object, &error))) {
        fail_msg("%s: %s", row->sentence, error.message);
    }
    return object;
}

static void structs_are_equal_when_they_say_the_same(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(equal_rows); at++) {
        const struct equal_row *row = &equal_rows[at];
        struct arena arena = {0};
        const struct schema *schema = schema_of(row->kind);
        const struct object *before = decode(&arena, row, row->before);
        const struct object *after = decode(&arena, row, row->after);
        if (codec_equal(schema, before, after) != row->is_equal ||
            codec_equal(schema, after, before) != row->is_equal) {
            fail_msg("%s", row->sentence);
        }
        arena_free(&arena);
    }
}

static void maps_are_equal_when_their_names_and_values_are(void **state)
{
    (void)state;
    static const struct {
        const char *before;
        const char *after;
        bool is_equal;
    } rows[] = {
        {SELECTOR("{\"a\":\"1\",\"b\":\"2\"}"), SELECTOR("{\"b\":\"2\",\"a\":\"1\"}"), true},
        {SELECTOR("{\"a\":\"1\",\"b\":\"2\"}"), SELECTOR("{\"a\":\"1\",\"b\":\"3\"}"), false},
        {SELECTOR("{\"a\":\"1\",\"b\":\"2\"}"), SELECTOR("{\"a\":\"1\",\"c\":\"2\"}"), false},
        {SELECTOR("{\"a\":\"1\",\"b\":\"2\"}"), SELECTOR("{\"a\":\"1\"}"), false},
        {SELECTOR("{}"), SELECTOR("null"), true},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct arena arena = {0};
        const struct equal_row row = {.sentence = rows[at].after, .kind = KIND_SERVICE};
        const struct object *before = decode(&arena, &row, rows[at].before);
        const struct object *after = decode(&arena, &row, rows[at].after);
        assert_int_equal(codec_equal(schema_of(KIND_SERVICE), before, after), rows[at].is_equal);
        assert_int_equal(codec_equal(schema_of(KIND_SERVICE), after, before), rows[at].is_equal);
        arena_free(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(structs_are_equal_when_they_say_the_same),
        cmocka_unit_test(maps_are_equal_when_their_names_and_values_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
