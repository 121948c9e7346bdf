#ifndef TIDEMILL_SOURCE_CHALLENGE_H
#define TIDEMILL_SOURCE_CHALLENGE_H

/*
 * What a 401 asks for: WWW-Authenticate (RFC 9110, section 11.6.1), as registries use it (the
 * distribution project's token authentication). For source/image.c.
 */

#include "source/source.h"

enum challenge_scheme { CHALLENGE_NONE, CHALLENGE_BASIC, CHALLENGE_BEARER };

/* Texts are in the arena it was read into, unescaped, from outside: maybe of any bytes. */
struct challenge {
    enum challenge_scheme scheme;
    const char *realm;   /* of Bearer: where to get a token; NULL: not said */
    const char *service; /* NULL: not said */
};

/* The first Bearer among all challenges of the answer, else Basic. */
struct challenge challenge_read(struct arena *arena, const struct source_answer *answer);

#endif
