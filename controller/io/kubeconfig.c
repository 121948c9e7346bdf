#include "io/kubeconfig.h"

#include "core/assert.h"
#include "core/encoding.h"
#include "core/text.h"
#include "io/yaml_tree.h"

#include <string.h>

#define PLUGIN_API_VERSION "client.authentication.k8s.io/v1"

/* Where a value stands, for messages. */
struct place {
    const char *file;
    const char *section; /* "clusters", "users", "contexts" */
    const char *name;
    int line;
};

static struct result wrong(struct error *error, const struct place *place, int line,
                           const char *field, const char *what)
{
    return error_set(error, ERROR_INVALID, "%s, line %d: %s \"%s\": %s%s%s", place->file,
                     line ? line : place->line, place->section, place->name, field,
                     field[0] ? ": " : "", what);
}

/* ---- Collecting entries ---- */

static struct kubeconfig_entry *find_entry(struct kubeconfig_entry *list, const char *name)
{
    while (list && !text_equal(list->name, name)) {
        list = list->next;
    }
    return list;
}

static struct result add_entries(struct arena *arena, struct kubeconfig_entry **list,
                                 const char *file, const struct yaml_tree *root,
                                 const char *section, const char *body, struct error *error)
{
    const struct yaml_tree *items = yaml_tree_member(root, section);
    if (items && items->kind != YAML_TREE_LIST) {
        return error_set(error, ERROR_INVALID, "%s, line %d: %s is not a list", file, items->line,
                         section);
    }
    for (const struct yaml_tree *item = items ? items->first : NULL; item; item = item->next) {
        const struct yaml_tree *name = yaml_tree_member(item, "name");
        if (!name || name->kind != YAML_TREE_TEXT) {
            return error_set(error, ERROR_INVALID,
                             "%s, line %d: an item of %s has no name; give it one", file,
                             item->line, section);
        }
        if (find_entry(*list, name->text)) {
            continue;
        }
        struct kubeconfig_entry *entry = arena_new(arena, struct kubeconfig_entry);
        entry->name = name->text;
        entry->file = file;
        entry->body = yaml_tree_member(item, body);
        entry->line = item->line;
        entry->next = *list;
        *list = entry;
    }
    return RESULT_OK;
}

static struct result check_kind(const char *file, const struct yaml_tree *root, struct error *error)
{
    const struct yaml_tree *kind = yaml_tree_member(root, "kind");
    const struct yaml_tree *version = yaml_tree_member(root, "apiVersion");
    if (root && root->kind != YAML_TREE_MAP) {
        return error_set(error, ERROR_INVALID, "%s, line %d: not a kubeconfig file", file,
                         root->line);
    }
    if (kind && !text_equal(kind->text, "Config")) {
        return error_set(error, ERROR_INVALID,
                         "%s, line %d: kind is not Config, so this is no kubeconfig file", file,
                         kind->line);
    }
    if (version && !text_equal(version->text, "v1")) {
        return error_set(error, ERROR_INVALID,
                         "%s, line %d: apiVersion is not v1, the only one there is", file,
                         version->line);
    }
    return RESULT_OK;
}

struct result kubeconfig_add(struct arena *arena, struct kubeconfig *config, const char *file,
                             const char *bytes, size_t size, struct error *error)
{
    const struct yaml_tree *root;
    file = arena_copy_text(arena, file);
    TRY(yaml_tree_parse(arena, file, bytes, size, &root, error));
    TRY(check_kind(file, root, error));
    TRY(add_entries(arena, &config->clusters, file, root, "clusters", "cluster", error));
    TRY(add_entries(arena, &config->users, file, root, "users", "user", error));
    TRY(add_entries(arena, &config->contexts, file, root, "contexts", "context", error));
    const struct yaml_tree *current = yaml_tree_member(root, "current-context");
    if (!config->current_context && current && !text_is_empty(current->text)) {
        config->current_context = current->text;
    }
    if (!config->first_file) {
        config->first_file = file;
    }
    return RESULT_OK;
}

