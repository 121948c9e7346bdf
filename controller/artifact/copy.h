#ifndef TIDEMILL_ARTIFACT_COPY_H
#define TIDEMILL_ARTIFACT_COPY_H

/*
 * Copies an artifact for serving while it hashes it, so that what was checked is what serves. Used
 * by cli/artifact.c. Invariant: as long as the copy is not whole and compared, the file
 * ARTIFACT_COPY_MARKER lies in the target; nobody may serve from a folder that has it.
 */

#include "artifact/tree.h"

#define ARTIFACT_COPY_MARKER ".tidemill-copy-in-progress"

/*
 * Copies `from` beneath `root` into the folder `to`: a file as to/<its name>, a folder's content
 * into `to` itself. New files have mode 0644, or 0755 when executable, and folders 0755, whatever
 * the umask says: the server may run as another user.
 *
 * `to` is empty but for lost+found, or holds a half copy (it has the marker: removed first), or the
 * whole copy of an earlier time (the pod was started again: digested in place, nothing is copied).
 * Anything else is refused with ArtifactIO and left alone.
 *
 * On failure what was copied is removed; where that fails too the marker stays, and the next copy
 * cleans up. DigestMismatch when the content is not `digest`.
 */
MUST_CHECK struct result artifact_copy(const struct artifact_system *system, int root,
                                       const char *from, const char *digest, const char *to,
                                       struct artifact_sum *sum, struct artifact_failure *failure);

#endif
