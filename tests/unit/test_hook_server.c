/* Webhooks' own port: paths, bounds, slow senders (io/hook_server, io/serve, conformance X4, X13).
 */

#include "unit/test_serve_fixture.h"

#include "core/text.h"
#include "io/hook_server.h"
#include "io/serve.h"
#include "kube/hook_limits.h"
#include "support/fake_io.h"

enum { PUMP_MS = 5, HUGE = 2 * 1024 * 1024 };

/* The hooks live in the fake's time, which goes on as the loop's does. */
struct world {
    struct loop *loop;
    struct fake_io *fake;
    struct cache *cache;
    struct hooks *hooks;
    struct hook_server *server;
    struct loop_timer *pump;
};

static struct hooks *find_hooks(void *context)
{
    struct world *world = context;
    return world->hooks;
}

static void on_pump(void *context)
{
    struct world *world = context;
    fake_io_advance(world->fake, PUMP_MS);
    world->pump = loop_start_timer(world->loop, loop_now_ms() + PUMP_MS, on_pump, world);
}

static void open_world(struct world *world, bool has_hooks)
{
    struct error error = {0};
    *world = (struct world){.fake = fake_io_new(), .cache = cache_new()};
    assert_true(result_is_ok(loop_open(&world->loop, &error)));
    world->hooks = has_hooks ? hooks_new(fake_io_seam(world->fake), world->cache) : NULL;
    const struct hook_server_options options = {
        .address = "127.0.0.1:0", .loop = world->loop, .find_hooks = find_hooks, .context = world};
    if (!result_is_ok(hook_server_open(&options, &world->server, &error))) {
        fail_msg("%s", error.message);
    }
    on_pump(world);
}

static void close_world(struct world *world)
{
    loop_stop_timer(world->loop, world->pump);
    world->hooks = hooks_free(world->hooks);
    world->server = hook_server_close(world->server);
    (void)cache_free(world->cache);
    (void)fake_io_free(world->fake);
    world->loop = loop_close(world->loop);
}

/* ---- Clients ---- */

/* Sends all that it is given, and prints all that comes back. */
static void send_text(uint16_t port, const void *context, FILE *out)
{
    const char *text = context;
    int fd = fixture_connect(port, 20);
    char piece[4096];
    size_t size = strlen(text);
    for (size_t sent = 0; sent < size;) {
        ssize_t count = send(fd, text + sent, size - sent, MSG_NOSIGNAL);
        if (count <= 0) {
            break;
        }
        sent += (size_t)count;
    }
    for (ssize_t count; (count = read(fd, piece, sizeof(piece))) > 0;) {
        (void)fwrite(piece, 1, (size_t)count, out);
    }
    (void)close(fd);
}

static char *ask(struct world *world, const char *request)
{
    return fixture_talk(world->loop, hook_server_port(world->server), send_text, request);
}

struct row {
    const char *sentence;
    const char *request;
    const char *status;
    const char *part;
};

#define HEAD " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"

static const struct row rows[] = {
    {"a delivery for nobody", "POST /hooks/team/hook" HEAD "Content-Length: 2\r\n\r\n{}",
     "HTTP/1.1 401 ", "\r\n\r\nnot accepted\n"},
    {"another method", "GET /hooks/team/hook" HEAD "\r\n", "HTTP/1.1 405 ", "only POST"},
    {"no path of a Trigger", "POST /hooks/team" HEAD "Content-Length: 0\r\n\r\n", "HTTP/1.1 404 ",
     "there is POST /hooks/NAMESPACE/NAME"},
    {"a longer path", "POST /hooks/team/hook/x" HEAD "Content-Length: 0\r\n\r\n", "HTTP/1.1 404 ",
     ""},
    {"no metrics here", "GET /metrics" HEAD "\r\n", "HTTP/1.1 404 ", ""},
    {"a length that is none", "POST /hooks/team/hook" HEAD "Content-Length: x\r\n\r\n",
     "HTTP/1.1 4", ""},
    {"plain text that nobody sniffs", "POST /hooks/team/hook" HEAD "Content-Length: 2\r\n\r\n{}",
     "HTTP/1.1 401 ", "\r\nX-Content-Type-Options: nosniff\r\n"},
};

static void every_request_gets_its_answer(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, true);
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        char *answer = ask(&world, rows[at].request);
        if (!text_starts_with(answer, rows[at].status) || !strstr(answer, rows[at].part)) {
            fail_msg("%s: %s", rows[at].sentence, answer);
        }
        (void)memory_free(answer);
    }
    close_world(&world);
}

static void a_body_without_a_length_is_bounded_too(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, true);
    static char request[HUGE + 256];
    int head = snprintf(request, 256,
                        "POST /hooks/team/hook" HEAD "Transfer-Encoding: chunked\r\n\r\n%x\r\n",
                        HUGE);
    memset(request + head, 'x', HUGE);
    memcpy(request + head + HUGE, "\r\n0\r\n\r\n", 8);
    char *answer = ask(&world, request);
    assert_true(text_starts_with(answer, "HTTP/1.1 413 "));
    (void)memory_free(answer);
    close_world(&world);
}

