#include "support/rollout_world.h"

#include "support/test.h"

#include "api/schema.h"
#include "core/text.h"

#include <stdio.h>
#include <string.h>

static void name_object(struct rollout_world *world, struct meta *meta, const char *name)
{
    meta->name = name;
    meta->namespace = "team";
    meta->uid = arena_print(&world->arena, "uid-%s", name);
    meta->resource_version = "7";
    meta->generation = 1;
    meta->creation_time = NOW;
    meta->deletion_time = TIME_ABSENT;
}

void rollout_add_version(struct rollout_world *world)
{
    size_t at = world->version_count++;
    struct model_version *version = &world->versions[at];
    schema_clear(schema_of(KIND_MODEL_VERSION), version);
    name_object(world, &version->meta, arena_print(&world->arena, "churn-%zu", at));
    version->meta.creation_time = NOW + (int64_t)at;
    version->spec.model = "churn";
    version->spec.artifact.uri = arena_print(&world->arena, "pvc://claim/run/train/%zu/model", at);
    version->spec.artifact.digest = arena_print(&world->arena, "sha256:%064zu",
                                                at); /* any digest: nothing is hashed here */
    version->status.observed_generation = -1;
}

struct rollout_world *rollout_world_new(void)
{
    struct rollout_world *world = test_calloc(1, sizeof(*world));
    world->now = NOW;
    schema_clear(schema_of(KIND_MODEL), &world->model);
    name_object(world, &world->model.meta, "churn");
    world->model.status.observed_generation = -1; /* the CRD's default */
    world->model.spec.serving.pod_template.text = ROLLOUT_TEMPLATE;
    world->model.spec.serving.port = 8080;
    world->model.spec.serving.replicas = 1;
    rollout_add_version(world);
    return world;
}

void rollout_world_free(struct rollout_world *world)
{
    arena_free(&world->arena);
    test_free(world);
}

void rollout_plan(struct rollout_world *world)
{
    static const struct plan_settings settings = {.helper_image = "tidemill/controller:1"};
    struct arena *arena = &world->arena;
    const struct model_version **versions = arena_allocate(arena, ROLLOUT_VERSIONS,
                                                           sizeof(*versions));
    const struct deployment **deployments = arena_allocate(arena, ROLLOUT_VERSIONS,
                                                           sizeof(*deployments));
    const struct pod **pods = arena_allocate(arena, ROLLOUT_VERSIONS, sizeof(*pods));
    const struct service **services = arena_allocate(arena, 1, sizeof(*services));
    struct model_view view = {
        .now = world->now,
        .settings = &settings,
        .namespace = "team",
        .name = "churn",
        .model = world->without_model ? NULL : &world->model,
        .versions = versions,
        .version_count = world->version_count,
        .deployments = deployments,
        .services = services,
        .service_count = world->has_service ? 1 : 0,
        .pods = pods,
        .facts = {.items = world->facts, .count = world->fact_count},
    };
    services[0] = &world->service;
    for (size_t at = 0; at < world->version_count; at++) {
        versions[at] = &world->versions[at];
        if (world->has_deployment[at]) {
            deployments[view.deployment_count++] = &world->deployments[at];
        }
        if (world->has_pod[at]) {
            pods[view.pod_count++] = &world->pods[at];
        }
    }
    plan_init(&world->plan, arena);
    plan_model(&view, &world->plan);
}

const struct operation *rollout_find(const struct rollout_world *world, enum operation_type type,
                                     enum api_kind kind, const char *name)
{
    for (size_t at = 0; at < world->plan.count; at++) {
        const struct operation *operation = &world->plan.operations[at];
        if (operation->type == type && operation->kind == kind &&
            text_equal(operation->name, name)) {
            return operation;
        }
    }
    return NULL;
}

size_t rollout_count_writes(const struct rollout_world *world)
{
    size_t writes = 0;
    for (size_t at = 0; at < world->plan.count; at++) {
        writes += world->plan.operations[at].type != OPERATION_EVENT;
    }
    return writes;
}

