#ifndef TIDEMILL_SUPPORT_COMMAND_H
#define TIDEMILL_SUPPORT_COMMAND_H

/* Runs one of the commands of cli/ as main would, and catches what it prints. */

enum { COMMAND_ARGUMENTS = 12, COMMAND_OUTPUT_SIZE = 8192 };

/* `arguments` begin with the command's name and end with NULL. Both outputs; the exit code. */
int command_run(int (*command)(int argc, char **argv),
                const char *const arguments[COMMAND_ARGUMENTS], char output[COMMAND_OUTPUT_SIZE]);

#endif
