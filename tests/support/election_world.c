#include "support/election_world.h"

#include "support/test.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEASES "/apis/coordination.k8s.io/v1/namespaces/tidemill-system/leases"
#define LEASE  LEASES "/tidemill-controller"

enum { STEP_MS = 10, LEAD_LIMIT_MS = 1000, SETTLE_MS = 5000, TEXT_SIZE = 2048 };

static const char *const identities[ELECTION_CANDIDATES] = {ELECTION_IDENTITY_0,
                                                            ELECTION_IDENTITY_1};

static json_t *parse(const char *text)
{
    char json[TEXT_SIZE];
    (void)snprintf(json, sizeof(json), "%s", text);
    for (char *at = json; *at; at++) {
        *at = *at == '\'' ? '"' : *at;
    }
    json_t *tree = json_loads(json, 0, NULL);
    assert_non_null(tree);
    return tree;
}

/* The API server. */

static void set_version(struct election_world *world)
{
    char text[32];
    (void)snprintf(text, sizeof(text), "%" PRId64, ++world->version);
    json_object_set_new(json_object_get(world->lease, "metadata"), "resourceVersion",
                        json_string(text));
}

static void merge(json_t *into, const json_t *patch)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)patch, name, value)
    {
        json_t *member = json_object_get(into, name);
        if (json_is_object(value) && json_is_object(member)) {
            merge(member, value);
        } else {
            json_object_set(into, name, value);
        }
    }
}

static void create(struct election_world *world, json_t *object)
{
    world->lease = object;
    json_t *meta = json_object_get(object, "metadata");
    char uid[32];
    (void)snprintf(uid, sizeof(uid), "uid-of-lease-%" PRId64, world->version);
    json_object_set_new(meta, "uid", json_string(uid));
    set_version(world);
}

static void remember_event(struct election_world *world, const char *body)
{
    json_t *event = json_loads(body, 0, NULL);
    assert_non_null(event);
    json_t *regarding = json_object_get(event, "regarding");
    world->events++;
    (void)snprintf(world->event, sizeof(world->event), "%s %s/%s: %s",
                   json_string_value(json_object_get(event, "reason")),
                   json_string_value(json_object_get(regarding, "kind")),
                   json_string_value(json_object_get(regarding, "name")),
                   json_string_value(json_object_get(event, "note")));
    json_decref(event);
}

/* The status code; the Lease is the body of a success. */
static int carry_out(struct election_world *world, const struct fake_request *request)
{
    if (strcmp(request->method, "POST") == 0 && strcmp(request->path, LEASES) == 0) {
        if (world->lease) {
            return 409;
        }
        create(world, json_loads(request->body, 0, NULL));
        world->takes++;
        return 201;
    }
    assert_string_equal(request->path, LEASE);
    if (!world->lease) {
        return 404;
    }
    if (strcmp(request->method, "GET") == 0) {
        return 200;
    }
    assert_string_equal(request->method, "PATCH");
    assert_string_equal(request->content_type, "application/merge-patch+json");
    json_t *patch = json_loads(request->body, 0, NULL);
    json_t *known = json_object_get(json_object_get(patch, "metadata"), "resourceVersion");
    json_t *current = json_object_get(json_object_get(world->lease, "metadata"), "resourceVersion");
    assert_non_null(known);
    bool is_locked = json_equal(known, current);
    if (is_locked) {
        char before[128];
        (void)snprintf(before, sizeof(before), "%s", election_world_spec(world, "holderIdentity"));
        merge(world->lease, patch);
        set_version(world);
        world->takes += strcmp(before, election_world_spec(world, "holderIdentity")) != 0 ? 1 : 0;
    }
    json_decref(patch);
    return is_locked ? 200 : 409;
}

static void answer_code(struct fake_io *fake, struct io_call *call, int code, const char *body)
{
    fake_io_finish(fake, call, (struct fake_answer){.status = code, .body = body});
}

static void answer(struct election_world *world, const struct candidate *candidate,
                   struct io_call *call)
{
    static const struct fake_answer lost = {.failure = ERROR_LOST, .message = "broken"};
    struct fake_io *fake = candidate->fake;
    const struct fake_request *request = fake_io_request_of(call);
    switch (candidate->weather) {
    case WEATHER_UNREACHABLE:
        fake_io_finish(fake, call, (struct fake_answer){.failure = ERROR_UNAVAILABLE});
        return;
    case WEATHER_LOST_BEFORE:
        fake_io_finish(fake, call, lost);
        return;
    case WEATHER_CODE:
        answer_code(fake, call, candidate->code, "{\"kind\":\"Status\",\"message\":\"no\"}");
        return;
    default:
        break;
    }
    if (strstr(request->path, "/events")) {
        remember_event(world, request->body);
        answer_code(fake, call, 201, "{}");
        return;
    }
    int code = carry_out(world, request);
    if (candidate->weather == WEATHER_LOST_AFTER) {
        fake_io_finish(fake, call, lost);
        return;
    }
    char *body = code < 300 ? json_dumps(world->lease, 0) : NULL;
    bool is_garbage = candidate->weather == WEATHER_GARBAGE;
    answer_code(fake, call, code, is_garbage ? "<html>" : body ? body : "{}");
    free(body);
}

