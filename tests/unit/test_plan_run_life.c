#include "support/test.h"

#include "core/map.h"
#include "core/memory.h"
#include "core/prng.h"
#include "core/text.h"
#include "plan/run_phase.h"
#include "support/kubelet.h"

#include <string.h>

/*
 * Lives of PipelineRuns: pods end this way and that, the controller crashes at any write, answers
 * are lost, writes are refused, users cancel, suspend and delete Jobs. Then faults stop, and all
 * must come to rest. Invariants, for every seed:
 * - no two Jobs for one step and attempt;
 * - a final phase never changes, and starts nothing any more;
 * - exactly one ModelVersion for each run that succeeded and publishes, none for one that failed;
 * - never more runs under way than maxConcurrentRuns;
 * - at rest every run is final, no Job runs on, and nothing is written.
 */

enum {
    LIVES = 40,
    ROUNDS = 40,
    RUNS = 3,
    REST_ROUNDS = 200,
    REST_SECONDS = 15,
    SWEEP_EVERY = 8,
    RARELY = 8
};

static const int64_t born = 1795430000; /* 2026-11-23T12:33:20Z */

#define STEP_A                                                                     \
    "{'name':'a','image':'i','outputs':{'artifacts':[{'name':'table'}],'results':" \
    "[{'name':'rows','type':'integer'}]},'retry':{'limit':2,'backoff':{'initial':'5s'}}"
#define INPUT_A           "'inputs':[{'name':'table','from':'a.table'}]"
#define MODEL             "'outputs':{'artifacts':[{'name':'table'}]}"
#define CLAIM             "'artifacts':{'volumeClaim':{'claimName':'c'}},"
#define PUBLISH(artifact) "'publish':{'model':'m','artifact':'" artifact "','metricsFrom':['a']},"

static const char *const specs[] = {
    "'steps':[{'name':'a','image':'i'}]",
    "'timeout':'90s','maxConcurrentRuns':1,'steps':[{'name':'a','image':'i'},"
    "{'name':'b','image':'i','runAfter':['a'],'retry':{'limit':1}}]",
    CLAIM PUBLISH("a.table") "'maxConcurrentRuns':2,'steps':[" STEP_A "}]",
    CLAIM PUBLISH("d.table") "'steps':[" STEP_A ",'checks':[{'result':'rows','min':'1',"
                             "'onFailure':'Stop'},{'result':'rows','max':'2','onFailure':'Warn'}]},"
                             "{'name':'b','image':'i'," INPUT_A "},{'name':'c','image':'i'," INPUT_A
                             "},"
                             "{'name':'d','image':'i'," INPUT_A ",'runAfter':['b','c']," MODEL "}]",
};

struct life {
    uint64_t seed;
    struct prng prng;
    struct world world;
    struct map jobs;   /* name -> uid of the one that was made; texts owned */
    struct map phases; /* run -> its final phase */
    size_t limit;      /* maxConcurrentRuns; 0: none */
    bool publishes;
    bool hurt; /* the last plan met a fault */
    bool calm; /* pods succeed, nobody interferes */
};

static size_t pick(struct life *life, size_t count)
{
    return (size_t)prng_between(&life->prng, 0, count - 1);
}

static bool chance(struct life *life, size_t one_in)
{
    return !life->calm && pick(life, one_in) == 0;
}

static const char *run_name(size_t at)
{
    static const char *const names[RUNS] = {"r0", "r1", "r2"};
    return names[at];
}

static void begin(struct life *life, uint64_t seed, const char *spec)
{
    *life = (struct life){.seed = seed};
    prng_seed(&life->prng, seed);
    world_init(&life->world, born);
    spec = spec ? spec : specs[pick(life, COUNT_OF(specs))];
    life->limit = strstr(spec, "'maxConcurrentRuns':1") ? 1 : strstr(spec, "Runs':2") ? 2 : 0;
    life->publishes = strstr(spec, "publish") != NULL;
    (void)world_put(&life->world, KIND_CLAIM,
                    "{'metadata':{'name':'c'},'spec':{'accessModes':['ReadWriteOnce']}}");
    (void)world_put(&life->world, KIND_PIPELINE,
                    "{'metadata':{'name':'p'},'spec':{'history':{'succeeded':9,'failed':9},%s}}",
                    spec);
}

static void free_texts(struct map *map)
{
    const struct map_entry *entry;
    for (size_t at = 0; (entry = map_next(map, &at)) != NULL;) {
        (void)memory_free(entry->value);
    }
    map_free(map);
}

