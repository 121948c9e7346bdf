#include "support/test.h"

#include "core/arena.h"
#include "core/assert.h"
#include "core/buffer.h"
#include "core/civil.h"
#include "core/digest.h"
#include "core/hash.h"
#include "core/log.h"
#include "core/map.h"
#include "core/memory.h"
#include "core/prng.h"
#include "core/text.h"

#include <stdio.h>
#include <string.h>

static void an_error_carries_where_it_happened(void **state)
{
    (void)state;
    struct error error = {0};
    struct result result = error_set(&error, ERROR_INVALID, "expected a number, got %s", "true");
    error_add_context(&error, "spec.steps[%d]", 2);
    assert_int_equal(result.kind, ERROR_INVALID);
    assert_string_equal(error.message, "spec.steps[2]: expected a number, got true");
    assert_string_equal(error_kind_name(error.kind), "invalid");
}

static void an_error_may_be_nobody_s_business(void **state)
{
    (void)state;
    assert_int_equal(error_set(NULL, ERROR_GONE, "x").kind, ERROR_GONE);
    error_add_context(NULL, "x");
}

static void a_long_error_is_cut_not_overrun(void **state)
{
    (void)state;
    struct error error = {0};
    char wide[ERROR_MESSAGE_SIZE * 2];
    memset(wide, 'x', sizeof(wide) - 1);
    wide[sizeof(wide) - 1] = '\0';
    (void)!result_is_ok(error_set(&error, ERROR_IO, "%s", wide));
    error_add_context(&error, "%s", "place");
    assert_int_equal(strlen(error.message), ERROR_MESSAGE_SIZE - 1);
    assert_true(text_starts_with(error.message, "place: xxx"));
}

static void an_arena_s_memory_is_zeroed_and_apart(void **state)
{
    (void)state;
    struct arena arena = {0};
    char *before = arena_allocate(&arena, 1, 7);
    memset(before, 'a', 7);
    for (size_t size = 0; size < 100000; size = size * 3 + 1) {
        unsigned char *bytes = arena_allocate(&arena, 1, size);
        for (size_t at = 0; at < size; at++) {
            assert_int_equal(bytes[at], 0);
        }
        memset(bytes, 0xFF, size);
    }
    assert_memory_equal(before, "aaaaaaa", 7);
    assert_string_equal(arena_print(&arena, "%s-%d", "run", 7), "run-7");
    assert_string_equal(arena_join(&arena, "run", "-", "7"), "run-7");
    assert_string_equal(arena_join(&arena, NULL, NULL, ""), "");
    arena_reset(&arena);
    unsigned char *again = arena_allocate(&arena, 1, 64);
    assert_int_equal(again[63], 0);
    arena_free(&arena);
}

static void a_buffer_refuses_what_is_over_its_maximum_and_keeps_the_rest(void **state)
{
    (void)state;
    struct buffer buffer = BUFFER_INIT(8);
    assert_true(result_is_ok(buffer_append_text(&buffer, "12345")));
    assert_int_equal(buffer_append_text(&buffer, "6789").kind, ERROR_LIMIT);
    assert_string_equal(buffer_text(&buffer), "12345");
    assert_true(result_is_ok(buffer_print(&buffer, "%d", 678)));
    assert_string_equal(buffer_text(&buffer), "12345678");
    buffer_consume(&buffer, 6);
    assert_string_equal(buffer_text(&buffer), "78");
    buffer_clear(&buffer);
    assert_string_equal(buffer_text(&buffer), "");
    buffer_free(&buffer);
}

static void integers_are_whole_and_in_range(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ok;
        int64_t value;
    } rows[] = {
        {"0", true, 0},
        {"-7", true, -7},
        {"007", true, 7},
        {"", false, 0},
        {"-", false, 0},
        {"1.0", false, 0},
        {" 1", false, 0},
        {"1 ", false, 0},
        {"+1", false, 0},
        {NULL, false, 0},
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"99999999999999999999", false, 0},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        int64_t value = 0;
        assert_int_equal(text_parse_integer(rows[at].text, &value), rows[at].ok);
        assert_true(value == rows[at].value);
    }
}

static void text_is_clipped_between_characters(void **state)
{
    (void)state;
    assert_int_equal(text_clip_utf8("abc", 2), 2);
    assert_int_equal(text_clip_utf8("a\xC3\xA4z", 2), 1);
    assert_int_equal(text_clip_utf8("a\xC3\xA4z", 3), 3);
    assert_int_equal(text_clip_utf8("\xF0\x9F\x98\x80", 3), 0);
    assert_int_equal(text_clip_utf8("short", 99), 5);
}

