#include "kube/hook_limits.h"

#include "core/hash.h"
#include "core/memory.h"

enum { PLACES = 4096, MS_PER_SECOND = 1000 };

/* All zero: nothing was counted. */
struct place {
    double count;
    int64_t at_ms;
};

struct hook_limits {
    uint64_t seed;
    struct place places[PLACES];
};

struct hook_limits *hook_limits_new(uint64_t seed)
{
    struct hook_limits *limits = memory_allocate(1, sizeof(*limits));
    limits->seed = seed;
    return limits;
}

struct hook_limits *hook_limits_free(struct hook_limits *limits)
{
    return memory_free(limits);
}

static size_t find_place(const struct hook_limits *limits, const char *sender,
                         const char *namespace, const char *trigger)
{
    uint64_t hash = hash_text(limits->seed, sender);
    hash = hash_text(hash_text(hash, namespace), trigger);
    return (size_t)((hash ^ hash >> 32) % PLACES);
}

static bool count(struct place *place, double burst, double rate, int64_t now_ms)
{
    place->count -= (double)(now_ms - place->at_ms) * rate / MS_PER_SECOND;
    place->count = place->count < 0 ? 0 : place->count;
    place->at_ms = now_ms;
    if (place->count + 1 > burst) {
        return false;
    }
    place->count += 1;
    return true;
}

static void uncount(struct place *place)
{
    place->count = place->count > 1 ? place->count - 1 : 0;
}

bool hook_limits_take(struct hook_limits *limits, const char *sender, const char *namespace,
                      const char *trigger, int64_t now_ms, struct hook_ticket *ticket)
{
    struct hook_ticket taken = {.sender = find_place(limits, sender, "", ""),
                                .trigger = find_place(limits, sender, namespace, trigger)};
    if (!count(&limits->places[taken.trigger], HOOK_LIMITS_BURST, HOOK_LIMITS_RATE, now_ms)) {
        return false;
    }
    if (!count(&limits->places[taken.sender], HOOK_LIMITS_SENDER_BURST, HOOK_LIMITS_SENDER_RATE,
               now_ms)) {
        uncount(&limits->places[taken.trigger]);
        return false;
    }
    *ticket = taken;
    return true;
}

void hook_limits_give_back(struct hook_limits *limits, struct hook_ticket ticket)
{
    uncount(&limits->places[ticket.trigger]);
    uncount(&limits->places[ticket.sender]);
}
