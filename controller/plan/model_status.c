#include "plan/model_work.h"

#include "core/text.h"
#include "plan/model_events.h"

/* What a Model says of itself: who serves, who comes, and whether all is as its spec asks. */

struct model_verdict {
    const char *status;
    const char *reason;
    const char *message;
};

/* The newest of all can't serve, and nobody asked for an older one. */
static const struct version_work *find_failed_successor(const struct model_work *work)
{
    const struct version_work *last = work->count > 0 ? &work->versions[work->count - 1] : NULL;
    bool is_news = last && last->failure.reason && !work->model->spec.pinned_version;
    return is_news ? last : NULL;
}

/* What is wrong, the gravest first; reason NULL: nothing. */
static struct trouble find_trouble(const struct model_work *work)
{
    if (work->pin_missing) {
        return (struct trouble){
            REASON_PIN_NOT_FOUND,
            arena_print(work->arena,
                        "spec.pinnedVersion: there is no ModelVersion \"%s\" of this model in this "
                        "namespace; %s serves on",
                        work->model->spec.pinned_version,
                        work->champion ? version_label(work, work->champion) : "no version"),
            true};
    }
    struct trouble refusal = model_explain_refusal(
        work, arena_print(work->arena, "Service %s", work->view->name), &work->wanted_service);
    if (refusal.reason) {
        return refusal;
    }
    const struct version_work *pinned = version_find(work, work->model->spec.pinned_version);
    if (pinned && pinned->failure.reason) {
        return (struct trouble){pinned->failure.reason,
                                arena_print(work->arena, "the pinned %s can't serve: %s",
                                            version_label(work, pinned), pinned->failure.message),
                                true};
    }
    const struct version_work *target = work->target;
    if (target && target->trouble.reason) {
        return (struct trouble){target->trouble.reason,
                                arena_print(work->arena, "%s: %s", version_label(work, target),
                                            target->trouble.message),
                                target->trouble.stalled};
    }
    const struct version_work *failed = find_failed_successor(work);
    if (failed) {
        return (struct trouble){
            failed->failure.reason,
            arena_print(work->arena, "%s can't serve: %s; %s", version_label(work, failed),
                        failed->failure.message,
                        target ? arena_print(work->arena, "%s serves on until a newer one can",
                                             version_label(work, target))
                               : "no version serves until one is published that can"),
            false};
    }
    return (struct trouble){0};
}

/* What the spec asks for by name can't be had, whoever serves meanwhile. */
static bool is_unmet(const struct model_work *work)
{
    const struct version_work *pinned = version_find(work, work->model->spec.pinned_version);
    return work->pin_missing || (pinned && pinned->failure.reason) || work->wanted_service.refusal;
}

/* What is waited for before the target takes over. */
static const char *explain_rollout(const struct model_work *work)
{
    const struct version_work *champion = work->champion;
    const char *label = version_label(work, work->target);
    const char *meanwhile = champion ? arena_print(work->arena, "until then %s serves",
                                                   version_label(work, champion))
                                     : "no version serves yet";
    if (work->target->available && work->previous) {
        return arena_print(work->arena, "%s answers and takes over when %s has drained; %s", label,
                           version_label(work, work->previous), meanwhile);
    }
    return arena_print(work->arena, "%s is coming up and takes over when its pods answer; %s",
                       label, meanwhile);
}

static struct model_verdict judge(const struct model_work *work, const struct trouble *trouble)
{
    const struct version_work *champion = work->champion;
    const struct version_work *target = work->target;
    if (trouble->reason) {
        bool serves = champion && champion == target && deployment_answers(champion) &&
                      !is_unmet(work);
        return (struct model_verdict){serves ? STATUS_TRUE : STATUS_FALSE, trouble->reason,
                                      trouble->message};
    }
    if (!target) {
        return (struct model_verdict){
            STATUS_FALSE, REASON_NO_VERSION,
            "no version that can serve has been published yet; the first one serves at once"};
    }
    if (target != champion) {
        return (struct model_verdict){STATUS_UNKNOWN, REASON_ROLLING_OUT, explain_rollout(work)};
    }
    if (!deployment_answers(champion)) {
        return (struct model_verdict){STATUS_FALSE, REASON_ROLLING_OUT,
                                      arena_print(work->arena,
                                                  "no pod of %s answers; they are "
                                                  "being started",
                                                  version_label(work, champion))};
    }
    return (struct model_verdict){STATUS_TRUE, REASON_SERVING,
                                  arena_print(work->arena, "%s serves at %s",
                                              version_label(work, champion),
                                              work->after.status.url)};
}

