#include "support/test.h"

#include "core/buffer.h"
#include "core/civil.h"
#include "core/memory.h"
#include "core/prng.h"
#include "core/text.h"
#include "io/zonefile.h"
#include "unit/cron/zones.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int64_t instant(const char *text)
{
    int64_t seconds = 0;
    assert_true(civil_parse(text, &seconds));
    return seconds;
}

static const struct {
    const char *zone;
    int64_t start;
    int32_t offset;
    const char *abbreviation;
} expected_periods[] = {
#include "unit/cron/periods.inc"
};

static void zones_change_when_python_s_zoneinfo_says_so(void **state)
{
    (void)state;
    struct arena arena = {0};
    const struct zone *zone = NULL;
    for (size_t at = 0; at < COUNT_OF(expected_periods); at++) {
        bool first = at == 0 || strcmp(expected_periods[at].zone, expected_periods[at - 1].zone);
        zone = first ? load_zone(&arena, expected_periods[at].zone) : zone;
        struct zone_period period = zone_period_at(zone, expected_periods[at].start);
        int64_t until = period.end;
        bool last = at + 1 == COUNT_OF(expected_periods) ||
                    strcmp(expected_periods[at].zone, expected_periods[at + 1].zone) != 0;
        /* Changes of the daylight flag alone are periods of ours, but not of the table. */
        while (!last && until < expected_periods[at + 1].start) {
            struct zone_period next = zone_period_at(zone, until);
            assert_int_equal(next.offset, period.offset);
            assert_string_equal(next.abbreviation, period.abbreviation);
            until = next.end;
        }
        assert_int_equal(period.offset, expected_periods[at].offset);
        assert_string_equal(period.abbreviation, expected_periods[at].abbreviation);
        if (!last) {
            assert_true(until == expected_periods[at + 1].start);
        }
        if (!first) {
            assert_true(period.start == expected_periods[at].start);
        }
    }
    arena_free(&arena);
}

static void a_fat_file_and_a_slim_one_mean_the_same(void **state)
{
    (void)state;
    static const char *const names[] = {"Europe/Berlin", "Africa/Casablanca"};
    struct arena arena = {0};
    for (size_t at = 0; at < COUNT_OF(names); at++) {
        const struct zone *slim = load_zone(&arena, names[at]);
        const struct zone *fat = load_zone(&arena, arena_print(&arena, "fat %s", names[at]));
        int64_t time = instant("1900-01-01T00:00:00Z");
        for (; time < instant("2090-01-01T00:00:00Z"); time += 7 * 3600) {
            assert_int_equal(zone_offset_at(slim, time), zone_offset_at(fat, time));
        }
    }
    arena_free(&arena);
}

static void periods_lie_end_to_end_in_all_zones(void **state)
{
    (void)state;
    struct arena arena = {0};
    for (size_t at = 0; at < COUNT_OF(zone_files); at++) {
        const struct zone *zone = load_zone(&arena, zone_files[at].name);
        int64_t time = ZONE_EARLIEST;
        for (int count = 0; count < 1000 && time < ZONE_LATEST; count++) {
            struct zone_period period = zone_period_at(zone, time);
            int64_t next = 0;
            assert_true(period.start == time);
            assert_true(period.end > period.start);
            assert_true(zone_period_at(zone, period.end - 1).start == period.start);
            assert_true(zone_next_transition(zone, time, &next) == (period.end < ZONE_LATEST));
            assert_true(period.end == ZONE_LATEST || next == period.end);
            time = period.end;
        }
    }
    arena_free(&arena);
}

static void utc_needs_no_file_and_never_changes(void **state)
{
    (void)state;
    int64_t next = 0;
    assert_int_equal(zone_offset_at(zone_utc(), 0), 0);
    assert_int_equal(zone_offset_at(zone_utc(), INT64_MIN), 0);
    assert_int_equal(zone_offset_at(zone_utc(), INT64_MAX), 0);
    assert_false(zone_next_transition(zone_utc(), 0, &next));
    assert_string_equal(zone_period_at(zone_utc(), 0).abbreviation, "UTC");
    assert_string_equal(zone_name(zone_utc()), "UTC");
    assert_ptr_equal(zone_find_builtin("Etc/UTC"), zone_utc());
    assert_ptr_equal(zone_find_builtin("UTC"), zone_utc());
    assert_null(zone_find_builtin("Europe/Berlin"));
}

