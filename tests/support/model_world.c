#include "support/test.h"

#include "support/model_world.h"

#include "api/codec.h"
#include "core/civil.h"
#include "core/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEMPLATE        "{s:{s:[{s:s, s:s}]}}"
#define TEMPLATE_VALUES "spec", "containers", "name", "server", "image", "example/serve:1"

enum { PATH_SIZE = 256, DIGEST_DIGITS = 64 };

void model_world_free(struct model_world *world)
{
    for (size_t at = 0; at < world->count; at++) {
        json_decref(world->objects[at].tree);
    }
    arena_free(&world->arena);
    *world = (struct model_world){0};
}

static size_t place_of(const struct model_world *world, enum api_kind kind, const char *name)
{
    size_t at = 0;
    while (at < world->count &&
           (world->objects[at].kind != kind ||
            !text_equal(json_string_value(json_object_get(
                            json_object_get(world->objects[at].tree, "metadata"), "name")),
                        name))) {
        at++;
    }
    return at;
}

json_t *model_world_find(const struct model_world *world, enum api_kind kind, const char *name)
{
    size_t at = place_of(world, kind, name);
    return at < world->count ? world->objects[at].tree : NULL;
}

void model_world_remove(struct model_world *world, enum api_kind kind, const char *name)
{
    size_t at = place_of(world, kind, name);
    assert_true(at < world->count);
    json_decref(world->objects[at].tree);
    world->objects[at] = world->objects[--world->count];
}

static void touch(struct model_world *world, json_t *tree)
{
    char version[32];
    (void)snprintf(version, sizeof(version), "%lld", (long long)++world->resource_version);
    json_object_set_new(json_object_get(tree, "metadata"), "resourceVersion", json_string(version));
}

/* `tree` is taken. */
static json_t *store(struct model_world *world, enum api_kind kind, json_t *tree)
{
    assert_non_null(tree);
    assert_true(world->count < MODEL_WORLD_OBJECTS);
    json_t *meta = json_object_get(tree, "metadata");
    char time[CIVIL_TEXT_SIZE];
    char uid[PATH_SIZE];
    civil_format(world->now, time);
    (void)snprintf(uid, sizeof(uid), "uid-%s", json_string_value(json_object_get(meta, "name")));
    json_object_set_new(meta, "namespace", json_string("team"));
    json_object_set_new(meta, "uid", json_string(uid));
    json_object_set_new(meta, "creationTimestamp", json_string(time));
    json_object_set_new(meta, "generation", json_integer(1));
    touch(world, tree);
    world->objects[world->count++] = (struct model_world_object){kind, tree};
    return tree;
}

void model_world_add_model(struct model_world *world)
{
    store(world, KIND_MODEL,
          json_pack("{s:{s:s}, s:{s:{s:" TEMPLATE ", s:i, s:i}}, s:{s:i}}", "metadata", "name",
                    MODEL_NAME, "spec", "serving", "podTemplate", TEMPLATE_VALUES, "port", 8080,
                    "replicas", 1, "status", "observedGeneration", -1));
}

void model_world_add_version(struct model_world *world, int number, bool serving)
{
    char name[PATH_SIZE];
    char uri[PATH_SIZE];
    char digest[PATH_SIZE];
    (void)snprintf(name, sizeof(name), MODEL_NAME "-%d", number);
    (void)snprintf(uri, sizeof(uri), "pvc://claim/run-%d/train/model", number);
    (void)snprintf(digest, sizeof(digest), "sha256:%0*d", DIGEST_DIGITS, number);
    json_t *version = json_pack("{s:{s:s}, s:{s:s, s:{s:s, s:s}}, s:{s:i}}", "metadata", "name",
                                name, "spec", "model", MODEL_NAME, "artifact", "uri", uri, "digest",
                                digest, "status", "observedGeneration", -1);
    if (serving) {
        json_object_set_new(json_object_get(version, "spec"), "serving",
                            json_pack("{s:" TEMPLATE ", s:i, s:i}", "podTemplate", TEMPLATE_VALUES,
                                      "port", 8080, "replicas", 1));
    }
    store(world, KIND_MODEL_VERSION, version);
}

/* The value at "a/b/c", or NULL. */
static json_t *value_at(json_t *tree, const char *path)
{
    char copy[PATH_SIZE];
    char *rest = NULL;
    (void)snprintf(copy, sizeof(copy), "%s", path);
    for (char *name = strtok_r(copy, "/", &rest); name; name = strtok_r(NULL, "/", &rest)) {
        tree = json_is_array(tree) ? json_array_get(tree, strtoul(name, NULL, 10))
                                   : json_object_get(tree, name);
    }
    return tree;
}

