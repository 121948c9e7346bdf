#ifndef TIDEMILL_PLAN_CONDITIONS_H
#define TIDEMILL_PLAN_CONDITIONS_H

/*
 * Conditions as kstatus reads them (conformance A1-A4). A planner starts from the old list, sets
 * what it knows, and the time of the last transition moves only when the status flips.
 */

#include "api/meta.h"
#include "core/arena.h"

#define CONDITION_READY       "Ready"
#define CONDITION_SUCCEEDED   "Succeeded"
#define CONDITION_STALLED     "Stalled"
#define CONDITION_RECONCILING "Reconciling"
#define CONDITION_PROGRESSING "Progressing"
#define CONDITION_DEGRADED    "Degraded"
#define CONDITION_VERIFIED    "Verified"

/* Of a Pipeline: see plan/template_check.h. */
#define CONDITION_TEMPLATE_CHECKED "TemplateChecked"

#define STATUS_TRUE    "True"
#define STATUS_FALSE   "False"
#define STATUS_UNKNOWN "Unknown"

enum { CONDITION_MESSAGE_LIMIT = 1024 }; /* bytes; longer messages are cut between characters */

struct condition_writer {
    struct arena *arena;
    struct condition_list *list; /* being written; sorted by type */
    int64_t generation;          /* observedGeneration of what is set */
    int64_t now;                 /* unix seconds */
};

/* `list` becomes a copy of `before` in `arena`; the two may be the same. */
struct condition_writer condition_writer_start(struct arena *arena, struct condition_list *list,
                                               const struct condition_list *before,
                                               int64_t generation, int64_t now);

void condition_set(struct condition_writer *writer, const char *type, const char *status,
                   const char *reason, const char *message);

/* Abnormal-true conditions (Stalled, Reconciling) are removed when they do not hold. */
void condition_remove(struct condition_writer *writer, const char *type);

const struct condition *condition_find(const struct condition_list *list, const char *type);

/* True when the condition exists with this status. */
bool condition_is(const struct condition_list *list, const char *type, const char *status);

#endif
