#ifndef TIDEMILL_KUBE_FACTS_H
#define TIDEMILL_KUBE_FACTS_H

/*
 * What the last writes, probes and questions of each key came to, for its planner (plan/view.h).
 * Filled by the executor. Only the newest fact for each (operation type, kind, name) is kept, in
 * memory: a restart tries again and learns the same. Bounded for each key; a key's facts go when
 * its object is gone.
 *
 * How long a fact holds:
 * - a failure: until the same operation succeeds, at most 5 min after the last try (tries come
 *   every 30 s, so an older one belongs to an operation that no plan asks for any more);
 * - an answer of PROBE: 30 s; a write of ours to that name that succeeds ends it at once. Longer
 *   would be knowledge older than the cache's;
 * - an answer of EXPLAIN: 10 min. Its planner asks anew after 2 min at most by fact.time, and may
 *   have to wait for its turn; if the old answer went first, a condition's message would come and
 * go.
 * - an answer of DRY_RUN: until what it said is written down (facts_forget_answers()), at most
 *   10 min: an API server that asks for patience may take minutes over 1,000 of them. When there is
 *   no room the oldest one goes: it is of a spec that was edited since.
 * When a key's other facts are full, new ones are not kept: the first ones explain as well, and
 * dropping old ones would make every round look like news.
 */

#include "kube/io.h"
#include "plan/view.h"

struct facts;

enum {
    FACTS_PER_KEY = 1024, /* a pipeline has at most 1,000 steps; so many answers of DRY_RUN, and so
                            many others */
    FACT_PROBE_MS = 30 * 1000,
    FACT_EXPLAIN_MS = 10 * 60 * 1000,
    FACT_DRY_RUN_MS = 10 * 60 * 1000,
    FACT_FAILURE_MS = 5 * 60 * 1000
};

struct facts *facts_new(struct io io);
/* Accepts NULL; returns NULL. */
struct facts *facts_free(struct facts *facts);

/*
 * Keeps a copy; fact->time is set here. True when the planner should look again: the fact is new,
 * its error differs, or it is an answer whose text differs. (A refusal whose text alone differs is
 * no news: quota messages count what others use.) `attempt` is a hash of what was sent.
 */
bool facts_put(struct facts *facts, const char *key, const struct fact *fact, uint64_t attempt);

/* The same operation succeeded; true when there was a fact to forget. */
bool facts_forget(struct facts *facts, const char *key, enum operation_type type,
                  enum api_kind kind, const char *name);

/* True when anything is kept of this key: else there is nothing to ask facts_hold_back() about. */
bool facts_has_any(const struct facts *facts, const char *key);

/*
 * True when the very same request failed less than REACTION_WAIT_CHANGE_MS ago with an error that
 * only a change elsewhere mends: sending it again now would be a loop. `error` gets its kind.
 */
bool facts_hold_back(const struct facts *facts, const char *key, enum operation_type type,
                     enum api_kind kind, const char *name, uint64_t attempt,
                     enum error_kind *error);

/* All that hold now, copied to `arena`, as planners want them. */
struct fact_list facts_list(struct facts *facts, struct arena *arena, const char *key);

/* A plan of the key came out empty: its planner needs the answers of DRY_RUN no more. */
void facts_forget_answers(struct facts *facts, const char *key);

/* The key's object is gone. */
void facts_forget_key(struct facts *facts, const char *key);

#endif
