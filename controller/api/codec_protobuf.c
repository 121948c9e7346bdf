/* The generic decoder: a protobuf message and a field table make a struct. */

#include "api/codec_protobuf.h"

#include "api/codec_map.h"
#include "api/codec_wire.h"
#include "core/assert.h"
#include "core/text.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { PATH_SIZE = 256, MESSAGE_SIZE = 256 };

/* metav1.Time has years of four digits. */
#define YEAR_0000_START INT64_C(-62167219200)
#define YEAR_9999_END   INT64_C(253402300799)

enum { MAP_NAME = 1, MAP_VALUE = 2 }; /* fields of a map's entry, as protobuf lays it down */
enum { TIME_SECONDS = 1 };            /* of metav1.Time */

/* U+FFFD REPLACEMENT CHARACTER */
static const char replacement[] = "\xEF\xBF\xBD";
enum { REPLACEMENT_SIZE = sizeof(replacement) - 1 };

/* Where in the object a message stands, outwards. */
struct place {
    const struct place *parent;
    const char *name; /* NULL: the whole object */
    size_t item;      /* of a list, from 0; NOT_AN_ITEM */
};
enum { NOT_AN_ITEM = PROTOBUF_ITEMS_MAXIMUM };

struct decoder {
    struct arena *arena;
    struct error *error;
};

static size_t print_path(const struct place *place, char *path, size_t size)
{
    if (!place->name) {
        path[0] = '\0';
        return 0;
    }
    size_t used = print_path(place->parent, path, size);
    int added = snprintf(path + used, size - used, "%s%s", used > 0 ? "." : "", place->name);
    used += (size_t)added;
    REQUIRE(used < size); /* tables are shallow and their names short */
    if (place->item != NOT_AN_ITEM) {
        used += (size_t)snprintf(path + used, size - used, "[%zu]", place->item);
        REQUIRE(used < size);
    }
    return used;
}

