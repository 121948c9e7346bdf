#ifndef TIDEMILL_CORE_ENCODING_H
#define TIDEMILL_CORE_ENCODING_H

/* Bytes as base64 (RFC 4648, section 4) and as parts of URLs (RFC 3986, section 2.1). */

#include "core/arena.h"

#include <stdbool.h>
#include <stddef.h>

/* With padding, without line breaks. */
char *base64_encode(struct arena *arena, const void *bytes, size_t size);

/*
 * NULL when `text` is not base64 with its padding; white space between the digits is allowed. A NUL
 * that `*size` does not count stands behind the bytes.
 */
char *base64_decode(struct arena *arena, const char *text, size_t *size);

/* "%2F" for every byte but letters, digits, "-._~" and those of `keep` (NULL: none). */
char *percent_encode(struct arena *arena, const char *text, const char *keep);

/* NULL when a % is not followed by two hexadecimal digits, or stands for NUL. */
char *percent_decode(struct arena *arena, const char *text);

#endif
