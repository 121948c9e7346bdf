#include "support/test.h"

#include "sim/expect.h"

#include <stdlib.h>

/*
 * Conformance C21 in the whole: two replicas, one Lease, and leaders that are killed, stopped
 * cleanly or paused for longer than the lease in the middle of what they do. At each step: one
 * works at most, and the other sends no write. In the end: that of one controller that nothing
 * befell. SIM_SEEDS=N plays N seeds from SIM_FIRST on.
 */

enum { SEEDS = 2, SEEDS_FULL = 100, ODDS_PER_MILLE = 40 };

static const int64_t heal_ms = INT64_C(5) * 60 * 1000;

static uint64_t number_from(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

static void play_seeds(enum sim_blow blow, int per_mille)
{
    uint64_t first = number_from("SIM_FIRST", 1);
    uint64_t count = number_from("SIM_SEEDS", sim_is_full() ? SEEDS_FULL : SEEDS);
    for (size_t at = 0; at < sim_scenario_count; at++) {
        const struct sim_result *faultless = sim_expect_faultless(&sim_scenarios[at]);
        for (uint64_t seed = first; seed < first + count; seed++) {
            const struct sim_options options = {.random = true,
                                                .seed = seed,
                                                .processes = 2,
                                                .elects = true,
                                                .blow = blow,
                                                .fault_per_mille = per_mille,
                                                .heal_ms = heal_ms};
            sim_expect_same_end(&sim_scenarios[at], &options, faultless);
        }
    }
}

static void of_two_replicas_one_works(void **state)
{
    (void)state;
    play_seeds(SIM_BLOW_NONE, 0);
}

static void leaders_are_killed_in_the_middle_of_it(void **state)
{
    (void)state;
    play_seeds(SIM_BLOW_KILL, 0);
}

static void leaders_are_paused_for_longer_than_the_lease(void **state)
{
    (void)state;
    play_seeds(SIM_BLOW_PAUSE, 0);
}

static void leaders_are_stopped_cleanly(void **state)
{
    (void)state;
    play_seeds(SIM_BLOW_STOP, 0);
}

static void leaders_are_paused_while_requests_fail(void **state)
{
    (void)state;
    play_seeds(SIM_BLOW_PAUSE, ODDS_PER_MILLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_two_replicas_one_works),
        cmocka_unit_test(leaders_are_killed_in_the_middle_of_it),
        cmocka_unit_test(leaders_are_paused_for_longer_than_the_lease),
        cmocka_unit_test(leaders_are_stopped_cleanly),
        cmocka_unit_test(leaders_are_paused_while_requests_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
