#ifndef TIDEMILL_SUPPORT_GLOB_SLOW_H
#define TIDEMILL_SUPPORT_GLOB_SLOW_H

/* What source/glob.h says a pattern matches, in the plain way that tries everything: short texts.
 */

#include <stdbool.h>

/* `pattern` compiles. */
bool glob_matches_slowly(const char *pattern, const char *text);

#endif
