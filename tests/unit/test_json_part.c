#include "support/test.h"

#include "api/json_part.h"
#include "core/text.h"

#include <string.h>

static void one_value_and_nothing_else_is_opened(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *value; /* NULL: it is refused */
    } rows[] = {
        {"{\"a\": [1]}\n", "{\"a\": [1]}"},
        {" [1, 2] ", "[1, 2]"},
        {"\"x\"", "\"x\""},
        {"7", "7"},
        {"", NULL},
        {" \n", NULL},
        {"{\"a\": 1", NULL},
        {"{\"a\": \"x", NULL},
        {"{} {}", NULL},
        {"<html>", NULL},
        {"]", NULL},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct span value = {0};
        bool opened = json_part_open(rows[at].text, strlen(rows[at].text), &value);
        assert_int_equal(opened, rows[at].value != NULL);
        if (opened) {
            assert_int_equal(value.size, strlen(rows[at].value));
            assert_memory_equal(value.bytes, rows[at].value, value.size);
        }
    }
}

static void a_member_is_found_by_its_path(void **state)
{
    (void)state;
    static const char text[] =
        "{\"s\": \"a\\u00e9\\n\", \"n\": -12, \"r\": 1.5, \"big\": 9223372036854775808,"
        " \"data\": {\"result\": [], \"in\": {\"s\": \"deep\"}}, \"s\": \"two\","
        " \"bad\": \"\\q\", \"nul\": \"a\\u0000b\"}";
    struct arena arena = {0};
    struct span root = {0};
    struct span part = {0};
    int64_t integer = 0;
    assert_true(json_part_open(text, strlen(text), &root));
    assert_string_equal(json_part_find_text(&arena, root, "s"), "a\xC3\xA9\n");
    assert_string_equal(json_part_find_text(&arena, root, "data.in.s"), "deep");
    assert_string_equal(json_part_find_text(&arena, root, "nul"), "a\xEF\xBF\xBD"
                                                                  "b");
    static const char *const missing[] = {
        "x",
        "data.x",
        "s.x",
        "n",
        "data",
        "bad",
        "",
        "data.",
        ".",
        "a-name-that-is-longer-than-any-that-is-asked-for-by-us-now-or-later-"
        "here"};
    for (size_t at = 0; at < COUNT_OF(missing); at++) {
        assert_null(json_part_find_text(&arena, root, missing[at]));
    }
    assert_true(json_part_find(root, "n", &part) && json_part_integer(part, &integer));
    assert_int_equal(integer, -12);
    assert_false(json_part_find(root, "r", &part) && json_part_integer(part, &integer));
    assert_false(json_part_find(root, "big", &part) && json_part_integer(part, &integer));
    assert_false(json_part_find(root, "s", &part) && json_part_integer(part, &integer));
    assert_int_equal(integer, -12);
    arena_free(&arena);
}

static void an_integer_is_one_of_64_bits_and_nothing_more(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t size;
        int64_t integer; /* 1: refused */
    } rows[] = {
        {"0", 1, 0},
        {"-0", 2, 0},
        {"-9223372036854775808", 20, INT64_MIN},
        {"-9223372036854775809", 20, 1},
        {"-92233720368547758080", 21, 1},
        {"9223372036854775807", 19, INT64_MAX},
        {"01", 2, 1},
        {"-", 1, 1},
        {"--2", 3, 1},
        {"2-3", 3, 1},
        {"2 3", 3, 1},
        {"2\0", 2, 1},
        {"2.0", 3, 1},
        {"true", 4, 1},
        {"", 0, 1},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        int64_t integer = 1;
        bool is_one = json_part_integer((struct span){rows[at].text, rows[at].size}, &integer);
        assert_int_equal(integer, rows[at].integer);
        assert_int_equal(is_one, rows[at].integer != 1);
    }
}

static void a_text_is_one_string_and_nothing_more(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t size;
        const char *meaning; /* NULL: refused */
    } rows[] = {
        {"\"a\"", 3, "a"},     {"\"\\/\\\\\"", 6, "/\\"}, {"\"a\" 1", 5, NULL},  {"\"a", 2, NULL},
        {"\"\\\0\"", 4, NULL}, {"\"\\\"", 3, NULL},       {"\"a\tb\"", 5, NULL},
    };
    struct arena arena = {0};
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        const char *text = json_part_text(&arena, (struct span){rows[at].text, rows[at].size});
        assert_true(text_equal(text, rows[at].meaning));
    }
    arena_free(&arena);
}

static void an_array_is_walked(void **state)
{
    (void)state;
    static const char text[] = "{\"tags\": [\"a\", \"b\", 3]}";
    struct arena arena = {0};
    struct span root = {0};
    struct span item = {0};
    struct scan scan;
    assert_true(json_part_open(text, strlen(text), &root));
    assert_true(json_part_find(root, "tags", &item) && scan_open(item, '[', &scan));
    assert_int_equal(scan_next_item(&scan, &item), SCAN_FOUND);
    assert_string_equal(json_part_text(&arena, item), "a");
    assert_int_equal(scan_next_item(&scan, &item), SCAN_FOUND);
    assert_string_equal(json_part_text(&arena, item), "b");
    assert_int_equal(scan_next_item(&scan, &item), SCAN_FOUND);
    assert_null(json_part_text(&arena, item));
    assert_int_equal(scan_next_item(&scan, &item), SCAN_END);
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_value_and_nothing_else_is_opened),
        cmocka_unit_test(a_member_is_found_by_its_path),
        cmocka_unit_test(an_integer_is_one_of_64_bits_and_nothing_more),
        cmocka_unit_test(a_text_is_one_string_and_nothing_more),
        cmocka_unit_test(an_array_is_walked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
