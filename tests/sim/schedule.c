#include "sim/schedule.h"

#include "core/assert.h"
#include "core/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MILLISECONDS = 1000,
    STEPS_MAXIMUM = 400 * 1000, /* more: the controller runs in a circle */
    TIME_ODDS = 30              /* at random, time passes although something else could happen */
};

/* 2026-01-01T00:00:00Z */
static const int64_t START_SECONDS = 1767225600;

struct choice {
    struct sim_action actions[SIM_ACTIONS_MAXIMUM];
    size_t count;
    int64_t next_ms; /* when the next one is possible that only waits for time */
};

static void add(struct choice *choice, const struct sim_action *action)
{
    if (choice->count < SIM_ACTIONS_MAXIMUM) {
        choice->actions[choice->count++] = *action;
    }
}

static void wait_until(struct choice *choice, int64_t at_ms)
{
    choice->next_ms = at_ms < choice->next_ms ? at_ms : choice->next_ms;
}

static void list_calls(struct sim_world *world, size_t process, struct choice *choice)
{
    struct sim_process *owner = &world->processes[process];
    sim_calls_refresh(world, owner);
    for (size_t at = 0; at < owner->call_count; at++) {
        struct sim_call *call = &owner->calls[at];
        struct sim_action action = {.process = process, .call = at};
        int64_t due_ms = INT64_MAX;
        if (!call->is_served) {
            action.type = SIM_ACT_SERVE;
            add(choice, &action);
        } else if (!call->target.is_watch) {
            action.type = SIM_ACT_ANSWER;
            add(choice, &action);
        } else if (sim_watch_is_due(world, call, &due_ms)) {
            action.type = SIM_ACT_WATCH;
            add(choice, &action);
        } else {
            wait_until(choice, due_ms);
        }
    }
    if (sim_source_is_asked(world, process)) {
        add(choice, &(struct sim_action){.type = SIM_ACT_SOURCE, .process = process});
    }
    int64_t timer_ms = fake_io_next_timer_ms(owner->fake);
    if (timer_ms != INT64_MAX) {
        wait_until(choice, world->now_ms + timer_ms - fake_io_now_ms(owner->fake));
    }
}

/* A paused process: what it sent is on its way all the same. */
static void list_sent(const struct sim_world *world, size_t process, struct choice *choice)
{
    const struct sim_process *owner = &world->processes[process];
    for (size_t at = 0; at < owner->call_count; at++) {
        if (!owner->calls[at].is_served && !owner->calls[at].target.is_watch) {
            add(choice,
                &(struct sim_action){.type = SIM_ACT_SERVE, .process = process, .call = at});
        }
    }
}

static void list_cluster(struct sim_world *world, struct choice *choice)
{
    int64_t next_second;
    size_t count = 0;
    const struct sim_transition *transitions = sim_cluster_enabled(&world->cluster, &count,
                                                                   &next_second);
    for (size_t at = 0; at < count; at++) {
        add(choice, &(struct sim_action){.type = SIM_ACT_CLUSTER, .transition = transitions[at]});
    }
    if (next_second != INT64_MAX) {
        wait_until(choice, (next_second - START_SECONDS) * MILLISECONDS);
    }
}

static void list_script(struct sim_world *world, struct choice *choice)
{
    if (world->script_next == world->script_count) {
        return;
    }
    int64_t at_ms = world->script[world->script_next].at_ms;
    if (at_ms <= world->now_ms) {
        add(choice, &(struct sim_action){.type = SIM_ACT_SCRIPT});
    } else {
        wait_until(choice, at_ms);
    }
}

static void list_actions(struct sim_world *world, struct choice *choice)
{
    choice->count = 0;
    choice->next_ms = INT64_MAX;
    for (size_t at = 0; at < SIM_PROCESSES; at++) {
        if (world->processes[at].alive && world->processes[at].is_paused) {
            list_sent(world, at, choice);
        } else if (world->processes[at].alive) {
            list_calls(world, at, choice);
        }
    }
    list_cluster(world, choice);
    list_script(world, choice);
    wait_until(choice, sim_watches_tick(world));
}

