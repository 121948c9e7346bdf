/* Order and turns: which operation of which plan goes next, and what a plan came to. */

#include "core/assert.h"
#include "core/memory.h"
#include "core/text.h"
#include "kube/executor_private.h"

struct executor *executor_new(const struct executor_options *options)
{
    struct executor *executor = memory_allocate(1, sizeof(*executor));
    executor->options = *options;
    executor->turn_last = &executor->turn;
    executor->numbers.counts = executor->counts;
    executor->questions = (struct rate){.interval_ms = EXECUTOR_QUESTION_INTERVAL_MS,
                                        .burst = EXECUTOR_QUESTION_BURST};
    return executor;
}

static void free_execution(struct execution *execution)
{
    /* The execution lives in its own arena. */
    struct arena arena = execution->arena;
    arena_free(&arena);
}

struct executor *executor_free(struct executor *executor)
{
    if (!executor) {
        return NULL;
    }
    struct io io = executor->options.io;
    while (executor->all) {
        struct execution *execution = executor->all;
        executor->all = execution->next;
        for (size_t at = 0; at < execution->count; at++) {
            struct task *task = &execution->tasks[at];
            if (task->state == TASK_SENT) {
                io_cancel(io, task->call);
            }
            io_stop_timer(io, task->timer);
        }
        free_execution(execution);
    }
    io_stop_timer(io, executor->end_timer);
    const struct map_entry *entry;
    for (size_t at = 0; (entry = map_next(&executor->known, &at)) != NULL;) {
        (void)memory_free(entry->value);
    }
    map_free(&executor->known);
    map_free(&executor->warnings);
    arena_free(&executor->scratch);
    return memory_free(executor);
}

/* Copies. */

static struct operation copy_operation(struct arena *arena, const struct operation *operation)
{
    struct operation copy = *operation;
    copy.namespace = arena_copy_text(arena, operation->namespace);
    copy.name = arena_copy_text(arena, operation->name);
    copy.body = arena_copy_text(arena, operation->body);
    copy.uid = arena_copy_text(arena, operation->uid);
    copy.resource_version = arena_copy_text(arena, operation->resource_version);
    copy.owner_uid = arena_copy_text(arena, operation->owner_uid);
    copy.admission = arena_copy_text(arena, operation->admission);
    copy.reason = arena_copy_text(arena, operation->reason);
    copy.message = arena_copy_text(arena, operation->message);
    return copy;
}

static void lay_out_batches(struct execution *execution)
{
    struct arena *arena = &execution->arena;
    execution->batches = arena_array(arena, struct batch, execution->count);
    for (size_t at = 0; at < execution->count; at++) {
        const struct operation *operation = &execution->operations[at];
        const struct operation *before = at > 0 ? operation - 1 : NULL;
        bool together = before && operation->stage != 0 && operation->stage == before->stage &&
                        operation->group == before->group;
        if (!together) {
            execution->batches[execution->batch_count++] = (struct batch){
                .first = at, .group = operation->group};
        }
        struct batch *batch = &execution->batches[execution->batch_count - 1];
        batch->count++;
        batch->open++;
        execution->tasks[at].batch = execution->batch_count - 1;
    }
}

static struct execution *copy_plan(struct executor *executor, const struct work_key *key,
                                   const struct plan *plan)
{
    struct arena arena = {0};
    struct execution *execution = arena_new(&arena, struct execution);
    execution->executor = executor;
    execution->count = plan->count;
    execution->open = plan->count;
    execution->key = (struct work_key){.kind = key->kind,
                                       .namespace = arena_copy_text(&arena, key->namespace),
                                       .name = arena_copy_text(&arena, key->name)};
    char text[KEY_TEXT_SIZE];
    execution->key_text = arena_copy_text(&arena, key_format(key, text));
    execution->term = executor->options.lease->term;
    execution->began_ms = io_now_ms(executor->options.io);
    execution->operations = arena_array(&arena, struct operation, plan->count);
    execution->tasks = arena_array(&arena, struct task, plan->count);
    for (size_t at = 0; at < plan->count; at++) {
        execution->operations[at] = copy_operation(&arena, &plan->operations[at]);
        execution->tasks[at] = (struct task){.execution = execution,
                                             .operation = &execution->operations[at]};
    }
    execution->ready_last = &execution->ready;
    execution->summary.retry_after_seconds = IO_NO_RETRY_AFTER;
    execution->arena = arena;
    lay_out_batches(execution);
    return execution;
}

