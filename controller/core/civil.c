#include "core/civil.h"

#include <stdio.h>
#include <string.h>

enum { DAY_SECONDS = 86400, HOUR_SECONDS = 3600, MINUTE_SECONDS = 60, MICROS = 1000000 };

static int64_t floor_divide(int64_t value, int64_t by)
{
    return value / by - (value % by < 0 ? 1 : 0);
}

/* Howard Hinnant, "chrono-compatible low-level date algorithms": days since 1970-01-01. */
static int64_t days_from_civil(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = floor_divide(year, 400);
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

struct civil civil_from_unix(int64_t unix_seconds)
{
    int64_t days = floor_divide(unix_seconds, DAY_SECONDS);
    int64_t second_of_day = unix_seconds - days * DAY_SECONDS;
    int64_t shifted = days + 719468;
    int64_t era = floor_divide(shifted, 146097);
    int64_t day_of_era = shifted - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted_month = (5 * day_of_year + 2) / 153;
    int month = (int)(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
    return (struct civil){
        .year = year_of_era + era * 400 + (month <= 2),
        .month = month,
        .day = (int)(day_of_year - (153 * shifted_month + 2) / 5 + 1),
        .hour = (int)(second_of_day / HOUR_SECONDS),
        .minute = (int)(second_of_day % HOUR_SECONDS / MINUTE_SECONDS),
        .second = (int)(second_of_day % MINUTE_SECONDS),
        .weekday = (int)(((days + 4) % 7 + 7) % 7), /* 1970-01-01 was a Thursday */
    };
}

int64_t civil_to_unix(const struct civil *civil)
{
    return days_from_civil(civil->year, civil->month, civil->day) * DAY_SECONDS +
           (int64_t)civil->hour * HOUR_SECONDS + (int64_t)civil->minute * MINUTE_SECONDS +
           civil->second;
}

int civil_days_in_month(int64_t year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

static char *put_digits(char *to, int64_t value, int digits, char end)
{
    for (int at = digits - 1; at >= 0; at--) {
        to[at] = (char)('0' + value % 10);
        value /= 10;
    }
    to[digits] = end;
    return to + digits + 1;
}

void civil_format(int64_t unix_seconds, char text[CIVIL_TEXT_SIZE])
{
    enum { YEAR_DIGITS = 4, YEAR_MAXIMUM = 9999 };
    struct civil c = civil_from_unix(unix_seconds);
    if (c.year >= 0 && c.year <= YEAR_MAXIMUM) { /* each status has some: printf is dear */
        char *to = put_digits(text, c.year, YEAR_DIGITS, '-');
        to = put_digits(to, c.month, 2, '-');
        to = put_digits(to, c.day, 2, 'T');
        to = put_digits(to, c.hour, 2, ':');
        to = put_digits(to, c.minute, 2, ':');
        to = put_digits(to, c.second, 2, 'Z');
        *to = '\0';
        return;
    }
    (void)snprintf(text, CIVIL_TEXT_SIZE, "%04lld-%02d-%02dT%02d:%02d:%02dZ", (long long)c.year,
                   c.month, c.day, c.hour, c.minute, c.second);
}

void civil_format_micro(int64_t unix_microseconds, char text[CIVIL_TEXT_SIZE])
{
    int64_t seconds = floor_divide(unix_microseconds, MICROS);
    struct civil c = civil_from_unix(seconds);
    (void)snprintf(text, CIVIL_TEXT_SIZE, "%04lld-%02d-%02dT%02d:%02d:%02d.%06lldZ",
                   (long long)c.year, c.month, c.day, c.hour, c.minute, c.second,
                   (long long)(unix_microseconds - seconds * MICROS));
}

/* Exactly `digits` digits at `*text`, which moves past them. */
static bool take_number(const char **text, int digits, int *value)
{
    *value = 0;
    for (int at = 0; at < digits; at++) {
        char digit = **text;
        if (digit < '0' || digit > '9') {
            return false;
        }
        *value = *value * 10 + (digit - '0');
        (*text)++;
    }
    return true;
}

static bool take_character(const char **text, const char *allowed)
{
    if (**text == '\0' || !strchr(allowed, **text)) {
        return false;
    }
    (*text)++;
    return true;
}

static bool take_date_time(const char **text, struct civil *civil)
{
    int year = 0;
    bool taken = take_number(text, 4, &year) && take_character(text, "-") &&
                 take_number(text, 2, &civil->month) && take_character(text, "-") &&
                 take_number(text, 2, &civil->day) && take_character(text, "Tt ") &&
                 take_number(text, 2, &civil->hour) && take_character(text, ":") &&
                 take_number(text, 2, &civil->minute) && take_character(text, ":") &&
                 take_number(text, 2, &civil->second);
    civil->year = year;
    return taken && civil->month >= 1 && civil->month <= 12 && civil->day >= 1 &&
           civil->day <= civil_days_in_month(year, civil->month) && civil->hour <= 23 &&
           civil->minute <= 59 && civil->second <= 59;
}

static bool take_offset(const char **text, int64_t *offset_seconds)
{
    *offset_seconds = 0;
    if (take_character(text, "Zz")) {
        return true;
    }
    bool west = **text == '-';
    int hours = 0;
    int minutes = 0;
    if (!take_character(text, "+-") || !take_number(text, 2, &hours) ||
        !take_character(text, ":") || !take_number(text, 2, &minutes) || hours > 23 ||
        minutes > 59) {
        return false;
    }
    int64_t offset = (int64_t)hours * HOUR_SECONDS + (int64_t)minutes * MINUTE_SECONDS;
    *offset_seconds = west ? -offset : offset;
    return true;
}

bool civil_parse(const char *text, int64_t *unix_seconds)
{
    struct civil civil = {0};
    int64_t offset = 0;
    if (!text || !take_date_time(&text, &civil)) {
        return false;
    }
    if (take_character(&text, ".")) {
        size_t digits = strspn(text, "0123456789");
        if (digits == 0) {
            return false;
        }
        text += digits;
    }
    if (!take_offset(&text, &offset) || *text != '\0') {
        return false;
    }
    *unix_seconds = civil_to_unix(&civil) - offset;
    return true;
}
