#ifndef TIDEMILL_CORE_TEXT_H
#define TIDEMILL_CORE_TEXT_H

/* NUL-terminated text. All functions take NULL as "absent" unless said otherwise. */

#include "core/result.h"

#include <stddef.h>
#include <stdint.h>

/* NULL equals only NULL. */
bool text_equal(const char *a, const char *b);
bool text_is_empty(const char *text); /* NULL or "" */
bool text_starts_with(const char *text, const char *prefix);
bool text_ends_with(const char *text, const char *suffix);

/* `text`, or `fallback` when it is NULL. */
const char *text_or(const char *text, const char *fallback);

/* Decimal digits with an optional '-'; the whole text; false on overflow or anything else. */
bool text_parse_integer(const char *text, int64_t *value);

/* strcmp order with NULL first: for sorting. */
int text_compare(const char *a, const char *b);

/* `size` bytes are equal but for the case of ASCII letters, in any locale. Stops at a NUL. */
bool text_equal_ignoring_case(const char *a, const char *b, size_t size);

/* ASCII without a NUL: nothing in it needs care where texts are copied. */
bool text_is_ascii(const char *text, size_t size);

/* Bytes of the UTF-8 character at `at` (RFC 3629, section 4); 0: none begins there. `left` > 0. */
size_t text_utf8_size(const char *at, size_t left);

/* Bytes of the longest prefix of `text` that is at most `limit` bytes and ends at a UTF-8 border.
 */
size_t text_clip_utf8(const char *text, size_t limit);

#endif