static void before_anything_is_known_senders_come_again(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, false);
    char *answer = ask(&world, "POST /hooks/team/hook" HEAD "Content-Length: 2\r\n\r\n{}");
    assert_true(text_starts_with(answer, "HTTP/1.1 503 "));
    assert_non_null(strstr(answer, "\r\nRetry-After: 10\r\n"));
    (void)memory_free(answer);
    close_world(&world);
}

static void ignore_answer(void *context, const struct hook_answer *answer)
{
    (void)context;
    (void)answer;
}

static void a_connection_brings_several_deliveries(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, true);
    char *answer = ask(&world,
                       "POST /hooks/team/a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
                       "POST /hooks/team/b" HEAD "Content-Length: 2\r\n\r\n{}");
    const char *first = strstr(answer, "HTTP/1.1 401 ");
    assert_non_null(first);
    assert_non_null(strstr(first + 1, "HTTP/1.1 401 "));
    (void)memory_free(answer);
    close_world(&world);
}

/* What is answered from within its own call, as what is known already, does not wait for others. */
static void an_answer_at_once_is_sent_at_once(void **state)
{
    (void)state;
    /* What is not sent at once is sent when the connection times out, after 15 s. */
    enum { MANY = HOOK_LIMITS_BURST + 50, LONG_MS = 14000 };
    struct world world;
    open_world(&world, true);
    for (int at = 0; at < MANY; at++) {
        const struct hook_delivery delivery = {
            .namespace = "team", .trigger = "hook", .sender = "127.0.0.1", .body = ""};
        hooks_receive(world.hooks, &delivery, ignore_answer, NULL);
    }
    int64_t began_ms = loop_now_ms();
    char *answer = ask(&world, "POST /hooks/team/hook" HEAD "Content-Length: 2\r\n\r\n{}");
    assert_true(text_starts_with(answer, "HTTP/1.1 429 "));
    assert_true(loop_now_ms() - began_ms < LONG_MS);
    (void)memory_free(answer);
    close_world(&world);
}

/* ---- Who takes too long ---- */

static enum MHD_Result answer_fine(void *context, struct MHD_Connection *connection,
                                   const char *path, const char *method, const char *version,
                                   const char *upload, size_t *upload_size, void **request)
{
    static char seen;
    (void)context;
    (void)path;
    (void)method;
    (void)version;
    (void)upload;
    if (!*request || *upload_size > 0) {
        *request = &seen;
        *upload_size = 0;
        return MHD_YES;
    }
    struct MHD_Response *response = MHD_create_response_from_buffer(4, (void *)(uintptr_t) "fine",
                                                                    MHD_RESPMEM_PERSISTENT);
    enum MHD_Result result = MHD_queue_response(connection, 200, response);
    MHD_destroy_response(response);
    return result;
}

/* A byte now and then, so that something happens on it all the time; and another one meanwhile. */
static void dribble(uint16_t port, const void *context, FILE *out)
{
    enum { PAUSE_US = 100 * 1000, BYTES_MAXIMUM = 100 };
    const char *text = context;
    int fd = fixture_connect(port, 1);
    int bytes = 0;
    for (; bytes < BYTES_MAXIMUM && send(fd, text + bytes, 1, MSG_NOSIGNAL) == 1; bytes++) {
        (void)usleep(PAUSE_US);
        if (bytes == 5) {
            send_text(port, "GET /" HEAD "\r\n", out);
        }
    }
    (void)fprintf(out, "\n%s\n", bytes < BYTES_MAXIMUM ? "closed" : "it goes on");
    (void)close(fd);
}

struct slow_row {
    const char *sentence;
    const char *text; /* over 100 bytes */
};

#define DOTS \
    "........................................................................................"

static void who_sends_a_byte_now_and_then_is_closed(void **state)
{
    (void)state;
    static const struct slow_row slow[] = {
        {"a request line without an end", "GET /" DOTS DOTS},
        {"headers without an end", "GET / HTTP/1.1\r\nHost: x\r\nA: " DOTS DOTS},
        {"a body", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n" DOTS DOTS},
    };
    struct loop *loop = NULL;
    struct serve *serve = NULL;
    struct error error = {0};
    assert_true(result_is_ok(loop_open(&loop, &error)));
    const struct serve_options options = {.loop = loop,
                                          .address = "127.0.0.1:0",
                                          .handle = answer_fine,
                                          .connections = 16,
                                          .connections_per_peer = 16,
                                          .connection_memory = 16 * 1024,
                                          .timeout_seconds = 30,
                                          .first_request_seconds = 1,
                                          .request_seconds = 1};
    assert_true(result_is_ok(serve_open(&options, &serve, &error)));
    for (size_t at = 0; at < COUNT_OF(slow); at++) {
        char *told = fixture_talk(loop, serve_port(serve), dribble, slow[at].text);
        if (!strstr(told, "fine") || !strstr(told, "\nclosed\n")) {
            fail_msg("%s: %s", slow[at].sentence, told);
        }
        (void)memory_free(told);
    }
    (void)serve_close(serve);
    (void)loop_close(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_request_gets_its_answer),
        cmocka_unit_test(a_body_without_a_length_is_bounded_too),
        cmocka_unit_test(before_anything_is_known_senders_come_again),
        cmocka_unit_test(a_connection_brings_several_deliveries),
        cmocka_unit_test(an_answer_at_once_is_sent_at_once),
        cmocka_unit_test(who_sends_a_byte_now_and_then_is_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
