#include "support/source_talk.h"

#include "core/assert.h"
#include "core/memory.h"
#include "core/text.h"
#include "core/url.h"

#include <string.h>

enum { HEADERS_MAXIMUM = 64 };

static const int64_t now = 1700000000;

static char *copy_block(const char *bytes, size_t size)
{
    char *copy = memory_allocate(1, size);
    if (size > 0) {
        memcpy(copy, bytes, size);
    }
    return copy;
}

static char *copy_text(const char *text, size_t size)
{
    char *copy = memory_allocate(1, size + 1);
    memcpy(copy, text, size);
    return copy;
}

static size_t split_headers(const char *text, struct name_value *headers)
{
    size_t count = 0;
    for (; text && *text; text += *text == '\n' ? 1 : 0) {
        REQUIRE(count < HEADERS_MAXIMUM);
        size_t name = strcspn(text, ":");
        size_t line = strcspn(text, "\n");
        REQUIRE(name + 2 <= line);
        headers[count].name = copy_text(text, name);
        headers[count++].value = copy_text(text + name + 2, line - name - 2);
        text += line;
    }
    return count;
}

static void require_printable(const char *text, size_t limit)
{
    REQUIRE(text && strlen(text) <= limit);
    for (const char *at = text; *at; at++) {
        REQUIRE((*at >= ' ' && *at <= '~') || *at == '\t');
    }
}

static void require_request(struct arena *arena, const struct source_request *request)
{
    struct url url;
    struct error error = {0};
    REQUIRE(text_equal(request->method, "GET") || text_equal(request->method, "HEAD") ||
            text_equal(request->method, "POST"));
    REQUIRE(result_is_ok(url_parse(arena, request->url, &url, &error)));
    REQUIRE(request->answer_limit > 0 && request->answer_limit <= SOURCE_ANSWER_LIMIT);
    REQUIRE(request->body || request->body_size == 0);
    for (size_t at = 0; at < request->header_count; at++) {
        require_printable(request->headers[at].name, SOURCE_VALUE_LIMIT);
        require_printable(request->headers[at].value, SOURCE_ANSWER_LIMIT);
    }
}

static const char *print_request(struct arena *arena, const struct source_request *request)
{
    char *text = arena_print(arena, "%s %s%s\n", request->method, request->url,
                             request->carries_secret ? " (secret)" : "");
    for (size_t at = 0; at < request->header_count; at++) {
        text = arena_print(arena, "%s%s: %s\n", text, request->headers[at].name,
                           request->headers[at].value);
    }
    return request->body
               ? arena_print(arena, "%s\n%.*s\n", text, (int)request->body_size, request->body)
               : text;
}

static const char *print_finding(struct arena *arena, const struct source_finding *finding)
{
    require_printable(finding->summary, SOURCE_SUMMARY_LIMIT);
    if (finding->verdict != SOURCE_FOUND) {
        REQUIRE((!finding->revision || finding->quiet) && finding->value_count == 0);
        return arena_print(arena, "%s %s", finding->verdict == SOURCE_ABSENT ? "ABSENT" : "NOT_YET",
                           finding->summary);
    }
    require_printable(finding->revision, SOURCE_REVISION_LIMIT);
    require_printable(text_or(finding->news, ""), SOURCE_SUMMARY_LIMIT);
    require_printable(text_or(finding->mark, ""), SOURCE_MARK_LIMIT);
    REQUIRE(finding->revision[0] != '\0' && finding->value_count <= SOURCE_VALUES_LIMIT);
    char *text = arena_print(arena, "FOUND %s%s | %s |", finding->revision,
                             finding->quiet ? " (quiet)" : "", finding->summary);
    for (size_t at = 0; at < finding->value_count; at++) {
        REQUIRE(strlen(finding->values[at].value) <= SOURCE_VALUE_LIMIT);
        text = arena_print(arena, "%s %s=%s", text, finding->values[at].name,
                           finding->values[at].value);
    }
    return text;
}

/* One answer, alive no longer than the call. */
static enum source_step give(struct source_talk *talk, const struct talk_answer *from,
                             struct source_request *request, struct source_finding *finding,
                             struct error *error)
{
    struct name_value headers[HEADERS_MAXIMUM];
    struct source_answer answer = {.status = from->status,
                                   .headers = headers,
                                   .header_count = split_headers(from->headers, headers),
                                   .body = copy_block(from->body, from->body_size),
                                   .body_size = from->body_size};
    enum source_step step = source_next(talk, &answer, request, finding, error);
    for (size_t at = 0; at < answer.header_count; at++) {
        (void)memory_free((char *)(uintptr_t)headers[at].name);
        (void)memory_free((char *)(uintptr_t)headers[at].value);
    }
    (void)memory_free((char *)(uintptr_t)answer.body);
    return step;
}

struct talk_record talk_play(struct arena *arena, const struct trigger *trigger,
                             const struct source_secret *secret, const struct talk_answer *answers,
                             size_t count)
{
    struct talk_record record = {.asked = ""};
    struct error error = {0};
    struct source_request request = {0};
    struct source_finding finding = {0};
    struct source_talk *talk = source_begin(arena, trigger, secret, now, &error);
    if (!talk) {
        REQUIRE(error.kind == ERROR_INVALID);
        record.outcome = arena_print(arena, "REFUSED %s", error.message);
        return record;
    }
    enum source_step step = source_next(talk, NULL, &request, &finding, &error);
    for (size_t at = 0; step == SOURCE_ASK; at++) {
        require_request(arena, &request);
        record.asked = arena_print(arena, "%s%s%s", record.asked, at > 0 ? "--\n" : "",
                                   print_request(arena, &request));
        if (at == count) {
            record.outcome = "ASKS MORE";
            return record;
        }
        step = give(talk, &answers[at], &request, &finding, &error);
    }
    record.finding = finding;
    record.outcome = step == SOURCE_DONE ? print_finding(arena, &finding)
                                         : arena_print(arena, "FAILED %s: %s",
                                                       error_kind_name(error.kind), error.message);
    return record;
}
