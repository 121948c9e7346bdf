#include "support/test.h"

#include "core/text.h"
#include "core/url.h"
#include "source/image_reference.h"
#include "support/source_talk.h"

#include <stdio.h>
#include <string.h>

/* What the distribution project's registry 3.1.2 answered. */

#define DIGEST   "sha256:b094d1f8cea5dfd345b28d01b08bd1aecb98a77003ffa2b2c867a15324346a05"
#define OCI_TYPE "content-type: application/vnd.oci.image.manifest.v1+json\n"
#define MANIFEST_HEADERS                                                   \
    "content-length: 409\n" OCI_TYPE "docker-content-digest: " DIGEST "\n" \
    "docker-distribution-api-version: registry/2.0\n"                      \
    "etag: \"" DIGEST "\"\n"
#define JSON_TYPE "content-type: application/json\n"
#define FOUND_MANIFEST                             \
    {                                              \
        .status = 200, .headers = MANIFEST_HEADERS \
    }
#define UNKNOWN_TAG                                                                               \
    {                                                                                             \
        .status = 404, .headers = JSON_TYPE,                                                      \
        TALK_BODY("{\"errors\":[{\"code\":\"MANIFEST_UNKNOWN\",\"message\":\"manifest unknown\"," \
                  "\"detail\":\"unknown tag=nope\"}]}\n")                                         \
    }
#define PAGE(text)                                           \
    {                                                        \
        .status = 200, .headers = JSON_TYPE, TALK_BODY(text) \
    }
#define PAGE_LINK(text, link)                                                   \
    {                                                                           \
        .status = 200, .headers = JSON_TYPE "link: " link "\n", TALK_BODY(text) \
    }
#define BEARER                                                                              \
    {                                                                                       \
        .status = 401, .headers = JSON_TYPE                                                 \
                       "www-authenticate: Bearer realm=\"https://auth.example/token?a=b\"," \
                       "service=\"a registry\",scope=\"repository:team/model:pull,push\"\n" \
    }
#define TOKEN(text)                                          \
    {                                                        \
        .status = 200, .headers = JSON_TYPE, TALK_BODY(text) \
    }
#define BASIC                                                             \
    {                                                                     \
        .status = 401, .headers = "www-authenticate: Basic realm=\"r\"\n" \
    }

#define IMAGE_FOUND                                                                         \
    "FOUND " DIGEST " | digest sha256:b094d1f8cea5 of registry.example/team/model:latest |" \
    " image=registry.example/team/model@" DIGEST " digest=" DIGEST " tag=latest"

enum { ANSWERS = 6 };

struct row {
    const char *sentence;
    const char *semver; /* NULL: the tag latest */
    bool with_secret;   /* user:pass */
    struct talk_answer answers[ANSWERS];
    const char *outcome;
    const char *asked; /* NULL: not looked at */
};

static const struct name_value secret_items[] = {{"username", "user"}, {"password", "pass"}};
static const struct source_secret user_secret = {secret_items, COUNT_OF(secret_items)};

static void play_rows(const struct row *rows, size_t count)
{
    for (size_t at = 0; at < count; at++) {
        struct arena arena = {0};
        const struct row *row = &rows[at];
        struct trigger trigger = {.spec.image = {.repository = "registry.example/team/model",
                                                 .tag = row->semver ? NULL : "latest",
                                                 .semver = row->semver}};
        size_t answers = 0;
        while (answers < ANSWERS && row->answers[answers].status != 0) {
            answers++;
        }
        struct talk_record record = talk_play(
            &arena, &trigger, row->with_secret ? &user_secret : NULL, row->answers, answers);
        if (!text_equal(record.outcome, row->outcome)) {
            fail_msg("%s:\n  got      %s\n  expected %s", row->sentence, record.outcome,
                     row->outcome);
        }
        if (row->asked && !text_equal(record.asked, row->asked)) {
            fail_msg("%s:\n  got\n%s\n  expected\n%s", row->sentence, record.asked, row->asked);
        }
        arena_free(&arena);
    }
}

