#include "plan/run_work.h"

#include "api/quantity.h"
#include "api/render.h"
#include "core/assert.h"
#include "core/text.h"

#include <stdlib.h>
#include <string.h>

/* What starts now: steps all of whose predecessors succeeded, and attempts whose time has come. */

enum { MILLISECONDS = 1000 };

/*
 * Room to find the steps before one, used for each step that starts: a planning may start all of
 * them, and must not pay for the whole graph each time.
 */
struct ancestry {
    size_t *seen_for; /* of each step: index + 1 of the step that it was last seen for; 0: none */
    size_t *steps;    /* those before the step, each once */
    size_t count;
};

static int compare_indexes(const void *a, const void *b)
{
    const size_t *left = a;
    const size_t *right = b;
    return (*left > *right) - (*left < *right);
}

static void add_waits(const struct run_work *work, size_t index, size_t of,
                      struct ancestry *ancestry)
{
    const struct graph_step *step = &work->graph.steps[index];
    for (size_t at = 0; at < step->wait_count; at++) {
        size_t before = step->waits_for[at];
        if (ancestry->seen_for[before] != of + 1) {
            ancestry->seen_for[before] = of + 1;
            ancestry->steps[ancestry->count++] = before;
        }
    }
}

/* All steps that `index` waits for, directly or not, in the spec's order. */
static void find_ancestors(const struct run_work *work, size_t index, struct ancestry *ancestry)
{
    ancestry->count = 0;
    add_waits(work, index, index, ancestry);
    for (size_t at = 0; at < ancestry->count; at++) {
        add_waits(work, ancestry->steps[at], index, ancestry);
    }
    qsort(ancestry->steps, ancestry->count, sizeof(*ancestry->steps), compare_indexes);
}

/* Parameters, and the results of every step before this one. */
static void collect_env(struct run_work *work, size_t index, struct ancestry *ancestry,
                        struct render_step_job *job)
{
    struct arena *arena = work->arena;
    find_ancestors(work, index, ancestry);
    size_t capacity = work->spec->param_count;
    for (size_t at = 0; at < ancestry->count; at++) {
        capacity += work->steps[ancestry->steps[at]].result_count;
    }
    struct name_value *env = arena_array(arena, struct name_value, capacity);
    size_t count = 0;
    for (size_t at = 0; at < work->spec->param_count; at++) {
        env[count++] = (struct name_value){
            .name = name_environment(arena, "PARAM_", work->params[at].name),
            .value = work->params[at].value};
    }
    for (size_t at = 0; at < ancestry->count; at++) {
        const struct step_status *status = &work->steps[ancestry->steps[at]];
        for (size_t result = 0; result < status->result_count; result++) {
            const char *prefix = arena_print(arena, "%s_",
                                             name_environment(arena, "RESULT_", status->name));
            env[count++] = (struct name_value){
                .name = name_environment(arena, prefix, status->results[result].name),
                .value = status->results[result].value};
        }
    }
    job->env = env;
    job->env_count = count;
}

/* Where the input is by the status; path NULL: it does not say. */
static struct render_input find_input(struct run_work *work, const struct input_spec *spec)
{
    struct artifact_source source = {0};
    struct spec_fault fault;
    bool is_known = graph_find_artifact(work->arena, &work->graph, spec->from, "from", &source,
                                        &fault);
    REQUIRE(is_known); /* the graph was built from the same names */
    const struct artifact_status *artifact = run_find_artifact(work, &source);
    return (struct render_input){.name = spec->name,
                                 .path = artifact ? artifact_path(artifact->uri) : NULL,
                                 .digest = artifact ? artifact->digest : NULL};
}

static void collect_inputs(struct run_work *work, size_t index, struct render_step_job *job)
{
    const struct step_spec *spec = work->graph.steps[index].spec;
    struct render_input *inputs = arena_array(work->arena, struct render_input, spec->input_count);
    for (size_t at = 0; at < spec->input_count; at++) {
        inputs[at] = find_input(work, &spec->inputs[at]);
    }
    job->inputs = inputs;
    job->input_count = spec->input_count;
}

/* Only who may write the status can take an artifact's place out of it: the step can't start. */
static bool lacks_input(struct run_work *work, size_t index)
{
    const struct step_spec *spec = work->graph.steps[index].spec;
    for (size_t at = 0; at < spec->input_count; at++) {
        if (!find_input(work, &spec->inputs[at]).path) {
            struct step_status *status = &work->steps[index];
            status->phase = STEP_FAILED;
            status->reason = REASON_UNKNOWN_ARTIFACT;
            status->completion_time = work->view->now;
            status->message = arena_print(
                work->arena,
                "input \"%s\": the run's status does not say where %s is: somebody changed it; "
                "start a new run",
                spec->inputs[at].name, spec->inputs[at].from);
            return true;
        }
    }
    return false;
}

