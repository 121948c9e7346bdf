#include "support/json_patch.h"

#include "core/assert.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { TOKEN_SIZE = 256 };

/* Takes the next token of a JSON pointer; false at its end. */
static bool take_token(const char **pointer, char token[TOKEN_SIZE])
{
    size_t used = 0;
    if (**pointer != '/') {
        return false;
    }
    for ((*pointer)++; **pointer != '\0' && **pointer != '/'; (*pointer)++) {
        char byte = **pointer;
        if (byte == '~') {
            (*pointer)++;
            REQUIRE(**pointer == '0' || **pointer == '1');
            byte = **pointer == '0' ? '~' : '/';
        }
        REQUIRE(used + 1 < TOKEN_SIZE);
        token[used++] = byte;
    }
    token[used] = '\0';
    return true;
}

static size_t array_index(const char *token)
{
    char *end;
    REQUIRE(token[0] != '\0' && (token[0] != '0' || token[1] == '\0'));
    size_t index = strtoul(token, &end, 10);
    REQUIRE(*end == '\0');
    return index;
}

static void apply_to_array(json_t *array, const char *name, const char *token, json_t *value)
{
    size_t size = json_array_size(array);
    if (strcmp(token, "-") == 0) {
        REQUIRE(strcmp(name, "add") == 0);
        json_array_append(array, value);
        return;
    }
    size_t index = array_index(token);
    if (strcmp(name, "add") == 0) {
        REQUIRE(index <= size);
        json_array_insert(array, index, value);
    } else if (strcmp(name, "remove") == 0) {
        REQUIRE(index < size);
        json_array_remove(array, index);
    } else {
        REQUIRE(strcmp(name, "replace") == 0);
        REQUIRE(index < size);
        json_array_set(array, index, value);
    }
}

static void apply_to_object(json_t *object, const char *name, const char *token, json_t *value)
{
    if (strcmp(name, "add") != 0) {
        REQUIRE(json_object_get(object, token));
    }
    if (strcmp(name, "remove") == 0) {
        json_object_del(object, token);
        return;
    }
    json_object_set(object, token, value);
}

static void apply(json_t *document, const json_t *operation)
{
    const char *name = json_string_value(json_object_get(operation, "op"));
    const char *pointer = json_string_value(json_object_get(operation, "path"));
    json_t *value = json_object_get(operation, "value");
    char token[TOKEN_SIZE];
    REQUIRE(take_token(&pointer, token));
    json_t *parent = document;
    while (*pointer != '\0') {
        parent = json_is_array(parent) ? json_array_get(parent, array_index(token))
                                       : json_object_get(parent, token);
        REQUIRE(parent);
        REQUIRE(take_token(&pointer, token));
    }
    REQUIRE((strcmp(name, "remove") == 0) == (value == NULL));
    if (json_is_array(parent)) {
        apply_to_array(parent, name, token, value);
    } else {
        REQUIRE(json_is_object(parent));
        apply_to_object(parent, name, token, value);
    }
}

void json_patch_apply(json_t *document, const json_t *operations)
{
    REQUIRE(json_is_array(operations));
    for (size_t at = 0; at < json_array_size(operations); at++) {
        apply(document, json_array_get(operations, at));
    }
}
