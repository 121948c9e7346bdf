#include "io/serve.h"

#include "core/assert.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/text.h"
#include "io/certificate.h"
#include "io/loop.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A burst of senders waits in the kernel until the loop comes round. */
enum { BACKLOG = 512, HOST_MAXIMUM = 256 };

/* What GnuTLS calls them; older ones have been withdrawn (RFC 8996). */
static char TLS_VERSIONS[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";

enum { MS_PER_SECOND = 1000, SWEEP_MS = 1000 };

struct connection {
    struct connection *next;
    struct connection *previous;
    struct MHD_Connection *connection;
    int64_t deadline_ms;
};

struct serve {
    struct serve_options options;
    struct loop *loop;
    struct MHD_Daemon *daemon;
    struct loop_watch *watch;
    struct loop_timer *timer;
    bool is_woken; /* by serve_wake(), since the library ran last */
    struct connection *connections;
    struct loop_timer *sweep;
    uint16_t port;
};

/* ---- The loop ---- */

static void run(struct serve *serve);

static void on_timer(void *context)
{
    struct serve *serve = context;
    serve->timer = NULL;
    run(serve);
}

static void on_ready(void *context, unsigned events)
{
    (void)events;
    run(context);
}

static void run(struct serve *serve)
{
    serve->is_woken = false;
    (void)MHD_run(serve->daemon);
    loop_stop_timer(serve->loop, serve->timer);
    serve->timer = NULL;
    MHD_UNSIGNED_LONG_LONG wait_ms;
    if (serve->is_woken) { /* within MHD_run(), which does not see it any more, nor its time-out */
        serve_wake(serve);
    } else if (MHD_get_timeout(serve->daemon, &wait_ms) == MHD_YES) {
        serve->timer = loop_start_timer(serve->loop, loop_now_ms() + (int64_t)wait_ms, on_timer,
                                        serve);
    }
}

void serve_wake(struct serve *serve)
{
    serve->is_woken = true;
    loop_stop_timer(serve->loop, serve->timer);
    serve->timer = loop_start_timer(serve->loop, loop_now_ms(), on_timer, serve);
}

/* ---- Connections that take too long ---- */

static void give_time(struct connection *connection, unsigned seconds)
{
    connection->deadline_ms = seconds > 0 ? loop_now_ms() + (int64_t)seconds * MS_PER_SECOND
                                          : INT64_MAX;
}

static void start_sweep(struct serve *serve);

/* The library sees that the peer has gone, and does the rest. */
static void on_sweep(void *context)
{
    struct serve *serve = context;
    int64_t now_ms = loop_now_ms();
    serve->sweep = NULL;
    for (struct connection *each = serve->connections; each; each = each->next) {
        const union MHD_ConnectionInfo *information =
            each->deadline_ms <= now_ms
                ? MHD_get_connection_info(each->connection, MHD_CONNECTION_INFO_CONNECTION_FD)
                : NULL;
        if (information) {
            log_debug("a connection takes too long, it is closed",
                      LOG_INTEGER("port", serve->port));
            (void)shutdown(information->connect_fd, SHUT_RDWR);
        }
    }
    start_sweep(serve);
}

static void start_sweep(struct serve *serve)
{
    bool is_limited = serve->options.first_request_seconds > 0;
    if (serve->connections && !serve->sweep && is_limited) {
        serve->sweep = loop_start_timer(serve->loop, loop_now_ms() + SWEEP_MS, on_sweep, serve);
    }
}

static void on_connection(void *context, struct MHD_Connection *handle, void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct serve *serve = context;
    struct connection *connection = *socket_context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        connection = memory_allocate(1, sizeof(*connection));
        *connection = (struct connection){.connection = handle, .next = serve->connections};
        if (connection->next) {
            connection->next->previous = connection;
        }
        serve->connections = connection;
        *socket_context = connection;
        give_time(connection, serve->options.first_request_seconds);
        start_sweep(serve);
        return;
    }
    if (connection->previous) {
        connection->previous->next = connection->next;
    } else {
        serve->connections = connection->next;
    }
    if (connection->next) {
        connection->next->previous = connection->previous;
    }
    *socket_context = memory_free(connection);
    /*
     * The library stops to listen while it has all the connections or descriptors that it may have,
     * and begins again only when it runs next, which nothing else might ever lead to.
     */
    serve_wake(serve);
}

