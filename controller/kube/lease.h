#ifndef TIDEMILL_KUBE_LEASE_H
#define TIDEMILL_KUBE_LEASE_H

/*
 * The gate: whether this process may write now. The executor and the event recorder ask before
 * every single write, repeated ones included, and what waits below them is not sent at or after
 * `deadline_ms` either (io_request.send_before_ms; conformance C21). kube/election moves it; with
 * one replica it is held for ever. Invariants: a write that is not allowed is dropped, never
 * delayed, because what it was planned on may be another replica's past by then; for the same
 * reason what was planned in one term is never written in another.
 */

#include "kube/io.h"

#include <stdbool.h>
#include <stdint.h>

struct lease {
    struct io io;
    int64_t deadline_ms; /* monotonic; nothing is sent at or after it */
    uint64_t term;       /* counts the times that it was won */
};

/* Without leader election. */
struct lease lease_hold_forever(struct io io);

/* Not held: nothing may be written before lease_win(). */
struct lease lease_not_held(struct io io);

/* A new term begins, until `deadline_ms`. */
void lease_win(struct lease *lease, int64_t deadline_ms);
/* The term goes on until `deadline_ms`. */
void lease_renew(struct lease *lease, int64_t deadline_ms);
/* Nothing more is written in this term. */
void lease_lose(struct lease *lease);

bool lease_allows_write(const struct lease *lease);

/* The same for what was planned in `term`. */
bool lease_allows_write_of(const struct lease *lease, uint64_t term);

#endif
