#ifndef TIDEMILL_SUPPORT_FAKE_FETCH_H
#define TIDEMILL_SUPPORT_FAKE_FETCH_H

/* The requests to others than the API server of a fake_io: they stay open until a test ends them.
 */

#include "kube/io.h"

struct fake_fetch;

struct fake_fetch *fake_fetch_new(void);
struct fake_fetch *fake_fetch_free(struct fake_fetch *fetch);

struct io_visit *fake_fetch_start(struct fake_fetch *fetch, const struct io_fetch *asked);
void fake_fetch_cancel(struct fake_fetch *fetch, struct io_visit *visit);

/* The oldest open one whose URL begins so, or NULL. */
struct io_visit *fake_fetch_find(struct fake_fetch *fetch, const char *url);
const struct io_fetch *fake_fetch_asked(const struct io_visit *visit);
size_t fake_fetch_open_count(const struct fake_fetch *fetch);
size_t fake_fetch_sent_count(const struct fake_fetch *fetch);

/* on_done comes from in here. */
void fake_fetch_end(struct fake_fetch *fetch, struct io_visit *visit,
                    const struct io_fetched *fetched);

#endif