static void set_who_serves(struct model_work *work)
{
    struct model_status *status = &work->after.status;
    const struct version_work *champion = work->champion;
    status->champion = champion ? champion->version->meta.name : NULL;
    status->champion_version = champion ? champion->after.status.version : INTEGER_ABSENT;
    status->candidate = work->target && work->target != champion ? work->target->version->meta.name
                                                                 : NULL;
    status->url = champion ? arena_print(work->arena, "http://%s.%s.svc", work->view->name,
                                         work->view->namespace)
                           : NULL;
    status->selector = champion ? arena_print(work->arena, "%s=%s", LABEL_VERSION_UID,
                                              champion->version->meta.uid)
                                : NULL;
    status->replicas = champion && champion->deployment
                           ? champion->deployment->status.ready_replicas
                           : 0;
}

static void set_progressing(const struct model_work *work, struct condition_writer *writer)
{
    const struct version_work *target = work->target;
    if (target && target != work->champion) {
        condition_set(writer, CONDITION_PROGRESSING, STATUS_TRUE, REASON_ROLLING_OUT,
                      arena_print(work->arena, "%s is coming up", version_label(work, target)));
    } else if (target && (deployment_is_rolling(target) || target->wanted_deployment.apply)) {
        condition_set(writer, CONDITION_PROGRESSING, STATUS_TRUE, REASON_ROLLING_OUT,
                      arena_print(work->arena, "pods of %s are being replaced or added",
                                  version_label(work, target)));
    } else {
        condition_set(writer, CONDITION_PROGRESSING, STATUS_FALSE, REASON_AS_SPECIFIED,
                      "nothing is being rolled out");
    }
}

static void set_degraded(struct condition_writer *writer, const struct trouble *trouble)
{
    if (trouble->reason) {
        condition_set(writer, CONDITION_DEGRADED, STATUS_TRUE, trouble->reason, trouble->message);
    } else {
        condition_set(writer, CONDITION_DEGRADED, STATUS_FALSE, REASON_AS_SPECIFIED,
                      "what should serve is well");
    }
    if (trouble->reason && trouble->stalled) {
        condition_set(writer, CONDITION_STALLED, STATUS_TRUE, trouble->reason, trouble->message);
    } else {
        condition_remove(writer, CONDITION_STALLED);
    }
}

void model_set_status(struct model_work *work)
{
    struct model_status *status = &work->after.status;
    set_who_serves(work);
    struct trouble trouble = find_trouble(work);
    struct model_verdict verdict = judge(work, &trouble);
    struct condition_writer writer = condition_writer_start(
        work->arena, &status->conditions, &work->model->status.conditions,
        work->model->meta.generation, work->view->now);
    condition_set(&writer, CONDITION_READY, verdict.status, verdict.reason, verdict.message);
    set_progressing(work, &writer);
    set_degraded(&writer, &trouble);
    status->observed_generation = work->model->meta.generation;
    model_record_events(work);
}

static void tell_events(struct model_work *work, const struct condition *ready)
{
    const struct meta *meta = &work->model->meta;
    const struct condition *before = condition_find(&work->model->status.conditions,
                                                    CONDITION_READY);
    if (model_is_promoted(work)) {
        plan_event(work->plan, KIND_MODEL, meta, false,
                   model_is_rolled_back(work) ? REASON_ROLLED_BACK : REASON_PROMOTED,
                   arena_print(work->arena, "%s serves at %s", version_label(work, work->champion),
                               work->after.status.url));
    }
    if (work->model->status.previous && !work->after.status.previous) {
        plan_event(work->plan, KIND_MODEL, meta, false, REASON_DRAINED,
                   arena_print(work->arena, "%s has drained; its pods are removed",
                               work->model->status.previous));
    }
    bool calm = text_equal(ready->reason, REASON_SERVING) ||
                text_equal(ready->reason, REASON_NO_VERSION);
    if (!calm && (!before || !text_equal(before->reason, ready->reason))) {
        plan_event(work->plan, KIND_MODEL, meta, !text_equal(ready->reason, REASON_ROLLING_OUT),
                   ready->reason, ready->message);
    }
}

void model_write_status(struct model_work *work)
{
    const struct condition *ready = condition_find(&work->after.status.conditions, CONDITION_READY);
    if (plan_status(work->plan, KIND_MODEL, (const struct object *)work->model,
                    (const struct object *)&work->after, ready->reason, ready->message)) {
        plan_next_stage(work->plan);
        tell_events(work, ready);
    }
}
