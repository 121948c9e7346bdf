#include "support/test.h"

#include "api/codec.h"
#include "api/model.h"
#include "api/pipeline.h"
#include "api/pipeline_run.h"
#include "api/schema.h"
#include "api/trigger.h"
#include "api/workload.h"
#include "core/memory.h"
#include "core/text.h"
#include "support/random_object.h"
#include "support/samples.h"

#include <jansson.h>
#include <string.h>

enum { ROUND_TRIPS = 300, MUTATION_ROUNDS = 20000 };

static struct object *decode(struct arena *arena, enum api_kind kind, const char *json)
{
    struct object *object = NULL;
    struct error error = {0};
    struct result result = codec_decode(arena, kind, json, strlen(json), &object, &error);
    if (!result_is_ok(result)) {
        fail_msg("%s: %s", kind_info(kind)->kind, error.message);
    }
    return object;
}

static void a_table_s_sizes_are_those_of_its_structs(const struct schema *schema)
{
    for (size_t at = 0; at < schema->field_count; at++) {
        const struct field *field = &schema->fields[at];
        assert_true(field->offset < schema->size);
        if (field->schema) {
            assert_int_equal(field->member_size, field->schema->size);
            a_table_s_sizes_are_those_of_its_structs(field->schema);
        }
        for (size_t other = 0; other < at; other++) {
            assert_string_not_equal(field->name, schema->fields[other].name);
            assert_int_not_equal(field->offset, schema->fields[other].offset);
        }
    }
}

static void every_kind_s_tables_fit_its_structs(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < KIND_COUNT; kind++) {
        const struct schema *schema = schema_of((enum api_kind)kind);
        a_table_s_sizes_are_those_of_its_structs(schema);
        assert_string_equal(schema->fields[0].name, "metadata");
        assert_int_equal(schema->fields[0].offset, 0);
    }
}

static void a_field_is_found_by_its_whole_name(void **state)
{
    (void)state;
    const struct schema *schema = schema_of(KIND_PIPELINE);
    const struct field *status = schema_find(schema, "status");
    assert_string_equal(status->name, "status");
    assert_int_equal(status->offset, offsetof(struct pipeline, status));
    static const char *const others[] = {"stat", "status2", "Status", "kind", "observedGeneration",
                                         ""};
    for (size_t at = 0; at < COUNT_OF(others); at++) {
        assert_null(schema_find(schema, others[at]));
    }
}

/* What of `given` the table names, with absent fields absent: what encoding must give. */
static json_t *keep_named(const struct schema *schema, const json_t *given)
{
    json_t *kept = json_object();
    for (size_t at = 0; at < schema->field_count; at++) {
        const struct field *field = &schema->fields[at];
        json_t *value = json_object_get(given, field->name);
        if (field->type == FIELD_OBJECT && value) {
            json_object_set_new(kept, field->name, keep_named(field->schema, value));
        } else if (field->type == FIELD_LIST && value) {
            json_t *list = json_array();
            for (size_t item = 0; item < json_array_size(value); item++) {
                json_array_append_new(list, keep_named(field->schema, json_array_get(value, item)));
            }
            json_object_set_new(kept, field->name, list);
        } else if (value) {
            json_object_set(kept, field->name, value);
        }
    }
    return kept;
}

static void every_field_is_read_and_written_by_its_name(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < KIND_COUNT; kind++) {
        struct arena arena = {0};
        struct object *object = decode(&arena, (enum api_kind)kind, samples[kind]);
        json_t *given = json_loads(samples[kind], 0, NULL);
        json_t *expected = keep_named(schema_of((enum api_kind)kind), given);
        json_t *meta = json_object_get(expected, "metadata");
        json_object_del(json_object_get(meta, "annotations"), "other.example/x");
        json_object_del(json_object_get(meta, "labels"), "other.example/x");
        json_t *owner = json_array_get(json_object_get(meta, "ownerReferences"), 0);
        json_object_set_new(owner, "blockOwnerDeletion", json_true());
        json_object_set_new(expected, "kind", json_string(kind_info((enum api_kind)kind)->kind));
        json_object_set_new(expected, "apiVersion",
                            json_string(kind_info((enum api_kind)kind)->api_version));
        char *text = json_dumps(expected, JSON_COMPACT | JSON_SORT_KEYS);
        assert_string_equal(codec_encode_stored(&arena, (enum api_kind)kind, object), text);
        free(text);
        json_decref(expected);
        json_decref(given);
        arena_free(&arena);
    }
}

