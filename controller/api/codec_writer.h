#ifndef TIDEMILL_API_CODEC_WRITER_H
#define TIDEMILL_API_CODEC_WRITER_H

/*
 * JSON text that grows: for api/codec*.c alone. The text is one value after the other, as its user
 * puts them; nothing here knows whether that is JSON.
 */

#include "core/arena.h"

#include <stddef.h>

/* Starts as {0}; ends with writer_take() or writer_free(). */
struct writer {
    char *text;
    size_t size;
    size_t capacity;
};

void writer_add(struct writer *writer, const char *bytes, size_t size);
void writer_add_byte(struct writer *writer, char byte);

/*
 * A string with its quotes (RFC 8259, 7): UTF-8 stays as it is, for each byte that is none comes
 * U+FFFD, and for a NUL the six characters of its escape.
 */
void writer_add_string(struct writer *writer, const char *text, size_t size);

/* "NAME": with what must come before it, at the end of an object with members or none. */
void writer_add_name(struct writer *writer, const char *name);

void writer_add_integer(struct writer *writer, long long value);

/* The text, NUL-terminated, in the arena; the writer is empty afterwards. */
char *writer_take(struct writer *writer, struct arena *arena);
void writer_free(struct writer *writer);

#endif
