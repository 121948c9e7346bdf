#include "plan/model_work.h"

#include "api/render.h"
#include "core/text.h"
#include "plan/evidence.h"

#include <stdlib.h>
#include <string.h>

/* Which versions there are, their numbers, and what is known of their files. */

#define URI_SCHEME "pvc://"

/* In the order in which numbers are given: those that have one first, then by creation and name. */
static int compare_versions(const void *a, const void *b)
{
    const struct model_version *one = ((const struct version_work *)a)->version;
    const struct model_version *two = ((const struct version_work *)b)->version;
    int64_t left = one->status.version == INTEGER_ABSENT ? INT64_MAX : one->status.version;
    int64_t right = two->status.version == INTEGER_ABSENT ? INT64_MAX : two->status.version;
    if (left == right) {
        left = one->meta.creation_time;
        right = two->meta.creation_time;
    }
    if (left == right) {
        return strcmp(one->meta.name, two->meta.name);
    }
    return left < right ? -1 : 1;
}

static const struct deployment *find_deployment(const struct model_work *work,
                                                const struct meta *version)
{
    for (size_t at = 0; at < work->view->deployment_count; at++) {
        const struct deployment *deployment = work->view->deployments[at];
        if (text_equal(deployment->meta.name, version->name) &&
            meta_is_controlled_by(&deployment->meta, version->uid)) {
            return deployment;
        }
    }
    return NULL;
}

static const struct service *find_service(const struct model_work *work, const char *name,
                                          const char *owner_uid)
{
    for (size_t at = 0; at < work->view->service_count; at++) {
        const struct service *service = work->view->services[at];
        if (text_equal(service->meta.name, name) &&
            meta_is_controlled_by(&service->meta, owner_uid)) {
            return service;
        }
    }
    return NULL;
}

void version_work_init(struct model_work *work)
{
    const struct model_view *view = work->view;
    work->versions = arena_array(work->arena, struct version_work, view->version_count);
    for (size_t at = 0; at < view->version_count; at++) {
        const struct model_version *version = view->versions[at];
        if (version->meta.deletion_time == TIME_ABSENT) {
            work->versions[work->count++] = (struct version_work){
                .version = version,
                .after = *version,
                .deployment = find_deployment(work, &version->meta),
                .service = find_service(work, version->meta.name, version->meta.uid)};
        }
    }
    qsort(work->versions, work->count, sizeof(*work->versions), compare_versions);
    if (work->model) {
        work->service = find_service(work, view->name, work->model->meta.uid);
    }
}

/* The highest number that is known to have been given. */
static int64_t last_number(const struct model_work *work)
{
    int64_t last = work->model && work->model->status.last_version > 0
                       ? work->model->status.last_version
                       : 0;
    for (size_t at = 0; at < work->view->version_count; at++) {
        int64_t number = work->view->versions[at]->status.version;
        last = number > last ? number : last;
    }
    return last;
}

/* The first of the versions before this one that has the same content, or NULL. */
static const char *find_same(const struct model_work *work, size_t index)
{
    const char *digest = work->versions[index].version->spec.artifact.digest;
    for (size_t at = 0; at < index; at++) {
        const struct model_version *version = work->versions[at].version;
        if (digest && text_equal(version->spec.artifact.digest, digest)) {
            return version->meta.name;
        }
    }
    return NULL;
}

void version_number(struct model_work *work)
{
    int64_t last = last_number(work);
    for (size_t at = 0; at < work->count; at++) {
        struct model_version_status *status = &work->versions[at].after.status;
        if (status->version == INTEGER_ABSENT) {
            status->version = ++last;
            status->same_as = find_same(work, at);
            work->numbers = true;
        }
    }
    if (work->model) {
        work->after.status.last_version = last;
    }
}

struct version_work *version_find(const struct model_work *work, const char *name)
{
    for (size_t at = 0; name && at < work->count; at++) {
        if (text_equal(work->versions[at].version->meta.name, name)) {
            return &work->versions[at];
        }
    }
    return NULL;
}

const char *version_label(const struct model_work *work, const struct version_work *version)
{
    return arena_print(work->arena, "version %lld (%s)", (long long)version->after.status.version,
                       version->version->meta.name);
}

bool version_owns_pod(const struct version_work *version, const struct pod *pod)
{
    return text_equal(text_map_get(&pod->meta.labels, LABEL_VERSION_UID),
                      version->version->meta.uid);
}

/* pvc://CLAIM/PATH */
static bool parse_uri(struct model_work *work, struct version_work *version)
{
    const char *uri = version->version->spec.artifact.uri;
    if (!text_starts_with(uri, URI_SCHEME)) {
        return false;
    }
    const char *claim = uri + strlen(URI_SCHEME);
    const char *slash = strchr(claim, '/');
    if (!slash || slash == claim || slash[1] == '\0') {
        return false;
    }
    version->claim = arena_copy_bytes(work->arena, claim, (size_t)(slash - claim));
    version->path = slash + 1;
    return true;
}

