#include "support/executor_fixture.h"

#include "support/test.h"

#include <stdio.h>
#include <string.h>

static bool cache_reached(void *context, enum api_kind kind, const char *resource_version)
{
    const struct executor_fixture *fixture = context;
    (void)kind;
    (void)resource_version;
    return fixture->cache_has_reached;
}

static const struct meta *cache_find(void *context, enum api_kind kind, const char *namespace,
                                     const char *name)
{
    const struct executor_fixture *fixture = context;
    (void)kind;
    (void)namespace;
    return fixture->cached && strcmp(fixture->cached->name, name) == 0 ? fixture->cached : NULL;
}

static void ignore_wake(void *context, const struct work_key *key)
{
    (void)context;
    (void)key;
}

void executor_fixture_open(struct executor_fixture *fixture)
{
    *fixture = (struct executor_fixture){.fake = fake_io_new()};
    fixture->io = fake_io_seam(fixture->fake);
    fixture->lease = lease_hold_forever(fixture->io);
    const struct expectations_source source = {
        .reached = cache_reached, .find = cache_find, .wake = ignore_wake, .context = fixture};
    fixture->expectations = expectations_new(fixture->io, &source);
    fixture->facts = facts_new(fixture->io);
    const struct events_options events = {
        .io = fixture->io, .lease = &fixture->lease, .instance = "tidemill-0"};
    fixture->events = events_new(&events);
    const struct executor_options options = {.io = fixture->io,
                                             .lease = &fixture->lease,
                                             .expectations = fixture->expectations,
                                             .facts = fixture->facts,
                                             .events = fixture->events};
    fixture->executor = executor_new(&options);
    plan_init(&fixture->plan, &fixture->arena);
}

void executor_fixture_close(struct executor_fixture *fixture)
{
    (void)executor_free(fixture->executor);
    (void)events_free(fixture->events);
    (void)facts_free(fixture->facts);
    (void)expectations_free(fixture->expectations);
    assert_int_equal(fake_io_timer_count(fixture->fake), 0);
    assert_int_equal(fake_io_open_count(fixture->fake), 0);
    (void)fake_io_free(fixture->fake);
    arena_free(&fixture->arena);
}

int executor_fixture_set_up(void **state)
{
    static struct executor_fixture fixture;
    executor_fixture_open(&fixture);
    *state = &fixture;
    return 0;
}

int executor_fixture_tear_down(void **state)
{
    executor_fixture_close(*state);
    return 0;
}

static void take_summary(void *context, const struct work_key *key,
                         const struct execution_summary *summary)
{
    struct executor_fixture *fixture = context;
    fixture->done_calls++;
    fixture->summary = *summary;
    (void)snprintf(fixture->message, sizeof(fixture->message), "%s",
                   summary->message ? summary->message : "");
    fixture->summary.message = fixture->message;
    size_t used = strlen(fixture->finished);
    (void)snprintf(fixture->finished + used, sizeof(fixture->finished) - used, "%s ", key->name);
}

void run_plan_for(struct executor_fixture *fixture, const char *name)
{
    struct work_key key = {KIND_PIPELINE_RUN, "team", name};
    executor_run(fixture->executor, &key, &fixture->plan, take_summary, fixture);
    /* Gone at once: whatever the executor still needs it has copied, or ASan tells. */
    arena_free(&fixture->arena);
    plan_init(&fixture->plan, &fixture->arena);
}

void run_plan(struct executor_fixture *fixture)
{
    fixture->done_calls = 0;
    run_plan_for(fixture, "a");
    fake_io_run(fixture->fake);
}

static struct operation *newest(struct executor_fixture *fixture)
{
    return &fixture->plan.operations[fixture->plan.count - 1];
}

static const char *body_of(struct executor_fixture *fixture, const char *name)
{
    return arena_print(&fixture->arena, "{\"metadata\":{\"name\":\"%s\"}}", name);
}

/* Texts in the plan's own arena, as a planner's are. */
static const char *copy(struct executor_fixture *fixture, const char *text)
{
    return arena_copy_text(&fixture->arena, text);
}

struct operation *add_create(struct executor_fixture *fixture, const char *name)
{
    plan_create(&fixture->plan, KIND_JOB, copy(fixture, "team"), copy(fixture, name),
                copy(fixture, "owner"), body_of(fixture, name), "StepReady", "a step is ready");
    return newest(fixture);
}

struct operation *add_apply(struct executor_fixture *fixture, const char *name)
{
    plan_apply(&fixture->plan, KIND_SERVICE, copy(fixture, "team"), copy(fixture, name),
               copy(fixture, "owner"), body_of(fixture, name), "RollingOut", "a version comes up");
    return newest(fixture);
}

static struct meta *meta_of(struct executor_fixture *fixture, const char *name)
{
    struct meta *meta = arena_new(&fixture->arena, struct meta);
    *meta = (struct meta){.name = copy(fixture, name),
                          .namespace = copy(fixture, "team"),
                          .uid = copy(fixture, "uid"),
                          .resource_version = copy(fixture, "5"),
                          .deletion_time = TIME_ABSENT};
    return meta;
}

