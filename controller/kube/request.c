#include "kube/request.h"

#include "api/render.h"
#include "core/assert.h"
#include "core/hash.h"
#include "core/text.h"

#include <stdio.h>
#include <string.h>

#define TYPE_JSON       "application/json"
#define TYPE_JSON_PATCH "application/json-patch+json"  /* RFC 6902 */
#define TYPE_APPLY      "application/apply-patch+yaml" /* JSON is YAML */

enum { EXPLAIN_EVENTS = 500 }; /* one page; a Job has a handful */

bool request_is_write(enum operation_type type)
{
    return type != OPERATION_PROBE && type != OPERATION_EXPLAIN && type != OPERATION_DRY_RUN &&
           type != OPERATION_EVENT;
}

const char *request_verb(enum operation_type type)
{
    static const char *const verbs[] = {
        [OPERATION_CREATE] = "create",
        [OPERATION_APPLY] = "apply",
        [OPERATION_PATCH_STATUS] = "patch status of",
        [OPERATION_PATCH] = "patch",
        [OPERATION_DELETE] = "delete",
        [OPERATION_PROBE] = "look for",
        [OPERATION_EXPLAIN] = "read events of",
        [OPERATION_DRY_RUN] = "dry-run the creation of",
        [OPERATION_EVENT] = "record event of",
    };
    REQUIRE(type < COUNT_OF(verbs));
    return verbs[type];
}

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

const char *request_escape(struct arena *arena, const char *text)
{
    enum { ESCAPED_LENGTH = 3 };
    char *escaped = arena_allocate(arena, strlen(text) * ESCAPED_LENGTH + 1, 1);
    char *to = escaped;
    for (const char *from = text; *from; from++) {
        if (is_unreserved(*from)) {
            *to++ = *from;
        } else {
            (void)snprintf(to, ESCAPED_LENGTH + 1, "%%%02X", (unsigned)(unsigned char)*from);
            to += ESCAPED_LENGTH;
        }
    }
    *to = '\0';
    return escaped;
}

const char *request_events_path(struct arena *arena, const char *namespace, const char *name)
{
    const char *base = arena_print(arena, "/apis/events.k8s.io/v1/namespaces/%s/events",
                                   request_escape(arena, namespace));
    return name ? arena_print(arena, "%s/%s", base, request_escape(arena, name)) : base;
}

const char *request_leases_path(struct arena *arena, const char *namespace, const char *name)
{
    const char *base = arena_print(arena, "/apis/coordination.k8s.io/v1/namespaces/%s/leases",
                                   request_escape(arena, namespace));
    return name ? arena_print(arena, "%s/%s", base, request_escape(arena, name)) : base;
}

/* The end of a JSON string that begins at `at` (a quote), or of the text. */
static const char *skip_string(const char *at)
{
    for (at++; *at && *at != '"'; at++) {
        if (*at == '\\' && at[1]) {
            at++;
        }
    }
    return *at ? at + 1 : at;
}

/* Right behind `"metadata":{` of the outermost object, or NULL. Our own renderer wrote the text. */
static const char *find_metadata(const char *body)
{
    static const char key[] = "\"metadata\":{";
    int depth = 0;
    for (const char *at = body; *at;) {
        if (*at == '"') {
            if (depth == 1 && text_starts_with(at, key)) {
                return at + sizeof(key) - 1;
            }
            at = skip_string(at);
            continue;
        }
        depth += (*at == '{' || *at == '[') - (*at == '}' || *at == ']');
        at++;
    }
    return NULL;
}

/* The API server's are UUIDs and numbers; anything that would need quoting is not used. */
static bool is_plain(struct arena *arena, const char *text)
{
    return text && text_equal(text, request_escape(arena, text));
}

static const char *body_with(struct arena *arena, const char *body, const char *field,
                             const char *value)
{
    const char *inside = is_plain(arena, value) ? find_metadata(body) : NULL;
    if (!inside) {
        return body;
    }
    return arena_print(arena, "%.*s\"%s\":\"%s\"%s%s", (int)(inside - body), body, field, value,
                       *inside == '}' ? "" : ",", inside);
}

