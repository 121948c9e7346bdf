/*
 * What a Git repository is at, over smart HTTP (gitprotocol-http, gitprotocol-v2): two requests,
 * and no object is fetched. Servers that know protocol 0 alone say all in the first answer.
 *
 *   GET URL/info/refs?service=git-upload-pack ──version 2──> POST URL/git-upload-pack ls-refs ──>
 * DONE ──refs───────────────────────────────────────────> DONE
 *
 * The Secret's username and password, or its token with the username "git" unless one is given, go
 * along as Basic (RFC 7617) from the first request on.
 */

#include "source/private.h"

#include "core/text.h"
#include "core/url.h"
#include "source/answer.h"
#include "source/git_choice.h"
#include "source/git_refs.h"
#include "source/pkt_line.h"
#include "source/secret.h"

#include <string.h>

#define URL_FIELD    "spec.git.url"
#define SECRET_FIELD "spec.git.secretName"

enum git_step { GIT_NOTHING_ASKED, GIT_ADVERTISEMENT_ASKED, GIT_REFS_ASKED };

enum { HEADERS = 4 };

struct git {
    const char *url;           /* without "/" at its end */
    const char *authorization; /* NULL: none */
    struct git_choice choice;
    enum git_step step;
    size_t hash_size;
    struct source_question question; /* the last request */
};

/* The repository's URL without "/" at its end; NULL with an error. */
static const char *read_url(struct arena *arena, const char *text, struct error *error)
{
    struct url url;
    if (!result_is_ok(url_parse(arena, text, &url, error))) {
        error_add_context(error, URL_FIELD);
        return NULL;
    }
    if (url.query) {
        (void)error_set(error, ERROR_INVALID, URL_FIELD ": has a \"?\": write the URL to clone by");
        return NULL;
    }
    char *printed = url_print(arena, &url, url.path);
    for (size_t size = strlen(printed); printed[size - 1] == '/'; size--) {
        printed[size - 1] = '\0';
    }
    return printed;
}

static void *begin(struct source_talk *talk, struct error *error)
{
    const struct git_source *source = &talk->trigger->spec.git;
    struct git *git = arena_new(talk->arena, struct git);
    git->url = read_url(talk->arena, source->url, error);
    bool is_fine = git->url &&
                   result_is_ok(git_choice_read(talk->arena, source, &git->choice, error)) &&
                   result_is_ok(source_basic_authorization(talk->arena, talk->secret, SECRET_FIELD,
                                                           true, &git->authorization, error));
    return is_fine ? git : NULL;
}

static void add_header(struct source_request *request, struct name_value *headers, const char *name,
                       const char *value)
{
    headers[request->header_count].name = name;
    headers[request->header_count].value = value;
    request->header_count++;
    request->headers = headers;
}

/* What both requests have. */
static struct name_value *begin_request(struct source_talk *talk, struct git *git,
                                        const char *method, const char *path,
                                        struct source_request *request)
{
    struct name_value *headers = arena_array(talk->arena, struct name_value, HEADERS);
    *request = (struct source_request){.method = method,
                                       .url = arena_print(talk->arena, "%s%s", git->url, path),
                                       .answer_limit = SOURCE_ANSWER_LIMIT,
                                       .carries_secret = git->authorization != NULL};
    add_header(request, headers, "git-protocol", "version=2");
    if (git->authorization) {
        add_header(request, headers, "authorization", git->authorization);
    }
    git->question = (struct source_question){.method = method,
                                             .url = request->url,
                                             .url_field = URL_FIELD,
                                             .secret_field = SECRET_FIELD,
                                             .with_secret = git->authorization != NULL};
    return headers;
}

static void ask_advertisement(struct source_talk *talk, struct git *git,
                              struct source_request *request)
{
    (void)begin_request(talk, git, "GET", "/info/refs?service=git-upload-pack", request);
    git->step = GIT_ADVERTISEMENT_ASKED;
}

/* gitprotocol-v2, ls-refs: of annotated tags also what they point at, and only what may matter. */
static void ask_refs(struct source_talk *talk, struct git *git, struct source_request *request)
{
    struct arena *arena = talk->arena;
    struct name_value *headers = begin_request(talk, git, "POST", "/git-upload-pack", request);
    add_header(request, headers, "content-type", "application/x-git-upload-pack-request");
    add_header(request, headers, "accept", "application/x-git-upload-pack-result");
    const char *format = git->hash_size == GIT_HASH_SHA256 ? "object-format=sha256\n"
                                                           : "object-format=sha1\n";
    const char *prefix = arena_print(arena, "ref-prefix %s\n", git->choice.prefix);
    request->body = arena_print(arena, "%s%s0001%s%s0000", pkt_print(arena, "command=ls-refs\n"),
                                pkt_print(arena, format), pkt_print(arena, "peel\n"),
                                pkt_print(arena, prefix));
    request->body_size = strlen(request->body);
    git->step = GIT_REFS_ASKED;
}

/* Status and type: a page for people, say, is no Git server. */
static struct result check_answer(struct source_talk *talk, const struct git *git,
                                  const struct source_answer *answer, const char *type,
                                  struct error *error)
{
    TRY(source_check_status(talk->arena, &git->question, answer, error));
    if (source_has_type(answer, type)) {
        return RESULT_OK;
    }
    const char *came = text_or(source_answer_header(answer, "content-type"), "none");
    return error_set(error, ERROR_INVALID,
                     URL_FIELD ": no Git server over smart HTTP answers there: expected the type "
                               "%s, got \"%s\"",
                     type, source_show(talk->arena, came, strlen(came)));
}

static struct result take_advertisement(struct source_talk *talk, struct git *git,
                                        const struct source_answer *answer,
                                        struct git_advertisement *advertisement,
                                        struct error *error)
{
    TRY(check_answer(talk, git, answer, "application/x-git-upload-pack-advertisement", error));
    TRY(git_parse_advertisement(talk->arena, answer->body, answer->body_size, git->choice.prefix,
                                advertisement, error));
    git->hash_size = advertisement->hash_size;
    return RESULT_OK;
}

static struct result take_refs(struct source_talk *talk, struct git *git,
                               const struct source_answer *answer, struct git_refs *refs,
                               struct error *error)
{
    TRY(check_answer(talk, git, answer, "application/x-git-upload-pack-result", error));
    return git_parse_refs(talk->arena, answer->body, answer->body_size, git->choice.prefix,
                          git->hash_size, refs, error);
}

static enum source_step next(struct source_talk *talk, void *state,
                             const struct source_answer *answer, struct source_request *request,
                             struct source_finding *finding, struct error *error)
{
    struct git *git = state;
    struct git_advertisement advertisement = {0};
    struct git_refs refs = {0};
    switch (git->step) {
    case GIT_ADVERTISEMENT_ASKED:
        if (!result_is_ok(take_advertisement(talk, git, answer, &advertisement, error))) {
            return SOURCE_FAILED;
        }
        if (advertisement.is_version_2) {
            ask_refs(talk, git, request);
            return SOURCE_ASK;
        }
        refs = advertisement.refs;
        break;
    case GIT_REFS_ASKED:
        if (!result_is_ok(take_refs(talk, git, answer, &refs, error))) {
            return SOURCE_FAILED;
        }
        break;
    case GIT_NOTHING_ASKED:
    default:
        ask_advertisement(talk, git, request);
        return SOURCE_ASK;
    }
    git_choose(talk->arena, &git->choice, &refs, finding);
    return SOURCE_DONE;
}

const struct source_protocol source_git = {.begin = begin, .next = next};
