#include "artifact/prepare.h"

#include "artifact/manifest.h"
#include "core/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    FOLDER_MODE = 0775,
    FOLDER_UMASK = 0002, /* so that FOLDER_MODE comes out as it is written */
};

static bool is_access_error(int error)
{
    return error == EACCES || error == EPERM || error == EROFS;
}

/*
 * `folder` is the one that may not be written; `shown` its path, "" for the root. The message tells
 * who asks, whose the folder is, and both ways to mend it.
 */
static struct result fail_not_writable(const struct artifact_system *system, int folder,
                                       const char *shown, const char *wanted, int error,
                                       struct artifact_failure *failure)
{
    struct artifact_quoted where = artifact_quote(*shown == '\0' ? "the claim's root" : shown,
                                                  NULL);
    if (error == EROFS) {
        return artifact_fail(failure, ARTIFACT_CLAIM_NOT_WRITABLE,
                             "folder %s cannot be written: the claim is mounted read-only; mount "
                             "it read-write (accessModes, readOnly of the volume), or give the "
                             "pipeline another claim",
                             where.text);
    }
    struct stat status;
    if (system->fstat(folder, &status) != 0) {
        return artifact_fail(failure, ARTIFACT_CLAIM_NOT_WRITABLE,
                             "folder %s cannot be written by %s: %s", where.text,
                             artifact_self_text().text, strerror(error));
    }
    return artifact_fail(failure, ARTIFACT_CLAIM_NOT_WRITABLE,
                         "%s cannot be made: this step runs as %s, and folder %s belongs to %s "
                         "(%s). Set podDefaults.spec.securityContext.fsGroup: N in the Pipeline, "
                         "the same number for all its steps; where the volume's driver ignores "
                         "fsGroup (NFS, hostPath), chown the folder to uid %u or chgrp it to N and "
                         "chmod g+ws it",
                         artifact_quote(wanted, NULL).text, artifact_self_text().text, where.text,
                         artifact_owner_text(&status).text, strerror(error),
                         (unsigned int)geteuid());
}

static struct result fail_component(const char *shown, int error, struct artifact_failure *failure)
{
    struct artifact_quoted where = artifact_quote(shown, NULL);
    if (error == ELOOP || error == EXDEV) {
        return artifact_fail(failure, ARTIFACT_UNSAFE_CONTENT,
                             "%s is a symbolic link, and a folder is to be made there or beneath "
                             "it; links are refused: remove it",
                             where.text);
    }
    if (error == ENOTDIR) {
        return artifact_fail(failure, ARTIFACT_IO,
                             "%s is not a folder, and one is to be made there or beneath it: "
                             "remove it",
                             where.text);
    }
    if (error == EACCES) {
        return artifact_fail(failure, ARTIFACT_CLAIM_NOT_WRITABLE,
                             "%s cannot be entered by %s: Permission denied; give all steps one "
                             "group by podDefaults.spec.securityContext.fsGroup: N, and leave "
                             "folders enterable (chmod g+x)",
                             where.text, artifact_self_text().text);
    }
    return artifact_fail(failure, ARTIFACT_IO, "folder %s cannot be made: %s", where.text,
                         artifact_errno_text(error));
}

/* Opens `name`, making it first when it is not there. Somebody else may make it meanwhile. */
static struct result enter_component(const struct artifact_system *system, int parent,
                                     const char *parent_shown, const char *name, const char *shown,
                                     const char *wanted, int *opened,
                                     struct artifact_failure *failure)
{
    int folder = artifact_open_beneath(system, parent, name, O_PATH | O_DIRECTORY, 0);
    if (folder < 0 && errno == ENOENT) {
        if (system->mkdirat(parent, name, FOLDER_MODE) != 0 && errno != EEXIST) {
            if (is_access_error(errno)) {
                return fail_not_writable(system, parent, parent_shown, wanted, errno, failure);
            }
            return fail_component(shown, errno, failure);
        }
        folder = artifact_open_beneath(system, parent, name, O_PATH | O_DIRECTORY, 0);
    }
    if (folder < 0) {
        return fail_component(shown, errno, failure);
    }
    *opened = folder;
    return RESULT_OK;
}

static struct result check_writable(const struct artifact_system *system, int folder,
                                    const char *path, struct artifact_failure *failure)
{
    if (system->access(folder, ".", W_OK | X_OK) == 0) {
        return RESULT_OK;
    }
    if (is_access_error(errno)) {
        return fail_not_writable(system, folder, path, path, errno, failure);
    }
    return fail_component(path, errno, failure);
}

