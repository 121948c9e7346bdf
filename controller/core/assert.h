#ifndef TIDEMILL_CORE_ASSERT_H
#define TIDEMILL_CORE_ASSERT_H

/*
 * Our own invariants, checked in release too. Never for data from users or peers: that is an
 * error with a message. A broken invariant ends the process: a restart reads the world anew, going
 * on with wrong memory would write wrong things to it.
 */

_Noreturn void assert_fail(const char *expression, const char *file, int line);

#define REQUIRE(expression)                               \
    do {                                                  \
        if (__builtin_expect(!(expression), 0)) {         \
            assert_fail(#expression, __FILE__, __LINE__); \
        }                                                 \
    } while (0)

#define STATIC_REQUIRE(expression, message) _Static_assert(expression, message)

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#endif
