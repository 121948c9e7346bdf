#include "support/test.h"

#include "support/plan_world_private.h"

#include "core/text.h"

#include <stdlib.h>
#include <string.h>

static void patch_array(json_t *array, const char *name, const char *token, json_t *value)
{
    if (strcmp(token, "-") == 0) {
        assert_string_equal(name, "add");
        json_array_append(array, value);
        return;
    }
    size_t index = strtoul(token, NULL, 10);
    assert_true(index < json_array_size(array));
    if (strcmp(name, "remove") == 0) {
        json_array_remove(array, index);
    } else {
        assert_string_equal(name, "replace");
        json_array_set(array, index, value);
    }
}

static void patch_object(json_t *object, const char *name, const char *token, json_t *value)
{
    if (strcmp(name, "add") != 0) {
        assert_non_null(json_object_get(object, token));
    }
    if (strcmp(name, "remove") == 0) {
        json_object_del(object, token);
    } else {
        json_object_set(object, token, value);
    }
}

static void patch_one(json_t *tree, json_t *change)
{
    const char *name = json_string_value(json_object_get(change, "op"));
    const char *path = json_string_value(json_object_get(change, "path"));
    json_t *value = json_object_get(change, "value");
    json_t *at = tree;
    char token[WORLD_TOKEN_SIZE];
    assert_true(path[0] == '/');
    path++;
    while ((path = world_take_token(path, token)) != NULL) {
        at = world_child(at, token);
        assert_non_null(at);
    }
    if (json_is_array(at)) {
        patch_array(at, name, token, value);
    } else {
        patch_object(at, name, token, value);
    }
}

/* RFC 6902 over the whole object, whose status is kept apart: a lock that fails is a conflict. */
static enum error_kind carry_out_patch(struct world *world, const struct operation *operation)
{
    json_t *tree = world_find(world, operation->kind, operation->name);
    if (!tree) {
        return ERROR_NOT_FOUND;
    }
    json_t *changes = json_loads(operation->body, 0, NULL);
    assert_true(json_is_array(changes) && json_array_size(changes) > 1);
    const char *known = json_string_value(json_object_get(json_array_get(changes, 0), "value"));
    json_t *meta = json_object_get(tree, "metadata");
    assert_string_equal(json_string_value(json_object_get(json_array_get(changes, 0), "path")),
                        "/metadata/resourceVersion");
    bool locked = text_equal(known, json_string_value(json_object_get(meta, "resourceVersion")));
    bool status = operation->type == OPERATION_PATCH_STATUS;
    for (size_t at = 1; locked && at < json_array_size(changes); at++) {
        json_t *change = json_array_get(changes, at);
        const char *path = json_string_value(json_object_get(change, "path"));
        assert_int_equal(text_starts_with(path, "/status"), status);
        patch_one(tree, change);
    }
    if (locked && !status) {
        world_raise_generation(tree);
    }
    if (locked) {
        world_touch(world, tree);
    }
    json_decref(changes);
    return locked ? ERROR_NONE : ERROR_CONFLICT;
}

static bool is_ours(const struct object *object, const struct operation *operation)
{
    if (operation->owner_uid) {
        return meta_is_controlled_by(&object->meta, operation->owner_uid);
    }
    return !meta_controller(&object->meta) &&
           text_equal(text_map_get(&object->meta.labels, LABEL_MANAGED_BY), LABEL_MANAGED_BY_VALUE);
}

/* Owned by the caller. */
static json_t *body_of(const struct operation *operation)
{
    json_t *body = json_loads(operation->body, 0, NULL);
    assert_non_null(body);
    assert_string_equal(world_name_of(body), operation->name);
    return body;
}

static void store_new(struct world *world, const struct operation *operation)
{
    char uid[WORLD_TOKEN_SIZE];
    (void)snprintf(uid, sizeof(uid), "made-%lld", (long long)world->next_uid++);
    (void)world_store(world, operation->kind, body_of(operation), uid);
}

static enum error_kind carry_out_create(struct world *world, const struct operation *operation)
{
    const json_t *existing = world_find(world, operation->kind, operation->name);
    if (existing) {
        return is_ours(world_decode(world, operation->kind, existing), operation) ? ERROR_NONE
                                                                                  : ERROR_EXISTS;
    }
    store_new(world, operation);
    return ERROR_NONE;
}

/* Spec is replaced, labels and annotations are merged. What changes nothing is no write. */
static void update_by(struct world *world, json_t *tree, const struct operation *operation)
{
    json_t *body = body_of(operation);
    json_t *before = json_deep_copy(tree);
    json_object_update_recursive(json_object_get(tree, "metadata"),
                                 json_object_get(body, "metadata"));
    json_object_set(tree, "spec", json_object_get(body, "spec"));
    if (!json_equal(json_object_get(before, "spec"), json_object_get(tree, "spec"))) {
        world_raise_generation(tree);
    }
    if (!json_equal(before, tree)) {
        world_touch(world, tree);
    }
    json_decref(before);
    json_decref(body);
}

