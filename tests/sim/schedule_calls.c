#include "sim/schedule.h"

#include "core/assert.h"
#include "core/hash.h"
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

struct io_call *sim_open_call(const struct sim_process *process, uint64_t number)
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

void sim_note_told(struct sim_process *process, const struct sim_call *watch)
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

static uint64_t identify(const struct sim_request *request)
{
    uint64_t hash = hash_text(HASH_SEED, request->method);
    return hash_text(hash, request->path) | 1;
}

static void note_again(struct sim_process *process, const struct sim_request *request,
                       const struct sim_call *call)
{
    for (size_t at = 0; at < SIM_AGAIN; at++) {
        if (process->again[at].request == 0) {
            process->again[at].request = identify(request);
            process->again[at].origin = call->origin;
            return;
        }
    }
}

/* The origin of the first try, when this is another one. */
static struct sim_origin first_origin(struct sim_process *process,
                                      const struct sim_request *request, struct sim_origin origin)
{
    uint64_t identity = identify(request);
    for (size_t at = 0; at < SIM_AGAIN; at++) {
        if (process->again[at].request == identity) {
            process->again[at].request = 0;
            return process->again[at].origin;
        }
    }
    return origin;
}

/* After a failure it is planned anew, unless the answer says when to send it again. */
static void note_served(struct sim_process *process, const struct sim_request *request,
                        const struct sim_call *call)
{
    if (!call->lost && call->retry_after_seconds > 0) {
        note_again(process, request, call);
    }
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
        if (sim_open_call(process, process->calls[at].number)) {
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
            .number = number,
            .target = target,
            .origin = first_origin(process, &request, origin_of(world, process, &target))};
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

bool sim_draw(struct sim_world *world, int per_mille)
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
    return sim_draw(world, options->fault_per_mille)
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
    return sim_draw(world, options->read_fault_per_mille)
               ? (enum sim_fault)prng_between(&world->prng, SIM_NOT_SENT, SIM_CRASH_AFTER)
               : SIM_NO_FAULT;
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

static void refuse(struct sim_call *call, int status, const char *reason)
{
    free(call->answer.body);
    call->answer = sim_server_refuse(status, reason, "the simulation says so");
}

/* A watch is told so while the server fills the cache that it would come from. */
static void refuse_for_now(struct sim_call *call, const struct sim_request *request)
{
    bool is_watch = strstr(request->path, "watch=true") != NULL;
    free(call->answer.body);
    call->answer = sim_server_refuse(TOO_MANY, "TooManyRequests",
                                     is_watch ? "storage is (re)initializing"
                                              : "too many requests, please try again later");
    call->retry_after_seconds = 1;
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
        refuse(call, UNAVAILABLE, "ServiceUnavailable");
        return false;
    case SIM_TOO_MANY:
        refuse_for_now(call, request);
        return false;
    case SIM_FAILED_INSIDE:
        carry_out(world, request, call);
        refuse(call, FAILED_INSIDE, "InternalError");
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
    if (target->is_watch && !target->wants_bookmark_of_list && sim_draw_watch_trouble(world)) {
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
    struct io_call *open = sim_open_call(sender, call->number);
    REQUIRE(open != NULL);
    const struct sim_request request = request_of(open);
    enum sim_fault fault = note_request(world, &request, &call->target);
    if (call->target.wants_bookmark_of_list && world->options.without_streaming) {
        refuse(call, INVALID, "Invalid");
    } else if (meet_fault(world, process, &request, call, fault)) {
        return;
    }
    call->is_served = true;
    note_served(sender, &request, call);
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
    sim_open_watch(world, sender, call, open);
}

void sim_call_answer(struct sim_world *world, size_t process, size_t index)
{
    struct sim_process *sender = &world->processes[process];
    struct sim_call *call = &sender->calls[index];
    struct io_call *open = sim_open_call(sender, call->number);
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

bool sim_late_is_there(const struct sim_world *world)
{
    return world->late.method && !world->late.path;
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
