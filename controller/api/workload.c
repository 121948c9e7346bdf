#include "api/workload.h"

#include "core/text.h"

bool container_is_held_up(const struct container_status *container)
{
    const char *reason = container->state.waiting.reason;
    return reason && !text_equal(reason, "ContainerCreating") &&
           !text_equal(reason, "PodInitializing");
}
