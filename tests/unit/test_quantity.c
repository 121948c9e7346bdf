#include "support/test.h"

#include "api/quantity.h"
#include "core/text.h"

#include <string.h>

struct duration_row {
    const char *sentence;
    const char *text;
    int64_t milliseconds; /* -1: refused */
};

/* https://gateway-api.sigs.k8s.io/geps/gep-2257 */
static const struct duration_row duration_rows[] = {
    {"zero hours", "0h", 0},
    {"zero seconds", "0s", 0},
    {"zero as 0h0m0s", "0h0m0s", 0},
    {"one hour", "1h", 3600000},
    {"an hour and a half", "1h30m", 5400000},
    {"leading zeros", "010m", 600000},
    {"the order may be any", "30m1h", 5400000},
    {"the order may be any, milliseconds first", "1ms1s", 1001},
    {"all four units", "1h2m3s4ms", 3723004},
    {"more minutes than an hour has", "90m", 5400000},
    {"thirty days in hours", "720h", INT64_C(2592000000)},
    {"five digits", "99999h", INT64_C(359996400000)},
    {"the most there can be", "99999h99999m99999s99999ms", INT64_C(366096438999)},
    {"milliseconds are not minutes", "500ms", 500},
    {"six digits", "100000h", -1},
    {"seven digits", "1000000h", -1},
    {"six digits that begin with zeros", "000001h", -1},
    {"no unit", "10", -1},
    {"no number", "h", -1},
    {"nothing", "", -1},
    {"absent", NULL, -1},
    {"days", "30d", -1},
    {"weeks", "1w", -1},
    {"microseconds", "1us", -1},
    {"nanoseconds", "1ns", -1},
    {"a fraction", "0.5m", -1},
    {"a sign", "-15m", -1},
    {"a plus", "+15m", -1},
    {"a unit twice", "1h1h", -1},
    {"five parts", "1h2m3s4ms5h", -1},
    {"a space inside", "1h 30m", -1},
    {"a space before", " 1h", -1},
    {"a newline behind", "1h\n", -1},
    {"upper case", "1H", -1},
    {"a number at the end", "1h30", -1},
    {"no digits but Arabic ones", "\xD9\xA1h", -1},
};

static void durations_are_those_of_gep_2257(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(duration_rows); at++) {
        const struct duration_row *row = &duration_rows[at];
        int64_t milliseconds = -1;
        bool taken = duration_parse(row->text, &milliseconds);
        if (taken != (row->milliseconds >= 0) || milliseconds != row->milliseconds) {
            fail_msg("%s: %lld", row->sentence, (long long)milliseconds);
        }
    }
}

struct decimal_row {
    const char *a;
    const char *b;
    int order;
};

static const struct decimal_row decimal_rows[] = {
#include "quantity/decimals.inc"
    {"0.1", "0.10", 0},
    {"0", "-0", 0},
    {"0", "0e400", 0},
    {"0.02", "0.020000000000000000000000000000000000000000000000000000000001", -1},
    {"0.1", "0.1000000000000000055511151231257827021181583404541015625", -1},
    {"9007199254740993", "9007199254740992", 1},
    {"1e400", "9e399", 1},
    {"-1e400", "1e-400", -1},
    {"1e-400", "0", 1},
    {"000123", "123", 0},
    {"1E+2", "100.0", 0},
    {"9", "10", -1},
    {"-9", "-10", 1},
    {"1.5", "1.50001", -1},
};

static int sign_of(int order)
{
    return (order > 0) - (order < 0);
}

static void decimals_compare_exactly(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(decimal_rows); at++) {
        const struct decimal_row *row = &decimal_rows[at];
        int order = 0;
        int reverse = 0;
        assert_true(decimal_compare(row->a, row->b, &order));
        assert_true(decimal_compare(row->b, row->a, &reverse));
        if (sign_of(order) != row->order || sign_of(reverse) != -row->order) {
            fail_msg("%s and %s: %d, %d", row->a, row->b, order, reverse);
        }
    }
}

static void what_is_no_decimal_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        ".",
        "-",
        "+",
        "1.",
        ".5",
        "1e",
        "1e+",
        "e5",
        "1..2",
        "1.2.3",
        " 1",
        "1 ",
        "1,5",
        "0x10",
        "nan",
        "NaN",
        "inf",
        "--1",
        "+-1",
        "1e401",
        "1e-401",
        "1e99999999999",
        "1e1.5",
        "1_000",
        "1/2",
        "1\n",
        "11111111111111111111111111111111111111111111111111111111111111111",
    };
    int order = 7;
    for (size_t at = 0; at < COUNT_OF(texts); at++) {
        if (decimal_is_valid(texts[at]) || decimal_is_integer(texts[at]) ||
            decimal_compare(texts[at], "1", &order) || decimal_compare("1", texts[at], &order)) {
            fail_msg("taken: \"%s\"", texts[at]);
        }
    }
    assert_false(decimal_is_valid(NULL));
    assert_false(decimal_compare(NULL, "1", &order));
    assert_int_equal(order, 7);
    assert_true(decimal_is_valid(texts[COUNT_OF(texts) - 1] + 1)); /* 64 digits */
}

static void integers_may_be_written_in_any_way(void **state)
{
    (void)state;
    static const char *const integers[] = {"7",   "-3",    "+4",    "0",      "-0.0",
                                           "7.0", "7e2",   "70e-1", "1.5e1",  "0e-9",
                                           "00",  "1e400", "0.00",  "120e-1", "1.250e3"};
    static const char *const others[] = {"7.5", "7e-1", "0.1", "1.55e1", "1e-400", "10.0001"};
    for (size_t at = 0; at < COUNT_OF(integers); at++) {
        if (!decimal_is_integer(integers[at])) {
            fail_msg("%s", integers[at]);
        }
    }
    for (size_t at = 0; at < COUNT_OF(others); at++) {
        if (decimal_is_integer(others[at])) {
            fail_msg("%s", others[at]);
        }
        assert_true(decimal_is_valid(others[at]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_are_those_of_gep_2257),
        cmocka_unit_test(decimals_compare_exactly),
        cmocka_unit_test(what_is_no_decimal_is_refused),
        cmocka_unit_test(integers_may_be_written_in_any_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
