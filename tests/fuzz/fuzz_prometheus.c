/*
 * Whatever a Prometheus answers gives a finding or a reason, and only a number beyond the threshold
 * a breach. Input: a letter for the status of both answers, then the two bodies with a NUL between.
 */

#include "fuzz/fuzz.h"

#include "api/quantity.h"
#include "core/text.h"
#include "source/source.h"

enum { ANSWERS = 2 };

static void check_finding(const struct source_finding *finding)
{
    int order = 0;
    REQUIRE(finding->summary && strlen(finding->summary) <= SOURCE_SUMMARY_LIMIT);
    if (finding->verdict != SOURCE_FOUND) {
        REQUIRE(!finding->revision || finding->quiet);
        return;
    }
    REQUIRE(finding->value_count == 2);
    REQUIRE(decimal_compare(finding->values[0].value, finding->values[1].value, &order));
    REQUIRE(text_equal(finding->revision, order > 0 ? "breach" : "ok"));
    REQUIRE(finding->quiet == (order <= 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const int statuses[] = {200, 400, 422, 503, 401, 404, 302};
    struct fuzz_input input = {bytes, size};
    struct arena arena = {0};
    struct error error = {0};
    struct source_request request = {0};
    struct source_finding finding = {0};
    const struct trigger trigger = {
        .spec.prometheus = {.query = "a", .above = "0.5", .hold = "5m", .url = "http://p"}};
    int status = statuses[fuzz_take_byte(&input) % (sizeof(statuses) / sizeof(statuses[0]))];
    struct source_talk *talk = source_begin(&arena, &trigger, NULL, 0, &error);
    enum source_step step = source_next(talk, NULL, &request, &finding, &error);
    for (size_t at = 0; at < ANSWERS && step == SOURCE_ASK; at++) {
        struct fuzz_input part = fuzz_take_part(&input);
        char *body = fuzz_copy_bytes(part);
        const struct source_answer answer = {
            .status = status, .body = body, .body_size = part.size};
        step = source_next(talk, &answer, &request, &finding, &error);
        (void)memory_free(body);
    }
    REQUIRE(step != SOURCE_ASK);
    if (step == SOURCE_FAILED) {
        fuzz_require_message(&error);
    } else {
        check_finding(&finding);
    }
    arena_free(&arena);
    return 0;
}
