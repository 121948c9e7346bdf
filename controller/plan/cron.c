#include "plan/cron.h"

#include "plan/cron_calendar.h"

#include <string.h>

/*
 * No offset is further from another than this: RFC 9636, 3.2 keeps them between -25 and +26 hours.
 * What the clock showed longer ago than this is behind what it shows now.
 */
#define OFFSET_SPREAD INT64_C(183600)

/* Periods looked at for what the clock has shown; real zones need two. Bounds hostile files. */
enum { PERIODS_LOOKED_AT = 8 };

/* A time of one offset, and what the local clock had shown before it began. */
struct stretch {
    int64_t start; /* instant, inclusive */
    int64_t end;   /* instant, exclusive */
    int64_t offset;
    int64_t shown; /* all local times before this one were shown, or skipped, earlier */
};

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static struct stretch stretch_at(const struct zone *zone, int64_t instant)
{
    struct zone_period period = zone_period_at(zone, instant);
    struct stretch stretch = {.start = period.start, .end = period.end, .offset = period.offset};
    stretch.shown = period.start + period.offset;
    int64_t at = period.start;
    for (int count = 0; count < PERIODS_LOOKED_AT; count++) {
        if (at <= ZONE_EARLIEST || at <= period.start - OFFSET_SPREAD) {
            break;
        }
        struct zone_period before = zone_period_at(zone, at - 1);
        int64_t shown = before.end + before.offset;
        stretch.shown = count == 0 ? shown : larger(stretch.shown, shown);
        at = before.start;
    }
    return stretch;
}

static int64_t local_start(const struct stretch *stretch)
{
    return stretch->start + stretch->offset;
}

/* Whether fixed hours fire at the very start: for times skipped there, or for the time itself. */
static bool fires_at_jump(const struct cron *cron, const struct stretch *stretch)
{
    int64_t local = 0;
    return !cron->follows_elapsed && stretch->shown < local_start(stretch) &&
           cron_calendar_next(cron, stretch->shown, local_start(stretch) + 1, &local);
}

/* The local times from here on fire at their own instant, as long as they match. */
static int64_t first_plain_local(const struct cron *cron, const struct stretch *stretch)
{
    if (cron->follows_elapsed) {
        return local_start(stretch);
    }
    bool jumped = stretch->shown < local_start(stretch);
    return jumped ? local_start(stretch) + 1 : stretch->shown;
}

/* The first firing at or after `from`, within the stretch. */
static bool first_in_stretch(const struct cron *cron, const struct stretch *stretch, int64_t from,
                             int64_t *time)
{
    if (from <= stretch->start && fires_at_jump(cron, stretch)) {
        *time = stretch->start;
        return true;
    }
    int64_t local = larger(from + stretch->offset, first_plain_local(cron, stretch));
    if (!cron_calendar_next(cron, local, stretch->end + stretch->offset, &local)) {
        return false;
    }
    *time = local - stretch->offset;
    return true;
}

/* The last firing before `limit`, within the stretch, which begins before it. */
static bool last_in_stretch(const struct cron *cron, const struct stretch *stretch, int64_t limit,
                            int64_t *time)
{
    int64_t local = 0;
    int64_t local_limit = smaller(limit, stretch->end) + stretch->offset;
    if (cron_calendar_previous(cron, first_plain_local(cron, stretch), local_limit, &local)) {
        *time = local - stretch->offset;
        return true;
    }
    if (fires_at_jump(cron, stretch)) {
        *time = stretch->start;
        return true;
    }
    return false;
}

/* Firings in [from, limit), within the stretch, which holds `from`. */
static int64_t count_in_stretch(const struct cron *cron, const struct stretch *stretch,
                                int64_t from, int64_t limit)
{
    int64_t local = larger(from + stretch->offset, first_plain_local(cron, stretch));
    int64_t local_limit = smaller(limit, stretch->end) + stretch->offset;
    bool at_jump = from <= stretch->start && fires_at_jump(cron, stretch);
    return cron_calendar_count(cron, local, local_limit) + (at_jump ? 1 : 0);
}

/* The first instant that is asked for. */
static int64_t begin_after(int64_t after)
{
    return after < CRON_EARLIEST ? CRON_EARLIEST : smaller(after, CRON_LATEST) + 1;
}

bool cron_next(const struct cron *cron, const struct zone *zone, int64_t after, int64_t *next)
{
    int64_t from = begin_after(after);
    while (from <= CRON_LATEST) {
        struct stretch stretch = stretch_at(zone, from);
        stretch.end = smaller(stretch.end, CRON_LATEST + 1);
        if (first_in_stretch(cron, &stretch, from, next)) {
            return true;
        }
        from = stretch.end;
    }
    return false;
}

/* The last firing in [from, limit). */
static bool previous_firing(const struct cron *cron, const struct zone *zone, int64_t from,
                            int64_t limit, int64_t *previous)
{
    while (limit > from) {
        struct stretch stretch = stretch_at(zone, limit - 1);
        int64_t found = 0;
        if (last_in_stretch(cron, &stretch, limit, &found)) {
            if (found < from) {
                return false;
            }
            *previous = found;
            return true;
        }
        limit = stretch.start;
    }
    return false;
}

void cron_count_between(const struct cron *cron, const struct zone *zone, int64_t after_exclusive,
                        int64_t until_inclusive, struct cron_window *window)
{
    *window = (struct cron_window){0};
    int64_t begin = begin_after(after_exclusive);
    int64_t limit = begin_after(until_inclusive);
    for (int64_t from = begin; from < limit;) {
        struct stretch stretch = stretch_at(zone, from);
        window->count += count_in_stretch(cron, &stretch, from, limit);
        from = stretch.end;
    }
    if (window->count > 0) {
        (void)cron_next(cron, zone, after_exclusive, &window->oldest);
        (void)previous_firing(cron, zone, begin, limit, &window->newest);
    }
}

size_t cron_newest(const struct cron *cron, const struct zone *zone, int64_t after_exclusive,
                   int64_t until_inclusive, int64_t *times, size_t maximum)
{
    int64_t begin = begin_after(after_exclusive);
    int64_t limit = begin_after(until_inclusive);
    size_t count = 0;
    while (count < maximum && previous_firing(cron, zone, begin, limit, &limit)) {
        count++;
        times[maximum - count] = limit; /* filled from the back, since the newest comes first */
    }
    if (count > 0) {
        memmove(times, times + (maximum - count), count * sizeof(*times));
    }
    return count;
}
