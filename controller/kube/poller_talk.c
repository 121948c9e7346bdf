#include "kube/poller_private.h"

#include "core/encoding.h"
#include "core/text.h"
#include "kube/egress.h"

#include <string.h>

enum { MICROSECONDS = 1000000 };

/* Of texts for people. */
static const char *hide(struct poll *poll, const char *text)
{
    return source_hide_secret(&poll->arena, &poll->values, &poll->request, text);
}

static void end_failed(struct poll *poll, const struct error *error)
{
    const struct sighting seen = {
        .state = SIGHTING_FAILED,
        .message = arena_print(&poll->arena, "%s; it is asked again", hide(poll, error->message))};
    poller_end(poll, &seen, false);
}

static void end_found(struct poll *poll, const struct source_finding *finding)
{
    int64_t now = io_unix_micros(poll->poller->options.io) / MICROSECONDS;
    struct sighting seen = {.state = finding->verdict == SOURCE_NOT_YET ? SIGHTING_NOT_YET
                                                                        : SIGHTING_FOUND,
                            .quiet = finding->quiet,
                            .revision = finding->revision,
                            .summary = hide(poll, finding->summary),
                            .news = hide(poll, finding->news),
                            .mark = finding->mark,
                            .before = poll->trigger->status.observed_mark,
                            .values = finding->values,
                            .value_count = finding->value_count,
                            .since = now,
                            .seen = now};
    if (finding->verdict == SOURCE_ABSENT) {
        seen = (struct sighting){.state = SIGHTING_ABSENT, .message = hide(poll, finding->summary)};
    }
    poller_end(poll, &seen, false);
}

/* ---- The conversation ---- */

static void on_answer(void *context, const struct io_fetched *fetched);

/* False with the error: it may not be asked. */
static bool ask(struct poll *poll, struct error *error)
{
    struct poller *poller = poll->poller;
    const struct source_request *request = &poll->request;
    struct egress_target target;
    if (!result_is_ok(egress_judge(&poll->arena, request->url, poll->key.namespace,
                                   poller->options.allowed_hosts, &target, error))) {
        return false;
    }
    if (request->carries_secret &&
        !result_is_ok(egress_judge_secret(&poll->arena, &target, poll->secret_name,
                                          poll->secret.allowed_hosts, error))) {
        return false;
    }
    struct name_value *headers = arena_array(&poll->arena, struct name_value,
                                             request->header_count + 1);
    for (size_t at = 0; at < request->header_count; at++) {
        headers[at] = request->headers[at];
    }
    headers[request->header_count] = (struct name_value){.name = "Host", .value = target.host};
    const struct io_fetch fetch = {.method = request->method,
                                   .url = target.url,
                                   .headers = headers,
                                   .header_count = request->header_count + 1,
                                   .body = request->body,
                                   .body_size = request->body_size,
                                   .maximum = request->answer_limit > 0 ? request->answer_limit
                                                                        : SOURCE_ANSWER_LIMIT,
                                   .timeout_ms = POLLER_REQUEST_MS,
                                   .is_service = target.is_service,
                                   .on_done = on_answer,
                                   .context = poll};
    poller->numbers.requests++;
    poll->visit = io_fetch(poller->options.io, &fetch);
    return true;
}

static void go_on(struct poll *poll, const struct source_answer *answer)
{
    struct error error = {0};
    struct source_finding finding;
    enum source_step step = source_next(poll->talk, answer, &poll->request, &finding, &error);
    if (step == SOURCE_DONE) {
        end_found(poll, &finding);
    } else if (step == SOURCE_FAILED || !ask(poll, &error)) {
        end_failed(poll, &error);
    }
}

