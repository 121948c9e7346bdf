#ifndef TIDEMILL_SUPPORT_PLAN_WORLD_PRIVATE_H
#define TIDEMILL_SUPPORT_PLAN_WORLD_PRIVATE_H

/* What tests/support/plan_{world,views,writes}.c share; for nobody else. */

#include "support/plan_world.h"

enum { WORLD_TOKEN_SIZE = 128 }; /* bytes of one part of a path, or of a uid */

const char *world_name_of(const json_t *tree);

/* world->count when there is none. */
size_t world_find_index(const struct world *world, enum api_kind kind, const char *name);

/* A new resourceVersion. */
void world_touch(struct world *world, json_t *tree);
void world_raise_generation(json_t *tree);

/* Takes the tree. */
json_t *world_store(struct world *world, enum api_kind kind, json_t *tree, const char *uid);

/* The object, and all that it owns. */
void world_remove_at(struct world *world, size_t index);

/* The next part of a path; NULL at the end. */
const char *world_take_token(const char *path, char token[WORLD_TOKEN_SIZE]);
json_t *world_child(json_t *parent, const char *token);

void world_forget_fact(struct world *world, enum operation_type type, enum api_kind kind,
                       const char *name);

const struct object *world_decode(struct world *world, enum api_kind kind, const json_t *tree);

#endif
