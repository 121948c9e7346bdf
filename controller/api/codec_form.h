#ifndef TIDEMILL_API_CODEC_FORM_H
#define TIDEMILL_API_CODEC_FORM_H

/*
 * The forms in which an API server sends objects: JSON, and for Jobs and Pods, and the metadata of
 * any kind, the protobuf form that its own controllers ask for. Which one came is told by the
 * answer's Content-Type, never by what was asked for: any server may answer in JSON.
 *
 * https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding; k8s.io/
 * apimachinery v0.36, pkg/runtime/serializer/protobuf (objects) and pkg/util/framer (watches).
 */

#include "api/codec.h"

struct codec_form {
    const char *accept_list; /* for io_request.accept; NULL: JSON */
    const char *accept_watch;
    bool is_framed; /* a watch's events are frames (kube/watch_stream.h), else lines */

    /* As codec_decode_event(), codec_decode_list() and so on in api/codec.h. */
    struct result (*decode_event)(struct arena *arena, enum api_kind kind, const char *bytes,
                                  size_t size, struct watch_event *event, struct error *error);
    struct result (*decode_list)(struct arena *arena, enum api_kind kind, const char *bytes,
                                 size_t size,
                                 void (*each)(void *context, struct arena *object_arena,
                                              struct object *object, const char *namespace,
                                              const char *name, const char *poison),
                                 void *context, struct list_page *page, struct error *error);
    void (*decode_status)(struct arena *arena, const char *bytes, size_t size,
                          struct api_status *status);
    void (*decode_answer)(struct arena *arena, const char *bytes, size_t size, const char **uid,
                          const char **resource_version);
};

/* What to ask for. */
const struct codec_form *codec_form_wanted(enum api_kind kind);

/* What came, by a Content-Type; NULL and whatever is not known are JSON. */
const struct codec_form *codec_form_of(const char *content_type);

/* One object of a kind that is wanted in the protobuf form, as the API server sends it. */
MUST_CHECK struct result codec_decode_protobuf(struct arena *arena, enum api_kind kind,
                                               const char *bytes, size_t size,
                                               struct object **object, struct error *error);

#endif
