#include "api/render_parts.h"

#include "core/assert.h"
#include "core/hash.h"
#include "core/text.h"

/* Upstream's default is 600 s too; stated because Stalled follows from it. */
enum {
    PROGRESS_DEADLINE_SECONDS = 600,
    PRE_STOP_SECONDS = 10,
    TERMINATION_GRACE_SECONDS = 60,
    READINESS_PERIOD_SECONDS = 2,
    SERVICE_PORT = 80
};

static json_t *server_env(struct arena *arena, const struct render_serving *serving)
{
    return json_pack("[o, o]", render_env("TIDEMILL_MODEL_NAME", serving->model),
                     render_env("TIDEMILL_MODEL_VERSION",
                                arena_print(arena, "%lld", (long long)serving->version)));
}

/* Fields of ours that nobody may override. */
static json_t *server_overlay(struct arena *arena, const struct render_serving *serving)
{
    return json_pack("{s:s, s:o, s:[{s:I, s:s}], s:[o]}", "name", CONTAINER_SERVER, "env",
                     server_env(arena, serving), "ports", "containerPort",
                     (json_int_t)serving->serving->port, "name", PORT_SERVER, "volumeMounts",
                     render_mount(VOLUME_MODELS, MODELS_MOUNT, true));
}

/*
 * What a server gets unless its template says otherwise: ready means that the model answers
 * (Open Inference Protocol v2), a crash leaves its last words, and a pod that is being stopped goes
 * on answering until the endpoints have spread.
 */
static json_t *server_defaults(struct arena *arena, const struct render_serving *serving)
{
    return json_pack(
        "{s:s, s:s, s:{s:{s:s, s:I}, s:i, s:i}, s:{s:{s:{s:i}}}}", "name", CONTAINER_SERVER,
        "terminationMessagePolicy", "FallbackToLogsOnError", "readinessProbe", "httpGet", "path",
        arena_print(arena, "/v2/models/%s/ready", serving->model), "port",
        (json_int_t)serving->serving->port, "periodSeconds", READINESS_PERIOD_SECONDS,
        "failureThreshold", 3, "lifecycle", "preStop", "sleep", "seconds", PRE_STOP_SECONDS);
}

static void drop_if_given(json_t *defaults, const json_t *user, const char *name)
{
    if (json_object_get(user, name)) {
        json_object_del(defaults, name);
    }
}

static json_t *copy_container(struct arena *arena, const struct render_serving *serving,
                              const json_t *server)
{
    (void)arena;
    json_t *args = json_pack("[s, s, s, s, s, o, s, s, s, s]", "artifact", "copy", "--root",
                             CLAIM_MOUNT, "--from", json_text(serving->path), "--digest",
                             serving->digest, "--to", MODELS_MOUNT);
    json_t *container = render_helper(CONTAINER_COPY, serving->helper_image, args, server);
    json_object_set_new(container, "volumeMounts",
                        json_pack("[o, o]", render_mount(VOLUME_ARTIFACTS, CLAIM_MOUNT, true),
                                  render_mount(VOLUME_MODELS, MODELS_MOUNT, false)));
    return container;
}

static json_t *serving_labels(const struct render_serving *serving)
{
    json_t *labels = render_labels();
    render_set_label(labels, LABEL_MODEL, serving->model);
    render_set_label(labels, LABEL_MODEL_VERSION, serving->owner.name);
    json_object_set_new(labels, LABEL_VERSION_UID, json_string(serving->owner.uid));
    return labels;
}

static json_t *serving_template(struct arena *arena, const struct render_serving *serving,
                                const json_t *labels)
{
    json_t *user = pod_template_parse(&serving->serving->pod_template);
    const json_t *server = pod_template_container(user, "containers", CONTAINER_SERVER);
    json_t *defaults = server_defaults(arena, serving);
    drop_if_given(defaults, server, "readinessProbe");
    drop_if_given(defaults, server, "lifecycle");
    json_t *base = json_pack("{s:{s:[o], s:i, s:b}}", "spec", "containers", defaults,
                             "terminationGracePeriodSeconds", TERMINATION_GRACE_SECONDS,
                             "automountServiceAccountToken", 0);
    json_t *ours = json_pack("{s:{s:O}, s:{s:[o], s:[o], s:[o, {s:s, s:{}}]}}", "metadata",
                             "labels", labels, "spec", "containers", server_overlay(arena, serving),
                             "initContainers", copy_container(arena, serving, server), "volumes",
                             render_claim_volume(serving->claim), "name", VOLUME_MODELS,
                             "emptyDir");
    json_t *below = pod_template_merge(base, user);
    json_t *merged = pod_template_merge(below, ours);
    json_decref(user);
    json_decref(base);
    json_decref(below);
    json_decref(ours);
    return merged;
}

/* The body as text, with the hash of all else in it as an annotation. Takes the reference. */
static const char *finish(struct arena *arena, json_t *object, const char **spec_hash)
{
    REQUIRE(object != NULL);
    struct arena scratch = {0};
    const char *text = json_to_text(&scratch, json_incref(object));
    char hash[HASH_NAME_LENGTH + 1];
    hash_format_name(hash_text(HASH_SEED, text), hash);
    arena_free(&scratch);
    json_object_set_new(json_object_get(object, "metadata"), "annotations",
                        json_pack("{s:s}", ANNOTATION_SPEC_HASH, hash));
    if (spec_hash) {
        *spec_hash = arena_copy_text(arena, hash);
    }
    return json_to_text(arena, object);
}

const char *render_serving_deployment(struct arena *arena, const struct render_serving *serving,
                                      const char **spec_hash)
{
    json_t *labels = serving_labels(serving);
    json_t *pod_template = serving_template(arena, serving, labels);
    json_t *object = render_object("apps/v1", "Deployment", serving->namespace, serving->name,
                                   labels, &serving->owner);
    json_object_set_new(object, "spec",
                        json_pack("{s:I, s:i, s:{s:{s:s}}, s:{s:s, s:{s:i, s:i}}, s:o}", "replicas",
                                  (json_int_t)serving->serving->replicas, "progressDeadlineSeconds",
                                  PROGRESS_DEADLINE_SECONDS, "selector", "matchLabels",
                                  LABEL_VERSION_UID, serving->owner.uid, "strategy", "type",
                                  "RollingUpdate", "rollingUpdate", "maxUnavailable", 0, "maxSurge",
                                  1, "template", pod_template));
    return finish(arena, object, spec_hash);
}

const char *render_service(struct arena *arena, const struct render_service *service,
                           const char **spec_hash)
{
    json_t *labels = render_labels();
    render_set_label(labels, LABEL_MODEL, service->model);
    json_t *object = render_object("v1", "Service", service->namespace, service->name, labels,
                                   &service->owner);
    json_t *selector = service->version_uid
                           ? json_pack("{s:s}", LABEL_VERSION_UID, service->version_uid)
                           : NULL;
    json_object_set_new(object, "spec",
                        json_pack("{s:o*, s:[{s:s, s:i, s:s, s:s}]}", "selector", selector, "ports",
                                  "name", "http", "port", SERVICE_PORT, "targetPort", PORT_SERVER,
                                  "protocol", "TCP"));
    return finish(arena, object, spec_hash);
}
