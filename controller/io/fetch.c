#include "io/fetch.h"

#include "core/arena.h"
#include "core/assert.h"
#include "core/memory.h"
#include "core/text.h"
#include "io/curl_loop.h"

#include <ctype.h>
#include <string.h>
#include <unistd.h>

enum {
    CONNECT_MS = 10 * 1000,
    HEADERS_MAXIMUM = 64,     /* of an answer that are kept */
    HEADER_BYTES = 16 * 1024, /* of all of them */
    CONNECTIONS_PER_HOST = 4, /* a slow host keeps no other one waiting */
    STREAMS_PER_CONNECTION = 32,
};

struct io_visit {
    struct curl_transfer transfer;
    struct fetch *fetch;
    struct io_visit *next;
    struct io_visit *previous;
    bool is_service;
    bool is_denied; /* an address was refused */
    bool is_too_long;
    struct curl_slist *request_headers;
    char *body;
    size_t body_size;
    void (*on_done)(void *context, const struct io_fetched *fetched);
    void *context;
    struct arena arena; /* of the answer's headers */
    size_t header_bytes;
    struct name_value headers[HEADERS_MAXIMUM];
    size_t header_count;
    bool head_is_whole; /* curl takes one that is cut for an answer */
    struct buffer answer;
    char message[CURL_ERROR_SIZE];
};

struct fetch {
    struct fetch_options options;
    struct curl_loop *curl;
    unsigned inside;
    struct io_visit *visits;
};

#define SET(easy, option, value) REQUIRE(curl_easy_setopt((easy), (option), (value)) == CURLE_OK)

/* ---- What curl asks while a request is under way ---- */

/* The one place where an address is known and nothing was sent to it yet. */
static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct io_visit *visit = context;
    const struct fetch_options *options = &visit->fetch->options;
    enum address_kind kind = address_judge(&address->addr);
    bool is_allowed = kind == ADDRESS_PUBLIC ||
                      (kind == ADDRESS_PRIVATE &&
                       (visit->is_service || address_is_in(&options->allowed, &address->addr))) ||
                      options->allow_loopback;
    if (purpose != CURLSOCKTYPE_IPCXN || !is_allowed) {
        visit->is_denied = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/*
 * A status line begins anew: what an interim answer said does not count. An empty line is the end
 * of the head.
 */
static void take_line(struct io_visit *visit, const char *line, size_t size)
{
    if (size >= 5 && memcmp(line, "HTTP/", 5) == 0) {
        visit->header_count = 0;
        visit->head_is_whole = false;
        return;
    }
    visit->head_is_whole = visit->head_is_whole || line[0] == '\r' || line[0] == '\n';
    const char *colon = memchr(line, ':', size);
    if (!colon || visit->header_count == HEADERS_MAXIMUM || visit->header_bytes > HEADER_BYTES) {
        return;
    }
    visit->header_bytes += size;
    size_t start = (size_t)(colon - line) + 1;
    while (start < size && (line[start] == ' ' || line[start] == '\t')) {
        start++;
    }
    while (size > start && isspace((unsigned char)line[size - 1])) {
        size--;
    }
    char *name = arena_copy_bytes(&visit->arena, line, (size_t)(colon - line));
    for (char *at = name; *at != '\0'; at++) {
        *at = (char)tolower((unsigned char)*at);
    }
    visit->headers[visit->header_count++] = (struct name_value){
        .name = name, .value = arena_copy_bytes(&visit->arena, line + start, size - start)};
}

static size_t take_header(char *line, size_t size, size_t count, void *context)
{
    take_line(context, line, size * count);
    return size * count;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *context)
{
    struct io_visit *visit = context;
    if (!result_is_ok(buffer_append(&visit->answer, bytes, size * count))) {
        visit->is_too_long = true;
        return CURL_WRITEFUNC_ERROR;
    }
    return size * count;
}

/* ---- Making a request ready ---- */

static void add_header(struct io_visit *visit, const char *name, const char *value)
{
    char *line = memory_print("%s: %s", name, value);
    struct curl_slist *longer = curl_slist_append(visit->request_headers, line);
    REQUIRE(longer);
    visit->request_headers = longer;
    memory_wipe(line, strlen(line));
    memory_free(line);
}

static void set_request(struct io_visit *visit, const struct io_fetch *asked)
{
    CURL *easy = visit->transfer.easy;
    for (size_t at = 0; at < asked->header_count; at++) {
        add_header(visit, asked->headers[at].name, asked->headers[at].value);
    }
    SET(easy, CURLOPT_URL, asked->url);
    SET(easy, CURLOPT_PATH_AS_IS, 1L);
    SET(easy, CURLOPT_HTTPHEADER, visit->request_headers);
    if (text_equal(asked->method, "HEAD")) {
        SET(easy, CURLOPT_NOBODY, 1L);
    } else if (text_equal(asked->method, "POST")) {
        SET(easy, CURLOPT_POST, 1L);
        SET(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)visit->body_size);
        SET(easy, CURLOPT_POSTFIELDS, visit->body);
    } else {
        SET(easy, CURLOPT_HTTPGET, 1L);
    }
}

