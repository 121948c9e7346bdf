#include "plan/run_work.h"

#include "api/codec.h"
#include "api/quantity.h"
#include "api/render.h"
#include "core/assert.h"
#include "core/text.h"

#include <string.h>

/*
 * After the last step: the published artifact gets its digest (from whoever read it, else from a
 * small seal Job), then the ModelVersion is created, one for each run, by name.
 */

static struct artifact_status *published_artifact(struct run_work *work, size_t *step)
{
    struct artifact_source source;
    struct spec_fault fault;
    bool is_known = graph_find_artifact(work->arena, &work->graph, work->spec->publish.artifact,
                                        "spec.publish.artifact", &source, &fault);
    REQUIRE(is_known); /* pipeline_check() has found it */
    *step = source.step;
    return run_find_artifact(work, &source);
}

/*
 * A Job that reads the artifact and tells its digest: nothing is lost when it is done again. So it
 * is when a Job ends without a word of its own: somebody deleted its pod, or its node went.
 */
enum { SEAL_ATTEMPTS = 3 };

struct seal {
    int64_t attempt;
    const char *job; /* its name */
};

static struct seal seal_of(const struct run_work *work, int64_t attempt)
{
    return (struct seal){
        .attempt = attempt,
        .job = name_seal_job(work->arena, work->run->meta.name, work->run->meta.uid, attempt)};
}

/* The one that the status names; the first one before it names any. */
static struct seal current_seal(const struct run_work *work)
{
    const char *known = work->run->status.seal_job;
    struct seal seal = seal_of(work, 1);
    while (known && !text_equal(known, seal.job) && seal.attempt < SEAL_ATTEMPTS) {
        seal = seal_of(work, seal.attempt + 1);
    }
    return seal;
}

static void start_seal(struct run_work *work, const struct artifact_status *artifact,
                       const struct seal *seal)
{
    const struct pipeline_run *run = work->run;
    const struct render_seal_job job = {
        .namespace = run->meta.namespace,
        .name = seal->job,
        .attempt = seal->attempt,
        .owner = {.kind = KIND_PIPELINE_RUN, .name = run->meta.name, .uid = run->meta.uid},
        .pipeline = run->spec.pipeline_ref.name,
        .revision = work->revision,
        .spec = work->spec,
        .input = {.name = artifact->name, .path = artifact_path(artifact->uri)},
        .helper_image = work->view->settings->helper_image,
    };
    plan_create(work->plan, KIND_JOB, run->meta.namespace, seal->job, run->meta.uid,
                render_seal_job(work->arena, &job), REASON_SEALING,
                arena_print(work->arena,
                            "no step has read artifact %s yet, so its digest is made "
                            "now",
                            artifact->name));
}

static void fail_seal(struct run_work *work, const char *why)
{
    run_end(work, RUN_FAILED, REASON_STEP_FAILED,
            arena_print(work->arena, "the artifact to publish could not be digested: %s", why));
}

/* Why the artifact has no digest now; NULL: it has. */
static const char *read_seal(struct run_work *work, const struct container_status *container,
                             struct artifact_status *artifact)
{
    struct artifact_report report = {0};
    struct error error = {0};
    if (!container) {
        return "its pod is gone";
    }
    if (text_is_empty(container->state.terminated.message)) {
        return "its pod left no digest";
    }
    if (!result_is_ok(codec_decode_artifact_report(work->arena, container->state.terminated.message,
                                                   &report, &error))) {
        return arena_copy_text(work->arena, error.message);
    }
    if (report.digest_count == 0) {
        return "its pod left a report without a digest";
    }
    artifact->digest = report.digests[0].value;
    return NULL;
}

/* There is no Job of that name: it was not made yet, was refused, or was deleted. */
static void make_seal(struct run_work *work, const struct artifact_status *artifact,
                      const struct seal *seal)
{
    const struct fact *fact = fact_find(&work->view->facts, OPERATION_CREATE, KIND_JOB, seal->job);
    if (!fact) {
        start_seal(work, artifact, seal);
        work->after.status.seal_job = seal->job;
    } else if (fact->error == ERROR_INVALID) {
        fail_seal(work, fact_said(fact));
    } else {
        run_note_obstacle(work, REASON_WRITE_REFUSED,
                          arena_print(work->arena, "Job %s can't be created: %s; it is tried again",
                                      seal->job, fact_said(fact)));
        plan_next_group(work->plan);
        start_seal(work, artifact, seal);
        plan_next_group(work->plan);
    }
}

