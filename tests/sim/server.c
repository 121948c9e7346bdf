#include "sim/server.h"

#include "core/assert.h"
#include "core/text.h"
#include "sim/patch.h"
#include "sim/tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MESSAGE_SIZE = 600, VERSION_SIZE = 32 };

enum {
    OK = 200,
    CREATED = 201,
    BAD_REQUEST = 400,
    NOT_FOUND = 404,
    NOT_ALLOWED = 405,
    CONFLICT = 409,
    GONE = 410,
    UNSUPPORTED = 415,
    INVALID = 422,
    INTERNAL_ERROR = 500
};

static struct sim_answer answer(int status, const json_t *body)
{
    return (struct sim_answer){.status = status, .body = json_dumps(body, JSON_COMPACT)};
}

struct sim_answer sim_server_refuse(int code, const char *reason, const char *message)
{
    json_t *status = json_pack("{s:s, s:s, s:s, s:s, s:s, s:i}", "kind", "Status", "apiVersion",
                               "v1", "status", "Failure", "reason", reason, "message", message,
                               "code", code);
    struct sim_answer refusal = answer(code, status);
    json_decref(status);
    return refusal;
}

static struct sim_answer refuse_about(const struct sim_target *target, int code, const char *reason,
                                      const char *what)
{
    char message[MESSAGE_SIZE];
    (void)snprintf(message, sizeof(message), "%s \"%s\" %s", kind_info(target->kind)->plural,
                   target->name, what);
    return sim_server_refuse(code, reason, message);
}

static bool is_managed(const json_t *tree)
{
    return text_equal(tree_map_text(tree, "metadata/labels", LABEL_MANAGED_BY),
                      LABEL_MANAGED_BY_VALUE);
}

/* Whether a list or watch with this target shows the object. */
static bool shows(const struct sim_target *target, const json_t *tree)
{
    if (!tree) {
        return false;
    }
    bool in_namespace = text_is_empty(target->namespace) ||
                        text_equal(target->namespace, tree_text(tree, "metadata/namespace"));
    return in_namespace && (!target->managed_only || is_managed(tree));
}

/* GET */

static int compare_names(const void *a, const void *b)
{
    const struct sim_object *const *left = a;
    const struct sim_object *const *right = b;
    return strcmp(tree_name((*left)->tree), tree_name((*right)->tree));
}

/* In the order of names, as etcd has them. The caller frees the array. */
static const struct sim_object **collect(const struct sim_store *store,
                                         const struct sim_target *target, size_t *count)
{
    const struct sim_object **found = calloc(store->count + 1, sizeof(*found));
    REQUIRE(found != NULL);
    *count = 0;
    for (size_t at = 0; at < store->count; at++) {
        if (store->objects[at].kind == target->kind && shows(target, store->objects[at].tree)) {
            found[(*count)++] = &store->objects[at];
        }
    }
    qsort(found, *count, sizeof(*found), compare_names);
    return found;
}

/* The token of the next page is the name that the last one ended with. */
static struct sim_answer serve_list(const struct sim_store *store, const struct sim_target *target)
{
    size_t count = 0;
    const struct sim_object **found = collect(store, target, &count);
    json_t *items = json_array();
    const char *next = "";
    for (size_t at = 0; at < count; at++) {
        const char *name = tree_name(found[at]->tree);
        if (target->continue_token[0] && strcmp(name, target->continue_token) <= 0) {
            continue;
        }
        if (target->limit > 0 && json_array_size(items) == (size_t)target->limit) {
            next = tree_name(json_array_get(items, json_array_size(items) - 1));
            break;
        }
        json_array_append(items, found[at]->tree);
    }
    free(found);
    char version[VERSION_SIZE];
    char kind[MESSAGE_SIZE];
    (void)snprintf(version, sizeof(version), "%lld", (long long)store->version);
    (void)snprintf(kind, sizeof(kind), "%sList", kind_info(target->kind)->kind);
    json_t *list = json_pack("{s:s, s:s, s:{s:s, s:s}, s:o}", "kind", kind, "apiVersion",
                             kind_info(target->kind)->api_version, "metadata", "resourceVersion",
                             version, "continue", next, "items", items);
    struct sim_answer all = answer(OK, list);
    json_decref(list);
    return all;
}

static struct sim_answer serve_get(const struct sim_store *store, const struct sim_target *target)
{
    if (text_is_empty(target->name)) {
        return serve_list(store, target);
    }
    const struct sim_object *object = sim_store_find(store, target->kind, target->namespace,
                                                     target->name);
    return object ? answer(OK, object->tree)
                  : refuse_about(target, NOT_FOUND, "NotFound", "not found");
}

