#include "support/test.h"

#include "source/semver.h"

#include <stdio.h>
#include <string.h>

/* semver.org's own list of what its regular expression must take and refuse, shortened. */
static const char *const good[] = {
    "0.0.4",
    "1.2.3",
    "10.20.30",
    "1.1.2-prerelease+meta",
    "1.1.2+meta",
    "1.1.2+meta-valid",
    "1.0.0-alpha",
    "1.0.0-alpha.beta.1",
    "1.0.0-alpha0.valid",
    "1.0.0-rc.1+build.123",
    "1.0.0-alpha-a.b-c-somethinglong+build.1-aef.1-its-okay",
    "1.0.0-0A.is.legal",
    "1.2.3----RC-SNAPSHOT.12.9.1--.12+788",
    "1.0.0+0.build.1-rc.10000aaa-kk-0.1",
    "v1.2.3",
    "999999999999999999.999999999999999999.999999999999999999",
    "20240131.0.0",
};
static const char *const bad[] = {
    "",
    "v",
    "1",
    "1.2",
    "1.2.3-0123",
    "1.2.3-0123.0123",
    "1.1.2+.123",
    "+invalid",
    "-invalid",
    "alpha",
    "1.0.0-alpha_beta",
    "1.0.0-alpha..1",
    "1.0.0-",
    "1.0.0-.",
    "01.1.1",
    "1.01.1",
    "1.1.01",
    "1.2.3.DEV",
    "1.2-SNAPSHOT",
    "1.2.31.2.3",
    "-1.0.3-gamma+b7718",
    "1.1.1+",
    "1.2.3+a+b",
    "1.2.3-a+b+c",
    "vv1.2.3",
    "V1.2.3",
    " 1.2.3",
    "1.2.3 ",
    "1.2.3-\xC3\xA4",
    "1.2.3\n",
    "1000000000000000000.0.0",
    "1..3",
    "1.2.",
    "latest",
};

static void a_version_is_parsed_whole_or_not_at_all(void **state)
{
    (void)state;
    struct arena arena = {0};
    for (size_t at = 0; at < COUNT_OF(good); at++) {
        struct semver version;
        if (!semver_parse(&arena, good[at], &version)) {
            fail_msg("%s is refused", good[at]);
        }
    }
    for (size_t at = 0; at < COUNT_OF(bad); at++) {
        struct semver version;
        if (semver_parse(&arena, bad[at], &version)) {
            fail_msg("%s is taken", bad[at]);
        }
    }
    char *wide = arena_print(&arena, "1.2.3-%0*d1", SEMVER_LIMIT, 1);
    struct semver version;
    assert_false(semver_parse(&arena, wide, &version));
    assert_true(semver_parse(&arena, "v1.20.300-rc.1+b", &version));
    assert_int_equal(version.major, 1);
    assert_int_equal(version.minor, 20);
    assert_int_equal(version.patch, 300);
    assert_string_equal(version.prerelease, "rc.1");
    arena_free(&arena);
}

static void versions_have_the_order_of_the_specification(void **state)
{
    (void)state;
    static const char *const rising[] = {
        "0.0.1-0",
        "0.0.1",
        "0.1.0",
        "0.9.9",
        "0.10.0",
        "1.0.0-1",
        "1.0.0-2",
        "1.0.0-10",
        "1.0.0-99999999999999999999",
        "1.0.0-100000000000000000000",
        "1.0.0--",
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-alpha.1.0",
        "1.0.0-alpha.beta",
        "1.0.0-alpha-",
        "1.0.0-beta",
        "1.0.0-beta.2",
        "1.0.0-beta.11",
        "1.0.0-rc.1",
        "1.0.0",
        "1.0.1",
        "1.1.0",
        "2.0.0",
        "10.0.0",
    };
    struct arena arena = {0};
    struct semver versions[COUNT_OF(rising)];
    for (size_t at = 0; at < COUNT_OF(rising); at++) {
        assert_true(semver_parse(&arena, rising[at], &versions[at]));
    }
    for (size_t a = 0; a < COUNT_OF(rising); a++) {
        for (size_t b = 0; b < COUNT_OF(rising); b++) {
            int order = semver_compare(&versions[a], &versions[b]);
            if ((a > b) - (a < b) != (order > 0) - (order < 0)) {
                fail_msg("places %zu and %zu: %d", a, b, order);
            }
        }
    }
    struct semver one;
    struct semver two;
    assert_true(semver_parse(&arena, "1.0.0+a", &one) && semver_parse(&arena, "v1.0.0+b", &two));
    assert_int_equal(semver_compare(&one, &two), 0);
    arena_free(&arena);
}

