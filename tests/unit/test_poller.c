/* Sources of Triggers are asked, each at its interval, while this replica leads (kube/poller). */

#include "support/test.h"

#include "api/trigger.h"
#include "support/poller_world.h"

#include <stdio.h>
#include <string.h>

static void a_source_is_asked_at_once_and_then_at_its_interval(void **state)
{
    struct poller_world *world = *state;
    poller_world_start(world);
    poller_world_put(world, "t", 1, POLLER_DATA ",'interval':'1m'");
    fake_io_run(world->fake);
    assert_null(poller_world_sighting(world, "t"));
    poller_world_answer(world, "http://data.team.svc/x", "\"1\"");
    assert_string_equal(poller_world_sighting(world, "t")->revision, "etag:\"1\"");
    assert_int_equal(world->wakes, 1);
    int64_t since = poller_world_sighting(world, "t")->since;
    fake_io_advance(world->fake, MINUTE);
    poller_world_answer(world, "http://data.team.svc/x", "\"1\"");
    assert_int_equal(world->wakes, 1); /* nothing new */
    assert_int_equal(poller_world_sighting(world, "t")->since, since);
    fake_io_advance(world->fake, MINUTE);
    poller_world_answer(world, "http://data.team.svc/x", "\"2\"");
    assert_int_equal(world->wakes, 2);
    assert_true(poller_world_sighting(world, "t")->since > since);
    assert_int_equal(poller_world_sent_count(world), 3);
}

/* Requests may be signed for the host that the spec names. */
static void the_host_is_told_as_it_is_written(void **state)
{
    struct poller_world *world = *state;
    poller_world_start(world);
    poller_world_put(world, "t", 1, "'http':{'url':'http://data:9000/x'}");
    fake_io_run(world->fake);
    struct io_visit *visit = fake_fetch_find(fake_io_fetches(world->fake),
                                             "http://data.team.svc:9000/x");
    const struct io_fetch *asked = fake_fetch_asked(visit);
    assert_string_equal(asked->headers[asked->header_count - 1].name, "Host");
    assert_string_equal(asked->headers[asked->header_count - 1].value, "data:9000");
}

static void who_does_not_lead_asks_nothing_and_knows_nothing(void **state)
{
    struct poller_world *world = *state;
    poller_world_put(world, "t", 1, POLLER_DATA);
    fake_io_advance(world->fake, MINUTE);
    assert_int_equal(poller_world_sent_count(world), 0);
    poller_world_start(world);
    poller_world_answer(world, "http://data.team.svc/x", "\"1\"");
    assert_non_null(poller_world_sighting(world, "t"));
    fake_io_advance(world->fake, 10 * MINUTE);
    assert_int_equal(poller_world_open_count(world), 1);
    poller_stop(world->poller);
    assert_int_equal(poller_world_open_count(world), 0);
    assert_null(poller_world_sighting(world, "t"));
    fake_io_advance(world->fake, 10 * MINUTE);
    assert_int_equal(poller_world_sent_count(world), 2);
    poller_world_start(world);
    assert_int_equal(poller_world_open_count(world), 1);
}

static void a_changed_spec_is_asked_anew_and_a_changed_status_is_not(void **state)
{
    struct poller_world *world = *state;
    poller_world_start(world);
    poller_world_put(world, "t", 1, POLLER_DATA);
    fake_io_run(world->fake);
    poller_world_answer(world, "http://data.team.svc/x", "\"1\"");
    poller_world_put(world, "t", 1, POLLER_DATA);
    fake_io_run(world->fake);
    assert_int_equal(poller_world_open_count(world), 0);
    assert_non_null(poller_world_sighting(world, "t"));
    poller_world_put(world, "t", 2, "'http':{'url':'http://data/y'}");
    fake_io_run(world->fake);
    assert_null(poller_world_sighting(world, "t"));
    poller_world_answer(world, "http://data.team.svc/y", "\"9\"");
    assert_string_equal(poller_world_sighting(world, "t")->revision, "etag:\"9\"");
}

static void a_trigger_that_goes_takes_its_request_along(void **state)
{
    struct poller_world *world = *state;
    poller_world_start(world);
    poller_world_put(world, "t", 1, POLLER_DATA);
    fake_io_run(world->fake);
    assert_int_equal(poller_world_open_count(world), 1);
    cache_remove(world->cache, KIND_TRIGGER, "team", "t", "99");
    assert_int_equal(poller_world_open_count(world), 0);
    assert_int_equal(poller_numbers(world->poller).known, 0);
    fake_io_advance(world->fake, 10 * MINUTE);
    assert_int_equal(poller_world_sent_count(world), 1);
}