static void on_answer(void *context, const struct io_fetched *fetched)
{
    struct poll *poll = context;
    poll->visit = NULL;
    if (fetched->failure != ERROR_NONE) {
        struct error error;
        int shown = (int)strcspn(poll->request.url, "?"); /* the query may be a signature */
        (void)error_set(&error, fetched->failure, "%.*s: %s", shown, poll->request.url,
                        fetched->message);
        end_failed(poll, &error);
        return;
    }
    const struct source_answer answer = {.status = fetched->status,
                                         .headers = fetched->headers,
                                         .header_count = fetched->header_count,
                                         .body = fetched->body,
                                         .body_size = fetched->body_size};
    go_on(poll, &answer);
}

/* ---- Its Secret ---- */

/* Nothing can be asked until the spec changes. */
static void end_for_good(struct poll *poll, const struct error *error)
{
    const struct sighting seen = {.state = SIGHTING_FAILED, .message = error->message};
    poller_end(poll, &seen, true);
}

static void begin_talk(struct poll *poll)
{
    struct error error = {0};
    int64_t now = io_unix_micros(poll->poller->options.io) / MICROSECONDS;
    poll->values = (struct source_secret){.items = poll->secret.items, .count = poll->secret.count};
    poll->talk = source_begin(&poll->arena, poll->trigger, poll->secret_name ? &poll->values : NULL,
                              now, &error);
    if (poll->talk) {
        go_on(poll, NULL);
    } else if (poll->secret_name) {
        end_failed(poll, &error); /* the Secret may be mended without the spec */
    } else {
        end_for_good(poll, &error);
    }
}

static struct result judge_secret(struct poll *poll, const struct io_response *response,
                                  struct error *error)
{
    enum { FORBIDDEN = 403, MISSING = 404, FINE = 200 };
    const char *name = poll->secret_name;
    if (response->failure == ERROR_NONE && response->status == FORBIDDEN) {
        return error_set(error, ERROR_DENIED,
                         "the controller may not read Secret %s: give it get on it by a Role in "
                         "this namespace (docs/operations.md)",
                         name);
    }
    if (response->failure == ERROR_NONE && response->status == MISSING) {
        return error_set(error, ERROR_NOT_FOUND, "there is no Secret %s in this namespace", name);
    }
    if (response->failure != ERROR_NONE || response->status != FINE) {
        return error_set(error, ERROR_UNAVAILABLE, "Secret %s can't be read: %s", name,
                         text_or(response->message, "the API server is not well"));
    }
    TRY(secret_decode(&poll->arena, response->body, response->body_size, &poll->secret, error));
    bool is_sent = trigger_is_polled(&poll->trigger->spec); /* a webhook's is compared, not sent */
    return poll->secret.allowed_hosts || !is_sent
               ? RESULT_OK
               : error_set(error, ERROR_DENIED,
                           "Secret %s has no annotation " ANNOTATION_ALLOWED_HOSTS
                           ", so it may be sent nowhere",
                           name);
}

static void on_secret(void *context, const struct io_response *response)
{
    struct poll *poll = context;
    struct error error = {0};
    poll->secret_call = NULL;
    if (result_is_ok(judge_secret(poll, response, &error))) {
        begin_talk(poll);
    } else {
        end_failed(poll, &error);
    }
}

/* Read each time, and kept for the conversation alone. */
static void ask_for_secret(struct poll *poll)
{
    enum { SECRET_MAXIMUM = 2 * 1024 * 1024 /* the API server's limit is 1 MiB */ };
    const struct io_request request = {
        .method = "GET",
        .path = arena_print(&poll->arena, "/api/v1/namespaces/%s/secrets/%s",
                            percent_encode(&poll->arena, poll->key.namespace, NULL),
                            percent_encode(&poll->arena, poll->secret_name, NULL)),
        .maximum = SECRET_MAXIMUM,
        .timeout_ms = POLLER_REQUEST_MS,
        .on_done = on_secret,
        .context = poll};
    poll->secret_call = io_start(poll->poller->options.io, &request);
}

void poller_talk(struct poll *poll)
{
    if (poll->secret_name) {
        ask_for_secret(poll);
    } else {
        begin_talk(poll);
    }
}
