#ifndef TIDEMILL_IO_KUBECONFIG_H
#define TIDEMILL_IO_KUBECONFIG_H

/*
 * The kubeconfig format (C17), pure over bytes: several files are added one by one, then one
 * context of them is resolved. Reading files is io/access.h's. Invariant: what is wrong in an entry
 * that is not used harms nobody.
 */

#include "core/arena.h"
#include "core/result.h"
#include "io/access.h"

#include <stddef.h>

struct kubeconfig_entry {
    struct kubeconfig_entry *next;
    const char *name;
    const char *file; /* where it stands: relative paths in it begin at that file's folder */
    const struct yaml_tree *body; /* NULL: empty */
    int line;
};

/* `struct kubeconfig config = {0};` is an empty one. All in one arena. */
struct kubeconfig {
    struct kubeconfig_entry *clusters;
    struct kubeconfig_entry *users;
    struct kubeconfig_entry *contexts;
    const char *current_context; /* NULL: no file says one */
    const char *first_file;
};

/*
 * Adds one file's entries; names that are there already, and a current context already known,
 * stay. ERROR_INVALID with file, line and field.
 */
MUST_CHECK struct result kubeconfig_add(struct arena *arena, struct kubeconfig *config,
                                        const char *file, const char *bytes, size_t size,
                                        struct error *error);

/*
 * `context`: NULL for the current one.
 * ERROR_NOT_FOUND when a named context, cluster or user is not there, ERROR_INVALID when it is
 * wrong or asks for what is not supported.
 */
MUST_CHECK struct result kubeconfig_resolve(struct arena *arena, const struct kubeconfig *config,
                                            const char *context, const struct access **access,
                                            struct error *error);

#endif
