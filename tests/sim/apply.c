#include "sim/apply.h"

#include "core/assert.h"
#include "core/text.h"
#include "sim/tree.h"

#include <stdint.h>
#include <stdio.h>

enum { KEY_SIZE = 300 };

/* What of a body has owners: the rest is the API server's, or the status subresource's. */
static const char *const owned_parts[] = {"metadata/labels", "metadata/annotations",
                                          "metadata/finalizers", "metadata/ownerReferences",
                                          "spec"};

/* ---- keys ---- */

/* Upstream's +listMapKey of the lists that are merged; NULL: `name` is taken whole. */
static const char *key_of_list(const char *name)
{
    static const struct {
        const char *list;
        const char *key;
    } keys[] = {{"containers", "name"}, {"initContainers", "name"},   {"env", "name"},
                {"volumes", "name"},    {"imagePullSecrets", "name"}, {"volumeMounts", "mountPath"},
                {"conditions", "type"}, {"ownerReferences", "uid"}};
    for (size_t at = 0; at < COUNT_OF(keys); at++) {
        if (text_equal(keys[at].list, name)) {
            return keys[at].key;
        }
    }
    return NULL;
}

static bool is_merged_list(const char *name, const json_t *value)
{
    return json_is_array(value) && (key_of_list(name) || text_equal(name, "ports"));
}

/* Upstream's +mapType=atomic and +structType=atomic, of those that we apply. */
static bool is_merged_map(const char *name, const json_t *value)
{
    return json_object_size(value) > 0 && !text_equal(name, "selector");
}

static void key_of_item(const char *list, const json_t *item, char key[KEY_SIZE])
{
    const char *field = key_of_list(list);
    if (field) {
        (void)snprintf(key, KEY_SIZE, "%s=%s", field, tree_text(item, field));
        return;
    }
    /* A port of a container or of a Service; the protocol has a default. */
    bool is_of_container = json_object_get(item, "containerPort") != NULL;
    const char *protocol = tree_text(item, "protocol");
    (void)snprintf(key, KEY_SIZE, "%lld/%s",
                   (long long)tree_integer(item, is_of_container ? "containerPort" : "port"),
                   protocol[0] ? protocol : "TCP");
}

static json_t *find_item(const char *list, const json_t *items, const char *key, size_t *ret_index)
{
    char other[KEY_SIZE];
    size_t at;
    json_t *item;
    json_array_foreach(items, at, item)
    {
        key_of_item(list, item, other);
        if (text_equal(key, other)) {
            *ret_index = at;
            return item;
        }
    }
    return NULL;
}

/* ---- sets ---- */

static json_t *fields_of_value(const char *name, const json_t *value)
{
    bool is_list = is_merged_list(name, value);
    if (!is_list && !is_merged_map(name, value)) {
        return json_true();
    }
    json_t *fields = json_object();
    if (is_list) {
        char key[KEY_SIZE];
        size_t at;
        const json_t *item;
        json_array_foreach(value, at, item)
        {
            key_of_item(name, item, key);
            json_object_set_new(fields, key, fields_of_value("", item));
        }
        return fields;
    }
    const char *field;
    json_t *child;
    json_object_foreach((json_t *)(uintptr_t)value, field, child)
    {
        json_object_set_new(fields, field, fields_of_value(field, child));
    }
    return fields;
}

/* The part of a body that has owners. */
static json_t *owned_of(const json_t *body)
{
    json_t *owned = json_object();
    for (size_t at = 0; at < COUNT_OF(owned_parts); at++) {
        json_t *part = tree_at(body, owned_parts[at]);
        if (part) {
            tree_set(owned, owned_parts[at], json_incref(part));
        }
    }
    return owned;
}

json_t *sim_fields_of(const json_t *body)
{
    json_t *owned = owned_of(body);
    json_t *fields = fields_of_value("", owned);
    json_decref(owned);
    return json_is_object(fields) ? fields : json_object();
}