/* Turns: each execution with ready tasks stands in the line once and sends one task at a turn. */

static void stand_in_line(struct executor *executor, struct execution *execution)
{
    execution->next_turn = NULL;
    *executor->turn_last = execution;
    executor->turn_last = &execution->next_turn;
}

void executor_make_ready(struct task *task)
{
    struct execution *execution = task->execution;
    if (!execution->ready) {
        stand_in_line(execution->executor, execution);
    }
    task->state = TASK_READY;
    task->next_ready = NULL;
    *execution->ready_last = task;
    execution->ready_last = &task->next_ready;
    execution->executor->numbers.waiting++;
}

static struct task *next_task(struct executor *executor)
{
    struct execution *execution = executor->turn;
    if (!execution) {
        return NULL;
    }
    executor->turn = execution->next_turn;
    if (!executor->turn) {
        executor->turn_last = &executor->turn;
    }
    struct task *task = execution->ready;
    execution->ready = task->next_ready;
    if (execution->ready) {
        stand_in_line(executor, execution);
    } else {
        execution->ready_last = &execution->ready;
    }
    executor->numbers.waiting--;
    return task;
}

void executor_pump(struct executor *executor)
{
    while (executor->numbers.in_flight < EXECUTOR_IN_FLIGHT) {
        struct task *task = next_task(executor);
        if (!task) {
            return;
        }
        executor_send(task);
    }
}

/* Ends. */

static void fire_end(void *context)
{
    struct executor *executor = context;
    executor->end_timer = NULL;
    struct execution *execution = executor->all;
    while (execution) {
        struct execution *next = execution->next;
        if (execution->open == 0) {
            *execution->link = next;
            if (next) {
                next->link = execution->link;
            }
            executor->numbers.plans--;
            execution->done(execution->context, &execution->key, &execution->summary);
            free_execution(execution);
            /* `done` may have started plans, which stand at the head of the list. */
        }
        execution = next;
    }
}

static void end_execution_later(struct executor *executor)
{
    if (!executor->end_timer) {
        struct io io = executor->options.io;
        executor->end_timer = io_start_timer(io, io_now_ms(io), fire_end, executor);
    }
}

static void resolve_ticket(struct task *task, bool is_done, const struct expectation *expectation)
{
    if (!task->ticket) {
        return;
    }
    const struct operation *operation = task->operation;
    struct expectation moved = {.type = EXPECT_MOVED,
                                .kind = operation->kind,
                                .namespace = operation->namespace,
                                .name = operation->name,
                                .text = operation->resource_version};
    const struct expectation *outcome = is_done ? expectation : NULL;
    if (!outcome && task->may_be_applied) {
        outcome = &moved;
    }
    expectations_resolve(task->execution->executor->options.expectations, task->ticket, outcome);
    task->ticket = NULL;
}

static void count_failure(struct task *task, enum error_kind error, const char *message,
                          int retry_after_seconds)
{
    struct execution *execution = task->execution;
    struct execution_summary *summary = &execution->summary;
    const struct operation *operation = task->operation;
    summary->failed++;
    if (retry_after_seconds > summary->retry_after_seconds) {
        summary->retry_after_seconds = retry_after_seconds;
    }
    enum reaction reaction = reaction_rule_of(error)->reaction;
    if (reaction > summary->reaction) {
        summary->reaction = reaction;
        summary->error = error;
        summary->message = arena_print(&execution->arena, "%s %s %s/%s: %s",
                                       request_verb(operation->type),
                                       kind_info(operation->kind)->kind, operation->namespace,
                                       operation->name, text_or(message, error_kind_name(error)));
    }
}

/* Ends one task, without a look at what waited for it. */
static void close_task(struct task *task)
{
    struct execution *execution = task->execution;
    task->state = TASK_ENDED;
    REQUIRE(execution->open > 0 && execution->batches[task->batch].open > 0);
    execution->batches[task->batch].open--;
    if (--execution->open == 0) {
        end_execution_later(execution->executor);
    }
}

static void drop_batch(struct execution *execution, struct batch *batch)
{
    for (size_t at = batch->first; at < batch->first + batch->count; at++) {
        resolve_ticket(&execution->tasks[at], false, NULL);
        execution->summary.dropped++;
        close_task(&execution->tasks[at]);
    }
}

