/* Which Secret goes where with the requests of the poller, and what keeps it back. */

#include "support/test.h"

#include "core/text.h"
#include "support/poller_world.h"

#include <stdio.h>
#include <string.h>

#define SECRET_PATH "/api/v1/namespaces/team/secrets/s"
#define PRIVATE     "'http':{'url':'https://example.com/x','secretName':'s'}"

static void script_secret(struct poller_world *world, int status, const char *hosts)
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
    struct poller_world *world = *state;
    script_secret(world, 200, "example.org, example.com");
    poller_world_start(world);
    poller_world_put(world, "t", 1, PRIVATE);
    fake_io_run(world->fake);
    struct io_visit *visit = fake_fetch_find(fake_io_fetches(world->fake), "https://example.com/x");
    assert_non_null(visit);
    assert_string_equal(header_of(fake_fetch_asked(visit), "authorization"), "Bearer secret-token");
    poller_world_answer(world, "https://example.com/x", "\"1\"");
    assert_string_equal(poller_world_sighting(world, "t")->revision, "etag:\"1\"");
}

/* A webhook's Secret is compared and goes nowhere: it needs no annotation, and is no source's. */
static void a_webhook_s_secret_is_looked_for_and_not_sent(void **state)
{
    struct poller_world *world = *state;
#define HOOK "'webhook':{'type':'GitHub','secretName':'s'}"
    poller_world_start(world);
    poller_world_put(world, "t", 1, POLLER_DATA "," HOOK);
    fake_io_run(world->fake);
    assert_int_equal(fake_io_count_sent(world->fake, "GET", SECRET_PATH), 0);
    poller_world_answer(world, "http://data.team.svc/x", "\"1\"");
    assert_int_equal(poller_world_sighting(world, "t")->state, SIGHTING_FOUND);
    script_secret(world, 200, NULL);
    poller_world_put(world, "alone", 1, HOOK);
    fake_io_run(world->fake);
    assert_int_equal(poller_world_sighting(world, "alone")->state, SIGHTING_FAILED);
    assert_non_null(
        strstr(poller_world_sighting(world, "alone")->message, "has no key \"secret\""));
    assert_int_equal(poller_world_sent_count(world), 1);
    size_t sent = fake_io_count_sent(world->fake, "GET", "*");
    poller_world_put(world, "alone", 1, HOOK "},'status':{'delivered':'16097668a41f1b43'");
    fake_io_run(world->fake);
    assert_int_equal(fake_io_count_sent(world->fake, "GET", "*"), sent);
}

struct secret_row {
    const char *spec;
    int status;
    const char *hosts;
    const char *says;
};

static void a_secret_goes_nowhere_else(void **state)
{
    struct poller_world *world = *state;
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
    poller_world_start(world);
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        script_secret(world, rows[at].status, rows[at].hosts);
        poller_world_put(world, "t", (int)at + 1, rows[at].spec);
        fake_io_run(world->fake);
        const struct sighting *seen = poller_world_sighting(world, "t");
        if (!seen || seen->state != SIGHTING_FAILED || !strstr(seen->message, rows[at].says)) {
            fail_msg("%zu: %s", at, seen ? text_or(seen->message, "none") : "not asked");
        }
        assert_null(strstr(seen->message, "secret-token"));
    }
    assert_int_equal(poller_world_sent_count(world), 0);
}

static void a_service_gets_a_secret_in_the_clear_when_that_is_written(void **state)
{
    struct poller_world *world = *state;
    static const char *const hosts[] = {"http://data", "http://data.team.svc"};
    poller_world_start(world);
    for (size_t at = 0; at < COUNT_OF(hosts); at++) {
        script_secret(world, 200, hosts[at]);
        poller_world_put(world, "t", (int)at + 1,
                         "'http':{'url':'http://data/x','secretName':'s'}");
        fake_io_run(world->fake);
        poller_world_answer(world, "http://data.team.svc/x", "\"1\"");
        assert_int_equal(poller_world_sighting(world, "t")->state, SIGHTING_FOUND);
    }
}

/* A server quotes what it was sent, in a form that gets into the message. */
static void what_a_server_says_of_a_secret_is_not_shown(void **state)
{
    struct poller_world *world = *state;
    script_secret(world, 200, "example.com");
    poller_world_start(world);
    poller_world_put(world, "t", 1, PRIVATE);
    fake_io_run(world->fake);
    struct io_visit *visit = fake_fetch_find(fake_io_fetches(world->fake), "https://example.com/x");
    assert_non_null(visit);
    const struct io_fetched quoted = {.failure = ERROR_INVALID,
                                      .message = "said \"Bearer secret-token\" and "
                                                 "secret-tokensecret-token"};
    fake_fetch_end(fake_io_fetches(world->fake), visit, &quoted);
    fake_io_run(world->fake);
    const struct sighting *seen = poller_world_sighting(world, "t");
    assert_int_equal(seen->state, SIGHTING_FAILED);
    assert_string_equal(seen->message, "https://example.com/x: said \"Bearer [authorization]\" and "
                                       "[authorization][authorization]; it is asked again");
}

#define ROW(test) cmocka_unit_test_setup_teardown(test, poller_world_set_up, poller_world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(a_secret_goes_where_its_annotation_allows),
        ROW(a_webhook_s_secret_is_looked_for_and_not_sent),
        ROW(a_secret_goes_nowhere_else),
        ROW(a_service_gets_a_secret_in_the_clear_when_that_is_written),
        ROW(what_a_server_says_of_a_secret_is_not_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
