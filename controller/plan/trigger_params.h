#ifndef TIDEMILL_PLAN_TRIGGER_PARAMS_H
#define TIDEMILL_PLAN_TRIGGER_PARAMS_H

/*
 * How spec.params of a Trigger become the parameters of a run. Pure; used by plan/trigger*.c and by
 * plan/backfill.c, so that a time that is made up for by hand gets what the schedule would have
 * given it.
 */

#include "api/trigger.h"
#include "core/arena.h"

#include <stddef.h>

/* What spec.params' `from` asks for, out of what the source says; more than that is not kept. */
struct trigger_values {
    const struct name_value *items;
    size_t count;
};

/* Those that spec.params asks for, by the names of the parameters. Values are copied. */
struct name_value *trigger_params_keep(struct arena *arena, const struct trigger_spec *spec,
                                       const struct trigger_values *values, size_t *count);

/*
 * The run's parameters: values of the spec as it is now, and of the source as they were `kept`. A
 * parameter whose source says nothing is left to its default. Values are borrowed.
 */
struct name_value *trigger_params_list(struct arena *arena, const struct trigger_spec *spec,
                                       const struct trigger_values *kept, size_t *count);

#endif
