#include "core/prng.h"

#include "core/assert.h"

static uint64_t rotate_left(uint64_t value, int bits)
{
    return (value << bits) | (value >> (64 - bits));
}

static uint64_t splitmix(uint64_t *state)
{
    uint64_t mixed = (*state += UINT64_C(0x9e3779b97f4a7c15));
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ (mixed >> 31);
}

void prng_seed(struct prng *prng, uint64_t seed)
{
    for (int at = 0; at < 4; at++) {
        prng->state[at] = splitmix(&seed);
    }
}

/* Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2019. */
uint64_t prng_next(struct prng *prng)
{
    uint64_t *s = prng->state;
    uint64_t value = rotate_left(s[1] * 5, 7) * 9;
    uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate_left(s[3], 45);
    return value;
}

uint64_t prng_between(struct prng *prng, uint64_t low, uint64_t high)
{
    REQUIRE(low <= high);
    uint64_t span = high - low + 1;
    if (span == 0) {
        return prng_next(prng);
    }
    /* Values below the threshold would make some results likelier than others. */
    uint64_t threshold = (0 - span) % span;
    uint64_t value = prng_next(prng);
    while (value < threshold) {
        value = prng_next(prng);
    }
    return low + value % span;
}
