#include "support/test.h"

#include "core/text.h"
#include "support/source_talk.h"

#include <string.h>

enum { ANSWERS = 2, SECRETS = 3 };

struct row {
    const char *sentence;
    struct talk_answer answers[ANSWERS];
    const char *outcome;
};

#define ANSWER(code, lines, text)                             \
    {                                                         \
        .status = (code), .headers = (lines), TALK_BODY(text) \
    }
#define PLACE "https://data.example/a.csv"
#define ABC   "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define LATE  "Wed, 21 Oct 2015 07:28:00 GMT"

static const struct row rows[] = {
    {"an ETag is the revision, without the document",
     {ANSWER(200, "etag: \"3f2a\"\nlast-modified: " LATE "\ncontent-length: 12", "")},
     "FOUND etag:\"3f2a\" | etag:?3f2a? of " PLACE " | etag=\"3f2a\" last-modified=" LATE
     " content-length=12"},
    {"a weak ETag is kept as it is",
     {ANSWER(200, "etag: W/\"3f2a\"", "")},
     "FOUND etag:W/\"3f2a\" | etag:W/?3f2a? of " PLACE " | etag=W/\"3f2a\""},
    {"else it is Last-Modified",
     {ANSWER(200, "last-modified: " LATE, "")},
     "FOUND modified:" LATE " | modified:" LATE " of " PLACE " | last-modified=" LATE},
    {"without either the document is fetched",
     {ANSWER(200, "content-length: 3", ""), ANSWER(200, NULL, "abc")},
     "FOUND sha256:" ABC " | sha256:" ABC " of " PLACE " | digest=" ABC},
    {"an empty document has a digest too",
     {ANSWER(200, NULL, ""), ANSWER(200, NULL, "")},
     "FOUND sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 | "
     "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 of " PLACE
     " | digest=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"a server that only GET tells the ETag is asked by GET",
     {ANSWER(405, NULL, ""), ANSWER(200, "etag: \"x\"", "abc")},
     "FOUND etag:\"x\" | etag:?x? of " PLACE " | etag=\"x\" digest=" ABC},
    {"an address that is signed for GET answers 403 to HEAD",
     {ANSWER(403, NULL, ""), ANSWER(200, "etag: \"x\"", "abc")},
     "FOUND etag:\"x\" | etag:?x? of " PLACE " | etag=\"x\" digest=" ABC},
    {"501 to HEAD is asked by GET",
     {ANSWER(501, NULL, ""), ANSWER(200, NULL, "abc")},
     "FOUND sha256:" ABC " | sha256:" ABC " of " PLACE " | digest=" ABC},
    {"404 to HEAD is believed of GET alone",
     {ANSWER(404, NULL, ""), ANSWER(200, NULL, "abc")},
     "FOUND sha256:" ABC " | sha256:" ABC " of " PLACE " | digest=" ABC},
    {"204 to HEAD has no document's ETag",
     {ANSWER(204, "etag: \"of nothing\"", ""), ANSWER(200, NULL, "abc")},
     "FOUND sha256:" ABC " | sha256:" ABC " of " PLACE " | digest=" ABC},
    {"nothing there is no failure: it may come",
     {ANSWER(404, NULL, ""), ANSWER(404, NULL, "no such page")},
     "ABSENT there is nothing at " PLACE " (status 404)"},
    {"gone is nothing there",
     {ANSWER(410, NULL, ""), ANSWER(410, NULL, "")},
     "ABSENT there is nothing at " PLACE " (status 410)"},
    {"an empty ETag is none",
     {ANSWER(200, "etag: ", ""), ANSWER(200, NULL, "abc")},
     "FOUND sha256:" ABC " | sha256:" ABC " of " PLACE " | digest=" ABC},
    {"an ETag that can't be shown is none",
     {ANSWER(200, "etag: \"\x01\xFF\"", ""), ANSWER(200, NULL, "abc")},
     "FOUND sha256:" ABC " | sha256:" ABC " of " PLACE " | digest=" ABC},
    {"a 304 was not asked for",
     {ANSWER(304, NULL, "")},
     "FAILED invalid: HEAD " PLACE ": 304: it moved to somewhere else: redirects aren't followed, "
     "write the new place into spec.http.url"},
    {"a redirect is not followed, and its query not told",
     {ANSWER(302, "location: https://login.example/in?token=s3cr3t", "")},
     "FAILED invalid: HEAD " PLACE ": 302: it moved to https://login.example/in: redirects aren't "
     "followed, write the new place into spec.http.url"},
    {"401 to both wants a Secret",
     {ANSWER(401, NULL, ""), ANSWER(401, NULL, "")},
     "FAILED denied: GET " PLACE
     ": 401: name a Secret in spec.http.secretName, or see whether the URL is right"},
    {"400 to GET is no answer",
     {ANSWER(400, NULL, ""), ANSWER(400, NULL, "")},
     "FAILED invalid: GET " PLACE ": 400: that is no answer to this: see spec.http.url"},
    {"a busy server is not asked twice",
     {ANSWER(429, NULL, "")},
     "FAILED unavailable: HEAD " PLACE ": 429: too many requests for it now"},
    {"a broken server is not asked twice",
     {ANSWER(503, NULL, "")},
     "FAILED unavailable: HEAD " PLACE ": 503: the server can't answer now"},
    {"a server that breaks at GET is unavailable",
     {ANSWER(200, NULL, ""), ANSWER(500, NULL, "")},
     "FAILED unavailable: GET " PLACE ": 500: the server can't answer now"},
    {"206 is a part of it",
     {ANSWER(200, NULL, ""), ANSWER(206, "etag: \"x\"", "ab")},
     "FAILED invalid: GET " PLACE ": 206: that is no answer to this: see spec.http.url"},
};

