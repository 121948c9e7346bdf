#include "support/test.h"

#include "api/render.h"
#include "core/memory.h"
#include "core/prng.h"
#include "core/text.h"
#include "kube/gather.h"
#include "support/fake_io.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Conformance S5: a plan is the same byte by byte whatever order its view's lists are in, and
 * whatever the order and history in which the objects came into the cache. Random worlds with many
 * ties: equal times, equal numbers, several pods of one Job or version, several reasons at once.
 */

enum {
    WORLDS = 100,
    OBJECTS = 512,
    KEYS = 64,
    FACTS = 48,
    STEPS = 4,
    SHUFFLES = 2,
    BORN = 1767225600
};

struct known {
    enum api_kind kind;
    const char *name;
    char *json; /* as the API server has it */
};

struct world {
    struct prng prng;
    struct known objects[OBJECTS];
    size_t count;
    struct work_key keys[KEYS];
    size_t key_count;
    struct fact facts[FACTS + STEPS];
    size_t fact_count;
    struct arena arena; /* names of keys and facts */
    int64_t now;
};

/* What the planners were made to do in all worlds: a test that plans nothing shows nothing. */
struct tally {
    size_t plans;
    size_t operations[OPERATION_EVENT + 1];
    size_t written[KIND_COUNT]; /* statuses of each kind */
};

static struct tally tally;

static uint64_t draw(struct world *world, uint64_t below)
{
    return prng_between(&world->prng, 0, below - 1);
}

static bool chance(struct world *world, int percent)
{
    return draw(world, 100) < (uint64_t)percent;
}

#define PICK(world, ...)    \
    ((const char *const[]){ \
        __VA_ARGS__})[draw((world), sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))]

/* ---- objects; ' stands for " ---- */

static void put(struct world *world, enum api_kind kind, const char *name, const char *meta,
                const char *rest)
{
    REQUIRE(world->count < OBJECTS);
    char *json = memory_print("{'metadata':{'namespace':'team','name':'%s','uid':'u-%s-%s',"
                              "'generation':2,'creationTimestamp':'2026-01-01T00:00:0%dZ',"
                              "'resourceVersion':'0'%s},%s}",
                              name, kind_info(kind)->plural, name, (int)draw(world, 3), meta, rest);
    for (char *at = json; *at; at++) {
        *at = *at == '\'' ? '"' : *at;
    }
    world->objects[world->count++] = (struct known){
        .kind = kind, .name = arena_copy_text(&world->arena, name), .json = json};
}

static const char *print_owner(struct world *world, enum api_kind kind, const char *name)
{
    return arena_print(&world->arena,
                       ",'ownerReferences':[{'apiVersion':'%s','kind':'%s','name':'%s',"
                       "'uid':'u-%s-%s','controller':true}]",
                       kind_info(kind)->api_version, kind_info(kind)->kind, name,
                       kind_info(kind)->plural, name);
}

static void add_key(struct world *world, enum api_kind kind, const char *name)
{
    REQUIRE(world->key_count < KEYS);
    world->keys[world->key_count++] = (struct work_key){
        .kind = kind, .namespace = "team", .name = arena_copy_text(&world->arena, name)};
}

static const char *const steps_of_spec =
    "'steps':[{'name':'a','image':'i','outputs':{'artifacts':[{'name':'x'}]},'retry':{'limit':1,"
    "'backoff':{'initial':'10s','factor':2,'max':'5m'}}},{'name':'b','image':'i'},{'name':'c',"
    "'image':'i','runAfter':['a']},{'name':'d','image':'i','runAfter':['b']}]";

static const char *print_spec(struct world *world)
{
    return arena_print(&world->arena,
                       "'artifacts':{'volumeClaim':{'claimName':'c'}},'publish':{'model':'m',"
                       "'artifact':'a.x'},%s'history':{'succeeded':%d,'failed':1},%s",
                       chance(world, 60) ? "'maxConcurrentRuns':2," : "", (int)draw(world, 3),
                       steps_of_spec);
}

static void put_pipeline(struct world *world)
{
    const char *spec = print_spec(world);
    put(world, KIND_PIPELINE, "p", "",
        arena_print(&world->arena,
                    "'spec':{%s},'status':{'observedGeneration':2,'revision':'rev-%d'}", spec,
                    (int)draw(world, 3)));
    add_key(world, KIND_PIPELINE, "p");
    for (int at = 0; at < 4; at++) {
        put(world, KIND_CONTROLLER_REVISION, arena_print(&world->arena, "rev-%d", at),
            print_owner(world, KIND_PIPELINE, "p"),
            arena_print(&world->arena, "'data':{'spec':{%s}},'revision':%d", spec,
                        (int)draw(world, 2)));
    }
    if (chance(world, 80)) {
        put(world, KIND_CLAIM, "c", "", "'spec':{'accessModes':['ReadWriteMany']}");
    }
}

