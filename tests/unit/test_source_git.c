#include "support/test.h"

#include "core/text.h"
#include "source/git_refs.h"
#include "source/pkt_line.h"
#include "support/source_talk.h"

#include <stdio.h>
#include <string.h>

/* What git-http-backend 2.39.5 said of small repositories, one of each format of objects. */

#define ADVERTISEMENT                   \
    "000eversion 2\n"                   \
    "0015agent=git/2.39.5\n"            \
    "0013ls-refs=unborn\n"              \
    "0020fetch=shallow wait-for-done\n" \
    "0012server-option\n"               \
    "0017object-format=sha1\n"          \
    "0010object-info\n"                 \
    "0000"
#define ADVERTISEMENT_SHA256            \
    "000eversion 2\n"                   \
    "0015agent=git/2.39.5\n"            \
    "0013ls-refs=unborn\n"              \
    "0020fetch=shallow wait-for-done\n" \
    "0012server-option\n"               \
    "0019object-format=sha256\n"        \
    "0010object-info\n"                 \
    "0000"
#define HEADS                                                            \
    "003d87b8f1522c5cd726bab3f46e7867d5e0478d019a refs/heads/main\n"     \
    "004187b8f1522c5cd726bab3f46e7867d5e0478d019a refs/heads/mainline\n" \
    "0000"
#define TAGS                                                                           \
    "004787b8f1522c5cd726bab3f46e7867d5e0478d019a refs/tags/data/2024-01-01\n"         \
    "003eb854899254d98a41ca909c787ffb8543ce33205b refs/tags/v1.0.0\n"                  \
    "006e30f6da3889d5af1448b80a051dae85e3ded6349b refs/tags/v1.1.0 peeled:b854899254d" \
    "98a41ca909c787ffb8543ce33205b\n"                                                  \
    "0073e41c10e67a9cf98e260b3da8f5018da61f35626d refs/tags/v1.2.0-rc.1 peeled:87b8f1" \
    "522c5cd726bab3f46e7867d5e0478d019a\n"                                             \
    "0000"
#define TAGS_SHA256                                                                    \
    "009e0204863aa70280357f298d3d9fe60381a3823ea065bde4b73531a2dc6e6b780e refs/tags/v" \
    "1.1.0 peeled:3b31400c2a786f29704e382f4eb30269bc55e3354198a5acc59dd164bf8d5fa0\n"  \
    "0000"
#define OLD                                                                            \
    "001e# service=git-upload-pack\n"                                                  \
    "0000010b87b8f1522c5cd726bab3f46e7867d5e0478d019a HEAD\0"                          \
    "multi_ack thin-pack side-band side-band-64k ofs-delta shallow deepen-since deepe" \
    "n-not deepen-relative no-progress include-tag multi_ack_detailed no-done symref=" \
    "HEAD:refs/heads/main object-format=sha1 agent=git/2.39.5\n"                       \
    "004287b8f1522c5cd726bab3f46e7867d5e0478d019a refs/heads/feature/x\n"              \
    "003d87b8f1522c5cd726bab3f46e7867d5e0478d019a refs/heads/main\n"                   \
    "004187b8f1522c5cd726bab3f46e7867d5e0478d019a refs/heads/mainline\n"               \
    "004787b8f1522c5cd726bab3f46e7867d5e0478d019a refs/tags/data/2024-01-01\n"         \
    "003eb854899254d98a41ca909c787ffb8543ce33205b refs/tags/v1.0.0\n"                  \
    "003e30f6da3889d5af1448b80a051dae85e3ded6349b refs/tags/v1.1.0\n"                  \
    "0041b854899254d98a41ca909c787ffb8543ce33205b refs/tags/v1.1.0^{}\n"               \
    "0043e41c10e67a9cf98e260b3da8f5018da61f35626d refs/tags/v1.2.0-rc.1\n"             \
    "004687b8f1522c5cd726bab3f46e7867d5e0478d019a refs/tags/v1.2.0-rc.1^{}\n"          \
    "0000"
#define OLD_EMPTY                     \
    "001e# service=git-upload-pack\n" \
    "00000000"

#define ADVERTISEMENT_TYPE "content-type: application/x-git-upload-pack-advertisement\n"
#define RESULT_TYPE        "content-type: application/x-git-upload-pack-result\n"
#define ADVERTISED(text)                                              \
    {                                                                 \
        .status = 200, .headers = ADVERTISEMENT_TYPE, TALK_BODY(text) \
    }
#define LISTED(text)                                           \
    {                                                          \
        .status = 200, .headers = RESULT_TYPE, TALK_BODY(text) \
    }

