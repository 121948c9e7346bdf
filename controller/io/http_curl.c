/*
 * Carrier: whatever a server speaks, by libcurl's multi interface on our loop. Each connection that
 * HTTP/2 uses is made here too (http_curl_connect.c).
 */

#include "io/http_private.h"

#include "core/assert.h"
#include "core/memory.h"
#include "core/text.h"

#include <string.h>

/* Curl takes the smaller of this and what the server says; Go's default for servers is 250. */
enum { STREAMS_PER_CONNECTION = 250 };

/* ---- What curl asks while a call is under way ---- */

static size_t give_body(char *to, size_t size, size_t count, void *context)
{
    struct io_call *call = context;
    size_t left = call->body_size - call->body_sent;
    size_t taken = size * count < left ? size * count : left;
    memcpy(to, call->body + call->body_sent, taken);
    call->body_sent += taken;
    return taken;
}

/*
 * Curl asks for this before it sends a request once more on its own, when a kept connection broke.
 * A body that was on its way may have been applied: that is for the caller to find out (C11).
 */
static int rewind_body(void *context, curl_off_t offset, int origin)
{
    struct io_call *call = context;
    bool untouched = origin == SEEK_SET && offset == 0 && call->body_sent == 0;
    return untouched ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL;
}

static size_t take_header(char *line, size_t size, size_t count, void *context)
{
    struct io_call *call = context;
    call->last_byte_ms = loop_now_ms();
    call->http->counters.bytes_received += size * count;
    http_headers_read(&call->answer_headers, line, size * count);
    return size * count;
}

static void note_status(struct io_call *call)
{
    long status = 0;
    (void)curl_easy_getinfo(call->transfer.easy, CURLINFO_RESPONSE_CODE, &status);
    call->status = (int)status;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *context)
{
    struct io_call *call = context;
    if (call->status == 0) {
        note_status(call);
    }
    return http_call_take_body(call, bytes, size * count) ? size * count : CURL_WRITEFUNC_ERROR;
}

/* The request is about to be sent, the first time or again. */
static int note_connection(void *context, char *remote_address, char *local_address,
                           int remote_port, int local_port)
{
    (void)remote_address;
    (void)local_address;
    (void)remote_port;
    return http_call_may_be_sent(context, local_port) ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

/* ---- Making a request ready ---- */

/* Every option here is in the libcurl that the build asks for: a refusal is a broken build. */
#define SET(easy, option, value) REQUIRE(curl_easy_setopt((easy), (option), (value)) == CURLE_OK)

static void add_header(struct io_call *call, const char *line)
{
    struct curl_slist *longer = curl_slist_append(call->headers, line);
    REQUIRE(longer);
    call->headers = longer;
}

static void set_headers(struct io_call *call, const struct credential *credential)
{
    char *accept = memory_print("Accept: %s", call->accept);
    add_header(call, accept);
    memory_free(accept);
    add_header(call, "Expect:"); /* no round trip before a body */
    if (call->http->host_header) {
        add_header(call, call->http->host_header);
    }
    char *type = memory_print("Content-Type:%s%s", call->content_type ? " " : "",
                              text_or(call->content_type, ""));
    add_header(call, type);
    memory_free(type);
    if (credential->token) {
        char *line = memory_print("Authorization: Bearer %s", credential->token);
        add_header(call, line);
        memory_wipe(line, strlen(line));
        memory_free(line);
    }
    SET(call->transfer.easy, CURLOPT_HTTPHEADER, call->headers);
}

static void set_body(struct io_call *call)
{
    CURL *easy = call->transfer.easy;
    if (call->body || text_equal(call->method, "POST")) {
        SET(easy, CURLOPT_POST, 1L);
        SET(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body_size);
        SET(easy, CURLOPT_READFUNCTION, give_body);
        SET(easy, CURLOPT_READDATA, call);
        SET(easy, CURLOPT_SEEKFUNCTION, rewind_body);
        SET(easy, CURLOPT_SEEKDATA, call);
    } else {
        SET(easy, CURLOPT_HTTPGET, 1L);
    }
    SET(easy, CURLOPT_CUSTOMREQUEST, call->method);
}

static void set_limits(struct io_call *call)
{
    if (!http_call_is_stream(call)) {
        int64_t left_ms = call->timeout_ms - (call->started_ms - call->asked_ms);
        SET(call->transfer.easy, CURLOPT_TIMEOUT_MS, left_ms > 0 ? (long)left_ms : 1L);
    }
}

static void set_callbacks(struct io_call *call)
{
    CURL *easy = call->transfer.easy;
    SET(easy, CURLOPT_PRIVATE, &call->transfer);
    SET(easy, CURLOPT_ERRORBUFFER, call->curl_message);
    SET(easy, CURLOPT_WRITEFUNCTION, take_body);
    SET(easy, CURLOPT_WRITEDATA, call);
    SET(easy, CURLOPT_HEADERFUNCTION, take_header);
    SET(easy, CURLOPT_HEADERDATA, call);
    SET(easy, CURLOPT_PREREQFUNCTION, note_connection);
    SET(easy, CURLOPT_PREREQDATA, call);
}

static CURL *take_easy(struct http *http)
{
    if (http->pool_count > 0) {
        return http->pool[--http->pool_count];
    }
    CURL *easy = curl_easy_init();
    REQUIRE(easy);
    return easy;
}

/*
 * Whether the server may have seen the request. Curl counts a request's bytes when it hands them
 * to the connection: none means that nothing was sent.
 */
static bool was_sent(const struct io_call *call)
{
    return call->local_port != 0 && call->head_sent > 0;
}

static const char *message_of(const struct io_call *call, CURLcode code)
{
    if (code == CURLE_SEND_FAIL_REWIND) {
        return "the connection broke after the request was sent";
    }
    return call->curl_message[0] ? call->curl_message : curl_easy_strerror(code);
}

/* Curl has ended it. */
static void end_call(struct curl_transfer *transfer, CURLcode code)
{
    struct io_call *call = (struct io_call *)transfer;
    long head_size = 0;
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_REQUEST_SIZE, &head_size);
    call->head_sent = (uint64_t)head_size;
    note_status(call);
    struct http_end end = {0};
    if (code != CURLE_OK) {
        end.failure = was_sent(call) ? ERROR_LOST : ERROR_UNAVAILABLE;
        end.message = message_of(call, code);
    } else if (!call->answer_headers.is_whole) {
        end.failure = ERROR_LOST;
        end.message = "the connection ended within the answer's headers";
    }
    http_curl_release(call);
    http_finish(call, &end);
}

