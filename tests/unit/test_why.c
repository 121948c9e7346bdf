/* tidemill why: against a server on loopback that gives one answer. */

#include "cli/cli.h"
#include "support/command.h"
#include "support/folder.h"
#include "support/test.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REQUEST_SIZE = 4096 };

/* One connection gets one answer, whatever it asks. */
struct server {
    int listener;
    const char *status; /* "200 OK" */
    const char *body;
    char request[REQUEST_SIZE];
    pthread_t thread;
};

static void *serve(void *context)
{
    struct server *server = context;
    int connection = accept(server->listener, NULL, NULL);
    size_t size = 0;
    while (connection >= 0 && size < REQUEST_SIZE - 1 && !strstr(server->request, "\r\n\r\n")) {
        ssize_t count = read(connection, server->request + size, REQUEST_SIZE - 1 - size);
        if (count <= 0) {
            break;
        }
        size += (size_t)count;
        server->request[size] = '\0';
    }
    if (connection >= 0) {
        (void)dprintf(connection,
                      "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
                      "Connection: close\r\n\r\n%s",
                      server->status, strlen(server->body), server->body);
        (void)close(connection);
    }
    return NULL;
}

/* Listens, and writes the kubeconfig that leads there; returns its path. */
static const char *open_server(struct server *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(server->listener >= 0);
    assert_int_equal(bind(server->listener, (struct sockaddr *)&address, length), 0);
    assert_int_equal(listen(server->listener, 1), 0);
    assert_int_equal(getsockname(server->listener, (struct sockaddr *)&address, &length), 0);
    char text[512];
    (void)snprintf(text, sizeof(text),
                   "apiVersion: v1\nkind: Config\ncurrent-context: x\n"
                   "clusters: [{name: x, cluster: {server: 'http://127.0.0.1:%d'}}]\n"
                   "users: [{name: x, user: {}}]\n"
                   "contexts: [{name: x, context: {cluster: x, user: x, namespace: team}}]\n",
                   ntohs(address.sin_port));
    return folder_write("kubeconfig", text);
}

/* Asks about "nightly" while the server says `body`. */
static int ask(struct server *server, const char *status, const char *body,
               char output[COMMAND_OUTPUT_SIZE])
{
    *server = (struct server){.status = status, .body = body};
    const char *arguments[COMMAND_ARGUMENTS] = {"why", "nightly", "--kubeconfig",
                                                open_server(server)};
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
    int code = command_run(cli_why, arguments, output);
    (void)shutdown(server->listener, SHUT_RDWR); /* an accept that nobody came to ends */
    assert_int_equal(pthread_join(server->thread, NULL), 0);
    assert_int_equal(close(server->listener), 0);
    return code;
}

static const char trigger_json[] =
    "{\"apiVersion\":\"tidemill.dev/v1alpha1\",\"kind\":\"Trigger\",\"metadata\":{"
    "\"name\":\"nightly\",\"namespace\":\"team\",\"generation\":3},"
    "\"spec\":{\"pipelineRef\":{\"name\":\"train\"},\"schedule\":{\"cron\":\"0 3 * * *\"}},"
    "\"status\":{\"observedGeneration\":2,\"firings\":41,\"dropped\":1,"
    "\"nextScheduleTime\":\"2026-11-29T03:00:00Z\","
    "\"pending\":{\"number\":43,\"run\":\"nightly-9\",\"reason\":\"CatchUp\"},"
    "\"recent\":[{\"time\":\"2026-11-27T03:00:01Z\",\"run\":\"nightly-7\",\"reason\":\"Fired\","
    "\"message\":\"run nightly-7 was started\"},"
    "{\"time\":\"2026-11-28T03:00:01Z\",\"reason\":\"StillRunning\","
    "\"message\":\"it started no run: \\u001b[31mnightly-7 runs\"}],"
    "\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\",\"reason\":\"Scheduled\","
    "\"message\":\"the next time is 3 o'clock\"}]}}";

