#include "support/peer_private.h"

#include "support/test.h"

#include "core/memory.h"
#include "core/text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PIECE_SIZE = 16 * 1024, BACKLOG = 128 };

/* ---- Bytes out ---- */

static void close_connection(struct peer_connection *connection, bool by_client)
{
    struct peer *peer = connection->peer;
    if (connection->closed) {
        return;
    }
    connection->closed = true;
    loop_stop_watch(peer->options.loop, connection->watch);
    connection->watch = NULL;
    SSL_free(connection->tls);
    connection->tls = NULL;
    (void)close(connection->fd);
    if (by_client && peer->options.on_closed) {
        peer->options.on_closed(peer->options.context, connection->number);
    }
}

/* Bytes written; 0 when it has to wait; -1 when the connection is gone. */
static ssize_t write_some(struct peer_connection *connection)
{
    const struct buffer *out = &connection->out;
    ERR_clear_error();
    if (connection->tls) {
        int size = SSL_write(connection->tls, out->data, (int)out->size);
        if (size > 0) {
            return size;
        }
        int code = SSL_get_error(connection->tls, size);
        return code == SSL_ERROR_WANT_WRITE || code == SSL_ERROR_WANT_READ ? 0 : -1;
    }
    ssize_t size = write(connection->fd, out->data, out->size);
    return size < 0 && errno == EAGAIN ? 0 : size;
}

static void flush(struct peer_connection *connection)
{
    while (!connection->closed && connection->out.size > 0) {
        ssize_t size = write_some(connection);
        if (size < 0) {
            close_connection(connection, true);
            return;
        }
        if (size == 0) {
            break;
        }
        buffer_consume(&connection->out, (size_t)size);
    }
    if (connection->closed) {
        return;
    }
    if (connection->out.size == 0 && connection->hangs_up) {
        close_connection(connection, false);
        return;
    }
    if (!connection->watch) {
        return; /* deaf */
    }
    unsigned events = LOOP_READ | (connection->out.size > 0 ? (unsigned)LOOP_WRITE : 0U);
    REQUIRE(result_is_ok(
        loop_change_watch(connection->peer->options.loop, connection->watch, events, NULL)));
}

void peer_send(struct peer_connection *connection, const void *bytes, size_t size)
{
    if (!connection->closed) {
        REQUIRE(result_is_ok(buffer_append(&connection->out, bytes, size)));
        flush(connection);
    }
}

void peer_send_text(struct peer_connection *connection, const char *text)
{
    peer_send(connection, text, strlen(text));
}

void peer_hang_up(struct peer_connection *connection)
{
    connection->hangs_up = true;
    flush(connection);
}

