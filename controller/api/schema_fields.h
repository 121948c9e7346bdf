#ifndef TIDEMILL_API_SCHEMA_FIELDS_H
#define TIDEMILL_API_SCHEMA_FIELDS_H

/*
 * How field tables are written; for api/schema*.c alone. Each macro checks at compile time that the
 * member has the type that its field says: a table that is wrong does not build.
 */

#include "api/schema.h"

#include <stdbool.h>

#define MEMBER(owner, member) (((owner *)0)->member)

/* The member's offset; does not compile unless the member has this type. */
#define OFFSET_AS(owner, member, expected) \
    (offsetof(owner, member) + 0 * sizeof(char[_Generic(&MEMBER(owner, member), expected * : 1)]))

/* The forms with _AT have the field's number in upstream's protobuf form, and flags. */
#define TEXT_AT(wire_number, json, owner, member, flag)                               \
    {                                                                                 \
        .name = (json), .type = FIELD_TEXT, .flags = (flag), .number = (wire_number), \
        .offset = OFFSET_AS(owner, member, const char *)                              \
    }
#define TEXT_WITH(json, owner, member, flag) TEXT_AT(0, json, owner, member, flag)
#define TEXT(json, owner, member)            TEXT_AT(0, json, owner, member, 0)

#define INTEGER_AT(wire_number, json, owner, member, absent_value, flag)                 \
    {                                                                                    \
        .name = (json), .type = FIELD_INTEGER, .flags = (flag), .number = (wire_number), \
        .offset = OFFSET_AS(owner, member, int64_t), .absent = (absent_value)            \
    }
#define INTEGER_OR(json, owner, member, absent_value, flag) \
    INTEGER_AT(0, json, owner, member, absent_value, flag)
/* Absent and 0 mean the same. */
#define INTEGER(json, owner, member) INTEGER_OR(json, owner, member, 0, 0)
/* Absent differs from 0. */
#define OPTIONAL_INTEGER(json, owner, member) INTEGER_OR(json, owner, member, INTEGER_ABSENT, 0)

#define BOOLEAN_AT(wire_number, json, owner, member, flag)                               \
    {                                                                                    \
        .name = (json), .type = FIELD_BOOLEAN, .flags = (flag), .number = (wire_number), \
        .offset = OFFSET_AS(owner, member, bool)                                         \
    }
#define BOOLEAN(json, owner, member) BOOLEAN_AT(0, json, owner, member, 0)

#define TIME_AT(wire_number, json, owner, member, flag)                               \
    {                                                                                 \
        .name = (json), .type = FIELD_TIME, .flags = (flag), .number = (wire_number), \
        .offset = OFFSET_AS(owner, member, int64_t)                                   \
    }
#define TIME(json, owner, member) TIME_AT(0, json, owner, member, 0)

#define OBJECT_AT(wire_number, json, owner, member, member_schema, flag)                 \
    {                                                                                    \
        .name = (json), .type = FIELD_OBJECT, .flags = (flag), .number = (wire_number),  \
        .offset = offsetof(owner, member), .member_size = sizeof(MEMBER(owner, member)), \
        .schema = &(member_schema)                                                       \
    }
#define OBJECT_WITH(json, owner, member, member_schema, flag) \
    OBJECT_AT(0, json, owner, member, member_schema, flag)
#define OBJECT(json, owner, member, member_schema) \
    OBJECT_WITH(json, owner, member, member_schema, 0)

#define LIST_AT(wire_number, json, owner, member, count_member, item_schema)              \
    {                                                                                     \
        .name = (json), .type = FIELD_LIST, .number = (wire_number),                      \
        .offset = offsetof(owner, member), .member_size = sizeof(*MEMBER(owner, member)), \
        .count_offset = OFFSET_AS(owner, count_member, size_t), .schema = &(item_schema)  \
    }
#define LIST(json, owner, member, count_member, item_schema) \
    LIST_AT(0, json, owner, member, count_member, item_schema)

#define TEXT_LIST(json, owner, member, count_member)           \
    {                                                          \
        .name = (json), .type = FIELD_TEXT_LIST,               \
        .offset = OFFSET_AS(owner, member, const char **),     \
        .count_offset = OFFSET_AS(owner, count_member, size_t) \
    }

#define TEXT_MAP_AT(wire_number, json, owner, member, name_prefix)                   \
    {                                                                                \
        .name = (json), .type = FIELD_TEXT_MAP, .number = (wire_number),             \
        .offset = OFFSET_AS(owner, member, struct text_map), .prefix = (name_prefix) \
    }
#define TEXT_MAP_OF(wire_number, json, owner, member, name_list)                  \
    {                                                                             \
        .name = (json), .type = FIELD_TEXT_MAP, .number = (wire_number),          \
        .offset = OFFSET_AS(owner, member, struct text_map), .names = (name_list) \
    }
#define TEXT_MAP(json, owner, member, name_prefix) TEXT_MAP_AT(0, json, owner, member, name_prefix)

#define RAW(json, owner, member)                                                               \
    {                                                                                          \
        .name = (json), .type = FIELD_RAW, .offset = OFFSET_AS(owner, member, struct raw_json) \
    }

#define CONDITIONS(owner, member) \
    LIST("conditions", owner, member.items, member.count, schema_condition)

#define SCHEMA(variable, struct_type, table)                            \
    const struct schema variable = {.name = #struct_type,               \
                                    .size = sizeof(struct struct_type), \
                                    .fields = (table),                  \
                                    .field_count = sizeof(table) / sizeof((table)[0])}

extern const struct schema schema_meta;
extern const struct schema schema_name_value;
extern const struct schema schema_object_reference;
extern const struct schema schema_cause;
extern const struct schema schema_condition;
extern const struct schema schema_pipeline_spec;

extern const struct schema schema_pipeline;
extern const struct schema schema_pipeline_run;
extern const struct schema schema_model;
extern const struct schema schema_model_version;
extern const struct schema schema_trigger;
extern const struct schema schema_job;
extern const struct schema schema_pod;
extern const struct schema schema_deployment;
extern const struct schema schema_service;
extern const struct schema schema_controller_revision;
extern const struct schema schema_claim;

#endif
