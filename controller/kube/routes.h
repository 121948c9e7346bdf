#ifndef TIDEMILL_KUBE_ROUTES_H
#define TIDEMILL_KUBE_ROUTES_H

/*
 * Whom a change concerns: from an object that changed to the keys that are planned again. The one
 * place that knows it. Too many keys cost time, a missing one is a lost wake-up; so each planner's
 * view (plan/view.h) is covered by routes from everything in it.
 */

#include "cache/cache.h"
#include "kube/key.h"

enum route_urgency {
    ROUTE_NOW,
    ROUTE_SOON /* housekeeping: better done once for many changes than at once for each */
};

/* `add` is called for each key, which is borrowed for the call. */
typedef void route_add(void *context, const struct work_key *key, enum route_urgency urgency);

void routes_follow(const struct cache *cache, enum api_kind kind, enum cache_event event,
                   const struct object *before, const struct object *after, route_add *add,
                   void *context);

#endif
