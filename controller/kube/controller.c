#include "kube/controller_private.h"

#include "api/pipeline_run.h"
#include "core/assert.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/text.h"
#include "kube/gather.h"
#include "kube/reaction.h"
#include "kube/routes.h"
#include "plan/run_phase.h"

enum { MICROSECONDS = 1000000, MICROS_PER_MS = 1000, MS_PER_SECOND = 1000 };

/*
 * At the start Jobs are listed when the runs are known, and Pods when the Jobs are: what belongs to
 * finished runs is most of a list, and is reduced as it comes (cache/settle.h). Listed all at once
 * they would need several times the memory that is kept.
 */
static bool may_list(const struct controller *controller, enum api_kind kind)
{
    switch (kind) {
    case KIND_JOB:
        return cache_is_synced(controller->cache, KIND_PIPELINE_RUN);
    case KIND_POD:
        return cache_is_synced(controller->cache, KIND_JOB);
    default:
        return true;
    }
}

/* An execution under way. */
struct reconcile {
    struct controller *controller;
    struct reconcile *next;
    struct reconcile **link;
    struct work_key key;
    int64_t started_us;
};

static int64_t now_us(const struct controller *controller)
{
    return io_now_ms(controller->options.io) * MICROS_PER_MS;
}

/* Others put nothing in: everything is queued when they begin to act. */
static bool fills_queue(const struct controller *controller)
{
    return controller->state == STATE_STARTING || controller->state == STATE_ACTING;
}

static void add_to_queue(void *context, const struct work_key *key)
{
    struct controller *controller = context;
    if (fills_queue(controller)) {
        queue_add(controller->queue, key);
    }
}

static void add_routed(void *context, const struct work_key *key, enum route_urgency urgency)
{
    struct controller *controller = context;
    if (urgency == ROUTE_NOW) {
        add_to_queue(controller, key);
    } else if (fills_queue(controller)) {
        queue_add_at(controller->queue, key,
                     io_now_ms(controller->options.io) + CONTROLLER_SOON_MS);
    }
}

static bool all_synced(const struct controller *controller)
{
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        if (!cache_is_synced(controller->cache, kind)) {
            return false;
        }
    }
    return true;
}

static void tell_run_end(const struct controller *controller, enum api_kind kind,
                         const struct object *before, const struct object *after)
{
    if (kind != KIND_PIPELINE_RUN || !before || !after || !controller->options.on_run_end) {
        return;
    }
    const char *phase = ((const struct pipeline_run *)after)->status.phase;
    if (run_phase_is_final(phase) &&
        !run_phase_is_final(((const struct pipeline_run *)before)->status.phase)) {
        controller->options.on_run_end(controller->options.context, phase);
    }
}

/* NULL, and a run that has ended (api/kept.h), have none. */
static size_t count_running_steps(const struct object *object)
{
    const struct pipeline_run *run = (const struct pipeline_run *)object;
    size_t count = 0;
    for (size_t at = 0; run && at < run->status.step_count; at++) {
        count += text_equal(run->status.steps[at].phase, STEP_RUNNING);
    }
    return count;
}

static void follow_running_steps(struct controller *controller, const struct object *before,
                                 const struct object *after)
{
    size_t fewer = count_running_steps(before);
    size_t more = count_running_steps(after);
    REQUIRE(controller->steps_running >= fewer);
    controller->steps_running += more - fewer;
    if (more != fewer && controller->options.on_steps_running) {
        controller->options.on_steps_running(controller->options.context,
                                             controller->steps_running);
    }
}

static void on_change(void *context, enum api_kind kind, enum cache_event event,
                      const struct object *before, const struct object *after)
{
    struct controller *controller = context;
    if (event == CACHE_DELETED) {
        executor_object_gone(controller->executor, kind, before->meta.namespace, before->meta.name);
    }
    if (controller->state == STATE_ACTING) { /* each end is counted by one replica */
        tell_run_end(controller, kind, before, after);
    }
    if (kind == KIND_PIPELINE_RUN) {
        follow_running_steps(controller, before, after);
    }
    if (kind == KIND_TRIGGER) {
        poller_follow(controller->poller, (const struct trigger *)before,
                      (const struct trigger *)after);
    }
    routes_follow(controller->cache, kind, event, before, after, add_routed, controller);
}

static void work(void *context);

/* With election: what was there is planned as if it had just come, whoever planned it before. */
static void queue_all(struct controller *controller)
{
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        const struct object *object;
        for (size_t at = 0; kind_info(kind)->ours &&
                            (object = cache_next(controller->cache, kind, &at)) != NULL;) {
            routes_follow(controller->cache, kind, CACHE_ADDED, NULL, object, add_routed,
                          controller);
        }
    }
}

