#include "plan/cron_calendar.h"

#include "core/civil.h"

enum {
    DAY_SECONDS = 86400,
    MINUTE_SECONDS = 60,
    MINUTES_OF_HOUR = 60,
    MONTHS_OF_YEAR = 12,
    MONTH_DAYS_MAXIMUM = 31,
    LEAP_YEAR = 2000, /* any: February with its 29th */
};

/* Written out, since the compiler's own may be a call into its support library. */
static int64_t count_bits(uint64_t bits)
{
    int64_t count = 0;
    for (; bits != 0; bits &= bits - 1) {
        count++;
    }
    return count;
}

static int lowest_bit(uint64_t bits)
{
    return __builtin_ctzll(bits);
}

static int highest_bit(uint64_t bits)
{
    return 63 - __builtin_clzll(bits);
}

/* Bits 0 to `position` - 1; position is at most 63. */
static uint64_t bits_below(int position)
{
    return (UINT64_C(1) << position) - 1;
}

void cron_calendar_prepare(struct cron *cron)
{
    cron->per_day = count_bits(cron->hours) * count_bits(cron->minutes);
    for (int first = 0; first < CRON_WEEKDAYS; first++) {
        uint32_t by_weekday = 0;
        for (int day = 0; day < MONTH_DAYS_MAXIMUM; day++) {
            by_weekday |= (cron->weekdays >> (first + day) % CRON_WEEKDAYS & 1U) << day;
        }
        bool both = cron->month_day_star || cron->weekday_star;
        cron->days_by_first[first] = both ? cron->month_days & by_weekday
                                          : cron->month_days | by_weekday;
    }
}

bool cron_calendar_has_day(const struct cron *cron)
{
    for (int month = 1; month <= MONTHS_OF_YEAR; month++) {
        uint64_t dates = bits_below(civil_days_in_month(LEAP_YEAR, month));
        for (int first = 0; first < CRON_WEEKDAYS && (cron->months >> month & 1U) != 0; first++) {
            if ((cron->days_by_first[first] & dates) != 0) {
                return true; /* each month begins on each weekday some time */
            }
        }
    }
    return false;
}

/* A month and its matching days. */
struct month {
    int64_t year;
    int month;
    int64_t start; /* local seconds of its first midnight */
    int length;    /* days */
    uint64_t days; /* bit 0 is the first */
};

static struct month month_of(const struct cron *cron, int64_t year, int month)
{
    struct civil first = {.year = year, .month = month, .day = 1};
    struct month of = {.year = year, .month = month, .start = civil_to_unix(&first)};
    of.length = civil_days_in_month(year, month);
    if ((cron->months >> month & 1U) != 0) {
        int64_t days = of.start / DAY_SECONDS; /* exact, and day 0 was a Thursday */
        int64_t weekday = ((days + 4) % CRON_WEEKDAYS + CRON_WEEKDAYS) % CRON_WEEKDAYS;
        of.days = cron->days_by_first[weekday] & bits_below(of.length);
    }
    return of;
}

static struct month month_after(const struct cron *cron, const struct month *month)
{
    bool last = month->month == MONTHS_OF_YEAR;
    return month_of(cron, month->year + (last ? 1 : 0), last ? 1 : month->month + 1);
}

static struct month month_before(const struct cron *cron, const struct month *month)
{
    bool first = month->month == 1;
    return month_of(cron, month->year - (first ? 1 : 0), first ? MONTHS_OF_YEAR : month->month - 1);
}

/* A local time taken apart as this module needs it. */
struct moment {
    struct month month;
    int day;    /* 0 is the first */
    int minute; /* of the day */
};

static struct moment moment_of(const struct cron *cron, int64_t local)
{
    struct civil civil = civil_from_unix(local);
    return (struct moment){
        .month = month_of(cron, civil.year, civil.month),
        .day = civil.day - 1,
        .minute = civil.hour * MINUTES_OF_HOUR + civil.minute,
    };
}

static int64_t time_in_month(const struct month *month, int day, int minute)
{
    return month->start + (int64_t)day * DAY_SECONDS + (int64_t)minute * MINUTE_SECONDS;
}

static bool day_matches(const struct month *month, int day)
{
    return (month->days >> day & 1U) != 0;
}

/* The next full minute at or after `local`. */
static int64_t round_up(int64_t local)
{
    int64_t over = local % MINUTE_SECONDS;
    if (over == 0) {
        return local;
    }
    return local - over + (over > 0 ? MINUTE_SECONDS : 0);
}

