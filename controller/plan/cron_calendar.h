#ifndef TIDEMILL_PLAN_CRON_CALENDAR_H
#define TIDEMILL_PLAN_CRON_CALENDAR_H

/*
 * A parsed cron expression, and the local times that match it on a calendar without clock changes.
 * For plan/cron*.c alone. Pure. "Local seconds" are what the local clock shows, counted as if it
 * were UTC. Days are taken by whole months, so that no cost grows with the number of firings.
 */

#include <stdbool.h>
#include <stdint.h>

enum { CRON_MINUTES_OF_DAY = 24 * 60, CRON_WEEKDAYS = 7 };

struct cron {
    uint64_t minutes;     /* bit 0..59 */
    uint32_t hours;       /* bit 0..23 */
    uint32_t month_days;  /* bit 0 is the first of a month */
    uint32_t months;      /* bit 1..12 */
    uint32_t weekdays;    /* bit 0 is Sunday */
    bool month_day_star;  /* robfig's star bit: a star, or a star with step 1 */
    bool weekday_star;    /* likewise */
    bool follows_elapsed; /* the hour field has a star, with or without a step */

    /* Made by cron_calendar_prepare() from the above. */
    int64_t per_day;                       /* matching minutes of a matching day */
    uint32_t days_by_first[CRON_WEEKDAYS]; /* matching days of a month that begins on a weekday */
};

void cron_calendar_prepare(struct cron *cron);

/* Whether any date of the Gregorian calendar matches. */
bool cron_calendar_has_day(const struct cron *cron);

/* The first matching local time in [from, limit). */
bool cron_calendar_next(const struct cron *cron, int64_t from, int64_t limit, int64_t *local);

/* The last matching local time in [from, limit). */
bool cron_calendar_previous(const struct cron *cron, int64_t from, int64_t limit, int64_t *local);

/* How many matching local times lie in [from, limit). */
int64_t cron_calendar_count(const struct cron *cron, int64_t from, int64_t limit);

#endif
