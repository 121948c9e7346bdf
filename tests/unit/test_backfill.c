/*
 * tidemill backfill: its arguments, and its requests against an API server in memory that keeps
 * runs, ends them after some looks, and can lose, refuse or delay any of them.
 */

#include "support/test.h"

#include "cli/asker.h"
#include "cli/backfill_session.h"
#include "cli/cli.h"
#include "core/arena.h"
#include "core/text.h"
#include "support/command.h"
#include "support/fake_io.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RUNS_MAXIMUM = 64, NAME_SIZE = 96, TEXT_SIZE = 4096, SECOND = 1000, HOUR = 3600 * SECOND };
enum { NEVER = -1, STEPS_MAXIMUM = 20000 };

/* What becomes of the request with this number. */
enum fault {
    NO_FAULT,
    FAULT_NOT_SENT,    /* no connection */
    FAULT_LOST,        /* carried out, the answer lost */
    FAULT_UNAVAILABLE, /* 503 */
    FAULT_TOO_MANY,    /* 429 */
    FAULT_ERROR,       /* 500 */
    FAULT_COUNT
};

struct stored_run {
    char name[NAME_SIZE];
    char body[TEXT_SIZE]; /* as it was created */
    int looks;            /* so far */
    bool is_deleted;
};

struct world {
    struct fake_io *fake;
    struct backfill_session *session;
    struct backfill_options options;
    char *out; /* by open_memstream */
    char *err;
    size_t out_size;
    size_t err_size;
    int code; /* -1: it goes on */

    const char *trigger; /* what stands in spec beside pipelineRef; NULL: there is none */
    const char *pipeline;
    struct stored_run runs[RUNS_MAXIMUM];
    size_t run_count;
    int looks_to_end;     /* a run ends when it is looked at for so many times */
    int looks_to_start;   /* and is Pending until then */
    const char *fails;    /* part of the name of runs that fail */
    const char *vanishes; /* and of those that somebody deletes when they are looked at */
    const char *refusal;  /* of each POST; NULL: none is refused */
    int refusal_code;
    const char *live; /* items of the list of live runs */
    size_t page_size; /* of lists; 0: all at once */
    size_t requests;  /* served so far */
    size_t lists;
    size_t most_unfinished; /* at once */
    enum fault fault;
    int fault_at;   /* number of the request, or NEVER */
    bool is_silent; /* nothing is answered any more */
};

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof(*world));
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

static void close_session(struct world *world)
{
    world->session = backfill_session_free(world->session);
    if (world->options.out) {
        (void)fclose(world->options.out);
        (void)fclose(world->options.err);
        world->options.out = NULL;
    }
}

static void forget_output(struct world *world)
{
    free(world->out);
    free(world->err);
    world->out = NULL;
    world->err = NULL;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    close_session(world);
    forget_output(world);
    world->fake = fake_io_free(world->fake);
    free(world);
    return 0;
}

static void on_end(void *context, int code)
{
    struct world *world = context;
    assert_int_equal(world->code, -1);
    world->code = code;
}

static void open_session(struct world *world)
{
    close_session(world);
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

static struct stored_run *find_run(struct world *world, const char *name)
{
    for (size_t at = 0; at < world->run_count; at++) {
        if (!world->runs[at].is_deleted && text_equal(world->runs[at].name, name)) {
            return &world->runs[at];
        }
    }
    return NULL;
}

static bool is_finished(const struct world *world, const struct stored_run *run)
{
    return run->looks >= world->looks_to_end;
}

/* With its status as it is now. */
static void print_run(const struct world *world, const struct stored_run *run, char *text)
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
    (void)snprintf(text, TEXT_SIZE + sizeof(status), "%.*s%s", (int)strlen(run->body) - 1,
                   run->body, quote(status));
}

static struct fake_answer answer_object(const char *kind, const char *name, const char *spec,
                                        char *text)
{
    if (!spec) {
        return (struct fake_answer){
            .status = 404, .body = "{\"kind\":\"Status\",\"code\":404,\"reason\":\"NotFound\"}"};
    }
    (void)snprintf(text, TEXT_SIZE,
                   "{'kind':'%s','metadata':{'name':'%s','namespace':'team','uid':'u1',"
                   "'generation':1},'spec':{%s%s}}",
                   kind, name,
                   strcmp(kind, "Trigger") == 0 ? "'pipelineRef':{'name':'churn'}," : "", spec);
    return (struct fake_answer){.status = 200, .body = quote(text)};
}

