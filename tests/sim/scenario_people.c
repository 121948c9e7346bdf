#include "sim/scenario_parts.h"

#include "api/meta.h"
#include "core/assert.h"
#include "core/text.h"
#include "sim/tree.h"

#include <stdio.h>
#include <string.h>

/* Worlds in which people and nodes meddle: what is deleted, evicted, taken, suspended, pinned. */

enum { BRANCHES = 20, CROWD = 300, SPEC_SIZE = 4096, JSON_SIZE = 512, SLOW_SECONDS = 200 };

/* ---- many at once ---- */

void sim_fans_out(struct sim_world *world)
{
    char spec[SPEC_SIZE];
    FILE *out = fmemopen(spec, sizeof(spec), "w");
    REQUIRE(out != NULL);
    (void)fputs("'steps':[{'name':'a','image':'i'}", out);
    for (int at = 1; at <= BRANCHES; at++) {
        (void)fprintf(out, ",{'name':'b%d','image':'i','runAfter':['a']}", at);
    }
    (void)fputs(",{'name':'z','image':'i','runAfter':['b1','b20']}]", out);
    REQUIRE(fclose(out) == 0);
    sim_put_pipeline(world, spec);
    sim_put_run(world, "r");
}

void sim_puts_crowd(struct sim_world *world)
{
    for (int at = 0; at < CROWD; at++) {
        char json[JSON_SIZE];
        (void)snprintf(json, sizeof(json),
                       "{'metadata':{'name':'p%d'},'spec':{'steps':[{'name':'a','image':'i'}]}}",
                       at);
        sim_world_create(world, KIND_PIPELINE, json);
    }
}

/* ---- what runs is taken away ---- */

static struct sim_object *find_first(struct sim_world *world, enum api_kind kind)
{
    for (size_t at = 0; at < world->store.count; at++) {
        if (world->store.objects[at].kind == kind) {
            return &world->store.objects[at];
        }
    }
    return NULL;
}

static void delete_first(struct sim_world *world, enum api_kind kind)
{
    struct sim_object *object = find_first(world, kind);
    if (object) {
        sim_store_delete(&world->store, object);
    }
}

static void delete_job(struct sim_world *world)
{
    delete_first(world, KIND_JOB);
}

static void delete_pod(struct sim_world *world)
{
    delete_first(world, KIND_POD);
}

static void set_suspended(struct sim_world *world, bool suspends)
{
    struct sim_object *job = find_first(world, KIND_JOB);
    if (job) {
        json_t *tree = sim_store_copy(job);
        tree_set(tree, "spec/suspend", json_boolean(suspends));
        sim_store_update(&world->store, job, tree);
    }
}

static void suspend_job(struct sim_world *world)
{
    set_suspended(world, true);
}

static void resume_job(struct sim_world *world)
{
    set_suspended(world, false);
}

static void evict_pod(struct sim_world *world)
{
    struct sim_object *pod = find_first(world, KIND_POD);
    if (pod) {
        sim_cluster_evict(&world->cluster, pod);
    }
}

static void put_step_that_is_tried_twice(struct sim_world *world)
{
    world->cluster.pod_seconds = 10;
    sim_put_pipeline(world, "'steps':[{'name':'a','image':'i','retry':{'limit':1,'backoff':"
                            "{'initial':'10s','factor':2,'max':'5m'}}},"
                            "{'name':'b','image':'i','runAfter':['a']}]");
    sim_put_run(world, "r");
}

void sim_user_deletes_job(struct sim_world *world)
{
    put_step_that_is_tried_twice(world);
    sim_world_at(world, 5 * SIM_MILLISECONDS, delete_job);
}

void sim_user_deletes_pod(struct sim_world *world)
{
    put_step_that_is_tried_twice(world);
    sim_world_at(world, 5 * SIM_MILLISECONDS, delete_pod);
    sim_world_at(world, SIM_MINUTE_MS, delete_job); /* one that has ended: nothing changes */
}

void sim_user_suspends_job(struct sim_world *world)
{
    put_step_that_is_tried_twice(world);
    sim_world_at(world, 5 * SIM_MILLISECONDS, suspend_job);
    sim_world_at(world, SIM_MINUTE_MS, resume_job);
}

void sim_node_evicts_pod(struct sim_world *world)
{
    put_step_that_is_tried_twice(world);
    sim_world_at(world, 5 * SIM_MILLISECONDS, evict_pod);
}

/* ---- names that somebody else has ---- */

