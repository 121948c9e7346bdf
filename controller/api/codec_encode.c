/* The generic encoder: a struct and a field table make JSON. Absent fields stay absent. */

#include "api/codec_private.h"
#include "api/pipeline.h"
#include "api/schema_fields.h"
#include "core/assert.h"
#include "core/civil.h"

#include <string.h>

static json_t *encode_integer(const struct field *field, const char *from)
{
    int64_t value;
    memcpy(&value, from + field->offset, sizeof(value));
    return value == field->absent || value == INTEGER_ABSENT ? NULL : json_integer(value);
}

static json_t *encode_time(const struct field *field, const char *from)
{
    int64_t value;
    char text[CIVIL_TEXT_SIZE];
    memcpy(&value, from + field->offset, sizeof(value));
    if (value == TIME_ABSENT) {
        return NULL;
    }
    civil_format(value, text);
    return json_string(text);
}

static json_t *encode_text(const struct field *field, const char *from)
{
    const char *text;
    memcpy(&text, from + field->offset, sizeof(text));
    if (!text && (field->flags & FIELD_KEPT) != 0) {
        text = "";
    }
    return text ? tree_make_text(text) : NULL;
}

static json_t *encode_list(const struct field *field, const char *from, unsigned without)
{
    struct schema_list items = schema_list_of(field, from);
    json_t *list = items.count > 0 ? json_array() : NULL;
    for (size_t at = 0; at < items.count; at++) {
        (void)json_array_append_new(
            list, codec_encode_tree(field->schema, schema_item(field, items, at), without));
    }
    return list;
}

static json_t *encode_text_list(const struct field *field, const char *from)
{
    struct schema_list items = schema_list_of(field, from);
    json_t *list = items.count > 0 ? json_array() : NULL;
    for (size_t at = 0; at < items.count; at++) {
        (void)json_array_append_new(list, tree_make_text(schema_text(items, at)));
    }
    return list;
}

static json_t *encode_text_map(const struct field *field, const char *from)
{
    struct text_map map;
    memcpy(&map, from + field->offset, sizeof(map));
    json_t *object = map.count > 0 ? json_object() : NULL;
    for (size_t at = 0; at < map.count; at++) {
        (void)json_object_set_new(object, map.items[at].name, tree_make_text(map.items[at].value));
    }
    return object;
}

/* The text was printed by us while decoding; a planner that made one of its own made JSON. */
static json_t *encode_raw(const struct field *field, const char *from)
{
    struct raw_json raw;
    json_t *tree = NULL;
    memcpy(&raw, from + field->offset, sizeof(raw));
    if (!raw.text) {
        return NULL;
    }
    struct result parsed = tree_parse((struct span){raw.text, strlen(raw.text)}, 0, &tree, NULL);
    REQUIRE(result_is_ok(parsed));
    return tree;
}

static json_t *encode_object(const struct field *field, const char *from, unsigned without)
{
    json_t *object = codec_encode_tree(field->schema, from + field->offset, without);
    if (json_object_size(object) == 0) {
        json_decref(object);
        return NULL;
    }
    return object;
}

json_t *codec_encode_field(const struct field *field, const void *from, unsigned without)
{
    switch (field->type) {
    case FIELD_TEXT:
        return encode_text(field, from);
    case FIELD_INTEGER:
        return encode_integer(field, from);
    case FIELD_BOOLEAN:
        return *(const bool *)((const char *)from + field->offset) ? json_true() : NULL;
    case FIELD_TIME:
        return encode_time(field, from);
    case FIELD_OBJECT:
        return encode_object(field, from, without);
    case FIELD_LIST:
        return encode_list(field, from, without);
    case FIELD_TEXT_LIST:
        return encode_text_list(field, from);
    case FIELD_TEXT_MAP:
        return encode_text_map(field, from);
    case FIELD_RAW:
        return encode_raw(field, from);
    }
    return NULL;
}

json_t *codec_encode_tree(const struct schema *schema, const void *from, unsigned without)
{
    json_t *object = json_object();
    for (size_t at = 0; at < schema->field_count; at++) {
        const struct field *field = &schema->fields[at];
        json_t *value = (field->flags & without) == 0 ? codec_encode_field(field, from, without)
                                                      : NULL;
        if (value) {
            (void)json_object_set_new(object, field->name, value);
        }
    }
    return object;
}

/*
 * A controller owner must not vanish in the foreground before what it owns has gone; the decoder
 * drops blockOwnerDeletion, so it is said here, as api/render.c says it for other kinds.
 */
static void block_owner_deletion(json_t *object)
{
    json_t *owners = json_object_get(json_object_get(object, "metadata"), "ownerReferences");
    for (size_t at = 0; at < json_array_size(owners); at++) {
        json_t *owner = json_array_get(owners, at);
        if (json_is_true(json_object_get(owner, "controller"))) {
            (void)json_object_set_new(owner, "blockOwnerDeletion", json_true());
        }
    }
}

static const char *encode_whole(struct arena *arena, enum api_kind kind,
                                const struct object *object, unsigned without)
{
    const struct kind_info *info = kind_info(kind);
    CLEANUP(tree_release) json_t *tree = codec_encode_tree(schema_of(kind), object, without);
    (void)json_object_set_new(tree, "apiVersion", json_string(info->api_version));
    (void)json_object_set_new(tree, "kind", json_string(info->kind));
    block_owner_deletion(tree);
    return tree_print(arena, tree);
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
    CLEANUP(tree_release) json_t *tree = codec_encode_tree(&schema_pipeline_spec, spec, 0);
    return tree_print(arena, tree);
}
