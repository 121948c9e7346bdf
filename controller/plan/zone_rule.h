#ifndef TIDEMILL_PLAN_ZONE_RULE_H
#define TIDEMILL_PLAN_ZONE_RULE_H

/*
 * The POSIX TZ string at the end of a TZif file: RFC 9636, 3.3, with POSIX.1-2017, 8.3 and the
 * extension of version 3 (times of day from -167 to 167 hours). For plan/zone.c alone. Pure.
 */

#include "plan/zone.h"

#include <stddef.h>
#include <stdint.h>

enum { ZONE_ABBREVIATION_SIZE = 16 }; /* with its NUL; tzdata's longest has 5 letters */

enum zone_day_kind {
    ZONE_DAY_OF_MONTH_WEEK, /* Mm.w.d */
    ZONE_DAY_JULIAN,        /* Jn, 1..365: 29 February is never counted */
    ZONE_DAY_OF_YEAR,       /* n, 0..365: 29 February is counted */
};

struct zone_rule_day {
    enum zone_day_kind kind;
    int month;    /* 1..12 */
    int week;     /* 1..5, 5 is the last */
    int weekday;  /* 0 Sunday .. 6 Saturday */
    int day;      /* of the year, for the other two kinds */
    int32_t time; /* seconds after local midnight, may be negative */
};

struct zone_rule {
    int32_t standard_offset; /* seconds east of UTC */
    int32_t daylight_offset;
    bool has_daylight;
    struct zone_rule_day daylight_start; /* in standard time */
    struct zone_rule_day daylight_end;   /* in daylight saving time */
    char standard_name[ZONE_ABBREVIATION_SIZE];
    char daylight_name[ZONE_ABBREVIATION_SIZE];
};

/* `text` is `size` bytes, not empty, without NUL. */
MUST_CHECK struct result zone_rule_parse(const char *text, size_t size, struct zone_rule *rule,
                                         struct error *error);

/* The period around `instant` as if the rule had always held; names are borrowed from `rule`. */
struct zone_period zone_rule_period_at(const struct zone_rule *rule, int64_t instant);

#endif