static struct fake_answer answer_list(struct world *world, const char *path, char *text)
{
    bool is_live = strstr(path, "tidemill.dev%2Ftrigger%3Dnightly") != NULL;
    const char *token = strstr(path, "continue=");
    size_t from = token ? (size_t)atoi(token + strlen("continue=")) : 0;
    size_t size = world->page_size > 0 ? world->page_size : RUNS_MAXIMUM;
    assert_true(is_live || strstr(path, "tidemill.dev%2Fbackfill%3Dnightly") != NULL);
    size_t used = 0;
    size_t listed = 0;
    used += (size_t)sprintf(text, "{\"items\":[");
    for (size_t at = from; !is_live && at < world->run_count && listed < size; at++) {
        char run[TEXT_SIZE + 256];
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

static void note_unfinished(struct world *world)
{
    size_t unfinished = 0;
    for (size_t at = 0; at < world->run_count; at++) {
        const struct stored_run *run = &world->runs[at];
        unfinished += !run->is_deleted && !is_finished(world, run) ? 1 : 0;
    }
    world->most_unfinished = unfinished > world->most_unfinished ? unfinished
                                                                 : world->most_unfinished;
}

static struct stored_run *store(struct world *world, const char *body)
{
    static const char key[] = "\"name\":\"nightly-";
    const char *name = strstr(body, key);
    assert_true(name && world->run_count < RUNS_MAXIMUM && strlen(body) < TEXT_SIZE);
    name += strlen("\"name\":\"");
    struct stored_run *run = &world->runs[world->run_count++];
    *run = (struct stored_run){0};
    (void)snprintf(run->name, NAME_SIZE, "%.*s", (int)strcspn(name, "\""), name);
    (void)snprintf(run->body, TEXT_SIZE, "%s", body);
    return run;
}

static struct fake_answer answer_create(struct world *world, const char *body, char *text)
{
    if (world->refusal) {
        (void)snprintf(text, TEXT_SIZE, "{\"kind\":\"Status\",\"message\":\"%s\"}", world->refusal);
        return (struct fake_answer){.status = world->refusal_code, .body = text};
    }
    struct stored_run *run = store(world, body);
    char name[NAME_SIZE];
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

static struct fake_answer answer_look(struct world *world, const char *name, char *text)
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

static struct fake_answer answer_request(struct world *world, const struct fake_request *request,
                                         char *text)
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

static struct fake_answer apply_fault(enum fault fault, struct fake_answer answer)
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
static void serve(struct world *world, struct io_call *call)
{
    static char text[RUNS_MAXIMUM * (TEXT_SIZE + 256)];
    enum fault fault = (int)world->requests == world->fault_at ? world->fault : NO_FAULT;
    world->requests++;
    if (fault == FAULT_NOT_SENT) {
        fake_io_finish(world->fake, call,
                       (struct fake_answer){.failure = ERROR_UNAVAILABLE, .message = "refused"});
        return;
    }
    bool is_done = fault == NO_FAULT || fault == FAULT_LOST;
    struct fake_answer answer = {0};
    if (is_done) {
        answer = answer_request(world, fake_io_request_of(call), text);
    }
    fake_io_finish(world->fake, call, apply_fault(fault, answer));
}

/* Until it ends, or `requests` were served. False: it has not ended. */
static bool play_until(struct world *world, size_t requests)
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

static int play(struct world *world)
{
    open_session(world);
    assert_true(play_until(world, SIZE_MAX));
    return world->code;
}

static void assert_says(const char *output, const char *text)
{
    if (!strstr(output, text)) {
        fail_msg("\"%s\" is not in:\n%s", text, output);
    }
}

/* Each day's run is there once, in order. */
static void assert_made(const struct world *world, size_t count)
{
    assert_int_equal(world->run_count, count);
    for (size_t at = 0; at < count; at++) {
        char name[NAME_SIZE];
        (void)snprintf(name, sizeof(name), "nightly-%d-backfill", 29409300 + 1440 * (int)at);
        assert_string_equal(world->runs[at].name, name);
    }
}

/* ---- What it does ---- */

static void each_time_is_made_once_the_oldest_first_and_one_after_the_other(void **state)
{
    struct world *world = *state;
    assert_int_equal(play(world), 0);
    assert_made(world, 3);
    assert_int_equal(world->most_unfinished, 1);
    assert_string_equal(world->err, "");
    assert_string_equal(
        world->out,
        "Backfill of Trigger team/nightly (Pipeline churn): 3 times of \"0 3 * * *\" in UTC, from "
        "2025-12-01T00:00:00Z to before 2025-12-04T00:00:00Z\n"
        "2025-12-01T03:00:00Z  nightly-29409300-backfill  created  [0 of 3 have ended]\n"
        "2025-12-01T03:00:00Z  nightly-29409300-backfill  Succeeded  [1 of 3 have ended]\n"
        "2025-12-02T03:00:00Z  nightly-29410740-backfill  created  [1 of 3 have ended]\n"
        "2025-12-02T03:00:00Z  nightly-29410740-backfill  Succeeded  [2 of 3 have ended]\n"
        "2025-12-03T03:00:00Z  nightly-29412180-backfill  created  [2 of 3 have ended]\n"
        "2025-12-03T03:00:00Z  nightly-29412180-backfill  Succeeded  [3 of 3 have ended]\n"
        "3 times: 3 succeeded\n");
}

static void no_more_runs_than_asked_for_go_on_at_once(void **state)
{
    struct world *world = *state;
    world->options.to = "2025-12-11";
    for (int parallel = 1; parallel <= 12; parallel += 3) {
        world->run_count = 0;
        world->most_unfinished = 0;
        world->options.max_parallel = parallel;
        assert_int_equal(play(world), 0);
        assert_made(world, 10);
        assert_int_equal(world->most_unfinished, parallel < 10 ? parallel : 10);
    }
}

static void a_dry_run_prints_the_table_and_creates_nothing(void **state)
{
    struct world *world = *state;
    world->live = "{\"metadata\":{\"name\":\"nightly-29410740\"}}";
    world->fails = "29409300";
    world->options.to = "2025-12-02";
    assert_int_equal(play(world), 1);
    world->trigger = "'schedule':{'cron':'0 3 * * *'},'params':[{'name':'day','value':'x\\u001b[1m'"
                     "}]";
    world->options.to = "2025-12-03";
    world->options.dry_run = true;
    fake_io_forget(world->fake);
    assert_int_equal(play(world), 0);
    assert_int_equal(fake_io_count_sent(world->fake, "POST", "*"), 0);
    assert_string_equal(
        world->out,
        "Backfill of Trigger team/nightly (Pipeline churn): 2 times of \"0 3 * * *\" in UTC, from "
        "2025-12-01T00:00:00Z to before 2025-12-03T00:00:00Z\n"
        "TIME                  RUN                        STATE                                  "
        "LIVE RUN          PARAMETERS\n"
        "2025-12-01T03:00:00Z  nightly-29409300-backfill  exists: Failed, with other parameters  "
        "-                 day=x?[1m\n"
        "2025-12-02T03:00:00Z  nightly-29410740-backfill  would be created                       "
        "nightly-29410740  day=x?[1m\n");
    assert_says(world->err, "warning: no parameter of the Trigger is told the time");
}

static void killed_at_any_request_the_same_command_goes_on(void **state)
{
    struct world *world = *state;
    world->options.to = "2025-12-06";
    world->options.max_parallel = 2;
    bool ended = false;
    for (size_t requests = 0; !ended; requests++) {
        for (int is_heard = 0; is_heard < 2; is_heard++) {
            world->run_count = 0;
            world->most_unfinished = 0;
            open_session(world);
            ended = play_until(world, requests);
            if (!ended && is_heard) { /* the API server gets the request all the same */
                char *text = calloc(RUNS_MAXIMUM, TEXT_SIZE);
                (void)answer_request(
                    world, fake_io_request_of(fake_io_find_open(world->fake, NULL, "*")), text);
                free(text);
            }
            close_session(world);
            assert_int_equal(fake_io_open_count(world->fake), 0);
            assert_int_equal(fake_io_timer_count(world->fake), 0);
            assert_int_equal(play(world), 0);
            assert_made(world, 5);
            assert_true(world->most_unfinished <= 2);
            assert_says(world->out, "5 times: 5 succeeded\n");
        }
    }
    assert_says(world->out, "from earlier calls: 5 succeeded\n");
}

static void a_fault_of_any_request_makes_no_time_twice(void **state)
{
    struct world *world = *state;
    size_t whole = 0;
    assert_int_equal(play(world), 0);
    whole = world->requests;
    for (int fault = FAULT_NOT_SENT; fault < FAULT_COUNT; fault++) {
        for (size_t at = 1; at < whole; at++) {
            world->run_count = 0;
            world->most_unfinished = 0;
            world->fault = fault;
            world->fault_at = (int)at;
            assert_int_equal(play(world), 0);
            assert_made(world, 3);
            assert_int_equal(world->most_unfinished, 1);
            assert_says(world->err, "no answer from the API server (");
            assert_says(world->err, "the API server answers again\n");
        }
    }
}

static void a_failed_run_stops_the_others_only_when_that_is_asked_for(void **state)
{
    struct world *world = *state;
    world->fails = "29409300";
    assert_int_equal(play(world), 1);
    assert_made(world, 3);
    assert_says(world->out, "nightly-29409300-backfill  Failed: StepFailed: step a  [1 of 3");
    assert_says(world->out, "3 times: 2 succeeded, 1 failed\n"
                            "to make those that failed anew, delete them and give the same command "
                            "again:\n"
                            "  kubectl -n team delete pipelineruns nightly-29409300-backfill\n");
    world->run_count = 0;
    world->options.stop_on_failure = true;
    assert_int_equal(play(world), 1);
    assert_made(world, 1);
    assert_says(world->out, "3 times: 0 succeeded, 1 failed, 2 not made\n");
    assert_says(world->err, "--stop-on-failure: no run is made after one that failed");
    assert_int_equal(play(world), 1); /* again: it is still there */
    assert_made(world, 1);
    world->run_count = 0; /* deleted and mended */
    world->fails = NULL;
    assert_int_equal(play(world), 0);
    assert_made(world, 3);
}

static void a_name_that_is_another_run_s_is_said_and_the_others_go_on(void **state)
{
    struct world *world = *state;
    struct stored_run *taken = store(
        world, "{\"metadata\":{\"name\":\"nightly-29410740-backfill\"},\"spec\":{\"pipelineRef\":{"
               "\"name\":\"churn\"},\"cause\":{\"kind\":\"Manual\",\"name\":\"ada\"}}}");
    assert_int_equal(play(world), 1);
    assert_int_equal(world->run_count, 3);
    assert_int_equal(taken->looks, 1);
    assert_says(world->err, "run nightly-29410740-backfill exists and was started by Manual ada "
                            "for no time; delete it to have this time made\n");
    assert_says(world->out, "3 times: 2 succeeded, 1 whose name is taken\n");
}

static void runs_of_the_pipeline_that_it_had_before_are_in_the_way(void **state)
{
    struct world *world = *state;
    world->options.to = "2025-12-09";
    assert_int_equal(play(world), 0);
    for (size_t at = 0; at < world->run_count; at++) {
        char *name = strstr(world->runs[at].body, "\"pipelineRef\":{\"name\":\"churn\"");
        memcpy(name, "\"pipelineRef\":{\"name\":\"older\"",
               strlen("\"pipelineRef\":{\"name\":\"older\""));
    }
    assert_int_equal(play(world), 1);
    assert_made(world, 8);
    assert_says(world->err,
                "run nightly-29409300-backfill exists and is of Pipeline older, and the "
                "Trigger starts churn now; delete it to have this time made\n");
    assert_says(world->err, "and so it is with 3 more; --dry-run names all\n");
    assert_says(world->out, "8 times: 0 succeeded, 8 whose name is taken\n");
    world->options.dry_run = true;
    assert_int_equal(play(world), 0);
    assert_says(world->out, "name is taken: run nightly-29419380-backfill exists and is of");
}

static void a_run_that_lost_its_label_is_found_by_its_name(void **state)
{
    struct world *world = *state;
    assert_int_equal(play(world), 0);
    char *label = strstr(world->runs[1].body, "tidemill.dev/backfill");
    memcpy(label, "example", strlen("example"));
    assert_int_equal(play(world), 0);
    assert_made(world, 3);
    assert_says(world->out, "from earlier calls: 2 succeeded\n");
    assert_says(world->out, "nightly-29410740-backfill  exists: Succeeded  [3 of 3 have ended]\n");
}

static void what_the_api_server_refuses_is_said_in_its_words_and_ends_it(void **state)
{
    struct world *world = *state;
    static const int codes[] = {403, 422, 404, 400};
    for (size_t at = 0; at < COUNT_OF(codes); at++) {
        world->run_count = 0;
        world->refusal = "exceeded quota: runs";
        world->refusal_code = codes[at];
        fake_io_forget(world->fake);
        assert_int_equal(play(world), 1);
        assert_int_equal(fake_io_count_sent(world->fake, "POST", "*"), 1);
        char text[128];
        (void)snprintf(text, sizeof(text),
                       "no other is tried: the API server answers %d: exceeded quota: runs\n",
                       codes[at]);
        assert_says(world->err, text);
        assert_says(world->out, "3 times: 0 succeeded, 3 not made\n");
        assert_says(world->out, "the same command again goes on from here\n");
    }
    world->refusal = NULL;
    world->options.max_parallel = 2;
    open_session(world);
    assert_false(play_until(world, 6)); /* two are made */
    world->refusal = "no more";
    assert_true(play_until(world, SIZE_MAX));
    assert_says(world->out, "3 times: 2 succeeded, 1 not made\n"); /* they were waited for */
}

static void a_run_that_is_deleted_is_not_made_again_by_the_same_call(void **state)
{
    struct world *world = *state;
    world->vanishes = "29410740";
    assert_int_equal(play(world), 1);
    assert_says(world->out, "nightly-29410740-backfill  was deleted before it had ended  [2 of 3");
    assert_says(world->out, "3 times: 2 succeeded, 1 deleted\n");
    world->vanishes = NULL;
    assert_int_equal(play(world), 0);
    assert_says(world->out, "nightly-29410740-backfill  created");
}

static void a_silent_api_server_ends_it_after_a_while_with_how_to_go_on(void **state)
{
    struct world *world = *state;
    open_session(world);
    assert_false(play_until(world, 5)); /* the first is made */
    world->is_silent = true;
    int64_t since = fake_io_now_ms(world->fake);
    assert_true(play_until(world, SIZE_MAX));
    int64_t waited = fake_io_now_ms(world->fake) - since;
    assert_int_equal(world->code, 1);
    assert_true(waited >= ASKER_PATIENCE_MS && waited < ASKER_PATIENCE_MS + 60 * SECOND);
    assert_true(world->requests < 50); /* later and later */
    assert_says(world->err, "no answer from the API server (timed out); trying for 5 minutes\n");
    assert_says(world->err, "run nightly-29409300-backfill can't be read: no answer from the API "
                            "server: timed out\n");
    assert_says(world->out, "3 times: 0 succeeded, 1 not ended yet, 2 not made\n"
                            "runs that are there go on by themselves; the same command again goes "
                            "on from here\n");
}

static void an_api_server_that_was_never_reached_is_said_at_once(void **state)
{
    struct world *world = *state;
    world->is_silent = true;
    assert_int_equal(play(world), 1);
    assert_int_equal(world->requests, 1);
    assert_string_equal(world->err, "tidemill backfill: the Trigger can't be read: the API server "
                                    "can't be asked: timed out\n");
    assert_string_equal(world->out, "");
}

static void an_interrupt_says_where_it_stands(void **state)
{
    struct world *world = *state;
    open_session(world);
    assert_false(play_until(world, 9));
    backfill_session_interrupt(world->session);
    backfill_session_interrupt(world->session); /* once is enough */
    assert_int_equal(world->code, 1);
    (void)fflush(world->options.out);
    (void)fflush(world->options.err);
    assert_int_equal(fake_io_open_count(world->fake), 0);
    assert_int_equal(fake_io_timer_count(world->fake), 0);
    assert_string_equal(world->err, "tidemill backfill: interrupted\n");
    assert_says(world->out, "3 times: 1 succeeded, 1 not ended yet, 1 not made\n");
}

static void lists_are_read_once_page_by_page(void **state)
{
    struct world *world = *state;
    world->options.to = "2025-12-11";
    world->options.max_parallel = 10;
    assert_int_equal(play(world), 0);
    assert_int_equal(world->lists, 2);
    world->page_size = 3;
    fake_io_forget(world->fake);
    assert_int_equal(play(world), 0);
    assert_int_equal(world->lists, 5);
    assert_int_equal(fake_io_count_sent(world->fake, "POST", "*"), 0);
    assert_says(world->out, "from earlier calls: 10 succeeded\n10 times: 10 succeeded\n");
}

static void a_long_run_is_looked_at_less_and_less(void **state)
{
    struct world *world = *state;
    world->options.to = "2025-12-02";
    world->looks_to_end = 250;
    int64_t since = fake_io_now_ms(world->fake);
    assert_int_equal(play(world), 0);
    int64_t lasted = fake_io_now_ms(world->fake) - since;
    assert_true(lasted > HOUR * 9 / 10 && lasted < HOUR * 11 / 10);
    assert_int_equal(world->lists, 2);
}

static void a_run_that_does_not_begin_says_once_what_it_waits_for(void **state)
{
    struct world *world = *state;
    static const char line[] = "nightly-29409300-backfill  waits: WaitingForTurn: step a  [0 of 1";
    world->options.to = "2025-12-02";
    world->looks_to_start = 30;
    world->looks_to_end = 40;
    assert_int_equal(play(world), 0);
    assert_says(world->out, line);
    assert_null(strstr(strstr(world->out, line) + 1, line));
}

static void the_live_run_of_a_time_is_named(void **state)
{
    struct world *world = *state;
    world->live = "{\"metadata\":{\"name\":\"nightly-29410740\"}}";
    assert_int_equal(play(world), 0);
    assert_made(world, 3);
    assert_says(world->out, "nightly-29410740-backfill  created: the live schedule has started "
                            "nightly-29410740 for this time too  [1 of 3");
}

static void runs_with_other_parameters_are_said(void **state)
{
    struct world *world = *state;
    assert_int_equal(play(world), 0);
    world->trigger = "'schedule':{'cron':'0 3 * * *'},'params':[{'name':'day','value':'x'}]";
    assert_int_equal(play(world), 0);
    assert_says(world->out, "3 had been made with other parameters than the Trigger gives now");
    assert_says(world->out, "delete pipelineruns nightly-29409300-backfill "
                            "nightly-29410740-backfill nightly-29412180-backfill\n");
}

static void what_can_not_be_made_is_refused_before_anything_is(void **state)
{
    static const struct {
        const char *sentence;
        const char *trigger;
        const char *pipeline;
        const char *to;
        int code;
        const char *says;
    } rows[] = {
        {"no such Trigger", NULL, "", "2025-12-04", 1,
         "there is no Trigger \"nightly\" in namespace \"team\"; kubectl get triggers -A"},
        {"no schedule", "'http':{'url':'http://x/y'}", "", "2025-12-04", 2, "has no spec.schedule"},
        {"a bad expression", "'schedule':{'cron':'0 25 * * *'}", "", "2025-12-04", 2,
         "spec.schedule.cron: hour"},
        {"a zone that is not there", "'schedule':{'cron':'0 3 * * *','timeZone':'Mars/Olympus'}",
         "", "2025-12-04", 2, "spec.schedule.timeZone: "},
        {"no Pipeline", "'schedule':{'cron':'0 3 * * *'}", NULL, "2025-12-04", 2,
         "there is no Pipeline \"churn\""},
        {"too many", "'schedule':{'cron':'* * * * *'}", "", "2025-12-04", 2, "split it: first"},
        {"from is to", "'schedule':{'cron':'0 3 * * *'}", "", "2025-12-01", 2, "is not before"},
        {"no time", "'schedule':{'cron':'0 3 29 2 *'}", "", "2025-12-04", 0,
         "the schedule has no time in this range"},
        {"no JSON", "'schedule':7", "", "2025-12-04", 1, "the Trigger can't be read"},
    };
    struct world *world = *state;
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        world->trigger = rows[at].trigger;
        world->pipeline = rows[at].pipeline;
        world->options.to = rows[at].to;
        fake_io_forget(world->fake);
        int code = play(world);
        if (code != rows[at].code || !strstr(world->err, rows[at].says) ||
            fake_io_count_sent(world->fake, "POST", "*") > 0) {
            fail_msg("%s: %d: %s", rows[at].sentence, code, world->err);
        }
    }
}

static void arguments_that_can_not_be_meant_are_refused(void **state)
{
    (void)state;
#define RANGE "--from", "2026-01-01", "--to", "2026-02-01"
    static const struct {
        const char *sentence;
        const char *arguments[COMMAND_ARGUMENTS];
        int code;
        const char *says;
    } rows[] = {
        {"no name", {"backfill", RANGE}, 2, "expected the name of one Trigger"},
        {"two names", {"backfill", "a", "b", RANGE}, 2, "expected the name of one Trigger"},
        {"no --from", {"backfill", "a", "--to", "2026-01-01"}, 2, "--from is missing"},
        {"no --to", {"backfill", "a", "--from", "2026-01-01"}, 2, "--to is missing"},
        {"no time",
         {"backfill", "a", "--from", "yesterday", "--to", "2026-01-01"},
         2,
         "--from \"yesterday\": expected a date such as 2026-01-31"},
        {"none at once", {"backfill", "a", RANGE, "--max-parallel", "0"}, 2, "from 1 to 100"},
        {"too many", {"backfill", "a", RANGE, "--max-parallel", "101"}, 2, "from 1 to 100"},
        {"no number", {"backfill", "a", RANGE, "--max-parallel", "2x"}, 2, "from 1 to 100"},
        {"no such option", {"backfill", "a", RANGE, "--force"}, 2, "usage: tidemill backfill"},
        {"no kubeconfig", {"backfill", "a", RANGE, "--kubeconfig", "/nowhere/x"}, 1, "/nowhere/x"},
        {"help", {"backfill", "--help"}, 0, "goes on where it stopped"},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        char output[COMMAND_OUTPUT_SIZE];
        int code = command_run(cli_backfill, rows[at].arguments, output);
        if (code != rows[at].code || !strstr(output, rows[at].says)) {
            fail_msg("%s: %d: %s", rows[at].sentence, code, output);
        }
    }
}

#define IN_A_WORLD(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_WORLD(each_time_is_made_once_the_oldest_first_and_one_after_the_other),
        IN_A_WORLD(no_more_runs_than_asked_for_go_on_at_once),
        IN_A_WORLD(a_dry_run_prints_the_table_and_creates_nothing),
        IN_A_WORLD(killed_at_any_request_the_same_command_goes_on),
        IN_A_WORLD(a_fault_of_any_request_makes_no_time_twice),
        IN_A_WORLD(a_failed_run_stops_the_others_only_when_that_is_asked_for),
        IN_A_WORLD(a_name_that_is_another_run_s_is_said_and_the_others_go_on),
        IN_A_WORLD(runs_of_the_pipeline_that_it_had_before_are_in_the_way),
        IN_A_WORLD(a_run_that_lost_its_label_is_found_by_its_name),
        IN_A_WORLD(what_the_api_server_refuses_is_said_in_its_words_and_ends_it),
        IN_A_WORLD(a_run_that_is_deleted_is_not_made_again_by_the_same_call),
        IN_A_WORLD(a_silent_api_server_ends_it_after_a_while_with_how_to_go_on),
        IN_A_WORLD(an_api_server_that_was_never_reached_is_said_at_once),
        IN_A_WORLD(an_interrupt_says_where_it_stands),
        IN_A_WORLD(lists_are_read_once_page_by_page),
        IN_A_WORLD(a_long_run_is_looked_at_less_and_less),
        IN_A_WORLD(a_run_that_does_not_begin_says_once_what_it_waits_for),
        IN_A_WORLD(the_live_run_of_a_time_is_named),
        IN_A_WORLD(runs_with_other_parameters_are_said),
        IN_A_WORLD(what_can_not_be_made_is_refused_before_anything_is),
        cmocka_unit_test(arguments_that_can_not_be_meant_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
