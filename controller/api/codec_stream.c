/* Watch events, pages of lists, and the small answers of the API server. */

#include "api/codec_private.h"
#include "api/codec_read.h"
#include "core/civil.h"
#include "core/memory.h"
#include "core/text.h"

#include <string.h>

/* What names an object, found without parsing it: it may be poison. */
struct identity {
    const char *namespace;
    const char *name;
    const char *uid;
    const char *resource_version;
};

static const char *find_text(struct arena *arena, struct span object, const char *name)
{
    struct span value;
    return scan_find(object, name, &value) ? read_span_text(arena, value) : NULL;
}

static struct identity find_identity(struct arena *arena, struct span object)
{
    struct span metadata;
    if (!scan_find(object, "metadata", &metadata)) {
        return (struct identity){0};
    }
    return (struct identity){
        .namespace = find_text(arena, metadata, "namespace"),
        .name = find_text(arena, metadata, "name"),
        .uid = find_text(arena, metadata, "uid"),
        .resource_version = find_text(arena, metadata, "resourceVersion"),
    };
}

static bool span_is(struct span span, const char *text)
{
    return span.size == strlen(text) && memcmp(span.bytes, text, span.size) == 0;
}

enum watch_event_type codec_event_type(struct span name)
{
    static const char *const names[] = {
        [WATCH_ADDED] = "ADDED",       [WATCH_MODIFIED] = "MODIFIED", [WATCH_DELETED] = "DELETED",
        [WATCH_BOOKMARK] = "BOOKMARK", [WATCH_ERROR] = "ERROR",
    };
    for (unsigned at = 0; at < WATCH_UNKNOWN; at++) {
        if (span_is(name, names[at])) {
            return (enum watch_event_type)at;
        }
    }
    return WATCH_UNKNOWN;
}

/* `name` is a JSON value. */
static enum watch_event_type type_by_name(struct span name)
{
    enum { QUOTES = 2 };
    bool is_text = name.size >= QUOTES && name.bytes[0] == '"';
    return is_text ? codec_event_type((struct span){name.bytes + 1, name.size - QUOTES})
                   : WATCH_UNKNOWN;
}

/* An object up to its last bracket, and nothing behind it. */
static bool is_whole_object(struct span text)
{
    struct scan scan;
    struct span key;
    struct span value;
    enum scan_step step = scan_open(text, '{', &scan) ? SCAN_FOUND : SCAN_BROKEN;
    while (step == SCAN_FOUND) {
        step = scan_next_member(&scan, &key, &value);
    }
    return step == SCAN_END && scan_at_end(&scan);
}

/* The two members of an event, which is walked to its end once; false: it is none. */
static bool split_event(struct span text, struct span *type, struct span *object)
{
    struct scan scan;
    struct span key;
    struct span value;
    enum scan_step step = scan_open(text, '{', &scan) ? SCAN_FOUND : SCAN_BROKEN;
    while (step == SCAN_FOUND) {
        step = scan_next_member(&scan, &key, &value);
        if (step == SCAN_FOUND && span_is(key, "type")) {
            *type = value;
        } else if (step == SCAN_FOUND && span_is(key, "object")) {
            *object = value;
        }
    }
    return step == SCAN_END && scan_at_end(&scan) && type->bytes && object->bytes;
}

static bool is_whole_array(struct span text)
{
    struct scan scan;
    struct span item;
    enum scan_step step = scan_open(text, '[', &scan) ? SCAN_FOUND : SCAN_BROKEN;
    while (step == SCAN_FOUND) {
        step = scan_next_item(&scan, &item);
    }
    return step == SCAN_END;
}

/*
 * An object of ours whose spec can't be read is still one: its planner says on it what is wrong,
 * and others that refer to it see that it is there.
 */
static bool decode_what_can_be(struct arena *arena, enum api_kind kind, struct span text,
                               struct object **object, struct error *poison)
{
    struct error other = {0};
    if (result_is_ok(codec_decode_span(arena, kind, text, object, poison))) {
        return true;
    }
    if (!kind_info(kind)->ours ||
        !result_is_ok(codec_decode_without_spec(arena, kind, text, object, &other))) {
        return false;
    }
    (*object)->meta.unreadable = arena_copy_text(arena, poison->message);
    return true;
}

