#include "support/test.h"

#include "support/kubelet.h"

#include "api/render.h"
#include "core/civil.h"
#include "core/text.h"

#include <string.h>

static const char *text_at(const json_t *tree, const char *map, const char *key)
{
    const json_t *meta = json_object_get(tree, "metadata");
    return json_string_value(json_object_get(json_object_get(meta, map), key));
}

static const char *name_of(const json_t *tree)
{
    return json_string_value(json_object_get(json_object_get(tree, "metadata"), "name"));
}

const char *kubelet_find_job(struct world *world, const char *run, const char *step,
                             int64_t attempt)
{
    const char *number = arena_print(&world->arena, "%lld", (long long)attempt);
    for (size_t at = 0; at < world->count; at++) {
        const json_t *tree = world->objects[at].tree;
        if (world->objects[at].kind == KIND_JOB &&
            text_equal(text_at(tree, "labels", LABEL_RUN), run) &&
            text_equal(text_at(tree, "labels", LABEL_STEP), step ? step : "tidemill-seal") &&
            text_equal(text_at(tree, "annotations", ANNOTATION_ATTEMPT), number)) {
            return arena_copy_text(&world->arena, name_of(tree));
        }
    }
    return NULL;
}

static const char *job_uid(const struct world *world, const char *job)
{
    return world_text(world, KIND_JOB, job, "metadata/uid");
}

/* The newest pod of the Job, or NULL. */
static const char *find_pod(struct world *world, const char *job)
{
    const char *uid = job_uid(world, job);
    const char *found = NULL;
    for (size_t at = 0; at < world->count; at++) {
        const char *name = name_of(world->objects[at].tree);
        if (world->objects[at].kind == KIND_POD &&
            text_equal(world_text(world, KIND_POD, name, "metadata/ownerReferences/0/uid"), uid)) {
            found = name;
        }
    }
    return arena_copy_text(&world->arena, found);
}

const char *kubelet_start_pod(struct world *world, const char *job)
{
    assert_non_null(world_find(world, KIND_JOB, job));
    const char *name = arena_print(&world->arena, "%s-%05lld", job, (long long)world->next_version);
    (void)world_put(world, KIND_POD,
                    "{'metadata':{'name':'%s','uid':'pod-%lld','ownerReferences':[{'apiVersion':"
                    "'batch/v1','kind':'Job','name':'%s','uid':'%s','controller':true}]},"
                    "'status':{'phase':'Pending'}}",
                    name, (long long)world->next_uid++, job, job_uid(world, job));
    return name;
}

void kubelet_set_pod(struct world *world, const char *job, const char *status)
{
    const char *pod = find_pod(world, job);
    pod = pod ? pod : kubelet_start_pod(world, job);
    world_merge(world, KIND_POD, pod, "{'status':%s}", status);
}

static json_t *ended_container(const struct world *world, const char *name, int exit_code,
                               const char *message)
{
    char time[CIVIL_TEXT_SIZE];
    char words[8192];
    civil_format(world->now, time);
    (void)snprintf(words, sizeof(words), "%s", message);
    for (char *at = words; *at != '\0'; at++) {
        *at = *at == '\'' ? '"' : *at;
    }
    return json_pack("{s:s, s:s, s:s, s:{s:{s:i, s:s, s:s, s:s}}}", "name", name, "image",
                     "example/churn:1", "imageID", "example/churn@sha256:1111", "state",
                     "terminated", "exitCode", exit_code, "reason",
                     exit_code == 0 ? "Completed" : "Error", "message", words, "finishedAt", time);
}

void kubelet_end_pod(struct world *world, const char *job, int exit_code, const char *message,
                     const char *prepared)
{
    const char *pod = find_pod(world, job);
    pod = pod ? pod : kubelet_start_pod(world, job);
    bool seal = text_equal(text_at(world_find(world, KIND_JOB, job), "labels", LABEL_STEP),
                           "tidemill-seal");
    json_t *status = json_object_get(world_find(world, KIND_POD, pod), "status");
    json_object_set_new(status, "phase", json_string(exit_code == 0 ? "Succeeded" : "Failed"));
    json_object_set_new(
        status, "containerStatuses",
        json_pack("[o]", ended_container(world, seal ? CONTAINER_SEAL : CONTAINER_STEP, exit_code,
                                         message)));
    if (prepared) {
        json_object_set_new(
            status, "initContainerStatuses",
            json_pack("[o]", ended_container(world, CONTAINER_PREPARE, 0, prepared)));
    }
}

void kubelet_end_job(struct world *world, const char *job, bool success)
{
    char time[CIVIL_TEXT_SIZE];
    civil_format(world->now, time);
    world_merge(world, KIND_JOB, job,
                "{'status':{%s'conditions':[{'type':'%s','status':'True','reason':'%s',"
                "'message':'%s','lastTransitionTime':'%s'}]}}",
                success ? arena_print(&world->arena, "'completionTime':'%s',", time) : "",
                success ? "Complete" : "Failed", success ? "CompletionsReached" : "PodFailed",
                success ? "" : "its pod failed", time);
}

bool kubelet_job_has_ended(struct world *world, const char *job)
{
    if (world_get(world, KIND_JOB, job, "status/conditions/0")) {
        return true;
    }
    const char *pod = find_pod(world, job);
    const char *phase = pod ? world_text(world, KIND_POD, pod, "status/phase") : "";
    return strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0;
}
