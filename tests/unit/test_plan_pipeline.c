#include "support/test.h"

#include "core/text.h"
#include "plan/reasons.h"
#include "support/golden.h"
#include "support/plan_world.h"

#include <string.h>

enum { GRACE_SECONDS = 600 };

static const int64_t noon = 1795435200; /* 2026-11-23T12:00:00Z */

static const char one_step[] = "'steps':[{'name':'train','image':'i'}]";
static const char with_claim[] = "'artifacts':{'volumeClaim':{'claimName':'c'}},'steps':[{'name':"
                                 "'train','image':'i','outputs':{'artifacts':[{'name':'m'}]}}]";

static void set_up(struct world *world, const char *spec)
{
    world_init(world, noon);
    (void)world_put(world, KIND_PIPELINE,
                    "{'metadata':{'name':'churn'},'spec':{'history':{'succeeded':2,'failed':1},"
                    "%s}}",
                    spec);
}

static const char *step(struct world *world)
{
    return world_settle_pipeline(world, "churn");
}

static const char *ready(struct world *world)
{
    return world_condition(world, KIND_PIPELINE, "churn", "Ready");
}

static void put_run(struct world *world, const char *name, const char *phase, const char *more)
{
    (void)world_put(world, KIND_PIPELINE_RUN,
                    "{'metadata':{'name':'%s','ownerReferences':[{'apiVersion':'v','kind':"
                    "'Pipeline','name':'churn','uid':'uid-churn','controller':true}]},'spec':"
                    "{'pipelineRef':{'name':'churn'}},'status':{'phase':'%s','completionTime':"
                    "'2026-11-23T12:00:%02dZ'%s}}",
                    name, phase, (int)world_count(world, KIND_PIPELINE_RUN), more);
}

/* Names of the runs that are there, in the order of their making. */
static const char *runs(struct world *world)
{
    const char *list = "";
    for (size_t at = 0; at < world->count; at++) {
        if (world->objects[at].kind == KIND_PIPELINE_RUN) {
            list = arena_print(&world->arena, "%s%s%s", list, list[0] ? " " : "",
                               json_string_value(json_object_get(
                                   json_object_get(world->objects[at].tree, "metadata"), "name")));
        }
    }
    return list;
}

static void a_spec_is_pinned_judged_then_accepted_and_then_nothing_is_written(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, one_step);
    struct plan plan = world_plan_pipeline(&world, "churn");
    golden_check("pipeline/1-first-look", golden_describe_plan(&world.arena, &plan, true));
    (void)world_carry_out(&world, &plan, WORLD_NO_FAULT, 0);
    plan = world_plan_pipeline(&world, "churn");
    golden_check("pipeline/1-judged", golden_describe_plan(&world.arena, &plan, true));
    (void)world_carry_out(&world, &plan, WORLD_NO_FAULT, 0);
    plan = world_plan_pipeline(&world, "churn");
    golden_check("pipeline/2-rest", golden_describe_plan(&world.arena, &plan, true));
    world_merge(&world, KIND_PIPELINE, "churn", "{'spec':{'timeout':'1h'}}");
    assert_string_equal(step(&world), "create ControllerRevision, dry-run Job, status Pipeline");
    world_free(&world);
}

static void an_edit_that_is_taken_back_uses_the_old_revision_again(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, one_step);
    (void)step(&world);
    const char *first = arena_copy_text(
        &world.arena, world_text(&world, KIND_PIPELINE, "churn", "status/revision"));
    world_merge(&world, KIND_PIPELINE, "churn", "{'spec':{'timeout':'1h'}}");
    (void)step(&world);
    assert_string_not_equal(world_text(&world, KIND_PIPELINE, "churn", "status/revision"), first);
    world_merge(&world, KIND_PIPELINE, "churn", "{'spec':{'timeout':null}}");
    assert_string_equal(step(&world), "status Pipeline");
    assert_string_equal(world_text(&world, KIND_PIPELINE, "churn", "status/revision"), first);
    world_free(&world);
}

