#ifndef TIDEMILL_ARTIFACT_NAME_H
#define TIDEMILL_ARTIFACT_NAME_H

/*
 * What names and paths may be. Pure. Used by artifact/ and its command. Invariant: a name that
 * passes can be printed as one line, stored as JSON, and stays within its folder.
 */

#include "core/result.h"

#include <stddef.h>

enum {
    ARTIFACT_DEPTH_MAX = 64,      /* components of a path, folders within folders */
    ARTIFACT_PATH_MAX = 4096,     /* bytes of a path, without NUL (PATH_MAX of linux/limits.h) */
    ARTIFACT_NAME_MAX = 255,      /* bytes of a component (NAME_MAX of linux/limits.h) */
    ARTIFACT_INPUT_NAME_MAX = 63, /* bytes: a DNS label (RFC 1123) */
    ARTIFACT_DIGEST_LENGTH = 71   /* "sha256:" and 64 lower-case hex digits */
};

/*
 * Bytes of the character at `text` when it is one that may stand in a name, else 0: UTF-8 as of
 * RFC 3629 without NUL, control characters (C0, DEL, C1) and noncanonical forms.
 */
size_t artifact_character_size(const char *text, size_t size);

/* True when the whole component is plain text. "." and ".." are not looked at here. */
bool artifact_name_is_plain(const char *name, size_t size);

/*
 * Relative, beneath its root: components of plain text, none empty, "." or "..", within the limits
 * above. ERROR_INVALID says which part is wrong.
 */
MUST_CHECK struct result artifact_path_check(const char *path, struct error *error);

/* Letters, digits, '-', '_' and '.', beginning and ending with a letter or digit. */
bool artifact_input_name_is_valid(const char *name);

bool artifact_digest_is_valid(const char *digest);

#endif
