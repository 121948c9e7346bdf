#ifndef TIDEMILL_KUBE_REQUEST_H
#define TIDEMILL_KUBE_REQUEST_H

/*
 * HTTP requests of operations: method, path, content type, body. Pure; used by the executor and the
 * event recorder. Invariant: whatever comes from an object's name is escaped.
 */

#include "core/arena.h"
#include "plan/plan.h"

#include <stdbool.h>

struct request {
    const char *method;
    const char *path;
    const char *content_type; /* NULL without a body */
    const char *body;         /* NULL: none */
};

/* False for the questions (PROBE, EXPLAIN, DRY_RUN) and for EVENT, which goes another way. */
bool request_is_write(enum operation_type type);

/* "create", "apply", ...: for messages and logs. */
const char *request_verb(enum operation_type type);

/* The resourceVersion of nothing: etcd's revision 1 is the empty store. */
#define REQUEST_NO_VERSION "1"

/*
 * The object that an APPLY is meant for; each may be NULL, and then does not matter. Another uid is
 * answered with 409 or 422, and none of the name with 409, instead of changing another object or
 * making it anew. Another resourceVersion is answered with 409; if there is no object, and no uid
 * was given, it is made whatever the version: REQUEST_NO_VERSION makes one or changes nothing
 * (tried on 1.36).
 */
struct request_known {
    const char *uid;
    const char *resource_version;
};

/* Any operation but EVENT; `known` is read for an APPLY only. */
struct request request_of_operation(struct arena *arena, const struct operation *operation,
                                    const struct request_known *known);

struct request request_to_get(struct arena *arena, enum api_kind kind, const char *namespace,
                              const char *name);

/*
 * Media types of an answer that is read for its metadata alone: half the bytes of a Job. A refusal
 * is a Status all the same, and a server without this form sends the whole object.
 */
#define REQUEST_AS_METADATA     ";as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
#define REQUEST_ACCEPT_METADATA "application/json" REQUEST_AS_METADATA ",application/json"

/* What the answer to an operation is wanted as: io_request.accept. In protobuf, where it can be. */
const char *request_accept(const struct operation *operation);

/* Its answer is a List, whole and in JSON: EXPLAIN, and PROBE for pods. */
bool request_is_list(const struct operation *operation);

/* "/apis/events.k8s.io/v1/namespaces/NS/events[/NAME]" */
const char *request_events_path(struct arena *arena, const char *namespace, const char *name);

/* "/apis/coordination.k8s.io/v1/namespaces/NS/leases[/NAME]" */
const char *request_leases_path(struct arena *arena, const char *namespace, const char *name);

/* RFC 3986: everything but unreserved characters as %XX. */
const char *request_escape(struct arena *arena, const char *text);

/* A hash of what the operation sends: equal words, equal hash. */
uint64_t request_hash(const struct operation *operation);

#endif
