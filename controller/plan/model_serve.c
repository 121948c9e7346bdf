#include "plan/model_work.h"

#include "api/render.h"
#include "core/text.h"

#include <string.h>

/* What Deployments and Services it takes, and which are not wanted any more. */

static const struct serving_spec *serving_of(const struct model_work *work,
                                             const struct version_work *version)
{
    bool by_model = work->model && work->model->spec.serving.pod_template.text;
    return by_model ? &work->model->spec.serving : &version->version->spec.serving;
}

static bool should_serve(const struct version_work *version)
{
    return version->role == ROLE_ALONE || version->role == ROLE_CANDIDATE ||
           version->role == ROLE_CHAMPION;
}

static bool is_current(const struct meta *meta, const char *hash)
{
    return text_equal(text_map_get(&meta->annotations, ANNOTATION_SPEC_HASH), hash);
}

/* Its spec is what was applied, as far as the annotation and what people like to turn tell. */
static bool is_as_applied(const struct version_work *version)
{
    const struct deployment *deployment = version->deployment;
    return deployment && is_current(&deployment->meta, version->wanted_deployment.hash) &&
           deployment->spec.replicas == version->serving.replicas;
}

static const struct fact *find_refusal(const struct model_work *work, enum api_kind kind,
                                       const char *name)
{
    return fact_find(&work->view->facts, OPERATION_APPLY, kind, name);
}

static void render_deployment(struct model_work *work, struct version_work *version)
{
    const struct model_version *spec = version->version;
    const struct serving_spec *serving = serving_of(work, version);
    bool by_model = work->model && serving == &work->model->spec.serving;
    if (!serving->pod_template.text) {
        version->trouble = (struct trouble){
            REASON_NO_SERVING,
            "neither the Model nor the version has spec.serving: say how to serve it", true};
        return;
    }
    const char *fault = render_serving_fault(work->arena, &serving->pod_template);
    if (fault) {
        version->trouble = (struct trouble){REASON_INVALID_SPEC,
                                            arena_print(work->arena, "spec.serving.podTemplate%s%s",
                                                        fault, by_model ? " (in the Model)" : ""),
                                            true};
        return;
    }
    version->serving = *serving;
    const struct render_serving render = {
        .namespace = spec->meta.namespace,
        .name = spec->meta.name,
        .owner = {.kind = KIND_MODEL_VERSION, .name = spec->meta.name, .uid = spec->meta.uid},
        .model = spec->spec.model,
        .version = version->after.status.version,
        .serving = &version->serving,
        .claim = version->claim,
        .path = version->path,
        .digest = spec->spec.artifact.digest,
        .helper_image = work->view->settings->helper_image,
    };
    struct wanted *wanted = &version->wanted_deployment;
    wanted->body = render_serving_deployment(work->arena, &render, &wanted->hash);
    wanted->refusal = find_refusal(work, KIND_DEPLOYMENT, spec->meta.name);
    wanted->apply = !is_as_applied(version);
}

static void render_own_service(struct model_work *work, struct version_work *version)
{
    const struct meta *meta = &version->version->meta;
    const struct render_service render = {
        .namespace = meta->namespace,
        .name = meta->name,
        .owner = {.kind = KIND_MODEL_VERSION, .name = meta->name, .uid = meta->uid},
        .model = version->version->spec.model,
        .version_uid = meta->uid,
    };
    struct wanted *wanted = &version->wanted_service;
    wanted->body = render_service(work->arena, &render, &wanted->hash);
    wanted->refusal = find_refusal(work, KIND_SERVICE, meta->name);
    wanted->apply = !version->service || !is_current(&version->service->meta, wanted->hash);
}

static const char *stable_service(struct model_work *work, const char *version_uid)
{
    const struct meta *meta = &work->model->meta;
    const struct render_service render = {
        .namespace = meta->namespace,
        .name = meta->name,
        .owner = {.kind = KIND_MODEL, .name = meta->name, .uid = meta->uid},
        .model = meta->name,
        .version_uid = version_uid,
    };
    return render_service(work->arena, &render, &work->wanted_service.hash);
}

void model_render_service(struct model_work *work, const struct version_work *version)
{
    const struct service *there = work->service;
    const char *uid = version->version->meta.uid;
    struct wanted *wanted = &work->wanted_service;
    wanted->body = stable_service(work, uid);
    /* Somebody may have deleted or changed it: mended without a switch. */
    wanted->apply = version == work->champion &&
                    (!there || !is_current(&there->meta, wanted->hash) ||
                     !text_equal(text_map_get(&there->spec.selector, LABEL_VERSION_UID), uid));
    bool is_asked = wanted->apply || version != work->champion;
    wanted->refusal = is_asked ? find_refusal(work, KIND_SERVICE, work->view->name) : NULL;
}

void model_render_name(struct model_work *work)
{
    if (work->service) {
        return;
    }
    struct wanted *wanted = &work->wanted_service;
    wanted->body = stable_service(work, NULL);
    wanted->create = true;
    wanted->refusal = fact_find(&work->view->facts, OPERATION_CREATE, KIND_SERVICE,
                                work->view->name);
}