static size_t count_answers(const struct talk_answer *answers)
{
    size_t count = 0;
    while (count < ANSWERS && answers[count].status != 0) {
        count++;
    }
    return count;
}

static void a_document_s_answer_is_a_finding(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct arena arena = {0};
        const struct trigger trigger = {.spec.http.url = PLACE};
        struct talk_record record = talk_play(&arena, &trigger, NULL, rows[at].answers,
                                              count_answers(rows[at].answers));
        if (!text_equal(record.outcome, rows[at].outcome)) {
            fail_msg("%s:\n  got      %s\n  expected %s", rows[at].sentence, record.outcome,
                     rows[at].outcome);
        }
        arena_free(&arena);
    }
}

static void a_document_over_the_limit_says_what_to_do(void **state)
{
    (void)state;
    struct arena arena = {0};
    const struct trigger trigger = {.spec.http.url = PLACE};
    size_t size = (size_t)SOURCE_ANSWER_LIMIT + 1;
    const struct talk_answer answers[] = {
        ANSWER(200, NULL, ""),
        {.status = 200, .body = arena_allocate(&arena, 1, size), .body_size = size}};
    assert_string_equal(talk_play(&arena, &trigger, NULL, answers, 2).outcome,
                        "FAILED limit: GET " PLACE ": over 8388608 bytes, and it has neither ETag "
                        "nor Last-Modified: let the server send one of them");
    arena_free(&arena);
}

static void an_etag_too_long_for_a_status_is_kept_as_its_digest(void **state)
{
    (void)state;
    struct arena arena = {0};
    const struct trigger trigger = {.spec.http.url = PLACE};
    char line[SOURCE_REVISION_LIMIT + 16] = "etag: ";
    memset(line + strlen(line), 'x', SOURCE_REVISION_LIMIT);
    const struct talk_answer answer = {.status = 200, .headers = line};
    const char *outcome = talk_play(&arena, &trigger, NULL, &answer, 1).outcome;
    assert_true(text_starts_with(outcome, "FOUND etag-sha256:"));
    arena_free(&arena);
}

struct secret_row {
    const char *sentence;
    const char *url;
    struct name_value items[SECRETS];
    const char *outcome; /* the request, or the refusal */
};

static const struct secret_row secret_rows[] = {
    {"a token goes as Bearer",
     PLACE,
     {{"token", "t0ken"}},
     "HEAD " PLACE " (secret)\naccept: */*\nauthorization: Bearer t0ken\n"},
    {"user and password go as Basic",
     PLACE,
     {{"username", "Aladdin"}, {"password", "open sesame"}}, /* RFC 7617, section 2 */
     "HEAD " PLACE " (secret)\naccept: */*\nauthorization: Basic "
     "QWxhZGRpbjpvcGVuIHNlc2FtZQ==\n"},
    {"a token wins over them",
     PLACE,
     {{"username", "a"}, {"password", "b"}, {"token", "t"}},
     "HEAD " PLACE " (secret)\naccept: */*\nauthorization: Bearer t\n"},
    {"no path is the path /, and the query stays",
     "HTTPS://Data.Example?a=%20b",
     {{"token", "t"}},
     "HEAD https://data.example/?a=%20b (secret)\naccept: */*\nauthorization: Bearer t\n"},
    {"a Secret with other keys",
     PLACE,
     {{"key", "x"}},
     "REFUSED spec.http.secretName: the Secret needs the key token, or username and password"},
    {"a line break behind the token",
     PLACE,
     {{"token", "t\n"}},
     "REFUSED spec.http.secretName: the Secret's token has a character that is not printable, or a "
     "space, maybe a line break at its end: write it without"},
    {"a space in the token",
     PLACE,
     {{"token", "a b"}},
     "REFUSED spec.http.secretName: the Secret's token has a character that is not printable, or a "
     "space, maybe a line break at its end: write it without"},
    {"a user in the address",
     "https://me:pass@data.example/",
     {{"token", "t"}},
     "REFUSED spec.http.url: has a user before \"@\": put user and password into the Secret"},
    {"another scheme",
     "file:///etc/passwd",
     {{"token", "t"}},
     "REFUSED spec.http.url: does not begin with https:// or http://"},
};

static void the_secret_goes_into_one_header(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(secret_rows); at++) {
        const struct secret_row *row = &secret_rows[at];
        struct arena arena = {0};
        const struct trigger trigger = {.spec.http = {.url = row->url, .secret_name = "data"}};
        struct source_secret secret = {.items = row->items};
        while (secret.count < SECRETS && row->items[secret.count].name) {
            secret.count++;
        }
        struct talk_record record = talk_play(&arena, &trigger, &secret, NULL, 0);
        const char *got = record.asked[0] ? record.asked : record.outcome;
        if (!text_equal(got, row->outcome)) {
            fail_msg("%s:\n  got      %s\n  expected %s", row->sentence, got, row->outcome);
        }
        arena_free(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_document_s_answer_is_a_finding),
        cmocka_unit_test(a_document_over_the_limit_says_what_to_do),
        cmocka_unit_test(an_etag_too_long_for_a_status_is_kept_as_its_digest),
        cmocka_unit_test(the_secret_goes_into_one_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
