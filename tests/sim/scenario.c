#include "sim/scenario.h"

#include "api/render.h"
#include "core/assert.h"
#include "core/text.h"
#include "sim/scenario_parts.h"
#include "sim/tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGEST "sha256:2222222222222222222222222222222222222222222222222222222222222222"

enum { MILLISECONDS = SIM_MILLISECONDS, MINUTE_MS = SIM_MINUTE_MS };

/* ---- endings ---- */

static bool fits(const struct sim_rule *rule, const char *run, const char *step, int64_t attempt,
                 const char *container)
{
    return (!rule->run || text_equal(rule->run, run)) &&
           (!rule->step || text_equal(rule->step, step)) &&
           (rule->attempt == 0 || rule->attempt == attempt) &&
           (!rule->container || text_equal(rule->container, container));
}

static const char *usual_message(const char *container)
{
    static const struct {
        const char *container;
        const char *message;
    } messages[] = {
        {CONTAINER_PREPARE, "{\"inputs\":{\"table\":{\"digest\":\"" DIGEST "\"}}}"},
        {CONTAINER_SEAL, "{\"inputs\":{\"model\":{\"digest\":\"" DIGEST "\",\"bytes\":9}}}"},
        {CONTAINER_COPY, "{\"digest\":\"" DIGEST "\"}"},
        {CONTAINER_STEP, "{\"rows\":3}"},
    };
    for (size_t at = 0; at < COUNT_OF(messages); at++) {
        if (text_equal(messages[at].container, container)) {
            return messages[at].message;
        }
    }
    return "";
}

static struct sim_ending end_container(void *context, const char *run, const char *step,
                                       int64_t attempt, const char *container)
{
    const struct sim_scenario *scenario = context;
    for (size_t at = 0; at < SIM_RULES; at++) {
        const struct sim_rule *rule = &scenario->rules[at];
        if ((rule->step || rule->container) && fits(rule, run, step, attempt, container)) {
            return (struct sim_ending){rule->exit_code, rule->message ? rule->message : ""};
        }
    }
    return (struct sim_ending){0, usual_message(container)};
}

/* ---- worlds ---- */

void sim_put_pipeline(struct sim_world *world, const char *spec)
{
    char json[4096];
    int length = snprintf(
        json, sizeof(json),
        "{'metadata':{'name':'p'},'spec':{'history':{'succeeded':5,'failed':5},%s}}", spec);
    REQUIRE(length > 0 && (size_t)length < sizeof(json));
    sim_world_create(world, KIND_PIPELINE, json);
}

void sim_put_run(struct sim_world *world, const char *name)
{
    char json[512];
    (void)snprintf(json, sizeof(json),
                   "{'metadata':{'name':'%s'},'spec':{'pipelineRef':{'name':'p'}}}", name);
    sim_world_create(world, KIND_PIPELINE_RUN, json);
}

static void put_claim(struct sim_world *world)
{
    sim_world_create(world, KIND_CLAIM,
                     "{'metadata':{'name':'c'},'spec':{'accessModes':['ReadWriteMany']}}");
}

void sim_put_model(struct sim_world *world)
{
    sim_world_create(world, KIND_MODEL,
                     "{'metadata':{'name':'m'},'spec':{'serving':{'port':8080,'replicas':2,"
                     "'podTemplate':{'spec':{'containers':[{'name':'server','image':'s'}]}}}}}");
}

static void one_step(struct sim_world *world)
{
    sim_put_pipeline(world, "'steps':[{'name':'a','image':'i'}]");
    sim_put_run(world, "r");
}

static void chain(struct sim_world *world)
{
    put_claim(world);
    sim_put_pipeline(world,
                     "'artifacts':{'volumeClaim':{'claimName':'c'}},'steps':["
                     "{'name':'a','image':'i','outputs':{'artifacts':[{'name':'table'}],'results':"
                     "[{'name':'rows','type':'integer'}]},'checks':[{'result':'rows','min':'1',"
                     "'onFailure':'Stop'}]},"
                     "{'name':'b','image':'i','inputs':[{'name':'table','from':'a.table'}]},"
                     "{'name':'c','image':'i','inputs':[{'name':'table','from':'a.table'}]},"
                     "{'name':'d','image':'i','runAfter':['b','c']}]");
    sim_put_run(world, "r");
}

