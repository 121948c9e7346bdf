/*
 * Carrier: whatever a server speaks, by libcurl's multi interface on our loop. Each connection that
 * HTTP/2 uses is made here too (http_curl_connect.c).
 */

#include "io/http_private.h"

#include "core/assert.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/text.h"

#include <string.h>
#include <sys/socket.h>

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
static void end_call(struct http_transfer *transfer, CURLcode code)
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
    }
    http_curl_release(call);
    http_finish(call, &end);
}

void http_curl_begin(struct io_call *call, const struct credential *credential)
{
    struct http *http = call->http;
    CURL *easy = take_easy(http);
    call->transfer = (struct http_transfer){.easy = easy, .done = end_call};
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
    http->inside++;
    CURLMcode code = curl_multi_add_handle(http->multi, easy);
    http->inside--;
    REQUIRE(code == CURLM_OK);
}

void http_curl_release(struct io_call *call)
{
    struct http *http = call->http;
    http->inside++;
    CURLMcode code = curl_multi_remove_handle(http->multi, call->transfer.easy);
    http->inside--;
    REQUIRE(code == CURLM_OK);
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

/* ---- Running curl ---- */

void http_curl_collect(struct http *http)
{
    int left;
    CURLMsg *message;
    http_sweep(http);
    while ((message = curl_multi_info_read(http->multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE) {
            continue;
        }
        char *private = NULL;
        CURLcode code = message->data.result;
        (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
        struct http_transfer *transfer = (struct http_transfer *)(void *)private;
        transfer->done(transfer, code);
    }
}

static void run_curl(struct http *http, curl_socket_t fd, int events)
{
    int running;
    http->inside++;
    CURLMcode code = curl_multi_socket_action(http->multi, fd, events, &running);
    http->inside--;
    REQUIRE(code == CURLM_OK);
    http_curl_collect(http);
}

static void on_socket(void *context, unsigned events)
{
    struct http_socket *socket = context;
    int action = 0;
    if (events & LOOP_READ) {
        socket->last_read_ms = loop_now_ms();
        action |= CURL_CSELECT_IN;
    }
    if (events & LOOP_WRITE) {
        action |= CURL_CSELECT_OUT;
    }
    run_curl(socket->http, socket->fd, action);
}

static void drop_socket(struct http *http, struct http_socket *socket)
{
    loop_stop_watch(http->options.loop, socket->watch);
    if (socket->previous) {
        socket->previous->next = socket->next;
    } else {
        http->sockets = socket->next;
    }
    if (socket->next) {
        socket->next->previous = socket->previous;
    }
    memory_free(socket);
}

static struct http_socket *add_socket(struct http *http, curl_socket_t fd)
{
    struct http_socket *socket = memory_allocate(1, sizeof(*socket));
    socket->http = http;
    socket->fd = fd;
    socket->last_read_ms = loop_now_ms();
    socket->next = http->sockets;
    if (http->sockets) {
        http->sockets->previous = socket;
    }
    http->sockets = socket;
    (void)curl_multi_assign(http->multi, fd, socket);
    return socket;
}

static int want_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *assigned)
{
    (void)easy;
    struct http *http = context;
    struct http_socket *socket = assigned;
    if (what == CURL_POLL_REMOVE) {
        if (socket) {
            (void)curl_multi_assign(http->multi, fd, NULL);
            drop_socket(http, socket);
        }
        return 0;
    }
    unsigned events = ((what & CURL_POLL_IN) ? (unsigned)LOOP_READ : 0U) |
                      ((what & CURL_POLL_OUT) ? (unsigned)LOOP_WRITE : 0U);
    if (!socket) {
        socket = add_socket(http, fd);
    }
    struct loop *loop = http->options.loop;
    struct error error;
    struct result result = socket->watch ? loop_change_watch(loop, socket->watch, events, &error)
                                         : loop_watch_fd(loop, fd, events, on_socket, socket,
                                                         &socket->watch, &error);
    if (!result_is_ok(result)) {
        log_error("cannot wait for a connection, its requests will time out",
                  LOG_TEXT("error", error.message));
    }
    return 0;
}

static void on_curl_timer(void *context)
{
    struct http *http = context;
    http->curl_timer = NULL;
    run_curl(http, CURL_SOCKET_TIMEOUT, 0);
}

static int want_timer(CURLM *multi, long timeout_ms, void *context)
{
    (void)multi;
    struct http *http = context;
    loop_stop_timer(http->options.loop, http->curl_timer);
    http->curl_timer = NULL;
    if (timeout_ms >= 0) {
        http->curl_timer = loop_start_timer(http->options.loop, loop_now_ms() + timeout_ms,
                                            on_curl_timer, http);
    }
    return 0;
}

void http_curl_shut_silent(const struct io_call *call, int64_t now_ms)
{
    for (struct http_socket *socket = call->http->sockets; socket; socket = socket->next) {
        if (call->local_port != 0 && http_local_port(socket->fd) == call->local_port &&
            now_ms - socket->last_read_ms >= call->idle_ms / 2) {
            (void)shutdown(socket->fd, SHUT_RDWR);
        }
    }
}

/* ---- Opening and closing ---- */

#define SET_MULTI(multi, option, value) \
    REQUIRE(curl_multi_setopt((multi), (option), (value)) == CURLM_OK)

void http_curl_open(struct http *http)
{
    http->multi = curl_multi_init();
    REQUIRE(http->multi);
    SET_MULTI(http->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
    SET_MULTI(http->multi, CURLMOPT_SOCKETDATA, http);
    SET_MULTI(http->multi, CURLMOPT_TIMERFUNCTION, want_timer);
    SET_MULTI(http->multi, CURLMOPT_TIMERDATA, http);
    SET_MULTI(http->multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
    SET_MULTI(http->multi, CURLMOPT_MAX_CONCURRENT_STREAMS, (long)STREAMS_PER_CONNECTION);
    SET_MULTI(http->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)HTTP_CONNECTIONS_MAXIMUM);
}

void http_curl_close(struct http *http)
{
    (void)curl_multi_cleanup(http->multi);
    while (http->pool_count > 0) {
        curl_easy_cleanup(http->pool[--http->pool_count]);
    }
    while (http->sockets) {
        drop_socket(http, http->sockets);
    }
    loop_stop_timer(http->options.loop, http->curl_timer);
}
