/*
 * A document behind a URL. Its revision is "etag:" and the ETag (weak or strong, as it is sent),
 * else "modified:" and Last-Modified, else "sha256:" and the digest of the body.
 *
 *   HEAD ── 200 with ETag or Last-Modified ──> found
 *     │ 3xx, 429, 5xx but 501 ──> failed
 *     │ anything else
 *     v
 *   GET ─── 200 ──> found;  404, 410 ──> absent: an object that may come yet;  else failed
 *
 * HEAD first: a poll each minute must not fetch megabytes to learn that nothing changed. But HEAD
 * decides nothing else, because servers lie about it: an address that is signed for GET answers 403
 * to HEAD, frameworks answer 404, 405 or 501. Whatever is not a success with a revision in it is
 * asked again by GET. No condition (If-None-Match) is sent: what was seen last is the planner's to
 * know, and a 304 would save nothing that HEAD does not.
 *
 * A server that sets Last-Modified to the time of the answer, or whose replicas have different
 * ETags, changes at each poll. That can't be seen from here; cooldown and budget bound it.
 */

#include "source/private.h"

#include "core/assert.h"
#include "core/digest.h"
#include "core/text.h"
#include "core/url.h"
#include "source/answer.h"
#include "source/authorization.h"

#include <string.h>

enum {
    STATUS_OK = 200,
    STATUS_REDIRECT = 300,
    STATUS_BAD = 400,
    STATUS_NOT_FOUND = 404,
    STATUS_GONE = 410,
    STATUS_TOO_MANY = 429,
    STATUS_SERVER = 500,
    STATUS_NOT_IMPLEMENTED = 501,
    HEADERS = 2,
    VALUES = 4
};

enum stage { STAGE_BEGIN, STAGE_HEAD, STAGE_GET };

struct http_state {
    enum stage stage;
    const char *url;
    const char *shown; /* without its query, which may be a signature */
    struct name_value headers[HEADERS];
    size_t header_count;
    bool carries_secret;
};

static void *http_begin(struct source_talk *talk, struct error *error)
{
    const struct http_source *spec = &talk->trigger->spec.http;
    struct http_state *state = arena_new(talk->arena, struct http_state);
    struct url url;
    const char *authorization = NULL;
    if (!result_is_ok(url_parse(talk->arena, spec->url, &url, error))) {
        error_add_context(error, "spec.http.url");
        return NULL;
    }
    if (!result_is_ok(source_authorization(talk->arena, spec->secret_name, talk->secret,
                                           "spec.http.secretName", &authorization, error))) {
        return NULL;
    }
    const char *path = url.path[0] ? url.path : "/";
    state->url = url_print(
        talk->arena, &url,
        arena_print(talk->arena, "%s%s%s", path, url.query ? "?" : "", text_or(url.query, "")));
    state->shown = source_show(talk->arena, state->url, strcspn(state->url, "?"));
    state->headers[state->header_count++] = (struct name_value){"accept", "*/*"};
    if (authorization) {
        state->headers[state->header_count++] = (struct name_value){"authorization", authorization};
        state->carries_secret = true;
    }
    return state;
}

static enum source_step ask(struct http_state *state, enum stage stage,
                            struct source_request *request)
{
    state->stage = stage;
    *request = (struct source_request){.method = stage == STAGE_HEAD ? "HEAD" : "GET",
                                       .url = state->url,
                                       .headers = state->headers,
                                       .header_count = state->header_count,
                                       .answer_limit = SOURCE_ANSWER_LIMIT,
                                       .carries_secret = state->carries_secret};
    return SOURCE_ASK;
}

/* PREFIX:VALUE, or the digest of a value that no status should hold. */
static const char *revision_of(struct arena *arena, const char *prefix, const char *value)
{
    char hex[DIGEST_HEX_SIZE];
    if (strlen(prefix) + 1 + strlen(value) <= SOURCE_REVISION_LIMIT) {
        return arena_print(arena, "%s:%s", prefix, value);
    }
    digest_bytes(value, strlen(value), hex);
    return arena_print(arena, "%s-sha256:%s", prefix, hex);
}

/* NULL when there is none, or it is not what can be shown and kept. */
static const char *header_value(const struct source_answer *answer, const char *name)
{
    const char *value = source_answer_header(answer, name);
    for (const char *at = text_or(value, ""); *at; at++) {
        if (*at < ' ' || *at > '~') {
            return NULL;
        }
    }
    return text_is_empty(value) ? NULL : value;
}

struct validators {
    const char *etag;
    const char *modified;
    const char *digest; /* of the body; NULL while there is none */
};

