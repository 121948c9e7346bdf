#include "support/test.h"

#include "core/memory.h"
#include "core/text.h"
#include "io/credentials.h"
#include "io/loop.h"
#include "io/plugin.h"
#include "support/folder.h"
#include "support/peer.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SECOND_MS = 1000, MINUTE_MS = 60 * SECOND_MS, WAIT_LIMIT_MS = 20000 };

/* ---- Opening and asking ---- */

struct fixture {
    struct loop *loop;
    struct access access;
    struct credentials *credentials;
    struct error error;
    int changes;
};

static void count_change(void *context)
{
    struct fixture *fixture = context;
    fixture->changes++;
    loop_stop(fixture->loop);
}

static struct result open_fixture(struct fixture *fixture)
{
    assert_true(result_is_ok(loop_open(&fixture->loop, NULL)));
    fixture->access.source = "the test";
    fixture->access.server = "https://h:6443";
    struct credentials_options options = {.loop = fixture->loop,
                                          .access = &fixture->access,
                                          .allow_plugins = true,
                                          .on_change = count_change,
                                          .context = fixture};
    return credentials_open(&options, &fixture->credentials, &fixture->error);
}

static void must_open(struct fixture *fixture)
{
    if (!result_is_ok(open_fixture(fixture))) {
        fail_msg("%s", fixture->error.message);
    }
}

static void close_fixture(struct fixture *fixture)
{
    fixture->credentials = credentials_close(fixture->credentials);
    fixture->loop = loop_close(fixture->loop);
}

static struct credential must_get(struct fixture *fixture, int64_t now_ms)
{
    struct credential credential;
    enum credentials_state state = credentials_get(fixture->credentials, now_ms, &credential,
                                                   &fixture->error);
    assert_int_equal(state, CREDENTIALS_READY);
    return credential;
}

/* ---- Tokens (C15) ---- */

static void a_token_file_is_read_again_every_minute(void **state)
{
    (void)state;
    struct fixture fixture = {.access.token_file = folder_write("token", " one \n")};
    must_open(&fixture);
    int64_t start_ms = loop_now_ms();
    struct credential first = must_get(&fixture, start_ms);
    assert_string_equal(first.token, "one");
    (void)folder_write("token", "two");
    assert_string_equal(must_get(&fixture, start_ms + 40 * SECOND_MS).token, "one");
    struct credential second = must_get(&fixture, start_ms + MINUTE_MS);
    assert_string_equal(second.token, "two");
    assert_true(second.generation > first.generation);
    struct credential same = must_get(&fixture, start_ms + 2 * MINUTE_MS);
    assert_int_equal(same.generation, second.generation);
    close_fixture(&fixture);
}

static void a_token_file_that_cannot_be_read_leaves_the_old_token(void **state)
{
    (void)state;
    static const char *const broken[] = {"", "  \n", "two\x01words", NULL};
    for (size_t at = 0; at < COUNT_OF(broken); at++) {
        struct fixture fixture = {.access.token_file = folder_write("token", "one")};
        must_open(&fixture);
        int64_t now_ms = loop_now_ms() + MINUTE_MS;
        if (broken[at]) {
            (void)folder_write("token", broken[at]);
        } else {
            (void)unlink(folder_file("token"));
        }
        assert_string_equal(must_get(&fixture, now_ms).token, "one");
        (void)folder_write("token", "mended");
        assert_string_equal(must_get(&fixture, now_ms + 10 * SECOND_MS).token, "mended");
        close_fixture(&fixture);
    }
}

static void a_refused_token_is_dropped_when_there_is_another(void **state)
{
    (void)state;
    struct fixture fixture = {.access.token_file = folder_write("token", "one")};
    must_open(&fixture);
    int64_t now_ms = loop_now_ms();
    uint64_t first = must_get(&fixture, now_ms).generation;
    assert_false(credentials_reject(fixture.credentials, first, now_ms));
    (void)folder_write("token", "two");
    assert_true(credentials_reject(fixture.credentials, first, now_ms));
    assert_string_equal(must_get(&fixture, now_ms).token, "two");
    assert_true(credentials_reject(fixture.credentials, first, now_ms)); /* an older request */
    close_fixture(&fixture);
}