bool rollout_says(const struct operation *operation, const char *text)
{
    return operation && operation->body && strstr(operation->body, text) != NULL;
}

static void adopt_hash(struct rollout_world *world, struct meta *meta, const char *body)
{
    static const char marker[] = "\"tidemill.dev/spec-hash\":\"";
    const char *start = strstr(body, marker);
    assert_non_null(start);
    start += sizeof(marker) - 1;
    struct name_value *annotation = arena_new(&world->arena, struct name_value);
    annotation->name = ANNOTATION_SPEC_HASH;
    annotation->value = arena_copy_bytes(&world->arena, start,
                                         (size_t)(strchr(start, '"') - start));
    meta->annotations = (struct text_map){.items = annotation, .count = 1};
}

static void own(struct rollout_world *world, struct meta *meta, const struct meta *owner,
                const char *kind)
{
    struct owner_reference *reference = arena_new(&world->arena, struct owner_reference);
    *reference = (struct owner_reference){
        .kind = kind, .name = owner->name, .uid = owner->uid, .controller = true};
    meta->owners = reference;
    meta->owner_count = 1;
}

static size_t index_of(const struct rollout_world *world, const char *name)
{
    for (size_t at = 0; at < world->version_count; at++) {
        if (text_equal(world->versions[at].meta.name, name)) {
            return at;
        }
    }
    fail_msg("no version %s", name);
    return 0;
}

static void apply_deployment(struct rollout_world *world, const struct operation *operation)
{
    size_t at = index_of(world, operation->name);
    struct deployment *deployment = &world->deployments[at];
    if (!world->has_deployment[at]) {
        schema_clear(schema_of(KIND_DEPLOYMENT), deployment);
        name_object(world, &deployment->meta, operation->name);
        own(world, &deployment->meta, &world->versions[at].meta, "ModelVersion");
    }
    world->has_deployment[at] = true;
    deployment->spec.replicas = world->model.spec.serving.replicas;
    adopt_hash(world, &deployment->meta, operation->body);
}

static void apply_service(struct rollout_world *world, const struct operation *operation)
{
    static const char marker[] = "\"selector\":{\"tidemill.dev/version-uid\":\"";
    const char *start = strstr(operation->body, marker);
    assert_non_null(start);
    start += sizeof(marker) - 1;
    schema_clear(schema_of(KIND_SERVICE), &world->service);
    name_object(world, &world->service.meta, operation->name);
    own(world, &world->service.meta, &world->model.meta, "Model");
    adopt_hash(world, &world->service.meta, operation->body);
    struct name_value *selector = arena_new(&world->arena, struct name_value);
    selector->name = LABEL_VERSION_UID;
    selector->value = arena_copy_bytes(&world->arena, start, (size_t)(strchr(start, '"') - start));
    world->service.spec.selector = (struct text_map){.items = selector, .count = 1};
    world->has_service = true;
}

/* A status patch is a JSON Patch; what the next planning needs of it is taken from its text. */
static int64_t patched_integer(const struct operation *operation, const char *path)
{
    char marker[64];
    (void)snprintf(marker, sizeof(marker), "\"path\":\"%s\",\"value\":", path);
    const char *start = strstr(operation->body, marker);
    long long value = -1;
    if (start) {
        (void)sscanf(start + strlen(marker), "%lld", &value);
    }
    return value;
}

static const char *patched_text(struct rollout_world *world, const struct operation *operation,
                                const char *path)
{
    char marker[64];
    (void)snprintf(marker, sizeof(marker), "\"path\":\"%s\",\"value\":\"", path);
    const char *start = strstr(operation->body, marker);
    if (!start) {
        return NULL;
    }
    start += strlen(marker);
    return arena_copy_bytes(&world->arena, start, (size_t)(strchr(start, '"') - start));
}