static void end(struct life *life)
{
    free_texts(&life->jobs);
    free_texts(&life->phases);
    world_free(&life->world);
}

static const char *phase_of(const struct life *life, const char *run)
{
    return world_text(&life->world, KIND_PIPELINE_RUN, run, "status/phase");
}

/* ---- what must hold ---- */

static void check_jobs(struct life *life)
{
    struct world *world = &life->world;
    for (size_t at = 0; at < world->count; at++) {
        if (world->objects[at].kind != KIND_JOB) {
            continue;
        }
        const json_t *meta = json_object_get(world->objects[at].tree, "metadata");
        const char *name = json_string_value(json_object_get(meta, "name"));
        const char *uid = json_string_value(json_object_get(meta, "uid"));
        const char *run = json_string_value(
            json_object_get(json_object_get(meta, "labels"), LABEL_RUN));
        const char *known = map_get(&life->jobs, name);
        if (known && strcmp(known, uid) != 0) {
            fail_msg("seed %llu: Job %s was made twice", (unsigned long long)life->seed, name);
        }
        if (!known && map_get(&life->phases, run)) {
            fail_msg("seed %llu: Job %s was made after the end of %s",
                     (unsigned long long)life->seed, name, run);
        }
        if (!known) {
            (void)map_put(&life->jobs, name, memory_copy_text(uid));
        }
    }
}

static size_t versions_of(const struct life *life, const char *run)
{
    size_t count = 0;
    for (size_t at = 0; at < life->world.count; at++) {
        const json_t *spec = json_object_get(life->world.objects[at].tree, "spec");
        const json_t *lineage = json_object_get(spec, "lineage");
        count += life->world.objects[at].kind == KIND_MODEL_VERSION &&
                 text_equal(
                     json_string_value(json_object_get(json_object_get(lineage, "run"), "name")),
                     run);
    }
    return count;
}

static void check_run(struct life *life, const char *run, size_t *under_way)
{
    const char *phase = phase_of(life, run);
    const char *known = map_get(&life->phases, run);
    if (known && strcmp(known, phase) != 0) {
        fail_msg("seed %llu: %s was %s and is %s", (unsigned long long)life->seed, run, known,
                 phase);
    }
    bool final = run_phase_is_final(phase);
    size_t versions = versions_of(life, run);
    size_t wanted = life->publishes && strcmp(phase, "Succeeded") == 0 ? 1 : 0;
    if (final && versions != wanted) {
        fail_msg("seed %llu: %s is %s and has %zu versions", (unsigned long long)life->seed, run,
                 phase, versions);
    }
    if (final && !known) {
        (void)map_put(&life->phases, run, memory_copy_text(phase));
    }
    bool started = world_text(&life->world, KIND_PIPELINE_RUN, run, "status/revision")[0] != '\0';
    *under_way += started && !final;
}

static void check(struct life *life)
{
    size_t under_way = 0;
    check_jobs(life);
    for (size_t at = 0; at < RUNS; at++) {
        if (world_find(&life->world, KIND_PIPELINE_RUN, run_name(at))) {
            check_run(life, run_name(at), &under_way);
        }
    }
    if (life->limit > 0 && under_way > life->limit) {
        fail_msg("seed %llu: %zu runs under way", (unsigned long long)life->seed, under_way);
    }
}

/* ---- what happens ---- */

static size_t carry_out(struct life *life, const struct plan *plan)
{
    static const enum world_fault faults[] = {WORLD_CRASH_BEFORE, WORLD_CRASH_AFTER, WORLD_LOST,
                                              WORLD_REFUSED};
    size_t writes = world_count_writes(plan);
    enum world_fault fault = chance(life, 4) ? faults[pick(life, COUNT_OF(faults))]
                                             : WORLD_NO_FAULT;
    life->hurt = fault != WORLD_NO_FAULT && writes > 0;
    (void)world_carry_out(&life->world, plan, fault, writes > 0 ? pick(life, writes) : 0);
    check(life);
    return writes;
}

static size_t reconcile(struct life *life)
{
    struct plan plan = world_plan_pipeline(&life->world, "p");
    size_t writes = carry_out(life, &plan);
    for (size_t at = 0; at < RUNS; at++) {
        const char *run = run_name((at + life->seed) % RUNS);
        bool rarely = map_get(&life->phases, run) && pick(life, RARELY) != 0;
        if (world_find(&life->world, KIND_PIPELINE_RUN, run) && !rarely) {
            plan = world_plan_run(&life->world, run);
            writes += carry_out(life, &plan);
            if (life->hurt && chance(life, 4)) { /* the worst moment to cancel */
                world_merge(&life->world, KIND_PIPELINE_RUN, run, "{'spec':{'cancel':true}}");
            }
        }
    }
    return writes;
}

