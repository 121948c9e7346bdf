#include "support/test.h"

#include "core/text.h"
#include "cost/watch_cost.h"
#include "support/recorded.h"

/* Allocations for each event of a recorded watch: exact, so that one more is seen and meant. */

static const struct {
    const char *name;
    enum api_kind kind;
    size_t events;
    size_t allocations;
} watches[] = {
    {"jobs-watch.pb", KIND_JOB, 10, 14},
    {"pods-watch.pb", KIND_POD, 11, 27},
    {"jobs-watch.json", KIND_JOB, 10, 22},
    {"pods-watch.json", KIND_POD, 11, 34},
};

static void an_event_costs_no_more_allocations_than_before(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(watches); at++) {
        struct recorded watch = recorded_read(watches[at].name);
        const struct codec_form *form = codec_form_of(
            text_ends_with(watches[at].name, ".pb") ? "application/vnd.kubernetes.protobuf" : NULL);
        struct watch_cost cost = watch_cost_of(watches[at].kind, form, watch.bytes, watch.size);
        if (cost.failed || cost.events != watches[at].events ||
            cost.allocations != watches[at].allocations) {
            fail_msg("%s: %zu events, %zu allocations%s; expected %zu and %zu", watches[at].name,
                     cost.events, cost.allocations, cost.failed ? ", and it can't be read" : "",
                     watches[at].events, watches[at].allocations);
        }
        recorded_free(&watch);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_costs_no_more_allocations_than_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
