#ifndef TIDEMILL_PLAN_ZONE_H
#define TIDEMILL_PLAN_ZONE_H

/*
 * Time zones read from TZif bytes (RFC 9636, versions 1 to 4), with the POSIX TZ footer for times
 * after the last listed change. Anyone above core may use it. Pure: bytes come from the caller
 * (io/zonefile.h), no file, clock or environment is looked at.
 * Invariant: the periods of a zone lie end to end, without gap or overlap, and none is empty.
 */

#include "core/arena.h"
#include "core/result.h"

#include <stddef.h>
#include <stdint.h>

struct zone;

enum {
    ZONE_FILE_MAXIMUM = 64 * 1024, /* bytes; the largest file of tzdata 2025b has 3,940 */
    ZONE_NAME_MAXIMUM = 128,       /* bytes; the longest IANA name has 32 */
};

/* Unix seconds between which zones are known; the limits that RFC 9636, 3.2 names (-2^59). */
#define ZONE_EARLIEST (-(INT64_C(1) << 59))
#define ZONE_LATEST   (INT64_C(1) << 59)

/* A time during which offset and name do not change. */
struct zone_period {
    int64_t start;            /* unix seconds, inclusive; ZONE_EARLIEST: always was so */
    int64_t end;              /* exclusive; ZONE_LATEST: stays so */
    int32_t offset;           /* seconds east of UTC: local time = UTC + offset */
    bool daylight;            /* the file calls it daylight saving time */
    const char *abbreviation; /* such as "CET"; borrowed from the zone */
};

/*
 * Reads `size` bytes. The zone and its name live in `arena`. ERROR_INVALID names what is wrong;
 * files that count leap seconds (those below right/) are refused, since unix seconds have none.
 */
MUST_CHECK struct result zone_parse(struct arena *arena, const char *name, const void *bytes,
                                    size_t size, const struct zone **zone, struct error *error);

/* UTC without a file; never freed. */
const struct zone *zone_utc(void);

/* zone_utc() for "UTC", "Etc/UTC", NULL and ""; NULL for all other names: they need their file. */
const struct zone *zone_find_builtin(const char *name);

/*
 * Whether `name` may become part of a file's path: letters, digits and "+-_./", at most
 * ZONE_NAME_MAXIMUM bytes, each part beginning with a letter or digit. ERROR_INVALID says what is
 * wrong. Whether a zone of that name exists is another question.
 */
MUST_CHECK struct result zone_check_name(const char *name, struct error *error);

const char *zone_name(const struct zone *zone);

/* The period that `instant` lies in. Instants outside the known range count as its borders. */
struct zone_period zone_period_at(const struct zone *zone, int64_t instant);

/* Seconds east of UTC at `instant`. */
int32_t zone_offset_at(const struct zone *zone, int64_t instant);

/*
 * The first instant at which the local clock shows `local` or a later time; `local` is in seconds
 * since 1970-01-01T00:00:00 on that clock. Of a time that is shown twice the first one, of one that
 * is skipped the jump. A date begins at this instant of its midnight.
 */
int64_t zone_first_instant(const struct zone *zone, int64_t local);

/*
 * "2026-01-31T02:00:00Z", and for all zones but UTC what their clocks show: "2026-01-31T02:00:00Z
 * (2026-01-31 03:00 CET in Europe/Berlin)". `zone` NULL: UTC.
 */
const char *zone_print_time(struct arena *arena, const struct zone *zone, int64_t instant);

/* The first change after `instant` (offset, name or both); false when there is none any more. */
bool zone_next_transition(const struct zone *zone, int64_t instant, int64_t *transition);

#endif
