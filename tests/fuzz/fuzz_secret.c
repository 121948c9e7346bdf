/*
 * Of a Secret exactly its texts are read, each as another reader of JSON finds it, and a refusal
 * says nothing of what came. Input: JSON of a Secret.
 */

#include "fuzz/fuzz.h"

#include "api/secret.h"
#include "core/encoding.h"
#include "core/text.h"

#include <jansson.h>

enum { ROOM_BYTES = 16 * 1024, ROOM_PER_BYTE = 8 };

/* A key as the API server allows it (ConfigMapKey), so that it is written without escapes. */
static bool is_key(const char *name)
{
    return strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._") ==
           strlen(name);
}

/* The base64 text that jansson finds, without white space; NULL: none is there. */
static char *find_encoded(const json_t *data, const char *name)
{
    const json_t *value = json_object_get(data, name);
    if (!json_is_string(value)) {
        return NULL;
    }
    char *text = memory_copy_text(json_string_value(value));
    char *to = text;
    for (const char *from = text; *from; from++) {
        if (!strchr(" \t\r\n", *from)) {
            *to++ = *from;
        }
    }
    *to = '\0';
    return text;
}

/* What was decoded encodes to the same again, but for bits behind the last byte. */
static void require_value(struct arena *arena, const json_t *data, const struct name_value *item)
{
    char *encoded = find_encoded(data, item->name);
    REQUIRE(encoded);
    char *again = base64_encode(arena, item->value, strlen(item->value));
    size_t size = strlen(encoded);
    REQUIRE(strlen(again) == size);
    size_t same = size > 0 && encoded[size - 1] == '=' ? strcspn(encoded, "=") - 1 : size;
    REQUIRE(memcmp(encoded, again, same) == 0);
    (void)memory_free(encoded);
}

static bool is_read(const struct secret *secret, const char *name)
{
    for (size_t at = 0; at < secret->count; at++) {
        if (text_equal(secret->items[at].name, name)) {
            return true;
        }
    }
    return false;
}

/* Nothing that is a text is left out, as long as there is room. */
static void require_complete(struct arena *arena, json_t *data, const struct secret *secret)
{
    const char *name;
    json_t *value;
    json_object_foreach(data, name, value)
    {
        size_t size = 0;
        const char *text = json_string_value(value);
        bool is_whole = text && strlen(text) == json_string_length(value);
        const char *bytes = is_whole && is_key(name) ? base64_decode(arena, text, &size) : NULL;
        if (bytes && strlen(bytes) == size) {
            REQUIRE(is_read(secret, name) || secret->count == SECRET_KEYS_MAXIMUM);
        }
    }
}

static void compare(struct arena *arena, const json_t *document, const struct secret *secret)
{
    json_t *data = json_object_get(document, "data");
    const json_t *annotations = json_object_get(json_object_get(document, "metadata"),
                                                "annotations");
    const json_t *hosts = json_object_get(annotations, ANNOTATION_ALLOWED_HOSTS);
    REQUIRE(json_is_string(hosts) == (secret->allowed_hosts != NULL));
    if (json_is_string(hosts) && strlen(json_string_value(hosts)) == json_string_length(hosts)) {
        REQUIRE(text_equal(json_string_value(hosts), secret->allowed_hosts));
    }
    for (size_t at = 0; at < secret->count; at++) {
        if (is_key(secret->items[at].name)) {
            require_value(arena, data, &secret->items[at]);
        }
    }
    require_complete(arena, data, secret);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char *json = fuzz_copy_bytes((struct fuzz_input){bytes, size});
    struct arena arena = {0};
    struct secret secret;
    struct error error = {0};
    struct result result = secret_decode(&arena, json, size, &secret, &error);
    REQUIRE(secret.count <= SECRET_KEYS_MAXIMUM);
    REQUIRE(arena.used <= ROOM_BYTES + ROOM_PER_BYTE * size);
    if (!result_is_ok(result)) {
        REQUIRE(result.kind == ERROR_INVALID && secret.count == 0 && !secret.allowed_hosts);
        REQUIRE(text_equal(error.message, "the answer is no Secret"));
    } else {
        json_t *document = json_loadb(json, size, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL);
        if (document) {
            compare(&arena, document, &secret);
        }
        json_decref(document);
    }
    arena_wipe(&arena);
    (void)memory_free(json);
    return 0;
}
