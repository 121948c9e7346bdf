#include "support/trigger_world.h"

#include "api/trigger.h"
#include "core/civil.h"
#include "core/text.h"
#include "support/test.h"

#include <string.h>

static struct sighting sighting;

void trigger_world_init(struct world *world, const char *spec)
{
    world_init(world, START);
    sighting = (struct sighting){0};
    (void)world_put(world, KIND_PIPELINE, "{'metadata':{'name':'churn'}}");
    (void)world_put(world, KIND_TRIGGER,
                    "{'metadata':{'name':'t'},'spec':{'pipelineRef':{'name':'churn'},%s}}", spec);
}

void trigger_see(struct world *world, const char *revision)
{
    sighting = (struct sighting){.state = SIGHTING_FOUND,
                                 .revision = revision,
                                 .summary = arena_print(&world->arena, "data at %s", revision),
                                 .since = world->now,
                                 .seen = world->now};
    world->sighting = &sighting;
}

struct sighting *trigger_sighting(void)
{
    return &sighting;
}

size_t trigger_settle(struct world *world)
{
    enum { ROUNDS = 50 };
    for (size_t round = 0; round < ROUNDS; round++) {
        struct plan plan = world_plan_trigger(world, "t");
        if (world_count_writes(&plan) == 0) {
            return round;
        }
        (void)world_carry_out(world, &plan, WORLD_NO_FAULT, 0);
    }
    fail_msg("it never comes to rest");
    return 0;
}

const char *trigger_ready(struct world *world)
{
    return world_condition(world, KIND_TRIGGER, "t", "Ready");
}

void trigger_expect_ready(struct world *world, const char *begins)
{
    if (!text_starts_with(trigger_ready(world), begins)) {
        fail_msg("expected %s, got %s", begins, trigger_ready(world));
    }
}

int64_t trigger_wake_at(struct world *world)
{
    return world_plan_trigger(world, "t").wake_at;
}

const char *trigger_fired(struct world *world)
{
    const char *list = "";
    for (size_t at = 0; at < world->count; at++) {
        const json_t *tree = world->objects[at].tree;
        const json_t *spec = json_object_get(tree, "spec");
        const json_t *cause = json_object_get(spec, "cause");
        if (world->objects[at].kind == KIND_PIPELINE_RUN && cause) {
            list = arena_print(&world->arena, "%s%s ", list,
                               json_string_value(json_object_get(cause, "revision")));
        }
    }
    return list;
}

size_t trigger_firings(struct world *world)
{
    return (size_t)world_integer(world, KIND_TRIGGER, "t", "status/firings");
}

const char *trigger_recent(struct world *world)
{
    const json_t *recent = world_get(world, KIND_TRIGGER, "t", "status/recent");
    const char *list = "";
    for (size_t at = 0; at < json_array_size(recent); at++) {
        const json_t *reason = json_object_get(json_array_get(recent, at), "reason");
        list = arena_print(&world->arena, "%s%s ", list, json_string_value(reason));
    }
    return list;
}

void trigger_end_runs(struct world *world, const char *phase)
{
    char now[CIVIL_TEXT_SIZE];
    civil_format(world->now, now);
    for (size_t at = 0; at < world->count; at++) {
        json_t *status = json_object_get(world->objects[at].tree, "status");
        if (world->objects[at].kind == KIND_PIPELINE_RUN &&
            !json_object_get(status, "completionTime")) {
            json_object_set_new(status, "phase", json_string(phase));
            json_object_set_new(status, "completionTime", json_string(now));
        }
    }
}
