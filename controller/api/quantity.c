#include "api/quantity.h"

#include "core/text.h"

#include <stddef.h>
#include <string.h>

/* GEP-2257: at most five digits before a unit. */
enum { DURATION_DIGITS = 5 };

enum { DECIMAL_LENGTH_MAX = 64, EXPONENT_MAX = 400, EXPONENT_DIGITS_MAX = 3 };

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

struct duration_unit {
    const char *name;
    int64_t milliseconds;
};

/* "ms" stands before "m": the longer name is tried first. */
static const struct duration_unit duration_units[] = {
    {"ms", 1}, {"h", 3600000}, {"m", 60000}, {"s", 1000}};

enum { DURATION_UNIT_COUNT = sizeof(duration_units) / sizeof(duration_units[0]) };

/* The index of the unit that `*text` begins with, which moves past it; -1 when there is none. */
static int take_unit(const char **text)
{
    for (int at = 0; at < DURATION_UNIT_COUNT; at++) {
        if (text_starts_with(*text, duration_units[at].name)) {
            *text += strlen(duration_units[at].name);
            return at;
        }
    }
    return -1;
}

bool duration_parse(const char *text, int64_t *milliseconds)
{
    if (text_is_empty(text)) {
        return false;
    }
    int64_t total = 0;
    unsigned seen = 0;
    while (*text != '\0') {
        int64_t number = 0;
        int digits = 0;
        for (; is_digit(*text) && digits <= DURATION_DIGITS; text++, digits++) {
            number = number * 10 + (*text - '0');
        }
        if (digits == 0 || digits > DURATION_DIGITS) {
            return false;
        }
        int unit = take_unit(&text);
        if (unit < 0 || (seen & (1U << unit)) != 0) {
            return false;
        }
        seen |= 1U << unit;
        total += number * duration_units[unit].milliseconds;
    }
    *milliseconds = total;
    return true;
}

/*
 * A decimal is sign * 0.DIGITS * 10^point, where DIGITS neither begins nor ends with 0; zero has no
 * digits. Two equal numbers have the same form, however they were written.
 */
struct decimal {
    char digits[DECIMAL_LENGTH_MAX];
    int count;
    int point;
    bool negative;
};

/* The exponent after 'e'; the whole rest of the text. */
static bool take_exponent(const char *text, int *exponent)
{
    bool negative = *text == '-';
    if (*text == '-' || *text == '+') {
        text++;
    }
    if (!is_digit(*text)) {
        return false;
    }
    while (text[0] == '0' && is_digit(text[1])) {
        text++;
    }
    int value = 0;
    int digits = 0;
    for (; is_digit(*text) && digits <= EXPONENT_DIGITS_MAX; text++, digits++) {
        value = value * 10 + (*text - '0');
    }
    if (*text != '\0' || value > EXPONENT_MAX) {
        return false;
    }
    *exponent = negative ? -value : value;
    return true;
}

/* Digits at `*text`, which moves past them; leading zeros only move the point. */
static int take_digits(const char **text, struct decimal *decimal, bool fraction)
{
    int taken = 0;
    for (; is_digit(**text); (*text)++, taken++) {
        if (decimal->count == 0 && **text == '0') {
            decimal->point -= fraction ? 1 : 0;
            continue;
        }
        decimal->digits[decimal->count++] = **text;
        decimal->point += fraction ? 0 : 1;
    }
    return taken;
}

static bool decimal_parse(const char *text, struct decimal *parsed)
{
    if (text_is_empty(text) || strnlen(text, DECIMAL_LENGTH_MAX + 1) > DECIMAL_LENGTH_MAX) {
        return false;
    }
    struct decimal decimal = {.negative = *text == '-'};
    int exponent = 0;
    if (*text == '-' || *text == '+') {
        text++;
    }
    if (take_digits(&text, &decimal, false) == 0) {
        return false;
    }
    if (*text == '.') {
        text++;
        if (take_digits(&text, &decimal, true) == 0) {
            return false;
        }
    }
    if (*text == 'e' || *text == 'E') {
        if (!take_exponent(text + 1, &exponent)) {
            return false;
        }
    } else if (*text != '\0') {
        return false;
    }
    while (decimal.count > 0 && decimal.digits[decimal.count - 1] == '0') {
        decimal.count--;
    }
    decimal.point += exponent;
    if (decimal.count == 0) {
        decimal.point = 0;
        decimal.negative = false;
    }
    *parsed = decimal;
    return true;
}

static int compare_magnitude(const struct decimal *a, const struct decimal *b)
{
    if (a->count == 0 || b->count == 0) {
        return (a->count > 0) - (b->count > 0);
    }
    if (a->point != b->point) {
        return a->point < b->point ? -1 : 1;
    }
    int shared = a->count < b->count ? a->count : b->count;
    int order = memcmp(a->digits, b->digits, (size_t)shared);
    return order != 0 ? order : (a->count > b->count) - (a->count < b->count);
}

bool decimal_compare(const char *a, const char *b, int *order)
{
    struct decimal left;
    struct decimal right;
    if (!decimal_parse(a, &left) || !decimal_parse(b, &right)) {
        return false;
    }
    if (left.negative != right.negative) {
        *order = left.negative ? -1 : 1;
        return true;
    }
    int magnitude = compare_magnitude(&left, &right);
    *order = left.negative ? -magnitude : magnitude;
    return true;
}

bool decimal_is_valid(const char *text)
{
    struct decimal decimal;
    return decimal_parse(text, &decimal);
}

bool decimal_is_integer(const char *text)
{
    struct decimal decimal;
    return decimal_parse(text, &decimal) && decimal.count <= decimal.point;
}
