#ifndef TIDEMILL_PLAN_RUN_WORK_H
#define TIDEMILL_PLAN_RUN_WORK_H

/*
 * The desk of one planning of a PipelineRun, shared by plan/run*.c and nobody else: what is known,
 * the status being written, and what is in the way. Lives for one call of plan_run().
 *
 *   run.c ── gather what is known ──> run_admission.c ── may it start? ──> run_observe.c ── what
 * came of the attempts? ──> run_schedule.c ── what starts now? ──> run_publish.c ──> run.c ──
 * status
 */

#include "api/names.h"
#include "plan/conditions.h"
#include "plan/evidence.h"
#include "plan/graph.h"
#include "plan/reasons.h"
#include "plan/run_phase.h"
#include "plan/view.h"

/*
 * Bytes of a status as JSON, about. Above it images are named once and messages are cut. And of all
 * results and artifacts in it: an attempt fails that would add more.
 */
enum { RUN_STATUS_BYTES = 256 * 1024, RUN_OUTPUT_BYTES = 512 * 1024 };

/* Why the run does not get on, for its Ready condition. The first one found is shown. */
struct obstacle {
    const char *reason; /* NULL: none */
    const char *message;
};

/* How the run ends, decided in this planning. */
struct ending {
    const char *phase; /* NULL: it goes on */
    const char *reason;
    const char *message;
};

struct run_work {
    const struct run_view *view;
    const struct pipeline_run *run;
    struct plan *plan;
    struct arena *arena;
    const struct pipeline_spec *spec; /* pinned; NULL while waiting for a revision */
    const char *revision;             /* name of the pinned revision */
    struct graph graph;
    struct name_value *params; /* resolved, as many as spec->param_count */
    struct pipeline_run after; /* the run with the status being written */
    struct step_status *steps; /* after.status.steps: one for each step, in the spec's order */
    const struct step_status **recorded; /* of each step what the status said before, or NULL */
    const struct job **jobs;             /* view->jobs sorted by name */
    const struct pod **pods;             /* view->pods sorted by controller uid */
    size_t output_bytes;   /* of all results and artifacts so far, run_output_bytes() */
    size_t explained;      /* Jobs without a pod that were asked about a moment ago, or are now */
    size_t asked_for_pods; /* Jobs whose pods are asked for in this planning */
    bool is_last;          /* the run ends now: nothing is asked about what is still to come */
    struct obstacle obstacle;
    bool awaits_check;   /* of a pipeline that is being judged: a matter of moments */
    const char *retrain; /* what checks with onFailure Retrain found in this planning; or NULL */
    struct ending ending;
};

/* Sorted copies of the view's lists, and the new status as a copy of the old. */
void run_work_init(struct run_work *work, const struct run_view *view, struct plan *plan);

const struct job *run_find_job(const struct run_work *work, const char *name);

/* The pods of a Job; *count may be 0. */
const struct pod *const *run_find_pods(const struct run_work *work, const struct job *job,
                                       size_t *count);

/* Keeps the first obstacle. */
void run_note_obstacle(struct run_work *work, const char *reason, const char *message);

/* A check asks for a new model: said in the RetrainNeeded condition, and the run goes on. */
void run_note_retrain(struct run_work *work, const char *message);

/* Once in a planning. */
void run_end(struct run_work *work, const char *phase, const char *reason, const char *message);

/* Decides whether the run may start; fills spec, graph, params. False: it waits or has ended. */
bool run_admit(struct run_work *work);

/*
 * What a Job and its pods say. While only the Job has been seen to end it is still under way: what
 * the pod left is yet to come, and the two kinds are watched apart from each other. `needs_pod`:
 * the run can't go on without it.
 */
struct attempt_evidence run_judge_attempt(struct run_work *work, const struct job *job,
                                          bool needs_pod);

/*
 * What the API server has of a Job's pods, past any cache; NULL: it is asked now, or soon. So many
 * Jobs at once; the answers make the plan anew. A fact of PROBE, KIND_POD, by the Job's name.
 */
enum { RUN_ASKS_AT_ONCE = 10 };
const struct fact *run_ask_for_pods(struct run_work *work, const char *job, const char *why);

/* Reads the attempts under way into the step statuses. */
void run_observe(struct run_work *work);

/* The same for a run that ends now, whatever is still under way. Needs work->spec. */
void run_observe_last(struct run_work *work);

/*
 * Creates the Jobs of what may start now. Those that the API server refused before come in groups
 * of their own, so that being refused again does not keep the status from being written.
 */
void run_schedule(struct run_work *work);

/* After the last step: seals and publishes. True when nothing is left to do. */
bool run_publish(struct run_work *work);

/* The version is there, although the status may not say so yet: then all steps have succeeded. */
bool run_has_published(const struct run_work *work);

/* Where a step's artifacts are below the claim's root: RUN/STEP. */
const char *run_out_path(struct run_work *work, size_t step);

/* "pvc://CLAIM/PATH" -> PATH, or NULL. */
const char *artifact_path(const char *uri);

struct artifact_status *run_find_artifact(const struct run_work *work,
                                          const struct artifact_source *source);

/* Bytes of a step's results and artifacts in the status. */
size_t run_output_bytes(const struct step_status *step);

/* Makes the status that is about to be written as small as it should be: see RUN_STATUS_BYTES. */
void run_limit_status(struct run_work *work);

/* Unix second at which the whole run is over; TIME_ABSENT: no timeout. Needs a run that started. */
int64_t run_deadline(const struct run_work *work);

#endif
