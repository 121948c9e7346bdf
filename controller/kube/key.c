#include "kube/key.h"

#include "core/assert.h"
#include "core/hash.h"
#include "core/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { KEY_HASH_LENGTH = 17 }; /* '#' and 16 hex digits */

/* What fits of it; the length that all of it would have. */
static size_t append(char text[KEY_TEXT_SIZE], size_t used, const char *part)
{
    size_t size = strlen(part);
    size_t room = used < KEY_TEXT_SIZE - 1 ? KEY_TEXT_SIZE - 1 - used : 0;
    size_t taken = size < room ? size : room;
    if (room > 0) {
        memcpy(text + used, part, taken);
        text[used + taken] = '\0';
    }
    return used + size;
}

const char *key_format(const struct work_key *key, char text[KEY_TEXT_SIZE])
{
    const char *const parts[] = {kind_info(key->kind)->kind, key->namespace, key->name};
    size_t used = 0;
    for (size_t at = 0; at < sizeof(parts) / sizeof(parts[0]); at++) {
        used = append(text, used, at > 0 ? "/" : "");
        used = append(text, used, parts[at]);
    }
    if (used >= KEY_TEXT_SIZE) {
        uint64_t hash = hash_text(hash_text(HASH_SEED, key->namespace), key->name);
        (void)snprintf(text + KEY_TEXT_SIZE - 1 - KEY_HASH_LENGTH, KEY_HASH_LENGTH + 1,
                       "#%016" PRIx64, hash);
    }
    return text;
}

struct work_key key_copy(const struct work_key *key)
{
    /* One block for both texts: namespace is its start. */
    size_t namespace_size = strlen(key->namespace) + 1;
    size_t name_size = strlen(key->name) + 1;
    char *texts = memory_allocate(namespace_size + name_size, 1);
    memcpy(texts, key->namespace, namespace_size);
    memcpy(texts + namespace_size, key->name, name_size);
    return (struct work_key){.kind = key->kind, .namespace = texts, .name = texts + namespace_size};
}

void key_free(struct work_key *key)
{
    union {
        const char *borrowed;
        void *owned;
    } texts = {.borrowed = key->namespace};
    (void)memory_free(texts.owned);
    *key = (struct work_key){0};
}
