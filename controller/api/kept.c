#include "api/kept.h"

#include "api/codec_private.h"
#include "api/pipeline_run.h"
#include "api/schema_fields.h"
#include "api/workload.h"
#include "core/assert.h"
#include "core/text.h"

#include <string.h>

/* Structs and arrays need it; texts do not, and fill the rest of the block. */
enum { ALIGNMENT = _Alignof(int64_t) };
_Static_assert(_Alignof(void *) <= _Alignof(int64_t), "pointers need no stricter alignment");

/* Two ends of one block; with `structs` NULL it is only measured. */
struct block {
    char *structs;
    char *texts;
    size_t struct_bytes;
    size_t text_bytes;
};

static size_t round_up(size_t size)
{
    return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* NULL while measuring, and for nothing. */
static void *take_array(struct block *block, const void *from, size_t count, size_t size)
{
    size_t bytes = round_up(count * size);
    char *place = block->structs && bytes > 0 ? block->structs + block->struct_bytes : NULL;
    block->struct_bytes += bytes;
    return place ? memcpy(place, from, count * size) : NULL;
}

static const char *take_text(struct block *block, const char *text)
{
    if (!text) {
        return NULL;
    }
    size_t bytes = strlen(text) + 1;
    char *place = block->texts ? block->texts + block->text_bytes : NULL;
    block->text_bytes += bytes;
    return place ? memcpy(place, text, bytes) : NULL;
}

/* `into` is a shallow copy of `from` already; NULL while measuring. */
static void take_members(struct block *block, const struct schema *schema, const char *from,
                         char *into);

static void set_pointer(char *into, size_t offset, const void *pointer)
{
    if (into) {
        memcpy(into + offset, &pointer, sizeof(pointer));
    }
}

static void take_list(struct block *block, const struct field *field, const char *from, char *into)
{
    struct schema_list list = schema_list_of(field, from);
    size_t size = field->schema->size;
    char *copy = take_array(block, list.items, list.count, size);
    for (size_t at = 0; at < list.count; at++) {
        take_members(block, field->schema, schema_item(field, list, at),
                     copy ? copy + at * size : NULL);
    }
    set_pointer(into, field->offset, copy);
}

static void take_text_list(struct block *block, const struct field *field, const char *from,
                           char *into)
{
    struct schema_list list = schema_list_of(field, from);
    const char **copy = take_array(block, list.items, list.count, sizeof(*copy));
    for (size_t at = 0; at < list.count; at++) {
        const char *text = take_text(block, schema_text(list, at));
        if (copy) {
            copy[at] = text;
        }
    }
    set_pointer(into, field->offset, copy);
}

static void take_text_map(struct block *block, const struct field *field, const char *from,
                          char *into)
{
    struct text_map map;
    memcpy(&map, from + field->offset, sizeof(map));
    struct name_value *copy = take_array(block, map.items, map.count, sizeof(*copy));
    for (size_t at = 0; at < map.count; at++) {
        const char *name = take_text(block, map.items[at].name);
        const char *value = take_text(block, map.items[at].value);
        if (copy) {
            copy[at] = (struct name_value){.name = name, .value = value};
        }
    }
    map.items = copy;
    if (into) {
        memcpy(into + field->offset, &map, sizeof(map));
    }
}

static void take_members(struct block *block, const struct schema *schema, const char *from,
                         char *into)
{
    for (size_t at = 0; at < schema->field_count; at++) {
        const struct field *field = &schema->fields[at];
        const char *text;
        switch (field->type) {
        case FIELD_TEXT:
        case FIELD_RAW:
            /* struct raw_json is its text. */
            memcpy(&text, from + field->offset, sizeof(text));
            set_pointer(into, field->offset, take_text(block, text));
            break;
        case FIELD_OBJECT:
            take_members(block, field->schema, from + field->offset,
                         into ? into + field->offset : NULL);
            break;
        case FIELD_LIST:
            take_list(block, field, from, into);
            break;
        case FIELD_TEXT_LIST:
            take_text_list(block, field, from, into);
            break;
        case FIELD_TEXT_MAP:
            take_text_map(block, field, from, into);
            break;
        case FIELD_INTEGER:
        case FIELD_BOOLEAN:
        case FIELD_TIME:
            break;
        }
    }
}

static struct object *take_object(struct block *block, enum api_kind kind,
                                  const struct object *object)
{
    const struct schema *schema = schema_of(kind);
    struct object *copy = take_array(block, object, 1, schema->size);
    take_members(block, schema, (const char *)object, (char *)copy);
    const char *unreadable = take_text(block, object->meta.unreadable);
    if (copy) {
        copy->meta.unreadable = unreadable;
    }
    return copy;
}

static struct block measure(enum api_kind kind, const struct object *object)
{
    struct block block = {0};
    (void)take_object(&block, kind, object);
    return block;
}

size_t kept_size(enum api_kind kind, const struct object *object)
{
    struct block block = measure(kind, object);
    return round_up(block.struct_bytes + block.text_bytes);
}

struct object *kept_copy(enum api_kind kind, const struct object *object, void *memory)
{
    const struct block size = measure(kind, object);
    struct block block = {.structs = memory, .texts = (char *)memory + size.struct_bytes};
    struct object *copy = take_object(&block, kind, object);
    REQUIRE(block.struct_bytes == size.struct_bytes && block.text_bytes == size.text_bytes);
    return copy;
}

static bool is_read(const struct workload_condition *condition)
{
    return text_equal(condition->type, "DisruptionTarget") ||
           (text_equal(condition->type, "PodScheduled") && text_equal(condition->status, "False"));
}

static void trim_conditions(struct pod_status *status)
{
    size_t count = 0;
    for (size_t at = 0; at < status->condition_count; at++) {
        if (is_read(&status->conditions[at])) {
            status->conditions[count++] = status->conditions[at];
        }
    }
    status->condition_count = count;
}

static size_t trim_containers(struct container_status *containers, size_t count)
{
    size_t kept = 0;
    for (size_t at = 0; at < count; at++) {
        if (container_is_held_up(&containers[at])) {
            containers[kept++] = containers[at];
        }
    }
    return kept;
}

/* Of a step's pod that has not ended only why it waits is read. */
static void trim_attempt(struct pod *pod)
{
    const struct owner_reference *owner = meta_controller(&pod->meta);
    struct pod_status *status = &pod->status;
    bool has_ended = text_equal(status->phase, "Succeeded") || text_equal(status->phase, "Failed");
    if (has_ended || !owner || !text_equal(owner->kind, kind_info(KIND_JOB)->kind)) {
        return;
    }
    status->phase = NULL;
    status->container_count = trim_containers(status->containers, status->container_count);
    status->init_container_count = trim_containers(status->init_containers,
                                                   status->init_container_count);
}

void kept_trim(enum api_kind kind, struct object *object)
{
    if (kind == KIND_POD) {
        trim_conditions(&((struct pod *)object)->status);
        trim_attempt((struct pod *)object);
    }
}

static bool is_version(const struct schema *schema, const struct field *field)
{
    return schema == &schema_meta && field->offset == offsetof(struct meta, resource_version);
}

static bool says_the_same(const struct schema *schema, const char *a, const char *b)
{
    for (size_t at = 0; at < schema->field_count; at++) {
        const struct field *field = &schema->fields[at];
        bool is_same = field->schema == &schema_meta
                           ? says_the_same(field->schema, a + field->offset, b + field->offset)
                           : codec_field_equal(field, a, b);
        if (!is_same && !is_version(schema, field)) {
            return false;
        }
    }
    return true;
}

bool kept_says_the_same(enum api_kind kind, const struct object *a, const struct object *b)
{
    return text_equal(a->meta.unreadable, b->meta.unreadable) &&
           says_the_same(schema_of(kind), (const char *)a, (const char *)b);
}

bool kept_is_reducible(enum api_kind kind)
{
    return kind == KIND_PIPELINE_RUN || kind == KIND_JOB || kind == KIND_POD;
}

/* Which object it is, and of which moment. */
static struct meta identity_of(const struct meta *meta)
{
    return (struct meta){.name = meta->name,
                         .namespace = meta->namespace,
                         .uid = meta->uid,
                         .resource_version = meta->resource_version,
                         .generation = meta->generation,
                         .creation_time = meta->creation_time,
                         .deletion_time = meta->deletion_time,
                         .unreadable = meta->unreadable};
}

static void keep_controller(struct arena *arena, const struct meta *meta, struct meta *kept)
{
    const struct owner_reference *owner = meta_controller(meta);
    if (owner) {
        kept->owners = arena_new(arena, struct owner_reference);
        kept->owners[0] = *owner;
        kept->owners[0].api_version = NULL;
        kept->owner_count = 1;
    }
}

/* Sorted, as in the original. */
static void keep_annotations(struct arena *arena, const struct meta *meta, struct meta *kept)
{
    static const char *const names[] = {ANNOTATION_CHAIN, ANNOTATION_TRIGGER_UID};
    enum { NAMES = sizeof(names) / sizeof(names[0]) };
    for (size_t at = 0; at < NAMES; at++) {
        const char *value = text_map_get(&meta->annotations, names[at]);
        if (value) {
            kept->annotations.items = kept->annotations.items
                                          ? kept->annotations.items
                                          : arena_array(arena, struct name_value, NAMES);
            kept->annotations.items[kept->annotations.count++] = (struct name_value){
                .name = names[at], .value = value};
        }
    }
}

/* A Trigger may ask for it, and says why. */
static void keep_retrain(struct arena *arena, const struct pipeline_run *run,
                         struct pipeline_run *kept)
{
    const char *message = pipeline_run_retrain_message(run);
    if (message) {
        kept->status.conditions.items = arena_new(arena, struct condition);
        kept->status.conditions.items[0] = (struct condition){
            .type = CONDITION_RETRAIN_NEEDED,
            .status = "True",
            .last_transition_time = TIME_ABSENT,
            .message = arena_copy_bytes(arena, message,
                                        text_clip_utf8(message, RETRAIN_KEPT_BYTES))};
        kept->status.conditions.count = 1;
    }
}

static const struct object *reduce_run(struct arena *arena, const struct pipeline_run *run)
{
    struct pipeline_run *kept = arena_new(arena, struct pipeline_run);
    schema_clear(schema_of(KIND_PIPELINE_RUN), kept);
    kept->meta = identity_of(&run->meta);
    keep_controller(arena, &run->meta, &kept->meta);
    keep_annotations(arena, &run->meta, &kept->meta);
    kept->spec.pipeline_ref = run->spec.pipeline_ref;
    kept->spec.cause.kind = run->spec.cause.kind;
    kept->spec.cause.name = run->spec.cause.name;
    kept->spec.cancel = run->spec.cancel;
    kept->status.observed_generation = run->status.observed_generation;
    kept->status.phase = run->status.phase;
    kept->status.revision = run->status.revision;
    kept->status.completion_time = run->status.completion_time;
    keep_retrain(arena, run, kept);
    return (const struct object *)kept;
}

static const struct object *reduce_job(struct arena *arena, const struct job *job)
{
    struct job *kept = arena_new(arena, struct job);
    schema_clear(schema_of(KIND_JOB), kept);
    kept->meta = identity_of(&job->meta);
    keep_controller(arena, &job->meta, &kept->meta);
    return (const struct object *)kept;
}

static const struct object *reduce_pod(struct arena *arena, const struct pod *pod)
{
    struct pod *kept = arena_new(arena, struct pod);
    schema_clear(schema_of(KIND_POD), kept);
    kept->meta = identity_of(&pod->meta);
    return (const struct object *)kept;
}

const struct object *kept_reduce(struct arena *arena, enum api_kind kind,
                                 const struct object *object)
{
    REQUIRE(kept_is_reducible(kind));
    if (kind == KIND_PIPELINE_RUN) {
        return reduce_run(arena, (const struct pipeline_run *)object);
    }
    if (kind == KIND_JOB) {
        return reduce_job(arena, (const struct job *)object);
    }
    return reduce_pod(arena, (const struct pod *)object);
}
