/*
 * The objects of an S3 bucket (ListObjectsV2), by prefix and pattern. The revision is a digest over
 * key, ETag and size of each object: whatever is written, replaced or deleted changes it, and when
 * all is as it was before, so is the revision. LastModified takes the place of an ETag that a
 * server does not have (versitygw: of files that did not come through it).
 *
 *   GET BUCKET?list-type=2&... ── page ──> GET ...&continuation-token=... ── last page ──> found
 *                                                                      no object fits ──> absent
 *
 * A bucket may hold a million objects, so nothing of a page is kept but the digest so far and the
 * newest few objects. The digest is the sum (modulo 2^256) of a SHA-256 for each object, which
 * comes out the same in whatever order a server lists. Values for parameters:
 *
 *   revision, count, newest (a key), newest-time (RFC 3339), newest-etag
 *   objects      the newest keys, newest first, one a line, 20 at most and as many as fit into
 *                SOURCE_VALUE_LIMIT
 *   new-objects  likewise, of those that are new or changed since the firing before
 *   new-count    how many these are
 *
 * Keys with control characters count, but are not named. What is new is told by the mark that the
 * firing before left in the Trigger's status (source/bucket_mark.h).
 *
 * Whoever waits for a bucket to settle (`debounce`) has newest-time: it is the server's own clock.
 */

#include "source/private.h"

#include "core/encoding.h"
#include "core/text.h"
#include "core/url.h"
#include "source/answer.h"
#include "source/bucket_list.h"
#include "source/glob.h"
#include "source/secret.h"
#include "source/sigv4.h"

#include <string.h>

enum {
    STATUS_OK = 200,
    PREFIX_LIMIT = 1024, /* bytes, as a key's */
    HEADERS = 5,
    NAMED = 3, /* new objects in a sentence */
    ERROR_BODY_LIMIT = 64 * 1024
};

/* The digest of no bytes: a GET has no body. */
static const char empty_digest[] =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

struct bucket_state {
    struct url endpoint;
    const char *path;
    const char *place; /* of its mark */
    const char *region;
    const char *access_key; /* NULL: unsigned */
    const char *secret_key;
    const char *session_token; /* NULL: none */
    const char *token;         /* of the page that was asked for; NULL: the first */
    bool has_asked;
    struct bucket_listing listing;
};

/* ---- What is asked ---- */

/* Bucket names: S3's, and what servers beside AWS allow: letters of both cases and "_". */
static bool is_bucket_name(const char *name)
{
    enum { NAME_LIMIT = 255 };
    size_t size = strnlen(name, NAME_LIMIT + 1);
    return size > 0 && size <= NAME_LIMIT && name[0] != '.' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._") ==
               size;
}

static struct result read_place(struct source_talk *talk, const struct bucket_source *spec,
                                struct bucket_state *state, struct error *error)
{
    struct result result = url_parse(talk->arena, spec->endpoint, &state->endpoint, error);
    if (!result_is_ok(result)) {
        error_add_context(error, "spec.bucket.endpoint");
        return result;
    }
    if (state->endpoint.query ||
        strspn(state->endpoint.path, "/") != strlen(state->endpoint.path)) {
        return error_set(error, ERROR_INVALID,
                         "spec.bucket.endpoint: has a path: write https://HOST[:PORT] alone");
    }
    if (!spec->bucket || !is_bucket_name(spec->bucket)) {
        return error_set(error, ERROR_INVALID, "spec.bucket.bucket: not the name of a bucket");
    }
    if (strnlen(text_or(spec->prefix, ""), PREFIX_LIMIT + 1) > PREFIX_LIMIT) {
        return error_set(error, ERROR_INVALID, "spec.bucket.prefix: longer than %d bytes",
                         PREFIX_LIMIT);
    }
    state->path = arena_print(talk->arena, "/%s", spec->bucket);
    return RESULT_OK;
}

static bool is_word(const char *text)
{
    for (const char *at = text; *at; at++) {
        if (*at <= ' ' || *at > '~') {
            return false;
        }
    }
    return text[0] != '\0';
}

