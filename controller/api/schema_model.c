/* Field tables of Model and ModelVersion. */

#include "api/model.h"
#include "api/schema_fields.h"

static const struct field serving_fields[] = {
    RAW("podTemplate", struct serving_spec, pod_template),
    OPTIONAL_INTEGER("port", struct serving_spec, port),
    OPTIONAL_INTEGER("replicas", struct serving_spec, replicas),
};
static SCHEMA(schema_serving, serving_spec, serving_fields);

static const struct field model_spec_fields[] = {
    OBJECT("serving", struct model_spec, serving, schema_serving),
    TEXT("pinnedVersion", struct model_spec, pinned_version),
};
static SCHEMA(schema_model_spec, model_spec, model_spec_fields);

static const struct field model_event_fields[] = {
    INTEGER("number", struct model_event, number), TIME("time", struct model_event, time),
    TEXT("event", struct model_event, event),      TEXT("version", struct model_event, version),
    INTEGER("chain", struct model_event, chain),   TEXT("message", struct model_event, message),
};
static SCHEMA(schema_model_event, model_event, model_event_fields);

static const struct field model_status_fields[] = {
    INTEGER("observedGeneration", struct model_status, observed_generation),
    TEXT("champion", struct model_status, champion),
    OPTIONAL_INTEGER("championVersion", struct model_status, champion_version),
    TEXT("candidate", struct model_status, candidate),
    TEXT("previous", struct model_status, previous),
    TIME("drainUntil", struct model_status, drain_until),
    INTEGER("lastVersion", struct model_status, last_version),
    TEXT("url", struct model_status, url),
    INTEGER("replicas", struct model_status, replicas),
    TEXT("selector", struct model_status, selector),
    LIST("recent", struct model_status, recent, recent_count, schema_model_event),
    CONDITIONS(struct model_status, conditions),
};
static SCHEMA(schema_model_status, model_status, model_status_fields);

static const struct field model_fields[] = {
    OBJECT_WITH("metadata", struct model, meta, schema_meta, FIELD_REQUIRED),
    OBJECT("spec", struct model, spec, schema_model_spec),
    OBJECT_WITH("status", struct model, status, schema_model_status, FIELD_STORED),
};
SCHEMA(schema_model, model, model_fields);

static const struct field artifact_fields[] = {
    TEXT("uri", struct artifact_reference, uri),
    TEXT("digest", struct artifact_reference, digest),
};
static SCHEMA(schema_artifact, artifact_reference, artifact_fields);

static const struct field metric_fields[] = {
    TEXT_WITH("name", struct metric_value, name, FIELD_REQUIRED),
    TEXT("value", struct metric_value, value),
    TEXT("step", struct metric_value, step),
};
static SCHEMA(schema_metric, metric_value, metric_fields);

static const struct field lineage_run_fields[] = {
    TEXT("name", struct lineage_run, name),
    TEXT("uid", struct lineage_run, uid),
};
static SCHEMA(schema_lineage_run, lineage_run, lineage_run_fields);

static const struct field lineage_image_fields[] = {
    TEXT("step", struct lineage_image, step),
    TEXT("image", struct lineage_image, image),
};
static SCHEMA(schema_lineage_image, lineage_image, lineage_image_fields);

static const struct field lineage_artifact_fields[] = {
    TEXT_WITH("name", struct lineage_artifact, name, FIELD_REQUIRED),
    TEXT("uri", struct lineage_artifact, uri),
    TEXT("digest", struct lineage_artifact, digest),
};
static SCHEMA(schema_lineage_artifact, lineage_artifact, lineage_artifact_fields);

static const struct field lineage_fields[] = {
    OBJECT("run", struct lineage_spec, run, schema_lineage_run),
    OBJECT("cause", struct lineage_spec, cause, schema_cause),
    TEXT("pipeline", struct lineage_spec, pipeline),
    TEXT("revision", struct lineage_spec, revision),
    LIST("params", struct lineage_spec, params, param_count, schema_name_value),
    LIST("images", struct lineage_spec, images, image_count, schema_lineage_image),
    LIST("inputs", struct lineage_spec, inputs, input_count, schema_lineage_artifact),
};
static SCHEMA(schema_lineage, lineage_spec, lineage_fields);

static const struct field version_spec_fields[] = {
    TEXT_WITH("model", struct model_version_spec, model, FIELD_REQUIRED),
    OBJECT("artifact", struct model_version_spec, artifact, schema_artifact),
    LIST("metrics", struct model_version_spec, metrics, metric_count, schema_metric),
    OBJECT("lineage", struct model_version_spec, lineage, schema_lineage),
    OBJECT("serving", struct model_version_spec, serving, schema_serving),
};
static SCHEMA(schema_version_spec, model_version_spec, version_spec_fields);

static const struct field version_status_fields[] = {
    INTEGER("observedGeneration", struct model_version_status, observed_generation),
    OPTIONAL_INTEGER("version", struct model_version_status, version),
    TEXT("phase", struct model_version_status, phase),
    TEXT("url", struct model_version_status, url),
    TEXT("sameAs", struct model_version_status, same_as),
    CONDITIONS(struct model_version_status, conditions),
};
static SCHEMA(schema_version_status, model_version_status, version_status_fields);

static const struct field version_fields[] = {
    OBJECT_WITH("metadata", struct model_version, meta, schema_meta, FIELD_REQUIRED),
    OBJECT("spec", struct model_version, spec, schema_version_spec),
    OBJECT_WITH("status", struct model_version, status, schema_version_status, FIELD_STORED),
};
SCHEMA(schema_model_version, model_version, version_fields);
