#include "source/private.h"

#include "core/text.h"

#include <string.h>

const char *source_answer_header(const struct source_answer *answer, const char *name)
{
    for (size_t at = 0; at < answer->header_count; at++) {
        if (text_equal(answer->headers[at].name, name)) {
            return answer->headers[at].value;
        }
    }
    return NULL;
}

/* The protocol of the one source that the spec has; NULL: it is polled for nothing. */
static const struct source_protocol *find_protocol(const struct trigger_spec *spec)
{
    if (spec->git.url) {
        return &source_git;
    }
    if (spec->image.repository) {
        return &source_image;
    }
    if (spec->bucket.endpoint) {
        return &source_bucket;
    }
    if (spec->http.url) {
        return &source_http;
    }
    if (spec->prometheus.query) {
        return &source_prometheus;
    }
    return spec->webhook.type ? &source_webhook : NULL;
}

struct source_talk *source_begin(struct arena *arena, const struct trigger *trigger,
                                 const struct source_secret *secret, int64_t now,
                                 struct error *error)
{
    struct source_talk *talk = arena_new(arena, struct source_talk);
    *talk = (struct source_talk){.arena = arena,
                                 .trigger = trigger,
                                 .secret = secret,
                                 .now = now,
                                 .protocol = find_protocol(&trigger->spec)};
    if (!talk->protocol) {
        (void)error_set(error, ERROR_INVALID, "spec: there is no source that can be polled");
        return NULL;
    }
    talk->state = talk->protocol->begin(talk, error);
    return talk->state ? talk : NULL;
}

enum source_step source_next(struct source_talk *talk, const struct source_answer *answer,
                             struct source_request *request, struct source_finding *finding,
                             struct error *error)
{
    if (talk->requests >= SOURCE_REQUESTS_LIMIT) {
        (void)error_set(error, ERROR_LIMIT, "no end after %d requests", SOURCE_REQUESTS_LIMIT);
        return SOURCE_FAILED;
    }
    *request = (struct source_request){0};
    *finding = (struct source_finding){0};
    enum source_step step = talk->protocol->next(talk, talk->state, answer, request, finding,
                                                 error);
    talk->requests += step == SOURCE_ASK ? 1 : 0;
    return step;
}
