/*
 * Which digest a tag of an image has, by the OCI distribution specification 1.1. No layer is
 * fetched, and the manifest only where the registry does not say its digest.
 *
 *   semver: TAGS page ──next──> TAGS page ──the highest tag──┐
 *   tag:  ──────────────────────────────────────────────> HEAD ──digest──> DONE
 *                                                          └──no digest, 404──> GET ──> DONE
 *
 *   any of these ──401 Bearer──> TOKEN ──> the same again      (once for each token that worked)
 *                ──401 Basic, a Secret──> the same again
 *
 *   spec      revision      values
 *   tag       DIGEST        image (HOST/NAME@DIGEST), digest, tag
 *   semver    TAG@DIGEST    the same, and version: a new tag of the same image is news, too
 *
 * The Secret goes only along where it is asked for. What a token may do is said by us and not by
 * the registry: to pull this one repository. Where tokens come from is the registry's to say, but
 * never http for one that is asked by https.
 */

#include "source/private.h"

#include "api/json_part.h"
#include "core/assert.h"
#include "core/digest.h"
#include "core/encoding.h"
#include "core/text.h"
#include "core/url.h"
#include "source/answer.h"
#include "source/challenge.h"
#include "source/image_reference.h"
#include "source/image_tags.h"
#include "source/secret.h"

#include <string.h>

#define URL_FIELD    "spec.image.repository"
#define SECRET_FIELD "spec.image.secretName"

enum image_step { IMAGE_NOTHING, IMAGE_TAGS, IMAGE_HEAD, IMAGE_GET, IMAGE_TOKEN };

enum {
    HEADERS = 2,
    VALUES = 4,
    PAGE_TAGS = 1000,
    MANIFEST_LIMIT = 4 * 1024 * 1024, /* bytes; what the specification lets registries refuse */
    TOKEN_ANSWER_LIMIT = 64 * 1024,   /* bytes */
    TOKEN_LIMIT = 16 * 1024,          /* bytes: it goes into a header */
    SHORT_DIGEST = 12,                /* digits */
    STATUS_UNAUTHORIZED = 401,
    STATUS_NOT_FOUND = 404,
    STATUS_NO_METHOD = 405,
    STATUS_NOT_IMPLEMENTED = 501
};

/* What a pod can be started from; an index first, since it is the digest for every machine. */
static const char *const manifest_types[] = {
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
};
#define ACCEPT_MANIFESTS                                          \
    "application/vnd.oci.image.index.v1+json, "                   \
    "application/vnd.oci.image.manifest.v1+json, "                \
    "application/vnd.docker.distribution.manifest.list.v2+json, " \
    "application/vnd.docker.distribution.manifest.v2+json"

struct image {
    struct image_repository repository;
    const char *range_text;
    struct image_tags tags;    /* its tag is the exact one when there is no range */
    const char *page;          /* URL of the page of tags that is asked for */
    const char *basic;         /* of the Secret; NULL: none */
    const char *authorization; /* what goes to the registry; NULL: nothing yet */
    bool has_secret;           /* `authorization` comes of the Secret */
    bool is_proved;            /* the registry took it once */
    const char *token_url;
    enum image_step step;
    enum image_step resumed; /* what is asked again once there is a token */
    struct source_question question;
};

/* ---- Begin ---- */

static struct result read_choice(struct arena *arena, const struct image_source *source,
                                 struct image *image, struct error *error)
{
    if ((source->tag != NULL) == (source->semver != NULL)) {
        return error_set(error, ERROR_INVALID, "spec.image: write one of tag and semver");
    }
    if (source->tag && !image_is_tag(source->tag)) {
        return error_set(error, ERROR_INVALID, "spec.image.tag: \"%s\" is no tag",
                         source_show(arena, source->tag, strlen(source->tag)));
    }
    image->tags.tag = source->tag;
    image->range_text = source->semver;
    if (!source->semver) {
        return RESULT_OK;
    }
    struct result result = semver_range_parse(arena, source->semver, &image->tags.range, error);
    if (!result_is_ok(result)) {
        error_add_context(error, "spec.image.semver");
    }
    return result;
}

static void *begin(struct source_talk *talk, struct error *error)
{
    struct arena *arena = talk->arena;
    const struct image_source *source = &talk->trigger->spec.image;
    struct image *image = arena_new(arena, struct image);
    if (!result_is_ok(
            image_repository_parse(arena, source->repository, &image->repository, error))) {
        error_add_context(error, URL_FIELD);
        return NULL;
    }
    bool is_fine = result_is_ok(read_choice(arena, source, image, error)) &&
                   result_is_ok(source_basic_authorization(arena, talk->secret, SECRET_FIELD, false,
                                                           &image->basic, error));
    image->page = arena_print(arena, "%s/v2/%s/tags/list?n=%d", image->repository.base_url,
                              image->repository.name, PAGE_TAGS);
    return is_fine ? image : NULL;
}

