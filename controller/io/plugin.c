#include "io/plugin.h"

#include "core/assert.h"
#include "core/buffer.h"
#include "core/civil.h"
#include "core/memory.h"
#include "core/text.h"
#include "io/loop.h"
#include "io/yaml_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    OUTPUT_MAXIMUM = 1024 * 1024,
    INPUT_MAXIMUM = 1024 * 1024,
    PIECE_SIZE = 4096,
    MILLISECONDS_PER_SECOND = 1000,
};

#define INPUT_VARIABLE "KUBERNETES_EXEC_INFO"

struct plugin {
    struct loop *loop;
    const struct access_plugin *description;
    void (*on_done)(void *context, const struct plugin_credential *credential,
                    const struct error *error);
    void *context;
    pid_t pid;
    int pid_fd;
    int output_fd;
    struct loop_watch *pid_watch;
    struct loop_watch *output_watch; /* NULL: the output has ended */
    struct loop_timer *deadline;
    int64_t timeout_ms;
    struct buffer output;
    bool output_too_large;
    int output_error; /* errno of a read that failed; 0: none did */
    bool exited;
    int status; /* of waitpid */
};

/* ---- What goes in ---- */

static void put(struct buffer *json, const char *text)
{
    REQUIRE(result_is_ok(buffer_append_text(json, text))); /* all sizes were bounded when read */
}

static void put_text(struct buffer *json, const char *text)
{
    put(json, "\"");
    for (; *text; text++) {
        unsigned char byte = (unsigned char)*text;
        bool escaped = byte == '"' || byte == '\\' || byte < ' ';
        REQUIRE(result_is_ok(escaped ? buffer_print(json, "\\u%04x", byte)
                                     : buffer_print(json, "%c", byte)));
    }
    put(json, "\"");
}

static void put_field(struct buffer *json, const char *name, const char *value)
{
    if (value) {
        put(json, ",\"");
        put(json, name);
        put(json, "\":");
        put_text(json, value);
    }
}

static void put_authority(struct arena *arena, struct buffer *json, const char *authority,
                          size_t size)
{
    if (size == 0) {
        return;
    }
    unsigned char *encoded = arena_allocate(arena, 4 * ((size + 2) / 3) + 1, 1);
    (void)EVP_EncodeBlock(encoded, (const unsigned char *)authority, (int)size);
    put_field(json, "certificate-authority-data", (const char *)encoded);
}

char *plugin_input(struct arena *arena, const struct access *access, const char *authority,
                   size_t authority_size)
{
    struct buffer json = BUFFER_INIT(4 * INPUT_MAXIMUM);
    put(&json, "{\"apiVersion\":");
    put_text(&json, access->plugin->api_version);
    put(&json, ",\"kind\":\"ExecCredential\",\"spec\":{\"interactive\":false");
    if (access->plugin->provide_cluster_info) {
        put(&json, ",\"cluster\":{\"server\":");
        put_text(&json, access->server);
        put_field(&json, "tls-server-name", access->tls_server_name);
        put_field(&json, "proxy-url", access->proxy_url);
        put_authority(arena, &json, authority, authority_size);
        put(&json, access->insecure ? ",\"insecure-skip-tls-verify\":true}" : "}");
    }
    put(&json, "}}");
    char *text = arena_copy_text(arena, buffer_text(&json));
    buffer_free(&json);
    return text;
}

/* ---- What comes out ---- */

static const char *text_of(const struct yaml_tree *map, const char *field)
{
    const struct yaml_tree *value = yaml_tree_member(map, field);
    return value && !text_is_empty(value->text) ? value->text : NULL;
}

static struct result refuse(const struct access_plugin *plugin, const char *what,
                            struct error *error)
{
    return error_set(error, ERROR_INVALID, "credential plugin %s: what it printed %s",
                     plugin->command, what);
}

struct result plugin_read(struct arena *arena, const struct access_plugin *plugin,
                          const char *output, size_t size, struct plugin_credential *credential,
                          struct error *error)
{
    const struct yaml_tree *root;
    struct result result = yaml_tree_parse(arena, "output", output, size, &root, error);
    if (!result_is_ok(result)) {
        error_add_context(error, "credential plugin %s", plugin->command);
        return result;
    }
    if (!text_equal(text_of(root, "kind"), "ExecCredential")) {
        return refuse(plugin, "is not of kind ExecCredential", error);
    }
    if (!text_equal(text_of(root, "apiVersion"), plugin->api_version)) {
        return error_set(error, ERROR_INVALID,
                         "credential plugin %s: it answered in apiVersion %s though %s was asked "
                         "for; correct users[].user.exec.apiVersion",
                         plugin->command, text_or(text_of(root, "apiVersion"), "(none)"),
                         plugin->api_version);
    }
    const struct yaml_tree *status = yaml_tree_member(root, "status");
    struct plugin_credential read = {
        .token = text_of(status, "token"),
        .certificate = text_of(status, "clientCertificateData"),
        .key = text_of(status, "clientKeyData"),
    };
    if (!read.certificate != !read.key) {
        return refuse(plugin, "has a certificate without its key, or a key without one", error);
    }
    if (!read.token && !read.certificate) {
        return refuse(plugin, "has neither a token nor a certificate", error);
    }
    const char *expires = text_of(status, "expirationTimestamp");
    if (expires && !civil_parse(expires, &read.expires_unix)) {
        return refuse(plugin, "has an expirationTimestamp that is no time", error);
    }
    *credential = read;
    return RESULT_OK;
}