/* The first matching minute of a day at or after `from`, or -1. */
static int next_minute(const struct cron *cron, int from)
{
    int hour = from / MINUTES_OF_HOUR;
    uint64_t minutes = cron->minutes & ~bits_below(from % MINUTES_OF_HOUR);
    if ((cron->hours >> hour & 1U) != 0 && minutes != 0) {
        return hour * MINUTES_OF_HOUR + lowest_bit(minutes);
    }
    uint64_t hours = cron->hours & ~bits_below(hour + 1);
    return hours == 0 ? -1 : lowest_bit(hours) * MINUTES_OF_HOUR + lowest_bit(cron->minutes);
}

/* The last matching minute of a day at or before `until`, or -1. */
static int previous_minute(const struct cron *cron, int until)
{
    int hour = until / MINUTES_OF_HOUR;
    uint64_t minutes = cron->minutes & bits_below(until % MINUTES_OF_HOUR + 1);
    if ((cron->hours >> hour & 1U) != 0 && minutes != 0) {
        return hour * MINUTES_OF_HOUR + highest_bit(minutes);
    }
    uint64_t hours = cron->hours & bits_below(hour);
    return hours == 0 ? -1 : highest_bit(hours) * MINUTES_OF_HOUR + highest_bit(cron->minutes);
}

/* How many matching minutes of a day lie before `limit`. */
static int64_t count_minutes(const struct cron *cron, int limit)
{
    int hour = limit / MINUTES_OF_HOUR;
    int64_t count = count_bits(cron->hours & bits_below(hour)) * count_bits(cron->minutes);
    if ((cron->hours >> hour & 1U) != 0) {
        count += count_bits(cron->minutes & bits_below(limit % MINUTES_OF_HOUR));
    }
    return count;
}

bool cron_calendar_next(const struct cron *cron, int64_t from, int64_t limit, int64_t *local)
{
    if (from >= limit) {
        return false;
    }
    struct moment at = moment_of(cron, round_up(from));
    int minute = day_matches(&at.month, at.day) ? next_minute(cron, at.minute) : -1;
    if (minute < 0) {
        at.month.days &= ~bits_below(at.day + 1);
        while (at.month.days == 0) {
            at.month = month_after(cron, &at.month);
            if (at.month.start >= limit) {
                return false;
            }
        }
        at.day = lowest_bit(at.month.days);
        minute = next_minute(cron, 0);
    }
    int64_t found = time_in_month(&at.month, at.day, minute);
    if (found >= limit) {
        return false;
    }
    *local = found;
    return true;
}

bool cron_calendar_previous(const struct cron *cron, int64_t from, int64_t limit, int64_t *local)
{
    if (from >= limit) {
        return false;
    }
    struct moment at = moment_of(cron, round_up(limit) - MINUTE_SECONDS);
    int minute = day_matches(&at.month, at.day) ? previous_minute(cron, at.minute) : -1;
    if (minute < 0) {
        at.month.days &= bits_below(at.day);
        while (at.month.days == 0) {
            if (at.month.start <= from) {
                return false;
            }
            at.month = month_before(cron, &at.month);
        }
        at.day = highest_bit(at.month.days);
        minute = previous_minute(cron, CRON_MINUTES_OF_DAY - 1);
    }
    int64_t found = time_in_month(&at.month, at.day, minute);
    if (found < from) {
        return false;
    }
    *local = found;
    return true;
}

/* Matching days after `first` and before `last`, which lie in the same or in later months. */
static int64_t count_days_between(const struct cron *cron, const struct moment *first,
                                  const struct moment *last)
{
    int64_t count = 0;
    struct month month = first->month;
    month.days &= ~bits_below(first->day + 1);
    while (month.start < last->month.start) {
        count += count_bits(month.days);
        month = month_after(cron, &month);
    }
    return count + count_bits(month.days & bits_below(last->day));
}

int64_t cron_calendar_count(const struct cron *cron, int64_t from, int64_t limit)
{
    if (from >= limit) {
        return 0;
    }
    struct moment first = moment_of(cron, round_up(from));
    struct moment last = moment_of(cron, round_up(limit));
    bool first_matches = day_matches(&first.month, first.day);
    bool last_matches = day_matches(&last.month, last.day);
    int64_t before_first = first_matches ? count_minutes(cron, first.minute) : 0;
    int64_t before_last = last_matches ? count_minutes(cron, last.minute) : 0;
    if (first.month.start == last.month.start && first.day == last.day) {
        return before_last - before_first;
    }
    int64_t whole_days = (first_matches ? 1 : 0) + count_days_between(cron, &first, &last);
    return whole_days * cron->per_day - before_first + before_last;
}