#define ONE_COMMIT "87b8f1522c5cd726bab3f46e7867d5e0478d019a"
#define ZEROES     "0000000000000000000000000000000000000000"

enum { ANSWERS = 3 };

struct row {
    const char *sentence;
    const char *branch;
    const char *tag;
    const char *semver;
    struct talk_answer answers[ANSWERS];
    const char *outcome;
};

static size_t count_answers(const struct talk_answer *answers)
{
    size_t count = 0;
    while (count < ANSWERS && answers[count].status != 0) {
        count++;
    }
    return count;
}

static void play_rows(const struct row *rows, size_t count)
{
    for (size_t at = 0; at < count; at++) {
        struct arena arena = {0};
        struct trigger trigger = {.spec.git = {.url = "https://git.example/a.git",
                                               .branch = rows[at].branch,
                                               .tag = rows[at].tag,
                                               .semver = rows[at].semver}};
        struct talk_record record = talk_play(&arena, &trigger, NULL, rows[at].answers,
                                              count_answers(rows[at].answers));
        if (!text_equal(record.outcome, rows[at].outcome)) {
            fail_msg("%s:\n  got      %s\n  expected %s", rows[at].sentence, record.outcome,
                     rows[at].outcome);
        }
        arena_free(&arena);
    }
}

static const struct row found_rows[] = {
    {"a branch", .branch = "main", .answers = {ADVERTISED(ADVERTISEMENT), LISTED(HEADS)},
     .outcome = "FOUND refs/heads/main@" ONE_COMMIT " | commit 87b8f15 of refs/heads/main |"
                " ref=refs/heads/main commit=" ONE_COMMIT " branch=main"},
    {"a branch of an old server", .branch = "main", .answers = {ADVERTISED(OLD)},
     .outcome = "FOUND refs/heads/main@" ONE_COMMIT " | commit 87b8f15 of refs/heads/main |"
                " ref=refs/heads/main commit=" ONE_COMMIT " branch=main"},
    {"a branch with a slash", .branch = "feature/x", .answers = {ADVERTISED(OLD)},
     .outcome = "FOUND refs/heads/feature/x@" ONE_COMMIT
                " | commit 87b8f15 of refs/heads/feature/x |"
                " ref=refs/heads/feature/x commit=" ONE_COMMIT " branch=feature/x"},
    {"a branch that is not there, but one that begins so is", .branch = "mai",
     .answers = {ADVERTISED(ADVERTISEMENT), LISTED(HEADS)},
     .outcome = "ABSENT the repository has no refs/heads/mai"},
    {"an empty repository", .branch = "main",
     .answers = {ADVERTISED(ADVERTISEMENT), LISTED("0000")},
     .outcome = "ABSENT the repository has no refs/heads/main"},
    {"an empty repository of an old server", .branch = "main", .answers = {ADVERTISED(OLD_EMPTY)},
     .outcome = "ABSENT the repository has no refs/heads/main"},
    {"an empty repository that says what the server can", .branch = "main",
     .answers = {ADVERTISED("001e# service=git-upload-pack\n00000045" ZEROES
                            " capabilities^{}\0agent=x\n0000")},
     .outcome = "ABSENT the repository has no refs/heads/main"},
    {"a tag that is a commit", .tag = "v1.0.0",
     .answers = {ADVERTISED(ADVERTISEMENT), LISTED(TAGS)},
     .outcome = "FOUND refs/tags/v1.0.0@b854899254d98a41ca909c787ffb8543ce33205b |"
                " commit b854899 of refs/tags/v1.0.0 | ref=refs/tags/v1.0.0"
                " commit=b854899254d98a41ca909c787ffb8543ce33205b tag=v1.0.0"},
    {"an annotated tag is what it points at", .tag = "v1.1.0",
     .answers = {ADVERTISED(ADVERTISEMENT), LISTED(TAGS)},
     .outcome = "FOUND refs/tags/v1.1.0@b854899254d98a41ca909c787ffb8543ce33205b |"
                " commit b854899 of refs/tags/v1.1.0 | ref=refs/tags/v1.1.0"
                " commit=b854899254d98a41ca909c787ffb8543ce33205b tag=v1.1.0"},
    {"an annotated tag of an old server", .tag = "v1.1.0", .answers = {ADVERTISED(OLD)},
     .outcome = "FOUND refs/tags/v1.1.0@b854899254d98a41ca909c787ffb8543ce33205b |"
                " commit b854899 of refs/tags/v1.1.0 | ref=refs/tags/v1.1.0"
                " commit=b854899254d98a41ca909c787ffb8543ce33205b tag=v1.1.0"},
    {"objects named by SHA-256", .tag = "v1.1.0",
     .answers = {ADVERTISED(ADVERTISEMENT_SHA256), LISTED(TAGS_SHA256)},
     .outcome =
         "FOUND refs/tags/v1.1.0@3b31400c2a786f29704e382f4eb30269bc55e3354198a5acc59dd164bf8d5fa0 |"
         " commit 3b31400 of refs/tags/v1.1.0 | ref=refs/tags/v1.1.0"
         " commit=3b31400c2a786f29704e382f4eb30269bc55e3354198a5acc59dd164bf8d5fa0 tag=v1.1.0"},
    {"the highest version", .semver = ">=1", .answers = {ADVERTISED(ADVERTISEMENT), LISTED(TAGS)},
     .outcome = "FOUND refs/tags/v1.1.0@b854899254d98a41ca909c787ffb8543ce33205b |"
                " commit b854899 of refs/tags/v1.1.0 | ref=refs/tags/v1.1.0"
                " commit=b854899254d98a41ca909c787ffb8543ce33205b tag=v1.1.0 version=1.1.0"},
    {"a pre-release that is asked for", .semver = ">=1.2.0-0", .answers = {ADVERTISED(OLD)},
     .outcome = "FOUND refs/tags/v1.2.0-rc.1@" ONE_COMMIT " | commit 87b8f15 of"
                " refs/tags/v1.2.0-rc.1 | ref=refs/tags/v1.2.0-rc.1 commit=" ONE_COMMIT
                " tag=v1.2.0-rc.1 version=1.2.0-rc.1"},
    {"no version in the range", .semver = ">=2",
     .answers = {ADVERTISED(ADVERTISEMENT), LISTED(TAGS)},
     .outcome = "ABSENT none of 4 tags is a version in >=2"},
    {"tags that match a pattern", .tag = "v*", .answers = {ADVERTISED(ADVERTISEMENT), LISTED(TAGS)},
     .outcome =
         "FOUND refs/tags/v*@42d2679a28159198121944400279f373cba8cd8eee32bafe5c282a452779441d |"
         " tags that match refs/tags/v*: 3, the last by name is commit 87b8f15 of"
         " refs/tags/v1.2.0-rc.1 | ref=refs/tags/v1.2.0-rc.1 commit=" ONE_COMMIT
         " tag=v1.2.0-rc.1"},
    {"the same of an old server", .tag = "v*", .answers = {ADVERTISED(OLD)},
     .outcome =
         "FOUND refs/tags/v*@42d2679a28159198121944400279f373cba8cd8eee32bafe5c282a452779441d |"
         " tags that match refs/tags/v*: 3, the last by name is commit 87b8f15 of"
         " refs/tags/v1.2.0-rc.1 | ref=refs/tags/v1.2.0-rc.1 commit=" ONE_COMMIT
         " tag=v1.2.0-rc.1"},
    {"no tag matches", .tag = "v*-final", .answers = {ADVERTISED(OLD)},
     .outcome = "ABSENT no tag matches refs/tags/v*-final"},
    {"protocol 2 behind a line that names the service", .branch = "main",
     .answers = {ADVERTISED("001e# service=git-upload-pack\n0000" ADVERTISEMENT), LISTED(HEADS)},
     .outcome = "FOUND refs/heads/main@" ONE_COMMIT " | commit 87b8f15 of refs/heads/main |"
                " ref=refs/heads/main commit=" ONE_COMMIT " branch=main"},
    {"attributes that nobody knows", .branch = "main",
     .answers = {ADVERTISED(ADVERTISEMENT),
                 LISTED("0054" ONE_COMMIT " refs/heads/main symref-target:refs/x y\n0000")},
     .outcome = "FOUND refs/heads/main@" ONE_COMMIT " | commit 87b8f15 of refs/heads/main |"
                " ref=refs/heads/main commit=" ONE_COMMIT " branch=main"},
    {"a name beyond ASCII is written in ASCII in the revision", .branch = "m\xC3\xA4in",
     .answers = {ADVERTISED(ADVERTISEMENT),
                 LISTED("003e" ONE_COMMIT " refs/heads/m\xC3\xA4in\n0000")},
     .outcome = "FOUND refs/heads/m%C3%A4in@" ONE_COMMIT " | commit 87b8f15 of"
                " refs/heads/m%C3%A4in | ref=refs/heads/m\xC3\xA4in commit=" ONE_COMMIT
                " branch=m\xC3\xA4in"},
};

