/* Triggers on what becomes of objects of the cluster (plan/trigger_source.c). */

#include "support/test.h"

#include "api/trigger.h"
#include "core/civil.h"
#include "core/text.h"
#include "plan/reasons.h"
#include "support/trigger_world.h"

#include <string.h>

/* ---- runs of another pipeline ---- */

#define OTHER "'pipeline':{'name':'data','events':['Succeeded']}"

static void put_end(struct world *world, const char *name, const char *phase, int64_t time)
{
    char text[CIVIL_TEXT_SIZE];
    civil_format(time, text);
    (void)world_put(world, KIND_PIPELINE_RUN,
                    "{'metadata':{'name':'%s'},'spec':{'pipelineRef':{'name':'data'}},"
                    "'status':{'phase':'%s','completionTime':'%s'}}",
                    name, phase, text);
}

static void each_end_of_the_other_pipeline_starts_one_run(void **state)
{
    (void)state;
    struct world world;
    trigger_world_init(&world, OTHER);
    put_end(&world, "before", "Succeeded", START - 1);
    (void)trigger_settle(&world);
    assert_int_equal(trigger_firings(&world), 0);
    trigger_expect_ready(&world, "True Watching: runs of Pipeline data that have ended");
    put_end(&world, "failed", "Failed", START + 10);
    (void)trigger_settle(&world);
    assert_int_equal(trigger_firings(&world), 0);
    put_end(&world, "one", "Succeeded", START + 20);
    (void)trigger_settle(&world);
    assert_int_equal(trigger_firings(&world), 1);
    put_end(&world, "two", "Succeeded", START + 20);
    (void)trigger_settle(&world);
    assert_int_equal(trigger_firings(&world), 2);
    const char *run = world_text(&world, KIND_TRIGGER, "t", "status/lastRunRef/name");
    assert_string_equal(world_text(&world, KIND_PIPELINE_RUN, run, "spec/cause/message"),
                        "run two of Pipeline data: Succeeded");
    world_free(&world);
}

static void a_pipeline_without_events_is_one_that_succeeds(void **state)
{
    (void)state;
    struct world world;
    trigger_world_init(&world, "'pipeline':{'name':'data'}");
    put_end(&world, "failed", "Failed", START + 10);
    (void)trigger_settle(&world);
    assert_int_equal(trigger_firings(&world), 0);
    put_end(&world, "one", "Succeeded", START + 20);
    (void)trigger_settle(&world);
    assert_int_equal(trigger_firings(&world), 1);
    world_free(&world);
}

/* Clocks of two leaders differ by a little: it is new, though it ended "before". */
static void an_end_that_comes_late_by_a_skewed_clock_is_new(void **state)
{
    (void)state;
    struct world world;
    trigger_world_init(&world, OTHER);
    put_end(&world, "a", "Succeeded", START + 10);
    (void)trigger_settle(&world);
    put_end(&world, "b", "Succeeded", START + 100);
    (void)trigger_settle(&world);
    put_end(&world, "late", "Succeeded", START + 99);
    (void)trigger_settle(&world);
    assert_int_equal(trigger_firings(&world), 3);
    (void)trigger_settle(&world);
    assert_int_equal(trigger_firings(&world), 3);
    world_free(&world);
}

static void several_ends_at_once_start_one_run_that_says_so(void **state)
{
    (void)state;
    struct world world;
    trigger_world_init(&world, OTHER);
    put_end(&world, "a", "Succeeded", START + 10);
    put_end(&world, "b", "Succeeded", START + 11);
    (void)trigger_settle(&world);
    assert_int_equal(trigger_firings(&world), 1);
    const char *run = world_text(&world, KIND_TRIGGER, "t", "status/lastRunRef/name");
    assert_string_equal(world_text(&world, KIND_PIPELINE_RUN, run, "spec/cause/message"),
                        "2 runs of Pipeline data, the newest b: Succeeded");
    world_free(&world);
}

/* Runs come by name: here the newest is first, so the older ones find no place any more. */
static void of_very_many_ends_at_once_the_newest_are_told(void **state)
{
    (void)state;
    enum { ENDS = 20 };
    struct world world;
    trigger_world_init(&world, OTHER);
    for (int at = 0; at < ENDS; at++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "end-%02d", at);
        put_end(&world, name, "Succeeded", START + ENDS - at);
    }
    (void)trigger_settle(&world);
    assert_int_equal(trigger_firings(&world), 1);
    const char *run = world_text(&world, KIND_TRIGGER, "t", "status/lastRunRef/name");
    assert_string_equal(world_text(&world, KIND_PIPELINE_RUN, run, "spec/cause/message"),
                        "16 runs of Pipeline data, the newest end-00: Succeeded");
    world_free(&world);
}

