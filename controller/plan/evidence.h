#ifndef TIDEMILL_PLAN_EVIDENCE_H
#define TIDEMILL_PLAN_EVIDENCE_H

/*
 * What a Job and its pods say about one attempt of a step. A step ends when its pods end, not when
 * its Job says so: the Job controller batches pod events for a second. Pure.
 *
 *                 a Succeeded pod of the Job's uid, or Job Complete
 *   ATTEMPT_NONE ──> ATTEMPT_UNDER_WAY ──┬──────────────> ATTEMPT_SUCCEEDED
 *   (no Job)                             └──────────────> ATTEMPT_FAILED
 *                 a Failed pod that is not being deleted, without DisruptionTarget, its Job not
 *                 suspended; or Job Failed
 */

#include "api/workload.h"
#include "core/arena.h"

#include <stddef.h>
#include <stdint.h>

enum attempt_state { ATTEMPT_NONE, ATTEMPT_UNDER_WAY, ATTEMPT_SUCCEEDED, ATTEMPT_FAILED };

struct attempt_evidence {
    enum attempt_state state;
    const struct pod *pod; /* that decided it, or the newest one; NULL: none seen */
    int64_t ended_at;      /* unix seconds; TIME_ABSENT when the pod does not say */
    const char *reason;    /* failed: of plan/reasons.h; under way: why it waits, or NULL */
    const char *message;   /* for people, with the reason */
    bool awaits_pod;       /* under way only because its pod's end has not been seen yet */
};

struct attempt_evidence attempt_judge(struct arena *arena, const struct job *job,
                                      const struct pod *const *pods, size_t pod_count);

/* The status of a container (init containers included) by name, or NULL. */
const struct container_status *pod_find_container(const struct pod *pod, const char *name);

/* The last lines that an ended container left, at most `limit` bytes, in one line; "" if none. */
const char *pod_last_words(struct arena *arena, const struct container_status *container,
                           size_t limit);

/* Why a pod that runs nothing yet has to wait: a reason and a message, or false when it is just
 * starting. The message does not change while the cause stays the same. */
bool pod_explain_waiting(struct arena *arena, const struct pod *pod, const char **reason,
                         const char **message);

#endif