/* The pod's limit: the step's own, and what is left of the run's. */
static int64_t pod_deadline(const struct run_work *work, const struct step_spec *spec)
{
    int64_t limit = INTEGER_ABSENT;
    int64_t milliseconds = 0;
    if (duration_parse(spec->timeout, &milliseconds)) {
        limit = (milliseconds + MILLISECONDS - 1) / MILLISECONDS;
    }
    int64_t deadline = run_deadline(work);
    if (deadline != TIME_ABSENT) {
        int64_t left = deadline - work->view->now;
        left = left > 0 ? left : 1;
        limit = limit == INTEGER_ABSENT || left < limit ? left : limit;
    }
    return limit;
}

static void create_job(struct run_work *work, struct ancestry *ancestry, size_t index,
                       int64_t attempt, const char *name)
{
    const struct pipeline_run *run = work->run;
    struct render_step_job job = {
        .namespace = run->meta.namespace,
        .name = name,
        .owner = {.kind = KIND_PIPELINE_RUN, .name = run->meta.name, .uid = run->meta.uid},
        .pipeline = run->spec.pipeline_ref.name,
        .revision = work->revision,
        .attempt = attempt,
        .spec = work->spec,
        .step = work->graph.steps[index].spec,
        .out_path = run_out_path(work, index),
        .active_deadline_seconds = pod_deadline(work, work->graph.steps[index].spec),
        .helper_image = work->view->settings->helper_image,
    };
    collect_env(work, index, ancestry, &job);
    collect_inputs(work, index, &job);
    plan_create(work->plan, KIND_JOB, run->meta.namespace, name, run->meta.uid,
                render_step_job(work->arena, &job),
                attempt == 1 ? REASON_STEP_READY : REASON_STEP_RETRY,
                arena_print(work->arena, "starts step %s, attempt %lld", job.step->name,
                            (long long)attempt));
}

static void mark_started(struct run_work *work, size_t index, int64_t attempt, const char *name)
{
    struct step_status *status = &work->steps[index];
    status->phase = STEP_RUNNING;
    status->attempts = attempt;
    status->job = name;
    status->reason = NULL;
    status->message = NULL;
    status->retry_time = TIME_ABSENT;
    status->results = NULL;
    status->result_count = 0;
    if (status->start_time == TIME_ABSENT) {
        status->start_time = work->view->now;
    }
}

static bool is_ready(struct run_work *work, size_t index)
{
    const struct step_status *status = &work->steps[index];
    if (text_equal(status->phase, STEP_RETRYING)) {
        if (status->retry_time > work->view->now) {
            plan_wake_at(work->plan, status->retry_time);
            return false;
        }
        return true;
    }
    if (!text_equal(status->phase, STEP_PENDING)) {
        return false;
    }
    const struct graph_step *step = &work->graph.steps[index];
    for (size_t at = 0; at < step->wait_count; at++) {
        if (!text_equal(work->steps[step->waits_for[at]].phase, STEP_SUCCEEDED)) {
            return false;
        }
    }
    return true;
}

static const char *next_job_name(const struct run_work *work, size_t index)
{
    return name_step_job(work->arena, work->run->meta.name, work->run->meta.uid,
                         work->steps[index].name, work->steps[index].attempts + 1);
}

/* The API server refused this Job before: what that means for the step. */
static void note_refusal(struct run_work *work, struct ancestry *ancestry, size_t index,
                         const struct fact *fact)
{
    struct step_status *status = &work->steps[index];
    if (fact->error == ERROR_INVALID) {
        status->phase = STEP_FAILED;
        status->reason = REASON_WRITE_REFUSED;
        status->completion_time = work->view->now;
        status->message = arena_print(work->arena, "the API server refuses the step's Job: %s",
                                      fact_said(fact));
        return;
    }
    run_note_obstacle(work, fact_reason(fact),
                      arena_print(work->arena,
                                  "step %s: its Job can't be created: %s; it is tried "
                                  "again",
                                  status->name, fact_said(fact)));
    plan_next_group(work->plan);
    create_job(work, ancestry, index, status->attempts + 1, fact->name);
}

/* Why this Job was refused the last time, or NULL. */
static const struct fact *find_refusal(const struct run_work *work, const char *job)
{
    return fact_find(&work->view->facts, OPERATION_CREATE, KIND_JOB, job);
}

void run_schedule(struct run_work *work)
{
    const char **names = arena_allocate(work->arena, work->graph.count, sizeof(*names));
    struct ancestry ancestry = {.seen_for = arena_array(work->arena, size_t, work->graph.count),
                                .steps = arena_array(work->arena, size_t, work->graph.count)};
    for (size_t at = 0; at < work->graph.count; at++) {
        if (!is_ready(work, at) || lacks_input(work, at)) {
            continue;
        }
        names[at] = next_job_name(work, at);
        const struct fact *refusal = find_refusal(work, names[at]);
        if (refusal) {
            note_refusal(work, &ancestry, at, refusal);
            names[at] = NULL;
        }
    }
    plan_next_group(work->plan);
    for (size_t at = 0; at < work->graph.count; at++) {
        if (names[at]) {
            int64_t attempt = work->steps[at].attempts + 1;
            create_job(work, &ancestry, at, attempt, names[at]);
            mark_started(work, at, attempt, names[at]);
        }
    }
}
