#include "source/webhook.h"

#include "core/digest.h"
#include "core/text.h"
#include "source/glob.h"
#include "source/webhook_private.h"

#include <string.h>

const char *webhook_header(const struct webhook_delivery *delivery, const char *name)
{
    for (size_t at = 0; at < delivery->header_count; at++) {
        if (text_equal(delivery->headers[at].name, name)) {
            return delivery->headers[at].value;
        }
    }
    return NULL;
}

/* ---- Which one it is ---- */

static bool is_usable_id(const char *id)
{
    if (text_is_empty(id) || strnlen(id, WEBHOOK_ID_LIMIT + 1) > WEBHOOK_ID_LIMIT) {
        return false;
    }
    for (const char *at = id; *at; at++) {
        if (*at <= ' ' || *at > '~') {
            return false;
        }
    }
    return true;
}

/*
 * The headers that may hold it, the best first. Not X-Gitea-Delivery: when Gitea (1.24) is asked to
 * deliver something again it makes a new one, and sends the same body.
 */
static const char *const *id_headers(const char *type)
{
    static const char *const github[] = {"x-github-delivery", NULL};
    static const char *const gitlab[] = {"idempotency-key", "x-gitlab-event-uuid", NULL};
    static const char *const standard[] = {"webhook-id", NULL};
    static const char *const none[] = {NULL};
    return text_equal(type, "GitHub")     ? github
           : text_equal(type, "GitLab")   ? gitlab
           : text_equal(type, "Standard") ? standard
                                          : none;
}

const char *webhook_id(struct arena *arena, const struct webhook_source *source,
                       const struct webhook_delivery *delivery)
{
    char hex[DIGEST_HEX_SIZE];
    for (const char *const *name = id_headers(source->type); *name; name++) {
        const char *id = webhook_header(delivery, *name);
        if (is_usable_id(id)) {
            return arena_copy_text(arena, id);
        }
    }
    digest_bytes(delivery->body, delivery->body_size, hex);
    return arena_print(arena, "sha256:%s", hex);
}

/* ---- Whether it counts ---- */

/* What is being read: the payload only once somebody asks for it. */
struct reading {
    struct arena *arena;
    const struct webhook_source *source;
    const struct webhook_delivery *delivery;
    struct span payload;
    struct error *error;
};

/* NULL when it has none. */
static const char *event_name(const struct reading *reading)
{
    const char *type = reading->source->type;
    const char *name = NULL;
    if (text_equal(type, "Standard")) {
        (void)webhook_field_text(reading->arena, reading->payload, "type", &name);
        return name;
    }
    return text_equal(type, "GitHub")   ? webhook_header(reading->delivery, "x-github-event")
           : text_equal(type, "GitLab") ? webhook_header(reading->delivery, "x-gitlab-event")
           : text_equal(type, "Gitea")  ? webhook_header(reading->delivery, "x-gitea-event")
                                        : NULL;
}

static bool is_gitea_push(const struct webhook_source *source,
                          const struct webhook_delivery *delivery)
{
    return text_equal(source->type, "Gitea") &&
           text_equal(webhook_header(delivery, "x-gitea-event"), "push");
}

/* Gitea has no ping: "Test Delivery" sends a push that moves nothing, which no real one does. */
static bool is_gitea_test(const struct reading *reading)
{
    const char *before = NULL;
    const char *after = NULL;
    return is_gitea_push(reading->source, reading->delivery) &&
           webhook_field_text(reading->arena, reading->payload, "before", &before) == FIELD_TEXT &&
           webhook_field_text(reading->arena, reading->payload, "after", &after) == FIELD_TEXT &&
           text_equal(before, after);
}

static const char *judge_event(const struct reading *reading)
{
    const struct webhook_source *source = reading->source;
    const char *name = event_name(reading);
    if (is_gitea_test(reading)) {
        return "a test delivery: the sender sees whether it arrives";
    }
    for (size_t at = 0; at < source->event_count; at++) {
        if (text_equal(source->events[at], name)) {
            return NULL;
        }
    }
    if (source->event_count > 0) {
        return "its event is none of spec.webhook.events";
    }
    return text_equal(name, "ping") ? "a ping: the sender sees whether it arrives" : NULL;
}

static struct result judge_filter(const struct reading *reading, size_t index, bool *holds)
{
    const struct webhook_filter *filter = &reading->source->filters[index];
    const struct glob *glob = NULL;
    const char *text = NULL;
    if (filter->pattern) {
        struct result result = glob_compile(reading->arena, filter->pattern, &glob, reading->error);
        if (!result_is_ok(result)) {
            error_add_context(reading->error, "spec.webhook.filters[%zu].pattern", index);
            return result;
        }
    }
    enum webhook_field field = webhook_field_text(reading->arena, reading->payload, filter->path,
                                                  &text);
    *holds = field == FIELD_TEXT && (!filter->equals || text_equal(filter->equals, text)) &&
             (!glob || glob_matches(glob, text, strlen(text)));
    return RESULT_OK;
}

static struct result judge(const struct reading *reading, const char **reason)
{
    *reason = judge_event(reading);
    for (size_t at = 0; !*reason && at < reading->source->filter_count; at++) {
        bool holds = false;
        TRY(judge_filter(reading, at, &holds));
        if (!holds) {
            *reason = arena_print(reading->arena, "the filter on %s does not hold",
                                  reading->source->filters[at].path);
        }
    }
    return RESULT_OK;
}

