#include "plan/pipeline_check.h"

#include "api/names.h"
#include "api/quantity.h"
#include "api/render.h"
#include "core/text.h"
#include "plan/pattern.h"
#include "plan/reasons.h"
#include "plan/values.h"

#include <stdlib.h>
#include <string.h>

enum { ARTIFACTS_MAXIMUM = 1000 };

struct check {
    struct arena *arena;
    const struct pipeline_spec *spec;
    struct graph *graph;
    struct spec_fault *fault;
    const char **variables; /* all PARAM_* and RESULT_* names, sorted */
    size_t variable_count;
};

static bool fail(struct check *check, const char *reason, const char *message)
{
    *check->fault = (struct spec_fault){.reason = reason, .message = message};
    return false;
}

static bool check_graph(struct check *check)
{
    return graph_build(check->arena, check->spec, check->graph, check->fault);
}

static bool check_param(struct check *check, size_t index)
{
    const struct param_spec *param = &check->spec->params[index];
    const char *wrong = param->pattern ? pattern_fault(check->arena, param->pattern) : NULL;
    if (wrong) {
        return fail(check, REASON_INVALID_SPEC,
                    arena_print(check->arena, "spec.params[%zu].pattern of \"%s\": %s", index,
                                param->name, wrong));
    }
    wrong = param->default_value ? param_value_fault(check->arena, param, param->default_value)
                                 : NULL;
    if (wrong) {
        return fail(check, REASON_PARAM_INVALID,
                    arena_print(check->arena, "spec.params[%zu].default: %s", index, wrong));
    }
    return true;
}

/*
 * Each pattern is cheap enough; a pipeline may have many, and whoever plans waits for all of them.
 * Judged before the first one is compiled.
 */
static bool check_patterns(struct check *check)
{
    size_t total = 0;
    for (size_t at = 0; at < check->spec->param_count; at++) {
        const struct param_spec *param = &check->spec->params[at];
        total += param->pattern ? pattern_cost(param->pattern) : 0;
        if (total > PATTERN_TOTAL_MAXIMUM) {
            return fail(
                check, REASON_INVALID_SPEC,
                arena_print(check->arena,
                            "spec.params[%zu].pattern of \"%s\": with every repeat written out (x+ "
                            "is two x, x{n} is n) the patterns of this pipeline are together "
                            "longer than %d characters; shorten this one or those before it, or "
                            "let the step check the value",
                            at, param->name, PATTERN_TOTAL_MAXIMUM));
        }
    }
    return true;
}

static bool check_params(struct check *check)
{
    for (size_t at = 0; at < check->spec->param_count; at++) {
        if (!check_param(check, at)) {
            return false;
        }
    }
    return true;
}

static int compare_texts(const void *a, const void *b)
{
    const char *const *left = a;
    const char *const *right = b;
    return strcmp(*left, *right);
}

static size_t count_variables(const struct pipeline_spec *spec)
{
    size_t count = spec->param_count;
    for (size_t at = 0; at < spec->step_count; at++) {
        count += spec->steps[at].outputs.result_count;
    }
    return count;
}

/* Upper case and '-' to '_' can make one variable of two names. */
static bool check_variables(struct check *check)
{
    const struct pipeline_spec *spec = check->spec;
    size_t count = count_variables(spec);
    check->variables = arena_allocate(check->arena, count, sizeof(*check->variables));
    for (size_t at = 0; at < spec->param_count; at++) {
        check->variables[check->variable_count++] = name_environment(check->arena, "PARAM_",
                                                                     spec->params[at].name);
    }
    for (size_t at = 0; at < spec->step_count; at++) {
        const struct step_spec *step = &spec->steps[at];
        const char *prefix = arena_print(check->arena, "%s_",
                                         name_environment(check->arena, "RESULT_", step->name));
        for (size_t result = 0; result < step->outputs.result_count; result++) {
            check->variables[check->variable_count++] = name_environment(
                check->arena, prefix, step->outputs.results[result].name);
        }
    }
    qsort(check->variables, count, sizeof(*check->variables), compare_texts);
    for (size_t at = 1; at < count; at++) {
        if (text_equal(check->variables[at - 1], check->variables[at])) {
            return fail(check, REASON_ENV_COLLISION,
                        arena_print(check->arena,
                                    "two parameters or results of this pipeline "
                                    "become the environment variable %s; rename one",
                                    check->variables[at]));
        }
    }
    return true;
}