struct refusal_row {
    const char *spec;
    const char *says;
};

static void where_a_url_may_not_lead_nothing_is_sent(void **state)
{
    struct poller_world *world = *state;
    static const struct refusal_row rows[] = {
        {"'http':{'url':'http://data.other.svc/x'}", "neither a Service of namespace team"},
        {"'http':{'url':'http://169.254.169.254/x'}", "nor named by the controller's"},
        {"'http':{'url':'http://user@data/x'}", "put user and password into the Secret"},
    };
    poller_world_start(world);
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        poller_world_put(world, "t", (int)at + 1, rows[at].spec);
        fake_io_run(world->fake);
        assert_int_equal(poller_world_sighting(world, "t")->state, SIGHTING_FAILED);
        if (!strstr(poller_world_sighting(world, "t")->message, rows[at].says)) {
            fail_msg("%s: %s", rows[at].spec, poller_world_sighting(world, "t")->message);
        }
    }
    assert_int_equal(poller_world_sent_count(world), 0);
}

static void what_can_t_be_reached_is_told_and_asked_again(void **state)
{
    struct poller_world *world = *state;
    struct fake_fetch *fetches = fake_io_fetches(world->fake);
    poller_world_start(world);
    poller_world_put(world, "t", 1, "'http':{'url':'http://data/x?sig=hidden'},'interval':'10s'");
    fake_io_run(world->fake);
    fake_fetch_end(fetches, fake_fetch_find(fetches, "http://data"),
                   &(struct io_fetched){.failure = ERROR_UNAVAILABLE, .message = "no route"});
    const char *message = poller_world_sighting(world, "t")->message;
    assert_non_null(strstr(message, "no route; it is asked again"));
    assert_null(strstr(message, "hidden"));
    fake_io_advance(world->fake, 11 * SECOND);
    poller_world_answer(world, "http://data.team.svc/x", "\"1\"");
    assert_int_equal(poller_world_sighting(world, "t")->state, SIGHTING_FOUND);
}

static void a_failure_does_not_wait_for_a_long_interval(void **state)
{
    struct poller_world *world = *state;
    struct fake_fetch *fetches = fake_io_fetches(world->fake);
    poller_world_start(world);
    poller_world_put(world, "t", 1, POLLER_DATA ",'interval':'1m'");
    fake_io_run(world->fake);
    static const int pauses[] = {10, 20, 40, 60, 60};
    for (size_t at = 0; at < COUNT_OF(pauses); at++) {
        assert_int_equal(poller_world_open_count(world), 1);
        fake_fetch_end(fetches, fake_fetch_find(fetches, "http://data"),
                       &(struct io_fetched){.failure = ERROR_UNAVAILABLE, .message = "no route"});
        fake_io_advance(world->fake, pauses[at] * SECOND * 9 / 10);
        assert_int_equal(poller_world_open_count(world), 0);
        fake_io_advance(world->fake, pauses[at] * SECOND / 5);
    }
    poller_world_answer(world, "http://data.team.svc/x", "\"1\"");
    fake_io_advance(world->fake, 50 * SECOND);
    assert_int_equal(poller_world_open_count(world), 0);
}

/* Nobody is woken by each of the failures, and what changed meanwhile is found as ever. */
static void a_source_may_be_down_for_a_day(void **state)
{
    struct poller_world *world = *state;
    enum { DAY_MINUTES = 24 * 60, INTERVAL_MINUTES = 5 };
    struct fake_fetch *fetches = fake_io_fetches(world->fake);
    poller_world_start(world);
    poller_world_put(world, "t", 1, POLLER_DATA);
    fake_io_run(world->fake);
    poller_world_answer(world, "http://data.team.svc/x", "\"1\"");
    size_t sent = poller_world_sent_count(world);
    for (int minute = 0; minute < DAY_MINUTES; minute++) {
        fake_io_advance(world->fake, MINUTE);
        struct io_visit *visit = fake_fetch_find(fetches, "http://data");
        if (visit) {
            fake_fetch_end(
                fetches, visit,
                &(struct io_fetched){.failure = ERROR_UNAVAILABLE, .message = "no route"});
        }
    }
    assert_in_range(poller_world_sent_count(world) - sent, DAY_MINUTES / INTERVAL_MINUTES - 5,
                    DAY_MINUTES / INTERVAL_MINUTES + 10);
    assert_int_equal(poller_world_sighting(world, "t")->state, SIGHTING_FAILED);
    assert_int_equal(world->wakes, 2);
    fake_io_advance(world->fake, 2 * INTERVAL_MINUTES * MINUTE);
    poller_world_answer(world, "http://data.team.svc/x", "\"2\"");
    assert_int_equal(world->wakes, 3);
    assert_string_equal(poller_world_sighting(world, "t")->revision, "etag:\"2\"");
}

