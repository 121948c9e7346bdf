#ifndef TIDEMILL_PLAN_ENDS_H
#define TIDEMILL_PLAN_ENDS_H

/*
 * Which runs have ended since one last looked. An end is an event, and the runs that have ended are
 * what is left of it. A mark has the time of the newest end, and 8 digits of a hash of the uid of
 * each of the newest: "2026-01-31T03:00:00Z 0a1b2c3d4e5f6071". A run that is not named is new when
 * it ended after that time, or after one that is named (the clocks of two leaders may differ):
 * others ended before all that are named, and moved up since history took one of those. Pure; for
 * planners.
 */

#include "api/pipeline_run.h"
#include "core/arena.h"

#include <stdbool.h>
#include <stddef.h>

enum { ENDS_KNOWN = 16 }; /* of more at once only the newest are looked at */

struct ends {
    const struct pipeline_run *items[ENDS_KNOWN]; /* the newest first */
    size_t count;
};

/* Has ended, and says when. */
bool ends_counts(const struct pipeline_run *run);

void ends_add(struct ends *ends, const struct pipeline_run *run);

/* The mark after all of these; NULL of none. */
const char *ends_print(struct arena *arena, const struct ends *ends);

/* Those that are new since `mark` (NULL: all), the oldest first, into `fresh`; how many. */
size_t ends_list_new(struct arena *arena, const struct ends *ends, const char *mark,
                     const struct pipeline_run *fresh[ENDS_KNOWN]);

#endif
