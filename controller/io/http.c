#include "io/http_private.h"

#include "core/assert.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/text.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

enum {
    /*
     * The API server allows 100 streams on a connection (its default), and curl opens a connection
     * for each request beyond. Fewer requests than that at once keep all on one connection, watches
     * included.
     */
    REQUESTS_MAXIMUM = 80,
    /* Curl takes the smaller of this and what the server says; Go's default for servers is 250. */
    STREAMS_PER_CONNECTION = 250,
    /* HTTP/1.1 needs one for each watch and each request; HTTP/2 uses one or two. */
    CONNECTIONS_MAXIMUM = 64,
    HTTP_UNAUTHORIZED = 401,
};

void http_list_add(struct io_call_list *list, struct io_call *call)
{
    call->next = NULL;
    call->previous = list->last;
    if (list->last) {
        list->last->next = call;
    } else {
        list->first = call;
    }
    list->last = call;
}

void http_list_remove(struct io_call_list *list, struct io_call *call)
{
    if (call->previous) {
        call->previous->next = call->next;
    } else {
        list->first = call->next;
    }
    if (call->next) {
        call->next->previous = call->previous;
    } else {
        list->last = call->previous;
    }
    call->next = NULL;
    call->previous = NULL;
}

/* ---- The end of a call ---- */

static void deliver(struct io_call *call, const struct io_response *response)
{
    call->state = CALL_ENDED;
    call->on_done(call->context, response);
    http_call_release(call);
    http_call_free(call);
}

static void queue_call(struct http *http, struct io_call *call);
static void pump_soon(struct http *http);

static void add_running(struct io_call *call)
{
    call->state = CALL_RUNNING;
    http_list_add(&call->http->running, call);
    call->http->running_requests += http_call_is_stream(call) ? 0 : 1;
}

/* Makes room for one that waits. */
static void remove_running(struct io_call *call)
{
    struct http *http = call->http;
    http_list_remove(&http->running, call);
    if (!http_call_is_stream(call)) {
        http->running_requests--;
        if (http->queued.first) {
            pump_soon(http);
        }
    }
}

static void take_from_curl(struct io_call *call)
{
    struct http *http = call->http;
    http->in_curl++;
    CURLMcode code = curl_multi_remove_handle(http->multi, call->easy);
    http->in_curl--;
    REQUIRE(code == CURLM_OK);
}

/* C15: a 401 may only mean that the token was replaced meanwhile. */
static bool deserves_repeat(struct io_call *call, const struct io_response *response)
{
    return response->failure == ERROR_NONE && response->status == HTTP_UNAUTHORIZED &&
           !call->repeated &&
           credentials_reject(call->http->options.credentials, call->generation, loop_now_ms());
}

static void finish(struct io_call *call, CURLcode code)
{
    struct http *http = call->http;
    struct io_response response;
    http_call_judge(call, code, &response);
    http_call_count(call, &response);
    take_from_curl(call);
    remove_running(call);
    if (deserves_repeat(call, &response)) {
        call->repeated = true;
        http_call_release(call);
        queue_call(http, call);
        return;
    }
    deliver(call, &response);
}

