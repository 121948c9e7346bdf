#ifndef TIDEMILL_SUPPORT_TEST_H
#define TIDEMILL_SUPPORT_TEST_H

/* What every unit test includes first: cmocka and the headers that it needs before it, in order. */

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "core/assert.h"

#endif
