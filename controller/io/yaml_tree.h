#ifndef TIDEMILL_IO_YAML_TREE_H
#define TIDEMILL_IO_YAML_TREE_H

/*
 * One YAML or JSON document as a tree in an arena, each node with the line it stands on. Pure over
 * bytes (libyaml). For kubeconfig files and what credential plugins print. No anchors and aliases:
 * a small file could unfold into a huge tree. Invariant: keys of a map are texts, each once.
 */

#include "core/arena.h"
#include "core/result.h"

#include <stddef.h>

enum yaml_tree_kind { YAML_TREE_TEXT, YAML_TREE_LIST, YAML_TREE_MAP };

struct yaml_tree {
    enum yaml_tree_kind kind;
    int line;                      /* from 1 */
    bool quoted;                   /* a text in quotes: "null" is then a text */
    const char *key;               /* when its parent is a map */
    const char *text;              /* of a text, else NULL */
    const struct yaml_tree *first; /* of a list or map */
    const struct yaml_tree *next;  /* in the parent */
};

/*
 * `name` begins error messages: "NAME, line N: ...". ERROR_INVALID for what is not YAML or is too
 * deep; an empty document gives NULL.
 */
MUST_CHECK struct result yaml_tree_parse(struct arena *arena, const char *name, const char *bytes,
                                         size_t size, const struct yaml_tree **tree,
                                         struct error *error);

/* The member of a map; NULL when absent, null, or when `tree` is NULL or no map. */
const struct yaml_tree *yaml_tree_member(const struct yaml_tree *tree, const char *key);

/* True for null, ~ and nothing at all. */
bool yaml_tree_is_null(const struct yaml_tree *tree);

#endif
