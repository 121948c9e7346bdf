#include "sim/cluster_private.h"

#include "api/meta.h"
#include "api/render.h"
#include "core/assert.h"
#include "core/hash.h"
#include "core/text.h"
#include "sim/tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* pkg/controller/job: syncJobBatchPeriod. */
enum { JOB_BATCH_SECONDS = 1 };

enum { NAME_SIZE = 256 };

#define JOB_FINALIZER "batch.kubernetes.io/job-tracking"

struct sim_pods sim_pods_of(const struct sim_store *store, const char *uid)
{
    struct sim_pods pods = {0};
    for (size_t at = 0; at < store->count; at++) {
        struct sim_object *object = &store->objects[at];
        if (object->kind == KIND_POD && text_equal(object->controller_uid, uid)) {
            REQUIRE(pods.count < SIM_PODS_MAXIMUM);
            pods.items[pods.count++] = object;
        }
    }
    return pods;
}

static const char *phase_of(const struct sim_object *pod)
{
    return tree_text(pod->tree, "status/phase");
}

static bool is_ended(const struct sim_object *pod)
{
    return text_equal(phase_of(pod), "Succeeded") || text_equal(phase_of(pod), "Failed");
}

bool sim_is_being_deleted(const struct sim_object *object)
{
    return tree_at(object->tree, "metadata/deletionTimestamp") != NULL;
}

/* Replaced without counting: podFailurePolicy Ignore on DisruptionTarget. */
static bool is_ignored(const struct sim_object *pod)
{
    return text_equal(tree_condition(pod->tree, "DisruptionTarget"), "True");
}

static bool is_job_over(const json_t *job)
{
    return text_equal(tree_condition(job, "Complete"), "True") ||
           text_equal(tree_condition(job, "Failed"), "True");
}

static bool is_suspended(const json_t *job)
{
    return json_is_true(tree_at(job, "spec/suspend"));
}

/* One that lost its finalizer is counted, or is one that nobody counts. */
static bool is_tracked(const struct sim_object *pod)
{
    return json_array_size(tree_at(pod->tree, "metadata/finalizers")) > 0;
}

/* The pod that decides the Job: a Succeeded one, else one that failed and counts; or NULL. */
static const struct sim_object *deciding_pod(const struct sim_pods *pods)
{
    const struct sim_object *failed = NULL;
    for (size_t at = 0; at < pods->count; at++) {
        const struct sim_object *pod = pods->items[at];
        if (text_equal(phase_of(pod), "Succeeded")) {
            return pod;
        }
        if (text_equal(phase_of(pod), "Failed") && !is_ignored(pod) && is_tracked(pod)) {
            failed = pod;
        }
    }
    return failed;
}

static bool has_active_pod(const struct sim_pods *pods)
{
    for (size_t at = 0; at < pods->count; at++) {
        if (!is_ended(pods->items[at])) {
            return true;
        }
    }
    return false;
}

/* What is enabled. */

void sim_listing_add(struct sim_listing *listing, enum sim_transition_type type,
                     const struct sim_object *object)
{
    if (listing->count == SIM_TRANSITIONS_MAXIMUM) {
        return;
    }
    struct sim_transition *transition = &listing->items[listing->count++];
    transition->type = type;
    (void)snprintf(transition->uid, sizeof(transition->uid), "%s", object->uid);
}

static void add_at(struct sim_listing *listing, int64_t second, enum sim_transition_type type,
                   const struct sim_object *object)
{
    if (second <= listing->cluster->store->unix_seconds) {
        sim_listing_add(listing, type, object);
    } else if (second < listing->next_second) {
        listing->next_second = second;
    }
}

static int64_t finished_at(const struct sim_object *pod)
{
    int64_t time = tree_read_time(pod->tree, "status/containerStatuses/0/state/terminated/"
                                             "finishedAt");
    return time == TIME_ABSENT ? tree_read_time(pod->tree, "metadata/creationTimestamp") : time;
}

