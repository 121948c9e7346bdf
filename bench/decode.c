/*
 * What decoding a recorded watch costs, in JSON and in the protobuf form of the same events:
 *
 *   make FLAVOUR=release build/release/bench-decode
 *   build/release/bench-decode Job jobs-watch.json jobs-watch.pb
 *
 * For each file: its events, bytes and allocations for each of them, and CPU: the least of some
 * rounds, since others on the machine can only add. A file that ends in .pb holds frames. Counted
 * is all that the reflector does before the cache: cutting the stream, decoding, freeing.
 */

#include "api/codec_form.h"
#include "core/memory.h"
#include "core/text.h"
#include "kube/watch_stream.h"

#include <stdio.h>
#include <time.h>

enum {
    ROUNDS = 20,
    REPEATS = 200,
    FILE_MAXIMUM = 4 * 1024 * 1024,
    NANOSECONDS = 1000 * 1000 * 1000
};

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
    size_t events;
    size_t objects;
    bool failed;
};

static struct result take_event(void *context, const char *bytes, size_t size)
{
    struct reading *reading = context;
    CLEANUP(arena_free) struct arena arena = CODEC_OBJECT_ARENA;
    struct error error = {0};
    struct watch_event event = {0};
    struct result result = reading->form->decode_event(&arena, reading->kind, bytes, size, &event,
                                                       &error);
    reading->events++;
    reading->objects += event.object != NULL;
    reading->failed |= !result_is_ok(result) || event.poison != NULL;
    return RESULT_OK;
}

static void read_once(struct reading *reading, const char *bytes, size_t size)
{
    struct watch_stream stream;
    watch_stream_init(&stream, take_event, reading);
    watch_stream_begin(&stream, reading->form->is_framed);
    reading->failed |= !result_is_ok(watch_stream_feed(&stream, bytes, size));
    watch_stream_free(&stream);
}

static double cpu_seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / NANOSECONDS;
}

static double least_seconds(struct reading *reading, const char *bytes, size_t size)
{
    double least = 0;
    for (int round = 0; round < ROUNDS; round++) {
        double began = cpu_seconds();
        for (int at = 0; at < REPEATS; at++) {
            read_once(reading, bytes, size);
        }
        double took = (cpu_seconds() - began) / REPEATS;
        least = round == 0 || took < least ? took : least;
    }
    return least;
}

static bool measure(enum api_kind kind, const char *path)
{
    static char bytes[FILE_MAXIMUM];
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        return false;
    }
    size_t size = fread(bytes, 1, sizeof(bytes), file);
    (void)fclose(file);
    bool is_protobuf = text_ends_with(path, ".pb");
    struct reading once = {
        .kind = kind,
        .form = codec_form_of(is_protobuf ? "application/vnd.kubernetes.protobuf" : NULL)};
    size_t before = allocations;
    read_once(&once, bytes, size);
    size_t made = allocations - before;
    if (once.failed || once.objects == 0) {
        (void)fprintf(stderr, "%s: not a watch of this kind\n", path);
        return false;
    }
    struct reading many = once;
    double events = (double)once.events;
    double micros = least_seconds(&many, bytes, size) * 1e6 / events;
    (void)printf("%-40s %6zu %14.0f %13.2f %19.1f\n", path, once.events, (double)size / events,
                 micros, (double)made / events);
    return true;
}

int main(int argc, char **argv)
{
    enum api_kind kind = argc > 1 ? kind_by_name(argv[1]) : KIND_COUNT;
    if (argc < 3 || kind == KIND_COUNT) {
        (void)fprintf(stderr, "usage: bench-decode KIND FILE...\n");
        return 2;
    }
    (void)printf("%-40s %6s %14s %13s %19s\n", "watch", "events", "bytes for each", "us for each",
                 "allocations for each");
    bool ok = true;
    for (int at = 2; at < argc; at++) {
        ok &= measure(kind, argv[at]);
    }
    return ok ? 0 : 1;
}
