#include "support/test.h"

#include "core/buffer.h"
#include "core/memory.h"
#include "core/text.h"
#include "io/kubeconfig.h"
#include "io/yaml_tree.h"

#include <stdio.h>
#include <string.h>

#define FILE_NAME "/home/me/.kube/config"

/* A cluster c and a user u with more lines each, joined by context x. */
#define CONFIG(cluster, user)                                                   \
    "apiVersion: v1\nkind: Config\ncurrent-context: x\n"                        \
    "contexts:\n- name: x\n  context: {cluster: c, user: u, namespace: team}\n" \
    "clusters:\n- name: c\n  cluster:\n" cluster "users:\n- name: u\n  user:\n" user
#define SERVER "    server: https://h:6443\n"
#define TOKEN  "    token: t\n"

static struct result resolve(struct arena *arena, const char *text, const char *context,
                             const struct access **access, struct error *error)
{
    struct kubeconfig config = {0};
    TRY(kubeconfig_add(arena, &config, FILE_NAME, text, strlen(text), error));
    return kubeconfig_resolve(arena, &config, context, access, error);
}

/* ---- What is read ---- */

static const struct access *must_resolve(struct arena *arena, const char *text)
{
    const struct access *access = NULL;
    struct error error = {0};
    if (!result_is_ok(resolve(arena, text, NULL, &access, &error))) {
        fail_msg("%s", error.message);
    }
    return access;
}

static void a_token_and_inline_certificates_are_read(void **state)
{
    (void)state;
    struct arena arena = {0};
    const struct access *access = must_resolve(
        &arena, CONFIG(SERVER "    certificate-authority-data: aGVsbG8=\n"
                              "    tls-server-name: api.test\n    proxy-url: http://p:3128\n",
                       TOKEN "    client-certificate-data: Y2VydA==\n"
                             "    client-certificate: ignored\n"
                             "    client-key-data: \"a2V5\"\n"));
    assert_string_equal(access->server, "https://h:6443");
    assert_string_equal(access->tls_server_name, "api.test");
    assert_string_equal(access->proxy_url, "http://p:3128");
    assert_string_equal(access->namespace_name, "team");
    assert_string_equal(access->token, "t");
    assert_memory_equal(access->authority.data, "hello", 5);
    assert_int_equal(access->authority.size, 5);
    assert_memory_equal(access->certificate.data, "cert", 4);
    assert_null(access->certificate.file);
    assert_memory_equal(access->key.data, "key", 3);
    assert_false(access->insecure);
    assert_null(access->plugin);
    assert_string_equal(access->source, "context \"x\" of " FILE_NAME);
    arena_free(&arena);
}

static void paths_begin_at_the_folder_of_their_file(void **state)
{
    (void)state;
    struct arena arena = {0};
    const struct access *access = must_resolve(
        &arena, CONFIG(SERVER "    certificate-authority: pki/ca.crt\n",
                       "    tokenFile: ../token\n    client-certificate: /abs/tls.crt\n"
                       "    client-key: tls.key\n"));
    assert_string_equal(access->authority.file, "/home/me/.kube/pki/ca.crt");
    assert_string_equal(access->token_file, "/home/me/.kube/../token");
    assert_string_equal(access->certificate.file, "/abs/tls.crt");
    assert_string_equal(access->key.file, "/home/me/.kube/tls.key");
    arena_free(&arena);
}

static void a_plugin_is_read(void **state)
{
    (void)state;
    struct arena arena = {0};
    const struct access *access = must_resolve(
        &arena,
        CONFIG(SERVER,
               "    exec:\n      apiVersion: client.authentication.k8s.io/v1\n"
               "      command: bin/login\n      args: [get-token, \"--x=1\"]\n"
               "      env:\n      - {name: A, value: b}\n      - {name: EMPTY, value: \"\"}\n"
               "      installHint: install it\n      provideClusterInfo: true\n"
               "      interactiveMode: IfAvailable\n"));
    const struct access_plugin *plugin = access->plugin;
    assert_non_null(plugin);
    assert_string_equal(plugin->command, "/home/me/.kube/bin/login");
    assert_string_equal(plugin->arguments[0], "get-token");
    assert_string_equal(plugin->arguments[1], "--x=1");
    assert_null(plugin->arguments[2]);
    assert_int_equal(plugin->variable_count, 2);
    assert_string_equal(plugin->variables[0].name, "A");
    assert_string_equal(plugin->variables[0].value, "b");
    assert_string_equal(plugin->variables[1].value, "");
    assert_string_equal(plugin->install_hint, "install it");
    assert_true(plugin->provide_cluster_info);
    arena_free(&arena);
}

