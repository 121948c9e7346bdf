#include "core/encoding.h"

#include <string.h>

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *base64_encode(struct arena *arena, const void *bytes, size_t size)
{
    const unsigned char *from = bytes;
    char *text = arena_allocate(arena, (size + 2) / 3 * 4 + 1, 1);
    char *to = text;
    for (size_t at = 0; at < size; at += 3) {
        size_t left = size - at;
        unsigned group = (unsigned)from[at] << 16 | (left > 1 ? (unsigned)from[at + 1] << 8 : 0U) |
                         (left > 2 ? (unsigned)from[at + 2] : 0U);
        *to++ = base64_digits[group >> 18];
        *to++ = base64_digits[group >> 12 & 0x3FU];
        *to++ = left > 1 ? base64_digits[group >> 6 & 0x3FU] : '=';
        *to++ = left > 2 ? base64_digits[group & 0x3FU] : '=';
    }
    *to = '\0';
    return text;
}

static int base64_value(char digit)
{
    const char *at = digit ? strchr(base64_digits, digit) : NULL;
    return at ? (int)(at - base64_digits) : -1;
}

char *base64_decode(struct arena *arena, const char *text, size_t *size)
{
    char *bytes = arena_allocate(arena, strlen(text) + 1, 1);
    size_t length = 0;
    unsigned bits = 0;
    unsigned pending = 0;
    size_t digits = 0;
    size_t padding = 0;
    for (; *text; text++) {
        if (strchr(" \t\r\n", *text)) {
            continue;
        }
        digits++;
        if (*text == '=') {
            padding++;
            continue;
        }
        int value = base64_value(*text);
        if (value < 0 || padding > 0) {
            return NULL;
        }
        pending = (pending << 6) | (unsigned)value;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            bytes[length++] = (char)(unsigned char)(pending >> bits);
            pending &= (1U << bits) - 1;
        }
    }
    if (digits % 4 != 0 || padding > 2) {
        return NULL;
    }
    *size = length;
    return bytes;
}

/* RFC 3986, section 2.3. */
static bool is_unreserved(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || strchr("-._~", byte) != NULL;
}

char *percent_encode(struct arena *arena, const char *text, const char *keep)
{
    static const char digits[] = "0123456789ABCDEF";
    char *encoded = arena_allocate(arena, strlen(text) * 3 + 1, 1);
    char *to = encoded;
    for (; *text; text++) {
        if (is_unreserved(*text) || (keep && strchr(keep, *text))) {
            *to++ = *text;
            continue;
        }
        *to++ = '%';
        *to++ = digits[(unsigned char)*text >> 4];
        *to++ = digits[(unsigned char)*text & 0x0FU];
    }
    return encoded;
}

static int hex_value(char byte)
{
    static const char digits[] = "0123456789abcdef";
    char lower = byte >= 'A' && byte <= 'F' ? (char)(byte - 'A' + 'a') : byte;
    const char *at = lower ? strchr(digits, lower) : NULL;
    return at ? (int)(at - digits) : -1;
}

char *percent_decode(struct arena *arena, const char *text)
{
    char *decoded = arena_allocate(arena, strlen(text) + 1, 1);
    char *to = decoded;
    for (; *text; text++) {
        if (*text != '%') {
            *to++ = *text;
            continue;
        }
        int high = hex_value(text[1]);
        int low = high < 0 ? -1 : hex_value(text[2]);
        if (low < 0 || (high == 0 && low == 0)) {
            return NULL;
        }
        *to++ = (char)(unsigned char)(high * 16 + low);
        text += 2;
    }
    return decoded;
}
