/* Deliveries to webhooks: judged, bounded, written down, then answered (kube/hooks, X4, X13). */

#include "support/test.h"

#include "api/trigger.h"
#include "core/memory.h"
#include "core/text.h"
#include "kube/hook_limits.h"
#include "kube/hooks.h"
#include "support/fake_io.h"

#include <jansson.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

enum { SECOND = 1000, ANSWERS = 4096 };

#define SECRET_PATH "/api/v1/namespaces/team/secrets/key"
#define STATUS_PATH "*/namespaces/team/triggers/hook/status"
#define KEY         "It's a Secret to Everybody"
#define KEY_BASE64  "SXQncyBhIFNlY3JldCB0byBFdmVyeWJvZHk="

struct world {
    struct fake_io *fake;
    struct cache *cache;
    struct hooks *hooks;
    int version;
    int answers[ANSWERS]; /* statuses, in the order of answering */
    size_t answer_count;
    const char *sender;
};

static int set_up(void **state)
{
    static struct world world;
    world = (struct world){.fake = fake_io_new(), .cache = cache_new()};
    world.hooks = hooks_new(fake_io_seam(world.fake), world.cache);
    *state = &world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    (void)hooks_free(world->hooks);
    (void)cache_free(world->cache);
    (void)fake_io_free(world->fake);
    return 0;
}