/* A file of version 2 with a footer, and no transitions, types aside. */
static const char footer_only[] = "TZif2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                                  "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                                  "TZif2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                                  "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\4"
                                  "\0\0\0\0\0\0UTC";
enum { FOOTER_ONLY_SIZE = sizeof(footer_only) };

static struct result parse_footer(struct arena *arena, const char *footer, const struct zone **zone,
                                  struct error *error)
{
    size_t size = FOOTER_ONLY_SIZE + strlen(footer) + 2;
    char *bytes = arena_allocate(arena, size, 1);
    memcpy(bytes, footer_only, FOOTER_ONLY_SIZE);
    bytes[FOOTER_ONLY_SIZE] = '\n';
    memcpy(bytes + FOOTER_ONLY_SIZE + 1, footer, strlen(footer));
    bytes[size - 1] = '\n';
    return zone_parse(arena, "Test", bytes, size, zone, error);
}

static void a_local_time_begins_at_the_first_instant_that_shows_it_or_a_later_one(void **state)
{
    (void)state;
    static const struct {
        const char *sentence;
        const char *zone;
        const char *local; /* written as if it were UTC */
        const char *first;
    } rows[] = {
        {"UTC", "UTC", "2026-01-31T00:00:00Z", "2026-01-31T00:00:00Z"},
        {"in winter", "Europe/Berlin", "2026-01-31T00:00:00Z", "2026-01-30T23:00:00Z"},
        {"in summer", "Europe/Berlin", "2026-07-31T00:00:00Z", "2026-07-30T22:00:00Z"},
        {"skipped in the night", "Europe/Berlin", "2026-03-29T02:30:00Z", "2026-03-29T01:00:00Z"},
        {"shown twice", "Europe/Berlin", "2026-10-25T02:30:00Z", "2026-10-25T00:30:00Z"},
        {"midnight is skipped", "America/Sao_Paulo", "2018-11-04T00:00:00Z",
         "2018-11-04T03:00:00Z"},
        {"the clock goes back at midnight", "America/Sao_Paulo", "2019-02-17T00:00:00Z",
         "2019-02-17T03:00:00Z"},
        {"a whole day is skipped", "Pacific/Apia", "2011-12-30T00:00:00Z", "2011-12-30T10:00:00Z"},
        {"the day behind it", "Pacific/Apia", "2011-12-31T00:00:00Z", "2011-12-30T10:00:00Z"},
        {"half an hour", "Australia/Lord_Howe", "2026-10-04T02:15:00Z", "2026-10-03T15:30:00Z"},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct arena arena = {0};
        int64_t first = zone_first_instant(load_zone(&arena, rows[at].zone),
                                           instant(rows[at].local));
        char text[CIVIL_TEXT_SIZE];
        civil_format(first, text);
        if (strcmp(text, rows[at].first) != 0) {
            fail_msg("%s: %s, not %s", rows[at].sentence, text, rows[at].first);
        }
        arena_free(&arena);
    }
}

static void a_local_time_beyond_all_that_is_known_begins_by_the_last_offset(void **state)
{
    (void)state;
    static const struct {
        const char *zone;
        int64_t offset;
    } rows[] = {{"UTC", 0}, {"Asia/Kathmandu", 20700}};
    struct arena arena = {0};
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        const struct zone *zone = load_zone(&arena, rows[at].zone);
        int64_t local = 2 * ZONE_LATEST;
        assert_true(zone_first_instant(zone, local) == local - rows[at].offset);
    }
    arena_free(&arena);
}