static void a_repository_s_answer_is_a_finding(void **state)
{
    (void)state;
    play_rows(found_rows, COUNT_OF(found_rows));
}

#define BROKEN    "FAILED invalid: the server's list of refs is broken at byte "
#define NO_LENGTH ": no length of a line"
#define NO_NAME   ": a line that does not begin with an object's name"

static const struct row hostile_rows[] = {
    {"a page for people", .branch = "main",
     .answers = {{.status = 200,
                  .headers = "content-type: text/html; charset=utf-8\n",
                  TALK_BODY("<html>")}},
     .outcome =
         "FAILED invalid: spec.git.url: no Git server over smart HTTP answers there: expected"
         " the type application/x-git-upload-pack-advertisement, got \"text/html;"
         " charset=utf-8\""},
    {"no type, and one of control characters", .branch = "main",
     .answers = {ADVERTISED(ADVERTISEMENT), {.status = 200, .headers = "content-type: a\x01\"b\n"}},
     .outcome =
         "FAILED invalid: spec.git.url: no Git server over smart HTTP answers there: expected"
         " the type application/x-git-upload-pack-result, got \"a??b\""},
    {"a redirect is not followed", .branch = "main",
     .answers = {{.status = 301,
                  .headers = "location: https://other.example/b.git/info/refs?t=1\n"}},
     .outcome = "FAILED invalid: GET https://git.example/a.git/info/refs: 301: it moved to"
                " https://other.example/b.git/info/refs: redirects aren't followed, write the new"
                " place into spec.git.url"},
    {"a redirect to nowhere", .branch = "main",
     .answers = {{.status = 302, .headers = "location: javascript:alert(1)\n"}},
     .outcome =
         "FAILED invalid: GET https://git.example/a.git/info/refs: 302: it moved to somewhere"
         " else: redirects aren't followed, write the new place into spec.git.url"},
    {"not there", .branch = "main", .answers = {{.status = 404}},
     .outcome =
         "FAILED not-found: GET https://git.example/a.git/info/refs: 404: nothing is there, or"
         " not for everybody: see spec.git.url and spec.git.secretName"},
    {"no Secret where one is needed", .branch = "main",
     .answers = {{.status = 401, .headers = "www-authenticate: Basic realm=\"git\"\n"}},
     .outcome = "FAILED denied: GET https://git.example/a.git/info/refs: 401: name a Secret in"
                " spec.git.secretName, or see whether the URL is right"},
    {"too many requests", .branch = "main", .answers = {{.status = 429}},
     .outcome =
         "FAILED unavailable: GET https://git.example/a.git/info/refs: 429: too many requests"
         " for it now"},
    {"an ill server", .branch = "main", .answers = {ADVERTISED(ADVERTISEMENT), {.status = 503}},
     .outcome =
         "FAILED unavailable: POST https://git.example/a.git/git-upload-pack: 503: the server"
         " can't answer now"},
    {"a status of no meaning here", .branch = "main", .answers = {{.status = 204}},
     .outcome = "FAILED invalid: GET https://git.example/a.git/info/refs: 204: that is no answer to"
                " this: see spec.git.url"},
    {"nothing", .branch = "main", .answers = {ADVERTISED("")},
     .outcome = BROKEN "0: it ends too early"},
    {"half a length", .branch = "main", .answers = {ADVERTISED("000")},
     .outcome = BROKEN "0" NO_LENGTH},
    {"no hexadecimal digits", .branch = "main", .answers = {ADVERTISED("00-1version 2\n0000")},
     .outcome = BROKEN "0" NO_LENGTH},
    {"a length of three", .branch = "main", .answers = {ADVERTISED("0003version 2\n0000")},
     .outcome = BROKEN "0" NO_LENGTH},
    {"a length beyond the end", .branch = "main", .answers = {ADVERTISED("000fversion 2\n")},
     .outcome = BROKEN "0" NO_LENGTH},
    {"a length over what Git writes", .branch = "main", .answers = {ADVERTISED("ffffversion 2\n")},
     .outcome = BROKEN "0" NO_LENGTH},
    {"a section's end instead of a line", .branch = "main", .answers = {ADVERTISED("0001")},
     .outcome = BROKEN "4" NO_LENGTH},
    {"another service", .branch = "main",
     .answers = {ADVERTISED("001f# service=git-receive-pack\n0000")},
     .outcome = BROKEN "31: another service than git-upload-pack"},
    {"capabilities that are cut off", .branch = "main",
     .answers = {ADVERTISED("000eversion 2\n0013ls-refs=unborn\n")},
     .outcome = BROKEN "33: it ends too early"},
    {"a server that can't list refs", .branch = "main",
     .answers = {ADVERTISED("000eversion 2\n000cls-refsx0000")},
     .outcome = BROKEN "30: the server can't do ls-refs"},
    {"a format of objects that is new", .branch = "main",
     .answers = {ADVERTISED("000eversion 2\n0017object-format=sha3\n0000")},
     .outcome = "FAILED invalid: the repository names its objects by \"sha3\": only sha1 and sha256"
                " are known"},
    {"an error in Git's own words", .branch = "main",
     .answers = {ADVERTISED("001cERR no\x1b[31m such \"repo\"\n")},
     .outcome = "FAILED invalid: the Git server says: \"no?[31m such ?repo?\""},
    {"an error later", .branch = "main",
     .answers = {ADVERTISED(ADVERTISEMENT), LISTED("000cERR slow0000")},
     .outcome = "FAILED invalid: the Git server says: \"slow\""},
    {"a list that is cut off", .branch = "main",
     .answers = {ADVERTISED(ADVERTISEMENT),
                 LISTED("003d87b8f1522c5cd726bab3f46e7867d5e0478d019a refs/heads/main\n")},
     .outcome = BROKEN "61: it ends too early"},
    {"a line that is cut off", .branch = "main",
     .answers = {ADVERTISED(ADVERTISEMENT), LISTED("003d87b8f1522c5cd7")},
     .outcome = BROKEN "0" NO_LENGTH},
    {"a line without a hash", .branch = "main",
     .answers = {ADVERTISED(ADVERTISEMENT), LISTED("0014refs/heads/main\n0000")},
     .outcome = BROKEN "20" NO_NAME},
    {"a hash with capitals", .branch = "main",
     .answers = {ADVERTISED(ADVERTISEMENT),
                 LISTED("003d87B8F1522C5CD726BAB3F46E7867D5E0478D019A refs/heads/main\n0000")},
     .outcome = BROKEN "61" NO_NAME},
    {"a hash of the other format", .tag = "v1.1.0",
     .answers = {ADVERTISED(ADVERTISEMENT), LISTED(TAGS_SHA256)}, .outcome = BROKEN "158" NO_NAME},
    {"a name with a line feed", .branch = "main",
     .answers = {ADVERTISED(ADVERTISEMENT),
                 LISTED("003f87b8f1522c5cd726bab3f46e7867d5e0478d019a refs/heads/ma\nin\n\n0000")},
     .outcome = BROKEN "63: a name that no ref has"},
    {"a name with a NUL", .branch = "main",
     .answers = {ADVERTISED(ADVERTISEMENT),
                 LISTED("003f87b8f1522c5cd726bab3f46e7867d5e0478d019a refs/heads/main\0x\n0000")},
     .outcome = BROKEN "63: a name that no ref has"},
    {"a name with a space", .branch = "main",
     .answers = {ADVERTISED("003e" ONE_COMMIT " refs/heads/a b\0x\n0000")},
     .outcome = BROKEN "62: a name that no ref has"},
    {"an empty name", .branch = "main",
     .answers = {ADVERTISED(ADVERTISEMENT), LISTED("0030" ONE_COMMIT "  x\n0000")},
     .outcome = BROKEN "48: a name that no ref has"},
    {"names that can't be said are passed over", .tag = "*",
     .answers = {ADVERTISED(ADVERTISEMENT), LISTED("003a" ONE_COMMIT " refs/tags/\xFF\xFE\n0000")},
     .outcome = "ABSENT no tag matches refs/tags/*"},
    {"a peeled hash that is none is not taken", .tag = "a",
     .answers = {ADVERTISED(ADVERTISEMENT),
                 LISTED("0043" ONE_COMMIT " refs/tags/a peeled:zz\n0000")},
     .outcome = "FOUND refs/tags/a@" ONE_COMMIT " | commit 87b8f15 of refs/tags/a |"
                " ref=refs/tags/a commit=" ONE_COMMIT " tag=a"},
    {"of a name that comes twice the first counts", .branch = "main",
     .answers = {ADVERTISED(ADVERTISEMENT), LISTED("003d" ONE_COMMIT " refs/heads/main\n003d" ZEROES
                                                   " refs/heads/main\n0000")},
     .outcome = "FOUND refs/heads/main@" ONE_COMMIT " | commit 87b8f15 of refs/heads/main |"
                " ref=refs/heads/main commit=" ONE_COMMIT " branch=main"},
    {"what an old server peels of another tag is not taken", .tag = "a",
     .answers = {ADVERTISED("003c" ONE_COMMIT " refs/tags/a\0 x\n003c" ZEROES
                            " refs/tags/b^{}\n0000")},
     .outcome = "FOUND refs/tags/a@" ONE_COMMIT " | commit 87b8f15 of refs/tags/a |"
                " ref=refs/tags/a commit=" ONE_COMMIT " tag=a"},
};

