#include "api/secret.h"

#include "api/json_part.h"
#include "core/encoding.h"

#include <string.h>

static const char *find_annotation(struct arena *arena, struct span root, const char *name)
{
    struct span annotations;
    struct span value;
    return json_part_find(root, "metadata.annotations", &annotations) &&
                   scan_find(annotations, name, &value)
               ? json_part_text(arena, value)
               : NULL;
}

static void add_value(struct arena *arena, struct secret *secret, struct span key,
                      struct span value)
{
    size_t size = 0;
    const char *encoded = json_part_text(arena, value);
    const char *bytes = encoded ? base64_decode(arena, encoded, &size) : NULL;
    if (bytes && strlen(bytes) == size) {
        secret->items[secret->count++] = (struct name_value){
            .name = arena_copy_bytes(arena, key.bytes, key.size), .value = bytes};
    }
}

struct result secret_decode(struct arena *arena, const char *json, size_t size,
                            struct secret *secret, struct error *error)
{
    struct span root;
    struct span data;
    struct scan scan;
    struct span key;
    struct span value;
    *secret = (struct secret){.items = arena_array(arena, struct name_value, SECRET_KEYS_MAXIMUM)};
    if (!json_part_open(json, size, &root) || !scan_find(root, "metadata", &value)) {
        return error_set(error, ERROR_INVALID, "the answer is no Secret");
    }
    secret->allowed_hosts = find_annotation(arena, root, ANNOTATION_ALLOWED_HOSTS);
    if (!scan_find(root, "data", &data) || !scan_open(data, '{', &scan)) {
        return RESULT_OK; /* an empty one */
    }
    while (secret->count < SECRET_KEYS_MAXIMUM &&
           scan_next_member(&scan, &key, &value) == SCAN_FOUND) {
        add_value(arena, secret, key, value);
    }
    return RESULT_OK;
}
