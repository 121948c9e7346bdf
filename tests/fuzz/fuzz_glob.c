/*
 * A pattern matches what the plain way, which tries everything, says that it matches. Input: the
 * pattern, a NUL, the text; cut to lengths that the plain way can do.
 */

#include "fuzz/fuzz.h"

#include "source/glob.h"
#include "support/glob_slow.h"

enum { PATTERN_MAXIMUM = 10, TEXT_MAXIMUM = 16 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct fuzz_input input = {bytes, size};
    struct fuzz_input first = fuzz_take_part(&input);
    first.size = first.size < PATTERN_MAXIMUM ? first.size : PATTERN_MAXIMUM;
    input.size = input.size < TEXT_MAXIMUM ? input.size : TEXT_MAXIMUM;
    char *pattern = fuzz_copy_text(first);
    char *text = fuzz_copy_text(input);
    struct arena arena = {0};
    struct error error = {0};
    const struct glob *glob = NULL;
    if (result_is_ok(glob_compile(&arena, pattern, &glob, &error))) {
        REQUIRE(glob_matches(glob, text, strlen(text)) == glob_matches_slowly(pattern, text));
    } else {
        fuzz_require_message(&error);
    }
    arena_free(&arena);
    (void)memory_free(pattern);
    (void)memory_free(text);
    return 0;
}
