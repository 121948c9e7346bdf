#ifndef TIDEMILL_SUPPORT_KUBELET_H
#define TIDEMILL_SUPPORT_KUBELET_H

/*
 * What the Job controller and a kubelet would do to the Jobs of a naive world (plan_world.h): make
 * pods, end them, say so in the Jobs. Everything happens when a test asks for it.
 */

#include "support/plan_world.h"

/*
 * The name of the Job of a run's step and attempt, or NULL; in the world's arena. The seal Job is
 * step NULL, attempt 1.
 */
const char *kubelet_find_job(struct world *world, const char *run, const char *step,
                             int64_t attempt);

/* A Pending pod of the Job, named JOB-xxxxx; its name. */
const char *kubelet_start_pod(struct world *world, const char *job);

/*
 * Ends the Job's pod (started when it has none) with this exit code; `message` is what the
 * container of the step (or of the seal) leaves. tidemill-prepare leaves `prepared`, or has not run
 * when that is NULL. Messages use ' for ".
 */
void kubelet_end_pod(struct world *world, const char *job, int exit_code, const char *message,
                     const char *prepared);

/* The pod's status as it is given. */
void kubelet_set_pod(struct world *world, const char *job, const char *status);

/* The Job controller's word, which comes after the pods': Complete or Failed. */
void kubelet_end_job(struct world *world, const char *job, bool success);

/* True when the Job's pod has ended, or the Job itself says so. */
bool kubelet_job_has_ended(struct world *world, const char *job);

#endif