/* From now on this replica plans. */
static void begin_to_act(struct controller *controller)
{
    controller->state = STATE_ACTING;
    poller_start(controller->poller);
}

static void look_anew(struct controller *controller)
{
    controller->state = STATE_LOOKING;
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        struct reflector *reflector = controller->reflectors[kind];
        controller->lists_before[kind] = reflector_numbers(reflector)->relists;
        reflector_stop(reflector);
        reflector_start(reflector);
    }
}

static void act_when_all_is_known(struct controller *controller)
{
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        if (reflector_numbers(controller->reflectors[kind])->relists ==
            controller->lists_before[kind]) {
            return;
        }
    }
    begin_to_act(controller);
    queue_all(controller);
    log_info("everything is known as it is now, reconciling begins",
             LOG_INTEGER("keys", (int64_t)queue_numbers(controller->queue).depth));
    /* The queue says nothing again of keys that were ready before. */
    work(controller);
}

static void on_leading(void *context, bool leads)
{
    struct controller *controller = context;
    if (leads) {
        look_anew(controller);
    } else {
        controller->state = STATE_FOLLOWING;
        poller_stop(controller->poller);
        executor_drop_waiting(controller->executor);
    }
    if (controller->options.on_leading) {
        controller->options.on_leading(controller->options.context, leads);
    }
}

static void end_start(struct controller *controller)
{
    if (controller->election) {
        controller->state = STATE_FOLLOWING;
        log_info("all caches are synced, ready to take over");
        election_start(controller->election);
        return;
    }
    begin_to_act(controller);
    log_info("all caches are synced, reconciling begins");
    work(controller);
}

static void start_reflectors(void *context)
{
    struct controller *controller = context;
    controller->start_timer = NULL;
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        if (!controller->started[kind] && may_list(controller, kind)) {
            controller->started[kind] = true;
            reflector_start(controller->reflectors[kind]);
        }
    }
}

/* From the loop: a reflector must not be started while a cache tells what changed. */
static void start_next_reflectors(struct controller *controller)
{
    struct io io = controller->options.io;
    if (!controller->start_timer) {
        controller->start_timer = io_start_timer(io, io_now_ms(io), start_reflectors, controller);
    }
}

static void on_advance(void *context, enum api_kind kind)
{
    struct controller *controller = context;
    expectations_advance(controller->expectations, kind);
    if (!controller->kind_synced[kind] && cache_is_synced(controller->cache, kind)) {
        controller->kind_synced[kind] = true;
        start_next_reflectors(controller);
        if (controller->options.on_synced) {
            controller->options.on_synced(controller->options.context, kind);
        }
    }
    if (controller->state == STATE_STARTING && all_synced(controller)) {
        end_start(controller);
    } else if (controller->state == STATE_LOOKING) {
        act_when_all_is_known(controller);
    }
}

static void wake_at(struct controller *controller, const struct work_key *key, int64_t unix_seconds)
{
    if (unix_seconds == TIME_ABSENT) {
        return;
    }
    int64_t unix_ms = io_unix_micros(controller->options.io) / MICROS_PER_MS;
    int64_t delay = unix_seconds * MS_PER_SECOND - unix_ms;
    queue_add_at(controller->queue, key,
                 io_now_ms(controller->options.io) + (delay > 0 ? delay : 0));
}

/* Lets the key go and takes the next ones. */
static void finish(struct controller *controller, const struct work_key *key, int64_t started_us,
                   enum error_kind error)
{
    if (controller->options.on_reconcile) {
        controller->options.on_reconcile(controller->options.context, key->kind,
                                         now_us(controller) - started_us, error);
    }
    queue_done(controller->queue, key);
    REQUIRE(controller->in_hand > 0);
    controller->in_hand--;
}

static void log_failure(const struct work_key *key, const struct execution_summary *summary)
{
    /* The lease was lost: said once, not for each key. */
    enum log_level level = summary->error == ERROR_CLOSED ? LOG_DEBUG : LOG_WARNING;
    LOG_AT_(level, "a write was refused", LOG_TEXT("kind", kind_info(key->kind)->kind),
            LOG_TEXT("namespace", key->namespace), LOG_TEXT("name", key->name),
            LOG_TEXT("error", error_kind_name(summary->error)), LOG_TEXT("said", summary->message),
            LOG_TEXT("next", reaction_rule_of(summary->error)->next));
}

