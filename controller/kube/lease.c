#include "kube/lease.h"

struct lease lease_hold_forever(struct io io)
{
    return (struct lease){.io = io, .deadline_ms = INT64_MAX};
}

bool lease_allows_write(const struct lease *lease)
{
    return io_now_ms(lease->io) < lease->deadline_ms;
}
