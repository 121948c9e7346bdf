#include "kube/reflector_private.h"

#include "core/log.h"
#include "core/memory.h"
#include "core/text.h"

/* `arena` is ours with all in it: the codec makes one for each item. */
static void take_listed(void *context, struct arena *arena, struct object *object,
                        const char *namespace, const char *name, const char *poison)
{
    struct reflector *reflector = context;
    if (object) {
        cache_batch_put(reflector->batch, arena, object);
    } else {
        reflector->numbers.poisons++;
        cache_batch_put_unreadable(reflector->batch, namespace, name, poison);
        arena_free(arena);
    }
    (void)memory_free(arena);
}

static void replace_text(char **text, const char *with)
{
    char *before = *text;
    *text = memory_copy_text(with);
    (void)memory_free(before);
}

struct result reflector_read_page(struct reflector *reflector, const struct io_response *response)
{
    CLEANUP(arena_free) struct arena arena = {0};
    const struct codec_form *form = codec_form_of(response->content_type);
    struct list_page page = {0};
    struct error *error = &reflector->error;
    struct result result = form->decode_list(&arena, reflector->kind, text_or(response->body, ""),
                                             response->body_size, take_listed, reflector, &page,
                                             error);
    if (!result_is_ok(result)) {
        error_add_context(error, "reading a list");
        return result;
    }
    if (text_is_empty(page.resource_version)) {
        return error_set(error, ERROR_INVALID, "a list has no metadata.resourceVersion");
    }
    /* Pages of one list are of one moment; where they are not, the first is the safe one. */
    if (!reflector->list_resource_version) {
        replace_text(&reflector->list_resource_version, page.resource_version);
    }
    replace_text(&reflector->continue_token,
                 text_is_empty(page.continue_token) ? NULL : page.continue_token);
    return RESULT_OK;
}

/* The stream ends here, with this outcome. */
static struct result end_stream(struct reflector *reflector, enum reflector_outcome outcome)
{
    reflector->stream_is_judged = true;
    reflector->judged = outcome;
    return result_of(ERROR_CLOSED);
}

static enum reflector_outcome judge_refusal(const struct reflector *reflector, int code,
                                            const char *reason, const char *message)
{
    switch (reflector->step) {
    case STEP_STREAM:
        return reflector_judge_stream(code, reason, message);
    case STEP_WATCH:
        return reflector_judge_watch(code, reason, message);
    default:
        return reflector_judge_list(code, reason, message);
    }
}

static struct result read_error_event(struct reflector *reflector, const struct watch_event *event)
{
    (void)error_set(&reflector->error, ERROR_UNAVAILABLE, "the watch ended with %d %s: %s",
                    event->code, text_or(event->reason, "(no reason)"),
                    text_or(event->message, "(no message)"));
    return end_stream(reflector,
                      judge_refusal(reflector, event->code, event->reason, event->message));
}

/* An event that moves us on: an object or a bookmark. */
static void note_progress(struct reflector *reflector)
{
    reflector->expired_in_vain = false;
    reflector->doubt_began_ms = -1;
    reflector->error.kind = ERROR_NONE;
}

static void read_poison(struct reflector *reflector, const struct watch_event *event)
{
    reflector->numbers.poisons++;
    if (event->type == WATCH_DELETED) {
        /* Its name is enough to remove it. */
        cache_remove(reflector->cache, reflector->kind, event->namespace, event->name,
                     event->resource_version);
    } else {
        cache_put_unreadable(reflector->cache, reflector->kind, event->namespace, event->name,
                             event->resource_version, event->poison);
    }
}

/* Into the cache. `arena` is taken over by it or left to the caller. */
static struct result read_later_event(struct reflector *reflector, struct arena *arena,
                                      const struct watch_event *event)
{
    note_progress(reflector);
    if (event->type == WATCH_BOOKMARK) {
        cache_advance(reflector->cache, reflector->kind, event->resource_version);
    } else if (!event->object) {
        read_poison(reflector, event);
    } else if (event->type == WATCH_DELETED) {
        cache_remove(reflector->cache, reflector->kind, event->object->meta.namespace,
                     event->object->meta.name, event->object->meta.resource_version);
    } else {
        cache_put(reflector->cache, reflector->kind, arena, event->object);
    }
    return RESULT_OK;
}