static const struct {
    const char *range;
    const char *in; /* with spaces between */
    const char *out;
} range_rows[] = {
    {"1.2.3", "1.2.3 v1.2.3 1.2.3+b", "1.2.4 1.2.3-rc.1"},
    {"=1.2.3", "1.2.3", "1.2.2"},
    {"= v1.2.3", "1.2.3", "1.2.2"},
    {"1.2", "1.2.0 1.2.99", "1.1.9 1.3.0 1.2.0-rc.1 1.3.0-rc.1"},
    {"=1.2.x", "1.2.0 1.2.99", "1.3.0"},
    {"1", "1.0.0 1.99.0", "0.9.0 2.0.0 2.0.0-rc.1"},
    {"1.x", "1.0.0 1.99.0", "0.9.0 2.0.0"},
    {"1.X.*", "1.0.0 1.99.0", "0.9.0 2.0.0"},
    {"*", "0.0.0 1.0.0 99.0.0", "1.0.0-rc.1 0.0.0-0"},
    {"x", "0.0.0 99.0.0", "1.0.0-rc.1"},
    {"v*", "0.0.0 99.0.0", "1.0.0-rc.1"},
    {"*.*.*", "0.0.0 99.0.0", "1.0.0-rc.1"},
    {">=*", "0.0.0 99.0.0", "1.0.0-rc.1"},
    {"<=*", "0.0.0 99.0.0", "1.0.0-rc.1"},
    {"^*", "0.0.0 99.0.0", "1.0.0-rc.1"},
    {"~x", "0.0.0 99.0.0", "1.0.0-rc.1"},
    {"!=1.2.3", "1.2.2 1.2.4", "1.2.3 1.2.4-rc.1"},
    {"!=1.2", "1.1.9 1.3.0", "1.2.0 1.2.9"},
    {">1.2.3", "1.2.4 2.0.0", "1.2.3 1.2.2 1.2.4-rc.1"},
    {">1.2", "1.3.0", "1.2.0 1.2.99 1.3.0-rc.1"},
    {">1", "2.0.0", "1.99.0"},
    {">=1.2.3", "1.2.3 2.0.0", "1.2.2 1.2.3-rc.1"},
    {">=1.2", "1.2.0", "1.1.99 1.2.0-rc.1"},
    {"> = 1", "", "!"},
    {">= 1", "1.0.0", "0.9.0"},
    {"<1.2.3", "1.2.2 0.0.1", "1.2.3 1.2.3-rc.1"},
    {"<1.2", "1.1.99", "1.2.0 1.2.0-rc.1"},
    {"<=1.2.3", "1.2.3", "1.2.4 1.2.3-rc.1"},
    {"<=1.2", "1.2.99", "1.3.0 1.3.0-rc.1"},
    {"<=1", "1.99.0", "2.0.0"},
    {"~1.2.3", "1.2.3 1.2.99", "1.2.2 1.3.0 1.3.0-rc.1"},
    {"~>1.2.3", "1.2.3 1.2.99", "1.3.0"},
    {"~1.2", "1.2.0 1.2.99", "1.3.0"},
    {"~1", "1.0.0 1.99.0", "2.0.0 0.9.0"},
    {"~0.0", "0.0.0 0.0.9", "0.1.0"},
    {"^1.2.3", "1.2.3 1.99.0", "1.2.2 2.0.0 2.0.0-rc.1"},
    {"^0.2.3", "0.2.3 0.2.99", "0.2.2 0.3.0"},
    {"^0.0.3", "0.0.3", "0.0.2 0.0.4"},
    {"^1.2", "1.2.0 1.99.0", "1.1.0 2.0.0"},
    {"^0.0", "0.0.0 0.0.9", "0.1.0"},
    {"^0.1", "0.1.0 0.1.9", "0.0.9 0.2.0"},
    {"^0", "0.0.0 0.99.0", "1.0.0"},
    {"^0.x", "0.0.0 0.99.0", "1.0.0"},
    {"^1.x", "1.0.0 1.99.0", "2.0.0"},
    {"1.2.3 - 2.3.4", "1.2.3 2.3.4", "1.2.2 2.3.5"},
    {"1.2 - 2.3", "1.2.0 2.3.99", "1.1.99 2.4.0"},
    {"1.2.3  -  2", "1.2.3 2.99.0", "1.2.2 3.0.0 3.0.0-rc.1"},
    {"* - 2", "0.0.0 2.9.0", "3.0.0"},
    {">=1.2 <2", "1.2.0 1.99.0", "1.1.0 2.0.0"},
    {">=1.2, <2", "1.2.0 1.99.0", "1.1.0 2.0.0"},
    {" >=1.2,<2 ", "1.2.0 1.99.0", "1.1.0 2.0.0"},
    {">=1.2\t<2 !=1.5", "1.2.0 1.6.0", "1.5.0 1.5.3 2.0.0"},
    {"1.2 || 2.3", "1.2.0 2.3.9", "1.3.0 2.2.0"},
    {"<1||>=3,<4||7.0.0", "0.9.0 3.5.0 7.0.0", "1.0.0 4.0.0 7.0.1"},
    {">2 <1", "", "0.5.0 1.5.0 3.0.0"},
    /* pre-releases */
    {">=1.2.3-rc.1", "1.2.3-rc.1 1.2.3-rc.2 1.2.3 1.2.4", "1.2.3-beta 1.2.4-rc.2"},
    {">=1.3.0-0", "1.3.0-0 1.3.0-rc.1 1.3.0 1.4.0", "1.4.0-rc.1 1.2.9"},
    {"=1.2.3-rc.1", "1.2.3-rc.1", "1.2.3 1.2.3-rc.2"},
    {"^1.2.3-rc.1", "1.2.3-rc.1 1.2.3 1.9.0", "1.9.0-rc.1 2.0.0-rc.1 1.2.3-beta"},
    {"~1.2.3-rc.1", "1.2.3-rc.1 1.2.9", "1.2.9-rc.1 1.3.0"},
    {"<1.2.3-rc.3", "1.2.3-rc.2 1.2.2", "1.2.3-rc.3 1.2.2-rc.1 1.2.3"},
    {"1.2.3-a - 1.2.4-c", "1.2.3-b 1.2.4-b 1.2.3", "1.2.4-d 1.2.5-b 1.2.4"},
    {"!=1.2.3-rc.1", "1.2.3", "1.2.3-rc.2"},
    {">=1.2.3-rc.1 <2 || >=3", "1.2.3-rc.1 3.1.0", "3.0.0-rc.1"},
    {"^1.2 <=2.0.0-rc.5", "1.9.0", "2.0.0-rc.1 2.0.0"},
    {"~1.2 <=1.3.0-rc.5", "1.2.9", "1.3.0-rc.1 1.3.0"},
    {"^0.0.3 <=0.0.4-rc.5", "0.0.3", "0.0.4-rc.1 0.0.4"},
    {"<1.3 >=1.3.0-0", "", "1.3.0-rc.1 1.2.9"},
    {"1.2.3-rc.1 || >=1", "1.2.3-rc.1 1.2.3", "1.2.3-rc.0"},
    {">=2 || 1.2.3-rc.1", "1.2.3-rc.1 2.0.0", "2.0.0-rc.1"},
    {">=999999999999999999", "999999999999999999.0.0", "1.0.0"},
    {"^999999999999999999.1", "999999999999999999.1.0", "1.0.0"},
};