#define ACCEPT                                                    \
    "accept: application/vnd.oci.image.index.v1+json, "           \
    "application/vnd.oci.image.manifest.v1+json, "                \
    "application/vnd.docker.distribution.manifest.list.v2+json, " \
    "application/vnd.docker.distribution.manifest.v2+json\n"
#define URL_LATEST "https://registry.example/v2/team/model/manifests/latest"
#define URL_TAGS   "https://registry.example/v2/team/model/tags/list?n=1000"
#define URL_TOKEN                                          \
    "https://auth.example/token?a=b&service=a%20registry&" \
    "scope=repository%3Ateam%2Fmodel%3Apull"

static const struct row tag_rows[] = {
    {"a tag's digest is in a header", .answers = {FOUND_MANIFEST}, .outcome = IMAGE_FOUND,
     .asked = "HEAD " URL_LATEST "\n" ACCEPT},
    {"an index of Docker's",
     .answers =
         {{.status = 200,
           .headers =
               "content-type: application/vnd.docker.distribution.manifest.list.v2+json; a=b\n"
               "docker-content-digest: " DIGEST "\n"}},
     .outcome = IMAGE_FOUND},
    {"a registry that does not say the digest",
     .answers = {{.status = 200, .headers = OCI_TYPE},
                 {.status = 200, .headers = OCI_TYPE, TALK_BODY("{}")}},
     .outcome = "FOUND sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a |"
                " digest sha256:44136fa355b3 of registry.example/team/model:latest |"
                " image=registry.example/team/model@sha256:"
                "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
                " digest=sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
                " tag=latest",
     .asked = "HEAD " URL_LATEST "\n" ACCEPT "--\nGET " URL_LATEST "\n" ACCEPT},
    {"a registry that knows no HEAD",
     .answers = {{.status = 405},
                 {.status = 200,
                  .headers = OCI_TYPE
                  "docker-content-digest: "
                  "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\n",
                  TALK_BODY("{}")}},
     .outcome = "FOUND sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a |"
                " digest sha256:44136fa355b3 of registry.example/team/model:latest |"
                " image=registry.example/team/model@sha256:"
                "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
                " digest=sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
                " tag=latest"},
    {"a digest that is not the manifest's",
     .answers = {{.status = 501},
                 {.status = 200,
                  .headers = OCI_TYPE "docker-content-digest: " DIGEST "\n",
                  TALK_BODY("{}")}},
     .outcome = "FAILED invalid: spec.image.repository: the registry says " DIGEST " of a manifest"
                " that is sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"},
    {"a digest that is none",
     .answers = {{.status = 200, .headers = OCI_TYPE "docker-content-digest: sha256:../../x\n"}},
     .outcome = "ASKS MORE"},
    {"no such tag", .answers = {{.status = 404}, UNKNOWN_TAG},
     .outcome = "ABSENT registry.example/team/model has no tag latest",
     .asked = "HEAD " URL_LATEST "\n" ACCEPT "--\nGET " URL_LATEST "\n" ACCEPT},
    {"no such repository",
     .answers = {{.status = 404},
                 {.status = 404, TALK_BODY("{\"errors\":[{\"code\":\"NAME_UNKNOWN\"}]}")}},
     .outcome = "FAILED not-found: spec.image.repository: the registry has no"
                " registry.example/team/model"},
    {"a 404 that says nothing", .answers = {{.status = 404}, {.status = 404, TALK_BODY("<html>")}},
     .outcome = "ABSENT registry.example/team/model has no tag latest"},
    {"a page for people", .answers = {{.status = 200, .headers = "content-type: text/html\n"}},
     .outcome = "FAILED invalid: spec.image.repository: expected an image's manifest, got the type"
                " \"text/html\""},
    {"a manifest of the first schema",
     .answers = {{.status = 405},
                 {.status = 200,
                  .headers =
                      "content-type: application/vnd.docker.distribution.manifest.v1+prettyjws\n",
                  TALK_BODY("{}")}},
     .outcome = "FAILED invalid: spec.image.repository: expected an image's manifest, got the type"
                " \"application/vnd.docker.distribution.manifest.v1+prettyjws\""},
    {"a redirect", .answers = {{.status = 307, .headers = "location: /v2/other\n"}},
     .outcome = "FAILED invalid: HEAD " URL_LATEST ": 307: it moved to"
                " https://registry.example/v2/other: redirects aren't followed, write the new place"
                " into spec.image.repository"},
    {"too many requests", .answers = {{.status = 429}},
     .outcome = "FAILED unavailable: HEAD " URL_LATEST ": 429: too many requests for it now"},
    {"an ill registry", .answers = {{.status = 500}},
     .outcome = "FAILED unavailable: HEAD " URL_LATEST ": 500: the server can't answer now"},
};