static struct result read_keys(struct source_talk *talk, const struct bucket_source *spec,
                               struct bucket_state *state, struct error *error)
{
    state->region = text_or(spec->region, "us-east-1");
    if (!is_word(state->region) || strpbrk(state->region, "/,")) {
        return error_set(error, ERROR_INVALID, "spec.bucket.region: not the name of a region");
    }
    if (!spec->secret_name) {
        return RESULT_OK;
    }
    state->access_key = source_secret_value(talk->secret, "accessKey");
    state->secret_key = source_secret_value(talk->secret, "secretKey");
    state->session_token = source_secret_value(talk->secret, "sessionToken");
    if (!state->access_key || !state->secret_key) {
        return error_set(error, ERROR_INVALID,
                         "spec.bucket.secretName: the Secret needs the keys accessKey and "
                         "secretKey");
    }
    bool is_fine = is_word(state->access_key) && !strpbrk(state->access_key, "/,") &&
                   is_word(state->secret_key) &&
                   (!state->session_token || is_word(state->session_token));
    return is_fine ? RESULT_OK
                   : error_set(error, ERROR_INVALID,
                               "spec.bucket.secretName: a key in the Secret has characters that "
                               "are in no such key, maybe a line break at its end: write it "
                               "without");
}

static struct result read_spec(struct source_talk *talk, struct bucket_state *state,
                               struct error *error)
{
    const struct bucket_source *spec = &talk->trigger->spec.bucket;
    TRY(read_place(talk, spec, state, error));
    TRY(read_keys(talk, spec, state, error));
    state->listing.prefix = text_or(spec->prefix, "");
    state->place = arena_print(talk->arena, "%s %s %s %s", spec->endpoint, spec->bucket,
                               state->listing.prefix, text_or(spec->pattern, ""));
    state->listing.before = bucket_mark_read(talk->trigger->status.observed_mark, state->place);
    if (text_is_empty(spec->pattern)) {
        return RESULT_OK;
    }
    struct result result = glob_compile(talk->arena, spec->pattern, &state->listing.pattern, error);
    if (!result_is_ok(result)) {
        error_add_context(error, "spec.bucket.pattern");
    }
    return result;
}

static void *bucket_begin(struct source_talk *talk, struct error *error)
{
    struct bucket_state *state = arena_new(talk->arena, struct bucket_state);
    return result_is_ok(read_spec(talk, state, error)) ? state : NULL;
}

/* Host as it is sent: without the port that the scheme has anyway. */
static const char *host_header(struct arena *arena, const struct url *url)
{
    bool is_default = url->port == (text_equal(url->scheme, "https") ? 443 : 80);
    return is_default ? url->host : arena_print(arena, "%s:%d", url->host, url->port);
}

/*
 * What the signature is over, sorted by name; Authorization behind it. The first, Host, is signed
 * and not asked for: whoever sends the request makes it of the URL, which has the same text.
 */
static size_t make_headers(struct source_talk *talk, const struct bucket_state *state,
                           const char *query, struct name_value *headers)
{
    char *time = arena_allocate(talk->arena, 1, SIGV4_TIME_SIZE);
    size_t count = 0;
    headers[count++] = (struct name_value){"host", host_header(talk->arena, &state->endpoint)};
    if (!state->access_key) {
        return count;
    }
    sigv4_format_time(talk->now, time);
    headers[count++] = (struct name_value){"x-amz-content-sha256", empty_digest};
    headers[count++] = (struct name_value){"x-amz-date", time};
    if (state->session_token) {
        headers[count++] = (struct name_value){"x-amz-security-token", state->session_token};
    }
    const struct sigv4_key key = {state->access_key, state->secret_key, state->region, "s3"};
    const struct sigv4_request signed_request = {.method = "GET",
                                                 .path = state->path,
                                                 .query = query,
                                                 .headers = headers,
                                                 .header_count = count,
                                                 .payload_digest = empty_digest};
    const char *authorization = sigv4_authorize(talk->arena, &key, &signed_request, talk->now);
    headers[count++] = (struct name_value){"authorization", authorization};
    return count;
}

/* Sorted by name, as the signature needs it. */
static const char *make_query(struct arena *arena, const struct bucket_state *state)
{
    const char *token = state->token ? percent_encode(arena, state->token, NULL) : NULL;
    return arena_print(arena, "%s%s%sencoding-type=url&list-type=2&max-keys=1000%s%s",
                       token ? "continuation-token=" : "", text_or(token, ""), token ? "&" : "",
                       state->listing.prefix[0] ? "&prefix=" : "",
                       percent_encode(arena, state->listing.prefix, NULL));
}

