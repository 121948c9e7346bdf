#include "cli/asker.h"

#include "api/codec.h"
#include "core/assert.h"
#include "core/memory.h"
#include "core/text.h"
#include "kube/reaction.h"

#include <string.h>

enum { MS_PER_SECOND = 1000 };

struct asker {
    struct asker_options options;
    struct asker_question question; /* its texts are in `asked` */
    struct arena asked;
    struct arena said; /* of the newest answer */
    struct io_call *call;
    struct io_timer *timer;
    bool has_heard;     /* the API server has answered anything */
    int64_t trouble_ms; /* monotonic: since when there is no answer; -1: all is well */
    int64_t backoff_ms;
};

static void send(struct asker *asker);

struct asker *asker_new(const struct asker_options *options)
{
    struct asker *asker = memory_allocate(1, sizeof(*asker));
    asker->options = *options;
    asker->trouble_ms = -1;
    return asker;
}

void asker_stop(struct asker *asker)
{
    if (asker->call) {
        io_cancel(asker->options.io, asker->call);
        asker->call = NULL;
    }
    io_stop_timer(asker->options.io, asker->timer);
    asker->timer = NULL;
}

struct asker *asker_free(struct asker *asker)
{
    if (!asker) {
        return NULL;
    }
    asker_stop(asker);
    arena_free(&asker->asked);
    arena_free(&asker->said);
    return memory_free(asker);
}

/* ---- Without an answer ---- */

static bool is_passing(enum error_kind error)
{
    return error == ERROR_UNAVAILABLE || error == ERROR_LOST || error == ERROR_TOO_MANY ||
           error == ERROR_CLOSED || error == ERROR_IO;
}

static bool has_patience(const struct asker *asker)
{
    int64_t now = io_now_ms(asker->options.io);
    return asker->has_heard &&
           (asker->trouble_ms < 0 || now - asker->trouble_ms < ASKER_PATIENCE_MS);
}

/* [d, 2d) with d doubling, and no less than was asked for. */
static int64_t draw_pause(struct asker *asker, int retry_after_seconds)
{
    int64_t base = asker->backoff_ms;
    int64_t pause = base + (int64_t)(io_random(asker->options.io) % (uint64_t)base);
    int64_t wanted = (int64_t)retry_after_seconds * MS_PER_SECOND;
    asker->backoff_ms = base * 2 < ASKER_BACKOFF_LIMIT_MS ? base * 2 : ASKER_BACKOFF_LIMIT_MS;
    wanted = wanted < ASKER_RETRY_AFTER_LIMIT_MS ? wanted : ASKER_RETRY_AFTER_LIMIT_MS;
    return pause > wanted ? pause : wanted;
}

static void end_pause(void *context)
{
    struct asker *asker = context;
    asker->timer = NULL;
    send(asker);
}

static void ask_again(struct asker *asker, const struct io_response *response, const char *message)
{
    int64_t now = io_now_ms(asker->options.io);
    if (asker->trouble_ms < 0) {
        asker->trouble_ms = now;
        asker->backoff_ms = ASKER_BACKOFF_FIRST_MS;
        asker->options.on_trouble(asker->options.context, message);
    }
    int64_t pause = draw_pause(asker, response->retry_after_seconds);
    asker->timer = io_start_timer(asker->options.io, now + pause, end_pause, asker);
}

/* ---- Answers ---- */

static enum error_kind judge(struct asker *asker, const struct io_response *response,
                             const char **message)
{
    if (response->failure != ERROR_NONE) {
        *message = arena_copy_text(&asker->said, text_or(response->message, "no answer"));
        return response->failure;
    }
    struct api_status status = {0};
    enum error_kind error = reaction_of_status(response->status, NULL);
    if (error == ERROR_NONE) {
        return ERROR_NONE;
    }
    if (response->body) {
        codec_decode_status(&asker->said, response->body, response->body_size, &status);
    }
    *message = arena_print(&asker->said, "%d: %s", response->status,
                           text_or(status.message, "without a reason"));
    return reaction_of_status(response->status, status.reason);
}

static void note_relief(struct asker *asker)
{
    if (asker->trouble_ms >= 0) {
        asker->trouble_ms = -1;
        asker->options.on_relief(asker->options.context);
    }
}

static void on_done(void *context, const struct io_response *response)
{
    struct asker *asker = context;
    const char *message = NULL;
    asker->call = NULL;
    arena_reset(&asker->said);
    enum error_kind error = judge(asker, response, &message);
    asker->has_heard = asker->has_heard || response->status != 0;
    if (is_passing(error) && has_patience(asker)) {
        ask_again(asker, response, message);
        return;
    }
    if (is_passing(error)) {
        error = ERROR_UNAVAILABLE;
        asker->trouble_ms = -1;
    } else {
        note_relief(asker);
    }
    const struct asker_answer answer = {.error = error,
                                        .status = response->status,
                                        .message = message,
                                        .body = text_or(response->body, ""),
                                        .body_size = response->body ? response->body_size : 0};
    asker->question.on_answer(asker->options.context, &answer);
}

/* ---- Questions ---- */

static void send(struct asker *asker)
{
    const struct asker_question *question = &asker->question;
    asker->call = io_start(
        asker->options.io,
        &(struct io_request){.method = question->method,
                             .path = question->path,
                             .accept = question->accept,
                             .content_type = question->body ? "application/json" : NULL,
                             .body = question->body,
                             .body_size = question->body ? strlen(question->body) : 0,
                             .maximum = question->maximum,
                             .timeout_ms = ASKER_TIMEOUT_MS,
                             .send_before_ms = io_now_ms(asker->options.io) + ASKER_TIMEOUT_MS,
                             .on_done = on_done,
                             .context = asker});
}

void asker_ask(struct asker *asker, const struct asker_question *question)
{
    REQUIRE(!asker->call && !asker->timer);
    arena_reset(&asker->asked);
    asker->question = (struct asker_question){
        .method = arena_copy_text(&asker->asked, question->method),
        .path = arena_copy_text(&asker->asked, question->path),
        .accept = arena_copy_text(&asker->asked, question->accept),
        .body = arena_copy_text(&asker->asked, question->body),
        .maximum = question->maximum,
        .on_answer = question->on_answer};
    send(asker);
}
