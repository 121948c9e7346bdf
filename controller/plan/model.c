#include "plan/model_work.h"

#include "core/text.h"
#include "plan/order.h"

/*
 * Plans all that belongs to one model name. The order within the first group matters when the
 * stable Service switches or a number is given: the Service, then the Model's status (it remembers
 * the highest number, and who serves since when), then the versions' statuses, each with its
 * events. A crash between any two of them is mended from the world: who serves is what the Service
 * selects.
 */

/* Each status has a group of its own, unless something must have come true before it is written. */
static void write_version_statuses(struct model_work *work)
{
    bool in_order = work->switches || work->numbers;
    for (size_t at = 0; at < work->count; at++) {
        if (in_order) {
            plan_next_stage(work->plan);
        } else {
            plan_next_group(work->plan);
        }
        version_write_status(work, &work->versions[at]);
    }
}

/* The Service goes first in the group of the status that tells of it. */
static void switch_service(struct model_work *work)
{
    if (work->switches) {
        plan_apply(work->plan, KIND_SERVICE, work->view->namespace, work->view->name,
                   work->model->meta.uid, work->wanted_service.body, REASON_PROMOTED,
                   arena_print(work->arena, "the Service leads to %s from now on",
                               version_label(work, work->champion)));
        plan_lock(work->plan, work->service ? &work->service->meta : NULL);
        plan_next_stage(work->plan);
    }
}

void plan_model(const struct model_view *view, struct plan *plan)
{
    const struct model *model = view->model;
    if (model && model->meta.deletion_time != TIME_ABSENT) {
        return; /* its garbage collection is under way; then the versions are planned without it */
    }
    struct model_view ordered = *view;
    ordered.pods = order_by_name(plan->arena, view->pods, view->pod_count);
    struct model_work work = {.view = &ordered, .plan = plan, .arena = plan->arena, .model = model};
    if (model) {
        work.after = *model;
    }
    version_work_init(&work);
    version_number(&work);
    for (size_t at = 0; at < work.count; at++) {
        version_judge(&work, &work.versions[at]);
    }
    model_choose(&work);
    model_render(&work);
    for (size_t at = 0; at < work.count; at++) {
        version_check_health(&work, &work.versions[at]);
    }
    if (model) {
        model_take_over(&work);
    }
    model_mark_deletes(&work);
    switch_service(&work);
    if (model) {
        model_set_status(&work);
        model_write_status(&work);
    }
    write_version_statuses(&work);
    model_apply(&work);
    model_delete(&work);
}
