#include "core/assert.h"
#include "core/memory.h"
#include "core/text.h"
#include "sim/server_private.h"
#include "sim/tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
    bool is_asked_for = text_is_empty(target->job_name) ||
                        text_equal(target->job_name,
                                   tree_map_text(tree, "metadata/labels", LABEL_JOB_NAME));
    return in_namespace && is_asked_for && (!target->managed_only || is_managed(tree));
}

/* GET */

static int compare_places(const void *a, const void *b)
{
    json_t *const *left = a;
    json_t *const *right = b;
    int order = strcmp(tree_text(*left, "metadata/namespace"),
                       tree_text(*right, "metadata/namespace"));
    return order ? order : strcmp(tree_name(*left), tree_name(*right));
}

/* Each object's state at this version, by uid: what its last change until then left of it. */
static json_t *states_at(const struct sim_store *store, enum api_kind kind, int64_t version)
{
    json_t *states = json_object();
    for (size_t at = 0; at < store->change_count && store->changes[at].version <= version; at++) {
        const struct sim_change *change = &store->changes[at];
        if (change->kind != kind) {
            continue;
        }
        if (change->after) {
            json_object_set(states, tree_uid(change->after), change->after);
        } else {
            (void)json_object_del(states, tree_uid(change->before));
        }
    }
    return states;
}

/* All of a kind at one version, in the order of namespaces and names, as etcd has them. */
struct collection {
    json_t *states; /* of a version that is past; owned */
    json_t **items;
    size_t count;
};

static struct collection collect(const struct sim_store *store, enum api_kind kind, int64_t version)
{
    struct collection found = {0};
    if (version == store->version) {
        found.items = memory_allocate(store->count + 1, sizeof(*found.items));
        for (size_t at = 0; at < store->count; at++) {
            if (store->objects[at].kind == kind) {
                found.items[found.count++] = store->objects[at].tree;
            }
        }
    } else {
        const char *uid;
        json_t *tree;
        found.states = states_at(store, kind, version);
        found.items = memory_allocate(json_object_size(found.states) + 1, sizeof(*found.items));
        json_object_foreach(found.states, uid, tree)
        {
            found.items[found.count++] = tree;
        }
    }
    qsort(found.items, found.count, sizeof(found.items[0]), compare_places);
    return found;
}

static void collection_free(struct collection *found)
{
    json_decref(found->states);
    (void)memory_free(found->items);
}

enum { TOKEN_SIZE = 400 };

/* Where the next page goes on: the version of the first one, and the last place that was shown. */
static void make_token(char token[TOKEN_SIZE], int64_t version, const json_t *last)
{
    (void)snprintf(token, TOKEN_SIZE, "%lld/%s/%s", (long long)version,
                   tree_text(last, "metadata/namespace"), tree_name(last));
}

/*
 * Fills `items`; the last one, or NULL when there are no more. What follows counts even when the
 * list would not show it, so that the last page may be empty.
 */
static const json_t *fill_page(const struct collection *found, const struct sim_target *target,
                               int64_t version, json_t *items)
{
    for (size_t at = 0; at < found->count; at++) {
        char place[TOKEN_SIZE];
        make_token(place, version, found->items[at]);
        if (target->continue_token[0] && strcmp(place, target->continue_token) <= 0) {
            continue;
        }
        if (target->limit > 0 && json_array_size(items) == (size_t)target->limit) {
            return json_array_get(items, json_array_size(items) - 1);
        }
        if (shows(target, found->items[at])) {
            json_array_append(items, found->items[at]);
        }
    }
    return NULL;
}

