#include "cost/counted.h"

#include "api/codec.h"
#include "api/names.h"
#include "core/assert.h"
#include "core/buffer.h"
#include "core/text.h"
#include "plan/reasons.h"
#include "plan/view.h"

#include <string.h>

enum { NOW = 1795430000, JSON_MAXIMUM = 64 * 1024 * 1024, RESULT_STEPS = 4 };

#define RUN_UID   "2b7f9c1e-1111-4222-8333-9f4f6c1d2e3a"
#define IMAGE     "registry.example.com/team/project/train:2026.11"
#define IMAGE_ID  "registry.example.com/team/project/train@sha256:"
#define DIGEST    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define LONG_NAME "abcdefghijklmnopqrstuvwxyz-abcdefghijklmnopqrstuvwxyz-abcdefghijklmnopqrstuvwxyz"

/* Called by the compiler's instrumentation at each basic block. */
void __sanitizer_cov_trace_pc(void);

static bool is_counting;
static uint64_t blocks;

__attribute__((no_sanitize_coverage)) void __sanitizer_cov_trace_pc(void)
{
    blocks += is_counting;
}

/* Everything of one planning. */
struct stage {
    struct arena arena; /* of the view */
    enum shape shape;
    enum moment moment;
    size_t steps;
    int name_size;
    struct plan_settings settings;
    struct pipeline *pipeline;
    struct controller_revision *revision;
    struct pipeline_run *run;
    const struct job **jobs;
    size_t job_count;
    const struct pod **pods;
    size_t pod_count;
    struct fact *facts;
    size_t fact_count;
};

const char *shape_name(enum shape shape)
{
    static const char *const names[] = {
        [SHAPE_CHAIN] = "chain", [SHAPE_WIDE] = "wide", [SHAPE_TREE] = "tree"};
    return names[shape];
}

const char *moment_name(enum moment moment)
{
    static const char *const names[] = {
        [MOMENT_CHECK] = "check",       [MOMENT_ANSWERED] = "answered", [MOMENT_START] = "start",
        [MOMENT_REFUSED] = "refused",   [MOMENT_HALF] = "half",         [MOMENT_END] = "end",
        [MOMENT_SHUFFLED] = "shuffled",
    };
    return names[moment];
}

/* "abc...-0007", name_size bytes. The number comes last, so that equal beginnings are compared. */
static const char *step_name(struct stage *stage, size_t step)
{
    return arena_print(&stage->arena, "%.*s-%04zu", stage->name_size - 5, LONG_NAME, step);
}

static const char *run_name(struct stage *stage)
{
    return arena_print(&stage->arena, "%.*s", stage->name_size, LONG_NAME);
}

static bool has_predecessor(const struct stage *stage, size_t step)
{
    return step > 0 && stage->shape != SHAPE_WIDE;
}

static size_t predecessor(const struct stage *stage, size_t step)
{
    return stage->shape == SHAPE_CHAIN ? step - 1 : (step - 1) / 2;
}

/* Results are wanted of a few steps only: what a Job carries of all before it is not planning. */
static bool has_results(const struct stage *stage, size_t step)
{
    return stage->shape != SHAPE_WIDE && step < RESULT_STEPS;
}

#define PUT(...) REQUIRE(result_is_ok(buffer_print(&json, __VA_ARGS__)))

static void *decode(struct stage *stage, enum api_kind kind, struct buffer *json)
{
    struct object *object = NULL;
    struct error error = {0};
    struct result result = codec_decode(&stage->arena, kind, buffer_text(json), json->size, &object,
                                        &error);
    REQUIRE(result_is_ok(result));
    buffer_free(json);
    return object;
}

static const char *spec_json(struct stage *stage)
{
    struct buffer json = BUFFER_INIT(JSON_MAXIMUM);
    PUT("{\"artifacts\":{\"volumeClaim\":{\"claimName\":\"artifacts\"}},\"steps\":[");
    for (size_t at = 0; at < stage->steps; at++) {
        PUT("%s{\"name\":\"%s\",\"image\":\"" IMAGE "\",\"command\":[\"true\"]", at ? "," : "",
            step_name(stage, at));
        if (stage->shape != SHAPE_WIDE) {
            PUT(",\"outputs\":{\"artifacts\":[{\"name\":\"data\"}]%s}",
                has_results(stage, at) ? ",\"results\":[{\"name\":\"rows\",\"type\":\"integer\"}]"
                                       : "");
        }
        if (has_predecessor(stage, at)) {
            PUT(stage->shape == SHAPE_TREE
                    ? ",\"inputs\":[{\"name\":\"data\",\"from\":\"%s.data\"}]"
                    : ",\"runAfter\":[\"%s\"]",
                step_name(stage, predecessor(stage, at)));
        }
        PUT("}");
    }
    PUT("]}");
    const char *text = arena_copy_text(&stage->arena, buffer_text(&json));
    buffer_free(&json);
    return text;
}

