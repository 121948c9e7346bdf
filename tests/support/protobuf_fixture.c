#include "support/protobuf_fixture.h"

#include "support/test.h"

#include "core/memory.h"

struct pod_bench pod_bench_named(const char *name)
{
    struct pod_bench bench = {0};
    wire_add_text(&bench.meta, META_NAME, name);
    return bench;
}

struct wire_text pod_bench_message(const struct pod_bench *bench)
{
    struct wire_text pod = {0};
    wire_add(&pod, OBJECT_META, &bench->meta);
    wire_add(&pod, POD_STATUS, &bench->status);
    return pod;
}

void event_list_take(void *context, struct arena *arena, struct object *object,
                     const char *namespace, const char *name, const char *poison)
{
    struct event_list *list = context;
    assert_true(list->count < COUNT_OF(list->items));
    const char *text = object ? codec_encode_stored(&list->arena, list->kind, object) : NULL;
    list->items[list->count++] = (struct watch_event){
        .name = arena_copy_text(&list->arena, name),
        .namespace = arena_copy_text(&list->arena, namespace),
        .poison = arena_copy_text(&list->arena, poison),
        .message = text};
    arena_free(arena);
    (void)memory_free(arena);
}
