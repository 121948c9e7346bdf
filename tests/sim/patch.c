#include "sim/patch.h"

#include "core/assert.h"
#include "core/text.h"
#include "sim/tree.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { TOKEN_SIZE = 512 };

/* The next token of a JSON Pointer (RFC 6901) behind its '/'; NULL after the last. */
static const char *take_token(const char *pointer, char token[TOKEN_SIZE])
{
    size_t used = 0;
    for (; *pointer && *pointer != '/'; pointer++) {
        char byte = *pointer;
        if (byte == '~') {
            pointer++;
            byte = *pointer == '0' ? '~' : '/';
        }
        REQUIRE(used + 1 < TOKEN_SIZE);
        token[used++] = byte;
    }
    token[used] = '\0';
    return *pointer == '/' ? pointer + 1 : NULL;
}

static json_t *child(json_t *tree, const char *token)
{
    return json_is_array(tree) ? json_array_get(tree, strtoul(token, NULL, 10))
                               : json_object_get(tree, token);
}

static bool change_array(json_t *array, const char *verb, const char *token, json_t *value)
{
    size_t size = json_array_size(array);
    size_t index = strcmp(token, "-") == 0 ? size : strtoul(token, NULL, 10);
    if (text_equal(verb, "add")) {
        return index <= size && json_array_insert(array, index, value) == 0;
    }
    if (index >= size) {
        return false;
    }
    if (text_equal(verb, "remove")) {
        return json_array_remove(array, index) == 0;
    }
    return text_equal(verb, "replace") && json_array_set(array, index, value) == 0;
}

/* `replace` makes what is not there, as the API server's library does, against RFC 6902. */
static bool change_object(json_t *object, const char *verb, const char *token, json_t *value)
{
    const json_t *there = json_object_get(object, token);
    if (text_equal(verb, "add") || text_equal(verb, "replace")) {
        return json_object_set(object, token, value) == 0;
    }
    if (!there) {
        return false;
    }
    if (text_equal(verb, "remove")) {
        return json_object_del(object, token) == 0;
    }
    return text_equal(verb, "test") && json_equal(there, value) != 0;
}

static bool patch_one(json_t *tree, const json_t *operation)
{
    const char *pointer = tree_text(operation, "path");
    const char *verb = tree_text(operation, "op");
    json_t *value = json_object_get(operation, "value");
    char token[TOKEN_SIZE];
    if (*pointer != '/') {
        return false;
    }
    for (pointer = take_token(pointer + 1, token); pointer; pointer = take_token(pointer, token)) {
        tree = child(tree, token);
    }
    if (json_is_array(tree)) {
        return change_array(tree, verb, token, value);
    }
    return json_is_object(tree) && change_object(tree, verb, token, value);
}

bool sim_patch_json(json_t *tree, const json_t *patch)
{
    size_t at;
    const json_t *operation;
    json_array_foreach(patch, at, operation)
    {
        if (!patch_one(tree, operation)) {
            return false;
        }
    }
    return json_is_array(patch);
}

void sim_patch_merge(json_t *tree, const json_t *patch)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)patch, name, value)
    {
        json_t *there = json_object_get(tree, name);
        if (json_is_null(value)) {
            (void)json_object_del(tree, name);
        } else if (json_is_object(value) && json_is_object(there)) {
            sim_patch_merge(there, value);
        } else {
            json_object_set_new(tree, name, json_deep_copy(value));
        }
    }
}