static void set_limits(struct io_visit *visit, const struct io_fetch *asked)
{
    CURL *easy = visit->transfer.easy;
    SET(easy, CURLOPT_NOSIGNAL, 1L);
    SET(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    SET(easy, CURLOPT_FOLLOWLOCATION, 0L);
    SET(easy, CURLOPT_PROXY, "");
    SET(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(easy, CURLOPT_USERAGENT, "tidemill/" TIDEMILL_VERSION);
    SET(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    SET(easy, CURLOPT_TIMEOUT_MS, (long)asked->timeout_ms);
    SET(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    SET(easy, CURLOPT_OPENSOCKETDATA, visit);
    SET(easy, CURLOPT_HEADERFUNCTION, take_header);
    SET(easy, CURLOPT_HEADERDATA, visit);
    SET(easy, CURLOPT_WRITEFUNCTION, take_body);
    SET(easy, CURLOPT_WRITEDATA, visit);
    SET(easy, CURLOPT_ERRORBUFFER, visit->message);
    SET(easy, CURLOPT_PRIVATE, &visit->transfer);
}

/* ---- The end ---- */

static void free_visit(struct io_visit *visit)
{
    struct fetch *fetch = visit->fetch;
    if (visit->previous) {
        visit->previous->next = visit->next;
    } else {
        fetch->visits = visit->next;
    }
    if (visit->next) {
        visit->next->previous = visit->previous;
    }
    if (visit->transfer.easy) {
        curl_loop_remove(fetch->curl, visit->transfer.easy);
        curl_easy_cleanup(visit->transfer.easy);
    }
    for (struct curl_slist *line = visit->request_headers; line; line = line->next) {
        memory_wipe(line->data, strlen(line->data));
    }
    curl_slist_free_all(visit->request_headers);
    if (visit->body) {
        memory_wipe(visit->body, visit->body_size);
    }
    memory_free(visit->body);
    arena_free(&visit->arena);
    buffer_free(&visit->answer);
    memory_free(visit);
}

static struct io_fetched judge(struct io_visit *visit, CURLcode code)
{
    long status = 0;
    (void)curl_easy_getinfo(visit->transfer.easy, CURLINFO_RESPONSE_CODE, &status);
    struct io_fetched fetched = {.status = (int)status,
                                 .headers = visit->headers,
                                 .header_count = visit->header_count,
                                 .body = visit->answer.data ? visit->answer.data : "",
                                 .body_size = visit->answer.size};
    if (code == CURLE_OK && visit->head_is_whole) {
        return fetched;
    }
    if (code == CURLE_OK) {
        fetched.failure = ERROR_UNAVAILABLE;
        fetched.message = "the connection ended within the answer's headers";
    } else if (visit->is_too_long) {
        fetched.failure = ERROR_LIMIT;
        fetched.message = "the answer is longer than what is read";
    } else if (visit->is_denied) {
        fetched.failure = ERROR_DENIED;
        fetched.message = "its address is loopback, link-local, or inside a private network, and "
                          "--allow-egress-addresses does not name it";
    } else {
        fetched.failure = ERROR_UNAVAILABLE;
        fetched.message = visit->message[0] ? visit->message : curl_easy_strerror(code);
    }
    return fetched;
}

static void end_visit(struct curl_transfer *transfer, CURLcode code)
{
    struct io_visit *visit = (struct io_visit *)transfer;
    struct io_fetched fetched = judge(visit, code);
    curl_loop_remove(visit->fetch->curl, transfer->easy);
    curl_easy_cleanup(transfer->easy);
    transfer->easy = NULL;
    visit->on_done(visit->context, &fetched);
    free_visit(visit);
}

/* ---- kube/io.h ---- */

struct io_visit *fetch_start(struct fetch *fetch, const struct io_fetch *asked)
{
    struct io_visit *visit = memory_allocate(1, sizeof(*visit));
    CURL *easy = curl_easy_init();
    REQUIRE(easy);
    *visit = (struct io_visit){.transfer = {.easy = easy, .done = end_visit},
                               .fetch = fetch,
                               .next = fetch->visits,
                               .is_service = asked->is_service,
                               .body_size = asked->body_size,
                               .on_done = asked->on_done,
                               .context = asked->context,
                               .answer = (struct buffer)BUFFER_INIT(asked->maximum)};
    if (asked->body) {
        visit->body = memory_allocate(1, asked->body_size + 1);
        memcpy(visit->body, asked->body, asked->body_size);
    }
    if (fetch->visits) {
        fetch->visits->previous = visit;
    }
    fetch->visits = visit;
    set_request(visit, asked);
    set_limits(visit, asked);
    curl_loop_add(fetch->curl, easy);
    return visit;
}

void fetch_cancel(struct fetch *fetch, struct io_visit *visit)
{
    REQUIRE(fetch->inside == 0); /* callers are called from the loop */
    free_visit(visit);
}

struct fetch *fetch_open(const struct fetch_options *options)
{
    struct fetch *fetch = memory_allocate(1, sizeof(*fetch));
    fetch->options = *options;
    fetch->curl = curl_loop_open(&(struct curl_loop_options){.loop = options->loop,
                                                             .inside = &fetch->inside,
                                                             .connections = CONNECTIONS_PER_HOST,
                                                             .streams = STREAMS_PER_CONNECTION});
    return fetch;
}

struct fetch *fetch_close(struct fetch *fetch)
{
    if (!fetch) {
        return NULL;
    }
    while (fetch->visits) {
        free_visit(fetch->visits);
    }
    fetch->curl = curl_loop_close(fetch->curl);
    return memory_free(fetch);
}
