#ifndef TIDEMILL_PLAN_GRAPH_H
#define TIDEMILL_PLAN_GRAPH_H

/*
 * A pipeline's steps as a directed acyclic graph: which steps each one waits for, by `inputs`
 * (data) and by `runAfter` (order). Pure. Cost: n log n in steps and edges.
 */

#include "api/pipeline.h"
#include "core/arena.h"

#include <stdbool.h>
#include <stddef.h>

/* Why a spec can't be carried out: a reason of plan/reasons.h and a sentence with the field. */
struct spec_fault {
    const char *reason;
    const char *message;
};

struct graph_step {
    const struct step_spec *spec;
    size_t *waits_for; /* indexes of steps, ascending, each once */
    size_t wait_count;
};

struct graph {
    struct graph_step *steps; /* in the spec's order */
    size_t count;
    const struct step_spec **by_name; /* the same steps, sorted by name */
};

/* "step.artifact" taken apart. */
struct artifact_source {
    size_t step;     /* index in the graph */
    size_t artifact; /* index in that step's outputs.artifacts */
};

/* False, with the fault in `arena`, for unknown or doubled names and cycles. */
bool graph_build(struct arena *arena, const struct pipeline_spec *spec, struct graph *graph,
                 struct spec_fault *fault);

/* The index of a step; graph->count when there is none. */
size_t graph_find(const struct graph *graph, const char *name);

/* False with a fault (its message begins with `field`) when it names no step or artifact. */
bool graph_find_artifact(struct arena *arena, const struct graph *graph, const char *from,
                         const char *field, struct artifact_source *source,
                         struct spec_fault *fault);

#endif