static const char *print_end(struct world *world)
{
    return PICK(world, "'running':{'startedAt':'2026-01-01T00:00:05Z'}",
                "'terminated':{'exitCode':0,'message':'{}','finishedAt':'2026-01-01T00:00:09Z'}",
                "'terminated':{'exitCode':3,'message':'one','finishedAt':'2026-01-01T00:00:07Z'}",
                "'terminated':{'exitCode':4,'message':'two','finishedAt':'2026-01-01T00:00:07Z'}",
                "'waiting':{'reason':'ErrImagePull','message':'no such image'}",
                "'waiting':{'reason':'CreateContainerError','message':'no'}");
}

static void put_pods_of_job(struct world *world, const char *job)
{
    for (uint64_t at = draw(world, 4); at > 0; at--) {
        put(world, KIND_POD, arena_print(&world->arena, "%s-%d", job, (int)at),
            print_owner(world, KIND_JOB, job),
            arena_print(&world->arena,
                        "'status':{'phase':'%s','containerStatuses':[{'name':'step','image':'i',"
                        "'imageID':'i@sha256:%d','state':{%s}}]}",
                        PICK(world, "Pending", "Running", "Succeeded", "Failed"), (int)at,
                        print_end(world)));
    }
}

static void put_jobs(struct world *world, const char *run)
{
    static const char *const steps[] = {"a", "b", "c", "tidemill-seal"};
    for (size_t step = 0; step < COUNT_OF(steps); step++) {
        if (chance(world, 40)) {
            continue;
        }
        const char *job = arena_print(&world->arena, "%s-%s", run, steps[step]);
        put(world, KIND_JOB, job,
            arena_print(&world->arena,
                        ",'labels':{'tidemill.dev/step':'%s'},'annotations':{"
                        "'tidemill.dev/attempt':'%d','tidemill.dev/revision':'rev-%d'}%s",
                        steps[step], (int)draw(world, 2) + 1, (int)draw(world, 3),
                        print_owner(world, KIND_PIPELINE_RUN, run)),
            PICK(world, "'status':{}", "'status':{}", "'status':{'active':1}",
                 "'status':{'conditions':[{'type':'Failed','status':'True','reason':"
                 "'BackoffLimitExceeded','lastTransitionTime':'2026-01-01T00:00:07Z'}]}"));
        put_pods_of_job(world, job);
    }
}

static const char *print_run_status(struct world *world, const char *run)
{
    const char *phase = PICK(world, "Pending", "Running", "Running", "Succeeded", "Failed",
                             "Cancelled");
    const char *steps = "";
    if (chance(world, 60)) {
        steps = arena_print(&world->arena,
                            ",'steps':[{'name':'a','phase':'%s','attempts':1,'job':'%s-a'},"
                            "{'name':'b','phase':'%s','attempts':1,'job':'%s-b'},"
                            "{'name':'c','phase':'Pending'},{'name':'d','phase':'Pending'}]",
                            PICK(world, "Running", "Succeeded", "Retrying"), run,
                            PICK(world, "Running", "Succeeded", "Failed"), run);
    }
    const char *revision = chance(world, 60) ? arena_print(&world->arena, ",'revision':'rev-%d'",
                                                           (int)draw(world, 4))
                                             : "";
    return arena_print(&world->arena,
                       "'status':{'phase':'%s','completionTime':'2026-01-01T00:00:2%dZ',"
                       "'startTime':'2026-01-01T00:00:10Z'%s%s}",
                       phase, (int)draw(world, 2), revision, steps);
}

static void put_runs(struct world *world)
{
    for (int at = 0; at < 9; at++) {
        const char *run = arena_print(&world->arena, "r%d", at);
        const char *meta = arena_print(
            &world->arena, ",'annotations':{'tidemill.dev/trigger-uid':'u-triggers-t%d'}%s",
            (int)draw(world, 2), print_owner(world, KIND_PIPELINE, "p"));
        put(world, KIND_PIPELINE_RUN, run, chance(world, 80) ? meta : "",
            arena_print(&world->arena, "'spec':{'pipelineRef':{'name':'p'}%s%s},%s",
                        chance(world, 15) ? ",'cancel':true" : "",
                        chance(world, 15) ? ",'suspend':true" : "", print_run_status(world, run)));
        add_key(world, KIND_PIPELINE_RUN, run);
        put_jobs(world, run);
    }
}

