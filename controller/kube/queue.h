#ifndef TIDEMILL_KUBE_QUEUE_H
#define TIDEMILL_KUBE_QUEUE_H

/*
 * Which keys are to be reconciled, and when (conformance C22-C24). Uses kube/io for time and timers
 * alone. Invariants: a key is never in two hands; any number of adds while it is worked on give one
 * more round; keys that are ready go out in the order they came (FIFO); a key that waits or fails
 * delays no other one.
 *
 *               add                       take                   done, nothing added
 *   (absent) ---------> ready (FIFO) -----------> in hand ---------------------------> (absent)
 *       \                 ^   ^                      |  \____ add: one more round ____/
 *        add_after,       |   |______ done __________|        (ready again at done)
 *        add_limited      | time is up
 *         \_____> waiting (heap; keeps the earliest time)
 */

#include "kube/io.h"
#include "kube/key.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* client-go's DefaultTypedControllerRateLimiter: the longer of the two delays. */
enum {
    QUEUE_BACKOFF_FIRST_MS = 5,
    QUEUE_BACKOFF_LONGEST_MS = 1000 * 1000,
    QUEUE_BUCKET_INTERVAL_MS = 100, /* 10 a second */
    QUEUE_BUCKET_BURST = 100
};

struct queue;

/*
 * `ready` is called from the loop, never from inside a call to the queue, when keys can be taken
 * that could not be before. It takes until queue_take() says false or its own limit of keys in hand
 * is reached; after a queue_done() it looks again.
 */
struct queue *queue_new(struct io io, void (*ready)(void *context), void *context);
/* Accepts NULL; returns NULL. Stops its timers. */
struct queue *queue_free(struct queue *queue);

void queue_add(struct queue *queue, const struct work_key *key);

/* Adds at or after monotonic `at_ms`. Of several times for one key the earliest counts. */
void queue_add_at(struct queue *queue, const struct work_key *key, int64_t at_ms);

/* Adds after 5 ms x 2^(failures so far), at most 1000 s, and no sooner than the bucket allows. */
void queue_add_limited(struct queue *queue, const struct work_key *key);

/* After a success (or when the object is gone): the next limited add waits 5 ms again. */
void queue_forget(struct queue *queue, const struct work_key *key);

/* Limited adds of this key since it was forgotten. */
unsigned queue_failures(const struct queue *queue, const struct work_key *key);

/*
 * The oldest ready key, now in the caller's hand; its texts live until queue_done(). `waited_ms`
 * (may be NULL): how long it was ready. False: nothing is ready.
 */
bool queue_take(struct queue *queue, struct work_key *key, int64_t *waited_ms);

/* Ends the work on a taken key. `key` may be the very one that was taken; it is gone afterwards. */
void queue_done(struct queue *queue, const struct work_key *key);

/* For metrics; latencies are from ready to taken, work from taken to done. */
struct queue_numbers {
    size_t depth;   /* ready */
    size_t waiting; /* for their time */
    size_t in_hand;
    uint64_t adds; /* that made a key ready */
    uint64_t retries;
    uint64_t taken;
    int64_t latency_sum_ms;
    int64_t latency_longest_ms; /* since the start */
    int64_t work_sum_ms;
    int64_t oldest_ready_ms; /* how long the oldest ready key waits now; 0: none */
};

struct queue_numbers queue_numbers(const struct queue *queue);

#endif
