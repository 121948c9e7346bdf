#include "support/glob_slow.h"

#include <stddef.h>
#include <string.h>

static size_t character_size(const char *text)
{
    size_t size = 1;
    while (((unsigned char)text[size] & 0xC0U) == 0x80U) {
        size++;
    }
    return size;
}

static bool matches(const char *pattern, const char *start, const char *text)
{
    if (*pattern == '\0') {
        return *text == '\0';
    }
    if (*pattern == '*') {
        size_t stars = strspn(pattern, "*");
        const char *rest = pattern + stars;
        bool begins_folder = pattern == start || pattern[-1] == '/';
        if (stars > 1 && *rest == '/' && begins_folder && matches(rest + 1, start, text)) {
            return true;
        }
        for (const char *at = text;; at++) {
            if (matches(rest, start, at)) {
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
            if (matches(pattern + 1, start, text + size)) {
                return true;
            }
        }
        return false;
    }
    pattern += *pattern == '\\' ? 1 : 0;
    return *pattern == *text && matches(pattern + 1, start, text + 1);
}

bool glob_matches_slowly(const char *pattern, const char *text)
{
    return matches(pattern, pattern, text);
}
