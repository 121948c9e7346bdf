/*
 * Sends deliveries to a webhook at a steady rate, whatever the answers do (bench/run --hooks):
 *
 *   bench-deliver --port 8090 --path /hooks/NAMESPACE/TRIGGER --key SECRET [options]
 *
 * As GitHub signs them. Bodies differ with their ids, and each is signed when it is sent. The time
 * of an answer counts from when its delivery was due, so that waiting for a free connection is in
 * it. Prints one JSON object: answers by status, latencies in ms, own CPU, the ids that were taken.
 */

#include "core/digest.h"
#include "core/memory.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    HEAD_MAXIMUM = 1024,
    ANSWER_MAXIMUM = 4096,
    STATUS_MAXIMUM = 600,
    EVENTS = 256,
    GRACE_SECONDS = 12, /* for the last answers */
    STATUS_AT = 9       /* "HTTP/1.1 " */
};

#define NANOSECONDS 1e9

struct options {
    int port;
    const char *path;
    const char *key;
    double rate;
    double seconds;
    size_t connections;
    size_t size;
    size_t ids; /* how many there are, in turn; 0: each is a new one */
    size_t first_id;
    bool is_wrong; /* signed with another key */
    bool is_fresh; /* a connection for each */
};

struct connection {
    int fd; /* -1: none */
    bool is_busy;
    size_t id;
    double due;
    char *request;
    size_t size;
    size_t sent;
    char answer[ANSWER_MAXIMUM];
    size_t answered;
};

struct load {
    struct options options;
    int epoll;
    struct connection *connections;
    char *body;
    double began;
    size_t total;
    size_t started;
    size_t done;
    size_t broken; /* closed before the answer */
    size_t statuses[STATUS_MAXIMUM];
    double *latencies;
    size_t *taken;
    size_t taken_count;
};

static double seconds_of(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / NANOSECONDS;
}

static void fail(const char *what)
{
    (void)fprintf(stderr, "bench-deliver: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* ---- A delivery ---- */

static void make_request(struct load *load, struct connection *connection)
{
    const struct options *options = &load->options;
    unsigned char mac[DIGEST_SIZE];
    char hex[DIGEST_HEX_SIZE];
    char id[32];
    (void)snprintf(id, sizeof(id), "%020zu", connection->id);
    memcpy(strstr(load->body, "\"after\":\"") + strlen("\"after\":\""), id, strlen(id));
    digest_hmac(options->key, strlen(options->key), load->body, options->size, mac);
    mac[0] ^= options->is_wrong ? 1 : 0;
    digest_format(mac, hex);
    int head = snprintf(connection->request, HEAD_MAXIMUM,
                        "POST %s HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
                        "X-GitHub-Event: push\r\nX-GitHub-Delivery: %s\r\n"
                        "X-Hub-Signature-256: sha256=%s\r\nContent-Length: %zu\r\n%s\r\n",
                        options->path, id, hex, options->size,
                        options->is_fresh ? "Connection: close\r\n" : "");
    memcpy(connection->request + head, load->body, options->size);
    connection->size = (size_t)head + options->size;
    connection->sent = 0;
    connection->answered = 0;
}

static void make_body(struct load *load)
{
    static const char head[] = "{\"ref\":\"refs/heads/main\",\"after\":\"00000000000000000000\","
                               "\"text\":\"";
    size_t size = load->options.size < sizeof(head) + 2 ? sizeof(head) + 2 : load->options.size;
    load->options.size = size;
    load->body = memory_allocate(size + 1, 1);
    memset(load->body, 'x', size);
    memcpy(load->body, head, strlen(head));
    memcpy(load->body + size - 2, "\"}", 2);
}

/* ---- Connections ---- */

static void watch(struct load *load, struct connection *connection, int operation, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = connection};
    if (epoll_ctl(load->epoll, operation, connection->fd, &event) != 0) {
        fail("epoll_ctl");
    }
}

static void close_connection(struct connection *connection)
{
    if (connection->fd >= 0) {
        (void)close(connection->fd);
    }
    connection->fd = -1;
    connection->is_busy = false;
}

static void open_connection(struct load *load, struct connection *connection)
{
    const int on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)load->options.port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (connection->fd < 0) {
        fail("socket");
    }
    (void)setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(connection->fd, (const struct sockaddr *)&address, sizeof(address)) != 0 &&
        errno != EINPROGRESS) {
        fail("connect");
    }
    watch(load, connection, EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT);
}

