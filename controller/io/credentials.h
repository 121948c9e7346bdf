#ifndef TIDEMILL_IO_CREDENTIALS_H
#define TIDEMILL_IO_CREDENTIALS_H

/*
 * Who we are to the API server, kept fresh: a token file is read again every minute (C15),
 * certificates every five (C16), an exec plugin is run again when its token ends or is refused
 * (C17). Used by io/http.h. Invariant: what replaces a credential was checked first; what cannot be
 * read leaves the old one in use. Secrets are wiped when they are let go, and never logged.
 */

#include "core/result.h"
#include "io/access.h"

#include <stddef.h>
#include <stdint.h>

struct credentials;
struct loop;

/* Borrowed until the next call on the same credentials. */
struct credential {
    uint64_t generation; /* grows whenever token, certificate or key change */
    uint64_t identity;   /* grows whenever authority, certificate or key change: a connection's */
    const char *token;   /* NULL: none */
    const char *authority;
    size_t authority_size; /* PEM; 0: the system's own authorities */
    const char *certificate;
    size_t certificate_size; /* 0: none */
    const char *key;
    size_t key_size;
};

/* All borrowed until credentials_close(). */
struct credentials_options {
    struct loop *loop;
    const struct access *access;
    bool allow_plugins;
    /* A plugin ended, well or not: ask again. Runs from the loop. */
    void (*on_change)(void *context);
    void *context;
};

/* Reads every file once. ERROR_IO or ERROR_INVALID names the file and what is wrong with it. */
MUST_CHECK struct result credentials_open(const struct credentials_options *options,
                                          struct credentials **credentials, struct error *error);

enum credentials_state {
    CREDENTIALS_READY,
    CREDENTIALS_AWAITED, /* a plugin is running; on_change follows */
    CREDENTIALS_FAILED,  /* `error` says why; the next call tries again */
};

/* `now_ms`: loop_now_ms(), given so that tests need not wait. */
enum credentials_state credentials_get(struct credentials *credentials, int64_t now_ms,
                                       struct credential *credential, struct error *error);

/*
 * The server answered 401 to a request that carried `generation`. True: there is, or may soon be,
 * another credential, so one more try makes sense.
 */
bool credentials_reject(struct credentials *credentials, uint64_t generation, int64_t now_ms);

/* Ends a plugin that still runs. Accepts NULL, returns NULL. */
struct credentials *credentials_close(struct credentials *credentials);

#endif