static void a_crash_between_revision_and_status_makes_no_second_one(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, one_step);
    struct plan plan = world_plan_pipeline(&world, "churn");
    (void)world_carry_out(&world, &plan, WORLD_CRASH_AFTER, 0);
    assert_string_equal(step(&world), "dry-run Job, status Pipeline");
    assert_int_equal(world_count(&world, KIND_CONTROLLER_REVISION), 1);
    world_free(&world);
}

static void a_fault_stalls_it_until_the_spec_is_corrected(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, "'steps':[{'name':'a','image':'i','runAfter':['b']}]");
    struct plan plan = world_plan_pipeline(&world, "churn");
    assert_string_equal(plan_outline(&world, &plan), "status Pipeline");
    assert_true(plan_find(&plan, OPERATION_EVENT, KIND_PIPELINE, 0)->warning);
    (void)world_carry_out(&world, &plan, WORLD_NO_FAULT, 0);
    assert_string_equal(ready(&world), "False UnknownStep: spec.steps[0].runAfter[0] of step "
                                       "\"a\": there is no step \"b\"");
    assert_string_equal(world_condition(&world, KIND_PIPELINE, "churn", "Stalled"),
                        "True UnknownStep: new runs wait until the spec is corrected");
    assert_string_equal(step(&world), "");
    world_merge(&world, KIND_PIPELINE, "churn", "{'spec':{%s}}", one_step);
    (void)step(&world);
    assert_true(text_starts_with(ready(&world), "True Accepted: 1 step; runs that start now use"));
    assert_string_equal(world_condition(&world, KIND_PIPELINE, "churn", "Stalled"), "");
    world_free(&world);
}

static void a_claim_must_be_there_and_be_of_use(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, with_claim);
    (void)step(&world);
    assert_string_equal(ready(&world),
                        "False ClaimMissing: spec.artifacts.volumeClaim.claimName: there is no "
                        "PersistentVolumeClaim \"c\" in this namespace; runs wait until it is "
                        "created");
    assert_string_equal(world_condition(&world, KIND_PIPELINE, "churn", "Stalled"), "");
    (void)world_put(&world, KIND_CLAIM,
                    "{'metadata':{'name':'c'},'spec':{'accessModes':['ReadWriteOncePod']}}");
    (void)step(&world);
    assert_string_equal(ready(&world),
                        "False ClaimUnsuitable: spec.artifacts.volumeClaim.claimName: "
                        "PersistentVolumeClaim \"c\" has access mode ReadWriteOncePod, but a step "
                        "and its reader need it in turns with others; use ReadWriteOnce or "
                        "ReadWriteMany");
    world_merge(&world, KIND_CLAIM, "c", "{'spec':{'accessModes':['ReadWriteOnce']}}");
    (void)step(&world);
    assert_true(text_starts_with(ready(&world), "True Accepted"));
    world_free(&world);
}

static void a_refused_revision_is_a_condition_and_is_tried_again(void **state)
{
    (void)state;
    static const struct {
        enum error_kind error;
        const char *message;
        const char *reason;
    } rows[] = {
        {ERROR_DENIED, "exceeded quota: small", REASON_QUOTA_EXCEEDED},
        {ERROR_DENIED, "a webhook says no", REASON_WRITE_REFUSED},
        {ERROR_EXISTS, "it is controlled by nobody", REASON_NAME_TAKEN},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct world world;
        set_up(&world, one_step);
        struct plan plan = world_plan_pipeline(&world, "churn");
        const char *name = plan_find(&plan, OPERATION_CREATE, KIND_CONTROLLER_REVISION, 0)->name;
        world_add_fact(&world, OPERATION_CREATE, KIND_CONTROLLER_REVISION, name, rows[at].error,
                       rows[at].message);
        plan = world_plan_pipeline(&world, "churn");
        (void)world_carry_out(&world, &plan, WORLD_REFUSED, 0);
        assert_string_equal(ready(&world),
                            arena_print(&world.arena,
                                        "False %s: ControllerRevision %s, which pins the spec, "
                                        "can't be created: %s; it is tried again, and new runs "
                                        "wait for it",
                                        rows[at].reason, name, rows[at].message));
        world_forget_facts(&world);
        (void)step(&world);
        assert_true(text_starts_with(ready(&world), "True Accepted"));
        world_free(&world);
    }
}

