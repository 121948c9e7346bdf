#ifndef TIDEMILL_ARTIFACT_STREAM_H
#define TIDEMILL_ARTIFACT_STREAM_H

/*
 * Reads one file to its end: hashes it, and writes it elsewhere when asked, so that what was hashed
 * is what was copied. Used by artifact/tree.c. Invariant: one buffer, whatever the file's size.
 */

#include "artifact/failure.h"
#include "artifact/system.h"
#include "core/digest.h"

#include <stdint.h>

enum { ARTIFACT_READ_SIZE = 1024 * 1024 }; /* bytes of one read: few calls, modest memory */

/* Where a file lies, for messages only. */
struct artifact_place {
    const char *path;
    const char *inner; /* NULL: the artifact is this file */
};

/*
 * `source` stands at its begin, `before` is its status then. `sink` is -1 or takes the bytes.
 * `buffer` has ARTIFACT_READ_SIZE bytes. ARTIFACT_CHANGED when size or mtime are not at the end
 * what they were at the begin (a write of the same size within one tick of the file system's clock
 * cannot be seen so: the digest is then of what was read).
 */
MUST_CHECK struct result artifact_stream(const struct artifact_system *system, int source, int sink,
                                         const struct stat *before, char *buffer,
                                         struct artifact_place place, char hex[DIGEST_HEX_SIZE],
                                         struct artifact_failure *failure);

/* True when both show the same file with the same size and mtime. */
bool artifact_status_is_same(const struct stat *before, const struct stat *after);

#endif
