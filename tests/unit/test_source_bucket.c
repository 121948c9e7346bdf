/* Buckets as sources: what a listing says, and how its pages are asked for (source/bucket.c). */

#include "support/test.h"

#include "core/text.h"
#include "source/bucket_list.h"
#include "support/source_talk.h"
#include "unit/test_source_bucket_fixture.h"

#include <stdio.h>
#include <string.h>

enum { ANSWERS = 3 };

#define PAGE(code, text)                  \
    {                                     \
        .status = (code), TALK_BODY(text) \
    }
#define WHOLE "<IsTruncated>false</IsTruncated>"
#define OTHER OBJECT("other/x.csv", "2026-02-01T00:00:00.000Z", "&quot;4d&quot;", "40")
#define REFUSAL(code, message)                                                                  \
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>" code "</Code><Message>" message \
    "</Message><RequestId>1</RequestId></Error>"

static struct talk_record play(struct arena *arena, const char *prefix, const char *pattern,
                               const struct talk_answer *answers)
{
    const struct trigger trigger = {.spec.bucket = {.endpoint = PLACE,
                                                    .bucket = "data",
                                                    .prefix = prefix,
                                                    .pattern = pattern,
                                                    .region = "us-east-1"}};
    size_t count = 0;
    while (count < ANSWERS && answers[count].status != 0) {
        count++;
    }
    return talk_play(arena, &trigger, NULL, answers, count);
}

struct row {
    const char *sentence;
    const char *pattern;
    struct talk_answer answers[ANSWERS];
    const char *outcome; /* without the revision of what is found, and without what is new in it */
};

static const struct row rows[] = {
    {"one object",
     NULL,
     {PAGE(200, HEAD WHOLE A TAIL)},
     "1 object below data/data/, the newest is data/a.csv | count=1 newest=data/a.csv "
     "objects=data/a.csv newest-etag=\"1a\" newest-time=2026-01-01T00:00:00Z"},
    {"newest first, whatever the order",
     NULL,
     {PAGE(200, HEAD A B C WHOLE TAIL)},
     "3 objects below data/data/, the newest is data/b.csv | count=3 newest=data/b.csv "
     "objects=data/b.csv\ndata/a.csv\ndata/deep/c.csv "
     "newest-etag=\"2b\" newest-time=2026-01-02T00:00:00Z"},
    {"only what fits the pattern counts",
     "*.csv",
     {PAGE(200, HEAD WHOLE A C TAIL)},
     "1 object below data/data/, the newest is data/a.csv | count=1 newest=data/a.csv "
     "objects=data/a.csv newest-etag=\"1a\" newest-time=2026-01-01T00:00:00Z"},
    {"a server that does not know prefixes tells nothing new",
     NULL,
     {PAGE(200, HEAD WHOLE A OTHER TAIL)},
     "1 object below data/data/, the newest is data/a.csv | count=1 newest=data/a.csv "
     "objects=data/a.csv newest-etag=\"1a\" newest-time=2026-01-01T00:00:00Z"},
    {"pages are one listing",
     NULL,
     {PAGE(200, HEAD "<IsTruncated>true</IsTruncated><NextContinuationToken>a+/=</"
                     "NextContinuationToken>" A TAIL),
      PAGE(200, HEAD B TAIL)},
     "2 objects below data/data/, the newest is data/b.csv | count=2 newest=data/b.csv "
     "objects=data/b.csv\ndata/a.csv newest-etag=\"2b\" newest-time=2026-01-02T00:00:00Z"},
    {"keys are unescaped when the server says that they are escaped, before or after them",
     NULL,
     {PAGE(200, HEAD OBJECT("data/a+b%2Bc%C3%A4", "2026-01-01T00:00:00Z", "e",
                            "1") "<EncodingType>url</EncodingType>" TAIL)},
     "1 object below data/data/, the newest is data/a b+c?? | count=1 "
     "newest=data/a b+c\xC3\xA4 objects=data/a b+c\xC3\xA4 "
     "newest-etag=e newest-time=2026-01-01T00:00:00Z"},
    {"and else are as they stand",
     NULL,
     {PAGE(200, HEAD OBJECT("data/a+b%2Bc", "2026-01-01T00:00:00Z", "e", "1") TAIL)},
     "1 object below data/data/, the newest is data/a+b%2Bc | count=1 newest=data/a+b%2Bc "
     "objects=data/a+b%2Bc newest-etag=e newest-time=2026-01-01T00:00:00Z"},
    {"entities and CDATA are text",
     NULL,
     {PAGE(200, HEAD OBJECT("data/a&amp;b<![CDATA[<c>]]>&#x64;", "2026-01-01T00:00:00Z", "e", "1")
                    TAIL)},
     "1 object below data/data/, the newest is data/a&b<c>d | count=1 newest=data/a&b<c>d "
     "objects=data/a&b<c>d newest-etag=e newest-time=2026-01-01T00:00:00Z"},
    {"a namespace's prefix is no part of a name",
     NULL,
     {PAGE(200, "<s3:ListBucketResult xmlns:s3=\"x\"><s3:Contents><s3:Key>data/a</s3:Key>"
                "</s3:Contents></s3:ListBucketResult>")},
     "1 object below data/data/, the newest is data/a | count=1 newest=data/a "
     "objects=data/a"},
    {"a key with a line break counts and is not named",
     NULL,
     {PAGE(200, HEAD OBJECT("data/a&#10;data/b", "2026-01-01T00:00:00Z", "e", "1") TAIL)},
     "1 object below data/data/ | count=1"},
};