/* ---- Requests ---- */

static const char *manifest_url(struct arena *arena, const struct image *image)
{
    return arena_print(arena, "%s/v2/%s/manifests/%s", image->repository.base_url,
                       image->repository.name, image->tags.tag);
}

static enum source_step ask(struct source_talk *talk, struct image *image, enum image_step step,
                            struct source_request *request)
{
    bool is_token = step == IMAGE_TOKEN;
    const char *authorization = is_token ? image->basic : image->authorization;
    struct name_value *headers = arena_array(talk->arena, struct name_value, HEADERS);
    *request = (struct source_request){
        .method = step == IMAGE_HEAD ? "HEAD" : "GET",
        .url = is_token             ? image->token_url
               : step == IMAGE_TAGS ? image->page
                                    : manifest_url(talk->arena, image),
        .headers = headers,
        .answer_limit = is_token             ? TOKEN_ANSWER_LIMIT
                        : step == IMAGE_TAGS ? SOURCE_ANSWER_LIMIT
                                             : MANIFEST_LIMIT,
        .carries_secret = is_token ? image->basic != NULL : image->has_secret};
    headers[request->header_count].name = "accept";
    headers[request->header_count++].value = is_token || step == IMAGE_TAGS ? "application/json"
                                                                            : ACCEPT_MANIFESTS;
    if (authorization) {
        headers[request->header_count].name = "authorization";
        headers[request->header_count++].value = authorization;
    }
    image->step = step;
    image->question = (struct source_question){.method = request->method,
                                               .url = request->url,
                                               .url_field = URL_FIELD,
                                               .secret_field = SECRET_FIELD,
                                               .with_secret = request->carries_secret};
    return SOURCE_ASK;
}

/* ---- Authorization ---- */

/* The realm's URL with service and scope. */
static struct result read_realm(struct arena *arena, struct image *image,
                                const struct challenge *challenge, struct error *error)
{
    struct url realm;
    if (!challenge->realm) {
        return error_set(error, ERROR_INVALID,
                         URL_FIELD
                         ": the registry asks for a token and does not say where to get it");
    }
    if (!result_is_ok(url_parse(arena, challenge->realm, &realm, error))) {
        error_add_context(error, URL_FIELD ": where the registry's tokens come from");
        return result_of(ERROR_INVALID);
    }
    if (text_starts_with(image->repository.base_url, "https:") &&
        !text_equal(realm.scheme, "https")) {
        return error_set(error, ERROR_INVALID,
                         URL_FIELD ": the registry's tokens come from %s, without TLS",
                         url_print(arena, &realm, ""));
    }
    const char *service = challenge->service
                              ? arena_print(arena, "service=%s&",
                                            percent_encode(arena, challenge->service, NULL))
                              : "";
    const char *scope = arena_print(arena, "repository:%s:pull", image->repository.name);
    const char *query = arena_print(arena, "%s%s%sscope=%s", text_or(realm.query, ""),
                                    text_is_empty(realm.query) ? "" : "&", service,
                                    percent_encode(arena, scope, NULL));
    image->token_url = arena_print(arena, "%s?%s", url_print(arena, &realm, realm.path), query);
    if (strlen(image->token_url) > URL_LIMIT) {
        return error_set(error, ERROR_LIMIT, "the URL of the registry's tokens is over %d bytes",
                         URL_LIMIT);
    }
    return RESULT_OK;
}

/* A 401 of the registry: what to send instead, and by which step. */
static struct result take_challenge(struct source_talk *talk, struct image *image,
                                    const struct source_answer *answer, enum image_step *step,
                                    struct error *error)
{
    struct challenge challenge = challenge_read(talk->arena, answer);
    bool is_refused = image->authorization && !image->is_proved;
    bool is_basic = challenge.scheme == CHALLENGE_BASIC && image->basic && !image->authorization;
    if (is_refused || (challenge.scheme != CHALLENGE_BEARER && !is_basic)) {
        return source_check_status(talk->arena, &image->question, answer, error);
    }
    *step = image->step;
    if (is_basic) {
        image->authorization = image->basic;
        image->has_secret = true;
        return RESULT_OK;
    }
    image->resumed = image->step;
    *step = IMAGE_TOKEN;
    return read_realm(talk->arena, image, &challenge, error);
}