static const char *step_message(struct life *life, bool seal)
{
    static const char *const wild[] = {"{'rows':0}", "{'rows':9}",   "",
                                       "no JSON",    "{'rows':'x'}", "{'other':1}"};
    if (seal) {
        return "{'inputs':{'table':{'digest':'sha256:2222'}}}";
    }
    return chance(life, 3) ? wild[pick(life, COUNT_OF(wild))] : "{'rows':2}";
}

static void kubelet_acts(struct life *life, const char *job)
{
    static const char prepared[] = "{'inputs':{'table':{'digest':'sha256:2222'}}}";
    struct world *world = &life->world;
    bool seal = text_ends_with(
        text_or(json_string_value(json_object_get(
                    world_get(world, KIND_JOB, job, "metadata/labels"), LABEL_STEP)),
                ""),
        "seal");
    switch (pick(life, 5)) {
    case 0:
        kubelet_set_pod(world, job, "{'phase':'Running'}");
        break;
    case 1:
        kubelet_end_pod(world, job, chance(life, 3) ? 1 : 0, step_message(life, seal),
                        seal ? NULL : prepared);
        break;
    case 2:
        kubelet_end_pod(world, job, 0, step_message(life, seal), prepared);
        kubelet_end_job(world, job, true);
        break;
    default:
        break; /* it takes its time */
    }
}

/* Somebody deletes the Job of a step whose status says that it runs. */
static void delete_recorded_job(struct life *life, const char *run)
{
    const json_t *steps = world_get(&life->world, KIND_PIPELINE_RUN, run, "status/steps");
    for (size_t at = 0; at < json_array_size(steps); at++) {
        const json_t *step = json_array_get(steps, at);
        const char *job = json_string_value(json_object_get(step, "job"));
        if (text_equal(json_string_value(json_object_get(step, "phase")), "Running") && job &&
            world_find(&life->world, KIND_JOB, job)) {
            world_remove(&life->world, KIND_JOB, job);
            return;
        }
    }
}

static void users_act(struct life *life)
{
    struct world *world = &life->world;
    const char *run = run_name(pick(life, RUNS));
    if (!world_find(world, KIND_PIPELINE_RUN, run)) {
        if (!life->calm) {
            (void)world_put(world, KIND_PIPELINE_RUN,
                            "{'metadata':{'name':'%s'},'spec':{'pipelineRef':{'name':'p'}}}", run);
        }
        return;
    }
    if (chance(life, 25)) {
        world_merge(world, KIND_PIPELINE_RUN, run, "{'spec':{'cancel':true}}");
    } else if (chance(life, 30)) {
        bool suspended = json_is_true(world_get(world, KIND_PIPELINE_RUN, run, "spec/suspend"));
        world_merge(world, KIND_PIPELINE_RUN, run, "{'spec':{'suspend':%s}}",
                    suspended ? "false" : "true");
    } else if (chance(life, 30)) {
        delete_recorded_job(life, run);
    }
}

static void pods_act(struct life *life)
{
    struct world *world = &life->world;
    for (size_t at = 0; at < world->count; at++) {
        if (world->objects[at].kind == KIND_JOB) {
            const char *job = arena_copy_text(
                &world->arena, json_string_value(json_object_get(
                                   json_object_get(world->objects[at].tree, "metadata"), "name")));
            if (!kubelet_job_has_ended(world, job)) {
                kubelet_acts(life, job);
            }
        }
    }
}

static bool all_are_final(const struct life *life)
{
    for (size_t at = 0; at < RUNS; at++) {
        if (world_find(&life->world, KIND_PIPELINE_RUN, run_name(at)) &&
            !run_phase_is_final(phase_of(life, run_name(at)))) {
            return false;
        }
    }
    return true;
}

static void rest(struct life *life)
{
    struct world *world = &life->world;
    life->calm = true;
    for (size_t at = 0; at < RUNS; at++) {
        if (world_find(world, KIND_PIPELINE_RUN, run_name(at))) {
            world_merge(world, KIND_PIPELINE_RUN, run_name(at), "{'spec':{'suspend':false}}");
        }
    }
    for (int round = 0; round < REST_ROUNDS; round++) {
        pods_act(life);
        world->now += REST_SECONDS;
        if (reconcile(life) == 0 && all_are_final(life)) {
            return;
        }
        if (round % SWEEP_EVERY == 0) {
            world_sweep(world);
        }
    }
    for (size_t at = 0; at < RUNS; at++) {
        print_error("%s: %s\n", run_name(at),
                    world_condition(world, KIND_PIPELINE_RUN, run_name(at), "Ready"));
    }
    fail_msg("seed %llu: it never comes to rest", (unsigned long long)life->seed);
}

