/* C20: a clean stop gives the Lease back, whatever its moment. */

#include "support/test.h"

#include "support/election_world.h"

#include <string.h>

enum { SECOND = 1000, FOREVER_MS = 120 * SECOND };

static void a_clean_stop_is_followed_within_3_s(void **state)
{
    (void)state;
    for (int64_t offset_ms = 0; offset_ms < 3000; offset_ms += 130) {
        struct election_world world;
        election_world_lead_before_another(&world);
        election_world_advance(&world, offset_ms);
        fake_io_forget(world.candidates[0].fake);
        election_world_stop(&world, 0);
        assert_false(election_world_allows(&world, 0));
        election_world_advance(&world, 10);
        assert_true(world.candidates[0].is_done);
        assert_int_equal(fake_io_sent_count(world.candidates[0].fake), 1);
        bool is_taken = world.candidates[1].leads;
        assert_true(is_taken || strcmp(election_world_spec(&world, "holderIdentity"), "") == 0);
        assert_true(is_taken ||
                    strcmp(election_world_spec(&world, "leaseDurationSeconds"), "1") == 0);
        int64_t took_ms = election_world_wait_leader(&world, 1, FOREVER_MS);
        assert_in_range(took_ms, 0, 2500);
        election_world_close(&world);
    }
}

static void a_stop_never_lasts_and_gives_back_what_it_can(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        enum weather weather;
        int code;
        int64_t limit_ms;
    } rows[] = {
        {"fine", WEATHER_FINE, 0, 10},       {"silence", WEATHER_SILENT, 0, ELECTION_STOP_MS},
        {"lost", WEATHER_LOST_AFTER, 0, 10}, {"500", WEATHER_CODE, 500, 10},
        {"409", WEATHER_CODE, 409, 10},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct election_world world;
        election_world_lead_before_another(&world);
        world.candidates[0].weather = rows[at].weather;
        world.candidates[0].code = rows[at].code;
        election_world_stop(&world, 0);
        election_world_advance(&world, rows[at].limit_ms);
        if (!world.candidates[0].is_done) {
            fail_msg("%s: the stop has not ended", rows[at].what);
        }
        election_world_advance(&world, 60 * SECOND);
        assert_true(world.candidates[1].leads);
        election_world_close(&world);
    }
}

/* At each of its moments, in the middle of a request too. */
static void a_stop_at_any_moment_leaves_nothing_behind(void **state)
{
    (void)state;
    for (int silent = 0; silent < 2; silent++) {
        for (int64_t moment_ms = 0; moment_ms < 3000; moment_ms += 50) {
            struct election_world world;
            election_world_open(&world, NULL);
            election_world_start(&world, 0);
            election_world_advance(&world, moment_ms);
            world.candidates[0].weather = silent ? WEATHER_SILENT : WEATHER_FINE;
            election_world_advance(&world, silent ? 2500 : 0);
            election_world_stop(&world, 0);
            world.candidates[0].weather = WEATHER_FINE;
            election_world_advance(&world, ELECTION_STOP_MS);
            assert_true(world.candidates[0].is_done);
            /* Given back, or never had. */
            const char *holder = election_world_spec(&world, "holderIdentity");
            assert_string_not_equal(holder, ELECTION_IDENTITY_0);
            election_world_close(&world);
        }
    }
}

static void a_follower_stops_without_a_word(void **state)
{
    (void)state;
    struct election_world world;
    election_world_lead_before_another(&world);
    fake_io_forget(world.candidates[1].fake);
    election_world_stop(&world, 1);
    election_world_advance(&world, 10);
    assert_true(world.candidates[1].is_done);
    assert_int_equal(fake_io_sent_count(world.candidates[1].fake), 0);
    election_world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clean_stop_is_followed_within_3_s),
        cmocka_unit_test(a_stop_never_lasts_and_gives_back_what_it_can),
        cmocka_unit_test(a_stop_at_any_moment_leaves_nothing_behind),
        cmocka_unit_test(a_follower_stops_without_a_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