/* ---- The process ---- */

static void free_plugin(struct plugin *plugin)
{
    loop_stop_watch(plugin->loop, plugin->pid_watch);
    loop_stop_watch(plugin->loop, plugin->output_watch);
    loop_stop_timer(plugin->loop, plugin->deadline);
    if (!plugin->exited && plugin->pid > 0) {
        (void)kill(-plugin->pid, SIGKILL); /* with what it started: it leads its group */
        while (waitpid(plugin->pid, NULL, 0) < 0 && errno == EINTR) {
        }
    }
    if (plugin->pid_fd >= 0) {
        (void)close(plugin->pid_fd);
    }
    (void)close(plugin->output_fd);
    if (plugin->output.data) {
        memory_wipe(plugin->output.data, plugin->output.size);
    }
    buffer_free(&plugin->output);
    memory_free(plugin);
}

static struct result judge(const struct plugin *plugin, struct arena *arena,
                           struct plugin_credential *credential, struct error *error)
{
    const struct access_plugin *description = plugin->description;
    if (plugin->output_too_large) {
        return error_set(error, ERROR_LIMIT, "credential plugin %s: it printed more than %d bytes",
                         description->command, OUTPUT_MAXIMUM);
    }
    if (plugin->output_error != 0) {
        return error_set(error, ERROR_IO, "credential plugin %s: its output cannot be read: %s",
                         description->command, strerror(plugin->output_error));
    }
    if (!plugin->exited) {
        return error_set(error, ERROR_UNAVAILABLE,
                         "credential plugin %s: no answer within %d s; run it by hand to see why",
                         description->command, (int)(plugin->timeout_ms / MILLISECONDS_PER_SECOND));
    }
    if (!WIFEXITED(plugin->status) || WEXITSTATUS(plugin->status) != 0) {
        bool exited = WIFEXITED(plugin->status);
        return error_set(error, ERROR_UNAVAILABLE, "credential plugin %s: it ended with %s %d%s%s",
                         description->command, exited ? "code" : "signal",
                         exited ? WEXITSTATUS(plugin->status) : WTERMSIG(plugin->status),
                         description->install_hint ? "; " : "",
                         text_or(description->install_hint, ""));
    }
    return plugin_read(arena, description, buffer_text(&plugin->output), plugin->output.size,
                       credential, error);
}

/* The text lies in an arena of ours: const only for those who read it. */
static void wipe_text(const char *text)
{
    char *bytes;
    memcpy(&bytes, &text, sizeof(bytes));
    memory_wipe(bytes, text ? strlen(text) : 0);
}

static void finish(struct plugin *plugin)
{
    struct arena arena = {.first_block_size = 2 * plugin->output.size};
    struct plugin_credential credential = {0};
    struct error error = {0};
    struct result result = judge(plugin, &arena, &credential, &error);
    void (*on_done)(void *context, const struct plugin_credential *credential,
                    const struct error *error) = plugin->on_done;
    void *context = plugin->context;
    free_plugin(plugin);
    on_done(context, result_is_ok(result) ? &credential : NULL, &error);
    wipe_text(credential.token);
    wipe_text(credential.key);
    arena_free(&arena);
}

static void on_output(void *context, unsigned events)
{
    (void)events;
    struct plugin *plugin = context;
    char piece[PIECE_SIZE];
    ssize_t size = read(plugin->output_fd, piece, sizeof(piece));
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (size > 0 && result_is_ok(buffer_append(&plugin->output, piece, (size_t)size))) {
        memory_wipe(piece, sizeof(piece));
        return;
    }
    plugin->output_too_large = size > 0;
    plugin->output_error = size < 0 ? errno : 0;
    loop_stop_watch(plugin->loop, plugin->output_watch);
    plugin->output_watch = NULL;
    if (plugin->exited || plugin->output_too_large) {
        finish(plugin);
    }
}

static void on_exit_seen(void *context, unsigned events)
{
    (void)events;
    struct plugin *plugin = context;
    if (waitpid(plugin->pid, &plugin->status, WNOHANG) != plugin->pid) {
        return;
    }
    plugin->exited = true;
    loop_stop_watch(plugin->loop, plugin->pid_watch);
    plugin->pid_watch = NULL;
    if (!plugin->output_watch) {
        finish(plugin);
    }
}

static void on_deadline(void *context)
{
    struct plugin *plugin = context;
    plugin->deadline = NULL;
    finish(plugin);
}

