#include "support/test.h"

#include "core/civil.h"
#include "core/prng.h"
#include "core/text.h"
#include "plan/cron.h"
#include "unit/cron/zones.h"

#include <stdio.h>
#include <time.h>

enum { DAY = 86400, FIRINGS = 4 };

static int64_t instant(const char *text)
{
    int64_t seconds = 0;
    if (!civil_parse(text, &seconds)) {
        fail_msg("%s", text);
    }
    return seconds;
}

static const struct cron *parse(struct arena *arena, const char *expression)
{
    struct error error = {0};
    const struct cron *cron = NULL;
    if (!result_is_ok(cron_parse(arena, expression, &cron, &error))) {
        fail_msg("%s: %s", expression, error.message);
    }
    return cron;
}

static const struct {
    const char *expression;
    bool accepted;
    int64_t after;
    int64_t next[FIRINGS];
} robfig_rows[] = {
#include "unit/cron/robfig.inc"
};

static void expressions_mean_what_robfig_cron_says(void **state)
{
    (void)state;
    for (size_t row = 0; row < COUNT_OF(robfig_rows); row++) {
        struct arena arena = {0};
        struct error error = {0};
        const struct cron *cron = NULL;
        const char *expression = robfig_rows[row].expression;
        if (result_is_ok(cron_parse(&arena, expression, &cron, &error)) !=
            robfig_rows[row].accepted) {
            fail_msg("\"%s\" accepted: %d: %s", expression, cron != NULL, error.message);
        }
        int64_t time = robfig_rows[row].after;
        for (size_t at = 0; cron && at < FIRINGS; at++) {
            assert_true(cron_next(cron, zone_utc(), time, &time));
            if (time != robfig_rows[row].next[at]) {
                fail_msg("\"%s\" after %lld, firing %zu: %lld", expression,
                         (long long)robfig_rows[row].after, at, (long long)time);
            }
        }
        arena_free(&arena);
    }
}

enum { WALL_MAXIMUM = 300 }; /* more than any row has */

static const struct {
    const char *zone;
    const char *expression;
    int64_t after;
    int64_t until;
    size_t count;
    int64_t times[WALL_MAXIMUM];
} wall_rows[] = {
#include "unit/cron/firings.inc"
};

static void firings_are_those_of_a_clock_on_the_wall(void **state)
{
    (void)state;
    for (size_t row = 0; row < COUNT_OF(wall_rows); row++) {
        struct arena arena = {0};
        const struct zone *zone = load_zone(&arena, wall_rows[row].zone);
        const struct cron *cron = parse(&arena, wall_rows[row].expression);
        int64_t time = wall_rows[row].after;
        for (size_t at = 0; at < wall_rows[row].count; at++) {
            assert_true(cron_next(cron, zone, time, &time));
            if (time != wall_rows[row].times[at]) {
                fail_msg("%s \"%s\" firing %zu: %lld, expected %lld", wall_rows[row].zone,
                         wall_rows[row].expression, at, (long long)time,
                         (long long)wall_rows[row].times[at]);
            }
        }
        assert_true(cron_next(cron, zone, time, &time));
        assert_true(time > wall_rows[row].until);
        arena_free(&arena);
    }
}

/* Space-separated firings of a row, in UTC. */
static void check_firings(const char *sentence, const char *expression, const char *zone_name_text,
                          const char *after, const char *expected)
{
    struct arena arena = {0};
    const struct zone *zone = load_zone(&arena, zone_name_text);
    const struct cron *cron = parse(&arena, expression);
    int64_t time = instant(after);
    char found[512] = "";
    size_t wanted = 1;
    for (const char *at = expected; *at != '\0'; at++) {
        wanted += *at == ' ';
    }
    for (size_t at = 0; at < wanted; at++) {
        char text[CIVIL_TEXT_SIZE];
        assert_true(cron_next(cron, zone, time, &time));
        civil_format(time, text);
        size_t used = strlen(found);
        (void)snprintf(found + used, sizeof(found) - used, "%s%s", at > 0 ? " " : "", text);
    }
    if (strcmp(found, expected) != 0) {
        fail_msg("%s: %s", sentence, found);
    }
    arena_free(&arena);
}