static void a_tag_is_the_digest_that_the_registry_says(void **state)
{
    (void)state;
    play_rows(tag_rows, COUNT_OF(tag_rows));
}

static const struct row authorization_rows[] = {
    {"a token for everybody", .answers = {BEARER, TOKEN("{\"token\":\"abc.def\"}"), FOUND_MANIFEST},
     .outcome = IMAGE_FOUND,
     .asked = "HEAD " URL_LATEST "\n" ACCEPT "--\nGET " URL_TOKEN "\naccept: application/json\n"
              "--\nHEAD " URL_LATEST "\n" ACCEPT "authorization: Bearer abc.def\n"},
    {"a token for the Secret", .with_secret = true,
     .answers = {BEARER, TOKEN("{\"expires_in\":300,\"access_token\":\"t\"}"), FOUND_MANIFEST},
     .outcome = IMAGE_FOUND,
     .asked = "HEAD " URL_LATEST "\n" ACCEPT "--\nGET " URL_TOKEN " (secret)\naccept:"
              " application/json\nauthorization: Basic dXNlcjpwYXNz\n"
              "--\nHEAD " URL_LATEST " (secret)\n" ACCEPT "authorization: Bearer t\n"},
    {"the Secret itself", .with_secret = true, .answers = {BASIC, FOUND_MANIFEST},
     .outcome = IMAGE_FOUND,
     .asked = "HEAD " URL_LATEST "\n" ACCEPT "--\nHEAD " URL_LATEST " (secret)\n" ACCEPT
              "authorization: Basic dXNlcjpwYXNz\n"},
    {"the Secret is not sent where nobody asks", .with_secret = true, .answers = {FOUND_MANIFEST},
     .outcome = IMAGE_FOUND, .asked = "HEAD " URL_LATEST "\n" ACCEPT},
    {"a token rather than the Secret where both will do", .with_secret = true,
     .answers = {{.status = 401,
                  .headers = "www-authenticate: Basic realm=x, bEARER realm ="
                             " \"https://auth.example/t\\oken\"\n"}},
     .outcome = "ASKS MORE",
     .asked = "HEAD " URL_LATEST "\n" ACCEPT "--\nGET https://auth.example/token?scope="
              "repository%3Ateam%2Fmodel%3Apull (secret)\naccept: application/json\nauthorization:"
              " Basic dXNlcjpwYXNz\n"},
    {"no Secret where one is needed", .answers = {BASIC},
     .outcome = "FAILED denied: HEAD " URL_LATEST
                ": 401: name a Secret in spec.image.secretName, or"
                " see whether the URL is right"},
    {"a Secret that is not taken", .with_secret = true, .answers = {BASIC, BASIC},
     .outcome = "FAILED denied: HEAD " URL_LATEST ": 401: what the Secret of spec.image.secretName"
                " holds is not accepted"},
    {"a Secret that gets no token", .with_secret = true, .answers = {BEARER, {.status = 401}},
     .outcome = "FAILED denied: GET https://auth.example/token: 401: what the Secret of"
                " spec.image.secretName holds is not accepted"},
    {"a token that is not taken is not fetched again", .with_secret = true,
     .answers = {BEARER, TOKEN("{\"token\":\"t\"}"), BEARER},
     .outcome = "FAILED denied: HEAD " URL_LATEST ": 401: what the Secret of spec.image.secretName"
                " holds is not accepted"},
    {"nor one for everybody", .answers = {BEARER, TOKEN("{\"token\":\"t\"}"), BEARER},
     .outcome = "FAILED denied: HEAD " URL_LATEST
                ": 401: name a Secret in spec.image.secretName, or"
                " see whether the URL is right"},
    {"a token that has run out is fetched again", .semver = "1",
     .answers = {BEARER, TOKEN("{\"token\":\"one\"}"), PAGE("{\"tags\":[\"1.0.0\"]}"), BEARER,
                 TOKEN("{\"token\":\"two\"}"), FOUND_MANIFEST},
     .outcome = "FOUND 1.0.0@" DIGEST " | digest sha256:b094d1f8cea5 of"
                " registry.example/team/model:1.0.0 | image=registry.example/team/model@" DIGEST
                " digest=" DIGEST " tag=1.0.0 version=1.0.0"},
    {"a refusal", .with_secret = true, .answers = {BASIC, {.status = 403}},
     .outcome = "FAILED denied: HEAD " URL_LATEST ": 403: what the Secret of spec.image.secretName"
                " holds is not accepted"},
    {"a challenge that nobody knows", .with_secret = true,
     .answers = {{.status = 401,
                  .headers = "www-authenticate: Negotiate abc==, Digest realm=\"r\"\n"}},
     .outcome = "FAILED denied: HEAD " URL_LATEST
                ": 401: name a Secret in spec.image.secretName, or"
                " see whether the URL is right"},
    {"a 401 without a challenge", .answers = {{.status = 401}},
     .outcome = "FAILED denied: HEAD " URL_LATEST
                ": 401: name a Secret in spec.image.secretName, or"
                " see whether the URL is right"},
    {"no realm",
     .answers = {{.status = 401, .headers = "www-authenticate: Bearer service=\"x\"\n"}},
     .outcome = "FAILED invalid: spec.image.repository: the registry asks for a token and does not"
                " say where to get it"},
    {"a realm that is cut off",
     .answers = {{.status = 401, .headers = "www-authenticate: Bearer realm=\"https://a\n"}},
     .outcome = "FAILED invalid: spec.image.repository: the registry asks for a token and does not"
                " say where to get it"},
    {"a realm without TLS", .with_secret = true,
     .answers = {{.status = 401,
                  .headers = "www-authenticate: Bearer realm=\"http://auth.example/token\"\n"}},
     .outcome = "FAILED invalid: spec.image.repository: the registry's tokens come from"
                " http://auth.example, without TLS"},
    {"a realm that is no URL",
     .answers = {{.status = 401,
                  .headers = "www-authenticate: Bearer realm=\"file:///etc/passwd\"\n"}},
     .outcome = "FAILED invalid: spec.image.repository: where the registry's tokens come from: does"
                " not begin with https:// or http://"},
    {"a realm with a user",
     .answers = {{.status = 401,
                  .headers = "www-authenticate: Bearer realm=\"https://auth.example@evil/\"\n"}},
     .outcome =
         "FAILED invalid: spec.image.repository: where the registry's tokens come from: has a"
         " user before \"@\": put user and password into the Secret"},
    {"a token that would break out of its header",
     .answers = {BEARER, TOKEN("{\"token\":\"a\\r\\nx: y\"}")},
     .outcome =
         "FAILED invalid: spec.image.repository: what answers for the registry's tokens gives"
         " none"},
    {"a token with a space", .answers = {BEARER, TOKEN("{\"token\":\"a b\"}")},
     .outcome =
         "FAILED invalid: spec.image.repository: what answers for the registry's tokens gives"
         " none"},
    {"an empty token", .answers = {BEARER, TOKEN("{\"token\":\"\"}")},
     .outcome =
         "FAILED invalid: spec.image.repository: what answers for the registry's tokens gives"
         " none"},
    {"a page instead of a token", .answers = {BEARER, TOKEN("<html>")},
     .outcome =
         "FAILED invalid: spec.image.repository: what answers for the registry's tokens gives"
         " none"},
    {"an ill server of tokens", .answers = {BEARER, {.status = 502}},
     .outcome = "FAILED unavailable: GET https://auth.example/token: 502: the server can't answer"
                " now"},
};

