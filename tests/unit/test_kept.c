#include "support/test.h"

#include "api/codec.h"
#include "api/kept.h"
#include "api/pipeline_run.h"
#include "api/schema.h"
#include "api/workload.h"
#include "cache/cache.h"
#include "core/memory.h"
#include "core/prng.h"
#include "core/text.h"
#include "support/random_object.h"

#include <string.h>

static void a_copy_in_one_block_is_the_same_object(void **state)
{
    (void)state;
    enum { ROUNDS = 600 };
    struct prng prng;
    prng_seed(&prng, 7);
    for (int round = 0; round < ROUNDS; round++) {
        enum api_kind kind = (enum api_kind)(round % KIND_COUNT);
        const struct schema *schema = schema_of(kind);
        struct arena arena = {0};
        struct object *object = arena_allocate(&arena, 1, schema->size);
        random_fill(&arena, &prng, schema, round % 3 == 0 ? 100 : 60, object);
        size_t size = kept_size(kind, object);
        void *block = memory_allocate(1, size); /* exactly: the sanitizer sees a byte too many */
        struct object *copy = kept_copy(kind, object, block);
        const char *before = codec_encode_stored(&arena, kind, object);
        assert_true(struct_equal(schema, object, copy, 0));
        assert_string_equal(codec_encode_stored(&arena, kind, copy), before);
        arena_free(&arena); /* it borrows nothing */
        assert_non_null(copy->meta.name);
        memory_free(block);
    }
}

/* struct_equal() walks the tables in a way of its own. */
static void objects_that_differ_by_their_version_say_the_same(void **state)
{
    (void)state;
    enum { ROUNDS = 600 };
    struct prng prng;
    prng_seed(&prng, 11);
    size_t same = 0;
    for (int round = 0; round < ROUNDS; round++) {
        enum api_kind kind = (enum api_kind)(round % KIND_COUNT);
        const struct schema *schema = schema_of(kind);
        struct arena arena = {0};
        struct object *a = arena_allocate(&arena, 1, schema->size);
        struct object *b = arena_allocate(&arena, 1, schema->size);
        struct prng twin = prng;
        int percent = round % 3 == 0 ? 3 : 60; /* of members that are there */
        random_fill(&arena, &prng, schema, percent, a);
        random_fill(&arena, round % 2 == 0 ? &twin : &prng, schema, percent, b);
        a->meta.resource_version = "1";
        b->meta.resource_version = "1";
        bool expected = struct_equal(schema, a, b, 0);
        b->meta.resource_version = "2";
        assert_int_equal(kept_says_the_same(kind, a, b), expected);
        same += expected;
        b->meta.unreadable = "spec: no";
        assert_false(kept_says_the_same(kind, a, b));
        arena_free(&arena);
    }
    assert_in_range(same, ROUNDS / 2, ROUNDS - ROUNDS / 4);
}

/* ---- What is over, in the cache ---- */

/* ' stands for ". In `arena`. */
static struct object *decode(struct arena *arena, enum api_kind kind, const char *json)
{
    struct error error = {0};
    struct object *object = NULL;
    char *text = memory_copy_text(json);
    for (char *at = text; *at; at++) {
        *at = *at == '\'' ? '"' : *at;
    }
    if (!result_is_ok(codec_decode(arena, kind, text, strlen(text), &object, &error))) {
        fail_msg("%s", error.message);
    }
    memory_free(text);
    return object;
}

static void put(struct cache *cache, enum api_kind kind, const char *json)
{
    struct arena arena = {0};
    struct object *object = decode(&arena, kind, json);
    cache_put(cache, kind, &arena, object);
}

/* A list of this one object; the bytes that it took before it became the store. */
static size_t list(struct cache *cache, enum api_kind kind, const char *json)
{
    struct arena arena = {0};
    struct object *object = decode(&arena, kind, json);
    struct cache_batch *batch = cache_batch_new(cache, kind);
    cache_batch_put(batch, &arena, object);
    size_t bytes = cache_batch_bytes(batch);
    cache_replace(batch, "9");
    return bytes;
}

