#ifndef TIDEMILL_API_WORKLOAD_H
#define TIDEMILL_API_WORKLOAD_H

/* The parts of upstream's kinds that Tidemill reads; all else is dropped while decoding. */

#include "api/meta.h"
#include "api/pipeline.h"

struct workload_condition { /* of Jobs, Pods and Deployments */
    const char *type;
    const char *status;
    const char *reason;
    const char *message;
    int64_t last_transition_time;
};

struct job_spec {
    bool suspend;
};

struct job_status {
    int64_t completion_time;
    struct workload_condition *conditions;
    size_t condition_count;
};

struct job {
    struct meta meta;
    struct job_spec spec;
    struct job_status status;
};

struct container_waiting {
    const char *reason; /* NULL: not waiting */
    const char *message;
};

struct container_terminated {
    int64_t exit_code; /* INTEGER_ABSENT: not terminated */
    const char *reason;
    const char *message; /* the termination message */
    int64_t finished_at;
};

struct container_running {
    int64_t started_at; /* TIME_ABSENT: not running */
};

struct container_state {
    struct container_waiting waiting;
    struct container_running running;
    struct container_terminated terminated;
};

struct container_status {
    const char *name;
    const char *image;
    const char *image_id;
    struct container_state state;
    struct container_state last_state;
};

/* It waits for something else than its turn, and says for what. */
bool container_is_held_up(const struct container_status *container);

struct pod_status {
    const char *phase; /* Pending, Running, Succeeded, Failed, Unknown */
    const char *reason;
    const char *message;
    struct workload_condition *conditions;
    size_t condition_count;
    struct container_status *init_containers;
    size_t init_container_count;
    struct container_status *containers;
    size_t container_count;
};

struct pod {
    struct meta meta;
    struct pod_status status;
};

struct deployment_spec {
    int64_t replicas;
};

struct deployment_status {
    int64_t observed_generation;
    int64_t replicas;
    int64_t updated_replicas;
    int64_t ready_replicas;
    int64_t available_replicas;
    struct workload_condition *conditions;
    size_t condition_count;
};

struct deployment {
    struct meta meta;
    struct deployment_spec spec;
    struct deployment_status status;
};

struct service_spec {
    struct text_map selector;
};

struct service {
    struct meta meta;
    struct service_spec spec;
};

/* What we keep in a ControllerRevision: the pipeline's spec, pinned. */
struct controller_revision_data {
    struct pipeline_spec spec;
};

struct controller_revision {
    struct meta meta;
    struct controller_revision_data data;
    int64_t revision; /* the pipeline's generation when it was made */
};

struct claim_spec {
    const char **access_modes;
    size_t access_mode_count;
};

struct claim {
    struct meta meta;
    struct claim_spec spec;
};

#endif