static void footers_say_when_clocks_change(void **state)
{
    (void)state;
    static const struct {
        const char *sentence;
        const char *footer;
        const char *time;
        int32_t offset;
        const char *abbreviation;
    } rows[] = {
        {"no daylight saving time", "CET-1", "2030-07-01T00:00:00Z", 3600, "CET"},
        {"a quoted name", "<+0330>-3:30", "2030-07-01T00:00:00Z", 12600, "+0330"},
        {"seconds in the offset", "LMT0:44:30", "2030-07-01T00:00:00Z", -2670, "LMT"},
        {"the second before the change", "CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-29T00:59:59Z", 3600,
         "CET"},
        {"the second of the change", "CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-29T01:00:00Z", 7200,
         "CEST"},
        {"the second before the change back", "CET-1CEST,M3.5.0,M10.5.0/3", "2026-10-25T00:59:59Z",
         7200, "CEST"},
        {"the second of the change back", "CET-1CEST,M3.5.0,M10.5.0/3", "2026-10-25T01:00:00Z",
         3600, "CET"},
        {"southern summer lasts over new year", "AAA-10BBB,M10.1.0,M4.1.0/3",
         "2026-12-31T23:00:00Z", 39600, "BBB"},
        {"daylight saving time all year", "EST5EDT,0/0,J365/25", "2027-01-01T04:30:00Z", -14400,
         "EDT"},
        {"daylight saving time all year, in summer", "EST5EDT,0/0,J365/25", "2027-06-01T04:30:00Z",
         -14400, "EDT"},
        {"daylight saving time that begins as it ends", "AAA0BBB,J1/1,J1/2", "2027-06-01T00:00:00Z",
         3600, "BBB"},
        {"negative daylight saving time", "IST-1GMT0,M10.5.0,M3.5.0/1", "2026-12-01T00:00:00Z", 0,
         "GMT"},
        {"a time before midnight", "<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2026-03-29T01:00:00Z", -3600,
         "-01"},
        {"a time two days later", "EET-2EEST,M3.4.4/50,M10.4.4/50", "2026-03-27T23:59:59Z", 7200,
         "EET"},
        {"two days later it is there", "EET-2EEST,M3.4.4/50,M10.4.4/50", "2026-03-28T00:00:00Z",
         10800, "EEST"},
        {"changes a week before new year's are of the next year", "AAA0BBB,J1/-167,J2/-167",
         "2026-12-30T00:00:00Z", 0, "AAA"},
        {"J60 is 1 March in a leap year", "AAA0BBB,J60/0,J300", "2028-02-29T23:59:59Z", 0, "AAA"},
        {"J60 is 1 March in any year", "AAA0BBB,J60/0,J300", "2027-03-01T00:00:00Z", 3600, "BBB"},
        {"J59 is 28 February in a leap year", "AAA0BBB,J59/0,J300", "2028-02-28T00:00:00Z", 3600,
         "BBB"},
        {"59 is 29 February in a leap year", "AAA0BBB,59/0,300", "2028-02-29T00:00:00Z", 3600,
         "BBB"},
    };
    struct arena arena = {0};
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct error error = {0};
        const struct zone *zone = NULL;
        if (!result_is_ok(parse_footer(&arena, rows[at].footer, &zone, &error))) {
            fail_msg("%s: %s", rows[at].sentence, error.message);
        }
        struct zone_period period = zone_period_at(zone, instant(rows[at].time));
        if (period.offset != rows[at].offset ||
            !text_equal(period.abbreviation, rows[at].abbreviation)) {
            fail_msg("%s: %d %s", rows[at].sentence, period.offset, period.abbreviation);
        }
    }
    arena_free(&arena);
}

/* A rule of new year's days, a week before: the next change is that of the year after the next. */
static void a_rule_always_has_another_change(void **state)
{
    (void)state;
    struct arena arena = {0};
    const struct zone *zone = NULL;
    assert_true(result_is_ok(parse_footer(&arena, "AAA0BBB,J1/-167,J2/-167", &zone, NULL)));
    struct zone_period period = zone_period_at(zone, instant("2026-12-30T00:00:00Z"));
    assert_int_equal(period.start, instant("2026-12-26T00:00:00Z"));
    assert_int_equal(period.end, instant("2027-12-25T01:00:00Z"));
    arena_free(&arena);
}

