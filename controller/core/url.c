#include "core/url.h"

#include "core/text.h"

#include <arpa/inet.h>
#include <string.h>

enum { HTTP_PORT = 80, HTTPS_PORT = 443, PORT_LIMIT = 65535, PORT_DIGITS = 5 };

/* Printable ASCII, none of which a lenient reader would take for something else. */
static bool is_fine(const char *text)
{
    for (; *text; text++) {
        if (*text <= ' ' || *text > '~' || strchr("\"<>\\^`{|}", *text)) {
            return false;
        }
    }
    return true;
}

static struct result check_text(const char *text, struct error *error)
{
    if (strlen(text) > URL_LIMIT) {
        return error_set(error, ERROR_INVALID, "is longer than %d bytes", URL_LIMIT);
    }
    if (!is_fine(text)) {
        return error_set(error, ERROR_INVALID,
                         "has a character that stands in no URL: write it as %%XX");
    }
    if (strchr(text, '#')) {
        return error_set(error, ERROR_INVALID, "has a \"#\": leave it out, or write it as %%23");
    }
    return RESULT_OK;
}

static char *copy_lower(struct arena *arena, const char *bytes, size_t size)
{
    char *copy = arena_copy_bytes(arena, bytes, size);
    for (char *at = copy; *at; at++) {
        *at = (char)(*at >= 'A' && *at <= 'Z' ? *at - 'A' + 'a' : *at);
    }
    return copy;
}

/* RFC 3986, section 3.2.2, without what no server is called: no sub-delimiters, no escapes. */
static bool is_host(const char *host)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    size_t size = strlen(host);
    if (host[0] == '[') {
        size_t inside = strspn(host + 1, "0123456789abcdef:.");
        return inside > 1 && inside + 2 == size && host[size - 1] == ']';
    }
    return size > 0 && strchr(letters, host[0]) && host[0] != '\0' &&
           strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789-._") == size;
}

/* Whether the last label is a number: then curl and browsers take all of it for an IPv4 address. */
static bool ends_in_number(const char *host)
{
    size_t end = strlen(host);
    end -= text_ends_with(host, ".") ? 1 : 0;
    size_t start = end;
    while (start > 0 && host[start - 1] != '.') {
        start--;
    }
    const char *label = host + start;
    bool is_hex = text_starts_with(label, "0x");
    size_t prefix = is_hex ? strlen("0x") : 0;
    const char *digits = is_hex ? "0123456789abcdef" : "0123456789";
    return start + prefix + strspn(label + prefix, digits) == end;
}

/* Whether an address is written as it is printed: other forms are read as one that is not seen. */
static bool is_plain_address(struct arena *arena, const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];
    char printed[INET6_ADDRSTRLEN];
    bool has_brackets = host[0] == '[';
    int family = has_brackets ? AF_INET6 : AF_INET;
    const char *text = has_brackets ? arena_copy_bytes(arena, host + 1, strlen(host) - 2) : host;
    return inet_pton(family, text, address) == 1 &&
           text_equal(inet_ntop(family, address, printed, sizeof(printed)), text);
}

/* The host's end in host[:port]; the colon of a port, or the end. */
static const char *find_port(const char *authority)
{
    const char *bracket = authority[0] == '[' ? strchr(authority, ']') : NULL;
    const char *colon = strchr(bracket ? bracket : authority, ':');
    return colon ? colon : authority + strlen(authority);
}

static struct result parse_authority(struct arena *arena, struct url *url, struct error *error)
{
    if (strchr(url->authority, '@')) {
        return error_set(error, ERROR_INVALID,
                         "has a user before \"@\": put user and password into the Secret");
    }
    const char *port = find_port(url->authority);
    url->host = arena_copy_bytes(arena, url->authority, (size_t)(port - url->authority));
    url->port = text_equal(url->scheme, "https") ? HTTPS_PORT : HTTP_PORT;
    if (!is_host(url->host)) {
        return error_set(error, ERROR_INVALID, "has no host: write https://HOST/PATH");
    }
    bool is_address = url->host[0] == '[' || ends_in_number(url->host);
    if (is_address && !is_plain_address(arena, url->host)) {
        return error_set(error, ERROR_INVALID,
                         "has an address that not everybody reads alike: write four numbers from 0 "
                         "to 255, or IPv6 in its shortest form");
    }
    if (port[0] == '\0') {
        return RESULT_OK;
    }
    int64_t number = 0;
    bool is_number = strlen(port + 1) <= PORT_DIGITS && port[1] != '-' &&
                     text_parse_integer(port + 1, &number) && number > 0 && number <= PORT_LIMIT;
    if (!is_number) {
        return error_set(error, ERROR_INVALID, "has a port that is none of 1 to %d", PORT_LIMIT);
    }
    url->port = (int)number;
    return RESULT_OK;
}

