#include "sim/schedule.h"

#include "core/assert.h"
#include "core/memory.h"
#include "core/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MILLISECONDS = 1000, BOOKMARK_MS = 60 * MILLISECONDS, PER_MILLE = 1000 };

enum {
    UNAVAILABLE = 503,
    TOO_MANY = 429,
    FAILED_INSIDE = 500,
    INVALID = 422,
    CONFLICT = 409,
    NOT_FOUND = 404,
    CREATED = 201,
    OK = 200
};

const char *sim_fault_name(enum sim_fault fault)
{
    static const char *const names[SIM_FAULT_COUNT] = {
        [SIM_NO_FAULT] = "none",
        [SIM_NOT_SENT] = "not sent",
        [SIM_ANSWER_LOST] = "answer lost",
        [SIM_UNAVAILABLE] = "503",
        [SIM_TOO_MANY] = "429",
        [SIM_FAILED_INSIDE] = "500 after it was carried out",
        [SIM_CRASH_BEFORE] = "crash before",
        [SIM_CRASH_UNHEARD] = "crash before the answer",
        [SIM_CRASH_AFTER] = "crash after the answer",
        [SIM_CRASH_LATE] = "crash, and it arrives late",
    };
    return names[fault];
}

/* ---- keeping track ---- */

static struct sim_call *find_call(struct sim_process *process, uint64_t number)
{
    for (size_t at = 0; at < process->call_count; at++) {
        if (process->calls[at].number == number) {
            return &process->calls[at];
        }
    }
    return NULL;
}

static struct io_call *open_call(const struct sim_process *process, uint64_t number)
{
    struct io_call *call = fake_io_next_open(process->fake, number - 1);
    return call && fake_io_request_of(call)->number == number ? call : NULL;
}

static struct sim_request request_of(const struct io_call *call)
{
    const struct fake_request *sent = fake_io_request_of(call);
    return (struct sim_request){.method = sent->method,
                                .path = sent->path,
                                .content_type = sent->content_type,
                                .accept = sent->accept,
                                .body = sent->body};
}

static void forget_call(struct sim_process *process, size_t at)
{
    free(process->calls[at].answer.body);
    process->call_count--;
    memmove(&process->calls[at], &process->calls[at + 1],
            (process->call_count - at) * sizeof(process->calls[0]));
}

/* ---- what a write was planned on ---- */

/* How many changes this process knows, as far as this kind is concerned. */
static size_t count_told(struct sim_world *world, struct sim_process *process, enum api_kind kind)
{
    size_t *told = &process->told[kind];
    while (*told > 0 && *told < world->store.change_count &&
           world->store.changes[*told].kind != kind) {
        (*told)++;
    }
    return *told;
}

static void note_told(struct sim_process *process, const struct sim_call *watch)
{
    size_t *told = &process->told[watch->target.kind];
    *told = watch->next_change > *told ? watch->next_change : *told;
}

static struct sim_origin origin_of(struct sim_world *world, struct sim_process *process,
                                   const struct sim_target *target)
{
    static const enum api_kind kinds[] = {KIND_SERVICE, KIND_MODEL, KIND_DEPLOYMENT};
    struct sim_origin origin = {.at_ms = world->now_ms,
                                .seen = world->store.change_count,
                                .seen_runs = count_told(world, process, KIND_PIPELINE_RUN)};
    for (size_t at = 0; at < COUNT_OF(kinds); at++) {
        size_t told = count_told(world, process, kinds[at]);
        origin.seen = told < origin.seen ? told : origin.seen;
    }
    if (target->kind == KIND_SERVICE && target->name[0]) {
        process->turn = process->turns ? process->turn : origin;
        process->turns = true;
        return process->turn;
    }
    if (target->kind == KIND_MODEL && target->is_status && process->turns) {
        process->turns = false;
        return process->turn;
    }
    return origin;
}

/* After a failure it is planned anew, unless the answer says when to send it again. */
static void note_served(struct sim_process *process, const struct sim_call *call)
{
    bool is_done = !call->lost && (call->answer.status == OK || call->answer.status == CREATED ||
                                   call->answer.status == NOT_FOUND);
    if (call->target.kind == KIND_SERVICE && call->target.name[0] && !is_done &&
        call->retry_after_seconds == 0) {
        process->turns = false;
    }
}