static void the_story_is_told_in_order_and_gives_the_terminal_no_orders(void **state)
{
    (void)state;
    struct server server;
    char output[COMMAND_OUTPUT_SIZE];
    assert_int_equal(ask(&server, "200 OK", trigger_json, output), 0);
    assert_non_null(strstr(server.request, "/namespaces/team/triggers/nightly HTTP/1.1\r\n"));
    assert_string_equal(
        output,
        "Trigger team/nightly of Pipeline train: 41 started, 1 started nothing; "
        "the last 2 decisions:\n"
        "2026-11-27T03:00:01Z  started nightly-7  Fired: run nightly-7 was started\n"
        "2026-11-28T03:00:01Z  no run  StillRunning: it started no run: ?[31mnightly-7 runs\n"
        "now                   Ready=True  Scheduled: the next time is 3 o'clock\n"
        "now                   not read yet  Unobserved: the controller has not seen this spec; "
        "what stands above is of the one before\n"
        "now                   starting nightly-9  CatchUp: its time has come\n"
        "next                  2026-11-29T03:00:00Z  Schedule: 0 3 * * *\n");
}

static void a_trigger_without_a_status_has_decided_nothing(void **state)
{
    (void)state;
    struct server server;
    char output[COMMAND_OUTPUT_SIZE];
    static const char body[] =
        "{\"metadata\":{\"name\":\"nightly\",\"namespace\":\"team\",\"generation\":1},"
        "\"spec\":{\"pipelineRef\":{\"name\":\"train\"}}}";
    assert_int_equal(ask(&server, "200 OK", body, output), 0);
    assert_non_null(strstr(output, "0 started, 0 started nothing"));
    assert_non_null(strstr(output, "nothing was decided yet"));
    assert_non_null(strstr(output, "the controller has not seen"));
}

static void what_the_server_refuses_is_said_in_its_words(void **state)
{
    (void)state;
    static const struct {
        const char *sentence;
        const char *status;
        const char *body;
        const char *output;
    } rows[] = {
        {"no such trigger", "404 Not Found", "{}",
         "there is no Trigger \"nightly\" in namespace \"team\"; kubectl get triggers -A"},
        {"not allowed", "403 Forbidden",
         "{\"kind\":\"Status\",\"code\":403,\"reason\":\"Forbidden\",\"message\":\"not you\"}",
         "the API server answers 403: not you"},
        {"no JSON", "200 OK", "<html>", "the Trigger can't be read: "},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct server server;
        char output[COMMAND_OUTPUT_SIZE];
        int code = ask(&server, rows[at].status, rows[at].body, output);
        if (code != 1 || !strstr(output, rows[at].output)) {
            fail_msg("%s: %d: %s", rows[at].sentence, code, output);
        }
    }
}

static void what_can_not_be_asked_is_refused_with_the_usage_or_the_reason(void **state)
{
    (void)state;
    struct server server = {0};
    const char *kubeconfig = open_server(&server);
    assert_int_equal(close(server.listener), 0); /* now nobody listens there */
    const struct {
        const char *sentence;
        const char *arguments[COMMAND_ARGUMENTS];
        int code;
        const char *output;
    } rows[] = {
        {"nobody listens", {"why", "x", "--kubeconfig", kubeconfig}, 1, "can't be asked: "},
        {"no name", {"why"}, 2, "the name of one Trigger"},
        {"two names", {"why", "a", "b"}, 2, "usage: tidemill why"},
        {"no such option", {"why", "a", "--all"}, 2, "usage: tidemill why"},
        {"no kubeconfig", {"why", "a", "--kubeconfig", "/nowhere/x"}, 1, "/nowhere/x"},
        {"help", {"why", "--help"}, 0, "the oldest first"},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        char output[COMMAND_OUTPUT_SIZE];
        int code = command_run(cli_why, rows[at].arguments, output);
        if (code != rows[at].code || !strstr(output, rows[at].output)) {
            fail_msg("%s: %d: %s", rows[at].sentence, code, output);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_story_is_told_in_order_and_gives_the_terminal_no_orders,
                                        folder_make, folder_remove),
        cmocka_unit_test_setup_teardown(a_trigger_without_a_status_has_decided_nothing, folder_make,
                                        folder_remove),
        cmocka_unit_test_setup_teardown(what_the_server_refuses_is_said_in_its_words, folder_make,
                                        folder_remove),
        cmocka_unit_test_setup_teardown(
            what_can_not_be_asked_is_refused_with_the_usage_or_the_reason, folder_make,
            folder_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