/* Its share is full: another host's turn comes at once. */
static void a_slow_host_keeps_no_other_one_waiting(void **state)
{
    struct poller_world *world = *state;
    enum { MANY = 100 };
    poller_world_start(world);
    for (int at = 0; at < MANY; at++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "slow-%d", at);
        poller_world_put(world, name, 1, "'http':{'url':'http://slow/x'}");
    }
    fake_io_advance(world->fake, SECOND);
    assert_int_equal(poller_world_open_count(world), POLLER_HOST_MAXIMUM);
    poller_world_put(world, "quick", 1, POLLER_DATA);
    fake_io_run(world->fake);
    poller_world_answer(world, "http://data.team.svc/x", "\"1\"");
    assert_int_equal(poller_world_sighting(world, "quick")->state, SIGHTING_FOUND);
    for (int at = 0; at < MANY; at++) {
        fake_io_advance(world->fake, SECOND);
        if (fake_fetch_find(fake_io_fetches(world->fake), "http://slow.team.svc/x")) {
            poller_world_answer(world, "http://slow.team.svc/x", "\"1\"");
        }
        assert_true(poller_world_open_count(world) <= POLLER_HOST_MAXIMUM);
    }
    assert_true(poller_numbers(world->poller).found > MANY / 2);
}

/* Two ports of a host are two servers; a registry is one, whatever the repository. */
static void the_share_is_a_server_s(void **state)
{
    static const struct {
        const char *before; /* the number of the Trigger */
        const char *after;
        size_t most;
    } rows[] = {
        {"'http':{'url':'http://data/", "'}", POLLER_HOST_MAXIMUM},
        {"'http':{'url':'http://data:80", "/x'}", 20},
        {"'image':{'repository':'registry.team.svc/team/", "','tag':'x'}", POLLER_HOST_MAXIMUM},
        {"'image':{'repository':'registry.team.svc:50", "/team/x','tag':'x'}", 20},
    };
    for (size_t row = 0; row < COUNT_OF(rows); row++) {
        assert_int_equal(poller_world_set_up(state), 0);
        struct poller_world *world = *state;
        poller_world_start(world);
        for (int at = 0; at < 20; at++) {
            char name[16];
            char spec[96];
            (void)snprintf(name, sizeof(name), "t-%d", at);
            (void)snprintf(spec, sizeof(spec), "%s%02d%s", rows[row].before, at, rows[row].after);
            poller_world_put(world, name, 1, spec);
        }
        fake_io_advance(world->fake, SECOND);
        if (poller_world_open_count(world) != rows[row].most) {
            fail_msg("%s: %zu at once", rows[row].before, poller_world_open_count(world));
        }
        assert_int_equal(poller_world_tear_down(state), 0);
    }
}

static void put_many(struct poller_world *world, int count, const char *more)
{
    for (int at = 0; at < count; at++) {
        char name[16];
        char spec[96];
        (void)snprintf(name, sizeof(name), "t-%d", at);
        (void)snprintf(spec, sizeof(spec), "'http':{'url':'http://data-%d/x'}%s", at, more);
        poller_world_put(world, name, 1, spec);
    }
}

/* So many polls came in one second at most and at least; all of them are answered. */
struct rate {
    size_t most, least, sum;
};

static struct rate polls_of(struct poller_world *world, int seconds)
{
    struct rate rate = {.least = SIZE_MAX};
    size_t before = poller_world_sent_count(world);
    for (int second = 0; second < seconds; second++) {
        fake_io_advance(world->fake, SECOND);
        size_t count = poller_world_sent_count(world) - before;
        before += count;
        rate.most = count > rate.most ? count : rate.most;
        rate.least = count < rate.least ? count : rate.least;
        rate.sum += count;
        while (fake_fetch_find(fake_io_fetches(world->fake), "http://data-")) {
            poller_world_answer(world, "http://data-", "\"1\"");
        }
    }
    return rate;
}

