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

/*
 * Any operation but EVENT. `known_uid` (or NULL) goes into the body of an APPLY: the API server
 * then answers 409 instead of making the object anew or changing another one of its name.
 */
struct request request_of_operation(struct arena *arena, const struct operation *operation,
                                    const char *known_uid);

struct request request_to_get(struct arena *arena, enum api_kind kind, const char *namespace,
                              const char *name);

/*
 * Media types of an answer that is read for its metadata alone: half the bytes of a Job. A refusal
 * is a Status all the same, and a server without this form sends the whole object.
 */
#define REQUEST_AS_METADATA     ";as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
#define REQUEST_ACCEPT_METADATA "application/json" REQUEST_AS_METADATA ",application/json"

/* What the answer to an operation is wanted as: io_request.accept. In protobuf, where it can be. */
const char *request_accept(enum operation_type type);

/* "/apis/events.k8s.io/v1/namespaces/NS/events[/NAME]" */
const char *request_events_path(struct arena *arena, const char *namespace, const char *name);

/* "/apis/coordination.k8s.io/v1/namespaces/NS/leases[/NAME]" */
const char *request_leases_path(struct arena *arena, const char *namespace, const char *name);

/* RFC 3986: everything but unreserved characters as %XX. */
const char *request_escape(struct arena *arena, const char *text);

/* A hash of what the operation sends: equal words, equal hash. */
uint64_t request_hash(const struct operation *operation);

#endif
