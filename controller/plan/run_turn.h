#ifndef TIDEMILL_PLAN_RUN_TURN_H
#define TIDEMILL_PLAN_RUN_TURN_H

/*
 * The queue before a pipeline with maxConcurrentRuns: who stands in it, and in which order. Asked
 * by the planner of a run (may it start?) and by kube/routes (who should look again?).
 */

#include "api/pipeline_run.h"

#include <stdbool.h>

/* Has bound itself to a revision of the pipeline and has not ended: it takes a place. */
bool run_is_under_way(const struct pipeline_run *run);

/* Would start if it could. Suspended and cancelled runs hold nobody up. */
bool run_waits(const struct pipeline_run *run);

/* Older first; the name decides between runs of the same second. */
bool run_goes_before(const struct pipeline_run *a, const struct pipeline_run *b);

#endif