/* It ended without a digest. */
static void seal_again(struct run_work *work, const struct artifact_status *artifact,
                       const struct seal *seal, bool spoke, const char *why)
{
    if (spoke || seal->attempt >= SEAL_ATTEMPTS) {
        fail_seal(work, why);
        return;
    }
    const struct seal next = seal_of(work, seal->attempt + 1);
    make_seal(work, artifact, &next);
}

/* True when the artifact has its digest. */
static bool seal_artifact(struct run_work *work, struct artifact_status *artifact)
{
    const struct seal seal = current_seal(work);
    const struct job *job = run_find_job(work, seal.job);
    if (!job) {
        make_seal(work, artifact, &seal);
        return false;
    }
    struct attempt_evidence evidence = run_judge_attempt(work, job, true);
    if (evidence.state == ATTEMPT_FAILED) {
        seal_again(work, artifact, &seal, evidence.pod != NULL, evidence.message);
        return false;
    }
    if (evidence.state == ATTEMPT_UNDER_WAY) {
        run_note_obstacle(work, evidence.reason ? evidence.reason : REASON_SEALING,
                          evidence.message ? evidence.message
                                           : "the artifact to publish is being digested; then the "
                                             "model version is created");
        return false;
    }
    const struct container_status *container =
        evidence.pod ? pod_find_container(evidence.pod, CONTAINER_SEAL) : NULL;
    const char *wrong = read_seal(work, container, artifact);
    if (wrong) {
        seal_again(work, artifact, &seal, container != NULL, wrong);
    }
    return !wrong;
}

static void collect_metrics(struct run_work *work, struct model_version_spec *spec)
{
    const struct publish_spec *publish = &work->spec->publish;
    size_t capacity = 0;
    for (size_t at = 0; at < publish->metrics_from_count; at++) {
        capacity += work->steps[graph_find(&work->graph, publish->metrics_from[at])].result_count;
    }
    spec->metrics = arena_array(work->arena, struct metric_value, capacity);
    for (size_t at = 0; at < publish->metrics_from_count; at++) {
        const struct step_status *step =
            &work->steps[graph_find(&work->graph, publish->metrics_from[at])];
        for (size_t result = 0; result < step->result_count; result++) {
            if (decimal_is_valid(step->results[result].value)) {
                spec->metrics[spec->metric_count++] = (struct metric_value){
                    .name = step->results[result].name,
                    .value = step->results[result].value,
                    .step = step->name};
            }
        }
    }
}

/* Of the artifacts all but the published one: that is the version's own. */
static void collect_lineage(struct run_work *work, const struct artifact_status *published,
                            struct lineage_spec *lineage)
{
    struct arena *arena = work->arena;
    lineage->run = (struct lineage_run){.name = work->run->meta.name, .uid = work->run->meta.uid};
    lineage->cause = work->run->spec.cause;
    lineage->pipeline = work->run->spec.pipeline_ref.name;
    lineage->revision = work->revision;
    lineage->params = work->params;
    lineage->param_count = work->spec->param_count;
    lineage->images = arena_array(arena, struct lineage_image, work->graph.count);
    size_t artifacts = 0;
    for (size_t at = 0; at < work->graph.count; at++) {
        artifacts += work->steps[at].artifact_count;
        if (work->steps[at].image_id) {
            lineage->images[lineage->image_count++] = (struct lineage_image){
                .step = work->steps[at].name, .image = work->steps[at].image_id};
        }
    }
    lineage->inputs = arena_array(arena, struct lineage_artifact, artifacts);
    for (size_t at = 0; at < work->graph.count; at++) {
        for (size_t made = 0; made < work->steps[at].artifact_count; made++) {
            const struct artifact_status *artifact = &work->steps[at].artifacts[made];
            if (artifact == published) {
                continue;
            }
            lineage->inputs[lineage->input_count++] = (struct lineage_artifact){
                .name = arena_print(arena, "%s.%s", work->steps[at].name, artifact->name),
                .uri = artifact->uri,
                .digest = artifact->digest};
        }
    }
}