/* RFC 9636, 3.3: an empty footer says nothing about later times. */
static void without_a_rule_a_zone_stays_as_it_was_last(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct error error = {0};
    const struct zone *zone = NULL;
    int64_t next = 0;
    assert_true(result_is_ok(parse_footer(&arena, "", &zone, &error)));
    assert_false(zone_next_transition(zone, instant("2026-03-29T00:00:00Z"), &next));
    assert_int_equal(zone_offset_at(zone, instant("2050-07-01T00:00:00Z")), 0);
    assert_string_equal(zone_period_at(zone, instant("2050-07-01T00:00:00Z")).abbreviation, "UTC");
    arena_free(&arena);
}

static void bad_footers_are_refused_with_their_place(void **state)
{
    (void)state;
    static const struct {
        const char *footer;
        const char *message;
    } rows[] = {
        {"C", "byte 2: the standard time's name"},
        {"CET", "byte 4: the standard time's offset"},
        {"CET-25", "byte 5: the standard time's offset"},
        {"CET-1:60", "byte 7: the standard time's offset"},
        {"CET-1:30:60", "byte 10: the standard time's offset"},
        {"<CET-1", "byte 7: the standard time's name"},
        {"ABCDEFGHIJKLMNOP-1", "byte 17: the standard time's name"},
        {"CET-1CEST", "byte 10: the daylight saving time's offset"},
        {"CET-1CEST,", "byte 11: the start"},
        {"CET-1CEST,M3.5.0", "byte 17: the end"},
        {"CET-1CEST,M13.5.0,M10.5.0", "byte 12: the start"},
        {"CET-1CEST,M3.6.0,M10.5.0", "byte 14: the start"},
        {"CET-1CEST,M3.5.7,M10.5.0", "byte 16: the start"},
        {"CET-1CEST,J0,J1", "byte 12: the start"},
        {"CET-1CEST,366,J1", "byte 11: the start"},
        {"CET-1CEST,J1234,J1", "byte 15: the end"},
        {"CET-1CEST,M3.5.0/168,M10.5.0", "byte 18: the start"},
        {"CET-1CEST,M3.5.0,M10.5.0/3x", "byte 27: text follows"},
    };
    struct arena arena = {0};
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct error error = {0};
        const struct zone *zone = NULL;
        assert_int_equal(parse_footer(&arena, rows[at].footer, &zone, &error).kind, ERROR_INVALID);
        if (!strstr(error.message, rows[at].message)) {
            fail_msg("%s: %s", rows[at].footer, error.message);
        }
    }
    arena_free(&arena);
}

/* Where things are in Berlin's slim file: the second header begins here. */
static size_t second_header(const struct zone_bytes *file)
{
    const char *found = memmem(file->bytes + 4, file->size - 4, "TZif", 4);
    assert_non_null(found);
    return (size_t)(found - file->bytes);
}

