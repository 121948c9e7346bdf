#ifndef TIDEMILL_UNIT_CRON_ZONES_H
#define TIDEMILL_UNIT_CRON_ZONES_H

/* TZif files kept as data, so that no test depends on the tzdata of the machine it runs on. */

#include "core/arena.h"
#include "plan/zone.h"

#include <string.h>

struct zone_bytes {
    const char *name;
    const char *bytes;
    size_t size;
};

#define ZONE_BYTES(zone_name, text) {(zone_name), (text), sizeof(text) - 1},

static const struct zone_bytes zone_files[] = {
#include "unit/cron/zones.inc"
};

static inline const struct zone_bytes *find_zone_bytes(const char *name)
{
    for (size_t at = 0; at < COUNT_OF(zone_files); at++) {
        if (strcmp(zone_files[at].name, name) == 0) {
            return &zone_files[at];
        }
    }
    fail_msg("no zone %s in zones.inc", name);
    return NULL;
}

static inline const struct zone *load_zone(struct arena *arena, const char *name)
{
    if (strcmp(name, "UTC") == 0) {
        return zone_utc();
    }
    struct error error = {0};
    const struct zone *zone = NULL;
    const struct zone_bytes *file = find_zone_bytes(name);
    if (!result_is_ok(zone_parse(arena, name, file->bytes, file->size, &zone, &error))) {
        fail_msg("%s: %s", name, error.message);
    }
    return zone;
}

#endif
