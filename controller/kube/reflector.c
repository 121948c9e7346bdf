#include "kube/reflector.h"

#include "core/assert.h"
#include "core/hash.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/text.h"
#include "kube/reflector_private.h"

#include <string.h>

enum {
    HTTP_OK_LOW = 200,
    HTTP_OK_HIGH = 299,
    PAGE_SHRINK = 10, /* a page over the maximum: so many times fewer objects */
    MS_PER_SECOND = 1000
};

static void take_step(struct reflector *reflector, enum reflector_step step);

struct reflector *reflector_new(struct io io, struct cache *cache, enum api_kind kind)
{
    struct reflector *reflector = memory_allocate(1, sizeof(*reflector));
    reflector->io = io;
    reflector->cache = cache;
    reflector->kind = kind;
    reflector->page_limit = REFLECTOR_PAGE_LIMIT;
    reflector->doubt_began_ms = -1;
    reflector->backoff_began_ms = -1;
    reflector->contact_ms = -1;
    reflector->paged_until_ms = INT64_MIN;
    reflector->form = codec_form_of(NULL);
    watch_stream_init(&reflector->stream, reflector_read_event, reflector);
    return reflector;
}

static void drop_list(struct reflector *reflector)
{
    reflector->batch = cache_batch_free(reflector->batch);
    reflector->list_resource_version = memory_free(reflector->list_resource_version);
    reflector->continue_token = memory_free(reflector->continue_token);
}

void reflector_start(struct reflector *reflector)
{
    REQUIRE(!reflector->call && !reflector->timer);
    take_step(reflector, STEP_STREAM);
}

void reflector_stop(struct reflector *reflector)
{
    if (reflector->call) {
        io_cancel(reflector->io, reflector->call);
        reflector->call = NULL;
    }
    io_stop_timer(reflector->io, reflector->timer);
    reflector->timer = NULL;
    drop_list(reflector);
    watch_stream_reset(&reflector->stream);
}

struct reflector *reflector_free(struct reflector *reflector)
{
    if (!reflector) {
        return NULL;
    }
    reflector_stop(reflector);
    watch_stream_free(&reflector->stream);
    return memory_free(reflector);
}

/* Backoff (C5) */

/* The next pause: [d, 2d) with d from 800 ms doubling to 30 s, and no less than was asked for. */
static int64_t draw_pause(struct reflector *reflector)
{
    int64_t now = io_now_ms(reflector->io);
    if (reflector->backoff_began_ms < 0 ||
        now - reflector->backoff_began_ms >= REFLECTOR_BACKOFF_RESET_MS) {
        reflector->backoff_ms = REFLECTOR_BACKOFF_FIRST_MS;
    }
    int64_t base = reflector->backoff_ms;
    int64_t pause = base + (int64_t)(io_random(reflector->io) % (uint64_t)base);
    reflector->backoff_began_ms = now;
    reflector->backoff_ms = base * 2 < REFLECTOR_BACKOFF_LIMIT_MS ? base * 2
                                                                  : REFLECTOR_BACKOFF_LIMIT_MS;
    return pause > reflector->retry_after_ms ? pause : reflector->retry_after_ms;
}

static void end_rest(void *context)
{
    struct reflector *reflector = context;
    reflector->timer = NULL;
    take_step(reflector, reflector->step);
}

/* Outcomes */

/* C4: one failure may pass; what only ever fails must end in something else. */
static bool is_in_long_doubt(struct reflector *reflector)
{
    int64_t now = io_now_ms(reflector->io);
    if (reflector->doubt_began_ms < 0) {
        reflector->doubt_began_ms = now;
    }
    return now - reflector->doubt_began_ms >= REFLECTOR_DOUBT_LIMIT_MS;
}

static int64_t watch_lasted_ms(const struct reflector *reflector)
{
    return io_now_ms(reflector->io) - reflector->watch_began_ms;
}

