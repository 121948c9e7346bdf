/*
 * What an API server sends in the protobuf form is an event, a page or an object, or is refused
 * with a message; what was decoded comes back the same through JSON. Frames cut anywhere are the
 * same frames. Input: kind (Job or Pod), what it is, a byte that cuts, the bytes.
 */

#include "fuzz/fuzz.h"

#include "api/codec_form.h"
#include "core/hash.h"
#include "kube/watch_stream.h"

enum what { WHAT_OBJECT, WHAT_LIST, WHAT_STATUS, WHAT_STREAM, WHAT_COUNT };

static const struct codec_form *form(void)
{
    return codec_form_of("application/vnd.kubernetes.protobuf");
}

/* Through JSON and back, which has rules of its own: valid UTF-8, required fields. */
static void check_object(struct arena *arena, enum api_kind kind, const struct object *object)
{
    struct object *again = NULL;
    struct error error = {0};
    REQUIRE(object->meta.name);
    const char *stored = codec_encode_stored(arena, kind, object);
    struct result result = codec_decode(arena, kind, stored, strlen(stored), &again, &error);
    REQUIRE(result_is_ok(result));
    REQUIRE(strcmp(stored, codec_encode_stored(arena, kind, again)) == 0);
}

static void take_object(enum api_kind kind, const char *bytes, size_t size)
{
    struct arena arena = {0};
    struct error error = {0};
    struct object *object = NULL;
    if (result_is_ok(codec_decode_protobuf(&arena, kind, bytes, size, &object, &error))) {
        check_object(&arena, kind, object);
    } else {
        fuzz_require_message(&error);
    }
    arena_free(&arena);
}

static void take_item(void *context, struct arena *arena, struct object *object,
                      const char *namespace, const char *name, const char *poison)
{
    const enum api_kind *kind = context;
    (void)namespace;
    (void)name;
    REQUIRE((object != NULL) != (poison != NULL));
    if (object) {
        check_object(arena, *kind, object);
    }
    arena_free(arena);
    (void)memory_free(arena);
}

static void take_list(enum api_kind kind, const char *bytes, size_t size)
{
    struct arena arena = {0};
    struct error error = {0};
    struct list_page page = {0};
    if (result_is_ok(
            form()->decode_list(&arena, kind, bytes, size, take_item, &kind, &page, &error))) {
        REQUIRE(page.resource_version && page.resource_version[0] != '\0');
    } else {
        fuzz_require_message(&error);
    }
    arena_free(&arena);
}

static void take_status(const char *bytes, size_t size)
{
    struct arena arena = {0};
    struct api_status status;
    form()->decode_status(&arena, bytes, size, &status);
    REQUIRE(status.code >= 0 && status.code < 1000);
    arena_free(&arena);
}

struct seen {
    enum api_kind kind;
    uint64_t hash;
    size_t frames;
    bool decodes;
};

static void decode_frame(enum api_kind kind, const char *bytes, size_t size)
{
    struct arena arena = {0};
    struct error error = {0};
    struct watch_event event = {0};
    if (!result_is_ok(form()->decode_event(&arena, kind, bytes, size, &event, &error))) {
        fuzz_require_message(&error);
    } else {
        bool has_object = event.type == WATCH_ADDED || event.type == WATCH_MODIFIED ||
                          event.type == WATCH_DELETED;
        REQUIRE(event.type != WATCH_UNKNOWN || event.type_name);
        REQUIRE(has_object == (event.object != NULL || event.poison != NULL));
        REQUIRE(!event.object || !event.poison);
        if (event.object) {
            check_object(&arena, kind, event.object);
        }
    }
    arena_free(&arena);
}

static struct result take_frame(void *context, const char *bytes, size_t size)
{
    struct seen *seen = context;
    REQUIRE(size > 0 && size <= WATCH_EVENT_MAXIMUM);
    seen->hash = hash_bytes(hash_bytes(seen->hash, bytes, size), &size, sizeof(size));
    if (seen->decodes) {
        char *copy = fuzz_copy_bytes((struct fuzz_input){(const uint8_t *)bytes, size});
        decode_frame(seen->kind, copy, size);
        (void)memory_free(copy);
    }
    seen->frames++;
    return RESULT_OK;
}

static struct seen feed(struct fuzz_input input, enum api_kind kind, size_t step, bool decodes,
                        bool *is_over)
{
    struct seen seen = {.kind = kind, .hash = HASH_SEED, .decodes = decodes};
    struct watch_stream stream;
    watch_stream_init(&stream, take_frame, &seen);
    watch_stream_begin(&stream, true);
    *is_over = false;
    for (size_t at = 0; at < input.size && !*is_over; at += step) {
        size_t size = input.size - at < step ? input.size - at : step;
        char *chunk = fuzz_copy_bytes((struct fuzz_input){input.bytes + at, size});
        struct result result = watch_stream_feed(&stream, chunk, size);
        REQUIRE(result_is_ok(result) || result.kind == ERROR_LIMIT);
        *is_over = !result_is_ok(result);
        (void)memory_free(chunk);
    }
    watch_stream_free(&stream);
    return seen;
}

static void take_stream(struct fuzz_input input, enum api_kind kind, size_t step)
{
    bool whole_is_over;
    bool cut_is_over;
    struct seen whole = feed(input, kind, input.size + 1, true, &whole_is_over);
    struct seen cut = feed(input, kind, step, false, &cut_is_over);
    REQUIRE(whole.frames == cut.frames && whole.hash == cut.hash);
    REQUIRE(whole_is_over == cut_is_over);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct fuzz_input input = {bytes, size};
    enum api_kind kind = fuzz_take_byte(&input) % 2 == 0 ? KIND_JOB : KIND_POD;
    enum what what = (enum what)(fuzz_take_byte(&input) % WHAT_COUNT);
    size_t step = (size_t)fuzz_take_byte(&input) + 1;
    char *copy = fuzz_copy_bytes(input);
    switch (what) {
    case WHAT_OBJECT:
        take_object(kind, copy, input.size);
        break;
    case WHAT_LIST:
        take_list(kind, copy, input.size);
        break;
    case WHAT_STATUS:
        take_status(copy, input.size);
        break;
    default:
        take_stream(input, kind, step);
    }
    (void)memory_free(copy);
    return 0;
}