/* Our environment, the plugin's variables, and the input: for the child alone. */
static char **make_environment(const struct access_plugin *description, const char *input)
{
    size_t inherited = 0;
    while (environ[inherited]) {
        inherited++;
    }
    char **all = memory_allocate(inherited + description->variable_count + 2, sizeof(all[0]));
    size_t count = 0;
    /* getenv() finds the first of a name: what is said later must stand earlier. */
    all[count++] = memory_print("%s=%s", INPUT_VARIABLE, input);
    for (size_t at = description->variable_count; at > 0; at--) {
        const struct access_variable *variable = &description->variables[at - 1];
        all[count++] = memory_print("%s=%s", variable->name, variable->value);
    }
    for (size_t at = 0; at < inherited; at++) {
        size_t name = strcspn(environ[at], "=") + 1;
        bool replaced = false;
        for (size_t own = 0; own <= description->variable_count && !replaced; own++) {
            replaced = strncmp(all[own], environ[at], name) == 0;
        }
        if (!replaced) {
            all[count++] = memory_copy_text(environ[at]);
        }
    }
    return all;
}

static char **make_arguments(const struct access_plugin *description)
{
    size_t count = 0;
    while (description->arguments[count]) {
        count++;
    }
    char **all = memory_allocate(count + 2, sizeof(all[0]));
    all[0] = memory_copy_text(description->command);
    for (size_t at = 0; at < count; at++) {
        all[at + 1] = memory_copy_text(description->arguments[at]);
    }
    return all;
}

static void free_texts(char **texts)
{
    for (size_t at = 0; texts[at]; at++) {
        memory_free(texts[at]);
    }
    memory_free(texts);
}

/* Signals as a fresh program expects them; its own group, so that all of it can be ended. */
static int spawn(const struct access_plugin *description, const char *input, int output, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    sigset_t defaults;
    (void)sigemptyset(&none);
    (void)sigemptyset(&defaults);
    (void)sigaddset(&defaults, SIGPIPE);
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    (void)posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    (void)posix_spawnattr_init(&attributes);
    (void)posix_spawnattr_setsigmask(&attributes, &none);
    (void)posix_spawnattr_setsigdefault(&attributes, &defaults);
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                                    POSIX_SPAWN_SETPGROUP);
    char **arguments = make_arguments(description);
    char **environment = make_environment(description, input);
    int code = posix_spawnp(pid, description->command, &actions, &attributes, arguments,
                            environment);
    free_texts(arguments);
    free_texts(environment);
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&actions);
    return code;
}

static struct result watch(struct plugin *plugin, struct error *error)
{
    plugin->pid_fd = pidfd_open(plugin->pid, 0);
    if (plugin->pid_fd < 0) {
        return error_set(error, ERROR_IO, "cannot be watched: %s", strerror(errno));
    }
    TRY(loop_watch_fd(plugin->loop, plugin->output_fd, LOOP_READ, on_output, plugin,
                      &plugin->output_watch, error));
    TRY(loop_watch_fd(plugin->loop, plugin->pid_fd, LOOP_READ, on_exit_seen, plugin,
                      &plugin->pid_watch, error));
    plugin->deadline = loop_start_timer(plugin->loop, loop_now_ms() + plugin->timeout_ms,
                                        on_deadline, plugin);
    return RESULT_OK;
}

struct result plugin_start(struct loop *loop, const struct access_plugin *description,
                           const char *input, int64_t timeout_ms,
                           void (*on_done)(void *context,
                                           const struct plugin_credential *credential,
                                           const struct error *error),
                           void *context, struct plugin **plugin, struct error *error)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return error_set(error, ERROR_IO, "credential plugin %s: cannot make a pipe: %s",
                         description->command, strerror(errno));
    }
    (void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
    struct plugin *made = memory_allocate(1, sizeof(*made));
    made->loop = loop;
    made->description = description;
    made->on_done = on_done;
    made->context = context;
    made->timeout_ms = timeout_ms;
    made->output = (struct buffer)BUFFER_INIT(OUTPUT_MAXIMUM);
    made->output_fd = ends[0];
    made->pid_fd = -1;
    int code = spawn(description, input, ends[1], &made->pid);
    (void)close(ends[1]);
    struct result result = RESULT_OK;
    if (code != 0) {
        made->pid = 0;
        result = error_set(error, code == ENOENT ? ERROR_NOT_FOUND : ERROR_IO,
                           "credential plugin %s: cannot be started: %s%s%s", description->command,
                           strerror(code), description->install_hint ? "; " : "",
                           text_or(description->install_hint, ""));
    } else {
        result = watch(made, error);
        if (!result_is_ok(result)) {
            error_add_context(error, "credential plugin %s", description->command);
        }
    }
    if (!result_is_ok(result)) {
        free_plugin(made);
        return result;
    }
    *plugin = made;
    return RESULT_OK;
}

struct plugin *plugin_cancel(struct plugin *plugin)
{
    if (plugin) {
        free_plugin(plugin);
    }
    return NULL;
}