/*
 * All objects have come: they become the cache, and the stream is a watch from here on. Its age and
 * its events begin anew, so that C4 judges the watch alone.
 */
static struct result end_initial_events(struct reflector *reflector, const char *resource_version)
{
    if (text_is_empty(resource_version)) {
        (void)error_set(&reflector->error, ERROR_INVALID,
                        "the end of a streaming list has no resourceVersion");
        return end_stream(reflector, STREAM_UNSUPPORTED);
    }
    reflector->step = STEP_WATCH;
    reflector->watch_began_ms = io_now_ms(reflector->io);
    reflector->watch_events = 0;
    reflector->error.kind = ERROR_NONE;
    reflector_swap_in(reflector, resource_version);
    return RESULT_OK;
}

/*
 * A server that does not know what sendInitialEvents means might send objects and bookmarks for
 * ever: what is not whole in time never will be.
 */
static struct result check_stream_age(struct reflector *reflector)
{
    if (io_now_ms(reflector->io) - reflector->watch_began_ms < REFLECTOR_LIST_TIMEOUT_MS) {
        return RESULT_OK;
    }
    (void)error_set(&reflector->error, ERROR_UNAVAILABLE,
                    "a streaming list was not whole after %d ms", REFLECTOR_LIST_TIMEOUT_MS);
    return end_stream(reflector, STREAM_UNSUPPORTED);
}

/*
 * Into the batch (C6). An object may change and go while the others are still coming. The API
 * server's own bookmarks in between mean nothing yet.
 */
static struct result read_initial_event(struct reflector *reflector, struct arena *arena,
                                        const struct watch_event *event)
{
    struct cache_batch *batch = reflector->batch;
    reflector->numbers.poisons += event->poison ? 1 : 0;
    if (event->type == WATCH_BOOKMARK) {
        if (event->ends_initial) {
            return end_initial_events(reflector, event->resource_version);
        }
    } else if (event->type == WATCH_DELETED) {
        cache_batch_remove(batch, event->namespace, event->name);
    } else if (event->object) {
        cache_batch_put(batch, arena, event->object);
    } else {
        cache_batch_put_unreadable(batch, event->namespace, event->name, event->poison);
    }
    return check_stream_age(reflector);
}

struct result reflector_read_event(void *context, const char *bytes, size_t size)
{
    struct reflector *reflector = context;
    CLEANUP(arena_free) struct arena arena = CODEC_OBJECT_ARENA;
    struct watch_event event = {0};
    bool is_list = reflector->step == STEP_STREAM;
    struct result result = reflector->form->decode_event(&arena, reflector->kind, bytes, size,
                                                         &event, &reflector->error);
    if (!result_is_ok(result)) {
        error_add_context(&reflector->error, "reading a watch event");
        return end_stream(reflector, is_list ? STREAM_UNSUPPORTED : WATCH_UNREADABLE);
    }
    reflector->watch_events++;
    reflector->numbers.events[event.type <= WATCH_UNKNOWN ? event.type : WATCH_UNKNOWN]++;
    switch (event.type) {
    case WATCH_ADDED:
    case WATCH_MODIFIED:
    case WATCH_DELETED:
    case WATCH_BOOKMARK:
        return is_list ? read_initial_event(reflector, &arena, &event)
                       : read_later_event(reflector, &arena, &event);
    case WATCH_ERROR:
        return read_error_event(reflector, &event);
    case WATCH_UNKNOWN:
        break;
    }
    log_warning("a watch event of an unknown type was skipped; watching on",
                LOG_TEXT("kind", kind_info(reflector->kind)->kind),
                LOG_TEXT("type", text_or(event.type_name, "")));
    return RESULT_OK;
}

enum reflector_outcome reflector_read_refusal(struct reflector *reflector,
                                              const struct io_response *response)
{
    CLEANUP(arena_free) struct arena arena = {0};
    struct api_status status = {0};
    if (response->body) {
        codec_form_of(response->content_type)
            ->decode_status(&arena, response->body, response->body_size, &status);
    }
    (void)error_set(&reflector->error, ERROR_UNAVAILABLE, "%s was answered with %d %s: %s",
                    reflector->step == STEP_WATCH ? "the watch" : "the list", response->status,
                    text_or(status.reason, "(no reason)"), text_or(status.message, "(no message)"));
    return judge_refusal(reflector, response->status, status.reason, status.message);
}
