#include "plan/backfill.h"
#include "cli/arguments.h"
#include "cli/backfill_session.h"
#include "cli/cli.h"
#include "core/text.h"
#include "io/access.h"
#include "io/real.h"

#include <stdio.h>

static const char usage[] =
    "usage: tidemill backfill TRIGGER --from TIME --to TIME [--max-parallel N]\n"
    "                         [--stop-on-failure] [--dry-run] [-n NAMESPACE]\n"
    "                         [--kubeconfig FILE] [--context NAME]\n"
    "Starts a run for each past time of a Trigger's schedule from --from on and before --to, the\n"
    "oldest first, and waits until all have ended. Given again, it goes on where it stopped: no\n"
    "time is run twice. The live schedule is not touched.\n"
    "  --from TIME, --to TIME     a date of the schedule's time zone such as 2026-01-31, or\n"
    "                             RFC 3339 such as 2026-01-31T03:00:00Z; at most 1000 times\n"
    "  --max-parallel N           as many unfinished runs at once, 1 to 100 (default 1)\n"
    "  --stop-on-failure          start nothing after a run that failed\n"
    "  --dry-run                  print the times and what is there for each, start nothing\n"
    "  -n, --namespace NAMESPACE  instead of the context's\n"
    "  --kubeconfig FILE          instead of $KUBECONFIG and ~/.kube/config\n"
    "  --context NAME             instead of the kubeconfig's current one\n"
    "kubectl get pipelineruns -l tidemill.dev/backfill=TRIGGER lists what it started.\n";

struct command {
    struct backfill_options options;
    struct access_options access;
    struct backfill_session *session;
    struct real_io *real;
    int code;
};

/* ---- Arguments ---- */

static int refuse(const char *option, const char *value, const char *expected)
{
    return arguments_refuse("backfill", option, value, expected);
}

/* Only whether it is a time: which instant a date begins at, the schedule's zone says. */
static int take_time(const char *option, const char *value, const char **text)
{
    int64_t time = 0;
    if (!backfill_read_time(zone_utc(), value, &time)) {
        return refuse(option, value,
                      "a date such as 2026-01-31, or RFC 3339 such as 2026-01-31T03:00:00Z");
    }
    *text = value;
    return GO_ON;
}

static int take_parallel(const char *value, int64_t *max_parallel)
{
    if (!text_parse_integer(value, max_parallel) || *max_parallel < 1 ||
        *max_parallel > BACKFILL_PARALLEL_MAXIMUM) {
        return refuse("--max-parallel", value, "a number from 1 to 100");
    }
    return GO_ON;
}

static int take_option(void *context, int option, const char *value)
{
    struct command *command = context;
    switch (option) {
    case 'f':
        return take_time("--from", value, &command->options.from);
    case 't':
        return take_time("--to", value, &command->options.to);
    case 'p':
        return take_parallel(value, &command->options.max_parallel);
    case 's':
        command->options.stop_on_failure = true;
        return GO_ON;
    case 'd':
        command->options.dry_run = true;
        return GO_ON;
    default:
        return arguments_take_access(&command->access, option, value);
    }
}

/* GO_ON, or the exit code. */
static int read_arguments(int argc, char **argv, struct command *command)
{
    static const struct option options[] = {
        {"from", required_argument, NULL, 'f'},
        {"to", required_argument, NULL, 't'},
        {"max-parallel", required_argument, NULL, 'p'},
        {"stop-on-failure", no_argument, NULL, 's'},
        {"dry-run", no_argument, NULL, 'd'},
        ARGUMENTS_OF_ACCESS,
        ARGUMENTS_END,
    };
    static const struct arguments_form form = {usage, "n:h", options, take_option};
    int code = arguments_read(&form, argc, argv, command);
    if (code != GO_ON) {
        return code;
    }
    if (argc - optind != 1 || text_is_empty(argv[optind])) {
        (void)fprintf(stderr, "tidemill backfill: expected the name of one Trigger\n%s", usage);
        return EXIT_REFUSED;
    }
    if (!command->options.from || !command->options.to) {
        (void)fprintf(stderr, "tidemill backfill: %s is missing: which times are to be made?\n%s",
                      command->options.from ? "--to" : "--from", usage);
        return EXIT_REFUSED;
    }
    command->options.trigger = argv[optind];
    return GO_ON;
}

/* ---- The call ---- */

static void on_end(void *context, int code)
{
    struct command *command = context;
    command->code = code;
    real_io_stop(command->real);
}

static void on_signal(void *context, int number)
{
    struct command *command = context;
    (void)number;
    backfill_session_interrupt(command->session);
}

static struct result run(struct command *command, struct arena *arena, struct error *error)
{
    const struct access *access = NULL;
    TRY(access_find(arena, &command->access, &access, error));
    command->options.namespace_name = access->namespace_name;
    const struct real_io_options options = {
        .access = access, .allow_plugins = true, .on_signal = on_signal, .context = command};
    TRY(real_io_open(&options, &command->real, error));
    command->session = backfill_session_new(real_io_seam(command->real), &command->options);
    backfill_session_start(command->session);
    return real_io_run(command->real, error);
}

int cli_backfill(int argc, char **argv)
{
    struct command command = {.code = EXIT_FAILED};
    command.options = (struct backfill_options){
        .max_parallel = 1, .out = stdout, .err = stderr, .on_end = on_end, .context = &command};
    int code = read_arguments(argc, argv, &command);
    if (code != GO_ON) {
        return code;
    }
    struct arena arena = {0};
    struct error error = {0};
    if (!result_is_ok(run(&command, &arena, &error))) {
        (void)fprintf(stderr, "tidemill backfill: %s\n", error.message);
        command.code = error.kind == ERROR_INVALID ? EXIT_REFUSED : EXIT_FAILED;
    }
    command.session = backfill_session_free(command.session);
    command.real = real_io_close(command.real);
    arena_free(&arena);
    return fflush(stdout) == 0 ? command.code : EXIT_FAILED;
}