/* ---- Values ---- */

/* NULL when absent or empty. */
static struct result read_text(const struct place *place, const struct yaml_tree *map,
                               const char *field, const char **text, struct error *error)
{
    const struct yaml_tree *value = yaml_tree_member(map, field);
    if (value && value->kind != YAML_TREE_TEXT) {
        return wrong(error, place, value->line, field, "is not a text");
    }
    *text = value && value->text[0] ? value->text : NULL;
    return RESULT_OK;
}

static struct result read_flag(const struct place *place, const struct yaml_tree *map,
                               const char *field, bool *flag, struct error *error)
{
    const struct yaml_tree *value = yaml_tree_member(map, field);
    bool is_true = value && !value->quoted && text_equal(value->text, "true");
    if (value && !is_true && (value->quoted || !text_equal(value->text, "false"))) {
        return wrong(error, place, value->line, field, "is neither true nor false");
    }
    *flag = is_true;
    return RESULT_OK;
}

/* Paths in a kubeconfig are relative to the folder of their file. */
static const char *absolute_path(struct arena *arena, const char *file, const char *path)
{
    const char *slash = strrchr(file, '/');
    if (!path || path[0] == '/' || !slash) {
        return path;
    }
    return arena_print(arena, "%.*s/%s", (int)(slash - file), file, path);
}

/* "certificate-authority" and "certificate-authority-data": the data wins. */
static struct result read_material(struct arena *arena, const struct place *place,
                                   const struct yaml_tree *map, const char *field,
                                   struct access_material *material, struct error *error)
{
    const char *data_field = arena_print(arena, "%s-data", field);
    const char *encoded;
    TRY(read_text(place, map, data_field, &encoded, error));
    TRY(read_text(place, map, field, &material->file, error));
    material->file = absolute_path(arena, place->file, material->file);
    material->data = encoded ? base64_decode(arena, encoded, &material->size) : NULL;
    if (encoded && (!material->data || material->size == 0)) {
        return wrong(error, place, yaml_tree_member(map, data_field)->line, data_field,
                     "is not base64; encode the PEM file once more");
    }
    if (encoded) {
        material->file = NULL;
    }
    return RESULT_OK;
}

/* ---- Cluster and user ---- */

static struct result read_cluster(struct arena *arena, const struct kubeconfig_entry *entry,
                                  struct access *access, struct error *error)
{
    struct place place = {entry->file, "clusters", entry->name, entry->line};
    const struct yaml_tree *map = entry->body;
    const char *server;
    TRY(read_text(&place, map, "server", &server, error));
    if (!server) {
        return wrong(error, &place, 0, "server", "is missing; give the API server's address");
    }
    if (!text_starts_with(server, "https://") && !text_starts_with(server, "http://")) {
        return wrong(error, &place, yaml_tree_member(map, "server")->line, "server",
                     "does not begin with https:// or http://");
    }
    size_t length = strlen(server);
    while (length > 0 && server[length - 1] == '/') {
        length--;
    }
    access->server = arena_copy_bytes(arena, server, length);
    TRY(read_text(&place, map, "tls-server-name", &access->tls_server_name, error));
    TRY(read_text(&place, map, "proxy-url", &access->proxy_url, error));
    TRY(read_flag(&place, map, "insecure-skip-tls-verify", &access->insecure, error));
    TRY(read_material(arena, &place, map, "certificate-authority", &access->authority, error));
    if (access->insecure && (access->authority.data || access->authority.file)) {
        return wrong(error, &place, 0, "insecure-skip-tls-verify",
                     "is true though a certificate-authority is given; remove one of them");
    }
    return RESULT_OK;
}

