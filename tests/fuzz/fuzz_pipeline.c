/*
 * Any pipeline that can be decoded is judged: a graph that is one, or a fault with a reason. What
 * passed can be rendered. Input: JSON of a Pipeline.
 */

#include "fuzz/fuzz.h"

#include "api/codec.h"
#include "api/render.h"
#include "plan/pipeline_check.h"
#include "plan/values.h"

#include <jansson.h>

static void require_graph(const struct pipeline_spec *spec, const struct graph *graph)
{
    REQUIRE(graph->count == spec->step_count);
    for (size_t at = 0; at < graph->count; at++) {
        const struct graph_step *step = &graph->steps[at];
        REQUIRE(step->spec == &spec->steps[at]);
        REQUIRE(graph_find(graph, step->spec->name) == at);
        for (size_t edge = 0; edge < step->wait_count; edge++) {
            REQUIRE(step->waits_for[edge] < graph->count && step->waits_for[edge] != at);
            REQUIRE(edge == 0 || step->waits_for[edge - 1] < step->waits_for[edge]);
        }
    }
}

/* Every step can be done one after the other: there is no cycle. */
static void require_order(struct arena *arena, const struct graph *graph)
{
    bool *done = arena_array(arena, bool, graph->count);
    size_t left = graph->count;
    for (bool moved = true; moved && left > 0;) {
        moved = false;
        for (size_t at = 0; at < graph->count; at++) {
            const struct graph_step *step = &graph->steps[at];
            bool ready = !done[at];
            for (size_t edge = 0; ready && edge < step->wait_count; edge++) {
                ready = done[step->waits_for[edge]];
            }
            done[at] = done[at] || ready;
            left -= ready ? 1 : 0;
            moved = moved || ready;
        }
    }
    REQUIRE(left == 0);
}

static void require_job(struct arena *arena, const struct pipeline *pipeline,
                        const struct step_spec *step)
{
    struct name_value *params = NULL;
    struct spec_fault fault = {0};
    if (!params_resolve(arena, &pipeline->spec, NULL, 0, &params, &fault)) {
        REQUIRE(fault.reason && fault.message);
        return;
    }
    const char *body = render_step_job(
        arena, &(struct render_step_job){
                   .namespace = "team",
                   .name = "job",
                   .owner = {.kind = KIND_PIPELINE_RUN, .name = "run", .uid = "5f1c"},
                   .pipeline = pipeline->meta.name,
                   .revision = "revision",
                   .attempt = 1,
                   .spec = &pipeline->spec,
                   .step = step,
                   .env = params,
                   .env_count = pipeline->spec.param_count,
                   .out_path = "run/step",
                   .active_deadline_seconds = INTEGER_ABSENT,
                   .helper_image = "tidemill:test"});
    json_t *tree = json_loads(body, 0, NULL);
    REQUIRE(json_is_object(tree));
    json_decref(tree);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char *json = fuzz_copy_bytes((struct fuzz_input){bytes, size});
    struct arena arena = {0};
    struct object *object = NULL;
    if (result_is_ok(codec_decode(&arena, KIND_PIPELINE, json, size, &object, NULL))) {
        const struct pipeline *pipeline = (const struct pipeline *)object;
        struct graph graph = {0};
        struct spec_fault fault = {0};
        if (!pipeline_check(&arena, &pipeline->spec, &graph, &fault)) {
            REQUIRE(fault.reason && fault.message && fault.message[0] != '\0');
        } else {
            require_graph(&pipeline->spec, &graph);
            require_order(&arena, &graph);
            for (size_t at = 0; at < pipeline->spec.step_count; at++) {
                require_job(&arena, pipeline, &pipeline->spec.steps[at]);
            }
        }
    }
    arena_free(&arena);
    (void)memory_free(json);
    return 0;
}