static void clock_changes_neither_lose_nor_double_a_firing(void **state)
{
    (void)state;
    static const struct {
        const char *sentence;
        const char *expression;
        const char *zone;
        const char *after;
        const char *expected;
    } rows[] = {
        {"Berlin: a skipped time runs once at the jump", "30 2 * * *", "Europe/Berlin",
         "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z 2026-03-30T00:30:00Z"},
        {"Berlin: several skipped times run once together", "*/10 2 * * *", "Europe/Berlin",
         "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z 2026-03-30T00:00:00Z"},
        {"Berlin: a skipped time and the time of the jump are one", "0 2,3 * * *", "Europe/Berlin",
         "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z 2026-03-30T00:00:00Z"},
        {"Berlin: a repeated time runs the first time alone", "30 2 * * *", "Europe/Berlin",
         "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z 2026-10-26T01:30:00Z"},
        {"Berlin: after the first time, the second is not taken", "30 2 * * *", "Europe/Berlin",
         "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"},
        {"Berlin: a quarter of an hour goes on through the jump", "*/15 * * * *", "Europe/Berlin",
         "2026-03-29T00:30:00Z", "2026-03-29T00:45:00Z 2026-03-29T01:00:00Z 2026-03-29T01:15:00Z"},
        {"Berlin: a quarter of an hour goes on through the repeated hour", "*/15 * * * *",
         "Europe/Berlin", "2026-10-25T00:30:00Z",
         "2026-10-25T00:45:00Z 2026-10-25T01:00:00Z 2026-10-25T01:15:00Z"},
        {"Berlin: every second hour fires in both hours two", "0 */2 * * *", "Europe/Berlin",
         "2026-10-24T23:00:00Z", "2026-10-25T00:00:00Z 2026-10-25T01:00:00Z 2026-10-25T03:00:00Z"},
        {"Berlin: every second hour has no hour two at the jump", "0 */2 * * *", "Europe/Berlin",
         "2026-03-28T22:00:00Z", "2026-03-28T23:00:00Z 2026-03-29T02:00:00Z"},
        {"Berlin: all hours written as a range are fixed hours", "30 0-23 * * *", "Europe/Berlin",
         "2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z 2026-10-25T02:30:00Z"},
        {"Lord Howe: half an hour is skipped", "15 2 * * *", "Australia/Lord_Howe",
         "2026-10-03T00:00:00Z", "2026-10-03T15:30:00Z 2026-10-04T15:15:00Z"},
        {"Lord Howe: half an hour is repeated", "45 1 * * *", "Australia/Lord_Howe",
         "2026-04-04T00:00:00Z", "2026-04-04T14:45:00Z 2026-04-05T15:15:00Z"},
        {"Lord Howe: what is outside of the half hour is as ever", "15 1 * * *",
         "Australia/Lord_Howe", "2026-04-04T00:00:00Z",
         "2026-04-04T14:15:00Z 2026-04-05T14:45:00Z"},
        {"Apia: a skipped day runs once at the jump", "0 3 * * *", "Pacific/Apia",
         "2011-12-29T12:00:00Z", "2011-12-29T13:00:00Z 2011-12-30T10:00:00Z 2011-12-30T13:00:00Z"},
        {"Apia: a rule for the skipped day alone still runs", "0 3 30 12 *", "Pacific/Apia",
         "2011-01-01T00:00:00Z", "2011-12-30T10:00:00Z 2012-12-29T13:00:00Z"},
        {"Apia: hours go on through the skipped day", "0 * * * *", "Pacific/Apia",
         "2011-12-30T08:30:00Z", "2011-12-30T09:00:00Z 2011-12-30T10:00:00Z 2011-12-30T11:00:00Z"},
        {"Sao Paulo: a skipped midnight runs at one o'clock", "0 0 * * *", "America/Sao_Paulo",
         "2018-11-03T12:00:00Z", "2018-11-04T03:00:00Z 2018-11-05T02:00:00Z"},
        {"Sao Paulo: the day after a repeated hour before midnight", "0 0 * * *",
         "America/Sao_Paulo", "2019-02-16T12:00:00Z", "2019-02-17T03:00:00Z 2019-02-18T03:00:00Z"},
        {"Sao Paulo: a repeated 23:30 runs once", "30 23 * * *", "America/Sao_Paulo",
         "2019-02-16T12:00:00Z", "2019-02-17T01:30:00Z 2019-02-18T02:30:00Z"},
        {"Casablanca: clocks go back for Ramadan", "30 2 * * *", "Africa/Casablanca",
         "2026-02-14T12:00:00Z", "2026-02-15T01:30:00Z 2026-02-16T02:30:00Z"},
        {"Casablanca: and forward after it", "30 2 * * *", "Africa/Casablanca",
         "2026-03-21T12:00:00Z", "2026-03-22T02:00:00Z 2026-03-23T01:30:00Z"},
        {"New York: a skipped time on a weekday that ends in it", "30 2 * * 0", "America/New_York",
         "2026-03-05T00:00:00Z", "2026-03-08T07:00:00Z 2026-03-15T06:30:00Z"},
        {"Troll: two hours are skipped, one firing", "0,30 1-2 * * *", "Antarctica/Troll",
         "2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z 2026-03-29T23:00:00Z"},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        check_firings(rows[at].sentence, rows[at].expression, rows[at].zone, rows[at].after,
                      rows[at].expected);
    }
}

