#ifndef TIDEMILL_SUPPORT_POLLER_WORLD_H
#define TIDEMILL_SUPPORT_POLLER_WORLD_H

/* A poller (kube/poller.h) that follows a cache of Triggers, in front of scripted answers. */

#include "kube/poller.h"
#include "support/fake_io.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND };

/* A source; for a Trigger of namespace team it is at http://data.team.svc/x. */
#define POLLER_DATA "'http':{'url':'http://data/x'}"

struct poller_world {
    struct fake_io *fake;
    struct cache *cache;
    struct poller *poller;
    int version;
    size_t wakes;
};

/* For cmocka: *state is a struct poller_world. Random pauses are the shortest. */
int poller_world_set_up(void **state);
int poller_world_tear_down(void **state);

/* This replica leads. */
void poller_world_start(struct poller_world *world);

/* The cache learns of Trigger team/NAME with this spec; ' stands for ". */
void poller_world_put(struct poller_world *world, const char *name, int generation,
                      const char *spec);
/* NULL: nothing is known of its source. */
const struct sighting *poller_world_sighting(struct poller_world *world, const char *name);

/* Answers the oldest open request to this URL with an ETag. */
void poller_world_answer(struct poller_world *world, const char *url, const char *etag);

/* Requests to sources. */
size_t poller_world_open_count(struct poller_world *world);
size_t poller_world_sent_count(struct poller_world *world);

#endif
