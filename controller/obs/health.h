#ifndef TIDEMILL_OBS_HEALTH_H
#define TIDEMILL_OBS_HEALTH_H

/*
 * Named checks behind /healthz (is the process of use, or should it be restarted) and /readyz (does
 * it do its work by now). Uses core only. The text is like the API server's `?verbose`.
 */

#include "core/buffer.h"
#include "core/result.h"

struct health;
struct health_check; /* owned by the health */

enum health_endpoint { HEALTH_LIVE = 1, HEALTH_READY = 2 };

struct health *health_new(void);
struct health *health_free(struct health *health);

/*
 * `endpoints`: HEALTH_LIVE, HEALTH_READY or both. The check fails with `reason` until it is set:
 * what is awaited, in plain words. Name and reason are copied.
 */
struct health_check *health_add_check(struct health *health, unsigned endpoints, const char *name,
                                      const char *reason);

void health_pass(struct health_check *check);
void health_fail(struct health_check *check, const char *reason);

/* True when every check of the endpoint passes; no checks is a pass. */
bool health_is_passing(const struct health *health, enum health_endpoint endpoint);

/* "ok" when all pass and not `verbose`; else a line for each check and a line for all. */
MUST_CHECK struct result health_render(const struct health *health, enum health_endpoint endpoint,
                                       bool verbose, struct buffer *text);

#endif
