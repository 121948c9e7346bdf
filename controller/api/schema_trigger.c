/* Field tables of Trigger. */

#include "api/schema_fields.h"
#include "api/trigger.h"

static const struct field catch_up_fields[] = {
    TEXT("policy", struct catch_up_spec, policy),
    INTEGER("max", struct catch_up_spec, max),
};
static SCHEMA(schema_catch_up, catch_up_spec, catch_up_fields);

static const struct field schedule_fields[] = {
    TEXT("cron", struct schedule_spec, cron),
    TEXT("timeZone", struct schedule_spec, time_zone),
    OBJECT("catchUp", struct schedule_spec, catch_up, schema_catch_up),
    TEXT("startingDeadline", struct schedule_spec, starting_deadline),
};
static SCHEMA(schema_schedule, schedule_spec, schedule_fields);

static const struct field pipeline_reference_fields[] = {
    TEXT_WITH("name", struct object_reference, name, FIELD_REQUIRED),
};
static SCHEMA(schema_pipeline_reference, object_reference, pipeline_reference_fields);

static const struct field git_fields[] = {
    TEXT("url", struct git_source, url),
    TEXT("branch", struct git_source, branch),
    TEXT("tag", struct git_source, tag),
    TEXT("semver", struct git_source, semver),
    TEXT("secretName", struct git_source, secret_name),
};
static SCHEMA(schema_git, git_source, git_fields);

static const struct field image_fields[] = {
    TEXT("repository", struct image_source, repository),
    TEXT("tag", struct image_source, tag),
    TEXT("semver", struct image_source, semver),
    TEXT("secretName", struct image_source, secret_name),
};
static SCHEMA(schema_image, image_source, image_fields);

static const struct field bucket_fields[] = {
    TEXT("endpoint", struct bucket_source, endpoint),
    TEXT("bucket", struct bucket_source, bucket),
    TEXT("prefix", struct bucket_source, prefix),
    TEXT("pattern", struct bucket_source, pattern),
    TEXT("region", struct bucket_source, region),
    TEXT("secretName", struct bucket_source, secret_name),
};
static SCHEMA(schema_bucket, bucket_source, bucket_fields);

static const struct field prometheus_fields[] = {
    TEXT("query", struct prometheus_source, query),
    TEXT("above", struct prometheus_source, above),
    TEXT("below", struct prometheus_source, below),
    TEXT("for", struct prometheus_source, hold),
    TEXT("url", struct prometheus_source, url),
    TEXT("secretName", struct prometheus_source, secret_name),
};
static SCHEMA(schema_prometheus, prometheus_source, prometheus_fields);

static const struct field http_fields[] = {
    TEXT("url", struct http_source, url),
    TEXT("secretName", struct http_source, secret_name),
};
static SCHEMA(schema_http, http_source, http_fields);

static const struct field webhook_filter_fields[] = {
    TEXT_WITH("path", struct webhook_filter, path, FIELD_REQUIRED),
    TEXT("equals", struct webhook_filter, equals),
    TEXT("pattern", struct webhook_filter, pattern),
};
static SCHEMA(schema_webhook_filter, webhook_filter, webhook_filter_fields);

static const struct field webhook_value_fields[] = {
    TEXT_WITH("name", struct webhook_param, name, FIELD_REQUIRED),
    TEXT_WITH("path", struct webhook_param, path, FIELD_REQUIRED),
};
static SCHEMA(schema_webhook_value, webhook_param, webhook_value_fields);

static const struct field webhook_fields[] = {
    TEXT("type", struct webhook_source, type),
    TEXT("header", struct webhook_source, header),
    TEXT("prefix", struct webhook_source, prefix),
    TEXT_LIST("events", struct webhook_source, events, event_count),
    LIST("filters", struct webhook_source, filters, filter_count, schema_webhook_filter),
    LIST("values", struct webhook_source, params, param_count, schema_webhook_value),
    TEXT("secretName", struct webhook_source, secret_name),
};
static SCHEMA(schema_webhook, webhook_source, webhook_fields);

static const struct field delivery_fields[] = {
    TEXT_WITH("id", struct pending_delivery, id, FIELD_REQUIRED),
    TIME("time", struct pending_delivery, time),
    LIST("values", struct pending_delivery, values, value_count, schema_name_value),
};
static SCHEMA(schema_delivery, pending_delivery, delivery_fields);

static const struct field pipeline_source_fields[] = {
    TEXT("name", struct pipeline_source, name),
    TEXT_LIST("events", struct pipeline_source, events, event_count),
};
static SCHEMA(schema_pipeline_source, pipeline_source, pipeline_source_fields);

static const struct field model_source_fields[] = {
    TEXT("name", struct model_source, name),
    TEXT_LIST("events", struct model_source, events, event_count),
};
static SCHEMA(schema_model_source, model_source, model_source_fields);

static const struct field param_fields[] = {
    TEXT_WITH("name", struct trigger_param, name, FIELD_REQUIRED),
    TEXT("value", struct trigger_param, value),
    TEXT("from", struct trigger_param, from),
};
static SCHEMA(schema_param, trigger_param, param_fields);

