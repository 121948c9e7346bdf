#include "api/pod_template.h"

#include "api/codec_tree.h"
#include "core/assert.h"
#include "core/text.h"

#include <stdlib.h>
#include <string.h>

/* Lists whose items have an identity (upstream's patchMergeKey). */
struct keyed_list {
    const char *name;
    const char *key;
    bool over_first; /* ours come before the user's: order means something there */
};

static const struct keyed_list keyed_lists[] = {
    {"containers", "name", false},
    {"volumes", "name", false},
    {"initContainers", "name", true}, /* tidemill-* prepare what the user's need */
    {"env", "name", true},            /* later ones may refer to earlier ones */
    {"imagePullSecrets", "name", false},
    {"ports", "containerPort", false},
    {"volumeMounts", "mountPath", false},
    {"volumeDevices", "devicePath", false},
};

static const struct keyed_list *find_keyed_list(const char *name)
{
    for (size_t at = 0; at < COUNT_OF(keyed_lists); at++) {
        if (text_equal(keyed_lists[at].name, name)) {
            return &keyed_lists[at];
        }
    }
    return NULL;
}

static json_t *find_item(const json_t *list, const char *key, const json_t *value)
{
    size_t at;
    json_t *item;
    json_array_foreach(list, at, item)
    {
        if (value && json_equal(json_object_get(item, key), value)) {
            return item;
        }
    }
    return NULL;
}

/* Items of `first` in their order, each merged with its namesake; then what only `second` has. */
static json_t *merge_keyed(const json_t *base, const json_t *over, const struct keyed_list *list)
{
    const json_t *first = list->over_first ? over : base;
    const json_t *second = list->over_first ? base : over;
    json_t *merged = json_array();
    size_t at;
    json_t *item;
    json_array_foreach(first, at, item)
    {
        const json_t *other = find_item(second, list->key, json_object_get(item, list->key));
        const json_t *below = list->over_first ? other : item;
        const json_t *above = list->over_first ? item : other;
        json_array_append_new(merged, pod_template_merge(below, above));
    }
    json_array_foreach(second, at, item)
    {
        if (!find_item(first, list->key, json_object_get(item, list->key))) {
            json_array_append(merged, item);
        }
    }
    return merged;
}

/* jansson's iterators and counts of references take what they don't change as if they did. */
static json_t *borrow(const json_t *tree)
{
    json_t *borrowed;
    memcpy(&borrowed, &tree, sizeof(borrowed));
    return borrowed;
}

static json_t *merge_member(const char *name, const json_t *base, const json_t *over)
{
    const struct keyed_list *list = find_keyed_list(name);
    if (list && json_is_array(base) && json_is_array(over)) {
        return merge_keyed(base, over, list);
    }
    return pod_template_merge(base, over);
}

json_t *pod_template_merge(const json_t *base, const json_t *over)
{
    if (!over) {
        return json_incref(borrow(base));
    }
    if (!json_is_object(base) || !json_is_object(over)) {
        return json_incref(borrow(over));
    }
    json_t *merged = json_copy(borrow(base));
    const char *name;
    json_t *value;
    json_object_foreach(borrow(over), name, value)
    {
        if (json_is_null(value)) {
            json_object_del(merged, name);
        } else {
            json_object_set_new(merged, name,
                                merge_member(name, json_object_get(base, name), value));
        }
    }
    return merged;
}

json_t *pod_template_parse(const struct raw_json *raw)
{
    json_t *tree = raw->text ? json_loads(raw->text, 0, NULL) : NULL;
    if (!json_is_object(tree)) {
        json_decref(tree);
        tree = json_object();
    }
    return tree;
}

json_t *pod_template_container(const json_t *pod_template, const char *list, const char *name)
{
    size_t at;
    json_t *item;
    json_array_foreach(json_object_get(json_object_get(pod_template, "spec"), list), at, item)
    {
        if (text_equal(json_string_value(json_object_get(item, "name")), name)) {
            return item;
        }
    }
    return NULL;
}

const char *json_to_text(struct arena *arena, json_t *tree)
{
    REQUIRE(tree != NULL);
    const char *text = tree_print(arena, tree);
    json_decref(tree);
    return text;
}