/* POST */

static struct sim_answer serve_create(struct sim_store *store, struct sim_target *target,
                                      json_t *body)
{
    (void)snprintf(target->name, sizeof(target->name), "%.255s", tree_name(body));
    if (text_is_empty(target->name)) {
        return sim_server_refuse(INVALID, "Invalid", "metadata.name: Required value");
    }
    if (tree_at(body, "metadata/resourceVersion")) {
        /* Tried: really 500, without a reason. */
        return sim_server_refuse(INTERNAL_ERROR, "",
                                 "resourceVersion should not be set on objects to be created");
    }
    if (sim_store_find(store, target->kind, target->namespace, target->name)) {
        return refuse_about(target, CONFLICT, "AlreadyExists", "already exists");
    }
    if (target->is_dry_run) {
        return answer(CREATED, body);
    }
    json_t *tree = json_deep_copy(body);
    tree_set_text(tree, "metadata/namespace", target->namespace);
    (void)json_object_del(tree, "status");
    if (kind_info(target->kind)->ours) {
        tree_set(tree, "status", json_pack("{s:i}", "observedGeneration", -1));
    } else if (target->kind == KIND_JOB || target->kind == KIND_DEPLOYMENT) {
        tree_set(tree, "status", json_object());
    }
    return answer(CREATED, sim_store_insert(store, target->kind, tree)->tree);
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
    static const char *const fields[] = {"metadata/uid", "metadata/creationTimestamp",
                                         "metadata/generation", "metadata/deletionTimestamp"};
    for (size_t at = 0; at < COUNT_OF(fields); at++) {
        json_t *before = tree_at(object->tree, fields[at]);
        if (before) {
            tree_set(tree, fields[at], json_incref(before));
        } else {
            tree_remove(tree, fields[at]);
        }
    }
}

/* A resourceVersion in the new object is what the writer believes to be the newest (C27, C28). */
static bool is_newest(const struct sim_object *object, const json_t *tree)
{
    const char *believed = tree_text(tree, "metadata/resourceVersion");
    return text_is_empty(believed) ||
           text_equal(believed, tree_text(object->tree, "metadata/resourceVersion"));
}

static struct sim_answer refuse_stale(const struct sim_target *target)
{
    char message[MESSAGE_SIZE];
    (void)snprintf(message, sizeof(message),
                   "Operation cannot be fulfilled on %s \"%s\": the object has been modified; "
                   "please apply your changes to the latest version and try again",
                   kind_info(target->kind)->plural, target->name);
    return sim_server_refuse(CONFLICT, "Conflict", message);
}

/* An object without finalizers that was to be deleted goes now. */
static void finish_deletion(struct sim_store *store, struct sim_object *object)
{
    if (tree_at(object->tree, "metadata/deletionTimestamp") &&
        json_array_size(tree_at(object->tree, "metadata/finalizers")) == 0) {
        sim_store_remove(store, object);
    }
}

static struct sim_answer serve_json_patch(struct sim_store *store, const struct sim_target *target,
                                          const json_t *patch)
{
    struct sim_object *object = sim_store_find(store, target->kind, target->namespace,
                                               target->name);
    if (!object) {
        return refuse_about(target, NOT_FOUND, "NotFound", "not found");
    }
    json_t *tree = sim_store_copy(object);
    if (!sim_patch_json(tree, patch)) {
        json_decref(tree);
        return sim_server_refuse(INVALID, "Invalid",
                                 "the server rejected our request due to an "
                                 "error in our request");
    }
    if (!is_newest(object, tree)) {
        json_decref(tree);
        return refuse_stale(target);
    }
    keep_other_half(object, tree, target->is_status);
    keep_system_fields(object, tree);
    sim_store_update(store, object, tree);
    struct sim_answer done = answer(OK, object->tree);
    finish_deletion(store, object);
    return done;
}

static struct sim_answer create_applied(struct sim_store *store, struct sim_target *target,
                                        json_t *body)
{
    if (tree_at(body, "metadata/uid")) {
        return refuse_about(target, CONFLICT, "Conflict",
                            "cannot be fulfilled: uid mismatch: the provided object specified uid "
                            "and no existing object was found");
    }
    struct sim_answer created = serve_create(store, target, body);
    if (created.status == CREATED) {
        struct sim_object *made = sim_store_find(store, target->kind, target->namespace,
                                                 target->name);
        made->applied = json_deep_copy(body);
    }
    return created;
}

