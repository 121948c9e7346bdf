#include "api/codec_writer.h"

#include "core/memory.h"
#include "core/text.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { NUMBER_SIZE = 32, CONTROL_END = 0x20, NOT_ASCII = 0x80 };

/* Most texts are short; glibc keeps free pieces of up to 1,032 bytes at hand. */
enum { FIRST_SIZE = 1024 };

/* U+FFFD REPLACEMENT CHARACTER */
static const char replacement[] = "\xEF\xBF\xBD";

static char *need(struct writer *writer, size_t size)
{
    if (writer->capacity - writer->size < size) {
        size_t needed = writer->size + size;
        needed = needed > FIRST_SIZE ? needed : FIRST_SIZE;
        writer->text = memory_grow(writer->text, &writer->capacity, needed, 1);
    }
    return writer->text + writer->size;
}

void writer_add(struct writer *writer, const char *bytes, size_t size)
{
    memcpy(need(writer, size), bytes, size);
    writer->size += size;
}

void writer_add_byte(struct writer *writer, char byte)
{
    *need(writer, 1) = byte;
    writer->size++;
}

static void add_escaped(struct writer *writer, char byte)
{
    static const char letters[][2] = {"\"\"", "\\\\", "\bb", "\ff", "\nn", "\rr", "\tt"};
    char text[NUMBER_SIZE];
    for (size_t at = 0; at < sizeof(letters) / sizeof(letters[0]); at++) {
        if (letters[at][0] == byte) {
            writer_add_byte(writer, '\\');
            writer_add_byte(writer, letters[at][1]);
            return;
        }
    }
    writer_add(writer, text, (size_t)snprintf(text, sizeof(text), "\\u%04X", (unsigned)byte));
}

/* ASCII that stands for itself. */
static bool is_plain(unsigned char byte)
{
    return byte >= CONTROL_END && byte < NOT_ASCII && byte != '"' && byte != '\\';
}

void writer_add_string(struct writer *writer, const char *text, size_t size)
{
    size_t from = 0;
    writer_add_byte(writer, '"');
    for (size_t at = 0; at < size;) {
        unsigned char byte = (unsigned char)text[at];
        if (is_plain(byte)) {
            at++;
            continue;
        }
        size_t valid = byte < NOT_ASCII ? 1 : text_utf8_size(text + at, size - at);
        if (valid > 1) {
            at += valid;
            continue;
        }
        writer_add(writer, text + from, at - from);
        if (valid > 0) {
            add_escaped(writer, text[at]);
        } else {
            writer_add(writer, replacement, sizeof(replacement) - 1);
        }
        from = ++at;
    }
    writer_add(writer, text + from, size - from);
    writer_add_byte(writer, '"');
}

void writer_add_name(struct writer *writer, const char *name)
{
    if (writer->text[writer->size - 1] != '{') {
        writer_add_byte(writer, ',');
    }
    writer_add_string(writer, name, strlen(name));
    writer_add_byte(writer, ':');
}

void writer_add_integer(struct writer *writer, long long value)
{
    char text[NUMBER_SIZE];
    writer_add(writer, text, (size_t)snprintf(text, sizeof(text), "%lld", value));
}

char *writer_take(struct writer *writer, struct arena *arena)
{
    char *copy = arena_copy_bytes(arena, writer->size > 0 ? writer->text : "", writer->size);
    writer_free(writer);
    return copy;
}

void writer_free(struct writer *writer)
{
    (void)memory_free(writer->text);
    *writer = (struct writer){0};
}
