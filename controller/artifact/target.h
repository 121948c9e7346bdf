#ifndef TIDEMILL_ARTIFACT_TARGET_H
#define TIDEMILL_ARTIFACT_TARGET_H

/*
 * The folder that a copy goes to: what is in it, its marker, and making it empty. Used by
 * artifact/copy.c. Invariant: nothing is removed from a folder without the marker.
 */

#include "artifact/failure.h"
#include "artifact/name.h"
#include "artifact/system.h"

/* What mkfs leaves at the root of a volume. */
#define ARTIFACT_TARGET_LOST_AND_FOUND "lost+found"

struct artifact_target_state {
    bool marked;                       /* an unfinished copy */
    char first[ARTIFACT_NAME_MAX + 1]; /* some other entry but lost+found; "" when none */
};

/* True for lost+found and the marker. */
bool artifact_target_is_reserved(const char *name);

MUST_CHECK struct result artifact_target_look(const struct artifact_system *system, int target,
                                              const char *to, struct artifact_target_state *state,
                                              struct artifact_failure *failure);

/* True when `name` is the only entry but lost+found. */
bool artifact_target_has_only(const struct artifact_system *system, int target, const char *name);

/* Puts the marker there; it may be there already. */
MUST_CHECK struct result artifact_target_mark(const struct artifact_system *system, int target,
                                              const char *to, struct artifact_failure *failure);

/* Best effort: a marker that stays only makes the next copy start anew. */
void artifact_target_unmark(const struct artifact_system *system, int target);

/*
 * Makes the copy durable, then removes the marker: after a crash of the node a folder without
 * marker is whole.
 */
MUST_CHECK struct result artifact_target_complete(const struct artifact_system *system, int target,
                                                  const char *to, struct artifact_failure *failure);

/* Removes all but lost+found and the marker. */
MUST_CHECK struct result artifact_target_clean(const struct artifact_system *system, int target,
                                               const char *to, struct artifact_failure *failure);

#endif
