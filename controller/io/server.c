#include "io/server.h"

#include "core/assert.h"
#include "core/buffer.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/text.h"
#include "io/serve.h"
#include "obs/health.h"
#include "obs/metrics.h"

#include <microhttpd.h>
#include <string.h>

enum {
    CONNECTIONS_MAXIMUM = 64,
    CONNECTIONS_PER_PEER = 32,
    CONNECTION_MEMORY = 16 * 1024, /* bytes: request line, headers, and the answer's headers */
    CONNECTION_TIMEOUT_SECONDS = 30,
    ANSWER_MAXIMUM = 8 * 1024 * 1024,
};

#define TEXT_TYPE    "text/plain; charset=utf-8"
#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct server {
    struct server_options options;
    struct serve *serve;
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

struct result server_open(const struct server_options *options, struct server **server,
                          struct error *error)
{
    struct server *made = memory_allocate(1, sizeof(*made));
    made->options = *options;
    const struct serve_options serve = {.loop = options->loop,
                                        .address = options->address,
                                        .handle = handle,
                                        .context = made,
                                        .connections = CONNECTIONS_MAXIMUM,
                                        .connections_per_peer = CONNECTIONS_PER_PEER,
                                        .connection_memory = CONNECTION_MEMORY,
                                        .timeout_seconds = CONNECTION_TIMEOUT_SECONDS};
    struct result result = serve_open(&serve, &made->serve, error);
    if (!result_is_ok(result)) {
        memory_free(made);
        return result;
    }
    *server = made;
    return RESULT_OK;
}

uint16_t server_port(const struct server *server)
{
    return serve_port(server->serve);
}

struct server *server_close(struct server *server)
{
    if (!server) {
        return NULL;
    }
    server->serve = serve_close(server->serve);
    return memory_free(server);
}
