/* Sources of Triggers are asked, each at its interval, while this replica leads (kube/poller). */

#include "support/test.h"

#include "api/trigger.h"
#include "core/memory.h"
#include "core/text.h"
#include "kube/poller.h"
#include "support/fake_io.h"

#include <stdio.h>
#include <string.h>

enum { SECOND = 1000, MINUTE = 60 * SECOND };

struct world {
    struct fake_io *fake;
    struct cache *cache;
    struct poller *poller;
    int version;
    size_t wakes;
};

static void wake(void *context, const struct work_key *key)
{
    struct world *world = context;
    assert_int_equal(key->kind, KIND_TRIGGER);
    world->wakes++;
}

static void on_change(void *context, enum api_kind kind, enum cache_event event,
                      const struct object *before, const struct object *after)
{
    struct world *world = context;
    (void)kind;
    (void)event;
    poller_follow(world->poller, (const struct trigger *)before, (const struct trigger *)after);
}

static int set_up(void **state)
{
    static struct world world;
    world = (struct world){.fake = fake_io_new(), .cache = cache_new()};
    fake_io_fix_random(world.fake, 0);
    world.poller = poller_new(&(struct poller_options){.io = fake_io_seam(world.fake),
                                                       .cache = world.cache,
                                                       .allowed_hosts = "example.com",
                                                       .wake = wake,
                                                       .context = &world});
    cache_set_listener(world.cache,
                       &(struct cache_listener){.on_change = on_change, .context = &world});
    *state = &world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    (void)poller_free(world->poller);
    (void)cache_free(world->cache);
    (void)fake_io_free(world->fake);
    return 0;
}

/* ' stands for ". */
static void put(struct world *world, const char *name, int generation, const char *spec)
{
    char text[1024];
    (void)snprintf(text, sizeof(text),
                   "{'metadata':{'namespace':'team','name':'%s','uid':'u-%s','generation':%d,"
                   "'resourceVersion':'%d'},'spec':{'pipelineRef':{'name':'p'},%s}}",
                   name, name, generation, ++world->version, spec);
    for (char *at = text; *at; at++) {
        *at = *at == '\'' ? '"' : *at;
    }
    struct arena arena = {0};
    struct object *object = NULL;
    struct error error = {0};
    if (!result_is_ok(codec_decode(&arena, KIND_TRIGGER, text, strlen(text), &object, &error))) {
        fail_msg("%s", error.message);
    }
    cache_put(world->cache, KIND_TRIGGER, &arena, object);
}

static const struct sighting *sighting_of(struct world *world, const char *name)
{
    return poller_find(world->poller,
                       (const struct trigger *)cache_get(world->cache, KIND_TRIGGER, "team", name));
}

/* Answers the oldest open request to this URL with an ETag. */
static void answer(struct world *world, const char *url, const char *etag)
{
    struct fake_fetch *fetches = fake_io_fetches(world->fake);
    struct io_visit *visit = fake_fetch_find(fetches, url);
    if (!visit) {
        fail_msg("nobody asks %s", url);
    }
    const struct name_value header = {"etag", etag};
    fake_fetch_end(
        fetches, visit,
        &(struct io_fetched){.status = 200, .headers = &header, .header_count = 1, .body = ""});
    fake_io_run(world->fake);
}

static size_t open_count(struct world *world)
{
    return fake_fetch_open_count(fake_io_fetches(world->fake));
}

static size_t sent_count(struct world *world)
{
    return fake_fetch_sent_count(fake_io_fetches(world->fake));
}

static void start(struct world *world)
{
    poller_start(world->poller);
    fake_io_advance(world->fake, SECOND);
}

#define DATA "'http':{'url':'http://data/x'}"

