#include "support/test.h"

#include "obs/health.h"

enum { TEXT_MAXIMUM = 4096 };

static void assert_text(const struct health *health, enum health_endpoint endpoint, bool verbose,
                        const char *expected)
{
    struct buffer text = BUFFER_INIT(TEXT_MAXIMUM);
    assert_true(result_is_ok(health_render(health, endpoint, verbose, &text)));
    assert_string_equal(buffer_text(&text), expected);
    buffer_free(&text);
}

static void nothing_to_check_is_well(void **state)
{
    (void)state;
    struct health *health = health_new();
    assert_true(health_is_passing(health, HEALTH_LIVE));
    assert_text(health, HEALTH_LIVE, false, "ok");
    assert_text(health, HEALTH_READY, true, "readyz check passed\n");
    (void)health_free(health);
}

static void a_check_fails_until_it_passes_and_says_what_is_awaited(void **state)
{
    (void)state;
    struct health *health = health_new();
    struct health_check *pods = health_add_check(health, HEALTH_READY, "cache-pods",
                                                 "its first list is under way");
    struct health_check *jobs = health_add_check(health, HEALTH_READY, "cache-jobs",
                                                 "its first list is under way");
    assert_false(health_is_passing(health, HEALTH_READY));
    health_pass(jobs);
    assert_text(health, HEALTH_READY, false,
                "[-]cache-pods failed: its first list is under way\n[+]cache-jobs ok\n"
                "readyz check failed\n");
    health_pass(pods);
    assert_text(health, HEALTH_READY, false, "ok");
    assert_text(health, HEALTH_READY, true,
                "[+]cache-pods ok\n[+]cache-jobs ok\nreadyz check passed\n");
    health_fail(jobs, "not reached for 60 s");
    assert_false(health_is_passing(health, HEALTH_READY));
    health_fail(jobs, "not reached for 61 s");
    health_pass(jobs);
    assert_true(health_is_passing(health, HEALTH_READY));
    (void)health_free(health);
}

static void an_endpoint_looks_at_its_own_checks(void **state)
{
    (void)state;
    struct health *health = health_new();
    (void)health_add_check(health, HEALTH_READY, "cache", "waiting");
    struct health_check *both = health_add_check(
        health, (unsigned)HEALTH_READY | (unsigned)HEALTH_LIVE, "loop", "waiting");
    assert_text(health, HEALTH_LIVE, false, "[-]loop failed: waiting\nhealthz check failed\n");
    health_pass(both);
    assert_text(health, HEALTH_LIVE, false, "ok");
    assert_false(health_is_passing(health, HEALTH_READY));
    (void)health_free(health);
}

static void a_text_over_the_limit_is_an_error(void **state)
{
    (void)state;
    struct health *health = health_new();
    (void)health_add_check(health, HEALTH_READY, "cache", "waiting");
    struct buffer text = BUFFER_INIT(8);
    assert_int_equal(health_render(health, HEALTH_READY, false, &text).kind, ERROR_LIMIT);
    buffer_free(&text);
    (void)health_free(health);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_to_check_is_well),
        cmocka_unit_test(a_check_fails_until_it_passes_and_says_what_is_awaited),
        cmocka_unit_test(an_endpoint_looks_at_its_own_checks),
        cmocka_unit_test(a_text_over_the_limit_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
