#include "support/test.h"

#include "core/prng.h"
#include "support/election_world.h"

#include <stdio.h>
#include <string.h>

/* C18 to C21: who leads, from when, and how long. */

enum { SECOND = 1000, FOREVER_MS = 120 * SECOND };

/* Seen at first, then silent: 15 s, and a look may have been 2.4 s before. */
enum { TAKE_OVER_LIMIT_MS = 15 * SECOND + 2400 + 100 };

#define HELD_BY(other) "{'holderIdentity':'" other "','leaseDurationSeconds':15,"

static void times_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        struct election_times times;
        const char *says; /* NULL: fine */
    } rows[] = {
        {"the defaults", {15000, 10000, 2000}, NULL},
        {"just enough", {2000, 1201, 1000}, NULL},
        {"lease equal to renew",
         {10000, 10000, 2000},
         "--lease-duration (10000 ms) must be longer"},
        {"lease below renew", {9000, 10000, 2000}, "--lease-duration (9000 ms) must be longer"},
        {"renew equal to retry x 1.2", {15000, 2400, 2000}, "--renew-deadline (2400 ms) must be"},
        {"renew below retry", {15000, 1000, 2000}, "--renew-deadline (1000 ms) must be longer"},
        {"no retry period", {15000, 10000, 0}, "--retry-period (0 ms), which must be over 0"},
        {"parts of a second", {15500, 10000, 2000}, "must be whole seconds"},
        {"no lease", {0, 0, 0}, "at least 1s"},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct error error = {0};
        struct result result = election_check_times(&rows[at].times, &error);
        if (result_is_ok(result) != !rows[at].says ||
            (rows[at].says && !strstr(error.message, rows[at].says))) {
            fail_msg("%s: %s", rows[at].what, error.message);
        }
    }
}

static void what_a_candidate_finds_decides_when_it_leads(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        const char *spec;
        int64_t from_ms;
        int64_t until_ms;
        const char *transitions;
    } rows[] = {
        {"no Lease", NULL, 0, 100, "0"},
        {"an empty Lease", "{}", 0, 100, "1"},
        {"one that was given back",
         "{'holderIdentity':'','leaseDurationSeconds':1,"
         "'leaseTransitions':4}",
         0, 100, "5"},
        {"its own, of before a restart", HELD_BY(ELECTION_IDENTITY_0) "'leaseTransitions':4}", 0,
         100, "4"},
        {"another's", HELD_BY("b") "'leaseTransitions':4}", 15000, 15100, "5"},
        {"another's for longer", "{'holderIdentity':'b','leaseDurationSeconds':30}", 30000, 30100,
         "1"},
        {"another's for no time said", "{'holderIdentity':'b'}", 15000, 15100, "1"},
        {"another's for nonsense", "{'holderIdentity':'b','leaseDurationSeconds':-3}", 15000, 15100,
         "1"},
        {"another's for ever",
         "{'holderIdentity':'b','leaseDurationSeconds':9223372036854775807,"
         "'leaseTransitions':2147483647}",
         15000, 15100, "1"},
        {"another's, renewed in 1970", HELD_BY("b") "'renewTime':'1970-01-01T00:00:00.000000Z'}",
         15000, 15100, "1"},
        {"another's, renewed in 2099", HELD_BY("b") "'renewTime':'2099-01-01T00:00:00.000000Z'}",
         15000, 15100, "1"},
        {"another's, acquired and renewed at no time", HELD_BY("b") "'renewTime':'soon'}", 15000,
         15100, "1"},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct election_world world;
        election_world_open(&world, rows[at].spec);
        election_world_start(&world, 0);
        int64_t took_ms = election_world_wait_leader(&world, 0, FOREVER_MS);
        if (took_ms < rows[at].from_ms || took_ms > rows[at].until_ms) {
            fail_msg("%s: took %lld ms", rows[at].what, (long long)took_ms);
        }
        assert_string_equal(election_world_spec(&world, "holderIdentity"), ELECTION_IDENTITY_0);
        assert_string_equal(election_world_spec(&world, "leaseDurationSeconds"), "15");
        if (strcmp(election_world_spec(&world, "leaseTransitions"), rows[at].transitions) != 0) {
            fail_msg("%s: %s transitions", rows[at].what,
                     election_world_spec(&world, "leaseTransitions"));
        }
        assert_string_not_equal(election_world_spec(&world, "renewTime"), "-");
        assert_string_not_equal(election_world_spec(&world, "acquireTime"), "-");
        election_world_close(&world);
    }
}

