#include "plan/run_work.h"

#include "api/codec.h"
#include "api/quantity.h"
#include "api/render.h"
#include "core/assert.h"
#include "core/text.h"
#include "plan/backoff.h"
#include "plan/values.h"

#include <string.h>

/*
 * What came of the attempts that are under way. Writes into the step statuses only; evidence that
 * was recorded once is never looked at again.
 *
 *   Pending ──Job made──> Running ──succeeded──> Succeeded
 *                          │  ^  └──check Stop, or no attempt left──> Failed
 *                   failed v  │ its time has come
 *                         Retrying
 */

/* The kubelet keeps so many bytes of a termination message (kubelet: MaxContainerTerminationMessage
 * Length); one that fills it and is no JSON was cut. */
enum { TERMINATION_MESSAGE_LIMIT = 4096, TERMINATION_MESSAGE_SHARED = 12288, BYTES_PER_KIB = 1024 };

/*
 * A Job without any pod for so long is asked about; and again every so often, less so when the
 * answer was told. Of many Jobs only the first ones: the Job controller takes its time for 1,000 of
 * them, and one answer is shown. (What all runs ask together is bounded by the executor.)
 */
enum {
    EXPLAIN_AFTER_SECONDS = 10,
    EXPLAIN_EVERY_SECONDS = 30,
    EXPLAIN_AGAIN_SECONDS = 120,
    EXPLAIN_AT_ONCE = 10
};

/*
 * A Job that has ended is not believed alone for so long, since the watch of pods may be behind
 * that of Jobs. Where the run needs nothing of what the pod left but its last words or its image,
 * it waits less. Else the API server itself is asked before the pod is given up, since the time may
 * be long over: after an outage a Job that ended in it is seen before its pod is.
 */
enum {
    UNSEEN_NEEDED_SECONDS = 300,
    UNSEEN_SECONDS = 10,
    UNSEEN_TOLD_SECONDS = 10,
    ASK_AGAIN_SECONDS = 30
};

/* What later steps read, and only the pod can tell. */
static bool leaves_something(const struct outputs_spec *outputs)
{
    return outputs->result_count > 0 || outputs->artifact_count > 0;
}

static void note_unseen(struct run_work *work, const struct job *job)
{
    run_note_obstacle(work, REASON_POD_NOT_SEEN,
                      arena_print(work->arena,
                                  "Job %s has ended, but its pod has not been seen to end; waiting "
                                  "for what it left until the watch of pods shows it, or after %d "
                                  "s the API server says that it is gone",
                                  job->meta.name, UNSEEN_NEEDED_SECONDS));
}

const struct fact *run_ask_for_pods(struct run_work *work, const char *job, const char *why)
{
    const struct fact *fact = fact_find(&work->view->facts, OPERATION_PROBE, KIND_POD, job);
    plan_wake_at(work->plan, work->view->now + ASK_AGAIN_SECONDS);
    if (!fact && !work->is_last && work->asked_for_pods < RUN_ASKS_AT_ONCE) {
        work->asked_for_pods++;
        plan_next_group(work->plan);
        plan_probe(work->plan, KIND_POD, work->run->meta.namespace, job, REASON_POD_NOT_SEEN, why);
    }
    return fact;
}

/* False when the API server has none of its pods any more. */
static bool may_turn_up(struct run_work *work, const struct job *job)
{
    const struct fact *fact = run_ask_for_pods(
        work, job->meta.name,
        "the Job has ended and its pod is not in the cache; asking whether it is gone");
    if (fact && fact->error == ERROR_NOT_FOUND) {
        return false;
    }
    note_unseen(work, job);
    return true;
}

