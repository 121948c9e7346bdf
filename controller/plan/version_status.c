#include "plan/model_work.h"

#include "core/assert.h"
#include "core/text.h"

/* What a ModelVersion says of itself: number, phase, Ready, and the events that go with a change.
 */

/* A phase, and the Ready condition. */
struct verdict {
    const char *phase;
    const char *status;
    const char *reason;
    const char *message;
    bool stalled;
};

static bool is_verified(const struct version_work *version)
{
    return condition_is(&version->after.status.conditions, CONDITION_VERIFIED, STATUS_TRUE);
}

static const char *waiting_phase(const struct version_work *version)
{
    if (is_verified(version)) {
        return VERSION_READY;
    }
    return version->deployment ? VERSION_VERIFYING : VERSION_PENDING;
}

static struct verdict judge_trouble(const struct version_work *version)
{
    return (struct verdict){waiting_phase(version), STATUS_FALSE, version->trouble.reason,
                            version->trouble.message, version->trouble.stalled};
}

static struct verdict judge_serving(const struct version_work *version)
{
    if (!deployment_answers(version)) {
        if (version->trouble.reason) {
            return judge_trouble(version);
        }
        return (struct verdict){waiting_phase(version), STATUS_UNKNOWN, REASON_ROLLING_OUT,
                                is_verified(version)
                                    ? "its pods are starting; it serves when they answer"
                                    : "its files are being copied and checked; then its pods start",
                                false};
    }
    if (version->trouble.reason) {
        return (struct verdict){VERSION_SERVING, STATUS_TRUE, version->trouble.reason,
                                version->trouble.message, false};
    }
    return (struct verdict){VERSION_SERVING, STATUS_TRUE, REASON_SERVING, "it answers requests",
                            false};
}

static struct verdict judge_candidate(const struct version_work *version)
{
    if (version->trouble.reason) {
        return judge_trouble(version);
    }
    const char *message = "its files are being copied and checked; then its pods start";
    if (version->available) {
        message = "its pods answer; the Model says what keeps it from taking over";
    } else if (is_verified(version)) {
        message = "its pods are starting; it takes over when they answer";
    }
    return (struct verdict){waiting_phase(version), STATUS_UNKNOWN, REASON_ROLLING_OUT, message,
                            false};
}

static struct verdict judge_standby(const struct model_work *work,
                                    const struct version_work *version)
{
    if (!work->model) {
        return (struct verdict){waiting_phase(version), STATUS_FALSE, REASON_NO_SERVING,
                                "no Model of this name exists and the version has no spec.serving: "
                                "create a Model, or add spec.serving",
                                false};
    }
    return (struct verdict){is_verified(version) ? VERSION_READY : VERSION_PENDING, STATUS_TRUE,
                            REASON_STANDBY,
                            "the Model serves another version; spec.pinnedVersion of the Model "
                            "brings this one back",
                            false};
}

static struct verdict judge(const struct model_work *work, const struct version_work *version)
{
    if (version->failure.reason) {
        return (struct verdict){VERSION_FAILED, STATUS_FALSE, version->failure.reason,
                                version->failure.message, true};
    }
    switch (version->role) {
    case ROLE_ALONE:
    case ROLE_CHAMPION:
        return judge_serving(version);
    case ROLE_CANDIDATE:
        return judge_candidate(version);
    case ROLE_PREVIOUS:
        return (struct verdict){VERSION_DRAINING, STATUS_TRUE, REASON_DRAINING,
                                "another version took over; its pods stay until requests under way "
                                "have ended",
                                false};
    case ROLE_STANDBY:
        break;
    }
    return judge_standby(work, version);
}

static void tell_verified(struct model_work *work, const struct version_work *version)
{
    const struct condition *before = condition_find(&version->version->status.conditions,
                                                    CONDITION_VERIFIED);
    const struct condition *after = condition_find(&version->after.status.conditions,
                                                   CONDITION_VERIFIED);
    REQUIRE(after); /* version_judge() has set it */
    bool news = !text_equal(after->status, STATUS_UNKNOWN) &&
                (!before || !text_equal(before->reason, after->reason));
    if (news) {
        plan_event(work->plan, KIND_MODEL_VERSION, &version->version->meta,
                   text_equal(after->status, STATUS_FALSE), after->reason, after->message);
    }
}

static void tell_ready(struct model_work *work, const struct version_work *version,
                       const struct verdict *verdict)
{
    const struct condition *before = condition_find(&version->version->status.conditions,
                                                    CONDITION_READY);
    bool told_by_verified = text_equal(verdict->reason, REASON_DIGEST_MISMATCH);
    if (!told_by_verified && (!before || !text_equal(before->reason, verdict->reason))) {
        bool warning = text_equal(verdict->status, STATUS_FALSE) || version->trouble.reason;
        plan_event(work->plan, KIND_MODEL_VERSION, &version->version->meta, warning,
                   verdict->reason, verdict->message);
    }
}

void version_write_status(struct model_work *work, struct version_work *version)
{
    struct model_version_status *status = &version->after.status;
    const struct meta *meta = &version->version->meta;
    struct verdict verdict = judge(work, version);
    struct condition_writer writer = condition_writer_start(
        work->arena, &status->conditions, &status->conditions, meta->generation, work->view->now);
    condition_set(&writer, CONDITION_READY, verdict.status, verdict.reason, verdict.message);
    if (verdict.stalled) {
        condition_set(&writer, CONDITION_STALLED, STATUS_TRUE, verdict.reason, verdict.message);
    } else {
        condition_remove(&writer, CONDITION_STALLED);
    }
    status->observed_generation = meta->generation;
    status->phase = verdict.phase;
    bool has_service = version->service && !version->deletes_deployment;
    status->url = has_service
                      ? arena_print(work->arena, "http://%s.%s.svc", meta->name, meta->namespace)
                      : NULL;
    if (plan_status(work->plan, KIND_MODEL_VERSION, (const struct object *)version->version,
                    (const struct object *)&version->after, verdict.reason, verdict.message)) {
        plan_next_stage(work->plan);
        tell_verified(work, version);
        tell_ready(work, version, &verdict);
    }
}
