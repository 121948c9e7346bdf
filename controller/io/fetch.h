#ifndef TIDEMILL_IO_FETCH_H
#define TIDEMILL_IO_FETCH_H

/*
 * Requests to whoever a user's URL names, by libcurl on our loop; as kube/io.h says of io_fetch.
 * Used by io/real.h alone. Invariants (conformance X5, X6): nothing of the API server's credentials
 * is known here; every address is judged when its socket is opened; no redirect is followed, no
 * proxy asked, no cookie kept, no file or other protocol opened.
 */

#include "io/address.h"
#include "io/loop.h"
#include "kube/io.h"

struct fetch;

struct fetch_options {
    struct loop *loop;
    struct address_ranges allowed; /* private addresses that may be connected to */
    bool allow_loopback;           /* for tests of this client alone */
};

struct fetch *fetch_open(const struct fetch_options *options);
/* Ends all requests without their on_done. Accepts NULL; returns NULL. */
struct fetch *fetch_close(struct fetch *fetch);

struct io_visit *fetch_start(struct fetch *fetch, const struct io_fetch *asked);
void fetch_cancel(struct fetch *fetch, struct io_visit *visit);

#endif
