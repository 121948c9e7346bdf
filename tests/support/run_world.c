#include "support/run_world.h"

#include "core/text.h"
#include "support/test.h"

__attribute__((format(printf, 2, 0))) static void init(struct world *world, const char *format,
                                                       va_list arguments)
{
    world_init(world, NOON);
    const char *spec = arena_print_list(&world->arena, format, arguments);
    (void)world_put(world, KIND_CLAIM,
                    "{'metadata':{'name':'c'},'spec':{'accessModes':['ReadWriteMany']}}");
    (void)world_put(world, KIND_PIPELINE, "{'metadata':{'name':'churn'},'spec':{%s}}", spec);
    (void)world_settle_pipeline(world, "churn");
}

void run_world_init(struct world *world, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    init(world, format, arguments);
    va_end(arguments);
}

void run_world_start(struct world *world, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    init(world, format, arguments);
    va_end(arguments);
    run_world_put(world, "r", "");
    (void)run_world_step(world);
}

void run_world_put(struct world *world, const char *name, const char *spec)
{
    (void)world_put(world, KIND_PIPELINE_RUN,
                    "{'metadata':{'name':'%s'},'spec':{'pipelineRef':{'name':'churn'}%s%s}}", name,
                    spec[0] ? "," : "", spec);
}

const char *run_world_step_of(struct world *world, const char *name)
{
    struct plan plan = world_plan_run(world, name);
    const char *outline = plan_outline(world, &plan);
    (void)world_carry_out(world, &plan, WORLD_NO_FAULT, 0);
    return outline;
}

const char *run_world_step(struct world *world)
{
    return run_world_step_of(world, "r");
}

const char *run_world_ready(struct world *world)
{
    return world_condition(world, KIND_PIPELINE_RUN, "r", "Ready");
}

const char *run_world_text(struct world *world, const char *path)
{
    return world_text(world, KIND_PIPELINE_RUN, "r", path);
}

const char *run_world_job(struct world *world, const char *step_name, int64_t attempt)
{
    const char *job = kubelet_find_job(world, "r", step_name, attempt);
    if (!job) {
        fail_msg("no Job of step %s, attempt %lld", step_name ? step_name : "seal",
                 (long long)attempt);
    }
    return job;
}

void run_world_end_step(struct world *world, const char *step_name, int64_t attempt, int code,
                        const char *message)
{
    kubelet_end_pod(world, run_world_job(world, step_name, attempt), code, message, NULL);
}