/* True while the pod that a Job's end speaks of may still turn up. */
static bool awaits_pod(struct run_work *work, const struct job *job,
                       const struct attempt_evidence *evidence, bool is_needed)
{
    bool ended = evidence->state == ATTEMPT_SUCCEEDED || evidence->state == ATTEMPT_FAILED;
    if (!ended || evidence->pod) {
        return false;
    }
    bool long_wait = is_needed && evidence->state == ATTEMPT_SUCCEEDED;
    /* What does not say when it ended (TIME_ABSENT) did so long ago. */
    int64_t until = evidence->ended_at + (long_wait ? UNSEEN_NEEDED_SECONDS : UNSEEN_SECONDS);
    if (work->view->now >= until) {
        return long_wait && may_turn_up(work, job);
    }
    int64_t told = evidence->ended_at + UNSEEN_TOLD_SECONDS;
    plan_wake_at(work->plan, work->view->now < told ? told : until);
    if (work->view->now >= told) {
        note_unseen(work, job);
    }
    return true;
}

struct attempt_evidence run_judge_attempt(struct run_work *work, const struct job *job,
                                          bool needs_pod)
{
    size_t pod_count = 0;
    const struct pod *const *pods = run_find_pods(work, job, &pod_count);
    struct attempt_evidence evidence = attempt_judge(work->arena, job, pods, pod_count);
    if (awaits_pod(work, job, &evidence, needs_pod)) {
        evidence.state = ATTEMPT_UNDER_WAY;
        evidence.reason = NULL;
        evidence.awaits_pod = true;
    }
    return evidence;
}

static void fail_attempt(struct run_work *work, size_t index, int64_t ended, const char *reason,
                         const char *message)
{
    struct step_status *status = &work->steps[index];
    const struct retry_spec *retry = &work->graph.steps[index].spec->retry;
    int64_t when = ended == TIME_ABSENT ? work->view->now : ended;
    status->reason = reason;
    if (status->attempts <= retry->limit) {
        status->phase = STEP_RETRYING;
        status->retry_time = when + backoff_seconds(&retry->backoff, status->attempts);
        status->message = arena_print(work->arena, "attempt %lld of %lld failed: %s",
                                      (long long)status->attempts, (long long)retry->limit + 1,
                                      message);
        return;
    }
    status->phase = STEP_FAILED;
    status->retry_time = TIME_ABSENT;
    status->completion_time = when;
    status->message = message;
}

static size_t results_limit(const struct pod *pod)
{
    size_t containers = pod->status.container_count + pod->status.init_container_count;
    REQUIRE(containers > 0); /* one of them has left a message */
    size_t share = TERMINATION_MESSAGE_SHARED / containers;
    return share < TERMINATION_MESSAGE_LIMIT ? share : TERMINATION_MESSAGE_LIMIT;
}

/* False with a fault when the container's results are not what the step declares. */
static bool read_results(struct run_work *work, const struct step_spec *spec, const struct pod *pod,
                         struct step_status *status, struct spec_fault *fault)
{
    const struct container_status *container = pod_find_container(pod, CONTAINER_STEP);
    const char *said = container ? container->state.terminated.message : NULL;
    struct text_map written = {0};
    struct error error = {0};
    if (spec->outputs.result_count == 0) {
        return true;
    }
    if (!text_is_empty(said) &&
        !result_is_ok(codec_decode_results(work->arena, said, &written, &error))) {
        bool full = strlen(said) >= results_limit(pod);
        *fault = (struct spec_fault){
            .reason = full ? REASON_RESULT_TOO_LARGE : REASON_RESULT_INVALID,
            .message = full ? arena_print(work->arena,
                                          "what the step wrote to $TIDEMILL_RESULTS was cut at %zu "
                                          "bytes ($TIDEMILL_RESULTS_MAX); write less, or an "
                                          "artifact",
                                          results_limit(pod))
                            : arena_print(work->arena,
                                          "what the step wrote to $TIDEMILL_RESULTS is not one "
                                          "JSON object of plain values: %s",
                                          error.message)};
        return false;
    }
    status->results = arena_array(work->arena, struct name_value, spec->outputs.result_count);
    for (size_t at = 0; at < spec->outputs.result_count; at++) {
        const struct result_spec *declared = &spec->outputs.results[at];
        const char *value = text_map_get(&written, declared->name);
        const char *wrong = value ? value_type_fault(work->arena, declared->type, value) : NULL;
        if (!value || wrong) {
            *fault = (struct spec_fault){
                .reason = value ? REASON_RESULT_INVALID : REASON_RESULT_MISSING,
                .message = value ? arena_print(work->arena, "result \"%s\" is declared as %s: %s",
                                               declared->name, declared->type, wrong)
                                 : arena_print(work->arena,
                                               "result \"%s\" is declared but the step did not "
                                               "write it to $TIDEMILL_RESULTS",
                                               declared->name)};
            return false;
        }
        status->results[at] = (struct name_value){.name = declared->name, .value = value};
    }
    status->result_count = spec->outputs.result_count;
    return true;
}

