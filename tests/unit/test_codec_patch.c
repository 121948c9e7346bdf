#include "support/test.h"

#include "api/codec.h"
#include "api/codec_private.h"
#include "api/pipeline_run.h"
#include "api/schema.h"
#include "api/trigger.h"
#include "core/text.h"
#include "support/json_patch.h"
#include "support/random_object.h"
#include "support/samples.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { RANDOM_PAIRS = 2000 };

static json_t *as_document(struct arena *arena, enum api_kind kind, const struct object *object)
{
    json_t *document = json_loads(codec_encode_stored(arena, kind, object), 0, NULL);
    assert_non_null(document);
    return document;
}

static void require_patch_leads_there(struct arena *arena, enum api_kind kind,
                                      const struct object *before, const struct object *after)
{
    const char *patch = codec_status_patch(arena, kind, before, after);
    json_t *document = as_document(arena, kind, before);
    json_t *wanted = as_document(arena, kind, after);
    json_t *status = json_object_get(wanted, "status");
    if (!patch) {
        assert_true(status == json_object_get(document, "status") ||
                    json_equal(status, json_object_get(document, "status")));
    } else {
        json_t *operations = json_loads(patch, 0, NULL);
        assert_non_null(operations);
        json_patch_apply(document, operations);
        json_t *reached = json_object_get(document, "status");
        assert_true(json_equal(reached, status) || (!status && json_object_size(reached) == 0));
        assert_string_equal(patch, codec_status_patch(arena, kind, before, after));
        json_decref(operations);
    }
    json_decref(document);
    json_decref(wanted);
}

static const enum api_kind our_kinds[] = {KIND_PIPELINE, KIND_PIPELINE_RUN, KIND_MODEL,
                                          KIND_MODEL_VERSION, KIND_TRIGGER};

static void a_patch_turns_any_status_into_any_other(void **state)
{
    (void)state;
    struct prng prng;
    prng_seed(&prng, 42);
    for (int round = 0; round < RANDOM_PAIRS; round++) {
        struct arena arena = {0};
        enum api_kind kind = our_kinds[prng_between(&prng, 0, COUNT_OF(our_kinds) - 1)];
        const struct schema *schema = schema_of(kind);
        const struct field *status = schema_find(schema, "status");
        struct object *before = arena_allocate(&arena, 1, schema->size);
        struct object *after = arena_allocate(&arena, 1, schema->size);
        random_fill(&arena, &prng, schema, (int)prng_between(&prng, 10, 100), before);
        before->meta.resource_version = "12";
        memcpy(after, before, schema->size);
        if (round % 2 == 0) {
            random_change(&arena, &prng, status->schema, (char *)after + status->offset);
        } else {
            memset((char *)after + status->offset, 0, status->schema->size);
            random_fill(&arena, &prng, status->schema, 50, (char *)after + status->offset);
        }
        require_patch_leads_there(&arena, kind, before, after);
        arena_free(&arena);
    }
}

static struct object *run_with_status(struct arena *arena, const char *status)
{
    struct object *run = NULL;
    struct error error = {0};
    const char *json = arena_print(
        arena,
        "{\"metadata\":{\"name\":\"r\",\"resourceVersion\":\"7\"},\"spec\":"
        "{\"pipelineRef\":{\"name\":\"p\"}},\"status\":%s}",
        status);
    if (!result_is_ok(codec_decode(arena, KIND_PIPELINE_RUN, json, strlen(json), &run, &error))) {
        fail_msg("%s", error.message);
    }
    return run;
}

static void an_equal_status_gives_no_patch(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(our_kinds); at++) {
        struct arena arena = {0};
        struct error error = {0};
        struct object *before = NULL;
        struct object *after = NULL;
        enum api_kind kind = our_kinds[at];
        const char *json = samples[kind];
        assert_true(result_is_ok(codec_decode(&arena, kind, json, strlen(json), &before, &error)));
        assert_true(result_is_ok(codec_decode(&arena, kind, json, strlen(json), &after, &error)));
        assert_null(codec_status_patch(&arena, kind, before, after));
        arena_free(&arena);
    }
}

/* A planner may say either; others see no difference. */
static void two_ways_to_say_that_a_number_is_absent_are_the_same(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct pipeline_run *before = (struct pipeline_run *)run_with_status(&arena,
                                                                         "{\"phase\":\"Pending\"}");
    struct pipeline_run after = *before;
    after.status.observed_generation = INTEGER_ABSENT;
    assert_int_not_equal(before->status.observed_generation, INTEGER_ABSENT);
    assert_null(codec_status_patch(&arena, KIND_PIPELINE_RUN, (const struct object *)before,
                                   (const struct object *)&after));
    arena_free(&arena);
}

