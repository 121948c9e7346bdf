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
    const char *url;  /* what to connect to: a short Service name is written out */
    const char *host; /* host[:port] as it was written, for the Host header: it may be signed */
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

/*
 * Whether a Secret may go along with a request to `target` (conformance X14). `allowed`: the
 * Secret's annotation tidemill.dev/allowed-hosts, names as in --allow-egress; a Service by its
 * short or its whole name. In the clear only to "http://NAME" in it. ERROR_DENIED says what to do.
 */
MUST_CHECK struct result egress_judge_secret(struct arena *arena,
                                             const struct egress_target *target, const char *secret,
                                             const char *allowed, struct error *error);

#endif
