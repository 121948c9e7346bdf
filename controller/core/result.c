#include "core/result.h"

#include "core/assert.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *error_kind_name(enum error_kind kind)
{
    static const char *const names[ERROR_KIND_COUNT] = {
        [ERROR_NONE] = "none",
        [ERROR_INVALID] = "invalid",
        [ERROR_DENIED] = "denied",
        [ERROR_UNAUTHORIZED] = "unauthorized",
        [ERROR_NOT_FOUND] = "not-found",
        [ERROR_EXISTS] = "exists",
        [ERROR_CONFLICT] = "conflict",
        [ERROR_GONE] = "gone",
        [ERROR_TOO_MANY] = "too-many-requests",
        [ERROR_UNAVAILABLE] = "unavailable",
        [ERROR_LOST] = "answer-lost",
        [ERROR_IO] = "io",
        [ERROR_LIMIT] = "limit",
        [ERROR_CLOSED] = "closed",
    };
    REQUIRE(kind < ERROR_KIND_COUNT);
    return names[kind];
}

struct result error_set(struct error *error, enum error_kind kind, const char *format, ...)
{
    REQUIRE(kind != ERROR_NONE);
    if (error) {
        va_list arguments;
        va_start(arguments, format);
        (void)vsnprintf(error->message, sizeof(error->message), format, arguments);
        va_end(arguments);
        error->kind = kind;
    }
    return result_of(kind);
}

void error_add_context(struct error *error, const char *format, ...)
{
    if (!error) {
        return;
    }
    char before[ERROR_MESSAGE_SIZE];
    memcpy(before, error->message, sizeof(before));
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(error->message, sizeof(error->message), format, arguments);
    va_end(arguments);
    size_t used = length < 0 ? 0 : (size_t)length;
    if (used < sizeof(error->message)) {
        (void)snprintf(error->message + used, sizeof(error->message) - used, ": %.*s",
                       (int)sizeof(before) - 1, before);
    }
}
