/* Field tables of PipelineRun. */

#include "api/pipeline_run.h"
#include "api/schema_fields.h"

static const struct field pipeline_reference_fields[] = {
    TEXT_WITH("name", struct object_reference, name, FIELD_REQUIRED),
};
static SCHEMA(schema_pipeline_reference, object_reference, pipeline_reference_fields);

static const struct field spec_fields[] = {
    OBJECT_WITH("pipelineRef", struct pipeline_run_spec, pipeline_ref, schema_pipeline_reference,
                FIELD_REQUIRED),
    LIST("params", struct pipeline_run_spec, params, param_count, schema_name_value),
    OBJECT("cause", struct pipeline_run_spec, cause, schema_cause),
    BOOLEAN("cancel", struct pipeline_run_spec, cancel),
    BOOLEAN("suspend", struct pipeline_run_spec, suspend),
};
static SCHEMA(schema_spec, pipeline_run_spec, spec_fields);

static const struct field artifact_fields[] = {
    TEXT_WITH("name", struct artifact_status, name, FIELD_REQUIRED),
    TEXT("uri", struct artifact_status, uri),
    TEXT("digest", struct artifact_status, digest),
};
static SCHEMA(schema_artifact, artifact_status, artifact_fields);

static const struct field step_fields[] = {
    TEXT_WITH("name", struct step_status, name, FIELD_REQUIRED),
    TEXT("phase", struct step_status, phase),
    TEXT("reason", struct step_status, reason),
    TEXT("message", struct step_status, message),
    INTEGER("attempts", struct step_status, attempts),
    TEXT("job", struct step_status, job),
    TIME("startTime", struct step_status, start_time),
    TIME("completionTime", struct step_status, completion_time),
    TIME("retryTime", struct step_status, retry_time),
    TEXT("imageID", struct step_status, image_id),
    LIST("results", struct step_status, results, result_count, schema_name_value),
    LIST("artifacts", struct step_status, artifacts, artifact_count, schema_artifact),
};
static SCHEMA(schema_step, step_status, step_fields);

static const struct field status_fields[] = {
    INTEGER("observedGeneration", struct pipeline_run_status, observed_generation),
    TEXT("phase", struct pipeline_run_status, phase),
    TEXT("progress", struct pipeline_run_status, progress),
    TEXT("revision", struct pipeline_run_status, revision),
    TIME("startTime", struct pipeline_run_status, start_time),
    TIME("completionTime", struct pipeline_run_status, completion_time),
    TEXT("sealJob", struct pipeline_run_status, seal_job),
    TEXT("modelVersion", struct pipeline_run_status, model_version),
    LIST("steps", struct pipeline_run_status, steps, step_count, schema_step),
    CONDITIONS(struct pipeline_run_status, conditions),
};
static SCHEMA(schema_status, pipeline_run_status, status_fields);

static const struct field run_fields[] = {
    OBJECT_WITH("metadata", struct pipeline_run, meta, schema_meta, FIELD_REQUIRED),
    OBJECT("spec", struct pipeline_run, spec, schema_spec),
    OBJECT_WITH("status", struct pipeline_run, status, schema_status, FIELD_STORED),
};
SCHEMA(schema_pipeline_run, pipeline_run, run_fields);
