#include "plan/backoff.h"

#include "api/quantity.h"

enum {
    DEFAULT_INITIAL_MS = 10 * 1000,
    DEFAULT_FACTOR = 2,
    DEFAULT_MAX_MS = 5 * 60 * 1000,
    MILLISECONDS = 1000
};

static int64_t milliseconds_or(const char *duration, int64_t fallback)
{
    int64_t milliseconds = 0;
    return duration_parse(duration, &milliseconds) ? milliseconds : fallback;
}

int64_t backoff_seconds(const struct backoff_spec *backoff, int64_t failed)
{
    int64_t wait = milliseconds_or(backoff->initial, DEFAULT_INITIAL_MS);
    int64_t limit = milliseconds_or(backoff->max, DEFAULT_MAX_MS);
    int64_t factor = backoff->factor > 0 ? backoff->factor : DEFAULT_FACTOR;
    for (int64_t round = 1; round < failed && wait < limit && factor > 1; round++) {
        if (__builtin_mul_overflow(wait, factor, &wait)) {
            wait = limit;
        }
    }
    wait = wait < limit ? wait : limit;
    return (wait + MILLISECONDS - 1) / MILLISECONDS;
}