static void the_secret_is_sent_only_where_it_is_asked_for(void **state)
{
    (void)state;
    play_rows(authorization_rows, COUNT_OF(authorization_rows));
}

#define VERSION_FOUND(tag, version)                                                             \
    "FOUND " tag "@" DIGEST " | digest sha256:b094d1f8cea5 of registry.example/team/model:" tag \
    " | image=registry.example/team/model@" DIGEST " digest=" DIGEST " tag=" tag                \
    " version=" version
#define NEXT_OF(last) "</v2/team/model/tags/list?last=" last "&n=3>; rel=\"next\""

static const struct row version_rows[] = {
    {"the highest of the list", .semver = ">=1",
     .answers = {PAGE("{\"name\":\"team/model\",\"tags\":[\"1.0.0\",\"1.1.0_build.5\",\"1.2\","
                      "\"1.2.0-rc.1\",\"3.11-slim\",\"latest\",\"v1.0.1\"]}\n"),
                 FOUND_MANIFEST},
     .outcome = VERSION_FOUND("1.1.0_build.5", "1.1.0+build.5"),
     .asked = "GET " URL_TAGS "\naccept: application/json\n"
              "--\nHEAD https://registry.example/v2/team/model/manifests/1.1.0_build.5\n" ACCEPT},
    {"of pages", .semver = "1.x",
     .answers = {PAGE_LINK("{\"tags\":[\"1.0.0\",\"v1.9.0\"]}", NEXT_OF("a")),
                 PAGE_LINK("{\"tags\":[\"1.2.0\",\"1.2.0\"]}",
                           "<?last=b&n=3>; a=\"x,y\"; rel=next"),
                 PAGE_LINK("{\"tags\":[\"2.0.0\"]}", "</v2/x>; rel=\"prev\""), FOUND_MANIFEST},
     .outcome = VERSION_FOUND("v1.9.0", "1.9.0"),
     .asked = "GET " URL_TAGS "\naccept: application/json\n"
              "--\nGET https://registry.example/v2/team/model/tags/list?last=a&n=3\naccept: "
              "application/json\n"
              "--\nGET https://registry.example/v2/team/model/tags/list?last=b&n=3\naccept: "
              "application/json\n"
              "--\nHEAD https://registry.example/v2/team/model/manifests/v1.9.0\n" ACCEPT},
    {"another link before it", .semver = "1",
     .answers = {PAGE_LINK(
                     "{\"tags\":[\"1.0.0\"]}",
                     "</v2/>; rel=first, <https://registry.example/v2/team/model/tags/list?n=1>;"
                     " rel=\"next\""),
                 PAGE("{\"tags\":[]}"), FOUND_MANIFEST},
     .outcome = VERSION_FOUND("1.0.0", "1.0.0")},
    {"a version that two tags have", .semver = "1",
     .answers = {PAGE_LINK("{\"tags\":[\"1.0.0_b\",\"v1.0.0\"]}", NEXT_OF("a")),
                 PAGE("{\"tags\":[\"1.0.0\"]}"), FOUND_MANIFEST},
     .outcome = VERSION_FOUND("v1.0.0", "1.0.0")},
    {"the same in another order", .semver = "1",
     .answers = {PAGE_LINK("{\"tags\":[\"1.0.0\"]}", NEXT_OF("a")),
                 PAGE("{\"tags\":[\"v1.0.0\",\"1.0.0_b\"]}"), FOUND_MANIFEST},
     .outcome = VERSION_FOUND("v1.0.0", "1.0.0")},
    {"a pre-release of an earlier page", .semver = ">=1.0.0-0",
     .answers = {PAGE_LINK("{\"tags\":[\"1.0.0-rc.10\"]}", NEXT_OF("a")),
                 PAGE("{\"tags\":[\"1.0.0-rc.9\"]}"), FOUND_MANIFEST},
     .outcome = VERSION_FOUND("1.0.0-rc.10", "1.0.0-rc.10")},
    {"no version in the range", .semver = ">9",
     .answers = {PAGE("{\"tags\":[\"1.0.0\",\"latest\"]}")},
     .outcome = "ABSENT none of 2 tags of registry.example/team/model is a version in >9"},
    {"an empty repository", .semver = "*", .answers = {PAGE("{\"name\":\"x\",\"tags\":null}")},
     .outcome = "ABSENT none of 0 tags of registry.example/team/model is a version in *"},
    {"no tags at all", .semver = "*", .answers = {PAGE("{}")},
     .outcome = "ABSENT none of 0 tags of registry.example/team/model is a version in *"},
    {"what is no tag is passed over", .semver = "*",
     .answers = {PAGE("{\"tags\":[1,{},\"9.9.9/../../x\",\"\\n\",\"1.0.0\",\"9.9.9+b\"]}"),
                 FOUND_MANIFEST},
     .outcome = VERSION_FOUND("1.0.0", "1.0.0")},
    {"a tag that went meanwhile", .semver = "*",
     .answers = {PAGE("{\"tags\":[\"1.0.0\"]}"), {.status = 404}, UNKNOWN_TAG},
     .outcome = "ABSENT registry.example/team/model has no tag 1.0.0"},
    {"no such repository", .semver = "*", .answers = {{.status = 404}},
     .outcome =
         "FAILED not-found: GET https://registry.example/v2/team/model/tags/list: 404: nothing"
         " is there, or not for everybody: see spec.image.repository and"
         " spec.image.secretName"},
    {"a page for people", .semver = "*", .answers = {PAGE("<html>")},
     .outcome = "FAILED invalid: the registry's list of tags is no JSON object"},
    {"a page that is cut off", .semver = "*", .answers = {PAGE("{\"tags\":[\"1.0.0\"")},
     .outcome = "FAILED invalid: the registry's list of tags is no JSON object"},
    {"tags that are no array", .semver = "*", .answers = {PAGE("{\"tags\":\"1.0.0\"}")},
     .outcome = "FAILED invalid: the registry's list of tags is no array"},
    {"tags with a gap", .semver = "*", .answers = {PAGE("{\"tags\":[\"1.0.0\" \"2.0.0\"]}")},
     .outcome = "FAILED invalid: the registry's list of tags is broken"},
    {"a page that links to itself", .semver = "*",
     .answers = {PAGE_LINK("{\"tags\":[\"1.0.0\"]}", "<?n=1000>; rel=next")},
     .outcome = "FAILED invalid: the registry's list of tags has a page that links to itself"},
    {"a link to another host", .semver = "*",
     .answers = {PAGE_LINK("{\"tags\":[]}", "<https://evil.example/v2/team/model/tags/list?n=1>;"
                                            " rel=next")},
     .outcome =
         "FAILED invalid: the registry's list of tags goes on at another place: only pages of"
         " the same one are read"},
    {"a link to another repository", .semver = "*",
     .answers = {PAGE_LINK("{\"tags\":[]}", "</v2/other/tags/list?n=1>; rel=next")},
     .outcome =
         "FAILED invalid: the registry's list of tags goes on at another place: only pages of"
         " the same one are read"},
    {"a link without TLS", .semver = "*",
     .answers = {PAGE_LINK("{\"tags\":[]}", "<http://registry.example/v2/team/model/tags/list?n=1>;"
                                            " rel=next")},
     .outcome =
         "FAILED invalid: the registry's list of tags goes on at another place: only pages of"
         " the same one are read"},
    {"a link that is no URL", .semver = "*",
     .answers = {PAGE_LINK("{\"tags\":[]}", "<a b>; rel=next")},
     .outcome =
         "FAILED invalid: the link to the next page of tags: has a character that stands in no"
         " URL: write it as %XX"},
    {"a link that is cut off is none", .semver = "*",
     .answers = {PAGE_LINK("{\"tags\":[\"1.0.0\"]}", "</v2/team; rel=next"), FOUND_MANIFEST},
     .outcome = VERSION_FOUND("1.0.0", "1.0.0")},
};

