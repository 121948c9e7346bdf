#ifndef TIDEMILL_IO_ZONEFILE_H
#define TIDEMILL_IO_ZONEFILE_H

/*
 * Reads a time zone's file from $TZDIR or /usr/share/zoneinfo. For io/real.c and cli/.
 * Invariant: nothing outside that folder is named, whatever the name says. What the bytes mean is
 * for plan/zone.h.
 */

#include "core/buffer.h"
#include "core/result.h"

/*
 * Appends the whole file (at most ZONE_FILE_MAXIMUM bytes) to `bytes`; on failure nothing.
 * ERROR_INVALID: not a name; ERROR_NOT_FOUND: no such zone here; ERROR_LIMIT: too large;
 * ERROR_IO: it could not be read.
 */
MUST_CHECK struct result zonefile_read(const char *name, struct buffer *bytes, struct error *error);

#endif
