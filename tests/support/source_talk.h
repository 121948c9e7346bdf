#ifndef TIDEMILL_SUPPORT_SOURCE_TALK_H
#define TIDEMILL_SUPPORT_SOURCE_TALK_H

/*
 * Plays a source's conversation (source/source.h) against answers that are given, and puts what was
 * asked and what came of it into text, so that a test is a table of texts.
 */

#include "source/source.h"

struct talk_answer {
    int status;
    const char *headers; /* "name: value", a line each; NULL: none */
    const char *body;
    size_t body_size;
};

/* Of a body that is a literal, NULs in it too. */
#define TALK_BODY(literal) .body = (literal), .body_size = sizeof(literal) - 1

struct talk_record {
    /* Each request: "GET URL", its headers a line each, an empty line and the body if it has one,
     * "(secret)" when it carries it; "--" between two. */
    const char *asked;
    /* "FOUND revision (quiet) | summary | name=value ...", "ABSENT summary", "NOT_YET summary",
     * "FAILED kind: message", "REFUSED message" of source_begin(), or "ASKS MORE". */
    const char *outcome;
    struct source_finding finding; /* zeroed unless it was DONE; texts in the arena */
};

/*
 * Both texts in `arena`. Each answer is in blocks of exactly its size that are gone once the source
 * has seen it, so that ASan finds what reads behind it, or keeps it. What source.h promises of
 * requests and findings is asserted.
 */
struct talk_record talk_play(struct arena *arena, const struct trigger *trigger,
                             const struct source_secret *secret, const struct talk_answer *answers,
                             size_t count);

#endif
