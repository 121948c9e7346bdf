#ifndef TIDEMILL_CLI_OBSERVE_H
#define TIDEMILL_CLI_OBSERVE_H

/*
 * What the running controller shows of itself: its metrics and its health, fed from the parts'
 * numbers when somebody asks. For cli/controller.c alone.
 */

#include "api/kind.h"
#include "core/result.h"

#include <stddef.h>
#include <stdint.h>

struct certificate;
struct controller;
struct controller_metrics;
struct health;
struct metrics;
struct observation;

struct observation *observation_new(void);
/* Accepts NULL; returns NULL. */
struct observation *observation_free(struct observation *observation);

struct metrics *observation_metrics(struct observation *observation);
const struct controller_metrics *observation_metric_set(const struct observation *observation);
/* Ready when every cache is synced; live as long as the loop answers. */
const struct health *observation_health(const struct observation *observation);

/* Numbers are read from this controller from now on; NULL: from none. */
void observation_watch(struct observation *observation, const struct controller *controller);

/* The same of the certificate for webhooks; NULL: there is none. */
void observation_watch_certificate(struct observation *observation,
                                   const struct certificate *certificate);

void observation_pass_synced(struct observation *observation, enum api_kind kind);
void observation_count_reconcile(struct observation *observation, enum api_kind kind,
                                 int64_t duration_us, enum error_kind error);
void observation_count_run(struct observation *observation, const char *phase);
void observation_note_steps_running(struct observation *observation, size_t count);
void observation_note_leading(struct observation *observation, bool leads);

#endif
