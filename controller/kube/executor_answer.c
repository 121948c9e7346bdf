/*
 * What an answer means for the operation that asked. The table at the end says who decides for
 * which operation in which step; kube/reaction.h says what happens after a failure.
 */

#include "api/codec_form.h"
#include "core/assert.h"
#include "core/civil.h"
#include "core/log.h"
#include "core/text.h"
#include "kube/executor_private.h"

#include <string.h>

enum {
    MILLISECONDS = 1000,
    BROKEN_READ_DELAY_MS = 1000, /* client-go retries a broken GET after 1 s */
    CODE_SERVER_ERROR_FIRST = 500,
    LOGGED_FAILURES = 5 /* of one plan, as warnings: 1,000 steps under one quota say the same */
};

/* An answer, judged. */
struct verdict {
    enum error_kind error;
    const char *message; /* of a failure; NUL-terminated, in scratch */
    const struct io_response *response;
};

static struct verdict judge(struct executor *executor, const struct task *task,
                            const struct io_response *response)
{
    struct verdict verdict = {.error = response->failure, .response = response};
    if (response->failure != ERROR_NONE) {
        verdict.message = text_or(response->message, "no answer");
        bool was_carried_out = response->status != 0 && strcmp(task->method, "GET") != 0 &&
                               reaction_of_status(response->status, NULL) == ERROR_NONE;
        if (response->failure == ERROR_LIMIT && was_carried_out) {
            /* Carried out, but what came of it is too long to read. */
            verdict.error = ERROR_LOST;
        }
        return verdict;
    }
    struct api_status status = {0};
    verdict.error = reaction_of_status(response->status, NULL);
    if (verdict.error == ERROR_NONE) {
        return verdict;
    }
    if (response->body) {
        codec_form_of(response->content_type)
            ->decode_status(&executor->scratch, response->body, response->body_size, &status);
    }
    verdict.error = reaction_of_status(response->status, status.reason);
    const char *said = text_or(status.message, text_or(status.reason, "no reason given"));
    size_t length = text_clip_utf8(said, ERROR_MESSAGE_SIZE - 1);
    verdict.message = arena_copy_bytes(&executor->scratch, said, length);
    return verdict;
}

/* Ends. */

static void fail(struct task *task, enum error_kind error, const char *message,
                 int retry_after_seconds)
{
    struct execution *execution = task->execution;
    struct executor *executor = execution->executor;
    const struct operation *operation = task->operation;
    const struct reaction_rule *rule = reaction_rule_of(error);
    enum log_level level = execution->summary.failed < LOGGED_FAILURES ? LOG_WARNING : LOG_DEBUG;
    LOG_AT_(level, arena_print(&executor->scratch, "request failed, %s", rule->next),
            LOG_TEXT("key", execution->key_text),
            LOG_TEXT("operation", request_verb(operation->type)),
            LOG_TEXT("kind", kind_info(operation->kind)->kind),
            LOG_TEXT("namespace", operation->namespace), LOG_TEXT("name", operation->name),
            LOG_TEXT("error", error_kind_name(error)), LOG_TEXT("said", message));
    if (rule->is_fact) {
        const struct fact fact = {.type = operation->type,
                                  .kind = operation->kind,
                                  .name = operation->name,
                                  .error = error,
                                  .message = message};
        execution->summary.facts_changed |= facts_put(executor->options.facts, execution->key_text,
                                                      &fact, request_hash(operation));
    }
    /* A lock that failed: plan again once the cache shows what is there. */
    const struct expectation moved = {.type = EXPECT_MOVED,
                                      .kind = operation->kind,
                                      .namespace = operation->namespace,
                                      .name = operation->name,
                                      .text = operation->resource_version};
    bool waits = rule->reaction == REACTION_WAIT_CACHE && operation->resource_version &&
                 request_is_write(operation->type);
    executor_end_task(task, error, message, retry_after_seconds, waits ? &moved : NULL);
}

static void fail_by(struct task *task, const struct verdict *verdict)
{
    fail(task, verdict->error, verdict->message, verdict->response->retry_after_seconds);
}