/* Server-side apply, as if nobody else owned a field; like the executor, it looks first whose the
 * object is. A lock on what is gone is a conflict too. */
static enum error_kind carry_out_apply(struct world *world, const struct operation *operation)
{
    json_t *there = world_find(world, operation->kind, operation->name);
    if (there && !is_ours(world_decode(world, operation->kind, there), operation)) {
        return ERROR_EXISTS;
    }
    const char *version = world_text(world, operation->kind, operation->name,
                                     "metadata/resourceVersion");
    if (operation->resource_version && !text_equal(operation->resource_version, version)) {
        return ERROR_CONFLICT;
    }
    if (there) {
        update_by(world, there, operation);
    } else {
        store_new(world, operation);
    }
    return ERROR_NONE;
}

static enum error_kind carry_out_delete(struct world *world, const struct operation *operation)
{
    size_t at = world_find_index(world, operation->kind, operation->name);
    if (at == world->count) {
        return ERROR_NONE;
    }
    const json_t *meta = json_object_get(world->objects[at].tree, "metadata");
    if (!text_equal(json_string_value(json_object_get(meta, "uid")), operation->uid) ||
        !text_equal(json_string_value(json_object_get(meta, "resourceVersion")),
                    operation->resource_version)) {
        return ERROR_CONFLICT;
    }
    world_remove_at(world, at);
    return ERROR_NONE;
}

/* As kube/executor tells it: what there is of a Job's pods. */
static void carry_out_probe_pods(struct world *world, const struct operation *operation)
{
    enum error_kind found = ERROR_NOT_FOUND;
    const char *said = NULL;
    for (size_t at = 0; at < world->count; at++) {
        const json_t *tree = world->objects[at].tree;
        const json_t *owner = json_array_get(
            json_object_get(json_object_get(tree, "metadata"), "ownerReferences"), 0);
        const char *phase = json_string_value(
            json_object_get(json_object_get(tree, "status"), "phase"));
        if (world->objects[at].kind == KIND_POD &&
            text_equal(json_string_value(json_object_get(owner, "name")), operation->name)) {
            found = ERROR_NONE;
            said = text_equal(phase, "Succeeded") ? FACT_POD_SUCCEEDED : said;
        }
    }
    world_add_fact(world, OPERATION_PROBE, KIND_POD, operation->name, found, said);
}

static void carry_out_probe(struct world *world, const struct operation *operation)
{
    if (operation->kind == KIND_POD) {
        carry_out_probe_pods(world, operation);
        return;
    }
    bool there = world_find(world, operation->kind, operation->name) != NULL;
    world_add_fact(world, OPERATION_PROBE, operation->kind, operation->name,
                   there ? ERROR_NONE : ERROR_NOT_FOUND, NULL);
}

static void carry_out_dry_run(struct world *world, const struct operation *operation)
{
    json_decref(body_of(operation));
    world->dry_runs++;
    world_add_fact(world, OPERATION_DRY_RUN, operation->kind, operation->name, world->dry_run,
                   world->dry_run_said);
}

static bool is_write(const struct operation *operation)
{
    return operation->type != OPERATION_EVENT && operation->type != OPERATION_PROBE &&
           operation->type != OPERATION_EXPLAIN && operation->type != OPERATION_DRY_RUN;
}

static enum error_kind carry_out_write(struct world *world, const struct operation *operation)
{
    switch (operation->type) {
    case OPERATION_CREATE:
        return carry_out_create(world, operation);
    case OPERATION_APPLY:
        return carry_out_apply(world, operation);
    case OPERATION_PATCH:
    case OPERATION_PATCH_STATUS:
        return carry_out_patch(world, operation);
    case OPERATION_DELETE:
        return carry_out_delete(world, operation);
    default:
        fail_msg("a write that this world does not know");
        return ERROR_INVALID;
    }
}

/* What the executor would make of it. */
static void note_outcome(struct world *world, const struct operation *operation,
                         enum error_kind error, const char *message)
{
    bool is_fact = error == ERROR_EXISTS || error == ERROR_DENIED || error == ERROR_INVALID;
    if (error == ERROR_NONE) {
        world_forget_fact(world, operation->type, operation->kind, operation->name);
        world_forget_fact(world, OPERATION_PROBE, operation->kind, operation->name);
    } else if (is_fact) {
        world_add_fact(world, operation->type, operation->kind, operation->name, error, message);
    }
}

struct fault_plan {
    enum world_fault fault;
    size_t at;
    size_t writes; /* so far */
};

