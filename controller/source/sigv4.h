#ifndef TIDEMILL_SOURCE_SIGV4_H
#define TIDEMILL_SOURCE_SIGV4_H

/*
 * AWS Signature Version 4, as S3 servers ask for it: the header Authorization of one request.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 *
 * What is signed must be what is sent, byte for byte: its user escapes path and query itself, and
 * sees that each of `headers`, Host included, is sent as it stands here.
 */

#include "api/meta.h"
#include "core/arena.h"

#include <stddef.h>
#include <stdint.h>

enum {
    SIGV4_DATE_SIZE = 9, /* "20130524" */
    SIGV4_TIME_SIZE = 17 /* "20130524T000000Z" */
};

struct sigv4_key {
    const char *access; /* goes into the header */
    const char *secret; /* never does */
    const char *region;
    const char *service; /* "s3" */
};

struct sigv4_request {
    const char *method;
    const char *path;                 /* escaped, from its first "/" */
    const char *query;                /* escaped, sorted by name; "" when there is none */
    const struct name_value *headers; /* names in lower case, sorted; values without outer spaces */
    size_t header_count;
    const char *payload_digest; /* hex sha256 of the body */
};

/* The value of x-amz-date, for `headers`. `now` in unix seconds, of the years 0 to 9999. */
void sigv4_format_time(int64_t now, char text[SIGV4_TIME_SIZE]);

/* In the arena. `now` is what x-amz-date says. */
char *sigv4_authorize(struct arena *arena, const struct sigv4_key *key,
                      const struct sigv4_request *request, int64_t now);

#endif
