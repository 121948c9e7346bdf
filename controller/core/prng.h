#ifndef TIDEMILL_CORE_PRNG_H
#define TIDEMILL_CORE_PRNG_H

/* xoshiro256** seeded by splitmix64: jitter and simulation, never secrets. */

#include <stdint.h>

struct prng {
    uint64_t state[4];
};

void prng_seed(struct prng *prng, uint64_t seed);
uint64_t prng_next(struct prng *prng);
/* Uniform in [low, high], without modulo bias; low <= high. */
uint64_t prng_between(struct prng *prng, uint64_t low, uint64_t high);

#endif
