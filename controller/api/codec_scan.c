#include "api/codec_scan.h"

#include <stdio.h>
#include <string.h>

/* RFC 8259, section 2. */
static bool is_space(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

static bool is_delimiter(char byte)
{
    return is_space(byte) || byte == ',' || byte == ':' || byte == ']' || byte == '}';
}

static size_t skip_space(struct span text, size_t at)
{
    while (at < text.size && is_space(text.bytes[at])) {
        at++;
    }
    return at;
}

/* From the opening quote to behind the closing one; 0 when there is none. */
static size_t skip_string(struct span text, size_t at)
{
    for (at++; at < text.size; at++) {
        if (text.bytes[at] == '\\') {
            at++;
        } else if (text.bytes[at] == '"') {
            return at + 1;
        }
    }
    return 0;
}

/* From the opening bracket to behind the one that closes it; 0 when there is none. */
static size_t skip_brackets(struct span text, size_t at, size_t *deepest)
{
    size_t depth = 0;
    while (at < text.size) {
        char byte = text.bytes[at];
        if (byte == '"') {
            at = skip_string(text, at);
            if (at == 0) {
                return 0;
            }
            continue;
        }
        at++;
        if (byte == '{' || byte == '[') {
            depth++;
            *deepest = depth > *deepest ? depth : *deepest;
        } else if ((byte == '}' || byte == ']') && --depth == 0) {
            return at;
        }
    }
    return 0;
}

/* Behind the value that begins at `at`; 0 when none does. */
static size_t skip_value(struct span text, size_t at, size_t *deepest)
{
    if (at >= text.size) {
        return 0;
    }
    char byte = text.bytes[at];
    if (byte == '"') {
        return skip_string(text, at);
    }
    if (byte == '{' || byte == '[') {
        return skip_brackets(text, at, deepest);
    }
    size_t end = at;
    while (end < text.size && !is_delimiter(text.bytes[end])) {
        end++;
    }
    return end > at ? end : 0;
}

static struct span span_between(struct span text, size_t start, size_t end)
{
    return (struct span){text.bytes + start, end - start};
}

bool scan_open(struct span value, char bracket, struct scan *scan)
{
    size_t at = skip_space(value, 0);
    if (at >= value.size || value.bytes[at] != bracket) {
        return false;
    }
    *scan = (struct scan){.text = value, .at = at + 1, .first = true};
    return true;
}

/* To the next member or item, past the comma before it. */
static enum scan_step advance(struct scan *scan, char closing)
{
    size_t at = skip_space(scan->text, scan->at);
    if (at >= scan->text.size) {
        return SCAN_BROKEN;
    }
    if (scan->text.bytes[at] == closing) {
        scan->at = at + 1;
        return SCAN_END;
    }
    if (!scan->first) {
        if (scan->text.bytes[at] != ',') {
            return SCAN_BROKEN;
        }
        at = skip_space(scan->text, at + 1);
    }
    scan->first = false;
    scan->at = at;
    return SCAN_FOUND;
}

enum scan_step scan_next_item(struct scan *scan, struct span *value)
{
    enum scan_step step = advance(scan, ']');
    if (step != SCAN_FOUND) {
        return step;
    }
    size_t deepest = 0;
    size_t end = skip_value(scan->text, scan->at, &deepest);
    if (end == 0) {
        return SCAN_BROKEN;
    }
    *value = span_between(scan->text, scan->at, end);
    scan->at = end;
    return SCAN_FOUND;
}

enum scan_step scan_next_member(struct scan *scan, struct span *key, struct span *value)
{
    enum scan_step step = advance(scan, '}');
    if (step != SCAN_FOUND) {
        return step;
    }
    struct span text = scan->text;
    if (scan->at >= text.size || text.bytes[scan->at] != '"') {
        return SCAN_BROKEN;
    }
    size_t key_end = skip_string(text, scan->at);
    if (key_end == 0) {
        return SCAN_BROKEN;
    }
    size_t colon = skip_space(text, key_end);
    if (colon >= text.size || text.bytes[colon] != ':') {
        return SCAN_BROKEN;
    }
    size_t start = skip_space(text, colon + 1);
    size_t deepest = 0;
    size_t end = skip_value(text, start, &deepest);
    if (end == 0) {
        return SCAN_BROKEN;
    }
    *key = span_between(text, scan->at + 1, key_end - 1);
    *value = span_between(text, start, end);
    scan->at = end;
    return SCAN_FOUND;
}

size_t scan_value_end(struct span text, size_t at)
{
    size_t deepest = 0;
    return skip_value(text, at, &deepest);
}

bool scan_at_end(const struct scan *scan)
{
    return skip_space(scan->text, scan->at) == scan->text.size;
}

bool scan_find(struct span object, const char *name, struct span *value)
{
    struct scan scan;
    struct span key;
    struct span found;
    if (!scan_open(object, '{', &scan)) {
        return false;
    }
    while (scan_next_member(&scan, &key, &found) == SCAN_FOUND) {
        if (key.size == strlen(name) && memcmp(key.bytes, name, key.size) == 0) {
            *value = found;
            return true;
        }
    }
    return false;
}

size_t scan_depth(struct span value)
{
    size_t deepest = 0;
    (void)skip_value(value, skip_space(value, 0), &deepest);
    return deepest;
}

struct path_text {
    char *text;
    size_t size;
    size_t used;
};

static void path_add(struct path_text *path, const char *bytes, size_t count)
{
    for (size_t at = 0; at < count && path->used + 1 < path->size; at++) {
        unsigned char byte = (unsigned char)bytes[at];
        path->text[path->used++] = byte < ' ' ? '?' : bytes[at];
    }
    path->text[path->used] = '\0';
}

static bool span_holds(struct span span, const char *byte)
{
    return byte >= span.bytes && byte < span.bytes + span.size;
}

/* The member of `object` that holds `byte`. */
static bool member_at(struct span object, const char *byte, struct path_text *path,
                      struct span *value)
{
    struct scan scan;
    struct span key;
    if (!scan_open(object, '{', &scan)) {
        return false;
    }
    while (scan_next_member(&scan, &key, value) == SCAN_FOUND) {
        if (span_holds(*value, byte)) {
            path_add(path, ".", path->used > 0 ? 1 : 0);
            path_add(path, key.bytes, key.size);
            return true;
        }
    }
    return false;
}

static bool item_at(struct span array, const char *byte, struct path_text *path, struct span *value)
{
    enum { INDEX_SIZE = 32 };
    char index[INDEX_SIZE];
    struct scan scan;
    if (!scan_open(array, '[', &scan)) {
        return false;
    }
    for (size_t at = 0; scan_next_item(&scan, value) == SCAN_FOUND; at++) {
        if (span_holds(*value, byte)) {
            int length = snprintf(index, sizeof(index), "[%zu]", at);
            path_add(path, index, (size_t)length);
            return true;
        }
    }
    return false;
}

void scan_path_at(struct span text, size_t position, char *path, size_t size)
{
    struct path_text written = {.text = path, .size = size};
    const char *byte = text.bytes + position;
    struct span value = text;
    path[0] = '\0';
    while (member_at(value, byte, &written, &value) || item_at(value, byte, &written, &value)) {
    }
}
