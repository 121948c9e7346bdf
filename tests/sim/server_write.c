/* POST, PATCH and DELETE of the kinds that are watched. */

#include "core/assert.h"
#include "core/text.h"
#include "sim/patch.h"
#include "sim/rules.h"
#include "sim/server_private.h"
#include "sim/tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct sim_object *find(const struct sim_store *store, const struct sim_target *target)
{
    return sim_store_find(store, target->kind, target->namespace, target->name);
}

/* True: *ret_answer says why `after` is not taken. */
static bool is_refused(const struct sim_target *target, const json_t *before, const json_t *after,
                       struct sim_answer *ret_answer)
{
    json_t *causes = sim_rules_check(target->kind, before, after);
    bool refused = json_array_size(causes) > 0;
    if (refused) {
        *ret_answer = sim_server_refuse_invalid(target, causes);
    }
    json_decref(causes);
    return refused;
}

/* POST */

/* As it would be, without a version. Takes the tree. */
static struct sim_answer answer_dry(const struct sim_store *store, json_t *tree)
{
    tree_set_text(tree, "metadata/uid", "of-nothing");
    tree_set(tree, "metadata/generation", json_integer(1));
    tree_set(tree, "metadata/creationTimestamp", tree_time(store->unix_seconds));
    struct sim_answer dry = sim_server_answer(SIM_CREATED, tree);
    json_decref(tree);
    return dry;
}

static struct sim_answer serve_create(struct sim_store *store, struct sim_target *target,
                                      const json_t *body)
{
    (void)snprintf(target->name, sizeof(target->name), "%.255s", tree_name(body));
    if (text_is_empty(target->name)) {
        return sim_server_refuse(SIM_INVALID, "Invalid", "metadata.name: Required value");
    }
    /* A dry run writes nothing, so that nothing looks at the version. */
    if (tree_at(body, "metadata/resourceVersion") && !target->is_dry_run) {
        return sim_server_refuse_versioned_create();
    }
    json_t *tree = json_deep_copy(body);
    tree_set_text(tree, "metadata/namespace", target->namespace);
    sim_rules_begin(target->kind, tree);
    sim_rules_complete(target->kind, tree);
    struct sim_answer refusal;
    if (is_refused(target, NULL, tree, &refusal)) {
        json_decref(tree);
        return refusal;
    }
    const struct sim_object *there = find(store, target);
    if (there) {
        json_decref(tree);
        return sim_server_refuse_taken(target, there->tree);
    }
    if (target->is_dry_run) {
        return answer_dry(store, tree);
    }
    struct sim_object *made = sim_store_insert(store, target->kind, tree);
    if (sim_rules_is_applied(target->kind)) {
        made->fields.updated = sim_fields_of(made->tree);
    }
    return sim_server_answer(SIM_CREATED, made->tree);
}

/* PATCH */

/* The status subresource takes the status alone, all else leaves it alone. */
static void keep_other_half(const struct sim_object *object, json_t *tree, bool is_status)
{
    if (is_status) {
        json_t *status = json_incref(json_object_get(tree, "status"));
        json_object_clear(tree);
        json_t *before = sim_store_copy(object);
        json_object_update(tree, before);
        json_decref(before);
        if (status) {
            json_object_set_new(tree, "status", status);
        }
        return;
    }
    json_t *status = json_object_get(object->tree, "status");
    if (status) {
        json_object_set(tree, "status", status);
    } else {
        (void)json_object_del(tree, "status");
    }
}

/* What a patch can't change: it is set back, as the API server does for these. */
static void keep_system_fields(const struct sim_object *object, json_t *tree)
{
    static const char *const fields[] = {"metadata/creationTimestamp", "metadata/generation",
                                         "metadata/deletionTimestamp"};
    for (size_t at = 0; at < COUNT_OF(fields); at++) {
        json_t *before = tree_at(object->tree, fields[at]);
        if (before) {
            tree_set(tree, fields[at], json_incref(before));
        } else {
            tree_remove(tree, fields[at]);
        }
    }
}

bool sim_server_is_newest(const json_t *before, const json_t *after)
{
    const char *believed = tree_text(after, "metadata/resourceVersion");
    return text_is_empty(believed) ||
           text_equal(believed, tree_text(before, "metadata/resourceVersion"));
}

/* The object as it is now, or, when the write took its last finalizer, as it would have been. */
static struct sim_answer answer_written(const struct sim_store *store,
                                        const struct sim_target *target, const json_t *written)
{
    const struct sim_object *object = find(store, target);
    return sim_server_answer(SIM_OK, object ? object->tree : written);
}

static struct sim_answer serve_json_patch(struct sim_store *store, const struct sim_target *target,
                                          const json_t *patch)
{
    struct sim_object *object = find(store, target);
    if (!object) {
        return sim_server_refuse_missing(target);
    }
    json_t *tree = sim_store_copy(object);
    struct sim_answer done;
    if (!sim_patch_json(tree, patch)) {
        json_decref(tree);
        return sim_server_refuse_patch();
    }
    if (!sim_server_is_newest(object->tree, tree)) {
        json_decref(tree);
        return sim_server_refuse_stale(target);
    }
    keep_other_half(object, tree, target->is_status);
    keep_system_fields(object, tree);
    sim_rules_complete(target->kind, tree);
    if (!is_refused(target, object->tree, tree, &done)) {
        sim_store_update(store, object, json_incref(tree));
        done = answer_written(store, target, tree);
    }
    json_decref(tree);
    return done;
}