static void give_time_for_request(struct serve *serve, struct MHD_Connection *handle)
{
    const union MHD_ConnectionInfo *information = MHD_get_connection_info(
        handle, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    if (information && information->socket_context) {
        give_time(information->socket_context, serve->options.request_seconds);
    }
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection,
                                  const char *path, const char *method, const char *version,
                                  const char *upload, size_t *upload_size, void **request)
{
    struct serve *serve = context;
    if (!*request) {
        give_time_for_request(serve, connection);
    }
    return serve->options.handle(serve->options.context, connection, path, method, version, upload,
                                 upload_size, request);
}

static void on_completed(void *context, struct MHD_Connection *connection, void **request,
                         enum MHD_RequestTerminationCode code)
{
    struct serve *serve = context;
    give_time_for_request(serve, connection);
    if (serve->options.completed) {
        serve->options.completed(serve->options.context, connection, request, code);
    }
}

/* ---- Listening ---- */

/* "host:port", "[v6]:port", ":port". The host's brackets are taken off. */
static struct result split_address(const char *address, char host[HOST_MAXIMUM], const char **port,
                                   struct error *error)
{
    const char *colon = strrchr(address, ':');
    size_t length = colon ? (size_t)(colon - address) : 0;
    bool bracketed = length >= 2 && address[0] == '[' && address[length - 1] == ']';
    int64_t number;
    if (!colon || length >= HOST_MAXIMUM || !text_parse_integer(colon + 1, &number) || number < 0 ||
        number > UINT16_MAX || (!bracketed && memchr(address, ':', length) != NULL)) {
        return error_set(error, ERROR_INVALID,
                         "\"%s\" is no address to listen on; write host:port, [v6]:port or :port",
                         address);
    }
    (void)snprintf(host, HOST_MAXIMUM, "%.*s", (int)(bracketed ? length - 2 : length),
                   bracketed ? address + 1 : address);
    *port = colon + 1;
    return RESULT_OK;
}

/* -1 and errno when it cannot be had. */
static int listen_on(const struct addrinfo *address)
{
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    const int on = 1;
    const int off = 0;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (address->ai_family == AF_INET6) { /* "::" takes IPv4 as well */
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    }
    if (bind(fd, address->ai_addr, address->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
        int code = errno;
        (void)close(fd);
        errno = code;
        return -1;
    }
    return fd;
}

static int first_that_listens(const struct addrinfo *list, int family)
{
    int fd = -1;
    for (; list && fd < 0; list = list->ai_next) {
        if (family == AF_UNSPEC || list->ai_family == family) {
            fd = listen_on(list);
        }
    }
    return fd;
}

static struct result open_socket(const char *address, int *fd, struct error *error)
{
    char host[HOST_MAXIMUM];
    const char *port = NULL;
    TRY(split_address(address, host, &port, error));
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *list = NULL;
    int code = getaddrinfo(host[0] ? host : NULL, port, &hints, &list);
    if (code != 0) {
        return error_set(error, ERROR_INVALID, "cannot listen on %s: %s", address,
                         gai_strerror(code));
    }
    /* All addresses: the IPv6 socket takes both, but a machine may have no IPv6. */
    *fd = host[0] ? -1 : first_that_listens(list, AF_INET6);
    if (*fd < 0) {
        *fd = first_that_listens(list, AF_UNSPEC);
    }
    int reason = errno;
    freeaddrinfo(list);
    if (*fd < 0) {
        return error_set(error, ERROR_IO, "cannot listen on %s: %s; choose another address",
                         address, strerror(reason));
    }
    return RESULT_OK;
}

static bool find_port(int fd, uint16_t *port)
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof(address);
    if (getsockname(fd, (struct sockaddr *)&address, &size) != 0) {
        return false;
    }
    *port = ntohs(address.ss_family == AF_INET6
                      ? ((const struct sockaddr_in6 *)(const void *)&address)->sin6_port
                      : ((const struct sockaddr_in *)(const void *)&address)->sin_port);
    return true;
}

/* What the library has to say is about peers that broke off: of interest when looking for it. */
static void log_library(void *context, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

static void log_library(void *context, const char *format, va_list arguments)
{
    (void)context;
    char text[256];
    (void)vsnprintf(text, sizeof(text), format, arguments);
    text[strcspn(text, "\n")] = '\0';
    log_debug("the HTTP server says", LOG_TEXT("text", text));
}

static struct MHD_Daemon *start_daemon(struct serve *serve, int fd)
{
    const struct serve_options *asked = &serve->options;
    struct MHD_OptionItem options[] = {
        {MHD_OPTION_EXTERNAL_LOGGER, (intptr_t)log_library, NULL}, /* first: the others may log */
        {MHD_OPTION_LISTEN_SOCKET, fd, NULL},
        {MHD_OPTION_CONNECTION_LIMIT, (intptr_t)asked->connections, NULL},
        {MHD_OPTION_PER_IP_CONNECTION_LIMIT, (intptr_t)asked->connections_per_peer, NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, (intptr_t)asked->connection_memory, NULL},
        {MHD_OPTION_CONNECTION_TIMEOUT, (intptr_t)asked->timeout_seconds, NULL},
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)on_completed, serve},
        {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)on_connection, serve},
        /* Pairs of options that only a server with TLS has. */
        {asked->certificate ? MHD_OPTION_HTTPS_PRIORITIES : MHD_OPTION_END, 0, TLS_VERSIONS},
        {MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (void *)certificate_choose},
        {MHD_OPTION_END, 0, NULL},
    };
    unsigned flags = MHD_USE_EPOLL | MHD_USE_ERROR_LOG |
                     (asked->suspends ? (unsigned)MHD_ALLOW_SUSPEND_RESUME : 0U) |
                     (asked->certificate ? (unsigned)MHD_USE_TLS : 0U);
    return MHD_start_daemon(flags, 0, NULL, NULL, on_request, serve, MHD_OPTION_ARRAY, options,
                            MHD_OPTION_END);
}

