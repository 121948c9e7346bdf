/*
 * JSON text of a tree. jansson's own printer calls back for each piece and keeps a table of what it
 * is inside of, by printed addresses, to find cycles: a fifth of all instructions of the controller
 * were in it (callgrind, bench/README.md). Our trees have none, they are built top down, and are no
 * deeper than JSON_DEPTH_MAX plus our frame.
 */

#include "api/codec_tree.h"
#include "core/assert.h"
#include "core/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_SIZE = 64, CONTROL_END = 0x20, FIRST_SIZE = 4096 };

struct printer {
    char *text;
    size_t size;
    size_t capacity;
};

static void print_value(struct printer *printer, const json_t *value);

static char *need(struct printer *printer, size_t size)
{
    if (printer->capacity - printer->size < size) {
        size_t needed = printer->size + size;
        needed = needed > FIRST_SIZE ? needed : FIRST_SIZE;
        printer->text = memory_grow(printer->text, &printer->capacity, needed, 1);
    }
    return printer->text + printer->size;
}

static void add(struct printer *printer, const char *bytes, size_t size)
{
    memcpy(need(printer, size), bytes, size);
    printer->size += size;
}

static void add_byte(struct printer *printer, char byte)
{
    *need(printer, 1) = byte;
    printer->size++;
}

static void add_escaped(struct printer *printer, char byte)
{
    static const char letters[][2] = {"\"\"", "\\\\", "\bb", "\ff", "\nn", "\rr", "\tt"};
    char text[NUMBER_SIZE];
    for (size_t at = 0; at < sizeof(letters) / sizeof(letters[0]); at++) {
        if (letters[at][0] == byte) {
            add_byte(printer, '\\');
            add_byte(printer, letters[at][1]);
            return;
        }
    }
    add(printer, text, (size_t)snprintf(text, sizeof(text), "\\u%04X", (unsigned)byte));
}

/* UTF-8 stays as it is (RFC 8259, 7). */
static void print_text(struct printer *printer, const char *text, size_t size)
{
    size_t from = 0;
    add_byte(printer, '"');
    for (size_t at = 0; at < size; at++) {
        if ((unsigned char)text[at] < CONTROL_END || text[at] == '"' || text[at] == '\\') {
            add(printer, text + from, at - from);
            add_escaped(printer, text[at]);
            from = at + 1;
        }
    }
    add(printer, text + from, size - from);
    add_byte(printer, '"');
}

static void print_array(struct printer *printer, const json_t *array)
{
    add_byte(printer, '[');
    for (size_t at = 0; at < json_array_size(array); at++) {
        if (at > 0) {
            add_byte(printer, ',');
        }
        print_value(printer, json_array_get(array, at));
    }
    add_byte(printer, ']');
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

static void print_members(struct printer *printer, const struct member *members, size_t count)
{
    add_byte(printer, '{');
    for (size_t at = 0; at < count; at++) {
        if (at > 0) {
            add_byte(printer, ',');
        }
        print_text(printer, members[at].name, strlen(members[at].name));
        add_byte(printer, ':');
        print_value(printer, members[at].value);
    }
    add_byte(printer, '}');
}

static void print_object(struct printer *printer, const json_t *object)
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
    print_members(printer, members, count);
    if (members != usual) {
        (void)memory_free(members);
    }
}

static void print_integer(struct printer *printer, const json_t *number)
{
    char text[NUMBER_SIZE];
    add(printer, text,
        (size_t)snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, json_integer_value(number)));
}

/* There are few: jansson knows the shortest text that reads the same. */
static void print_real(struct printer *printer, const json_t *number)
{
    char text[NUMBER_SIZE];
    size_t size = json_dumpb(number, text, sizeof(text), JSON_ENCODE_ANY);
    REQUIRE(size > 0 && size <= sizeof(text));
    add(printer, text, size);
}

static void print_value(struct printer *printer, const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        print_object(printer, value);
        return;
    case JSON_ARRAY:
        print_array(printer, value);
        return;
    case JSON_STRING:
        print_text(printer, json_string_value(value), json_string_length(value));
        return;
    case JSON_INTEGER:
        print_integer(printer, value);
        return;
    case JSON_REAL:
        print_real(printer, value);
        return;
    case JSON_TRUE:
        add(printer, "true", strlen("true"));
        return;
    case JSON_FALSE:
        add(printer, "false", strlen("false"));
        return;
    case JSON_NULL:
        add(printer, "null", strlen("null"));
        return;
    }
}

char *tree_print(struct arena *arena, const json_t *value)
{
    struct printer printer = {0};
    print_value(&printer, value);
    char *copy = arena_copy_bytes(arena, printer.text, printer.size);
    (void)memory_free(printer.text);
    return copy;
}