void sim_calls_refresh(struct sim_world *world, struct sim_process *process)
{
    for (size_t at = 0; at < process->call_count;) {
        if (open_call(process, process->calls[at].number)) {
            at++;
        } else {
            forget_call(process, at);
        }
    }
    uint64_t number = 0;
    struct io_call *call;
    while ((call = fake_io_next_open(process->fake, number)) != NULL) {
        number = fake_io_request_of(call)->number;
        if (find_call(process, number)) {
            continue;
        }
        REQUIRE(process->call_count < SIM_CALLS);
        const struct sim_request request = request_of(call);
        const struct sim_target target = sim_server_target(&request);
        process->calls[process->call_count++] = (struct sim_call){
            .number = number, .target = target, .origin = origin_of(world, process, &target)};
    }
    fake_io_forget(process->fake);
}

/* ---- serving ---- */

/* The Lease, and the event that tells who has it. */
static bool is_of_election(const char *path)
{
    return strstr(path, "/namespaces/system/") != NULL;
}

static bool is_write(const struct sim_request *request, const struct sim_target *target)
{
    return !text_equal(request->method, "GET") && !target->is_event && !target->is_dry_run;
}

static bool draw(struct sim_world *world, int per_mille)
{
    return per_mille > 0 && world->now_ms < world->options.heal_ms &&
           prng_between(&world->prng, 1, PER_MILLE) <= (uint64_t)per_mille;
}

static enum sim_fault draw_write_fault(struct sim_world *world)
{
    const struct sim_options *options = &world->options;
    if (options->fault_at > 0 && world->writes == options->fault_at) {
        return options->fault;
    }
    return draw(world, options->fault_per_mille)
               ? (enum sim_fault)prng_between(&world->prng, SIM_NOT_SENT, SIM_FAULT_COUNT - 1)
               : SIM_NO_FAULT;
}

/* What arrives late is only of interest when it writes. */
static enum sim_fault draw_read_fault(struct sim_world *world)
{
    const struct sim_options *options = &world->options;
    if (options->read_fault_at > 0 && world->reads == options->read_fault_at) {
        return options->fault;
    }
    return draw(world, options->read_fault_per_mille)
               ? (enum sim_fault)prng_between(&world->prng, SIM_NOT_SENT, SIM_CRASH_AFTER)
               : SIM_NO_FAULT;
}

/* Watches meet trouble more often than other reads: there are few, and they live long. */
static bool draw_watch_trouble(struct sim_world *world)
{
    enum { TIMES = 4 };
    return draw(world, TIMES * world->options.read_fault_per_mille);
}

static void carry_out(struct sim_world *world, const struct sim_request *request,
                      struct sim_call *call)
{
    world->is_controller_writing = true;
    world->writing = call->origin;
    call->answer = sim_server_serve(&world->store, request);
    world->is_controller_writing = false;
    sim_world_trace(world, "%s %s -> %d", request->method, request->path, call->answer.status);
    world->conflicts += call->answer.status == CONFLICT;
}

static void refuse(struct sim_call *call, int status, const char *reason, int retry_after_seconds)
{
    free(call->answer.body);
    call->answer = sim_server_refuse(status, reason, "the simulation says so");
    call->retry_after_seconds = retry_after_seconds;
}

static void keep_late(struct sim_world *world, const struct sim_request *request,
                      const struct sim_call *call)
{
    if (world->late.method) {
        return;
    }
    world->late_origin = call->origin;
    static const char *const methods[] = {"POST", "PATCH", "DELETE"};
    for (size_t at = 0; at < COUNT_OF(methods); at++) {
        if (text_equal(request->method, methods[at])) {
            world->late.method = methods[at];
        }
    }
    world->late.path = strdup(request->path);
    world->late.body = request->body ? strdup(request->body) : NULL;
    bool is_apply = text_equal(request->content_type, "application/apply-patch+yaml");
    world->late.content_type = is_apply ? "application/apply-patch+yaml"
                               : text_equal(request->method, "PATCH")
                                   ? "application/json-patch+json"
                                   : "application/json";
}