struct result serve_open(const struct serve_options *options, struct serve **serve,
                         struct error *error)
{
    int fd;
    TRY(open_socket(options->address, &fd, error));
    uint16_t port;
    if (!find_port(fd, &port)) {
        int reason = errno;
        (void)close(fd);
        return error_set(error, ERROR_IO, "cannot listen on %s: its port cannot be found: %s",
                         options->address, strerror(reason));
    }
    struct serve *made = memory_allocate(1, sizeof(*made));
    made->options = *options;
    made->loop = options->loop;
    made->port = port;
    made->daemon = start_daemon(made, fd);
    if (!made->daemon) {
        (void)close(fd);
        memory_free(made);
        return error_set(error, ERROR_IO, "cannot serve on %s: libmicrohttpd did not start",
                         options->address);
    }
    const union MHD_DaemonInfo *information = MHD_get_daemon_info(made->daemon,
                                                                  MHD_DAEMON_INFO_EPOLL_FD);
    REQUIRE(information);
    struct result result = loop_watch_fd(options->loop, information->epoll_fd, LOOP_READ, on_ready,
                                         made, &made->watch, error);
    if (!result_is_ok(result)) {
        error_add_context(error, "cannot serve on %s", options->address);
        (void)serve_close(made);
        return result;
    }
    *serve = made;
    return RESULT_OK;
}

uint16_t serve_port(const struct serve *serve)
{
    return serve->port;
}

struct serve *serve_close(struct serve *serve)
{
    if (!serve) {
        return NULL;
    }
    loop_stop_watch(serve->loop, serve->watch);
    MHD_stop_daemon(serve->daemon); /* closes the listening socket and all connections */
    REQUIRE(!serve->connections);
    loop_stop_timer(serve->loop, serve->timer);
    loop_stop_timer(serve->loop, serve->sweep);
    return memory_free(serve);
}
