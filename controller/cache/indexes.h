#ifndef TIDEMILL_CACHE_INDEXES_H
#define TIDEMILL_CACHE_INDEXES_H

/*
 * The indexes that the caches keep: which kind, and under which texts an object is found. A new
 * index is a line here and a row in indexes.c. Owners are found by uid, never by labels that a user
 * may change (conformance A8); what only a label ties together, a reader checks for its namespace.
 */

#include "api/codec.h"
#include "core/arena.h"

#include <stddef.h>

enum cache_index {
    INDEX_RUN_BY_PIPELINE,            /* "namespace/pipeline": all runs of it */
    INDEX_UNFINISHED_RUN_BY_PIPELINE, /* "namespace/pipeline": those in no final phase */
    INDEX_RUN_BY_TRIGGER_UID,         /* ANNOTATION_TRIGGER_UID: runs that it started */
    INDEX_JOB_BY_OWNER_UID,           /* uid of the controller owner, here and below */
    INDEX_POD_BY_OWNER_UID,
    INDEX_POD_BY_VERSION_UID, /* LABEL_VERSION_UID */
    INDEX_DEPLOYMENT_BY_OWNER_UID,
    INDEX_SERVICE_BY_OWNER_UID,
    INDEX_REVISION_BY_OWNER_UID,
    INDEX_VERSION_BY_MODEL,           /* "namespace/model" */
    INDEX_TRIGGER_BY_PIPELINE,        /* "namespace/pipeline" */
    INDEX_TRIGGER_BY_SOURCE_PIPELINE, /* "namespace/pipeline": whose runs it waits for */
    INDEX_TRIGGER_BY_SOURCE_MODEL,    /* "namespace/model": whose changes it waits for */
    INDEX_PIPELINE_BY_CLAIM,          /* "namespace/claimName" */
    CACHE_INDEX_COUNT
};

enum { INDEX_KEYS_MAXIMUM = 4 };

/* Texts of one object in one index; may be none. */
struct index_keys {
    const char *items[INDEX_KEYS_MAXIMUM];
    size_t count;
};

struct index_definition {
    enum api_kind kind;
    /* Texts are borrowed from the object or made in `arena`. */
    void (*find_keys)(struct arena *arena, const struct object *object, struct index_keys *keys);
};

/* CACHE_INDEX_COUNT of them, in the order of the enum. */
extern const struct index_definition index_definitions[CACHE_INDEX_COUNT];

#endif
