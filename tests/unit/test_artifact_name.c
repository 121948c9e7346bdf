#include "support/test.h"

#include "artifact/failure.h"
#include "artifact/name.h"
#include "core/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *sentence;
    const char *path;
    const char *refused; /* part of the message; NULL: accepted */
} paths[] = {
    {"one part is a path", "table", NULL},
    {"parts are joined by slashes", "run/pod/table", NULL},
    {"spaces, dots and UTF-8 may be in it", "r/a b/..c/.d/\xc3\xa9t\xc3\xa9", NULL},
    {"nothing is no path", "", "empty parts"},
    {"it is relative", "/etc", "empty parts"},
    {"it does not end in a slash", "run/", "empty parts"},
    {"no slash is doubled", "run//x", "empty parts"},
    {"it goes down only", "run/../x", "\"..\""},
    {"it does not stand still", "./x", "\".\""},
    {"a newline is a control character", "a\nb", "control character"},
    {"so is DEL", "a\x7f", "control character"},
    {"so is U+0085", "a\xc2\x85", "control character"},
    {"Latin-1 is not UTF-8", "\xe9t\xe9", "UTF-8"},
    {"an overlong slash is not UTF-8",
     "a\xc0\xaf"
     "b",
     "UTF-8"},
    {"an overlong three-byte form is not UTF-8", "\xe0\x9f\xbf", "UTF-8"},
    {"a surrogate is not UTF-8", "\xed\xa0\x80", "UTF-8"},
    {"beyond U+10FFFF is not UTF-8", "\xf4\x90\x80\x80", "UTF-8"},
    {"a character cut short is not UTF-8", "a\xe2\x82", "UTF-8"},
    {"the last character of Unicode is", "\xf4\x8f\xbf\xbf", NULL},
};

static void a_path_stays_beneath_its_root(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(paths); at++) {
        struct error error = {0};
        struct result result = artifact_path_check(paths[at].path, &error);
        bool fits = paths[at].refused == NULL
                        ? result_is_ok(result)
                        : result.kind == ERROR_INVALID && strstr(error.message, paths[at].refused);
        if (!fits) {
            fail_msg("%s: got \"%s\"", paths[at].sentence, error.message);
        }
    }
}

/* `count` times `part`, joined by slashes. */
static void repeat(char *text, const char *part, size_t count)
{
    text[0] = '\0';
    for (size_t at = 0; at < count; at++) {
        (void)strcat(strcat(text, at == 0 ? "" : "/"), part);
    }
}

static void a_path_has_limits(void **state)
{
    (void)state;
    static char text[ARTIFACT_PATH_MAX * 2];
    char name[ARTIFACT_NAME_MAX + 2];
    struct error error = {0};
    repeat(text, "x", ARTIFACT_DEPTH_MAX);
    assert_true(result_is_ok(artifact_path_check(text, &error)));
    repeat(text, "x", ARTIFACT_DEPTH_MAX + 1);
    assert_int_equal(artifact_path_check(text, &error).kind, ERROR_INVALID);
    assert_non_null(strstr(error.message, "64 parts"));

    memset(name, 'n', ARTIFACT_NAME_MAX + 1);
    name[ARTIFACT_NAME_MAX + 1] = '\0';
    assert_int_equal(artifact_path_check(name, &error).kind, ERROR_INVALID);
    assert_non_null(strstr(error.message, "255 bytes"));
    name[ARTIFACT_NAME_MAX] = '\0';
    assert_true(result_is_ok(artifact_path_check(name, &error)));

    repeat(text, name, ARTIFACT_PATH_MAX / (ARTIFACT_NAME_MAX + 1));
    assert_int_equal(strlen(text), ARTIFACT_PATH_MAX - 1);
    assert_true(result_is_ok(artifact_path_check(text, &error)));
    (void)strcat(text, "/x");
    assert_int_equal(artifact_path_check(text, &error).kind, ERROR_INVALID);
    assert_non_null(strstr(error.message, "4096 bytes"));
}

/* One byte more than a DNS label has. */
#define LONG_NAME "x123456789012345678901234567890123456789012345678901234567890123"

static void input_names_need_no_escape(void **state)
{
    (void)state;
    static const char *const good[] = {"table", "a", "A-b_c.9"};
    static const char *const bad[] = {"",    "-a",       "a.",  "a b",    "a\"b",
                                      "a\\", "\xc3\xbc", "a/b", LONG_NAME};
    for (size_t at = 0; at < COUNT_OF(good); at++) {
        assert_true(artifact_input_name_is_valid(good[at]));
    }
    for (size_t at = 0; at < COUNT_OF(bad); at++) {
        assert_false(artifact_input_name_is_valid(bad[at]));
    }
}

static void a_digest_is_exactly_what_we_print(void **state)
{
    (void)state;
#define HEX63 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde"
    assert_true(artifact_digest_is_valid("sha256:" HEX63 "f"));
    assert_false(artifact_digest_is_valid("sha256:" HEX63));
    assert_false(artifact_digest_is_valid("sha256:" HEX63 "ff"));
    assert_false(artifact_digest_is_valid("sha256:" HEX63 "F"));
    assert_false(artifact_digest_is_valid("sha512:" HEX63 "f"));
    assert_false(artifact_digest_is_valid(""));
}

static void a_quoted_path_is_one_line_of_plain_text(void **state)
{
    (void)state;
    assert_string_equal(artifact_quote("a", NULL).text, "\"a\"");
    assert_string_equal(artifact_quote("a", "").text, "\"a\"");
    assert_string_equal(artifact_quote("a", "b c").text, "\"a/b c\"");
    assert_string_equal(artifact_quote("a\nb\x1b[2J\xff\xc3\xbc", NULL).text,
                        "\"a\\x0ab\\x1b[2J\\xff\xc3\xbc\"");
}

static void a_quoted_path_keeps_its_end_and_whole_characters(void **state)
{
    (void)state;
    static char text[ARTIFACT_PATH_MAX + 1];
    static const char *const parts[] = {"x", "\xc3\xbc", "\xe2\x82\xac", "\xff", "\n\xc3\xbc"};
    for (size_t at = 0; at < COUNT_OF(parts); at++) {
        for (size_t size = 500; size <= 640; size++) {
            text[0] = '\0';
            while (strlen(text) < size) {
                (void)strcat(text, parts[at]);
            }
            struct artifact_quoted quoted = artifact_quote(text, "end");
            assert_true(artifact_name_is_plain(quoted.text, strlen(quoted.text)));
            assert_true(text_ends_with(quoted.text, "/end\""));
            assert_true(text_starts_with(quoted.text, "\""));
            if (size > ARTIFACT_QUOTE_SIZE) {
                assert_true(text_starts_with(quoted.text, "\"..."));
            }
        }
    }
}

static void a_missing_openat2_is_told_with_what_to_do(void **state)
{
    (void)state;
    assert_non_null(strstr(artifact_errno_text(ENOSYS), "Linux 5.6"));
    assert_non_null(strstr(artifact_errno_text(ENOSYS), "seccomp"));
    assert_non_null(strstr(artifact_errno_text(EPERM), "seccomp"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_stays_beneath_its_root),
        cmocka_unit_test(a_path_has_limits),
        cmocka_unit_test(input_names_need_no_escape),
        cmocka_unit_test(a_digest_is_exactly_what_we_print),
        cmocka_unit_test(a_quoted_path_is_one_line_of_plain_text),
        cmocka_unit_test(a_quoted_path_keeps_its_end_and_whole_characters),
        cmocka_unit_test(a_missing_openat2_is_told_with_what_to_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
