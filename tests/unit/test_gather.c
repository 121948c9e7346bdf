#include "support/test.h"

#include "api/codec.h"
#include "api/pipeline.h"
#include "api/pipeline_run.h"
#include "core/text.h"
#include "kube/gather.h"
#include "support/fake_io.h"

#include <stdio.h>
#include <string.h>

/* Caches that a test fills, and what is gathered from them. */
struct fixture {
    struct fake_io *fake;
    struct cache *cache;
    struct facts *facts;
    struct zones *zones;
    struct arena arena;
    struct plan_settings settings;
    int64_t version;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){.fake = fake_io_new(), .cache = cache_new()};
    fixture.facts = facts_new(fake_io_seam(fixture.fake));
    fixture.zones = zones_new(fake_io_seam(fixture.fake));
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    (void)cache_free(fixture->cache);
    (void)facts_free(fixture->facts);
    (void)zones_free(fixture->zones);
    (void)fake_io_free(fixture->fake);
    arena_free(&fixture->arena);
    return 0;
}

/* Its uid is "u-NAMESPACE-NAME"; ' stands for ". */
static void put(struct fixture *fixture, enum api_kind kind, const char *namespace,
                const char *name, const char *meta, const char *rest)
{
    char text[1024];
    int length = snprintf(text, sizeof(text),
                          "{'metadata':{'namespace':'%s','name':'%s','uid':'u-%s-%s',"
                          "'resourceVersion':'%lld'%s},%s}",
                          namespace, name, namespace, name, (long long)++fixture->version, meta,
                          rest);
    assert_in_range(length, 1, sizeof(text) - 1);
    for (char *at = text; *at; at++) {
        *at = *at == '\'' ? '"' : *at;
    }
    struct arena arena = {0};
    struct object *object = NULL;
    struct error error = {0};
    if (!result_is_ok(codec_decode(&arena, kind, text, (size_t)length, &object, &error))) {
        fail_msg("%s", error.message);
    }
    cache_put(fixture->cache, kind, &arena, object);
}

static struct any_view gather(struct fixture *fixture, enum api_kind kind, const char *name)
{
    const struct gatherer gatherer = {.cache = fixture->cache,
                                      .facts = fixture->facts,
                                      .zones = fixture->zones,
                                      .settings = &fixture->settings};
    const struct work_key key = {.kind = kind, .namespace = "n", .name = name};
    struct any_view view = {0};
    assert_true(gather_view(&gatherer, &fixture->arena, &key, 0, &view));
    return view;
}

#define JOB_OF(run)                                                                         \
    ",'ownerReferences':[{'apiVersion':'" API_VERSION "','kind':'PipelineRun','name':'" run \
    "','uid':'u-n-" run "','controller':true}]"

#define RUN_OF_T "'annotations':{'" ANNOTATION_TRIGGER_UID "':'u-n-t'}"

static void what_a_label_ties_to_another_namespace_is_not_seen(void **state)
{
    struct fixture *fixture = *state;
    put(fixture, KIND_TRIGGER, "n", "t", "", "'spec':{'pipelineRef':{'name':'p'}}");
    put(fixture, KIND_PIPELINE_RUN, "n", "ours", "," RUN_OF_T,
        "'spec':{'pipelineRef':{'name':'p'}}");
    put(fixture, KIND_PIPELINE_RUN, "other", "theirs", "," RUN_OF_T,
        "'spec':{'pipelineRef':{'name':'p'}}");
    struct trigger_view trigger = gather(fixture, KIND_TRIGGER, "t").trigger;
    assert_int_equal(trigger.run_count, 1);
    assert_string_equal(trigger.runs[0]->meta.name, "ours");

    put(fixture, KIND_MODEL_VERSION, "n", "v", "", "'spec':{'model':'m'}");
    put(fixture, KIND_POD, "n", "ours", ",'labels':{'" LABEL_VERSION_UID "':'u-n-v'}",
        "'status':{}");
    put(fixture, KIND_POD, "other", "theirs", ",'labels':{'" LABEL_VERSION_UID "':'u-n-v'}",
        "'status':{}");
    struct model_view model = gather(fixture, KIND_MODEL, "m").model;
    assert_int_equal(model.pod_count, 1);
    assert_string_equal(model.pods[0]->meta.name, "ours");
}

/* It may name any revision of the pipeline. */
static void a_pipeline_is_told_that_a_run_can_t_be_read(void **state)
{
    struct fixture *fixture = *state;
    put(fixture, KIND_PIPELINE, "n", "p", "", "'spec':{}");
    assert_false(gather(fixture, KIND_PIPELINE, "p").pipeline.has_unreadable_runs);
    /* Runs are of a pipeline in their own namespace. */
    cache_put_unreadable(fixture->cache, KIND_PIPELINE_RUN, "other", "r", "8", "poison");
    cache_put_unreadable(fixture->cache, KIND_PIPELINE_RUN, "nn", "r", "8", "poison");
    assert_false(gather(fixture, KIND_PIPELINE, "p").pipeline.has_unreadable_runs);
    cache_put_unreadable(fixture->cache, KIND_PIPELINE_RUN, "n", "r", "9", "poison");
    assert_true(gather(fixture, KIND_PIPELINE, "p").pipeline.has_unreadable_runs);
}

