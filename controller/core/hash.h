#ifndef TIDEMILL_CORE_HASH_H
#define TIDEMILL_CORE_HASH_H

/*
 * FNV-1a, 64 bit (RFC 9923), for what is compared and for deterministic names; never for
 * integrity: that is SHA-256 (core/digest.h).
 */

#include <stddef.h>
#include <stdint.h>

#define HASH_SEED UINT64_C(0xcbf29ce484222325)

/* Continue with the value returned before to hash several pieces. */
uint64_t hash_bytes(uint64_t seed, const void *bytes, size_t size);

/* Hashes the text and its terminating NUL, so that ("ab","c") differs from ("a","bc"). */
uint64_t hash_text(uint64_t seed, const char *text);

enum { HASH_NAME_LENGTH = 10 };

/*
 * Ten characters that are safe in names and make no words (the alphabet of Kubernetes' rand.String:
 * consonants and digits, 27 symbols), 47 bits of the hash. `name` takes HASH_NAME_LENGTH + 1 bytes.
 */
void hash_format_name(uint64_t hash, char name[HASH_NAME_LENGTH + 1]);

#endif
