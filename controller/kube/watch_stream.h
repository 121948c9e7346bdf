#ifndef TIDEMILL_KUBE_WATCH_STREAM_H
#define TIDEMILL_KUBE_WATCH_STREAM_H

/*
 * Cuts a stream of newline-delimited JSON into lines, wherever its chunks begin and end
 * (conformance C10). Used by kube/reflector. Invariants: a line in progress is held in one buffer
 * with a maximum; between lines the stream holds WATCH_STREAM_KEPT bytes at most, whatever passed
 * through.
 */

#include "core/buffer.h"
#include "core/result.h"

#include <stddef.h>

enum {
    WATCH_LINE_MAXIMUM = 4 * 1024 * 1024, /* etcd's 1.5 MiB as JSON, and room: C10 asks for 3 MiB */
    WATCH_STREAM_KEPT = 64 * 1024
};

struct watch_stream {
    struct buffer partial; /* the line in progress */
    /* A line without its newline, not NUL-terminated, never empty; borrowed for the call. */
    struct result (*on_line)(void *context, const char *line, size_t size);
    void *context;
};

void watch_stream_init(struct watch_stream *stream,
                       struct result (*on_line)(void *context, const char *line, size_t size),
                       void *context);

/*
 * Calls on_line for each line that ends in these bytes. What on_line returns other than RESULT_OK
 * is returned at once; ERROR_LIMIT: a line is over the maximum. The stream is over in both cases.
 */
MUST_CHECK struct result watch_stream_feed(struct watch_stream *stream, const char *bytes,
                                           size_t size);

/* Forgets a line in progress: a new stream begins. */
void watch_stream_reset(struct watch_stream *stream);

/* Bytes held. */
size_t watch_stream_held(const struct watch_stream *stream);

void watch_stream_free(struct watch_stream *stream);

#endif
