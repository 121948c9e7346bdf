#include "support/test.h"

#include "kube/controller.h"
#include "kube/executor.h"
#include "support/fake_io.h"

#include <stdio.h>
#include <string.h>

/* The whole controller with leader election, in front of an API server with one Pipeline. */

#define LEASES    "/apis/coordination.k8s.io/*"
#define REVISIONS "*/namespaces/team/controllerrevisions"
#define EVENTS    "*/namespaces/tidemill-system/events"

enum { SECOND = 1000, TEXT_SIZE = 512 };

struct world {
    struct fake_io *fake;
    struct controller *controller;
    char holder[64]; /* of the Lease */
    int version;
    bool holds_lists;  /* lists are not answered */
    bool holds_writes; /* nor writes of work */
    bool holds_lease;
    bool is_stopped;
    const char *runs; /* what a list of them says; NULL: nothing */
    size_t steps_running;
};

static const char pipelines[] =
    "{\"metadata\":{\"resourceVersion\":\"7\"},\"items\":[{\"metadata\":{\"name\":\"p\","
    "\"namespace\":\"team\",\"uid\":\"u\",\"resourceVersion\":\"5\",\"generation\":1},\"spec\":{"
    "\"steps\":[{\"name\":\"a\",\"image\":\"i\"}]},\"status\":{\"observedGeneration\":-1}}]}";
static const char nothing[] = "{\"metadata\":{\"resourceVersion\":\"7\"},\"items\":[]}";

static void finish(struct world *world, struct io_call *call, int status, const char *body)
{
    fake_io_finish(world->fake, call, (struct fake_answer){.status = status, .body = body});
    fake_io_run(world->fake);
}

static void answer_lease(struct world *world, struct io_call *call)
{
    const struct fake_request *request = fake_io_request_of(call);
    if (strcmp(request->method, "GET") != 0) {
        bool is_release = strstr(request->body, "\"holderIdentity\":\"\"") != NULL;
        (void)snprintf(world->holder, sizeof(world->holder), "%s", is_release ? "" : "me");
        world->version++;
    }
    char body[TEXT_SIZE];
    (void)snprintf(
        body, sizeof(body),
        "{\"metadata\":{\"name\":\"l\",\"uid\":\"u\",\"resourceVersion\":\"%d\"},\"spec\":"
        "{\"holderIdentity\":\"%s\",\"leaseDurationSeconds\":15,\"renewTime\":\"%d\"}}",
        world->version, world->holder, world->version);
    finish(world, call, 200, body);
}

/* True when it was answered. */
static bool serve_one(struct world *world, const char *method, const char *path, bool holds)
{
    struct io_call *call = holds ? NULL : fake_io_find_open(world->fake, method, path);
    if (!call) {
        return false;
    }
    if (strstr(path, "coordination")) {
        answer_lease(world, call);
    } else if (strcmp(method, "GET") != 0) {
        finish(world, call, 201, "{\"metadata\":{\"uid\":\"u\",\"resourceVersion\":\"7\"}}");
    } else {
        const char *asked = fake_io_request_of(call)->path;
        const char *runs = world->runs && strstr(asked, "/pipelineruns?") ? world->runs : nothing;
        finish(world, call, 200, strstr(asked, "/pipelines?") ? pipelines : runs);
    }
    return true;
}

static void serve(struct world *world)
{
    /* Streaming lists are refused: lists in pages say the same. */
    struct io_call *call;
    while ((call = fake_io_find_open(world->fake, "GET", "*sendInitialEvents=true*")) != NULL) {
        finish(world, call, 400, "{\"kind\":\"Status\",\"reason\":\"BadRequest\"}");
    }
    while (serve_one(world, "GET", LEASES, world->holds_lease) ||
           serve_one(world, "POST", LEASES, world->holds_lease) ||
           serve_one(world, "PATCH", LEASES, world->holds_lease) ||
           serve_one(world, "POST", EVENTS, false) ||
           serve_one(world, "GET", "*limit=500*", world->holds_lists) ||
           serve_one(world, "POST", "*/namespaces/team/*", world->holds_writes) ||
           serve_one(world, "PATCH", "*/namespaces/team/*", world->holds_writes)) {
    }
}

