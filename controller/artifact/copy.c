#include "artifact/copy.h"

#include "artifact/prepare.h"
#include "artifact/target.h"
#include "core/assert.h"
#include "core/text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

enum {
    FILE_MODE = 0644,
    EXECUTABLE_MODE = 0755,
    FOLDER_MODE = 0755,
    COPY_UMASK = 0022, /* so that the modes come out as they are written */
};

/* Where a walk writes to. */
struct copier {
    const struct artifact_system *system;
    const char *to;
    int folders[ARTIFACT_DEPTH_MAX + 1]; /* [0] is the target, which is not the copier's to close */
    size_t depth;
    int file;
};

static struct result fail_writing(const struct copier *copier, const char *name, int error,
                                  struct artifact_failure *failure)
{
    bool is_full = error == ENOSPC || error == EDQUOT;
    return artifact_fail(failure, ARTIFACT_IO, "the copy %s cannot be written: %s%s",
                         artifact_quote(copier->to, name).text, artifact_errno_text(error),
                         is_full ? " (an emptyDir's sizeLimit, the pod's ephemeral-storage limit)"
                                 : "");
}

/* Names that mean something in a target cannot be an artifact's. */
static struct result check_name(const struct copier *copier, const char *name,
                                struct artifact_failure *failure)
{
    if (copier->depth == 0 && artifact_target_is_reserved(name)) {
        return artifact_fail(failure, ARTIFACT_UNSAFE_CONTENT,
                             "the artifact has %s at its top, a name that is kept for copying: let "
                             "the step that writes it use another",
                             artifact_quote(name, NULL).text);
    }
    return RESULT_OK;
}

static struct result enter_folder(void *user, const char *name, struct artifact_failure *failure)
{
    struct copier *copier = user;
    const struct artifact_system *system = copier->system;
    TRY(check_name(copier, name, failure));
    REQUIRE(copier->depth < ARTIFACT_DEPTH_MAX);
    int parent = copier->folders[copier->depth];
    if (system->mkdirat(parent, name, FOLDER_MODE) != 0) {
        return fail_writing(copier, name, errno, failure);
    }
    int folder = artifact_open_beneath(system, parent, name, O_PATH | O_DIRECTORY, 0);
    if (folder < 0) {
        return fail_writing(copier, name, errno, failure);
    }
    copier->folders[++copier->depth] = folder;
    return RESULT_OK;
}

static struct result leave_folder(void *user, struct artifact_failure *failure)
{
    (void)failure;
    struct copier *copier = user;
    REQUIRE(copier->depth > 0);
    artifact_close(copier->system, &copier->folders[copier->depth--]);
    return RESULT_OK;
}

static struct result begin_file(void *user, const char *name, bool executable, int *sink,
                                struct artifact_failure *failure)
{
    struct copier *copier = user;
    TRY(check_name(copier, name, failure));
    copier->file = artifact_open_beneath(copier->system, copier->folders[copier->depth], name,
                                         O_WRONLY | O_CREAT | O_EXCL,
                                         executable ? EXECUTABLE_MODE : FILE_MODE);
    if (copier->file < 0) {
        return fail_writing(copier, name, errno, failure);
    }
    *sink = copier->file;
    return RESULT_OK;
}

/* Some file systems tell only here that a write failed. */
static struct result end_file(void *user, struct artifact_failure *failure)
{
    struct copier *copier = user;
    int file = copier->file;
    copier->file = -1;
    return copier->system->close(file) == 0 ? RESULT_OK
                                            : fail_writing(copier, NULL, errno, failure);
}

static struct result copy_tree(const struct artifact_system *system, int root, const char *from,
                               int target, const char *to, struct artifact_sum *sum,
                               struct artifact_failure *failure)
{
    struct copier copier = {.system = system, .to = to, .folders = {target}, .file = -1};
    const struct artifact_observer observer = {
        .user = &copier,
        .enter_folder = enter_folder,
        .leave_folder = leave_folder,
        .begin_file = begin_file,
        .end_file = end_file,
    };
    struct result result = artifact_tree_sum(system, root, from, from, &observer, sum, failure);
    artifact_close(system, &copier.file);
    while (copier.depth > 0) {
        artifact_close(system, &copier.folders[copier.depth--]);
    }
    return result;
}

