#include "plan/run_turn.h"

#include "plan/run_phase.h"

#include <string.h>

bool run_is_under_way(const struct pipeline_run *run)
{
    return run->status.revision && !run_phase_is_final(run->status.phase);
}

bool run_waits(const struct pipeline_run *run)
{
    return !run->status.revision && !run_phase_is_final(run->status.phase) && !run->spec.suspend &&
           !run->spec.cancel && run->meta.deletion_time == TIME_ABSENT;
}

bool run_goes_before(const struct pipeline_run *a, const struct pipeline_run *b)
{
    if (a->meta.creation_time != b->meta.creation_time) {
        return a->meta.creation_time < b->meta.creation_time;
    }
    return strcmp(a->meta.name, b->meta.name) < 0;
}
