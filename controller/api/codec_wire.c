#include "api/codec_wire.h"

#include <string.h>

enum {
    VARINT_BYTES = 10, /* of 7 bits, for 64 */
    VARINT_BITS = 7,
    VARINT_MORE = 0x80,
    TYPE_BITS = 3,
    TYPE_MASK = 7,
    TYPE_GROUP_END = 4,
    FIXED64_SIZE = 8,
    FIXED32_SIZE = 4,
    NUMBER_MAXIMUM = (1 << 29) - 1
};

struct wire wire_open(struct span message)
{
    const unsigned char *bytes = (const unsigned char *)message.bytes;
    return (struct wire){.at = bytes, .end = message.size > 0 ? bytes + message.size : bytes};
}

static bool read_long_varint(struct wire *wire, uint64_t *value)
{
    uint64_t read = 0;
    for (unsigned at = 0; at < VARINT_BYTES && wire->at < wire->end; at++) {
        unsigned char byte = *wire->at++;
        read |= (uint64_t)(byte & (VARINT_MORE - 1)) << (at * VARINT_BITS);
        if ((byte & VARINT_MORE) == 0) {
            *value = read;
            return true;
        }
    }
    return false;
}

/* Nearly all are one byte: keys, and short sizes. */
static inline bool read_varint(struct wire *wire, uint64_t *value)
{
    if (wire->at < wire->end && *wire->at < VARINT_MORE) {
        *value = *wire->at++;
        return true;
    }
    return read_long_varint(wire, value);
}

static bool skip_bytes(struct wire *wire, uint64_t size)
{
    if (size > (uint64_t)(wire->end - wire->at)) {
        return false;
    }
    wire->at += size;
    return true;
}

/* The key of a field: its number and its type, which may be any here. */
static bool read_key(struct wire *wire, unsigned *number, unsigned *type)
{
    uint64_t key;
    if (!read_varint(wire, &key) || key >> TYPE_BITS > NUMBER_MAXIMUM || key >> TYPE_BITS == 0) {
        return false;
    }
    *number = (unsigned)(key >> TYPE_BITS);
    *type = (unsigned)(key & TYPE_MASK);
    return true;
}

/* All but groups. */
static bool read_value(struct wire *wire, unsigned type, struct wire_field *field)
{
    uint64_t size;
    switch (type) {
    case WIRE_VARINT:
        return read_varint(wire, &field->varint);
    case WIRE_FIXED64:
        return skip_bytes(wire, FIXED64_SIZE);
    case WIRE_FIXED32:
        return skip_bytes(wire, FIXED32_SIZE);
    case WIRE_BYTES:
        if (!read_varint(wire, &size)) {
            return false;
        }
        field->bytes = (struct span){(const char *)wire->at, (size_t)size};
        return skip_bytes(wire, size);
    default:
        return false;
    }
}

/* Up to the end of the group, groups in it included. */
static bool skip_group(struct wire *wire)
{
    struct wire_field ignored;
    unsigned number;
    unsigned type;
    for (size_t depth = 1; depth > 0;) {
        if (!read_key(wire, &number, &type)) {
            return false;
        }
        if (type == WIRE_GROUP) {
            depth++;
        } else if (type == TYPE_GROUP_END) {
            depth--;
        } else if (!read_value(wire, type, &ignored)) {
            return false;
        }
    }
    return true;
}

enum wire_step wire_next(struct wire *wire, struct wire_field *field)
{
    unsigned type;
    if (wire->at == wire->end) {
        return WIRE_END;
    }
    if (!read_key(wire, &field->number, &type)) {
        return WIRE_BROKEN;
    }
    bool is_whole = type == WIRE_GROUP ? skip_group(wire) : read_value(wire, type, field);
    field->type = (enum wire_type)type;
    return is_whole ? WIRE_FOUND : WIRE_BROKEN;
}

bool wire_find(struct span message, unsigned number, struct span *bytes)
{
    struct wire wire = wire_open(message);
    struct wire_field field;
    enum wire_step step;
    *bytes = (struct span){0};
    while ((step = wire_next(&wire, &field)) == WIRE_FOUND) {
        if (field.number == number && field.type == WIRE_BYTES) {
            *bytes = field.bytes;
        }
    }
    return step == WIRE_END;
}
