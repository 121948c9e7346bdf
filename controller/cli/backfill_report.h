#ifndef TIDEMILL_CLI_BACKFILL_REPORT_H
#define TIDEMILL_CLI_BACKFILL_REPORT_H

/* What a backfill prints: the table of its times, a line for what happens, its end. For
 * cli/backfill*.c alone. */

#include "plan/backfill.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum backfill_state {
    BACKFILL_ABSENT,     /* no run of this time is there */
    BACKFILL_UNFINISHED, /* its run goes on */
    BACKFILL_SUCCEEDED,
    BACKFILL_FAILED,  /* or was cancelled */
    BACKFILL_TAKEN,   /* its run's name is another run's; see note */
    BACKFILL_DELETED, /* somebody deleted its run before it had ended */
    BACKFILL_STATE_COUNT
};

/* A time of the backfill and what became of it. Texts live as long as the session. */
struct backfill_item {
    const struct backfill_time *time;
    enum backfill_state state;
    const char *phase;  /* of its run; NULL: none yet */
    const char *reason; /* of its run's condition Ready; NULL: none */
    const char *note;   /* that condition in words, or what is in the way; NULL: nothing */
    const char *told;   /* the reason that was told last, while it waits; NULL: none */
    bool has_live;      /* the run that the live schedule made for this time is there too */
    bool is_outdated;   /* its run has other parameters than the Trigger would give it now */
    int64_t since_ms;   /* monotonic: while UNFINISHED, from when on we have looked at it */
    int64_t look_at_ms; /* and when we look again */
};

struct backfill_report {
    FILE *out;
    const struct backfill *backfill;
    struct backfill_item *items; /* one for each time, in order */
};

/* "Backfill of Trigger team/nightly (Pipeline churn): 31 times of ..." */
void backfill_report_head(const struct backfill_report *report);

/* Each time: run, what would be done or what it has come to, parameters. */
void backfill_report_table(const struct backfill_report *report);

/* What earlier calls of the same command have come to; nothing when there was none. */
void backfill_report_found(const struct backfill_report *report);

/* "2026-01-01T02:00:00Z  nightly-29454360-backfill  Succeeded  [12 of 31]" */
void backfill_report_line(const struct backfill_report *report, const struct backfill_item *item,
                          const char *what, const char *note);

/* How many came to what, and how to go on. */
void backfill_report_end(const struct backfill_report *report);

size_t backfill_report_count(const struct backfill_report *report, enum backfill_state state);

#endif