struct operation *add_patch_status(struct executor_fixture *fixture, const char *name)
{
    plan_patch(&fixture->plan, KIND_PIPELINE_RUN, meta_of(fixture, name), copy(fixture, "[]"),
               "Running", "steps are under way");
    newest(fixture)->type = OPERATION_PATCH_STATUS;
    return newest(fixture);
}

struct operation *add_delete(struct executor_fixture *fixture, const char *name)
{
    plan_delete(&fixture->plan, KIND_JOB, meta_of(fixture, name), "HistoryLimit", "too many");
    return newest(fixture);
}

struct operation *add_probe(struct executor_fixture *fixture, const char *name)
{
    plan_probe(&fixture->plan, KIND_JOB, copy(fixture, "team"), copy(fixture, name), "JobDeleted",
               "is it there?");
    return newest(fixture);
}

struct operation *add_probe_pods(struct executor_fixture *fixture, const char *job)
{
    plan_probe(&fixture->plan, KIND_POD, copy(fixture, "team"), copy(fixture, job), "PodNotSeen",
               "is one there?");
    return newest(fixture);
}

struct operation *add_explain(struct executor_fixture *fixture, const char *name)
{
    plan_explain(&fixture->plan, KIND_JOB, meta_of(fixture, name), "NoPodYet", "why no pod?");
    return newest(fixture);
}

struct operation *add_dry_run(struct executor_fixture *fixture, const char *name)
{
    plan_dry_run(&fixture->plan, KIND_JOB, copy(fixture, "team"), copy(fixture, name),
                 body_of(fixture, name), "TemplateCheck", "would it be taken?");
    return newest(fixture);
}

struct operation *add_event(struct executor_fixture *fixture, const char *message)
{
    plan_event(&fixture->plan, KIND_PIPELINE_RUN, meta_of(fixture, "a"), false, "Running",
               copy(fixture, message));
    return newest(fixture);
}

void answer(struct executor_fixture *fixture, const char *method, const char *path,
            struct fake_answer what)
{
    struct io_call *call = fake_io_find_open(fixture->fake, method, path);
    if (!call) {
        fail_msg("no open request %s %s", method, path);
    }
    fake_io_finish(fixture->fake, call, what);
    fake_io_run(fixture->fake);
}

struct fake_answer object_answer(const char *name, const char *uid, const char *resource_version,
                                 const char *owner)
{
    static char body[2048];
    char owners[512] = "";
    if (owner) {
        (void)snprintf(owners, sizeof(owners),
                       ",\"ownerReferences\":[{\"apiVersion\":\"batch/v1\",\"kind\":\"CronJob\","
                       "\"name\":\"nightly\",\"uid\":\"%s\",\"controller\":true}]",
                       owner);
    }
    (void)snprintf(body, sizeof(body),
                   "{\"metadata\":{\"name\":\"%s\",\"namespace\":\"team\",\"uid\":\"%s\","
                   "\"resourceVersion\":\"%s\",\"creationTimestamp\":\"2026-01-02T03:04:05Z\"%s}}",
                   name, uid, resource_version, owners);
    return (struct fake_answer){.status = 200, .body = body};
}

struct fake_answer status_answer(int code, const char *reason, const char *message)
{
    static char body[2048];
    (void)snprintf(body, sizeof(body),
                   "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\","
                   "\"code\":%d,\"reason\":\"%s\",\"message\":\"%s\"}",
                   code, reason, message);
    return (struct fake_answer){.status = code, .body = body};
}

struct fake_answer taken_answer(void)
{
    return status_answer(409, "AlreadyExists", "jobs x already exists");
}

struct fake_answer not_found_answer(void)
{
    return status_answer(404, "NotFound", "not there");
}

const struct fake_answer lost_answer = {.failure = ERROR_LOST, .message = "connection reset"};

const char *sent_text(struct executor_fixture *fixture)
{
    static char text[8192];
    text[0] = '\0';
    for (size_t at = 0; at < fake_io_sent_count(fixture->fake); at++) {
        const struct fake_request *request = fake_io_sent(fixture->fake, at);
        size_t used = strlen(text);
        (void)snprintf(text + used, sizeof(text) - used, "%s %s\n", request->method, request->path);
    }
    return text;
}

const struct fact *find_fact(struct executor_fixture *fixture, enum operation_type type,
                             enum api_kind kind, const char *name)
{
    struct fact_list list = facts_list(fixture->facts, &fixture->arena, "PipelineRun/team/a");
    return fact_find(&list, type, kind, name);
}

void expect_done(const struct executor_fixture *fixture)
{
    assert_int_equal(fixture->done_calls, 1);
    assert_int_equal(fixture->summary.failed, 0);
    assert_int_equal(fixture->summary.reaction, REACTION_NONE);
}

void expect_failure(const struct executor_fixture *fixture, enum error_kind error)
{
    assert_int_equal(fixture->done_calls, 1);
    assert_int_equal(fixture->summary.failed, 1);
    assert_string_equal(error_kind_name(fixture->summary.error), error_kind_name(error));
}

bool is_satisfied(struct executor_fixture *fixture)
{
    const struct work_key key = {KIND_PIPELINE_RUN, "team", "a"};
    return expectations_satisfied(fixture->expectations, &key, NULL);
}
