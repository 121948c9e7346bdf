#include "cli/observe.h"

#include "core/memory.h"
#include "io/certificate.h"
#include "io/process.h"
#include "kube/controller.h"
#include "obs/controller_metrics.h"
#include "obs/health.h"

#include <stdio.h>
#include <time.h>

struct observation {
    struct metrics *metrics;
    struct controller_metrics set;
    struct health *health;
    struct health_check *synced[KIND_COUNT];
    const struct controller *controller;   /* NULL: none runs */
    const struct certificate *certificate; /* NULL: none is served with */
};

static void collect_triggers(struct observation *observation)
{
    const struct controller_metrics *set = &observation->set;
    struct poller_numbers polls = poller_numbers(controller_poller(observation->controller));
    struct hooks_numbers hooks = controller_hooks_numbers(observation->controller);
    metric_set(set->source_requests, NO_LABELS, (int64_t)polls.requests);
    metric_set(set->source_polls, LABELS("found"), (int64_t)polls.found);
    metric_set(set->source_polls, LABELS("absent"), (int64_t)polls.absent);
    metric_set(set->source_polls, LABELS("failed"), (int64_t)polls.failed);
    metric_set(set->deliveries, LABELS("taken"), (int64_t)hooks.taken);
    metric_set(set->deliveries, LABELS("repeated"), (int64_t)hooks.repeated);
    metric_set(set->deliveries, LABELS("ignored"), (int64_t)hooks.ignored);
    metric_set(set->deliveries, LABELS("refused"), (int64_t)hooks.refused);
    metric_set(set->deliveries, LABELS("put-off"), (int64_t)hooks.put_off);
    metric_set(set->delivery_writes, NO_LABELS, (int64_t)hooks.writes);
}

static void collect_questions(struct observation *observation)
{
    const struct controller_metrics *set = &observation->set;
    const struct executor *executor = controller_executor(observation->controller);
    struct executor_numbers numbers = executor_numbers(executor);
    metric_set(set->held_back, NO_LABELS, (int64_t)numbers.held_back);
    metric_set(set->unasked, NO_LABELS, (int64_t)numbers.unasked);
}

static void collect_certificate(struct observation *observation)
{
    const struct controller_metrics *set = &observation->set;
    if (!observation->certificate) {
        return;
    }
    struct certificate_numbers numbers = certificate_numbers(observation->certificate);
    metric_set(set->certificate_left, NO_LABELS, numbers.expires_unix - (int64_t)time(NULL));
    metric_set(set->certificate_loads, LABELS("loaded"), (int64_t)numbers.loaded);
    metric_set(set->certificate_loads, LABELS("failed"), (int64_t)numbers.failed);
}

/* Numbers that the parts keep themselves, copied when somebody asks. */
static void collect(void *context)
{
    struct observation *observation = context;
    const struct controller *controller = observation->controller;
    collect_certificate(observation);
    if (!controller) {
        return;
    }
    metric_set(observation->set.queue_depth, NO_LABELS,
               (int64_t)queue_numbers(controller_queue(controller)).depth);
    collect_questions(observation);
    if (controller_election(controller)) {
        metric_set(observation->set.leader_transitions, NO_LABELS,
                   (int64_t)election_numbers(controller_election(controller)).transitions);
    }
    collect_triggers(observation);
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        const char *name = kind_info(kind)->kind;
        const struct reflector_numbers *numbers = reflector_numbers(
            controller_reflector(controller, kind));
        metric_set(observation->set.cached_objects, LABELS(name),
                   (int64_t)cache_numbers(controller_cache(controller), kind).objects);
        metric_set(observation->set.watch_bytes, LABELS(name), (int64_t)numbers->bytes);
        for (int type = 0; type < REFLECTOR_EVENT_TYPE_COUNT; type++) {
            metric_set(observation->set.watch_events, LABELS(name, reflector_event_type_name(type)),
                       (int64_t)numbers->events[type]);
        }
        for (int outcome = STREAM_REFUSED; outcome < REFLECTOR_OUTCOME_COUNT; outcome++) {
            metric_set(observation->set.watch_restarts,
                       LABELS(name, reflector_reaction(outcome)->name),
                       (int64_t)numbers->outcomes[outcome]);
        }
    }
}

struct observation *observation_new(void)
{
    struct observation *observation = memory_allocate(1, sizeof(*observation));
    observation->metrics = metrics_new();
    observation->health = health_new();
    controller_metrics_register(&observation->set, observation->metrics, TIDEMILL_VERSION);
    process_register(observation->metrics, &observation->set);
    metrics_add_collector(observation->metrics, collect, observation);
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        char name[64];
        (void)snprintf(name, sizeof(name), "cache-%s", kind_info(kind)->plural);
        observation->synced[kind] = health_add_check(
            observation->health, HEALTH_READY, name,
            "the first list has not arrived; the log says what the API server answered");
    }
    return observation;
}

struct observation *observation_free(struct observation *observation)
{
    if (!observation) {
        return NULL;
    }
    observation->metrics = metrics_free(observation->metrics);
    observation->health = health_free(observation->health);
    return memory_free(observation);
}

struct metrics *observation_metrics(struct observation *observation)
{
    return observation->metrics;
}

const struct controller_metrics *observation_metric_set(const struct observation *observation)
{
    return &observation->set;
}

const struct health *observation_health(const struct observation *observation)
{
    return observation->health;
}

void observation_watch(struct observation *observation, const struct controller *controller)
{
    observation->controller = controller;
}

void observation_watch_certificate(struct observation *observation,
                                   const struct certificate *certificate)
{
    observation->certificate = certificate;
}

void observation_pass_synced(struct observation *observation, enum api_kind kind)
{
    health_pass(observation->synced[kind]);
}

void observation_count_reconcile(struct observation *observation, enum api_kind kind,
                                 int64_t duration_us, enum error_kind error)
{
    const char *name = kind_info(kind)->kind;
    metric_observe(observation->set.reconcile_duration, LABELS(name), duration_us);
    if (error != ERROR_NONE) {
        metric_add(observation->set.reconcile_errors, LABELS(name, error_kind_name(error)), 1);
    }
}

void observation_count_run(struct observation *observation, const char *phase)
{
    metric_add(observation->set.runs, LABELS(phase), 1);
}

void observation_note_steps_running(struct observation *observation, size_t count)
{
    metric_set(observation->set.steps_running, NO_LABELS, (int64_t)count);
}

void observation_note_leading(struct observation *observation, bool leads)
{
    metric_set(observation->set.leader, NO_LABELS, leads ? 1 : 0);
}
