#include "sim/tree.h"

#include "api/meta.h"
#include "core/assert.h"
#include "core/civil.h"
#include "core/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOKEN_SIZE = 256, TEXT_SIZE = 16 * 1024 };

/* The first part of a path; NULL when it was the last. */
static const char *take_token(const char *path, char token[TOKEN_SIZE])
{
    const char *slash = strchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) : strlen(path);
    REQUIRE(length < TOKEN_SIZE);
    memcpy(token, path, length);
    token[length] = '\0';
    return slash ? slash + 1 : NULL;
}

static json_t *child(const json_t *tree, const char *token, size_t length)
{
    if (json_is_array(tree)) {
        return json_array_get(tree, strtoul(token, NULL, 10)); /* stops at the '/' */
    }
    return json_object_getn(tree, token, length);
}

/* Most of what a play costs is looking into trees: no part of the path is copied. */
json_t *tree_at(const json_t *tree, const char *path)
{
    union {
        const json_t *borrowed;
        json_t *found;
    } at = {.borrowed = tree};
    while (path && at.found) {
        size_t length = strcspn(path, "/");
        at.found = child(at.found, path, length);
        path = path[length] ? path + length + 1 : NULL;
    }
    return at.found;
}

const char *tree_text(const json_t *tree, const char *path)
{
    return text_or(json_string_value(tree_at(tree, path)), "");
}

const char *tree_map_text(const json_t *tree, const char *path, const char *key)
{
    return text_or(json_string_value(json_object_get(tree_at(tree, path), key)), "");
}

int64_t tree_integer(const json_t *tree, const char *path)
{
    return json_integer_value(tree_at(tree, path));
}

void tree_set(json_t *tree, const char *path, json_t *value)
{
    char token[TOKEN_SIZE];
    for (path = take_token(path, token); path; path = take_token(path, token)) {
        json_t *next = child(tree, token, strlen(token));
        if (!next) {
            next = json_object();
            json_object_set_new(tree, token, next);
        }
        tree = next;
    }
    json_object_set_new(tree, token, value);
}

void tree_set_text(json_t *tree, const char *path, const char *text)
{
    tree_set(tree, path, json_string(text));
}

void tree_remove(json_t *tree, const char *path)
{
    char token[TOKEN_SIZE];
    for (path = take_token(path, token); path && tree; path = take_token(path, token)) {
        tree = child(tree, token, strlen(token));
    }
    (void)json_object_del(tree, token);
}

const char *tree_name(const json_t *tree)
{
    return tree_text(tree, "metadata/name");
}

const char *tree_uid(const json_t *tree)
{
    return tree_text(tree, "metadata/uid");
}

const char *tree_controller_uid(const json_t *tree)
{
    const json_t *owners = tree_at(tree, "metadata/ownerReferences");
    size_t at;
    const json_t *owner;
    json_array_foreach(owners, at, owner)
    {
        if (json_is_true(json_object_get(owner, "controller"))) {
            return text_or(json_string_value(json_object_get(owner, "uid")), "");
        }
    }
    return "";
}

json_t *tree_of_text(const char *text)
{
    char words[TEXT_SIZE];
    REQUIRE(strlen(text) < sizeof(words));
    (void)snprintf(words, sizeof(words), "%s", text);
    for (char *at = words; *at; at++) {
        *at = *at == '\'' ? '"' : *at;
    }
    json_error_t error;
    json_t *tree = json_loads(words, 0, &error);
    if (!tree) {
        (void)fprintf(stderr, "%s in %s\n", error.text, words);
    }
    REQUIRE(tree != NULL);
    return tree;
}

json_t *tree_time(int64_t unix_seconds)
{
    char text[CIVIL_TEXT_SIZE];
    civil_format(unix_seconds, text);
    return json_string(text);
}

int64_t tree_read_time(const json_t *tree, const char *path)
{
    int64_t seconds = TIME_ABSENT;
    const char *text = tree_text(tree, path);
    return civil_parse(text, &seconds) ? seconds : TIME_ABSENT;
}

const char *tree_condition(const json_t *tree, const char *type)
{
    const json_t *conditions = tree_at(tree, "status/conditions");
    size_t at;
    const json_t *condition;
    json_array_foreach(conditions, at, condition)
    {
        if (text_equal(tree_text(condition, "type"), type)) {
            return tree_text(condition, "status");
        }
    }
    return "";
}
