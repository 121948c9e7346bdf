#include "support/test.h"

#include "core/encoding.h"
#include "core/text.h"
#include "core/url.h"

#include <string.h>

static void base64_goes_there_and_back(void **state)
{
    (void)state;
    /* RFC 4648, section 10, and the digits behind the letters. */
    static const struct {
        const char *plain;
        const char *encoded;
    } rows[] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"\xFB\xEF\xFF", "++//"},
        {"user:p\xC3\xA4ss", "dXNlcjpww6Rzcw=="},
    };
    struct arena arena = {0};
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        size_t size = 99;
        assert_string_equal(base64_encode(&arena, rows[at].plain, strlen(rows[at].plain)),
                            rows[at].encoded);
        assert_string_equal(base64_decode(&arena, rows[at].encoded, &size), rows[at].plain);
        assert_int_equal(size, strlen(rows[at].plain));
    }
    size_t size = 0;
    assert_string_equal(base64_decode(&arena, " Zm9v\r\n YmFy\n", &size), "foobar");
    assert_memory_equal(base64_decode(&arena, "AAEA", &size), "\0\1\0", 4);
    assert_int_equal(size, 3);
    arena_free(&arena);
}

static void what_is_not_base64_is_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {"Z",     "Zg",   "Zg=",  "Zg=v",
                                       "Zm9v=", "====", "Zm-_", "Zm\x80v"};
    struct arena arena = {0};
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        size_t size = 99;
        assert_null(base64_decode(&arena, rows[at], &size));
        assert_int_equal(size, 99);
    }
    arena_free(&arena);
}

static void a_part_of_a_url_is_escaped(void **state)
{
    (void)state;
    struct arena arena = {0};
    assert_string_equal(percent_encode(&arena, "aZ0-._~ /+%:\xC3\xA4\x01", NULL),
                        "aZ0-._~%20%2F%2B%25%3A%C3%A4%01");
    assert_string_equal(percent_encode(&arena, "a/b c", "/"), "a/b%20c");
    assert_string_equal(percent_decode(&arena, "a%2fB%20%C3%A4+"), "a/B \xC3\xA4+");
    static const char *const refused[] = {"%", "a%2", "%zz", "%00", "%%41"};
    for (size_t at = 0; at < COUNT_OF(refused); at++) {
        assert_null(percent_decode(&arena, refused[at]));
    }
    arena_free(&arena);
}

static void a_url_has_parts(void **state)
{
    (void)state;
    static const struct {
        const char *text, *scheme, *authority, *host;
        int port;
        const char *path, *query;
    } rows[] = {
        {"https://git.example/a/b.git", "https", "git.example", "git.example", 443, "/a/b.git",
         NULL},
        {"HTTP://Git.Example:8080", "http", "git.example:8080", "git.example", 8080, "", NULL},
        {"http://[2001:DB8::1]:81/x?y=1/2?3", "http", "[2001:db8::1]:81", "[2001:db8::1]", 81, "/x",
         "y=1/2?3"},
        {"https://h?", "https", "h", "h", 443, "", ""},
        {"https://h/a%2e/...", "https", "h", "h", 443, "/a%2e/...", NULL},
        {"http://10.0.0.255/", "http", "10.0.0.255", "10.0.0.255", 80, "/", NULL},
        {"http://1.2.3.4.v5:1/", "http", "1.2.3.4.v5:1", "1.2.3.4.v5", 1, "/", NULL},
        {"http://10a/", "http", "10a", "10a", 80, "/", NULL},
    };
    struct arena arena = {0};
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct url url = {0};
        struct error error = {0};
        assert_true(result_is_ok(url_parse(&arena, rows[at].text, &url, &error)));
        assert_string_equal(url.scheme, rows[at].scheme);
        assert_string_equal(url.authority, rows[at].authority);
        assert_string_equal(url.host, rows[at].host);
        assert_int_equal(url.port, rows[at].port);
        assert_string_equal(url.path, rows[at].path);
        assert_true(text_equal(url.query, rows[at].query));
    }
    arena_free(&arena);
}

#define ADDRESS_MESSAGE                                                                            \
    "has an address that not everybody reads alike: write four numbers from 0 to 255, or IPv6 in " \
    "its shortest form"