static struct result read_arguments(struct arena *arena, const struct place *place,
                                    const struct yaml_tree *exec, struct access_plugin *plugin,
                                    struct error *error)
{
    const struct yaml_tree *list = yaml_tree_member(exec, "args");
    size_t count = 0;
    for (const struct yaml_tree *item = list ? list->first : NULL; item; item = item->next) {
        count++;
    }
    const char **arguments = arena_array(arena, const char *, count + 1);
    count = 0;
    for (const struct yaml_tree *item = list ? list->first : NULL; item; item = item->next) {
        if (item->kind != YAML_TREE_TEXT) {
            return wrong(error, place, item->line, "exec.args", "an item is not a text");
        }
        arguments[count++] = item->text;
    }
    plugin->arguments = arguments;
    return RESULT_OK;
}

static bool is_variable_name(const char *name)
{
    return !text_is_empty(name) && strchr(name, '=') == NULL;
}

static struct result read_variables(struct arena *arena, const struct place *place,
                                    const struct yaml_tree *exec, struct access_plugin *plugin,
                                    struct error *error)
{
    const struct yaml_tree *list = yaml_tree_member(exec, "env");
    size_t count = 0;
    for (const struct yaml_tree *item = list ? list->first : NULL; item; item = item->next) {
        count++;
    }
    struct access_variable *variables = arena_array(arena, struct access_variable, count);
    count = 0;
    for (const struct yaml_tree *item = list ? list->first : NULL; item; item = item->next) {
        const char *name;
        const char *value;
        TRY(read_text(place, item, "name", &name, error));
        TRY(read_text(place, item, "value", &value, error));
        if (!is_variable_name(name)) {
            return wrong(error, place, item->line, "exec.env", "an item has no proper name");
        }
        variables[count++] = (struct access_variable){name, text_or(value, "")};
    }
    plugin->variables = variables;
    plugin->variable_count = count;
    return RESULT_OK;
}

static struct result read_plugin(struct arena *arena, const struct place *place,
                                 const struct yaml_tree *exec, const struct access_plugin **plugin,
                                 struct error *error)
{
    struct access_plugin *made = arena_new(arena, struct access_plugin);
    const char *mode;
    TRY(read_text(place, exec, "apiVersion", &made->api_version, error));
    TRY(read_text(place, exec, "command", &made->command, error));
    TRY(read_text(place, exec, "installHint", &made->install_hint, error));
    TRY(read_text(place, exec, "interactiveMode", &mode, error));
    TRY(read_flag(place, exec, "provideClusterInfo", &made->provide_cluster_info, error));
    if (!made->command) {
        return wrong(error, place, exec->line, "exec.command", "is missing");
    }
    if (!text_equal(made->api_version, PLUGIN_API_VERSION)) {
        return wrong(error, place, exec->line, "exec.apiVersion",
                     "is not " PLUGIN_API_VERSION ", the one supported; newer plugins speak it");
    }
    if (text_equal(mode, "Always")) {
        return wrong(error, place, exec->line, "exec.interactiveMode",
                     "is Always, but plugins get no terminal here; log in with the plugin first, "
                     "or use another user");
    }
    if (strchr(made->command, '/')) {
        made->command = absolute_path(arena, place->file, made->command);
    }
    TRY(read_arguments(arena, place, exec, made, error));
    TRY(read_variables(arena, place, exec, made, error));
    *plugin = made;
    return RESULT_OK;
}

/* What would be ignored silently changes who we are: say so instead. */
static struct result refuse_unsupported(const struct place *place, const struct yaml_tree *map,
                                        struct error *error)
{
    static const struct {
        const char *field;
        const char *what;
    } unsupported[] = {
        {"auth-provider", "was removed from Kubernetes; use an exec plugin"},
        {"username", "basic authentication was removed from Kubernetes; use a token"},
        {"as", "impersonation is not supported; use a user of that name"},
        {"as-uid", "impersonation is not supported"},
        {"as-groups", "impersonation is not supported"},
    };
    for (size_t at = 0; at < COUNT_OF(unsupported); at++) {
        const struct yaml_tree *value = yaml_tree_member(map, unsupported[at].field);
        if (value) {
            return wrong(error, place, value->line, unsupported[at].field, unsupported[at].what);
        }
    }
    return RESULT_OK;
}

