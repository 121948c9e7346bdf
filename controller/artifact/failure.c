#include "artifact/failure.h"

#include "artifact/name.h"
#include "core/assert.h"
#include "core/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    GROUPS_SHOWN = 8,
    MODE_BITS = 07777,
    ESCAPED_SIZE = 4, /* bytes of \xHH */
};

static const struct {
    const char *name;
    enum error_kind kind;
} reasons[] = {
    [ARTIFACT_REASON_NONE] = {"", ERROR_NONE},
    [ARTIFACT_CLAIM_NOT_WRITABLE] = {"ClaimNotWritable", ERROR_DENIED},
    [ARTIFACT_INPUT_MISSING] = {"InputMissing", ERROR_NOT_FOUND},
    [ARTIFACT_DIGEST_MISMATCH] = {"DigestMismatch", ERROR_CONFLICT},
    [ARTIFACT_UNSAFE_CONTENT] = {"UnsafeContent", ERROR_INVALID},
    [ARTIFACT_TOO_LARGE] = {"ArtifactTooLarge", ERROR_LIMIT},
    [ARTIFACT_CHANGED] = {"ArtifactChanged", ERROR_CONFLICT},
    [ARTIFACT_IO] = {"ArtifactIO", ERROR_IO},
};
STATIC_REQUIRE(COUNT_OF(reasons) == ARTIFACT_REASON_COUNT, "one row for each reason");

const char *artifact_reason_name(enum artifact_reason reason)
{
    REQUIRE((unsigned int)reason < COUNT_OF(reasons));
    return reasons[reason].name;
}

struct result artifact_fail(struct artifact_failure *failure, enum artifact_reason reason,
                            const char *format, ...)
{
    REQUIRE(reason != ARTIFACT_REASON_NONE && (unsigned int)reason < COUNT_OF(reasons));
    failure->reason = reason;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(failure->message, sizeof(failure->message), format, arguments);
    va_end(arguments);
    return result_of(reasons[reason].kind);
}

void artifact_failure_add_context(struct artifact_failure *failure, const char *format, ...)
{
    char old[ARTIFACT_FAILURE_SIZE];
    memcpy(old, failure->message, sizeof(old));
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(failure->message, sizeof(failure->message), format, arguments);
    va_end(arguments);
    size_t size = strlen(failure->message);
    (void)snprintf(failure->message + size, sizeof(failure->message) - size, ": %s", old);
}

/* Writes one character of `text` as it is shown; returns bytes taken from `text`. */
static size_t quote_character(const char *text, size_t size, char shown[ESCAPED_SIZE + 1])
{
    size_t step = artifact_character_size(text, size);
    if (step > 0) {
        memcpy(shown, text, step);
        shown[step] = '\0';
        return step;
    }
    (void)snprintf(shown, ESCAPED_SIZE + 1, "\\x%02x", (unsigned int)(unsigned char)text[0]);
    return 1;
}

struct artifact_quoted artifact_quote(const char *path, const char *inner)
{
    /* Only the end of a long path is kept; escapes can make each of its bytes four. */
    enum { KEPT = (ARTIFACT_QUOTE_SIZE - 8) / ESCAPED_SIZE, WHOLE = ARTIFACT_QUOTE_SIZE - 8 };
    char joined[2 * (ARTIFACT_PATH_MAX + 2)];
    bool has_inner = !text_is_empty(inner);
    (void)snprintf(joined, sizeof(joined), "%s%s%s", path, has_inner ? "/" : "",
                   has_inner ? inner : "");
    size_t size = strlen(joined);
    size_t limit = artifact_name_is_plain(joined, size) ? WHOLE : KEPT;
    size_t at = size > limit ? size - limit : 0;
    while (at > 0 && at < size && ((unsigned char)joined[at] & 0xC0U) == 0x80U) {
        at++;
    }
    struct artifact_quoted quoted = {{0}};
    size_t used = (size_t)snprintf(quoted.text, sizeof(quoted.text), at > 0 ? "\"..." : "\"");
    while (at < size) {
        char shown[ESCAPED_SIZE + 1];
        at += quote_character(joined + at, size - at, shown);
        used += (size_t)snprintf(quoted.text + used, sizeof(quoted.text) - used, "%s", shown);
    }
    REQUIRE(used + 1 < sizeof(quoted.text));
    quoted.text[used] = '"';
    return quoted;
}