const char *model_world_text(const struct model_world *world, enum api_kind kind, const char *name,
                             const char *path)
{
    return text_or(json_string_value(value_at(model_world_find(world, kind, name), path)), "");
}

const char *model_world_selected(const struct model_world *world)
{
    const json_t *selector = value_at(model_world_find(world, KIND_SERVICE, MODEL_NAME),
                                      "spec/selector");
    const char *uid = json_string_value(json_object_get(selector, LABEL_VERSION_UID));
    return uid ? uid + strlen("uid-") : "";
}

static size_t collect(struct model_world *world, enum api_kind kind, const void **list)
{
    size_t count = 0;
    for (size_t at = 0; at < world->count; at++) {
        if (world->objects[at].kind != kind) {
            continue;
        }
        struct object *object = NULL;
        struct error error = {0};
        char *text = json_dumps(world->objects[at].tree, 0);
        if (!result_is_ok(codec_decode(&world->arena, kind, text, strlen(text), &object, &error))) {
            fail_msg("%s: %s", error.message, text);
        }
        free(text);
        list[count++] = object;
    }
    return count;
}

size_t model_world_plan(struct model_world *world)
{
    static const struct plan_settings settings = {.helper_image = "tidemill/controller:1"};
    const void *lists[KIND_COUNT][MODEL_WORLD_OBJECTS];
    arena_reset(&world->arena);
    const struct model_view view = {
        .now = world->now,
        .settings = &settings,
        .namespace = "team",
        .name = MODEL_NAME,
        .model = collect(world, KIND_MODEL, lists[KIND_MODEL]) > 0 ? lists[KIND_MODEL][0] : NULL,
        .version_count = collect(world, KIND_MODEL_VERSION, lists[KIND_MODEL_VERSION]),
        .versions = (const struct model_version *const *)lists[KIND_MODEL_VERSION],
        .deployment_count = collect(world, KIND_DEPLOYMENT, lists[KIND_DEPLOYMENT]),
        .deployments = (const struct deployment *const *)lists[KIND_DEPLOYMENT],
        .service_count = collect(world, KIND_SERVICE, lists[KIND_SERVICE]),
        .services = (const struct service *const *)lists[KIND_SERVICE],
        .pod_count = collect(world, KIND_POD, lists[KIND_POD]),
        .pods = (const struct pod *const *)lists[KIND_POD],
        .facts = {.items = &world->fact, .count = world->fact.name ? 1 : 0},
    };
    plan_init(&world->plan, &world->arena);
    plan_model(&view, &world->plan);
    size_t writes = 0;
    for (size_t at = 0; at < world->plan.count; at++) {
        writes += world->plan.operations[at].type != OPERATION_EVENT;
    }
    return writes;
}

/* One operation of a JSON Patch (RFC 6902) that our encoder makes. */
static void patch_one(json_t *tree, const json_t *operation)
{
    const char *type = json_string_value(json_object_get(operation, "op"));
    const char *path = json_string_value(json_object_get(operation, "path"));
    json_t *value = json_object_get(operation, "value");
    if (text_equal(path, "/metadata/resourceVersion")) {
        assert_string_equal(json_string_value(value),
                            json_string_value(value_at(tree, "metadata/resourceVersion")));
        return;
    }
    char parent_path[PATH_SIZE];
    (void)snprintf(parent_path, sizeof(parent_path), "%s", path);
    char *name = strrchr(parent_path, '/');
    *name++ = '\0';
    json_t *parent = value_at(tree, parent_path);
    size_t index = strtoul(name, NULL, 10);
    bool removes = text_equal(type, "remove");
    int failed = 0;
    if (json_is_object(parent)) {
        failed = removes ? json_object_del(parent, name) : json_object_set(parent, name, value);
    } else if (removes) {
        failed = json_array_remove(parent, index);
    } else if (text_equal(name, "-")) {
        failed = json_array_append(parent, value);
    } else {
        failed = text_equal(type, "add") ? json_array_insert(parent, index, value)
                                         : json_array_set(parent, index, value);
    }
    assert_int_equal(failed, 0);
}

static void patch_status(struct model_world *world, const struct operation *operation)
{
    json_t *tree = model_world_find(world, operation->kind, operation->name);
    json_t *patch = json_loads(operation->body, 0, NULL);
    size_t at;
    json_t *one;
    assert_non_null(tree);
    json_array_foreach(patch, at, one)
    {
        patch_one(tree, one);
    }
    json_decref(patch);
    touch(world, tree);
}