static void advance(struct world *world, int64_t milliseconds)
{
    enum { STEP_MS = 50 };
    serve(world);
    for (int64_t at = 0; at < milliseconds; at += STEP_MS) {
        fake_io_advance(world->fake, STEP_MS);
        serve(world);
    }
}

static void note_steps_running(void *context, size_t count)
{
    ((struct world *)context)->steps_running = count;
}

static void open_world(struct world *world, const char *holder)
{
    *world = (struct world){.fake = fake_io_new(), .version = 1};
    (void)snprintf(world->holder, sizeof(world->holder), "%s", holder);
    const struct controller_election election = {.identity = "me",
                                                 .namespace = "tidemill-system",
                                                 .name = "l",
                                                 .times = {.lease_ms = ELECTION_LEASE_MS,
                                                           .renew_ms = ELECTION_RENEW_MS,
                                                           .retry_ms = ELECTION_RETRY_MS}};
    world->controller = controller_new(
        &(struct controller_options){.io = fake_io_seam(world->fake),
                                     .election = &election,
                                     .instance = "me",
                                     .on_steps_running = note_steps_running,
                                     .context = world,
                                     .settings = {.helper_image = "tidemill:test"}});
    controller_start(world->controller);
}

static void close_world(struct world *world)
{
    world->controller = controller_free(world->controller);
    assert_int_equal(fake_io_timer_count(world->fake), 0);
    assert_int_equal(fake_io_open_count(world->fake), 0);
    world->fake = fake_io_free(world->fake);
}

static size_t count_writes(const struct world *world)
{
    size_t reads = fake_io_count_sent(world->fake, "GET", "*");
    size_t election = fake_io_count_sent(world->fake, NULL, "*/namespaces/tidemill-system/*") -
                      fake_io_count_sent(world->fake, "GET", "*/namespaces/tidemill-system/*");
    return fake_io_sent_count(world->fake) - reads - election;
}

static size_t count_lists(const struct world *world)
{
    return fake_io_count_sent(world->fake, "GET", "*limit=500*");
}

static void a_follower_has_warm_caches_and_writes_nothing(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, "other");
    for (int at = 0; at < 60; at++) {
        world.version++; /* the other one renews */
        advance(&world, SECOND);
    }
    assert_true(controller_is_synced(world.controller));
    assert_false(controller_is_acting(world.controller));
    assert_int_equal(count_writes(&world), 0);
    assert_int_equal(fake_io_count_sent(world.fake, "POST", "*"), 0);
    assert_int_equal(fake_io_count_sent(world.fake, "PATCH", "*"), 0);
    assert_int_equal(count_lists(&world), KIND_COUNT);
    assert_int_equal(queue_numbers(controller_queue(world.controller)).taken, 0);
    close_world(&world);
}

static void a_candidate_knows_everything_before_it_competes(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, "");
    world.holds_lists = true;
    advance(&world, 10 * SECOND);
    assert_int_equal(fake_io_count_sent(world.fake, NULL, LEASES), 0);
    world.holds_lists = false;
    advance(&world, SECOND);
    assert_string_equal(world.holder, "me");
    close_world(&world);
}

/* Also when Jobs could come first: what belongs to finished runs is reduced as it comes. */
static void at_the_start_jobs_are_listed_after_runs_and_pods_after_jobs(void **state)
{
    (void)state;
    static const char *const order[] = {"*/pipelineruns?*limit=500*", "*/jobs?*limit=500*",
                                        "*/pods?*limit=500*"};
    struct world world;
    open_world(&world, "");
    world.holds_lists = true;
    for (size_t at = 0; at < COUNT_OF(order); at++) {
        advance(&world, SECOND);
        for (size_t later = at; later < COUNT_OF(order); later++) {
            assert_int_equal(fake_io_count_sent(world.fake, "GET", order[later]), later == at);
        }
        finish(&world, fake_io_find_open(world.fake, "GET", order[at]), 200, nothing);
    }
    world.holds_lists = false;
    advance(&world, SECOND);
    assert_true(controller_is_acting(world.controller));
    close_world(&world);
}