static void require_all_fields(const char *kind, const char *parent, const struct schema *schema,
                               const json_t *given)
{
    for (size_t at = 0; at < schema->field_count; at++) {
        const struct field *field = &schema->fields[at];
        json_t *value = json_object_get(given, field->name);
        if (!value) {
            fail_msg("the sample of %s has no %s.%s", kind, parent, field->name);
        }
        if (field->schema) {
            require_all_fields(kind, field->name, field->schema,
                               field->type == FIELD_LIST ? json_array_get(value, 0) : value);
        }
    }
}

static void a_sample_shows_every_field_of_its_kind(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < KIND_COUNT; kind++) {
        json_t *given = json_loads(samples[kind], 0, NULL);
        require_all_fields(kind_info((enum api_kind)kind)->kind, "", schema_of((enum api_kind)kind),
                           given);
        json_decref(given);
    }
}

static void members_hold_what_the_json_says(void **state)
{
    (void)state;
    struct arena arena = {0};
    const struct pipeline *pipeline = (const struct pipeline *)decode(&arena, KIND_PIPELINE,
                                                                      samples[KIND_PIPELINE]);
    assert_string_equal(pipeline->meta.namespace, "team");
    assert_int_equal(pipeline->meta.creation_time, 1769828400);
    assert_int_equal(pipeline->meta.labels.count, 2);
    assert_string_equal(pipeline->meta.labels.items[0].name, LABEL_MODEL);
    assert_int_equal(pipeline->meta.annotations.count, 1);
    assert_string_equal(pipeline->spec.params[0].default_value, "1");
    assert_string_equal(pipeline->spec.params[0].enum_values[1], "2");
    assert_string_equal(pipeline->spec.artifacts.volume_claim.claim_name, "churn");
    assert_string_equal(
        pipeline->spec.pod_defaults.text,
        "{\"spec\":{\"nodeSelector\":{\"a\":\"2\",\"b\":\"1\"},\"priorityClassName\":\"batch\"}}");
    assert_int_equal(pipeline->spec.step_count, 2);
    assert_string_equal(pipeline->spec.steps[0].args[0], "--seed=$(PARAM_SEED)");
    assert_string_equal(pipeline->spec.steps[0].checks[0].on_failure, "Stop");
    assert_int_equal(pipeline->spec.steps[0].retry.backoff.factor, 2);
    assert_string_equal(pipeline->spec.publish.metrics_from[0], "evaluate");
    const struct pod *pod = (const struct pod *)decode(&arena, KIND_POD, samples[KIND_POD]);
    assert_string_equal(pod->status.init_containers[0].name, "tidemill-prepare");
    assert_string_equal(pod->status.containers[0].image_id, "i@sha256:1");
    assert_int_equal(pod->status.containers[0].state.terminated.exit_code, 0);
    assert_int_equal(pod->status.containers[0].last_state.terminated.exit_code, 137);
    const struct controller_revision *revision = (const struct controller_revision *)decode(
        &arena, KIND_CONTROLLER_REVISION, samples[KIND_CONTROLLER_REVISION]);
    assert_int_equal(revision->revision, 3);
    assert_string_equal(revision->data.spec.steps[0].name, "ingest");
    const struct trigger *trigger = (const struct trigger *)decode(&arena, KIND_TRIGGER,
                                                                   samples[KIND_TRIGGER]);
    assert_int_equal(trigger->status.pending.number, 9);
    assert_string_equal(trigger->spec.schedule.catch_up.policy, "Latest");
    arena_free(&arena);
}

