#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { READ_SIZE = 16 * 1024 };

static struct result read_all(const char *path, int fd, struct buffer *bytes, struct error *error)
{
    char piece[READ_SIZE];
    for (;;) {
        ssize_t size = read(fd, piece, sizeof(piece));
        if (size == 0) {
            return RESULT_OK;
        }
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size < 0) {
            return error_set(error, ERROR_IO, "cannot read %s: %s", path, strerror(errno));
        }
        if (!result_is_ok(buffer_append(bytes, piece, (size_t)size))) {
            return error_set(error, ERROR_LIMIT, "%s is larger than %zu bytes", path,
                             bytes->maximum);
        }
    }
}

struct result file_read(const char *path, struct buffer *bytes, struct error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        enum error_kind kind = errno == ENOENT ? ERROR_NOT_FOUND : ERROR_IO;
        return error_set(error, kind, "cannot open %s: %s", path, strerror(errno));
    }
    struct result result = read_all(path, fd, bytes, error);
    (void)close(fd);
    return result;
}
