#ifndef TIDEMILL_PLAN_BACKOFF_H
#define TIDEMILL_PLAN_BACKOFF_H

/* Waiting times between attempts of a step. Pure. */

#include "api/pipeline.h"

#include <stdint.h>

/*
 * Seconds to wait after the `failed`-th failed attempt (from 1): initial x factor^(failed - 1), at
 * most max, rounded up. Defaults: initial 10 s, factor 2, max 5 min. Never overflows.
 */
int64_t backoff_seconds(const struct backoff_spec *backoff, int64_t failed);

#endif