static void what_is_no_answer_of_git_is_an_error_that_says_so(void **state)
{
    (void)state;
    play_rows(hostile_rows, COUNT_OF(hostile_rows));
}

static void a_line_is_no_longer_than_git_writes_it(void **state)
{
    (void)state;
    enum { LONGEST = 65516, BODY_SIZE = 70000 };
    static const struct {
        const char *length;
        size_t size;
        enum pkt_type type;
    } rows[] = {{"fff0", LONGEST, PKT_DATA}, {"FFF0", LONGEST, PKT_DATA}, {"fff1", 0, PKT_BROKEN}};
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct arena arena = {0};
        char *body = arena_allocate(&arena, BODY_SIZE, 1);
        memset(body, 'a', BODY_SIZE);
        memcpy(body, rows[at].length, strlen(rows[at].length));
        struct pkt_reader reader = {.bytes = body, .size = BODY_SIZE};
        const char *line = NULL;
        size_t size = 0;
        assert_int_equal(pkt_next(&reader, &line, &size), rows[at].type);
        assert_int_equal(size, rows[at].size);
        arena_free(&arena);
    }
    struct arena arena = {0};
    char *text = arena_allocate(&arena, LONGEST + 2, 1);
    memset(text, 'a', LONGEST);
    assert_true(text_starts_with(pkt_print(&arena, text), "fff0aaa"));
    text[LONGEST] = 'a';
    assert_null(pkt_print(&arena, text));
    arena_free(&arena);
}

