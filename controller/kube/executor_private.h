#ifndef TIDEMILL_KUBE_EXECUTOR_PRIVATE_H
#define TIDEMILL_KUBE_EXECUTOR_PRIVATE_H

/*
 * What executor.c (order and turns), executor_send.c (requests) and executor_answer.c (what answers
 * mean) share. Nobody else includes it.
 *
 *             its batch begins       its turn            answer decides
 *   BLOCKED ------------------> READY ---------> SENT --------------------> ENDED
 *      |                          ^               |
 *      | one before it failed     |  another step (LOOK, SETTLE, SEND)      (done, failed, dropped)
 *      +----------> ENDED         |<--------------+
 *                                 |               v  Retry-After, or a broken GET
 *                                 +------------ RESTING
 */

#include "core/map.h"
#include "kube/executor.h"
#include "kube/rate.h"
#include "kube/request.h"

enum task_state { TASK_BLOCKED, TASK_READY, TASK_SENT, TASK_RESTING, TASK_ENDED };

enum task_step {
    STEP_SEND,  /* the operation itself */
    STEP_LOOK,  /* GET before the first apply of a name */
    STEP_SETTLE /* GET after a create that AlreadyExists, or what may have been carried out */
};

struct task {
    struct execution *execution;
    const struct operation *operation;
    size_t batch;
    enum task_state state;
    enum task_step step;
    struct task *next_ready;
    struct io_call *call;   /* SENT */
    struct io_timer *timer; /* RESTING */
    const char *method;     /* of the request under way */
    unsigned resends;
    bool may_be_applied;       /* a try was sent and its outcome is not known */
    enum error_kind settles;   /* SETTLE: what the answer to the write was */
    const char *settles_said;  /* and what it said; NULL: nothing to repeat */
    int settles_after;         /* and its Retry-After, in seconds */
    bool looked;               /* APPLY: it is known what is there */
    const char *known_uid;     /* APPLY: of the object that is there, or NULL */
    const char *known_version; /* APPLY: what a look has found, or NULL: it was not needed */
    struct expectation_ticket *ticket; /* of operation->admission */
};

/* Operations that are sent together: one of stage 0, or all of one stage of a group. */
struct batch {
    size_t first;
    size_t count;
    size_t open;
    unsigned group;
    bool failed;
    bool rested; /* a request of it was sent again after a while */
};

struct execution {
    struct executor *executor;
    struct execution *next; /* in the list of all */
    struct execution **link;
    struct arena arena; /* everything below */
    struct work_key key;
    const char *key_text;
    int64_t began_ms; /* of io */
    uint64_t term;    /* of the lease: what was planned in one is not written in another */
    struct operation *operations;
    struct task *tasks;
    size_t count;
    struct batch *batches;
    size_t batch_count;
    size_t open; /* tasks not ended */
    struct task *ready;
    struct task **ready_last;
    struct execution *next_turn; /* while it has ready tasks */
    execution_done *done;
    void *context;
    struct execution_summary summary;
};

enum { EXECUTOR_COUNTS_MAXIMUM = 256, EXECUTOR_WARNINGS_MAXIMUM = 128 };

struct executor {
    struct executor_options options;
    struct execution *all;
    struct execution *turn; /* those with ready tasks, in turn */
    struct execution **turn_last;
    struct io_timer *end_timer; /* calls `done` of executions that ended */
    struct map known;           /* "Kind/NS/NAME" -> "OWNER-UID UID" of applied objects */
    struct map warnings;        /* that were logged */
    struct arena scratch;       /* for one answer */
    struct rate questions;      /* of EXPLAIN */
    struct executor_numbers numbers;
    struct executor_count counts[EXECUTOR_COUNTS_MAXIMUM];
};

#define EXECUTOR_LEASE_IS_LOST "this process may not write any more"

/* executor.c */

/* Puts the task at the end of its execution's line. */
void executor_make_ready(struct task *task);
/* Sends what may be sent now. */
void executor_pump(struct executor *executor);
/*
 * The task succeeded (error ERROR_NONE) or failed; `expectation` (or NULL) is what its key waits
 * for from then on. Starts what waited for it.
 */
void executor_end_task(struct task *task, enum error_kind error, const char *message,
                       int retry_after_seconds, const struct expectation *expectation);

/* executor_send.c */

/* Sends the task's request, or ends the task when it may not be sent. */
void executor_send(struct task *task);
void executor_resend_later(struct task *task, int64_t delay_ms);
void executor_count_answer(struct executor *executor, const struct task *task,
                           const struct io_response *response);
const char *executor_known_uid(const struct executor *executor, const struct operation *operation);
void executor_keep_uid(struct executor *executor, const struct operation *operation,
                       const char *uid);
void executor_forget_uid(struct executor *executor, enum api_kind kind, const char *namespace,
                         const char *name);

/* executor_answer.c */
void executor_take_answer(struct task *task, const struct io_response *response);

#endif
