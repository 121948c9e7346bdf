#ifndef TIDEMILL_IO_PLUGIN_H
#define TIDEMILL_IO_PLUGIN_H

/*
 * Runs an exec credential plugin (client.authentication.k8s.io/v1) from the loop: no shell, its
 * own process group, nothing on its input, its errors on ours. Used by io/credentials.h, and only
 * in commands that a person types (X7). Invariant: a plugin that outlives its time is killed.
 */

#include "core/arena.h"
#include "core/result.h"
#include "io/access.h"

#include <stddef.h>
#include <stdint.h>

struct loop;
struct plugin;

/* What a plugin printed, checked. Borrowed by the callback; wiped afterwards. */
struct plugin_credential {
    const char *token;       /* NULL: none */
    const char *certificate; /* PEM; with key, or both NULL */
    const char *key;
    int64_t expires_unix; /* 0: never */
};

/* The value of KUBERNETES_EXEC_INFO: JSON. `authority` is PEM, for provideClusterInfo. */
char *plugin_input(struct arena *arena, const struct access *access, const char *authority,
                   size_t authority_size);

/* Reads an ExecCredential. Pure. ERROR_INVALID says what is wrong with it. */
MUST_CHECK struct result plugin_read(struct arena *arena, const struct access_plugin *plugin,
                                     const char *output, size_t size,
                                     struct plugin_credential *credential, struct error *error);

/*
 * `on_done` comes once from the loop, after `timeout_ms` at the latest, with `credential` or with
 * NULL and `error`; the plugin is gone then. A failure to start is returned at once. `description`
 * is borrowed until then.
 */
MUST_CHECK struct result plugin_start(struct loop *loop, const struct access_plugin *description,
                                      const char *input, int64_t timeout_ms,
                                      void (*on_done)(void *context,
                                                      const struct plugin_credential *credential,
                                                      const struct error *error),
                                      void *context, struct plugin **plugin, struct error *error);

/* Kills it; on_done is not called. NULL is allowed; returns NULL. */
struct plugin *plugin_cancel(struct plugin *plugin);

#endif
