#include "support/test.h"

#include "api/schema.h"
#include "core/text.h"
#include "plan/conditions.h"
#include "plan/reasons.h"
#include "plan/view.h"

#include <stdio.h>
#include <string.h>

/*
 * The life of a model name in a small world: versions, their Deployments and the stable Service.
 * A world is planned, what the plan wants is carried out by hand, and it is planned again.
 */

/* The second that has begun, and 30 more. */
enum { VERSIONS = 4, NOW = 1795435200, DRAIN = 31 };

struct world {
    struct arena arena;
    struct model model;
    struct model_version versions[VERSIONS];
    struct deployment deployments[VERSIONS];
    bool has_deployment[VERSIONS];
    struct service service;
    bool has_service;
    struct pod pods[VERSIONS];
    struct container_status copies[VERSIONS];
    bool has_pod[VERSIONS];
    size_t version_count;
    int64_t now;
    struct fact facts[VERSIONS];
    size_t fact_count;
    bool without_model;
    struct plan plan;
};

static const char template_text[] =
    "{\"spec\":{\"containers\":[{\"name\":\"server\",\"image\":\"example/serve:1\"}]}}";

static void name_object(struct world *world, struct meta *meta, const char *name)
{
    meta->name = name;
    meta->namespace = "team";
    meta->uid = arena_print(&world->arena, "uid-%s", name);
    meta->resource_version = "7";
    meta->generation = 1;
    meta->creation_time = NOW;
    meta->deletion_time = TIME_ABSENT;
}

static void add_version(struct world *world)
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

static struct world *new_world(void)
{
    struct world *world = test_calloc(1, sizeof(*world));
    world->now = NOW;
    schema_clear(schema_of(KIND_MODEL), &world->model);
    name_object(world, &world->model.meta, "churn");
    world->model.status.observed_generation = -1; /* the CRD's default */
    world->model.spec.serving.pod_template.text = template_text;
    world->model.spec.serving.port = 8080;
    world->model.spec.serving.replicas = 1;
    add_version(world);
    return world;
}

static void free_world(struct world *world)
{
    arena_free(&world->arena);
    test_free(world);
}

