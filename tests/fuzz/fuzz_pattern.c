/*
 * A parameter's pattern that we are willing to run is run in bounded time over any value. Input:
 * the pattern, a NUL, the value; cut to the lengths that the CRD allows.
 */

#include "fuzz/fuzz.h"

#include "plan/pattern.h"

#include <time.h>

enum { PATTERN_MAXIMUM = 256, VALUE_MAXIMUM = 4096, BUDGET_MS = 3000 };

static int64_t cpu_ms(void)
{
    struct timespec now;
    REQUIRE(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct fuzz_input input = {bytes, size};
    struct fuzz_input first = fuzz_take_part(&input);
    first.size = first.size < PATTERN_MAXIMUM ? first.size : PATTERN_MAXIMUM;
    input.size = input.size < VALUE_MAXIMUM ? input.size : VALUE_MAXIMUM;
    char *pattern = fuzz_copy_text(first);
    char *value = fuzz_copy_text(input);
    struct arena arena = {0};
    int64_t start = cpu_ms();
    if (!pattern_fault(&arena, pattern)) {
        (void)pattern_matches(&arena, pattern, value);
    }
    REQUIRE(cpu_ms() - start < BUDGET_MS);
    arena_free(&arena);
    (void)memory_free(pattern);
    (void)memory_free(value);
    return 0;
}
