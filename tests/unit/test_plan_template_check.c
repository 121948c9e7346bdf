#include "support/test.h"

#include "core/text.h"
#include "plan/reasons.h"
#include "support/golden.h"
#include "support/plan_world.h"

#include <string.h>

static const int64_t noon = 1795435200; /* 2026-11-23T12:00:00Z */

static const char one_step[] = "'steps':[{'name':'train','image':'i'}]";
static const char two_steps[] = "'steps':[{'name':'a','image':'i'},{'name':'b','image':'i'}]";

static void set_up(struct world *world, const char *spec)
{
    world_init(world, noon);
    (void)world_put(world, KIND_PIPELINE, "{'metadata':{'name':'churn'},'spec':{%s}}", spec);
}

static const char *condition(struct world *world, const char *type)
{
    return world_condition(world, KIND_PIPELINE, "churn", type);
}

static void expect_condition(struct world *world, const char *sentence, const char *type,
                             const char *begin)
{
    const char *is = condition(world, type);
    if (!text_starts_with(is, begin) || (begin[0] == '\0' && is[0] != '\0')) {
        fail_msg("%s: %s is \"%s\", not \"%s\"", sentence, type, is, begin);
    }
}

/* What the API server says, and what becomes of the pipeline. */
static const struct verdict_row {
    const char *sentence;
    enum error_kind error;
    const char *said;
    const char *checked;
    const char *ready;   /* how it begins */
    const char *stalled; /* "": not at all */
    const char *event;   /* reason of the newest warning event, or NULL */
} verdict_rows[] = {
    {"what it takes is accepted", ERROR_NONE, NULL,
     "True TemplateAccepted: the API server takes the Job of every step",
     "True Accepted: 1 step; runs", "", NULL},
    {"what it warns about is shown", ERROR_NONE, "this is deprecated",
     "True TemplateWarned: the API server takes all Jobs and warns about spec.steps[0] of step "
     "\"train\": this is deprecated",
     "True Accepted: 1 step; runs", "", REASON_TEMPLATE_WARNED},
    {"what it will never take stalls the pipeline in its words", ERROR_INVALID,
     "strict decoding error: unknown field \"spec.template.spec.nodeSelectr\"",
     "False TemplateRefused: spec.steps[0] of step \"train\": the API server refuses its Job: "
     "strict decoding error: unknown field \"spec.template.spec.nodeSelectr\"",
     "False TemplateRefused: spec.steps[0] of step \"train\": the API server refuses its Job: ",
     "True TemplateRefused: new runs wait until the spec is corrected", REASON_TEMPLATE_REFUSED},
    {"a quota says nothing about the spec", ERROR_DENIED, "exceeded quota: small",
     "Unknown TemplateNotJudged: the Job of step \"train\" could not be judged before it is "
     "needed, and runs start all the same: exceeded quota: small",
     "True Accepted: 1 step; runs", "", REASON_TEMPLATE_NOT_JUDGED},
    {"nor does a server that fails", ERROR_UNAVAILABLE, "failed calling webhook",
     "Unknown TemplateNotJudged: the Job of step \"train\" could", "True Accepted", "",
     REASON_TEMPLATE_NOT_JUDGED},
    {"nor an answer that is lost", ERROR_LOST, "connection reset",
     "Unknown TemplateNotJudged: the Job of step \"train\" could", "True Accepted", "",
     REASON_TEMPLATE_NOT_JUDGED},
    {"nor a name that is taken", ERROR_EXISTS, "already exists",
     "Unknown TemplateNotJudged: the Job of step \"train\" could", "True Accepted", "",
     REASON_TEMPLATE_NOT_JUDGED},
};

/* Of the last event of the plan, if that is a warning. */
static const char *warning_of(const struct plan *plan)
{
    const struct operation *newest = NULL;
    const struct operation *event;
    for (size_t nth = 0; (event = plan_find(plan, OPERATION_EVENT, KIND_PIPELINE, nth)); nth++) {
        newest = event;
    }
    return newest && newest->warning ? newest->reason : NULL;
}

