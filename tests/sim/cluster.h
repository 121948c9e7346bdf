#ifndef TIDEMILL_SIM_CLUSTER_H
#define TIDEMILL_SIM_CLUSTER_H

/*
 * The rest of a cluster over a sim_store: Job controller, Deployment controller, garbage collector,
 * scheduler and kubelet. Each small thing that one of them would do next is a transition; the world
 * decides which happens, and when. Invariant: what a transition does to statuses is what upstream's
 * rules allow (conformance J1, J2).
 *
 *   Job:        pod made -> pod Running -> pod ends -> (1 s later) SuccessCriteriaMet or
 *               FailureTarget -> Complete or Failed
 *   Deployment: pods of the new template come up one more at a time, old ones go when those answer
 *   suspension: the Suspended condition, no startTime, its pods are deleted and not counted; when
 * it is resumed a new pod is made deletion:   a deleted pod stops, is counted, and goes; what has
 * no owner any more is deleted
 */

#include "sim/store.h"

enum sim_transition_type {
    SIM_COLLECT, /* the owner is gone: deleted */
    SIM_JOB_MAKES_POD,
    SIM_JOB_ANNOUNCES_END, /* SuccessCriteriaMet or FailureTarget; pods are counted */
    SIM_JOB_ENDS,
    SIM_JOB_SUSPENDS, /* its pods are deleted */
    SIM_POD_STARTS,
    SIM_POD_ENDS,
    SIM_POD_ANSWERS, /* of a Deployment: Ready */
    SIM_POD_STOPS,   /* is being deleted: its containers end */
    SIM_POD_GOES,
    SIM_DEPLOYMENT_MAKES_POD,
    SIM_DEPLOYMENT_DROPS_POD,
    SIM_DEPLOYMENT_REPORTS
};

struct sim_transition {
    enum sim_transition_type type;
    char uid[16]; /* of the object that changes, or whose controller acts */
};

/* What a container leaves. Texts borrowed. */
struct sim_ending {
    int exit_code;
    const char *message;
};

enum { SIM_TRANSITIONS_MAXIMUM = 512 };

struct sim_cluster {
    struct sim_store *store;
    int64_t pod_seconds; /* how long a step's container runs */
    int64_t pods_made;
    /* `step` as in the Job's label; `container`: of the pod. */
    struct sim_ending (*ending)(void *context, const char *run, const char *step, int64_t attempt,
                                const char *container);
    void *context;
    /* What is enabled at this version until `next_second`: not looked for at each step. */
    struct sim_transition enabled[SIM_TRANSITIONS_MAXIMUM];
    size_t enabled_count;
    int64_t next_second;
    int64_t looked_version;
};

/*
 * What could happen now; at most SIM_TRANSITIONS_MAXIMUM. *next_second is when the earliest of what
 * waits for time can happen; INT64_MAX: never. Borrowed until the next call.
 */
const struct sim_transition *sim_cluster_enabled(struct sim_cluster *cluster, size_t *count,
                                                 int64_t *next_second);

/* Nothing happens when it is not possible any more. */
void sim_cluster_do(struct sim_cluster *cluster, const struct sim_transition *transition);

/* What people and nodes do. */
void sim_cluster_evict(struct sim_cluster *cluster, struct sim_object *pod); /* DisruptionTarget */

#endif
