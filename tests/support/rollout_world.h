#ifndef TIDEMILL_SUPPORT_ROLLOUT_WORLD_H
#define TIDEMILL_SUPPORT_ROLLOUT_WORLD_H

/*
 * The life of a model name in a small world: versions, their Deployments and the stable Service, as
 * structs that a test may change. A world is planned, what the plan wants is carried out by hand,
 * and it is planned again.
 */

#include "plan/view.h"

/* DRAIN: the second that has begun, and 30 more. */
enum { ROLLOUT_VERSIONS = 4, NOW = 1795435200, DRAIN = 31 };

#define ROLLOUT_TEMPLATE \
    "{\"spec\":{\"containers\":[{\"name\":\"server\",\"image\":\"example/serve:1\"}]}}"

struct rollout_world {
    struct arena arena;
    struct model model;
    struct model_version versions[ROLLOUT_VERSIONS];
    struct deployment deployments[ROLLOUT_VERSIONS];
    bool has_deployment[ROLLOUT_VERSIONS];
    struct service service;
    bool has_service;
    struct pod pods[ROLLOUT_VERSIONS];
    struct container_status copies[ROLLOUT_VERSIONS];
    bool has_pod[ROLLOUT_VERSIONS];
    size_t version_count;
    int64_t now;
    struct fact facts[ROLLOUT_VERSIONS];
    size_t fact_count;
    bool without_model;
    struct plan plan;
};

/* Model churn and its version churn-0, of which nothing is known yet. */
struct rollout_world *rollout_world_new(void);
/* The same, and the version serves. */
struct rollout_world *rollout_world_serving(void);
void rollout_world_free(struct rollout_world *world);

/* Version churn-1, -2 and so on. */
void rollout_add_version(struct rollout_world *world);

/* world->plan is anew; nothing is carried out. */
void rollout_plan(struct rollout_world *world);
/* Plans and carries out the first `limit` operations. */
void rollout_step(struct rollout_world *world, size_t limit);
/* Plans and carries out what makes Deployments, and nothing else. */
void rollout_apply_deployments(struct rollout_world *world);

/* Of the last plan. NULL: none. */
const struct operation *rollout_find(const struct rollout_world *world, enum operation_type type,
                                     enum api_kind kind, const char *name);
size_t rollout_count_writes(const struct rollout_world *world);
/* Whether this is part of a JSON Patch or body, as far as a test needs it. */
bool rollout_says(const struct operation *operation, const char *text);

/* All pods of the version answer. */
void rollout_make_available(struct rollout_world *world, size_t at);
/* A pod of the version whose copying container ended like this. */
void rollout_end_copy(struct rollout_world *world, size_t at, int64_t exit_code,
                      const char *message);

/* The uid of the version that the Service leads to; NULL: none. */
const char *rollout_selected(const struct rollout_world *world);

#endif