static void the_api_server_s_verdict_becomes_a_condition_and_is_asked_for_once(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(verdict_rows); at++) {
        const struct verdict_row *row = &verdict_rows[at];
        struct world world;
        set_up(&world, one_step);
        world.dry_run = row->error;
        world.dry_run_said = row->said;
        struct plan plan = world_plan_pipeline(&world, "churn");
        assert_string_equal(plan_outline(&world, &plan), "create ControllerRevision, dry-run Job");
        (void)world_carry_out(&world, &plan, WORLD_NO_FAULT, 0);
        plan = world_plan_pipeline(&world, "churn");
        assert_string_equal(plan_outline(&world, &plan), "status Pipeline");
        if (!text_equal(warning_of(&plan), row->event)) {
            fail_msg("%s: event %s", row->sentence, text_or(warning_of(&plan), "(none)"));
        }
        (void)world_carry_out(&world, &plan, WORLD_NO_FAULT, 0);
        expect_condition(&world, row->sentence, "TemplateChecked", row->checked);
        expect_condition(&world, row->sentence, "Ready", row->ready);
        expect_condition(&world, row->sentence, "Stalled", row->stalled);
        /* A restart knows no facts. */
        world_forget_facts(&world);
        world.now += 3600;
        assert_int_equal(world_plan_pipeline(&world, "churn").count, 0);
        assert_int_equal(world.dry_runs, 1);
        world_free(&world);
    }
}

static void another_spec_is_judged_anew(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, one_step);
    world.dry_run = ERROR_INVALID;
    world.dry_run_said = "no";
    (void)world_settle_pipeline(&world, "churn");
    assert_int_equal(world.dry_runs, 1);
    world_merge(&world, KIND_PIPELINE, "churn", "{'metadata':{'labels':{'a':'b'}}}");
    assert_string_equal(world_settle_pipeline(&world, "churn"), "");
    world.dry_run = ERROR_NONE;
    world.dry_run_said = NULL;
    world_merge(&world, KIND_PIPELINE, "churn", "{'spec':{'timeout':'1h'}}");
    assert_string_equal(world_settle_pipeline(&world, "churn"),
                        "create ControllerRevision, dry-run Job, status Pipeline");
    expect_condition(&world, "corrected", "Ready", "True Accepted");
    expect_condition(&world, "corrected", "TemplateChecked", "True TemplateAccepted");
    expect_condition(&world, "corrected", "Stalled", "");
    world_free(&world);
}

static void no_run_starts_on_a_spec_whose_verdict_is_on_its_way(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, one_step);
    (void)world_put(&world, KIND_PIPELINE_RUN,
                    "{'metadata':{'name':'r'},'spec':{'pipelineRef':{'name':'churn'}}}");
    struct plan plan = world_plan_pipeline(&world, "churn");
    (void)world_carry_out(&world, &plan, WORLD_NO_FAULT, 0);
    /* That it waits is not worth a write, unless it takes long. */
    plan = world_plan_run(&world, "r");
    assert_int_equal(plan.count, 0);
    assert_int_equal(plan.wake_at, noon + 3);
    world.now = plan.wake_at;
    plan = world_plan_run(&world, "r");
    assert_null(plan_find(&plan, OPERATION_CREATE, KIND_JOB, 0));
    (void)world_carry_out(&world, &plan, WORLD_NO_FAULT, 0);
    assert_string_equal(world_condition(&world, KIND_PIPELINE_RUN, "r", "Ready"),
                        "Unknown PipelineNotReady: waiting until Pipeline \"churn\" is checked");
    (void)world_settle_pipeline(&world, "churn");
    plan = world_plan_run(&world, "r");
    assert_non_null(plan_find(&plan, OPERATION_CREATE, KIND_JOB, 0));
    world_free(&world);
}

static void a_run_waits_for_a_spec_that_is_refused_and_says_why(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, one_step);
    (void)world_put(&world, KIND_PIPELINE_RUN,
                    "{'metadata':{'name':'r'},'spec':{'pipelineRef':{'name':'churn'}}}");
    world.dry_run = ERROR_INVALID;
    world.dry_run_said = "unknown field";
    (void)world_settle_pipeline(&world, "churn");
    struct plan plan = world_plan_run(&world, "r");
    (void)world_carry_out(&world, &plan, WORLD_NO_FAULT, 0);
    assert_string_equal(world_condition(&world, KIND_PIPELINE_RUN, "r", "Ready"),
                        "Unknown PipelineNotReady: Pipeline \"churn\" is not ready: spec.steps[0] "
                        "of step \"train\": the API server refuses its Job: unknown field");
    assert_int_equal(world_count(&world, KIND_JOB), 0);
    world_free(&world);
}

static void a_pipeline_that_was_accepted_before_is_asked_about_without_a_wait(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, one_step);
    (void)world_settle_pipeline(&world, "churn");
    /* As a controller left it that did not ask yet. */
    json_t *conditions = world_get(&world, KIND_PIPELINE, "churn", "status/conditions");
    assert_int_equal(json_array_remove(conditions, 1), 0);
    expect_condition(&world, "removed", "TemplateChecked", "");
    world_forget_facts(&world);
    (void)world_put(&world, KIND_PIPELINE_RUN,
                    "{'metadata':{'name':'r'},'spec':{'pipelineRef':{'name':'churn'}}}");
    struct plan plan = world_plan_run(&world, "r");
    assert_non_null(plan_find(&plan, OPERATION_CREATE, KIND_JOB, 0));
    assert_string_equal(world_settle_pipeline(&world, "churn"), "dry-run Job, status Pipeline");
    world_free(&world);
}