/* ERROR_NONE: go on with the group; *crashed: with nothing. */
static enum error_kind carry_out_one(struct world *world, const struct operation *operation,
                                     struct fault_plan *plan, bool *crashed)
{
    if (operation->type == OPERATION_PROBE) {
        carry_out_probe(world, operation);
    }
    if (operation->type == OPERATION_DRY_RUN) {
        carry_out_dry_run(world, operation);
    }
    if (!is_write(operation)) {
        return ERROR_NONE;
    }
    enum world_fault fault = plan->writes++ == plan->at ? plan->fault : WORLD_NO_FAULT;
    if (fault == WORLD_CRASH_BEFORE) {
        *crashed = true;
        return ERROR_LOST;
    }
    if (fault == WORLD_REFUSED) {
        note_outcome(world, operation, ERROR_DENIED, "exceeded quota: small");
        return ERROR_DENIED;
    }
    enum error_kind error = carry_out_write(world, operation);
    world->writes += error == ERROR_NONE;
    if (fault == WORLD_LOST || fault == WORLD_CRASH_AFTER) {
        *crashed = fault == WORLD_CRASH_AFTER;
        return ERROR_LOST;
    }
    note_outcome(world, operation, error,
                 error == ERROR_EXISTS ? "exists already and is not ours" : NULL);
    return error;
}

bool world_carry_out(struct world *world, const struct plan *plan, enum world_fault fault,
                     size_t fault_at)
{
    struct fault_plan faults = {.fault = fault, .at = fault_at};
    bool failed = false;
    bool crashed = false;
    for (size_t at = 0; at < plan->count && !crashed; at++) {
        const struct operation *operation = &plan->operations[at];
        if (at == 0 || operation->group != plan->operations[at - 1].group) {
            failed = false;
        }
        /* Operations of one stage are sent together: one that fails drops the later stages. */
        bool dropped = failed && (operation->stage == 0 ||
                                  operation->stage != plan->operations[at - 1].stage);
        if (!dropped) {
            failed |= carry_out_one(world, operation, &faults, &crashed) != ERROR_NONE;
        } else if (at + 1 < plan->count && plan->operations[at + 1].group == operation->group) {
            /* Skip the rest of the group. */
            while (at + 1 < plan->count && plan->operations[at + 1].group == operation->group) {
                at++;
            }
        }
    }
    if (crashed) {
        world_forget_facts(world);
    }
    return !crashed;
}

size_t world_count_writes(const struct plan *plan)
{
    size_t count = 0;
    for (size_t at = 0; at < plan->count; at++) {
        count += is_write(&plan->operations[at]);
    }
    return count;
}

const struct operation *plan_find(const struct plan *plan, enum operation_type type,
                                  enum api_kind kind, size_t nth)
{
    for (size_t at = 0; at < plan->count; at++) {
        const struct operation *operation = &plan->operations[at];
        if (operation->type == type && operation->kind == kind && nth-- == 0) {
            return operation;
        }
    }
    return NULL;
}

const struct operation *plan_find_named(const struct plan *plan, enum operation_type type,
                                        enum api_kind kind, const char *name)
{
    const struct operation *operation;
    for (size_t at = 0; (operation = plan_find(plan, type, kind, at)) != NULL; at++) {
        if (text_equal(operation->name, name)) {
            return operation;
        }
    }
    return NULL;
}

const char *plan_outline(struct world *world, const struct plan *plan)
{
    static const char *const names[] = {
        [OPERATION_CREATE] = "create",       [OPERATION_APPLY] = "apply",
        [OPERATION_PATCH_STATUS] = "status", [OPERATION_PATCH] = "patch",
        [OPERATION_DELETE] = "delete",       [OPERATION_PROBE] = "probe",
        [OPERATION_EXPLAIN] = "explain",     [OPERATION_DRY_RUN] = "dry-run"};
    const char *text = "";
    for (size_t at = 0; at < plan->count; at++) {
        const struct operation *operation = &plan->operations[at];
        if (operation->type != OPERATION_EVENT) {
            text = arena_print(&world->arena, "%s%s%s %s", text, text[0] ? ", " : "",
                               names[operation->type], kind_info(operation->kind)->kind);
        }
    }
    return text;
}

const char *world_settle_pipeline(struct world *world, const char *name)
{
    const char *outline = "";
    size_t asked;
    do {
        asked = world->dry_runs;
        struct plan plan = world_plan_pipeline(world, name);
        const char *more = plan_outline(world, &plan);
        outline = arena_print(&world->arena, "%s%s%s", outline, outline[0] && more[0] ? ", " : "",
                              more);
        (void)world_carry_out(world, &plan, WORLD_NO_FAULT, 0);
    } while (world->dry_runs != asked);
    return outline;
}
