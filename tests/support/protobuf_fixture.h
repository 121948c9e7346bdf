#ifndef TIDEMILL_SUPPORT_PROTOBUF_FIXTURE_H
#define TIDEMILL_SUPPORT_PROTOBUF_FIXTURE_H

/* What the tests of the protobuf form share: a Pod written by hand, and what was decoded. */

#include "api/codec_form.h"
#include "support/recorded.h"

#define PROTOBUF "application/vnd.kubernetes.protobuf"

/* Field numbers that tests write. */
enum {
    OBJECT_META = 1,
    POD_STATUS = 3,
    META_NAME = 1,
    META_NAMESPACE = 3,
    META_VERSION = 6,
    META_GENERATION = 7,
    META_CREATED = 8,
    META_LABELS = 11,
    META_ANNOTATIONS = 12,
    META_OWNERS = 13,
    STATUS_PHASE = 1,
    STATUS_CONTAINERS = 8,
    CONTAINER_NAME = 1,
    CONTAINER_STATE = 2,
    CONTAINER_RESTARTS = 5,
    CONTAINER_IMAGE = 6,
    STATE_TERMINATED = 3,
    TERMINATED_CODE = 1,
    UNKNOWN_NUMBER = 999
};

/* The messages of a Pod, and where it is decoded. */
struct pod_bench {
    struct arena arena;
    struct wire_text meta;
    struct wire_text status;
    struct error error;
};

struct pod_bench pod_bench_named(const char *name);
/* Both messages as a Pod. */
struct wire_text pod_bench_message(const struct pod_bench *bench);

/* Events of a watch, or items of a list, in the order of coming. */
struct event_list {
    struct arena arena;
    enum api_kind kind;
    const struct codec_form *form;
    struct watch_event items[64];
    size_t count;
};

/* Of decode_list(), with an event_list: the item's name or poison, and as .message its JSON. */
void event_list_take(void *context, struct arena *arena, struct object *object,
                     const char *namespace, const char *name, const char *poison);

#endif
