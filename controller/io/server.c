#include "io/server.h"

#include "core/assert.h"
#include "core/buffer.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/text.h"
#include "io/loop.h"
#include "obs/health.h"
#include "obs/metrics.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    CONNECTIONS_MAXIMUM = 64,
    CONNECTIONS_PER_PEER = 32,
    CONNECTION_MEMORY = 16 * 1024, /* bytes: request line, headers, and the answer's headers */
    CONNECTION_TIMEOUT_SECONDS = 30,
    BACKLOG = 64,
    ANSWER_MAXIMUM = 8 * 1024 * 1024,
    HOST_MAXIMUM = 256,
};

#define TEXT_TYPE    "text/plain; charset=utf-8"
#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct server {
    struct server_options options;
    struct MHD_Daemon *daemon;
    struct loop_watch *watch;
    struct loop_timer *timer;
    uint16_t port;
};

/* ---- Answers ---- */

struct answer {
    unsigned status;
    const char *type;
    struct buffer body;
};

static void say(struct answer *answer, unsigned status, const char *text)
{
    answer->status = status;
    buffer_clear(&answer->body);
    REQUIRE(result_is_ok(buffer_append_text(&answer->body, text)));
}

static void answer_health(const struct server *server, enum health_endpoint endpoint, bool verbose,
                          struct answer *answer)
{
    const struct health *health = server->options.health;
    answer->status = health_is_passing(health, endpoint) ? MHD_HTTP_OK
                                                         : MHD_HTTP_SERVICE_UNAVAILABLE;
    if (!result_is_ok(health_render(health, endpoint, verbose, &answer->body))) {
        say(answer, MHD_HTTP_INTERNAL_SERVER_ERROR, "the answer is too long\n");
    }
}

static void answer_metrics(const struct server *server, struct answer *answer)
{
    answer->status = MHD_HTTP_OK;
    answer->type = METRICS_TYPE;
    if (!result_is_ok(metrics_render(server->options.metrics, &answer->body))) {
        answer->type = TEXT_TYPE;
        say(answer, MHD_HTTP_INTERNAL_SERVER_ERROR, "the answer is too long\n");
    }
}

static void answer_path(const struct server *server, struct MHD_Connection *connection,
                        const char *path, struct answer *answer)
{
    const char *ignored;
    size_t ignored_size;
    bool verbose = MHD_lookup_connection_value_n(connection, MHD_GET_ARGUMENT_KIND, "verbose",
                                                 strlen("verbose"), &ignored,
                                                 &ignored_size) == MHD_YES;
    if (text_equal(path, "/healthz")) {
        answer_health(server, HEALTH_LIVE, verbose, answer);
    } else if (text_equal(path, "/readyz")) {
        answer_health(server, HEALTH_READY, verbose, answer);
    } else if (text_equal(path, "/metrics")) {
        answer_metrics(server, answer);
    } else {
        say(answer, MHD_HTTP_NOT_FOUND, "there are /healthz, /readyz and /metrics\n");
    }
}

static enum MHD_Result send_answer(struct MHD_Connection *connection, const struct answer *answer)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(
        answer->body.size, answer->body.data, MHD_RESPMEM_MUST_COPY);
    if (!response) {
        return MHD_NO;
    }
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->type);
    (void)MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (answer->status == MHD_HTTP_METHOD_NOT_ALLOWED) {
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    }
    enum MHD_Result result = MHD_queue_response(connection, answer->status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *path,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_size, void **request)
{
    (void)version;
    (void)upload;
    static char seen; /* its address marks a request whose headers were seen */
    const struct server *server = context;
    if (!*request) {
        *request = &seen;
        return MHD_YES; /* answering now would break keep-alive */
    }
    if (*upload_size > 0) {
        return MHD_NO; /* nothing here takes a body: the connection ends */
    }
    struct answer answer = {.type = TEXT_TYPE, .body = BUFFER_INIT(ANSWER_MAXIMUM)};
    if (text_equal(method, MHD_HTTP_METHOD_GET) || text_equal(method, MHD_HTTP_METHOD_HEAD)) {
        answer_path(server, connection, path, &answer);
    } else {
        say(&answer, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n");
    }
    enum MHD_Result result = send_answer(connection, &answer);
    buffer_free(&answer.body);
    return result;
}

/* ---- The loop ---- */

static void run(struct server *server);

static void on_timer(void *context)
{
    struct server *server = context;
    server->timer = NULL;
    run(server);
}

static void on_ready(void *context, unsigned events)
{
    (void)events;
    run(context);
}

static void run(struct server *server)
{
    struct loop *loop = server->options.loop;
    (void)MHD_run(server->daemon);
    loop_stop_timer(loop, server->timer);
    server->timer = NULL;
    MHD_UNSIGNED_LONG_LONG wait_ms;
    if (MHD_get_timeout(server->daemon, &wait_ms) == MHD_YES) {
        server->timer = loop_start_timer(loop, loop_now_ms() + (int64_t)wait_ms, on_timer, server);
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

static void log_library(void *context, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

/* What the library has to say is about peers that broke off: of interest when looking for it. */
static void log_library(void *context, const char *format, va_list arguments)
{
    (void)context;
    char text[256];
    (void)vsnprintf(text, sizeof(text), format, arguments);
    text[strcspn(text, "\n")] = '\0';
    log_debug("the health and metrics server says", LOG_TEXT("text", text));
}

static struct MHD_Daemon *start_daemon(struct server *server, int fd)
{
    struct MHD_OptionItem options[] = {
        {MHD_OPTION_EXTERNAL_LOGGER, (intptr_t)log_library, NULL}, /* first: the others may log */
        {MHD_OPTION_LISTEN_SOCKET, fd, NULL},
        {MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAXIMUM, NULL},
        {MHD_OPTION_PER_IP_CONNECTION_LIMIT, CONNECTIONS_PER_PEER, NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY, NULL},
        {MHD_OPTION_CONNECTION_TIMEOUT, CONNECTION_TIMEOUT_SECONDS, NULL},
        {MHD_OPTION_END, 0, NULL},
    };
    return MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_ERROR_LOG, 0, NULL, NULL, handle, server,
                            MHD_OPTION_ARRAY, options, MHD_OPTION_END);
}

struct result server_open(const struct server_options *options, struct server **server,
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
    struct server *made = memory_allocate(1, sizeof(*made));
    made->options = *options;
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
        (void)server_close(made);
        return result;
    }
    *server = made;
    return RESULT_OK;
}

uint16_t server_port(const struct server *server)
{
    return server->port;
}

struct server *server_close(struct server *server)
{
    if (!server) {
        return NULL;
    }
    loop_stop_watch(server->options.loop, server->watch);
    loop_stop_timer(server->options.loop, server->timer);
    MHD_stop_daemon(server->daemon); /* closes the listening socket too */
    return memory_free(server);
}
