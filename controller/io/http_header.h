#ifndef TIDEMILL_IO_HTTP_HEADER_H
#define TIDEMILL_IO_HTTP_HEADER_H

/*
 * What the client reads from response headers and request paths. Pure; the bytes come from peers,
 * so anything may be in them.
 */

#include "core/result.h"

#include <stddef.h>

enum { HTTP_WARNING_SIZE = 1024, HTTP_RESOURCE_SIZE = 64, HTTP_CONTENT_TYPE_SIZE = 128 };

struct http_headers {
    bool is_whole;                             /* the empty line has come (HTTP/1.1) */
    int retry_after_seconds;                   /* IO_NO_RETRY_AFTER when absent or a date */
    char content_type[HTTP_CONTENT_TYPE_SIZE]; /* "" when absent or longer than any of use */
    bool has_warning;
    char warning[HTTP_WARNING_SIZE]; /* texts of all 299, "; " between, cut at a UTF-8 border */
};

void http_headers_clear(struct http_headers *headers);

/* One header; its name in any case. What it says counts as http_headers_read() tells. */
void http_headers_take(struct http_headers *headers, const char *name, size_t name_size,
                       const char *value, size_t value_size);

/*
 * One header line as it came, CRLF included. A status line begins anew: what an interim answer
 * (100, 103) said does not count. An empty line ends them: without it the answer was cut, which
 * curl does not tell. Retry-After: seconds (RFC 9110 10.2.3). Warning: 299
 * (RFC 7234 5.5, as the API server sends it: KEP-1693).
 */
void http_headers_read(struct http_headers *headers, const char *line, size_t size);

/*
 * The resource that an API path is about, for metrics: "pods", "jobs/status"; "other" when it is
 * none. No name of an object and no namespace is ever in it.
 */
void http_path_resource(const char *path, char resource[HTTP_RESOURCE_SIZE]);

/* True for "?...watch=true...". */
bool http_path_is_watch(const char *path);

#endif
