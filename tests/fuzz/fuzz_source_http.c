/*
 * Whatever a web server answers, two requests are enough for a finding that can be kept or an error
 * that can be shown: the same each time, by what the server says of the document before its bytes,
 * and neither holds the Secret or the address's query. Input: a letter for the status of HEAD and
 * one for that of GET, a letter for what is sent along, then ETag, Last-Modified, Content-Length
 * and Location with a NUL behind each, and the body.
 */

#include "fuzz/fuzz_source.h"

#include "core/digest.h"

enum {
    HEADERS = 4,
    REQUESTS = 2,
    LETTER_SECRET = 1,
    LETTER_HEAD_IS_BARE = 2,
    LETTER_GET_IS_BARE = 4
};

#define SIGNATURE "sig=5yPz0q"
#define TOKEN     "tok-8fGh2LmQ"

struct server {
    int statuses[REQUESTS];
    bool is_bare[REQUESTS]; /* without headers */
    struct name_value headers[HEADERS];
    struct fuzz_input body;
    bool asks_secret;
    bool tells_secret; /* by chance: then it may be shown */
};

/* The end of one conversation. */
struct outcome {
    struct arena arena;
    size_t requests;
    enum source_step step;
    struct source_finding finding;
    struct error error;
};

static void require_same_document(const struct source_request *request, size_t at)
{
    REQUIRE(text_equal(request->method, at == 0 ? "HEAD" : "GET"));
    REQUIRE(text_equal(request->url, "https://data.example/d/x?" SIGNATURE));
    REQUIRE(!request->body);
}

static void converse(const struct server *server, struct outcome *outcome)
{
    static const struct name_value items[] = {{"token", TOKEN}};
    static const struct source_secret secret = {items, COUNT_OF(items)};
    struct trigger trigger = {.spec.http = {.url = "https://Data.example/d/x?" SIGNATURE,
                                            .secret_name = server->asks_secret ? "s" : NULL}};
    struct fuzz_talk checks = {0};
    struct source_request request;
    *outcome = (struct outcome){0};
    struct source_talk *talk = source_begin(
        &outcome->arena, &trigger, server->asks_secret ? &secret : NULL, 0, &outcome->error);
    REQUIRE(talk);
    outcome->step = source_next(talk, NULL, &request, &outcome->finding, &outcome->error);
    for (; outcome->step == SOURCE_ASK; outcome->requests++) {
        size_t at = outcome->requests;
        REQUIRE(at < REQUESTS);
        fuzz_require_request(&checks, &request);
        REQUIRE(request.carries_secret == server->asks_secret);
        require_same_document(&request, at);
        char *copy = fuzz_copy_bytes(server->body);
        const struct source_answer answer = {.status = server->statuses[at],
                                             .headers = server->headers,
                                             .header_count = server->is_bare[at] ? 0 : HEADERS,
                                             .body = at == 0 ? "" : copy,
                                             .body_size = at == 0 ? 0 : server->body.size};
        outcome->step = source_next(talk, &answer, &request, &outcome->finding, &outcome->error);
        (void)memory_free(copy);
    }
    arena_free(&checks.arena);
}

static const char *value_of(const struct source_finding *finding, const char *name)
{
    for (size_t at = 0; at < finding->value_count; at++) {
        if (text_equal(finding->values[at].name, name)) {
            return finding->values[at].value;
        }
    }
    return NULL;
}

static bool is_printable(const char *text)
{
    const char *at = text;
    while (*at >= ' ' && *at <= '~') {
        at++;
    }
    return *text && !*at;
}

/* Whether `prefix` is what the revision must be made from. */
static void require_revision_from(const struct outcome *outcome, const char *prefix,
                                  const char *value)
{
    struct arena arena = {0};
    char hex[DIGEST_HEX_SIZE];
    digest_bytes(value, strlen(value), hex);
    const char *plain = arena_print(&arena, "%s:%s", prefix, value);
    const char *shortened = arena_print(&arena, "%s-sha256:%s", prefix, hex);
    REQUIRE(text_equal(outcome->finding.revision,
                       strlen(plain) <= SOURCE_REVISION_LIMIT ? plain : shortened));
    arena_free(&arena);
}

