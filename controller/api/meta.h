#ifndef TIDEMILL_API_META_H
#define TIDEMILL_API_META_H

/*
 * What every object has, and small shapes that several kinds share. All api/ structs are plain data
 * in one arena: text is NUL-terminated, NULL means absent, an absent list has count 0, an absent
 * time is TIME_ABSENT. Nobody but api/ sees JSON.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TIME_ABSENT    INT64_MIN /* of times: unix seconds otherwise */
#define INTEGER_ABSENT INT64_MIN /* of optional integers */

struct name_value {
    const char *name;
    const char *value;
};

/* A JSON object of strings, sorted by name. */
struct text_map {
    struct name_value *items;
    size_t count;
};

/* NULL when absent. */
const char *text_map_get(const struct text_map *map, const char *name);

struct owner_reference {
    const char *api_version;
    const char *kind;
    const char *name;
    const char *uid;
    bool controller;
};

struct meta {
    const char *name;
    const char *namespace;
    const char *uid;
    const char *resource_version;
    int64_t generation;
    int64_t creation_time; /* unix seconds */
    int64_t deletion_time; /* TIME_ABSENT while it lives */
    struct text_map labels;
    struct text_map annotations; /* only those that begin with "tidemill.dev/" are kept */
    struct owner_reference *owners;
    size_t owner_count;
    /*
     * Not of the JSON: why `spec` can't be read ("spec.podDefaults: ..."), when that is so of an
     * object of ours. Metadata and status are as they are, all of `spec` is absent.
     */
    const char *unreadable;
};

/* The owner with controller: true, or NULL. */
const struct owner_reference *meta_controller(const struct meta *meta);

/* ANNOTATION_CHAIN of a run or a version: runs that led to it by triggers; 0: none, or no number.
 */
int64_t meta_chain(const struct meta *meta);

/* True when the controller owner has this uid. */
bool meta_is_controlled_by(const struct meta *meta, const char *uid);

/* A subdocument kept as it is: compact JSON text with sorted keys; NULL when absent. */
struct raw_json {
    const char *text;
};

struct object_reference {
    const char *name;
};

/* Who or what started a run; the version that the run publishes has it too. */
struct cause_spec {
    const char *kind;     /* Manual, Trigger, Backfill */
    const char *name;     /* the Trigger's name */
    const char *revision; /* what the source was at: for schedules the scheduled time */
    const char *message;
};

/* metav1.Condition */
struct condition {
    const char *type;
    const char *status; /* "True", "False", "Unknown" */
    int64_t observed_generation;
    int64_t last_transition_time;
    const char *reason;
    const char *message;
};

struct condition_list {
    struct condition *items;
    size_t count;
};

#endif
