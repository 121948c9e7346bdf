/* Whether two structs say the same, member by member of their field table, without making JSON. */

#include "api/codec_private.h"
#include "core/text.h"

#include <string.h>

static bool are_texts_equal(const struct field *field, const char *a, const char *b)
{
    const char *left;
    const char *right;
    memcpy(&left, a + field->offset, sizeof(left));
    memcpy(&right, b + field->offset, sizeof(right));
    return text_equal(left, right);
}

static bool are_numbers_equal(const struct field *field, const char *a, const char *b)
{
    return memcmp(a + field->offset, b + field->offset, sizeof(int64_t)) == 0;
}

static bool are_lists_equal(const struct field *field, const char *a, const char *b)
{
    struct schema_list left = schema_list_of(field, a);
    struct schema_list right = schema_list_of(field, b);
    if (left.count != right.count) {
        return false;
    }
    for (size_t at = 0; at < left.count; at++) {
        if (!codec_equal(field->schema, schema_item(field, left, at),
                         schema_item(field, right, at))) {
            return false;
        }
    }
    return true;
}

static bool are_text_lists_equal(const struct field *field, const char *a, const char *b)
{
    struct schema_list left = schema_list_of(field, a);
    struct schema_list right = schema_list_of(field, b);
    if (left.count != right.count) {
        return false;
    }
    for (size_t at = 0; at < left.count; at++) {
        if (!text_equal(schema_text(left, at), schema_text(right, at))) {
            return false;
        }
    }
    return true;
}

/* In this order: another one is taken for a difference, and looked at again as JSON. */
static bool are_text_maps_equal(const struct field *field, const char *a, const char *b)
{
    struct text_map left;
    struct text_map right;
    memcpy(&left, a + field->offset, sizeof(left));
    memcpy(&right, b + field->offset, sizeof(right));
    if (left.count != right.count) {
        return false;
    }
    for (size_t at = 0; at < left.count; at++) {
        if (!text_equal(left.items[at].name, right.items[at].name) ||
            !text_equal(left.items[at].value, right.items[at].value)) {
            return false;
        }
    }
    return true;
}

static bool are_raws_equal(const struct field *field, const char *a, const char *b)
{
    struct raw_json left;
    struct raw_json right;
    memcpy(&left, a + field->offset, sizeof(left));
    memcpy(&right, b + field->offset, sizeof(right));
    return text_equal(left.text, right.text);
}

bool codec_field_equal(const struct field *field, const void *before, const void *after)
{
    const char *a = before;
    const char *b = after;
    switch (field->type) {
    case FIELD_TEXT:
        return are_texts_equal(field, a, b);
    case FIELD_INTEGER:
    case FIELD_TIME:
        return are_numbers_equal(field, a, b);
    case FIELD_BOOLEAN:
        return *(const bool *)(a + field->offset) == *(const bool *)(b + field->offset);
    case FIELD_OBJECT:
        return codec_equal(field->schema, a + field->offset, b + field->offset);
    case FIELD_LIST:
        return are_lists_equal(field, a, b);
    case FIELD_TEXT_LIST:
        return are_text_lists_equal(field, a, b);
    case FIELD_TEXT_MAP:
        return are_text_maps_equal(field, a, b);
    case FIELD_RAW:
        break;
    }
    return are_raws_equal(field, a, b);
}

bool codec_equal(const struct schema *schema, const void *a, const void *b)
{
    for (size_t at = 0; at < schema->field_count; at++) {
        if (!codec_field_equal(&schema->fields[at], a, b)) {
            return false;
        }
    }
    return true;
}