/* After curl ran: what it ended is handed out, what was cancelled meanwhile is removed. */
static void after_curl(struct http *http)
{
    struct io_call *call;
    while ((call = http->cancelled.first) != NULL) {
        http_list_remove(&http->cancelled, call);
        take_from_curl(call);
        http_call_release(call);
        http_call_free(call);
    }
    int left;
    CURLMsg *message;
    while ((message = curl_multi_info_read(http->multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE) {
            continue;
        }
        char *private = NULL;
        CURLcode code = message->data.result;
        (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
        finish((struct io_call *)(void *)private, code);
    }
}

static void run_curl(struct http *http, curl_socket_t fd, int events)
{
    int running;
    http->in_curl++;
    CURLMcode code = curl_multi_socket_action(http->multi, fd, events, &running);
    http->in_curl--;
    REQUIRE(code == CURLM_OK);
    after_curl(http);
}

/* ---- Sockets and timers that curl asks for ---- */

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

/* ---- The idle detector (C12) ---- */

static int local_port_of(curl_socket_t fd)
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof(address);
    if (getsockname(fd, (struct sockaddr *)&address, &size) != 0) {
        return 0;
    }
    in_port_t port = 0;
    if (address.ss_family == AF_INET) {
        port = ((const struct sockaddr_in *)(const void *)&address)->sin_port;
    } else if (address.ss_family == AF_INET6) {
        port = ((const struct sockaddr_in6 *)(const void *)&address)->sin6_port;
    }
    return ntohs(port);
}

/*
 * When the whole connection was silent as well, it may be dead without the kernel knowing (a load
 * balancer that acknowledges and drops). Requests to come must not be put on it: shutting it makes
 * curl see its end. Half the time counts as silent: other watches had their last byte a little
 * later, and without any left to wait for, the new watch would wait on the dead connection again.
 */
static void shut_silent_connection(struct http *http, const struct io_call *call, int64_t now_ms)
{
    for (struct http_socket *socket = http->sockets; socket; socket = socket->next) {
        if (call->local_port != 0 && local_port_of(socket->fd) == call->local_port &&
            now_ms - socket->last_read_ms >= call->idle_ms / 2) {
            (void)shutdown(socket->fd, SHUT_RDWR);
        }
    }
}

static void check_idle(void *context)
{
    struct io_call *call = context;
    struct http *http = call->http;
    call->idle_timer = NULL;
    int64_t now_ms = loop_now_ms();
    if (now_ms - call->last_byte_ms < call->idle_ms) {
        call->idle_timer = loop_start_timer(http->options.loop, call->last_byte_ms + call->idle_ms,
                                            check_idle, call);
        return;
    }
    call->ended_by_us = call->local_port != 0 ? ERROR_LOST : ERROR_UNAVAILABLE;
    call->our_message = "nothing came from the server for too long";
    shut_silent_connection(http, call, now_ms);
    finish(call, CURLE_OPERATION_TIMEDOUT);
    after_curl(http);
}

/* ---- Starting ---- */

static void begin(struct io_call *call, const struct credential *credential)
{
    struct http *http = call->http;
    http_call_prepare(call, credential);
    add_running(call);
    if (call->idle_ms > 0) {
        call->idle_timer = loop_start_timer(http->options.loop, call->started_ms + call->idle_ms,
                                            check_idle, call);
    }
    http->in_curl++;
    CURLMcode code = curl_multi_add_handle(http->multi, call->easy);
    http->in_curl--;
    REQUIRE(code == CURLM_OK);
}

static void refuse(struct io_call *call, const struct error *error)
{
    struct io_response response = {
        .failure = ERROR_UNAVAILABLE,
        .message = error->message,
        .retry_after_seconds = IO_NO_RETRY_AFTER,
        .body = "",
    };
    deliver(call, &response);
}

static struct io_call_list *queue_of(struct http *http, const struct io_call *call)
{
    return http_call_is_stream(call) ? &http->queued_streams : &http->queued;
}

/*
 * Begins what is queued by now; what callbacks add waits for the next turn. False: a credential is
 * awaited, and http_credentials_changed() goes on.
 */
static bool pump_queue(struct http *http, struct io_call_list *queue)
{
    struct io_call *last = queue->last;
    enum credentials_state state = CREDENTIALS_READY;
    struct error error;
    for (bool was_last = !last; !was_last && queue->first;) {
        struct io_call *call = queue->first;
        if (!http_call_is_stream(call) && http->running_requests >= REQUESTS_MAXIMUM) {
            return true; /* remove_running() goes on */
        }
        struct credential credential;
        if (state != CREDENTIALS_FAILED) { /* else all that wait fail alike */
            state = credentials_get(http->options.credentials, loop_now_ms(), &credential, &error);
        }
        if (state == CREDENTIALS_AWAITED) {
            return false;
        }
        was_last = call == last;
        http_list_remove(queue, call);
        if (state == CREDENTIALS_READY) {
            begin(call, &credential);
        } else {
            refuse(call, &error);
        }
    }
    return true;
}

static void pump(void *context)
{
    struct http *http = context;
    http->pump_timer = NULL;
    if (pump_queue(http, &http->queued_streams)) {
        (void)pump_queue(http, &http->queued);
    }
}

static void pump_soon(struct http *http)
{
    if (!http->pump_timer) {
        http->pump_timer = loop_defer(http->options.loop, pump, http);
    }
}

void http_credentials_changed(struct http *http)
{
    pump_soon(http);
}

static void queue_call(struct http *http, struct io_call *call)
{
    call->state = CALL_QUEUED;
    http_list_add(queue_of(http, call), call);
    pump_soon(http);
}

struct io_call *http_start(struct http *http, const struct io_request *request)
{
    struct io_call *call = http_call_new(http, request);
    queue_call(http, call);
    return call;
}

void http_cancel(struct http *http, struct io_call *call)
{
    switch (call->state) {
    case CALL_QUEUED:
        http_list_remove(queue_of(http, call), call);
        break;
    case CALL_RUNNING:
        remove_running(call);
        if (http->in_curl > 0) {
            call->state = CALL_CANCELLED;
            http_list_add(&http->cancelled, call);
            return;
        }
        take_from_curl(call);
        break;
    case CALL_CANCELLED:
    case CALL_ENDED:
        return; /* its on_done is running: it is gone when that returns */
    }
    http_call_release(call);
    http_call_free(call);
}

struct http_counters http_counters(const struct http *http)
{
    return http->counters;
}

/* ---- Opening and closing ---- */

static char *url_part(CURLU *url, CURLUPart part)
{
    char *text = NULL;
    char *copy = NULL;
    if (curl_url_get(url, part, &text, part == CURLUPART_PORT ? CURLU_DEFAULT_PORT : 0) ==
        CURLUE_OK) {
        copy = memory_copy_text(text);
    }
    curl_free(text);
    return copy;
}

/*
 * Curl verifies the host of the URL. For another name the URL carries that name, and curl is told
 * to connect to the real address and to send the real Host.
 */
static void set_server_name(struct http *http, CURLU *url, const char *name)
{
    char *scheme = url_part(url, CURLUPART_SCHEME);
    char *host = url_part(url, CURLUPART_HOST);
    char *port = url_part(url, CURLUPART_PORT);
    char *path = url_part(url, CURLUPART_PATH);
    bool has_prefix = path && !text_equal(path, "/");
    memory_free(http->base_url);
    http->base_url = memory_print("%s://%s:%s%s", scheme, name, port, has_prefix ? path : "");
    http->host_header = memory_print("Host: %s:%s", host, port);
    char *route = memory_print("%s:%s:%s:%s", name, port, host, port);
    http->connect_to = curl_slist_append(NULL, route);
    REQUIRE(http->connect_to);
    memory_free(route);
    memory_free(scheme);
    memory_free(host);
    memory_free(port);
    memory_free(path);
}

static struct result read_server(struct http *http, struct error *error)
{
    const struct access *access = http->options.access;
    CURLU *url = curl_url();
    REQUIRE(url);
    CURLUcode code = curl_url_set(url, CURLUPART_URL, access->server, 0);
    char *scheme = code == CURLUE_OK ? url_part(url, CURLUPART_SCHEME) : NULL;
    bool usable = text_equal(scheme, "https") || text_equal(scheme, "http");
    memory_free(scheme);
    if (usable) {
        http->base_url = memory_copy_text(access->server);
        if (access->tls_server_name) {
            set_server_name(http, url, access->tls_server_name);
        }
    }
    curl_url_cleanup(url);
    if (!usable) {
        return error_set(error, ERROR_INVALID,
                         "%s: server \"%s\" is not an https:// or http:// address; correct it",
                         access->source, access->server);
    }
    return RESULT_OK;
}

#define SET(multi, option, value) REQUIRE(curl_multi_setopt((multi), (option), (value)) == CURLM_OK)

struct result http_open(const struct http_options *options, struct http **http, struct error *error)
{
    REQUIRE(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK); /* counted by curl */
    struct http *made = memory_allocate(1, sizeof(*made));
    made->options = *options;
    struct result result = read_server(made, error);
    if (!result_is_ok(result)) {
        curl_global_cleanup();
        memory_free(made);
        return result;
    }
    made->multi = curl_multi_init();
    REQUIRE(made->multi);
    SET(made->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
    SET(made->multi, CURLMOPT_SOCKETDATA, made);
    SET(made->multi, CURLMOPT_TIMERFUNCTION, want_timer);
    SET(made->multi, CURLMOPT_TIMERDATA, made);
    SET(made->multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
    SET(made->multi, CURLMOPT_MAX_CONCURRENT_STREAMS, (long)STREAMS_PER_CONNECTION);
    SET(made->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)CONNECTIONS_MAXIMUM);
    *http = made;
    return RESULT_OK;
}

static void drop_calls(struct io_call_list *list)
{
    struct io_call *call;
    while ((call = list->first) != NULL) {
        http_list_remove(list, call);
        if (call->easy) {
            take_from_curl(call);
        }
        http_call_release(call);
        http_call_free(call);
    }
}

struct http *http_close(struct http *http)
{
    if (!http) {
        return NULL;
    }
    REQUIRE(http->in_curl == 0);
    drop_calls(&http->queued);
    drop_calls(&http->queued_streams);
    drop_calls(&http->running);
    drop_calls(&http->cancelled);
    (void)curl_multi_cleanup(http->multi);
    while (http->pool_count > 0) {
        curl_easy_cleanup(http->pool[--http->pool_count]);
    }
    while (http->sockets) {
        drop_socket(http, http->sockets);
    }
    loop_stop_timer(http->options.loop, http->curl_timer);
    loop_stop_timer(http->options.loop, http->pump_timer);
    curl_slist_free_all(http->connect_to);
    memory_free(http->base_url);
    memory_free(http->host_header);
    curl_global_cleanup();
    return memory_free(http);
}