/* History, or a user, takes any of them away: what is left is not new. */
static void runs_that_are_deleted_make_no_old_one_new(void **state)
{
    (void)state;
    enum { ENDS = 24 };
    for (int taken = 0; taken < ENDS; taken++) {
        struct world world;
        trigger_world_init(&world, OTHER);
        for (int at = 0; at < ENDS; at++) {
            char name[16];
            (void)snprintf(name, sizeof(name), "end-%02d", at);
            put_end(&world, name, "Succeeded", START + at);
        }
        (void)trigger_settle(&world);
        assert_int_equal(trigger_firings(&world), 1);
        for (int at = 0; at < ENDS; at++) {
            char name[16];
            (void)snprintf(name, sizeof(name), "end-%02d", (at + taken) % ENDS);
            world_remove(&world, KIND_PIPELINE_RUN, name);
            (void)trigger_settle(&world);
            assert_int_equal(trigger_firings(&world), 1);
        }
        put_end(&world, "new", "Succeeded", START + ENDS);
        (void)trigger_settle(&world);
        assert_int_equal(trigger_firings(&world), 2);
        world_free(&world);
    }
}

static void a_loop_of_pipelines_ends(void **state)
{
    (void)state;
    struct world world;
    trigger_world_init(&world, "'pipeline':{'name':'churn'}");
    (void)world_put(&world, KIND_PIPELINE_RUN,
                    "{'metadata':{'name':'first'},'spec':{'pipelineRef':{'name':'churn'}},"
                    "'status':{'phase':'Succeeded','completionTime':'1970-01-12T13:46:41Z'}}");
    for (int round = 0; round < 40; round++) {
        world.now += MINUTE;
        (void)trigger_settle(&world);
        char now[CIVIL_TEXT_SIZE];
        civil_format(world.now, now);
        for (size_t at = 0; at < world.count; at++) {
            json_t *status = json_object_get(world.objects[at].tree, "status");
            if (world.objects[at].kind == KIND_PIPELINE_RUN &&
                !json_object_get(status, "completionTime")) {
                json_object_set_new(status, "phase", json_string("Succeeded"));
                json_object_set_new(status, "completionTime", json_string(now));
            }
        }
    }
    assert_int_equal(trigger_firings(&world), 16);
    trigger_expect_ready(&world, "False ChainTooLong: run ");
    assert_non_null(strstr(world_condition(&world, KIND_TRIGGER, "t", "Stalled"), "True"));
    char now[CIVIL_TEXT_SIZE];
    civil_format(world.now + 1, now);
    (void)world_put(&world, KIND_PIPELINE_RUN,
                    "{'metadata':{'name':'by-hand'},'spec':{'pipelineRef':{'name':'churn'}},"
                    "'status':{'phase':'Succeeded','completionTime':'%s'}}",
                    now);
    (void)trigger_settle(&world);
    assert_int_equal(trigger_firings(&world), 17);
    world_free(&world);
}

/* ---- what becomes of a model ---- */

/* The whole list, as its planner writes it: "1 Promoted m-1 0, ...". */
static void put_events(struct world *world, const char *items)
{
    world_merge(world, KIND_MODEL, "m", "{'status':{'champion':'m-1','recent':[%s]}}", items);
    (void)trigger_settle(world);
}

#define EVENT(number, event, version, time)                                          \
    "{'number':" number ",'event':'" event "','version':'" version "','time':'" time \
    "','message':'it did'}"
#define BEFORE "1970-01-12T13:46:00Z"
#define AFTER  "1970-01-12T13:47:00Z"

static void each_change_of_a_model_that_is_asked_for_starts_one_run(void **state)
{
    (void)state;
    struct world world;
    trigger_world_init(&world, "'model':{'name':'m','events':['Promoted','RolledBack']},"
                               "'params':[{'name':'v','from':'version'}]");
    (void)trigger_settle(&world);
    trigger_expect_ready(&world, "False SourceAbsent: spec.model.name: there is no Model \"m\"");
    (void)world_put(&world, KIND_MODEL, "{'metadata':{'name':'m'},'spec':{}}");
    (void)trigger_settle(&world);
    trigger_expect_ready(&world, "True Watching: Model m has no champion yet");
    put_events(&world, EVENT("1", "Promoted", "m-1", BEFORE));
    assert_int_equal(trigger_firings(&world), 0);
    trigger_expect_ready(&world, "True Watching: version m-1 of Model m serves");
    put_events(&world, EVENT("1", "Promoted", "m-1", BEFORE) "," //
               EVENT("2", "Promoted", "m-2", AFTER));
    assert_int_equal(trigger_firings(&world), 1);
    put_events(&world, EVENT("2", "Promoted", "m-2", AFTER) "," //
               EVENT("3", "Degraded", "m-2", AFTER));
    assert_int_equal(trigger_firings(&world), 1);
    put_events(&world, EVENT("3", "Degraded", "m-2", AFTER) "," //
               EVENT("4", "RolledBack", "m-1", AFTER));
    assert_int_equal(trigger_firings(&world), 2);
    const char *run = world_text(&world, KIND_TRIGGER, "t", "status/lastRunRef/name");
    assert_string_equal(world_text(&world, KIND_PIPELINE_RUN, run, "spec/cause/message"),
                        "Model m: RolledBack: it did");
    assert_string_equal(world_text(&world, KIND_PIPELINE_RUN, run, "spec/params/0/value"), "m-1");
    world_free(&world);
}

