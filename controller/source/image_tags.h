#ifndef TIDEMILL_SOURCE_IMAGE_TAGS_H
#define TIDEMILL_SOURCE_IMAGE_TAGS_H

/*
 * A registry's list of tags, page by page (OCI distribution specification 1.1, "Listing Tags"), of
 * which the highest version in a range is kept. For source/image.c.
 */

#include "source/semver.h"
#include "source/source.h"

enum { IMAGE_TAGS_LIMIT = 200000 /* of one repository */ };

/* In the arena of the conversation. */
struct image_tags {
    const struct semver_range *range;
    size_t seen;
    const char *tag;     /* the best; NULL: none yet */
    const char *version; /* of it, "1.2.3+build" of v1.2.3_build: a tag can't have a + */
    struct semver parsed;
};

/*
 * Takes in one page. Of versions that are the same (v1.0.0 and 1.0.0, builds apart) the tag that is
 * last by bytes is kept, so that the order of the pages does not matter. What is no tag or no
 * version is passed over.
 */
MUST_CHECK struct result image_tags_read(struct arena *arena, struct image_tags *tags,
                                         const struct source_answer *answer, struct error *error);

/*
 * The URL that the answer to `asked` names as the next page (RFC 8288, rel=next); *next is NULL
 * when there is none. ERROR_INVALID when it is of another server or path, or `asked` again.
 */
MUST_CHECK struct result image_tags_next(struct arena *arena, const char *asked,
                                         const struct source_answer *answer, const char **next,
                                         struct error *error);

#endif
