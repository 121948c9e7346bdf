#include "api/render_parts.h"

#include "api/names.h"
#include "core/assert.h"
#include "core/buffer.h"
#include "core/text.h"

#include <string.h>

/* kubelet: a pod's termination messages share 12 KiB, each has 4 KiB at most. */
enum { TERMINATION_MESSAGE_LIMIT = 4096, TERMINATION_MESSAGE_SHARED = 12288 };

#define RESULTS_PATH "/dev/termination-log"

/* The kubelet expands $(X) inside environment values too; $$ arrives as one $. */
static json_t *escape_dollars(struct arena *arena, const char *value)
{
    size_t dollars = 0;
    for (const char *at = value; *at != '\0'; at++) {
        dollars += *at == '$';
    }
    char *escaped = arena_allocate(arena, 1, strlen(value) + dollars + 1);
    char *to = escaped;
    for (const char *at = value; *at != '\0'; at++) {
        if (*at == '$') {
            *to++ = '$';
        }
        *to++ = *at;
    }
    return json_text(escaped);
}

static json_t *texts(const char *const *items, size_t count)
{
    json_t *list = json_array();
    for (size_t at = 0; at < count; at++) {
        json_array_append_new(list, json_text(items[at]));
    }
    return list;
}

static json_t *pod_uid_env(void)
{
    return json_pack("{s:s, s:{s:{s:s}}}", "name", "TIDEMILL_POD_UID", "valueFrom", "fieldRef",
                     "fieldPath", "metadata.uid");
}

static bool uses_artifacts(const struct render_step_job *job)
{
    return job->input_count > 0 || job->step->outputs.artifact_count > 0;
}

static json_t *step_env(struct arena *arena, const struct render_step_job *job)
{
    json_t *env = json_array();
    json_array_append_new(env, render_env("TIDEMILL_RUN", job->owner.name));
    json_array_append_new(env, render_env("TIDEMILL_PIPELINE", job->pipeline));
    json_array_append_new(env, render_env("TIDEMILL_STEP", job->step->name));
    json_array_append_new(
        env, render_env("TIDEMILL_ATTEMPT", arena_print(arena, "%lld", (long long)job->attempt)));
    json_array_append_new(env, render_env("TIDEMILL_RESULTS", RESULTS_PATH));
    if (uses_artifacts(job)) {
        json_array_append_new(env, pod_uid_env());
    }
    for (size_t at = 0; at < job->env_count; at++) {
        json_array_append_new(env,
                              json_pack("{s:s, s:o}", "name", job->env[at].name, "value",
                                        escape_dollars(arena, text_or(job->env[at].value, ""))));
    }
    for (size_t at = 0; at < job->step->env_count; at++) {
        json_array_append_new(env, render_env(job->step->env[at].name, job->step->env[at].value));
    }
    return env;
}

static json_t *step_mounts(struct arena *arena, const struct render_step_job *job)
{
    json_t *mounts = json_array();
    json_t *out = render_mount(VOLUME_ARTIFACTS, "/tidemill/out", false);
    json_object_set_new(out, "subPathExpr",
                        json_text(arena_print(arena, "%s/$(TIDEMILL_POD_UID)", job->out_path)));
    json_array_append_new(mounts, out);
    for (size_t at = 0; at < job->input_count; at++) {
        json_t *in = render_mount(
            VOLUME_ARTIFACTS, arena_print(arena, "/tidemill/in/%s", job->inputs[at].name), true);
        json_object_set_new(in, "subPath", json_text(job->inputs[at].path));
        json_array_append_new(mounts, in);
    }
    return mounts;
}

static json_t *step_container(struct arena *arena, const struct render_step_job *job)
{
    const struct step_spec *step = job->step;
    json_t *container = json_pack("{s:s, s:s, s:o, s:s, s:s}", "name", CONTAINER_STEP, "image",
                                  step->image, "env", step_env(arena, job),
                                  "terminationMessagePath", RESULTS_PATH,
                                  "terminationMessagePolicy", "FallbackToLogsOnError");
    if (step->command_count > 0) {
        json_object_set_new(container, "command", texts(step->command, step->command_count));
    }
    if (step->arg_count > 0) {
        json_object_set_new(container, "args", texts(step->args, step->arg_count));
    }
    if (uses_artifacts(job)) {
        json_object_set_new(container, "volumeMounts", step_mounts(arena, job));
    }
    return container;
}

