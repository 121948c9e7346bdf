#ifndef TIDEMILL_COST_WATCH_COST_H
#define TIDEMILL_COST_WATCH_COST_H

/*
 * What reading a watch costs before the cache gets it: cutting the stream, decoding, freeing.
 * Linked with --wrap for the calls that core/memory.c makes, so that allocations are counted: they
 * are the same on every machine.
 */

#include "api/codec_form.h"

#include <stdbool.h>
#include <stddef.h>

struct watch_cost {
    size_t events;
    size_t objects; /* of the events: bookmarks and errors have none */
    size_t allocations;
    bool failed; /* it is not a watch of this kind */
};

struct watch_cost watch_cost_of(enum api_kind kind, const struct codec_form *form,
                                const char *bytes, size_t size);

#endif