/*
 * A zone that nobody has (yet): two hours ahead, on 2026-03-01T01:00:00Z one hour ahead, and half
 * an hour later two again. All that the clock shows in between it has shown before.
 */
static const char half_an_hour_back[] = "TZif\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                                        "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\2\0\0\0\2\0\0\0\4"
                                        "\x69\xa3\x8f\x90\x69\xa3\x96\x98\1\0"
                                        "\0\0\x1c\x20\0\0\0\0\x0e\x10\0\0"
                                        "XYZ";

static void a_change_that_is_taken_back_at_once_neither_loses_nor_doubles_a_firing(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct error error = {0};
    const struct zone *zone = NULL;
    const struct cron *cron = parse(&arena, "15 2,3 * * *");
    struct cron_window window;
    int64_t time = instant("2026-02-28T12:00:00Z");
    static const char *const expected[] = {
        "2026-03-01T00:15:00Z", /* 02:15; it is 02:15 once more an hour later */
        "2026-03-01T01:30:00Z", /* 03:15 is skipped: at the jump */
        "2026-03-02T00:15:00Z"};
    assert_true(result_is_ok(
        zone_parse(&arena, "X", half_an_hour_back, sizeof(half_an_hour_back), &zone, &error)));
    cron_count_between(cron, zone, time, instant(expected[2]), &window);
    assert_true(window.count == COUNT_OF(expected));
    for (size_t at = 0; at < COUNT_OF(expected); at++) {
        assert_true(cron_next(cron, zone, time, &time));
        assert_true(time == instant(expected[at]));
    }
    arena_free(&arena);
}

