#include "kube/rate.h"

static int64_t wait_ms(const struct rate *rate, int64_t token_ms, int64_t now_ms)
{
    int64_t full_ms = (rate->burst - 1) * rate->interval_ms;
    return token_ms - now_ms > full_ms ? token_ms - now_ms - full_ms : 0;
}

int64_t rate_reserve(struct rate *rate, int64_t now_ms)
{
    int64_t token_ms = rate->due_ms > now_ms ? rate->due_ms : now_ms;
    rate->due_ms = token_ms + rate->interval_ms;
    return wait_ms(rate, token_ms, now_ms);
}

bool rate_take(struct rate *rate, int64_t now_ms)
{
    if (wait_ms(rate, rate->due_ms, now_ms) > 0) {
        return false;
    }
    (void)rate_reserve(rate, now_ms);
    return true;
}
