#ifndef TIDEMILL_SUPPORT_RUN_WORLD_H
#define TIDEMILL_SUPPORT_RUN_WORLD_H

/* A world (support/plan_world.h) at noon with the Pipeline churn, and the run r that is looked at.
 */

#include "support/kubelet.h"

enum { MINUTE = 60, NOON = WORLD_NOON };

#define ONE_STEP \
    "'steps':[{'name':'train','image':'example/churn:1','command':['python','train.py']}]"

/* A pipeline that is accepted, with its revision; no run yet. */
void run_world_init(struct world *world, const char *format, ...) PRINTF_LIKE(2, 3);

/* The same, and run r has been planned once: its first Jobs are there. */
void run_world_start(struct world *world, const char *format, ...) PRINTF_LIKE(2, 3);

void run_world_put(struct world *world, const char *name, const char *spec);

/* One planning of run `name`, carried out; its outline. */
const char *run_world_step_of(struct world *world, const char *name);
/* Of run r, as all that follows. */
const char *run_world_step(struct world *world);
const char *run_world_ready(struct world *world);
const char *run_world_text(struct world *world, const char *path);

/* Fails the test when there is none; step_name NULL: the Job that seals. */
const char *run_world_job(struct world *world, const char *step_name, int64_t attempt);
/* Its pod ends so. */
void run_world_end_step(struct world *world, const char *step_name, int64_t attempt, int code,
                        const char *message);

#endif
