#ifndef TIDEMILL_PLAN_CRON_H
#define TIDEMILL_PLAN_CRON_H

/*
 * Cron schedules: what an expression means, and when it fires in a time zone. Pure. Anyone above
 * core may use it. An expression means what robfig/cron v3.0.1 (Kubernetes' CronJob) says, but 7
 * is Sunday too, and `@every`, `TZ=` and what can never fire are refused.
 *
 * When local clocks change (any change of the offset, not only daylight saving time):
 * - the hour field is a star, or a star with a step: the schedule fires whenever the local clock
 *   shows a matching time. It follows elapsed time; a repeated hour fires again, a skipped one
 *   does not.
 * - the hours are fixed: each matching local time fires once, at the first instant at which the
 *   local clock shows that time or a later one. So a skipped time fires at the jump (several that
 *   were skipped together fire once), and a repeated one does not fire again.
 *
 * Invariant: cron_next(), cron_count_between() and cron_newest() see the same firings.
 * All times are unix seconds. Their cost grows with months and clock changes, never with firings.
 */

#include "core/arena.h"
#include "core/result.h"
#include "plan/zone.h"

#include <stddef.h>
#include <stdint.h>

struct cron;

enum { CRON_EXPRESSION_MAXIMUM = 256 }; /* bytes */

/* Nothing fires outside the years 0001 to 9999: metav1.Time cannot say it (RFC 3339). */
#define CRON_EARLIEST (-INT64_C(62135596800))
#define CRON_LATEST   INT64_C(253402300799)

/* Where an expression is wrong, for a caret below it. */
struct cron_place {
    const char *field; /* "minute", ..., or "expression"; static text */
    size_t column;     /* in bytes, the first is 1 */
    size_t length;     /* bytes, at least 1; may lie one behind the end */
};

/*
 * The cron lives in `arena`, and keeps nothing of `expression`. ERROR_INVALID with a message that
 * names field, column and reason; it has no byte that is not printable.
 */
MUST_CHECK struct result cron_parse(struct arena *arena, const char *expression,
                                    const struct cron **cron, struct error *error);

/* The same, and the place (written only when the expression is refused; may be NULL). */
MUST_CHECK struct result cron_parse_placed(struct arena *arena, const char *expression,
                                           const struct cron **cron, struct cron_place *place,
                                           struct error *error);

/*
 * The first firing strictly after `after`. False only when there is none until CRON_LATEST.
 * robfig/cron gives up after five calendar years; here 29 February is found across 2100 as well.
 */
bool cron_next(const struct cron *cron, const struct zone *zone, int64_t after, int64_t *next);

struct cron_window {
    int64_t count;
    int64_t oldest; /* firing; meaningless when count is 0 */
    int64_t newest;
};

/* All firings in (after_exclusive, until_inclusive]. */
void cron_count_between(const struct cron *cron, const struct zone *zone, int64_t after_exclusive,
                        int64_t until_inclusive, struct cron_window *window);

/*
 * The newest firings in (after_exclusive, until_inclusive], at most `maximum`, ascending. Returns
 * how many were written to `times`.
 */
size_t cron_newest(const struct cron *cron, const struct zone *zone, int64_t after_exclusive,
                   int64_t until_inclusive, int64_t *times, size_t maximum);

#endif
