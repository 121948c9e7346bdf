#include "plan/plan.h"

#include "core/assert.h"
#include "core/buffer.h"
#include "core/text.h"

#include <string.h>

enum { PLAN_FIRST_CAPACITY = 8, DESCRIPTION_MAXIMUM = 4 * 1024 * 1024 };

void plan_init(struct plan *plan, struct arena *arena)
{
    *plan = (struct plan){.arena = arena, .wake_at = TIME_ABSENT};
}

void plan_next_group(struct plan *plan)
{
    plan->group++;
    plan->stage = 0;
}

void plan_next_stage(struct plan *plan)
{
    plan->stage++;
}

void plan_wake_at(struct plan *plan, int64_t unix_seconds)
{
    if (plan->wake_at == TIME_ABSENT || unix_seconds < plan->wake_at) {
        plan->wake_at = unix_seconds;
    }
}

static struct operation *add_operation(struct plan *plan, enum operation_type type,
                                       enum api_kind kind, const char *namespace, const char *name)
{
    REQUIRE(namespace != NULL && name != NULL);
    if (plan->count == plan->capacity) {
        plan->capacity = plan->capacity ? plan->capacity * 2 : PLAN_FIRST_CAPACITY;
        struct operation *grown = arena_array(plan->arena, struct operation, plan->capacity);
        if (plan->count > 0) {
            memcpy(grown, plan->operations, plan->count * sizeof(*grown));
        }
        plan->operations = grown;
    }
    struct operation *operation = &plan->operations[plan->count++];
    *operation = (struct operation){
        .type = type,
        .kind = kind,
        .namespace = namespace,
        .name = name,
        .group = plan->group,
        .stage = plan->stage,
    };
    return operation;
}

static void give_reason(struct operation *operation, const char *reason, const char *message)
{
    REQUIRE(reason != NULL && message != NULL);
    operation->reason = reason;
    operation->message = message;
}

void plan_create(struct plan *plan, enum api_kind kind, const char *namespace, const char *name,
                 const char *owner_uid, const char *body, const char *reason, const char *message)
{
    struct operation *operation = add_operation(plan, OPERATION_CREATE, kind, namespace, name);
    operation->body = body;
    operation->owner_uid = owner_uid;
    give_reason(operation, reason, message);
}

void plan_apply(struct plan *plan, enum api_kind kind, const char *namespace, const char *name,
                const char *owner_uid, const char *body, const char *reason, const char *message)
{
    struct operation *operation = add_operation(plan, OPERATION_APPLY, kind, namespace, name);
    operation->body = body;
    operation->owner_uid = owner_uid;
    give_reason(operation, reason, message);
}

void plan_lock(struct plan *plan, const struct meta *there)
{
    REQUIRE(plan->count > 0 && plan->operations[plan->count - 1].type == OPERATION_APPLY);
    if (there) {
        plan->operations[plan->count - 1].resource_version = there->resource_version;
    }
}

void plan_delete(struct plan *plan, enum api_kind kind, const struct meta *meta, const char *reason,
                 const char *message)
{
    struct operation *operation = add_operation(plan, OPERATION_DELETE, kind, meta->namespace,
                                                meta->name);
    operation->uid = meta->uid;
    operation->resource_version = meta->resource_version;
    give_reason(operation, reason, message);
}

void plan_probe(struct plan *plan, enum api_kind kind, const char *namespace, const char *name,
                const char *reason, const char *message)
{
    give_reason(add_operation(plan, OPERATION_PROBE, kind, namespace, name), reason, message);
}

void plan_explain(struct plan *plan, enum api_kind kind, const struct meta *meta,
                  const char *reason, const char *message)
{
    struct operation *operation = add_operation(plan, OPERATION_EXPLAIN, kind, meta->namespace,
                                                meta->name);
    operation->uid = meta->uid;
    give_reason(operation, reason, message);
}

void plan_dry_run(struct plan *plan, enum api_kind kind, const char *namespace, const char *name,
                  const char *body, const char *reason, const char *message)
{
    struct operation *operation = add_operation(plan, OPERATION_DRY_RUN, kind, namespace, name);
    operation->body = body;
    give_reason(operation, reason, message);
}

void plan_event(struct plan *plan, enum api_kind kind, const struct meta *meta, bool warning,
                const char *reason, const char *message)
{
    struct operation *operation = add_operation(plan, OPERATION_EVENT, kind, meta->namespace,
                                                meta->name);
    operation->uid = meta->uid;
    operation->resource_version = meta->resource_version;
    operation->warning = warning;
    give_reason(operation, reason, message);
}

void plan_patch(struct plan *plan, enum api_kind kind, const struct meta *meta, const char *body,
                const char *reason, const char *message)
{
    struct operation *operation = add_operation(plan, OPERATION_PATCH, kind, meta->namespace,
                                                meta->name);
    operation->body = body;
    operation->uid = meta->uid;
    operation->resource_version = meta->resource_version;
    give_reason(operation, reason, message);
}

bool plan_status(struct plan *plan, enum api_kind kind, const struct object *before,
                 const struct object *after, const char *reason, const char *message)
{
    const char *patch = codec_status_patch(plan->arena, kind, before, after);
    if (!patch) {
        return false;
    }
    struct operation *operation = add_operation(plan, OPERATION_PATCH_STATUS, kind,
                                                before->meta.namespace, before->meta.name);
    operation->body = patch;
    operation->uid = before->meta.uid;
    operation->resource_version = before->meta.resource_version;
    give_reason(operation, reason, message);
    return true;
}

static const char *const type_names[] = {
    [OPERATION_CREATE] = "create",
    [OPERATION_APPLY] = "apply",
    [OPERATION_PATCH_STATUS] = "patch-status",
    [OPERATION_PATCH] = "patch",
    [OPERATION_DELETE] = "delete",
    [OPERATION_PROBE] = "probe",
    [OPERATION_EXPLAIN] = "explain",
    [OPERATION_DRY_RUN] = "dry-run",
    [OPERATION_EVENT] = "event",
};

const char *plan_describe(struct arena *arena, const struct plan *plan)
{
    struct buffer text = BUFFER_INIT(DESCRIPTION_MAXIMUM);
    bool whole = true;
    for (size_t at = 0; at < plan->count && whole; at++) {
        const struct operation *operation = &plan->operations[at];
        whole = result_is_ok(buffer_print(&text, "%u.%u %s%s %s %s/%s: %s: %s\n", operation->group,
                                          operation->stage, type_names[operation->type],
                                          operation->warning ? " warning" : "",
                                          kind_info(operation->kind)->kind, operation->namespace,
                                          operation->name, operation->reason, operation->message));
    }
    const char *copy = arena_copy_text(arena, buffer_text(&text));
    buffer_free(&text);
    return copy;
}
