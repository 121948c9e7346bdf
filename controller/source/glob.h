#ifndef TIDEMILL_SOURCE_GLOB_H
#define TIDEMILL_SOURCE_GLOB_H

/*
 * Patterns over keys, paths and refs:
 *
 *   ?     one character, not "/"
 *   *     any characters, not "/"
 *   **    any characters, "/" too; at the start or behind "/", "**" and "/" also stand for nothing:
 *         "data/" "**" "/x.csv" matches data/x.csv and data/a/b/x.csv
 *   \c    the character c
 *
 * All else is itself, case and brackets included; the whole text must match. Work is bounded by
 * (bytes of the text) * (GLOB_LIMIT / 64), whatever the pattern: all its places are followed at
 * once, a bit each (Baeza-Yates and Gonnet, CACM 35(10), 1992), so that a bucket of a million
 * hostile keys costs no more than one of a million harmless ones.
 */

#include "core/arena.h"

#include <stdbool.h>
#include <stddef.h>

enum { GLOB_LIMIT = 256 /* bytes of a pattern */ };

struct glob; /* opaque; in the arena it was compiled into, about 20 KiB */

/* ERROR_INVALID: too long, or a "\" at its end. */
MUST_CHECK struct result glob_compile(struct arena *arena, const char *pattern,
                                      const struct glob **glob, struct error *error);

bool glob_matches(const struct glob *glob, const char *bytes, size_t size);

#endif