static const char *body_of_apply(struct arena *arena, const char *body,
                                 const struct request_known *known)
{
    const char *locked = body_with(arena, body, "resourceVersion", known->resource_version);
    return body_with(arena, locked, "uid", known->uid);
}

struct request request_to_get(struct arena *arena, enum api_kind kind, const char *namespace,
                              const char *name)
{
    return (struct request){.method = "GET", .path = kind_path(arena, kind, namespace, name, NULL)};
}

static struct request request_to_explain(struct arena *arena, const struct operation *operation)
{
    const char *selector = request_escape(
        arena, arena_print(arena, "regarding.uid=%s", text_or(operation->uid, "")));
    return (struct request){
        .method = "GET",
        .path = arena_print(arena, "%s?fieldSelector=%s&limit=%d",
                            request_events_path(arena, operation->namespace, NULL), selector,
                            EXPLAIN_EVENTS)};
}

/* By the label that the API server gives to a Job's pods (batch/v1, generateSelector). */
static struct request request_to_probe_pods(struct arena *arena, const struct operation *operation)
{
    const char *selector = request_escape(
        arena, arena_print(arena, LABEL_JOB_NAME "=%s", operation->name));
    return (struct request){
        .method = "GET",
        .path = arena_print(arena, "%s?labelSelector=%s",
                            kind_path(arena, KIND_POD, operation->namespace, NULL, NULL),
                            selector)};
}

bool request_is_list(const struct operation *operation)
{
    return operation->type == OPERATION_EXPLAIN ||
           (operation->type == OPERATION_PROBE && operation->kind == KIND_POD);
}

struct request request_of_operation(struct arena *arena, const struct operation *operation,
                                    const struct request_known *known)
{
    const char *collection = kind_path(arena, operation->kind, operation->namespace, NULL, NULL);
    struct request request = request_to_get(arena, operation->kind, operation->namespace,
                                            operation->name);
    const char *object = request.path;
    switch (operation->type) {
    case OPERATION_CREATE:
        return (struct request){"POST", collection, TYPE_JSON, operation->body};
    case OPERATION_APPLY:
        return (struct request){
            "PATCH", arena_print(arena, "%s?fieldManager=" FIELD_MANAGER "&force=true", object),
            TYPE_APPLY, body_of_apply(arena, operation->body, known)};
    case OPERATION_PATCH_STATUS:
        return (struct request){"PATCH", arena_print(arena, "%s/status", object), TYPE_JSON_PATCH,
                                operation->body};
    case OPERATION_PATCH:
        return (struct request){"PATCH", object, TYPE_JSON_PATCH, operation->body};
    case OPERATION_DELETE:
        return (struct request){
            "DELETE", object, TYPE_JSON,
            render_delete_options(arena, operation->uid, operation->resource_version)};
    case OPERATION_DRY_RUN:
        return (struct request){
            "POST", arena_print(arena, "%s?dryRun=All&fieldValidation=Strict", collection),
            TYPE_JSON, operation->body};
    case OPERATION_EXPLAIN:
        return request_to_explain(arena, operation);
    case OPERATION_PROBE:
        return request_is_list(operation) ? request_to_probe_pods(arena, operation) : request;
    case OPERATION_EVENT:
        break;
    }
    return request;
}

const char *request_accept(const struct operation *operation)
{
    return request_is_list(operation) ? NULL
                                      : "application/vnd.kubernetes.protobuf" REQUEST_AS_METADATA
                                        "," REQUEST_ACCEPT_METADATA;
}

uint64_t request_hash(const struct operation *operation)
{
    uint64_t hash = hash_text(HASH_SEED, text_or(operation->body, ""));
    hash = hash_text(hash, text_or(operation->uid, ""));
    hash = hash_text(hash, text_or(operation->owner_uid, ""));
    return hash_text(hash, text_or(operation->resource_version, ""));
}
