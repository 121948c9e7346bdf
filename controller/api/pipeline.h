#ifndef TIDEMILL_API_PIPELINE_H
#define TIDEMILL_API_PIPELINE_H

/* Pipeline: what to run. crds/pipelines.yaml says the same; a test holds the two together. */

#include "api/meta.h"

struct param_spec {
    const char *name;
    const char *type; /* string, integer, number, boolean */
    const char *default_value;
    const char *description;
    const char **enum_values;
    size_t enum_count;
    const char *minimum; /* decimals as text */
    const char *maximum;
    const char *pattern; /* POSIX extended, the whole value */
};

struct input_spec {
    const char *name;
    const char *from; /* "step.artifact" */
};

struct artifact_spec {
    const char *name;
};

struct result_spec {
    const char *name;
    const char *type; /* string, integer, number, boolean */
};

struct outputs_spec {
    struct artifact_spec *artifacts;
    size_t artifact_count;
    struct result_spec *results;
    size_t result_count;
};

struct check_spec {
    const char *result;
    const char *min; /* decimals as text; inclusive */
    const char *max;
    const char *equals;     /* any type, compared as text */
    const char *on_failure; /* Stop, Warn, Retrain */
};

struct backoff_spec {
    const char *initial; /* durations, GEP-2257 */
    int64_t factor;
    const char *max;
};

struct retry_spec {
    int64_t limit; /* attempts after the first */
    struct backoff_spec backoff;
};

struct step_spec {
    const char *name;
    const char *image;
    const char **command;
    size_t command_count;
    const char **args;
    size_t arg_count;
    struct name_value *env;
    size_t env_count;
    struct input_spec *inputs;
    size_t input_count;
    const char **run_after;
    size_t run_after_count;
    struct outputs_spec outputs;
    struct check_spec *checks;
    size_t check_count;
    struct retry_spec retry;
    const char *timeout;
    struct raw_json pod_template; /* {metadata, spec} */
};

struct volume_claim_reference {
    const char *claim_name;
};

struct artifacts_spec {
    struct volume_claim_reference volume_claim;
};

struct run_history_spec {
    int64_t succeeded; /* defaulted by the CRD: 5 */
    int64_t failed;    /* 5; cancelled runs count here */
};

struct publish_spec {
    const char *model;
    const char *artifact; /* "step.artifact" */
    const char **metrics_from;
    size_t metrics_from_count;
};

struct pipeline_spec {
    struct param_spec *params;
    size_t param_count;
    struct artifacts_spec artifacts;
    struct raw_json pod_defaults; /* {metadata, spec} */
    int64_t max_concurrent_runs;  /* INTEGER_ABSENT: no limit */
    struct run_history_spec history;
    const char *timeout;
    struct step_spec *steps;
    size_t step_count;
    struct publish_spec publish; /* publish.model NULL: nothing is published */
};

/* Nothing here changes from run to run: a run costs no write of its Pipeline. */
struct pipeline_status {
    int64_t observed_generation;
    const char *revision; /* ControllerRevision that holds the observed spec; NULL: none yet */
    struct condition_list conditions;
};

struct pipeline {
    struct meta meta;
    struct pipeline_spec spec;
    struct pipeline_status status;
};

#endif
