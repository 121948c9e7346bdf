#ifndef TIDEMILL_PLAN_BACKFILL_H
#define TIDEMILL_PLAN_BACKFILL_H

/*
 * A backfill: one run for each time of a Trigger's schedule that lies in a range of the past. Pure;
 * for cli/backfill*.c. The run of a time gets the parameters that the live schedule would give it,
 * and is told apart from the live one by its name, its cause and its label.
 *
 * Invariant: what makes a Trigger's run its own (ANNOTATION_TRIGGER_UID, cause Trigger, the
 * Pipeline as its controller) is not on a backfill's. So it counts for no concurrencyPolicy,
 * cooldown, budget or status of the Trigger, and no history deletes it: were it deleted, the same
 * backfill would make its time again.
 */

#include "api/pipeline.h"
#include "api/pipeline_run.h"
#include "api/trigger.h"
#include "core/arena.h"
#include "core/result.h"
#include "plan/zone.h"

#include <stddef.h>
#include <stdint.h>

/* Times of one backfill. More would keep one command busy for days; the error says how to split. */
enum { BACKFILL_TIMES_MAXIMUM = 1000 };

enum { BACKFILL_WARNINGS_MAXIMUM = 8 };

struct backfill_request {
    const struct trigger *trigger;
    const struct pipeline *pipeline; /* that spec.pipelineRef names; NULL: there is none */
    const struct zone *zone;         /* of spec.schedule.timeZone; NULL: see zone_error */
    const char *zone_error;
    const char *from; /* as they were typed, see backfill_read_time() */
    const char *to;
    int64_t now; /* unix seconds */
};

struct backfill_time {
    int64_t time;         /* unix seconds */
    const char *run;      /* the name of its run */
    const char *live_run; /* the name of the run that the live schedule makes for this time */
    struct name_value *params;
    size_t param_count;
};

/* Borrows all of the request. */
struct backfill {
    const struct trigger *trigger;
    const struct pipeline *pipeline;
    const struct zone *zone;
    int64_t from;                                    /* unix seconds, inclusive */
    int64_t to;                                      /* exclusive; not after now */
    struct backfill_time *times;                     /* the oldest first */
    size_t count;                                    /* 0: the schedule has no time in the range */
    const char *warnings[BACKFILL_WARNINGS_MAXIMUM]; /* what one should know before it begins */
    size_t warning_count;
};

/*
 * RFC 3339, or a date alone, which is its first instant on the zone's clock. False on anything
 * else.
 */
bool backfill_read_time(const struct zone *zone, const char *text, int64_t *time);

/* ERROR_INVALID says what is wrong with the trigger, the pipeline or the range, and what to do. */
MUST_CHECK struct result backfill_plan(struct arena *arena, const struct backfill_request *request,
                                       struct backfill *backfill, struct error *error);

/* The run of one of its times, as JSON to be created. */
const char *backfill_render(struct arena *arena, const struct backfill *backfill,
                            const struct backfill_time *time);

/*
 * NULL when `run`, which has the name of this time's run, is just that, whoever made it and when.
 * Otherwise whose it is, as the end of a sentence that begins with its name.
 */
const char *backfill_find_stranger(struct arena *arena, const struct backfill *backfill,
                                   const struct backfill_time *time,
                                   const struct pipeline_run *run);

/* It has the parameters that the Trigger would give it now. */
bool backfill_is_current(const struct backfill_time *time, const struct pipeline_run *run);

#endif