static void seven_is_sunday_and_29_february_is_found_across_2100(void **state)
{
    (void)state;
    static const struct {
        const char *sentence;
        const char *expression;
        const char *after;
        const char *expected;
    } rows[] = {
        {"7 is Sunday", "0 0 * * 7", "2026-11-23T00:00:00Z", "2026-11-29T00:00:00Z"},
        {"5-7 is Friday to Sunday", "0 0 * * 5-7", "2026-11-26T00:00:00Z",
         "2026-11-27T00:00:00Z 2026-11-28T00:00:00Z 2026-11-29T00:00:00Z 2026-12-04T00:00:00Z"},
        {"sat-7 is the weekend", "0 0 * * sat-7", "2026-11-26T00:00:00Z",
         "2026-11-28T00:00:00Z 2026-11-29T00:00:00Z 2026-12-05T00:00:00Z"},
        {"1/2 ends at Friday, not at a second Sunday", "0 0 * * 1/2", "2026-11-26T00:00:00Z",
         "2026-11-27T00:00:00Z 2026-11-30T00:00:00Z"},
        {"7/2 is Sunday alone", "0 0 * * 7/2", "2026-11-23T00:00:00Z",
         "2026-11-29T00:00:00Z 2026-12-06T00:00:00Z"},
        {"1-7/3 is Monday, Thursday, Sunday", "0 0 * * 1-7/3", "2026-11-23T00:00:00Z",
         "2026-11-26T00:00:00Z 2026-11-29T00:00:00Z 2026-11-30T00:00:00Z"},
        {"8 years without a 29 February", "0 0 29 2 *", "2096-03-01T00:00:00Z",
         "2104-02-29T00:00:00Z 2108-02-29T00:00:00Z"},
        {"strictly after", "0 0 * * *", "2026-11-23T00:00:00Z", "2026-11-24T00:00:00Z"},
        {"the second before counts", "0 0 * * *", "2026-11-22T23:59:59Z", "2026-11-23T00:00:00Z"},
        {"before 1970", "0 0 1 1 *", "1900-06-01T00:00:30Z",
         "1901-01-01T00:00:00Z 1902-01-01T00:00:00Z"},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        check_firings(rows[at].sentence, rows[at].expression, "UTC", rows[at].after,
                      rows[at].expected);
    }
}

