#ifndef TIDEMILL_SOURCE_AUTHORIZATION_H
#define TIDEMILL_SOURCE_AUTHORIZATION_H

/* The header Authorization of plain HTTP sources. Invariant: no message has a value in it. */

#include "source/source.h"

/*
 * *authorization is "Bearer TOKEN" of the key `token` (RFC 6750), else "Basic ..." of `username`
 * and `password`; NULL when `secret_name` is. ERROR_INVALID when the Secret has neither, or what
 * can't be sent; `field` names the Secret's field of the spec.
 */
MUST_CHECK struct result source_authorization(struct arena *arena, const char *secret_name,
                                              const struct source_secret *secret, const char *field,
                                              const char **authorization, struct error *error);

#endif
