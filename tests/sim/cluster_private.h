#ifndef TIDEMILL_SIM_CLUSTER_PRIVATE_H
#define TIDEMILL_SIM_CLUSTER_PRIVATE_H

/* What the simulated controllers share. For cluster*.c alone. */

#include "sim/cluster.h"

#define LABEL_TEMPLATE "pod-template-hash"

enum { SIM_PODS_MAXIMUM = 64 };

struct sim_pods {
    struct sim_object *items[SIM_PODS_MAXIMUM];
    size_t count;
};

/* Of the Job or Deployment with this uid. Borrowed until the store changes. */
struct sim_pods sim_pods_of(const struct sim_store *store, const char *uid);
bool sim_is_being_deleted(const struct sim_object *object);

/* What is enabled, while it is looked for. */
struct sim_listing {
    const struct sim_cluster *cluster;
    struct sim_transition *items;
    size_t count;
    int64_t next_second;
};

void sim_listing_add(struct sim_listing *listing, enum sim_transition_type type,
                     const struct sim_object *object);

/* cluster_deployment.c */
void sim_list_deployment(struct sim_listing *listing, const struct sim_object *deployment);
/* One pod that is too many goes. */
void sim_drop_surplus(struct sim_cluster *cluster, const struct sim_object *deployment);
/* The status after its controller has looked. */
void sim_report_deployment(struct sim_cluster *cluster, struct sim_object *deployment);

#endif
