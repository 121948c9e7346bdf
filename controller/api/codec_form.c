/* Watch events, pages of lists and refusals in the protobuf form; and which form is which. */

#include "api/codec_form.h"

#include "api/codec_private.h"
#include "api/codec_protobuf.h"
#include "api/codec_wire.h"
#include "api/schema_fields.h"
#include "core/text.h"

#include <string.h>

#define TYPE_PROTOBUF "application/vnd.kubernetes.protobuf"
#define OR_JSON       ",application/json"

/* Before every object; the last byte is the encoding: a runtime.Unknown follows. */
static const char magic[] = {'k', '8', 's', '\0'};

enum { /* runtime.Unknown */
       UNKNOWN_TYPE = 1,
       UNKNOWN_RAW = 2,
       UNKNOWN_ENCODING = 3,
       TYPE_KIND = 2 /* of runtime.TypeMeta */
};
enum { EVENT_TYPE = 1, EVENT_OBJECT = 2, EXTENSION_RAW = 1 }; /* meta.WatchEvent, RawExtension */
enum { LIST_METADATA = 1, LIST_ITEMS = 2 };
enum { QUOTE_LIMIT = 64 };

/* ---- Small messages, read by tables of their own ---- */

static const struct field list_meta_fields[] = {
    TEXT_AT(2, "resourceVersion", struct list_page, resource_version, 0),
    TEXT_AT(3, "continue", struct list_page, continue_token, 0),
};
static SCHEMA(schema_list_meta, list_page, list_meta_fields);

struct status_message {
    int64_t code;
    const char *reason;
    const char *message;
};

static const struct field status_fields[] = {
    TEXT_AT(3, "message", struct status_message, message, 0),
    TEXT_AT(4, "reason", struct status_message, reason, 0),
    INTEGER_AT(6, "code", struct status_message, code, 0, 0),
};
static SCHEMA(schema_status, status_message, status_fields);

/* What names an object and its moment; and in a bookmark what it is the end of. */
struct identity_meta {
    const char *name;
    const char *namespace;
    const char *uid;
    const char *resource_version;
    struct text_map marks;
};

struct identity {
    struct identity_meta meta;
};

static const struct field identity_meta_fields[] = {
    TEXT_AT(1, "name", struct identity_meta, name, 0),
    TEXT_AT(3, "namespace", struct identity_meta, namespace, 0),
    TEXT_AT(5, "uid", struct identity_meta, uid, 0),
    TEXT_AT(6, "resourceVersion", struct identity_meta, resource_version, 0),
    TEXT_MAP_AT(12, "annotations", struct identity_meta, marks, "k8s.io/initial-events-end"),
};
static SCHEMA(schema_identity_meta, identity_meta, identity_meta_fields);

static const struct field identity_fields[] = {
    OBJECT_AT(1, "metadata", struct identity, meta, schema_identity_meta, 0),
};
static SCHEMA(schema_identity, identity, identity_fields);

/* As far as it can be read. */
static struct identity find_identity(struct arena *arena, struct span object)
{
    struct identity identity = {0};
    struct error ignored;
    struct result result = protobuf_decode(arena, &schema_identity, object, &identity, &ignored);
    (void)result;
    return identity;
}

/* ---- The wrapping ---- */

static bool span_is(struct span span, const char *text)
{
    return span.size == strlen(text) && memcmp(span.bytes, text, span.size) == 0;
}

/* The object in `text`, which must be of this kind, if its kind is told; NULL: of any. */
static struct result open_object(struct span text, const char *kind, struct span *object,
                                 struct error *error)
{
    struct span type;
    struct span encoding;
    struct span given;
    if (text.size < sizeof(magic) || memcmp(text.bytes, magic, sizeof(magic)) != 0) {
        return error_set(error, ERROR_INVALID, "an object does not begin with k8s and a zero");
    }
    struct span unknown = {text.bytes + sizeof(magic), text.size - sizeof(magic)};
    bool is_whole = wire_find(unknown, UNKNOWN_TYPE, &type);
    is_whole &= wire_find(unknown, UNKNOWN_ENCODING, &encoding);
    is_whole &= wire_find(unknown, UNKNOWN_RAW, object);
    is_whole &= wire_find(type, TYPE_KIND, &given);
    if (!is_whole) {
        return error_set(error, ERROR_INVALID, "an object's wrapping is no protobuf message");
    }
    if (encoding.size > 0) {
        return error_set(error, ERROR_INVALID, "an object has a content encoding");
    }
    if (kind && given.size > 0 && !span_is(given, kind)) {
        size_t shown = given.size < QUOTE_LIMIT ? given.size : QUOTE_LIMIT;
        return error_set(error, ERROR_INVALID, "kind: expected %s, got \"%.*s\"", kind, (int)shown,
                         given.bytes);
    }
    return RESULT_OK;
}

