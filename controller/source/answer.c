#include "source/answer.h"

#include "core/encoding.h"
#include "core/text.h"
#include "core/url.h"

#include <string.h>

enum {
    SHOWN_LIMIT = 80,
    STATUS_OK = 200,
    STATUS_REDIRECT = 300,
    STATUS_BAD = 400,
    STATUS_UNAUTHORIZED = 401,
    STATUS_FORBIDDEN = 403,
    STATUS_NOT_FOUND = 404,
    STATUS_GONE = 410,
    STATUS_TOO_MANY = 429,
    STATUS_SERVER = 500,
};

char *source_show(struct arena *arena, const char *bytes, size_t size)
{
    char *shown = arena_copy_bytes(arena, bytes, size < SHOWN_LIMIT ? size : SHOWN_LIMIT);
    for (size_t at = 0; at < size && at < SHOWN_LIMIT; at++) {
        bool is_fine = shown[at] >= ' ' && shown[at] <= '~' && shown[at] != '"';
        shown[at] = (char)(is_fine ? shown[at] : '?');
    }
    return shown;
}

char *source_printable(struct arena *arena, const char *text)
{
    return percent_encode(arena, text, "!\"#$&'()*+,/:;<=>?@[\\]^`{|}");
}

const char *source_clip_summary(struct arena *arena, const char *summary)
{
    return strlen(summary) <= SOURCE_SUMMARY_LIMIT
               ? summary
               : arena_copy_bytes(arena, summary, SOURCE_SUMMARY_LIMIT);
}

bool source_has_type(const struct source_answer *answer, const char *type)
{
    const char *value = text_or(source_answer_header(answer, "content-type"), "");
    size_t size = strcspn(value, "; \t");
    return size == strlen(type) && text_equal_ignoring_case(value, type, size);
}

/* Where a redirect leads, without its query, which may hold what only the user may know. */
static const char *redirect_target(struct arena *arena, const char *asked,
                                   const struct source_answer *answer)
{
    struct url from;
    struct url to;
    const char *location = source_answer_header(answer, "location");
    bool is_known = location && result_is_ok(url_parse(arena, asked, &from, NULL)) &&
                    result_is_ok(url_resolve(arena, &from, location, &to, NULL));
    if (!is_known) {
        return "somewhere else";
    }
    const char *target = url_print(arena, &to, to.path);
    return strlen(target) <= SOURCE_SUMMARY_LIMIT ? target : "somewhere else";
}

/* What to do about a 401 or 403. */
static const char *denied_advice(struct arena *arena, const struct source_question *question)
{
    return question->with_secret
               ? arena_print(arena, "what the Secret of %s holds is not accepted",
                             question->secret_field)
               : arena_print(arena, "name a Secret in %s, or see whether the URL is right",
                             question->secret_field);
}

struct result source_check_status(struct arena *arena, const struct source_question *question,
                                  const struct source_answer *answer, struct error *error)
{
    if (answer->status == STATUS_OK) {
        return RESULT_OK;
    }
    int status = answer->status;
    const char *asked = arena_print(arena, "%s %.*s: %d", question->method,
                                    (int)strcspn(question->url, "?"), question->url, status);
    switch (status) {
    case STATUS_UNAUTHORIZED:
    case STATUS_FORBIDDEN:
        return error_set(error, ERROR_DENIED, "%s: %s", asked, denied_advice(arena, question));
    case STATUS_NOT_FOUND:
    case STATUS_GONE:
        return error_set(error, ERROR_NOT_FOUND,
                         "%s: nothing is there, or not for everybody: see "
                         "%s and %s",
                         asked, question->url_field, question->secret_field);
    case STATUS_TOO_MANY:
        return error_set(error, ERROR_UNAVAILABLE, "%s: too many requests for it now", asked);
    default:
        break;
    }
    if (status >= STATUS_SERVER) {
        return error_set(error, ERROR_UNAVAILABLE, "%s: the server can't answer now", asked);
    }
    if (status >= STATUS_REDIRECT && status < STATUS_BAD) {
        return error_set(error, ERROR_INVALID,
                         "%s: it moved to %s: redirects aren't followed, write the new place into "
                         "%s",
                         asked, redirect_target(arena, question->url, answer), question->url_field);
    }
    return error_set(error, ERROR_INVALID, "%s: that is no answer to this: see %s", asked,
                     question->url_field);
}
