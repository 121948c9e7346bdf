#ifndef TIDEMILL_API_MODEL_H
#define TIDEMILL_API_MODEL_H

/* Model: the policy and endpoint of one model name. ModelVersion: one immutable version of it. */

#include "api/meta.h"

struct serving_spec {
    struct raw_json pod_template; /* {metadata, spec}; container `server` */
    int64_t port;                 /* INTEGER_ABSENT without serving; defaulted by the CRD: 8080 */
    int64_t replicas;             /* defaulted by the CRD: 1 */
};

struct model_spec {
    struct serving_spec serving;
    const char *pinned_version; /* name of a ModelVersion */
};

/* Something that became of a model. */
struct model_event {
    int64_t number; /* 1, 2, ... */
    int64_t time;
    const char *event;   /* Promoted, RolledBack, Degraded, Rejected */
    const char *version; /* name of the ModelVersion; NULL: about none */
    int64_t chain;       /* runs that led to it by triggers; 0: none */
    const char *message;
};

struct model_status {
    int64_t observed_generation;
    const char *champion;       /* name of the ModelVersion behind the stable Service */
    int64_t champion_version;   /* its number; INTEGER_ABSENT: none */
    const char *candidate;      /* the one that is being brought up to take over */
    const char *previous;       /* the champion before, kept until drain_until */
    int64_t drain_until;        /* unix seconds; TIME_ABSENT when nothing drains */
    int64_t last_version;       /* highest number ever given; 0: none */
    const char *url;            /* http://NAME.NAMESPACE.svc */
    int64_t replicas;           /* ready pods of the champion, for the scale subresource */
    const char *selector;       /* label selector of the champion's pods, for an autoscaler */
    struct model_event *recent; /* newest last, 10 at most */
    size_t recent_count;
    struct condition_list conditions;
};

struct model {
    struct meta meta;
    struct model_spec spec;
    struct model_status status;
};

struct artifact_reference {
    const char *uri;    /* pvc://CLAIM/PATH */
    const char *digest; /* sha256:... */
};

struct metric_value {
    const char *name;
    const char *value; /* decimal as text */
    const char *step;
};

struct lineage_run {
    const char *name;
    const char *uid;
};

struct lineage_image {
    const char *step;
    const char *image; /* image id with digest as the kubelet ran it */
};

struct lineage_artifact {
    const char *name; /* "step.artifact" */
    const char *uri;
    const char *digest;
};

struct lineage_spec {
    struct lineage_run run;
    struct cause_spec cause; /* of the run: which data it was made for, when a Trigger knows */
    const char *pipeline;
    const char *revision; /* ControllerRevision of the pipeline */
    struct name_value *params;
    size_t param_count;
    struct lineage_image *images;
    size_t image_count;
    struct lineage_artifact *inputs;
    size_t input_count;
};

struct model_version_spec {
    const char *model;
    struct artifact_reference artifact;
    struct metric_value *metrics;
    size_t metric_count;
    struct lineage_spec lineage;
    struct serving_spec serving; /* used while no Model of that name exists */
};

/* Phases: Pending, Verifying, Ready (verified, not serving), Serving, Draining, Failed. */
struct model_version_status {
    int64_t observed_generation;
    int64_t version; /* INTEGER_ABSENT until allocated */
    const char *phase;
    const char *url;     /* of its own Service, while it has one */
    const char *same_as; /* name of an earlier version with the same digest */
    struct condition_list conditions;
};

struct model_version {
    struct meta meta;
    struct model_version_spec spec;
    struct model_version_status status;
};

#endif