void sim_service_is_taken(struct sim_world *world)
{
    sim_world_create(world, KIND_SERVICE,
                     "{'metadata':{'name':'m','labels':{'app.kubernetes.io/managed-by':'tidemill'},"
                     "'annotations':{'example.com/not-ours':'yes'}},"
                     "'spec':{'selector':{'app':'theirs'}}}");
    sim_put_model(world);
    sim_put_two_versions(world);
}

static void put_trigger(struct sim_world *world, const char *policy, const char *catch_up)
{
    char json[JSON_SIZE];
    int length = snprintf(json, sizeof(json),
                          "{'metadata':{'name':'t'},'spec':{'pipelineRef':{'name':'p'},"
                          "'concurrencyPolicy':'%s','schedule':{'cron':'*/2 * * * *','timeZone':"
                          "'Etc/UTC','catchUp':%s}}}",
                          policy, catch_up);
    REQUIRE(length > 0 && (size_t)length < sizeof(json));
    sim_world_create(world, KIND_TRIGGER, json);
}

static void suspend_trigger(struct sim_world *world)
{
    sim_world_merge(world, KIND_TRIGGER, "t", "{'spec':{'suspend':true}}");
}

static void resume_trigger(struct sim_world *world)
{
    sim_world_merge(world, KIND_TRIGGER, "t", "{'spec':{'suspend':false}}");
}

/* 2026-01-01T00:04Z is minute 29453764. */
void sim_firing_is_taken(struct sim_world *world)
{
    sim_put_pipeline(world, "'steps':[{'name':'a','image':'i'}]");
    sim_put_run(world, "t-29453764");
    put_trigger(world, "Forbid", "{'policy':'Latest','max':10}");
    sim_world_at(world, 7 * SIM_MINUTE_MS, suspend_trigger);
}

/* ---- waiting, and times that pass ---- */

static void suspend_first(struct sim_world *world)
{
    sim_world_merge(world, KIND_PIPELINE_RUN, "b", "{'spec':{'suspend':true}}");
}

static void resume_both(struct sim_world *world)
{
    sim_world_merge(world, KIND_PIPELINE_RUN, "a", "{'spec':{'suspend':false}}");
    sim_world_merge(world, KIND_PIPELINE_RUN, "b", "{'spec':{'suspend':false}}");
}

void sim_runs_are_suspended(struct sim_world *world)
{
    world->cluster.pod_seconds = 10;
    sim_put_pipeline(world, "'maxConcurrentRuns':1,'steps':[{'name':'a','image':'i'},{'name':'b',"
                            "'image':'i','runAfter':['a']}]");
    sim_world_create(
        world, KIND_PIPELINE_RUN,
        "{'metadata':{'name':'a'},'spec':{'pipelineRef':{'name':'p'},'suspend':true}}");
    sim_put_run(world, "b");
    sim_put_run(world, "c");
    sim_world_at(world, 5 * SIM_MILLISECONDS, suspend_first);
    sim_world_at(world, 2 * SIM_MINUTE_MS, resume_both);
}

/* Misses 00:04, 00:06 and 00:08; two of them are made up for, one after the other. */
void sim_catches_up(struct sim_world *world)
{
    sim_put_pipeline(world, "'steps':[{'name':'a','image':'i'}]");
    put_trigger(world, "Queue", "{'policy':'All','max':2}");
    sim_world_at(world, 3 * SIM_MINUTE_MS, suspend_trigger);
    sim_world_at(world, 9 * SIM_MINUTE_MS, resume_trigger);
    /* Late enough for what waits in the queue, before the next minute that fires. */
    sim_world_at(world, 12 * SIM_MINUTE_MS - 5 * 1000, suspend_trigger);
}

/* A copy of a firing's run, with its annotations but without its owner: not the Trigger's. */
static void copy_run(struct sim_world *world)
{
    const struct sim_object *trigger = sim_store_find(&world->store, KIND_TRIGGER, SIM_NAMESPACE,
                                                      "t");
    char json[JSON_SIZE];
    (void)snprintf(json, sizeof(json),
                   "{'metadata':{'name':'copy','annotations':{'%s':'%s'}},'spec':{'pipelineRef':"
                   "{'name':'p'}}}",
                   ANNOTATION_TRIGGER_UID, tree_uid(trigger->tree));
    sim_world_create(world, KIND_PIPELINE_RUN, json);
}

