#ifndef TIDEMILL_KUBE_EGRESS_H
#define TIDEMILL_KUBE_EGRESS_H

/*
 * Where a URL of a user's may lead (conformance X5): a Service of the object's own namespace, or a
 * host that the controller's --allow-egress names. Pure. What the host's name resolves to is judged
 * by io/fetch.
 */

#include "core/arena.h"
#include "core/result.h"

#include <stdbool.h>

struct egress_target {
    const char *url; /* what to connect to: a short Service name is written out */
    bool is_service;
};

/*
 * `allowed`: host names, comma between, "*.example.com" for all below; NULL or "": none. `url` may
 * be "http://data/x", "http://data.team.svc/x", "https://example.com/x". ERROR_INVALID: no URL.
 * ERROR_DENIED: a host that is neither; the message says what to do.
 */
MUST_CHECK struct result egress_judge(struct arena *arena, const char *url, const char *namespace,
                                      const char *allowed, struct egress_target *target,
                                      struct error *error);

#endif
