/*
 * Objects of ours whose spec can't be read (conformance X3), from the watch's bytes to the plan:
 * api/codec_stream, cache, kube/routes, kube/gather, plan/unreadable.
 */

#include "api/pipeline_run.h"
#include "cache/cache.h"
#include "core/memory.h"
#include "core/text.h"
#include "kube/facts.h"
#include "kube/gather.h"
#include "kube/routes.h"
#include "kube/zones.h"
#include "support/fake_io.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

#define WOKEN_SIZE 512

struct fixture {
    struct fake_io *fake;
    struct cache *cache;
    struct facts *facts;
    struct zones *zones;
    struct plan_settings settings;
    struct arena arena;
    char woken[WOKEN_SIZE]; /* "Kind/name " of each key, in order */
};

static void note_key(void *context, const struct work_key *key, enum route_urgency urgency)
{
    struct fixture *fixture = context;
    size_t size = strlen(fixture->woken);
    (void)urgency;
    (void)snprintf(fixture->woken + size, sizeof(fixture->woken) - size, "%s/%s ",
                   kind_info(key->kind)->kind, key->name);
}

static void follow(void *context, enum api_kind kind, enum cache_event event,
                   const struct object *before, const struct object *after)
{
    struct fixture *fixture = context;
    routes_follow(fixture->cache, kind, event, before, after, note_key, fixture);
}

static int set_up(void **state)
{
    struct fixture *fixture = memory_allocate(1, sizeof(*fixture));
    fixture->fake = fake_io_new();
    fixture->cache = cache_new();
    fixture->facts = facts_new(fake_io_seam(fixture->fake));
    fixture->zones = zones_new(fake_io_seam(fixture->fake));
    cache_set_listener(fixture->cache,
                       &(struct cache_listener){.on_change = follow, .context = fixture});
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    (void)zones_free(fixture->zones);
    (void)facts_free(fixture->facts);
    (void)cache_free(fixture->cache);
    (void)fake_io_free(fixture->fake);
    arena_free(&fixture->arena);
    (void)memory_free(fixture);
    return 0;
}

/* Its uid is "u-NAME"; ' stands for ". What it says of the object goes into the cache. */
static void put(struct fixture *fixture, enum api_kind kind, const char *name, int version,
                const char *rest)
{
    char line[2048];
    int length = snprintf(line, sizeof(line),
                          "{'type':'MODIFIED','object':{'metadata':{'namespace':'n','name':'%s',"
                          "'uid':'u-%s','generation':2,'resourceVersion':'%d'},%s}}",
                          name, name, version, rest);
    assert_in_range(length, 1, sizeof(line) - 1);
    for (char *at = line; *at; at++) {
        *at = *at == '\'' ? '"' : *at;
    }
    struct arena arena = {0};
    struct error error = {0};
    struct watch_event event;
    assert_true(
        result_is_ok(codec_decode_event(&arena, kind, line, (size_t)length, &event, &error)));
    assert_non_null(event.object);
    fixture->woken[0] = '\0';
    cache_put(fixture->cache, kind, &arena, event.object);
}

static bool gather(struct fixture *fixture, enum api_kind kind, const char *name,
                   struct any_view *view)
{
    const struct gatherer gatherer = {.cache = fixture->cache,
                                      .facts = fixture->facts,
                                      .zones = fixture->zones,
                                      .settings = &fixture->settings};
    const struct work_key key = {.kind = kind, .namespace = "n", .name = name};
    return gather_view(&gatherer, &fixture->arena, &key, 1000, view);
}

/* A line for each operation, and the body of the first. */
static const char *plan_of(struct fixture *fixture, enum api_kind kind, const char *name)
{
    const struct work_key key = {.kind = kind, .namespace = "n", .name = name};
    struct any_view view;
    struct plan plan;
    assert_true(gather(fixture, kind, name, &view));
    plan_init(&plan, &fixture->arena);
    gather_plan(&key, &view, &plan);
    const char *body = plan.count > 0 ? plan.operations[0].body : "";
    return arena_print(&fixture->arena, "%s%s", plan_describe(&fixture->arena, &plan), body);
}

static void expect_all(const char *text, const char *const *parts, size_t count)
{
    for (size_t at = 0; at < count; at++) {
        if (!strstr(text, parts[at])) {
            fail_msg("no %s in:\n%s", parts[at], text);
        }
    }
}

#define NOT_YET "'status':{'observedGeneration':-1}"

/* A pod template nested a level deeper than is read. */
static const char *deep_template(void)
{
    enum { LEVELS = 65 };
    static char text[256];
    size_t size = 0;
    for (int level = 0; level < LEVELS; level++) {
        text[size++] = '[';
    }
    for (int level = 0; level < LEVELS; level++) {
        text[size++] = ']';
    }
    text[size] = '\0';
    return text;
}

