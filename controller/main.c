#include "cli/cli.h"
#include "core/text.h"

#include <stddef.h>
#include <stdio.h>

struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
};

static const struct command commands[] = {
    {"controller", cli_controller, "run the operator"},
    {"cron", cli_cron, "print the next times at which a schedule fires"},
    {"backfill", cli_backfill, "run past times of a schedule"},
    {"why", cli_why, "tell what a Trigger decided, and why"},
    {"artifact", cli_artifact, "check, digest and copy artifacts (used inside pods)"},
    {"version", cli_version, "print the version"},
};

enum { COMMAND_COUNT = sizeof(commands) / sizeof(commands[0]), EXIT_REFUSED = 2 };

static void print_usage(FILE *to)
{
    (void)fputs("usage: tidemill COMMAND [options]; tidemill COMMAND --help says more\n", to);
    for (size_t at = 0; at < COMMAND_COUNT; at++) {
        (void)fprintf(to, "  %-12s %s\n", commands[at].name, commands[at].summary);
    }
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : NULL;
    if (!name || text_equal(name, "--help") || text_equal(name, "help")) {
        print_usage(name ? stdout : stderr);
        return name ? 0 : EXIT_REFUSED;
    }
    for (size_t at = 0; at < COMMAND_COUNT; at++) {
        if (text_equal(commands[at].name, name)) {
            return commands[at].run(argc - 1, argv + 1);
        }
    }
    (void)fprintf(stderr, "tidemill: there is no command \"%s\"\n", name);
    print_usage(stderr);
    return EXIT_REFUSED;
}
