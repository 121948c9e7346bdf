/*
 * Every call to the kernel that reading files, the loop and plugins make fails once, in turn
 * (faults/calls.h): there is always the same result as without the failure, or an error that names
 * what failed; no file stays open, nothing leaks, and the next attempt goes well.
 */

#include "support/test.h"

#include "core/arena.h"
#include "core/buffer.h"
#include "core/text.h"
#include "faults/calls.h"
#include "io/access.h"
#include "io/credentials.h"
#include "io/loop.h"
#include "io/zonefile.h"
#include "support/folder.h"
#include "support/peer.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { WAIT_MS = 5000, MINUTE_MS = 60000 };

static void take_error(struct fault_attempt *attempt, struct result result,
                       const struct error *error)
{
    attempt->ok = result_is_ok(result);
    (void)snprintf(attempt->message, sizeof(attempt->message), "%s",
                   attempt->ok ? "" : error->message);
}

/* ---- files ---- */

static void read_a_kubeconfig(struct fault_attempt *attempt)
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
    faults_fail_each_call(&(struct fault_scenario){
        .run = read_a_kubeconfig, .names = {folder_file("config")}, .calls_minimum = 4});
}

static void read_a_service_account(struct fault_attempt *attempt)
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
    faults_fail_each_call(&(struct fault_scenario){.run = read_a_service_account,
                                                   .names = {folder_write("namespace", "team")},
                                                   .calls_minimum = 4});
}

static void read_a_zone(struct fault_attempt *attempt)
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
    faults_fail_each_call(
        &(struct fault_scenario){.run = read_a_zone, .names = {path}, .calls_minimum = 5});
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

static void open_files_of_credentials(struct fault_attempt *attempt)
{
    struct credentials *credentials = NULL;
    struct error error = {0};
    take_error(attempt, open_credentials(NULL, &credentials, &error), &error);
    (void)credentials_close(credentials);
}

/* What was read once stays in use. */
static void read_credentials_again(struct fault_attempt *attempt)
{
    struct credentials *credentials = NULL;
    struct credential credential = {0};
    struct error error = {0};
    (void)faults_pause();
    assert_true(result_is_ok(open_credentials(NULL, &credentials, &error)));
    faults_resume();
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
    faults_fail_each_call(&(struct fault_scenario){
        .run = open_files_of_credentials, .names = {folder_path()}, .calls_minimum = 16});
}

static void credentials_that_cannot_be_read_again_stay_in_use(void **state)
{
    (void)state;
    write_credentials();
    faults_fail_each_call(&(struct fault_scenario){
        .run = read_credentials_again, .names = {NULL}, .calls_minimum = 16});
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

static void run_a_plugin(struct fault_attempt *attempt)
{
    struct asked asked = {0};
    struct credentials *credentials = NULL;
    struct credential credential = {0};
    struct error error = {0};
    const struct access access = {.server = "https://h", .source = "the test", .plugin = &plugin};
    (void)faults_pause();
    assert_true(result_is_ok(loop_open(&asked.loop, NULL)));
    const struct credentials_options options = {.loop = asked.loop,
                                                .access = &access,
                                                .allow_plugins = true,
                                                .on_change = stop_loop,
                                                .context = &asked};
    assert_true(result_is_ok(credentials_open(&options, &credentials, &error)));
    faults_resume();
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
    if (text_equal(faults_failed_call(), "read")) { /* not: what it printed is wrong */
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
    faults_fail_each_call(&(struct fault_scenario){
        .run = run_a_plugin, .names = {"credential plugin "}, .calls_minimum = 8});
}

/* ---- the loop ---- */

static void take_signal(void *context, int number)
{
    (void)number;
    stop_loop(context);
}

static void catch_a_signal(struct fault_attempt *attempt)
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
    faults_fail_each_call(
        &(struct fault_scenario){.run = catch_a_signal,
                                 .names = {"epoll", "signal", "events", "file descriptor"},
                                 .calls_minimum = 7});
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