static void refusals_name_field_column_and_reason(void **state)
{
    (void)state;
    static const struct {
        const char *expression;
        const char *field;
        size_t column;
        size_t length;
        const char *reason;
    } rows[] = {
        {"61 * * * *", "minute", 1, 2, "61 is above the highest, 59"},
        {"0 24 * * *", "hour", 3, 2, "24 is above the highest, 23"},
        {"0 0 0 * *", "day of month", 5, 1, "0 is below the lowest, 1"},
        {"0 0 1,32 * *", "day of month", 7, 2, "32 is above the highest, 31"},
        {"0 0 * 13 *", "month", 7, 2, "13 is above the highest, 12"},
        {"0 0 * juin *", "month", 7, 4, "names jan to dec"},
        {"0 0 * +13 *", "month", 7, 3, "13 is above the highest, 12"},
        {"0 0 * 1- *", "month", 9, 1, "a number is missing"},
        {"\x7f * * * *", "minute", 1, 1, "\"?\" is not a number"},
        {"0 0 * * 8", "day of week", 9, 1, "8 is above the highest, 7"},
        {"0 0 * * monday", "day of week", 9, 6, "names sun to sat"},
        {"0 0 * * sat-sun", "day of week", 9, 7, "Sunday is also 7"},
        {"5-1 * * * *", "minute", 1, 3, "begins at 5, after its end 1"},
        {"1-2-3 * * * *", "minute", 1, 5, "one hyphen"},
        {"*/2/3 * * * *", "minute", 1, 5, "one slash"},
        {"*/0 * * * *", "minute", 3, 1, "a step must be 1 or more"},
        {"*/-2 * * * *", "minute", 3, 2, "-2 is negative"},
        {"*/-0 * * * *", "minute", 3, 2, "a step must be 1 or more"},
        {"*/9223372036854775808 * * * *", "minute", 3, 19, "too large"},
        {"0 0 * * 6-5", "day of week", 9, 3, "begins at 6, after its end 5"},
        {"*/ * * * *", "minute", 3, 1, "a number is missing"},
        {"1- * * * *", "minute", 3, 1, "a number is missing"},
        {"x * * * *", "minute", 1, 1, "\"x\" is not a number"},
        {"averylongwordthatisnominuteatallofanykindeither * * * *", "minute", 1, 47,
         "\"averylongwordthatisnominuteatallofan...\" is not a number"},
        {"\x1b[31m * * * *", "minute", 1, 5, "\"?[31m\" is not a number"},
        {"99999999999999999999 * * * *", "minute", 1, 20, "too large"},
        {", * * * *", "minute", 1, 1, "the list has no value"},
        {"59 23 31 2 *", "day of month", 7, 2, "it would never fire: no month in \"2\""},
        {"0 0 31 2,4,6,9,11 *", "day of month", 5, 2, "it would never fire"},
        {"0 0 30-31 feb ?", "day of month", 5, 5, "it would never fire"},
        {"0 0 * * * *", "expression", 11, 1, "text after the fifth field"},
        {"0 0 *", "expression", 6, 1, "it ends where the month is expected"},
        {"", "expression", 1, 1, "it is empty"},
        {"   ", "expression", 1, 1, "it is empty"},
        {"@every 5m", "expression", 1, 6, "write a step such as \"*/15 * * * *\""},
        {"@everyday", "expression", 1, 9, "@every has no fixed point"},
        {"@reboot", "expression", 1, 7, "none of @hourly"},
        {"TZ=UTC 0 0 * * *", "expression", 1, 6, "name it beside the schedule"},
        {" CRON_TZ=Europe/Berlin 0 0 * * *", "expression", 2, 21, "name it beside the schedule"},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct arena arena = {0};
        struct error error = {0};
        struct cron_place place = {0};
        const struct cron *cron = NULL;
        struct result result = cron_parse_placed(&arena, rows[at].expression, &cron, &place,
                                                 &error);
        char start[64];
        (void)snprintf(start, sizeof(start), "%s, column %zu: ", rows[at].field, rows[at].column);
        if (result.kind != ERROR_INVALID || cron || !text_starts_with(error.message, start) ||
            !strstr(error.message, rows[at].reason) || place.column != rows[at].column ||
            place.length != rows[at].length || !text_equal(place.field, rows[at].field)) {
            fail_msg("\"%s\": column %zu, length %zu: %s", rows[at].expression, place.column,
                     place.length, error.message);
        }
        arena_free(&arena);
    }
}