static void a_model_without_events_is_one_that_is_promoted(void **state)
{
    (void)state;
    struct world world;
    trigger_world_init(&world, "'model':{'name':'m'}");
    (void)world_put(&world, KIND_MODEL, "{'metadata':{'name':'m'},'spec':{}}");
    put_events(&world, EVENT("1", "Degraded", "m-1", AFTER));
    assert_int_equal(trigger_firings(&world), 0);
    put_events(&world, EVENT("1", "Degraded", "m-1", AFTER) "," //
               EVENT("2", "Promoted", "m-2", AFTER));
    assert_int_equal(trigger_firings(&world), 1);
    world_free(&world);
}

static void changes_of_a_model_at_once_start_one_run_that_says_so(void **state)
{
    (void)state;
    struct world world;
    trigger_world_init(&world, "'model':{'name':'m'}");
    (void)world_put(&world, KIND_MODEL, "{'metadata':{'name':'m'},'spec':{}}");
    put_events(&world, EVENT("7", "Promoted", "m-1", AFTER) "," //
               EVENT("8", "Promoted", "m-2", AFTER));
    assert_int_equal(trigger_firings(&world), 1);
    const char *run = world_text(&world, KIND_TRIGGER, "t", "status/lastRunRef/name");
    assert_string_equal(world_text(&world, KIND_PIPELINE_RUN, run, "spec/cause/message"),
                        "2 changes of Model m, the newest Promoted: it did");
    put_events(&world, EVENT("8", "Promoted", "m-2", AFTER) "," //
               EVENT("9", "Promoted", "m-3", AFTER));
    run = world_text(&world, KIND_TRIGGER, "t", "status/lastRunRef/name");
    assert_string_equal(world_text(&world, KIND_PIPELINE_RUN, run, "spec/cause/message"),
                        "Model m: Promoted: it did");
    world_free(&world);
}

/*
 * Numbers begin anew with another Model of the name, and with a status that somebody emptied; and
 * what the Trigger knows of them may be no number any more.
 */
static void numbers_that_begin_anew_hide_no_change(void **state)
{
    (void)state;
    struct world world;
    trigger_world_init(&world, "'model':{'name':'m'}");
    (void)world_put(&world, KIND_MODEL, "{'metadata':{'name':'m'},'spec':{}}");
    put_events(&world, EVENT("5", "Promoted", "m-1", AFTER));
    assert_int_equal(trigger_firings(&world), 1);
    put_events(&world, EVENT("1", "Promoted", "m-2", AFTER));
    assert_int_equal(trigger_firings(&world), 2);
    world_remove(&world, KIND_MODEL, "m");
    (void)world_put(&world, KIND_MODEL, "{'metadata':{'name':'m','uid':'another'},'spec':{}}");
    put_events(&world, EVENT("1", "Promoted", "m-3", AFTER));
    assert_int_equal(trigger_firings(&world), 3);
    (void)trigger_settle(&world);
    assert_int_equal(trigger_firings(&world), 3);
    const char *known = world_text(&world, KIND_TRIGGER, "t", "status/observedRevision");
    world_merge(&world, KIND_TRIGGER, "t", "{'status':{'observedRevision':'%sst'}}", known);
    (void)trigger_settle(&world);
    assert_int_equal(trigger_firings(&world), 4);
    world_free(&world);
}