static void succeed(struct task *task, const struct expectation *expectation)
{
    struct execution *execution = task->execution;
    struct facts *facts = execution->executor->options.facts;
    const struct operation *operation = task->operation;
    bool changed = facts_forget(facts, execution->key_text, operation->type, operation->kind,
                                operation->name);
    /* What a probe of this name said is older than this write. */
    changed |= facts_forget(facts, execution->key_text, OPERATION_PROBE, operation->kind,
                            operation->name);
    execution->summary.facts_changed |= changed;
    log_debug("written", LOG_TEXT("key", execution->key_text),
              LOG_TEXT("operation", request_verb(operation->type)),
              LOG_TEXT("kind", kind_info(operation->kind)->kind),
              LOG_TEXT("namespace", operation->namespace), LOG_TEXT("name", operation->name),
              LOG_TEXT("reason", operation->reason), LOG_TEXT("why", operation->message));
    executor_end_task(task, ERROR_NONE, NULL, IO_NO_RETRY_AFTER, expectation);
}

static void succeed_seen(struct task *task, const char *resource_version)
{
    const struct expectation seen = {.type = EXPECT_SEEN,
                                     .kind = task->operation->kind,
                                     .namespace = task->operation->namespace,
                                     .name = task->operation->name,
                                     .text = resource_version};
    succeed(task, resource_version ? &seen : NULL);
}

/* A write was carried out; its answer is the object. */
static void succeed_by(struct task *task, const struct verdict *verdict)
{
    const char *uid = NULL;
    const char *resource_version = NULL;
    struct executor *executor = task->execution->executor;
    const struct io_response *response = verdict->response;
    codec_form_of(response->content_type)
        ->decode_answer(&executor->scratch, text_or(response->body, ""), response->body_size, &uid,
                        &resource_version);
    if (task->operation->type == OPERATION_APPLY && task->operation->owner_uid) {
        executor_keep_uid(executor, task->operation, uid);
    }
    succeed_seen(task, resource_version);
}

static void take_step(struct task *task, enum task_step step)
{
    task->step = step;
    executor_make_ready(task);
}

/* Whose is it? */

/*
 * Ours: controlled by the owner that we would write. Without an owner (a ModelVersion is owned by
 * nobody): labelled as ours and controlled by nobody; its name holds a hash of what it is for.
 */
static bool is_ours(const struct meta *meta, const char *owner_uid)
{
    if (owner_uid) {
        return meta_is_controlled_by(meta, owner_uid);
    }
    return !meta_controller(meta) &&
           text_equal(text_map_get(&meta->labels, LABEL_MANAGED_BY), LABEL_MANAGED_BY_VALUE);
}

static void fail_taken(struct task *task, const struct meta *meta)
{
    struct arena *scratch = &task->execution->executor->scratch;
    const struct operation *operation = task->operation;
    const struct owner_reference *controller = meta_controller(meta);
    char created[CIVIL_TEXT_SIZE] = "at an unknown time";
    if (meta->creation_time != TIME_ABSENT) {
        civil_format(meta->creation_time, created);
    }
    const char *whose = controller ? arena_print(scratch, "it is controlled by %s %s",
                                                 controller->kind, controller->name)
                                   : "it is controlled by nobody";
    fail(task, ERROR_EXISTS,
         arena_print(scratch,
                     "%s %s/%s exists already and is not ours: %s, created %s; delete it or give "
                     "it another name",
                     kind_info(operation->kind)->kind, operation->namespace, operation->name, whose,
                     created),
         IO_NO_RETRY_AFTER);
}

/* The object of a live GET, or NULL after failing the task. */
static const struct meta *read_object(struct task *task, const struct verdict *verdict)
{
    struct object *object = NULL;
    struct error error = {0};
    struct result result = codec_decode(&task->execution->executor->scratch, task->operation->kind,
                                        text_or(verdict->response->body, ""),
                                        verdict->response->body_size, &object, &error);
    if (!result_is_ok(result)) {
        error_add_context(&error, "the object of this name can't be read, so it is left alone");
        fail(task, ERROR_EXISTS, error.message, IO_NO_RETRY_AFTER);
        return NULL;
    }
    return &object->meta;
}