/* What can stand in a header; nothing is said of what it holds. */
static bool is_token(const char *token)
{
    size_t size = strlen(token);
    for (size_t at = 0; at < size; at++) {
        if (token[at] <= ' ' || token[at] > '~') {
            return false;
        }
    }
    return size > 0 && size <= TOKEN_LIMIT;
}

static struct result take_token(struct source_talk *talk, struct image *image,
                                const struct source_answer *answer, struct error *error)
{
    struct arena *arena = talk->arena;
    struct span root;
    TRY(source_check_status(arena, &image->question, answer, error));
    const char *token = NULL;
    if (json_part_open(answer->body, answer->body_size, &root)) {
        token = json_part_find_text(arena, root, "token");
        token = token ? token : json_part_find_text(arena, root, "access_token");
    }
    if (!token || !is_token(token)) {
        return error_set(error, ERROR_INVALID,
                         URL_FIELD ": what answers for the registry's tokens gives none");
    }
    image->authorization = arena_print(arena, "Bearer %s", token);
    image->has_secret = image->basic != NULL;
    image->is_proved = false;
    return RESULT_OK;
}

/* ---- Findings ---- */

static enum source_step find_nothing(struct arena *arena, const char *summary,
                                     struct source_finding *finding)
{
    *finding = (struct source_finding){.verdict = SOURCE_ABSENT,
                                       .summary = source_clip_summary(arena, summary)};
    return SOURCE_DONE;
}

static enum source_step find_digest(struct source_talk *talk, const struct image *image,
                                    const char *digest, struct source_finding *finding)
{
    struct arena *arena = talk->arena;
    struct name_value *values = arena_array(arena, struct name_value, VALUES);
    const char *tag = image->tags.tag;
    const char *reference = image->repository.reference;
    values[0].name = "image";
    values[0].value = arena_print(arena, "%s@%s", reference, digest);
    values[1].name = "digest";
    values[1].value = digest;
    values[2].name = "tag";
    values[2].value = tag;
    values[3].name = "version";
    values[3].value = image->tags.version;
    size_t shown = strcspn(digest, ":") + 1 + SHORT_DIGEST;
    *finding = (struct source_finding){
        .verdict = SOURCE_FOUND,
        .revision = image->tags.range ? arena_print(arena, "%s@%s", tag, digest) : digest,
        .summary = arena_print(arena, "digest %.*s of %s:%s", (int)shown, digest, reference, tag),
        .values = values,
        .value_count = image->tags.range ? VALUES : VALUES - 1};
    return SOURCE_DONE;
}

/* ---- Answers ---- */

static enum source_step take_tags(struct source_talk *talk, struct image *image,
                                  const struct source_answer *answer,
                                  struct source_request *request, struct source_finding *finding,
                                  struct error *error)
{
    const char *next = NULL;
    if (!result_is_ok(source_check_status(talk->arena, &image->question, answer, error)) ||
        !result_is_ok(image_tags_read(talk->arena, &image->tags, answer, error)) ||
        !result_is_ok(image_tags_next(talk->arena, image->page, answer, &next, error))) {
        return SOURCE_FAILED;
    }
    if (next) {
        image->page = next;
        return ask(talk, image, IMAGE_TAGS, request);
    }
    if (!image->tags.tag) {
        return find_nothing(talk->arena,
                            arena_print(talk->arena, "none of %zu tags of %s is a version in %s",
                                        image->tags.seen, image->repository.reference,
                                        image->range_text),
                            finding);
    }
    return ask(talk, image, IMAGE_HEAD, request);
}

static struct result check_type(struct source_talk *talk, const struct source_answer *answer,
                                struct error *error)
{
    for (size_t at = 0; at < COUNT_OF(manifest_types); at++) {
        if (source_has_type(answer, manifest_types[at])) {
            return RESULT_OK;
        }
    }
    const char *came = text_or(source_answer_header(answer, "content-type"), "none");
    return error_set(error, ERROR_INVALID,
                     URL_FIELD ": expected an image's manifest, got the type \"%s\"",
                     source_show(talk->arena, came, strlen(came)));
}

/* What the registry says the digest is; NULL when it says none. */
static const char *said_digest(struct arena *arena, const struct source_answer *answer)
{
    const char *digest = source_answer_header(answer, "docker-content-digest");
    return digest && image_is_digest(digest) ? arena_copy_text(arena, digest) : NULL;
}