static struct sim_answer serve_list(const struct sim_store *store, const struct sim_target *target)
{
    bool goes_on = target->continue_token[0] != '\0';
    int64_t version = goes_on ? strtoll(target->continue_token, NULL, 10) : store->version;
    if (version < store->compacted) {
        return sim_server_refuse(SIM_GONE, "Expired",
                                 "The provided continue parameter is too old to display a "
                                 "consistent list result.");
    }
    struct collection found = collect(store, target->kind, version);
    json_t *items = json_array();
    const json_t *last = fill_page(&found, target, version, items);
    char text[SIM_VERSION_SIZE];
    char token[TOKEN_SIZE] = "";
    (void)snprintf(text, sizeof(text), "%lld", (long long)version);
    if (last) {
        make_token(token, version, last);
    }
    json_t *list = json_pack("{s:s+, s:s, s:{s:s, s:s}, s:o}", "kind",
                             kind_info(target->kind)->kind, "List", "apiVersion",
                             kind_info(target->kind)->api_version, "metadata", "resourceVersion",
                             text, "continue", token, "items", items);
    struct sim_answer all = sim_server_answer(SIM_OK, list);
    json_decref(list);
    collection_free(&found);
    return all;
}

static struct sim_answer serve_get(const struct sim_store *store, const struct sim_target *target)
{
    if (text_is_empty(target->name)) {
        return serve_list(store, target);
    }
    const struct sim_object *object = sim_store_find(store, target->kind, target->namespace,
                                                     target->name);
    return object ? sim_server_answer(SIM_OK, object->tree) : sim_server_refuse_missing(target);
}

/* What the executor asks of the answers to its writes; a Status stays as it is. */
static struct sim_answer reduce_to_metadata(struct sim_answer whole)
{
    json_t *tree = json_loads(whole.body, 0, NULL);
    REQUIRE(tree != NULL);
    if (!text_equal(tree_text(tree, "kind"), "Status")) {
        json_t *partial = json_pack("{s:s, s:s, s:o}", "kind", "PartialObjectMetadata",
                                    "apiVersion", "meta.k8s.io/v1", "metadata",
                                    json_incref(json_object_get(tree, "metadata")));
        free(whole.body);
        whole = sim_server_answer(whole.status, partial);
        json_decref(partial);
    }
    json_decref(tree);
    return whole;
}

struct sim_answer sim_server_serve(struct sim_store *store, const struct sim_request *request)
{
    struct sim_target target = sim_server_target(request);
    if (target.is_watch) {
        bool is_expired = !target.wants_bookmark_of_list &&
                          target.resource_version < store->compacted;
        return (struct sim_answer){.status = SIM_OK,
                                   .body = is_expired ? sim_server_expired(store, &target) : NULL};
    }
    json_t *body = request->body ? json_loads(request->body, 0, NULL) : json_object();
    struct sim_answer served = {0};
    if (!body) {
        served = sim_server_refuse(SIM_BAD_REQUEST, "BadRequest", "the body is no JSON");
    } else if (target.is_event || target.is_lease) {
        served = sim_server_serve_other(store, &target, request, body);
    } else if (!target.known) {
        served = sim_server_refuse(SIM_NOT_FOUND, "NotFound", "404 page not found");
    } else if (text_equal(request->method, "GET")) {
        served = serve_get(store, &target);
    } else {
        served = sim_server_write(store, &target, request, body);
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
    char version[SIM_VERSION_SIZE];
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

char *sim_server_expired(const struct sim_store *store, const struct sim_target *watch)
{
    char message[SIM_MESSAGE_SIZE];
    (void)snprintf(message, sizeof(message), "too old resource version: %lld (%lld)",
                   (long long)watch->resource_version, (long long)store->compacted);
    struct sim_answer refusal = sim_server_refuse(SIM_GONE, "Expired", message);
    json_t *status = json_loads(refusal.body, 0, NULL);
    char *line = watch_line("ERROR", status);
    json_decref(status);
    free(refusal.body);
    return line;
}

char *sim_server_initial(const struct sim_store *store, const struct sim_target *watch)
{
    struct collection found = collect(store, watch->kind, store->version);
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    REQUIRE(out != NULL);
    for (size_t at = 0; at < found.count; at++) {
        if (shows(watch, found.items[at])) {
            char *line = watch_line("ADDED", found.items[at]);
            (void)fputs(line, out);
            free(line);
        }
    }
    char *bookmark = sim_server_bookmark(watch, store->version, true);
    (void)fputs(bookmark, out);
    free(bookmark);
    (void)fclose(out);
    collection_free(&found);
    return text;
}
