#include "api/codec_read.h"

#include "core/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { PATH_SIZE = 512, MESSAGE_SIZE = 512, QUOTE_LIMIT = 64 };

/* U+FFFD REPLACEMENT CHARACTER */
static const char replacement[] = "\xEF\xBF\xBD";
enum { REPLACEMENT_SIZE = sizeof(replacement) - 1 };

struct result read_fail(struct reader *reader, size_t position, const char *message, ...)
{
    char path[PATH_SIZE];
    char text[MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, message);
    (void)vsnprintf(text, sizeof(text), message, arguments);
    va_end(arguments);
    scan_path_at(reader->text, position, path, sizeof(path));
    return error_set(reader->error, ERROR_INVALID, "%s%s%s", path, path[0] ? ": " : "", text);
}

static struct result fail_syntax(struct reader *reader, const char *expected)
{
    if (reader->at >= reader->text.size) {
        return read_fail(reader, reader->at, "the text ends where %s should be", expected);
    }
    unsigned char byte = (unsigned char)reader->text.bytes[reader->at];
    return read_fail(reader, reader->at, "byte %zu: expected %s, got 0x%02X", reader->at, expected,
                     byte);
}

static void skip_space(struct reader *reader)
{
    const char *bytes = reader->text.bytes;
    while (reader->at < reader->text.size &&
           (bytes[reader->at] == ' ' || bytes[reader->at] == '\n' || bytes[reader->at] == '\r' ||
            bytes[reader->at] == '\t')) {
        reader->at++;
    }
}

static char byte_at(const struct reader *reader, size_t at)
{
    return at < reader->text.size ? reader->text.bytes[at] : '\0';
}

/* How far digits, sign, point and exponent go. */
static size_t number_end(const struct reader *reader)
{
    size_t at = reader->at;
    while (at < reader->text.size && strchr("+-.0123456789eE", reader->text.bytes[at]) != NULL &&
           reader->text.bytes[at] != '\0') {
        at++;
    }
    return at;
}

static enum read_type number_type(const struct reader *reader)
{
    size_t end = number_end(reader);
    for (size_t at = reader->at; at < end; at++) {
        if (strchr(".eE", reader->text.bytes[at]) != NULL) {
            return READ_REAL;
        }
    }
    return READ_INTEGER;
}

enum read_type read_peek(struct reader *reader)
{
    skip_space(reader);
    char byte = byte_at(reader, reader->at);
    switch (byte) {
    case '{':
        return READ_OBJECT;
    case '[':
        return READ_ARRAY;
    case '"':
        return READ_TEXT;
    case 't':
    case 'f':
        return READ_BOOLEAN;
    case 'n':
        return READ_NULL;
    default:
        return byte == '-' || (byte >= '0' && byte <= '9') ? number_type(reader) : READ_NOTHING;
    }
}

const char *read_type_name(enum read_type type)
{
    static const char *const names[] = {
        [READ_NOTHING] = "nothing",   [READ_OBJECT] = "an object",   [READ_ARRAY] = "an array",
        [READ_TEXT] = "a string",     [READ_INTEGER] = "an integer", [READ_REAL] = "a number",
        [READ_BOOLEAN] = "a boolean", [READ_NULL] = "null",
    };
    return names[type];
}

/* Whether `closing` is next; then the reader is behind it. */
static bool take_closing(struct reader *reader, char closing)
{
    skip_space(reader);
    bool is_next = byte_at(reader, reader->at) == closing;
    reader->at += is_next ? 1 : 0;
    return is_next;
}

bool read_open(struct reader *reader, char closing)
{
    reader->at++;
    return !take_closing(reader, closing);
}

struct result read_next(struct reader *reader, char closing, bool *more)
{
    *more = !take_closing(reader, closing);
    if (*more && byte_at(reader, reader->at) != ',') {
        return fail_syntax(reader, closing == '}' ? "',' or '}'" : "',' or ']'");
    }
    if (*more) {
        reader->at++;
        skip_space(reader);
    }
    return RESULT_OK;
}

/* ---- Texts ---- */

