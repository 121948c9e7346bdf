#include "artifact/stream.h"

#include <errno.h>
#include <inttypes.h>

bool artifact_status_is_same(const struct stat *before, const struct stat *after)
{
    return before->st_dev == after->st_dev && before->st_ino == after->st_ino &&
           (before->st_mode & S_IFMT) == (after->st_mode & S_IFMT) &&
           before->st_size == after->st_size && before->st_mtim.tv_sec == after->st_mtim.tv_sec &&
           before->st_mtim.tv_nsec == after->st_mtim.tv_nsec;
}

static struct result fail_changed(struct artifact_place place, const struct stat *before,
                                  uint64_t total, struct artifact_failure *failure)
{
    return artifact_fail(failure, ARTIFACT_CHANGED,
                         "%s changed while it was read (%" PRIu64 " bytes before, %" PRIu64
                         " read); let nothing write to a finished artifact, then run it again",
                         artifact_quote(place.path, place.inner).text, (uint64_t)before->st_size,
                         total);
}

static struct result fail_writing(struct artifact_place place, struct artifact_failure *failure)
{
    bool is_full = errno == ENOSPC || errno == EDQUOT;
    return artifact_fail(failure, ARTIFACT_IO, "the copy of %s cannot be written: %s%s",
                         artifact_quote(place.path, place.inner).text, artifact_errno_text(errno),
                         is_full ? " (an emptyDir's sizeLimit, the pod's ephemeral-storage limit)"
                                 : "");
}

/* Ends early when the file turns out longer than it was: a growing one would never end. */
static struct result pass_bytes(const struct artifact_system *system, int source, int sink,
                                const struct stat *before, char *buffer,
                                struct artifact_place place, struct digest *digest,
                                struct artifact_failure *failure)
{
    uint64_t total = 0;
    for (;;) {
        ssize_t got = artifact_read(system, source, buffer, ARTIFACT_READ_SIZE);
        if (got < 0) {
            return artifact_fail_reading(failure, place.path, place.inner, errno);
        }
        if (got == 0) {
            break;
        }
        total += (uint64_t)got;
        if (total > (uint64_t)before->st_size) {
            return fail_changed(place, before, total, failure);
        }
        digest_update(digest, buffer, (size_t)got);
        if (sink >= 0 && artifact_write_all(system, sink, buffer, (size_t)got) != 0) {
            return fail_writing(place, failure);
        }
    }
    struct stat after;
    if (system->fstat(source, &after) != 0) {
        return artifact_fail_reading(failure, place.path, place.inner, errno);
    }
    if (total != (uint64_t)before->st_size || !artifact_status_is_same(before, &after)) {
        return fail_changed(place, before, total, failure);
    }
    return RESULT_OK;
}

struct result artifact_stream(const struct artifact_system *system, int source, int sink,
                              const struct stat *before, char *buffer, struct artifact_place place,
                              char hex[DIGEST_HEX_SIZE], struct artifact_failure *failure)
{
    (void)system->advise_sequential(source);
    struct digest *digest = digest_new();
    struct result result = pass_bytes(system, source, sink, before, buffer, place, digest, failure);
    if (result_is_ok(result)) {
        digest_finish(digest, hex);
    }
    (void)digest_free(digest);
    return result;
}