static void retries(struct sim_world *world)
{
    sim_put_pipeline(world,
                     "'steps':[{'name':'a','image':'i','retry':{'limit':2,'backoff':{'initial':"
                     "'10s','factor':2,'max':'5m'}}},"
                     "{'name':'b','image':'i','runAfter':['a'],'retry':{'limit':1,'backoff':"
                     "{'initial':'10s','factor':2,'max':'5m'}}}]");
    sim_put_run(world, "r");
    sim_put_run(world, "s");
}

static void stopped_by_a_check(struct sim_world *world)
{
    sim_put_pipeline(world, "'steps':[{'name':'a','image':'i','outputs':{'results':[{'name':'rows',"
                            "'type':'integer'}]},'checks':[{'result':'rows','min':'5','onFailure':"
                            "'Stop'}]},{'name':'b','image':'i','runAfter':['a']},{'name':'c',"
                            "'image':'i'}]");
    sim_put_run(world, "r");
}

static void publish_again(struct sim_world *world)
{
    sim_put_run(world, "second");
}

void sim_put_two_versions(struct sim_world *world)
{
    put_claim(world);
    sim_put_pipeline(world,
                     "'artifacts':{'volumeClaim':{'claimName':'c'}},'publish':{'model':'m',"
                     "'artifact':'a.model','metricsFrom':['a']},'steps':[{'name':'a','image':"
                     "'i','outputs':{'artifacts':[{'name':'model'}],'results':[{'name':'rows',"
                     "'type':'integer'}]}}]");
    sim_put_run(world, "first");
    sim_world_at(world, 2 * MINUTE_MS, publish_again);
}

static void publishes(struct sim_world *world)
{
    sim_put_model(world);
    sim_put_two_versions(world);
}

static void takes_turns(struct sim_world *world)
{
    sim_put_pipeline(world, "'maxConcurrentRuns':1,'steps':[{'name':'a','image':'i'}]");
    sim_put_run(world, "a");
    sim_put_run(world, "b");
    sim_put_run(world, "c");
}

static void keeps_history(struct sim_world *world)
{
    sim_put_pipeline(world, "'history':{'succeeded':1,'failed':1},'maxConcurrentRuns':1,'steps':[{"
                            "'name':'a','image':'i'}]");
    sim_world_create(world, KIND_TRIGGER,
                     "{'metadata':{'name':'t'},'spec':{'pipelineRef':{'name':'p'},"
                     "'concurrencyPolicy':'Allow','schedule':{'cron':'*/2 * * * *','timeZone':"
                     "'Etc/UTC','catchUp':{'policy':'Latest','max':10}}}}");
}

static void suspend_trigger(struct sim_world *world)
{
    sim_world_merge(world, KIND_TRIGGER, "t", "{'spec':{'suspend':true}}");
}

static void history(struct sim_world *world)
{
    keeps_history(world);
    sim_world_at(world, 9 * MINUTE_MS, suspend_trigger);
}

static void cancel_run(struct sim_world *world)
{
    sim_world_merge(world, KIND_PIPELINE_RUN, "r", "{'spec':{'cancel':true}}");
}

static void cancelled(struct sim_world *world)
{
    sim_put_pipeline(world, "'steps':[{'name':'a','image':'i'},{'name':'b','image':'i','runAfter':"
                            "['a']},{'name':'c','image':'i'}]");
    sim_put_run(world, "r");
    sim_world_at(world, 2 * MILLISECONDS, cancel_run);
}

static void edit_pipeline(struct sim_world *world)
{
    sim_world_merge(world, KIND_PIPELINE, "p",
                    "{'spec':{'steps':[{'name':'x','image':'j'},{'name':'y','image':'j'}]}}");
    sim_put_run(world, "s");
}