static void a_new_leader_lists_everything_anew_before_it_plans(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, "other");
    advance(&world, 14 * SECOND);
    fake_io_forget(world.fake);
    world.holds_lists = true;
    advance(&world, 3 * SECOND);
    assert_string_equal(world.holder, "me");
    assert_int_equal(count_lists(&world), KIND_COUNT);
    assert_false(controller_is_acting(world.controller));
    assert_int_equal(count_writes(&world), 0);
    /* All but one. */
    for (int at = 1; at < KIND_COUNT; at++) {
        struct io_call *call = fake_io_find_open(world.fake, "GET", "*limit=500*");
        bool is_full = strstr(fake_io_request_of(call)->path, "/pipelines?") != NULL;
        finish(&world, call, 200, is_full ? pipelines : nothing);
    }
    advance(&world, SECOND);
    assert_int_equal(count_writes(&world), 0);
    world.holds_lists = false;
    advance(&world, SECOND);
    assert_true(controller_is_acting(world.controller));
    assert_int_not_equal(count_writes(&world), 0);
    close_world(&world);
}

static void a_leader_that_loses_it_in_mid_plan_sends_nothing_until_it_looked_again(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, "");
    world.holds_writes = true;
    advance(&world, SECOND);
    assert_true(controller_is_acting(world.controller));
    assert_int_not_equal(count_writes(&world), 0);
    fake_io_forget(world.fake);
    /* SIGSTOP for 20 s. */
    fake_io_jump(world.fake, 20 * SECOND);
    assert_false(controller_is_acting(world.controller));
    world.holds_writes = false;
    world.holds_lists = true;
    advance(&world, 10 * SECOND);
    assert_int_equal(count_writes(&world), 0);
    /* The Lease is still its own, so it leads again: a new term with a look of its own. */
    assert_int_equal(election_numbers(controller_election(world.controller)).transitions, 3);
    assert_int_equal(count_lists(&world), KIND_COUNT);
    world.holds_lists = false;
    advance(&world, SECOND);
    assert_true(controller_is_acting(world.controller));
    assert_int_not_equal(count_writes(&world), 0);
    close_world(&world);
}

static void another_holder_ends_it_at_the_next_renewal(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, "");
    advance(&world, SECOND);
    (void)snprintf(world.holder, sizeof(world.holder), "other");
    world.holds_lease = true;
    while (!fake_io_find_open(world.fake, "PATCH", LEASES)) {
        advance(&world, 50);
    }
    finish(&world, fake_io_find_open(world.fake, "PATCH", LEASES), 409, "{}");
    world.holds_lease = false;
    serve(&world);
    assert_false(controller_is_acting(world.controller));
    fake_io_forget(world.fake);
    advance(&world, 10 * SECOND);
    assert_int_equal(count_writes(&world), 0);
    assert_int_equal(fake_io_count_sent(world.fake, "PATCH", LEASES), 0);
    close_world(&world);
}

static void note_stopped(void *context)
{
    struct world *world = context;
    world->is_stopped = true;
}

static void a_clean_stop_gives_the_lease_back_when_the_answers_are_there(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, "");
    world.holds_writes = true;
    advance(&world, SECOND);
    controller_stop(world.controller, note_stopped, &world);
    fake_io_forget(world.fake);
    advance(&world, SECOND);
    assert_false(world.is_stopped);
    assert_string_equal(world.holder, "me");
    assert_int_equal(fake_io_sent_count(world.fake), 0);
    world.holds_writes = false;
    advance(&world, 100);
    assert_true(world.is_stopped);
    assert_string_equal(world.holder, "");
    assert_int_equal(count_writes(&world), 0);
    close_world(&world);
}

