#include "support/test.h"

#include "core/text.h"
#include "source/source.h"

/* What is shown of a text in which a server quotes the Secret that it was sent (X12). */

static struct name_value keys[] = {
    {.name = "username", .value = "robot"},
    {.name = "accessKey", .value = "digits"},
    {.name = "password", .value = "password1"},
    {.name = "secretKey", .value = "k/%s+="},
    {.name = "pin", .value = "123"},
    {.name = "empty", .value = ""},
};
static const struct source_secret secret = {.items = keys, .count = COUNT_OF(keys)};

static struct name_value headers[] = {{.name = "accept", .value = "text/plain"},
                                      {.name = "authorization", .value = "Basic cm9ib3Q="}};
static const struct source_request request = {.headers = headers,
                                              .header_count = COUNT_OF(headers)};

static const struct {
    const char *text;
    const char *shown;
} rows[] = {
    {"nothing of it", "nothing of it"},
    {"a value: password1", "a value: [password]"},
    {"password1password1, and once more password1",
     "[password][password], and once more [password]"},
    {"one that printf would read: k/%s+=!", "one that printf would read: [secretKey]!"},
    {"the credentials of the request: Basic cm9ib3Q=, text/plain",
     "the credentials of the request: Basic [authorization], text/plain"},
    {"names of users and buckets: robot, digits", "names of users and buckets: robot, digits"},
    {"what is short is in every sentence: 123", "what is short is in every sentence: 123"},
    {"", ""},
};

static void what_a_secret_holds_is_hidden_by_its_key(void **state)
{
    (void)state;
    struct arena arena = {0};
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        assert_string_equal(source_hide_secret(&arena, &secret, &request, rows[at].text),
                            rows[at].shown);
    }
    arena_free(&arena);
}

static void without_a_secret_a_text_stays_as_it_is(void **state)
{
    (void)state;
    struct arena arena = {0};
    static const struct source_request nothing_sent = {0};
    assert_null(source_hide_secret(&arena, &secret, &request, NULL));
    assert_string_equal(source_hide_secret(&arena, NULL, &nothing_sent, "password1"), "password1");
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_secret_holds_is_hidden_by_its_key),
        cmocka_unit_test(without_a_secret_a_text_stays_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