static void a_token_in_the_kubeconfig_serves_until_the_file_is_read(void **state)
{
    (void)state;
    struct fixture fixture = {
        .access = {.token = "inline", .token_file = folder_file("not-there-yet")}};
    must_open(&fixture);
    int64_t now_ms = loop_now_ms();
    assert_string_equal(must_get(&fixture, now_ms).token, "inline");
    (void)folder_write("not-there-yet", "file");
    assert_string_equal(must_get(&fixture, now_ms + MINUTE_MS).token, "file");
    close_fixture(&fixture);
}

/* ---- Certificates (C16) ---- */

static void certificates_are_read_again_and_only_whole_pairs_are_used(void **state)
{
    (void)state;
    struct peer_identity *old = peer_identity_new(NULL);
    struct peer_identity *new = peer_identity_new(NULL);
    struct fixture fixture = {0};
    fixture.access.authority.file = folder_write("ca", peer_identity_certificate(old));
    fixture.access.certificate.file = folder_write("crt", peer_identity_certificate(old));
    fixture.access.key.file = folder_write("key", peer_identity_key(old));
    must_open(&fixture);
    int64_t now_ms = loop_now_ms();
    uint64_t generation = must_get(&fixture, now_ms).generation;
    (void)folder_write("ca", peer_identity_certificate(new));
    (void)folder_write("crt", peer_identity_certificate(new)); /* its key is not there yet */
    now_ms += 5 * MINUTE_MS;
    struct credential half = must_get(&fixture, now_ms);
    assert_string_equal(half.authority, peer_identity_certificate(new));
    assert_string_equal(half.certificate, peer_identity_certificate(old));
    assert_string_equal(half.key, peer_identity_key(old));
    assert_int_equal(half.generation, generation);
    (void)folder_write("key", peer_identity_key(new));
    now_ms += 10 * SECOND_MS;
    struct credential whole = must_get(&fixture, now_ms);
    assert_string_equal(whole.certificate, peer_identity_certificate(new));
    assert_string_equal(whole.key, peer_identity_key(new));
    assert_true(whole.generation > generation);
    (void)folder_write("ca", "rubbish");
    (void)unlink(folder_file("crt"));
    now_ms += 5 * MINUTE_MS;
    struct credential kept = must_get(&fixture, now_ms);
    assert_string_equal(kept.authority, peer_identity_certificate(new));
    assert_string_equal(kept.certificate, peer_identity_certificate(new));
    close_fixture(&fixture);
    peer_identity_free(old);
    peer_identity_free(new);
}

/* ---- What cannot be opened ---- */

static void what_is_wrong_at_the_start_is_said(void **state)
{
    (void)state;
    struct peer_identity *one = peer_identity_new(NULL);
    struct peer_identity *two = peer_identity_new(NULL);
    const char *pem = peer_identity_certificate(one);
    const char *other_key = peer_identity_key(two);
    const struct {
        struct access access;
        const char *message;
    } rows[] = {
        {{.token_file = folder_file("none")}, "cannot open "},
        {{.token_file = folder_write("empty", " \n")}, ": the token is empty"},
        {{.token = "a b"}, "the test: the token has bytes that no token has"},
        {{.authority = {.file = folder_write("ca", "x")}},
         ": certificate-authority holds no PEM certificate: no start line"},
        {{.certificate = {.data = pem, .size = strlen(pem)},
          .key = {.data = other_key, .size = strlen(other_key)}},
         "the test: client-certificate and client-key do not belong together"},
        {{.certificate = {.data = pem, .size = strlen(pem)}, .key = {.data = "x", .size = 1}},
         "the test: client-key holds no PEM private key without a pass phrase"},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct fixture fixture = {.access = rows[at].access};
        assert_false(result_is_ok(open_fixture(&fixture)));
        if (!strstr(fixture.error.message, rows[at].message)) {
            fail_msg("%s\nnot\n%s", fixture.error.message, rows[at].message);
        }
        close_fixture(&fixture);
    }
    peer_identity_free(one);
    peer_identity_free(two);
}

/* ---- Plugins (C17) ---- */

static const char *const no_arguments[] = {NULL};

static struct access_plugin plugin_of(const char *name, const char *script)
{
    const char *path = folder_write(name, script);
    assert_int_equal(chmod(path, 0700), 0);
    return (struct access_plugin){.api_version = "client.authentication.k8s.io/v1",
                                  .command = path,
                                  .arguments = no_arguments};
}

static void too_late(void *context)
{
    (void)context;
    fail_msg("the plugin did not end");
}