static bool is_variable(const struct check *check, const char *name)
{
    return bsearch(&name, check->variables, check->variable_count, sizeof(*check->variables),
                   compare_texts) != NULL;
}

/* The next `$(NAME)` at or after `text` whose `$` is not escaped as `$$`; NULL at the end. */
static const char *next_reference(struct arena *arena, const char *text, const char **name)
{
    for (const char *at = strchr(text, '$'); at; at = strchr(at, '$')) {
        if (at[1] == '$') {
            at += 2;
            continue;
        }
        const char *end = at[1] == '(' ? strchr(at, ')') : NULL;
        if (end) {
            *name = arena_copy_bytes(arena, at + 2, (size_t)(end - at) - 2);
            return end + 1;
        }
        at++;
    }
    return NULL;
}

/* An option such as -c, -ec or -lc: a shell takes the next argument as program text. */
static bool takes_program(const char *argument)
{
    return argument && argument[0] == '-' && argument[1] != '-' && text_ends_with(argument, "c");
}

static bool check_argument(struct check *check, const char *field, const char *argument,
                           const char *before)
{
    const char *name = NULL;
    for (const char *at = next_reference(check->arena, argument, &name); at;
         at = next_reference(check->arena, at, &name)) {
        bool ours = text_starts_with(name, "PARAM_") || text_starts_with(name, "RESULT_");
        if (ours && !is_variable(check, name)) {
            return fail(check,
                        text_starts_with(name, "PARAM_") ? REASON_UNKNOWN_PARAM
                                                         : REASON_UNKNOWN_RESULT,
                        arena_print(check->arena,
                                    "%s: $(%s) names no parameter or result of this "
                                    "pipeline; write $$(%s) for the characters",
                                    field, name, name));
        }
        if (ours && takes_program(before)) {
            return fail(check, REASON_UNSAFE_PARAM,
                        arena_print(check->arena,
                                    "%s: $(%s) would become part of a program after "
                                    "\"%s\"; write \"$%s\" with the quotes, so that "
                                    "the shell reads the variable",
                                    field, name, before, name));
        }
    }
    return true;
}

static bool check_arguments(struct check *check, size_t index)
{
    const struct step_spec *step = &check->spec->steps[index];
    const char *before = NULL;
    for (size_t at = 0; at < step->command_count + step->arg_count; at++) {
        bool command = at < step->command_count;
        size_t place = command ? at : at - step->command_count;
        const char *argument = command ? step->command[place] : step->args[place];
        const char *field = arena_print(check->arena, "spec.steps[%zu].%s[%zu] of step \"%s\"",
                                        index, command ? "command" : "args", place, step->name);
        if (!check_argument(check, field, argument, before)) {
            return false;
        }
        before = argument;
    }
    return true;
}

static bool check_step_env(struct check *check, size_t index)
{
    const struct step_spec *step = &check->spec->steps[index];
    for (size_t at = 0; at < step->env_count; at++) {
        if (text_starts_with(step->env[at].name, "TIDEMILL_") ||
            is_variable(check, step->env[at].name)) {
            return fail(check, REASON_ENV_COLLISION,
                        arena_print(check->arena,
                                    "spec.steps[%zu].env[%zu] of step \"%s\": %s is "
                                    "set by Tidemill; choose another name",
                                    index, at, step->name, step->env[at].name));
        }
    }
    return true;
}

static const struct result_spec *find_result(const struct step_spec *step, const char *name)
{
    for (size_t at = 0; at < step->outputs.result_count; at++) {
        if (text_equal(step->outputs.results[at].name, name)) {
            return &step->outputs.results[at];
        }
    }
    return NULL;
}

static bool check_step_checks(struct check *check, size_t index)
{
    const struct step_spec *step = &check->spec->steps[index];
    for (size_t at = 0; at < step->check_count; at++) {
        const struct check_spec *rule = &step->checks[at];
        const struct result_spec *result = find_result(step, rule->result);
        const char *field = arena_print(check->arena, "spec.steps[%zu].checks[%zu] of step \"%s\"",
                                        index, at, step->name);
        if (!result) {
            return fail(check, REASON_UNKNOWN_RESULT,
                        arena_print(check->arena,
                                    "%s: the step declares no result \"%s\" in "
                                    "outputs.results",
                                    field, rule->result));
        }
        bool ordered = text_equal(result->type, "integer") || text_equal(result->type, "number");
        if ((rule->min || rule->max) && !ordered) {
            return fail(check, REASON_INVALID_SPEC,
                        arena_print(check->arena,
                                    "%s: min and max need a result of type integer "
                                    "or number; \"%s\" is a %s",
                                    field, rule->result, result->type));
        }
    }
    return true;
}