void model_render(struct model_work *work)
{
    for (size_t at = 0; at < work->count; at++) {
        struct version_work *version = &work->versions[at];
        if (!should_serve(version) || version->failure.reason) {
            continue;
        }
        render_deployment(work, version);
        if (version->role == ROLE_ALONE && !version->trouble.reason) {
            render_own_service(work, version);
        }
    }
    const struct version_work *served = work->target ? work->target : work->champion;
    if (work->model && served) {
        model_render_service(work, served);
    }
}

struct trouble model_explain_refusal(const struct model_work *work, const char *what,
                                     const struct wanted *wanted)
{
    const struct fact *fact = wanted->refusal;
    if (!fact) {
        return (struct trouble){0};
    }
    const char *said = fact_said(fact);
    if (fact->error == ERROR_EXISTS) {
        return (struct trouble){
            REASON_NAME_TAKEN,
            arena_print(work->arena,
                        "%s can't be made: %s; rename one of the two, it is tried "
                        "again",
                        what, said),
            true};
    }
    bool quota = strstr(said, "exceeded quota") != NULL;
    return (struct trouble){quota ? REASON_QUOTA_EXCEEDED : REASON_WRITE_REFUSED,
                            arena_print(work->arena,
                                        "%s is refused by the API server: %s; it is tried again",
                                        what, said),
                            fact->error == ERROR_INVALID};
}

/* A refused apply is repeated: the executor holds back what was refused just now. */
static bool is_due(const struct wanted *wanted)
{
    return wanted->body && wanted->apply;
}

void model_apply(struct model_work *work)
{
    for (size_t at = 0; at < work->count; at++) {
        const struct version_work *version = &work->versions[at];
        const struct meta *meta = &version->version->meta;
        if (is_due(&version->wanted_deployment)) {
            plan_next_group(work->plan);
            plan_apply(work->plan, KIND_DEPLOYMENT, meta->namespace, meta->name, meta->uid,
                       version->wanted_deployment.body,
                       version->role == ROLE_CANDIDATE ? REASON_ROLLING_OUT : REASON_SERVING,
                       arena_print(work->arena, "pods of %s", version_label(work, version)));
        }
        if (is_due(&version->wanted_service)) {
            plan_next_group(work->plan);
            plan_apply(work->plan, KIND_SERVICE, meta->namespace, meta->name, meta->uid,
                       version->wanted_service.body, REASON_SERVING,
                       arena_print(work->arena, "the address of %s", version_label(work, version)));
            plan_lock(work->plan, version->service ? &version->service->meta : NULL);
        }
    }
    bool refused_switch = work->model && !work->switches && work->wanted_service.refusal &&
                          work->target && work->target != work->champion && work->target->available;
    if (is_due(&work->wanted_service) || refused_switch) {
        plan_next_group(work->plan);
        plan_apply(work->plan, KIND_SERVICE, work->view->namespace, work->view->name,
                   work->model->meta.uid, work->wanted_service.body, REASON_SERVING,
                   "the stable address of the model");
        plan_lock(work->plan, work->service ? &work->service->meta : NULL);
    } else if (work->wanted_service.create) {
        plan_next_group(work->plan);
        plan_create(work->plan, KIND_SERVICE, work->view->namespace, work->view->name,
                    work->model->meta.uid, work->wanted_service.body, REASON_SERVING,
                    "the stable address of the model, before a version serves");
    }
}

void model_mark_deletes(struct model_work *work)
{
    const char *selected = work->service
                               ? text_map_get(&work->service->spec.selector, LABEL_VERSION_UID)
                               : NULL;
    for (size_t at = 0; at < work->count; at++) {
        struct version_work *version = &work->versions[at];
        bool is_selected = text_equal(version->version->meta.uid, selected);
        /* What served alone goes on until the stable Service of a new Model leads somewhere. */
        bool served_alone = work->model && version->service && !selected;
        bool kept = should_serve(version) || version->role == ROLE_PREVIOUS || served_alone;
        bool failed = version->failure.reason && !is_selected;
        version->deletes_deployment = version->deployment &&
                                      version->deployment->meta.deletion_time == TIME_ABSENT &&
                                      (!kept || failed);
    }
}

static const char *why_deleted(const struct version_work *version)
{
    return version->failure.reason ? version->failure.reason : REASON_DRAINED;
}

void model_delete(struct model_work *work)
{
    for (size_t at = 0; at < work->count; at++) {
        const struct version_work *version = &work->versions[at];
        if (!version->deletes_deployment) {
            continue;
        }
        plan_next_group(work->plan);
        plan_delete(
            work->plan, KIND_DEPLOYMENT, &version->deployment->meta, why_deleted(version),
            arena_print(work->arena, "%s does not serve any more", version_label(work, version)));
        if (version->service) {
            plan_delete(work->plan, KIND_SERVICE, &version->service->meta, why_deleted(version),
                        arena_print(work->arena, "the own address of %s is not needed any more",
                                    version_label(work, version)));
        }
    }
}
