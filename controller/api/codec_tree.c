#include "api/codec_tree.h"

#include "core/assert.h"
#include "core/memory.h"
#include "core/text.h"

#include <string.h>

enum { PATH_SIZE = 256 };

/* U+FFFD REPLACEMENT CHARACTER */
static const char replacement[] = "\xEF\xBF\xBD";
enum { REPLACEMENT_SIZE = sizeof(replacement) - 1 };

static void *json_allocate(size_t size)
{
    return memory_resize(NULL, 1, size);
}

static void json_free_memory(void *pointer)
{
    (void)memory_free(pointer);
}

/*
 * Before main, so that no path to a tree can come first: without memory the program ends instead of
 * going on with half a tree.
 */
__attribute__((constructor)) static void use_our_memory(void)
{
    json_set_alloc_funcs(json_allocate, json_free_memory);
}

void tree_release(json_t **tree)
{
    json_decref(*tree);
}

/*
 * What stands at the place of the error, or line and column when it is not JSON there. `text` is a
 * part of `whole`.
 */
static struct result parse_failure(struct span whole, struct span text, const json_error_t *failure,
                                   struct error *error)
{
    char path[PATH_SIZE];
    size_t position = failure->position > 0 ? (size_t)failure->position - 1 : 0;
    scan_path_at(whole, (size_t)(text.bytes - whole.bytes) + position, path, sizeof(path));
    if (path[0] != '\0') {
        return error_set(error, ERROR_INVALID, "%s: %s", path, failure->text);
    }
    return error_set(error, ERROR_INVALID, "line %d, column %d: %s", failure->line, failure->column,
                     failure->text);
}

static struct result check_depth(struct span whole, struct span text, struct error *error)
{
    char path[PATH_SIZE];
    if (scan_depth(text) <= JSON_DEPTH_MAX) {
        return RESULT_OK;
    }
    scan_path_at(whole, (size_t)(text.bytes - whole.bytes), path, sizeof(path));
    return error_set(error, ERROR_INVALID, "%s%snested deeper than %d levels", path,
                     path[0] ? ": " : "", JSON_DEPTH_MAX);
}

static struct result parse(struct span whole, struct span text, size_t flags, json_t **tree,
                           struct error *error)
{
    json_error_t failure;
    TRY(check_depth(whole, text, error));
    /* NULs are allowed in texts here, since a termination message may hold some. */
    json_t *parsed = json_loadb(text.bytes, text.size, flags | JSON_DECODE_ANY | JSON_ALLOW_NUL,
                                &failure);
    if (!parsed) {
        return parse_failure(whole, text, &failure, error);
    }
    *tree = parsed;
    return RESULT_OK;
}

struct result tree_parse(struct span text, size_t flags, json_t **tree, struct error *error)
{
    return parse(text, text, flags, tree, error);
}

struct result tree_parse_within(struct span whole, struct span text, json_t **tree,
                                struct error *error)
{
    return parse(whole, text, 0, tree, error);
}

char *tree_copy_text(struct arena *arena, const json_t *value)
{
    if (!json_is_string(value)) {
        return NULL;
    }
    const char *text = json_string_value(value);
    size_t size = json_string_length(value);
    size_t nuls = 0;
    for (size_t at = 0; at < size; at++) {
        nuls += text[at] == '\0' ? 1 : 0;
    }
    if (nuls == 0) {
        return arena_copy_bytes(arena, text, size);
    }
    char *copy = arena_allocate(arena, 1, size + nuls * (REPLACEMENT_SIZE - 1) + 1);
    char *end = copy;
    for (size_t at = 0; at < size; at++) {
        if (text[at] == '\0') {
            memcpy(end, replacement, REPLACEMENT_SIZE);
            end += REPLACEMENT_SIZE;
        } else {
            *end++ = text[at];
        }
    }
    return copy;
}

char *tree_copy_member(struct arena *arena, const json_t *object, const char *name)
{
    return tree_copy_text(arena, json_object_get(object, name));
}

const char *tree_describe_type(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
        return "an integer";
    case JSON_REAL:
        return "a number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "a boolean";
    case JSON_NULL:
        break;
    }
    return "null";
}