static struct sim_answer create_applied(struct sim_store *store, struct sim_target *target,
                                        const json_t *body)
{
    const char *uid = tree_text(body, "metadata/uid");
    if (uid[0]) {
        return sim_server_refuse_resurrection(target, uid);
    }
    /* Whatever version it is locked by. */
    json_t *made_of = json_deep_copy(body);
    tree_remove(made_of, "metadata/resourceVersion");
    struct sim_answer created = serve_create(store, target, made_of);
    json_decref(made_of);
    if (created.status == SIM_CREATED) {
        struct sim_object *made = find(store, target);
        sim_fields_free(&made->fields);
        made->fields.applied = sim_fields_of(body);
    }
    return created;
}

static struct sim_answer serve_apply(struct sim_store *store, struct sim_target *target,
                                     const json_t *body)
{
    struct sim_object *object = find(store, target);
    if (!object) {
        return create_applied(store, target, body);
    }
    json_t *tree = sim_store_copy(object);
    struct sim_answer done;
    sim_apply(tree, &object->fields, body);
    if (tree_at(body, "metadata/uid")) {
        tree_set_text(tree, "metadata/uid", tree_text(body, "metadata/uid"));
    }
    if (!sim_server_is_newest(object->tree, body)) {
        json_decref(tree);
        return sim_server_refuse_stale(target);
    }
    sim_rules_complete(target->kind, tree);
    if (!is_refused(target, object->tree, tree, &done)) {
        sim_store_apply(store, object, json_incref(tree), body);
        done = answer_written(store, target, tree);
    }
    json_decref(tree);
    return done;
}

static struct sim_answer serve_patch(struct sim_store *store, struct sim_target *target,
                                     const struct sim_request *request, const json_t *body)
{
    if (text_equal(request->content_type, "application/json-patch+json")) {
        return serve_json_patch(store, target, body);
    }
    if (text_equal(request->content_type, "application/apply-patch+yaml")) {
        return serve_apply(store, target, body);
    }
    return sim_server_refuse(SIM_UNSUPPORTED, "UnsupportedMediaType", "unknown patch type");
}

/* DELETE */

#define ORPHAN     "orphan"
#define FOREGROUND "foregroundDeletion"

static bool has(const json_t *finalizers, const char *finalizer)
{
    size_t at;
    const json_t *item;
    json_array_foreach(finalizers, at, item)
    {
        if (text_equal(json_string_value(item), finalizer)) {
            return true;
        }
    }
    return false;
}

/* What the garbage collector has to do first; NULL: nothing. */
static const char *finalizer_of_policy(enum api_kind kind, const json_t *options,
                                       const json_t *finalizers)
{
    const char *policy = tree_text(options, "propagationPolicy");
    if (policy[0]) {
        return text_equal(policy, "Orphan")       ? ORPHAN
               : text_equal(policy, "Foreground") ? FOREGROUND
                                                  : NULL;
    }
    if (has(finalizers, ORPHAN) || has(finalizers, FOREGROUND)) {
        return has(finalizers, ORPHAN) ? ORPHAN : FOREGROUND;
    }
    return sim_rules_orphans(kind) ? ORPHAN : NULL;
}

/* Those that were there, and that of the policy that was asked for last. */
static json_t *finalizers_of(const struct sim_object *object, const json_t *options)
{
    const json_t *before = tree_at(object->tree, "metadata/finalizers");
    const char *wanted = finalizer_of_policy(object->kind, options, before);
    json_t *finalizers = json_array();
    size_t at;
    json_t *item;
    json_array_foreach(before, at, item)
    {
        const char *name = json_string_value(item);
        if (!text_equal(name, ORPHAN) && !text_equal(name, FOREGROUND)) {
            json_array_append(finalizers, item);
        }
    }
    if (wanted) {
        json_array_append_new(finalizers, json_string(wanted));
    }
    return finalizers;
}

/* The last state, of the version that its deletion has: the newest change. */
static struct sim_answer tell_last(const struct sim_store *store)
{
    REQUIRE(store->change_count > 0);
    return sim_server_answer(SIM_OK, store->changes[store->change_count - 1].before);
}

static struct sim_answer serve_delete(struct sim_store *store, const struct sim_target *target,
                                      const json_t *options)
{
    struct sim_object *object = find(store, target);
    struct sim_answer done;
    if (!object) {
        return sim_server_refuse_missing(target);
    }
    if (sim_server_fails_precondition(target, object->tree, options, &done)) {
        return done;
    }
    json_t *finalizers = finalizers_of(object, options);
    bool lets_go = json_array_size(finalizers) == 0 &&
                   json_array_size(tree_at(object->tree, "metadata/finalizers")) > 0;
    if (lets_go && tree_text(options, "preconditions/resourceVersion")[0]) {
        json_decref(finalizers);
        return sim_server_refuse_release(target, object->tree);
    }
    json_t *last = json_incref(object->tree);
    sim_store_delete_with(store, object, finalizers);
    const struct sim_object *left = find(store, target);
    if (left) {
        done = sim_server_answer(SIM_OK, left->tree);
    } else if (sim_rules_tells_last_state(target->kind)) {
        done = tell_last(store);
    } else {
        done = sim_server_tell_gone(target, tree_uid(last));
    }
    json_decref(last);
    return done;
}

struct sim_answer sim_server_write(struct sim_store *store, struct sim_target *target,
                                   const struct sim_request *request, json_t *body)
{
    if (text_equal(request->method, "POST")) {
        return serve_create(store, target, body);
    }
    if (text_equal(request->method, "PATCH")) {
        return serve_patch(store, target, request, body);
    }
    if (text_equal(request->method, "DELETE")) {
        return serve_delete(store, target, body);
    }
    return sim_server_refuse(SIM_NOT_ALLOWED, "MethodNotAllowed", "the server does not allow this");
}