static void a_url_that_two_readers_would_read_differently_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *message;
    } rows[] = {
        {"", "does not begin with https:// or http://"},
        {"git.example/a", "does not begin with https:// or http://"},
        {"ssh://git.example/a", "does not begin with https:// or http://"},
        {"https:/git.example/a", "does not begin with https:// or http://"},
        {"https://", "has no host: write https://HOST/PATH"},
        {"https:///a", "has no host: write https://HOST/PATH"},
        {"https://-h/", "has no host: write https://HOST/PATH"},
        {"https://h%2e/", "has no host: write https://HOST/PATH"},
        {"https://[::1/", "has no host: write https://HOST/PATH"},
        {"https://[]/", "has no host: write https://HOST/PATH"},
        {"https://[::1]x/", "has no host: write https://HOST/PATH"},
        {"http://10/", ADDRESS_MESSAGE},
        {"http://127.1/", ADDRESS_MESSAGE},
        {"http://0x7f.0.0.0x1/", ADDRESS_MESSAGE},
        {"http://0177.0.0.1/", ADDRESS_MESSAGE},
        {"http://127.0.0.1./", ADDRESS_MESSAGE},
        {"http://127.0.0.256/", ADDRESS_MESSAGE},
        {"http://a.b.1/", ADDRESS_MESSAGE},
        {"http://[0:0::1]/", ADDRESS_MESSAGE},
        {"http://[::127.0.0.1.1]/", ADDRESS_MESSAGE},
        {"https://u:p@h/", "has a user before \"@\": put user and password into the Secret"},
        {"https://h:0/", "has a port that is none of 1 to 65535"},
        {"https://h:/", "has a port that is none of 1 to 65535"},
        {"https://h:65536/", "has a port that is none of 1 to 65535"},
        {"https://h:-1/", "has a port that is none of 1 to 65535"},
        {"https://h:80:80/", "has a port that is none of 1 to 65535"},
        {"https://h/a b", "has a character that stands in no URL: write it as %XX"},
        {"https://h/\r\nx: y", "has a character that stands in no URL: write it as %XX"},
        {"https://h\\@evil/", "has a character that stands in no URL: write it as %XX"},
        {"https://h/\xC3\xA4", "has a character that stands in no URL: write it as %XX"},
        {"https://h/#a", "has a \"#\": leave it out, or write it as %23"},
        {"https://h/a/../b", "has \".\" or \"..\" in its path: write where that leads"},
        {"https://h/a/.", "has \".\" or \"..\" in its path: write where that leads"},
        {"https://h/%2e%2E/b", "has \".\" or \"..\" in its path: write where that leads"},
    };
    struct arena arena = {0};
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct url url = {0};
        struct error error = {0};
        assert_int_equal(url_parse(&arena, rows[at].text, &url, &error).kind, ERROR_INVALID);
        assert_string_equal(error.message, rows[at].message);
        assert_null(url.host);
    }
    char *wide = arena_allocate(&arena, URL_LIMIT + 2, 1);
    memset(wide, 'a', URL_LIMIT + 1);
    struct url url = {0};
    struct error error = {0};
    assert_int_equal(url_parse(&arena, wide, &url, &error).kind, ERROR_INVALID);
    assert_string_equal(error.message, "is longer than 4096 bytes");
    arena_free(&arena);
}

static void a_reference_is_resolved_as_a_browser_would(void **state)
{
    (void)state;
    static const struct {
        const char *reference;
        const char *path; /* NULL: it is refused */
        const char *query;
        bool same_origin;
    } rows[] = {
        {"/v2/x?last=a", "/v2/x", "last=a", true}, {"https://H/v2/y", "/v2/y", NULL, true},
        {"https://h:443/", "/", NULL, true},       {"http://h/v2", "/v2", NULL, false},
        {"https://other/v2", "/v2", NULL, false},  {"//other/v2", "/v2", NULL, false},
        {"?last=b", "/a/b", "last=b", true},       {"", "/a/b", "n=2", true},
        {"list?n=1", "/a/list", "n=1", true},      {"../x", NULL, NULL, false},
        {"/v2/../x", NULL, NULL, false},           {"ftp://h/x", NULL, NULL, false},
        {"javascript:x", NULL, NULL, false},       {"/a b", NULL, NULL, false},
    };
    struct arena arena = {0};
    struct url base;
    assert_true(result_is_ok(url_parse(&arena, "https://h/a/b?n=2", &base, NULL)));
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct url url = {0};
        struct error error = {0};
        struct result result = url_resolve(&arena, &base, rows[at].reference, &url, &error);
        assert_int_equal(result_is_ok(result), rows[at].path != NULL);
        if (result_is_ok(result)) {
            assert_string_equal(url.path, rows[at].path);
            assert_true(text_equal(url.query, rows[at].query));
            assert_int_equal(url_same_origin(&base, &url), rows[at].same_origin);
        }
    }
    assert_string_equal(url_print(&arena, &base, "/x"), "https://h/x");
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base64_goes_there_and_back),
        cmocka_unit_test(what_is_not_base64_is_refused),
        cmocka_unit_test(a_part_of_a_url_is_escaped),
        cmocka_unit_test(a_url_has_parts),
        cmocka_unit_test(a_url_that_two_readers_would_read_differently_is_refused),
        cmocka_unit_test(a_reference_is_resolved_as_a_browser_would),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