static void only_what_may_matter_is_asked_for(void **state)
{
    (void)state;
    static const struct talk_answer answers[] = {ADVERTISED(ADVERTISEMENT), LISTED("0000")};
    static const struct {
        const char *tag;
        const char *semver;
        const char *prefix;
    } rows[] = {
        {"data/*-final", NULL, "001fref-prefix refs/tags/data/\n"},
        {"v1", NULL, "001cref-prefix refs/tags/v1\n"},
        {NULL, "1.x", "001aref-prefix refs/tags/\n"},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct arena arena = {0};
        struct trigger trigger = {.spec.git = {.url = "https://Git.example:443/a.git//",
                                               .tag = rows[at].tag,
                                               .semver = rows[at].semver}};
        struct talk_record record = talk_play(&arena, &trigger, NULL, answers, COUNT_OF(answers));
        assert_string_equal(
            record.asked,
            arena_print(&arena,
                        "GET https://git.example:443/a.git/info/refs?service=git-upload-pack\n"
                        "git-protocol: version=2\n"
                        "--\n"
                        "POST https://git.example:443/a.git/git-upload-pack\n"
                        "git-protocol: version=2\n"
                        "content-type: application/x-git-upload-pack-request\n"
                        "accept: application/x-git-upload-pack-result\n"
                        "\n"
                        "0014command=ls-refs\n0017object-format=sha1\n00010009peel\n%s0000\n",
                        rows[at].prefix));
        arena_free(&arena);
    }
}