static void two_ways_to_say_that_a_message_is_absent_are_the_same(void **state)
{
    (void)state;
    static const char *const conditions[] = {
        "{\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\",\"message\":\"\"}]}",
        "{\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}]}"};
    struct arena arena = {0};
    const struct object *empty = run_with_status(&arena, conditions[0]);
    const struct object *absent = run_with_status(&arena, conditions[1]);
    assert_null(codec_status_patch(&arena, KIND_PIPELINE_RUN, empty, absent));
    assert_null(codec_status_patch(&arena, KIND_PIPELINE_RUN, absent, empty));
    arena_free(&arena);
}

/* Like random_change(), but in one member of one struct, however deep: mostly a single difference.
 */
static void change_one(struct arena *arena, struct prng *prng, const struct schema *schema,
                       void *object)
{
    const struct field *field = &schema->fields[prng_between(prng, 0, schema->field_count - 1)];
    const struct schema alone = {
        .name = schema->name, .size = schema->size, .fields = field, .field_count = 1};
    if (field->type == FIELD_OBJECT) {
        change_one(arena, prng, field->schema, (char *)object + field->offset);
    } else {
        random_change(arena, prng, &alone, object);
    }
}

/* Nothing that differs is taken for equal: it would never be written. */
static void structs_are_equal_when_each_member_is(void **state)
{
    (void)state;
    struct prng prng;
    size_t equal = 0;
    prng_seed(&prng, 43);
    for (int round = 0; round < 4 * RANDOM_PAIRS; round++) {
        struct arena arena = {0};
        const struct schema *schema = schema_of(
            our_kinds[prng_between(&prng, 0, COUNT_OF(our_kinds) - 1)]);
        struct object *before = arena_allocate(&arena, 1, schema->size);
        struct object *after = arena_allocate(&arena, 1, schema->size);
        random_fill(&arena, &prng, schema, (int)prng_between(&prng, 10, 100), before);
        memcpy(after, before, schema->size);
        if (round % 4 == 0) {
            random_change(&arena, &prng, schema, after);
        } else {
            change_one(&arena, &prng, schema, after);
        }
        bool is_equal = codec_equal(schema, before, after);
        assert_int_equal(is_equal, struct_equal(schema, before, after, 0));
        equal += is_equal;
        arena_free(&arena);
    }
    assert_in_range(equal, RANDOM_PAIRS, 3 * RANDOM_PAIRS);
}

/* ---- the exact text, for a status that is easy to read ---- */

struct patch_row {
    const char *sentence;
    const char *before;
    const char *after;
    const char *patch; /* behind the operation that locks */
};

#define LOCK "{\"op\":\"replace\",\"path\":\"/metadata/resourceVersion\",\"value\":\"7\"}"

static const struct patch_row patch_rows[] = {
    {"what changed is replaced, and nothing else", "{\"phase\":\"Running\",\"progress\":\"0/2\"}",
     "{\"phase\":\"Running\",\"progress\":\"1/2\"}",
     "{\"op\":\"replace\",\"path\":\"/status/progress\",\"value\":\"1/2\"}"},
    {"operations are sorted by name", "{\"observedGeneration\":-1}",
     "{\"revision\":\"r\",\"phase\":\"Pending\",\"observedGeneration\":1}",
     "{\"op\":\"replace\",\"path\":\"/status/observedGeneration\",\"value\":1},"
     "{\"op\":\"add\",\"path\":\"/status/phase\",\"value\":\"Pending\"},"
     "{\"op\":\"add\",\"path\":\"/status/revision\",\"value\":\"r\"}"},
    {"what vanished is removed", "{\"phase\":\"Pending\",\"sealJob\":\"j\"}",
     "{\"phase\":\"Pending\"}", "{\"op\":\"remove\",\"path\":\"/status/sealJob\"}"},
    {"an item of a list is patched in its place",
     "{\"steps\":[{\"name\":\"a\"},{\"name\":\"b\",\"phase\":\"Running\"}]}",
     "{\"steps\":[{\"name\":\"a\"},{\"name\":\"b\",\"phase\":\"Succeeded\"}]}",
     "{\"op\":\"replace\",\"path\":\"/status/steps/1/phase\",\"value\":\"Succeeded\"}"},
    {"new items go to the end", "{\"steps\":[{\"name\":\"a\"}]}",
     "{\"steps\":[{\"name\":\"a\"},{\"name\":\"b\"},{\"name\":\"c\"}]}",
     "{\"op\":\"add\",\"path\":\"/status/steps/-\",\"value\":{\"name\":\"b\"}},"
     "{\"op\":\"add\",\"path\":\"/status/steps/-\",\"value\":{\"name\":\"c\"}}"},
    {"a shorter list loses its end first",
     "{\"steps\":[{\"name\":\"a\"},{\"name\":\"b\"},"
     "{\"name\":\"c\"}]}",
     "{\"steps\":[{\"name\":\"c\"}]}",
     "{\"op\":\"replace\",\"path\":\"/status/steps/0/name\",\"value\":\"c\"},"
     "{\"op\":\"remove\",\"path\":\"/status/steps/2\"},"
     "{\"op\":\"remove\",\"path\":\"/status/steps/1\"}"},
    {"a first list is added whole", "{\"phase\":\"Pending\"}",
     "{\"phase\":\"Pending\",\"steps\":[{\"name\":\"a\"}]}",
     "{\"op\":\"add\",\"path\":\"/status/steps\",\"value\":[{\"name\":\"a\"}]}"},
    {"a first status is added whole", "{}", "{\"phase\":\"Pending\"}",
     "{\"op\":\"add\",\"path\":\"/status\",\"value\":{\"phase\":\"Pending\"}}"},
};

