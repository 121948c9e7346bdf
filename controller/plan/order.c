#include "plan/order.h"

#include "api/codec.h"
#include "core/text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Pointers to a kind's struct are read as pointers to void: each begins with its meta. */
static int compare_names(const void *a, const void *b)
{
    const struct object *left = *(const void *const *)a;
    const struct object *right = *(const void *const *)b;
    return text_compare(left->meta.name, right->meta.name);
}

static bool is_sorted(const void *const *items, size_t count)
{
    for (size_t at = 1; at < count; at++) {
        if (compare_names(&items[at - 1], &items[at]) > 0) {
            return false;
        }
    }
    return true;
}

const void *order_by_name(struct arena *arena, const void *items, size_t count)
{
    if (is_sorted(items, count)) {
        return items;
    }
    const void **sorted = arena_allocate(arena, count, sizeof(*sorted));
    memcpy(sorted, items, count * sizeof(*sorted));
    qsort(sorted, count, sizeof(*sorted), compare_names);
    return sorted;
}
