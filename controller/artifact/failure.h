#ifndef TIDEMILL_ARTIFACT_FAILURE_H
#define TIDEMILL_ARTIFACT_FAILURE_H

/*
 * Why an artifact helper failed: a reason that the controller branches on, and a message for the
 * person who reads `kubectl describe`. Used by artifact/ and its command only. Invariant: a message
 * is UTF-8 without control bytes, whatever lies on the claim.
 */

#include "core/result.h"

#include <sys/stat.h>

enum artifact_reason {
    ARTIFACT_REASON_NONE = 0,
    ARTIFACT_CLAIM_NOT_WRITABLE, /* the step's user may not write where its output goes */
    ARTIFACT_INPUT_MISSING,      /* nothing lies at the path */
    ARTIFACT_DIGEST_MISMATCH,    /* not the content that was promised */
    ARTIFACT_UNSAFE_CONTENT, /* a link, device, FIFO, socket, or a name that is not plain text */
    ARTIFACT_TOO_LARGE,      /* over one of the limits of artifact/tree.h */
    ARTIFACT_CHANGED,        /* somebody wrote while it was read */
    ARTIFACT_IO,             /* a system call failed: the message has its error */
    ARTIFACT_REASON_COUNT
};

/* "ClaimNotWritable" and so on: static text, as in the result message. */
const char *artifact_reason_name(enum artifact_reason reason);

enum {
    ARTIFACT_FAILURE_SIZE = 2048, /* bytes of a message, its NUL included */
    ARTIFACT_QUOTE_SIZE = 600     /* bytes of a quoted path, its NUL included */
};

struct artifact_failure {
    enum artifact_reason reason;
    char message[ARTIFACT_FAILURE_SIZE];
};

/* Keeps reason and message and returns the error kind that goes with the reason. */
struct result artifact_fail(struct artifact_failure *failure, enum artifact_reason reason,
                            const char *format, ...) PRINTF_LIKE(3, 4);

/* Puts `prefix: ` before the message, e.g. which input it was. */
void artifact_failure_add_context(struct artifact_failure *failure, const char *format, ...)
    PRINTF_LIKE(2, 3);

struct artifact_quoted {
    char text[ARTIFACT_QUOTE_SIZE];
};

/*
 * `path` and, when `inner` is not NULL or "", a slash and `inner`, in quotes. Bytes that are not
 * plain UTF-8 text are written \xHH; of a long path the end is kept, after "...".
 */
struct artifact_quoted artifact_quote(const char *path, const char *inner);

struct artifact_owner {
    char text[160];
};

/* "uid 0, gid 0, mode 0755" of a file, for messages about permissions. */
struct artifact_owner artifact_owner_text(const struct stat *status);

/* "uid 1234, gid 0, groups 2000 3000" of this process; at most 8 groups, then "...". */
struct artifact_owner artifact_self_text(void);

/* "a symbolic link", "a device", ...: for a mode that is neither a file's nor a folder's. */
const char *artifact_kind_name(mode_t mode);

/*
 * A failed attempt to read `path`/`inner`; `error` is its errno. Links become UnsafeContent, what
 * is not there any more ArtifactChanged, and everything else ArtifactIO.
 */
struct result artifact_fail_reading(struct artifact_failure *failure, const char *path,
                                    const char *inner, int error);

/* The error's text, with what to do for those that have a usual cause. Static or strerror's. */
const char *artifact_errno_text(int error);

#endif
