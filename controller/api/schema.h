#ifndef TIDEMILL_API_SCHEMA_H
#define TIDEMILL_API_SCHEMA_H

/*
 * Field tables: for each kind, which JSON member belongs to which member of its struct. They are
 * the one description that the decoders and the encoder (api/codec*.c) walk, and that a test holds
 * against the CRDs both ways. Constant data; anyone may read it.
 *
 * Fields of Jobs and Pods also have their number in upstream's protobuf form, from the
 * generated.proto of k8s.io/api (core/v1, batch/v1) and k8s.io/apimachinery (meta/v1), v0.36. A
 * number never changes there: what etcd holds is written by it.
 *
 * Invariant: a struct's table names each of its members once; what is not named is never decoded
 * and never encoded.
 */

#include "api/kind.h"
#include "api/meta.h"
#include "core/arena.h"

#include <stddef.h>
#include <stdint.h>

enum field_type {
    FIELD_TEXT,      /* const char * */
    FIELD_INTEGER,   /* int64_t; absent: field.absent */
    FIELD_BOOLEAN,   /* bool; absent: false */
    FIELD_TIME,      /* int64_t unix seconds <-> RFC 3339; absent: TIME_ABSENT */
    FIELD_OBJECT,    /* an embedded struct, described by field.schema */
    FIELD_LIST,      /* pointer and count of structs, described by field.schema */
    FIELD_TEXT_LIST, /* const char ** and count */
    FIELD_TEXT_MAP,  /* struct text_map; only what field.prefix and field.names let in */
    FIELD_RAW        /* struct raw_json */
};

enum field_flag {
    FIELD_REQUIRED = 1U << 0, /* an object without it cannot be used: decoding fails */
    FIELD_KEPT = 1U << 1,     /* text that is encoded as "" when absent: upstream requires it */
    FIELD_STORED = 1U << 2,   /* set by the API server: not in what is sent to create an object */
    FIELD_SHOWN = 1U << 3,    /* text that upstream's JSON has also when it is "" (no omitempty) */
    FIELD_BLOCKS = 1U << 4    /* an owner's controller: blockOwnerDeletion is encoded beside it */
};

struct schema;

struct field {
    const char *name; /* of the JSON member */
    enum field_type type;
    unsigned flags;  /* enum field_flag */
    unsigned number; /* in the protobuf form; 0: it is not read there */
    size_t offset;
    size_t member_size;          /* FIELD_OBJECT, an item of FIELD_LIST: equals schema->size */
    size_t count_offset;         /* FIELD_LIST, FIELD_TEXT_LIST */
    const struct schema *schema; /* FIELD_OBJECT, FIELD_LIST */
    const char *prefix;          /* FIELD_TEXT_MAP: names that begin with it; or NULL: all */
    const char *const *names;    /* FIELD_TEXT_MAP: these alone, NULL at the end; or NULL: all */
    int64_t absent;              /* FIELD_INTEGER */
};

struct schema {
    const char *name; /* of the C struct */
    size_t size;
    const struct field *fields;
    size_t field_count;
};

/* Of a whole object: metadata, spec, status and so on, without apiVersion and kind. */
const struct schema *schema_of(enum api_kind kind);

/* NULL when there is none of that name. */
const struct field *schema_find(const struct schema *schema, const char *name);

/* What a FIELD_LIST or FIELD_TEXT_LIST of `object` points at. */
struct schema_list {
    const char *items;
    size_t count;
};
struct schema_list schema_list_of(const struct field *field, const void *object);

/* Item `at` of a FIELD_LIST, and of a FIELD_TEXT_LIST. */
const char *schema_item(const struct field *field, struct schema_list list, size_t at);
const char *schema_text(struct schema_list list, size_t at);

/* Makes a zeroed struct one in which everything is absent: times and integers differ from 0. */
void schema_clear(const struct schema *schema, void *object);

/* "text", "integer", "list", ... */
const char *schema_type_name(enum field_type type);

/*
 * Every field of the kind, parents before children, a line each: PATH TYPE [required], e.g.
 *   spec.steps list
 *   spec.steps[].name text required
 * Lists of text are "text-list", maps of text "text-map".
 */
const char *schema_describe(struct arena *arena, enum api_kind kind);

#endif
