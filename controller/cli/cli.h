#ifndef TIDEMILL_CLI_CLI_H
#define TIDEMILL_CLI_CLI_H

/*
 * The commands a person types, one line each. For main.c alone. argc and argv begin at the
 * command's own name; the exit code comes back: 0 done, 1 it failed, 2 what was asked is refused.
 */

int cli_controller(int argc, char **argv); /* the operator itself */
int cli_artifact(int argc, char **argv);   /* the helpers inside users' pods: digest, copy */
int cli_cron(int argc, char **argv);       /* prints the next firings of a cron expression */
int cli_backfill(int argc, char **argv);   /* runs past times of a Trigger's schedule */
int cli_why(int argc, char **argv);        /* tells what a Trigger decided */
int cli_version(int argc, char **argv);

#endif
