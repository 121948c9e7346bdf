#ifndef TIDEMILL_PLAN_MODEL_EVENTS_H
#define TIDEMILL_PLAN_MODEL_EVENTS_H

/* status.recent of a Model: what became of it, for people and for Triggers with spec.model. */

#define MODEL_PROMOTED    "Promoted"   /* another version became the champion */
#define MODEL_ROLLED_BACK "RolledBack" /* and it is one from before */
#define MODEL_DEGRADED    "Degraded"   /* the condition of that name became True */
#define MODEL_REJECTED    "Rejected"   /* a version can never serve as it is */

#include <stdbool.h>

struct model_work;

/* This planning makes another version the champion. */
bool model_is_promoted(const struct model_work *work);
/* And where it does, one from before. */
bool model_is_rolled_back(const struct model_work *work);

/*
 * Adds what this planning changes, with the next numbers; the newest 10 stay. After the new status
 * was decided; written with it, so that no change is without its event.
 */
void model_record_events(struct model_work *work);

#endif
