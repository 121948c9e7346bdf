/* Schedules by a clock that no zone has, but that a file may tell of (plan/cron.c). */

#include "support/test.h"

#include "core/civil.h"
#include "plan/cron.h"

#include <string.h>

enum { HEADER = 44, CHANGES = 12, EVERY = 20 * 60, TYPES = 3, BYTE_BITS = 8 };
enum { SIZE = HEADER + CHANGES * 5 + TYPES * 6 + 4 };

static int64_t instant(const char *text)
{
    int64_t seconds = 0;
    if (!civil_parse(text, &seconds)) {
        fail_msg("%s", text);
    }
    return seconds;
}

static void put_32(unsigned char *at, int64_t value)
{
    for (int byte = 0; byte < 4; byte++) {
        at[byte] = (unsigned char)(value >> (3 - byte) * BYTE_BITS);
    }
}

/* Three hours ahead, and from `first` on by turns none and one, with a change each 20 minutes. */
static const struct zone *restless_zone(struct arena *arena, int64_t first)
{
    static const int64_t offsets[TYPES] = {3 * 3600, 0, 3600};
    unsigned char bytes[SIZE] = "TZif";
    unsigned char *types = bytes + HEADER + (size_t)CHANGES * 4;
    put_32(bytes + 32, CHANGES);
    put_32(bytes + 36, TYPES);
    put_32(bytes + 40, 4);
    for (int at = 0; at < CHANGES; at++) {
        put_32(bytes + HEADER + (size_t)at * 4, first + (int64_t)at * EVERY);
        types[at] = (unsigned char)(1 + at % 2);
    }
    for (int at = 0; at < TYPES; at++) {
        put_32(types + CHANGES + (size_t)at * 6, offsets[at]);
    }
    memcpy(bytes + SIZE - 4, "XYZ", 4);
    const struct zone *zone = NULL;
    struct error error = {0};
    if (!result_is_ok(zone_parse(arena, "X", bytes, sizeof(bytes), &zone, &error))) {
        fail_msg("%s", error.message);
    }
    return zone;
}

/* Both times are shown before the first change, and that day twice more: an hour later, and two. */
static void a_clock_that_is_changed_all_the_time_neither_loses_nor_doubles_a_firing(void **state)
{
    (void)state;
    static const char *const expected[] = {"2026-03-01T00:10:00Z", "2026-03-01T00:50:00Z",
                                           "2026-03-02T02:10:00Z", "2026-03-02T02:50:00Z"};
    struct arena arena = {0};
    const struct zone *zone = restless_zone(&arena, instant("2026-03-01T01:00:00Z"));
    const struct cron *cron = NULL;
    struct cron_window window;
    int64_t after = instant("2026-02-28T12:00:00Z");
    int64_t newest[COUNT_OF(expected) + 1];
    assert_true(result_is_ok(cron_parse(&arena, "10,50 3 * * *", &cron, NULL)));
    cron_count_between(cron, zone, after, instant("2026-03-02T12:00:00Z"), &window);
    assert_int_equal(window.count, COUNT_OF(expected));
    assert_int_equal(
        cron_newest(cron, zone, after, instant("2026-03-02T12:00:00Z"), newest, COUNT_OF(newest)),
        COUNT_OF(expected));
    for (size_t at = 0; at < COUNT_OF(expected); at++) {
        assert_true(cron_next(cron, zone, after, &after));
        assert_true(after == instant(expected[at]));
        assert_true(newest[at] == after);
    }
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clock_that_is_changed_all_the_time_neither_loses_nor_doubles_a_firing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
