#include "sim/rules.h"

#include "core/assert.h"
#include "core/text.h"
#include "sim/tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIELD_SIZE = 300, MESSAGE_SIZE = 1000 };

#define IMMUTABLE "field is immutable"

bool sim_rules_has_generation(enum api_kind kind)
{
    return kind != KIND_SERVICE && kind != KIND_CONTROLLER_REVISION && kind != KIND_CLAIM;
}

static bool differ(const json_t *before, const json_t *after, const char *path)
{
    const json_t *old = tree_at(before, path);
    const json_t *new = tree_at(after, path);
    return old != new && !(old && new &&json_equal(old, new));
}

bool sim_rules_raises_generation(enum api_kind kind, const json_t *before, const json_t *after)
{
    /* Of a Deployment annotations count as well: its ReplicaSets get them. */
    return sim_rules_has_generation(kind) &&
           (differ(before, after, "spec") ||
            (kind == KIND_DEPLOYMENT && differ(before, after, "metadata/annotations")));
}

bool sim_rules_defaults_late(enum api_kind kind)
{
    return kind_info(kind)->ours || kind == KIND_CLAIM;
}

bool sim_rules_is_applied(enum api_kind kind)
{
    return kind == KIND_DEPLOYMENT || kind == KIND_SERVICE;
}

bool sim_rules_ends_gracefully(enum api_kind kind)
{
    return kind == KIND_POD;
}

bool sim_rules_tells_last_state(enum api_kind kind)
{
    return kind == KIND_POD || kind == KIND_SERVICE || kind == KIND_CLAIM;
}

bool sim_rules_orphans(enum api_kind kind)
{
    return kind == KIND_JOB;
}

/* ---- what is filled in ---- */

void sim_rules_begin(enum api_kind kind, json_t *tree)
{
    (void)json_object_del(tree, "status");
    if (kind_info(kind)->ours) {
        tree_set(tree, "status", json_pack("{s:i}", "observedGeneration", -1));
    } else if (kind == KIND_JOB || kind == KIND_DEPLOYMENT) {
        tree_set(tree, "status", json_object());
    } else if (kind == KIND_CLAIM) {
        /* The admission plugin StorageObjectInUseProtection. */
        if (!tree_at(tree, "metadata/finalizers")) {
            tree_set(tree, "metadata/finalizers", json_array());
        }
        json_array_append_new(tree_at(tree, "metadata/finalizers"),
                              json_string("kubernetes.io/pvc-protection"));
    }
}

static bool is_empty(const json_t *value)
{
    return (json_is_array(value) && json_array_size(value) == 0) || json_is_null(value);
}

/* Go's omitempty: an empty list of a kind that the API server knows as a type is none. */
static void drop_empty_lists(json_t *tree)
{
    const char *name;
    size_t at;
    void *next;
    json_t *value;
    json_array_foreach(tree, at, value)
    {
        drop_empty_lists(value);
    }
    json_object_foreach_safe(tree, next, name, value)
    {
        drop_empty_lists(value);
        if (is_empty(value)) {
            (void)json_object_del(tree, name);
        }
    }
}

void sim_rules_complete(enum api_kind kind, json_t *tree)
{
    /* What a ControllerRevision holds is nobody's type. */
    bool is_typed = !kind_info(kind)->ours && kind != KIND_CONTROLLER_REVISION;
    drop_empty_lists(is_typed ? tree : json_object_get(tree, "metadata"));
    if (kind == KIND_DEPLOYMENT && !tree_at(tree, "spec/replicas")) {
        tree_set(tree, "spec/replicas", json_integer(1));
    }
}

/* ---- what is refused ---- */

static void add_cause(json_t *causes, const char *field, const char *reason, const char *message)
{
    json_array_append_new(
        causes, json_pack("{s:s, s:s, s:s}", "field", field, "reason", reason, "message", message));
}

static void refuse_value(json_t *causes, const char *path, const json_t *value, const char *why)
{
    char field[FIELD_SIZE];
    char message[MESSAGE_SIZE];
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    (void)snprintf(field, sizeof(field), "%s", path);
    for (char *at = field; *at; at++) {
        *at = *at == '/' ? '.' : *at;
    }
    (void)snprintf(message, sizeof(message), "Invalid value: %.800s: %s", text, why);
    add_cause(causes, field, "FieldValueInvalid", message);
    free(text);
}