static void malformed_files_are_refused_by_what_is_wrong(void **state)
{
    (void)state;
    enum {
        HEADER = 44,
        LEAP = 28,
        TIMES = 32,
        TYPES = 36,
        CHARACTERS = 40,
        UT = 20,
        TYPE_SIZE = 6
    };
    struct zone_bytes file = *find_zone_bytes("Europe/Berlin");
    size_t second = second_header(&file);
    size_t transitions = (unsigned char)file.bytes[second + TIMES + 3];
    size_t type_records = second + HEADER + transitions * 9;
    size_t names = type_records + (size_t)file.bytes[second + TYPES + 3] * TYPE_SIZE;
    const struct {
        const char *sentence;
        size_t at;
        char byte;
        const char *message;
    } rows[] = {
        {"no magic", 0, 'X', "byte 0: no TZif header"},
        {"a version from the future", 4, '9', "unknown TZif version 0x39"},
        {"a first block beyond the end", TIMES, 1, "the header promises"},
        {"no second magic", second, 'X', "no TZif header"},
        {"four thousand million transitions", second + TIMES, (char)0xFF, "the header promises"},
        {"no types", second + TYPES + 3, 0, "0 local time types"},
        {"no abbreviations", second + CHARACTERS + 3, 0, "there are no abbreviations"},
        {"leap seconds", second + LEAP + 3, 1, "it counts leap seconds"},
        {"too few indicators", second + UT + 3, 1, "1 UT and 0 standard indicators"},
        {"transitions out of order", second + HEADER + 8, (char)0x90, "transition 1 is further"},
        {"a transition twice", second + HEADER + 8 + 4, (char)0x00, "transition 1 is not later"},
        {"a type that is not there", second + HEADER + transitions * 8, 77, "type 77, but there"},
        {"an offset of years", type_records, 0x10, "more than a day"},
        {"a daylight flag of two", type_records + 4, 2, "daylight indicator 2"},
        {"an abbreviation beyond the end", type_records + 5, (char)0xF0, "its abbreviation"},
        {"an escape in an abbreviation", names, '\x1b', "type 0: its abbreviation is not plain"},
        {"a space in an abbreviation", names + 1, ' ', "type 0: its abbreviation is not plain"},
        {"a byte that is no ASCII", names + 2, (char)0xC3, "type 0: its abbreviation is not plain"},
        {"no end of the footer", file.size - 1, 'x', "the footer is not one line"},
    };
    struct arena arena = {0};
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct error error = {0};
        const struct zone *zone = NULL;
        char *bytes = arena_copy_bytes(&arena, file.bytes, file.size);
        bytes[rows[at].at] = rows[at].byte;
        struct result result = zone_parse(&arena, "Bad", bytes, file.size, &zone, &error);
        if (result.kind != ERROR_INVALID || !strstr(error.message, rows[at].message)) {
            fail_msg("%s: kind %d: %s", rows[at].sentence, result.kind, error.message);
        }
        assert_true(text_starts_with(error.message, "time zone file of \"Bad\": "));
        assert_null(zone);
    }
    arena_free(&arena);
}

/* They are named by one byte. */
static void a_file_of_more_than_256_local_time_types_is_refused(void **state)
{
    (void)state;
    enum { TYPES = 36, TYPE_SIZE = 6, TOO_MANY = 257 };
    const struct zone_bytes *file = find_zone_bytes("Europe/Berlin");
    struct arena arena = {0};
    size_t size = file->size + (size_t)TOO_MANY * TYPE_SIZE;
    char *bytes = arena_allocate(&arena, size, 1);
    memcpy(bytes, file->bytes, file->size);
    size_t count = second_header(file) + TYPES + 2;
    bytes[count] = TOO_MANY >> 8;
    bytes[count + 1] = TOO_MANY & 0xFF;
    struct error error = {0};
    const struct zone *zone = NULL;
    assert_int_equal(zone_parse(&arena, "Big", bytes, size, &zone, &error).kind, ERROR_INVALID);
    assert_string_equal(error.message,
                        "time zone file of \"Big\": 257 local time types, expected 1 to 256");
    arena_free(&arena);
}

static void a_file_cut_anywhere_is_refused(void **state)
{
    (void)state;
    struct arena arena = {0};
    const struct zone_bytes *file = find_zone_bytes("Africa/Casablanca");
    for (size_t size = 0; size < file->size; size++) {
        struct error error = {0};
        const struct zone *zone = NULL;
        char *exact = memory_allocate(size + 1, 1); /* the sanitizer sees reads behind the end */
        char *cut = memory_resize(exact, size > 0 ? size : 1, 1);
        memcpy(cut, file->bytes, size);
        assert_int_equal(zone_parse(&arena, "Cut", cut, size, &zone, &error).kind, ERROR_INVALID);
        memory_free(cut);
    }
    arena_free(&arena);
}

