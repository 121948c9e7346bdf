#ifndef TIDEMILL_KUBE_POLLER_PRIVATE_H
#define TIDEMILL_KUBE_POLLER_PRIVATE_H

/*
 * The inside of the poller.
 *
 *   poller.c       whom to ask, and when; the shares of hosts; what is known
 *   poller_talk.c  one conversation: its Secret, its requests, what came of it
 */

#include "api/secret.h"
#include "core/map.h"
#include "kube/poller.h"
#include "kube/queue.h"
#include "source/source.h"

/* What is known of one Trigger's source, and the conversation about it. */
struct poll {
    struct poller *poller;
    struct work_key key; /* owned */
    char *uid;
    int64_t generation;
    struct arena known; /* of the sighting */
    struct sighting sighting;
    bool is_known;
    unsigned failures; /* in a row */
    /* While it is asked: */
    bool is_asked;
    struct arena arena;            /* wiped: the Secret is in it */
    const struct trigger *trigger; /* as it was when it began */
    struct io_call *secret_call;
    const char *secret_name; /* NULL: none */
    struct secret secret;
    struct source_secret values;
    struct source_talk *talk;
    struct source_request request;
    char *host; /* whose share it has; owned */
    struct io_visit *visit;
};

struct poller {
    struct poller_options options;
    struct queue *queue;
    struct map polls; /* "namespace/name" -> struct poll */
    struct map hosts; /* host -> conversations with it, as a number */
    bool leads;
    bool is_working; /* work() is on the stack */
    size_t asking;
    struct poller_numbers numbers;
};

/* Begins the conversation: what is in `poll` of the Trigger is as it is now. */
void poller_talk(struct poll *poll);

/* What came of it. It is asked again after the interval, or for_good when its spec changes. */
void poller_end(struct poll *poll, const struct sighting *seen, bool for_good);

#endif