/* ' stands for ". */
static void put(struct world *world, const char *spec, const char *status)
{
    static char text[64 * 1024];
    (void)snprintf(text, sizeof(text),
                   "{'metadata':{'namespace':'team','name':'hook','uid':'u','generation':1,"
                   "'resourceVersion':'%d'},'spec':{'pipelineRef':{'name':'p'},%s},'status':{%s}}",
                   ++world->version, spec, status);
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

#define GITHUB                                                                                   \
    "'webhook':{'type':'GitHub','secretName':'key','values':[{'name':'commit','path':'after'}]," \
    "'filters':[{'path':'ref','equals':'refs/heads/main'}]}"

static void on_answer(void *context, const struct hook_answer *answer)
{
    struct world *world = context;
    assert_true(world->answer_count < ANSWERS);
    world->answers[world->answer_count++] = answer->status;
}

static void deliver_signed(struct world *world, const char *id, const char *body, const char *key)
{
    unsigned char digest[32];
    char signature[80] = "sha256=";
    unsigned size = 0;
    assert_non_null(HMAC(EVP_sha256(), key, (int)strlen(key), (const unsigned char *)body,
                         strlen(body), digest, &size));
    for (unsigned at = 0; at < size; at++) {
        (void)snprintf(signature + 7 + at * 2, 3, "%02x", digest[at]);
    }
    const struct name_value headers[] = {{"x-hub-signature-256", signature},
                                         {"x-github-delivery", id},
                                         {"x-github-event", "push"},
                                         {"content-type", "application/json"}};
    hooks_receive(world->hooks,
                  &(struct hook_delivery){.namespace = "team",
                                          .trigger = "hook",
                                          .sender = world->sender,
                                          .headers = headers,
                                          .header_count = COUNT_OF(headers),
                                          .body = body,
                                          .body_size = strlen(body)},
                  on_answer, world);
}

static void deliver(struct world *world, const char *id, const char *commit)
{
    char body[256];
    (void)snprintf(body, sizeof(body), "{\"ref\":\"refs/heads/main\",\"after\":\"%s\"}", commit);
    deliver_signed(world, id, body, KEY);
}

static void script_secret(struct world *world, int status)
{
    fake_io_script(world->fake, "GET", SECRET_PATH,
                   (struct fake_answer){.status = status,
                                        .body = "{\"metadata\":{\"name\":\"key\"},\"data\":{"
                                                "\"secret\":\"" KEY_BASE64 "\"}}"});
}

static void script_write(struct world *world, int status)
{
    fake_io_script(world->fake, "PATCH", STATUS_PATH,
                   (struct fake_answer){.status = status, .body = "{\"metadata\":{}}"});
}

/* What is not accepted is told after a while. */
static int last_answer(struct world *world)
{
    return world->answer_count > 0 ? world->answers[world->answer_count - 1] : 0;
}

static const char *last_patch(struct world *world)
{
    const char *body = "";
    for (size_t at = 0; at < fake_io_sent_count(world->fake); at++) {
        const struct fake_request *request = fake_io_sent(world->fake, at);
        body = strcmp(request->method, "PATCH") == 0 ? request->body : body;
    }
    return body;
}

/* What the patch, or the status that it replaces all with, has there; "" for nothing. */
static const char *delivered_by(const char *patch)
{
    static char delivered[8192];
    json_t *operations = json_loads(patch, 0, NULL);
    delivered[0] = '\0';
    for (size_t at = 0; at < json_array_size(operations); at++) {
        const json_t *operation = json_array_get(operations, at);
        const json_t *value = json_object_get(operation, "value");
        const char *path = json_string_value(json_object_get(operation, "path"));
        value = text_equal(path, "/status") ? json_object_get(value, "delivered") : value;
        if (value && (text_equal(path, "/status") || text_equal(path, "/status/delivered"))) {
            (void)snprintf(delivered, sizeof(delivered), "%s", json_string_value(value));
        }
    }
    json_decref(operations);
    return delivered;
}

static void a_delivery_is_written_down_before_it_is_answered(void **state)
{
    struct world *world = *state;
    put(world, GITHUB, "");
    script_secret(world, 200);
    deliver(world, "d-1", "abc");
    fake_io_run(world->fake);
    assert_int_equal(world->answer_count, 0);
    struct io_call *patch = fake_io_find_open(world->fake, "PATCH", STATUS_PATH);
    assert_non_null(patch);
    assert_non_null(strstr(last_patch(world), "\"id\":\"d-1\""));
    assert_non_null(strstr(last_patch(world), "\"name\":\"commit\",\"value\":\"abc\""));
    assert_non_null(strstr(last_patch(world), "/metadata/resourceVersion"));
    assert_int_equal(strlen(delivered_by(last_patch(world))), 16);
    deliver(world, "d-1", "abc"); /* nor is it known before */
    fake_io_run(world->fake);
    assert_int_equal(world->answer_count, 0);
    fake_io_finish(world->fake, patch,
                   (struct fake_answer){.status = 200, .body = "{\"metadata\":{}}"});
    assert_int_equal(world->answers[0], 202);
}

/* Not a millisecond earlier, whatever there was to do. */
static void assert_refused_in_time(struct world *world, size_t count)
{
    fake_io_advance(world->fake, HOOKS_REFUSAL_MS - 1);
    assert_int_equal(world->answer_count, count - 1);
    fake_io_advance(world->fake, 1);
    assert_int_equal(world->answer_count, count);
    assert_int_equal(last_answer(world), 401);
}

static void the_same_answer_for_no_trigger_and_a_wrong_signature(void **state)
{
    struct world *world = *state;
    deliver(world, "d-1", "abc");
    assert_refused_in_time(world, 1);
    assert_int_equal(fake_io_sent_count(world->fake), 0); /* no Secret is read for nobody */
    put(world, GITHUB, "");
    script_secret(world, 200);
    deliver_signed(world, "d-2", "{}", "another key");
    assert_refused_in_time(world, 2);
    deliver_signed(world, "d-2", "{}", "another key"); /* the Secret is known */
    assert_refused_in_time(world, 3);
    assert_int_equal(hooks_numbers(world->hooks).refused, 3);
    assert_int_equal(fake_io_count_sent(world->fake, "PATCH", "*"), 0);
}

static void a_secret_that_can_t_be_read_accepts_nothing(void **state)
{
    struct world *world = *state;
    static const int statuses[] = {403, 404, 500};
    put(world, GITHUB, "");
    for (size_t at = 0; at < COUNT_OF(statuses); at++) {
        script_secret(world, statuses[at]);
        for (int again = 0; again < 3; again++) { /* it is not asked for each time */
            deliver(world, "d-1", "abc");
            fake_io_advance(world->fake, HOOKS_REFUSAL_MS);
            assert_int_equal(world->answer_count, 3 * at + again + 1);
            assert_int_equal(last_answer(world), 401);
        }
        assert_int_equal(fake_io_count_sent(world->fake, "GET", SECRET_PATH), at + 1);
        fake_io_advance(world->fake, HOOKS_SECRET_RETRY_MS);
    }
}

static void a_secret_is_kept_for_a_minute(void **state)
{
    struct world *world = *state;
    put(world, GITHUB, "");
    script_secret(world, 200);
    for (int at = 0; at < 3; at++) {
        script_write(world, 200);
        deliver(world, at == 0 ? "a" : at == 1 ? "b" : "c", "abc");
        fake_io_run(world->fake);
        assert_int_equal(last_answer(world), 202);
    }
    assert_int_equal(fake_io_count_sent(world->fake, "GET", SECRET_PATH), 1);
    fake_io_advance(world->fake, 61 * SECOND);
    script_secret(world, 200);
    script_write(world, 200);
    deliver(world, "d", "abc");
    fake_io_run(world->fake);
    assert_int_equal(fake_io_count_sent(world->fake, "GET", SECRET_PATH), 2);
}

static void a_delivery_that_comes_again_starts_nothing(void **state)
{
    struct world *world = *state;
    put(world, GITHUB, "");
    script_secret(world, 200);
    script_write(world, 200);
    deliver(world, "d-1", "abc");
    deliver(world, "d-1", "abc"); /* before the first one is written */
    fake_io_run(world->fake);
    assert_int_equal(world->answer_count, 2);
    assert_int_equal(fake_io_count_sent(world->fake, "PATCH", "*"), 1);
    const char *patch = last_patch(world);
    assert_null(strstr(strstr(patch, "d-1") + 1, "d-1"));
    char status[128];
    (void)snprintf(status, sizeof(status), "'delivered':'%s'", delivered_by(patch));
    put(world, GITHUB, status);
    deliver(world, "d-1", "abc"); /* and after the planner has taken it */
    fake_io_run(world->fake);
    assert_int_equal(last_answer(world), 200);
    assert_int_equal(fake_io_count_sent(world->fake, "PATCH", "*"), 1);
    assert_int_equal(hooks_numbers(world->hooks).repeated, 1);
}

static void many_at_once_are_one_write(void **state)
{
    struct world *world = *state;
    enum { MANY = 40 };
    put(world, GITHUB, "");
    script_secret(world, 200);
    script_write(world, 200);
    for (int at = 0; at < MANY; at++) {
        char id[16];
        (void)snprintf(id, sizeof(id), "d-%d", at);
        deliver(world, id, "abc");
    }
    fake_io_run(world->fake);
    assert_int_equal(world->answer_count, MANY);
    assert_int_equal(last_answer(world), 202);
    assert_int_equal(hooks_numbers(world->hooks).writes, 1);
}

/* 62 wait, and 5 come. */
static void deliver_when_almost_full(struct world *world, const char *more)
{
    static char status[16 * 1024];
    (void)snprintf(status, sizeof(status), "%s", more);
    for (int at = 0; at < 62; at++) {
        (void)snprintf(status + strlen(status), sizeof(status) - strlen(status),
                       "%s{'id':'old-%d'}", at > 0 ? "," : "'deliveries':[", at);
    }
    strcat(status, "]");
    put(world, GITHUB, status);
    script_secret(world, 200);
    script_write(world, 200);
    for (int at = 0; at < 5; at++) {
        char id[16];
        (void)snprintf(id, sizeof(id), "d-%d", at);
        deliver(world, id, "abc");
    }
    fake_io_run(world->fake);
}

static void when_the_status_is_full_senders_come_again(void **state)
{
    struct world *world = *state;
    deliver_when_almost_full(world, "");
    /* Two had room, and are answered first; the cache does not show them yet. */
    assert_int_equal(world->answers[0], 202);
    assert_int_equal(world->answers[1], 202);
    assert_int_equal(hooks_numbers(world->hooks).taken, 2);
}

static void a_firing_under_way_keeps_a_place_to_come_back_to(void **state)
{
    struct world *world = *state;
    deliver_when_almost_full(world, "'pending':{'run':'r','revision':'old'},");
    assert_int_equal(world->answers[0], 202);
    assert_int_equal(hooks_numbers(world->hooks).taken, 1);
}

static void a_flood_of_one_trigger_is_bounded(void **state)
{
    struct world *world = *state;
    enum { FLOOD = 600 };
    put(world, GITHUB, "");
    for (int at = 0; at < FLOOD; at++) {
        char id[16];
        (void)snprintf(id, sizeof(id), "d-%d", at);
        deliver(world, id, "abc");
    }
    size_t too_many = 0;
    for (size_t at = 0; at < world->answer_count; at++) {
        too_many += world->answers[at] == 429;
    }
    assert_int_equal(too_many, FLOOD - HOOK_LIMITS_BURST);
    assert_int_equal(hooks_numbers(world->hooks).waiting, HOOK_LIMITS_BURST);
}

/* How many of a flood are too many. */
static int flood(struct world *world, size_t count)
{
    world->answer_count = 0;
    for (size_t sent = 0; sent < count; sent++) {
        deliver_signed(world, "d-1", "{}", "another key");
    }
    fake_io_advance(world->fake, HOOKS_REFUSAL_MS);
    size_t too_many = 0;
    for (size_t each = 0; each < world->answer_count; each++) {
        too_many += world->answers[each] == 429;
    }
    return (int)too_many;
}

static void a_flood_tells_nothing_of_whether_there_is_a_trigger(void **state)
{
    struct world *world = *state;
    enum { FLOOD = 300 };
    int unknown = flood(world, FLOOD);
    assert_int_equal(unknown, FLOOD - HOOK_LIMITS_BURST);
    fake_io_advance(world->fake, 10 * SECOND);
    put(world, GITHUB, "");
    script_secret(world, 200);
    assert_int_equal(flood(world, FLOOD), unknown);
    world->sender = "192.0.2.7"; /* another one is not held up by it */
    assert_int_equal(flood(world, 1), 0);
    assert_int_equal(last_answer(world), 401);
}

/* By any names: one sender in all. */
static void one_sender_has_a_limit_for_all_triggers(void **state)
{
    (void)state;
    struct hook_limits *limits = hook_limits_new(7);
    struct hook_ticket ticket;
    size_t taken = 0;
    enum { NAMES = 10000 };
    for (int at = 0; at < NAMES; at++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "name-%d", at);
        taken += hook_limits_take(limits, "192.0.2.1", "team", name, SECOND, &ticket);
    }
    assert_int_equal(taken, HOOK_LIMITS_SENDER_BURST);
    assert_true(hook_limits_take(limits, "192.0.2.2", "team", "other", SECOND, &ticket));
    hook_limits_give_back(limits, ticket);
    assert_true(hook_limits_take(limits, "192.0.2.1", "team", "x", 2 * SECOND, &ticket));
    (void)hook_limits_free(limits);
}