static void on_executed(void *context, const struct work_key *key,
                        const struct execution_summary *summary);

static void begin_reconcile(struct controller *controller, const struct work_key *key,
                            int64_t started_us, const struct plan *plan)
{
    struct reconcile *reconcile = memory_allocate(1, sizeof(*reconcile));
    *reconcile = (struct reconcile){.controller = controller,
                                    .next = controller->reconciles,
                                    .link = &controller->reconciles,
                                    .key = key_copy(key),
                                    .started_us = started_us};
    if (reconcile->next) {
        reconcile->next->link = &reconcile->next;
    }
    controller->reconciles = reconcile;
    executor_run(controller->executor, key, plan, on_executed, reconcile);
}

static void free_reconcile(struct reconcile *reconcile)
{
    *reconcile->link = reconcile->next;
    if (reconcile->next) {
        reconcile->next->link = reconcile->link;
    }
    key_free(&reconcile->key);
    (void)memory_free(reconcile);
}

static void on_executed(void *context, const struct work_key *key,
                        const struct execution_summary *summary)
{
    struct reconcile *reconcile = context;
    struct controller *controller = reconcile->controller;
    if (summary->failed > 0) {
        log_failure(key, summary);
    }
    if (controller->state == STATE_ACTING) {
        reaction_requeue(controller->queue, controller->options.io, &reconcile->key,
                         summary->reaction, summary->retry_after_seconds,
                         summary->facts_changed || summary->outdated);
    }
    finish(controller, &reconcile->key, reconcile->started_us, summary->error);
    free_reconcile(reconcile);
    work(controller);
}

static void forget(struct controller *controller, const struct work_key *key)
{
    char text[KEY_TEXT_SIZE];
    facts_forget_key(controller->facts, key_format(key, text));
    expectations_forget_key(controller->expectations, key);
    queue_forget(controller->queue, key);
}

static void log_plan(const struct work_key *key, struct arena *arena, const struct plan *plan)
{
    for (size_t at = 0; at < plan->count && log_enabled(LOG_DEBUG); at++) {
        const struct operation *operation = &plan->operations[at];
        log_debug(operation->message, LOG_TEXT("for", kind_info(key->kind)->kind),
                  LOG_TEXT("key", arena_print(arena, "%s/%s", key->namespace, key->name)),
                  LOG_TEXT("kind", kind_info(operation->kind)->kind),
                  LOG_TEXT("name", operation->name), LOG_TEXT("reason", operation->reason));
    }
}

static void reconcile_key(struct controller *controller, const struct work_key *key)
{
    struct arena *arena = &controller->arena;
    int64_t started_us = now_us(controller);
    arena_reset(arena);
    const struct gatherer gatherer = {.cache = controller->cache,
                                      .facts = controller->facts,
                                      .zones = controller->zones,
                                      .poller = controller->poller,
                                      .settings = &controller->options.settings};
    if (!expectations_satisfied(controller->expectations, key,
                                gather_admission(&gatherer, arena, key))) {
        finish(controller, key, started_us, ERROR_NONE);
        return;
    }
    struct any_view view;
    int64_t now = io_unix_micros(controller->options.io) / MICROSECONDS;
    if (!gather_view(&gatherer, arena, key, now, &view)) {
        forget(controller, key);
        finish(controller, key, started_us, ERROR_NONE);
        return;
    }
    struct plan plan;
    plan_init(&plan, arena);
    gather_plan(key, &view, &plan);
    log_plan(key, arena, &plan);
    wake_at(controller, key, plan.wake_at);
    if (plan.count == 0) {
        char text[KEY_TEXT_SIZE];
        facts_forget_answers(controller->facts, key_format(key, text));
        queue_forget(controller->queue, key);
        finish(controller, key, started_us, ERROR_NONE);
        return;
    }
    begin_reconcile(controller, key, started_us, &plan);
}

/* The queue has keys, or a hand came free. */
static void work(void *context)
{
    struct controller *controller = context;
    struct work_key key;
    while (controller_is_acting(controller) && controller->in_hand < CONTROLLER_KEYS_IN_HAND &&
           queue_take(controller->queue, &key, NULL)) {
        controller->in_hand++;
        reconcile_key(controller, &key);
    }
}

static bool has_reached(void *context, enum api_kind kind, const char *resource_version)
{
    const struct controller *controller = context;
    return cache_has_reached(controller->cache, kind, resource_version);
}

static const struct meta *find_meta(void *context, enum api_kind kind, const char *namespace,
                                    const char *name)
{
    const struct controller *controller = context;
    const struct object *object = cache_get(controller->cache, kind, namespace, name);
    return object ? &object->meta : NULL;
}

