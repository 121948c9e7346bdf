#ifndef TIDEMILL_CORE_DIGEST_H
#define TIDEMILL_CORE_DIGEST_H

/* SHA-256 by OpenSSL's EVP, streaming; HMAC-SHA256; and how secrets are compared. */

#include <stdbool.h>
#include <stddef.h>

enum {
    DIGEST_SIZE = 32,     /* bytes of a SHA-256 */
    DIGEST_HEX_SIZE = 65, /* 64 lower-case hex digits and NUL */
};

struct digest; /* opaque */

struct digest *digest_new(void);
void digest_update(struct digest *digest, const void *bytes, size_t size);
/* Ends the computation; the digest may then only be freed. */
void digest_finish(struct digest *digest, char hex[DIGEST_HEX_SIZE]);
struct digest *digest_free(struct digest *digest);

/* All at once. */
void digest_bytes(const void *bytes, size_t size, char hex[DIGEST_HEX_SIZE]);
void digest_raw(const void *bytes, size_t size, unsigned char raw[DIGEST_SIZE]);

/* HMAC-SHA256 (RFC 2104), all at once. A key of any size. */
void digest_hmac(const void *key, size_t key_size, const void *bytes, size_t size,
                 unsigned char raw[DIGEST_SIZE]);

void digest_format(const unsigned char raw[DIGEST_SIZE], char hex[DIGEST_HEX_SIZE]);

/* Back from exactly 64 hex digits of either case; false on anything else. */
bool digest_parse(const char *hex, unsigned char raw[DIGEST_SIZE]);

/*
 * Whether the two are the same, in a time that does not tell where they differ: every comparison
 * with what only a peer who knows a secret can send goes through here, never through memcmp().
 */
bool digest_equal(const unsigned char a[DIGEST_SIZE], const unsigned char b[DIGEST_SIZE]);

#endif
