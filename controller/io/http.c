/* Which call goes next, and by which carrier; credentials; cancelling; idle watches. */

#include "io/http_private.h"

#include "core/assert.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/text.h"
#include "io/library_memory.h"

#include <string.h>

enum {
    HTTP_UNAUTHORIZED = 401,
    CONNECT_MS = 10000,
    UNPROCESSED_MAXIMUM = 3, /* times that a request is sent again that no server looked at */
};

static void list_add(struct io_call_list *list, struct io_call *call)
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

static void list_remove(struct io_call_list *list, struct io_call *call)
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
    http_call_free(call);
}

static void queue_call(struct http *http, struct io_call *call);

static void add_running(struct io_call *call)
{
    call->state = CALL_RUNNING;
    list_add(&call->http->running, call);
    call->http->running_requests += http_call_is_stream(call) ? 0 : 1;
}

static void stop_timers(struct io_call *call)
{
    loop_stop_timer(call->http->options.loop, call->idle_timer);
    loop_stop_timer(call->http->options.loop, call->limit_timer);
    call->idle_timer = NULL;
    call->limit_timer = NULL;
}

/* Makes room for one that waits. */
static void remove_running(struct io_call *call)
{
    struct http *http = call->http;
    stop_timers(call);
    list_remove(&http->running, call);
    if (!http_call_is_stream(call)) {
        http->running_requests--;
    }
    if (http->queued.first || http->queued_streams.first) {
        http_pump_soon(http);
    }
}

/* C15: a 401 may only mean that the token was replaced meanwhile. */
static bool deserves_repeat(struct io_call *call, const struct io_response *response)
{
    return response->failure == ERROR_NONE && response->status == HTTP_UNAUTHORIZED &&
           !call->repeated &&
           credentials_reject(call->http->options.credentials, call->generation, loop_now_ms());
}

void http_finish(struct io_call *call, const struct http_end *end)
{
    struct io_response response;
    http_call_judge(call, end, &response);
    http_call_count(call, &response);
    remove_running(call);
    if (deserves_repeat(call, &response)) {
        call->repeated = true;
        queue_call(call->http, call);
        return;
    }
    deliver(call, &response);
}

void http_send_again(struct io_call *call, const struct http_end *end)
{
    if (call->unprocessed >= UNPROCESSED_MAXIMUM) {
        http_finish(call, end);
        return;
    }
    call->unprocessed++;
    remove_running(call);
    queue_call(call->http, call);
}

/* The carrier that has the call lets go of it. */
static void release(struct io_call *call)
{
    if (call->transfer.easy) {
        http_curl_release(call);
    } else if (call->connection) {
        http2_release(call);
    }
}

void http_sweep(struct http *http)
{
    struct io_call *call;
    while (http->inside == 0 && (call = http->cancelled.first) != NULL) {
        list_remove(&http->cancelled, call);
        release(call);
        http_call_free(call);
    }
}

/* ---- Limits of a call (C12) ---- */

/*
 * When the whole connection was silent as well, it may be dead without the kernel knowing (a load
 * balancer that acknowledges and drops). Requests to come must not be put on it, so it is ended.
 * Half the time counts as silent: other watches had their last byte a little later, and without any
 * left to wait for, the new watch would wait on the dead connection again.
 */
static void shut_silent_connection(struct io_call *call, int64_t now_ms)
{
    if (call->connection) {
        http2_shut_silent(call, now_ms);
    } else if (call->transfer.easy) {
        http_curl_shut_silent(call, now_ms);
    }
}

static void end_by_us(struct io_call *call, enum error_kind failure, const char *message)
{
    struct http *http = call->http;
    call->ended_by_us = failure;
    call->our_message = message;
    release(call);
    http_finish(call, &(struct http_end){failure, message});
    curl_loop_collect(http->curl);
}

