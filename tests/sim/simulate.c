/*
 * One play of one scenario, told step by step:
 *
 *   simulate SCENARIO [--seed N] [--fault NUMBER --at WRITE | --fault NUMBER --read READ]
 *            [--odds PER_MILLE] [--read-odds PER_MILLE] [--chaos PER_MILLE [--suspends-jobs]]
 * [--heal MS]
 *            [--lag KIND=MS] [--gap KIND=AFTER+SIZE] [--processes N] [--without-streaming]
 *            [--elects 1] [--blow kill|pause|stop] [--quiet]
 *
 * Exit code 0 when every invariant held.
 */

#include "core/assert.h"
#include "core/log.h"
#include "core/text.h"
#include "sim/scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void read_option(struct sim_options *options, const char *name, const char *value)
{
    char *end = NULL;
    const char *equals = strchr(value, '=');
    if (text_equal(name, "--seed")) {
        options->random = true;
        options->seed = strtoull(value, NULL, 10);
    } else if (text_equal(name, "--fault")) {
        options->fault = (enum sim_fault)strtol(value, NULL, 10);
    } else if (text_equal(name, "--at")) {
        options->fault_at = strtoul(value, NULL, 10);
    } else if (text_equal(name, "--read")) {
        options->read_fault_at = strtoul(value, NULL, 10);
    } else if (text_equal(name, "--read-odds")) {
        options->read_fault_per_mille = (int)strtol(value, NULL, 10);
        options->heal_ms = INT64_C(5) * 60 * 1000;
    } else if (text_equal(name, "--odds")) {
        options->fault_per_mille = (int)strtol(value, NULL, 10);
        options->heal_ms = INT64_C(5) * 60 * 1000;
    } else if (text_equal(name, "--chaos")) {
        options->chaos_per_mille = (int)strtol(value, NULL, 10);
        options->heal_ms = INT64_C(5) * 60 * 1000;
    } else if (text_equal(name, "--heal")) {
        options->heal_ms = strtoll(value, NULL, 10);
    } else if (text_equal(name, "--processes")) {
        options->processes = strtoul(value, NULL, 10);
    } else if (text_equal(name, "--elects")) {
        options->elects = text_equal(value, "1");
    } else if (text_equal(name, "--blow")) {
        while (!text_equal(value, sim_blow_name(options->blow))) {
            options->blow++;
            REQUIRE(options->blow < SIM_BLOW_COUNT);
        }
    } else if (equals) {
        char kind_name[64];
        (void)snprintf(kind_name, sizeof(kind_name), "%.*s", (int)(equals - value), value);
        enum api_kind kind = kind_by_name(kind_name);
        REQUIRE(kind != KIND_COUNT);
        if (text_equal(name, "--lag")) {
            options->lag_ms[kind] = strtoll(equals + 1, NULL, 10);
        } else if (text_equal(name, "--gap")) {
            options->gap = (struct sim_gap){.active = true, .kind = kind};
            options->gap.after = strtoul(equals + 1, &end, 10);
            options->gap.size = *end == '+' ? strtoul(end + 1, NULL, 10) : 1;
        }
    }
}

static void write_line(const char *line, size_t size)
{
    (void)fwrite(line, 1, size, stdout);
}

int main(int count, char **arguments)
{
    const struct sim_scenario *scenario = count > 1 ? sim_scenario_find(arguments[1]) : NULL;
    if (!scenario) {
        (void)fprintf(stderr, "usage: simulate SCENARIO [options]; the scenarios:");
        for (size_t at = 0; at < sim_scenario_count; at++) {
            (void)fprintf(stderr, " %s", sim_scenarios[at].name);
        }
        (void)fputc('\n', stderr);
        return 2;
    }
    log_configure((struct log_sink){.write = write_line, .level = LOG_WARNING});
    struct sim_options options = {.trace = stdout};
    for (int at = 2; at < count; at++) {
        if (text_equal(arguments[at], "--without-streaming")) {
            options.without_streaming = true;
        } else if (text_equal(arguments[at], "--suspends-jobs")) {
            options.suspends_jobs = true;
        } else if (text_equal(arguments[at], "--quiet")) {
            options.trace = NULL;
            log_configure((struct log_sink){.write = write_line, .level = LOG_ERROR});
        } else if (at + 1 < count) {
            read_option(&options, arguments[at], arguments[at + 1]);
            at++;
        }
    }
    struct sim_result result = sim_scenario_play(scenario, &options);
    char *text = sim_result_describe(&result);
    (void)printf("%s%zu writes, %zu reads between them, %zu faults; %s\n", text, result.writes,
                 result.reads, result.faults,
                 result.failure[0] ? result.failure : "all invariants held");
    free(text);
    int code = result.failure[0] ? 1 : 0;
    sim_result_free(&result);
    return code;
}