static void a_patch_says_only_what_changed(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(patch_rows); at++) {
        const struct patch_row *row = &patch_rows[at];
        struct arena arena = {0};
        struct object *before = run_with_status(&arena, row->before);
        struct object *after = run_with_status(&arena, row->after);
        const char *patch = codec_status_patch(&arena, KIND_PIPELINE_RUN, before, after);
        const char *expected = arena_print(&arena, "[" LOCK ",%s]", row->patch);
        if (!text_equal(patch, expected)) {
            fail_msg("%s:\n%s\n%s", row->sentence, patch, expected);
        }
        require_patch_leads_there(&arena, KIND_PIPELINE_RUN, before, after);
        arena_free(&arena);
    }
}

/* Of as many steps, each with five changes; or with one, and a message that stays. */
static size_t count_operations(struct arena *arena, size_t steps, bool all_changes)
{
    struct step_status *before = arena_array(arena, struct step_status, steps);
    struct step_status *after = arena_array(arena, struct step_status, steps);
    for (size_t at = 0; at < steps; at++) {
        before[at] = (struct step_status){.name = arena_print(arena, "step-%zu", at),
                                          .start_time = TIME_ABSENT,
                                          .completion_time = TIME_ABSENT,
                                          .retry_time = TIME_ABSENT};
        before[at].message = all_changes ? NULL
                                         : "this sentence is longer than what it costs to say in a "
                                           "patch that another field of the step has changed";
        after[at] = before[at];
        after[at].phase = "Succeeded";
        after[at].attempts = all_changes;
        after[at].job = all_changes ? "j" : NULL;
        after[at].start_time = all_changes ? 0 : TIME_ABSENT;
        after[at].reason = all_changes ? "r" : NULL;
    }
    struct pipeline_run old = {.meta = {.name = "r", .resource_version = "1"},
                               .status = {.steps = before, .step_count = steps}};
    struct pipeline_run new = old;
    new.status.steps = after;
    const struct object *from = (const struct object *)&old;
    const struct object *to = (const struct object *)&new;
    require_patch_leads_there(arena, KIND_PIPELINE_RUN, from, to);
    json_t *operations = json_loads(codec_status_patch(arena, KIND_PIPELINE_RUN, from, to), 0,
                                    NULL);
    size_t count = json_array_size(operations);
    json_decref(operations);
    return count;
}

static void a_long_patch_is_one_replacement_where_that_is_shorter(void **state)
{
    (void)state;
    static const struct {
        size_t steps;
        bool all_changes;
        size_t operations; /* the lock included */
    } rows[] = {{100, true, 501}, {300, true, 2}, {3000, true, 2}, {1100, false, 1101}};
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct arena arena = {0};
        assert_int_equal(count_operations(&arena, rows[at].steps, rows[at].all_changes),
                         rows[at].operations);
        arena_free(&arena);
    }
}

static void the_applier_of_this_test_reads_escaped_pointers(void **state)
{
    (void)state;
    json_t *document = json_loads("{\"a/b\":{\"~\":[1,2]}}", 0, NULL);
    json_t *operations = json_loads("[{\"op\":\"remove\",\"path\":\"/a~1b/~0/0\"}]", 0, NULL);
    json_patch_apply(document, operations);
    char *text = json_dumps(document, JSON_COMPACT);
    assert_string_equal(text, "{\"a/b\":{\"~\":[2]}}");
    free(text);
    json_decref(operations);
    json_decref(document);
}

static void names_in_pointers_are_escaped(void **state)
{
    (void)state;
    struct arena arena = {0};
    assert_string_equal(codec_pointer_add(&arena, "/status", "a/b~1"), "/status/a~1b~01");
    assert_string_equal(codec_pointer_add(&arena, "", "~/~"), "/~0~1~0");
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_long_patch_is_one_replacement_where_that_is_shorter),
        cmocka_unit_test(the_applier_of_this_test_reads_escaped_pointers),
        cmocka_unit_test(names_in_pointers_are_escaped),
        cmocka_unit_test(an_equal_status_gives_no_patch),
        cmocka_unit_test(two_ways_to_say_that_a_message_is_absent_are_the_same),
        cmocka_unit_test(two_ways_to_say_that_a_number_is_absent_are_the_same),
        cmocka_unit_test(structs_are_equal_when_each_member_is),
        cmocka_unit_test(a_patch_says_only_what_changed),
        cmocka_unit_test(a_patch_turns_any_status_into_any_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