static void the_first_step_that_is_refused_is_named_and_others_are_counted(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, two_steps);
    struct plan plan = world_plan_pipeline(&world, "churn");
    (void)world_carry_out(&world, &plan, WORLD_NO_FAULT, 0);
    const char *a = plan_find(&plan, OPERATION_DRY_RUN, KIND_JOB, 0)->name;
    const char *b = plan_find(&plan, OPERATION_DRY_RUN, KIND_JOB, 1)->name;
    static const struct {
        enum error_kind a;
        enum error_kind b;
        const char *message;
    } rows[] = {
        {ERROR_INVALID, ERROR_INVALID,
         "False TemplateRefused: 2 steps, the first is spec.steps[0] of step \"a\": the API server "
         "refuses its Job: said of a"},
        {ERROR_NONE, ERROR_INVALID,
         "False TemplateRefused: spec.steps[1] of step \"b\": the API server refuses its Job: said "
         "of b"},
        {ERROR_DENIED, ERROR_INVALID, "False TemplateRefused: spec.steps[1] of step \"b\""},
        {ERROR_DENIED, ERROR_DENIED,
         "Unknown TemplateNotJudged: the Job of step \"a\" could not be judged"},
        {ERROR_NONE, ERROR_DENIED,
         "Unknown TemplateNotJudged: the Job of step \"b\" could not be judged"},
        {ERROR_NONE, ERROR_NONE,
         "True TemplateWarned: 2 steps, the first is the API server takes all Jobs and warns about "
         "spec.steps[0] of step \"a\": said of a"},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        world_add_fact(&world, OPERATION_DRY_RUN, KIND_JOB, a, rows[at].a, "said of a");
        world_add_fact(&world, OPERATION_DRY_RUN, KIND_JOB, b, rows[at].b, "said of b");
        plan = world_plan_pipeline(&world, "churn");
        const struct operation *status = plan_find(&plan, OPERATION_PATCH_STATUS, KIND_PIPELINE, 0);
        (void)world_carry_out(&world, &plan, WORLD_NO_FAULT, 0);
        assert_non_null(status);
        expect_condition(&world, "two steps", "TemplateChecked", rows[at].message);
        world_merge(&world, KIND_PIPELINE, "churn", "{'status':{'conditions':[]}}");
    }
    world_free(&world);
}

static void a_question_without_an_answer_is_asked_alone(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, two_steps);
    struct plan plan = world_plan_pipeline(&world, "churn");
    const char *a = plan_find(&plan, OPERATION_DRY_RUN, KIND_JOB, 0)->name;
    const char *b = plan_find(&plan, OPERATION_DRY_RUN, KIND_JOB, 1)->name;
    (void)world_carry_out(&world, &plan, WORLD_NO_FAULT, 0);
    world_forget_facts(&world);
    world_add_fact(&world, OPERATION_DRY_RUN, KIND_JOB, a, ERROR_NONE, NULL);
    plan = world_plan_pipeline(&world, "churn");
    assert_string_equal(plan_outline(&world, &plan), "dry-run Job");
    assert_string_equal(plan_find(&plan, OPERATION_DRY_RUN, KIND_JOB, 0)->name, b);
    world_free(&world);
}

static void a_spec_with_a_fault_of_our_own_is_not_asked_about(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, one_step);
    (void)world_settle_pipeline(&world, "churn");
    world_merge(&world, KIND_PIPELINE, "churn",
                "{'spec':{'steps':[{'name':'a','image':'i','runAfter':['a']}]}}");
    assert_string_equal(world_settle_pipeline(&world, "churn"), "status Pipeline");
    expect_condition(&world, "a cycle", "TemplateChecked", "");
    expect_condition(&world, "a cycle", "Ready", "False GraphCycle");
    world_free(&world);
}

static void a_revision_that_is_refused_is_told_without_asking(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, one_step);
    struct plan plan = world_plan_pipeline(&world, "churn");
    world_add_fact(&world, OPERATION_CREATE, KIND_CONTROLLER_REVISION,
                   plan_find(&plan, OPERATION_CREATE, KIND_CONTROLLER_REVISION, 0)->name,
                   ERROR_DENIED, "exceeded quota: small");
    plan = world_plan_pipeline(&world, "churn");
    assert_string_equal(plan_outline(&world, &plan), "create ControllerRevision, status Pipeline");
    world_free(&world);
}

