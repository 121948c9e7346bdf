#ifndef TIDEMILL_SUPPORT_FAKE_IO_H
#define TIDEMILL_SUPPORT_FAKE_IO_H

/*
 * The world of kube/io.h in memory, for tests of kube/: a clock that only moves when it is told to,
 * timers, and an API server that says what the test wrote down. Invariant as on the real side:
 * callbacks never run inside the call that started them, only in fake_io_run(), fake_io_advance()
 * and the functions that answer an open call.
 *
 *   struct fake_io *fake = fake_io_new();
 *   fake_io_script(fake, "GET", "/api/v1/pods*", (struct fake_answer){.status = 200, .body =
 * "{}"});
 *   ... start something with fake_io_seam(fake) ...
 *   fake_io_run(fake);                                   // what is due at this moment
 *   struct io_call *watch = fake_io_find_open(fake, "GET", "*watch=true*");
 *   fake_io_feed_text(fake, watch, "{\"type\":");        // any bytes at any offset
 *   fake_io_finish(fake, watch, (struct fake_answer){.status = 200});
 *   fake_io_advance(fake, 30 * 1000);                    // timers fire in order on the way
 *   fake_io_free(fake);
 */

#include "kube/io.h"
#include "support/fake_fetch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fake_io;

/* retry_after_seconds of a fake_answer that really says "Retry-After: 0". */
enum { FAKE_RETRY_AFTER_ZERO = -2 };

/* What comes back. Texts are copied. `{.status = 200, .body = "..."}` is an answer. */
struct fake_answer {
    enum error_kind failure; /* with a message: no answer arrives whole */
    const char *message;
    int status;
    int retry_after_seconds;  /* 0: no such header; FAKE_RETRY_AFTER_ZERO: 0 */
    const char *content_type; /* NULL: no such header */
    const char *warning;      /* of a Warning: 299 header */
    const char *body;         /* to a streaming request with a 2xx: given to on_data first */
    size_t body_size;         /* 0: the length of the text */
    int64_t delay_ms;         /* until it arrives */
};

/* A request as it was sent. */
struct fake_request {
    uint64_t number; /* from 1, in the order of sending */
    int64_t sent_at_ms;
    const char *method;
    const char *path;
    const char *content_type;
    const char *accept; /* NULL: JSON */
    const char *body;   /* NUL-terminated; NULL without one */
    size_t body_size;
    int64_t timeout_ms;
    int64_t idle_ms;
    int64_t send_before_ms;
    size_t maximum;
    bool streams; /* it has an on_data */
};

/* Requests to others than the API server. */
struct fake_fetch *fake_io_fetches(struct fake_io *fake);

/* The clock starts at 1,000,000 ms monotonic, 2026-01-01T00:00:00Z on the wall; seed 1. */
struct fake_io *fake_io_new(void);
struct fake_io *fake_io_free(struct fake_io *fake);
struct io fake_io_seam(struct fake_io *fake);

/*
 * The next request with this method and path that no earlier script takes is answered so: once, or
 * (`always`) each time. A '*' in `path` stands for any text. Scripts are tried in the order of
 * writing. Requests that no script takes stay open for the functions below.
 */
void fake_io_script(struct fake_io *fake, const char *method, const char *path,
                    struct fake_answer answer);
void fake_io_script_always(struct fake_io *fake, const char *method, const char *path,
                           struct fake_answer answer);
/* Scripts that were not used up; those of _always do not count. */
size_t fake_io_unused_scripts(const struct fake_io *fake);
void fake_io_clear_scripts(struct fake_io *fake);

/* Does what is due at this moment, callbacks' consequences included. */
void fake_io_run(struct fake_io *fake);
/* Moves both clocks on, doing what comes due at its time. Also runs what is due at the end. */
void fake_io_advance(struct fake_io *fake, int64_t milliseconds);
/*
 * Moves both clocks on and runs nothing: what came due meanwhile is late, as in a process that was
 * stopped and continued (SIGSTOP, SIGCONT).
 */
void fake_io_jump(struct fake_io *fake, int64_t milliseconds);
int64_t fake_io_now_ms(const struct fake_io *fake);
/* Steps the wall clock alone. */
void fake_io_set_unix_micros(struct fake_io *fake, int64_t unix_micros);
/* Time of the next timer, or INT64_MAX. */
int64_t fake_io_next_timer_ms(const struct fake_io *fake);
size_t fake_io_timer_count(const struct fake_io *fake);

/* random() gives this each time; until then a generator with a fixed seed. */
void fake_io_fix_random(struct fake_io *fake, uint64_t value);
void fake_io_free_random(struct fake_io *fake); /* from that generator again */
void fake_io_add_zone(struct fake_io *fake, const char *name, const void *bytes, size_t size);

/* Requests under way. The oldest that matches, or NULL; `method` NULL: any. */
struct io_call *fake_io_find_open(struct fake_io *fake, const char *method, const char *path);
size_t fake_io_open_count(const struct fake_io *fake);
/* The oldest that was sent after the request `number`, or NULL. */
struct io_call *fake_io_next_open(struct fake_io *fake, uint64_t number);
const struct fake_request *fake_io_request_of(const struct io_call *call);

/*
 * Gives bytes of a 2xx body to an open call that streams. False when the call is over by that: it
 * was cancelled, or on_data wanted no more (then on_done came with ERROR_CLOSED).
 */
bool fake_io_feed(struct fake_io *fake, struct io_call *call, const void *bytes, size_t size);
/* The Content-Type of what is fed from now on; without it there is none. */
void fake_io_set_content_type(struct io_call *call, const char *content_type);
bool fake_io_feed_text(struct fake_io *fake, struct io_call *call, const char *text);
/* Ends an open call with this answer, now; delay_ms is ignored. */
void fake_io_finish(struct fake_io *fake, struct io_call *call, struct fake_answer answer);

/* Requests sent since the start or the last fake_io_forget(), and one of them from 0. */
size_t fake_io_sent_count(const struct fake_io *fake);
const struct fake_request *fake_io_sent(const struct fake_io *fake, size_t at);
/* How many of them match; `method` NULL: any. */
size_t fake_io_count_sent(const struct fake_io *fake, const char *method, const char *path);
void fake_io_forget(struct fake_io *fake);

/* Calls that were cancelled since the start. */
size_t fake_io_cancelled_count(const struct fake_io *fake);

#endif