#define RUN(version, phase)                                                                   \
    "{'metadata':{'name':'r','namespace':'n','uid':'u-r','resourceVersion':'" version "',"    \
    "'annotations':{'tidemill.dev/trigger-uid':'u-t','other':'x'}},"                          \
    "'spec':{'pipelineRef':{'name':'p'},'params':[{'name':'a','value':'1'}]},"                \
    "'status':{'phase':'" phase "','revision':'p-1','completionTime':'2026-01-01T00:00:00Z'," \
    "'observedGeneration':2,'steps':[{'name':'s','phase':'Succeeded'}]}}"
#define JOB(version)                                                                            \
    "{'metadata':{'name':'r-s','namespace':'n','uid':'u-j','resourceVersion':'" version "',"    \
    "'ownerReferences':[{'apiVersion':'tidemill.dev/v1alpha1','kind':'PipelineRun','name':'r'," \
    "'uid':'u-r','controller':true}]},'status':{'succeeded':1,"                                 \
    "'conditions':[{'type':'Complete','status':'True'}]}}"
#define POD(version)                                                                           \
    "{'metadata':{'name':'r-s-x','namespace':'n','uid':'u-p','resourceVersion':'" version "'," \
    "'ownerReferences':[{'apiVersion':'batch/v1','kind':'Job','name':'r-s','uid':'u-j',"       \
    "'controller':true}]},'status':{'phase':'Succeeded','containerStatuses':[{'name':'step',"  \
    "'state':{'terminated':{'exitCode':0,'message':'{}'}}}]}}"

static const struct pipeline_run *run_of(const struct cache *cache)
{
    return (const struct pipeline_run *)cache_get(cache, KIND_PIPELINE_RUN, "n", "r");
}

static const struct pod *pod_of(const struct cache *cache)
{
    return (const struct pod *)cache_get(cache, KIND_POD, "n", "r-s-x");
}

static void expect_reduced(const struct cache *cache)
{
    const struct pipeline_run *run = run_of(cache);
    assert_string_equal(run->status.phase, "Succeeded");
    assert_string_equal(run->status.revision, "p-1");
    assert_string_equal(run->spec.pipeline_ref.name, "p");
    assert_true(run->status.completion_time != TIME_ABSENT);
    assert_int_equal(run->status.observed_generation, 2);
    assert_int_equal(run->status.step_count, 0);
    assert_int_equal(cache_find(cache, INDEX_RUN_BY_TRIGGER_UID, "u-t").count, 1);
    assert_int_equal(cache_find(cache, INDEX_JOB_BY_OWNER_UID, "u-r").count, 1);
    assert_null(pod_of(cache)->status.phase);
    assert_string_equal(pod_of(cache)->meta.uid, "u-p");
}

static void a_run_that_ends_is_reduced_with_what_belongs_to_it(void **state)
{
    (void)state;
    struct cache *cache = cache_new();
    put(cache, KIND_PIPELINE_RUN, RUN("1", "Running"));
    put(cache, KIND_JOB, JOB("2"));
    put(cache, KIND_POD, POD("3"));
    assert_int_equal(run_of(cache)->status.step_count, 1);
    assert_string_equal(pod_of(cache)->status.phase, "Succeeded"); /* it still has to be read */
    put(cache, KIND_PIPELINE_RUN, RUN("4", "Succeeded"));
    expect_reduced(cache);
    put(cache, KIND_POD, POD("5")); /* its finalizer went */
    expect_reduced(cache);
    (void)cache_free(cache);
}

