#include "cli/arguments.h"

#include "core/assert.h"

#include <stdio.h>

int arguments_read(const struct arguments_form *form, int argc, char **argv, void *context)
{
    optind = 0; /* glibc: begin anew, whatever was looked at before */
    int option = 0;
    while ((option = getopt_long(argc, argv, form->letters, form->options, NULL)) != -1) {
        if (option == 'h') {
            (void)fputs(form->usage, stdout);
            return EXIT_DONE;
        }
        if (option == '?') { /* getopt has said what is wrong */
            (void)fputs(form->usage, stderr);
            return EXIT_REFUSED;
        }
        int code = form->take(context, option, optarg);
        if (code != GO_ON) {
            return code;
        }
    }
    return GO_ON;
}

int arguments_take_access(struct access_options *access, int option, const char *value)
{
    switch (option) {
    case 'n':
        access->namespace_name = value;
        return GO_ON;
    case 'k':
        access->kubeconfig = value;
        return GO_ON;
    default:
        REQUIRE(option == 'c');
        access->context = value;
        return GO_ON;
    }
}

int arguments_refuse(const char *command, const char *option, const char *value,
                     const char *expected)
{
    (void)fprintf(stderr, "tidemill %s: %s \"%s\": expected %s\n", command, option, value,
                  expected);
    return EXIT_REFUSED;
}
