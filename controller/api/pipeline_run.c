#include "api/pipeline_run.h"

#include "core/text.h"

bool pipeline_run_is_finished(const struct pipeline_run *run)
{
    const char *phase = run->status.phase;
    return text_equal(phase, "Succeeded") || text_equal(phase, "Failed") ||
           text_equal(phase, "Cancelled");
}

const char *pipeline_run_retrain_message(const struct pipeline_run *run)
{
    const struct condition_list *list = &run->status.conditions;
    for (size_t at = 0; at < list->count; at++) {
        const struct condition *condition = &list->items[at];
        if (text_equal(condition->type, CONDITION_RETRAIN_NEEDED) &&
            text_equal(condition->status, "True")) {
            return text_or(condition->message, "");
        }
    }
    return NULL;
}
