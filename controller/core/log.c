#include "core/log.h"

#include "core/buffer.h"
#include "core/civil.h"

#include <stdio.h>
#include <string.h>

/* One line at most; a longer one is cut, never split. */
enum { LOG_LINE_MAXIMUM = 8 * 1024 };

static struct log_sink configured = {.level = LOG_INFO, .format = LOG_FORMAT_TEXT};

static const char *const level_names[] = {
    [LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARNING] = "warning", [LOG_ERROR] = "error"};

void log_configure(struct log_sink sink)
{
    configured = sink;
}

bool log_enabled(enum log_level level)
{
    return level >= configured.level;
}

/* A line that is over the maximum keeps what fitted. */
static void put(struct buffer *line, const char *text)
{
    (void)!result_is_ok(buffer_append_text(line, text));
}

static void put_quoted(struct buffer *line, const char *text)
{
    put(line, "\"");
    for (const char *at = text; *at != '\0'; at++) {
        char escaped[8];
        unsigned char byte = (unsigned char)*at;
        if (byte == '"' || byte == '\\') {
            (void)snprintf(escaped, sizeof(escaped), "\\%c", byte);
        } else if (byte == '\n') {
            (void)snprintf(escaped, sizeof(escaped), "\\n");
        } else if (byte < 0x20 || byte == 0x7F) {
            (void)snprintf(escaped, sizeof(escaped), "\\u%04x", byte);
        } else {
            (void)snprintf(escaped, sizeof(escaped), "%c", byte);
        }
        put(line, escaped);
    }
    put(line, "\"");
}

static bool is_plain_word(const char *text)
{
    return text[0] != '\0' && strpbrk(text, " \"\\=\n\t") == NULL;
}

static void put_field(struct buffer *line, const char *name, const char *text, bool quote)
{
    bool json = configured.format == LOG_FORMAT_JSON;
    if (line->size > 0 && strcmp(buffer_text(line), "{") != 0) {
        put(line, json ? "," : " ");
    }
    if (json) {
        put_quoted(line, name);
        put(line, ":");
    } else {
        put(line, name);
        put(line, "=");
        quote = quote && !is_plain_word(text);
    }
    if (quote) {
        put_quoted(line, text);
    } else {
        put(line, text);
    }
}

static void write_line(struct buffer *line)
{
    if (configured.write) {
        configured.write(line->data, line->size);
    } else {
        (void)fwrite(line->data, 1, line->size, stderr);
    }
}

void log_emit(enum log_level level, const char *message, const struct log_field *fields,
              size_t count)
{
    if (!log_enabled(level)) {
        return;
    }
    struct buffer line = BUFFER_INIT(LOG_LINE_MAXIMUM);
    bool json = configured.format == LOG_FORMAT_JSON;
    if (json) {
        put(&line, "{");
    }
    if (configured.now_micros) {
        char time[CIVIL_TEXT_SIZE];
        civil_format_micro(configured.now_micros(), time);
        put_field(&line, "time", time, true);
    }
    put_field(&line, "level", level_names[level], true);
    put_field(&line, "message", message, true);
    for (size_t at = 0; at < count; at++) {
        if (fields[at].type == LOG_FIELD_INTEGER) {
            char number[32];
            (void)snprintf(number, sizeof(number), "%lld", (long long)fields[at].integer);
            put_field(&line, fields[at].name, number, false);
        } else {
            put_field(&line, fields[at].name, fields[at].text ? fields[at].text : "", true);
        }
    }
    line.maximum += sizeof("}\n"); /* the end of the line always fits */
    put(&line, json ? "}\n" : "\n");
    write_line(&line);
    buffer_free(&line);
}
