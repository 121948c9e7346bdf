#include "artifact/system.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int real_open(const char *path, int flags, mode_t mode)
{
    return open(path, flags, mode);
}

static int real_openat2(int folder, const char *path, int flags, mode_t mode, uint64_t resolve)
{
    struct open_how how = {.flags = (uint64_t)flags, .mode = mode, .resolve = resolve};
    return (int)syscall(SYS_openat2, folder, path, &how, sizeof(how));
}

static ssize_t real_getdents(int folder, void *bytes, size_t size)
{
    return syscall(SYS_getdents64, folder, bytes, size);
}

static int real_access(int folder, const char *name, int mode)
{
    return faccessat(folder, name, mode, 0);
}

static int real_renameat(int folder, const char *from, const char *to)
{
    return renameat(folder, from, folder, to);
}

static int real_advise_sequential(int file)
{
    int error = posix_fadvise(file, 0, 0, POSIX_FADV_SEQUENTIAL);
    errno = error;
    return error == 0 ? 0 : -1;
}

const struct artifact_system artifact_system_real = {
    .open = real_open,
    .openat2 = real_openat2,
    .close = close,
    .read = read,
    .write = write,
    .getdents = real_getdents,
    .fstat = fstat,
    .fstatat = fstatat,
    .access = real_access,
    .mkdirat = mkdirat,
    .unlinkat = unlinkat,
    .renameat = real_renameat,
    .fsync = fsync,
    .syncfs = syncfs,
    .advise_sequential = real_advise_sequential,
};

int artifact_open_beneath(const struct artifact_system *system, int folder, const char *path,
                          int flags, mode_t mode)
{
    const uint64_t resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    int extra = O_CLOEXEC;
    if (!(flags & O_DIRECTORY)) {
        extra |= O_NOFOLLOW; /* with O_DIRECTORY a link would be told as ENOTDIR, not ELOOP */
    }
    if (!(flags & O_PATH)) {
        extra |= O_NONBLOCK | O_NOCTTY; /* openat2 refuses these together with O_PATH */
    }
    int file;
    do {
        file = system->openat2(folder, path, flags | extra, mode, resolve);
    } while (file < 0 && errno == EINTR);
    return file;
}

ssize_t artifact_read(const struct artifact_system *system, int file, void *bytes, size_t size)
{
    ssize_t got;
    do {
        got = system->read(file, bytes, size);
    } while (got < 0 && errno == EINTR);
    return got;
}

int artifact_write_all(const struct artifact_system *system, int file, const void *bytes,
                       size_t size)
{
    const char *next = bytes;
    while (size > 0) {
        ssize_t written = system->write(file, next, size);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            errno = written == 0 ? EIO : errno;
            return -1;
        }
        next += written;
        size -= (size_t)written;
    }
    return 0;
}

void artifact_close(const struct artifact_system *system, int *file)
{
    int kept = errno;
    if (*file >= 0) {
        (void)system->close(*file);
        *file = -1;
    }
    errno = kept;
}
