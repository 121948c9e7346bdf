#include "support/test.h"

#include "api/codec.h"
#include "cache/cache.h"
#include "kube/routes.h"

#include <stdio.h>
#include <string.h>

/* A cache, and the keys that its last change concerned, as text: "Pipeline/p PipelineRun/a ". */
struct world {
    struct cache *cache;
    char keys[4096];
    int64_t version;
};

/* What may wait has a "~" before it. */
static void hear_key(void *context, const struct work_key *key, enum route_urgency urgency)
{
    struct world *world = context;
    size_t used = strlen(world->keys);
    (void)snprintf(world->keys + used, sizeof(world->keys) - used, "%s%s/%s ",
                   urgency == ROUTE_SOON ? "~" : "", kind_info(key->kind)->kind, key->name);
}

static void hear_change(void *context, enum api_kind kind, enum cache_event event,
                        const struct object *before, const struct object *after)
{
    struct world *world = context;
    routes_follow(world->cache, kind, event, before, after, hear_key, world);
}

static int set_up(void **state)
{
    struct world *world = test_calloc(1, sizeof(*world));
    world->cache = cache_new();
    world->version = 1;
    cache_set_listener(world->cache,
                       &(struct cache_listener){.on_change = hear_change, .context = world});
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    (void)cache_free(world->cache);
    test_free(world);
    return 0;
}

/*
 * `meta` goes into the metadata and `rest` follows it; ' stands for ". The answer is whom the
 * change concerned.
 */
static const char *put_tied(struct world *world, enum api_kind kind, const char *name, int created,
                            const char *meta, const char *rest)
{
    char text[1024];
    long long version = ++world->version; /* each says something else */
    int length = snprintf(text, sizeof(text),
                          "{'metadata':{'namespace':'n','name':'%s','uid':'u-%s',"
                          "'resourceVersion':'%lld','generation':%lld,"
                          "'creationTimestamp':'2026-01-01T00:00:%02dZ'%s},%s}",
                          name, name, version, version, created, meta, rest);
    assert_in_range(length, 1, sizeof(text) - 1);
    for (char *at = text; *at; at++) {
        *at = *at == '\'' ? '"' : *at;
    }
    struct arena arena = {0};
    struct object *object = NULL;
    struct error error;
    struct result result = codec_decode(&arena, kind, text, (size_t)length, &object, &error);
    assert_true(result_is_ok(result));
    world->keys[0] = '\0';
    cache_put(world->cache, kind, &arena, object);
    return world->keys;
}

static const char *put(struct world *world, enum api_kind kind, const char *name, int created,
                       const char *rest)
{
    return put_tied(world, kind, name, created, "", rest);
}

static const char *put_run(struct world *world, const char *name, int created, const char *spec,
                           const char *status)
{
    char rest[512];
    (void)snprintf(rest, sizeof(rest),
                   "'spec':{'pipelineRef':{'name':'p'}%s},'status':{'observedGeneration':%lld%s%s}",
                   spec, (long long)world->version + 1, *status ? "," : "", status);
    return put(world, KIND_PIPELINE_RUN, name, created, rest);
}

static const char started[] = "'revision':'p-1','phase':'Running'";
static const char ended[] = "'revision':'p-1','phase':'Succeeded'";

static void put_queue(struct world *world, const char *pipeline)
{
    (void)put(world, KIND_PIPELINE, "p", 0, pipeline);
    (void)put_run(world, "a", 1, "", started);
    (void)put_run(world, "d", 2, "", "");
    (void)put_run(world, "c", 3, "", "");
    (void)put_run(world, "b", 3, "", "");
}

static void the_end_of_a_run_wakes_the_next_in_turn_alone(void **state)
{
    struct world *world = *state;
    put_queue(world, "'spec':{'maxConcurrentRuns':1}");
    assert_string_equal(put_run(world, "a", 1, "", ended), "~Pipeline/p PipelineRun/d ");
}

static void a_start_passes_the_turn_on_so_that_every_free_place_is_taken(void **state)
{
    struct world *world = *state;
    put_queue(world, "'spec':{'maxConcurrentRuns':2}");
    assert_string_equal(put_run(world, "d", 2, "", started), "PipelineRun/d PipelineRun/b ");
    assert_string_equal(put_run(world, "b", 3, "", started), "PipelineRun/b PipelineRun/c ");
    assert_string_equal(put_run(world, "c", 3, "", started), "PipelineRun/c ");
}

