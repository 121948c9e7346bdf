#ifndef TIDEMILL_API_QUANTITY_H
#define TIDEMILL_API_QUANTITY_H

/* Durations (GEP-2257) and decimals as text: parsed exactly, no floating point. */

#include <stdbool.h>
#include <stdint.h>

/* "1h30m", "10s", "500ms" in milliseconds; false on anything else (GEP-2257: [0-9]{1,5}(h|m|s|ms)
 * up to four times, each unit once, in any order that Go's ParseDuration takes). */
bool duration_parse(const char *text, int64_t *milliseconds);

/*
 * Compares two decimals (optional sign, digits, optional fraction, optional exponent): <0, 0, >0 in
 * *order. False when one is no decimal, or over 64 characters, or its exponent over +-400.
 */
bool decimal_compare(const char *a, const char *b, int *order);
bool decimal_is_valid(const char *text);
bool decimal_is_integer(const char *text); /* "7", "-3"; also "7.0" and "7e2" */

#endif
