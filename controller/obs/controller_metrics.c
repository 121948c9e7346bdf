#include "obs/controller_metrics.h"

#include "core/assert.h"

/* Microseconds. An API request takes 1 to 10 ms; timeouts are at some tens of seconds. */
static const int64_t request_bounds[] = {1000,   2500,   5000,    10000,   25000,    50000,
                                         100000, 250000, 1000000, 5000000, 15000000, 60000000};

/* Planning takes well under a millisecond; with its writes it is as long as those. */
static const int64_t reconcile_bounds[] = {100,   250,    500,    1000,    2500,    5000,    10000,
                                           25000, 100000, 500000, 1000000, 5000000, 30000000};

static void register_client(struct controller_metrics *set, struct metrics *metrics)
{
    set->requests = metrics_add_counter(
        metrics, "tidemill_requests_total",
        "Requests to the API server by HTTP method (WATCH for a watch), resource, and status code "
        "or the word for what went wrong.",
        METRIC_COUNT, LABELS("method", "resource", "code"));
    set->request_duration = metrics_add_histogram(
        metrics, "tidemill_request_duration_seconds",
        "Time from sending a request to the end of its answer, watches not counted.",
        METRIC_MICROSECONDS, LABELS("method"), request_bounds, COUNT_OF(request_bounds));
    set->request_bytes = metrics_add_counter(
        metrics, "tidemill_request_bytes_total",
        "Bytes of requests (sent, head and body) and of answers' bodies (received), before TLS.",
        METRIC_COUNT, LABELS("method", "resource", "direction"));
    set->connections = metrics_add_counter(metrics, "tidemill_connections_opened_total",
                                           "Connections made to the API server.", METRIC_COUNT,
                                           NO_LABELS);
    set->watch_events = metrics_add_counter(metrics, "tidemill_watch_events_total",
                                            "Events received by watches.", METRIC_COUNT,
                                            LABELS("kind", "type"));
    set->watch_bytes = metrics_add_counter(
        metrics, "tidemill_watch_bytes_total",
        "Bytes of the bodies of lists and watches as they come, before TLS.", METRIC_COUNT,
        LABELS("kind"));
    set->watch_restarts = metrics_add_counter(metrics, "tidemill_watch_restarts_total",
                                              "Watches that ended and were begun again, by why.",
                                              METRIC_COUNT, LABELS("kind", "reason"));
    set->cached_objects = metrics_add_gauge(metrics, "tidemill_cached_objects",
                                            "Objects in the caches.", METRIC_COUNT, LABELS("kind"));
}

static void register_work(struct controller_metrics *set, struct metrics *metrics)
{
    set->reconcile_duration = metrics_add_histogram(
        metrics, "tidemill_reconcile_duration_seconds",
        "Time from taking an object from the queue to the end of its last write.",
        METRIC_MICROSECONDS, LABELS("kind"), reconcile_bounds, COUNT_OF(reconcile_bounds));
    set->reconcile_errors = metrics_add_counter(metrics, "tidemill_reconcile_errors_total",
                                                "Reconciles that ended with an error.",
                                                METRIC_COUNT, LABELS("kind", "error"));
    set->queue_depth = metrics_add_gauge(metrics, "tidemill_queue_depth",
                                         "Objects that wait to be looked at.", METRIC_COUNT,
                                         NO_LABELS);
    set->leader = metrics_add_gauge(
        metrics, "tidemill_leader",
        "1: this replica works; 0: it stands by. Over all replicas the sum is 1, but for some "
        "seconds after a leader died.",
        METRIC_COUNT, NO_LABELS);
    set->leader_transitions = metrics_add_counter(
        metrics, "tidemill_leader_transitions_total",
        "Times that this replica began or ceased to lead.", METRIC_COUNT, NO_LABELS);
    set->runs = metrics_add_counter(metrics, "tidemill_runs_total",
                                    "Pipeline runs that came to their end.", METRIC_COUNT,
                                    LABELS("phase"));
    set->steps_running = metrics_add_gauge(metrics, "tidemill_steps_running",
                                           "Steps that run, by the statuses of all runs.",
                                           METRIC_COUNT, NO_LABELS);
    set->held_back = metrics_add_counter(
        metrics, "tidemill_writes_held_back_total",
        "Writes not sent because the API server had refused the same words a moment before.",
        METRIC_COUNT, NO_LABELS);
    set->unasked = metrics_add_counter(
        metrics, "tidemill_questions_held_back_total",
        "Questions why a Job has no pod that were not sent, because of their rate for all runs.",
        METRIC_COUNT, NO_LABELS);
}

static void register_triggers(struct controller_metrics *set, struct metrics *metrics)
{
    set->source_polls = metrics_add_counter(metrics, "tidemill_source_polls_total",
                                            "Polls of Triggers' sources: found, absent, failed.",
                                            METRIC_COUNT, LABELS("outcome"));
    set->source_requests = metrics_add_counter(metrics, "tidemill_source_requests_total",
                                               "Requests to Triggers' sources.", METRIC_COUNT,
                                               NO_LABELS);
    set->deliveries = metrics_add_counter(
        metrics, "tidemill_webhook_deliveries_total",
        "Deliveries to webhooks: taken, repeated, ignored, refused, put-off.", METRIC_COUNT,
        LABELS("outcome"));
    set->delivery_writes = metrics_add_counter(
        metrics, "tidemill_webhook_writes_total",
        "Patches of Triggers' statuses that wrote deliveries down.", METRIC_COUNT, NO_LABELS);
    set->certificate_left = metrics_add_gauge(
        metrics, "tidemill_webhook_certificate_expires_in_seconds",
        "Seconds until the certificate that webhooks are served with expires; negative afterwards.",
        METRIC_COUNT, NO_LABELS);
    set->certificate_loads = metrics_add_counter(
        metrics, "tidemill_webhook_certificate_loads_total",
        "Changes of the certificate's files: loaded, or failed and the one before serves on.",
        METRIC_COUNT, LABELS("outcome"));
}

static void register_process(struct controller_metrics *set, struct metrics *metrics)
{
    set->process_cpu = metrics_add_counter(metrics, "process_cpu_seconds_total",
                                           "User and system CPU time.", METRIC_MICROSECONDS,
                                           NO_LABELS);
    set->process_resident = metrics_add_gauge(metrics, "process_resident_memory_bytes",
                                              "Resident memory.", METRIC_COUNT, NO_LABELS);
    set->process_start = metrics_add_gauge(metrics, "process_start_time_seconds",
                                           "When the process began, Unix time.",
                                           METRIC_MICROSECONDS, NO_LABELS);
    set->process_open_files = metrics_add_gauge(metrics, "process_open_fds",
                                                "Open file descriptors.", METRIC_COUNT, NO_LABELS);
    set->process_maximum_files = metrics_add_gauge(
        metrics, "process_max_fds", "Most file descriptors allowed.", METRIC_COUNT, NO_LABELS);
}

void controller_metrics_register(struct controller_metrics *set, struct metrics *metrics,
                                 const char *version)
{
    register_client(set, metrics);
    register_work(set, metrics);
    register_triggers(set, metrics);
    register_process(set, metrics);
    struct metric *build = metrics_add_gauge(metrics, "tidemill_build_info",
                                             "Always 1; the label says which version runs.",
                                             METRIC_COUNT, LABELS("version"));
    metric_set(build, LABELS(version), 1);
}