/* The cache hears of what was patched. */
static void put_delivered(struct world *world)
{
    char status[8192];
    (void)snprintf(status, sizeof(status), "'delivered':'%s'", delivered_by(last_patch(world)));
    put(world, GITHUB, status);
}

static void duplicates_and_replays_cost_one_read_and_one_write(void **state)
{
    struct world *world = *state;
    enum { MANY = 2000, BATCH = 100 };
    put(world, GITHUB, "");
    script_secret(world, 200);
    script_write(world, 200);
    for (int sent = 0; sent < MANY; sent += BATCH) {
        for (int at = 0; at < BATCH; at++) {
            deliver(world, "d-1", "abc");
        }
        fake_io_advance(world->fake, 100);
        if (sent == 0) {
            put_delivered(world);
        }
    }
    assert_int_equal(world->answer_count, MANY);
    for (size_t at = 0; at < MANY; at++) {
        assert_int_equal(world->answers[at], at < BATCH ? 202 : 200);
    }
    assert_int_equal(fake_io_sent_count(world->fake), 2);
    assert_int_equal(hooks_numbers(world->hooks).put_off, 0);
}

/* Else each write would be followed by one that conflicts. */
static void what_was_written_is_known_before_the_cache_hears_of_it(void **state)
{
    struct world *world = *state;
    put(world, GITHUB, "");
    script_secret(world, 200);
    fake_io_script(
        world->fake, "PATCH", STATUS_PATH,
        (struct fake_answer){.status = 200, .body = "{\"metadata\":{\"resourceVersion\":\"2\"}}"});
    deliver(world, "d-1", "abc");
    fake_io_run(world->fake);
    assert_int_equal(last_answer(world), 202);
    deliver(world, "d-1", "abc");
    assert_int_equal(last_answer(world), 200);
    deliver(world, "d-2", "abc"); /* its turn comes when the cache is there */
    fake_io_advance(world->fake, SECOND);
    assert_int_equal(world->answer_count, 2);
    assert_int_equal(fake_io_count_sent(world->fake, "PATCH", "*"), 1);
    put_delivered(world);
    script_write(world, 200);
    fake_io_advance(world->fake, 100);
    assert_int_equal(last_answer(world), 202);
    assert_int_equal(world->answer_count, 3);
    assert_int_equal(fake_io_count_sent(world->fake, "PATCH", "*"), 2);
}