static enum source_step ask(struct source_talk *talk, struct bucket_state *state,
                            struct source_request *request, struct error *error)
{
    const char *query = make_query(talk->arena, state);
    struct name_value *headers = arena_array(talk->arena, struct name_value, HEADERS);
    size_t count = make_headers(talk, state, query, headers);
    const char *url = arena_print(talk->arena, "%s://%s%s?%s", state->endpoint.scheme,
                                  headers[0].value, state->path, query);
    if (strlen(url) > URL_LIMIT) {
        (void)error_set(error, ERROR_LIMIT,
                        "spec.bucket.prefix: with it the address of a page is longer than %d bytes",
                        URL_LIMIT);
        return SOURCE_FAILED;
    }
    state->has_asked = true;
    *request = (struct source_request){.method = "GET",
                                       .url = url,
                                       .headers = headers + 1,
                                       .header_count = count - 1,
                                       .answer_limit = SOURCE_ANSWER_LIMIT,
                                       .carries_secret = state->access_key != NULL};
    return SOURCE_ASK;
}

/* ---- What is answered ---- */

static const char *asked_of(const struct source_talk *talk, const struct bucket_state *state)
{
    return url_print(talk->arena, &state->endpoint, state->path);
}

/* What an S3 error means here; NULL: nothing that the status does not say. */
static const char *advice_for(const char *code)
{
    static const struct name_value advice[] = {
        {"NoSuchBucket", "there is no such bucket: see spec.bucket.bucket and endpoint"},
        {"InvalidAccessKeyId", "the server does not know the accessKey in the Secret"},
        {"SignatureDoesNotMatch", "the secretKey in the Secret is not that of its accessKey"},
        {"RequestTimeTooSkewed", "the controller's clock and the server's are far apart"},
        {"AccessDenied", "these keys may not list this bucket (s3:ListBucket), or none are given"},
        {"AuthorizationHeaderMalformed", "see whether spec.bucket.region is the bucket's"},
        {"PermanentRedirect", "the bucket is elsewhere: see spec.bucket.region and endpoint"},
        {"ExpiredToken", "the sessionToken in the Secret is no longer valid"},
    };
    for (size_t at = 0; at < sizeof(advice) / sizeof(advice[0]); at++) {
        if (text_equal(advice[at].name, code)) {
            return advice[at].value;
        }
    }
    return NULL;
}

/* The kind is the status's; the text is S3's own, as far as the body has one. */
static enum source_step refuse(const struct source_talk *talk, const struct bucket_state *state,
                               const struct source_answer *answer, struct error *error)
{
    const struct source_question question = {"GET", asked_of(talk, state), "spec.bucket.endpoint",
                                             "spec.bucket.secretName", state->access_key != NULL};
    struct bucket_error refusal = {0};
    bool is_refusal = answer->body_size > 0 && answer->body_size <= ERROR_BODY_LIMIT &&
                      bucket_read_error(talk->arena, answer->body, answer->body_size, &refusal);
    struct result result = source_check_status(talk->arena, &question, answer, error);
    const char *advice = is_refusal ? advice_for(refusal.code) : NULL;
    if (is_refusal) {
        (void)error_set(error, result.kind, "GET %s: %d %s (%s)%s%s", question.url, answer->status,
                        source_show(talk->arena, refusal.code, strlen(refusal.code)),
                        source_show(talk->arena, refusal.message, strlen(refusal.message)),
                        advice ? ": " : "", text_or(advice, ""));
    }
    return SOURCE_FAILED;
}

/* "12 objects": s is what makes several of one. */
static const char *print_count(struct arena *arena, size_t count, const char *what)
{
    return arena_print(arena, "%zu %sobject%s", count, what, count == 1 ? "" : "s");
}

/* "a, b, c and 4 more"; "" when none of them can be named. */
static const char *name_fresh(struct arena *arena, const struct bucket_listing *listing)
{
    const char *names = "";
    size_t named = listing->fresh.count < NAMED ? listing->fresh.count : NAMED;
    for (size_t at = 0; at < named; at++) {
        const char *key = listing->fresh.items[at].key;
        names = arena_print(arena, "%s%s%s", names, at > 0 ? ", " : ": ",
                            source_show(arena, key, strlen(key)));
    }
    return named > 0 && listing->fresh_count > named
               ? arena_print(arena, "%s and %zu more", names, listing->fresh_count - named)
               : names;
}

