#include "support/random_object.h"

#include "core/assert.h"
#include "core/text.h"

#include <string.h>

enum { LIST_MAX = 4, PERCENT = 100 };

/* What is awkward in JSON, in JSON pointers and in Kubernetes' names. */
static const char *const texts[] = {
    "",      "a",        "tidemill.dev/x",   "with \"quotes\"", "back\\slash",
    "a/b~c", "\n\t\x01", "\xC3\xA4\xC3\xB6", "\xE2\x82\xAC",    "\xF0\x9F\x8C\x8A",
    "null",  "0.10",
};

static const char *const raws[] = {
    "{}", "[]", "{\"a\":[1,2,{\"b\":null}],\"c\":\"\\u0001\"}", "\"text\"", "-7", "true",
};

static const int64_t integers[] = {1, -1, 7, 4096, INT64_MAX, INT64_MIN + 1};

static bool chance(struct prng *prng, int percent)
{
    return (int)prng_between(prng, 1, PERCENT) <= percent;
}

static const char *random_text(struct arena *arena, struct prng *prng)
{
    const char *first = texts[prng_between(prng, 0, COUNT_OF(texts) - 1)];
    const char *second = texts[prng_between(prng, 0, COUNT_OF(texts) - 1)];
    return arena_print(arena, "%s%s", first, second);
}

static int64_t random_time(struct prng *prng)
{
    static const uint64_t year_9999 = UINT64_C(253402300799);
    return (int64_t)prng_between(prng, 0, year_9999);
}

static void fill_list(struct arena *arena, struct prng *prng, const struct field *field,
                      int percent, char *object)
{
    size_t count = prng_between(prng, 1, LIST_MAX);
    char *items = arena_allocate(arena, count, field->schema->size);
    for (size_t at = 0; at < count; at++) {
        random_fill(arena, prng, field->schema, percent, items + at * field->schema->size);
    }
    memcpy(object + field->offset, &items, sizeof(items));
    memcpy(object + field->count_offset, &count, sizeof(count));
}

static void fill_text_list(struct arena *arena, struct prng *prng, const struct field *field,
                           char *object)
{
    size_t count = prng_between(prng, 1, LIST_MAX);
    const char **items = arena_array(arena, const char *, count);
    for (size_t at = 0; at < count; at++) {
        items[at] = random_text(arena, prng);
    }
    memcpy(object + field->offset, &items, sizeof(items));
    memcpy(object + field->count_offset, &count, sizeof(count));
}

static void fill_text_map(struct arena *arena, struct prng *prng, const struct field *field,
                          struct text_map *map)
{
    size_t most = LIST_MAX;
    for (size_t at = 0; field->names && field->names[at]; at++) {
        most = at + 1; /* they are sorted */
    }
    map->count = prng_between(prng, 1, most);
    map->items = arena_array(arena, struct name_value, map->count);
    for (size_t at = 0; at < map->count; at++) { /* the index keeps names sorted and apart */
        map->items[at].name = field->names
                                  ? field->names[at]
                                  : arena_print(arena, "%s%c%s", text_or(field->prefix, ""),
                                                (char)('a' + at), random_text(arena, prng));
        map->items[at].value = random_text(arena, prng);
    }
}

static void fill_field(struct arena *arena, struct prng *prng, const struct field *field,
                       int percent, void *object)
{
    void *member = (char *)object + field->offset;
    switch (field->type) {
    case FIELD_TEXT:
        *(const char **)member = random_text(arena, prng);
        break;
    case FIELD_INTEGER:
        *(int64_t *)member = integers[prng_between(prng, 0, COUNT_OF(integers) - 1)];
        break;
    case FIELD_BOOLEAN:
        *(bool *)member = true;
        break;
    case FIELD_TIME:
        *(int64_t *)member = random_time(prng);
        break;
    case FIELD_OBJECT:
        random_fill(arena, prng, field->schema, percent, member);
        break;
    case FIELD_LIST:
        fill_list(arena, prng, field, percent, object);
        break;
    case FIELD_TEXT_LIST:
        fill_text_list(arena, prng, field, object);
        break;
    case FIELD_TEXT_MAP:
        fill_text_map(arena, prng, field, member);
        break;
    case FIELD_RAW:
        ((struct raw_json *)member)->text = raws[prng_between(prng, 0, COUNT_OF(raws) - 1)];
        break;
    }
}

void random_fill(struct arena *arena, struct prng *prng, const struct schema *schema, int percent,
                 void *object)
{
    schema_clear(schema, object);
    for (size_t at = 0; at < schema->field_count; at++) {
        const struct field *field = &schema->fields[at];
        bool kept = (field->flags & (FIELD_REQUIRED | FIELD_KEPT)) != 0;
        if (kept || chance(prng, percent)) {
            fill_field(arena, prng, field, percent, object);
        }
    }
}

