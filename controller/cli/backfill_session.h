#ifndef TIDEMILL_CLI_BACKFILL_SESSION_H
#define TIDEMILL_CLI_BACKFILL_SESSION_H

/*
 * One call of `tidemill backfill`, over kube/io.h. For cli/backfill.c and its tests. What is to be
 * made is decided by plan/backfill.h; this is the order of requests:
 *
 *   Trigger -> zone -> Pipeline -> backfill_plan() -> runs of earlier calls, live runs -> table
 *                                                                                    |
 *       +---- a time is left, and fewer runs go on than may: create its run <---------+
 *       |                                                                ^
 *       +---- else, one goes on: look at it, later and later ------------+
 *       +---- else: the end
 *
 * Invariants: one request at a time; a run is created only for a time that has none, under the name
 * that this time always has, so that no call, answer or process that is lost makes one twice;
 * nothing is listed again on the way; nothing but PipelineRuns is written.
 */

#include "kube/io.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum {
    BACKFILL_PARALLEL_MAXIMUM = 100,
    BACKFILL_LOOK_FIRST_MS = 2 * 1000, /* an unfinished run is read after so long, and then */
    BACKFILL_LOOK_SHARE = 8,           /* when it is older by this share of its age, */
    BACKFILL_LOOK_LAST_MS = 15 * 1000  /* at least each */
};

struct backfill_options {
    const char *trigger; /* all borrowed */
    const char *namespace_name;
    const char *from;
    const char *to;
    int64_t max_parallel;
    bool dry_run;
    bool stop_on_failure;
    FILE *out; /* the table, lines and the end */
    FILE *err; /* warnings, and what goes wrong */
    /* Once; the exit code as in cli/cli.h. Not from inside a call of the session's functions. */
    void (*on_end)(void *context, int code);
    void *context;
};

struct backfill_session;

struct backfill_session *backfill_session_new(struct io io, const struct backfill_options *options);
void backfill_session_start(struct backfill_session *session);

/* Somebody wants it to end: says where it stands and how to go on; on_end is called from in here.
 */
void backfill_session_interrupt(struct backfill_session *session);

/* Accepts NULL; returns NULL. */
struct backfill_session *backfill_session_free(struct backfill_session *session);

#endif