static void a_source_is_asked_at_once_and_then_at_its_interval(void **state)
{
    struct world *world = *state;
    start(world);
    put(world, "t", 1, DATA ",'interval':'1m'");
    fake_io_run(world->fake);
    assert_null(sighting_of(world, "t"));
    answer(world, "http://data.team.svc/x", "\"1\"");
    assert_string_equal(sighting_of(world, "t")->revision, "etag:\"1\"");
    assert_int_equal(world->wakes, 1);
    int64_t since = sighting_of(world, "t")->since;
    fake_io_advance(world->fake, MINUTE);
    answer(world, "http://data.team.svc/x", "\"1\"");
    assert_int_equal(world->wakes, 1); /* nothing new */
    assert_int_equal(sighting_of(world, "t")->since, since);
    fake_io_advance(world->fake, MINUTE);
    answer(world, "http://data.team.svc/x", "\"2\"");
    assert_int_equal(world->wakes, 2);
    assert_true(sighting_of(world, "t")->since > since);
    assert_int_equal(sent_count(world), 3);
}

/* Requests may be signed for the host that the spec names. */
static void the_host_is_told_as_it_is_written(void **state)
{
    struct world *world = *state;
    start(world);
    put(world, "t", 1, "'http':{'url':'http://data:9000/x'}");
    fake_io_run(world->fake);
    struct io_visit *visit = fake_fetch_find(fake_io_fetches(world->fake),
                                             "http://data.team.svc:9000/x");
    const struct io_fetch *asked = fake_fetch_asked(visit);
    assert_string_equal(asked->headers[asked->header_count - 1].name, "Host");
    assert_string_equal(asked->headers[asked->header_count - 1].value, "data:9000");
}

static void who_does_not_lead_asks_nothing_and_knows_nothing(void **state)
{
    struct world *world = *state;
    put(world, "t", 1, DATA);
    fake_io_advance(world->fake, MINUTE);
    assert_int_equal(sent_count(world), 0);
    start(world);
    answer(world, "http://data.team.svc/x", "\"1\"");
    assert_non_null(sighting_of(world, "t"));
    fake_io_advance(world->fake, 10 * MINUTE);
    assert_int_equal(open_count(world), 1);
    poller_stop(world->poller);
    assert_int_equal(open_count(world), 0);
    assert_null(sighting_of(world, "t"));
    fake_io_advance(world->fake, 10 * MINUTE);
    assert_int_equal(sent_count(world), 2);
    start(world);
    assert_int_equal(open_count(world), 1);
}

static void a_changed_spec_is_asked_anew_and_a_changed_status_is_not(void **state)
{
    struct world *world = *state;
    start(world);
    put(world, "t", 1, DATA);
    fake_io_run(world->fake);
    answer(world, "http://data.team.svc/x", "\"1\"");
    put(world, "t", 1, DATA);
    fake_io_run(world->fake);
    assert_int_equal(open_count(world), 0);
    assert_non_null(sighting_of(world, "t"));
    put(world, "t", 2, "'http':{'url':'http://data/y'}");
    fake_io_run(world->fake);
    assert_null(sighting_of(world, "t"));
    answer(world, "http://data.team.svc/y", "\"9\"");
    assert_string_equal(sighting_of(world, "t")->revision, "etag:\"9\"");
}

static void a_trigger_that_goes_takes_its_request_along(void **state)
{
    struct world *world = *state;
    start(world);
    put(world, "t", 1, DATA);
    fake_io_run(world->fake);
    assert_int_equal(open_count(world), 1);
    cache_remove(world->cache, KIND_TRIGGER, "team", "t", "99");
    assert_int_equal(open_count(world), 0);
    assert_int_equal(poller_numbers(world->poller).known, 0);
    fake_io_advance(world->fake, 10 * MINUTE);
    assert_int_equal(sent_count(world), 1);
}

struct refusal_row {
    const char *spec;
    const char *says;
};