static void an_expression_of_any_length_is_judged_not_trusted(void **state)
{
    (void)state;
    struct arena arena = {0};
    const struct cron *cron = NULL;
    struct error error = {0};
    char text[CRON_EXPRESSION_MAXIMUM + 2];
    memset(text, '0', sizeof(text));
    memcpy(text + CRON_EXPRESSION_MAXIMUM - 8, " * * * *", 9);
    assert_true(result_is_ok(cron_parse(&arena, text, &cron, &error)));
    memset(text, '1', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    assert_int_equal(cron_parse(&arena, text, &cron, &error).kind, ERROR_INVALID);
    assert_string_equal(error.message, "expression, column 257: it is longer than 256 bytes");
    assert_int_equal(cron_parse(&arena, NULL, &cron, &error).kind, ERROR_INVALID);
    arena_free(&arena);
}

static void random_bytes_are_an_error_with_a_printable_message(void **state)
{
    (void)state;
    static const char alphabet[] = "0123456789*/-,? @+jansuTZ=\t\x01\xff";
    struct prng prng;
    prng_seed(&prng, 3);
    for (int round = 0; round < 100000; round++) {
        struct arena arena = {0};
        struct error error = {0};
        const struct cron *cron = NULL;
        char text[40] = "";
        size_t length = prng_between(&prng, 0, sizeof(text) - 1);
        for (size_t at = 0; at < length; at++) {
            text[at] = alphabet[prng_between(&prng, 0, sizeof(alphabet) - 2)];
        }
        if (!result_is_ok(cron_parse(&arena, text, &cron, &error))) {
            for (const char *at = error.message; *at != '\0'; at++) {
                assert_true(*at >= ' ' && *at <= '~');
            }
        }
        arena_free(&arena);
    }
}

static void nothing_fires_outside_the_years_1_to_9999(void **state)
{
    (void)state;
    struct arena arena = {0};
    const struct cron *cron = parse(&arena, "0 0 1 1 *");
    struct cron_window window;
    int64_t time = -1;
    assert_true(cron_next(cron, zone_utc(), INT64_MIN, &time));
    assert_true(time == CRON_EARLIEST);
    assert_true(cron_next(cron, zone_utc(), instant("9998-06-01T00:00:00Z"), &time));
    assert_true(time == instant("9999-01-01T00:00:00Z"));
    assert_false(cron_next(cron, zone_utc(), time, &time));
    assert_false(cron_next(cron, zone_utc(), INT64_MAX, &time));
    assert_true(time == instant("9999-01-01T00:00:00Z"));
    cron_count_between(cron, zone_utc(), INT64_MIN, INT64_MAX, &window);
    assert_true(window.count == 9999);
    assert_true(window.oldest == CRON_EARLIEST && window.newest == time);
    cron_count_between(cron, load_zone(&arena, "Europe/Berlin"), INT64_MIN, INT64_MAX, &window);
    assert_true(window.count == 9999);
    cron_count_between(cron, zone_utc(), 1, 0, &window);
    assert_true(window.count == 0);
    assert_int_equal(cron_newest(cron, zone_utc(), INT64_MAX, INT64_MIN, &time, 1), 0);
    assert_int_equal(cron_newest(cron, zone_utc(), INT64_MIN, INT64_MAX, &time, 0), 0);
    arena_free(&arena);
}

/* A value, range, star or step: more of the short lists than of the wide ones. */
static void append_field(struct prng *prng, char *text, size_t size, int low, int high)
{
    size_t used = strlen(text);
    int first = (int)prng_between(prng, (uint64_t)low, (uint64_t)high);
    int last = (int)prng_between(prng, (uint64_t)first, (uint64_t)high);
    int step = (int)prng_between(prng, 1, (uint64_t)high);
    switch (prng_between(prng, 0, 6)) {
    case 0:
    case 1:
        (void)snprintf(text + used, size - used, "* ");
        return;
    case 2:
        (void)snprintf(text + used, size - used, "*/%d ", step);
        return;
    case 3:
        (void)snprintf(text + used, size - used, "%d-%d ", first, last);
        return;
    case 4:
        (void)snprintf(text + used, size - used, "%d,%d-%d/%d ", low, first, last, step);
        return;
    default:
        (void)snprintf(text + used, size - used, "%d ", first);
    }
}

static const struct cron *make_random_cron(struct arena *arena, struct prng *prng, char text[128])
{
    const struct cron *cron = NULL;
    do {
        text[0] = '\0';
        append_field(prng, text, 128, 0, 59);
        append_field(prng, text, 128, 0, 23);
        append_field(prng, text, 128, 1, 31);
        append_field(prng, text, 128, 1, 12);
        append_field(prng, text, 128, 0, 7);
    } while (!result_is_ok(cron_parse(arena, text, &cron, NULL)));
    return cron;
}

enum { STEPS = 300, NEWEST = 7 };

static void check_window(const struct cron *cron, const struct zone *zone, int64_t after,
                         const int64_t *times, size_t count, int64_t until)
{
    struct cron_window window;
    int64_t newest[NEWEST];
    cron_count_between(cron, zone, after, until, &window);
    assert_true(window.count == (int64_t)count);
    size_t got = cron_newest(cron, zone, after, until, newest, NEWEST);
    size_t expected = count < NEWEST ? count : NEWEST;
    assert_int_equal(got, expected);
    if (count > 0) {
        assert_true(window.oldest == times[0]);
        assert_true(window.newest == times[count - 1]);
        assert_memory_equal(newest, times + (count - expected), expected * sizeof(newest[0]));
    }
}

static void next_count_and_newest_agree_for_random_schedules_in_all_zones(void **state)
{
    (void)state;
    struct prng prng;
    prng_seed(&prng, 42);
    for (int round = 0; round < 3000; round++) {
        struct arena arena = {0};
        char text[128];
        const struct zone *zone = load_zone(
            &arena, zone_files[prng_between(&prng, 0, COUNT_OF(zone_files) - 1)].name);
        const struct cron *cron = make_random_cron(&arena, &prng, text);
        int64_t after = (int64_t)prng_between(&prng, 0, UINT64_C(8000000000)) - 3000000000;
        if (round % 2 == 0) { /* just before the clock changes */
            int64_t change = after;
            (void)zone_next_transition(zone, after, &change);
            after = change - (int64_t)prng_between(&prng, 0, 2 * DAY);
        }
        int64_t times[STEPS];
        int64_t time = after;
        size_t count = 0;
        while (count < STEPS && cron_next(cron, zone, time, &time)) {
            assert_true(time > (count > 0 ? times[count - 1] : after));
            times[count++] = time;
        }
        assert_int_equal(count, STEPS);
        size_t some = prng_between(&prng, 1, STEPS);
        check_window(cron, zone, after, times, some, times[some - 1]);
        check_window(cron, zone, after, times, some - 1, times[some - 1] - 1);
        check_window(cron, zone, times[0], times + 1, some - 1, times[some - 1]);
        arena_free(&arena);
    }
}

/* Processor time of this thread alone: what others do on the machine is not counted. */
static int64_t used_micros(void)
{
    struct timespec used;
    assert_int_equal(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used), 0);
    return (int64_t)used.tv_sec * 1000000 + used.tv_nsec / 1000;
}

