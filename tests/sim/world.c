#include "sim/world.h"

#include "core/assert.h"
#include "core/memory.h"
#include "core/text.h"
#include "sim/tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MILLISECONDS = 1000, MICROS_PER_MS = 1000 };

/* 2026-01-01T00:00:00Z */
static const int64_t START_SECONDS = 1767225600;

void sim_world_fail(struct sim_world *world, const char *format, ...)
{
    if (world->failure[0]) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(world->failure, sizeof(world->failure), format, arguments);
    va_end(arguments);
    sim_world_trace(world, "VIOLATED: %s", world->failure);
}

void sim_world_trace(struct sim_world *world, const char *format, ...)
{
    if (!world->options.trace) {
        return;
    }
    (void)fprintf(world->options.trace, "%8.3f  ", (double)world->now_ms / MILLISECONDS);
    va_list arguments;
    va_start(arguments, format);
    (void)vfprintf(world->options.trace, format, arguments);
    va_end(arguments);
    (void)fputc('\n', world->options.trace);
}

static void on_change(void *context, const struct sim_change *change)
{
    struct sim_world *world = context;
    world->change_ms = memory_grow(world->change_ms, &world->change_capacity,
                                   world->store.change_count, sizeof(*world->change_ms));
    world->change_ms[world->store.change_count - 1] = world->now_ms;
    world->origins = memory_grow(world->origins, &world->origin_capacity, world->store.change_count,
                                 sizeof(*world->origins));
    world->origins[world->store.change_count - 1] =
        world->is_controller_writing ? world->writing
                                     : (struct sim_origin){.at_ms = world->now_ms,
                                                           .seen = world->store.change_count,
                                                           .seen_runs = world->store.change_count};
    const json_t *shown = change->after ? change->after : change->before;
    sim_world_trace(world, "    %s %s %s @%lld",
                    !change->before  ? "added"
                    : !change->after ? "deleted"
                                     : "changed",
                    kind_info(change->kind)->kind, tree_name(shown), (long long)change->version);
    sim_check_change(world, change);
}

void sim_world_init(struct sim_world *world, const struct sim_options *options,
                    struct sim_ending (*ending)(void *context, const char *run, const char *step,
                                                int64_t attempt, const char *container),
                    void *context)
{
    *world = (struct sim_world){.options = *options, .blown = SIM_PROCESSES};
    prng_seed(&world->prng, options->seed);
    sim_store_init(&world->store);
    world->store.on_change = on_change;
    world->store.context = world;
    world->cluster = (struct sim_cluster){
        .store = &world->store, .pod_seconds = 3, .ending = ending, .context = context};
}

void sim_world_free(struct sim_world *world)
{
    for (size_t at = 0; at < SIM_PROCESSES; at++) {
        sim_world_kill(world, at);
    }
    free((char *)(uintptr_t)world->late.path);
    free((char *)(uintptr_t)world->late.body);
    sim_store_free(&world->store);
    (void)memory_free(world->change_ms);
    (void)memory_free(world->origins);
}

/* ---- people ---- */

void sim_world_create(struct sim_world *world, enum api_kind kind, const char *json)
{
    json_t *tree = tree_of_text(json);
    tree_set_text(tree, "metadata/namespace", SIM_NAMESPACE);
    if (kind_info(kind)->ours) {
        tree_set(tree, "status", json_pack("{s:i}", "observedGeneration", -1));
    }
    (void)sim_store_insert(&world->store, kind, tree);
}

void sim_world_merge(struct sim_world *world, enum api_kind kind, const char *name,
                     const char *json)
{
    struct sim_object *object = sim_store_find(&world->store, kind, SIM_NAMESPACE, name);
    if (!object) {
        return;
    }
    json_t *tree = sim_store_copy(object);
    json_t *change = tree_of_text(json);
    (void)json_object_update_recursive(tree, change);
    json_decref(change);
    sim_store_update(&world->store, object, tree);
}

void sim_world_delete(struct sim_world *world, enum api_kind kind, const char *name)
{
    struct sim_object *object = sim_store_find(&world->store, kind, SIM_NAMESPACE, name);
    if (object) {
        sim_store_delete(&world->store, object);
    }
}

void sim_world_at(struct sim_world *world, int64_t at_ms, void (*act)(struct sim_world *world))
{
    REQUIRE(world->script_count < SIM_SCRIPT);
    world->script[world->script_count++] = (struct sim_step_of_script){at_ms, act};
}

/* ---- processes ---- */

static void note_steps_running(void *context, size_t count)
{
    ((struct sim_process *)context)->steps_running = count;
}

void sim_world_start(struct sim_world *world, size_t process)
{
    struct sim_process *starting = &world->processes[process];
    REQUIRE(!starting->alive);
    static const char *const names[SIM_PROCESSES] = {"tidemill-0", "tidemill-1"};
    *starting = (struct sim_process){.alive = true, .fake = fake_io_new()};
    fake_io_set_unix_micros(starting->fake, START_SECONDS * MILLISECONDS * MICROS_PER_MS +
                                                world->now_ms * MICROS_PER_MS);
    static const struct election_times times = {.lease_ms = ELECTION_LEASE_MS,
                                                .renew_ms = ELECTION_RENEW_MS,
                                                .retry_ms = ELECTION_RETRY_MS};
    const struct controller_election election = {
        .identity = names[process], .namespace = "system", .name = "lease", .times = times};
    starting->controller = controller_new(
        &(struct controller_options){.io = fake_io_seam(starting->fake),
                                     .election = world->options.elects ? &election : NULL,
                                     .instance = names[process],
                                     .on_steps_running = note_steps_running,
                                     .context = starting,
                                     .settings = {.helper_image = "tidemill:test"}});
    controller_start(starting->controller);
    sim_world_trace(world, "%s starts", names[process]);
}

void sim_world_kill(struct sim_world *world, size_t process)
{
    struct sim_process *dying = &world->processes[process];
    if (!dying->alive) {
        return;
    }
    for (size_t at = 0; at < dying->call_count; at++) {
        free(dying->calls[at].answer.body);
    }
    dying->controller = controller_free(dying->controller);
    dying->fake = fake_io_free(dying->fake);
    dying->call_count = 0;
    dying->alive = false;
    sim_world_trace(world, "controller %zu is killed", process);
}

size_t sim_world_leader(const struct sim_world *world)
{
    for (size_t at = 0; at < SIM_PROCESSES; at++) {
        const struct sim_process *process = &world->processes[at];
        if (process->alive && controller_is_acting(process->controller)) {
            return at;
        }
    }
    return SIM_PROCESSES;
}
