#ifndef TIDEMILL_FUZZ_FUZZ_SOURCE_H
#define TIDEMILL_FUZZ_FUZZ_SOURCE_H

/*
 * What the targets of source/ share: a conversation whose answers come from the input, and what
 * source/source.h promises of its requests and of its end.
 */

#include "fuzz/fuzz.h"

#include "core/text.h"
#include "core/url.h"
#include "source/source.h"

struct fuzz_talk {
    struct arena arena;
    struct error error;
    struct source_talk *talk; /* NULL: the spec was refused */
};

/* What stands before the next empty line; the rest stays. */
static inline struct fuzz_input fuzz_take_body(struct fuzz_input *input)
{
    static const char mark[] = "\n\n";
    const uint8_t *end = input->size > 0 ? memmem(input->bytes, input->size, mark, strlen(mark))
                                         : NULL;
    struct fuzz_input part = {input->bytes, end ? (size_t)(end - input->bytes) : input->size};
    size_t taken = part.size + (end ? strlen(mark) : 0);
    input->bytes += taken;
    input->size -= taken;
    return part;
}

/* Names and values of headers never break out of their line. */
static inline void fuzz_require_line(const char *text, size_t limit)
{
    REQUIRE(text && strlen(text) <= limit);
    for (const char *at = text; *at; at++) {
        REQUIRE((*at >= ' ' && *at <= '~') || *at == '\t');
    }
}

/* Of a source that is asked by https, with a Secret or without one. */
static inline void fuzz_require_request(struct fuzz_talk *talk,
                                        const struct source_request *request)
{
    struct url url;
    REQUIRE(result_is_ok(url_parse(&talk->arena, request->url, &url, NULL)));
    REQUIRE(!request->carries_secret || text_equal(url.scheme, "https"));
    REQUIRE(request->answer_limit > 0 && request->answer_limit <= SOURCE_ANSWER_LIMIT);
    for (size_t at = 0; at < request->header_count; at++) {
        fuzz_require_line(request->headers[at].name, SOURCE_VALUE_LIMIT);
        fuzz_require_line(request->headers[at].value, SOURCE_ANSWER_LIMIT);
        REQUIRE(request->carries_secret || !text_equal(request->headers[at].name, "authorization"));
    }
}

static inline void fuzz_require_finding(const struct source_finding *finding)
{
    fuzz_require_line(finding->summary, SOURCE_SUMMARY_LIMIT);
    if (finding->verdict == SOURCE_FOUND) {
        fuzz_require_line(finding->revision, SOURCE_REVISION_LIMIT);
        REQUIRE(finding->revision[0] != '\0');
    }
    REQUIRE(finding->value_count <= SOURCE_VALUES_LIMIT);
    for (size_t at = 0; at < finding->value_count; at++) {
        REQUIRE(finding->values[at].name && finding->values[at].value);
        REQUIRE(strlen(finding->values[at].value) <= SOURCE_VALUE_LIMIT);
    }
}

/* Whether it asks for more. */
static inline bool fuzz_talk_step(struct fuzz_talk *talk, const struct source_answer *answer)
{
    struct source_request request;
    struct source_finding finding;
    switch (source_next(talk->talk, answer, &request, &finding, &talk->error)) {
    case SOURCE_ASK:
        fuzz_require_request(talk, &request);
        return true;
    case SOURCE_DONE:
        fuzz_require_finding(&finding);
        return false;
    case SOURCE_FAILED:
    default:
        fuzz_require_message(&talk->error);
        return false;
    }
}

static inline bool fuzz_talk_begin(struct fuzz_talk *talk, const struct trigger *trigger,
                                   const struct source_secret *secret)
{
    *talk = (struct fuzz_talk){0};
    talk->talk = source_begin(&talk->arena, trigger, secret, 1700000000, &talk->error);
    if (!talk->talk) {
        fuzz_require_message(&talk->error);
        return false;
    }
    return fuzz_talk_step(talk, NULL);
}

static inline bool fuzz_talk_answer(struct fuzz_talk *talk, struct source_answer *answer,
                                    struct fuzz_input body)
{
    char *copy = fuzz_copy_bytes(body);
    answer->body = copy;
    answer->body_size = body.size;
    bool asks = fuzz_talk_step(talk, answer);
    (void)memory_free(copy);
    return asks;
}

static inline void fuzz_talk_end(struct fuzz_talk *talk)
{
    arena_free(&talk->arena);
}

#endif