static void who_is_suspended_cancelled_or_deleted_gives_way(void **state)
{
    struct world *world = *state;
    put_queue(world, "'spec':{'maxConcurrentRuns':1}");
    assert_string_equal(put_run(world, "d", 2, ",'suspend':true", ""),
                        "PipelineRun/d PipelineRun/b ");
    assert_string_equal(put_run(world, "b", 3, ",'cancel':true", ""),
                        "PipelineRun/b PipelineRun/c ");
    assert_string_equal(put_run(world, "d", 2, "", ""), "PipelineRun/d ");
    world->keys[0] = '\0';
    cache_remove(world->cache, KIND_PIPELINE_RUN, "n", "d", "100");
    assert_string_equal(world->keys, "PipelineRun/d ~Pipeline/p PipelineRun/c ");
}

static void without_a_limit_a_run_s_end_concerns_no_other_run(void **state)
{
    struct world *world = *state;
    put_queue(world, "'spec':{}");
    assert_string_equal(put_run(world, "a", 1, "", ended), "~Pipeline/p ");
    assert_string_equal(put_run(world, "d", 2, "", started), "PipelineRun/d ");
}

static void a_changed_pipeline_concerns_all_its_runs_that_have_not_ended(void **state)
{
    struct world *world = *state;
    put_queue(world, "'spec':{'maxConcurrentRuns':1}");
    (void)put_run(world, "a", 1, "", ended);
    assert_string_equal(put(world, KIND_PIPELINE, "p", 0, "'spec':{'maxConcurrentRuns':9}"),
                        "Pipeline/p PipelineRun/b PipelineRun/c PipelineRun/d ");
}

static void the_end_of_a_run_that_a_trigger_started_concerns_the_trigger(void **state)
{
    struct world *world = *state;
    const char *cause = ",'cause':{'kind':'Trigger','name':'t'}";
    assert_string_equal(put_run(world, "a", 1, cause, ""), "PipelineRun/a Trigger/t ");
    assert_string_equal(put_run(world, "a", 1, cause, started), "PipelineRun/a ");
    assert_string_equal(put_run(world, "a", 1, cause, ended), "~Pipeline/p Trigger/t ");
}

static void a_trigger_that_lets_a_run_go_concerns_the_pipeline_s_history(void **state)
{
    struct world *world = *state;
    const char *spec = "'spec':{'pipelineRef':{'name':'p'}},'status':{'lastRunRef':{'name':'r1'}}";
    assert_string_equal(put(world, KIND_TRIGGER, "t", 1, spec), "Trigger/t ");
    assert_string_equal(put(world, KIND_TRIGGER, "t", 1, spec), "Trigger/t ");
    assert_string_equal(put(world, KIND_TRIGGER, "t", 1,
                            "'spec':{'pipelineRef':{'name':'p'}},'status':{'lastRunRef':{'name':"
                            "'r2'}}"),
                        "Trigger/t Pipeline/p ");
    world->keys[0] = '\0';
    cache_remove(world->cache, KIND_TRIGGER, "n", "t", "100");
    assert_string_equal(world->keys, "Trigger/t Pipeline/p ");
}

#define OWNED_BY(kind, name)                                                                    \
    ",'ownerReferences':[{'apiVersion':'v1','kind':'" kind "','name':'" name "','uid':'u-" name \
    "','controller':true}]"
#define OF_MODEL_M ",'labels':{'" LABEL_MODEL "':'m'}"

/* Seen once, then changed, then deleted: each time whoever has it in view looks again. */
static const struct {
    const char *sentence;
    enum api_kind kind;
    const char *meta;
    const char *rest;
    const char *concerned;
} ties[] = {
    {"a run's Job", KIND_JOB, OWNED_BY("PipelineRun", "a"), "'status':{}", "PipelineRun/a "},
    {"a Job of nobody", KIND_JOB, "", "'status':{}", ""},
    {"a pod of a run's Job", KIND_POD, OWNED_BY("Job", "j"), "'status':{}", "PipelineRun/a "},
    {"a pod that serves", KIND_POD, OWNED_BY("ReplicaSet", "s") OF_MODEL_M, "'status':{}",
     "Model/m "},
    {"a Deployment", KIND_DEPLOYMENT, OF_MODEL_M, "'status':{}", "Model/m "},
    {"a Service", KIND_SERVICE, OF_MODEL_M, "'spec':{}", "Model/m "},
    {"a version", KIND_MODEL_VERSION, "", "'spec':{'model':'m'}", "Model/m "},
    {"a Model", KIND_MODEL, "", "'spec':{}", "Model/tied "},
    {"a claim", KIND_CLAIM, "", "'spec':{}", ""},
    {"a pipeline's revision", KIND_CONTROLLER_REVISION, OWNED_BY("Pipeline", "p"), "'data':{}",
     "Pipeline/p PipelineRun/a "},
};

