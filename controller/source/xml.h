#ifndef TIDEMILL_SOURCE_XML_H
#define TIDEMILL_SOURCE_XML_H

/*
 * Reads the small XML documents of S3 servers by expat, from front to back: no tree, no attributes,
 * no namespaces ("s3:Key" is "Key"). A document type is refused, and with it entities of the
 * document's own (no "billion laughs", nothing external). Bounded: XML_DEPTH_LIMIT, and
 * XML_TEXT_LIMIT for one element's text; the size of the whole is its user's to bound.
 */

#include "core/arena.h"

#include <stddef.h>

enum {
    XML_DEPTH_LIMIT = 8,
    XML_TEXT_LIMIT = 8 * 1024, /* bytes; an escaped key has 3 KiB */
    XML_PATH_LIMIT = 256
};

/*
 * Called at each element's end. `path` is "ListBucketResult/Contents/Key". `text` is what stands in
 * the element beside its children, UTF-8, without NUL, valid until the call returns.
 */
typedef void (*xml_element)(void *context, const char *path, const char *text);

/*
 * ERROR_INVALID: not XML, or of a kind that is refused; ERROR_LIMIT. The calls that were made
 * before are not taken back.
 */
MUST_CHECK struct result xml_read(const char *bytes, size_t size, xml_element each, void *context,
                                  struct error *error);

#endif