static void a_repository_of_sha_256_is_asked_in_its_format(void **state)
{
    (void)state;
    static const struct talk_answer answers[] = {ADVERTISED(ADVERTISEMENT_SHA256), LISTED("0000")};
    struct arena arena = {0};
    struct trigger trigger = {.spec.git = {.url = "http://git/a", .branch = "main"}};
    struct talk_record record = talk_play(&arena, &trigger, NULL, answers, COUNT_OF(answers));
    assert_non_null(strstr(record.asked, "\n0019object-format=sha256\n0001"));
    assert_string_equal(record.outcome, "ABSENT the repository has no refs/heads/main");
    arena_free(&arena);
}

static void the_secret_goes_along_with_each_request(void **state)
{
    (void)state;
    static const struct talk_answer answers[] = {ADVERTISED(ADVERTISEMENT), {.status = 403}};
    static const struct {
        struct name_value items[3];
        const char *authorization; /* NULL: refused */
        const char *message;
    } rows[] = {
        {{{"username", "me"}, {"password", "it"}}, "Basic bWU6aXQ=", NULL},
        {{{"token", "t"}}, "Basic Z2l0OnQ=", NULL},
        {{{"username", "oauth2"}, {"token", "t"}}, "Basic b2F1dGgyOnQ=", NULL},
        {{{"username", "me"}, {"password", "it"}, {"token", "t"}}, "Basic bWU6dA==", NULL},
        {{{"password", "it"}},
         NULL,
         "spec.git.secretName: the Secret needs the keys username and password, or token"},
        {{{"username", "me"}, {"password", ""}},
         NULL,
         "spec.git.secretName: the Secret needs the keys username and password, or token"},
        {{{"user", "me"}},
         NULL,
         "spec.git.secretName: the Secret needs the keys username and password, or token"},
        {{{"token", "t\n"}},
         NULL,
         "spec.git.secretName: the Secret's token has a control character in it, maybe a line break"
         " at its end: write it without"},
        {{{"username", "a:b"}, {"password", "it"}},
         NULL,
         "spec.git.secretName: the Secret's username has a \":\" in it"},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct arena arena = {0};
        struct trigger trigger = {.spec.git = {.url = "https://git.example/a", .branch = "main"}};
        struct source_secret secret = {rows[at].items, COUNT_OF(rows[at].items)};
        struct talk_record record = talk_play(&arena, &trigger, &secret, answers,
                                              COUNT_OF(answers));
        if (!rows[at].authorization) {
            assert_string_equal(record.outcome,
                                arena_print(&arena, "REFUSED %s", rows[at].message));
            arena_free(&arena);
            continue;
        }
        const char *head = arena_print(&arena,
                                       " (secret)\ngit-protocol: version=2\nauthorization: %s\n",
                                       rows[at].authorization);
        const char *first = strstr(record.asked, head);
        assert_non_null(first);
        assert_non_null(strstr(first + 1, head));
        assert_string_equal(record.outcome,
                            "FAILED denied: POST https://git.example/a/git-upload-pack: 403: what"
                            " the Secret of spec.git.secretName holds is not accepted");
        arena_free(&arena);
    }
}

