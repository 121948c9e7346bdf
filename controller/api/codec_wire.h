#ifndef TIDEMILL_API_CODEC_WIRE_H
#define TIDEMILL_API_CODEC_WIRE_H

/*
 * Walks the fields of a protobuf message (https://protobuf.dev/programming-guides/encoding), for
 * api/codec_protobuf*.c alone. Knows numbers and wire types, no meaning. Nothing is copied, spans
 * are borrowed from the message, and depth costs nothing: an embedded message is a span like any.
 */

#include "api/codec_scan.h"

#include <stdint.h>

enum wire_type {
    WIRE_VARINT = 0,
    WIRE_FIXED64 = 1,
    WIRE_BYTES = 2, /* texts, embedded messages, packed numbers */
    WIRE_GROUP = 3, /* deprecated by protobuf, never sent by an API server; skipped whole */
    WIRE_FIXED32 = 5
};

struct wire {
    const unsigned char *at;
    const unsigned char *end;
};

struct wire_field {
    unsigned number; /* never 0 */
    enum wire_type type;
    uint64_t varint;   /* WIRE_VARINT */
    struct span bytes; /* WIRE_BYTES */
};

enum wire_step {
    WIRE_FOUND,
    WIRE_END,
    WIRE_BROKEN /* no protobuf from here on, or cut off */
};

struct wire wire_open(struct span message);

enum wire_step wire_next(struct wire *wire, struct wire_field *field);

/*
 * The last field with this number that is bytes; an empty span with NULL when there is none. False:
 * the message is broken, wherever.
 */
bool wire_find(struct span message, unsigned number, struct span *bytes);

#endif
