#ifndef TIDEMILL_SUPPORT_MODEL_WORLD_H
#define TIDEMILL_SUPPORT_MODEL_WORLD_H

/*
 * A small world for the planner of one model name: objects as JSON, read by the real decoder, and
 * plans carried out on them, status patches included. Deployments come up only when a test says so.
 */

#include "plan/view.h"

#include <jansson.h>

#define MODEL_NAME "churn"

enum { MODEL_WORLD_START = 1795435200, MODEL_WORLD_OBJECTS = 64 };

struct model_world_object {
    enum api_kind kind;
    json_t *tree; /* owned */
};

struct model_world {
    struct model_world_object objects[MODEL_WORLD_OBJECTS];
    size_t count;
    int64_t now; /* unix seconds */
    int64_t resource_version;
    struct fact fact;   /* name NULL: none */
    struct arena arena; /* of the last planning */
    struct plan plan;
};

void model_world_free(struct model_world *world);

void model_world_add_model(struct model_world *world);
/* The `number`-th version, named churn-NUMBER; `serving`: it says itself how to serve. */
void model_world_add_version(struct model_world *world, int number, bool serving);

/* NULL when there is none. Borrowed. */
json_t *model_world_find(const struct model_world *world, enum api_kind kind, const char *name);
void model_world_remove(struct model_world *world, enum api_kind kind, const char *name);
/* By path, "status/champion"; "" when absent. */
const char *model_world_text(const struct model_world *world, enum api_kind kind, const char *name,
                             const char *path);

/* Plans on what is there; nothing is written. How many writes it wants. */
size_t model_world_plan(struct model_world *world);
void model_world_carry_out(struct model_world *world, const struct operation *operation);
/* Plans, and carries out at most `limit` operations. How many writes the plan wanted. */
size_t model_world_step(struct model_world *world, size_t limit);

/* The kubelet and the Deployment controller do their work: all pods of this version answer. */
void model_world_bring_up(struct model_world *world, const char *version);
/* Its copying container ends with this report. */
void model_world_fail_copy(struct model_world *world, const char *version, const char *reason);
bool model_world_is_up(const struct model_world *world, const char *version);

/* The version that the stable Service leads to, "" when there is none. */
const char *model_world_selected(const struct model_world *world);

#endif