static void a_version_is_the_highest_of_all_pages(void **state)
{
    (void)state;
    play_rows(version_rows, COUNT_OF(version_rows));
}

static void pages_that_never_end_are_left(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct talk_answer *answers = arena_array(&arena, struct talk_answer, SOURCE_REQUESTS_LIMIT);
    for (size_t at = 0; at < SOURCE_REQUESTS_LIMIT; at++) {
        struct talk_answer page = PAGE_LINK("{\"tags\":[\"1.0.0\"]}", "<?n=1>; rel=next");
        page.headers = at % 2 == 0 ? page.headers : JSON_TYPE "link: <?n=2>; rel=next\n";
        answers[at] = page;
    }
    struct trigger trigger = {
        .spec.image = {.repository = "registry.example/team/model", .semver = "*"}};
    struct talk_record record = talk_play(&arena, &trigger, NULL, answers, SOURCE_REQUESTS_LIMIT);
    assert_string_equal(record.outcome, "FAILED limit: no end after 1100 requests");
    arena_free(&arena);
}

static const struct {
    const char *text;
    const char *base_url; /* NULL: refused */
    const char *name;     /* or the message */
} repository_rows[] = {
    {"registry.example/team/model", "https://registry.example", "team/model"},
    {"Registry.Example:5000/a", "https://registry.example:5000", "a"},
    {"registry:5000/a", "https://registry:5000", "a"},
    {"localhost/a", "https://localhost", "a"},
    {"[2001:db8::1]:5000/a", "https://[2001:db8::1]:5000", "a"},
    {"http://registry/a__b-c--d.e/f_g", "http://registry", "a__b-c--d.e/f_g"},
    {"https://registry.team.svc/a", "https://registry.team.svc", "a"},
    {"python", NULL,
     "\"python\" names no registry: write HOST/NAME, for example "
     "registry-1.docker.io/library/python"},
    {"library/python", NULL,
     "\"library/python\" names no registry: write HOST/NAME, for example "
     "registry-1.docker.io/library/python"},
    {"docker.io/library/python", NULL,
     "\"docker.io/library/python\" is no registry's address: write registry-1.docker.io/NAME, "
     "and"
     " library/ before the name of an official image"},
    {"https://index.docker.io/v1", NULL,
     "\"https://index.docker.io/v1\" is no registry's address: write registry-1.docker.io/NAME,"
     " and library/ before the name of an official image"},
    {"a.example/b:1", NULL,
     "\"a.example/b:1\" has a tag or digest: write the tag into spec.image.tag"},
    {"a.example/b@sha256:x", NULL,
     "\"a.example/b@sha256:x\" has a tag or digest: write the tag into spec.image.tag"},
    {"a.example/", NULL,
     "\"a.example/\" is no repository: write HOST/NAME, the name in lower case"},
    {"a.example/B", NULL,
     "\"a.example/B\" is no repository: write HOST/NAME, the name in lower case"},
    {"a.example/b/", NULL,
     "\"a.example/b/\" is no repository: write HOST/NAME, the name in lower case"},
    {"a.example/b_-c", NULL,
     "\"a.example/b_-c\" is no repository: write HOST/NAME, the name in lower case"},
    {"a.example/b___c", NULL,
     "\"a.example/b___c\" is no repository: write HOST/NAME, the name in lower case"},
    {"a.example/b?c", NULL,
     "\"a.example/b?c\" is no repository: write HOST/NAME, the name in lower case"},
    {"a.example/b%2fc", NULL,
     "\"a.example/b%2fc\" is no repository: write HOST/NAME, the name in lower case"},
    {"a.example/../c", NULL,
     "\"a.example/../c\": has \".\" or \"..\" in its path: write where that leads"},
    {"u:p@a.example/b", NULL,
     "\"u:p@a.example/b\": has a user before \"@\": put user and password into the Secret"},
    {"oci://a.example/b", NULL, "\"oci://a.example/b\": does not begin with https:// or http://"},
};

