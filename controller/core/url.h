#ifndef TIDEMILL_CORE_URL_H
#define TIDEMILL_CORE_URL_H

/*
 * The parts of an http or https URL (RFC 3986), strictly: what passes holds printable ASCII only,
 * no user, no password, no fragment, no "\" and no ".." in the path, and addresses in one form,
 * so that everybody who reads it sees the same host (conformance X5). Nothing is decoded.
 */

#include "core/arena.h"

#include <stdbool.h>
#include <stddef.h>

enum { URL_LIMIT = 4096 /* bytes */ };

/* All in the arena that it was parsed into. */
struct url {
    const char *scheme;    /* "http" or "https" */
    const char *authority; /* host[:port] in lower case, as it goes into the Host header */
    const char *host;      /* in lower case; an IPv6 address with its brackets */
    int port;              /* 80 or 443 when none is written */
    const char *path;      /* from its first "/" to before "?"; "" when there is none */
    const char *query;     /* behind "?"; NULL: none */
};

/* ERROR_INVALID with what is wrong with it and what to write, never with the text itself. */
MUST_CHECK struct result url_parse(struct arena *arena, const char *text, struct url *url,
                                   struct error *error);

/* SCHEME://AUTHORITY and `path`, which begins with "/" or is empty, as it is. */
char *url_print(struct arena *arena, const struct url *url, const char *path);

/* The same scheme, host and port. */
bool url_same_origin(const struct url *a, const struct url *b);

/*
 * What the reference `text` of an answer from `base` names (RFC 3986, section 5): a whole URL,
 * //host/path, /path, ?query, or a path beside that of `base`; "" is `base` itself.
 */
MUST_CHECK struct result url_resolve(struct arena *arena, const struct url *base, const char *text,
                                     struct url *url, struct error *error);

#endif
