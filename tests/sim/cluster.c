#include "sim/cluster.h"

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

enum { NAME_SIZE = 256, PODS_MAXIMUM = 64 };

#define JOB_FINALIZER  "batch.kubernetes.io/job-tracking"
#define LABEL_TEMPLATE "pod-template-hash"

struct pods {
    struct sim_object *items[PODS_MAXIMUM];
    size_t count;
};

static struct pods pods_of(const struct sim_store *store, const char *uid)
{
    struct pods pods = {0};
    for (size_t at = 0; at < store->count; at++) {
        struct sim_object *object = &store->objects[at];
        if (object->kind == KIND_POD && text_equal(object->controller_uid, uid)) {
            REQUIRE(pods.count < PODS_MAXIMUM);
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

static bool is_being_deleted(const struct sim_object *object)
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

/* The pod that decides the Job: a Succeeded one, else one that failed and counts; or NULL. */
static const struct sim_object *deciding_pod(const struct pods *pods)
{
    const struct sim_object *failed = NULL;
    for (size_t at = 0; at < pods->count; at++) {
        const struct sim_object *pod = pods->items[at];
        if (text_equal(phase_of(pod), "Succeeded")) {
            return pod;
        }
        if (text_equal(phase_of(pod), "Failed") && !is_ignored(pod)) {
            failed = pod;
        }
    }
    return failed;
}

static bool has_active_pod(const struct pods *pods)
{
    for (size_t at = 0; at < pods->count; at++) {
        if (!is_ended(pods->items[at])) {
            return true;
        }
    }
    return false;
}

/* What is enabled. */

struct listing {
    const struct sim_cluster *cluster;
    struct sim_transition *items;
    size_t count;
    int64_t next_second;
};

static void add(struct listing *listing, enum sim_transition_type type,
                const struct sim_object *object)
{
    if (listing->count == SIM_TRANSITIONS_MAXIMUM) {
        return;
    }
    struct sim_transition *transition = &listing->items[listing->count++];
    transition->type = type;
    (void)snprintf(transition->uid, sizeof(transition->uid), "%s", object->uid);
}

static void add_at(struct listing *listing, int64_t second, enum sim_transition_type type,
                   const struct sim_object *object)
{
    if (second <= listing->cluster->store->unix_seconds) {
        add(listing, type, object);
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

static void list_job(struct listing *listing, const struct sim_object *job)
{
    if (is_job_over(job->tree) || is_being_deleted(job)) {
        return;
    }
    struct pods pods = pods_of(listing->cluster->store, tree_uid(job->tree));
    const struct sim_object *decides = deciding_pod(&pods);
    bool announced = tree_condition(job->tree, "SuccessCriteriaMet")[0] ||
                     tree_condition(job->tree, "FailureTarget")[0];
    if (announced) {
        if (!has_active_pod(&pods)) {
            add(listing, SIM_JOB_ENDS, job);
        }
    } else if (decides) {
        add_at(listing, finished_at(decides) + JOB_BATCH_SECONDS, SIM_JOB_ANNOUNCES_END, job);
    } else if (!has_active_pod(&pods) && !json_is_true(tree_at(job->tree, "spec/suspend"))) {
        add(listing, SIM_JOB_MAKES_POD, job);
    }
}

static bool serves(const struct sim_object *pod)
{
    return tree_map_text(pod->tree, "metadata/labels", LABEL_VERSION_UID)[0] != '\0';
}

static void list_pod(struct listing *listing, const struct sim_object *pod)
{
    if (is_being_deleted(pod)) {
        bool held = json_array_size(tree_at(pod->tree, "metadata/finalizers")) > 0;
        if (!is_ended(pod)) {
            add(listing, SIM_POD_STOPS, pod);
        } else if (!held) {
            add(listing, SIM_POD_GOES, pod);
        }
        return;
    }
    if (text_equal(phase_of(pod), "Pending")) {
        if (!tree_at(pod->tree, "status/initContainerStatuses")) {
            add(listing, SIM_POD_STARTS, pod);
        }
    } else if (text_equal(phase_of(pod), "Running") && serves(pod)) {
        if (!text_equal(tree_condition(pod->tree, "Ready"), "True")) {
            add(listing, SIM_POD_ANSWERS, pod);
        }
    } else if (text_equal(phase_of(pod), "Running")) {
        int64_t started = tree_read_time(pod->tree, "status/startTime");
        add_at(listing, started + listing->cluster->pod_seconds, SIM_POD_ENDS, pod);
    }
}

struct deployment_count {
    int64_t live;  /* pods that are not being deleted */
    int64_t newer; /* of them: of the newest template */
    int64_t ready;
    int64_t newer_ready;
    struct sim_object *surplus; /* one that may go, or NULL */
};

static struct deployment_count count_pods(const struct sim_store *store,
                                          const struct sim_object *deployment)
{
    char label[HASH_NAME_LENGTH + 1];
    hash_format_name(deployment->template_hash, label);
    struct pods pods = pods_of(store, deployment->uid);
    struct deployment_count count = {0};
    struct sim_object *older = NULL;
    struct sim_object *newest = NULL;
    for (size_t at = 0; at < pods.count; at++) {
        struct sim_object *pod = pods.items[at];
        if (is_being_deleted(pod)) {
            continue;
        }
        bool is_new = text_equal(tree_map_text(pod->tree, "metadata/labels", LABEL_TEMPLATE),
                                 label);
        bool is_ready = text_equal(tree_condition(pod->tree, "Ready"), "True");
        count.live++;
        count.newer += is_new;
        count.ready += is_ready;
        count.newer_ready += is_new && is_ready;
        older = is_new ? older : pod;
        newest = is_new ? pod : newest;
    }
    int64_t wanted = tree_integer(deployment->tree, "spec/replicas");
    if (older && count.newer_ready >= wanted) {
        count.surplus = older;
    } else if (count.newer > wanted) {
        count.surplus = newest;
    }
    return count;
}

static json_t *deployment_status(const struct sim_object *deployment,
                                 const struct deployment_count *counted)
{
    const struct deployment_count count = *counted;
    int64_t wanted = tree_integer(deployment->tree, "spec/replicas");
    bool is_done = count.newer >= wanted && count.newer_ready >= wanted &&
                   count.live == count.newer;
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:[{s:s, s:s}, {s:s, s:s, s:s}]}",
                     "observedGeneration", tree_integer(deployment->tree, "metadata/generation"),
                     "replicas", count.live, "updatedReplicas", count.newer, "readyReplicas",
                     count.ready, "availableReplicas", count.ready, "conditions", "type",
                     "Available", "status", count.ready >= wanted ? "True" : "False", "type",
                     "Progressing", "status", "True", "reason",
                     is_done ? "NewReplicaSetAvailable" : "ReplicaSetUpdated");
}

static void list_deployment(struct listing *listing, const struct sim_object *deployment)
{
    if (is_being_deleted(deployment)) {
        return;
    }
    const struct sim_store *store = listing->cluster->store;
    struct deployment_count count = count_pods(store, deployment);
    if (count.newer < tree_integer(deployment->tree, "spec/replicas")) {
        add(listing, SIM_DEPLOYMENT_MAKES_POD, deployment);
    }
    if (count.surplus) {
        add(listing, SIM_DEPLOYMENT_DROPS_POD, deployment);
    }
    json_t *status = deployment_status(deployment, &count);
    if (!json_equal(status, json_object_get(deployment->tree, "status"))) {
        add(listing, SIM_DEPLOYMENT_REPORTS, deployment);
    }
    json_decref(status);
}

static void list_object(struct listing *listing, const struct sim_object *object)
{
    const char *owner = object->controller_uid;
    if (owner[0] && !sim_store_find_uid(listing->cluster->store, owner) &&
        !is_being_deleted(object)) {
        add(listing, SIM_COLLECT, object);
    }
    switch (object->kind) {
    case KIND_JOB:
        list_job(listing, object);
        break;
    case KIND_POD:
        list_pod(listing, object);
        break;
    case KIND_DEPLOYMENT:
        list_deployment(listing, object);
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
        struct listing listing = {
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
        tree_set(pod, "metadata/finalizers", json_pack("[s]", JOB_FINALIZER));
    }
    (void)sim_store_insert(cluster->store, KIND_POD, pod);
}

/* The Job's status after its controller has looked: what runs, and since when (JobStatus). */
static void report_active(struct sim_cluster *cluster, struct sim_object *job, int64_t active)
{
    json_t *tree = sim_store_copy(job);
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
    if (!job || job->kind != KIND_JOB || is_job_over(job->tree) || is_ignored(pod)) {
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

static void add_condition(json_t *job, const char *type, const char *reason, int64_t second)
{
    json_t *conditions = tree_at(job, "status/conditions");
    if (!conditions) {
        tree_set(job, "status/conditions", json_array());
        conditions = tree_at(job, "status/conditions");
    }
    json_array_append_new(conditions, json_pack("{s:s, s:s, s:s, s:s, s:o}", "type", type, "status",
                                                "True", "reason", reason, "message", "",
                                                "lastTransitionTime", tree_time(second)));
}

/* Counted pods lose their finalizer. */
static void release_pods(struct sim_cluster *cluster, const char *job_uid)
{
    struct pods pods = pods_of(cluster->store, job_uid);
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
    struct pods pods = pods_of(cluster->store, tree_uid(job->tree));
    const struct sim_object *decides = deciding_pod(&pods);
    bool success = decides && text_equal(phase_of(decides), "Succeeded");
    json_t *tree = sim_store_copy(job);
    add_condition(tree, success ? "SuccessCriteriaMet" : "FailureTarget",
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
    add_condition(tree, success ? "Complete" : "Failed",
                  success ? "CompletionsReached" : "BackoffLimitExceeded",
                  cluster->store->unix_seconds);
    if (success) {
        tree_set(tree, "status/completionTime", tree_time(cluster->store->unix_seconds));
    }
    sim_store_update(cluster->store, job, tree);
}

static void drop_surplus(struct sim_cluster *cluster, const struct sim_object *deployment)
{
    struct deployment_count count = count_pods(cluster->store, deployment);
    if (!count.surplus) {
        return;
    }
    /* It answers until its grace period is over; here it stops answering at once. */
    sim_store_remove(cluster->store, count.surplus);
}

static void report_deployment(struct sim_cluster *cluster, struct sim_object *deployment)
{
    json_t *tree = sim_store_copy(deployment);
    struct deployment_count count = count_pods(cluster->store, deployment);
    json_object_set_new(tree, "status", deployment_status(deployment, &count));
    sim_store_update(cluster->store, deployment, tree);
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
        drop_surplus(cluster, object);
        break;
    case SIM_DEPLOYMENT_REPORTS:
        report_deployment(cluster, object);
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