static const char *choose_revision(struct arena *arena, const struct validators *found)
{
    return found->etag       ? revision_of(arena, "etag", found->etag)
           : found->modified ? revision_of(arena, "modified", found->modified)
           : found->digest   ? revision_of(arena, "sha256", found->digest)
                             : NULL;
}

/* A copy: an answer is gone after the call that it was handed to. */
static void add_value(struct arena *arena, struct source_finding *finding,
                      struct name_value *values, const char *name, const char *value)
{
    if (value && strlen(value) <= SOURCE_VALUE_LIMIT) {
        values[finding->value_count++] = (struct name_value){name, arena_copy_text(arena, value)};
    }
}

/* False when nothing tells the revision. */
static bool find_revision(const struct source_talk *talk, const struct http_state *state,
                          const struct source_answer *answer, const char *digest,
                          struct source_finding *finding)
{
    const struct validators found = {header_value(answer, "etag"),
                                     header_value(answer, "last-modified"), digest};
    const char *revision = choose_revision(talk->arena, &found);
    if (!revision) {
        return false;
    }
    struct name_value *values = arena_array(talk->arena, struct name_value, VALUES);
    *finding = (struct source_finding){
        .verdict = SOURCE_FOUND,
        .revision = revision,
        .summary = arena_print(talk->arena, "%s of %s",
                               source_show(talk->arena, revision, strlen(revision)), state->shown),
        .values = values};
    add_value(talk->arena, finding, values, "etag", found.etag);
    add_value(talk->arena, finding, values, "last-modified", found.modified);
    add_value(talk->arena, finding, values, "content-length",
              header_value(answer, "content-length"));
    add_value(talk->arena, finding, values, "digest", digest);
    return true;
}

/* GET would end the same way, or make it worse. */
static bool is_final(int status)
{
    bool is_redirect = status >= STATUS_REDIRECT && status < STATUS_BAD;
    bool is_busy = status == STATUS_TOO_MANY ||
                   (status >= STATUS_SERVER && status != STATUS_NOT_IMPLEMENTED);
    return is_redirect || is_busy;
}

static enum source_step refuse(const struct source_talk *talk, const struct http_state *state,
                               const char *method, const struct source_answer *answer,
                               struct error *error)
{
    const struct source_question question = {method, state->url, "spec.http.url",
                                             "spec.http.secretName", state->carries_secret};
    REQUIRE(!result_is_ok(source_check_status(talk->arena, &question, answer, error)));
    return SOURCE_FAILED;
}

static enum source_step take_head(const struct source_talk *talk, struct http_state *state,
                                  const struct source_answer *answer,
                                  struct source_request *request, struct source_finding *finding,
                                  struct error *error)
{
    if (answer->status == STATUS_OK && find_revision(talk, state, answer, NULL, finding)) {
        return SOURCE_DONE;
    }
    return is_final(answer->status) ? refuse(talk, state, "HEAD", answer, error)
                                    : ask(state, STAGE_GET, request);
}

static enum source_step take_get(const struct source_talk *talk, const struct http_state *state,
                                 const struct source_answer *answer, struct source_finding *finding,
                                 struct error *error)
{
    char hex[DIGEST_HEX_SIZE];
    if (answer->status == STATUS_NOT_FOUND || answer->status == STATUS_GONE) {
        *finding = (struct source_finding){
            .verdict = SOURCE_ABSENT,
            .summary = arena_print(talk->arena, "there is nothing at %s (status %d)", state->shown,
                                   answer->status)};
        return SOURCE_DONE;
    }
    if (answer->status != STATUS_OK) {
        return refuse(talk, state, "GET", answer, error);
    }
    if (answer->body_size > SOURCE_ANSWER_LIMIT) {
        (void)error_set(error, ERROR_LIMIT,
                        "GET %s: over %d bytes, and it has neither ETag nor Last-Modified: let the "
                        "server send one of them",
                        state->shown, SOURCE_ANSWER_LIMIT);
        return SOURCE_FAILED;
    }
    digest_bytes(answer->body_size > 0 ? answer->body : "", answer->body_size, hex);
    REQUIRE(find_revision(talk, state, answer, hex, finding));
    return SOURCE_DONE;
}

static enum source_step http_next(struct source_talk *talk, void *own,
                                  const struct source_answer *answer,
                                  struct source_request *request, struct source_finding *finding,
                                  struct error *error)
{
    struct http_state *state = own;
    switch (state->stage) {
    case STAGE_BEGIN:
        return ask(state, STAGE_HEAD, request);
    case STAGE_HEAD:
        return take_head(talk, state, answer, request, finding, error);
    case STAGE_GET:
        break;
    }
    return take_get(talk, state, answer, finding, error);
}

const struct source_protocol source_http = {.begin = http_begin, .next = http_next};
