/*
 * TZif bytes are a zone whose periods lie end to end, or an error; a local time has one first
 * instant; a name is fit for a path or an
 * error. Input: the file.
 */

#include "fuzz/fuzz.h"

#include "plan/zone.h"

enum { CHANGES = 400 };

static const int64_t instants[] = {INT64_MIN, ZONE_EARLIEST, -INT64_C(2147483649), -1,
                                   0,         1795435200,    INT64_C(4294967296),  ZONE_LATEST - 1,
                                   INT64_MAX};

static void require_period(const struct zone *zone, int64_t instant)
{
    struct zone_period period = zone_period_at(zone, instant);
    REQUIRE(period.start < period.end && period.abbreviation);
    REQUIRE(instant < ZONE_EARLIEST || period.start <= instant);
    REQUIRE(instant >= ZONE_LATEST || instant < period.end);
    REQUIRE(zone_offset_at(zone, instant) == period.offset);
}

/* The first instant at which the local clock shows this or more. */
static void require_first(const struct zone *zone, int64_t local)
{
    int64_t first = zone_first_instant(zone, local);
    REQUIRE(first + zone_offset_at(zone, first) >= local);
    REQUIRE(first - 1 + zone_offset_at(zone, first - 1) < local);
}

static void walk(const struct zone *zone, int64_t instant)
{
    for (int at = 0; at < CHANGES; at++) {
        int64_t next = 0;
        if (!zone_next_transition(zone, instant, &next)) {
            return;
        }
        REQUIRE(next > instant);
        REQUIRE(zone_period_at(zone, next).start == next);
        REQUIRE(zone_period_at(zone, next - 1).end == next);
        instant = next;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct fuzz_input input = {bytes, size};
    char *file = fuzz_copy_bytes(input);
    char *name = fuzz_copy_text(input);
    struct arena arena = {0};
    struct error error = {0};
    const struct zone *zone = NULL;
    if (!result_is_ok(zone_check_name(name, &error))) {
        fuzz_require_message(&error);
    } else {
        REQUIRE(name[0] != '/' && !strstr(name, "/.") && name[0] != '.' &&
                strlen(name) <= ZONE_NAME_MAXIMUM);
    }
    error = (struct error){0};
    if (!result_is_ok(zone_parse(&arena, "Fuzz/Zone", file, size, &zone, &error))) {
        fuzz_require_message(&error);
    } else {
        for (size_t at = 0; at < COUNT_OF(instants); at++) {
            require_period(zone, instants[at]);
            walk(zone, instants[at]);
            if (instants[at] > ZONE_EARLIEST && instants[at] < ZONE_LATEST - 1) {
                require_first(zone, instants[at]);
            }
        }
    }
    arena_free(&arena);
    (void)memory_free(file);
    (void)memory_free(name);
    return 0;
}
