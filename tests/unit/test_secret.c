#include "support/test.h"

#include "api/secret.h"

#include <string.h>

static struct secret decode(struct arena *arena, const char *json)
{
    struct secret secret = {0};
    struct error error = {0};
    if (!result_is_ok(secret_decode(arena, json, strlen(json), &secret, &error))) {
        fail_msg("%s: %s", json, error.message);
    }
    return secret;
}

static void values_come_out_decoded_in_their_order(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct secret secret = decode(
        &arena, "{\"kind\":\"Secret\",\"data\":{\"user\":\"bWU=\",\"password\":\"JDEgMg==\","
                "\"empty\":\"\"},\"metadata\":{\"annotations\":"
                "{\"tidemill.dev/allowed-hosts\":\"a.example,b.example\"}}}");
    assert_int_equal(secret.count, 3);
    assert_string_equal(secret.items[0].name, "user");
    assert_string_equal(secret.items[0].value, "me");
    assert_string_equal(secret.items[1].name, "password");
    assert_string_equal(secret.items[1].value, "$1 2");
    assert_string_equal(secret.items[2].name, "empty");
    assert_string_equal(secret.items[2].value, "");
    assert_string_equal(secret.allowed_hosts, "a.example,b.example");
    arena_free(&arena);
}

static void values_that_are_no_text_are_left_out(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct secret secret = decode(&arena, "{\"metadata\":{},\"data\":{\"nul\":\"AGE=\",\"cut\":"
                                          "\"bWU\",\"number\":7,\"null\":null,\"kept\":\"bWU=\"}}");
    assert_int_equal(secret.count, 1);
    assert_string_equal(secret.items[0].name, "kept");
    assert_string_equal(secret.items[0].value, "me");
    assert_null(secret.allowed_hosts);
    arena_free(&arena);
}

static void a_secret_without_data_is_an_empty_one(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "{\"metadata\":{\"annotations\":{\"tidemill.dev/allowed-hosts\":\"a\"}}}",
        "{\"metadata\":{\"annotations\":{\"tidemill.dev/allowed-hosts\":\"a\"}},\"data\":{}}",
        "{\"metadata\":{\"annotations\":{\"tidemill.dev/allowed-hosts\":\"a\"}},\"data\":null}",
        "{\"metadata\":{\"annotations\":{\"tidemill.dev/allowed-hosts\":\"a\"}},\"data\":[\"b\"]}",
        "{\"data\":\"bWU=\",\"metadata\":{\"annotations\":{\"tidemill.dev/allowed-hosts\":\"a\"}}}",
    };
    for (size_t at = 0; at < COUNT_OF(bodies); at++) {
        struct arena arena = {0};
        struct secret secret = decode(&arena, bodies[at]);
        assert_int_equal(secret.count, 0);
        assert_string_equal(secret.allowed_hosts, "a");
        arena_free(&arena);
    }
}

/* The message is logged, and shown in conditions: it may hold nothing of the body. */
static void what_is_no_secret_is_refused_without_a_word_of_it(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "{\"data\":{\"user\":\"bWU=\"}}",
        "{\"data\":{\"user\":\"bWU=\"},\"metadata\":{}",
        "{\"metadata\":{}} {}",
        "[{\"metadata\":{}}]",
        "\"bWU=\"",
        "<html>bWU=</html>",
        "",
    };
    for (size_t at = 0; at < COUNT_OF(bodies); at++) {
        struct arena arena = {0};
        struct error error = {0};
        struct secret secret = {0};
        struct result result = secret_decode(&arena, bodies[at], strlen(bodies[at]), &secret,
                                             &error);
        assert_int_equal(result.kind, ERROR_INVALID);
        assert_string_equal(error.message, "the answer is no Secret");
        assert_int_equal(secret.count, 0);
        assert_null(secret.allowed_hosts);
        arena_free(&arena);
    }
}

static void no_more_keys_are_read_than_there_may_be(void **state)
{
    (void)state;
    struct arena arena = {0};
    const char *data = "\"key-0\":\"bWU=\"";
    for (int at = 1; at <= SECRET_KEYS_MAXIMUM; at++) {
        data = arena_print(&arena, "%s,\"key-%d\":\"bWU=\"", data, at);
    }
    struct secret secret = decode(&arena,
                                  arena_print(&arena, "{\"metadata\":{},\"data\":{%s}}", data));
    assert_int_equal(secret.count, SECRET_KEYS_MAXIMUM);
    assert_string_equal(secret.items[SECRET_KEYS_MAXIMUM - 1].name, "key-63");
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_come_out_decoded_in_their_order),
        cmocka_unit_test(values_that_are_no_text_are_left_out),
        cmocka_unit_test(a_secret_without_data_is_an_empty_one),
        cmocka_unit_test(what_is_no_secret_is_refused_without_a_word_of_it),
        cmocka_unit_test(no_more_keys_are_read_than_there_may_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
