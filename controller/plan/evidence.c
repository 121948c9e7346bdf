#include "plan/evidence.h"

#include "api/codec.h"
#include "api/render.h"
#include "core/text.h"
#include "plan/reasons.h"

#include <string.h>

/* Of a container's last words in a message; the whole log is in the pod. */
enum { LAST_WORDS_LIMIT = 400 };

static const struct workload_condition *find_condition(const struct workload_condition *conditions,
                                                       size_t count, const char *type)
{
    for (size_t at = 0; at < count; at++) {
        if (text_equal(conditions[at].type, type) && text_equal(conditions[at].status, "True")) {
            return &conditions[at];
        }
    }
    return NULL;
}

static const struct container_status *find_in(const struct container_status *containers,
                                              size_t count, const char *name)
{
    for (size_t at = 0; at < count; at++) {
        if (text_equal(containers[at].name, name)) {
            return &containers[at];
        }
    }
    return NULL;
}

const struct container_status *pod_find_container(const struct pod *pod, const char *name)
{
    const struct container_status *found = find_in(pod->status.containers,
                                                   pod->status.container_count, name);
    return found ? found
                 : find_in(pod->status.init_containers, pod->status.init_container_count, name);
}

const char *pod_last_words(struct arena *arena, const struct container_status *container,
                           size_t limit)
{
    const char *words = container ? container->state.terminated.message : NULL;
    if (text_is_empty(words)) {
        return "";
    }
    size_t size = strlen(words);
    const char *from = size > limit ? words + (size - limit) : words;
    while (((unsigned char)*from & 0xC0U) == 0x80U) {
        from++; /* not into the middle of a UTF-8 character */
    }
    char *line = arena_copy_text(arena, from);
    size_t kept = 0;
    for (size_t at = 0; line[at] != '\0'; at++) {
        bool space = (unsigned char)line[at] <= ' ';
        if (!space || (kept > 0 && line[kept - 1] != ' ')) {
            line[kept++] = space ? ' ' : line[at];
        }
    }
    while (kept > 0 && line[kept - 1] == ' ') {
        kept--;
    }
    line[kept] = '\0';
    return line;
}

/* The first container that ended badly, init containers first. */
static const struct container_status *find_culprit(const struct pod *pod)
{
    const struct container_status *lists[] = {pod->status.init_containers, pod->status.containers};
    size_t counts[] = {pod->status.init_container_count, pod->status.container_count};
    for (size_t list = 0; list < 2; list++) {
        for (size_t at = 0; at < counts[list]; at++) {
            int64_t code = lists[list][at].state.terminated.exit_code;
            if (code != INTEGER_ABSENT && code != 0) {
                return &lists[list][at];
            }
        }
    }
    return NULL;
}

static bool is_helper(const struct container_status *container)
{
    return text_starts_with(container->name, "tidemill-");
}

/* Our helpers say reason and remedy as JSON. */
static bool explain_helper(struct arena *arena, const struct container_status *container,
                           struct attempt_evidence *evidence)
{
    struct artifact_report report = {0};
    const char *said = container->state.terminated.message;
    if (!is_helper(container) || text_is_empty(said) ||
        !result_is_ok(codec_decode_artifact_report(arena, said, &report, NULL)) || !report.reason) {
        return false;
    }
    evidence->reason = report.reason;
    evidence->message = text_or(report.message, report.reason);
    return true;
}

static const char *describe_exit(struct arena *arena, const struct pod *pod,
                                 const struct container_status *container)
{
    const struct container_terminated *end = &container->state.terminated;
    const char *words = pod_last_words(arena, container, LAST_WORDS_LIMIT);
    const char *how = text_equal(end->reason, "OOMKilled")
                          ? "was killed: it needs more memory than its limit (OOMKilled)"
                          : arena_print(arena, "exited with code %lld", (long long)end->exit_code);
    return arena_print(arena, "container %s of pod %s %s%s%s", container->name, pod->meta.name, how,
                       words[0] ? "; its last words: " : "", words);
}

static void explain_failure(struct arena *arena, const struct pod *pod,
                            struct attempt_evidence *evidence)
{
    const struct container_status *culprit = find_culprit(pod);
    if (text_equal(pod->status.reason, "DeadlineExceeded")) {
        evidence->reason = REASON_STEP_TIMED_OUT;
        evidence->message = arena_print(arena, "pod %s ran into its time limit", pod->meta.name);
        return;
    }
    evidence->reason = REASON_STEP_FAILED;
    if (!culprit) {
        evidence->message = arena_print(
            arena, "pod %s failed: %s", pod->meta.name,
            text_or(pod->status.message, text_or(pod->status.reason, "it does not say why")));
        return;
    }
    if (!explain_helper(arena, culprit, evidence)) {
        evidence->message = describe_exit(arena, pod, culprit);
    }
}

static int64_t ended_at(const struct pod *pod)
{
    int64_t latest = TIME_ABSENT;
    for (size_t at = 0; at < pod->status.container_count; at++) {
        int64_t time = pod->status.containers[at].state.terminated.finished_at;
        latest = time > latest ? time : latest;
    }
    return latest;
}