/*
 * What is new since the firing before. All of them new, or more were written over than went: the
 * counts tell.
 */
static const char *describe_news(struct arena *arena, const struct bucket_listing *listing,
                                 const char *place)
{
    const struct bucket_mark *before = &listing->before;
    size_t fresh = listing->fresh_count;
    if (fresh > 0) {
        bool are_all_new = listing->count == before->count + fresh;
        const char *more = before->is_known ? arena_print(arena, "; %zu in all", listing->count)
                                            : "";
        return arena_print(arena, "%s below %s%s%s",
                           print_count(arena, fresh, are_all_new ? "new " : "new or changed "),
                           place, name_fresh(arena, listing), more);
    }
    if (listing->count < before->count) {
        return arena_print(arena, "%s below %s gone, %zu left",
                           print_count(arena, before->count - listing->count, ""), place,
                           listing->count);
    }
    return arena_print(arena, "%s below %s, not the same as before",
                       print_count(arena, listing->count, ""), place);
}

static void describe(struct arena *arena, const struct bucket_state *state,
                     struct source_finding *finding)
{
    const struct bucket_listing *listing = &state->listing;
    const struct bucket_top *newest = &listing->newest;
    const char *prefix = source_show(arena, listing->prefix, strlen(listing->prefix));
    const char *place = arena_print(arena, "%s/%s", state->path + 1, prefix);
    const char *key = newest->count > 0 ? newest->items[0].key : "";
    const char *summary = arena_print(
        arena, "%s below %s%s%s", print_count(arena, listing->count, ""), place,
        key[0] ? ", the newest is " : "", source_show(arena, key, strlen(key)));
    finding->summary = source_clip_summary(arena, summary);
    finding->news = source_clip_summary(arena, describe_news(arena, listing, place));
}

static enum source_step finish(const struct source_talk *talk, const struct bucket_state *state,
                               struct source_finding *finding)
{
    const struct bucket_listing *listing = &state->listing;
    if (listing->count == 0) {
        const char *prefix = source_show(talk->arena, listing->prefix, strlen(listing->prefix));
        *finding = (struct source_finding){
            .verdict = SOURCE_ABSENT,
            .summary = arena_print(talk->arena, "no object below %s/%s%s", state->path + 1, prefix,
                                   listing->pattern ? " fits the pattern" : "")};
        return SOURCE_DONE;
    }
    struct name_value *values = arena_array(talk->arena, struct name_value, BUCKET_VALUES);
    *finding = (struct source_finding){
        .verdict = SOURCE_FOUND,
        .revision = arena_print(talk->arena, "sha256:%s", bucket_digest(talk->arena, listing)),
        .mark = bucket_mark_print(talk->arena, &listing->mark, state->place),
        .values = values};
    finding->value_count = bucket_values(talk->arena, listing, values);
    describe(talk->arena, state, finding);
    return SOURCE_DONE;
}

static enum source_step bucket_next(struct source_talk *talk, void *own,
                                    const struct source_answer *answer,
                                    struct source_request *request, struct source_finding *finding,
                                    struct error *error)
{
    struct bucket_state *state = own;
    const char *token = NULL;
    if (!state->has_asked) {
        return ask(talk, state, request, error);
    }
    if (answer->status != STATUS_OK) {
        return refuse(talk, state, answer, error);
    }
    struct result result = bucket_read_page(talk->arena, &state->listing, answer->body,
                                            answer->body_size, &token, error);
    if (!result_is_ok(result)) {
        error_add_context(error, "GET %s", asked_of(talk, state));
        return SOURCE_FAILED;
    }
    if (!token) {
        return finish(talk, state, finding);
    }
    if (text_equal(token, state->token)) {
        (void)error_set(error, ERROR_INVALID, "GET %s: the listing goes round in a circle",
                        asked_of(talk, state));
        return SOURCE_FAILED;
    }
    state->token = token;
    return ask(talk, state, request, error);
}

const struct source_protocol source_bucket = {.begin = bucket_begin, .next = bucket_next};