struct row {
    enum api_kind kind;
    const char *spec;
    const char *says;
};

static void each_kind_says_that_its_spec_can_t_be_read(void **state)
{
    struct fixture *fixture = *state;
    char deep_pipeline[1024];
    char deep_serving[1024];
    (void)snprintf(deep_pipeline, sizeof(deep_pipeline), "'spec':{'podDefaults':%s}",
                   deep_template());
    (void)snprintf(deep_serving, sizeof(deep_serving),
                   "'spec':{'model':'m','serving':{'podTemplate':%s}}", deep_template());
    const struct row rows[] = {
        {KIND_PIPELINE, deep_pipeline, "spec.podDefaults: nested deeper than 64 levels"},
        {KIND_PIPELINE_RUN, "'spec':{'params':{}}", "spec.params: expected an array"},
        {KIND_MODEL, deep_serving, "spec.serving.podTemplate: nested deeper than 64 levels"},
        {KIND_MODEL_VERSION, deep_serving,
         "spec.serving.podTemplate: nested deeper than 64 levels"},
        {KIND_TRIGGER, "'spec':7", "spec: expected an object"},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        char rest[2048];
        (void)snprintf(rest, sizeof(rest), "%s," NOT_YET, rows[at].spec);
        put(fixture, rows[at].kind, "x", 5, rest);
        assert_non_null(strstr(fixture->woken, kind_info(rows[at].kind)->kind));
        const char *const parts[] = {"patch-status",
                                     "SpecUnreadable",
                                     "event",
                                     rows[at].says,
                                     "until the spec is corrected",
                                     "/status/observedGeneration",
                                     "\"Stalled\""};
        expect_all(plan_of(fixture, rows[at].kind, "x"), parts, COUNT_OF(parts));
    }
}

/* One status says all that is known; an event is for what is new to people. */
static void an_event_tells_that_it_became_so_and_not_of_each_fault(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *sentence;
        const char *reason; /* of Ready before */
        bool event;
    } rows[] = {{"it was read before", "Accepted", true},
                {"it could not be read before either", "SpecUnreadable", false}};
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        char rest[512];
        (void)snprintf(rest, sizeof(rest),
                       "'spec':7,'status':{'observedGeneration':1,'conditions':[{'type':'Ready',"
                       "'status':'False','reason':'%s','message':'another one'}]}",
                       rows[at].reason);
        put(fixture, KIND_TRIGGER, "t", 5 + (int)at, rest);
        const char *plan = plan_of(fixture, KIND_TRIGGER, "t");
        if (!strstr(plan, "patch-status") || rows[at].event != (strstr(plan, "event") != NULL)) {
            fail_msg("%s: %s", rows[at].sentence, plan);
        }
        assert_int_equal(rows[at].event, strstr(plan, "event warning") != NULL);
    }
}

static void it_is_said_once(void **state)
{
    struct fixture *fixture = *state;
#define SAID                                                                                       \
    "{'type':'%s','status':'%s','observedGeneration':2,'reason':'SpecUnreadable',"                 \
    "'lastTransitionTime':'1970-01-01T00:00:00Z','message':'spec: expected an object, got an "     \
    "integer; until the spec is corrected nothing is done for it, and what was made for it stays " \
    "as it is'}"
    char ready[512];
    char stalled[512];
    char rest[2048];
    (void)snprintf(ready, sizeof(ready), SAID, "Ready", "False");
    (void)snprintf(stalled, sizeof(stalled), SAID, "Stalled", "True");
    (void)snprintf(rest, sizeof(rest),
                   "'spec':7,'status':{'observedGeneration':2,'conditions':[%s,%s]}", ready,
                   stalled);
    put(fixture, KIND_TRIGGER, "t", 5, rest);
    assert_string_equal(plan_of(fixture, KIND_TRIGGER, "t"), "");
}

static void a_run_that_has_ended_and_what_is_on_its_way_out_are_left_alone(void **state)
{
    struct fixture *fixture = *state;
    put(fixture, KIND_PIPELINE_RUN, "r", 5, "'spec':7,'status':{'phase':'Failed'}");
    assert_string_equal(plan_of(fixture, KIND_PIPELINE_RUN, "r"), "");
    struct arena arena = {0};
    struct object *object = NULL;
    const char *text = "{\"metadata\":{\"name\":\"p\",\"namespace\":\"n\",\"deletionTimestamp\":"
                       "\"2026-01-01T00:00:00Z\"}}";
    assert_true(
        result_is_ok(codec_decode(&arena, KIND_PIPELINE, text, strlen(text), &object, NULL)));
    object->meta.unreadable = "spec: bad";
    cache_put(fixture->cache, KIND_PIPELINE, &arena, object);
    assert_string_equal(plan_of(fixture, KIND_PIPELINE, "p"), "");
}

