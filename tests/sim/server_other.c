/*
 * Leases and Events: the controller writes and reads them, and nobody watches. They stand beside
 * the other objects, in no log of changes, because their writes are no work.
 */

#include "core/memory.h"
#include "core/text.h"
#include "sim/patch.h"
#include "sim/server_private.h"
#include "sim/tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_SIZE = 400 };

static void key_of(const struct sim_target *target, char key[KEY_SIZE])
{
    (void)snprintf(key, KEY_SIZE, "%s/%s/%s", target->plural, target->namespace, target->name);
}

/* Takes the tree. */
static const json_t *put(struct sim_store *store, const char *key, json_t *tree)
{
    char version[SIM_VERSION_SIZE];
    (void)snprintf(version, sizeof(version), "%lld", (long long)++store->others_version);
    tree_set_text(tree, "metadata/resourceVersion", version);
    store->others = store->others ? store->others : json_object();
    json_object_set_new(store->others, key, tree);
    return tree;
}

static struct sim_answer serve_create(struct sim_store *store, struct sim_target *target,
                                      const json_t *body)
{
    char key[KEY_SIZE];
    (void)snprintf(target->name, sizeof(target->name), "%.255s", tree_name(body));
    key_of(target, key);
    if (tree_at(body, "metadata/resourceVersion")) {
        return sim_server_refuse_versioned_create();
    }
    const json_t *there = json_object_get(store->others, key);
    if (there) {
        return sim_server_refuse_taken(target, there);
    }
    char uid[SIM_VERSION_SIZE];
    (void)snprintf(uid, sizeof(uid), "other-%lld", (long long)store->others_version + 1);
    json_t *tree = json_deep_copy(body);
    tree_set_text(tree, "metadata/uid", uid);
    tree_set(tree, "metadata/creationTimestamp", tree_time(store->unix_seconds));
    return sim_server_answer(SIM_CREATED, put(store, key, tree));
}

/* A merge patch is locked by the resourceVersion in it, if there is one. */
static struct sim_answer serve_patch(struct sim_store *store, const struct sim_target *target,
                                     const char *key, const json_t *before, const json_t *patch)
{
    json_t *tree = json_deep_copy(before);
    sim_patch_merge(tree, patch);
    if (!sim_server_is_newest(before, tree)) {
        json_decref(tree);
        return sim_server_refuse_stale(target);
    }
    if (json_equal(before, tree)) {
        json_decref(tree);
        return sim_server_answer(SIM_OK, before);
    }
    return sim_server_answer(SIM_OK, put(store, key, tree));
}

static struct sim_answer serve_delete(struct sim_store *store, const struct sim_target *target,
                                      const char *key, const json_t *options)
{
    const json_t *there = json_object_get(store->others, key);
    struct sim_answer done;
    if (!sim_server_fails_precondition(target, there, options, &done)) {
        done = sim_server_tell_gone(target, tree_uid(there));
        (void)json_object_del(store->others, key);
    }
    return done;
}

static int compare_names(const void *a, const void *b)
{
    json_t *const *left = a;
    json_t *const *right = b;
    return strcmp(tree_name(*left), tree_name(*right));
}

static bool is_listed(const struct sim_target *target, const json_t *tree)
{
    return !target->regarding[0] || text_equal(target->regarding, tree_text(tree, "regarding/uid"));
}

/* In the order of names. */
static json_t *collect(const struct sim_store *store, const struct sim_target *target)
{
    char prefix[KEY_SIZE];
    key_of(target, prefix);
    json_t **found = memory_allocate(json_object_size(store->others) + 1, sizeof(json_t *));
    size_t count = 0;
    const char *key;
    json_t *tree;
    json_object_foreach(store->others, key, tree)
    {
        if (text_starts_with(key, prefix) && is_listed(target, tree)) {
            found[count++] = tree;
        }
    }
    qsort(found, count, sizeof(json_t *), compare_names);
    json_t *items = json_array();
    for (size_t at = 0; at < count; at++) {
        json_array_append(items, found[at]);
    }
    (void)memory_free(found);
    return items;
}

static struct sim_answer serve_list(const struct sim_store *store, const struct sim_target *target)
{
    json_t *list = json_pack("{s:s+, s:s+, s:{s:s}, s:o}", "kind", target->kind_name, "List",
                             "apiVersion", target->group, "/v1", "metadata", "resourceVersion", "1",
                             "items", collect(store, target));
    struct sim_answer all = sim_server_answer(SIM_OK, list);
    json_decref(list);
    return all;
}

struct sim_answer sim_server_serve_other(struct sim_store *store, struct sim_target *target,
                                         const struct sim_request *request, const json_t *body)
{
    char key[KEY_SIZE];
    if (text_equal(request->method, "POST")) {
        return serve_create(store, target, body);
    }
    if (text_is_empty(target->name)) {
        return serve_list(store, target);
    }
    key_of(target, key);
    const json_t *there = json_object_get(store->others, key);
    if (!there) {
        return sim_server_refuse_missing(target);
    }
    if (text_equal(request->method, "PATCH")) {
        return serve_patch(store, target, key, there, body);
    }
    if (text_equal(request->method, "DELETE")) {
        return serve_delete(store, target, key, body);
    }
    return sim_server_answer(SIM_OK, there);
}
