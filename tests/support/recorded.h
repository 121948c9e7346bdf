#ifndef TIDEMILL_SUPPORT_RECORDED_H
#define TIDEMILL_SUPPORT_RECORDED_H

/* What tests/unit/protobuf/record.py recorded from a real API server. */

#include "core/arena.h"

#include <stdbool.h>
#include <stddef.h>

struct recorded {
    const char *bytes; /* a heap block of exactly this size: the sanitizer sees a read beyond it */
    size_t size;
};

/* By its name there, e.g. "jobs-watch.pb"; fails the test when it is not to be had. */
struct recorded recorded_read(const char *name);
void recorded_free(struct recorded *recorded);
/* The next event of a watch, without its frame's length; false: there is none. */
bool recorded_next_event(const struct recorded *recorded, size_t *at, const char **event,
                         size_t *size);

/* For building messages: a field of bytes, of text, of a varint, at the end of `message`. */
struct wire_text {
    char bytes[4096];
    size_t size;
};

void wire_add_varint(struct wire_text *message, unsigned number, uint64_t value);
void wire_add_bytes(struct wire_text *message, unsigned number, const void *bytes, size_t size);
void wire_add_text(struct wire_text *message, unsigned number, const char *text);
void wire_add(struct wire_text *message, unsigned number, const struct wire_text *embedded);
/* Bytes as they are. */
void wire_append(struct wire_text *message, const void *bytes, size_t size);

/* `message` as an object of this kind: behind k8s, a zero and the wrapping of runtime.Unknown. */
struct wire_text wire_object(const char *kind, const struct wire_text *message);
/* `event`, which is a WatchEvent, with another metadata.resourceVersion of its object. */
struct wire_text wire_event_at(const char *event, size_t size, const char *version);
/* A WatchEvent with `object`, without its frame's length. */
struct wire_text wire_event(const char *type, const struct wire_text *object);

#endif
