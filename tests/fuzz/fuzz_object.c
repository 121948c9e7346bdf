/*
 * An object of any kind is decoded or refused with a message; what was decoded comes back the same
 * through the encoder. Input: kind, JSON.
 */

#include "fuzz/fuzz.h"

#include "api/codec.h"
#include "api/pipeline.h"

static struct object *decode_again(struct arena *arena, enum api_kind kind, const char *json)
{
    struct object *object = NULL;
    struct error error = {0};
    struct result result = codec_decode(arena, kind, json, strlen(json), &object, &error);
    REQUIRE(result_is_ok(result));
    return object;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct fuzz_input input = {bytes, size};
    enum api_kind kind = fuzz_take_kind(&input, KIND_COUNT);
    char *json = fuzz_copy_bytes(input);
    struct arena arena = {0};
    struct error error = {0};
    struct object *object = NULL;
    if (!result_is_ok(codec_decode(&arena, kind, json, input.size, &object, &error))) {
        fuzz_require_message(&error);
    } else {
        REQUIRE(object->meta.name);
        const char *stored = codec_encode_stored(&arena, kind, object);
        const struct object *again = decode_again(&arena, kind, stored);
        REQUIRE(strcmp(stored, codec_encode_stored(&arena, kind, again)) == 0);
        (void)codec_encode(&arena, kind, object);
        REQUIRE(!kind_info(kind)->ours || !codec_status_patch(&arena, kind, object, again));
        if (kind == KIND_PIPELINE) {
            (void)codec_encode_pipeline_spec(&arena, &((struct pipeline *)object)->spec);
        }
    }
    arena_free(&arena);
    (void)memory_free(json);
    return 0;
}
