#include "support/test.h"

#include "support/command.h"

#include <stdio.h>
#include <unistd.h>

enum { ARGUMENT_SIZE = 256 };

int command_run(int (*command)(int argc, char **argv),
                const char *const arguments[COMMAND_ARGUMENTS], char output[COMMAND_OUTPUT_SIZE])
{
    static const int descriptors[] = {STDOUT_FILENO, STDERR_FILENO};
    char copies[COMMAND_ARGUMENTS][ARGUMENT_SIZE] = {{0}};
    char *argv[COMMAND_ARGUMENTS + 1] = {NULL};
    int argc = 0;
    for (; argc < COMMAND_ARGUMENTS && arguments[argc]; argc++) {
        (void)snprintf(copies[argc], ARGUMENT_SIZE, "%s", arguments[argc]);
        argv[argc] = copies[argc];
    }
    FILE *caught = tmpfile();
    assert_non_null(caught);
    (void)fflush(NULL);
    int kept[COUNT_OF(descriptors)];
    for (size_t at = 0; at < COUNT_OF(descriptors); at++) {
        kept[at] = dup(descriptors[at]);
        assert_int_equal(dup2(fileno(caught), descriptors[at]), descriptors[at]);
    }
    int code = command(argc, argv);
    (void)fflush(NULL);
    for (size_t at = 0; at < COUNT_OF(descriptors); at++) {
        assert_int_equal(dup2(kept[at], descriptors[at]), descriptors[at]);
        assert_int_equal(close(kept[at]), 0);
    }
    rewind(caught);
    output[fread(output, 1, COMMAND_OUTPUT_SIZE - 1, caught)] = '\0';
    assert_int_equal(fclose(caught), 0);
    return code;
}
