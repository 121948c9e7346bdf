#ifndef TIDEMILL_PLAN_TRIGGER_DUE_H
#define TIDEMILL_PLAN_TRIGGER_DUE_H

/*
 * Which times of a schedule have come since the last one that was dealt with, which of them start a
 * run, and which are dropped. Pure; used by plan/trigger.c alone. Costs the same for a minute and
 * for a year (conformance K1): times are counted, not listed.
 *
 * The order of the rules: startingDeadline drops what passed too long ago; catchUp keeps the newest
 * of the rest (None: the newest, if it is live; Latest: the newest; All: the newest `max`).
 */

#include "api/trigger.h"
#include "core/arena.h"
#include "plan/cron.h"

#include <stddef.h>
#include <stdint.h>

/*
 * A time is live for so long: a controller that looks within it was not away. The shortest distance
 * between two times of a cron schedule, so of several times at most the newest is live.
 */
enum { TRIGGER_LIVE_SECONDS = 60 };

/* spec.schedule.catchUp.max: the CRD's default, and its maximum. */
enum { CATCH_UP_DEFAULT = 10, CATCH_UP_MAXIMUM = 100 };

struct due_rules {
    const struct cron *cron;
    const struct zone *zone;
    int64_t after;            /* unix seconds; nothing at or before it is due */
    int64_t now;              /* unix seconds */
    int64_t deadline_seconds; /* startingDeadline; INTEGER_ABSENT: none */
    const struct catch_up_spec *catch_up;
    bool newest_only; /* keeps one time whatever catchUp says */
};

struct due_times {
    int64_t late;           /* dropped by startingDeadline */
    int64_t skipped;        /* dropped by catchUp */
    int64_t oldest_dropped; /* meaningless when none is */
    int64_t newest_dropped;
    int64_t kept;  /* start a run, one after the other, the oldest first */
    int64_t first; /* of those; meaningless when there is none */
    int64_t newest;
};

struct due_times due_times_find(struct arena *arena, const struct due_rules *rules);

#endif
