#include "kube/watch_stream.h"

#include <stdint.h>
#include <string.h>

enum { LENGTH_SIZE = 4, BYTE_BITS = 8 };

void watch_stream_init(struct watch_stream *stream,
                       struct result (*on_event)(void *context, const char *bytes, size_t size),
                       void *context)
{
    *stream = (struct watch_stream){.partial = BUFFER_INIT(WATCH_EVENT_MAXIMUM + LENGTH_SIZE),
                                    .on_event = on_event,
                                    .context = context};
}

void watch_stream_begin(struct watch_stream *stream, bool is_framed)
{
    watch_stream_reset(stream);
    stream->is_framed = is_framed;
}

void watch_stream_reset(struct watch_stream *stream)
{
    if (stream->partial.capacity > WATCH_STREAM_KEPT) {
        buffer_free(&stream->partial);
    } else {
        buffer_clear(&stream->partial);
    }
}

size_t watch_stream_held(const struct watch_stream *stream)
{
    return stream->partial.capacity;
}

void watch_stream_free(struct watch_stream *stream)
{
    buffer_free(&stream->partial);
}

static struct result take_event(struct watch_stream *stream, const char *bytes, size_t size)
{
    if (size > WATCH_EVENT_MAXIMUM) {
        return result_of(ERROR_LIMIT);
    }
    return size > 0 ? stream->on_event(stream->context, bytes, size) : RESULT_OK;
}

/* ---- Lines ---- */

/* The newline of the line in progress is at `end`. */
static struct result finish_line(struct watch_stream *stream, const char *bytes, size_t end)
{
    TRY(buffer_append(&stream->partial, bytes, end));
    struct result result = take_event(stream, stream->partial.data, stream->partial.size);
    watch_stream_reset(stream);
    return result;
}

static struct result feed_lines(struct watch_stream *stream, const char *bytes, size_t size)
{
    while (size > 0) {
        const char *newline = memchr(bytes, '\n', size);
        if (!newline) {
            return buffer_append(&stream->partial, bytes, size);
        }
        size_t line_size = (size_t)(newline - bytes);
        /* A line that arrived whole is not copied. */
        TRY(stream->partial.size > 0 ? finish_line(stream, bytes, line_size)
                                     : take_event(stream, bytes, line_size));
        bytes = newline + 1;
        size -= line_size + 1;
    }
    return RESULT_OK;
}

/* ---- Frames ---- */

/* What the frame is long with its length, which is at `bytes`; ERROR_LIMIT: more than may be. */
static struct result read_length(const char *bytes, size_t *whole)
{
    size_t length = 0;
    for (size_t at = 0; at < LENGTH_SIZE; at++) {
        length = length << BYTE_BITS | (unsigned char)bytes[at];
    }
    *whole = length + LENGTH_SIZE;
    return length <= WATCH_EVENT_MAXIMUM ? RESULT_OK : result_of(ERROR_LIMIT);
}

/* Adds to the frame in progress until it is `whole` bytes long, or nothing is left to add. */
static struct result fill_frame(struct watch_stream *stream, size_t whole, const char **bytes,
                                size_t *size)
{
    size_t missing = whole - stream->partial.size;
    size_t taken = missing < *size ? missing : *size;
    TRY(buffer_append(&stream->partial, *bytes, taken));
    *bytes += taken;
    *size -= taken;
    return RESULT_OK;
}

/* Goes on with the frame in progress; it may end in these bytes. */
static struct result continue_frame(struct watch_stream *stream, const char **bytes, size_t *size)
{
    size_t whole = LENGTH_SIZE;
    if (stream->partial.size < LENGTH_SIZE) {
        TRY(fill_frame(stream, LENGTH_SIZE, bytes, size));
        if (stream->partial.size < LENGTH_SIZE) {
            return RESULT_OK;
        }
    }
    TRY(read_length(stream->partial.data, &whole));
    TRY(fill_frame(stream, whole, bytes, size));
    if (stream->partial.size < whole) {
        return RESULT_OK;
    }
    struct result result = take_event(stream, stream->partial.data + LENGTH_SIZE,
                                      whole - LENGTH_SIZE);
    watch_stream_reset(stream);
    return result;
}

static struct result feed_frames(struct watch_stream *stream, const char *bytes, size_t size)
{
    while (size > 0) {
        size_t whole = SIZE_MAX;
        if (stream->partial.size == 0 && size >= LENGTH_SIZE) {
            TRY(read_length(bytes, &whole));
        }
        if (whole > size) {
            TRY(continue_frame(stream, &bytes, &size));
            continue;
        }
        /* A frame that arrived whole is not copied. */
        TRY(take_event(stream, bytes + LENGTH_SIZE, whole - LENGTH_SIZE));
        bytes += whole;
        size -= whole;
    }
    return RESULT_OK;
}

struct result watch_stream_feed(struct watch_stream *stream, const char *bytes, size_t size)
{
    return stream->is_framed ? feed_frames(stream, bytes, size) : feed_lines(stream, bytes, size);
}
