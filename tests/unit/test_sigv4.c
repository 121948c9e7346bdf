#include "support/test.h"

#include "core/civil.h"
#include "source/sigv4.h"

#include <string.h>

/*
 * "suite": the AWS signature test suite (get-vanilla and others, aws-sig-v4-test-suite); "S3": the
 * examples of https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html.
 */
enum { HEADERS_MAX = 6 };

struct row {
    const char *sentence;
    const char *service;
    const char *time;
    const char *method;
    const char *path;
    const char *query;
    struct name_value headers[HEADERS_MAX];
    const char *payload;
    const char *names;
    const char *signature;
};

#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define PUT   "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"

static const struct row rows[] = {
    {"suite: get-vanilla",
     "service",
     "2015-08-30T12:36:00Z",
     "GET",
     "/",
     "",
     {{"host", "example.amazonaws.com"}, {"x-amz-date", "20150830T123600Z"}},
     EMPTY,
     "host;x-amz-date",
     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {"suite: post-vanilla",
     "service",
     "2015-08-30T12:36:00Z",
     "POST",
     "/",
     "",
     {{"host", "example.amazonaws.com"}, {"x-amz-date", "20150830T123600Z"}},
     EMPTY,
     "host;x-amz-date",
     "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
    {"suite: get-vanilla-query-order-key-case",
     "service",
     "2015-08-30T12:36:00Z",
     "GET",
     "/",
     "Param1=value1&Param2=value2",
     {{"host", "example.amazonaws.com"}, {"x-amz-date", "20150830T123600Z"}},
     EMPTY,
     "host;x-amz-date",
     "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
    {"S3: get an object",
     "s3",
     "2013-05-24T00:00:00Z",
     "GET",
     "/test.txt",
     "",
     {{"host", "examplebucket.s3.amazonaws.com"},
      {"range", "bytes=0-9"},
      {"x-amz-content-sha256", EMPTY},
      {"x-amz-date", "20130524T000000Z"}},
     EMPTY,
     "host;range;x-amz-content-sha256;x-amz-date",
     "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
    {"S3: put an object",
     "s3",
     "2013-05-24T00:00:00Z",
     "PUT",
     "/test%24file.text",
     "",
     {{"date", "Fri, 24 May 2013 00:00:00 GMT"},
      {"host", "examplebucket.s3.amazonaws.com"},
      {"x-amz-content-sha256", PUT},
      {"x-amz-date", "20130524T000000Z"},
      {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
     PUT,
     "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
     "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
    {"S3: get a bucket's lifecycle",
     "s3",
     "2013-05-24T00:00:00Z",
     "GET",
     "/",
     "lifecycle=",
     {{"host", "examplebucket.s3.amazonaws.com"},
      {"x-amz-content-sha256", EMPTY},
      {"x-amz-date", "20130524T000000Z"}},
     EMPTY,
     "host;x-amz-content-sha256;x-amz-date",
     "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
    {"S3: list objects",
     "s3",
     "2013-05-24T00:00:00Z",
     "GET",
     "/",
     "max-keys=2&prefix=J",
     {{"host", "examplebucket.s3.amazonaws.com"},
      {"x-amz-content-sha256", EMPTY},
      {"x-amz-date", "20130524T000000Z"}},
     EMPTY,
     "host;x-amz-content-sha256;x-amz-date",
     "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
};

static struct sigv4_key key_of(const char *service)
{
    bool is_suite = strcmp(service, "service") == 0;
    return (struct sigv4_key){
        .access = is_suite ? "AKIDEXAMPLE" : "AKIAIOSFODNN7EXAMPLE",
        .secret = is_suite ? "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
                           : "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        .region = "us-east-1",
        .service = service,
    };
}

static void signatures_are_those_of_the_documents_of_aws(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        const struct row *row = &rows[at];
        struct arena arena = {0};
        struct sigv4_key key = key_of(row->service);
        int64_t now = 0;
        struct sigv4_request request = {.method = row->method,
                                        .path = row->path,
                                        .query = row->query,
                                        .headers = row->headers,
                                        .payload_digest = row->payload};
        while (request.header_count < HEADERS_MAX && row->headers[request.header_count].name) {
            request.header_count++;
        }
        assert_true(civil_parse(row->time, &now));
        const char *expected = arena_print(
            &arena,
            "AWS4-HMAC-SHA256 Credential=%s/%.4s%.2s%.2s/us-east-1/%s/aws4_request,"
            "SignedHeaders=%s,Signature=%s",
            key.access, row->time, row->time + 5, row->time + 8, row->service, row->names,
            row->signature);
        const char *got = sigv4_authorize(&arena, &key, &request, now);
        if (strcmp(expected, got) != 0) {
            fail_msg("%s: %s", row->sentence, got);
        }
        arena_free(&arena);
    }
}

static void the_time_is_written_without_separators(void **state)
{
    (void)state;
    char text[SIGV4_TIME_SIZE];
    sigv4_format_time(1369353600, text);
    assert_string_equal(text, "20130524T000000Z");
    sigv4_format_time(INT64_C(253402300799), text);
    assert_string_equal(text, "99991231T235959Z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signatures_are_those_of_the_documents_of_aws),
        cmocka_unit_test(the_time_is_written_without_separators),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