static void a_repository_has_a_host(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(repository_rows); at++) {
        struct arena arena = {0};
        struct image_repository repository = {0};
        struct error error = {0};
        struct result result = image_repository_parse(&arena, repository_rows[at].text, &repository,
                                                      &error);
        if (result_is_ok(result) != (repository_rows[at].base_url != NULL)) {
            fail_msg("%s: %s", repository_rows[at].text, error.message);
        }
        if (result_is_ok(result)) {
            assert_string_equal(repository.base_url, repository_rows[at].base_url);
            assert_string_equal(repository.name, repository_rows[at].name);
            assert_string_equal(repository.reference,
                                arena_print(&arena, "%s/%s",
                                            strstr(repository_rows[at].base_url, "://") + 3,
                                            repository_rows[at].name));
        } else {
            assert_string_equal(error.message, repository_rows[at].name);
        }
        arena_free(&arena);
    }
}

static void a_spec_that_can_t_be_asked_is_refused_by_its_field(void **state)
{
    (void)state;
    static const struct name_value no_password[] = {{"username", "u"}, {"token", "t"}};
    static const struct source_secret half = {no_password, COUNT_OF(no_password)};
    static const struct {
        struct image_source image;
        const struct source_secret *secret;
        const char *message;
    } rows[] = {
        {{.repository = "python", .tag = "a"},
         NULL,
         "spec.image.repository: \"python\" names no registry: write HOST/NAME, for example"
         " registry-1.docker.io/library/python"},
        {{.repository = "a.example/b"}, NULL, "spec.image: write one of tag and semver"},
        {{.repository = "a.example/b", .tag = "a", .semver = "1"},
         NULL,
         "spec.image: write one of tag and semver"},
        {{.repository = "a.example/b", .tag = "a/b"}, NULL, "spec.image.tag: \"a/b\" is no tag"},
        {{.repository = "a.example/b", .tag = ""}, NULL, "spec.image.tag: \"\" is no tag"},
        {{.repository = "a.example/b", .tag = ".."}, NULL, "spec.image.tag: \"..\" is no tag"},
        {{.repository = "a.example/b", .semver = "=>1"},
         NULL,
         "spec.image.semver: column 1: no such comparison: write one of =, !=, >, >=, <, <=, ~ and"
         " ^"},
        {{.repository = "a.example/b", .tag = "a"},
         &half,
         "spec.image.secretName: the Secret needs the keys username and password"},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct arena arena = {0};
        struct trigger trigger = {.spec.image = rows[at].image};
        struct talk_record record = talk_play(&arena, &trigger, rows[at].secret, NULL, 0);
        assert_string_equal(record.outcome, arena_print(&arena, "REFUSED %s", rows[at].message));
        arena_free(&arena);
    }
    struct trigger nothing = {0};
    struct arena arena = {0};
    assert_string_equal(talk_play(&arena, &nothing, NULL, NULL, 0).outcome,
                        "REFUSED spec: there is no source that can be polled");
    arena_free(&arena);
}

static void a_digest_has_all_its_digits(void **state)
{
    (void)state;
    assert_true(image_is_digest(DIGEST));
    static const char *const rows[] = {
        "",
        "sha256:",
        "sha256:abc",
        "md5:d41d8cd98f00b204e9800998ecf8427e",
        DIGEST "0",
        "sha256:B094d1f8cea5dfd345b28d01b08bd1aecb98a77003ffa2b2c867a15324346a05",
        "sha512:b094d1f8cea5dfd345b28d01b08bd1aecb98a77003ffa2b2c867a15324346a05",
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        assert_false(image_is_digest(rows[at]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tag_is_the_digest_that_the_registry_says),
        cmocka_unit_test(the_secret_is_sent_only_where_it_is_asked_for),
        cmocka_unit_test(a_version_is_the_highest_of_all_pages),
        cmocka_unit_test(pages_that_never_end_are_left),
        cmocka_unit_test(a_repository_has_a_host),
        cmocka_unit_test(a_spec_that_can_t_be_asked_is_refused_by_its_field),
        cmocka_unit_test(a_digest_has_all_its_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
