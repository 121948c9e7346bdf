#include "plan/graph.h"

#include "core/assert.h"
#include "core/text.h"
#include "plan/reasons.h"

#include <stdlib.h>
#include <string.h>

static int compare_steps(const void *a, const void *b)
{
    const struct step_spec *const *left = a;
    const struct step_spec *const *right = b;
    return strcmp((*left)->name, (*right)->name);
}

static int compare_indexes(const void *a, const void *b)
{
    const size_t *left = a;
    const size_t *right = b;
    return (*left > *right) - (*left < *right);
}

size_t graph_find(const struct graph *graph, const char *name)
{
    struct step_spec wanted = {.name = name};
    const struct step_spec *key = &wanted;
    const struct step_spec **found = bsearch(&key, graph->by_name, graph->count,
                                             sizeof(*graph->by_name), compare_steps);
    return found ? (size_t)(*found - graph->steps[0].spec) : graph->count;
}

static bool fail(struct spec_fault *fault, const char *reason, const char *message)
{
    *fault = (struct spec_fault){.reason = reason, .message = message};
    return false;
}

bool graph_find_artifact(struct arena *arena, const struct graph *graph, const char *from,
                         const char *field, struct artifact_source *source,
                         struct spec_fault *fault)
{
    const char *dot = strchr(from, '.');
    const char *step_name = arena_copy_bytes(arena, from,
                                             dot ? (size_t)(dot - from) : strlen(from));
    size_t step = graph_find(graph, step_name);
    if (!dot || step == graph->count) {
        return fail(
            fault, REASON_UNKNOWN_STEP,
            arena_print(
                arena, "%s: \"%s\" must be STEP.ARTIFACT of a step of this pipeline%s", field, from,
                step == graph->count ? arena_print(arena, "; there is no step \"%s\"", step_name)
                                     : ""));
    }
    const struct outputs_spec *outputs = &graph->steps[step].spec->outputs;
    for (size_t at = 0; at < outputs->artifact_count; at++) {
        if (text_equal(outputs->artifacts[at].name, dot + 1)) {
            *source = (struct artifact_source){.step = step, .artifact = at};
            return true;
        }
    }
    return fail(fault, REASON_UNKNOWN_ARTIFACT,
                arena_print(arena,
                            "%s: step \"%s\" declares no artifact \"%s\" in "
                            "outputs.artifacts",
                            field, step_name, dot + 1));
}

/* Sorted, each once. */
static void add_waits(struct graph_step *step, size_t *waits, size_t count)
{
    qsort(waits, count, sizeof(*waits), compare_indexes);
    size_t kept = 0;
    for (size_t at = 0; at < count; at++) {
        if (kept == 0 || waits[kept - 1] != waits[at]) {
            waits[kept++] = waits[at];
        }
    }
    step->waits_for = waits;
    step->wait_count = kept;
}

static bool resolve_step(struct arena *arena, struct graph *graph, size_t index,
                         struct spec_fault *fault)
{
    struct graph_step *step = &graph->steps[index];
    const struct step_spec *spec = step->spec;
    size_t *waits = arena_array(arena, size_t, spec->run_after_count + spec->input_count);
    size_t count = 0;
    for (size_t at = 0; at < spec->run_after_count; at++) {
        size_t before = graph_find(graph, spec->run_after[at]);
        if (before == graph->count) {
            return fail(fault, REASON_UNKNOWN_STEP,
                        arena_print(arena,
                                    "spec.steps[%zu].runAfter[%zu] of step \"%s\": there is "
                                    "no step \"%s\"",
                                    index, at, spec->name, spec->run_after[at]));
        }
        waits[count++] = before;
    }
    for (size_t at = 0; at < spec->input_count; at++) {
        struct artifact_source source;
        const char *field = arena_print(arena, "spec.steps[%zu].inputs[%zu].from of step \"%s\"",
                                        index, at, spec->name);
        if (!graph_find_artifact(arena, graph, spec->inputs[at].from, field, &source, fault)) {
            return false;
        }
        waits[count++] = source.step;
    }
    add_waits(step, waits, count);
    return true;
}

/* One that a step of a cycle waits for and that is left, too: or the step would be done. */
static size_t next_on_cycle(const struct graph *graph, const bool *done, size_t at)
{
    const struct graph_step *step = &graph->steps[at];
    size_t wait = 0;
    while (done[step->waits_for[wait]]) {
        wait++;
        REQUIRE(wait < step->wait_count);
    }
    return step->waits_for[wait];
}