static void a_range_takes_what_it_says(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(range_rows); at++) {
        struct arena arena = {0};
        const struct semver_range *range = NULL;
        struct error error = {0};
        struct result result = semver_range_parse(&arena, range_rows[at].range, &range, &error);
        if (strcmp(range_rows[at].out, "!") == 0) {
            assert_int_equal(result.kind, ERROR_INVALID);
            arena_free(&arena);
            continue;
        }
        if (!result_is_ok(result)) {
            fail_msg("%s: %s", range_rows[at].range, error.message);
        }
        for (int side = 0; side < 2; side++) {
            char *rest = arena_copy_text(&arena,
                                         side == 0 ? range_rows[at].in : range_rows[at].out);
            for (char *word = strtok_r(rest, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
                struct semver version;
                assert_true(semver_parse(&arena, word, &version));
                if (semver_range_contains(range, &version) != (side == 0)) {
                    fail_msg("%s %s %s", range_rows[at].range, side == 0 ? "refuses" : "takes",
                             word);
                }
            }
        }
        arena_free(&arena);
    }
}

static void an_error_names_the_column_and_what_to_write(void **state)
{
    (void)state;
    static const struct {
        const char *range;
        const char *message;
    } rows[] = {
        {"", "column 1: a version is missing: write 1.2.3, 1.2, 1.x or *"},
        {"  ", "column 3: a version is missing: write 1.2.3, 1.2, 1.x or *"},
        {">=", "column 3: a version is missing: write 1.2.3, 1.2, 1.x or *"},
        {">=1.2 || ", "column 10: a version is missing: write 1.2.3, 1.2, 1.x or *"},
        {"1 || || 2", "column 6: a version is missing: write 1.2.3, 1.2, 1.x or *"},
        {">=1,,<2", "column 5: a version is missing: write 1.2.3, 1.2, 1.x or *"},
        {">=1.2 latest",
         "column 7: \"latest\" is no version: write 1.2.3, 1.2.3-rc.1, 1.2, 1.x or *"},
        {"1.2.z", "column 1: \"1.2.z\" is no version: write 1.2.3, 1.2.3-rc.1, 1.2, 1.x or *"},
        {"1.x.2", "column 1: \"1.x.2\" is no version: write 1.2.3, 1.2.3-rc.1, 1.2, 1.x or *"},
        {"1.2.3.x", "column 1: \"1.2.3.x\" is no version: write 1.2.3, 1.2.3-rc.1, 1.2, 1.x or *"},
        {"*.*.*.*", "column 1: \"*.*.*.*\" is no version: write 1.2.3, 1.2.3-rc.1, 1.2, 1.x or *"},
        {"1.2-rc.1",
         "column 1: \"1.2-rc.1\" is no version: write 1.2.3, 1.2.3-rc.1, 1.2, 1.x or *"},
        {"01", "column 1: \"01\" is no version: write 1.2.3, 1.2.3-rc.1, 1.2, 1.x or *"},
        {"\"\x01\xC3", "column 1: \"???\" is no version: write 1.2.3, 1.2.3-rc.1, 1.2, 1.x or *"},
        {">=1<2", "column 3: \"1<2\" is no version: write 1.2.3, 1.2.3-rc.1, 1.2, 1.x or *"},
        {"=>1", "column 1: no such comparison: write one of =, !=, >, >=, <, <=, ~ and ^"},
        {"1 ==2", "column 3: no such comparison: write one of =, !=, >, >=, <, <=, ~ and ^"},
        {"!1", "column 1: no such comparison: write one of =, !=, >, >=, <, <=, ~ and ^"},
        {"1 | 2", "column 3: write || between two alternatives"},
        {">*", "column 1: no version is that: write * for any, or a number"},
        {"!=x", "column 1: no version is that: write * for any, or a number"},
        {"^1 - 2", "column 3: \" - \" stands between two versions: write 1.2.3 - 2.0.0"},
        {"1 - ", "column 5: a version is missing: write 1.2.3, 1.2, 1.x or *"},
        {"1 - <2", "column 5: \"<2\" is no version: write 1.2.3, 1.2.3-rc.1, 1.2, 1.x or *"},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct arena arena = {0};
        const struct semver_range *range = NULL;
        struct error error = {0};
        assert_int_equal(semver_range_parse(&arena, rows[at].range, &range, &error).kind,
                         ERROR_INVALID);
        assert_string_equal(error.message, rows[at].message);
        assert_null(range);
        arena_free(&arena);
    }
    struct arena arena = {0};
    char *wide = arena_print(&arena, "%0*d", SEMVER_LIMIT + 1, 1);
    const struct semver_range *range = NULL;
    struct error error = {0};
    assert_int_equal(semver_range_parse(&arena, wide, &range, &error).kind, ERROR_INVALID);
    assert_string_equal(error.message, "a range is 256 bytes at most");
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_version_is_parsed_whole_or_not_at_all),
        cmocka_unit_test(versions_have_the_order_of_the_specification),
        cmocka_unit_test(a_range_takes_what_it_says),
        cmocka_unit_test(an_error_names_the_column_and_what_to_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
