/*
 * A pattern matches what the plain way, which tries everything, says that it matches. Input: the
 * pattern, a NUL, the text; cut to lengths that the plain way can do.
 */

#include "fuzz/fuzz.h"

#include "source/glob.h"

enum { PATTERN_MAXIMUM = 10, TEXT_MAXIMUM = 16 };

static size_t character_size(const char *text)
{
    size_t size = 1;
    while (((unsigned char)text[size] & 0xC0U) == 0x80U) {
        size++;
    }
    return size;
}

static bool matches_slowly(const char *pattern, const char *start, const char *text)
{
    if (*pattern == '\0') {
        return *text == '\0';
    }
    if (*pattern == '*') {
        size_t stars = strspn(pattern, "*");
        const char *rest = pattern + stars;
        bool begins_folder = pattern == start || pattern[-1] == '/';
        if (stars > 1 && *rest == '/' && begins_folder && matches_slowly(rest + 1, start, text)) {
            return true;
        }
        for (const char *at = text;; at++) {
            if (matches_slowly(rest, start, at)) {
                return true;
            }
            if (*at == '\0' || (stars == 1 && *at == '/')) {
                return false;
            }
        }
    }
    if (*pattern == '?') {
        bool begins = *text != '\0' && *text != '/' && ((unsigned char)*text & 0xC0U) != 0x80U;
        /* What follows of a character may be left to what follows in the pattern. */
        for (size_t size = begins ? character_size(text) : 0; size > 0; size--) {
            if (matches_slowly(pattern + 1, start, text + size)) {
                return true;
            }
        }
        return false;
    }
    pattern += *pattern == '\\' ? 1 : 0;
    return *pattern == *text && matches_slowly(pattern + 1, start, text + 1);
}

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
        REQUIRE(glob_matches(glob, text, strlen(text)) == matches_slowly(pattern, pattern, text));
    } else {
        fuzz_require_message(&error);
    }
    arena_free(&arena);
    (void)memory_free(pattern);
    (void)memory_free(text);
    return 0;
}
