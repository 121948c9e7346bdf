#ifndef TIDEMILL_SOURCE_SECRET_H
#define TIDEMILL_SOURCE_SECRET_H

/* What the protocols of source/ take from a Secret. Invariant: no message has a value in it. */

#include "source/source.h"

/* NULL when there is no such key, or no Secret. */
const char *source_secret_value(const struct source_secret *secret, const char *key);

/*
 * *authorization is "Basic ..." (RFC 7617) of the keys username and password, or with `takes_token`
 * of username ("git" when there is none) and token; NULL when `secret` is NULL. ERROR_INVALID when
 * the keys aren't there or hold what can't be sent; `field` names the Secret's field of the spec.
 */
MUST_CHECK struct result source_basic_authorization(struct arena *arena,
                                                    const struct source_secret *secret,
                                                    const char *field, bool takes_token,
                                                    const char **authorization,
                                                    struct error *error);

#endif
