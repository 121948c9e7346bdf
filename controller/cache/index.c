#include "cache/index.h"

#include "core/memory.h"
#include "core/text.h"

#include <string.h>

/* Lists give memory back when they use less than one in so many of their places. */
enum { SHRINK_BELOW = 4, SMALLEST_CAPACITY = 8 };

struct index_list {
    /* `const void *`, not objects: readers look at them as pointers to a kind's struct, and only
     * pointers to void may be read as any pointer. */
    const void **items;
    size_t count;
    size_t capacity;
};

/* By name; the namespace parts objects of one name, which only labels can bring together. */
static int compare_objects(const struct object *a, const struct object *b)
{
    int order = text_compare(a->meta.name, b->meta.name);
    return order ? order : text_compare(a->meta.namespace, b->meta.namespace);
}

/* Where the object is or belongs. */
static size_t find_place(const struct index_list *list, const struct object *object, bool *found)
{
    size_t low = 0;
    size_t high = list->count;
    *found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_objects(list->items[middle], object);
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

void index_put(struct index *index, const char *key, const struct object *object)
{
    struct index_list *list = map_get(&index->lists, key);
    if (!list) {
        list = memory_allocate(1, sizeof(*list));
        (void)map_put(&index->lists, key, list);
    }
    bool found;
    size_t at = find_place(list, object, &found);
    if (!found) {
        /* One place at first: most lists, a Job's pods for one, never hold a second object. */
        if (list->count == 0) {
            list->items = memory_resize(list->items, 1, sizeof(*list->items));
            list->capacity = 1;
        }
        list->items = memory_grow(list->items, &list->capacity, list->count + 1,
                                  sizeof(*list->items));
        memmove(list->items + at + 1, list->items + at, (list->count - at) * sizeof(*list->items));
        list->count++;
    }
    list->items[at] = object;
}

static void shrink(struct index_list *list)
{
    if (list->capacity > SMALLEST_CAPACITY && list->count < list->capacity / SHRINK_BELOW) {
        list->capacity /= 2;
        list->items = memory_resize(list->items, list->capacity, sizeof(*list->items));
    }
}

void index_remove(struct index *index, const char *key, const struct object *object)
{
    struct index_list *list = map_get(&index->lists, key);
    if (!list) {
        return;
    }
    bool found;
    size_t at = find_place(list, object, &found);
    if (!found || list->items[at] != object) {
        return;
    }
    list->count--;
    memmove(list->items + at, list->items + at + 1, (list->count - at) * sizeof(*list->items));
    if (list->count > 0) {
        shrink(list);
        return;
    }
    (void)map_remove(&index->lists, key);
    (void)memory_free(list->items);
    (void)memory_free(list);
}

struct cache_list index_find(const struct index *index, const char *key)
{
    const struct index_list *list = key ? map_get(&index->lists, key) : NULL;
    return list ? (struct cache_list){.items = list->items, .count = list->count}
                : (struct cache_list){0};
}

size_t index_key_count(const struct index *index)
{
    return index->lists.count;
}

void index_free(struct index *index)
{
    const struct map_entry *entry;
    for (size_t at = 0; (entry = map_next(&index->lists, &at)) != NULL;) {
        struct index_list *list = entry->value;
        (void)memory_free(list->items);
        (void)memory_free(list);
    }
    map_free(&index->lists);
}