static void check_idle(void *context)
{
    struct io_call *call = context;
    call->idle_timer = NULL;
    int64_t now_ms = loop_now_ms();
    if (now_ms - call->last_byte_ms < call->idle_ms) {
        call->idle_timer = loop_start_timer(call->http->options.loop,
                                            call->last_byte_ms + call->idle_ms, check_idle, call);
        return;
    }
    shut_silent_connection(call, now_ms);
    end_by_us(call, call->local_port != 0 ? ERROR_LOST : ERROR_UNAVAILABLE,
              "nothing came from the server for too long");
}

static void end_late(void *context)
{
    struct io_call *call = context;
    call->limit_timer = NULL;
    end_by_us(call, ERROR_LOST, "the answer did not come in time");
}

/* ---- Starting ---- */

static void begin(struct io_call *call, struct http2 *connection,
                  const struct credential *credential)
{
    struct loop *loop = call->http->options.loop;
    http_call_begin(call, credential);
    add_running(call);
    if (call->idle_ms > 0) {
        call->idle_timer = loop_start_timer(loop, call->started_ms + call->idle_ms, check_idle,
                                            call);
    }
    if (!connection) {
        http_curl_begin(call, credential);
        return;
    }
    if (!http_call_is_stream(call)) {
        call->limit_timer = loop_start_timer(loop, call->asked_ms + call->timeout_ms, end_late,
                                             call);
    }
    http2_begin(connection, call, credential);
}

static void refuse(struct io_call *call, const char *message)
{
    struct io_response response = {
        .failure = ERROR_UNAVAILABLE,
        .message = message,
        .retry_after_seconds = IO_NO_RETRY_AFTER,
        .body = "",
    };
    deliver(call, &response);
}

static struct io_call_list *queue_of(struct http *http, const struct io_call *call)
{
    return http_call_is_stream(call) ? &http->queued_streams : &http->queued;
}

static void refuse_all(struct io_call_list *queue, const char *message)
{
    struct io_call *last = queue->last; /* what callbacks add waits for the next turn */
    for (bool was_last = !last; !was_last && queue->first;) {
        struct io_call *call = queue->first;
        was_last = call == last;
        list_remove(queue, call);
        refuse(call, message);
    }
}

void http_refuse_queued(struct http *http, const char *why)
{
    char *message = memory_print("%s: %s", http->authority, why);
    refuse_all(&http->queued_streams, message);
    refuse_all(&http->queued, message);
    memory_free(message);
    http_pump_soon(http);
}

static bool has_place(const struct http *http, const struct io_call *call)
{
    return http_call_is_stream(call) || http->running_requests < HTTP_REQUESTS_MAXIMUM;
}

/*
 * Begins what is queued by now; what callbacks add waits for the next turn. False: a credential or
 * a connection is awaited, and whoever gets it goes on.
 */
