#ifndef TIDEMILL_CORE_CIVIL_H
#define TIDEMILL_CORE_CIVIL_H

/*
 * Instants as int64_t seconds since 1970-01-01T00:00:00Z ("unix seconds", no leap seconds), and the
 * proleptic Gregorian calendar in UTC. Pure: no clock is read here.
 */

#include "core/result.h"

#include <stddef.h>
#include <stdint.h>

struct civil {
    int64_t year;
    int month;   /* 1..12 */
    int day;     /* 1..31 */
    int hour;    /* 0..23 */
    int minute;  /* 0..59 */
    int second;  /* 0..59 */
    int weekday; /* 0 Sunday .. 6 Saturday; ignored on input */
};

struct civil civil_from_unix(int64_t unix_seconds);
int64_t civil_to_unix(const struct civil *civil);
int civil_days_in_month(int64_t year, int month);

enum { CIVIL_TEXT_SIZE = 32 };

/* "2026-01-31T03:00:00Z" as metav1.Time prints it. */
void civil_format(int64_t unix_seconds, char text[CIVIL_TEXT_SIZE]);

/* "2026-01-31T03:00:00.000000Z" as metav1.MicroTime prints it. */
void civil_format_micro(int64_t unix_microseconds, char text[CIVIL_TEXT_SIZE]);

/* RFC 3339 with Z or an offset; fractions are cut. False on anything else. */
bool civil_parse(const char *text, int64_t *unix_seconds);

#endif
