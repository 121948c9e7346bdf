#include "support/test.h"

#include "source/glob.h"
#include "support/glob_slow.h"

#include <string.h>

struct row {
    const char *pattern;
    const char *text;
    bool matches;
};

static const struct row rows[] = {
    {"", "", true},
    {"", "a", false},
    {"a", "a", true},
    {"a", "A", false},
    {"a", "ab", false},
    {"*", "", true},
    {"*", "data.csv", true},
    {"*", "data/x.csv", false},
    {"*.csv", "x.csv", true},
    {"*.csv", ".csv", true},
    {"*.csv", "x.csv.gz", false},
    {"*.csv", "a/x.csv", false},
    {"*/*.csv", "a/x.csv", true},
    {"*/*.csv", "a/b/x.csv", false},
    {"a*b*c", "aXXbYYc", true},
    {"a*b*c", "abcbc", true},
    {"a*b*c", "ab/c", false},
    {"part-????.parquet", "part-0001.parquet", true},
    {"part-????.parquet", "part-001.parquet", false},
    {"?", "/", false},
    {"?", "\xC3\xA4", true},
    {"??", "\xC3\xA4", false},
    {"?x", "\xF0\x9F\x98\x80x", true},
    {"\xC3\xA4*", "\xC3\xA4pfel", true},
    {"**", "", true},
    {"**", "a/b/c", true},
    {"data/**", "data/", true},
    {"data/**", "data/a/b", true},
    {"data/**", "datax", false},
    {"**/x", "x", true},
    {"**/x", "a/x", true},
    {"**/x", "a/b/x", true},
    {"**/x", "ax", false},
    {"a/**/x", "a/x", true},
    {"a/**/x", "a/b/c/x", true},
    {"a/**/x", "a/bx", false},
    {"a/**/x", "ax", false},
    {"a**/x", "a/x", true},
    {"a**/x", "ax", false},
    {"**.csv", "a/b.csv", true},
    {"***", "a/b", true},
    {"**/*", "x", true},
    {"**/**/x", "x", true},
    {"refs/heads/*", "refs/heads/main", true},
    {"refs/heads/*", "refs/heads/feature/a", false},
    {"refs/tags/v*", "refs/tags/v1.2", true},
    {"\\*", "*", true},
    {"\\*", "x", false},
    {"\\\\", "\\", true},
    {"[ab]", "a", false},
    {"[ab]", "[ab]", true},
    {"{a,b}", "{a,b}", true},
};

static void patterns_match_what_their_header_says(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct arena arena = {0};
        const struct glob *glob = NULL;
        assert_true(result_is_ok(glob_compile(&arena, rows[at].pattern, &glob, NULL)));
        if (glob_matches(glob, rows[at].text, strlen(rows[at].text)) != rows[at].matches) {
            fail_msg("%s over %s", rows[at].pattern, rows[at].text);
        }
        arena_free(&arena);
    }
}

/* The number as a text over these letters. */
static void spell(unsigned number, const char *letters, size_t length, char *text)
{
    for (size_t at = 0; at < length; at++) {
        text[at] = letters[number % strlen(letters)];
        number /= (unsigned)strlen(letters);
    }
    text[length] = '\0';
}

static unsigned power(unsigned base, size_t exponent)
{
    return exponent == 0 ? 1 : base * power(base, exponent - 1);
}

static void short_patterns_match_as_the_plain_way_says(void **state)
{
    (void)state;
    enum { LENGTH = 5 };
    char pattern[LENGTH + 1];
    char text[LENGTH + 1];
    size_t matched = 0;
    for (size_t length = 0; length <= LENGTH; length++) {
        for (unsigned at = 0; at < power(4, length); at++) {
            struct arena arena = {0};
            const struct glob *glob = NULL;
            spell(at, "a*/?", length, pattern);
            assert_true(result_is_ok(glob_compile(&arena, pattern, &glob, NULL)));
            for (size_t size = 0; size <= LENGTH; size++) {
                for (unsigned number = 0; number < power(2, size); number++) {
                    spell(number, "a/", size, text);
                    bool expected = glob_matches_slowly(pattern, text);
                    matched += expected ? 1 : 0;
                    if (glob_matches(glob, text, size) != expected) {
                        fail_msg("%s over %s: expected %d", pattern, text, expected);
                    }
                }
            }
            arena_free(&arena);
        }
    }
    assert_true(matched > 1000);
}

static void patterns_that_cannot_be_read_are_refused(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct error error = {0};
    const struct glob *glob = NULL;
    char pattern[GLOB_LIMIT + 2];
    memset(pattern, '?', sizeof(pattern));
    pattern[GLOB_LIMIT + 1] = '\0';
    assert_int_equal(glob_compile(&arena, pattern, &glob, &error).kind, ERROR_INVALID);
    assert_string_equal(error.message, "the pattern is longer than 256 bytes");
    assert_int_equal(glob_compile(&arena, "a\\", &glob, &error).kind, ERROR_INVALID);
    assert_string_equal(error.message,
                        "the pattern ends with a \"\\\": write \"\\\\\" for the character");
    pattern[GLOB_LIMIT] = '\0';
    assert_true(result_is_ok(glob_compile(&arena, pattern, &glob, &error)));
    char text[GLOB_LIMIT];
    memset(text, 'x', sizeof(text));
    assert_true(glob_matches(glob, text, sizeof(text)));
    assert_false(glob_matches(glob, text, sizeof(text) - 1));
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_match_what_their_header_says),
        cmocka_unit_test(short_patterns_match_as_the_plain_way_says),
        cmocka_unit_test(patterns_that_cannot_be_read_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