static void make_pipeline(struct stage *stage)
{
    struct buffer json = BUFFER_INIT(JSON_MAXIMUM);
    bool is_new = stage->moment == MOMENT_CHECK || stage->moment == MOMENT_ANSWERED;
    const char *spec = spec_json(stage);
    PUT("{\"metadata\":{\"name\":\"p\",\"namespace\":\"team\",\"uid\":\"up\",\"generation\":1},"
        "\"spec\":%s,\"status\":{",
        spec);
    if (!is_new) {
        PUT("\"observedGeneration\":1,\"revision\":\"p-1\",\"conditions\":[{\"type\":\"Ready\","
            "\"status\":\"True\",\"reason\":\"Ready\",\"message\":\"m\",\"lastTransitionTime\":"
            "\"2026-11-23T12:00:00Z\",\"observedGeneration\":1}]");
    }
    PUT("}}");
    stage->pipeline = decode(stage, KIND_PIPELINE, &json);
    json = (struct buffer)BUFFER_INIT(JSON_MAXIMUM);
    PUT("{\"metadata\":{\"name\":\"p-1\",\"namespace\":\"team\",\"uid\":\"ur\"},\"revision\":1,"
        "\"data\":{\"spec\":%s}}",
        spec);
    stage->revision = decode(stage, KIND_CONTROLLER_REVISION, &json);
}

static size_t done_steps(const struct stage *stage)
{
    bool is_half = stage->moment == MOMENT_HALF || stage->moment == MOMENT_SHUFFLED;
    return is_half ? stage->steps / 2 : 0;
}

static const char *job_name(struct stage *stage, size_t step)
{
    return name_step_job(&stage->arena, run_name(stage), RUN_UID, step_name(stage, step), 1);
}

static void put_step_status(struct stage *stage, struct buffer *to, size_t step)
{
    struct buffer json = *to;
    bool is_done = step < done_steps(stage);
    bool is_running = !is_done && step <= done_steps(stage);
    PUT("{\"name\":\"%s\",\"phase\":\"%s\"", step_name(stage, step),
        is_done      ? "Succeeded"
        : is_running ? "Running"
                     : "Pending");
    if (is_done || is_running) {
        PUT(",\"attempts\":1,\"job\":\"%s\",\"startTime\":\"2026-11-23T12:00:00Z\"",
            job_name(stage, step));
    }
    if (is_done) {
        PUT(",\"completionTime\":\"2026-11-23T12:00:00Z\",\"imageID\":\"" IMAGE_ID DIGEST "\"");
        if (stage->shape != SHAPE_WIDE) {
            PUT(",\"artifacts\":[{\"name\":\"data\",\"uri\":\"pvc://artifacts/r/%zu/data\"}]",
                step);
        }
        if (has_results(stage, step)) {
            PUT(",\"results\":[{\"name\":\"rows\",\"value\":\"%zu\"}]", step);
        }
    }
    PUT("}");
    *to = json;
}

static void make_run(struct stage *stage)
{
    struct buffer json = BUFFER_INIT(JSON_MAXIMUM);
    PUT("{\"metadata\":{\"name\":\"%s\",\"namespace\":\"team\",\"uid\":\"" RUN_UID
        "\",\"generation\":1,\"resourceVersion\":\"7\"},\"spec\":{\"pipelineRef\":{\"name\":\"p\"}}"
        ","
        "\"status\":{\"observedGeneration\":-1",
        run_name(stage));
    if (done_steps(stage) > 0) {
        PUT(",\"phase\":\"Running\",\"revision\":\"p-1\",\"startTime\":\"2026-11-23T12:00:00Z\","
            "\"steps\":[");
        for (size_t at = 0; at < stage->steps; at++) {
            PUT("%s", at ? "," : "");
            put_step_status(stage, &json,
                            stage->moment == MOMENT_SHUFFLED ? stage->steps - 1 - at : at);
        }
        PUT("]");
    }
    PUT("}}");
    stage->run = decode(stage, KIND_PIPELINE_RUN, &json);
}

