#ifndef TIDEMILL_API_CODEC_PRIVATE_H
#define TIDEMILL_API_CODEC_PRIVATE_H

/* What the files api/codec*.c share. */

#include "api/codec.h"
#include "api/codec_tree.h"
#include "api/codec_writer.h"
#include "api/schema.h"

/* The object in `text`, as codec_decode() gives it. */
MUST_CHECK struct result codec_decode_span(struct arena *arena, enum api_kind kind,
                                           struct span text, struct object **object,
                                           struct error *error);

/* The same with all of `spec` left out, unread: it may be what codec_decode_span() failed at. */
MUST_CHECK struct result codec_decode_without_spec(struct arena *arena, enum api_kind kind,
                                                   struct span text, struct object **object,
                                                   struct error *error);

/* "ADDED", ...; WATCH_UNKNOWN when it is none of them. */
enum watch_event_type codec_event_type(struct span name);

/* An arena for one item of a list; made by memory_allocate(). */
struct arena *codec_new_object_arena(void);

/* `from` as a JSON object, maybe an empty one; without fields that have a flag of `without`. */
void codec_write(struct writer *writer, const struct schema *schema, const void *from,
                 unsigned without);

/* Whether `from` has the member, or any at all. */
bool codec_is_present(const struct field *field, const void *from);
bool codec_is_empty(const struct schema *schema, const void *from);

/* The value of a member that is present. */
void codec_write_field(struct writer *writer, const struct field *field, const void *from,
                       unsigned without);

/* By name. */
void codec_sort_fields(const struct field **fields, size_t count);

/*
 * Every member that the table names is the same. False may also mean another order of a text map:
 * ask the trees then.
 */
bool codec_equal(const struct schema *schema, const void *a, const void *b);
bool codec_field_equal(const struct field *field, const void *before, const void *after);

/* POINTER/NAME; "~" in the name is written "~0" and "/" is "~1" (RFC 6901, section 3). */
const char *codec_pointer_add(struct arena *arena, const char *pointer, const char *name);

#endif
