#ifndef TIDEMILL_KUBE_CONTROLLER_PRIVATE_H
#define TIDEMILL_KUBE_CONTROLLER_PRIVATE_H

/* The inside of the controller, shared by controller.c and controller_stop.c alone. */

#include "kube/controller.h"
#include "kube/expectations.h"
#include "kube/facts.h"
#include "kube/hooks.h"
#include "kube/lease.h"
#include "kube/poller.h"
#include "kube/zones.h"

/* STARTING, ... as in controller.h; STOPPING: after controller_stop(). */
enum controller_state {
    STATE_STARTING,
    STATE_FOLLOWING,
    STATE_LOOKING,
    STATE_ACTING,
    STATE_STOPPING
};

struct controller {
    struct controller_options options;
    struct cache *cache;
    struct reflector *reflectors[KIND_COUNT];
    struct lease lease;
    struct election *election;         /* NULL: none */
    uint64_t lists_before[KIND_COUNT]; /* complete lists of each kind when the lease was won */
    enum controller_state state;
    struct io_timer *drain_timer;
    int64_t drain_until_ms;
    void (*stopped)(void *context);
    void *stopped_context;
    struct queue *queue;
    struct expectations *expectations;
    struct facts *facts;
    struct events *events;
    struct executor *executor;
    struct zones *zones;
    struct poller *poller;
    struct hooks *hooks;
    struct arena arena; /* of the reconcile at hand */
    size_t in_hand;
    struct reconcile *reconciles; /* under way */
    size_t steps_running;         /* by the cache */
    bool kind_synced[KIND_COUNT];
    bool started[KIND_COUNT]; /* its reflector */
    struct io_timer *start_timer;
};

#endif
