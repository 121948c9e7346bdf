#include "core/digest.h"

#include "core/assert.h"
#include "core/memory.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

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

static void finish_raw(struct digest *digest, unsigned char raw[DIGEST_SIZE])
{
    unsigned char whole[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    REQUIRE(EVP_DigestFinal_ex(digest->context, whole, &size) == 1);
    REQUIRE(size == DIGEST_SIZE);
    memcpy(raw, whole, DIGEST_SIZE);
}

void digest_format(const unsigned char raw[DIGEST_SIZE], char hex[DIGEST_HEX_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t at = 0; at < DIGEST_SIZE; at++) {
        hex[at * 2] = digits[raw[at] >> 4];
        hex[at * 2 + 1] = digits[raw[at] & 0x0FU];
    }
    hex[DIGEST_HEX_SIZE - 1] = '\0';
}

void digest_finish(struct digest *digest, char hex[DIGEST_HEX_SIZE])
{
    unsigned char raw[DIGEST_SIZE];
    finish_raw(digest, raw);
    digest_format(raw, hex);
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

void digest_raw(const void *bytes, size_t size, unsigned char raw[DIGEST_SIZE])
{
    struct digest *digest = digest_new();
    digest_update(digest, bytes, size);
    finish_raw(digest, raw);
    (void)digest_free(digest);
}

void digest_hmac(const void *key, size_t key_size, const void *bytes, size_t size,
                 unsigned char raw[DIGEST_SIZE])
{
    unsigned int written = 0;
    REQUIRE(key_size <= INT_MAX);
    REQUIRE(HMAC(EVP_sha256(), key_size > 0 ? key : "", (int)key_size, bytes, size, raw,
                 &written) != NULL);
    REQUIRE(written == DIGEST_SIZE);
}

static int hex_value(char byte)
{
    if (byte >= '0' && byte <= '9') {
        return byte - '0';
    }
    byte = (char)(byte | 0x20);
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

bool digest_parse(const char *hex, unsigned char raw[DIGEST_SIZE])
{
    if (strnlen(hex, DIGEST_HEX_SIZE) != DIGEST_HEX_SIZE - 1) {
        return false;
    }
    for (size_t at = 0; at < DIGEST_SIZE; at++) {
        int high = hex_value(hex[at * 2]);
        int low = hex_value(hex[at * 2 + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        raw[at] = (unsigned char)(high << 4 | low);
    }
    return true;
}

bool digest_equal(const unsigned char a[DIGEST_SIZE], const unsigned char b[DIGEST_SIZE])
{
    return CRYPTO_memcmp(a, b, DIGEST_SIZE) == 0;
}
