#ifndef TIDEMILL_CLI_TERMINAL_H
#define TIDEMILL_CLI_TERMINAL_H

/* How commands print what others wrote. For cli/ alone. */

#include <stdio.h>

/*
 * What a source, a pod or an API server said gives no orders to the terminal: control characters
 * come out as '?'. NULL: nothing.
 */
void terminal_print(FILE *to, const char *text);

#endif
