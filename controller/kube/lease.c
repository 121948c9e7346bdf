#include "kube/lease.h"

struct lease lease_hold_forever(struct io io)
{
    return (struct lease){.io = io, .deadline_ms = INT64_MAX};
}

struct lease lease_not_held(struct io io)
{
    return (struct lease){.io = io, .deadline_ms = INT64_MIN};
}

void lease_win(struct lease *lease, int64_t deadline_ms)
{
    lease->term++;
    lease->deadline_ms = deadline_ms;
}

void lease_renew(struct lease *lease, int64_t deadline_ms)
{
    lease->deadline_ms = deadline_ms;
}

void lease_lose(struct lease *lease)
{
    lease->deadline_ms = INT64_MIN;
}

bool lease_allows_write(const struct lease *lease)
{
    return io_now_ms(lease->io) < lease->deadline_ms;
}

bool lease_allows_write_of(const struct lease *lease, uint64_t term)
{
    return lease->term == term && lease_allows_write(lease);
}