void http_curl_begin(struct io_call *call, const struct credential *credential)
{
    struct http *http = call->http;
    CURL *easy = take_easy(http);
    call->transfer = (struct curl_transfer){.easy = easy, .done = end_call};
    if (!call->curl_message) {
        call->curl_message = memory_allocate(1, CURL_ERROR_SIZE);
    }
    call->curl_message[0] = '\0';
    char *url = memory_print("%s%s", http->base_url, call->path);
    SET(easy, CURLOPT_URL, url);
    memory_free(url);
    SET(easy, CURLOPT_PATH_AS_IS, 1L);
    SET(easy, CURLOPT_USERAGENT, "tidemill/" TIDEMILL_VERSION);
    SET(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    set_callbacks(call);
    set_limits(call);
    http_curl_set_connection(easy, http);
    http_curl_set_security(easy, http, credential);
    set_body(call);
    set_headers(call, credential);
    curl_loop_add(http->curl, easy);
}

void http_curl_release(struct io_call *call)
{
    struct http *http = call->http;
    curl_loop_remove(http->curl, call->transfer.easy);
    curl_easy_reset(call->transfer.easy);
    if (http->pool_count < HTTP_EASY_POOL_SIZE) {
        http->pool[http->pool_count++] = call->transfer.easy;
    } else {
        curl_easy_cleanup(call->transfer.easy);
    }
    call->transfer.easy = NULL;
    for (struct curl_slist *line = call->headers; line; line = line->next) {
        memory_wipe(line->data, strlen(line->data));
    }
    curl_slist_free_all(call->headers);
    call->headers = NULL;
}

/* ---- Opening and closing ---- */

void http_curl_shut_silent(const struct io_call *call, int64_t now_ms)
{
    curl_loop_shut_silent(call->http->curl, call->local_port, now_ms - call->idle_ms / 2);
}

static void sweep(void *context)
{
    http_sweep(context);
}

void http_curl_open(struct http *http)
{
    http->curl = curl_loop_open(&(struct curl_loop_options){.loop = http->options.loop,
                                                            .inside = &http->inside,
                                                            .on_return = sweep,
                                                            .context = http,
                                                            .connections = HTTP_CONNECTIONS_MAXIMUM,
                                                            .streams = STREAMS_PER_CONNECTION});
}

void http_curl_close(struct http *http)
{
    http->curl = curl_loop_close(http->curl);
    while (http->pool_count > 0) {
        curl_easy_cleanup(http->pool[--http->pool_count]);
    }
}