static void of_a_pod_s_conditions_those_are_kept_that_are_read(void **state)
{
    (void)state;
    static const char pod[] =
        "{'metadata':{'name':'x'},'status':{'conditions':["
        "{'type':'Initialized','status':'True'},{'type':'PodScheduled','status':'True'},"
        "{'type':'PodScheduled','status':'False','message':'no node'},"
        "{'type':'Ready','status':'False'},{'type':'DisruptionTarget','status':'True'}]}}";
    struct arena arena = {0};
    struct pod *read = (struct pod *)decode(&arena, KIND_POD, pod);
    kept_trim(KIND_POD, (struct object *)read);
    assert_int_equal(read->status.condition_count, 2);
    assert_string_equal(read->status.conditions[0].message, "no node");
    assert_string_equal(read->status.conditions[1].type, "DisruptionTarget");
    arena_free(&arena);
}

/* As the kubelet goes on; what the step left is read when the pod has ended. */
static void of_a_step_s_pod_that_goes_on_only_what_holds_it_up_is_kept(void **state)
{
    (void)state;
    static const struct {
        const char *sentence;
        const char *status;
        size_t containers, init_containers;
        bool has_phase;
    } rows[] = {
        {"it waits for its turn",
         "'phase':'Pending','initContainerStatuses':[{'name':'prepare','state':{'running':{}}}],"
         "'containerStatuses':[{'name':'step','state':{'waiting':{'reason':'PodInitializing'}}}]",
         0, 0, false},
        {"it can't pull",
         "'phase':'Pending','initContainerStatuses':[{'name':'prepare','state':{'waiting':{"
         "'reason':'ErrImagePull'}}}],'containerStatuses':[{'name':'step','state':{'waiting':{"
         "'reason':'PodInitializing'}}},{'name':'x','state':{'waiting':{'reason':'Odd'}}}]",
         1, 1, false},
        {"it runs",
         "'phase':'Running','containerStatuses':[{'name':'step','state':{'running':{'startedAt':"
         "'2026-01-01T00:00:00Z'}}}]",
         0, 0, false},
        {"it has ended",
         "'phase':'Failed','initContainerStatuses':[{'name':'prepare','state':{'terminated':{"
         "'exitCode':0}}}],'containerStatuses':[{'name':'step','state':{'terminated':{"
         "'exitCode':1}}}]",
         1, 1, true},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        print_message("%s\n", rows[at].sentence);
        struct arena arena = {0};
        const char *json = arena_print(
            &arena,
            "{'metadata':{'name':'x','ownerReferences':[{'kind':'Job','controller':true}]},"
            "'status':{%s}}",
            rows[at].status);
        struct pod *pod = (struct pod *)decode(&arena, KIND_POD, json);
        kept_trim(KIND_POD, (struct object *)pod);
        assert_int_equal(pod->status.container_count, rows[at].containers);
        assert_int_equal(pod->status.init_container_count, rows[at].init_containers);
        assert_int_equal(pod->status.phase != NULL, rows[at].has_phase);
        arena_free(&arena);
    }
    struct arena arena = {0};
    static const char serving[] =
        "{'metadata':{'name':'x','ownerReferences':[{'kind':'ReplicaSet','controller':true}]},"
        "'status':{'phase':'Running','containerStatuses':[{'name':'server','state':{'running':{}}}"
        "]}}";
    struct pod *pod = (struct pod *)decode(&arena, KIND_POD, serving);
    kept_trim(KIND_POD, (struct object *)pod);
    assert_int_equal(pod->status.container_count, 1);
    assert_string_equal(pod->status.phase, "Running");
    arena_free(&arena);
}

static void note_change(void *context, enum api_kind kind, enum cache_event event,
                        const struct object *before, const struct object *after)
{
    (void)kind;
    (void)event;
    (void)before;
    (void)after;
    ++*(size_t *)context;
}

