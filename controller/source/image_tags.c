#include "source/image_tags.h"

#include "api/json_part.h"
#include "core/text.h"
#include "core/url.h"
#include "source/image_reference.h"

#include <string.h>

static struct result fail_list(struct error *error, const char *what)
{
    return error_set(error, ERROR_INVALID, "the registry's list of tags %s", what);
}

/* Helm's rule: "_" stands for the "+" that a tag can't have. */
static char *version_text(struct arena *arena, const char *tag)
{
    char *text = arena_copy_text(arena, tag);
    for (char *at = text; *at; at++) {
        *at = (char)(*at == '_' ? '+' : *at);
    }
    return text;
}

/* Takes `tag` when it is better than what there is. */
static void consider(struct arena *arena, struct image_tags *tags, const char *tag)
{
    struct semver parsed;
    const char *version = version_text(arena, tag);
    if (!semver_parse(arena, version, &parsed) || !semver_range_contains(tags->range, &parsed)) {
        return;
    }
    int order = tags->tag ? semver_compare(&parsed, &tags->parsed) : 1;
    if (order > 0 || (order == 0 && strcmp(tag, tags->tag) > 0)) {
        tags->tag = tag;
        tags->parsed = parsed;
        tags->version = version + (version[0] == 'v' ? 1 : 0);
    }
}

/* The best of a page goes into `tags`, of which texts are in `scratch` afterwards. */
static struct result read_page(struct arena *scratch, struct image_tags *tags,
                               const struct source_answer *answer, struct error *error)
{
    struct span root;
    struct span list;
    struct span item;
    struct scan scan;
    if (!json_part_open(answer->body, answer->body_size, &root) || root.bytes[0] != '{') {
        return fail_list(error, "is no JSON object");
    }
    /* null of an empty repository */
    if (!json_part_find(root, "tags", &list) || list.bytes[0] == 'n') {
        return RESULT_OK;
    }
    if (!scan_open(list, '[', &scan)) {
        return fail_list(error, "is no array");
    }
    enum scan_step step;
    while ((step = scan_next_item(&scan, &item)) == SCAN_FOUND) {
        if (tags->seen == IMAGE_TAGS_LIMIT) {
            return error_set(error, ERROR_LIMIT, "the repository has more than %d tags",
                             IMAGE_TAGS_LIMIT);
        }
        tags->seen++;
        const char *tag = json_part_text(scratch, item);
        if (tag && image_is_tag(tag)) {
            consider(scratch, tags, tag);
        }
    }
    return step == SCAN_END ? RESULT_OK : fail_list(error, "is broken");
}

struct result image_tags_read(struct arena *arena, struct image_tags *tags,
                              const struct source_answer *answer, struct error *error)
{
    struct arena scratch = {0};
    const char *before = tags->tag;
    struct result result = read_page(&scratch, tags, answer, error);
    if (tags->tag != before) {
        tags->tag = arena_copy_text(arena, tags->tag);
        tags->version = arena_copy_text(arena, tags->version);
        tags->parsed.prerelease = arena_copy_text(arena, tags->parsed.prerelease);
    }
    arena_free(&scratch);
    return result;
}

/* ---- The next page ---- */

/* To the first of the bytes in `stops` that stands in no quoted string, or the end. */
static const char *find_unquoted(const char *at, const char *stops)
{
    bool is_quoted = false;
    for (; *at && (is_quoted || !strchr(stops, *at)); at++) {
        is_quoted = *at == '"' ? !is_quoted : is_quoted;
    }
    return at;
}

/* Whether one of the parameters at `at`, each behind a ";", is rel=next. */
static bool is_next(const char *at)
{
    while (*at == ';') {
        at += strspn(at, "; \t");
        if (text_equal_ignoring_case(at, "rel=next", strlen("rel=next")) ||
            text_equal_ignoring_case(at, "rel=\"next\"", strlen("rel=\"next\""))) {
            return true;
        }
        at = find_unquoted(at, ";,");
    }
    return false;
}

/* The target of rel=next in one header; NULL when there is none. */
static const char *find_next(struct arena *arena, const char *value)
{
    for (const char *at = value; (at = strchr(at, '<')) != NULL;) {
        const char *close = strchr(at, '>');
        if (!close) {
            return NULL;
        }
        const char *parameters = close + 1 + strspn(close + 1, " \t");
        if (is_next(parameters)) {
            return arena_copy_bytes(arena, at + 1, (size_t)(close - at) - 1);
        }
        at = find_unquoted(parameters, ",");
    }
    return NULL;
}

static const char *next_target(struct arena *arena, const struct source_answer *answer)
{
    for (size_t at = 0; at < answer->header_count; at++) {
        const char *target = text_equal(answer->headers[at].name, "link")
                                 ? find_next(arena, answer->headers[at].value)
                                 : NULL;
        if (target) {
            return target;
        }
    }
    return NULL;
}

struct result image_tags_next(struct arena *arena, const char *asked,
                              const struct source_answer *answer, const char **next,
                              struct error *error)
{
    const char *target = next_target(arena, answer);
    struct url base;
    struct url url;
    *next = NULL;
    if (!target) {
        return RESULT_OK;
    }
    TRY(url_parse(arena, asked, &base, error));
    if (!result_is_ok(url_resolve(arena, &base, target, &url, error))) {
        error_add_context(error, "the link to the next page of tags");
        return result_of(ERROR_INVALID);
    }
    if (!url_same_origin(&base, &url) || !text_equal(base.path, url.path)) {
        return fail_list(error, "goes on at another place: only pages of the same one are read");
    }
    if (text_equal(base.query, url.query)) {
        return fail_list(error, "has a page that links to itself");
    }
    *next = url_print(
        arena, &base,
        arena_print(arena, "%s%s%s", base.path, url.query ? "?" : "", text_or(url.query, "")));
    return RESULT_OK;
}
