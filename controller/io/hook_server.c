#include "io/hook_server.h"

#include "core/assert.h"
#include "core/buffer.h"
#include "core/memory.h"
#include "core/text.h"
#include "io/serve.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum {
    CONNECTIONS_MAXIMUM = 512,
    CONNECTIONS_PER_PEER = 256, /* what ends TLS in front of it is one peer */
    CONNECTION_MEMORY = 32 * 1024,
    CONNECTION_TIMEOUT_SECONDS = 15,   /* a sender that stops in mid-body */
    FIRST_REQUEST_SECONDS = 10,        /* from the connection to its first request's headers */
    REQUEST_SECONDS = 30,              /* from there, and from each answer, to the next answer */
    BODIES_MAXIMUM = 64 * 1024 * 1024, /* bytes, of all connections */
    HEADERS_MAXIMUM = 64,
    NETWORK_BYTES = 8 /* of an IPv6 address: what one customer is given, RFC 6177 */
};

#define PREFIX "/hooks/"

struct hook_server {
    struct hook_server_options options;
    struct serve *serve;
    struct delivery *deliveries;
    size_t bytes; /* of bodies under way */
};

/* A request, from its first header to its answer. */
struct delivery {
    struct hook_server *server;
    struct delivery *next;
    struct delivery *previous;
    struct MHD_Connection *connection;
    struct arena arena;
    const char *namespace;
    const char *trigger;
    struct buffer body;
    struct name_value headers[HEADERS_MAXIMUM];
    size_t header_count;
    bool is_suspended;
    struct hook_answer answer; /* status 0: none yet */
};

static const struct hook_answer no_such_path = {404, "there is POST /hooks/NAMESPACE/NAME\n", 0};
static const struct hook_answer not_post = {405, "only POST\n", 0};
static const struct hook_answer too_large = {413, "too large\n", 0};
static const struct hook_answer not_ready = {503, "not now\n", 10};

/* ---- Deliveries ---- */

static struct delivery *make_delivery(struct hook_server *server, struct MHD_Connection *connection)
{
    struct delivery *delivery = memory_allocate(1, sizeof(*delivery));
    *delivery = (struct delivery){.server = server,
                                  .next = server->deliveries,
                                  .connection = connection,
                                  .body = (struct buffer)BUFFER_INIT(HOOKS_BODY_MAXIMUM)};
    if (server->deliveries) {
        server->deliveries->previous = delivery;
    }
    server->deliveries = delivery;
    return delivery;
}

static void release_body(struct delivery *delivery)
{
    delivery->server->bytes -= delivery->body.size;
    buffer_free(&delivery->body);
}

static void free_delivery(struct delivery *delivery)
{
    struct hook_server *server = delivery->server;
    if (delivery->previous) {
        delivery->previous->next = delivery->next;
    } else {
        server->deliveries = delivery->next;
    }
    if (delivery->next) {
        delivery->next->previous = delivery->previous;
    }
    release_body(delivery);
    arena_free(&delivery->arena);
    memory_free(delivery);
}

/* The first one that is wrong is the answer; the rest of the body is read and dropped. */
static void settle(struct delivery *delivery, const struct hook_answer *answer)
{
    if (delivery->answer.status == 0) {
        delivery->answer = *answer;
    }
}

static void read_path(struct delivery *delivery, const char *method, const char *path)
{
    const char *rest = text_starts_with(path, PREFIX) ? path + strlen(PREFIX) : "";
    const char *slash = strchr(rest, '/');
    if (!slash || slash == rest || slash[1] == '\0' || strchr(slash + 1, '/')) {
        settle(delivery, &no_such_path);
    } else if (!text_equal(method, MHD_HTTP_METHOD_POST)) {
        settle(delivery, &not_post);
    } else {
        delivery->namespace = arena_copy_bytes(&delivery->arena, rest, (size_t)(slash - rest));
        delivery->trigger = arena_copy_text(&delivery->arena, slash + 1);
    }
}

static void read_length(struct delivery *delivery)
{
    const char *text = MHD_lookup_connection_value(delivery->connection, MHD_HEADER_KIND,
                                                   MHD_HTTP_HEADER_CONTENT_LENGTH);
    int64_t length = 0;
    if (text && (!text_parse_integer(text, &length) || length > HOOKS_BODY_MAXIMUM)) {
        settle(delivery, &too_large);
    }
}

static void take_body(struct delivery *delivery, const char *bytes, size_t size)
{
    struct hook_server *server = delivery->server;
    if (delivery->answer.status != 0) {
        return;
    }
    if (server->bytes + size > BODIES_MAXIMUM) {
        settle(delivery, &not_ready);
    } else if (!result_is_ok(buffer_append(&delivery->body, bytes, size))) {
        settle(delivery, &too_large);
    } else {
        server->bytes += size;
    }
}

static enum MHD_Result take_header(void *context, enum MHD_ValueKind kind, const char *name,
                                   const char *value)
{
    struct delivery *delivery = context;
    (void)kind;
    if (delivery->header_count == HEADERS_MAXIMUM) {
        return MHD_NO;
    }
    char *lower = arena_copy_text(&delivery->arena, name);
    for (char *at = lower; *at != '\0'; at++) {
        *at = (char)tolower((unsigned char)*at);
    }
    delivery->headers[delivery->header_count++] = (struct name_value){
        .name = lower, .value = arena_copy_text(&delivery->arena, text_or(value, ""))};
    return MHD_YES;
}

/* ---- Answers ---- */

