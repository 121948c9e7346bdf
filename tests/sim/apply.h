#ifndef TIDEMILL_SIM_APPLY_H
#define TIDEMILL_SIM_APPLY_H

/*
 * Server-side apply with force, and who owns which field (KEP-555): one manager that applies, and
 * all others, who update, as one. Lists of containers, ports and the like are merged by their keys,
 * selectors and all other lists are taken whole.
 *
 * A set of fields is a JSON tree: {"spec": {"replicas": true}}; an item of a list that is merged
 * stands under the text of its key.
 */

#include <jansson.h>
#include <stdbool.h>

struct sim_fields {
    json_t *applied; /* what our field manager applied last; owned; NULL: it never did */
    json_t *updated; /* what others wrote; owned; NULL: nothing is kept of it */
};

void sim_fields_free(struct sim_fields *fields);

/* The fields that a body names, but for its identity and status. */
json_t *sim_fields_of(const json_t *body);

/*
 * `live` becomes what it is after the apply of `config`: what the last one had and this one has not
 * goes, unless others own it too.
 */
void sim_apply(json_t *live, const struct sim_fields *fields, const json_t *config);

/* What others wrote between two states is theirs. */
void sim_fields_note_update(struct sim_fields *fields, const json_t *before, const json_t *after);

/* What an apply changed is no longer anybody else's. True when the owners are others than before.
 */
bool sim_fields_note_apply(struct sim_fields *fields, const json_t *config, const json_t *before,
                           const json_t *after);

#endif
