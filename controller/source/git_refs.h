#ifndef TIDEMILL_SOURCE_GIT_REFS_H
#define TIDEMILL_SOURCE_GIT_REFS_H

/*
 * The answers of a Git server over HTTP: what it can, and its refs, as protocol 2 and as protocol 0
 * (or 1) give them. For source/git.c.
 *
 * Control bytes in a name, a line that is none, a second format of objects: the answer is refused.
 * Names that can't be said (not UTF-8, or too long for a revision) are passed over.
 */

#include "core/arena.h"
#include "core/result.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    GIT_REFS_LIMIT = 100000, /* kept of one answer */
    GIT_NAME_LIMIT = 430,    /* bytes of a ref's name in printable form: fits a revision */
    GIT_HASH_SHA1 = 40,      /* hexadecimal digits of an object's name */
    GIT_HASH_SHA256 = 64
};

struct git_ref {
    const char *name;   /* "refs/tags/v1.0.0" */
    const char *commit; /* of an annotated tag what it points at */
};

/* In the order they came in. */
struct git_refs {
    struct git_ref *items;
    size_t count;
    size_t seen; /* with the prefix or not */
};

struct git_advertisement {
    bool is_version_2;
    size_t hash_size;     /* GIT_HASH_SHA1 or GIT_HASH_SHA256 */
    struct git_refs refs; /* of protocol 0 */
};

/* Whether a name can be in a revision: UTF-8, and not too long. */
bool git_can_say(const char *name);

/* The answer to GET /info/refs. Keeps refs that begin with `prefix`. */
MUST_CHECK struct result git_parse_advertisement(struct arena *arena, const char *bytes,
                                                 size_t size, const char *prefix,
                                                 struct git_advertisement *advertisement,
                                                 struct error *error);

/* The answer to ls-refs. */
MUST_CHECK struct result git_parse_refs(struct arena *arena, const char *bytes, size_t size,
                                        const char *prefix, size_t hash_size, struct git_refs *refs,
                                        struct error *error);

#endif
