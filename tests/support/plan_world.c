#include "support/test.h"

#include "support/plan_world_private.h"

#include "core/civil.h"
#include "core/text.h"

#include <stdlib.h>
#include <string.h>

void world_init(struct world *world, int64_t now)
{
    *world = (struct world){.now = now, .next_uid = 1, .next_version = 1};
}

void world_free(struct world *world)
{
    for (size_t at = 0; at < world->count; at++) {
        json_decref(world->objects[at].tree);
    }
    arena_free(&world->arena);
    *world = (struct world){0};
}

void world_sweep(struct world *world)
{
    world_forget_facts(world);
    arena_free(&world->arena);
}

/* ---- objects ---- */

__attribute__((format(printf, 2, 0))) static json_t *parse(struct world *world, const char *format,
                                                           va_list arguments)
{
    char *text = arena_print_list(&world->arena, format, arguments);
    for (char *at = text; *at != '\0'; at++) {
        *at = *at == '\'' ? '"' : *at;
    }
    json_error_t error;
    json_t *tree = json_loads(text, 0, &error);
    if (!tree) {
        fail_msg("%s: %s", error.text, text);
    }
    return tree;
}

const char *world_name_of(const json_t *tree)
{
    return text_or(json_string_value(json_object_get(json_object_get(tree, "metadata"), "name")),
                   "");
}

size_t world_find_index(const struct world *world, enum api_kind kind, const char *name)
{
    for (size_t at = 0; at < world->count; at++) {
        if (world->objects[at].kind == kind &&
            text_equal(world_name_of(world->objects[at].tree), name)) {
            return at;
        }
    }
    return world->count;
}

json_t *world_find(const struct world *world, enum api_kind kind, const char *name)
{
    size_t at = world_find_index(world, kind, name);
    return at < world->count ? world->objects[at].tree : NULL;
}

static json_t *time_text(int64_t time)
{
    char text[CIVIL_TEXT_SIZE];
    civil_format(time, text);
    return json_string(text);
}

void world_touch(struct world *world, json_t *tree)
{
    char text[WORLD_TOKEN_SIZE];
    (void)snprintf(text, sizeof(text), "%lld", (long long)world->next_version++);
    json_object_set_new(json_object_get(tree, "metadata"), "resourceVersion", json_string(text));
}

static void set_default(json_t *object, const char *name, json_t *value)
{
    if (json_object_get(object, name)) {
        json_decref(value);
        return;
    }
    json_object_set_new(object, name, value);
}

json_t *world_store(struct world *world, enum api_kind kind, json_t *tree, const char *uid)
{
    json_t *meta = json_object_get(tree, "metadata");
    assert_non_null(meta);
    assert_true(world->count < WORLD_OBJECTS);
    set_default(meta, "namespace", json_string(WORLD_NAMESPACE));
    set_default(meta, "uid", json_string(uid));
    set_default(meta, "creationTimestamp", time_text(world->now));
    set_default(meta, "generation", json_integer(1));
    if (kind_info(kind)->ours) {
        set_default(tree, "status", json_pack("{s:i}", "observedGeneration", -1));
    }
    world_touch(world, tree);
    world->objects[world->count++] = (struct world_object){.kind = kind, .tree = tree};
    return tree;
}

json_t *world_put(struct world *world, enum api_kind kind, const char *json, ...)
{
    va_list arguments;
    va_start(arguments, json);
    json_t *tree = parse(world, json, arguments);
    va_end(arguments);
    assert_null(world_find(world, kind, world_name_of(tree)));
    return world_store(world, kind, tree,
                       arena_print(&world->arena, "uid-%s", world_name_of(tree)));
}

void world_raise_generation(json_t *tree)
{
    json_t *meta = json_object_get(tree, "metadata");
    json_int_t generation = json_integer_value(json_object_get(meta, "generation"));
    json_object_set_new(meta, "generation", json_integer(generation + 1));
}

static void merge(json_t *tree, json_t *change)
{
    const char *name;
    json_t *value;
    json_object_foreach(change, name, value)
    {
        json_t *there = json_object_get(tree, name);
        if (json_is_null(value)) {
            (void)json_object_del(tree, name);
        } else if (json_is_object(value) && json_is_object(there)) {
            merge(there, value);
        } else {
            json_object_set(tree, name, value);
        }
    }
}

void world_merge(struct world *world, enum api_kind kind, const char *name, const char *json, ...)
{
    va_list arguments;
    va_start(arguments, json);
    json_t *change = parse(world, json, arguments);
    va_end(arguments);
    json_t *tree = world_find(world, kind, name);
    assert_non_null(tree);
    merge(tree, change);
    if (json_object_get(change, "spec")) {
        world_raise_generation(tree);
    }
    world_touch(world, tree);
    json_decref(change);
}

static bool is_owned_by(const json_t *tree, const char *uid)
{
    const json_t *owners = json_object_get(json_object_get(tree, "metadata"), "ownerReferences");
    for (size_t at = 0; at < json_array_size(owners); at++) {
        const char *owner = json_string_value(json_object_get(json_array_get(owners, at), "uid"));
        if (text_equal(owner, uid)) {
            return true;
        }
    }
    return false;
}