static void require_found(const struct server *server, const struct outcome *outcome)
{
    size_t last = outcome->requests - 1;
    const char *etag = server->is_bare[last] ? "" : server->headers[0].value;
    const char *modified = server->is_bare[last] ? "" : server->headers[1].value;
    char hex[DIGEST_HEX_SIZE];
    digest_bytes(server->body.size > 0 ? server->body.bytes : (const uint8_t *)"",
                 server->body.size, hex);
    REQUIRE(server->statuses[last] == 200);
    if (is_printable(etag)) {
        require_revision_from(outcome, "etag", etag);
    } else if (is_printable(modified)) {
        require_revision_from(outcome, "modified", modified);
    } else {
        REQUIRE(last == 1);
        require_revision_from(outcome, "sha256", hex);
    }
    REQUIRE(text_equal(value_of(&outcome->finding, "digest"), last == 1 ? hex : NULL));
}

/* Of an answer without a success the last one decides; of HEAD only what GET could not mend. */
static void require_end(const struct server *server, const struct outcome *outcome)
{
    REQUIRE(outcome->requests >= 1);
    int status = server->statuses[outcome->requests - 1];
    if (outcome->step == SOURCE_FAILED) {
        fuzz_require_message(&outcome->error);
        REQUIRE(status != 200 && (outcome->requests == 2 || status >= 300));
        return;
    }
    fuzz_require_finding(&outcome->finding);
    if (outcome->finding.verdict == SOURCE_FOUND) {
        require_found(server, outcome);
    } else {
        REQUIRE(outcome->finding.verdict == SOURCE_ABSENT && outcome->requests == 2);
        REQUIRE(status == 404 || status == 410);
    }
}

static void require_silence(const struct outcome *outcome)
{
    static const char *const secrets[] = {TOKEN, SIGNATURE};
    for (size_t at = 0; at < COUNT_OF(secrets); at++) {
        REQUIRE(!strstr(outcome->error.message, secrets[at]));
        REQUIRE(!outcome->finding.summary || !strstr(outcome->finding.summary, secrets[at]));
        REQUIRE(!outcome->finding.revision || !strstr(outcome->finding.revision, secrets[at]));
    }
}

static bool holds(const uint8_t *bytes, size_t size, const char *text)
{
    return size > 0 && memmem(bytes, size, text, strlen(text)) != NULL;
}

static void play(const struct server *server)
{
    struct outcome one;
    struct outcome two;
    converse(server, &one);
    converse(server, &two);
    REQUIRE(one.step == two.step && one.requests == two.requests);
    REQUIRE(text_equal(one.finding.revision, two.finding.revision));
    REQUIRE(text_equal(one.finding.summary, two.finding.summary));
    require_end(server, &one);
    if (!server->tells_secret) {
        require_silence(&one);
    }
    arena_free(&one.arena);
    arena_free(&two.arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const char *const names[HEADERS] = {"etag", "last-modified", "content-length",
                                               "location"};
    static const int statuses[] = {200, 204, 301, 304, 401, 403, 404, 405, 410, 418, 429, 500, 501};
    struct fuzz_input input = {bytes, size};
    struct server server = {.tells_secret = holds(bytes, size, TOKEN) ||
                                            holds(bytes, size, SIGNATURE)};
    for (size_t at = 0; at < REQUESTS; at++) {
        server.statuses[at] =
            statuses[(uint8_t)(fuzz_take_byte(&input) - 'a') % COUNT_OF(statuses)];
    }
    unsigned along = (uint8_t)(fuzz_take_byte(&input) - 'a');
    server.asks_secret = (along & LETTER_SECRET) != 0;
    server.is_bare[0] = (along & LETTER_HEAD_IS_BARE) != 0;
    server.is_bare[1] = (along & LETTER_GET_IS_BARE) != 0;
    char *values[HEADERS];
    for (size_t at = 0; at < HEADERS; at++) {
        values[at] = fuzz_copy_text(fuzz_take_part(&input));
        server.headers[at] = (struct name_value){names[at], values[at]};
    }
    server.body = input;
    play(&server);
    for (size_t at = 0; at < HEADERS; at++) {
        (void)memory_free(values[at]);
    }
    return 0;
}