/* Each byte at each place of texts that are shorter, as long and longer than a machine word. */
static void text_is_ascii_without_a_nul(void **state)
{
    (void)state;
    enum { LONGEST = 20, BYTES = 256 };
    char text[LONGEST];
    assert_true(text_is_ascii("", 0));
    for (size_t size = 1; size <= LONGEST; size++) {
        for (size_t place = 0; place < size; place++) {
            for (int byte = 0; byte < BYTES; byte++) {
                memset(text, place % 2 == 0 ? 0x7F : 1, size);
                text[place] = (char)byte;
                assert_int_equal(text_is_ascii(text, size), byte >= 1 && byte <= 0x7F);
            }
        }
    }
}

static void a_map_is_what_a_plain_array_would_be(void **state)
{
    (void)state;
    enum { KEYS = 300, ROUNDS = 20000 };
    static int values[KEYS];
    bool present[KEYS] = {false};
    struct map map = {0};
    struct prng prng;
    prng_seed(&prng, 11);
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t at = prng_between(&prng, 0, KEYS - 1);
        char key[16];
        (void)snprintf(key, sizeof(key), "k%u", (unsigned)at);
        if (prng_between(&prng, 0, 2) > 0) {
            void *before = map_put(&map, key, &values[at]);
            assert_ptr_equal(before, present[at] ? &values[at] : NULL);
            present[at] = true;
        } else {
            void *before = map_remove(&map, key);
            assert_ptr_equal(before, present[at] ? &values[at] : NULL);
            present[at] = false;
        }
    }
    size_t expected = 0;
    size_t seen = 0;
    for (int at = 0; at < KEYS; at++) {
        expected += present[at];
    }
    const struct map_entry *entry;
    for (size_t at = 0; (entry = map_next(&map, &at)) != NULL;) {
        seen++;
    }
    assert_int_equal(map.count, expected);
    assert_int_equal(seen, expected);
    map_free(&map);
}

static void hashes_are_those_of_the_rfc(void **state)
{
    (void)state;
    /* RFC 9923, test vectors of FNV-1a 64 */
    assert_true(hash_bytes(HASH_SEED, "", 0) == UINT64_C(0xcbf29ce484222325));
    assert_true(hash_bytes(HASH_SEED, "a", 1) == UINT64_C(0xaf63dc4c8601ec8c));
    assert_true(hash_bytes(HASH_SEED, "foobar", 6) == UINT64_C(0x85944171f73967e8));
    assert_true(hash_text(hash_text(HASH_SEED, "ab"), "c") !=
                hash_text(hash_text(HASH_SEED, "a"), "bc"));
    char name[HASH_NAME_LENGTH + 1];
    hash_format_name(UINT64_MAX, name);
    assert_int_equal(strlen(name), HASH_NAME_LENGTH);
    assert_int_equal(strspn(name, "bcdfghjklmnpqrstvwxz2456789"), HASH_NAME_LENGTH);
}