static void edited(struct sim_world *world)
{
    sim_put_pipeline(world, "'steps':[{'name':'a','image':'i'},{'name':'b','image':'i','runAfter':"
                            "['a']}]");
    sim_put_run(world, "r");
    sim_world_at(world, 4 * MILLISECONDS, edit_pipeline);
}

static void run_again(struct sim_world *world)
{
    sim_put_run(world, "s");
}

/* Each end of a run of p starts one of q. */
static void chained(struct sim_world *world)
{
    sim_put_pipeline(world, "'steps':[{'name':'a','image':'i'}]");
    sim_world_create(world, KIND_PIPELINE,
                     "{'metadata':{'name':'q'},'spec':{'history':{'succeeded':5,'failed':5},"
                     "'params':[{'name':'of'}],'steps':[{'name':'b','image':'i'}]}}");
    sim_world_create(world, KIND_TRIGGER,
                     "{'metadata':{'name':'t'},'spec':{'pipelineRef':{'name':'q'},'params':[{"
                     "'name':'of','from':'run'}],'concurrencyPolicy':'Queue','pipeline':{'name':"
                     "'p','events':['Succeeded']}}}");
    sim_put_run(world, "r");
    sim_world_at(world, 3 * MINUTE_MS, run_again);
}

/* Each champion starts a run of q: a report about it, say. */
static void promoted(struct sim_world *world)
{
    publishes(world);
    sim_world_create(world, KIND_PIPELINE,
                     "{'metadata':{'name':'q'},'spec':{'history':{'succeeded':5,'failed':5},"
                     "'params':[{'name':'of'}],'steps':[{'name':'b','image':'i'}]}}");
    sim_world_create(world, KIND_TRIGGER,
                     "{'metadata':{'name':'t'},'spec':{'pipelineRef':{'name':'q'},'params':[{"
                     "'name':'of','from':'version'}],'concurrencyPolicy':'Allow','model':{'name':"
                     "'m','events':['Promoted']}}}");
}

static void more_runs(struct sim_world *world)
{
    static const char *const names[] = {"e", "f", "g", "h"};
    for (size_t at = 0; at < COUNT_OF(names); at++) {
        sim_put_run(world, names[at]);
    }
}

/* Everything at once: runs side by side that publish, a schedule, history, retries. */
static void busy(struct sim_world *world)
{
    put_claim(world);
    sim_put_pipeline(
        world, "'artifacts':{'volumeClaim':{'claimName':'c'}},'maxConcurrentRuns':3,'history':{"
               "'succeeded':2,'failed':1},'publish':{'model':'m','artifact':'b.model'},'steps':["
               "{'name':'a','image':'i','outputs':{'artifacts':[{'name':'table'}]},'retry':{"
               "'limit':2,'backoff':{'initial':'10s','factor':2,'max':'5m'}}},"
               "{'name':'b','image':'i','inputs':[{'name':'table','from':'a.table'}],'outputs':"
               "{'artifacts':[{'name':'model'}]},'retry':{'limit':1,'backoff':{'initial':'10s',"
               "'factor':2,'max':'5m'}}}]");
    sim_put_model(world);
    sim_put_run(world, "a");
    sim_put_run(world, "b");
    sim_put_run(world, "c");
    sim_put_run(world, "d");
    sim_world_create(world, KIND_TRIGGER,
                     "{'metadata':{'name':'t'},'spec':{'pipelineRef':{'name':'p'},"
                     "'concurrencyPolicy':'Forbid','schedule':{'cron':'* * * * *','timeZone':"
                     "'Etc/UTC','catchUp':{'policy':'Latest','max':10}}}}");
    sim_world_at(world, MINUTE_MS, more_runs);
    sim_world_at(world, 6 * MINUTE_MS, suspend_trigger);
}