static void history_keeps_the_newest_of_each_end(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, one_step);
    (void)step(&world);
    put_run(&world, "s1", "Succeeded", "");
    put_run(&world, "f1", "Failed", "");
    put_run(&world, "s2", "Succeeded", "");
    put_run(&world, "c1", "Cancelled", "");
    put_run(&world, "s3", "Succeeded", "");
    put_run(&world, "live", "Running", "");
    struct plan plan = world_plan_pipeline(&world, "churn");
    golden_check("pipeline/3-history", golden_describe_plan(&world.arena, &plan, true));
    (void)world_carry_out(&world, &plan, WORLD_NO_FAULT, 0);
    assert_string_equal(runs(&world), "s2 c1 s3 live");
    assert_string_equal(step(&world), "");
    world_free(&world);
}

static void one_run_that_changed_meanwhile_does_not_keep_the_others(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, one_step);
    (void)step(&world);
    for (int at = 0; at < 5; at++) {
        put_run(&world, arena_print(&world.arena, "s%d", at), "Succeeded", "");
    }
    struct plan plan = world_plan_pipeline(&world, "churn");
    world_merge(&world, KIND_PIPELINE_RUN, "s2", "{'metadata':{'labels':{'keep':'me'}}}");
    (void)world_carry_out(&world, &plan, WORLD_NO_FAULT, 0);
    assert_string_equal(runs(&world), "s2 s3 s4");
    world_free(&world);
}

/* A finalizer of somebody holds it. */
static void a_run_that_is_being_deleted_is_not_deleted_again(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, one_step);
    (void)step(&world);
    for (int at = 0; at < 3; at++) {
        put_run(&world, arena_print(&world.arena, "s%d", at), "Succeeded", "");
    }
    world_merge(&world, KIND_PIPELINE_RUN, "s0",
                "{'metadata':{'deletionTimestamp':'2026-11-23T12:00:00Z'}}");
    assert_string_equal(step(&world), "");
    assert_string_equal(runs(&world), "s0 s1 s2");
    world_free(&world);
}

static void what_somebody_applied_is_theirs(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, one_step);
    (void)step(&world);
    for (int at = 0; at < 4; at++) {
        (void)world_put(&world, KIND_PIPELINE_RUN,
                        "{'metadata':{'name':'by-hand-%d'},'spec':{'pipelineRef':{'name':'churn'}},"
                        "'status':{'phase':'Succeeded'}}",
                        at);
        (void)world_put(&world, KIND_PIPELINE_RUN,
                        "{'metadata':{'name':'of-another-%d','ownerReferences':[{'apiVersion':'v',"
                        "'kind':'Pipeline','name':'churn','uid':'uid-before','controller':true}]},"
                        "'spec':{'pipelineRef':{'name':'churn'}},'status':{'phase':'Failed'}}",
                        at);
    }
    assert_string_equal(step(&world), "");
    world_free(&world);
}

static void runs_that_a_trigger_refers_to_stay(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, one_step);
    (void)step(&world);
    (void)world_put(&world, KIND_TRIGGER,
                    "{'metadata':{'name':'t'},'spec':{'pipelineRef':{'name':'churn'}},'status':{"
                    "'pending':{'run':'s1'},'lastRunRef':{'name':'s2'}}}");
    for (int at = 0; at < 6; at++) {
        put_run(&world, arena_print(&world.arena, "s%d", at), "Succeeded", "");
    }
    (void)step(&world);
    assert_string_equal(runs(&world), "s1 s2 s4 s5");
    world_free(&world);
}

