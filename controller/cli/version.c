#include "cli/cli.h"

#include <stdio.h>

int cli_version(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    (void)printf("tidemill %s\n", TIDEMILL_VERSION);
    return 0;
}
