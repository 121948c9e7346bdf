/*
 * Whatever an S3 server lists gives a finding or a reason, the same each time, and memory is
 * bounded by the bytes that came; so does whatever stands in the status as the mark of the firing
 * before. By the mark that a listing leaves, nothing of it is new. Input: pages with a NUL between;
 * one that begins with "!" comes with status 403, without it; one that begins with "#" is the mark.
 */

#include "fuzz/fuzz.h"

#include "core/text.h"
#include "source/source.h"

enum { PAGES = 8, ALLOWED_BYTES = 512 * 1024 };

static enum source_step list(struct arena *arena, struct fuzz_input input, const char *mark,
                             struct source_finding *finding, struct error *error)
{
    struct source_request request = {0};
    const struct trigger trigger = {.spec.bucket = {.endpoint = "http://s3:9000",
                                                    .bucket = "data",
                                                    .prefix = "d/",
                                                    .pattern = "**/*.csv"},
                                    .status.observed_mark = mark};
    struct source_talk *talk = source_begin(arena, &trigger, NULL, 0, error);
    enum source_step step = source_next(talk, NULL, &request, finding, error);
    for (size_t at = 0; at < PAGES && step == SOURCE_ASK; at++) {
        struct fuzz_input part = fuzz_take_part(&input);
        bool is_refusal = part.size > 0 && part.bytes[0] == '!';
        part.bytes += is_refusal ? 1 : 0;
        part.size -= is_refusal ? 1 : 0;
        char *body = fuzz_copy_bytes(part);
        const struct source_answer answer = {
            .status = is_refusal ? 403 : 200, .body = body, .body_size = part.size};
        step = source_next(talk, &answer, &request, finding, error);
        (void)memory_free(body);
    }
    return step;
}

/* NULL: it does not begin with one. */
static const char *take_mark(struct arena *arena, struct fuzz_input *input)
{
    if (input->size == 0 || input->bytes[0] != '#') {
        return NULL;
    }
    struct fuzz_input part = fuzz_take_part(input);
    return arena_copy_bytes(arena, (const char *)part.bytes + 1, part.size - 1);
}

static void check_finding(const struct source_finding *finding)
{
    REQUIRE(finding->summary && strlen(finding->summary) <= SOURCE_SUMMARY_LIMIT);
    REQUIRE((finding->verdict == SOURCE_FOUND) == (finding->revision != NULL));
    REQUIRE((finding->verdict == SOURCE_FOUND) == (finding->mark != NULL));
    REQUIRE(!finding->mark || strlen(finding->mark) <= SOURCE_MARK_LIMIT);
    REQUIRE(!finding->news || strlen(finding->news) <= SOURCE_SUMMARY_LIMIT);
    for (size_t at = 0; at < finding->value_count; at++) {
        REQUIRE(strlen(finding->values[at].value) <= SOURCE_VALUE_LIMIT);
    }
}

static void check_nothing_is_new(struct fuzz_input input, const char *mark)
{
    struct arena arena = {0};
    struct source_finding finding = {0};
    REQUIRE(list(&arena, input, mark, &finding, NULL) == SOURCE_DONE);
    for (size_t at = 0; at < finding.value_count; at++) {
        REQUIRE(!text_equal(finding.values[at].name, "new-count") ||
                text_equal(finding.values[at].value, "0"));
    }
    REQUIRE(text_equal(finding.mark, mark));
    arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct fuzz_input input = {bytes, size};
    struct arena first = {0};
    struct arena second = {0};
    struct error error = {0};
    struct source_finding one = {0};
    struct source_finding two = {0};
    const char *mark = take_mark(&second, &input);
    enum source_step step = list(&first, input, mark, &one, &error);
    REQUIRE(list(&second, input, mark, &two, &error) == step);
    REQUIRE(first.used < ALLOWED_BYTES);
    if (step == SOURCE_DONE) {
        check_finding(&one);
        REQUIRE(text_equal(one.revision, two.revision) && text_equal(one.summary, two.summary));
        REQUIRE(text_equal(one.news, two.news) && text_equal(one.mark, two.mark));
        if (one.mark) {
            check_nothing_is_new(input, one.mark);
        }
    } else if (step == SOURCE_FAILED) {
        fuzz_require_message(&error);
    }
    arena_free(&first);
    arena_free(&second);
    return 0;
}