static void a_leader_renews_and_a_follower_only_looks(void **state)
{
    (void)state;
    struct election_world world;
    election_world_lead_before_another(&world);
    fake_io_forget(world.candidates[0].fake);
    fake_io_forget(world.candidates[1].fake);
    char acquired[64];
    (void)snprintf(acquired, sizeof(acquired), "%s", election_world_spec(&world, "acquireTime"));
    election_world_advance(&world, 60 * SECOND);
    assert_int_equal(world.candidates[0].lease.term, 1);
    assert_string_equal(election_world_spec(&world, "acquireTime"), acquired);
    assert_string_equal(election_world_spec(&world, "leaseTransitions"), "0");
    /* A period is 2 s to 2.4 s, of who follows the half of it and as much jitter. */
    size_t renewals = fake_io_count_sent(world.candidates[0].fake, "PATCH", "*");
    size_t looks = fake_io_count_sent(world.candidates[1].fake, "GET", "*");
    assert_in_range(renewals, 25, 30);
    assert_in_range(looks, 50, 60);
    assert_int_equal(fake_io_sent_count(world.candidates[0].fake), renewals);
    assert_int_equal(fake_io_sent_count(world.candidates[1].fake), looks);
    election_world_close(&world);
}

static const struct {
    const char *what;
    enum weather weather;
    int code;
} troubles[] = {
    {"silence", WEATHER_SILENT, 0},
    {"a connection that breaks before", WEATHER_LOST_BEFORE, 0},
    {"a connection that breaks after", WEATHER_LOST_AFTER, 0},
    {"no connection", WEATHER_UNREACHABLE, 0},
    {"garbage", WEATHER_GARBAGE, 0},
    {"409", WEATHER_CODE, 409},
    {"401", WEATHER_CODE, 401},
    {"403", WEATHER_CODE, 403},
    {"429", WEATHER_CODE, 429},
    {"500", WEATHER_CODE, 500},
    {"503", WEATHER_CODE, 503},
};

static void trouble_shorter_than_the_deadline_costs_nothing(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(troubles); at++) {
        struct election_world world;
        election_world_lead_before_another(&world);
        world.candidates[0].weather = troubles[at].weather;
        world.candidates[0].code = troubles[at].code;
        election_world_advance(&world, 2 * SECOND);
        world.candidates[0].weather = WEATHER_FINE;
        election_world_advance(&world, 60 * SECOND);
        if (world.candidates[0].lease.term != 1 || !world.candidates[0].leads) {
            fail_msg("%s: leadership was lost", troubles[at].what);
        }
        assert_int_equal(world.takes, 1);
        election_world_close(&world);
    }
}