/* Asks, and asks again when the plugin has ended. */
static enum credentials_state get_and_wait(struct fixture *fixture, struct credential *credential)
{
    enum credentials_state state = credentials_get(fixture->credentials, loop_now_ms(), credential,
                                                   &fixture->error);
    if (state != CREDENTIALS_AWAITED) {
        return state;
    }
    struct loop_timer *limit = loop_start_timer(fixture->loop, loop_now_ms() + WAIT_LIMIT_MS,
                                                too_late, NULL);
    assert_true(result_is_ok(loop_run(fixture->loop, &fixture->error)));
    loop_stop_timer(fixture->loop, limit);
    return credentials_get(fixture->credentials, loop_now_ms(), credential, &fixture->error);
}

#define CREDENTIAL_HEAD \
    "{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\",\"status\":{"

static void a_plugin_sees_its_input_and_gives_a_token(void **state)
{
    (void)state;
    /* Its token tells what it saw; its input must be empty, not a terminal. */
    struct access_plugin plugin = plugin_of(
        "login",
        "#!/bin/sh\n"
        "test -z \"$(cat)\" || exit 9\n"
        "case \"$KUBERNETES_EXEC_INFO\" in *'\"interactive\":false'*) ;; *) exit 8;; esac\n"
        "case \"$KUBERNETES_EXEC_INFO\" in *'\"server\":\"https://h:6443\"'*) ;; *) exit "
        "7;; esac\n"
        "echo '" CREDENTIAL_HEAD "\"token\":\"'$1-$EXTRA-$HOME'\"}}'\n");
    static const char *const arguments[] = {"a;b", NULL};
    const struct access_variable variables[] = {{"EXTRA", "x"}, {"HOME", "mine"}};
    plugin.arguments = arguments;
    plugin.variables = variables;
    plugin.variable_count = COUNT_OF(variables);
    plugin.provide_cluster_info = true;
    struct fixture fixture = {.access.plugin = &plugin};
    must_open(&fixture);
    struct credential credential;
    assert_int_equal(get_and_wait(&fixture, &credential), CREDENTIALS_READY);
    assert_string_equal(credential.token, "a;b-x-mine");
    assert_int_equal(fixture.changes, 1);
    assert_null(getenv("KUBERNETES_EXEC_INFO"));
    assert_null(getenv("EXTRA"));
    close_fixture(&fixture);
}

static void a_plugin_is_told_its_cluster_when_it_wants_to_know(void **state)
{
    (void)state;
    struct access_plugin plugin = {.api_version = "client.authentication.k8s.io/v1"};
    const struct access access = {.server = "https://h:6443/a\"b",
                                  .tls_server_name = "name",
                                  .proxy_url = "http://p",
                                  .insecure = true,
                                  .plugin = &plugin};
    struct arena arena = {0};
    assert_string_equal(plugin_input(&arena, &access, "ca", 2),
                        "{\"apiVersion\":\"client.authentication.k8s.io/v1\","
                        "\"kind\":\"ExecCredential\",\"spec\":{\"interactive\":false}}");
    plugin.provide_cluster_info = true;
    assert_string_equal(plugin_input(&arena, &access, "ca", 2),
                        "{\"apiVersion\":\"client.authentication.k8s.io/v1\","
                        "\"kind\":\"ExecCredential\",\"spec\":{\"interactive\":false,"
                        "\"cluster\":{\"server\":\"https://h:6443/a\\u0022b\","
                        "\"tls-server-name\":\"name\",\"proxy-url\":\"http://p\","
                        "\"certificate-authority-data\":\"Y2E=\","
                        "\"insecure-skip-tls-verify\":true}}}");
    arena_free(&arena);
}

static void a_refused_plugin_token_makes_it_run_once_more(void **state)
{
    (void)state;
    struct access_plugin plugin = plugin_of(
        "login",
        "#!/bin/sh\necho x >> \"$(dirname \"$0\")/runs\"\n"
        "echo '" CREDENTIAL_HEAD "\"token\":\"t'$(wc -l < \"$(dirname \"$0\")/runs\")'\"}}'\n");
    struct fixture fixture = {.access.plugin = &plugin};
    must_open(&fixture);
    struct credential credential;
    assert_int_equal(get_and_wait(&fixture, &credential), CREDENTIALS_READY);
    assert_string_equal(credential.token, "t1");
    uint64_t first = credential.generation;
    assert_int_equal(get_and_wait(&fixture, &credential), CREDENTIALS_READY);
    assert_string_equal(credential.token, "t1"); /* kept */
    assert_true(credentials_reject(fixture.credentials, first, loop_now_ms()));
    assert_true(credentials_reject(fixture.credentials, first, loop_now_ms()));
    assert_int_equal(get_and_wait(&fixture, &credential), CREDENTIALS_READY);
    assert_string_equal(credential.token, "t2");
    assert_true(credential.generation > first);
    close_fixture(&fixture);
}

