/*
 * Planning costs n log n in the steps of a graph, whatever its shape and at each moment of a run's
 * life; and the status of a large run stays small. Counted, not timed: cost/counted.h.
 */

#include "support/test.h"

#include "cost/counted.h"

#include <math.h>

enum {
    FEW = 125,
    MANY = 1000,
    SHORT_NAME = 12,
    LONG_NAME = 63, /* the longest that the CRD allows */
    STATUS_LIMIT = 256 * 1024
};

/* Linear is 8, n log n 11.4, quadratic 64. */
static double allowed_growth(void)
{
    return (MANY * log2(MANY)) / (FEW * log2(FEW));
}

static void planning_costs_n_log_n(void **state)
{
    (void)state;
    for (unsigned shape = 0; shape < SHAPE_COUNT; shape++) {
        for (unsigned moment = 0; moment < MOMENT_COUNT; moment++) {
            struct cost few = cost_of(shape, moment, FEW, SHORT_NAME);
            struct cost many = cost_of(shape, moment, MANY, SHORT_NAME);
            double blocks = (double)many.blocks / (double)few.blocks;
            double bytes = (double)many.bytes / (double)few.bytes;
            assert_true(few.blocks > FEW); /* something is counted at all */
            if (blocks > allowed_growth() || bytes > allowed_growth()) {
                fail_msg("%s, %s: %d steps cost %.1f times the blocks and %.1f times the bytes of "
                         "%d, at most %.1f",
                         shape_name(shape), moment_name(moment), MANY, blocks, bytes, FEW,
                         allowed_growth());
            }
        }
    }
}

static void one_count_is_the_next_count(void **state)
{
    (void)state;
    struct cost first = cost_of(SHAPE_TREE, MOMENT_HALF, FEW, SHORT_NAME);
    struct cost second = cost_of(SHAPE_TREE, MOMENT_HALF, FEW, SHORT_NAME);
    assert_int_equal(first.blocks, second.blocks);
    assert_int_equal(first.bytes, second.bytes);
}

/* At MOMENT_END the patch has the whole status in it. */
static void the_status_of_a_finished_run_of_1000_steps_is_under_256_kib(void **state)
{
    (void)state;
    static const size_t sizes[] = {SHORT_NAME, LONG_NAME};
    for (size_t at = 0; at < 2; at++) {
        struct cost cost = cost_of(SHAPE_WIDE, MOMENT_END, MANY, sizes[at]);
        if (cost.patch_bytes >= STATUS_LIMIT) {
            fail_msg("with names of %zu bytes the status has %zu bytes", sizes[at],
                     cost.patch_bytes);
        }
        assert_true(cost.patch_bytes > MANY * 150); /* all steps are in it */
    }
    assert_true(cost_of(SHAPE_CHAIN, MOMENT_END, MANY / 2, SHORT_NAME).patch_bytes < STATUS_LIMIT);
}

static void a_status_turned_round_is_replaced_and_not_patched_field_by_field(void **state)
{
    (void)state;
    struct cost cost = cost_of(SHAPE_WIDE, MOMENT_SHUFFLED, MANY, SHORT_NAME);
    assert_true(cost.patch_bytes < STATUS_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(planning_costs_n_log_n),
        cmocka_unit_test(one_count_is_the_next_count),
        cmocka_unit_test(the_status_of_a_finished_run_of_1000_steps_is_under_256_kib),
        cmocka_unit_test(a_status_turned_round_is_replaced_and_not_patched_field_by_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