static void a_digest_is_what_sha256sum_says(void **state)
{
    (void)state;
    char hex[DIGEST_HEX_SIZE];
    digest_bytes("abc", 3, hex); /* FIPS 180-4, example 1 */
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    digest_bytes("", 0, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void instants_and_calendar_agree_both_ways(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t unix_seconds;
        int weekday;
    } rows[] = {
        {"1970-01-01T00:00:00Z", 0, 4},
        {"2000-02-29T23:59:59Z", 951868799, 2},
        {"2026-11-23T12:00:00Z", 1795435200, 1},
        {"1969-12-31T23:59:59Z", -1, 3},
        {"0001-01-01T00:00:00Z", -62135596800, 1},
        {"9999-12-31T23:59:59Z", 253402300799, 5},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        char text[CIVIL_TEXT_SIZE];
        int64_t parsed = 0;
        civil_format(rows[at].unix_seconds, text);
        assert_string_equal(text, rows[at].text);
        assert_true(civil_parse(rows[at].text, &parsed));
        assert_true(parsed == rows[at].unix_seconds);
        assert_int_equal(civil_from_unix(parsed).weekday, rows[at].weekday);
    }
}

static void only_rfc_3339_is_an_instant(void **state)
{
    (void)state;
    int64_t value = 0;
    assert_true(civil_parse("2026-01-31T03:00:00+01:00", &value));
    assert_true(value == 1769824800);
    assert_true(civil_parse("2026-01-31T02:00:00.123456Z", &value));
    assert_true(value == 1769824800);
    static const char *const refused[] = {"",
                                          "2026-01-31",
                                          "2026-02-30T00:00:00Z",
                                          "2026-01-31T24:00:00Z",
                                          "2026-01-31T03:00:00",
                                          "2026-01-31T03:00:00.Z",
                                          "2026-01-31T03:00:00Z ",
                                          "2026-1-31T03:00:00Z",
                                          "2026-01-31T03:00:00+1:00",
                                          "2026-13-01T00:00:00Z"};
    for (size_t at = 0; at < COUNT_OF(refused); at++) {
        assert_false(civil_parse(refused[at], &value));
    }
}

static void micro_times_keep_six_digits(void **state)
{
    (void)state;
    char text[CIVIL_TEXT_SIZE];
    civil_format_micro(1769824800000042, text);
    assert_string_equal(text, "2026-01-31T02:00:00.000042Z");
}

static void random_numbers_repeat_with_their_seed_and_stay_in_range(void **state)
{
    (void)state;
    struct prng one;
    struct prng two;
    prng_seed(&one, 5);
    prng_seed(&two, 5);
    bool low = false;
    bool high = false;
    for (int round = 0; round < 1000; round++) {
        uint64_t value = prng_between(&one, 3, 6);
        assert_true(value == prng_between(&two, 3, 6));
        assert_true(value >= 3 && value <= 6);
        low = low || value == 3;
        high = high || value == 6;
    }
    assert_true(low && high);
}

static char last_line[512];

static void keep_line(const char *line, size_t size)
{
    assert_true(size < sizeof(last_line));
    memcpy(last_line, line, size);
    last_line[size] = '\0';
}

static int64_t fixed_micros(void)
{
    return 1769824800000042;
}

static void log_lines_are_one_line_whatever_is_in_them(void **state)
{
    (void)state;
    struct log_sink sink = {.write = keep_line,
                            .now_micros = fixed_micros,
                            .level = LOG_INFO,
                            .format = LOG_FORMAT_TEXT};
    log_configure(sink);
    log_warning("list failed, retrying in 4 s", LOG_TEXT("kind", "Job"), LOG_INTEGER("ms", 4000),
                LOG_TEXT("said", "a \"b\"\nc"));
    assert_string_equal(last_line, "time=2026-01-31T02:00:00.000042Z level=warning "
                                   "message=\"list failed, retrying in 4 s\" kind=Job ms=4000 "
                                   "said=\"a \\\"b\\\"\\nc\"\n");
    sink.format = LOG_FORMAT_JSON;
    log_configure(sink);
    log_info("started", LOG_TEXT("pod", NULL), LOG_INTEGER("n", -1));
    assert_string_equal(last_line, "{\"time\":\"2026-01-31T02:00:00.000042Z\",\"level\":\"info\","
                                   "\"message\":\"started\",\"pod\":\"\",\"n\":-1}\n");
    last_line[0] = '\0';
    log_debug("not asked for");
    assert_string_equal(last_line, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_carries_where_it_happened),
        cmocka_unit_test(an_error_may_be_nobody_s_business),
        cmocka_unit_test(a_long_error_is_cut_not_overrun),
        cmocka_unit_test(an_arena_s_memory_is_zeroed_and_apart),
        cmocka_unit_test(a_buffer_refuses_what_is_over_its_maximum_and_keeps_the_rest),
        cmocka_unit_test(integers_are_whole_and_in_range),
        cmocka_unit_test(text_is_clipped_between_characters),
        cmocka_unit_test(text_is_ascii_without_a_nul),
        cmocka_unit_test(a_map_is_what_a_plain_array_would_be),
        cmocka_unit_test(hashes_are_those_of_the_rfc),
        cmocka_unit_test(a_digest_is_what_sha256sum_says),
        cmocka_unit_test(instants_and_calendar_agree_both_ways),
        cmocka_unit_test(only_rfc_3339_is_an_instant),
        cmocka_unit_test(micro_times_keep_six_digits),
        cmocka_unit_test(random_numbers_repeat_with_their_seed_and_stay_in_range),
        cmocka_unit_test(log_lines_are_one_line_whatever_is_in_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