static void after_a_start_polls_are_spread(void **state)
{
    struct poller_world *world = *state;
    enum { MANY = 500 };
    put_many(world, MANY, "");
    poller_start(world->poller);
    struct rate rate = polls_of(world, 1 + MANY * POLLER_SPREAD_MS / SECOND);
    assert_int_equal(rate.sum, MANY);
    assert_true(rate.most < MANY / 5);
}

static void polls_of_triggers_that_come_together_are_spread(void **state)
{
    struct poller_world *world = *state;
    enum { MANY = 600, SECONDS = 60, MEAN = MANY / SECONDS };
    fake_io_free_random(world->fake);
    poller_world_start(world);
    put_many(world, MANY, ",'interval':'1m'");
    struct rate first = polls_of(world, 10 + SECONDS); /* the first look, and one more */
    assert_in_range(first.sum, 2 * MANY, 2 * MANY + 3 * 10 * MEAN);
    struct rate rate = polls_of(world, 5 * SECONDS);
    assert_in_range(rate.sum, 5 * MANY - MANY / 4, 5 * MANY + MANY / 4);
    if (rate.least == 0 || rate.most > 3 * MEAN) {
        fail_msg("%zu to %zu in a second, %d on average", rate.least, rate.most, MEAN);
    }
}

/* status.pokedTime moves, or another delivery came in its second: it is polled now. */
static void a_poke_is_a_poll(void **state)
{
    struct poller_world *world = *state;
    poller_world_start(world);
    poller_world_put(world, "t", 1, POLLER_DATA ",'interval':'1h'");
    fake_io_run(world->fake);
    poller_world_answer(world, "http://data.team.svc/x", "\"1\"");
    poller_world_put(world, "t", 1,
                     POLLER_DATA ",'interval':'1h'},'status':{'pokedTime':'2026-01-01T00:00:00Z'");
    fake_io_run(world->fake);
    assert_string_equal(poller_world_sighting(world, "t")->revision, "etag:\"1\"");
    poller_world_answer(world, "http://data.team.svc/x", "\"2\"");
    assert_string_equal(poller_world_sighting(world, "t")->revision, "etag:\"2\"");
    poller_world_put(world, "t", 1,
                     POLLER_DATA ",'interval':'1h'},'status':{'pokedTime':'2026-01-01T00:00:00Z',"
                                 "'delivered':'16097668a41f1b43'");
    fake_io_run(world->fake);
    poller_world_answer(world, "http://data.team.svc/x", "\"3\"");
    assert_string_equal(poller_world_sighting(world, "t")->revision, "etag:\"3\"");
}

/* Between two looks at it there may be many changes: it is looked at when the time is over. */
static void what_must_stay_for_debounce_is_looked_at_when_that_is_over(void **state)
{
    struct poller_world *world = *state;
    poller_world_start(world);
    poller_world_put(world, "t", 1, POLLER_DATA ",'interval':'1h','debounce':'30s'");
    fake_io_run(world->fake);
    poller_world_answer(world, "http://data.team.svc/x", "\"1\"");
    assert_int_equal(world->wakes, 1);
    fake_io_advance(world->fake, 28 * SECOND);
    assert_int_equal(poller_world_open_count(world), 0);
    fake_io_advance(world->fake, 2 * SECOND);
    poller_world_answer(world, "http://data.team.svc/x",
                        "\"2\""); /* it has changed: from the beginning */
    assert_int_equal(world->wakes, 2);
    fake_io_advance(world->fake, 30 * SECOND);
    poller_world_answer(world, "http://data.team.svc/x", "\"2\"");
    const struct sighting *seen = poller_world_sighting(world, "t");
    assert_true(seen->seen >= seen->since + 30);
    assert_int_equal(world->wakes, 3); /* it has stayed, which is news */
    fake_io_advance(world->fake, 10 * MINUTE);
    assert_int_equal(poller_world_open_count(world), 0);
    fake_io_advance(world->fake, 51 * MINUTE);
    poller_world_answer(world, "http://data.team.svc/x", "\"2\"");
    assert_int_equal(world->wakes, 3);
}

