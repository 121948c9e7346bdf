#ifndef TIDEMILL_KUBE_LEASE_H
#define TIDEMILL_KUBE_LEASE_H

/*
 * Whether this process may write now. The executor and the event recorder ask before every single
 * write, repeated ones included (conformance C21). With one replica the lease is held for ever:
 * lease_hold_forever(). Leader election moves `deadline_ms` forward at each renewal, on the
 * monotonic clock; a write that is not allowed is dropped, never delayed, because what it was
 * planned on may be another replica's past by then.
 */

#include "kube/io.h"

#include <stdbool.h>
#include <stdint.h>

struct lease {
    struct io io;
    int64_t deadline_ms; /* monotonic; nothing is sent at or after it */
};

struct lease lease_hold_forever(struct io io);

bool lease_allows_write(const struct lease *lease);

#endif
