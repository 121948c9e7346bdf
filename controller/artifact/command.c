#include "artifact/command.h"

#include "artifact/copy.h"
#include "core/assert.h"
#include "core/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

enum { MESSAGE_MODE = 0644 };

static struct result open_root(const struct artifact_system *system, const char *path, int *root,
                               struct artifact_failure *failure)
{
    int opened = system->open(path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    if (opened < 0) {
        return artifact_fail(failure, ARTIFACT_IO,
                             "the claim's root %s cannot be opened: %s; mount the claim there",
                             artifact_quote(path, NULL).text, artifact_errno_text(errno));
    }
    *root = opened;
    return RESULT_OK;
}

static struct result act(const struct artifact_system *system, struct artifact_request *request,
                         int root, struct buffer *message, struct artifact_failure *failure)
{
    if (request->action == ARTIFACT_COPY) {
        struct artifact_sum sum;
        TRY(artifact_copy(system, root, request->from, request->digest, request->to, &sum,
                          failure));
        artifact_message_sum(&sum, message);
        return RESULT_OK;
    }
    if (request->action == ARTIFACT_PREPARE && request->out != NULL) {
        TRY(artifact_make_folder(system, root, request->out, failure));
    }
    TRY(artifact_check_inputs(system, root, request->inputs, request->input_count, failure));
    /* Fits: artifact_message_inputs_fit() was asked when the arguments were read. */
    REQUIRE(result_is_ok(artifact_message_inputs(request->inputs, request->input_count, message)));
    return RESULT_OK;
}

static int write_message(const struct artifact_system *system, const char *path,
                         const struct buffer *message)
{
    bool is_default = path == NULL;
    int flags = O_WRONLY | O_TRUNC | O_CLOEXEC | (is_default ? 0 : O_CREAT);
    int file = system->open(is_default ? ARTIFACT_MESSAGE_PATH : path, flags, MESSAGE_MODE);
    if (file < 0) {
        return is_default && errno == ENOENT ? 0 : -1; /* outside a container nobody waits for it */
    }
    int status = artifact_write_all(system, file, message->data, message->size);
    int error = errno;
    if (system->close(file) != 0 && status == 0) {
        return -1;
    }
    errno = error;
    return status;
}

static enum artifact_exit report(const struct artifact_system *system,
                                 const struct artifact_request *request,
                                 const struct buffer *message, enum artifact_exit code)
{
    if (write_message(system, request->message, message) != 0) {
        (void)fprintf(
            stderr,
            "tidemill artifact: the result message %s cannot be written: %s; give another "
            "place with --message\n",
            artifact_quote(text_or(request->message, ARTIFACT_MESSAGE_PATH), NULL).text,
            artifact_errno_text(errno));
        code = ARTIFACT_EXIT_FAILED;
    }
    (void)printf("%s\n", buffer_text(message));
    (void)fflush(stdout);
    return code;
}

enum artifact_exit artifact_run(const struct artifact_system *system,
                                struct artifact_request *request)
{
    REQUIRE(request->message_max >= ARTIFACT_MESSAGE_MIN &&
            request->message_max <= ARTIFACT_MESSAGE_MAX);
    struct artifact_failure failure = {0};
    struct buffer message = BUFFER_INIT(request->message_max);
    int root = -1;
    struct result result = open_root(system, request->root, &root, &failure);
    if (result_is_ok(result)) {
        result = act(system, request, root, &message, &failure);
    }
    artifact_close(system, &root);
    enum artifact_exit code = ARTIFACT_EXIT_OK;
    if (!result_is_ok(result)) {
        artifact_message_failure(&failure, &message);
        code = ARTIFACT_EXIT_FAILED;
    }
    code = report(system, request, &message, code);
    buffer_free(&message);
    return code;
}

/*
 * A person names a place as any command takes it: only the last part is opened strictly. What
 * ends in "/", "." or ".." is itself the root.
 */
static struct result digest_path(const struct artifact_system *system, const char *path,
                                 struct artifact_sum *sum, struct artifact_failure *failure)
{
    char parent[ARTIFACT_PATH_MAX + 1] = ".";
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    if (*name == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
        (void)snprintf(parent, sizeof(parent), "%s", path);
        name = ".";
    } else if (slash != NULL) {
        (void)snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path + 1), path);
    }
    int root = system->open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    if (root < 0) {
        return artifact_fail(failure, ARTIFACT_INPUT_MISSING, "%s cannot be opened: %s",
                             artifact_quote(parent, NULL).text, artifact_errno_text(errno));
    }
    struct result result = artifact_tree_sum(system, root, name, path, NULL, sum, failure);
    artifact_close(system, &root);
    return result;
}

enum artifact_exit artifact_run_digest(const struct artifact_system *system, const char *path)
{
    struct artifact_failure failure = {0};
    struct artifact_sum sum;
    if (!result_is_ok(digest_path(system, path, &sum, &failure))) {
        (void)fprintf(stderr, "tidemill artifact digest: %s: %s\n",
                      artifact_reason_name(failure.reason), failure.message);
        return ARTIFACT_EXIT_FAILED;
    }
    (void)printf("%s  %s\n", sum.digest, path);
    (void)fflush(stdout);
    return ARTIFACT_EXIT_OK;
}
