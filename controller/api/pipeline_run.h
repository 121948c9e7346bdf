#ifndef TIDEMILL_API_PIPELINE_RUN_H
#define TIDEMILL_API_PIPELINE_RUN_H

/* PipelineRun: one execution, and the record of it. crds/pipelineruns.yaml says the same. */

#include "api/meta.h"

struct pipeline_run_spec {
    struct object_reference pipeline_ref;
    struct name_value *params;
    size_t param_count;
    struct cause_spec cause;
    bool cancel;
    bool suspend;
};

struct artifact_status {
    const char *name;
    const char *uri;    /* pvc://CLAIM/PATH */
    const char *digest; /* "sha256:..."; NULL until first use */
};

/* Phases of a step: Pending, Running, Retrying, Succeeded, Failed, Skipped. */
struct step_status {
    const char *name;
    const char *phase;
    const char *reason;
    const char *message;
    int64_t attempts;
    const char *job;
    int64_t start_time;
    int64_t completion_time;
    int64_t retry_time;   /* when Retrying: the next attempt starts then */
    const char *image_id; /* what the kubelet ran, digest included */
    struct name_value *results;
    size_t result_count;
    struct artifact_status *artifacts;
    size_t artifact_count;
};

/* Phases of a run: Pending, Running, Suspended, Succeeded, Failed, Cancelled. */
struct pipeline_run_status {
    int64_t observed_generation;
    const char *phase;
    const char *progress; /* "3/5" steps done */
    const char *revision; /* the pinned ControllerRevision */
    int64_t start_time;
    int64_t completion_time;
    const char *seal_job;      /* the Job that digests the published artifact, when one is needed */
    const char *model_version; /* what it published */
    struct step_status *steps;
    size_t step_count;
    struct condition_list conditions;
};

struct pipeline_run {
    struct meta meta;
    struct pipeline_run_spec spec;
    struct pipeline_run_status status;
};

/* The condition of a run whose checks asked for a new model; there only while it is True. */
#define CONDITION_RETRAIN_NEEDED "RetrainNeeded"

/*
 * Of its message, what a finished run keeps (api/kept.h) and a Trigger tells: the same whether the
 * run is kept whole or not.
 */
enum { RETRAIN_KEPT_BYTES = 256 };

/* Why, or NULL: nothing asked. */
const char *pipeline_run_retrain_message(const struct pipeline_run *run);

/* In a final phase, which never changes. A run without a status has not begun. */
bool pipeline_run_is_finished(const struct pipeline_run *run);

#endif