static void a_run_is_given_the_revision_that_it_is_pinned_to(void **state)
{
    struct fixture *fixture = *state;
    put(fixture, KIND_PIPELINE, "n", "p", "", "'spec':{},'status':{'revision':'p-2'}");
    put(fixture, KIND_CONTROLLER_REVISION, "n", "p-1", "", "'data':{}");
    put(fixture, KIND_CONTROLLER_REVISION, "n", "p-2", "", "'data':{}");
    put(fixture, KIND_PIPELINE_RUN, "n", "new", "", "'spec':{'pipelineRef':{'name':'p'}}");
    put(fixture, KIND_PIPELINE_RUN, "n", "old", "",
        "'spec':{'pipelineRef':{'name':'p'}},'status':{'revision':'p-1'}");
    assert_string_equal(gather(fixture, KIND_PIPELINE_RUN, "new").run.revision->meta.name, "p-2");
    assert_string_equal(gather(fixture, KIND_PIPELINE_RUN, "old").run.revision->meta.name, "p-1");
}

static void where_places_are_few_a_run_sees_who_has_begun_without_saying_so(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *limit;
        const char *status;
        size_t begun;
    } rows[] = {{"'maxConcurrentRuns':1", "", 1},
                {"'maxConcurrentRuns':1", "'revision':'p-1'", 0},
                {"", "", 0}};
    put(fixture, KIND_PIPELINE, "n", "p", "", "'spec':{},'status':{'revision':'p-1'}");
    put(fixture, KIND_PIPELINE_RUN, "n", "a", "", "'spec':{'pipelineRef':{'name':'p'}}");
    put(fixture, KIND_PIPELINE_RUN, "n", "b", "", "'spec':{'pipelineRef':{'name':'p'}}");
    put(fixture, KIND_PIPELINE_RUN, "n", "c", "",
        "'spec':{'pipelineRef':{'name':'p'}},'status':{'revision':'p-1'}");
    put(fixture, KIND_JOB, "n", "of-b", JOB_OF("b"), "'status':{}");
    put(fixture, KIND_JOB, "n", "of-c", JOB_OF("c"), "'status':{}");
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        char text[128];
        (void)snprintf(text, sizeof(text), "'data':{'spec':{%s}}", rows[at].limit);
        put(fixture, KIND_CONTROLLER_REVISION, "n", "p-1", "", text);
        (void)snprintf(text, sizeof(text), "'spec':{'pipelineRef':{'name':'p'}},'status':{%s}",
                       rows[at].status);
        put(fixture, KIND_PIPELINE_RUN, "n", "r", "", text);
        struct run_view view = gather(fixture, KIND_PIPELINE_RUN, "r").run;
        assert_int_equal(view.begun_count, rows[at].begun);
        if (view.begun_count > 0) {
            assert_string_equal(view.begun[0]->meta.name, "b");
        }
    }
}

/* Only runs of a pipeline with few places compete, and only before they have one. */
static void only_runs_that_wait_for_one_of_few_places_ask_about_admissions(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *limit;
        const char *status;
        const char *admission;
    } rows[] = {
        {"'maxConcurrentRuns':1", "", "n/p"},
        {"'maxConcurrentRuns':1", "'revision':'p-1'", NULL},
        {"", "", NULL},
    };
    const struct gatherer gatherer = {.cache = fixture->cache, .facts = fixture->facts};
    const struct work_key key = {.kind = KIND_PIPELINE_RUN, .namespace = "n", .name = "r"};
    put(fixture, KIND_PIPELINE, "n", "p", "", "'spec':{},'status':{'revision':'p-1'}");
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        char text[128];
        (void)snprintf(text, sizeof(text), "'data':{'spec':{%s}}", rows[at].limit);
        put(fixture, KIND_CONTROLLER_REVISION, "n", "p-1", "", text);
        (void)snprintf(text, sizeof(text), "'spec':{'pipelineRef':{'name':'p'}},'status':{%s}",
                       rows[at].status);
        put(fixture, KIND_PIPELINE_RUN, "n", "r", "", text);
        const char *admission = gather_admission(&gatherer, &fixture->arena, &key);
        assert_true(text_equal(admission, rows[at].admission));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_a_label_ties_to_another_namespace_is_not_seen, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_pipeline_is_told_that_a_run_can_t_be_read, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_run_is_given_the_revision_that_it_is_pinned_to, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            where_places_are_few_a_run_sees_who_has_begun_without_saying_so, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            only_runs_that_wait_for_one_of_few_places_ask_about_admissions, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