/* Looked at before pods get the time to end by themselves. */
static void check_nothing_runs_on(struct life *life)
{
    struct world *world = &life->world;
    for (size_t at = 0; at < world->count; at++) {
        if (world->objects[at].kind != KIND_JOB) {
            continue;
        }
        const json_t *meta = json_object_get(world->objects[at].tree, "metadata");
        const char *name = json_string_value(json_object_get(meta, "name"));
        const char *run = json_string_value(
            json_object_get(json_object_get(meta, "labels"), LABEL_RUN));
        if (map_get(&life->phases, run) && !kubelet_job_has_ended(world, name)) {
            fail_msg("seed %llu: Job %s runs on after the end of %s (%s)",
                     (unsigned long long)life->seed, name, run, phase_of(life, run));
        }
    }
}

static void every_life_ends_well(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= LIVES; seed++) {
        struct life life;
        begin(&life, seed, NULL);
        for (int round = 0; round < ROUNDS; round++) {
            life.world.now += (int64_t)pick(&life, 12);
            users_act(&life);
            (void)reconcile(&life);
            check_nothing_runs_on(&life);
            pods_act(&life);
            if (round % SWEEP_EVERY == 0) {
                world_sweep(&life.world);
            }
        }
        rest(&life);
        end(&life);
    }
}

/* ---- one fault, everywhere ---- */

/* Where a calm life meets its only fault. */
struct wound {
    enum world_fault fault;
    size_t at;   /* of all writes of the life, from 0 */
    bool cancel; /* and the user cancels right after it */
};

/* Plans and carries out; true when the fault was met. */
static bool suffer(struct life *life, struct plan plan, const struct wound *wound, size_t *writes)
{
    size_t count = world_count_writes(&plan);
    bool here = *writes <= wound->at && wound->at < *writes + count;
    (void)world_carry_out(&life->world, &plan, here ? wound->fault : WORLD_NO_FAULT,
                          here ? wound->at - *writes : 0);
    *writes += count;
    check(life);
    return here;
}

/* Lives through it; how many writes there were up to the end. */
static size_t live_with(const char *spec, const struct wound *wound)
{
    enum { CALM_ROUNDS = 30 };
    struct life life;
    begin(&life, wound->at + 1, spec);
    life.calm = true;
    (void)world_put(&life.world, KIND_PIPELINE_RUN,
                    "{'metadata':{'name':'r0'},'spec':{'pipelineRef':{'name':'p'}}}");
    size_t writes = 0;
    for (int round = 0; round < CALM_ROUNDS && !map_get(&life.phases, "r0"); round++) {
        (void)suffer(&life, world_plan_pipeline(&life.world, "p"), wound, &writes);
        bool met = suffer(&life, world_plan_run(&life.world, "r0"), wound, &writes);
        if (met && wound->cancel) {
            world_merge(&life.world, KIND_PIPELINE_RUN, "r0", "{'spec':{'cancel':true}}");
        }
        check_nothing_runs_on(&life);
        pods_act(&life);
        life.world.now += 2;
    }
    rest(&life);
    const char *phase = phase_of(&life, "r0");
    if (strcmp(phase, "Succeeded") != 0 && !wound->cancel) {
        fail_msg("fault %d at write %zu of %s: %s", (int)wound->fault, wound->at, spec, phase);
    }
    end(&life);
    return writes;
}

static void a_fault_at_any_write_changes_nothing_in_the_end(void **state)
{
    (void)state;
    static const enum world_fault faults[] = {WORLD_CRASH_BEFORE, WORLD_CRASH_AFTER, WORLD_LOST,
                                              WORLD_REFUSED};
    for (size_t spec = 0; spec < COUNT_OF(specs); spec++) {
        for (size_t fault = 0; fault < COUNT_OF(faults); fault++) {
            for (int cancel = 0; cancel < 2; cancel++) {
                struct wound wound = {.fault = faults[fault], .cancel = cancel == 1};
                while (live_with(specs[spec], &wound) > wound.at) {
                    wound.at++;
                }
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_life_ends_well),
        cmocka_unit_test(a_fault_at_any_write_changes_nothing_in_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
