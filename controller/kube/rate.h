#ifndef TIDEMILL_KUBE_RATE_H
#define TIDEMILL_KUBE_RATE_H

/*
 * A token bucket, as golang.org/x/time/rate has one, written as a generic cell rate: one number
 * instead of a count and a time. Zeroed it is full, on a clock that does not run below zero.
 */

#include <stdbool.h>
#include <stdint.h>

struct rate {
    int64_t interval_ms; /* a token comes each so often, */
    int64_t burst;       /* and so many are there at most */
    int64_t due_ms;      /* monotonic; the next one, if the bucket were empty */
};

/* Takes one that may not be there yet: how long to wait for it, in milliseconds. */
int64_t rate_reserve(struct rate *rate, int64_t now_ms);

/* Takes one that is there; false: none is. */
bool rate_take(struct rate *rate, int64_t now_ms);

#endif
