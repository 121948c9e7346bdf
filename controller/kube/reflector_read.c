#include "kube/reflector_private.h"

#include "core/log.h"
#include "core/memory.h"
#include "core/text.h"

/* Blocks double: a finished run of one step (1.2 kB, pruned) takes 1.5 kB in two of them. */
enum { OBJECT_BLOCK_SIZE = 512 };

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

struct result reflector_read_page(struct reflector *reflector, const char *body, size_t size)
{
    CLEANUP(arena_free) struct arena arena = {0};
    struct list_page page = {0};
    struct error *error = &reflector->error;
    struct result result = codec_decode_list(&arena, reflector->kind, body, size, take_listed,
                                             reflector, &page, error);
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
static struct result judge_stream(struct reflector *reflector, enum reflector_outcome outcome)
{
    reflector->stream_is_judged = true;
    reflector->judged = outcome;
    return result_of(ERROR_CLOSED);
}

static struct result read_error_event(struct reflector *reflector, const struct watch_event *event)
{
    (void)error_set(&reflector->error, ERROR_UNAVAILABLE, "the watch ended with %d %s: %s",
                    event->code, text_or(event->reason, "(no reason)"),
                    text_or(event->message, "(no message)"));
    return judge_stream(reflector,
                        reflector_judge_watch(event->code, event->reason, event->message));
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

/* Added, modified, deleted. `arena` is taken over by the cache or left to the caller. */
static void read_object_event(struct reflector *reflector, struct arena *arena,
                              const struct watch_event *event)
{
    note_progress(reflector);
    if (!event->object) {
        read_poison(reflector, event);
    } else if (event->type == WATCH_DELETED) {
        cache_remove(reflector->cache, reflector->kind, event->object->meta.namespace,
                     event->object->meta.name, event->object->meta.resource_version);
    } else {
        cache_put(reflector->cache, reflector->kind, arena, event->object);
    }
}

struct result reflector_read_event(void *context, const char *line, size_t size)
{
    struct reflector *reflector = context;
    CLEANUP(arena_free) struct arena arena = {.first_block_size = OBJECT_BLOCK_SIZE};
    struct watch_event event = {0};
    struct result result = codec_decode_event(&arena, reflector->kind, line, size, &event,
                                              &reflector->error);
    if (!result_is_ok(result)) {
        error_add_context(&reflector->error, "reading a watch event");
        return judge_stream(reflector, WATCH_UNREADABLE);
    }
    reflector->watch_events++;
    reflector->numbers.events[event.type <= WATCH_UNKNOWN ? event.type : WATCH_UNKNOWN]++;
    switch (event.type) {
    case WATCH_ADDED:
    case WATCH_MODIFIED:
    case WATCH_DELETED:
        read_object_event(reflector, &arena, &event);
        return RESULT_OK;
    case WATCH_BOOKMARK:
        note_progress(reflector);
        cache_advance(reflector->cache, reflector->kind, event.resource_version);
        return RESULT_OK;
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
                                              const struct io_response *response, bool is_watch)
{
    CLEANUP(arena_free) struct arena arena = {0};
    struct api_status status = {0};
    if (response->body) {
        codec_decode_status(&arena, response->body, response->body_size, &status);
    }
    (void)error_set(&reflector->error, ERROR_UNAVAILABLE, "%s was answered with %d %s: %s",
                    is_watch ? "the watch" : "the list", response->status,
                    text_or(status.reason, "(no reason)"), text_or(status.message, "(no message)"));
    return is_watch ? reflector_judge_watch(response->status, status.reason, status.message)
                    : reflector_judge_list(response->status, status.reason, status.message);
}
