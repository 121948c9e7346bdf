#include "source/image_reference.h"

#include "core/assert.h"
#include "core/text.h"
#include "core/url.h"
#include "source/answer.h"

#include <string.h>

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGIT "0123456789"

/* [a-z0-9]+ ((\.|_|__|-+) [a-z0-9]+)*, of which `at` is behind the end afterwards. */
static bool take_component(const char **at)
{
    for (;;) {
        size_t letters = strspn(*at, LOWER DIGIT);
        *at += letters;
        if (letters == 0) {
            return false;
        }
        size_t separators = strspn(*at, "._-");
        if (separators == 0) {
            return true;
        }
        bool is_fine = strspn(*at, "-") == separators || separators == 1 ||
                       (separators == 2 && strspn(*at, "_") == 2);
        if (!is_fine) {
            return false;
        }
        *at += separators;
    }
}

static bool is_name(const char *text)
{
    while (take_component(&text)) {
        if (*text == '\0') {
            return true;
        }
        if (*text++ != '/') {
            return false;
        }
    }
    return false;
}

bool image_is_tag(const char *text)
{
    size_t size = strspn(text, LOWER UPPER DIGIT "_.-");
    return size > 0 && size <= IMAGE_TAG_LIMIT && text[size] == '\0' && text[0] != '.' &&
           text[0] != '-';
}

bool image_is_digest(const char *text)
{
    static const struct {
        const char *prefix;
        size_t digits;
    } algorithms[] = {{"sha256:", 64}, {"sha512:", 128}};
    for (size_t at = 0; at < COUNT_OF(algorithms); at++) {
        if (text_starts_with(text, algorithms[at].prefix)) {
            const char *digits = text + strlen(algorithms[at].prefix);
            size_t size = strspn(digits, DIGIT "abcdef");
            return size == algorithms[at].digits && digits[size] == '\0';
        }
    }
    return false;
}

static struct result fail(struct error *error, const char *shown, const char *what)
{
    return error_set(error, ERROR_INVALID, "\"%s\" %s", shown, what);
}

/* A host is told from a name's first part as by every client: by a dot, a port, or "localhost". */
static bool begins_with_host(const char *text)
{
    size_t size = strcspn(text, "/");
    bool has_mark = strcspn(text, ".:[") < size;
    return text[size] == '/' && (has_mark || text_starts_with(text, "localhost/"));
}

struct result image_repository_parse(struct arena *arena, const char *text,
                                     struct image_repository *repository, struct error *error)
{
    const char *shown = source_show(arena, text, strlen(text));
    bool has_scheme = strstr(text, "://") != NULL;
    if (!has_scheme && !begins_with_host(text)) {
        return fail(error, shown,
                    "names no registry: write HOST/NAME, for example "
                    "registry-1.docker.io/library/python");
    }
    struct url url;
    const char *whole = has_scheme ? text : arena_print(arena, "https://%s", text);
    if (!result_is_ok(url_parse(arena, whole, &url, error))) {
        error_add_context(error, "\"%s\"", shown);
        return result_of(ERROR_INVALID);
    }
    if (text_equal(url.host, "docker.io") || text_equal(url.host, "index.docker.io")) {
        return fail(error, shown,
                    "is no registry's address: write registry-1.docker.io/NAME, and "
                    "library/ before the name of an official image");
    }
    const char *name = url.path[0] == '/' ? url.path + 1 : url.path;
    if (strpbrk(name, ":@")) {
        return fail(error, shown, "has a tag or digest: write the tag into spec.image.tag");
    }
    if (url.query || !is_name(name)) {
        return fail(error, shown, "is no repository: write HOST/NAME, the name in lower case");
    }
    const char *reference = arena_print(arena, "%s/%s", url.authority, name);
    if (strlen(reference) > IMAGE_NAME_LIMIT) {
        return fail(error, shown, "is longer than 255 bytes");
    }
    *repository = (struct image_repository){
        .base_url = url_print(arena, &url, ""), .name = name, .reference = reference};
    return RESULT_OK;
}
