#ifndef TIDEMILL_KUBE_ZONES_H
#define TIDEMILL_KUBE_ZONES_H

/*
 * Time zones by name, read once through kube/io and kept. Used by the controller for Trigger views.
 * A zone that could not be read is tried again after a minute: the file may be mounted later.
 */

#include "kube/io.h"
#include "plan/zone.h"

struct zones;

struct zones *zones_new(struct io io);
/* Accepts NULL; returns NULL. Zones handed out are gone. */
struct zones *zones_free(struct zones *zones);

/* NULL with the reason in *error (borrowed until the next call) when there is no such zone. */
const struct zone *zones_find(struct zones *zones, const char *name, const char **error);

#endif
