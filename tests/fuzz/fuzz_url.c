/*
 * A URL that passes is read by curl as it is read here: the same scheme, host, port, path and
 * query; what a reference beside it names has the same origin for both. What egress lets through
 * leads to a Service of the namespace or to a host that is named, and to no other one. Input: a
 * URL, what is allowed, and a reference, with a NUL between each two.
 */

#include "fuzz/fuzz.h"

#include "core/text.h"
#include "core/url.h"
#include "kube/egress.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <strings.h>

#define NAMESPACE "team"
#define OWN       "." NAMESPACE ".svc"

/* As io/fetch has curl read it. */
static const unsigned flags = CURLU_PATH_AS_IS;

static char *get_part(CURLU *handle, CURLUPart part, unsigned how)
{
    char *text = NULL;
    CURLUcode code = curl_url_get(handle, part, &text, how);
    REQUIRE(code == CURLUE_OK || code == CURLUE_NO_QUERY);
    return text;
}

static void require_part(CURLU *handle, CURLUPart part, unsigned how, const char *expected)
{
    char *text = get_part(handle, part, how);
    REQUIRE(text_equal(text_or(text, ""), expected));
    curl_free(text);
}

/* The security of egress: both connect to the same place. */
static void require_same_origin(CURLU *handle, const struct url *url)
{
    enum { PORT_SIZE = 8 };
    char port[PORT_SIZE];
    (void)snprintf(port, sizeof(port), "%d", url->port);
    require_part(handle, CURLUPART_SCHEME, 0, url->scheme);
    require_part(handle, CURLUPART_PORT, CURLU_DEFAULT_PORT, port);
    char *host = get_part(handle, CURLUPART_HOST, 0);
    REQUIRE(strcasecmp(host, url->host) == 0); /* curl keeps the case */
    curl_free(host);
}

static void require_curl_reads(const struct url *url, const char *text)
{
    CURLU *handle = curl_url();
    REQUIRE(curl_url_set(handle, CURLUPART_URL, text, flags) == CURLUE_OK);
    require_same_origin(handle, url);
    require_part(handle, CURLUPART_PATH, 0, url->path[0] ? url->path : "/");
    require_part(handle, CURLUPART_QUERY, 0, text_or(url->query, ""));
    curl_url_cleanup(handle);
}

static const char *print(struct arena *arena, const struct url *url)
{
    const char *path = url_print(arena, url, url->path);
    return url->query ? arena_print(arena, "%s?%s", path, url->query) : path;
}

/* What is printed is read as the same again. */
static void require_stable(struct arena *arena, const struct url *url)
{
    struct url again;
    REQUIRE(result_is_ok(url_parse(arena, print(arena, url), &again, NULL)));
    REQUIRE(text_equal(print(arena, &again), print(arena, url)));
    REQUIRE(url_same_origin(url, &again));
}

static void require_resolved(struct arena *arena, const struct url *base, const char *reference)
{
    struct url url;
    struct error error = {0};
    if (!result_is_ok(url_resolve(arena, base, reference, &url, &error))) {
        fuzz_require_message(&error);
        return;
    }
    CURLU *handle = curl_url();
    REQUIRE(curl_url_set(handle, CURLUPART_URL, print(arena, base), flags) == CURLUE_OK);
    REQUIRE(curl_url_set(handle, CURLUPART_URL, reference, flags) == CURLUE_OK);
    require_same_origin(handle, &url);
    if (reference[0] == '\0') { /* curl takes it for "." */
        REQUIRE(text_equal(print(arena, &url), print(arena, base)));
    }
    curl_url_cleanup(handle);
}

/* By another way than egress: cut into words first. */
static bool is_named(const char *allowed, const char *host)
{
    bool is_found = false;
    char *rest = memory_copy_text(allowed);
    char *state = NULL;
    for (char *word = strtok_r(rest, ", ", &state); word; word = strtok_r(NULL, ", ", &state)) {
        is_found = is_found || strcmp(word, host) == 0 ||
                   (strlen(word) > 2 && strncmp(word, "*.", 2) == 0 &&
                    text_ends_with(host, word + 1));
    }
    (void)memory_free(rest);
    return is_found;
}

static void require_service(const struct url *written, const struct url *asked)
{
    size_t label = strcspn(asked->host, ".");
    REQUIRE(text_equal(asked->host + label, OWN));
    REQUIRE(strncmp(asked->host, written->host, label) == 0);
    const char *rest = written->host + label;
    REQUIRE(rest[0] == '\0' || text_equal(rest, OWN) || text_equal(rest, OWN ".cluster.local"));
}

static void judge_egress(struct arena *arena, const struct url *url, const char *text,
                         const char *allowed)
{
    struct egress_target target;
    struct error error = {0};
    struct url asked;
    if (!result_is_ok(egress_judge(arena, text, NAMESPACE, allowed, &target, &error))) {
        fuzz_require_message(&error);
        REQUIRE(!is_named(allowed, url->host));
        return;
    }
    REQUIRE(result_is_ok(url_parse(arena, target.url, &asked, NULL)));
    require_curl_reads(&asked, target.url);
    REQUIRE(text_equal(target.host, url->authority));
    REQUIRE(text_equal(asked.path, url->path) && text_equal(asked.query, url->query));
    REQUIRE(text_equal(asked.scheme, url->scheme) && asked.port == url->port);
    if (target.is_service) {
        require_service(url, &asked);
    } else {
        REQUIRE(text_equal(asked.host, url->host) && is_named(allowed, url->host));
    }
    /* A Secret goes nowhere without a word, and in the clear only by one that says so. */
    REQUIRE(!result_is_ok(egress_judge_secret(arena, &target, "s", "", &error)));
    fuzz_require_message(&error);
    if (text_equal(asked.scheme, "http") && !strstr(allowed, "http://")) {
        REQUIRE(!result_is_ok(egress_judge_secret(arena, &target, "s", allowed, &error)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct fuzz_input input = {bytes, size};
    char *text = fuzz_copy_text(fuzz_take_part(&input));
    char *allowed = fuzz_copy_text(fuzz_take_part(&input));
    char *reference = fuzz_copy_text(fuzz_take_part(&input));
    struct arena arena = {0};
    struct url url;
    struct error error = {0};
    if (!result_is_ok(url_parse(&arena, text, &url, &error))) {
        fuzz_require_message(&error);
        /* No message has both, so it would be the password that stands in it. */
        bool has_user = text_starts_with(text, "http") && strchr(text, '@');
        REQUIRE(!has_user || !strstr(error.message, text));
    } else {
        require_curl_reads(&url, text);
        require_stable(&arena, &url);
        judge_egress(&arena, &url, text, allowed);
        require_resolved(&arena, &url, reference);
    }
    arena_free(&arena);
    (void)memory_free(text);
    (void)memory_free(allowed);
    (void)memory_free(reference);
    return 0;
}
