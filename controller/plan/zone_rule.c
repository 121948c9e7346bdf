#include "plan/zone_rule.h"

#include "core/assert.h"
#include "core/civil.h"

#include <string.h>

enum {
    DAY_SECONDS = 86400,
    HOUR_SECONDS = 3600,
    MINUTE_SECONDS = 60,
    OFFSET_HOURS_MAXIMUM = 24, /* POSIX.1-2017, 8.3 */
    RULE_HOURS_MAXIMUM = 167,  /* RFC 9636, 3.3.2 */
    DEFAULT_TIME = 2 * 3600,   /* POSIX: 02:00:00 when no time is given */
    ABBREVIATION_MINIMUM = 3,  /* letters, POSIX */
    DAYS_OF_WEEK = 7,
    JULIAN_MAXIMUM = 365,
    FEBRUARY_28_JULIAN = 31 + 28,
};

struct cursor {
    const char *at;
    const char *end;
};

static char peek(const struct cursor *cursor)
{
    return cursor->at < cursor->end ? *cursor->at : '\0';
}

static bool take(struct cursor *cursor, char wanted)
{
    if (peek(cursor) != wanted) {
        return false;
    }
    cursor->at++;
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* One to three digits: as many as the largest number in a rule has. */
static bool take_number(struct cursor *cursor, int low, int high, int *number)
{
    const char *start = cursor->at;
    int value = 0;
    int digits = 0;
    while (is_digit(peek(cursor)) && digits < 3) {
        value = value * 10 + (*cursor->at - '0');
        cursor->at++;
        digits++;
    }
    if (digits == 0 || value < low || value > high) {
        cursor->at = start; /* the place that a message names */
        return false;
    }
    *number = value;
    return true;
}

static bool take_name(struct cursor *cursor, char name[ZONE_ABBREVIATION_SIZE])
{
    bool quoted = take(cursor, '<');
    const char *start = cursor->at;
    for (;;) {
        char c = peek(cursor);
        if (!is_letter(c) && !(quoted && (is_digit(c) || c == '+' || c == '-'))) {
            break;
        }
        cursor->at++;
    }
    size_t length = (size_t)(cursor->at - start);
    if (length < ABBREVIATION_MINIMUM || length >= ZONE_ABBREVIATION_SIZE) {
        return false;
    }
    memcpy(name, start, length);
    name[length] = '\0';
    return !quoted || take(cursor, '>');
}

/* [+-]hh[:mm[:ss]] in seconds. */
static bool take_time(struct cursor *cursor, int maximum_hours, int32_t *seconds)
{
    bool negative = take(cursor, '-');
    if (!negative) {
        (void)take(cursor, '+');
    }
    int hours = 0;
    int minutes = 0;
    int rest = 0;
    if (!take_number(cursor, 0, maximum_hours, &hours)) {
        return false;
    }
    if (take(cursor, ':') && !take_number(cursor, 0, 59, &minutes)) {
        return false;
    }
    if (take(cursor, ':') && !take_number(cursor, 0, 59, &rest)) {
        return false;
    }
    int32_t value = hours * HOUR_SECONDS + minutes * MINUTE_SECONDS + rest;
    *seconds = negative ? -value : value;
    return true;
}

/* ",date[/time]" */
static bool take_day(struct cursor *cursor, struct zone_rule_day *day)
{
    if (!take(cursor, ',')) {
        return false;
    }
    bool taken = false;
    if (take(cursor, 'M')) {
        day->kind = ZONE_DAY_OF_MONTH_WEEK;
        taken = take_number(cursor, 1, 12, &day->month) && take(cursor, '.') &&
                take_number(cursor, 1, 5, &day->week) && take(cursor, '.') &&
                take_number(cursor, 0, 6, &day->weekday);
    } else if (take(cursor, 'J')) {
        day->kind = ZONE_DAY_JULIAN;
        taken = take_number(cursor, 1, JULIAN_MAXIMUM, &day->day);
    } else {
        day->kind = ZONE_DAY_OF_YEAR;
        taken = take_number(cursor, 0, JULIAN_MAXIMUM, &day->day);
    }
    day->time = DEFAULT_TIME;
    return taken && (!take(cursor, '/') || take_time(cursor, RULE_HOURS_MAXIMUM, &day->time));
}

/* NULL, or what is wrong at the cursor. */
static const char *take_rule(struct cursor *cursor, struct zone_rule *rule)
{
    int32_t west = 0; /* POSIX counts west of Greenwich as positive */
    if (!take_name(cursor, rule->standard_name)) {
        return "the standard time's name must have 3 to 15 letters";
    }
    if (!take_time(cursor, OFFSET_HOURS_MAXIMUM, &west)) {
        return "the standard time's offset is not [+-]hh[:mm[:ss]]";
    }
    rule->standard_offset = -west;
    rule->daylight_offset = -west + HOUR_SECONDS;
    if (cursor->at == cursor->end) {
        return NULL;
    }
    rule->has_daylight = true;
    if (!take_name(cursor, rule->daylight_name)) {
        return "the daylight saving time's name must have 3 to 15 letters";
    }
    if (peek(cursor) != ',') {
        if (!take_time(cursor, OFFSET_HOURS_MAXIMUM, &west)) {
            return "the daylight saving time's offset is not [+-]hh[:mm[:ss]]";
        }
        rule->daylight_offset = -west;
    }
    if (!take_day(cursor, &rule->daylight_start)) {
        return "the start of daylight saving time is not ,date[/time]";
    }
    if (!take_day(cursor, &rule->daylight_end)) {
        return "the end of daylight saving time is not ,date[/time]";
    }
    return cursor->at == cursor->end ? NULL : "text follows the rule";
}

struct result zone_rule_parse(const char *text, size_t size, struct zone_rule *rule,
                              struct error *error)
{
    struct zone_rule parsed = {0};
    struct cursor cursor = {.at = text, .end = text + size};
    const char *wrong = take_rule(&cursor, &parsed);
    if (wrong) {
        return error_set(error, ERROR_INVALID, "footer, byte %d: %s", (int)(cursor.at - text) + 1,
                         wrong);
    }
    *rule = parsed;
    return RESULT_OK;
}

/* Local midnight of the rule's day, as seconds of a clock that shows local time. */
static int64_t local_midnight(const struct zone_rule_day *day, int64_t year)
{
    struct civil first = {.year = year, .month = 1, .day = 1};
    if (day->kind == ZONE_DAY_OF_YEAR) {
        return civil_to_unix(&first) + (int64_t)day->day * DAY_SECONDS;
    }
    if (day->kind == ZONE_DAY_JULIAN) {
        bool leap = civil_days_in_month(year, 2) == 29;
        int64_t days = day->day - 1 + (leap && day->day > FEBRUARY_28_JULIAN ? 1 : 0);
        return civil_to_unix(&first) + days * DAY_SECONDS;
    }
    first.month = day->month;
    int64_t midnight = civil_to_unix(&first);
    int first_weekday = civil_from_unix(midnight).weekday;
    int date = 1 + (day->weekday - first_weekday + DAYS_OF_WEEK) % DAYS_OF_WEEK +
               (day->week - 1) * DAYS_OF_WEEK;
    while (date > civil_days_in_month(year, day->month)) {
        date -= DAYS_OF_WEEK; /* week 5 means the last one */
    }
    return midnight + (int64_t)(date - 1) * DAY_SECONDS;
}

struct change {
    int64_t at;
    bool to_daylight;
};

/*
 * Ascending. At one and the same instant the end comes before the start: that is how a rule says
 * that daylight saving time lasts all year (RFC 9636, 3.3.2).
 */
static void insert_change(struct change *changes, size_t count, struct change change)
{
    size_t at = count;
    while (at > 0 && (changes[at - 1].at > change.at ||
                      (changes[at - 1].at == change.at && changes[at - 1].to_daylight))) {
        changes[at] = changes[at - 1];
        at--;
    }
    changes[at] = change;
}

struct zone_period zone_rule_period_at(const struct zone_rule *rule, int64_t instant)
{
    struct zone_period period = {.start = ZONE_EARLIEST,
                                 .end = ZONE_LATEST,
                                 .offset = rule->standard_offset,
                                 .abbreviation = rule->standard_name};
    if (!rule->has_daylight) {
        return period;
    }
    /* A time of 167 hours moves a change out of its year: the neighbours are looked at as well. */
    enum { YEARS_BEFORE = 2, YEARS_AFTER = 2, CHANGES = 2 * (YEARS_BEFORE + 1 + YEARS_AFTER) };
    struct change changes[CHANGES];
    size_t count = 0;
    int64_t year = civil_from_unix(instant + rule->standard_offset).year;
    for (int64_t of = year - YEARS_BEFORE; of <= year + YEARS_AFTER; of++) {
        const struct zone_rule_day *start = &rule->daylight_start;
        const struct zone_rule_day *end = &rule->daylight_end;
        int64_t starts = local_midnight(start, of) + start->time - rule->standard_offset;
        int64_t ends = local_midnight(end, of) + end->time - rule->daylight_offset;
        insert_change(changes, count++, (struct change){starts, true});
        insert_change(changes, count++, (struct change){ends, false});
    }
    size_t next = 0;
    while (changes[next].at <= instant) {
        next++;
        REQUIRE(next < count); /* two years on either side hold a change each */
    }
    REQUIRE(next > 0);
    period.daylight = changes[next - 1].to_daylight;
    period.start = changes[next - 1].at;
    period.end = changes[next].at;
    if (period.daylight) {
        period.offset = rule->daylight_offset;
        period.abbreviation = rule->daylight_name;
    }
    return period;
}
