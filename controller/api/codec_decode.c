/* The generic decoder: a JSON tree and a field table make a struct. */

#include "api/codec_private.h"
#include "core/civil.h"
#include "core/text.h"

#include <stdlib.h>
#include <string.h>

enum { PLACE_SIZE = 512, QUOTE_LIMIT = 64 };

/* RFC 3339 has years of four digits; an offset can lead out of them. */
#define YEAR_0000_START INT64_C(-62167219200)
#define YEAR_9999_END   INT64_C(253402300799)

/* Where in the object we are: a chain on the stack, printed only when something is wrong. */
struct place {
    const struct place *parent;
    const char *name; /* NULL: an item of a list */
    size_t index;
};

struct decoder {
    struct arena *arena;
    struct error *error;
};

static void print_place(const struct place *place, char *text, size_t size)
{
    if (!place) {
        text[0] = '\0';
        return;
    }
    print_place(place->parent, text, size);
    size_t used = strlen(text);
    if (place->name) {
        (void)snprintf(text + used, size - used, "%s%s", used > 0 ? "." : "", place->name);
    } else {
        (void)snprintf(text + used, size - used, "[%zu]", place->index);
    }
}

static struct result fail_type(struct decoder *decoder, const struct place *place,
                               const char *expected, const json_t *value)
{
    char path[PLACE_SIZE];
    print_place(place, path, sizeof(path));
    return error_set(decoder->error, ERROR_INVALID, "%s%sexpected %s, got %s", path,
                     path[0] != '\0' ? ": " : "", expected, tree_describe_type(value));
}

static struct result decode_struct(struct decoder *decoder, const struct schema *schema,
                                   const json_t *tree, void *into, const struct place *place);

static struct result decode_text(struct decoder *decoder, const json_t *value,
                                 const struct place *place, const char **into)
{
    if (!json_is_string(value)) {
        return fail_type(decoder, place, "a string", value);
    }
    *into = tree_copy_text(decoder->arena, value);
    return RESULT_OK;
}

static struct result decode_integer(struct decoder *decoder, const json_t *value,
                                    const struct place *place, int64_t *into)
{
    if (!json_is_integer(value)) {
        return fail_type(decoder, place, "an integer", value);
    }
    *into = json_integer_value(value);
    return RESULT_OK;
}

static struct result decode_boolean(struct decoder *decoder, const json_t *value,
                                    const struct place *place, bool *into)
{
    if (!json_is_boolean(value)) {
        return fail_type(decoder, place, "a boolean", value);
    }
    *into = json_is_true(value);
    return RESULT_OK;
}

static struct result decode_time(struct decoder *decoder, const json_t *value,
                                 const struct place *place, int64_t *into)
{
    if (!json_is_string(value)) {
        return fail_type(decoder, place, "a time", value);
    }
    int64_t time = 0;
    if (!civil_parse(json_string_value(value), &time) || time < YEAR_0000_START ||
        time > YEAR_9999_END) {
        char path[PLACE_SIZE];
        print_place(place, path, sizeof(path));
        const char *given = json_string_value(value);
        return error_set(decoder->error, ERROR_INVALID,
                         "%s: expected a time such as 2026-01-31T03:00:00Z, got \"%.*s\"", path,
                         (int)text_clip_utf8(given, QUOTE_LIMIT), given);
    }
    *into = time;
    return RESULT_OK;
}

static struct result decode_list(struct decoder *decoder, const struct field *field,
                                 const json_t *value, const struct place *place, char *into)
{
    if (!json_is_array(value)) {
        return fail_type(decoder, place, "an array", value);
    }
    size_t count = json_array_size(value);
    char *items = arena_allocate(decoder->arena, count, field->schema->size);
    for (size_t at = 0; at < count; at++) {
        struct place here = {.parent = place, .index = at};
        TRY(decode_struct(decoder, field->schema, json_array_get(value, at),
                          items + at * field->schema->size, &here));
    }
    memcpy(into + field->offset, &items, sizeof(items));
    memcpy(into + field->count_offset, &count, sizeof(count));
    return RESULT_OK;
}

static struct result decode_text_list(struct decoder *decoder, const struct field *field,
                                      const json_t *value, const struct place *place, char *into)
{
    if (!json_is_array(value)) {
        return fail_type(decoder, place, "an array", value);
    }
    size_t count = json_array_size(value);
    const char **items = arena_array(decoder->arena, const char *, count);
    for (size_t at = 0; at < count; at++) {
        struct place here = {.parent = place, .index = at};
        TRY(decode_text(decoder, json_array_get(value, at), &here, &items[at]));
    }
    memcpy(into + field->offset, &items, sizeof(items));
    memcpy(into + field->count_offset, &count, sizeof(count));
    return RESULT_OK;
}