static void send_more(struct load *load, struct connection *connection)
{
    while (connection->is_busy && connection->sent < connection->size) {
        ssize_t size = send(connection->fd, connection->request + connection->sent,
                            connection->size - connection->sent, MSG_NOSIGNAL);
        if (size < 0) {
            return; /* not yet, or the read says what is wrong */
        }
        connection->sent += (size_t)size;
    }
    watch(load, connection, EPOLL_CTL_MOD, EPOLLIN);
}

static void start(struct load *load, struct connection *connection)
{
    const struct options *options = &load->options;
    size_t number = load->started++;
    connection->is_busy = true;
    connection->due = load->began + (double)number / options->rate;
    connection->id = options->first_id + (options->ids > 0 ? number % options->ids : number);
    make_request(load, connection);
    if (connection->fd < 0) {
        open_connection(load, connection);
        return;
    }
    watch(load, connection, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
    send_more(load, connection);
}

/* ---- Answers ---- */

/* The answer's size, 0 while it is not whole. */
static size_t whole_answer(const struct connection *connection)
{
    const char *end = memmem(connection->answer, connection->answered, "\r\n\r\n", 4);
    const char *length = strcasestr(connection->answer, "\r\nContent-Length:");
    if (!end || !length || length > end) {
        return 0;
    }
    size_t size = (size_t)(end - connection->answer) + 4 +
                  strtoul(length + strlen("\r\nContent-Length:"), NULL, 10);
    return connection->answered >= size ? size : 0;
}

static void take_answer(struct load *load, struct connection *connection)
{
    enum { TAKEN = 202 };
    size_t status = strtoul(connection->answer + STATUS_AT, NULL, 10);
    load->statuses[status < STATUS_MAXIMUM ? status : 0]++;
    load->latencies[load->done++] = seconds_of(CLOCK_MONOTONIC) - connection->due;
    if (status == TAKEN) {
        load->taken[load->taken_count++] = connection->id;
    }
    connection->is_busy = false;
    if (load->options.is_fresh) {
        close_connection(connection);
    }
}

static void read_more(struct load *load, struct connection *connection)
{
    for (;;) {
        size_t room = sizeof(connection->answer) - 1 - connection->answered;
        ssize_t size = recv(connection->fd, connection->answer + connection->answered, room, 0);
        if (size < 0 && errno == EAGAIN) {
            return;
        }
        if (size <= 0) {
            load->broken += connection->is_busy;
            close_connection(connection);
            return;
        }
        connection->answered += (size_t)size;
        connection->answer[connection->answered] = '\0';
        if (connection->is_busy && whole_answer(connection) > 0) {
            take_answer(load, connection);
            if (connection->fd < 0) {
                return;
            }
            connection->answered = 0;
        }
    }
}

/* ---- The load ---- */

static void start_due(struct load *load)
{
    double elapsed = seconds_of(CLOCK_MONOTONIC) - load->began;
    size_t due = (size_t)(elapsed * load->options.rate) + 1;
    due = due > load->total ? load->total : due;
    for (size_t at = 0; at < load->options.connections && load->started < due; at++) {
        if (!load->connections[at].is_busy) {
            start(load, &load->connections[at]);
        }
    }
}

static void run(struct load *load)
{
    struct epoll_event events[EVENTS];
    double end = load->began + load->options.seconds + GRACE_SECONDS;
    while (load->done + load->broken < load->total && seconds_of(CLOCK_MONOTONIC) < end) {
        start_due(load);
        int count = epoll_wait(load->epoll, events, EVENTS, 1);
        for (int at = 0; at < count; at++) {
            struct connection *connection = events[at].data.ptr;
            if (events[at].events & EPOLLOUT) {
                send_more(load, connection);
            }
            if (connection->fd >= 0 && (events[at].events & (EPOLLIN | EPOLLERR | EPOLLHUP))) {
                read_more(load, connection);
            }
        }
    }
}

static int compare(const void *a, const void *b)
{
    double first = *(const double *)a;
    double second = *(const double *)b;
    return first < second ? -1 : first > second;
}

static double latency_ms(const struct load *load, double share)
{
    if (load->done == 0) {
        return 0;
    }
    return load->latencies[(size_t)((double)(load->done - 1) * share)] * 1000;
}

static void print(struct load *load, double took)
{
    const char *separator = "";
    qsort(load->latencies, load->done, sizeof(load->latencies[0]), compare);
    (void)printf("{\"sent\":%zu,\"done\":%zu,\"broken\":%zu,\"seconds\":%.3f,\"cpu_s\":%.3f,"
                 "\"p50_ms\":%.2f,\"p99_ms\":%.2f,\"most_ms\":%.2f,\"statuses\":{",
                 load->started, load->done, load->broken, took,
                 seconds_of(CLOCK_PROCESS_CPUTIME_ID), latency_ms(load, 0.5),
                 latency_ms(load, 0.99), latency_ms(load, 1));
    for (size_t status = 0; status < STATUS_MAXIMUM; status++) {
        if (load->statuses[status] > 0) {
            (void)printf("%s\"%zu\":%zu", separator, status, load->statuses[status]);
            separator = ",";
        }
    }
    (void)printf("},\"taken\":[");
    for (size_t at = 0; at < load->taken_count; at++) {
        (void)printf("%s%zu", at > 0 ? "," : "", load->taken[at]);
    }
    (void)printf("]}\n");
}

static void take_options(int argc, char **argv, struct options *options)
{
    static const struct option names[] = {
        {"port", required_argument, NULL, 'p'},     {"path", required_argument, NULL, 'u'},
        {"key", required_argument, NULL, 'k'},      {"rate", required_argument, NULL, 'r'},
        {"seconds", required_argument, NULL, 's'},  {"connections", required_argument, NULL, 'c'},
        {"size", required_argument, NULL, 'b'},     {"ids", required_argument, NULL, 'i'},
        {"first-id", required_argument, NULL, 'f'}, {"wrong", no_argument, NULL, 'w'},
        {"fresh", no_argument, NULL, 'n'},          {NULL, 0, NULL, 0}};
    for (int option; (option = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        switch (option) {
        case 'p':
            options->port = atoi(optarg);
            break;
        case 'u':
            options->path = optarg;
            break;
        case 'k':
            options->key = optarg;
            break;
        case 'r':
            options->rate = atof(optarg);
            break;
        case 's':
            options->seconds = atof(optarg);
            break;
        case 'c':
            options->connections = strtoul(optarg, NULL, 10);
            break;
        case 'b':
            options->size = strtoul(optarg, NULL, 10);
            break;
        case 'i':
            options->ids = strtoul(optarg, NULL, 10);
            break;
        case 'f':
            options->first_id = strtoul(optarg, NULL, 10);
            break;
        case 'w':
            options->is_wrong = true;
            break;
        case 'n':
            options->is_fresh = true;
            break;
        default:
            exit(2);
        }
    }
}

int main(int argc, char **argv)
{
    struct load load = {
        .options = {.rate = 1000, .seconds = 30, .connections = 128, .size = 10240}};
    take_options(argc, argv, &load.options);
    const struct options *options = &load.options;
    if (options->port == 0 || !options->path || !options->key || options->connections == 0 ||
        options->rate <= 0) {
        (void)fprintf(stderr,
                      "usage: bench-deliver --port N --path PATH --key SECRET [--rate 1000] "
                      "[--seconds 30] [--connections 128] [--size 10240] [--ids N] "
                      "[--first-id N] [--wrong] [--fresh]\n");
        return 2;
    }
    make_body(&load);
    load.total = (size_t)(options->rate * options->seconds);
    load.latencies = memory_allocate(load.total, sizeof(load.latencies[0]));
    load.taken = memory_allocate(load.total, sizeof(load.taken[0]));
    load.connections = memory_allocate(options->connections, sizeof(load.connections[0]));
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    for (size_t at = 0; at < options->connections; at++) {
        load.connections[at].fd = -1;
        load.connections[at].request = memory_allocate(HEAD_MAXIMUM + options->size, 1);
    }
    load.began = seconds_of(CLOCK_MONOTONIC);
    run(&load);
    print(&load, seconds_of(CLOCK_MONOTONIC) - load.began);
    return 0;
}