const struct sim_scenario sim_scenarios[] = {
    {.name = "one-step", .set_up = one_step, .busy_ms = 10 * MINUTE_MS},
    {.name = "chain", .set_up = chain, .busy_ms = 10 * MINUTE_MS},
    {.name = "retries",
     .set_up = retries,
     .rules = {{.step = "a", .attempt = 1, .exit_code = 1, .message = "no luck"},
               {.run = "s", .step = "b", .exit_code = 7, .message = "never"}},
     .busy_ms = 20 * MINUTE_MS},
    {.name = "check",
     .set_up = stopped_by_a_check,
     .busy_ms = 10 * MINUTE_MS,
     .gaps_count = true}, /* step c beside step a, which stops the run */
    {.name = "publish", .set_up = publishes, .busy_ms = 20 * MINUTE_MS},
    {.name = "mismatch",
     .set_up = publishes,
     .rules = {{.container = CONTAINER_COPY,
                .exit_code = 1,
                .message = "{\"reason\":\"DigestMismatch\",\"message\":\"other files\"}"}},
     .busy_ms = 20 * MINUTE_MS},
    {.name = "turns", .set_up = takes_turns, .busy_ms = 15 * MINUTE_MS},
    {.name = "history", .set_up = history, .busy_ms = 25 * MINUTE_MS},
    {.name = "cancelled", .set_up = cancelled, .busy_ms = 10 * MINUTE_MS, .times_count = true},
    {.name = "chained", .set_up = chained, .busy_ms = 20 * MINUTE_MS, .lateness_counts = true},
    {.name = "promoted",
     .set_up = promoted,
     .busy_ms = 25 * MINUTE_MS,
     .lateness_counts = true,
     .times_count = true, /* two controllers may see a way back (check_trigger.c) */
     .is_long = true},
    {.name = "busy",
     .set_up = busy,
     .busy_ms = 40 * MINUTE_MS,
     .is_large = true,
     .times_count = true},
    {.name = "edited", .set_up = edited, .busy_ms = 25 * MINUTE_MS, .times_count = true},
    {.name = "fan-out", .set_up = sim_fans_out, .busy_ms = 10 * MINUTE_MS, .is_long = true},
    {.name = "job-deleted",
     .set_up = sim_user_deletes_job,
     .busy_ms = 15 * MINUTE_MS,
     .times_count = true},
    {.name = "pod-deleted",
     .set_up = sim_user_deletes_pod,
     .busy_ms = 15 * MINUTE_MS,
     .times_count = true},
    {.name = "job-suspended", .set_up = sim_user_suspends_job, .busy_ms = 15 * MINUTE_MS},
    {.name = "evicted", .set_up = sim_node_evicts_pod, .busy_ms = 15 * MINUTE_MS},
    {.name = "service-taken",
     .set_up = sim_service_is_taken,
     .busy_ms = 20 * MINUTE_MS,
     .is_long = true},
    {.name = "firing-taken",
     .set_up = sim_firing_is_taken,
     .busy_ms = 20 * MINUTE_MS,
     .lateness_counts = true},
    {.name = "suspended", .set_up = sim_runs_are_suspended, .busy_ms = 20 * MINUTE_MS},
    {.name = "catch-up",
     .set_up = sim_catches_up,
     .busy_ms = 25 * MINUTE_MS,
     .lateness_counts = true},
    {.name = "replace",
     .set_up = sim_replaces,
     .busy_ms = 25 * MINUTE_MS,
     .lateness_counts = true,
     .is_long = true},
    {.name = "forbid", .set_up = sim_forbids, .busy_ms = 25 * MINUTE_MS, .lateness_counts = true},
    {.name = "breaker",
     .set_up = sim_breaks,
     .rules = {{.step = "a", .exit_code = 1, .message = "no"}},
     .busy_ms = 25 * MINUTE_MS,
     .lateness_counts = true},
    {.name = "deliveries", .set_up = sim_deliveries_come, .busy_ms = 20 * MINUTE_MS},
    {.name = "source", .set_up = sim_source_changes, .busy_ms = 20 * MINUTE_MS, .is_polled = true},
    {.name = "source-down",
     .set_up = sim_source_is_down,
     .busy_ms = (6 * 60 + 150) * MINUTE_MS,
     .is_polled = true,
     .is_long = true},
    {.name = "pinned", .set_up = sim_pins, .busy_ms = 20 * MINUTE_MS, .is_long = true},
    {.name = "pinned-quickly",
     .set_up = sim_pins_quickly,
     .busy_ms = 20 * MINUTE_MS,
     .times_count = true,
     .is_long = true},
    {.name = "model-later",
     .set_up = sim_model_comes_later,
     .busy_ms = 20 * MINUTE_MS,
     .is_long = true},
    {.name = "version-deleted",
     .set_up = sim_version_is_deleted,
     .busy_ms = 25 * MINUTE_MS,
     .times_count = true,
     .is_long = true},
    {.name = "timeout", .set_up = sim_times_out, .busy_ms = 15 * MINUTE_MS},
    {.name = "in-time", .set_up = sim_ends_in_time, .busy_ms = 15 * MINUTE_MS},
    {.name = "claim-later", .set_up = sim_claim_comes_later, .busy_ms = 15 * MINUTE_MS},
};