/* Who decides. */

/* It may have been carried out all the same: a look tells. `said` is repeated when it was not. */
static void settle(struct task *task, const struct verdict *verdict, const char *said)
{
    bool is_answered = verdict->response->failure == ERROR_NONE;
    task->settles = verdict->error;
    task->settles_after = is_answered ? verdict->response->retry_after_seconds : IO_NO_RETRY_AFTER;
    task->settles_said = arena_copy_text(&task->execution->arena, said);
    task->resends = 0;
    take_step(task, STEP_SETTLE);
}

static void answer_create(struct task *task, const struct verdict *verdict)
{
    switch (verdict->error) {
    case ERROR_NONE:
        succeed_by(task, verdict);
        return;
    case ERROR_EXISTS:
    case ERROR_LOST:
        settle(task, verdict, NULL);
        return;
    default:
        if (!task->may_be_applied) {
            fail_by(task, verdict);
            return;
        }
        settle(task, verdict, verdict->message);
    }
}

/* A look did not show the write as done: what the answer to it was counts. */
static void fail_settled(struct task *task)
{
    if (task->settles == ERROR_EXISTS) {
        fail(task, ERROR_CONFLICT, "the object existed a moment ago and is gone",
             IO_NO_RETRY_AFTER);
    } else {
        fail(task, task->settles,
             text_or(task->settles_said, "the answer was lost and the object is not there"),
             task->settles_after);
    }
}

/*
 * What is there may be what was applied, or what was there before: it is applied again, but nothing
 * is planned before the cache has seen it. A Service that was turned leads to pods that a plan on
 * older knowledge would take away.
 */
static void fail_unknown_apply(struct task *task, const struct meta *meta)
{
    const struct operation *operation = task->operation;
    const struct expectation seen = {.type = EXPECT_SEEN,
                                     .kind = operation->kind,
                                     .namespace = operation->namespace,
                                     .name = operation->name,
                                     .text = meta->resource_version};
    if (meta->resource_version) {
        expectations_add(task->execution->executor->options.expectations, &task->execution->key,
                         &seen);
    }
    fail_settled(task);
}

static void answer_settle(struct task *task, const struct verdict *verdict)
{
    if (verdict->error == ERROR_NOT_FOUND) {
        fail_settled(task);
        return;
    }
    if (verdict->error != ERROR_NONE) {
        fail_by(task, verdict);
        return;
    }
    const struct meta *meta = read_object(task, verdict);
    if (!meta) {
        return;
    }
    if (task->operation->type == OPERATION_APPLY) {
        fail_unknown_apply(task, meta);
        return;
    }
    if (!is_ours(meta, task->operation->owner_uid)) {
        fail_taken(task, meta);
        return;
    }
    succeed_seen(task, meta->resource_version);
}

static void answer_look(struct task *task, const struct verdict *verdict)
{
    if (verdict->error == ERROR_NOT_FOUND) {
        task->looked = true;
        task->known_version = REQUEST_NO_VERSION;
        take_step(task, STEP_SEND);
        return;
    }
    if (verdict->error != ERROR_NONE) {
        fail_by(task, verdict);
        return;
    }
    const struct meta *meta = read_object(task, verdict);
    if (!meta) {
        return;
    }
    if (!meta_is_controlled_by(meta, task->operation->owner_uid)) {
        fail_taken(task, meta);
        return;
    }
    task->looked = true;
    task->known_uid = arena_copy_text(&task->execution->arena, meta->uid);
    task->known_version = arena_copy_text(&task->execution->arena, meta->resource_version);
    take_step(task, STEP_SEND);
}

/*
 * The API server says 409 to an apply with a uid when nothing of that name is there, and 422
 * "metadata.uid: ... field is immutable" when something else is (tried on 1.36).
 */
static bool is_another_object(const struct task *task, const struct verdict *verdict)
{
    return task->known_uid && verdict->error == ERROR_INVALID &&
           strstr(verdict->message, "metadata.uid") != NULL;
}

