#include "api/schema.h"
#include "core/assert.h"
#include "core/text.h"
#include "plan/conditions.h"
#include "plan/reasons.h"
#include "plan/view.h"

#include <string.h>

/*
 * An object whose spec can't be read: a part that the API server lets through unchecked (a pod
 * template) is nested too deep, or has a form that no table knows. Nothing can be said of what it
 * asks for, so nothing that exists is changed for it (conformance X3).
 */

/* What the statuses of our kinds have in common. */
struct status_parts {
    int64_t *observed_generation;
    struct condition_list *conditions;
};

static struct status_parts parts_of(enum api_kind kind, void *object)
{
    struct pipeline *pipeline = object;
    struct pipeline_run *run = object;
    struct model *model = object;
    struct model_version *version = object;
    struct trigger *trigger = object;
    switch (kind) {
    case KIND_PIPELINE:
        return (struct status_parts){&pipeline->status.observed_generation,
                                     &pipeline->status.conditions};
    case KIND_PIPELINE_RUN:
        return (struct status_parts){&run->status.observed_generation, &run->status.conditions};
    case KIND_MODEL:
        return (struct status_parts){&model->status.observed_generation, &model->status.conditions};
    case KIND_MODEL_VERSION:
        return (struct status_parts){&version->status.observed_generation,
                                     &version->status.conditions};
    default:
        REQUIRE(kind == KIND_TRIGGER);
        return (struct status_parts){&trigger->status.observed_generation,
                                     &trigger->status.conditions};
    }
}

/* A run that has ended stays as it ended. */
static bool is_final(const struct unreadable_view *view)
{
    return view->kind == KIND_PIPELINE_RUN &&
           pipeline_run_is_finished((const struct pipeline_run *)view->object);
}

void plan_unreadable(const struct unreadable_view *view, struct plan *plan)
{
    const struct meta *meta = &view->object->meta;
    if (meta->deletion_time != TIME_ABSENT || is_final(view)) {
        return;
    }
    size_t size = schema_of(view->kind)->size;
    struct object *after = arena_allocate(plan->arena, 1, size);
    memcpy(after, view->object, size);
    struct status_parts parts = parts_of(view->kind, after);
    const struct condition *before = condition_find(parts.conditions, CONDITION_READY);
    bool is_news = !before || !text_equal(before->reason, REASON_SPEC_UNREADABLE);
    const char *message = arena_print(plan->arena,
                                      "%s; until the spec is corrected nothing is done for it, and "
                                      "what was made for it stays as it is",
                                      meta->unreadable);
    struct condition_writer writer = condition_writer_start(
        plan->arena, parts.conditions, parts.conditions, meta->generation, view->now);
    condition_set(&writer, CONDITION_READY, STATUS_FALSE, REASON_SPEC_UNREADABLE, message);
    condition_set(&writer, CONDITION_STALLED, STATUS_TRUE, REASON_SPEC_UNREADABLE, message);
    condition_remove(&writer, CONDITION_RECONCILING);
    *parts.observed_generation = meta->generation;
    if (plan_status(plan, view->kind, view->object, after, REASON_SPEC_UNREADABLE, message) &&
        is_news) {
        plan_next_stage(plan);
        plan_event(plan, view->kind, meta, true, REASON_SPEC_UNREADABLE, message);
    }
}
