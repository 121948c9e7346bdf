#ifndef TIDEMILL_API_LEASE_H
#define TIDEMILL_API_LEASE_H

/*
 * coordination.k8s.io/v1 Leases, as leader election reads and writes them: not one of the kinds
 * that are cached. Pure. Used by kube/election.
 */

#include "core/arena.h"
#include "core/result.h"

#include <stdint.h>

#define LEASE_API_VERSION "coordination.k8s.io/v1"
#define LEASE_KIND        "Lease"

/* What a Lease says. Its times are kept as text: they tell that it changed, and nothing else. */
struct lease_record {
    const char *uid;
    const char *resource_version;
    const char *holder;       /* NULL or "": nobody */
    int64_t duration_seconds; /* 0: it does not say, or nothing sensible */
    int64_t transitions;
    uint64_t fingerprint; /* of all that a holder writes: equal while nobody wrote */
};

/* ERROR_INVALID: not a Lease, or one without a resourceVersion. */
MUST_CHECK struct result lease_decode(struct arena *arena, const char *json, size_t size,
                                      struct lease_record *record, struct error *error);

/* What is written. Times in unix microseconds. */
struct lease_claim {
    const char *holder; /* "": released */
    int64_t duration_seconds;
    int64_t transitions;
    int64_t acquire_micros; /* 0: as it is */
    int64_t renew_micros;
};

/* The body that creates it. */
const char *lease_render(struct arena *arena, const char *namespace, const char *name,
                         const struct lease_claim *claim);

/*
 * A merge patch, locked by the resourceVersion: 409 when somebody else wrote first. Unlike an
 * update it leaves alone what others keep in the Lease.
 */
const char *lease_render_patch(struct arena *arena, const char *resource_version,
                               const struct lease_claim *claim);

#endif