static void list_job(struct sim_listing *listing, const struct sim_object *job)
{
    if (is_job_over(job->tree) || sim_is_being_deleted(job)) {
        return;
    }
    struct sim_pods pods = sim_pods_of(listing->cluster->store, tree_uid(job->tree));
    const struct sim_object *decides = deciding_pod(&pods);
    bool announced = tree_condition(job->tree, "SuccessCriteriaMet")[0] ||
                     tree_condition(job->tree, "FailureTarget")[0];
    if (announced) {
        if (!has_active_pod(&pods)) {
            sim_listing_add(listing, SIM_JOB_ENDS, job);
        }
    } else if (decides) {
        add_at(listing, finished_at(decides) + JOB_BATCH_SECONDS, SIM_JOB_ANNOUNCES_END, job);
    } else if (is_suspended(job->tree)) {
        if (!text_equal(tree_condition(job->tree, "Suspended"), "True")) {
            sim_listing_add(listing, SIM_JOB_SUSPENDS, job);
        }
    } else if (!has_active_pod(&pods)) {
        sim_listing_add(listing, SIM_JOB_MAKES_POD, job);
    }
}

static bool serves(const struct sim_object *pod)
{
    return tree_map_text(pod->tree, "metadata/labels", LABEL_VERSION_UID)[0] != '\0';
}

static void list_pod(struct sim_listing *listing, const struct sim_object *pod)
{
    if (sim_is_being_deleted(pod)) {
        if (!is_ended(pod)) {
            sim_listing_add(listing, SIM_POD_STOPS, pod);
        } else if (!is_tracked(pod)) {
            sim_listing_add(listing, SIM_POD_GOES, pod);
        }
        return;
    }
    if (text_equal(phase_of(pod), "Pending")) {
        if (!tree_at(pod->tree, "status/initContainerStatuses")) {
            sim_listing_add(listing, SIM_POD_STARTS, pod);
        }
    } else if (text_equal(phase_of(pod), "Running") && serves(pod)) {
        if (!text_equal(tree_condition(pod->tree, "Ready"), "True")) {
            sim_listing_add(listing, SIM_POD_ANSWERS, pod);
        }
    } else if (text_equal(phase_of(pod), "Running")) {
        int64_t started = tree_read_time(pod->tree, "status/startTime");
        add_at(listing, started + listing->cluster->pod_seconds, SIM_POD_ENDS, pod);
    }
}

static void list_object(struct sim_listing *listing, const struct sim_object *object)
{
    const char *owner = object->controller_uid;
    if (owner[0] && !sim_store_find_uid(listing->cluster->store, owner) &&
        !sim_is_being_deleted(object)) {
        sim_listing_add(listing, SIM_COLLECT, object);
    }
    switch (object->kind) {
    case KIND_JOB:
        list_job(listing, object);
        break;
    case KIND_POD:
        list_pod(listing, object);
        break;
    case KIND_DEPLOYMENT:
        sim_list_deployment(listing, object);
        break;
    default:
        break;
    }
}

const struct sim_transition *sim_cluster_enabled(struct sim_cluster *cluster, size_t *count,
                                                 int64_t *next_second)
{
    const struct sim_store *store = cluster->store;
    if (cluster->looked_version != store->version || cluster->next_second <= store->unix_seconds) {
        struct sim_listing listing = {
            .cluster = cluster, .items = cluster->enabled, .next_second = INT64_MAX};
        for (size_t at = 0; at < store->count; at++) {
            list_object(&listing, &store->objects[at]);
        }
        cluster->enabled_count = listing.count;
        cluster->next_second = listing.next_second;
        cluster->looked_version = store->version;
    }
    *count = cluster->enabled_count;
    *next_second = cluster->next_second;
    return cluster->enabled;
}

/* Doing it. */