static void a_listing_is_a_finding(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct arena arena = {0};
        struct talk_record record = play(&arena, "data/", rows[at].pattern, rows[at].answers);
        const char *bar = strchr(record.outcome, '|');
        const char *news = strstr(record.outcome, " new-count=");
        bool is_found = text_starts_with(record.outcome, "FOUND sha256:") && bar && news;
        if (!is_found || !text_equal(arena_copy_bytes(&arena, bar + 2, (size_t)(news - bar - 2)),
                                     rows[at].outcome)) {
            fail_msg("%s:\n  got      %s\n  expected %s", rows[at].sentence, record.outcome,
                     rows[at].outcome);
        }
        arena_free(&arena);
    }
}

static const struct row refusal_rows[] = {
    {"an empty listing", NULL, {PAGE(200, HEAD WHOLE TAIL)}, "ABSENT no object below data/data/"},
    {"nothing that fits the pattern",
     "*.parquet",
     {PAGE(200, HEAD WHOLE A B TAIL)},
     "ABSENT no object below data/data/ fits the pattern"},
    {"an answer without a body",
     NULL,
     {PAGE(200, "")},
     "FAILED invalid: GET " PLACE "/data: the answer is empty"},
    {"a page of another server",
     NULL,
     {PAGE(200, "<html><body>hello</body></html>")},
     "FAILED invalid: GET " PLACE
     "/data: the answer is no listing of S3: see spec.bucket.endpoint"},
    {"JSON",
     NULL,
     {PAGE(200, "{\"Contents\":[]}")},
     "FAILED invalid: GET " PLACE "/data: not XML: line 1: not well-formed (invalid token)"},
    {"a listing that was cut off",
     NULL,
     {PAGE(200, HEAD A)},
     "FAILED invalid: GET " PLACE "/data: not XML: line 2: no element found"},
    {"a document type, as for a billion laughs",
     NULL,
     {PAGE(200, "<!DOCTYPE l [<!ENTITY a \"ha\">]><ListBucketResult>&a;</ListBucketResult>")},
     "FAILED invalid: GET " PLACE
     "/data: the XML is refused: line 1: it has a document type, which "
     "no S3 server sends"},
    {"elements in elements without end",
     NULL,
     {PAGE(200, "<ListBucketResult><a><a><a><a><a><a><a><a>")},
     "FAILED limit: GET " PLACE
     "/data: the XML is refused: line 1: elements stand in elements more "
     "than 8 deep"},
    {"an object without a key",
     NULL,
     {PAGE(200, HEAD "<Contents><Size>1</Size></Contents>" TAIL)},
     "FAILED invalid: GET " PLACE
     "/data: the listing has an object without a key, or with one over "
     "1024 bytes"},
    {"more without a way to it",
     NULL,
     {PAGE(200, HEAD "<IsTruncated>true</IsTruncated>" TAIL)},
     "FAILED invalid: GET " PLACE "/data: the listing is cut and has no token to go on"},
    {"a token that leads to itself",
     NULL,
     {PAGE(200, HEAD "<IsTruncated>true</IsTruncated><NextContinuationToken>t</"
                     "NextContinuationToken>" TAIL),
      PAGE(200, HEAD "<IsTruncated>true</IsTruncated><NextContinuationToken>t</"
                     "NextContinuationToken>" TAIL)},
     "FAILED invalid: GET " PLACE "/data: the listing goes round in a circle"},
    {"no such bucket",
     NULL,
     {PAGE(404, REFUSAL("NoSuchBucket", "The bucket does not exist"))},
     "FAILED not-found: GET " PLACE "/data: 404 NoSuchBucket (The bucket does not exist): there is "
     "no such bucket: see spec.bucket.bucket and endpoint"},
    {"a key that is not known",
     NULL,
     {PAGE(403, REFUSAL("InvalidAccessKeyId", "Unknown key"))},
     "FAILED denied: GET " PLACE "/data: 403 InvalidAccessKeyId (Unknown key): the server does not "
     "know the accessKey in the Secret"},
    {"a clock that is wrong",
     NULL,
     {PAGE(403, REFUSAL("RequestTimeTooSkewed", "Too far"))},
     "FAILED denied: GET " PLACE
     "/data: 403 RequestTimeTooSkewed (Too far): the controller's clock "
     "and the server's are far apart"},
    {"another region",
     NULL,
     {PAGE(301, REFUSAL("PermanentRedirect", "Use another endpoint"))},
     "FAILED invalid: GET " PLACE "/data: 301 PermanentRedirect (Use another endpoint): the bucket "
     "is elsewhere: see spec.bucket.region and endpoint"},
    {"a code that nobody knows",
     NULL,
     {PAGE(400, REFUSAL("New", "a\nb"))},
     "FAILED invalid: GET " PLACE "/data: 400 New (a?b)"},
    {"a server that is busy",
     NULL,
     {PAGE(503, REFUSAL("SlowDown", "Reduce your rate"))},
     "FAILED unavailable: GET " PLACE "/data: 503 SlowDown (Reduce your rate)"},
    {"a proxy without a word",
     NULL,
     {PAGE(502, "<html>bad gateway")},
     "FAILED unavailable: GET " PLACE "/data: 502: the server can't answer now"},
    {"401 without a body",
     NULL,
     {PAGE(401, "")},
     "FAILED denied: GET " PLACE "/data: 401: name a Secret in spec.bucket.secretName, or see "
     "whether the URL is right"},
};