static void a_command_without_a_slash_is_looked_up_in_path(void **state)
{
    (void)state;
    struct arena arena = {0};
    const struct access *access = must_resolve(
        &arena, CONFIG(SERVER, "    exec: {apiVersion: "
                               "client.authentication.k8s.io/v1, command: login}\n"));
    assert_string_equal(access->plugin->command, "login");
    access = must_resolve(&arena, CONFIG(SERVER, TOKEN "    exec: {command: login}\n"));
    assert_null(access->plugin); /* the token wins, as in client-go */
    arena_free(&arena);
}

static void small_things_are_forgiven(void **state)
{
    (void)state;
    struct arena arena = {0};
    const struct access *access = must_resolve(
        &arena, "{\"current-context\": x, \"extensions\": [], preferences: {},\n"
                "contexts: [{name: x, context: {cluster: c}}],\n"
                "clusters: [{name: c, cluster: {server: \"http://h:8080/prefix//\",\n"
                "  certificate-authority: null, insecure-skip-tls-verify: true}}], users: null}");
    assert_string_equal(access->server, "http://h:8080/prefix");
    assert_string_equal(access->namespace_name, "default");
    assert_true(access->insecure);
    assert_null(access->authority.file);
    assert_null(access->token);
    arena_free(&arena);
}

static void several_files_merge_and_the_first_to_say_something_wins(void **state)
{
    (void)state;
    static const char *const files[][2] = {
        {"/a/one", "users: [{name: u, user: {tokenFile: one}}]\n"},
        {"/b/two", "current-context: x\nusers: [{name: u, user: {tokenFile: two}}]\n"
                   "contexts: [{name: x, context: {cluster: c, user: u}}]\n"},
        {"/c/three", "current-context: y\nclusters: [{name: c, cluster: {server: https://three,"
                     " certificate-authority: ca}}]\n"},
    };
    struct arena arena = {0};
    struct kubeconfig config = {0};
    struct error error = {0};
    for (size_t at = 0; at < COUNT_OF(files); at++) {
        assert_true(result_is_ok(kubeconfig_add(&arena, &config, files[at][0], files[at][1],
                                                strlen(files[at][1]), &error)));
    }
    const struct access *access = NULL;
    assert_true(result_is_ok(kubeconfig_resolve(&arena, &config, NULL, &access, &error)));
    assert_string_equal(access->server, "https://three");
    assert_string_equal(access->authority.file, "/c/ca");
    assert_string_equal(access->token_file, "/a/one");
    arena_free(&arena);
}

/* ---- What is refused ---- */

struct refusal {
    const char *sentence;
    const char *text;
    const char *context;
    enum error_kind kind;
    const char *message;
};

#define AT FILE_NAME ", line "

