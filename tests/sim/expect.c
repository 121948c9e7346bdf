#include "support/test.h"

#include "core/log.h"
#include "sim/expect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    COMMAND_SIZE = 512,
    SHRINK_STEPS = 12,
    LEAST_HEAL_MS = 50,
    LONG_STRIDE = 4,
    FAULTLESS_MAXIMUM = 64
};

bool sim_is_full(void)
{
    const char *full = getenv("SIM_FULL");
    return full && *full && strcmp(full, "0") != 0;
}

bool sim_is_of_this_part(void)
{
    static size_t asked;
    const char *part = getenv("SIM_PART");
    char *end = NULL;
    size_t number = part && *part ? strtoul(part, &end, 10) : 1;
    size_t of = end && *end == '/' ? strtoul(end + 1, NULL, 10) : 1;
    assert_true(number >= 1 && number <= of);
    return asked++ % of == number - 1;
}

bool sim_is_left_out(const struct sim_scenario *scenario, size_t number)
{
    return scenario->is_long && !sim_is_full() && number % LONG_STRIDE != 0;
}

static void drop_line(const char *line, size_t size)
{
    (void)line;
    (void)size;
}

static void be_silent(void)
{
    log_configure((struct log_sink){.write = drop_line, .level = LOG_ERROR});
}

/* build/sim/simulate with the options that make this play again. */
static void print_command(char command[COMMAND_SIZE], const struct sim_scenario *scenario,
                          const struct sim_options *options)
{
    FILE *out = fmemopen(command, COMMAND_SIZE, "w");
    assert_non_null(out);
    (void)fprintf(out, "build/sim/simulate %s", scenario->name);
    if (options->random) {
        (void)fprintf(out, " --seed %llu", (unsigned long long)options->seed);
    }
    if (options->fault_at > 0) {
        (void)fprintf(out, " --fault %d --at %zu", (int)options->fault, options->fault_at);
    }
    if (options->read_fault_at > 0) {
        (void)fprintf(out, " --fault %d --read %zu", (int)options->fault, options->read_fault_at);
    }
    if (options->read_fault_per_mille > 0) {
        (void)fprintf(out, " --read-odds %d --heal %lld", options->read_fault_per_mille,
                      (long long)options->heal_ms);
    }
    if (options->fault_per_mille > 0) {
        (void)fprintf(out, " --odds %d --heal %lld", options->fault_per_mille,
                      (long long)options->heal_ms);
    }
    if (options->chaos_per_mille > 0) {
        (void)fprintf(out, " --chaos %d --heal %lld", options->chaos_per_mille,
                      (long long)options->heal_ms);
    }
    if (options->suspends_jobs) {
        (void)fputs(" --suspends-jobs", out);
    }
    if (options->processes > 1) {
        (void)fprintf(out, " --processes %zu", options->processes);
    }
    if (options->without_streaming) {
        (void)fprintf(out, " --without-streaming");
    }
    if (options->elects) {
        (void)fprintf(out, " --elects 1");
    }
    if (options->blow != SIM_BLOW_NONE) {
        (void)fprintf(out, " --blow %s --heal %lld", sim_blow_name(options->blow),
                      (long long)options->heal_ms);
    }
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        if (options->lag_ms[kind] > 0) {
            (void)fprintf(out, " --lag %s=%lld", kind_info(kind)->kind,
                          (long long)options->lag_ms[kind]);
        }
    }
    if (options->gap.active) {
        (void)fprintf(out, " --gap %s=%zu+%zu", kind_info(options->gap.kind)->kind,
                      options->gap.after, options->gap.size);
    }
    (void)fclose(out);
}

const struct sim_result *sim_expect_faultless(const struct sim_scenario *scenario)
{
    static struct {
        const struct sim_scenario *scenario;
        struct sim_result result;
    } known[FAULTLESS_MAXIMUM];
    size_t at = 0;
    while (at < COUNT_OF(known) && known[at].scenario && known[at].scenario != scenario) {
        at++;
    }
    assert_true(at < COUNT_OF(known));
    if (!known[at].scenario) {
        be_silent();
        const struct sim_options options = {0};
        known[at].result = sim_scenario_play(scenario, &options);
        known[at].scenario = scenario;
    }
    const struct sim_result *result = &known[at].result;
    if (result->failure[0]) {
        fail_msg("%s without any fault: %s\n%s", scenario->name, result->failure, result->end);
    }
    return result;
}

