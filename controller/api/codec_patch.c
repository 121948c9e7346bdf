/*
 * The JSON Patch (RFC 6902) between two statuses: structs and lists of structs member by member,
 * all else as a whole. Only what differs becomes JSON.
 */

#include "api/codec_private.h"
#include "core/assert.h"
#include "core/text.h"

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
    struct writer patch; /* "[{...},{...}" */
    size_t count;        /* of operations */
};

/* {"op":NAME,"path":POINTER and, after what the caller writes, } */
static void begin_operation(struct differ *differ, const char *name, const char *pointer)
{
    struct writer *patch = &differ->patch;
    writer_add_byte(patch, differ->count++ == 0 ? '[' : ',');
    writer_add_byte(patch, '{');
    writer_add_name(patch, "op");
    writer_add_string(patch, name, strlen(name));
    writer_add_name(patch, "path");
    writer_add_string(patch, pointer, strlen(pointer));
}

/* The same with "value": before what the caller writes. */
static void begin_value(struct differ *differ, const char *name, const char *pointer)
{
    begin_operation(differ, name, pointer);
    writer_add_name(&differ->patch, "value");
}

static void end_operation(struct differ *differ)
{
    writer_add_byte(&differ->patch, '}');
}

static void add_removal(struct differ *differ, const char *pointer)
{
    begin_operation(differ, "remove", pointer);
    end_operation(differ);
}

/* The member's value, which is present. */
static void add_member(struct differ *differ, const char *name, const char *pointer,
                       const struct field *field, const char *from)
{
    begin_value(differ, name, pointer);
    codec_write_field(&differ->patch, field, from, 0);
    end_operation(differ);
}

static void add_struct(struct differ *differ, const char *name, const char *pointer,
                       const struct schema *schema, const char *from)
{
    begin_value(differ, name, pointer);
    codec_write(&differ->patch, schema, from, 0);
    end_operation(differ);
}

static void add_version(struct differ *differ, const char *resource_version)
{
    begin_value(differ, "replace", "/metadata/resourceVersion");
    writer_add_string(&differ->patch, resource_version, strlen(resource_version));
    end_operation(differ);
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
        add_struct(differ, "add", arena_print(differ->arena, "%s/-", pointer), field->schema,
                   schema_item(field, after, at));
    }
    for (size_t at = before.count; at > shared; at--) {
        add_removal(differ, add_index(differ->arena, pointer, at - 1));
    }
}

/* A text that is kept is "" when it is absent: codec_equal() tells the two apart, JSON does not. */
static bool is_other_json(const struct field *field, const char *before, const char *after)
{
    struct writer old = {0};
    struct writer new = {0};
    codec_write_field(&old, field, before, 0);
    codec_write_field(&new, field, after, 0);
    bool differs = old.size != new.size || memcmp(old.text, new.text, old.size) != 0;
    writer_free(&old);
    writer_free(&new);
    return differs;
}

static void diff_field(struct differ *differ, const char *pointer, const struct field *field,
                       const char *before, const char *after)
{
    bool was = codec_is_present(field, before);
    bool is = codec_is_present(field, after);
    if (!was && !is) {
        return; /* two ways to say that it is absent */
    }
    if (!was) {
        add_member(differ, "add", pointer, field, after);
    } else if (!is) {
        add_removal(differ, pointer);
    } else if (field->type == FIELD_OBJECT) {
        diff_structs(differ, pointer, field->schema, before + field->offset, after + field->offset);
    } else if (field->type == FIELD_LIST) {
        diff_lists(differ, pointer, field, schema_list_of(field, before),
                   schema_list_of(field, after));
    } else if (is_other_json(field, before, after)) {
        add_member(differ, "replace", pointer, field, after);
    }
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
    codec_sort_fields(fields, count);
    for (size_t at = 0; at < count; at++) {
        const char *inner = codec_pointer_add(differ->arena, pointer, fields[at]->name);
        diff_field(differ, inner, fields[at], before, after);
    }
}

/* ---- The patch ---- */

/*
 * Above so many operations the status as a whole may be shorter, and the API server takes 10,000 at
 * most (k8s.io/apiserver, endpoints/handlers/patch.go: maxJSONPatchOperations).
 */
enum { PATCH_LONG = 1000, PATCH_MAXIMUM = 10000 };

static const char *finish(struct differ *differ)
{
    writer_add_byte(&differ->patch, ']');
    return writer_take(&differ->patch, differ->arena);
}

static const char *replace_whole(struct arena *arena, const struct schema *schema,
                                 const char *resource_version, const char *after)
{
    struct differ differ = {.arena = arena};
    add_version(&differ, resource_version);
    add_struct(&differ, "replace", "/status", schema, after);
    return finish(&differ);
}

static const char *patch_between(struct arena *arena, const struct schema *schema,
                                 const char *resource_version, const char *before,
                                 const char *after)
{
    struct differ differ = {.arena = arena};
    add_version(&differ, resource_version);
    if (codec_is_empty(schema, before)) {
        add_struct(&differ, "add", "/status", schema, after);
    } else {
        diff_structs(&differ, "/status", schema, before, after);
    }
    size_t count = differ.count;
    const char *in_parts = finish(&differ);
    if (count <= PATCH_LONG) {
        return count > 1 ? in_parts : NULL;
    }
    const char *whole = replace_whole(arena, schema, resource_version, after);
    return count <= PATCH_MAXIMUM && strlen(in_parts) < strlen(whole) ? in_parts : whole;
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
