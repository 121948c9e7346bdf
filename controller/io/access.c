#include "io/access.h"

#include "core/buffer.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/text.h"
#include "io/file.h"
#include "io/kubeconfig.h"

#include <stdlib.h>
#include <string.h>

enum {
    KUBECONFIG_MAXIMUM = 8 * 1024 * 1024,
    NAMESPACE_MAXIMUM = 256,
    FILES_MAXIMUM = 64, /* named by $KUBECONFIG */
};

/* Where the kubelet puts a pod's service account. */
#define SERVICE_ACCOUNT_FOLDER "/var/run/secrets/kubernetes.io/serviceaccount"

/* `missing_is_error` false: a file that is not there is passed over, as kubectl does. */
static struct result add_file(struct arena *arena, struct kubeconfig *config, const char *path,
                              bool missing_is_error, struct error *error)
{
    struct buffer bytes = BUFFER_INIT(KUBECONFIG_MAXIMUM);
    struct result result = file_read(path, &bytes, error);
    if (result_is_ok(result)) {
        result = kubeconfig_add(arena, config, path, buffer_text(&bytes), bytes.size, error);
    } else if (result.kind == ERROR_NOT_FOUND && !missing_is_error) {
        result = RESULT_OK;
    }
    if (bytes.data) {
        memory_wipe(bytes.data, bytes.size);
    }
    buffer_free(&bytes);
    return result;
}

static struct result add_listed_files(struct arena *arena, struct kubeconfig *config,
                                      const char *list, struct error *error)
{
    size_t count = 0;
    while (*list) {
        size_t length = strcspn(list, ":");
        if (length > 0 && ++count > FILES_MAXIMUM) {
            return error_set(error, ERROR_LIMIT, "KUBECONFIG names more than %d files",
                             FILES_MAXIMUM);
        }
        if (length > 0) {
            TRY(add_file(arena, config, arena_copy_bytes(arena, list, length), false, error));
        }
        list += length;
        list += *list == ':' ? 1 : 0;
    }
    if (!config->first_file) {
        return error_set(error, ERROR_NOT_FOUND,
                         "none of the files that KUBECONFIG names is there; correct or unset it");
    }
    return RESULT_OK;
}

static struct result add_home_file(struct arena *arena, struct kubeconfig *config,
                                   struct error *error)
{
    const char *home = getenv("HOME");
    if (text_is_empty(home)) {
        return RESULT_OK;
    }
    return add_file(arena, config, arena_print(arena, "%s/.kube/config", home), false, error);
}

static struct result read_namespace(struct arena *arena, const char *folder, const char **name,
                                    struct error *error)
{
    struct buffer bytes = BUFFER_INIT(NAMESPACE_MAXIMUM);
    struct result result = file_read(arena_print(arena, "%s/namespace", folder), &bytes, error);
    if (result_is_ok(result)) {
        size_t length = strcspn(buffer_text(&bytes), " \r\n");
        *name = arena_copy_bytes(arena, buffer_text(&bytes), length);
    }
    buffer_free(&bytes);
    return result;
}

struct result access_from_service_account(struct arena *arena, const char *folder, const char *host,
                                          const char *port, const struct access **access,
                                          struct error *error)
{
    if (text_is_empty(host) || text_is_empty(port)) {
        return error_set(error, ERROR_NOT_FOUND,
                         "not in a pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are "
                         "not set");
    }
    struct access *made = arena_new(arena, struct access);
    bool is_v6 = strchr(host, ':') != NULL;
    made->server = arena_print(arena, "https://%s%s%s:%s", is_v6 ? "[" : "", host, is_v6 ? "]" : "",
                               port);
    made->authority.file = arena_print(arena, "%s/ca.crt", folder);
    made->token_file = arena_print(arena, "%s/token", folder);
    made->source = "the pod's service account";
    TRY(read_namespace(arena, folder, &made->namespace_name, error));
    *access = made;
    return RESULT_OK;
}

struct result access_in_cluster(struct arena *arena, const struct access **access,
                                struct error *error)
{
    return access_from_service_account(arena, SERVICE_ACCOUNT_FOLDER,
                                       getenv("KUBERNETES_SERVICE_HOST"),
                                       getenv("KUBERNETES_SERVICE_PORT"), access, error);
}

static struct result find_files(struct arena *arena, const struct access_options *options,
                                struct kubeconfig *config, struct error *error)
{
    if (options->kubeconfig) {
        return add_file(arena, config, options->kubeconfig, true, error);
    }
    const char *list = getenv("KUBECONFIG");
    if (!text_is_empty(list)) {
        return add_listed_files(arena, config, list, error);
    }
    return add_home_file(arena, config, error);
}

static struct result find_access(struct arena *arena, const struct access_options *options,
                                 const struct access **access, struct error *error)
{
    struct kubeconfig config = {0};
    TRY(find_files(arena, options, &config, error));
    if (config.first_file) {
        return kubeconfig_resolve(arena, &config, options->context, access, error);
    }
    if (text_is_empty(getenv("KUBERNETES_SERVICE_HOST"))) {
        return error_set(error, ERROR_NOT_FOUND,
                         "no cluster to talk to: no --kubeconfig, no KUBECONFIG, no "
                         "~/.kube/config, and not in a pod; name a kubeconfig file");
    }
    return access_in_cluster(arena, access, error);
}

struct result access_find(struct arena *arena, const struct access_options *options,
                          const struct access **access, struct error *error)
{
    const struct access *found;
    TRY(find_access(arena, options, &found, error));
    if (found->insecure) {
        log_warning("insecure-skip-tls-verify is set: whoever stands between sees the "
                    "credentials; set certificate-authority instead",
                    LOG_TEXT("source", found->source));
    }
    struct access *made = arena_new(arena, struct access);
    *made = *found;
    made->namespace_name = options->namespace_name ? arena_copy_text(arena, options->namespace_name)
                                                   : found->namespace_name;
    *access = made;
    return RESULT_OK;
}
