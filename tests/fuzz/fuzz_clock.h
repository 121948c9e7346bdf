#ifndef TIDEMILL_FUZZ_FUZZ_CLOCK_H
#define TIDEMILL_FUZZ_FUZZ_CLOCK_H

/* Time zones whose changes all come from a rule: small, so that an input can name one by a byte. */

#include "fuzz/fuzz.h"

#include "plan/zone.h"

#include <stdio.h>

static const char *const fuzz_zone_rules[] = {
    "UTC0", "CET-1CEST,M3.5.0,M10.5.0/3",
    "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", /* Lord Howe: half an hour */
    "<-02>2<-01>,M3.5.0/-1,M10.5.0/0",      /* Nuuk: before midnight */
};

/* RFC 9636, 3.1: header and data block of one type and one name, without changes. */
static inline size_t fuzz_put_zone_block(char *to)
{
    enum { HEADER_SIZE = 44, TYPE_COUNT_AT = 39, NAME_SIZE_AT = 43, TYPE_SIZE = 6 };
    static const char name[] = "UTC";
    memcpy(to, "TZif2", strlen("TZif2"));
    to[TYPE_COUNT_AT] = 1;
    to[NAME_SIZE_AT] = sizeof(name);
    memcpy(to + HEADER_SIZE + TYPE_SIZE, name, sizeof(name));
    return HEADER_SIZE + TYPE_SIZE + sizeof(name);
}

/* A version 2 file whose times all come from its footer. */
static inline const struct zone *fuzz_load_zone(struct arena *arena, uint8_t choice)
{
    enum { FILE_SIZE = 256 };
    char file[FILE_SIZE] = {0};
    size_t size = fuzz_put_zone_block(file);
    size += fuzz_put_zone_block(file + size);
    size += (size_t)snprintf(file + size, sizeof(file) - size, "\n%s\n",
                             fuzz_zone_rules[choice % COUNT_OF(fuzz_zone_rules)]);
    const struct zone *zone = NULL;
    struct error error = {0};
    struct result result = zone_parse(arena, "Fuzz/Zone", file, size, &zone, &error);
    REQUIRE(result_is_ok(result));
    return zone;
}

#endif