struct controller *controller_new(const struct controller_options *options)
{
    struct controller *controller = memory_allocate(1, sizeof(*controller));
    struct io io = options->io;
    controller->options = *options;
    controller->cache = cache_new();
    controller->lease = options->election ? lease_not_held(io) : lease_hold_forever(io);
    controller->options.election = NULL;
    if (options->election) {
        controller->election = election_new(
            &(struct election_options){.io = io,
                                       .lease = &controller->lease,
                                       .identity = options->election->identity,
                                       .instance = options->instance,
                                       .namespace = options->election->namespace,
                                       .name = options->election->name,
                                       .times = options->election->times,
                                       .on_change = on_leading,
                                       .context = controller});
    }
    controller->queue = queue_new(io, work, controller);
    controller->facts = facts_new(io);
    controller->zones = zones_new(io);
    controller->hooks = hooks_new(io, controller->cache);
    controller->poller = poller_new(&(struct poller_options){.io = io,
                                                             .cache = controller->cache,
                                                             .allowed_hosts = options->allow_egress,
                                                             .wake = add_to_queue,
                                                             .context = controller});
    controller->expectations = expectations_new(
        io, &(struct expectations_source){.reached = has_reached,
                                          .find = find_meta,
                                          .wake = add_to_queue,
                                          .context = controller});
    controller->events = events_new(&(struct events_options){
        .io = io, .lease = &controller->lease, .instance = options->instance});
    controller->executor = executor_new(
        &(struct executor_options){.io = io,
                                   .lease = &controller->lease,
                                   .expectations = controller->expectations,
                                   .facts = controller->facts,
                                   .events = controller->events});
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        controller->reflectors[kind] = reflector_new(io, controller->cache, kind);
    }
    cache_set_listener(controller->cache, &(struct cache_listener){.on_change = on_change,
                                                                   .on_advance = on_advance,
                                                                   .context = controller});
    return controller;
}

void controller_start(struct controller *controller)
{
    start_reflectors(controller);
}

struct controller *controller_free(struct controller *controller)
{
    if (!controller) {
        return NULL;
    }
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        controller->reflectors[kind] = reflector_free(controller->reflectors[kind]);
    }
    io_stop_timer(controller->options.io, controller->drain_timer);
    io_stop_timer(controller->options.io, controller->start_timer);
    controller->election = election_free(controller->election);
    controller->executor = executor_free(controller->executor);
    while (controller->reconciles) {
        free_reconcile(controller->reconciles);
    }
    controller->events = events_free(controller->events);
    controller->expectations = expectations_free(controller->expectations);
    controller->facts = facts_free(controller->facts);
    controller->queue = queue_free(controller->queue);
    controller->zones = zones_free(controller->zones);
    controller->poller = poller_free(controller->poller);
    controller->hooks = hooks_free(controller->hooks);
    controller->cache = cache_free(controller->cache);
    arena_free(&controller->arena);
    return memory_free(controller);
}

/* After a pause of the process the gate is closed before the election can say so. */
bool controller_is_acting(const struct controller *controller)
{
    return controller->state == STATE_ACTING && lease_allows_write(&controller->lease);
}

bool controller_is_synced(const struct controller *controller)
{
    return all_synced(controller);
}

bool controller_is_at_rest(const struct controller *controller)
{
    struct queue_numbers numbers = queue_numbers(controller->queue);
    return all_synced(controller) && numbers.depth == 0 && numbers.in_hand == 0;
}

const struct reflector *controller_reflector(const struct controller *controller,
                                             enum api_kind kind)
{
    return controller->reflectors[kind];
}

struct hooks *controller_hooks(struct controller *controller)
{
    bool takes = all_synced(controller) && controller->state != STATE_STOPPING;
    return takes ? controller->hooks : NULL;
}

struct hooks_numbers controller_hooks_numbers(const struct controller *controller)
{
    return hooks_numbers(controller->hooks);
}

const struct poller *controller_poller(const struct controller *controller)
{
    return controller->poller;
}

const struct cache *controller_cache(const struct controller *controller)
{
    return controller->cache;
}

const struct queue *controller_queue(const struct controller *controller)
{
    return controller->queue;
}

const struct executor *controller_executor(const struct controller *controller)
{
    return controller->executor;
}

const struct events *controller_events(const struct controller *controller)
{
    return controller->events;
}

const struct election *controller_election(const struct controller *controller)
{
    return controller->election;
}
