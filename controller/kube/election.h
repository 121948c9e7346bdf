#ifndef TIDEMILL_KUBE_ELECTION_H
#define TIDEMILL_KUBE_ELECTION_H

/*
 * Leader election on a coordination.k8s.io/v1 Lease (conformance C18-C21): of several replicas one
 * may write. Moves the gate of kube/lease; used by the controller. Single-threaded: one request for
 * the Lease is under way at most, and on_change comes from the loop.
 *
 * Invariants:
 * - Time is this process's monotonic clock alone: another's Lease has run out when it was not seen
 *   to change for as long as it says. Times in the Lease are written for people and never compared.
 * - The gate's deadline counts from the moment before the renewing request was sent, so it is over
 *   (renew deadline) before anybody else's patience is (lease duration). A deadline that passed
 *   ends the term, whatever is known afterwards; a new one has to be won.
 * - Every write to the Lease is locked by the resourceVersion it was decided on.
 * - A Lease that vanished is made again by its holder; others wait for as long as it would have
 *   lasted.
 *
 * This is no fencing: a request that was sent in time may be carried out later. Writes are locked
 * by resourceVersion and names are deterministic, so that such a one conflicts or repeats.
 */

#include "core/result.h"
#include "kube/io.h"
#include "kube/lease.h"

#include <stdbool.h>
#include <stdint.h>

/* client-go's and the control plane's own (conformance C18). */
enum {
    ELECTION_LEASE_MS = 15 * 1000,
    ELECTION_RENEW_MS = 10 * 1000,
    ELECTION_RETRY_MS = 2 * 1000,
    ELECTION_JITTER_PERCENT = 20, /* pauses are retry to retry x 1.2 */
    ELECTION_STOP_MS = 2 * 1000   /* for giving the Lease back */
};

struct election_times {
    int64_t lease_ms; /* whole seconds: how long others wait for a silent leader */
    int64_t renew_ms; /* how long a leader writes without a renewal */
    int64_t retry_ms; /* between two renewals; who follows looks twice in it */
};

/* ERROR_INVALID unless lease > renew > retry x 1.2; the message names the flag and what to do. */
MUST_CHECK struct result election_check_times(const struct election_times *times,
                                              struct error *error);

struct election_options {
    struct io io;
    struct lease *lease;   /* lease_not_held() at first; borrowed */
    const char *identity;  /* of this process among all candidates; texts are copied */
    const char *instance;  /* the pod's name, for the event */
    const char *namespace; /* of the Lease */
    const char *name;
    struct election_times times; /* checked */
    /* This process leads from now on, or no more; the gate is moved already. */
    void (*on_change)(void *context, bool leads);
    void *context;
};

struct election;

struct election *election_new(const struct election_options *options);
/* Accepts NULL; returns NULL. Gives nothing back: the Lease runs out by itself. */
struct election *election_free(struct election *election);

/* Becomes a candidate. Once. */
void election_start(struct election *election);

/*
 * The first half of a clean stop: the gate is closed for good and nothing is renewed, while the
 * Lease still keeps others away for at least lease - renew. on_change is not called any more.
 */
void election_withdraw(struct election *election);

/*
 * The second half, when nothing written is under way any more: gives the Lease back if it is ours
 * (holder emptied, duration 1 s), then calls `done`, from the loop, at most ELECTION_STOP_MS later.
 */
void election_release(struct election *election, void (*done)(void *context), void *context);

struct election_numbers {
    bool leads;
    uint64_t transitions; /* times that this process began or ceased to lead */
};

/* For metrics. */
struct election_numbers election_numbers(const struct election *election);

#endif
