#include "core/text.h"
#include "plan/reasons.h"
#include "plan/view.h"

#include <stdlib.h>
#include <string.h>

static int compare_facts(const void *left, const void *right)
{
    const struct fact *a = left;
    const struct fact *b = right;
    if (a->type != b->type) {
        return a->type < b->type ? -1 : 1;
    }
    if (a->kind != b->kind) {
        return a->kind < b->kind ? -1 : 1;
    }
    return text_compare(a->name, b->name);
}

void facts_sort(struct fact *facts, size_t count)
{
    if (count > 0) {
        qsort(facts, count, sizeof(*facts), compare_facts);
    }
}

const struct fact *fact_find(const struct fact_list *facts, enum operation_type type,
                             enum api_kind kind, const char *name)
{
    const struct fact wanted = {.type = type, .kind = kind, .name = name};
    return facts->count > 0
               ? bsearch(&wanted, facts->items, facts->count, sizeof(*facts->items), compare_facts)
               : NULL;
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

const char *fact_said(const struct fact *fact)
{
    return text_or(fact->message, "no reason given");
}