static void trouble_that_lasts_ends_the_term_at_the_deadline(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(troubles); at++) {
        struct election_world world;
        election_world_lead_before_another(&world);
        struct candidate *leader = &world.candidates[0];
        leader->weather = troubles[at].weather;
        leader->code = troubles[at].code;
        int64_t deadline_ms = leader->lease.deadline_ms;
        while (fake_io_now_ms(leader->fake) + 10 < deadline_ms) {
            election_world_advance(&world, 10);
            assert_true(election_world_allows(&world, 0));
        }
        assert_int_equal(leader->lease.deadline_ms, deadline_ms);
        election_world_advance(&world, 10);
        assert_false(election_world_allows(&world, 0));
        assert_false(leader->leads);
        /* Renewals that were carried out unheard count for the other: up to the deadline. */
        int64_t took_ms = election_world_wait_leader(&world, 1, FOREVER_MS);
        if (took_ms == -1 || took_ms > TAKE_OVER_LIMIT_MS) {
            fail_msg("%s: the other leads after %lld ms", troubles[at].what, (long long)took_ms);
        }
        leader->weather = WEATHER_FINE;
        election_world_advance(&world, 30 * SECOND);
        assert_false(leader->leads);
        election_world_close(&world);
    }
}

static void trouble_with_taking_only_delays_it(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(troubles); at++) {
        struct election_world world;
        election_world_open(&world, NULL);
        world.candidates[0].weather = troubles[at].weather;
        world.candidates[0].code = troubles[at].code;
        election_world_start(&world, 0);
        election_world_advance(&world, 60 * SECOND);
        assert_false(world.candidates[0].leads);
        assert_false(election_world_allows(&world, 0));
        assert_int_equal(world.events, 0);
        world.candidates[0].weather = WEATHER_FINE;
        /* A silent request takes 5 s to time out. */
        int64_t took_ms = election_world_wait_leader(&world, 0, 10 * SECOND);
        if (took_ms == -1) {
            fail_msg("%s: never leads", troubles[at].what);
        }
        election_world_close(&world);
    }
}

static void a_killed_leader_is_followed_within_20_s(void **state)
{
    (void)state;
    for (int64_t offset_ms = 0; offset_ms < 3000; offset_ms += 130) {
        struct election_world world;
        election_world_lead_before_another(&world);
        election_world_advance(&world, offset_ms);
        election_world_kill(&world, 0);
        int64_t took_ms = election_world_wait_leader(&world, 1, FOREVER_MS);
        assert_in_range(took_ms, 12 * SECOND, TAKE_OVER_LIMIT_MS);
        assert_string_equal(election_world_spec(&world, "leaseTransitions"), "1");
        assert_string_equal(world.event,
                            "LeaderElection Lease/tidemill-controller: " ELECTION_IDENTITY_1
                            " became leader in place of " ELECTION_IDENTITY_0
                            ", which stopped renewing");
        /* It comes back and finds somebody else. */
        election_world_start(&world, 0);
        election_world_advance(&world, 60 * SECOND);
        assert_true(world.candidates[1].leads);
        assert_int_equal(world.takes, 2);
        assert_int_equal(world.events, 2);
        election_world_close(&world);
    }
}

static void a_leader_that_is_started_again_goes_on_at_once(void **state)
{
    (void)state;
    struct election_world world;
    election_world_lead_before_another(&world);
    election_world_kill(&world, 0);
    election_world_advance(&world, SECOND);
    election_world_start(&world, 0);
    assert_in_range(election_world_wait_leader(&world, 0, FOREVER_MS), 0, 100);
    assert_int_equal(world.takes, 1);
    election_world_close(&world);
}

/* SIGSTOP for 20 s, then SIGCONT: the gate is closed before anything runs. */
static void a_leader_stopped_for_longer_than_the_lease_wakes_as_a_follower(void **state)
{
    (void)state;
    for (int64_t offset_ms = 0; offset_ms < 3000; offset_ms += 130) {
        struct election_world world;
        election_world_lead_before_another(&world);
        election_world_advance(&world, offset_ms);
        world.candidates[0].is_stopped = true;
        assert_int_not_equal(election_world_wait_leader(&world, 1, 20 * SECOND), -1);
        election_world_advance(&world, 5 * SECOND);
        assert_false(election_world_allows(&world, 0));
        world.candidates[0].is_stopped = false;
        election_world_advance(&world, 60 * SECOND);
        assert_false(world.candidates[0].leads);
        assert_true(world.candidates[1].leads);
        assert_int_equal(world.takes, 2);
        election_world_close(&world);
    }
}