static json_t *input_argument(struct arena *arena, const struct render_input *input)
{
    return json_text(arena_print(arena, "%s=%s%s%s", input->name, input->path,
                                 input->digest ? "@" : "", text_or(input->digest, "")));
}

static json_t *prepare_container(struct arena *arena, const struct render_step_job *job,
                                 const json_t *main)
{
    json_t *args = json_pack(
        "[s, s, s, s, s, o]", "artifact", "prepare", "--root", CLAIM_MOUNT, "--out",
        json_text(arena_print(arena, "%s/$(TIDEMILL_POD_UID)", job->out_path)));
    for (size_t at = 0; at < job->input_count; at++) {
        json_array_append_new(args, json_string("--input"));
        json_array_append_new(args, input_argument(arena, &job->inputs[at]));
    }
    json_t *container = render_helper(CONTAINER_PREPARE, job->helper_image, args, main);
    json_object_set_new(container, "env", json_pack("[o]", pod_uid_env()));
    json_object_set_new(container, "volumeMounts",
                        json_pack("[o]", render_mount(VOLUME_ARTIFACTS, CLAIM_MOUNT, false)));
    return container;
}

static size_t count_containers(const json_t *pod_template)
{
    const json_t *spec = json_object_get(pod_template, "spec");
    return json_array_size(json_object_get(spec, "containers")) +
           json_array_size(json_object_get(spec, "initContainers"));
}

/* Known only now that all layers are merged. */
static void set_results_limit(struct arena *arena, json_t *pod_template)
{
    size_t share = TERMINATION_MESSAGE_SHARED / count_containers(pod_template);
    size_t limit = share < TERMINATION_MESSAGE_LIMIT ? share : TERMINATION_MESSAGE_LIMIT;
    json_t *step = pod_template_container(pod_template, "containers", CONTAINER_STEP);
    json_array_insert_new(json_object_get(step, "env"), 0,
                          render_env("TIDEMILL_RESULTS_MAX", arena_print(arena, "%zu", limit)));
}

static void set_pod_labels(json_t *pod_template, const json_t *labels)
{
    json_t *metadata = json_object_get(pod_template, "metadata");
    if (!json_is_object(metadata)) {
        metadata = json_object();
        json_object_set_new(pod_template, "metadata", metadata);
    }
    json_t *own = json_pack("{s:O}", "labels", labels);
    json_t *merged = pod_template_merge(metadata, own);
    json_decref(own);
    json_object_set_new(pod_template, "metadata", merged);
}

/* What every pod of a Job gets unless its template says otherwise. */
static void set_pod_defaults(json_t *pod_template)
{
    json_t *spec = json_object_get(pod_template, "spec");
    json_object_set_new(spec, "restartPolicy", json_string("Never"));
    if (!json_object_get(spec, "automountServiceAccountToken")) {
        json_object_set_new(spec, "automountServiceAccountToken", json_false());
    }
}

/* podDefaults < podTemplate < `ours`; takes `ours`. */
static json_t *merge_layers(const struct raw_json *defaults, const struct raw_json *own,
                            json_t *ours)
{
    json_t *base = pod_template_parse(defaults);
    json_t *middle = pod_template_parse(own);
    json_t *user = pod_template_merge(base, middle);
    json_t *merged = pod_template_merge(user, ours);
    json_decref(base);
    json_decref(middle);
    json_decref(user);
    json_decref(ours);
    return merged;
}

static json_t *job_spec(json_t *pod_template)
{
    json_t *spec = json_pack("{s:i, s:s, s:o}", "backoffLimit", 0, "podReplacementPolicy", "Failed",
                             "template", pod_template);
    json_object_set_new(spec, "podFailurePolicy",
                        json_pack("{s:[{s:s, s:[{s:s, s:s}]}]}", "rules", "action", "Ignore",
                                  "onPodConditions", "type", "DisruptionTarget", "status", "True"));
    return spec;
}