static const char *print_pending(struct world *world)
{
    return chance(world, 50)
               ? arena_print(&world->arena,
                             ",'pending':{'number':3,'scheduledTime':'2026-01-01T00:07:00Z','run':"
                             "'%s','reason':'%s'}",
                             PICK(world, "r3", "not-there"), PICK(world, "Fired", "Queued"))
               : "";
}

static void put_triggers(struct world *world)
{
    for (int at = 0; at < 3; at++) {
        const char *name = arena_print(&world->arena, "t%d", at);
        put(world, KIND_TRIGGER, name, "",
            arena_print(&world->arena,
                        "'spec':{'pipelineRef':{'name':'p'},'concurrencyPolicy':'%s','schedule':{"
                        "'cron':'*/7 * * * *','catchUp':{'policy':'%s','max':3}}},'status':{"
                        "'lastScheduleTime':'2026-01-01T00:07:00Z','lastRunRef':{'name':'r%d'}%s}",
                        PICK(world, "Allow", "Forbid", "Replace", "Queue"),
                        PICK(world, "None", "Latest", "All"), (int)draw(world, 9),
                        print_pending(world)));
        add_key(world, KIND_TRIGGER, name);
    }
}

static const char *print_copy(struct world *world)
{
    return PICK(world, "'running':{'startedAt':'2026-01-01T00:00:05Z'}",
                "'terminated':{'exitCode':0,'message':'{}'}",
                "'terminated':{'exitCode':1,'message':'{\\'reason\\':\\'DigestMismatch\\',"
                "\\'message\\':\\'other files\\'}'}",
                "'terminated':{'exitCode':1,'message':'{\\'reason\\':\\'ArtifactMissing\\',"
                "\\'message\\':\\'no files\\'}'}",
                "'terminated':{'exitCode':1,'message':'{\\'reason\\':\\'ClaimUnreadable\\',"
                "\\'message\\':\\'a broken disk\\'}'}",
                "'terminated':{'exitCode':1,'message':'{\\'reason\\':\\'ClaimUnreadable\\',"
                "\\'message\\':\\'another disk\\'}'}");
}

static void put_pods_of_version(struct world *world, const char *version)
{
    for (uint64_t at = draw(world, 4); at > 0; at--) {
        put(world, KIND_POD,
            arena_print(&world->arena, "%c%s", (int)('a' + draw(world, 26)),
                        arena_print(&world->arena, "%s-%d", version, (int)at)),
            arena_print(&world->arena,
                        ",'labels':{'tidemill.dev/version-uid':'u-modelversions-%s'}", version),
            arena_print(&world->arena,
                        "'status':{'phase':'Pending','initContainerStatuses':[{'name':"
                        "'tidemill-copy','image':'i','state':{%s}}],'containerStatuses':[{'name':"
                        "'server','image':'i','state':{%s}}]}",
                        print_copy(world), print_end(world)));
    }
}

static void put_workload(struct world *world, const char *version)
{
    if (chance(world, 60)) {
        int64_t ready = (int64_t)draw(world, 3);
        put(world, KIND_DEPLOYMENT, version, print_owner(world, KIND_MODEL_VERSION, version),
            arena_print(&world->arena,
                        "'spec':{'replicas':2},'status':{'observedGeneration':2,'replicas':2,"
                        "'updatedReplicas':2,'readyReplicas':%d,'availableReplicas':%d}",
                        (int)ready, (int)ready));
    }
    if (chance(world, 30)) {
        put(world, KIND_SERVICE, version, print_owner(world, KIND_MODEL_VERSION, version),
            "'spec':{'selector':{'a':'b'}}");
    }
    put_pods_of_version(world, version);
}

static const char *print_number(struct world *world)
{
    return chance(world, 50) ? "" : PICK(world, "'version':1", "'version':2", "'version':3");
}