/* Names the steps of one cycle: from any step that is left, follow one that is left until a repeat.
 */
static const char *describe_cycle(struct arena *arena, const struct graph *graph, const bool *done,
                                  size_t start)
{
    bool *visited = arena_array(arena, bool, graph->count);
    size_t at = start;
    while (!visited[at]) {
        visited[at] = true;
        at = next_on_cycle(graph, done, at);
    }
    size_t first = at;
    const char *path = graph->steps[first].spec->name;
    do {
        at = next_on_cycle(graph, done, at);
        path = arena_print(arena, "%s -> %s", path, graph->steps[at].spec->name);
    } while (at != first);
    return path;
}

/* Kahn's algorithm over the reversed edges: what remains waits for itself. */
static bool check_acyclic(struct arena *arena, const struct graph *graph, struct spec_fault *fault)
{
    size_t *remaining = arena_array(arena, size_t, graph->count);
    size_t *dependents_at = arena_array(arena, size_t, graph->count + 1);
    for (size_t at = 0; at < graph->count; at++) {
        remaining[at] = graph->steps[at].wait_count;
        for (size_t wait = 0; wait < graph->steps[at].wait_count; wait++) {
            dependents_at[graph->steps[at].waits_for[wait] + 1]++;
        }
    }
    for (size_t at = 0; at < graph->count; at++) {
        dependents_at[at + 1] += dependents_at[at];
    }
    size_t *fill = arena_array(arena, size_t, graph->count);
    size_t *dependents = arena_array(arena, size_t, dependents_at[graph->count]);
    for (size_t at = 0; at < graph->count; at++) {
        for (size_t wait = 0; wait < graph->steps[at].wait_count; wait++) {
            size_t before = graph->steps[at].waits_for[wait];
            dependents[dependents_at[before] + fill[before]++] = at;
        }
    }
    size_t *ready = arena_array(arena, size_t, graph->count);
    bool *done = arena_array(arena, bool, graph->count);
    size_t ready_count = 0;
    for (size_t at = 0; at < graph->count; at++) {
        if (remaining[at] == 0) {
            ready[ready_count++] = at;
        }
    }
    for (size_t next = 0; next < ready_count; next++) {
        size_t step = ready[next];
        done[step] = true;
        for (size_t at = dependents_at[step]; at < dependents_at[step + 1]; at++) {
            if (--remaining[dependents[at]] == 0) {
                ready[ready_count++] = dependents[at];
            }
        }
    }
    for (size_t at = 0; at < graph->count; at++) {
        if (!done[at]) {
            return fail(fault, REASON_GRAPH_CYCLE,
                        arena_print(arena,
                                    "spec.steps: steps wait for each other: %s; remove one "
                                    "of these runAfter or inputs",
                                    describe_cycle(arena, graph, done, at)));
        }
    }
    return true;
}

bool graph_build(struct arena *arena, const struct pipeline_spec *spec, struct graph *graph,
                 struct spec_fault *fault)
{
    *graph = (struct graph){.count = spec->step_count};
    if (spec->step_count == 0) {
        return fail(fault, REASON_INVALID_SPEC, "spec.steps: at least one step is needed");
    }
    graph->steps = arena_array(arena, struct graph_step, spec->step_count);
    graph->by_name = arena_allocate(arena, spec->step_count, sizeof(*graph->by_name));
    for (size_t at = 0; at < spec->step_count; at++) {
        graph->steps[at].spec = &spec->steps[at];
        graph->by_name[at] = &spec->steps[at];
    }
    qsort(graph->by_name, graph->count, sizeof(*graph->by_name), compare_steps);
    for (size_t at = 1; at < graph->count; at++) {
        if (compare_steps(&graph->by_name[at - 1], &graph->by_name[at]) == 0) {
            return fail(fault, REASON_INVALID_SPEC,
                        arena_print(arena, "spec.steps: two steps are named \"%s\"; rename one",
                                    graph->by_name[at]->name));
        }
    }
    for (size_t at = 0; at < spec->step_count; at++) {
        if (!resolve_step(arena, graph, at, fault)) {
            return false;
        }
    }
    return check_acyclic(arena, graph, fault);
}