/* True when the sender is dead afterwards. */
static bool meet_fault(struct sim_world *world, size_t process, const struct sim_request *request,
                       struct sim_call *call, enum sim_fault fault)
{
    world->faults += fault != SIM_NO_FAULT;
    if (fault != SIM_NO_FAULT) {
        sim_world_trace(world, "fault: %s: %s %s", sim_fault_name(fault), request->method,
                        request->path);
    }
    switch (fault) {
    case SIM_NOT_SENT:
        call->lost = ERROR_UNAVAILABLE;
        return false;
    case SIM_ANSWER_LOST:
        carry_out(world, request, call);
        call->lost = ERROR_LOST;
        return false;
    case SIM_UNAVAILABLE:
        refuse(call, UNAVAILABLE, "ServiceUnavailable", 0);
        return false;
    case SIM_TOO_MANY:
        refuse(call, TOO_MANY, "TooManyRequests", 1);
        return false;
    case SIM_FAILED_INSIDE:
        carry_out(world, request, call);
        refuse(call, FAILED_INSIDE, "InternalError", 0);
        return false;
    case SIM_CRASH_LATE:
        keep_late(world, request, call);
        break;
    case SIM_CRASH_UNHEARD:
        carry_out(world, request, call);
        break;
    case SIM_CRASH_AFTER:
        carry_out(world, request, call);
        call->is_served = true;
        sim_call_answer(world, process, (size_t)(call - world->processes[process].calls));
        break;
    case SIM_CRASH_BEFORE:
        break;
    case SIM_NO_FAULT:
    case SIM_FAULT_COUNT:
        carry_out(world, request, call);
        return false;
    }
    sim_world_kill(world, process);
    sim_world_start(world, process);
    return true;
}

/* The connection breaks somewhere in the middle of the list. */
static void cut_list(struct sim_world *world, struct sim_process *reader,
                     const struct sim_call *call, char *initial)
{
    initial[prng_between(&world->prng, 0, strlen(initial))] = '\0';
    sim_world_trace(world, "the list of %s breaks off after %zu bytes",
                    kind_info(call->target.kind)->kind, strlen(initial));
    (void)fake_io_feed_text(reader->fake, open_call(reader, call->number), initial);
    struct io_call *open = open_call(reader, call->number);
    if (open) {
        fake_io_finish(reader->fake, open, (struct fake_answer){.status = OK});
    }
}

