#include "plan/values.h"

#include "api/quantity.h"
#include "core/text.h"
#include "plan/pattern.h"
#include "plan/reasons.h"

static const char *find_value(const struct name_value *values, size_t count, const char *name)
{
    for (size_t at = 0; at < count; at++) {
        if (text_equal(values[at].name, name)) {
            return values[at].value;
        }
    }
    return NULL;
}

const char *value_type_fault(struct arena *arena, const char *type, const char *value)
{
    if (text_equal(type, "integer") && !decimal_is_integer(value)) {
        return arena_print(arena, "\"%.64s\" is no integer", value);
    }
    if (text_equal(type, "number") && !decimal_is_valid(value)) {
        return arena_print(arena, "\"%.64s\" is no number", value);
    }
    if (text_equal(type, "boolean") && !text_equal(value, "true") && !text_equal(value, "false")) {
        return arena_print(arena, "\"%.64s\" is neither true nor false", value);
    }
    return NULL;
}

static bool is_one_of(const char *value, const char *const *allowed, size_t count)
{
    for (size_t at = 0; at < count; at++) {
        if (text_equal(value, allowed[at])) {
            return true;
        }
    }
    return false;
}

static const char *bounds_fault(struct arena *arena, const struct param_spec *param,
                                const char *value)
{
    int order = 0;
    if (param->minimum && (!decimal_compare(value, param->minimum, &order) || order < 0)) {
        return arena_print(arena, "parameter \"%s\": %.64s is below the minimum %s", param->name,
                           value, param->minimum);
    }
    if (param->maximum && (!decimal_compare(value, param->maximum, &order) || order > 0)) {
        return arena_print(arena, "parameter \"%s\": %.64s is above the maximum %s", param->name,
                           value, param->maximum);
    }
    return NULL;
}

const char *param_value_fault(struct arena *arena, const struct param_spec *param,
                              const char *value)
{
    const char *fault = value_type_fault(arena, param->type, value);
    if (fault) {
        return arena_print(arena, "parameter \"%s\": %s", param->name, fault);
    }
    if (param->enum_count > 0 && !is_one_of(value, param->enum_values, param->enum_count)) {
        return arena_print(arena, "parameter \"%s\": \"%.64s\" is none of the values in its enum",
                           param->name, value);
    }
    if (param->pattern && !pattern_matches(arena, param->pattern, value)) {
        return arena_print(arena, "parameter \"%s\": \"%.64s\" does not match the pattern %s",
                           param->name, value, param->pattern);
    }
    return bounds_fault(arena, param, value);
}

static bool is_declared(const struct pipeline_spec *spec, const char *name)
{
    for (size_t at = 0; at < spec->param_count; at++) {
        if (text_equal(spec->params[at].name, name)) {
            return true;
        }
    }
    return false;
}

static bool param_fault(struct spec_fault *fault, const char *message)
{
    *fault = (struct spec_fault){.reason = REASON_PARAM_INVALID, .message = message};
    return false;
}

bool params_resolve(struct arena *arena, const struct pipeline_spec *spec,
                    const struct name_value *given, size_t given_count,
                    struct name_value **resolved, struct spec_fault *fault)
{
    for (size_t at = 0; at < given_count; at++) {
        if (!is_declared(spec, given[at].name)) {
            return param_fault(fault, arena_print(arena,
                                                  "parameter \"%s\": the pipeline declares "
                                                  "none of this name in spec.params",
                                                  given[at].name));
        }
    }
    struct name_value *values = arena_array(arena, struct name_value, spec->param_count);
    for (size_t at = 0; at < spec->param_count; at++) {
        const struct param_spec *param = &spec->params[at];
        const char *value = find_value(given, given_count, param->name);
        value = value ? value : param->default_value;
        if (!value) {
            return param_fault(fault, arena_print(arena,
                                                  "parameter \"%s\": it has no default, so "
                                                  "the run must give a value",
                                                  param->name));
        }
        const char *wrong = param_value_fault(arena, param, value);
        if (wrong) {
            return param_fault(fault, wrong);
        }
        values[at] = (struct name_value){.name = param->name, .value = value};
    }
    *resolved = values;
    return true;
}

/* NULL when the check passes. */
static const char *check_fault(struct arena *arena, const struct check_spec *check,
                               const char *value)
{
    int order = 0;
    if (!value) {
        return arena_print(arena, "result %s was not written", check->result);
    }
    if (check->equals && !text_equal(check->equals, value) &&
        !(decimal_compare(value, check->equals, &order) && order == 0)) {
        return arena_print(arena, "result %s is %.64s, expected %s", check->result, value,
                           check->equals);
    }
    if (check->min && (!decimal_compare(value, check->min, &order) || order < 0)) {
        return arena_print(arena, "result %s is %.64s, required at least %s", check->result, value,
                           check->min);
    }
    if (check->max && (!decimal_compare(value, check->max, &order) || order > 0)) {
        return arena_print(arena, "result %s is %.64s, allowed at most %s", check->result, value,
                           check->max);
    }
    return NULL;
}

static enum verdict verdict_of(const struct check_spec *check)
{
    return text_equal(check->on_failure, "Warn")      ? VERDICT_WARN
           : text_equal(check->on_failure, "Retrain") ? VERDICT_RETRAIN
                                                      : VERDICT_STOP;
}

static const char *append_sentence(struct arena *arena, const char *text, const char *sentence)
{
    return text ? arena_print(arena, "%s; %s", text, sentence) : sentence;
}

struct judgement checks_judge(struct arena *arena, const struct step_spec *step,
                              const struct name_value *results, size_t result_count)
{
    struct judgement judgement = {.verdict = VERDICT_PASS};
    for (size_t at = 0; at < step->check_count; at++) {
        const struct check_spec *check = &step->checks[at];
        const char *fault = check_fault(arena, check,
                                        find_value(results, result_count, check->result));
        if (!fault) {
            continue;
        }
        enum verdict verdict = verdict_of(check);
        judgement.verdict = verdict > judgement.verdict ? verdict : judgement.verdict;
        judgement.message = append_sentence(arena, judgement.message, fault);
        if (verdict == VERDICT_RETRAIN) {
            judgement.retrain = append_sentence(arena, judgement.retrain, fault);
        }
    }
    return judgement;
}
