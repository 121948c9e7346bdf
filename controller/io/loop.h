#ifndef TIDEMILL_IO_LOOP_H
#define TIDEMILL_IO_LOOP_H

/*
 * The one event loop of the process: file descriptors by epoll, timers by a heap on the monotonic
 * clock, signals by signalfd. Used by io/, artifact/ and main alone. Single-threaded.
 * Invariants: the process sleeps in one place, loop_run(); a callback never runs inside the call
 * that asked for it; a watch or timer that was stopped never fires again, even in this very turn.
 */

#include "core/result.h"

#include <stdint.h>

struct loop;
struct loop_watch;
struct loop_timer;

enum loop_events { LOOP_READ = 1, LOOP_WRITE = 2 };

/* Ignores SIGPIPE for the process: a closed peer is an error of the write, not of the process. */
MUST_CHECK struct result loop_open(struct loop **loop, struct error *error);

/* Accepts NULL, returns NULL. Timers are dropped without firing; watches were stopped before. */
struct loop *loop_close(struct loop *loop);

/*
 * Descriptors are looked at no more often than this. What comes alone is taken at once; what comes
 * soon after waits, so that a busy process takes many events by one call to the kernel instead of
 * waking up for each. Timers and loop_defer() do not wait. 0, as at the start: no pace.
 */
void loop_set_pace(struct loop *loop, int64_t milliseconds);

/* The next look does not wait: much is under way, and the kernel's buffers hold only so much of it.
 */
void loop_hurry(struct loop *loop);

/* Runs callbacks until loop_stop(). ERROR_IO when the kernel's queue fails. */
MUST_CHECK struct result loop_run(struct loop *loop, struct error *error);

/* Makes loop_run() return after the callback under way. */
void loop_stop(struct loop *loop);

/* Monotonic clock, milliseconds; also usable without a loop. */
int64_t loop_now_ms(void);

/*
 * Fires once, at or after `at_ms`; the earliest first, equal ones in the order they were asked
 * for. Never NULL. The timer is gone when it fires.
 */
struct loop_timer *loop_start_timer(struct loop *loop, int64_t at_ms, void (*fire)(void *context),
                                    void *context);

/* Runs in the next turn, in the order asked for. Stopped like a timer. */
struct loop_timer *loop_defer(struct loop *loop, void (*fire)(void *context), void *context);

/* NULL is allowed. Not for a timer that has fired. */
void loop_stop_timer(struct loop *loop, struct loop_timer *timer);

/* Calls `ready` with the LOOP_* events seen; an error or hang-up counts as both. Borrows `fd`. */
MUST_CHECK struct result loop_watch_fd(struct loop *loop, int fd, unsigned events,
                                       void (*ready)(void *context, unsigned events), void *context,
                                       struct loop_watch **watch, struct error *error);

/* Other events for the same descriptor. */
MUST_CHECK struct result loop_change_watch(struct loop *loop, struct loop_watch *watch,
                                           unsigned events, struct error *error);

/* Call it before closing the descriptor. NULL is allowed. */
void loop_stop_watch(struct loop *loop, struct loop_watch *watch);

/* Blocks SIGTERM and SIGINT for the process and hands them to `on_signal` from the loop. */
MUST_CHECK struct result loop_catch_signals(struct loop *loop,
                                            void (*on_signal)(void *context, int number),
                                            void *context, struct error *error);

#endif
