#include "support/test.h"

#include "sim/expect.h"
#include "support/golden.h"

#include <stdio.h>
#include <stdlib.h>

/*
 * Conformance S1: for each write of each scenario each thing that can become of it; S4: a write
 * that arrives when another controller has gone on; and the same for each request that is no such
 * write. In the end nothing is lost, doubled or stuck.
 */

enum { NAME_SIZE = 64, READ_STRIDE = 8 /* bounded: of the reads' plays each eighth */ };

static void every_scenario_ends_as_written_down_and_stays_at_rest(void **state)
{
    (void)state;
    for (size_t at = 0; at < sim_scenario_count; at++) {
        const struct sim_result *result = sim_expect_faultless(&sim_scenarios[at]);
        char name[NAME_SIZE];
        (void)snprintf(name, sizeof(name), "sim/%s", sim_scenarios[at].name);
        char *text = sim_result_describe(result);
        golden_check(name, text);
        free(text);
    }
}

static void meet_at_each_write(enum sim_fault fault)
{
    for (size_t at = 0; at < sim_scenario_count; at++) {
        const struct sim_scenario *scenario = &sim_scenarios[at];
        if (scenario->is_large) {
            continue;
        }
        const struct sim_result *faultless = sim_expect_faultless(scenario);
        for (size_t write = 1; write <= faultless->writes; write++) {
            const struct sim_options options = {.fault = fault, .fault_at = write};
            if (!sim_is_left_out(scenario, write + fault)) {
                sim_expect_same_end(scenario, &options, faultless);
            }
        }
    }
}

/* Lists, watches that are opened, events and dry runs. */
static void meet_at_each_read(enum sim_fault fault)
{
    for (size_t at = 0; at < sim_scenario_count; at++) {
        const struct sim_scenario *scenario = &sim_scenarios[at];
        if (scenario->is_large) {
            continue;
        }
        const struct sim_result *faultless = sim_expect_faultless(scenario);
        for (size_t read = 1; read <= faultless->reads; read++) {
            const struct sim_options options = {.fault = fault, .read_fault_at = read};
            if (sim_is_full() || (read + fault) % READ_STRIDE == 0) {
                sim_expect_same_end(scenario, &options, faultless);
            }
        }
    }
}

static void a_crash_before_any_write_loses_nothing(void **state)
{
    (void)state;
    meet_at_each_write(SIM_CRASH_BEFORE);
}

static void a_crash_before_the_answer_to_any_write_doubles_nothing(void **state)
{
    (void)state;
    meet_at_each_write(SIM_CRASH_UNHEARD);
}

static void a_crash_after_the_answer_to_any_write_loses_nothing(void **state)
{
    (void)state;
    meet_at_each_write(SIM_CRASH_AFTER);
}

static void a_write_of_a_dead_controller_that_arrives_late_harms_nothing(void **state)
{
    (void)state;
    meet_at_each_write(SIM_CRASH_LATE);
}

static void a_write_that_was_not_sent_is_made_up_for(void **state)
{
    (void)state;
    meet_at_each_write(SIM_NOT_SENT);
}

static void a_write_whose_answer_is_lost_is_not_doubled(void **state)
{
    (void)state;
    meet_at_each_write(SIM_ANSWER_LOST);
}

static void a_write_that_is_refused_for_the_moment_is_made_up_for(void **state)
{
    (void)state;
    meet_at_each_write(SIM_UNAVAILABLE);
    meet_at_each_write(SIM_TOO_MANY);
}

static void a_write_that_was_carried_out_but_answered_with_500_is_not_doubled(void **state)
{
    (void)state;
    meet_at_each_write(SIM_FAILED_INSIDE);
}

static void any_other_request_may_fail(void **state)
{
    (void)state;
    meet_at_each_read(SIM_NOT_SENT);
    meet_at_each_read(SIM_ANSWER_LOST);
    meet_at_each_read(SIM_UNAVAILABLE);
    meet_at_each_read(SIM_TOO_MANY);
    meet_at_each_read(SIM_FAILED_INSIDE);
}

static void a_crash_at_any_other_request_loses_nothing(void **state)
{
    (void)state;
    meet_at_each_read(SIM_CRASH_BEFORE);
    meet_at_each_read(SIM_CRASH_UNHEARD);
    meet_at_each_read(SIM_CRASH_AFTER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_scenario_ends_as_written_down_and_stays_at_rest),
        cmocka_unit_test(a_crash_before_any_write_loses_nothing),
        cmocka_unit_test(a_crash_before_the_answer_to_any_write_doubles_nothing),
        cmocka_unit_test(a_crash_after_the_answer_to_any_write_loses_nothing),
        cmocka_unit_test(a_write_of_a_dead_controller_that_arrives_late_harms_nothing),
        cmocka_unit_test(a_write_that_was_not_sent_is_made_up_for),
        cmocka_unit_test(a_write_whose_answer_is_lost_is_not_doubled),
        cmocka_unit_test(a_write_that_is_refused_for_the_moment_is_made_up_for),
        cmocka_unit_test(a_write_that_was_carried_out_but_answered_with_500_is_not_doubled),
        cmocka_unit_test(any_other_request_may_fail),
        cmocka_unit_test(a_crash_at_any_other_request_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
