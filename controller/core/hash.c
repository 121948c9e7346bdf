#include "core/hash.h"

#include <string.h>

#define FNV_PRIME UINT64_C(0x100000001b3)

uint64_t hash_bytes(uint64_t seed, const void *bytes, size_t size)
{
    const unsigned char *byte = bytes;
    uint64_t hash = seed;
    for (size_t at = 0; at < size; at++) {
        hash = (hash ^ byte[at]) * FNV_PRIME;
    }
    return hash;
}

uint64_t hash_text(uint64_t seed, const char *text)
{
    return hash_bytes(seed, text, strlen(text) + 1);
}

void hash_format_name(uint64_t hash, char name[HASH_NAME_LENGTH + 1])
{
    /* k8s.io/apimachinery/pkg/util/rand: no vowels, no 0 1 3 */
    static const char alphabet[] = "bcdfghjklmnpqrstvwxz2456789";
    enum { SYMBOLS = sizeof(alphabet) - 1 };
    for (int at = 0; at < HASH_NAME_LENGTH; at++) {
        name[at] = alphabet[hash % SYMBOLS];
        hash /= SYMBOLS;
    }
    name[HASH_NAME_LENGTH] = '\0';
}
