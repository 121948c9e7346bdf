#ifndef TIDEMILL_API_CODEC_TREE_H
#define TIDEMILL_API_CODEC_TREE_H

/* jansson with our limits, and from the start with our memory; for api/codec*.c and
 * api/pod_template.c alone. */

#include "api/codec_scan.h"
#include "core/arena.h"
#include "core/result.h"

#include <jansson.h>

/* Deeper texts are refused: our own recursion over trees is bounded by this. */
enum { JSON_DEPTH_MAX = 64 };

/* CLEANUP(tree_release) json_t *tree = NULL; */
void tree_release(json_t **tree);

/*
 * Any JSON value. `flags` are jansson's, beside those that we always need. ERROR_INVALID says where
 * it went wrong, as a path where there is one. The caller owns *tree.
 */
MUST_CHECK struct result tree_parse(struct span text, size_t flags, json_t **tree,
                                    struct error *error);

/* The same for a part of `whole`: a failure is named by its path there. */
MUST_CHECK struct result tree_parse_within(struct span whole, struct span text, json_t **tree,
                                           struct error *error);

/* The text of a string, with U+FFFD for each NUL in it; NULL when `value` is no string. */
char *tree_copy_text(struct arena *arena, const json_t *value);

/* Member `name` of an object as text; NULL when there is none or it is no string. */
char *tree_copy_member(struct arena *arena, const json_t *object, const char *name);

/* Compact, sorted keys, in the arena. codec_print.c */
char *tree_print(struct arena *arena, const json_t *value);

/* "an object", "a string", ...: for messages. */
const char *tree_describe_type(const json_t *value);

#endif
