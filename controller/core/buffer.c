#include "core/buffer.h"

#include "core/assert.h"
#include "core/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Room for `size` more bytes and the NUL. */
static struct result make_room(struct buffer *buffer, size_t size)
{
    if (size > buffer->maximum || buffer->size > buffer->maximum - size) {
        return result_of(ERROR_LIMIT);
    }
    buffer->data = memory_grow(buffer->data, &buffer->capacity, buffer->size + size + 1, 1);
    return RESULT_OK;
}

struct result buffer_append(struct buffer *buffer, const void *bytes, size_t size)
{
    TRY(make_room(buffer, size));
    if (size > 0) {
        memcpy(buffer->data + buffer->size, bytes, size);
    }
    buffer->size += size;
    buffer->data[buffer->size] = '\0';
    return RESULT_OK;
}

struct result buffer_append_text(struct buffer *buffer, const char *text)
{
    return buffer_append(buffer, text, strlen(text));
}

struct result buffer_print(struct buffer *buffer, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    REQUIRE(length >= 0);
    struct result result = make_room(buffer, (size_t)length);
    if (result_is_ok(result)) {
        (void)vsnprintf(buffer->data + buffer->size, (size_t)length + 1, format, again);
        buffer->size += (size_t)length;
    }
    va_end(again);
    return result;
}

void buffer_consume(struct buffer *buffer, size_t size)
{
    REQUIRE(size <= buffer->size);
    if (size == 0) {
        return;
    }
    memmove(buffer->data, buffer->data + size, buffer->size - size);
    buffer->size -= size;
    buffer->data[buffer->size] = '\0';
}

const char *buffer_text(const struct buffer *buffer)
{
    return buffer->data ? buffer->data : "";
}

void buffer_clear(struct buffer *buffer)
{
    buffer->size = 0;
    if (buffer->data) {
        buffer->data[0] = '\0';
    }
}

void buffer_free(struct buffer *buffer)
{
    buffer->data = memory_free(buffer->data);
    buffer->size = 0;
    buffer->capacity = 0;
}