static void serve(struct election_world *world, struct candidate *candidate)
{
    struct io_call *call;
    while (candidate->weather != WEATHER_SILENT &&
           (call = fake_io_find_open(candidate->fake, NULL, "*")) != NULL) {
        answer(world, candidate, call);
        fake_io_run(candidate->fake);
    }
}

/* The candidates. */

static void on_change(void *context, bool leads)
{
    struct candidate *candidate = context;
    assert_int_not_equal(candidate->leads, leads);
    assert_int_equal(lease_allows_write(&candidate->lease), leads);
    candidate->leads = leads;
}

static void on_done(void *context)
{
    struct candidate *candidate = context;
    assert_false(candidate->is_done);
    candidate->is_done = true;
}

void election_world_open(struct election_world *world, const char *spec)
{
    *world = (struct election_world){.version = 100};
    if (spec) {
        json_t *lease = parse("{'metadata':{'name':'tidemill-controller'}}");
        json_object_set_new(lease, "spec", parse(spec));
        create(world, lease);
    }
    for (size_t at = 0; at < ELECTION_CANDIDATES; at++) {
        /* Other clocks: the second began a day later and has another date. */
        world->candidates[at].fake = fake_io_new();
        fake_io_jump(world->candidates[at].fake, (int64_t)at * 24 * 3600 * 1000);
    }
}

void election_world_close(struct election_world *world)
{
    for (size_t at = 0; at < ELECTION_CANDIDATES; at++) {
        struct candidate *candidate = &world->candidates[at];
        candidate->election = election_free(candidate->election);
        assert_int_equal(fake_io_timer_count(candidate->fake), 0);
        assert_int_equal(fake_io_open_count(candidate->fake), 0);
        candidate->fake = fake_io_free(candidate->fake);
    }
    json_decref(world->lease);
}

void election_world_start(struct election_world *world, size_t at)
{
    struct candidate *candidate = &world->candidates[at];
    struct io io = fake_io_seam(candidate->fake);
    candidate->lease = lease_not_held(io);
    candidate->leads = false;
    candidate->is_done = false;
    candidate->is_stopped = false;
    candidate->election = election_new(
        &(struct election_options){.io = io,
                                   .lease = &candidate->lease,
                                   .identity = identities[at],
                                   .instance = "tidemill",
                                   .namespace = "tidemill-system",
                                   .name = "tidemill-controller",
                                   .times = {.lease_ms = ELECTION_LEASE_MS,
                                             .renew_ms = ELECTION_RENEW_MS,
                                             .retry_ms = ELECTION_RETRY_MS},
                                   .on_change = on_change,
                                   .context = candidate});
    election_start(candidate->election);
}

void election_world_kill(struct election_world *world, size_t at)
{
    struct candidate *candidate = &world->candidates[at];
    candidate->election = election_free(candidate->election);
    lease_lose(&candidate->lease);
    candidate->leads = false;
}

void election_world_stop(struct election_world *world, size_t at)
{
    struct candidate *candidate = &world->candidates[at];
    election_withdraw(candidate->election);
    candidate->leads = false;
    election_release(candidate->election, on_done, candidate);
}

bool election_world_allows(const struct election_world *world, size_t at)
{
    const struct candidate *candidate = &world->candidates[at];
    return candidate->election && lease_allows_write(&candidate->lease);
}

static void step(struct election_world *world)
{
    world->now_ms += STEP_MS;
    for (size_t at = 0; at < ELECTION_CANDIDATES; at++) {
        struct candidate *candidate = &world->candidates[at];
        if (candidate->is_stopped) {
            fake_io_jump(candidate->fake, STEP_MS);
            continue;
        }
        fake_io_advance(candidate->fake, STEP_MS);
        serve(world, candidate);
    }
    assert_false(election_world_allows(world, 0) && election_world_allows(world, 1));
}

void election_world_advance(struct election_world *world, int64_t milliseconds)
{
    for (int64_t at = 0; at < milliseconds; at += STEP_MS) {
        step(world);
    }
}

int64_t election_world_wait_leader(struct election_world *world, size_t candidate, int64_t limit_ms)
{
    int64_t began_ms = world->now_ms;
    while (!world->candidates[candidate].leads) {
        if (world->now_ms - began_ms >= limit_ms) {
            return -1;
        }
        step(world);
    }
    return world->now_ms - began_ms;
}

void election_world_edit(struct election_world *world, const char *patch)
{
    if (!patch) {
        json_decref(world->lease);
        world->lease = NULL;
        return;
    }
    json_t *tree = parse(patch);
    merge(world->lease, tree);
    set_version(world);
    json_decref(tree);
}

const char *election_world_spec(const struct election_world *world, const char *name)
{
    static char text[128];
    json_t *value = json_object_get(json_object_get(world->lease, "spec"), name);
    if (json_is_integer(value)) {
        (void)snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    } else {
        (void)snprintf(text, sizeof(text), "%s",
                       json_is_string(value) ? json_string_value(value) : "-");
    }
    return text;
}

void election_world_lead(struct election_world *world)
{
    election_world_open(world, NULL);
    election_world_start(world, 0);
    assert_int_not_equal(election_world_wait_leader(world, 0, LEAD_LIMIT_MS), -1);
}

void election_world_lead_before_another(struct election_world *world)
{
    election_world_lead(world);
    election_world_start(world, 1);
    election_world_advance(world, SETTLE_MS);
    assert_true(world->candidates[0].leads);
    assert_false(world->candidates[1].leads);
}