/* A few items changed, and perhaps some more or fewer of them. */
static void change_list(struct arena *arena, struct prng *prng, const struct field *field,
                        char *object)
{
    char *items;
    size_t count;
    size_t size = field->schema->size;
    memcpy(&items, object + field->offset, sizeof(items));
    memcpy(&count, object + field->count_offset, sizeof(count));
    size_t changed_count = count == 0 || chance(prng, 50) ? prng_between(prng, 0, count + LIST_MAX)
                                                          : count;
    char *changed = arena_allocate(arena, changed_count, size);
    for (size_t at = 0; at < changed_count; at++) {
        char *item = changed + at * size;
        if (at >= count) {
            random_fill(arena, prng, field->schema, 50, item);
            continue;
        }
        memcpy(item, items + at * size, size);
        if (chance(prng, 30)) {
            random_change(arena, prng, field->schema, item);
        }
    }
    memcpy(object + field->offset, &changed, sizeof(changed));
    memcpy(object + field->count_offset, &changed_count, sizeof(changed_count));
}

/* An absent object: what schema_clear() makes of zeroed memory. */
static void clear_object(const struct field *field, char *member)
{
    memset(member, 0, field->schema->size);
    schema_clear(field->schema, member);
}

void random_change(struct arena *arena, struct prng *prng, const struct schema *schema,
                   void *object)
{
    for (size_t at = 0; at < schema->field_count; at++) {
        const struct field *field = &schema->fields[at];
        char *member = (char *)object + field->offset;
        if (field->type == FIELD_LIST && chance(prng, 50)) {
            change_list(arena, prng, field, object);
        } else if (field->type == FIELD_OBJECT && chance(prng, 50)) {
            random_change(arena, prng, field->schema, member);
        } else if (field->type == FIELD_OBJECT && chance(prng, 20)) {
            clear_object(field, member);
        } else if (field->type == FIELD_TEXT && field->flags == 0 && chance(prng, 10)) {
            *(const char **)(void *)member = NULL;
        } else if (chance(prng, 20)) {
            fill_field(arena, prng, field, 50, object);
        }
    }
}

static bool lists_equal(const struct field *field, const char *a, const char *b, unsigned without)
{
    const char *left;
    const char *right;
    size_t left_count;
    size_t right_count;
    memcpy(&left, a + field->offset, sizeof(left));
    memcpy(&right, b + field->offset, sizeof(right));
    memcpy(&left_count, a + field->count_offset, sizeof(left_count));
    memcpy(&right_count, b + field->count_offset, sizeof(right_count));
    bool equal = left_count == right_count;
    for (size_t at = 0; equal && at < left_count; at++) {
        if (field->type == FIELD_TEXT_LIST) {
            equal = text_equal(((const char *const *)(const void *)left)[at],
                               ((const char *const *)(const void *)right)[at]);
        } else {
            equal = struct_equal(field->schema, left + at * field->schema->size,
                                 right + at * field->schema->size, without);
        }
    }
    return equal;
}

static bool maps_equal(const struct text_map *a, const struct text_map *b)
{
    bool equal = a->count == b->count;
    for (size_t at = 0; equal && at < a->count; at++) {
        equal = text_equal(a->items[at].name, b->items[at].name) &&
                text_equal(a->items[at].value, b->items[at].value);
    }
    return equal;
}

static bool fields_equal(const struct field *field, const char *a, const char *b, unsigned without)
{
    const void *left = a + field->offset;
    const void *right = b + field->offset;
    switch (field->type) {
    case FIELD_TEXT:
    case FIELD_RAW:
        return text_equal(*(const char *const *)left, *(const char *const *)right);
    case FIELD_INTEGER:
    case FIELD_TIME:
        return *(const int64_t *)left == *(const int64_t *)right;
    case FIELD_BOOLEAN:
        return *(const bool *)left == *(const bool *)right;
    case FIELD_OBJECT:
        return struct_equal(field->schema, left, right, without);
    case FIELD_LIST:
    case FIELD_TEXT_LIST:
        return lists_equal(field, a, b, without);
    case FIELD_TEXT_MAP:
        return maps_equal(left, right);
    }
    return false;
}

bool struct_equal(const struct schema *schema, const void *a, const void *b, unsigned without)
{
    for (size_t at = 0; at < schema->field_count; at++) {
        const struct field *field = &schema->fields[at];
        if ((field->flags & without) == 0 && !fields_equal(field, a, b, without)) {
            return false;
        }
    }
    return true;
}
