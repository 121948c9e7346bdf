#ifndef TIDEMILL_COST_COUNTED_H
#define TIDEMILL_COST_COUNTED_H

/*
 * What planning costs, counted and not timed: how many basic blocks of our own code run (each
 * object is compiled with -fsanitize-coverage=trace-pc, which calls us at the begin of each), and
 * how many bytes the plan's arena hands out. Exact: the same on every machine with one compiler.
 * What libc and jansson do inside is not counted; what they call back (comparisons) is.
 */

#include <stddef.h>
#include <stdint.h>

enum shape {
    SHAPE_CHAIN, /* each step waits for the one before it */
    SHAPE_WIDE,  /* no step waits for another */
    SHAPE_TREE   /* step i waits for step (i - 1) / 2, and reads what it made */
};

enum moment {
    MOMENT_CHECK,    /* a new pipeline: the API server is asked about each step's Job */
    MOMENT_ANSWERED, /* the same, when the answers have come */
    MOMENT_START,    /* a new run: all that may start does */
    MOMENT_REFUSED,  /* the same under a quota that refused each Job before */
    MOMENT_HALF,     /* half of the steps have ended, the pod of the next has just now */
    MOMENT_SHUFFLED, /* the same, and somebody has turned the steps of the status round */
    MOMENT_END       /* all pods have ended at once, and nothing of it is recorded yet */
};

enum { SHAPE_COUNT = SHAPE_TREE + 1, MOMENT_COUNT = MOMENT_END + 1 };

struct cost {
    uint64_t blocks;
    size_t bytes;
    size_t operations;  /* in the plan */
    size_t patch_bytes; /* of the status patch; at the end this is the whole status */
};

const char *shape_name(enum shape shape);
const char *moment_name(enum moment moment);

/* Of one planning of a graph of `steps`. The names of steps and runs are `name_size` bytes long. */
struct cost cost_of(enum shape shape, enum moment moment, size_t steps, size_t name_size);

#endif