static int compare_names(const void *a, const void *b)
{
    const struct name_value *left = a;
    const struct name_value *right = b;
    return strcmp(left->name, right->name);
}

static struct result decode_text_map(struct decoder *decoder, const struct field *field,
                                     const json_t *value, const struct place *place,
                                     struct text_map *into)
{
    if (!json_is_object(value)) {
        return fail_type(decoder, place, "an object", value);
    }
    size_t kept = 0;
    for (void *at = json_object_iter((json_t *)(uintptr_t)value); at;
         at = json_object_iter_next((json_t *)(uintptr_t)value, at)) {
        kept += !field->prefix || text_starts_with(json_object_iter_key(at), field->prefix);
    }
    struct text_map map = {.items = arena_array(decoder->arena, struct name_value, kept)};
    for (void *at = json_object_iter((json_t *)(uintptr_t)value); at;
         at = json_object_iter_next((json_t *)(uintptr_t)value, at)) {
        const char *name = json_object_iter_key(at);
        if (field->prefix && !text_starts_with(name, field->prefix)) {
            continue;
        }
        struct place here = {.parent = place, .name = name};
        struct name_value *item = &map.items[map.count++];
        TRY(decode_text(decoder, json_object_iter_value(at), &here, &item->value));
        item->name = arena_copy_text(decoder->arena, name);
    }
    qsort(map.items, map.count, sizeof(map.items[0]), compare_names);
    *into = map;
    return RESULT_OK;
}

static struct result decode_field(struct decoder *decoder, const struct field *field,
                                  const json_t *value, void *into, const struct place *place)
{
    void *member = (char *)into + field->offset;
    switch (field->type) {
    case FIELD_TEXT:
        return decode_text(decoder, value, place, member);
    case FIELD_INTEGER:
        return decode_integer(decoder, value, place, member);
    case FIELD_BOOLEAN:
        return decode_boolean(decoder, value, place, member);
    case FIELD_TIME:
        return decode_time(decoder, value, place, member);
    case FIELD_OBJECT:
        return decode_struct(decoder, field->schema, value, member, place);
    case FIELD_LIST:
        return decode_list(decoder, field, value, place, into);
    case FIELD_TEXT_LIST:
        return decode_text_list(decoder, field, value, place, into);
    case FIELD_TEXT_MAP:
        return decode_text_map(decoder, field, value, place, member);
    case FIELD_RAW:
        ((struct raw_json *)member)->text = tree_print(decoder->arena, value);
        return RESULT_OK;
    }
    return error_set(decoder->error, ERROR_INVALID, "a field table names an unknown type");
}

static struct result decode_struct(struct decoder *decoder, const struct schema *schema,
                                   const json_t *tree, void *into, const struct place *place)
{
    if (!json_is_object(tree)) {
        return fail_type(decoder, place, "an object", tree);
    }
    schema_clear(schema, into);
    for (size_t at = 0; at < schema->field_count; at++) {
        const struct field *field = &schema->fields[at];
        struct place here = {.parent = place, .name = field->name};
        const json_t *value = json_object_get(tree, field->name);
        if (value && !json_is_null(value)) { /* null and absent mean the same upstream */
            TRY(decode_field(decoder, field, value, into, &here));
        } else if ((field->flags & FIELD_REQUIRED) != 0) {
            char path[PLACE_SIZE];
            print_place(&here, path, sizeof(path));
            return error_set(decoder->error, ERROR_INVALID, "%s: required, but absent", path);
        }
    }
    return RESULT_OK;
}

/* Items of lists carry no kind; where there is one, it must be the one that was asked for. */
static struct result check_kind(enum api_kind kind, const json_t *tree, struct error *error)
{
    const char *expected = kind_info(kind)->kind;
    const char *given = json_string_value(json_object_get(tree, "kind"));
    if (given && !text_equal(given, expected)) {
        return error_set(error, ERROR_INVALID, "kind: expected %s, got \"%.*s\"", expected,
                         (int)text_clip_utf8(given, QUOTE_LIMIT), given);
    }
    return RESULT_OK;
}

struct result codec_decode_span(struct arena *arena, enum api_kind kind, struct span text,
                                struct object **object, struct error *error)
{
    CLEANUP(tree_release) json_t *tree = NULL;
    TRY(tree_parse(text, 0, &tree, error));
    TRY(check_kind(kind, tree, error));
    const struct schema *schema = schema_of(kind);
    struct decoder decoder = {.arena = arena, .error = error};
    void *decoded = arena_allocate(arena, 1, schema->size);
    TRY(decode_struct(&decoder, schema, tree, decoded, NULL));
    *object = decoded;
    return RESULT_OK;
}

struct result codec_decode(struct arena *arena, enum api_kind kind, const char *json, size_t size,
                           struct object **object, struct error *error)
{
    return codec_decode_span(arena, kind, (struct span){json, size}, object, error);
}