static void make_pod(struct sim_cluster *cluster, const struct sim_object *owner,
                     const char *pod_template, const char *template_hash)
{
    enum { SUFFIXES = 100000 };
    char name[NAME_SIZE];
    const json_t *template_tree = tree_at(owner->tree, pod_template);
    bool is_job = owner->kind == KIND_JOB;
    (void)snprintf(name, sizeof(name), "%.200s-%05lld", tree_name(owner->tree),
                   (long long)(cluster->pods_made++ % SUFFIXES));
    json_t *labels = json_deep_copy(tree_at(template_tree, "metadata/labels"));
    labels = labels ? labels : json_object();
    if (template_hash) {
        json_object_set_new(labels, LABEL_TEMPLATE, json_string(template_hash));
    }
    json_t *pod = json_pack("{s:{s:s, s:s, s:o, s:[{s:s, s:s, s:s, s:s, s:b}]}, s:{s:s}}",
                            "metadata", "namespace", tree_text(owner->tree, "metadata/namespace"),
                            "name", name, "labels", labels, "ownerReferences", "apiVersion",
                            kind_info(owner->kind)->api_version, "kind",
                            is_job ? "Job" : "ReplicaSet", "name", tree_name(owner->tree), "uid",
                            tree_uid(owner->tree), "controller", 1, "status", "phase", "Pending");
    if (is_job) {
        json_object_set_new(labels, LABEL_JOB_NAME, json_string(tree_name(owner->tree)));
        tree_set(pod, "metadata/finalizers", json_pack("[s]", JOB_FINALIZER));
    }
    (void)sim_store_insert(cluster->store, KIND_POD, pod);
}

/* There is one of this type at most. */
static void set_condition(json_t *job, const char *type, const char *status, const char *reason,
                          int64_t second)
{
    json_t *conditions = tree_at(job, "status/conditions");
    if (!conditions) {
        tree_set(job, "status/conditions", json_array());
        conditions = tree_at(job, "status/conditions");
    }
    json_t *condition = json_pack("{s:s, s:s, s:s, s:s, s:o}", "type", type, "status", status,
                                  "reason", reason, "message", "", "lastTransitionTime",
                                  tree_time(second));
    size_t at;
    const json_t *other;
    json_array_foreach(conditions, at, other)
    {
        if (text_equal(tree_text(other, "type"), type)) {
            json_array_set_new(conditions, at, condition);
            return;
        }
    }
    json_array_append_new(conditions, condition);
}

/* The Job's status after its controller has looked: what runs, and since when (JobStatus). */
static void report_active(struct sim_cluster *cluster, struct sim_object *job, int64_t active)
{
    json_t *tree = sim_store_copy(job);
    if (tree_condition(tree, "Suspended")[0]) {
        set_condition(tree, "Suspended", "False", "JobResumed", cluster->store->unix_seconds);
    }
    if (!tree_at(tree, "status/startTime")) {
        tree_set(tree, "status/startTime", tree_time(cluster->store->unix_seconds));
    }
    tree_set(tree, "status/active", json_integer(active));
    sim_store_update(cluster->store, job, tree);
}

static json_t *ended_container(const struct sim_store *store, const char *name,
                               const struct sim_ending *ending)
{
    return json_pack("{s:s, s:s, s:s, s:b, s:{s:{s:i, s:s, s:s, s:o}}}", "name", name, "image",
                     "example/churn:1", "imageID", "example/churn@sha256:1111", "ready", 0, "state",
                     "terminated", "exitCode", ending->exit_code, "reason",
                     ending->exit_code == 0 ? "Completed" : "Error", "message", ending->message,
                     "finishedAt", tree_time(store->unix_seconds));
}

static struct sim_ending ending_of(const struct sim_cluster *cluster, const struct sim_object *pod,
                                   const char *container)
{
    const json_t *tree = pod->tree;
    const struct sim_object *job = sim_store_find_uid(cluster->store, tree_controller_uid(tree));
    const char *attempt = job ? tree_map_text(job->tree, "metadata/annotations", ANNOTATION_ATTEMPT)
                              : "";
    return cluster->ending(cluster->context, tree_map_text(tree, "metadata/labels", LABEL_RUN),
                           tree_map_text(tree, "metadata/labels", LABEL_STEP),
                           strtoll(attempt, NULL, 10), container);
}