static void open_watch(struct sim_world *world, struct sim_process *reader, struct sim_call *call,
                       struct io_call *open)
{
    call->opened_ms = world->now_ms;
    call->heard_ms = world->now_ms;
    if (call->target.wants_bookmark_of_list) {
        call->next_change = world->store.change_count;
        note_told(reader, call);
        char *initial = sim_server_initial(&world->store, &call->target);
        if (draw_watch_trouble(world)) {
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
    note_told(reader, call);
}

/* Counts it, and draws what becomes of it. */
static enum sim_fault note_request(struct sim_world *world, const struct sim_request *request,
                                   const struct sim_target *target)
{
    world->sent += !text_equal(request->method, "GET") && !is_of_election(request->path);
    if (is_write(request, target)) {
        world->writes++;
        world->busy_reads = world->reads;
        return draw_write_fault(world);
    }
    if (target->is_watch && !target->wants_bookmark_of_list && draw_watch_trouble(world)) {
        world->store.compacted = world->store.version;
        sim_world_trace(world, "all versions before %lld are compacted",
                        (long long)world->store.version);
    }
    world->reads++;
    return draw_read_fault(world);
}

void sim_call_serve(struct sim_world *world, size_t process, size_t index)
{
    struct sim_process *sender = &world->processes[process];
    struct sim_call *call = &sender->calls[index];
    struct io_call *open = open_call(sender, call->number);
    REQUIRE(open != NULL);
    const struct sim_request request = request_of(open);
    enum sim_fault fault = note_request(world, &request, &call->target);
    if (call->target.wants_bookmark_of_list && world->options.without_streaming) {
        refuse(call, INVALID, "Invalid", 0);
    } else if (meet_fault(world, process, &request, call, fault)) {
        return;
    }
    call->is_served = true;
    note_served(sender, call);
    if (!call->target.is_watch) {
        if (!world->options.random) {
            sim_call_answer(world, process, index);
        }
        return;
    }
    if (call->answer.body || call->lost) {
        call->target.is_watch = false; /* the answer is a refusal like others, or none comes */
        sim_call_answer(world, process, index);
        return;
    }
    open_watch(world, sender, call, open);
}

void sim_call_answer(struct sim_world *world, size_t process, size_t index)
{
    struct sim_process *sender = &world->processes[process];
    struct sim_call *call = &sender->calls[index];
    struct io_call *open = open_call(sender, call->number);
    struct fake_answer answer = {.failure = call->lost,
                                 .message = "the simulated connection broke",
                                 .status = call->lost ? 0 : call->answer.status,
                                 .retry_after_seconds = call->retry_after_seconds,
                                 .body = call->lost ? NULL : call->answer.body};
    answer.body_size = answer.body ? strlen(answer.body) : 0;
    if (open) {
        fake_io_finish(sender->fake, open, answer);
    }
    sim_calls_refresh(world, sender);
}

/* ---- watches ---- */

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
    struct io_call *open = open_call(process, call->number);
    sim_world_trace(world, "watch of %s ends%s", kind_info(call->target.kind)->kind,
                    line ? " with 410" : "");
    if (line && open) {
        (void)fake_io_feed_text(process->fake, open, line);
        open = open_call(process, call->number);
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
    struct io_call *open = open_call(reader, call->number);
    if (!open) {
        return; /* its time was over since this was found possible */
    }
    bool ends_gap = is_in_gap(world, call);
    if (ends_gap || draw_watch_trouble(world)) {
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
    note_told(reader, call);
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
        (void)fake_io_feed_text(process->fake, open_call(process, call->number), line);
        free(line);
    }
    return world->now_ms + BOOKMARK_MS;
}

/* What was sent since the last refresh. */
static void check_sent(struct sim_world *world, size_t which)
{
    struct sim_process *process = &world->processes[which];
    bool acts = controller_is_acting(process->controller);
    for (size_t at = 0; at < fake_io_sent_count(process->fake); at++) {
        const struct fake_request *sent = fake_io_sent(process->fake, at);
        bool is_read = text_equal(sent->method, "GET");
        if (!acts && !is_read && !is_of_election(sent->path)) {
            sim_world_fail(world, "controller %zu does not lead and sends %s %s", which,
                           sent->method, sent->path);
        }
    }
}

void sim_check_election(struct sim_world *world)
{
    size_t acting = 0;
    for (size_t at = 0; at < SIM_PROCESSES; at++) {
        const struct sim_process *process = &world->processes[at];
        if (!process->alive) {
            continue;
        }
        acting += controller_is_acting(process->controller);
        if (!process->is_paused) {
            check_sent(world, at);
        }
    }
    if (acting > 1) {
        sim_world_fail(world, "two controllers work at once");
    }
}

int64_t sim_watches_tick(struct sim_world *world)
{
    int64_t next_ms = INT64_MAX;
    for (size_t at = 0; at < SIM_PROCESSES; at++) {
        struct sim_process *process = &world->processes[at];
        bool runs = process->alive && !process->is_paused;
        for (size_t call = 0; runs && call < process->call_count; call++) {
            if (!process->calls[call].target.is_watch || !process->calls[call].is_served ||
                !open_call(process, process->calls[call].number)) {
                continue;
            }
            int64_t due_ms = tick_watch(world, process, &process->calls[call]);
            next_ms = due_ms < next_ms ? due_ms : next_ms;
        }
    }
    return next_ms;
}

bool sim_late_arrives(struct sim_world *world)
{
    if (!world->late.method || !world->late.path) {
        return false;
    }
    world->is_controller_writing = true;
    world->writing = world->late_origin;
    struct sim_answer answer = sim_server_serve(&world->store, &world->late);
    world->is_controller_writing = false;
    sim_world_trace(world, "late: %s %s -> %d", world->late.method, world->late.path,
                    answer.status);
    free(answer.body);
    free((char *)(uintptr_t)world->late.path);
    world->late.path = NULL;
    return true;
}