static void what_is_absent_says_so(void **state)
{
    (void)state;
    struct arena arena = {0};
    static const char run_json[] =
        "{\"metadata\":{\"name\":\"r\"},\"spec\":{\"pipelineRef\":{\"name\":\"p\"}},"
        "\"status\":{\"steps\":[{\"name\":\"s\",\"startTime\":null}]}}";
    const struct pipeline_run *run = (const struct pipeline_run *)decode(&arena, KIND_PIPELINE_RUN,
                                                                         run_json);
    assert_true(run->meta.deletion_time == TIME_ABSENT);
    assert_true(run->status.completion_time == TIME_ABSENT);
    assert_true(run->status.steps[0].start_time == TIME_ABSENT);
    assert_null(run->spec.cause.kind);
    assert_null(run->meta.namespace);
    assert_int_equal(run->spec.param_count, 0);
    static const char name_only[] = "{\"metadata\":{\"name\":\"m\"}}";
    const struct model *model = (const struct model *)decode(&arena, KIND_MODEL, name_only);
    assert_true(model->spec.serving.port == INTEGER_ABSENT);
    assert_true(model->status.champion_version == INTEGER_ABSENT);
    assert_null(model->spec.serving.pod_template.text);
    const struct pipeline *pipeline = (const struct pipeline *)decode(&arena, KIND_PIPELINE,
                                                                      name_only);
    assert_true(pipeline->spec.max_concurrent_runs == INTEGER_ABSENT);
    arena_free(&arena);
}

static void any_object_survives_encoding_and_decoding(void **state)
{
    (void)state;
    struct prng prng;
    prng_seed(&prng, 20261123);
    for (int round = 0; round < ROUND_TRIPS; round++) {
        enum api_kind kind = (enum api_kind)(round % KIND_COUNT);
        const struct schema *schema = schema_of(kind);
        struct arena arena = {0};
        struct object *object = arena_allocate(&arena, 1, schema->size);
        random_fill(&arena, &prng, schema, round % 3 == 0 ? 100 : 60, object);
        const char *stored = codec_encode_stored(&arena, kind, object);
        assert_true(struct_equal(schema, object, decode(&arena, kind, stored), 0));
        const char *created = codec_encode(&arena, kind, object);
        struct object *again = decode(&arena, kind, created);
        assert_true(struct_equal(schema, object, again, FIELD_STORED));
        assert_null(again->meta.uid);
        assert_null(strstr(created, "\"status\":{\"observedGeneration\""));
        arena_free(&arena);
    }
}

struct wrong_row {
    const char *sentence;
    enum api_kind kind;
    const char *json;
    const char *message;
};