static struct result decode_object(struct arena *arena, enum api_kind kind, struct span message,
                                   struct object **object, struct error *error)
{
    const struct schema *schema = schema_of(kind);
    void *decoded = arena_allocate(arena, 1, schema->size);
    TRY(protobuf_decode(arena, schema, message, decoded, error));
    *object = decoded;
    return RESULT_OK;
}

struct result codec_decode_protobuf(struct arena *arena, enum api_kind kind, const char *bytes,
                                    size_t size, struct object **object, struct error *error)
{
    struct span message;
    TRY(open_object((struct span){bytes, size}, kind_info(kind)->kind, &message, error));
    return decode_object(arena, kind, message, object, error);
}

/* ---- Watch events ---- */

/* `message` is empty, and `result` not RESULT_OK, when not even the wrapping could be read. */
static void fill_event(struct arena *arena, enum api_kind kind, struct result result,
                       struct span message, struct error *poison, struct watch_event *event)
{
    if (result_is_ok(result)) {
        result = decode_object(arena, kind, message, &event->object, poison);
    }
    if (result_is_ok(result)) {
        event->namespace = event->object->meta.namespace;
        event->name = event->object->meta.name;
        event->resource_version = event->object->meta.resource_version;
        return;
    }
    struct identity identity = find_identity(arena, message);
    event->object = NULL;
    event->poison = arena_copy_text(arena, poison->message);
    event->namespace = identity.meta.namespace;
    event->name = identity.meta.name;
    event->resource_version = identity.meta.resource_version;
}

static void fill_bookmark(struct arena *arena, struct span message, struct watch_event *event)
{
    struct identity identity = find_identity(arena, message);
    event->resource_version = identity.meta.resource_version;
    event->ends_initial = text_equal(
        text_map_get(&identity.meta.marks, "k8s.io/initial-events-end"), "true");
}

static void decode_status(struct arena *arena, const char *bytes, size_t size,
                          struct api_status *status)
{
    enum { CODE_MAX = 999 }; /* HTTP status codes have three digits: RFC 9110, section 15 */
    struct span message;
    struct status_message read = {0};
    struct error ignored;
    *status = (struct api_status){0};
    if (result_is_ok(open_object((struct span){bytes, size}, "Status", &message, &ignored)) &&
        result_is_ok(protobuf_decode(arena, &schema_status, message, &read, &ignored))) {
        status->code = read.code >= 0 && read.code <= CODE_MAX ? (int)read.code : 0;
        status->reason = read.reason;
        status->message = read.message;
    }
}

static void decode_answer(struct arena *arena, const char *bytes, size_t size, const char **uid,
                          const char **resource_version)
{
    struct span message;
    struct error ignored;
    struct identity identity = {0};
    if (result_is_ok(open_object((struct span){bytes, size}, NULL, &message, &ignored))) {
        identity = find_identity(arena, message);
    }
    *uid = identity.meta.uid;
    *resource_version = identity.meta.resource_version;
}

