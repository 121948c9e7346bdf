/*
 * Decimals are compared as mathematics does. Input: three decimals, a line each.
 */

#include "fuzz/fuzz.h"

#include "api/quantity.h"

#include <stdlib.h>

enum { NUMBERS = 3, SIZE_MAXIMUM = 512 };

/* Rounding keeps the order: where a < b, the nearest long doubles are not the other way round. */
static void require_no_contradiction(const char *a, const char *b, int order)
{
    long double left = strtold(a, NULL);
    long double right = strtold(b, NULL);
    REQUIRE(order >= 0 || left <= right);
    REQUIRE(order <= 0 || left >= right);
    REQUIRE(order != 0 || left == right);
}

static int sign(int order)
{
    return (order > 0) - (order < 0);
}

static void require_order(const char *a, const char *b)
{
    int forth = 0;
    int back = 0;
    bool valid = decimal_is_valid(a) && decimal_is_valid(b);
    REQUIRE(decimal_compare(a, b, &forth) == valid);
    REQUIRE(decimal_compare(b, a, &back) == valid);
    if (valid) {
        REQUIRE(sign(forth) == -sign(back));
        require_no_contradiction(a, b, forth);
    }
}

static void require_transitive(const char *a, const char *b, const char *c)
{
    int first = 0;
    int second = 0;
    int third = 0;
    if (decimal_compare(a, b, &first) && decimal_compare(b, c, &second) &&
        decimal_compare(a, c, &third) && first <= 0 && second <= 0) {
        REQUIRE(third <= 0);
        REQUIRE(third < 0 || (first == 0 && second == 0));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char *numbers[NUMBERS];
    struct fuzz_input rest = {bytes, size < SIZE_MAXIMUM ? size : SIZE_MAXIMUM};
    for (int at = 0; at < NUMBERS; at++) {
        const uint8_t *end = rest.size > 0 ? memchr(rest.bytes, '\n', rest.size) : NULL;
        size_t length = end ? (size_t)(end - rest.bytes) : rest.size;
        numbers[at] = fuzz_copy_text((struct fuzz_input){rest.bytes, length});
        rest.bytes += length + (end ? 1 : 0);
        rest.size -= length + (end ? 1 : 0);
        REQUIRE(!decimal_is_integer(numbers[at]) || decimal_is_valid(numbers[at]));
        require_order(numbers[at], numbers[at]);
    }
    require_order(numbers[0], numbers[1]);
    require_transitive(numbers[0], numbers[1], numbers[2]);
    for (int at = 0; at < NUMBERS; at++) {
        (void)memory_free(numbers[at]);
    }
    return 0;
}