static void what_is_no_listing_is_an_error_that_says_so(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(refusal_rows); at++) {
        const struct row *row = &refusal_rows[at];
        struct arena arena = {0};
        const char *outcome = play(&arena, "data/", row->pattern, row->answers).outcome;
        if (!text_equal(outcome, row->outcome)) {
            fail_msg("%s:\n  got      %s\n  expected %s", row->sentence, outcome, row->outcome);
        }
        arena_free(&arena);
    }
}

static const char *revision_of(struct arena *arena, const char *body)
{
    const struct talk_answer answers[ANSWERS] = {
        {.status = 200, .body = body, .body_size = strlen(body)}};
    const char *outcome = play(arena, NULL, NULL, answers).outcome;
    return arena_copy_bytes(arena, outcome, strcspn(outcome, "|"));
}

static void the_revision_is_of_keys_etags_and_sizes_in_any_order(void **state)
{
    (void)state;
    struct arena arena = {0};
    static const char *const others[] = {
        HEAD A B TAIL,
        HEAD A B C A TAIL,
        HEAD A B OBJECT("data/deep/d.csv", "", "&quot;3c&quot;", "30") TAIL,
        HEAD A B OBJECT("data/deep/c.csv", "", "&quot;3d&quot;", "30") TAIL,
        HEAD A B OBJECT("data/deep/c.csv", "", "&quot;3c&quot;", "31") TAIL,
        HEAD A B OBJECT("data/deep/c.csv 4", "", "&quot;3c&quot;", "30") TAIL,
    };
    const char *one = revision_of(&arena, HEAD A B C TAIL);
    /* Summed by Python's integers. */
    assert_string_equal(
        one, "FOUND sha256:5bffeda796a097f4782a072afb8f1be4b8fe390e6cff57635f6d6b4236a724a8 ");
    assert_string_equal(one, revision_of(&arena, HEAD C A B TAIL));
    assert_string_equal(one, revision_of(&arena, HEAD A B OBJECT("data/deep/c.csv", "2031-01-01",
                                                                 "&quot;3c&quot;", "30") TAIL));
    assert_string_not_equal(revision_of(&arena, HEAD OBJECT("ab", "", "c", "1") TAIL),
                            revision_of(&arena, HEAD OBJECT("a", "", "bc", "1") TAIL));
    assert_string_not_equal(revision_of(&arena, HEAD OBJECT("a", "2026-01-01", "", "1") TAIL),
                            revision_of(&arena, HEAD OBJECT("a", "2026-01-02", "", "1") TAIL));
    for (size_t at = 0; at < COUNT_OF(others); at++) {
        assert_string_not_equal(one, revision_of(&arena, others[at]));
    }
    arena_free(&arena);
}

