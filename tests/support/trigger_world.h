#ifndef TIDEMILL_SUPPORT_TRIGGER_WORLD_H
#define TIDEMILL_SUPPORT_TRIGGER_WORLD_H

/* A world (support/plan_world.h) with a Pipeline churn and the Trigger t of it. */

#include "support/plan_world.h"

enum { MINUTE = 60, HOUR = 3600, DAY = 86400, START = 1000000 };

/* A pipeline that is there, and a trigger with this source and these controls. */
void trigger_world_init(struct world *world, const char *spec);

/* Its source, if it is one that is polled, is at this revision since now. */
void trigger_see(struct world *world, const char *revision);

/* What trigger_see() set last, to be changed. */
struct sighting *trigger_sighting(void);

/* Plans and carries out until nothing is written any more; how many plans wrote something. */
size_t trigger_settle(struct world *world);

/* "True Reason: message" of Ready. */
const char *trigger_ready(struct world *world);
void trigger_expect_ready(struct world *world, const char *begins);

int64_t trigger_wake_at(struct world *world);

/* Revisions that runs of churn were made for, in the order of making. */
const char *trigger_fired(struct world *world);
size_t trigger_firings(struct world *world);

/* Reasons in status.recent, the oldest first. */
const char *trigger_recent(struct world *world);

/* All runs that go on end now. */
void trigger_end_runs(struct world *world, const char *phase);

#endif
