#include "support/test.h"

#include "core/text.h"
#include "io/http_header.h"
#include "kube/io.h"

#include <string.h>

struct header_row {
    const char *sentence;
    const char *line;
    int retry_after_seconds;
    const char *warning;
};

static const struct header_row header_rows[] = {
    {"seconds are read", "Retry-After: 30\r\n", 30, NULL},
    {"the name has no case and spaces do not count", "RETRY-after:\t 5 \r\n", 5, NULL},
    {"zero is a number", "Retry-After: 0\r\n", 0, NULL},
    {"a date is no number", "Retry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\n", -1, NULL},
    {"nothing is no number", "Retry-After: \r\n", -1, NULL},
    {"a negative number is none", "Retry-After: -3\r\n", -1, NULL},
    {"what does not fit is the most there is", "Retry-After: 99999999999999999999\r\n", 2147483647,
     NULL},
    {"a longer name is another header", "Retry-After-X: 3\r\n", -1, NULL},
    {"a shorter line is none", "Retry", -1, NULL},
    {"an empty line is none", "\r\n", -1, NULL},
    {"a warning's text is taken", "Warning: 299 - \"v1 is old\"\r\n", -1, "v1 is old"},
    {"the agent may be anything", "warning: 299 kube \"x\"\r\n", -1, "x"},
    {"a backslash quotes", "Warning: 299 - \"a \\\"b\\\" \\\\ c\"\r\n", -1, "a \"b\" \\ c"},
    {"other codes are not for us", "Warning: 199 - \"x\"\r\n", -1, NULL},
    {"a code that only begins so is another", "Warning: 2999 - \"x\"\r\n", -1, NULL},
    {"without quotes there is no text", "Warning: 299 - x\r\n", -1, NULL},
    {"an open quote ends with the line", "Warning: 299 - \"x y\r\n", -1, "x y"},
    {"control bytes become spaces", "Warning: 299 - \"a\x1b[31mb\"\r\n", -1, "a [31mb"},
};

static void header_lines_are_read(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(header_rows); at++) {
        const struct header_row *row = &header_rows[at];
        struct http_headers headers;
        http_headers_clear(&headers);
        http_headers_read(&headers, row->line, strlen(row->line));
        const char *warning = headers.has_warning ? headers.warning : NULL;
        if (headers.retry_after_seconds != row->retry_after_seconds ||
            !text_equal(warning, row->warning)) {
            fail_msg("%s: retry %d warning %s", row->sentence, headers.retry_after_seconds,
                     text_or(warning, "(none)"));
        }
    }
}

static void all_warnings_are_kept_and_a_status_line_begins_anew(void **state)
{
    (void)state;
    static const char *const lines[] = {"Warning: 299 - \"one\"\r\n", "Warning: 299 - \"two\"\r\n",
                                        "Retry-After: 4\r\n"};
    struct http_headers headers;
    http_headers_clear(&headers);
    for (size_t at = 0; at < COUNT_OF(lines); at++) {
        http_headers_read(&headers, lines[at], strlen(lines[at]));
    }
    assert_string_equal(headers.warning, "one; two");
    assert_int_equal(headers.retry_after_seconds, 4);
    http_headers_read(&headers, "HTTP/2 200 \r\n", strlen("HTTP/2 200 \r\n"));
    assert_false(headers.has_warning);
    assert_int_equal(headers.retry_after_seconds, IO_NO_RETRY_AFTER);
}

static void an_empty_line_ends_the_head_and_another_status_line_begins_it_anew(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        bool is_whole;
    } lines[] = {
        {"HTTP/1.1 103 Early Hints\r\n", false}, {"Link: <x>\r\n", false},   {"\r\n", true},
        {"HTTP/1.1 200 OK\r\n", false},          {"ETag: \"a\"\r\n", false}, {"\n", true}};
    struct http_headers headers;
    http_headers_clear(&headers);
    for (size_t at = 0; at < COUNT_OF(lines); at++) {
        http_headers_read(&headers, lines[at].line, strlen(lines[at].line));
        assert_int_equal(headers.is_whole, lines[at].is_whole);
    }
}