static const struct wrong_row wrong_rows[] = {
    {"a string where an integer belongs", KIND_PIPELINE,
     "{\"metadata\":{\"name\":\"x\"},\"spec\":{\"steps\":[{\"name\":\"a\"},{\"name\":\"b\"},"
     "{\"name\":\"c\",\"retry\":{\"limit\":\"3\"}}]}}",
     "spec.steps[2].retry.limit: expected an integer, got a string"},
    {"a fraction where an integer belongs", KIND_DEPLOYMENT,
     "{\"metadata\":{\"name\":\"x\"},\"status\":{\"replicas\":1.5}}",
     "status.replicas: expected an integer, got a number"},
    {"an integer over 64 bits", KIND_DEPLOYMENT,
     "{\"metadata\":{\"name\":\"x\"},\"status\":{\"replicas\":9223372036854775808}}",
     "status.replicas: too big integer near '9223372036854775808'"},
    {"a number where text belongs", KIND_PIPELINE,
     "{\"metadata\":{\"name\":\"x\"},\"spec\":{\"timeout\":6}}",
     "spec.timeout: expected a string, got an integer"},
    {"text where a boolean belongs", KIND_TRIGGER,
     "{\"metadata\":{\"name\":\"x\"},\"spec\":{\"pipelineRef\":{\"name\":\"p\"},"
     "\"suspend\":\"no\"}}",
     "spec.suspend: expected a boolean, got a string"},
    {"an object where a list belongs", KIND_PIPELINE,
     "{\"metadata\":{\"name\":\"x\"},\"spec\":{\"steps\":{}}}",
     "spec.steps: expected an array, got an object"},
    {"a list where an object belongs", KIND_PIPELINE, "{\"metadata\":{\"name\":\"x\"},\"spec\":[]}",
     "spec: expected an object, got an array"},
    {"a number in a list of texts", KIND_CLAIM,
     "{\"metadata\":{\"name\":\"x\"},\"spec\":{\"accessModes\":[\"a\",2]}}",
     "spec.accessModes[1]: expected a string, got an integer"},
    {"a label that is no text", KIND_JOB,
     "{\"metadata\":{\"name\":\"x\",\"labels\":{\"tidemill.dev/model\":true}}}",
     "metadata.labels.tidemill.dev/model: expected a string, got a boolean"},
    {"a time that is none", KIND_JOB,
     "{\"metadata\":{\"name\":\"x\"},\"status\":{\"completionTime\":\"yesterday\"}}",
     "status.completionTime: expected a time such as 2026-01-31T03:00:00Z, got \"yesterday\""},
    {"a time that its offset moves out of the years", KIND_JOB,
     "{\"metadata\":{\"name\":\"x\"},\"status\":{\"completionTime\":\"0000-01-01T00:00:00+01:00\"}"
     "}",
     "status.completionTime: expected a time such as 2026-01-31T03:00:00Z, got "
     "\"0000-01-01T00:00:00+01:00\""},
    {"a time that its offset moves behind the years", KIND_JOB,
     "{\"metadata\":{\"name\":\"x\"},\"status\":{\"completionTime\":\"9999-12-31T23:30:00-01:00\"}"
     "}",
     "status.completionTime: expected a time such as 2026-01-31T03:00:00Z, got "
     "\"9999-12-31T23:30:00-01:00\""},
    {"a step without a name", KIND_PIPELINE,
     "{\"metadata\":{\"name\":\"x\"},\"spec\":{\"steps\":[{\"image\":\"i\"}]}}",
     "spec.steps[0].name: required, but absent"},
    {"an object without a name", KIND_JOB, "{\"metadata\":{}}",
     "metadata.name: required, but absent"},
    {"an object without metadata", KIND_JOB, "{}", "metadata: required, but absent"},
    {"another kind", KIND_JOB, "{\"kind\":\"Pod\",\"metadata\":{\"name\":\"x\"}}",
     "kind: expected Job, got \"Pod\""},
    {"no object at all", KIND_JOB, "[]", "expected an object, got an array"},
};

static void a_wrong_value_is_named_by_its_path(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(wrong_rows); at++) {
        const struct wrong_row *row = &wrong_rows[at];
        struct arena arena = {0};
        struct error error = {0};
        struct object *object = NULL;
        struct result result = codec_decode(&arena, row->kind, row->json, strlen(row->json),
                                            &object, &error);
        if (result.kind != ERROR_INVALID || !text_equal(error.message, row->message)) {
            fail_msg("%s: %s", row->sentence, error.message);
        }
        assert_null(object);
        arena_free(&arena);
    }
}

static void what_is_no_json_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"",     "{",          "{\"metadata\":",  "nonsense",
                                        "{}{}", "{\"a\":01}", "{\"a\":\"\xFF\"}"};
    for (size_t at = 0; at < COUNT_OF(texts); at++) {
        struct arena arena = {0};
        struct error error = {0};
        struct object *object = NULL;
        assert_int_equal(
            codec_decode(&arena, KIND_JOB, texts[at], strlen(texts[at]), &object, &error).kind,
            ERROR_INVALID);
        assert_true(error.message[0] != '\0');
        arena_free(&arena);
    }
}

static void nesting_has_a_bound(void **state)
{
    (void)state;
    enum { DEEP = 500000 };
    struct arena arena = {0};
    char *json = arena_allocate(&arena, DEEP * 2 + 64, 1);
    strcpy(json, "{\"metadata\":{\"name\":\"x\"},\"spec\":{\"podDefaults\":");
    size_t used = strlen(json);
    memset(json + used, '[', DEEP);
    memset(json + used + DEEP, ']', DEEP);
    strcpy(json + used + DEEP + DEEP, "}}");
    struct error error = {0};
    struct object *object = NULL;
    assert_int_equal(codec_decode(&arena, KIND_PIPELINE, json, strlen(json), &object, &error).kind,
                     ERROR_INVALID);
    assert_string_equal(error.message, "spec.podDefaults: nested deeper than 64 levels");
    arena_free(&arena);
}