static void what_is_asked_about_is_the_job_of_a_first_attempt(void **state)
{
    (void)state;
    struct world world;
    set_up(&world, "'timeout':'2h','artifacts':{'volumeClaim':{'claimName':'c'}},"
                   "'params':[{'name':'seed','default':'$1'},{'name':'must'}],'steps':["
                   "{'name':'a','image':'i','outputs':{'artifacts':[{'name':'t'}]}},"
                   "{'name':'b','image':'i','inputs':[{'name':'t','from':'a.t'}],'timeout':'90s',"
                   "'podTemplate':{'spec':{'nodeSelectr':{}}}}]");
    struct plan plan = world_plan_pipeline(&world, "churn");
    golden_check("pipeline/4-dry-run", golden_describe_plan(&world.arena, &plan, true));
    world_free(&world);
}

static void a_job_s_time_limit_is_the_shorter_of_its_own_and_the_run_s(void **state)
{
    (void)state;
    static const struct {
        const char *sentence;
        const char *whole;
        const char *own;
        const char *body;
    } rows[] = {
        {"its own", "", ",'timeout':'90s'", "\"activeDeadlineSeconds\":90,"},
        {"the run's", "'timeout':'2h',", "", "\"activeDeadlineSeconds\":7200,"},
        {"its own is shorter", "'timeout':'2h',", ",'timeout':'90s'",
         "\"activeDeadlineSeconds\":90,"},
        {"the run's is shorter", "'timeout':'2h',", ",'timeout':'3h'",
         "\"activeDeadlineSeconds\":7200,"},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct world world;
        char spec[128];
        (void)snprintf(spec, sizeof(spec), "%s'steps':[{'name':'a','image':'i'%s}]", rows[at].whole,
                       rows[at].own);
        set_up(&world, spec);
        struct plan plan = world_plan_pipeline(&world, "churn");
        size_t asked = 0;
        while (asked < plan.count && plan.operations[asked].type != OPERATION_DRY_RUN) {
            asked++;
        }
        assert_true(asked < plan.count);
        if (!strstr(plan.operations[asked].body, rows[at].body)) {
            fail_msg("%s: %s", rows[at].sentence, plan.operations[asked].body);
        }
        world_free(&world);
    }
}

static void names_fit_however_long_and_differ(void **state)
{
    (void)state;
    enum { LONGEST_PIPELINE = 253, LONGEST_STEP = 63, LABEL_LIMIT = 63 };
    char pipeline[LONGEST_PIPELINE + 1];
    char step[LONGEST_STEP + 1];
    memset(pipeline, 'p', sizeof(pipeline) - 1);
    memset(step, 's', sizeof(step) - 1);
    pipeline[LONGEST_PIPELINE] = '\0';
    step[LONGEST_STEP] = '\0';
    struct world world;
    world_init(&world, noon);
    (void)world_put(&world, KIND_PIPELINE,
                    "{'metadata':{'name':'%s'},'spec':{'steps':[{'name':'%s','image':'i'},"
                    "{'name':'%.62s','image':'i'}]}}",
                    pipeline, step, step);
    struct plan plan = world_plan_pipeline(&world, pipeline);
    const char *one = plan_find(&plan, OPERATION_DRY_RUN, KIND_JOB, 0)->name;
    const char *two = plan_find(&plan, OPERATION_DRY_RUN, KIND_JOB, 1)->name;
    assert_string_not_equal(one, two);
    assert_true(strlen(one) <= LABEL_LIMIT && strlen(two) <= LABEL_LIMIT);
    assert_string_equal(one + strlen(one) - strlen("-check"), "-check");
    world_free(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_api_server_s_verdict_becomes_a_condition_and_is_asked_for_once),
        cmocka_unit_test(another_spec_is_judged_anew),
        cmocka_unit_test(no_run_starts_on_a_spec_whose_verdict_is_on_its_way),
        cmocka_unit_test(a_run_waits_for_a_spec_that_is_refused_and_says_why),
        cmocka_unit_test(a_pipeline_that_was_accepted_before_is_asked_about_without_a_wait),
        cmocka_unit_test(the_first_step_that_is_refused_is_named_and_others_are_counted),
        cmocka_unit_test(a_question_without_an_answer_is_asked_alone),
        cmocka_unit_test(a_spec_with_a_fault_of_our_own_is_not_asked_about),
        cmocka_unit_test(a_revision_that_is_refused_is_told_without_asking),
        cmocka_unit_test(what_is_asked_about_is_the_job_of_a_first_attempt),
        cmocka_unit_test(a_job_s_time_limit_is_the_shorter_of_its_own_and_the_run_s),
        cmocka_unit_test(names_fit_however_long_and_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
