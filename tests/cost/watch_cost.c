#include "cost/watch_cost.h"

#include "core/memory.h"
#include "kube/watch_stream.h"

void *__real_calloc(size_t count, size_t size);
void *__real_reallocarray(void *pointer, size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_reallocarray(void *pointer, size_t count, size_t size);

static size_t allocations;

void *__wrap_calloc(size_t count, size_t size)
{
    allocations++;
    return __real_calloc(count, size);
}

void *__wrap_reallocarray(void *pointer, size_t count, size_t size)
{
    allocations++;
    return __real_reallocarray(pointer, count, size);
}

struct reading {
    enum api_kind kind;
    const struct codec_form *form;
    struct watch_cost cost;
};

static struct result take_event(void *context, const char *bytes, size_t size)
{
    struct reading *reading = context;
    CLEANUP(arena_free) struct arena arena = CODEC_OBJECT_ARENA;
    struct error error = {0};
    struct watch_event event = {0};
    struct result result = reading->form->decode_event(&arena, reading->kind, bytes, size, &event,
                                                       &error);
    reading->cost.events++;
    reading->cost.objects += event.object != NULL;
    reading->cost.failed |= !result_is_ok(result) || event.poison != NULL;
    return RESULT_OK;
}

struct watch_cost watch_cost_of(enum api_kind kind, const struct codec_form *form,
                                const char *bytes, size_t size)
{
    struct reading reading = {.kind = kind, .form = form};
    struct watch_stream stream;
    size_t before = allocations;
    watch_stream_init(&stream, take_event, &reading);
    watch_stream_begin(&stream, form->is_framed);
    reading.cost.failed |= !result_is_ok(watch_stream_feed(&stream, bytes, size));
    watch_stream_free(&stream);
    reading.cost.allocations = allocations - before;
    return reading.cost;
}
