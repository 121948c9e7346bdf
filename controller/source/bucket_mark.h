#ifndef TIDEMILL_SOURCE_BUCKET_MARK_H
#define TIDEMILL_SOURCE_BUCKET_MARK_H

/*
 * What is remembered of a bucket's objects from one firing to the next, so that a run can be told
 * which ones are new (status.observedMark). A bucket may hold a million objects and a status may
 * not, so of all but the newest the time is known alone:
 *
 *   PLACE COUNT TIME HASHES      "0a1b2c3d 2 - 5f60718293a4b5c6"
 *
 *   PLACE   8 digits, of endpoint, bucket, prefix and pattern: a mark of another place is none
 *   COUNT   of all objects
 *   TIME    of the oldest object that has a hash; "-" when all have one
 *   HASHES  8 digits for each of the newest 64: of key, ETag and size
 *
 * An object is new when its hash is not there and it is younger than TIME. One whose writing began
 * long ago (S3 gives a multipart upload the time of its beginning) is found as long as it is among
 * the newest. What can't be told counts as known: a run names too few objects rather than wrong
 * ones. For source/bucket.c and bucket_list.c.
 */

#include "core/arena.h"
#include "core/digest.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BUCKET_MARKED = 64 };

struct bucket_marked {
    uint32_t hash;
    int64_t modified; /* unix seconds; TIME_ABSENT */
};

/* Zeroed: of no object, which is no mark. */
struct bucket_mark {
    bool is_known;
    size_t count;
    struct bucket_marked newest[BUCKET_MARKED]; /* newest first; of one time by hash */
    size_t newest_count;
    int64_t oldest; /* of those in `newest`, when they are not all; TIME_ABSENT */
};

/* `raw`: the digest of the object's key, ETag and size. */
void bucket_mark_add(struct bucket_mark *mark, const unsigned char raw[DIGEST_SIZE],
                     int64_t modified);

/* Whether an object is none that this mark, which was read, is of. */
bool bucket_mark_is_new(const struct bucket_mark *mark, const unsigned char raw[DIGEST_SIZE],
                        int64_t modified);

/* `place` names what was listed, in any words. */
const char *bucket_mark_print(struct arena *arena, const struct bucket_mark *mark,
                              const char *place);

/* No mark when the text is NULL, of another place, or not what bucket_mark_print() writes. */
struct bucket_mark bucket_mark_read(const char *text, const char *place);

#endif
