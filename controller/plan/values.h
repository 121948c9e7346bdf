#ifndef TIDEMILL_PLAN_VALUES_H
#define TIDEMILL_PLAN_VALUES_H

/* Typed values of parameters and results, and the verdicts over results. Pure. */

#include "api/pipeline.h"
#include "api/pipeline_run.h"
#include "core/arena.h"
#include "plan/graph.h"

/* NULL when `value` is of `type` (string, integer, number, boolean), else what is wrong. */
const char *value_type_fault(struct arena *arena, const char *type, const char *value);

/* NULL, or what is wrong with a value of this parameter, the parameter's name included. */
const char *param_value_fault(struct arena *arena, const struct param_spec *param,
                              const char *value);

/*
 * The run's values laid over the pipeline's defaults, one for each parameter, in its order. False
 * with a fault for an unknown, missing or out-of-bounds one.
 */
bool params_resolve(struct arena *arena, const struct pipeline_spec *spec,
                    const struct name_value *given, size_t given_count,
                    struct name_value **resolved, struct spec_fault *fault);

enum verdict { VERDICT_PASS, VERDICT_WARN, VERDICT_RETRAIN, VERDICT_STOP };

/* The worst verdict of a step's checks; texts have a sentence for each check that did not pass. */
struct judgement {
    enum verdict verdict;
    const char
        *message; /* "result null-fraction is 0.31, allowed at most 0.02"; NULL: all passed */
    const char *retrain; /* of those with onFailure Retrain alone, whatever the verdict; or NULL */
};

/* Of a step's checks over its results. A result that is absent fails its check. */
struct judgement checks_judge(struct arena *arena, const struct step_spec *step,
                              const struct name_value *results, size_t result_count);

#endif
