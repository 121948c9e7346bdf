#ifndef TIDEMILL_API_SECRET_H
#define TIDEMILL_API_SECRET_H

/*
 * v1 Secrets, as the controller reads them by name when a Trigger's source needs one: not one of
 * the kinds that are cached. Pure. Used by kube/poller.
 */

#include "api/meta.h"
#include "core/arena.h"
#include "core/result.h"

/* On a Secret: the hosts that it may be sent to, comma between (conformance X14). */
#define ANNOTATION_ALLOWED_HOSTS "tidemill.dev/allowed-hosts"

enum { SECRET_KEYS_MAXIMUM = 64 };

struct secret {
    const char *allowed_hosts; /* NULL: the annotation is not there */
    struct name_value *items;  /* values decoded; those with a NUL in them are left out */
    size_t count;
};

/*
 * All of it in `arena`, which its owner wipes (arena_wipe). ERROR_INVALID, with nothing of the
 * values in the message: it is no Secret.
 */
MUST_CHECK struct result secret_decode(struct arena *arena, const char *json, size_t size,
                                       struct secret *secret, struct error *error);

#endif
