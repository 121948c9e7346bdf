#ifndef TIDEMILL_SOURCE_ANSWER_H
#define TIDEMILL_SOURCE_ANSWER_H

/* What the protocols of source/ make of an answer's status, type and texts. */

#include "source/source.h"

/* What a request was, for the messages about its answer. */
struct source_question {
    const char *method;
    const char *url;
    const char *url_field;    /* "spec.git.url" */
    const char *secret_field; /* "spec.git.secretName" */
    bool with_secret;
};

/*
 * RESULT_OK for 200 alone; else the kind of source_next() with what was asked, what came and what
 * to do.
 */
MUST_CHECK struct result source_check_status(struct arena *arena,
                                             const struct source_question *question,
                                             const struct source_answer *answer,
                                             struct error *error);

/* Whether the answer is of that media type (RFC 9110, 8.3.1), parameters apart. */
bool source_has_type(const struct source_answer *answer, const char *type);

/* At most 80 bytes of a peer's text for a message: "?" for what isn't printable ASCII, and for ".
 */
char *source_show(struct arena *arena, const char *bytes, size_t size);

/* `text` in printable ASCII: "%XX" for every other byte, space and % too. For revisions. */
char *source_printable(struct arena *arena, const char *text);

/* `summary`, or its first SOURCE_SUMMARY_LIMIT bytes. In ASCII. */
const char *source_clip_summary(struct arena *arena, const char *summary);

#endif
