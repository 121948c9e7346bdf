#ifndef TIDEMILL_IO_REAL_H
#define TIDEMILL_IO_REAL_H

/*
 * The real side of kube/io.h: an event loop, an HTTP client for one API server, the clocks and the
 * time zone files. Used by main and cli/.
 *
 *   real_io_open(&options, &real, &error); struct io io = real_io_seam(real);
 *   ... start things ...; real_io_run(real, &error); real_io_close(real);
 */

#include "core/result.h"
#include "io/access.h"
#include "io/address.h"
#include "kube/io.h"

struct controller_metrics;
struct loop;
struct real_io;

struct real_io_options {
    const struct access *access; /* borrowed until real_io_close() */
    /* Exec credential plugins: for commands that a person types, never in the controller (X7). */
    bool allow_plugins;
    struct address_ranges egress_addresses;   /* private ones that users' URLs may lead to */
    const struct controller_metrics *metrics; /* NULL: nothing is counted; borrowed */
    /* SIGTERM or SIGINT arrived; NULL: signals are left alone. Usually ends in real_io_stop(). */
    void (*on_signal)(void *context, int number);
    void *context;
};

/* Reads certificates and token files. Connects at the first request. */
MUST_CHECK struct result real_io_open(const struct real_io_options *options, struct real_io **real,
                                      struct error *error);

/* Valid until real_io_close(). */
struct io real_io_seam(struct real_io *real);

/* For io/server.h. Borrowed. */
struct loop *real_io_loop(struct real_io *real);

/* How long what comes while it is busy may wait: loop_set_pace(). 0, as at the start: not at all.
 */
void real_io_set_pace(struct real_io *real, int64_t milliseconds);

/* Runs until real_io_stop(). May be called again. */
MUST_CHECK struct result real_io_run(struct real_io *real, struct error *error);
void real_io_stop(struct real_io *real);

struct real_io_counters {
    uint64_t connections; /* opened since the start */
    uint64_t requests;    /* sent, repeats after a 401 included */
    uint64_t bytes_sent;  /* headers and bodies, before TLS */
    uint64_t bytes_received;
};

struct real_io_counters real_io_counters(const struct real_io *real);

/* Ends every call without its on_done. Accepts NULL, returns NULL. */
struct real_io *real_io_close(struct real_io *real);

#endif
