#include "plan/cron.h"
#include "cli/arguments.h"
#include "cli/cli.h"
#include "core/civil.h"
#include "core/text.h"
#include "io/zonefile.h"
#include "plan/zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { COUNT_DEFAULT = 5, COUNT_MAXIMUM = 1000, OFFSET_TEXT_SIZE = 32 };

static const char usage[] =
    "usage: tidemill cron \"EXPRESSION\" [--tz ZONE] [--after TIME] [--count N]\n"
    "Prints the next times at which a schedule fires: in UTC, then by the local clock.\n"
    "  EXPRESSION    five fields: minute, hour, day of month, month, day of week; or @hourly,\n"
    "                @daily, @midnight, @weekly, @monthly, @yearly, @annually\n"
    "  --tz ZONE     IANA name such as Europe/Berlin (default UTC)\n"
    "  --after TIME  RFC 3339, such as 2026-01-31T03:00:00Z (default now)\n"
    "  --count N     how many, 1 to 1000 (default 5)\n";

struct request {
    const char *expression;
    const char *zone;
    int64_t after; /* unix seconds */
    int64_t count;
};

static int refuse_option(const char *option, const char *value, const char *expected)
{
    return arguments_refuse("cron", option, value, expected);
}

static int take_option(void *context, int option, const char *value)
{
    struct request *request = context;
    switch (option) {
    case 'z':
        request->zone = value;
        return GO_ON;
    case 'a':
        return civil_parse(value, &request->after)
                   ? GO_ON
                   : refuse_option("--after", value, "RFC 3339, such as 2026-01-31T03:00:00Z");
    default:
        return text_parse_integer(value, &request->count) && request->count >= 1 &&
                       request->count <= COUNT_MAXIMUM
                   ? GO_ON
                   : refuse_option("--count", value, "a number from 1 to 1000");
    }
}

/* GO_ON, or the exit code. */
static int read_arguments(int argc, char **argv, struct request *request)
{
    static const struct option options[] = {
        {"tz", required_argument, NULL, 'z'},
        {"after", required_argument, NULL, 'a'},
        {"count", required_argument, NULL, 'n'},
        ARGUMENTS_END,
    };
    static const struct arguments_form form = {usage, "h", options, take_option};
    int code = arguments_read(&form, argc, argv, request);
    if (code != GO_ON) {
        return code;
    }
    if (argc - optind != 1) {
        (void)fprintf(stderr, "tidemill cron: %s\n%s",
                      argc - optind > 1 ? "more than one expression; put quotes around it"
                                        : "the expression is missing",
                      usage);
        return EXIT_REFUSED;
    }
    request->expression = argv[optind];
    return GO_ON;
}

/* The expression with a caret below the place; one column for each byte. */
static void point_at(const char *expression, const struct cron_place *place)
{
    (void)fputs("  ", stderr);
    for (size_t at = 0; at <= CRON_EXPRESSION_MAXIMUM && expression[at] != '\0'; at++) {
        char c = expression[at];
        (void)fputc(c >= ' ' && c <= '~' ? c : '?', stderr);
    }
    (void)fputs("\n  ", stderr);
    for (size_t column = 1; column < place->column + place->length; column++) {
        (void)fputc(column < place->column ? ' ' : (column == place->column ? '^' : '~'), stderr);
    }
    (void)fputc('\n', stderr);
}

static int refuse_message(const struct error *error)
{
    (void)fprintf(stderr, "tidemill cron: %s\n", error->message);
    return error->kind == ERROR_IO ? EXIT_FAILED : EXIT_REFUSED;
}

static struct result load_zone(struct arena *arena, const char *name, const struct zone **zone,
                               struct error *error)
{
    const struct zone *builtin = zone_find_builtin(name);
    if (builtin) {
        *zone = builtin;
        return RESULT_OK;
    }
    CLEANUP(buffer_free) struct buffer bytes = BUFFER_INIT(ZONE_FILE_MAXIMUM);
    TRY(zonefile_read(name, &bytes, error));
    return zone_parse(arena, name, buffer_text(&bytes), bytes.size, zone, error);
}

/* "+01:00", or with seconds when there are some, as in the days of local mean time. */
static void format_offset(int32_t offset, char text[OFFSET_TEXT_SIZE])
{
    int size = abs(offset);
    int seconds = size % 60;
    int length = snprintf(text, OFFSET_TEXT_SIZE, "%c%02d:%02d", offset < 0 ? '-' : '+',
                          size / 3600, size / 60 % 60);
    if (seconds != 0 && length > 0) {
        (void)snprintf(text + length, OFFSET_TEXT_SIZE - (size_t)length, ":%02d", seconds);
    }
}

static void print_firing(const struct zone *zone, int64_t time)
{
    struct zone_period period = zone_period_at(zone, time);
    struct civil local = civil_from_unix(time + period.offset);
    char in_utc[CIVIL_TEXT_SIZE];
    char offset[OFFSET_TEXT_SIZE];
    civil_format(time, in_utc);
    format_offset(period.offset, offset);
    (void)printf("%s  %04lld-%02d-%02dT%02d:%02d:%02d%s %s\n", in_utc, (long long)local.year,
                 local.month, local.day, local.hour, local.minute, local.second, offset,
                 period.abbreviation);
}

static int print_firings(struct arena *arena, const struct request *request)
{
    struct error error = {0};
    struct cron_place place = {0};
    const struct cron *cron = NULL;
    const struct zone *zone = NULL;
    if (!result_is_ok(cron_parse_placed(arena, request->expression, &cron, &place, &error))) {
        int code = refuse_message(&error);
        point_at(request->expression, &place);
        return code;
    }
    if (!result_is_ok(load_zone(arena, request->zone, &zone, &error))) {
        error_add_context(&error, "--tz");
        return refuse_message(&error);
    }
    int64_t time = request->after;
    for (int64_t printed = 0; printed < request->count; printed++) {
        if (!cron_next(cron, zone, time, &time)) {
            (void)fputs("tidemill cron: nothing fires after the year 9999\n", stderr);
            break;
        }
        print_firing(zone, time);
    }
    return fflush(stdout) == 0 ? EXIT_DONE : EXIT_FAILED;
}

int cli_cron(int argc, char **argv)
{
    struct request request = {.zone = "UTC", .after = (int64_t)time(NULL), .count = COUNT_DEFAULT};
    int code = read_arguments(argc, argv, &request);
    if (code != GO_ON) {
        return code;
    }
    struct arena arena = {0};
    code = print_firings(&arena, &request);
    arena_free(&arena);
    return code;
}