static void where_a_url_may_not_lead_nothing_is_sent(void **state)
{
    struct world *world = *state;
    static const struct refusal_row rows[] = {
        {"'http':{'url':'http://data.other.svc/x'}", "neither a Service of namespace team"},
        {"'http':{'url':'http://169.254.169.254/x'}", "nor named by the controller's"},
        {"'http':{'url':'http://user@data/x'}", "put user and password into the Secret"},
    };
    start(world);
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        put(world, "t", (int)at + 1, rows[at].spec);
        fake_io_run(world->fake);
        assert_int_equal(sighting_of(world, "t")->state, SIGHTING_FAILED);
        if (!strstr(sighting_of(world, "t")->message, rows[at].says)) {
            fail_msg("%s: %s", rows[at].spec, sighting_of(world, "t")->message);
        }
    }
    assert_int_equal(sent_count(world), 0);
}

static void what_can_t_be_reached_is_told_and_asked_again(void **state)
{
    struct world *world = *state;
    struct fake_fetch *fetches = fake_io_fetches(world->fake);
    start(world);
    put(world, "t", 1, "'http':{'url':'http://data/x?sig=hidden'},'interval':'10s'");
    fake_io_run(world->fake);
    fake_fetch_end(fetches, fake_fetch_find(fetches, "http://data"),
                   &(struct io_fetched){.failure = ERROR_UNAVAILABLE, .message = "no route"});
    const char *message = sighting_of(world, "t")->message;
    assert_non_null(strstr(message, "no route; it is asked again"));
    assert_null(strstr(message, "hidden"));
    fake_io_advance(world->fake, 11 * SECOND);
    answer(world, "http://data.team.svc/x", "\"1\"");
    assert_int_equal(sighting_of(world, "t")->state, SIGHTING_FOUND);
}

static void a_failure_does_not_wait_for_a_long_interval(void **state)
{
    struct world *world = *state;
    struct fake_fetch *fetches = fake_io_fetches(world->fake);
    start(world);
    put(world, "t", 1, DATA ",'interval':'1m'");
    fake_io_run(world->fake);
    static const int pauses[] = {10, 20, 40, 60, 60};
    for (size_t at = 0; at < COUNT_OF(pauses); at++) {
        assert_int_equal(open_count(world), 1);
        fake_fetch_end(fetches, fake_fetch_find(fetches, "http://data"),
                       &(struct io_fetched){.failure = ERROR_UNAVAILABLE, .message = "no route"});
        fake_io_advance(world->fake, pauses[at] * SECOND * 9 / 10);
        assert_int_equal(open_count(world), 0);
        fake_io_advance(world->fake, pauses[at] * SECOND / 5);
    }
    answer(world, "http://data.team.svc/x", "\"1\"");
    fake_io_advance(world->fake, 50 * SECOND);
    assert_int_equal(open_count(world), 0);
}

/* Nobody is woken by each of the failures, and what changed meanwhile is found as ever. */
static void a_source_may_be_down_for_a_day(void **state)
{
    struct world *world = *state;
    enum { DAY_MINUTES = 24 * 60, INTERVAL_MINUTES = 5 };
    struct fake_fetch *fetches = fake_io_fetches(world->fake);
    start(world);
    put(world, "t", 1, DATA);
    fake_io_run(world->fake);
    answer(world, "http://data.team.svc/x", "\"1\"");
    size_t sent = sent_count(world);
    for (int minute = 0; minute < DAY_MINUTES; minute++) {
        fake_io_advance(world->fake, MINUTE);
        struct io_visit *visit = fake_fetch_find(fetches, "http://data");
        if (visit) {
            fake_fetch_end(
                fetches, visit,
                &(struct io_fetched){.failure = ERROR_UNAVAILABLE, .message = "no route"});
        }
    }
    assert_in_range(sent_count(world) - sent, DAY_MINUTES / INTERVAL_MINUTES - 5,
                    DAY_MINUTES / INTERVAL_MINUTES + 10);
    assert_int_equal(sighting_of(world, "t")->state, SIGHTING_FAILED);
    assert_int_equal(world->wakes, 2);
    fake_io_advance(world->fake, 2 * INTERVAL_MINUTES * MINUTE);
    answer(world, "http://data.team.svc/x", "\"2\"");
    assert_int_equal(world->wakes, 3);
    assert_string_equal(sighting_of(world, "t")->revision, "etag:\"2\"");
}

