#ifndef TIDEMILL_ARTIFACT_PREPARE_H
#define TIDEMILL_ARTIFACT_PREPARE_H

/*
 * What happens on a claim before a step's container starts: its out folder is made, its inputs are
 * there and are what was promised. `seal` is the second half alone. Used by cli/artifact.c.
 */

#include "artifact/tree.h"

#include <stddef.h>

enum { ARTIFACT_INPUTS_MAX = 32 }; /* as in the Pipeline's schema */

struct artifact_input {
    const char *name;        /* artifact_input_name_is_valid() */
    const char *path;        /* artifact_path_check() */
    const char *digest;      /* artifact_digest_is_valid(), or NULL: anything goes */
    struct artifact_sum sum; /* written by artifact_check_inputs() */
};

/*
 * mkdir -p beneath `root`, and makes sure that this process may write into the folder. New folders
 * get mode 0775 whatever the umask says, and keep the setgid bit and group that they inherit:
 * a later step that runs as another user reads them by the rest's r-x, with or without a shared
 * group, and one of the same fsGroup may also keep a manifest in them. Write access for the group
 * is no loss: a claim is one trust domain. Folders that were there are left as they are.
 * ClaimNotWritable, UnsafeContent or ArtifactIO.
 */
MUST_CHECK struct result artifact_make_folder(const struct artifact_system *system, int root,
                                              const char *path, struct artifact_failure *failure);

/*
 * Digests each input, compares, and keeps the manifests of folders beside them where it may. A path
 * named twice is read once.
 */
MUST_CHECK struct result artifact_check_inputs(const struct artifact_system *system, int root,
                                               struct artifact_input *inputs, size_t count,
                                               struct artifact_failure *failure);

/* DigestMismatch unless `sum` has the digest `expected`. */
MUST_CHECK struct result artifact_compare_digest(const struct artifact_sum *sum,
                                                 const char *expected, const char *path,
                                                 struct artifact_failure *failure);

#endif
