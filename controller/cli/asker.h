#ifndef TIDEMILL_CLI_ASKER_H
#define TIDEMILL_CLI_ASKER_H

/*
 * Asks the API server one question after the other, for a command that a person waits for and whose
 * work may take hours. For cli/ alone. Invariants: one question is open at most; each request has a
 * bounded time; a question is answered exactly once, unless the asker is freed before.
 *
 * While there is no answer (no connection, 429, 5xx) it is asked again, later and later, for
 * ASKER_PATIENCE_MS. Only once anything was heard: a command that never reached its API server
 * should say so at once. What is asked must be safe to ask twice, since an answer may be lost.
 */

#include "core/result.h"
#include "kube/io.h"

#include <stddef.h>
#include <stdint.h>

enum {
    ASKER_TIMEOUT_MS = 30 * 1000, /* of one request */
    ASKER_BACKOFF_FIRST_MS = 500, /* before jitter */
    ASKER_BACKOFF_LIMIT_MS = 15 * 1000,
    ASKER_RETRY_AFTER_LIMIT_MS = 60 * 1000,
    ASKER_PATIENCE_MS = 5 * 60 * 1000
};

struct asker;

struct asker_answer {
    enum error_kind error; /* ERROR_NONE: a 2xx; ERROR_UNAVAILABLE also: no answer in time */
    int status;            /* HTTP status; 0: none came */
    const char *message;   /* of a failure: the API server's words, or what went wrong; borrowed */
    const char *body;      /* NUL-terminated; borrowed */
    size_t body_size;
};

struct asker_question {
    const char *method; /* all copied */
    const char *path;
    const char *accept; /* NULL: JSON */
    const char *body;   /* JSON; NULL: none */
    size_t maximum;     /* bytes of the answer */
    /* The next question may be asked from in here; the asker may not be freed. */
    void (*on_answer)(void *context, const struct asker_answer *answer);
};

struct asker_options {
    struct io io;
    /* The first of some requests without an answer; it is asked again. */
    void (*on_trouble)(void *context, const char *message);
    /* An answer came after that. */
    void (*on_relief)(void *context);
    void *context; /* of all callbacks */
};

struct asker *asker_new(const struct asker_options *options);
/* Ends what is under way without an answer. Accepts NULL; returns NULL. */
struct asker *asker_free(struct asker *asker);

void asker_ask(struct asker *asker, const struct asker_question *question);

/* Ends the open question, if there is one, without its answer: whether it was heard is not known.
 */
void asker_stop(struct asker *asker);

#endif
