/* The generic decoder: a JSON text and a field table make a struct. */

#include "api/codec_map.h"
#include "api/codec_private.h"
#include "api/codec_read.h"
#include "core/assert.h"
#include "core/civil.h"
#include "core/text.h"

#include <limits.h>
#include <string.h>

enum { PLACE_SIZE = 512, QUOTE_LIMIT = 64 };

/* RFC 3339 has years of four digits; an offset can lead out of them. */
#define YEAR_0000_START INT64_C(-62167219200)
#define YEAR_9999_END   INT64_C(253402300799)

/* `expected` stands in the message: "a string". */
static struct result expect(struct reader *reader, enum read_type wanted, const char *expected)
{
    enum read_type type = read_peek(reader);
    return type == wanted ? RESULT_OK
                          : read_fail(reader, reader->at, "expected %s, got %s", expected,
                                      read_type_name(type));
}

static struct result decode_struct(struct reader *reader, const struct schema *schema, void *into);

static struct result decode_text(struct reader *reader, const char **into)
{
    TRY(expect(reader, READ_TEXT, "a string"));
    return read_text(reader, into);
}

static struct result decode_integer(struct reader *reader, int64_t *into)
{
    TRY(expect(reader, READ_INTEGER, "an integer"));
    return read_integer(reader, into);
}

static struct result decode_boolean(struct reader *reader, bool *into)
{
    TRY(expect(reader, READ_BOOLEAN, "a boolean"));
    return read_boolean(reader, into);
}

static struct result decode_time(struct reader *reader, int64_t *into)
{
    const char *given = NULL;
    int64_t time = 0;
    TRY(expect(reader, READ_TEXT, "a time"));
    struct reader aside = *reader; /* its text is of no use afterwards */
    aside.arena = reader->scratch;
    size_t start = reader->at;
    TRY(read_text(&aside, &given));
    reader->at = aside.at;
    if (!civil_parse(given, &time) || time < YEAR_0000_START || time > YEAR_9999_END) {
        return read_fail(reader, start,
                         "expected a time such as 2026-01-31T03:00:00Z, got \"%.*s\"",
                         (int)text_clip_utf8(given, QUOTE_LIMIT), given);
    }
    *into = time;
    return RESULT_OK;
}

/* A list grows in the scratch arena, and is kept in its size. */
struct growing {
    char *items;
    size_t count;
    size_t capacity;
    size_t item_size;
};

static void *next_item(struct arena *arena, struct growing *list)
{
    enum { FIRST_CAPACITY = 2 };
    if (list->count == list->capacity) {
        size_t capacity = list->capacity > 0 ? list->capacity * 2 : FIRST_CAPACITY;
        char *grown = arena_allocate(arena, capacity, list->item_size);
        if (list->count > 0) {
            memcpy(grown, list->items, list->count * list->item_size);
        }
        list->items = grown;
        list->capacity = capacity;
    }
    return list->items + list->count++ * list->item_size;
}

static void keep_list(struct reader *reader, const struct field *field, const struct growing *list,
                      char *into)
{
    char *items = arena_allocate(reader->arena, list->count, list->item_size);
    if (list->count > 0) {
        memcpy(items, list->items, list->count * list->item_size);
    }
    memcpy(into + field->offset, &items, sizeof(items));
    memcpy(into + field->count_offset, &list->count, sizeof(list->count));
}

static struct result decode_list(struct reader *reader, const struct field *field, char *into)
{
    struct growing list = {.item_size = field->schema->size};
    TRY(expect(reader, READ_ARRAY, "an array"));
    bool more = read_open(reader, ']');
    while (more) {
        TRY(decode_struct(reader, field->schema, next_item(reader->scratch, &list)));
        TRY(read_next(reader, ']', &more));
    }
    keep_list(reader, field, &list, into);
    return RESULT_OK;
}

static struct result decode_text_list(struct reader *reader, const struct field *field, char *into)
{
    struct growing list = {.item_size = sizeof(const char *)};
    TRY(expect(reader, READ_ARRAY, "an array"));
    bool more = read_open(reader, ']');
    while (more) {
        TRY(decode_text(reader, next_item(reader->scratch, &list)));
        TRY(read_next(reader, ']', &more));
    }
    keep_list(reader, field, &list, into);
    return RESULT_OK;
}

static struct result decode_text_map(struct reader *reader, const struct field *field,
                                     struct text_map *into)
{
    struct growing list = {.item_size = sizeof(struct map_item)};
    TRY(expect(reader, READ_OBJECT, "an object"));
    bool more = read_open(reader, '}');
    while (more) {
        struct span name;
        TRY(read_name(reader, &name));
        if (codec_map_wants(field, name)) {
            struct map_item *item = next_item(reader->scratch, &list);
            item->pair.name = arena_copy_bytes(reader->arena, name.bytes, name.size);
            item->order = list.count;
            TRY(decode_text(reader, &item->pair.value));
        } else {
            TRY(read_skip(reader, NULL));
        }
        TRY(read_next(reader, '}', &more));
    }
    *into = codec_map_make(reader->arena, (struct map_item *)(void *)list.items, list.count);
    return RESULT_OK;
}

/* What we keep as it is goes through jansson: sorted, compact, and certainly JSON. */
static struct result decode_raw(struct reader *reader, struct raw_json *into)
{
    CLEANUP(tree_release) json_t *tree = NULL;
    struct span value;
    TRY(read_skip(reader, &value));
    TRY(tree_parse_within(reader->text, value, &tree, reader->error));
    into->text = tree_print(reader->arena, tree);
    return RESULT_OK;
}