/* Server-side apply, as far as one field manager sees it. */
static void apply(struct model_world *world, const struct operation *operation)
{
    json_t *body = json_loads(operation->body, 0, NULL);
    json_t *there = model_world_find(world, operation->kind, operation->name);
    if (!there) {
        store(world, operation->kind, body);
        return;
    }
    json_t *meta = json_object_get(there, "metadata");
    if (!json_equal(json_object_get(there, "spec"), json_object_get(body, "spec"))) {
        int64_t generation = json_integer_value(json_object_get(meta, "generation"));
        json_object_set_new(meta, "generation", json_integer(generation + 1));
    }
    json_object_set(there, "spec", json_object_get(body, "spec"));
    json_object_update(meta, json_object_get(body, "metadata"));
    json_decref(body);
    touch(world, there);
}

static const char *pod_name(const char *version, char name[PATH_SIZE])
{
    (void)snprintf(name, PATH_SIZE, "%s-pod", version);
    return name;
}

void model_world_carry_out(struct model_world *world, const struct operation *operation)
{
    char pod[PATH_SIZE];
    switch (operation->type) {
    case OPERATION_APPLY:
        apply(world, operation);
        break;
    case OPERATION_PATCH_STATUS:
        patch_status(world, operation);
        break;
    case OPERATION_DELETE:
        model_world_remove(world, operation->kind, operation->name);
        if (operation->kind == KIND_DEPLOYMENT &&
            model_world_find(world, KIND_POD, pod_name(operation->name, pod))) {
            model_world_remove(world, KIND_POD, pod);
        }
        break;
    default:
        assert_int_equal(operation->type, OPERATION_EVENT);
    }
}

size_t model_world_step(struct model_world *world, size_t limit)
{
    size_t writes = model_world_plan(world);
    for (size_t at = 0; at < world->plan.count && at < limit; at++) {
        model_world_carry_out(world, &world->plan.operations[at]);
    }
    return writes;
}

/* A pod whose copying container ended so. */
static void put_pod(struct model_world *world, const char *version, int exit_code,
                    const char *message, bool ready)
{
    char name[PATH_SIZE];
    char uid[PATH_SIZE];
    (void)snprintf(uid, sizeof(uid), "uid-%s", version);
    if (model_world_find(world, KIND_POD, pod_name(version, name))) {
        model_world_remove(world, KIND_POD, name);
    }
    store(world, KIND_POD,
          json_pack("{s:{s:s, s:{s:s}}, s:{s:s, s:[{s:s, s:s}], s:[{s:s, s:{s:{s:i, s:s}}}]}}",
                    "metadata", "name", name, "labels", LABEL_VERSION_UID, uid, "status", "phase",
                    ready ? "Running" : "Pending", "conditions", "type", "Ready", "status",
                    ready ? "True" : "False", "initContainerStatuses", "name", "tidemill-copy",
                    "state", "terminated", "exitCode", exit_code, "message", message));
}

void model_world_bring_up(struct model_world *world, const char *version)
{
    json_t *deployment = model_world_find(world, KIND_DEPLOYMENT, version);
    assert_non_null(deployment);
    json_t *replicas = value_at(deployment, "spec/replicas");
    json_object_set_new(deployment, "status",
                        json_pack("{s:O, s:O, s:O, s:O, s:O, s:[{s:s, s:s}, {s:s, s:s, s:s}]}",
                                  "observedGeneration", value_at(deployment, "metadata/generation"),
                                  "replicas", replicas, "updatedReplicas", replicas,
                                  "readyReplicas", replicas, "availableReplicas", replicas,
                                  "conditions", "type", "Available", "status", "True", "type",
                                  "Progressing", "status", "True", "reason",
                                  "NewReplicaSetAvailable"));
    touch(world, deployment);
    put_pod(world, version, 0, "{\"digest\":\"sha256:00\"}", true);
}

void model_world_fail_copy(struct model_world *world, const char *version, const char *reason)
{
    char message[PATH_SIZE];
    (void)snprintf(message, sizeof(message), "{\"reason\":\"%s\",\"message\":\"the copy failed\"}",
                   reason);
    put_pod(world, version, 1, message, false);
}

bool model_world_is_up(const struct model_world *world, const char *version)
{
    json_t *deployment = model_world_find(world, KIND_DEPLOYMENT, version);
    return deployment && json_equal(value_at(deployment, "status/observedGeneration"),
                                    value_at(deployment, "metadata/generation"));
}
