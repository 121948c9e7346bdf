#include "plan/trigger_work.h"

#include "api/names.h"
#include "core/assert.h"
#include "core/civil.h"
#include "core/text.h"
#include "plan/run_phase.h"

/* The run of a firing, and those that it replaces. */

size_t trigger_count_unfinished(const struct trigger_work *work, const char *except,
                                const char **example)
{
    size_t count = 0;
    *example = NULL;
    for (size_t at = 0; at < work->view->run_count; at++) {
        const struct pipeline_run *run = work->view->runs[at];
        if (!run_phase_is_final(run->status.phase) && !text_equal(run->meta.name, except)) {
            *example = *example ? *example : run->meta.name;
            count++;
        }
    }
    return count;
}

/* Why it runs, for people: the same words for the same firing, whoever creates it in the end. */
static const char *describe_cause(const struct trigger_work *work, const char *reason)
{
    const struct schedule_spec *schedule = &work->trigger->spec.schedule;
    const struct pending_firing *pending = &work->after.status.pending;
    const char *why = text_equal(reason, REASON_CATCH_UP)   ? "; made up for, since it was missed"
                      : text_equal(reason, REASON_QUEUED)   ? "; it waited for the run before"
                      : text_equal(reason, REASON_REPLACED) ? "; it replaces the run before"
                                                            : "";
    if (pending->revision) {
        return arena_print(work->arena, "%s%s", text_or(pending->summary, pending->revision), why);
    }
    return arena_print(work->arena, "schedule \"%s\" in %s%s", schedule->cron,
                       text_or(schedule->time_zone, "Etc/UTC"), why);
}

/* What the source was at: a time, or a revision. */
static const char *print_revision(struct trigger_work *work)
{
    const struct pending_firing *pending = &work->after.status.pending;
    char time[CIVIL_TEXT_SIZE];
    if (pending->revision) {
        return pending->revision;
    }
    civil_format(pending->scheduled_time, time);
    return arena_copy_text(work->arena, time);
}

static const char *render_run(struct trigger_work *work)
{
    const struct trigger *trigger = work->trigger;
    const struct pending_firing *pending = &work->after.status.pending;
    const char *chain = arena_print(work->arena, "%lld", (long long)pending->chain);
    size_t param_count = 0;
    const struct trigger_values kept = {.items = pending->params, .count = pending->param_count};
    struct name_value *params = trigger_params_list(work->arena, &trigger->spec, &kept,
                                                    &param_count);
    struct name_value labels[] = {
        {.name = LABEL_MANAGED_BY, .value = LABEL_MANAGED_BY_VALUE},
        {.name = LABEL_PIPELINE, .value = name_as_label(work->arena, work->pipeline->meta.name)},
        {.name = LABEL_TRIGGER, .value = name_as_label(work->arena, trigger->meta.name)},
    };
    struct name_value annotations[] = {
        {.name = ANNOTATION_TRIGGER_UID, .value = trigger->meta.uid},
        {.name = ANNOTATION_CHAIN, .value = chain},
    };
    size_t annotation_count = pending->chain > 0 ? COUNT_OF(annotations)
                                                 : COUNT_OF(annotations) - 1;
    struct owner_reference owner = {.api_version = API_VERSION,
                                    .kind = kind_info(KIND_PIPELINE)->kind,
                                    .name = work->pipeline->meta.name,
                                    .uid = work->pipeline->meta.uid,
                                    .controller = true};
    struct pipeline_run run = {
        .meta = {.name = pending->run,
                 .namespace = trigger->meta.namespace,
                 .creation_time = TIME_ABSENT,
                 .deletion_time = TIME_ABSENT,
                 .labels = {.items = labels, .count = COUNT_OF(labels)},
                 .annotations = {.items = annotations, .count = annotation_count},
                 .owners = &owner,
                 .owner_count = 1},
        .spec = {.pipeline_ref = trigger->spec.pipeline_ref,
                 .params = params,
                 .param_count = param_count,
                 .cause = {.kind = kind_info(KIND_TRIGGER)->kind,
                           .name = trigger->meta.name,
                           .revision = print_revision(work),
                           .message = describe_cause(work, pending->reason)}},
    };
    return codec_encode(work->arena, KIND_PIPELINE_RUN, (const struct object *)&run);
}

/* Only what a Trigger's firing made is controlled by the pipeline: other runs are left alone. */
static bool is_to_cancel(const struct trigger_work *work, const struct pipeline_run *run)
{
    return !run_phase_is_final(run->status.phase) && !run->spec.cancel &&
           run->meta.deletion_time == TIME_ABSENT &&
           !text_equal(run->meta.name, work->after.status.pending.run) &&
           meta_is_controlled_by(&run->meta, work->pipeline->meta.uid);
}

static bool replaces(const struct trigger_work *work)
{
    return text_equal(work->trigger->spec.concurrency_policy, "Replace");
}

void trigger_note_refused_cancel(struct trigger_work *work)
{
    for (size_t at = 0; replaces(work) && at < work->view->run_count; at++) {
        const struct pipeline_run *run = work->view->runs[at];
        const struct fact *fact = fact_find(&work->view->facts, OPERATION_PATCH, KIND_PIPELINE_RUN,
                                            run->meta.name);
        if (is_to_cancel(work, run) && fact) {
            trigger_note_obstacle(work, REASON_WRITE_REFUSED,
                                  arena_print(work->arena,
                                              "run %s can't be cancelled, as "
                                              "spec.concurrencyPolicy Replace asks: %s; it is "
                                              "tried again, or cancel it by hand",
                                              run->meta.name, fact_said(fact)));
        }
    }
}

/* Before the new run is there, so that the two do not meet. */
static void cancel_unfinished(struct trigger_work *work)
{
    for (size_t at = 0; replaces(work) && at < work->view->run_count; at++) {
        const struct pipeline_run *run = work->view->runs[at];
        if (is_to_cancel(work, run)) {
            const char *body = arena_print(
                work->arena,
                "[{\"op\":\"replace\",\"path\":\"/metadata/resourceVersion\",\"value\":\"%s\"},"
                "{\"op\":\"add\",\"path\":\"/spec/cancel\",\"value\":true}]",
                run->meta.resource_version);
            plan_patch(work->plan, KIND_PIPELINE_RUN, &run->meta, body, REASON_REPLACED,
                       arena_print(work->arena, "spec.concurrencyPolicy is Replace: %s follows",
                                   work->after.status.pending.run));
        }
    }
}

void trigger_plan_run(struct trigger_work *work)
{
    const struct pending_firing *pending = &work->after.status.pending;
    cancel_unfinished(work);
    plan_next_stage(work->plan);
    plan_create(
        work->plan, KIND_PIPELINE_RUN, work->trigger->meta.namespace, pending->run,
        work->pipeline->meta.uid, render_run(work), text_or(pending->reason, REASON_FIRED),
        arena_print(work->arena, "starts the run of %s", trigger_print_firing(work, pending)));
}
