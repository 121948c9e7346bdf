#include "core/text.h"

#include <string.h>

bool text_equal(const char *a, const char *b)
{
    if (!a || !b) {
        return a == b;
    }
    return strcmp(a, b) == 0;
}

bool text_is_empty(const char *text)
{
    return !text || text[0] == '\0';
}

bool text_starts_with(const char *text, const char *prefix)
{
    return text && prefix && strncmp(text, prefix, strlen(prefix)) == 0;
}

bool text_ends_with(const char *text, const char *suffix)
{
    if (!text || !suffix) {
        return false;
    }
    size_t text_size = strlen(text);
    size_t suffix_size = strlen(suffix);
    return text_size >= suffix_size && strcmp(text + text_size - suffix_size, suffix) == 0;
}

const char *text_or(const char *text, const char *fallback)
{
    return text ? text : fallback;
}

bool text_parse_integer(const char *text, int64_t *value)
{
    if (text_is_empty(text)) {
        return false;
    }
    bool negative = text[0] == '-';
    const char *digit = text + (negative ? 1 : 0);
    if (*digit == '\0') {
        return false;
    }
    int64_t parsed = 0;
    for (; *digit != '\0'; digit++) {
        if (*digit < '0' || *digit > '9') {
            return false;
        }
        int64_t step = negative ? -(*digit - '0') : *digit - '0';
        if (__builtin_mul_overflow(parsed, 10, &parsed) ||
            __builtin_add_overflow(parsed, step, &parsed)) {
            return false;
        }
    }
    *value = parsed;
    return true;
}

int text_compare(const char *a, const char *b)
{
    if (!a || !b) {
        return (a != NULL) - (b != NULL);
    }
    return strcmp(a, b);
}

bool text_is_ascii(const char *text, size_t size)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t highs = ones * 0x80U;
    size_t at = 0;
    for (uint64_t eight; size - at >= sizeof(eight); at += sizeof(eight)) {
        memcpy(&eight, text + at, sizeof(eight));
        /* A NUL borrows from its own highest bit, and nothing else does. */
        if (((eight | (eight - ones)) & highs) != 0) {
            return false;
        }
    }
    for (; at < size; at++) {
        if (text[at] == '\0' || (unsigned char)text[at] >= 0x80U) {
            return false;
        }
    }
    return true;
}

size_t text_utf8_size(const char *text, size_t left)
{
    const unsigned char *at = (const unsigned char *)text;
    size_t size = at[0] < 0x80U                      ? 1
                  : at[0] >= 0xC2U && at[0] <= 0xDFU ? 2
                  : (at[0] & 0xF0U) == 0xE0U         ? 3
                  : at[0] >= 0xF0U && at[0] <= 0xF4U ? 4
                                                     : 0;
    if (size > left) {
        return 0;
    }
    for (size_t next = 1; next < size; next++) {
        if ((at[next] & 0xC0U) != 0x80U) {
            return 0;
        }
    }
    bool overlong = (at[0] == 0xE0U && at[1] < 0xA0U) || (at[0] == 0xF0U && at[1] < 0x90U);
    bool surrogate = at[0] == 0xEDU && at[1] > 0x9FU;
    bool beyond = at[0] == 0xF4U && at[1] > 0x8FU;
    return overlong || surrogate || beyond ? 0 : size;
}

size_t text_clip_utf8(const char *text, size_t limit)
{
    size_t size = strlen(text);
    if (size <= limit) {
        return size;
    }
    /* 10xxxxxx bytes continue a character: step back to the first byte of the one that is cut. */
    while (limit > 0 && ((unsigned char)text[limit] & 0xC0U) == 0x80U) {
        limit--;
    }
    return limit;
}

static char lower(char letter)
{
    return (char)(letter >= 'A' && letter <= 'Z' ? letter - 'A' + 'a' : letter);
}

bool text_equal_ignoring_case(const char *a, const char *b, size_t size)
{
    for (size_t at = 0; at < size; at++) {
        if (lower(a[at]) != lower(b[at])) {
            return false;
        }
        if (a[at] == '\0') {
            return true;
        }
    }
    return true;
}
