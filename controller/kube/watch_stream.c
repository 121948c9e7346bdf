#include "kube/watch_stream.h"

#include <string.h>

void watch_stream_init(struct watch_stream *stream,
                       struct result (*on_line)(void *context, const char *line, size_t size),
                       void *context)
{
    *stream = (struct watch_stream){
        .partial = BUFFER_INIT(WATCH_LINE_MAXIMUM), .on_line = on_line, .context = context};
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

static struct result take_line(struct watch_stream *stream, const char *line, size_t size)
{
    if (size > WATCH_LINE_MAXIMUM) {
        return result_of(ERROR_LIMIT);
    }
    return size > 0 ? stream->on_line(stream->context, line, size) : RESULT_OK;
}

/* The newline of the line in progress is at `end`. */
static struct result finish_partial(struct watch_stream *stream, const char *bytes, size_t end)
{
    TRY(buffer_append(&stream->partial, bytes, end));
    struct result result = take_line(stream, stream->partial.data, stream->partial.size);
    watch_stream_reset(stream);
    return result;
}

struct result watch_stream_feed(struct watch_stream *stream, const char *bytes, size_t size)
{
    while (size > 0) {
        const char *newline = memchr(bytes, '\n', size);
        if (!newline) {
            return buffer_append(&stream->partial, bytes, size);
        }
        size_t line_size = (size_t)(newline - bytes);
        /* A line that arrived whole is not copied. */
        TRY(stream->partial.size > 0 ? finish_partial(stream, bytes, line_size)
                                     : take_line(stream, bytes, line_size));
        bytes = newline + 1;
        size -= line_size + 1;
    }
    return RESULT_OK;
}
