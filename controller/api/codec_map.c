#include "api/codec_map.h"

#include "core/text.h"

#include <stdlib.h>
#include <string.h>

static bool is_among(const char *const *names, struct span name)
{
    for (; *names; names++) {
        if (strlen(*names) == name.size && memcmp(*names, name.bytes, name.size) == 0) {
            return true;
        }
    }
    return false;
}

bool codec_map_wants(const struct field *field, struct span name)
{
    if (field->names) {
        return is_among(field->names, name);
    }
    size_t size = field->prefix ? strlen(field->prefix) : 0;
    return name.size >= size && (size == 0 || memcmp(name.bytes, field->prefix, size) == 0);
}

static int compare_items(const void *a, const void *b)
{
    const struct map_item *left = a;
    const struct map_item *right = b;
    int names = strcmp(left->pair.name, right->pair.name);
    return names != 0 ? names : (left->order > right->order) - (left->order < right->order);
}

struct text_map codec_map_make(struct arena *arena, struct map_item *items, size_t count)
{
    struct text_map map = {.items = arena_array(arena, struct name_value, count)};
    if (count > 1) {
        qsort(items, count, sizeof(*items), compare_items);
    }
    for (size_t at = 0; at < count; at++) {
        bool is_last = at + 1 == count || !text_equal(items[at].pair.name, items[at + 1].pair.name);
        if (is_last) {
            map.items[map.count++] = items[at].pair;
        }
    }
    return map;
}
