/* Requests of tasks: leave to send, sending, sending again, and the figures. */

#include "core/memory.h"
#include "core/text.h"
#include "kube/executor_private.h"

#include <string.h>

/* etcd takes requests of 1.5 MiB; an object is never much larger than that. */
enum { ANSWER_MAXIMUM = 4 * 1024 * 1024 };

static const char event_kind[] = "Event";

const char *executor_known_uid(const struct executor *executor, const struct operation *operation)
{
    char text[KEY_TEXT_SIZE];
    struct work_key key = {operation->kind, operation->namespace, operation->name};
    const char *known = map_get(&executor->known, key_format(&key, text));
    /* Ours of another owner is not ours of this one. */
    if (!known || !text_starts_with(known, operation->owner_uid)) {
        return NULL;
    }
    size_t length = strlen(operation->owner_uid);
    return known[length] == ' ' ? known + length + 1 : NULL;
}

void executor_keep_uid(struct executor *executor, const struct operation *operation,
                       const char *uid)
{
    char text[KEY_TEXT_SIZE];
    struct work_key key = {operation->kind, operation->namespace, operation->name};
    if (uid) {
        char *known = memory_print("%s %s", operation->owner_uid, uid);
        (void)memory_free(map_put(&executor->known, key_format(&key, text), known));
    }
}

void executor_forget_uid(struct executor *executor, enum api_kind kind, const char *namespace,
                         const char *name)
{
    char text[KEY_TEXT_SIZE];
    struct work_key key = {kind, namespace, name};
    (void)memory_free(map_remove(&executor->known, key_format(&key, text)));
}

static const char *counted_kind(const struct task *task)
{
    return task->operation->type == OPERATION_EXPLAIN ? event_kind
                                                      : kind_info(task->operation->kind)->kind;
}

void executor_count_answer(struct executor *executor, const struct task *task,
                           const struct io_response *response)
{
    struct executor_numbers *numbers = &executor->numbers;
    const char *kind = counted_kind(task);
    numbers->in_flight--;
    numbers->bytes_received += response->bytes_received;
    size_t at = 0;
    while (at < numbers->count_count && (executor->counts[at].code != response->status ||
                                         !text_equal(executor->counts[at].method, task->method) ||
                                         !text_equal(executor->counts[at].kind, kind))) {
        at++;
    }
    if (at == numbers->count_count) {
        if (at == EXECUTOR_COUNTS_MAXIMUM) {
            return;
        }
        /* Methods and kinds are static texts. */
        executor->counts[at] = (struct executor_count){
            .method = task->method, .kind = kind, .code = response->status};
        numbers->count_count++;
    }
    executor->counts[at].count++;
}

static void take_answer(void *context, const struct io_response *response)
{
    struct task *task = context;
    struct executor *executor = task->execution->executor;
    task->call = NULL;
    executor_count_answer(executor, task, response);
    executor_take_answer(task, response);
    arena_reset(&executor->scratch);
    executor_pump(executor);
}

static void start_request(struct task *task, const struct request *request, bool is_write)
{
    struct executor *executor = task->execution->executor;
    size_t body_size = request->body ? strlen(request->body) : 0;
    struct io_request io_request = {
        .method = request->method,
        .path = request->path,
        .content_type = request->content_type,
        .accept = task->step == STEP_SEND ? request_accept(task->operation) : NULL,
        .body = request->body,
        .body_size = body_size,
        .maximum = ANSWER_MAXIMUM,
        .timeout_ms = EXECUTOR_TIMEOUT_MS,
        .send_before_ms = is_write ? executor->options.lease->deadline_ms : 0,
        .on_done = take_answer,
        .context = task,
    };
    task->state = TASK_SENT;
    task->method = request->method;
    executor->numbers.in_flight++;
    executor->numbers.bytes_sent += body_size;
    task->call = io_start(executor->options.io, &io_request);
}

/* The same words were refused a moment ago: only a change elsewhere or time can help. */
static bool is_held_back(struct task *task, enum error_kind *error)
{
    const struct operation *operation = task->operation;
    struct executor *executor = task->execution->executor;
    const struct facts *facts = executor->options.facts;
    if (task->step != STEP_SEND || !facts_has_any(facts, task->execution->key_text) ||
        !facts_hold_back(facts, task->execution->key_text, operation->type, operation->kind,
                         operation->name, request_hash(operation), error)) {
        return false;
    }
    executor->numbers.held_back++;
    return true;
}

/* As good as asked without an answer; its planner comes again. */
static bool is_one_too_many(const struct task *task)
{
    struct executor *executor = task->execution->executor;
    if (task->operation->type != OPERATION_EXPLAIN || task->step != STEP_SEND ||
        rate_take(&executor->questions, io_now_ms(executor->options.io))) {
        return false;
    }
    executor->numbers.unasked++;
    return true;
}

void executor_send(struct task *task)
{
    const struct operation *operation = task->operation;
    struct executor *executor = task->execution->executor;
    struct arena *arena = &task->execution->arena;
    enum error_kind error = ERROR_NONE;
    if (is_held_back(task, &error)) {
        executor_end_task(task, error, "refused less than 30 s ago in the same words",
                          IO_NO_RETRY_AFTER, NULL);
        return;
    }
    if (is_one_too_many(task)) {
        executor_end_task(task, ERROR_NONE, NULL, IO_NO_RETRY_AFTER, NULL);
        return;
    }
    bool is_first_apply = operation->type == OPERATION_APPLY && task->step == STEP_SEND &&
                          operation->owner_uid && !task->looked;
    if (is_first_apply) {
        task->known_uid = arena_copy_text(arena, executor_known_uid(executor, operation));
        task->looked = task->known_uid != NULL;
        task->step = task->looked ? STEP_SEND : STEP_LOOK;
    }
    if (task->step != STEP_SEND) {
        struct request look = request_to_get(arena, operation->kind, operation->namespace,
                                             operation->name);
        start_request(task, &look, false);
        return;
    }
    bool is_write = request_is_write(operation->type);
    if (is_write && !lease_allows_write_of(executor->options.lease, task->execution->term)) {
        executor_end_task(task, ERROR_CLOSED, EXECUTOR_LEASE_IS_LOST, IO_NO_RETRY_AFTER, NULL);
        return;
    }
    const struct request_known known = {
        .uid = task->known_uid,
        .resource_version = text_or(operation->resource_version, task->known_version)};
    struct request request = request_of_operation(arena, operation, &known);
    start_request(task, &request, is_write);
}

static void fire_resend(void *context)
{
    struct task *task = context;
    task->timer = NULL;
    executor_make_ready(task);
    executor_pump(task->execution->executor);
}

void executor_resend_later(struct task *task, int64_t delay_ms)
{
    struct executor *executor = task->execution->executor;
    struct io io = executor->options.io;
    task->state = TASK_RESTING;
    task->resends++;
    task->execution->batches[task->batch].rested = true;
    executor->numbers.resent++;
    task->timer = io_start_timer(io, io_now_ms(io) + delay_ms, fire_resend, task);
}
