#include "sim/store.h"

#include "core/assert.h"
#include "core/hash.h"
#include "core/memory.h"
#include "core/text.h"
#include "sim/rules.h"
#include "sim/tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_SIZE = 32, WORDS_SIZE = 600 };

/* 2026-01-01T00:00:00Z, as the fake clocks begin. */
static const int64_t START_SECONDS = 1767225600;

void sim_store_init(struct sim_store *store)
{
    *store = (struct sim_store){
        .version = 100, .others_version = 100, .unix_seconds = START_SECONDS};
}

void sim_store_free(struct sim_store *store)
{
    for (size_t at = 0; at < store->count; at++) {
        json_decref(store->objects[at].tree);
        sim_fields_free(&store->objects[at].fields);
    }
    for (size_t at = 0; at < store->change_count; at++) {
        json_decref(store->changes[at].before);
        json_decref(store->changes[at].after);
    }
    json_decref(store->others);
    (void)memory_free(store->objects);
    (void)memory_free(store->changes);
    *store = (struct sim_store){0};
}

struct sim_object *sim_store_find(const struct sim_store *store, enum api_kind kind,
                                  const char *namespace, const char *name)
{
    for (size_t at = 0; at < store->count; at++) {
        struct sim_object *object = &store->objects[at];
        if (object->kind == kind && text_equal(object->name, name) &&
            text_equal(object->namespace, namespace)) {
            return object;
        }
    }
    return NULL;
}

struct sim_object *sim_store_find_uid(const struct sim_store *store, const char *uid)
{
    for (size_t at = 0; at < store->count; at++) {
        if (text_equal(store->objects[at].uid, uid)) {
            return &store->objects[at];
        }
    }
    return NULL;
}

static int64_t next_version(struct sim_store *store, json_t *tree)
{
    char number[NUMBER_SIZE];
    store->version++;
    (void)snprintf(number, sizeof(number), "%lld", (long long)store->version);
    tree_set_text(tree, "metadata/resourceVersion", number);
    return store->version;
}

static void note_change(struct sim_store *store, enum api_kind kind, json_t *before, json_t *after)
{
    store->changes = memory_grow(store->changes, &store->change_capacity, store->change_count + 1,
                                 sizeof(*store->changes));
    struct sim_change *change = &store->changes[store->change_count++];
    *change = (struct sim_change){.kind = kind,
                                  .version = store->version,
                                  .before = json_incref(before),
                                  .after = json_incref(after)};
    if (store->on_change) {
        store->on_change(store->context, change);
    }
}

/* How many of this kind and name there were before. */
static unsigned count_incarnations(const struct sim_store *store, enum api_kind kind,
                                   const char *name)
{
    unsigned count = 0;
    for (size_t at = 0; at < store->change_count; at++) {
        const struct sim_change *change = &store->changes[at];
        count += change->kind == kind && !change->before &&
                 text_equal(tree_name(change->after), name);
    }
    return count;
}

static uint64_t hash_tree(const json_t *tree)
{
    char *text = json_dumps(tree, JSON_COMPACT | JSON_SORT_KEYS);
    REQUIRE(text != NULL);
    uint64_t hash = hash_text(HASH_SEED, text);
    free(text);
    return hash;
}

static bool is_same(const json_t *before, const json_t *after)
{
    return before == after || json_equal(before, after) != 0;
}

/* Takes the tree; that of before is the caller's then. */
static void place_tree(struct sim_object *object, json_t *tree)
{
    const json_t *template_before = tree_at(object->tree, "spec/template");
    if (object->kind == KIND_DEPLOYMENT &&
        !is_same(template_before, tree_at(tree, "spec/template"))) {
        object->template_hash = hash_tree(tree_at(tree, "spec/template"));
    }
    object->tree = tree;
    object->namespace = tree_text(tree, "metadata/namespace");
    object->name = tree_name(tree);
    object->uid = tree_uid(tree);
    object->controller_uid = tree_controller_uid(tree);
}

