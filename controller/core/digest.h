#ifndef TIDEMILL_CORE_DIGEST_H
#define TIDEMILL_CORE_DIGEST_H

/* SHA-256 by OpenSSL's EVP, streaming. */

#include <stddef.h>

enum { DIGEST_HEX_SIZE = 65 }; /* 64 lower-case hex digits and NUL */

struct digest; /* opaque */

struct digest *digest_new(void);
void digest_update(struct digest *digest, const void *bytes, size_t size);
/* Ends the computation; the digest may then only be freed. */
void digest_finish(struct digest *digest, char hex[DIGEST_HEX_SIZE]);
struct digest *digest_free(struct digest *digest);

/* All at once. */
void digest_bytes(const void *bytes, size_t size, char hex[DIGEST_HEX_SIZE]);

#endif