static void patch_model(struct rollout_world *world, const struct operation *operation)
{
    struct model_status *status = &world->model.status;
    status->champion = text_or(patched_text(world, operation, "/status/champion"),
                               status->champion);
    const char *previous = patched_text(world, operation, "/status/previous");
    status->previous = previous ? previous : status->previous;
    int64_t last = patched_integer(operation, "/status/lastVersion");
    status->last_version = last >= 0 ? last : status->last_version;
    if (previous) {
        status->drain_until = world->now + DRAIN;
    }
    if (rollout_says(operation, "\"op\":\"remove\",\"path\":\"/status/previous\"")) {
        status->previous = NULL;
        status->drain_until = TIME_ABSENT;
    }
}

static void carry_out(struct rollout_world *world, const struct operation *operation)
{
    if (operation->type == OPERATION_APPLY && operation->kind == KIND_DEPLOYMENT) {
        apply_deployment(world, operation);
    } else if (operation->type == OPERATION_APPLY && operation->kind == KIND_SERVICE) {
        apply_service(world, operation);
    } else if (operation->type == OPERATION_DELETE && operation->kind == KIND_DEPLOYMENT) {
        world->has_deployment[index_of(world, operation->name)] = false;
    } else if (operation->type == OPERATION_PATCH_STATUS && operation->kind == KIND_MODEL) {
        patch_model(world, operation);
    } else if (operation->type == OPERATION_PATCH_STATUS) {
        struct model_version *version = &world->versions[index_of(world, operation->name)];
        int64_t number = patched_integer(operation, "/status/version");
        version->status.version = number >= 0 ? number : version->status.version;
    }
}

void rollout_step(struct rollout_world *world, size_t limit)
{
    rollout_plan(world);
    for (size_t at = 0; at < world->plan.count && at < limit; at++) {
        carry_out(world, &world->plan.operations[at]);
    }
}

void rollout_apply_deployments(struct rollout_world *world)
{
    rollout_plan(world);
    for (size_t at = 0; at < world->plan.count; at++) {
        const struct operation *operation = &world->plan.operations[at];
        if (operation->type == OPERATION_APPLY && operation->kind == KIND_DEPLOYMENT) {
            carry_out(world, operation);
        }
    }
}

void rollout_make_available(struct rollout_world *world, size_t at)
{
    struct deployment *deployment = &world->deployments[at];
    assert_true(world->has_deployment[at]);
    deployment->status.observed_generation = 1;
    deployment->status.replicas = deployment->spec.replicas;
    deployment->status.updated_replicas = deployment->spec.replicas;
    deployment->status.ready_replicas = deployment->spec.replicas;
    deployment->status.available_replicas = deployment->spec.replicas;
}

const char *rollout_selected(const struct rollout_world *world)
{
    return world->has_service ? text_map_get(&world->service.spec.selector, LABEL_VERSION_UID)
                              : NULL;
}

void rollout_end_copy(struct rollout_world *world, size_t at, int64_t exit_code,
                      const char *message)
{
    struct pod *pod = &world->pods[at];
    schema_clear(schema_of(KIND_POD), pod);
    name_object(world, &pod->meta, arena_print(&world->arena, "pod-%zu", at));
    struct name_value *label = arena_new(&world->arena, struct name_value);
    *label = (struct name_value){LABEL_VERSION_UID, world->versions[at].meta.uid};
    pod->meta.labels = (struct text_map){.items = label, .count = 1};
    pod->status.phase = "Pending";
    struct container_status *copy = &world->copies[at];
    *copy = (struct container_status){.name = "tidemill-copy"};
    copy->state.running.started_at = TIME_ABSENT;
    copy->state.terminated = (struct container_terminated){
        .exit_code = exit_code, .message = message, .finished_at = NOW};
    copy->last_state.running.started_at = TIME_ABSENT;
    copy->last_state.terminated.exit_code = INTEGER_ABSENT;
    pod->status.init_containers = copy;
    pod->status.init_container_count = 1;
    world->has_pod[at] = true;
}

struct rollout_world *rollout_world_serving(void)
{
    struct rollout_world *world = rollout_world_new();
    rollout_step(world, SIZE_MAX);
    rollout_make_available(world, 0);
    rollout_step(world, SIZE_MAX);
    assert_string_equal(rollout_selected(world), "uid-churn-0");
    return world;
}
