/*
 * Any pair of pod templates that no rule refuses can be laid under a step and a server, and ours
 * stays on top. Input: pod defaults, a NUL, the step's template.
 */

#include "fuzz/fuzz.h"

#include "api/codec.h"
#include "api/pipeline.h"
#include "api/render.h"

#include <jansson.h>

static struct name_value variables[] = {{"PARAM_SEED", "$7"}, {"RESULT_A_B", ""}};
static struct name_value own_env[] = {{"OWN", "1"}};
static struct artifact_spec artifacts[] = {{"model"}};
static const char *command[] = {"python", "train.py"};
static const struct render_input inputs[] = {{"table", "run/ingest/table", "sha256:1"},
                                             {"other", "run/other", NULL}};

static const struct render_owner owner = {.kind = KIND_PIPELINE_RUN, .name = "run", .uid = "5f1c"};

static const json_t *item_named(const json_t *list, const char *name)
{
    size_t at;
    json_t *item;
    json_array_foreach(list, at, item)
    {
        const char *given = json_string_value(json_object_get(item, "name"));
        if (given && strcmp(given, name) == 0) {
            return item;
        }
    }
    return NULL;
}

static const json_t *pod_spec(const json_t *body)
{
    const json_t *pod_template = json_object_get(json_object_get(body, "spec"), "template");
    return json_object_get(pod_template, "spec");
}

static void require_text(const json_t *object, const char *name, const char *value)
{
    const char *given = json_string_value(json_object_get(object, name));
    REQUIRE(given && strcmp(given, value) == 0);
}

static void require_step_body(const char *body)
{
    json_t *tree = json_loads(body, 0, NULL);
    const json_t *spec = pod_spec(tree);
    const json_t *step = item_named(json_object_get(spec, "containers"), CONTAINER_STEP);
    const json_t *env = json_object_get(step, "env");
    require_text(spec, "restartPolicy", "Never");
    require_text(step, "image", "example/train:1");
    require_text(item_named(env, "PARAM_SEED"), "value", "$$7");
    require_text(item_named(env, "TIDEMILL_RUN"), "value", "run");
    REQUIRE(item_named(env, "TIDEMILL_RESULTS_MAX"));
    REQUIRE(item_named(json_object_get(spec, "initContainers"), CONTAINER_PREPARE));
    REQUIRE(item_named(json_object_get(spec, "volumes"), "tidemill-artifacts"));
    json_decref(tree);
}

static void render_step(struct arena *arena, const struct pipeline_spec *spec)
{
    const struct step_spec step = {
        .name = "train",
        .image = "example/train:1",
        .command = command,
        .command_count = COUNT_OF(command),
        .env = own_env,
        .env_count = COUNT_OF(own_env),
        .outputs = {.artifacts = artifacts, .artifact_count = COUNT_OF(artifacts)},
        .pod_template = spec->steps[0].pod_template};
    require_step_body(
        render_step_job(arena, &(struct render_step_job){.namespace = "team",
                                                         .name = "job",
                                                         .owner = owner,
                                                         .pipeline = "churn",
                                                         .revision = "churn-1",
                                                         .attempt = 1,
                                                         .spec = spec,
                                                         .step = &step,
                                                         .env = variables,
                                                         .env_count = COUNT_OF(variables),
                                                         .inputs = inputs,
                                                         .input_count = COUNT_OF(inputs),
                                                         .out_path = "run/train",
                                                         .active_deadline_seconds = 60,
                                                         .helper_image = "tidemill:test"}));
}

static void render_seal(struct arena *arena, const struct pipeline_spec *spec)
{
    const char *body = render_seal_job(arena, &(struct render_seal_job){.namespace = "team",
                                                                        .name = "seal",
                                                                        .owner = owner,
                                                                        .pipeline = "churn",
                                                                        .revision = "churn-1",
                                                                        .spec = spec,
                                                                        .input = inputs[0],
                                                                        .helper_image = "t:1"});
    json_t *tree = json_loads(body, 0, NULL);
    const json_t *containers = json_object_get(pod_spec(tree), "containers");
    REQUIRE(json_array_size(containers) == 1 && item_named(containers, CONTAINER_SEAL));
    json_decref(tree);
}

static void render_server(struct arena *arena, const struct raw_json *pod_template)
{
    const struct serving_spec serving = {
        .pod_template = *pod_template, .port = 8080, .replicas = 2};
    const char *hash = NULL;
    const char *body = render_serving_deployment(
        arena,
        &(struct render_serving){
            .namespace = "team",
            .name = "churn-1",
            .owner = {.kind = KIND_MODEL_VERSION, .name = "churn-1", .uid = "77"},
            .model = "churn",
            .version = 3,
            .serving = &serving,
            .claim = "churn",
            .path = "run/train/model",
            .digest = "sha256:1",
            .helper_image = "tidemill:test"},
        &hash);
    json_t *tree = json_loads(body, 0, NULL);
    const json_t *spec = pod_spec(tree);
    REQUIRE(hash);
    REQUIRE(item_named(json_object_get(spec, "containers"), CONTAINER_SERVER));
    REQUIRE(item_named(json_object_get(spec, "initContainers"), CONTAINER_COPY));
    json_decref(tree);
}

/* A template comes from the decoder alone, so that it is printed as the decoder prints. */
static struct pipeline *decode_templates(struct arena *arena, struct fuzz_input first,
                                         struct fuzz_input second)
{
    const char *json = arena_print(
        arena,
        "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"podDefaults\":%.*s,\"steps\":[{\"name\":"
        "\"train\",\"podTemplate\":%.*s}]}}",
        (int)first.size, first.size ? (const char *)first.bytes : "", (int)second.size,
        second.size ? (const char *)second.bytes : "");
    struct object *object = NULL;
    struct result result = codec_decode(arena, KIND_PIPELINE, json, strlen(json), &object, NULL);
    struct pipeline *pipeline = (struct pipeline *)object;
    return result_is_ok(result) && pipeline->spec.step_count == 1 ? pipeline : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct fuzz_input input = {bytes, size};
    struct fuzz_input first = fuzz_take_part(&input);
    struct arena arena = {0};
    struct pipeline *pipeline = decode_templates(&arena, first, input);
    if (pipeline) {
        struct raw_json *templates[] = {&pipeline->spec.pod_defaults,
                                        &pipeline->spec.steps[0].pod_template};
        const char *defaults_fault = render_template_fault(&arena, templates[0]);
        const char *own_fault = render_template_fault(&arena, templates[1]);
        pipeline->spec.artifacts.volume_claim.claim_name = "churn";
        if (!defaults_fault && !own_fault) {
            render_step(&arena, &pipeline->spec);
            render_seal(&arena, &pipeline->spec);
        }
        if (templates[1]->text && !render_serving_fault(&arena, templates[1])) {
            render_server(&arena, templates[1]);
        }
    }
    arena_free(&arena);
    return 0;
}
