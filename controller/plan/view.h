#ifndef TIDEMILL_PLAN_VIEW_H
#define TIDEMILL_PLAN_VIEW_H

/*
 * What a planner sees: one moment of the caches, the time, and what recent writes of this key came
 * to. Flat, borrowed, complete: a planner asks nobody else. Filled by kube/gather. A plan
 * does not depend on the order of the lists (conformance S5); where the first of several counts, a
 * planner takes them in the order of names (plan/order.h).
 */

#include "api/model.h"
#include "api/pipeline.h"
#include "api/pipeline_run.h"
#include "api/trigger.h"
#include "api/workload.h"
#include "core/result.h"
#include "plan/plan.h"
#include "plan/zone.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Flags of the controller that planners need. */
struct plan_settings {
    const char *helper_image; /* image with the tidemill program, for pods that handle artifacts */
};

/* What the last write of its kind to this object came to, or what a probe found. */
struct fact {
    enum operation_type type;
    enum api_kind kind;
    const char *name;
    enum error_kind error; /* of a write never ERROR_NONE, which ends its fact; ERROR_NONE: a PROBE
                            * found it, an EXPLAIN has an answer (or none), a DRY_RUN went well */
    const char *message;   /* the API server's own words; of EXPLAIN: the note, NULL if none; of a
                            * PROBE for pods: FACT_POD_SUCCEEDED, or NULL */
    int64_t time;          /* unix seconds */
};

#define FACT_POD_SUCCEEDED "Succeeded"

/*
 * Sorted by facts_sort(), at most one for each type, kind and name: a key may have one for each of
 * a pipeline's steps, and each step asks.
 */
struct fact_list {
    const struct fact *items;
    size_t count;
};

void facts_sort(struct fact *facts, size_t count);

/* The fact about this object from an operation of this type, or NULL. */
const struct fact *fact_find(const struct fact_list *facts, enum operation_type type,
                             enum api_kind kind, const char *name);

/* What a refusal is called: NameTaken, QuotaExceeded or WriteRefused of plan/reasons.h. */
const char *fact_reason(const struct fact *refusal);

/* The API server's words, or that there were none. */
const char *fact_said(const struct fact *fact);

struct pipeline_view {
    int64_t now;
    const struct plan_settings *settings;
    const struct pipeline *pipeline;
    const struct claim *claim; /* spec.artifacts' claim; NULL: not there, or none asked */
    const struct pipeline_run *const *runs; /* all of this pipeline, also finished ones */
    size_t run_count;
    bool has_unreadable_runs; /* of the namespace: which pipeline they are of is not known */
    const struct controller_revision *const *revisions; /* controlled by this pipeline */
    size_t revision_count;
    const struct trigger *const *triggers; /* of the namespace that name this pipeline */
    size_t trigger_count;
    struct fact_list facts;
};

struct run_view {
    int64_t now;
    const struct plan_settings *settings;
    const struct pipeline_run *run;
    const struct pipeline *pipeline;            /* NULL: not there */
    const struct controller_revision *revision; /* the pinned one, else the pipeline's newest */
    const struct pipeline_run *const *active; /* not finished runs of the pipeline, this included */
    size_t active_count;
    /*
     * Of those: that have a Job although no status names their revision, since the status that
     * says so was refused or never sent. Only where places are few and this run wants one.
     */
    const struct pipeline_run *const *begun;
    size_t begun_count;
    const struct job *const *jobs; /* controlled by this run */
    size_t job_count;
    const struct pod *const *pods; /* controlled by those Jobs */
    size_t pod_count;
    const struct model_version *version; /* named by status.model_version or by this run; or NULL */
    struct fact_list facts;
};

/* All about one model name in one namespace, whether or not a Model object exists. */
struct model_view {
    int64_t now;
    const struct plan_settings *settings;
    const char *namespace;
    const char *name;
    const struct model *model; /* NULL: versions serve on their own */
    const struct model_version *const *versions;
    size_t version_count;
    const struct deployment *const *deployments; /* controlled by those versions */
    size_t deployment_count;
    const struct service *const *services; /* controlled by those versions or by the model */
    size_t service_count;
    const struct pod *const *pods; /* labelled with the uid of one of those versions */
    size_t pod_count;
    struct fact_list facts;
};

/* What a source was at when it was last asked; texts borrowed. */
enum sighting_state {
    SIGHTING_FOUND,   /* revision and what goes with it */
    SIGHTING_NOT_YET, /* what it says has not held for long enough: summary */
    SIGHTING_ABSENT,  /* it answered: there is nothing of that name */
    SIGHTING_FAILED   /* it could not be asked, or its answer not be read: message */
};

struct sighting {
    enum sighting_state state;
    const char *revision;
    bool quiet;          /* it is to be noted, and starts nothing */
    const char *summary; /* of the revision, for people */
    const char *news;    /* what is new since the firing before; NULL: the summary */
    const char *mark;    /* status.observedMark once a run was made for it; NULL: none */
    const char *before;  /* status.observedMark that `news` and values were told by */
    const struct name_value *values; /* what parameters may take, by name */
    size_t value_count;
    int64_t since;       /* unix seconds: it is at this revision for at least so long */
    int64_t seen;        /* unix seconds: when it was last found there */
    int64_t chain;       /* runs that led to it by triggers of pipelines; 0: none */
    const char *message; /* ABSENT, FAILED: a sentence without end, that says what to do */
};

struct trigger_view {
    int64_t now;
    const struct plan_settings *settings;
    const struct trigger *trigger;
    const struct pipeline *pipeline; /* NULL: not there */
    const struct zone *zone;         /* of spec.schedule; NULL: see zone_error */
    const char *zone_error;          /* why there is none */
    const struct sighting *sighting; /* of a source that is polled; NULL: not asked yet */
    const struct pipeline_run *const *source_runs; /* of the Pipeline that spec.pipeline names */
    size_t source_run_count;
    const struct model *source_model;       /* that spec.model names; NULL: not there */
    const struct pipeline_run *const *runs; /* that this trigger (by uid) started */
    size_t run_count;
    struct fact_list facts;
};

/* An object of ours whose spec can't be read (meta.unreadable): it is whatever kind it is. */
struct unreadable_view {
    int64_t now;
    enum api_kind kind;
    const struct object *object;
};

/*
 * Name of the revision that a run has bound itself to: in its status, or on a Job of its when the
 * status was not written any more. NULL: to none yet. For gather and the planner.
 */
const char *run_pinned_revision(const struct pipeline_run *run, const struct job *const *jobs,
                                size_t job_count);

void plan_pipeline(const struct pipeline_view *view, struct plan *plan);
void plan_run(const struct run_view *view, struct plan *plan);
void plan_model(const struct model_view *view, struct plan *plan);
void plan_trigger(const struct trigger_view *view, struct plan *plan);

/* Says so in its conditions, and does nothing else: what was made for it stays as it is. */
void plan_unreadable(const struct unreadable_view *view, struct plan *plan);

#endif
