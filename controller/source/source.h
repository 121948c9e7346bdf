#ifndef TIDEMILL_SOURCE_SOURCE_H
#define TIDEMILL_SOURCE_SOURCE_H

/*
 * What a Trigger's source is at now: a revision. Each protocol is a conversation of HTTP requests,
 * written as a state machine without I/O: it says what to ask next, is handed the answer, and ends
 * with a finding. One file for each protocol (source/git.c, image.c, bucket.c, http.c,
 * prometheus.c); this header is the one way in.
 *
 *   begin ──> ASK ──answer──> ASK ... ──answer──> DONE: a finding | FAILED: an error
 *
 * Pure: no socket, clock, file or randomness; the time comes with the call. May use core/ and api/.
 * Used by kube/poller, which sends what is asked, checks each URL and each Secret against what is
 * allowed (conformance X5, X14), and knows nothing of protocols.
 *
 * Everything that is read here comes from outside: nothing is asserted about it, all of it is
 * bounded, and each failure says what was asked, what came, and what to do.
 */

#include "api/trigger.h"
#include "core/arena.h"
#include "core/result.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SOURCE_REVISION_LIMIT = 512,  /* bytes of a revision: it is kept in the status */
    SOURCE_SUMMARY_LIMIT = 512,   /* bytes of what is said about it */
    SOURCE_MARK_LIMIT = 640,      /* bytes of what is kept to tell what is new in the next */
    SOURCE_VALUES_LIMIT = 32,     /* what parameters of the run may take from it */
    SOURCE_VALUE_LIMIT = 4096,    /* bytes of one of these */
    SOURCE_REQUESTS_LIMIT = 1100, /* of one conversation: a bucket of a million objects */
    SOURCE_ANSWER_LIMIT = 8 * 1024 * 1024 /* bytes of one answer */
};

/* What a Secret holds, by key; NULL where the source names none. Wiped by who lent it. */
struct source_secret {
    const struct name_value *items;
    size_t count;
};

struct source_request {
    const char *method; /* "GET", "HEAD", "POST" */
    const char *url;    /* absolute, http or https, escaped; no user part, no fragment */
    const struct name_value *headers;
    size_t header_count;
    const char *body; /* NULL: none */
    size_t body_size;
    size_t answer_limit; /* bytes of the body; a longer one is a failure, not cut */
    bool carries_secret; /* something of the Secret is in it: it goes only where that is allowed */
};

/* Any status, redirects too: they are never followed. Names of headers are in lower case. */
struct source_answer {
    int status;
    const struct name_value *headers;
    size_t header_count;
    const char *body; /* not NUL-terminated */
    size_t body_size;
};

/* NULL when there is none; of several the first. `name` in lower case. */
const char *source_answer_header(const struct source_answer *answer, const char *name);

enum source_verdict {
    SOURCE_FOUND,   /* it is at this revision */
    SOURCE_ABSENT,  /* it answered, and there is no such branch, tag, object, sample */
    SOURCE_NOT_YET, /* it answered, and what it says does not hold for long enough yet */
};

struct source_finding {
    enum source_verdict verdict;
    const char *revision; /* SOURCE_FOUND: SOURCE_REVISION_LIMIT bytes at most, printable ASCII */
    bool quiet; /* a revision to take note of that starts nothing by itself, found or not yet */
    const char *summary; /* for people, one line: "commit 3f2a1c9 of refs/heads/main" */
    const char *news; /* what is new in it since the firing before, likewise; NULL: the summary */
    const char *mark; /* SOURCE_MARK_LIMIT bytes at most: comes back in status.observedMark once a
                       * run was made for this revision; NULL: nothing needs to be remembered */
    const struct name_value *values; /* by what a parameter may ask for: "commit", "digest", ... */
    size_t value_count;
};

enum source_step { SOURCE_ASK, SOURCE_DONE, SOURCE_FAILED };

/* One conversation. All of it lives in the arena that it was begun with. */
struct source_talk;

/*
 * `trigger` and `secret` are borrowed until the talk ends; `now` is unix seconds (signatures have
 * the date in them). NULL with ERROR_INVALID when what the spec asks for can't be asked: the error
 * names the field ("spec.git.url: ...").
 */
struct source_talk *source_begin(struct arena *arena, const struct trigger *trigger,
                                 const struct source_secret *secret, int64_t now,
                                 struct error *error);

/*
 * `answer` is to the last request, NULL at first. SOURCE_ASK fills `request`, SOURCE_DONE fills
 * `finding`, SOURCE_FAILED fills `error`:
 *   ERROR_UNAVAILABLE  5xx, 429: asked again later
 *   ERROR_DENIED       401, 403: the Secret, or the lack of one
 *   ERROR_NOT_FOUND    404 of the whole (repository, bucket): the spec names what is not there
 *   ERROR_INVALID      an answer that is not of this protocol, a redirect
 *   ERROR_LIMIT        more than is read
 */
enum source_step source_next(struct source_talk *talk, const struct source_answer *answer,
                             struct source_request *request, struct source_finding *finding,
                             struct error *error);

/*
 * `text` without what the conversation's Secret holds, for people to read: servers quote what they
 * were sent (conformance X12). In the place of a value, and of the credentials in `request`, stands
 * what it is, "[password]". Names of users and of access keys stay: they are no secret, and often
 * are those of the bucket. Borrowed from `text` or in `arena`; `text` NULL: NULL.
 */
const char *source_hide_secret(struct arena *arena, const struct source_secret *secret,
                               const struct source_request *request, const char *text);

#endif
