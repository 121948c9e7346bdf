/*
 * The JSON Patch (RFC 6902) between two statuses: structs and lists of structs member by member,
 * all else as a whole. Only what differs becomes a tree.
 */

#include "api/codec_private.h"
#include "core/assert.h"
#include "core/text.h"

#include <stdlib.h>
#include <string.h>

const char *codec_pointer_add(struct arena *arena, const char *pointer, const char *name)
{
    enum { ESCAPED_SIZE = 2 };
    size_t used = strlen(pointer);
    char *text = arena_allocate(arena, 1, used + 1 + strlen(name) * ESCAPED_SIZE + 1);
    memcpy(text, pointer, used);
    text[used++] = '/';
    for (; *name != '\0'; name++) {
        if (*name == '~' || *name == '/') {
            text[used++] = '~';
            text[used++] = *name == '~' ? '0' : '1';
        } else {
            text[used++] = *name;
        }
    }
    return text;
}

static const char *add_index(struct arena *arena, const char *pointer, size_t index)
{
    return arena_print(arena, "%s/%zu", pointer, index);
}

struct differ {
    struct arena *arena;
    json_t *operations;
};

/* `value` is borrowed; NULL for remove. */
static void add_operation(struct differ *differ, const char *name, const char *pointer,
                          json_t *value)
{
    json_t *operation = json_object();
    (void)json_object_set_new(operation, "op", json_string(name));
    (void)json_object_set_new(operation, "path", tree_make_text(pointer));
    if (value) {
        (void)json_object_set(operation, "value", value);
    }
    (void)json_array_append_new(differ->operations, operation);
}

static void diff_structs(struct differ *differ, const char *pointer, const struct schema *schema,
                         const char *before, const char *after);

static void diff_lists(struct differ *differ, const char *pointer, const struct field *field,
                       struct schema_list before, struct schema_list after)
{
    size_t shared = before.count < after.count ? before.count : after.count;
    for (size_t at = 0; at < shared; at++) {
        const char *old = schema_item(field, before, at);
        const char *new = schema_item(field, after, at);
        if (!codec_equal(field->schema, old, new)) {
            diff_structs(differ, add_index(differ->arena, pointer, at), field->schema, old, new);
        }
    }
    for (size_t at = shared; at < after.count; at++) {
        CLEANUP(tree_release)
        json_t *item = codec_encode_tree(field->schema, schema_item(field, after, at), 0);
        add_operation(differ, "add", arena_print(differ->arena, "%s/-", pointer), item);
    }
    for (size_t at = before.count; at > shared; at--) {
        add_operation(differ, "remove", add_index(differ->arena, pointer, at - 1), NULL);
    }
}

/* As JSON both are there, or one is. */
static void diff_members(struct differ *differ, const char *pointer, const struct field *field,
                         const char *before, const char *after)
{
    CLEANUP(tree_release) json_t *old = codec_encode_field(field, before, 0);
    CLEANUP(tree_release) json_t *new = codec_encode_field(field, after, 0);
    if (!old && new) {
        add_operation(differ, "add", pointer, new);
    } else if (old && !new) {
        add_operation(differ, "remove", pointer, NULL);
    } else if (old && field->type == FIELD_OBJECT) {
        diff_structs(differ, pointer, field->schema, before + field->offset, after + field->offset);
    } else if (old && !json_equal(old, new)) {
        add_operation(differ, "replace", pointer, new);
    }
}

static void diff_field(struct differ *differ, const char *pointer, const struct field *field,
                       const char *before, const char *after)
{
    if (field->type == FIELD_LIST) {
        struct schema_list old = schema_list_of(field, before);
        struct schema_list new = schema_list_of(field, after);
        if (old.count > 0 && new.count > 0) {
            diff_lists(differ, pointer, field, old, new);
            return;
        }
    }
    diff_members(differ, pointer, field, before, after);
}

static int compare_fields(const void *a, const void *b)
{
    const struct field *const *left = a;
    const struct field *const *right = b;
    return strcmp((*left)->name, (*right)->name);
}

static void diff_structs(struct differ *differ, const char *pointer, const struct schema *schema,
                         const char *before, const char *after)
{
    const struct field **fields = arena_array(differ->arena, const struct field *,
                                              schema->field_count);
    size_t count = 0;
    for (size_t at = 0; at < schema->field_count; at++) {
        if (!codec_field_equal(&schema->fields[at], before, after)) {
            fields[count++] = &schema->fields[at];
        }
    }
    qsort(fields, count, sizeof(fields[0]), compare_fields);
    for (size_t at = 0; at < count; at++) {
        const char *inner = codec_pointer_add(differ->arena, pointer, fields[at]->name);
        diff_field(differ, inner, fields[at], before, after);
    }
}

static bool is_empty(const struct schema *schema, const char *from)
{
    for (size_t at = 0; at < schema->field_count; at++) {
        CLEANUP(tree_release) json_t *member = codec_encode_field(&schema->fields[at], from, 0);
        if (member) {
            return false;
        }
    }
    return true;
}

/* ---- The patch ---- */

/*
 * Above so many operations the status as a whole may be shorter, and the API server takes 10,000 at
 * most (k8s.io/apiserver, endpoints/handlers/patch.go: maxJSONPatchOperations).
 */
enum { PATCH_LONG = 1000, PATCH_MAXIMUM = 10000 };

static const char *shorter_patch(struct arena *arena, json_t *operations, json_t *version,
                                 const struct schema *schema, const char *after)
{
    CLEANUP(tree_release) json_t *whole = json_array();
    CLEANUP(tree_release) json_t *status = codec_encode_tree(schema, after, 0);
    struct differ differ = {.arena = arena, .operations = whole};
    add_operation(&differ, "replace", "/metadata/resourceVersion", version);
    add_operation(&differ, "replace", "/status", status);
    const char *text = tree_print(arena, whole);
    if (json_array_size(operations) > PATCH_MAXIMUM) {
        return text;
    }
    const char *in_parts = tree_print(arena, operations);
    return strlen(in_parts) < strlen(text) ? in_parts : text;
}

static const char *patch_between(struct arena *arena, const struct schema *schema,
                                 const char *resource_version, const char *before,
                                 const char *after)
{
    CLEANUP(tree_release) json_t *operations = json_array();
    CLEANUP(tree_release) json_t *version = tree_make_text(resource_version);
    struct differ differ = {.arena = arena, .operations = operations};
    add_operation(&differ, "replace", "/metadata/resourceVersion", version);
    if (is_empty(schema, before)) {
        CLEANUP(tree_release) json_t *status = codec_encode_tree(schema, after, 0);
        add_operation(&differ, "add", "/status", status);
    } else {
        diff_structs(&differ, "/status", schema, before, after);
    }
    size_t count = json_array_size(operations);
    if (count > PATCH_LONG) {
        return shorter_patch(arena, operations, version, schema, after);
    }
    return count > 1 ? tree_print(arena, operations) : NULL;
}

const char *codec_status_patch(struct arena *arena, enum api_kind kind, const struct object *before,
                               const struct object *after)
{
    const struct field *status = schema_find(schema_of(kind), "status");
    REQUIRE(kind_info(kind)->ours && status);
    const char *old = (const char *)before + status->offset;
    const char *new = (const char *)after + status->offset;
    if (codec_equal(status->schema, old, new)) {
        return NULL;
    }
    return patch_between(arena, status->schema, text_or(before->meta.resource_version, ""), old,
                         new);
}
