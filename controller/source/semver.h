#ifndef TIDEMILL_SOURCE_SEMVER_H
#define TIDEMILL_SOURCE_SEMVER_H

/*
 * Versions and their order (Semantic Versioning 2.0.0), and ranges of them as npm and Helm write
 * them. Pure. Used by source/git.c and source/image.c to choose among tags.
 *
 * A version has all three numbers; a "v" in front is allowed. "1.2" and "latest" are none, so tags
 * of that kind are passed over.
 *
 * A range is alternatives with "||" between; an alternative is comparisons with spaces or commas
 * between, all of which must hold:
 *
 *   1.2.3  =1.2.3      that one              1.2  1.2.x  1.2.*   >=1.2.0 <1.3.0
 *   !=1.2.3            any other             !=1.2               outside of 1.2.x
 *   >1.2.3 >= < <=     by precedence         >1.2  <=1.2         >=1.3.0   <1.3.0
 *   ~1.2.3             >=1.2.3 <1.3.0        ~1                  >=1.0.0 <2.0.0
 *   ^1.2.3             >=1.2.3 <2.0.0        ^0.2.3  ^0.0.3      <0.3.0    <0.0.4
 *   1.2.3 - 2.0.0      >=1.2.3 <=2.0.0       1.2 - 2.3           >=1.2.0 <2.4.0
 *   *  x               any
 *
 * Pre-releases are npm's: 1.3.0-rc.1 is only in an alternative in which a comparison (other than
 * !=) names a pre-release of 1.3.0, as >=1.3.0-0 does; and an upper end that is not written out
 * (^1.2.3) never lets one in. Helm's rule differs: there, ">=1.0.0-0" takes those of every version.
 */

#include "core/arena.h"
#include "core/result.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    SEMVER_LIMIT = 256,       /* bytes of a version, and of a range; what npm has */
    SEMVER_DIGITS_LIMIT = 18, /* of one of the three numbers */
};

struct semver {
    int64_t major;
    int64_t minor;
    int64_t patch;
    const char *prerelease; /* "rc.1"; "" when there is none */
};

/* Build metadata ("+...") is checked and left out. False when `text` is no version. */
bool semver_parse(struct arena *arena, const char *text, struct semver *version);

/* By precedence (section 11): negative, 0, positive. */
int semver_compare(const struct semver *a, const struct semver *b);

struct semver_range; /* in the arena it was parsed into */

/* ERROR_INVALID with the column and what to write there. */
MUST_CHECK struct result semver_range_parse(struct arena *arena, const char *text,
                                            const struct semver_range **range, struct error *error);

bool semver_range_contains(const struct semver_range *range, const struct semver *version);

#endif
