#ifndef TIDEMILL_PLAN_PIPELINE_CHECK_H
#define TIDEMILL_PLAN_PIPELINE_CHECK_H

/*
 * What the CRD's schema can't judge: the graph, names that refer to each other, environment
 * variables. A chain of small rules; the first that finds a fault ends it. Pure.
 */

#include "api/pipeline.h"
#include "core/arena.h"
#include "plan/graph.h"

/* True with the graph built, or false with the fault. Everything lives in `arena`. */
bool pipeline_check(struct arena *arena, const struct pipeline_spec *spec, struct graph *graph,
                    struct spec_fault *fault);

#endif