static void start_pod(struct sim_cluster *cluster, struct sim_object *pod)
{
    const char *helper = serves(pod) ? CONTAINER_COPY : CONTAINER_PREPARE;
    struct sim_ending ending = ending_of(cluster, pod, helper);
    json_t *tree = sim_store_copy(pod);
    bool failed = ending.exit_code != 0;
    const char *after_failure = serves(pod) ? "Pending" : "Failed";
    tree_set_text(tree, "status/phase", failed ? after_failure : "Running");
    tree_set(tree, "status/startTime", tree_time(cluster->store->unix_seconds));
    tree_set(tree, "status/initContainerStatuses",
             json_pack("[o]", ended_container(cluster->store, helper, &ending)));
    sim_store_update(cluster->store, pod, tree);
}

static void end_pod(struct sim_cluster *cluster, struct sim_object *pod)
{
    const char *step = tree_map_text(pod->tree, "metadata/labels", LABEL_STEP);
    const char *container = text_equal(step, "tidemill-seal") ? CONTAINER_SEAL : CONTAINER_STEP;
    struct sim_ending ending = ending_of(cluster, pod, container);
    json_t *tree = sim_store_copy(pod);
    tree_set_text(tree, "status/phase", ending.exit_code == 0 ? "Succeeded" : "Failed");
    tree_set(tree, "status/containerStatuses",
             json_pack("[o]", ended_container(cluster->store, container, &ending)));
    sim_store_update(cluster->store, pod, tree);
}

static void stop_pod(struct sim_cluster *cluster, struct sim_object *pod)
{
    json_t *tree = sim_store_copy(pod);
    tree_set_text(tree, "status/phase", "Failed");
    sim_store_update(cluster->store, pod, tree);
    struct sim_object *job = sim_store_find_uid(cluster->store, tree_controller_uid(pod->tree));
    if (!job || job->kind != KIND_JOB || is_job_over(job->tree) || is_ignored(pod) ||
        text_equal(tree_condition(job->tree, "Suspended"), "True")) {
        /* Nobody counts it. */
        tree = sim_store_copy(pod);
        tree_remove(tree, "metadata/finalizers");
        sim_store_update(cluster->store, pod, tree);
    }
}

static void answer_pod(struct sim_cluster *cluster, struct sim_object *pod)
{
    json_t *tree = sim_store_copy(pod);
    tree_set(tree, "status/conditions",
             json_pack("[{s:s, s:s}]", "type", "Ready", "status", "True"));
    tree_set(tree, "status/containerStatuses",
             json_pack("[{s:s, s:b, s:{s:{s:o}}}]", "name", CONTAINER_SERVER, "ready", 1, "state",
                       "running", "startedAt", tree_time(cluster->store->unix_seconds)));
    sim_store_update(cluster->store, pod, tree);
}

/* Counted pods lose their finalizer. */
static void release_pods(struct sim_cluster *cluster, const char *job_uid)
{
    struct sim_pods pods = sim_pods_of(cluster->store, job_uid);
    for (size_t at = 0; at < pods.count; at++) {
        json_t *tree = sim_store_copy(pods.items[at]);
        if (is_ended(pods.items[at])) {
            tree_remove(tree, "metadata/finalizers");
        }
        sim_store_update(cluster->store, pods.items[at], tree);
    }
}

static void announce_end(struct sim_cluster *cluster, struct sim_object *job)
{
    struct sim_pods pods = sim_pods_of(cluster->store, tree_uid(job->tree));
    const struct sim_object *decides = deciding_pod(&pods);
    bool success = decides && text_equal(phase_of(decides), "Succeeded");
    json_t *tree = sim_store_copy(job);
    set_condition(tree, success ? "SuccessCriteriaMet" : "FailureTarget", "True",
                  success ? "CompletionsReached" : "BackoffLimitExceeded",
                  cluster->store->unix_seconds);
    tree_set(tree, success ? "status/succeeded" : "status/failed", json_integer(1));
    tree_set(tree, "status/active", json_integer(has_active_pod(&pods)));
    sim_store_update(cluster->store, job, tree);
    release_pods(cluster, tree_uid(tree));
}

