/*
 * The patch between two objects' statuses, applied to the first one's JSON just as it came, makes
 * the second one's status. Input: kind, JSON, NUL, JSON.
 */

#include "fuzz/fuzz.h"

#include "api/codec.h"
#include "support/json_patch.h"

static struct object *decode(struct arena *arena, enum api_kind kind, const char *json, size_t size)
{
    struct object *object = NULL;
    return result_is_ok(codec_decode(arena, kind, json, size, &object, NULL)) ? object : NULL;
}

static void require_patch_leads_there(struct arena *arena, enum api_kind kind, const char *json,
                                      size_t size, const struct object *before,
                                      const struct object *after)
{
    const char *patch = codec_status_patch(arena, kind, before, after);
    /* A member that is there twice is read twice, where others take the last: no API server says
     * so. */
    json_t *document = json_loadb(json, size, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL);
    if (!document) {
        return; /* it is wrong where we do not look, and no API server says so */
    }
    /* What an API server sends has always one. */
    json_object_set_new(json_object_get(document, "metadata"), "resourceVersion",
                        json_string("1207"));
    if (patch) {
        json_t *operations = json_loads(patch, 0, NULL);
        REQUIRE(operations != NULL);
        json_patch_apply(document, operations);
        json_decref(operations);
    }
    char *text = json_dumps(document, 0);
    const struct object *reached = decode(arena, kind, text, strlen(text));
    REQUIRE(reached);
    /* As it is encoded: an absent message and an empty one are the same. */
    REQUIRE(!codec_status_patch(arena, kind, reached, after));
    (void)memory_free(text);
    json_decref(document);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct fuzz_input input = {bytes, size};
    enum api_kind kind = fuzz_take_kind(&input, KIND_TRIGGER + 1);
    struct fuzz_input first = fuzz_take_part(&input);
    char *left = fuzz_copy_bytes(first);
    char *right = fuzz_copy_bytes(input);
    struct arena arena = {0};
    struct object *before = decode(&arena, kind, left, first.size);
    struct object *after = decode(&arena, kind, right, input.size);
    if (before && after) {
        after->meta.name = before->meta.name;
        require_patch_leads_there(&arena, kind, left, first.size, before, after);
    }
    arena_free(&arena);
    (void)memory_free(left);
    (void)memory_free(right);
    return 0;
}