static void ten_years_of_every_minute_are_counted_by_days(void **state)
{
    (void)state;
    enum { LIMIT_MICROS = 10000 }; /* minute by minute takes a hundred times longer */
    struct arena arena = {0};
    const struct zone *zone = load_zone(&arena, "Europe/Berlin");
    const struct cron *cron = parse(&arena, "* * * * *");
    int64_t until = instant("2026-11-23T00:00:00Z");
    int64_t after = instant("2016-11-23T00:00:00Z");
    struct cron_window window;
    int64_t newest[10];
    int64_t before = used_micros();
    cron_count_between(cron, zone, after, until, &window);
    size_t got = cron_newest(cron, zone, after, until, newest, COUNT_OF(newest));
    int64_t used = used_micros() - before;
    assert_true(window.count == (until - after) / 60);
    assert_int_equal(got, COUNT_OF(newest));
    assert_true(newest[0] == until - 540 && newest[9] == until);
    assert_true(used < LIMIT_MICROS);
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expressions_mean_what_robfig_cron_says),
        cmocka_unit_test(firings_are_those_of_a_clock_on_the_wall),
        cmocka_unit_test(clock_changes_neither_lose_nor_double_a_firing),
        cmocka_unit_test(a_change_that_is_taken_back_at_once_neither_loses_nor_doubles_a_firing),
        cmocka_unit_test(seven_is_sunday_and_29_february_is_found_across_2100),
        cmocka_unit_test(refusals_name_field_column_and_reason),
        cmocka_unit_test(an_expression_of_any_length_is_judged_not_trusted),
        cmocka_unit_test(random_bytes_are_an_error_with_a_printable_message),
        cmocka_unit_test(nothing_fires_outside_the_years_1_to_9999),
        cmocka_unit_test(next_count_and_newest_agree_for_random_schedules_in_all_zones),
        cmocka_unit_test(ten_years_of_every_minute_are_counted_by_days),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
