#ifndef TIDEMILL_API_KEPT_H
#define TIDEMILL_API_KEPT_H

/*
 * The form in which the cache keeps an object: one block of exactly the bytes that it needs,
 * without what nobody reads, and, once nobody plans by it any more, reduced to a few words. Pure;
 * used by cache/.
 *
 * What still reads a PipelineRun in a final phase, and so stays in it:
 *   indexes                     spec.pipelineRef, status.phase, ANNOTATION_TRIGGER_UID
 *   routes                      spec.pipelineRef, spec.cause.kind and .name, status.phase
 *   history of the Pipeline     status.phase, .completionTime, controller owner, name, deletionTime
 *   clean-up of revisions       status.revision
 *   Triggers                    name, status.phase, spec.cancel, controller owner; and as an end of
 *                               spec.pipeline: status.completionTime, ANNOTATION_CHAIN, the
 *                               RetrainNeeded condition with the beginning of its message
 *   expectations, deletions     uid, resourceVersion, deletionTime
 * plan_run() returns at once for it, so no step, parameter, condition or message is read, nor
 * anything of its Jobs and Pods but:
 *   a Job                       its controller owner (whose child is it?), uid, resourceVersion
 *   a Pod                       uid, resourceVersion (is an event old news?)
 * A Pod without owners is in no list of a Job's pods.
 */

#include "api/codec.h"
#include "api/kind.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Takes out in place what nobody reads of any object, and what changes with every step of the
 * kubelet's: of a Pod's conditions only PodScheduled while it is False, and DisruptionTarget, stay,
 * and of the containers of a Job's Pod that has not ended those that wait for a reason.
 */
void kept_trim(enum api_kind kind, struct object *object);

/*
 * True when all that is kept of them is the same but the resourceVersion. False may also mean
 * another order in a map.
 */
bool kept_says_the_same(enum api_kind kind, const struct object *a, const struct object *b);

/* Bytes that kept_copy() needs; a multiple of 8. */
size_t kept_size(enum api_kind kind, const struct object *object);

/*
 * A copy of all that the object holds, in `memory`: kept_size() bytes, aligned for a pointer.
 * Borrows nothing of the original. Empty lists come out as NULL.
 */
struct object *kept_copy(enum api_kind kind, const struct object *object, void *memory);

/* True of the kinds that kept_reduce() knows: PipelineRun, Job and Pod. */
bool kept_is_reducible(enum api_kind kind);

/*
 * `object` without what nobody reads when the run it is, or belongs to, is in a final phase. Made
 * in `arena`, borrows texts of the original.
 */
const struct object *kept_reduce(struct arena *arena, enum api_kind kind,
                                 const struct object *object);

#endif