static bool pump_queue(struct http *http, struct io_call_list *queue)
{
    struct io_call *last = queue->last;
    for (bool was_last = !last; !was_last && queue->first;) {
        struct io_call *call = queue->first;
        if (!has_place(http, call)) {
            return true; /* remove_running() goes on */
        }
        struct credential credential;
        struct error error;
        enum credentials_state state = credentials_get(http->options.credentials, loop_now_ms(),
                                                       &credential, &error);
        if (state == CREDENTIALS_AWAITED) {
            return false;
        }
        if (state == CREDENTIALS_FAILED) {
            refuse_all(queue, error.message);
            return true;
        }
        bool by_http2 = http->by_http2;
        struct http2 *connection = by_http2 ? http2_find(http, &credential) : NULL;
        if (by_http2 && !connection) {
            return false;
        }
        was_last = call == last;
        list_remove(queue, call);
        begin(call, connection, &credential);
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

void http_pump_soon(struct http *http)
{
    if (!http->pump_timer) {
        http->pump_timer = loop_defer(http->options.loop, pump, http);
    }
}

void http_credentials_changed(struct http *http)
{
    http_pump_soon(http);
}

static void queue_call(struct http *http, struct io_call *call)
{
    call->state = CALL_QUEUED;
    list_add(queue_of(http, call), call);
    http_pump_soon(http);
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
        list_remove(queue_of(http, call), call);
        break;
    case CALL_RUNNING:
        remove_running(call);
        if (http->inside > 0) {
            call->state = CALL_CANCELLED;
            list_add(&http->cancelled, call);
            return;
        }
        release(call);
        break;
    case CALL_CANCELLED:
    case CALL_ENDED:
        return; /* its on_done is running: it is gone when that returns */
    }
    http_call_free(call);
}

struct http_counters http_counters(const struct http *http)
{
    return http->counters;
}

int http_connect_ms(const struct http *http)
{
    return http->options.connect_ms > 0 ? http->options.connect_ms : CONNECT_MS;
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
static void set_server_name(struct http *http, const char *scheme, const char *host,
                            const char *port, const char *name)
{
    memory_free(http->base_url);
    http->base_url = memory_print("%s://%s:%s%s", scheme, name, port, http->path_prefix);
    http->host_header = memory_print("Host: %s:%s", host, port);
    char *route = memory_print("%s:%s:%s:%s", name, port, host, port);
    http->connect_to = curl_slist_append(NULL, route);
    REQUIRE(http->connect_to);
    memory_free(route);
}

/* `path` without a slash at its end, for another path to follow. */
static char *prefix_of(const char *path)
{
    size_t size = strlen(text_or(path, ""));
    while (size > 0 && path[size - 1] == '/') {
        size--;
    }
    return memory_print("%.*s", (int)size, text_or(path, ""));
}

static struct result read_server(struct http *http, struct error *error)
{
    const struct access *access = http->options.access;
    CURLU *url = curl_url();
    REQUIRE(url);
    CURLUcode code = curl_url_set(url, CURLUPART_URL, access->server, 0);
    char *scheme = code == CURLUE_OK ? url_part(url, CURLUPART_SCHEME) : NULL;
    char *host = scheme ? url_part(url, CURLUPART_HOST) : NULL;
    char *port = scheme ? url_part(url, CURLUPART_PORT) : NULL;
    char *path = scheme ? url_part(url, CURLUPART_PATH) : NULL;
    bool is_https = text_equal(scheme, "https");
    bool usable = (is_https || text_equal(scheme, "http")) && host && port;
    if (usable) {
        http->by_http2 = is_https;
        http->base_url = memory_copy_text(access->server);
        http->path_prefix = prefix_of(path);
        http->authority = text_equal(port, "443") ? memory_copy_text(host)
                                                  : memory_print("%s:%s", host, port);
        if (access->tls_server_name) {
            set_server_name(http, scheme, host, port, access->tls_server_name);
        }
    }
    curl_url_cleanup(url);
    memory_free(scheme);
    memory_free(host);
    memory_free(port);
    memory_free(path);
    if (!usable) {
        return error_set(error, ERROR_INVALID,
                         "%s: server \"%s\" is not an https:// or http:// address; correct it",
                         access->source, access->server);
    }
    return RESULT_OK;
}

struct result http_open(const struct http_options *options, struct http **http, struct error *error)
{
    REQUIRE(library_memory_init_curl() == CURLE_OK); /* counted by curl */
    struct http *made = memory_allocate(1, sizeof(*made));
    made->options = *options;
    struct result result = read_server(made, error);
    if (!result_is_ok(result)) {
        curl_global_cleanup();
        memory_free(made);
        return result;
    }
    http_curl_open(made);
    *http = made;
    return RESULT_OK;
}

static void drop_calls(struct io_call_list *list)
{
    struct io_call *call;
    while ((call = list->first) != NULL) {
        list_remove(list, call);
        stop_timers(call);
        release(call);
        http_call_free(call);
    }
}

struct http *http_close(struct http *http)
{
    if (!http) {
        return NULL;
    }
    REQUIRE(http->inside == 0);
    drop_calls(&http->queued);
    drop_calls(&http->queued_streams);
    drop_calls(&http->running);
    drop_calls(&http->cancelled);
    http2_close(http);
    http_curl_close(http);
    loop_stop_timer(http->options.loop, http->pump_timer);
    curl_slist_free_all(http->connect_to);
    memory_free(http->base_url);
    memory_free(http->host_header);
    memory_free(http->authority);
    memory_free(http->path_prefix);
    curl_global_cleanup();
    return memory_free(http);
}
