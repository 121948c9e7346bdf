#include "core/text.h"
#include "plan/reasons.h"
#include "plan/view.h"

#include <string.h>

const struct fact *fact_find(const struct fact_list *facts, enum operation_type type,
                             enum api_kind kind, const char *name)
{
    const struct fact *newest = NULL;
    for (size_t at = 0; at < facts->count; at++) {
        const struct fact *fact = &facts->items[at];
        if (fact->type == type && fact->kind == kind && text_equal(fact->name, name) &&
            (!newest || fact->time >= newest->time)) {
            newest = fact;
        }
    }
    return newest;
}

/* A quota has no reason of its own: 403 Forbidden, and these words (admission plugin
 * ResourceQuota). */
const char *fact_reason(const struct fact *refusal)
{
    if (refusal->error == ERROR_EXISTS) {
        return REASON_NAME_TAKEN;
    }
    return strstr(text_or(refusal->message, ""), "exceeded quota") ? REASON_QUOTA_EXCEEDED
                                                                   : REASON_WRITE_REFUSED;
}