struct sim_object *sim_store_insert(struct sim_store *store, enum api_kind kind, json_t *tree)
{
    char words[WORDS_SIZE];
    char uid[HASH_NAME_LENGTH + 1];
    (void)snprintf(words, sizeof(words), "%s %s %u", kind_info(kind)->kind, tree_name(tree),
                   count_incarnations(store, kind, tree_name(tree)));
    hash_format_name(hash_text(HASH_SEED, words), uid);
    tree_set_text(tree, "metadata/uid", uid);
    tree_set(tree, "metadata/creationTimestamp", tree_time(store->unix_seconds));
    if (sim_rules_has_generation(kind)) {
        tree_set(tree, "metadata/generation", json_integer(1));
    }
    (void)next_version(store, tree);
    store->objects = memory_grow(store->objects, &store->capacity, store->count + 1,
                                 sizeof(*store->objects));
    store->objects[store->count] = (struct sim_object){
        .kind = kind, .is_as_created = sim_rules_defaults_late(kind)};
    place_tree(&store->objects[store->count++], tree);
    store->creates[kind]++;
    note_change(store, kind, NULL, tree);
    return &store->objects[store->count - 1];
}

json_t *sim_store_copy(const struct sim_object *object)
{
    return json_deep_copy(object->tree);
}

static void raise_generation(json_t *tree)
{
    tree_set(tree, "metadata/generation",
             json_integer(tree_integer(tree, "metadata/generation") + 1));
}

/* Takes the tree. */
static void write_tree(struct sim_store *store, struct sim_object *object, json_t *tree)
{
    json_t *before = object->tree;
    if (sim_rules_raises_generation(object->kind, before, tree)) {
        raise_generation(tree);
    }
    (void)next_version(store, tree);
    place_tree(object, tree);
    object->is_as_created = false;
    note_change(store, object->kind, before, tree);
    json_decref(before);
}

/* Takes the tree then. */
static bool ends_deletion(struct sim_store *store, struct sim_object *object, json_t *tree)
{
    if (!tree_at(object->tree, "metadata/deletionTimestamp") ||
        json_array_size(tree_at(tree, "metadata/finalizers")) > 0) {
        return false;
    }
    json_decref(tree);
    sim_store_remove(store, object);
    return true;
}

static void keep_version(const struct sim_object *object, json_t *tree)
{
    tree_set_text(tree, "metadata/resourceVersion",
                  tree_text(object->tree, "metadata/resourceVersion"));
}

void sim_store_update(struct sim_store *store, struct sim_object *object, json_t *tree)
{
    keep_version(object, tree);
    if (is_same(object->tree, tree) && !object->is_as_created) {
        json_decref(tree);
        return;
    }
    if (sim_rules_is_applied(object->kind)) {
        sim_fields_note_update(&object->fields, object->tree, tree);
    }
    if (!ends_deletion(store, object, tree)) {
        write_tree(store, object, tree);
    }
}

void sim_store_apply(struct sim_store *store, struct sim_object *object, json_t *tree,
                     const json_t *config)
{
    keep_version(object, tree);
    bool owners_differ = sim_fields_note_apply(&object->fields, config, object->tree, tree);
    if (is_same(object->tree, tree) && !owners_differ) {
        json_decref(tree);
    } else if (!ends_deletion(store, object, tree)) {
        write_tree(store, object, tree);
    }
}

void sim_store_remove(struct sim_store *store, struct sim_object *object)
{
    size_t index = (size_t)(object - store->objects);
    REQUIRE(index < store->count);
    enum api_kind kind = object->kind;
    json_t *before = object->tree;
    json_t *last = json_deep_copy(before);
    (void)next_version(store, last);
    sim_fields_free(&object->fields);
    store->objects[index] = store->objects[--store->count];
    store->deletes[kind]++;
    note_change(store, kind, last, NULL);
    json_decref(last);
    json_decref(before);
}