static void judge_spec(struct model_work *work, struct version_work *version)
{
    const struct artifact_reference *artifact = &version->version->spec.artifact;
    if (!parse_uri(work, version)) {
        version->failure = (struct trouble){
            REASON_INVALID_SPEC,
            arena_print(work->arena,
                        "spec.artifact.uri: \"%s\": only pvc://CLAIM/PATH can be read; publish a "
                        "new version",
                        text_or(artifact->uri, "")),
            true};
    } else if (!text_starts_with(artifact->digest, "sha256:")) {
        version->failure = (struct trouble){
            REASON_INVALID_SPEC,
            "spec.artifact.digest: must be sha256:HEX, since nothing serves that was not checked; "
            "publish a new version",
            true};
    }
}

/* What the pods' copying containers came to, in words for the Verified condition. */
struct finding {
    bool verified;
    const char *reason; /* why not; NULL: no pod says */
    const char *message;
};

static struct finding look_at_pods(const struct model_work *work,
                                   const struct version_work *version)
{
    struct finding finding = {0};
    for (size_t at = 0; at < work->view->pod_count; at++) {
        const struct pod *pod = work->view->pods[at];
        if (!version_owns_pod(version, pod)) {
            continue;
        }
        const struct container_status *copy = pod_find_container(pod, CONTAINER_COPY);
        finding.verified |= copy && copy->state.terminated.exit_code == 0;
        const char *reason = NULL;
        const char *message = NULL;
        bool explained = pod_explain_copy(work->arena, pod, &reason, &message);
        bool graver = !finding.reason || (text_equal(reason, REASON_DIGEST_MISMATCH) &&
                                          !text_equal(finding.reason, reason));
        /* Pods come in any order: of two that say the same, the lesser text is kept. */
        bool lesser = finding.reason && text_equal(finding.reason, reason) &&
                      strcmp(message, finding.message) < 0;
        if (explained && (graver || lesser)) {
            finding.reason = reason;
            finding.message = message;
        }
    }
    return finding;
}

static void set_verified(struct model_work *work, struct version_work *version, const char *status,
                         const char *reason, const char *message)
{
    struct condition_writer writer = condition_writer_start(
        work->arena, &version->after.status.conditions, &version->after.status.conditions,
        version->version->meta.generation, work->view->now);
    condition_set(&writer, CONDITION_VERIFIED, status, reason, message);
}

#define MISMATCH_UNTOLD                                                                           \
    "its files have another digest than was published; this version never serves: publish a new " \
    "one"

static void judge_files(struct model_work *work, struct version_work *version)
{
    const struct condition *before = condition_find(&version->version->status.conditions,
                                                    CONDITION_VERIFIED);
    bool verified = before && text_equal(before->status, STATUS_TRUE);
    bool mismatched = before && text_equal(before->reason, REASON_DIGEST_MISMATCH);
    struct finding finding = verified || mismatched ? (struct finding){0}
                                                    : look_at_pods(work, version);
    if (verified || finding.verified) {
        set_verified(work, version, STATUS_TRUE, REASON_VERIFIED,
                     "what was copied to serve has the digest that was published");
    } else if (mismatched || text_equal(finding.reason, REASON_DIGEST_MISMATCH)) {
        const char *message = mismatched ? text_or(before->message, MISMATCH_UNTOLD)
                                         : arena_print(work->arena,
                                                       "%s; this version never serves: publish a "
                                                       "new one",
                                                       finding.message);
        set_verified(work, version, STATUS_FALSE, REASON_DIGEST_MISMATCH, message);
        version->failure = (struct trouble){REASON_DIGEST_MISMATCH, message, true};
    } else if (finding.reason) {
        set_verified(
            work, version, STATUS_FALSE, REASON_ARTIFACT_UNUSABLE,
            arena_print(work->arena, "%s: %s; it is tried again", finding.reason, finding.message));
    } else if (!before || text_equal(before->status, STATUS_UNKNOWN)) {
        set_verified(work, version, STATUS_UNKNOWN, REASON_COPYING,
                     "its files are checked while they are copied, when it is brought up to serve");
    } else {
        set_verified(
            work, version, before->status, text_or(before->reason, REASON_ARTIFACT_UNUSABLE),
            text_or(before->message, "its files could not be used; the status does not say why"));
    }
}

void version_judge(struct model_work *work, struct version_work *version)
{
    judge_files(work, version);
    if (!version->failure.reason) {
        judge_spec(work, version);
    }
}