static void unused_revisions_go_after_a_time_of_grace(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, one_step);
    (void)step(&world);
    const char *first = arena_copy_text(
        &world.arena, world_text(&world, KIND_PIPELINE, "churn", "status/revision"));
    put_run(&world, "old", "Running", arena_print(&world.arena, ",'revision':'%s'", first));
    world.now += 5;
    world_merge(&world, KIND_PIPELINE, "churn", "{'spec':{'timeout':'1h'}}");
    (void)step(&world);
    world.now += 5;
    world_merge(&world, KIND_PIPELINE, "churn", "{'spec':{'timeout':'2h'}}");
    (void)step(&world);
    assert_int_equal(world_count(&world, KIND_CONTROLLER_REVISION), 3);
    struct plan plan = world_plan_pipeline(&world, "churn");
    assert_int_equal(plan.count, 0);
    assert_int_equal(plan.wake_at, world.now + GRACE_SECONDS);
    world.now += GRACE_SECONDS;
    assert_string_equal(step(&world), "delete ControllerRevision");
    assert_non_null(world_find(&world, KIND_CONTROLLER_REVISION, first)); /* a run is on it */
    world_remove(&world, KIND_PIPELINE_RUN, "old");
    assert_string_equal(step(&world), "delete ControllerRevision");
    assert_int_equal(world_count(&world, KIND_CONTROLLER_REVISION), 1);
    assert_string_equal(step(&world), "");
    world_free(&world);
}

static void no_revision_goes_while_a_run_can_t_be_read(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, one_step);
    (void)step(&world);
    world_merge(&world, KIND_PIPELINE, "churn", "{'spec':{'timeout':'1h'}}");
    (void)step(&world);
    world.now += 10 * GRACE_SECONDS;
    world.has_unreadable_runs = true;
    assert_string_equal(step(&world), "");
    world.has_unreadable_runs = false;
    assert_string_equal(step(&world), "delete ControllerRevision");
    world_free(&world);
}

static void a_faulty_edit_keeps_the_revisions_that_there_are(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, one_step);
    (void)step(&world);
    world_merge(&world, KIND_PIPELINE, "churn", "{'spec':{'timeout':'1h'}}");
    (void)step(&world);
    world.now += 10 * GRACE_SECONDS;
    world_merge(&world, KIND_PIPELINE, "churn",
                "{'spec':{'steps':[{'name':'a','image':'i','runAfter':['a']}]}}");
    assert_string_equal(step(&world), "status Pipeline");
    assert_int_equal(world_count(&world, KIND_CONTROLLER_REVISION), 2);
    world_free(&world);
}

static void a_pipeline_on_its_way_out_is_left_alone(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, one_step);
    world_merge(&world, KIND_PIPELINE, "churn",
                "{'metadata':{'deletionTimestamp':'2026-11-23T12:00:00Z'}}");
    assert_string_equal(step(&world), "");
    world_free(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_spec_is_pinned_judged_then_accepted_and_then_nothing_is_written),
        cmocka_unit_test(an_edit_that_is_taken_back_uses_the_old_revision_again),
        cmocka_unit_test(a_crash_between_revision_and_status_makes_no_second_one),
        cmocka_unit_test(a_fault_stalls_it_until_the_spec_is_corrected),
        cmocka_unit_test(a_claim_must_be_there_and_be_of_use),
        cmocka_unit_test(a_refused_revision_is_a_condition_and_is_tried_again),
        cmocka_unit_test(history_keeps_the_newest_of_each_end),
        cmocka_unit_test(one_run_that_changed_meanwhile_does_not_keep_the_others),
        cmocka_unit_test(a_run_that_is_being_deleted_is_not_deleted_again),
        cmocka_unit_test(what_somebody_applied_is_theirs),
        cmocka_unit_test(runs_that_a_trigger_refers_to_stay),
        cmocka_unit_test(unused_revisions_go_after_a_time_of_grace),
        cmocka_unit_test(no_revision_goes_while_a_run_can_t_be_read),
        cmocka_unit_test(a_faulty_edit_keeps_the_revisions_that_there_are),
        cmocka_unit_test(a_pipeline_on_its_way_out_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
