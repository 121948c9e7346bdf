#include "support/backfill_world.h"

#include "support/test.h"

#include "core/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS_MAXIMUM = 20000 };

static void forget_output(struct backfill_world *world)
{
    free(world->out);
    free(world->err);
    world->out = NULL;
    world->err = NULL;
}

void backfill_world_close(struct backfill_world *world)
{
    world->session = backfill_session_free(world->session);
    if (world->options.out) {
        (void)fclose(world->options.out);
        (void)fclose(world->options.err);
        world->options.out = NULL;
    }
}

int backfill_world_set_up(void **state)
{
    struct backfill_world *world = calloc(1, sizeof(*world));
    world->fake = fake_io_new();
    world->trigger = "'schedule':{'cron':'0 3 * * *'},'params':[{'name':'day','from':"
                     "'scheduledTime'}]";
    world->pipeline = "'params':[{'name':'day','type':'string'}]";
    world->looks_to_end = 2;
    world->fault_at = NEVER;
    world->live = "";
    world->options = (struct backfill_options){.trigger = "nightly",
                                               .namespace_name = "team",
                                               .from = "2025-12-01",
                                               .to = "2025-12-04",
                                               .max_parallel = 1};
    *state = world;
    return 0;
}

int backfill_world_tear_down(void **state)
{
    struct backfill_world *world = *state;
    backfill_world_close(world);
    forget_output(world);
    world->fake = fake_io_free(world->fake);
    free(world);
    return 0;
}

static void on_end(void *context, int code)
{
    struct backfill_world *world = context;
    assert_int_equal(world->code, -1);
    world->code = code;
}

void backfill_world_open(struct backfill_world *world)
{
    backfill_world_close(world);
    forget_output(world);
    world->code = -1;
    world->requests = 0;
    world->lists = 0;
    world->options.out = open_memstream(&world->out, &world->out_size);
    world->options.err = open_memstream(&world->err, &world->err_size);
    world->options.on_end = on_end;
    world->options.context = world;
    world->session = backfill_session_new(fake_io_seam(world->fake), &world->options);
    backfill_session_start(world->session);
}

/* ---- The API server ---- */

/* ' becomes ". */
static const char *quote(char *text)
{
    for (char *at = text; *at; at++) {
        *at = *at == '\'' ? '"' : *at;
    }
    return text;
}

static struct stored_run *find_run(struct backfill_world *world, const char *name)
{
    for (size_t at = 0; at < world->run_count; at++) {
        if (!world->runs[at].is_deleted && text_equal(world->runs[at].name, name)) {
            return &world->runs[at];
        }
    }
    return NULL;
}

static bool is_finished(const struct backfill_world *world, const struct stored_run *run)
{
    return run->looks >= world->looks_to_end;
}

/* With its status as it is now. */
static void print_run(const struct backfill_world *world, const struct stored_run *run, char *text)
{
    bool fails = world->fails && strstr(run->name, world->fails);
    bool waits = run->looks < world->looks_to_start;
    const char *phase = waits                      ? "Pending"
                        : !is_finished(world, run) ? "Running"
                        : fails                    ? "Failed"
                                                   : "Succeeded";
    char status[256];
    (void)snprintf(status, sizeof(status),
                   ",'status':{'phase':'%s','conditions':[{'type':'Ready','status':'%s','reason':"
                   "'%s','message':'step a'}]}}",
                   phase, fails ? "False" : "True",
                   waits   ? "WaitingForTurn"
                   : fails ? "StepFailed"
                           : phase);
    (void)snprintf(text, BACKFILL_TEXT_SIZE + sizeof(status), "%.*s%s", (int)strlen(run->body) - 1,
                   run->body, quote(status));
}

