#include "sim/schedule.h"

#include "core/assert.h"

#include <stdlib.h>
#include <string.h>

/* Watches: how they begin, what they tell and when, and what ends them. */

enum { MILLISECONDS = 1000, BOOKMARK_MS = 60 * MILLISECONDS, OK = 200 };

/* Watches meet trouble more often than other reads: there are few, and they live long. */
bool sim_draw_watch_trouble(struct sim_world *world)
{
    enum { TIMES = 4 };
    return sim_draw(world, TIMES * world->options.read_fault_per_mille);
}

/* The connection breaks somewhere in the middle of the list. */
static void cut_list(struct sim_world *world, struct sim_process *reader,
                     const struct sim_call *call, char *initial)
{
    initial[prng_between(&world->prng, 0, strlen(initial))] = '\0';
    sim_world_trace(world, "the list of %s breaks off after %zu bytes",
                    kind_info(call->target.kind)->kind, strlen(initial));
    (void)fake_io_feed_text(reader->fake, sim_open_call(reader, call->number), initial);
    struct io_call *open = sim_open_call(reader, call->number);
    if (open) {
        fake_io_finish(reader->fake, open, (struct fake_answer){.status = OK});
    }
}

void sim_open_watch(struct sim_world *world, struct sim_process *reader, struct sim_call *call,
                    struct io_call *open)
{
    call->opened_ms = world->now_ms;
    call->heard_ms = world->now_ms;
    if (call->target.wants_bookmark_of_list) {
        call->next_change = world->store.change_count;
        sim_note_told(reader, call);
        char *initial = sim_server_initial(&world->store, &call->target);
        if (sim_draw_watch_trouble(world)) {
            cut_list(world, reader, call, initial);
        } else {
            (void)fake_io_feed_text(reader->fake, open, initial);
        }
        free(initial);
        return;
    }
    size_t at = 0;
    while (at < world->store.change_count &&
           world->store.changes[at].version <= call->target.resource_version) {
        at++;
    }
    call->next_change = at;
    sim_note_told(reader, call);
}

/* Index of the next change that this watch shows, or the number of changes. */
static size_t next_visible(const struct sim_world *world, const struct sim_call *call)
{
    size_t at = call->next_change;
    while (at < world->store.change_count &&
           !sim_server_sees(&call->target, &world->store.changes[at])) {
        at++;
    }
    return at;
}

static size_t count_waiting(const struct sim_world *world, const struct sim_call *call)
{
    struct sim_call walk = *call;
    size_t count = 0;
    while ((walk.next_change = next_visible(world, &walk)) < world->store.change_count) {
        walk.next_change++;
        count++;
    }
    return count;
}

static bool is_in_gap(const struct sim_world *world, const struct sim_call *call)
{
    const struct sim_gap *gap = &world->options.gap;
    return gap->active && !world->gap_is_over && call->target.kind == gap->kind &&
           call->seen >= gap->after;
}

enum { GAP_LIMIT_MS = 20 * MILLISECONDS };

bool sim_watch_is_due(const struct sim_world *world, struct sim_call *call, int64_t *due_ms)
{
    size_t at = next_visible(world, call);
    call->next_change = at; /* what it does not show is not looked at again */
    if (at == world->store.change_count) {
        return false;
    }
    int64_t due = world->change_ms[at] + world->options.lag_ms[call->target.kind];
    if (is_in_gap(world, call) && count_waiting(world, call) < world->options.gap.size) {
        due = world->change_ms[at] + GAP_LIMIT_MS;
    }
    *due_ms = due;
    return due <= world->now_ms;
}

static void end_watch(struct sim_world *world, struct sim_process *process, struct sim_call *call,
                      const char *line)
{
    struct io_call *open = sim_open_call(process, call->number);
    sim_world_trace(world, "watch of %s ends%s", kind_info(call->target.kind)->kind,
                    line ? " with 410" : "");
    if (line && open) {
        (void)fake_io_feed_text(process->fake, open, line);
        open = sim_open_call(process, call->number);
    }
    if (open) {
        fake_io_finish(process->fake, open, (struct fake_answer){.status = OK});
    }
}

static const char expired[] =
    "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"status\":\"Failure\",\"reason\":"
    "\"Expired\",\"message\":\"too old resource version\",\"code\":410}}\n";

void sim_call_watch(struct sim_world *world, size_t process, size_t index)
{
    struct sim_process *reader = &world->processes[process];
    struct sim_call *call = &reader->calls[index];
    struct io_call *open = sim_open_call(reader, call->number);
    if (!open) {
        return; /* its time was over since this was found possible */
    }
    bool ends_gap = is_in_gap(world, call);
    if (ends_gap || sim_draw_watch_trouble(world)) {
        world->gap_is_over |= ends_gap;
        bool is_expired = ends_gap || prng_between(&world->prng, 0, 1) == 1;
        end_watch(world, reader, call, is_expired ? expired : NULL);
        sim_calls_refresh(world, reader);
        return;
    }
    size_t at = next_visible(world, call);
    REQUIRE(at < world->store.change_count);
    char *line = sim_server_watch_line(&call->target, &world->store.changes[at]);
    call->next_change = at + 1;
    sim_note_told(reader, call);
    call->seen++;
    call->heard_ms = world->now_ms;
    (void)fake_io_feed_text(reader->fake, open, line);
    free(line);
    sim_calls_refresh(world, reader);
}

static int64_t tick_watch(struct sim_world *world, struct sim_process *process,
                          struct sim_call *call)
{
    int64_t end_ms = call->opened_ms + call->target.timeout_seconds * MILLISECONDS;
    if (end_ms <= world->now_ms) {
        end_watch(world, process, call, NULL);
        return world->now_ms;
    }
    int64_t due_ms = call->heard_ms + BOOKMARK_MS;
    if (due_ms > world->now_ms) {
        return due_ms < end_ms ? due_ms : end_ms;
    }
    call->heard_ms = world->now_ms;
    if (next_visible(world, call) == world->store.change_count) {
        char *line = sim_server_bookmark(&call->target, world->store.version, false);
        (void)fake_io_feed_text(process->fake, sim_open_call(process, call->number), line);
        free(line);
    }
    return world->now_ms + BOOKMARK_MS;
}

int64_t sim_watches_tick(struct sim_world *world)
{
    int64_t next_ms = INT64_MAX;
    for (size_t at = 0; at < SIM_PROCESSES; at++) {
        struct sim_process *process = &world->processes[at];
        bool runs = process->alive && !process->is_paused;
        for (size_t call = 0; runs && call < process->call_count; call++) {
            if (!process->calls[call].target.is_watch || !process->calls[call].is_served ||
                !sim_open_call(process, process->calls[call].number)) {
                continue;
            }
            int64_t due_ms = tick_watch(world, process, &process->calls[call]);
            next_ms = due_ms < next_ms ? due_ms : next_ms;
        }
    }
    return next_ms;
}