/* Of a Job's four events and a pod's five: what the Job controller counts, and a finalizer. */
static void what_changes_nothing_that_is_kept_wakes_nobody(void **state)
{
    (void)state;
    struct cache *cache = cache_new();
    size_t changes = 0;
    cache_set_listener(cache,
                       &(struct cache_listener){.on_change = note_change, .context = &changes});
    put(cache, KIND_PIPELINE_RUN, RUN("1", "Running"));
    put(cache, KIND_JOB, JOB("2"));
    put(cache, KIND_POD, POD("3"));
    assert_int_equal(changes, 3);
    put(cache, KIND_JOB, JOB("4"));
    put(cache, KIND_POD, POD("5"));
    assert_int_equal(changes, 3);
    put(cache, KIND_PIPELINE_RUN, RUN("6", "Succeeded"));
    assert_int_equal(changes, 4);
    put(cache, KIND_JOB, JOB("7")); /* reduced by now */
    put(cache, KIND_POD, POD("8"));
    assert_int_equal(changes, 4);
    assert_string_equal(pod_of(cache)->meta.resource_version, "8");
    expect_reduced(cache);
    (void)cache_free(cache);
}

#define RETRAIN(version, phase)                                                             \
    "{'metadata':{'name':'r','namespace':'n','uid':'u-r','resourceVersion':'" version "'}," \
    "'status':{'phase':'" phase "','conditions':[{'type':'Ready','status':'True','reason':" \
    "'Succeeded','message':'m'},{'type':'RetrainNeeded','status':'True','reason':"          \
    "'RetrainNeeded','message':'step a: result psi is 0.3, allowed at most 0.2'}]}}"

static void runs_jobs_and_pods_are_reduced_and_nothing_else(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < KIND_COUNT; kind++) {
        bool expected = kind == KIND_PIPELINE_RUN || kind == KIND_JOB || kind == KIND_POD;
        assert_int_equal(kept_is_reducible((enum api_kind)kind), expected);
    }
}

static void that_a_run_asked_for_retraining_stays_known(void **state)
{
    (void)state;
    struct cache *cache = cache_new();
    put(cache, KIND_PIPELINE_RUN, RETRAIN("1", "Running"));
    assert_int_equal(run_of(cache)->status.conditions.count, 2);
    put(cache, KIND_PIPELINE_RUN, RETRAIN("2", "Succeeded"));
    assert_int_equal(run_of(cache)->status.conditions.count, 1);
    assert_string_equal(pipeline_run_retrain_message(run_of(cache)),
                        "step a: result psi is 0.3, allowed at most 0.2");
    (void)cache_free(cache);
}

/* Both are read of a run that is over: by the next in the chain, and by its Trigger. */
static void how_long_its_chain_is_and_whose_it_is_stay_known_of_a_run(void **state)
{
    (void)state;
    struct cache *cache = cache_new();
    put(cache, KIND_PIPELINE_RUN,
        "{'metadata':{'name':'r','namespace':'n','uid':'u-r','resourceVersion':'1','annotations':{"
        "'other':'x','tidemill.dev/trigger-uid':'u-t','tidemill.dev/chain':'3'}},"
        "'status':{'phase':'Succeeded'}}");
    const struct meta *meta = &run_of(cache)->meta;
    assert_int_equal(meta->annotations.count, 2);
    assert_string_equal(text_map_get(&meta->annotations, ANNOTATION_TRIGGER_UID), "u-t");
    assert_int_equal(meta_chain(meta), 3);
    (void)cache_free(cache);
}

static void kinds_may_come_in_any_order(void **state)
{
    (void)state;
    static const enum api_kind orders[][3] = {
        {KIND_PIPELINE_RUN, KIND_JOB, KIND_POD}, {KIND_PIPELINE_RUN, KIND_POD, KIND_JOB},
        {KIND_JOB, KIND_PIPELINE_RUN, KIND_POD}, {KIND_JOB, KIND_POD, KIND_PIPELINE_RUN},
        {KIND_POD, KIND_PIPELINE_RUN, KIND_JOB}, {KIND_POD, KIND_JOB, KIND_PIPELINE_RUN},
    };
    for (size_t order = 0; order < COUNT_OF(orders); order++) {
        struct cache *cache = cache_new();
        for (size_t at = 0; at < COUNT_OF(orders[order]); at++) {
            enum api_kind kind = orders[order][at];
            put(cache, kind,
                kind == KIND_PIPELINE_RUN ? RUN("4", "Succeeded")
                : kind == KIND_JOB        ? JOB("2")
                                          : POD("3"));
        }
        expect_reduced(cache);
        (void)cache_free(cache);
    }
}