static void whoever_has_an_object_in_view_looks_again_when_it_changes(void **state)
{
    struct world *world = *state;
    (void)put(world, KIND_PIPELINE, "p", 0, "'spec':{}");
    (void)put_run(world, "a", 1, "", started);
    (void)put_tied(world, KIND_JOB, "j", 1, OWNED_BY("PipelineRun", "a"), "'status':{}");
    for (size_t at = 0; at < COUNT_OF(ties); at++) {
        print_message("%s\n", ties[at].sentence);
        for (int time = 0; time < 2; time++) {
            assert_string_equal(
                put_tied(world, ties[at].kind, "tied", 2, ties[at].meta, ties[at].rest),
                ties[at].concerned);
        }
        world->keys[0] = '\0';
        cache_remove(world->cache, ties[at].kind, "n", "tied", "999");
        assert_string_equal(world->keys, ties[at].concerned);
    }
}

static void what_belongs_to_a_run_that_has_ended_concerns_nobody(void **state)
{
    struct world *world = *state;
    (void)put_run(world, "r", 1, "", started);
    assert_string_equal(
        put_tied(world, KIND_JOB, "j", 2, OWNED_BY("PipelineRun", "r"), "'spec':{}"),
        "PipelineRun/r ");
    assert_string_equal(put_tied(world, KIND_POD, "x", 3, OWNED_BY("Job", "j"), "'spec':{}"),
                        "PipelineRun/r ");
    (void)put_run(world, "r", 1, "", ended);
    assert_string_equal(
        put_tied(world, KIND_JOB, "j", 2, OWNED_BY("PipelineRun", "r"), "'spec':{}"), "");
    assert_string_equal(put_tied(world, KIND_POD, "x", 3, OWNED_BY("Job", "j"), "'spec':{}"), "");
}

static void a_run_that_was_changed_after_its_end_is_looked_at_once_more(void **state)
{
    struct world *world = *state;
    static const char unseen[] = "'spec':{'pipelineRef':{'name':'p'},'cancel':true},"
                                 "'status':{'observedGeneration':1,'phase':'Succeeded'}";
    (void)put_run(world, "r", 1, "", ended);
    assert_string_equal(put(world, KIND_PIPELINE_RUN, "r", 1, unseen), "PipelineRun/r ");
    assert_string_equal(put_run(world, "r", 1, ",'cancel':true", ended), "");
}

static void a_claim_concerns_the_pipelines_that_name_it(void **state)
{
    struct world *world = *state;
    (void)put(world, KIND_PIPELINE, "p", 0,
              "'spec':{'artifacts':{'volumeClaim':{'claimName':'c'}}}");
    (void)put(world, KIND_PIPELINE, "q", 0, "'spec':{}");
    assert_string_equal(put(world, KIND_CLAIM, "c", 1, "'spec':{}"), "Pipeline/p ");
    assert_string_equal(put(world, KIND_CLAIM, "d", 1, "'spec':{}"), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_end_of_a_run_wakes_the_next_in_turn_alone, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            a_start_passes_the_turn_on_so_that_every_free_place_is_taken, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_is_suspended_cancelled_or_deleted_gives_way, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(without_a_limit_a_run_s_end_concerns_no_other_run, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            a_changed_pipeline_concerns_all_its_runs_that_have_not_ended, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            the_end_of_a_run_that_a_trigger_started_concerns_the_trigger, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_trigger_that_lets_a_run_go_concerns_the_pipeline_s_history, set_up, tear_down),
        cmocka_unit_test_setup_teardown(whoever_has_an_object_in_view_looks_again_when_it_changes,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_belongs_to_a_run_that_has_ended_concerns_nobody,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_run_that_was_changed_after_its_end_is_looked_at_once_more,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_claim_concerns_the_pipelines_that_name_it, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
