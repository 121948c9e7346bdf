/*
 * A page of a list is taken whole or not at all: on an error no item was handed out. Input: kind,
 * JSON.
 */

#include "fuzz/fuzz.h"

#include "api/codec.h"

static void take_item(void *context, struct arena *arena, struct object *object,
                      const char *namespace, const char *name, const char *poison)
{
    size_t *count = context;
    (*count)++;
    REQUIRE((object != NULL) != (poison != NULL));
    REQUIRE(!object || (object->meta.name == name && object->meta.namespace == namespace));
    arena_free(arena);
    (void)memory_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct fuzz_input input = {bytes, size};
    enum api_kind kind = fuzz_take_kind(&input, KIND_COUNT);
    char *json = fuzz_copy_bytes(input);
    struct arena arena = {0};
    struct error error = {0};
    struct list_page page = {0};
    size_t count = 0;
    if (!result_is_ok(
            codec_decode_list(&arena, kind, json, input.size, take_item, &count, &page, &error))) {
        fuzz_require_message(&error);
        REQUIRE(count == 0);
    } else {
        REQUIRE(page.resource_version && page.resource_version[0] != '\0');
    }
    arena_free(&arena);
    (void)memory_free(json);
    return 0;
}
