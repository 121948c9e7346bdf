#include "support/test.h"

#include "sim/expect.h"
#include "sim/scenario_parts.h"

#include <stdlib.h>

/*
 * Conformance S6 and S7: everything in any order, faults of a random mix at the requests of the
 * first minutes, one controller and two at once; then faults stop, and all must come to rest at the
 * faultless end. SIM_SEEDS=N plays N seeds from SIM_FIRST on.
 */

enum {
    SEEDS = 12,
    SEEDS_FULL = 1000,
    ODDS_PER_MILLE = 80,
    READ_ODDS_PER_MILLE = 20,
    CHAOS_PER_MILLE = 10
};

static const int64_t heal_ms = INT64_C(5) * 60 * 1000;

/* Seeds that once found a bug; each with a word about it. */
static const struct {
    const char *scenario;
    uint64_t seed;
    size_t processes;
    int chaos_per_mille;
    bool streams; /* lists, also with an odd seed */
    int read_per_mille;
    bool suspends_jobs;
} regressions[] = {
    /* A revision that the cache did not have yet was taken for a deleted one. */
    {"retries", 1, 2, 0, false, 0, false},
    /* The version was there, the status not written, the pod that sealed it deleted: "Failed". */
    {"busy", 6, 1, CHAOS_PER_MILLE, false, 0, false},
    /* A run had its Job, its status lost against somebody who suspended it: one run too many. */
    {"busy", 7, 1, CHAOS_PER_MILLE, false, 0, false},
    /* A dead controller's Job came while its run was cancelled, and ran on. */
    {"fan-out", 1651, 1, CHAOS_PER_MILLE, true, 0, false},
    /* A Service was turned a while after the plan that said until when the version before stays. */
    {"busy", 100, 1, 0, false, READ_ODDS_PER_MILLE, false},
    /* A Job whose create was answered with 500, and was made, ran on when its run was cancelled. */
    {"cancelled", 667, 1, 0, false, 0, false},
    /* A Service was made, answered with 500, and its pods were taken away on older knowledge. */
    {"busy", 775, 1, 0, false, 0, false},
    /* The late apply of a dead controller turned a Service once more: its version did not drain. */
    {"busy", 730, 1, CHAOS_PER_MILLE, false, 0, true},
};

static uint64_t number_from(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

static uint64_t count_seeds(void)
{
    return number_from("SIM_SEEDS", sim_is_full() ? SEEDS_FULL : SEEDS);
}

struct odds {
    int per_mille;
    int read_per_mille;
};

static void play(const struct sim_scenario *scenario, const struct sim_result *faultless,
                 uint64_t seed, size_t processes, struct odds odds)
{
    const struct sim_options options = {.random = true,
                                        .seed = seed,
                                        .processes = processes,
                                        .without_streaming = seed % 2 == 1,
                                        .fault_per_mille = odds.per_mille,
                                        .read_fault_per_mille = odds.read_per_mille,
                                        .heal_ms = heal_ms};
    sim_expect_same_end(scenario, &options, faultless);
}

static void play_seeds(size_t processes, struct odds odds)
{
    uint64_t first = number_from("SIM_FIRST", 1);
    uint64_t count = count_seeds();
    for (size_t at = 0; at < sim_scenario_count; at++) {
        if (processes > 1 && sim_scenarios[at].is_polled) {
            continue;
        }
        const struct sim_result *faultless = sim_expect_faultless(&sim_scenarios[at]);
        for (uint64_t seed = first; seed < first + count; seed++) {
            play(&sim_scenarios[at], faultless, seed, processes, odds);
        }
    }
}

static void in_any_order_the_end_is_the_same(void **state)
{
    (void)state;
    play_seeds(1, (struct odds){0});
}

static void with_faults_in_any_order_the_end_is_the_same(void **state)
{
    (void)state;
    play_seeds(1, (struct odds){.per_mille = ODDS_PER_MILLE});
}

static void with_faults_of_reads_and_watches_too_the_end_is_the_same(void **state)
{
    (void)state;
    play_seeds(1,
               (struct odds){.per_mille = ODDS_PER_MILLE, .read_per_mille = READ_ODDS_PER_MILLE});
}

static void two_controllers_at_once_break_nothing(void **state)
{
    (void)state;
    play_seeds(2, (struct odds){0});
    play_seeds(2, (struct odds){.per_mille = ODDS_PER_MILLE});
}

static void people_and_nodes_may_do_what_they_like(void **state)
{
    (void)state;
    uint64_t first = number_from("SIM_FIRST", 1);
    uint64_t count = count_seeds();
    for (size_t at = 0; at < sim_scenario_count; at++) {
        const struct sim_result *faultless = sim_expect_faultless(&sim_scenarios[at]);
        for (uint64_t seed = first; seed < first + count; seed++) {
            const struct sim_options options = {.random = true,
                                                .seed = seed,
                                                .fault_per_mille = ODDS_PER_MILLE,
                                                .chaos_per_mille = CHAOS_PER_MILLE,
                                                .suspends_jobs = seed % 2 == 0,
                                                .heal_ms = heal_ms};
            sim_expect_same_end(&sim_scenarios[at], &options, faultless);
        }
    }
}

static void seeds_that_once_found_a_bug_find_none(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(regressions); at++) {
        const struct sim_scenario *scenario = sim_scenario_find(regressions[at].scenario);
        assert_non_null(scenario);
        const struct sim_result *faultless = sim_expect_faultless(scenario);
        const struct sim_options options = {.random = true,
                                            .seed = regressions[at].seed,
                                            .processes = regressions[at].processes,
                                            .without_streaming = regressions[at].seed % 2 == 1 &&
                                                                 !regressions[at].streams,
                                            .fault_per_mille = ODDS_PER_MILLE,
                                            .read_fault_per_mille = regressions[at].read_per_mille,
                                            .chaos_per_mille = regressions[at].chaos_per_mille,
                                            .suspends_jobs = regressions[at].suspends_jobs,
                                            .heal_ms = heal_ms};
        sim_expect_same_end(scenario, &options, faultless);
    }
}

/* One controller works on so many keys at once; the others' turn comes when one is done. */
static void more_pipelines_than_hands_are_all_judged(void **state)
{
    (void)state;
    static const struct sim_scenario crowd = {
        .name = "crowd", .set_up = sim_puts_crowd, .busy_ms = INT64_C(5) * SIM_MINUTE_MS};
    if (sim_is_of_this_part()) {
        (void)sim_expect_faultless(&crowd);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(more_pipelines_than_hands_are_all_judged),
        cmocka_unit_test(in_any_order_the_end_is_the_same),
        cmocka_unit_test(with_faults_in_any_order_the_end_is_the_same),
        cmocka_unit_test(with_faults_of_reads_and_watches_too_the_end_is_the_same),
        cmocka_unit_test(two_controllers_at_once_break_nothing),
        cmocka_unit_test(people_and_nodes_may_do_what_they_like),
        cmocka_unit_test(seeds_that_once_found_a_bug_find_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
