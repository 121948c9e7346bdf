#include "api/pipeline_run.h"

#include "core/text.h"

bool pipeline_run_is_finished(const struct pipeline_run *run)
{
    const char *phase = run->status.phase;
    return text_equal(phase, "Succeeded") || text_equal(phase, "Failed") ||
           text_equal(phase, "Cancelled");
}
