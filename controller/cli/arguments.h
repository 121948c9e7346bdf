#ifndef TIDEMILL_CLI_ARGUMENTS_H
#define TIDEMILL_CLI_ARGUMENTS_H

/* What the commands share of reading their words: options, help, the way to an API server. */

#include "io/access.h"

#include <getopt.h>

/* What cli.h says of exit codes; GO_ON is none: there is work to do. */
enum { GO_ON = -1, EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_REFUSED = 2 };

/* clang-format off */

/* For getopt_long: what everybody understands, and ends the list; 'h' is its own. */
#define ARGUMENTS_END                 \
    {"help", no_argument, NULL, 'h'}, \
    {NULL, 0, NULL, 0}

/* Of a command that goes to the API server as a person does: kubeconfig, context and namespace. */
#define ARGUMENTS_OF_ACCESS                       \
    {"namespace", required_argument, NULL, 'n'},  \
    {"kubeconfig", required_argument, NULL, 'k'}, \
    {"context", required_argument, NULL, 'c'}

/* clang-format on */

struct arguments_form {
    const char *usage;
    const char *letters;          /* of options in short form, as getopt wants them */
    const struct option *options; /* with ARGUMENTS_END */
    /* One option and its value (NULL: it has none). GO_ON, or the exit code: it has said why. */
    int (*take)(void *context, int option, const char *value);
};

/*
 * Gives each option to `take`. GO_ON: `optind` is the place of the first word that is no option.
 * Otherwise the exit code: help was asked for and printed, or an option is wrong and it was said.
 */
int arguments_read(const struct arguments_form *form, int argc, char **argv, void *context);

/*
 * One of ARGUMENTS_OF_ACCESS; another one is a mistake in the program. The value is borrowed.
 * GO_ON.
 */
int arguments_take_access(struct access_options *access, int option, const char *value);

/* Says that this value of "--OPTION" is not what was expected. EXIT_REFUSED. */
int arguments_refuse(const char *command, const char *option, const char *value,
                     const char *expected);

#endif
