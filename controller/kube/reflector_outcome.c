#include "kube/reflector_outcome.h"

#include "core/assert.h"
#include "core/text.h"

#include <string.h>

enum {
    HTTP_UNAUTHORIZED = 401,
    HTTP_GONE = 410,
    HTTP_TOO_MANY_REQUESTS = 429,
    HTTP_SERVER_ERROR = 500
};

static const struct reflector_reaction reactions[REFLECTOR_OUTCOME_COUNT] = {
    [LIST_CONTINUES] = {"list_page", STEP_NEXT_PAGE, false, false, "asking for the next page"},
    [LIST_COMPLETE] = {"listed", STEP_WATCH, false, false, "watching"},
    [LIST_EXPIRED] = {"list_expired", STEP_LIST_ALL, false, false, "listing again in one piece"},
    [LIST_TOO_BIG] = {"list_too_big", STEP_LIST, false, false, "listing again in smaller pages"},
    [LIST_FAILED] = {"list_failed", STEP_STREAM, true, true, "listing again"},
    [STREAM_REFUSED] = {"stream_refused", STEP_STREAM, true, true, "listing again"},
    [STREAM_UNREADY] = {"stream_unready", STEP_LIST, false, false, "listing in pages"},
    [STREAM_FAILED] = {"stream_failed", STEP_STREAM, true, true, "listing again"},
    [STREAM_UNSUPPORTED] = {"stream_unsupported", STEP_LIST, false, false, "listing in pages"},
    [STREAM_STUCK] = {"stream_stuck", STEP_LIST, false, true, "listing in pages"},
    [WATCH_ENDED] = {"ended", STEP_WATCH, false, false, "watching on"},
    [WATCH_SHORT] = {"short", STEP_WATCH, true, true, "watching on"},
    [WATCH_REFUSED] = {"refused", STEP_WATCH, true, true, "watching on"},
    [WATCH_FAILED] = {"failed", STEP_WATCH, true, true, "watching on"},
    [WATCH_EXPIRED] = {"expired", STEP_STREAM, false, false, "listing again"},
    [WATCH_UNREADABLE] = {"unreadable", STEP_STREAM, true, true, "listing again"},
    [WATCH_STUCK] = {"stuck", STEP_STREAM, true, true, "listing again"},
};

const struct reflector_reaction *reflector_reaction(enum reflector_outcome outcome)
{
    REQUIRE(outcome < REFLECTOR_OUTCOME_COUNT);
    return &reactions[outcome];
}

/*
 * 410 has the reasons Expired and Gone. A resourceVersion that is ahead of the server (a restored
 * etcd) is a 504 that only its text tells apart, as for client-go (apierrors.HasStatusCause).
 */
static bool is_expired(int code, const char *reason, const char *message)
{
    return code == HTTP_GONE || text_equal(reason, "Expired") || text_equal(reason, "Gone") ||
           (message && strstr(message, "Too large resource version") != NULL);
}

/*
 * The watch cache of a kind is being filled, as after its CRD was made or the API server started.
 * Watches are refused meanwhile, and asked to come back in a second; a list in pages without a
 * selector is read from etcd (KEP-4568). Only the text tells it from the 429 of a busy server.
 */
static bool is_initializing(int code, const char *message)
{
    return code == HTTP_TOO_MANY_REQUESTS &&
           strstr(text_or(message, ""), "storage is (re)initializing") != NULL;
}

/*
 * A stream asks for the newest version and can't be too old; one whose server is behind etcd ("Too
 * large resource version") may catch up. What can't get better by waiting is tried as a plain list:
 * a server without streaming lists says 400 or 422, or 403 where a policy knows no such request.
 */
enum reflector_outcome reflector_judge_stream(int code, const char *reason, const char *message)
{
    if (is_initializing(code, message)) {
        return STREAM_UNREADY;
    }
    if (code == HTTP_TOO_MANY_REQUESTS || code == HTTP_UNAUTHORIZED) {
        return STREAM_REFUSED;
    }
    bool may_pass = code >= HTTP_SERVER_ERROR || is_expired(code, reason, message);
    return may_pass ? STREAM_FAILED : STREAM_UNSUPPORTED;
}

enum reflector_outcome reflector_judge_list(int code, const char *reason, const char *message)
{
    return is_expired(code, reason, message) ? LIST_EXPIRED : LIST_FAILED;
}

enum reflector_outcome reflector_judge_watch(int code, const char *reason, const char *message)
{
    if (is_expired(code, reason, message)) {
        return WATCH_EXPIRED;
    }
    if (code == HTTP_TOO_MANY_REQUESTS || code == HTTP_UNAUTHORIZED) {
        return WATCH_REFUSED;
    }
    return code >= HTTP_SERVER_ERROR ? WATCH_FAILED : WATCH_UNREADABLE;
}