static void add_job(struct stage *stage, size_t step)
{
    struct buffer json = BUFFER_INIT(JSON_MAXIMUM);
    const char *name = job_name(stage, step);
    PUT("{\"metadata\":{\"name\":\"%s\",\"namespace\":\"team\",\"uid\":\"job-%04zu\","
        "\"annotations\":{\"" ANNOTATION_REVISION "\":\"p-1\"},"
        "\"creationTimestamp\":\"2026-11-23T12:00:00Z\",\"ownerReferences\":[{\"kind\":"
        "\"PipelineRun\",\"name\":\"%s\",\"uid\":\"" RUN_UID "\",\"controller\":true}]}}",
        name, step, run_name(stage));
    stage->jobs[stage->job_count++] = decode(stage, KIND_JOB, &json);
    json = (struct buffer)BUFFER_INIT(JSON_MAXIMUM);
    PUT("{\"metadata\":{\"name\":\"%s-abcde\",\"namespace\":\"team\",\"uid\":\"pod-%04zu\","
        "\"ownerReferences\":[{\"kind\":\"Job\",\"name\":\"%s\",\"uid\":\"job-%04zu\","
        "\"controller\":true}]},\"status\":{\"phase\":\"Succeeded\",\"containerStatuses\":[{"
        "\"name\":\"step\",\"imageID\":\"" IMAGE_ID DIGEST "\",\"state\":{\"terminated\":"
        "{\"exitCode\":0,\"message\":\"{\\\"rows\\\":12}\",\"finishedAt\":"
        "\"2026-11-23T12:01:00Z\"}}}]}}",
        name, step, name, step);
    stage->pods[stage->pod_count++] = decode(stage, KIND_POD, &json);
}

static void add_fact(struct stage *stage, enum operation_type type, const char *name,
                     enum error_kind error)
{
    stage->facts[stage->fact_count++] = (struct fact){
        .type = type, .kind = KIND_JOB, .name = name, .error = error, .time = NOW};
}

static struct fact_list facts_of(const struct stage *stage)
{
    return (struct fact_list){.items = stage->facts, .count = stage->fact_count};
}

static void plan_stage_pipeline(struct stage *stage, struct plan *plan)
{
    struct pipeline_view view = {.now = NOW,
                                 .settings = &stage->settings,
                                 .pipeline = stage->pipeline,
                                 .facts = facts_of(stage)};
    is_counting = true;
    plan_pipeline(&view, plan);
    is_counting = false;
}

static void plan_stage_run(struct stage *stage, struct plan *plan)
{
    const struct pipeline_run *active[] = {stage->run};
    struct run_view view = {.now = NOW,
                            .settings = &stage->settings,
                            .run = stage->run,
                            .pipeline = stage->pipeline,
                            .revision = stage->revision,
                            .active = active,
                            .active_count = 1,
                            .jobs = stage->jobs,
                            .job_count = stage->job_count,
                            .pods = stage->pods,
                            .pod_count = stage->pod_count,
                            .facts = facts_of(stage)};
    is_counting = true;
    plan_run(&view, plan);
    is_counting = false;
}

/* The answers that the pipeline's own plan asks for, in the order in which facts come. */
static void answer_dry_runs(struct stage *stage)
{
    struct plan plan;
    plan_init(&plan, &stage->arena);
    plan_stage_pipeline(stage, &plan);
    for (size_t at = 0; at < plan.count; at++) {
        if (plan.operations[at].type == OPERATION_DRY_RUN) {
            add_fact(stage, OPERATION_DRY_RUN, plan.operations[at].name, ERROR_NONE);
        }
    }
}

static void set_up(struct stage *stage)
{
    stage->jobs = arena_array(&stage->arena, const struct job *, stage->steps);
    stage->pods = arena_array(&stage->arena, const struct pod *, stage->steps);
    stage->facts = arena_array(&stage->arena, struct fact, stage->steps);
    make_pipeline(stage);
    make_run(stage);
    size_t made = stage->moment == MOMENT_END ? stage->steps
                  : done_steps(stage) > 0     ? done_steps(stage) + 1
                                              : 0;
    for (size_t at = 0; at < made; at++) {
        add_job(stage, at);
    }
    for (size_t at = 0; stage->moment == MOMENT_REFUSED && at < stage->steps; at++) {
        add_fact(stage, OPERATION_CREATE, job_name(stage, at), ERROR_DENIED);
    }
    if (stage->moment == MOMENT_ANSWERED) {
        answer_dry_runs(stage);
    }
    facts_sort(stage->facts, stage->fact_count);
}

struct cost cost_of(enum shape shape, enum moment moment, size_t steps, size_t name_size)
{
    struct stage stage = {.shape = shape,
                          .moment = moment,
                          .steps = steps,
                          .name_size = (int)name_size,
                          .settings = {.helper_image = "tidemill:test"}};
    struct arena arena = {0};
    struct plan plan;
    plan_init(&plan, &arena);
    set_up(&stage);
    blocks = 0;
    if (moment == MOMENT_CHECK || moment == MOMENT_ANSWERED) {
        plan_stage_pipeline(&stage, &plan);
    } else {
        plan_stage_run(&stage, &plan);
    }
    struct cost cost = {.blocks = blocks, .bytes = arena.used, .operations = plan.count};
    for (size_t at = 0; at < plan.count; at++) {
        if (plan.operations[at].type == OPERATION_PATCH_STATUS) {
            cost.patch_bytes = strlen(plan.operations[at].body);
        }
    }
    arena_free(&arena);
    arena_free(&stage.arena);
    return cost;
}