/*
 * What the reflector's past makes of an outcome: a watch that fails for too long, or a list that is
 * too old as soon as it is there, must not go on as before.
 */
static enum reflector_outcome weigh_outcome(struct reflector *reflector,
                                            enum reflector_outcome outcome)
{
    switch (outcome) {
    case LIST_EXPIRED: /* of a list in one piece there is no older token to blame */
        return reflector->step == STEP_LIST_ALL ? LIST_FAILED : LIST_EXPIRED;
    case LIST_TOO_BIG:
        if (reflector->step == STEP_LIST_ALL || reflector->page_limit == 1) {
            return LIST_FAILED;
        }
        reflector->page_limit = reflector->page_limit > PAGE_SHRINK
                                    ? reflector->page_limit / PAGE_SHRINK
                                    : 1;
        return LIST_TOO_BIG;
    case WATCH_EXPIRED:
        if (reflector->expired_in_vain) {
            return WATCH_STUCK;
        }
        reflector->expired_in_vain = true;
        return WATCH_EXPIRED;
    case WATCH_ENDED: /* it stood for a while or brought something */
        reflector->expired_in_vain = false;
        reflector->doubt_began_ms = -1;
        /* After one that stood pauses begin anew: three restarts of the API server in two minutes
         * cost three short ones. What failed, or ended at once, makes them grow. */
        if (watch_lasted_ms(reflector) >= REFLECTOR_STEADY_WATCH_MS) {
            reflector->backoff_began_ms = -1;
        }
        return WATCH_ENDED;
    case WATCH_SHORT:
    case WATCH_FAILED:
        return is_in_long_doubt(reflector) ? WATCH_STUCK : outcome;
    case STREAM_FAILED:
        return is_in_long_doubt(reflector) ? STREAM_STUCK : outcome;
    case STREAM_UNSUPPORTED:
        reflector->paged_until_ms = io_now_ms(reflector->io) + REFLECTOR_PAGED_MS;
        return outcome;
    default:
        return outcome;
    }
}

static void log_outcome(const struct reflector *reflector, enum reflector_outcome outcome,
                        int64_t pause_ms)
{
    const struct reflector_reaction *reaction = reflector_reaction(outcome);
    const char *kind = kind_info(reflector->kind)->kind;
    if (!reaction->is_error) {
        log_debug("a request for the cache is over", LOG_TEXT("kind", kind),
                  LOG_TEXT("outcome", reaction->name), LOG_TEXT("next", reaction->next));
        return;
    }
    log_warning("the cache of a kind is not being updated", LOG_TEXT("kind", kind),
                LOG_TEXT("outcome", reaction->name), LOG_TEXT("error", reflector->error.message),
                LOG_TEXT("next", reaction->next), LOG_INTEGER("in_ms", pause_ms));
}

/* Every request ends here. */
static void react(struct reflector *reflector, enum reflector_outcome outcome)
{
    outcome = weigh_outcome(reflector, outcome);
    const struct reflector_reaction *reaction = reflector_reaction(outcome);
    reflector->numbers.outcomes[outcome]++;
    if (!reaction->is_error) {
        reflector->error.kind = ERROR_NONE;
    }
    int64_t pause = reaction->rests ? draw_pause(reflector) : 0;
    log_outcome(reflector, outcome, pause);
    if (!reaction->rests) {
        take_step(reflector, reaction->step);
        return;
    }
    reflector->step = reaction->step;
    reflector->timer = io_start_timer(reflector->io, io_now_ms(reflector->io) + pause, end_rest,
                                      reflector);
}

/* Answers */

static void note_warning(struct reflector *reflector, const char *warning)
{
    if (text_is_empty(warning)) {
        return;
    }
    uint64_t hash = hash_text(HASH_SEED, warning);
    for (unsigned at = 0; at < reflector->warning_count; at++) {
        if (reflector->warnings[at] == hash) {
            return;
        }
    }
    if (reflector->warning_count == WARNINGS_REMEMBERED) {
        return;
    }
    reflector->warnings[reflector->warning_count++] = hash;
    log_warning("the API server warns; it is logged once, nothing else happens",
                LOG_TEXT("kind", kind_info(reflector->kind)->kind), LOG_TEXT("warning", warning));
}

