#ifndef TIDEMILL_SUPPORT_MODEL_WORLD_H
#define TIDEMILL_SUPPORT_MODEL_WORLD_H

/*
 * A world (support/plan_world.h) at noon with the Model churn, whose versions churn-0, churn-1 ...
 * get the numbers 1, 2 ..., and what a Deployment controller and a kubelet would do there. Pods
 * come up only when a test says so. Names that are returned are in the world's arena, as long as
 * the world is not swept.
 */

#include "support/plan_world.h"

#define MODEL_NAME "churn"

/* A podTemplate that can be served, as world_put() takes it. */
#define MODEL_TEMPLATE "{'spec':{'containers':[{'name':'server','image':'example/serve:1'}]}}"

/* Seconds that pods stay after a switch: the second that has begun, and 30 more. */
enum { DRAIN = 31 };

/* The Model, and no version yet. */
void model_world_init(struct world *world);
/* The same, and version churn-0 serves. */
void model_world_init_serving(struct world *world);
void model_world_add_model(struct world *world);

/* ---- versions: churn-NUMBER, which is returned ---- */

/* It is there, and nothing is planned. */
const char *model_world_add_version(struct world *world, int number);
/* It says itself how to serve. */
const char *model_world_add_serving_version(struct world *world, int number);
/* It is added, and its Deployment is made. */
const char *model_world_publish(struct world *world, int number);
/* It is published and all its pods answer, which was not planned with yet. */
const char *model_world_come_up(struct world *world, int number);
/* It comes up and takes over. */
void model_world_serve(struct world *world, int number);
/* The same, but what its pods copied was not seen: nobody knows whether its files are right. */
void model_world_serve_unverified(struct world *world, int number);

/* spec.pinnedVersion; NULL: none. */
void model_world_pin(struct world *world, const char *version);

/* ---- planning ---- */

/* One write alone, as the others of its plan were not; events are left out. */
void model_world_carry_out(struct world *world, const struct operation *operation);
/* One planning, carried out. A write that the API server would refuse fails the test. */
void model_world_step(struct world *world);
/* Of one planning, the writes of this type to this kind alone. */
void model_world_step_only(struct world *world, enum operation_type type, enum api_kind kind);
/* One planning, whose controller ends after so many writes. */
void model_world_crash(struct world *world, size_t writes);
/* Until nothing is left to write; a planner that does not come to rest fails the test. */
void model_world_rest(struct world *world);

/* ---- the cluster ---- */

/* The word of the Deployment controller alone: all pods of this version answer. */
void model_world_make_available(struct world *world, const char *version);
/* So it is, and a pod of it is seen that copied the right files. */
void model_world_bring_up(struct world *world, const char *version);
/* The version's pod VERSION-pod has this status (JSON); it replaces the one before. */
void model_world_set_pod(struct world *world, const char *version, const char *status);
/* Its copying container ended with this report. */
void model_world_fail_copy(struct world *world, const char *version, const char *reason,
                           const char *message);

/* ---- looking ---- */

/* Of the Model, by path; "" when absent. */
const char *model_world_text(const struct world *world, const char *path);
/* "True Reason: message" of Ready, of the Model or of this version. */
const char *model_world_ready(struct world *world);
const char *model_world_version_ready(struct world *world, const char *version);
/* The version that the stable Service leads to, "" when there is none. */
const char *model_world_selected(const struct world *world);
/* Whether it has a Deployment, and whether all pods of the newest template answered. */
bool model_world_runs(const struct world *world, const char *version);
bool model_world_is_up(const struct world *world, const char *version);

#endif
