#ifndef TIDEMILL_ARTIFACT_TREE_H
#define TIDEMILL_ARTIFACT_TREE_H

/*
 * The digest of a file or folder, and the one walk over it that also copies. Used by artifact/ and
 * its command. Invariant: nothing is opened but files and folders beneath the root, and memory does
 * not grow with the bytes of files or the number of folders, only with the names of one path's
 * siblings (ARTIFACT_NAMES_MAX).
 *
 * A file's digest is the SHA-256 of its bytes: what sha256sum prints.
 *
 * A folder's digest is the SHA-256 of its manifest. That is one line for each file and folder
 * beneath it, the folder itself not named, sorted bytewise by PATH (as unsigned bytes, LC_ALL=C):
 *
 *     MODE SIZE SHA256 PATH\n
 *
 *     100644 12 a948904f2f0f479b8f8197694b30184b0d2ed1c1cd2a1ec0fb85d299a192a447 data/rows.csv
 *     100755 40 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae data/run.sh
 *     040000 0 - data/
 *
 * - Fields are separated by one space; PATH is the rest of the line and may hold spaces. It is
 *   relative to the folder, parts joined by "/", and ends in "/" for a folder. No header, no
 *   escapes: names with control bytes are refused, so a line is one line.
 * - Every folder is named, so an empty one counts. With the "/" at its end a folder sorts right
 *   before what it holds; sorted so, the lines come out of a walk without being held in memory.
 * - MODE is git's: 100644 a file, 100755 a file that its owner may execute, 040000 a folder.
 *   No other bit counts, nor owners, times and hard links: fsGroup, umasks and copies change those
 *   for the same content, and a digest that differs after `kubectl cp` would be of no use.
 * - SIZE is in bytes, decimal; 0 for a folder, whose SHA256 is "-".
 * - An empty folder's manifest is empty: e3b0c442..., as of an empty file.
 */

#include "artifact/failure.h"
#include "artifact/name.h"
#include "artifact/system.h"

#include <stddef.h>
#include <stdint.h>

enum {
    ARTIFACT_ENTRIES_MAX = 1000000,              /* files and folders of one artifact */
    ARTIFACT_NAMES_MAX = 64 * 1024 * 1024,       /* bytes of names held at once */
    ARTIFACT_LINE_MAX = ARTIFACT_PATH_MAX + 128, /* bytes of a manifest line */
    ARTIFACT_DIGEST_SIZE = ARTIFACT_DIGEST_LENGTH + 1
};

struct artifact_sum {
    char digest[ARTIFACT_DIGEST_SIZE]; /* "sha256:" and 64 hex digits */
    uint64_t bytes;                    /* of all files */
    uint64_t files;                    /* files only, folders not counted */
    bool folder;
};

/*
 * Whoever goes along with a walk. Members may be NULL. The order of calls is the manifest's;
 * `enter_folder` and `leave_folder` come in pairs unless the walk fails.
 */
struct artifact_observer {
    void *user;
    /* An entry at the top of the tree that is no part of the artifact. */
    const char *skip;
    struct result (*enter_folder)(void *user, const char *name, struct artifact_failure *failure);
    struct result (*leave_folder)(void *user, struct artifact_failure *failure);
    /* Sets `*sink` to where the file's bytes also go; it stays the observer's to close. */
    struct result (*begin_file)(void *user, const char *name, bool executable, int *sink,
                                struct artifact_failure *failure);
    struct result (*end_file)(void *user, struct artifact_failure *failure);
    /* A manifest line, its newline included. */
    void (*line)(void *user, const char *line, size_t size);
};

/*
 * Digests `path` beneath the folder `root`. `path` has passed artifact_path_check(), or is "." for
 * the root itself. `shown` is how messages name it. `observer` may be NULL. `*sum` is written on
 * success only. Fails with any reason but ClaimNotWritable and DigestMismatch.
 */
MUST_CHECK struct result artifact_tree_sum(const struct artifact_system *system, int root,
                                           const char *path, const char *shown,
                                           const struct artifact_observer *observer,
                                           struct artifact_sum *sum,
                                           struct artifact_failure *failure);

#endif
