#ifndef TIDEMILL_API_CODEC_H
#define TIDEMILL_API_CODEC_H

/*
 * JSON bytes <-> typed structs, by field tables (api/schema.h). One decoder and one encoder for all
 * kinds. What a table does not name is dropped. A value of the wrong JSON type is an error that
 * names the path; it never aborts: the bytes come from a peer.
 */

#include "api/kind.h"
#include "api/meta.h"
#include "core/arena.h"
#include "core/result.h"

/* Every object begins with its meta. */
struct object {
    struct meta meta;
};

/*
 * An arena for one object that is kept. The cache keeps thousands, of 1 to 3 kB each: blocks that
 * double would waste a third of it.
 */
enum { CODEC_OBJECT_BLOCK = 512 };
#define CODEC_OBJECT_ARENA                                  \
    ((struct arena){.first_block_size = CODEC_OBJECT_BLOCK, \
                    .largest_block_size = CODEC_OBJECT_BLOCK})

/* One object of `kind`. ERROR_INVALID: not JSON, nested too deep, or a field of the wrong type. */
MUST_CHECK struct result codec_decode(struct arena *arena, enum api_kind kind, const char *json,
                                      size_t size, struct object **object, struct error *error);

enum watch_event_type {
    WATCH_ADDED,
    WATCH_MODIFIED,
    WATCH_DELETED,
    WATCH_BOOKMARK,
    WATCH_ERROR,
    WATCH_UNKNOWN /* logged and skipped */
};

struct watch_event {
    enum watch_event_type type;
    const char *type_name; /* of WATCH_UNKNOWN */
    struct object *object; /* ADDED, MODIFIED, DELETED; NULL when undecodable (poisoned); an object
                              of ours without its spec when only that is (meta.unreadable) */
    const char *poison;    /* why it could not be decoded: path and reason */
    const char *namespace; /* of the object, also when it is poisoned */
    const char *name;
    const char *resource_version; /* of the object or bookmark */
    bool ends_initial;   /* BOOKMARK: all objects of a streaming list have come (KEP-3157) */
    int code;            /* ERROR: the Status' code */
    const char *reason;  /* ERROR */
    const char *message; /* ERROR */
};

/* One line of a watch stream. A poisoned object is not an error: see watch_event.poison. */
MUST_CHECK struct result codec_decode_event(struct arena *arena, enum api_kind kind,
                                            const char *json, size_t size,
                                            struct watch_event *event, struct error *error);

struct list_page {
    const char *resource_version;
    const char *continue_token; /* NULL or "" on the last page */
};

/*
 * One page of a LIST. Calls `each` for every item with an arena of its own (made by
 * memory_allocate) that `each` takes over; `object` is NULL when the item is poisoned, and
 * `namespace` and `name` NULL when not even they were found. On an error no call was made.
 */
MUST_CHECK struct result codec_decode_list(
    struct arena *arena, enum api_kind kind, const char *json, size_t size,
    void (*each)(void *context, struct arena *object_arena, struct object *object,
                 const char *namespace, const char *name, const char *poison),
    void *context, struct list_page *page, struct error *error);

/* metav1.Status of a refused request; fields absent when the body is no Status. */
struct api_status {
    int code;
    const char *reason; /* "AlreadyExists", "Conflict", "Invalid", ... */
    const char *message;
};

void codec_decode_status(struct arena *arena, const char *json, size_t size,
                         struct api_status *status);

/* metadata.uid and metadata.resourceVersion of an answer; both may come out NULL. */
void codec_decode_answer(struct arena *arena, const char *json, size_t size, const char **uid,
                         const char **resource_version);

/* What a PodList in JSON has. What can't be read has some. */
enum codec_pods { CODEC_PODS_NONE, CODEC_PODS_SOME, CODEC_PODS_SUCCEEDED /* one has, at least */ };
enum codec_pods codec_pods_of(const char *json, size_t size);

/* The newest Warning event's note in an events.k8s.io/v1 or v1 EventList, or NULL. */
const char *codec_newest_warning(struct arena *arena, const char *json, size_t size);

/* The image that a pod's spec names for a container, or NULL. */
const char *codec_find_image(struct arena *arena, const char *json, size_t size,
                             const char *container);

/*
 * The object as JSON with apiVersion and kind, for creating it: without status and without what the
 * API server sets in metadata. Controller owners get blockOwnerDeletion.
 */
const char *codec_encode(struct arena *arena, enum api_kind kind, const struct object *object);

/* The same with all that the struct holds, as the API server would send it. */
const char *codec_encode_stored(struct arena *arena, enum api_kind kind,
                                const struct object *object);

/* Canonical JSON of a pipeline's spec: sorted keys, absent fields absent. Equal specs, equal text.
 */
struct pipeline_spec;
const char *codec_encode_pipeline_spec(struct arena *arena, const struct pipeline_spec *spec);

/*
 * The JSON Patch (RFC 6902) that turns the status of `before` into `after`'s, beginning with
 * {"op":"replace","path":"/metadata/resourceVersion","value":RV of before}. NULL when the two are
 * equal: a reconcile that changes nothing writes nothing (conformance A4). A change that would take
 * more than a thousand operations replaces the status as a whole where that is shorter. One of our
 * five kinds.
 */
const char *codec_status_patch(struct arena *arena, enum api_kind kind, const struct object *before,
                               const struct object *after);

/*
 * What artifact helpers say in their termination message.
 * {"inputs":{NAME:{"digest":...}}} | {"digest":...} | {"reason":...,"message":...}
 */
struct artifact_report {
    struct name_value *digests; /* of inputs, by name */
    size_t digest_count;
    const char *digest;  /* of copy */
    const char *reason;  /* failure */
    const char *message; /* failure */
};

MUST_CHECK struct result codec_decode_artifact_report(struct arena *arena, const char *json,
                                                      struct artifact_report *report,
                                                      struct error *error);

/*
 * A step's results: one JSON object of scalars; each value as text as it was written (numbers keep
 * their digits as far as JSON numbers do). ERROR_INVALID with a message for the user.
 */
MUST_CHECK struct result codec_decode_results(struct arena *arena, const char *json,
                                              struct text_map *results, struct error *error);

#endif