static const struct refusal refusals[] = {
    {"no YAML", "a: [1\nb: 2\n", NULL, ERROR_INVALID, AT "2: did not find expected ',' or ']'"},
    {"no map", "- a\n", NULL, ERROR_INVALID, AT "1: not a kubeconfig file"},
    {"another kind", "\nkind: Pod\n", NULL, ERROR_INVALID,
     AT "2: kind is not Config, so this is no kubeconfig file"},
    {"another version", "apiVersion: v2\n", NULL, ERROR_INVALID,
     AT "1: apiVersion is not v1, the only one there is"},
    {"a key twice", "clusters: []\nclusters: []\n", NULL, ERROR_INVALID,
     AT "2: the key \"clusters\" is there a second time, first on line 1"},
    {"an alias", "clusters: &a []\nusers: *a\n", NULL, ERROR_INVALID,
     AT "2: aliases (*name) are not read here; write the value out"},
    {"two documents", "kind: Config\n---\nkind: Config\n", NULL, ERROR_INVALID,
     AT "3: a second document; keep one"},
    {"users that are no list", "users: {a: b}\n", NULL, ERROR_INVALID, AT "1: users is not a list"},
    {"an item without a name", "users:\n- user: {}\n", NULL, ERROR_INVALID,
     AT "2: an item of users has no name; give it one"},
    {"an empty file", "", NULL, ERROR_INVALID,
     FILE_NAME ": no current-context is set; choose one with --context or with kubectl config "
               "use-context"},
    {"a context that is not there", CONFIG(SERVER, TOKEN), "y", ERROR_NOT_FOUND,
     FILE_NAME ": there is no context \"y\"; kubectl config get-contexts lists them"},
    {"a cluster that is not there",
     "current-context: x\ncontexts:\n- name: x\n  context: {cluster: no}\n", NULL, ERROR_NOT_FOUND,
     AT "3: context \"x\" names cluster \"no\", which is in no file"},
    {"no server", CONFIG("    tls-server-name: a\n", TOKEN), NULL, ERROR_INVALID,
     AT "8: clusters \"c\": server: is missing; give the API server's address"},
    {"a server without a scheme", CONFIG("    server: h:6443\n", TOKEN), NULL, ERROR_INVALID,
     AT "10: clusters \"c\": server: does not begin with https:// or http://"},
    {"data that is not base64", CONFIG(SERVER "    certificate-authority-data: \"a*b=\"\n", TOKEN),
     NULL, ERROR_INVALID,
     AT "11: clusters \"c\": certificate-authority-data: is not base64; encode the PEM file once "
        "more"},
    {"data that is cut off", CONFIG(SERVER "    certificate-authority-data: aGVsbG8\n", TOKEN),
     NULL, ERROR_INVALID,
     AT "11: clusters \"c\": certificate-authority-data: is not base64; encode the PEM file once "
        "more"},
    {"insecure with an authority",
     CONFIG(SERVER "    insecure-skip-tls-verify: true\n    certificate-authority: ca\n", TOKEN),
     NULL, ERROR_INVALID,
     AT "8: clusters \"c\": insecure-skip-tls-verify: is true though a certificate-authority is "
        "given; remove one of them"},
    {"a flag that is none", CONFIG(SERVER "    insecure-skip-tls-verify: yes\n", TOKEN), NULL,
     ERROR_INVALID, AT "11: clusters \"c\": insecure-skip-tls-verify: is neither true nor false"},
    {"a token that is a map", CONFIG(SERVER, "    token: {a: b}\n"), NULL, ERROR_INVALID,
     AT "14: users \"u\": token: is not a text"},
    {"a certificate without its key", CONFIG(SERVER, "    client-certificate: a\n"), NULL,
     ERROR_INVALID,
     AT "12: users \"u\": client-key: is missing: a certificate and its key come together"},
    {"a password", CONFIG(SERVER, "    username: admin\n"), NULL, ERROR_INVALID,
     AT "14: users \"u\": username: basic authentication was removed from Kubernetes; use a "
        "token"},
    {"an auth provider", CONFIG(SERVER, "    auth-provider: {name: x}\n"), NULL, ERROR_INVALID,
     AT "14: users \"u\": auth-provider: was removed from Kubernetes; use an exec plugin"},
    {"impersonation", CONFIG(SERVER, TOKEN "    as: root\n"), NULL, ERROR_INVALID,
     AT "15: users \"u\": as: impersonation is not supported; use a user of that name"},
    {"an old plugin",
     CONFIG(SERVER, "    exec:\n      apiVersion: client.authentication.k8s.io/v1beta1\n"
                    "      command: x\n"),
     NULL, ERROR_INVALID,
     AT "15: users \"u\": exec.apiVersion: is not client.authentication.k8s.io/v1, the one "
        "supported; newer plugins speak it"},
    {"a plugin that needs a terminal",
     CONFIG(SERVER, "    exec: {apiVersion: client.authentication.k8s.io/v1, command: x, "
                    "interactiveMode: Always}\n"),
     NULL, ERROR_INVALID,
     AT "14: users \"u\": exec.interactiveMode: is Always, but plugins get no terminal here; log "
        "in with the plugin first, or use another user"},
    {"a plugin's variable without a name",
     CONFIG(SERVER, "    exec: {apiVersion: client.authentication.k8s.io/v1, command: x, "
                    "env: [{value: a}]}\n"),
     NULL, ERROR_INVALID, AT "14: users \"u\": exec.env: an item has no proper name"},
};