static void record_artifacts(struct run_work *work, size_t index, const struct pod *pod)
{
    const struct outputs_spec *outputs = &work->graph.steps[index].spec->outputs;
    struct step_status *status = &work->steps[index];
    status->artifacts = arena_array(work->arena, struct artifact_status, outputs->artifact_count);
    status->artifact_count = outputs->artifact_count;
    for (size_t at = 0; at < outputs->artifact_count; at++) {
        status->artifacts[at] = (struct artifact_status){
            .name = outputs->artifacts[at].name,
            .uri = arena_print(
                work->arena, "pvc://%s/%s/%s/%s", work->spec->artifacts.volume_claim.claim_name,
                run_out_path(work, index), pod->meta.uid, outputs->artifacts[at].name)};
    }
}

/* The status is one object: what all steps leave in it has a limit. */
static bool outputs_fit(struct run_work *work, size_t index)
{
    struct step_status *status = &work->steps[index];
    size_t bytes = run_output_bytes(status);
    if (work->output_bytes + bytes <= RUN_OUTPUT_BYTES) {
        work->output_bytes += bytes;
        return true;
    }
    status->results = NULL;
    status->result_count = 0;
    status->artifacts = NULL;
    status->artifact_count = 0;
    return false;
}

static const char *outputs_fault(struct run_work *work)
{
    return arena_print(work->arena,
                       "with this step's, the results of the run and the places of its artifacts "
                       "would take more than %d KiB of its status; write less, or an artifact",
                       RUN_OUTPUT_BYTES / BYTES_PER_KIB);
}

/* A digest is made at first use: the reader's tidemill-prepare says what it found. */
static void record_input_digests(struct run_work *work, size_t index, const struct pod *pod)
{
    const struct step_spec *spec = work->graph.steps[index].spec;
    const struct container_status *prepare = pod_find_container(pod, CONTAINER_PREPARE);
    struct artifact_report report = {0};
    if (!prepare || prepare->state.terminated.exit_code != 0 ||
        text_is_empty(prepare->state.terminated.message) ||
        !result_is_ok(codec_decode_artifact_report(work->arena, prepare->state.terminated.message,
                                                   &report, NULL))) {
        return;
    }
    for (size_t at = 0; at < spec->input_count; at++) {
        struct artifact_source source;
        struct spec_fault fault;
        bool is_known = graph_find_artifact(work->arena, &work->graph, spec->inputs[at].from,
                                            "from", &source, &fault);
        REQUIRE(is_known); /* the graph was built from the same names */
        struct artifact_status *artifact = run_find_artifact(work, &source);
        for (size_t found = 0; found < report.digest_count && artifact; found++) {
            if (!artifact->digest &&
                text_equal(report.digests[found].name, spec->inputs[at].name)) {
                artifact->digest = report.digests[found].value;
            }
        }
    }
}