/* Over the old deadline alone, and over the one that the renewal would have brought. */
static void check_late_renewal(int64_t pause_ms)
{
    struct election_world world;
    election_world_lead(&world);
    struct candidate *leader = &world.candidates[0];
    leader->weather = WEATHER_SILENT;
    while (!fake_io_find_open(leader->fake, "PATCH", "*")) {
        election_world_advance(&world, 10);
    }
    /* The answer waits in the socket of a process that is stopped. */
    struct io_call *call = fake_io_find_open(leader->fake, "PATCH", "*");
    fake_io_jump(leader->fake, pause_ms);
    fake_io_finish(leader->fake, call,
                   (struct fake_answer){.status = 200,
                                        .body = "{\"metadata\":{\"resourceVersion\":\"900\"},"
                                                "\"spec\":{\"holderIdentity\":"
                                                "\"" ELECTION_IDENTITY_0 "\"}}"});
    assert_false(leader->leads);
    assert_false(election_world_allows(&world, 0));
    /* It is still written in the Lease: a new term begins. */
    leader->weather = WEATHER_FINE;
    assert_in_range(election_world_wait_leader(&world, 0, FOREVER_MS), 0, 5 * SECOND);
    assert_int_equal(leader->lease.term, 2);
    election_world_close(&world);
}

static void a_renewal_whose_answer_waited_too_long_counts_for_nothing(void **state)
{
    (void)state;
    check_late_renewal(9 * SECOND);
    check_late_renewal(20 * SECOND);
}

static void a_taking_whose_answer_waited_too_long_is_no_leadership(void **state)
{
    (void)state;
    struct election_world world;
    election_world_open(&world, "{}");
    election_world_start(&world, 0);
    struct candidate *candidate = &world.candidates[0];
    candidate->weather = WEATHER_SILENT;
    election_world_advance(&world, 10);
    fake_io_finish(candidate->fake, fake_io_find_open(candidate->fake, "GET", "*"),
                   (struct fake_answer){.status = 404, .body = "{}"});
    struct io_call *call = fake_io_find_open(candidate->fake, "POST", "*");
    assert_non_null(call);
    fake_io_jump(candidate->fake, 10 * SECOND);
    fake_io_finish(candidate->fake, call,
                   (struct fake_answer){.status = 201,
                                        .body = "{\"metadata\":{\"resourceVersion\":\"900\"},"
                                                "\"spec\":{\"holderIdentity\":"
                                                "\"" ELECTION_IDENTITY_0 "\"}}"});
    assert_false(candidate->leads);
    assert_false(election_world_allows(&world, 0));
    candidate->weather = WEATHER_FINE;
    assert_int_not_equal(election_world_wait_leader(&world, 0, 10 * SECOND), -1);
    election_world_close(&world);
}

static void the_deadline_counts_from_before_the_renewal_was_sent(void **state)
{
    (void)state;
    struct election_world world;
    election_world_lead(&world);
    struct candidate *leader = &world.candidates[0];
    leader->weather = WEATHER_SILENT;
    while (!fake_io_find_open(leader->fake, "PATCH", "*")) {
        election_world_advance(&world, 10);
    }
    const struct fake_request *sent = fake_io_request_of(
        fake_io_find_open(leader->fake, "PATCH", "*"));
    int64_t sent_ms = sent->sent_at_ms;
    election_world_advance(&world, 3 * SECOND);
    leader->weather = WEATHER_FINE;
    election_world_advance(&world, 10);
    assert_int_equal(leader->lease.deadline_ms, sent_ms + ELECTION_RENEW_MS);
    election_world_close(&world);
}

