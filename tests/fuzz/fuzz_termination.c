/*
 * Termination messages of users' steps and of our helpers are read or refused with a message.
 * Input: 'r' for results, else a report; the message.
 */

#include "fuzz/fuzz.h"

#include "api/codec.h"

static void require_sorted(const struct name_value *items, size_t count)
{
    for (size_t at = 0; at < count; at++) {
        REQUIRE(items[at].name && items[at].value);
        REQUIRE(at == 0 || strcmp(items[at - 1].name, items[at].name) < 0);
    }
}

static void read_results(struct arena *arena, const char *json)
{
    struct error error = {0};
    struct text_map results = {0};
    if (!result_is_ok(codec_decode_results(arena, json, &results, &error))) {
        fuzz_require_message(&error);
        return;
    }
    require_sorted(results.items, results.count);
}

static void read_report(struct arena *arena, const char *json)
{
    struct error error = {0};
    struct artifact_report report = {0};
    if (!result_is_ok(codec_decode_artifact_report(arena, json, &report, &error))) {
        fuzz_require_message(&error);
        return;
    }
    require_sorted(report.digests, report.digest_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct fuzz_input input = {bytes, size};
    bool results = fuzz_take_byte(&input) == 'r';
    char *json = fuzz_copy_text(input);
    struct arena arena = {0};
    if (results) {
        read_results(&arena, json);
    } else {
        read_report(&arena, json);
    }
    arena_free(&arena);
    (void)memory_free(json);
    return 0;
}