static void put_model(struct world *world)
{
    static const char serving[] = "'serving':{'port':8080,'replicas':2,'podTemplate':{'spec':{"
                                  "'containers':[{'name':'server','image':'s'}]}}}";
    if (chance(world, 75)) {
        put(world, KIND_MODEL, "m", "",
            arena_print(&world->arena,
                        "'spec':{%s%s},'status':{'champion':'v%d','previous':'v%d',"
                        "'drainUntil':'2026-01-01T00:0%d:00Z','lastVersion':1}",
                        serving, chance(world, 30) ? ",'pinnedVersion':'v2'" : "",
                        (int)draw(world, 5), (int)draw(world, 5), (int)draw(world, 10)));
        put(world, KIND_SERVICE, "m", print_owner(world, KIND_MODEL, "m"),
            arena_print(&world->arena,
                        "'spec':{'selector':{'tidemill.dev/version-uid':'u-modelversions-v%d'}}",
                        (int)draw(world, 5)));
    }
    add_key(world, KIND_MODEL, "m");
    for (int at = 0; at < 5; at++) {
        const char *version = arena_print(&world->arena, "v%d", at);
        put(world, KIND_MODEL_VERSION, version, "",
            arena_print(&world->arena,
                        "'spec':{'model':'m','artifact':{'uri':'pvc://c/x/%d','digest':'sha256:%d'"
                        "},'lineage':{'run':{'name':'r%d','uid':'u-pipelineruns-r%d'}},%s},"
                        "'status':{%s}",
                        at, (int)draw(world, 2), at, at, serving, print_number(world)));
        put_workload(world, version);
    }
}

/* One of a type, kind and name, as kube/facts keeps them. */
static void put_facts(struct world *world)
{
    static const enum operation_type types[] = {OPERATION_CREATE, OPERATION_APPLY, OPERATION_PATCH,
                                                OPERATION_PROBE, OPERATION_EXPLAIN};
    static const enum api_kind kinds[] = {KIND_JOB, KIND_PIPELINE_RUN, KIND_DEPLOYMENT,
                                          KIND_SERVICE};
    static const char *const names[] = {"r1-a", "r2-b", "r3", "r4", "v1", "v2", "m"};
    for (size_t at = 0; at < FACTS; at++) {
        struct fact fact = {.type = types[draw(world, COUNT_OF(types))],
                            .kind = kinds[draw(world, COUNT_OF(kinds))],
                            .name = names[draw(world, COUNT_OF(names))],
                            .error = (enum error_kind)draw(world, ERROR_KIND_COUNT),
                            .message = "its words",
                            .time = world->now - (int64_t)draw(world, 3)};
        struct fact_list known = {.items = world->facts, .count = world->fact_count};
        if (chance(world, 30) && !fact_find(&known, fact.type, fact.kind, fact.name)) {
            world->facts[world->fact_count++] = fact;
            facts_sort(world->facts, world->fact_count);
        }
    }
}

static void world_make(struct world *world, uint64_t seed)
{
    *world = (struct world){0};
    prng_seed(&world->prng, seed);
    world->now = BORN + (int64_t)draw(world, 900);
    put_pipeline(world);
    put_runs(world);
    put_triggers(world);
    put_model(world);
    put_facts(world);
}

static void world_free(struct world *world)
{
    for (size_t at = 0; at < world->count; at++) {
        (void)memory_free(world->objects[at].json);
    }
    arena_free(&world->arena);
}

/* ---- the cache ---- */

static void put_version(struct cache *cache, const struct known *known, int version)
{
    struct arena arena = {0};
    struct object *object = NULL;
    struct error error = {0};
    struct result result = codec_decode(&arena, known->kind, known->json, strlen(known->json),
                                        &object, &error);
    if (!result_is_ok(result)) {
        fail_msg("%s: %s", known->json, error.message);
    }
    object->meta.resource_version = arena_print(&arena, "%d", version);
    cache_put(cache, known->kind, &arena, object);
}

/* Each comes as it is, or as an older version first, or is deleted and comes back. */
static void enter(struct world *world, struct cache *cache, const struct known *known)
{
    uint64_t history = draw(world, 4);
    if (history > 0) {
        put_version(cache, known, 1);
    }
    if (history > 1) {
        cache_remove(cache, known->kind, "team", known->name, "2");
    }
    put_version(cache, known, 3);
}

static void shuffle(struct world *world, void *items, size_t count, size_t size)
{
    char spare[sizeof(struct fact)];
    char *bytes = items;
    REQUIRE(size <= sizeof(spare));
    for (size_t at = count; at > 1; at--) {
        size_t other = draw(world, at);
        memcpy(spare, bytes + (at - 1) * size, size);
        memmove(bytes + (at - 1) * size, bytes + other * size, size);
        memcpy(bytes + other * size, spare, size);
    }
}

