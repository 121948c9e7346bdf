/* What a reflector asks the API server for: a page, a whole list, a streaming list, a watch. */

#include "core/memory.h"
#include "core/text.h"
#include "kube/reflector_private.h"

#include <string.h>

/* RFC 3986, section 2.3: a query value with all but unreserved characters escaped. */
static const char *escape_value(struct arena *arena, const char *value)
{
    static const char hex[] = "0123456789ABCDEF";
    static const char unreserved[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    enum { ESCAPED_SIZE = 3 };
    char *escaped = arena_allocate(arena, strlen(value) + 1, ESCAPED_SIZE);
    char *to = escaped;
    for (; *value != '\0'; value++) {
        unsigned char byte = (unsigned char)*value;
        if (strchr(unreserved, byte)) {
            *to++ = *value;
        } else {
            *to++ = '%';
            *to++ = hex[byte >> 4];
            *to++ = hex[byte & 0xFU];
        }
    }
    return escaped;
}

/* "/apis/...?FIRST" and the kind's selector. */
static const char *make_path(struct arena *arena, enum api_kind kind, const char *first)
{
    const char *selector = kind_info(kind)->list_selector;
    return arena_print(arena, "%s?%s%s%s", kind_path(arena, kind, NULL, NULL, NULL), first,
                       selector ? "&labelSelector=" : "", text_or(selector, ""));
}

static void start_list_request(struct reflector *reflector)
{
    CLEANUP(arena_free) struct arena arena = {0};
    bool in_pages = reflector->step != STEP_LIST_ALL;
    const char *query = "resourceVersion=";
    if (in_pages) {
        query = arena_print(&arena, "limit=%u", reflector->page_limit);
    }
    const char *path = make_path(&arena, reflector->kind, query);
    if (reflector->continue_token) {
        path = arena_print(&arena, "%s&continue=%s", path,
                           escape_value(&arena, reflector->continue_token));
    }
    reflector->numbers.list_requests++;
    reflector->call = io_start(
        reflector->io,
        &(struct io_request){.method = "GET",
                             .path = path,
                             .accept = codec_form_wanted(reflector->kind)->accept_list,
                             .maximum = in_pages ? REFLECTOR_PAGE_MAXIMUM
                                                 : REFLECTOR_LIST_ALL_MAXIMUM,
                             .timeout_ms = REFLECTOR_LIST_TIMEOUT_MS,
                             .on_done = reflector_finish_page,
                             .context = reflector});
}

/* KEP-3157. Without a resourceVersion: what etcd has now, as with a first LIST (C1). */
#define INITIAL_EVENTS "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"

static void start_watch_request(struct reflector *reflector)
{
    CLEANUP(arena_free) struct arena arena = {0};
    bool is_list = reflector->step == STEP_STREAM;
    uint64_t range = REFLECTOR_WATCH_SECONDS_HIGH - REFLECTOR_WATCH_SECONDS_LOW + 1;
    int seconds = REFLECTOR_WATCH_SECONDS_LOW + (int)(io_random(reflector->io) % range);
    const char *version = cache_resource_version(reflector->cache, reflector->kind);
    const char *query = arena_print(
        &arena, "watch=true&allowWatchBookmarks=true%s&resourceVersion=%s&timeoutSeconds=%d",
        is_list ? INITIAL_EVENTS : "", is_list ? "" : escape_value(&arena, text_or(version, "")),
        seconds);
    reflector->watch_began_ms = io_now_ms(reflector->io);
    reflector->watch_events = 0;
    reflector->stream_is_judged = false;
    if (is_list) {
        reflector->numbers.stream_requests++;
    } else {
        reflector->numbers.watch_requests++;
    }
    reflector->call = io_start(
        reflector->io,
        &(struct io_request){.method = "GET",
                             .path = make_path(&arena, reflector->kind, query),
                             .accept = codec_form_wanted(reflector->kind)->accept_watch,
                             .idle_ms = REFLECTOR_IDLE_MS,
                             .on_content_type = reflector_take_content_type,
                             .on_data = reflector_take_bytes,
                             .on_done = reflector_finish_watch,
                             .context = reflector});
}

void reflector_request(struct reflector *reflector)
{
    bool is_stream = reflector->step == STEP_STREAM || reflector->step == STEP_WATCH;
    if (is_stream) {
        start_watch_request(reflector);
    } else {
        start_list_request(reflector);
    }
}