static void a_nul_in_a_text_becomes_a_visible_character(void **state)
{
    (void)state;
    struct arena arena = {0};
    const struct pod *pod = (const struct pod *)decode(
        &arena, KIND_POD,
        "{\"metadata\":{\"name\":\"x\"},\"status\":{\"message\":\"a\\u0000b\\u0000\"}}");
    assert_string_equal(pod->status.message, "a\xEF\xBF\xBD"
                                             "b\xEF\xBF\xBD");
    arena_free(&arena);
}

/* RFC 8259, section 7: what does not fit 16 bits is escaped as two halves. */
static void two_escaped_surrogates_are_one_character(void **state)
{
    (void)state;
    static const struct {
        const char *written;
        const char *read;
    } rows[] = {
        {"a\\ud83d\\ude00b", "a\xF0\x9F\x98\x80"
                             "b"},
        {"\\uD83D\\uDE00\\ud83d\\ude01", "\xF0\x9F\x98\x80\xF0\x9F\x98\x81"},
        {"\\ud800\\udc00", "\xF0\x90\x80\x80"}, /* U+10000, the first */
        {"\\udbff\\udfff", "\xF4\x8F\xBF\xBF"}, /* U+10FFFF, the last */
        {"\\ud8bf\\udfff", "\xF0\xBF\xBF\xBF"}, /* U+3FFFF: every bit of the three last bytes */
        {"\\ud7ff\\ue000", "\xED\x9F\xBF\xEE\x80\x80"}, /* beside them */
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct arena arena = {0};
        const struct pod *pod = (const struct pod *)decode(
            &arena, KIND_POD,
            arena_print(&arena, "{\"metadata\":{\"name\":\"x\"},\"status\":{\"message\":\"%s\"}}",
                        rows[at].written));
        assert_string_equal(pod->status.message, rows[at].read);
        arena_free(&arena);
    }
}

static void a_surrogate_without_its_other_half_is_refused(void **state)
{
    (void)state;
    static const char *const written[] = {
        "\\ud83d",        "\\ud83dx",       "\\ud83d\\n",     "\\ud83d\\u0041", "\\ud83d\\ud83d",
        "\\ud83d\\udbff", "\\ud83d\\ue000", "\\ud83d\\ude0",  "\\ud83dude00",   "\\ude00",
        "\\ude00\\ud83d", "\\udc00\\udc00", "\\ud83d\\u12g4",
    };
    for (size_t at = 0; at < COUNT_OF(written); at++) {
        struct arena arena = {0};
        struct error error = {0};
        struct object *object = NULL;
        const char *json = arena_print(
            &arena, "{\"metadata\":{\"name\":\"x\"},\"status\":{\"message\":\"%s\"}}", written[at]);
        struct result result = codec_decode(&arena, KIND_POD, json, strlen(json), &object, &error);
        assert_int_equal(result.kind, ERROR_INVALID);
        assert_string_equal(error.message,
                            "status.message: a string has an escape that means nothing");
        arena_free(&arena);
    }
}

static void text_that_is_not_utf8_is_mended_when_written(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct pod pod = {.meta = {.name = "x"},
                      .status = {.message = "a\xC3(\xE2\x82\xAC\xED\xA0\x80\xF0"}};
    schema_clear(schema_of(KIND_POD), &pod);
    assert_string_equal(codec_encode_stored(&arena, KIND_POD, (struct object *)&pod),
                        "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"x\"},"
                        "\"status\":{\"message\":\"a\xEF\xBF\xBD(\xE2\x82\xAC\xEF\xBF\xBD"
                        "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"}}");
    arena_free(&arena);
}

static void a_condition_is_sent_with_its_message_even_when_empty(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct condition condition = {.type = "Ready", .status = "True", .last_transition_time = 0};
    struct pipeline pipeline = {.meta = {.name = "x"}};
    schema_clear(schema_of(KIND_PIPELINE), &pipeline);
    pipeline.status.conditions = (struct condition_list){.items = &condition, .count = 1};
    const char *json = codec_encode_stored(&arena, KIND_PIPELINE, (struct object *)&pipeline);
    assert_non_null(strstr(json,
                           "{\"lastTransitionTime\":\"1970-01-01T00:00:00Z\",\"message\":\"\","
                           "\"reason\":\"\",\"status\":\"True\",\"type\":\"Ready\"}"));
    arena_free(&arena);
}

