#include "io/zonefile.h"

#include "core/text.h"
#include "plan/zone.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char default_folder[] = "/usr/share/zoneinfo"; /* where tzdata installs itself */

/* The whole file into `bytes`; size is checked on what was read, not on what stat() promised. */
static struct result read_all(int file, const char *path, char bytes[ZONE_FILE_MAXIMUM + 1],
                              size_t *size, struct error *error)
{
    size_t filled = 0;
    while (filled <= ZONE_FILE_MAXIMUM) {
        ssize_t got = read(file, bytes + filled, ZONE_FILE_MAXIMUM + 1 - filled);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return error_set(error, ERROR_IO, "%s: %s", path, strerror(errno));
        }
        if (got == 0) {
            *size = filled;
            return RESULT_OK;
        }
        filled += (size_t)got;
    }
    return error_set(error, ERROR_LIMIT, "%s: larger than %d bytes, which no time zone file is",
                     path, ZONE_FILE_MAXIMUM);
}

static struct result read_regular(int file, const char *path, struct buffer *bytes,
                                  struct error *error)
{
    struct stat status;
    if (fstat(file, &status) != 0) {
        return error_set(error, ERROR_IO, "%s: %s", path, strerror(errno));
    }
    if (!S_ISREG(status.st_mode)) {
        return error_set(error, ERROR_NOT_FOUND, "%s is not a time zone: not a regular file", path);
    }
    char content[ZONE_FILE_MAXIMUM + 1];
    size_t size = 0;
    TRY(read_all(file, path, content, &size, error));
    struct result result = buffer_append(bytes, content, size);
    if (!result_is_ok(result)) {
        return error_set(error, result.kind, "%s: no room for its %zu bytes", path, size);
    }
    return RESULT_OK;
}

struct result zonefile_read(const char *name, struct buffer *bytes, struct error *error)
{
    TRY(zone_check_name(name, error));
    const char *folder = getenv("TZDIR");
    if (text_is_empty(folder)) {
        folder = default_folder;
    }
    char path[PATH_MAX];
    int length = snprintf(path, sizeof(path), "%s/%s", folder, name);
    if (length < 0 || (size_t)length >= sizeof(path)) {
        return error_set(error, ERROR_INVALID, "TZDIR is longer than %d bytes", PATH_MAX);
    }
    /* O_NONBLOCK: opening a pipe somebody put there must not wait for its writer. */
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0 && (errno == ENOENT || errno == ENOTDIR)) {
        return error_set(error, ERROR_NOT_FOUND,
                         "there is no time zone \"%s\" in %s; names are spelled as in the IANA "
                         "data base, such as \"Europe/Berlin\"",
                         name, folder);
    }
    if (file < 0) {
        return error_set(error, ERROR_IO, "%s: %s", path, strerror(errno));
    }
    struct result result = read_regular(file, path, bytes, error);
    (void)close(file);
    return result;
}
