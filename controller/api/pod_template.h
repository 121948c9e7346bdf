#ifndef TIDEMILL_API_POD_TEMPLATE_H
#define TIDEMILL_API_POD_TEMPLATE_H

/*
 * Layers of pod templates as JSON trees; for api/render*.c alone. Merging is what people know from
 * `kubectl patch`: objects merge, null removes, lists with a key merge by it, other lists replace.
 * All functions return new references; arguments are borrowed.
 */

#include "api/meta.h"
#include "core/arena.h"

#include <jansson.h>

/*
 * `over` laid over `base`; either may be NULL. What only one of them says is shared with it: it is
 * not to be changed in both.
 */
json_t *pod_template_merge(const json_t *base, const json_t *over);

/* The tree of a raw template, an empty object when it is absent or broken. */
json_t *pod_template_parse(const struct raw_json *raw);

/* The object in array spec.LIST of the template whose name is `name`; borrowed, NULL if none. */
json_t *pod_template_container(const json_t *pod_template, const char *list, const char *name);

/* Compact text with sorted keys, in `arena`; takes the reference. */
const char *json_to_text(struct arena *arena, json_t *tree);

#endif
