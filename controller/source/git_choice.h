#ifndef TIDEMILL_SOURCE_GIT_CHOICE_H
#define TIDEMILL_SOURCE_GIT_CHOICE_H

/*
 * Which of a repository's refs a git source means, and what is found of it. For source/git.c.
 *
 *   spec      revision                                 values
 *   branch    refs/heads/NAME@COMMIT                   ref, commit, branch
 *   tag       refs/tags/NAME@COMMIT                    ref, commit, tag
 *   semver    refs/tags/NAME@COMMIT of the highest     ref, commit, tag, version
 *   tag with  refs/tags/PATTERN@SHA-256 of all names   ref, commit, tag: of the last by name
 *   a *       and commits that match
 *
 * A commit is what an annotated tag points at in the end. A pattern's revision is over the whole
 * list since nothing in it says which tag is the newest: a tag that comes, moves or goes is a new
 * revision. "Last by name" counts numbers by value: data-9 comes before data-10, and dates have
 * their order. The names of revisions are printable ASCII, with %XX for other bytes.
 */

#include "api/trigger.h"
#include "source/git_refs.h"
#include "source/semver.h"
#include "source/source.h"

/* What is looked for; in the arena it was read into. */
struct git_choice {
    const char *kind;                 /* "branch" or "tag" */
    const char *name;                 /* of an exact one the ref's, of a pattern the pattern */
    const char *prefix;               /* what its refs begin with */
    const char **parts;               /* of the pattern, between stars: any bytes, "/" too */
    size_t part_count;                /* 1: there is no star */
    const struct semver_range *range; /* NULL: by name */
    const char *range_text;
};

/* ERROR_INVALID names the field: "spec.git.branch: ...". */
MUST_CHECK struct result git_choice_read(struct arena *arena, const struct git_source *source,
                                         struct git_choice *choice, struct error *error);

/* Among refs that begin with choice->prefix, in any order. */
void git_choose(struct arena *arena, const struct git_choice *choice, const struct git_refs *refs,
                struct source_finding *finding);

#endif
