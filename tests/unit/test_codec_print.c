/* Trees become text (api/codec_print.c) as jansson's own printer would have it, in less time. */

#include "support/test.h"

#include "api/codec_tree.h"
#include "core/prng.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 3000, DEPTH = 5 };

static json_t *random_text(struct prng *prng)
{
    static const char *const pieces[] = {
        "a",  "Z",  "0",  " ",   "/",    "\"",   "\\",       "\b",           "\f",
        "\n", "\r", "\t", "\x1", "\x1f", "\x7f", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    char text[64] = "";
    for (uint64_t count = prng_between(prng, 0, 8); count > 0; count--) {
        (void)strcat(text, pieces[prng_between(prng, 0, COUNT_OF(pieces) - 1)]);
    }
    return json_string(text);
}

static json_t *random_value(struct prng *prng, int depth);

static json_t *random_object(struct prng *prng, int depth)
{
    json_t *object = json_object();
    uint64_t most = prng_between(prng, 0, 20) == 0 ? 60 : 6; /* more than are sorted by hand */
    for (uint64_t count = prng_between(prng, 0, most); count > 0; count--) {
        char name[24];
        (void)snprintf(name, sizeof(name), "%c\"%llu\n", (int)prng_between(prng, 'A', 'z'),
                       (unsigned long long)prng_between(prng, 0, 99));
        (void)json_object_set_new(object, name, random_value(prng, depth - 1));
    }
    return object;
}

static json_t *random_array(struct prng *prng, int depth)
{
    json_t *array = json_array();
    for (uint64_t count = prng_between(prng, 0, 5); count > 0; count--) {
        (void)json_array_append_new(array, random_value(prng, depth - 1));
    }
    return array;
}

static json_t *random_value(struct prng *prng, int depth)
{
    enum { SCALARS = 6, KINDS = 8 };
    switch (prng_between(prng, 0, (depth > 0 ? KINDS : SCALARS) - 1)) {
    case 0:
        return json_null();
    case 1:
        return json_boolean(prng_between(prng, 0, 1));
    case 2:
        return json_integer((json_int_t)prng_next(prng));
    case 3:
        return json_real((double)(int64_t)prng_next(prng) / 1e9);
    case 4:
    case 5:
        return random_text(prng);
    case 6:
        return random_array(prng, depth);
    default:
        return random_object(prng, depth);
    }
}

static void require_same(const json_t *value)
{
    struct arena arena = {0};
    char *expected = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
    assert_non_null(expected);
    assert_string_equal(tree_print(&arena, value), expected);
    free(expected);
    arena_free(&arena);
}

static void any_tree_is_printed_as_jansson_prints_it(void **state)
{
    (void)state;
    struct prng prng;
    prng_seed(&prng, 2026);
    for (int round = 0; round < ROUNDS; round++) {
        json_t *value = random_value(&prng, DEPTH);
        require_same(value);
        json_decref(value);
    }
}

static void every_byte_below_a_space_is_escaped(void **state)
{
    (void)state;
    for (int byte = 0; byte < 128; byte++) {
        char text[] = {'x', (char)byte, 'y'};
        json_t *value = json_stringn(text, sizeof(text));
        require_same(value);
        json_decref(value);
    }
}

static void numbers_keep_their_form(void **state)
{
    (void)state;
    static const char *const texts[] = {"0",
                                        "-1",
                                        "9223372036854775807",
                                        "-9223372036854775808",
                                        "0.5",
                                        "1.0",
                                        "1e300",
                                        "-1.5e-7",
                                        "1e22",
                                        "123.25",
                                        "0.1"};
    for (size_t at = 0; at < COUNT_OF(texts); at++) {
        json_t *value = json_loads(texts[at], JSON_DECODE_ANY, NULL);
        assert_non_null(value);
        require_same(value);
        json_decref(value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_tree_is_printed_as_jansson_prints_it),
        cmocka_unit_test(every_byte_below_a_space_is_escaped),
        cmocka_unit_test(numbers_keep_their_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
