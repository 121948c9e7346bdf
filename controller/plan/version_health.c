#include "plan/model_work.h"

#include "api/codec.h"
#include "api/render.h"
#include "core/text.h"
#include "plan/evidence.h"

#include <string.h>

/* Whether what should serve does: its Deployment, and where that says nothing, its pods. */

/* Of a crashed server's last words in a message; the whole log is in the pod. */
enum { LAST_WORDS_LIMIT = 400 };

bool pod_explain_copy(struct arena *arena, const struct pod *pod, const char **reason,
                      const char **message)
{
    const struct container_status *copy = pod_find_container(pod, CONTAINER_COPY);
    const struct container_terminated *ends[] = {copy ? &copy->state.terminated : NULL,
                                                 copy ? &copy->last_state.terminated : NULL};
    for (size_t at = 0; at < 2; at++) {
        struct artifact_report report = {0};
        if (ends[at] && ends[at]->exit_code != INTEGER_ABSENT && ends[at]->exit_code != 0 &&
            !text_is_empty(ends[at]->message) &&
            result_is_ok(codec_decode_artifact_report(arena, ends[at]->message, &report, NULL)) &&
            report.reason) {
            *reason = report.reason;
            *message = text_or(report.message, report.reason);
            return true;
        }
    }
    return false;
}

static const struct workload_condition *find_condition(const struct deployment *deployment,
                                                       const char *type, const char *status)
{
    for (size_t at = 0; at < deployment->status.condition_count; at++) {
        const struct workload_condition *condition = &deployment->status.conditions[at];
        if (text_equal(condition->type, type) && text_equal(condition->status, status)) {
            return condition;
        }
    }
    return NULL;
}

static bool is_observed(const struct deployment *deployment)
{
    return deployment->status.observed_generation >= deployment->meta.generation;
}

bool deployment_is_rolling(const struct version_work *version)
{
    const struct deployment *deployment = version->deployment;
    return deployment && (!is_observed(deployment) ||
                          deployment->status.updated_replicas < deployment->spec.replicas ||
                          deployment->status.replicas > deployment->status.updated_replicas);
}

bool deployment_answers(const struct version_work *version)
{
    const struct deployment *deployment = version->deployment;
    return deployment && is_observed(deployment) &&
           (deployment->spec.replicas == 0 || deployment->status.available_replicas > 0);
}

/* D1 of the checklist: current, all pods of the newest template, all of them available. */
static bool is_available(const struct version_work *version)
{
    const struct deployment *deployment = version->deployment;
    return deployment && deployment->meta.deletion_time == TIME_ABSENT &&
           !deployment_is_rolling(version) &&
           deployment->status.available_replicas >= deployment->spec.replicas;
}

/* A server that ended: its last words say more than "CrashLoopBackOff". */
static bool explain_crash(struct arena *arena, const struct pod *pod, const char **message)
{
    const struct container_status *server = pod_find_container(pod, CONTAINER_SERVER);
    if (!server || server->state.running.started_at != TIME_ABSENT) {
        return false;
    }
    struct container_status ended = *server;
    if (ended.state.terminated.exit_code == INTEGER_ABSENT) {
        ended.state.terminated = server->last_state.terminated;
    }
    if (ended.state.terminated.exit_code == INTEGER_ABSENT) {
        return false;
    }
    const char *words = pod_last_words(arena, &ended, LAST_WORDS_LIMIT);
    *message = arena_print(arena, "container server exited with code %lld%s%s",
                           (long long)ended.state.terminated.exit_code,
                           words[0] ? "; its last words: " : "", words);
    return true;
}

/* The first pod by name that says why it does not serve. */
static bool explain_pods(const struct model_work *work, const struct version_work *version,
                         struct trouble *trouble)
{
    for (size_t at = 0; at < work->view->pod_count; at++) {
        const struct pod *pod = work->view->pods[at];
        if (!version_owns_pod(version, pod) || pod->meta.deletion_time != TIME_ABSENT) {
            continue;
        }
        const char *reason = NULL;
        const char *message = NULL;
        if (pod_explain_copy(work->arena, pod, &reason, &message)) {
            *trouble = (struct trouble){REASON_ARTIFACT_UNUSABLE, message, false};
            return true;
        }
        if (explain_crash(work->arena, pod, &message)) {
            *trouble = (struct trouble){REASON_SERVER_FAILING, message, false};
            return true;
        }
        if (pod_explain_waiting(work->arena, pod, &reason, &message)) {
            *trouble = (struct trouble){reason, message, false};
            return true;
        }
    }
    return false;
}

static void explain_deployment(const struct model_work *work, struct version_work *version)
{
    const struct workload_condition *failure = find_condition(version->deployment, "ReplicaFailure",
                                                              "True");
    const struct workload_condition *stuck = find_condition(version->deployment, "Progressing",
                                                            "False");
    struct trouble *trouble = &version->trouble;
    if (!explain_pods(work, version, trouble) && failure) {
        const char *said = text_or(failure->message, text_or(failure->reason, ""));
        *trouble = (struct trouble){
            strstr(said, "exceeded quota") ? REASON_QUOTA_EXCEEDED : REASON_NO_POD_YET,
            arena_print(work->arena, "its pods can't be created: %s", said), false};
    }
    if (stuck && text_equal(stuck->reason, REASON_PROGRESS_DEADLINE)) {
        *trouble = (struct trouble){
            REASON_PROGRESS_DEADLINE,
            arena_print(work->arena, "its pods did not become ready in time%s%s",
                        trouble->message ? ": " : "", text_or(trouble->message, "")),
            true};
    }
}

void version_check_health(struct model_work *work, struct version_work *version)
{
    bool serves = version->role == ROLE_ALONE || version->role == ROLE_CANDIDATE ||
                  version->role == ROLE_CHAMPION;
    version->available = is_available(version) && !version->wanted_deployment.apply;
    if (version->failure.reason || !serves) {
        return;
    }
    struct trouble refusal = model_explain_refusal(
        work, arena_print(work->arena, "Deployment %s", version->version->meta.name),
        &version->wanted_deployment);
    if (!refusal.reason) {
        refusal = model_explain_refusal(
            work, arena_print(work->arena, "Service %s", version->version->meta.name),
            &version->wanted_service);
    }
    if (refusal.reason) {
        version->trouble = refusal;
    } else if (!version->trouble.reason && version->deployment && !is_available(version)) {
        explain_deployment(work, version);
    }
}