static void answer_apply(struct task *task, const struct verdict *verdict)
{
    const struct operation *operation = task->operation;
    if (verdict->error == ERROR_NONE) {
        succeed_by(task, verdict);
        return;
    }
    if (task->may_be_applied) {
        settle(task, verdict, verdict->message);
        return;
    }
    struct verdict failure = *verdict;
    if (is_another_object(task, verdict)) {
        failure.error = ERROR_CONFLICT;
    }
    if (failure.error == ERROR_CONFLICT || failure.error == ERROR_NOT_FOUND) {
        /* Not the object we knew: the next try looks first. */
        executor_forget_uid(task->execution->executor, operation->kind, operation->namespace,
                            operation->name);
    }
    fail_by(task, &failure);
}

static void answer_patch(struct task *task, const struct verdict *verdict)
{
    if (verdict->error == ERROR_NONE) {
        succeed_by(task, verdict);
        return;
    }
    fail_by(task, verdict);
}

static void answer_delete(struct task *task, const struct verdict *verdict)
{
    const struct operation *operation = task->operation;
    if (verdict->error != ERROR_NONE && verdict->error != ERROR_NOT_FOUND) {
        fail_by(task, verdict);
        return;
    }
    executor_forget_uid(task->execution->executor, operation->kind, operation->namespace,
                        operation->name);
    /*
     * The answer is a Status, or the object with finalizers to run, or the object as it last was:
     * its resourceVersion may be the one before the deletion. Its absence can't be misread.
     */
    const struct expectation gone = {.type = EXPECT_GONE,
                                     .kind = operation->kind,
                                     .namespace = operation->namespace,
                                     .name = operation->name,
                                     .text = operation->uid};
    succeed(task, &gone);
}

static void take_fact(struct task *task, enum error_kind error, const char *message)
{
    struct execution *execution = task->execution;
    const struct operation *operation = task->operation;
    const struct fact fact = {.type = operation->type,
                              .kind = operation->kind,
                              .name = operation->name,
                              .error = error,
                              .message = message};
    execution->summary.facts_changed |= facts_put(
        execution->executor->options.facts, execution->key_text, &fact, request_hash(operation));
    executor_end_task(task, ERROR_NONE, NULL, IO_NO_RETRY_AFTER, NULL);
}

static void answer_probe(struct task *task, const struct verdict *verdict)
{
    if (verdict->error == ERROR_NONE || verdict->error == ERROR_NOT_FOUND) {
        take_fact(task, verdict->error, verdict->message);
        return;
    }
    fail_by(task, verdict);
}

static void answer_probe_pods(struct task *task, const struct verdict *verdict)
{
    const struct io_response *response = verdict->response;
    if (verdict->error != ERROR_NONE) {
        fail_by(task, verdict);
        return;
    }
    enum codec_pods pods = codec_pods_of(text_or(response->body, ""), response->body_size);
    take_fact(task, pods == CODEC_PODS_NONE ? ERROR_NOT_FOUND : ERROR_NONE,
              pods == CODEC_PODS_SUCCEEDED ? FACT_POD_SUCCEEDED : NULL);
}

static void answer_explain(struct task *task, const struct verdict *verdict)
{
    if (verdict->error != ERROR_NONE) {
        fail_by(task, verdict);
        return;
    }
    take_fact(task, ERROR_NONE,
              codec_newest_warning(&task->execution->executor->scratch,
                                   text_or(verdict->response->body, ""),
                                   verdict->response->body_size));
}

static void answer_dry_run(struct task *task, const struct verdict *verdict)
{
    const struct io_response *response = verdict->response;
    if (verdict->error == ERROR_UNAUTHORIZED) {
        fail_by(task, verdict);
        return;
    }
    bool is_accepted = verdict->error == ERROR_NONE;
    take_fact(task, reaction_of_dry_run(verdict->error, response->status, verdict->message),
              is_accepted ? response->warning : verdict->message);
}

typedef void answer_function(struct task *task, const struct verdict *verdict);

