#include "kube/reaction.h"

#include "core/assert.h"
#include "core/text.h"

#include <string.h>

/* What happens after each kind of failure. Waiting for a change never waits for ever. */
static const struct reaction_rule rules[ERROR_KIND_COUNT] = {
    [ERROR_NONE] = {REACTION_NONE, false, "nothing to do"},
    [ERROR_INVALID] = {REACTION_WAIT_CHANGE, true, "trying again in 30 s or when it changes"},
    [ERROR_DENIED] = {REACTION_WAIT_CHANGE, true, "trying again in 30 s or when it changes"},
    [ERROR_EXISTS] = {REACTION_WAIT_CHANGE, true, "trying again in 30 s or when it changes"},
    [ERROR_LIMIT] = {REACTION_WAIT_CHANGE, true, "trying again in 30 s or when it changes"},
    [ERROR_NOT_FOUND] = {REACTION_WAIT_CACHE, false, "planning again on what is there now"},
    [ERROR_CONFLICT] = {REACTION_WAIT_CACHE, false, "planning again on what is there now"},
    [ERROR_GONE] = {REACTION_WAIT_CACHE, false, "planning again on what is there now"},
    [ERROR_UNAUTHORIZED] = {REACTION_BACKOFF, false, "trying again with backoff"},
    [ERROR_TOO_MANY] = {REACTION_WAIT_RETRY_AFTER, false, "trying again when told to"},
    [ERROR_UNAVAILABLE] = {REACTION_WAIT_RETRY_AFTER, false, "trying again with backoff"},
    [ERROR_LOST] = {REACTION_BACKOFF, false, "trying again with backoff"},
    [ERROR_IO] = {REACTION_BACKOFF, false, "trying again with backoff"},
    [ERROR_CLOSED] = {REACTION_BACKOFF, false, "trying again with backoff"},
};

const struct reaction_rule *reaction_rule_of(enum error_kind kind)
{
    REQUIRE(kind < ERROR_KIND_COUNT);
    return &rules[kind];
}

/* net/http's names in comments; k8s.io/apimachinery/pkg/api/errors for the reasons. */
static const struct {
    int code;
    enum error_kind kind;
} codes[] = {
    {400, ERROR_INVALID},      /* BadRequest */
    {401, ERROR_UNAUTHORIZED}, /* Unauthorized */
    {403, ERROR_DENIED},       /* Forbidden: authorization, admission, quota */
    {404, ERROR_NOT_FOUND},    /* NotFound */
    {405, ERROR_INVALID},      /* MethodNotAllowed */
    {406, ERROR_INVALID},      /* NotAcceptable */
    {408, ERROR_UNAVAILABLE},  /* RequestTimeout */
    {409, ERROR_CONFLICT},     /* Conflict; AlreadyExists is told apart by its reason */
    {410, ERROR_GONE},         /* Gone, Expired */
    {413, ERROR_LIMIT},        /* RequestEntityTooLarge */
    {415, ERROR_INVALID},      /* UnsupportedMediaType */
    {422, ERROR_INVALID},      /* UnprocessableEntity: Invalid */
    {429, ERROR_TOO_MANY},     /* TooManyRequests */
};

enum {
    CODE_BAD_REQUEST = 400,
    CODE_CONFLICT = 409,
    CODE_UNPROCESSABLE = 422,
    CODE_TOO_MANY = 429,
    CODE_OK_FIRST = 200,
    CODE_OK_LAST = 299,
    CODE_CLIENT_ERROR_FIRST = 400,
    CODE_SERVER_ERROR_FIRST = 500,
    CODE_SERVER_ERROR_LAST = 599
};

enum error_kind reaction_of_status(int code, const char *reason)
{
    if (code >= CODE_OK_FIRST && code <= CODE_OK_LAST) {
        return ERROR_NONE;
    }
    if (code == CODE_CONFLICT && text_equal(reason, "AlreadyExists")) {
        return ERROR_EXISTS;
    }
    for (size_t at = 0; at < COUNT_OF(codes); at++) {
        if (codes[at].code == code) {
            return codes[at].kind;
        }
    }
    /* Redirects are not followed (X6): they and 5xx come from something between us and the API. */
    bool is_client_error = code >= CODE_CLIENT_ERROR_FIRST && code < CODE_SERVER_ERROR_FIRST;
    return is_client_error ? ERROR_INVALID : ERROR_UNAVAILABLE;
}

/* k8s.io/apiserver/pkg/admission/plugin/webhook/errors, NewDryRunUnsupportedErr: a 400. */
static const char webhook_refuses_dry_runs[] = "does not support dry run";

enum error_kind reaction_of_dry_run(enum error_kind error, int code, const char *message)
{
    bool is_judged = (code == CODE_BAD_REQUEST || code == CODE_UNPROCESSABLE) &&
                     !strstr(text_or(message, ""), webhook_refuses_dry_runs);
    return error == ERROR_INVALID && !is_judged ? ERROR_DENIED : error;
}

bool reaction_may_resend(int code)
{
    return code == CODE_TOO_MANY ||
           (code >= CODE_SERVER_ERROR_FIRST && code <= CODE_SERVER_ERROR_LAST);
}

void reaction_requeue(struct queue *queue, struct io io, const struct work_key *key,
                      enum reaction reaction, int retry_after_seconds, bool at_once)
{
    enum { MILLISECONDS = 1000 };
    int64_t now_ms = io_now_ms(io);
    REQUIRE(reaction < REACTION_COUNT);
    switch (reaction) {
    case REACTION_NONE:
        queue_forget(queue, key);
        break;
    case REACTION_WAIT_CHANGE:
        queue_add_at(queue, key, now_ms + REACTION_WAIT_CHANGE_MS);
        break;
    case REACTION_WAIT_RETRY_AFTER:
        if (retry_after_seconds > 0) {
            int64_t delay_ms = (int64_t)retry_after_seconds * MILLISECONDS;
            queue_add_at(queue, key,
                         now_ms + (delay_ms < QUEUE_BACKOFF_LONGEST_MS ? delay_ms
                                                                       : QUEUE_BACKOFF_LONGEST_MS));
            break;
        }
        queue_add_limited(queue, key);
        break;
    /* Until the cache has moved the key's expectations hold it back, however soon it comes. */
    case REACTION_WAIT_CACHE:
    case REACTION_BACKOFF:
    case REACTION_COUNT:
        queue_add_limited(queue, key);
        break;
    }
    if (at_once) {
        queue_add(queue, key);
    }
}
