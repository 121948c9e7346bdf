#ifndef TIDEMILL_SIM_RULES_H
#define TIDEMILL_SIM_RULES_H

/* What an API server does differently for each kind: generation, defaults, what it refuses. */

#include "api/kind.h"

#include <jansson.h>
#include <stdbool.h>

bool sim_rules_has_generation(enum api_kind kind);
/* Whether a write that makes `after` of `before` is one of what is wanted. */
bool sim_rules_raises_generation(enum api_kind kind, const json_t *before, const json_t *after);

/*
 * Some of its defaults are told by each read, and stored by an update alone: the first one moves
 * the version even when it changes nothing.
 */
bool sim_rules_defaults_late(enum api_kind kind);

/* Whether it is written by server-side apply, so that owners of its fields count. */
bool sim_rules_is_applied(enum api_kind kind);

/* A DELETE marks it first, if only for no time. */
bool sim_rules_ends_gracefully(enum api_kind kind);

/* The object itself is the answer to a DELETE after which it is gone; else a Status is. */
bool sim_rules_tells_last_state(enum api_kind kind);

/* A DELETE that names no propagationPolicy leaves what belongs to it (conformance J4). */
bool sim_rules_orphans(enum api_kind kind);

/* A created object gets the status and finalizers that it begins with. */
void sim_rules_begin(enum api_kind kind, json_t *tree);

/* What a write left out and the API server fills in, and empty lists that it leaves out. */
void sim_rules_complete(enum api_kind kind, json_t *tree);

/*
 * Why `after` is refused, as a list of {"field", "reason", "message"}; empty: it is not. `before`
 * NULL: it is created. To be freed.
 */
json_t *sim_rules_check(enum api_kind kind, const json_t *before, const json_t *after);

#endif