const size_t sim_scenario_count = COUNT_OF(sim_scenarios);

const struct sim_scenario *sim_scenario_find(const char *name)
{
    for (size_t at = 0; at < sim_scenario_count; at++) {
        if (text_equal(sim_scenarios[at].name, name)) {
            return &sim_scenarios[at];
        }
    }
    return NULL;
}

/* ---- playing ---- */

static void start_processes(struct sim_world *world)
{
    size_t count = world->options.processes ? world->options.processes : 1;
    for (size_t at = 0; at < count; at++) {
        sim_world_start(world, at);
    }
}

/*
 * Nothing is asked of the API server for so long but reads: no write, whatever would become of it,
 * no event and no dry run.
 */
static void check_quiet(struct sim_world *world, const char *when)
{
    size_t sent = world->sent;
    if (sim_world_run(world, world->now_ms + SIM_QUIET_MS) && world->sent != sent) {
        sim_world_fail(world, "%zu requests that are no reads %s", world->sent - sent, when);
    }
}

struct sim_result sim_scenario_play(const struct sim_scenario *scenario,
                                    const struct sim_options *options)
{
    struct sim_world *world = calloc(1, sizeof(*world));
    REQUIRE(world != NULL);
    union {
        const struct sim_scenario *given;
        void *context;
    } both = {.given = scenario};
    sim_world_init(world, options, end_container, both.context);
    scenario->set_up(world);
    start_processes(world);
    if (sim_world_run(world, scenario->busy_ms)) {
        check_quiet(world, "after everything was done");
    }
    for (size_t at = 0; at < SIM_PROCESSES; at++) {
        sim_world_kill(world, at);
    }
    if (!world->failure[0]) {
        sim_check_rest(world);
        sim_world_start(world, 0);
        check_quiet(world, "of a new controller that found everything done");
    }
    struct sim_result result = {.end = sim_store_describe(&world->store),
                                .writes = world->writes,
                                .reads = world->busy_reads,
                                .faults = world->faults};
    memcpy(result.failure, world->failure, sizeof(result.failure));
    memcpy(result.creates, world->store.creates, sizeof(result.creates));
    memcpy(result.deletes, world->store.deletes, sizeof(result.deletes));
    for (size_t at = 0; at < world->store.change_count; at++) {
        result.events[world->store.changes[at].kind]++;
    }
    sim_world_free(world);
    free(world);
    return result;
}

void sim_result_free(struct sim_result *result)
{
    free(result->end);
    *result = (struct sim_result){0};
}

char *sim_result_describe(const struct sim_result *result)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    REQUIRE(out != NULL);
    (void)fputs(result->end, out);
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        if (kind != KIND_POD && result->creates[kind] + result->deletes[kind] > 0) {
            (void)fprintf(out, "%s +%zu -%zu\n", kind_info(kind)->kind, result->creates[kind],
                          result->deletes[kind]);
        }
    }
    (void)fclose(out);
    return text;
}
