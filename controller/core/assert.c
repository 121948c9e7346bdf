#include "core/assert.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void assert_fail(const char *expression, const char *file, int line)
{
    (void)fprintf(stderr,
                  "tidemill: broken invariant: %s (%s:%d); ending, a restart reads everything "
                  "anew\n",
                  expression, file, line);
    abort();
}