/* Its share is full: another host's turn comes at once. */
static void a_slow_host_keeps_no_other_one_waiting(void **state)
{
    struct world *world = *state;
    enum { MANY = 100 };
    start(world);
    for (int at = 0; at < MANY; at++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "slow-%d", at);
        put(world, name, 1, "'http':{'url':'http://slow/x'}");
    }
    fake_io_advance(world->fake, SECOND);
    assert_int_equal(open_count(world), POLLER_HOST_MAXIMUM);
    put(world, "quick", 1, DATA);
    fake_io_run(world->fake);
    answer(world, "http://data.team.svc/x", "\"1\"");
    assert_int_equal(sighting_of(world, "quick")->state, SIGHTING_FOUND);
    for (int at = 0; at < MANY; at++) {
        fake_io_advance(world->fake, SECOND);
        if (fake_fetch_find(fake_io_fetches(world->fake), "http://slow.team.svc/x")) {
            answer(world, "http://slow.team.svc/x", "\"1\"");
        }
        assert_true(open_count(world) <= POLLER_HOST_MAXIMUM);
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
        assert_int_equal(set_up(state), 0);
        struct world *world = *state;
        start(world);
        for (int at = 0; at < 20; at++) {
            char name[16];
            char spec[96];
            (void)snprintf(name, sizeof(name), "t-%d", at);
            (void)snprintf(spec, sizeof(spec), "%s%02d%s", rows[row].before, at, rows[row].after);
            put(world, name, 1, spec);
        }
        fake_io_advance(world->fake, SECOND);
        if (open_count(world) != rows[row].most) {
            fail_msg("%s: %zu at once", rows[row].before, open_count(world));
        }
        assert_int_equal(tear_down(state), 0);
    }
}

static void put_many(struct world *world, int count, const char *more)
{
    for (int at = 0; at < count; at++) {
        char name[16];
        char spec[96];
        (void)snprintf(name, sizeof(name), "t-%d", at);
        (void)snprintf(spec, sizeof(spec), "'http':{'url':'http://data-%d/x'}%s", at, more);
        put(world, name, 1, spec);
    }
}

/* So many polls came in one second at most and at least; all of them are answered. */
struct rate {
    size_t most, least, sum;
};

static struct rate polls_of(struct world *world, int seconds)
{
    struct rate rate = {.least = SIZE_MAX};
    size_t before = sent_count(world);
    for (int second = 0; second < seconds; second++) {
        fake_io_advance(world->fake, SECOND);
        size_t count = sent_count(world) - before;
        before += count;
        rate.most = count > rate.most ? count : rate.most;
        rate.least = count < rate.least ? count : rate.least;
        rate.sum += count;
        while (fake_fetch_find(fake_io_fetches(world->fake), "http://data-")) {
            answer(world, "http://data-", "\"1\"");
        }
    }
    return rate;
}

static void after_a_start_polls_are_spread(void **state)
{
    struct world *world = *state;
    enum { MANY = 500 };
    put_many(world, MANY, "");
    poller_start(world->poller);
    struct rate rate = polls_of(world, 1 + MANY * POLLER_SPREAD_MS / SECOND);
    assert_int_equal(rate.sum, MANY);
    assert_true(rate.most < MANY / 5);
}

static void polls_of_triggers_that_come_together_are_spread(void **state)
{
    struct world *world = *state;
    enum { MANY = 600, SECONDS = 60, MEAN = MANY / SECONDS };
    fake_io_free_random(world->fake);
    start(world);
    put_many(world, MANY, ",'interval':'1m'");
    struct rate first = polls_of(world, 10 + SECONDS); /* the first look, and one more */
    assert_in_range(first.sum, 2 * MANY, 2 * MANY + 3 * 10 * MEAN);
    struct rate rate = polls_of(world, 5 * SECONDS);
    assert_in_range(rate.sum, 5 * MANY - MANY / 4, 5 * MANY + MANY / 4);
    if (rate.least == 0 || rate.most > 3 * MEAN) {
        fail_msg("%zu to %zu in a second, %d on average", rate.least, rate.most, MEAN);
    }
}