void peer_go_deaf(struct peer_connection *connection)
{
    struct sock_filter drop_all[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
    struct sock_fprog program = {.len = 1, .filter = drop_all};
    loop_stop_watch(connection->peer->options.loop, connection->watch);
    connection->watch = NULL;
    REQUIRE(setsockopt(connection->fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) ==
            0);
}

void peer_hand_over(struct peer_connection *connection, uint32_t stream, const char *head,
                    const char *body, bool has_body)
{
    struct peer *peer = connection->peer;
    struct peer_request request = {
        .connection = connection,
        .connection_number = connection->number,
        .number = ++peer->request_count,
        .stream = stream,
        .head = head,
        .body = body,
        .has_body = has_body,
    };
    peer->options.on_request(peer->options.context, &request);
}

/* ---- HTTP/1.1 ---- */

static size_t body_size_of(const char *head)
{
    const char *at = strcasestr(head, "\r\nContent-Length:");
    return at ? (size_t)strtoul(at + strlen("\r\nContent-Length:"), NULL, 10) : 0;
}

static bool take_http1(struct peer_connection *connection)
{
    struct buffer *in = &connection->in;
    const char *end = in->size > 0 ? strstr(in->data, "\r\n\r\n") : NULL;
    if (!end) {
        return false;
    }
    size_t head_size = (size_t)(end - in->data) + 4;
    char *head = memory_print("%.*s", (int)head_size, in->data);
    size_t body_size = body_size_of(head);
    bool whole = in->size >= head_size + body_size;
    if (whole) {
        char *body = memory_print("%.*s", (int)body_size, in->data + head_size);
        buffer_consume(in, head_size + body_size);
        peer_hand_over(connection, 0, head, body, body_size > 0);
        memory_free(body);
    }
    memory_free(head);
    return whole;
}

/* ---- Any protocol ---- */

static bool is_http2(const struct peer_connection *connection)
{
    return connection->peer->options.protocol == PEER_HTTP2;
}

void peer_begin(const struct peer_request *request)
{
    if (is_http2(request->connection)) {
        peer_send_status(request, 200, false);
    } else {
        peer_send_text(request->connection,
                       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    }
}

void peer_send_piece(struct peer_connection *connection, uint32_t stream, const void *bytes,
                     size_t size)
{
    if (is_http2(connection)) {
        peer_send_data(connection, stream, bytes, size, false);
    } else if (size > 0) {
        char head[32];
        (void)snprintf(head, sizeof(head), "%zx\r\n", size);
        peer_send_text(connection, head);
        peer_send(connection, bytes, size);
        peer_send_text(connection, "\r\n");
    }
}

void peer_end(struct peer_connection *connection, uint32_t stream)
{
    if (is_http2(connection)) {
        peer_send_data(connection, stream, "", 0, true);
    } else {
        peer_send_text(connection, "0\r\n\r\n");
    }
}

/* ---- Connections ---- */

/* As write_some(). */
static ssize_t read_some(struct peer_connection *connection, char *piece, size_t size)
{
    ERR_clear_error();
    if (connection->tls) {
        int got = SSL_read(connection->tls, piece, (int)size);
        if (got > 0) {
            return got;
        }
        int code = SSL_get_error(connection->tls, got);
        return code == SSL_ERROR_WANT_WRITE || code == SSL_ERROR_WANT_READ ? 0 : -1;
    }
    ssize_t got = read(connection->fd, piece, size);
    if (got < 0 && errno == EAGAIN) {
        return 0;
    }
    return got == 0 ? -1 : got;
}

static void on_bytes(void *context, unsigned events)
{
    struct peer_connection *connection = context;
    char piece[PIECE_SIZE];
    ssize_t size;
    if (events & LOOP_WRITE) {
        flush(connection);
    }
    while (!connection->closed && (size = read_some(connection, piece, sizeof(piece))) != 0) {
        if (size < 0) {
            close_connection(connection, true);
            return;
        }
        REQUIRE(result_is_ok(buffer_append(&connection->in, piece, (size_t)size)));
    }
    while (!connection->closed &&
           (is_http2(connection) ? peer_take_http2(connection) : take_http1(connection))) {
    }
}

static void free_connection(struct peer_connection *connection)
{
    peer_free_http2(connection);
    buffer_free(&connection->in);
    buffer_free(&connection->out);
    memory_free(connection);
}

static void forget_closed(struct peer *peer)
{
    for (struct peer_connection **link = &peer->connections; *link;) {
        struct peer_connection *connection = *link;
        if (connection->closed) {
            *link = connection->next;
            free_connection(connection);
        } else {
            link = &connection->next;
        }
    }
}

static void on_connection(void *context, unsigned events)
{
    (void)events;
    struct peer *peer = context;
    if (peer->options.forgets) {
        forget_closed(peer);
    }
    int fd = accept4(peer->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        return;
    }
    const int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    struct peer_connection *connection = memory_allocate(1, sizeof(*connection));
    connection->peer = peer;
    connection->fd = fd;
    connection->number = ++peer->connection_count;
    connection->in.maximum = PEER_BUFFER_MAXIMUM;
    connection->out.maximum = PEER_BUFFER_MAXIMUM;
    if (peer->tls) {
        connection->tls = SSL_new(peer->tls);
        (void)SSL_set_fd(connection->tls, fd);
        SSL_set_accept_state(connection->tls);
    }
    connection->next = peer->connections;
    peer->connections = connection;
    REQUIRE(result_is_ok(loop_watch_fd(peer->options.loop, fd, LOOP_READ, on_bytes, connection,
                                       &connection->watch, NULL)));
}

static int choose_protocol(SSL *tls, const unsigned char **chosen, unsigned char *chosen_size,
                           const unsigned char *offered, unsigned offered_size, void *context)
{
    (void)tls;
    const struct peer *peer = context;
    const char *wanted = peer->options.protocol == PEER_HTTP2 ? "\x02h2" : "\x08http/1.1";
    unsigned char *picked = NULL;
    int code = SSL_select_next_proto(&picked, chosen_size, (const unsigned char *)wanted,
                                     (unsigned)strlen(wanted), offered, offered_size);
    *chosen = picked;
    return code == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static int accept_any(int verified, X509_STORE_CTX *context)
{
    (void)verified;
    (void)context;
    return 1;
}

static SSL_CTX *make_tls(struct peer *peer)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    const struct peer_identity *identity = peer->options.identity;
    REQUIRE(tls && SSL_CTX_use_certificate(tls, identity->certificate) == 1 &&
            SSL_CTX_use_PrivateKey(tls, identity->key) == 1);
    (void)SSL_CTX_set_mode(tls,
                           SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_alpn_select_cb(tls, choose_protocol, peer);
    if (peer->options.asks_certificate) {
        SSL_CTX_set_verify(tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, accept_any);
    }
    return tls;
}

struct peer *peer_open(const struct peer_options *options)
{
    struct peer *peer = memory_allocate(1, sizeof(*peer));
    peer->options = *options;
    peer->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    REQUIRE(bind(peer->fd, (const struct sockaddr *)&address, size) == 0);
    REQUIRE(listen(peer->fd, BACKLOG) == 0);
    REQUIRE(getsockname(peer->fd, (struct sockaddr *)&address, &size) == 0);
    peer->port = ntohs(address.sin_port);
    if (options->protocol != PEER_HTTP) {
        peer->tls = make_tls(peer);
    }
    REQUIRE(result_is_ok(loop_watch_fd(options->loop, peer->fd, LOOP_READ, on_connection, peer,
                                       &peer->watch, NULL)));
    return peer;
}

void peer_close(struct peer *peer)
{
    while (peer->connections) {
        struct peer_connection *connection = peer->connections;
        peer->connections = connection->next;
        close_connection(connection, false);
        free_connection(connection);
    }
    loop_stop_watch(peer->options.loop, peer->watch);
    (void)close(peer->fd);
    SSL_CTX_free(peer->tls);
    memory_free(peer);
}

uint16_t peer_port(const struct peer *peer)
{
    return peer->port;
}

size_t peer_connections(const struct peer *peer)
{
    return peer->connection_count;
}

size_t peer_requests(const struct peer *peer)
{
    return peer->request_count;
}