/* Somebody puts a label on the Lease: it is looked at, and renewed before the next rest. */
static void a_renewal_that_meets_a_change_is_made_once_more_at_once(void **state)
{
    (void)state;
    struct election_world world;
    election_world_lead(&world);
    const struct candidate *leader = &world.candidates[0];
    size_t renewals = fake_io_count_sent(leader->fake, "PATCH", "*");
    size_t looks = fake_io_count_sent(leader->fake, "GET", "*");
    int64_t deadline_ms = leader->lease.deadline_ms;
    election_world_edit(&world, "{'metadata':{'labels':{'team':'a'}}}");
    election_world_advance(&world, ELECTION_RETRY_MS + SECOND / 2);
    assert_int_equal(fake_io_count_sent(leader->fake, "PATCH", "*"), renewals + 2);
    assert_int_equal(fake_io_count_sent(leader->fake, "GET", "*"), looks + 1);
    assert_in_range(leader->lease.deadline_ms, deadline_ms + SECOND,
                    deadline_ms + ELECTION_RETRY_MS + SECOND);
    election_world_close(&world);
}

static void what_happens_to_the_lease_under_a_leader(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        const char *patch; /* NULL: deleted */
        bool goes_on;
        const char *holder;
    } rows[] = {
        {"it is deleted", NULL, true, ELECTION_IDENTITY_0},
        {"somebody annotates it", "{'metadata':{'annotations':{'a':'b'}}}", true,
         ELECTION_IDENTITY_0},
        {"another is written in it", "{'spec':{'holderIdentity':'b'}}", false, ELECTION_IDENTITY_1},
        {"nobody is written in it", "{'spec':{'holderIdentity':''}}", false, NULL},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct election_world world;
        election_world_lead_before_another(&world);
        /* Right after a renewal: the follower's next look may come first. */
        election_world_edit(&world, rows[at].patch);
        election_world_advance(&world, 3 * SECOND);
        if (world.candidates[0].leads != rows[at].goes_on && rows[at].holder) {
            fail_msg("%s: leads is %d", rows[at].what, world.candidates[0].leads);
        }
        election_world_advance(&world, 30 * SECOND);
        assert_int_equal(world.candidates[0].lease.term,
                         1 + (uint64_t)(!rows[at].goes_on && world.candidates[0].leads));
        assert_true(world.candidates[0].leads || world.candidates[1].leads);
        if (rows[at].goes_on) {
            assert_string_equal(election_world_spec(&world, "holderIdentity"), rows[at].holder);
            assert_true(world.candidates[0].leads);
        }
        election_world_close(&world);
    }
}

static void a_lease_deleted_with_its_leader_is_waited_for_all_the_same(void **state)
{
    (void)state;
    struct election_world world;
    election_world_lead_before_another(&world);
    world.candidates[0].is_stopped = true;
    election_world_edit(&world, NULL);
    int64_t took_ms = election_world_wait_leader(&world, 1, FOREVER_MS);
    assert_in_range(took_ms, 12 * SECOND, TAKE_OVER_LIMIT_MS + 2400);
    election_world_close(&world);
}

static void changes_that_no_holder_makes_prolong_nothing(void **state)
{
    (void)state;
    struct election_world world;
    election_world_lead_before_another(&world);
    election_world_kill(&world, 0);
    int64_t took_ms = 0;
    for (int edits = 0; !world.candidates[1].leads; edits++) {
        char patch[128];
        (void)snprintf(patch, sizeof(patch), "{'metadata':{'annotations':{'a':'%d'}}}", edits);
        election_world_edit(&world, patch);
        election_world_advance(&world, 900);
        took_ms += 900;
        assert_true(took_ms < FOREVER_MS);
    }
    /* A lock may fail once or twice more. */
    assert_in_range(took_ms, 12 * SECOND, TAKE_OVER_LIMIT_MS + 4 * 2400);
    election_world_close(&world);
}