/* ---- Secrets ---- */

#define SECRET_PATH "/api/v1/namespaces/team/secrets/s"
#define PRIVATE     "'http':{'url':'https://example.com/x','secretName':'s'}"

static void script_secret(struct world *world, int status, const char *hosts)
{
    static char body[512];
    (void)snprintf(body, sizeof(body),
                   "{\"metadata\":{\"name\":\"s\",\"annotations\":{%s%s%s}},"
                   "\"data\":{\"token\":\"c2VjcmV0LXRva2Vu\"}}",
                   hosts ? "\"tidemill.dev/allowed-hosts\":\"" : "", hosts ? hosts : "",
                   hosts ? "\"" : "");
    fake_io_script(world->fake, "GET", SECRET_PATH,
                   (struct fake_answer){.status = status, .body = status == 200 ? body : "{}"});
}

static const char *header_of(const struct io_fetch *asked, const char *name)
{
    for (size_t at = 0; at < asked->header_count; at++) {
        if (strcasecmp(asked->headers[at].name, name) == 0) {
            return asked->headers[at].value;
        }
    }
    return "";
}

static void a_secret_goes_where_its_annotation_allows(void **state)
{
    struct world *world = *state;
    script_secret(world, 200, "example.org, example.com");
    start(world);
    put(world, "t", 1, PRIVATE);
    fake_io_run(world->fake);
    struct io_visit *visit = fake_fetch_find(fake_io_fetches(world->fake), "https://example.com/x");
    assert_non_null(visit);
    assert_string_equal(header_of(fake_fetch_asked(visit), "authorization"), "Bearer secret-token");
    answer(world, "https://example.com/x", "\"1\"");
    assert_string_equal(sighting_of(world, "t")->revision, "etag:\"1\"");
}

/* A webhook's Secret is compared and goes nowhere: it needs no annotation, and is no source's. */
static void a_webhook_s_secret_is_looked_for_and_not_sent(void **state)
{
    struct world *world = *state;
#define HOOK "'webhook':{'type':'GitHub','secretName':'s'}"
    start(world);
    put(world, "t", 1, DATA "," HOOK);
    fake_io_run(world->fake);
    assert_int_equal(fake_io_count_sent(world->fake, "GET", SECRET_PATH), 0);
    answer(world, "http://data.team.svc/x", "\"1\"");
    assert_int_equal(sighting_of(world, "t")->state, SIGHTING_FOUND);
    script_secret(world, 200, NULL);
    put(world, "alone", 1, HOOK);
    fake_io_run(world->fake);
    assert_int_equal(sighting_of(world, "alone")->state, SIGHTING_FAILED);
    assert_non_null(strstr(sighting_of(world, "alone")->message, "has no key \"secret\""));
    assert_int_equal(sent_count(world), 1);
    size_t sent = fake_io_count_sent(world->fake, "GET", "*");
    put(world, "alone", 1, HOOK "},'status':{'delivered':'16097668a41f1b43'");
    fake_io_run(world->fake);
    assert_int_equal(fake_io_count_sent(world->fake, "GET", "*"), sent);
}