static answer_function *function_for(const struct task *task)
{
    static answer_function *const by_type[] = {
        [OPERATION_CREATE] = answer_create,      [OPERATION_APPLY] = answer_apply,
        [OPERATION_PATCH_STATUS] = answer_patch, [OPERATION_PATCH] = answer_patch,
        [OPERATION_DELETE] = answer_delete,      [OPERATION_PROBE] = answer_probe,
        [OPERATION_EXPLAIN] = answer_explain,    [OPERATION_DRY_RUN] = answer_dry_run,
    };
    if (task->step == STEP_SETTLE) {
        return answer_settle;
    }
    if (task->step == STEP_LOOK) {
        return answer_look;
    }
    if (task->operation->type == OPERATION_PROBE && request_is_list(task->operation)) {
        return answer_probe_pods;
    }
    REQUIRE(task->operation->type < COUNT_OF(by_type));
    return by_type[task->operation->type];
}

/* Whether our own write was carried out can't be guessed: it is asked until it is answered. */
static bool resend_settling(struct task *task, const struct verdict *verdict)
{
    enum { RESENDS_PER_DELAY = 5 };
    bool may_pass = verdict->error == ERROR_LOST || verdict->error == ERROR_UNAVAILABLE ||
                    verdict->error == ERROR_TOO_MANY || verdict->error == ERROR_UNAUTHORIZED;
    int told_seconds = verdict->response->retry_after_seconds;
    if (!may_pass || task->resends >= EXECUTOR_SETTLE_RESENDS ||
        told_seconds > EXECUTOR_RETRY_AFTER_SECONDS) {
        return false;
    }
    int64_t later_ms = (int64_t)BROKEN_READ_DELAY_MS * (1 + task->resends / RESENDS_PER_DELAY);
    int64_t told_ms = (int64_t)told_seconds * MILLISECONDS;
    executor_resend_later(task, told_ms > later_ms ? told_ms : later_ms);
    return true;
}

/*
 * Conformance C11: what the API server asks to send again, and what changes nothing when its
 * connection broke.
 */
static bool resend(struct task *task, const struct verdict *verdict)
{
    const struct io_response *response = verdict->response;
    if (task->step == STEP_SETTLE) {
        return resend_settling(task, verdict);
    }
    if (task->resends >= EXECUTOR_RESENDS) {
        return false;
    }
    if (response->failure != ERROR_NONE) {
        bool changes_nothing = strcmp(task->method, "GET") == 0 ||
                               task->operation->type == OPERATION_DRY_RUN;
        bool is_broken = response->failure == ERROR_LOST || response->failure == ERROR_UNAVAILABLE;
        if (!changes_nothing || !is_broken) {
            return false;
        }
        executor_resend_later(task, BROKEN_READ_DELAY_MS);
        return true;
    }
    if (!reaction_may_resend(response->status) || response->retry_after_seconds < 0 ||
        response->retry_after_seconds > EXECUTOR_RETRY_AFTER_SECONDS) {
        return false;
    }
    executor_resend_later(task, (int64_t)response->retry_after_seconds * MILLISECONDS);
    return true;
}

/* Conformance C14: each warning once; after so many different ones, none. */
static void log_server_warning(struct executor *executor, const struct task *task,
                               const char *warning)
{
    if (!warning || executor->warnings.count >= EXECUTOR_WARNINGS_MAXIMUM ||
        map_get(&executor->warnings, warning)) {
        return;
    }
    (void)map_put(&executor->warnings, warning, executor);
    log_warning("the API server warns, said once for each warning", LOG_TEXT("warning", warning),
                LOG_TEXT("kind", kind_info(task->operation->kind)->kind),
                LOG_TEXT("name", task->operation->name));
}

void executor_take_answer(struct task *task, const struct io_response *response)
{
    struct executor *executor = task->execution->executor;
    log_server_warning(executor, task, response->warning);
    struct verdict verdict = judge(executor, task, response);
    bool is_own_write = task->step == STEP_SEND && request_is_write(task->operation->type);
    if (is_own_write &&
        (verdict.error == ERROR_LOST || response->status >= CODE_SERVER_ERROR_FIRST)) {
        task->may_be_applied = true;
    }
    if (!resend(task, &verdict)) {
        function_for(task)(task, &verdict);
    }
}
