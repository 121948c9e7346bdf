#ifndef TIDEMILL_ARTIFACT_MANIFEST_H
#define TIDEMILL_ARTIFACT_MANIFEST_H

/*
 * Keeps a folder's manifest beside it, as NAME.tidemill-manifest, for people who ask what differs.
 * Used by artifact/prepare.c. Invariant: the file appears whole or not at all, nobody reads it to
 * decide anything, and that it cannot be written is no error: the claim may be read-only, full or
 * somebody else's.
 */

#include "artifact/tree.h"

#include <stddef.h>

#define ARTIFACT_MANIFEST_SUFFIX ".tidemill-manifest"

struct artifact_manifest; /* opaque */

/* `path` as for artifact_tree_sum(). Never NULL; opens nothing yet. Borrows all arguments. */
struct artifact_manifest *artifact_manifest_new(const struct artifact_system *system, int root,
                                                const char *path);

/* An observer whose `line` writes into the manifest. */
struct artifact_observer artifact_manifest_observer(struct artifact_manifest *manifest);

/* Puts it in its place. Call it only when the walk went well and found a folder. */
void artifact_manifest_publish(struct artifact_manifest *manifest);

/* Removes what was not published. Accepts NULL; returns NULL. */
struct artifact_manifest *artifact_manifest_free(struct artifact_manifest *manifest);

#endif