/* A run was made for it already, before a restart for example. */
static void what_was_dealt_with_need_not_stay_for_debounce(void **state)
{
    struct poller_world *world = *state;
    poller_world_start(world);
    poller_world_put(world, "t", 1,
                     POLLER_DATA
                     ",'interval':'1h','debounce':'30s'},'status':{'observedRevision':'etag:1'");
    fake_io_run(world->fake);
    poller_world_answer(world, "http://data.team.svc/x", "1");
    fake_io_advance(world->fake, 10 * MINUTE);
    assert_int_equal(poller_world_open_count(world), 0);
}

#define BUCKET "'bucket':{'endpoint':'http://s3','bucket':'lake'},'interval':'1h'"
#define LAKE   "http://s3.team.svc/lake"

/* Answers with a listing of these keys, a letter each. */
static void answer_with_objects(struct poller_world *world, const char *keys)
{
    char body[1024] = "<ListBucketResult>";
    for (; *keys; keys++) {
        (void)snprintf(body + strlen(body), sizeof(body) - strlen(body),
                       "<Contents><Key>%c</Key><ETag>%c</ETag></Contents>", *keys, *keys);
    }
    (void)strcat(body, "</ListBucketResult>");
    struct fake_fetch *fetches = fake_io_fetches(world->fake);
    struct io_visit *visit = fake_fetch_find(fetches, LAKE);
    assert_non_null(visit);
    fake_fetch_end(fetches, visit,
                   &(struct io_fetched){.status = 200, .body = body, .body_size = strlen(body)});
    fake_io_run(world->fake);
}

/* As the planner leaves it when a run was made for what was seen. */
static void put_fired(struct poller_world *world, const char *revision, const char *mark)
{
    char spec[1024];
    (void)snprintf(spec, sizeof(spec),
                   BUCKET "},'status':{'observedRevision':'%s','observedMark':'%s'", revision,
                   mark);
    poller_world_put(world, "t", 1, spec);
    fake_io_run(world->fake);
}

/* What is new is told by the run before; one that was made meanwhile has it told again, at once. */
static void what_is_new_is_told_again_when_a_run_was_made_meanwhile(void **state)
{
    struct poller_world *world = *state;
    char revision[128];
    char mark[640];
    poller_world_start(world);
    poller_world_put(world, "t", 1, BUCKET);
    fake_io_run(world->fake);
    answer_with_objects(world, "ab");
    const struct sighting *seen = poller_world_sighting(world, "t");
    assert_string_equal(seen->news, "2 new objects below lake/: a, b");
    assert_null(seen->before);
    (void)snprintf(revision, sizeof(revision), "%s", seen->revision);
    (void)snprintf(mark, sizeof(mark), "%s", seen->mark);
    /* It is still at what the run was made for: nothing to tell. */
    put_fired(world, revision, mark);
    assert_int_equal(poller_world_open_count(world), 0);
    /* It is at something newer: which of it is new is asked again. */
    put_fired(world, "sha256:older", "");
    answer_with_objects(world, "abc");
    put_fired(world, revision, mark);
    assert_int_equal(poller_world_open_count(world), 1);
    answer_with_objects(world, "abc");
    seen = poller_world_sighting(world, "t");
    assert_string_equal(seen->news, "1 new object below lake/: c; 3 in all");
    assert_string_equal(seen->before, mark);
}

#define ROW(test) cmocka_unit_test_setup_teardown(test, poller_world_set_up, poller_world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(a_source_is_asked_at_once_and_then_at_its_interval),
        ROW(the_host_is_told_as_it_is_written),
        ROW(who_does_not_lead_asks_nothing_and_knows_nothing),
        ROW(a_changed_spec_is_asked_anew_and_a_changed_status_is_not),
        ROW(a_trigger_that_goes_takes_its_request_along),
        ROW(where_a_url_may_not_lead_nothing_is_sent),
        ROW(what_can_t_be_reached_is_told_and_asked_again),
        ROW(a_failure_does_not_wait_for_a_long_interval),
        ROW(a_source_may_be_down_for_a_day),
        ROW(a_slow_host_keeps_no_other_one_waiting),
        cmocka_unit_test(the_share_is_a_server_s),
        ROW(after_a_start_polls_are_spread),
        ROW(polls_of_triggers_that_come_together_are_spread),
        ROW(a_poke_is_a_poll),
        ROW(what_must_stay_for_debounce_is_looked_at_when_that_is_over),
        ROW(what_was_dealt_with_need_not_stay_for_debounce),
        ROW(what_is_new_is_told_again_when_a_run_was_made_meanwhile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
