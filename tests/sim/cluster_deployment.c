#include "sim/cluster_private.h"

#include "api/render.h"
#include "core/hash.h"
#include "core/text.h"
#include "sim/tree.h"

/* The Deployment controller. Its ReplicaSets are the label of a pod's template. */

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
    struct sim_pods pods = sim_pods_of(store, deployment->uid);
    struct deployment_count count = {0};
    struct sim_object *older = NULL;
    struct sim_object *newest = NULL;
    for (size_t at = 0; at < pods.count; at++) {
        struct sim_object *pod = pods.items[at];
        if (sim_is_being_deleted(pod)) {
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

void sim_list_deployment(struct sim_listing *listing, const struct sim_object *deployment)
{
    if (sim_is_being_deleted(deployment)) {
        return;
    }
    const struct sim_store *store = listing->cluster->store;
    struct deployment_count count = count_pods(store, deployment);
    if (count.newer < tree_integer(deployment->tree, "spec/replicas")) {
        sim_listing_add(listing, SIM_DEPLOYMENT_MAKES_POD, deployment);
    }
    if (count.surplus) {
        sim_listing_add(listing, SIM_DEPLOYMENT_DROPS_POD, deployment);
    }
    json_t *status = deployment_status(deployment, &count);
    if (!json_equal(status, json_object_get(deployment->tree, "status"))) {
        sim_listing_add(listing, SIM_DEPLOYMENT_REPORTS, deployment);
    }
    json_decref(status);
}

void sim_drop_surplus(struct sim_cluster *cluster, const struct sim_object *deployment)
{
    struct deployment_count count = count_pods(cluster->store, deployment);
    if (!count.surplus) {
        return;
    }
    /* It answers until its grace period is over; here it stops answering at once. */
    sim_store_remove(cluster->store, count.surplus);
}

void sim_report_deployment(struct sim_cluster *cluster, struct sim_object *deployment)
{
    json_t *tree = sim_store_copy(deployment);
    struct deployment_count count = count_pods(cluster->store, deployment);
    json_object_set_new(tree, "status", deployment_status(deployment, &count));
    sim_store_update(cluster->store, deployment, tree);
}
