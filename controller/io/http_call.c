#include "io/http_private.h"

#include "core/assert.h"
#include "core/memory.h"
#include "core/text.h"
#include "obs/controller_metrics.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum {
    /* A refusal's Status object is small; what is longer is cut, the status still counts. */
    REFUSAL_MAXIMUM = 64 * 1024,
    CONNECT_TIMEOUT_MS = 10000,

    /*
     * C12: a peer that vanished is found by the kernel. Nothing acknowledged for 30 s ends the
     * connection; an idle one is asked after 15 s, then every 5 s (the API server's own HTTP/2
     * clients allow 45 s in all).
     */
    UNACKNOWLEDGED_MAXIMUM_MS = 30000,
    KEEPALIVE_IDLE_SECONDS = 15,
    KEEPALIVE_INTERVAL_SECONDS = 5,

    MICROSECONDS_PER_MILLISECOND = 1000,
};

struct io_call *http_call_new(struct http *http, const struct io_request *request)
{
    REQUIRE(request->path[0] == '/' && request->on_done);
    struct io_call *call = memory_allocate(1, sizeof(*call));
    call->http = http;
    call->method = memory_copy_text(request->method);
    call->path = memory_copy_text(request->path);
    call->content_type = memory_copy_text(request->content_type);
    if (request->body) {
        call->body = memory_allocate(1, request->body_size + 1);
        memcpy(call->body, request->body, request->body_size);
        call->body_size = request->body_size;
    }
    call->maximum = request->maximum;
    call->timeout_ms = request->timeout_ms;
    call->idle_ms = request->idle_ms;
    call->send_before_ms = request->send_before_ms;
    call->on_data = request->on_data;
    call->on_done = request->on_done;
    call->context = request->context;
    call->asked_ms = loop_now_ms();
    return call;
}

void http_call_free(struct io_call *call)
{
    REQUIRE(!call->easy && !call->idle_timer);
    memory_free(call->method);
    memory_free(call->path);
    memory_free(call->content_type);
    memory_free(call->body);
    buffer_free(&call->answer);
    memory_free(call);
}

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

static bool end_call(struct io_call *call, enum error_kind kind, const char *message)
{
    call->ended_by_us = kind;
    call->our_message = message;
    return false;
}

static bool keep_bytes(struct io_call *call, const char *bytes, size_t size)
{
    if (call->on_data) { /* a refusal of a stream */
        size_t room = REFUSAL_MAXIMUM - call->answer.size;
        size = size < room ? size : room;
    }
    if (!result_is_ok(buffer_append(&call->answer, bytes, size))) {
        return end_call(call, ERROR_LIMIT, "the answer is larger than what was asked for allows");
    }
    return true;
}

static bool is_success(long status)
{
    return status >= 200 && status < 300;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *context)
{
    struct io_call *call = context;
    const size_t length = size * count;
    if (call->state != CALL_RUNNING) {
        return CURL_WRITEFUNC_ERROR;
    }
    call->last_byte_ms = loop_now_ms();
    call->body_received += length;
    call->http->counters.bytes_received += length;
    long status = 0;
    (void)curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    if (!call->on_data || !is_success(status)) {
        return keep_bytes(call, bytes, length) ? length : CURL_WRITEFUNC_ERROR;
    }
    if (!result_is_ok(call->on_data(call->context, bytes, length))) {
        (void)end_call(call, ERROR_CLOSED, "the reader ended the stream");
        return CURL_WRITEFUNC_ERROR;
    }
    return call->state == CALL_RUNNING ? length : CURL_WRITEFUNC_ERROR;
}

/*
 * The request is about to be sent, the first time or again; the local port tells on which
 * connection. The last moment to keep it back.
 */
static int note_connection(void *context, char *remote_address, char *local_address,
                           int remote_port, int local_port)
{
    (void)remote_address;
    (void)local_address;
    (void)remote_port;
    struct io_call *call = context;
    call->local_port = local_port;
    call->last_byte_ms = loop_now_ms(); /* idle time begins: connecting has a limit of its own */
    if (call->send_before_ms != 0 && call->last_byte_ms >= call->send_before_ms) {
        (void)end_call(call, ERROR_CLOSED, "not sent: the time in which it might be sent is over");
        return CURL_PREREQFUNC_ABORT;
    }
    return CURL_PREREQFUNC_OK;
}