static void end_job(struct sim_cluster *cluster, struct sim_object *job)
{
    bool success = tree_condition(job->tree, "SuccessCriteriaMet")[0] != '\0';
    release_pods(cluster, job->uid); /* those that ended since are counted before the end is told */
    json_t *tree = sim_store_copy(job);
    tree_set(tree, "status/active", json_integer(0));
    set_condition(tree, success ? "Complete" : "Failed", "True",
                  success ? "CompletionsReached" : "BackoffLimitExceeded",
                  cluster->store->unix_seconds);
    if (success) {
        tree_set(tree, "status/completionTime", tree_time(cluster->store->unix_seconds));
    }
    sim_store_update(cluster->store, job, tree);
}

/* As Kubernetes 1.36 was seen to do it. */
static void suspend_job(struct sim_cluster *cluster, struct sim_object *job)
{
    const int64_t now = cluster->store->unix_seconds;
    json_t *tree = sim_store_copy(job);
    set_condition(tree, "Suspended", "True", "JobSuspended", now);
    tree_remove(tree, "status/startTime");
    tree_set(tree, "status/active", json_integer(0));
    sim_store_update(cluster->store, job, tree);
    struct sim_pods pods = sim_pods_of(cluster->store, tree_uid(tree));
    for (size_t at = 0; at < pods.count; at++) {
        if (!is_ended(pods.items[at])) {
            sim_store_delete(cluster->store, pods.items[at]);
        }
    }
}

/* Owners that are gone leave nothing behind; a pod needs nobody to count it then. */
static void collect(struct sim_cluster *cluster, struct sim_object *object)
{
    if (object->kind == KIND_POD) {
        json_t *tree = sim_store_copy(object);
        tree_remove(tree, "metadata/finalizers");
        sim_store_update(cluster->store, object, tree);
    }
    sim_store_delete(cluster->store, object);
}

static bool is_enabled(struct sim_cluster *cluster, const struct sim_transition *transition)
{
    size_t count = 0;
    int64_t next_second;
    const struct sim_transition *now = sim_cluster_enabled(cluster, &count, &next_second);
    for (size_t at = 0; at < count; at++) {
        if (now[at].type == transition->type && text_equal(now[at].uid, transition->uid)) {
            return true;
        }
    }
    return false;
}

void sim_cluster_do(struct sim_cluster *cluster, const struct sim_transition *transition)
{
    if (!is_enabled(cluster, transition)) {
        return;
    }
    struct sim_object *object = sim_store_find_uid(cluster->store, transition->uid);
    char label[HASH_NAME_LENGTH + 1];
    switch (transition->type) {
    case SIM_COLLECT:
        collect(cluster, object);
        break;
    case SIM_JOB_MAKES_POD:
        make_pod(cluster, object, "spec/template", NULL);
        report_active(cluster, sim_store_find_uid(cluster->store, transition->uid), 1);
        break;
    case SIM_JOB_ANNOUNCES_END:
        announce_end(cluster, object);
        break;
    case SIM_JOB_ENDS:
        end_job(cluster, object);
        break;
    case SIM_JOB_SUSPENDS:
        suspend_job(cluster, object);
        break;
    case SIM_POD_STARTS:
        start_pod(cluster, object);
        break;
    case SIM_POD_ENDS:
        end_pod(cluster, object);
        break;
    case SIM_POD_ANSWERS:
        answer_pod(cluster, object);
        break;
    case SIM_POD_STOPS:
        stop_pod(cluster, object);
        break;
    case SIM_POD_GOES:
        sim_store_remove(cluster->store, object);
        break;
    case SIM_DEPLOYMENT_MAKES_POD:
        hash_format_name(object->template_hash, label);
        make_pod(cluster, object, "spec/template", label);
        break;
    case SIM_DEPLOYMENT_DROPS_POD:
        sim_drop_surplus(cluster, object);
        break;
    case SIM_DEPLOYMENT_REPORTS:
        sim_report_deployment(cluster, object);
        break;
    }
}

void sim_cluster_evict(struct sim_cluster *cluster, struct sim_object *pod)
{
    json_t *tree = sim_store_copy(pod);
    tree_set(tree, "status/conditions",
             json_pack("[{s:s, s:s}]", "type", "DisruptionTarget", "status", "True"));
    sim_store_update(cluster->store, pod, tree);
    sim_store_delete(cluster->store, pod);
}