/* The 64 that wait are all that is written, however many more come. */
static void a_storm_without_room_costs_no_requests(void **state)
{
    struct world *world = *state;
    enum { STORM = 1000 };
    static char status[16 * 1024];
    status[0] = '\0';
    for (int at = 0; at < TRIGGER_DELIVERIES_MAXIMUM; at++) {
        (void)snprintf(status + strlen(status), sizeof(status) - strlen(status),
                       "%s{'id':'old-%d'}", at > 0 ? "," : "'deliveries':[", at);
    }
    strcat(status, "]");
    put(world, GITHUB, status);
    script_secret(world, 200);
    for (int at = 0; at < STORM; at++) {
        char id[16];
        (void)snprintf(id, sizeof(id), "d-%d", at);
        deliver(world, id, "abc");
        fake_io_run(world->fake);
        assert_int_equal(last_answer(world), 503);
    }
    assert_int_equal(fake_io_sent_count(world->fake), 1);
}

static void what_waits_too_long_is_told_to_come_again(void **state)
{
    struct world *world = *state;
    put(world, GITHUB, "");
    script_secret(world, 200);
    for (int at = 0; at < 100; at++) {
        script_write(world, 409);
    }
    deliver(world, "d-1", "abc");
    fake_io_advance(world->fake, 20 * SECOND);
    assert_int_equal(last_answer(world), 503);
    assert_int_equal(world->answer_count, 1);
    assert_int_equal(hooks_numbers(world->hooks).waiting, 0);
}

