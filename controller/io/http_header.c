#include "io/http_header.h"

#include "core/text.h"
#include "kube/io.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* warn-code of a miscellaneous persistent warning (RFC 7234 5.5.7) */
#define WARNING_CODE "299"

enum { LEAST_OF_A_WARNING = 16 }; /* bytes; a shorter piece of it helps nobody */

void http_headers_clear(struct http_headers *headers)
{
    *headers = (struct http_headers){.retry_after_seconds = IO_NO_RETRY_AFTER};
}

/* Without the white space around it (RFC 9110, 5.5). */
static void trim(const char **value, size_t *size)
{
    while (*size > 0 && (**value == ' ' || **value == '\t')) {
        (*value)++;
        (*size)--;
    }
    while (*size > 0 && strchr("\r\n \t", (*value)[*size - 1]) != NULL) {
        (*size)--;
    }
}

static bool is_name(const char *name, size_t size, const char *expected)
{
    return size == strlen(expected) && strncasecmp(name, expected, size) == 0;
}

static int seconds_of(const char *value, size_t size)
{
    long seconds = 0;
    for (size_t at = 0; at < size; at++) {
        if (value[at] < '0' || value[at] > '9') {
            return IO_NO_RETRY_AFTER;
        }
        seconds = seconds * 10 + (value[at] - '0');
        if (seconds > INT_MAX) {
            return INT_MAX;
        }
    }
    return size > 0 ? (int)seconds : IO_NO_RETRY_AFTER;
}

static bool is_control(char byte)
{
    return (unsigned char)byte < ' ' || byte == 0x7F;
}

/* `299 agent "text"`; a backslash quotes the next byte. */
static void read_warning(struct http_headers *headers, const char *value, size_t size)
{
    static const char between[] = "; ";
    const size_t code = sizeof(WARNING_CODE) - 1;
    if (size <= code || memcmp(value, WARNING_CODE " ", code + 1) != 0) {
        return;
    }
    const char *end = value + size;
    const char *at = memchr(value, '"', size);
    if (!at) {
        return;
    }
    size_t length = strlen(headers->warning);
    if (length + sizeof(between) + LEAST_OF_A_WARNING >= sizeof(headers->warning)) {
        return;
    }
    if (length > 0) {
        memcpy(headers->warning + length, between, sizeof(between));
        length += sizeof(between) - 1;
    }
    for (at++; at < end && *at != '"' && length + 1 < sizeof(headers->warning); at++) {
        if (*at == '\\' && at + 1 < end) {
            at++;
        }
        headers->warning[length++] = is_control(*at) ? ' ' : *at;
    }
    headers->warning[length] = '\0';
    if (length + 1 == sizeof(headers->warning)) {
        headers->warning[text_clip_utf8(headers->warning, length - 1)] = '\0';
    }
    headers->has_warning = true;
}

static void read_content_type(struct http_headers *headers, const char *value, size_t size)
{
    bool fits = size < sizeof(headers->content_type) && memchr(value, '\0', size) == NULL;
    size = fits ? size : 0;
    memcpy(headers->content_type, value, size);
    headers->content_type[size] = '\0';
}

void http_headers_take(struct http_headers *headers, const char *name, size_t name_size,
                       const char *value, size_t value_size)
{
    trim(&value, &value_size);
    if (is_name(name, name_size, "retry-after")) {
        headers->retry_after_seconds = seconds_of(value, value_size);
    } else if (is_name(name, name_size, "content-type")) {
        read_content_type(headers, value, value_size);
    } else if (is_name(name, name_size, "warning")) {
        read_warning(headers, value, value_size);
    }
}

void http_headers_read(struct http_headers *headers, const char *line, size_t size)
{
    if (size >= 5 && memcmp(line, "HTTP/", 5) == 0) {
        http_headers_clear(headers);
        return;
    }
    headers->is_whole = headers->is_whole || (size > 0 && (line[0] == '\r' || line[0] == '\n'));
    const char *colon = memchr(line, ':', size);
    if (colon) {
        size_t name_size = (size_t)(colon - line);
        http_headers_take(headers, line, name_size, colon + 1, size - name_size - 1);
    }
}

/* ---- Paths ---- */

struct segment {
    const char *text;
    size_t size;
};

/* Most that an API path has: apis, group, version, namespaces, x, resource, name, subresource. */
enum { PATH_SEGMENTS = 8 };

static size_t split_path(const char *path, struct segment segments[PATH_SEGMENTS])
{
    size_t count = 0;
    while (*path == '/' && count < PATH_SEGMENTS) {
        path++;
        size_t size = strcspn(path, "/?");
        if (size > 0) {
            segments[count++] = (struct segment){path, size};
        }
        path += size;
    }
    return *path == '/' ? 0 : count;
}

static bool segment_is(struct segment segment, const char *text)
{
    return segment.size == strlen(text) && memcmp(segment.text, text, segment.size) == 0;
}

static bool is_plain(struct segment segment)
{
    for (size_t at = 0; at < segment.size; at++) {
        char byte = segment.text[at];
        if ((byte < 'a' || byte > 'z') && (byte < '0' || byte > '9') && byte != '-') {
            return false;
        }
    }
    return segment.size > 0;
}

void http_path_resource(const char *path, char resource[HTTP_RESOURCE_SIZE])
{
    struct segment segments[PATH_SEGMENTS];
    size_t count = split_path(path, segments);
    size_t at = 0;
    if (count > 2 && segment_is(segments[0], "api")) {
        at = 2;
    } else if (count > 3 && segment_is(segments[0], "apis")) {
        at = 3;
    }
    if (at > 0 && at + 2 < count && segment_is(segments[at], "namespaces")) {
        at += 2;
    }
    (void)snprintf(resource, HTTP_RESOURCE_SIZE, "other");
    if (at == 0 || !is_plain(segments[at])) {
        return;
    }
    struct segment kind = segments[at];
    bool has_subresource = at + 2 < count && is_plain(segments[at + 2]);
    struct segment subresource = has_subresource ? segments[at + 2] : (struct segment){"", 0};
    if (kind.size + 1 + subresource.size < HTTP_RESOURCE_SIZE) {
        (void)snprintf(resource, HTTP_RESOURCE_SIZE, "%.*s%s%.*s", (int)kind.size, kind.text,
                       has_subresource ? "/" : "", (int)subresource.size, subresource.text);
    }
}

bool http_path_is_watch(const char *path)
{
    const char *query = strchr(path, '?');
    while (query) {
        query++;
        if (text_starts_with(query, "watch=true") || text_starts_with(query, "watch=1")) {
            return true;
        }
        query = strchr(query, '&');
    }
    return false;
}
