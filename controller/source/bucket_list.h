#ifndef TIDEMILL_SOURCE_BUCKET_LIST_H
#define TIDEMILL_SOURCE_BUCKET_LIST_H

/*
 * What the pages of an S3 listing come to; for source/bucket.c. Memory does not grow with the
 * number of objects. A key that does not begin with the prefix is not counted, whatever the server
 * thought.
 */

#include "api/meta.h"
#include "core/arena.h"
#include "core/digest.h"
#include "source/bucket_mark.h"
#include "source/glob.h"

#include <stddef.h>
#include <stdint.h>

enum {
    BUCKET_KEY_LIMIT = 1024, /* bytes: S3's own */
    BUCKET_NEWEST = 20,
    BUCKET_ETAG_LIMIT = 128,
    BUCKET_TOKEN_LIMIT = 2048 /* a key as base64 and some words */
};

struct bucket_object {
    char key[BUCKET_KEY_LIMIT + 1];
    char etag[BUCKET_ETAG_LIMIT + 1];
    int64_t modified; /* unix seconds; TIME_ABSENT */
};

/* The newest objects that can be named, newest first; of one time by key. */
struct bucket_top {
    struct bucket_object items[BUCKET_NEWEST];
    size_t count;
};

/* Zeroed, but for the first three. */
struct bucket_listing {
    const char *prefix;
    const struct glob *pattern; /* over what follows the prefix; NULL: any */
    struct bucket_mark before;  /* of the firing before */
    size_t count;
    unsigned char sum[DIGEST_SIZE]; /* of the objects' digests, modulo 2^256, last byte first */
    struct bucket_top newest;
    struct bucket_top fresh; /* of those that are new or changed since `before` */
    size_t fresh_count;      /* of these, named or not */
    struct bucket_mark mark;
};

/*
 * Adds one page. *token: of the next one, in the arena; NULL on the last. ERROR_INVALID: no
 * listing, ERROR_LIMIT: longer names than S3 has.
 */
MUST_CHECK struct result bucket_read_page(struct arena *arena, struct bucket_listing *listing,
                                          const char *bytes, size_t size, const char **token,
                                          struct error *error);

/* 64 hex digits. */
const char *bucket_digest(struct arena *arena, const struct bucket_listing *listing);

enum { BUCKET_VALUES = 8 };

/* Writes at most BUCKET_VALUES values (source/bucket.c names them) and returns how many. */
size_t bucket_values(struct arena *arena, const struct bucket_listing *listing,
                     struct name_value *values);

struct bucket_error {
    const char *code; /* "NoSuchBucket" */
    const char *message;
};

/* False when the body is no error of S3. */
bool bucket_read_error(struct arena *arena, const char *bytes, size_t size,
                       struct bucket_error *refusal);

#endif