/* status.pokedTime moves, or another delivery came in its second: it is polled now. */
static void a_poke_is_a_poll(void **state)
{
    struct world *world = *state;
    start(world);
    put(world, "t", 1, DATA ",'interval':'1h'");
    fake_io_run(world->fake);
    answer(world, "http://data.team.svc/x", "\"1\"");
    put(world, "t", 1, DATA ",'interval':'1h'},'status':{'pokedTime':'2026-01-01T00:00:00Z'");
    fake_io_run(world->fake);
    assert_string_equal(sighting_of(world, "t")->revision, "etag:\"1\"");
    answer(world, "http://data.team.svc/x", "\"2\"");
    assert_string_equal(sighting_of(world, "t")->revision, "etag:\"2\"");
    put(world, "t", 1,
        DATA ",'interval':'1h'},'status':{'pokedTime':'2026-01-01T00:00:00Z',"
             "'delivered':'16097668a41f1b43'");
    fake_io_run(world->fake);
    answer(world, "http://data.team.svc/x", "\"3\"");
    assert_string_equal(sighting_of(world, "t")->revision, "etag:\"3\"");
}

/* Between two looks at it there may be many changes: it is looked at when the time is over. */
static void what_must_stay_for_debounce_is_looked_at_when_that_is_over(void **state)
{
    struct world *world = *state;
    start(world);
    put(world, "t", 1, DATA ",'interval':'1h','debounce':'30s'");
    fake_io_run(world->fake);
    answer(world, "http://data.team.svc/x", "\"1\"");
    assert_int_equal(world->wakes, 1);
    fake_io_advance(world->fake, 28 * SECOND);
    assert_int_equal(open_count(world), 0);
    fake_io_advance(world->fake, 2 * SECOND);
    answer(world, "http://data.team.svc/x", "\"2\""); /* it has changed: from the beginning */
    assert_int_equal(world->wakes, 2);
    fake_io_advance(world->fake, 30 * SECOND);
    answer(world, "http://data.team.svc/x", "\"2\"");
    const struct sighting *seen = sighting_of(world, "t");
    assert_true(seen->seen >= seen->since + 30);
    assert_int_equal(world->wakes, 3); /* it has stayed, which is news */
    fake_io_advance(world->fake, 10 * MINUTE);
    assert_int_equal(open_count(world), 0);
    fake_io_advance(world->fake, 51 * MINUTE);
    answer(world, "http://data.team.svc/x", "\"2\"");
    assert_int_equal(world->wakes, 3);
}

/* A run was made for it already, before a restart for example. */
static void what_was_dealt_with_need_not_stay_for_debounce(void **state)
{
    struct world *world = *state;
    start(world);
    put(world, "t", 1,
        DATA ",'interval':'1h','debounce':'30s'},'status':{'observedRevision':'etag:1'");
    fake_io_run(world->fake);
    answer(world, "http://data.team.svc/x", "1");
    fake_io_advance(world->fake, 10 * MINUTE);
    assert_int_equal(open_count(world), 0);
}

#define BUCKET "'bucket':{'endpoint':'http://s3','bucket':'lake'},'interval':'1h'"
#define LAKE   "http://s3.team.svc/lake"

/* Answers with a listing of these keys, a letter each. */
static void answer_with_objects(struct world *world, const char *keys)
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
static void put_fired(struct world *world, const char *revision, const char *mark)
{
    char spec[1024];
    (void)snprintf(spec, sizeof(spec),
                   BUCKET "},'status':{'observedRevision':'%s','observedMark':'%s'", revision,
                   mark);
    put(world, "t", 1, spec);
    fake_io_run(world->fake);
}

/* What is new is told by the run before; one that was made meanwhile has it told again, at once. */
static void what_is_new_is_told_again_when_a_run_was_made_meanwhile(void **state)
{
    struct world *world = *state;
    char revision[128];
    char mark[640];
    start(world);
    put(world, "t", 1, BUCKET);
    fake_io_run(world->fake);
    answer_with_objects(world, "ab");
    const struct sighting *seen = sighting_of(world, "t");
    assert_string_equal(seen->news, "2 new objects below lake/: a, b");
    assert_null(seen->before);
    (void)snprintf(revision, sizeof(revision), "%s", seen->revision);
    (void)snprintf(mark, sizeof(mark), "%s", seen->mark);
    /* It is still at what the run was made for: nothing to tell. */
    put_fired(world, revision, mark);
    assert_int_equal(open_count(world), 0);
    /* It is at something newer: which of it is new is asked again. */
    put_fired(world, "sha256:older", "");
    answer_with_objects(world, "abc");
    put_fired(world, revision, mark);
    assert_int_equal(open_count(world), 1);
    answer_with_objects(world, "abc");
    seen = sighting_of(world, "t");
    assert_string_equal(seen->news, "1 new object below lake/: c; 3 in all");
    assert_string_equal(seen->before, mark);
}

