#ifndef TIDEMILL_CORE_BUFFER_H
#define TIDEMILL_CORE_BUFFER_H

/*
 * Growing bytes with a maximum. There is no buffer without one: `maximum` is what its user decided
 * a peer may make us hold. Invariant: data[size] is NUL once anything was written.
 */

#include "core/result.h"

#include <stddef.h>

struct buffer {
    char *data; /* NULL until the first write */
    size_t size;
    size_t capacity;
    size_t maximum; /* bytes, the NUL not counted */
};

/* `struct buffer b = BUFFER_INIT(64 * 1024);` */
#define BUFFER_INIT(maximum_bytes) \
    {                              \
        .maximum = (maximum_bytes) \
    }

/* ERROR_LIMIT when it would grow over the maximum: nothing is written then. */
MUST_CHECK struct result buffer_append(struct buffer *buffer, const void *bytes, size_t size);
MUST_CHECK struct result buffer_append_text(struct buffer *buffer, const char *text);
MUST_CHECK struct result buffer_print(struct buffer *buffer, const char *format, ...)
    PRINTF_LIKE(2, 3);

/* Drops `size` bytes from the front. */
void buffer_consume(struct buffer *buffer, size_t size);

/* NUL-terminated content; "" when empty. Borrowed until the next write. */
const char *buffer_text(const struct buffer *buffer);

/* Size 0, memory kept. */
void buffer_clear(struct buffer *buffer);
void buffer_free(struct buffer *buffer);

#endif
