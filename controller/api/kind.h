#ifndef TIDEMILL_API_KIND_H
#define TIDEMILL_API_KIND_H

/* The kinds that the controller knows, and where the API server keeps them. */

#include "core/arena.h"

#include <stdbool.h>

enum api_kind {
    KIND_PIPELINE,
    KIND_PIPELINE_RUN,
    KIND_MODEL,
    KIND_MODEL_VERSION,
    KIND_TRIGGER,
    KIND_JOB,
    KIND_POD,
    KIND_DEPLOYMENT,
    KIND_SERVICE,
    KIND_CONTROLLER_REVISION,
    KIND_CLAIM,
    KIND_COUNT
};

#define API_GROUP     "tidemill.dev"
#define API_VERSION   "tidemill.dev/v1alpha1"
#define FIELD_MANAGER "tidemill"

/* On every object that the controller makes; the caches of upstream's kinds watch only these. */
#define LABEL_MANAGED_BY       "app.kubernetes.io/managed-by"
#define LABEL_MANAGED_BY_VALUE "tidemill"
/* On the pods of a Job, by the API server. */
#define LABEL_JOB_NAME         "batch.kubernetes.io/job-name"
#define LABEL_PIPELINE         "tidemill.dev/pipeline"
#define LABEL_RUN              "tidemill.dev/run"
#define LABEL_STEP             "tidemill.dev/step"
#define LABEL_MODEL            "tidemill.dev/model"
#define LABEL_MODEL_VERSION    "tidemill.dev/model-version"
#define LABEL_VERSION_UID      "tidemill.dev/version-uid" /* on serving pods: their ModelVersion */
#define LABEL_TRIGGER          "tidemill.dev/trigger"
#define LABEL_BACKFILL         "tidemill.dev/backfill" /* on runs of a backfill: the Trigger */
#define ANNOTATION_REVISION    "tidemill.dev/revision" /* on a run's Jobs: the pinned revision */
#define ANNOTATION_ATTEMPT     "tidemill.dev/attempt"
#define ANNOTATION_TRIGGER_UID "tidemill.dev/trigger-uid"
/* On a run, and on a version that it made: how many runs led to it by triggers. */
#define ANNOTATION_CHAIN "tidemill.dev/chain"
/* On what is applied: a hash of what was asked for, so that it is applied again only when needed.
 */
#define ANNOTATION_SPEC_HASH "tidemill.dev/spec-hash"

struct kind_info {
    const char *kind;          /* "PipelineRun" */
    const char *api_version;   /* "tidemill.dev/v1alpha1", "v1" */
    const char *prefix;        /* "/apis/tidemill.dev/v1alpha1" or "/api/v1" */
    const char *plural;        /* "pipelineruns" */
    const char *list_selector; /* labelSelector, escaped, or NULL */
    bool by_protobuf;          /* read in upstream's protobuf form: its table has the numbers */
    bool ours;                 /* one of our five: has a status subresource that we write */
};

const struct kind_info *kind_info(enum api_kind kind);

/* KIND_COUNT when unknown. */
enum api_kind kind_by_name(const char *kind);

/*
 * "/apis/G/V/namespaces/NS/PLURAL[/NAME[/SUBRESOURCE]]", segments escaped. `namespace` NULL: all
 * namespaces; name and subresource may be NULL.
 */
const char *kind_path(struct arena *arena, enum api_kind kind, const char *namespace,
                      const char *name, const char *subresource);

#endif