static const char *finish_job(struct arena *arena, const char *namespace, const char *name,
                              const struct render_owner *owner, json_t *labels,
                              const char *revision, int64_t attempt, json_t *pod_template)
{
    set_pod_labels(pod_template, labels);
    set_pod_defaults(pod_template);
    json_t *object = render_object("batch/v1", "Job", namespace, name, labels, owner);
    json_object_set_new(json_object_get(object, "metadata"), "annotations",
                        json_pack("{s:s, s:s}", ANNOTATION_REVISION, revision, ANNOTATION_ATTEMPT,
                                  arena_print(arena, "%lld", (long long)attempt)));
    json_object_set_new(object, "spec", job_spec(pod_template));
    return json_to_text(arena, object);
}

static json_t *run_labels(const char *pipeline, const char *run, const char *step)
{
    json_t *labels = render_labels();
    render_set_label(labels, LABEL_PIPELINE, pipeline);
    render_set_label(labels, LABEL_RUN, run);
    render_set_label(labels, LABEL_STEP, step);
    return labels;
}

const char *render_step_job(struct arena *arena, const struct render_step_job *job)
{
    json_t *ours = json_pack("{s:{s:[o]}}", "spec", "containers", step_container(arena, job));
    json_t *spec = json_object_get(ours, "spec");
    if (uses_artifacts(job)) {
        const char *claim = job->spec->artifacts.volume_claim.claim_name;
        json_object_set_new(spec, "volumes", json_pack("[o]", render_claim_volume(claim)));
    }
    if (job->active_deadline_seconds != INTEGER_ABSENT) {
        json_object_set_new(spec, "activeDeadlineSeconds",
                            json_integer(job->active_deadline_seconds));
    }
    json_t *merged = merge_layers(&job->spec->pod_defaults, &job->step->pod_template, ours);
    if (uses_artifacts(job)) {
        const json_t *main = pod_template_container(merged, "containers", CONTAINER_STEP);
        json_t *prepare = json_pack("{s:{s:[o]}}", "spec", "initContainers",
                                    prepare_container(arena, job, main));
        json_t *whole = pod_template_merge(merged, prepare);
        json_decref(prepare);
        json_decref(merged);
        merged = whole;
    }
    set_results_limit(arena, merged);
    return finish_job(arena, job->namespace, job->name, &job->owner,
                      run_labels(job->pipeline, job->owner.name, job->step->name), job->revision,
                      job->attempt, merged);
}

/* The pod defaults without the user's containers: only where and as whom it runs. */
static struct raw_json placement_defaults(struct arena *arena, const struct raw_json *pod_defaults,
                                          json_t **main)
{
    json_t *tree = pod_template_parse(pod_defaults);
    const json_t *step = pod_template_container(tree, "containers", CONTAINER_STEP);
    *main = step ? json_deep_copy(step) : json_object();
    json_t *spec = json_object_get(tree, "spec");
    json_object_del(spec, "containers");
    json_object_del(spec, "initContainers");
    json_object_del(spec, "volumes");
    return (struct raw_json){.text = json_to_text(arena, tree)};
}

const char *render_seal_job(struct arena *arena, const struct render_seal_job *job)
{
    json_t *main = NULL;
    struct raw_json defaults = placement_defaults(arena, &job->spec->pod_defaults, &main);
    json_t *args = json_pack("[s, s, s, s, s, o]", "artifact", "seal", "--root", CLAIM_MOUNT,
                             "--input", input_argument(arena, &job->input));
    json_t *container = render_helper(CONTAINER_SEAL, job->helper_image, args, main);
    json_decref(main);
    json_object_set_new(container, "volumeMounts",
                        json_pack("[o]", render_mount(VOLUME_ARTIFACTS, CLAIM_MOUNT, false)));
    const char *claim = job->spec->artifacts.volume_claim.claim_name;
    json_t *ours = json_pack("{s:{s:[o], s:[o]}}", "spec", "containers", container, "volumes",
                             render_claim_volume(claim));
    const struct raw_json none = {0};
    json_t *merged = merge_layers(&defaults, &none, ours);
    return finish_job(arena, job->namespace, job->name, &job->owner,
                      run_labels(job->pipeline, job->owner.name, "tidemill-seal"), job->revision,
                      job->attempt, merged);
}