static const struct field budget_fields[] = {
    INTEGER_OR("runs", struct budget_spec, runs, INTEGER_ABSENT, 0),
    TEXT("per", struct budget_spec, per),
};
static SCHEMA(schema_budget, budget_spec, budget_fields);

static const struct field breaker_fields[] = {
    INTEGER_OR("failures", struct breaker_spec, failures, INTEGER_ABSENT, 0),
    TEXT("pause", struct breaker_spec, pause),
};
static SCHEMA(schema_breaker, breaker_spec, breaker_fields);

static const struct field breaker_status_fields[] = {
    INTEGER("failures", struct breaker_status, failures),
    TIME("since", struct breaker_status, since),
    TEXT("ends", struct breaker_status, ends),
};
static SCHEMA(schema_breaker_status, breaker_status, breaker_status_fields);

static const struct field spec_fields[] = {
    OBJECT_WITH("pipelineRef", struct trigger_spec, pipeline_ref, schema_pipeline_reference,
                FIELD_REQUIRED),
    LIST("params", struct trigger_spec, params, param_count, schema_param),
    OBJECT("schedule", struct trigger_spec, schedule, schema_schedule),
    OBJECT("pipeline", struct trigger_spec, pipeline, schema_pipeline_source),
    OBJECT("model", struct trigger_spec, model, schema_model_source),
    OBJECT("git", struct trigger_spec, git, schema_git),
    OBJECT("image", struct trigger_spec, image, schema_image),
    OBJECT("bucket", struct trigger_spec, bucket, schema_bucket),
    OBJECT("http", struct trigger_spec, http, schema_http),
    OBJECT("prometheus", struct trigger_spec, prometheus, schema_prometheus),
    OBJECT("webhook", struct trigger_spec, webhook, schema_webhook),
    TEXT("interval", struct trigger_spec, interval),
    TEXT("cooldown", struct trigger_spec, cooldown),
    TEXT("debounce", struct trigger_spec, debounce),
    OBJECT("budget", struct trigger_spec, budget, schema_budget),
    OBJECT("breaker", struct trigger_spec, breaker, schema_breaker),
    TEXT("concurrencyPolicy", struct trigger_spec, concurrency_policy),
    BOOLEAN("suspend", struct trigger_spec, suspend),
};
static SCHEMA(schema_spec, trigger_spec, spec_fields);

static const struct field pending_fields[] = {
    INTEGER("number", struct pending_firing, number),
    TIME("scheduledTime", struct pending_firing, scheduled_time),
    TEXT("revision", struct pending_firing, revision),
    TEXT("summary", struct pending_firing, summary),
    TEXT("mark", struct pending_firing, mark),
    TEXT("run", struct pending_firing, run),
    TEXT("reason", struct pending_firing, reason),
    INTEGER("chain", struct pending_firing, chain),
    LIST("params", struct pending_firing, params, param_count, schema_name_value),
};
static SCHEMA(schema_pending, pending_firing, pending_fields);

static const struct field recent_fields[] = {
    TIME("time", struct recent_decision, time),
    TIME("scheduledTime", struct recent_decision, scheduled_time),
    TEXT("revision", struct recent_decision, revision),
    TEXT("run", struct recent_decision, run),
    TEXT("reason", struct recent_decision, reason),
    TEXT("message", struct recent_decision, message),
};
static SCHEMA(schema_recent, recent_decision, recent_fields);

static const struct field status_fields[] = {
    INTEGER("observedGeneration", struct trigger_status, observed_generation),
    TIME("lastScheduleTime", struct trigger_status, last_schedule_time),
    TIME("nextScheduleTime", struct trigger_status, next_schedule_time),
    TEXT("observedRevision", struct trigger_status, observed_revision),
    TEXT("observedMark", struct trigger_status, observed_mark),
    LIST("deliveries", struct trigger_status, deliveries, delivery_count, schema_delivery),
    TEXT("delivered", struct trigger_status, delivered),
    TIME("pokedTime", struct trigger_status, poked_time),
    TIME("lastFiringTime", struct trigger_status, last_firing_time),
    TIME("budgetSince", struct trigger_status, budget_since),
    INTEGER("budgetUsed", struct trigger_status, budget_used),
    OBJECT("breaker", struct trigger_status, breaker, schema_breaker_status),
    INTEGER("firings", struct trigger_status, firings),
    INTEGER("dropped", struct trigger_status, dropped),
    OBJECT("pending", struct trigger_status, pending, schema_pending),
    OBJECT("lastRunRef", struct trigger_status, last_run_ref, schema_object_reference),
    LIST("recent", struct trigger_status, recent, recent_count, schema_recent),
    CONDITIONS(struct trigger_status, conditions),
};
static SCHEMA(schema_status, trigger_status, status_fields);

static const struct field trigger_fields[] = {
    OBJECT_WITH("metadata", struct trigger, meta, schema_meta, FIELD_REQUIRED),
    OBJECT("spec", struct trigger, spec, schema_spec),
    OBJECT_WITH("status", struct trigger, status, schema_status, FIELD_STORED),
};
SCHEMA(schema_trigger, trigger, trigger_fields);
