#include "support/test.h"

#include "sim/expect.h"

/*
 * Conformance S2 and S3: the controller decides on what it sees, and each kind may be late on its
 * own, two kinds may be late by different times, and a watch may skip any part of history and go on
 * from a list; a skip that waits for more changes than come within 20 s ends there. A restart never
 * sees an older state here: lists ask etcd (conformance C1).
 */

enum {
    LATE_MS = 7 * 1000,
    LATER_MS = 31 * 1000,
    OUTAGE_MS = 320 * 1000,
    GAP_SIZES = 4, /* bounded: skips of 1 to 4 changes */
    GAP_AFTER = 12 /* bounded: beginning at the first 12 events of a kind */
};

static void play_late(const struct sim_scenario *scenario, const struct sim_result *faultless,
                      int late, int later)
{
    struct sim_options options = {0};
    options.lag_ms[late] = LATE_MS;
    options.lag_ms[later] = later == late ? LATE_MS : LATER_MS;
    sim_expect_same_end(scenario, &options, faultless);
}

static void each_kind_may_be_late(void **state)
{
    (void)state;
    for (size_t at = 0; at < sim_scenario_count; at++) {
        if (sim_scenarios[at].is_large) {
            continue;
        }
        const struct sim_result *faultless = sim_expect_faultless(&sim_scenarios[at]);
        for (int kind = 0; kind < KIND_COUNT; kind++) {
            play_late(&sim_scenarios[at], faultless, kind, kind);
        }
    }
}

/* Kinds of which a scenario has no object can't be late. */
static bool has(const struct sim_result *faultless, int kind)
{
    return faultless->events[kind] > 0;
}

static void each_two_kinds_may_be_late_by_different_times(void **state)
{
    (void)state;
    for (size_t at = 0; at < sim_scenario_count; at++) {
        if (sim_scenarios[at].is_large) {
            continue;
        }
        const struct sim_result *faultless = sim_expect_faultless(&sim_scenarios[at]);
        for (int late = 0; late < KIND_COUNT; late++) {
            for (int later = 0; later < KIND_COUNT; later++) {
                if (late != later && has(faultless, late) && has(faultless, later) &&
                    !sim_is_left_out(&sim_scenarios[at], (size_t)late + (size_t)later)) {
                    play_late(&sim_scenarios[at], faultless, late, later);
                }
            }
        }
    }
}

static void play_gaps(const struct sim_scenario *scenario, const struct sim_result *faultless,
                      int kind)
{
    size_t sizes = sim_is_full() ? faultless->events[kind] : GAP_SIZES;
    size_t most = sim_is_full() ? faultless->events[kind] : GAP_AFTER;
    for (size_t after = 0; after < most && after < faultless->events[kind]; after++) {
        for (size_t size = 1; size <= sizes && after + size <= faultless->events[kind]; size++) {
            const struct sim_options options = {
                .gap = {.active = true, .kind = kind, .after = after, .size = size}};
            if (!sim_is_left_out(scenario, after + size)) {
                sim_expect_same_end(scenario, &options, faultless);
            }
        }
    }
}

static void a_watch_may_skip_any_part_of_history(void **state)
{
    (void)state;
    for (size_t at = 0; at < sim_scenario_count; at++) {
        if (sim_scenarios[at].is_large) {
            continue;
        }
        const struct sim_result *faultless = sim_expect_faultless(&sim_scenarios[at]);
        for (int kind = 0; kind < KIND_COUNT; kind++) {
            play_gaps(&sim_scenarios[at], faultless, kind);
        }
    }
}

/* C9: where nobody else writes, no write is locked by a version older than our own last one. */
static void nothing_is_written_on_knowledge_older_than_our_own_writes(void **state)
{
    (void)state;
    static const char *const alone[] = {"one-step", "chain", "retries", "check"};
    for (size_t at = 0; at < COUNT_OF(alone); at++) {
        for (int kind = 0; kind < KIND_COUNT; kind++) {
            struct sim_options options = {0};
            options.lag_ms[kind] = LATE_MS;
            if (!sim_is_of_this_part()) {
                continue;
            }
            struct sim_result result = sim_scenario_play(sim_scenario_find(alone[at]), &options);
            if (result.conflicts > 0) {
                fail_msg("%s with %s late: %zu conflicts", alone[at], kind_info(kind)->kind,
                         result.conflicts);
            }
            sim_result_free(&result);
        }
    }
}

/* Lags that once found a bug; each with a word about it. */
static const struct {
    const char *scenario;
    enum api_kind kinds[2];
    int64_t lag_ms[2];
} regressions[] = {
    /* A cancelled run told a step as skipped and two as stopped that had ended well. */
    {"cancelled", {KIND_PIPELINE_RUN, KIND_JOB}, {LATER_MS, LATE_MS}},
    /* What a Job's pod left was given up five minutes after its end, though the pod was there. */
    {"chain", {KIND_POD, KIND_POD}, {OUTAGE_MS, OUTAGE_MS}},
    {"publish", {KIND_POD, KIND_POD}, {OUTAGE_MS, OUTAGE_MS}},
    /* A run was told as timed out whose step had succeeded in time. */
    {"in-time", {KIND_POD, KIND_JOB}, {OUTAGE_MS, OUTAGE_MS}},
};

static void lags_that_once_found_a_bug_find_none(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(regressions); at++) {
        const struct sim_scenario *scenario = sim_scenario_find(regressions[at].scenario);
        assert_non_null(scenario);
        struct sim_options options = {0};
        for (size_t late = 0; late < COUNT_OF(regressions[at].kinds); late++) {
            options.lag_ms[regressions[at].kinds[late]] = regressions[at].lag_ms[late];
        }
        sim_expect_same_end(scenario, &options, sim_expect_faultless(scenario));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_may_be_late),
        cmocka_unit_test(each_two_kinds_may_be_late_by_different_times),
        cmocka_unit_test(a_watch_may_skip_any_part_of_history),
        cmocka_unit_test(nothing_is_written_on_knowledge_older_than_our_own_writes),
        cmocka_unit_test(lags_that_once_found_a_bug_find_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