static void an_expired_plugin_token_is_replaced(void **state)
{
    (void)state;
    struct access_plugin plugin = plugin_of(
        "login", "#!/bin/sh\necho x >> \"$(dirname \"$0\")/runs\"\n"
                 "echo '" CREDENTIAL_HEAD "\"expirationTimestamp\":\"2001-01-01T00:00:00Z\","
                 "\"token\":\"t'$(wc -l < \"$(dirname \"$0\")/runs\")'\"}}'\n");
    struct fixture fixture = {.access.plugin = &plugin};
    must_open(&fixture);
    struct credential credential;
    /* It has expired when it arrives: asking starts the plugin again. */
    assert_int_equal(get_and_wait(&fixture, &credential), CREDENTIALS_AWAITED);
    close_fixture(&fixture);
}

struct plugin_row {
    const char *sentence;
    const char *script;
    const char *message;
};

static const struct plugin_row plugin_rows[] = {
    {"a plugin that fails", "#!/bin/sh\nexit 3\n", ": it ended with code 3; ask your admin"},
    {"a plugin that is killed", "#!/bin/sh\nkill -9 $$\n",
     ": it ended with signal 9; ask your admin"},
    {"no output", "#!/bin/sh\n", ": what it printed is not of kind ExecCredential"},
    {"no YAML", "#!/bin/sh\necho '{'\n", ": output, line 2: did not find expected node content"},
    {"another version",
     "#!/bin/sh\necho '{kind: ExecCredential, apiVersion: "
     "client.authentication.k8s.io/v1beta1}'\n",
     ": it answered in apiVersion client.authentication.k8s.io/v1beta1 though "
     "client.authentication.k8s.io/v1 was asked for; correct users[].user.exec.apiVersion"},
    {"nothing in it", "#!/bin/sh\necho '" CREDENTIAL_HEAD "}}'\n",
     ": what it printed has neither a token nor a certificate"},
    {"a certificate alone",
     "#!/bin/sh\necho '" CREDENTIAL_HEAD "\"clientCertificateData\":\"x\"}}'\n",
     ": what it printed has a certificate without its key, or a key without one"},
    {"a wrong time",
     "#!/bin/sh\necho '" CREDENTIAL_HEAD "\"token\":\"x\",\"expirationTimestamp\":\"soon\"}}'\n",
     ": what it printed has an expirationTimestamp that is no time"},
    {"a token with a line break",
     "#!/bin/sh\nprintf '" CREDENTIAL_HEAD "\"token\":\"x\\\\ny\"}}'\n",
     ": the token has bytes that no token has; is it the right file?"},
    {"no end of output", "#!/bin/sh\nexec yes\n", ": it printed more than 1048576 bytes"},
};

static void what_a_plugin_does_wrong_is_said(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(plugin_rows); at++) {
        struct access_plugin plugin = plugin_of("login", plugin_rows[at].script);
        plugin.install_hint = "ask your admin";
        struct fixture fixture = {.access.plugin = &plugin};
        must_open(&fixture);
        struct credential credential;
        assert_int_equal(get_and_wait(&fixture, &credential), CREDENTIALS_FAILED);
        if (!text_ends_with(fixture.error.message, plugin_rows[at].message)) {
            fail_msg("%s: %s", plugin_rows[at].sentence, fixture.error.message);
        }
        close_fixture(&fixture);
    }
}

static void a_plugin_that_is_missing_shows_its_hint(void **state)
{
    (void)state;
    struct access_plugin plugin = {.api_version = "client.authentication.k8s.io/v1",
                                   .command = "tidemill-no-such-plugin",
                                   .arguments = no_arguments,
                                   .install_hint = "get it from x"};
    struct fixture fixture = {.access.plugin = &plugin};
    must_open(&fixture);
    struct credential credential;
    assert_int_equal(get_and_wait(&fixture, &credential), CREDENTIALS_FAILED);
    assert_string_equal(fixture.error.message,
                        "credential plugin tidemill-no-such-plugin: cannot be started: No such "
                        "file or directory; get it from x");
    close_fixture(&fixture);
}

