#ifndef TIDEMILL_PLAN_RUN_PHASE_H
#define TIDEMILL_PLAN_RUN_PHASE_H

/* Phases of runs and steps. They are for printing; conditions are the contract. */

#include "core/text.h"

#define RUN_PENDING   "Pending"
#define RUN_RUNNING   "Running"
#define RUN_SUSPENDED "Suspended"
#define RUN_SUCCEEDED "Succeeded"
#define RUN_FAILED    "Failed"
#define RUN_CANCELLED "Cancelled"

#define STEP_PENDING   "Pending"
#define STEP_RUNNING   "Running"
#define STEP_RETRYING  "Retrying"
#define STEP_SUCCEEDED "Succeeded"
#define STEP_FAILED    "Failed"
#define STEP_SKIPPED   "Skipped"

/* A final phase never changes. */
static inline bool run_phase_is_final(const char *phase)
{
    return text_equal(phase, RUN_SUCCEEDED) || text_equal(phase, RUN_FAILED) ||
           text_equal(phase, RUN_CANCELLED);
}

static inline bool step_phase_is_final(const char *phase)
{
    return text_equal(phase, STEP_SUCCEEDED) || text_equal(phase, STEP_FAILED) ||
           text_equal(phase, STEP_SKIPPED);
}

#endif