/* The step has succeeded but for what its checks say of its results. */
static void apply_checks(struct run_work *work, const struct step_spec *spec,
                         struct step_status *status)
{
    static const char *const reasons[] = {[VERDICT_PASS] = NULL,
                                          [VERDICT_WARN] = REASON_CHECK_WARNED,
                                          [VERDICT_RETRAIN] = REASON_RETRAIN_NEEDED,
                                          [VERDICT_STOP] = REASON_CHECK_FAILED};
    const struct judgement judgement = checks_judge(work->arena, spec, status->results,
                                                    status->result_count);
    status->phase = judgement.verdict == VERDICT_STOP ? STEP_FAILED : STEP_SUCCEEDED;
    status->reason = reasons[judgement.verdict];
    status->message = judgement.message;
    if (judgement.retrain) {
        run_note_retrain(work,
                         arena_print(work->arena, "step %s: %s", spec->name, judgement.retrain));
    }
}

static void finish_attempt(struct run_work *work, size_t index,
                           const struct attempt_evidence *evidence)
{
    const struct step_spec *spec = work->graph.steps[index].spec;
    struct step_status *status = &work->steps[index];
    struct spec_fault fault = {0};
    if (!evidence->pod) {
        if (leaves_something(&spec->outputs)) {
            fail_attempt(work, index, evidence->ended_at, REASON_RESULT_MISSING,
                         "the pod was deleted before its results were read");
            return;
        }
    } else {
        const struct container_status *container = pod_find_container(evidence->pod,
                                                                      CONTAINER_STEP);
        status->image_id = container ? container->image_id : NULL;
        if (!read_results(work, spec, evidence->pod, status, &fault)) {
            fail_attempt(work, index, evidence->ended_at, fault.reason, fault.message);
            return;
        }
        record_artifacts(work, index, evidence->pod);
        if (!outputs_fit(work, index)) {
            fail_attempt(work, index, evidence->ended_at, REASON_RESULT_TOO_LARGE,
                         outputs_fault(work));
            return;
        }
        record_input_digests(work, index, evidence->pod);
    }
    status->completion_time = evidence->ended_at == TIME_ABSENT ? work->view->now
                                                                : evidence->ended_at;
    status->retry_time = TIME_ABSENT;
    apply_checks(work, spec, status);
}

/* Until when an answer serves. */
static int64_t fresh_until(const struct fact *answer)
{
    return answer->time + (answer->message ? EXPLAIN_AGAIN_SECONDS : EXPLAIN_EVERY_SECONDS);
}

static bool is_fresh_answer(const struct run_work *work, const struct fact *fact)
{
    return fact && fact->type == OPERATION_EXPLAIN && work->view->now < fresh_until(fact);
}

/* Asks why a Job has no pod: a quota, a Pod Security level, a webhook; only events say so. */
static void explain_missing_pod(struct run_work *work, size_t index, const struct job *job)
{
    int64_t since = job->meta.creation_time + EXPLAIN_AFTER_SECONDS;
    if (work->view->now < since) {
        plan_wake_at(work->plan, since);
        return;
    }
    const struct fact *fact = fact_find(&work->view->facts, OPERATION_EXPLAIN, KIND_JOB,
                                        job->meta.name);
    bool is_fresh = is_fresh_answer(work, fact);
    if (!is_fresh && work->explained < EXPLAIN_AT_ONCE) {
        work->explained++;
        plan_next_group(work->plan);
        plan_explain(work->plan, KIND_JOB, &job->meta, REASON_NO_POD_YET,
                     "the Job has no pod; its events may say why");
    }
    plan_wake_at(work->plan,
                 is_fresh ? fresh_until(fact) : work->view->now + EXPLAIN_EVERY_SECONDS);
    if (fact && fact->message) {
        const char *name = work->graph.steps[index].spec->name;
        bool quota = strstr(fact->message, "exceeded quota") != NULL;
        run_note_obstacle(work, quota ? REASON_QUOTA_EXCEEDED : REASON_NO_POD_YET,
                          arena_print(work->arena,
                                      "step %s: its Job can't create a pod: %s; the "
                                      "cluster goes on trying",
                                      name, fact->message));
    }
}