static struct fake_answer answer_object(const char *kind, const char *name, const char *spec,
                                        char *text)
{
    if (!spec) {
        return (struct fake_answer){
            .status = 404, .body = "{\"kind\":\"Status\",\"code\":404,\"reason\":\"NotFound\"}"};
    }
    (void)snprintf(text, BACKFILL_TEXT_SIZE,
                   "{'kind':'%s','metadata':{'name':'%s','namespace':'team','uid':'u1',"
                   "'generation':1},'spec':{%s%s}}",
                   kind, name,
                   strcmp(kind, "Trigger") == 0 ? "'pipelineRef':{'name':'churn'}," : "", spec);
    return (struct fake_answer){.status = 200, .body = quote(text)};
}

static struct fake_answer answer_list(struct backfill_world *world, const char *path, char *text)
{
    bool is_live = strstr(path, "tidemill.dev%2Ftrigger%3Dnightly") != NULL;
    const char *token = strstr(path, "continue=");
    size_t from = token ? (size_t)atoi(token + strlen("continue=")) : 0;
    size_t size = world->page_size > 0 ? world->page_size : BACKFILL_WORLD_RUNS;
    assert_true(is_live || strstr(path, "tidemill.dev%2Fbackfill%3Dnightly") != NULL);
    size_t used = 0;
    size_t listed = 0;
    used += (size_t)sprintf(text, "{\"items\":[");
    for (size_t at = from; !is_live && at < world->run_count && listed < size; at++) {
        char run[BACKFILL_TEXT_SIZE + 256];
        bool is_ours = strstr(world->runs[at].body, "tidemill.dev/backfill") != NULL;
        if (world->runs[at].is_deleted || !is_ours) {
            continue;
        }
        print_run(world, &world->runs[at], run);
        used += (size_t)sprintf(text + used, "%s%s", listed++ > 0 ? "," : "", run);
    }
    bool is_last = is_live || from + size >= world->run_count;
    char next[32] = "";
    if (!is_last) {
        (void)snprintf(next, sizeof(next), "%zu", from + size);
    }
    (void)sprintf(text + used, "%s],\"metadata\":{\"resourceVersion\":\"9\",\"continue\":\"%s\"}}",
                  is_live ? world->live : "", next);
    world->lists++;
    return (struct fake_answer){.status = 200, .body = text};
}

static void note_unfinished(struct backfill_world *world)
{
    size_t unfinished = 0;
    for (size_t at = 0; at < world->run_count; at++) {
        const struct stored_run *run = &world->runs[at];
        unfinished += !run->is_deleted && !is_finished(world, run) ? 1 : 0;
    }
    world->most_unfinished = unfinished > world->most_unfinished ? unfinished
                                                                 : world->most_unfinished;
}

struct stored_run *backfill_world_store(struct backfill_world *world, const char *body)
{
    static const char key[] = "\"name\":\"nightly-";
    const char *name = strstr(body, key);
    assert_true(name && world->run_count < BACKFILL_WORLD_RUNS &&
                strlen(body) < BACKFILL_TEXT_SIZE);
    name += strlen("\"name\":\"");
    struct stored_run *run = &world->runs[world->run_count++];
    *run = (struct stored_run){0};
    (void)snprintf(run->name, BACKFILL_NAME_SIZE, "%.*s", (int)strcspn(name, "\""), name);
    (void)snprintf(run->body, BACKFILL_TEXT_SIZE, "%s", body);
    return run;
}

static struct fake_answer answer_create(struct backfill_world *world, const char *body, char *text)
{
    if (world->refusal) {
        (void)snprintf(text, BACKFILL_TEXT_SIZE, "{\"kind\":\"Status\",\"message\":\"%s\"}",
                       world->refusal);
        return (struct fake_answer){.status = world->refusal_code, .body = text};
    }
    struct stored_run *run = backfill_world_store(world, body);
    char name[BACKFILL_NAME_SIZE];
    (void)snprintf(name, sizeof(name), "%s", run->name);
    world->run_count--;
    if (find_run(world, name)) {
        return (struct fake_answer){
            .status = 409,
            .body = "{\"kind\":\"Status\",\"code\":409,\"reason\":\"AlreadyExists\"}"};
    }
    world->run_count++;
    note_unfinished(world);
    return (struct fake_answer){.status = 201, .body = body};
}

