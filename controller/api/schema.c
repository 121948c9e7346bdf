#include "api/schema.h"

#include "api/schema_fields.h"
#include "core/assert.h"
#include "core/buffer.h"
#include "core/text.h"

#include <string.h>

/* What schema_describe() may grow to; the largest kind is far below. */
enum { DESCRIPTION_MAX = 256 * 1024 };

const struct schema *schema_of(enum api_kind kind)
{
    static const struct schema *const schemas[KIND_COUNT] = {
        [KIND_PIPELINE] = &schema_pipeline,
        [KIND_PIPELINE_RUN] = &schema_pipeline_run,
        [KIND_MODEL] = &schema_model,
        [KIND_MODEL_VERSION] = &schema_model_version,
        [KIND_TRIGGER] = &schema_trigger,
        [KIND_JOB] = &schema_job,
        [KIND_POD] = &schema_pod,
        [KIND_DEPLOYMENT] = &schema_deployment,
        [KIND_SERVICE] = &schema_service,
        [KIND_CONTROLLER_REVISION] = &schema_controller_revision,
        [KIND_CLAIM] = &schema_claim,
    };
    REQUIRE((unsigned)kind < KIND_COUNT);
    return schemas[kind];
}

const struct field *schema_find(const struct schema *schema, const char *name)
{
    for (size_t at = 0; at < schema->field_count; at++) {
        if (text_equal(schema->fields[at].name, name)) {
            return &schema->fields[at];
        }
    }
    return NULL;
}

struct schema_list schema_list_of(const struct field *field, const void *object)
{
    struct schema_list list;
    memcpy(&list.items, (const char *)object + field->offset, sizeof(list.items));
    memcpy(&list.count, (const char *)object + field->count_offset, sizeof(list.count));
    return list;
}

const char *schema_item(const struct field *field, struct schema_list list, size_t at)
{
    return list.items + at * field->schema->size;
}

const char *schema_text(struct schema_list list, size_t at)
{
    const char *text;
    memcpy(&text, list.items + at * sizeof(text), sizeof(text));
    return text;
}

void schema_clear(const struct schema *schema, void *object)
{
    static const int64_t time_absent = TIME_ABSENT;
    for (size_t at = 0; at < schema->field_count; at++) {
        const struct field *field = &schema->fields[at];
        char *member = (char *)object + field->offset;
        if (field->type == FIELD_INTEGER) {
            memcpy(member, &field->absent, sizeof(field->absent));
        } else if (field->type == FIELD_TIME) {
            memcpy(member, &time_absent, sizeof(time_absent));
        } else if (field->type == FIELD_OBJECT) {
            schema_clear(field->schema, member);
        }
    }
}

const char *schema_type_name(enum field_type type)
{
    static const char *const names[] = {
        [FIELD_TEXT] = "text",           [FIELD_INTEGER] = "integer",   [FIELD_BOOLEAN] = "boolean",
        [FIELD_TIME] = "time",           [FIELD_OBJECT] = "object",     [FIELD_LIST] = "list",
        [FIELD_TEXT_LIST] = "text-list", [FIELD_TEXT_MAP] = "text-map", [FIELD_RAW] = "raw",
    };
    REQUIRE((unsigned)type < COUNT_OF(names));
    return names[type];
}

static void describe(struct arena *arena, const struct schema *schema, const char *parent,
                     struct buffer *lines)
{
    for (size_t at = 0; at < schema->field_count; at++) {
        const struct field *field = &schema->fields[at];
        const char *path = arena_print(arena, "%s%s", parent, field->name);
        struct result printed = buffer_print(
            lines, "%s %s%s\n", path, schema_type_name(field->type),
            (field->flags & FIELD_REQUIRED) != 0 ? " required" : "");
        REQUIRE(result_is_ok(printed));
        if (field->schema) {
            describe(arena, field->schema,
                     arena_print(arena, "%s%s.", path, field->type == FIELD_LIST ? "[]" : ""),
                     lines);
        }
    }
}

const char *schema_describe(struct arena *arena, enum api_kind kind)
{
    struct buffer lines = BUFFER_INIT(DESCRIPTION_MAX);
    describe(arena, schema_of(kind), "", &lines);
    const char *text = arena_copy_text(arena, buffer_text(&lines));
    buffer_free(&lines);
    return text;
}