static bool is_success(const struct io_response *response)
{
    return response->failure == ERROR_NONE && response->status >= HTTP_OK_LOW &&
           response->status <= HTTP_OK_HIGH;
}

/* What every answer tells, whatever it was for. */
static void note_answer(struct reflector *reflector, const struct io_response *response)
{
    reflector->call = NULL;
    note_warning(reflector, response->warning);
    if (response->status != 0) {
        reflector->contact_ms = io_now_ms(reflector->io);
    }
    reflector->retry_after_ms = 0;
    if (!is_success(response) && response->retry_after_seconds > 0) {
        int64_t asked = (int64_t)response->retry_after_seconds * MS_PER_SECOND;
        reflector->retry_after_ms = asked < REFLECTOR_RETRY_AFTER_LIMIT_MS
                                        ? asked
                                        : REFLECTOR_RETRY_AFTER_LIMIT_MS;
    }
}

static void note_failure(struct reflector *reflector, const struct io_response *response,
                         const char *what)
{
    (void)error_set(&reflector->error, response->failure, "%s: %s", what,
                    text_or(response->message, error_kind_name(response->failure)));
}

static enum reflector_outcome judge_list(struct reflector *reflector,
                                         const struct io_response *response)
{
    if (response->failure == ERROR_LIMIT) {
        (void)error_set(&reflector->error, ERROR_LIMIT,
                        "the list was over the maximum with pages of %u", reflector->page_limit);
        return LIST_TOO_BIG;
    }
    if (response->failure != ERROR_NONE) {
        note_failure(reflector, response, "the list did not arrive");
        return LIST_FAILED;
    }
    if (!is_success(response)) {
        return reflector_read_refusal(reflector, response);
    }
    if (!result_is_ok(reflector_read_page(reflector, response))) {
        return LIST_FAILED;
    }
    return reflector->continue_token ? LIST_CONTINUES : LIST_COMPLETE;
}

void reflector_swap_in(struct reflector *reflector, const char *resource_version)
{
    reflector->numbers.relists += cache_is_synced(reflector->cache, reflector->kind) ? 1 : 0;
    reflector->doubt_began_ms = -1;
    struct cache_batch *batch = reflector->batch;
    reflector->batch = NULL;
    cache_replace(batch, resource_version);
}

void reflector_finish_page(void *context, const struct io_response *response)
{
    struct reflector *reflector = context;
    note_answer(reflector, response);
    reflector->numbers.bytes += response->bytes_received;
    enum reflector_outcome outcome = judge_list(reflector, response);
    if (outcome == LIST_COMPLETE) {
        reflector_swap_in(reflector, reflector->list_resource_version);
    }
    if (outcome != LIST_CONTINUES) {
        drop_list(reflector);
    }
    react(reflector, outcome);
}

void reflector_take_content_type(void *context, const char *content_type)
{
    struct reflector *reflector = context;
    reflector->form = codec_form_of(content_type);
    watch_stream_begin(&reflector->stream, reflector->form->is_framed);
}

struct result reflector_take_bytes(void *context, const char *bytes, size_t size)
{
    struct reflector *reflector = context;
    reflector->contact_ms = io_now_ms(reflector->io);
    reflector->numbers.bytes += size;
    struct result result = watch_stream_feed(&reflector->stream, bytes, size);
    if (result.kind == ERROR_LIMIT && !reflector->stream_is_judged) {
        (void)error_set(&reflector->error, ERROR_LIMIT, "a watch event is over %d bytes",
                        WATCH_EVENT_MAXIMUM);
        reflector->stream_is_judged = true;
        reflector->judged = reflector->step == STEP_STREAM ? STREAM_UNSUPPORTED : WATCH_UNREADABLE;
    }
    return result;
}

