#ifndef TIDEMILL_API_CODEC_PROTOBUF_H
#define TIDEMILL_API_CODEC_PROTOBUF_H

/*
 * Kubernetes' protobuf form -> typed structs, by the numbers in the field tables; for
 * api/codec*.c alone. It reads what the API server's own encoder writes, and whatever else protobuf
 * allows: fields in any order, unknown ones, the last of a scalar, embedded messages in pieces.
 * What a struct comes out as is the same as from the JSON of the same object.
 */

#include "api/codec_scan.h"
#include "api/schema.h"
#include "core/arena.h"
#include "core/result.h"

enum {
    /* Items of one list, entries of one map: 2 bytes on the wire can be 200 in memory. */
    PROTOBUF_ITEMS_MAXIMUM = 64 * 1024
};

/*
 * One message into `into`, zeroed. ERROR_INVALID names the path of what is wrong; `into` then holds
 * what came before it.
 */
MUST_CHECK struct result protobuf_decode(struct arena *arena, const struct schema *schema,
                                         struct span message, void *into, struct error *error);

#endif