void world_remove_at(struct world *world, size_t index)
{
    json_t *tree = world->objects[index].tree;
    world->count--;
    memmove(&world->objects[index], &world->objects[index + 1],
            (world->count - index) * sizeof(world->objects[0]));
    const char *uid = json_string_value(json_object_get(json_object_get(tree, "metadata"), "uid"));
    for (size_t at = 0; at < world->count;) {
        if (is_owned_by(world->objects[at].tree, uid)) {
            world_remove_at(world, at);
            at = 0;
            continue;
        }
        at++;
    }
    json_decref(tree);
}

void world_remove(struct world *world, enum api_kind kind, const char *name)
{
    size_t at = world_find_index(world, kind, name);
    assert_true(at < world->count);
    world_remove_at(world, at);
}

/* ---- looking ---- */

/* The next token of a path, `separator` before each; NULL at the end. */
const char *world_take_token(const char *path, char token[WORLD_TOKEN_SIZE])
{
    size_t used = 0;
    for (; *path != '\0' && *path != '/'; path++) {
        char byte = *path;
        if (byte == '~') {
            path++;
            byte = *path == '0' ? '~' : '/';
        }
        assert_true(used + 1 < WORLD_TOKEN_SIZE);
        token[used++] = byte;
    }
    token[used] = '\0';
    return *path == '/' ? path + 1 : NULL;
}

json_t *world_child(json_t *parent, const char *token)
{
    return json_is_array(parent) ? json_array_get(parent, strtoul(token, NULL, 10))
                                 : json_object_get(parent, token);
}

json_t *world_get(const struct world *world, enum api_kind kind, const char *name, const char *path)
{
    json_t *at = world_find(world, kind, name);
    char token[WORLD_TOKEN_SIZE];
    while (at && path) {
        path = world_take_token(path, token);
        at = world_child(at, token);
    }
    return at;
}

const char *world_text(const struct world *world, enum api_kind kind, const char *name,
                       const char *path)
{
    return text_or(json_string_value(world_get(world, kind, name, path)), "");
}

int64_t world_integer(const struct world *world, enum api_kind kind, const char *name,
                      const char *path)
{
    return json_integer_value(world_get(world, kind, name, path));
}

size_t world_count(const struct world *world, enum api_kind kind)
{
    size_t count = 0;
    for (size_t at = 0; at < world->count; at++) {
        count += world->objects[at].kind == kind;
    }
    return count;
}

const char *world_condition(struct world *world, enum api_kind kind, const char *name,
                            const char *type)
{
    const json_t *list = world_get(world, kind, name, "status/conditions");
    for (size_t at = 0; at < json_array_size(list); at++) {
        const json_t *condition = json_array_get(list, at);
        if (text_equal(json_string_value(json_object_get(condition, "type")), type)) {
            return arena_print(&world->arena, "%s %s: %s",
                               json_string_value(json_object_get(condition, "status")),
                               json_string_value(json_object_get(condition, "reason")),
                               json_string_value(json_object_get(condition, "message")));
        }
    }
    return "";
}

/* ---- facts ---- */

void world_add_fact(struct world *world, enum operation_type type, enum api_kind kind,
                    const char *name, enum error_kind error, const char *message)
{
    size_t at = 0;
    while (at < world->fact_count &&
           !(world->facts[at].type == type && world->facts[at].kind == kind &&
             text_equal(world->facts[at].name, name))) {
        at++;
    }
    assert_true(at < WORLD_FACTS);
    world->facts[at] = (struct fact){.type = type,
                                     .kind = kind,
                                     .name = name,
                                     .error = error,
                                     .message = message,
                                     .time = world->now};
    world->fact_count = at == world->fact_count ? at + 1 : world->fact_count;
}

void world_forget_fact(struct world *world, enum operation_type type, enum api_kind kind,
                       const char *name)
{
    for (size_t at = 0; at < world->fact_count; at++) {
        const struct fact *fact = &world->facts[at];
        if (fact->type == type && fact->kind == kind && text_equal(fact->name, name)) {
            world->facts[at] = world->facts[--world->fact_count];
            return;
        }
    }
}

void world_forget_facts(struct world *world)
{
    world->fact_count = 0;
}

const struct object *world_decode(struct world *world, enum api_kind kind, const json_t *tree)
{
    char *text = json_dumps(tree, JSON_COMPACT | JSON_SORT_KEYS);
    struct object *object = NULL;
    struct error error = {0};
    if (!result_is_ok(codec_decode(&world->arena, kind, text, strlen(text), &object, &error))) {
        fail_msg("%s: %s", error.message, text);
    }
    free(text);
    return object;
}

const struct object *world_make(struct world *world, enum api_kind kind, const char *json, ...)
{
    va_list arguments;
    va_start(arguments, json);
    json_t *tree = parse(world, json, arguments);
    va_end(arguments);
    const struct object *object = world_decode(world, kind, tree);
    json_decref(tree);
    return object;
}