static void a_loop_through_a_model_ends(void **state)
{
    (void)state;
    struct world world;
    trigger_world_init(&world, "'model':{'name':'m'}");
    (void)world_put(&world, KIND_MODEL, "{'metadata':{'name':'m'},'spec':{}}");
    put_events(&world, "{'number':1,'event':'Promoted','time':'" AFTER "','chain':15}");
    assert_int_equal(trigger_firings(&world), 1);
    const char *run = world_text(&world, KIND_TRIGGER, "t", "status/lastRunRef/name");
    assert_string_equal(
        world_text(&world, KIND_PIPELINE_RUN, run, "metadata/annotations/tidemill.dev~1chain"),
        "16");
    put_events(&world, "{'number':2,'event':'Promoted','time':'" AFTER "','chain':16}");
    assert_int_equal(trigger_firings(&world), 1);
    trigger_expect_ready(&world, "False ChainTooLong: Model m: Promoted");
    assert_string_equal(trigger_recent(&world), "Fired ChainTooLong ");
    put_events(&world, "{'number':3,'event':'Promoted','time':'" AFTER "'}");
    assert_int_equal(trigger_firings(&world), 2);
    world_free(&world);
}

/* ---- a run whose check asks for retraining ---- */

static void put_retrain(struct world *world, const char *name, const char *phase, int64_t time)
{
    put_end(world, name, phase, time);
    world_merge(world, KIND_PIPELINE_RUN, name,
                "{'status':{'conditions':[{'type':'RetrainNeeded','status':'True',"
                "'reason':'RetrainNeeded','message':'step drift: result psi is 0.3, allowed at "
                "most 0.2'}]}}");
}

static void a_run_that_asks_for_retraining_starts_one_in_whatever_phase_it_ends(void **state)
{
    (void)state;
    static const char *const phases[] = {"Succeeded", "Failed", "Cancelled"};
    for (size_t at = 0; at < COUNT_OF(phases); at++) {
        struct world world;
        trigger_world_init(&world, "'pipeline':{'name':'data','events':['RetrainNeeded']},"
                                   "'params':[{'name':'why','from':'retrain'}]");
        put_end(&world, "calm", phases[at], START + 1);
        world_merge(&world, KIND_PIPELINE_RUN, "calm",
                    "{'status':{'conditions':[{'type':'RetrainNeeded','status':'False'}]}}");
        (void)trigger_settle(&world);
        assert_int_equal(trigger_firings(&world), 0);
        put_retrain(&world, "drifted", phases[at], START + 2);
        (void)trigger_settle(&world);
        (void)trigger_settle(&world);
        assert_int_equal(trigger_firings(&world), 1);
        const char *run = world_text(&world, KIND_TRIGGER, "t", "status/lastRunRef/name");
        assert_string_equal(
            world_text(&world, KIND_PIPELINE_RUN, run, "spec/cause/message"),
            arena_print(&world.arena,
                        "run drifted of Pipeline data: %s, and retraining is needed: step drift: "
                        "result psi is 0.3, allowed at most 0.2",
                        phases[at]));
        assert_string_equal(world_text(&world, KIND_PIPELINE_RUN, run, "spec/params/0/value"),
                            "step drift: result psi is 0.3, allowed at most 0.2");
        world_free(&world);
    }
}

static void a_chain_that_is_too_long_at_its_first_look_is_told(void **state)
{
    (void)state;
    struct world world;
    trigger_world_init(&world, "'model':{'name':'m'}");
    (void)world_put(&world, KIND_MODEL, "{'metadata':{'name':'m'},'spec':{}}");
    put_events(&world, "{'number':1,'event':'Promoted','time':'" AFTER "','chain':16}");
    assert_int_equal(trigger_firings(&world), 0);
    trigger_expect_ready(&world, "False ChainTooLong: Model m: Promoted");
    assert_string_equal(trigger_recent(&world), "ChainTooLong ");
    world_free(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_end_of_the_other_pipeline_starts_one_run),
        cmocka_unit_test(a_pipeline_without_events_is_one_that_succeeds),
        cmocka_unit_test(an_end_that_comes_late_by_a_skewed_clock_is_new),
        cmocka_unit_test(several_ends_at_once_start_one_run_that_says_so),
        cmocka_unit_test(of_very_many_ends_at_once_the_newest_are_told),
        cmocka_unit_test(runs_that_are_deleted_make_no_old_one_new),
        cmocka_unit_test(a_loop_of_pipelines_ends),
        cmocka_unit_test(each_change_of_a_model_that_is_asked_for_starts_one_run),
        cmocka_unit_test(a_model_without_events_is_one_that_is_promoted),
        cmocka_unit_test(changes_of_a_model_at_once_start_one_run_that_says_so),
        cmocka_unit_test(numbers_that_begin_anew_hide_no_change),
        cmocka_unit_test(a_loop_through_a_model_ends),
        cmocka_unit_test(a_run_that_asks_for_retraining_starts_one_in_whatever_phase_it_ends),
        cmocka_unit_test(a_chain_that_is_too_long_at_its_first_look_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
