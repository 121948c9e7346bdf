#include "io/curl_loop.h"

#include "core/assert.h"
#include "core/log.h"
#include "core/memory.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* A connection's socket, while curl wants to hear of it. */
struct curl_loop_socket {
    struct curl_loop_socket *next;
    struct curl_loop_socket *previous;
    struct curl_loop *curl;
    struct loop_watch *watch;
    curl_socket_t fd;
    int64_t last_read_ms; /* when bytes last waited on it */
};

struct curl_loop {
    struct curl_loop_options options;
    CURLM *multi;
    struct loop_timer *timer;
    struct curl_loop_socket *sockets;
};

int curl_loop_local_port(curl_socket_t fd)
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

void curl_loop_collect(struct curl_loop *curl)
{
    int left;
    CURLMsg *message;
    if (curl->options.on_return) {
        curl->options.on_return(curl->options.context);
    }
    while ((message = curl_multi_info_read(curl->multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE) {
            continue;
        }
        char *private = NULL;
        CURLcode code = message->data.result;
        (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
        struct curl_transfer *transfer = (struct curl_transfer *)(void *)private;
        transfer->done(transfer, code);
    }
}

static void run(struct curl_loop *curl, curl_socket_t fd, int events)
{
    int running;
    ++*curl->options.inside;
    CURLMcode code = curl_multi_socket_action(curl->multi, fd, events, &running);
    --*curl->options.inside;
    REQUIRE(code == CURLM_OK);
    curl_loop_collect(curl);
}

static void on_socket(void *context, unsigned events)
{
    struct curl_loop_socket *socket = context;
    int action = 0;
    if (events & LOOP_READ) {
        socket->last_read_ms = loop_now_ms();
        action |= CURL_CSELECT_IN;
    }
    if (events & LOOP_WRITE) {
        action |= CURL_CSELECT_OUT;
    }
    run(socket->curl, socket->fd, action);
}

static void drop_socket(struct curl_loop *curl, struct curl_loop_socket *socket)
{
    loop_stop_watch(curl->options.loop, socket->watch);
    if (socket->previous) {
        socket->previous->next = socket->next;
    } else {
        curl->sockets = socket->next;
    }
    if (socket->next) {
        socket->next->previous = socket->previous;
    }
    memory_free(socket);
}

static struct curl_loop_socket *add_socket(struct curl_loop *curl, curl_socket_t fd)
{
    struct curl_loop_socket *socket = memory_allocate(1, sizeof(*socket));
    socket->curl = curl;
    socket->fd = fd;
    socket->last_read_ms = loop_now_ms();
    socket->next = curl->sockets;
    if (curl->sockets) {
        curl->sockets->previous = socket;
    }
    curl->sockets = socket;
    (void)curl_multi_assign(curl->multi, fd, socket);
    return socket;
}

static int want_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *assigned)
{
    (void)easy;
    struct curl_loop *curl = context;
    struct curl_loop_socket *socket = assigned;
    if (what == CURL_POLL_REMOVE) {
        if (socket) {
            (void)curl_multi_assign(curl->multi, fd, NULL);
            drop_socket(curl, socket);
        }
        return 0;
    }
    unsigned events = ((what & CURL_POLL_IN) ? (unsigned)LOOP_READ : 0U) |
                      ((what & CURL_POLL_OUT) ? (unsigned)LOOP_WRITE : 0U);
    if (!socket) {
        socket = add_socket(curl, fd);
    }
    struct loop *loop = curl->options.loop;
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

static void on_timer(void *context)
{
    struct curl_loop *curl = context;
    curl->timer = NULL;
    run(curl, CURL_SOCKET_TIMEOUT, 0);
}

static int want_timer(CURLM *multi, long timeout_ms, void *context)
{
    (void)multi;
    struct curl_loop *curl = context;
    loop_stop_timer(curl->options.loop, curl->timer);
    curl->timer = NULL;
    if (timeout_ms >= 0) {
        curl->timer = loop_start_timer(curl->options.loop, loop_now_ms() + timeout_ms, on_timer,
                                       curl);
    }
    return 0;
}

void curl_loop_add(struct curl_loop *curl, CURL *easy)
{
    ++*curl->options.inside;
    CURLMcode code = curl_multi_add_handle(curl->multi, easy);
    --*curl->options.inside;
    REQUIRE(code == CURLM_OK);
}

void curl_loop_remove(struct curl_loop *curl, CURL *easy)
{
    ++*curl->options.inside;
    CURLMcode code = curl_multi_remove_handle(curl->multi, easy);
    --*curl->options.inside;
    REQUIRE(code == CURLM_OK);
}

void curl_loop_shut_silent(struct curl_loop *curl, int local_port, int64_t since_ms)
{
    for (struct curl_loop_socket *socket = curl->sockets; socket; socket = socket->next) {
        if (local_port != 0 && curl_loop_local_port(socket->fd) == local_port &&
            socket->last_read_ms <= since_ms) {
            (void)shutdown(socket->fd, SHUT_RDWR);
        }
    }
}

#define SET_MULTI(multi, option, value) \
    REQUIRE(curl_multi_setopt((multi), (option), (value)) == CURLM_OK)

struct curl_loop *curl_loop_open(const struct curl_loop_options *options)
{
    struct curl_loop *curl = memory_allocate(1, sizeof(*curl));
    curl->options = *options;
    curl->multi = curl_multi_init();
    REQUIRE(curl->multi);
    SET_MULTI(curl->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
    SET_MULTI(curl->multi, CURLMOPT_SOCKETDATA, curl);
    SET_MULTI(curl->multi, CURLMOPT_TIMERFUNCTION, want_timer);
    SET_MULTI(curl->multi, CURLMOPT_TIMERDATA, curl);
    SET_MULTI(curl->multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
    SET_MULTI(curl->multi, CURLMOPT_MAX_CONCURRENT_STREAMS, options->streams);
    SET_MULTI(curl->multi, CURLMOPT_MAX_HOST_CONNECTIONS, options->connections);
    return curl;
}

struct curl_loop *curl_loop_close(struct curl_loop *curl)
{
    if (!curl) {
        return NULL;
    }
    (void)curl_multi_cleanup(curl->multi);
    while (curl->sockets) {
        drop_socket(curl, curl->sockets);
    }
    loop_stop_timer(curl->options.loop, curl->timer);
    return memory_free(curl);
}
