/*
 * The generic encoder: a struct and a field table make JSON text, compact and with sorted keys.
 * Absent fields stay absent.
 */

#include "api/codec_map.h"
#include "api/codec_private.h"
#include "api/pipeline.h"
#include "api/schema_fields.h"
#include "core/assert.h"
#include "core/civil.h"

#include <string.h>

static int64_t number_of(const struct field *field, const char *from)
{
    int64_t value;
    memcpy(&value, from + field->offset, sizeof(value));
    return value;
}

/* NULL: absent. */
static const char *text_of(const struct field *field, const char *from)
{
    const char *text;
    memcpy(&text, from + field->offset, sizeof(text));
    return !text && (field->flags & FIELD_KEPT) != 0 ? "" : text;
}

static struct text_map map_of(const struct field *field, const char *from)
{
    struct text_map map;
    memcpy(&map, from + field->offset, sizeof(map));
    return map;
}

bool codec_is_present(const struct field *field, const void *object)
{
    const char *from = object;
    switch (field->type) {
    case FIELD_TEXT:
    case FIELD_RAW: /* struct raw_json is its text */
        return text_of(field, from) != NULL;
    case FIELD_INTEGER:
        return number_of(field, from) != field->absent && number_of(field, from) != INTEGER_ABSENT;
    case FIELD_BOOLEAN:
        return *(const bool *)(from + field->offset);
    case FIELD_TIME:
        return number_of(field, from) != TIME_ABSENT;
    case FIELD_OBJECT:
        return !codec_is_empty(field->schema, from + field->offset);
    case FIELD_LIST:
    case FIELD_TEXT_LIST:
        return schema_list_of(field, from).count > 0;
    case FIELD_TEXT_MAP:
        break;
    }
    return map_of(field, from).count > 0;
}

bool codec_is_empty(const struct schema *schema, const void *from)
{
    for (size_t at = 0; at < schema->field_count; at++) {
        if (codec_is_present(&schema->fields[at], from)) {
            return false;
        }
    }
    return true;
}

/* ---- Values ---- */

static void write_text(struct writer *writer, const char *text)
{
    writer_add_string(writer, text, strlen(text));
}

static void write_time(struct writer *writer, int64_t seconds)
{
    char text[CIVIL_TEXT_SIZE];
    civil_format(seconds, text);
    write_text(writer, text);
}

static void write_list(struct writer *writer, const struct field *field, const char *from,
                       unsigned without)
{
    struct schema_list items = schema_list_of(field, from);
    writer_add_byte(writer, '[');
    for (size_t at = 0; at < items.count; at++) {
        if (at > 0) {
            writer_add_byte(writer, ',');
        }
        codec_write(writer, field->schema, schema_item(field, items, at), without);
    }
    writer_add_byte(writer, ']');
}

static void write_text_list(struct writer *writer, const struct field *field, const char *from)
{
    struct schema_list items = schema_list_of(field, from);
    writer_add_byte(writer, '[');
    for (size_t at = 0; at < items.count; at++) {
        if (at > 0) {
            writer_add_byte(writer, ',');
        }
        write_text(writer, schema_text(items, at));
    }
    writer_add_byte(writer, ']');
}

static bool is_sorted(const struct text_map *map)
{
    for (size_t at = 1; at < map->count; at++) {
        if (strcmp(map->items[at - 1].name, map->items[at].name) >= 0) {
            return false;
        }
    }
    return true;
}

static struct text_map sort_map(struct arena *arena, const struct text_map *map)
{
    struct map_item *items = arena_array(arena, struct map_item, map->count);
    for (size_t at = 0; at < map->count; at++) {
        items[at] = (struct map_item){.pair = map->items[at], .order = at};
    }
    return codec_map_make(arena, items, map->count);
}

static void write_text_map(struct writer *writer, const struct field *field, const char *from)
{
    CLEANUP(arena_free) struct arena arena = {0};
    struct text_map map = map_of(field, from);
    map = is_sorted(&map) ? map : sort_map(&arena, &map); /* a planner's may come in any order */
    writer_add_byte(writer, '{');
    for (size_t at = 0; at < map.count; at++) {
        writer_add_name(writer, map.items[at].name);
        write_text(writer, map.items[at].value);
    }
    writer_add_byte(writer, '}');
}

/* As it is: what was decoded was printed by us, compact and sorted, and so is what planners make.
 */