static struct cache *fill_cache(struct world *world)
{
    struct cache *cache = cache_new();
    size_t order[OBJECTS];
    for (size_t at = 0; at < world->count; at++) {
        order[at] = at;
    }
    shuffle(world, order, world->count, sizeof(order[0]));
    for (size_t at = 0; at < world->count; at++) {
        enter(world, cache, &world->objects[order[at]]);
    }
    return cache;
}

/* ---- views ---- */

static struct fact_list *facts_of(enum api_kind kind, struct any_view *view)
{
    return kind == KIND_PIPELINE       ? &view->pipeline.facts
           : kind == KIND_PIPELINE_RUN ? &view->run.facts
           : kind == KIND_MODEL        ? &view->model.facts
                                       : &view->trigger.facts;
}

/* In an order of its own; the cache's list stays as it is. */
static const void *reorder(struct world *world, struct arena *arena, const void *items,
                           size_t count)
{
    const void **copy = arena_allocate(arena, count + 1, sizeof(*copy));
    if (count > 0) {
        memcpy(copy, items, count * sizeof(*copy));
    }
    shuffle(world, copy, count, sizeof(*copy));
    return copy;
}

#define REORDER(list, number) ((list) = reorder(world, arena, (const void *)(list), (number)))

static void shuffle_view(struct world *world, struct arena *arena, enum api_kind kind,
                         struct any_view *view)
{
    switch (kind) {
    case KIND_PIPELINE:
        REORDER(view->pipeline.runs, view->pipeline.run_count);
        REORDER(view->pipeline.revisions, view->pipeline.revision_count);
        REORDER(view->pipeline.triggers, view->pipeline.trigger_count);
        break;
    case KIND_PIPELINE_RUN:
        REORDER(view->run.active, view->run.active_count);
        REORDER(view->run.begun, view->run.begun_count);
        REORDER(view->run.jobs, view->run.job_count);
        REORDER(view->run.pods, view->run.pod_count);
        break;
    case KIND_MODEL:
        REORDER(view->model.versions, view->model.version_count);
        REORDER(view->model.deployments, view->model.deployment_count);
        REORDER(view->model.services, view->model.service_count);
        REORDER(view->model.pods, view->model.pod_count);
        break;
    default:
        REORDER(view->trigger.runs, view->trigger.run_count);
    }
    /* Facts are sorted by their store, and by what they are about: they have no other order. */
}

/* ---- plans ---- */

static const char *or_none(const char *text)
{
    return text ? text : "(none)";
}

/* All of it, in the order in which it would be sent. The caller frees it. */
static char *print_plan(const struct plan *plan)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    for (size_t at = 0; at < plan->count; at++) {
        const struct operation *operation = &plan->operations[at];
        (void)fprintf(out, "%u.%u type %d%s %s %s/%s uid %s version %s owner %s admission %s\n",
                      operation->group, operation->stage, (int)operation->type,
                      operation->warning ? " warning" : "", kind_info(operation->kind)->kind,
                      operation->namespace, operation->name, or_none(operation->uid),
                      or_none(operation->resource_version), or_none(operation->owner_uid),
                      or_none(operation->admission));
        (void)fprintf(out, "  %s: %s\n  %s\n", operation->reason, operation->message,
                      or_none(operation->body));
    }
    (void)fprintf(out, "wake at %lld\n", (long long)plan->wake_at);
    (void)fclose(out);
    return text;
}

static char *plan_key(struct world *world, const struct gatherer *gatherer,
                      const struct work_key *key, bool shuffled)
{
    struct arena arena = {0};
    struct plan plan;
    struct any_view view;
    plan_init(&plan, &arena);
    bool found = gather_view(gatherer, &arena, key, world->now, &view);
    assert_true(found);
    *facts_of(key->kind, &view) = (struct fact_list){.items = world->facts,
                                                     .count = world->fact_count};
    if (shuffled) {
        shuffle_view(world, &arena, key->kind, &view);
    }
    gather_plan(key, &view, &plan);
    char *text = print_plan(&plan);
    for (size_t at = 0; at < plan.count && !shuffled; at++) {
        tally.operations[plan.operations[at].type]++;
        tally.written[plan.operations[at].kind] += plan.operations[at].type ==
                                                   OPERATION_PATCH_STATUS;
    }
    tally.plans += !shuffled;
    arena_free(&arena);
    return text;
}

