#ifndef TIDEMILL_SUPPORT_SCHEDULE_WORLD_H
#define TIDEMILL_SUPPORT_SCHEDULE_WORLD_H

/* A world (support/plan_world.h) with a Pipeline churn and its Trigger nightly, on a schedule. */

#include "support/plan_world.h"

#define SCHEDULE_HOURLY                                                                            \
    "'params':[{'name':'seed','value':'7'}],"                                                      \
    "'schedule':{'cron':'0 * * * *','timeZone':'Etc/UTC','catchUp':{'policy':'Latest','max':10}}," \
    "'concurrencyPolicy':'Allow'"

/* The second of a time such as 2026-11-23T10:30:00Z. */
int64_t schedule_instant(const char *text);

/* A pipeline that is there, and a trigger made at `created` with this spec. */
PRINTF_LIKE(3, 4)
void schedule_world_init(struct world *world, const char *created, const char *format, ...);

/* Plans and carries out until nothing is written any more. */
void schedule_settle(struct world *world);

/* "True Reason: message" of Ready. */
const char *schedule_ready(struct world *world);
/* Of the Trigger, by path: "status/firings". */
const char *schedule_text(struct world *world, const char *path);
int64_t schedule_number(struct world *world, const char *path);
/* Of status.recent. */
const char *schedule_newest_reason(struct world *world);

/* "03:00 04:00": the scheduled times of all runs, by their causes, in the order of making. */
const char *schedule_runs(struct world *world);

#endif