/* Pages of 1,000 objects, the times going up or down. */
static const char *make_page(struct arena *arena, size_t first, bool upwards)
{
    enum { OBJECTS = 1000, OBJECT_SIZE = 256 };
    char *page = arena_allocate(arena, OBJECTS + 4, OBJECT_SIZE);
    size_t used = (size_t)sprintf(page, "%s", HEAD);
    for (size_t at = first; at < first + OBJECTS; at++) {
        used += (size_t)sprintf(
            page + used,
            "<Contents><Key>k%06zu</Key><LastModified>2026-01-%02zuT%02zu:%02zu:"
            "%02zuZ</LastModified><ETag>e</ETag><Size>1</Size></Contents>",
            at, 1 + (upwards ? at : 99999 - at) / 86400 % 28,
            (upwards ? at : 99999 - at) / 3600 % 24, (upwards ? at : 99999 - at) / 60 % 60,
            (upwards ? at : 99999 - at) % 60);
    }
    (void)sprintf(page + used, "%s", TAIL);
    return page;
}

static void memory_does_not_grow_with_the_number_of_objects(void **state)
{
    (void)state;
    enum { PAGES = 50, ALLOWED = 64 * 1024 };
    for (int upwards = 0; upwards < 2; upwards++) {
        struct arena arena = {0};
        struct arena pages = {0};
        struct bucket_listing *listing = arena_new(&arena, struct bucket_listing);
        struct name_value values[BUCKET_VALUES];
        const char *token = NULL;
        listing->prefix = "";
        size_t before = arena.used;
        for (size_t at = 0; at < PAGES; at++) {
            const char *page = make_page(&pages, at * 1000, upwards == 1);
            assert_true(
                result_is_ok(bucket_read_page(&arena, listing, page, strlen(page), &token, NULL)));
            arena_reset(&pages);
        }
        assert_int_equal(listing->count, PAGES * 1000);
        assert_true(arena.used - before < ALLOWED);
        assert_int_equal(listing->newest.count, BUCKET_NEWEST);
        assert_int_equal(bucket_values(&arena, listing, values), BUCKET_VALUES);
        assert_string_equal(values[1].value, upwards == 1 ? "k049999" : "k000000");
        arena_free(&pages);
        arena_free(&arena);
    }
}