/* `set` without the fields of `taken`. */
static void subtract(json_t *set, const json_t *taken)
{
    const char *name;
    void *next;
    json_t *mine;
    json_object_foreach_safe(set, next, name, mine)
    {
        const json_t *theirs = json_object_get(taken, name);
        if (!theirs) {
            continue;
        }
        if (json_is_object(mine) && json_is_object(theirs)) {
            subtract(mine, theirs);
        }
        if (!json_is_object(mine) || !json_is_object(theirs) || json_object_size(mine) == 0) {
            (void)json_object_del(set, name);
        }
    }
}

/* What differs between two states. */
struct comparison {
    json_t *written; /* differ, or were added */
    json_t *lost;    /* differ, or went: whoever had them has them no more */
};

static void compare_values(const char *name, const json_t *before, const json_t *after,
                           struct comparison *into, const char *as);

static void compare_children(const char *name, const json_t *before, const json_t *after,
                             struct comparison *into)
{
    bool is_list = json_is_array(before ? before : after);
    json_t *fields_before = before ? fields_of_value(name, before) : json_object();
    json_t *fields_after = after ? fields_of_value(name, after) : json_object();
    json_t *all = json_object();
    (void)json_object_update(all, fields_before);
    (void)json_object_update(all, fields_after);
    const char *key;
    json_t *unused;
    json_object_foreach(all, key, unused)
    {
        size_t index;
        const json_t *old = is_list ? find_item(name, before, key, &index)
                                    : json_object_get(before, key);
        const json_t *new = is_list ? find_item(name, after, key, &index)
                                    : json_object_get(after, key);
        compare_values(is_list ? "" : key, old, new, into, key);
    }
    json_decref(fields_before);
    json_decref(fields_after);
    json_decref(all);
}

static bool has_children(const char *name, const json_t *value)
{
    return !value || is_merged_list(name, value) || is_merged_map(name, value);
}

static void compare_values(const char *name, const json_t *before, const json_t *after,
                           struct comparison *into, const char *as)
{
    if (before && after && json_equal(before, after)) {
        return;
    }
    if (has_children(name, before) && has_children(name, after)) {
        struct comparison inner = {json_object(), json_object()};
        compare_children(name, before, after, &inner);
        if (json_object_size(inner.written) > 0) {
            json_object_set(into->written, as, inner.written);
        }
        if (json_object_size(inner.lost) > 0) {
            json_object_set(into->lost, as, inner.lost);
        }
        json_decref(inner.written);
        json_decref(inner.lost);
        return;
    }
    if (after) {
        json_object_set_new(into->written, as, fields_of_value(name, after));
    }
    if (before) {
        json_object_set_new(into->lost, as, fields_of_value(name, before));
    }
}

static struct comparison compare(const json_t *before, const json_t *after)
{
    struct comparison found = {json_object(), json_object()};
    json_t *old = owned_of(before);
    json_t *new = owned_of(after);
    compare_children("", old, new, &found);
    json_decref(old);
    json_decref(new);
    return found;
}

static void comparison_free(struct comparison *found)
{
    json_decref(found->written);
    json_decref(found->lost);
}

void sim_fields_free(struct sim_fields *fields)
{
    json_decref(fields->applied);
    json_decref(fields->updated);
    *fields = (struct sim_fields){0};
}

void sim_fields_note_update(struct sim_fields *fields, const json_t *before, const json_t *after)
{
    struct comparison found = compare(before, after);
    subtract(fields->applied, found.lost);
    fields->updated = fields->updated ? fields->updated : json_object();
    subtract(fields->updated, found.lost);
    (void)json_object_update_recursive(fields->updated, found.written);
    comparison_free(&found);
}

