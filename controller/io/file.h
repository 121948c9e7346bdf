#ifndef TIDEMILL_IO_FILE_H
#define TIDEMILL_IO_FILE_H

/* Whole small files. Used by io/ and cli/. */

#include "core/buffer.h"
#include "core/result.h"

/*
 * Appends the file's bytes. ERROR_NOT_FOUND, ERROR_LIMIT when it is larger than the buffer's
 * maximum, ERROR_IO for the rest; the message names the path.
 */
MUST_CHECK struct result file_read(const char *path, struct buffer *bytes, struct error *error);

#endif
