#include "support/schedule_world.h"

#include "support/test.h"

#include "core/civil.h"
#include "core/text.h"

#include <string.h>

int64_t schedule_instant(const char *text)
{
    int64_t seconds = 0;
    if (!civil_parse(text, &seconds)) {
        fail_msg("%s", text);
    }
    return seconds;
}

void schedule_world_init(struct world *world, const char *created, const char *format, ...)
{
    world_init(world, schedule_instant(created));
    va_list arguments;
    va_start(arguments, format);
    const char *spec = arena_print_list(&world->arena, format, arguments);
    va_end(arguments);
    (void)world_put(world, KIND_PIPELINE, "{'metadata':{'name':'churn'}}");
    (void)world_put(world, KIND_TRIGGER,
                    "{'metadata':{'name':'nightly'},'spec':{'pipelineRef':{'name':'churn'},%s}}",
                    spec);
}

/* One planning, carried out without fault; its outline. */
static const char *step(struct world *world)
{
    struct plan plan = world_plan_trigger(world, "nightly");
    const char *outline = plan_outline(world, &plan);
    (void)world_carry_out(world, &plan, WORLD_NO_FAULT, 0);
    return outline;
}

void schedule_settle(struct world *world)
{
    enum { ROUNDS = 300 };
    for (int round = 0; round < ROUNDS; round++) {
        if (step(world)[0] == '\0') {
            return;
        }
    }
    fail_msg("it never comes to rest");
}

const char *schedule_ready(struct world *world)
{
    return world_condition(world, KIND_TRIGGER, "nightly", "Ready");
}

const char *schedule_text(struct world *world, const char *path)
{
    return world_text(world, KIND_TRIGGER, "nightly", path);
}

int64_t schedule_number(struct world *world, const char *path)
{
    return world_integer(world, KIND_TRIGGER, "nightly", path);
}

static const json_t *newest_decision(struct world *world)
{
    const json_t *recent = world_get(world, KIND_TRIGGER, "nightly", "status/recent");
    return json_array_get(recent, json_array_size(recent) - 1);
}

const char *schedule_newest_reason(struct world *world)
{
    return text_or(json_string_value(json_object_get(newest_decision(world), "reason")), "");
}

const char *schedule_runs(struct world *world)
{
    const char *list = "";
    for (size_t at = 0; at < world->count; at++) {
        if (world->objects[at].kind == KIND_PIPELINE_RUN) {
            const char *revision = json_string_value(json_object_get(
                json_object_get(json_object_get(world->objects[at].tree, "spec"), "cause"),
                "revision"));
            list = arena_print(&world->arena, "%s%s%.5s", list, list[0] ? " " : "",
                               revision ? revision + strlen("2026-11-23T") : "?????");
        }
    }
    return list;
}
