#include "sim/world.h"

#include "core/assert.h"

/*
 * What befalls leaders. What a paused one sent arrives, and it hears of it when it goes on. (A
 * request that arrives later than the lease lasts is beyond what a Lease can prevent; see
 * kube/election.h.)
 */

enum {
    MILLISECONDS = 1000,
    LEADS_AT_MOST_MS = 6 * MILLISECONDS, /* runs of the scenarios take 3 s a step */
    AWAY_AT_LEAST_MS = 16 * MILLISECONDS,
    AWAY_AT_MOST_MS = 40 * MILLISECONDS
};

const char *sim_blow_name(enum sim_blow blow)
{
    static const char *const names[SIM_BLOW_COUNT] = {[SIM_BLOW_NONE] = "none",
                                                      [SIM_BLOW_KILL] = "kill",
                                                      [SIM_BLOW_PAUSE] = "pause",
                                                      [SIM_BLOW_STOP] = "stop"};
    return names[blow];
}

static void note_stopped(void *context)
{
    struct sim_process *process = context;
    process->has_stopped = true;
}

static void strike(struct sim_world *world, size_t leader)
{
    struct sim_process *process = &world->processes[leader];
    sim_world_trace(world, "blow: %s controller %zu", sim_blow_name(world->options.blow), leader);
    world->blows++;
    world->blown = leader;
    world->next_blow_ms = world->now_ms +
                          (int64_t)prng_between(&world->prng, AWAY_AT_LEAST_MS, AWAY_AT_MOST_MS);
    if (world->options.blow == SIM_BLOW_KILL) {
        sim_world_kill(world, leader);
    } else if (world->options.blow == SIM_BLOW_PAUSE) {
        process->is_paused = true;
    } else {
        process->has_stopped = false;
        controller_stop(process->controller, note_stopped, process);
    }
}

static void recover(struct sim_world *world)
{
    struct sim_process *process = &world->processes[world->blown];
    sim_world_trace(world, "controller %zu comes back", world->blown);
    if (world->options.blow == SIM_BLOW_STOP && process->alive && !process->has_stopped) {
        sim_world_fail(world, "controller %zu has not stopped", world->blown);
        return;
    }
    if (process->is_paused) {
        process->is_paused = false;
    } else if (!process->alive) { /* else a fault has ended and started it meanwhile */
        sim_world_start(world, world->blown);
    }
    world->blown = SIM_PROCESSES;
}

int64_t sim_world_blow(struct sim_world *world)
{
    if (world->options.blow == SIM_BLOW_NONE) {
        return INT64_MAX;
    }
    if (world->blown < SIM_PROCESSES) {
        struct sim_process *process = &world->processes[world->blown];
        if (process->alive && process->has_stopped) {
            sim_world_kill(world, world->blown);
            process->has_stopped = false;
        }
        if (world->now_ms < world->next_blow_ms) {
            return world->next_blow_ms;
        }
        recover(world);
    }
    size_t leader = sim_world_leader(world);
    if (world->now_ms >= world->options.heal_ms || leader == SIM_PROCESSES) {
        world->next_blow_ms = 0;
        return INT64_MAX;
    }
    if (world->next_blow_ms <= 0 || world->next_blow_ms > world->now_ms + LEADS_AT_MOST_MS) {
        world->next_blow_ms = world->now_ms +
                              (int64_t)prng_between(&world->prng, 1, LEADS_AT_MOST_MS);
    }
    if (world->now_ms >= world->next_blow_ms) {
        strike(world, leader);
    }
    return world->next_blow_ms;
}