/* A stream that was open, whichever side ended it. An idle one is a lost one (C12). */
static enum reflector_outcome judge_stream_end(struct reflector *reflector,
                                               const struct io_response *response)
{
    if (reflector->step == STEP_STREAM) {
        (void)error_set(&reflector->error, ERROR_CLOSED,
                        "the streaming list ended before it was whole: %s",
                        text_or(response->message, "closed by the API server"));
        return STREAM_FAILED;
    }
    int64_t lasted_ms = watch_lasted_ms(reflector);
    if (reflector->watch_events > 0 || lasted_ms >= REFLECTOR_SHORT_WATCH_MS) {
        return WATCH_ENDED;
    }
    (void)error_set(&reflector->error, ERROR_CLOSED,
                    "the watch ended after %d ms without an event: %s", (int)lasted_ms,
                    text_or(response->message, "closed by the API server"));
    return WATCH_SHORT;
}

static enum reflector_outcome judge_watch(struct reflector *reflector,
                                          const struct io_response *response)
{
    bool is_list = reflector->step == STEP_STREAM;
    if (reflector->stream_is_judged) {
        return reflector->judged;
    }
    switch (response->failure) {
    case ERROR_NONE:
        return is_success(response) ? judge_stream_end(reflector, response)
                                    : reflector_read_refusal(reflector, response);
    case ERROR_LOST:
        return judge_stream_end(reflector, response);
    case ERROR_UNAVAILABLE:
    case ERROR_UNAUTHORIZED:
        note_failure(reflector, response, "the watch did not begin");
        return is_list ? STREAM_REFUSED : WATCH_REFUSED;
    default:
        note_failure(reflector, response, "the watch ended");
        return is_list ? STREAM_UNSUPPORTED : WATCH_UNREADABLE;
    }
}

void reflector_finish_watch(void *context, const struct io_response *response)
{
    struct reflector *reflector = context;
    note_answer(reflector, response);
    enum reflector_outcome outcome = judge_watch(reflector, response);
    watch_stream_reset(&reflector->stream);
    drop_list(reflector); /* of a stream that was not whole */
    react(reflector, outcome);
}

/* Steps */

static void take_step(struct reflector *reflector, enum reflector_step step)
{
    bool in_pages = step == STEP_STREAM && io_now_ms(reflector->io) < reflector->paged_until_ms;
    reflector->step = in_pages ? STEP_LIST : step;
    if (step != STEP_NEXT_PAGE) {
        drop_list(reflector);
    }
    if (step != STEP_NEXT_PAGE && step != STEP_WATCH) {
        reflector->batch = cache_batch_new(reflector->cache, reflector->kind);
    }
    reflector_request(reflector);
}

/* Numbers */

struct reflector_health reflector_health(const struct reflector *reflector)
{
    bool failed = reflector->error.kind != ERROR_NONE;
    return (struct reflector_health){.synced = cache_is_synced(reflector->cache, reflector->kind),
                                     .error = failed ? reflector->error.message : NULL,
                                     .contact_ms = reflector->contact_ms};
}

const struct reflector_numbers *reflector_numbers(const struct reflector *reflector)
{
    return &reflector->numbers;
}

const char *reflector_event_type_name(enum watch_event_type type)
{
    static const char *const names[REFLECTOR_EVENT_TYPE_COUNT] = {
        [WATCH_ADDED] = "added",       [WATCH_MODIFIED] = "modified", [WATCH_DELETED] = "deleted",
        [WATCH_BOOKMARK] = "bookmark", [WATCH_ERROR] = "error",       [WATCH_UNKNOWN] = "unknown"};
    return type <= WATCH_UNKNOWN ? names[type] : names[WATCH_UNKNOWN];
}

size_t reflector_held_bytes(const struct reflector *reflector)
{
    return watch_stream_held(&reflector->stream);
}
