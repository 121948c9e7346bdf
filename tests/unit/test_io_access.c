#include "support/test.h"

#include "core/log.h"
#include "core/text.h"
#include "io/access.h"
#include "support/folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void the_service_account_of_a_pod_is_found(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct error error = {0};
    const struct access *access = NULL;
    (void)folder_write("namespace", "team-a\n");
    assert_true(result_is_ok(
        access_from_service_account(&arena, folder_path(), "fd00::1", "443", &access, &error)));
    assert_string_equal(access->server, "https://[fd00::1]:443");
    assert_string_equal(access->namespace_name, "team-a");
    assert_true(text_ends_with(access->token_file, "/token"));
    assert_true(text_ends_with(access->authority.file, "/ca.crt"));
    assert_true(result_is_ok(
        access_from_service_account(&arena, folder_path(), "10.96.0.1", "443", &access, &error)));
    assert_string_equal(access->server, "https://10.96.0.1:443");
    struct result result = access_from_service_account(&arena, folder_path(), NULL, NULL, &access,
                                                       &error);
    assert_int_equal(result.kind, ERROR_NOT_FOUND);
    arena_free(&arena);
}

#define ONE_CONTEXT(name)                                \
    "current-context: " name "\ncontexts: [{name: " name \
    ", context: {cluster: c, namespace: n}}]\n"          \
    "clusters: [{name: c, cluster: {server: \"https://" name "\"}}]\n"

static void set_variable(const char *name, const char *value)
{
    assert_int_equal(value ? setenv(name, value, 1) : unsetenv(name), 0);
}

static void kubeconfig_files_are_looked_for_in_order(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct error error = {0};
    const struct access *access = NULL;
    struct access_options options = {0};
    set_variable("KUBERNETES_SERVICE_HOST", NULL);
    set_variable("KUBECONFIG", NULL);
    set_variable("HOME", folder_path());
    assert_int_equal(access_find(&arena, &options, &access, &error).kind, ERROR_NOT_FOUND);
    assert_string_equal(error.message, "no cluster to talk to: no --kubeconfig, no KUBECONFIG, no "
                                       "~/.kube/config, and not in a pod; name a kubeconfig file");
    assert_int_equal(mkdir(folder_file(".kube"), 0700), 0);
    (void)folder_write(".kube/config", ONE_CONTEXT("home"));
    assert_true(result_is_ok(access_find(&arena, &options, &access, &error)));
    assert_string_equal(access->server, "https://home");
    assert_string_equal(access->namespace_name, "n");
    char list[512];
    (void)snprintf(list, sizeof(list), "%s::%s", folder_file("missing"),
                   folder_write("listed", ONE_CONTEXT("listed")));
    set_variable("KUBECONFIG", list);
    options.namespace_name = "other";
    assert_true(result_is_ok(access_find(&arena, &options, &access, &error)));
    assert_string_equal(access->server, "https://listed");
    assert_string_equal(access->namespace_name, "other");
    options.kubeconfig = folder_write("flag", ONE_CONTEXT("flag"));
    assert_true(result_is_ok(access_find(&arena, &options, &access, &error)));
    assert_string_equal(access->server, "https://flag");
    options.kubeconfig = folder_file("missing");
    assert_int_equal(access_find(&arena, &options, &access, &error).kind, ERROR_NOT_FOUND);
    options.kubeconfig = NULL;
    set_variable("KUBECONFIG", folder_file("missing"));
    assert_int_equal(access_find(&arena, &options, &access, &error).kind, ERROR_NOT_FOUND);
    arena_free(&arena);
}

static int warnings;

static void count_warning(const char *line, size_t size)
{
    warnings += memmem(line, size, "insecure-skip-tls-verify", 24) ? 1 : 0;
}

static void a_server_that_is_not_verified_is_warned_of(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct error error = {0};
    const struct access *access = NULL;
    struct access_options options = {.kubeconfig = folder_write("safe", ONE_CONTEXT("safe"))};
    log_configure((struct log_sink){.write = count_warning, .level = LOG_WARNING});
    assert_true(result_is_ok(access_find(&arena, &options, &access, &error)));
    assert_int_equal(warnings, 0);
    options.kubeconfig = folder_write(
        "unsafe", "current-context: x\ncontexts: [{name: x, context: {cluster: c}}]\n"
                  "clusters: [{name: c, cluster: {server: \"https://h\", "
                  "insecure-skip-tls-verify: true}}]\n");
    assert_true(result_is_ok(access_find(&arena, &options, &access, &error)));
    assert_true(access->insecure);
    assert_int_equal(warnings, 1);
    log_configure((struct log_sink){0});
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_service_account_of_a_pod_is_found, folder_make,
                                        folder_remove),
        cmocka_unit_test_setup_teardown(kubeconfig_files_are_looked_for_in_order, folder_make,
                                        folder_remove),
        cmocka_unit_test_setup_teardown(a_server_that_is_not_verified_is_warned_of, folder_make,
                                        folder_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
