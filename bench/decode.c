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

#include "core/text.h"
#include "cost/watch_cost.h"

#include <stdio.h>
#include <time.h>

enum {
    ROUNDS = 20,
    REPEATS = 200,
    FILE_MAXIMUM = 4 * 1024 * 1024,
    NANOSECONDS = 1000 * 1000 * 1000
};

static double cpu_seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / NANOSECONDS;
}

static double least_seconds(enum api_kind kind, const struct codec_form *form, const char *bytes,
                            size_t size)
{
    double least = 0;
    for (int round = 0; round < ROUNDS; round++) {
        double began = cpu_seconds();
        for (int at = 0; at < REPEATS; at++) {
            (void)watch_cost_of(kind, form, bytes, size);
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
    const struct codec_form *form = codec_form_of(
        is_protobuf ? "application/vnd.kubernetes.protobuf" : NULL);
    const struct watch_cost once = watch_cost_of(kind, form, bytes, size);
    if (once.failed || once.objects == 0) {
        (void)fprintf(stderr, "%s: not a watch of this kind\n", path);
        return false;
    }
    double events = (double)once.events;
    double micros = least_seconds(kind, form, bytes, size) * 1e6 / events;
    (void)printf("%-40s %6zu %14.0f %13.2f %19.1f\n", path, once.events, (double)size / events,
                 micros, (double)once.allocations / events);
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