/* The schema asks for it; a ControllerRevision, which holds specs too, has no schema. */
static bool check_image(struct check *check, size_t index)
{
    const struct step_spec *step = &check->spec->steps[index];
    if (text_is_empty(step->image)) {
        return fail(check, REASON_INVALID_SPEC,
                    arena_print(check->arena,
                                "spec.steps[%zu].image: step \"%s\" has no image to run", index,
                                step->name));
    }
    return true;
}

static bool check_step_artifacts(struct check *check, size_t index)
{
    const struct step_spec *step = &check->spec->steps[index];
    bool uses = step->input_count > 0 || step->outputs.artifact_count > 0;
    if (uses && text_is_empty(check->spec->artifacts.volume_claim.claim_name)) {
        return fail(check, REASON_INVALID_SPEC,
                    arena_print(check->arena,
                                "spec.artifacts.volumeClaim.claimName: step \"%s\" "
                                "has artifacts, so the pipeline needs a claim for "
                                "them",
                                step->name));
    }
    return true;
}

static bool check_pod_defaults(struct check *check)
{
    const char *wrong = render_template_fault(check->arena, &check->spec->pod_defaults);
    if (wrong) {
        return fail(check, REASON_INVALID_SPEC,
                    arena_print(check->arena, "spec.podDefaults%s", wrong));
    }
    return true;
}

static bool check_pod_template(struct check *check, size_t index)
{
    const char *wrong = render_template_fault(check->arena,
                                              &check->spec->steps[index].pod_template);
    if (wrong) {
        return fail(check, REASON_INVALID_SPEC,
                    arena_print(check->arena, "spec.steps[%zu].podTemplate%s", index, wrong));
    }
    return true;
}

static bool check_steps(struct check *check)
{
    for (size_t at = 0; at < check->spec->step_count; at++) {
        if (!check_image(check, at) || !check_arguments(check, at) || !check_step_env(check, at) ||
            !check_step_checks(check, at) || !check_step_artifacts(check, at) ||
            !check_pod_template(check, at)) {
            return false;
        }
    }
    return true;
}

/* A version's lineage lists them all (crds/modelversions.yaml: spec.lineage.inputs). */
static bool check_artifact_count(struct check *check)
{
    size_t count = 0;
    for (size_t at = 0; at < check->spec->step_count; at++) {
        count += check->spec->steps[at].outputs.artifact_count;
    }
    if (count > ARTIFACTS_MAXIMUM) {
        return fail(check, REASON_INVALID_SPEC,
                    arena_print(check->arena,
                                "spec.steps: the steps declare %zu artifacts together, at most %d "
                                "are possible; leave folders in place of single files",
                                count, ARTIFACTS_MAXIMUM));
    }
    return true;
}

static bool check_publish(struct check *check)
{
    const struct publish_spec *publish = &check->spec->publish;
    if (!publish->model) {
        return true;
    }
    struct artifact_source source;
    if (!graph_find_artifact(check->arena, check->graph, text_or(publish->artifact, ""),
                             "spec.publish.artifact", &source, check->fault)) {
        return false;
    }
    for (size_t at = 0; at < publish->metrics_from_count; at++) {
        if (graph_find(check->graph, publish->metrics_from[at]) == check->graph->count) {
            return fail(check, REASON_UNKNOWN_STEP,
                        arena_print(check->arena,
                                    "spec.publish.metricsFrom[%zu]: there is no step "
                                    "\"%s\"",
                                    at, publish->metrics_from[at]));
        }
    }
    return true;
}

bool pipeline_check(struct arena *arena, const struct pipeline_spec *spec, struct graph *graph,
                    struct spec_fault *fault)
{
    static bool (*const rules[])(struct check *) = {
        check_graph,        check_patterns, check_params,         check_variables,
        check_pod_defaults, check_steps,    check_artifact_count, check_publish,
    };
    struct check check = {.arena = arena, .spec = spec, .graph = graph, .fault = fault};
    for (size_t at = 0; at < sizeof(rules) / sizeof(rules[0]); at++) {
        if (!rules[at](&check)) {
            return false;
        }
    }
    return true;
}