/* ---- What it says ---- */

static struct result take_param(const struct reading *reading, const struct webhook_param *param,
                                struct webhook_event *event, size_t *used)
{
    const char *text = NULL;
    switch (webhook_field_text(reading->arena, reading->payload, param->path, &text)) {
    case FIELD_ABSENT:
        return RESULT_OK;
    case FIELD_NESTED:
        return error_set(reading->error, ERROR_INVALID,
                         "value %s: the payload's %s is an object or an array: name a field in "
                         "it, such as commits[0].id",
                         param->name, param->path);
    case FIELD_BROKEN:
        return error_set(reading->error, ERROR_INVALID,
                         "value %s: what the payload has at %s is not JSON", param->name,
                         param->path);
    case FIELD_TEXT:
        break;
    }
    *used += strlen(param->name) + strlen(text);
    if (*used > WEBHOOK_PARAMS_BYTES) {
        return error_set(reading->error, ERROR_LIMIT,
                         "value %s: the values of one delivery are over %d bytes together",
                         param->name, WEBHOOK_PARAMS_BYTES);
    }
    event->params[event->param_count++] = (struct name_value){param->name, text};
    return RESULT_OK;
}

static struct result take_params(const struct reading *reading, struct webhook_event *event)
{
    const struct webhook_source *source = reading->source;
    size_t used = 0;
    event->params = arena_array(reading->arena, struct name_value, source->param_count);
    for (size_t at = 0; at < source->param_count; at++) {
        TRY(take_param(reading, &source->params[at], event, &used));
    }
    return RESULT_OK;
}

static bool asks_for_payload(const struct webhook_source *source,
                             const struct webhook_delivery *delivery)
{
    bool has_named_event = text_equal(source->type, "Standard") && source->event_count > 0;
    return has_named_event || is_gitea_push(source, delivery) || source->filter_count > 0 ||
           source->param_count > 0;
}

struct result webhook_read(struct arena *arena, const struct webhook_source *source,
                           const struct webhook_delivery *delivery, struct webhook_event *event,
                           struct error *error)
{
    struct reading reading = {
        .arena = arena, .source = source, .delivery = delivery, .payload = {"", 0}, .error = error};
    struct webhook_event read = {0};
    const char *fault = webhook_fault(arena, source);
    if (fault) {
        return error_set(error, ERROR_INVALID, "%s", fault);
    }
    if (asks_for_payload(source, delivery)) {
        TRY(webhook_payload(arena, delivery, &reading.payload, error));
    }
    TRY(judge(&reading, &read.reason));
    read.counts = read.reason == NULL;
    if (read.counts) {
        TRY(take_params(&reading, &read));
    }
    *event = read;
    return RESULT_OK;
}

/* ---- What is wrong with a spec ---- */

static bool is_known_type(const char *type)
{
    static const char *const types[] = {"GitHub", "GitLab", "Gitea", "Standard", "HMAC"};
    for (size_t at = 0; at < sizeof(types) / sizeof(types[0]); at++) {
        if (text_equal(types[at], type)) {
            return true;
        }
    }
    return false;
}

/* RFC 9110, section 5.1. */
static bool is_header_name(const char *name)
{
    return !text_is_empty(name) &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                        "!#$%&'*+-.^_`|~") == strlen(name);
}

static const char *filter_fault(struct arena *arena, const struct webhook_filter *filter,
                                size_t index)
{
    struct error error = {0};
    const struct glob *glob = NULL;
    const char *fault = webhook_path_fault(filter->path);
    if (fault) {
        return arena_print(arena, "spec.webhook.filters[%zu].path: %s", index, fault);
    }
    if (!filter->equals == !filter->pattern) {
        return arena_print(
            arena, "spec.webhook.filters[%zu]: set either equals or pattern, and not both", index);
    }
    if (filter->pattern && !result_is_ok(glob_compile(arena, filter->pattern, &glob, &error))) {
        return arena_print(arena, "spec.webhook.filters[%zu].pattern: %s", index, error.message);
    }
    return NULL;
}

const char *webhook_fault(struct arena *arena, const struct webhook_source *source)
{
    if (!is_known_type(source->type)) {
        return "spec.webhook.type: not one of GitHub, GitLab, Gitea, Standard, HMAC";
    }
    if (text_equal(source->type, "HMAC") != is_header_name(source->header)) {
        return "spec.webhook.header: name the header with the signature for type HMAC, and for no "
               "other";
    }
    if (text_equal(source->type, "HMAC") && source->event_count > 0) {
        return "spec.webhook.events: deliveries of type HMAC have no event: write a filter";
    }
    for (size_t at = 0; at < source->filter_count; at++) {
        const char *fault = filter_fault(arena, &source->filters[at], at);
        if (fault) {
            return fault;
        }
    }
    if (source->param_count > WEBHOOK_PARAMS_LIMIT) {
        return "spec.webhook.values: more than 64";
    }
    for (size_t at = 0; at < source->param_count; at++) {
        const char *fault = webhook_path_fault(source->params[at].path);
        if (fault || text_is_empty(source->params[at].name)) {
            return arena_print(arena, "spec.webhook.values[%zu].%s: %s", at,
                               fault ? "path" : "name", fault ? fault : "it is empty");
        }
    }
    return NULL;
}
