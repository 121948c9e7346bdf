#include "plan/values.h"

#include "api/quantity.h"
#include "core/text.h"
#include "plan/reasons.h"

#include <regex.h>
#include <string.h>

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

/* Most repeats of one character; with the pattern's length it bounds what a match can cost. */
enum { REPEAT_MAXIMUM = 255 };

/* A '{' that counts: of one character or bracket, not of a group, and not too often. */
static const char *repeat_fault(const char *pattern, const char *at)
{
    if (at == pattern || strchr(")}*+?|(", at[-1])) {
        return "a counted repeat ({n,m}) must follow a single character or bracket; write the "
               "group out";
    }
    for (const char *digit = at + 1; *digit != '\0' && *digit != '}'; digit++) {
        int64_t count = 0;
        for (; *digit >= '0' && *digit <= '9' && count <= REPEAT_MAXIMUM; digit++) {
            count = count * 10 + (*digit - '0');
        }
        if (count > REPEAT_MAXIMUM) {
            return "counted repeats go up to 255";
        }
        if (*digit != ',') {
            break;
        }
    }
    return NULL;
}

/* Backreferences and repeated groups can cost time and memory without bound. */
static const char *costly_fault(const char *pattern)
{
    for (const char *at = pattern; *at != '\0'; at++) {
        if (*at == '\\' && at[1] != '\0') {
            if (at[1] >= '1' && at[1] <= '9') {
                return "backreferences are not supported";
            }
            at++; /* the escaped character means itself */
            continue;
        }
        const char *fault = *at == '{' ? repeat_fault(pattern, at) : NULL;
        if (fault) {
            return fault;
        }
    }
    return NULL;
}

const char *pattern_fault(struct arena *arena, const char *pattern)
{
    const char *fault = costly_fault(pattern);
    if (fault) {
        return fault;
    }
    regex_t compiled;
    int code = regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB);
    if (code != 0) {
        char text[128];
        (void)regerror(code, &compiled, text, sizeof(text));
        return arena_copy_text(arena, text);
    }
    regfree(&compiled);
    return NULL;
}

static bool pattern_matches(struct arena *arena, const char *pattern, const char *value)
{
    regex_t compiled;
    const char *whole = arena_print(arena, "^(%s)$", pattern);
    if (regcomp(&compiled, whole, REG_EXTENDED | REG_NOSUB) != 0) {
        return false;
    }
    bool matches = regexec(&compiled, value, 0, NULL, 0) == 0;
    regfree(&compiled);
    return matches;
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

enum verdict checks_judge(struct arena *arena, const struct step_spec *step,
                          const struct name_value *results, size_t result_count,
                          const char **message)
{
    enum verdict worst = VERDICT_PASS;
    const char *text = NULL;
    for (size_t at = 0; at < step->check_count; at++) {
        const struct check_spec *check = &step->checks[at];
        const char *fault = check_fault(arena, check,
                                        find_value(results, result_count, check->result));
        if (!fault) {
            continue;
        }
        enum verdict verdict = text_equal(check->on_failure, "Warn") ? VERDICT_WARN : VERDICT_STOP;
        worst = verdict > worst ? verdict : worst;
        text = text ? arena_print(arena, "%s; %s", text, fault) : fault;
    }
    *message = text;
    return worst;
}