static struct sim_answer serve_apply(struct sim_store *store, struct sim_target *target,
                                     json_t *body)
{
    struct sim_object *object = sim_store_find(store, target->kind, target->namespace,
                                               target->name);
    if (!object) {
        return create_applied(store, target, body);
    }
    const char *uid = tree_text(body, "metadata/uid");
    if (uid[0] && !text_equal(uid, tree_uid(object->tree))) {
        return sim_server_refuse(INVALID, "Invalid",
                                 "metadata.uid: Invalid value: field is "
                                 "immutable");
    }
    json_t *tree = sim_store_copy(object);
    sim_patch_apply(tree, object->applied, body);
    json_decref(object->applied);
    object->applied = json_deep_copy(body);
    keep_other_half(object, tree, false);
    keep_system_fields(object, tree);
    sim_store_update(store, object, tree);
    return answer(OK, object->tree);
}

static struct sim_answer serve_patch(struct sim_store *store, struct sim_target *target,
                                     const struct sim_request *request, json_t *body)
{
    if (text_equal(request->content_type, "application/json-patch+json")) {
        return serve_json_patch(store, target, body);
    }
    if (text_equal(request->content_type, "application/apply-patch+yaml")) {
        return serve_apply(store, target, body);
    }
    return sim_server_refuse(UNSUPPORTED, "UnsupportedMediaType", "unknown patch type");
}

/* DELETE */

static struct sim_answer serve_delete(struct sim_store *store, const struct sim_target *target,
                                      const json_t *options)
{
    struct sim_object *object = sim_store_find(store, target->kind, target->namespace,
                                               target->name);
    if (!object) {
        return refuse_about(target, NOT_FOUND, "NotFound", "not found");
    }
    const char *uid = tree_text(options, "preconditions/uid");
    const char *version = tree_text(options, "preconditions/resourceVersion");
    bool is_other = uid[0] && !text_equal(uid, tree_uid(object->tree));
    bool is_newer = version[0] &&
                    !text_equal(version, tree_text(object->tree, "metadata/resourceVersion"));
    if (is_other || is_newer) {
        return refuse_about(target, CONFLICT, "Conflict", "precondition failed");
    }
    json_t *last = json_incref(object->tree);
    sim_store_delete(store, object);
    object = sim_store_find(store, target->kind, target->namespace, target->name);
    struct sim_answer done = answer(OK, object ? object->tree : last);
    json_decref(last);
    return done;
}

/* Events are taken and forgotten: they decide nothing. */
static struct sim_answer serve_event(const struct sim_request *request, const json_t *body)
{
    if (text_equal(request->method, "GET")) {
        json_t *none = json_pack("{s:s, s:{}, s:[]}", "kind", "EventList", "metadata", "items");
        struct sim_answer list = answer(OK, none);
        json_decref(none);
        return list;
    }
    return answer(text_equal(request->method, "POST") ? CREATED : OK, body);
}

static struct sim_answer serve_body(struct sim_store *store, struct sim_target *target,
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
    return sim_server_refuse(NOT_ALLOWED, "MethodNotAllowed", "the server does not allow this");
}

/* What the executor asks of the answers to its writes; a Status stays as it is. */
static struct sim_answer reduce_to_metadata(struct sim_answer whole)
{
    json_t *tree = json_loads(whole.body, 0, NULL);
    REQUIRE(tree != NULL);
    if (!text_equal(tree_text(tree, "kind"), "Status")) {
        json_t *metadata = json_object_get(tree, "metadata"); /* none: of an event, not kept */
        json_t *partial = json_pack("{s:s, s:s, s:o}", "kind", "PartialObjectMetadata",
                                    "apiVersion", "meta.k8s.io/v1", "metadata",
                                    metadata ? json_incref(metadata) : json_object());
        free(whole.body);
        whole = answer(whole.status, partial);
        json_decref(partial);
    }
    json_decref(tree);
    return whole;
}