static void start_batch(struct execution *execution, const struct batch *batch)
{
    for (size_t at = batch->first; at < batch->first + batch->count; at++) {
        struct task *task = &execution->tasks[at];
        if (task->operation->type == OPERATION_EVENT) {
            events_record(execution->executor->options.events, task->operation);
            execution->summary.done++;
            close_task(task);
        } else {
            executor_make_ready(task);
        }
    }
}

static bool is_outdated(const struct execution *execution, const struct batch *batch)
{
    int64_t age_ms = io_now_ms(execution->executor->options.io) - execution->began_ms;
    return batch->rested || age_ms > EXECUTOR_PLAN_AGE_MS;
}

/*
 * `at` has ended: starts or drops what follows in its group. Events about what was done are told
 * however long that took.
 */
static void go_on(struct execution *execution, size_t at)
{
    const struct batch *batch = &execution->batches[at];
    bool outdated = !batch->failed && is_outdated(execution, batch);
    bool drops = batch->failed;
    unsigned group = batch->group;
    for (at++; at < execution->batch_count && execution->batches[at].group == group; at++) {
        const struct batch *next = &execution->batches[at];
        bool is_event = execution->operations[next->first].type == OPERATION_EVENT;
        if (drops || (outdated && !is_event)) {
            drops = true;
            execution->summary.outdated |= outdated;
            drop_batch(execution, &execution->batches[at]);
            continue;
        }
        start_batch(execution, &execution->batches[at]);
        if (execution->batches[at].open > 0) {
            return;
        }
    }
}

void executor_end_task(struct task *task, enum error_kind error, const char *message,
                       int retry_after_seconds, const struct expectation *expectation)
{
    struct execution *execution = task->execution;
    struct batch *batch = &execution->batches[task->batch];
    if (error == ERROR_NONE) {
        execution->summary.done++;
    } else {
        batch->failed = true;
        count_failure(task, error, message, retry_after_seconds);
    }
    if (expectation) {
        expectations_add(execution->executor->options.expectations, &execution->key, expectation);
    }
    resolve_ticket(task, error == ERROR_NONE, expectation);
    close_task(task);
    if (batch->open == 0) {
        go_on(execution, task->batch);
    }
}

void executor_run(struct executor *executor, const struct work_key *key, const struct plan *plan,
                  execution_done *done, void *context)
{
    struct execution *execution = copy_plan(executor, key, plan);
    execution->done = done;
    execution->context = context;
    execution->next = executor->all;
    execution->link = &executor->all;
    if (execution->next) {
        execution->next->link = &execution->next;
    }
    executor->all = execution;
    executor->numbers.plans++;
    for (size_t at = 0; at < execution->count; at++) {
        struct task *task = &execution->tasks[at];
        const char *admission = task->operation->admission;
        if (admission && request_is_write(task->operation->type)) {
            task->ticket = expectations_begin(executor->options.expectations, key, admission);
        }
    }
    if (execution->count == 0) {
        end_execution_later(executor);
    }
    for (size_t at = 0; at < execution->batch_count; at++) {
        bool begins_group = at == 0 ||
                            execution->batches[at].group != execution->batches[at - 1].group;
        if (begins_group) {
            start_batch(execution, &execution->batches[at]);
            if (execution->batches[at].open == 0) {
                go_on(execution, at);
            }
        }
    }
    executor_pump(executor);
}

void executor_drop_waiting(struct executor *executor)
{
    struct io io = executor->options.io;
    REQUIRE(!lease_allows_write(executor->options.lease));
    for (struct execution *execution = executor->all; execution; execution = execution->next) {
        for (size_t at = 0; at < execution->count; at++) {
            struct task *task = &execution->tasks[at];
            if (task->state == TASK_RESTING) {
                io_stop_timer(io, task->timer);
                task->timer = NULL;
                executor_make_ready(task);
            }
        }
    }
    /* The questions too: nobody would act on their answers. */
    struct task *task;
    while ((task = next_task(executor)) != NULL) {
        executor_end_task(task, ERROR_CLOSED, EXECUTOR_LEASE_IS_LOST, IO_NO_RETRY_AFTER, NULL);
    }
}

void executor_object_gone(struct executor *executor, enum api_kind kind, const char *namespace,
                          const char *name)
{
    executor_forget_uid(executor, kind, namespace, name);
}

struct executor_numbers executor_numbers(const struct executor *executor)
{
    return executor->numbers;
}