static void the_controller_starts_no_plugin(void **state)
{
    (void)state;
    struct access_plugin plugin = {.command = "login", .arguments = no_arguments};
    struct access access = {.plugin = &plugin, .source = "the test"};
    struct credentials_options options = {.access = &access, .allow_plugins = false};
    struct credentials *credentials = NULL;
    struct error error;
    assert_int_equal(credentials_open(&options, &credentials, &error).kind, ERROR_INVALID);
    assert_string_equal(error.message,
                        "the test: its user needs the credential plugin login, and the "
                        "controller starts no other program; give it a token file or a client "
                        "certificate");
}

struct ended {
    struct loop *loop;
    bool ok;
    struct error error;
};

static void note_end(void *context, const struct plugin_credential *credential,
                     const struct error *error)
{
    struct ended *ended = context;
    ended->ok = credential != NULL;
    ended->error = *error;
    loop_stop(ended->loop);
}

static void a_plugin_that_does_not_end_is_killed_with_its_children(void **state)
{
    (void)state;
    /* Its child would write the file, had it lived. */
    struct access_plugin plugin = plugin_of(
        "login", "#!/bin/sh\n(sleep 2; echo x > \"$(dirname \"$0\")/alive\") &\nwait\n");
    struct ended ended = {0};
    assert_true(result_is_ok(loop_open(&ended.loop, NULL)));
    struct plugin *running = NULL;
    assert_true(result_is_ok(plugin_start(ended.loop, &plugin, "{}", SECOND_MS, note_end, &ended,
                                          &running, &ended.error)));
    assert_true(result_is_ok(loop_run(ended.loop, &ended.error)));
    assert_false(ended.ok);
    assert_true(
        text_ends_with(ended.error.message, ": no answer within 1 s; run it by hand to see why"));
    (void)sleep(2);
    assert_int_equal(access(folder_file("alive"), F_OK), -1);
    assert_true(result_is_ok(plugin_start(ended.loop, &plugin, "{}", SECOND_MS, note_end, &ended,
                                          &running, &ended.error)));
    assert_null(plugin_cancel(running));
    assert_null(plugin_cancel(NULL));
    ended.loop = loop_close(ended.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_token_file_is_read_again_every_minute, folder_make,
                                        folder_remove),
        cmocka_unit_test_setup_teardown(a_token_file_that_cannot_be_read_leaves_the_old_token,
                                        folder_make, folder_remove),
        cmocka_unit_test_setup_teardown(a_refused_token_is_dropped_when_there_is_another,
                                        folder_make, folder_remove),
        cmocka_unit_test_setup_teardown(a_token_in_the_kubeconfig_serves_until_the_file_is_read,
                                        folder_make, folder_remove),
        cmocka_unit_test_setup_teardown(certificates_are_read_again_and_only_whole_pairs_are_used,
                                        folder_make, folder_remove),
        cmocka_unit_test_setup_teardown(what_is_wrong_at_the_start_is_said, folder_make,
                                        folder_remove),
        cmocka_unit_test_setup_teardown(a_plugin_sees_its_input_and_gives_a_token, folder_make,
                                        folder_remove),
        cmocka_unit_test_setup_teardown(a_plugin_is_told_its_cluster_when_it_wants_to_know,
                                        folder_make, folder_remove),
        cmocka_unit_test_setup_teardown(a_refused_plugin_token_makes_it_run_once_more, folder_make,
                                        folder_remove),
        cmocka_unit_test_setup_teardown(an_expired_plugin_token_is_replaced, folder_make,
                                        folder_remove),
        cmocka_unit_test_setup_teardown(what_a_plugin_does_wrong_is_said, folder_make,
                                        folder_remove),
        cmocka_unit_test_setup_teardown(a_plugin_that_is_missing_shows_its_hint, folder_make,
                                        folder_remove),
        cmocka_unit_test_setup_teardown(the_controller_starts_no_plugin, folder_make,
                                        folder_remove),
        cmocka_unit_test_setup_teardown(a_plugin_that_does_not_end_is_killed_with_its_children,
                                        folder_make, folder_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
