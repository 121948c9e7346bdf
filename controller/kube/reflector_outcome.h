#ifndef TIDEMILL_KUBE_REFLECTOR_OUTCOME_H
#define TIDEMILL_KUBE_REFLECTOR_OUTCOME_H

/*
 * How a LIST, streaming list or WATCH request can end, and what comes next: the table that
 * kube/reflector runs on (conformance C1, C4, C6). Pure. The diagram is in reflector.h.
 */

#include <stdbool.h>

enum reflector_outcome {
    LIST_CONTINUES, /* a page with a continue token */
    LIST_COMPLETE,  /* the last page */
    LIST_EXPIRED,   /* 410: the continue token is too old, or a resourceVersion too large */
    LIST_TOO_BIG,   /* a page over the maximum: again with smaller pages */
    LIST_FAILED,    /* anything else */

    /* A streaming list before its last object; from there on it is a watch. */
    STREAM_REFUSED,     /* no connection, 401, 429 */
    STREAM_UNREADY,     /* 429 while the server fills its watch cache: it lists meanwhile */
    STREAM_FAILED,      /* 5xx, as status or in the stream; closed or lost on the way */
    STREAM_UNSUPPORTED, /* any other refusal, bytes that are no event, never whole */
    STREAM_STUCK,       /* FAILED for too long */

    WATCH_ENDED,      /* the server's time was over, or the connection was lost on the way */
    WATCH_SHORT,      /* the same in less than a second and without an event */
    WATCH_REFUSED,    /* no connection, 401, 429: our resourceVersion is as good as before */
    WATCH_FAILED,     /* 5xx, as status or in the stream */
    WATCH_EXPIRED,    /* 410, as status or in the stream, or a resourceVersion too large */
    WATCH_UNREADABLE, /* bytes that are no event, a line over the maximum, another refusal */
    WATCH_STUCK,      /* SHORT or FAILED for too long, or EXPIRED right after a relist */
    REFLECTOR_OUTCOME_COUNT
};

enum reflector_step {
    STEP_STREAM,    /* a new list as a stream that becomes the watch; in pages where refused */
    STEP_LIST,      /* a new list, in pages */
    STEP_NEXT_PAGE, /* of the same list */
    STEP_LIST_ALL,  /* a new list in one piece */
    STEP_WATCH      /* from the last resourceVersion */
};

struct reflector_reaction {
    const char *name; /* for metrics: lower case */
    enum reflector_step step;
    bool rests;       /* after a backoff; else at once */
    bool is_error;    /* shown in health and logged as a warning */
    const char *next; /* what happens next, for the log */
};

/* One row for each outcome. */
const struct reflector_reaction *reflector_reaction(enum reflector_outcome outcome);

/*
 * What the API server's refusal means. `code`: HTTP status or the code of an in-stream ERROR;
 * reason and message may be NULL.
 */
enum reflector_outcome reflector_judge_stream(int code, const char *reason, const char *message);
enum reflector_outcome reflector_judge_list(int code, const char *reason, const char *message);
enum reflector_outcome reflector_judge_watch(int code, const char *reason, const char *message);

#endif
