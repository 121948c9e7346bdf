#ifndef TIDEMILL_SIM_PATCH_H
#define TIDEMILL_SIM_PATCH_H

/* The two patch formats that the controller uses, as far as it uses them. */

#include <jansson.h>
#include <stdbool.h>

/*
 * JSON Patch (RFC 6902: add, replace, remove, test) on `tree`. False: a path does not lead
 * anywhere, or a test failed; the tree is then half changed, to be thrown away.
 */
bool sim_patch_json(json_t *tree, const json_t *patch);

/*
 * Server-side apply of one manager with force: what `before` (its last apply, or NULL) had and
 * `after` has not is removed from `tree`, what `after` has is set; the rest stays. Lists are taken
 * whole.
 */
void sim_patch_apply(json_t *tree, json_t *before, const json_t *after);

#endif
