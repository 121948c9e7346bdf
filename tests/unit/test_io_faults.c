/*
 * Every call to the kernel that reading files, the loop, plugins, the client and the server make
 * fails once, in turn: there is always the same result as without the failure, or an error that
 * names what failed; no file stays open, nothing leaks, and the next attempt goes well.
 *
 * The functions below take the place of libc's for everything in this process, libcurl, OpenSSL and
 * libmicrohttpd included. The peer is a process of its own, so that its calls are not counted.
 */

#include "support/test.h"

#include "core/arena.h"
#include "core/buffer.h"
#include "core/memory.h"
#include "core/text.h"
#include "io/access.h"
#include "io/credentials.h"
#include "io/loop.h"
#include "io/real.h"
#include "io/server.h"
#include "io/zonefile.h"
#include "obs/health.h"
#include "obs/metrics.h"
#include "support/folder.h"
#include "support/peer.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MESSAGE_SIZE = 1200, WAIT_MS = 5000, REQUEST_MS = 400, MINUTE_MS = 60000 };

/* ---- calls that fail ---- */

static bool counting;           /* only while a scenario runs */
static int calls_until_fault;   /* < 0: none fails */
static const char *failed_call; /* the one that did */

static bool fails(const char *name, int error)
{
    if (!counting || calls_until_fault < 0 || calls_until_fault-- > 0) {
        return false;
    }
    failed_call = name;
    errno = error;
    return true;
}

/* The function that would have been called without this file. */
static void *next_of(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
    if (!found) {
        abort();
    }
    return found;
}