bool sim_fields_note_apply(struct sim_fields *fields, const json_t *config, const json_t *before,
                           const json_t *after)
{
    struct comparison found = compare(before, after);
    json_t *others = json_deep_copy(fields->updated);
    subtract(others, found.lost);
    json_t *applied = sim_fields_of(config);
    bool differs = !fields->applied || !json_equal(applied, fields->applied) ||
                   (others && !json_equal(others, fields->updated));
    comparison_free(&found);
    sim_fields_free(fields);
    *fields = (struct sim_fields){.applied = applied, .updated = others};
    return differs;
}

/* ---- applying ---- */

static void set_values(json_t *live, const json_t *config);

/* An item of `config`, over what the live list has of it. */
static json_t *merge_item(const char *name, const json_t *live, const json_t *item, const char *key)
{
    size_t index;
    json_t *merged = json_deep_copy(find_item(name, live, key, &index));
    if (!merged) {
        return json_deep_copy(item);
    }
    set_values(merged, item);
    return merged;
}

/* In the order of `config`; what it does not name stays behind what it stood behind. */
static void set_items(const char *name, json_t *live, const json_t *config)
{
    json_t *merged = json_array();
    char key[KEY_SIZE];
    size_t index;
    size_t left = 0;
    for (size_t right = 0; right < json_array_size(config); right++) {
        char wanted[KEY_SIZE];
        key_of_item(name, json_array_get(config, right), wanted);
        for (; left < json_array_size(live); left++) {
            json_t *there = json_array_get(live, left);
            key_of_item(name, there, key);
            if (!find_item(name, config, key, &index)) {
                json_array_append(merged, there);
            } else if (!find_item(name, merged, key, &index)) {
                break;
            }
        }
        json_array_append_new(merged,
                              merge_item(name, live, json_array_get(config, right), wanted));
    }
    for (; left < json_array_size(live); left++) {
        json_t *there = json_array_get(live, left);
        key_of_item(name, there, key);
        if (!find_item(name, config, key, &index)) {
            json_array_append(merged, there);
        }
    }
    json_array_clear(live);
    json_array_extend(live, merged);
    json_decref(merged);
}

static void set_values(json_t *live, const json_t *config)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)config, name, value)
    {
        json_t *there = json_object_get(live, name);
        if (is_merged_list(name, value) && json_is_array(there)) {
            set_items(name, there, value);
        } else if (is_merged_map(name, value) && json_is_object(there)) {
            set_values(there, value);
        } else {
            json_object_set_new(live, name, json_deep_copy(value));
        }
    }
}

static void release(const char *name, json_t *live, const json_t *before, const json_t *now,
                    const json_t *others);

/* What nobody names any more goes; an item goes whole when nobody names anything of it. */
static void release_child(const char *list, json_t *live, const char *key, const json_t *mine,
                          const json_t *now, const json_t *others)
{
    size_t index = 0;
    json_t *there = list ? find_item(list, live, key, &index) : json_object_get(live, key);
    if (!there) {
        return;
    }
    if (json_is_object(mine) && (json_is_object(now) || json_is_object(others) || !list)) {
        release(list ? "" : key, there, mine, now, others);
        bool is_left = json_object_size(there) > 0 || json_array_size(there) > 0;
        if (now || others || is_left) {
            return;
        }
    }
    if (now || others) {
        return;
    }
    if (list) {
        (void)json_array_remove(live, index);
    } else {
        (void)json_object_del(live, key);
    }
}

static void release(const char *name, json_t *live, const json_t *before, const json_t *now,
                    const json_t *others)
{
    const char *key;
    json_t *mine;
    json_object_foreach((json_t *)(uintptr_t)before, key, mine)
    {
        release_child(json_is_array(live) ? name : NULL, live, key, mine, json_object_get(now, key),
                      json_object_get(others, key));
    }
}

void sim_apply(json_t *live, const struct sim_fields *fields, const json_t *config)
{
    json_t *wanted = owned_of(config);
    json_t *now = sim_fields_of(config);
    release("", live, fields->applied, now, fields->updated);
    set_values(live, wanted);
    json_decref(wanted);
    json_decref(now);
}
