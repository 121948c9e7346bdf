#ifndef TIDEMILL_API_NAMES_H
#define TIDEMILL_API_NAMES_H

/*
 * Deterministic names (conformance A7): a readable prefix and a hash of what makes it unique, at
 * most `limit` bytes, a DNS label without a '-' before the hash twice. The same inputs give the
 * same name for ever: names are how a restart finds what was made before.
 */

#include "core/arena.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Longest name of a Job whose pods' names and labels still fit 63 bytes: pods append "-" and 5
 * characters; Job names are label values (batch.kubernetes.io/job-name).
 */
enum { NAME_LIMIT_JOB = 57, NAME_LIMIT_LABEL = 63, NAME_LIMIT_SERVICE = 63 };

/* "PREFIX-HASH": prefix cut and cleaned of trailing '-' and '.'; '.' inside becomes '-'. */
const char *name_with_hash(struct arena *arena, const char *prefix, uint64_t hash, size_t limit);

/* Of a step's attempt (from 1). */
const char *name_step_job(struct arena *arena, const char *run_name, const char *run_uid,
                          const char *step, int64_t attempt);
const char *name_seal_job(struct arena *arena, const char *run_name, const char *run_uid,
                          int64_t attempt);
const char *name_revision(struct arena *arena, const char *pipeline, const char *pipeline_uid,
                          const char *spec_json);
/* MODEL-HASH of the run's uid and the step that made the artifact. */
const char *name_model_version(struct arena *arena, const char *model, const char *run_uid,
                               const char *step);
/* TRIGGER-HASH-NUMBER, of a firing of a source that is no schedule; the hash is of the uid. */
const char *name_fired_run(struct arena *arena, const char *trigger, const char *trigger_uid,
                           int64_t number);
/* TRIGGER-UNIXMINUTES (conformance K3). */
const char *name_scheduled_run(struct arena *arena, const char *trigger, int64_t scheduled_time);
/*
 * TRIGGER-UNIXMINUTES-backfill. Those of firings end in a digit, so no Trigger of any name ever
 * takes one of these.
 */
const char *name_backfill_run(struct arena *arena, const char *trigger, int64_t scheduled_time);

/* `name` if it is a valid label value, else a cut of it with a hash: for `kubectl -l`. */
const char *name_as_label(struct arena *arena, const char *name);

/* "PARAM_" + upper case, '-' and '.' to '_'. */
const char *name_environment(struct arena *arena, const char *prefix, const char *name);

#endif