static void a_spec_that_can_t_be_asked_is_refused_by_its_field(void **state)
{
    (void)state;
    static const struct {
        struct git_source git;
        const char *message;
    } rows[] = {
        {{.url = "git@host:a.git", .branch = "m"},
         "spec.git.url: does not begin with https:// or http://"},
        {{.url = "https://u:p@host/a", .branch = "m"},
         "spec.git.url: has a user before \"@\": put user and password into the Secret"},
        {{.url = "https://host/a?b", .branch = "m"},
         "spec.git.url: has a \"?\": write the URL to clone by"},
        {{.url = "https://host/a"}, "spec.git: write one of branch, tag and semver, not 0"},
        {{.url = "https://host/a", .branch = "m", .tag = "t"},
         "spec.git: write one of branch, tag and semver, not 2"},
        {{.url = "https://host/a", .branch = "a*"},
         "spec.git.branch: \"a*\" has a * in it: only tag takes a pattern"},
        {{.url = "https://host/a", .branch = "a b"},
         "spec.git.branch: \"a b\" has a character that no ref's name has"},
        {{.url = "https://host/a", .branch = "a\n0000"},
         "spec.git.branch: \"a?0000\" has a character that no ref's name has"},
        {{.url = "https://host/a", .branch = "refs/heads/a"},
         "spec.git.branch: \"refs/heads/a\" is a whole ref: write what comes behind refs/heads/ or"
         " refs/tags/"},
        {{.url = "https://host/a", .branch = ""},
         "spec.git.branch: \"\" is no ref's name (git check-ref-format)"},
        {{.url = "https://host/a", .tag = "a//b"},
         "spec.git.tag: \"a//b\" is no ref's name (git check-ref-format)"},
        {{.url = "https://host/a", .tag = "a..b"},
         "spec.git.tag: \"a..b\" is no ref's name (git check-ref-format)"},
        {{.url = "https://host/a", .tag = "\xFF"}, "spec.git.tag: \"?\" is too long, or not UTF-8"},
        {{.url = "https://host/a", .semver = ">=x1"},
         "spec.git.semver: column 3: \"x1\" is no version: write 1.2.3, 1.2.3-rc.1, 1.2, 1.x or *"},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct arena arena = {0};
        struct trigger trigger = {.spec.git = rows[at].git};
        struct talk_record record = talk_play(&arena, &trigger, NULL, NULL, 0);
        assert_string_equal(record.outcome, arena_print(&arena, "REFUSED %s", rows[at].message));
        arena_free(&arena);
    }
    char wide[GIT_NAME_LIMIT + 1] = {0};
    memset(wide, 'a', GIT_NAME_LIMIT);
    struct arena arena = {0};
    struct trigger trigger = {.spec.git = {.url = "https://host/a", .branch = wide}};
    struct talk_record record = talk_play(&arena, &trigger, NULL, NULL, 0);
    assert_true(text_ends_with(record.outcome, "aaa\" is too long, or not UTF-8"));
    arena_free(&arena);
}