static bool is_failed_attempt(const struct job *job, const struct pod *pod)
{
    return text_equal(pod->status.phase, "Failed") && pod->meta.deletion_time == TIME_ABSENT &&
           !find_condition(pod->status.conditions, pod->status.condition_count,
                           "DisruptionTarget") &&
           !job->spec.suspend;
}

/*
 * "Back-off pulling image "x": ErrImagePull: <the registry's words>" and "<the registry's words>"
 * alternate while the cause is the same; only the common part is kept.
 */
static const char *pull_failure(const char *message)
{
    static const char marker[] = "ErrImagePull: ";
    const char *inner = message ? strstr(message, marker) : NULL;
    return inner ? inner + sizeof(marker) - 1 : message;
}

static bool is_pull_failure(const char *reason)
{
    return text_equal(reason, "ErrImagePull") || text_equal(reason, "ImagePullBackOff") ||
           text_equal(reason, "ErrImageNeverPull") || text_equal(reason, "InvalidImageName");
}

static bool explain_container(struct arena *arena, const struct pod *pod,
                              const struct container_status *container, const char **reason,
                              const char **message)
{
    const struct container_waiting *waiting = &container->state.waiting;
    if (!container_is_held_up(container)) {
        return false;
    }
    if (is_pull_failure(waiting->reason)) {
        *reason = REASON_IMAGE_PULL;
        *message = arena_print(arena,
                               "image \"%s\" of container %s can't be pulled: %s; the kubelet goes "
                               "on trying",
                               container->image, container->name,
                               text_or(pull_failure(waiting->message), waiting->reason));
        return true;
    }
    *reason = REASON_POD_WAITING;
    *message = arena_print(arena, "container %s of pod %s waits: %s%s%s", container->name,
                           pod->meta.name, waiting->reason, waiting->message ? ": " : "",
                           text_or(waiting->message, ""));
    return true;
}

bool pod_explain_waiting(struct arena *arena, const struct pod *pod, const char **reason,
                         const char **message)
{
    for (size_t at = 0; at < pod->status.condition_count; at++) {
        const struct workload_condition *condition = &pod->status.conditions[at];
        if (text_equal(condition->type, "PodScheduled") && text_equal(condition->status, "False")) {
            *reason = REASON_POD_WAITING;
            *message = arena_print(arena, "pod %s can't be placed on a node: %s", pod->meta.name,
                                   text_or(condition->message, text_or(condition->reason, "")));
            return true;
        }
    }
    for (size_t at = 0; at < pod->status.init_container_count; at++) {
        if (explain_container(arena, pod, &pod->status.init_containers[at], reason, message)) {
            return true;
        }
    }
    for (size_t at = 0; at < pod->status.container_count; at++) {
        if (explain_container(arena, pod, &pod->status.containers[at], reason, message)) {
            return true;
        }
    }
    return false;
}

static struct attempt_evidence judge_job(struct arena *arena, const struct job *job)
{
    const struct job_status *status = &job->status;
    const struct workload_condition *failed = find_condition(status->conditions,
                                                             status->condition_count, "Failed");
    if (failed) {
        return (struct attempt_evidence){
            .state = ATTEMPT_FAILED,
            .ended_at = failed->last_transition_time,
            .reason = REASON_STEP_FAILED,
            .message = arena_print(arena, "Job %s failed: %s", job->meta.name,
                                   text_or(failed->message, text_or(failed->reason, "")))};
    }
    bool complete = find_condition(status->conditions, status->condition_count, "Complete") != NULL;
    return (struct attempt_evidence){.state = complete ? ATTEMPT_SUCCEEDED : ATTEMPT_UNDER_WAY,
                                     .ended_at = complete ? status->completion_time : TIME_ABSENT};
}

struct attempt_evidence attempt_judge(struct arena *arena, const struct job *job,
                                      const struct pod *const *pods, size_t pod_count)
{
    if (!job) {
        return (struct attempt_evidence){.state = ATTEMPT_NONE, .ended_at = TIME_ABSENT};
    }
    const struct pod *failed = NULL;
    const struct pod *newest = NULL;
    for (size_t at = 0; at < pod_count; at++) {
        const struct pod *pod = pods[at];
        if (!meta_is_controlled_by(&pod->meta, job->meta.uid)) {
            continue;
        }
        if (text_equal(pod->status.phase, "Succeeded")) {
            return (struct attempt_evidence){
                .state = ATTEMPT_SUCCEEDED, .pod = pod, .ended_at = ended_at(pod)};
        }
        failed = is_failed_attempt(job, pod) ? pod : failed;
        newest = !newest || pod->meta.creation_time > newest->meta.creation_time ? pod : newest;
    }
    if (failed) {
        struct attempt_evidence evidence = {
            .state = ATTEMPT_FAILED, .pod = failed, .ended_at = ended_at(failed)};
        explain_failure(arena, failed, &evidence);
        return evidence;
    }
    struct attempt_evidence evidence = judge_job(arena, job);
    if (evidence.state == ATTEMPT_UNDER_WAY && newest) {
        evidence.pod = newest;
        (void)pod_explain_waiting(arena, newest, &evidence.reason, &evidence.message);
    }
    return evidence;
}
