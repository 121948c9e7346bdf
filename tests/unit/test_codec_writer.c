#include "support/test.h"

#include "api/codec_writer.h"

#include <string.h>

/* Every byte that JSON can't have in a string, and bytes that are not UTF-8. */

static const struct {
    const char *sentence;
    const char *text;
    size_t size;
    const char *json;
} strings[] = {
    {"nothing", "", 0, "\"\""},
    {"ASCII", "a b~", 4, "\"a b~\""},
    {"what has a letter", "\"\\\b\f\n\r\t", 7, "\"\\\"\\\\\\b\\f\\n\\r\\t\""},
    {"other control bytes, NUL among them", "\x01\0\x1f\x7f", 4, "\"\\u0001\\u0000\\u001F\x7f\""},
    {"UTF-8 of two, three and four bytes", "\xC3\xA4\xE2\x82\xAC\xF0\x9F\x8C\x8A", 9,
     "\"\xC3\xA4\xE2\x82\xAC\xF0\x9F\x8C\x8A\""},
    {"a byte that begins nothing", "a\x80z", 3, "\"a\xEF\xBF\xBDz\""},
    {"two of them", "\xFF\xFE", 2, "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},
    {"a character that was cut", "a\xE2\x82", 3, "\"a\xEF\xBF\xBD\xEF\xBF\xBD\""},
    {"a surrogate, which is no character", "\xED\xA0\x80", 3,
     "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},
    {"a quote behind a cut character", "\xC3\"", 2, "\"\xEF\xBF\xBD\\\"\""},
};

static void a_string_is_json_whatever_is_in_it(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(strings); at++) {
        struct arena arena = {0};
        struct writer writer = {0};
        writer_add_string(&writer, strings[at].text, strings[at].size);
        const char *written = writer_take(&writer, &arena);
        if (strcmp(written, strings[at].json) != 0) {
            fail_msg("%s: %s", strings[at].sentence, written);
        }
        arena_free(&arena);
    }
}

static void commas_stand_between_members_alone(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct writer writer = {0};
    writer_add_byte(&writer, '{');
    writer_add_name(&writer, "a");
    writer_add_byte(&writer, '{');
    writer_add_name(&writer, "{");
    writer_add_integer(&writer, -7);
    writer_add_byte(&writer, '}');
    writer_add_name(&writer, "b");
    writer_add_string(&writer, "{", 1);
    writer_add_name(&writer, "c");
    writer_add_integer(&writer, 9223372036854775807LL);
    writer_add_byte(&writer, '}');
    assert_string_equal(writer_take(&writer, &arena),
                        "{\"a\":{\"{\":-7},\"b\":\"{\",\"c\":9223372036854775807}");
    assert_string_equal(writer_take(&writer, &arena), "");
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_string_is_json_whatever_is_in_it),
        cmocka_unit_test(commas_stand_between_members_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