static void random_damage_is_an_error_or_a_zone_never_a_crash(void **state)
{
    (void)state;
    struct prng prng;
    prng_seed(&prng, 7);
    for (int round = 0; round < 20000; round++) {
        struct arena arena = {0};
        const struct zone_bytes *file =
            &zone_files[prng_between(&prng, 0, COUNT_OF(zone_files) - 1)];
        char *bytes = memory_allocate(file->size, 1);
        memcpy(bytes, file->bytes, file->size);
        for (uint64_t hits = prng_between(&prng, 1, 4); hits > 0; hits--) {
            bytes[prng_between(&prng, 0, file->size - 1)] = (char)prng_next(&prng);
        }
        const struct zone *zone = NULL;
        struct error error = {0};
        if (result_is_ok(zone_parse(&arena, "Damaged", bytes, file->size, &zone, &error))) {
            int64_t time = (int64_t)prng_between(&prng, 0, UINT64_C(8000000000));
            struct zone_period period = zone_period_at(zone, time);
            assert_true(period.start <= time && time < period.end);
        }
        memory_free(bytes);
        arena_free(&arena);
    }
}

static void the_old_block_of_32_bit_times_can_be_read_alone(void **state)
{
    (void)state;
    struct arena arena = {0};
    const struct zone_bytes *fat = find_zone_bytes("fat Europe/Berlin");
    size_t size = second_header(fat);
    char *bytes = arena_copy_bytes(&arena, fat->bytes, size);
    bytes[4] = '\0'; /* version 1 */
    const struct zone *zone = NULL;
    struct error error = {0};
    assert_true(result_is_ok(zone_parse(&arena, "Old", bytes, size, &zone, &error)));
    assert_int_equal(zone_offset_at(zone, instant("2026-07-01T00:00:00Z")), 7200);
    assert_int_equal(zone_offset_at(zone, instant("1950-01-01T00:00:00Z")), 3600);
    assert_int_equal(zone_offset_at(zone, instant("2050-07-01T00:00:00Z")), 3600);
    arena_free(&arena);
}

static void a_file_of_more_than_64_kib_is_not_read(void **state)
{
    (void)state;
    struct arena arena = {0};
    const struct zone *zone = NULL;
    struct error error = {0};
    char *bytes = arena_allocate(&arena, ZONE_FILE_MAXIMUM + 1, 1);
    assert_int_equal(zone_parse(&arena, "Big", bytes, ZONE_FILE_MAXIMUM + 1, &zone, &error).kind,
                     ERROR_LIMIT);
    arena_free(&arena);
}

static void names_never_lead_out_of_the_folder(void **state)
{
    (void)state;
    static const char *const good[] = {"Europe/Berlin", "Etc/GMT+1", "EST5EDT", "a/b/c_d-e.f"};
    static const char *const bad[] = {
        "",       "/etc/passwd",   "..",      "Europe/../..", "Europe//X", "A/",        "Europe/\n",
        "\x1b[m", "Europe Berlin", ".hidden", "-flag",        "Europe/.x", "A\xc3\xa4", "A\\B"};
    struct error error = {0};
    for (size_t at = 0; at < COUNT_OF(good); at++) {
        assert_true(result_is_ok(zone_check_name(good[at], &error)));
    }
    for (size_t at = 0; at < COUNT_OF(bad); at++) {
        struct buffer bytes = BUFFER_INIT(ZONE_FILE_MAXIMUM);
        assert_int_equal(zone_check_name(bad[at], &error).kind, ERROR_INVALID);
        assert_int_equal(zonefile_read(bad[at], &bytes, &error).kind, ERROR_INVALID);
        buffer_free(&bytes);
    }
    char longest[ZONE_NAME_MAXIMUM + 2];
    memset(longest, 'a', sizeof(longest));
    longest[ZONE_NAME_MAXIMUM + 1] = '\0';
    assert_int_equal(zone_check_name(longest, &error).kind, ERROR_INVALID);
    longest[ZONE_NAME_MAXIMUM] = '\0';
    assert_true(result_is_ok(zone_check_name(longest, &error)));
}