/* Somebody else wrote first, and the cache hears of it. */
static void a_conflict_is_written_anew(void **state)
{
    struct world *world = *state;
    put(world, GITHUB, "");
    script_secret(world, 200);
    script_write(world, 409);
    deliver(world, "d-1", "abc");
    fake_io_run(world->fake);
    put(world, GITHUB, "'firings':3");
    script_write(world, 200);
    fake_io_advance(world->fake, SECOND);
    assert_int_equal(last_answer(world), 202);
    assert_non_null(strstr(last_patch(world), "\"value\":\"2\""));
}

/* The patch names what a write of somebody else has taken away: 422, not 409. */
static void a_patch_that_does_not_fit_any_more_is_written_anew(void **state)
{
    struct world *world = *state;
    put(world, GITHUB, "'deliveries':[{'id':'old'}]");
    script_secret(world, 200);
    script_write(world, 422);
    deliver(world, "d-1", "abc");
    fake_io_advance(world->fake, 100);
    assert_int_equal(world->answer_count, 0);
    assert_int_equal(fake_io_count_sent(world->fake, "PATCH", "*"), 1); /* until the cache moves */
    put(world, GITHUB, "");
    script_write(world, 200);
    fake_io_advance(world->fake, 100);
    assert_int_equal(last_answer(world), 202);
    assert_int_equal(fake_io_count_sent(world->fake, "PATCH", "*"), 2);
}