/* From the opening quote: the bytes up to the closing one, and whether they need work. */
static struct result find_text(struct reader *reader, struct span *raw, bool *has_escapes)
{
    const char *bytes = reader->text.bytes;
    size_t size = reader->text.size;
    size_t start = reader->at + 1;
    size_t at = start;
    *has_escapes = false;
    while (at < size && bytes[at] != '"') {
        unsigned char byte = (unsigned char)bytes[at];
        if (byte < ' ') {
            reader->at = at;
            return fail_syntax(reader, "no control character in a string");
        }
        if (byte == '\\') {
            *has_escapes = true;
            at += 2;
        } else if (byte < 0x80U) {
            at++;
        } else {
            size_t length = text_utf8_size(bytes + at, size - at);
            if (length == 0) {
                reader->at = at;
                return fail_syntax(reader, "UTF-8");
            }
            at += length;
        }
    }
    if (at >= size) {
        reader->at = size;
        return fail_syntax(reader, "the end of a string");
    }
    *raw = (struct span){bytes + start, at - start};
    reader->at = at + 1;
    return RESULT_OK;
}

static int hex_value(char byte)
{
    if (byte >= '0' && byte <= '9') {
        return byte - '0';
    }
    byte = (char)(byte | 0x20);
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* Four hexadecimal digits; false: there are none. */
static bool read_unit(struct span raw, size_t at, unsigned *unit)
{
    enum { DIGITS = 4 };
    *unit = 0;
    for (size_t digit = 0; digit < DIGITS; digit++) {
        int value = at + digit < raw.size ? hex_value(raw.bytes[at + digit]) : -1;
        if (value < 0) {
            return false;
        }
        *unit = *unit << 4 | (unsigned)value;
    }
    return true;
}

static size_t put_character(char *to, unsigned code)
{
    if (code == 0) {
        memcpy(to, replacement, REPLACEMENT_SIZE);
        return REPLACEMENT_SIZE;
    }
    if (code < 0x80U) {
        to[0] = (char)code;
        return 1;
    }
    if (code < 0x800U) {
        to[0] = (char)(0xC0U | code >> 6);
        to[1] = (char)(0x80U | (code & 0x3FU));
        return 2;
    }
    if (code < 0x10000U) {
        to[0] = (char)(0xE0U | code >> 12);
        to[1] = (char)(0x80U | (code >> 6 & 0x3FU));
        to[2] = (char)(0x80U | (code & 0x3FU));
        return 3;
    }
    to[0] = (char)(0xF0U | code >> 18);
    to[1] = (char)(0x80U | (code >> 12 & 0x3FU));
    to[2] = (char)(0x80U | (code >> 6 & 0x3FU));
    to[3] = (char)(0x80U | (code & 0x3FU));
    return 4;
}

/* The \u at `*at`, with the one behind it where they are a pair (RFC 8259, section 7). */
static bool read_unicode(struct span raw, size_t *at, unsigned *code)
{
    enum { ESCAPE_SIZE = 6 };
    unsigned low = 0;
    if (!read_unit(raw, *at + 2, code)) {
        return false;
    }
    *at += ESCAPE_SIZE;
    if (*code < 0xD800U || *code > 0xDFFFU) {
        return true;
    }
    bool is_pair = *code <= 0xDBFFU && *at + 1 < raw.size && raw.bytes[*at] == '\\' &&
                   raw.bytes[*at + 1] == 'u' && read_unit(raw, *at + 2, &low) && low >= 0xDC00U &&
                   low <= 0xDFFFU;
    *code = 0x10000U + ((*code - 0xD800U) << 10) + (low - 0xDC00U);
    *at += is_pair ? (size_t)ESCAPE_SIZE : 0;
    return is_pair;
}

static char plain_escape(char byte)
{
    static const char from[] = "\"\\/bfnrt";
    static const char to[] = "\"\\/\b\f\n\r\t";
    const char *found = strchr(from, byte); /* a NUL finds the ends of both */
    return found ? to[found - from] : '\0';
}

/* What the escapes in `raw` mean; no longer than `raw`, each being longer than its character. */
static struct result unescape(struct reader *reader, struct span raw, char **text, size_t *size)
{
    char *to = arena_allocate(reader->arena, 1, raw.size + 1);
    size_t used = 0;
    for (size_t at = 0; at < raw.size;) {
        if (raw.bytes[at] != '\\') {
            to[used++] = raw.bytes[at++];
            continue;
        }
        unsigned code = 0;
        char next = raw.bytes[at + 1]; /* never the last byte: it would escape the closing quote */
        char plain = plain_escape(next);
        if (plain) {
            to[used++] = plain;
            at += 2;
        } else if (next == 'u' && read_unicode(raw, &at, &code)) {
            used += put_character(to + used, code);
        } else {
            reader->at = (size_t)(raw.bytes - reader->text.bytes) + at;
            return read_fail(reader, reader->at, "a string has an escape that means nothing");
        }
    }
    to[used] = '\0';
    *text = to;
    *size = used;
    return RESULT_OK;
}

struct result read_text(struct reader *reader, const char **text)
{
    struct span raw;
    bool has_escapes = false;
    TRY(find_text(reader, &raw, &has_escapes));
    char *copy = NULL;
    size_t size = 0;
    if (has_escapes) {
        TRY(unescape(reader, raw, &copy, &size));
    } else {
        copy = arena_copy_bytes(reader->arena, raw.bytes, raw.size);
    }
    *text = copy;
    return RESULT_OK;
}

char *read_span_text(struct arena *arena, struct span text)
{
    struct reader reader = {.text = text, .arena = arena};
    const char *found = NULL;
    bool is_text = read_peek(&reader) == READ_TEXT && result_is_ok(read_text(&reader, &found)) &&
                   reader.at == text.size;
    return is_text ? (char *)(uintptr_t)found : NULL;
}

struct result read_name(struct reader *reader, struct span *name)
{
    bool has_escapes = false;
    if (byte_at(reader, reader->at) != '"') {
        return fail_syntax(reader, "the name of a member");
    }
    TRY(find_text(reader, name, &has_escapes));
    if (has_escapes) {
        char *copy = NULL;
        TRY(unescape(reader, *name, &copy, &name->size));
        name->bytes = copy;
    }
    skip_space(reader);
    if (byte_at(reader, reader->at) != ':') {
        return fail_syntax(reader, "':'");
    }
    reader->at++;
    return RESULT_OK;
}

/* ---- Other scalars ---- */

/* RFC 8259, section 6: no plus, no zero in front. */
struct result read_integer(struct reader *reader, int64_t *value)
{
    size_t start = reader->at;
    size_t end = number_end(reader);
    bool is_negative = byte_at(reader, start) == '-';
    size_t at = start + (is_negative ? 1 : 0);
    bool is_number = at < end && (reader->text.bytes[at] != '0' || at + 1 == end);
    int64_t total = 0;
    bool fits = true;
    for (; is_number && at < end; at++) {
        char byte = reader->text.bytes[at];
        is_number = byte >= '0' && byte <= '9';
        /* Downwards, where there is room for one more. */
        fits = fits && !__builtin_mul_overflow(total, 10, &total) &&
               !__builtin_sub_overflow(total, byte - '0', &total);
    }
    fits = fits && (is_negative || total != INT64_MIN);
    if (!is_number || !fits) {
        size_t shown = end - start < QUOTE_LIMIT ? end - start : QUOTE_LIMIT;
        return read_fail(reader, start, "%s near '%.*s'",
                         is_number ? "too big integer" : "not a number", (int)shown,
                         reader->text.bytes + start);
    }
    *value = is_negative ? total : -total;
    reader->at = end;
    return RESULT_OK;
}

static bool take_word(struct reader *reader, const char *word)
{
    size_t size = strlen(word);
    if (reader->text.size - reader->at < size ||
        memcmp(reader->text.bytes + reader->at, word, size) != 0) {
        return false;
    }
    reader->at += size;
    return true;
}

struct result read_boolean(struct reader *reader, bool *value)
{
    bool is_true = take_word(reader, "true");
    if (!is_true && !take_word(reader, "false")) {
        return fail_syntax(reader, "true or false");
    }
    *value = is_true;
    return RESULT_OK;
}

struct result read_skip(struct reader *reader, struct span *value)
{
    struct span found;
    skip_space(reader);
    size_t end = scan_value_end(reader->text, reader->at);
    if (end == 0) {
        return fail_syntax(reader, "a whole value");
    }
    found = (struct span){reader->text.bytes + reader->at, end - reader->at};
    reader->at = end;
    if (value) {
        *value = found;
    }
    return RESULT_OK;
}

struct result read_end(struct reader *reader)
{
    skip_space(reader);
    return reader->at == reader->text.size ? RESULT_OK : fail_syntax(reader, "the end of the text");
}
