/*
 * A webhook is not asked: deliveries come by themselves. What can be looked at is whether they
 * could be judged, so that a Secret that is missing is a condition before the first delivery fails.
 */

#include "source/private.h"

#include "core/text.h"
#include "source/webhook.h"

static bool has_key(const struct source_secret *secret)
{
    for (size_t at = 0; secret && at < secret->count; at++) {
        if (text_equal(secret->items[at].name, "secret") ||
            text_starts_with(secret->items[at].name, "secret-")) {
            return true;
        }
    }
    return false;
}

static void *ready_begin(struct source_talk *talk, struct error *error)
{
    const struct webhook_source *source = &talk->trigger->spec.webhook;
    const char *fault = webhook_fault(talk->arena, source);
    if (fault) {
        (void)error_set(error, ERROR_INVALID, "%s", fault);
        return NULL;
    }
    if (!has_key(talk->secret)) {
        (void)error_set(error, ERROR_INVALID,
                        "Secret %s has no key \"secret\", nor one that begins with \"secret-\"",
                        text_or(source->secret_name, ""));
        return NULL;
    }
    return talk;
}

static enum source_step ready_next(struct source_talk *talk, void *state,
                                   const struct source_answer *answer,
                                   struct source_request *request, struct source_finding *finding,
                                   struct error *error)
{
    (void)state;
    (void)answer;
    (void)request;
    (void)error;
    const struct meta *meta = &talk->trigger->meta;
    *finding = (struct source_finding){
        .verdict = SOURCE_NOT_YET,
        .summary = arena_print(talk->arena, "deliveries are taken at /hooks/%s/%s",
                               text_or(meta->namespace, ""), text_or(meta->name, ""))};
    return SOURCE_DONE;
}

const struct source_protocol source_webhook = {.begin = ready_begin, .next = ready_next};
