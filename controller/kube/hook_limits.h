#ifndef TIDEMILL_KUBE_HOOK_LIMITS_H
#define TIDEMILL_KUBE_HOOK_LIMITS_H

/*
 * How many deliveries whose signature is not known to be right are looked at: of one sender to one
 * Trigger, and of one sender in all. They are counted by name, whether there is such a Trigger or
 * not, so that reaching a limit tells nothing of that (conformance X13); a delivery that turns out
 * to be signed is given back, so that a sender who has the key is never held up by what it sent.
 *
 * The counters are a table of fixed size that is found by a hash with a seed that nobody knows:
 * floods of any names take no memory. Two that meet in a place share its limit. For kube/hooks.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HOOK_LIMITS_BURST = 200,         /* deliveries of one sender to one Trigger at once, */
    HOOK_LIMITS_RATE = 100,          /* and so many a second */
    HOOK_LIMITS_SENDER_BURST = 4000, /* of one sender in all: an Ingress is one */
    HOOK_LIMITS_SENDER_RATE = 2000
};

struct hook_limits;

/* Where a delivery was counted. */
struct hook_ticket {
    size_t sender;
    size_t trigger;
};

struct hook_limits *hook_limits_new(uint64_t seed);
/* Accepts NULL; returns NULL. */
struct hook_limits *hook_limits_free(struct hook_limits *limits);

/* False: over a limit, and not counted. `now_ms` never goes back. */
bool hook_limits_take(struct hook_limits *limits, const char *sender, const char *namespace,
                      const char *trigger, int64_t now_ms, struct hook_ticket *ticket);

/* It was signed. */
void hook_limits_give_back(struct hook_limits *limits, struct hook_ticket ticket);

#endif