static void refuse_change(json_t *causes, const json_t *before, const json_t *after,
                          const char *path)
{
    if (differ(before, after, path)) {
        refuse_value(causes, path, tree_at(after, path), IMMUTABLE);
    }
}

static bool has_finalizer(const json_t *tree, const char *finalizer)
{
    size_t at;
    const json_t *item;
    json_array_foreach(tree_at(tree, "metadata/finalizers"), at, item)
    {
        if (text_equal(json_string_value(item), finalizer)) {
            return true;
        }
    }
    return false;
}

/* Upstream checks metadata in two places, so each of these stands there twice. */
static void check_metadata(json_t *causes, const json_t *before, const json_t *after)
{
    json_t *found = json_array();
    refuse_change(found, before, after, "metadata/uid");
    size_t at;
    const json_t *item;
    json_array_foreach(tree_at(after, "metadata/finalizers"), at, item)
    {
        const char *finalizer = text_or(json_string_value(item), "");
        if (tree_at(before, "metadata/deletionTimestamp") && !has_finalizer(before, finalizer)) {
            char message[MESSAGE_SIZE];
            (void)snprintf(message, sizeof(message),
                           "Forbidden: no new finalizers can be added if the object is being "
                           "deleted, found new finalizers []string{\"%.300s\"}",
                           finalizer);
            add_cause(found, "metadata.finalizers", "FieldValueForbidden", message);
        }
    }
    json_array_extend(causes, found);
    json_array_extend(causes, found);
    json_decref(found);
}

/* x-kubernetes-list-type: map */
static void check_duplicates(json_t *causes, const json_t *tree, const char *path, const char *key)
{
    const json_t *list = tree_at(tree, path);
    for (size_t at = 1; at < json_array_size(list); at++) {
        const char *name = tree_text(json_array_get(list, at), key);
        bool is_known = false;
        for (size_t other = 0; other < at && !is_known; other++) {
            is_known = text_equal(name, tree_text(json_array_get(list, other), key));
        }
        if (is_known) {
            char field[FIELD_SIZE];
            char message[MESSAGE_SIZE];
            const char *slash = strchr(path, '/');
            (void)snprintf(field, sizeof(field), "%.*s.%s[%zu]", (int)(slash - path), path,
                           slash + 1, at);
            (void)snprintf(message, sizeof(message), "Duplicate value: {\"%s\":\"%s\"}", key, name);
            add_cause(causes, field, "FieldValueDuplicate", message);
        }
    }
}

static void check_ours(json_t *causes, enum api_kind kind, const json_t *before,
                       const json_t *after)
{
    check_duplicates(causes, after, "status/conditions", "type");
    if (kind == KIND_PIPELINE) {
        check_duplicates(causes, after, "spec/steps", "name");
    }
    if (kind == KIND_PIPELINE_RUN) {
        check_duplicates(causes, after, "status/steps", "name");
        if (json_is_true(tree_at(before, "spec/cancel")) &&
            !json_is_true(tree_at(after, "spec/cancel"))) {
            add_cause(causes, "spec", "FieldValueInvalid",
                      "Invalid value: cancel can't be taken back; create a new PipelineRun "
                      "instead");
        }
    }
}

static void check_deployment(json_t *causes, const json_t *before, const json_t *after)
{
    const char *label;
    json_t *value;
    json_t *labels = tree_at(after, "spec/template/metadata/labels");
    json_object_foreach(tree_at(after, "spec/selector/matchLabels"), label, value)
    {
        const json_t *there = json_object_get(labels, label);
        if (!there || !json_equal(there, value)) {
            refuse_value(causes, "spec/template/metadata/labels", labels,
                         "`selector` does not match template `labels`");
            break;
        }
    }
    if (before) {
        refuse_change(causes, before, after, "spec/selector");
    }
}

json_t *sim_rules_check(enum api_kind kind, const json_t *before, const json_t *after)
{
    json_t *causes = json_array();
    if (before) {
        check_metadata(causes, before, after);
    }
    if (kind_info(kind)->ours) {
        check_ours(causes, kind, before, after);
    } else if (kind == KIND_DEPLOYMENT) {
        check_deployment(causes, before, after);
    } else if (before && kind == KIND_JOB) {
        refuse_change(causes, before, after, "spec/completionMode");
        refuse_change(causes, before, after, "spec/managedBy");
    } else if (before && kind == KIND_CONTROLLER_REVISION) {
        /* Also what is equal: after a patch it stands there in another form. */
        refuse_value(causes, "data", tree_at(after, "data"), IMMUTABLE);
    }
    return causes;
}