static void fill_object(struct arena *arena, enum api_kind kind, struct span text,
                        struct watch_event *event)
{
    struct error poison = {0};
    if (decode_what_can_be(arena, kind, text, &event->object, &poison)) {
        event->namespace = event->object->meta.namespace;
        event->name = event->object->meta.name;
        event->resource_version = event->object->meta.resource_version;
        return;
    }
    struct identity identity = find_identity(arena, text);
    event->object = NULL;
    event->poison = arena_copy_text(arena, poison.message);
    event->namespace = identity.namespace;
    event->name = identity.name;
    event->resource_version = identity.resource_version;
}

/* KEP-3157: the bookmark behind the last object that a streaming list began with. */
static bool ends_initial_events(struct arena *arena, struct span bookmark)
{
    struct span metadata;
    struct span annotations;
    return scan_find(bookmark, "metadata", &metadata) &&
           scan_find(metadata, "annotations", &annotations) &&
           text_equal(find_text(arena, annotations, "k8s.io/initial-events-end"), "true");
}

struct result codec_decode_event(struct arena *arena, enum api_kind kind, const char *json,
                                 size_t size, struct watch_event *event, struct error *error)
{
    struct span line = {json, size};
    struct span type = {0};
    struct span object = {0};
    if (!split_event(line, &type, &object)) {
        return error_set(error, ERROR_INVALID,
                         "a line of the watch stream is not {\"type\":...,\"object\":...}");
    }
    struct watch_event decoded = {.type = type_by_name(type)};
    if (decoded.type == WATCH_UNKNOWN) {
        decoded.type_name = read_span_text(arena, type);
        if (!decoded.type_name) {
            return error_set(error, ERROR_INVALID, "a watch event's type is not a string");
        }
    }
    if (decoded.type == WATCH_ERROR) {
        struct api_status status;
        codec_decode_status(arena, object.bytes, object.size, &status);
        decoded.code = status.code;
        decoded.reason = status.reason;
        decoded.message = status.message;
    } else if (decoded.type == WATCH_BOOKMARK) {
        decoded.resource_version = find_identity(arena, object).resource_version;
        decoded.ends_initial = ends_initial_events(arena, object);
    } else if (decoded.type != WATCH_UNKNOWN) {
        fill_object(arena, kind, object, &decoded);
    }
    *event = decoded;
    return RESULT_OK;
}

/*
 * The items of a list page, checked to be well formed to the end: a page is taken whole or not at
 * all. `items` is empty for null, as Go writes a nil slice.
 */
static struct result find_items(enum api_kind kind, struct arena *arena, struct span page,
                                struct span *items, struct error *error)
{
    const char *given = find_text(arena, page, "kind");
    const char *expected = arena_print(arena, "%sList", kind_info(kind)->kind);
    if (given && !text_equal(given, expected)) {
        return error_set(error, ERROR_INVALID, "kind: expected %s, got \"%s\"", expected, given);
    }
    struct span found;
    if (!scan_find(page, "items", &found)) {
        return error_set(error, ERROR_INVALID, "a list without items");
    }
    if (found.size == strlen("null") && memcmp(found.bytes, "null", found.size) == 0) {
        *items = (struct span){"[]", strlen("[]")};
        return RESULT_OK;
    }
    if (!is_whole_array(found)) {
        return error_set(error, ERROR_INVALID, "items: expected an array");
    }
    *items = found;
    return RESULT_OK;
}

struct arena *codec_new_object_arena(void)
{
    struct arena *arena = memory_allocate(1, sizeof(*arena));
    *arena = CODEC_OBJECT_ARENA;
    return arena;
}

