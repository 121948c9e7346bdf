#ifndef TIDEMILL_KUBE_WATCH_STREAM_H
#define TIDEMILL_KUBE_WATCH_STREAM_H

/*
 * Cuts a stream into its events, wherever its chunks begin and end (conformance C10): lines of
 * JSON, or frames of protobuf, each behind its length as 4 bytes, the highest first (k8s.io/
 * apimachinery, pkg/util/framer). Used by kube/reflector. Invariants: an event in progress is held
 * in one buffer with a maximum; between events the stream holds WATCH_STREAM_KEPT bytes at most,
 * whatever passed through.
 */

#include "core/buffer.h"
#include "core/result.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    WATCH_EVENT_MAXIMUM = 4 * 1024 *
                          1024, /* etcd's 1.5 MiB as JSON, and room: C10 asks for 3 MiB */
    WATCH_STREAM_KEPT = 64 * 1024
};

struct watch_stream {
    struct buffer partial; /* the event in progress; with the length before it, if it is a frame */
    bool is_framed;
    /*
     * A line without its newline or a frame without its length, not NUL-terminated, never empty;
     * borrowed for the call.
     */
    struct result (*on_event)(void *context, const char *bytes, size_t size);
    void *context;
};

/* Of lines, until watch_stream_begin() says otherwise. */
void watch_stream_init(struct watch_stream *stream,
                       struct result (*on_event)(void *context, const char *bytes, size_t size),
                       void *context);

/* Forgets an event in progress: a new stream begins, of frames or of lines. */
void watch_stream_begin(struct watch_stream *stream, bool is_framed);

/*
 * Calls on_event for each event that ends in these bytes. What it returns other than RESULT_OK is
 * returned at once; ERROR_LIMIT: an event is over the maximum. The stream is over in both cases.
 */
MUST_CHECK struct result watch_stream_feed(struct watch_stream *stream, const char *bytes,
                                           size_t size);

/* Forgets an event in progress. */
void watch_stream_reset(struct watch_stream *stream);

/* Bytes held. */
size_t watch_stream_held(const struct watch_stream *stream);

void watch_stream_free(struct watch_stream *stream);

#endif
