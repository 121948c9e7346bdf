#ifndef TIDEMILL_SIM_PATCH_H
#define TIDEMILL_SIM_PATCH_H

/* The patch formats that the controller uses beside server-side apply (apply.h). */

#include <jansson.h>
#include <stdbool.h>

/*
 * JSON Patch (RFC 6902: add, replace, remove, test) on `tree`, as the API server's library
 * understands it. False: a path does not lead anywhere, or a test failed; the tree is then half
 * changed, to be thrown away.
 */
bool sim_patch_json(json_t *tree, const json_t *patch);

/* JSON Merge Patch (RFC 7386) of an object into `tree`. */
void sim_patch_merge(json_t *tree, const json_t *patch);

#endif
