#ifndef TIDEMILL_PLAN_ORDER_H
#define TIDEMILL_PLAN_ORDER_H

/*
 * Lists of a view in the order of names, for planners that take the first of several or write in
 * the order of a list: a plan does not depend on the order in which it sees things (conformance
 * S5). For plan/ alone. Pure.
 */

#include "core/arena.h"

#include <stddef.h>

/*
 * `items`: an array of `count` pointers to objects of one kind and namespace. Returned as it is
 * when it is sorted already, as most lists of kube/gather are; else a sorted copy in the arena.
 */
const void *order_by_name(struct arena *arena, const void *items, size_t count);

#endif