static void create_version(struct run_work *work, const struct artifact_status *artifact,
                           const char *name)
{
    const struct pipeline_run *run = work->run;
    struct model_version version = {
        .meta = {.name = name,
                 .namespace = run->meta.namespace,
                 .creation_time = TIME_ABSENT,
                 .deletion_time = TIME_ABSENT},
        .spec = {.model = work->spec->publish.model,
                 .artifact = {.uri = artifact->uri, .digest = artifact->digest},
                 .serving = {.port = INTEGER_ABSENT, .replicas = INTEGER_ABSENT}},
        .status = {.version = INTEGER_ABSENT, .observed_generation = INTEGER_ABSENT},
    };
    struct name_value labels[] = {
        {.name = LABEL_MANAGED_BY, .value = LABEL_MANAGED_BY_VALUE},
        {.name = LABEL_MODEL, .value = name_as_label(work->arena, version.spec.model)},
        {.name = LABEL_PIPELINE, .value = name_as_label(work->arena, run->spec.pipeline_ref.name)},
        {.name = LABEL_RUN, .value = name_as_label(work->arena, run->meta.name)},
    };
    struct name_value chain = {.name = ANNOTATION_CHAIN,
                               .value = text_map_get(&run->meta.annotations, ANNOTATION_CHAIN)};
    version.meta.annotations = (struct text_map){.items = &chain, .count = chain.value ? 1 : 0};
    version.meta.labels = (struct text_map){.items = labels,
                                            .count = sizeof(labels) / sizeof(labels[0])};
    collect_metrics(work, &version.spec);
    collect_lineage(work, artifact, &version.spec.lineage);
    plan_create(work->plan, KIND_MODEL_VERSION, run->meta.namespace, name, NULL,
                codec_encode(work->arena, KIND_MODEL_VERSION, (const struct object *)&version),
                REASON_PUBLISHED,
                arena_print(work->arena, "publishes %s as a version of model %s", artifact->uri,
                            version.spec.model));
}

/* True when the version exists or is created by this plan. */
static bool publish_version(struct run_work *work, const struct artifact_status *artifact,
                            const char *name)
{
    const struct model_version *existing = work->view->version;
    if (existing) {
        REQUIRE(text_equal(existing->meta.name, name)); /* looked for by this name */
        if (run_has_published(work)) {
            return true;
        }
        run_end(work, RUN_FAILED, REASON_NAME_TAKEN,
                arena_print(work->arena,
                            "ModelVersion %s exists and is not of this run; delete it "
                            "and create a new run",
                            name));
        return false;
    }
    const struct fact *fact = fact_find(&work->view->facts, OPERATION_CREATE, KIND_MODEL_VERSION,
                                        name);
    if (fact && fact->error == ERROR_INVALID) {
        run_end(work, RUN_FAILED, REASON_WRITE_REFUSED,
                arena_print(work->arena, "ModelVersion %s is refused by the API server: %s", name,
                            fact_said(fact)));
        return false;
    }
    if (fact) {
        run_note_obstacle(work, REASON_WRITE_REFUSED,
                          arena_print(work->arena,
                                      "ModelVersion %s can't be created: %s; it is "
                                      "tried again",
                                      name, fact_said(fact)));
        plan_next_group(work->plan);
        create_version(work, artifact, name);
        plan_next_group(work->plan);
        return false;
    }
    create_version(work, artifact, name);
    return true;
}

bool run_has_published(const struct run_work *work)
{
    const struct model_version *version = work->view->version;
    return version && text_equal(version->spec.lineage.run.uid, work->run->meta.uid);
}

bool run_publish(struct run_work *work)
{
    if (!work->spec->publish.model) {
        return true;
    }
    size_t step = 0;
    struct artifact_status *artifact = published_artifact(work, &step);
    if (!artifact || !artifact_path(artifact->uri)) {
        run_end(
            work, RUN_FAILED, REASON_UNKNOWN_ARTIFACT,
            "spec.publish.artifact names an artifact of which the run's status does not say where "
            "it is");
        return false;
    }
    if (!artifact->digest && run_has_published(work)) {
        artifact->digest = work->view->version->spec.artifact.digest;
    }
    if (!artifact->digest && !seal_artifact(work, artifact)) {
        return false;
    }
    const char *name = name_model_version(work->arena, work->spec->publish.model,
                                          work->run->meta.uid, work->steps[step].name);
    if (!publish_version(work, artifact, name)) {
        return false;
    }
    work->after.status.model_version = name;
    return true;
}
