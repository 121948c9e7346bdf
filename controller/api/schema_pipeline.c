/* Field tables of Pipeline. */

#include "api/pipeline.h"
#include "api/schema_fields.h"

static const struct field param_fields[] = {
    TEXT_WITH("name", struct param_spec, name, FIELD_REQUIRED),
    TEXT("type", struct param_spec, type),
    TEXT("default", struct param_spec, default_value),
    TEXT("description", struct param_spec, description),
    TEXT_LIST("enum", struct param_spec, enum_values, enum_count),
    TEXT("minimum", struct param_spec, minimum),
    TEXT("maximum", struct param_spec, maximum),
    TEXT("pattern", struct param_spec, pattern),
};
static SCHEMA(schema_param, param_spec, param_fields);

static const struct field input_fields[] = {
    TEXT_WITH("name", struct input_spec, name, FIELD_REQUIRED),
    TEXT_WITH("from", struct input_spec, from, FIELD_REQUIRED),
};
static SCHEMA(schema_input, input_spec, input_fields);

static const struct field artifact_fields[] = {
    TEXT_WITH("name", struct artifact_spec, name, FIELD_REQUIRED),
};
static SCHEMA(schema_artifact, artifact_spec, artifact_fields);

static const struct field result_fields[] = {
    TEXT_WITH("name", struct result_spec, name, FIELD_REQUIRED),
    TEXT("type", struct result_spec, type),
};
static SCHEMA(schema_result, result_spec, result_fields);

static const struct field outputs_fields[] = {
    LIST("artifacts", struct outputs_spec, artifacts, artifact_count, schema_artifact),
    LIST("results", struct outputs_spec, results, result_count, schema_result),
};
static SCHEMA(schema_outputs, outputs_spec, outputs_fields);

static const struct field check_fields[] = {
    TEXT_WITH("result", struct check_spec, result, FIELD_REQUIRED),
    TEXT("min", struct check_spec, min),
    TEXT("max", struct check_spec, max),
    TEXT("equals", struct check_spec, equals),
    TEXT("onFailure", struct check_spec, on_failure),
};
static SCHEMA(schema_check, check_spec, check_fields);

static const struct field backoff_fields[] = {
    TEXT("initial", struct backoff_spec, initial),
    INTEGER("factor", struct backoff_spec, factor),
    TEXT("max", struct backoff_spec, max),
};
static SCHEMA(schema_backoff, backoff_spec, backoff_fields);

static const struct field retry_fields[] = {
    INTEGER("limit", struct retry_spec, limit),
    OBJECT("backoff", struct retry_spec, backoff, schema_backoff),
};
static SCHEMA(schema_retry, retry_spec, retry_fields);

static const struct field step_fields[] = {
    TEXT_WITH("name", struct step_spec, name, FIELD_REQUIRED),
    TEXT("image", struct step_spec, image),
    TEXT_LIST("command", struct step_spec, command, command_count),
    TEXT_LIST("args", struct step_spec, args, arg_count),
    LIST("env", struct step_spec, env, env_count, schema_name_value),
    LIST("inputs", struct step_spec, inputs, input_count, schema_input),
    TEXT_LIST("runAfter", struct step_spec, run_after, run_after_count),
    OBJECT("outputs", struct step_spec, outputs, schema_outputs),
    LIST("checks", struct step_spec, checks, check_count, schema_check),
    OBJECT("retry", struct step_spec, retry, schema_retry),
    TEXT("timeout", struct step_spec, timeout),
    RAW("podTemplate", struct step_spec, pod_template),
};
static SCHEMA(schema_step, step_spec, step_fields);

static const struct field volume_claim_fields[] = {
    TEXT("claimName", struct volume_claim_reference, claim_name),
};
static SCHEMA(schema_volume_claim, volume_claim_reference, volume_claim_fields);

static const struct field artifacts_fields[] = {
    OBJECT("volumeClaim", struct artifacts_spec, volume_claim, schema_volume_claim),
};
static SCHEMA(schema_artifacts, artifacts_spec, artifacts_fields);

static const struct field history_fields[] = {
    INTEGER("succeeded", struct run_history_spec, succeeded),
    INTEGER("failed", struct run_history_spec, failed),
};
static SCHEMA(schema_history, run_history_spec, history_fields);

static const struct field publish_fields[] = {
    TEXT("model", struct publish_spec, model),
    TEXT("artifact", struct publish_spec, artifact),
    TEXT_LIST("metricsFrom", struct publish_spec, metrics_from, metrics_from_count),
};
static SCHEMA(schema_publish, publish_spec, publish_fields);

static const struct field spec_fields[] = {
    LIST("params", struct pipeline_spec, params, param_count, schema_param),
    OBJECT("artifacts", struct pipeline_spec, artifacts, schema_artifacts),
    RAW("podDefaults", struct pipeline_spec, pod_defaults),
    OPTIONAL_INTEGER("maxConcurrentRuns", struct pipeline_spec, max_concurrent_runs),
    OBJECT("history", struct pipeline_spec, history, schema_history),
    TEXT("timeout", struct pipeline_spec, timeout),
    LIST("steps", struct pipeline_spec, steps, step_count, schema_step),
    OBJECT("publish", struct pipeline_spec, publish, schema_publish),
};
SCHEMA(schema_pipeline_spec, pipeline_spec, spec_fields);

static const struct field status_fields[] = {
    INTEGER("observedGeneration", struct pipeline_status, observed_generation),
    TEXT("revision", struct pipeline_status, revision),
    CONDITIONS(struct pipeline_status, conditions),
};
static SCHEMA(schema_status, pipeline_status, status_fields);

static const struct field pipeline_fields[] = {
    OBJECT_WITH("metadata", struct pipeline, meta, schema_meta, FIELD_REQUIRED),
    OBJECT("spec", struct pipeline, spec, schema_pipeline_spec),
    OBJECT_WITH("status", struct pipeline, status, schema_status, FIELD_STORED),
};
SCHEMA(schema_pipeline, pipeline, pipeline_fields);