static void what_is_wrong_is_refused_with_its_place(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(refusals); at++) {
        const struct refusal *row = &refusals[at];
        struct arena arena = {0};
        const struct access *access = NULL;
        struct error error = {0};
        struct result result = resolve(&arena, row->text, row->context, &access, &error);
        if (result.kind != row->kind || strcmp(error.message, row->message) != 0) {
            fail_msg("%s: got kind %d\n%s\nnot\n%s", row->sentence, result.kind, error.message,
                     row->message);
        }
        assert_null(access);
        arena_free(&arena);
    }
}

static void what_is_wrong_in_an_entry_not_used_harms_nobody(void **state)
{
    (void)state;
    struct arena arena = {0};
    const struct access *access = must_resolve(
        &arena, CONFIG(SERVER, TOKEN) "- name: other\n  user: {token: {a: b}}\n"
                                      "- name: empty\n");
    assert_string_equal(access->token, "t");
    arena_free(&arena);
}

static void a_file_nested_without_end_is_refused(void **state)
{
    (void)state;
    enum { DEEP = 10000 };
    char *text = memory_allocate(DEEP + 1, 1);
    memset(text, '[', DEEP);
    struct arena arena = {0};
    const struct yaml_tree *tree = NULL;
    struct error error = {0};
    struct result result = yaml_tree_parse(&arena, "deep", text, DEEP, &tree, &error);
    assert_int_equal(result.kind, ERROR_INVALID);
    assert_string_equal(error.message, "deep, line 1: nested too deeply, or too much in one file");
    arena_free(&arena);
    memory_free(text);
}

/* Every cut of a good file and every byte changed: an error or an access, never a crash. */
static void broken_bytes_never_crash(void **state)
{
    (void)state;
    static const char text[] = CONFIG(
        SERVER "    certificate-authority-data: aGVsbG8=\n",
        "    exec:\n      apiVersion: client.authentication.k8s.io/v1\n"
        "      command: a\n      args: [b]\n      env: [{name: c, value: d}]\n");
    static const char bytes[] = {'\0', '\t', ':', '-', '[', '{', '&', '*', '"', (char)0xFF};
    char *copy = memory_allocate(sizeof(text), 1);
    for (size_t at = 0; at < sizeof(text) - 1; at++) {
        for (size_t which = 0; which <= sizeof(bytes); which++) {
            memcpy(copy, text, sizeof(text));
            size_t size = which == sizeof(bytes) ? at : sizeof(text) - 1;
            if (which < sizeof(bytes)) {
                copy[at] = bytes[which];
            }
            struct arena arena = {0};
            struct kubeconfig config = {0};
            const struct access *access = NULL;
            struct error error = {0};
            struct result result = kubeconfig_add(&arena, &config, FILE_NAME, copy, size, &error);
            if (result_is_ok(result)) {
                result = kubeconfig_resolve(&arena, &config, NULL, &access, &error);
            }
            assert_true(result_is_ok(result) == (access != NULL));
            assert_true(result_is_ok(result) == (error.message[0] == '\0'));
            arena_free(&arena);
        }
    }
    memory_free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_and_inline_certificates_are_read),
        cmocka_unit_test(paths_begin_at_the_folder_of_their_file),
        cmocka_unit_test(a_plugin_is_read),
        cmocka_unit_test(a_command_without_a_slash_is_looked_up_in_path),
        cmocka_unit_test(small_things_are_forgiven),
        cmocka_unit_test(several_files_merge_and_the_first_to_say_something_wins),
        cmocka_unit_test(what_is_wrong_is_refused_with_its_place),
        cmocka_unit_test(what_is_wrong_in_an_entry_not_used_harms_nobody),
        cmocka_unit_test(a_file_nested_without_end_is_refused),
        cmocka_unit_test(broken_bytes_never_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
