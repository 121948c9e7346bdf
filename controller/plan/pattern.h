#ifndef TIDEMILL_PLAN_PATTERN_H
#define TIDEMILL_PLAN_PATTERN_H

/*
 * POSIX extended regular expressions of users (parameters' patterns), as far as we are willing to
 * run them in a process that serves everybody. glibc copies what is repeated: "a+" is two a's,
 * "((a+)+)+" eight, and "a" with thirty plus signs a thousand million. Pure. Invariant: what
 * pattern_fault() lets pass takes less than 100 MB and half a second for any value.
 */

#include "core/arena.h"

#include <stdbool.h>

enum {
    PATTERN_REPEAT_MAXIMUM = 255, /* of x{n,m} */
    PATTERN_COST_MAXIMUM = 1000,  /* characters, once every repeat is written out */
    PATTERN_NESTING_MAXIMUM = 16  /* groups in groups */
};

/* NULL, or why a pattern is refused: a sentence, in `arena` or static. */
const char *pattern_fault(struct arena *arena, const char *pattern);

/* Whether the whole value matches a pattern; false when pattern_fault() refuses it. */
bool pattern_matches(struct arena *arena, const char *pattern, const char *value);

#endif
