/* Field tables of what all kinds share. */

#include "api/kind.h"
#include "api/schema_fields.h"

static const struct field owner_fields[] = {
    TEXT_AT(5, "apiVersion", struct owner_reference, api_version, FIELD_SHOWN),
    TEXT_AT(1, "kind", struct owner_reference, kind, FIELD_SHOWN),
    TEXT_AT(3, "name", struct owner_reference, name, FIELD_SHOWN),
    TEXT_AT(4, "uid", struct owner_reference, uid, FIELD_SHOWN),
    BOOLEAN_AT(6, "controller", struct owner_reference, controller, FIELD_BLOCKS),
};
static SCHEMA(schema_owner, owner_reference, owner_fields);

/* All that anybody reads of those that we set; a pod of a run has seven more. */
static const char *const labels[] = {LABEL_MANAGED_BY, LABEL_MODEL, LABEL_VERSION_UID, NULL};

static const struct field meta_fields[] = {
    TEXT_AT(1, "name", struct meta, name, FIELD_REQUIRED),
    TEXT_AT(3, "namespace", struct meta, namespace, 0),
    TEXT_AT(5, "uid", struct meta, uid, FIELD_STORED),
    TEXT_AT(6, "resourceVersion", struct meta, resource_version, FIELD_STORED),
    INTEGER_AT(7, "generation", struct meta, generation, 0, FIELD_STORED),
    TIME_AT(8, "creationTimestamp", struct meta, creation_time, FIELD_STORED),
    TIME_AT(9, "deletionTimestamp", struct meta, deletion_time, FIELD_STORED),
    TEXT_MAP_OF(11, "labels", struct meta, labels, labels),
    TEXT_MAP_AT(12, "annotations", struct meta, annotations, API_GROUP "/"),
    LIST_AT(13, "ownerReferences", struct meta, owners, owner_count, schema_owner),
};
SCHEMA(schema_meta, meta, meta_fields);

static const struct field name_value_fields[] = {
    TEXT_WITH("name", struct name_value, name, FIELD_REQUIRED),
    TEXT("value", struct name_value, value),
};
SCHEMA(schema_name_value, name_value, name_value_fields);

static const struct field object_reference_fields[] = {
    TEXT("name", struct object_reference, name),
};
SCHEMA(schema_object_reference, object_reference, object_reference_fields);

static const struct field cause_fields[] = {
    TEXT("kind", struct cause_spec, kind),
    TEXT("name", struct cause_spec, name),
    TEXT("revision", struct cause_spec, revision),
    TEXT("message", struct cause_spec, message),
};
SCHEMA(schema_cause, cause_spec, cause_fields);

/* metav1.Condition requires reason and message; an empty message is sent as "". */
static const struct field condition_fields[] = {
    TEXT_WITH("type", struct condition, type, FIELD_REQUIRED),
    TEXT_WITH("status", struct condition, status, FIELD_REQUIRED),
    INTEGER("observedGeneration", struct condition, observed_generation),
    TIME("lastTransitionTime", struct condition, last_transition_time),
    TEXT_WITH("reason", struct condition, reason, FIELD_KEPT),
    TEXT_WITH("message", struct condition, message, FIELD_KEPT),
};
SCHEMA(schema_condition, condition, condition_fields);
