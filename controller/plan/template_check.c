#include "plan/template_check.h"

#include "api/names.h"
#include "api/quantity.h"
#include "api/render.h"
#include "core/text.h"
#include "plan/conditions.h"
#include "plan/reasons.h"

/*
 * The Jobs that are asked about are those of a first attempt, with what only a run knows made up:
 * its name, and the paths of artifacts. Nothing that the API server judges depends on these.
 */

#define CHECK_SUFFIX "-check" /* a Job's name has 57 bytes at most, so that this fits 63 */
#define CHECK_FOLDER "check"

enum { MILLISECONDS = 1000, FIRST_ATTEMPT = 1 };

/* What is known of all steps; the first of each kind in the spec's order is shown. */
struct answers {
    const char *refusal; /* message, or NULL */
    size_t refused;
    const char *failure; /* why a step could not be judged, or NULL */
    const char *warning;
    size_t warned;
    size_t missing; /* not answered yet */
};

static int64_t seconds_of(const char *duration)
{
    int64_t milliseconds = 0;
    if (!duration_parse(duration, &milliseconds)) {
        return INTEGER_ABSENT;
    }
    return (milliseconds + MILLISECONDS - 1) / MILLISECONDS;
}

/* As a run would set it at its very start. */
static int64_t pod_deadline(const struct pipeline_spec *spec, const struct step_spec *step)
{
    int64_t own = seconds_of(step->timeout);
    int64_t whole = seconds_of(spec->timeout);
    bool use_own = own != INTEGER_ABSENT && (whole == INTEGER_ABSENT || own < whole);
    return use_own ? own : whole;
}

static void collect_env(struct arena *arena, const struct pipeline_spec *spec,
                        struct render_step_job *job)
{
    struct name_value *env = arena_array(arena, struct name_value, spec->param_count);
    for (size_t at = 0; at < spec->param_count; at++) {
        env[at] = (struct name_value){
            .name = name_environment(arena, "PARAM_", spec->params[at].name),
            .value = text_or(spec->params[at].default_value, "")};
    }
    job->env = env;
    job->env_count = spec->param_count;
}

static void collect_inputs(struct arena *arena, const struct step_spec *step,
                           struct render_step_job *job)
{
    struct render_input *inputs = arena_array(arena, struct render_input, step->input_count);
    for (size_t at = 0; at < step->input_count; at++) {
        inputs[at] = (struct render_input){
            .name = step->inputs[at].name,
            .path = arena_print(arena, CHECK_FOLDER "/%s", step->inputs[at].name)};
    }
    job->inputs = inputs;
    job->input_count = step->input_count;
}

static void ask(const struct pipeline_view *view, const char *revision,
                const struct step_spec *step, const char *name, struct plan *plan)
{
    const struct pipeline *pipeline = view->pipeline;
    struct arena *arena = plan->arena;
    struct render_step_job job = {
        .namespace = pipeline->meta.namespace,
        .name = name,
        .owner = {.kind = KIND_PIPELINE, .name = pipeline->meta.name, .uid = pipeline->meta.uid},
        .pipeline = pipeline->meta.name,
        .revision = revision,
        .attempt = FIRST_ATTEMPT,
        .spec = &pipeline->spec,
        .step = step,
        .out_path = arena_print(arena, CHECK_FOLDER "/%s", step->name),
        .active_deadline_seconds = pod_deadline(&pipeline->spec, step),
        .helper_image = view->settings->helper_image,
    };
    collect_env(arena, &pipeline->spec, &job);
    collect_inputs(arena, step, &job);
    plan_dry_run(plan, KIND_JOB, pipeline->meta.namespace, name, render_step_job(arena, &job),
                 REASON_TEMPLATE_CHECK,
                 arena_print(arena, "asks the API server whether it would take the Job of step %s",
                             step->name));
}

/* Named by the revision, which is a hash of the spec: an answer is never about another spec. */
static const char *check_name(const struct pipeline_view *view, const char *revision,
                              const struct step_spec *step, struct arena *arena)
{
    return arena_print(
        arena, "%s" CHECK_SUFFIX,
        name_step_job(arena, view->pipeline->meta.name, revision, step->name, FIRST_ATTEMPT));
}

static void take_answer(struct answers *answers, struct arena *arena, size_t index,
                        const struct step_spec *step, const struct fact *fact)
{
    const char *said = fact_said(fact);
    if (fact->error == ERROR_INVALID) {
        answers->refused++;
        if (!answers->refusal) {
            answers->refusal = arena_print(arena,
                                           "spec.steps[%zu] of step \"%s\": the API server "
                                           "refuses its Job: %s",
                                           index, step->name, said);
        }
        return;
    }
    if (fact->error != ERROR_NONE) {
        if (!answers->failure) {
            answers->failure = arena_print(arena,
                                           "the Job of step \"%s\" could not be judged before it "
                                           "is needed, and runs start all the same: %s",
                                           step->name, said);
        }
        return;
    }
    if (fact->message) {
        answers->warned++;
        if (!answers->warning) {
            answers->warning = arena_print(arena,
                                           "the API server takes all Jobs and warns about "
                                           "spec.steps[%zu] of step \"%s\": %s",
                                           index, step->name, fact->message);
        }
    }
}

static const char *with_others(struct arena *arena, const char *message, size_t count)
{
    if (count == 1) {
        return message;
    }
    /* In front: the words of others may be long, and a condition's end is cut. */
    return arena_print(arena, "%zu steps, the first is %s", count, message);
}

static struct template_verdict judge(const struct answers *answers, struct arena *arena)
{
    struct template_verdict verdict = {.is_news = true};
    if (answers->refusal) {
        verdict.status = STATUS_FALSE;
        verdict.reason = REASON_TEMPLATE_REFUSED;
        verdict.message = with_others(arena, answers->refusal, answers->refused);
    } else if (answers->failure) {
        verdict.status = STATUS_UNKNOWN;
        verdict.reason = REASON_TEMPLATE_NOT_JUDGED;
        verdict.message = answers->failure;
    } else {
        verdict.status = STATUS_TRUE;
        verdict.reason = answers->warning ? REASON_TEMPLATE_WARNED : REASON_TEMPLATE_ACCEPTED;
        verdict.message = answers->warning ? with_others(arena, answers->warning, answers->warned)
                                           : "the API server takes the Job of every step";
    }
    return verdict;
}

struct template_verdict template_check(const struct pipeline_view *view, const char *revision,
                                       struct plan *plan)
{
    const struct pipeline *pipeline = view->pipeline;
    const struct condition *known = condition_find(&pipeline->status.conditions,
                                                   CONDITION_TEMPLATE_CHECKED);
    if (known && known->observed_generation == pipeline->meta.generation) {
        return (struct template_verdict){
            .status = known->status, .reason = known->reason, .message = known->message};
    }
    struct answers answers = {0};
    for (size_t at = 0; at < pipeline->spec.step_count; at++) {
        const struct step_spec *step = &pipeline->spec.steps[at];
        const char *name = check_name(view, revision, step, plan->arena);
        const struct fact *fact = fact_find(&view->facts, OPERATION_DRY_RUN, KIND_JOB, name);
        if (fact) {
            take_answer(&answers, plan->arena, at, step, fact);
        } else {
            if (answers.missing++ == 0) {
                /* All at once, and apart from the revision that is being pinned. */
                plan_next_group(plan);
                plan_next_stage(plan);
            }
            ask(view, revision, step, name, plan);
        }
    }
    return answers.missing > 0 ? (struct template_verdict){0} : judge(&answers, plan->arena);
}