static struct result decode_field(struct reader *reader, const struct field *field, void *into)
{
    void *member = (char *)into + field->offset;
    switch (field->type) {
    case FIELD_TEXT:
        return decode_text(reader, member);
    case FIELD_INTEGER:
        return decode_integer(reader, member);
    case FIELD_BOOLEAN:
        return decode_boolean(reader, member);
    case FIELD_TIME:
        return decode_time(reader, member);
    case FIELD_OBJECT:
        return decode_struct(reader, field->schema, member);
    case FIELD_LIST:
        return decode_list(reader, field, into);
    case FIELD_TEXT_LIST:
        return decode_text_list(reader, field, into);
    case FIELD_TEXT_MAP:
        return decode_text_map(reader, field, member);
    case FIELD_RAW:
        break;
    }
    return decode_raw(reader, member);
}

/* `*next` is where to begin: servers write members in the order of their struct, or sorted. */
static const struct field *find_field(const struct schema *schema, struct span name, size_t *next)
{
    for (size_t tried = 0; tried < schema->field_count; tried++) {
        size_t at = (*next + tried) % schema->field_count;
        const char *candidate = schema->fields[at].name;
        if (memcmp(candidate, name.bytes, 1) == 0 && strlen(candidate) == name.size &&
            memcmp(candidate, name.bytes, name.size) == 0) {
            *next = at + 1;
            return &schema->fields[at];
        }
    }
    return NULL;
}

static struct result check_required(struct reader *reader, const struct schema *schema,
                                    uint64_t seen, size_t start)
{
    for (size_t at = 0; at < schema->field_count; at++) {
        const struct field *field = &schema->fields[at];
        if ((field->flags & FIELD_REQUIRED) != 0 && !(seen & UINT64_C(1) << at)) {
            char path[PLACE_SIZE];
            scan_path_at(reader->text, start, path, sizeof(path));
            return error_set(reader->error, ERROR_INVALID, "%s%s%s: required, but absent", path,
                             path[0] ? "." : "", field->name);
        }
    }
    return RESULT_OK;
}

/* `left_out`: a member that is skipped as if it were there, or NULL. */
static struct result decode_members(struct reader *reader, const struct schema *schema,
                                    const char *left_out, void *into)
{
    uint64_t seen = 0; /* a bit for each field */
    REQUIRE(schema->field_count <= sizeof(seen) * CHAR_BIT);
    size_t next = 0;
    TRY(expect(reader, READ_OBJECT, "an object"));
    size_t start = reader->at;
    schema_clear(schema, into);
    bool more = read_open(reader, '}');
    while (more) {
        struct span name;
        TRY(read_name(reader, &name));
        const struct field *field = name.size > 0 ? find_field(schema, name, &next) : NULL;
        /* null and absent mean the same upstream */
        bool is_there = field && read_peek(reader) != READ_NULL;
        seen |= is_there ? UINT64_C(1) << (field - schema->fields) : 0;
        if (is_there && !text_equal(field->name, left_out)) {
            TRY(decode_field(reader, field, into));
        } else {
            TRY(read_skip(reader, NULL));
        }
        TRY(read_next(reader, '}', &more));
    }
    return check_required(reader, schema, seen, start);
}

static struct result decode_struct(struct reader *reader, const struct schema *schema, void *into)
{
    return decode_members(reader, schema, NULL, into);
}

/* Items of lists carry no kind; where there is one, it must be the one that was asked for. */
static struct result check_kind(enum api_kind kind, struct span text, struct error *error)
{
    const char *expected = kind_info(kind)->kind;
    struct span given;
    if (!scan_find(text, "kind", &given)) {
        return RESULT_OK;
    }
    size_t size = strlen(expected);
    bool is_expected = given.size == size + 2 && memcmp(given.bytes + 1, expected, size) == 0;
    if (!is_expected && given.bytes[0] == '"') {
        size_t shown = given.size - 2 < QUOTE_LIMIT ? given.size - 2 : QUOTE_LIMIT;
        return error_set(error, ERROR_INVALID, "kind: expected %s, got \"%.*s\"", expected,
                         (int)shown, given.bytes + 1);
    }
    return RESULT_OK;
}

static struct result decode_object(struct arena *arena, enum api_kind kind, struct span text,
                                   const char *left_out, struct object **object,
                                   struct error *error)
{
    CLEANUP(arena_free) struct arena scratch = {0};
    struct reader reader = {.text = text, .arena = arena, .scratch = &scratch, .error = error};
    const struct schema *schema = schema_of(kind);
    TRY(check_kind(kind, text, error));
    void *decoded = arena_allocate(arena, 1, schema->size);
    TRY(decode_members(&reader, schema, left_out, decoded));
    TRY(read_end(&reader));
    *object = decoded;
    return RESULT_OK;
}

struct result codec_decode_span(struct arena *arena, enum api_kind kind, struct span text,
                                struct object **object, struct error *error)
{
    return decode_object(arena, kind, text, NULL, object, error);
}

struct result codec_decode_without_spec(struct arena *arena, enum api_kind kind, struct span text,
                                        struct object **object, struct error *error)
{
    return decode_object(arena, kind, text, "spec", object, error);
}

struct result codec_decode(struct arena *arena, enum api_kind kind, const char *json, size_t size,
                           struct object **object, struct error *error)
{
    return codec_decode_span(arena, kind, (struct span){json, size}, object, error);
}
