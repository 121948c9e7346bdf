#ifndef TIDEMILL_API_CODEC_READ_H
#define TIDEMILL_API_CODEC_READ_H

/*
 * Reads a JSON text (RFC 8259) from front to back, for api/codec_decode.c alone. No tree is made:
 * what nobody asks for is skipped where it stands, and what is asked for is copied once. Skipped
 * values are looked at only as closely as finding their end needs. Depth costs no stack here.
 *
 * Every function takes white space before what it reads. After an error the reader is where the
 * error is, and nothing more may be read.
 */

#include "api/codec_scan.h"
#include "core/arena.h"
#include "core/result.h"

#include <stdint.h>

struct reader {
    struct span text;
    size_t at;
    struct arena *arena;   /* for texts */
    struct arena *scratch; /* for what only its user needs while reading; may be NULL */
    struct error *error;   /* named by the path of what is wrong */
};

enum read_type {
    READ_NOTHING, /* the end, or a byte that begins no value */
    READ_OBJECT,
    READ_ARRAY,
    READ_TEXT,
    READ_INTEGER,
    READ_REAL,
    READ_BOOLEAN,
    READ_NULL
};

/* What comes next; moves to its first byte. A number's form is judged when it is read. */
enum read_type read_peek(struct reader *reader);

/* "an object", "a string", ...: for messages. */
const char *read_type_name(enum read_type type);

/* ERROR_INVALID with the path of the value at `position`, then `message`. */
struct result read_fail(struct reader *reader, size_t position, const char *message, ...)
    PRINTF_LIKE(3, 4);

/*
 * Past the bracket that read_peek() saw. False when `closing` follows at once; the reader is behind
 * it.
 */
bool read_open(struct reader *reader, char closing);

/*
 * To the next member of an object, or item of an array, past the comma before it. *more is false
 * when `closing` came; the reader is behind it.
 */
MUST_CHECK struct result read_next(struct reader *reader, char closing, bool *more);

/*
 * A member's name and the colon behind it. `name` is what stands between the quotes, or, where it
 * has escapes, what they mean.
 */
MUST_CHECK struct result read_name(struct reader *reader, struct span *name);

/* Valid UTF-8, in the arena; a NUL becomes U+FFFD. */
MUST_CHECK struct result read_text(struct reader *reader, const char **text);
MUST_CHECK struct result read_integer(struct reader *reader, int64_t *value);
MUST_CHECK struct result read_boolean(struct reader *reader, bool *value);

/* The string in `text`, which is a JSON string in its quotes; NULL when it is none. */
char *read_span_text(struct arena *arena, struct span text);

/* Past a value of any type. `value`: where it stands; may be NULL. */
MUST_CHECK struct result read_skip(struct reader *reader, struct span *value);

/* Nothing but white space may be left. */
MUST_CHECK struct result read_end(struct reader *reader);

#endif