struct secret_row {
    const char *spec;
    int status;
    const char *hosts;
    const char *says;
};

static void a_secret_goes_nowhere_else(void **state)
{
    struct world *world = *state;
    static const struct secret_row rows[] = {
        {PRIVATE, 200, NULL, "Secret s has no annotation tidemill.dev/allowed-hosts"},
        {PRIVATE, 200, "example.org", "Secret s may not be sent to example.com"},
        {PRIVATE, 200, "http://example.com", "Secret s may not be sent to example.com"},
        {"'http':{'url':'http://example.com/x','secretName':'s'}", 200, "example.com",
         "does not name \"http://example.com\", which lets it go there in the clear"},
        {PRIVATE, 403, NULL, "the controller may not read Secret s"},
        {PRIVATE, 404, NULL, "there is no Secret s in this namespace"},
        {PRIVATE, 500, NULL, "Secret s can't be read"},
    };
    start(world);
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        script_secret(world, rows[at].status, rows[at].hosts);
        put(world, "t", (int)at + 1, rows[at].spec);
        fake_io_run(world->fake);
        const struct sighting *seen = sighting_of(world, "t");
        if (!seen || seen->state != SIGHTING_FAILED || !strstr(seen->message, rows[at].says)) {
            fail_msg("%zu: %s", at, seen ? text_or(seen->message, "none") : "not asked");
        }
        assert_null(strstr(seen->message, "secret-token"));
    }
    assert_int_equal(sent_count(world), 0);
}

static void a_service_gets_a_secret_in_the_clear_when_that_is_written(void **state)
{
    struct world *world = *state;
    static const char *const hosts[] = {"http://data", "http://data.team.svc"};
    start(world);
    for (size_t at = 0; at < COUNT_OF(hosts); at++) {
        script_secret(world, 200, hosts[at]);
        put(world, "t", (int)at + 1, "'http':{'url':'http://data/x','secretName':'s'}");
        fake_io_run(world->fake);
        answer(world, "http://data.team.svc/x", "\"1\"");
        assert_int_equal(sighting_of(world, "t")->state, SIGHTING_FOUND);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_source_is_asked_at_once_and_then_at_its_interval, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_host_is_told_as_it_is_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_does_not_lead_asks_nothing_and_knows_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_changed_spec_is_asked_anew_and_a_changed_status_is_not,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_trigger_that_goes_takes_its_request_along, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(where_a_url_may_not_lead_nothing_is_sent, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_can_t_be_reached_is_told_and_asked_again, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_failure_does_not_wait_for_a_long_interval, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_source_may_be_down_for_a_day, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_slow_host_keeps_no_other_one_waiting, set_up, tear_down),
        cmocka_unit_test(the_share_is_a_server_s),
        cmocka_unit_test_setup_teardown(after_a_start_polls_are_spread, set_up, tear_down),
        cmocka_unit_test_setup_teardown(polls_of_triggers_that_come_together_are_spread, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_secret_goes_where_its_annotation_allows, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_webhook_s_secret_is_looked_for_and_not_sent, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_poke_is_a_poll, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_must_stay_for_debounce_is_looked_at_when_that_is_over,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_dealt_with_need_not_stay_for_debounce, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_new_is_told_again_when_a_run_was_made_meanwhile,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_secret_goes_nowhere_else, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_service_gets_a_secret_in_the_clear_when_that_is_written,
                                        set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