static void a_first_list_in_the_order_of_owners_takes_no_more_than_is_kept(void **state)
{
    (void)state;
    static const struct {
        enum api_kind kind;
        const char *json;
    } lists[] = {
        {KIND_PIPELINE_RUN, RUN("4", "Succeeded")}, {KIND_JOB, JOB("2")}, {KIND_POD, POD("3")}};
    struct cache *cache = cache_new();
    for (size_t at = 0; at < COUNT_OF(lists); at++) {
        size_t taken = list(cache, lists[at].kind, lists[at].json);
        assert_int_equal(taken, cache_numbers(cache, lists[at].kind).bytes);
    }
    expect_reduced(cache);
    (void)cache_free(cache);
}

/* A restored etcd: by the cache's own word the run is over, by the next list it is not. */
static void a_later_list_of_jobs_and_pods_is_judged_when_it_is_whole(void **state)
{
    (void)state;
    struct cache *cache = cache_new();
    (void)list(cache, KIND_PIPELINE_RUN, RUN("4", "Succeeded"));
    (void)list(cache, KIND_JOB, JOB("2"));
    (void)list(cache, KIND_POD, POD("3"));
    struct arena arena = {0};
    struct object *pod = decode(&arena, KIND_POD, POD("3"));
    struct cache_batch *batch = cache_batch_new(cache, KIND_POD);
    cache_batch_put(batch, &arena, pod);
    (void)list(cache, KIND_PIPELINE_RUN, RUN("1", "Running"));
    cache_replace(batch, "9");
    assert_string_equal(pod_of(cache)->status.phase, "Succeeded"); /* it still has to be read */
    (void)cache_free(cache);
}

/* The design's promise: history costs a few words. Of issue and bench: 2 KiB, Job and Pod included.
 */
static void a_finished_run_costs_less_than_2_kib(void **state)
{
    (void)state;
    enum { LIMIT = 2048 };
    struct cache *cache = cache_new();
    put(cache, KIND_PIPELINE_RUN, RUN("4", "Succeeded"));
    put(cache, KIND_JOB, JOB("2"));
    put(cache, KIND_POD, POD("3"));
    size_t bytes = cache_numbers(cache, KIND_PIPELINE_RUN).bytes +
                   cache_numbers(cache, KIND_JOB).bytes + cache_numbers(cache, KIND_POD).bytes;
    print_message("a finished run of one step: %zu bytes\n", bytes);
    assert_in_range(bytes, 1, LIMIT);
    (void)cache_free(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_in_one_block_is_the_same_object),
        cmocka_unit_test(objects_that_differ_by_their_version_say_the_same),
        cmocka_unit_test(of_a_pod_s_conditions_those_are_kept_that_are_read),
        cmocka_unit_test(of_a_step_s_pod_that_goes_on_only_what_holds_it_up_is_kept),
        cmocka_unit_test(what_changes_nothing_that_is_kept_wakes_nobody),
        cmocka_unit_test(a_run_that_ends_is_reduced_with_what_belongs_to_it),
        cmocka_unit_test(runs_jobs_and_pods_are_reduced_and_nothing_else),
        cmocka_unit_test(that_a_run_asked_for_retraining_stays_known),
        cmocka_unit_test(how_long_its_chain_is_and_whose_it_is_stay_known_of_a_run),
        cmocka_unit_test(kinds_may_come_in_any_order),
        cmocka_unit_test(a_first_list_in_the_order_of_owners_takes_no_more_than_is_kept),
        cmocka_unit_test(a_later_list_of_jobs_and_pods_is_judged_when_it_is_whole),
        cmocka_unit_test(a_finished_run_costs_less_than_2_kib),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
