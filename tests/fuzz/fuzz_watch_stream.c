/*
 * A watch stream cut anywhere gives the same lines as the stream in one piece, and each line a
 * watch event or an error. Input: kind, a byte that cuts, the stream.
 */

#include "fuzz/fuzz.h"

#include "api/codec.h"
#include "core/hash.h"
#include "kube/watch_stream.h"

#include <stdlib.h>

enum { LINES_MAXIMUM = 64 }; /* decoded of one input: enough, and quick */

struct seen {
    enum api_kind kind;
    uint64_t hash;
    size_t lines;
    bool decodes;
};

static void decode_line(enum api_kind kind, const char *line, size_t size)
{
    struct arena arena = {0};
    struct error error = {0};
    struct watch_event event;
    if (!result_is_ok(codec_decode_event(&arena, kind, line, size, &event, &error))) {
        fuzz_require_message(&error);
    } else {
        bool has_object = event.type == WATCH_ADDED || event.type == WATCH_MODIFIED ||
                          event.type == WATCH_DELETED;
        REQUIRE(event.type != WATCH_UNKNOWN || event.type_name);
        REQUIRE(has_object == (event.object != NULL || event.poison != NULL));
        REQUIRE(!event.object || !event.poison);
    }
    arena_free(&arena);
}

static struct result take_line(void *context, const char *line, size_t size)
{
    struct seen *seen = context;
    REQUIRE(size > 0);
    REQUIRE(memchr(line, '\n', size) == NULL);
    seen->hash = hash_bytes(hash_bytes(seen->hash, line, size), "\n", 1);
    if (seen->decodes && seen->lines < LINES_MAXIMUM) {
        char *copy = fuzz_copy_bytes((struct fuzz_input){(const uint8_t *)line, size});
        decode_line(seen->kind, copy, size);
        (void)memory_free(copy);
    }
    seen->lines++;
    return RESULT_OK;
}

static struct seen feed(struct fuzz_input input, enum api_kind kind, size_t step, bool decodes)
{
    struct seen seen = {.kind = kind, .hash = HASH_SEED, .decodes = decodes};
    struct watch_stream stream;
    watch_stream_init(&stream, take_line, &seen);
    for (size_t at = 0; at < input.size; at += step) {
        size_t size = input.size - at < step ? input.size - at : step;
        char *chunk = fuzz_copy_bytes((struct fuzz_input){input.bytes + at, size});
        REQUIRE(result_is_ok(watch_stream_feed(&stream, chunk, size)));
        (void)memory_free(chunk);
    }
    watch_stream_free(&stream);
    return seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct fuzz_input input = {bytes, size};
    enum api_kind kind = fuzz_take_kind(&input, KIND_COUNT);
    size_t step = (size_t)fuzz_take_byte(&input) + 1;
    struct seen whole = feed(input, kind, input.size + 1, true);
    struct seen cut = feed(input, kind, step, false);
    REQUIRE(whole.lines == cut.lines && whole.hash == cut.hash);
    return 0;
}