/* The API server's verdicts on what the Pipeline asks about: else its status waits for them. */
static void answer_dry_runs(struct world *world, const struct gatherer *gatherer)
{
    struct arena arena = {0};
    struct plan plan;
    struct any_view view;
    plan_init(&plan, &arena);
    assert_true(gather_view(gatherer, &arena, &world->keys[0], world->now, &view));
    gather_plan(&world->keys[0], &view, &plan);
    for (size_t at = 0; at < plan.count; at++) {
        const struct operation *asked = &plan.operations[at];
        if (asked->type == OPERATION_DRY_RUN) {
            REQUIRE(world->fact_count < FACTS + STEPS);
            world->facts[world->fact_count++] = (struct fact){
                .type = OPERATION_DRY_RUN,
                .kind = asked->kind,
                .name = arena_copy_text(&world->arena, asked->name),
                .error = chance(world, 20) ? ERROR_INVALID : ERROR_NONE,
                .message = "its verdict",
                .time = world->now};
        }
    }
    facts_sort(world->facts, world->fact_count);
    arena_free(&arena);
}

/* From the beginning of the first line that differs. */
static const char *skip_equal(const char *text, const char *other)
{
    const char *line = text;
    for (size_t at = 0; text[at] && text[at] == other[at]; at++) {
        line = text[at] == '\n' ? text + at + 1 : line;
    }
    return line;
}

static void compare(uint64_t seed, const struct work_key *key, const char *what, const char *first,
                    char *second)
{
    enum { SHOWN = 300 };
    if (strcmp(first, second) != 0) {
        fail_msg("world %llu: %s %s is planned in another way when %s:\n%.*s\n----\n%.*s",
                 (unsigned long long)seed, kind_info(key->kind)->kind, key->name, what, SHOWN,
                 skip_equal(first, second), SHOWN, skip_equal(second, first));
    }
    free(second);
}

static void check_world(uint64_t seed)
{
    static struct world world;
    world_make(&world, seed);
    struct fake_io *fake = fake_io_new();
    const struct plan_settings settings = {.helper_image = "tidemill:test"};
    struct gatherer gatherer = {.cache = fill_cache(&world),
                                .facts = facts_new(fake_io_seam(fake)),
                                .zones = zones_new(fake_io_seam(fake)),
                                .settings = &settings};
    struct cache *caches[] = {fill_cache(&world), fill_cache(&world)};
    struct cache *first = (struct cache *)(uintptr_t)gatherer.cache;
    answer_dry_runs(&world, &gatherer);
    for (size_t at = 0; at < world.key_count; at++) {
        gatherer.cache = first;
        char *plan = plan_key(&world, &gatherer, &world.keys[at], false);
        for (int round = 0; round < SHUFFLES; round++) {
            compare(seed, &world.keys[at], "the lists of its view are in another order", plan,
                    plan_key(&world, &gatherer, &world.keys[at], true));
        }
        for (size_t other = 0; other < COUNT_OF(caches); other++) {
            gatherer.cache = caches[other];
            compare(seed, &world.keys[at], "objects entered the cache in another order", plan,
                    plan_key(&world, &gatherer, &world.keys[at], false));
        }
        free(plan);
    }
    (void)cache_free(first);
    (void)cache_free(caches[0]);
    (void)cache_free(caches[1]);
    (void)facts_free(gatherer.facts);
    (void)zones_free(gatherer.zones);
    (void)fake_io_free(fake);
    world_free(&world);
}

static void a_plan_is_the_same_under_any_order_of_what_it_sees(void **state)
{
    (void)state;
    tally = (struct tally){0};
    for (uint64_t seed = 1; seed <= WORLDS; seed++) {
        check_world(seed);
    }
    static const enum operation_type planned[] = {OPERATION_CREATE, OPERATION_APPLY,
                                                  OPERATION_PATCH,  OPERATION_PATCH_STATUS,
                                                  OPERATION_DELETE, OPERATION_EVENT};
    for (size_t at = 0; at < COUNT_OF(planned); at++) {
        assert_true(tally.operations[planned[at]] > 0);
    }
    static const enum api_kind kinds[] = {KIND_PIPELINE, KIND_PIPELINE_RUN, KIND_MODEL,
                                          KIND_MODEL_VERSION, KIND_TRIGGER};
    for (size_t at = 0; at < COUNT_OF(kinds); at++) {
        assert_true(tally.written[kinds[at]] > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plan_is_the_same_under_any_order_of_what_it_sees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
