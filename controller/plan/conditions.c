#include "plan/conditions.h"

#include "core/text.h"

#include <string.h>

struct condition_writer condition_writer_start(struct arena *arena, struct condition_list *list,
                                               const struct condition_list *before,
                                               int64_t generation, int64_t now)
{
    struct condition *items = arena_array(arena, struct condition, before->count);
    if (before->count > 0) {
        memcpy(items, before->items, before->count * sizeof(*items));
    }
    list->count = before->count; /* only now: `before` may be the same list */
    list->items = items;
    return (struct condition_writer){
        .arena = arena, .list = list, .generation = generation, .now = now};
}

static bool is_at(const struct condition_list *list, size_t at, const char *type)
{
    return at < list->count && strcmp(list->items[at].type, type) == 0;
}

/* Where `type` is (somebody may have reordered the list), or where it belongs. */
static size_t position(const struct condition_list *list, const char *type)
{
    for (size_t at = 0; at < list->count; at++) {
        if (is_at(list, at, type)) {
            return at;
        }
    }
    size_t at = 0;
    while (at < list->count && strcmp(list->items[at].type, type) < 0) {
        at++;
    }
    return at;
}

static void insert_at(struct condition_writer *writer, size_t at)
{
    struct condition_list *list = writer->list;
    struct condition *grown = arena_array(writer->arena, struct condition, list->count + 1);
    for (size_t from = 0; from < list->count; from++) {
        grown[from < at ? from : from + 1] = list->items[from];
    }
    list->items = grown;
    list->count++;
}

void condition_set(struct condition_writer *writer, const char *type, const char *status,
                   const char *reason, const char *message)
{
    size_t at = position(writer->list, type);
    bool known = is_at(writer->list, at, type);
    if (!known) {
        insert_at(writer, at);
    }
    struct condition *condition = &writer->list->items[at];
    bool flipped = !known || !text_equal(condition->status, status);
    condition->type = type;
    condition->status = status;
    condition->observed_generation = writer->generation;
    condition->reason = reason;
    condition->message = arena_copy_bytes(writer->arena, message,
                                          text_clip_utf8(message, CONDITION_MESSAGE_LIMIT));
    if (flipped) {
        condition->last_transition_time = writer->now;
    }
}

void condition_remove(struct condition_writer *writer, const char *type)
{
    struct condition_list *list = writer->list;
    size_t at = position(list, type);
    if (!is_at(list, at, type)) {
        return;
    }
    memmove(&list->items[at], &list->items[at + 1], (list->count - at - 1) * sizeof(*list->items));
    list->count--;
}

const struct condition *condition_find(const struct condition_list *list, const char *type)
{
    for (size_t at = 0; at < list->count; at++) {
        if (text_equal(list->items[at].type, type)) {
            return &list->items[at];
        }
    }
    return NULL;
}

bool condition_is(const struct condition_list *list, const char *type, const char *status)
{
    const struct condition *condition = condition_find(list, type);
    return condition && text_equal(condition->status, status);
}