struct artifact_owner artifact_owner_text(const struct stat *status)
{
    struct artifact_owner owner;
    (void)snprintf(owner.text, sizeof(owner.text), "uid %u, gid %u, mode %04o",
                   (unsigned int)status->st_uid, (unsigned int)status->st_gid,
                   (unsigned int)status->st_mode & (unsigned int)MODE_BITS);
    return owner;
}

struct artifact_owner artifact_self_text(void)
{
    struct artifact_owner self;
    int used = snprintf(self.text, sizeof(self.text), "uid %u, gid %u", (unsigned int)geteuid(),
                        (unsigned int)getegid());
    gid_t groups[GROUPS_SHOWN];
    int total = getgroups(0, NULL);
    int count = total <= GROUPS_SHOWN ? getgroups(GROUPS_SHOWN, groups) : 0;
    for (int at = 0; at < count; at++) {
        used += snprintf(self.text + used, sizeof(self.text) - (size_t)used, "%s%u",
                         at == 0 ? ", groups " : " ", (unsigned int)groups[at]);
    }
    if (total > GROUPS_SHOWN) {
        (void)snprintf(self.text + used, sizeof(self.text) - (size_t)used, ", %d groups", total);
    }
    return self;
}

const char *artifact_kind_name(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFREG:
        return "a file";
    case S_IFDIR:
        return "a folder";
    case S_IFLNK:
        return "a symbolic link";
    case S_IFIFO:
        return "a FIFO";
    case S_IFSOCK:
        return "a socket";
    case S_IFCHR:
    case S_IFBLK:
        return "a device";
    default:
        return "neither a file nor a folder";
    }
}

const char *artifact_errno_text(int error)
{
    switch (error) {
    case ENOSYS:
        return "openat2 is not available here, and without it the path cannot be opened safely: "
               "use nodes with Linux 5.6 or newer and a runtime whose seccomp profile and sandbox "
               "allow openat2";
    case EPERM:
        return "Operation not permitted (a seccomp profile that does not know openat2 says this "
               "too: use a runtime whose default profile allows it)";
    case ENOSPC:
    case EDQUOT:
        return "no space left: free some, or make the volume or its quota larger";
    case EROFS:
        return "the file system is mounted read-only";
    case ESTALE:
        return "the file server forgot the file (ESTALE): run it again";
    default:
        return strerror(error);
    }
}

struct result artifact_fail_reading(struct artifact_failure *failure, const char *path,
                                    const char *inner, int error)
{
    struct artifact_quoted quoted = artifact_quote(path, inner);
    switch (error) {
    case ELOOP:
    case EXDEV:
        return artifact_fail(failure, ARTIFACT_UNSAFE_CONTENT,
                             "%s is, or lies behind, a symbolic link; links are refused: copy what "
                             "it points to in its place",
                             quoted.text);
    case ENOENT:
    case ENOTDIR:
    case EAGAIN:
        return artifact_fail(failure, ARTIFACT_CHANGED,
                             "%s went away or became something else while it was read; let nothing "
                             "write to a finished "
                             "artifact, then run it again",
                             quoted.text);
    case ENXIO:
        return artifact_fail(failure, ARTIFACT_UNSAFE_CONTENT,
                             "%s is a socket or a device; only files and folders are allowed: "
                             "remove it",
                             quoted.text);
    case EACCES:
        return artifact_fail(failure, ARTIFACT_IO,
                             "%s cannot be read by %s: Permission denied; let the step that writes "
                             "it leave it readable (chmod g+rX, umask 0027), and give all steps "
                             "one group by podDefaults.spec.securityContext.fsGroup",
                             quoted.text, artifact_self_text().text);
    default:
        return artifact_fail(failure, ARTIFACT_IO, "%s cannot be read: %s", quoted.text,
                             artifact_errno_text(error));
    }
}