static void observe_under_way(struct run_work *work, size_t index, const struct job *job,
                              const struct attempt_evidence *evidence)
{
    const char *name = work->graph.steps[index].spec->name;
    if (evidence->reason) {
        run_note_obstacle(work, evidence->reason,
                          arena_print(work->arena, "step %s: %s", name, evidence->message));
    } else if (!evidence->pod && !evidence->awaits_pod) {
        explain_missing_pod(work, index, job);
    }
}

/*
 * A Job that the status names and the cache does not have: deleted, or not seen yet by a cache that
 * was read before it was made. The API server itself is asked before an attempt is given up.
 */
static void observe_missing_job(struct run_work *work, size_t index)
{
    struct step_status *status = &work->steps[index];
    const struct fact *fact = fact_find(&work->view->facts, OPERATION_PROBE, KIND_JOB, status->job);
    if (fact && fact->error == ERROR_NOT_FOUND) {
        fail_attempt(work, index, work->view->now, REASON_JOB_DELETED,
                     arena_print(work->arena, "Job %s was deleted while it ran", status->job));
        return;
    }
    plan_next_group(work->plan);
    plan_probe(work->plan, KIND_JOB, work->run->meta.namespace, status->job, REASON_JOB_DELETED,
               "the Job of a running step is not in the cache; asking whether it was deleted");
    plan_wake_at(work->plan, work->view->now + EXPLAIN_EVERY_SECONDS);
}

/*
 * A Job may exist for an attempt that the status does not know yet: its creation was the last thing
 * that an earlier controller did. It is taken up as if this one had made it.
 */
static const struct job *adopt_newer_job(struct run_work *work, size_t index)
{
    struct step_status *status = &work->steps[index];
    const struct job *job = run_find_job(work, name_step_job(work->arena, work->run->meta.name,
                                                             work->run->meta.uid, status->name,
                                                             status->attempts + 1));
    if (!job) {
        return NULL;
    }
    status->attempts++;
    status->job = job->meta.name;
    status->phase = STEP_RUNNING;
    status->reason = NULL;
    status->message = NULL;
    status->retry_time = TIME_ABSENT;
    if (status->start_time == TIME_ABSENT) {
        status->start_time = job->meta.creation_time;
    }
    return job;
}

static void observe_step(struct run_work *work, size_t index)
{
    struct step_status *status = &work->steps[index];
    if (step_phase_is_final(status->phase)) {
        return;
    }
    const struct job *job = adopt_newer_job(work, index);
    if (!text_equal(status->phase, STEP_RUNNING)) {
        return;
    }
    if (!status
             ->job) { /* whoever may write the status can leave it out; it follows from the rest */
        status->job = name_step_job(work->arena, work->run->meta.name, work->run->meta.uid,
                                    status->name, status->attempts);
    }
    if (!job) {
        job = run_find_job(work, status->job);
    }
    if (!job) {
        if (!work->is_last) {
            observe_missing_job(work, index);
        }
        return;
    }
    struct attempt_evidence evidence = run_judge_attempt(
        work, job, leaves_something(&work->graph.steps[index].spec->outputs));
    if (evidence.state == ATTEMPT_SUCCEEDED) {
        finish_attempt(work, index, &evidence);
    } else if (evidence.state == ATTEMPT_FAILED) {
        fail_attempt(work, index, evidence.ended_at, evidence.reason, evidence.message);
    } else if (!work->is_last) {
        observe_under_way(work, index, job, &evidence);
    }
}

void run_observe(struct run_work *work)
{
    for (size_t at = 0; at < work->graph.count; at++) {
        work->output_bytes += run_output_bytes(&work->steps[at]);
    }
    for (size_t at = 0; at < work->view->facts.count; at++) {
        work->explained += is_fresh_answer(work, &work->view->facts.items[at]);
    }
    for (size_t at = 0; at < work->graph.count; at++) {
        observe_step(work, at);
    }
}

void run_observe_last(struct run_work *work)
{
    work->is_last = true;
    run_observe(work);
}