static struct result decode_event(struct arena *arena, enum api_kind kind, const char *bytes,
                                  size_t size, struct watch_event *event, struct error *error)
{
    struct span frame = {bytes, size};
    struct span type;
    struct span extension;
    struct span raw;
    struct span message = {0};
    struct error poison = {0};
    bool is_whole = wire_find(frame, EVENT_TYPE, &type);
    is_whole &= wire_find(frame, EVENT_OBJECT, &extension);
    is_whole &= wire_find(extension, EXTENSION_RAW, &raw);
    if (!is_whole || type.size == 0 || !raw.bytes) {
        return error_set(error, ERROR_INVALID,
                         "a frame of the watch stream is no event with an object");
    }
    struct watch_event decoded = {.type = codec_event_type(type)};
    if (decoded.type == WATCH_UNKNOWN) {
        decoded.type_name = arena_copy_bytes(arena, type.bytes, type.size);
    } else if (decoded.type == WATCH_ERROR) {
        struct api_status status;
        decode_status(arena, raw.bytes, raw.size, &status);
        decoded.code = status.code;
        decoded.reason = status.reason;
        decoded.message = status.message;
    } else {
        struct result opened = open_object(raw, kind_info(kind)->kind, &message, &poison);
        if (decoded.type == WATCH_BOOKMARK) {
            fill_bookmark(arena, message, &decoded);
        } else {
            fill_event(arena, kind, opened, message, &poison, &decoded);
        }
    }
    *event = decoded;
    return RESULT_OK;
}

/* ---- Pages of lists ---- */

/* A page is taken whole or not at all: its end is seen before the first item is taken. */
static struct result open_list(struct arena *arena, enum api_kind kind, struct span text,
                               struct span *list, struct list_page *page, struct error *error)
{
    struct span metadata;
    TRY(open_object(text, arena_print(arena, "%sList", kind_info(kind)->kind), list, error));
    if (!wire_find(*list, LIST_METADATA, &metadata)) {
        return error_set(error, ERROR_INVALID, "a list is not a whole protobuf message");
    }
    TRY(protobuf_decode(arena, &schema_list_meta, metadata, page, error));
    if (text_is_empty(page->resource_version)) {
        return error_set(error, ERROR_INVALID, "metadata.resourceVersion: required, but absent");
    }
    return RESULT_OK;
}

static struct result decode_list(struct arena *arena, enum api_kind kind, const char *bytes,
                                 size_t size,
                                 void (*each)(void *context, struct arena *object_arena,
                                              struct object *object, const char *namespace,
                                              const char *name, const char *poison),
                                 void *context, struct list_page *page, struct error *error)
{
    struct span list;
    struct list_page found = {0};
    TRY(open_list(arena, kind, (struct span){bytes, size}, &list, &found, error));
    struct wire wire = wire_open(list);
    struct wire_field item;
    while (wire_next(&wire, &item) == WIRE_FOUND) {
        if (item.number == LIST_ITEMS && item.type == WIRE_BYTES) {
            struct arena *object_arena = codec_new_object_arena();
            struct watch_event event = {0};
            struct error poison = {0};
            fill_event(object_arena, kind, RESULT_OK, item.bytes, &poison, &event);
            each(context, object_arena, event.object, event.namespace, event.name, event.poison);
        }
    }
    *page = found;
    return RESULT_OK;
}

/* ---- Which form ---- */

static const struct codec_form json_form = {
    .decode_event = codec_decode_event,
    .decode_list = codec_decode_list,
    .decode_status = codec_decode_status,
    .decode_answer = codec_decode_answer,
};

static const struct codec_form protobuf_form = {
    .accept_list = TYPE_PROTOBUF OR_JSON,
    .accept_watch = TYPE_PROTOBUF ";stream=watch" OR_JSON,
    .is_framed = true,
    .decode_event = decode_event,
    .decode_list = decode_list,
    .decode_status = decode_status,
    .decode_answer = decode_answer,
};

const struct codec_form *codec_form_wanted(enum api_kind kind)
{
    return kind_info(kind)->by_protobuf ? &protobuf_form : &json_form;
}

/* The type's name is in any case, and parameters may follow it (RFC 9110, 8.3.1). */
static bool is_protobuf(const char *content_type)
{
    for (const char *name = TYPE_PROTOBUF; *name != '\0'; name++, content_type++) {
        bool is_upper = *content_type >= 'A' && *content_type <= 'Z';
        if ((is_upper ? *content_type + ('a' - 'A') : *content_type) != *name) {
            return false;
        }
    }
    return *content_type == '\0' || strchr("; \t", *content_type) != NULL;
}

const struct codec_form *codec_form_of(const char *content_type)
{
    return content_type && is_protobuf(content_type) ? &protobuf_form : &json_form;
}