/* Takes the finalizers. */
static void mark_deleted(struct sim_store *store, struct sim_object *object, json_t *finalizers)
{
    json_t *tree = sim_store_copy(object);
    if (json_array_size(finalizers) > 0) {
        tree_set(tree, "metadata/finalizers", finalizers);
    } else {
        json_decref(finalizers);
    }
    if (!tree_at(tree, "metadata/deletionTimestamp")) {
        tree_set(tree, "metadata/deletionTimestamp", tree_time(store->unix_seconds));
        if (sim_rules_has_generation(object->kind)) {
            raise_generation(tree);
        }
    }
    keep_version(object, tree);
    if (is_same(object->tree, tree)) {
        json_decref(tree);
    } else {
        write_tree(store, object, tree);
    }
}

void sim_store_delete_with(struct sim_store *store, struct sim_object *object, json_t *finalizers)
{
    bool is_held = json_array_size(finalizers) > 0;
    if (is_held || sim_rules_ends_gracefully(object->kind)) {
        mark_deleted(store, object, finalizers);
    } else {
        json_decref(finalizers);
    }
    if (!is_held) {
        sim_store_remove(store, object);
    }
}

void sim_store_delete(struct sim_store *store, struct sim_object *object)
{
    json_t *finalizers = tree_at(object->tree, "metadata/finalizers");
    sim_store_delete_with(store, object, json_incref(finalizers));
}

/* Describing. */

static void describe_run(FILE *out, const json_t *tree)
{
    (void)fprintf(out, " %s %s", tree_text(tree, "status/phase"),
                  tree_text(tree, "status/modelVersion"));
    size_t at;
    const json_t *step;
    json_array_foreach(tree_at(tree, "status/steps"), at, step)
    {
        (void)fprintf(out, " %s=%s/%lld", tree_text(step, "name"), tree_text(step, "phase"),
                      (long long)tree_integer(step, "attempts"));
    }
}

static void describe_object(FILE *out, const struct sim_object *object)
{
    const json_t *tree = object->tree;
    (void)fprintf(out, "%s %s", kind_info(object->kind)->kind, tree_name(tree));
    switch (object->kind) {
    case KIND_PIPELINE_RUN:
        describe_run(out, tree);
        break;
    case KIND_MODEL_VERSION:
        (void)fprintf(out, " %s", tree_text(tree, "status/phase"));
        break;
    case KIND_MODEL:
        (void)fprintf(out, " champion=%s", tree_text(tree, "status/champion"));
        break;
    case KIND_SERVICE:
        (void)fprintf(out, " to %s", tree_map_text(tree, "spec/selector", LABEL_VERSION_UID));
        break;
    case KIND_TRIGGER:
        (void)fprintf(out, " last=%s", tree_text(tree, "status/lastScheduleTime"));
        break;
    default:
        break;
    }
    (void)fprintf(out, " %s", tree_condition(tree, "Ready"));
}

static int compare_lines(const void *a, const void *b)
{
    char *const *left = a;
    char *const *right = b;
    return strcmp(*left, *right);
}

static char *describe_line(const struct sim_object *object)
{
    char *line = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&line, &size);
    REQUIRE(out != NULL);
    describe_object(out, object);
    (void)fclose(out);
    return line;
}

char *sim_store_describe(const struct sim_store *store)
{
    char **lines = memory_allocate(store->count + 1, sizeof(*lines));
    size_t count = 0;
    for (size_t at = 0; at < store->count; at++) {
        /* Pods have random names, in a real cluster too. */
        if (store->objects[at].kind != KIND_POD) {
            lines[count++] = describe_line(&store->objects[at]);
        }
    }
    qsort(lines, count, sizeof(*lines), compare_lines);
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    REQUIRE(out != NULL);
    for (size_t at = 0; at < count; at++) {
        (void)fprintf(out, "%s\n", lines[at]);
        free(lines[at]);
    }
    (void)fclose(out);
    (void)memory_free(lines);
    return text;
}
