#ifndef TIDEMILL_ARTIFACT_SYSTEM_H
#define TIDEMILL_ARTIFACT_SYSTEM_H

/*
 * The system calls that the artifact helpers make, as a table, so that a test can make each of them
 * fail in turn. Only artifact/ and its command use it. Invariant: whatever lies on a claim is
 * opened by artifact_open_beneath() and nothing else.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

/* Each behaves as the call of that name: -1 and errno on failure. */
struct artifact_system {
    int (*open)(const char *path, int flags, mode_t mode);
    int (*openat2)(int folder, const char *path, int flags, mode_t mode, uint64_t resolve);
    int (*close)(int file);
    ssize_t (*read)(int file, void *bytes, size_t size);
    ssize_t (*write)(int file, const void *bytes, size_t size);
    ssize_t (*getdents)(int folder, void *bytes, size_t size); /* getdents64(2) */
    int (*fstat)(int file, struct stat *status);
    int (*fstatat)(int folder, const char *name, struct stat *status, int flags);
    int (*access)(int folder, const char *name, int mode);
    int (*mkdirat)(int folder, const char *name, mode_t mode);
    int (*unlinkat)(int folder, const char *name, int flags);
    int (*renameat)(int folder, const char *from, const char *to);
    int (*fsync)(int file);
    int (*syncfs)(int file);
    int (*advise_sequential)(int file); /* posix_fadvise(2); its failure means nothing */
};

extern const struct artifact_system artifact_system_real;

/*
 * openat2(2) that cannot leave `folder`, follows no link, not in the middle of `path` either, never
 * waits for a FIFO's other end, and closes on exec. There is no weaker way for kernels without
 * openat2: see artifact_errno_text().
 */
int artifact_open_beneath(const struct artifact_system *system, int folder, const char *path,
                          int flags, mode_t mode);

/* The same calls, tried again when a signal came (EINTR). */
ssize_t artifact_read(const struct artifact_system *system, int file, void *bytes, size_t size);

/* All of the bytes, or -1. */
int artifact_write_all(const struct artifact_system *system, int file, const void *bytes,
                       size_t size);

/* Closes and sets to -1; a negative number is left alone. errno is kept. */
void artifact_close(const struct artifact_system *system, int *file);

#endif