static void write_raw(struct writer *writer, const char *text)
{
    writer_add(writer, text, strlen(text));
}

void codec_write_field(struct writer *writer, const struct field *field, const void *object,
                       unsigned without)
{
    const char *from = object;
    switch (field->type) {
    case FIELD_TEXT:
        write_text(writer, text_of(field, from));
        return;
    case FIELD_RAW:
        write_raw(writer, text_of(field, from));
        return;
    case FIELD_INTEGER:
        writer_add_integer(writer, number_of(field, from));
        return;
    case FIELD_BOOLEAN:
        writer_add(writer, "true", strlen("true")); /* false is absent */
        return;
    case FIELD_TIME:
        write_time(writer, number_of(field, from));
        return;
    case FIELD_OBJECT:
        codec_write(writer, field->schema, from + field->offset, without);
        return;
    case FIELD_LIST:
        write_list(writer, field, from, without);
        return;
    case FIELD_TEXT_LIST:
        write_text_list(writer, field, from);
        return;
    case FIELD_TEXT_MAP:
        write_text_map(writer, field, from);
        return;
    }
}

/* ---- Structs ---- */

void codec_sort_fields(const struct field **fields, size_t count)
{
    for (size_t at = 1; at < count; at++) { /* tables have a handful, many in order */
        const struct field *field = fields[at];
        size_t to = at;
        while (to > 0 && strcmp(fields[to - 1]->name, field->name) > 0) {
            fields[to] = fields[to - 1];
            to--;
        }
        fields[to] = field;
    }
}

static void write_member(struct writer *writer, const struct field *field, const void *from,
                         unsigned without)
{
    /*
     * A controller owner must not vanish in the foreground before what it owns has gone; as
     * api/render.c says it for other kinds. It comes right before "controller" in order, too.
     */
    if ((field->flags & FIELD_BLOCKS) != 0) {
        writer_add_name(writer, "blockOwnerDeletion");
        writer_add(writer, "true", strlen("true"));
    }
    writer_add_name(writer, field->name);
    codec_write_field(writer, field, from, without);
}

/* `kind`: with its apiVersion and kind among the members; NULL: without. */
static void write_struct(struct writer *writer, const struct schema *schema, const void *from,
                         unsigned without, const struct kind_info *kind)
{
    enum { FIELDS_MAXIMUM = 32 };
    const struct field *fields[FIELDS_MAXIMUM];
    size_t count = 0;
    REQUIRE(schema->field_count <= FIELDS_MAXIMUM);
    for (size_t at = 0; at < schema->field_count; at++) {
        const struct field *field = &schema->fields[at];
        if ((field->flags & without) == 0 && codec_is_present(field, from)) {
            fields[count++] = field;
        }
    }
    codec_sort_fields(fields, count);
    writer_add_byte(writer, '{');
    if (kind) {
        writer_add_name(writer, "apiVersion");
        write_text(writer, kind->api_version);
    }
    bool says_kind = kind == NULL;
    for (size_t at = 0; at < count; at++) {
        if (!says_kind && strcmp(fields[at]->name, "kind") > 0) {
            says_kind = true;
            writer_add_name(writer, "kind");
            write_text(writer, kind->kind);
        }
        write_member(writer, fields[at], from, without);
    }
    REQUIRE(says_kind); /* every object has metadata */
    writer_add_byte(writer, '}');
}

void codec_write(struct writer *writer, const struct schema *schema, const void *from,
                 unsigned without)
{
    write_struct(writer, schema, from, without, NULL);
}

static const char *encode_whole(struct arena *arena, enum api_kind kind,
                                const struct object *object, unsigned without)
{
    struct writer writer = {0};
    write_struct(&writer, schema_of(kind), object, without, kind_info(kind));
    return writer_take(&writer, arena);
}

const char *codec_encode(struct arena *arena, enum api_kind kind, const struct object *object)
{
    return encode_whole(arena, kind, object, FIELD_STORED);
}

const char *codec_encode_stored(struct arena *arena, enum api_kind kind,
                                const struct object *object)
{
    return encode_whole(arena, kind, object, 0);
}

const char *codec_encode_pipeline_spec(struct arena *arena, const struct pipeline_spec *spec)
{
    struct writer writer = {0};
    codec_write(&writer, &schema_pipeline_spec, spec, 0);
    return writer_take(&writer, arena);
}