static void set_number(curl_socket_t fd, int level, int name, int value)
{
    /* Without it the idle detector still ends a dead watch, only later. */
    (void)setsockopt(fd, level, name, &value, sizeof(value));
}

static int tune_socket(void *context, curl_socket_t fd, curlsocktype purpose)
{
    struct http *http = context;
    if (purpose == CURLSOCKTYPE_IPCXN) {
        http->counters.connections++;
        if (http->options.metrics) {
            metric_add(http->options.metrics->connections, NO_LABELS, 1);
        }
        int limit_ms = http->options.unacknowledged_ms;
        set_number(fd, IPPROTO_TCP, TCP_USER_TIMEOUT,
                   limit_ms > 0 ? limit_ms : UNACKNOWLEDGED_MAXIMUM_MS);
        set_number(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
        set_number(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_SECONDS);
        set_number(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_SECONDS);
    }
    return CURL_SOCKOPT_OK;
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
    add_header(call, "Accept: application/json");
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
    SET(call->easy, CURLOPT_HTTPHEADER, call->headers);
}

static void set_body(struct io_call *call)
{
    CURL *easy = call->easy;
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

static void set_blob(CURL *easy, CURLoption option, const char *bytes, size_t size)
{
    if (size == 0) {
        return;
    }
    struct curl_blob blob = {.len = size, .flags = CURL_BLOB_COPY};
    memcpy(&blob.data, &bytes, sizeof(bytes)); /* curl copies it and leaves it as it is */
    SET(easy, option, &blob);
}

static void set_security(struct io_call *call, const struct credential *credential)
{
    CURL *easy = call->easy;
    const struct access *access = call->http->options.access;
    SET(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (access->insecure) {
        SET(easy, CURLOPT_SSL_VERIFYPEER, 0L);
        SET(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    set_blob(easy, CURLOPT_CAINFO_BLOB, credential->authority, credential->authority_size);
    set_blob(easy, CURLOPT_SSLCERT_BLOB, credential->certificate, credential->certificate_size);
    set_blob(easy, CURLOPT_SSLKEY_BLOB, credential->key, credential->key_size);
    SET(easy, CURLOPT_FOLLOWLOCATION, 0L);
    SET(easy, CURLOPT_PROTOCOLS_STR, "https,http");
    if (access->proxy_url) {
        SET(easy, CURLOPT_PROXY, access->proxy_url);
    }
}

static void set_connection(struct io_call *call)
{
    CURL *easy = call->easy;
    struct http *http = call->http;
    SET(easy, CURLOPT_NOSIGNAL, 1L);
    SET(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    SET(easy, CURLOPT_PIPEWAIT, 1L); /* wait for a connection being made rather than add one */
    SET(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
    if (!http_call_is_stream(call)) {
        int64_t left_ms = call->timeout_ms - (call->started_ms - call->asked_ms);
        SET(easy, CURLOPT_TIMEOUT_MS, left_ms > 0 ? (long)left_ms : 1L);
    }
    SET(easy, CURLOPT_SOCKOPTFUNCTION, tune_socket);
    SET(easy, CURLOPT_SOCKOPTDATA, http);
    SET(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    if (http->connect_to) {
        SET(easy, CURLOPT_CONNECT_TO, http->connect_to);
    }
}

static void set_callbacks(struct io_call *call)
{
    CURL *easy = call->easy;
    SET(easy, CURLOPT_PRIVATE, call);
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

void http_call_prepare(struct io_call *call, const struct credential *credential)
{
    call->easy = take_easy(call->http);
    call->generation = credential->generation;
    call->curl_message[0] = '\0';
    call->body_sent = 0;
    call->body_received = 0;
    call->local_port = 0;
    call->answer.maximum = call->on_data ? REFUSAL_MAXIMUM : call->maximum;
    buffer_clear(&call->answer);
    http_headers_clear(&call->answer_headers);
    call->started_ms = loop_now_ms();
    call->last_byte_ms = call->started_ms;

    char *url = memory_print("%s%s", call->http->base_url, call->path);
    SET(call->easy, CURLOPT_URL, url);
    memory_free(url);
    SET(call->easy, CURLOPT_PATH_AS_IS, 1L);
    SET(call->easy, CURLOPT_USERAGENT, "tidemill/" TIDEMILL_VERSION);
    set_callbacks(call);
    set_connection(call);
    set_security(call, credential);
    set_body(call);
    set_headers(call, credential);
}

void http_call_release(struct io_call *call)
{
    struct http *http = call->http;
    if (call->easy) {
        curl_easy_reset(call->easy);
        if (http->pool_count < EASY_POOL_SIZE) {
            http->pool[http->pool_count++] = call->easy;
        } else {
            curl_easy_cleanup(call->easy);
        }
        call->easy = NULL;
    }
    for (struct curl_slist *line = call->headers; line; line = line->next) {
        memory_wipe(line->data, strlen(line->data));
    }
    curl_slist_free_all(call->headers);
    call->headers = NULL;
    loop_stop_timer(http->options.loop, call->idle_timer);
    call->idle_timer = NULL;
}

/* ---- What became of it ---- */

/*
 * Whether the server may have seen the request. Curl counts a request's bytes when it hands them
 * to the connection: none means that nothing was sent.
 */
static bool was_sent(const struct io_call *call)
{
    long size = 0;
    (void)curl_easy_getinfo(call->easy, CURLINFO_REQUEST_SIZE, &size);
    return call->local_port != 0 && size > 0;
}

static const char *message_of(const struct io_call *call, CURLcode code)
{
    if (code == CURLE_SEND_FAIL_REWIND) {
        return "the connection broke after the request was sent";
    }
    return call->curl_message[0] ? call->curl_message : curl_easy_strerror(code);
}

void http_call_judge(struct io_call *call, CURLcode code, struct io_response *response)
{
    long status = 0;
    (void)curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    bool streamed = call->on_data && is_success(status);
    *response = (struct io_response){
        .status = (int)status,
        .retry_after_seconds = call->answer_headers.retry_after_seconds,
        .warning = call->answer_headers.has_warning ? call->answer_headers.warning : NULL,
        .body = streamed ? NULL : buffer_text(&call->answer),
        .body_size = streamed ? 0 : call->answer.size,
        .bytes_received = call->body_received,
    };
    if (call->ended_by_us != ERROR_NONE) {
        response->failure = call->ended_by_us;
        response->message = call->our_message;
    } else if (code != CURLE_OK) {
        response->failure = was_sent(call) ? ERROR_LOST : ERROR_UNAVAILABLE;
        response->message = message_of(call, code);
    }
}

void http_call_count(struct io_call *call, const struct io_response *response)
{
    long head_size = 0;
    (void)curl_easy_getinfo(call->easy, CURLINFO_REQUEST_SIZE, &head_size);
    uint64_t sent = (uint64_t)head_size + call->body_sent;
    call->http->counters.bytes_sent += sent;
    call->http->counters.requests++;
    const struct controller_metrics *metrics = call->http->options.metrics;
    if (!metrics) {
        return;
    }
    bool watch = http_path_is_watch(call->path);
    const char *method = watch ? "WATCH" : call->method;
    char resource[HTTP_RESOURCE_SIZE];
    http_path_resource(call->path, resource);
    char code[16];
    (void)snprintf(code, sizeof(code), "%d", response->status);
    bool failed = response->failure != ERROR_NONE && response->failure != ERROR_CLOSED;
    const char *outcome = failed ? error_kind_name(response->failure) : code;
    metric_add(metrics->requests, LABELS(method, resource, outcome), 1);
    metric_add(metrics->request_bytes, LABELS(method, "sent"), (int64_t)sent);
    metric_add(metrics->request_bytes, LABELS(method, "received"), (int64_t)call->body_received);
    if (!watch) { /* how long a watch lasts says nothing about the server */
        int64_t took_ms = loop_now_ms() - call->started_ms;
        metric_observe(metrics->request_duration, LABELS(method),
                       took_ms * MICROSECONDS_PER_MILLISECOND);
    }
}