static void the_wall_clock_may_jump(void **state)
{
    (void)state;
    struct election_world world;
    election_world_lead_before_another(&world);
    for (int at = 0; at < 10; at++) {
        fake_io_set_unix_micros(world.candidates[0].fake, (at % 2 ? 1 : 4102444800) * 1000000LL);
        fake_io_set_unix_micros(world.candidates[1].fake, (at % 2 ? 4102444800 : 1) * 1000000LL);
        election_world_advance(&world, 7 * SECOND);
    }
    assert_true(world.candidates[0].leads);
    assert_int_equal(world.candidates[0].lease.term, 1);
    assert_int_equal(world.takes, 1);
    election_world_close(&world);
}

static void a_missing_permission_is_said_once(void **state)
{
    (void)state;
    struct election_world world;
    election_world_open(&world, NULL);
    world.candidates[0].weather = WEATHER_CODE;
    world.candidates[0].code = 403;
    election_world_start(&world, 0);
    election_world_advance(&world, 60 * SECOND);
    size_t looks = fake_io_count_sent(world.candidates[0].fake, "GET", "*");
    assert_in_range(looks, 50, 61);
    assert_int_equal(fake_io_sent_count(world.candidates[0].fake), looks);
    election_world_close(&world);
}

/* Weather, stops and restarts at random: never two at once (checked at each step), then one. */
static void whatever_happens_two_never_lead_and_then_one_does(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct prng prng;
        prng_seed(&prng, seed);
        struct election_world world;
        election_world_lead_before_another(&world);
        for (int turn = 0; turn < 200; turn++) {
            size_t which = prng_next(&prng) % ELECTION_CANDIDATES;
            struct candidate *candidate = &world.candidates[which];
            candidate->weather = prng_next(&prng) % WEATHER_COUNT;
            candidate->code = 500;
            candidate->is_stopped = prng_next(&prng) % 4 == 0;
            if (prng_next(&prng) % 16 == 0) {
                election_world_kill(&world, which);
                election_world_start(&world, which);
            }
            election_world_advance(&world, (int64_t)(prng_next(&prng) % 20) * SECOND);
        }
        for (size_t at = 0; at < ELECTION_CANDIDATES; at++) {
            world.candidates[at].weather = WEATHER_FINE;
            world.candidates[at].is_stopped = false;
        }
        election_world_advance(&world, 30 * SECOND);
        assert_int_equal(world.candidates[0].leads + world.candidates[1].leads, 1);
        election_world_close(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_that_do_not_fit_are_refused),
        cmocka_unit_test(what_a_candidate_finds_decides_when_it_leads),
        cmocka_unit_test(a_leader_renews_and_a_follower_only_looks),
        cmocka_unit_test(trouble_shorter_than_the_deadline_costs_nothing),
        cmocka_unit_test(trouble_that_lasts_ends_the_term_at_the_deadline),
        cmocka_unit_test(trouble_with_taking_only_delays_it),
        cmocka_unit_test(a_killed_leader_is_followed_within_20_s),
        cmocka_unit_test(a_leader_that_is_started_again_goes_on_at_once),
        cmocka_unit_test(a_leader_stopped_for_longer_than_the_lease_wakes_as_a_follower),
        cmocka_unit_test(a_renewal_whose_answer_waited_too_long_counts_for_nothing),
        cmocka_unit_test(a_taking_whose_answer_waited_too_long_is_no_leadership),
        cmocka_unit_test(the_deadline_counts_from_before_the_renewal_was_sent),
        cmocka_unit_test(a_renewal_that_meets_a_change_is_made_once_more_at_once),
        cmocka_unit_test(what_happens_to_the_lease_under_a_leader),
        cmocka_unit_test(a_lease_deleted_with_its_leader_is_waited_for_all_the_same),
        cmocka_unit_test(changes_that_no_holder_makes_prolong_nothing),
        cmocka_unit_test(the_wall_clock_may_jump),
        cmocka_unit_test(a_missing_permission_is_said_once),
        cmocka_unit_test(whatever_happens_two_never_lead_and_then_one_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
