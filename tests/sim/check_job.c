#include "sim/world.h"

#include "core/assert.h"
#include "core/text.h"
#include "sim/tree.h"

/*
 * Conformance J2: the simulated Job controller writes statuses that the real API server would take,
 * by upstream's rules for updates of a Job's status (pkg/apis/batch/validation,
 * JobStatusValidationOptions). Our planners are only as good as the statuses that they are shown.
 */

#define JOB_FINALIZER "batch.kubernetes.io/job-tracking"

static bool is_true(const json_t *job, const char *condition)
{
    return text_equal(tree_condition(job, condition), "True");
}

static bool is_over(const json_t *job)
{
    return is_true(job, "Complete") || is_true(job, "Failed");
}

static int64_t time_of(const json_t *job, const char *path)
{
    return tree_at(job, path) ? tree_read_time(job, path) : -1;
}

/* Which end is coming is told before the end is, and neither changes. */
static const char *find_wrong_conditions(const json_t *before, const json_t *after)
{
    static const char *const lasting[] = {"Complete", "Failed", "SuccessCriteriaMet",
                                          "FailureTarget"};
    for (size_t at = 0; at < COUNT_OF(lasting); at++) {
        if (is_true(before, lasting[at]) && !is_true(after, lasting[at])) {
            return "a condition that lasts is gone";
        }
    }
    if (is_true(after, "Complete") && is_true(after, "Failed")) {
        return "Complete and Failed";
    }
    if (is_true(after, "SuccessCriteriaMet") &&
        (is_true(after, "FailureTarget") || is_true(after, "Failed"))) {
        return "SuccessCriteriaMet and FailureTarget or Failed";
    }
    if (is_true(after, "Complete") && !is_true(before, "SuccessCriteriaMet")) {
        return "Complete, and SuccessCriteriaMet was not told first";
    }
    if (is_true(after, "Failed") && !is_true(before, "FailureTarget")) {
        return "Failed, and FailureTarget was not told first";
    }
    return NULL;
}

static const char *find_wrong_times(const json_t *before, const json_t *after)
{
    int64_t started = time_of(after, "status/startTime");
    int64_t started_before = time_of(before, "status/startTime");
    int64_t completed = time_of(after, "status/completionTime");
    int64_t completed_before = time_of(before, "status/completionTime");
    bool is_suspended = json_is_true(tree_at(after, "spec/suspend"));
    if ((completed >= 0) != is_true(after, "Complete")) {
        return "completionTime without Complete, or Complete without it";
    }
    if (completed_before >= 0 && completed != completed_before) {
        return "completionTime changed";
    }
    if (completed >= 0 && completed < started) {
        return "completionTime is before startTime";
    }
    if (started_before >= 0 && started != started_before && !is_suspended) {
        return "startTime changed of a Job that is not suspended";
    }
    if (is_over(after) && started < 0) {
        return "it has ended and never started";
    }
    return NULL;
}

static const char *find_wrong_counts(const json_t *before, const json_t *after)
{
    static const char *const growing[] = {"status/succeeded", "status/failed"};
    for (size_t at = 0; at < COUNT_OF(growing); at++) {
        if (tree_integer(after, growing[at]) < tree_integer(before, growing[at])) {
            return "a count of ended pods fell";
        }
    }
    if (tree_integer(after, "status/active") < 0 ||
        tree_integer(after, "status/ready") > tree_integer(after, "status/active")) {
        return "fewer pods are active than ready, or than none";
    }
    if (is_over(after) && (tree_integer(after, "status/active") > 0 ||
                           tree_integer(after, "status/terminating") > 0)) {
        return "it has ended and pods of it have not";
    }
    if (is_over(after) && tree_at(after, "status/uncountedTerminatedPods")) {
        return "it has ended and pods of it are not counted";
    }
    return NULL;
}

/* The end is told once every pod is counted and let go. */
static bool holds_pods(const struct sim_store *store, const json_t *job)
{
    for (size_t at = 0; at < store->count; at++) {
        const struct sim_object *pod = &store->objects[at];
        const json_t *finalizers = tree_at(pod->tree, "metadata/finalizers");
        if (pod->kind == KIND_POD && text_equal(pod->controller_uid, tree_uid(job)) &&
            json_array_size(finalizers) > 0 &&
            text_equal(json_string_value(json_array_get(finalizers, 0)), JOB_FINALIZER)) {
            return true;
        }
    }
    return false;
}

void sim_check_job(struct sim_world *world, const struct sim_change *change)
{
    if (!change->after) {
        return;
    }
    const json_t *before = change->before;
    if (!before) {
        if (json_object_size(tree_at(change->after, "status")) > 0) {
            sim_world_fail(world, "Job %s was created with a status", tree_name(change->after));
        }
        return;
    }
    const char *wrong = find_wrong_conditions(before, change->after);
    wrong = wrong ? wrong : find_wrong_times(before, change->after);
    wrong = wrong ? wrong : find_wrong_counts(before, change->after);
    if (!wrong && is_over(change->after) && !is_over(before) &&
        holds_pods(&world->store, change->after)) {
        wrong = "it has ended and a pod of it is still to be counted";
    }
    if (wrong) {
        sim_world_fail(world, "status of Job %s: %s", tree_name(change->after), wrong);
    }
}