static void a_long_warning_is_cut_between_characters(void **state)
{
    (void)state;
    for (size_t padding = 0; padding < 4; padding++) {
        char line[2 * HTTP_WARNING_SIZE] = "Warning: 299 - \"";
        memset(line + strlen(line), 'x', padding);
        while (strlen(line) < sizeof(line) - 4) {
            strcat(line, "\xE2\x82\xAC");
        }
        struct http_headers headers;
        http_headers_clear(&headers);
        http_headers_read(&headers, line, strlen(line));
        size_t length = strlen(headers.warning);
        assert_true(length < HTTP_WARNING_SIZE && length > HTTP_WARNING_SIZE - 8);
        assert_int_equal((length - padding) % 3, 0);
        char cut[HTTP_WARNING_SIZE];
        strcpy(cut, headers.warning);
        static const char another[] = "Warning: 299 - \"for which there is no room\"\r\n";
        http_headers_read(&headers, another, strlen(another));
        assert_string_equal(headers.warning, cut);
    }
}

static void a_content_type_is_kept_with_its_parameters_if_it_is_short(void **state)
{
    (void)state;
    char longest[2 * HTTP_CONTENT_TYPE_SIZE] = "content-type: ";
    memset(longest + strlen(longest), 'x', HTTP_CONTENT_TYPE_SIZE - 1);
    static const char *const lines[] = {"Content-Type: application/json;stream=watch\r\n",
                                        "CONTENT-TYPE:\tx \r\n", "Content-Type:\r\n"};
    static const char *const types[] = {"application/json;stream=watch", "x", ""};
    struct http_headers headers;
    http_headers_clear(&headers);
    assert_string_equal(headers.content_type, "");
    for (size_t at = 0; at < COUNT_OF(lines); at++) {
        http_headers_read(&headers, lines[at], strlen(lines[at]));
        assert_string_equal(headers.content_type, types[at]);
    }
    http_headers_read(&headers, longest, strlen(longest));
    assert_int_equal(strlen(headers.content_type), HTTP_CONTENT_TYPE_SIZE - 1);
    strcat(longest, "x");
    http_headers_read(&headers, longest, strlen(longest));
    assert_string_equal(headers.content_type, "");
    static const char with_nul[] = "content-type: a\0b\r\n";
    http_headers_read(&headers, with_nul, sizeof(with_nul) - 1);
    assert_string_equal(headers.content_type, "");
}

struct path_row {
    const char *path;
    const char *resource;
    bool watch;
};

static const struct path_row path_rows[] = {
    {"/api/v1/pods?watch=true", "pods", true},
    {"/api/v1/namespaces/a/pods?limit=500", "pods", false},
    {"/api/v1/namespaces/a/pods/secret-name", "pods", false},
    {"/api/v1/namespaces/a", "namespaces", false},
    {"/api/v1/namespaces", "namespaces", false},
    {"/apis/batch/v1/namespaces/a/jobs/x/status", "jobs/status", false},
    {"/apis/tidemill.dev/v1alpha1/pipelineruns?limit=1&watch=1", "pipelineruns", true},
    {"/apis/apps/v1/namespaces/a/deployments?fieldManager=watch", "deployments", false},
    {"/apis/x/v1/namespaces/a/things?a=1&watch=true&b=2", "things", true},
    {"/healthz", "other", false},
    {"/api/v1", "other", false},
    {"/", "other", false},
    {"/api/v1/Pods%20x", "other", false},
    {"/apis/a/b/namespaces/c/d/e/f/g/h/i/j", "other", false},
};

static void a_path_tells_its_resource_and_nothing_more(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(path_rows); at++) {
        char resource[HTTP_RESOURCE_SIZE];
        http_path_resource(path_rows[at].path, resource);
        if (!text_equal(resource, path_rows[at].resource) ||
            http_path_is_watch(path_rows[at].path) != path_rows[at].watch) {
            fail_msg("%s: %s", path_rows[at].path, resource);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_lines_are_read),
        cmocka_unit_test(all_warnings_are_kept_and_a_status_line_begins_anew),
        cmocka_unit_test(an_empty_line_ends_the_head_and_another_status_line_begins_it_anew),
        cmocka_unit_test(a_long_warning_is_cut_between_characters),
        cmocka_unit_test(a_content_type_is_kept_with_its_parameters_if_it_is_short),
        cmocka_unit_test(a_path_tells_its_resource_and_nothing_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