static void what_the_api_server_does_not_take_is_told_soon(void **state)
{
    struct world *world = *state;
    put(world, GITHUB, "");
    script_secret(world, 200);
    script_write(world, 422);
    deliver(world, "d-1", "abc");
    fake_io_advance(world->fake, 3 * SECOND);
    assert_int_equal(last_answer(world), 503);
    assert_int_equal(fake_io_count_sent(world->fake, "PATCH", "*"), 1);
}

struct judged_row {
    const char *sentence;
    const char *body;
    const char *spec_end;
    int answer;
};

static void what_is_signed_and_of_no_interest_is_fine(void **state)
{
    struct world *world = *state;
    static const struct judged_row rows[] = {
        {"another branch", "{\"ref\":\"refs/heads/x\"}", "", 200},
        {"no JSON", "hello", "", 400},
        {"a suspended trigger", "{\"ref\":\"refs/heads/main\"}", ",'suspend':true", 503},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        char spec[512];
        (void)snprintf(spec, sizeof(spec), GITHUB "%s", rows[at].spec_end);
        put(world, spec, "");
        fake_io_advance(world->fake, 61 * SECOND);
        script_secret(world, 200);
        deliver_signed(world, "d-1", rows[at].body, KEY);
        fake_io_run(world->fake);
        if (last_answer(world) != rows[at].answer) {
            fail_msg("%s: %d", rows[at].sentence, last_answer(world));
        }
    }
    assert_int_equal(fake_io_count_sent(world->fake, "PATCH", "*"), 0);
}

/* Beside a source that is polled it asks for a poll, and nothing of it is kept. */
static void a_webhook_beside_a_source_pokes_it(void **state)
{
    struct world *world = *state;
    put(world, GITHUB ",'git':{'url':'http://git/x.git','branch':'main'}", "");
    script_secret(world, 200);
    script_write(world, 200);
    deliver(world, "d-1", "abc");
    fake_io_run(world->fake);
    assert_int_equal(last_answer(world), 202);
    assert_non_null(strstr(last_patch(world), "pokedTime"));
    assert_null(strstr(last_patch(world), "deliveries"));
}

static void a_trigger_that_goes_answers_who_waits(void **state)
{
    struct world *world = *state;
    put(world, GITHUB, "");
    deliver(world, "d-1", "abc");
    cache_remove(world->cache, KIND_TRIGGER, "team", "hook", "99");
    fake_io_run(world->fake);
    fake_io_advance(world->fake, HOOKS_REFUSAL_MS);
    assert_int_equal(last_answer(world), 401);
    assert_int_equal(hooks_numbers(world->hooks).waiting, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_delivery_is_written_down_before_it_is_answered, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_same_answer_for_no_trigger_and_a_wrong_signature,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_secret_that_can_t_be_read_accepts_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_secret_is_kept_for_a_minute, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_delivery_that_comes_again_starts_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(many_at_once_are_one_write, set_up, tear_down),
        cmocka_unit_test_setup_teardown(when_the_status_is_full_senders_come_again, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_firing_under_way_keeps_a_place_to_come_back_to, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_flood_of_one_trigger_is_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_flood_tells_nothing_of_whether_there_is_a_trigger, set_up,
                                        tear_down),
        cmocka_unit_test(one_sender_has_a_limit_for_all_triggers),
        cmocka_unit_test_setup_teardown(duplicates_and_replays_cost_one_read_and_one_write, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_was_written_is_known_before_the_cache_hears_of_it,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_storm_without_room_costs_no_requests, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_waits_too_long_is_told_to_come_again, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_conflict_is_written_anew, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_patch_that_does_not_fit_any_more_is_written_anew, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_the_api_server_does_not_take_is_told_soon, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_signed_and_of_no_interest_is_fine, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_webhook_beside_a_source_pokes_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_trigger_that_goes_answers_who_waits, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
