#ifndef TIDEMILL_API_TRIGGER_H
#define TIDEMILL_API_TRIGGER_H

/* Trigger: when to run. crds/triggers.yaml says the same. */

#include "api/meta.h"

struct catch_up_spec {
    const char *policy; /* None, Latest (default), All */
    int64_t max;        /* of All: keeps the newest; defaulted by the CRD: 10 */
};

struct schedule_spec {
    const char *cron;
    const char *time_zone; /* IANA name; defaulted by the CRD: Etc/UTC */
    struct catch_up_spec catch_up;
    const char *starting_deadline; /* duration; NULL: none */
};

struct trigger_spec {
    struct object_reference pipeline_ref;
    struct name_value *params;
    size_t param_count;
    struct schedule_spec schedule;
    const char *concurrency_policy; /* Allow, Forbid, Replace, Queue; defaulted by the CRD: Allow */
    bool suspend;
};

/* A firing that is written down and whose run may not exist yet. */
struct pending_firing {
    int64_t number;
    int64_t scheduled_time;
    const char *run; /* NULL: no firing is pending */
    const char *reason;
};

struct recent_decision {
    int64_t time;           /* when it was decided */
    int64_t scheduled_time; /* what it was about */
    const char *run;        /* NULL: none was started */
    const char *reason;     /* CamelCase */
    const char *message;
};

struct trigger_status {
    int64_t observed_generation;
    int64_t last_schedule_time;
    int64_t next_schedule_time;
    int64_t firings; /* runs started */
    int64_t dropped; /* scheduled times that started none */
    struct pending_firing pending;
    struct object_reference last_run_ref;
    struct recent_decision *recent; /* newest last, 10 at most */
    size_t recent_count;
    struct condition_list conditions;
};

struct trigger {
    struct meta meta;
    struct trigger_spec spec;
    struct trigger_status status;
};

#endif
