#include "artifact/target.h"

#include "artifact/copy.h"
#include "core/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    LIST_SIZE = 16 * 1024, /* bytes on the stack for each level: 1 MiB at the deepest */
    MARKER_MODE = 0644,
};

/* Called for each entry but "." and ".."; -1 and errno ends it. */
struct lister {
    void *user;
    int (*entry)(void *user, const char *name);
};

/* `target` may have been read before: it is opened anew. */
static int list_entries(const struct artifact_system *system, int target, struct lister lister)
{
    int folder = artifact_open_beneath(system, target, ".", O_RDONLY | O_DIRECTORY, 0);
    if (folder < 0) {
        return -1;
    }
    _Alignas(struct dirent64) char buffer[LIST_SIZE];
    int status = 0;
    while (status == 0) {
        ssize_t got = system->getdents(folder, buffer, sizeof(buffer));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            status = (int)got;
            break;
        }
        for (size_t at = 0; at < (size_t)got && status == 0;) {
            const void *bytes = buffer + at;
            const struct dirent64 *entry = bytes;
            at += entry->d_reclen;
            if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
                status = lister.entry(lister.user, entry->d_name);
            }
        }
    }
    artifact_close(system, &folder);
    return status;
}

static struct result fail_target(const char *to, const char *what, struct artifact_failure *failure)
{
    int error = errno;
    if (error == EACCES || error == EPERM || error == EROFS) {
        return artifact_fail(failure, ARTIFACT_IO,
                             "the folder to copy into, %s, cannot be %s by %s: %s; mount an "
                             "emptyDir there that this container may write",
                             artifact_quote(to, NULL).text, what, artifact_self_text().text,
                             strerror(error));
    }
    return artifact_fail(failure, ARTIFACT_IO, "the folder to copy into, %s, cannot be %s: %s",
                         artifact_quote(to, NULL).text, what, artifact_errno_text(error));
}

bool artifact_target_is_reserved(const char *name)
{
    return strcmp(name, ARTIFACT_TARGET_LOST_AND_FOUND) == 0 ||
           strcmp(name, ARTIFACT_COPY_MARKER) == 0;
}

static int look_at_entry(void *user, const char *name)
{
    struct artifact_target_state *state = user;
    if (strcmp(name, ARTIFACT_COPY_MARKER) == 0) {
        state->marked = true;
    } else if (state->first[0] == '\0' && !artifact_target_is_reserved(name)) {
        (void)snprintf(state->first, sizeof(state->first), "%s", name);
    }
    return 0;
}

struct result artifact_target_look(const struct artifact_system *system, int target, const char *to,
                                   struct artifact_target_state *state,
                                   struct artifact_failure *failure)
{
    struct artifact_target_state found = {0};
    if (list_entries(system, target, (struct lister){&found, look_at_entry}) != 0) {
        return fail_target(to, "read", failure);
    }
    *state = found;
    return RESULT_OK;
}

static int count_other(void *user, const char *name)
{
    const char **only = user;
    if (strcmp(name, ARTIFACT_TARGET_LOST_AND_FOUND) != 0 && !text_equal(name, *only)) {
        *only = NULL; /* equals nothing from now on */
    }
    return 0;
}

bool artifact_target_has_only(const struct artifact_system *system, int target, const char *name)
{
    const char *only = name;
    return list_entries(system, target, (struct lister){&only, count_other}) == 0 && only != NULL;
}

struct result artifact_target_mark(const struct artifact_system *system, int target, const char *to,
                                   struct artifact_failure *failure)
{
    int marker = artifact_open_beneath(system, target, ARTIFACT_COPY_MARKER, O_WRONLY | O_CREAT,
                                       MARKER_MODE);
    if (marker < 0) {
        return fail_target(to, "written", failure);
    }
    artifact_close(system, &marker);
    return RESULT_OK;
}

void artifact_target_unmark(const struct artifact_system *system, int target)
{
    (void)system->unlinkat(target, ARTIFACT_COPY_MARKER, 0);
}

struct result artifact_target_complete(const struct artifact_system *system, int target,
                                       const char *to, struct artifact_failure *failure)
{
    if (system->syncfs(target) != 0) {
        return fail_target(to, "written to disk", failure);
    }
    if (system->unlinkat(target, ARTIFACT_COPY_MARKER, 0) != 0) {
        return fail_target(to, "completed", failure);
    }
    return RESULT_OK;
}

struct cleaner {
    const struct artifact_system *system;
    int folder;
    size_t depth; /* 0: the target itself */
};

static int remove_entry(void *user, const char *name);

static int remove_folder(const struct cleaner *cleaner, const char *name)
{
    if (cleaner->depth >= ARTIFACT_DEPTH_MAX) {
        errno = ENAMETOOLONG; /* no copy of ours is that deep */
        return -1;
    }
    int folder = artifact_open_beneath(cleaner->system, cleaner->folder, name, O_PATH | O_DIRECTORY,
                                       0);
    if (folder < 0) {
        return -1;
    }
    struct cleaner inner = {cleaner->system, folder, cleaner->depth + 1};
    int status = list_entries(cleaner->system, folder, (struct lister){&inner, remove_entry});
    artifact_close(cleaner->system, &folder);
    return status != 0 ? status : cleaner->system->unlinkat(cleaner->folder, name, AT_REMOVEDIR);
}

static int remove_entry(void *user, const char *name)
{
    const struct cleaner *cleaner = user;
    if (cleaner->depth == 0 && artifact_target_is_reserved(name)) {
        return 0;
    }
    if (cleaner->system->unlinkat(cleaner->folder, name, 0) == 0) {
        return 0;
    }
    return errno == EISDIR ? remove_folder(cleaner, name) : -1;
}

struct result artifact_target_clean(const struct artifact_system *system, int target,
                                    const char *to, struct artifact_failure *failure)
{
    struct cleaner cleaner = {system, target, 0};
    if (list_entries(system, target, (struct lister){&cleaner, remove_entry}) != 0) {
        return fail_target(to, "cleaned of an unfinished copy", failure);
    }
    return RESULT_OK;
}