static void plan_world(struct world *world)
{
    static const struct plan_settings settings = {.helper_image = "tidemill/controller:1"};
    struct arena *arena = &world->arena;
    const struct model_version **versions = arena_allocate(arena, VERSIONS, sizeof(*versions));
    const struct deployment **deployments = arena_allocate(arena, VERSIONS, sizeof(*deployments));
    const struct pod **pods = arena_allocate(arena, VERSIONS, sizeof(*pods));
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

static const struct operation *find_operation(const struct world *world, enum operation_type type,
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

static size_t count_writes(const struct world *world)
{
    size_t writes = 0;
    for (size_t at = 0; at < world->plan.count; at++) {
        writes += world->plan.operations[at].type != OPERATION_EVENT;
    }
    return writes;
}

/* The value of a JSON Patch or body member, as far as a test needs it. */
static bool says(const struct operation *operation, const char *text)
{
    return operation && operation->body && strstr(operation->body, text) != NULL;
}

static void adopt_hash(struct world *world, struct meta *meta, const char *body)
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

static void own(struct world *world, struct meta *meta, const struct meta *owner, const char *kind)
{
    struct owner_reference *reference = arena_new(&world->arena, struct owner_reference);
    *reference = (struct owner_reference){
        .kind = kind, .name = owner->name, .uid = owner->uid, .controller = true};
    meta->owners = reference;
    meta->owner_count = 1;
}

static size_t index_of(const struct world *world, const char *name)
{
    for (size_t at = 0; at < world->version_count; at++) {
        if (text_equal(world->versions[at].meta.name, name)) {
            return at;
        }
    }
    fail_msg("no version %s", name);
    return 0;
}

static void apply_deployment(struct world *world, const struct operation *operation)
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

static void apply_service(struct world *world, const struct operation *operation)
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

static const char *patched_text(struct world *world, const struct operation *operation,
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

static void patch_model(struct world *world, const struct operation *operation)
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
    if (says(operation, "\"op\":\"remove\",\"path\":\"/status/previous\"")) {
        status->previous = NULL;
        status->drain_until = TIME_ABSENT;
    }
}

static void carry_out(struct world *world, const struct operation *operation)
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

/* Plans and carries out the first `limit` operations. */
static void step(struct world *world, size_t limit)
{
    plan_world(world);
    for (size_t at = 0; at < world->plan.count && at < limit; at++) {
        carry_out(world, &world->plan.operations[at]);
    }
}

/* Plans and carries out what makes Deployments, and nothing else. */
static void apply_deployments(struct world *world)
{
    plan_world(world);
    for (size_t at = 0; at < world->plan.count; at++) {
        const struct operation *operation = &world->plan.operations[at];
        if (operation->type == OPERATION_APPLY && operation->kind == KIND_DEPLOYMENT) {
            carry_out(world, operation);
        }
    }
}

static void make_available(struct world *world, size_t at)
{
    struct deployment *deployment = &world->deployments[at];
    assert_true(world->has_deployment[at]);
    deployment->status.observed_generation = 1;
    deployment->status.replicas = deployment->spec.replicas;
    deployment->status.updated_replicas = deployment->spec.replicas;
    deployment->status.ready_replicas = deployment->spec.replicas;
    deployment->status.available_replicas = deployment->spec.replicas;
}

static const char *selected(const struct world *world)
{
    return world->has_service ? text_map_get(&world->service.spec.selector, LABEL_VERSION_UID)
                              : NULL;
}

/* A pod of the version whose copying container ended like this. */
static void end_copy(struct world *world, size_t at, int64_t exit_code, const char *message)
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

/* One version serves. */
static struct world *serving_world(void)
{
    struct world *world = new_world();
    step(world, SIZE_MAX);
    make_available(world, 0);
    step(world, SIZE_MAX);
    assert_string_equal(selected(world), "uid-churn-0");
    return world;
}

static void the_first_version_is_numbered_and_brought_up_before_it_gets_the_service(void **state)
{
    (void)state;
    struct world *world = new_world();
    plan_world(world);
    assert_true(says(find_operation(world, OPERATION_PATCH_STATUS, KIND_MODEL_VERSION, "churn-0"),
                     "\"path\":\"/status/version\",\"value\":1"));
    const struct operation *apply = find_operation(world, OPERATION_APPLY, KIND_DEPLOYMENT,
                                                   "churn-0");
    assert_non_null(apply);
    assert_string_equal(apply->owner_uid, "uid-churn-0");
    assert_null(find_operation(world, OPERATION_APPLY, KIND_SERVICE, "churn"));
    step(world, SIZE_MAX);
    make_available(world, 0);
    plan_world(world);
    assert_true(says(find_operation(world, OPERATION_APPLY, KIND_SERVICE, "churn"), "uid-churn-0"));
    assert_true(says(find_operation(world, OPERATION_PATCH_STATUS, KIND_MODEL, "churn"),
                     "\"path\":\"/status/champion\",\"value\":\"churn-0\""));
    free_world(world);
}

static void a_new_version_takes_over_only_when_all_its_pods_are_available(void **state)
{
    (void)state;
    struct world *world = serving_world();
    world->model.spec.serving.replicas = 2;
    step(world, SIZE_MAX);
    make_available(world, 0);
    add_version(world);
    step(world, SIZE_MAX);
    assert_true(world->has_deployment[0] && world->has_deployment[1]);
    make_available(world, 1);
    world->deployments[1].status.available_replicas = 1;
    step(world, SIZE_MAX);
    assert_string_equal(selected(world), "uid-churn-0");
    make_available(world, 1);
    step(world, SIZE_MAX);
    assert_string_equal(selected(world), "uid-churn-1");
    assert_true(world->has_deployment[0]);
    free_world(world);
}

static void the_old_version_s_pods_stay_until_requests_under_way_have_ended(void **state)
{
    (void)state;
    struct world *world = serving_world();
    add_version(world);
    step(world, SIZE_MAX);
    make_available(world, 1);
    step(world, SIZE_MAX);
    assert_true(world->plan.wake_at == NOW + DRAIN);
    world->now = NOW + DRAIN - 1;
    step(world, SIZE_MAX);
    assert_true(world->has_deployment[0]);
    world->now = NOW + DRAIN;
    step(world, SIZE_MAX);
    assert_false(world->has_deployment[0]);
    assert_string_equal(selected(world), "uid-churn-1");
    free_world(world);
}

static void a_crash_after_the_service_was_switched_still_drains_the_old_version(void **state)
{
    (void)state;
    struct world *world = serving_world();
    add_version(world);
    step(world, SIZE_MAX);
    make_available(world, 1);
    step(world, 1); /* the Service alone */
    assert_string_equal(selected(world), "uid-churn-1");
    assert_string_equal(world->model.status.champion, "churn-0");
    step(world, SIZE_MAX);
    assert_true(world->has_deployment[0]);
    assert_string_equal(world->model.status.champion, "churn-1");
    assert_string_equal(world->model.status.previous, "churn-0");
    world->now = NOW + DRAIN;
    step(world, SIZE_MAX);
    assert_false(world->has_deployment[0]);
    free_world(world);
}

/* Whole seconds are cut: a switch late in its second has its 30 s all the same. */
static void the_time_to_drain_is_30_s_also_of_a_switch_at_the_end_of_a_second(void **state)
{
    (void)state;
    struct world *world = serving_world();
    add_version(world);
    step(world, SIZE_MAX);
    make_available(world, 1);
    step(world, SIZE_MAX); /* at NOW + 0.999 s */
    assert_string_equal(selected(world), "uid-churn-1");
    world->now = NOW + 30; /* 29.001 s later */
    step(world, SIZE_MAX);
    assert_true(world->has_deployment[0]);
    world->now = NOW + 31;
    step(world, SIZE_MAX);
    assert_false(world->has_deployment[0]);
    free_world(world);
}

static void a_switch_that_was_not_written_down_is_told_before_the_next_one_is_made(void **state)
{
    (void)state;
    struct world *world = serving_world();
    add_version(world);
    step(world, SIZE_MAX);
    make_available(world, 1);
    step(world, 1); /* the Service alone */
    add_version(world);
    apply_deployments(world); /* and no status can be written */
    make_available(world, 2);
    assert_string_equal(world->model.status.champion, "churn-0");
    step(world, SIZE_MAX);
    assert_string_equal(selected(world), "uid-churn-1");
    assert_string_equal(world->model.status.champion, "churn-1");
    assert_string_equal(world->model.status.previous, "churn-0");
    assert_true(world->has_deployment[0]);
    world->now = NOW + DRAIN;
    step(world, SIZE_MAX);
    assert_false(world->has_deployment[0]);
    assert_string_equal(selected(world), "uid-churn-2");
    assert_string_equal(world->model.status.previous, "churn-1");
    assert_true(world->has_deployment[1]);
    free_world(world);
}

static void an_overtaken_candidate_is_removed_and_the_newest_wins(void **state)
{
    (void)state;
    struct world *world = serving_world();
    add_version(world);
    step(world, SIZE_MAX);
    add_version(world);
    step(world, SIZE_MAX);
    assert_false(world->has_deployment[1]);
    make_available(world, 2);
    step(world, SIZE_MAX);
    assert_string_equal(selected(world), "uid-churn-2");
    free_world(world);
}

static void a_pinned_version_comes_back_by_the_same_way(void **state)
{
    (void)state;
    struct world *world = serving_world();
    add_version(world);
    step(world, SIZE_MAX);
    make_available(world, 1);
    step(world, SIZE_MAX);
    world->now = NOW + DRAIN;
    step(world, SIZE_MAX);
    world->model.spec.pinned_version = "churn-0";
    step(world, SIZE_MAX);
    assert_true(world->has_deployment[0] && world->has_deployment[1]);
    world->deployments[0].status.available_replicas = 0;
    step(world, SIZE_MAX);
    assert_string_equal(selected(world), "uid-churn-1");
    make_available(world, 0);
    step(world, SIZE_MAX);
    assert_string_equal(selected(world), "uid-churn-0");
    free_world(world);
}

/* Wanted back, not ready, and not wanted after all: it drains to the end all the same. */
static void a_version_that_drains_keeps_its_time_while_it_is_a_candidate(void **state)
{
    (void)state;
    struct world *world = serving_world();
    add_version(world);
    step(world, SIZE_MAX);
    make_available(world, 1);
    step(world, SIZE_MAX);
    world->deployments[0].status.available_replicas = 0;
    world->model.spec.pinned_version = "churn-0";
    step(world, SIZE_MAX);
    assert_string_equal(selected(world), "uid-churn-1");
    world->model.spec.pinned_version = NULL;
    world->now = NOW + DRAIN - 1;
    step(world, SIZE_MAX);
    assert_true(world->has_deployment[0]);
    world->now = NOW + DRAIN;
    step(world, SIZE_MAX);
    assert_false(world->has_deployment[0]);
    free_world(world);

    /* The same after a switch that was not written down. */
    world = serving_world();
    add_version(world);
    step(world, SIZE_MAX);
    make_available(world, 1);
    step(world, 1); /* the Service alone */
    world->deployments[0].status.available_replicas = 0;
    world->model.spec.pinned_version = "churn-0";
    step(world, SIZE_MAX);
    assert_string_equal(world->model.status.champion, "churn-1");
    world->model.spec.pinned_version = NULL;
    world->now = NOW + DRAIN - 1;
    step(world, SIZE_MAX);
    assert_true(world->has_deployment[0]);
    world->now = NOW + DRAIN;
    step(world, SIZE_MAX);
    assert_false(world->has_deployment[0]);
    free_world(world);
}

static void a_pin_that_names_nothing_leaves_the_champion_and_says_so(void **state)
{
    (void)state;
    struct world *world = serving_world();
    world->model.spec.pinned_version = "churn-x";
    plan_world(world);
    const struct operation *status = find_operation(world, OPERATION_PATCH_STATUS, KIND_MODEL,
                                                    "churn");
    assert_true(says(status, REASON_PIN_NOT_FOUND));
    assert_null(find_operation(world, OPERATION_DELETE, KIND_DEPLOYMENT, "churn-0"));
    free_world(world);
}

static void a_version_whose_files_differ_never_serves_and_the_champion_stays(void **state)
{
    (void)state;
    struct world *world = serving_world();
    add_version(world);
    step(world, SIZE_MAX);
    end_copy(world, 1, 1,
             "{\"reason\":\"DigestMismatch\",\"message\":\"the files are not those published\"}");
    plan_world(world);
    const struct operation *status = find_operation(world, OPERATION_PATCH_STATUS,
                                                    KIND_MODEL_VERSION, "churn-1");
    assert_true(says(status, "\"value\":\"Failed\""));
    assert_true(says(status, "the files are not those published"));
    assert_non_null(find_operation(world, OPERATION_DELETE, KIND_DEPLOYMENT, "churn-1"));
    assert_non_null(find_operation(world, OPERATION_EVENT, KIND_MODEL_VERSION, "churn-1"));
    assert_null(find_operation(world, OPERATION_DELETE, KIND_DEPLOYMENT, "churn-0"));
    assert_string_equal(selected(world), "uid-churn-0");
    const struct operation *model = find_operation(world, OPERATION_PATCH_STATUS, KIND_MODEL,
                                                   "churn");
    assert_true(says(model, "version 2 (churn-1) can't serve: the files are not those published"));
    assert_true(says(model, "version 1 (churn-0) serves on until a newer one can"));
    assert_true(says(model, REASON_DIGEST_MISMATCH));
    assert_false(says(model, CONDITION_STALLED));
    free_world(world);
}

/* It came up all the same, as when its pods were checked after they answered. */
static void a_version_whose_files_differ_does_not_take_over_although_it_answers(void **state)
{
    (void)state;
    struct world *world = serving_world();
    add_version(world);
    step(world, SIZE_MAX);
    make_available(world, 1);
    end_copy(world, 1, 1, "{\"reason\":\"DigestMismatch\",\"message\":\"other files\"}");
    step(world, SIZE_MAX);
    assert_string_equal(selected(world), "uid-churn-0");
    free_world(world);
}

static void a_status_of_an_older_deployment_lets_nobody_take_over(void **state)
{
    (void)state;
    struct world *world = serving_world();
    add_version(world);
    step(world, SIZE_MAX);
    make_available(world, 1);
    world->deployments[1].meta.generation = 2;
    step(world, SIZE_MAX);
    assert_string_equal(selected(world), "uid-churn-0");
    world->deployments[1].status.observed_generation = 2;
    step(world, SIZE_MAX);
    assert_string_equal(selected(world), "uid-churn-1");
    free_world(world);
}

static void a_champion_that_turns_out_unusable_stays_until_people_decide(void **state)
{
    (void)state;
    struct world *world = serving_world();
    add_version(world);
    step(world, SIZE_MAX);
    make_available(world, 1);
    step(world, SIZE_MAX);
    world->now += DRAIN;
    step(world, SIZE_MAX);
    assert_string_equal(selected(world), "uid-churn-1");
    end_copy(world, 1, 1, "{\"reason\":\"DigestMismatch\",\"message\":\"other files\"}");
    plan_world(world);
    assert_null(find_operation(world, OPERATION_APPLY, KIND_DEPLOYMENT, "churn-0"));
    assert_null(find_operation(world, OPERATION_DELETE, KIND_DEPLOYMENT, "churn-1"));
    free_world(world);
}

static void files_that_can_t_be_read_yet_are_waited_for(void **state)
{
    (void)state;
    struct world *world = new_world();
    step(world, SIZE_MAX);
    end_copy(world, 0, 1, "{\"reason\":\"InputMissing\",\"message\":\"there is no run/train\"}");
    plan_world(world);
    assert_true(says(find_operation(world, OPERATION_PATCH_STATUS, KIND_MODEL_VERSION, "churn-0"),
                     REASON_ARTIFACT_UNUSABLE));
    assert_null(find_operation(world, OPERATION_DELETE, KIND_DEPLOYMENT, "churn-0"));
    free_world(world);
}

static void a_name_that_is_taken_is_told_and_tried_again_apart_from_the_status(void **state)
{
    (void)state;
    struct world *world = new_world();
    step(world, SIZE_MAX);
    make_available(world, 0);
    world->facts[world->fact_count++] = (struct fact){
        .type = OPERATION_APPLY,
        .kind = KIND_SERVICE,
        .name = "churn",
        .error = ERROR_EXISTS,
        .message = "Service \"churn\" exists and is not Tidemill's",
        .time = NOW};
    plan_world(world);
    const struct operation *status = find_operation(world, OPERATION_PATCH_STATUS, KIND_MODEL,
                                                    "churn");
    const struct operation *apply = find_operation(world, OPERATION_APPLY, KIND_SERVICE, "churn");
    assert_true(says(status, REASON_NAME_TAKEN));
    assert_non_null(apply);
    assert_int_not_equal(apply->group, status->group);
    assert_false(says(status, "\"/status/champion\""));
    free_world(world);
}

static void without_a_model_a_version_that_says_how_serves_on_its_own(void **state)
{
    (void)state;
    struct world *world = new_world();
    world->without_model = true;
    world->versions[0].spec.serving.pod_template.text = template_text;
    world->versions[0].spec.serving.port = 8080;
    world->versions[0].spec.serving.replicas = 1;
    add_version(world);
    plan_world(world);
    assert_non_null(find_operation(world, OPERATION_APPLY, KIND_DEPLOYMENT, "churn-0"));
    assert_non_null(find_operation(world, OPERATION_APPLY, KIND_SERVICE, "churn-0"));
    assert_null(find_operation(world, OPERATION_APPLY, KIND_DEPLOYMENT, "churn-1"));
    assert_true(says(find_operation(world, OPERATION_PATCH_STATUS, KIND_MODEL_VERSION, "churn-1"),
                     REASON_NO_SERVING));
    free_world(world);
}

static void a_number_is_never_given_twice(void **state)
{
    (void)state;
    struct world *world = new_world();
    world->model.status.last_version = 41;
    plan_world(world);
    assert_true(says(find_operation(world, OPERATION_PATCH_STATUS, KIND_MODEL_VERSION, "churn-0"),
                     "\"path\":\"/status/version\",\"value\":42"));
    assert_true(says(find_operation(world, OPERATION_PATCH_STATUS, KIND_MODEL, "churn"),
                     "\"path\":\"/status/lastVersion\",\"value\":42"));
    free_world(world);
}

static void nothing_that_others_own_is_applied_again_when_nothing_changed(void **state)
{
    (void)state;
    struct world *world = serving_world();
    plan_world(world);
    assert_null(find_operation(world, OPERATION_APPLY, KIND_DEPLOYMENT, "churn-0"));
    assert_null(find_operation(world, OPERATION_APPLY, KIND_SERVICE, "churn"));
    assert_null(find_operation(world, OPERATION_DELETE, KIND_DEPLOYMENT, "churn-0"));
    world->model.spec.serving.replicas = 3;
    plan_world(world);
    assert_non_null(find_operation(world, OPERATION_APPLY, KIND_DEPLOYMENT, "churn-0"));
    free_world(world);
}

static void a_deployment_that_somebody_scaled_is_set_back(void **state)
{
    (void)state;
    struct world *world = serving_world();
    world->deployments[0].spec.replicas = 0;
    plan_world(world);
    assert_non_null(find_operation(world, OPERATION_APPLY, KIND_DEPLOYMENT, "churn-0"));
    free_world(world);
}

static void a_model_that_is_being_deleted_is_left_alone(void **state)
{
    (void)state;
    struct world *world = serving_world();
    world->model.meta.deletion_time = NOW;
    plan_world(world);
    assert_int_equal(count_writes(world), 0);
    free_world(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_version_is_numbered_and_brought_up_before_it_gets_the_service),
        cmocka_unit_test(a_new_version_takes_over_only_when_all_its_pods_are_available),
        cmocka_unit_test(the_old_version_s_pods_stay_until_requests_under_way_have_ended),
        cmocka_unit_test(a_crash_after_the_service_was_switched_still_drains_the_old_version),
        cmocka_unit_test(the_time_to_drain_is_30_s_also_of_a_switch_at_the_end_of_a_second),
        cmocka_unit_test(a_switch_that_was_not_written_down_is_told_before_the_next_one_is_made),
        cmocka_unit_test(an_overtaken_candidate_is_removed_and_the_newest_wins),
        cmocka_unit_test(a_pinned_version_comes_back_by_the_same_way),
        cmocka_unit_test(a_version_that_drains_keeps_its_time_while_it_is_a_candidate),
        cmocka_unit_test(a_pin_that_names_nothing_leaves_the_champion_and_says_so),
        cmocka_unit_test(a_version_whose_files_differ_never_serves_and_the_champion_stays),
        cmocka_unit_test(a_version_whose_files_differ_does_not_take_over_although_it_answers),
        cmocka_unit_test(a_status_of_an_older_deployment_lets_nobody_take_over),
        cmocka_unit_test(a_champion_that_turns_out_unusable_stays_until_people_decide),
        cmocka_unit_test(files_that_can_t_be_read_yet_are_waited_for),
        cmocka_unit_test(a_name_that_is_taken_is_told_and_tried_again_apart_from_the_status),
        cmocka_unit_test(without_a_model_a_version_that_says_how_serves_on_its_own),
        cmocka_unit_test(a_number_is_never_given_twice),
        cmocka_unit_test(nothing_that_others_own_is_applied_again_when_nothing_changed),
        cmocka_unit_test(a_deployment_that_somebody_scaled_is_set_back),
        cmocka_unit_test(a_model_that_is_being_deleted_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