static void a_status_that_can_t_be_read_is_poison_as_before(void **state)
{
    (void)state;
    CLEANUP(arena_free) struct arena arena = {0};
    struct watch_event event;
    struct error error = {0};
    const char *line = "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"x\"},\"spec\":7,"
                       "\"status\":7}}";
    assert_true(
        result_is_ok(codec_decode_event(&arena, KIND_MODEL, line, strlen(line), &event, &error)));
    assert_null(event.object);
    assert_non_null(event.poison);
}

static void nobody_else_s_object_is_taken_in_part(void **state)
{
    (void)state;
    CLEANUP(arena_free) struct arena arena = {0};
    struct watch_event event;
    struct error error = {0};
    const char *line = "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"x\"},\"spec\":7}}";
    assert_true(
        result_is_ok(codec_decode_event(&arena, KIND_JOB, line, strlen(line), &event, &error)));
    assert_null(event.object);
}

/* Versions of a Model that can't be read would be planned as if they served on their own. */
static void a_model_that_can_t_be_read_moves_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct any_view view;
    put(fixture, KIND_MODEL, "m", 5, "'spec':7,'status':{'champion':'m-1'}");
    put(fixture, KIND_MODEL_VERSION, "m-1", 6, "'spec':{'model':'m'}");
    assert_true(gather(fixture, KIND_MODEL, "m", &view));
    assert_true(view.is_unreadable);
}

static void a_model_whose_champion_can_t_be_read_moves_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct any_view view;
    put(fixture, KIND_MODEL, "m", 5, "'spec':{},'status':{'champion':'m-1','previous':'m-0'}");
    put(fixture, KIND_MODEL_VERSION, "m-0", 6, "'spec':{'model':'m'}");
    put(fixture, KIND_MODEL_VERSION, "m-1", 7, "'spec':{'model':'m'}");
    assert_true(gather(fixture, KIND_MODEL, "m", &view));
    put(fixture, KIND_MODEL_VERSION, "m-1", 8, "'spec':7");
    assert_string_equal(fixture->woken, "Model/m ModelVersion/m-1 ");
    assert_false(gather(fixture, KIND_MODEL, "m", &view));
    put(fixture, KIND_MODEL_VERSION, "m-1", 9, "'spec':{'model':'m'}");
    assert_string_equal(fixture->woken, "Model/m ");
    assert_true(gather(fixture, KIND_MODEL, "m", &view));
    assert_false(gather(fixture, KIND_MODEL_VERSION, "m-1", &view));
}

/* Revisions that it may name stay, and go when it has gone or can be read. */
static void a_run_that_can_t_be_read_holds_revisions_back(void **state)
{
    struct fixture *fixture = *state;
    struct any_view view;
    put(fixture, KIND_PIPELINE, "p", 5, "'spec':{}");
    put(fixture, KIND_PIPELINE, "q", 6, "'spec':{}");
    put(fixture, KIND_PIPELINE_RUN, "r", 7, "'spec':7");
    assert_true(gather(fixture, KIND_PIPELINE, "p", &view));
    assert_true(view.pipeline.has_unreadable_runs);
    put(fixture, KIND_PIPELINE_RUN, "r", 8, "'spec':{'pipelineRef':{'name':'p'}}");
    assert_non_null(strstr(fixture->woken, "Pipeline/p "));
    assert_non_null(strstr(fixture->woken, "Pipeline/q "));
    assert_true(gather(fixture, KIND_PIPELINE, "p", &view));
    assert_false(view.pipeline.has_unreadable_runs);
    put(fixture, KIND_PIPELINE_RUN, "r", 9, "'spec':7,'status':{'phase':'Succeeded'}");
    assert_true(gather(fixture, KIND_PIPELINE, "p", &view));
    assert_true(view.pipeline.has_unreadable_runs);
    fixture->woken[0] = '\0';
    cache_remove(fixture->cache, KIND_PIPELINE_RUN, "n", "r", "10");
    assert_non_null(strstr(fixture->woken, "Pipeline/q "));
    assert_true(gather(fixture, KIND_PIPELINE, "p", &view));
    assert_false(view.pipeline.has_unreadable_runs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_kind_says_that_its_spec_can_t_be_read, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_event_tells_that_it_became_so_and_not_of_each_fault,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_is_said_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_run_that_has_ended_and_what_is_on_its_way_out_are_left_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_status_that_can_t_be_read_is_poison_as_before, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(nobody_else_s_object_is_taken_in_part, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_model_that_can_t_be_read_moves_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_model_whose_champion_can_t_be_read_moves_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_run_that_can_t_be_read_holds_revisions_back, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