static void equal_pipeline_specs_give_equal_text(void **state)
{
    (void)state;
    struct arena arena = {0};
    static const char one[] = "{\"metadata\":{\"name\":\"x\"},\"spec\":{\"timeout\":\"1h\","
                              "\"podDefaults\":{\"b\":1,\"a\":2},"
                              "\"steps\":[{\"name\":\"a\",\"image\":\"i\"}]}}";
    static const char other[] =
        "{\"spec\":{\"steps\":[{\"image\":\"i\",\"name\":\"a\",\"args\":[]}],\"podDefaults\":"
        "{\"a\":2,\"b\":1},\"publish\":{},\"timeout\":\"1h\"},\"metadata\":{\"name\":\"y\"}}";
    const struct pipeline *a = (const struct pipeline *)decode(&arena, KIND_PIPELINE, one);
    const struct pipeline *b = (const struct pipeline *)decode(&arena, KIND_PIPELINE, other);
    assert_string_equal(codec_encode_pipeline_spec(&arena, &a->spec),
                        "{\"podDefaults\":{\"a\":2,\"b\":1},\"steps\":[{\"image\":\"i\",\"name\":"
                        "\"a\"}],\"timeout\":\"1h\"}");
    assert_string_equal(codec_encode_pipeline_spec(&arena, &a->spec),
                        codec_encode_pipeline_spec(&arena, &b->spec));
    arena_free(&arena);
}

static void a_kind_s_fields_can_be_listed(void **state)
{
    (void)state;
    struct arena arena = {0};
    const char *lines = schema_describe(&arena, KIND_PIPELINE);
    assert_non_null(strstr(lines, "\nspec.steps list\n"));
    assert_non_null(strstr(lines, "\nspec.steps[].name text required\n"));
    assert_non_null(strstr(lines, "\nspec.steps[].retry.backoff.factor integer\n"));
    assert_non_null(strstr(lines, "\nspec.podDefaults raw\n"));
    assert_non_null(strstr(lines, "\nstatus.conditions[].lastTransitionTime time\n"));
    arena_free(&arena);
}

static size_t mutate(struct prng *prng, char *bytes, size_t size, size_t capacity)
{
    static const char *const pieces[] = {"{",
                                         "}",
                                         "[",
                                         "]",
                                         "\"",
                                         ":",
                                         ",",
                                         "null",
                                         "-",
                                         "1e999",
                                         "\\u0000",
                                         "\\ud800",
                                         "99999999999999999999",
                                         "true"};
    for (uint64_t count = prng_between(prng, 1, 4); count > 0 && size > 0; count--) {
        size_t at = prng_between(prng, 0, size - 1);
        const char *piece = pieces[prng_between(prng, 0, COUNT_OF(pieces) - 1)];
        size_t length = strlen(piece);
        switch (prng_between(prng, 0, 4)) {
        case 0:
            bytes[at] = (char)prng_between(prng, 0, 255);
            break;
        case 1:
            size = at;
            break;
        case 2:
            memmove(bytes + at, bytes + at + 1, size - at - 1);
            size--;
            break;
        case 3:
            memcpy(bytes + at, piece, length < size - at ? length : size - at);
            break;
        default:
            if (size + length <= capacity) {
                memmove(bytes + at + length, bytes + at, size - at);
                memcpy(bytes + at, piece, length);
                size += length;
            }
            break;
        }
    }
    return size;
}

static void take_item(void *context, struct arena *object_arena, struct object *object,
                      const char *namespace, const char *name, const char *poison)
{
    (void)namespace;
    (void)name;
    assert_true((object == NULL) == (poison != NULL));
    ++*(size_t *)context;
    arena_free(object_arena);
    (void)memory_free(object_arena);
}