/* There is one Lease; a merge patch is locked by the resourceVersion in it. */
static struct sim_answer serve_lease(struct sim_store *store, const struct sim_request *request,
                                     json_t *body)
{
    bool is_create = text_equal(request->method, "POST");
    if (is_create && store->lease) {
        return sim_server_refuse(CONFLICT, "AlreadyExists", "the lease exists");
    }
    if (!is_create && !store->lease) {
        return sim_server_refuse(NOT_FOUND, "NotFound", "there is no lease");
    }
    const char *known = tree_text(body, "metadata/resourceVersion");
    if (text_equal(request->method, "PATCH") &&
        !text_equal(known, tree_text(store->lease, "metadata/resourceVersion"))) {
        return sim_server_refuse(CONFLICT, "Conflict", "the lease has been modified");
    }
    if (!text_equal(request->method, "GET")) {
        json_t *lease = is_create ? json_deep_copy(body) : json_deep_copy(store->lease);
        (void)json_object_update_recursive(lease, body);
        char version[VERSION_SIZE];
        (void)snprintf(version, sizeof(version), "%lld", (long long)++store->lease_version);
        tree_set_text(lease, "metadata/resourceVersion", version);
        tree_set_text(lease, "metadata/uid", "uid-of-the-lease");
        json_decref(store->lease);
        store->lease = lease;
    }
    return (struct sim_answer){.status = is_create ? CREATED : OK,
                               .body = json_dumps(store->lease, JSON_COMPACT)};
}

struct sim_answer sim_server_serve(struct sim_store *store, const struct sim_request *request)
{
    struct sim_target target = sim_server_target(request);
    if (target.is_watch) {
        /* A streaming list begins with what there is. */
        return !target.wants_bookmark_of_list && target.resource_version < store->compacted
                   ? sim_server_refuse(GONE, "Expired", "too old resource version")
                   : (struct sim_answer){.status = OK};
    }
    json_t *body = request->body ? json_loads(request->body, 0, NULL) : json_object();
    struct sim_answer served = {0};
    if (!body) {
        served = sim_server_refuse(BAD_REQUEST, "BadRequest", "the body is no JSON");
    } else if (target.is_event) {
        served = serve_event(request, body);
    } else if (target.is_lease) {
        served = serve_lease(store, request, body);
    } else if (!target.known) {
        served = sim_server_refuse(NOT_FOUND, "NotFound", "404 page not found");
    } else if (text_equal(request->method, "GET")) {
        served = serve_get(store, &target);
    } else {
        served = serve_body(store, &target, request, body);
    }
    json_decref(body);
    bool wants_metadata = request->accept && strstr(request->accept, "as=PartialObjectMetadata;");
    return wants_metadata ? reduce_to_metadata(served) : served;
}

/* Watches. */

static char *watch_line(const char *type, json_t *object)
{
    json_t *event = json_pack("{s:s, s:O}", "type", type, "object", object);
    char *text = json_dumps(event, JSON_COMPACT);
    json_decref(event);
    REQUIRE(text != NULL);
    size_t length = strlen(text);
    char *line = calloc(length + 2, 1);
    REQUIRE(line != NULL);
    memcpy(line, text, length);
    line[length] = '\n';
    free(text);
    return line;
}

bool sim_server_sees(const struct sim_target *watch, const struct sim_change *change)
{
    return change->kind == watch->kind &&
           (shows(watch, change->before) || shows(watch, change->after));
}

char *sim_server_watch_line(const struct sim_target *watch, const struct sim_change *change)
{
    if (!sim_server_sees(watch, change)) {
        return NULL;
    }
    if (shows(watch, change->after)) {
        return watch_line(shows(watch, change->before) ? "MODIFIED" : "ADDED", change->after);
    }
    /* The last state, at the version of the change that took it out of sight. */
    json_t *last = json_deep_copy(change->before);
    char version[VERSION_SIZE];
    (void)snprintf(version, sizeof(version), "%lld", (long long)change->version);
    tree_set_text(last, "metadata/resourceVersion", version);
    char *line = watch_line("DELETED", last);
    json_decref(last);
    return line;
}

char *sim_server_bookmark(const struct sim_target *watch, int64_t version, bool ends_list)
{
    /* Written as text: in an hour without news there are hundreds of them. */
    const char *end = ends_list ? ",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}" : "";
    char *line = NULL;
    int length = asprintf(&line,
                          "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"%s\",\"apiVersion\":"
                          "\"%s\",\"metadata\":{\"resourceVersion\":\"%lld\"%s}}}\n",
                          kind_info(watch->kind)->kind, kind_info(watch->kind)->api_version,
                          (long long)version, end);
    REQUIRE(length > 0);
    return line;
}

char *sim_server_initial(const struct sim_store *store, const struct sim_target *watch)
{
    size_t count = 0;
    const struct sim_object **found = collect(store, watch, &count);
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    REQUIRE(out != NULL);
    for (size_t at = 0; at < count; at++) {
        char *line = watch_line("ADDED", found[at]->tree);
        (void)fputs(line, out);
        free(line);
    }
    char *bookmark = sim_server_bookmark(watch, store->version, true);
    (void)fputs(bookmark, out);
    free(bookmark);
    (void)fclose(out);
    free(found);
    return text;
}