struct result codec_decode_list(struct arena *arena, enum api_kind kind, const char *json,
                                size_t size,
                                void (*each)(void *context, struct arena *object_arena,
                                             struct object *object, const char *namespace,
                                             const char *name, const char *poison),
                                void *context, struct list_page *page, struct error *error)
{
    struct span text = {json, size};
    struct span items;
    struct span item;
    struct scan scan;
    if (!is_whole_object(text)) {
        return error_set(error, ERROR_INVALID, "a list that is no whole JSON object");
    }
    TRY(find_items(kind, arena, text, &items, error));
    struct span metadata = {"{}", strlen("{}")};
    (void)scan_find(text, "metadata", &metadata);
    struct list_page found = {.resource_version = find_text(arena, metadata, "resourceVersion"),
                              .continue_token = find_text(arena, metadata, "continue")};
    if (text_is_empty(found.resource_version)) {
        return error_set(error, ERROR_INVALID, "metadata.resourceVersion: required, but absent");
    }
    (void)scan_open(items, '[', &scan); /* find_items() has seen the array's end */
    while (scan_next_item(&scan, &item) == SCAN_FOUND) {
        struct arena *object_arena = codec_new_object_arena();
        struct watch_event event = {0};
        fill_object(object_arena, kind, item, &event);
        each(context, object_arena, event.object, event.namespace, event.name, event.poison);
    }
    *page = found;
    return RESULT_OK;
}

void codec_decode_status(struct arena *arena, const char *json, size_t size,
                         struct api_status *status)
{
    CLEANUP(tree_release) json_t *tree = NULL;
    *status = (struct api_status){0};
    if (!result_is_ok(tree_parse((struct span){json, size}, 0, &tree, NULL)) ||
        !text_equal(json_string_value(json_object_get(tree, "kind")), "Status")) {
        return;
    }
    enum { CODE_MAX = 999 }; /* HTTP status codes have three digits: RFC 9110, section 15 */
    json_int_t code = json_integer_value(json_object_get(tree, "code"));
    status->code = code >= 0 && code <= CODE_MAX ? (int)code : 0;
    status->reason = tree_copy_member(arena, tree, "reason");
    status->message = tree_copy_member(arena, tree, "message");
}

void codec_decode_answer(struct arena *arena, const char *json, size_t size, const char **uid,
                         const char **resource_version)
{
    struct identity identity = find_identity(arena, (struct span){json, size});
    *uid = identity.uid;
    *resource_version = identity.resource_version;
}

/* When an event was last seen, in the words of events.k8s.io/v1 and of v1. */
static int64_t event_time(const json_t *event)
{
    const char *times[] = {
        json_string_value(json_object_get(json_object_get(event, "series"), "lastObservedTime")),
        json_string_value(json_object_get(event, "deprecatedLastTimestamp")),
        json_string_value(json_object_get(event, "lastTimestamp")),
        json_string_value(json_object_get(event, "eventTime")),
        json_string_value(json_object_get(json_object_get(event, "metadata"), "creationTimestamp")),
    };
    int64_t newest = TIME_ABSENT;
    for (size_t at = 0; at < sizeof(times) / sizeof(times[0]); at++) {
        int64_t time = TIME_ABSENT;
        if (civil_parse(times[at], &time) && time > newest) {
            newest = time;
        }
    }
    return newest;
}

enum codec_pods codec_pods_of(const char *json, size_t size)
{
    CLEANUP(tree_release) json_t *tree = NULL;
    if (!result_is_ok(tree_parse((struct span){json, size}, 0, &tree, NULL))) {
        return CODEC_PODS_SOME;
    }
    const json_t *items = json_object_get(tree, "items");
    if (json_is_array(items) && json_array_size(items) == 0) {
        return CODEC_PODS_NONE;
    }
    for (size_t at = 0; at < json_array_size(items); at++) {
        const json_t *status = json_object_get(json_array_get(items, at), "status");
        if (text_equal(json_string_value(json_object_get(status, "phase")), "Succeeded")) {
            return CODEC_PODS_SUCCEEDED;
        }
    }
    return CODEC_PODS_SOME;
}

const char *codec_newest_warning(struct arena *arena, const char *json, size_t size)
{
    CLEANUP(tree_release) json_t *tree = NULL;
    if (!result_is_ok(tree_parse((struct span){json, size}, 0, &tree, NULL))) {
        return NULL;
    }
    const json_t *items = json_object_get(tree, "items");
    const json_t *newest = NULL;
    int64_t newest_time = TIME_ABSENT;
    for (size_t at = 0; at < json_array_size(items); at++) {
        const json_t *event = json_array_get(items, at);
        int64_t time = event_time(event);
        if (text_equal(json_string_value(json_object_get(event, "type")), "Warning") &&
            (!newest || time >= newest_time)) {
            newest = event;
            newest_time = time;
        }
    }
    const char *note = tree_copy_member(arena, newest, "note");
    return note ? note : tree_copy_member(arena, newest, "message");
}
