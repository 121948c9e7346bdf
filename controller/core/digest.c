#include "core/digest.h"

#include "core/assert.h"
#include "core/memory.h"

#include <openssl/evp.h>

struct digest {
    EVP_MD_CTX *context;
};

struct digest *digest_new(void)
{
    struct digest *digest = memory_allocate(1, sizeof(*digest));
    digest->context = EVP_MD_CTX_new();
    REQUIRE(digest->context != NULL);
    REQUIRE(EVP_DigestInit_ex(digest->context, EVP_sha256(), NULL) == 1);
    return digest;
}

void digest_update(struct digest *digest, const void *bytes, size_t size)
{
    REQUIRE(EVP_DigestUpdate(digest->context, bytes, size) == 1);
}

void digest_finish(struct digest *digest, char hex[DIGEST_HEX_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char raw[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    REQUIRE(EVP_DigestFinal_ex(digest->context, raw, &size) == 1);
    REQUIRE(size * 2 + 1 == DIGEST_HEX_SIZE);
    for (unsigned int at = 0; at < size; at++) {
        hex[at * 2] = digits[raw[at] >> 4];
        hex[at * 2 + 1] = digits[raw[at] & 0x0FU];
    }
    hex[DIGEST_HEX_SIZE - 1] = '\0';
}

struct digest *digest_free(struct digest *digest)
{
    if (digest) {
        EVP_MD_CTX_free(digest->context);
    }
    return memory_free(digest);
}

void digest_bytes(const void *bytes, size_t size, char hex[DIGEST_HEX_SIZE])
{
    struct digest *digest = digest_new();
    digest_update(digest, bytes, size);
    digest_finish(digest, hex);
    (void)digest_free(digest);
}
