/* Field tables of upstream's kinds: only what Tidemill reads. */

#include "api/schema_fields.h"
#include "api/workload.h"

/* Deployments number their conditions' fields otherwise, but are not read in the protobuf form. */
static const struct field condition_fields[] = {
    TEXT_AT(1, "type", struct workload_condition, type, FIELD_SHOWN),
    TEXT_AT(2, "status", struct workload_condition, status, FIELD_SHOWN),
    TEXT_AT(5, "reason", struct workload_condition, reason, 0),
    TEXT_AT(6, "message", struct workload_condition, message, 0),
    TIME_AT(4, "lastTransitionTime", struct workload_condition, last_transition_time, 0),
};
static SCHEMA(schema_workload_condition, workload_condition, condition_fields);

static const struct field job_spec_fields[] = {
    BOOLEAN_AT(10, "suspend", struct job_spec, suspend, 0),
};
static SCHEMA(schema_job_spec, job_spec, job_spec_fields);

static const struct field job_status_fields[] = {
    TIME_AT(3, "completionTime", struct job_status, completion_time, 0),
    LIST_AT(1, "conditions", struct job_status, conditions, condition_count,
            schema_workload_condition),
};
static SCHEMA(schema_job_status, job_status, job_status_fields);

static const struct field job_fields[] = {
    OBJECT_AT(1, "metadata", struct job, meta, schema_meta, FIELD_REQUIRED),
    OBJECT_AT(2, "spec", struct job, spec, schema_job_spec, 0),
    OBJECT_AT(3, "status", struct job, status, schema_job_status, FIELD_STORED),
};
SCHEMA(schema_job, job, job_fields);

static const struct field waiting_fields[] = {
    TEXT_AT(1, "reason", struct container_waiting, reason, 0),
    TEXT_AT(2, "message", struct container_waiting, message, 0),
};
static SCHEMA(schema_waiting, container_waiting, waiting_fields);

static const struct field running_fields[] = {
    TIME_AT(1, "startedAt", struct container_running, started_at, 0),
};
static SCHEMA(schema_running, container_running, running_fields);

static const struct field terminated_fields[] = {
    INTEGER_AT(1, "exitCode", struct container_terminated, exit_code, INTEGER_ABSENT, 0),
    TEXT_AT(3, "reason", struct container_terminated, reason, 0),
    TEXT_AT(4, "message", struct container_terminated, message, 0),
    TIME_AT(6, "finishedAt", struct container_terminated, finished_at, 0),
};
static SCHEMA(schema_terminated, container_terminated, terminated_fields);

static const struct field state_fields[] = {
    OBJECT_AT(1, "waiting", struct container_state, waiting, schema_waiting, 0),
    OBJECT_AT(2, "running", struct container_state, running, schema_running, 0),
    OBJECT_AT(3, "terminated", struct container_state, terminated, schema_terminated, 0),
};
static SCHEMA(schema_state, container_state, state_fields);

static const struct field container_fields[] = {
    TEXT_AT(1, "name", struct container_status, name, FIELD_REQUIRED | FIELD_SHOWN),
    TEXT_AT(6, "image", struct container_status, image, FIELD_SHOWN),
    TEXT_AT(7, "imageID", struct container_status, image_id, FIELD_SHOWN),
    OBJECT_AT(2, "state", struct container_status, state, schema_state, 0),
    OBJECT_AT(3, "lastState", struct container_status, last_state, schema_state, 0),
};
static SCHEMA(schema_container, container_status, container_fields);

static const struct field pod_status_fields[] = {
    TEXT_AT(1, "phase", struct pod_status, phase, 0),
    TEXT_AT(4, "reason", struct pod_status, reason, 0),
    TEXT_AT(3, "message", struct pod_status, message, 0),
    LIST_AT(2, "conditions", struct pod_status, conditions, condition_count,
            schema_workload_condition),
    LIST_AT(10, "initContainerStatuses", struct pod_status, init_containers, init_container_count,
            schema_container),
    LIST_AT(8, "containerStatuses", struct pod_status, containers, container_count,
            schema_container),
};
static SCHEMA(schema_pod_status, pod_status, pod_status_fields);

static const struct field pod_fields[] = {
    OBJECT_AT(1, "metadata", struct pod, meta, schema_meta, FIELD_REQUIRED),
    OBJECT_AT(3, "status", struct pod, status, schema_pod_status, FIELD_STORED),
};
SCHEMA(schema_pod, pod, pod_fields);

static const struct field deployment_spec_fields[] = {
    INTEGER("replicas", struct deployment_spec, replicas),
};
static SCHEMA(schema_deployment_spec, deployment_spec, deployment_spec_fields);

static const struct field deployment_status_fields[] = {
    INTEGER("observedGeneration", struct deployment_status, observed_generation),
    INTEGER("replicas", struct deployment_status, replicas),
    INTEGER("updatedReplicas", struct deployment_status, updated_replicas),
    INTEGER("readyReplicas", struct deployment_status, ready_replicas),
    INTEGER("availableReplicas", struct deployment_status, available_replicas),
    LIST("conditions", struct deployment_status, conditions, condition_count,
         schema_workload_condition),
};
static SCHEMA(schema_deployment_status, deployment_status, deployment_status_fields);

static const struct field deployment_fields[] = {
    OBJECT_WITH("metadata", struct deployment, meta, schema_meta, FIELD_REQUIRED),
    OBJECT("spec", struct deployment, spec, schema_deployment_spec),
    OBJECT_WITH("status", struct deployment, status, schema_deployment_status, FIELD_STORED),
};
SCHEMA(schema_deployment, deployment, deployment_fields);

static const struct field service_spec_fields[] = {
    TEXT_MAP("selector", struct service_spec, selector, NULL),
};
static SCHEMA(schema_service_spec, service_spec, service_spec_fields);

static const struct field service_fields[] = {
    OBJECT_WITH("metadata", struct service, meta, schema_meta, FIELD_REQUIRED),
    OBJECT("spec", struct service, spec, schema_service_spec),
};
SCHEMA(schema_service, service, service_fields);

static const struct field revision_data_fields[] = {
    OBJECT("spec", struct controller_revision_data, spec, schema_pipeline_spec),
};
static SCHEMA(schema_revision_data, controller_revision_data, revision_data_fields);

static const struct field revision_fields[] = {
    OBJECT_WITH("metadata", struct controller_revision, meta, schema_meta, FIELD_REQUIRED),
    OBJECT("data", struct controller_revision, data, schema_revision_data),
    INTEGER("revision", struct controller_revision, revision),
};
SCHEMA(schema_controller_revision, controller_revision, revision_fields);

static const struct field claim_spec_fields[] = {
    TEXT_LIST("accessModes", struct claim_spec, access_modes, access_mode_count),
};
static SCHEMA(schema_claim_spec, claim_spec, claim_spec_fields);

static const struct field claim_fields[] = {
    OBJECT_WITH("metadata", struct claim, meta, schema_meta, FIELD_REQUIRED),
    OBJECT("spec", struct claim, spec, schema_claim_spec),
};
SCHEMA(schema_claim, claim, claim_fields);
