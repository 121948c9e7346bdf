#ifndef TIDEMILL_KUBE_EVENTS_H
#define TIDEMILL_KUBE_EVENTS_H

/*
 * The recorder of events.k8s.io/v1 events (conformance C25, C26, A5). Used by the executor.
 * Recording never blocks and never fails: what can't be kept or sent is counted and dropped.
 *
 * Identical means: same object uid, reason, note and type. The first is POSTed, the second PATCHes
 * a series onto it, further ones are counted in memory and sent at most every 30 minutes. After
 * 6 minutes without a further one the series ends (client-go's times). Events are sent in order of
 * recording, few at once, and apart from the executor's requests.
 */

#include "kube/io.h"
#include "kube/lease.h"
#include "plan/plan.h"

#include <stddef.h>
#include <stdint.h>

enum {
    EVENTS_QUEUE_MAXIMUM = 1000,  /* waiting to be sent */
    EVENTS_SERIES_MAXIMUM = 4096, /* remembered; client-go's maxLruCacheEntries */
    EVENTS_IN_FLIGHT = 8,
    EVENTS_TRIES = 4, /* of one send, the first included */
    EVENTS_REFRESH_MS = 30 * 60 * 1000,
    EVENTS_FINISH_MS = 6 * 60 * 1000
};

struct events_options {
    struct io io;
    const struct lease *lease;
    const char *instance; /* reportingInstance: the pod's name; copied */
};

struct events;

struct events *events_new(const struct events_options *options);
/* Accepts NULL; returns NULL. Cancels what is under way. */
struct events *events_free(struct events *events);

/* An OPERATION_EVENT; everything is copied. */
void events_record(struct events *events, const struct operation *operation);

struct events_numbers {
    size_t queued;
    size_t in_flight;
    size_t remembered;
    uint64_t recorded;
    uint64_t posted;
    uint64_t patched;
    uint64_t dropped; /* the queue was full */
    uint64_t failed;  /* given up */
};

struct events_numbers events_numbers(const struct events *events);

#endif