static void write_file(const char *folder, const char *name, const char *bytes, size_t size)
{
    char path[256];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static void remove_file(const char *folder, const char *name)
{
    char path[256];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    (void)remove(path);
}

static void zone_files_come_from_tzdir(void **state)
{
    (void)state;
    static char big[ZONE_FILE_MAXIMUM + 1];
    char folder[] = "/tmp/test_zone.XXXXXX";
    char path[256];
    assert_non_null(mkdtemp(folder));
    assert_int_equal(setenv("TZDIR", folder, 1), 0);
    const struct zone_bytes *berlin = find_zone_bytes("Europe/Berlin");
    write_file(folder, "Berlin", berlin->bytes, berlin->size);
    write_file(folder, "Big", big, sizeof(big));
    (void)snprintf(path, sizeof(path), "%s/Pipe", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    (void)snprintf(path, sizeof(path), "%s/Folder", folder);
    assert_int_equal(mkdir(path, 0700), 0);

    struct error error = {0};
    struct buffer bytes = BUFFER_INIT(ZONE_FILE_MAXIMUM);
    assert_true(result_is_ok(zonefile_read("Berlin", &bytes, &error)));
    assert_int_equal(bytes.size, berlin->size);
    assert_memory_equal(bytes.data, berlin->bytes, berlin->size);
    buffer_clear(&bytes);
    assert_int_equal(zonefile_read("Nowhere", &bytes, &error).kind, ERROR_NOT_FOUND);
    assert_non_null(strstr(error.message, "there is no time zone \"Nowhere\""));
    assert_int_equal(zonefile_read("Berlin/X", &bytes, &error).kind, ERROR_NOT_FOUND);
    assert_int_equal(zonefile_read("Folder", &bytes, &error).kind, ERROR_NOT_FOUND);
    assert_int_equal(zonefile_read("Pipe", &bytes, &error).kind, ERROR_NOT_FOUND);
    assert_int_equal(zonefile_read("Big", &bytes, &error).kind, ERROR_LIMIT);
    assert_int_equal(bytes.size, 0);
    buffer_free(&bytes);

    static const char *const made[] = {"Berlin", "Big", "Pipe", "Folder", ""};
    for (size_t at = 0; at < COUNT_OF(made); at++) {
        remove_file(folder, made[at]);
    }
    assert_int_equal(unsetenv("TZDIR"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zones_change_when_python_s_zoneinfo_says_so),
        cmocka_unit_test(a_fat_file_and_a_slim_one_mean_the_same),
        cmocka_unit_test(periods_lie_end_to_end_in_all_zones),
        cmocka_unit_test(utc_needs_no_file_and_never_changes),
        cmocka_unit_test(a_local_time_begins_at_the_first_instant_that_shows_it_or_a_later_one),
        cmocka_unit_test(a_local_time_beyond_all_that_is_known_begins_by_the_last_offset),
        cmocka_unit_test(footers_say_when_clocks_change),
        cmocka_unit_test(a_rule_always_has_another_change),
        cmocka_unit_test(without_a_rule_a_zone_stays_as_it_was_last),
        cmocka_unit_test(bad_footers_are_refused_with_their_place),
        cmocka_unit_test(malformed_files_are_refused_by_what_is_wrong),
        cmocka_unit_test(a_file_of_more_than_256_local_time_types_is_refused),
        cmocka_unit_test(a_file_cut_anywhere_is_refused),
        cmocka_unit_test(random_damage_is_an_error_or_a_zone_never_a_crash),
        cmocka_unit_test(the_old_block_of_32_bit_times_can_be_read_alone),
        cmocka_unit_test(a_file_of_more_than_64_kib_is_not_read),
        cmocka_unit_test(names_never_lead_out_of_the_folder),
        cmocka_unit_test(zone_files_come_from_tzdir),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