static void act(struct sim_world *world, const struct sim_action *action)
{
    switch (action->type) {
    case SIM_ACT_SERVE:
        sim_call_serve(world, action->process, action->call);
        break;
    case SIM_ACT_ANSWER:
        sim_call_answer(world, action->process, action->call);
        break;
    case SIM_ACT_WATCH:
        sim_call_watch(world, action->process, action->call);
        break;
    case SIM_ACT_SOURCE:
        sim_source_answer(world, action->process);
        break;
    case SIM_ACT_CLUSTER:
        sim_cluster_do(&world->cluster, &action->transition);
        break;
    case SIM_ACT_SCRIPT:
        world->script[world->script_next++].act(world);
        break;
    }
}

static void let_controllers_work(struct sim_world *world)
{
    for (size_t at = 0; at < SIM_PROCESSES; at++) {
        if (world->processes[at].alive && !world->processes[at].is_paused) {
            fake_io_run(world->processes[at].fake);
        }
    }
    if (world->options.elects) {
        sim_check_election(world);
    }
}

static void pass_time(struct sim_world *world, int64_t until_ms)
{
    int64_t by_ms = until_ms - world->now_ms;
    REQUIRE(by_ms >= 0);
    world->now_ms = until_ms;
    world->store.unix_seconds = START_SECONDS + until_ms / MILLISECONDS;
    for (size_t at = 0; at < SIM_PROCESSES; at++) {
        struct sim_process *process = &world->processes[at];
        if (process->alive && process->is_paused) {
            fake_io_jump(process->fake, by_ms);
        } else if (process->alive) {
            fake_io_advance(process->fake, by_ms);
        }
    }
}

/* The controllers' own things first, then the cluster's: what is eager has one order. */
static const struct sim_action *choose(struct sim_world *world, const struct choice *choice)
{
    if (choice->count == 0) {
        return NULL;
    }
    if (!world->options.random) {
        return &choice->actions[0];
    }
    if (choice->next_ms <= world->now_ms + MILLISECONDS &&
        prng_between(&world->prng, 1, TIME_ODDS) == 1) {
        return NULL;
    }
    return &choice->actions[prng_between(&world->prng, 0, choice->count - 1)];
}

/* True when people acted. */
static bool act_of_people(struct sim_world *world)
{
    enum { PER_MILLE = 1000 };
    const struct sim_options *options = &world->options;
    if (options->chaos_per_mille == 0 || world->is_calm) {
        return false;
    }
    if (world->now_ms >= options->heal_ms) {
        world->is_calm = true;
        sim_calm(world);
        return true;
    }
    if (prng_between(&world->prng, 1, PER_MILLE) > (uint64_t)options->chaos_per_mille) {
        return false;
    }
    sim_chaos(world);
    return true;
}

/* False: nothing more happens before `until_ms`. */
static bool step(struct sim_world *world, int64_t until_ms)
{
    static struct choice choice;
    let_controllers_work(world);
    if (act_of_people(world)) {
        return true;
    }
    int64_t blow_ms = sim_world_blow(world);
    list_actions(world, &choice);
    wait_until(&choice, blow_ms);
    const struct sim_action *action = choose(world, &choice);
    if (action) {
        act(world, action);
        return true;
    }
    if (choice.count == 0 && sim_late_arrives(world)) {
        return true;
    }
    if (choice.next_ms > until_ms) {
        /* Time that passed at random may be a moment beyond it. */
        pass_time(world, until_ms > world->now_ms ? until_ms : world->now_ms);
        return false;
    }
    pass_time(world, choice.next_ms > world->now_ms ? choice.next_ms : world->now_ms + 1);
    return true;
}

bool sim_world_run(struct sim_world *world, int64_t until_ms)
{
    for (size_t steps = 0; !world->failure[0]; steps++) {
        if (steps == STEPS_MAXIMUM) {
            sim_world_fail(world, "no rest after %d actions", STEPS_MAXIMUM);
            break;
        }
        if (!step(world, until_ms)) {
            break;
        }
    }
    return !world->failure[0];
}
