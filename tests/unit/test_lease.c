#include "support/test.h"

#include "api/lease.h"

#include <string.h>

static const char held[] =
    "{\"apiVersion\":\"coordination.k8s.io/v1\",\"kind\":\"Lease\",\"metadata\":{\"name\":\"t\","
    "\"uid\":\"5f1c\",\"resourceVersion\":\"12\"},\"spec\":{\"holderIdentity\":\"pod-a\","
    "\"leaseDurationSeconds\":15,\"leaseTransitions\":3,"
    "\"acquireTime\":\"2026-01-31T03:00:00.000000Z\","
    "\"renewTime\":\"2026-01-31T03:00:02.000001Z\"}}";

static struct lease_record decode(struct arena *arena, const char *json)
{
    struct lease_record record = {0};
    struct error error = {0};
    if (!result_is_ok(lease_decode(arena, json, strlen(json), &record, &error))) {
        fail_msg("%s: %s", json, error.message);
    }
    return record;
}

static void a_lease_says_who_holds_it(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct lease_record record = decode(&arena, held);
    assert_string_equal(record.uid, "5f1c");
    assert_string_equal(record.resource_version, "12");
    assert_string_equal(record.holder, "pod-a");
    assert_int_equal(record.duration_seconds, 15);
    assert_int_equal(record.transitions, 3);
    arena_free(&arena);
}

static void a_lease_that_nobody_ever_held_is_free(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct lease_record record = decode(&arena, "{\"metadata\":{\"resourceVersion\":\"1\"}}");
    assert_null(record.uid);
    assert_null(record.holder);
    assert_int_equal(record.duration_seconds, 0);
    assert_int_equal(record.transitions, 0);
    arena_free(&arena);
}

static void numbers_that_cannot_be_counted_on_from_are_none(void **state)
{
    (void)state;
    static const char *const numbers[] = {"0",    "-1",     "2147483647", "9223372036854775807",
                                          "15.5", "\"15\"", "null",       "true"};
    for (size_t at = 0; at < COUNT_OF(numbers); at++) {
        struct arena arena = {0};
        struct lease_record record = decode(
            &arena, arena_print(&arena,
                                "{\"metadata\":{\"resourceVersion\":\"1\"},\"spec\":"
                                "{\"leaseDurationSeconds\":%s,\"leaseTransitions\":%s}}",
                                numbers[at], numbers[at]));
        assert_int_equal(record.duration_seconds, 0);
        assert_int_equal(record.transitions, 0);
        arena_free(&arena);
    }
}

/* Without one nothing could be written that another replica's write would refuse. */
static void a_lease_without_a_resource_version_is_refused(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "{\"metadata\":{\"uid\":\"5f1c\"},\"spec\":{\"holderIdentity\":\"pod-a\"}}",
        "{\"metadata\":{\"resourceVersion\":\"\"}}",
        "{\"metadata\":{\"resourceVersion\":12}}",
        "{\"metadata\":[\"resourceVersion\"]}",
        "{}",
        "[]",
        "null",
    };
    for (size_t at = 0; at < COUNT_OF(bodies); at++) {
        struct arena arena = {0};
        struct error error = {0};
        struct lease_record record = {.uid = "as it was"};
        struct result result = lease_decode(&arena, bodies[at], strlen(bodies[at]), &record,
                                            &error);
        assert_int_equal(result.kind, ERROR_INVALID);
        assert_string_equal(error.message, "a Lease without metadata.resourceVersion");
        assert_string_equal(record.uid, "as it was");
        arena_free(&arena);
    }
}

static void what_is_no_json_is_no_lease(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct error error = {0};
    struct lease_record record = {0};
    assert_int_equal(lease_decode(&arena, held, strlen(held) - 1, &record, &error).kind,
                     ERROR_INVALID);
    assert_null(record.resource_version);
    arena_free(&arena);
}

static uint64_t fingerprint(struct arena *arena, const char *version, const char *spec)
{
    return decode(arena, arena_print(arena,
                                     "{\"metadata\":{\"uid\":\"5f1c\",\"resourceVersion\":\"%s\"},"
                                     "\"spec\":{%s}}",
                                     version, spec))
        .fingerprint;
}

static void a_fingerprint_changes_with_what_a_holder_writes_alone(void **state)
{
    (void)state;
    static const char *const specs[] = {
        "",
        "\"holderIdentity\":\"a\"",
        "\"holderIdentity\":\"b\"",
        "\"holderIdentity\":\"a\",\"leaseDurationSeconds\":15",
        "\"holderIdentity\":\"a\",\"leaseTransitions\":15",
        "\"holderIdentity\":\"a\",\"acquireTime\":\"2026-01-31T03:00:00.000000Z\"",
        "\"holderIdentity\":\"a\",\"acquireTime\":\"2026-01-31T03:00:00.000001Z\"",
        "\"holderIdentity\":\"a\",\"renewTime\":\"2026-01-31T03:00:00.000000Z\"",
    };
    struct arena arena = {0};
    for (size_t at = 0; at < COUNT_OF(specs); at++) {
        uint64_t first = fingerprint(&arena, "1", specs[at]);
        assert_true(first == fingerprint(&arena, "2", specs[at]));
        for (size_t other = 0; other < at; other++) {
            assert_true(first != fingerprint(&arena, "1", specs[other]));
        }
    }
    arena_free(&arena);
}

static void a_claim_is_written_with_the_times_that_it_has(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct lease_claim claim = {.holder = "pod-a",
                                .duration_seconds = 15,
                                .transitions = 1,
                                .acquire_micros = INT64_C(1769828400000000),
                                .renew_micros = INT64_C(1769828402000001)};
    assert_string_equal(
        lease_render(&arena, "team", "tidemill", &claim),
        "{\"apiVersion\":\"coordination.k8s.io/v1\",\"kind\":\"Lease\",\"metadata\":{\"labels\":"
        "{\"app.kubernetes.io/managed-by\":\"tidemill\"},\"name\":\"tidemill\",\"namespace\":"
        "\"team\"},\"spec\":{\"acquireTime\":\"2026-01-31T03:00:00.000000Z\",\"holderIdentity\":"
        "\"pod-a\",\"leaseDurationSeconds\":15,\"leaseTransitions\":1,\"renewTime\":"
        "\"2026-01-31T03:00:02.000001Z\"}}");
    claim.acquire_micros = 0;
    assert_string_equal(
        lease_render_patch(&arena, "12", &claim),
        "{\"metadata\":{\"resourceVersion\":\"12\"},\"spec\":{\"holderIdentity\":\"pod-a\","
        "\"leaseDurationSeconds\":15,\"leaseTransitions\":1,\"renewTime\":"
        "\"2026-01-31T03:00:02.000001Z\"}}");
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lease_says_who_holds_it),
        cmocka_unit_test(a_lease_that_nobody_ever_held_is_free),
        cmocka_unit_test(numbers_that_cannot_be_counted_on_from_are_none),
        cmocka_unit_test(a_lease_without_a_resource_version_is_refused),
        cmocka_unit_test(what_is_no_json_is_no_lease),
        cmocka_unit_test(a_fingerprint_changes_with_what_a_holder_writes_alone),
        cmocka_unit_test(a_claim_is_written_with_the_times_that_it_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
