#include "io/yaml_tree.h"

#include "core/assert.h"
#include "core/text.h"

#include <string.h>
#include <yaml.h>

enum {
    DEPTH_MAXIMUM = 32,
    NODES_MAXIMUM = 200000,
};

struct reader {
    struct arena *arena;
    const char *name;
    struct error *error;
    yaml_parser_t parser;
    size_t nodes;
};

static struct result fail(struct reader *reader, size_t line, const char *what)
{
    return error_set(reader->error, ERROR_INVALID, "%s, line %zu: %s", reader->name, line + 1,
                     what);
}

static struct result next_event(struct reader *reader, yaml_event_t *event)
{
    if (!yaml_parser_parse(&reader->parser, event)) {
        const char *problem = text_or(reader->parser.problem, "cannot be read");
        return fail(reader, reader->parser.problem_mark.line, problem);
    }
    return RESULT_OK;
}

static struct result read_node(struct reader *reader, const yaml_event_t *event, int depth,
                               struct yaml_tree *node);

static struct result read_text(struct reader *reader, const yaml_event_t *event, const char **text)
{
    const char *value = (const char *)event->data.scalar.value;
    if (strlen(value) != event->data.scalar.length) {
        return fail(reader, event->start_mark.line, "a text holds a zero byte");
    }
    *text = arena_copy_text(reader->arena, value);
    return RESULT_OK;
}

static struct result read_key(struct reader *reader, const yaml_event_t *event,
                              const struct yaml_tree *map, const char **key)
{
    if (event->type != YAML_SCALAR_EVENT) {
        return fail(reader, event->start_mark.line, "a key is not a text");
    }
    TRY(read_text(reader, event, key));
    for (const struct yaml_tree *other = map->first; other; other = other->next) {
        if (text_equal(other->key, *key)) {
            return error_set(reader->error, ERROR_INVALID,
                             "%s, line %zu: the key \"%s\" is there a second time, first on line "
                             "%d",
                             reader->name, event->start_mark.line + 1, *key, other->line);
        }
    }
    return RESULT_OK;
}

/* A member of a list, or of a map when `event` is its key. */
static struct result read_member(struct reader *reader, yaml_event_t *event, int depth,
                                 const struct yaml_tree *parent, struct yaml_tree *node)
{
    const char *key = NULL;
    if (parent->kind == YAML_TREE_LIST) {
        return read_node(reader, event, depth, node);
    }
    TRY(read_key(reader, event, parent, &key));
    yaml_event_t value;
    TRY(next_event(reader, &value));
    struct result result = read_node(reader, &value, depth, node);
    node->key = key;
    yaml_event_delete(&value);
    return result;
}

static struct result read_members(struct reader *reader, int depth, struct yaml_tree *parent)
{
    const struct yaml_tree **end = &parent->first;
    for (;;) {
        yaml_event_t event;
        TRY(next_event(reader, &event));
        bool ended = event.type == YAML_SEQUENCE_END_EVENT || event.type == YAML_MAPPING_END_EVENT;
        struct result result = RESULT_OK;
        if (!ended) {
            struct yaml_tree *node = arena_new(reader->arena, struct yaml_tree);
            result = read_member(reader, &event, depth, parent, node);
            *end = node;
            end = &node->next;
        }
        yaml_event_delete(&event);
        if (ended || !result_is_ok(result)) {
            return result;
        }
    }
}

static struct result read_node(struct reader *reader, const yaml_event_t *event, int depth,
                               struct yaml_tree *node)
{
    size_t line = event->start_mark.line;
    node->line = (int)line + 1;
    if (depth > DEPTH_MAXIMUM || ++reader->nodes > NODES_MAXIMUM) {
        return fail(reader, line, "nested too deeply, or too much in one file");
    }
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        node->kind = YAML_TREE_TEXT;
        node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
        return read_text(reader, event, &node->text);
    case YAML_SEQUENCE_START_EVENT:
        node->kind = YAML_TREE_LIST;
        return read_members(reader, depth + 1, node);
    case YAML_MAPPING_START_EVENT:
        node->kind = YAML_TREE_MAP;
        return read_members(reader, depth + 1, node);
    default:
        return fail(reader, line, "aliases (*name) are not read here; write the value out");
    }
}

/* Stream start, document start, one node, document end, stream end. */
static struct result read_document(struct reader *reader, const struct yaml_tree **tree)
{
    const struct yaml_tree *root = NULL;
    bool ended = false;
    while (!ended) {
        yaml_event_t event;
        TRY(next_event(reader, &event));
        struct result result = RESULT_OK;
        switch (event.type) {
        case YAML_STREAM_END_EVENT:
            ended = true;
            break;
        case YAML_STREAM_START_EVENT:
        case YAML_DOCUMENT_START_EVENT:
        case YAML_DOCUMENT_END_EVENT:
            break;
        default:
            if (root) {
                result = fail(reader, event.start_mark.line, "a second document; keep one");
                break;
            }
            struct yaml_tree *node = arena_new(reader->arena, struct yaml_tree);
            result = read_node(reader, &event, 0, node);
            root = node;
        }
        yaml_event_delete(&event);
        TRY(result);
    }
    *tree = yaml_tree_is_null(root) ? NULL : root;
    return RESULT_OK;
}

struct result yaml_tree_parse(struct arena *arena, const char *name, const char *bytes, size_t size,
                              const struct yaml_tree **tree, struct error *error)
{
    struct reader reader = {.arena = arena, .name = name, .error = error};
    REQUIRE(yaml_parser_initialize(&reader.parser));
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)bytes, size);
    yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
    struct result result = read_document(&reader, tree);
    yaml_parser_delete(&reader.parser);
    return result;
}

const struct yaml_tree *yaml_tree_member(const struct yaml_tree *tree, const char *key)
{
    if (!tree || tree->kind != YAML_TREE_MAP) {
        return NULL;
    }
    for (const struct yaml_tree *member = tree->first; member; member = member->next) {
        if (text_equal(member->key, key)) {
            return yaml_tree_is_null(member) ? NULL : member;
        }
    }
    return NULL;
}

bool yaml_tree_is_null(const struct yaml_tree *tree)
{
    if (!tree) {
        return true;
    }
    return tree->kind == YAML_TREE_TEXT && !tree->quoted &&
           (tree->text[0] == '\0' || text_equal(tree->text, "~") || text_equal(tree->text, "null"));
}