static struct result make_components(const struct artifact_system *system, int root,
                                     const char *path, struct artifact_failure *failure)
{
    int folder = -1; /* the innermost opened so far; -1: the root, which is not ours to close */
    char shown[ARTIFACT_PATH_MAX + 1] = "";
    char name[ARTIFACT_NAME_MAX + 1];
    struct result result = RESULT_OK;
    for (const char *rest = path; *rest != '\0';) {
        size_t size = strcspn(rest, "/");
        (void)snprintf(name, sizeof(name), "%.*s", (int)size, rest);
        char parent_shown[ARTIFACT_PATH_MAX + 1];
        memcpy(parent_shown, shown, sizeof(shown));
        (void)snprintf(shown, sizeof(shown), "%.*s", (int)(rest - path + (ptrdiff_t)size), path);
        int inner = -1;
        result = enter_component(system, folder < 0 ? root : folder, parent_shown, name, shown,
                                 path, &inner, failure);
        artifact_close(system, &folder);
        if (!result_is_ok(result)) {
            return result;
        }
        folder = inner;
        rest += size + (rest[size] == '/' ? 1 : 0);
    }
    result = check_writable(system, folder, path, failure);
    artifact_close(system, &folder);
    return result;
}

struct result artifact_make_folder(const struct artifact_system *system, int root, const char *path,
                                   struct artifact_failure *failure)
{
    mode_t before = umask(FOLDER_UMASK);
    struct result result = make_components(system, root, path, failure);
    (void)umask(before);
    return result;
}

struct result artifact_compare_digest(const struct artifact_sum *sum, const char *expected,
                                      const char *path, struct artifact_failure *failure)
{
    if (text_equal(sum->digest, expected)) {
        return RESULT_OK;
    }
    return artifact_fail(failure, ARTIFACT_DIGEST_MISMATCH,
                         "%s has digest %s, expected %s: it is not what it was when its digest was "
                         "taken. Find out what else writes to the claim, then run the pipeline "
                         "again",
                         artifact_quote(path, NULL).text, sum->digest, expected);
}

static struct result sum_input(const struct artifact_system *system, int root,
                               struct artifact_input *input, struct artifact_failure *failure)
{
    struct artifact_manifest *manifest = artifact_manifest_new(system, root, input->path);
    struct artifact_observer observer = artifact_manifest_observer(manifest);
    struct result result = artifact_tree_sum(system, root, input->path, input->path, &observer,
                                             &input->sum, failure);
    if (result_is_ok(result) && input->sum.folder) {
        artifact_manifest_publish(manifest);
    }
    (void)artifact_manifest_free(manifest);
    return result;
}

static struct result check_input(const struct artifact_system *system, int root,
                                 struct artifact_input *inputs, size_t at,
                                 struct artifact_failure *failure)
{
    struct artifact_input *input = &inputs[at];
    for (size_t earlier = 0; earlier < at; earlier++) {
        if (text_equal(inputs[earlier].path, input->path)) {
            input->sum = inputs[earlier].sum;
            return input->digest == NULL
                       ? RESULT_OK
                       : artifact_compare_digest(&input->sum, input->digest, input->path, failure);
        }
    }
    TRY(sum_input(system, root, input, failure));
    return input->digest == NULL
               ? RESULT_OK
               : artifact_compare_digest(&input->sum, input->digest, input->path, failure);
}

struct result artifact_check_inputs(const struct artifact_system *system, int root,
                                    struct artifact_input *inputs, size_t count,
                                    struct artifact_failure *failure)
{
    for (size_t at = 0; at < count; at++) {
        struct result result = check_input(system, root, inputs, at, failure);
        if (result_is_ok(result)) {
            continue;
        }
        if (failure->reason == ARTIFACT_INPUT_MISSING) {
            result = artifact_fail(failure, ARTIFACT_INPUT_MISSING,
                                   "%s does not exist on the claim. The step that makes it must "
                                   "write it to /tidemill/out/<artifact> before it ends; if it "
                                   "did, it was deleted since: run the pipeline again",
                                   artifact_quote(inputs[at].path, NULL).text);
        }
        artifact_failure_add_context(failure, "input \"%s\"", inputs[at].name);
        return result;
    }
    return RESULT_OK;
}
