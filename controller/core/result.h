#ifndef TIDEMILL_CORE_RESULT_H
#define TIDEMILL_CORE_RESULT_H

/*
 * What a function that can fail gives back. Callers branch on the kind; people read the message.
 * Anyone may use it. A result is never dropped: functions that return one carry MUST_CHECK.
 */

#include <stdbool.h>
#include <stdint.h>

#define MUST_CHECK                       __attribute__((warn_unused_result))
#define PRINTF_LIKE(format_at, first_at) __attribute__((format(printf, format_at, first_at)))
#define CLEANUP(function)                __attribute__((cleanup(function)))

/* Each kind has one reaction, decided in one place (kube/reaction.h). */
enum error_kind {
    ERROR_NONE = 0,
    ERROR_INVALID,      /* the input is wrong and will stay wrong: HTTP 400, 422, bad JSON */
    ERROR_DENIED,       /* authorization, admission or quota said no: HTTP 403 */
    ERROR_UNAUTHORIZED, /* the credential was not accepted: HTTP 401 */
    ERROR_NOT_FOUND,    /* HTTP 404, ENOENT */
    ERROR_EXISTS,       /* the name is taken: HTTP 409 AlreadyExists, EEXIST */
    ERROR_CONFLICT,     /* somebody else wrote first: HTTP 409 Conflict */
    ERROR_GONE,         /* the resourceVersion is too old: HTTP 410 */
    ERROR_TOO_MANY,     /* HTTP 429 */
    ERROR_UNAVAILABLE,  /* 5xx, or no connection: later it may work */
    ERROR_LOST,         /* the request was sent, its answer never came: it may have been applied */
    ERROR_IO,           /* a file or system call failed */
    ERROR_LIMIT,        /* larger than the stated maximum */
    ERROR_CLOSED,       /* the peer or we ended it */
    ERROR_KIND_COUNT
};

struct result {
    enum error_kind kind;
};

/* Longest message kept, with its NUL. An API server's message is cut to this. */
enum { ERROR_MESSAGE_SIZE = 1024 };

struct error {
    enum error_kind kind;
    char message[ERROR_MESSAGE_SIZE];
};

#define RESULT_OK ((struct result){.kind = ERROR_NONE})

static inline bool result_is_ok(struct result result)
{
    return result.kind == ERROR_NONE;
}

static inline struct result result_of(enum error_kind kind)
{
    return (struct result){.kind = kind};
}

/* Returns the caller's function early with the failure of `expression`. */
#define TRY(expression)                           \
    do {                                          \
        struct result try_result_ = (expression); \
        if (!result_is_ok(try_result_)) {         \
            return try_result_;                   \
        }                                         \
    } while (0)

/* A short lower-case word for logs and metric labels, e.g. "conflict". Static text. */
const char *error_kind_name(enum error_kind kind);

/*
 * Writes kind and message into `error` (may be NULL: then only the kind is kept) and returns the
 * kind as a result, so that `return error_set(error, ERROR_INVALID, "...")` is one line.
 */
struct result error_set(struct error *error, enum error_kind kind, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* Puts "prefix: " before the message already in `error`; says where it happened. */
void error_add_context(struct error *error, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