/* Each run takes longer than the time between two. */
void sim_replaces(struct sim_world *world)
{
    world->cluster.pod_seconds = SLOW_SECONDS;
    sim_put_pipeline(world, "'steps':[{'name':'a','image':'i'}]");
    put_trigger(world, "Replace", "{'policy':'Latest','max':10}");
    sim_world_at(world, 3 * SIM_MINUTE_MS, copy_run);
    sim_world_at(world, 7 * SIM_MINUTE_MS, suspend_trigger);
}

void sim_forbids(struct sim_world *world)
{
    world->cluster.pod_seconds = SLOW_SECONDS;
    sim_put_pipeline(world, "'steps':[{'name':'a','image':'i'}]");
    put_trigger(world, "Forbid", "{'policy':'Latest','max':10}");
    sim_world_at(world, 7 * SIM_MINUTE_MS, suspend_trigger);
}

/* ---- a source outside ---- */

static void put_http_trigger(struct sim_world *world, const char *interval)
{
    char json[JSON_SIZE];
    sim_put_pipeline(world, "'history':{'succeeded':5,'failed':5},'steps':[{'name':'a','image':"
                            "'i'}]");
    (void)snprintf(json, sizeof(json),
                   "{'metadata':{'name':'t'},'spec':{'pipelineRef':{'name':'p'},"
                   "'concurrencyPolicy':'Allow','interval':'%s','http':{'url':'http://data/x'}}}",
                   interval);
    sim_world_create(world, KIND_TRIGGER, json);
    sim_source_set(world, "A");
}

static void source_goes_on(struct sim_world *world)
{
    sim_source_set(world, "B");
}

static void source_goes_back(struct sim_world *world)
{
    sim_source_set(world, "A");
}

static void source_goes_down(struct sim_world *world)
{
    sim_source_set(world, NULL);
}

/* A, B and A again are three runs. */
void sim_source_changes(struct sim_world *world)
{
    put_http_trigger(world, "1m");
    sim_world_at(world, 5 * SIM_MINUTE_MS, source_goes_on);
    sim_world_at(world, 10 * SIM_MINUTE_MS, source_goes_back);
}

/* What changed meanwhile starts one run when it is back. */
void sim_source_is_down(struct sim_world *world)
{
    enum { DOWN_MINUTES = 6 * 60 }; /* as much as a day: it is asked once in an hour */
    put_http_trigger(world, "1h");
    sim_world_at(world, 5 * SIM_MINUTE_MS, source_goes_down);
    sim_world_at(world, (5 + DOWN_MINUTES) * SIM_MINUTE_MS, source_goes_on);
}

/* ---- deliveries to a webhook ---- */

/* As a replica writes it down before it answers the sender. */
static void deliver(struct sim_world *world, const char *id)
{
    struct sim_object *object = sim_store_find(&world->store, KIND_TRIGGER, SIM_NAMESPACE, "t");
    json_t *tree = sim_store_copy(object);
    json_t *status = json_object_get(tree, "status");
    if (!json_object_get(status, "deliveries")) {
        json_object_set_new(status, "deliveries", json_array());
    }
    json_array_append_new(
        json_object_get(status, "deliveries"),
        json_pack("{s:s,s:[{s:s,s:s}]}", "id", id, "values", "name", "of", "value", id));
    world->source.changes++;
    sim_store_update(&world->store, object, tree);
}

static void deliver_some(struct sim_world *world)
{
    deliver(world, "d-1");
    deliver(world, "d-2");
    deliver(world, "d-3");
}

static void deliver_another(struct sim_world *world)
{
    deliver(world, "d-4");
}

/* Each starts a run, in the order of coming, one after the other. */
void sim_deliveries_come(struct sim_world *world)
{
    sim_put_pipeline(world, "'history':{'succeeded':5,'failed':5},'params':[{'name':'of'}],"
                            "'steps':[{'name':'a','image':'i'}]");
    sim_world_create(world, KIND_TRIGGER,
                     "{'metadata':{'name':'t'},'spec':{'pipelineRef':{'name':'p'},'params':[{"
                     "'name':'of','from':'of'}],'concurrencyPolicy':'Queue','webhook':{'type':"
                     "'GitHub','secretName':'key','values':[{'name':'of','path':'of'}]}}}");
    sim_world_at(world, SIM_MINUTE_MS, deliver_some);
    sim_world_at(world, 2 * SIM_MINUTE_MS, deliver_another);
}