/* About the field `name` of the message at `place`; NULL: about the message. */
static struct result fail(const struct decoder *decoder, const struct place *place,
                          const char *name, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static struct result fail(const struct decoder *decoder, const struct place *place,
                          const char *name, const char *format, ...)
{
    char path[PATH_SIZE];
    char message[MESSAGE_SIZE];
    const struct place field = {.parent = place, .name = name, .item = NOT_AN_ITEM};
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    (void)print_path(name ? &field : place, path, sizeof(path));
    return error_set(decoder->error, ERROR_INVALID, "%s%s%s", path, path[0] ? ": " : "", message);
}

static struct result fail_broken(const struct decoder *decoder, const struct place *place)
{
    return fail(decoder, place, NULL, "not a whole protobuf message");
}

/*
 * Go's JSON encoder writes U+FFFD for each byte that is not UTF-8, and our JSON reader for a NUL:
 * the same text comes out of both forms.
 */
static char *copy_repaired(struct arena *arena, struct span text)
{
    char *copy = arena_allocate(arena, text.size + 1, REPLACEMENT_SIZE);
    char *to = copy;
    for (size_t at = 0; at < text.size;) {
        size_t taken = text.bytes[at] == '\0' ? 0 : text_utf8_size(text.bytes + at, text.size - at);
        memcpy(to, taken > 0 ? text.bytes + at : replacement, taken > 0 ? taken : REPLACEMENT_SIZE);
        to += taken > 0 ? taken : REPLACEMENT_SIZE;
        at += taken > 0 ? taken : 1;
    }
    return copy;
}

static char *copy_text(struct arena *arena, struct span text)
{
    return text_is_ascii(text.bytes, text.size) ? arena_copy_bytes(arena, text.bytes, text.size)
                                                : copy_repaired(arena, text);
}

/* ---- Fields that are there once; of several the last counts ---- */

/*
 * Upstream's encoder writes every text, also "". Where JSON would have no member (omitempty), there
 * is none here either. Says whether the field counts as present.
 */
static bool decode_text(const struct decoder *decoder, const struct field *field, struct span text,
                        const char **into)
{
    bool is_absent = text.size == 0 && (field->flags & FIELD_SHOWN) == 0;
    *into = is_absent ? NULL : copy_text(decoder->arena, text);
    return !is_absent;
}

static struct result decode_time(const struct decoder *decoder, const struct field *field,
                                 struct span time, const struct place *place, int64_t *into)
{
    int64_t seconds = 0;
    struct wire wire = wire_open(time);
    struct wire_field found;
    enum wire_step step;
    if (time.size == 0) { /* Go's zero time, null in JSON */
        *into = TIME_ABSENT;
        return RESULT_OK;
    }
    while ((step = wire_next(&wire, &found)) == WIRE_FOUND) {
        if (found.number == TIME_SECONDS && found.type == WIRE_VARINT) {
            seconds = (int64_t)found.varint;
        }
    }
    if (step == WIRE_BROKEN) {
        return fail(decoder, place, field->name, "not a whole protobuf message");
    }
    if (seconds < YEAR_0000_START || seconds > YEAR_9999_END) {
        return fail(decoder, place, field->name, "expected a time, got %lld s since 1970",
                    (long long)seconds);
    }
    *into = seconds;
    return RESULT_OK;
}

/* ---- Fields that are decoded whole when the first piece is met ---- */

static struct result decode_message(const struct decoder *decoder, const struct schema *schema,
                                    struct span message, void *into, const struct place *place);

/* Fields like `first` in the rest of its message, and their bytes together; `first` included. */
static size_t count_pieces(struct wire rest, const struct wire_field *first, size_t *bytes)
{
    struct wire_field found;
    size_t count = 1;
    *bytes = first->bytes.size;
    while (wire_next(&rest, &found) == WIRE_FOUND) {
        if (found.number == first->number && found.type == WIRE_BYTES) {
            count++;
            *bytes += found.bytes.size;
        }
    }
    return count;
}

/* The next piece behind `piece`; there is one. */
static void next_piece(struct wire *rest, struct wire_field *piece)
{
    struct wire_field found;
    do {
        REQUIRE(wire_next(rest, &found) == WIRE_FOUND);
    } while (found.number != piece->number || found.type != WIRE_BYTES);
    *piece = found;
}

/* The encodings of an embedded message's pieces, one after the other, are that of all together. */
static struct result decode_object(const struct decoder *decoder, const struct field *field,
                                   struct wire rest, struct wire_field piece,
                                   const struct place *place, void *member)
{
    size_t size;
    size_t count = count_pieces(rest, &piece, &size);
    struct span whole = piece.bytes;
    const struct place inside = {place, field->name, NOT_AN_ITEM};
    if (count > 1) {
        char *joined = arena_allocate(decoder->arena, size + 1, 1);
        size_t used = 0;
        for (size_t at = 0; at < count; at++) {
            if (at > 0) {
                next_piece(&rest, &piece);
            }
            memcpy(joined + used, piece.bytes.bytes, piece.bytes.size);
            used += piece.bytes.size;
        }
        whole = (struct span){joined, used};
    }
    return decode_message(decoder, field->schema, whole, member, &inside);
}

static struct result check_count(const struct decoder *decoder, const struct field *field,
                                 size_t count, const struct place *place)
{
    return count <= PROTOBUF_ITEMS_MAXIMUM
               ? RESULT_OK
               : fail(decoder, place, field->name, "%zu items, more than %d", count,
                      PROTOBUF_ITEMS_MAXIMUM);
}

static struct result decode_list(const struct decoder *decoder, const struct field *field,
                                 struct wire rest, struct wire_field piece,
                                 const struct place *place, char *into)
{
    size_t bytes;
    size_t count = count_pieces(rest, &piece, &bytes);
    TRY(check_count(decoder, field, count, place));
    size_t size = field->schema->size;
    char *items = arena_allocate(decoder->arena, count, size);
    for (size_t at = 0; at < count; at++) {
        const struct place inside = {place, field->name, at};
        if (at > 0) {
            next_piece(&rest, &piece);
        }
        schema_clear(field->schema, items + at * size);
        TRY(decode_message(decoder, field->schema, piece.bytes, items + at * size, &inside));
    }
    memcpy(into + field->offset, &items, sizeof(items));
    memcpy(into + field->count_offset, &count, sizeof(count));
    return RESULT_OK;
}

/* A map's entry; what is not in it is "", and the last of several counts. */
static bool read_entry(struct span entry, struct span *name, struct span *value)
{
    struct wire wire = wire_open(entry);
    struct wire_field found;
    enum wire_step step;
    *name = (struct span){0};
    *value = (struct span){0};
    while ((step = wire_next(&wire, &found)) == WIRE_FOUND) {
        if (found.type == WIRE_BYTES && found.number == MAP_NAME) {
            *name = found.bytes;
        } else if (found.type == WIRE_BYTES && found.number == MAP_VALUE) {
            *value = found.bytes;
        }
    }
    return step == WIRE_END;
}

static struct result decode_text_map(const struct decoder *decoder, const struct field *field,
                                     struct wire rest, struct wire_field piece,
                                     const struct place *place, struct text_map *into)
{
    size_t bytes;
    size_t count = count_pieces(rest, &piece, &bytes);
    TRY(check_count(decoder, field, count, place));
    struct map_item *items = arena_array(decoder->arena, struct map_item, count);
    size_t kept = 0;
    for (size_t at = 0; at < count; at++) {
        struct span name;
        struct span value;
        if (at > 0) {
            next_piece(&rest, &piece);
        }
        if (!read_entry(piece.bytes, &name, &value)) {
            return fail(decoder, place, field->name, "an entry is not a whole protobuf message");
        }
        if (codec_map_wants(field, name)) {
            struct map_item *item = &items[kept++];
            item->order = at;
            item->pair.name = copy_text(decoder->arena, name);
            item->pair.value = copy_text(decoder->arena, value);
        }
    }
    *into = codec_map_make(decoder->arena, items, kept);
    return RESULT_OK;
}

/* ---- Messages ---- */

static enum wire_type expected_type(const struct field *field)
{
    bool is_number = field->type == FIELD_INTEGER || field->type == FIELD_BOOLEAN;
    return is_number ? WIRE_VARINT : WIRE_BYTES;
}

/* `*present` stays as it is, or becomes false. `rest`: of the message, behind `found`. */
static struct result decode_field(const struct decoder *decoder, const struct field *field,
                                  struct wire rest, const struct wire_field *found,
                                  const struct place *place, char *into, bool *present)
{
    void *member = into + field->offset;
    if (found->type != expected_type(field)) {
        return fail(decoder, place, field->name, "wire type %d where %d should be", found->type,
                    expected_type(field));
    }
    switch (field->type) {
    case FIELD_TEXT:
        *present = decode_text(decoder, field, found->bytes, member);
        return RESULT_OK;
    case FIELD_INTEGER:
        memcpy(member, &found->varint, sizeof(found->varint));
        return RESULT_OK;
    case FIELD_BOOLEAN:
        *(bool *)member = found->varint != 0;
        return RESULT_OK;
    case FIELD_TIME:
        return decode_time(decoder, field, found->bytes, place, member);
    case FIELD_OBJECT:
        return decode_object(decoder, field, rest, *found, place, member);
    case FIELD_LIST:
        return decode_list(decoder, field, rest, *found, place, into);
    case FIELD_TEXT_MAP:
        return decode_text_map(decoder, field, rest, *found, place, member);
    case FIELD_TEXT_LIST: /* no table of a kind that is read in this form has one */
    case FIELD_RAW:
        break;
    }
    return error_set(decoder->error, ERROR_INVALID, "a field table numbers a field of type %s",
                     schema_type_name(field->type));
}

static bool is_read_in_pieces(const struct field *field)
{
    return field->type == FIELD_OBJECT || field->type == FIELD_LIST ||
           field->type == FIELD_TEXT_MAP;
}

/* `*next` is where to begin: encoders write fields in the order of their numbers. */
static const struct field *find_field(const struct schema *schema, unsigned number, size_t *next)
{
    for (size_t tried = 0; tried < schema->field_count; tried++) {
        size_t at = *next + tried;
        at -= at >= schema->field_count ? schema->field_count : 0;
        if (schema->fields[at].number == number) {
            *next = at;
            return &schema->fields[at];
        }
    }
    return NULL;
}

static struct result check_required(const struct decoder *decoder, const struct schema *schema,
                                    uint64_t seen, const struct place *place)
{
    for (size_t at = 0; at < schema->field_count; at++) {
        const struct field *field = &schema->fields[at];
        if ((field->flags & FIELD_REQUIRED) != 0 && !(seen & UINT64_C(1) << at)) {
            return fail(decoder, place, field->name, "required, but absent");
        }
    }
    return RESULT_OK;
}

static struct result decode_message(const struct decoder *decoder, const struct schema *schema,
                                    struct span message, void *into, const struct place *place)
{
    uint64_t seen = 0; /* a bit for each field */
    REQUIRE(schema->field_count <= sizeof(seen) * CHAR_BIT);
    size_t next = 0;
    struct wire wire = wire_open(message);
    struct wire_field found;
    enum wire_step step;
    while ((step = wire_next(&wire, &found)) == WIRE_FOUND) {
        const struct field *field = find_field(schema, found.number, &next);
        uint64_t bit = field ? UINT64_C(1) << (field - schema->fields) : 0;
        bool was_read = (seen & bit) != 0 && found.type == WIRE_BYTES && is_read_in_pieces(field);
        if (!field || was_read) {
            continue;
        }
        bool present = true;
        TRY(decode_field(decoder, field, wire, &found, place, into, &present));
        seen = present ? seen | bit : seen & ~bit;
    }
    return step == WIRE_BROKEN ? fail_broken(decoder, place)
                               : check_required(decoder, schema, seen, place);
}

struct result protobuf_decode(struct arena *arena, const struct schema *schema, struct span message,
                              void *into, struct error *error)
{
    const struct decoder decoder = {.arena = arena, .error = error};
    const struct place whole = {0};
    schema_clear(schema, into);
    return decode_message(&decoder, schema, message, into, &whole);
}