static struct result read_user(struct arena *arena, const struct kubeconfig_entry *entry,
                               struct access *access, struct error *error)
{
    struct place place = {entry->file, "users", entry->name, entry->line};
    const struct yaml_tree *map = entry->body;
    TRY(refuse_unsupported(&place, map, error));
    TRY(read_text(&place, map, "token", &access->token, error));
    TRY(read_text(&place, map, "tokenFile", &access->token_file, error));
    access->token_file = absolute_path(arena, entry->file, access->token_file);
    TRY(read_material(arena, &place, map, "client-certificate", &access->certificate, error));
    TRY(read_material(arena, &place, map, "client-key", &access->key, error));
    bool has_certificate = access->certificate.data || access->certificate.file;
    bool has_key = access->key.data || access->key.file;
    if (has_certificate != has_key) {
        return wrong(error, &place, 0, has_key ? "client-certificate" : "client-key",
                     "is missing: a certificate and its key come together");
    }
    const struct yaml_tree *exec = yaml_tree_member(map, "exec");
    /* A token wins over a plugin, as in client-go. */
    if (exec && !access->token && !access->token_file) {
        TRY(read_plugin(arena, &place, exec, &access->plugin, error));
    }
    return RESULT_OK;
}

/* ---- One context ---- */

static struct result find_named(struct kubeconfig_entry *list, const struct place *place,
                                const char *what, const char *name, struct kubeconfig_entry **entry,
                                struct error *error)
{
    *entry = find_entry(list, name);
    if (!*entry) {
        return error_set(error, ERROR_NOT_FOUND,
                         "%s, line %d: context \"%s\" names %s \"%s\", which is in no file",
                         place->file, place->line, place->name, what, name);
    }
    return RESULT_OK;
}

static struct result find_context(const struct kubeconfig *config, const char *name,
                                  struct kubeconfig_entry **context, struct error *error)
{
    const char *file = text_or(config->first_file, "kubeconfig");
    name = name ? name : config->current_context;
    if (!name) {
        return error_set(error, ERROR_INVALID,
                         "%s: no current-context is set; choose one with --context or with "
                         "kubectl config use-context",
                         file);
    }
    *context = find_entry(config->contexts, name);
    if (!*context) {
        return error_set(error, ERROR_NOT_FOUND,
                         "%s: there is no context \"%s\"; kubectl config get-contexts lists them",
                         file, name);
    }
    return RESULT_OK;
}

struct result kubeconfig_resolve(struct arena *arena, const struct kubeconfig *config,
                                 const char *context, const struct access **access,
                                 struct error *error)
{
    struct kubeconfig_entry *chosen;
    TRY(find_context(config, context, &chosen, error));
    struct place place = {chosen->file, "contexts", chosen->name, chosen->line};
    const char *cluster_name;
    const char *user_name;
    const char *namespace_name;
    TRY(read_text(&place, chosen->body, "cluster", &cluster_name, error));
    TRY(read_text(&place, chosen->body, "user", &user_name, error));
    TRY(read_text(&place, chosen->body, "namespace", &namespace_name, error));
    if (!cluster_name) {
        return wrong(error, &place, 0, "cluster", "is missing");
    }
    struct access *made = arena_new(arena, struct access);
    struct kubeconfig_entry *entry;
    TRY(find_named(config->clusters, &place, "cluster", cluster_name, &entry, error));
    TRY(read_cluster(arena, entry, made, error));
    if (user_name) {
        TRY(find_named(config->users, &place, "user", user_name, &entry, error));
        TRY(read_user(arena, entry, made, error));
    }
    made->namespace_name = text_or(namespace_name, "default");
    made->source = arena_print(arena, "context \"%s\" of %s", chosen->name, chosen->file);
    *access = made;
    return RESULT_OK;
}