/* `json` is in a block of exactly `size` bytes, so that ASan sees what is read beyond it. */
static void feed_everything(enum api_kind kind, const char *json, size_t size, const char *text)
{
    struct arena arena = {0};
    struct object *object = NULL;
    struct watch_event event;
    struct list_page page;
    struct api_status status;
    struct artifact_report report;
    struct text_map results;
    const char *uid;
    const char *version;
    size_t count = 0;
    if (result_is_ok(codec_decode(&arena, kind, json, size, &object, NULL))) {
        const char *stored = codec_encode_stored(&arena, kind, object);
        assert_string_equal(codec_encode_stored(&arena, kind, decode(&arena, kind, stored)),
                            stored);
    }
    (void)!result_is_ok(codec_decode_event(&arena, kind, json, size, &event, NULL));
    (void)!result_is_ok(
        codec_decode_list(&arena, kind, json, size, take_item, &count, &page, NULL));
    codec_decode_status(&arena, json, size, &status);
    codec_decode_answer(&arena, json, size, &uid, &version);
    (void)codec_newest_warning(&arena, json, size);
    (void)codec_find_image(&arena, json, size, "step");
    (void)!result_is_ok(codec_decode_results(&arena, text, &results, NULL));
    (void)!result_is_ok(codec_decode_artifact_report(&arena, text, &report, NULL));
    arena_free(&arena);
}

static const char *wrapped_sample(struct arena *arena, uint64_t form, enum api_kind kind)
{
    switch (form) {
    case 0:
        return arena_print(arena, "{\"type\":\"MODIFIED\",\"object\":%s}", samples[kind]);
    case 1:
        return arena_print(arena, "{\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[%s,%s]}",
                           samples[kind], samples[kind]);
    case 2:
        return "{\"inputs\":{\"a\":{\"digest\":\"sha256:1\",\"bytes\":7}},\"digest\":\"d\"}";
    case 3:
        return "{\"rows\": 12, \"fraction\": 0.020, \"ok\": true, \"text\": \"a\\u00e4\"}";
    default:
        return samples[kind];
    }
}

static void no_bytes_break_the_decoders(void **state)
{
    (void)state;
    struct prng prng;
    prng_seed(&prng, 7);
    for (int round = 0; round < MUTATION_ROUNDS; round++) {
        struct arena arena = {0};
        enum api_kind kind = (enum api_kind)prng_between(&prng, 0, KIND_COUNT - 1);
        const char *json = wrapped_sample(&arena, prng_between(&prng, 0, 7), kind);
        size_t capacity = strlen(json) + 128;
        char *bytes = arena_allocate(&arena, 1, capacity + 1);
        memcpy(bytes, json, strlen(json));
        size_t size = mutate(&prng, bytes, strlen(json), capacity);
        bytes[size] = '\0';
        char *exact = memory_allocate(1, size ? size : 1);
        memcpy(exact, bytes, size);
        feed_everything(kind, exact, size, bytes);
        (void)memory_free(exact);
        arena_free(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_s_tables_fit_its_structs),
        cmocka_unit_test(a_field_is_found_by_its_whole_name),
        cmocka_unit_test(a_sample_shows_every_field_of_its_kind),
        cmocka_unit_test(every_field_is_read_and_written_by_its_name),
        cmocka_unit_test(members_hold_what_the_json_says),
        cmocka_unit_test(what_is_absent_says_so),
        cmocka_unit_test(any_object_survives_encoding_and_decoding),
        cmocka_unit_test(a_wrong_value_is_named_by_its_path),
        cmocka_unit_test(what_is_no_json_is_refused),
        cmocka_unit_test(nesting_has_a_bound),
        cmocka_unit_test(a_nul_in_a_text_becomes_a_visible_character),
        cmocka_unit_test(two_escaped_surrogates_are_one_character),
        cmocka_unit_test(a_surrogate_without_its_other_half_is_refused),
        cmocka_unit_test(text_that_is_not_utf8_is_mended_when_written),
        cmocka_unit_test(a_condition_is_sent_with_its_message_even_when_empty),
        cmocka_unit_test(equal_pipeline_specs_give_equal_text),
        cmocka_unit_test(a_kind_s_fields_can_be_listed),
        cmocka_unit_test(no_bytes_break_the_decoders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