static enum MHD_Result send_answer(struct delivery *delivery)
{
    const struct hook_answer *answer = &delivery->answer;
    char text[64];
    int size = snprintf(text, sizeof(text), "%s", answer->text);
    struct MHD_Response *response = MHD_create_response_from_buffer((size_t)size, text,
                                                                    MHD_RESPMEM_MUST_COPY);
    if (!response) {
        return MHD_NO;
    }
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
                                  "text/plain; charset=utf-8");
    (void)MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (answer->retry_after_seconds > 0) {
        char seconds[16];
        (void)snprintf(seconds, sizeof(seconds), "%d", answer->retry_after_seconds);
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, seconds);
    }
    enum MHD_Result result = MHD_queue_response(delivery->connection, (unsigned)answer->status,
                                                response);
    MHD_destroy_response(response);
    return result;
}

static void on_judged(void *context, const struct hook_answer *answer)
{
    struct delivery *delivery = context;
    delivery->answer = *answer;
    delivery->is_suspended = false;
    MHD_resume_connection(delivery->connection);
    serve_wake(delivery->server->serve);
}

/* Whom limits are of: an address, of IPv6 the network that is one customer's. */
static void print_sender(struct MHD_Connection *connection, char text[INET6_ADDRSTRLEN])
{
    const union MHD_ConnectionInfo *information = MHD_get_connection_info(
        connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *address = information ? information->client_addr : NULL;
    text[0] = '\0';
    if (address && address->sa_family == AF_INET) {
        const struct sockaddr_in *four = (const struct sockaddr_in *)(const void *)address;
        (void)inet_ntop(AF_INET, &four->sin_addr, text, INET6_ADDRSTRLEN);
    } else if (address && address->sa_family == AF_INET6) {
        struct in6_addr six = ((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
        if (!IN6_IS_ADDR_V4MAPPED(&six)) {
            memset(&six.s6_addr[NETWORK_BYTES], 0, sizeof(six.s6_addr) - NETWORK_BYTES);
        }
        (void)inet_ntop(AF_INET6, &six, text, INET6_ADDRSTRLEN);
    }
}

/* All of it is there. It is answered in here, or later; the body is not needed any more. */
static enum MHD_Result judge(struct delivery *delivery)
{
    struct hook_server *server = delivery->server;
    struct hooks *hooks = server->options.find_hooks(server->options.context);
    if (!hooks) {
        settle(delivery, &not_ready);
        return send_answer(delivery);
    }
    char sender[INET6_ADDRSTRLEN];
    print_sender(delivery->connection, sender);
    (void)MHD_get_connection_values(delivery->connection, MHD_HEADER_KIND, take_header, delivery);
    delivery->is_suspended = true;
    MHD_suspend_connection(delivery->connection);
    const struct hook_delivery shown = {.namespace = delivery->namespace,
                                        .trigger = delivery->trigger,
                                        .sender = sender,
                                        .headers = delivery->headers,
                                        .header_count = delivery->header_count,
                                        .body = delivery->body.data ? delivery->body.data : "",
                                        .body_size = delivery->body.size};
    hooks_receive(hooks, &shown, on_judged, delivery);
    release_body(delivery);
    return MHD_YES;
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *path,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_size, void **request)
{
    (void)version;
    struct delivery *delivery = *request;
    if (!delivery) {
        delivery = make_delivery(context, connection);
        *request = delivery;
        read_path(delivery, method, path);
        read_length(delivery);
        return MHD_YES; /* answering now would break keep-alive */
    }
    if (*upload_size > 0) {
        take_body(delivery, upload, *upload_size);
        *upload_size = 0;
        return MHD_YES;
    }
    return delivery->answer.status != 0 ? send_answer(delivery) : judge(delivery);
}

static void on_completed(void *context, struct MHD_Connection *connection, void **request,
                         enum MHD_RequestTerminationCode code)
{
    (void)context;
    (void)connection;
    (void)code;
    if (*request) {
        free_delivery(*request);
        *request = NULL;
    }
}

/* ---- Opening and closing ---- */

struct result hook_server_open(const struct hook_server_options *options,
                               struct hook_server **server, struct error *error)
{
    struct hook_server *made = memory_allocate(1, sizeof(*made));
    made->options = *options;
    const struct serve_options serve = {.loop = options->loop,
                                        .address = options->address,
                                        .handle = handle,
                                        .completed = on_completed,
                                        .context = made,
                                        .suspends = true,
                                        .connections = CONNECTIONS_MAXIMUM,
                                        .connections_per_peer = CONNECTIONS_PER_PEER,
                                        .connection_memory = CONNECTION_MEMORY,
                                        .timeout_seconds = CONNECTION_TIMEOUT_SECONDS,
                                        .first_request_seconds = FIRST_REQUEST_SECONDS,
                                        .request_seconds = REQUEST_SECONDS,
                                        .certificate = options->certificate};
    struct result result = serve_open(&serve, &made->serve, error);
    if (!result_is_ok(result)) {
        memory_free(made);
        return result;
    }
    *server = made;
    return RESULT_OK;
}

uint16_t hook_server_port(const struct hook_server *server)
{
    return serve_port(server->serve);
}

struct hook_server *hook_server_close(struct hook_server *server)
{
    if (!server) {
        return NULL;
    }
    for (struct delivery *each = server->deliveries; each; each = each->next) {
        if (each->is_suspended) {
            each->is_suspended = false;
            settle(each, &not_ready);
            MHD_resume_connection(each->connection);
        }
    }
    server->serve = serve_close(server->serve);
    REQUIRE(!server->deliveries);
    return memory_free(server);
}