/*
 * S4, S7: a Deployment that is deleted seconds after it was made, as that of a version whose files
 * differ or of a candidate that was overtaken (by what a second controller knows, which is older).
 * The first apply of a name looks who has it, finds nobody, and so carries no uid to be held by.
 * When it arrives late (its sender died, or a second controller is slow between its look and its
 * apply) and the other controller has made and deleted the Deployment meanwhile, it is made anew;
 * the next reconcile deletes it, and nobody was ever led to it. Every later apply carries the uid
 * and makes nothing. Elsewhere Deployments live longer than any plan is late, and nothing else may
 * be made twice.
 */
static const struct {
    const char *scenario;
    enum api_kind kind;
} made_late[] = {
    {"mismatch", KIND_DEPLOYMENT},
    {"service-taken", KIND_DEPLOYMENT},
    {"model-later", KIND_DEPLOYMENT},
    {"pinned", KIND_DEPLOYMENT},
};

static bool is_made_late(const struct sim_scenario *scenario, int kind)
{
    for (size_t at = 0; at < COUNT_OF(made_late); at++) {
        if ((int)made_late[at].kind == kind &&
            strcmp(made_late[at].scenario, scenario->name) == 0) {
            return true;
        }
    }
    return false;
}

static bool may_differ(const struct sim_scenario *scenario, const struct sim_options *options,
                       int kind)
{
    if (kind == KIND_POD) {
        return true;
    }
    bool is_late = options->fault == SIM_CRASH_LATE || options->fault_per_mille > 0 ||
                   options->processes > 1;
    return is_late && is_made_late(scenario, kind);
}

static bool has_lag(const struct sim_options *options)
{
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        if (options->lag_ms[kind] > 0) {
            return true;
        }
    }
    return false;
}

/* What is wrong with it; NULL: nothing. */
static const char *judge(const struct sim_scenario *scenario, const struct sim_options *options,
                         const struct sim_result *result, const struct sim_result *faultless)
{
    if (result->failure[0]) {
        return result->failure;
    }
    bool is_late = scenario->lateness_counts && has_lag(options);
    bool has_gaps = scenario->gaps_count &&
                    (options->blow != SIM_BLOW_NONE || options->read_fault_per_mille > 0);
    if (scenario->times_count || is_late || has_gaps || options->chaos_per_mille > 0) {
        return NULL;
    }
    if (strcmp(result->end, faultless->end) != 0) {
        return "it did not end as without faults";
    }
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        bool is_same = result->creates[kind] == faultless->creates[kind] &&
                       result->deletes[kind] == faultless->deletes[kind];
        if (!is_same && !may_differ(scenario, options, kind)) {
            return "something was made or deleted more or less often than without faults";
        }
    }
    return NULL;
}

static bool fails(const struct sim_scenario *scenario, const struct sim_options *options,
                  const struct sim_result *faultless)
{
    struct sim_result result = sim_scenario_play(scenario, options);
    bool failed = judge(scenario, options, &result, faultless) != NULL;
    sim_result_free(&result);
    return failed;
}

/* Faults end earlier and earlier, as long as it still fails. */
static void shrink(const struct sim_scenario *scenario, struct sim_options *options,
                   const struct sim_result *faultless)
{
    int64_t step_ms = options->heal_ms / 2;
    for (int steps = 0; steps < SHRINK_STEPS && step_ms >= LEAST_HEAL_MS; steps++) {
        struct sim_options shorter = *options;
        shorter.heal_ms -= step_ms;
        if (fails(scenario, &shorter, faultless)) {
            *options = shorter;
        }
        step_ms /= 2;
    }
}

void sim_expect_same_end(const struct sim_scenario *scenario, const struct sim_options *options,
                         const struct sim_result *faultless)
{
    be_silent();
    if (!sim_is_of_this_part() || !fails(scenario, options, faultless)) {
        return;
    }
    struct sim_options smallest = *options;
    if (options->fault_per_mille > 0 || options->read_fault_per_mille > 0 ||
        options->chaos_per_mille > 0) {
        shrink(scenario, &smallest, faultless);
    }
    struct sim_result result = sim_scenario_play(scenario, &smallest);
    char command[COMMAND_SIZE];
    print_command(command, scenario, &smallest);
    print_error("%s: %s; replay: make simulations && %s\n", scenario->name,
                judge(scenario, options, &result, faultless), command);
    char *ended = sim_result_describe(&result);
    char *expected = sim_result_describe(faultless);
    print_error("ended:\n%sexpected:\n%s", ended, expected);
    free(ended);
    free(expected);
    fail();
}
