#ifndef TIDEMILL_KUBE_GATHER_H
#define TIDEMILL_KUBE_GATHER_H

/*
 * From the caches to the flat views that planners see. Copies nothing but lists of pointers: a view
 * is valid until the caches change, which they do not while a reconcile gathers and plans.
 */

#include "cache/cache.h"
#include "kube/facts.h"
#include "kube/key.h"
#include "kube/poller.h"
#include "kube/zones.h"
#include "plan/view.h"

struct gatherer {
    const struct cache *cache;
    struct facts *facts;
    struct zones *zones;
    const struct poller *poller; /* NULL: no source is polled */
    const struct plan_settings *settings;
};

/* One of the four, as the key's kind says, unless the key's object can't be read. */
struct any_view {
    bool is_unreadable;
    union {
        struct unreadable_view unreadable;
        struct pipeline_view pipeline;
        struct run_view run;
        struct model_view model;
        struct trigger_view trigger;
    };
};

/* False when the object that the key is about is not in the cache: there is nothing to plan. */
bool gather_view(const struct gatherer *gatherer, struct arena *arena, const struct work_key *key,
                 int64_t now, struct any_view *view);

/* What the key's planner competes for with others ("namespace/pipeline" of a run), or NULL. */
const char *gather_admission(const struct gatherer *gatherer, struct arena *arena,
                             const struct work_key *key);

/* Calls the planner of the key's kind, or of what can't be read. */
void gather_plan(const struct work_key *key, const struct any_view *view, struct plan *plan);

#endif