/* The bytes of one "." at `at`, escaped or not; 0 when there is none. */
static size_t dot_size(const char *at)
{
    bool is_escaped = at[0] == '%' && at[1] == '2' && (at[2] == 'e' || at[2] == 'E');
    return at[0] == '.' ? 1 : is_escaped ? strlen("%2e") : 0;
}

/* Whether a segment is "." or "..": where that leads differs from reader to reader. */
static bool has_dot_segment(const char *path)
{
    for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        const char *at = slash + 1;
        size_t first = dot_size(at);
        size_t second = first > 0 ? dot_size(at + first) : 0;
        if (first > 0 && (at[first + second] == '/' || at[first + second] == '\0')) {
            return true;
        }
    }
    return false;
}

struct result url_parse(struct arena *arena, const char *text, struct url *url, struct error *error)
{
    struct url parsed = {0};
    TRY(check_text(text, error));
    const char *colon = strstr(text, "://");
    parsed.scheme = colon ? copy_lower(arena, text, (size_t)(colon - text)) : NULL;
    if (!text_equal(parsed.scheme, "http") && !text_equal(parsed.scheme, "https")) {
        return error_set(error, ERROR_INVALID, "does not begin with https:// or http://");
    }
    const char *authority = colon + strlen("://");
    size_t size = strcspn(authority, "/?");
    parsed.authority = copy_lower(arena, authority, size);
    TRY(parse_authority(arena, &parsed, error));
    const char *path = authority + size;
    size_t path_size = strcspn(path, "?");
    parsed.path = arena_copy_bytes(arena, path, path_size);
    if (has_dot_segment(parsed.path)) {
        return error_set(error, ERROR_INVALID,
                         "has \".\" or \"..\" in its path: write where that leads");
    }
    parsed.query = path[path_size] == '?' ? arena_copy_text(arena, path + path_size + 1) : NULL;
    *url = parsed;
    return RESULT_OK;
}

char *url_print(struct arena *arena, const struct url *url, const char *path)
{
    return arena_print(arena, "%s://%s%s", url->scheme, url->authority, path);
}

bool url_same_origin(const struct url *a, const struct url *b)
{
    return text_equal(a->scheme, b->scheme) && text_equal(a->host, b->host) && a->port == b->port;
}

/* With its query, as it was written. */
static char *print_whole(struct arena *arena, const struct url *url)
{
    char *text = url_print(arena, url, url->path);
    return url->query ? arena_print(arena, "%s?%s", text, url->query) : text;
}

/* The path of `base` up to and with its last "/". */
static char *folder_of(struct arena *arena, const struct url *base)
{
    const char *slash = strrchr(base->path, '/');
    return slash ? arena_copy_bytes(arena, base->path, (size_t)(slash - base->path) + 1)
                 : arena_copy_text(arena, "/");
}

struct result url_resolve(struct arena *arena, const struct url *base, const char *text,
                          struct url *url, struct error *error)
{
    TRY(check_text(text, error));
    const char *whole = text;
    size_t scheme_size = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                      "0123456789+.-");
    if (text_is_empty(text)) {
        whole = print_whole(arena, base);
    } else if (text_starts_with(text, "//")) {
        whole = arena_print(arena, "%s:%s", base->scheme, text);
    } else if (text[0] == '/') {
        whole = url_print(arena, base, text);
    } else if (text[0] == '?') {
        whole = url_print(arena, base, arena_print(arena, "%s%s", base->path, text));
    } else if (scheme_size == 0 || text[scheme_size] != ':') {
        whole = url_print(arena, base, arena_print(arena, "%s%s", folder_of(arena, base), text));
    }
    return url_parse(arena, whole, url, error);
}
