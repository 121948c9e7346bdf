/* tidemill cron: what it prints, and what it says of words that it can't use. */

#include "support/test.h"

#include "cli/cli.h"
#include "support/command.h"

#include <stdbool.h>
#include <string.h>

static void the_command_prints_firings_and_points_at_what_it_refuses(void **state)
{
    (void)state;
    static const struct {
        const char *sentence;
        const char *arguments[COMMAND_ARGUMENTS];
        int code;
        const char *output; /* all of it, or a part of a refusal */
    } rows[] = {
        {"firings, in UTC and by the local clock",
         {"cron", "0 3 31 * *", "--after", "2026-01-01T00:00:00Z", "--count", "2"},
         0,
         "2026-01-31T03:00:00Z  2026-01-31T03:00:00+00:00 UTC\n"
         "2026-03-31T03:00:00Z  2026-03-31T03:00:00+00:00 UTC\n"},
        {"a caret below the place", {"cron", "0 61-62 * * *"}, 2, "\n  0 61-62 * * *\n    ^~\n"},
        {"no expression", {"cron"}, 2, "the expression is missing"},
        {"an expression without quotes", {"cron", "0", "3", "*"}, 2, "put quotes around it"},
        {"no number", {"cron", "* * * * *", "--count", "x"}, 2, "a number from 1 to 1000"},
        {"too many", {"cron", "* * * * *", "--count", "1001"}, 2, "a number from 1 to 1000"},
        {"no time", {"cron", "* * * * *", "--after", "noon"}, 2, "RFC 3339"},
        {"a name that is a path", {"cron", "* * * * *", "--tz", "../x"}, 2, "--tz: byte 1"},
        {"no such zone", {"cron", "* * * * *", "--tz", "Mars/Olympus"}, 2, "no time zone"},
        {"no such option", {"cron", "* * * * *", "--zone", "x"}, 2, "usage: tidemill cron"},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        char output[COMMAND_OUTPUT_SIZE];
        int code = command_run(cli_cron, rows[at].arguments, output);
        bool as_expected = rows[at].code == 0 ? strcmp(output, rows[at].output) == 0
                                              : strstr(output, rows[at].output) != NULL;
        if (code != rows[at].code || !as_expected) {
            fail_msg("%s: %d: %s", rows[at].sentence, code, output);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_command_prints_firings_and_points_at_what_it_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
