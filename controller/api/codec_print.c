/*
 * JSON text of a tree. jansson's own printer calls back for each piece and keeps a table of what it
 * is inside of, by printed addresses, to find cycles: a fifth of all instructions of the controller
 * were in it (callgrind, bench/README.md). Our trees have none, they are built top down, and are no
 * deeper than JSON_DEPTH_MAX plus our frame.
 */

#include "api/codec_tree.h"
#include "api/codec_writer.h"
#include "core/assert.h"
#include "core/memory.h"

#include <stdlib.h>
#include <string.h>

enum { NUMBER_SIZE = 64 };

static void print_value(struct writer *writer, const json_t *value);

static void print_array(struct writer *writer, const json_t *array)
{
    writer_add_byte(writer, '[');
    for (size_t at = 0; at < json_array_size(array); at++) {
        if (at > 0) {
            writer_add_byte(writer, ',');
        }
        print_value(writer, json_array_get(array, at));
    }
    writer_add_byte(writer, ']');
}

struct member {
    const char *name;
    const json_t *value;
};

static int compare_members(const void *a, const void *b)
{
    return strcmp(((const struct member *)a)->name, ((const struct member *)b)->name);
}

/* By name; most objects have a handful, and many are in order. */
static void sort_members(struct member *members, size_t count)
{
    enum { FEW = 16 };
    if (count > FEW) {
        qsort(members, count, sizeof(members[0]), compare_members);
        return;
    }
    for (size_t at = 1; at < count; at++) {
        struct member member = members[at];
        size_t to = at;
        while (to > 0 && compare_members(&members[to - 1], &member) > 0) {
            members[to] = members[to - 1];
            to--;
        }
        members[to] = member;
    }
}

static void print_members(struct writer *writer, const struct member *members, size_t count)
{
    writer_add_byte(writer, '{');
    for (size_t at = 0; at < count; at++) {
        writer_add_name(writer, members[at].name);
        print_value(writer, members[at].value);
    }
    writer_add_byte(writer, '}');
}

static void print_object(struct writer *writer, const json_t *object)
{
    enum { USUAL = 32 };
    struct member usual[USUAL];
    size_t count = json_object_size(object);
    struct member *members = count <= USUAL ? usual : memory_allocate(count, sizeof(members[0]));
    size_t at = 0;
    json_t *borrowed; /* jansson's iterators want what they don't change to be changeable */
    memcpy(&borrowed, &object, sizeof(borrowed));
    for (void *each = json_object_iter(borrowed); each;
         each = json_object_iter_next(borrowed, each)) {
        REQUIRE(at < count);
        members[at++] = (struct member){json_object_iter_key(each), json_object_iter_value(each)};
    }
    sort_members(members, count);
    print_members(writer, members, count);
    if (members != usual) {
        (void)memory_free(members);
    }
}

/* There are few: jansson knows the shortest text that reads the same. */
static void print_real(struct writer *writer, const json_t *number)
{
    char text[NUMBER_SIZE];
    size_t size = json_dumpb(number, text, sizeof(text), JSON_ENCODE_ANY);
    REQUIRE(size > 0 && size <= sizeof(text));
    writer_add(writer, text, size);
}

static void print_value(struct writer *writer, const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        print_object(writer, value);
        return;
    case JSON_ARRAY:
        print_array(writer, value);
        return;
    case JSON_STRING:
        writer_add_string(writer, json_string_value(value), json_string_length(value));
        return;
    case JSON_INTEGER:
        writer_add_integer(writer, json_integer_value(value));
        return;
    case JSON_REAL:
        print_real(writer, value);
        return;
    case JSON_TRUE:
        writer_add(writer, "true", strlen("true"));
        return;
    case JSON_FALSE:
        writer_add(writer, "false", strlen("false"));
        return;
    case JSON_NULL:
        writer_add(writer, "null", strlen("null"));
        return;
    }
}

char *tree_print(struct arena *arena, const json_t *value)
{
    struct writer writer = {0};
    print_value(&writer, value);
    return writer_take(&writer, arena);
}