static struct fake_answer answer_look(struct backfill_world *world, const char *name, char *text)
{
    struct stored_run *run = find_run(world, name);
    if (run && world->vanishes && strstr(name, world->vanishes)) {
        run->is_deleted = true;
        run = NULL;
    }
    if (!run) {
        return answer_object("", "", NULL, text);
    }
    run->looks++;
    print_run(world, run, text);
    return (struct fake_answer){.status = 200, .body = text};
}

struct fake_answer backfill_world_answer(struct backfill_world *world,
                                         const struct fake_request *request, char *text)
{
    static const char runs[] = "/apis/tidemill.dev/v1alpha1/namespaces/team/pipelineruns";
    if (strstr(request->path, "/triggers/")) {
        return answer_object("Trigger", "nightly", world->trigger, text);
    }
    if (strstr(request->path, "/pipelines/")) {
        return answer_object("Pipeline", "churn", world->pipeline, text);
    }
    assert_true(text_starts_with(request->path, runs));
    const char *rest = request->path + strlen(runs);
    if (strcmp(request->method, "POST") == 0) {
        assert_string_equal(rest, "");
        assert_true(request->timeout_ms > 0 && request->send_before_ms > 0);
        return answer_create(world, request->body, text);
    }
    assert_string_equal(request->method, "GET");
    return rest[0] == '?' ? answer_list(world, rest, text) : answer_look(world, rest + 1, text);
}

static struct fake_answer apply_fault(enum backfill_fault fault, struct fake_answer answer)
{
    switch (fault) {
    case FAULT_LOST:
        return (struct fake_answer){.failure = ERROR_LOST, .message = "reset by peer"};
    case FAULT_UNAVAILABLE:
        return (struct fake_answer){.status = 503, .body = "{}"};
    case FAULT_TOO_MANY:
        return (struct fake_answer){.status = 429, .retry_after_seconds = 7, .body = "{}"};
    case FAULT_ERROR:
        return (struct fake_answer){.status = 500, .body = "<html>"};
    default:
        return answer;
    }
}

/* Answers the oldest open request. */
static void serve(struct backfill_world *world, struct io_call *call)
{
    static char text[BACKFILL_WORLD_RUNS * (BACKFILL_TEXT_SIZE + 256)];
    enum backfill_fault fault = (int)world->requests == world->fault_at ? world->fault : NO_FAULT;
    world->requests++;
    if (fault == FAULT_NOT_SENT) {
        fake_io_finish(world->fake, call,
                       (struct fake_answer){.failure = ERROR_UNAVAILABLE, .message = "refused"});
        return;
    }
    bool is_done = fault == NO_FAULT || fault == FAULT_LOST;
    struct fake_answer answer = {0};
    if (is_done) {
        answer = backfill_world_answer(world, fake_io_request_of(call), text);
    }
    fake_io_finish(world->fake, call, apply_fault(fault, answer));
}

bool backfill_world_play_until(struct backfill_world *world, size_t requests)
{
    for (int step = 0; world->code < 0; step++) {
        assert_true(step < STEPS_MAXIMUM);
        fake_io_run(world->fake);
        struct io_call *call = fake_io_find_open(world->fake, NULL, "*");
        assert_true(fake_io_open_count(world->fake) <= 1);
        if (call && world->requests >= requests) {
            return false;
        }
        if (call && world->is_silent) {
            world->requests++;
            fake_io_finish(world->fake, call,
                           (struct fake_answer){.failure = ERROR_LOST, .message = "timed out"});
        } else if (call) {
            serve(world, call);
        } else if (world->code < 0 && fake_io_timer_count(world->fake) > 0) {
            int64_t pause = fake_io_next_timer_ms(world->fake) - fake_io_now_ms(world->fake);
            fake_io_advance(world->fake, pause > 0 ? pause : 0);
        }
    }
    (void)fflush(world->options.out);
    (void)fflush(world->options.err);
    return true;
}

int backfill_world_play(struct backfill_world *world)
{
    backfill_world_open(world);
    assert_true(backfill_world_play_until(world, SIZE_MAX));
    return world->code;
}