/* Defines NAME: it fails with ERROR, or does what it always does. */
#define FAULTY(type, name, error, parameters, arguments)        \
    type name parameters                                        \
    {                                                           \
        static type(*real) parameters;                          \
        if (!real) {                                            \
            void *found = next_of(#name);                       \
            memcpy(&real, &found, sizeof(real));                \
        }                                                       \
        return fails(#name, error) ? (type)-1 : real arguments; \
    }

FAULTY(ssize_t, read, EIO, (int file, void *bytes, size_t size), (file, bytes, size))
FAULTY(int, epoll_create1, EMFILE, (int flags), (flags))
FAULTY(int, epoll_wait, EBADF, (int epoll, struct epoll_event *events, int count, int timeout_ms),
       (epoll, events, count, timeout_ms))
FAULTY(int, signalfd, EMFILE, (int file, const sigset_t *signals, int flags),
       (file, signals, flags))
FAULTY(int, sigprocmask, EINVAL, (int how, const sigset_t *set, sigset_t *old), (how, set, old))
FAULTY(int, pipe2, EMFILE, (int ends[2], int flags), (ends, flags))
FAULTY(int, pidfd_open, EMFILE, (pid_t pid, unsigned flags), (pid, flags))
FAULTY(int, socket, EMFILE, (int domain, int type, int protocol), (domain, type, protocol))
FAULTY(int, bind, EADDRINUSE, (int file, const struct sockaddr *address, socklen_t size),
       (file, address, size))
FAULTY(int, listen, EADDRINUSE, (int file, int backlog), (file, backlog))
FAULTY(int, connect, ECONNREFUSED, (int file, const struct sockaddr *address, socklen_t size),
       (file, address, size))
FAULTY(int, getsockname, ENOBUFS,
       (int file, struct sockaddr *restrict address, socklen_t *restrict size),
       (file, address, size))
FAULTY(int, setsockopt, ENOMEM, (int file, int level, int name, const void *value, socklen_t size),
       (file, level, name, value, size))
FAULTY(ssize_t, send, ECONNRESET, (int file, const void *bytes, size_t size, int flags),
       (file, bytes, size, flags))
FAULTY(ssize_t, recv, ECONNRESET, (int file, void *bytes, size_t size, int flags),
       (file, bytes, size, flags))

int open(const char *path, int flags, ...)
{
    static int (*real)(const char *path, int flags, ...);
    if (!real) {
        void *found = next_of("open");
        memcpy(&real, &found, sizeof(real));
    }
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    return fails("open", EACCES) ? -1 : real(path, flags, mode);
}

/* EPOLL_CTL_DEL fails only for a descriptor that is closed already: epoll_ctl(2). */
int epoll_ctl(int epoll, int operation, int file, struct epoll_event *event)
{
    static int (*real)(int epoll, int operation, int file, struct epoll_event *event);
    if (!real) {
        void *found = next_of("epoll_ctl");
        memcpy(&real, &found, sizeof(real));
    }
    return operation != EPOLL_CTL_DEL && fails("epoll_ctl", ENOSPC)
               ? -1
               : real(epoll, operation, file, event);
}

int close(int file)
{
    static int (*real)(int file);
    if (!real) {
        void *found = next_of("close");
        memcpy(&real, &found, sizeof(real));
    }
    int status = real(file); /* as on Linux: the file is closed all the same */
    return fails("close", EIO) ? -1 : status;
}

int fstat(int file, struct stat *status)
{
    static int (*real)(int file, struct stat *status);
    if (!real) {
        void *found = next_of("fstat");
        memcpy(&real, &found, sizeof(real));
    }
    return fails("fstat", EIO) ? -1 : real(file, status);
}

int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
                 const posix_spawnattr_t *attributes, char *const arguments[],
                 char *const environment[])
{
    static int (*real)(pid_t *, const char *, const posix_spawn_file_actions_t *,
                       const posix_spawnattr_t *, char *const[], char *const[]);
    if (!real) {
        void *found = next_of("posix_spawnp");
        memcpy(&real, &found, sizeof(real));
    }
    return fails("posix_spawnp", EAGAIN)
               ? EAGAIN
               : real(pid, file, actions, attributes, arguments, environment);
}

/* ---- the loop around a scenario ---- */

/* Of LeakSanitizer; NULL in a build without it. */
int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

struct attempt {
    bool ok;
    char message[MESSAGE_SIZE];
};

struct scenario {
    void (*run)(struct attempt *attempt);
    const char *names[4]; /* an error has one of these words; "" allows all */
    int calls_minimum;    /* fewer would mean that the wrong calls are counted */
};

static void take_error(struct attempt *attempt, struct result result, const struct error *error)
{
    attempt->ok = result_is_ok(result);
    (void)snprintf(attempt->message, sizeof(attempt->message), "%s",
                   attempt->ok ? "" : error->message);
}

static size_t open_files(void)
{
    size_t count = 0;
    for (int file = 0; file < 256; file++) {
        count += fcntl(file, F_GETFD) >= 0 ? 1 : 0;
    }
    return count;
}

static bool names_what_failed(const struct scenario *scenario, const char *message)
{
    for (size_t at = 0; at < COUNT_OF(scenario->names) && scenario->names[at]; at++) {
        if (strstr(message, scenario->names[at])) {
            return true;
        }
    }
    return false;
}

static struct attempt run_once(const struct scenario *scenario, int failing)
{
    struct attempt attempt = {0};
    size_t before = open_files();
    calls_until_fault = failing;
    failed_call = NULL;
    counting = true;
    scenario->run(&attempt);
    counting = false;
    if (open_files() != before) {
        fail_msg("call %d (%s): a file stays open", failing, text_or(failed_call, "none"));
    }
    return attempt;
}

static void fail_each_call(const struct scenario *scenario)
{
    struct attempt attempt = run_once(scenario, -1);
    if (!attempt.ok) {
        fail_msg("without any failure: %s", attempt.message);
    }
    int failed = 0;
    int at = 0;
    for (;; at++) {
        attempt = run_once(scenario, at);
        if (!failed_call) {
            break; /* there are not so many calls */
        }
        if (!attempt.ok && !names_what_failed(scenario, attempt.message)) {
            fail_msg("call %d (%s): \"%s\" does not name what failed", at, failed_call,
                     attempt.message);
        }
        failed += attempt.ok ? 0 : 1;
    }
    attempt = run_once(scenario, -1);
    assert_true(attempt.ok);
    assert_true(!__lsan_do_recoverable_leak_check || __lsan_do_recoverable_leak_check() == 0);
    print_message("%d calls, each failed once; %d of them mattered\n", at, failed);
    assert_true(at >= scenario->calls_minimum);
}

/* ---- files ---- */

static void read_a_kubeconfig(struct attempt *attempt)
{
    struct arena arena = {0};
    struct error error = {0};
    const struct access *access = NULL;
    const struct access_options options = {.kubeconfig = folder_file("config")};
    take_error(attempt, access_find(&arena, &options, &access, &error), &error);
    arena_free(&arena);
}

static void a_kubeconfig_that_cannot_be_read_is_named(void **state)
{
    (void)state;
    (void)folder_write("config",
                       "current-context: x\ncontexts: [{name: x, context: {cluster: c}}]\n"
                       "clusters: [{name: c, cluster: {server: \"https://h\"}}]\n");
    fail_each_call(&(struct scenario){read_a_kubeconfig, {folder_file("config")}, 4});
}

static void read_a_service_account(struct attempt *attempt)
{
    struct arena arena = {0};
    struct error error = {0};
    const struct access *access = NULL;
    take_error(
        attempt,
        access_from_service_account(&arena, folder_path(), "10.96.0.1", "443", &access, &error),
        &error);
    arena_free(&arena);
}

static void a_service_account_that_cannot_be_read_is_named(void **state)
{
    (void)state;
    fail_each_call(
        &(struct scenario){read_a_service_account, {folder_write("namespace", "team")}, 4});
}

static void read_a_zone(struct attempt *attempt)
{
    struct buffer bytes = BUFFER_INIT(4096);
    struct error error = {0};
    take_error(attempt, zonefile_read("Zone", &bytes, &error), &error);
    buffer_free(&bytes);
}

static void a_time_zone_that_cannot_be_read_is_named(void **state)
{
    (void)state;
    const char *path = folder_write("Zone", "TZif");
    assert_int_equal(setenv("TZDIR", folder_path(), 1), 0);
    fail_each_call(&(struct scenario){read_a_zone, {path}, 5});
    assert_int_equal(unsetenv("TZDIR"), 0);
}

/* ---- credentials ---- */

static struct access access_to_files;

static void ignore_change(void *context)
{
    (void)context;
}

static struct result open_credentials(struct loop *loop, struct credentials **credentials,
                                      struct error *error)
{
    const struct credentials_options options = {.loop = loop,
                                                .access = &access_to_files,
                                                .allow_plugins = true,
                                                .on_change = ignore_change};
    return credentials_open(&options, credentials, error);
}

static void open_files_of_credentials(struct attempt *attempt)
{
    struct credentials *credentials = NULL;
    struct error error = {0};
    take_error(attempt, open_credentials(NULL, &credentials, &error), &error);
    (void)credentials_close(credentials);
}

/* What was read once stays in use. */
static void read_credentials_again(struct attempt *attempt)
{
    struct credentials *credentials = NULL;
    struct credential credential = {0};
    struct error error = {0};
    counting = false;
    assert_true(result_is_ok(open_credentials(NULL, &credentials, &error)));
    counting = true;
    enum credentials_state state = credentials_get(credentials, loop_now_ms() + 10 * MINUTE_MS,
                                                   &credential, &error);
    attempt->ok = state == CREDENTIALS_READY && text_equal(credential.token, "secret") &&
                  credential.certificate_size > 0 && credential.authority_size > 0;
    (void)credentials_close(credentials);
}

static void write_credentials(void)
{
    struct peer_identity *identity = peer_identity_new(NULL);
    access_to_files = (struct access){.server = "https://h", .source = "the test"};
    access_to_files.token_file = folder_write("token", "secret");
    access_to_files.authority.file = folder_write("ca", peer_identity_certificate(identity));
    access_to_files.certificate.file = folder_write("crt", peer_identity_certificate(identity));
    access_to_files.key.file = folder_write("key", peer_identity_key(identity));
    peer_identity_free(identity);
}

static void credentials_that_cannot_be_read_are_named(void **state)
{
    (void)state;
    write_credentials();
    fail_each_call(&(struct scenario){open_files_of_credentials, {folder_path()}, 16});
}

static void credentials_that_cannot_be_read_again_stay_in_use(void **state)
{
    (void)state;
    write_credentials();
    fail_each_call(&(struct scenario){read_credentials_again, {NULL}, 16});
}

/* ---- a credential plugin ---- */

static const char *const no_arguments[] = {NULL};
static struct access_plugin plugin;

struct asked {
    struct loop *loop;
    bool late;
};

static void stop_loop(void *context)
{
    struct asked *asked = context;
    loop_stop(asked->loop);
}

static void note_late(void *context)
{
    struct asked *asked = context;
    asked->late = true;
    loop_stop(asked->loop);
}

static void run_a_plugin(struct attempt *attempt)
{
    struct asked asked = {0};
    struct credentials *credentials = NULL;
    struct credential credential = {0};
    struct error error = {0};
    const struct access access = {.server = "https://h", .source = "the test", .plugin = &plugin};
    counting = false;
    assert_true(result_is_ok(loop_open(&asked.loop, NULL)));
    const struct credentials_options options = {.loop = asked.loop,
                                                .access = &access,
                                                .allow_plugins = true,
                                                .on_change = stop_loop,
                                                .context = &asked};
    assert_true(result_is_ok(credentials_open(&options, &credentials, &error)));
    counting = true;
    enum credentials_state state = credentials_get(credentials, loop_now_ms(), &credential, &error);
    if (state == CREDENTIALS_AWAITED) {
        (void)loop_start_timer(asked.loop, loop_now_ms() + WAIT_MS, note_late, &asked);
        if (!result_is_ok(loop_run(asked.loop, &error))) {
            /* The kernel's queue failed, once. */
            assert_true(result_is_ok(loop_run(asked.loop, &error)));
        }
        assert_false(asked.late);
        state = credentials_get(credentials, loop_now_ms(), &credential, &error);
    }
    attempt->ok = state == CREDENTIALS_READY && text_equal(credential.token, "t");
    if (text_equal(failed_call, "read")) { /* not: what it printed is wrong */
        assert_non_null(strstr(error.message, "its output cannot be read: Input/output error"));
    }
    (void)snprintf(attempt->message, sizeof(attempt->message), "%s", error.message);
    (void)credentials_close(credentials);
    (void)loop_close(asked.loop);
}

static void a_plugin_that_cannot_be_run_is_named(void **state)
{
    (void)state;
    const char *path = folder_write(
        "login", "#!/bin/sh\necho '{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":"
                 "\"ExecCredential\",\"status\":{\"token\":\"t\"}}'\n");
    assert_int_equal(chmod(path, 0700), 0);
    plugin = (struct access_plugin){.api_version = "client.authentication.k8s.io/v1",
                                    .command = path,
                                    .arguments = no_arguments};
    fail_each_call(&(struct scenario){run_a_plugin, {"credential plugin "}, 8});
}

/* ---- the loop ---- */

static void take_signal(void *context, int number)
{
    (void)number;
    stop_loop(context);
}

static void catch_a_signal(struct attempt *attempt)
{
    struct asked asked = {0};
    struct error error = {0};
    struct result result = loop_open(&asked.loop, &error);
    if (result_is_ok(result)) {
        result = loop_catch_signals(asked.loop, take_signal, &asked, &error);
    }
    if (result_is_ok(result)) {
        (void)raise(SIGTERM); /* blocked: it waits to be read */
        (void)loop_start_timer(asked.loop, loop_now_ms() + WAIT_MS, note_late, &asked);
        result = loop_run(asked.loop, &error);
        if (!result_is_ok(result)) {
            /* Takes the signal, so that the next one begins anew. */
            assert_true(result_is_ok(loop_run(asked.loop, NULL)));
        }
    }
    take_error(attempt, result, &error);
    assert_false(asked.late);
    (void)loop_close(asked.loop);
}

static void a_loop_that_cannot_wait_says_so(void **state)
{
    (void)state;
    fail_each_call(
        &(struct scenario){catch_a_signal, {"epoll", "signal", "events", "file descriptor"}, 7});
}

/* ---- the client ---- */

static void answer(void *context, const struct peer_request *request)
{
    (void)context;
    peer_send_text(request->connection, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
}

/* A peer in a process of its own, which ends when it is killed. Returns its port. */
static uint16_t start_peer(pid_t *process)
{
    int ends[2];
    uint16_t port = 0;
    assert_int_equal(pipe(ends), 0);
    *process = fork();
    assert_true(*process >= 0);
    if (*process == 0) {
        struct loop *loop = NULL;
        if (result_is_ok(loop_open(&loop, NULL))) {
            struct peer *peer = peer_open(
                &(struct peer_options){.loop = loop, .on_request = answer});
            port = peer_port(peer);
            (void)write(ends[1], &port, sizeof(port));
            (void)!result_is_ok(loop_run(loop, NULL));
        }
        _exit(EXIT_FAILURE);
    }
    (void)close(ends[1]);
    assert_int_equal(read(ends[0], &port, sizeof(port)), sizeof(port));
    (void)close(ends[0]);
    return port;
}

static char server_address[64];

struct answered {
    struct real_io *real;
    struct attempt *attempt;
    bool done;
};

static void take_answer(void *context, const struct io_response *response)
{
    struct answered *answered = context;
    answered->done = true;
    answered->attempt->ok = response->failure == ERROR_NONE && response->status == 200 &&
                            text_equal(response->body, "{}");
    (void)snprintf(answered->attempt->message, sizeof(answered->attempt->message), "%s",
                   text_or(response->message, ""));
    real_io_stop(answered->real);
}

static void note_no_answer(void *context)
{
    struct answered *answered = context;
    real_io_stop(answered->real);
}

static void ask(struct answered *answered, struct error *error)
{
    struct io io = real_io_seam(answered->real);
    struct io_timer *limit = io_start_timer(io, io_now_ms(io) + WAIT_MS, note_no_answer, answered);
    (void)io_start(io, &(struct io_request){.method = "GET",
                                            .path = "/version",
                                            .maximum = 4096,
                                            .timeout_ms = REQUEST_MS,
                                            .on_done = take_answer,
                                            .context = answered});
    struct result result = real_io_run(answered->real, error);
    if (!result_is_ok(result)) {
        take_error(answered->attempt, result, error);
        return;
    }
    io_stop_timer(io, limit);
    assert_true(answered->done); /* whatever failed, there is an answer in time */
}

static void get_an_answer(struct attempt *attempt)
{
    struct answered answered = {.attempt = attempt};
    struct error error = {0};
    const struct access access = {.server = server_address, .source = "the test", .token = "t"};
    const struct real_io_options options = {.access = &access};
    struct result result = real_io_open(&options, &answered.real, &error);
    take_error(attempt, result, &error);
    if (result_is_ok(result)) {
        ask(&answered, &error);
        (void)real_io_close(answered.real);
    }
}

static void a_request_always_ends_and_says_why(void **state)
{
    (void)state;
    pid_t process;
    uint16_t port = start_peer(&process);
    (void)snprintf(server_address, sizeof(server_address), "http://127.0.0.1:%u", port);
    fail_each_call(&(struct scenario){get_an_answer, {""}, 20});
    assert_int_equal(kill(process, SIGKILL), 0);
    assert_int_equal(waitpid(process, NULL, 0), process);
}

/* ---- what is served ---- */

static void serve(struct attempt *attempt)
{
    struct loop *loop = NULL;
    struct server *server = NULL;
    struct error error = {0};
    struct health *health = health_new();
    struct metrics *metrics = metrics_new();
    counting = false;
    assert_true(result_is_ok(loop_open(&loop, NULL)));
    counting = true;
    const struct server_options options = {
        .address = "127.0.0.1:0", .loop = loop, .health = health, .metrics = metrics};
    take_error(attempt, server_open(&options, &server, &error), &error);
    (void)server_close(server);
    (void)loop_close(loop);
    (void)metrics_free(metrics);
    (void)health_free(health);
}

static void an_address_that_cannot_be_served_is_named(void **state)
{
    (void)state;
    fail_each_call(&(struct scenario){serve, {"127.0.0.1:0"}, 6});
}

int main(void)
{
#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_make, folder_remove)
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(a_kubeconfig_that_cannot_be_read_is_named),
        WITH_FOLDER(a_service_account_that_cannot_be_read_is_named),
        WITH_FOLDER(a_time_zone_that_cannot_be_read_is_named),
        WITH_FOLDER(credentials_that_cannot_be_read_are_named),
        WITH_FOLDER(credentials_that_cannot_be_read_again_stay_in_use),
        WITH_FOLDER(a_plugin_that_cannot_be_run_is_named),
        cmocka_unit_test(a_loop_that_cannot_wait_says_so),
        cmocka_unit_test(a_request_always_ends_and_says_why),
        cmocka_unit_test(an_address_that_cannot_be_served_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
