#ifndef TIDEMILL_PLAN_TEMPLATE_CHECK_H
#define TIDEMILL_PLAN_TEMPLATE_CHECK_H

/*
 * Whether the API server would take the Job of every step, asked once for each generation of a
 * Pipeline by dry runs: what a schema of ours can't know about pods is said on apply, in the API
 * server's own words, and not by the first run at night. For plan/pipeline.c. Pure.
 *
 * The verdict is kept in condition TemplateChecked with its observedGeneration, so that neither a
 * restart nor anything else asks again. What could not be judged is Unknown and in nobody's way.
 */

#include "plan/plan.h"
#include "plan/view.h"

struct template_verdict {
    const char *status;  /* of TemplateChecked; NULL: not known yet, the questions are planned */
    const char *reason;  /* one of plan/reasons.h */
    const char *message; /* for people: which step, what the API server said */
    bool is_news;        /* not in the pipeline's status yet */
};

/* `revision` pins the spec, which pipeline_check() found sound. Everything lives in plan->arena. */
struct template_verdict template_check(const struct pipeline_view *view, const char *revision,
                                       struct plan *plan);

#endif