static enum source_step take_head(struct source_talk *talk, struct image *image,
                                  const struct source_answer *answer,
                                  struct source_request *request, struct source_finding *finding,
                                  struct error *error)
{
    bool is_untold = answer->status == STATUS_NOT_FOUND || answer->status == STATUS_NO_METHOD ||
                     answer->status == STATUS_NOT_IMPLEMENTED;
    if (is_untold) {
        return ask(talk, image, IMAGE_GET, request);
    }
    if (!result_is_ok(source_check_status(talk->arena, &image->question, answer, error)) ||
        !result_is_ok(check_type(talk, answer, error))) {
        return SOURCE_FAILED;
    }
    const char *digest = said_digest(talk->arena, answer);
    return digest ? find_digest(talk, image, digest, finding)
                  : ask(talk, image, IMAGE_GET, request);
}

/* A 404 is of the tag, unless the registry says that there is no such repository. */
static enum source_step take_missing(struct source_talk *talk, struct image *image,
                                     const struct source_answer *answer,
                                     struct source_finding *finding, struct error *error)
{
    struct span root;
    struct span list;
    struct span first;
    struct scan scan;
    const char *reference = image->repository.reference;
    bool has_code = json_part_open(answer->body, answer->body_size, &root) &&
                    json_part_find(root, "errors", &list) && scan_open(list, '[', &scan) &&
                    scan_next_item(&scan, &first) == SCAN_FOUND;
    const char *code = has_code ? json_part_find_text(talk->arena, first, "code") : NULL;
    if (text_equal(code, "NAME_UNKNOWN")) {
        (void)error_set(error, ERROR_NOT_FOUND, URL_FIELD ": the registry has no %s", reference);
        return SOURCE_FAILED;
    }
    return find_nothing(talk->arena,
                        arena_print(talk->arena, "%s has no tag %s", reference, image->tags.tag),
                        finding);
}

static enum source_step take_manifest(struct source_talk *talk, struct image *image,
                                      const struct source_answer *answer,
                                      struct source_finding *finding, struct error *error)
{
    if (answer->status == STATUS_NOT_FOUND) {
        return take_missing(talk, image, answer, finding, error);
    }
    if (!result_is_ok(source_check_status(talk->arena, &image->question, answer, error)) ||
        !result_is_ok(check_type(talk, answer, error))) {
        return SOURCE_FAILED;
    }
    char hex[DIGEST_HEX_SIZE];
    digest_bytes(answer->body, answer->body_size, hex);
    const char *counted = arena_print(talk->arena, "sha256:%s", hex);
    const char *said = said_digest(talk->arena, answer);
    if (said && text_starts_with(said, "sha256:") && !text_equal(said, counted)) {
        (void)error_set(error, ERROR_INVALID,
                        URL_FIELD ": the registry says %s of a manifest that is %s", said, counted);
        return SOURCE_FAILED;
    }
    return find_digest(talk, image, said ? said : counted, finding);
}

static enum source_step take_answer(struct source_talk *talk, struct image *image,
                                    const struct source_answer *answer,
                                    struct source_request *request, struct source_finding *finding,
                                    struct error *error)
{
    image->is_proved = image->authorization != NULL;
    switch (image->step) {
    case IMAGE_TAGS:
        return take_tags(talk, image, answer, request, finding, error);
    case IMAGE_GET:
        return take_manifest(talk, image, answer, finding, error);
    case IMAGE_HEAD:
    case IMAGE_NOTHING:
    case IMAGE_TOKEN:
    default:
        return take_head(talk, image, answer, request, finding, error);
    }
}

static enum source_step next(struct source_talk *talk, void *state,
                             const struct source_answer *answer, struct source_request *request,
                             struct source_finding *finding, struct error *error)
{
    struct image *image = state;
    enum image_step step = image->tags.range ? IMAGE_TAGS : IMAGE_HEAD;
    if (image->step == IMAGE_NOTHING) {
        return ask(talk, image, step, request);
    }
    if (image->step == IMAGE_TOKEN) {
        return result_is_ok(take_token(talk, image, answer, error))
                   ? ask(talk, image, image->resumed, request)
                   : SOURCE_FAILED;
    }
    if (answer->status == STATUS_UNAUTHORIZED) {
        return result_is_ok(take_challenge(talk, image, answer, &step, error))
                   ? ask(talk, image, step, request)
                   : SOURCE_FAILED;
    }
    return take_answer(talk, image, answer, request, finding, error);
}

const struct source_protocol source_image = {.begin = begin, .next = next};