static void the_newest_keys_are_as_many_as_fit(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct bucket_listing *listing = arena_new(&arena, struct bucket_listing);
    struct name_value values[BUCKET_VALUES];
    char body[16 * 1024] = HEAD;
    char key[1000];
    const char *token = NULL;
    listing->prefix = "";
    memset(key, 'k', sizeof(key));
    for (int at = 0; at < 9; at++) {
        (void)sprintf(body + strlen(body), "<Contents><Key>%d%.999s</Key></Contents>", at, key);
    }
    (void)strcat(body, TAIL);
    assert_true(result_is_ok(bucket_read_page(&arena, listing, body, strlen(body), &token, NULL)));
    assert_int_equal(bucket_values(&arena, listing, values), 6);
    assert_string_equal(values[2].name, "objects");
    assert_int_equal(strlen(values[2].value), 4 * 1000 + 3);
    arena_free(&arena);
}

static void a_page_is_asked_for_with_a_signature_over_what_is_sent(void **state)
{
    (void)state;
    struct arena arena = {0};
    const struct name_value items[] = {{"accessKey", "AKIAIOSFODNN7EXAMPLE"},
                                       {"secretKey", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"},
                                       {"sessionToken", "sess"}};
    const struct source_secret secret = {items, 3};
    const struct trigger trigger = {.spec.bucket = {.endpoint = "https://S3.example:443/",
                                                    .bucket = "my-data",
                                                    .prefix = "a b/\xC3\xA4",
                                                    .region = "eu-west-1",
                                                    .secret_name = "s3"}};
    const struct talk_answer first = PAGE(
        200, HEAD "<IsTruncated>true</IsTruncated><NextContinuationToken>x/+=</"
                  "NextContinuationToken>" TAIL);
    struct talk_record record = talk_play(&arena, &trigger, &secret, &first, 1);
    const char *second = strstr(record.asked, "--\n");
    assert_non_null(second);
    assert_true(text_starts_with(
        record.asked,
        "GET https://s3.example/my-data?encoding-type=url&list-type=2&max-keys=1000&prefix="
        "a%20b%2F%C3%A4 (secret)\n"
        "x-amz-content-sha256: "
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"
        "x-amz-date: 20231114T221320Z\n"
        "x-amz-security-token: sess\n"
        "authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20231114/eu-west-1/s3/"
        "aws4_request,SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token,"
        "Signature="));
    assert_true(text_starts_with(second,
                                 "--\nGET https://s3.example/my-data?continuation-token=x%2F%2B%3D&"
                                 "encoding-type=url&list-type=2&max-keys=1000&prefix="
                                 "a%20b%2F%C3%A4 (secret)\n"));
    assert_null(strstr(record.asked, "wJalr"));
    arena_free(&arena);
}

static void an_address_that_is_too_long_is_not_asked_for(void **state)
{
    (void)state;
    struct arena arena = {0};
    char prefix[1024 + 1];
    char token[2048 + 2];
    memset(prefix, '/', sizeof(prefix) - 1);
    memset(token, 't', sizeof(token) - 1);
    prefix[1024] = '\0';
    for (int size = 256; size <= 2049; size = size == 256 ? 2048 : size + 1) {
        token[size] = '\0';
        const char *body = arena_print(&arena,
                                       HEAD
                                       "<IsTruncated>true</IsTruncated>"
                                       "<NextContinuationToken>%s</NextContinuationToken>" TAIL,
                                       token);
        const struct talk_answer answers[ANSWERS] = {
            {.status = 200, .body = body, .body_size = strlen(body)}};
        const char *outcome = play(&arena, prefix, NULL, answers).outcome;
        assert_string_equal(outcome, size == 256 ? "ASKS MORE"
                                     : size == 2048
                                         ? "FAILED limit: spec.bucket.prefix: with it the address "
                                           "of a page is longer than 4096 bytes"
                                         : "FAILED limit: GET " PLACE
                                           "/data: the listing's token is longer than 2048 bytes");
        memset(token, 't', sizeof(token) - 1);
    }
    arena_free(&arena);
}

static void without_a_secret_nothing_is_signed(void **state)
{
    (void)state;
    struct arena arena = {0};
    const struct trigger trigger = {
        .spec.bucket = {.endpoint = "http://minio:9000", .bucket = "open", .region = "x"}};
    assert_string_equal(talk_play(&arena, &trigger, NULL, NULL, 0).asked,
                        "GET http://minio:9000/open?encoding-type=url&list-type=2&max-keys=1000\n");
    arena_free(&arena);
}

struct spec_row {
    struct bucket_source spec;
    struct name_value items[2];
    const char *outcome;
};

static const struct spec_row spec_rows[] = {
    {{.endpoint = "s3.example", .bucket = "data"},
     {{0}},
     "REFUSED spec.bucket.endpoint: does not begin with https:// or http://"},
    {{.endpoint = PLACE "/s3", .bucket = "data"},
     {{0}},
     "REFUSED spec.bucket.endpoint: has a path: write https://HOST[:PORT] alone"},
    {{.endpoint = PLACE, .bucket = "../x"},
     {{0}},
     "REFUSED spec.bucket.bucket: not the name of a bucket"},
    {{.endpoint = PLACE, .bucket = "a/b"},
     {{0}},
     "REFUSED spec.bucket.bucket: not the name of a bucket"},
    {{.endpoint = PLACE, .bucket = "data", .region = "a/b"},
     {{0}},
     "REFUSED spec.bucket.region: not the name of a region"},
    {{.endpoint = PLACE, .bucket = "data", .pattern = "\\"},
     {{0}},
     "REFUSED spec.bucket.pattern: the pattern ends with a \"\\\": write \"\\\\\" for the "
     "character"},
    {{.endpoint = PLACE, .bucket = "data", .secret_name = "s3"},
     {{"accessKey", "a"}},
     "REFUSED spec.bucket.secretName: the Secret needs the keys accessKey and secretKey"},
    {{.endpoint = PLACE, .bucket = "data", .secret_name = "s3"},
     {{"accessKey", "a"}, {"secretKey", "b\n"}},
     "REFUSED spec.bucket.secretName: a key in the Secret has characters that are in no such key, "
     "maybe a line break at its end: write it without"},
};

static void a_spec_that_can_t_be_asked_is_refused_by_its_field(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(spec_rows); at++) {
        struct arena arena = {0};
        const struct trigger trigger = {.spec.bucket = spec_rows[at].spec};
        const struct source_secret secret = {spec_rows[at].items,
                                             spec_rows[at].items[1].name ? 2 : 1};
        assert_string_equal(talk_play(&arena, &trigger, &secret, NULL, 0).outcome,
                            spec_rows[at].outcome);
        arena_free(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_listing_is_a_finding),
        cmocka_unit_test(what_is_no_listing_is_an_error_that_says_so),
        cmocka_unit_test(the_revision_is_of_keys_etags_and_sizes_in_any_order),
        cmocka_unit_test(memory_does_not_grow_with_the_number_of_objects),
        cmocka_unit_test(the_newest_keys_are_as_many_as_fit),
        cmocka_unit_test(a_page_is_asked_for_with_a_signature_over_what_is_sent),
        cmocka_unit_test(an_address_that_is_too_long_is_not_asked_for),
        cmocka_unit_test(without_a_secret_nothing_is_signed),
        cmocka_unit_test(a_spec_that_can_t_be_asked_is_refused_by_its_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