/* From an empty target to a whole copy; or to an empty target and a failure. */
static struct result fill_target(const struct artifact_system *system, int root, const char *from,
                                 const char *digest, int target, const char *to,
                                 struct artifact_sum *sum, struct artifact_failure *failure)
{
    struct artifact_sum copied;
    struct artifact_failure ignored = {0};
    TRY(artifact_target_mark(system, target, to, failure));
    struct result result = copy_tree(system, root, from, target, to, &copied, failure);
    if (result_is_ok(result)) {
        result = artifact_compare_digest(&copied, digest, from, failure);
    }
    if (result_is_ok(result)) {
        result = artifact_target_complete(system, target, to, failure);
    }
    if (result_is_ok(result)) {
        *sum = copied;
        return result;
    }
    if (result_is_ok(artifact_target_clean(system, target, to, &ignored))) {
        artifact_target_unmark(system, target);
    }
    return result;
}

/* The copy of an earlier start of this pod, when it is whole. */
static bool is_whole(const struct artifact_system *system, const char *from, const char *digest,
                     int target, const char *to, struct artifact_sum *sum)
{
    const char *slash = strrchr(from, '/');
    const char *name = slash == NULL ? from : slash + 1;
    const struct artifact_observer observer = {.skip = ARTIFACT_TARGET_LOST_AND_FOUND};
    struct artifact_failure ignored = {0};
    struct artifact_sum found;
    bool alone = artifact_target_has_only(system, target, name);
    struct result result = alone
                               ? artifact_tree_sum(system, target, name, to, NULL, &found, &ignored)
                               : result_of(ERROR_NOT_FOUND);
    if (!result_is_ok(result) || found.folder || !text_equal(found.digest, digest)) {
        result = artifact_tree_sum(system, target, ".", to, &observer, &found, &ignored);
    }
    if (!result_is_ok(result) || !text_equal(found.digest, digest)) {
        return false;
    }
    *sum = found;
    return true;
}

static struct result copy_into(const struct artifact_system *system, int root, const char *from,
                               const char *digest, int target, const char *to,
                               struct artifact_sum *sum, struct artifact_failure *failure)
{
    struct artifact_target_state state;
    TRY(artifact_target_look(system, target, to, &state, failure));
    if (state.marked) {
        TRY(artifact_target_clean(system, target, to, failure));
    } else if (state.first[0] != '\0') {
        if (is_whole(system, from, digest, target, to, sum)) {
            return RESULT_OK;
        }
        return artifact_fail(failure, ARTIFACT_IO,
                             "%s is not empty: it holds %s, which no unfinished copy left there; "
                             "it is left alone. Mount an emptyDir of its own there, read-only in "
                             "every other container, and start the pod anew",
                             artifact_quote(to, NULL).text, artifact_quote(state.first, NULL).text);
    }
    return fill_target(system, root, from, digest, target, to, sum, failure);
}

struct result artifact_copy(const struct artifact_system *system, int root, const char *from,
                            const char *digest, const char *to, struct artifact_sum *sum,
                            struct artifact_failure *failure)
{
    int target = system->open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (target < 0) {
        return artifact_fail(failure, ARTIFACT_IO,
                             "the folder to copy into, %s, cannot be opened: %s; mount an emptyDir "
                             "there",
                             artifact_quote(to, NULL).text, artifact_errno_text(errno));
    }
    mode_t before = umask(COPY_UMASK);
    struct result result = copy_into(system, root, from, digest, target, to, sum, failure);
    (void)umask(before);
    artifact_close(system, &target);
    if (failure->reason == ARTIFACT_INPUT_MISSING) {
        artifact_failure_add_context(failure, "the artifact to serve");
    }
    return result;
}