/* All its runs fail, and history takes each but the last: after two nothing fires any more. */
void sim_breaks(struct sim_world *world)
{
    sim_put_pipeline(world,
                     "'history':{'succeeded':1,'failed':1},'steps':[{'name':'a','image':'i'}]");
    sim_world_create(
        world, KIND_TRIGGER,
        "{'metadata':{'name':'t'},'spec':{'pipelineRef':{'name':'p'},"
        "'concurrencyPolicy':'Forbid','breaker':{'failures':2},'schedule':{'cron':"
        "'*/2 * * * *','timeZone':'Etc/UTC','catchUp':{'policy':'Latest','max':10}}}}");
}

/* ---- models ---- */

static const char *version_of(const struct sim_world *world, const char *run)
{
    for (size_t at = 0; at < world->store.count; at++) {
        const struct sim_object *object = &world->store.objects[at];
        if (object->kind == KIND_MODEL_VERSION &&
            text_equal(tree_text(object->tree, "spec/lineage/run/name"), run)) {
            return tree_name(object->tree);
        }
    }
    return "";
}

static void pin_first(struct sim_world *world)
{
    char json[JSON_SIZE];
    (void)snprintf(json, sizeof(json), "{'spec':{'pinnedVersion':'%s'}}",
                   version_of(world, "first"));
    sim_world_merge(world, KIND_MODEL, "m", json);
}

static void pin_second(struct sim_world *world)
{
    char json[JSON_SIZE];
    (void)snprintf(json, sizeof(json), "{'spec':{'pinnedVersion':'%s'}}",
                   version_of(world, "second"));
    sim_world_merge(world, KIND_MODEL, "m", json);
}

void sim_pins(struct sim_world *world)
{
    sim_put_model(world);
    sim_put_two_versions(world);
    sim_world_at(world, 5 * SIM_MINUTE_MS, pin_first);
    sim_world_at(world, 8 * SIM_MINUTE_MS, pin_second);
}

/* Back and forth while the version before still drains. */
void sim_pins_quickly(struct sim_world *world)
{
    enum { SOON_MS = 4 * SIM_MILLISECONDS };
    sim_put_model(world);
    sim_put_two_versions(world);
    int64_t at_ms = 5 * SIM_MINUTE_MS;
    for (int round = 0; round < 3; round++) {
        sim_world_at(world, at_ms, pin_first);
        sim_world_at(world, at_ms + SOON_MS, pin_second);
        at_ms += 2 * SOON_MS;
    }
}

void sim_model_comes_later(struct sim_world *world)
{
    sim_put_two_versions(world);
    sim_world_at(world, 5 * SIM_MINUTE_MS, sim_put_model);
}

static void delete_second(struct sim_world *world)
{
    sim_world_delete(world, KIND_MODEL_VERSION, version_of(world, "second"));
}

static void run_third(struct sim_world *world)
{
    sim_put_run(world, "third");
}

/* The newest, which serves: its number is never given again. */
void sim_version_is_deleted(struct sim_world *world)
{
    sim_put_model(world);
    sim_put_two_versions(world);
    sim_world_at(world, 5 * SIM_MINUTE_MS, delete_second);
    sim_world_at(world, 7 * SIM_MINUTE_MS, run_third);
}

/* ---- the rest ---- */

/* Pods whose own deadline nobody enforces: the run ends after its grace, and stops them. */
void sim_times_out(struct sim_world *world)
{
    world->cluster.pod_seconds = SLOW_SECONDS;
    sim_put_pipeline(world, "'timeout':'30s','steps':[{'name':'a','image':'i'},{'name':'b',"
                            "'image':'i','runAfter':['a']}]");
    sim_put_run(world, "r");
}

/* Ends long before its time is over, and may be seen long after. */
void sim_ends_in_time(struct sim_world *world)
{
    sim_put_pipeline(world, "'timeout':'2m','steps':[{'name':'a','image':'i'}]");
    sim_put_run(world, "r");
}

static void put_claim(struct sim_world *world)
{
    sim_world_create(world, KIND_CLAIM,
                     "{'metadata':{'name':'c'},'spec':{'accessModes':['ReadWriteMany']}}");
}

void sim_claim_comes_later(struct sim_world *world)
{
    sim_put_pipeline(world, "'artifacts':{'volumeClaim':{'claimName':'c'}},'steps':[{'name':'a',"
                            "'image':'i','outputs':{'artifacts':[{'name':'table'}]}}]");
    sim_put_run(world, "r");
    sim_world_at(world, 2 * SIM_MINUTE_MS, put_claim);
}