/* A list of tags, each at the same commit, as ls-refs gives it. */
static struct talk_record play_tags(struct arena *arena, const struct git_source *source,
                                    const char *tags)
{
    char *body = arena_copy_text(arena, "");
    char *rest = arena_copy_text(arena, tags);
    for (char *tag = strtok_r(rest, " ", &rest); tag; tag = strtok_r(NULL, " ", &rest)) {
        const char *line = arena_print(arena, ONE_COMMIT " refs/tags/%s\n", tag);
        body = arena_print(arena, "%s%04zx%s", body, strlen(line) + 4, line);
    }
    body = arena_print(arena, "%s0000", body);
    struct talk_answer answers[] = {
        ADVERTISED(ADVERTISEMENT),
        {.status = 200, .headers = RESULT_TYPE, .body = body, .body_size = strlen(body)}};
    struct trigger trigger = {.spec.git = *source};
    trigger.spec.git.url = "https://git.example/a";
    return talk_play(arena, &trigger, NULL, answers, COUNT_OF(answers));
}

static void the_last_tag_by_name_counts_numbers_by_value(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        const char *tags;
        const char *last; /* NULL: none matches */
    } rows[] = {
        {"*", "data-9 data-10 data-2", "data-10"},
        {"*", "2024-01-31 2023-12-31 2024-02-01", "2024-02-01"},
        {"*", "a-009 a-10", "a-10"},
        {"*", "a-9 a-09", "a-9"},
        {"*", "a-18446744073709551616 a-2", "a-18446744073709551616"},
        {"*", "b a aa", "b"},
        {"*", "a a1", "a1"},
        {"a*", "b a aa", "aa"},
        {"*a", "ba ab", "ba"},
        {"a*b*c", "abc axbyc ac acb abcd a/b/c", "axbyc"},
        {"a*bc*c", "abc", NULL},
        {"a*a", "a", NULL},
        {"a**a", "aa", "aa"},
        {"data/*", "data/1 data2 xdata/3", "data/1"},
        {"a.c*", "abc a.c", "a.c"},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct arena arena = {0};
        struct git_source source = {.tag = rows[at].pattern};
        struct talk_record record = play_tags(&arena, &source, rows[at].tags);
        const char *end = rows[at].last ? arena_print(&arena, " tag=%s", rows[at].last)
                                        : arena_print(&arena, "ABSENT no tag matches refs/tags/%s",
                                                      rows[at].pattern);
        if (!text_ends_with(record.outcome, end)) {
            fail_msg("%s of %s: %s", rows[at].pattern, rows[at].tags, record.outcome);
        }
        arena_free(&arena);
    }
}

static void a_pattern_s_revision_depends_on_the_tags_and_not_on_their_order(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct git_source any = {.tag = "*"};
    const char *one = play_tags(&arena, &any, "a b c").outcome;
    assert_string_equal(one, play_tags(&arena, &any, "c a b").outcome);
    assert_string_not_equal(one, play_tags(&arena, &any, "a c").outcome);
    assert_string_not_equal(one, play_tags(&arena, &any, "a b c d").outcome);
    arena_free(&arena);
}

static void the_highest_version_is_the_same_in_any_order(void **state)
{
    (void)state;
    static const char *const orders[] = {"1.0 1.0.0 v1.0.0 v0.9.0", "v1.0.0 v0.9.0 1.0.0 1.0"};
    for (size_t at = 0; at < COUNT_OF(orders); at++) {
        struct arena arena = {0};
        struct git_source source = {.semver = "*"};
        struct talk_record record = play_tags(&arena, &source, orders[at]);
        assert_true(text_ends_with(record.outcome, " tag=v1.0.0 version=1.0.0"));
        arena_free(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_repository_s_answer_is_a_finding),
        cmocka_unit_test(what_is_no_answer_of_git_is_an_error_that_says_so),
        cmocka_unit_test(a_line_is_no_longer_than_git_writes_it),
        cmocka_unit_test(only_what_may_matter_is_asked_for),
        cmocka_unit_test(a_repository_of_sha_256_is_asked_in_its_format),
        cmocka_unit_test(the_secret_goes_along_with_each_request),
        cmocka_unit_test(a_spec_that_can_t_be_asked_is_refused_by_its_field),
        cmocka_unit_test(the_last_tag_by_name_counts_numbers_by_value),
        cmocka_unit_test(a_pattern_s_revision_depends_on_the_tags_and_not_on_their_order),
        cmocka_unit_test(the_highest_version_is_the_same_in_any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
