#include "support/recorded.h"

#include "support/test.h"

#include "core/memory.h"

#include <stdio.h>
#include <string.h>

enum { RECORDED_MAXIMUM = 256 * 1024, VARINT_MORE = 0x80, VARINT_BITS = 7, TYPE_BYTES = 2 };

struct recorded recorded_read(const char *name)
{
    static char bytes[RECORDED_MAXIMUM];
    char path[256];
    (void)snprintf(path, sizeof(path), "tests/unit/protobuf/%s", name);
    FILE *file = fopen(path, "rb");
    if (!file) {
        fail_msg("%s can't be opened", path);
    }
    size_t size = fread(bytes, 1, sizeof(bytes), file);
    (void)fclose(file);
    assert_true(size > 0 && size < sizeof(bytes));
    char *copy = memory_allocate(1, size);
    memcpy(copy, bytes, size);
    return (struct recorded){.bytes = copy, .size = size};
}

void recorded_free(struct recorded *recorded)
{
    union {
        const char *bytes;
        void *pointer;
    } owned = {.bytes = recorded->bytes};
    (void)memory_free(owned.pointer);
    *recorded = (struct recorded){0};
}

bool recorded_next_event(const struct recorded *recorded, size_t *at, const char **event,
                         size_t *size)
{
    enum { LENGTH_BYTES = 4 };
    if (*at >= recorded->size) {
        return false;
    }
    const unsigned char *length = (const unsigned char *)recorded->bytes + *at;
    *size = (size_t)length[0] << 24 | (size_t)length[1] << 16 | (size_t)length[2] << 8 | length[3];
    *event = recorded->bytes + *at + LENGTH_BYTES;
    *at += LENGTH_BYTES + *size;
    assert_true(*at <= recorded->size);
    return true;
}

void wire_append(struct wire_text *message, const void *bytes, size_t size)
{
    assert_true(message->size + size <= sizeof(message->bytes));
    if (size > 0) {
        memcpy(message->bytes + message->size, bytes, size);
    }
    message->size += size;
}

static void add_number(struct wire_text *message, uint64_t value)
{
    while (value >= VARINT_MORE) {
        char byte = (char)(value | VARINT_MORE);
        wire_append(message, &byte, 1);
        value >>= VARINT_BITS;
    }
    char last = (char)value;
    wire_append(message, &last, 1);
}

void wire_add_varint(struct wire_text *message, unsigned number, uint64_t value)
{
    add_number(message, (uint64_t)number << 3);
    add_number(message, value);
}

void wire_add_bytes(struct wire_text *message, unsigned number, const void *bytes, size_t size)
{
    add_number(message, (uint64_t)number << 3 | TYPE_BYTES);
    add_number(message, size);
    wire_append(message, bytes, size);
}

void wire_add_text(struct wire_text *message, unsigned number, const char *text)
{
    wire_add_bytes(message, number, text, strlen(text));
}

void wire_add(struct wire_text *message, unsigned number, const struct wire_text *embedded)
{
    wire_add_bytes(message, number, embedded->bytes, embedded->size);
}

struct wire_text wire_object(const char *kind, const struct wire_text *message)
{
    enum { UNKNOWN_TYPE = 1, UNKNOWN_RAW = 2, TYPE_KIND = 2 };
    struct wire_text type = {0};
    struct wire_text object = {0};
    wire_add_text(&type, TYPE_KIND, kind);
    wire_append(&object, "k8s", sizeof("k8s"));
    wire_add(&object, UNKNOWN_TYPE, &type);
    wire_add(&object, UNKNOWN_RAW, message);
    return object;
}

struct wire_text wire_event(const char *type, const struct wire_text *object)
{
    enum { EVENT_TYPE = 1, EVENT_OBJECT = 2, EXTENSION_RAW = 1 };
    struct wire_text extension = {0};
    struct wire_text event = {0};
    wire_add(&extension, EXTENSION_RAW, object);
    wire_add_text(&event, EVENT_TYPE, type);
    wire_add(&event, EVENT_OBJECT, &extension);
    return event;
}

static uint64_t take_number(const char *bytes, size_t *at)
{
    uint64_t value = 0;
    for (unsigned shift = 0;; shift += VARINT_BITS) {
        unsigned char byte = (unsigned char)bytes[(*at)++];
        value |= (uint64_t)(byte & (VARINT_MORE - 1)) << shift;
        if (byte < VARINT_MORE) {
            return value;
        }
    }
}

/* `message` with another text at the end of `path`, which is field numbers up to a zero. */
static struct wire_text replace_text(const char *bytes, size_t size, const unsigned *path,
                                     const char *text)
{
    struct wire_text made = {0};
    size_t at = size > sizeof("k8s") && memcmp(bytes, "k8s", sizeof("k8s")) == 0 ? sizeof("k8s")
                                                                                 : 0;
    wire_append(&made, bytes, at);
    while (at < size) {
        size_t start = at;
        uint64_t key = take_number(bytes, &at);
        uint64_t number = take_number(bytes, &at); /* a length, or the value itself */
        bool has_bytes = (key & 7) == TYPE_BYTES;
        const char *content = bytes + at;
        at += has_bytes ? number : 0;
        if (!has_bytes || key >> 3 != path[0]) {
            wire_append(&made, bytes + start, at - start);
        } else if (path[1] == 0) {
            wire_add_text(&made, path[0], text);
        } else {
            struct wire_text inner = replace_text(content, number, path + 1, text);
            wire_add(&made, path[0], &inner);
        }
    }
    return made;
}

struct wire_text wire_event_at(const char *event, size_t size, const char *version)
{
    /* object, its raw bytes, runtime.Unknown's raw bytes, metadata, resourceVersion */
    static const unsigned path[] = {2, 1, 2, 1, 6, 0};
    return replace_text(event, size, path, version);
}
