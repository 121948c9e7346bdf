/*
 * Versions have one order, whatever is compared; a range takes a version or not the same way each
 * time, or is an error with its column. Input: a range, and versions, with NULs between.
 */

#include "fuzz/fuzz.h"

#include "source/semver.h"

enum { VERSIONS_MAXIMUM = 16 };

static int sign(int order)
{
    return (order > 0) - (order < 0);
}

static void require_order(const struct semver *versions, size_t count)
{
    for (size_t a = 0; a < count; a++) {
        REQUIRE(semver_compare(&versions[a], &versions[a]) == 0);
        for (size_t b = 0; b < count; b++) {
            int order = sign(semver_compare(&versions[a], &versions[b]));
            REQUIRE(order == -sign(semver_compare(&versions[b], &versions[a])));
            for (size_t c = 0; c < count; c++) {
                bool rises = order < 0 && semver_compare(&versions[b], &versions[c]) < 0;
                REQUIRE(!rises || semver_compare(&versions[a], &versions[c]) < 0);
            }
        }
    }
}

/* "=V" takes V, and no range takes both halves of ">V" and "<=V". */
static void require_halves(struct arena *arena, const struct semver *version,
                           const struct semver *other)
{
    const char *text = arena_print(arena, "%lld.%lld.%lld%s%s", (long long)version->major,
                                   (long long)version->minor, (long long)version->patch,
                                   version->prerelease[0] ? "-" : "", version->prerelease);
    if (strlen(text) + 2 > SEMVER_LIMIT) {
        return;
    }
    const struct semver_range *range = NULL;
    REQUIRE(result_is_ok(semver_range_parse(arena, text, &range, NULL)));
    REQUIRE(semver_range_contains(range, version));
    text = arena_print(arena, ">%s", text);
    REQUIRE(result_is_ok(semver_range_parse(arena, text, &range, NULL)));
    REQUIRE(!semver_range_contains(range, version));
    REQUIRE(!semver_range_contains(range, other) || semver_compare(other, version) > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct fuzz_input input = {bytes, size};
    struct arena arena = {0};
    char *text = fuzz_copy_text(fuzz_take_part(&input));
    const struct semver_range *range = NULL;
    struct error error = {0};
    if (!result_is_ok(semver_range_parse(&arena, text, &range, &error))) {
        fuzz_require_message(&error);
        for (const char *at = error.message; *at; at++) {
            REQUIRE(*at >= ' ' && *at <= '~');
        }
        range = NULL;
    }
    struct semver versions[VERSIONS_MAXIMUM];
    size_t count = 0;
    while (input.size > 0 && count < VERSIONS_MAXIMUM) {
        char *version = fuzz_copy_text(fuzz_take_part(&input));
        count += semver_parse(&arena, version, &versions[count]) ? 1 : 0;
        (void)memory_free(version);
    }
    for (size_t at = 0; at < count; at++) {
        if (range) {
            bool is_in = semver_range_contains(range, &versions[at]);
            REQUIRE(is_in == semver_range_contains(range, &versions[at]));
        }
        require_halves(&arena, &versions[at], &versions[0]);
    }
    require_order(versions, count);
    (void)memory_free(text);
    arena_free(&arena);
    return 0;
}