static void a_clean_stop_without_answers_leaves_the_lease_to_run_out(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, "");
    world.holds_writes = true;
    advance(&world, SECOND);
    controller_stop(world.controller, note_stopped, &world);
    fake_io_forget(world.fake);
    advance(&world, CONTROLLER_DRAIN_MS + 100);
    assert_true(world.is_stopped);
    assert_string_equal(world.holder, "me");
    assert_int_equal(fake_io_sent_count(world.fake), 0);
    close_world(&world);
}

static void a_follower_stops_at_once(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, "other");
    advance(&world, SECOND);
    controller_stop(world.controller, note_stopped, &world);
    advance(&world, 50);
    assert_true(world.is_stopped);
    assert_string_equal(world.holder, "other");
    close_world(&world);
}

#define RUN(name, version, phase, steps)                                          \
    "{\"metadata\":{\"name\":\"" name "\",\"namespace\":\"team\",\"uid\":\"" name \
    "\",\"resourceVersion\":\"" version                                           \
    "\",\"generation\":1},\"spec\":{\"pipelineRef\":{\"name\":\"q\"}},"           \
    "\"status\":{\"phase\":\"" phase "\",\"steps\":[" steps "]}}"
#define STEP(name, phase) "{\"name\":\"" name "\",\"phase\":\"" phase "\"}"
#define RUNS(version, items) \
    "{\"metadata\":{\"resourceVersion\":\"" version "\"},\"items\":[" items "]}"

/* Of a run at its end none runs, whatever is kept of its steps. */
static void running_steps_are_counted_over_all_runs_and_lists(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, "other");
    world.runs = RUNS("7",
                      RUN("r", "5", "Running",
                          STEP("a", "Running") "," STEP("b", "Running") "," STEP(
                              "c", "Pending")) "," RUN("s", "6", "Running", STEP("a", "Running")));
    advance(&world, SECOND);
    assert_int_equal(world.steps_running, 3);
    world.runs = RUNS("9", RUN("s", "8", "Failed", STEP("a", "Running")) "," RUN(
                               "t", "9", "Running", STEP("a", "Running")));
    advance(&world, 20 * SECOND); /* the other one's Lease runs out, and all is listed anew */
    assert_true(controller_is_acting(world.controller));
    assert_int_equal(world.steps_running, 1);
    close_world(&world);
}

/* The caches know already what its write did: no event makes the Pipeline be planned again. */
static void what_a_plan_that_took_long_left_out_is_planned_at_once(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, "");
    world.holds_writes = true;
    advance(&world, SECOND);
    fake_io_forget(world.fake);
    assert_true(serve_one(&world, "POST", "*/namespaces/team/jobs?dryRun=All*", false));
    assert_true(serve_one(&world, "POST", REVISIONS, false));
    advance(&world, EXECUTOR_PLAN_AGE_MS + SECOND);
    assert_int_equal(fake_io_count_sent(world.fake, "POST", REVISIONS), 1);
    assert_int_equal(count_writes(&world), 1);
    fake_io_forget(world.fake);
    world.holds_writes = false;
    serve(&world);
    assert_int_equal(fake_io_count_sent(world.fake, "POST", REVISIONS), 1);
    assert_int_equal(fake_io_count_sent(world.fake, "PATCH", "*/pipelines/p/status"), 1);
    close_world(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_follower_has_warm_caches_and_writes_nothing),
        cmocka_unit_test(a_candidate_knows_everything_before_it_competes),
        cmocka_unit_test(at_the_start_jobs_are_listed_after_runs_and_pods_after_jobs),
        cmocka_unit_test(a_new_leader_lists_everything_anew_before_it_plans),
        cmocka_unit_test(a_leader_that_loses_it_in_mid_plan_sends_nothing_until_it_looked_again),
        cmocka_unit_test(another_holder_ends_it_at_the_next_renewal),
        cmocka_unit_test(a_clean_stop_gives_the_lease_back_when_the_answers_are_there),
        cmocka_unit_test(a_clean_stop_without_answers_leaves_the_lease_to_run_out),
        cmocka_unit_test(a_follower_stops_at_once),
        cmocka_unit_test(running_steps_are_counted_over_all_runs_and_lists),
        cmocka_unit_test(what_a_plan_that_took_long_left_out_is_planned_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
