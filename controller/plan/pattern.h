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
#include <stddef.h>

enum {
    PATTERN_REPEAT_MAXIMUM = 255, /* of x{n,m} */
    PATTERN_COST_MAXIMUM = 1000,  /* characters, once every repeat is written out */
    PATTERN_TOTAL_MAXIMUM = 2000, /* the same, of all patterns of one pipeline */
    PATTERN_NESTING_MAXIMUM = 16, /* groups in groups */
    /* Repeats in repeated groups. Where they may match nothing, as in "(((((a*)+)+)+)+)+", each
     * level more multiplies what regcomp() walks: that one runs for many seconds. */
    PATTERN_REPEAT_NESTING_MAXIMUM = 3
};

/*
 * Its length in characters once every repeat is written out; 0 of one that is too costly by itself,
 * which is never compiled. Counting costs no more than reading it.
 */
size_t pattern_cost(const char *pattern);

/* NULL, or why a pattern is refused: a sentence, in `arena` or static. */
const char *pattern_fault(struct arena *arena, const char *pattern);

/* Whether the whole value matches a pattern; false when pattern_fault() refuses it. */
bool pattern_matches(struct arena *arena, const char *pattern, const char *value);

#endif
